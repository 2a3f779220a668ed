//! Questions to the scheduler and their answers: [`Question`], [`Answer`].
//!
//! Some are answered at once, others when something has happened (a lock is free, workers have
//! retired). Who asks goes on meanwhile.

use std::sync::Arc;

use bytes::Bytes;
use raskt_macros::Wire;

use crate::failure::RequestError;
use crate::id::{TaskUid, WorkerId};
use crate::info::{ClusterInfo, EventRecord, StoryLine, TaskSpan, WorkerInfo};
use crate::shared::SharedQuestion;

/// A question to the scheduler.
#[derive(Clone, Debug, PartialEq, Wire)]
pub enum Question {
    /// Where are these results? Answered with [`Answer::Where`] when each is there or can not
    /// be.
    Where(Vec<Arc<str>>),
    /// Where could new data go? Makes a task without a function for each key.
    Place {
        /// The names and sizes of the data.
        items: Vec<(Arc<str>, u64)>,
        /// Workers that may have it, by address, name or host; empty: any.
        workers: Vec<Arc<str>>,
        /// To all of them?
        broadcast: bool,
    },
    /// The cluster, its workers included.
    Cluster,
    /// Which results do these workers hold? By address; empty: all.
    Contents(Vec<Arc<str>>),
    /// Which tasks do these workers have to run? By address; empty: all.
    Processing(Vec<Arc<str>>),
    /// Who holds these results? By key; empty: all.
    Holders(Vec<Arc<str>>),
    /// How large are these results? By key; empty: all.
    Sizes(Vec<Arc<str>>),
    /// What state are these tasks in? By key.
    States(Vec<Arc<str>>),
    /// What happened to these tasks or workers, by key or address.
    Story(Vec<Arc<str>>),
    /// The last tasks that ran, at most so many that ended between two times (microseconds
    /// since 1970; 0: no limit).
    Spans {
        /// From when on.
        start_us: u64,
        /// Until when.
        stop_us: u64,
        /// How many.
        count: u64,
    },
    /// Everything that the scheduler knows, as JSON.
    Dump,
    /// Copies of these results (by key) on so many workers.
    Replicate {
        /// Which.
        keys: Vec<Arc<str>>,
        /// On how many workers; 0: on all.
        copies: u32,
        /// On which workers, by address; empty: any.
        workers: Vec<Arc<str>>,
    },
    /// Even out the memory of workers by moving these results (by key; empty: any).
    Rebalance {
        /// Which.
        keys: Vec<Arc<str>>,
        /// Between which workers, by address; empty: all.
        workers: Vec<Arc<str>>,
    },
    /// Move all that these workers hold elsewhere, and close them. Answered when done.
    Retire {
        /// Which, by address or name.
        workers: Vec<Arc<str>>,
        /// Or so many of those that are least busy.
        count: u32,
        /// End their processes too?
        close: bool,
        /// And forget them at once?
        remove: bool,
    },
    /// Which workers are not needed? So many, or as few as this many are to be left.
    WorkersToClose {
        /// How many to close; 0: as the rule says.
        count: u32,
        /// How many must be left.
        minimum: u32,
    },
    /// How many workers would be right, if each task may wait so long (in microseconds)?
    AdaptiveTarget {
        /// How long the whole work may take.
        target_us: u64,
    },
    /// Drop everything, restart workers. Answered when so many workers are back, or in time.
    Restart {
        /// Which, by address; empty: all, and all results are dropped.
        workers: Vec<Arc<str>>,
        /// How long it may take, in microseconds.
        timeout_us: u64,
        /// Wait for workers to be back?
        wait: bool,
    },
    /// Answered when there are so many workers.
    WaitForWorkers {
        /// How many.
        count: u32,
        /// How long it may take, in microseconds; 0: no limit.
        timeout_us: u64,
    },
    /// A question for the programs that host workers.
    Ask {
        /// Which workers, by address or name; empty: all.
        workers: Vec<Arc<str>>,
        /// What is asked; only the host reads it.
        op: Arc<str>,
        /// With what.
        payload: Bytes,
    },
    /// Change what a worker has of resources.
    SetResources {
        /// Which worker, by address.
        worker: Arc<str>,
        /// What it has of each.
        resources: Vec<(Arc<str>, f64)>,
    },
    /// Switch the active memory manager on or off, ask whether it is on, or run it once.
    MemoryManager(MemoryManagerOp),
    /// What clients share: locks, queues, variables, data sets, events.
    Shared(SharedQuestion),
    /// End the scheduler, and with it the workers.
    Shutdown,
}

/// What to do with the active memory manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Wire)]
pub enum MemoryManagerOp {
    /// Run it regularly.
    Start,
    /// Do not.
    Stop,
    /// Run it once, now.
    Once,
    /// Does it run?
    IsRunning,
}

/// An answer of the scheduler.
#[derive(Clone, Debug, PartialEq, Wire)]
pub enum Answer {
    /// Done.
    Done,
    /// Yes or no.
    Bool(bool),
    /// A number.
    Number(u64),
    /// Bytes in the form of who asked.
    Bytes(Bytes),
    /// Several of these.
    Many(Vec<Bytes>),
    /// Text.
    Text(String),
    /// Names: keys, addresses.
    Names(Vec<Arc<str>>),
    /// Where results are, in the order of the question; None: lost, cancelled or failed.
    Where(Vec<Option<Location>>),
    /// Where data can go: a task and its workers for each item.
    Places(Vec<(TaskUid, Vec<Location>)>),
    /// For each name (a key, a worker) some others.
    Groups(Vec<(Arc<str>, Vec<Arc<str>>)>),
    /// For each name a number.
    Sizes(Vec<(Arc<str>, u64)>),
    /// The cluster.
    Cluster(Box<ClusterInfo>),
    /// Workers.
    Workers(Vec<WorkerInfo>),
    /// What happened.
    Story(Vec<StoryLine>),
    /// When tasks ran.
    Spans(Vec<TaskSpan>),
    /// Messages of a topic.
    Events(Vec<EventRecord>),
    /// What each worker said, by address.
    Asked(Vec<(Arc<str>, Result<Bytes, RequestError>)>),
}

/// Where one result is.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Location {
    /// Whose result.
    pub uid: TaskUid,
    /// Its size in memory.
    pub nbytes: u64,
    /// Who has it, by number and address.
    pub holders: Vec<(WorkerId, Arc<str>)>,
}
