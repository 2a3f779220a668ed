use bytes::Bytes;
use raskt_scheduler::TaskState;
use raskt_wire::{Answer, RequestError, SharedQuestion as Q};

use super::item;
use crate::cluster::{Cluster, one};

fn open(capacity: u32) -> Q {
    Q::QueueOpen { name: "q".into(), capacity }
}

fn put(payload: &'static str, keys: &[&str]) -> Q {
    Q::QueuePut { name: "q".into(), item: item(payload, keys), timeout_us: Some(1_000) }
}

fn get(batch: Option<u32>) -> Q {
    Q::QueueGet { name: "q".into(), batch, timeout_us: Some(1_000) }
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[test]
fn items_come_out_in_order_alone_or_in_batches() {
    let (mut cluster, client, _) = Cluster::of(0);
    cluster.shared(client, open(0)).expect("it is new");
    for payload in ["1", "2", "3", "4", "5"] {
        assert_eq!(cluster.shared(client, put(payload, &[])), Ok(Answer::Done));
    }
    assert_eq!(cluster.shared(client, Q::QueueSize("q".into())), Ok(Answer::Number(5)));
    assert_eq!(cluster.shared(client, get(None)), Ok(Answer::Bytes(bytes("1"))));
    let two = vec![bytes("2"), bytes("3")];
    assert_eq!(cluster.shared(client, get(Some(2))), Ok(Answer::Many(two)));
    let rest = vec![bytes("4"), bytes("5")];
    assert_eq!(cluster.shared(client, get(Some(0))), Ok(Answer::Many(rest)));
    assert_eq!(cluster.shared(client, get(Some(0))), Ok(Answer::Many(Vec::new())));
}

#[test]
fn who_gets_waits_for_items_and_who_puts_waits_for_room() {
    let (mut cluster, client, _) = Cluster::of(0);
    cluster.shared(client, open(1)).expect("it is new");
    let early = cluster.ask_shared(client, get(None));
    cluster.shared(client, put("1", &[])).expect("there is room");
    assert_eq!(cluster.reply(client, early), Some(Ok(Answer::Bytes(bytes("1")))));
    cluster.shared(client, put("2", &[])).expect("there is room");
    let full = cluster.ask_shared(client, put("3", &[]));
    assert_eq!(cluster.reply(client, full), None);
    assert_eq!(cluster.shared(client, get(None)), Ok(Answer::Bytes(bytes("2"))));
    assert_eq!(cluster.reply(client, full), Some(Ok(Answer::Done)));
}

#[test]
fn time_can_be_up_on_both_sides() {
    let (mut cluster, client, _) = Cluster::of(0);
    cluster.shared(client, open(1)).expect("it is new");
    let empty = cluster.ask_shared(client, get(None));
    cluster.pass(1_000);
    assert!(matches!(cluster.reply(client, empty), Some(Err(RequestError::Timeout(_)))));
    cluster.shared(client, put("1", &[])).expect("there is room");
    let full = cluster.ask_shared(client, put("2", &[]));
    cluster.pass(1_000);
    assert!(matches!(cluster.reply(client, full), Some(Err(RequestError::Timeout(_)))));
    assert_eq!(cluster.shared(client, get(Some(0))), Ok(Answer::Many(vec![bytes("1")])));
}

#[test]
fn results_are_kept_while_they_are_in_a_queue_and_until_they_are_wanted() {
    let (mut cluster, client, _) = Cluster::of(1);
    let other = cluster.client();
    cluster.submit(client, one("a"));
    cluster.run();
    cluster.shared(client, open(0)).expect("it is new");
    cluster.shared(client, put("a", &["a"])).expect("there is room");
    cluster.release(client, "a");
    assert_eq!(cluster.state("a"), Some(TaskState::Memory), "the queue keeps it");
    cluster.shared(other, get(None)).expect("it is there");
    assert_eq!(cluster.state("a"), Some(TaskState::Memory), "it is on its way");
    cluster.want(other, "a");
    cluster.release(other, "a");
    assert_eq!(cluster.state("a"), None);
    cluster.assert_nothing_is_left();
}

#[test]
fn results_that_nobody_comes_for_are_let_go() {
    let (mut cluster, client, _) = Cluster::of(1);
    cluster.submit(client, one("a"));
    cluster.run();
    cluster.shared(client, open(0)).expect("it is new");
    cluster.shared(client, put("a", &["a"])).expect("there is room");
    cluster.shared(client, get(None)).expect("it is there");
    cluster.release(client, "a");
    assert_eq!(cluster.state("a"), Some(TaskState::Memory));
    cluster.pass(31_000_000);
    assert_eq!(cluster.state("a"), None);
}

#[test]
fn a_closed_queue_lets_all_go() {
    let (mut cluster, client, _) = Cluster::of(1);
    cluster.submit(client, one("a"));
    cluster.shared(client, open(0)).expect("it is new");
    cluster.shared(client, put("a", &["a"])).expect("there is room");
    cluster.release(client, "a");
    cluster.shared(client, Q::QueueClose("q".into())).expect("it is there");
    cluster.assert_nothing_is_left();
    let gone = cluster.shared(client, get(None));
    assert!(matches!(gone, Err(RequestError::NotFound(_))));
}
