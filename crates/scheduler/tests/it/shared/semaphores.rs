use raskt_wire::{Answer, FromClient, RequestError, SharedQuestion as Q};

use crate::cluster::Cluster;

fn open(leases: u32) -> Q {
    Q::SemaphoreOpen { name: "s".into(), leases }
}

fn acquire(lease: &str, timeout_us: Option<u64>) -> Q {
    Q::SemaphoreAcquire { name: "s".into(), lease: lease.into(), timeout_us }
}

fn release(lease: &str) -> Q {
    Q::SemaphoreRelease { name: "s".into(), lease: lease.into() }
}

#[test]
fn so_many_get_a_lease_and_others_wait_in_line() {
    let (mut cluster, client, _) = Cluster::of(0);
    assert_eq!(cluster.shared(client, open(2)), Ok(Answer::Done));
    assert_eq!(cluster.shared(client, acquire("a", None)), Ok(Answer::Bool(true)));
    assert_eq!(cluster.shared(client, acquire("b", None)), Ok(Answer::Bool(true)));
    let (third, fourth) = (
        cluster.ask_shared(client, acquire("c", None)),
        cluster.ask_shared(client, acquire("d", None)),
    );
    assert_eq!(cluster.shared(client, Q::SemaphoreValue("s".into())), Ok(Answer::Number(2)));
    assert_eq!(cluster.shared(client, release("a")), Ok(Answer::Bool(true)));
    assert_eq!(cluster.reply(client, third), Some(Ok(Answer::Bool(true))));
    assert_eq!(cluster.reply(client, fourth), None);
    assert_eq!(cluster.shared(client, release("a")), Ok(Answer::Bool(false)), "only once");
}

#[test]
fn the_answer_is_no_when_time_is_up() {
    let (mut cluster, client, _) = Cluster::of(0);
    cluster.shared(client, open(1)).expect("it is new");
    cluster.shared(client, acquire("a", None)).expect("it is free");
    let waiting = cluster.ask_shared(client, acquire("b", Some(1_000)));
    cluster.pass(999);
    assert_eq!(cluster.reply(client, waiting), None);
    cluster.pass(1);
    assert_eq!(cluster.reply(client, waiting), Some(Ok(Answer::Bool(false))));
    cluster.shared(client, release("a")).expect("it was held");
    assert_eq!(cluster.shared(client, acquire("c", None)), Ok(Answer::Bool(true)));
}

#[test]
fn a_lease_that_is_not_refreshed_is_taken_back() {
    let (mut cluster, client, _) = Cluster::of(0);
    cluster.shared(client, open(2)).expect("it is new");
    cluster.shared(client, acquire("a", None)).expect("it is free");
    cluster.shared(client, acquire("b", None)).expect("it is free");
    let waiting = cluster.ask_shared(client, acquire("c", None));
    cluster.pass(20_000_000);
    let refresh = Q::SemaphoreRefresh { name: "s".into(), leases: vec!["a".into()] };
    cluster.shared(client, refresh).expect("it is held");
    cluster.pass(18_000_000);
    assert_eq!(cluster.reply(client, waiting), Some(Ok(Answer::Bool(true))), "b's lease is over");
    assert_eq!(cluster.shared(client, release("a")), Ok(Answer::Bool(true)));
}

#[test]
fn another_number_of_leases_is_an_error_and_so_is_an_unknown_name() {
    let (mut cluster, client, _) = Cluster::of(0);
    let unknown = cluster.shared(client, acquire("a", None));
    assert!(matches!(unknown, Err(RequestError::NotFound(_))));
    cluster.shared(client, open(1)).expect("it is new");
    assert_eq!(cluster.shared(client, open(1)), Ok(Answer::Done));
    assert!(matches!(cluster.shared(client, open(2)), Err(RequestError::Invalid(_))));
}

#[test]
fn who_waits_hears_that_it_was_closed_and_who_left_gets_nothing() {
    let (mut cluster, client, _) = Cluster::of(0);
    let other = cluster.client();
    cluster.shared(client, open(1)).expect("it is new");
    cluster.shared(client, acquire("a", None)).expect("it is free");
    cluster.ask_shared(other, acquire("b", None));
    let waiting = cluster.ask_shared(client, acquire("c", None));
    cluster.client_says(other, FromClient::Leaving);
    cluster.shared(client, release("a")).expect("it was held");
    assert_eq!(cluster.reply(client, waiting), Some(Ok(Answer::Bool(true))));
    let waiting = cluster.ask_shared(client, acquire("d", None));
    cluster.shared(client, Q::SemaphoreClose("s".into())).expect("it is there");
    assert!(matches!(cluster.reply(client, waiting), Some(Err(RequestError::Gone(_)))));
}
