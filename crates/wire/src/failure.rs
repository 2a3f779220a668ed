//! What went wrong with a task or a request, as it travels: [`TaskError`], [`RequestError`].

use std::sync::Arc;

use bytes::Bytes;
use raskt_macros::Wire;

use crate::value::WireValue;

/// Why a task has no result. Every reader learns which task, on which worker, and the cause.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TaskError {
    /// The task that failed first; others fail because they need it.
    pub key: Arc<str>,
    /// What it called.
    pub function: Arc<str>,
    /// The address of the worker where it happened; empty if on none.
    pub worker: Arc<str>,
    /// What happened.
    pub cause: Cause,
}

/// What happened to a task.
#[derive(Clone, Debug, PartialEq, Wire)]
pub enum Cause {
    /// Its function raised or returned an error.
    Raised {
        /// The error as the language of the function has it, with its traceback.
        error: Option<WireValue>,
        /// The error as text.
        text: Arc<str>,
        /// The traceback as text; empty if there is none.
        traceback: Arc<str>,
    },
    /// Workers that ran it were lost, more often than is allowed.
    KilledWorkers {
        /// How the last one ended, as far as is known: a signal, an exit code, memory.
        ending: Arc<str>,
        /// How many were lost.
        workers: u32,
    },
    /// Its result, its function or its arguments could not be turned into bytes or back.
    Codec {
        /// Which of them, and why.
        text: Arc<str>,
    },
    /// No worker could ever run it.
    NoWorker {
        /// What it asks for that no worker has.
        text: Arc<str>,
    },
    /// Its inputs together are larger than the memory of any worker that may run it.
    Memory {
        /// The bytes of its inputs.
        needed: u64,
        /// The largest memory limit among the workers.
        limit: u64,
    },
    /// Data that was scattered, or an actor, was lost with the workers that held it.
    LostData {
        /// What was lost and why it cannot be made again.
        text: Arc<str>,
    },
}

/// Why a request was not answered as asked.
#[derive(Clone, Debug, PartialEq, Wire, thiserror::Error)]
pub enum RequestError {
    /// What was named is not there.
    #[error("{0}")]
    NotFound(String),
    /// It is there already.
    #[error("{0}")]
    Exists(String),
    /// It was not there in time.
    #[error("{0}")]
    Timeout(String),
    /// It is not allowed here.
    #[error("{0}")]
    Refused(String),
    /// The request contradicts itself.
    #[error("{0}")]
    Invalid(String),
    /// The other side failed while it answered: its error in its own form, and as text.
    #[error("{1}")]
    Failed(Bytes, String),
    /// Whoever should answer has gone.
    #[error("{0}")]
    Gone(String),
}
