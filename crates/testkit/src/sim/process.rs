//! The process of one worker: the machine and the shell around it, with threads, memory and a
//! disk that are not real.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use raskt_wire::{BlobId, Metrics, TaskUid, ToWorker, WorkerHello, WorkerId};
use raskt_worker::{Action, Config, Event, Micros, Worker};

use crate::sim::control::EPOCH_US;
use crate::sim::net::{Conn, End};
use crate::sim::plan::Plan;
use crate::sim::rng::Rng;
use crate::sim::runs::Running;
use crate::sim::store::Store;
use crate::sim::transfers::{Asker, Served};
use crate::sim::world::{Down, Up, What, World};

/// One process, over all its lives.
pub(crate) struct Process {
    at: usize,
    /// Counted up whenever it loses all it had. What was under way for an earlier life is
    /// nobody's business.
    pub(crate) life: u64,
    pub(crate) is_up: bool,
    address: Arc<str>,
    hello: WorkerHello,
    pub(crate) conn: Option<Conn>,
    pub(crate) id: Option<WorkerId>,
    pub(crate) machine: Option<Worker>,
    pub(crate) out: Vec<Action>,
    pub(crate) store: Store,
    pub(crate) blobs: BTreeSet<BlobId>,
    pub(crate) runs: BTreeMap<TaskUid, Running>,
    /// Requests of others that are being served.
    pub(crate) serving: u32,
    pub(crate) is_stopped: bool,
    backlog: Vec<What>,
    /// Until when it has which trouble.
    pub(crate) full_until: u64,
    pub(crate) bad_until: u64,
    pub(crate) slow_until: u64,
    flush_is_due: bool,
    tick_at: Option<u64>,
}

/// Something that happens to a worker.
#[derive(Clone, Debug)]
pub(crate) enum WorkerEvent {
    Flush,
    Tick,
    /// It says how it is.
    Beat,
    /// It measures its memory.
    Watch,
    Seceded(TaskUid),
    Rejoined(TaskUid),
    Ended(TaskUid),
    /// Somebody wants results.
    Asked(Asker, Vec<TaskUid>),
    /// They are on the way.
    Served(Asker, Vec<(TaskUid, Served)>, u64),
    /// What it asked for is there.
    Fetched {
        peer: WorkerId,
        items: Vec<(TaskUid, Served)>,
        bytes: u64,
        us: u64,
    },
    Unreachable {
        peer: WorkerId,
    },
    /// A client brings data: whose, and which item.
    Put {
        client: usize,
        request: u64,
        uid: TaskUid,
        place: usize,
    },
    Spilled(TaskUid, u64),
    Loaded(TaskUid, u64),
}

impl Process {
    pub(crate) fn new(at: usize, plan: &Plan, rng: &mut Rng) -> Process {
        // The first has all that tasks may ask for.
        let gpus = if at == 0 { 1.0 } else { rng.below(3) as f64 };
        let hello = WorkerHello {
            address: "".into(),
            name: format!("worker-{at}").into(),
            host: format!("host-{}", rng.below(2)).into(),
            nthreads: 1 + rng.below(3) as u32,
            memory_limit: plan.memory_limit,
            resources: if gpus > 0.0 { vec![("GPU".into(), gpus)] } else { Vec::new() },
            nanny: if rng.chance(0.5) { "nanny".into() } else { "".into() },
            pid: at as u32,
            local_directory: "".into(),
            dashboard: "".into(),
            versions: Vec::new(),
        };
        Process {
            at,
            life: 0,
            is_up: false,
            address: "".into(),
            hello,
            conn: None,
            id: None,
            machine: None,
            out: Vec::new(),
            store: Store::default(),
            blobs: BTreeSet::new(),
            runs: BTreeMap::new(),
            serving: 0,
            is_stopped: false,
            backlog: Vec::new(),
            full_until: 0,
            bad_until: 0,
            slow_until: 0,
            flush_is_due: false,
            tick_at: None,
        }
    }

