//! Errors, retries, and workers that die.

use raskt_scheduler::TaskState;
use raskt_wire::{Cause, FromClient, FromWorker, News, Terms};

use crate::cluster::{Cluster, Graph, one};

fn with_retries(key: &str, retries: u32) -> Graph {
    Graph::new().terms(Terms { retries, ..Terms::default() }).task(key, &[]).want(&[key])
}

#[test]
fn a_task_with_retries_is_tried_again_so_often() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, with_retries("a", 2));
    for attempt in 1..=3 {
        assert_eq!(cluster.error(client, "a"), None);
        let order = cluster.orders(workers[0]).remove(0);
        assert_eq!(order.attempt, attempt);
        cluster.fail(workers[0], &order);
    }
    assert!(cluster.error(client, "a").is_some());
}

#[test]
fn a_task_that_asks_for_it_is_run_again() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, one("a"));
    let order = cluster.orders(workers[0]).remove(0);
    let (uid, attempt) = (order.uid, order.attempt);
    cluster.worker_says(workers[0], FromWorker::Reschedule { uid, attempt });
    assert_eq!(cluster.run(), ["a"]);
    assert_eq!(cluster.state("a"), Some(TaskState::Memory));
}

#[test]
fn a_task_that_loses_more_workers_than_allowed_is_blamed() {
    let mut cluster = Cluster::new();
    let client = cluster.client();
    cluster.submit(client, one("killer"));
    for _ in 0..3 {
        let worker = cluster.worker(1);
        assert_eq!(cluster.ordered(worker), ["killer"]);
        cluster.die(worker);
        assert_eq!(cluster.error(client, "killer"), None);
    }
    let worker = cluster.worker(1);
    cluster.die(worker);
    let error = cluster.error(client, "killer").expect("that was too often");
    let ending = "killed by signal 9".into();
    assert_eq!(error.cause, Cause::KilledWorkers { ending, workers: 4 });
}

#[test]
fn tasks_beside_the_one_that_kills_are_not_blamed_for_long() {
    let mut cluster = Cluster::new();
    let client = cluster.client();
    let keys = ["a", "b", "killer", "c"];
    let graph = keys.iter().fold(Graph::new(), |graph, key| graph.task(key, &[]));
    cluster.submit(client, graph.want(&keys));
    // Whoever gets the killer dies; the others are done.
    for _ in 0..20 {
        let worker = cluster.worker(4);
        loop {
            let orders = cluster.orders(worker);
            if orders.is_empty() {
                break;
            }
            if orders.iter().any(|order| &*order.key == "killer") {
                cluster.die(worker);
                break;
            }
            orders.iter().for_each(|order| cluster.finish(worker, order));
        }
    }
    assert_eq!(cluster.state("killer"), Some(TaskState::Erred));
    for key in ["a", "b", "c"] {
        assert_ne!(cluster.state(key), Some(TaskState::Erred), "{key}");
    }
}

#[test]
fn a_worker_that_leaves_in_good_order_blames_nobody() {
    let mut cluster = Cluster::new();
    let client = cluster.client();
    cluster.submit(client, one("a"));
    for _ in 0..6 {
        let worker = cluster.worker(1);
        assert_eq!(cluster.ordered(worker), ["a"]);
        cluster.worker_says(worker, FromWorker::Leaving { reason: "lifetime".into() });
    }
    assert_eq!(cluster.error(client, "a"), None);
}

#[test]
fn lost_results_are_computed_again_from_what_they_need() {
    //  a -> b -> c
    let (mut cluster, client, workers) = Cluster::of(1);
    let graph = Graph::new().task("a", &[]).task("b", &["a"]).task("c", &["b"]);
    cluster.submit(client, graph.want(&["b", "c"]));
    cluster.run();
    cluster.news(client);
    let second = cluster.worker(1);
    cluster.die(workers[0]);
    let lost = cluster.news(client);
    assert_eq!(lost.iter().filter(|news| matches!(news, News::Lost { .. })).count(), 2);
    assert_eq!(cluster.run(), ["a", "b", "c"]);
    assert_eq!(cluster.scheduler.view().location("c").expect("it is there").holders[0].0, second);
    cluster.client_says(client, FromClient::Leaving);
    cluster.assert_nothing_is_left();
}

