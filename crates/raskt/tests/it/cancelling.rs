//! Stopping a computation.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use raskt::graph::{Cancel, Event, Failure, Graph, Subscriber};
use raskt::prelude::*;
use raskt::{Error, Progress};

use crate::gate::Gate;

#[raskt::task]
fn inc(x: i64) -> i64 {
    x + 1
}

/// Stops the run after so many tasks.
struct StopAfter {
    left: AtomicUsize,
    cancel: Cancel,
}

impl Subscriber for StopAfter {
    fn on_event(&self, _: &Graph, event: &Event<'_>) -> Result<(), Failure> {
        if matches!(event, Event::Finished { .. }) && self.left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            self.cancel.cancel();
        }
        Ok(())
    }
}

#[track_caller]
fn check_stops(compute: Compute) {
    let progress = Arc::new(Progress::default());
    let stop = StopAfter { left: AtomicUsize::new(3), cancel: compute.canceller() };
    let compute = compute.subscribe(progress.clone()).subscribe(Arc::new(stop));
    let chain = (0..1000).fold(inc::lazy(0), |x, _| inc::lazy(x));
    assert!(matches!(compute.run(&chain), Err(Error::Cancelled)));
    assert_eq!((progress.done(), progress.total()), (3, 1001));
    // It stays stopped; others are not.
    assert!(matches!(compute.run(inc::lazy(0)), Err(Error::Cancelled)));
    assert!(matches!(chain.compute(), Ok(1001)));
}

#[test]
fn no_further_task_starts() {
    check_stops(Compute::threads(2));
    check_stops(Compute::on(Synchronous::default()));
}

#[test]
fn nobody_waits_for_tasks_that_go_on() {
    static BEGAN: Gate = Gate::new();
    static STOPPED: Gate = Gate::new();
    #[raskt::task]
    fn patient() -> i64 {
        BEGAN.open();
        STOPPED.wait();
        1
    }
    let compute = Compute::threads(2);
    let cancel = compute.canceller();
    let run = std::thread::spawn(move || compute.run(inc::lazy(patient::lazy())));
    BEGAN.wait();
    cancel.cancel();
    // Were it to wait for the task, this would not end.
    assert!(matches!(run.join().unwrap(), Err(Error::Cancelled)));
    STOPPED.open();
}
