//! The machine itself: [`Worker`]. What it does with each event is in the files named after
//! the concern.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use raskt_graph::hash::Map;
use raskt_wire::{Finished, FromWorker, TaskUid, ToWorker, WorkerId};

use crate::config::Config;
use crate::event::{Action, Event, Micros};
use crate::memory::Memory;
use crate::peers::Peer;
use crate::queue::Queue;
use crate::task::{Run, State, Task};

/// One worker: decides what is fetched, run, held and spilled.
#[derive(Debug)]
pub struct Worker {
    pub(crate) config: Config,
    pub(crate) id: WorkerId,
    pub(crate) now: Micros,
    pub(crate) tasks: Map<TaskUid, Task>,
    /// How many tasks wait for inputs.
    pub(crate) waiting: usize,
    /// The last ticket of a wait.
    pub(crate) tickets: u64,

    // Running.
    pub(crate) queue: Queue,
    pub(crate) runs: Map<TaskUid, Run>,
    /// How many runs take a thread.
    pub(crate) busy_threads: u32,
    pub(crate) rejoining: VecDeque<TaskUid>,
    pub(crate) paused: bool,
    pub(crate) retiring: bool,

    // Fetching.
    pub(crate) peers: BTreeMap<WorkerId, Peer>,
    /// Peers that something is to be fetched from.
    pub(crate) asked_for: BTreeSet<WorkerId>,
    /// Who is being asked for what, wanted still or not.
    pub(crate) flights: Map<TaskUid, WorkerId>,
    pub(crate) connections: u32,
    pub(crate) bytes_in_flight: u64,
    /// Tasks in [`State::Missing`].
    pub(crate) missing: BTreeSet<TaskUid>,
    /// When the scheduler is asked about these again.
    pub(crate) ask_at: Micros,
    pub(crate) received_bytes: u64,
    pub(crate) bandwidth: u64,

    pub(crate) memory: Memory,

    /// What this event leads to.
    pub(crate) actions: Vec<Action>,
    /// What the next flush reports.
    pub(crate) outbox: Vec<FromWorker>,
    /// Where in it further results may be added, without a report going before another that
    /// it belongs after.
    finished_at: Option<usize>,
}

impl Worker {
    /// A worker that holds nothing, by the number that the scheduler gave it.
    pub fn new(config: Config, id: WorkerId, now: Micros) -> Worker {
        Worker {
            queue: Queue::new(&config.resources),
            memory: Memory::new(&config),
            config,
            id,
            now,
            tasks: Map::default(),
            waiting: 0,
            tickets: 0,
            runs: Map::default(),
            busy_threads: 0,
            rejoining: VecDeque::new(),
            paused: false,
            retiring: false,
            peers: BTreeMap::new(),
            asked_for: BTreeSet::new(),
            flights: Map::default(),
            connections: 0,
            bytes_in_flight: 0,
            missing: BTreeSet::new(),
            ask_at: now,
            received_bytes: 0,
            bandwidth: 0,
            actions: Vec::new(),
            outbox: Vec::new(),
            finished_at: None,
        }
    }

    /// Something happened. What is to be done is added to `out`, in order.
    pub fn handle(&mut self, now: Micros, event: Event, out: &mut Vec<Action>) {
        self.now = self.now.max(now);
        match event {
            Event::FromScheduler(message) => self.on_message(message),
            Event::Executed { uid, attempt, outcome, span } => {
                self.on_executed(uid, attempt, outcome, span);
            }
            Event::Seceded { uid, attempt } => self.on_seceded(uid, attempt),
            Event::Rejoined { uid, attempt } => self.on_rejoined(uid, attempt),
            Event::Fetched { peer, items, received_bytes, took_us } => {
                self.on_transfer(received_bytes, took_us);
                self.on_fetched(peer, items);
            }
            Event::Unreachable { peer } => self.on_unreachable(peer),
            Event::Put { items } => self.on_put(items),
            Event::Spilled { uid, disk_bytes } => self.on_spilled(uid, disk_bytes),
            Event::SpillFailed { uid, full } => self.on_spill_failed(uid, full),
            Event::Loaded { uid } => self.on_loaded(uid),
            Event::LoadFailed { uid, .. } => self.on_load_failed(uid),
            Event::Memory { process_bytes } => self.on_memory(process_bytes),
        }
        self.proceed(out);
    }

