//! How a graph is to be run: [`Options`].

use std::sync::Arc;

use raskt_graph::{Call, Failure, Node, Value};

use crate::memory::Memory;

/// How a graph is to be run.
#[derive(Clone)]
pub struct Options {
    /// How many threads take part.
    pub workers: usize,
    /// The budget for intermediate results.
    pub memory: Arc<Memory>,
    /// What surrounds functions that need it.
    pub scope: Option<Arc<dyn Scope>>,
    /// Who calls the functions; without one, the thread does so itself.
    pub runner: Option<Arc<dyn Runner>>,
}

impl Options {
    /// `workers` threads, no memory limit, no scope, no runner.
    pub fn new(workers: usize) -> Options {
        let memory = Arc::new(Memory::unlimited());
        Options { workers: workers.max(1), memory, scope: None, runner: None }
    }
}

/// Something that a thread must be inside of to call some functions, and that costs time to
/// enter: an interpreter. It is entered once for as many calls in a row as there are.
pub trait Scope: Send + Sync {
    /// Calls `body` inside.
    fn enter(&self, body: &mut dyn FnMut());
}

/// Calls the functions of tasks somewhere else: in another process, say.
pub trait Runner: Send + Sync {
    /// Calls the function of a task for the thread with this number.
    ///
    /// # Errors
    /// What the function raises, or why it could not be called.
    fn run(&self, worker: u32, node: &Node, call: Call<'_>) -> Result<Value, Failure>;
}
