//! Connections of a client to workers, for data: [`Peers`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use raskt_graph::hash::Map;
use raskt_wire::{Hello, Peer, RequestId};
use tokio::sync::oneshot;

use super::Shared;
use crate::address::Address;
use crate::error::{ConnectError, LinkError};
use crate::net::{Incoming, Link, Outbox, connect};

/// How long a worker may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Open connections to workers, by address. Each carries any number of requests at once.
#[derive(Default)]
pub(super) struct Peers(Mutex<BTreeMap<Arc<str>, Arc<PeerLink>>>);

/// A connection to one worker.
pub(super) struct PeerLink {
    outbox: Outbox,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    answers: Map<RequestId, oneshot::Sender<Peer>>,
    is_closed: bool,
}

/// Why a worker did not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum PeerError {
    /// It cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection ended.
    #[error("the connection to the worker was lost before it answered")]
    Lost,
}

impl Peers {
    /// A connection to the worker at this address: an open one, or a new one.
    pub(super) async fn link(
        &self,
        shared: &Arc<Shared>,
        address: &Arc<str>,
    ) -> Result<Arc<PeerLink>, PeerError> {
        if let Some(link) = self.0.lock().get(address).filter(|link| link.is_open()) {
            return Ok(link.clone());
        }
        let target: Address = address.parse().map_err(ConnectError::from)?;
        let hello = Hello::Peer(shared.scheduler.clone());
        let (link, _) = connect(&target, &shared.security, hello, PATIENCE).await?;
        let Link { incoming, outbox, .. } = link;
        let link = Arc::new(PeerLink { outbox, waiting: Mutex::default() });
        shared.runtime.spawn(read(link.clone(), incoming));
        self.0.lock().insert(address.clone(), link.clone());
        Ok(link)
    }

    /// Forgets all connections, which ends them.
    pub(super) fn close(&self) {
        self.0.lock().clear();
    }
}

async fn read(link: Arc<PeerLink>, mut incoming: Incoming) {
    let result: LinkError = loop {
        match incoming.recv::<Peer>().await {
            Ok(message) => link.hear(message),
            Err(error) => break error,
        }
    };
    tracing::debug!(error = %result, "a connection to a worker ended");
    let mut waiting = link.waiting.lock();
    waiting.is_closed = true;
    // Whoever waits hears that nothing comes.
    waiting.answers.clear();
}

impl PeerLink {
    fn is_open(&self) -> bool {
        !self.waiting.lock().is_closed
    }

    fn hear(&self, message: Peer) {
        let (Peer::Data { id, .. } | Peer::Kept(id)) = &message else { return };
        let answer = self.waiting.lock().answers.remove(id);
        if let Some(answer) = answer {
            // Whoever asked may have given up.
            let _ = answer.send(message);
        }
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn ask(
        &self,
        request: impl FnOnce(RequestId) -> Peer,
    ) -> Result<Peer, PeerError> {
        let (answer, answered) = oneshot::channel();
        let id = {
            let mut waiting = self.waiting.lock();
            if waiting.is_closed {
                return Err(PeerError::Lost);
            }
            let id = RequestId(waiting.next);
            waiting.next += 1;
            waiting.answers.insert(id, answer);
            id
        };
        self.outbox.send(request(id));
        answered.await.map_err(|_| PeerError::Lost)
    }
}
