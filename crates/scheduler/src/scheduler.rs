//! The state machine: [`Scheduler`].

use std::collections::BTreeMap;
use std::sync::Arc;

use raskt_graph::hash::Map;
use raskt_wire::{ClientId, FromClient, FromWorker, TaskError, TaskUid};
use smallvec::SmallVec;

use crate::blobs::Blobs;
use crate::clients::Clients;
use crate::config::Config;
use crate::data::Bringing;
use crate::event::{Actions, Event, Micros};
use crate::failures::Trouble;
use crate::groups::Groups;
use crate::memory_manager::MemoryManager;
use crate::movement::Move;
use crate::names::Names;
use crate::placement::Scratch;
use crate::questions::Deferred;
use crate::queuing::Queue;
use crate::replicas::Copy;
use crate::restrictions::{AllowedCache, Unrunnable};
use crate::retirement::Retirement;
use crate::shared::Shared;
use crate::slab::Slab;
use crate::spans::Spans;
use crate::story::Story;
use crate::tasks::Tasks;
use crate::timers::{Timer, Timers};
use crate::view::View;
use crate::wants::Wants;
use crate::workers::Workers;

/// More news than that are not held back for the end of the batch.
const MAX_UNSAID: usize = 100_000;

/// The scheduler of a cluster.
#[derive(Debug)]
pub struct Scheduler {
    pub(crate) config: Config,
    pub(crate) id: Arc<str>,
    pub(crate) started: Micros,
    /// The time of the event that is being handled.
    pub(crate) now: Micros,

    pub(crate) tasks: Tasks,
    pub(crate) groups: Groups,
    pub(crate) blobs: Blobs,
    pub(crate) wants: Wants,
    /// Holders of results beside the first.
    pub(crate) copies: BTreeMap<TaskUid, SmallVec<[Copy; 2]>>,
    /// Why tasks failed.
    pub(crate) errors: Map<TaskUid, Arc<TaskError>>,
    /// What went wrong with tasks that may still succeed.
    pub(crate) troubles: Map<TaskUid, Trouble>,
    /// Data that clients are bringing.
    pub(crate) bringing: BTreeMap<TaskUid, Bringing>,
    /// How many submissions were given a place in time.
    pub(crate) generations: u64,
    /// Does any task have a priority of the user's?
    pub(crate) has_priorities: bool,

    pub(crate) workers: Workers,
    /// Counted up whenever another set of workers may run a task.
    pub(crate) workers_version: u64,
    pub(crate) allowed_cache: AllowedCache,
    pub(crate) clients: Clients,

    /// Ready tasks that are placed at the next flush.
    pub(crate) ready: Vec<TaskUid>,
    pub(crate) queue: Queue,
    pub(crate) unrunnable: Vec<Unrunnable>,
    /// How many of these are suspects, for which any free thread may do.
    pub(crate) suspects_waiting: u32,
    /// Is it worth trying to place these again?
    pub(crate) retry_unrunnable: bool,
    /// Since when queued tasks have waited while no worker takes any.
    pub(crate) no_worker_since: Option<Micros>,
    /// Tasks that may not be needed any more.
    pub(crate) maybe: Vec<TaskUid>,
    pub(crate) scratch: Scratch,
    /// For whom workers were asked to give tasks back.
    pub(crate) thieves: Map<TaskUid, u32>,
    /// For whom tasks were given back that are placed at the next flush.
    pub(crate) given: Map<TaskUid, u32>,

    pub(crate) timers: Timers,
    pub(crate) deferred: Slab<Deferred>,
    /// Questions that wait for tasks.
    pub(crate) watchers: Map<TaskUid, Vec<u32>>,
    /// How many questions were passed on to workers.
    pub(crate) asks: u64,
    /// Copies on their way: of what, and to which worker.
    pub(crate) moving: BTreeMap<(TaskUid, u32), Move>,
    /// Workers that are to go.
    pub(crate) retirements: BTreeMap<u32, Retirement>,
    pub(crate) shared: Shared,
    pub(crate) memory_manager: MemoryManager,
    pub(crate) story: Story,
    pub(crate) names: Names,
    pub(crate) spans: Spans,
    /// Bytes a second between workers, as they report.
    pub(crate) bandwidth: u64,
    /// How long to wait before looking for work to move, in microseconds.
    pub(crate) stealing_pause_us: u64,
    /// When there was last something to do.
    pub(crate) last_busy: Micros,

