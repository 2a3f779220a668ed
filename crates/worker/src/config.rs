//! What a worker is told when it starts: [`Config`].

use std::sync::Arc;

/// What a worker has, and the limits that it keeps.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its address, for reports of errors.
    pub address: Arc<str>,
    /// Its machine: peers on the same one are asked first.
    pub host: Arc<str>,
    /// How many tasks run at once.
    pub nthreads: u32,
    /// What it has of each named resource.
    pub resources: Vec<(Arc<str>, f64)>,
    /// The limit of memory in bytes; 0: none, and nothing is spilled.
    pub memory_limit: u64,
    /// From this share of the limit in results on, the least recently used are spilled.
    pub target: Option<f64>,
    /// From this share of the limit in memory of the process on, results are spilled until
    /// `target` could be reached.
    pub spill: Option<f64>,
    /// From this share of the limit in memory of the process on, no task is begun.
    pub pause: Option<f64>,
    /// The share of the limit that may be on its way here.
    pub transfer: f64,
    /// How many bytes one peer is asked for at once.
    pub message_bytes: u64,
    /// How many peers are asked at once.
    pub connections: u32,
    /// When a busy or unreachable peer is asked again, in microseconds.
    pub peer_retry_us: u64,
    /// When the scheduler is asked again who has a result, in microseconds.
    pub missing_retry_us: u64,
    /// When a full disk is tried again, in microseconds.
    pub disk_retry_us: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            address: "".into(),
            host: "".into(),
            nthreads: 1,
            resources: Vec::new(),
            memory_limit: 0,
            target: Some(0.60),
            spill: Some(0.70),
            pause: Some(0.80),
            transfer: 0.10,
            message_bytes: 50_000_000,
            connections: 50,
            peer_retry_us: 150_000,
            missing_retry_us: 1_000_000,
            disk_retry_us: 1_000_000,
        }
    }
}

impl Config {
    /// That share of the memory limit in bytes, if there is such a limit.
    pub(crate) fn share(&self, share: Option<f64>) -> Option<u64> {
        let share = share?;
        (self.memory_limit > 0).then_some((self.memory_limit as f64 * share) as u64)
    }
}
