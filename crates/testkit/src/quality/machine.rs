//! Workers with threads, and links with bandwidth and latency, on a virtual clock: what a
//! schedule takes. Each worker is the production machine, whoever gives it orders.
//!
//! Every worker has one link in and one out. Transfers go over both at full speed, one after
//! the other in the order in which they were asked for. Deciding takes no time.

use std::collections::{BTreeMap, BTreeSet};

use raskt_wire::{FromWorker, Metrics, Order, Span, TaskUid, ToWorker, WorkerId};
use raskt_worker::view::Status;
use raskt_worker::{Action, Config, Event, Got, Micros, Outcome, Worker};

use super::graphs::Graph;

/// How often workers say how they are.
const BEAT_US: u64 = 1_000_000;
/// Nothing here takes longer.
const LIMIT_US: u64 = 100_000_000_000;

/// The cluster that a graph runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// How many workers, each on a machine of its own.
    pub workers: u32,
    /// How many threads each has.
    pub threads: u32,
    /// Bytes a second of each link.
    pub bandwidth: u64,
    /// How long a message is on its way, in microseconds.
    pub latency_us: u64,
}

impl Cluster {
    /// With links of 10 Gbit/s.
    pub fn new(workers: u32, threads: u32) -> Cluster {
        Cluster { workers, threads, bandwidth: 1_000_000_000, latency_us: 100 }
    }

    /// How long so many bytes take on an empty link.
    pub fn transfer_us(&self, nbytes: u64) -> u64 {
        let us = u128::from(nbytes) * 1_000_000 / u128::from(self.bandwidth.max(1));
        2 * self.latency_us + u64::try_from(us).unwrap_or(u64::MAX / 4)
    }
}

/// Who decides which worker runs what.
pub trait Policy {
    /// A worker reports.
    fn report(&mut self, now_us: u64, from: WorkerId, message: FromWorker);
    /// All that happened at this time was reported: what workers are to be told now.
    fn flush(&mut self, now_us: u64, out: &mut Vec<(WorkerId, ToWorker)>);
    /// When it wants to be asked again, if nothing happens before.
    fn deadline_us(&self) -> Option<u64>;
}

/// What came of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// From the start until the policy knew that all is there.
    pub makespan_us: u64,
    /// What went over the links.
    pub moved_bytes: u64,
}

/// Lets a policy run a graph.
///
/// # Errors
/// It never gets to the end.
pub fn run(cluster: Cluster, graph: &Graph, policy: &mut dyn Policy) -> Result<Run, String> {
    Machine::new(cluster, graph).run(policy)
}

#[derive(Debug)]
enum What {
    Up(WorkerId, FromWorker),
    Down(WorkerId, ToWorker),
    Ended { at: usize, uid: TaskUid, attempt: u32, started_us: u64 },
    Fetched { at: usize, peer: WorkerId, items: Vec<(TaskUid, Got)>, nbytes: u64, us: u64 },
    Beat(usize),
}

/// Until when the links of a worker are taken.
#[derive(Clone, Copy, Default)]
struct Links {
    out_us: u64,
    in_us: u64,
}

struct Machine<'a> {
    cluster: Cluster,
    graph: &'a Graph,
    now: u64,
    workers: Vec<Worker>,
    /// When each worker wants to be asked again.
    due: Vec<Option<u64>>,
    links: Vec<Links>,
    agenda: BTreeMap<(u64, u64), What>,
    entries: u64,
    /// Workers that may have something to report.
    touched: BTreeSet<usize>,
    /// Tasks that have ended, as far as the policy knows.
    is_done: Vec<bool>,
    left: usize,
    moved_bytes: u64,
}