    /// All that it had is gone. Gives what had been put off.
    fn reset(&mut self) -> Vec<What> {
        self.life += 1;
        self.is_up = false;
        self.conn = None;
        self.id = None;
        self.machine = None;
        self.out.clear();
        self.store = Store::default();
        self.blobs.clear();
        self.runs.clear();
        self.serving = 0;
        self.is_stopped = false;
        self.flush_is_due = false;
        self.tick_at = None;
        std::mem::take(&mut self.backlog)
    }

    fn config(&self) -> Config {
        Config {
            address: self.address.clone(),
            host: self.hello.host.clone(),
            nthreads: self.hello.nthreads,
            resources: self.hello.resources.clone(),
            memory_limit: self.hello.memory_limit,
            message_bytes: 500_000,
            connections: 3,
            ..Config::default()
        }
    }

    /// Is there nothing left of any task?
    pub(crate) fn is_empty(&self) -> bool {
        let machine = self.machine.as_ref();
        self.runs.is_empty()
            && self.store.is_empty()
            && self.blobs.is_empty()
            && machine.is_some_and(|machine| {
                let view = machine.view();
                view.tasks().is_empty() && view.running().is_empty() && view.in_flight() == 0
            })
    }

    /// What is left, for a message.
    pub(crate) fn leftovers(&self) -> String {
        let view = self.machine.as_ref().map(Worker::view);
        let tasks: Vec<_> = view
            .iter()
            .flat_map(|view| view.tasks().into_iter().map(|uid| (uid, view.status(uid))))
            .collect();
        format!(
            "worker-{} {:?}: tasks {tasks:?}, store {:?}, blobs {:?}, runs {:?}",
            self.at, self.id, self.store, self.blobs, self.runs
        )
    }
}

impl World {
    pub(crate) fn start_process(&mut self, process: usize) {
        let this = &mut self.processes[process];
        if this.is_up {
            return;
        }
        this.is_up = true;
        if this.address.is_empty() {
            this.address = format!("sim://{process}.{}", this.life).into();
        }
        let hello = WorkerHello { address: this.address.clone(), ..this.hello.clone() };
        let life = this.life;
        self.trace.note(self.now, format_args!("worker-{process} starts"));
        let conn = self.connect(End::Worker { process, life });
        self.processes[process].conn = Some(conn);
        self.send_up(conn, Up::WorkerHello(hello));
    }

    /// The process ends at once; its nanny starts it again.
    pub(crate) fn crash(&mut self, process: usize) {
        self.trace.note(self.now, format_args!("worker-{process} crashes"));
        let conn = self.processes[process].conn;
        self.end_life(process, false);
        if let Some(conn) = conn {
            self.cut_line(conn);
        }
    }

    /// The process loses all it had, and starts anew some time, where it was or elsewhere.
    fn end_life(&mut self, process: usize, keeps_address: bool) {
        let this = &mut self.processes[process];
        if !keeps_address {
            this.address = "".into();
        }
        for what in this.reset() {
            if let What::Worker { event, .. } = what {
                self.nobody_is_there(event);
            }
        }
        let after = self.rng.spread(1_000, 2_000_000);
        self.after(after, What::Start(process));
    }

    /// Does the process do nothing now? Then what happens is left for later.
    fn is_put_off(&mut self, process: usize, what: impl FnOnce() -> What) -> bool {
        let this = &mut self.processes[process];
        if this.is_stopped {
            this.backlog.push(what());
        }
        this.is_stopped
    }

    pub(crate) fn continue_process(&mut self, process: usize) {
        let this = &mut self.processes[process];
        if !std::mem::take(&mut this.is_stopped) {
            return;
        }
        self.trace.note(self.now, format_args!("worker-{process} goes on"));
        let backlog = std::mem::take(&mut self.processes[process].backlog);
        for what in backlog {
            match what {
                What::Down(conn, message) => self.on_down(conn, message),
                What::LostBelow(conn) => self.on_lost_below(conn),
                What::Worker { process, life, event } => {
                    self.on_worker_event(process, life, event);
                }
                other => unreachable!("only these are put off: {other:?}"),
            }
        }
    }

