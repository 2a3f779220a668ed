//! The virtual clock, and everybody who lives by it: [`World`].

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use raskt_wire::{ClientHello, FromClient, FromWorker, ToClient, ToWorker, WorkerHello, WorkerId};

use crate::sim::client::{Client, ClientEvent};
use crate::sim::code::Code;
use crate::sim::control::Control;
use crate::sim::net::{Conn, Net};
use crate::sim::plan::{Fault, Plan};
use crate::sim::process::{Process, WorkerEvent};
use crate::sim::rng::Rng;
use crate::sim::trace::Trace;

/// A cluster and its clients, and what is going to happen to them.
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) rng: Rng,
    pub(crate) plan: Plan,
    pub(crate) code: Code,
    pub(crate) trace: Trace,
    pub(crate) net: Net,
    pub(crate) control: Control,
    pub(crate) processes: Vec<Process>,
    pub(crate) clients: Vec<Client>,
    agenda: BinaryHeap<Reverse<Entry>>,
    entries: u64,
    /// No faults any more.
    pub(crate) is_healed: bool,
    /// What excuses errors: see `verdict.rs`.
    pub(crate) cancelled: BTreeSet<usize>,
    pub(crate) losses: u32,
    pub(crate) restarts: u32,
    pub(crate) tasks_run: u64,
}

/// What happens at a point in time. Of two at the same time, the one that was entered first
/// comes first.
struct Entry {
    at: u64,
    number: u64,
    what: What,
}

/// Something that is going to happen.
#[derive(Debug)]
pub(crate) enum What {
    /// A message arrives.
    Up(Conn, Up),
    Down(Conn, Down),
    /// A report of a worker comes a second time, by another way.
    Late(WorkerId, FromWorker),
    /// The scheduler learns that a connection broke; the other end does.
    LostAbove(Conn),
    LostBelow(Conn),
    FlushScheduler,
    TickScheduler,
    Worker {
        process: usize,
        life: u64,
        event: WorkerEvent,
    },
    /// A process starts, or one that was stopped goes on.
    Start(usize),
    Continue(usize),
    Client(usize, ClientEvent),
    Fault(Fault),
    Heal,
}

/// To the scheduler.
#[derive(Clone, Debug)]
pub(crate) enum Up {
    WorkerHello(WorkerHello),
    Worker(FromWorker),
    ClientHello(ClientHello),
    Client(FromClient),
}

/// From the scheduler.
#[derive(Clone, Debug)]
pub(crate) enum Down {
    WorkerWelcome(WorkerId),
    Worker(ToWorker),
    ClientWelcome,
    Client(ToClient),
}

impl World {
    pub(crate) fn new(seed: u64, keeps_lines: bool) -> World {
        let mut rng = Rng::new(seed);
        let plan = Plan::new(&mut rng);
        let mut world = World {
            now: 0,
            code: Code::default(),
            trace: Trace::new(keeps_lines),
            net: Net::default(),
            control: Control::new(&plan),
            processes: (0..plan.workers).map(|at| Process::new(at, &plan, &mut rng)).collect(),
            clients: (0..plan.clients).map(Client::new).collect(),
            agenda: BinaryHeap::new(),
            entries: 0,
            is_healed: false,
            cancelled: BTreeSet::new(),
            losses: 0,
            restarts: 0,
            tasks_run: 0,
            rng,
            plan,
        };
        world.trace.note(0, format_args!("seed {seed}: {:?}", world.plan));
        for process in 0..world.processes.len() {
            let at = world.rng.below(200_000) as u64;
            world.after(at, What::Start(process));
        }
        for client in 0..world.clients.len() {
            let at = world.rng.below(500_000) as u64;
            world.after(at, What::Client(client, ClientEvent::Start));
        }
        for (at, fault) in world.plan.faults.clone() {
            world.after(at, What::Fault(fault));
        }
        world.after(world.plan.trouble_us, What::Heal);
        world
    }

    /// Enters what happens so many microseconds from now.
    pub(crate) fn after(&mut self, us: u64, what: What) {
        self.at(self.now + us, what);
    }

    pub(crate) fn at(&mut self, at: u64, what: What) {
        self.entries += 1;
        self.agenda.push(Reverse(Entry { at: at.max(self.now), number: self.entries, what }));
    }

    /// How many things were entered so far.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// Lets the next thing happen. False: nothing is left to happen.
    pub(crate) fn step(&mut self) -> bool {
        let Some(Reverse(entry)) = self.agenda.pop() else { return false };
        self.now = entry.at;
        self.happen(entry.what);
        true
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Up(conn, message) => self.on_up(conn, message),
            What::Down(conn, message) => self.on_down(conn, message),
            What::Late(worker, message) => self.on_late(worker, message),
            What::LostAbove(conn) => self.on_lost_above(conn),
            What::LostBelow(conn) => self.on_lost_below(conn),
            What::FlushScheduler => self.flush_scheduler(),
            What::TickScheduler => self.tick_scheduler(),
            What::Worker { process, life, event } => self.on_worker_event(process, life, event),
            What::Start(process) => self.start_process(process),
            What::Continue(process) => self.continue_process(process),
            What::Client(client, event) => self.on_client_event(client, event),
            What::Fault(fault) => self.on_fault(fault),
            What::Heal => self.heal(),
        }
    }

    /// How long a message or a small thing takes.
    pub(crate) fn latency(&mut self) -> u64 {
        let usual = self.plan.latency_us;
        self.rng.spread(usual / 4 + 1, usual * 2 + 1)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.number == other.number
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}