    /// What else is to be done at the next flush.
    pub(crate) out: Actions,
    /// News and answers since the last flush, about.
    pub(crate) unsaid: usize,
    /// Reports of tries that do not count any more.
    pub(crate) stale: u64,
    /// Messages that contradict themselves.
    pub(crate) illegal: u64,
    /// Keys that were used again for something else.
    pub(crate) conflicts: u64,
    /// Tasks that were forgotten.
    pub(crate) forgotten: u64,
}

impl Scheduler {
    /// A scheduler without workers, clients and tasks. `id` is unlike that of any other.
    pub fn new(config: Config, id: Arc<str>, now: Micros) -> Scheduler {
        Scheduler {
            id,
            started: now,
            now,
            tasks: Tasks::default(),
            groups: Groups::new(&config.durations),
            blobs: Blobs::default(),
            wants: Wants::default(),
            copies: BTreeMap::new(),
            errors: Map::default(),
            troubles: Map::default(),
            bringing: BTreeMap::new(),
            generations: 0,
            has_priorities: false,
            workers: Workers::default(),
            workers_version: 0,
            allowed_cache: AllowedCache::default(),
            clients: Clients::default(),
            ready: Vec::new(),
            queue: Queue::default(),
            unrunnable: Vec::new(),
            suspects_waiting: 0,
            retry_unrunnable: false,
            no_worker_since: None,
            maybe: Vec::new(),
            scratch: Scratch::default(),
            thieves: Map::default(),
            given: Map::default(),
            timers: Timers::default(),
            deferred: Slab::default(),
            watchers: Map::default(),
            asks: 0,
            moving: BTreeMap::new(),
            retirements: BTreeMap::new(),
            shared: Shared::default(),
            memory_manager: MemoryManager { runs: config.memory_manager },
            story: Story::new(config.story_lines),
            names: Names::new(config.spans),
            spans: Spans::new(config.spans),
            bandwidth: config.bandwidth,
            stealing_pause_us: config.stealing_interval_us,
            last_busy: now,
            out: Actions::default(),
            unsaid: 0,
            stale: 0,
            illegal: 0,
            conflicts: 0,
            forgotten: 0,
            config,
        }
        .with_idle_check()
    }

    fn with_idle_check(mut self) -> Scheduler {
        self.arm_idle_check();
        self
    }

    /// Takes in what happened. What is to be done about it comes with the next
    /// [`Scheduler::flush`], unless too much has gathered.
    pub fn handle(&mut self, now: Micros, event: Event, out: &mut Actions) {
        self.now = self.now.max(now);
        match event {
            Event::ClientJoined(id, hello) => self.clients.add(id, hello),
            Event::ClientLeft(id) => self.client_left(id),
            Event::FromClient(id, message) => self.on_client(id, message),
            Event::WorkerJoined(id, hello) => self.worker_joined(id, hello),
            Event::WorkerLeft(id, ending) => self.worker_died(id.0, &ending),
            Event::FromWorker(id, message) => self.on_worker(id.0, message),
        }
        self.settle();
        if self.unsaid > MAX_UNSAID {
            self.flush(now, out);
        }
    }

    /// Places what is ready, and says all that is to be said. To be called after each batch of
    /// events.
    pub fn flush(&mut self, now: Micros, out: &mut Actions) {
        self.now = self.now.max(now);
        self.unsaid = 0;
        loop {
            self.empty_outboxes(out);
            self.retry_unrunnable();
            self.place_ready();
            self.hand_out();
            // Orders are out before anything can be said that takes them back.
            self.empty_outboxes(out);
            self.settle();
            let is_quiet = self.workers.listed.is_empty() && !self.clients.has_unsaid();
            let may_place = self.retry_unrunnable && self.can_retry();
            if is_quiet && self.ready.is_empty() && !may_place {
                break;
            }
        }
        self.arm_timers();
        out.drop_workers.append(&mut self.out.drop_workers);
        out.restart_workers.append(&mut self.out.restart_workers);
        out.shutdown = out.shutdown.take().or(self.out.shutdown.take());
    }

