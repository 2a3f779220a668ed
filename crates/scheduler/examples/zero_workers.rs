//! Drives the scheduler with workers that are done at once, and prints how many tasks it does
//! in a second and what a task takes in memory.
//!
//! `cargo run --release -p raskt-scheduler --example zero_workers [SHAPE [TASKS [WORKERS]]]`

use std::io::Write as _;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use raskt_scheduler::{Actions, Config, Event, Micros, Scheduler};
use raskt_wire::{
    ClientHello, ClientId, Finished, FromClient, FromWorker, Handle, NewTask, Order, Span,
    Submission, Terms, ToWorker, WorkerHello, WorkerId,
};

const SHAPES: [&str; 4] = ["independent", "tree", "chain", "all-to-all"];

fn main() {
    let mut args = std::env::args().skip(1);
    let shape = args.next();
    let number = |arg: Option<String>| arg.and_then(|text| text.parse::<usize>().ok());
    let (tasks, workers) = (number(args.next()), number(args.next()));
    let mut out = std::io::stdout().lock();
    let title = ["shape", "tasks", "workers", "tasks/s", "us/task", "bytes/task"];
    let [a, b, c, d, e, f] = title;
    writeln!(out, "{a:>12} {b:>9} {c:>8} {d:>12} {e:>8} {f:>10}").expect("stdout is there");
    for name in SHAPES.iter().filter(|name| shape.as_deref().is_none_or(|shape| shape == **name)) {
        let runs: Vec<(usize, usize)> = match (tasks, workers) {
            (Some(tasks), workers) => vec![(tasks, workers.unwrap_or(100))],
            _ => vec![
                (10_000, 100),
                (100_000, 100),
                (1_000_000, 2),
                (1_000_000, 100),
                (1_000_000, 10_000),
            ],
        };
        for (tasks, workers) in runs {
            let (count, seconds, bytes) = run(name, tasks, workers);
            let rate = count as f64 / seconds;
            writeln!(
                out,
                "{name:>12} {count:>9} {workers:>8} {rate:>12.0} {:>8.3} {bytes:>10.1}",
                1e6 / rate
            )
            .expect("stdout is there");
        }
    }
}

/// How many tasks, how long, and bytes a task right after the submission.
fn run(shape: &str, tasks: usize, workers: usize) -> (usize, f64, f64) {
    let submission = submission(shape, tasks);
    let count = submission.tasks.len();
    let handles: Vec<Handle> = submission.wants.iter().map(|(_, handle)| *handle).collect();
    let mut cluster = Zero::new(workers);
    let client = ClientId(0);
    let hello = ClientHello { name: "zero".into(), versions: Vec::new() };
    cluster.handle(Event::ClientJoined(client, hello));
    cluster.flush();

    let start = processor_time();
    cluster.handle(Event::FromClient(client, FromClient::Submit(Box::new(submission))));
    let submitted = processor_time() - start;
    let bytes = cluster.scheduler.view().task_bytes() as f64 / count as f64;
    let start = processor_time();
    cluster.flush();
    while cluster.step() {}
    cluster.handle(Event::FromClient(client, FromClient::Release(handles)));
    cluster.flush();
    let seconds = (submitted + processor_time() - start).as_secs_f64();
    assert_eq!(cluster.scheduler.view().books(), Default::default(), "nothing is left");
    assert_eq!(cluster.ran, count, "each task ran once");
    (count, seconds, bytes)
}

/// Time that this thread was on a processor, so that what else the machine does hardly counts;
/// where that can not be had, time on the wall.
fn processor_time() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = spent.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

struct Zero {
    scheduler: Scheduler,
    out: Actions,
    now: u64,
    ran: usize,
}

impl Zero {
    fn new(workers: usize) -> Zero {
        let scheduler = Scheduler::new(Config::default(), "zero".into(), Micros(0));
        let mut cluster = Zero { scheduler, out: Actions::default(), now: 0, ran: 0 };
        for number in 0..workers as u32 {
            let hello = WorkerHello {
                address: format!("tcp://10.0.0.1:{number}").into(),
                name: "".into(),
                host: format!("10.0.0.{}", number % 16).into(),
                nthreads: 1,
                memory_limit: 0,
                resources: Vec::new(),
                nanny: "".into(),
                pid: 0,
                local_directory: "".into(),
                dashboard: "".into(),
                versions: Vec::new(),
            };
            cluster.handle(Event::WorkerJoined(WorkerId(number), hello));
        }
        cluster.flush();
        cluster
    }

