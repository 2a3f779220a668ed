//! The loop of a scheduler: events from connections in batches, actions to connections.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use raskt_graph::hash::Map;
use raskt_scheduler::{Actions, Event, Micros, Scheduler, View};
use raskt_wire::{
    ClientId, FromClient, FromNanny, FromWorker, Hello, ToClient, ToWorker, Welcome, WorkerId,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;

use super::SchedulerOptions;
use super::nannies::Nannies;
use crate::clock::Clock;
use crate::error::LinkError;
use crate::net::{Arrival, Link, Listener, Outbox, forward};

/// What comes to the loop.
pub(super) enum Heard {
    Arrived(Arrival),
    Client(ClientId, Result<Vec<FromClient>, LinkError>),
    Worker(WorkerId, Result<Vec<FromWorker>, LinkError>),
    Nanny(Arc<str>, Result<Vec<FromNanny>, LinkError>),
    /// The nanny of a lost worker had time to say how it ended.
    Overdue(WorkerId),
    Inspect(Box<dyn FnOnce(&View<'_>) + Send>),
    Close(Arc<str>),
}

/// So many events at most between two rounds of sending.
const BATCH: usize = 4096;
/// With so much to be written, a connection is given up.
const STUCK_BYTES: usize = 4 << 30;
/// How long what is on its way out may take at the end.
const FAREWELL: Duration = Duration::from_secs(2);

pub(super) struct Shell {
    scheduler: Scheduler,
    clock: Clock,
    actions: Actions,
    heartbeat_us: u64,
    id: Arc<str>,
    clients: Map<ClientId, Connection>,
    workers: Map<WorkerId, Connection>,
    nannies: Nannies,
    last_client: u32,
    last_worker: u32,
    heard: UnboundedSender<Heard>,
    ending: Option<Arc<str>>,
}

struct Connection {
    outbox: Outbox,
    reader: AbortHandle,
    peer: Arc<str>,
}

impl Connection {
    /// Does the other side read so little that it is given up?
    fn stuck(&self) -> Option<LinkError> {
        let queued = self.outbox.queued_bytes();
        (queued > STUCK_BYTES).then_some(LinkError::Stuck { queued })
    }

    /// Ends it when all that was sent is delivered.
    fn close(self) {
        self.reader.abort();
        tokio::spawn(async move {
            if tokio::time::timeout(FAREWELL, self.outbox.finish()).await.is_err() {
                self.outbox.abort();
            }
        });
    }
}

/// So many heartbeats may be missing before a worker can count as lost.
const FEW_BEATS: u64 = 4;

impl Shell {
    pub(super) fn new(
        options: &SchedulerOptions,
        id: Arc<str>,
        heard: UnboundedSender<Heard>,
        listeners: Vec<Listener>,
    ) -> Shell {
        let (arrivals, mut arrived) = unbounded_channel();
        let address = listeners.first().map(|listener| listener.address().clone());
        for listener in listeners {
            tokio::spawn(listener.serve(arrivals.clone()));
        }
        let to = heard.clone();
        tokio::spawn(async move {
            while let Some(arrival) = arrived.recv().await {
                let _ = to.send(Heard::Arrived(arrival));
            }
        });
        let clock = Clock::new();
        let now = Micros(clock.now_us());
        let mut config = options.config.clone();
        if let Some(address) = address {
            config.address = address.to_string().into();
        }
        let heartbeat_us = options.heartbeat.as_micros() as u64;
        // A worker that is well must not be taken for lost.
        config.worker_ttl_us = config.worker_ttl_us.map(|ttl| ttl.max(FEW_BEATS * heartbeat_us));
        Shell {
            scheduler: Scheduler::new(config, id.clone(), now),
            clock,
            actions: Actions::default(),
            heartbeat_us,
            id,
            clients: Map::default(),
            workers: Map::default(),
            nannies: Nannies::default(),
            last_client: 0,
            last_worker: 0,
            heard,
            ending: None,
        }
    }

    /// Runs until it is told to end, and says why it did.
    pub(super) async fn run(mut self, mut events: UnboundedReceiver<Heard>) -> Arc<str> {
        let mut batch = Vec::new();
        loop {
            let deadline = self.scheduler.next_deadline().map(|at| self.clock.instant(at.0));
            let due = async move {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = events.recv_many(&mut batch, BATCH) => {}
                () = due => {}
            }
            let now = Micros(self.clock.now_us());
            for heard in batch.drain(..) {
                self.hear(now, heard);
            }
            if self.scheduler.next_deadline().is_some_and(|at| at <= now) {
                self.scheduler.tick(now, &mut self.actions);
            }
            self.scheduler.flush(now, &mut self.actions);
            self.send();
            if let Some(reason) = self.ending.take() {
                self.end(&reason).await;
                return reason;
            }
            // Writers run now, and readers look at their sockets.
            tokio::task::yield_now().await;
        }
    }

    fn hear(&mut self, now: Micros, heard: Heard) {
        match heard {
            Heard::Arrived(arrival) => self.welcome(now, arrival),
            Heard::Client(id, Ok(messages)) => {
                for message in messages {
                    self.handle(now, Event::FromClient(id, message));
                }
            }
            Heard::Client(id, Err(error)) => {
                if let Some(client) = self.clients.remove(&id) {
                    log_end("client", &client.peer, &error);
                    client.close();
                    self.handle(now, Event::ClientLeft(id));
                }
            }
            Heard::Worker(id, Ok(messages)) => {
                for message in messages {
                    self.handle(now, Event::FromWorker(id, message));
                }
            }
            Heard::Worker(id, Err(error)) => self.lost(now, id, &error),
            Heard::Nanny(nanny, Ok(messages)) => {
                for FromNanny::Ended { pid, ending, .. } in messages {
                    if let Some(id) = self.nannies.ended(&nanny, pid, ending.clone()) {
                        self.left(now, id, ending);
                    }
                }
            }
            Heard::Nanny(nanny, Err(error)) => {
                log_end("nanny", &nanny, &error);
                for (id, cause) in self.nannies.left(&nanny) {
                    self.left(now, id, cause);
                }
            }
            Heard::Overdue(id) => {
                if let Some(cause) = self.nannies.overdue(id) {
                    self.left(now, id, cause);
                }
            }
            Heard::Inspect(look) => look(&self.scheduler.view()),
            Heard::Close(reason) => self.ending = Some(reason),
        }
    }

    fn handle(&mut self, now: Micros, event: Event) {
        self.scheduler.handle(now, event, &mut self.actions);
    }

    fn welcome(&mut self, now: Micros, Arrival { hello, link }: Arrival) {
        match hello {
            Hello::Client(hello) => {
                self.last_client += 1;
                let id = ClientId(self.last_client);
                let (scheduler, warning) = (self.id.clone(), "".into());
                link.outbox.send(Welcome::Client { id, scheduler, warning });
                let client = self.connection(link, move |heard| Heard::Client(id, heard));
                self.clients.insert(id, client);
                self.handle(now, Event::ClientJoined(id, *hello));
            }
            Hello::Worker(hello) => {
                self.last_worker += 1;
                let id = WorkerId(self.last_worker);
                let scheduler = self.id.clone();
                let heartbeat_us = self.heartbeat_us;
                link.outbox.send(Welcome::Worker { id, scheduler, heartbeat_us });
                let worker = self.connection(link, move |heard| Heard::Worker(id, heard));
                self.workers.insert(id, worker);
                self.nannies.worker_joined(id, &hello);
                self.handle(now, Event::WorkerJoined(id, *hello));
            }
            Hello::Nanny(hello) => {
                link.outbox.send(Welcome::Peer);
                let (name, outbox) = (hello.nanny.clone(), link.outbox.clone());
                let connection =
                    self.connection(link, move |heard| Heard::Nanny(name.clone(), heard));
                drop(connection);
                self.nannies.joined(hello.nanny, outbox);
            }
            Hello::Peer(_) => {
                let reason = "this is a scheduler: it has no data; ask a worker";
                link.outbox.send(Welcome::Refused { reason: reason.into() });
            }
        }
    }

    fn connection<M: raskt_wire::Wire + Send + 'static>(
        &self,
        link: Link,
        wrap: impl Fn(Result<Vec<M>, LinkError>) -> Heard + Send + 'static,
    ) -> Connection {
        let Link { incoming, outbox, peer } = link;
        let reader = forward(incoming, Some(outbox.clone()), self.heard.clone(), wrap);
        Connection { outbox, reader, peer }
    }

    /// A worker's connection ended: its nanny may know more of the end than the socket does.
    fn lost(&mut self, now: Micros, id: WorkerId, error: &LinkError) {
        let Some(worker) = self.workers.remove(&id) else { return };
        log_end("worker", &worker.peer, error);
        worker.close();
        match self.nannies.lost(id, error.to_string().into()) {
            Some(cause) => self.left(now, id, cause),
            None => {
                let heard = self.heard.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(super::nannies::PATIENCE).await;
                    let _ = heard.send(Heard::Overdue(id));
                });
            }
        }
    }

    fn left(&mut self, now: Micros, id: WorkerId, cause: Arc<str>) {
        if let Some(worker) = self.workers.remove(&id) {
            worker.close();
        }
        self.nannies.forget(id);
        self.handle(now, Event::WorkerLeft(id, cause));
    }

    fn send(&mut self) {
        let actions = std::mem::take(&mut self.actions);
        for (id, message) in actions.to_clients {
            if let Some(client) = self.clients.get(&id) {
                client.outbox.send(message);
                if let Some(error) = client.stuck() {
                    let _ = self.heard.send(Heard::Client(id, Err(error)));
                }
            }
        }
        for (id, message) in actions.to_workers {
            if let Some(worker) = self.workers.get(&id) {
                worker.outbox.send(message);
                if let Some(error) = worker.stuck() {
                    let _ = self.heard.send(Heard::Worker(id, Err(error)));
                }
            }
        }
        for id in actions.restart_workers {
            let reason = "the cluster is restarted";
            let asked = self.nannies.restart(id, reason);
            if let Some(worker) = self.workers.get(&id).filter(|_| !asked) {
                let (reason, restart) = (reason.into(), true);
                worker.outbox.send(ToWorker::Close { reason, restart });
            }
        }
        for (id, reason) in actions.drop_workers {
            if let Some(worker) = self.workers.remove(&id) {
                tracing::warn!(worker = &*worker.peer, reason = &*reason, "worker dropped");
                worker.outbox.send(ToWorker::Close { reason, restart: true });
                worker.close();
            }
            self.nannies.forget(id);
        }
        if let Some(reason) = actions.shutdown {
            self.ending.get_or_insert(reason);
        }
    }

    /// Says goodbye to all.
    async fn end(self, reason: &Arc<str>) {
        for worker in self.workers.values() {
            worker.outbox.send(ToWorker::Close { reason: reason.clone(), restart: false });
        }
        for client in self.clients.values() {
            client.outbox.send(ToClient::Closing { reason: reason.clone() });
        }
        let outboxes: Vec<Outbox> = self
            .workers
            .into_values()
            .chain(self.clients.into_values())
            .map(|connection| connection.outbox)
            .chain(self.nannies.close(reason))
            .collect();
        let finish = async {
            for outbox in &outboxes {
                outbox.finish().await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL, finish).await;
    }
}

fn log_end(who: &str, peer: &str, error: &LinkError) {
    match error {
        LinkError::Closed => tracing::info!(who, peer, "connection closed"),
        error => tracing::warn!(who, peer, %error, "connection lost"),
    }
}
