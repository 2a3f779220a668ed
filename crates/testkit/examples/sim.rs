//! Lets seeds play in the simulator: `sim SEED RUNS`, or `sim SEED` for one seed with its
//! history.

#![expect(clippy::print_stdout, reason = "it tells the history")]

use std::process::ExitCode;

use raskt_testkit::sim;

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>());
    match (numbers.next(), numbers.next()) {
        (Some(Ok(seed)), Some(Ok(runs))) if runs > 1 => many(seed, runs),
        (Some(Ok(seed)), None | Some(Ok(_))) => one(seed),
        _ => {
            println!("usage: sim SEED [RUNS]: numbers; one run prints its history");
            ExitCode::FAILURE
        }
    }
}

fn many(seed: u64, runs: u64) -> ExitCode {
    let mut failed = Vec::new();
    let (mut events, mut tasks) = (0, 0);
    for seed in seed..seed.saturating_add(runs) {
        match sim::attempt(seed) {
            Ok(report) => {
                events += report.events;
                tasks += report.tasks;
            }
            Err(text) => {
                println!("seed {seed}: {text}");
                failed.push(seed);
            }
        }
    }
    println!("{runs} seeds, {events} events, {tasks} tasks; failed: {failed:?}");
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(seed: u64) -> ExitCode {
    let (lines, result) = sim::history(seed);
    for line in lines {
        println!("{line}");
    }
    match result {
        Ok(report) => {
            println!("seed {seed}: all is well: {report:?}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            println!("seed {seed}: {text}");
            ExitCode::FAILURE
        }
    }
}
