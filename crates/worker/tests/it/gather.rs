//! Fetching inputs: from whom, how much, and what becomes of it.

use raskt_wire::{Cause, FromWorker, ToWorker};
use raskt_worker::{Config, Event, Got, Status};

use crate::harness::*;

fn missing(uids: &[u32], holder: u32) -> FromWorker {
    FromWorker::Missing { uids: uids.iter().map(|uid| t(*uid)).collect(), holder: w(holder) }
}

#[test]
fn inputs_are_fetched_reported_and_used() {
    let mut bench = Bench::plain();
    let actions = bench.compute(vec![order(5, 0, vec![input(1, &[2]), input(3, &[2])])]);
    assert_eq!(fetches(&actions), [(2, vec![1, 3])]);
    assert_eq!((bench.status(5), bench.status(1)), (Some(Status::Waiting), Some(Status::Flight)));
    let actions = bench.fetched(2, &[(1, Got::Ok(100)), (3, Got::Ok(100))]);
    assert_eq!(sent(&actions), [FromWorker::Holds(vec![t(1), t(3)])]);
    assert_eq!(runs(&actions), [5]);
    assert_eq!(bench.worker.view().managed_bytes(), 200);
    bench.end();
}

#[test]
fn an_input_that_comes_twice_is_fetched_once() {
    let mut bench = Bench::plain();
    let inputs = vec![input(1, &[2]), input(1, &[2])];
    assert_eq!(fetches(&bench.compute(vec![order(5, 0, inputs)])), [(2, vec![1])]);
    assert_eq!(runs(&bench.fetched(2, &[(1, Got::Ok(1))])), [5]);
    bench.end();
}

#[test]
fn the_inputs_of_the_most_urgent_task_come_first() {
    let mut bench = Bench::new(Config { connections: 1, ..Config::default() });
    let orders = vec![order(9, 0, vec![input(1, &[2])]), order(5, 0, vec![input(2, &[3])])];
    assert_eq!(fetches(&bench.compute(orders)), [(3, vec![2])]);
    assert_eq!(fetches(&bench.fetched(3, &[(2, Got::Ok(1))])), [(2, vec![1])]);
    bench.end();
}

#[test]
fn an_input_becomes_as_urgent_as_the_most_urgent_that_needs_it() {
    let mut bench = Bench::new(Config { connections: 1, ..Config::default() });
    bench.compute(vec![order(1, 0, vec![input(100, &[9])])]);
    let orders = [(30, 101, 2), (20, 102, 3), (10, 101, 2)];
    let orders = orders.map(|(index, needs, from)| order(index, 0, vec![input(needs, &[from])]));
    bench.compute(orders.to_vec());
    assert_eq!(fetches(&bench.fetched(9, &[(100, Got::Ok(1))])), [(2, vec![101])]);
    bench.end();
}

#[test]
fn the_same_machine_comes_first_then_who_has_most_then_the_lowest_number() {
    let choice = |near: &[u32], extra: Option<u32>| {
        let mut bench = Bench::new(Config { connections: 1, ..Config::default() });
        (2..=4).for_each(|id| bench.peer(id, if near.contains(&id) { "" } else { "far" }));
        let mut inputs = vec![input(1, &[4, 3, 2])];
        inputs.extend(extra.map(|id| input(9, &[id])));
        let actions = bench.compute(vec![order(5, 0, inputs)]);
        let chosen = fetches(&actions)[0].0;
        bench.end();
        chosen
    };
    assert_eq!(choice(&[], None), 2);
    assert_eq!(choice(&[], Some(3)), 3);
    assert_eq!(choice(&[4], Some(3)), 4);
}

#[test]
fn one_request_a_peer_and_no_more_than_so_many_bytes() {
    let mut bench = Bench::new(Config { message_bytes: 5000, ..Config::default() });
    let inputs = (1..=4).map(|index| sized(index, 2000, &[2])).collect();
    assert_eq!(fetches(&bench.compute(vec![order(9, 0, inputs)])), [(2, vec![1, 2])]);
    let actions = bench.fetched(2, &[(1, Got::Ok(1)), (2, Got::Ok(1))]);
    assert_eq!(fetches(&actions), [(2, vec![3, 4])]);
    bench.end();
}

