//! A cluster in this process: [`LocalCluster`].

use std::sync::Arc;
use std::time::Duration;

use raskt_cluster::client::Client as Core;
use raskt_cluster::local::{LocalCluster as Nodes, LocalOptions};
use raskt_cluster::{ConnectError, SchedulerHandle, WorkerError, WorkerHandle};

use super::client::Client;
use super::host::RustHost;

/// A scheduler and workers in this process. They end when this is dropped.
///
/// ```
/// use raskt::cluster::LocalCluster;
/// use raskt::prelude::*;
/// # #[raskt::task] fn inc(x: i64) -> i64 { x + 1 }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = LocalCluster::start(2, 1)?;
/// let (one, other) = (cluster.client()?, cluster.client()?);
/// assert_eq!(one.submit(inc::lazy(1))?.result()?, 2);
/// assert_eq!(other.submit(inc::lazy(2))?.result()?, 3);
/// # Ok(())
/// # }
/// ```
pub struct LocalCluster(Nodes);

/// A local cluster could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The scheduler or a worker could not start.
    #[error(transparent)]
    Node(#[from] WorkerError),
    /// The client cannot connect.
    #[error(transparent)]
    Client(#[from] ConnectError),
}

impl LocalCluster {
    /// Starts a scheduler and so many workers of so many threads, which nobody outside of this
    /// process can reach.
    ///
    /// # Errors
    /// If they cannot be started.
    pub fn start(workers: u32, threads: u32) -> Result<LocalCluster, WorkerError> {
        let options =
            LocalOptions { workers, threads_per_worker: threads, ..LocalOptions::default() };
        LocalCluster::start_with(options)
    }

    /// Starts a scheduler and workers as these options say.
    ///
    /// # Errors
    /// If they cannot be started.
    pub fn start_with(options: LocalOptions) -> Result<LocalCluster, WorkerError> {
        Ok(LocalCluster(Nodes::start(options, || Arc::new(RustHost::default()))?))
    }

    /// Starts one more worker.
    ///
    /// # Errors
    /// If it cannot start.
    pub fn add_worker(&mut self) -> Result<&WorkerHandle, WorkerError> {
        self.0.add_worker()
    }

    /// A new client.
    ///
    /// # Errors
    /// If the scheduler has ended.
    pub fn client(&self) -> Result<Client, ConnectError> {
        Ok(Client::new(self.connect()?, None))
    }

    pub(super) fn connect(&self) -> Result<Core, ConnectError> {
        self.0.client()
    }

    /// Its scheduler.
    pub fn scheduler(&self) -> &SchedulerHandle {
        self.0.scheduler()
    }

    /// Its workers.
    pub fn workers(&self) -> &[WorkerHandle] {
        self.0.workers()
    }
}

impl Drop for LocalCluster {
    fn drop(&mut self) {
        const PATIENCE: Option<Duration> = Some(Duration::from_secs(5));
        self.scheduler().close("the cluster was closed");
        self.scheduler().wait(PATIENCE);
        for worker in self.workers() {
            worker.wait(PATIENCE);
        }
    }
}
