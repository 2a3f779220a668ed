//! Results that a cluster is to give: [`Future`].

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use raskt_cluster::client::{Client as Core, Entry, FetchError, Outcome, Status};
use raskt_cluster::pack::Outside;
use raskt_cluster::payload::Codec;
use raskt_graph::{CodecError, Key, Node, Payload};
use raskt_wire::WireValue;

use super::client::Connection;
use super::codec::RustCodec;
use super::error::FutureError;
use crate::delayed::{Delayed, Lazy};

/// A result of type `T` that a cluster is to give.
///
/// Wait for it with [`Future::result`] or `await` it, or pass it to further tasks, which take it
/// where it is. The cluster keeps the result for as long as a future of it is alive.
///
/// ```
/// use raskt::prelude::*;
/// # #[raskt::task] fn inc(x: i64) -> i64 { x + 1 }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::local(1, 2)?;
/// let two = client.submit(inc::lazy(1))?;
/// let three = client.submit(inc::lazy(&two))?;
/// assert_eq!(three.result()?, 3);
/// # Ok(())
/// # }
/// ```
pub struct Future<T> {
    held: Arc<Held>,
    /// What whoever awaits it looks at.
    awaited: Option<Arc<Awaited>>,
    of: PhantomData<fn() -> T>,
}

/// Keeps a result alive in the cluster.
pub(super) struct Held {
    pub(super) connection: Arc<Connection>,
    pub(super) entry: Arc<Entry>,
    pub(super) key: Key,
}

#[derive(Default)]
struct Awaited(Mutex<Slot>);

#[derive(Default)]
struct Slot {
    result: Option<Result<WireValue, Trouble>>,
    waker: Option<Waker>,
}

/// Why no bytes came.
enum Trouble {
    Outcome(Outcome),
    Fetch(FetchError),
}

impl<T> Future<T> {
    pub(super) fn new(connection: Arc<Connection>, entry: Arc<Entry>, key: Key) -> Future<T> {
        Future { held: Arc::new(Held { connection, entry, key }), awaited: None, of: PhantomData }
    }

    /// The key of its task.
    pub fn key(&self) -> &Key {
        &self.held.key
    }

    /// How far it is, in one word.
    pub fn status(&self) -> Status {
        self.entry().status()
    }

    /// Is there a result, or is it certain that none will come?
    pub fn is_done(&self) -> bool {
        self.entry().is_done()
    }

    /// Waits until it is done, at most so long. Is it?
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        self.core().wait_all(std::slice::from_ref(self.entry()), timeout)
    }

    /// Asks that it is not computed, nor what depends on it.
    pub fn cancel(&self) {
        self.core().cancel(std::slice::from_ref(self.entry()), false, "cancelled by its client");
    }

    /// Has its task, which failed, tried again.
    pub fn retry(&self) {
        self.core().retry(std::slice::from_ref(self.entry()));
    }

    /// The lazy value that it computes, to be an argument of further tasks.
    pub fn lazy(&self) -> Delayed<T> {
        let key = self.entry().key().clone();
        let outside = Outside { key, keep: self.held.clone() };
        Delayed::from_node(Node::over(self.key().clone(), Arc::new(outside), []))
    }

    fn core(&self) -> &Core {
        &self.held.connection.core
    }

    pub(super) fn entry(&self) -> &Arc<Entry> {
        &self.held.entry
    }
}

impl<T: Payload> Future<T> {
    /// Waits for the result. (The result itself stays in the cluster as well.)
    ///
    /// # Errors
    /// The task's error, or why the result cannot be had.
    pub fn result(&self) -> Result<T, FutureError> {
        self.wait(None);
        let outcome = self.entry().outcome();
        match outcome {
            Some(Outcome::Finished { value: Some(value), .. }) => self.read(value),
            Some(Outcome::Finished { value: None, .. }) | None => {
                let keys = vec![self.entry().key().clone()];
                let fetched = self.core().fetch_blocking(keys, None);
                let values = fetched.unwrap_or(Err(FetchError::Closed))?;
                let value = values.into_iter().next().ok_or(FetchError::Closed)?;
                self.read(value)
            }
            Some(outcome) => Err(self.failed(&outcome)),
        }
    }

