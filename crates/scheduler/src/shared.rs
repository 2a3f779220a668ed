//! What clients and tasks share by name: semaphores, locks, flags, queues, variables, data
//! sets, metadata and topics. Each has a file.
//!
//! Whoever has to wait for one of them is a [`Waiter`]; the structure that it waits at keeps
//! its number in a line. Numbers are not used again, so that one that has gone (its time was
//! up, or it left) is simply skipped.

pub(crate) mod datasets;
pub(crate) mod flags;
pub(crate) mod locks;
pub(crate) mod metadata;
pub(crate) mod passing;
pub(crate) mod queues;
pub(crate) mod semaphores;
pub(crate) mod topics;
pub(crate) mod variables;

use std::collections::BTreeMap;
use std::sync::Arc;

use raskt_wire::{Answer, RequestError, SharedQuestion};

use crate::questions::{Asker, Origin, Outcome};
use crate::scheduler::Scheduler;
use crate::timers::{Timer, TimerId};

/// Everything that is shared.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) semaphores: semaphores::Semaphores,
    pub(crate) locks: locks::Locks,
    pub(crate) flags: flags::Flags,
    pub(crate) queues: queues::Queues,
    pub(crate) variables: variables::Variables,
    pub(crate) datasets: datasets::Datasets,
    pub(crate) metadata: metadata::Metadata,
    pub(crate) topics: topics::Topics,
    pub(crate) passing: passing::Passing,
    waiters: BTreeMap<u64, Waiter>,
    count: u64,
}

/// Somebody who waits for something shared.
#[derive(Debug)]
pub(crate) struct Waiter {
    from: Origin,
    timer: Option<TimerId>,
    at: At,
}

/// What somebody waits at, and so what is said when time is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// The answer is no then.
    YesOrNo,
    /// The same, and the claims of this owner go.
    Locks(Arc<str>),
    /// That is an error then, which says what it waited for.
    Thing(String),
}

impl Shared {
    /// Results are gone; what refers to them refers to nothing.
    pub(crate) fn forget_results(&mut self) {
        self.queues.forget_results();
        self.variables.forget_results();
        self.datasets.forget_results();
        self.passing.clear();
    }

    pub(crate) fn is_waiting(&self, number: u64) -> bool {
        self.waiters.contains_key(&number)
    }

    pub(crate) fn waiters(&self) -> usize {
        self.waiters.len()
    }
}

impl Scheduler {
    pub(crate) fn ask_shared(&mut self, from: Origin, question: SharedQuestion) -> Outcome {
        use SharedQuestion as Q;
        let answer = match question {
            Q::SemaphoreOpen { name, leases } => self.semaphore_open(name, leases)?,
            Q::SemaphoreAcquire { name, lease, timeout_us } => {
                return self.semaphore_acquire(from, &name, lease, timeout_us);
            }
            Q::SemaphoreRelease { name, lease } => self.semaphore_release(&name, &lease),
            Q::SemaphoreRefresh { name, leases } => self.semaphore_refresh(&name, &leases),
            Q::SemaphoreValue(name) => self.shared.semaphores.value(&name)?,
            Q::SemaphoreClose(name) => self.semaphore_close(&name),
            Q::MultiLockAcquire { names, owner, count, timeout_us } => {
                return self.locks_acquire(from, names, owner, count, timeout_us);
            }
            Q::MultiLockRelease { names, owner } => self.locks_release(&names, &owner),
            Q::FlagWait { name, timeout_us } => {
                return Ok(self.flag_wait(from, name, timeout_us));
            }
            Q::FlagSet(name, on) => self.flag_set(name, on),
            Q::FlagGet(name) => Answer::Bool(self.shared.flags.is_set(&name)),
            Q::QueueOpen { name, capacity } => self.shared.queues.open(name, capacity),
            Q::QueuePut { name, item, timeout_us } => {
                return self.queue_put(from, &name, item, timeout_us);
            }
            Q::QueueGet { name, batch, timeout_us } => {
                return self.queue_get(from, &name, batch, timeout_us);
            }
            Q::QueueSize(name) => self.shared.queues.size(&name)?,
            Q::QueueClose(name) => self.queue_close(&name),
            Q::VariableSet(name, item) => self.variable_set(name, item),
            Q::VariableGet { name, timeout_us } => {
                return Ok(self.variable_get(from, name, timeout_us));
            }
            Q::VariableDelete(name) => self.variable_delete(&name),
            Q::DatasetPut { name, item, replace } => self.dataset_put(name, item, replace)?,
            Q::DatasetGet(name) => self.shared.datasets.get(&name)?,
            Q::DatasetDelete(name) => self.dataset_delete(&name)?,
            Q::DatasetList => self.shared.datasets.names(),
            Q::MetadataSet(path, value) => self.shared.metadata.set(path, value),
            Q::MetadataGet(path) => self.shared.metadata.get(&path)?,
            Q::EventLog(topic, payload) => self.event_log(topic, payload),
            Q::EventsOf(topic) => self.shared.topics.events(&topic),
            Q::Topics => self.shared.topics.names(),
            Q::Listen(topic, on) => self.listen(from, topic, on)?,
        };
        Ok(Some(answer))
    }

    /// Lets somebody wait; gives the number for the line.
    pub(crate) fn wait_at(&mut self, from: Origin, at: At, timeout_us: Option<u64>) -> u64 {
        self.shared.count += 1;
        let number = self.shared.count;
        let due = |us| self.timers.add(self.now.after(us), Timer::Waiter(number));
        let timer = timeout_us.map(due);
        self.shared.waiters.insert(number, Waiter { from, timer, at });
        number
    }

    /// Answers somebody who waits; says whether that one was still there.
    pub(crate) fn answer_waiter(
        &mut self,
        number: u64,
        answer: Result<Answer, RequestError>,
    ) -> bool {
        let Some(waiter) = self.shared.waiters.remove(&number) else { return false };
        if let Some(timer) = waiter.timer {
            self.timers.cancel(timer);
        }
        self.reply(waiter.from, answer);
        true
    }

    /// Who waits by this number, if that one is still there.
    pub(crate) fn waiting_asker(&self, number: u64) -> Option<Asker> {
        self.shared.waiters.get(&number).map(|waiter| waiter.from.0)
    }

    pub(crate) fn waiter_is_late(&mut self, number: u64) {
        let Some(waiter) = self.shared.waiters.get(&number) else { return };
        match waiter.at.clone() {
            At::YesOrNo => {
                self.answer_waiter(number, Ok(Answer::Bool(false)));
            }
            At::Locks(owner) => {
                self.answer_waiter(number, Ok(Answer::Bool(false)));
                self.locks_give_up(&owner);
            }
            At::Thing(what) => {
                let error = RequestError::Timeout(format!("{what} in time"));
                self.answer_waiter(number, Err(error));
            }
        }
    }

    /// Somebody has gone, who waits for nothing any more.
    pub(crate) fn shared_asker_left(&mut self, asker: Asker) {
        let waiters = self.shared.waiters.iter();
        let gone: Vec<u64> =
            waiters.filter(|(_, waiter)| waiter.from.0 == asker).map(|(n, _)| *n).collect();
        for number in gone {
            let Some(waiter) = self.shared.waiters.remove(&number) else { continue };
            if let Some(timer) = waiter.timer {
                self.timers.cancel(timer);
            }
            if let At::Locks(owner) = waiter.at {
                self.locks_give_up(&owner);
            }
        }
    }
}

/// The error for a name that nothing has.
pub(crate) fn no_such(what: &str, name: &str) -> RequestError {
    RequestError::NotFound(format!("there is no {what} {name:?}"))
}