#[test]
fn a_large_result_comes_alone() {
    let config = Config { message_bytes: 5000, memory_limit: 1 << 30, ..Config::default() };
    let mut bench = Bench::new(config);
    let inputs = vec![sized(1, 1 << 29, &[2]), sized(3, 10, &[2])];
    assert_eq!(fetches(&bench.compute(vec![order(9, 0, inputs)])), [(2, vec![1])]);
    bench.end();
}

#[test]
fn bytes_in_flight_are_limited_but_never_to_nothing() {
    let config = Config { memory_limit: 100_000, ..Config::default() };
    let mut bench = Bench::new(config);
    let inputs = vec![sized(1, 50_000, &[2]), sized(3, 8_000, &[3]), sized(4, 8_000, &[4])];
    assert_eq!(fetches(&bench.compute(vec![order(9, 0, inputs)])), [(2, vec![1])]);
    assert_eq!(fetches(&bench.fetched(2, &[(1, Got::Ok(50_000))])), [(3, vec![3])]);
    assert_eq!(fetches(&bench.fetched(3, &[(3, Got::Ok(8_000))])), [(4, vec![4])]);
    bench.end();
}

#[test]
fn a_busy_peer_is_asked_again_after_a_while() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(5, 0, vec![input(1, &[2])])]);
    assert_eq!(bench.fetched(2, &[(1, Got::Busy)]), []);
    assert_eq!(bench.worker.next_deadline().map(|at| at.0), Some(150_000));
    assert_eq!(fetches(&bench.wait()), [(2, vec![1])]);
    bench.end();
}

#[test]
fn a_peer_that_could_be_asked_but_for_something_else_is_no_deadline() {
    let mut bench = Bench::new(Config { connections: 1, ..Config::default() });
    bench.compute(vec![order(5, 0, vec![input(1, &[2])])]);
    bench.fetched(2, &[(1, Got::Busy)]);
    assert_eq!(fetches(&bench.compute(vec![order(4, 0, vec![input(3, &[3])])])), [(3, vec![3])]);
    assert_eq!(fetches(&bench.wait()), []);
    assert_eq!(bench.worker.next_deadline(), None);
    assert_eq!(fetches(&bench.fetched(3, &[(3, Got::Ok(1))])), [(2, vec![1])]);
    bench.end();
}

#[test]
fn another_holder_is_asked_at_once_when_one_is_busy() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(5, 0, vec![input(1, &[2, 3])])]);
    assert_eq!(fetches(&bench.fetched(2, &[(1, Got::Busy)])), [(3, vec![1])]);
    bench.end();
}

#[test]
fn who_has_it_not_is_reported_and_the_next_is_asked() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(5, 0, vec![input(1, &[2, 3])])]);
    let actions = bench.fetched(2, &[(1, Got::Missing)]);
    assert_eq!(sent(&actions), [missing(&[1], 2)]);
    assert_eq!(fetches(&actions), [(3, vec![1])]);
    // An answer that leaves it out says the same.
    let actions = bench.fetched(3, &[]);
    assert_eq!(sent(&actions), [missing(&[1], 3)]);
    assert_eq!(bench.status(1), Some(Status::Missing));
    let actions = bench.message(ToWorker::Holders(vec![input(1, &[4])]));
    assert_eq!(fetches(&actions), [(4, vec![1])]);
    bench.end();
}

#[test]
fn what_nobody_is_known_to_have_is_asked_for_again_and_again() {
    let mut bench = Bench::plain();
    let actions = bench.compute(vec![order(5, 0, vec![input(1, &[])])]);
    assert_eq!(sent(&actions), [missing(&[1], ME.0)]);
    assert_eq!(sent(&bench.wait()), [missing(&[1], ME.0)]);
    assert_eq!(bench.now, 1_000_000);
    assert_eq!(bench.message(ToWorker::Holders(vec![input(1, &[])])), []);
    assert_eq!(sent(&bench.wait()), [missing(&[1], ME.0)]);
    bench.end();
}

#[test]
fn an_unreachable_peer_has_nothing_any_more() {
    let mut bench = Bench::new(Config { message_bytes: 1, ..Config::default() });
    let inputs = vec![input(1, &[2]), input(2, &[2]), input(3, &[2, 4])];
    bench.compute(vec![order(5, 0, inputs)]);
    let actions = bench.event(Event::Unreachable { peer: w(2) });
    assert_eq!(sent(&actions), [missing(&[1, 2], 2)]);
    assert_eq!(bench.status(3), Some(Status::Flight));
    // It may come back, but is not asked at once.
    let actions = bench.message(ToWorker::Holders(vec![input(1, &[2])]));
    assert_eq!(fetches(&actions), []);
    assert_eq!(fetches(&bench.wait()), [(2, vec![1])]);
    bench.end();
}

