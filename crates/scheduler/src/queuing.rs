//! Root tasks wait here, not on workers, and are handed out a little ahead of free threads:
//! a worker that has too many of them makes results faster than others use them up.
//!
//! Short tasks are given ahead by time, so that round trips do not limit them. Neighbours in
//! rank go to the same worker, since what takes one often takes the other.

use std::collections::BTreeMap;

use raskt_wire::TaskUid;

use crate::rank_set::RankSet;
use crate::scheduler::Scheduler;
use crate::segment::TaskState;
use crate::story::Reason;

/// A task is taken to last at least so long when work is given ahead: what a worker needs
/// around it.
const LEAST_US: u64 = 10;

/// Tasks that can run anywhere, the next first.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// By the user's priority (lower first), generation and segment: ranks in it.
    lanes: BTreeMap<(i32, u64, u32), RankSet>,
    len: usize,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn first(&self) -> Option<TaskUid> {
        let (lane, ranks) = self.lanes.first_key_value()?;
        Some(TaskUid { segment: lane.2, index: ranks.first()? })
    }

    pub(crate) fn contains(&self, lane: (i32, u64, u32), index: u32) -> bool {
        self.lanes.get(&lane).is_some_and(|ranks| ranks.contains(index))
    }

    fn insert(&mut self, lane: (i32, u64, u32), index: u32) {
        if self.lanes.entry(lane).or_default().insert(index) {
            self.len += 1;
        }
    }

    fn remove(&mut self, lane: (i32, u64, u32), index: u32) {
        let Some(ranks) = self.lanes.get_mut(&lane) else { return };
        if ranks.remove(index) {
            self.len -= 1;
        }
        if ranks.is_empty() {
            self.lanes.remove(&lane);
        }
    }

    /// All of them, the next first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = TaskUid> + '_ {
        self.lanes
            .iter()
            .flat_map(|(lane, ranks)| ranks.iter().map(|index| TaskUid { segment: lane.2, index }))
    }
}

impl Scheduler {
    pub(crate) fn lane(&self, uid: TaskUid) -> (i32, u64, u32) {
        let segment = self.tasks.segment(uid.segment);
        let user = segment.terms(uid.index).priority;
        (user.saturating_neg(), segment.generation, uid.segment)
    }

    pub(crate) fn enqueue(&mut self, uid: TaskUid) {
        let lane = self.lane(uid);
        self.queue.insert(lane, uid.index);
        self.set_state(uid, TaskState::Queued, Reason::Ready);
    }

    pub(crate) fn dequeue(&mut self, uid: TaskUid) {
        let lane = self.lane(uid);
        self.queue.remove(lane, uid.index);
    }

    /// Gives queued tasks to workers: first to free threads, then ahead, to each worker its
    /// share.
    pub(crate) fn hand_out(&mut self) {
        while let Some(number) = self.workers.idle.next_around(self.workers.cursor) {
            let worker = self.workers.get(number).expect("workers in sets are there");
            let free = worker.threads() - worker.load();
            if !self.hand_out_to(number, free) {
                return;
            }
        }
        let share = (self.queue.len as u64).div_ceil(self.workers.open_threads.max(1));
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        while let Some(number) = self.workers.open.next_around(self.workers.cursor) {
            let worker = self.workers.get(number).expect("workers in sets are there");
            if !self.hand_out_to(number, share.saturating_mul(worker.threads())) {
                return;
            }
        }
    }

    /// Gives the next of the queue to the worker, so many if it takes them; says whether any
    /// are left.
    fn hand_out_to(&mut self, number: u32, count: u32) -> bool {
        for _ in 0..count {
            let Some(uid) = self.queue.first() else { return false };
            if !self.workers.open.contains(number) {
                break;
            }
            self.dequeue(uid);
            self.assign(uid, number, 0);
        }
        self.workers.cursor = number + 1;
        self.queue.len > 0
    }

    /// What a task without transfers charges its worker.
    pub(crate) fn duration_us(&self, uid: TaskUid) -> u64 {
        let group = self.groups.get(self.tasks.kind(uid).group);
        group.known_us().unwrap_or(self.config.unknown_duration_us).max(LEAST_US)
    }
}
