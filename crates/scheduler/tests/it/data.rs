//! Data that clients bring.

use raskt_scheduler::TaskState;
use raskt_wire::{Answer, Cause, FromClient, News, PlacedData, Question, RequestError};

use crate::cluster::{Cluster, Graph, address};

fn place(key: &str, broadcast: bool) -> Question {
    Question::Place { items: vec![(key.into(), 100)], workers: Vec::new(), broadcast }
}

#[test]
fn data_is_there_when_it_was_placed_and_goes_with_its_last_want() {
    let (mut cluster, client, workers) = Cluster::of(2);
    cluster.scatter(client, "d", workers[1]);
    let handle = cluster.handle(client, "d");
    let news = cluster.news(client);
    assert!(matches!(&news[..], [News::Finished { handle: h, nbytes: 100, .. }] if *h == handle));
    assert_eq!(cluster.scheduler.view().location("d").expect("it is there").holders.len(), 1);
    cluster.release(client, "d");
    cluster.assert_nothing_is_left();
}

#[test]
fn data_can_be_wanted_before_it_was_placed() {
    let (mut cluster, client, workers) = Cluster::of(1);
    let Ok(Answer::Places(places)) = cluster.answer(client, place("d", false)) else { panic!() };
    cluster.want(client, "d");
    let graph = Graph::new().outside("d").task("use", &["d"]).want(&["use"]);
    cluster.submit(client, graph);
    assert_eq!(cluster.state("use"), Some(TaskState::Waiting));
    let placed = PlacedData { uid: places[0].0, holders: vec![workers[0]] };
    cluster.client_says(client, FromClient::Placed(vec![placed]));
    assert_eq!(cluster.run(), ["use"]);
    cluster.release(client, "d");
    cluster.release(client, "use");
    cluster.assert_nothing_is_left();
}

#[test]
fn broadcast_data_goes_everywhere() {
    let (mut cluster, client, workers) = Cluster::of(3);
    let Ok(Answer::Places(places)) = cluster.answer(client, place("d", true)) else { panic!() };
    assert_eq!(places[0].1[0].holders.len(), 3);
    let placed = PlacedData { uid: places[0].0, holders: workers };
    cluster.client_says(client, FromClient::Placed(vec![placed]));
    assert_eq!(cluster.scheduler.view().location("d").expect("it is there").holders.len(), 3);
}

#[test]
fn a_client_that_goes_before_it_has_placed_leaves_nothing() {
    let (mut cluster, client, _) = Cluster::of(1);
    let other = cluster.client();
    cluster.answer(client, place("d", false)).expect("there is a worker");
    let graph = Graph::new().outside("d").task("use", &["d"]).want(&["use"]);
    cluster.submit(other, graph);
    cluster.client_says(client, FromClient::Leaving);
    let error = cluster.error(other, "use").expect("the data does not come");
    assert!(matches!(error.cause, Cause::LostData { .. }));
    cluster.client_says(other, FromClient::Leaving);
    cluster.assert_nothing_is_left();
}

#[test]
fn lost_data_is_an_error_and_can_be_brought_again() {
    let (mut cluster, client, workers) = Cluster::of(2);
    cluster.scatter(client, "d", workers[0]);
    cluster.die(workers[0]);
    let error = cluster.error(client, "d").expect("it is gone");
    assert!(matches!(error.cause, Cause::LostData { .. }));
    cluster.scatter(client, "d", workers[1]);
    assert_eq!(cluster.state("d"), Some(TaskState::Memory));
}

#[test]
fn without_workers_there_is_no_place() {
    let mut cluster = Cluster::new();
    let client = cluster.client();
    let answer = cluster.answer(client, place("d", false));
    assert!(matches!(answer, Err(RequestError::NotFound(_))));
    let worker = cluster.worker(1);
    let question = Question::Place {
        items: vec![("d".into(), 1)],
        workers: vec![address(worker), "nobody".into()],
        broadcast: false,
    };
    assert!(matches!(cluster.answer(client, question), Err(RequestError::NotFound(_))));
}
