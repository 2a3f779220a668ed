//! Connections within the process, by name.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;

use super::link::Link;

type Names = BTreeMap<String, UnboundedSender<Link>>;

static NAMES: LazyLock<Mutex<Names>> = LazyLock::new(Mutex::default);

/// A name for which somebody listens; free again when dropped.
pub(crate) struct Listening(String);

/// Sends to `arrivals` whoever calls this name. None if the name is taken.
pub(crate) fn listen(name: &str, arrivals: UnboundedSender<Link>) -> Option<Listening> {
    let mut names = NAMES.lock();
    if names.contains_key(name) {
        return None;
    }
    names.insert(name.to_string(), arrivals);
    Some(Listening(name.to_string()))
}

/// Calls whoever listens for this name.
pub(crate) fn call(name: &str) -> Option<Link> {
    let names = NAMES.lock();
    let [ours, theirs] = Link::pair(name);
    names.get(name)?.send(theirs).ok()?;
    Some(ours)
}

impl Drop for Listening {
    fn drop(&mut self) {
        NAMES.lock().remove(&self.0);
    }
}
