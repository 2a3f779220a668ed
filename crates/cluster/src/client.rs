//! The client's side of a cluster: [`Client`].
//!
//! A client has one thread, on which messages come in and data is fetched. What programs do
//! (submit, wait, ask) happens on their own threads: they write to the connection themselves,
//! and sleep until the client's thread has news for them.
//!
//! `entry.rs` has what is known of a result, `inbox.rs` reads the scheduler's messages,
//! `fetch.rs` and `scatter.rs` move data, over the connections of `peers.rs`.

mod entry;
mod fetch;
mod inbox;
mod reply;
mod scatter;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use raskt_graph::hash::Map;
use raskt_wire::{
    ClientHello, ClientId, FromClient, Handle, Hello, Question, RequestId, Submission, Welcome,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use crate::address::Address;
use crate::error::ConnectError;
use crate::net::{Link, Outbox, connect};
use crate::peers::Peers;
use crate::security::Security;

pub use entry::{Entry, Outcome, Status};
pub use fetch::FetchError;
pub use reply::Reply;
pub use scatter::{Placement, ScatterError};

/// A connection to a scheduler, to be used from any thread. Copies are the same connection; it
/// ends when the last one is dropped.
#[derive(Clone)]
pub struct Client(Arc<Closing>);

/// How long a worker may take to accept a connection.
const PEER_PATIENCE: Duration = Duration::from_secs(10);

/// How to connect.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// What the client is called.
    pub name: String,
    /// How long to wait for a scheduler that does not answer.
    pub timeout: Duration,
    /// What the client shows, and asks of others.
    pub security: Security,
    /// How often the client says that it is still there.
    pub heartbeat: Duration,
    /// Versions of what it runs with.
    pub versions: Vec<(Arc<str>, Arc<str>)>,
}

impl Default for ConnectOptions {
    fn default() -> ConnectOptions {
        ConnectOptions {
            name: "client".to_string(),
            timeout: Duration::from_secs(30),
            security: Security::default(),
            heartbeat: Duration::from_secs(5),
            versions: Vec::new(),
        }
    }
}

/// What a client hears that is not about one result.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A message of a topic that it listens to.
    Event {
        /// The topic.
        topic: Arc<str>,
        /// Microseconds since 1970.
        time_us: u64,
        /// The message.
        payload: bytes::Bytes,
    },
    /// The cluster was restarted.
    Restarted,
    /// The connection has ended.
    Closed {
        /// Why.
        reason: Arc<str>,
    },
}

/// Who hears of notices, on the client's thread.
pub type Listener = Box<Hear>;

type Hear = dyn Fn(Notice) + Send + Sync;

/// What the threads of a client share.
pub(crate) struct Shared {
    address: Address,
    id: ClientId,
    scheduler: Arc<str>,
    warning: Arc<str>,
    outbox: Outbox,
    runtime: tokio::runtime::Handle,
    table: Mutex<Table>,
    /// Counted up, and told, whenever there is news of results.
    news: Mutex<u64>,
    changed: Condvar,
    /// Counted up whenever a task has an outcome that is no result.
    failures: AtomicU64,
    released: Mutex<Vec<Handle>>,
    wake: Notify,
    generation: AtomicU64,
    is_open: AtomicBool,
    peers: Arc<Peers>,
    listener: Mutex<Option<Arc<Hear>>>,
}

#[derive(Default)]
struct Table {
    /// Results that somebody here waits for or holds.
    entries: Map<Handle, Weak<Entry>>,
    by_key: Map<Arc<str>, Weak<Entry>>,
    next_handle: u64,
    replies: Map<RequestId, Reply>,
    next_request: u64,
}

