//! The client of a cluster: [`Client`].

use std::borrow::Borrow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use raskt_cluster::client::{Client as Core, ConnectOptions, Entry, Outcome, Placement};
use raskt_cluster::client::{FetchError, Reply, ScatterError};
use raskt_cluster::pack::{outside, pack};
use raskt_cluster::payload::Codec;
use raskt_cluster::{Address, ConnectError, SchedulerFile, Security};
use raskt_graph::{CodecError, Graph, Key, Node, Payload, Prefix, TaskId, Value, lower};
use raskt_wire::{Question, RequestError, Terms, WireValue};

use super::codec::RustCodec;
use super::error::{FutureError, SubmitError};
use super::future::{Future, Held};
use super::local::{LocalCluster, StartError};
use crate::delayed::Delayed;

/// Gives tasks to a cluster and gets futures of their results. Copies are the same client; it
/// leaves the cluster when the last copy and the last future are gone.
///
/// ```
/// use raskt::prelude::*;
///
/// #[raskt::task]
/// fn square(x: i64) -> i64 {
///     x * x
/// }
///
/// #[raskt::task]
/// fn sum(numbers: &[i64]) -> i64 {
///     numbers.iter().sum()
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::local(2, 1)?; // or Client::connect("tcp://host:8786")?
/// let squares = client.map(square::lazy, 0..10)?;
/// let total = client.submit(sum::lazy(&squares))?;
/// assert_eq!(total.result()?, 285);
/// # Ok(())
/// # }
/// ```
///
/// It is an executor as well: lazy values are computed on the cluster with
/// [`Compute::on`](crate::Compute::on).
///
/// ```
/// # use raskt::prelude::*;
/// # #[raskt::task] fn inc(x: i64) -> i64 { x + 1 }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::local(1, 1)?;
/// assert_eq!(Compute::on(client).run(inc::lazy(inc::lazy(1)))?, 3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    connection: Arc<Connection>,
    terms: Terms,
}

/// What a client and its futures share.
pub(super) struct Connection {
    pub(super) core: Core,
    /// The cluster that ends with the client, if it was started for it.
    _cluster: Option<LocalCluster>,
}

impl Client {
    /// Connects to the scheduler at this address, `tcp://host:port`.
    ///
    /// # Errors
    /// If there is none, or it does not want this client.
    pub fn connect(address: &str) -> Result<Client, ConnectError> {
        Client::connect_with(&address.parse()?, ConnectOptions::default())
    }

    /// The same with certificates, a secret, a name, or another time limit.
    ///
    /// # Errors
    /// If there is no scheduler, or it does not want this client.
    pub fn connect_with(
        address: &Address,
        options: ConnectOptions,
    ) -> Result<Client, ConnectError> {
        Ok(Client::new(Core::connect(address, options)?, None))
    }

    pub(super) fn new(core: Core, cluster: Option<LocalCluster>) -> Client {
        let connection = Arc::new(Connection { core, _cluster: cluster });
        Client { connection, terms: Terms::default() }
    }

    /// Connects to the scheduler that wrote this file, with the secret that is in it.
    ///
    /// # Errors
    /// If the file cannot be read, there is no scheduler, or it does not want this client.
    pub fn connect_file(path: impl AsRef<Path>) -> Result<Client, ConnectError> {
        let file = SchedulerFile::read(path.as_ref())?;
        let (address, security) = file.resolve(Security::default())?;
        let options = ConnectOptions { security, ..ConnectOptions::default() };
        Client::connect_with(&address, options)
    }

