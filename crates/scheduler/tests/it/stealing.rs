//! Work moves from busy workers to idle ones.

use raskt_scheduler::Config;
use raskt_wire::{ClientId, FromWorker, Order, ToWorker, WorkerId};

use crate::cluster::{Cluster, Graph};

/// A worker with data and ten tasks that take it, and then a second worker.
fn unbalanced(nbytes: u64) -> (Cluster, ClientId, [WorkerId; 2], Vec<Order>) {
    let mut cluster = Cluster::new();
    let client = cluster.client();
    let busy = cluster.worker(1);
    cluster.submit(client, Graph::new().task("data", &[]).want(&["data"]));
    let order = cluster.orders(busy).remove(0);
    cluster.finish_with(busy, &order, nbytes, 1_000);
    for n in 0..10 {
        let key = format!("use-{n}");
        let graph = Graph::new().outside("data").task(&key, &["data"]).want(&[&key]);
        cluster.submit(client, graph);
    }
    let orders = cluster.orders(busy);
    assert_eq!(orders.len(), 10);
    let idle = cluster.worker(1);
    (cluster, client, [busy, idle], orders)
}

fn retracts(cluster: &mut Cluster, worker: WorkerId) -> Vec<(raskt_wire::TaskUid, u32)> {
    let retract = |message| match message {
        ToWorker::Retract { uid, attempt } => Some((uid, attempt)),
        _ => None,
    };
    cluster.said(worker).into_iter().filter_map(retract).collect()
}

#[test]
fn an_idle_worker_gets_the_last_tasks_of_a_busy_one() {
    let (mut cluster, _, [busy, idle], orders) = unbalanced(1_000);
    cluster.pass(200_000);
    let asked = retracts(&mut cluster, busy);
    assert!((3..=5).contains(&asked.len()), "about half, not {}", asked.len());
    assert_eq!(asked[0].0, orders[9].uid, "the last first");
    cluster.pass(1_000_000);
    assert!(retracts(&mut cluster, busy).is_empty(), "each is asked for once at a time");
    for (uid, attempt) in &asked {
        let (uid, attempt) = (*uid, *attempt);
        cluster.worker_says(busy, FromWorker::Retracted { uid, attempt, given: true });
    }
    let moved = cluster.orders(idle);
    assert_eq!(moved.len(), asked.len());
    assert!(moved.iter().all(|order| order.attempt == 2));
}

#[test]
fn a_task_that_has_begun_stays() {
    let (mut cluster, _, [busy, idle], _) = unbalanced(1_000);
    cluster.pass(200_000);
    let (uid, attempt) = retracts(&mut cluster, busy)[0];
    cluster.worker_says(busy, FromWorker::Retracted { uid, attempt, given: false });
    assert!(cluster.orders(idle).is_empty());
}

#[test]
fn data_that_is_expensive_to_move_keeps_tasks_where_they_are() {
    let (mut cluster, _, [busy, _], _) = unbalanced(10_000_000_000);
    cluster.pass(200_000);
    assert!(retracts(&mut cluster, busy).is_empty());
}

#[test]
fn nothing_moves_if_stealing_is_off() {
    let config = Config { stealing: false, ..Config::default() };
    let mut cluster = Cluster::with(config);
    cluster.worker(1);
    cluster.pass(1_000_000);
    let (mut stealing, _, [busy, _], _) = unbalanced(1_000);
    stealing.pass(1);
    assert!(retracts(&mut stealing, busy).is_empty(), "not before the time");
}

#[test]
fn a_paused_worker_gives_back_what_it_has_not_begun() {
    let (mut cluster, _, [busy, idle], orders) = unbalanced(1_000);
    cluster.worker_says(busy, FromWorker::Paused(true));
    let asked = retracts(&mut cluster, busy);
    assert_eq!(asked.len(), 10);
    let (uid, attempt) = (orders[3].uid, orders[3].attempt);
    cluster.worker_says(busy, FromWorker::Retracted { uid, attempt, given: true });
    assert_eq!(cluster.ordered(idle), ["use-3"]);
}

/// How long it is until the next look.
fn pause_us(cluster: &Cluster) -> u64 {
    let due = cluster.scheduler.next_deadline().expect("there is something to look for");
    due.0 - cluster.now.0
}

#[test]
fn looks_that_find_nothing_become_rare() {
    let (mut cluster, ..) = unbalanced(10_000_000_000);
    let interval = Config::default().stealing_interval_us;
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let pause = pause_us(&cluster);
        pauses.push(pause / interval);
        cluster.pass(pause);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 32, 32]);
}

#[test]
fn looks_are_frequent_again_when_work_moves() {
    let (mut cluster, _, [busy, idle], _) = unbalanced(1_000);
    let interval = Config::default().stealing_interval_us;
    cluster.pass(interval);
    let asked = retracts(&mut cluster, busy);
    assert_eq!(pause_us(&cluster), interval);
    // While these are not answered the busy worker is asked for no others.
    cluster.pass(interval);
    assert_eq!(pause_us(&cluster), 2 * interval);
    for (uid, attempt) in asked {
        cluster.worker_says(busy, FromWorker::Retracted { uid, attempt, given: true });
    }
    assert!(!cluster.orders(idle).is_empty());
    cluster.pass(2 * interval);
    // Nobody is idle: when somebody is, the first look comes soon.
    let second = cluster.worker(1);
    assert_eq!(pause_us(&cluster), interval);
    assert_ne!(second, idle);
}
