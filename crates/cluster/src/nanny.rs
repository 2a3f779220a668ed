//! Who keeps a worker process: [`Nanny`].
//!
//! It starts the process, starts it again when it dies, ends it when it takes too much memory,
//! and tells the scheduler how it ended: tasks that kill their worker can then be blamed with
//! the reason.

mod process;

use std::ffi::OsString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use raskt_wire::{FromNanny, Hello, ToNanny, WorkerHello};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::address::Address;
use crate::net::{Outbox, connect};
use crate::scheduler::{End, EndGuard, new_id, spawn};
use crate::security::Security;

use process::Process;

/// A worker process ends with this code if it is to be started again. So it is after all other
/// codes but 0 and [`EXIT_FINAL`].
pub const EXIT_RESTART: u8 = 75;
/// A worker process ends with this code if another start would end the same way.
pub const EXIT_FINAL: u8 = 78;
/// The variable in the environment of the process that has the name of its nanny, for
/// [`crate::WorkerOptions::nanny`].
pub const NANNY_VARIABLE: &str = "RASKT_NANNY";

/// What a nanny starts, and how.
#[derive(Clone, Debug)]
pub struct NannyOptions {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Added to the environment.
    pub environment: Vec<(String, String)>,
    /// The scheduler that hears how the process ended.
    pub scheduler: Address,
    /// What is shown to the scheduler.
    pub security: Security,
    /// The memory limit of the worker in bytes; 0: none.
    pub memory_limit: u64,
    /// Above this share of the limit the process is ended; None: never.
    pub terminate: Option<f64>,
    /// How often its memory is looked at.
    pub memory_interval: Duration,
    /// How long the process may take to end when it is asked to, before it is killed.
    pub patience: Duration,
}

impl NannyOptions {
    /// With the usual limits.
    pub fn new(command: Vec<OsString>, scheduler: Address) -> NannyOptions {
        NannyOptions {
            command,
            environment: Vec::new(),
            scheduler,
            security: Security::default(),
            memory_limit: 0,
            terminate: Some(0.95),
            memory_interval: Duration::from_millis(100),
            patience: Duration::from_secs(5),
        }
    }
}

/// Starts nannies.
pub struct Nanny;

/// A nanny of this process. It ends the worker when it is dropped.
pub struct NannyHandle {
    id: Arc<str>,
    state: Arc<State>,
    told: UnboundedSender<Told>,
    end: Arc<End>,
}

#[derive(Default)]
struct State {
    pid: Mutex<Option<u32>>,
    starts: Mutex<u32>,
    last_ending: Mutex<Option<Arc<str>>>,
    outbox: Mutex<Option<Outbox>>,
}

enum Told {
    /// None: whatever process there is.
    Restart(Option<u32>, Arc<str>),
    Close(Arc<str>),
}

impl Nanny {
    /// Starts a process and keeps it, on a thread of its own.
    ///
    /// # Errors
    /// If the program cannot be started.
    ///
    /// # Panics
    /// If the system has no threads left.
    pub fn start(options: NannyOptions) -> std::io::Result<NannyHandle> {
        let id = new_id("nanny");
        let state = Arc::new(State::default());
        let end = Arc::new(End::default());
        let (told, orders) = unbounded_channel();
        let (started, first) = std::sync::mpsc::channel();
        let (name, shared, sender, ended) = (id.clone(), state.clone(), told.clone(), end.clone());
        spawn("raskt-nanny", move || {
            let _guard = EndGuard(ended.clone());
            crate::runtime::block_on(async move {
                let mut keeper = Keeper { options, id: name, state: shared, orders };
                let process = match keeper.start() {
                    Ok(process) => process,
                    Err(error) => return drop(started.send(Err(error))),
                };
                drop(started.send(Ok(())));
                tokio::spawn(report(
                    keeper.options.clone(),
                    keeper.hello(),
                    keeper.state.clone(),
                    sender,
                ));
                ended.set(keeper.keep(process).await);
            });
        });
        first.recv().expect("the thread says how it started")?;
        Ok(NannyHandle { id, state, told, end })
    }
}

impl NannyHandle {
    /// Unlike that of any other nanny.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// The number of the process; None if there is none now.
    pub fn pid(&self) -> Option<u32> {
        *self.state.pid.lock()
    }

    /// How often the process was started.
    pub fn starts(&self) -> u32 {
        *self.state.starts.lock()
    }

    /// How the last process that ended did so.
    pub fn last_ending(&self) -> Option<Arc<str>> {
        self.state.last_ending.lock().clone()
    }

    /// Ends the process and starts it again. Returns at once.
    pub fn restart(&self, reason: &str) {
        // If it has ended for good, it is not started again.
        let _ = self.told.send(Told::Restart(None, reason.into()));
    }

    /// Ends the process. Returns at once.
    pub fn close(&self, reason: &str) {
        let _ = self.told.send(Told::Close(reason.into()));
    }

    /// Waits until the process has ended for good, and says how; None if that took too long.
    pub fn wait(&self, timeout: Option<Duration>) -> Option<Arc<str>> {
        self.end.wait(timeout)
    }
}

impl Drop for NannyHandle {
    fn drop(&mut self) {
        self.close("the program that started the nanny has ended it");
    }
}

struct Keeper {
    options: NannyOptions,
    id: Arc<str>,
    state: Arc<State>,
    orders: UnboundedReceiver<Told>,
}

/// What is to become of a process that is being ended.
#[derive(Default)]
struct Fate {
    /// Why, and whether it is for good.
    ended: Option<(Arc<str>, bool)>,
    /// When it is killed.
    killed_at: Option<Instant>,
}

/// A process that ran for less is not started again at once.
const TOO_SHORT: Duration = Duration::from_secs(5);
/// Between two starts of such processes, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

