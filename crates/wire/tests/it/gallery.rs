//! One message of every kind.

use std::sync::Arc;

use bytes::Bytes;
use raskt_wire::*;

fn text(text: &str) -> Arc<str> {
    text.into()
}

fn uid(index: u32) -> TaskUid {
    TaskUid { segment: 3, index }
}

fn value() -> WireValue {
    WireValue {
        codec: text("py"),
        header: Bytes::from_static(b"header"),
        buffers: vec![Bytes::from(vec![7; 5000]), Bytes::from_static(b"small")],
    }
}

fn blob() -> Blob {
    Blob { id: BlobId(u128::MAX - 5), value: value() }
}

fn terms() -> Terms {
    Terms {
        priority: -3,
        retries: 2,
        workers: vec![text("alice"), text("tcp://127.0.0.1:1")],
        allow_other_workers: true,
        resources: vec![(text("GPU"), 1.5)],
        actor: true,
        executor: text("gpu"),
        annotations: Bytes::from_static(b"{}"),
    }
}

fn input() -> Input {
    Input {
        uid: uid(1),
        key: text("x"),
        nbytes: 1 << 40,
        holders: vec![WorkerId(0), WorkerId(300)],
    }
}

fn error(cause: Cause) -> Box<TaskError> {
    let (key, function, worker) = (text("x"), text("inc"), text("tcp://127.0.0.1:1"));
    Box::new(TaskError { key, function, worker, cause })
}

fn causes() -> Vec<Cause> {
    vec![
        Cause::Raised { error: Some(value()), text: text("no"), traceback: text("File ...") },
        Cause::KilledWorkers { ending: text("signal 9"), workers: 4 },
        Cause::Codec { text: text("a lock") },
        Cause::NoWorker { text: text("GPU=2") },
        Cause::Memory { needed: 10, limit: 5 },
        Cause::LostData { text: text("gone") },
    ]
}

fn request_errors() -> Vec<RequestError> {
    vec![
        RequestError::NotFound("a".into()),
        RequestError::Exists("b".into()),
        RequestError::Timeout("c".into()),
        RequestError::Refused("d".into()),
        RequestError::Invalid("e".into()),
        RequestError::Failed(Bytes::from_static(b"pickle"), "f".into()),
        RequestError::Gone("g".into()),
    ]
}

fn worker_hello() -> WorkerHello {
    WorkerHello {
        address: text("tcp://127.0.0.1:40000"),
        name: text("alice"),
        host: text("127.0.0.1"),
        nthreads: 2,
        memory_limit: 1 << 34,
        resources: vec![(text("MEM"), 1e9)],
        nanny: text(""),
        pid: 1234,
        local_directory: text("/tmp"),
        dashboard: text(""),
        versions: vec![(text("python"), text("3.11"))],
    }
}

fn span() -> Span {
    Span { start_us: 1 << 50, compute_us: 17, transfer_us: 3, thread: 1 }
}

fn submission() -> Submission {
    let task = |key: &str, inputs| NewTask {
        key: text(key),
        group: 0,
        terms: 0,
        inputs,
        blobs: vec![0],
        payload: Bytes::from_static(&[0, 0, 1]),
    };
    Submission {
        generation: 9,
        groups: vec![text("inc")],
        terms: vec![terms()],
        blobs: vec![blob()],
        outside: vec![text("known")],
        tasks: vec![task("a", vec![0]), task("b", vec![0, 1])],
        wants: vec![(1, Handle(77))],
    }
}