    /// The result from its bytes.
    pub(super) fn read(&self, value: WireValue) -> Result<T, FutureError> {
        let unreadable = |source| FutureError::Codec { key: self.key().clone(), source };
        let value = RustCodec.decode(value).map_err(unreadable)?;
        value.get::<T>().cloned().ok_or_else(|| {
            let (found, wanted) = (value.data().type_name(), std::any::type_name::<T>());
            let source = format!("it is a {found}").into();
            unreadable(CodecError::Decode { type_name: wanted, source })
        })
    }

    fn failed(&self, outcome: &Outcome) -> FutureError {
        FutureError::of(self.key(), outcome).unwrap_or(FutureError::Fetch(FetchError::Closed))
    }

    /// Has the bytes of the result brought to `awaited`.
    fn bring(&self, awaited: &Arc<Awaited>) {
        let (core, awaited) = (self.core().clone(), awaited.clone());
        self.entry().on_done(move |entry| match entry.outcome() {
            Some(Outcome::Finished { value: Some(value), .. }) => awaited.set(Ok(value)),
            Some(Outcome::Finished { value: None, .. }) | None => {
                core.fetch(vec![entry.key().clone()], move |fetched| {
                    let first = fetched.map(|values| values.into_iter().next());
                    awaited.set(match first {
                        Ok(Some(value)) => Ok(value),
                        Ok(None) => Err(Trouble::Fetch(FetchError::Closed)),
                        Err(error) => Err(Trouble::Fetch(error)),
                    });
                });
            }
            Some(outcome) => awaited.set(Err(Trouble::Outcome(outcome))),
        });
    }
}

impl Awaited {
    fn set(&self, result: Result<WireValue, Trouble>) {
        let mut slot = self.0.lock();
        slot.result = Some(result);
        let waker = slot.waker.take();
        drop(slot);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T: Payload> std::future::Future for Future<T> {
    type Output = Result<T, FutureError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let awaited = match &self.awaited {
            Some(awaited) => awaited.clone(),
            None => {
                let awaited = Arc::new(Awaited::default());
                self.bring(&awaited);
                self.awaited.insert(awaited).clone()
            }
        };
        let mut slot = awaited.0.lock();
        let Some(result) = slot.result.take() else {
            slot.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        drop(slot);
        // Whoever awaits it again asks again.
        self.awaited = None;
        Poll::Ready(match result {
            Ok(value) => self.read(value),
            Err(Trouble::Outcome(outcome)) => Err(self.failed(&outcome)),
            Err(Trouble::Fetch(error)) => Err(error.into()),
        })
    }
}

impl<T> Clone for Future<T> {
    fn clone(&self) -> Future<T> {
        Future { held: self.held.clone(), awaited: None, of: PhantomData }
    }
}

impl<T> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Future({}, {:?})", self.key(), self.status())
    }
}

impl<T> From<&Future<T>> for Lazy<T> {
    fn from(future: &Future<T>) -> Lazy<T> {
        Lazy::Delayed(future.lazy())
    }
}

impl<T> From<Future<T>> for Lazy<T> {
    fn from(future: Future<T>) -> Lazy<T> {
        Lazy::from(&future)
    }
}

impl<T: Payload> From<&[Future<T>]> for Lazy<Vec<T>> {
    fn from(futures: &[Future<T>]) -> Lazy<Vec<T>> {
        let lazy: Vec<Delayed<T>> = futures.iter().map(Future::lazy).collect();
        Lazy::from(lazy.as_slice())
    }
}

impl<T: Payload> From<&Vec<Future<T>>> for Lazy<Vec<T>> {
    fn from(futures: &Vec<Future<T>>) -> Lazy<Vec<T>> {
        Lazy::from(futures.as_slice())
    }
}

impl<T: Payload> From<Vec<Future<T>>> for Lazy<Vec<T>> {
    fn from(futures: Vec<Future<T>>) -> Lazy<Vec<T>> {
        Lazy::from(futures.as_slice())
    }
}
