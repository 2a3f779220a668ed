use bytes::Bytes;
use raskt_scheduler::TaskState;
use raskt_wire::{Answer, FromClient, RequestError, SharedQuestion as Q};

use super::item;
use crate::cluster::{Cluster, one};

fn put(payload: &'static str, keys: &[&str], replace: bool) -> Q {
    Q::DatasetPut { name: "d".into(), item: item(payload, keys), replace }
}

#[test]
fn a_data_set_outlives_its_client_with_its_results() {
    let (mut cluster, client, _) = Cluster::of(1);
    cluster.submit(client, one("a"));
    cluster.run();
    cluster.shared(client, put("1", &["a"], false)).expect("it is new");
    cluster.client_says(client, FromClient::Leaving);
    let other = cluster.client();
    assert_eq!(cluster.state("a"), Some(TaskState::Memory));
    let payload = Answer::Bytes(Bytes::from_static(b"1"));
    assert_eq!(cluster.shared(other, Q::DatasetGet("d".into())), Ok(payload));
    let names = Answer::Names(vec!["d".into()]);
    assert_eq!(cluster.shared(other, Q::DatasetList), Ok(names));
    cluster.shared(other, Q::DatasetDelete("d".into())).expect("it is there");
    cluster.assert_nothing_is_left();
    let gone = cluster.shared(other, Q::DatasetGet("d".into()));
    assert!(matches!(gone, Err(RequestError::NotFound(_))));
}

#[test]
fn a_data_set_is_replaced_only_if_that_is_said() {
    let (mut cluster, client, _) = Cluster::of(0);
    cluster.shared(client, put("1", &[], false)).expect("it is new");
    let again = cluster.shared(client, put("2", &[], false));
    assert!(matches!(again, Err(RequestError::Exists(_))));
    cluster.shared(client, put("2", &[], true)).expect("it is replaced");
    let payload = Answer::Bytes(Bytes::from_static(b"2"));
    assert_eq!(cluster.shared(client, Q::DatasetGet("d".into())), Ok(payload));
}
