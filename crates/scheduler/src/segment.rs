//! The tasks of one submission: [`Segment`], [`Task`].
//!
//! All that is known of a task lies in a few arrays, at its place in the submission. Places are
//! in the static order, so that neighbours in the graph are neighbours in memory.

use std::sync::Arc;

use raskt_wire::{TaskUid, Terms};
use smallvec::SmallVec;

use crate::payloads::Payloads;

/// No place, worker or want.
pub(crate) const NONE: u32 = u32::MAX;
/// Marks an input in another segment; the other bits are the number of the edge to it.
pub(crate) const OUTSIDE: u32 = 1 << 31;

/// What can become of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TaskState {
    /// Known, but nobody needs its result now.
    Released,
    /// Some inputs are not there yet, or it was not placed yet.
    Waiting,
    /// No worker can run it.
    NoWorker,
    /// It can run anywhere, and waits for a free thread.
    Queued,
    /// A worker was told to run it.
    Processing,
    /// Its result is on a worker.
    Memory,
    /// It, or something that it needs, failed.
    Erred,
    /// Nobody knows it any more.
    Forgotten,
}

impl TaskState {
    /// All states, in the order of their numbers.
    pub const ALL: [TaskState; 8] = [
        TaskState::Released,
        TaskState::Waiting,
        TaskState::NoWorker,
        TaskState::Queued,
        TaskState::Processing,
        TaskState::Memory,
        TaskState::Erred,
        TaskState::Forgotten,
    ];

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            TaskState::Released => "released",
            TaskState::Waiting => "waiting",
            TaskState::NoWorker => "no-worker",
            TaskState::Queued => "queued",
            TaskState::Processing => "processing",
            TaskState::Memory => "memory",
            TaskState::Erred => "erred",
            TaskState::Forgotten => "forgotten",
        }
    }

    /// Is it on its way to a result, so that it needs its inputs?
    pub(crate) fn is_active(self) -> bool {
        use TaskState::{NoWorker, Processing, Queued, Waiting};
        matches!(self, Waiting | NoWorker | Queued | Processing)
    }
}

/// What is known of every task, in 40 bytes. What only few have is kept aside by uid.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// The size of the result, once it was there.
    pub(crate) nbytes: u64,
    /// Waiting: how many inputs are not in memory. Memory: the number of the result's type.
    pub(crate) missing: u32,
    /// How often active tasks take it: while above zero its result is needed.
    pub(crate) needed: u32,
    /// How often tasks that are not forgotten take it: while above zero it may have to be
    /// computed again.
    pub(crate) lineage: u32,
    /// Processing: by which worker. Memory: its first holder.
    pub(crate) worker: u32,
    /// Its place in that worker's list of those; NoWorker: in the list of such tasks.
    pub(crate) place: u32,
    /// The first of those who want it.
    pub(crate) want: u32,
    /// Its kind, in the segment.
    pub(crate) kind: u32,
    /// How often it was given to a worker. Reports of other tries are stale.
    pub(crate) attempt: u16,
    /// Bits of [`flag`].
    pub(crate) flags: u8,
    pub(crate) state: TaskState,
}

const _: () = assert!(size_of::<Task>() == 40);

/// What [`Task::flags`] says.
pub(crate) mod flag {
    /// Many tasks like it take few inputs: it can be queued, and run anywhere.
    pub(crate) const ROOT: u8 = 1;
    /// Waiting for its place only: it is in the list of ready tasks.
    pub(crate) const READY: u8 = 2;
    /// It has no function; its result was brought by a client.
    pub(crate) const DATA: u8 = 4;
    /// Its worker was asked to give it back.
    pub(crate) const RETRACTING: u8 = 8;
    /// It left its thread and goes on beside others.
    pub(crate) const LONG_RUNNING: u8 = 16;
    /// There is an entry in the map of troubles.
    pub(crate) const TROUBLED: u8 = 32;
    /// Somebody's question waits for it.
    pub(crate) const WATCHED: u8 = 64;
    /// Workers were lost while they had it to run: it runs alone among such.
    pub(crate) const SUSPECT: u8 = 128;
}

