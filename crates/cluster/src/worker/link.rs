//! What the threads of a worker share: [`WorkerLink`].

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use raskt_graph::hash::Map;
use raskt_graph::{CodecError, Value};
use raskt_wire::{
    Answer, BlobId, FromWorker, Metrics, Order, Question, RequestError, RequestId, TaskUid,
    WireValue, WorkerHello, WorkerId,
};
use raskt_worker::{Action, Config, Event, Micros, View, Worker};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use super::WorkerOptions;
use super::disk::Disk;
use super::runners::Runners;
use super::shell::Told;
use super::store::{Held, New, Store, StoreError};
use crate::clock::Clock;
use crate::host::Host;
use crate::net::Outbox;

/// A worker, as its tasks, its host and its threads see it.
pub struct WorkerLink {
    hello: WorkerHello,
    id: WorkerId,
    pub(super) host: Arc<dyn Host>,
    pub(super) clock: Clock,
    machine: Mutex<Machine>,
    pub(super) store: Store,
    pub(super) runners: Runners,
    pub(super) blobs: Mutex<Map<BlobId, WireValue>>,
    pub(super) outbox: Outbox,
    disk: Disk,
    pub(super) told: UnboundedSender<Told>,
    /// The machine has something to report, or another deadline.
    pub(super) stepped: Notify,
    /// Tasks that wait for a thread, having left theirs.
    rejoining: Mutex<Map<TaskUid, bool>>,
    resumed: Condvar,
    requests: Mutex<Map<RequestId, Box<Answered>>>,
    last_request: AtomicU64,
    pub(super) sent_bytes: AtomicU64,
    restart: AtomicBool,
    /// Why it takes no part any more, once it does not.
    closed: OnceLock<Arc<str>>,
}

struct Machine {
    worker: Worker,
    actions: Vec<Action>,
}

/// What is to be dropped when no lock is held.
#[derive(Default)]
pub(super) struct Garbage {
    pub(super) values: Vec<Held>,
    pub(super) blobs: Vec<BlobId>,
}

impl Garbage {
    /// Drops it: this may need an interpreter.
    pub(super) fn clear(self, host: &dyn Host) {
        drop(self.values);
        if !self.blobs.is_empty() {
            host.forget(&self.blobs);
        }
    }
}

type Answered = dyn FnOnce(Result<Answer, RequestError>) + Send;

impl WorkerLink {
    pub(super) fn new(
        options: &WorkerOptions,
        config: Config,
        (id, hello): (WorkerId, WorkerHello),
        host: Arc<dyn Host>,
        (outbox, told): (Outbox, UnboundedSender<Told>),
    ) -> Arc<WorkerLink> {
        let clock = Clock::new();
        let nthreads = config.nthreads;
        let worker = Worker::new(config, id, Micros(clock.now_us()));
        Arc::new_cyclic(|link| WorkerLink {
            hello,
            id,
            host,
            clock,
            machine: Mutex::new(Machine { worker, actions: Vec::new() }),
            store: Store::new(options.local_directory.clone()),
            runners: Runners::new(nthreads),
            blobs: Mutex::default(),
            outbox,
            disk: Disk::start(link.clone()),
            told,
            stepped: Notify::new(),
            rejoining: Mutex::default(),
            resumed: Condvar::new(),
            requests: Mutex::default(),
            last_request: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            restart: AtomicBool::new(false),
            closed: OnceLock::new(),
        })
    }

    /// Where others reach it.
    pub fn address(&self) -> &Arc<str> {
        &self.hello.address
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.hello.name
    }

    /// Its number.
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// What it said of itself when it joined.
    pub fn hello(&self) -> &WorkerHello {
        &self.hello
    }

    /// Shared bytes that a task needs.
    pub fn blob(&self, id: BlobId) -> Option<WireValue> {
        self.blobs.lock().get(&id).cloned()
    }

