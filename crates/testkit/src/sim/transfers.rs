//! Data between processes, and between clients and processes.

use raskt_wire::{TaskUid, WorkerId};
use raskt_worker::{Event, Got};

use crate::sim::client::ClientEvent;
use crate::sim::net::Way;
use crate::sim::process::WorkerEvent;
use crate::sim::world::{What, World};

/// Who wants results.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Asker {
    Worker { process: usize, life: u64, peer: WorkerId, since: u64 },
    Client { client: usize, request: u64 },
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Served {
    Value { place: usize, value: i64, nbytes: u64 },
    Missing,
    Busy,
    Unreadable,
}

/// So many are served at once.
const MAX_SERVED: u32 = 3;

impl World {
    /// The process in which a worker lives.
    pub(crate) fn process_of(&self, worker: WorkerId) -> Option<usize> {
        self.processes.iter().position(|process| process.id == Some(worker))
    }

    pub(crate) fn ask_peer(&mut self, process: usize, peer: WorkerId, uids: Vec<TaskUid>) {
        let life = self.processes[process].life;
        let asker = Asker::Worker { process, life, peer, since: self.now };
        let reached = self
            .process_of(peer)
            .filter(|target| self.net.open_from(Way::Peers(process, *target)) <= self.now);
        let latency = self.latency();
        match reached {
            Some(target) => {
                let life = self.processes[target].life;
                let event = WorkerEvent::Asked(asker, uids);
                self.after(latency, What::Worker { process: target, life, event });
            }
            // It takes a while to find out.
            None => {
                let after = self.rng.spread(1_000, 3_000_000);
                self.tell_asker_that_it_failed(asker, after);
            }
        }
    }

    pub(crate) fn ask_for_client(
        &mut self,
        client: usize,
        request: u64,
        worker: WorkerId,
        uid: TaskUid,
    ) {
        let asker = Asker::Client { client, request };
        let latency = self.latency();
        match self.process_of(worker) {
            Some(process) => {
                let life = self.processes[process].life;
                let event = WorkerEvent::Asked(asker, vec![uid]);
                self.after(latency, What::Worker { process, life, event });
            }
            None => self.tell_asker_that_it_failed(asker, latency),
        }
    }

    pub(crate) fn on_asked(&mut self, process: usize, asker: Asker, uids: &[TaskUid]) {
        let this = &mut self.processes[process];
        let is_busy = this.serving >= MAX_SERVED;
        let mut bytes = 0;
        let mut serve = |uid: &TaskUid| {
            let served = match this.store.get(*uid) {
                _ if is_busy => Served::Busy,
                None => Served::Missing,
                Some(held) if self.code.items[held.place].is_unreadable => Served::Unreadable,
                Some(held) => {
                    bytes += held.nbytes;
                    Served::Value { place: held.place, value: held.value, nbytes: held.nbytes }
                }
            };
            (*uid, served)
        };
        let items: Vec<(TaskUid, Served)> = uids.iter().map(&mut serve).collect();
        this.serving += 1;
        let life = this.life;
        let event = WorkerEvent::Served(asker, items, bytes);
        self.after(bytes / self.plan.bandwidth, What::Worker { process, life, event });
    }

    pub(crate) fn on_served(
        &mut self,
        process: usize,
        asker: Asker,
        items: Vec<(TaskUid, Served)>,
        bytes: u64,
    ) {
        self.processes[process].serving -= 1;
        let latency = self.latency();
        match asker {
            Asker::Worker { process: to, life, peer, since } => {
                let us = self.now + latency - since;
                let from = self.net.open_from(Way::Peers(process, to)).max(self.now);
                let event = WorkerEvent::Fetched { peer, items, bytes, us };
                self.at(from + latency, What::Worker { process: to, life, event });
            }
            Asker::Client { client, request } => {
                let served = items.first().map_or(Served::Missing, |(_, served)| *served);
                let event = ClientEvent::Got(request, served);
                self.after(latency, What::Client(client, event));
            }
        }
    }

    pub(crate) fn on_fetched(
        &mut self,
        process: usize,
        peer: WorkerId,
        items: Vec<(TaskUid, Served)>,
        received_bytes: u64,
        took_us: u64,
    ) {
        let store = &mut self.processes[process].store;
        let got = |(uid, served): (TaskUid, Served)| {
            let got = match served {
                Served::Value { place, value, nbytes } => {
                    store.insert(uid, place, value, nbytes);
                    Got::Ok(nbytes)
                }
                Served::Missing => Got::Missing,
                Served::Busy => Got::Busy,
                Served::Unreadable => Got::Failed("it has no form as bytes".into()),
            };
            (uid, got)
        };
        let items = items.into_iter().map(got).collect();
        self.tell_worker(process, Event::Fetched { peer, items, received_bytes, took_us });
    }

    pub(crate) fn on_put(
        &mut self,
        process: usize,
        client: usize,
        request: u64,
        uid: TaskUid,
        place: usize,
    ) {
        let item = &self.code.items[place];
        let (value, nbytes) = (item.expected, item.nbytes);
        self.processes[process].store.insert(uid, place, value, nbytes);
        self.tell_worker(process, Event::Put { items: vec![(uid, nbytes)] });
        let latency = self.latency();
        let worker = self.processes[process].id;
        self.after(latency, What::Client(client, ClientEvent::Kept(request, worker)));
    }

    /// What was meant for a process that is not there any more.
    pub(crate) fn nobody_is_there(&mut self, event: WorkerEvent) {
        let latency = self.latency();
        match event {
            WorkerEvent::Asked(asker, _) | WorkerEvent::Served(asker, ..) => {
                self.tell_asker_that_it_failed(asker, latency);
            }
            WorkerEvent::Put { client, request, .. } => {
                self.after(latency, What::Client(client, ClientEvent::Kept(request, None)));
            }
            _ => {}
        }
    }

    fn tell_asker_that_it_failed(&mut self, asker: Asker, after: u64) {
        match asker {
            Asker::Worker { process, life, peer, .. } => {
                let event = WorkerEvent::Unreachable { peer };
                self.after(after, What::Worker { process, life, event });
            }
            Asker::Client { client, request } => {
                let event = ClientEvent::Got(request, Served::Missing);
                self.after(after, What::Client(client, event));
            }
        }
    }
}
