//! Baselines that never change their mind: [`Fixed`].

use raskt_wire::{FromWorker, ToWorker, WorkerId};

use super::books::Books;
use super::graphs::Graph;
use super::machine::{Cluster, Policy};

/// Every task has its worker and its rank from the start, and is sent when it is ready.
pub struct Fixed<'a> {
    books: Books<'a>,
    workers: Vec<u32>,
    ranks: Vec<u32>,
}

impl<'a> Fixed<'a> {
    /// Any worker, in the static order.
    pub fn random(cluster: Cluster, graph: &'a Graph) -> Fixed<'a> {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut draw = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 33) % u64::from(cluster.workers)) as u32
        };
        let workers = graph.tasks.iter().map(|_| draw()).collect();
        let ranks = (0..graph.tasks.len() as u32).collect();
        Fixed { books: Books::new(cluster, graph), workers, ranks }
    }

    /// Heterogeneous earliest finish time (Topcuoglu et al. 2002), without insertion: the
    /// longest way to the end first, each on the worker that would end it first. It knows all
    /// durations and sizes before they are measured.
    pub fn levels(cluster: Cluster, graph: &'a Graph) -> Fixed<'a> {
        let levels = graph.levels(|nbytes| cluster.transfer_us(nbytes));
        let mut order: Vec<u32> = (0..graph.tasks.len() as u32).collect();
        order.sort_by_key(|place| (std::cmp::Reverse(levels[*place as usize]), *place));
        let mut plan = Plan {
            cluster,
            graph,
            workers: vec![0; order.len()],
            ends: vec![0; order.len()],
            free: vec![vec![0; cluster.threads as usize]; cluster.workers as usize],
        };
        let mut ranks = vec![0; order.len()];
        for (rank, place) in order.into_iter().enumerate() {
            ranks[place as usize] = rank as u32;
            plan.put(place);
        }
        Fixed { books: Books::new(cluster, graph), workers: plan.workers, ranks }
    }
}

/// A schedule that is being planned.
struct Plan<'a> {
    cluster: Cluster,
    graph: &'a Graph,
    workers: Vec<u32>,
    ends: Vec<u64>,
    /// When each thread of each worker is free.
    free: Vec<Vec<u64>>,
}

impl Plan<'_> {
    fn put(&mut self, place: u32) {
        let task = &self.graph.tasks[place as usize];
        // When all inputs are anywhere, and for workers that have some, when they are there.
        let arrivals = task.inputs.iter().map(|input| {
            let end = self.ends[*input as usize];
            let away = end + self.cluster.transfer_us(self.graph.tasks[*input as usize].nbytes);
            (self.workers[*input as usize], end, away)
        });
        let arrivals: Vec<(u32, u64, u64)> = arrivals.collect();
        let anywhere = arrivals.iter().map(|arrival| arrival.2).max().unwrap_or(0);
        let mut at = vec![None; self.cluster.workers as usize];
        if arrivals.len() <= 64 {
            for (holder, ..) in &arrivals {
                let time = |(worker, end, away): &(u32, u64, u64)| {
                    if worker == holder { *end } else { *away }
                };
                at[*holder as usize] = arrivals.iter().map(time).max();
            }
        }
        let start = |worker: &u32| {
            let free = self.free[*worker as usize].iter().min().copied().unwrap_or(0);
            free.max(at[*worker as usize].unwrap_or(anywhere))
        };
        let best = (0..self.cluster.workers).min_by_key(|worker| (start(worker), *worker));
        let best = best.unwrap_or(0);
        let end = start(&best) + task.duration_us;
        self.workers[place as usize] = best;
        self.ends[place as usize] = end;
        if let Some(thread) = self.free[best as usize].iter_mut().min() {
            *thread = end;
        }
    }
}

impl Policy for Fixed<'_> {
    fn report(&mut self, _: u64, from: WorkerId, message: FromWorker) {
        self.books.note(from, &message);
    }

    fn flush(&mut self, _: u64, out: &mut Vec<(WorkerId, ToWorker)>) {
        self.books.introduce(out);
        for place in std::mem::take(&mut self.books.ready) {
            let (worker, rank) = (self.workers[place as usize], self.ranks[place as usize]);
            out.push(self.books.order(place, worker, rank));
        }
    }

    fn deadline_us(&self) -> Option<u64> {
        None
    }
}
