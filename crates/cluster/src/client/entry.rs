//! What a client knows of one result: [`Entry`].

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use raskt_wire::{Handle, TaskError, WireValue};

use super::Shared;

/// What a client knows of one result that it wants. Shared by all who wait for it here; when the
/// last of them drops it, the scheduler hears that it is not wanted any more.
pub struct Entry {
    handle: Handle,
    key: Arc<str>,
    state: Mutex<State>,
    client: Weak<Shared>,
}

/// Called once with the entry when it has an outcome, on the client's thread.
pub(super) type Callback = Box<dyn FnOnce(&Arc<Entry>) + Send>;

enum State {
    Pending { was_lost: bool, callbacks: Vec<Callback> },
    Done(Outcome),
}

/// What became of a task.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Its result is there.
    Finished {
        /// Its size in memory, where it is.
        nbytes: u64,
        /// The name of its type.
        type_name: Arc<str>,
        /// The result itself, if it is small; else it must be fetched.
        value: Option<WireValue>,
    },
    /// It has no result.
    Failed(Arc<TaskError>),
    /// It was cancelled.
    Cancelled {
        /// What whoever cancelled it said.
        reason: Arc<str>,
    },
    /// The scheduler is gone, or the client closed.
    Broken {
        /// Why.
        reason: Arc<str>,
    },
}

/// The state of a result in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not there yet.
    Pending,
    /// It was there, is lost, and is being computed again.
    Lost,
    /// There.
    Finished,
    /// It will not come: its task failed.
    Failed,
    /// It will not come: nobody computes it.
    Cancelled,
}

impl Entry {
    pub(super) fn new(handle: Handle, key: Arc<str>, client: Weak<Shared>) -> Entry {
        let state = State::Pending { was_lost: false, callbacks: Vec::new() };
        Entry { handle, key, state: Mutex::new(state), client }
    }

    /// The client's number for it.
    pub fn handle(&self) -> Handle {
        self.handle
    }

    /// The key of its task.
    pub fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// Its state in one word.
    pub fn status(&self) -> Status {
        match &*self.state.lock() {
            State::Pending { was_lost: false, .. } => Status::Pending,
            State::Pending { was_lost: true, .. } => Status::Lost,
            State::Done(Outcome::Finished { .. }) => Status::Finished,
            State::Done(Outcome::Failed(_)) => Status::Failed,
            State::Done(Outcome::Cancelled { .. } | Outcome::Broken { .. }) => Status::Cancelled,
        }
    }

    /// Is it not pending?
    pub fn is_done(&self) -> bool {
        matches!(&*self.state.lock(), State::Done(_))
    }

    /// Is it clear that there will be no result?
    pub fn is_without_result(&self) -> bool {
        match &*self.state.lock() {
            State::Pending { .. } | State::Done(Outcome::Finished { .. }) => false,
            State::Done(_) => true,
        }
    }

    /// What became of it; None as long as it is pending.
    pub fn outcome(&self) -> Option<Outcome> {
        match &*self.state.lock() {
            State::Pending { .. } => None,
            State::Done(outcome) => Some(outcome.clone()),
        }
    }

    /// Calls `callback` as soon as there is an outcome: on the client's thread, or here and now
    /// if there is one already. It must be short.
    pub fn on_done(self: &Arc<Entry>, callback: impl FnOnce(&Arc<Entry>) + Send + 'static) {
        if let State::Pending { callbacks, .. } = &mut *self.state.lock() {
            return callbacks.push(Box::new(callback));
        }
        callback(self);
    }

    /// There is an outcome. Gives those who are to hear of it.
    pub(super) fn settle(&self, outcome: Outcome) -> Option<Vec<Callback>> {
        let before = std::mem::replace(&mut *self.state.lock(), State::Done(outcome));
        match before {
            State::Pending { callbacks, .. } if !callbacks.is_empty() => Some(callbacks),
            _ => None,
        }
    }

    /// What was there is not there any more: the result is pending again.
    pub(super) fn reset(&self, lost: bool) {
        let mut state = self.state.lock();
        match &mut *state {
            State::Pending { was_lost, .. } => *was_lost |= lost,
            State::Done(Outcome::Broken { .. }) => {}
            State::Done(_) => {
                *state = State::Pending { was_lost: lost, callbacks: Vec::new() };
            }
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(client) = self.client.upgrade() {
            client.release(self.handle, &self.key);
        }
    }
}
