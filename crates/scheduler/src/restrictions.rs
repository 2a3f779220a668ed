//! Which workers may run a task (by name and by what resources they have), and the tasks that
//! no worker can run now.

use std::sync::Arc;

use raskt_wire::{Cause, TaskError, TaskUid, Terms};

use crate::event::Micros;
use crate::scheduler::Scheduler;
use crate::segment::{TaskState, flag};
use crate::story::Reason;
use crate::timers::Timer;
use crate::workers::Worker;

/// The workers that tasks with the same terms may run on, as long as nothing changes.
#[derive(Debug, Default)]
pub(crate) struct AllowedCache {
    /// Segment, terms, and the version of the workers.
    of: Option<(u32, u32, u64)>,
    workers: Arc<[u32]>,
}

/// A task that no worker can run, and since when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unrunnable {
    pub(crate) uid: TaskUid,
    pub(crate) since: Micros,
}

/// Do these terms leave out some workers?
pub(crate) fn are_restricted(terms: &Terms) -> bool {
    !terms.workers.is_empty() || !terms.resources.is_empty()
}

fn has_resources(worker: &Worker, terms: &Terms) -> bool {
    let has = |name: &str, amount: f64| worker.resources.get(name).is_some_and(|n| *n >= amount);
    terms.resources.iter().all(|(name, amount)| has(name, *amount))
}

impl Scheduler {
    /// The running workers that may run the task; None: all.
    pub(crate) fn allowed(&mut self, uid: TaskUid) -> Option<Arc<[u32]>> {
        let segment = self.tasks.segment(uid.segment);
        let number = segment.kind(uid.index).terms;
        let terms = &segment.terms[number as usize];
        if !are_restricted(terms) {
            return None;
        }
        let of = Some((uid.segment, number, self.workers_version));
        if self.allowed_cache.of != of {
            let workers = self.workers_for(terms);
            self.allowed_cache = AllowedCache { of, workers: workers.into() };
        }
        Some(self.allowed_cache.workers.clone())
    }

    fn workers_for(&self, terms: &Terms) -> Vec<u32> {
        let can = |number: &u32| {
            self.workers.get(*number).is_some_and(|worker| has_resources(worker, terms))
        };
        let named = self.workers.called(&terms.workers);
        let is_named = |number: &u32| terms.workers.is_empty() || named.contains(number);
        let running = &self.workers.running;
        let workers: Vec<u32> = running.iter().filter(is_named).filter(can).collect();
        if workers.is_empty() && terms.allow_other_workers {
            return running.iter().filter(can).collect();
        }
        workers
    }

    /// No worker can run it now: it waits until that changes.
    pub(crate) fn join_unrunnable(&mut self, uid: TaskUid) {
        let task = self.tasks.task_mut(uid);
        task.place = self.unrunnable.len() as u32;
        self.suspects_waiting += u32::from(task.has(flag::SUSPECT));
        self.unrunnable.push(Unrunnable { uid, since: self.now });
        self.set_state(uid, TaskState::NoWorker, Reason::NobodyCan);
        if let Some(timeout) = self.config.no_workers_timeout_us {
            self.timers.arm(self.now.after(timeout), Timer::CheckUnrunnable);
        }
    }

    pub(crate) fn leave_unrunnable(&mut self, uid: TaskUid) {
        let task = self.tasks.task(uid);
        let place = task.place as usize;
        self.suspects_waiting -= u32::from(task.has(flag::SUSPECT));
        self.unrunnable.swap_remove(place);
        if let Some(moved) = self.unrunnable.get(place).map(|moved| moved.uid) {
            self.tasks.task_mut(moved).place = place as u32;
        }
    }

    /// Something about workers has changed: tries to place what could not be placed.
    pub(crate) fn retry_unrunnable(&mut self) {
        if !std::mem::take(&mut self.retry_unrunnable) || self.workers.running.is_empty() {
            return;
        }
        let since: Vec<Unrunnable> = self.unrunnable.clone();
        for Unrunnable { uid, .. } in &since {
            self.pull_back(*uid);
            self.make_ready(*uid);
        }
        self.place_ready();
        // Those that still can not be placed have waited from the first time on.
        for before in since {
            let Some(task) = self.tasks.find(before.uid) else { continue };
            if task.state == TaskState::NoWorker {
                let place = task.place as usize;
                self.unrunnable[place].since = before.since;
            }
        }
    }

    /// Tasks that have waited too long for a worker fail.
    pub(crate) fn check_unrunnable(&mut self) {
        let Some(timeout) = self.config.no_workers_timeout_us else { return };
        let is_late = |since: Micros| self.now.since(since) >= timeout;
        let mut late: Vec<TaskUid> =
            self.unrunnable.iter().filter(|u| is_late(u.since)).map(|u| u.uid).collect();
        if self.no_worker_since.is_some_and(is_late) {
            late.extend(self.queue.iter());
        }
        for uid in late {
            if self.tasks.find(uid).is_some_and(|task| task.state.is_active()) {
                let error = self.no_worker_error(uid);
                self.fail(uid, Arc::new(error));
            }
        }
        let first = self.unrunnable.iter().map(|u| u.since).chain(self.no_worker_since).min();
        if let Some(first) = first.filter(|_| self.has_waiting_for_workers()) {
            self.timers.arm(first.after(timeout).max(self.now.after(1)), Timer::CheckUnrunnable);
        }
    }

    fn has_waiting_for_workers(&self) -> bool {
        !self.unrunnable.is_empty() || self.queue.len() > 0
    }

    fn no_worker_error(&self, uid: TaskUid) -> TaskError {
        let terms = self.tasks.terms(uid);
        let text = if self.workers.len() == 0 {
            "there is no worker; start one, or wait longer".to_string()
        } else if are_restricted(terms) {
            format!(
                "no worker has what it asks for: workers {:?}, resources {:?}",
                terms.workers, terms.resources
            )
        } else {
            "no worker takes tasks; they are paused, retiring, or busy with others".to_string()
        };
        let cause = Cause::NoWorker { text: text.into() };
        let key = self.tasks.key(uid).clone();
        TaskError { key, function: self.group_name(uid), worker: "".into(), cause }
    }
}