    pub(crate) fn on_down(&mut self, conn: Conn, message: Down) {
        let (process, life) = match self.net.end(conn) {
            End::Worker { process, life } => (process, life),
            End::Client(client) => {
                if self.net.is_open(conn) {
                    self.on_client_message(client, message);
                }
                return;
            }
        };
        if !self.net.is_open(conn) || self.processes[process].life != life {
            return;
        }
        if self.is_put_off(process, || What::Down(conn, message.clone())) {
            return;
        }
        self.trace.note(self.now, format_args!("worker-{process} < {message:?}"));
        match message {
            Down::WorkerWelcome(id) => self.welcome(process, life, id),
            Down::Worker(ToWorker::Close { .. }) => {
                self.close_from_below(conn);
                self.end_life(process, false);
            }
            Down::Worker(message) => {
                if let ToWorker::Compute { blobs, .. } = &message {
                    let blobs = blobs.iter().map(|blob| blob.id);
                    self.processes[process].blobs.extend(blobs);
                }
                self.tell_worker(process, Event::FromScheduler(message));
            }
            Down::Client(_) | Down::ClientWelcome => unreachable!("it is no client's line"),
        }
    }

    fn welcome(&mut self, process: usize, life: u64, id: WorkerId) {
        let this = &mut self.processes[process];
        this.id = Some(id);
        this.machine = Some(Worker::new(this.config(), id, Micros(EPOCH_US + self.now)));
        for event in [WorkerEvent::Beat, WorkerEvent::Watch] {
            self.after(100_000, What::Worker { process, life, event });
        }
    }

    /// The worker loses its scheduler: it drops all and joins again, as another one.
    pub(crate) fn on_lost_below(&mut self, conn: Conn) {
        self.shut(conn);
        let End::Worker { process, life } = self.net.end(conn) else { return };
        if self.processes[process].life != life {
            return;
        }
        if self.is_put_off(process, || What::LostBelow(conn)) {
            return;
        }
        self.trace.note(self.now, format_args!("worker-{process} loses the scheduler"));
        let keeps_address = self.rng.chance(0.5);
        self.end_life(process, keeps_address);
    }

    pub(crate) fn on_worker_event(&mut self, process: usize, life: u64, event: WorkerEvent) {
        let this = &self.processes[process];
        if this.life != life || this.machine.is_none() {
            return self.nobody_is_there(event);
        }
        let put_off = || What::Worker { process, life, event: event.clone() };
        if self.is_put_off(process, put_off) {
            return;
        }
        match event {
            WorkerEvent::Flush => self.flush_worker(process),
            WorkerEvent::Tick => self.tick_worker(process),
            WorkerEvent::Beat => self.beat(process, life),
            WorkerEvent::Watch => self.watch(process, life),
            other => {
                self.trace.note(self.now, format_args!("worker-{process}: {other:?}"));
                self.on_work(process, other);
            }
        }
    }

    fn on_work(&mut self, process: usize, event: WorkerEvent) {
        match event {
            WorkerEvent::Seceded(uid) => self.on_seceded(process, uid),
            WorkerEvent::Rejoined(uid) => self.on_rejoined(process, uid),
            WorkerEvent::Ended(uid) => self.on_ended(process, uid),
            WorkerEvent::Asked(asker, uids) => self.on_asked(process, asker, &uids),
            WorkerEvent::Served(asker, items, bytes) => {
                self.on_served(process, asker, items, bytes);
            }
            WorkerEvent::Fetched { peer, items, bytes, us } => {
                self.on_fetched(process, peer, items, bytes, us);
            }
            WorkerEvent::Unreachable { peer } => {
                self.tell_worker(process, Event::Unreachable { peer });
            }
            WorkerEvent::Put { client, request, uid, place } => {
                self.on_put(process, client, request, uid, place);
            }
            WorkerEvent::Spilled(uid, token) => self.on_spilled(process, uid, token),
            WorkerEvent::Loaded(uid, token) => self.on_loaded(process, uid, token),
            _ => {}
        }
    }

