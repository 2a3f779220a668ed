//! The policy of Dask's scheduler, from a description of it: [`Dask`].
//!
//! 1. Root-like tasks wait in a queue and go to the worker with the fewest tasks.
//! 2. Other tasks go to a holder of an input, where they start first.
//! 3. Once a second, idle workers take tasks from busy ones, cheap ones to move first.

use std::collections::{BTreeMap, BTreeSet};

use raskt_wire::{FromWorker, ToWorker, WorkerId};

use super::books::Books;
use super::graphs::Graph;
use super::machine::{Cluster, Policy};

const SATURATION: f64 = 1.1;
const UNKNOWN_US: u64 = 500_000;
const STEAL_EVERY_US: u64 = 1_000_000;
/// What it takes to steal a task, besides its bytes.
const STEAL_US: u64 = 100_000;
const LEVELS: i32 = 15;

/// The scheduler of Dask, as far as it places and moves tasks.
pub struct Dask<'a> {
    books: Books<'a>,
    workers: Vec<Load>,
    /// Which worker has which task to run.
    on: BTreeMap<u32, u32>,
    /// By kind: how long its tasks run, if known.
    means: Vec<Option<u64>>,
    is_rootish: Vec<bool>,
    queue: BTreeSet<u32>,
    /// Tasks that were asked for, and for whom.
    stealing: BTreeMap<u32, u32>,
    /// Tasks that were given back, and for whom.
    given: Vec<(u32, u32)>,
    steal_at: u64,
    placed: u64,
}

/// What a worker has to do.
#[derive(Clone, Default)]
struct Load {
    /// Tasks, and what their transfers take.
    processing: BTreeMap<u32, u64>,
    /// How many of each kind.
    kinds: Vec<u64>,
    transfer_us: u64,
    nbytes: u64,
}

