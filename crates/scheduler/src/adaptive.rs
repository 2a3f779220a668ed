//! How many workers would be right, and which are not needed.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::scheduler::Scheduler;
use crate::segment::TaskState;
use crate::workers::Worker;

/// Above this share of memory in use there should be twice as many workers.
const FULL: f64 = 0.6;
/// Of queued tasks so many are looked at.
const SAMPLE: usize = 1000;
/// What workers that stay must have room for, as a multiple of what the others hold.
const HEADROOM: u64 = 2;

impl Scheduler {
    /// How many workers are right, if all work is to be done in `target_us`.
    pub(crate) fn adaptive_target(&self, target_us: u64) -> u64 {
        let sample: Vec<u64> =
            self.queue.iter().take(SAMPLE).map(|uid| self.duration_us(uid)).collect();
        let looked_at = sample.len().max(1) as u128;
        let queued: u128 = sample.into_iter().map(u128::from).sum();
        let queued = queued * self.queue.len() as u128 / looked_at;
        let work = queued + u128::from(self.workers.occupancy_us);
        let threads = work.div_ceil(u128::from(target_us.max(1)));
        let ready = self.tasks.count(TaskState::Queued)
            + self.tasks.count(TaskState::Processing)
            + self.tasks.count(TaskState::NoWorker);
        let threads = u64::try_from(threads).unwrap_or(u64::MAX).min(ready);
        let count = self.workers.len().max(1) as u64;
        let threads_each = self.workers.running_threads.div_ceil(count).max(1);
        let by_work = threads.div_ceil(threads_each).max(u64::from(ready > 0));
        let long_running = self.workers.iter().filter(|worker| worker.long_running > 0).count();
        let mut target = by_work.max(long_running as u64);
        let limit: u64 = self.workers.iter().map(|worker| worker.hello.memory_limit).sum();
        let used: u64 = self.workers.iter().map(|worker| worker.nbytes).sum();
        if limit > 0 && used as f64 > FULL * limit as f64 {
            target = target.max(2 * self.workers.len() as u64);
        }
        target
    }

    /// Workers that are not needed: `count` of them, or (0) as many as are idle and whose data
    /// fits elsewhere; at least `minimum` are left.
    pub(crate) fn workers_to_close(&self, count: u32, minimum: u32) -> Vec<u32> {
        let mut spare: Vec<&Worker> = self.workers.iter().collect();
        // Those that lose least come first; of equal ones the youngest.
        spare.sort_by_key(|w| (w.load(), w.nbytes, Reverse(w.id.0)));
        let most = spare.len().saturating_sub(minimum as usize);
        if count > 0 {
            return spare.iter().take(most.min(count as usize)).map(|w| w.id.0).collect();
        }
        if self.queue.len() > 0 || !self.unrunnable.is_empty() {
            return Vec::new();
        }
        spare.retain(|worker| worker.processing.is_empty());
        let limit = |w: &Worker| w.hello.memory_limit;
        let is_unlimited = self.workers.iter().any(|worker| limit(worker) == 0);
        let mut room: u64 = self.workers.iter().map(limit).sum();
        let used: u64 = self.workers.iter().map(|worker| worker.nbytes).sum();
        let mut closed = Vec::new();
        for worker in spare.into_iter().take(most) {
            room = room.saturating_sub(limit(worker));
            if !is_unlimited && room < HEADROOM * used {
                break;
            }
            let is_last_with_data = closed.len() + 1 == self.workers.len() && used > 0;
            if is_last_with_data {
                break;
            }
            closed.push(worker.id.0);
        }
        closed
    }

    pub(crate) fn names_to_close(&self, count: u32, minimum: u32) -> Vec<Arc<str>> {
        let numbers = self.workers_to_close(count, minimum);
        let workers = numbers.into_iter().filter_map(|number| self.workers.get(number));
        workers.map(|worker| worker.address().clone()).collect()
    }
}
