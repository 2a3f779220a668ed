//! What becomes of tasks: the transitions between their states.
//!
//! Each is a function on uids. What follows from one is put on a list and done in turn, so that
//! a chain of a million tasks needs no stack. Two counts in each task say what holds it:
//! `needed` (active tasks that take its result) and `lineage` (tasks that might). When both and
//! its wants are gone, it is released and forgotten; [`Scheduler::settle`] sees to that.

use std::sync::Arc;

use raskt_wire::{Cause, News, TaskError, TaskUid};

use crate::scheduler::Scheduler;
use crate::segment::{NONE, TaskState, flag};
use crate::story::Reason;

impl Scheduler {
    /// Sets the state, counts it and writes it down.
    pub(crate) fn set_state(&mut self, uid: TaskUid, to: TaskState, reason: Reason) {
        let task = self.tasks.task_mut(uid);
        let from = std::mem::replace(&mut task.state, to);
        self.tasks.counts[from as usize] -= 1;
        self.tasks.counts[to as usize] += 1;
        self.story.task(self.now, uid, from, to, reason);
    }

    /// Somebody needs this result: computes it, and what it takes, unless it is on its way.
    pub(crate) fn require(&mut self, uid: TaskUid) {
        let mut todo = vec![uid];
        while let Some(uid) = todo.pop() {
            let task = self.tasks.task(uid);
            if task.state != TaskState::Released {
                continue;
            }
            if task.has(flag::DATA) {
                if !self.is_being_brought(uid) {
                    let error = self.lost_data(uid);
                    self.fail(uid, Arc::new(error));
                }
                continue;
            }
            let inputs = self.tasks.inputs(uid);
            let erred = inputs.iter().find(|uid| self.tasks.state(**uid) == TaskState::Erred);
            if let Some(erred) = erred {
                let error = self.errors[erred].clone();
                self.fail(uid, error);
                continue;
            }
            let mut missing = 0;
            for input in inputs {
                let input_task = self.tasks.task_mut(input);
                input_task.needed += 1;
                if input_task.state != TaskState::Memory {
                    missing += 1;
                    todo.push(input);
                }
            }
            self.tasks.task_mut(uid).missing = missing;
            self.set_state(uid, TaskState::Waiting, Reason::Needed);
            if missing == 0 {
                self.make_ready(uid);
            }
        }
    }

    /// A waiting task whose inputs are all in memory goes to the queue, or is placed at the
    /// next flush.
    pub(crate) fn make_ready(&mut self, uid: TaskUid) {
        let task = self.tasks.task_mut(uid);
        debug_assert_eq!((task.state, task.missing), (TaskState::Waiting, 0));
        if task.has(flag::ROOT) && !task.has(flag::SUSPECT) {
            self.enqueue(uid);
        } else if !task.has(flag::READY) {
            task.set(flag::READY, true);
            self.ready.push(uid);
        }
    }

    /// The result of a task is there, on this worker.
    pub(crate) fn arrive(&mut self, uid: TaskUid, worker: u32, nbytes: u64, type_id: u32) {
        let was_active = self.leave_active(uid, false);
        self.clear_trouble(uid);
        let task = self.tasks.task_mut(uid);
        task.nbytes = nbytes;
        task.missing = type_id;
        self.set_state(uid, TaskState::Memory, Reason::Finished);
        self.add_replica(uid, worker);
        for consumer in self.tasks.consumers(uid) {
            let task = self.tasks.task_mut(consumer);
            if task.state == TaskState::Waiting {
                task.missing -= 1;
                if task.missing == 0 {
                    self.make_ready(consumer);
                }
            }
        }
        if was_active {
            self.let_go_of_inputs(uid);
        }
        self.maybe_unneeded(uid);
        self.check_watched(uid);
    }

    /// The task has no result and will not get one; neither will what needs it.
    pub(crate) fn fail(&mut self, uid: TaskUid, error: Arc<TaskError>) {
        let mut todo = vec![uid];
        while let Some(uid) = todo.pop() {
            let state = self.tasks.state(uid);
            if matches!(state, TaskState::Erred | TaskState::Forgotten) {
                continue;
            }
            if state == TaskState::Memory {
                self.drop_replicas(uid);
            }
            if self.leave_active(uid, true) {
                self.let_go_of_inputs(uid);
            }
            self.set_state(uid, TaskState::Erred, Reason::Failed);
            self.errors.insert(uid, error.clone());
            self.tell(uid, |handle| News::Failed { handle, error: Box::new((*error).clone()) });
            let consumers = self.tasks.consumers(uid);
            todo.extend(consumers.iter().filter(|uid| self.tasks.state(**uid).is_active()));
            self.maybe_unneeded(uid);
            self.check_watched(uid);
        }
    }

    /// The last copy of a result is gone. It is computed again if somebody needs it.
    pub(crate) fn lose(&mut self, uid: TaskUid) {
        debug_assert_eq!(self.tasks.state(uid), TaskState::Memory);
        self.set_state(uid, TaskState::Released, Reason::Lost);
        self.moves_are_off(uid);
        for consumer in self.tasks.consumers(uid) {
            if self.tasks.state(consumer).is_active() {
                self.pull_back(consumer);
                let task = self.tasks.task_mut(consumer);
                task.set(flag::READY, false);
                task.missing += 1;
            }
        }
        let is_actor = self.tasks.terms(uid).actor;
        let task = self.tasks.task(uid);
        if !task.is_needed() {
            self.maybe.push(uid);
        } else if task.has(flag::DATA) || is_actor {
            let error = self.lost_data(uid);
            self.fail(uid, Arc::new(error));
        } else {
            self.tell(uid, |handle| News::Lost { handle });
            self.require(uid);
        }
    }

