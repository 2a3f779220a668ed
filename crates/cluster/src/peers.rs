//! Connections to workers that have data: [`Peers`].
//!
//! One connection for each worker, made when first needed and used again. Questions and answers
//! on it are told apart by number.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use raskt_graph::hash::Map;
use raskt_wire::{Hello, Peer, Put, RequestId, Sent, TaskUid};
use tokio::sync::{OnceCell, oneshot, watch};

use crate::error::{ConnectError, LinkError};
use crate::net::{Incoming, Outbox, connect_once};
use crate::security::Security;

/// Why a worker did not give or take data.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeerError {
    /// It cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection broke before the answer came.
    #[error("the connection to the worker {0} was lost before its answer came")]
    Lost(Arc<str>),
    /// The answer makes no sense.
    #[error("the answer of the worker {0} does not fit the question")]
    Answer(Arc<str>),
}

/// Connections to workers, by address.
pub(crate) struct Peers {
    /// Who we are.
    name: Arc<str>,
    security: Security,
    timeout: Duration,
    connections: Mutex<Map<Arc<str>, Arc<Connection>>>,
    last_id: AtomicU64,
}

#[derive(Default)]
struct Connection {
    outbox: OnceCell<Outbox>,
    waiting: Mutex<Waiting>,
    /// Is it over, even before it was open?
    closed: watch::Sender<bool>,
}

#[derive(Default)]
struct Waiting {
    answers: Map<RequestId, oneshot::Sender<Peer>>,
    is_closed: bool,
}

impl Peers {
    pub(crate) fn new(name: Arc<str>, security: Security, timeout: Duration) -> Arc<Peers> {
        Arc::new(Peers {
            name,
            security,
            timeout,
            connections: Mutex::default(),
            last_id: AtomicU64::new(0),
        })
    }

    /// Asks a worker for results.
    pub(crate) async fn get(
        self: &Arc<Self>,
        address: &Arc<str>,
        uids: Vec<TaskUid>,
    ) -> Result<Vec<(TaskUid, Sent)>, PeerError> {
        let asked = uids.clone();
        match self.call(address, |id| Peer::Get { id, uids }).await? {
            Peer::Data { items, .. }
                if items.iter().map(|(uid, _)| *uid).eq(asked.iter().copied()) =>
            {
                Ok(items)
            }
            _ => Err(PeerError::Answer(address.clone())),
        }
    }

    /// Brings results to a worker.
    pub(crate) async fn put(
        self: &Arc<Self>,
        address: &Arc<str>,
        items: Vec<Put>,
    ) -> Result<(), PeerError> {
        match self.call(address, |id| Peer::Put { id, items }).await? {
            Peer::Kept(_) => Ok(()),
            _ => Err(PeerError::Answer(address.clone())),
        }
    }

    /// Closes the connection to a worker; who waits for an answer hears of that.
    pub(crate) fn forget(&self, address: &str) {
        if let Some(connection) = self.connections.lock().remove(address) {
            connection.close();
        }
    }

    /// Closes all connections.
    pub(crate) fn close(&self) {
        let connections = std::mem::take(&mut *self.connections.lock());
        connections.into_iter().for_each(|(_, connection)| connection.close());
    }

    async fn call(
        self: &Arc<Self>,
        address: &Arc<str>,
        question: impl FnOnce(RequestId) -> Peer,
    ) -> Result<Peer, PeerError> {
        let connection = self.connections.lock().entry(address.clone()).or_default().clone();
        let open = || self.open(address.clone(), connection.clone());
        let mut closed = connection.closed.subscribe();
        let opened = tokio::select! {
            opened = connection.outbox.get_or_try_init(open) => opened,
            _ = closed.wait_for(|closed| *closed) => return Err(PeerError::Lost(address.clone())),
        };
        let outbox = match opened {
            Ok(outbox) => outbox,
            Err(error) => {
                self.remove(address, &connection);
                return Err(error.into());
            }
        };
        let id = RequestId(self.last_id.fetch_add(1, Ordering::Relaxed));
        let (send, answer) = oneshot::channel();
        {
            let mut waiting = connection.waiting.lock();
            if waiting.is_closed {
                return Err(PeerError::Lost(address.clone()));
            }
            waiting.answers.insert(id, send);
        }
        outbox.send(question(id));
        answer.await.map_err(|_| PeerError::Lost(address.clone()))
    }

    async fn open(
        self: &Arc<Self>,
        address: Arc<str>,
        connection: Arc<Connection>,
    ) -> Result<Outbox, ConnectError> {
        let hello = Hello::Peer(self.name.clone());
        let (link, _) =
            connect_once(&address.parse()?, &self.security, hello, self.timeout).await?;
        let peers = self.clone();
        tokio::spawn(async move {
            let error = listen(link.incoming, &connection).await;
            tracing::debug!(peer = &*address, %error, "connection for data ended");
            connection.close();
            peers.remove(&address, &connection);
        });
        Ok(link.outbox)
    }

    fn remove(&self, address: &Arc<str>, connection: &Arc<Connection>) {
        let mut connections = self.connections.lock();
        if connections.get(address).is_some_and(|known| Arc::ptr_eq(known, connection)) {
            connections.remove(address);
        }
    }
}

impl Connection {
    fn close(&self) {
        let mut waiting = self.waiting.lock();
        waiting.is_closed = true;
        waiting.answers.clear();
        self.closed.send_replace(true);
        if let Some(outbox) = self.outbox.get() {
            outbox.abort();
        }
    }
}

async fn listen(mut incoming: Incoming, connection: &Connection) -> LinkError {
    loop {
        match incoming.recv::<Peer>().await {
            Ok(answer) => {
                let id = match &answer {
                    Peer::Data { id, .. } | Peer::Kept(id) => *id,
                    Peer::Get { .. } | Peer::Put { .. } => continue,
                };
                if let Some(waiting) = connection.waiting.lock().answers.remove(&id) {
                    // Whoever asked may have gone.
                    let _ = waiting.send(answer);
                }
            }
            Err(error) => return error,
        }
    }
}
