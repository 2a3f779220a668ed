//! What of the results is in memory: spilling, loading, pausing.

use std::collections::BTreeSet;

use raskt_wire::{FromWorker, TaskUid};

use crate::config::Config;
use crate::event::{Action, Micros};
use crate::task::{State, Task};
use crate::worker::Worker;

/// The results in memory, and which of them may be moved to disk.
#[derive(Debug)]
pub(crate) struct Memory {
    /// Does anything ever move?
    spills: bool,
    /// Bytes of results in memory, also of those that are being moved.
    pub(crate) managed: u64,
    /// Bytes of those that are on their way to disk.
    pub(crate) leaving: u64,
    /// Bytes on disk.
    pub(crate) spilled: u64,
    /// What may be moved, least recently used first.
    pub(crate) idle: BTreeSet<(u64, TaskUid)>,
    /// Counts uses.
    clock: u64,
    /// So many bytes should leave, since the process is too large.
    pub(crate) excess: u64,
    /// The disk is full; it is tried again then.
    pub(crate) retry_at: Option<Micros>,
}

impl Memory {
    pub(crate) fn new(config: &Config) -> Memory {
        let spills = config.share(config.target.or(config.spill)).is_some();
        Memory {
            spills,
            managed: 0,
            leaving: 0,
            spilled: 0,
            idle: BTreeSet::new(),
            clock: 0,
            excess: 0,
            retry_at: None,
        }
    }

    /// A result was made or used just now.
    pub(crate) fn touch(&mut self, uid: TaskUid, task: &mut Task) {
        if self.spills && task.may_spill() {
            self.idle.remove(&(task.used, uid));
            self.clock += 1;
            task.used = self.clock;
            self.idle.insert((task.used, uid));
        }
    }

    /// A result is used by a task that has a thread: it stays.
    fn hold(&mut self, uid: TaskUid, task: &Task) {
        if self.spills {
            self.idle.remove(&(task.used, uid));
        }
    }

    /// A result is dropped.
    pub(crate) fn forget(&mut self, uid: TaskUid, task: &Task) {
        match task.state {
            State::Memory => {
                self.managed -= task.nbytes;
                self.hold(uid, task);
            }
            State::Spilling => {
                self.managed -= task.nbytes;
                self.leaving -= task.nbytes;
            }
            State::Disk => self.spilled -= task.disk_bytes,
            State::Reading => {
                self.managed -= task.nbytes;
                self.spilled -= task.disk_bytes;
            }
            _ => {}
        }
    }
}

impl Worker {
    /// A task that has a thread uses this result. Is it in memory? If not, it will be, and the
    /// task woken.
    pub(crate) fn pin(&mut self, uid: TaskUid, user: (TaskUid, u64)) -> bool {
        let Some(task) = self.tasks.get_mut(&uid) else { return false };
        self.memory.hold(uid, task);
        task.pins += 1;
        if task.state == State::Memory {
            return true;
        }
        task.wake.push(user);
        if task.state == State::Disk {
            self.load(uid);
        }
        false
    }

    fn load(&mut self, uid: TaskUid) {
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        task.state = State::Reading;
        self.memory.managed += task.nbytes;
        self.actions.push(Action::Load(uid));
    }

    /// Moves results to disk while there are too many, or the process is too large.
    pub(crate) fn shed(&mut self) {
        if !self.memory.spills || self.memory.retry_at.is_some() {
            return;
        }
        let target = self.config.share(self.config.target).unwrap_or(u64::MAX);
        while self.memory.managed - self.memory.leaving > target
            || self.memory.leaving < self.memory.excess
        {
            let Some((_, uid)) = self.memory.idle.pop_first() else { break };
            let Some(task) = self.tasks.get_mut(&uid) else { continue };
            task.state = State::Spilling;
            self.memory.leaving += task.nbytes;
            self.actions.push(Action::Spill(uid));
        }
    }

    /// Are there too many results although some are on their way to disk? Tasks that began now
    /// would fill the memory faster than the disk empties it.
    pub(crate) fn is_behind(&self) -> bool {
        let target = self.config.share(self.config.target.or(self.config.spill));
        self.memory.leaving > 0 && target.is_some_and(|target| self.memory.managed > target)
    }

    pub(crate) fn on_spilled(&mut self, uid: TaskUid, disk_bytes: u64) {
        let Some(task) = self.spilling(uid) else { return };
        task.state = State::Disk;
        task.disk_bytes = disk_bytes;
        let (nbytes, pins) = (task.nbytes, task.pins);
        self.memory.managed -= nbytes;
        self.memory.leaving -= nbytes;
        self.memory.excess = self.memory.excess.saturating_sub(nbytes);
        self.memory.spilled += disk_bytes;
        if pins > 0 {
            self.load(uid);
        }
    }

    pub(crate) fn on_spill_failed(&mut self, uid: TaskUid, full: bool) {
        let Some(task) = self.spilling(uid) else { return };
        task.state = State::Memory;
        task.unspillable = !full;
        self.memory.leaving -= task.nbytes;
        self.touch(uid);
        if full {
            self.memory.retry_at = Some(self.now.after(self.config.disk_retry_us));
        }
        self.wake(uid);
    }

    pub(crate) fn on_loaded(&mut self, uid: TaskUid) {
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        if task.state != State::Reading {
            return;
        }
        task.state = State::Memory;
        self.memory.spilled -= std::mem::take(&mut task.disk_bytes);
        self.touch(uid);
        self.wake(uid);
    }

    /// A result is lost: the scheduler learns that it is not here.
    pub(crate) fn on_load_failed(&mut self, uid: TaskUid) {
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        if task.state != State::Reading {
            return;
        }
        self.memory.forget(uid, task);
        task.disk_bytes = 0;
        task.claimed = false;
        self.seek(uid);
        self.send_back_users(uid);
        self.release(uid);
    }

    /// Orders that were to begin, and of whose inputs this one is gone, wait for it again.
    fn send_back_users(&mut self, uid: TaskUid) {
        let uses = |task: &Task| task.state.is_order() && task.inputs.contains(&uid);
        let users = self.tasks.iter().filter(|(_, task)| uses(task));
        let mut users: Vec<TaskUid> = users.map(|(user, _)| *user).collect();
        users.sort_unstable();
        for user in users {
            self.send_back(user);
        }
    }

    /// The process takes so much memory.
    pub(crate) fn on_memory(&mut self, process_bytes: u64) {
        let over = |share| self.config.share(share).is_some_and(|limit| process_bytes > limit);
        let paused = over(self.config.pause);
        let target = self.config.target.or(self.config.spill);
        self.memory.excess = match self.config.share(target) {
            Some(target) if over(self.config.spill) => process_bytes.saturating_sub(target),
            _ => 0,
        };
        if paused != self.paused {
            self.paused = paused;
            self.outbox.push(FromWorker::Paused(paused));
        }
    }

    fn spilling(&mut self, uid: TaskUid) -> Option<&mut Task> {
        self.tasks.get_mut(&uid).filter(|task| task.state == State::Spilling)
    }

    fn touch(&mut self, uid: TaskUid) {
        if let Some(task) = self.tasks.get_mut(&uid) {
            self.memory.touch(uid, task);
        }
    }
}
