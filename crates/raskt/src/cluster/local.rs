//! A cluster in this process: [`LocalCluster`].

use std::sync::Arc;
use std::time::Duration;

use raskt_cluster::client::{Client as Core, ConnectOptions};
use raskt_cluster::worker::WorkerHandle;
use raskt_cluster::{
    Address, BindError, ConnectError, SchedulerHandle, SchedulerOptions, SchedulerServer,
    WorkerError, WorkerOptions, WorkerServer,
};

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
pub struct LocalCluster {
    // Workers go first, so that they need not hear that their scheduler is gone.
    workers: Vec<WorkerHandle>,
    scheduler: SchedulerHandle,
}

/// A local cluster could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The scheduler cannot listen.
    #[error(transparent)]
    Scheduler(#[from] BindError),
    /// A worker cannot join.
    #[error(transparent)]
    Worker(#[from] WorkerError),
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
    pub fn start(workers: usize, threads: u32) -> Result<LocalCluster, StartError> {
        let addresses = vec![Address::Local(unique_name())];
        LocalCluster::start_with(
            SchedulerOptions { addresses, ..SchedulerOptions::default() },
            workers,
            |_| {
                let mut options = WorkerOptions::default();
                options.config.nthreads = threads;
                options
            },
        )
    }

    /// Starts a scheduler and so many workers; `worker` says how each is to be, but not which
    /// scheduler it joins.
    ///
    /// # Errors
    /// If they cannot be started.
    pub fn start_with(
        scheduler: SchedulerOptions,
        workers: usize,
        mut worker: impl FnMut(usize) -> WorkerOptions,
    ) -> Result<LocalCluster, StartError> {
        let scheduler = SchedulerServer::start(scheduler)?;
        let mut cluster = LocalCluster { workers: Vec::with_capacity(workers), scheduler };
        for number in 0..workers {
            cluster.add_worker(worker(number))?;
        }
        Ok(cluster)
    }

    /// Starts one more worker.
    ///
    /// # Errors
    /// If it cannot join.
    pub fn add_worker(&mut self, options: WorkerOptions) -> Result<&WorkerHandle, StartError> {
        let options = WorkerOptions {
            scheduler: self.scheduler.address().clone(),
            security: self.scheduler.security().clone(),
            ..options
        };
        self.workers.push(WorkerServer::start(options, Arc::new(RustHost))?);
        Ok(&self.workers[self.workers.len() - 1])
    }

    /// A new client.
    ///
    /// # Errors
    /// If it cannot connect.
    pub fn client(&self) -> Result<Client, ConnectError> {
        Ok(Client::new(self.connect()?, None))
    }

    pub(super) fn connect(&self) -> Result<Core, ConnectError> {
        let security = self.scheduler.security().clone();
        let options = ConnectOptions { security, ..ConnectOptions::default() };
        Core::connect(self.scheduler.address(), options)
    }

    /// Its scheduler.
    pub fn scheduler(&self) -> &SchedulerHandle {
        &self.scheduler
    }

    /// Its workers.
    pub fn workers(&self) -> &[WorkerHandle] {
        &self.workers
    }
}

impl Drop for LocalCluster {
    fn drop(&mut self) {
        let reason = "the local cluster was closed";
        for worker in &self.workers {
            worker.close(reason);
        }
        for worker in &self.workers {
            worker.wait(Some(PATIENCE));
        }
        self.scheduler.close(reason);
        self.scheduler.wait(Some(PATIENCE));
    }
}

/// How long the end of a node is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A name that no other cluster of this process has.
fn unique_name() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}/{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
