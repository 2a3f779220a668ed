//! Questions and their answers, and what happens by time.

use bytes::Bytes;
use raskt_scheduler::{Config, TaskState};
use raskt_wire::{
    Answer, FromClient, FromWorker, Question, RequestError, RequestId, ToClient, ToWorker,
};

use crate::cluster::{Cluster, Graph, address, one};

#[test]
fn where_is_answered_when_all_is_there_or_can_not_be() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, Graph::new().task("a", &[]).task("b", &[]).want(&["a", "b"]));
    let keys = vec!["a".into(), "b".into(), "x".into()];
    let request = cluster.ask(client, Question::Where(keys));
    let orders = cluster.orders(workers[0]);
    cluster.finish(workers[0], &orders[0]);
    assert_eq!(cluster.reply(client, request), None);
    cluster.fail(workers[0], &orders[1]);
    let Some(Ok(Answer::Where(places))) = cluster.reply(client, request) else { panic!() };
    let place = places[0].as_ref().expect("it is there");
    assert_eq!(place.holders, [(workers[0], address(workers[0]))]);
    assert_eq!(&places[1..], [None, None]);
}

#[test]
fn who_waits_for_workers_is_answered_when_they_come_or_time_is_up() {
    let (mut cluster, client, _) = Cluster::of(1);
    let wait = |count, timeout_us| Question::WaitForWorkers { count, timeout_us };
    assert_eq!(cluster.answer(client, wait(1, 0)), Ok(Answer::Done));
    let two = cluster.ask(client, wait(2, 0));
    let three = cluster.ask(client, wait(3, 1_000));
    cluster.worker(1);
    assert_eq!(cluster.reply(client, two), Some(Ok(Answer::Done)));
    cluster.pass(1_000);
    assert!(matches!(cluster.reply(client, three), Some(Err(RequestError::Timeout(_)))));
}

#[test]
fn questions_for_programs_are_passed_on_and_answers_collected() {
    let (mut cluster, client, workers) = Cluster::of(3);
    let question = Question::Ask { workers: Vec::new(), op: "run".into(), payload: Bytes::new() };
    let request = cluster.ask(client, question);
    for worker in &workers[..2] {
        let said = cluster.said(*worker);
        let Some(ToWorker::Ask { id, .. }) = said.last() else { panic!("{said:?}") };
        let answer = Ok(Bytes::from_static(b"yes"));
        cluster.worker_says(*worker, FromWorker::Answered(*id, answer));
    }
    assert_eq!(cluster.reply(client, request), None);
    cluster.die(workers[2]);
    let Some(Ok(Answer::Asked(answers))) = cluster.reply(client, request) else { panic!() };
    assert_eq!(answers.len(), 3);
    assert_eq!(answers.iter().filter(|(_, answer)| answer.is_ok()).count(), 2);
    let gone = answers.iter().find(|(name, _)| *name == address(workers[2]));
    assert!(matches!(gone, Some((_, Err(RequestError::Gone(_))))));
}

#[test]
fn workers_ask_questions_too() {
    let (mut cluster, _, workers) = Cluster::of(1);
    let question = Box::new(Question::Sizes(Vec::new()));
    cluster.worker_says(workers[0], FromWorker::Request(RequestId(5), question));
    let reply = ToWorker::Reply(RequestId(5), Ok(Answer::Sizes(Vec::new())));
    assert_eq!(cluster.said(workers[0]), [reply]);
}

#[test]
fn results_and_tasks_are_listed_by_worker_and_by_key() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, Graph::new().task("a", &[]).task("b", &["a"]).want(&["a", "b"]));
    let order = cluster.orders(workers[0]).remove(0);
    cluster.finish(workers[0], &order);
    let own = address(workers[0]);
    let group = |key: &str| Ok(Answer::Groups(vec![(own.clone(), vec![key.into()])]));
    assert_eq!(cluster.answer(client, Question::Contents(Vec::new())), group("a"));
    assert_eq!(cluster.answer(client, Question::Processing(Vec::new())), group("b"));
    let holders = Answer::Groups(vec![("a".into(), vec![own])]);
    assert_eq!(cluster.answer(client, Question::Holders(Vec::new())), Ok(holders));
    let states = Answer::Groups(vec![("b".into(), vec!["processing".into()])]);
    assert_eq!(cluster.answer(client, Question::States(vec!["b".into()])), Ok(states));
    let sizes = Answer::Sizes(vec![("a".into(), 100)]);
    assert_eq!(cluster.answer(client, Question::Sizes(Vec::new())), Ok(sizes));
}

