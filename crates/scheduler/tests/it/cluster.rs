//! A scheduler with clients and workers that do what a test says: [`Cluster`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use raskt_scheduler::{Actions, Config, Event, Micros, Scheduler, TaskState};
use raskt_wire::{
    Answer, Blob, Cause, ClientHello, ClientId, Finished, FromClient, FromWorker, Handle, NewTask,
    News, Order, Question, RequestError, RequestId, SharedQuestion, Span, Submission, TaskError,
    TaskUid, Terms, ToClient, ToWorker, WorkerHello, WorkerId,
};

/// A reply to a question.
pub(crate) type Reply = Result<Answer, RequestError>;

/// A scheduler, and all that it has said so far. After each event it is flushed and checked.
pub(crate) struct Cluster {
    pub(crate) scheduler: Scheduler,
    pub(crate) now: Micros,
    pub(crate) to_workers: BTreeMap<WorkerId, Vec<ToWorker>>,
    pub(crate) to_clients: BTreeMap<ClientId, Vec<ToClient>>,
    pub(crate) dropped: Vec<(WorkerId, Arc<str>)>,
    pub(crate) restarted: Vec<WorkerId>,
    pub(crate) shutdown: Option<Arc<str>>,
    next_id: u32,
    next_handle: u64,
    next_request: u64,
    next_generation: u64,
    pub(crate) handles: BTreeMap<(ClientId, String), Handle>,
}

impl Cluster {
    pub(crate) fn new() -> Cluster {
        Cluster::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Cluster {
        let now = Micros(1_000_000);
        Cluster {
            scheduler: Scheduler::new(config, "scheduler-1".into(), now),
            now,
            to_workers: BTreeMap::new(),
            to_clients: BTreeMap::new(),
            dropped: Vec::new(),
            restarted: Vec::new(),
            shutdown: None,
            next_id: 0,
            next_handle: 0,
            next_request: 0,
            next_generation: 0,
            handles: BTreeMap::new(),
        }
    }

    /// A cluster with a client and so many workers of one thread.
    pub(crate) fn of(workers: usize) -> (Cluster, ClientId, Vec<WorkerId>) {
        let mut cluster = Cluster::new();
        let client = cluster.client();
        let workers = (0..workers).map(|_| cluster.worker(1)).collect();
        (cluster, client, workers)
    }

    pub(crate) fn event(&mut self, event: Event) {
        let mut out = Actions::default();
        self.scheduler.handle(self.now, event, &mut out);
        self.scheduler.sanity_check();
        self.scheduler.flush(self.now, &mut out);
        self.take(out);
    }

    fn take(&mut self, out: Actions) {
        self.scheduler.sanity_check();
        for (id, message) in out.to_workers {
            self.to_workers.entry(id).or_default().push(message);
        }
        for (id, message) in out.to_clients {
            self.to_clients.entry(id).or_default().push(message);
        }
        self.dropped.extend(out.drop_workers);
        self.restarted.extend(out.restart_workers);
        self.shutdown = self.shutdown.take().or(out.shutdown);
    }

    /// Lets time pass, and what is due happen.
    pub(crate) fn pass(&mut self, us: u64) {
        let end = self.now.after(us);
        while let Some(due) = self.scheduler.next_deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let mut out = Actions::default();
            self.scheduler.tick(self.now, &mut out);
            self.take(out);
        }
        self.now = end;
    }

    pub(crate) fn client(&mut self) -> ClientId {
        self.next_id += 1;
        let id = ClientId(self.next_id);
        let hello = ClientHello { name: format!("client-{}", id.0).into(), versions: Vec::new() };
        self.event(Event::ClientJoined(id, hello));
        id
    }

    pub(crate) fn worker(&mut self, nthreads: u32) -> WorkerId {
        self.worker_with(|hello| hello.nthreads = nthreads)
    }

