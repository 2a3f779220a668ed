//! Copies of results: the memory manager, replicate, rebalance, and workers that retire.

use raskt_scheduler::TaskState;
use raskt_wire::{
    Answer, ClientId, FromWorker, MemoryManagerOp, Question, RequestError, TaskUid, Terms,
    ToWorker, WorkerId, WorkerStatus,
};

use crate::cluster::{Cluster, Graph, address, one};

fn holders(cluster: &Cluster, key: &str) -> Vec<WorkerId> {
    let location = cluster.scheduler.view().location(key).expect("it is there");
    location.holders.iter().map(|(worker, _)| *worker).collect()
}

/// A result, and copies of it on all workers.
fn copied(workers: usize) -> (Cluster, ClientId, Vec<WorkerId>) {
    let (mut cluster, client, workers) = Cluster::of(workers);
    cluster.submit(client, one("a"));
    cluster.run();
    let uid = cluster.uid("a");
    workers.iter().for_each(|w| cluster.worker_says(*w, FromWorker::Holds(vec![uid])));
    assert_eq!(holders(&cluster, "a").len(), workers.len());
    workers.iter().for_each(|w| drop(cluster.said(*w)));
    (cluster, client, workers)
}

/// What these workers were asked to fetch; they do.
fn fetch_all(cluster: &mut Cluster, workers: &[WorkerId]) -> Vec<(WorkerId, TaskUid)> {
    let mut fetched = Vec::new();
    for worker in workers {
        for message in cluster.said(*worker) {
            if let ToWorker::Acquire(inputs) = message {
                fetched.extend(inputs.iter().map(|input| (*worker, input.uid)));
            }
        }
    }
    for (worker, uid) in &fetched {
        cluster.worker_says(*worker, FromWorker::Holds(vec![*uid]));
    }
    fetched
}

#[test]
fn copies_that_nobody_needs_are_dropped_but_never_the_last() {
    let (mut cluster, _, workers) = copied(3);
    cluster.pass(10_000_000);
    assert_eq!(holders(&cluster, "a").len(), 1);
    let dropped = workers.iter().flat_map(|w| cluster.said(*w));
    assert_eq!(dropped.filter(|m| matches!(m, ToWorker::DropReplicas(_))).count(), 2);
}

#[test]
fn a_copy_that_a_worker_keeps_is_on_the_books_again() {
    let (mut cluster, _, workers) = copied(2);
    cluster.pass(2_000_000);
    let kept = holders(&cluster, "a")[0];
    let other = *workers.iter().find(|worker| **worker != kept).expect("there are two");
    let uid = cluster.uid("a");
    cluster.worker_says(other, FromWorker::Keeps(vec![uid]));
    assert_eq!(holders(&cluster, "a").len(), 2);
}

#[test]
fn the_memory_manager_can_be_switched() {
    let (mut cluster, client, _) = copied(3);
    let op = |op| Question::MemoryManager(op);
    let running = |on| Ok(Answer::Bool(on));
    assert_eq!(cluster.answer(client, op(MemoryManagerOp::IsRunning)), running(true));
    cluster.answer(client, op(MemoryManagerOp::Stop)).expect("that is always done");
    cluster.pass(10_000_000);
    assert_eq!(holders(&cluster, "a").len(), 3);
    assert_eq!(cluster.answer(client, op(MemoryManagerOp::IsRunning)), running(false));
    cluster.answer(client, op(MemoryManagerOp::Once)).expect("that is always done");
    assert_eq!(holders(&cluster, "a").len(), 1);
}

#[test]
fn copies_that_are_not_needed_any_more_are_told_to_go() {
    let (mut cluster, client, workers) = copied(2);
    let uid = cluster.uid("a");
    cluster.release(client, "a");
    for worker in &workers {
        assert!(cluster.freed(*worker).contains(&uid));
    }
    cluster.worker_says(workers[0], FromWorker::Holds(vec![uid]));
    assert_eq!(cluster.said(workers[0]), [ToWorker::DropReplicas(vec![uid])]);
    cluster.assert_nothing_is_left();
}

#[test]
fn who_misses_a_copy_hears_where_others_are() {
    let (mut cluster, _, workers) = copied(3);
    let uid = cluster.uid("a");
    let holder = workers[1];
    cluster.worker_says(workers[0], FromWorker::Missing { uids: vec![uid], holder });
    assert!(!holders(&cluster, "a").contains(&workers[1]));
    let said = cluster.said(workers[0]);
    assert!(said.iter().any(|message| matches!(message, ToWorker::Holders(_))), "{said:?}");
}

