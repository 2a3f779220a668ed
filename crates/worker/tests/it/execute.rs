//! Which task runs, and what becomes of it.

use raskt_wire::{FromWorker, Span, ToWorker};
use raskt_worker::{Action, Config, Event, Outcome, Status};

use crate::harness::*;

#[test]
fn a_task_without_inputs_runs_and_is_reported() {
    let mut bench = Bench::plain();
    assert_eq!(runs(&bench.compute(vec![order(1, 0, vec![])])), [1]);
    assert_eq!(bench.status(1), Some(Status::Executing));
    assert_eq!(finished(&bench.executed(1, 0, done(8))), [(1, 0, 8)]);
    assert_eq!(bench.status(1), Some(Status::Memory));
    assert_eq!(drops(&bench.free(&[1])), [1]);
    bench.end();
}

#[test]
fn the_most_urgent_runs_first_on_as_many_threads_as_there_are() {
    let mut bench = Bench::threads(2);
    let orders = [5, 3, 4, 1, 2].map(|index| order(index, 0, vec![])).to_vec();
    assert_eq!(runs(&bench.compute(orders)), [1, 2]);
    assert_eq!(runs(&bench.executed(2, 0, done(1))), [3]);
    let mut urgent = order(9, 0, vec![]);
    urgent.priority.user = -1;
    assert_eq!(runs(&bench.compute(vec![urgent])), Vec::<u32>::new());
    assert_eq!(runs(&bench.executed(1, 0, done(1))), [9]);
    bench.end();
}

#[test]
fn results_of_a_batch_are_one_report() {
    let mut bench = Bench::threads(3);
    bench.compute((1..=3).map(|index| order(index, 0, vec![])).collect());
    let mut out = Vec::new();
    for index in 1..=3 {
        let (uid, outcome, span) = (t(index), done(1), Span::default());
        let event = Event::Executed { uid, attempt: 0, outcome, span };
        bench.worker.handle(raskt_worker::Micros(0), event, &mut out);
    }
    assert_eq!(out, []);
    bench.worker.flush(raskt_worker::Micros(0), &mut out);
    assert_eq!(out.len(), 1);
    assert_eq!(finished(&out).len(), 3);
    bench.end();
}

#[test]
fn an_error_is_reported_and_forgotten() {
    let mut bench = Bench::plain();
    bench.put(1, 10);
    bench.compute(vec![order(2, 3, vec![input(1, &[7])])]);
    let actions = bench.executed(2, 3, failed());
    assert!(matches!(sent(&actions)[..], [FromWorker::Failed { attempt: 3, .. }]));
    assert_eq!(bench.status(2), None);
    assert_eq!(bench.status(1), Some(Status::Memory));
    bench.end();
}

#[test]
fn a_task_may_ask_to_run_elsewhere() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(2, 1, vec![])]);
    let actions = bench.executed(2, 1, Outcome::Rescheduled);
    assert_eq!(sent(&actions), [FromWorker::Reschedule { uid: t(2), attempt: 1 }]);
    assert_eq!(bench.status(2), None);
}

#[test]
fn tasks_wait_for_resources_and_hold_up_only_their_like() {
    let resources = vec![("GPU".into(), 1.5)];
    let mut bench = Bench::new(Config { nthreads: 4, resources, ..Config::default() });
    let gpu = |index, amount| {
        let mut order = order(index, 0, vec![]);
        order.resources = vec![("GPU".into(), amount)];
        order
    };
    let orders = vec![gpu(1, 1.0), gpu(2, 1.0), gpu(3, 0.5), order(4, 0, vec![])];
    assert_eq!(runs(&bench.compute(orders)), [1, 3, 4]);
    assert_eq!(bench.status(2), Some(Status::Constrained));
    assert_eq!(runs(&bench.executed(3, 0, done(1))), Vec::<u32>::new());
    assert_eq!(runs(&bench.executed(1, 0, done(1))), [2]);
    bench.end();
}

#[test]
fn what_the_worker_has_not_got_never_fits() {
    let mut bench = Bench::plain();
    let mut strange = order(1, 0, vec![]);
    strange.resources = vec![("TPU".into(), 1.0)];
    assert_eq!(bench.compute(vec![strange]), []);
    assert_eq!(bench.status(1), Some(Status::Constrained));
    bench.end();
}

#[test]
fn a_long_running_task_leaves_its_thread_to_others() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(1, 0, vec![]), order(2, 0, vec![])]);
    bench.now = 50;
    let actions = bench.event(Event::Seceded { uid: t(1), attempt: 0 });
    let long = FromWorker::LongRunning { uid: t(1), attempt: 0, compute_us: 50 };
    assert_eq!(sent(&actions), [long]);
    assert_eq!(runs(&actions), [2]);
    assert_eq!(bench.status(1), Some(Status::LongRunning));
    assert_eq!(finished(&bench.executed(1, 0, done(4))), [(1, 0, 4)]);
    assert_eq!(bench.status(2), Some(Status::Executing));
    bench.end();
}

#[test]
fn who_rejoins_waits_for_a_thread_and_goes_before_those_that_are_ready() {
    let mut bench = Bench::plain();
    bench.compute((1..=3).map(|index| order(index, 0, vec![])).collect());
    bench.event(Event::Seceded { uid: t(1), attempt: 0 });
    assert_eq!(bench.event(Event::Rejoined { uid: t(1), attempt: 0 }), []);
    let actions = bench.executed(2, 0, done(1));
    assert!(actions.contains(&Action::Resume { uid: t(1) }));
    assert_eq!(runs(&actions), Vec::<u32>::new());
    assert_eq!(runs(&bench.executed(1, 0, done(1))), [3]);
    bench.end();
}

