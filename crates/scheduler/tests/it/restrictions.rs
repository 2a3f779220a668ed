//! Which workers may run a task.

use raskt_scheduler::{Config, TaskState};
use raskt_wire::{Cause, FromWorker, Question, Terms};

use crate::cluster::{Cluster, Graph, address, one};

fn task(terms: Terms) -> Graph {
    Graph::new().terms(terms).task("a", &[]).want(&["a"])
}

#[test]
fn a_task_runs_on_the_workers_that_it_names() {
    for by_address in [true, false] {
        let (mut cluster, client, workers) = Cluster::of(3);
        let name = if by_address { address(workers[1]) } else { "worker-3".into() };
        cluster.submit(client, task(Terms { workers: vec![name], ..Terms::default() }));
        assert_eq!(cluster.ordered(workers[1]), ["a"]);
    }
}

#[test]
fn without_such_a_worker_it_waits_for_one() {
    let (mut cluster, client, workers) = Cluster::of(1);
    let terms = Terms { workers: vec!["gpu-host".into()], ..Terms::default() };
    cluster.submit(client, task(terms));
    assert_eq!(cluster.state("a"), Some(TaskState::NoWorker));
    let worker = cluster.worker_with(|hello| hello.host = "gpu-host".into());
    assert_eq!(cluster.ordered(worker), ["a"]);
    assert!(cluster.orders(workers[0]).is_empty());
}

#[test]
fn or_runs_elsewhere_if_that_is_allowed() {
    let (mut cluster, client, workers) = Cluster::of(1);
    let names = vec!["gpu-host".into()];
    let terms = Terms { workers: names, allow_other_workers: true, ..Terms::default() };
    cluster.submit(client, task(terms));
    assert_eq!(cluster.ordered(workers[0]), ["a"]);
}

#[test]
fn resources_count_as_a_whole_and_can_be_set() {
    let (mut cluster, client, workers) = Cluster::of(2);
    let terms = Terms { resources: vec![("GPU".into(), 2.0)], ..Terms::default() };
    cluster.submit(client, task(terms));
    assert_eq!(cluster.state("a"), Some(TaskState::NoWorker));
    let set = |n| Question::SetResources {
        worker: address(workers[1]),
        resources: vec![("GPU".into(), n)],
    };
    cluster.answer(client, set(1.0)).expect("the worker is there");
    assert_eq!(cluster.state("a"), Some(TaskState::NoWorker));
    cluster.answer(client, set(2.0)).expect("the worker is there");
    let orders = cluster.orders(workers[1]);
    assert_eq!(orders[0].resources, [("GPU".into(), 2.0)]);
}

#[test]
fn tasks_that_wait_too_long_for_a_worker_fail() {
    let config = Config { no_workers_timeout_us: Some(1_000_000), ..Config::default() };
    let mut cluster = Cluster::with(config);
    let client = cluster.client();
    cluster.submit(client, one("plain"));
    cluster.pass(900_000);
    assert_eq!(cluster.error(client, "plain"), None);
    cluster.pass(200_000);
    let error = cluster.error(client, "plain").expect("there is no worker");
    assert!(matches!(error.cause, Cause::NoWorker { .. }));
    cluster.worker(1);
    cluster.submit(client, task(Terms { workers: vec!["x".into()], ..Terms::default() }));
    cluster.pass(1_100_000);
    let error = cluster.error(client, "a").expect("there is no such worker");
    let Cause::NoWorker { text } = error.cause else { panic!("{error:?}") };
    assert!(text.contains("\"x\""), "{text}");
}

#[test]
fn paused_workers_get_nothing() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.worker_says(workers[0], FromWorker::Paused(true));
    cluster.submit(client, one("a"));
    assert!(cluster.orders(workers[0]).is_empty());
    cluster.worker_says(workers[0], FromWorker::Paused(false));
    assert_eq!(cluster.ordered(workers[0]), ["a"]);
}

#[test]
fn actors_are_spread_over_workers() {
    let (mut cluster, client, workers) = Cluster::of(2);
    let graph = Graph::new().terms(Terms { actor: true, ..Terms::default() });
    let keys = ["p", "q", "r", "s"];
    let graph = keys.iter().fold(graph, |graph, key| graph.task(key, &[]));
    cluster.submit(client, graph.want(&keys));
    assert_eq!(workers.iter().map(|w| cluster.orders(*w).len()).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn a_task_that_leaves_its_thread_makes_room() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(
        client,
        Graph::new().task("a", &[]).task("b", &[]).task("c", &[]).want(&["a", "b", "c"]),
    );
    let order = cluster.orders(workers[0]).remove(0);
    let (uid, attempt) = (order.uid, order.attempt);
    let report = FromWorker::LongRunning { uid, attempt, compute_us: 10_000_000 };
    cluster.worker_says(workers[0], report);
    assert_eq!(cluster.ordered(workers[0]), ["c"]);
}
