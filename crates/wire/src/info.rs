//! What one can learn of a cluster: [`ClusterInfo`], [`WorkerInfo`], [`TaskSpan`] and others.

use std::sync::Arc;

use bytes::Bytes;
use raskt_macros::Wire;

use crate::id::WorkerId;
use crate::worker::{Metrics, WorkerHello};

/// The scheduler and its workers.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ClusterInfo {
    /// Unlike that of any other scheduler.
    pub id: Arc<str>,
    /// Where it listens.
    pub address: Arc<str>,
    /// Since when it runs: microseconds since 1970.
    pub started_us: u64,
    /// Where its web pages are; empty: nowhere.
    pub dashboard: Arc<str>,
    /// Its workers, in the order in which they came.
    pub workers: Vec<WorkerInfo>,
    /// The names of its clients.
    pub clients: Vec<Arc<str>>,
    /// Tasks by state: released, waiting, no-worker, queued, processing, memory, erred.
    pub tasks: Vec<(Arc<str>, u64)>,
}

/// One worker, as the scheduler sees it.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct WorkerInfo {
    /// Its number.
    pub id: WorkerId,
    /// What it said of itself.
    pub hello: WorkerHello,
    /// Does it take tasks?
    pub status: WorkerStatus,
    /// How it was when it last said so.
    pub metrics: Metrics,
    /// When that was, by the scheduler's clock: microseconds since 1970.
    pub last_seen_us: u64,
    /// Results that it holds: their number and bytes.
    pub results: (u64, u64),
    /// Tasks that it has to run.
    pub processing: u64,
    /// How long that is expected to take, in microseconds of one thread.
    pub occupancy_us: u64,
}

/// Does a worker take tasks?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Wire)]
pub enum WorkerStatus {
    /// Yes.
    Running,
    /// Not now: its memory is full.
    Paused,
    /// Not any more: it is being retired.
    Retiring,
}

/// When and where a task ran.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TaskSpan {
    /// Which task.
    pub key: Arc<str>,
    /// Of what kind.
    pub group: Arc<str>,
    /// On which worker.
    pub worker: Arc<str>,
    /// When, and on which thread.
    pub span: crate::worker::Span,
    /// The size of its result; 0 if it failed.
    pub nbytes: u64,
    /// The name of the type of its result.
    pub type_name: Arc<str>,
    /// Did it give a result?
    pub succeeded: bool,
}

/// One thing that happened to a task or a worker.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct StoryLine {
    /// Microseconds since 1970.
    pub time_us: u64,
    /// The task or worker.
    pub subject: Arc<str>,
    /// The state before.
    pub from: Arc<str>,
    /// The state after.
    pub to: Arc<str>,
    /// What made it so.
    pub reason: Arc<str>,
}

/// A message of a topic.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct EventRecord {
    /// Microseconds since 1970.
    pub time_us: u64,
    /// The message, in the form of who sent it.
    pub payload: Bytes,
}
