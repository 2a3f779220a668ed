//! Everything on the calling thread: [`Synchronous`].

use std::sync::Arc;

use raskt_graph::{Control, Executor, Graph, RunError, Value};

use crate::options::Options;
use crate::run::Run;

/// Runs tasks one after the other on the calling thread, always in the same order. Debuggers
/// work in it.
#[derive(Clone)]
pub struct Synchronous {
    options: Options,
}

impl Synchronous {
    /// With these options, of which the number of threads is ignored.
    pub fn new(options: Options) -> Synchronous {
        Synchronous { options: Options { workers: 1, ..options } }
    }
}

impl Default for Synchronous {
    fn default() -> Synchronous {
        Synchronous::new(Options::new(1))
    }
}

impl Executor for Synchronous {
    fn run(&self, graph: Arc<Graph>, control: Control) -> Result<Vec<Value>, RunError> {
        let run = Run::new(graph, self.options.clone(), control);
        run.begin(None);
        run.work(0);
        run.outputs()
    }
}