#[test]
fn the_cluster_describes_itself() {
    let (mut cluster, client, workers) = Cluster::of(2);
    cluster.submit(client, one("a"));
    let Ok(Answer::Cluster(info)) = cluster.answer(client, Question::Cluster) else { panic!() };
    assert_eq!((info.workers.len(), info.clients.len()), (2, 1));
    let processing = info.tasks.iter().find(|(state, _)| &**state == "processing");
    assert_eq!(processing.map(|(_, count)| *count), Some(1));
    assert_eq!(info.workers[0].id, workers[0]);
    let Ok(Answer::Text(dump)) = cluster.answer(client, Question::Dump) else { panic!() };
    assert!(dump.contains("\"key\":\"a\""), "{dump}");
}

#[test]
fn the_story_tells_what_happened_also_after_the_end() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, one("a"));
    cluster.run();
    cluster.release(client, "a");
    let names = vec!["a".into(), address(workers[0])];
    let Ok(Answer::Story(lines)) = cluster.answer(client, Question::Story(names)) else { panic!() };
    let states: Vec<&str> =
        lines.iter().filter(|line| &*line.subject == "a").map(|line| &*line.to).collect();
    let expected = ["waiting", "queued", "processing", "memory", "released", "forgotten"];
    assert_eq!(states, expected);
    assert!(lines.iter().any(|line| line.subject == address(workers[0])));
}

#[test]
fn spans_tell_when_tasks_ran() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.submit(client, Graph::new().task("a", &[]).task("b", &[]).want(&["a", "b"]));
    let orders = cluster.orders(workers[0]);
    cluster.finish(workers[0], &orders[0]);
    cluster.fail(workers[0], &orders[1]);
    let question = Question::Spans { start_us: 0, stop_us: 0, count: 0 };
    let Ok(Answer::Spans(spans)) = cluster.answer(client, question) else { panic!() };
    let told: Vec<_> = spans.iter().map(|s| (&*s.key, s.succeeded, &*s.type_name)).collect();
    assert_eq!(told, [("a", true, "int"), ("b", false, "")]);
    let question = Question::Spans { start_us: 0, stop_us: 0, count: 1 };
    let Ok(Answer::Spans(spans)) = cluster.answer(client, question) else { panic!() };
    assert_eq!(&*spans[0].key, "b", "the last");
}

#[test]
fn restart_drops_results_and_asks_nannies() {
    let mut cluster = Cluster::new();
    let client = cluster.client();
    let kept = cluster.worker_with(|hello| hello.nanny = "tcp://nanny:1".into());
    let closed = cluster.worker(1);
    cluster.submit(client, one("a"));
    cluster.run();
    let question = Question::Restart { workers: Vec::new(), timeout_us: 1_000_000, wait: true };
    let request = cluster.ask(client, question);
    assert_eq!(cluster.restarted, [kept]);
    let said = cluster.said(closed);
    assert!(matches!(said.last(), Some(ToWorker::Close { restart: false, .. })), "{said:?}");
    assert!(cluster.to_clients[&client].contains(&ToClient::Restarted));
    assert_eq!(cluster.state("a"), None);
    cluster.worker(1);
    assert_eq!(cluster.reply(client, request), Some(Ok(Answer::Done)));
    cluster.submit(client, one("a"));
    assert_eq!(cluster.run(), ["a"]);
}

#[test]
fn restart_of_workers_that_do_not_come_back_is_an_error_in_time() {
    let mut cluster = Cluster::new();
    let client = cluster.client();
    cluster.worker_with(|hello| hello.nanny = "tcp://nanny:1".into());
    let question = Question::Restart { workers: Vec::new(), timeout_us: 1_000_000, wait: true };
    let request = cluster.ask(client, question);
    cluster.pass(1_000_000);
    assert!(matches!(cluster.reply(client, request), Some(Err(RequestError::Timeout(_)))));
}

