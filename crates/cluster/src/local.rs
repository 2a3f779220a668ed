//! A whole cluster in this process: [`LocalCluster`].

use std::sync::Arc;
use std::time::Duration;

use crate::address::Address;
use crate::client::{Client, ConnectOptions};
use crate::error::ConnectError;
use crate::host::Host;
use crate::scheduler::{SchedulerHandle, SchedulerOptions, SchedulerServer, new_id};
use crate::security::Security;
use crate::worker::{WorkerError, WorkerHandle, WorkerOptions, WorkerServer};

/// How a cluster in this process is to be.
#[derive(Clone, Debug)]
pub struct LocalOptions {
    /// How many workers it has.
    pub workers: u32,
    /// How many threads each of them has.
    pub threads_per_worker: u32,
    /// How the nodes reach each other.
    pub transport: Transport,
    /// Everything else of the scheduler.
    pub scheduler: SchedulerOptions,
    /// Everything else of the workers.
    pub worker: WorkerOptions,
}

/// How nodes within one process reach each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Messages are passed as they are.
    #[default]
    Memory,
    /// Over sockets of this machine.
    Tcp,
}

impl Default for LocalOptions {
    fn default() -> LocalOptions {
        LocalOptions {
            workers: 1,
            threads_per_worker: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
            transport: Transport::default(),
            scheduler: SchedulerOptions::default(),
            worker: WorkerOptions::default(),
        }
    }
}

/// A scheduler and workers in this process. All end when this is dropped.
pub struct LocalCluster {
    // Workers go before their scheduler.
    workers: Vec<WorkerHandle>,
    scheduler: SchedulerHandle,
    options: LocalOptions,
    host: Arc<dyn Fn() -> Arc<dyn Host> + Send + Sync>,
}

impl LocalCluster {
    /// Starts a scheduler, and workers whose tasks run on what `host` gives.
    ///
    /// # Errors
    /// If one of them cannot start.
    pub fn start(
        mut options: LocalOptions,
        host: impl Fn() -> Arc<dyn Host> + Send + Sync + 'static,
    ) -> Result<LocalCluster, WorkerError> {
        options.scheduler.addresses = vec![match options.transport {
            Transport::Memory => Address::Local(new_id("cluster").to_string()),
            Transport::Tcp => Address::Tcp { host: "127.0.0.1".to_string(), port: 0 },
        }];
        let scheduler = SchedulerServer::start(options.scheduler.clone())?;
        let count = options.workers;
        let workers = Vec::new();
        let mut cluster = LocalCluster { workers, scheduler, options, host: Arc::new(host) };
        for _ in 0..count {
            cluster.add_worker()?;
        }
        Ok(cluster)
    }

    /// Adds a worker.
    ///
    /// # Errors
    /// If it cannot start.
    pub fn add_worker(&mut self) -> Result<&WorkerHandle, WorkerError> {
        let mut options = self.options.worker.clone();
        options.scheduler = self.scheduler.address().clone();
        options.security = self.scheduler.security().clone();
        options.config.nthreads = self.options.threads_per_worker;
        let place = self.workers.len();
        self.workers.push(WorkerServer::start(options, (self.host)())?);
        Ok(&self.workers[place])
    }

    /// Ends a worker, and gives its handle; None if there is none in this place.
    pub fn remove_worker(&mut self, place: usize) -> Option<WorkerHandle> {
        let worker = (place < self.workers.len()).then(|| self.workers.remove(place))?;
        worker.close("the worker is not needed any more");
        Some(worker)
    }

    /// Another client.
    ///
    /// # Errors
    /// If the scheduler has ended.
    pub fn client(&self) -> Result<Client, ConnectError> {
        let security: Security = self.scheduler.security().clone();
        let options = ConnectOptions { security, ..ConnectOptions::default() };
        Client::connect(self.scheduler.address(), options)
    }

    /// The scheduler.
    pub fn scheduler(&self) -> &SchedulerHandle {
        &self.scheduler
    }

    /// The workers.
    pub fn workers(&self) -> &[WorkerHandle] {
        &self.workers
    }

    /// Ends all and waits for that.
    pub fn close(self) {
        const PATIENCE: Option<Duration> = Some(Duration::from_secs(5));
        self.scheduler.close("the cluster was closed");
        self.scheduler.wait(PATIENCE);
        for worker in &self.workers {
            worker.wait(PATIENCE);
        }
    }
}
