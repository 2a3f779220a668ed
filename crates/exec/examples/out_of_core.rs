//! Five times more intermediate results than memory: chunks, their mean, and how far each chunk
//! is from it. All chunks are needed until the mean is known; most wait for it on disk.
//!
//! `cargo run --release -p raskt-exec --example out_of_core [BUDGET_MB] [THREADS]`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use raskt_exec::{Memory, Options, Threads};
use raskt_graph::function::FromFn;
use raskt_graph::{Control, Executor, Function, Key, Node, Prefix, Value, lower};
use raskt_testkit::peak_bytes;

/// 4 MB of floats.
const CHUNK: usize = 500_000;

/// A kind of task: its name, and what it makes of chunks.
fn kind(name: &'static str, body: fn(&[&Vec<f64>]) -> Vec<f64>) -> impl Fn(Vec<Node>) -> Node {
    let function: Arc<dyn Function> = Arc::new(FromFn::new(name, move |values: &[Value]| {
        let chunks: Option<Vec<_>> = values.iter().map(Value::get).collect();
        Ok(Value::new(body(&chunks.ok_or("chunks are vectors of floats")?)))
    }));
    move |inputs| Node::over(Key::unique(Prefix::new(name)), function.clone(), inputs)
}

/// The mean of the means of chunks.
fn mean_of(chunks: &[&Vec<f64>]) -> Vec<f64> {
    let means = chunks.iter().map(|chunk| chunk.iter().sum::<f64>() / chunk.len() as f64);
    vec![means.sum::<f64>() / chunks.len() as f64]
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<usize>());
    let budget = args.next().transpose()?.unwrap_or(200) * 1_000_000;
    let threads = args.next().transpose()?.unwrap_or(2);
    let load = kind("load", |_| (0..CHUNK).map(|i| i as f64).collect());
    let mean = kind("mean", mean_of);
    let center = kind("center", |inputs| inputs[0].iter().map(|x| x - inputs[1][0]).collect());

    let chunks: Vec<Node> = (0..5 * budget / (8 * CHUNK)).map(|_| load(Vec::new())).collect();
    let total = mean(chunks.iter().map(|chunk| mean(vec![chunk.clone()])).collect());
    let centered = chunks.into_iter().map(|chunk| mean(vec![center(vec![chunk, total.clone()])]));
    let graph = Arc::new(lower(&[mean(centered.collect())]));

    let (before, start) = (peak_bytes().unwrap_or(0), Instant::now());
    let memory = Arc::new(Memory::new(Some(budget), std::env::temp_dir()));
    let options = Options { memory, ..Options::new(threads) };
    let result = Threads::new(options).run(graph, Control::default())?;
    let (peak, seconds) = (peak_bytes().unwrap_or(0) - before, start.elapsed().as_secs_f64());
    assert_eq!(result[0].get::<Vec<f64>>(), Some(&vec![0.0]));
    let share = 100 * peak / budget;
    println!(
        "{threads} threads: peak {} MB ({share} % of the budget), {seconds:.1} s",
        peak / 1_000_000
    );
    Ok(())
}