fn shared() -> Vec<SharedQuestion> {
    use SharedQuestion::*;
    let name = || text("name");
    let item = || SharedItem { payload: Bytes::from_static(b"1"), keys: vec![text("x")] };
    let limit = Some(1_000_000);
    vec![
        SemaphoreOpen { name: name(), leases: 3 },
        SemaphoreAcquire { name: name(), lease: text("l"), timeout_us: limit },
        SemaphoreRelease { name: name(), lease: text("l") },
        SemaphoreRefresh { name: name(), leases: vec![text("l")] },
        SemaphoreValue(name()),
        SemaphoreClose(name()),
        MultiLockAcquire { names: vec![name()], owner: text("o"), count: 1, timeout_us: None },
        MultiLockRelease { names: vec![name()], owner: text("o") },
        FlagWait { name: name(), timeout_us: limit },
        FlagSet(name(), true),
        FlagGet(name()),
        QueueOpen { name: name(), capacity: 5 },
        QueuePut { name: name(), item: item(), timeout_us: limit },
        QueueGet { name: name(), batch: Some(0), timeout_us: None },
        QueueSize(name()),
        QueueClose(name()),
        VariableSet(name(), item()),
        VariableGet { name: name(), timeout_us: limit },
        VariableDelete(name()),
        DatasetPut { name: name(), item: item(), replace: true },
        DatasetGet(name()),
        DatasetDelete(name()),
        DatasetList,
        MetadataSet(vec![name()], Bytes::from_static(b"1")),
        MetadataGet(vec![name()]),
        EventLog(name(), Bytes::from_static(b"1")),
        EventsOf(name()),
        Topics,
        Listen(name(), false),
    ]
}

fn questions() -> Vec<Question> {
    use Question::*;
    let names = || vec![text("x"), text("y")];
    let plain = [
        Where(names()),
        Place { items: vec![(text("x"), 5)], workers: names(), broadcast: true },
        Cluster,
        Contents(names()),
        Processing(names()),
        Holders(names()),
        Sizes(names()),
        States(names()),
        Story(names()),
        Spans { start_us: 1, stop_us: 2, count: 3 },
        Dump,
        Replicate { keys: names(), copies: 2, workers: Vec::new() },
        Rebalance { keys: names(), workers: names() },
        Retire { workers: names(), count: 1, close: true, remove: false },
        WorkersToClose { count: 1, minimum: 2 },
        AdaptiveTarget { target_us: 5_000_000 },
        Restart { workers: Vec::new(), timeout_us: 1, wait: true },
        WaitForWorkers { count: 2, timeout_us: 0 },
        Ask { workers: names(), op: text("run"), payload: Bytes::from_static(b"f") },
        SetResources { worker: text("w"), resources: vec![(text("GPU"), 2.0)] },
        MemoryManager(MemoryManagerOp::Once),
        Shutdown,
    ];
    plain.into_iter().chain(shared().into_iter().map(Shared)).collect()
}

fn cluster() -> ClusterInfo {
    let worker = WorkerInfo {
        id: WorkerId(1),
        hello: worker_hello(),
        status: WorkerStatus::Paused,
        metrics: metrics(),
        last_seen_us: 5,
        results: (3, 4000),
        processing: 2,
        occupancy_us: 99,
    };
    ClusterInfo {
        id: text("scheduler-1"),
        address: text("tcp://127.0.0.1:8786"),
        started_us: 1,
        dashboard: text(""),
        workers: vec![worker],
        clients: vec![text("c")],
        tasks: vec![(text("memory"), 3)],
    }
}

fn answers() -> Vec<Answer> {
    let location =
        || Location { uid: uid(1), nbytes: 8, holders: vec![(WorkerId(1), text("tcp://a:1"))] };
    let story = StoryLine {
        time_us: 1,
        subject: text("x"),
        from: text("waiting"),
        to: text("processing"),
        reason: text("its inputs are there"),
    };
    let task_span = TaskSpan {
        key: text("x"),
        group: text("inc"),
        worker: text("w"),
        span: span(),
        nbytes: 28,
        type_name: text("int"),
        succeeded: true,
    };
    vec![
        Answer::Done,
        Answer::Bool(true),
        Answer::Number(5),
        Answer::Bytes(Bytes::from(vec![1; 10_000])),
        Answer::Many(vec![Bytes::new(), Bytes::from_static(b"1")]),
        Answer::Text("text".into()),
        Answer::Names(vec![text("x")]),
        Answer::Where(vec![None, Some(location())]),
        Answer::Places(vec![(uid(0), vec![location()])]),
        Answer::Groups(vec![(text("w"), vec![text("x")])]),
        Answer::Sizes(vec![(text("x"), 28)]),
        Answer::Cluster(Box::new(cluster())),
        Answer::Workers(cluster().workers),
        Answer::Story(vec![story]),
        Answer::Spans(vec![task_span]),
        Answer::Events(vec![EventRecord { time_us: 1, payload: Bytes::from_static(b"1") }]),
        Answer::Asked(
            request_errors()
                .into_iter()
                .map(|e| (text("w"), Err(e)))
                .chain([(text("v"), Ok(Bytes::new()))])
                .collect(),
        ),
    ]
}

