//! Which worker runs a task that is ready: where its inputs are, unless waiting there costs
//! more than moving them.
//!
//! The cost of a worker is the time until it has a free thread and the time to bring what it
//! lacks. Holders of inputs are weighed against each other and against one idle worker.

use std::sync::Arc;

use raskt_wire::{Cause, TaskError, TaskUid};

use crate::scheduler::Scheduler;
use crate::segment::{TaskState, flag};
use crate::tasks::Uids;

/// Of tasks with more inputs only so many are looked at, evenly spread.
const SAMPLE: usize = 512;

/// Bytes of a task's inputs by worker and by machine. Entries of earlier tasks are told by
/// their epoch, so that nothing needs to be cleared.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    epoch: u32,
    workers: Vec<(u32, u64)>,
    hosts: Vec<(u32, u64)>,
    /// Workers that hold something.
    touched: Vec<u32>,
    total: u64,
}

impl Scratch {
    fn begin(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            (self.workers, self.hosts, self.epoch) = (Vec::new(), Vec::new(), 1);
        }
        self.touched.clear();
        self.total = 0;
    }

    fn hold(&mut self, worker: u32, host: u32, nbytes: u64) {
        if add(&mut self.workers, worker, self.epoch, nbytes) {
            self.touched.push(worker);
        }
        add(&mut self.hosts, host, self.epoch, nbytes);
    }

    fn held(list: &[(u32, u64)], number: u32, epoch: u32) -> u64 {
        let entry = list.get(number as usize);
        entry.filter(|entry| entry.0 == epoch).map_or(0, |entry| entry.1)
    }
}

/// Adds to an entry; says whether it is the first time in this epoch.
fn add(list: &mut Vec<(u32, u64)>, number: u32, epoch: u32, nbytes: u64) -> bool {
    let number = number as usize;
    if list.len() <= number {
        list.resize(number + 1, (0, 0));
    }
    let entry = &mut list[number];
    let is_first = entry.0 != epoch;
    entry.1 = if is_first { nbytes } else { entry.1 + nbytes };
    entry.0 = epoch;
    is_first
}

/// Each once.
fn distinct(inputs: &Uids) -> Uids {
    let mut inputs = inputs.clone();
    inputs.sort_unstable();
    inputs.dedup();
    inputs
}

/// Where a task can run.
enum Place {
    /// There, after a transfer that takes so long.
    On(u32, u64),
    /// Nowhere now.
    Nowhere,
    /// Its inputs are larger than the memory of all that may run it.
    TooLarge { needed: u64, limit: u64 },
}

impl Scheduler {
    /// Places all that became ready, in the order of priority.
    pub(crate) fn place_ready(&mut self) {
        let mut ready = std::mem::take(&mut self.ready);
        if self.has_priorities {
            ready.retain(|uid| self.tasks.find(*uid).is_some());
            ready.sort_by_cached_key(|uid| (self.lane(*uid), uid.index));
        } else {
            ready.sort_unstable();
        }
        for uid in ready.drain(..) {
            let is_ready = |task: &&crate::segment::Task| task.has(flag::READY);
            if self.tasks.find(uid).filter(is_ready).is_some() {
                self.tasks.task_mut(uid).set(flag::READY, false);
                self.place(uid);
            }
        }
        self.given.clear();
        if self.ready.is_empty() {
            // Its room is used again.
            self.ready = ready;
        }
    }

    fn place(&mut self, uid: TaskUid) {
        match self.choose(uid) {
            Place::On(worker, transfer_us) => self.assign(uid, worker, transfer_us),
            Place::Nowhere => self.join_unrunnable(uid),
            Place::TooLarge { needed, limit } => {
                let cause = Cause::Memory { needed, limit };
                let key = self.tasks.key(uid).clone();
                let function = self.group_name(uid);
                let error = TaskError { key, function, worker: "".into(), cause };
                self.fail(uid, Arc::new(error));
            }
        }
    }

    fn choose(&mut self, uid: TaskUid) -> Place {
        debug_assert_eq!(self.tasks.state(uid), TaskState::Waiting);
        let inputs = self.tasks.inputs(uid);
        self.weigh(&inputs);
        let allowed = self.allowed(uid);
        let task = self.tasks.task(uid);
        let is_plain = allowed.is_none() && !task.has(flag::SUSPECT);
        if is_plain && !inputs.is_empty() {
            let idle = self.workers.idle.next_around(self.workers.cursor);
            let touched = self.scratch.touched.iter().copied();
            let thief = self.given.get(&uid).copied();
            if let Some(best) = self.cheapest(touched.chain(idle).chain(thief)) {
                if idle == Some(best) {
                    self.workers.cursor = best + 1;
                }
                return Place::On(best, self.transfer_us(best));
            }
        }
        self.choose_of_all(uid, allowed.as_deref(), &inputs)
    }

