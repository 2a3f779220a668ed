//! The workers, and what is to be told to them: [`Workers`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use raskt_wire::{
    Blob, BlobId, Metrics, Order, TaskUid, ToWorker, WorkerHello, WorkerId, WorkerInfo,
    WorkerStatus,
};

use crate::event::Micros;
use crate::rank_set::RankSet;

/// One worker, as the scheduler sees it.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) hello: WorkerHello,
    pub(crate) status: WorkerStatus,
    pub(crate) metrics: Metrics,
    pub(crate) last_seen: Micros,
    /// The number of its machine.
    pub(crate) host: u32,
    /// What it has to run; each task knows its place.
    pub(crate) processing: Vec<Charged>,
    /// How many of these left their threads.
    pub(crate) long_running: u32,
    /// How many of these have been in trouble.
    pub(crate) suspects: u32,
    /// How many of these it was asked to give back.
    pub(crate) retracting: u32,
    /// The sum of the charges.
    pub(crate) occupancy_us: u64,
    /// Results here; each task or replica knows its place.
    pub(crate) holds: Vec<TaskUid>,
    /// The sum of their sizes.
    pub(crate) nbytes: u64,
    /// Actors that it has or makes.
    pub(crate) actors: u32,
    /// Workers whose address it was told.
    pub(crate) peers: RankSet,
    /// What it has of each resource, as last set.
    pub(crate) resources: BTreeMap<Arc<str>, f64>,
    pub(crate) outbox: Outbox,
}

/// A task that a worker has to run, and how long that is taken to keep it busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Charged {
    pub(crate) uid: TaskUid,
    pub(crate) us: u64,
    /// Is it not known yet how long such tasks run?
    pub(crate) is_guess: bool,
}

/// What is to be told to a worker at the next flush, in the order in which it is sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Is the worker in the list of those that are to be told something?
    pub(crate) is_listed: bool,
    pub(crate) posted: Vec<ToWorker>,
    pub(crate) free: Vec<TaskUid>,
    /// Peers come before the orders that name them.
    pub(crate) peers: Vec<ToWorker>,
    pub(crate) blobs: Vec<Blob>,
    pub(crate) orders: Vec<Order>,
}

impl Outbox {
    /// Moves everything to `out`.
    pub(crate) fn empty_into(&mut self, id: WorkerId, out: &mut Vec<(WorkerId, ToWorker)>) {
        self.is_listed = false;
        out.extend(self.peers.drain(..).map(|peer| (id, peer)));
        // Before the news that nobody needs some bytes any more.
        if !self.free.is_empty() {
            out.push((id, ToWorker::Free(std::mem::take(&mut self.free))));
        }
        out.extend(self.posted.drain(..).map(|message| (id, message)));
        if !self.orders.is_empty() {
            let orders = std::mem::take(&mut self.orders);
            let blobs = std::mem::take(&mut self.blobs);
            out.push((id, ToWorker::Compute { orders, blobs }));
        }
    }
}

impl Worker {
    /// Tasks that take a thread, or will.
    pub(crate) fn load(&self) -> u32 {
        self.processing.len() as u32 - self.long_running
    }

    pub(crate) fn threads(&self) -> u32 {
        self.hello.nthreads.max(1)
    }

    /// Expected microseconds until a thread is free.
    pub(crate) fn backlog_us(&self) -> u64 {
        self.occupancy_us / u64::from(self.threads())
    }

    pub(crate) fn is_running(&self) -> bool {
        self.status == WorkerStatus::Running
    }

    pub(crate) fn address(&self) -> &Arc<str> {
        &self.hello.address
    }

    /// Bytes of memory in use: of the process as reported, or of the results if more.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.metrics.process_bytes.max(self.nbytes)
    }

    /// Does this name (an address, a name or a host) mean it?
    pub(crate) fn is_called(&self, name: &str) -> bool {
        *self.hello.address == *name || *self.hello.name == *name || *self.hello.host == *name
    }

    pub(crate) fn info(&self) -> WorkerInfo {
        WorkerInfo {
            id: self.id,
            hello: self.hello.clone(),
            status: self.status,
            metrics: self.metrics.clone(),
            last_seen_us: self.last_seen.0,
            results: (self.holds.len() as u64, self.nbytes),
            processing: self.processing.len() as u64,
            occupancy_us: self.occupancy_us,
        }
    }
}

/// All workers, and which of them are in what mood.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    list: Vec<Option<Box<Worker>>>,
    /// All that are there.
    pub(crate) alive: RankSet,
    /// Those that take tasks.
    pub(crate) running: RankSet,
    /// Those that take tasks and have a free thread.
    pub(crate) idle: RankSet,
    /// Those that queued tasks may be given to.
    pub(crate) open: RankSet,
    /// The threads of these.
    pub(crate) open_threads: u64,
    /// The threads of those that take tasks.
    pub(crate) running_threads: u64,
    /// The sum of all occupancies.
    pub(crate) occupancy_us: u64,
    hosts: BTreeMap<Arc<str>, u32>,
    /// The addresses of all that ever were, for those who look back.
    addresses: BTreeMap<u32, Arc<str>>,
    /// Those that are to be told something.
    pub(crate) listed: Vec<u32>,
    /// Where the search for an idle worker goes on.
    pub(crate) cursor: u32,
}

