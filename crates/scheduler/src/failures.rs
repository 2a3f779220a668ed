//! Tasks that fail or lose their workers: who may try again, and who is to blame.
//!
//! A worker that ends without a word may have been killed by a task that it ran. Which one is
//! not known, so all that it had are suspects, and from then on run apart from each other: the
//! next time it is clear. One that has lost more workers than is allowed fails.

use std::sync::Arc;

use raskt_wire::{Cause, TaskError, TaskUid};

use crate::scheduler::Scheduler;
use crate::segment::{TaskState, flag};

/// What went wrong with a task so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// How often it was tried again after an error of its own.
    pub(crate) retries: u32,
    /// How many workers were lost that had it.
    pub(crate) deaths: u32,
}

impl Scheduler {
    /// Counts an error; says whether the task may try again.
    pub(crate) fn may_try_again(&mut self, uid: TaskUid) -> bool {
        let allowed = self.tasks.terms(uid).retries;
        let trouble = self.troubles.get(&uid).copied().unwrap_or_default();
        if trouble.retries >= allowed {
            return false;
        }
        self.tasks.task_mut(uid).set(flag::TROUBLED, true);
        self.troubles.insert(uid, Trouble { retries: trouble.retries + 1, ..trouble });
        true
    }

    /// Which tasks may have killed this worker: what was a suspect already, or else all that
    /// may have run.
    pub(crate) fn blamed(&self, worker: u32) -> Vec<TaskUid> {
        let Some(worker) = self.workers.get(worker) else { return Vec::new() };
        let all = worker.processing.iter().map(|charged| charged.uid);
        if worker.suspects == 0 {
            return all.collect();
        }
        all.filter(|uid| self.tasks.task(*uid).has(flag::SUSPECT)).collect()
    }

    /// The task has lost a worker. It is not on its books any more.
    pub(crate) fn blame(&mut self, uid: TaskUid, worker: &Arc<str>, ending: &Arc<str>) {
        let Some(task) = self.tasks.find(uid) else { return };
        if task.state != TaskState::Waiting {
            return;
        }
        let task = self.tasks.task_mut(uid);
        task.set(flag::TROUBLED | flag::SUSPECT, true);
        let trouble = self.troubles.entry(uid).or_default();
        trouble.deaths += 1;
        let deaths = trouble.deaths;
        if deaths > self.config.allowed_failures {
            let cause = Cause::KilledWorkers { ending: ending.clone(), workers: deaths };
            let key = self.tasks.key(uid).clone();
            let function = self.group_name(uid);
            let error = TaskError { key, function, worker: worker.clone(), cause };
            self.fail(uid, Arc::new(error));
        }
    }

    /// A task succeeded: whatever was wrong before is forgotten.
    pub(crate) fn clear_trouble(&mut self, uid: TaskUid) {
        let task = self.tasks.task_mut(uid);
        if task.has(flag::TROUBLED) {
            task.set(flag::TROUBLED | flag::SUSPECT, false);
            self.troubles.remove(&uid);
        }
    }
}
