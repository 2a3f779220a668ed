//! Where results are: the first holder of each is kept with the task, others aside; each worker
//! has the list of what it holds.

use raskt_wire::TaskUid;
use smallvec::SmallVec;

use crate::scheduler::Scheduler;
use crate::segment::{NONE, TaskState};

/// A copy of a result beside the first: the worker, and the place in its list.
pub(crate) type Copy = (u32, u32);

impl Scheduler {
    /// The workers that hold the result, the first that had it first.
    pub(crate) fn holders(&self, uid: TaskUid) -> SmallVec<[u32; 4]> {
        let task = self.tasks.task(uid);
        if task.state != TaskState::Memory {
            return SmallVec::new();
        }
        let mut holders: SmallVec<[u32; 4]> = SmallVec::new();
        holders.push(task.worker);
        if !self.copies.is_empty()
            && let Some(copies) = self.copies.get(&uid)
        {
            holders.extend(copies.iter().map(|(worker, _)| *worker));
        }
        holders
    }

    pub(crate) fn is_holder(&self, uid: TaskUid, worker: u32) -> bool {
        self.holders(uid).contains(&worker)
    }

    /// The worker holds the result of a task in memory. Says whether that is new.
    pub(crate) fn add_replica(&mut self, uid: TaskUid, worker: u32) -> bool {
        let is_first = self.tasks.task(uid).worker == NONE;
        if !is_first && self.is_holder(uid, worker) {
            return false;
        }
        let Some(state) = self.workers.get_mut(worker) else { return false };
        let place = state.holds.len() as u32;
        state.holds.push(uid);
        let task = self.tasks.task_mut(uid);
        state.nbytes += task.nbytes;
        if is_first {
            (task.worker, task.place) = (worker, place);
        } else {
            self.copies.entry(uid).or_default().push((worker, place));
        }
        state.actors += u32::from(self.tasks.terms(uid).actor);
        true
    }

    /// The worker does not hold it any more. Its state stays: see [`Scheduler::lose`].
    /// Says whether it was the last holder.
    pub(crate) fn remove_replica(&mut self, uid: TaskUid, worker: u32) -> bool {
        if !self.is_holder(uid, worker) {
            return false;
        }
        let task = self.tasks.task_mut(uid);
        let (nbytes, mut place) = (task.nbytes, task.place);
        if task.worker == worker {
            // The next copy takes its place.
            let next = self.take_copy(uid, None);
            let task = self.tasks.task_mut(uid);
            (task.worker, task.place) = next.unwrap_or((NONE, NONE));
        } else if let Some(copy) = self.take_copy(uid, Some(worker)) {
            place = copy.1;
        }
        if let Some(state) = self.workers.get_mut(worker) {
            state.nbytes -= nbytes;
            state.actors -= u32::from(self.tasks.terms(uid).actor);
            state.holds.swap_remove(place as usize);
            if let Some(moved) = state.holds.get(place as usize).copied() {
                self.move_replica(moved, worker, place);
            }
        }
        self.tasks.task(uid).worker == NONE
    }

    fn take_copy(&mut self, uid: TaskUid, worker: Option<u32>) -> Option<Copy> {
        let copies = self.copies.get_mut(&uid)?;
        let is_it = |copy: &Copy| worker.is_none_or(|worker| copy.0 == worker);
        let taken = copies.remove(copies.iter().position(is_it)?);
        if copies.is_empty() {
            self.copies.remove(&uid);
        }
        Some(taken)
    }

    /// A worker's copy is at another place of its list now.
    fn move_replica(&mut self, uid: TaskUid, worker: u32, place: u32) {
        let task = self.tasks.task_mut(uid);
        if task.worker == worker {
            task.place = place;
        } else if let Some(copies) = self.copies.get_mut(&uid)
            && let Some(copy) = copies.iter_mut().find(|copy| copy.0 == worker)
        {
            copy.1 = place;
        }
    }

    /// A result is not needed any more: all holders are told.
    pub(crate) fn drop_replicas(&mut self, uid: TaskUid) {
        for holder in self.holders(uid) {
            self.remove_replica(uid, holder);
            self.workers.post_free(holder, uid);
        }
    }
}