    /// A worker of one thread, but for what `change` changes.
    pub(crate) fn worker_with(&mut self, change: impl FnOnce(&mut WorkerHello)) -> WorkerId {
        self.next_id += 1;
        let id = WorkerId(self.next_id);
        let mut hello = WorkerHello {
            address: address(id),
            name: format!("worker-{}", id.0).into(),
            host: "host".into(),
            nthreads: 1,
            memory_limit: 0,
            resources: Vec::new(),
            nanny: "".into(),
            pid: 1,
            local_directory: "/tmp".into(),
            dashboard: "".into(),
            versions: Vec::new(),
        };
        change(&mut hello);
        self.event(Event::WorkerJoined(id, hello));
        id
    }

    pub(crate) fn worker_says(&mut self, worker: WorkerId, message: FromWorker) {
        self.event(Event::FromWorker(worker, message));
    }

    pub(crate) fn client_says(&mut self, client: ClientId, message: FromClient) {
        self.event(Event::FromClient(client, message));
    }

    pub(crate) fn die(&mut self, worker: WorkerId) {
        self.event(Event::WorkerLeft(worker, "killed by signal 9".into()));
    }

    /// Submits the graph; the client wants what the graph says that it wants.
    pub(crate) fn submit(&mut self, client: ClientId, graph: Graph) {
        self.next_generation += 1;
        let mut submission = graph.submission;
        submission.generation = self.next_generation;
        for key in graph.wants {
            let place = submission.tasks.iter().position(|task| *task.key == *key);
            let handle = self.new_handle(client, &key);
            submission.wants.push((place.expect("only tasks are wanted") as u32, handle));
        }
        self.client_says(client, FromClient::Submit(Box::new(submission)));
    }

    pub(crate) fn new_handle(&mut self, client: ClientId, key: &str) -> Handle {
        self.next_handle += 1;
        let handle = Handle(self.next_handle);
        self.handles.insert((client, key.to_string()), handle);
        handle
    }

    pub(crate) fn want(&mut self, client: ClientId, key: &str) -> Handle {
        let handle = self.new_handle(client, key);
        self.client_says(client, FromClient::Want(vec![(handle, key.into())]));
        handle
    }

    /// The handle by which the client wants it, last.
    pub(crate) fn handle(&self, client: ClientId, key: &str) -> Handle {
        self.handles[&(client, key.to_string())]
    }

    pub(crate) fn release(&mut self, client: ClientId, key: &str) {
        let handle = self.handle(client, key);
        self.client_says(client, FromClient::Release(vec![handle]));
    }

    /// The orders that were sent to the worker since the last time.
    pub(crate) fn orders(&mut self, worker: WorkerId) -> Vec<Order> {
        let mut orders = Vec::new();
        let messages = self.to_workers.entry(worker).or_default();
        for message in std::mem::take(messages) {
            match message {
                ToWorker::Compute { orders: new, .. } => orders.extend(new),
                other => messages.push(other),
            }
        }
        orders
    }

    /// The keys of these.
    pub(crate) fn ordered(&mut self, worker: WorkerId) -> Vec<String> {
        self.orders(worker).into_iter().map(|order| order.key.to_string()).collect()
    }

    /// What else was said to the worker since the last time.
    pub(crate) fn said(&mut self, worker: WorkerId) -> Vec<ToWorker> {
        self.to_workers.remove(&worker).unwrap_or_default()
    }

    /// What the worker was told to forget.
    pub(crate) fn freed(&mut self, worker: WorkerId) -> BTreeSet<TaskUid> {
        let free = |message: ToWorker| match message {
            ToWorker::Free(uids) => uids,
            _ => Vec::new(),
        };
        self.said(worker).into_iter().flat_map(free).collect()
    }

    pub(crate) fn news(&mut self, client: ClientId) -> Vec<News> {
        let mut news = Vec::new();
        let messages = self.to_clients.entry(client).or_default();
        for message in std::mem::take(messages) {
            match message {
                ToClient::News(new) => news.extend(new),
                other => messages.push(other),
            }
        }
        news
    }

