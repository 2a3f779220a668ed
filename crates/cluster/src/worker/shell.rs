//! The loop of a worker: the scheduler's messages, others who want data, clocks.

use std::future::pending;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use raskt_graph::hash::Map;
use raskt_wire::{
    FromWorker, Hello, Question, RequestId, Sent, TaskUid, ToWorker, Welcome, WorkerId,
};
use raskt_worker::{Event, Got};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval};

use super::WorkerOptions;
use super::link::WorkerLink;
use super::process::Process;
use super::serve::Server;
use super::store::{Held, New};
use crate::error::LinkError;
use crate::host::{Host, Reply};
use crate::net::{Arrival, Incoming, Listener, forward};
use crate::peers::Peers;
use crate::scheduler::spawn;

/// What comes to the loop from within the process.
pub(super) enum Told {
    /// The scheduler says something.
    Scheduler(Result<Vec<ToWorker>, LinkError>),
    Arrived(Arrival),
    /// The machine wants data.
    Fetch(WorkerId, Vec<TaskUid>),
    /// Move all results to others, then end; true: and be started again.
    Retire(Arc<str>, bool),
    Close(Arc<str>),
}

/// So many messages at most between two reports.
const BATCH: usize = 1024;
/// How long what is on its way out may take at the end.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long it may take the scheduler to move the results of a worker that goes.
const RETIRING: Duration = Duration::from_secs(60);

pub(super) struct Shell {
    options: WorkerOptions,
    link: Arc<WorkerLink>,
    process: Process,
    heartbeat: Duration,
    peers: Arc<Peers>,
    addresses: Map<WorkerId, Arc<str>>,
    server: Arc<Server>,
    questions: Sender<Asked>,
    ending: Option<Arc<str>>,
    /// Until when the scheduler may move the results away, and why.
    retiring: Option<(Instant, Arc<str>)>,
}

impl Shell {
    pub(super) fn new(
        options: WorkerOptions,
        link: Arc<WorkerLink>,
        incoming: Incoming,
        listener: Listener,
        heartbeat_us: u64,
    ) -> Shell {
        forward(incoming, None, link.told.clone(), Told::Scheduler);
        let (arrivals, mut arrived) = unbounded_channel();
        tokio::spawn(listener.serve(arrivals));
        let told = link.told.clone();
        tokio::spawn(async move {
            while let Some(arrival) = arrived.recv().await {
                if told.send(Told::Arrived(arrival)).is_err() {
                    return;
                }
            }
        });
        let peers =
            Peers::new(link.name().clone(), options.security.clone(), options.connect_timeout);
        Shell {
            server: Server::new(link.clone(), options.serving),
            process: Process::new(),
            heartbeat: Duration::from_micros(heartbeat_us.max(1000)),
            peers,
            addresses: Map::default(),
            questions: ask_in_order(link.host.clone()),
            ending: None,
            retiring: None,
            options,
            link,
        }
    }

    /// Runs until it is to end, and says why it did.
    pub(super) async fn run(mut self, mut told: UnboundedReceiver<Told>) -> Arc<str> {
        let mut heartbeat = interval(self.heartbeat);
        let mut memory = interval(self.options.memory_interval);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        memory.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let lifetime = self.options.lifetime.and_then(|time| Instant::now().checked_add(time));
        let mut lifetime = lifetime;
        let mut deadline = None;
        let mut batch = Vec::new();
        loop {
            let link = self.link.clone();
            let retired = self.retiring.as_ref().map(|(until, _)| *until);
            tokio::select! {
                _ = told.recv_many(&mut batch, BATCH) => {
                    batch.drain(..).for_each(|told| self.hear(told));
                }
                () = link.stepped.notified() => {}
                _ = heartbeat.tick() => self.beat(),
                _ = memory.tick() => self.look_at_memory(),
                () = at(deadline) => {}
                () = at(lifetime) => {
                    lifetime = None;
                    self.retire("its lifetime is over".into(), self.options.lifetime_restart);
                }
                () = at(retired) => self.ending = self.retiring.take().map(|(_, why)| why),
            }
            deadline = self.link.flush();
            if let Some(reason) = self.ending.take() {
                self.end(&reason).await;
                return reason;
            }
            // Writers run now, and readers look at their sockets.
            tokio::task::yield_now().await;
        }
    }

    fn hear(&mut self, told: Told) {
        match told {
            Told::Scheduler(Ok(messages)) => messages.into_iter().for_each(|m| self.obey(m)),
            Told::Scheduler(Err(error)) => {
                self.ending.get_or_insert(format!("the scheduler is gone: {error}").into());
                self.link.set_restart(true);
            }
            Told::Arrived(arrival) => self.welcome(arrival),
            Told::Fetch(peer, uids) => self.fetch(peer, uids),
            Told::Retire(reason, restart) => self.retire(reason, restart),
            Told::Close(reason) => {
                self.link.outbox.send(FromWorker::Leaving { reason: reason.clone() });
                self.ending.get_or_insert(reason);
            }
        }
    }