    /// Starts a cluster in this process, with so many workers of so many threads. It ends with
    /// the client.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn local(workers: u32, threads: u32) -> Result<Client, StartError> {
        let cluster = LocalCluster::start(workers, threads)?;
        let core = cluster.connect()?;
        Ok(Client::new(core, Some(cluster)))
    }

    /// The same client, whose tasks ask for more than their inputs: retries, resources, certain
    /// workers, a priority.
    ///
    /// ```
    /// use raskt::cluster::Terms;
    /// use raskt::prelude::*;
    /// # #[raskt::task] fn inc(x: i64) -> i64 { x + 1 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::local(1, 1)?;
    /// let urgent = client.with_terms(Terms { priority: 10, retries: 2, ..Terms::default() });
    /// assert_eq!(urgent.submit(inc::lazy(1))?.result()?, 2);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_terms(&self, terms: Terms) -> Client {
        Client { connection: self.connection.clone(), terms }
    }

    /// Has one task computed, and all that it needs.
    ///
    /// # Errors
    /// If it cannot be sent. What goes wrong later is the future's error.
    ///
    /// # Panics
    /// Never: one task gives one future.
    pub fn submit<T>(&self, task: impl Borrow<Delayed<T>>) -> Result<Future<T>, SubmitError> {
        let mut futures = self.submit_all(std::slice::from_ref(task.borrow()))?;
        Ok(futures.pop().expect("one task gives one future"))
    }

    /// Has `function` called with each of these, which may be values, lazy values or futures.
    ///
    /// # Errors
    /// If a task cannot be sent. What goes wrong later is the error of its future.
    pub fn map<I: IntoIterator, T>(
        &self,
        function: impl FnMut(I::Item) -> Delayed<T>,
        items: I,
    ) -> Result<Vec<Future<T>>, SubmitError> {
        let tasks: Vec<Delayed<T>> = items.into_iter().map(function).collect();
        self.submit_all(&tasks)
    }

    /// Has several tasks computed. What they share is computed once.
    ///
    /// # Errors
    /// If one cannot be sent. What goes wrong later is the error of its future.
    pub fn submit_all<T>(&self, tasks: &[Delayed<T>]) -> Result<Vec<Future<T>>, SubmitError> {
        let nodes: Vec<Node> = tasks.iter().map(|task| task.node().clone()).collect();
        let entries = self.send(&lower(&nodes))?;
        let futures = entries.into_iter().zip(nodes);
        let future = |(entry, node): (_, Node)| {
            Future::new(self.connection.clone(), entry, node.key().clone())
        };
        Ok(futures.map(future).collect())
    }

    /// Waits for results and brings them here, large ones from many workers at once.
    ///
    /// # Errors
    /// The error of the first future that has no result.
    pub fn gather<T: Payload>(&self, futures: &[Future<T>]) -> Result<Vec<T>, FutureError> {
        let mut values: Vec<Option<WireValue>> = Vec::with_capacity(futures.len());
        for future in futures {
            future.wait(None);
            let outcome = future.entry().outcome();
            if let Some(error) = outcome.as_ref().and_then(|o| FutureError::of(future.key(), o)) {
                return Err(error);
            }
            values.push(match outcome {
                Some(Outcome::Finished { value, .. }) => value,
                _ => None,
            });
        }
        let entries = futures.iter().map(Future::entry);
        let values = self.complete(entries, values)?;
        futures.iter().zip(values).map(|(future, value)| future.read(value)).collect()
    }

    /// Brings values to the workers, each to one of them, to be arguments of tasks there.
    ///
    /// ```
    /// # use raskt::prelude::*;
    /// # #[raskt::task] fn sum(numbers: &[f64]) -> f64 { numbers.iter().sum() }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::local(2, 1)?;
    /// let parts = client.scatter(vec![vec![1.0; 1000], vec![2.0; 1000]])?;
    /// let sums = client.map(sum::lazy, &parts)?;
    /// assert_eq!(client.gather(&sums)?, [1000.0, 2000.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If there is no worker, or one does not take the data.
    pub fn scatter<T: Payload>(&self, values: Vec<T>) -> Result<Vec<Future<T>>, PlaceError> {
        self.place(values, false)
    }

    /// Brings a value to all workers, to be an argument of tasks there.
    ///
    /// # Errors
    /// If there is no worker, or one does not take it.
    ///
    /// # Panics
    /// Never: one value gives one future.
    pub fn broadcast<T: Payload>(&self, value: T) -> Result<Future<T>, PlaceError> {
        let mut futures = self.place(vec![value], true)?;
        Ok(futures.pop().expect("one value gives one future"))
    }

    /// Asks that these are not computed, nor what depends on them.
    pub fn cancel<T>(&self, futures: &[Future<T>]) {
        let entries: Vec<Arc<Entry>> = futures.iter().map(|f| f.entry().clone()).collect();
        self.core().cancel(&entries, false, "cancelled by its client");
    }

    /// Asks the scheduler something. The answer comes later: wait for it, or `await` it.
    pub fn ask(&self, question: Question) -> Reply {
        self.core().request(question)
    }

    /// Waits until there are so many workers; without a limit as long as it takes.
    ///
    /// # Errors
    /// If there are too few in time, or the scheduler has ended.
    pub fn wait_for_workers(
        &self,
        count: u32,
        timeout: Option<Duration>,
    ) -> Result<(), RequestError> {
        let timeout_us = timeout.map_or(0, |time| (time.as_micros() as u64).max(1));
        let reply = self.ask(Question::WaitForWorkers { count, timeout_us });
        reply.wait(None);
        let gone = || Err(RequestError::Gone("the scheduler has ended".to_string()));
        reply.get().unwrap_or_else(gone).map(drop)
    }

    /// Where the scheduler is.
    pub fn address(&self) -> &Address {
        self.core().address()
    }

    pub(super) fn core(&self) -> &Core {
        &self.connection.core
    }

    fn place<T: Payload>(
        &self,
        values: Vec<T>,
        broadcast: bool,
    ) -> Result<Vec<Future<T>>, PlaceError> {
        let mut keys = Vec::with_capacity(values.len());
        let mut items = Vec::with_capacity(values.len());
        for value in values {
            let (key, value) = (Key::unique(Prefix::new("scatter")), Value::new(value));
            let nbytes = value.nbytes() as u64;
            let encoded = RustCodec.encode(&value)?;
            items.push(Placement { key: key.to_string().into(), nbytes, value: encoded });
            keys.push(key);
        }
        let entries = self.core().scatter(items, Vec::new(), broadcast)?;
        let futures = entries.into_iter().zip(keys);
        Ok(futures.map(|(entry, key)| Future::new(self.connection.clone(), entry, key)).collect())
    }

    /// Sends the tasks of a graph. Gives what is known of its outputs.
    pub(super) fn send(&self, graph: &Graph) -> Result<Vec<Arc<Entry>>, SubmitError> {
        for held in graph.ids().filter_map(|id| outside(graph.node(id))) {
            let of = held.keep.downcast_ref::<Held>();
            if of.is_none_or(|of| !self.is_same(&of.connection.core)) {
                return Err(SubmitError::OtherClient(held.key.clone()));
            }
        }
        let keys: Vec<Arc<str>> =
            graph.outputs().iter().map(|id| graph.node(*id).key().to_string().into()).collect();
        let entries = self.core().entries(&keys);
        let wants: Vec<(TaskId, _)> = graph
            .outputs()
            .iter()
            .zip(&entries)
            .filter(|(_, (_, is_new))| *is_new)
            .map(|(id, (entry, _))| (*id, entry.handle()))
            .collect();
        if !wants.is_empty() {
            let generation = self.core().next_generation();
            let terms = |_: &Node| self.terms.clone();
            let block = pack(graph, generation, &wants, &RustCodec, terms);
            self.core().submit(block.map_err(Box::new)?);
        }
        Ok(entries.into_iter().map(|(entry, _)| entry).collect())
    }

    fn is_same(&self, core: &Core) -> bool {
        core.id() == self.core().id() && core.scheduler() == self.core().scheduler()
    }

    /// Fetches the values that did not come with the news.
    pub(super) fn complete<'a>(
        &self,
        entries: impl Iterator<Item = &'a Arc<Entry>>,
        values: Vec<Option<WireValue>>,
    ) -> Result<Vec<WireValue>, FetchError> {
        let missing = entries.zip(&values).filter(|(_, value)| value.is_none());
        let keys: Vec<Arc<str>> = missing.map(|(entry, _)| entry.key().clone()).collect();
        let mut fetched = match keys.is_empty() {
            true => Vec::new(),
            false => self.core().fetch_blocking(keys, None).unwrap_or(Err(FetchError::Closed))?,
        }
        .into_iter();
        values.into_iter().map(|v| v.or_else(|| fetched.next()).ok_or(FetchError::Closed)).collect()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.address())
    }
}

/// Values could not be brought to workers.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// A value has no form as bytes.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Nobody takes it.
    #[error(transparent)]
    Scatter(#[from] ScatterError),
}
