//! Between scheduler and worker: [`ToWorker`], [`FromWorker`]; between workers: [`Peer`].

use std::sync::Arc;

use bytes::Bytes;
use raskt_macros::Wire;

use crate::call::{Answer, Question};
use crate::failure::{RequestError, TaskError};
use crate::id::{BlobId, RequestId, TaskUid, WorkerId};
use crate::task::{Input, Order};
use crate::value::{Blob, WireValue};

/// What a worker says of itself when it joins.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct WorkerHello {
    /// Where others reach it: `tcp://host:port`.
    pub address: Arc<str>,
    /// Its name; empty: its address.
    pub name: Arc<str>,
    /// The machine that it runs on; transfers within one cost less.
    pub host: Arc<str>,
    /// How many tasks it runs at once.
    pub nthreads: u32,
    /// The limit of its memory in bytes; 0: none.
    pub memory_limit: u64,
    /// What it has of each named resource.
    pub resources: Vec<(Arc<str>, f64)>,
    /// The address of its nanny; empty: it has none.
    pub nanny: Arc<str>,
    /// Its process.
    pub pid: u32,
    /// Its folder.
    pub local_directory: Arc<str>,
    /// Where its web pages are; empty: nowhere.
    pub dashboard: Arc<str>,
    /// Versions of what it runs with, as text, for comparison.
    pub versions: Vec<(Arc<str>, Arc<str>)>,
}

/// From the scheduler to a worker.
#[derive(Clone, Debug, PartialEq, Wire)]
pub enum ToWorker {
    /// Run these, when their inputs are there.
    Compute {
        /// The tasks.
        orders: Vec<Order>,
        /// What they share and the worker has not got yet.
        blobs: Vec<Blob>,
    },
    /// Forget these: stop waiting for them, and drop their results.
    Free(Vec<TaskUid>),
    /// Drop these copies, unless a task here still needs them.
    DropReplicas(Vec<TaskUid>),
    /// Fetch copies of these when there is time.
    Acquire(Vec<Input>),
    /// Where these are now.
    Holders(Vec<Input>),
    /// Give this back, if it has not begun.
    Retract {
        /// Which task.
        uid: TaskUid,
        /// Which try.
        attempt: u32,
    },
    /// Another worker, before its number is used.
    Peer {
        /// Its number.
        id: WorkerId,
        /// Where it is.
        address: Arc<str>,
        /// On which machine.
        host: Arc<str>,
    },
    /// Another worker is gone.
    PeerLeft(WorkerId),
    /// No task needs these shared bytes any more.
    ForgetBlobs(Vec<BlobId>),
    /// Take new tasks, or take none any more but serve data until closed.
    Retiring(bool),
    /// A question for the program that hosts the worker.
    Ask {
        /// To be named in the answer.
        id: RequestId,
        /// What is asked; only the host reads it.
        op: Arc<str>,
        /// With what.
        payload: Bytes,
    },
    /// The answer to a question of the worker's.
    Reply(RequestId, Result<Answer, RequestError>),
    /// End.
    Close {
        /// Why.
        reason: Arc<str>,
        /// Will a nanny start it again?
        restart: bool,
    },
}

/// From a worker to the scheduler.
#[derive(Clone, Debug, PartialEq, Wire)]
pub enum FromWorker {
    /// Results that are there now.
    Finished(Vec<Finished>),
    /// A task failed.
    Failed {
        /// Which task.
        uid: TaskUid,
        /// Which try.
        attempt: u32,
        /// How.
        error: Box<TaskError>,
        /// When it ran.
        span: Span,
    },
    /// A task asks to be run again, elsewhere if need be.
    Reschedule {
        /// Which task.
        uid: TaskUid,
        /// Which try.
        attempt: u32,
    },
    /// A task left its thread to others and goes on beside them.
    LongRunning {
        /// Which task.
        uid: TaskUid,
        /// Which try.
        attempt: u32,
        /// How long it ran until then, in microseconds.
        compute_us: u64,
    },
    /// Copies of these are here now.
    Holds(Vec<TaskUid>),
    /// A copy that was to be dropped is kept, since a task here needs it.
    Keeps(Vec<TaskUid>),
    /// These were asked of a holder, and it had them not, or could not be reached.
    Missing {
        /// Which.
        uids: Vec<TaskUid>,
        /// Whom this worker asked.
        holder: WorkerId,
    },
    /// The answer to [`ToWorker::Retract`].
    Retracted {
        /// Which task.
        uid: TaskUid,
        /// Which try.
        attempt: u32,
        /// Was it given back?
        given: bool,
    },
    /// How it is.
    Heartbeat(Box<Metrics>),
    /// It takes tasks again, or takes none for lack of memory.
    Paused(bool),
    /// The answer to [`ToWorker::Ask`].
    Answered(RequestId, Result<Bytes, RequestError>),
    /// A question for the scheduler.
    Request(RequestId, Box<Question>),
    /// It goes, in good order.
    Leaving {
        /// Why.
        reason: Arc<str>,
    },
}