    /// Something happens to the machine of a process.
    pub(crate) fn tell_worker(&mut self, process: usize, event: Event) {
        let now = Micros(EPOCH_US + self.now);
        let this = &mut self.processes[process];
        let Some(machine) = &mut this.machine else { return };
        machine.handle(now, event, &mut this.out);
        machine.sanity_check();
        if !this.flush_is_due {
            this.flush_is_due = true;
            let life = this.life;
            let batch = self.rng.spread(1, 2_000) - 1;
            self.after(batch, What::Worker { process, life, event: WorkerEvent::Flush });
        }
        self.do_worker_actions(process);
    }

    fn flush_worker(&mut self, process: usize) {
        let now = Micros(EPOCH_US + self.now);
        let this = &mut self.processes[process];
        this.flush_is_due = false;
        if let Some(machine) = &mut this.machine {
            machine.flush(now, &mut this.out);
        }
        self.do_worker_actions(process);
    }

    fn tick_worker(&mut self, process: usize) {
        let now = Micros(EPOCH_US + self.now);
        let this = &mut self.processes[process];
        if this.tick_at.is_none_or(|at| at > self.now) {
            return;
        }
        this.tick_at = None;
        let Some(machine) = &mut this.machine else { return };
        machine.tick(now, &mut this.out);
        machine.sanity_check();
        machine.flush(now, &mut this.out);
        self.do_worker_actions(process);
    }

    fn do_worker_actions(&mut self, process: usize) {
        let actions = std::mem::take(&mut self.processes[process].out);
        for action in actions {
            self.do_worker_action(process, action);
        }
        let this = &mut self.processes[process];
        let Some(machine) = &this.machine else { return };
        this.store.compare(&machine.view());
        let due = machine.next_deadline().map(|at| at.0.saturating_sub(EPOCH_US).max(self.now));
        if due != this.tick_at {
            this.tick_at = due;
            let life = this.life;
            if let Some(at) = due {
                self.at(at, What::Worker { process, life, event: WorkerEvent::Tick });
            }
        }
    }

    fn do_worker_action(&mut self, process: usize, action: Action) {
        match action {
            Action::Run(order) => self.run(process, *order),
            Action::Resume { uid } => self.resume(process, uid),
            Action::Fetch { peer, uids } => self.ask_peer(process, peer, uids),
            Action::Drop(uid) => self.processes[process].store.remove(uid),
            Action::Spill(uid) => self.spill(process, uid),
            Action::Load(uid) => self.load(process, uid),
            Action::ForgetBlobs(blobs) => {
                self.processes[process].blobs.retain(|blob| !blobs.contains(blob));
            }
            Action::Send(message) => self.report(process, message),
        }
    }

    fn beat(&mut self, process: usize, life: u64) {
        let this = &self.processes[process];
        let (Some(machine), Some(conn)) = (&this.machine, this.conn) else { return };
        let view = machine.view();
        let metrics = Metrics {
            time_us: EPOCH_US + self.now,
            process_bytes: this.store.memory_bytes(),
            spilled_bytes: view.spilled_bytes(),
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
        self.send_up(conn, Up::Worker(raskt_wire::FromWorker::Heartbeat(Box::new(metrics))));
        self.after(1_000_000, What::Worker { process, life, event: WorkerEvent::Beat });
    }

    fn watch(&mut self, process: usize, life: u64) {
        let limit = self.plan.memory_limit;
        if limit == 0 {
            return;
        }
        let noise = if self.is_healed { 0 } else { self.rng.spread(1, limit / 2) };
        let process_bytes = self.processes[process].store.memory_bytes() + noise;
        self.tell_worker(process, Event::Memory { process_bytes });
        self.after(300_000, What::Worker { process, life, event: WorkerEvent::Watch });
    }
}