    /// When [`Scheduler::tick`] is to be called, if nothing happens before.
    pub fn next_deadline(&self) -> Option<Micros> {
        self.timers.next()
    }

    /// Does what is due, and flushes.
    pub fn tick(&mut self, now: Micros, out: &mut Actions) {
        self.now = self.now.max(now);
        while let Some(timer) = self.timers.pop(self.now) {
            match timer {
                Timer::Steal => self.steal(),
                Timer::ManageMemory => self.manage_memory(),
                Timer::CheckWorkers => self.check_workers(),
                Timer::CheckUnrunnable => self.check_unrunnable(),
                Timer::CheckIdle => self.check_idle(),
                Timer::Question(number) => self.question_is_late(number),
                Timer::Waiter(number) => self.waiter_is_late(number),
                Timer::CheckLeases => self.check_leases(),
                Timer::CheckPassing => self.check_passing(),
            }
            self.settle();
        }
        self.flush(now, out);
    }

    /// A look at everything.
    pub fn view(&self) -> View<'_> {
        View::new(self)
    }

    fn can_retry(&self) -> bool {
        !self.unrunnable.is_empty() && !self.workers.running.is_empty()
    }

    fn empty_outboxes(&mut self, out: &mut Actions) {
        for number in std::mem::take(&mut self.workers.listed) {
            if let Some(worker) = self.workers.get_mut(number) {
                let id = worker.id;
                worker.outbox.empty_into(id, &mut out.to_workers);
            }
        }
        self.clients.empty_into(&mut out.to_clients);
        // What is said to workers that have left the books.
        out.to_workers.append(&mut self.out.to_workers);
    }

    fn on_client(&mut self, id: ClientId, message: FromClient) {
        if self.clients.get(id).is_none() {
            self.illegal += 1;
            return;
        }
        match message {
            FromClient::Submit(submission) => self.submit(id, *submission),
            FromClient::Want(wants) => self.want_keys(id, wants),
            FromClient::Release(handles) => self.release(id, &handles),
            FromClient::Cancel { handles, force, reason } => {
                self.cancel(id, &handles, force, &reason);
            }
            FromClient::Retry(handles) => self.retry(id, &handles),
            FromClient::Placed(placed) => self.placed(id, placed),
            FromClient::Request(request, question) => self.ask_from_client(id, request, *question),
            FromClient::Heartbeat => {}
            FromClient::Leaving => self.client_left(id),
        }
    }

    fn on_worker(&mut self, number: u32, message: FromWorker) {
        let now = self.now;
        let Some(worker) = self.workers.get_mut(number) else {
            self.stale += 1;
            return;
        };
        worker.last_seen = now;
        match message {
            FromWorker::Finished(all) => {
                for finished in all {
                    self.finished(number, finished);
                    self.settle();
                }
            }
            FromWorker::Failed { uid, attempt, error, span } => {
                self.failed(number, (uid, attempt), *error, span);
            }
            FromWorker::Reschedule { uid, attempt } => self.reschedule(number, uid, attempt),
            FromWorker::LongRunning { uid, attempt, compute_us } => {
                self.long_running(number, uid, attempt, compute_us);
            }
            FromWorker::Holds(uids) | FromWorker::Keeps(uids) => self.holds(number, &uids),
            FromWorker::Missing { uids, holder } => self.missing(number, &uids, holder.0),
            FromWorker::Retracted { uid, attempt, given } => {
                self.retracted(number, uid, attempt, given);
            }
            FromWorker::Heartbeat(metrics) => self.heartbeat(number, *metrics),
            FromWorker::Paused(paused) => self.paused(number, paused),
            FromWorker::Answered(request, answer) => self.answered(number, request, answer),
            FromWorker::Request(request, question) => {
                self.ask_from_worker(number, request, *question);
            }
            FromWorker::Leaving { reason } => self.worker_leaves(number, &reason),
        }
    }
}
