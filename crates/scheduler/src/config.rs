//! What can be set: [`Config`].

use std::sync::Arc;

/// Options of a scheduler. The defaults are those that users of Dask know.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where the scheduler listens; only told to whoever asks.
    pub address: Arc<str>,
    /// Where its web pages are; only told to whoever asks.
    pub dashboard: Arc<str>,
    /// How many root tasks a worker is given for each of its threads; infinite: all at once.
    pub saturation: f64,
    /// Short root tasks are given ahead until a thread has work for so long: about two round
    /// trips, in microseconds.
    pub ahead_us: u64,
    /// But not more than so many for each thread.
    pub ahead_tasks: u32,
    /// How long a task of unknown kind is taken to run.
    pub unknown_duration_us: u64,
    /// How long tasks of some kinds are taken to run until one did.
    pub durations: Vec<(Arc<str>, u64)>,
    /// Bytes a second between workers until they report some.
    pub bandwidth: u64,
    /// What a transfer costs besides its bytes, in microseconds.
    pub latency_us: u64,
    /// Is work moved from busy workers to idle ones?
    pub stealing: bool,
    /// How often at most, in microseconds; less often while there is nothing that can be moved.
    pub stealing_interval_us: u64,
    /// Does the memory manager run from the start?
    pub memory_manager: bool,
    /// How often, in microseconds.
    pub memory_manager_interval_us: u64,
    /// How many workers may die while they run a task, before it is blamed.
    pub allowed_failures: u32,
    /// How long tasks may wait for a worker that can run them; None: for ever.
    pub no_workers_timeout_us: Option<u64>,
    /// A worker that says nothing for so long is given up; None: never.
    pub worker_ttl_us: Option<u64>,
    /// The scheduler ends when there was nothing to do for so long; None: never.
    pub idle_timeout_us: Option<u64>,
    /// A lease of a semaphore that is not refreshed for so long is taken back.
    pub lease_timeout_us: u64,
    /// How many changes of state are remembered.
    pub story_lines: usize,
    /// How many finished tasks are remembered, and names of such that are gone.
    pub spans: usize,
    /// How many messages of each topic are remembered.
    pub events: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            address: "".into(),
            dashboard: "".into(),
            saturation: 1.1,
            ahead_us: 4_000,
            ahead_tasks: 256,
            unknown_duration_us: 500_000,
            durations: Vec::new(),
            bandwidth: 100_000_000,
            latency_us: 1_000,
            stealing: true,
            stealing_interval_us: 3_000,
            memory_manager: true,
            memory_manager_interval_us: 2_000_000,
            allowed_failures: 3,
            no_workers_timeout_us: None,
            worker_ttl_us: Some(300_000_000),
            idle_timeout_us: None,
            lease_timeout_us: 30_000_000,
            story_lines: 20_000,
            spans: 10_000,
            events: 1_000,
        }
    }
}