impl<'a> Machine<'a> {
    fn new(cluster: Cluster, graph: &'a Graph) -> Machine<'a> {
        let worker = |number: u32| {
            let host = format!("host-{number}").into();
            let config = Config { nthreads: cluster.threads, host, ..Config::default() };
            Worker::new(config, WorkerId(number), Micros(0))
        };
        let count = cluster.workers as usize;
        let mut machine = Machine {
            cluster,
            graph,
            now: 0,
            workers: (0..cluster.workers).map(worker).collect(),
            due: vec![None; count],
            links: vec![Links::default(); count],
            agenda: BTreeMap::new(),
            entries: 0,
            touched: BTreeSet::new(),
            is_done: vec![false; graph.tasks.len()],
            left: graph.tasks.len(),
            moved_bytes: 0,
        };
        (0..count).for_each(|at| machine.after(BEAT_US, What::Beat(at)));
        machine
    }

    fn after(&mut self, us: u64, what: What) {
        self.entries += 1;
        self.agenda.insert((self.now + us, self.entries), what);
    }

    fn run(mut self, policy: &mut dyn Policy) -> Result<Run, String> {
        let mut out = Vec::new();
        loop {
            while let Some(entry) = self.agenda.first_entry() {
                if entry.key().0 > self.now {
                    break;
                }
                let what = entry.remove();
                self.happen(what, policy);
            }
            self.ask_late_workers();
            self.flush_workers();
            policy.flush(self.now, &mut out);
            for (worker, message) in out.drain(..) {
                self.after(self.cluster.latency_us, What::Down(worker, message));
            }
            if self.left == 0 {
                return Ok(Run { makespan_us: self.now, moved_bytes: self.moved_bytes });
            }
            let first = self.agenda.first_key_value().map(|(key, _)| key.0);
            let due = self.due.iter().copied().flatten();
            let next = due.chain(first).chain(policy.deadline_us()).min().unwrap_or(LIMIT_US);
            // Who is asked too late is not asked twice at the same time.
            self.now = next.max(self.now + 1);
            if self.now >= LIMIT_US {
                return Err(format!("{} tasks of {} never end", self.left, self.graph.name));
            }
        }
    }

    fn happen(&mut self, what: What, policy: &mut dyn Policy) {
        match what {
            What::Up(from, message) => {
                if let FromWorker::Finished(all) = &message {
                    for finished in all {
                        let done = &mut self.is_done[finished.uid.index as usize];
                        self.left -= usize::from(!std::mem::replace(done, true));
                    }
                }
                policy.report(self.now, from, message);
            }
            What::Down(worker, message) => {
                self.tell(worker.0 as usize, Event::FromScheduler(message));
            }
            What::Ended { at, uid, attempt, started_us } => {
                let nbytes = self.nbytes(uid);
                let outcome = Outcome::Done { nbytes, type_name: "t".into(), inline: None };
                let compute_us = self.now - started_us;
                let span = Span { start_us: started_us, compute_us, transfer_us: 0, thread: 0 };
                self.tell(at, Event::Executed { uid, attempt, outcome, span });
            }
            What::Fetched { at, peer, items, nbytes, us } => {
                let (received_bytes, took_us) = (nbytes, us);
                self.tell(at, Event::Fetched { peer, items, received_bytes, took_us });
            }
            What::Beat(at) => self.beat(at),
        }
    }

    fn nbytes(&self, uid: TaskUid) -> u64 {
        self.graph.tasks[uid.index as usize].nbytes
    }

    fn tell(&mut self, at: usize, event: Event) {
        let mut actions = Vec::new();
        self.workers[at].handle(Micros(self.now), event, &mut actions);
        self.touched.insert(at);
        self.act(at, actions);
    }

    fn ask_late_workers(&mut self) {
        for at in 0..self.due.len() {
            if self.due[at].is_some_and(|due| due <= self.now) {
                let mut actions = Vec::new();
                self.workers[at].tick(Micros(self.now), &mut actions);
                self.touched.insert(at);
                self.act(at, actions);
            }
        }
    }

    fn flush_workers(&mut self) {
        for at in std::mem::take(&mut self.touched) {
            let mut actions = Vec::new();
            self.workers[at].flush(Micros(self.now), &mut actions);
            self.act(at, actions);
            self.due[at] = self.workers[at].next_deadline().map(|due| due.0);
        }
    }

    fn act(&mut self, at: usize, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Run(order) => self.start(at, &order),
                Action::Fetch { peer, uids } => self.fetch(at, peer, uids),
                Action::Send(message) => {
                    let from = WorkerId(at as u32);
                    self.after(self.cluster.latency_us, What::Up(from, message));
                }
                // Memory has no limit here, and there are no blobs.
                _ => {}
            }
        }
    }

    fn start(&mut self, at: usize, order: &Order) {
        let us = self.graph.tasks[order.uid.index as usize].duration_us;
        let (uid, attempt, started_us) = (order.uid, order.attempt, self.now);
        self.after(us.max(1), What::Ended { at, uid, attempt, started_us });
    }

    fn fetch(&mut self, at: usize, peer: WorkerId, uids: Vec<TaskUid>) {
        let source = peer.0 as usize;
        let view = self.workers[source].view();
        let (mut items, mut nbytes) = (Vec::new(), 0);
        for uid in uids {
            let is_there = view.status(uid) == Some(Status::Memory);
            let size = self.nbytes(uid);
            nbytes += if is_there { size } else { 0 };
            items.push((uid, if is_there { Got::Ok(size) } else { Got::Missing }));
        }
        self.moved_bytes += nbytes;
        let latency = self.cluster.latency_us;
        let wire_us = self.cluster.transfer_us(nbytes) - 2 * latency;
        let start = (self.now + latency).max(self.links[source].out_us).max(self.links[at].in_us);
        self.links[source].out_us = start + wire_us;
        self.links[at].in_us = start + wire_us;
        let us = start + wire_us + latency - self.now;
        self.after(us.max(1), What::Fetched { at, peer, items, nbytes, us });
    }

    fn beat(&mut self, at: usize) {
        let view = self.workers[at].view();
        let metrics = Metrics {
            time_us: self.now,
            process_bytes: view.managed_bytes(),
            managed_bytes: view.managed_bytes(),
            executing: view.executing() as u32,
            ready: view.ready() as u32,
            waiting: view.waiting() as u32,
            in_flight: view.in_flight() as u32,
            received_bytes: view.received_bytes(),
            bandwidth: view.bandwidth(),
            running: view.running(),
            ..Metrics::default()
        };
        let message = FromWorker::Heartbeat(Box::new(metrics));
        self.after(self.cluster.latency_us, What::Up(WorkerId(at as u32), message));
        self.after(BEAT_US, What::Beat(at));
    }
}
