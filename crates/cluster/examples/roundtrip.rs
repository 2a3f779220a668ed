//! What the cluster costs: a task there and back, many tasks, much data. Nodes are threads of
//! this process that speak over real sockets.
//!
//! `cargo run --release -p raskt-cluster --example roundtrip`

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement for people")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use raskt_cluster::client::{Entry, Placement};
use raskt_cluster::host::{Done, Host, Outcome, Ready, Reply};
use raskt_cluster::{Client, LocalCluster, LocalOptions, Transport};
use raskt_graph::{CodecError, Data, Value};
use raskt_wire::{NewTask, RequestId, Submission, Terms, WireValue};

struct Raw(Bytes);

impl Data for Raw {
    fn nbytes(&self) -> usize {
        self.0.len()
    }

    fn type_name(&self) -> &'static str {
        "bytes"
    }
}

/// A task gives as many bytes as its payload says; 0: the length of its input.
struct Zeros;

impl Host for Zeros {
    fn decode(&self, value: WireValue) -> Result<Value, CodecError> {
        Ok(Value::from_data(Raw(value.buffers.into_iter().next().unwrap_or_default())))
    }

    fn encode(&self, value: &Value) -> Result<WireValue, CodecError> {
        let bytes = value.downcast_ref::<Raw>().unwrap().0.clone();
        Ok(WireValue { codec: "bytes".into(), header: Bytes::new(), buffers: vec![bytes] })
    }

    fn run(&self, _: u32, tasks: &mut dyn Iterator<Item = Ready>, done: &Done<'_>) {
        for ready in tasks {
            let size = std::str::from_utf8(&ready.order.payload).unwrap().parse().unwrap();
            let bytes = if size == 0 { Bytes::from_static(b"done") } else { vec![1; size].into() };
            let value = Outcome::Done(Value::from_data(Raw(bytes)));
            done(ready.order.uid, ready.order.attempt, value);
        }
    }

    fn ask(&self, _: RequestId, _: Arc<str>, _: Bytes, _: Reply) {}
}

fn submit(
    client: &Client,
    tasks: &[(Arc<str>, usize)],
    outside: &[Arc<str>],
    workers: &[Arc<str>],
) -> Vec<Arc<Entry>> {
    let entries: Vec<_> = client.entries(tasks.iter().map(|(key, _)| key));
    client.submit(Submission {
        generation: client.next_generation(),
        groups: vec!["task".into()],
        terms: vec![Terms { workers: workers.to_vec(), ..Terms::default() }],
        blobs: Vec::new(),
        outside: outside.to_vec(),
        tasks: tasks
            .iter()
            .map(|(key, size)| NewTask {
                key: key.clone(),
                group: 0,
                terms: 0,
                inputs: (0..outside.len() as u32).collect(),
                blobs: Vec::new(),
                payload: size.to_string().into(),
            })
            .collect(),
        wants: entries.iter().zip(0..).map(|((entry, _), i)| (i, entry.handle())).collect(),
    });
    entries.into_iter().map(|(entry, _)| entry).collect()
}

fn start(workers: u32, transport: Transport) -> LocalCluster {
    let threads_per_worker = 1;
    let options = LocalOptions { workers, threads_per_worker, transport, ..Default::default() };
    LocalCluster::start(options, || Arc::new(Zeros)).unwrap()
}

fn round_trips(transport: Transport) {
    const COUNT: usize = 5000;
    let cluster = start(1, transport);
    let client = cluster.client().unwrap();
    let mut times: Vec<Duration> = (0..COUNT)
        .map(|i| {
            let start = Instant::now();
            let entries = submit(&client, &[(format!("t{i}").into(), 0)], &[], &[]);
            client.wait_all(&entries, None);
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!(
        "one task, {transport:?}: median {:?}, 99 % below {:?}",
        times[COUNT / 2],
        times[COUNT * 99 / 100]
    );
    cluster.close();
}

fn many(transport: Transport) {
    const COUNT: usize = 100_000;
    let cluster = start(2, transport);
    let client = cluster.client().unwrap();
    let tasks: Vec<_> = (0..COUNT).map(|i| (format!("task-{i}").into(), 0)).collect();
    let start = Instant::now();
    let entries = submit(&client, &tasks, &[], &[]);
    let submitted = start.elapsed();
    client.wait_all(&entries, None);
    let time = start.elapsed();
    println!(
        "{COUNT} tasks, 2 workers, {transport:?}: {time:?} (sent after {submitted:?}), \
         {:.0} tasks/s",
        COUNT as f64 / time.as_secs_f64()
    );
    cluster.close();
}

const SIZE: usize = 500_000_000;

fn rate(what: &str, time: Duration) {
    println!("{what}: {time:?}, {:.2} GB/s", SIZE as f64 / time.as_secs_f64() / 1e9);
}

fn plain_copy() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let data = vec![1_u8; SIZE];
    let sender = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&data).unwrap();
    });
    let (mut stream, _) = listener.accept().unwrap();
    let start = Instant::now();
    let mut received = Vec::with_capacity(SIZE);
    stream.read_to_end(&mut received).unwrap();
    rate("500 MB through a plain socket", start.elapsed());
    sender.join().unwrap();
}

fn data(transport: Transport) {
    let cluster = start(2, transport);
    let client = cluster.client().unwrap();
    for round in 0..2 {
        let worker = |place: usize| vec![cluster.workers()[place % 2].address().clone()];
        let key: Arc<str> = format!("x{round}").into();
        let value = submit(&client, &[(key.clone(), SIZE)], &[], &worker(round));
        client.wait_all(&value, None);

        let start = Instant::now();
        let fetched = client.fetch_blocking(vec![key.clone()], None).unwrap().unwrap();
        rate(&format!("500 MB from worker to client, {transport:?}"), start.elapsed());

        let start = Instant::now();
        let user = (format!("y{round}").into(), 0);
        let used = submit(&client, &[user], &[key], &worker(round + 1));
        client.wait_all(&used, None);
        rate(&format!("500 MB from worker to worker, {transport:?}"), start.elapsed());

        let start = Instant::now();
        let item = Placement {
            key: format!("z{round}").into(),
            nbytes: SIZE as u64,
            value: fetched.into_iter().next().unwrap(),
        };
        client.scatter(vec![item], worker(round), false).unwrap();
        rate(&format!("500 MB from client to worker, {transport:?}"), start.elapsed());
    }
    cluster.close();
}

fn main() {
    for transport in [Transport::Memory, Transport::Tcp] {
        round_trips(transport);
        many(transport);
    }
    plain_copy();
    plain_copy();
    for transport in [Transport::Memory, Transport::Tcp] {
        data(transport);
    }
}
