//! On a pool of threads: [`Threads`].

use std::sync::Arc;
use std::time::Duration;

use raskt_graph::{Control, Executor, Graph, RunError, Value};

use crate::options::Options;
use crate::pool;
use crate::run::{Help, Run};

/// Runs tasks on threads of this process.
#[derive(Clone)]
pub struct Threads {
    options: Options,
}

impl Threads {
    /// With these options.
    pub fn new(options: Options) -> Threads {
        Threads { options }
    }

    /// Begins a run on threads that are kept between runs, and returns at once.
    pub fn start(&self, graph: Arc<Graph>, control: Control) -> Running {
        self.start_on(Arc::new(pool::spawn), graph, control)
    }

    /// Begins a run on threads of the caller and returns at once: `spawn` is to run what it is
    /// given on another thread.
    pub fn start_on(&self, spawn: Spawn, graph: Arc<Graph>, control: Control) -> Running {
        let run = Arc::new(Run::new(graph, self.options.clone(), control));
        let weak = Arc::downgrade(&run);
        let recruit = move |help| {
            let Some(run) = weak.upgrade() else { return };
            let helper = run.clone();
            let job = move || match help {
                Help::Work(number) => helper.work(number),
                Help::KeepMemoryFree => helper.keep_memory_free(),
            };
            if let Err(source) = spawn(Box::new(job)) {
                run.fail_to_recruit(help, source);
            }
        };
        run.begin(Some(Arc::new(recruit)));
        Running(run)
    }
}

/// Runs a job on another thread.
pub type Spawn = Arc<dyn Fn(Box<dyn FnOnce() + Send>) -> std::io::Result<()> + Send + Sync>;

impl Default for Threads {
    /// One thread for each core.
    fn default() -> Threads {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Threads::new(Options::new(cores))
    }
}

impl Executor for Threads {
    fn run(&self, graph: Arc<Graph>, control: Control) -> Result<Vec<Value>, RunError> {
        self.start(graph, control).outputs()
    }
}

/// A run that has begun. Dropping it stops the run.
pub struct Running(Arc<Run>);

impl Running {
    /// Waits until it is over, at most so long. Is it?
    pub fn wait(&self, timeout: Duration) -> bool {
        self.0.wait(Some(timeout))
    }

    /// Stops it. Tasks that have begun end on their own; nobody waits for them.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Waits until it is over and gives the outputs.
    ///
    /// # Errors
    /// The first task's error, or why the run could not go on.
    pub fn outputs(self) -> Result<Vec<Value>, RunError> {
        self.0.wait(None);
        self.0.outputs()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.stop();
    }
}
