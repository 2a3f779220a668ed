use bytes::Bytes;
use raskt_scheduler::Config;
use raskt_wire::{Answer, EventRecord, SharedQuestion as Q, ToClient};

use crate::cluster::Cluster;

#[test]
fn listeners_hear_messages_and_the_last_are_kept() {
    let mut cluster = Cluster::with(Config { events: 2, ..Config::default() });
    let (client, listener) = (cluster.client(), cluster.client());
    cluster.shared(listener, Q::Listen("t".into(), true)).expect("clients listen");
    for text in ["1", "2", "3"] {
        let payload = Bytes::from_static(text.as_bytes());
        cluster.shared(client, Q::EventLog("t".into(), payload)).expect("always done");
    }
    let heard = cluster.to_clients.remove(&listener).unwrap_or_default();
    assert_eq!(heard.iter().filter(|m| matches!(m, ToClient::Event { .. })).count(), 3);
    let time_us = cluster.now.0;
    let record = |text: &'static [u8]| EventRecord { time_us, payload: Bytes::from_static(text) };
    let last = Answer::Events(vec![record(b"2"), record(b"3")]);
    assert_eq!(cluster.shared(client, Q::EventsOf("t".into())), Ok(last));
    assert_eq!(cluster.shared(client, Q::Topics), Ok(Answer::Names(vec!["t".into()])));
    cluster.shared(listener, Q::Listen("t".into(), false)).expect("clients listen");
    cluster.shared(client, Q::EventLog("t".into(), Bytes::new())).expect("always done");
    let heard = cluster.to_clients.remove(&listener).unwrap_or_default();
    assert!(heard.iter().all(|message| !matches!(message, ToClient::Event { .. })));
}
