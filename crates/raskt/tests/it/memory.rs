//! More intermediate results than fit into memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use raskt::Delayed;
use raskt::graph::{Event, Failure, Graph, Subscriber};
use raskt::prelude::*;

const BLOCKS: u64 = 48;
const LENGTH: u64 = 1 << 16;
const LIMIT: usize = 4 << 20;

#[raskt::task]
fn block(number: u64) -> Vec<f64> {
    (0..LENGTH).map(|i| ((number * LENGTH + i) as f64).sin()).collect()
}

#[raskt::task]
fn total(numbers: &[f64]) -> f64 {
    numbers.iter().sum()
}

#[raskt::task]
fn squares(numbers: &[f64], mean: f64) -> f64 {
    numbers.iter().map(|x| (x - mean) * (x - mean)).sum()
}

#[raskt::task]
fn divide(x: f64, y: f64) -> f64 {
    x / y
}

/// Counts what goes to disk and comes back.
#[derive(Default)]
struct Moves {
    spilled: AtomicUsize,
    loaded: AtomicUsize,
}

impl Subscriber for Moves {
    fn on_event(&self, _: &Graph, event: &Event<'_>) -> Result<(), Failure> {
        match event {
            Event::Spilled { .. } => self.spilled.fetch_add(1, Ordering::SeqCst),
            Event::Loaded { .. } => self.loaded.fetch_add(1, Ordering::SeqCst),
            _ => 0,
        };
        Ok(())
    }
}

/// The variance needs all blocks twice: for the mean, and for the distances from it.
fn variance() -> Delayed<f64> {
    let n = (BLOCKS * LENGTH) as f64;
    let blocks: Vec<_> = (0..BLOCKS).map(block::lazy).collect();
    let totals: Vec<_> = blocks.iter().map(total::lazy).collect();
    let mean = divide::lazy(total::lazy(totals), n);
    let squares: Vec<_> = blocks.iter().map(|block| squares::lazy(block, &mean)).collect();
    divide::lazy(total::lazy(squares), n)
}

fn variance_serially() -> f64 {
    let n = (BLOCKS * LENGTH) as f64;
    let totals: Vec<f64> = (0..BLOCKS).map(|i| total(&block(i))).collect();
    let mean = total(&totals) / n;
    let squares: Vec<f64> = (0..BLOCKS).map(|i| squares(&block(i), mean)).collect();
    total(&squares) / n
}

#[test]
fn what_does_not_fit_goes_to_disk_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let moves = Arc::new(Moves::default());
    let compute =
        Compute::threads(2).memory_limit_in(LIMIT, folder.path()).subscribe(moves.clone());
    assert_eq!(compute.run(variance()).unwrap(), variance_serially());
    // All blocks are made before any is used again, and 8 of them fill the memory.
    assert!(moves.spilled.load(Ordering::SeqCst) >= 40, "{:?}", moves.spilled);
    assert!(moves.loaded.load(Ordering::SeqCst) >= 40, "{:?}", moves.loaded);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn what_fits_stays() {
    let moves = Arc::new(Moves::default());
    let compute = Compute::threads(2).memory_limit(1 << 30).subscribe(moves.clone());
    assert_eq!(compute.run(variance()).unwrap(), variance_serially());
    assert_eq!(moves.spilled.load(Ordering::SeqCst), 0);
}

#[test]
fn a_folder_that_cannot_be_used_is_an_error_that_says_what_to_do() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let compute = Compute::threads(2).memory_limit_in(LIMIT, file.path());
    let error = compute.run(variance()).unwrap_err();
    assert!(matches!(error, raskt::Error::Spill { direction: "to", .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&*file.path().to_string_lossy()), "{text}");
    assert!(text.contains("choose another folder"), "{text}");
}

#[test]
#[should_panic(expected = "give the memory limit to the executor")]
fn an_executor_has_a_limit_of_its_own() {
    drop(Compute::on(Synchronous::default()).memory_limit(LIMIT));
}
