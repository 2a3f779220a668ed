//! Pushes a million tasks without inputs through one worker, in blocks as a scheduler would,
//! and prints what one costs: `cargo run --release -p raskt-worker --example million`.

#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::time::Instant;

use raskt_wire::{Order, Priority, Span, TaskUid, ToWorker, WorkerId};
use raskt_worker::{Action, Config, Event, Micros, Outcome, Worker};

const TASKS: u32 = 1_000_000;
const BLOCK: u32 = 1000;

fn order(index: u32, names: &[std::sync::Arc<str>; 3]) -> Order {
    let [key, group, executor] = names.clone();
    Order {
        uid: TaskUid { segment: 0, index },
        attempt: 0,
        key,
        group,
        priority: Priority { user: 0, generation: 0, rank: index },
        inputs: Vec::new(),
        blobs: Vec::new(),
        payload: Default::default(),
        resources: Vec::new(),
        executor,
        annotations: Default::default(),
        actor: false,
        wanted: false,
    }
}

/// Microseconds a task.
fn cost(memory_limit: u64) -> f64 {
    let config = Config { nthreads: 2, memory_limit, ..Config::default() };
    let mut worker = Worker::new(config, WorkerId(0), Micros(0));
    let names = ["key".into(), "group".into(), "".into()];
    let blocks: Vec<Vec<Order>> = (0..TASKS / BLOCK)
        .map(|block| (block * BLOCK..(block + 1) * BLOCK).map(|at| order(at, &names)).collect())
        .collect();
    let type_name: std::sync::Arc<str> = "int".into();
    let (mut out, mut next) = (Vec::new(), Vec::new());
    let (mut ran, mut reports) = (0, 0);
    let started = Instant::now();
    for orders in blocks {
        let uids = orders.iter().map(|order| order.uid).collect();
        let now = Micros(0);
        let compute = ToWorker::Compute { orders, blobs: Vec::new() };
        worker.handle(now, Event::FromScheduler(compute), &mut out);
        while !out.is_empty() {
            std::mem::swap(&mut out, &mut next);
            for action in next.drain(..) {
                let Action::Run(order) = action else { continue };
                ran += 1;
                let (uid, attempt) = (order.uid, order.attempt);
                let outcome =
                    Outcome::Done { nbytes: 28, type_name: type_name.clone(), inline: None };
                let span = Span::default();
                worker.handle(now, Event::Executed { uid, attempt, outcome, span }, &mut out);
            }
        }
        worker.flush(now, &mut out);
        reports += out.len();
        out.clear();
        worker.handle(now, Event::FromScheduler(ToWorker::Free(uids)), &mut out);
        assert_eq!(out.len(), BLOCK as usize, "each result is dropped");
        out.clear();
    }
    let took = started.elapsed();
    assert_eq!((ran, reports), (TASKS, (TASKS / BLOCK) as usize));
    took.as_secs_f64() * 1e6 / f64::from(TASKS)
}

fn main() {
    println!("without a memory limit: {:.3} us a task", cost(0));
    println!("with one:               {:.3} us a task", cost(1 << 30));
}
