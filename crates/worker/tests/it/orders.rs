//! What the scheduler takes back: frees, retracts, retires.

use raskt_wire::{BlobId, FromWorker, ToWorker};
use raskt_worker::{Action, Config, Event, Got, Status};

use crate::harness::*;

fn retract(index: u32, attempt: u32) -> ToWorker {
    ToWorker::Retract { uid: t(index), attempt }
}

fn retracted(index: u32, attempt: u32, given: bool) -> FromWorker {
    FromWorker::Retracted { uid: t(index), attempt, given }
}

#[test]
fn what_has_not_begun_is_given_back() {
    let mut bench = Bench::plain();
    let orders = vec![order(1, 0, vec![]), order(2, 0, vec![]), order(4, 0, vec![input(3, &[3])])];
    bench.compute(orders);
    assert_eq!(sent(&bench.message(retract(2, 0))), [retracted(2, 0, true)]);
    assert_eq!(sent(&bench.message(retract(4, 0))), [retracted(4, 0, true)]);
    assert_eq!(bench.status(2), None);
    assert_eq!(bench.status(3), None);
    assert_eq!(drops(&bench.fetched(3, &[(3, Got::Ok(5))])), [3]);
    bench.end();
}

#[test]
fn what_has_begun_or_is_unknown_is_not_given_back() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(1, 1, vec![]), order(2, 1, vec![])]);
    assert_eq!(sent(&bench.message(retract(1, 1))), [retracted(1, 1, false)]);
    assert_eq!(sent(&bench.message(retract(2, 0))), [retracted(2, 0, false)]);
    assert_eq!(sent(&bench.message(retract(9, 0))), [retracted(9, 0, false)]);
    bench.executed(1, 1, done(1));
    assert_eq!(sent(&bench.message(retract(1, 1))), [retracted(1, 1, false)]);
    assert_eq!(bench.status(2), Some(Status::Executing));
    bench.end();
}

#[test]
fn a_task_that_waits_for_its_inputs_to_be_read_is_given_back_with_its_thread() {
    let mut bench = Bench::limited();
    bench.put(1, 700);
    bench.event(Event::Spilled { uid: t(1), disk_bytes: 700 });
    let actions = bench.compute(vec![order(2, 0, vec![input(1, &[7])]), order(3, 0, vec![])]);
    assert_eq!(loads(&actions), [1]);
    assert_eq!(bench.status(2), Some(Status::Opening));
    let actions = bench.message(retract(2, 0));
    assert_eq!(sent(&actions), [retracted(2, 0, true)]);
    assert_eq!(runs(&actions), [3]);
    bench.event(Event::Loaded { uid: t(1) });
    bench.end();
}

#[test]
fn a_retiring_worker_ends_what_runs_and_gives_the_rest_back() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(1, 0, vec![]), order(2, 5, vec![]), order(4, 0, vec![])]);
    let back = |index, attempt| FromWorker::Reschedule { uid: t(index), attempt };
    assert_eq!(sent(&bench.message(ToWorker::Retiring(true))), [back(2, 5), back(4, 0)]);
    assert_eq!(sent(&bench.compute(vec![order(6, 0, vec![])])), [back(6, 0)]);
    assert!(bench.worker.view().is_retiring());
    assert_eq!(finished(&bench.executed(1, 0, done(1))), [(1, 0, 1)]);
    bench.message(ToWorker::Retiring(false));
    assert_eq!(runs(&bench.compute(vec![order(6, 1, vec![])])), [6]);
    bench.end();
}

#[test]
fn freed_orders_leave_in_every_state() {
    let mut bench = Bench::new(Config {
        memory_limit: 1000,
        resources: vec![("GPU".into(), 1.0)],
        nthreads: 2,
        ..Config::default()
    });
    bench.put(1, 700);
    bench.event(Event::Spilled { uid: t(1), disk_bytes: 10 });
    let mut gpu = order(6, 0, vec![]);
    gpu.resources = vec![("GPU".into(), 2.0)];
    let orders = vec![
        order(2, 0, vec![input(1, &[7])]),                // Reads 1.
        order(3, 0, vec![]),                              // Runs.
        order(4, 0, vec![]),                              // Ready.
        order(5, 0, vec![input(9, &[3]), input(8, &[])]), // Waits for both.
        gpu,                                              // Constrained for ever.
    ];
    bench.compute(orders);
    let all = [2, 3, 4, 5, 6].map(|index| bench.status(index).expect("it is known"));
    let expected =
        [Status::Opening, Status::Executing, Status::Ready, Status::Waiting, Status::Constrained];
    assert_eq!(all, expected);
    assert_eq!(drops(&bench.free(&[2, 3, 4, 5, 6, 1])), [1]);
    assert_eq!(bench.worker.view().tasks(), []);
    assert_eq!(drops(&bench.executed(3, 0, done(1))), [3]);
    assert_eq!(drops(&bench.fetched(3, &[(9, Got::Ok(1))])), [9]);
    bench.end();
}

#[test]
fn a_freed_result_stays_while_a_task_here_uses_it() {
    let mut bench = Bench::plain();
    bench.put(1, 10);
    bench.compute(vec![order(2, 0, vec![input(1, &[7])])]);
    assert_eq!(drops(&bench.free(&[1])), Vec::<u32>::new());
    assert_eq!(drops(&bench.executed(2, 0, done(1))), [1]);
    bench.end();
}

#[test]
fn input_and_task_freed_together_are_dropped_in_any_order() {
    for freed in [[1, 2], [2, 1]] {
        let mut bench = Bench::plain();
        bench.put(1, 10);
        bench.compute(vec![order(2, 0, vec![input(1, &[7])])]);
        assert_eq!(drops(&bench.free(&freed)), [1]);
        assert_eq!(drops(&bench.executed(2, 0, done(1))), [2]);
        bench.end();
    }
}

#[test]
fn an_order_whose_result_is_needed_here_is_looked_for_when_it_fails() {
    let mut bench = Bench::threads(2);
    bench.compute(vec![order(1, 0, vec![]), order(2, 0, vec![input(1, &[])])]);
    let actions = bench.executed(1, 0, failed());
    let asks = FromWorker::Missing { uids: vec![t(1)], holder: ME };
    assert!(sent(&actions).contains(&asks), "{actions:?}");
    assert_eq!(bench.status(1), Some(Status::Missing));
    bench.end();
}

#[test]
fn shared_bytes_are_forgotten_at_once() {
    let mut bench = Bench::plain();
    let blobs = vec![BlobId(3)];
    let actions = bench.message(ToWorker::ForgetBlobs(blobs.clone()));
    assert_eq!(actions, [Action::ForgetBlobs(blobs)]);
}
