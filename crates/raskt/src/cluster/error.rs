//! Why a cluster does not give what it was asked for: [`FutureError`] and others.

use std::sync::Arc;

use raskt_cluster::client::{FetchError, Outcome};
use raskt_cluster::pack::PackError;
use raskt_graph::{CodecError, Key, RunError};
use raskt_wire::{Cause, TaskError};

/// A future has no result.
#[derive(Debug, thiserror::Error)]
pub enum FutureError {
    /// Its task, or one that it needs, failed.
    #[error(transparent)]
    Failed(#[from] RunError),
    /// It was cancelled.
    #[error("the task '{key}' was cancelled: {reason}")]
    Cancelled {
        /// Its key.
        key: Key,
        /// What whoever cancelled it said.
        reason: Arc<str>,
    },
    /// The connection to the scheduler is over.
    #[error("the result of '{key}' will not come: {reason}")]
    Disconnected {
        /// Its key.
        key: Key,
        /// How it ended.
        reason: Arc<str>,
    },
    /// The result is there, and cannot be brought here.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The result cannot be read here.
    #[error("the result of '{key}' cannot be read: {}", chain(.source))]
    Codec {
        /// Its key.
        key: Key,
        /// Why.
        source: CodecError,
    },
}

impl FutureError {
    /// Why a task with this outcome has no result.
    pub(super) fn of(key: &Key, outcome: &Outcome) -> Option<FutureError> {
        match outcome {
            Outcome::Finished { .. } => None,
            Outcome::Failed(error) => Some(FutureError::Failed(run_error(error))),
            Outcome::Cancelled { reason } => {
                Some(FutureError::Cancelled { key: key.clone(), reason: reason.clone() })
            }
            Outcome::Broken { reason } => {
                Some(FutureError::Disconnected { key: key.clone(), reason: reason.clone() })
            }
        }
    }

    /// The same as the error of a run that needed the result.
    pub(super) fn into_run_error(self, key: &Key, function: &str) -> RunError {
        match self {
            FutureError::Failed(error) => error,
            FutureError::Cancelled { .. } => RunError::Cancelled,
            FutureError::Codec { key, source } => RunError::Codec { key, source },
            other => RunError::Task {
                key: key.clone(),
                function: function.to_string(),
                source: other.into(),
            },
        }
    }
}

/// What a task did on a worker, or what became of the worker.
#[derive(Clone, Debug)]
pub struct TaskFailed {
    /// The address of the worker where it happened; empty if on none.
    pub worker: Arc<str>,
    /// What happened.
    pub cause: Cause,
}

impl std::fmt::Display for TaskFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.cause {
            // The error of the function itself reads as it does without a cluster.
            Cause::Raised { text, .. } => return f.write_str(text),
            Cause::KilledWorkers { ending, workers } => {
                write!(f, "{workers} workers were lost while they ran it, the last one: {ending}")
            }
            Cause::Codec { text } | Cause::NoWorker { text } | Cause::LostData { text } => {
                f.write_str(text)
            }
            Cause::Memory { needed, limit } => write!(
                f,
                "its inputs take {needed} bytes, and no worker that may run it has a memory \
                 limit above {limit}"
            ),
        }?;
        match &*self.worker {
            "" => Ok(()),
            worker => write!(f, " (on the worker {worker})"),
        }
    }
}

impl std::error::Error for TaskFailed {}

/// The codec of the message of a panic, as a worker sends it.
pub(super) const PANIC: &str = "rust-panic";

/// The error of a run in which this happened.
fn run_error(error: &TaskError) -> RunError {
    let (key, function) = (Key::text(&error.key), error.function.to_string());
    match &error.cause {
        Cause::Raised { error: Some(value), text, .. } if &*value.codec == PANIC => {
            RunError::Panicked { key, function, message: text.to_string() }
        }
        cause => {
            let failed = TaskFailed { worker: error.worker.clone(), cause: cause.clone() };
            RunError::Task { key, function, source: failed.into() }
        }
    }
}

/// Tasks could not be given to a cluster.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// A task has no form as bytes.
    #[error(
        "the task '{}', which calls {}, cannot be sent: {}; its function must have the attribute \
         #[raskt::task]",
        .0.key, .0.function, chain(&.0.source)
    )]
    Pack(#[from] Box<PackError>),
    /// A future of another client is among the arguments.
    #[error(
        "'{0}' is a future of another client; get its result there and pass that, or submit \
         both with one client"
    )]
    OtherClient(Arc<str>),
}

/// An error and what caused it, in one line.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        // Some errors say already what their cause says.
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    text
}