    /// An active task waits again, with all its inputs in memory so far. Whoever calls this
    /// counts those that are not, or makes it ready.
    pub(crate) fn pull_back(&mut self, uid: TaskUid) {
        if self.tasks.state(uid) == TaskState::Waiting {
            return;
        }
        self.leave_active(uid, true);
        self.tasks.task_mut(uid).missing = 0;
        self.set_state(uid, TaskState::Waiting, Reason::PulledBack);
    }

    /// Takes a task off whatever list its activity put it on; its state is to be set next.
    /// If a worker has it to run, that is told unless it knows. Says whether it was active.
    pub(crate) fn leave_active(&mut self, uid: TaskUid, tell_worker: bool) -> bool {
        match self.tasks.state(uid) {
            TaskState::Waiting => self.tasks.task_mut(uid).set(flag::READY, false),
            TaskState::Queued => self.dequeue(uid),
            TaskState::NoWorker => self.leave_unrunnable(uid),
            TaskState::Processing => {
                let worker = self.leave_worker(uid);
                if tell_worker {
                    self.workers.post_free(worker, uid);
                }
            }
            _ => return false,
        }
        true
    }

    /// A task that was active is not any more: what it took may not be needed now.
    pub(crate) fn let_go_of_inputs(&mut self, uid: TaskUid) {
        for input in self.tasks.inputs(uid) {
            let task = self.tasks.task_mut(input);
            task.needed -= 1;
            if task.needed == 0 && task.want == NONE {
                self.maybe.push(input);
            }
        }
    }

    pub(crate) fn maybe_unneeded(&mut self, uid: TaskUid) {
        if !self.tasks.task(uid).is_needed() {
            self.maybe.push(uid);
        }
    }

    /// Releases all that is not needed, and forgets what nobody could need again.
    pub(crate) fn settle(&mut self) {
        while let Some(uid) = self.maybe.pop() {
            let Some(task) = self.tasks.find(uid) else { continue };
            if task.is_needed() {
                continue;
            }
            let (state, lineage) = (task.state, task.lineage);
            match state {
                TaskState::Memory => self.drop_replicas(uid),
                TaskState::Erred => drop(self.errors.remove(&uid)),
                _ if state.is_active() => {
                    self.leave_active(uid, true);
                    self.let_go_of_inputs(uid);
                }
                _ => {}
            }
            if state != TaskState::Released {
                self.set_state(uid, TaskState::Released, Reason::NotNeeded);
            }
            self.check_watched(uid);
            if lineage == 0 {
                self.forget(uid);
            }
        }
    }

    fn forget(&mut self, uid: TaskUid) {
        let task = self.tasks.task(uid);
        if task.has(flag::TROUBLED) {
            self.troubles.remove(&uid);
        }
        self.set_state(uid, TaskState::Forgotten, Reason::NotNeeded);
        for input in self.tasks.inputs(uid) {
            let task = self.tasks.task_mut(input);
            task.lineage -= 1;
            if task.lineage == 0 && !task.is_needed() {
                self.maybe.push(input);
            }
        }
        self.leave_kind(uid);
        if let Some(segment) = self.tasks.forget(uid) {
            self.names.add(uid.segment, segment.keys);
        }
        self.forgotten += 1;
    }

    /// One task less of its kind; the last lets go of what the kind shares.
    pub(crate) fn leave_kind(&mut self, uid: TaskUid) {
        let segment = self.tasks.segment_mut(uid.segment);
        let number = segment.tasks[uid.index as usize].kind;
        let kind = &mut segment.kinds[number as usize];
        kind.alive -= 1;
        if kind.alive == 0 {
            for blob in std::mem::take(&mut kind.blobs) {
                self.release_blob(blob);
            }
        }
    }

    /// One kind of tasks less needs these shared bytes; workers forget what none needs.
    fn release_blob(&mut self, number: u32) {
        if let Some((id, workers)) = self.blobs.release(number) {
            for worker in workers {
                self.workers.post_forget(worker, id);
            }
        }
    }

    /// The error of data that is gone for good.
    pub(crate) fn lost_data(&self, uid: TaskUid) -> TaskError {
        let what = if self.tasks.terms(uid).actor { "the actor" } else { "the data" };
        let key = self.tasks.key(uid).clone();
        let text = if self.tasks.task(uid).attempt == 0 {
            format!(
                "no task and no data of the key {key:?} is known; keep its future for as long as \
                 other tasks are to use it"
            )
        } else {
            format!(
                "{what} {key:?} was lost with the last worker that held it, and cannot be made \
                 again; bring it to more than one worker if they are not reliable"
            )
        };
        let cause = Cause::LostData { text: text.into() };
        TaskError { key, function: self.group_name(uid), worker: "".into(), cause }
    }

    pub(crate) fn group_name(&self, uid: TaskUid) -> Arc<str> {
        self.groups.get(self.tasks.kind(uid).group).name.clone()
    }
}
