//! The client's thread: what the scheduler says.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use raskt_wire::{FromClient, News, ToClient};

use super::{Entry, Notice, Outcome, Shared};
use crate::error::LinkError;
use crate::net::Incoming;

/// Reads what comes, until the connection is over.
pub(super) async fn run(shared: Arc<Shared>, incoming: Incoming, heartbeat: Duration) {
    let reader = tokio::spawn(read(shared.clone(), incoming));
    let mut beat = tokio::time::interval(heartbeat);
    while shared.is_open.load(Ordering::SeqCst) {
        tokio::select! {
            () = shared.wake.notified() => shared.flush_released(),
            _ = beat.tick() => shared.outbox.send(FromClient::Heartbeat),
        }
    }
    reader.abort();
    shared.peers.close();
    // What was sent last still goes out.
    let _ = tokio::time::timeout(GOODBYE, shared.outbox.finish()).await;
}

/// How long a client that leaves waits for its last words to go out.
const GOODBYE: Duration = Duration::from_secs(1);

async fn read(shared: Arc<Shared>, mut incoming: Incoming) {
    loop {
        match incoming.recv_many().await {
            Ok(messages) => messages.into_iter().for_each(|message| shared.hear(message)),
            Err(LinkError::Closed) => return shared.end("the scheduler closed the connection"),
            Err(error) => return shared.end(&format!("the scheduler is lost: {error}")),
        }
    }
}

impl Shared {
    fn hear(&self, message: ToClient) {
        match message {
            ToClient::News(news) => self.hear_news(news),
            ToClient::Reply(id, answer) => {
                let reply = self.table.lock().replies.remove(&id);
                if let Some(reply) = reply {
                    reply.set(answer);
                }
            }
            ToClient::Event { topic, time_us, payload } => {
                self.notice(Notice::Event { topic, time_us, payload });
            }
            ToClient::Restarted => {
                let entries: Vec<_> =
                    self.table.lock().entries.values().filter_map(Weak::upgrade).collect();
                let reason = "the cluster was restarted".into();
                let outcome = Some(Outcome::Cancelled { reason });
                self.tell(entries.into_iter().map(|entry| (entry, outcome.clone())));
                self.notice(Notice::Restarted);
            }
            ToClient::Closing { reason } => self.end(&format!("the scheduler ended: {reason}")),
        }
    }

    fn hear_news(&self, news: Vec<News>) {
        let mut known: Vec<(Arc<Entry>, Option<Outcome>)> = Vec::with_capacity(news.len());
        let table = self.table.lock();
        for item in news {
            let (handle, outcome) = match item {
                News::Finished { handle, nbytes, type_name, inline } => {
                    (handle, Some(Outcome::Finished { nbytes, type_name, value: inline }))
                }
                News::Failed { handle, error } => (handle, Some(Outcome::Failed(error.into()))),
                News::Cancelled { handle, reason } => (handle, Some(Outcome::Cancelled { reason })),
                News::Lost { handle } | News::Retried { handle } => (handle, None),
            };
            // Nobody here may want it any more.
            let entry = table.entries.get(&handle).and_then(Weak::upgrade);
            known.extend(entry.map(|entry| (entry, outcome)));
        }
        // An entry that is dropped takes the lock.
        drop(table);
        self.tell(known.into_iter());
    }
}