    /// The error that the client heard of last, for this key.
    pub(crate) fn error(&mut self, client: ClientId, key: &str) -> Option<TaskError> {
        let own = self.handle(client, key);
        let news = self.news(client);
        let of_own = |news| match news {
            News::Failed { handle, error } if handle == own => Some(*error),
            _ => None,
        };
        news.into_iter().filter_map(of_own).next_back()
    }

    pub(crate) fn finish(&mut self, worker: WorkerId, order: &Order) {
        self.finish_with(worker, order, 100, 1_000);
    }

    pub(crate) fn finish_with(
        &mut self,
        worker: WorkerId,
        order: &Order,
        nbytes: u64,
        compute_us: u64,
    ) {
        let message = FromWorker::Finished(vec![finished(order, nbytes, compute_us)]);
        self.worker_says(worker, message);
    }

    pub(crate) fn fail(&mut self, worker: WorkerId, order: &Order) {
        let error = Box::new(TaskError {
            key: order.key.clone(),
            function: order.group.clone(),
            worker: address(worker),
            cause: Cause::Raised { error: None, text: "boom".into(), traceback: "".into() },
        });
        let (uid, attempt, span) = (order.uid, order.attempt, Span::default());
        self.worker_says(worker, FromWorker::Failed { uid, attempt, error, span });
    }

    /// Workers finish all that they are given, until there is nothing left.
    pub(crate) fn run(&mut self) -> Vec<String> {
        let mut ran = Vec::new();
        loop {
            let workers: Vec<WorkerId> = self.to_workers.keys().copied().collect();
            let mut is_done = true;
            for worker in workers {
                for order in self.orders(worker) {
                    ran.push(order.key.to_string());
                    self.finish(worker, &order);
                    is_done = false;
                }
            }
            if is_done {
                return ran;
            }
        }
    }

    pub(crate) fn ask(&mut self, client: ClientId, question: Question) -> RequestId {
        self.next_request += 1;
        let request = RequestId(self.next_request);
        self.client_says(client, FromClient::Request(request, Box::new(question)));
        request
    }

    /// The reply to a question, if it is there.
    pub(crate) fn reply(&mut self, client: ClientId, request: RequestId) -> Option<Reply> {
        let messages = self.to_clients.entry(client).or_default();
        let is_it =
            |message: &ToClient| matches!(message, ToClient::Reply(id, _) if *id == request);
        let place = messages.iter().position(is_it)?;
        match messages.remove(place) {
            ToClient::Reply(_, reply) => Some(reply),
            _ => None,
        }
    }

    /// A question that is answered at once.
    pub(crate) fn answer(&mut self, client: ClientId, question: Question) -> Reply {
        let request = self.ask(client, question);
        self.reply(client, request).expect("it is answered at once")
    }

    pub(crate) fn ask_shared(&mut self, client: ClientId, question: SharedQuestion) -> RequestId {
        self.ask(client, Question::Shared(question))
    }

    pub(crate) fn shared(&mut self, client: ClientId, question: SharedQuestion) -> Reply {
        self.answer(client, Question::Shared(question))
    }

    pub(crate) fn state(&self, key: &str) -> Option<TaskState> {
        self.scheduler.view().state(key)
    }

    pub(crate) fn uid(&self, key: &str) -> TaskUid {
        self.scheduler.view().uid(key).expect("the task is known")
    }

    /// Brings data to a worker, and wants it.
    pub(crate) fn scatter(&mut self, client: ClientId, key: &str, worker: WorkerId) -> TaskUid {
        let items = vec![(key.into(), 100)];
        let workers = vec![address(worker)];
        let place = Question::Place { items, workers, broadcast: false };
        let Ok(Answer::Places(places)) = self.answer(client, place) else {
            panic!("there is a worker");
        };
        let uid = places[0].0;
        let placed = raskt_wire::PlacedData { uid, holders: vec![worker] };
        self.client_says(client, FromClient::Placed(vec![placed]));
        self.want(client, key);
        uid
    }

