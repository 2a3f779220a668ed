//! What workers report of tasks and results. Reports of other tries than the last, or of other
//! workers, change nothing.

use std::sync::Arc;

use raskt_wire::{Finished, Metrics, News, Span, TaskError, TaskUid, ToWorker, WorkerStatus};

use crate::scheduler::Scheduler;
use crate::segment::{TaskState, flag};
use crate::wants::Wanting;

impl Scheduler {
    /// Is the worker the one that has this try to run?
    fn is_current(&mut self, worker: u32, uid: TaskUid, attempt: u32) -> bool {
        let is_it = self.tasks.find(uid).is_some_and(|task| {
            task.state == TaskState::Processing
                && task.worker == worker
                && u32::from(task.attempt) == attempt
        });
        self.stale += u64::from(!is_it);
        is_it
    }

    pub(crate) fn finished(&mut self, worker: u32, finished: Finished) {
        let Finished { uid, attempt, nbytes, type_name, span, mut inline } = finished;
        if !self.is_current(worker, uid, attempt) {
            return;
        }
        let group = self.tasks.kind(uid).group;
        let type_id = self.groups.intern_type(group, &type_name);
        let is_first = self.groups.get(group).known_us().is_none();
        self.groups.get_mut(group).ran(span.compute_us, nbytes);
        self.note_span(uid, worker, span, Some((nbytes, type_id)));
        let task = self.tasks.task(uid);
        for (_, by) in self.wants.of(task) {
            if let Wanting::Client(client, handle) = by {
                let type_name = type_name.clone();
                let is_only = self.wants.of(task).nth(1).is_none();
                let inline = if is_only { inline.take() } else { inline.clone() };
                self.unsaid += 1;
                self.clients.tell(client, News::Finished { handle, nbytes, type_name, inline });
            }
        }
        self.arrive(uid, worker, nbytes, type_id);
        if is_first {
            self.charge_again(group);
        }
    }

    pub(crate) fn failed(
        &mut self,
        worker: u32,
        (uid, attempt): (TaskUid, u32),
        error: TaskError,
        span: Span,
    ) {
        if !self.is_current(worker, uid, attempt) {
            return;
        }
        let group = self.tasks.kind(uid).group;
        self.groups.get_mut(group).failed += 1;
        self.note_span(uid, worker, span, None);
        if self.may_try_again(uid) {
            self.leave_active(uid, false);
            self.wait_again(uid);
        } else {
            self.leave_active(uid, false);
            self.let_go_of_inputs(uid);
            self.tasks.task_mut(uid).missing = 0;
            self.set_state(uid, TaskState::Released, crate::story::Reason::Failed);
            self.fail(uid, Arc::new(error));
        }
    }

    /// A task that left its worker, with all inputs in memory, is to be placed anew.
    pub(crate) fn wait_again(&mut self, uid: TaskUid) {
        self.tasks.task_mut(uid).missing = 0;
        self.set_state(uid, TaskState::Waiting, crate::story::Reason::PulledBack);
        self.make_ready(uid);
    }

    pub(crate) fn reschedule(&mut self, worker: u32, uid: TaskUid, attempt: u32) {
        if self.is_current(worker, uid, attempt) {
            self.leave_active(uid, false);
            self.wait_again(uid);
        }
    }

    pub(crate) fn retracted(&mut self, worker: u32, uid: TaskUid, attempt: u32, given: bool) {
        if !self.is_current(worker, uid, attempt) {
            return;
        }
        let task = self.tasks.task_mut(uid);
        if task.has(flag::RETRACTING) {
            task.set(flag::RETRACTING, false);
            if let Some(worker) = self.workers.get_mut(worker) {
                worker.retracting -= 1;
            }
        }
        let thief = self.thieves.remove(&uid);
        if given {
            self.leave_active(uid, false);
            self.wait_again(uid);
            self.given.extend(thief.map(|thief| (uid, thief)));
        }
    }

