//! Workers that are to go without loss: what only they hold is copied elsewhere first.
//!
//! A retiring worker takes no tasks, gives back what it has not begun, and serves its data. It
//! is done when each of its results is somewhere else too. If there is nowhere to copy them, or
//! it has actors, it stays and takes tasks again.

use std::collections::BTreeSet;
use std::sync::Arc;

use raskt_wire::{Answer, TaskUid, ToWorker, WorkerStatus};

use crate::questions::{Origin, Until};
use crate::scheduler::Scheduler;

/// What is to become of a worker when nothing is left that only it holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retirement {
    close: bool,
    remove: bool,
}

impl Scheduler {
    /// Retires workers by name, or so many of the least busy ones. The answer names those that
    /// are gone.
    pub(crate) fn retire(
        &mut self,
        from: Origin,
        names: &[Arc<str>],
        count: u32,
        close: bool,
        remove: bool,
    ) -> Option<Answer> {
        let left: BTreeSet<u32> = if names.is_empty() {
            self.workers_to_close(count, 0).into_iter().collect()
        } else {
            self.workers.called(names)
        };
        if left.is_empty() {
            return Some(Answer::Names(Vec::new()));
        }
        let until = Until::Retired { left: left.clone(), gone: Vec::new() };
        self.defer(from, until, None);
        for number in &left {
            let Some(worker) = self.workers.get_mut(*number) else { continue };
            worker.status = WorkerStatus::Retiring;
            self.retirements.insert(*number, Retirement { close, remove });
            self.worker_changed(*number, "it is to retire");
            self.workers.post(*number, ToWorker::Retiring(true));
            self.retract_all(*number);
        }
        self.check_retirements();
        None
    }

    /// Has copies made of what only retiring workers hold, and lets those go that are done.
    pub(crate) fn check_retirements(&mut self) {
        let retiring: Vec<u32> = self.retirements.keys().copied().collect();
        for number in retiring {
            let Some(worker) = self.workers.get(number) else { continue };
            let (has_actors, holds) = (worker.actors > 0, worker.holds.clone());
            let only_here: Vec<TaskUid> =
                holds.into_iter().filter(|uid| !self.is_safe(*uid)).collect();
            if only_here.is_empty() && !has_actors {
                self.finish_retirement(number);
            } else if has_actors || !self.copy_elsewhere(number, &only_here) {
                self.abort_retirement(number);
            }
        }
    }

    /// Does a worker that stays hold it?
    fn is_safe(&self, uid: TaskUid) -> bool {
        let stays = |number: &u32| !self.retirements.contains_key(number);
        self.holders(uid).iter().any(stays)
    }

    /// Asks workers that stay for copies, the emptiest first; says whether there are any.
    fn copy_elsewhere(&mut self, number: u32, uids: &[TaskUid]) -> bool {
        let mut room: BTreeSet<(u64, u32)> = self
            .workers
            .iter()
            .filter(|worker| worker.is_running())
            .map(|worker| (worker.memory_bytes(), worker.id.0))
            .collect();
        for uid in uids {
            let coming = self.moving.range((*uid, 0)..=(*uid, u32::MAX));
            let is_coming =
                coming.map(|((_, to), _)| to).any(|to| self.workers.running.contains(*to));
            if is_coming {
                continue;
            }
            let Some((nbytes, recipient)) = room.pop_first() else { return false };
            debug_assert_ne!(recipient, number, "it does not take anything itself");
            room.insert((nbytes + self.tasks.task(*uid).nbytes, recipient));
            self.acquire(*uid, recipient, None);
        }
        true
    }

    fn finish_retirement(&mut self, number: u32) {
        let Some(retirement) = self.retirements.get(&number).copied() else { return };
        let Some(worker) = self.workers.get(number) else { return };
        let address = worker.address().clone();
        if retirement.close {
            self.close_worker(number, &"it is retired".into(), false);
        } else if retirement.remove {
            self.drop_worker(number, &"it is retired".into());
        } else {
            self.retired(number, &address);
        }
    }

    /// A retiring worker is gone, or has nothing that others have not.
    pub(crate) fn retired(&mut self, number: u32, address: &Arc<str>) {
        if self.retirements.remove(&number).is_some() {
            self.end_of_retirement(number, Some(address));
        }
    }

    fn abort_retirement(&mut self, number: u32) {
        self.retirements.remove(&number);
        if let Some(worker) = self.workers.get_mut(number) {
            worker.status = WorkerStatus::Running;
        }
        self.workers.post(number, ToWorker::Retiring(false));
        self.worker_changed(number, "it can not retire: it has what nobody else can take");
        self.end_of_retirement(number, None);
    }

    fn end_of_retirement(&mut self, number: u32, gone: Option<&Arc<str>>) {
        let waiting: Vec<u32> = self.deferred.iter().map(|(number, _)| number).collect();
        for question in waiting {
            let until = self.deferred.get_mut(question).map(|deferred| &mut deferred.until);
            let Some(Until::Retired { left, gone: all }) = until else { continue };
            if !left.remove(&number) {
                continue;
            }
            all.extend(gone.cloned());
            if left.is_empty() {
                let gone = std::mem::take(all);
                self.answer(question, Ok(Answer::Names(gone)));
            }
        }
    }
}