    fn handle(&mut self, event: Event) {
        self.now += 1;
        self.scheduler.handle(Micros(self.now), event, &mut self.out);
    }

    fn flush(&mut self) {
        self.scheduler.flush(Micros(self.now), &mut self.out);
    }

    /// All workers do what they were told; says whether there was anything to do.
    fn step(&mut self) -> bool {
        let said = std::mem::take(&mut self.out.to_workers);
        self.out.to_clients.clear();
        let mut is_busy = false;
        for (worker, message) in said {
            if let ToWorker::Compute { orders, .. } = message {
                is_busy = true;
                self.ran += orders.len();
                let all = orders.iter().map(finished).collect();
                self.handle(Event::FromWorker(worker, FromWorker::Finished(all)));
            }
        }
        self.flush();
        is_busy
    }
}

fn finished(order: &Order) -> Finished {
    Finished {
        uid: order.uid,
        attempt: order.attempt,
        nbytes: 28,
        type_name: INT.with(Clone::clone),
        span: Span { compute_us: 1, ..Span::default() },
        inline: None,
    }
}

thread_local! {
    static INT: std::sync::Arc<str> = "int".into();
}

fn submission(shape: &str, count: usize) -> Submission {
    let mut graph = Builder::default();
    match shape {
        "independent" => (0..count).for_each(|_| {
            let task = graph.add(0, Vec::new());
            graph.want(task);
        }),
        "chain" => (0..count as u32).for_each(|n| {
            graph.add(0, n.checked_sub(1).into_iter().collect());
        }),
        "tree" => graph.tree(count.div_ceil(2)),
        _ => graph.shuffles(count),
    }
    if graph.wants.is_empty() {
        graph.want(graph.tasks.len() as u32 - 1);
    }
    Submission {
        generation: 1,
        groups: ["work", "split", "join"].map(Into::into).to_vec(),
        terms: vec![Terms::default()],
        blobs: Vec::new(),
        outside: Vec::new(),
        tasks: graph.tasks,
        wants: graph.wants,
    }
}

#[derive(Default)]
struct Builder {
    tasks: Vec<NewTask>,
    wants: Vec<(u32, Handle)>,
}

impl Builder {
    fn add(&mut self, group: u32, inputs: Vec<u32>) -> u32 {
        let number = self.tasks.len() as u32;
        self.tasks.push(NewTask {
            key: format!("increment-{number:032x}").into(),
            group,
            terms: 0,
            inputs,
            blobs: Vec::new(),
            payload: Bytes::from(vec![number as u8; 24]),
        });
        number
    }

    fn want(&mut self, task: u32) {
        self.wants.push((task, Handle(self.wants.len() as u64)));
    }

    /// Pairs are added as soon as both are there, as the static order has it.
    fn tree(&mut self, leaves: usize) {
        let mut open: Vec<(u32, u32)> = Vec::new();
        for _ in 0..leaves {
            let mut top = (self.add(0, Vec::new()), 0);
            while let Some(other) = open.pop_if(|other| other.1 == top.1) {
                top = (self.add(1, vec![other.0, top.0]), top.1 + 1);
            }
            open.push(top);
        }
        while let (Some(a), Some(b)) = (open.pop(), open.pop()) {
            let sum = self.add(1, vec![b.0, a.0]);
            open.push((sum, 0));
        }
    }

    /// Blocks in which each of 32 results takes a part of each of 32 others.
    fn shuffles(&mut self, count: usize) {
        const WIDTH: u32 = 32;
        while self.tasks.len() < count {
            let first = self.tasks.len() as u32;
            (0..WIDTH).for_each(|_| {
                self.add(0, Vec::new());
            });
            for n in 0..WIDTH * WIDTH {
                self.add(1, vec![first + n / WIDTH]);
            }
            for join in 0..WIDTH {
                let parts = (0..WIDTH).map(|source| first + WIDTH + source * WIDTH + join);
                let task = self.add(2, parts.collect());
                self.want(task);
            }
        }
    }
}
