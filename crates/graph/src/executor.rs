//! What runs graphs: [`Executor`], and what one hears of a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::function::Failure;
use crate::graph::{Graph, TaskId};
use crate::key::Key;
use crate::value::{CodecError, Value};

/// Runs graphs. All that a collection knows of execution.
pub trait Executor: Send + Sync {
    /// Computes the outputs of `graph`, in the order in which it names them.
    ///
    /// # Errors
    /// The first task's error, or why the run could not go on.
    fn run(&self, graph: Arc<Graph>, control: Control) -> Result<Vec<Value>, RunError>;
}

/// How a caller follows and stops a run.
#[derive(Clone, Default)]
pub struct Control {
    /// Who hears of events.
    pub subscribers: Vec<Arc<dyn Subscriber>>,
    /// Stops the run.
    pub cancel: Cancel,
}

/// Asks a run to stop. Copies stop the same run.
#[derive(Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the run to stop: no further task starts.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Was it asked to stop?
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Hears of every event of a run, from the thread where it happens, sometimes from several
/// threads at once. Progress bars and profilers are subscribers.
pub trait Subscriber: Send + Sync {
    /// Something happened.
    ///
    /// # Errors
    /// An error ends the run.
    fn on_event(&self, graph: &Graph, event: &Event<'_>) -> Result<(), Failure>;
}

/// What happens in a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// The run begins.
    Began,
    /// A worker thread begins a task.
    Started {
        /// Which task.
        task: TaskId,
        /// On which of the run's threads, from 0.
        worker: u32,
    },
    /// A task gave its result.
    Finished {
        /// Which task.
        task: TaskId,
        /// On which of the run's threads.
        worker: u32,
        /// Its result.
        value: &'a Value,
        /// How long it took, fetching its inputs included.
        duration: Duration,
    },
    /// A task failed.
    Failed {
        /// Which task.
        task: TaskId,
        /// On which of the run's threads.
        worker: u32,
    },
    /// A result was written to disk to make room.
    Spilled {
        /// Whose result.
        task: TaskId,
        /// How many bytes.
        nbytes: usize,
    },
    /// A result was read back from disk.
    Loaded {
        /// Whose result.
        task: TaskId,
        /// How many bytes.
        nbytes: usize,
    },
    /// A result was dropped: nothing needs it any more.
    Released {
        /// Whose result.
        task: TaskId,
    },
    /// The run is over. What threads were still doing then may be told of afterwards.
    Ended {
        /// Are all outputs there?
        complete: bool,
    },
}

/// Why a run did not give its outputs.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A task failed with an error of its own.
    #[error("task '{key}' ({function}) failed: {source}")]
    Task {
        /// The task.
        key: Key,
        /// The function that it called.
        function: String,
        /// What the function raised.
        source: Failure,
    },
    /// A task panicked.
    #[error("task '{key}' ({function}) panicked: {message}")]
    Panicked {
        /// The task.
        key: Key,
        /// The function that it called.
        function: String,
        /// What it said.
        message: String,
    },
    /// The caller stopped the run.
    #[error("the run was cancelled")]
    Cancelled,
    /// A result could not be written to or read from disk.
    #[error(
        "the result of task '{key}' could not be moved {direction} disk ({path}): {source}; \
         free some space, choose another folder (memory.spill-directory) or raise memory.limit"
    )]
    Spill {
        /// Whose result.
        key: Key,
        /// "to" or "from".
        direction: &'static str,
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A result has no form as bytes.
    #[error("the result of task '{key}' could not be moved to or from disk")]
    Codec {
        /// Whose result.
        key: Key,
        /// Why.
        source: CodecError,
    },
    /// A subscriber failed.
    #[error("a subscriber to the run's events failed: {source}")]
    Subscriber {
        /// Its error.
        source: Failure,
    },
    /// Threads could not be started.
    #[error("no worker thread could be started: {source}")]
    Threads {
        /// Why.
        source: std::io::Error,
    },
}
