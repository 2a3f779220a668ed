//! Computing lazy values: [`compute()`] and [`Compute`].

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use raskt_exec::{Memory, Options, Threads};
use raskt_graph::{Cancel, Control, Executor, RunError, Subscriber, lower};

use crate::collection::{Collection, Results};
use crate::progress::Progress;

/// Computes lazy values on all cores: one, several, or a tuple of them. What they share is
/// computed once.
///
/// ```
/// use raskt::prelude::*;
/// # #[raskt::task] fn square(x: f64) -> f64 { x * x }
/// # #[raskt::task] fn name(x: i64) -> String { x.to_string() }
/// # fn main() -> Result<(), raskt::Error> {
/// let squares: Vec<_> = [1.0, 2.0, 3.0].map(square::lazy).into();
/// let (squares, name) = compute((squares, name::lazy(7)))?;
/// assert_eq!((squares, name.as_str()), (vec![1.0, 4.0, 9.0], "7"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The first task's error.
pub fn compute<C: Collection>(collection: C) -> Result<C::Output, RunError> {
    Compute::default().run(collection)
}

/// How to compute: on what, with how much memory, and who watches.
///
/// ```
/// use raskt::prelude::*;
/// # #[raskt::task] fn inc(x: i64) -> i64 { x + 1 }
/// # fn main() -> Result<(), raskt::Error> {
/// let two = Compute::on(Synchronous::default()).run(inc::lazy(1))?;
/// let three = Compute::threads(2).memory_limit(1 << 30).run(inc::lazy(two))?;
/// assert_eq!(three, 3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Compute {
    on: On,
    control: Control,
}

#[derive(Clone)]
enum On {
    Threads(Options),
    Other(Arc<dyn Executor>),
}

impl Default for On {
    fn default() -> On {
        On::Threads(Options::new(std::thread::available_parallelism().map_or(1, usize::from)))
    }
}

impl Compute {
    /// On so many threads.
    pub fn threads(threads: usize) -> Compute {
        Compute { on: On::Threads(Options::new(threads)), control: Control::default() }
    }

    /// On an executor.
    pub fn on(executor: impl Executor + 'static) -> Compute {
        Compute { on: On::Other(Arc::new(executor)), control: Control::default() }
    }

    /// With at most so many bytes of intermediate results in memory; others go to files in the
    /// system's folder for temporary files.
    ///
    /// # Panics
    /// After [`Compute::on`]: an executor has a limit of its own.
    #[must_use]
    #[track_caller]
    pub fn memory_limit(self, bytes: usize) -> Compute {
        self.memory_limit_in(bytes, std::env::temp_dir())
    }

    /// The same with files in this folder.
    ///
    /// # Panics
    /// After [`Compute::on`]: an executor has a limit of its own.
    #[must_use]
    #[track_caller]
    pub fn memory_limit_in(mut self, bytes: usize, folder: impl Into<PathBuf>) -> Compute {
        match &mut self.on {
            On::Threads(options) => options.memory = Arc::new(Memory::new(Some(bytes), folder)),
            On::Other(_) => panic!("give the memory limit to the executor, in its options"),
        }
        self
    }

    /// With a progress bar on the terminal.
    #[must_use]
    pub fn progress(self) -> Compute {
        self.subscribe(Arc::new(Progress::default()))
    }

    /// With somebody who hears of every event.
    #[must_use]
    pub fn subscribe(mut self, subscriber: Arc<dyn Subscriber>) -> Compute {
        self.control.subscribers.push(subscriber);
        self
    }

    /// What stops the computation, for good.
    pub fn canceller(&self) -> Cancel {
        self.control.cancel.clone()
    }

    /// Computes lazy values: one, several, or a tuple of them.
    ///
    /// # Errors
    /// The first task's error, or why the computation could not go on.
    pub fn run<C: Collection>(&self, collection: C) -> Result<C::Output, RunError> {
        collection.read(&mut self.results(&collection)?)
    }

    /// Computes lazy values together and gives others in their places, with the same keys, that
    /// hold the results: what is made of them starts from there.
    ///
    /// ```
    /// # use raskt::prelude::*;
    /// # #[raskt::task] fn inc(x: i64) -> i64 { x + 1 }
    /// # fn main() -> Result<(), raskt::Error> {
    /// let held = Compute::default().persist(vec![inc::lazy(1), inc::lazy(2)])?;
    /// assert_eq!(compute(&held)?, [2, 3]); // nothing is called
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The first task's error, or why the computation could not go on.
    pub fn persist<C: Collection>(&self, collection: C) -> Result<C::Held, RunError> {
        collection.hold(&mut self.results(&collection)?)
    }

    fn results(&self, collection: &impl Collection) -> Result<Results, RunError> {
        let mut nodes = Vec::new();
        collection.nodes(&mut nodes);
        let (graph, control) = (Arc::new(lower(&nodes)), self.control.clone());
        let values = match &self.on {
            On::Other(executor) => executor.run(graph, control)?,
            On::Threads(options) => Threads::new(options.clone()).run(graph, control)?,
        };
        Ok(Results::new(values))
    }
}

/// The task's own error, if it is an `E`.
pub fn task_error<E: Error + 'static>(error: &RunError) -> Option<&E> {
    match error {
        RunError::Task { source, .. } => source.downcast_ref(),
        _ => None,
    }
}
