//! A scheduler that listens: [`SchedulerServer`] starts it, [`SchedulerHandle`] is what its
//! process keeps of it.
//!
//! It has a thread of its own with one loop, in `scheduler/shell.rs`.

mod nannies;
mod shell;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use raskt_scheduler::{Config, View};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::address::{Address, DEFAULT_PORT};
use crate::error::BindError;
use crate::net::Listener;
use crate::net::secret::{Secret, random};
use crate::scheduler_file::SchedulerFile;
use crate::security::Security;

use shell::{Heard, Shell};

/// How a scheduler is to be.
#[derive(Clone, Debug)]
pub struct SchedulerOptions {
    /// Where it listens; the first is what others are told.
    pub addresses: Vec<Address>,
    /// Whom it speaks with.
    pub security: Security,
    /// A file to be written for those who want to find it. If it listens to other machines
    /// without certificates and there is no secret, one is made and written there.
    pub scheduler_file: Option<PathBuf>,
    /// How often workers say how they are.
    pub heartbeat: Duration,
    /// How it decides.
    pub config: Config,
}

impl Default for SchedulerOptions {
    fn default() -> SchedulerOptions {
        SchedulerOptions {
            addresses: vec![Address::Tcp { host: "127.0.0.1".to_string(), port: DEFAULT_PORT }],
            security: Security::default(),
            scheduler_file: None,
            heartbeat: Duration::from_millis(500),
            config: Config::default(),
        }
    }
}

/// Starts schedulers.
pub struct SchedulerServer;

/// A scheduler that runs in this process. It is closed when this is dropped.
pub struct SchedulerHandle {
    addresses: Vec<Address>,
    id: Arc<str>,
    security: Security,
    heard: UnboundedSender<Heard>,
    end: Arc<End>,
}

/// Why a node has ended, once it has.
#[derive(Default)]
pub(crate) struct End {
    reason: Mutex<Option<Arc<str>>>,
    changed: Condvar,
}

impl SchedulerServer {
    /// Starts one on a thread of its own.
    ///
    /// # Errors
    /// If it cannot listen.
    ///
    /// # Panics
    /// If the system has no threads left.
    pub fn start(options: SchedulerOptions) -> Result<SchedulerHandle, BindError> {
        let mut security = options.security.clone();
        let open =
            |address: &Address| matches!(address, Address::Tcp { .. }) && !address.is_loopback();
        if options.scheduler_file.is_some()
            && security.secret.is_none()
            && options.addresses.iter().any(open)
        {
            security.secret = Some(Secret::random());
        }
        let id = new_id("Scheduler");
        let (heard, events) = unbounded_channel();
        let end = Arc::new(End::default());
        let (started, bound) = std::sync::mpsc::channel();
        let (name, sender, ended) = (id.clone(), heard.clone(), end.clone());
        let (secured, path) = (security.clone(), options.scheduler_file.clone());
        spawn("raskt-scheduler", move || {
            let _guard = EndGuard(ended.clone());
            crate::runtime::block_on(async move {
                let listeners = match bind(&options.addresses, &secured).await {
                    Ok(listeners) => listeners,
                    Err(error) => return drop(started.send(Err(error))),
                };
                let addresses: Vec<Address> =
                    listeners.iter().map(|l| l.address().clone()).collect();
                let shell = Shell::new(&options, name.clone(), sender, listeners);
                drop(started.send(Ok(addresses)));
                let reason = shell.run(events).await;
                if let Some(path) = &options.scheduler_file {
                    SchedulerFile::remove(path, &name);
                }
                ended.set(reason);
            });
        });
        let addresses: Vec<Address> = bound.recv().expect("the thread says how it started")?;
        let handle = SchedulerHandle { addresses, id, security, heard, end };
        if let Some(path) = &path {
            handle.file().write(path)?;
        }
        Ok(handle)
    }
}

async fn bind(addresses: &[Address], security: &Security) -> Result<Vec<Listener>, BindError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        listeners.push(Listener::bind(address, security).await?);
    }
    Ok(listeners)
}

impl SchedulerHandle {
    /// Where others reach it.
    ///
    /// # Panics
    /// If it was started without any address.
    pub fn address(&self) -> &Address {
        self.addresses.first().expect("a scheduler listens somewhere")
    }

    /// All addresses at which others reach it.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Unlike that of any other scheduler.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// What those who connect need.
    pub fn security(&self) -> &Security {
        &self.security
    }

    /// What its scheduler file says.
    pub fn file(&self) -> SchedulerFile {
        SchedulerFile {
            address: self.address().to_string(),
            id: self.id.to_string(),
            secret: self.security.secret.as_ref().map(Secret::to_hex),
        }
    }

    /// Looks at its state, on its thread; `look` must be quick. None if it has ended.
    pub fn inspect<T: Send + 'static>(
        &self,
        look: impl FnOnce(&View<'_>) -> T + Send + 'static,
    ) -> Option<T> {
        let (send, answer) = std::sync::mpsc::channel();
        let look = Box::new(move |view: &View<'_>| drop(send.send(look(view))));
        self.heard.send(Heard::Inspect(look)).ok()?;
        answer.recv().ok()
    }

    /// Ends it, and tells all why. Returns at once.
    pub fn close(&self, reason: &str) {
        // If it has ended already, so be it.
        let _ = self.heard.send(Heard::Close(reason.into()));
    }

    /// Waits until it has ended, and says why; None if that took too long.
    pub fn wait(&self, timeout: Option<Duration>) -> Option<Arc<str>> {
        self.end.wait(timeout)
    }
}

impl Drop for SchedulerHandle {
    fn drop(&mut self) {
        self.close("the program that started the scheduler has ended it");
    }
}

impl End {
    /// The first reason is the reason.
    pub(crate) fn set(&self, reason: Arc<str>) {
        self.reason.lock().get_or_insert(reason);
        self.changed.notify_all();
    }

    pub(crate) fn wait(&self, timeout: Option<Duration>) -> Option<Arc<str>> {
        let mut reason = self.reason.lock();
        let unset = |reason: &mut Option<Arc<str>>| reason.is_none();
        match timeout {
            None => self.changed.wait_while(&mut reason, unset),
            Some(time) => drop(self.changed.wait_while_for(&mut reason, unset, time)),
        }
        reason.clone()
    }
}

/// Sees to it that a thread that ends has said why.
pub(crate) struct EndGuard(pub(crate) Arc<End>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.0.set("its thread ended without a reason".into());
    }
}

/// A name that nothing else has.
pub(crate) fn new_id(kind: &str) -> Arc<str> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let hex: String = random()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{kind}-{hex}-{count}").into()
}

/// A thread with a name.
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().name(name.to_string()).spawn(run).expect("the system has threads");
}
