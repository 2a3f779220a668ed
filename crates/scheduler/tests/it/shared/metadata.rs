use std::sync::Arc;

use bytes::Bytes;
use raskt_wire::{Answer, RequestError, SharedQuestion as Q};

use crate::cluster::Cluster;

fn path(text: &str) -> Vec<Arc<str>> {
    text.split('/').filter(|name| !name.is_empty()).map(Into::into).collect()
}

#[test]
fn values_are_found_by_path_and_by_what_is_above() {
    let (mut cluster, client, _) = Cluster::of(0);
    for (at, value) in [("a/b", "1"), ("a/c/d", "2"), ("e", "3")] {
        let value = Bytes::from_static(value.as_bytes());
        cluster.shared(client, Q::MetadataSet(path(at), value)).expect("always done");
    }
    let one = Answer::Bytes(Bytes::from_static(b"1"));
    assert_eq!(cluster.shared(client, Q::MetadataGet(path("a/b"))), Ok(one));
    let below = [r#"["b"]"#, "1", r#"["c","d"]"#, "2"];
    let below = below.map(|text| Bytes::from_static(text.as_bytes())).to_vec();
    assert_eq!(cluster.shared(client, Q::MetadataGet(path("a"))), Ok(Answer::Many(below)));
    let none = cluster.shared(client, Q::MetadataGet(path("x")));
    assert!(matches!(none, Err(RequestError::NotFound(_))));
    let whole = Bytes::from_static(b"whole");
    cluster.shared(client, Q::MetadataSet(path("a"), whole.clone())).expect("always done");
    assert_eq!(cluster.shared(client, Q::MetadataGet(path("a"))), Ok(Answer::Bytes(whole)));
    let below = cluster.shared(client, Q::MetadataGet(path("a/b")));
    assert!(below.is_err(), "it was replaced");
}