#[test]
fn replicate_is_answered_when_the_copies_are_there() {
    let (mut cluster, client, workers) = Cluster::of(4);
    cluster.submit(client, one("a"));
    cluster.run();
    let question = Question::Replicate { keys: vec!["a".into()], copies: 3, workers: Vec::new() };
    let request = cluster.ask(client, question);
    assert_eq!(cluster.reply(client, request), None);
    assert_eq!(fetch_all(&mut cluster, &workers).len(), 2);
    assert_eq!(cluster.reply(client, request), Some(Ok(Answer::Done)));
    assert_eq!(holders(&cluster, "a").len(), 3);
}

#[test]
fn what_is_not_there_can_not_be_replicated() {
    let (mut cluster, client, _) = Cluster::of(2);
    let question = Question::Replicate { keys: vec!["x".into()], copies: 2, workers: Vec::new() };
    assert!(matches!(cluster.answer(client, question), Err(RequestError::NotFound(_))));
}

#[test]
fn rebalance_evens_out() {
    let (mut cluster, client, workers) = Cluster::of(1);
    let keys: Vec<String> = (0..10).map(|n| format!("a-{n}")).collect();
    let graph = keys.iter().fold(Graph::new(), |graph, key| graph.task(key, &[]).want(&[key]));
    cluster.submit(client, graph);
    cluster.run();
    let second = cluster.worker(1);
    let question = Question::Rebalance { keys: Vec::new(), workers: Vec::new() };
    let request = cluster.ask(client, question);
    assert_eq!(fetch_all(&mut cluster, &[second]).len(), 5);
    assert_eq!(cluster.reply(client, request), Some(Ok(Answer::Done)));
    let view = cluster.scheduler.view();
    let bytes = [workers[0], second].map(|w| view.worker(w).expect("it is there").results.1);
    assert_eq!(bytes, [500, 500]);
}

fn retire(worker: WorkerId) -> Question {
    Question::Retire { workers: vec![address(worker)], count: 0, close: true, remove: true }
}

#[test]
fn a_worker_retires_when_all_that_it_holds_is_elsewhere() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, one("a"));
    cluster.run();
    let second = cluster.worker(1);
    let request = cluster.ask(client, retire(workers[0]));
    assert_eq!(cluster.reply(client, request), None);
    assert_eq!(fetch_all(&mut cluster, &[second]).len(), 1);
    let expected = Answer::Names(vec![address(workers[0])]);
    assert_eq!(cluster.reply(client, request), Some(Ok(expected)));
    let said = cluster.said(workers[0]);
    assert!(matches!(said.last(), Some(ToWorker::Close { .. })), "{said:?}");
    assert_eq!(holders(&cluster, "a"), [second]);
    assert_eq!(cluster.state("a"), Some(TaskState::Memory));
}

#[test]
fn a_worker_with_nowhere_to_leave_its_results_stays() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, one("a"));
    cluster.run();
    assert_eq!(cluster.answer(client, retire(workers[0])), Ok(Answer::Names(Vec::new())));
    let worker = cluster.scheduler.view().worker(workers[0]).expect("it stays");
    assert_eq!(worker.status, WorkerStatus::Running);
    let said = cluster.said(workers[0]);
    assert_eq!(said.last(), Some(&ToWorker::Retiring(false)));
}

#[test]
fn a_worker_with_an_actor_stays() {
    let (mut cluster, client, workers) = Cluster::of(1);
    let graph = Graph::new().terms(Terms { actor: true, ..Terms::default() });
    cluster.submit(client, graph.task("a", &[]).want(&["a"]));
    cluster.run();
    cluster.worker(1);
    assert_eq!(cluster.answer(client, retire(workers[0])), Ok(Answer::Names(Vec::new())));
}

#[test]
fn a_retiring_worker_gets_no_tasks() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, one("a"));
    cluster.run();
    let second = cluster.worker(1);
    cluster.ask(client, retire(workers[0]));
    for key in ["b", "c", "d"] {
        cluster.submit(client, one(key));
    }
    assert!(cluster.orders(workers[0]).is_empty());
    assert_eq!(cluster.orders(second).len(), 2);
}

#[test]
fn a_retiring_worker_that_dies_is_gone_too() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, one("a"));
    cluster.run();
    cluster.worker(1);
    let request = cluster.ask(client, retire(workers[0]));
    cluster.die(workers[0]);
    let expected = Answer::Names(vec![address(workers[0])]);
    assert_eq!(cluster.reply(client, request), Some(Ok(expected)));
}