fn metrics() -> Metrics {
    Metrics {
        time_us: 1,
        process_bytes: 1 << 30,
        cpu_percent: 99.5,
        running: vec![(uid(1), 5)],
        ..Metrics::default()
    }
}

/// From clients.
pub(crate) fn from_client() -> Vec<FromClient> {
    let plain = [
        FromClient::Submit(Box::new(submission())),
        FromClient::Want(vec![(Handle(1), text("x"))]),
        FromClient::Release(vec![Handle(1), Handle(u64::MAX)]),
        FromClient::Cancel { handles: vec![Handle(1)], force: true, reason: text("enough") },
        FromClient::Retry(vec![Handle(1)]),
        FromClient::Placed(vec![PlacedData { uid: uid(0), holders: vec![WorkerId(1)] }]),
        FromClient::Heartbeat,
        FromClient::Leaving,
    ];
    let asked = questions().into_iter().map(|q| FromClient::Request(RequestId(1), Box::new(q)));
    plain.into_iter().chain(asked).collect()
}

/// To clients.
pub(crate) fn to_client() -> Vec<ToClient> {
    let finished = News::Finished {
        handle: Handle(1),
        nbytes: 28,
        type_name: text("int"),
        inline: Some(value()),
    };
    let mut news = vec![
        finished,
        News::Cancelled { handle: Handle(1), reason: text("enough") },
        News::Lost { handle: Handle(1) },
        News::Retried { handle: Handle(1) },
    ];
    news.extend(causes().into_iter().map(|c| News::Failed { handle: Handle(2), error: error(c) }));
    let plain = [
        ToClient::News(news),
        ToClient::Event { topic: text("t"), time_us: 1, payload: Bytes::from_static(b"1") },
        ToClient::Restarted,
        ToClient::Closing { reason: text("done") },
    ];
    let replies = answers().into_iter().map(Ok).chain(request_errors().into_iter().map(Err));
    let replies = replies.map(|reply| ToClient::Reply(RequestId(5), reply));
    plain.into_iter().chain(replies).collect()
}

/// To workers.
pub(crate) fn to_worker() -> Vec<ToWorker> {
    let order = Order {
        uid: uid(1),
        attempt: 2,
        key: text("x"),
        group: text("inc"),
        priority: Priority { user: -1, generation: 5, rank: 1 },
        inputs: vec![input()],
        blobs: vec![BlobId(5)],
        payload: Bytes::from_static(&[1, 2]),
        resources: vec![(text("GPU"), 1.0)],
        executor: text(""),
        annotations: Bytes::new(),
        actor: false,
        wanted: true,
    };
    vec![
        ToWorker::Compute { orders: vec![order], blobs: vec![blob()] },
        ToWorker::Free(vec![uid(1)]),
        ToWorker::DropReplicas(vec![uid(1)]),
        ToWorker::Acquire(vec![input()]),
        ToWorker::Holders(vec![input()]),
        ToWorker::Retract { uid: uid(1), attempt: 1 },
        ToWorker::Peer { id: WorkerId(1), address: text("tcp://a:1"), host: text("a") },
        ToWorker::PeerLeft(WorkerId(1)),
        ToWorker::ForgetBlobs(vec![BlobId(1)]),
        ToWorker::Retiring(true),
        ToWorker::Ask { id: RequestId(1), op: text("run"), payload: Bytes::from_static(b"f") },
        ToWorker::Reply(RequestId(1), Ok(Answer::Done)),
        ToWorker::Close { reason: text("done"), restart: true },
    ]
}