impl<'a> Dask<'a> {
    /// With all workers there and the graph submitted.
    pub fn new(cluster: Cluster, graph: &'a Graph) -> Dask<'a> {
        let load = Load { kinds: vec![0; graph.kinds.len()], ..Load::default() };
        Dask {
            books: Books::new(cluster, graph),
            workers: vec![load; cluster.workers as usize],
            on: BTreeMap::new(),
            means: vec![None; graph.kinds.len()],
            is_rootish: rootish(cluster, graph),
            queue: BTreeSet::new(),
            stealing: BTreeMap::new(),
            given: Vec::new(),
            steal_at: STEAL_EVERY_US,
            placed: 0,
        }
    }

    fn kind(&self, place: u32) -> usize {
        self.books.graph.tasks[place as usize].kind as usize
    }

    fn duration_us(&self, place: u32) -> u64 {
        self.means[self.kind(place)].unwrap_or(UNKNOWN_US)
    }

    fn threads(&self) -> u64 {
        u64::from(self.books.cluster.threads)
    }

    fn occupancy_us(&self, worker: u32) -> u64 {
        let load = &self.workers[worker as usize];
        let kinds = load.kinds.iter().zip(&self.means);
        load.transfer_us + kinds.map(|(n, mean)| n * mean.unwrap_or(UNKNOWN_US)).sum::<u64>()
    }

    fn transfer_us(&self, place: u32, worker: u32) -> u64 {
        let nbytes = u128::from(self.books.lacks(place, worker).unwrap_or(0));
        (nbytes * 1_000_000 / u128::from(self.books.cluster.bandwidth)) as u64
    }

    fn objective(&self, place: u32, worker: u32) -> (u64, u64, u32) {
        let start = self.occupancy_us(worker) / self.threads() + self.transfer_us(place, worker);
        (start, self.workers[worker as usize].nbytes, worker)
    }

    fn decide(&self, place: u32) -> u32 {
        let graph = self.books.graph;
        let all = 0..self.books.cluster.workers;
        let inputs = &graph.tasks[place as usize].inputs;
        let holders = inputs.iter().flat_map(|input| &self.books.holders[*input as usize]);
        let holders: BTreeSet<u32> = holders.copied().collect();
        let best = if !holders.is_empty() {
            holders.into_iter().min_by_key(|worker| self.objective(place, *worker))
        } else if all.end < 20 {
            let first = (self.placed % u64::from(all.end)) as u32;
            let turn = |worker: &u32| (worker + all.end - first) % all.end;
            all.clone().min_by_key(|worker| (self.occupancy_us(*worker), turn(worker)))
        } else {
            Some((self.placed % u64::from(all.end)) as u32)
        };
        best.unwrap_or(0)
    }

    fn assign(&mut self, place: u32, worker: u32) -> (WorkerId, ToWorker) {
        let (us, kind) = (self.transfer_us(place, worker), self.kind(place));
        let load = &mut self.workers[worker as usize];
        load.processing.insert(place, us);
        load.kinds[kind] += 1;
        load.transfer_us += us;
        self.on.insert(place, worker);
        self.placed += 1;
        self.books.order(place, worker, place)
    }

    fn leave(&mut self, place: u32) {
        let kind = self.kind(place);
        let Some(worker) = self.on.remove(&place) else { return };
        let load = &mut self.workers[worker as usize];
        load.transfer_us -= load.processing.remove(&place).unwrap_or(0);
        load.kinds[kind] -= 1;
        self.stealing.remove(&place);
    }

    fn hand_out(&mut self, out: &mut Vec<(WorkerId, ToWorker)>) {
        let slots = (SATURATION * self.threads() as f64).ceil().max(1.0) as usize;
        while let Some(place) = self.queue.first().copied() {
            let load = |worker: &u32| self.workers[*worker as usize].processing.len();
            let least = (0..self.books.cluster.workers).min_by_key(load);
            let Some(worker) = least.filter(|worker| load(worker) < slots) else { return };
            self.queue.remove(&place);
            out.push(self.assign(place, worker));
        }
    }

    /// Moves tasks from busy workers to idle ones.
    fn balance(&mut self, out: &mut Vec<(WorkerId, ToWorker)>) {
        let threads = self.threads();
        let all = 0..self.books.cluster.workers;
        let mut busy: Vec<i64> = all.clone().map(|w| self.occupancy_us(w) as i64).collect();
        for (place, thief) in &self.stealing {
            let us = self.duration_us(*place) as i64;
            busy[*thief as usize] += us;
            if let Some(victim) = self.on.get(place) {
                busy[*victim as usize] -= us;
            }
        }
        let mean = busy.iter().sum::<i64>() / busy.len().max(1) as i64;
        let tasks = |worker: &u32| self.workers[*worker as usize].processing.len() as u64;
        let is_idle = |w: &u32| tasks(w) < threads || busy[*w as usize] < mean / 2;
        let thieves: Vec<u32> = all.clone().filter(is_idle).collect();
        let is_busy = |w: &u32| tasks(w) > threads && busy[*w as usize] > 200_000;
        let mut victims: Vec<u32> = all.filter(is_busy).collect();
        victims.sort_by_key(|victim| std::cmp::Reverse(busy[*victim as usize]));
        victims.truncate(10);
        for (place, victim) in self.by_level(&victims) {
            if !thieves.iter().any(|thief| busy[*thief as usize] < busy[victim as usize]) {
                continue;
            }
            let us = self.duration_us(place) as i64;
            let cost = |worker: u32| self.transfer_us(place, worker) as i64;
            let there = |thief: &u32| busy[*thief as usize] / threads as i64 + cost(*thief);
            let Some(thief) = thieves.iter().copied().min_by_key(there) else { return };
            let here = busy[victim as usize] - (cost(victim) + us) / 2;
            if busy[thief as usize] + cost(thief) + us <= here {
                busy[thief as usize] += cost(thief) + us;
                busy[victim as usize] -= us;
                self.stealing.insert(place, thief);
                out.push(self.books.retract(place, victim));
            }
        }
    }

    /// Tasks that could be moved, and where they are, those first whose move costs least.
    fn by_level(&self, victims: &[u32]) -> Vec<(u32, u32)> {
        let mut levels = Vec::new();
        for victim in victims {
            for place in self.workers[*victim as usize].processing.keys() {
                let inputs = &self.books.graph.tasks[*place as usize].inputs;
                let sizes = inputs.iter().map(|i| self.books.graph.tasks[*i as usize].nbytes);
                let us = sizes.sum::<u64>() * 1_000_000 / self.books.cluster.bandwidth + STEAL_US;
                let ratio = us as f64 / self.duration_us(*place).max(1) as f64;
                let level = if inputs.is_empty() { 0 } else { ratio.log2().round() as i32 + 6 };
                if level < LEVELS && !self.stealing.contains_key(place) {
                    levels.push((level.max(0), *place, *victim));
                }
            }
        }
        levels.sort_by_key(|(level, ..)| *level);
        levels.into_iter().map(|(_, place, victim)| (place, victim)).collect()
    }
}

/// For each kind: are there many of it, over few others?
fn rootish(cluster: Cluster, graph: &Graph) -> Vec<bool> {
    let mut sizes = vec![0_u32; graph.kinds.len()];
    let mut over: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); graph.kinds.len()];
    for task in &graph.tasks {
        sizes[task.kind as usize] += 1;
        let kinds = task.inputs.iter().map(|input| graph.tasks[*input as usize].kind);
        over[task.kind as usize].extend(kinds);
    }
    let few = |kinds: &BTreeSet<u32>| kinds.iter().map(|k| sizes[*k as usize]).sum::<u32>() < 5;
    let many = |size: u32| size > 2 * cluster.workers * cluster.threads;
    over.iter().zip(&sizes).map(|(kinds, size)| many(*size) && few(kinds)).collect()
}

impl Policy for Dask<'_> {
    fn report(&mut self, _: u64, from: WorkerId, message: FromWorker) {
        if let FromWorker::Retracted { uid, given, .. } = &message {
            let thief = self.stealing.remove(&uid.index);
            if let Some(thief) = thief.filter(|_| *given) {
                self.leave(uid.index);
                self.given.push((uid.index, thief));
            }
        }
        for (place, us) in self.books.note(from, &message) {
            self.leave(place);
            let kind = self.kind(place);
            self.means[kind] = Some(self.means[kind].map_or(us, |mean| mean.midpoint(us)));
            let nbytes = self.books.graph.tasks[place as usize].nbytes;
            self.workers[from.0 as usize].nbytes += nbytes;
        }
    }

    fn flush(&mut self, now_us: u64, out: &mut Vec<(WorkerId, ToWorker)>) {
        self.books.introduce(out);
        for (place, thief) in std::mem::take(&mut self.given) {
            out.push(self.assign(place, thief));
        }
        let mut ready = std::mem::take(&mut self.books.ready);
        ready.sort_unstable();
        for place in ready {
            if self.is_rootish[self.kind(place)] {
                self.queue.insert(place);
            } else {
                let worker = self.decide(place);
                out.push(self.assign(place, worker));
            }
        }
        self.hand_out(out);
        if now_us >= self.steal_at {
            self.steal_at = now_us + STEAL_EVERY_US;
            self.balance(out);
        }
    }

    fn deadline_us(&self) -> Option<u64> {
        Some(self.steal_at)
    }
}