    fn obey(&mut self, message: ToWorker) {
        match message {
            ToWorker::Compute { orders, blobs } => {
                let mut known = self.link.blobs.lock();
                known.extend(blobs.into_iter().map(|blob| (blob.id, blob.value)));
                drop(known);
                let message = ToWorker::Compute { orders, blobs: Vec::new() };
                self.link.step(Event::FromScheduler(message));
            }
            ToWorker::Peer { id, ref address, .. } => {
                self.addresses.insert(id, address.clone());
                self.link.step(Event::FromScheduler(message));
            }
            ToWorker::PeerLeft(id) => {
                if let Some(address) = self.addresses.remove(&id) {
                    self.peers.forget(&address);
                }
                self.link.step(Event::FromScheduler(message));
            }
            ToWorker::Ask { id, op, payload } => self.ask(id, op, payload),
            ToWorker::Reply(id, answer) => self.link.answer(id, answer),
            ToWorker::Close { reason, restart } => {
                // Who retires has said what is to follow.
                if self.retiring.is_none() {
                    self.link.set_restart(restart);
                }
                self.ending = Some(reason);
            }
            message => self.link.step(Event::FromScheduler(message)),
        }
    }

    fn ask(&self, id: RequestId, op: Arc<str>, payload: Bytes) {
        let outbox = self.link.outbox.clone();
        let reply = Reply::new(Box::new(move |answer| {
            outbox.send(FromWorker::Answered(id, answer));
        }));
        // The thread ends with this loop.
        let _ = self.questions.send(Asked { id, op, payload, reply });
    }

    fn welcome(&self, Arrival { hello, link }: Arrival) {
        if let Hello::Peer(_) = hello {
            link.outbox.send(Welcome::Peer);
            tokio::spawn(self.server.clone().serve(link));
        } else {
            let reason = "this is a worker: it only has data; connect to its scheduler";
            link.outbox.send(Welcome::Refused { reason: reason.into() });
        }
    }

    fn fetch(&self, peer: WorkerId, uids: Vec<TaskUid>) {
        let (link, peers) = (self.link.clone(), self.peers.clone());
        let Some(address) = self.addresses.get(&peer).cloned() else {
            return link.step(Event::Unreachable { peer });
        };
        tokio::spawn(async move {
            let start = Instant::now();
            match peers.get(&address, uids).await {
                Ok(items) => fetched(&link, peer, items, start),
                Err(error) => {
                    tracing::warn!(peer = &*address, %error, "no data from a worker");
                    link.step(Event::Unreachable { peer });
                }
            }
        });
    }

    fn retire(&mut self, reason: Arc<str>, restart: bool) {
        self.link.set_restart(restart);
        if self.retiring.is_some() {
            return;
        }
        let question = Question::Retire {
            workers: vec![self.link.address().clone()],
            count: 0,
            close: true,
            remove: true,
        };
        let (told, why) = (self.link.told.clone(), reason.clone());
        // The scheduler sends the end when all is moved; if it cannot, the end comes anyway.
        self.link.request(question, move |answer| {
            if answer.is_err() {
                let _ = told.send(Told::Close(why));
            }
        });
        self.retiring = Some((Instant::now() + RETIRING, reason));
    }

    fn beat(&mut self) {
        let mut metrics = self.link.metrics();
        metrics.process_bytes = self.process.memory_bytes();
        metrics.cpu_percent = self.process.cpu_percent(metrics.time_us);
        metrics.fds = self.process.open_files();
        self.link.outbox.send(FromWorker::Heartbeat(Box::new(metrics)));
    }

    fn look_at_memory(&self) {
        if self.options.config.memory_limit > 0 {
            let process_bytes = self.process.memory_bytes();
            self.link.step(Event::Memory { process_bytes });
        }
    }

    async fn end(self, reason: &Arc<str>) {
        let _ = tokio::time::timeout(FAREWELL, self.link.outbox.finish()).await;
        self.link.shut(reason);
    }
}

/// A question for the program.
struct Asked {
    id: RequestId,
    op: Arc<str>,
    payload: Bytes,
    reply: Reply,
}

/// A thread that hands questions to the program, in the order in which they came.
fn ask_in_order(host: Arc<dyn Host>) -> Sender<Asked> {
    let (sender, questions) = channel();
    spawn("raskt-ask", move || {
        for Asked { id, op, payload, reply } in questions {
            host.ask(id, op, payload, reply);
        }
    });
    sender
}

/// Until then; for ever if there is no such time.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => pending().await,
    }
}

/// Keeps what came.
fn fetched(link: &WorkerLink, peer: WorkerId, items: Vec<(TaskUid, Sent)>, start: Instant) {
    let (mut values, mut received_bytes) = (Vec::new(), 0);
    let items = items.into_iter().map(|(uid, sent)| {
        let got = match sent {
            Sent::Value(value, nbytes) => {
                received_bytes += value.nbytes() as u64;
                let held = Held::Encoded(value);
                values.push(New { uid, key: None, held, nbytes });
                Got::Ok(nbytes)
            }
            Sent::Missing => Got::Missing,
            Sent::Busy => Got::Busy,
            Sent::Failed(text) => Got::Failed(text),
        };
        (uid, got)
    });
    let items = items.collect();
    let took_us = start.elapsed().as_micros() as u64;
    link.keep(values, Event::Fetched { peer, items, received_bytes, took_us });
}
