//! Results that were not computed here: fetched, acquired in the background, brought, dropped.

use raskt_wire::{FromWorker, Input, TaskUid};

use crate::task::{Rank, State, Task};
use crate::worker::Worker;

impl Worker {
    /// A value is in the store that this machine did not order to be computed, or did no more.
    pub(crate) fn arrived(&mut self, uid: TaskUid, nbytes: u64) {
        let Some(task) = self.tasks.get(&uid) else { return self.drop_value(uid) };
        if task.state.is_order() {
            // It is computed here; the scheduler counts on that one.
            return self.drop_value(uid);
        }
        if task.state.is_elsewhere() {
            self.stop_fetching(uid);
            if let Some(task) = self.tasks.get_mut(&uid) {
                task.claimed = true;
            }
            self.report_copy(uid);
            self.store(uid, nbytes);
        }
    }

    /// Copies these when there is time.
    pub(crate) fn on_acquire(&mut self, inputs: Vec<Input>) {
        for input in inputs {
            let uid = input.uid;
            let task = self
                .tasks
                .entry(uid)
                .or_insert_with(|| Task { nbytes: input.nbytes, ..Task::new(State::Missing) });
            if task.state.is_order() {
                continue;
            }
            task.claimed = true;
            if task.state.is_here() {
                self.report_copy(uid);
            } else {
                self.want(uid, &input.holders, Rank::Background);
            }
        }
    }

    /// Drops copies, but not those that tasks here need, and no actors. Who insists is obeyed
    /// as soon as no task needs the copy: so it ends when the two disagree.
    ///
    /// That one is dropped is said again: the scheduler may have heard since that it is here,
    /// from a report that was under way.
    pub(crate) fn on_drop_replicas(&mut self, uids: Vec<TaskUid>) {
        let mut kept = Vec::new();
        for uid in uids {
            let Some(task) = self.tasks.get_mut(&uid) else { continue };
            if task.state.is_order() {
                continue;
            }
            let is_needed = task.state.is_here() && (task.users > 0 || task.actor);
            if is_needed && !task.kept {
                task.kept = true;
                kept.push(uid);
            } else {
                let is_here = task.state.is_here();
                task.claimed = false;
                self.release(uid);
                if is_here && !self.tasks.contains_key(&uid) {
                    self.report_missing(uid, self.id);
                }
            }
        }
        if !kept.is_empty() {
            self.outbox.push(FromWorker::Keeps(kept));
        }
    }

    /// A client or a peer brought data.
    pub(crate) fn on_put(&mut self, items: Vec<(TaskUid, u64)>) {
        for (uid, nbytes) in items {
            let task = self.tasks.entry(uid).or_insert_with(|| Task::new(State::Missing));
            if task.state.is_here() {
                task.claimed = true;
                self.report_copy(uid);
            } else {
                self.arrived(uid, nbytes);
            }
        }
    }

    fn report_copy(&mut self, uid: TaskUid) {
        if let Some(task) = self.tasks.get_mut(&uid) {
            task.kept = false;
        }
        match self.outbox.last_mut() {
            Some(FromWorker::Holds(uids)) => uids.push(uid),
            _ => self.outbox.push(FromWorker::Holds(vec![uid])),
        }
    }
}
