//! Data for those who ask a worker for it: [`Server`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use raskt_wire::{Peer, Sent, TaskUid};
use raskt_worker::Event;

use super::link::WorkerLink;
use super::store::{Held, New, StoreError};
use crate::error::LinkError;
use crate::net::{Link, Outbox};

/// Answers on any number of connections.
pub(crate) struct Server {
    link: Arc<WorkerLink>,
    /// How many are answered at once at most.
    most: usize,
    busy: AtomicUsize,
}

impl Server {
    pub(crate) fn new(link: Arc<WorkerLink>, most: usize) -> Arc<Server> {
        Arc::new(Server { link, most, busy: AtomicUsize::new(0) })
    }

    /// Answers what comes on this connection, until it ends.
    pub(crate) async fn serve(self: Arc<Self>, connection: Link) {
        let Link { mut incoming, outbox, peer } = connection;
        loop {
            outbox.room().await;
            match incoming.recv::<Peer>().await {
                Ok(Peer::Get { id, uids }) => {
                    let (server, outbox) = (self.clone(), outbox.clone());
                    // Values are encoded beside the loop; the next question can come meanwhile.
                    tokio::spawn(async move {
                        let items = server.get(uids).await;
                        server.send(&outbox, Peer::Data { id, items });
                    });
                }
                Ok(Peer::Put { id, items }) => {
                    let sizes = items.iter().map(|put| (put.uid, put.nbytes)).collect();
                    let values = items.into_iter().map(|put| New {
                        uid: put.uid,
                        key: Some(put.key),
                        held: Held::Encoded(put.value),
                        nbytes: put.nbytes,
                    });
                    self.link.keep(values.collect(), Event::Put { items: sizes });
                    outbox.send(Peer::Kept(id));
                }
                Ok(Peer::Data { .. } | Peer::Kept(_)) => {
                    tracing::warn!(peer = &*peer, "an answer to no question: connection closed");
                    return outbox.abort();
                }
                Err(LinkError::Closed) => return,
                Err(error) => {
                    tracing::warn!(peer = &*peer, %error, "connection for data lost");
                    return outbox.abort();
                }
            }
        }
    }

    async fn get(&self, uids: Vec<TaskUid>) -> Vec<(TaskUid, Sent)> {
        let paused = self.link.inspect(|view| view.is_paused());
        let most = if paused { 1 } else { self.most };
        if self.busy.fetch_add(1, Ordering::Relaxed) >= most {
            self.busy.fetch_sub(1, Ordering::Relaxed);
            return uids.into_iter().map(|uid| (uid, Sent::Busy)).collect();
        }
        let link = self.link.clone();
        let encode = move || uids.into_iter().map(|uid| (uid, sent(&link, uid))).collect();
        let items = tokio::task::spawn_blocking(encode).await;
        self.busy.fetch_sub(1, Ordering::Relaxed);
        // None: the worker is ending.
        items.unwrap_or_default()
    }

    fn send(&self, outbox: &Outbox, data: Peer) {
        if let Peer::Data { items, .. } = &data {
            let bytes = items.iter().map(|(_, sent)| match sent {
                Sent::Value(value, _) => value.nbytes() as u64,
                Sent::Missing | Sent::Busy | Sent::Failed(_) => 0,
            });
            self.link.sent_bytes.fetch_add(bytes.sum(), Ordering::Relaxed);
        }
        outbox.send(data);
    }
}

fn sent(link: &WorkerLink, uid: TaskUid) -> Sent {
    let Some((_, nbytes)) = link.store.get(uid) else { return Sent::Missing };
    match link.store.encoded(uid, &*link.host) {
        Ok(value) => Sent::Value(value, nbytes),
        Err(StoreError::Missing) => Sent::Missing,
        Err(error) => Sent::Failed(with_sources(&error).into()),
    }
}

/// An error with what led to it.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
