//! A worker to push: [`Bench`] checks the machine after every event and keeps what it does.

use raskt_wire::{
    Cause, Finished, FromWorker, Input, Order, Priority, Span, TaskError, TaskUid, ToWorker,
    WorkerId,
};
use raskt_worker::{Action, Config, Event, Got, Micros, Outcome, Status, Worker};

/// A worker, the time, and what it has said.
pub(crate) struct Bench {
    pub(crate) worker: Worker,
    pub(crate) now: u64,
}

/// The number of the worker under test.
pub(crate) const ME: WorkerId = WorkerId(7);

/// A task by number.
pub(crate) fn t(index: u32) -> TaskUid {
    TaskUid { segment: 0, index }
}

/// A worker by number.
pub(crate) fn w(id: u32) -> WorkerId {
    WorkerId(id)
}

/// An input of 100 bytes that these have.
pub(crate) fn input(index: u32, holders: &[u32]) -> Input {
    sized(index, 100, holders)
}

pub(crate) fn sized(index: u32, nbytes: u64, holders: &[u32]) -> Input {
    let holders = holders.iter().map(|id| WorkerId(*id)).collect();
    Input { uid: t(index), key: format!("k{index}").into(), nbytes, holders }
}

/// An order whose number is its priority.
pub(crate) fn order(index: u32, attempt: u32, inputs: Vec<Input>) -> Order {
    Order {
        uid: t(index),
        attempt,
        key: format!("k{index}").into(),
        group: "f".into(),
        priority: Priority { user: 0, generation: 0, rank: index },
        inputs,
        blobs: Vec::new(),
        payload: Default::default(),
        resources: Vec::new(),
        executor: "".into(),
        annotations: Default::default(),
        actor: false,
        wanted: false,
    }
}

pub(crate) fn done(nbytes: u64) -> Outcome {
    Outcome::Done { nbytes, type_name: "int".into(), inline: None }
}

pub(crate) fn failed() -> Outcome {
    let cause = Cause::Raised { error: None, text: "no".into(), traceback: "".into() };
    Outcome::Failed(Box::new(TaskError {
        key: "k".into(),
        function: "f".into(),
        worker: "".into(),
        cause,
    }))
}

impl Bench {
    pub(crate) fn new(config: Config) -> Bench {
        Bench { worker: Worker::new(config, ME, Micros(0)), now: 0 }
    }

    /// One thread, no limit of memory.
    pub(crate) fn plain() -> Bench {
        Bench::new(Config::default())
    }

    /// With so many threads.
    pub(crate) fn threads(nthreads: u32) -> Bench {
        Bench::new(Config { nthreads, ..Config::default() })
    }

    /// With 1000 bytes of memory, one thread, and no process limits.
    pub(crate) fn limited() -> Bench {
        Bench::new(Config { memory_limit: 1000, ..Config::default() })
    }

    /// What an event leads to, reports included.
    pub(crate) fn event(&mut self, event: Event) -> Vec<Action> {
        let mut out = Vec::new();
        self.worker.handle(Micros(self.now), event, &mut out);
        self.worker.sanity_check();
        self.worker.flush(Micros(self.now), &mut out);
        self.worker.sanity_check();
        out
    }

    pub(crate) fn message(&mut self, message: ToWorker) -> Vec<Action> {
        self.event(Event::FromScheduler(message))
    }

    pub(crate) fn compute(&mut self, orders: Vec<Order>) -> Vec<Action> {
        self.message(ToWorker::Compute { orders, blobs: Vec::new() })
    }

    pub(crate) fn free(&mut self, uids: &[u32]) -> Vec<Action> {
        self.message(ToWorker::Free(uids.iter().map(|uid| t(*uid)).collect()))
    }

    pub(crate) fn executed(&mut self, index: u32, attempt: u32, outcome: Outcome) -> Vec<Action> {
        self.event(Event::Executed { uid: t(index), attempt, outcome, span: Span::default() })
    }

