//! From submission to forgetting.

use raskt_scheduler::TaskState;
use raskt_wire::{Cause, FromClient, FromWorker, News, ToWorker};

use crate::cluster::{Cluster, Graph, finished, one};

#[test]
fn a_task_is_ordered_finished_told_released_and_forgotten() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, one("inc-1"));
    let orders = cluster.orders(workers[0]);
    assert_eq!(&*orders[0].key, "inc-1");
    assert_eq!((&*orders[0].group, &orders[0].payload[..]), ("inc", &b"call inc-1"[..]));
    assert!(orders[0].wanted);
    cluster.finish(workers[0], &orders[0]);
    let handle = cluster.handle(client, "inc-1");
    let type_name = "int".into();
    let expected = News::Finished { handle, nbytes: 100, type_name, inline: None };
    assert_eq!(cluster.news(client), [expected]);
    assert_eq!(cluster.state("inc-1"), Some(TaskState::Memory));
    cluster.release(client, "inc-1");
    assert_eq!(cluster.said(workers[0]), [ToWorker::Free(vec![orders[0].uid])]);
    assert_eq!(cluster.state("inc-1"), None);
    cluster.assert_nothing_is_left();
}

#[test]
fn intermediate_results_are_freed_after_their_last_use() {
    //  a -> b -> c
    let (mut cluster, client, workers) = Cluster::of(1);
    let chain = Graph::new().task("a", &[]).task("b", &["a"]).task("c", &["b"]).want(&["c"]);
    cluster.submit(client, chain);
    assert_eq!(cluster.run(), ["a", "b", "c"]);
    assert_eq!(cluster.state("a"), Some(TaskState::Released), "b could be needed again");
    assert_eq!(cluster.state("c"), Some(TaskState::Memory));
    assert_eq!(cluster.freed(workers[0]).len(), 2);
    cluster.release(client, "c");
    cluster.assert_nothing_is_left();
}

#[test]
fn an_input_taken_twice_counts_twice() {
    let (mut cluster, client, workers) = Cluster::of(1);
    let graph = Graph::new().task("a", &[]).task("b", &["a", "a"]).want(&["b"]);
    cluster.submit(client, graph);
    let orders = cluster.orders(workers[0]);
    cluster.finish(workers[0], &orders[0]);
    let orders = cluster.orders(workers[0]);
    assert_eq!(orders[0].inputs.len(), 2);
    cluster.finish(workers[0], &orders[0]);
    cluster.release(client, "b");
    cluster.assert_nothing_is_left();
}

#[test]
fn tasks_that_nobody_needs_are_not_computed() {
    let (mut cluster, client, _) = Cluster::of(1);
    let graph = Graph::new().task("a", &[]).task("b", &["a"]).task("c", &["a"]).want(&["b"]);
    cluster.submit(client, graph);
    assert_eq!(cluster.run(), ["a", "b"]);
    assert_eq!(cluster.state("c"), None);
}

#[test]
fn an_error_reaches_all_that_depend_on_it() {
    let (mut cluster, client, workers) = Cluster::of(1);
    let graph = Graph::new().task("a", &[]).task("b", &["a"]).task("c", &["b"]);
    cluster.submit(client, graph.want(&["b", "c"]));
    let orders = cluster.orders(workers[0]);
    cluster.fail(workers[0], &orders[0]);
    assert_eq!(cluster.state("c"), Some(TaskState::Erred));
    let error = cluster.error(client, "c").expect("it failed");
    assert_eq!(&*error.key, "a", "the first that failed is named");
    cluster.release(client, "b");
    cluster.release(client, "c");
    cluster.assert_nothing_is_left();
}

#[test]
fn a_known_key_is_the_known_task() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, one("a"));
    cluster.submit(client, one("a"));
    let orders = cluster.orders(workers[0]);
    assert_eq!(orders.len(), 1);
    cluster.finish(workers[0], &orders[0]);
    assert_eq!(cluster.news(client).len(), 2, "both handles hear of it");
    cluster.submit(client, one("a"));
    assert_eq!(cluster.news(client).len(), 1, "at once");
    cluster.client_says(client, FromClient::Leaving);
    cluster.assert_nothing_is_left();
}

#[test]
fn a_known_key_that_erred_is_told_at_once() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, one("a"));
    let orders = cluster.orders(workers[0]);
    cluster.fail(workers[0], &orders[0]);
    cluster.news(client);
    cluster.submit(client, one("a"));
    assert!(cluster.error(client, "a").is_some());
    assert!(cluster.orders(workers[0]).is_empty());
}

#[test]
fn a_key_used_for_something_else_keeps_the_first() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, one("a"));
    cluster.submit(client, one("a").payload(b"something else"));
    let orders = cluster.orders(workers[0]);
    assert_eq!((orders.len(), &orders[0].payload[..]), (1, &b"call a"[..]));
    assert_eq!(cluster.scheduler.view().counters().conflicts, 1);
    let story = cluster.scheduler.view().story(&["a".into()]);
    assert!(story.iter().any(|line| line.reason.contains("the first is kept")), "{story:?}");
}