#[test]
fn a_cancelled_task_that_rejoins_may_end() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(1, 0, vec![])]);
    bench.event(Event::Seceded { uid: t(1), attempt: 0 });
    bench.free(&[1]);
    let actions = bench.event(Event::Rejoined { uid: t(1), attempt: 0 });
    assert_eq!(actions, [Action::Resume { uid: t(1) }]);
    assert_eq!(drops(&bench.executed(1, 0, done(1))), [1]);
    bench.end();
}

#[test]
fn the_result_of_a_cancelled_task_is_dropped() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(1, 0, vec![]), order(2, 0, vec![])]);
    assert_eq!(bench.free(&[1]), []);
    assert_eq!(bench.status(1), Some(Status::Cancelled));
    assert_eq!(bench.status(2), Some(Status::Ready));
    let actions = bench.executed(1, 0, done(4));
    assert_eq!(drops(&actions), [1]);
    assert_eq!(finished(&actions), []);
    assert_eq!(runs(&actions), [2]);
    bench.end();
}

#[test]
fn a_cancelled_task_that_is_asked_for_again_serves() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(1, 0, vec![])]);
    bench.free(&[1]);
    assert_eq!(bench.compute(vec![order(1, 2, vec![])]), []);
    assert_eq!(bench.status(1), Some(Status::Executing));
    assert_eq!(finished(&bench.executed(1, 0, done(4))), [(1, 2, 4)]);
    bench.end();
}

#[test]
fn the_error_of_a_cancelled_task_counts_for_the_new_try() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(1, 0, vec![])]);
    bench.free(&[1]);
    bench.compute(vec![order(1, 2, vec![])]);
    let actions = bench.executed(1, 0, failed());
    assert!(matches!(sent(&actions)[..], [FromWorker::Failed { attempt: 2, .. }]));
}

#[test]
fn a_cancelled_task_that_a_task_here_needs_serves_as_its_input() {
    let mut bench = Bench::threads(2);
    bench.compute(vec![order(1, 0, vec![])]);
    bench.free(&[1]);
    bench.compute(vec![order(2, 0, vec![input(1, &[3])])]);
    assert_eq!(bench.status(1), Some(Status::Flight));
    let actions = bench.executed(1, 0, done(4));
    assert_eq!(sent(&actions), [FromWorker::Holds(vec![t(1)])]);
    assert_eq!(runs(&actions), [2]);
    bench.end();
}

#[test]
fn a_newer_try_takes_the_place_of_one_that_runs() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(1, 0, vec![])]);
    assert_eq!(bench.compute(vec![order(1, 1, vec![])]), []);
    assert_eq!(finished(&bench.executed(1, 0, done(4))), [(1, 1, 4)]);
    bench.end();
}

#[test]
fn a_try_that_left_its_thread_says_so_when_it_is_asked_for_again() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(1, 0, vec![])]);
    bench.event(Event::Seceded { uid: t(1), attempt: 0 });
    bench.free(&[1]);
    let actions = bench.compute(vec![order(1, 5, vec![])]);
    assert!(matches!(sent(&actions)[..], [FromWorker::LongRunning { attempt: 5, .. }]));
    bench.end();
}

#[test]
fn stale_and_repeated_messages_change_nothing() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(1, 4, vec![])]);
    assert_eq!(bench.compute(vec![order(1, 4, vec![]), order(1, 3, vec![])]), []);
    assert_eq!(bench.executed(1, 3, done(4)), []);
    assert_eq!(bench.executed(9, 0, done(4)), []);
    assert_eq!(bench.event(Event::Seceded { uid: t(1), attempt: 3 }), []);
    assert_eq!(bench.event(Event::Rejoined { uid: t(1), attempt: 4 }), []);
    assert_eq!(finished(&bench.executed(1, 4, done(4))), [(1, 4, 4)]);
    assert_eq!(bench.executed(1, 4, done(4)), []);
    assert_eq!(bench.compute(vec![order(1, 4, vec![])]), []);
    assert_eq!(drops(&bench.free(&[1])), [1]);
    assert_eq!(bench.free(&[1, 1, 8]), []);
    assert_eq!(bench.message(ToWorker::PeerLeft(w(99))), []);
    bench.end();
}

#[test]
fn a_result_that_is_here_is_reported_for_a_newer_try() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(1, 0, vec![])]);
    bench.executed(1, 0, done(4));
    let actions = bench.compute(vec![order(1, 1, vec![])]);
    assert_eq!(finished(&actions), [(1, 1, 4)]);
    assert_eq!(runs(&actions), Vec::<u32>::new());
    bench.end();
}

#[test]
fn spans_say_how_long_inputs_were_on_the_way() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(2, 0, vec![input(1, &[3])])]);
    bench.now = 700;
    bench.fetched(3, &[(1, raskt_worker::Got::Ok(10))]);
    let actions = bench.executed(2, 0, done(4));
    let [FromWorker::Finished(all)] = &sent(&actions)[..] else { panic!("{actions:?}") };
    assert_eq!(all[0].span.transfer_us, 700);
    bench.end();
}
