//! What is moved to disk and back, and when the worker pauses. Its limit is 1000 bytes.

use raskt_wire::{FromWorker, ToWorker};
use raskt_worker::{Action, Config, Event, Status};

use crate::harness::*;

fn spilled(index: u32) -> Event {
    Event::Spilled { uid: t(index), disk_bytes: 5 }
}

#[test]
fn the_least_recently_used_are_moved_until_the_target_is_met() {
    let mut bench = Bench::limited();
    assert_eq!(bench.put(1, 250).len(), 1);
    bench.put(2, 250);
    // Uses 1.
    bench.compute(vec![order(9, 0, vec![input(1, &[7])])]);
    assert_eq!(spills(&bench.executed(9, 0, done(0))), Vec::<u32>::new());
    assert_eq!(spills(&bench.put(3, 250)), [2]);
    assert_eq!(bench.status(2), Some(Status::Spilling));
    bench.event(spilled(2));
    assert_eq!(bench.status(2), Some(Status::Spilled));
    let view = bench.worker.view();
    assert_eq!((view.managed_bytes(), view.spilled_bytes()), (500, 5));
    bench.end();
}

#[test]
fn a_result_larger_than_the_target_goes_to_disk_at_once() {
    let mut bench = Bench::limited();
    assert_eq!(spills(&bench.put(1, 900)), [1]);
    bench.event(spilled(1));
    bench.end();
}

#[test]
fn without_a_limit_nothing_moves() {
    let mut bench = Bench::plain();
    assert_eq!(spills(&bench.put(1, 1 << 50)), Vec::<u32>::new());
    assert_eq!(bench.event(Event::Memory { process_bytes: 1 << 60 }), []);
    bench.end();
}

#[test]
fn inputs_on_disk_are_read_before_a_task_runs() {
    let mut bench = Bench::limited();
    bench.put(1, 700);
    bench.event(spilled(1));
    let actions = bench.compute(vec![order(2, 0, vec![input(1, &[7]), input(1, &[7])])]);
    assert_eq!((loads(&actions), runs(&actions)), (vec![1], vec![]));
    assert_eq!(bench.status(1), Some(Status::Loading));
    let actions = bench.event(Event::Loaded { uid: t(1) });
    assert_eq!(runs(&actions), [2]);
    // While it is used it stays, too large or not.
    assert_eq!(spills(&actions), Vec::<u32>::new());
    assert_eq!(spills(&bench.executed(2, 0, done(1))), [1]);
    bench.end();
}

#[test]
fn an_input_that_is_being_written_is_read_back() {
    let mut bench = Bench::limited();
    bench.put(1, 700);
    assert_eq!(bench.compute(vec![order(2, 0, vec![input(1, &[7])])]), []);
    assert_eq!(loads(&bench.event(spilled(1))), [1]);
    assert_eq!(runs(&bench.event(Event::Loaded { uid: t(1) })), [2]);
    bench.end();
}

#[test]
fn an_input_that_cannot_be_written_is_used_from_memory() {
    let mut bench = Bench::limited();
    bench.put(1, 700);
    bench.compute(vec![order(2, 0, vec![input(1, &[7])])]);
    let actions = bench.event(Event::SpillFailed { uid: t(1), full: false });
    assert_eq!(runs(&actions), [2]);
    // And it is not tried again.
    assert_eq!(spills(&bench.executed(2, 0, done(1))), [2]);
    bench.end();
}

#[test]
fn a_full_disk_is_tried_again_later() {
    let mut bench = Bench::limited();
    bench.put(1, 700);
    assert_eq!(bench.event(Event::SpillFailed { uid: t(1), full: true }), []);
    assert_eq!(spills(&bench.put(2, 10)), Vec::<u32>::new());
    assert_eq!(spills(&bench.wait()), [1]);
    assert_eq!(bench.now, 1_000_000);
    bench.end();
}

#[test]
fn a_result_that_cannot_be_read_back_is_lost_and_looked_for() {
    let mut bench = Bench::limited();
    bench.put(1, 700);
    bench.event(spilled(1));
    let orders = [2, 3].map(|index| order(index, 0, vec![input(1, &[7])]));
    bench.compute(orders.to_vec());
    let actions = bench.event(Event::LoadFailed { uid: t(1), text: "torn".into() });
    let lost = FromWorker::Missing { uids: vec![t(1)], holder: ME };
    assert_eq!(sent(&actions), [lost]);
    assert_eq!(
        [1, 2, 3].map(|index| bench.status(index)),
        [Some(Status::Missing), Some(Status::Waiting), Some(Status::Waiting)]
    );
    let actions = bench.message(ToWorker::Holders(vec![input(1, &[2])]));
    assert_eq!(fetches(&actions), [(2, vec![1])]);
    bench.end();
}

