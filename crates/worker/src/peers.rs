//! Other workers, as sources of data: [`Peer`].

use std::collections::BTreeSet;

use raskt_wire::{TaskUid, WorkerId};

use crate::event::Micros;
use crate::task::Rank;
use crate::worker::Worker;

/// Another worker.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    /// Is it on the same machine?
    pub(crate) is_near: bool,
    /// It has left; kept until the request to it has ended.
    pub(crate) is_gone: bool,
    /// What it has that is to be fetched, most urgent first.
    pub(crate) queue: BTreeSet<(Rank, TaskUid)>,
    /// The request to it that is on its way.
    pub(crate) flight: Option<Flight>,
    /// It was busy or out of reach: not to be asked before then.
    pub(crate) retry_at: Option<Micros>,
}

/// A request for results.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) uids: Vec<TaskUid>,
    pub(crate) nbytes: u64,
}

impl Worker {
    pub(crate) fn on_peer(&mut self, id: WorkerId, host: &str) {
        let is_near = host == &*self.config.host;
        let peer = self.peers.entry(id).or_default();
        peer.is_near = is_near;
        peer.is_gone = false;
    }

    /// What a peer had is to be had elsewhere. A request to it still ends by itself.
    pub(crate) fn on_peer_left(&mut self, id: WorkerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.is_gone = true;
        let wanted: Vec<TaskUid> = peer.queue.iter().map(|(_, uid)| *uid).collect();
        for uid in wanted {
            if self.lose_holder(uid, id) {
                self.ask_now(uid);
            }
        }
        // Those on their way may still come, but not from there again.
        let flight = self.peers.get(&id).and_then(|peer| peer.flight.as_ref());
        let flying = flight.map(|flight| flight.uids.clone());
        for uid in flying.iter().flatten() {
            if let Some(source) = self.tasks.get_mut(uid).and_then(|task| task.source.as_mut()) {
                source.holders.retain(|holder| *holder != id);
            }
        }
        if flying.is_none() {
            self.peers.remove(&id);
        }
    }

    /// When a peer that was busy is to be asked again, if something is wanted from one.
    pub(crate) fn next_peer(&self) -> Option<Micros> {
        let waiting = self.asked_for.iter().filter_map(|id| self.peers.get(id));
        let times = waiting.filter(|peer| peer.flight.is_none()).filter_map(|peer| peer.retry_at);
        // Who may be asked already waits for something else: a connection, or memory.
        times.filter(|at| *at > self.now).min()
    }
}
