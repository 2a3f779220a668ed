//! Many seeds of the simulator: whole clusters with faults, each checked all along.

use raskt_testkit::sim;

/// How many seeds a run of the tests plays.
const SEEDS: u64 = 2_000;

#[test]
fn every_seed_ends_well() {
    let reports = sim::check_seeds(0..SEEDS);
    assert_eq!(reports.len(), SEEDS as usize);
    let tasks: u64 = reports.iter().map(|report| report.tasks).sum();
    // Nothing is shown by clusters that do nothing.
    assert!(tasks > 10 * SEEDS, "only {tasks} tasks ran in {SEEDS} seeds");
}

#[test]
fn the_same_seed_has_the_same_history() {
    for seed in 0..50 {
        assert_eq!(sim::run(seed), sim::run(seed), "seed {seed}");
    }
    assert_ne!(sim::run(0).hash, sim::run(1).hash);
}

#[test]
fn a_history_can_be_read_and_is_the_one_that_was_played() {
    let (lines, report) = sim::history(3);
    let report = report.unwrap();
    assert_eq!(report, sim::run(3));
    assert_eq!(lines.len() as u64, report.events);
    assert!(lines[0].contains("seed 3"), "{}", lines[0]);
}