#[test]
fn results_of_earlier_submissions_are_inputs_by_key() {
    let (mut cluster, client, workers) = Cluster::of(2);
    cluster.submit(client, one("a"));
    cluster.run();
    let graph = Graph::new().outside("a").task("b", &["a"]).want(&["b"]);
    cluster.submit(client, graph);
    let holder = cluster.scheduler.view().location("a").expect("it is there").holders[0].0;
    let orders = cluster.orders(holder);
    assert_eq!((&*orders[0].inputs[0].key, orders[0].inputs[0].nbytes), ("a", 100));
    cluster.release(client, "a");
    assert_eq!(cluster.state("a"), Some(TaskState::Memory), "b still needs it");
    cluster.finish(holder, &orders[0]);
    cluster.release(client, "b");
    cluster.assert_nothing_is_left();
    assert_eq!(workers.len(), 2);
}

#[test]
fn an_unknown_input_fails_with_its_name() {
    let (mut cluster, client, _) = Cluster::of(1);
    let graph = Graph::new().outside("x").task("a", &["x"]).task("b", &["a"]);
    cluster.submit(client, graph.want(&["a", "b"]));
    let error = cluster.error(client, "b").expect("it can not run");
    assert_eq!(&*error.key, "x");
    assert!(matches!(error.cause, Cause::LostData { .. }));
    cluster.client_says(client, FromClient::Leaving);
    cluster.assert_nothing_is_left();
}

#[test]
fn a_contradictory_submission_fails_what_it_wants() {
    let (mut cluster, client, _) = Cluster::of(1);
    let mut submission = one("a").into_submission();
    submission.tasks[0].inputs = vec![0];
    let handle = cluster.new_handle(client, "a");
    submission.wants = vec![(0, handle)];
    cluster.client_says(client, FromClient::Submit(Box::new(submission)));
    let error = cluster.error(client, "a").expect("it is refused");
    assert!(matches!(error.cause, Cause::Codec { .. }));
    cluster.assert_nothing_is_left();
}

#[test]
fn a_stale_report_changes_nothing() {
    let (mut cluster, client, workers) = Cluster::of(2);
    cluster.submit(client, one("a"));
    let first = [0, 1].map(|n| cluster.orders(workers[n]));
    let (from, order) = match &first {
        [orders, _] if !orders.is_empty() => (0, orders[0].clone()),
        [_, orders] => (1, orders[0].clone()),
    };
    cluster.die(workers[from]);
    cluster.worker_says(workers[from], FromWorker::Finished(vec![finished(&order, 1, 1)]));
    assert_eq!(cluster.state("a"), Some(TaskState::Processing));
    cluster.worker_says(workers[1 - from], FromWorker::Finished(vec![finished(&order, 1, 1)]));
    assert_eq!(cluster.state("a"), Some(TaskState::Processing), "that was another try");
    let order = cluster.orders(workers[1 - from]).remove(0);
    assert_eq!(order.attempt, 2);
    cluster.finish(workers[1 - from], &order);
    assert_eq!(cluster.state("a"), Some(TaskState::Memory));
    assert_eq!(cluster.scheduler.view().counters().stale, 2);
}

#[test]
fn blobs_are_sent_once_to_a_worker_and_forgotten_after_the_last_use() {
    let (mut cluster, client, workers) = Cluster::of(1);
    let graph = Graph::new().blob(7, b"function").task("a", &[]).task("b", &["a"]).want(&["b"]);
    cluster.submit(client, graph);
    let blobs = |said: Vec<ToWorker>| -> usize {
        let count = |message: &ToWorker| match message {
            ToWorker::Compute { blobs, .. } => blobs.len(),
            _ => 0,
        };
        said.iter().map(count).sum()
    };
    let said = cluster.said(workers[0]);
    let ToWorker::Compute { orders, .. } = &said[0] else { panic!("{said:?}") };
    let order = orders[0].clone();
    assert_eq!(blobs(said), 1);
    cluster.finish(workers[0], &order);
    let said = cluster.said(workers[0]);
    assert_eq!(blobs(said), 0, "the worker has it");
    cluster.release(client, "b");
    let said = cluster.said(workers[0]);
    let forget = ToWorker::ForgetBlobs(vec![raskt_wire::BlobId(7)]);
    assert!(said.contains(&forget), "{said:?}");
    cluster.assert_nothing_is_left();
}

#[test]
fn a_chain_of_many_tasks_needs_no_stack() {
    let (mut cluster, client, workers) = Cluster::of(1);
    let mut graph = Graph::new().task("t-0", &[]);
    let mut submission = graph.clone().into_submission();
    let task = submission.tasks.remove(0);
    submission.tasks = (0..20_000u32)
        .map(|n| raskt_wire::NewTask {
            key: format!("t-{n}").into(),
            inputs: n.checked_sub(1).into_iter().collect(),
            ..task.clone()
        })
        .collect();
    let handle = cluster.new_handle(client, "last");
    submission.wants = vec![(19_999, handle)];
    cluster.client_says(client, FromClient::Submit(Box::new(submission)));
    cluster.release(client, "last");
    assert_eq!(cluster.said(workers[0]).len(), 2, "one order, and the way back");
    cluster.assert_nothing_is_left();
    graph = graph.want(&["t-0"]);
    cluster.submit(client, graph);
    assert_eq!(cluster.run(), ["t-0"], "the name is free again");
}