impl Keeper {
    fn hello(&self) -> WorkerHello {
        let text = |text: &str| Arc::<str>::from(text);
        WorkerHello {
            address: text(""),
            name: self.id.clone(),
            host: text(""),
            nthreads: 0,
            memory_limit: self.options.memory_limit,
            resources: Vec::new(),
            nanny: self.id.clone(),
            pid: std::process::id(),
            local_directory: text(""),
            dashboard: text(""),
            versions: Vec::new(),
        }
    }

    /// Counted before, so that what the process does comes after.
    fn start(&self) -> std::io::Result<Process> {
        *self.state.starts.lock() += 1;
        let process = Process::start(&self.options, &self.id)?;
        *self.state.pid.lock() = Some(process.pid());
        Ok(process)
    }

    /// Keeps processes until one ends for good; says how it did.
    async fn keep(&mut self, mut process: Process) -> Arc<str> {
        let mut pause = PAUSE.0;
        loop {
            let (started, pid) = (Instant::now(), process.pid());
            let mut fate = Fate::default();
            let ending = self.watch(&mut process, &mut fate).await;
            *self.state.pid.lock() = None;
            let final_exit = process::is_final(&ending.status);
            let is_final = fate.ended.as_ref().map_or(final_exit, |(_, for_good)| *for_good);
            let text: Arc<str> = match &fate.ended {
                Some((reason, _)) => reason.clone(),
                None => ending.text.into(),
            };
            *self.state.last_ending.lock() = Some(text.clone());
            tracing::info!(pid, how = &*text, restarts = !is_final, "worker process ended");
            if let Some(outbox) = &*self.state.outbox.lock() {
                let ending = text.clone();
                outbox.send(FromNanny::Ended { pid, ending, restarts: !is_final });
            }
            if is_final {
                self.say_goodbye().await;
                return text;
            }
            if fate.ended.is_none() && started.elapsed() < TOO_SHORT {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE.1);
            } else {
                pause = PAUSE.0;
            }
            process = match self.start() {
                Ok(process) => process,
                Err(error) => return format!("it cannot be started again: {error}").into(),
            };
        }
    }

    /// Waits for the end of a process, and brings it about if it is to end.
    async fn watch(&mut self, process: &mut Process, fate: &mut Fate) -> process::Ending {
        let mut look = tokio::time::interval(self.options.memory_interval);
        let limit =
            self.options.terminate.map(|share| (self.options.memory_limit as f64 * share) as u64);
        let limit = limit.filter(|_| self.options.memory_limit > 0);
        loop {
            tokio::select! {
                biased;
                ending = process.ended() => return ending,
                told = self.orders.recv() => match told {
                    Some(Told::Restart(pid, reason)) => {
                        if pid.is_none_or(|pid| pid == process.pid()) {
                            self.end(process, fate, reason, false);
                        }
                    }
                    Some(Told::Close(reason)) => self.end(process, fate, reason, true),
                    // Not before the handle is gone, which says so.
                    None => self.end(process, fate, "the nanny has ended".into(), true),
                },
                _ = look.tick() => {
                    let bytes = process.memory_bytes();
                    if limit.is_some_and(|limit| bytes > limit) && fate.ended.is_none() {
                        let reason = format!(
                            "its nanny ended it because the process took {bytes} bytes of \
                             memory, above {:.0} % of the limit of {} bytes",
                            self.options.terminate.unwrap_or_default() * 100.0,
                            self.options.memory_limit,
                        );
                        // Memory grows: there is no time to end in good order, and whoever does
                        // is not blamed for its tasks.
                        fate.ended = Some((reason.into(), false));
                        fate.killed_at = Some(Instant::now());
                    }
                    if fate.killed_at.is_some_and(|at| at <= Instant::now()) {
                        process.kill();
                    }
                }
            }
        }
    }

    fn end(&self, process: &Process, fate: &mut Fate, reason: Arc<str>, for_good: bool) {
        process.terminate();
        let for_good = for_good || fate.ended.as_ref().is_some_and(|(_, for_good)| *for_good);
        fate.ended = Some((reason, for_good));
        fate.killed_at.get_or_insert(Instant::now() + self.options.patience);
    }

    async fn say_goodbye(&self) {
        const FAREWELL: Duration = Duration::from_secs(1);
        let outbox = self.state.outbox.lock().take();
        if let Some(outbox) = outbox {
            let _ = tokio::time::timeout(FAREWELL, outbox.finish()).await;
        }
    }
}

/// Keeps a connection to the scheduler, for as long as the nanny is there.
async fn report(
    options: NannyOptions,
    hello: WorkerHello,
    state: Arc<State>,
    told: UnboundedSender<Told>,
) {
    const PATIENCE: Duration = Duration::from_secs(3600);
    const PAUSE: Duration = Duration::from_secs(1);
    loop {
        let call = Hello::Nanny(Box::new(hello.clone()));
        let connected = connect(&options.scheduler, &options.security, call, PATIENCE).await;
        let mut link = match connected {
            Ok((link, _)) => link,
            Err(error) => {
                tracing::warn!(%error, "the nanny cannot reach the scheduler");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        *state.outbox.lock() = Some(link.outbox.clone());
        let error = loop {
            let order = match link.incoming.recv().await {
                Ok(ToNanny::Restart { pid, reason }) => Told::Restart(Some(pid), reason),
                Ok(ToNanny::Close { reason }) => Told::Close(reason),
                Err(error) => break error,
            };
            if told.send(order).is_err() {
                return;
            }
        };
        tracing::info!(%error, "the nanny has lost the scheduler");
        *state.outbox.lock() = None;
        tokio::time::sleep(PAUSE).await;
    }
}
