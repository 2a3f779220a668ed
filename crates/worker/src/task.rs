//! What a worker knows of one task: [`Task`], its [`State`], and a [`Run`] of it.

use std::sync::Arc;

use raskt_wire::{Order, Priority, TaskUid, WorkerId};

use crate::event::Micros;

/// A task that is to run here, or whose result is here or to be fetched.
///
/// It is kept while the scheduler counts on it or a task here uses it. A thread that runs it is
/// a [`Run`] of its own, since it goes on when nobody wants the result any more.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) state: State,
    /// Does the scheduler know of it here? Then it says when it may go.
    pub(crate) claimed: bool,
    /// Was the scheduler told that this copy stays, against its will?
    pub(crate) kept: bool,
    pub(crate) actor: bool,
    /// Writing it to disk has failed, and would again.
    pub(crate) unspillable: bool,
    /// The newest try that was ordered; None: it was never ordered, only fetched or brought.
    pub(crate) attempt: Option<u32>,
    /// In [`State::Waiting`] and [`State::Opening`], how many inputs are yet to come.
    pub(crate) missing: u32,
    /// The row of its resources in the queue.
    pub(crate) class: u32,
    /// How many inputs of ordered tasks it is.
    pub(crate) users: u32,
    /// How many of these tasks have a thread.
    pub(crate) pins: u32,
    pub(crate) nbytes: u64,
    /// What it takes on disk.
    pub(crate) disk_bytes: u64,
    /// When it was last used, as a count; its place among what may be spilled.
    pub(crate) used: u64,
    /// When it was ordered, and how long its inputs then took.
    pub(crate) ordered: Micros,
    pub(crate) transfer_us: u64,
    /// The order, until it is run.
    pub(crate) order: Option<Box<Order>>,
    /// Whose results the order uses, until it is done.
    pub(crate) inputs: Vec<TaskUid>,
    /// Names one wait for inputs; others are over.
    pub(crate) ticket: u64,
    /// Who waits for this result, by ticket. Some may do so no more.
    pub(crate) wake: Vec<(TaskUid, u64)>,
    /// From where to fetch it, while it is not here.
    pub(crate) source: Option<Box<Source>>,
    pub(crate) type_name: Option<Arc<str>>,
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Ordered; some inputs are not here.
    Waiting,
    /// Ordered; its inputs are here, in memory or on disk, and it is in the queue.
    Ready,
    /// It has a thread, and its inputs are being read from disk.
    Opening,
    /// It runs.
    Running,
    /// To be fetched from one of those who have it.
    Wanted,
    /// Being fetched from this peer.
    Flight(WorkerId),
    /// To be fetched; nobody is known to have it.
    Missing,
    /// Here.
    Memory,
    /// Here, and being written to disk.
    Spilling,
    /// On disk.
    Disk,
    /// On disk, and being read.
    Reading,
}

impl State {
    pub(crate) fn is_order(self) -> bool {
        matches!(self, State::Waiting | State::Ready | State::Opening | State::Running)
    }

    /// Has the task's result been computed or fetched?
    pub(crate) fn is_here(self) -> bool {
        matches!(self, State::Memory | State::Spilling | State::Disk | State::Reading)
    }

    pub(crate) fn is_elsewhere(self) -> bool {
        matches!(self, State::Wanted | State::Flight(_) | State::Missing)
    }
}

/// From where a result can be fetched, and how urgently.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) holders: Vec<WorkerId>,
    pub(crate) rank: Rank,
}

/// Which result is fetched first, lower first: those that tasks wait for, by the most urgent
/// of these; then copies that are made in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    Needed(Priority),
    Background,
}

/// A thread that runs a task, or is about to.
#[derive(Debug)]
pub(crate) struct Run {
    /// The try that was begun. The result counts for the newest one.
    pub(crate) attempt: u32,
    pub(crate) class: u32,
    pub(crate) phase: Phase,
    pub(crate) started: Micros,
}

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It has a thread; its inputs are being read.
    Opening,
    /// It runs on a thread that counts.
    Thread,
    /// It has left its thread to others.
    Seceded,
    /// It waits for a thread to go on.
    Rejoining,
}

impl Phase {
    /// Does it take one of the worker's threads?
    pub(crate) fn is_on_thread(self) -> bool {
        matches!(self, Phase::Opening | Phase::Thread)
    }
}

impl Task {
    /// A task that nothing is known of yet.
    pub(crate) fn new(state: State) -> Task {
        Task {
            state,
            claimed: false,
            kept: false,
            actor: false,
            unspillable: false,
            attempt: None,
            missing: 0,
            class: 0,
            users: 0,
            pins: 0,
            nbytes: 0,
            disk_bytes: 0,
            used: 0,
            ordered: Micros(0),
            transfer_us: 0,
            order: None,
            inputs: Vec::new(),
            ticket: 0,
            wake: Vec::new(),
            source: None,
            type_name: None,
        }
    }

    pub(crate) fn may_spill(&self) -> bool {
        self.state == State::Memory && self.pins == 0 && !self.actor && !self.unspillable
    }
}
