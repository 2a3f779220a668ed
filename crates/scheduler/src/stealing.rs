//! Moving work from busy workers to idle ones.
//!
//! 1. From time to time, while some worker has a free thread and others have more tasks than
//!    threads, the scheduler asks the busiest for tasks that would be done sooner elsewhere.
//! 2. A worker gives back what it has not begun, and says so.
//! 3. A task that was given back is placed anew, by what is known then; the worker for which
//!    it was asked for is one of those that are weighed.
//!
//! The first look comes an interval after there may be something to move. Each look that finds
//! nothing doubles the pause before the next, so that work which has to stay where it is costs
//! little; the pause is short again when work moved, or when there was none that could.
//!
//! A task is asked for once at a time, and a worker only when it has answered for all before.
//! Queued tasks are not on workers, so most work never has to be moved.

use raskt_wire::{TaskUid, ToWorker};

use crate::scheduler::Scheduler;
use crate::segment::flag;
use crate::timers::Timer;

/// So many tasks of a worker are looked at.
const LOOKED_AT: usize = 512;
/// So many of the busiest workers are asked at once.
const VICTIMS: usize = 16;
/// The pause grows to so many intervals.
const LONGEST_PAUSE: u64 = 32;

impl Scheduler {
    /// Looks after a pause, while there may be something to move.
    pub(crate) fn arm_stealing(&mut self) {
        if !self.config.stealing {
            return;
        }
        if self.could_steal() {
            self.timers.arm(self.now.after(self.stealing_pause_us), Timer::Steal);
        } else {
            self.stealing_pause_us = self.config.stealing_interval_us;
        }
    }

    /// Is there a worker with a free thread, and one with more tasks than threads?
    fn could_steal(&self) -> bool {
        let idle = self.workers.idle.len();
        let processing = self.tasks.count(crate::segment::TaskState::Processing);
        idle > 0
            && idle < self.workers.len()
            && processing > self.workers.len() as u64 - idle as u64
    }

    /// Asks for what should move, and sets the pause until the next look.
    pub(crate) fn steal(&mut self) {
        let asked_before = self.thieves.len();
        self.ask_victims();
        let interval = self.config.stealing_interval_us;
        let longer = self.stealing_pause_us.saturating_mul(2);
        let longest = interval.saturating_mul(LONGEST_PAUSE);
        let found_some = self.thieves.len() > asked_before;
        self.stealing_pause_us = if found_some { interval } else { longer.min(longest) };
    }

    fn ask_victims(&mut self) {
        let mut victims: Vec<(u64, u32)> = self
            .workers
            .iter()
            .filter(|worker| worker.load() > worker.threads() && worker.retracting == 0)
            .map(|worker| (worker.backlog_us(), worker.id.0))
            .collect();
        victims.sort_unstable_by(|a, b| b.cmp(a));
        // What each thief will have to do besides, if all that is asked for is given.
        let mut promised: Vec<(u32, u64)> = self
            .workers
            .idle
            .iter()
            .filter_map(|number| Some((number, self.workers.get(number)?.backlog_us())))
            .collect();
        for (_, victim) in victims.into_iter().take(VICTIMS) {
            if promised.is_empty() {
                return;
            }
            self.steal_from(victim, &mut promised);
        }
    }

    fn steal_from(&mut self, victim: u32, thieves: &mut Vec<(u32, u64)>) {
        let Some(worker) = self.workers.get(victim) else { return };
        let threads = u64::from(worker.threads());
        let mut left_us = worker.occupancy_us;
        let mut left = worker.load();
        let movable = worker.processing.iter().rev().take(LOOKED_AT).map(|charged| charged.uid);
        let mut movable: Vec<TaskUid> = movable
            .filter(|uid| {
                let task = self.tasks.task(*uid);
                !task.has(flag::RETRACTING | flag::LONG_RUNNING | flag::SUSPECT)
            })
            .filter(|uid| !self.tasks.terms(*uid).actor)
            .collect();
        // From the end: what would run last here.
        movable.sort_by_cached_key(|uid| std::cmp::Reverse((self.lane(*uid), uid.index)));
        for uid in movable {
            if left as u64 <= threads || thieves.is_empty() {
                return;
            }
            let us = self.duration_us(uid);
            let Some(place) = self.best_thief(uid, us, left_us / threads, thieves) else {
                continue;
            };
            left_us = left_us.saturating_sub(us);
            left -= 1;
            self.retract(uid, victim);
            let thief = &mut thieves[place];
            self.thieves.insert(uid, thief.0);
            let threads = self.workers.get(thief.0).map_or(1, |worker| worker.threads());
            thief.1 += us / u64::from(threads);
            if thief.1 >= left_us / u64::from(threads) {
                thieves.swap_remove(place);
            }
        }
    }

    /// Where the task would be done sooner than where it is, by more than a round trip.
    fn best_thief(
        &mut self,
        uid: TaskUid,
        us: u64,
        wait_us: u64,
        thieves: &[(u32, u64)],
    ) -> Option<usize> {
        let inputs = self.tasks.inputs(uid);
        self.weigh(&inputs);
        let allowed = self.allowed(uid);
        let may = |number: u32| allowed.as_ref().is_none_or(|allowed| allowed.contains(&number));
        let cost = |(_, (number, busy)): &(usize, &(u32, u64))| busy + self.transfer_us(*number);
        let candidates = thieves.iter().enumerate().filter(|(_, (number, _))| may(*number));
        let (place, thief) = candidates.min_by_key(cost)?;
        let there = cost(&(place, thief)) + 2 * self.config.latency_us;
        // Here it waits for what is before it, but not for itself.
        (there < wait_us.saturating_sub(us)).then_some(place)
    }

    /// Asks a worker to give a task back.
    pub(crate) fn retract(&mut self, uid: TaskUid, worker: u32) {
        let task = self.tasks.task_mut(uid);
        if task.has(flag::RETRACTING) {
            return;
        }
        task.set(flag::RETRACTING, true);
        let attempt = u32::from(task.attempt);
        if let Some(worker) = self.workers.get_mut(worker) {
            worker.retracting += 1;
        }
        self.workers.post(worker, ToWorker::Retract { uid, attempt });
    }

    /// Asks a worker to give back all that it has not begun.
    pub(crate) fn retract_all(&mut self, number: u32) {
        let Some(worker) = self.workers.get(number) else { return };
        let all: Vec<TaskUid> = worker.processing.iter().map(|charged| charged.uid).collect();
        for uid in all {
            self.retract(uid, number);
        }
    }
}
