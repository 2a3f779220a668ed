//! How fast a cluster takes tasks that do nothing and gives their results: a scheduler and two
//! workers of one thread that are processes of their own, over sockets of this machine.
//!
//! `cargo bench -p raskt --bench cluster` prints medians of five rounds.
#![expect(clippy::print_stdout, reason = "the figures are all it is for")]

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use raskt::prelude::*;

const ROUNDS: usize = 5;
const MAPPED: i64 = 20_000;
const TREE: i64 = 100_000;
const TRIPS: i64 = 1_000;

#[raskt::task]
fn nothing(x: i64) -> i64 {
    x
}

#[raskt::task]
fn add(x: i64, y: i64) -> i64 {
    x + y
}

fn main() -> Result<(), Box<dyn Error>> {
    // The workers are this program, too.
    raskt::worker::main();
    let mut scheduler = Command::new(env!("CARGO_BIN_EXE_raskt"));
    let (_scheduler, address) =
        Node::start(scheduler.args(["scheduler", "--port", "0"]), "Scheduler at: ")?;
    let mut workers = Command::new(std::env::current_exe()?);
    workers.args(["raskt", "worker", &address, "--nworkers", "2", "--nthreads", "1"]);
    let _workers = Node::start(&mut workers, "Worker at: ")?;
    let client = Client::connect(&address)?;
    client.wait_for_workers(2, None)?;

    println!("two workers of one thread, medians of {ROUNDS} rounds\n");
    let trip = median(|| trips(&client))?;
    println!("submit and result    {:>9.0} us", trip.as_secs_f64() * 1e6 / TRIPS as f64);
    let mapped = median(|| map(&client))?;
    println!("map of {MAPPED}        {:>9.0} tasks/s", MAPPED as f64 / mapped.as_secs_f64());
    let added = median(|| tree(&client))?;
    println!("tree of {TREE}      {:>9.0} tasks/s", TREE as f64 / added.as_secs_f64());
    Ok(())
}

/// One task after the other, each when the result of the last is here.
fn trips(client: &Client) -> Result<(), Box<dyn Error>> {
    for i in 0..TRIPS {
        assert_eq!(client.submit(nothing::lazy(i))?.result()?, i);
    }
    Ok(())
}

/// Many at once, and all results here.
fn map(client: &Client) -> Result<(), Box<dyn Error>> {
    let results = client.gather(&client.map(nothing::lazy, 0..MAPPED)?)?;
    assert!(results.into_iter().eq(0..MAPPED));
    Ok(())
}

/// Numbers added in pairs, and the sums of those.
fn tree(client: &Client) -> Result<(), Box<dyn Error>> {
    let mut level: Vec<Delayed<i64>> = (0..TREE).map(|i| add::lazy(i, 1)).collect();
    while level.len() > 1 {
        let pairs = level.chunks(2).map(|pair| match pair {
            [one, other] => add::lazy(one, other),
            rest => rest[0].clone(),
        });
        level = pairs.collect();
    }
    assert_eq!(Compute::on(client.clone()).run(&level[0])?, TREE * (TREE + 1) / 2);
    Ok(())
}

fn median(mut run: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        run()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(times[ROUNDS / 2])
}

/// A process that ends with this.
struct Node(Child);

impl Node {
    /// Starts it; also gives what it says after this beginning of a line.
    fn start(command: &mut Command, beginning: &str) -> Result<(Node, String), Box<dyn Error>> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let out = child.stdout.take().ok_or("its output is a pipe")?;
        let node = Node(child);
        for line in BufReader::new(out).lines() {
            if let Some(rest) = line?.strip_prefix(beginning) {
                return Ok((node, rest.to_string()));
            }
        }
        Err("the process ended before it was ready".into())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
