//! A worker that has joined a scheduler: [`WorkerServer`] starts it, [`WorkerHandle`] is what
//! its process keeps of it, and [`WorkerLink`] what its tasks and its host see of it.
//!
//! `shell.rs` is the loop: messages, connections, clocks. `link.rs` is what its threads share:
//! whatever happens to the worker, on whichever thread, goes through `WorkerLink::step`.
//! `runners.rs` has the threads that run tasks, `store.rs` the values, `disk.rs` the thread that
//! moves them, `serve.rs` answers those who want data.

mod disk;
mod link;
mod process;
mod runners;
mod serve;
mod shell;
mod store;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use raskt_wire::{Hello, Welcome, WorkerHello, WorkerId};
use raskt_worker::Config;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::address::{Address, DEFAULT_PORT};
use crate::error::{BindError, ConnectError};
use crate::host::Host;
use crate::net::{Link, Listener, connect};
use crate::scheduler::{End, EndGuard, spawn};
use crate::security::Security;

pub use link::WorkerLink;
pub(crate) use process::page_bytes;
use shell::{Shell, Told};

/// How a worker is to be.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// The scheduler that it joins.
    pub scheduler: Address,
    /// Whom it speaks with.
    pub security: Security,
    /// Where it listens for those who want data. None: like the scheduler, at the address of
    /// this machine from which it reaches the scheduler, and any port.
    pub listen: Option<Address>,
    /// Where others reach it, if that is elsewhere.
    pub contact: Option<Address>,
    /// What it is called; empty: its address.
    pub name: Arc<str>,
    /// Threads, resources, memory and its limits. Address and host are found out.
    pub config: Config,
    /// Who keeps it: see [`crate::nanny`]. Empty: nobody.
    pub nanny: Arc<str>,
    /// The folder for results on disk.
    pub local_directory: PathBuf,
    /// Where its web pages are; empty: nowhere.
    pub dashboard: Arc<str>,
    /// Versions of what it runs with.
    pub versions: Vec<(Arc<str>, Arc<str>)>,
    /// It ends if it does not reach a scheduler for so long; None: it tries for ever.
    pub death_timeout: Option<Duration>,
    /// After so long it moves its results to others and ends.
    pub lifetime: Option<Duration>,
    /// Is it to be started again when its lifetime is over?
    pub lifetime_restart: bool,
    /// So many ask it for data at once at most; others are told to come again.
    pub serving: usize,
    /// How long another worker may take to be reached.
    pub connect_timeout: Duration,
    /// How often the memory of the process is looked at.
    pub memory_interval: Duration,
}

impl Default for WorkerOptions {
    fn default() -> WorkerOptions {
        WorkerOptions {
            scheduler: Address::Tcp { host: "127.0.0.1".to_string(), port: DEFAULT_PORT },
            security: Security::default(),
            listen: None,
            contact: None,
            name: "".into(),
            config: Config::default(),
            nanny: "".into(),
            local_directory: std::env::temp_dir(),
            dashboard: "".into(),
            versions: Vec::new(),
            death_timeout: None,
            lifetime: None,
            lifetime_restart: false,
            serving: 50,
            connect_timeout: Duration::from_secs(30),
            memory_interval: Duration::from_millis(100),
        }
    }
}

/// Why a worker could not start.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// It cannot listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// It cannot reach the scheduler.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The program that is to run its tasks cannot.
    #[error("the program that runs tasks could not start: {0}")]
    Host(String),
}

/// Starts workers.
pub struct WorkerServer;

/// A worker that runs in this process. It is closed when this is dropped.
pub struct WorkerHandle {
    link: Arc<WorkerLink>,
    told: UnboundedSender<Told>,
    end: Arc<End>,
}

/// How a worker ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerEnd {
    /// Why.
    pub reason: Arc<str>,
    /// Is it to be started again?
    pub restart: bool,
}

impl WorkerServer {
    /// Starts a worker on a thread of its own, with more threads for tasks, and returns when it
    /// has joined its scheduler.
    ///
    /// # Errors
    /// If it cannot listen, or cannot join.
    ///
    /// # Panics
    /// If the system has no threads left.
    pub fn start(options: WorkerOptions, host: Arc<dyn Host>) -> Result<WorkerHandle, WorkerError> {
        let (started, joined) = std::sync::mpsc::channel();
        let (told, orders) = unbounded_channel();
        let end = Arc::new(End::default());
        let (sender, ended) = (told.clone(), end.clone());
        spawn("raskt-worker", move || {
            let _guard = EndGuard(ended.clone());
            crate::runtime::block_on(async move {
                let (shell, link) = match join(options, host, sender).await {
                    Ok(joined) => joined,
                    Err(error) => return drop(started.send(Err(error))),
                };
                drop(started.send(Ok(link)));
                ended.set(shell.run(orders).await);
            });
        });
        let link = joined.recv().expect("the thread says how it started")?;
        let joined = link.host.joined(&link).map_err(WorkerError::Host);
        let handle = WorkerHandle { link, told, end };
        joined?;
        handle.link.open();
        Ok(handle)
    }
}