/// Ends the connection when the last [`Client`] goes.
struct Closing {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Client {
    /// Connects to the scheduler at this address.
    ///
    /// # Errors
    /// If there is none, or it does not want this client.
    pub fn connect(address: &Address, options: ConnectOptions) -> Result<Client, ConnectError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| ConnectError::Unreachable {
            address: address.clone(),
            waited: Duration::ZERO,
            source,
        })?;
        let versions = options.versions.clone();
        let hello = ClientHello { name: options.name.as_str().into(), versions };
        let hello = Hello::Client(Box::new(hello));
        let connected = connect(address, &options.security, hello, options.timeout);
        let (link, welcome) = runtime.block_on(connected)?;
        let Welcome::Client { id, scheduler, warning } = welcome else {
            let reason = "it is not a scheduler".to_string();
            return Err(ConnectError::Refused { address: address.clone(), reason });
        };
        let Link { incoming, outbox, .. } = link;
        let shared = Arc::new(Shared {
            address: address.clone(),
            id,
            scheduler,
            warning,
            outbox,
            runtime: runtime.handle().clone(),
            table: Mutex::default(),
            news: Mutex::new(0),
            changed: Condvar::new(),
            failures: AtomicU64::new(0),
            released: Mutex::default(),
            wake: Notify::new(),
            generation: AtomicU64::new(0),
            is_open: AtomicBool::new(true),
            peers: Peers::new(options.name.as_str().into(), options.security, PEER_PATIENCE),
            listener: Mutex::new(None),
        });
        let run = inbox::run(shared.clone(), incoming, options.heartbeat);
        let thread = spawn(runtime, run).map_err(|source| ConnectError::Unreachable {
            address: address.clone(),
            waited: Duration::ZERO,
            source,
        })?;
        Ok(Client(Arc::new(Closing { shared, thread: Mutex::new(Some(thread)) })))
    }

    /// Who hears of what is not about one result, from now on.
    pub fn listen(&self, listener: Listener) {
        *self.shared().listener.lock() = Some(Arc::from(listener));
    }

    /// Are both the same connection?
    pub fn is_same(&self, other: &Client) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Where the scheduler is.
    pub fn address(&self) -> &Address {
        &self.shared().address
    }

    /// The number of this client.
    pub fn id(&self) -> ClientId {
        self.shared().id
    }

    /// The scheduler's own name, unlike that of any other.
    pub fn scheduler(&self) -> &Arc<str> {
        &self.shared().scheduler
    }

    /// What the scheduler found worth a warning; mostly nothing.
    pub fn warning(&self) -> &str {
        &self.shared().warning
    }

    /// Is the connection still there?
    pub fn is_open(&self) -> bool {
        self.shared().is_open.load(Ordering::SeqCst)
    }

    /// A number for a submission that comes after all before.
    pub fn next_generation(&self) -> u64 {
        self.shared().generation.fetch_add(1, Ordering::Relaxed)
    }

    /// What is known of the results with these keys. Those that are new (true) must be named
    /// among the `wants` of a submission, or be asked for with [`Client::want`].
    pub fn entries<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a Arc<str>>,
    ) -> Vec<(Arc<Entry>, bool)> {
        let shared = self.shared();
        let mut table = shared.table.lock();
        keys.into_iter().map(|key| table.entry(key, shared)).collect()
    }

    /// Sends tasks to the scheduler.
    pub fn submit(&self, submission: Submission) {
        self.shared().outbox.send(FromClient::Submit(Box::new(submission)));
    }

    /// What is known of a result that was asked for elsewhere; news of it will come.
    pub fn want(&self, key: &Arc<str>) -> Arc<Entry> {
        let (entry, is_new) = self.shared().table.lock().entry(key, self.shared());
        if is_new {
            self.shared().outbox.send(FromClient::Want(vec![(entry.handle(), key.clone())]));
        }
        entry
    }

    /// Asks that these are not computed, nor what depends on them.
    pub fn cancel(&self, entries: &[Arc<Entry>], force: bool, reason: &str) {
        let handles = entries.iter().map(|entry| entry.handle()).collect();
        self.shared().outbox.send(FromClient::Cancel { handles, force, reason: reason.into() });
        let outcome = Some(Outcome::Cancelled { reason: reason.into() });
        self.shared().tell(entries.iter().map(|entry| (entry.clone(), outcome.clone())));
    }

    /// Asks that these, which failed, are tried again.
    pub fn retry(&self, entries: &[Arc<Entry>]) {
        entries.iter().for_each(|entry| entry.reset(false));
        let handles = entries.iter().map(|entry| entry.handle()).collect();
        self.shared().outbox.send(FromClient::Retry(handles));
    }

    /// Asks the scheduler something.
    pub fn request(&self, question: Question) -> Reply {
        self.shared().request(question)
    }

    /// Waits until all of these have an outcome. Is it so, in time?
    pub fn wait_all(&self, entries: &[Arc<Entry>], timeout: Option<Duration>) -> bool {
        let mut done = 0;
        self.shared().wait(timeout, || {
            let pending = entries[done..].iter().position(|entry| !entry.is_done());
            done = pending.map_or(entries.len(), |pending| done + pending);
            done == entries.len()
        })
    }

    /// Waits until all of these have a result, or one of them will have none. Is it so, in time?
    pub fn wait_results(&self, entries: &[Arc<Entry>], timeout: Option<Duration>) -> bool {
        let failures = &self.shared().failures;
        let (mut done, mut seen) = (0, None);
        self.shared().wait(timeout, || {
            let now = Some(failures.load(Ordering::SeqCst));
            // All are looked at only if any has failed meanwhile.
            if now != seen && entries.iter().any(|entry| entry.is_without_result()) {
                return true;
            }
            seen = now;
            let pending = entries[done..].iter().position(|entry| !entry.is_done());
            done = pending.map_or(entries.len(), |pending| done + pending);
            done == entries.len()
        })
    }

    /// Waits until one of these has an outcome, at most so long. Is it so?
    pub fn wait_any(&self, entries: &[Arc<Entry>], timeout: Option<Duration>) -> bool {
        self.shared().wait(timeout, || entries.iter().any(|entry| entry.is_done()))
    }

    /// Ends the connection. What is pending is cancelled.
    pub fn close(&self) {
        self.0.close();
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }
}

/// Runs the client's thread.
fn spawn(
    runtime: Runtime,
    run: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("raskt-client".to_string()).spawn(move || {
        runtime.block_on(run);
    })
}