    /// The task does not take a thread any more.
    pub(crate) fn long_running(&mut self, worker: u32, uid: TaskUid, attempt: u32, us: u64) {
        if !self.is_current(worker, uid, attempt) || self.tasks.task(uid).has(flag::LONG_RUNNING) {
            return;
        }
        let group = self.tasks.kind(uid).group;
        self.groups.get_mut(group).is_running_for(us);
        self.tasks.task_mut(uid).set(flag::LONG_RUNNING, true);
        if let Some(worker) = self.workers.get_mut(worker) {
            worker.long_running += 1;
        }
        self.charge(uid, 0);
    }

    /// A worker has copies of these. Of results that nobody needs any more, or that are to be
    /// made again, it is to keep none.
    pub(crate) fn holds(&mut self, worker: u32, uids: &[TaskUid]) {
        for uid in uids {
            let state = self.tasks.find(*uid).map(|task| (task.state, task.worker));
            match state {
                Some((TaskState::Memory, _)) => {
                    self.add_replica(*uid, worker);
                    self.has_moved(*uid, worker);
                    self.arm_memory_manager();
                }
                Some((TaskState::Released, _)) if self.is_being_brought(*uid) => {
                    self.brought(*uid, worker);
                }
                // It will have the result by itself.
                Some((TaskState::Processing, by)) if by == worker => self.stale += 1,
                _ => {
                    self.stale += 1;
                    self.workers.post(worker, ToWorker::DropReplicas(vec![*uid]));
                }
            }
        }
        if !self.retirements.is_empty() {
            self.check_retirements();
        }
    }

    /// A worker did not get these from a holder.
    pub(crate) fn missing(&mut self, worker: u32, uids: &[TaskUid], holder: u32) {
        let mut inputs = Vec::new();
        for uid in uids {
            if holder == worker {
                // It gives up a copy that it was to make.
                self.has_moved(*uid, worker);
            }
            let task = self.tasks.find(*uid);
            if task.is_none_or(|task| task.state != TaskState::Memory) {
                // Whoever needs it is told so otherwise; a copy is not to be looked for.
                self.workers.post(worker, ToWorker::DropReplicas(vec![*uid]));
                continue;
            }
            if holder != worker && self.is_holder(*uid, holder) {
                // It may be there after all, and is not to be kept then without our knowing.
                self.workers.post(holder, ToWorker::DropReplicas(vec![*uid]));
            }
            if self.remove_replica(*uid, holder) {
                self.lose(*uid);
            } else {
                inputs.push(self.input_for(*uid, worker));
            }
        }
        if !inputs.is_empty() {
            self.workers.post(worker, ToWorker::Holders(inputs));
        }
    }

    pub(crate) fn heartbeat(&mut self, number: u32, metrics: Metrics) {
        if metrics.bandwidth > 0 {
            self.bandwidth = self.bandwidth.midpoint(metrics.bandwidth);
        }
        for (uid, us) in &metrics.running {
            let is_here = |task: &&crate::segment::Task| {
                task.state == TaskState::Processing && task.worker == number
            };
            if self.tasks.find(*uid).filter(is_here).is_some() {
                let group = self.tasks.kind(*uid).group;
                self.groups.get_mut(group).is_running_for(*us);
            }
        }
        if let Some(worker) = self.workers.get_mut(number) {
            worker.metrics = metrics;
        }
    }

    /// A worker takes no tasks for lack of memory, or takes them again.
    pub(crate) fn paused(&mut self, number: u32, paused: bool) {
        let Some(worker) = self.workers.get_mut(number) else { return };
        match (worker.status, paused) {
            (WorkerStatus::Running, true) => worker.status = WorkerStatus::Paused,
            (WorkerStatus::Paused, false) => worker.status = WorkerStatus::Running,
            _ => return,
        }
        let why = if paused { "its memory is full" } else { "its memory is free again" };
        self.worker_changed(number, why);
        if paused {
            self.retract_all(number);
        }
    }
}