/// Listens, and joins the scheduler.
async fn join(
    options: WorkerOptions,
    host: Arc<dyn Host>,
    told: UnboundedSender<Told>,
) -> Result<(Shell, Arc<WorkerLink>), WorkerError> {
    let listen = options.listen.clone().unwrap_or_else(|| default_address(&options.scheduler));
    let listener = Listener::bind(&listen, &options.security).await?;
    let address = options.contact.clone().unwrap_or_else(|| listener.address().clone());
    let mut config = options.config.clone();
    config.address = address.to_string().into();
    config.host = address.host().unwrap_or("inproc").into();
    let name = if options.name.is_empty() { &config.address } else { &options.name };
    let hello = WorkerHello {
        address: config.address.clone(),
        name: name.clone(),
        host: config.host.clone(),
        nthreads: config.nthreads,
        memory_limit: config.memory_limit,
        resources: config.resources.clone(),
        nanny: options.nanny.clone(),
        pid: std::process::id(),
        local_directory: options.local_directory.display().to_string().into(),
        dashboard: options.dashboard.clone(),
        versions: options.versions.clone(),
    };
    const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 86_400);
    let patience = options.death_timeout.unwrap_or(FOR_EVER);
    let call = Hello::Worker(Box::new(hello.clone()));
    let (link, welcome) = connect(&options.scheduler, &options.security, call, patience).await?;
    let Welcome::Worker { id, heartbeat_us, .. } = welcome else {
        let reason = "it is not a scheduler".to_string();
        let address = options.scheduler.clone();
        return Err(ConnectError::Refused { address, reason }.into());
    };
    let Link { incoming, outbox, .. } = link;
    let shared = WorkerLink::new(&options, config, (id, hello), host, (outbox, told));
    let shell = Shell::new(options, shared.clone(), incoming, listener, heartbeat_us);
    Ok((shell, shared))
}

/// Where a worker of this scheduler listens if nobody says: within this machine, as the
/// scheduler does, or at the address that leads to other machines.
fn default_address(scheduler: &Address) -> Address {
    match scheduler {
        Address::Local(name) => {
            Address::Local(format!("{name}/{}", crate::scheduler::new_id("worker")))
        }
        scheduler if scheduler.is_loopback() => scheduler.at("127.0.0.1", 0),
        scheduler => scheduler.at(&host_towards(scheduler), 0),
    }
}

/// The address of this machine from which it reaches another one.
fn host_towards(target: &Address) -> String {
    let towards = || -> std::io::Result<String> {
        let any =
            if target.host().is_some_and(|host| host.contains(':')) { "::" } else { "0.0.0.0" };
        let socket = std::net::UdpSocket::bind((any, 0))?;
        // Nothing is sent: the system only chooses where it would leave from.
        socket.connect((target.host().unwrap_or_default(), target.port().unwrap_or_default()))?;
        Ok(socket.local_addr()?.ip().to_string())
    };
    towards().unwrap_or_else(|_| "0.0.0.0".to_string())
}

impl WorkerHandle {
    /// Where others reach it.
    pub fn address(&self) -> &Arc<str> {
        self.link.address()
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        self.link.name()
    }

    /// Its number.
    pub fn id(&self) -> WorkerId {
        self.link.id()
    }

    /// What tasks see of it.
    pub fn link(&self) -> &Arc<WorkerLink> {
        &self.link
    }

    /// Ends it. Returns at once.
    pub fn close(&self, reason: &str) {
        self.link.close(reason);
    }

    /// Moves its results to others, then ends it. Returns at once.
    pub fn retire(&self, reason: &str) {
        // If it has ended already, so be it.
        let _ = self.told.send(Told::Retire(reason.into(), false));
    }

    /// Waits until it has ended; None if that took too long.
    pub fn wait(&self, timeout: Option<Duration>) -> Option<WorkerEnd> {
        let reason = self.end.wait(timeout)?;
        Some(WorkerEnd { reason, restart: self.link.is_to_restart() })
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        self.close("the program that started the worker has ended it");
    }
}
