use raskt_wire::{Answer, FromClient, SharedQuestion as Q};

use crate::cluster::Cluster;

fn names(names: &str) -> Vec<std::sync::Arc<str>> {
    names.split_whitespace().map(Into::into).collect()
}

fn acquire(owner: &str, all: &str, count: u32) -> Q {
    let (names, owner) = (names(all), owner.into());
    Q::MultiLockAcquire { names, owner, count, timeout_us: Some(1_000) }
}

fn release(owner: &str, all: &str) -> Q {
    Q::MultiLockRelease { names: names(all), owner: owner.into() }
}

#[test]
fn all_of_several_names_are_locked_at_once() {
    let (mut cluster, client, _) = Cluster::of(0);
    assert_eq!(cluster.shared(client, acquire("a", "x y", 2)), Ok(Answer::Bool(true)));
    let b = cluster.ask_shared(client, acquire("b", "y z", 2));
    let c = cluster.ask_shared(client, acquire("c", "z", 1));
    assert_eq!((cluster.reply(client, b), cluster.reply(client, c)), (None, None));
    cluster.shared(client, release("a", "x y")).expect("they are locked");
    assert_eq!(cluster.reply(client, b), Some(Ok(Answer::Bool(true))));
    assert_eq!(cluster.reply(client, c), None);
    cluster.shared(client, release("b", "y z")).expect("they are locked");
    assert_eq!(cluster.reply(client, c), Some(Ok(Answer::Bool(true))));
}

#[test]
fn some_of_several_names_can_be_enough() {
    let (mut cluster, client, _) = Cluster::of(0);
    cluster.shared(client, acquire("a", "x", 1)).expect("it is free");
    assert_eq!(cluster.shared(client, acquire("b", "x y z", 2)), Ok(Answer::Bool(true)));
    let c = cluster.ask_shared(client, acquire("c", "x", 1));
    cluster.shared(client, release("a", "x")).expect("it is locked");
    assert_eq!(cluster.reply(client, c), Some(Ok(Answer::Bool(true))), "b has left that line");
}

#[test]
fn who_gives_up_or_leaves_is_not_in_line_any_more() {
    let (mut cluster, client, _) = Cluster::of(0);
    let other = cluster.client();
    cluster.shared(client, acquire("a", "x", 1)).expect("it is free");
    let b = cluster.ask_shared(client, acquire("b", "x y", 2));
    cluster.pass(1_000);
    assert_eq!(cluster.reply(client, b), Some(Ok(Answer::Bool(false))));
    assert_eq!(cluster.shared(client, acquire("c", "y", 1)), Ok(Answer::Bool(true)));
    cluster.ask_shared(other, acquire("d", "x", 1));
    cluster.client_says(other, FromClient::Leaving);
    let e = cluster.ask_shared(client, acquire("e", "x", 1));
    cluster.shared(client, release("a", "x")).expect("it is locked");
    assert_eq!(cluster.reply(client, e), Some(Ok(Answer::Bool(true))));
}
