//! Random graphs and random events, legal and not: everything fits together after each, what
//! is wanted ends, and nothing is left over at the end.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use raskt_scheduler::{Config, TaskState};
use raskt_wire::{
    Answer, Cause, ClientId, FromClient, FromWorker, Handle, MemoryManagerOp, Order, PlacedData,
    Question, RequestId, SharedItem, SharedQuestion, Span, Submission, TaskError, TaskUid, Terms,
    ToClient, ToWorker, WorkerId,
};

use crate::cluster::{Cluster, address, finished};

/// Names of tasks come from so many, so that they meet.
const NAMES: u8 = 24;

#[derive(Clone, Debug)]
enum Op {
    Submit { client: u8, tasks: Vec<(u8, Vec<u8>, u8)>, outside: Vec<u8>, wants: u32 },
    Want { client: u8, name: u8 },
    Release { client: u8, pick: u8 },
    Cancel { client: u8, pick: u8, force: bool },
    Retry { client: u8, pick: u8 },
    Scatter { client: u8, name: u8, broadcast: bool },
    Placed { client: u8, pick: u8, worker: u8 },
    ClientJoins,
    ClientLeaves(u8),
    WorkerJoins { threads: u8, nanny: bool },
    WorkerDies(u8),
    WorkerLeaves(u8),
    Pause { worker: u8, paused: bool },
    Finish { worker: u8, pick: u8, us: u16 },
    Fail { worker: u8, pick: u8 },
    Again { worker: u8, pick: u8 },
    Secede { worker: u8, pick: u8 },
    Retracted { pick: u8, given: bool },
    Lie { worker: u8, segment: u8, index: u8, attempt: u8 },
    Fetched { worker: u8, name: u8 },
    Missing { worker: u8, name: u8, holder: u8 },
    Ask { client: u8, what: u8, name: u8, worker: u8 },
    Pass(u32),
}

fn op() -> impl Strategy<Value = Op> {
    let name = 0..NAMES;
    let tasks = prop::collection::vec(
        (name.clone(), prop::collection::vec(any::<u8>(), 0..4), any::<u8>()),
        1..10,
    );
    let outside = prop::collection::vec(name.clone(), 0..3);
    let byte = any::<u8>;
    let flag = any::<bool>;
    prop_oneof![
        8 => (byte(), tasks, outside, any::<u32>()).prop_map(|(client, tasks, outside, wants)| {
            Op::Submit { client, tasks, outside, wants }
        }),
        1 => (byte(), name.clone()).prop_map(|(client, name)| Op::Want { client, name }),
        5 => (byte(), byte()).prop_map(|(client, pick)| Op::Release { client, pick }),
        2 => (byte(), byte(), flag())
            .prop_map(|(client, pick, force)| Op::Cancel { client, pick, force }),
        2 => (byte(), byte()).prop_map(|(client, pick)| Op::Retry { client, pick }),
        2 => (byte(), name.clone(), flag())
            .prop_map(|(client, name, broadcast)| Op::Scatter { client, name, broadcast }),
        3 => (byte(), byte(), byte())
            .prop_map(|(client, pick, worker)| Op::Placed { client, pick, worker }),
        1 => Just(Op::ClientJoins),
        1 => byte().prop_map(Op::ClientLeaves),
        2 => (1u8..4, flag()).prop_map(|(threads, nanny)| Op::WorkerJoins { threads, nanny }),
        2 => byte().prop_map(Op::WorkerDies),
        1 => byte().prop_map(Op::WorkerLeaves),
        2 => (byte(), flag()).prop_map(|(worker, paused)| Op::Pause { worker, paused }),
        14 => (byte(), byte(), any::<u16>())
            .prop_map(|(worker, pick, us)| Op::Finish { worker, pick, us }),
        3 => (byte(), byte()).prop_map(|(worker, pick)| Op::Fail { worker, pick }),
        2 => (byte(), byte()).prop_map(|(worker, pick)| Op::Again { worker, pick }),
        2 => (byte(), byte()).prop_map(|(worker, pick)| Op::Secede { worker, pick }),
        2 => (byte(), flag()).prop_map(|(pick, given)| Op::Retracted { pick, given }),
        3 => (byte(), 0u8..8, 0u8..10, 0u8..4).prop_map(|(worker, segment, index, attempt)| {
            Op::Lie { worker, segment, index, attempt }
        }),
        5 => (byte(), name.clone()).prop_map(|(worker, name)| Op::Fetched { worker, name }),
        3 => (byte(), name.clone(), byte())
            .prop_map(|(worker, name, holder)| Op::Missing { worker, name, holder }),
        4 => (byte(), byte(), name, byte())
            .prop_map(|(client, what, name, worker)| Op::Ask { client, what, name, worker }),
        3 => (0u32..3_000_000).prop_map(Op::Pass),
    ]
}

