//! What clients and tasks share through the scheduler: [`SharedQuestion`].
//!
//! Contents are bytes in the form of whoever put them there; the scheduler never reads them.

use std::sync::Arc;

use bytes::Bytes;
use raskt_macros::Wire;

/// A question about something that clients share, by name.
#[derive(Clone, Debug, PartialEq, Wire)]
pub enum SharedQuestion {
    /// Make a semaphore with so many leases, or find it.
    SemaphoreOpen {
        /// Its name.
        name: Arc<str>,
        /// How many leases there are; if it exists with another number, that is an error.
        leases: u32,
    },
    /// Take leases; answered when there are some, or with no when time is up.
    SemaphoreAcquire {
        /// Its name.
        name: Arc<str>,
        /// Who takes it: unlike any other.
        lease: Arc<str>,
        /// How long it may take, in microseconds; None: no limit.
        timeout_us: Option<u64>,
    },
    /// Give a lease back; answered with whether it was held.
    SemaphoreRelease {
        /// Its name.
        name: Arc<str>,
        /// Who gives it.
        lease: Arc<str>,
    },
    /// These leases are still in use.
    SemaphoreRefresh {
        /// Its name.
        name: Arc<str>,
        /// Which.
        leases: Vec<Arc<str>>,
    },
    /// How many leases are taken.
    SemaphoreValue(Arc<str>),
    /// Remove it; whoever waits gets an error.
    SemaphoreClose(Arc<str>),
    /// Lock several names at once; answered when so many of them are locked, or with no when
    /// time is up.
    MultiLockAcquire {
        /// Which.
        names: Vec<Arc<str>>,
        /// Who locks.
        owner: Arc<str>,
        /// How many of them are enough.
        count: u32,
        /// How long it may take, in microseconds; None: no limit.
        timeout_us: Option<u64>,
    },
    /// Unlock all that the owner holds of these.
    MultiLockRelease {
        /// Which.
        names: Vec<Arc<str>>,
        /// Whose.
        owner: Arc<str>,
    },
    /// Answered when the flag is set, or with no when time is up.
    FlagWait {
        /// Its name.
        name: Arc<str>,
        /// How long it may take, in microseconds; None: no limit.
        timeout_us: Option<u64>,
    },
    /// Set the flag (true) or clear it.
    FlagSet(Arc<str>, bool),
    /// Is the flag set?
    FlagGet(Arc<str>),
    /// Make a queue, or find it.
    QueueOpen {
        /// Its name.
        name: Arc<str>,
        /// How many items fit; 0: no limit.
        capacity: u32,
    },
    /// Add an item; answered when there is room, or with a timeout.
    QueuePut {
        /// Its name.
        name: Arc<str>,
        /// The item.
        item: SharedItem,
        /// How long it may take, in microseconds; None: no limit.
        timeout_us: Option<u64>,
    },
    /// Take items; answered when there are some, or with a timeout.
    QueueGet {
        /// Its name.
        name: Arc<str>,
        /// How many: None for one; 0 for all that are there; else just so many.
        batch: Option<u32>,
        /// How long it may take, in microseconds; None: no limit.
        timeout_us: Option<u64>,
    },
    /// How many items are in it.
    QueueSize(Arc<str>),
    /// Remove the queue.
    QueueClose(Arc<str>),
    /// Set a variable.
    VariableSet(Arc<str>, SharedItem),
    /// Its value; answered when it has one, or with a timeout.
    VariableGet {
        /// Its name.
        name: Arc<str>,
        /// How long it may take, in microseconds; None: no limit.
        timeout_us: Option<u64>,
    },
    /// Remove it.
    VariableDelete(Arc<str>),
    /// Keep a data set, with the results that belong to it, until it is removed.
    DatasetPut {
        /// Its name.
        name: Arc<str>,
        /// What it is.
        item: SharedItem,
        /// Replace one of this name? Else that is an error.
        replace: bool,
    },
    /// A data set.
    DatasetGet(Arc<str>),
    /// Remove it.
    DatasetDelete(Arc<str>),
    /// The names of all.
    DatasetList,
    /// Set what is known under a path of names.
    MetadataSet(Vec<Arc<str>>, Bytes),
    /// What is known under a path of names: the value there, or all below it with their
    /// paths, as [`crate::call::Answer::Many`] of path and value in turn.
    MetadataGet(Vec<Arc<str>>),
    /// Add a message to a topic, and tell those who listen.
    EventLog(Arc<str>, Bytes),
    /// The messages of a topic, the last thousand.
    EventsOf(Arc<str>),
    /// The names of all topics.
    Topics,
    /// Listen to a topic (true), or no more.
    Listen(Arc<str>, bool),
}

/// Something shared: bytes, and the results (by key) that must be kept for as long as it is
/// there.
#[derive(Clone, Debug, Default, PartialEq, Wire)]
pub struct SharedItem {
    /// In the form of whoever put it there.
    pub payload: Bytes,
    /// The results that it refers to.
    pub keys: Vec<Arc<str>>,
}
