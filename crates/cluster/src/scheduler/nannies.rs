//! What nannies know of the ends of workers: [`Nannies`].

use std::sync::Arc;
use std::time::Duration;

use raskt_graph::hash::Map;
use raskt_wire::{ToNanny, WorkerHello, WorkerId};

use crate::net::Outbox;

/// How long a nanny may take to say how a lost worker ended.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// The nannies that are here, and their workers.
#[derive(Default)]
pub(super) struct Nannies {
    outboxes: Map<Arc<str>, Outbox>,
    workers: Map<WorkerId, Ward>,
    /// Ends that nannies told before the connection of the worker broke.
    ends: Map<(Arc<str>, u32), Arc<str>>,
}

struct Ward {
    nanny: Arc<str>,
    pid: u32,
    /// The connection broke, for this reason.
    lost: Option<Arc<str>>,
}

impl Nannies {
    pub(super) fn joined(&mut self, nanny: Arc<str>, outbox: Outbox) {
        self.outboxes.insert(nanny, outbox);
    }

    pub(super) fn worker_joined(&mut self, id: WorkerId, hello: &WorkerHello) {
        if !hello.nanny.is_empty() {
            let nanny = hello.nanny.clone();
            self.workers.insert(id, Ward { nanny, pid: hello.pid, lost: None });
        }
    }

    /// A worker's connection broke. How it ended, unless its nanny is to be heard first.
    pub(super) fn lost(&mut self, id: WorkerId, cause: Arc<str>) -> Option<Arc<str>> {
        let Some(ward) = self.workers.get_mut(&id) else { return Some(cause) };
        if let Some(ending) = self.ends.remove(&(ward.nanny.clone(), ward.pid)) {
            return Some(ending);
        }
        if !self.outboxes.contains_key(&ward.nanny) {
            return Some(cause);
        }
        ward.lost = Some(cause);
        None
    }

    /// A nanny says how a process ended: the worker that is to leave now for that reason. One
    /// whose connection is still there may have sent something.
    pub(super) fn ended(
        &mut self,
        nanny: &Arc<str>,
        pid: u32,
        ending: Arc<str>,
    ) -> Option<WorkerId> {
        let (id, ward) =
            self.workers.iter().find(|(_, ward)| ward.pid == pid && ward.nanny == *nanny)?;
        if ward.lost.is_some() {
            return Some(*id);
        }
        self.ends.insert((nanny.clone(), pid), ending);
        None
    }

    /// A nanny is gone: workers that waited for its word.
    pub(super) fn left(&mut self, nanny: &str) -> Vec<(WorkerId, Arc<str>)> {
        self.outboxes.remove(nanny);
        let mut waiting: Vec<_> = self
            .workers
            .iter()
            .filter(|(_, ward)| &*ward.nanny == nanny)
            .filter_map(|(id, ward)| Some((*id, ward.lost.clone()?)))
            .collect();
        waiting.sort_by_key(|(id, _)| *id);
        waiting
    }

    /// Time is up: why a worker is gone, if its nanny still has not said so.
    pub(super) fn overdue(&mut self, id: WorkerId) -> Option<Arc<str>> {
        self.workers.get(&id)?.lost.clone()
    }

    pub(super) fn forget(&mut self, id: WorkerId) {
        if let Some(ward) = self.workers.remove(&id) {
            self.ends.remove(&(ward.nanny, ward.pid));
        }
    }

    /// Asks the nanny of a worker to start it anew. False if it has none.
    pub(super) fn restart(&self, id: WorkerId, reason: &str) -> bool {
        let Some(ward) = self.workers.get(&id) else { return false };
        let Some(outbox) = self.outboxes.get(&ward.nanny) else { return false };
        outbox.send(ToNanny::Restart { pid: ward.pid, reason: reason.into() });
        true
    }

    /// Tells all that it is over.
    pub(super) fn close(self, reason: &Arc<str>) -> Vec<Outbox> {
        let mut outboxes: Vec<_> = self.outboxes.into_iter().collect();
        outboxes.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (_, outbox) in &outboxes {
            outbox.send(ToNanny::Close { reason: reason.clone() });
        }
        outboxes.into_iter().map(|(_, outbox)| outbox).collect()
    }
}