/// A cluster to which random things happen.
struct World {
    cluster: Cluster,
    clients: Vec<ClientId>,
    workers: Vec<WorkerId>,
    /// What workers were told to run, and not told to forget.
    orders: BTreeMap<WorkerId, Vec<Order>>,
    retracts: Vec<(WorkerId, TaskUid, u32)>,
    /// Data that clients are bringing.
    places: Vec<(ClientId, TaskUid)>,
    asked: BTreeSet<(ClientId, RequestId)>,
}

impl World {
    fn new() -> World {
        let config = Config {
            stealing_interval_us: 10_000,
            memory_manager_interval_us: 100_000,
            worker_ttl_us: None,
            lease_timeout_us: 1_000_000,
            ..Config::default()
        };
        let mut cluster = Cluster::with(config);
        let clients = vec![cluster.client(), cluster.client()];
        let workers = vec![cluster.worker(1), cluster.worker(2)];
        World {
            cluster,
            clients,
            workers,
            orders: BTreeMap::new(),
            retracts: Vec::new(),
            places: Vec::new(),
            asked: BTreeSet::new(),
        }
    }

    fn client(&self, pick: u8) -> Option<ClientId> {
        pick_of(&self.clients, pick)
    }

    fn worker(&self, pick: u8) -> Option<WorkerId> {
        pick_of(&self.workers, pick)
    }

    /// Does what the workers and clients are told.
    fn hear(&mut self) {
        for worker in std::mem::take(&mut self.cluster.restarted) {
            self.workers.retain(|other| *other != worker);
        }
        for (worker, _) in std::mem::take(&mut self.cluster.dropped) {
            self.workers.retain(|other| *other != worker);
        }
        for (worker, said) in std::mem::take(&mut self.cluster.to_workers) {
            for message in said {
                self.tell_worker(worker, message);
            }
        }
        for (client, said) in std::mem::take(&mut self.cluster.to_clients) {
            for message in said {
                if let ToClient::Reply(request, answer) = message {
                    self.asked.remove(&(client, request));
                    if let Ok(Answer::Places(places)) = answer {
                        self.places.extend(places.iter().map(|(uid, _)| (client, *uid)));
                    }
                }
            }
        }
    }

    fn tell_worker(&mut self, worker: WorkerId, message: ToWorker) {
        let orders = self.orders.entry(worker).or_default();
        match message {
            ToWorker::Compute { orders: new, .. } => {
                for order in new {
                    assert!(orders.iter().all(|other| other.uid != order.uid), "{order:?} again");
                    orders.push(order);
                }
            }
            ToWorker::Free(uids) => orders.retain(|order| !uids.contains(&order.uid)),
            ToWorker::Retract { uid, attempt } => self.retracts.push((worker, uid, attempt)),
            ToWorker::Close { .. } => self.workers.retain(|other| *other != worker),
            _ => {}
        }
    }

    fn take_order(&mut self, worker: u8, pick: u8) -> Option<(WorkerId, Order)> {
        let worker = self.worker(worker)?;
        let orders = self.orders.get_mut(&worker)?;
        if orders.is_empty() {
            return None;
        }
        let place = pick as usize % orders.len();
        Some((worker, orders.remove(place)))
    }