/// A result that is there now.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Finished {
    /// Whose.
    pub uid: TaskUid,
    /// Of which try.
    pub attempt: u32,
    /// Its size in memory.
    pub nbytes: u64,
    /// The name of its type.
    pub type_name: Arc<str>,
    /// When it was computed.
    pub span: Span,
    /// The result itself, if it is small and a client waits for it.
    pub inline: Option<WireValue>,
}

/// When a task ran, by the worker's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Wire)]
pub struct Span {
    /// Microseconds since 1970.
    pub start_us: u64,
    /// How long the function ran, in microseconds.
    pub compute_us: u64,
    /// How long its inputs were on the way, in microseconds.
    pub transfer_us: u64,
    /// On which of the worker's threads.
    pub thread: u32,
}

/// How a worker is.
#[derive(Clone, Debug, Default, PartialEq, Wire)]
pub struct Metrics {
    /// Microseconds since 1970, by its clock.
    pub time_us: u64,
    /// Memory of the process, in bytes.
    pub process_bytes: u64,
    /// Results on disk: what they take there.
    pub spilled_bytes: u64,
    /// Results in memory.
    pub managed_bytes: u64,
    /// Share of a core in use, in percent.
    pub cpu_percent: f64,
    /// Open files.
    pub fds: u32,
    /// Tasks that run.
    pub executing: u32,
    /// Tasks that wait for a thread.
    pub ready: u32,
    /// Tasks that wait for inputs.
    pub waiting: u32,
    /// Results that are being fetched.
    pub in_flight: u32,
    /// Bytes received from other workers, in all.
    pub received_bytes: u64,
    /// Bytes sent to others, in all.
    pub sent_bytes: u64,
    /// Bytes a second in recent transfers; 0: none yet.
    pub bandwidth: u64,
    /// Tasks that run, and for how long, in microseconds.
    pub running: Vec<(TaskUid, u64)>,
}

/// Between workers, and from a client to a worker: data.
#[derive(Clone, Debug, PartialEq, Wire)]
pub enum Peer {
    /// Send these results.
    Get {
        /// To be named in the answer.
        id: RequestId,
        /// Which.
        uids: Vec<TaskUid>,
    },
    /// The answer to [`Peer::Get`]: those that were asked for, in order.
    Data {
        /// Whose answer it is.
        id: RequestId,
        /// Each result, or why it is not sent.
        items: Vec<(TaskUid, Sent)>,
    },
    /// Keep these results.
    Put {
        /// To be named in the answer.
        id: RequestId,
        /// Task, key, size in memory, and the result.
        items: Vec<Put>,
    },
    /// The answer to [`Peer::Put`]: all are there.
    Kept(RequestId),
}

/// One answer to a request for data.
#[derive(Clone, Debug, PartialEq, Wire)]
pub enum Sent {
    /// Here it is, and its size in memory.
    Value(WireValue, u64),
    /// It is not here.
    Missing,
    /// Too many transfers at once; ask again, or another.
    Busy,
    /// It cannot be turned into bytes.
    Failed(Arc<str>),
}

/// Data that is brought to a worker.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Put {
    /// The task it is the result of.
    pub uid: TaskUid,
    /// Its name.
    pub key: Arc<str>,
    /// Its size in memory.
    pub nbytes: u64,
    /// The data.
    pub value: WireValue,
}
