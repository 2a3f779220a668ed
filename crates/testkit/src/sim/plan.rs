//! What a seed has in store: the size of the cluster, and which faults happen how often and
//! when. Each seed has another mix of faults, many of them none of most kinds: what goes wrong
//! together by chance must also be seen alone.

use crate::sim::rng::Rng;

/// The whole plan of a run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) workers: usize,
    pub(crate) clients: usize,
    /// How many graphs each client submits, about, and of how many tasks at most.
    pub(crate) graphs: usize,
    pub(crate) tasks: usize,
    /// Until when there are faults, in microseconds from the start.
    pub(crate) trouble_us: u64,
    pub(crate) latency_us: u64,
    /// Bytes a microsecond.
    pub(crate) bandwidth: u64,
    pub(crate) memory_limit: u64,
    pub(crate) worker_ttl_us: Option<u64>,
    pub(crate) stealing: bool,
    pub(crate) rates: Rates,
    pub(crate) faults: Vec<(u64, Fault)>,
}

/// How often something is so; 0 is never.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rates {
    /// Reports that come twice, the second time late.
    pub(crate) duplicates: f64,
    /// Tasks that fail.
    pub(crate) errors: f64,
    /// Tasks that kill their worker.
    pub(crate) killers: f64,
    /// Results that cannot be turned into bytes.
    pub(crate) unreadable: f64,
    /// Runs that end with the wish to run elsewhere.
    pub(crate) reschedules: f64,
    /// Runs that leave their thread for a while.
    pub(crate) secedes: f64,
    pub(crate) actors: f64,
    /// Tasks that need resources, or a certain worker.
    pub(crate) terms: f64,
    /// Steps of clients.
    pub(crate) cancels: f64,
    pub(crate) releases: f64,
    pub(crate) scatters: f64,
    pub(crate) retires: f64,
    pub(crate) replicates: f64,
    pub(crate) rebalances: f64,
    pub(crate) restarts: f64,
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// The process of a worker ends, and is started again.
    Crash { worker: usize },
    /// A connection breaks.
    Disconnect { worker: usize },
    /// Nothing gets from the worker to the scheduler, or the other way, or neither.
    Cut { worker: usize, up: bool, down: bool, us: u64 },
    /// Two workers cannot reach each other.
    CutPeers { a: usize, b: usize, us: u64 },
    /// A process does nothing for a while.
    Stop { worker: usize, us: u64 },
    /// Nothing can be written to a disk.
    FullDisk { worker: usize, us: u64 },
    /// What is on a disk cannot be read.
    BadDisk { worker: usize, us: u64 },
    /// Tasks take much longer.
    Slow { worker: usize, us: u64 },
    /// A client is gone without a word.
    LoseClient { client: usize },
}

const SECOND: u64 = 1_000_000;

impl Plan {
    pub(crate) fn new(rng: &mut Rng) -> Plan {
        let workers = 1 + rng.below(6);
        let clients = 1 + rng.below(2) + rng.below(2);
        let trouble_us = rng.between(2, 12) * SECOND;
        let mut plan = Plan {
            workers,
            clients,
            graphs: 1 + rng.below(5),
            tasks: rng.spread(4, 250) as usize,
            trouble_us,
            latency_us: rng.spread(50, 30_000),
            bandwidth: rng.spread(1, 200),
            memory_limit: if rng.chance(0.5) { rng.spread(200_000, 20_000_000) } else { 0 },
            worker_ttl_us: rng.chance(0.5).then(|| rng.between(3, 30) * SECOND),
            stealing: rng.chance(0.8),
            rates: Rates::new(rng),
            faults: Vec::new(),
        };
        if plan.rates.unreadable > 0.0 {
            // A worker with a result that cannot be moved can not retire.
            plan.rates.retires = 0.0;
        }
        plan.faults = plan.new_faults(rng);
        plan
    }

    fn new_faults(&self, rng: &mut Rng) -> Vec<(u64, Fault)> {
        // Some kinds only, so that each is also seen without the others.
        let kinds: Vec<usize> = (0..9).filter(|_| rng.chance(0.4)).collect();
        let count = if rng.chance(0.2) { 0 } else { rng.spread(1, 16) };
        let mut faults = Vec::new();
        for _ in 0..count {
            let Some(kind) = rng.pick(&kinds) else { break };
            let at = rng.below(self.trouble_us as usize) as u64;
            let worker = rng.below(self.workers);
            let us = rng.spread(1_000, 20 * SECOND);
            faults.push((
                at,
                match kind {
                    0 => Fault::Crash { worker },
                    1 => Fault::Disconnect { worker },
                    2 => {
                        let up = rng.chance(0.6);
                        Fault::Cut { worker, up, down: !up || rng.chance(0.5), us }
                    }
                    3 => Fault::CutPeers { a: worker, b: rng.below(self.workers), us },
                    4 => Fault::Stop { worker, us },
                    5 => Fault::FullDisk { worker, us },
                    6 => Fault::BadDisk { worker, us },
                    7 => Fault::Slow { worker, us },
                    _ => Fault::LoseClient { client: rng.below(self.clients) },
                },
            ));
        }
        faults
    }
}

impl Rates {
    fn new(rng: &mut Rng) -> Rates {
        let mut some = |often: f64, high: f64| {
            if rng.chance(often) { high * (1 + rng.below(4)) as f64 / 4.0 } else { 0.0 }
        };
        Rates {
            duplicates: some(0.3, 0.3),
            errors: some(0.4, 0.2),
            killers: some(0.1, 0.05),
            unreadable: some(0.1, 0.1),
            reschedules: some(0.2, 0.2),
            secedes: some(0.3, 0.4),
            actors: some(0.1, 0.1),
            terms: some(0.3, 0.4),
            cancels: some(0.4, 1.0),
            releases: some(0.6, 1.0),
            scatters: some(0.3, 1.0),
            retires: some(0.15, 0.5),
            replicates: some(0.15, 0.5),
            rebalances: some(0.1, 0.5),
            restarts: some(0.05, 0.3),
        }
    }
}