#[test]
fn results_of_a_peer_that_left_are_looked_for_elsewhere() {
    let mut bench = Bench::new(Config { message_bytes: 1, ..Config::default() });
    bench.compute(vec![order(5, 0, vec![input(1, &[2]), input(2, &[2]), input(3, &[2, 4])])]);
    let actions = bench.message(ToWorker::PeerLeft(w(2)));
    assert_eq!(sent(&actions), [missing(&[2], ME.0)]);
    assert_eq!(bench.status(1), Some(Status::Flight));
    let actions = bench.event(Event::Unreachable { peer: w(2) });
    assert_eq!(sent(&actions), [missing(&[1], 2)]);
    bench.end();
}

#[test]
fn a_result_that_cannot_be_read_fails_who_needs_it() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(5, 2, vec![input(1, &[2])]), order(6, 0, vec![])]);
    let actions = bench.fetched(2, &[(1, Got::Failed("a lock has no bytes".into()))]);
    let [FromWorker::Failed { uid, attempt: 2, error, .. }] = &sent(&actions)[..] else {
        panic!("{actions:?}")
    };
    assert_eq!((*uid, &*error.key), (t(5), "k1"));
    assert!(matches!(&error.cause, Cause::Codec { text } if text.contains("lock")));
    assert_eq!((bench.status(5), bench.status(1)), (None, None));
    bench.end();
}

#[test]
fn data_that_nobody_needs_any_more_is_dropped_when_it_comes() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(5, 0, vec![input(1, &[2])])]);
    assert_eq!(bench.free(&[5]), []);
    assert_eq!(bench.status(1), None);
    let actions = bench.fetched(2, &[(1, Got::Ok(1))]);
    assert_eq!(drops(&actions), [1]);
    assert_eq!(sent(&actions), []);
    bench.end();
}

#[test]
fn data_that_is_needed_again_while_it_comes_is_not_fetched_twice() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(5, 0, vec![input(1, &[2])])]);
    bench.free(&[5]);
    let actions = bench.compute(vec![order(6, 0, vec![input(1, &[3])])]);
    assert_eq!(fetches(&actions), []);
    assert_eq!(runs(&bench.fetched(2, &[(1, Got::Ok(1))])), [6]);
    bench.end();
}

#[test]
fn data_that_is_to_be_computed_here_while_it_comes_is_computed() {
    let mut bench = Bench::plain();
    bench.compute(vec![order(5, 0, vec![input(1, &[2])])]);
    bench.free(&[5]);
    assert_eq!(runs(&bench.compute(vec![order(1, 0, vec![])])), [1]);
    assert_eq!(drops(&bench.fetched(2, &[(1, Got::Ok(1))])), [1]);
    assert_eq!(finished(&bench.executed(1, 0, done(4))), [(1, 0, 4)]);
    bench.end();
}

#[test]
fn a_holder_that_is_this_worker_is_not_asked() {
    let mut bench = Bench::plain();
    let actions = bench.compute(vec![order(5, 0, vec![input(1, &[ME.0])])]);
    assert_eq!(sent(&actions), [missing(&[1], ME.0)]);
    bench.end();
}

#[test]
fn a_paused_worker_fetches_nothing_new() {
    let mut bench = Bench::limited();
    bench.event(Event::Memory { process_bytes: 900 });
    let actions = bench.compute(vec![order(5, 0, vec![input(1, &[2])])]);
    assert_eq!(fetches(&actions), []);
    let actions = bench.event(Event::Memory { process_bytes: 100 });
    assert_eq!(fetches(&actions), [(2, vec![1])]);
    bench.end();
}

#[test]
fn the_bandwidth_is_measured() {
    let mut bench = Bench::plain();
    let items = Vec::new();
    let (received_bytes, took_us) = (10_000_000, 100_000);
    bench.event(Event::Fetched { peer: w(2), items, received_bytes, took_us });
    let view = bench.worker.view();
    assert_eq!(view.received_bytes(), 10_000_000);
    assert!((99_000_000..=100_000_000).contains(&view.bandwidth()), "{}", view.bandwidth());
}