#[test]
fn a_worker_that_says_nothing_is_given_up() {
    let (mut cluster, client, workers) = Cluster::of(2);
    cluster.submit(client, one("a"));
    for _ in 0..40 {
        cluster.pass(10_000_000);
        let beat = FromWorker::Heartbeat(Box::default());
        cluster.worker_says(workers[0], beat);
    }
    assert_eq!(cluster.scheduler.view().workers().len(), 1);
    assert_eq!(cluster.dropped.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [workers[1]]);
    assert_eq!(cluster.scheduler.view().processing_on("a"), Some(workers[0]));
}

#[test]
fn an_idle_scheduler_ends_if_it_is_to() {
    let config = Config { idle_timeout_us: Some(10_000_000), ..Config::default() };
    let mut cluster = Cluster::with(config);
    let client = cluster.client();
    let worker = cluster.worker(1);
    cluster.submit(client, one("a"));
    cluster.pass(20_000_000);
    assert_eq!(cluster.shutdown, None, "there is something to do");
    let order = cluster.orders(worker).remove(0);
    cluster.finish(worker, &order);
    cluster.pass(15_000_000);
    assert!(cluster.shutdown.is_some());
}

#[test]
fn shutdown_says_goodbye() {
    let (mut cluster, client, workers) = Cluster::of(1);
    cluster.ask(client, Question::Shutdown);
    assert!(cluster.shutdown.is_some());
    let said = cluster.said(workers[0]);
    assert!(matches!(said.last(), Some(ToWorker::Close { restart: false, .. })));
    let heard = &cluster.to_clients[&client];
    assert!(heard.iter().any(|message| matches!(message, ToClient::Closing { .. })));
}

#[test]
fn as_many_workers_are_right_as_the_work_takes() {
    let config = Config { durations: vec![("load".into(), 1_000_000)], ..Config::default() };
    let mut cluster = Cluster::with(config);
    let client = cluster.client();
    let target = |us| Question::AdaptiveTarget { target_us: us };
    assert_eq!(cluster.answer(client, target(5_000_000)), Ok(Answer::Number(0)));
    cluster.worker(1);
    let keys: Vec<String> = (0..100).map(|n| format!("load-{n}")).collect();
    let graph = keys.iter().fold(Graph::new(), |graph, key| graph.task(key, &[]).want(&[key]));
    cluster.submit(client, graph);
    assert_eq!(cluster.answer(client, target(5_000_000)), Ok(Answer::Number(20)));
    assert_eq!(cluster.answer(client, target(1_000)), Ok(Answer::Number(100)), "one task each");
}

#[test]
fn workers_that_are_idle_and_hold_least_can_close() {
    let (mut cluster, client, workers) = Cluster::of(3);
    cluster.submit(client, one("a"));
    cluster.run();
    let close = |count, minimum| Question::WorkersToClose { count, minimum };
    let holder = cluster.scheduler.view().location("a").expect("it is there").holders[0].1.clone();
    let Ok(Answer::Names(names)) = cluster.answer(client, close(0, 0)) else { panic!() };
    assert_eq!(names.len(), 2);
    assert!(!names.contains(&holder), "its data would be lost");
    let Ok(Answer::Names(names)) = cluster.answer(client, close(1, 0)) else { panic!() };
    assert_eq!(names.len(), 1);
    let Ok(Answer::Names(names)) = cluster.answer(client, close(3, 2)) else { panic!() };
    assert_eq!(names.len(), 1);
    assert_eq!(workers.len(), 3);
}

#[test]
fn unknown_workers_are_named_in_the_error() {
    let (mut cluster, client, _) = Cluster::of(1);
    let workers = vec!["tcp://nowhere".into()];
    let question = Question::Ask { workers, op: "run".into(), payload: Bytes::new() };
    let Err(RequestError::NotFound(text)) = cluster.answer(client, question) else { panic!() };
    assert!(text.contains("tcp://nowhere"));
}

#[test]
fn nobody_is_answered_who_has_gone() {
    let (mut cluster, client, _) = Cluster::of(1);
    cluster.submit(client, one("a"));
    cluster.ask(client, Question::Where(vec!["a".into()]));
    cluster.ask(client, Question::WaitForWorkers { count: 5, timeout_us: 1_000 });
    cluster.client_says(client, FromClient::Leaving);
    cluster.pass(10_000);
    cluster.assert_nothing_is_left();
    assert_eq!(cluster.state("a"), None::<TaskState>);
}