    fn apply(&mut self, op: Op) -> Option<()> {
        match op {
            Op::Submit { client, tasks, outside, wants } => {
                let client = self.client(client)?;
                self.submit(client, &tasks, &outside, wants);
            }
            Op::Want { client, name } => {
                let client = self.client(client)?;
                self.cluster.want(client, &key(name));
            }
            Op::Release { client, pick } => {
                let (client, handle) = self.handle(client, pick)?;
                self.cluster.client_says(client, FromClient::Release(vec![handle]));
            }
            Op::Cancel { client, pick, force } => {
                let (client, handle) = self.handle(client, pick)?;
                let (handles, reason) = (vec![handle], "no more".into());
                self.cluster.client_says(client, FromClient::Cancel { handles, force, reason });
            }
            Op::Retry { client, pick } => {
                let (client, handle) = self.handle(client, pick)?;
                self.cluster.client_says(client, FromClient::Retry(vec![handle]));
            }
            Op::Scatter { client, name, broadcast } => {
                let client = self.client(client)?;
                let items = vec![(key(name).into(), 50)];
                self.ask(client, Question::Place { items, workers: Vec::new(), broadcast });
            }
            Op::Placed { client, pick, worker } => {
                let client = self.client(client)?;
                let (_, uid) = pick_of(&self.places, pick)?;
                let holders = self.worker(worker).into_iter().collect();
                let placed = vec![PlacedData { uid, holders }];
                self.cluster.client_says(client, FromClient::Placed(placed));
            }
            Op::ClientJoins => {
                let client = self.cluster.client();
                self.clients.push(client);
            }
            Op::ClientLeaves(client) => {
                let client = self.client(client)?;
                self.client_leaves(client);
            }
            Op::Ask { client, what, name, worker } => {
                let client = self.client(client)?;
                let question = self.question(what, name, worker);
                self.ask(client, question);
            }
            Op::Pass(us) => self.cluster.pass(u64::from(us)),
            Op::WorkerJoins { threads, nanny } => self.worker_joins(threads, nanny),
            Op::WorkerDies(worker) => {
                let worker = self.worker(worker)?;
                self.workers.retain(|other| *other != worker);
                self.cluster.die(worker);
            }
            other => self.apply_to_worker(other)?,
        }
        Some(())
    }

    fn worker_joins(&mut self, threads: u8, nanny: bool) {
        let worker = self.cluster.worker_with(|hello| {
            hello.nthreads = u32::from(threads);
            hello.nanny = if nanny { "tcp://nanny".into() } else { "".into() };
            hello.resources = vec![("GPU".into(), f64::from(threads - 1))];
        });
        self.workers.push(worker);
    }

    fn apply_to_worker(&mut self, op: Op) -> Option<()> {
        let (worker, message) = match op {
            Op::WorkerLeaves(worker) => {
                let worker = self.worker(worker)?;
                self.workers.retain(|other| *other != worker);
                (worker, FromWorker::Leaving { reason: "enough".into() })
            }
            Op::Pause { worker, paused } => (self.worker(worker)?, FromWorker::Paused(paused)),
            Op::Finish { worker, pick, us } => {
                let (worker, order) = self.take_order(worker, pick)?;
                let finished = finished(&order, u64::from(us), u64::from(us) * 10);
                (worker, FromWorker::Finished(vec![finished]))
            }
            Op::Fail { worker, pick } => {
                let (worker, order) = self.take_order(worker, pick)?;
                (worker, failed(&order))
            }
            Op::Again { worker, pick } => {
                let (worker, order) = self.take_order(worker, pick)?;
                (worker, FromWorker::Reschedule { uid: order.uid, attempt: order.attempt })
            }
            Op::Secede { worker, pick } => {
                let worker = self.worker(worker)?;
                let order = pick_of(self.orders.get(&worker)?, pick)?;
                let (uid, attempt) = (order.uid, order.attempt);
                (worker, FromWorker::LongRunning { uid, attempt, compute_us: 5 })
            }
            Op::Retracted { pick, given } => {
                let (worker, uid, attempt) = pick_of(&self.retracts, pick)?;
                self.retracts.retain(|retract| *retract != (worker, uid, attempt));
                let orders = self.orders.get_mut(&worker)?;
                let is_it = |order: &Order| (order.uid, order.attempt) == (uid, attempt);
                let given = given && orders.iter().any(is_it);
                if given {
                    orders.retain(|order| !is_it(order));
                }
                (worker, FromWorker::Retracted { uid, attempt, given })
            }
            Op::Lie { worker, segment, index, attempt } => {
                let uid = TaskUid { segment: u32::from(segment), index: u32::from(index) };
                let (worker, attempt) = (self.worker(worker)?, u32::from(attempt) + 1_000);
                (worker, FromWorker::Retracted { uid, attempt, given: true })
            }
            Op::Fetched { worker, name } => {
                let uid = self.cluster.scheduler.view().uid(&key(name))?;
                (self.worker(worker)?, FromWorker::Holds(vec![uid]))
            }
            Op::Missing { worker, name, holder } => {
                let uid = self.cluster.scheduler.view().uid(&key(name))?;
                let holder = self.worker(holder)?;
                (self.worker(worker)?, FromWorker::Missing { uids: vec![uid], holder })
            }
            _ => return None,
        };
        self.cluster.worker_says(worker, message);
        Some(())
    }