    /// The slow way: looks at all workers that may run it.
    fn choose_of_all(&self, uid: TaskUid, allowed: Option<&[u32]>, inputs: &Uids) -> Place {
        let is_suspect = self.tasks.task(uid).has(flag::SUSPECT);
        let all: Vec<u32> = match allowed {
            Some(allowed) => allowed.to_vec(),
            None => self.workers.running.iter().collect(),
        };
        if all.is_empty() {
            return Place::Nowhere;
        }
        let is_apart = |number: &u32| {
            let worker = self.workers.get(*number).expect("workers in sets are there");
            !is_suspect || (worker.suspects == 0 && worker.load() < worker.threads())
        };
        let apart = all.iter().copied().filter(is_apart);
        let best = if self.tasks.terms(uid).actor {
            let actors = |number: &u32| self.workers.get(*number).map(|worker| worker.actors);
            apart.filter(|number| self.fits(*number)).min_by_key(actors)
        } else {
            self.cheapest(apart)
        };
        if let Some(best) = best {
            return Place::On(best, self.transfer_us(best));
        }
        let needed = self.distinct_bytes(inputs);
        let limit = |number: &u32| self.workers.get(*number).map_or(0, |w| w.hello.memory_limit);
        let limits = all.iter().map(limit);
        if limits.clone().any(|limit| limit == 0 || limit >= needed) {
            return Place::Nowhere;
        }
        Place::TooLarge { needed, limit: limits.max().unwrap_or(0) }
    }

    /// Notes who holds what of these.
    pub(crate) fn weigh(&mut self, inputs: &Uids) {
        self.scratch.begin();
        let inputs = distinct(inputs);
        let step = inputs.len().div_ceil(SAMPLE).max(1);
        for input in inputs.iter().step_by(step) {
            // Also what has no bytes has to be asked for.
            let nbytes = self.tasks.task(*input).nbytes.saturating_mul(step as u64).max(1);
            self.scratch.total = self.scratch.total.saturating_add(nbytes);
            for holder in self.holders(*input) {
                let host = self.workers.get(holder).map_or(0, |worker| worker.host);
                self.scratch.hold(holder, host, nbytes);
            }
        }
    }

    /// What it takes to bring the inputs that were weighed to the worker.
    pub(crate) fn transfer_us(&self, number: u32) -> u64 {
        let scratch = &self.scratch;
        let held = Scratch::held(&scratch.workers, number, scratch.epoch);
        let missing = scratch.total.saturating_sub(held);
        if missing == 0 {
            return 0;
        }
        let host = self.workers.get(number).map_or(0, |worker| worker.host);
        let near = Scratch::held(&scratch.hosts, host, scratch.epoch).saturating_sub(held);
        let near = near.min(missing);
        // Within a machine bytes move at twice the speed.
        let bytes = (missing - near) + near / 2;
        let us = u128::from(bytes) * 1_000_000 / u128::from(self.bandwidth.max(1));
        u64::try_from(us).unwrap_or(u64::MAX / 4).saturating_add(self.config.latency_us)
    }

    fn cheapest(&self, candidates: impl Iterator<Item = u32>) -> Option<u32> {
        let cost = |number: &u32| {
            let worker = self.workers.get(*number).expect("workers in sets are there");
            let us = worker.backlog_us().saturating_add(self.transfer_us(*number));
            (us, worker.nbytes, *number)
        };
        let takes_tasks = |number: &u32| self.workers.running.contains(*number);
        candidates.filter(takes_tasks).filter(|number| self.fits(*number)).min_by_key(cost)
    }

    /// Is the worker's memory large enough for the inputs that were weighed?
    fn fits(&self, number: u32) -> bool {
        let limit = self.workers.get(number).map_or(0, |worker| worker.hello.memory_limit);
        limit == 0 || self.scratch.total <= limit
    }

    fn distinct_bytes(&self, inputs: &Uids) -> u64 {
        distinct(inputs).iter().map(|input| self.tasks.task(*input).nbytes).sum()
    }
}