    /// A result that is held here, decoded if it was not.
    ///
    /// # Errors
    /// If it is here and cannot be read.
    pub fn value(&self, uid: TaskUid) -> Result<Option<Value>, CodecError> {
        match self.store.value(uid, &*self.host) {
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Codec(error)) => Err(error),
            Err(StoreError::Missing) => Ok(None),
            Err(StoreError::Io { source, .. }) => {
                Err(CodecError::Decode { type_name: "a spilled value", source: Box::new(source) })
            }
        }
    }

    /// The keys of the results that were made here or brought here, sorted.
    pub fn keys(&self) -> Vec<Arc<str>> {
        self.store.keys()
    }

    /// Whose result has this key, if it is here.
    pub fn uid_of(&self, key: &str) -> Option<TaskUid> {
        self.store.uid_of(key)
    }

    /// Why it has ended, if it has.
    pub fn ended(&self) -> Option<Arc<str>> {
        self.closed.get().cloned()
    }

    /// The running task leaves its thread to others and goes on beside them.
    pub fn secede(self: &Arc<Self>, uid: TaskUid, attempt: u32) {
        self.runners.secede(uid, self);
        self.step(Event::Seceded { uid, attempt });
    }

    /// A task that left its thread waits for one again.
    pub fn rejoin(&self, uid: TaskUid, attempt: u32) {
        self.rejoining.lock().insert(uid, false);
        self.step(Event::Rejoined { uid, attempt });
        let mut rejoining = self.rejoining.lock();
        while !rejoining.get(&uid).copied().unwrap_or(true) && self.ended().is_none() {
            self.resumed.wait(&mut rejoining);
        }
        rejoining.remove(&uid);
        drop(rejoining);
        self.runners.come_back(uid);
    }

    /// Asks the scheduler something; `answered` is called on the worker's loop and must be
    /// short.
    pub fn request(
        &self,
        question: Question,
        answered: impl FnOnce(Result<Answer, RequestError>) + Send + 'static,
    ) {
        let id = RequestId(self.last_request.fetch_add(1, Ordering::Relaxed));
        self.requests.lock().insert(id, Box::new(answered));
        if let Some(reason) = self.ended() {
            return self.answer(id, Err(RequestError::Gone(reason.to_string())));
        }
        self.outbox.send(FromWorker::Request(id, Box::new(question)));
    }

    /// Asks the scheduler something and waits for the answer.
    ///
    /// # Errors
    /// What the scheduler says; that time is up; that the worker has ended.
    pub fn ask(
        &self,
        question: Question,
        timeout: Option<Duration>,
    ) -> Result<Answer, RequestError> {
        let (send, answer) = std::sync::mpsc::channel();
        self.request(question, move |answer| drop(send.send(answer)));
        let gone = || RequestError::Gone("the worker has ended".to_string());
        match timeout {
            None => answer.recv().map_err(|_| gone())?,
            Some(time) => answer.recv_timeout(time).map_err(|error| match error {
                std::sync::mpsc::RecvTimeoutError::Timeout => {
                    RequestError::Timeout(format!("the scheduler did not answer in {time:?}"))
                }
                std::sync::mpsc::RecvTimeoutError::Disconnected => gone(),
            })?,
        }
    }

    /// Ends the worker. Returns at once.
    pub fn close(&self, reason: &str) {
        // If it has ended already, so be it.
        let _ = self.told.send(Told::Close(reason.into()));
    }

    /// Looks at the state of the worker.
    pub fn inspect<T>(&self, look: impl FnOnce(&View<'_>) -> T) -> T {
        look(&self.machine.lock().worker.view())
    }

    /// The folder for its files.
    pub fn local_directory(&self) -> PathBuf {
        PathBuf::from(&*self.hello.local_directory)
    }

    /// Takes tasks from now on.
    pub(super) fn open(self: &Arc<Self>) {
        self.runners.fill(self);
    }

    pub(super) fn is_to_restart(&self) -> bool {
        self.restart.load(Ordering::Relaxed)
    }

    pub(super) fn set_restart(&self, restart: bool) {
        self.restart.store(restart, Ordering::Relaxed);
    }

    /// Something happened, on any thread.
    pub(super) fn step(&self, event: Event) {
        let garbage = self.handle(Vec::new(), event, false);
        self.disk.discard(garbage);
    }

    /// Values came, and this is the event that says so. What is kept and what the machine knows
    /// change as one: otherwise it could drop another value than it means.
    pub(super) fn keep(&self, values: Vec<New>, event: Event) {
        let garbage = self.handle(values, event, false);
        self.disk.discard(garbage);
    }

    /// A task ended on this thread, which is about to take the next.
    pub(super) fn executed(&self, value: Option<New>, event: Event) {
        // A runner may wait for an interpreter: that is what it is for.
        self.handle(value.into_iter().collect(), event, true).clear(&*self.host);
    }

    fn handle(&self, values: Vec<New>, event: Event, takes_next: bool) -> Garbage {
        let mut garbage = Garbage::default();
        {
            let mut machine = self.machine.lock();
            let Machine { worker, actions } = &mut *machine;
            let twice = values.into_iter().filter_map(|value| self.store.insert(value));
            garbage.values.extend(twice);
            worker.handle(Micros(self.clock.now_us()), event, actions);
            self.perform(actions, takes_next, &mut garbage);
        }
        self.stepped.notify_one();
        garbage
    }

    /// Reports what there is to report, and does what is due. Gives the next deadline.
    pub(super) fn flush(&self) -> Option<Instant> {
        let mut garbage = Garbage::default();
        let mut machine = self.machine.lock();
        let Machine { worker, actions } = &mut *machine;
        let now = Micros(self.clock.now_us());
        if worker.next_deadline().is_some_and(|at| at <= now) {
            worker.tick(now, actions);
        }
        worker.flush(now, actions);
        self.perform(actions, false, &mut garbage);
        let deadline = worker.next_deadline().map(|at| self.clock.instant(at.0));
        drop(machine);
        self.disk.discard(garbage);
        deadline
    }

    /// Does what the machine decided, in its order: its lock is held.
    fn perform(&self, actions: &mut Vec<Action>, takes_next: bool, garbage: &mut Garbage) {
        let mut takes_next = takes_next;
        for action in actions.drain(..) {
            match action {
                Action::Run(order) => self.run(order, std::mem::take(&mut takes_next)),
                Action::Fetch { peer, uids } => {
                    // The loop ends only with the worker.
                    let _ = self.told.send(Told::Fetch(peer, uids));
                }
                Action::Drop(uid) => garbage.values.extend(self.store.remove(uid)),
                Action::Spill(uid) => self.disk.spill(uid),
                Action::Load(uid) => self.disk.load(uid),
                Action::ForgetBlobs(ids) => {
                    let mut blobs = self.blobs.lock();
                    ids.iter().for_each(|id| drop(blobs.remove(id)));
                    garbage.blobs.extend(ids);
                }
                Action::Send(message) => self.outbox.send(message),
                Action::Resume { uid } => {
                    if let Some(resumed) = self.rejoining.lock().get_mut(&uid) {
                        *resumed = true;
                    }
                    self.resumed.notify_all();
                }
            }
        }
    }

    fn run(&self, order: Box<Order>, takes_next: bool) {
        self.runners.push(order, takes_next);
    }

    pub(super) fn answer(&self, id: RequestId, answer: Result<Answer, RequestError>) {
        let answered = self.requests.lock().remove(&id);
        if let Some(answered) = answered {
            answered(answer);
        }
    }

    /// How the worker is, as far as the machine knows.
    pub(super) fn metrics(&self) -> Metrics {
        let machine = self.machine.lock();
        let view = machine.worker.view();
        Metrics {
            time_us: self.clock.now_us(),
            spilled_bytes: view.spilled_bytes(),
            managed_bytes: view.managed_bytes(),
            executing: view.executing() as u32,
            ready: view.ready() as u32,
            waiting: view.waiting() as u32,
            in_flight: view.in_flight() as u32,
            received_bytes: view.received_bytes(),
            sent_bytes: self.sent_bytes.load(Ordering::Relaxed),
            bandwidth: view.bandwidth(),
            running: view.running(),
            ..Metrics::default()
        }
    }

    /// The worker has ended: nobody waits any longer, nothing is kept.
    pub(super) fn shut(&self, reason: &Arc<str>) {
        // The first reason is the reason.
        let _ = self.closed.set(reason.clone());
        self.runners.close();
        {
            // Whoever is about to wait has not looked yet.
            let _rejoining = self.rejoining.lock();
            self.resumed.notify_all();
        }
        let requests = std::mem::take(&mut *self.requests.lock());
        for (_, answered) in requests {
            answered(Err(RequestError::Gone(reason.to_string())));
        }
        self.disk.discard(Garbage { values: self.store.clear(), blobs: Vec::new() });
        self.blobs.lock().clear();
        self.host.ended();
    }
}