    pub(crate) fn fetched(&mut self, peer: u32, items: &[(u32, Got)]) -> Vec<Action> {
        let items = items.iter().map(|(uid, got)| (t(*uid), got.clone())).collect();
        self.event(Event::Fetched { peer: w(peer), items, received_bytes: 0, took_us: 0 })
    }

    /// Data that is here from the beginning.
    pub(crate) fn put(&mut self, index: u32, nbytes: u64) -> Vec<Action> {
        self.event(Event::Put { items: vec![(t(index), nbytes)] })
    }

    pub(crate) fn peer(&mut self, id: u32, host: &str) {
        let message = ToWorker::Peer { id: w(id), address: "".into(), host: host.into() };
        assert_eq!(self.message(message), []);
    }

    /// Lets the time of the next deadline come.
    pub(crate) fn wait(&mut self) -> Vec<Action> {
        let deadline = self.worker.next_deadline().expect("something is due");
        self.now = self.now.max(deadline.0);
        let mut out = Vec::new();
        self.worker.tick(Micros(self.now), &mut out);
        self.worker.sanity_check();
        self.worker.flush(Micros(self.now), &mut out);
        out
    }

    pub(crate) fn status(&self, index: u32) -> Option<Status> {
        self.worker.view().status(t(index))
    }

    /// Frees everything; nothing may be left.
    pub(crate) fn end(mut self) {
        let tasks = self.worker.view().tasks();
        let running = self.worker.view().running();
        self.message(ToWorker::Free(tasks));
        for (uid, _) in running {
            let (outcome, span) = (done(1), Span::default());
            for attempt in 0..4 {
                self.event(Event::Executed { uid, attempt, outcome: outcome.clone(), span });
            }
        }
        let view = self.worker.view();
        assert_eq!(view.tasks(), []);
        assert_eq!((view.managed_bytes(), view.spilled_bytes()), (0, 0));
        assert_eq!((view.executing(), view.ready(), view.waiting()), (0, 0, 0));
    }
}

/// The tasks that are to run.
pub(crate) fn runs(actions: &[Action]) -> Vec<u32> {
    let run = |action: &Action| match action {
        Action::Run(order) => Some(order.uid.index),
        _ => None,
    };
    actions.iter().filter_map(run).collect()
}

/// What is to be fetched.
pub(crate) fn fetches(actions: &[Action]) -> Vec<(u32, Vec<u32>)> {
    let fetch = |action: &Action| match action {
        Action::Fetch { peer, uids } => Some((peer.0, uids.iter().map(|uid| uid.index).collect())),
        _ => None,
    };
    actions.iter().filter_map(fetch).collect()
}

pub(crate) fn drops(actions: &[Action]) -> Vec<u32> {
    let drop = |action: &Action| match action {
        Action::Drop(uid) => Some(uid.index),
        _ => None,
    };
    actions.iter().filter_map(drop).collect()
}

pub(crate) fn spills(actions: &[Action]) -> Vec<u32> {
    let spill = |action: &Action| match action {
        Action::Spill(uid) => Some(uid.index),
        _ => None,
    };
    actions.iter().filter_map(spill).collect()
}

pub(crate) fn loads(actions: &[Action]) -> Vec<u32> {
    let load = |action: &Action| match action {
        Action::Load(uid) => Some(uid.index),
        _ => None,
    };
    actions.iter().filter_map(load).collect()
}

/// What the scheduler is told.
pub(crate) fn sent(actions: &[Action]) -> Vec<FromWorker> {
    let send = |action: &Action| match action {
        Action::Send(message) => Some(message.clone()),
        _ => None,
    };
    actions.iter().filter_map(send).collect()
}

/// Tasks, tries and sizes that are reported as finished.
pub(crate) fn finished(actions: &[Action]) -> Vec<(u32, u32, u64)> {
    let each = |finished: &Finished| (finished.uid.index, finished.attempt, finished.nbytes);
    let all = sent(actions).into_iter().filter_map(|message| match message {
        FromWorker::Finished(all) => Some(all.iter().map(each).collect::<Vec<_>>()),
        _ => None,
    });
    all.flatten().collect()
}