/// From workers.
pub(crate) fn from_worker() -> Vec<FromWorker> {
    let finished = |inline| Finished {
        uid: uid(1),
        attempt: 1,
        nbytes: 28,
        type_name: text("int"),
        span: span(),
        inline,
    };
    let failed =
        |cause| FromWorker::Failed { uid: uid(1), attempt: 1, error: error(cause), span: span() };
    let plain = [
        FromWorker::Finished(vec![finished(None), finished(Some(value()))]),
        FromWorker::Reschedule { uid: uid(1), attempt: 1 },
        FromWorker::LongRunning { uid: uid(1), attempt: 1, compute_us: 5 },
        FromWorker::Holds(vec![uid(1)]),
        FromWorker::Keeps(vec![uid(1)]),
        FromWorker::Missing { uids: vec![uid(1)], holder: WorkerId(2) },
        FromWorker::Retracted { uid: uid(1), attempt: 1, given: true },
        FromWorker::Heartbeat(Box::new(metrics())),
        FromWorker::Paused(true),
        FromWorker::Answered(RequestId(1), Ok(Bytes::from_static(b"1"))),
        FromWorker::Request(RequestId(1), Box::new(Question::Cluster)),
        FromWorker::Leaving { reason: text("retired") },
    ];
    plain.into_iter().chain(causes().into_iter().map(failed)).collect()
}

/// Between workers.
pub(crate) fn peer() -> Vec<Peer> {
    let sent = vec![
        (uid(1), Sent::Value(value(), 5000)),
        (uid(2), Sent::Missing),
        (uid(3), Sent::Busy),
        (uid(4), Sent::Failed(text("a lock"))),
    ];
    let put = Put { uid: uid(1), key: text("x"), nbytes: 5000, value: value() };
    vec![
        Peer::Get { id: RequestId(1), uids: vec![uid(1), uid(2)] },
        Peer::Data { id: RequestId(1), items: sent },
        Peer::Put { id: RequestId(2), items: vec![put] },
        Peer::Kept(RequestId(2)),
    ]
}

/// First messages of whoever connects.
pub(crate) fn hello() -> Vec<Hello> {
    let client = ClientHello { name: text("c"), versions: vec![(text("raskt"), text("0.1.0"))] };
    vec![
        Hello::Client(Box::new(client)),
        Hello::Worker(Box::new(worker_hello())),
        Hello::Nanny(Box::new(worker_hello())),
        Hello::Peer(text("scheduler-1")),
    ]
}

/// First messages of whoever accepts.
pub(crate) fn welcome() -> Vec<Welcome> {
    vec![
        Welcome::Client { id: ClientId(1), scheduler: text("s"), warning: text("") },
        Welcome::Worker { id: WorkerId(1), scheduler: text("s"), heartbeat_us: 500_000 },
        Welcome::Peer,
        Welcome::Refused { reason: text("version 2, this is 1") },
    ]
}

/// From nannies.
pub(crate) fn from_nanny() -> Vec<FromNanny> {
    vec![
        FromNanny::Ended { pid: u32::MAX, ending: text("signal 9"), restarts: true },
        FromNanny::Ended { pid: 0, ending: text(""), restarts: false },
    ]
}

/// To nannies.
pub(crate) fn to_nanny() -> Vec<ToNanny> {
    vec![
        ToNanny::Restart { pid: 1234, reason: text("silent for 5 minutes") },
        ToNanny::Close { reason: text("done") },
    ]
}

/// Every proper beginning of a message is an error, and the whole is the message.
fn check_nannys<T: Wire + PartialEq + std::fmt::Debug>(messages: &[T]) {
    for message in messages {
        let packet = Packet::of(message);
        assert_eq!(&packet.clone().open::<T>().unwrap(), message);
        for end in 0..packet.head.len() {
            let cut = Packet { head: packet.head.slice(..end), frames: packet.frames.clone() };
            assert!(cut.open::<T>().is_err(), "{message:?} cut at {end}");
        }
    }
}

#[test]
fn messages_of_nannies_read_as_written() {
    check_nannys(&from_nanny());
    check_nannys(&to_nanny());
}
