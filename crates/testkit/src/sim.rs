//! A whole cluster in one thread: the production state machines of scheduler and workers on a
//! virtual clock, network and disk, with clients and faults, everything from one seed.
//!
//! [`run`] lets one seed play and checks all along: that the invariants of each machine hold
//! after each event, that results are those of a serial evaluation and errors are explained by
//! faults, that nothing hangs once the faults have ended, and that nothing is left over. A
//! panic names the seed. [`check_seeds`] runs many.
//!
//! It knows nothing about real time, threads, sockets or files.
//!
//! Start reading at `sim/world.rs`; `sim/plan.rs` has what can go wrong.

mod client;
mod code;
mod control;
mod faults;
mod net;
mod plan;
mod process;
mod rng;
mod runs;
mod steps;
mod store;
mod trace;
mod transfers;
mod verdict;
mod world;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use world::World;

/// How long a cluster may take, once all is well, to finish what was asked for.
const LIMIT_US: u64 = 600_000_000;

/// How much may happen in one run: more than that is a quarrel without end.
const MAX_EVENTS: u64 = 300_000;

/// What came of one seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Names the whole history: two runs of a seed have the same.
    pub hash: u64,
    /// How many things happened.
    pub events: u64,
    /// How many tasks ran.
    pub tasks: u64,
    /// The virtual time that it took, in microseconds.
    pub took_us: u64,
}

/// Lets one seed play.
///
/// # Panics
/// If anything is wrong; the message names the seed and how to see its history.
pub fn run(seed: u64) -> Report {
    match attempt(seed) {
        Ok(report) => report,
        Err(text) => {
            panic!("seed {seed}: {text}\nto see its history: make sim SEED={seed} RUNS=1")
        }
    }
}

/// The same without a panic: what is wrong, if anything.
///
/// # Errors
/// What went wrong, and when.
pub fn attempt(seed: u64) -> Result<Report, String> {
    play(seed, false).1
}

/// The same, and gives the history as text, up to what went wrong.
pub fn history(seed: u64) -> (Vec<String>, Result<Report, String>) {
    play(seed, true)
}

/// Lets these seeds play, on all cores. Gives the reports in order.
///
/// # Panics
/// If anything is wrong with one of them.
pub fn check_seeds(seeds: Range<u64>) -> Vec<Report> {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let (start, end) = (seeds.start, seeds.end);
    let every = |first: u64| {
        let own = (start + first..end).step_by(threads as usize);
        own.map(|seed| (seed, run(seed))).collect::<Vec<_>>()
    };
    let mut reports = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads).map(|first| scope.spawn(move || every(first))).collect();
        let parts = parts.into_iter().map(|part| match part.join() {
            Ok(reports) => reports,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        parts.flatten().collect::<Vec<_>>()
    });
    reports.sort_by_key(|(seed, _)| *seed);
    reports.into_iter().map(|(_, report)| report).collect()
}

fn play(seed: u64, keeps_lines: bool) -> (Vec<String>, Result<Report, String>) {
    let mut world = World::new(seed, keeps_lines);
    let result = catch_unwind(AssertUnwindSafe(|| world.play()));
    let lines = world.trace.lines().to_vec();
    let result = match result {
        Ok(Ok(())) => Ok(Report {
            hash: world.trace.hash(),
            events: world.trace.events(),
            tasks: world.tasks_run,
            took_us: world.now,
        }),
        Ok(Err(text)) => Err(text),
        Err(panic) => Err(text_of(&*panic)),
    };
    (lines, result.map_err(|text| format!("after {:.6} s: {text}", world.now as f64 / 1e6)))
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_string()))
        .unwrap_or_else(|| "a panic without text".to_string())
}

impl World {
    /// Until all is over: every client has what it wanted, or knows why not, and gave it back,
    /// and nothing is left anywhere.
    fn play(&mut self) -> Result<(), String> {
        let limit = self.plan.trouble_us + LIMIT_US;
        let mut look_at = 0;
        while self.step() {
            if self.entries() > MAX_EVENTS {
                return Err(format!("more than {MAX_EVENTS} events:\n{}", self.leftovers()));
            }
            if !self.is_healed || self.now < look_at {
                continue;
            }
            look_at = self.now + 50_000;
            let clients_are_over = self.clients.iter().all(client::Client::is_over);
            if clients_are_over && self.is_empty() {
                return Ok(());
            }
            if self.now > limit {
                let what = if clients_are_over { "is left over" } else { "hangs" };
                return Err(format!("something {what}:\n{}", self.leftovers()));
            }
        }
        Err("the clock stands still".to_string())
    }

    fn is_empty(&self) -> bool {
        self.scheduler_is_empty() && self.processes.iter().all(process::Process::is_empty)
    }

    fn leftovers(&self) -> String {
        let clients = self.clients.iter().map(client::Client::leftovers);
        let processes = self.processes.iter().map(process::Process::leftovers);
        let all: Vec<String> = clients.chain(processes).collect();
        format!("{}\n{}", all.join("\n"), self.scheduler_leftovers())
    }
}