    /// Reports to the scheduler what happened since the last time: call it after each batch of
    /// events.
    pub fn flush(&mut self, now: Micros, out: &mut Vec<Action>) {
        self.now = self.now.max(now);
        self.finished_at = None;
        out.extend(self.outbox.drain(..).map(Action::Send));
    }

    /// When [`Worker::tick`] is to be called next, if at all.
    pub fn next_deadline(&self) -> Option<Micros> {
        let ask = (!self.missing.is_empty()).then_some(self.ask_at);
        [ask, self.next_peer(), self.memory.retry_at].into_iter().flatten().min()
    }

    /// Does what is due by now.
    pub fn tick(&mut self, now: Micros, out: &mut Vec<Action>) {
        self.now = self.now.max(now);
        if !self.missing.is_empty() && self.ask_at <= self.now {
            self.ask_at = self.now.after(self.config.missing_retry_us);
            let uids: Vec<TaskUid> = self.missing.iter().copied().collect();
            uids.into_iter().for_each(|uid| self.ask_now(uid));
        }
        self.memory.retry_at = self.memory.retry_at.filter(|at| *at > self.now);
        self.proceed(out);
    }

    fn on_message(&mut self, message: ToWorker) {
        match message {
            ToWorker::Compute { orders, .. } => self.on_compute(orders),
            ToWorker::Free(uids) => self.on_free(uids),
            ToWorker::DropReplicas(uids) => self.on_drop_replicas(uids),
            ToWorker::Acquire(inputs) => self.on_acquire(inputs),
            ToWorker::Holders(inputs) => self.on_holders(inputs),
            ToWorker::Retract { uid, attempt } => self.on_retract(uid, attempt),
            ToWorker::Peer { id, host, .. } => self.on_peer(id, &host),
            ToWorker::PeerLeft(id) => self.on_peer_left(id),
            ToWorker::ForgetBlobs(blobs) => self.actions.push(Action::ForgetBlobs(blobs)),
            ToWorker::Retiring(retiring) => self.on_retiring(retiring),
            ToWorker::Ask { .. } | ToWorker::Reply(..) | ToWorker::Close { .. } => {}
        }
    }

    /// Uses what has become free: threads, connections, memory.
    fn proceed(&mut self, out: &mut Vec<Action>) {
        self.start();
        self.fetch();
        self.shed();
        out.append(&mut self.actions);
    }

    /// The result of a task is in memory: `nbytes` of it.
    pub(crate) fn store(&mut self, uid: TaskUid, nbytes: u64) {
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        task.state = State::Memory;
        task.nbytes = nbytes;
        task.source = None;
        self.memory.managed += nbytes;
        self.memory.touch(uid, task);
        self.wake(uid);
    }

    /// Reports a result, together with others.
    pub(crate) fn report_finished(&mut self, finished: Finished) {
        let last = self.finished_at.and_then(|at| self.outbox.get_mut(at));
        if let Some(FromWorker::Finished(all)) = last {
            all.push(finished);
        } else {
            self.finished_at = Some(self.outbox.len());
            self.outbox.push(FromWorker::Finished(vec![finished]));
        }
    }

    /// Reports something that results of later come after.
    pub(crate) fn report_before_results(&mut self, message: FromWorker) {
        self.finished_at = None;
        self.outbox.push(message);
    }

    /// An input has come: those who wait for it need one less.
    pub(crate) fn wake(&mut self, uid: TaskUid) {
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        for (user, ticket) in std::mem::take(&mut task.wake) {
            let Some(task) = self.tasks.get_mut(&user) else { continue };
            if task.ticket != ticket {
                continue;
            }
            task.missing -= 1;
            match task.state {
                State::Waiting if task.missing == 0 => self.enqueue(user),
                State::Opening if task.missing == 0 => self.run(user),
                _ => {}
            }
        }
    }

    /// Forgets a task that is no order, with its result, if nothing holds it any more.
    pub(crate) fn release(&mut self, uid: TaskUid) {
        let Some(task) = self.tasks.get(&uid) else { return };
        if task.claimed || task.users > 0 || task.state.is_order() {
            return;
        }
        let Some(mut task) = self.tasks.remove(&uid) else { return };
        match task.state {
            State::Wanted => self.leave_queues(uid, &mut task),
            State::Missing => {
                self.missing.remove(&uid);
            }
            state if state.is_here() => {
                self.memory.forget(uid, &task);
                self.actions.push(Action::Drop(uid));
            }
            _ => {}
        }
    }
}