impl Workers {
    pub(crate) fn get(&self, number: u32) -> Option<&Worker> {
        self.list.get(number as usize)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Worker> {
        self.list.get_mut(number as usize)?.as_deref_mut()
    }

    pub(crate) fn add(&mut self, id: WorkerId, hello: WorkerHello, now: Micros) {
        let next_host = self.hosts.len() as u32;
        let host = *self.hosts.entry(hello.host.clone()).or_insert(next_host);
        let worker = Worker {
            id,
            status: WorkerStatus::Running,
            metrics: Metrics::default(),
            last_seen: now,
            host,
            processing: Vec::new(),
            long_running: 0,
            suspects: 0,
            retracting: 0,
            occupancy_us: 0,
            holds: Vec::new(),
            nbytes: 0,
            actors: 0,
            peers: RankSet::default(),
            resources: hello.resources.iter().cloned().collect(),
            outbox: Outbox::default(),
            hello,
        };
        self.addresses.insert(id.0, worker.address().clone());
        let place = id.0 as usize;
        if self.list.len() <= place {
            self.list.resize_with(place + 1, || None);
        }
        self.list[place] = Some(Box::new(worker));
        self.alive.insert(id.0);
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<Box<Worker>> {
        let worker = self.list.get_mut(number as usize)?.take()?;
        self.alive.remove(number);
        self.idle.remove(number);
        if self.running.remove(number) {
            self.running_threads -= u64::from(worker.threads());
        }
        if self.open.remove(number) {
            self.open_threads -= u64::from(worker.threads());
        }
        self.occupancy_us -= worker.occupancy_us;
        Some(worker)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Worker> + '_ {
        self.alive.iter().filter_map(|number| self.get(number))
    }

    /// The address of a worker, also of one that is gone.
    pub(crate) fn address_of(&self, number: u32) -> Arc<str> {
        self.addresses.get(&number).cloned().unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.alive.len()
    }

    /// The workers that these names (addresses, names or hosts) mean, ascending.
    pub(crate) fn called(&self, names: &[Arc<str>]) -> BTreeSet<u32> {
        let wanted = |worker: &&Worker| names.iter().any(|name| worker.is_called(name));
        self.iter().filter(wanted).map(|worker| worker.id.0).collect()
    }

    /// The worker's outbox; it will be emptied at the next flush. None: it is gone.
    pub(crate) fn outbox(&mut self, number: u32) -> Option<&mut Outbox> {
        let worker = self.list.get_mut(number as usize)?.as_mut()?;
        if !worker.outbox.is_listed {
            worker.outbox.is_listed = true;
            self.listed.push(number);
        }
        Some(&mut worker.outbox)
    }

    pub(crate) fn post(&mut self, number: u32, message: ToWorker) {
        if let Some(outbox) = self.outbox(number) {
            outbox.posted.push(message);
        }
    }

    /// Tells the worker that no task needs these shared bytes.
    pub(crate) fn post_forget(&mut self, number: u32, blob: BlobId) {
        let Some(outbox) = self.outbox(number) else { return };
        if let Some(ToWorker::ForgetBlobs(all)) = outbox.posted.last_mut() {
            all.push(blob);
        } else {
            outbox.posted.push(ToWorker::ForgetBlobs(vec![blob]));
        }
    }

    pub(crate) fn post_free(&mut self, number: u32, uid: TaskUid) {
        if let Some(outbox) = self.outbox(number) {
            outbox.free.push(uid);
        }
    }

    /// Tells `number` where `peer` is, unless it knows.
    pub(crate) fn introduce(&mut self, number: u32, peer: u32) {
        let known = |worker: &Worker| number == peer || worker.peers.contains(peer);
        if self.get(number).is_none_or(known) {
            return;
        }
        let Some(other) = self.get(peer) else { return };
        let (address, host) = (other.hello.address.clone(), other.hello.host.clone());
        if let Some(worker) = self.get_mut(number) {
            worker.peers.insert(peer);
        }
        if let Some(outbox) = self.outbox(number) {
            outbox.peers.push(ToWorker::Peer { id: WorkerId(peer), address, host });
        }
    }

    /// Recalculates in which sets the worker is.
    pub(crate) fn refresh(&mut self, number: u32, saturation: f64, ahead_us: u64, ahead: u32) {
        let Some(worker) = self.list[number as usize].as_deref() else { return };
        let (is_running, load, threads) = (worker.is_running(), worker.load(), worker.threads());
        let slots = slots(threads, saturation);
        let is_ahead = load >= threads.saturating_mul(ahead) || worker.backlog_us() >= ahead_us;
        let is_open = is_running && (load < slots || !is_ahead);
        self.idle.set(number, is_running && load < threads);
        let threads = u64::from(threads);
        if self.running.set(number, is_running) {
            if is_running {
                self.running_threads += threads;
            } else {
                self.running_threads -= threads;
            }
        }
        if self.open.set(number, is_open) {
            if is_open {
                self.open_threads += threads;
            } else {
                self.open_threads -= threads;
            }
        }
    }
}

/// How many root tasks a worker with so many threads is given at once.
pub(crate) fn slots(threads: u32, saturation: f64) -> u32 {
    ((f64::from(threads) * saturation).ceil() as u32).max(1)
}
