use bytes::Bytes;
use raskt_scheduler::TaskState;
use raskt_wire::{Answer, RequestError, SharedQuestion as Q};

use super::item;
use crate::cluster::{Cluster, one};

fn get(timeout_us: Option<u64>) -> Q {
    Q::VariableGet { name: "v".into(), timeout_us }
}

#[test]
fn who_asks_gets_the_last_value_or_waits_for_one() {
    let (mut cluster, client, _) = Cluster::of(0);
    let early = cluster.ask_shared(client, get(None));
    cluster.shared(client, Q::VariableSet("v".into(), item("1", &[]))).expect("always done");
    let one = Answer::Bytes(Bytes::from_static(b"1"));
    assert_eq!(cluster.reply(client, early), Some(Ok(one)));
    cluster.shared(client, Q::VariableSet("v".into(), item("2", &[]))).expect("always done");
    let two = Answer::Bytes(Bytes::from_static(b"2"));
    assert_eq!(cluster.shared(client, get(None)), Ok(two));
    cluster.shared(client, Q::VariableDelete("v".into())).expect("always done");
    let late = cluster.ask_shared(client, get(Some(5)));
    cluster.pass(5);
    assert!(matches!(cluster.reply(client, late), Some(Err(RequestError::Timeout(_)))));
}

#[test]
fn a_variable_keeps_its_result_until_it_is_set_again() {
    let (mut cluster, client, _) = Cluster::of(1);
    cluster.submit(client, one("a"));
    cluster.run();
    cluster.shared(client, Q::VariableSet("v".into(), item("a", &["a"]))).expect("always done");
    cluster.release(client, "a");
    assert_eq!(cluster.state("a"), Some(TaskState::Memory));
    cluster.shared(client, Q::VariableSet("v".into(), item("b", &[]))).expect("always done");
    assert_eq!(cluster.state("a"), None);
}