#[test]
fn a_result_with_another_copy_is_not_lost() {
    let (mut cluster, client, workers) = Cluster::of(2);
    cluster.submit(client, one("a"));
    cluster.run();
    let uid = cluster.uid("a");
    workers.iter().for_each(|w| cluster.worker_says(*w, FromWorker::Holds(vec![uid])));
    cluster.news(client);
    cluster.die(workers[0]);
    assert_eq!(cluster.state("a"), Some(TaskState::Memory));
    assert_eq!(cluster.news(client), []);
}

#[test]
fn a_task_whose_input_is_lost_is_taken_back() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, Graph::new().task("a", &[]).task("b", &["a"]).want(&["b"]));
    let order = cluster.orders(workers[0]).remove(0);
    cluster.finish(workers[0], &order);
    let order = cluster.orders(workers[0]).remove(0);
    let (uids, holder) = (vec![order.inputs[0].uid], workers[0]);
    cluster.worker_says(workers[0], FromWorker::Missing { uids, holder });
    assert_eq!(cluster.state("b"), Some(TaskState::Waiting));
    assert!(cluster.freed(workers[0]).contains(&order.uid) || cluster.state("a").is_some());
    cluster.scheduler.sanity_check();
}

#[test]
fn retry_starts_from_what_failed_first() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, Graph::new().task("a", &[]).task("b", &["a"]).want(&["b"]));
    let order = cluster.orders(workers[0]).remove(0);
    cluster.fail(workers[0], &order);
    assert!(cluster.error(client, "b").is_some());
    let handle = cluster.handle(client, "b");
    cluster.client_says(client, FromClient::Retry(vec![handle]));
    assert_eq!(cluster.news(client), [News::Retried { handle }]);
    assert_eq!(cluster.run(), ["a", "b"]);
    assert_eq!(cluster.state("b"), Some(TaskState::Memory));
}

#[test]
fn actors_that_are_lost_are_errors() {
    let (mut cluster, client, workers) = Cluster::of(1);
    let actor = Graph::new().terms(Terms { actor: true, ..Terms::default() });
    cluster.submit(client, actor.task("counter", &[]).want(&["counter"]));
    cluster.run();
    cluster.die(workers[0]);
    let error = cluster.error(client, "counter").expect("it is gone");
    assert!(matches!(error.cause, Cause::LostData { .. }));
}

#[test]
fn cancelling_takes_along_what_depends_on_it() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, Graph::new().task("a", &[]).task("b", &["a"]).want(&["a", "b"]));
    let order = cluster.orders(workers[0]).remove(0);
    let (handles, reason) = (vec![cluster.handle(client, "a")], "enough".into());
    cluster.client_says(client, FromClient::Cancel { handles, force: false, reason });
    assert_eq!(cluster.news(client).len(), 2);
    assert!(cluster.freed(workers[0]).contains(&order.uid));
    cluster.assert_nothing_is_left();
}

#[test]
fn what_others_want_is_cancelled_only_by_force() {
    let (mut cluster, client, _) = Cluster::of(1);
    let other = cluster.client();
    cluster.submit(client, one("a"));
    cluster.submit(other, one("a"));
    let handles = vec![cluster.handle(client, "a")];
    let cancel = |force| FromClient::Cancel { handles: handles.clone(), force, reason: "x".into() };
    cluster.client_says(client, cancel(false));
    assert_eq!((cluster.news(client).len(), cluster.news(other).len()), (1, 0));
    assert_eq!(cluster.state("a"), Some(TaskState::Processing));
    cluster.submit(client, one("a"));
    let handles = vec![cluster.handle(client, "a")];
    let reason = "x".into();
    cluster.client_says(client, FromClient::Cancel { handles, force: true, reason });
    assert_eq!((cluster.news(client).len(), cluster.news(other).len()), (1, 1));
    cluster.assert_nothing_is_left();
}

#[test]
fn a_suspect_runs_as_soon_as_a_thread_is_free() {
    let (mut cluster, client, workers) = Cluster::of(2);
    cluster.submit(client, one("other"));
    cluster.submit(client, one("suspect"));
    let orders = [0, 1].map(|n| cluster.orders(workers[n]).remove(0));
    let dying = orders.iter().position(|order| &*order.key == "suspect").expect("it is there");
    cluster.die(workers[dying]);
    let (left, order) = (workers[1 - dying], &orders[1 - dying]);
    assert!(cluster.orders(left).is_empty(), "not beside another task");
    cluster.finish(left, order);
    assert_eq!(cluster.ordered(left), ["suspect"]);
}
