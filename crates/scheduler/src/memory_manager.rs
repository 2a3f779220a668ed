//! The active memory manager: which copies of results can go, which must be made.
//!
//! It looks at the cluster from time to time, while there is something to see. It never drops
//! the last copy, a copy where a task that needs it was given to that worker, or an actor.

use std::collections::BTreeSet;

use raskt_wire::{Answer, MemoryManagerOp, TaskUid, ToWorker};

use crate::scheduler::Scheduler;
use crate::segment::TaskState;
use crate::timers::Timer;

/// So many tasks that take a result are looked at.
const LOOKED_AT: usize = 64;

/// Whether it runs.
#[derive(Debug)]
pub(crate) struct MemoryManager {
    pub(crate) runs: bool,
}

impl Scheduler {
    pub(crate) fn switch_memory_manager(&mut self, op: MemoryManagerOp) -> Answer {
        match op {
            MemoryManagerOp::Start => self.memory_manager.runs = true,
            MemoryManagerOp::Stop => self.memory_manager.runs = false,
            MemoryManagerOp::Once => self.reduce_replicas(),
            MemoryManagerOp::IsRunning => return Answer::Bool(self.memory_manager.runs),
        }
        self.arm_memory_manager();
        Answer::Done
    }

    pub(crate) fn arm_memory_manager(&mut self) {
        let reduces = self.memory_manager.runs && !self.copies.is_empty();
        if reduces || !self.moving.is_empty() {
            let at = self.now.after(self.config.memory_manager_interval_us);
            self.timers.arm(at, Timer::ManageMemory);
        }
    }

    pub(crate) fn manage_memory(&mut self) {
        if self.memory_manager.runs {
            self.reduce_replicas();
        }
        self.check_moving();
        self.arm_memory_manager();
    }

    /// Drops copies that no task needs where they are.
    pub(crate) fn reduce_replicas(&mut self) {
        let all: Vec<TaskUid> = self.copies.keys().copied().collect();
        for uid in all {
            let users = self.users_of(uid);
            let holders = self.holders(uid);
            let keep = users.len().max(1);
            let stays = self.tasks.terms(uid).actor || self.is_being_brought(uid);
            if holders.len() <= keep || stays {
                continue;
            }
            let mut droppable: Vec<u32> =
                holders.iter().copied().filter(|holder| !users.contains(holder)).collect();
            // First from workers that take no tasks, then from the fullest.
            droppable.sort_by_key(|number| {
                let worker = self.workers.get(*number).expect("holders are there");
                (worker.is_running(), std::cmp::Reverse(worker.memory_bytes()), *number)
            });
            for holder in droppable.into_iter().take(holders.len() - keep) {
                self.drop_copy(uid, holder);
            }
        }
    }

    /// Takes one copy of several off the books, and asks the worker to drop it.
    pub(crate) fn drop_copy(&mut self, uid: TaskUid, holder: u32) {
        let is_last = self.remove_replica(uid, holder);
        debug_assert!(!is_last, "the last copy is never dropped");
        self.workers.post(holder, ToWorker::DropReplicas(vec![uid]));
    }

    /// Workers that have tasks to run which take this result.
    fn users_of(&self, uid: TaskUid) -> BTreeSet<u32> {
        let consumers = self.tasks.consumers(uid);
        let tasks = consumers.iter().take(LOOKED_AT).map(|uid| self.tasks.task(*uid));
        tasks.filter(|task| task.state == TaskState::Processing).map(|task| task.worker).collect()
    }
}