#[test]
fn a_lost_result_that_nobody_needs_here_is_reported_and_forgotten() {
    let mut bench = Bench::limited();
    bench.put(1, 700);
    bench.event(spilled(1));
    bench.compute(vec![order(2, 0, vec![input(1, &[7])])]);
    bench.free(&[2]);
    let actions = bench.event(Event::LoadFailed { uid: t(1), text: "torn".into() });
    assert_eq!(sent(&actions), [FromWorker::Missing { uids: vec![t(1)], holder: ME }]);
    assert_eq!(bench.worker.view().tasks(), []);
    assert_eq!(bench.worker.next_deadline(), None);
}

#[test]
fn a_large_process_moves_results_until_the_target_could_be_met() {
    let mut bench = Bench::limited();
    (1..=5).for_each(|index| drop(bench.put(index, 100)));
    assert_eq!(bench.event(Event::Memory { process_bytes: 650 }), []);
    // 720 are 120 more than the target of 600.
    assert_eq!(spills(&bench.event(Event::Memory { process_bytes: 720 })), [1, 2]);
    assert_eq!(spills(&bench.event(Event::Memory { process_bytes: 720 })), Vec::<u32>::new());
    bench.event(spilled(1));
    bench.event(spilled(2));
    assert_eq!(spills(&bench.event(Event::Memory { process_bytes: 710 })), [3, 4]);
    bench.end();
}

#[test]
fn a_process_that_is_too_large_pauses() {
    let mut bench = Bench::limited();
    bench.compute(vec![order(1, 0, vec![]), order(2, 0, vec![])]);
    let actions = bench.event(Event::Memory { process_bytes: 801 });
    assert_eq!(sent(&actions), [FromWorker::Paused(true)]);
    assert!(bench.worker.view().is_paused());
    let actions = bench.executed(1, 0, done(1));
    assert_eq!((finished(&actions).len(), runs(&actions)), (1, vec![]));
    assert_eq!(bench.event(Event::Memory { process_bytes: 900 }), []);
    let actions = bench.event(Event::Memory { process_bytes: 799 });
    assert_eq!(sent(&actions), [FromWorker::Paused(false)]);
    assert_eq!(runs(&actions), [2]);
    bench.end();
}

#[test]
fn a_paused_worker_lets_tasks_rejoin() {
    let mut bench = Bench::limited();
    bench.compute(vec![order(1, 0, vec![])]);
    bench.event(Event::Seceded { uid: t(1), attempt: 0 });
    bench.event(Event::Memory { process_bytes: 900 });
    let actions = bench.event(Event::Rejoined { uid: t(1), attempt: 0 });
    assert_eq!(actions, [Action::Resume { uid: t(1) }]);
    bench.end();
}

#[test]
fn actors_are_not_moved() {
    let mut bench = Bench::limited();
    let mut actor = order(1, 0, vec![]);
    actor.actor = true;
    bench.compute(vec![actor]);
    assert_eq!(spills(&bench.executed(1, 0, done(900))), Vec::<u32>::new());
    bench.end();
}

#[test]
fn thresholds_can_be_switched_off() {
    let config =
        Config { memory_limit: 1000, target: None, spill: None, pause: None, ..Config::default() };
    let mut bench = Bench::new(config);
    assert_eq!(spills(&bench.put(1, 5000)), Vec::<u32>::new());
    assert_eq!(bench.event(Event::Memory { process_bytes: 5000 }), []);
    bench.end();
}

#[test]
fn what_is_dropped_while_it_moves_is_gone() {
    let mut bench = Bench::limited();
    bench.put(1, 700);
    assert_eq!(drops(&bench.free(&[1])), [1]);
    assert_eq!(bench.event(spilled(1)), []);
    bench.put(2, 700);
    bench.event(spilled(2));
    bench.compute(vec![order(3, 0, vec![input(2, &[7])])]);
    assert_eq!(drops(&bench.free(&[3, 2])), [2]);
    assert_eq!(bench.event(Event::Loaded { uid: t(2) }), []);
    bench.end();
}
