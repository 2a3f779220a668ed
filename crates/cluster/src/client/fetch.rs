//! Results that are too large to come with the news: [`Client::fetch`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use raskt_graph::hash::Map;
use raskt_wire::{Answer, Location, Question, RequestError, Sent, TaskUid, WireValue};

use super::{Client, Shared};

/// Why a result could not be fetched.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FetchError {
    /// It is not there any more, and is not coming back.
    #[error("the result '{0}' is lost or was cancelled")]
    Gone(Arc<str>),
    /// Its worker cannot send it.
    #[error("the result '{key}' cannot be sent: {text}")]
    Unsendable {
        /// Whose.
        key: Arc<str>,
        /// Why.
        text: Arc<str>,
    },
    /// Its workers do not answer.
    #[error("no worker that holds '{key}' answers: {text}")]
    Unreachable {
        /// Whose.
        key: Arc<str>,
        /// What went wrong last.
        text: String,
    },
    /// The scheduler does not say where it is.
    #[error("the scheduler does not say where results are: {0}")]
    Scheduler(#[from] RequestError),
    /// The client was closed meanwhile.
    #[error("the client was closed while results were fetched")]
    Closed,
}

/// So often it is tried to find a worker that sends a result. Between two attempts the
/// scheduler hears of workers that are gone.
const ATTEMPTS: u32 = 20;
/// Before the second attempt; more later.
const PAUSE: Duration = Duration::from_millis(20);

impl Client {
    /// Fetches results from the workers that hold them, by key; calls `done` with them in the
    /// same order, on the client's thread.
    pub fn fetch(
        &self,
        keys: Vec<Arc<str>>,
        done: impl FnOnce(Result<Vec<WireValue>, FetchError>) + Send + 'static,
    ) {
        let shared = self.shared().clone();
        let runtime = shared.runtime.clone();
        runtime.spawn(async move { done(fetch(&shared, &keys).await) });
    }

    /// Fetches results and waits for them, at most so long. None: time is up.
    pub fn fetch_blocking(
        &self,
        keys: Vec<Arc<str>>,
        timeout: Option<Duration>,
    ) -> Option<Result<Vec<WireValue>, FetchError>> {
        let (sender, receiver) = std::sync::mpsc::channel();
        self.fetch(keys, move |result| {
            // Whoever waited may have given up.
            let _ = sender.send(result);
        });
        match timeout {
            None => Some(receiver.recv().unwrap_or(Err(FetchError::Closed))),
            Some(timeout) => match receiver.recv_timeout(timeout) {
                Ok(result) => Some(result),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => None,
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
                    Some(Err(FetchError::Closed))
                }
            },
        }
    }
}

/// What one worker is asked for: places in the list of all keys.
type Wanted = Vec<(usize, TaskUid)>;

async fn fetch(shared: &Arc<Shared>, keys: &[Arc<str>]) -> Result<Vec<WireValue>, FetchError> {
    let mut values: Vec<Option<WireValue>> = keys.iter().map(|_| None).collect();
    let mut trouble: Map<usize, String> = Map::default();
    for attempt in 0..ATTEMPTS {
        let missing: Vec<usize> = (0..keys.len()).filter(|i| values[*i].is_none()).collect();
        if missing.is_empty() {
            break;
        }
        if attempt > 0 {
            tokio::time::sleep(PAUSE * attempt).await;
        }
        let wanted: Vec<Arc<str>> = missing.iter().map(|i| keys[*i].clone()).collect();
        let by_worker = locate(shared, &wanted, &missing, attempt).await?;
        let asked = by_worker.into_iter().map(|(address, wanted)| {
            let shared = shared.clone();
            let uids = wanted.iter().map(|(_, uid)| *uid).collect();
            tokio::spawn(async move { (shared.peers.get(&address, uids).await, wanted) })
        });
        // All are asked at once.
        let asked: Vec<_> = asked.collect();
        for answer in asked {
            let Ok((answer, wanted)) = answer.await else { return Err(FetchError::Closed) };
            match answer {
                Err(error) => {
                    trouble.extend(wanted.iter().map(|(i, _)| (*i, error.to_string())));
                }
                Ok(items) => {
                    for ((i, _), (_, sent)) in wanted.into_iter().zip(items) {
                        match sent {
                            Sent::Value(value, _) => values[i] = Some(value),
                            Sent::Failed(text) => {
                                return Err(FetchError::Unsendable { key: keys[i].clone(), text });
                            }
                            Sent::Missing => drop(trouble.insert(i, "it is not there".into())),
                            Sent::Busy => drop(trouble.insert(i, "it is busy".into())),
                        }
                    }
                }
            }
        }
    }
    let found = values.into_iter().enumerate().map(|(i, value)| {
        value.ok_or_else(|| FetchError::Unreachable {
            key: keys[i].clone(),
            text: trouble.remove(&i).unwrap_or_default(),
        })
    });
    found.collect()
}

/// Whom to ask for which of the missing results.
async fn locate(
    shared: &Arc<Shared>,
    wanted: &[Arc<str>],
    missing: &[usize],
    attempt: u32,
) -> Result<BTreeMap<Arc<str>, Wanted>, FetchError> {
    let answer = shared.request(Question::Where(wanted.to_vec())).await?;
    let Answer::Where(locations) = answer else {
        return Err(RequestError::Invalid("it answered something else".to_string()).into());
    };
    let mut by_worker: BTreeMap<Arc<str>, Wanted> = BTreeMap::new();
    for ((key, i), location) in wanted.iter().zip(missing).zip(locations) {
        let Location { uid, holders, .. } =
            location.ok_or_else(|| FetchError::Gone(key.clone()))?;
        // Another one each time, and different ones for different results.
        let turn = attempt as usize + i;
        if let Some((_, address)) = holders.get(turn % holders.len().max(1)) {
            by_worker.entry(address.clone()).or_default().push((*i, uid));
        }
    }
    Ok(by_worker)
}