    fn submit(
        &mut self,
        client: ClientId,
        tasks: &[(u8, Vec<u8>, u8)],
        outside: &[u8],
        wants: u32,
    ) {
        let mut submission = Submission {
            generation: 0,
            groups: vec!["a".into(), "b".into()],
            terms: terms(self.workers.first().copied()),
            blobs: crate::cluster::Graph::new().blob(1, b"f").into_submission().blobs,
            outside: outside.iter().map(|name| key(*name).into()).collect(),
            tasks: Vec::new(),
            wants: Vec::new(),
        };
        for (index, (name, inputs, kind)) in tasks.iter().enumerate() {
            let choices = outside.len() + index;
            let inputs: Vec<u32> = match choices {
                0 => Vec::new(),
                _ => inputs.iter().map(|pick| (*pick as usize % choices) as u32).collect(),
            };
            submission.tasks.push(raskt_wire::NewTask {
                key: key(*name).into(),
                group: u32::from(kind % 2),
                terms: u32::from(kind / 2) % submission.terms.len() as u32,
                inputs,
                blobs: if kind % 3 == 0 { vec![0] } else { Vec::new() },
                payload: bytes::Bytes::from(vec![*name]),
            });
            if wants & (1 << index) != 0 {
                let handle = self.cluster.new_handle(client, &key(*name));
                submission.wants.push((index as u32, handle));
            }
        }
        self.cluster.client_says(client, FromClient::Submit(Box::new(submission)));
    }

    fn handle(&self, client: u8, pick: u8) -> Option<(ClientId, Handle)> {
        let client = self.client(client)?;
        let own = self.cluster.handles.iter().filter(|((owner, _), _)| *owner == client);
        let own: Vec<Handle> = own.map(|(_, handle)| *handle).collect();
        Some((client, pick_of(&own, pick)?))
    }

    fn ask(&mut self, client: ClientId, question: Question) {
        let request = self.cluster.ask(client, question);
        self.asked.insert((client, request));
    }

    fn question(&self, what: u8, name: u8, worker: u8) -> Question {
        let worker = self.worker(worker).map(address);
        let workers: Vec<_> = worker.into_iter().collect();
        let keys = vec![key(name).into()];
        let item = SharedItem { payload: bytes::Bytes::new(), keys: keys.clone() };
        let (shared, timeout_us) = ("shared".into(), Some(1_000));
        match what % 12 {
            0 => Question::Where(keys),
            1 => Question::Replicate { keys, copies: 2, workers: Vec::new() },
            2 => Question::Rebalance { keys: Vec::new(), workers: Vec::new() },
            3 => {
                Question::Retire { workers, count: 1, close: name.is_multiple_of(2), remove: true }
            }
            4 => Question::MemoryManager(MemoryManagerOp::Once),
            5 if name == 0 => {
                Question::Restart { workers: Vec::new(), timeout_us: 1_000_000, wait: true }
            }
            5 => Question::Dump,
            6 => Question::Shared(SharedQuestion::VariableSet(shared, item)),
            7 => Question::Shared(SharedQuestion::VariableGet { name: shared, timeout_us }),
            8 => Question::Shared(SharedQuestion::VariableDelete(shared)),
            9 => Question::WaitForWorkers { count: 3, timeout_us: 1_000 },
            10 => Question::Processing(Vec::new()),
            _ => Question::Story(keys),
        }
    }

