//! Data that a client brings to workers: [`Client::scatter`].

use std::sync::Arc;

use raskt_wire::{
    Answer, FromClient, PlacedData, Put, Question, RequestError, TaskUid, WireValue, WorkerId,
};

use super::{Client, Entry, Shared};

/// Data for the workers.
#[derive(Clone, Debug)]
pub struct Placement {
    /// What it is to be called.
    pub key: Arc<str>,
    /// Its size in memory.
    pub nbytes: u64,
    /// The data.
    pub value: WireValue,
}

/// Why data could not be brought to workers.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ScatterError {
    /// The scheduler has no place for it.
    #[error("the scheduler has no place for the data: {0}")]
    Scheduler(#[from] RequestError),
    /// A worker does not take it.
    #[error("the worker at {address} did not take the data: {text}")]
    Worker {
        /// Which worker.
        address: Arc<str>,
        /// What went wrong.
        text: String,
    },
    /// The client was closed meanwhile.
    #[error("the client was closed while data was on its way")]
    Closed,
}

impl Client {
    /// Brings data to workers: each item to one of `workers` (all if it is empty), or to each of
    /// them. Waits until it is there.
    ///
    /// # Errors
    /// If there is no worker for it, or one does not take it.
    pub fn scatter(
        &self,
        items: Vec<Placement>,
        workers: Vec<Arc<str>>,
        broadcast: bool,
    ) -> Result<Vec<Arc<Entry>>, ScatterError> {
        let entries = self.entries(items.iter().map(|item| &item.key));
        let new: Vec<_> = entries
            .iter()
            .filter(|(_, new)| *new)
            .map(|(e, _)| (e.handle(), e.key().clone()))
            .collect();
        let (sender, receiver) = std::sync::mpsc::channel();
        let shared = self.shared().clone();
        let runtime = shared.runtime.clone();
        runtime.spawn(async move {
            // The caller waits for this.
            let _ = sender.send(place(&shared, items, workers, broadcast, new).await);
        });
        receiver.recv().unwrap_or(Err(ScatterError::Closed))?;
        Ok(entries.into_iter().map(|(entry, _)| entry).collect())
    }
}

async fn place(
    shared: &Arc<Shared>,
    items: Vec<Placement>,
    workers: Vec<Arc<str>>,
    broadcast: bool,
    new: Vec<(raskt_wire::Handle, Arc<str>)>,
) -> Result<(), ScatterError> {
    let names = items.iter().map(|item| (item.key.clone(), item.nbytes)).collect();
    let answer = shared.request(Question::Place { items: names, workers, broadcast }).await?;
    let Answer::Places(places) = answer else {
        return Err(RequestError::Invalid("it answered something else".to_string()).into());
    };
    // The scheduler knows the keys now.
    shared.outbox.send(FromClient::Want(new));
    let mut on_the_way = Vec::new();
    for (item, (uid, locations)) in items.into_iter().zip(places) {
        for (worker, address) in locations.into_iter().flat_map(|place| place.holders) {
            let Placement { key, nbytes, value } = item.clone();
            let put = Put { uid, key, nbytes, value };
            let (shared, target) = (shared.clone(), address.clone());
            let sent = tokio::spawn(async move { shared.peers.put(&target, vec![put]).await });
            on_the_way.push((uid, worker, address, sent));
        }
    }
    let mut placed: Vec<(TaskUid, WorkerId)> = Vec::new();
    let mut failed = None;
    for (uid, worker, address, sent) in on_the_way {
        match sent.await {
            Ok(Ok(())) => placed.push((uid, worker)),
            Ok(Err(error)) => {
                failed = Some(ScatterError::Worker { address, text: error.to_string() });
            }
            Err(_) => failed = Some(ScatterError::Closed),
        }
    }
    let placed = placed.chunk_by(|a, b| a.0 == b.0).map(|holders| PlacedData {
        uid: holders[0].0,
        holders: holders.iter().map(|(_, worker)| *worker).collect(),
    });
    shared.outbox.send(FromClient::Placed(placed.collect()));
    failed.map_or(Ok(()), Err)
}
