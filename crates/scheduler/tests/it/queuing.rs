//! Root tasks wait on the scheduler; short ones are given ahead by time.

use raskt_scheduler::{Config, TaskState};
use raskt_wire::{FromClient, Submission, Terms};

use crate::cluster::{Cluster, Graph};

/// So many tasks without inputs, all wanted: the first has the highest priority.
fn bag(group: &str, count: usize) -> Graph {
    let keys: Vec<String> = (0..count).map(|n| format!("{group}-{n:03}")).collect();
    let graph = keys.iter().fold(Graph::new(), |graph, key| graph.task(key, &[]));
    keys.iter().fold(graph, |graph, key| graph.want(&[key]))
}

#[test]
fn roots_of_unknown_duration_are_given_out_a_little_ahead_of_threads() {
    let (mut cluster, client, workers) = Cluster::of(2);
    cluster.submit(client, bag("load", 10));
    assert_eq!(cluster.scheduler.view().count(TaskState::Queued), 6);
    let orders = workers.clone().into_iter().map(|worker| cluster.orders(worker));
    let orders: Vec<_> = orders.collect();
    assert!(orders.iter().all(|orders| orders.len() == 2), "1.1 tasks a thread, rounded up");
    // One that is done makes room for one.
    cluster.finish_with(workers[0], &orders[0][0], 1, 10_000_000);
    assert_eq!(cluster.scheduler.view().count(TaskState::Queued), 5);
}

#[test]
fn short_roots_are_given_ahead_by_time() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, bag("load", 500));
    let orders = cluster.orders(workers[0]);
    assert_eq!(orders.len(), 2, "nothing is known yet");
    cluster.finish_with(workers[0], &orders[0], 1, 100);
    let ahead = cluster.orders(workers[0]).len();
    assert!((35..=45).contains(&ahead), "4 milliseconds of tasks of 0.1, not {ahead}");
}

#[test]
fn tasks_that_take_no_time_are_given_ahead_in_limited_numbers() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, bag("load", 900));
    let orders = cluster.orders(workers[0]);
    cluster.finish_with(workers[0], &orders[0], 1, 0);
    assert_eq!(cluster.orders(workers[0]).len() + 1, 256, "one is there already");
}

#[test]
fn few_short_roots_are_shared_by_all_workers() {
    let config = Config { durations: vec![("load".into(), 10)], ..Config::default() };
    let mut cluster = Cluster::with(config);
    let client = cluster.client();
    let workers: Vec<_> = (0..4).map(|_| cluster.worker(1)).collect();
    cluster.submit(client, bag("load", 40));
    for worker in workers {
        assert_eq!(cluster.orders(worker).len(), 10);
    }
}

#[test]
fn neighbours_in_rank_go_to_the_same_worker() {
    let config = Config { durations: vec![("load".into(), 10)], ..Config::default() };
    let mut cluster = Cluster::with(config);
    let client = cluster.client();
    let workers = [cluster.worker(1), cluster.worker(1)];
    cluster.submit(client, bag("load", 40));
    for worker in workers {
        let ranks: Vec<u32> = cluster.orders(worker).iter().map(|o| o.uid.index).collect();
        let neighbours = ranks.windows(2).filter(|pair| pair[1] == pair[0] + 1).count();
        assert!(neighbours >= 17, "{ranks:?}");
    }
}

#[test]
fn without_a_limit_all_roots_are_given_out_at_once() {
    let config = Config { saturation: f64::INFINITY, ..Config::default() };
    let mut cluster = Cluster::with(config);
    let client = cluster.client();
    let workers = [cluster.worker(1), cluster.worker(1)];
    cluster.submit(client, bag("load", 100));
    assert_eq!(cluster.scheduler.view().count(TaskState::Queued), 0);
    assert!(workers.map(|worker| cluster.orders(worker).len()).iter().all(|count| *count >= 40));
}

#[test]
fn the_users_priority_comes_first_then_the_generation_then_the_rank() {
    let (mut cluster, client, workers) = Cluster::of(1);
    let blocker = Graph::new().task("block-1", &[]).task("block-2", &[]);
    cluster.submit(client, blocker.want(&["block-1", "block-2"]));
    cluster.submit(client, bag("first", 2));
    cluster.submit(client, bag("second", 2));
    let urgent = Graph::new().terms(Terms { priority: 5, ..Terms::default() });
    cluster.submit(client, urgent.task("urgent", &[]).want(&["urgent"]));
    let mut ran = Vec::new();
    while let Some(order) = cluster.orders(workers[0]).first().cloned() {
        ran.push(order.key.to_string());
        cluster.finish_with(workers[0], &order, 1, 10_000_000);
        let uid = order.uid;
        assert_eq!(cluster.scheduler.view().uid(&order.key), Some(uid));
    }
    let expected = ["block-1", "urgent", "first-000", "first-001", "second-000", "second-001"];
    assert_eq!(ran, expected);
}

#[test]
fn submissions_of_one_generation_have_one_priority() {
    let (mut cluster, client, workers) = Cluster::of(1);
    for (key, generation) in [("a", 1), ("b", 1), ("c", 2)] {
        let submission = Graph::new().task(key, &[]).into_submission();
        let handle = cluster.new_handle(client, key);
        let wants = vec![(0, handle)];
        let submission = Submission { generation, wants, ..submission };
        cluster.client_says(client, FromClient::Submit(Box::new(submission)));
    }
    let mut generations = Vec::new();
    while let Some(order) = cluster.orders(workers[0]).first().cloned() {
        generations.push(order.priority.generation);
        cluster.finish_with(workers[0], &order, 1, 10_000_000);
    }
    assert_eq!(generations.first(), Some(&1));
    assert_eq!(generations.last(), Some(&2));
}

#[test]
fn groups_that_share_few_inputs_are_queued_too() {
    //  source -> use-0 .. use-19
    let (mut cluster, client, workers) = Cluster::of(2);
    let keys: Vec<String> = (0..20).map(|n| format!("use-{n}")).collect();
    let graph = keys.iter().fold(Graph::new().task("source", &[]), |graph, key| {
        graph.task(key, &["source"]).want(&[key])
    });
    cluster.submit(client, graph);
    let order = workers
        .iter()
        .find_map(|worker| cluster.orders(*worker).first().cloned().map(|order| (*worker, order)));
    let (worker, order) = order.expect("somebody has it");
    cluster.finish(worker, &order);
    assert_eq!(cluster.scheduler.view().count(TaskState::Queued), 16);
    cluster.run();
    assert_eq!(cluster.scheduler.view().count(TaskState::Memory), 20);
}