impl Closing {
    fn close(&self) {
        if self.shared.is_open.load(Ordering::SeqCst) {
            self.shared.flush_released();
            self.shared.outbox.send(FromClient::Leaving);
            self.shared.end("the client was closed");
        }
        let thread = self.thread.lock().take();
        // The last copy may be dropped on the client's own thread.
        if let Some(thread) = thread.filter(|t| t.thread().id() != std::thread::current().id()) {
            // It ends as soon as it hears that the client is closed; if it panicked, that was
            // reported there.
            let _ = thread.join();
        }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.close();
    }
}

impl Table {
    fn entry(&mut self, key: &Arc<str>, shared: &Arc<Shared>) -> (Arc<Entry>, bool) {
        if let Some(entry) = self.by_key.get(key).and_then(Weak::upgrade) {
            return (entry, false);
        }
        let handle = Handle(self.next_handle);
        self.next_handle += 1;
        let entry = Arc::new(Entry::new(handle, key.clone(), Arc::downgrade(shared)));
        if !shared.is_open.load(Ordering::SeqCst) {
            entry.settle(Outcome::Broken { reason: "the client is closed".into() });
        }
        self.entries.insert(handle, Arc::downgrade(&entry));
        self.by_key.insert(key.clone(), Arc::downgrade(&entry));
        (entry, true)
    }
}

impl Shared {
    /// Settles entries (those without an outcome are pending again), and wakes who waits.
    fn tell(&self, news: impl Iterator<Item = (Arc<Entry>, Option<Outcome>)>) {
        let mut callbacks = Vec::new();
        for (entry, outcome) in news {
            match outcome {
                None => entry.reset(true),
                Some(outcome) => {
                    if !matches!(outcome, Outcome::Finished { .. }) {
                        self.failures.fetch_add(1, Ordering::SeqCst);
                    }
                    let heard = entry.settle(outcome);
                    callbacks.extend(heard.map(|callbacks| (entry, callbacks)));
                }
            }
        }
        *self.news.lock() += 1;
        self.changed.notify_all();
        for (entry, callbacks) in callbacks {
            callbacks.into_iter().for_each(|callback| callback(&entry));
        }
    }

    /// Waits until `is_so`, which is asked whenever there is news. Is it, in time?
    fn wait(&self, timeout: Option<Duration>, mut is_so: impl FnMut() -> bool) -> bool {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let seen = *self.news.lock();
            if is_so() {
                return true;
            }
            let mut news = self.news.lock();
            while *news == seen {
                match deadline {
                    None => self.changed.wait(&mut news),
                    Some(deadline) => {
                        if self.changed.wait_until(&mut news, deadline).timed_out() {
                            drop(news);
                            return is_so();
                        }
                    }
                }
            }
        }
    }

    fn request(&self, question: Question) -> Reply {
        let reply = Reply::default();
        let id = {
            let mut table = self.table.lock();
            let id = RequestId(table.next_request);
            table.next_request += 1;
            if self.is_open.load(Ordering::SeqCst) {
                table.replies.insert(id, reply.clone());
            } else {
                drop(table);
                reply.set(Err(raskt_wire::RequestError::Gone("the client is closed".into())));
                return reply;
            }
            id
        };
        self.outbox.send(FromClient::Request(id, Box::new(question)));
        reply
    }

    /// Tells the scheduler what nobody here needs any more.
    fn flush_released(&self) {
        let released = std::mem::take(&mut *self.released.lock());
        if !released.is_empty() {
            self.outbox.send(FromClient::Release(released));
        }
    }

    /// Called when the last holder of an entry is gone.
    fn release(&self, handle: Handle, key: &Arc<str>) {
        {
            let mut table = self.table.lock();
            table.entries.remove(&handle);
            // Another entry may have the key by now.
            if table.by_key.get(key).is_some_and(|entry| entry.strong_count() == 0) {
                table.by_key.remove(key);
            }
        }
        let mut released = self.released.lock();
        released.push(handle);
        if released.len() == 1 {
            self.wake.notify_one();
        }
    }

    /// The connection is over: whatever was pending will not come.
    fn end(&self, reason: &str) {
        if !self.is_open.swap(false, Ordering::SeqCst) {
            return;
        }
        self.wake.notify_one();
        let (entries, replies) = {
            let mut table = self.table.lock();
            let entries: Vec<_> = table.entries.values().filter_map(Weak::upgrade).collect();
            (entries, std::mem::take(&mut table.replies))
        };
        let pending = entries.into_iter().filter(|entry| !entry.is_done());
        let broken = Some(Outcome::Broken { reason: reason.into() });
        self.tell(pending.map(|entry| (entry, broken.clone())));
        for (_, reply) in replies {
            reply.set(Err(raskt_wire::RequestError::Gone(reason.to_string())));
        }
        self.notice(Notice::Closed { reason: reason.into() });
    }

    fn notice(&self, notice: Notice) {
        let listener = self.listener.lock().clone();
        if let Some(listener) = listener {
            listener(notice);
        }
    }
}
