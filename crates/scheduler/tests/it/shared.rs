//! What clients share by name.

mod datasets;
mod flags;
mod locks;
mod metadata;
mod queues;
mod semaphores;
mod topics;
mod variables;

use bytes::Bytes;
use raskt_wire::SharedItem;

/// An item that refers to these results.
fn item(payload: &'static str, keys: &[&str]) -> SharedItem {
    let keys = keys.iter().map(|key| (*key).into()).collect();
    SharedItem { payload: Bytes::from_static(payload.as_bytes()), keys }
}