    fn client_leaves(&mut self, client: ClientId) {
        self.clients.retain(|other| *other != client);
        self.cluster.client_says(client, FromClient::Leaving);
        self.places.retain(|(other, _)| *other != client);
        self.asked.retain(|(other, _)| *other != client);
    }

    /// After the last fault all that is wanted ends.
    fn heal(&mut self) {
        for worker in self.workers.clone() {
            self.cluster.worker_says(worker, FromWorker::Paused(false));
        }
        for _ in 0..2 {
            let worker = self.cluster.worker_with(|hello| {
                hello.nthreads = 2;
                hello.resources = vec![("GPU".into(), 4.0)];
            });
            self.workers.push(worker);
        }
        // What clients were bringing does not come.
        for client in self.clients.clone() {
            if self.places.iter().any(|(other, _)| *other == client) {
                self.client_leaves(client);
            }
        }
        for _ in 0..10_000 {
            self.hear();
            let Some((worker, order)) = self.any_order() else { break };
            self.cluster.finish(worker, &order);
        }
        let view = self.cluster.scheduler.view();
        for state in [TaskState::Waiting, TaskState::Queued, TaskState::Processing] {
            assert_eq!(view.count(state), 0, "{}", view.dump());
        }
    }

    fn any_order(&mut self) -> Option<(WorkerId, Order)> {
        let there = |worker: &WorkerId| self.workers.contains(worker);
        let busy = self.orders.iter().find(|(worker, all)| there(worker) && !all.is_empty());
        let worker = *busy?.0;
        let order = self.orders.get_mut(&worker)?.pop()?;
        Some((worker, order))
    }

    fn end(&mut self) {
        for client in self.clients.clone() {
            self.client_leaves(client);
        }
        // Shared things outlive clients: somebody has to remove them.
        let last = self.cluster.client();
        let delete = SharedQuestion::VariableDelete("shared".into());
        let _ = self.cluster.shared(last, delete);
        self.cluster.pass(3_000_000);
        self.cluster.client_says(last, FromClient::Leaving);
        let books = self.cluster.scheduler.view().books();
        let moving = books.moving;
        assert_eq!(books, raskt_scheduler::view::Books { moving, ..Default::default() });
    }
}

fn key(name: u8) -> String {
    format!("k-{name}")
}

fn pick_of<T: Clone>(all: &[T], pick: u8) -> Option<T> {
    all.get(pick as usize % all.len().max(1)).cloned()
}

fn terms(worker: Option<WorkerId>) -> Vec<Terms> {
    let none = Terms::default();
    vec![
        none.clone(),
        Terms { retries: 2, priority: 1, ..none.clone() },
        Terms { resources: vec![("GPU".into(), 1.0)], ..none.clone() },
        Terms {
            workers: worker.into_iter().map(address).collect(),
            allow_other_workers: true,
            ..none.clone()
        },
        Terms { actor: true, ..none },
    ]
}

fn failed(order: &Order) -> FromWorker {
    let cause = Cause::Raised { error: None, text: "boom".into(), traceback: "".into() };
    let (key, function) = (order.key.clone(), order.group.clone());
    let error = Box::new(TaskError { key, function, worker: "".into(), cause });
    let (uid, attempt, span) = (order.uid, order.attempt, Span::default());
    FromWorker::Failed { uid, attempt, error, span }
}

proptest! {
    #[test]
    fn everything_fits_together_whatever_happens(ops in prop::collection::vec(op(), 1..120)) {
        let mut world = World::new();
        for op in ops {
            let _ = world.apply(op);
            world.hear();
        }
        world.heal();
        world.end();
    }

    #[test]
    fn the_same_events_give_the_same_actions(ops in prop::collection::vec(op(), 1..80)) {
        let histories = [(); 2].map(|()| {
            let mut world = World::new();
            let mut history = Vec::new();
            for op in ops.clone() {
                let _ = world.apply(op);
                let said = (&world.cluster.to_workers, &world.cluster.to_clients);
                history.push(format!("{said:?}"));
                world.hear();
            }
            history
        });
        prop_assert_eq!(&histories[0], &histories[1]);
    }
}
