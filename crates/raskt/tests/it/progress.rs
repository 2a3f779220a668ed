//! What a progress bar counts.

use std::sync::Arc;

use raskt::Progress;
use raskt::prelude::*;

#[raskt::task]
fn inc(x: i64) -> i64 {
    x + 1
}

#[raskt::task]
fn fail(x: i64) -> Result<i64, String> {
    Err(format!("{x}"))
}

fn counts(progress: &Progress) -> (u64, u64) {
    (progress.done(), progress.total())
}

#[test]
fn counts_every_task_but_no_data() {
    let progress = Arc::new(Progress::default());
    let on_two = Compute::threads(2).subscribe(progress.clone());
    let data = Delayed::ready("data", 1);
    let tasks: Vec<_> = (0..1000).map(|_| inc::lazy(inc::lazy(&data))).collect();
    assert_eq!(on_two.run(&tasks).unwrap(), vec![3; 1000]);
    assert_eq!(counts(&progress), (2000, 2000));
    // From the start with the next run.
    assert_eq!(on_two.run((inc::lazy(1), data)).unwrap(), (2, 1));
    assert_eq!(counts(&progress), (1, 1));
}

#[test]
fn stops_where_a_run_fails() {
    let progress = Arc::new(Progress::default());
    let task = inc::lazy(fail::lazy(inc::lazy(1)));
    Compute::threads(2).subscribe(progress.clone()).run(task).unwrap_err();
    assert_eq!(counts(&progress), (1, 3));
}
