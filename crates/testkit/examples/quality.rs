//! Compares schedules: `quality [WORKERS THREADS [GRAPH]]`, for the graphs whose names have
//! GRAPH in them.

#![expect(clippy::print_stdout, reason = "it prints a table")]

use std::process::ExitCode;

use raskt_testkit::quality::machine::{Cluster, Run};
use raskt_testkit::quality::{compare, graphs};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, usual: u32| {
        arguments.get(at).map_or(Some(usual), |text| text.parse().ok().filter(|n| *n > 0))
    };
    let (Some(workers), Some(threads)) = (number(0, 24), number(1, 1)) else {
        println!("usage: quality [WORKERS THREADS [GRAPH]]: numbers above 0, part of a name");
        return ExitCode::FAILURE;
    };
    let part = arguments.get(2).map_or("", String::as_str);
    println!("{workers} workers of {threads}; makespans in seconds, (GB moved)");
    println!(
        "{:22}{:>6} {:>17}{:>17}{:>17}{:>17}{:>9}{:>8}{:>8}",
        "graph", "tasks", "ours", "random", "levels", "dask", "bound", "/best", "/bound"
    );
    let mut is_well = true;
    for graph in graphs::all().into_iter().filter(|graph| graph.name.contains(part)) {
        match compare(Cluster::new(workers, threads), &graph) {
            Ok(all) => println!(
                "{:22}{:>6} {:>17}{:>17}{:>17}{:>17}{:>9.3}{:>8.2}{:>8.2}",
                graph.name,
                graph.tasks.len(),
                cell(all.ours),
                cell(all.random),
                cell(all.levels),
                cell(all.dask),
                all.bound_us as f64 / 1e6,
                all.ratio(),
                all.ours.makespan_us as f64 / all.bound_us.max(1) as f64,
            ),
            Err(text) => {
                println!("{}: {text}", graph.name);
                is_well = false;
            }
        }
    }
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn cell(run: Run) -> String {
    format!("{:.3} ({:.2})", run.makespan_us as f64 / 1e6, run.moved_bytes as f64 / 1e9)
}