    /// Fails if anything is left on the books.
    pub(crate) fn assert_nothing_is_left(&self) {
        assert_eq!(self.scheduler.view().books(), Default::default());
    }
}

pub(crate) fn address(worker: WorkerId) -> Arc<str> {
    format!("tcp://host:{}", worker.0).into()
}

pub(crate) fn finished(order: &Order, nbytes: u64, compute_us: u64) -> Finished {
    Finished {
        uid: order.uid,
        attempt: order.attempt,
        nbytes,
        type_name: "int".into(),
        span: Span { compute_us, ..Span::default() },
        inline: None,
    }
}

/// A graph that is being written down.
#[derive(Clone)]
pub(crate) struct Graph {
    submission: Submission,
    wants: Vec<String>,
}

impl Graph {
    pub(crate) fn new() -> Graph {
        let submission = Submission {
            generation: 0,
            groups: Vec::new(),
            terms: vec![Terms::default()],
            blobs: Vec::new(),
            outside: Vec::new(),
            tasks: Vec::new(),
            wants: Vec::new(),
        };
        Graph { submission, wants: Vec::new() }
    }

    /// A task of the group that its key begins with, up to a dash. Inputs that were not added
    /// before are of earlier submissions: name these with [`Graph::outside`] first.
    pub(crate) fn task(mut self, key: &str, inputs: &[&str]) -> Graph {
        let name: Arc<str> = key.split('-').next().unwrap_or_default().into();
        let groups = &mut self.submission.groups;
        let group = groups.iter().position(|group| *group == name).unwrap_or_else(|| {
            groups.push(name);
            groups.len() - 1
        });
        let place = |key: &&str| {
            let outside = self.submission.outside.iter();
            let tasks = self.submission.tasks.iter().map(|task| &task.key);
            outside.chain(tasks).position(|known| **known == **key).expect("inputs come first")
        };
        let inputs = inputs.iter().map(|key| place(key) as u32).collect();
        self.submission.tasks.push(NewTask {
            key: key.into(),
            group: group as u32,
            terms: self.submission.terms.len() as u32 - 1,
            inputs,
            blobs: (0..self.submission.blobs.len() as u32).collect(),
            payload: Bytes::from(format!("call {key}")),
        });
        self
    }

    pub(crate) fn outside(mut self, key: &str) -> Graph {
        assert!(self.submission.tasks.is_empty(), "outside keys come before tasks");
        self.submission.outside.push(key.into());
        self
    }

    /// Tasks from now on ask for this.
    pub(crate) fn terms(mut self, terms: Terms) -> Graph {
        self.submission.terms.push(terms);
        self
    }

    /// Tasks from now on need these bytes.
    pub(crate) fn blob(mut self, id: u128, bytes: &'static [u8]) -> Graph {
        let value = raskt_wire::WireValue {
            codec: "test".into(),
            header: Bytes::from_static(bytes),
            buffers: Vec::new(),
        };
        self.submission.blobs.push(Blob { id: raskt_wire::BlobId(id), value });
        self
    }

    /// The payload of the last task.
    pub(crate) fn payload(mut self, payload: &'static [u8]) -> Graph {
        let last = self.submission.tasks.last_mut().expect("there is a task");
        last.payload = Bytes::from_static(payload);
        self
    }

    pub(crate) fn want(mut self, keys: &[&str]) -> Graph {
        self.wants.extend(keys.iter().map(|key| key.to_string()));
        self
    }

    pub(crate) fn into_submission(self) -> Submission {
        self.submission
    }
}

/// One task that is wanted.
pub(crate) fn one(key: &str) -> Graph {
    Graph::new().task(key, &[]).want(&[key])
}