impl Task {
    pub(crate) fn new(kind: u32, flags: u8) -> Task {
        Task {
            nbytes: 0,
            missing: 0,
            needed: 0,
            lineage: 0,
            worker: NONE,
            place: NONE,
            want: NONE,
            kind,
            attempt: 0,
            flags,
            state: TaskState::Released,
        }
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(crate) fn set(&mut self, flag: u8, on: bool) {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
    }

    /// Data that was lost or never brought stands for its name only until that is defined.
    pub(crate) fn may_lose_name(&self) -> bool {
        let is_lost = match self.state {
            TaskState::Erred => true,
            TaskState::Released => !self.is_needed(),
            _ => false,
        };
        is_lost && self.has(flag::DATA)
    }

    pub(crate) fn is_needed(&self) -> bool {
        self.needed > 0 || self.want != NONE
    }
}

/// What many tasks of a segment have in common.
#[derive(Debug)]
pub(crate) struct Kind {
    /// In the table of groups.
    pub(crate) group: u32,
    /// In the segment's terms.
    pub(crate) terms: u32,
    /// In the table of blobs.
    pub(crate) blobs: SmallVec<[u32; 2]>,
    /// How many of its tasks are not forgotten.
    pub(crate) alive: u32,
}

/// The tasks of one submission.
#[derive(Debug, Default)]
pub(crate) struct Segment {
    /// When it came, compared with others: lower runs first.
    pub(crate) generation: u64,
    /// How many of its tasks are not forgotten.
    pub(crate) alive: u32,
    pub(crate) tasks: Vec<Task>,
    pub(crate) keys: Vec<Arc<str>>,
    /// Where the inputs of each task end in `inputs`.
    pub(crate) input_ends: Vec<u32>,
    /// Places here, or [`OUTSIDE`] and an edge.
    pub(crate) inputs: Vec<u32>,
    /// Where the consumers of each task in this segment end in `consumers`.
    pub(crate) consumer_ends: Vec<u32>,
    pub(crate) consumers: Vec<u32>,
    /// The first edge to a consumer in another segment, by place; empty while there is none.
    pub(crate) later: Vec<u32>,
    pub(crate) payloads: Payloads,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) terms: Vec<Terms>,
}

impl Segment {
    /// The part of `inputs` that is the task's.
    pub(crate) fn inputs_of(&self, index: u32) -> &[u32] {
        row(&self.input_ends, &self.inputs, index)
    }

    pub(crate) fn consumers_of(&self, index: u32) -> &[u32] {
        row(&self.consumer_ends, &self.consumers, index)
    }

    pub(crate) fn kind(&self, index: u32) -> &Kind {
        &self.kinds[self.tasks[index as usize].kind as usize]
    }

    pub(crate) fn terms(&self, index: u32) -> &Terms {
        &self.terms[self.kind(index).terms as usize]
    }

    /// Fills in `consumers` from `inputs`.
    pub(crate) fn link_consumers(&mut self) {
        let mut ends = vec![0u32; self.tasks.len()];
        for input in self.inputs.iter().filter(|input| **input & OUTSIDE == 0) {
            ends[*input as usize] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        self.consumers = vec![0; sum as usize];
        // From the back, so that each row ends up in order and `ends` as starts.
        let mut starts = ends.clone();
        for index in (0..self.tasks.len() as u32).rev() {
            for input in row(&self.input_ends, &self.inputs, index).iter().rev() {
                if input & OUTSIDE == 0 {
                    let start = &mut starts[*input as usize];
                    *start -= 1;
                    self.consumers[*start as usize] = index;
                }
            }
        }
        self.consumer_ends = ends;
    }

    /// What it takes in memory, keys included and payloads not.
    pub(crate) fn bytes(&self) -> usize {
        // A shared text has two counts before it.
        let key_bytes = |key: &Arc<str>| key.len().next_multiple_of(8) + 16;
        let u32s = [&self.input_ends, &self.inputs, &self.consumer_ends, &self.consumers];
        size_of::<Segment>()
            + self.tasks.capacity() * size_of::<Task>()
            + self.keys.capacity() * size_of::<Arc<str>>()
            + self.keys.iter().map(key_bytes).sum::<usize>()
            + u32s.iter().map(|v| v.capacity() * 4).sum::<usize>()
            + self.later.capacity() * 4
            + self.payloads.overhead_bytes()
            + self.kinds.capacity() * size_of::<Kind>()
    }
}

fn row<'a>(ends: &[u32], all: &'a [u32], index: u32) -> &'a [u32] {
    let start = index.checked_sub(1).map_or(0, |before| ends[before as usize]);
    &all[start as usize..ends[index as usize] as usize]
}

/// A use of a result by a task of another segment.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub(crate) input: TaskUid,
    pub(crate) consumer: TaskUid,
    /// Others of the same input.
    pub(crate) previous: u32,
    pub(crate) next: u32,
}
