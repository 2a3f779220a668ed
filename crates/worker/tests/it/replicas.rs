//! Copies: acquired, brought, dropped, kept.

use raskt_wire::{FromWorker, ToWorker};
use raskt_worker::{Got, Status};

use crate::harness::*;

fn drop_replicas(uids: &[u32]) -> ToWorker {
    ToWorker::DropReplicas(uids.iter().map(|uid| t(*uid)).collect())
}

#[test]
fn copies_are_acquired_after_all_that_tasks_need() {
    let mut bench = Bench::new(raskt_worker::Config { connections: 1, ..Default::default() });
    bench.compute(vec![order(8, 0, vec![input(4, &[9])])]);
    bench.message(ToWorker::Acquire(vec![input(1, &[2])]));
    bench.compute(vec![order(9, 0, vec![input(3, &[5])])]);
    assert_eq!(fetches(&bench.fetched(9, &[(4, Got::Ok(1))])), [(5, vec![3])]);
    assert_eq!(fetches(&bench.fetched(5, &[(3, Got::Ok(1))])), [(2, vec![1])]);
    let actions = bench.fetched(2, &[(1, Got::Ok(1))]);
    assert_eq!(sent(&actions), [FromWorker::Holds(vec![t(1)])]);
    bench.end();
}

#[test]
fn a_copy_that_is_here_is_reported_again() {
    let mut bench = Bench::plain();
    bench.put(1, 10);
    let actions = bench.message(ToWorker::Acquire(vec![input(1, &[2])]));
    assert_eq!(sent(&actions), [FromWorker::Holds(vec![t(1)])]);
    bench.end();
}

#[test]
fn a_copy_that_is_not_wanted_any_more_is_not_fetched() {
    let mut bench = Bench::plain();
    bench.message(ToWorker::Acquire(vec![input(1, &[2]), input(3, &[4])]));
    bench.free(&[1]);
    bench.message(drop_replicas(&[3]));
    assert_eq!(bench.worker.view().tasks(), []);
    assert_eq!(drops(&bench.fetched(2, &[(1, Got::Ok(1))])), [1]);
    assert_eq!(drops(&bench.fetched(4, &[(3, Got::Missing)])), Vec::<u32>::new());
    bench.end();
}

#[test]
fn a_copy_that_cannot_be_had_is_given_up() {
    let lost = FromWorker::Missing { uids: vec![t(1)], holder: ME };
    let mut bench = Bench::plain();
    bench.message(ToWorker::Acquire(vec![input(1, &[2])]));
    let actions = bench.fetched(2, &[(1, Got::Failed("a lock".into()))]);
    assert_eq!(sent(&actions), std::slice::from_ref(&lost));
    bench.message(ToWorker::Acquire(vec![input(1, &[2])]));
    // Perhaps another has it: the scheduler is given time to say so.
    let actions = bench.fetched(2, &[(1, Got::Missing)]);
    assert_eq!(sent(&actions), [FromWorker::Missing { uids: vec![t(1)], holder: w(2) }]);
    assert_eq!(bench.status(1), Some(Status::Missing));
    assert_eq!(sent(&bench.wait()), [lost]);
    assert_eq!(bench.worker.view().tasks(), []);
}

#[test]
fn a_copy_that_no_task_needs_is_dropped() {
    let mut bench = Bench::plain();
    bench.put(1, 10);
    let actions = bench.message(drop_replicas(&[1, 9]));
    assert_eq!(drops(&actions), [1]);
    assert_eq!(sent(&actions), [FromWorker::Missing { uids: vec![t(1)], holder: ME }]);
    bench.end();
}

#[test]
fn a_result_that_is_made_again_is_reported_after_the_drop_of_the_last_one() {
    let mut bench = Bench::plain();
    bench.put(1, 10);
    let mut out = Vec::new();
    let now = raskt_worker::Micros(0);
    let orders = vec![order(1, 1, vec![])];
    for message in [drop_replicas(&[1]), ToWorker::Compute { orders, blobs: Vec::new() }] {
        bench.worker.handle(now, raskt_worker::Event::FromScheduler(message), &mut out);
    }
    let (uid, outcome, span) = (t(1), done(10), Default::default());
    let event = raskt_worker::Event::Executed { uid, attempt: 1, outcome, span };
    bench.worker.handle(now, event, &mut out);
    bench.worker.flush(now, &mut out);
    let [FromWorker::Missing { .. }, FromWorker::Finished(_)] = &sent(&out)[..] else {
        panic!("{out:?}")
    };
    bench.end();
}

#[test]
fn a_copy_that_a_task_needs_is_kept() {
    let mut bench = Bench::plain();
    bench.put(1, 10);
    bench.compute(vec![order(2, 0, vec![input(1, &[7])])]);
    let actions = bench.message(drop_replicas(&[1]));
    assert_eq!(sent(&actions), [FromWorker::Keeps(vec![t(1)])]);
    bench.executed(2, 0, done(1));
    assert_eq!(drops(&bench.message(drop_replicas(&[1]))), [1]);
    bench.end();
}

#[test]
fn who_insists_that_a_copy_goes_is_not_told_again() {
    let mut bench = Bench::plain();
    bench.put(1, 10);
    bench.compute(vec![order(2, 0, vec![input(1, &[7])])]);
    bench.message(drop_replicas(&[1]));
    assert_eq!(bench.message(drop_replicas(&[1])), []);
    assert_eq!(drops(&bench.executed(2, 0, done(1))), [1]);
    bench.end();
}

#[test]
fn an_actor_is_kept() {
    let mut bench = Bench::plain();
    let mut actor = order(1, 0, vec![]);
    actor.actor = true;
    bench.compute(vec![actor]);
    bench.executed(1, 0, done(1));
    let actions = bench.message(drop_replicas(&[1]));
    assert_eq!(sent(&actions), [FromWorker::Keeps(vec![t(1)])]);
    assert_eq!(drops(&bench.free(&[1])), [1]);
    bench.end();
}

#[test]
fn an_order_is_no_copy() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(1, 0, vec![])]);
    assert_eq!(bench.message(drop_replicas(&[1])), []);
    assert_eq!(bench.message(ToWorker::Acquire(vec![input(1, &[2])])), []);
    assert_eq!(bench.status(1), Some(Status::Executing));
    bench.end();
}

#[test]
fn data_that_is_brought_is_reported_and_serves_who_waits() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(2, 0, vec![input(1, &[])])]);
    let actions = bench.put(1, 10);
    assert_eq!(sent(&actions), [FromWorker::Holds(vec![t(1)])]);
    assert_eq!(runs(&actions), [2]);
    // Again: nothing is counted twice.
    bench.put(1, 10);
    assert_eq!(bench.worker.view().managed_bytes(), 10);
    bench.end();
}
