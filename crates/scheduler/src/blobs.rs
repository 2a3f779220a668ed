//! Bytes that tasks share: [`Blobs`].

use raskt_graph::hash::Map;
use raskt_wire::{Blob, BlobId};

use crate::rank_set::RankSet;
use crate::slab::Slab;

/// All shared bytes that some task may still need, and which workers have them.
#[derive(Debug, Default)]
pub(crate) struct Blobs {
    slab: Slab<Entry>,
    by_id: Map<BlobId, u32>,
}

#[derive(Debug)]
struct Entry {
    blob: Blob,
    /// How many kinds of tasks need it.
    uses: u32,
    workers: RankSet,
}

impl Blobs {
    /// Counts one more kind of tasks that needs it.
    pub(crate) fn acquire(&mut self, blob: &Blob) -> u32 {
        if let Some(number) = self.by_id.get(&blob.id) {
            self.slab[*number].uses += 1;
            return *number;
        }
        let entry = Entry { blob: blob.clone(), uses: 1, workers: RankSet::default() };
        let number = self.slab.insert(entry);
        self.by_id.insert(blob.id, number);
        number
    }

    /// Counts one less; if it was the last, gives the workers that can forget it.
    pub(crate) fn release(&mut self, number: u32) -> Option<(BlobId, Vec<u32>)> {
        let entry = &mut self.slab[number];
        entry.uses -= 1;
        if entry.uses > 0 {
            return None;
        }
        let entry = self.slab.remove(number)?;
        self.by_id.remove(&entry.blob.id);
        Some((entry.blob.id, entry.workers.iter().collect()))
    }

    pub(crate) fn id(&self, number: u32) -> BlobId {
        self.slab[number].blob.id
    }

    /// What is to be sent to the worker, if it has not got it; from now on it has.
    pub(crate) fn send(&mut self, number: u32, worker: u32) -> Option<Blob> {
        let entry = &mut self.slab[number];
        entry.workers.insert(worker).then(|| entry.blob.clone())
    }

    pub(crate) fn worker_left(&mut self, worker: u32) {
        let numbers: Vec<u32> = self.slab.iter().map(|(number, _)| number).collect();
        for number in numbers {
            self.slab[number].workers.remove(worker);
        }
    }

    /// How many there are, and how many times kinds need them.
    pub(crate) fn uses(&self) -> (usize, u64) {
        let uses = self.slab.iter().map(|(_, entry)| u64::from(entry.uses)).sum();
        (self.slab.len(), uses)
    }
}
