//! What one can see of a worker: [`View`].

use raskt_wire::{TaskUid, WorkerId};

use crate::task::{Phase, State};
use crate::worker::Worker;

/// A worker, to look at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a>(&'a Worker);

/// Where a task stands on a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It is to run, and some inputs are not here.
    Waiting,
    /// It is to run, and waits for a thread.
    Ready,
    /// It is to run, and waits for resources that others hold.
    Constrained,
    /// It has a thread, and its inputs are being read from disk.
    Opening,
    /// It runs.
    Executing,
    /// It runs, and has left its thread to others.
    LongRunning,
    /// It runs, and nobody wants its result any more.
    Cancelled,
    /// Its result is to be fetched.
    Fetch,
    /// Its result is on its way.
    Flight,
    /// Its result is to be fetched, and nobody is known to have it.
    Missing,
    /// Its result is in memory.
    Memory,
    /// Its result is in memory, and being written to disk.
    Spilling,
    /// Its result is on disk.
    Spilled,
    /// Its result is being read from disk.
    Loading,
}

impl Worker {
    /// The worker, to look at.
    pub fn view(&self) -> View<'_> {
        View(self)
    }
}

impl View<'_> {
    /// Its number.
    pub fn id(&self) -> WorkerId {
        self.0.id
    }

    /// Where a task stands; None: it is not known here.
    pub fn status(&self, uid: TaskUid) -> Option<Status> {
        let run = self.0.runs.get(&uid);
        let Some(task) = self.0.tasks.get(&uid) else {
            return run.map(|_| Status::Cancelled);
        };
        let on_thread = run.is_none_or(|run| run.phase == Phase::Thread);
        Some(match task.state {
            State::Waiting => Status::Waiting,
            State::Ready if self.0.queue.is_constrained(task.class) => Status::Constrained,
            State::Ready => Status::Ready,
            State::Opening => Status::Opening,
            State::Running if on_thread => Status::Executing,
            State::Running => Status::LongRunning,
            State::Wanted => Status::Fetch,
            State::Flight(_) => Status::Flight,
            State::Missing => Status::Missing,
            State::Memory => Status::Memory,
            State::Spilling => Status::Spilling,
            State::Disk => Status::Spilled,
            State::Reading => Status::Loading,
        })
    }

    /// All tasks that are known here, in order.
    pub fn tasks(&self) -> Vec<TaskUid> {
        let mut uids: Vec<TaskUid> = self.0.tasks.keys().copied().collect();
        uids.sort_unstable();
        uids
    }

    /// Tasks that run, wanted or not, and for how long, in microseconds.
    pub fn running(&self) -> Vec<(TaskUid, u64)> {
        let started = self.0.runs.iter().filter(|(_, run)| run.phase != Phase::Opening);
        let mut running: Vec<(TaskUid, u64)> =
            started.map(|(uid, run)| (*uid, self.0.now.since(run.started))).collect();
        running.sort_unstable();
        running
    }

    /// Tasks that take a thread.
    pub fn executing(&self) -> usize {
        self.0.busy_threads as usize
    }

    /// Tasks that wait for a thread or for resources.
    pub fn ready(&self) -> usize {
        self.0.queue.len()
    }

    /// Tasks that wait for inputs.
    pub fn waiting(&self) -> usize {
        self.0.waiting
    }

    /// Results that are on their way here.
    pub fn in_flight(&self) -> usize {
        self.0.flights.len()
    }

    /// Peers that are being asked for data.
    pub fn connections(&self) -> usize {
        self.0.connections as usize
    }

    /// Bytes of results in memory.
    pub fn managed_bytes(&self) -> u64 {
        self.0.memory.managed
    }

    /// Bytes of results on disk.
    pub fn spilled_bytes(&self) -> u64 {
        self.0.memory.spilled
    }

    /// Bytes received from peers, in all.
    pub fn received_bytes(&self) -> u64 {
        self.0.received_bytes
    }

    /// Bytes a second in recent transfers; 0: none yet.
    pub fn bandwidth(&self) -> u64 {
        self.0.bandwidth
    }

    /// Does it begin no task for lack of memory?
    pub fn is_paused(&self) -> bool {
        self.0.paused
    }

    /// Does it take no task any more?
    pub fn is_retiring(&self) -> bool {
        self.0.retiring
    }
}
