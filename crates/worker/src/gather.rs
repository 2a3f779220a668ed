//! Fetching results from peers: what is needed, whom to ask for it, and what becomes of that.

use raskt_wire::{Cause, FromWorker, Input, Span, TaskError, TaskUid, WorkerId};

use crate::event::{Action, Got};
use crate::peers::Flight;
use crate::task::{Rank, Source, State, Task};
use crate::worker::Worker;

/// What a result of unknown size is taken for.
const UNKNOWN_BYTES: u64 = 1024;

impl Worker {
    /// A task uses this result: it is fetched if it is not here.
    pub(crate) fn need(&mut self, input: &Input, rank: Rank) {
        let task = self
            .tasks
            .entry(input.uid)
            .or_insert_with(|| Task { nbytes: input.nbytes, ..Task::new(State::Missing) });
        task.users += 1;
        let is_new = task.source.is_none();
        if task.state.is_elsewhere() {
            self.want(input.uid, &input.holders, rank);
            if is_new && self.missing.contains(&input.uid) {
                self.ask_now(input.uid);
            }
        }
    }

    /// A result that is not here is to be fetched from one of these, or of those known before.
    pub(crate) fn want(&mut self, uid: TaskUid, holders: &[WorkerId], rank: Rank) {
        let Some(task) = self.tasks.get(&uid) else { return };
        if !task.state.is_elsewhere() {
            return;
        }
        let known = task.source.as_ref();
        let knows = |source: &Source| {
            source.rank <= rank && holders.iter().all(|holder| source.holders.contains(holder))
        };
        if known.is_some_and(|source| knows(source)) {
            return;
        }
        let rank = known.map_or(rank, |source| source.rank.min(rank));
        let mut all = known.map_or_else(Vec::new, |source| source.holders.clone());
        all.extend_from_slice(holders);
        self.look_at(uid, all, rank);
    }

    /// A result is to be fetched from exactly these.
    fn look_at(&mut self, uid: TaskUid, mut holders: Vec<WorkerId>, rank: Rank) {
        holders.sort_unstable();
        holders.dedup();
        // Who takes this worker for a holder is wrong: it would not look for it.
        holders.retain(|holder| *holder != self.id);
        self.stop_fetching(uid);
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        task.state = match self.flights.get(&uid) {
            Some(peer) => State::Flight(*peer),
            None if holders.is_empty() => State::Missing,
            None => State::Wanted,
        };
        match task.state {
            State::Wanted => {
                for holder in &holders {
                    self.peers.entry(*holder).or_default().queue.insert((rank, uid));
                    self.asked_for.insert(*holder);
                }
            }
            State::Missing => self.missing_since(uid),
            _ => {}
        }
        if let Some(task) = self.tasks.get_mut(&uid) {
            task.source = Some(Box::new(Source { holders, rank }));
        }
    }

    /// An order was given up, but its result is used by others here.
    pub(crate) fn seek(&mut self, uid: TaskUid) {
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        task.state = State::Missing;
        self.look_at(uid, Vec::new(), Rank::Needed(Default::default()));
        if self.missing.contains(&uid) {
            self.ask_now(uid);
        }
    }

    /// Takes a result out of the queues of those who have it. What is on its way comes.
    pub(crate) fn stop_fetching(&mut self, uid: TaskUid) {
        self.missing.remove(&uid);
        if let Some(task) = self.tasks.get_mut(&uid)
            && let Some(source) = task.source.take()
        {
            self.leave_peers(uid, &source);
        }
    }

    /// The same for a task that is forgotten.
    pub(crate) fn leave_queues(&mut self, uid: TaskUid, task: &mut Task) {
        if let Some(source) = task.source.take() {
            self.leave_peers(uid, &source);
        }
    }

    fn leave_peers(&mut self, uid: TaskUid, source: &Source) {
        for holder in &source.holders {
            let Some(peer) = self.peers.get_mut(holder) else { continue };
            peer.queue.remove(&(source.rank, uid));
            if peer.queue.is_empty() {
                self.asked_for.remove(holder);
            }
        }
    }

    /// Nobody is known to have this.
    fn missing_since(&mut self, uid: TaskUid) {
        if self.missing.is_empty() {
            self.ask_at = self.now.after(self.config.missing_retry_us);
        }
        self.missing.insert(uid);
    }

    /// Asks the scheduler who has this: surely not this worker. A copy in the background is
    /// given up with that: whoever wants it will say so again.
    pub(crate) fn ask_now(&mut self, uid: TaskUid) {
        self.report_missing(uid, self.id);
        if let Some(task) = self.tasks.get_mut(&uid)
            && task.users == 0
        {
            task.claimed = false;
            self.release(uid);
        }
    }

    pub(crate) fn report_missing(&mut self, uid: TaskUid, from: WorkerId) {
        match self.outbox.last_mut() {
            Some(FromWorker::Missing { uids, holder }) if *holder == from => uids.push(uid),
            _ => {
                let message = FromWorker::Missing { uids: vec![uid], holder: from };
                self.report_before_results(message);
            }
        }
    }

    /// This peer is not to be asked for it any more. Is nobody left?
    pub(crate) fn lose_holder(&mut self, uid: TaskUid, holder: WorkerId) -> bool {
        let Some(task) = self.tasks.get(&uid) else { return false };
        let Some(source) = &task.source else { return false };
        let rank = source.rank;
        let left = source.holders.iter().copied().filter(|known| *known != holder).collect();
        self.look_at(uid, left, rank);
        self.missing.contains(&uid)
    }

    /// Asks peers while there are connections, bytes and something to ask for.
    pub(crate) fn fetch(&mut self) {
        while !self.paused && self.connections < self.config.connections {
            let Some(peer) = self.choose_peer() else { return };
            if !self.ask(peer) {
                return;
            }
        }
    }

    /// Who has the most urgent result: on the same machine first, then who has most, then the
    /// lowest number.
    fn choose_peer(&self) -> Option<WorkerId> {
        let peers = self.asked_for.iter().filter_map(|id| Some((*id, self.peers.get(id)?)));
        let idle = peers.filter(|(_, peer)| {
            peer.flight.is_none() && peer.retry_at.is_none_or(|at| at <= self.now)
        });
        let key = |(id, peer): &(WorkerId, &crate::peers::Peer)| {
            let top = peer.queue.first().map(|(rank, _)| *rank);
            (top, !peer.is_near, std::cmp::Reverse(peer.queue.len()), *id)
        };
        idle.min_by_key(key).map(|(id, _)| id)
    }

    /// Asks a peer for what fits. False: nothing does.
    fn ask(&mut self, id: WorkerId) -> bool {
        let Some(peer) = self.peers.get_mut(&id) else { return false };
        let in_flight = self.config.share(Some(self.config.transfer)).unwrap_or(u64::MAX);
        let (mut uids, mut nbytes) = (Vec::new(), 0);
        for (_, uid) in &peer.queue {
            let size = self.tasks.get(uid).map_or(0, |task| task.nbytes).max(UNKNOWN_BYTES);
            let is_first = uids.is_empty() && self.connections == 0;
            let fits = self.bytes_in_flight.saturating_add(nbytes).saturating_add(size)
                <= in_flight
                && (uids.is_empty() || nbytes + size <= self.config.message_bytes);
            if !fits && !is_first {
                break;
            }
            uids.push(*uid);
            nbytes += size;
        }
        if uids.is_empty() {
            return false;
        }
        peer.retry_at = None;
        peer.flight = Some(Flight { uids: uids.clone(), nbytes });
        self.connections += 1;
        self.bytes_in_flight += nbytes;
        for uid in &uids {
            self.flights.insert(*uid, id);
            let Some(task) = self.tasks.get_mut(uid) else { continue };
            task.state = State::Flight(id);
            // Where else it is stays known, in case this fails.
            if let Some(source) = task.source.take() {
                self.leave_peers(*uid, &source);
                if let Some(task) = self.tasks.get_mut(uid) {
                    task.source = Some(source);
                }
            }
        }
        self.actions.push(Action::Fetch { peer: id, uids });
        true
    }

    /// A request has ended: what it was for is not on its way any more.
    fn land(&mut self, id: WorkerId) -> Option<Vec<TaskUid>> {
        let peer = self.peers.get_mut(&id)?;
        let flight = peer.flight.take()?;
        if peer.is_gone && peer.queue.is_empty() {
            self.peers.remove(&id);
        }
        self.connections -= 1;
        self.bytes_in_flight -= flight.nbytes;
        for uid in &flight.uids {
            self.flights.remove(uid);
        }
        Some(flight.uids)
    }

    pub(crate) fn on_fetched(&mut self, id: WorkerId, items: Vec<(TaskUid, Got)>) {
        let Some(mut asked) = self.land(id) else { return };
        for (uid, got) in items {
            let before = asked.len();
            asked.retain(|known| *known != uid);
            if asked.len() == before {
                continue;
            }
            match got {
                Got::Ok(nbytes) => self.arrived(uid, nbytes),
                Got::Missing => self.not_there(uid, id),
                Got::Busy => {
                    self.put_off(id);
                    self.lose_holder_if_gone(uid, id);
                }
                Got::Failed(text) => self.on_codec(uid, id, &text),
            }
        }
        for uid in asked {
            self.not_there(uid, id);
        }
    }

    /// The peer has nothing any more that it was to be asked for.
    pub(crate) fn on_unreachable(&mut self, id: WorkerId) {
        let Some(mut uids) = self.land(id) else { return };
        self.put_off(id);
        let peer = self.peers.get(&id);
        uids.extend(peer.into_iter().flat_map(|peer| peer.queue.iter().map(|(_, uid)| *uid)));
        for uid in uids {
            self.not_there(uid, id);
        }
    }

    /// Not to be asked for a while.
    fn put_off(&mut self, id: WorkerId) {
        let retry_at = self.now.after(self.config.peer_retry_us);
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.retry_at = Some(retry_at);
        }
    }

    /// A result is to be fetched again, from the same peer too unless it has left.
    fn lose_holder_if_gone(&mut self, uid: TaskUid, id: WorkerId) {
        let Some(task) = self.tasks.get(&uid) else { return };
        let Some(source) = &task.source else { return };
        let (holders, rank) = (source.holders.clone(), source.rank);
        self.look_at(uid, holders, rank);
        if self.missing.contains(&uid) {
            self.report_missing(uid, id);
        }
    }

    fn not_there(&mut self, uid: TaskUid, id: WorkerId) {
        if self.tasks.get(&uid).is_some_and(|task| task.state.is_elsewhere()) {
            self.lose_holder(uid, id);
            self.report_missing(uid, id);
        }
    }

    /// A value came that cannot be read: who needs it fails.
    fn on_codec(&mut self, uid: TaskUid, id: WorkerId, text: &str) {
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        if !task.state.is_elsewhere() {
            return;
        }
        let users = std::mem::take(&mut task.wake);
        self.lose_holder(uid, id);
        for (user, ticket) in users {
            let Some(task) = self.tasks.get(&user) else { continue };
            let Some(order) = &task.order else { continue };
            let Some(attempt) = task.attempt.filter(|_| task.ticket == ticket) else { continue };
            let input = order.inputs.iter().find(|input| input.uid == uid);
            let error = Box::new(TaskError {
                key: input.map_or_else(|| order.key.clone(), |input| input.key.clone()),
                function: order.group.clone(),
                worker: self.config.address.clone(),
                cause: Cause::Codec { text: text.into() },
            });
            let span = Span { start_us: self.now.0, ..Span::default() };
            self.outbox.push(FromWorker::Failed { uid: user, attempt, error, span });
            self.give_up(user);
        }
        if self.tasks.get(&uid).is_some_and(|task| task.users == 0) {
            self.ask_now(uid);
        }
    }

    /// A value came that nobody wants.
    pub(crate) fn drop_value(&mut self, uid: TaskUid) {
        self.actions.push(Action::Drop(uid));
    }

    /// The scheduler says who has these.
    pub(crate) fn on_holders(&mut self, inputs: Vec<Input>) {
        for input in inputs {
            let task = self.tasks.get(&input.uid);
            let source = task.and_then(|task| task.source.as_ref());
            if let Some(rank) = source.map(|source| source.rank) {
                self.look_at(input.uid, input.holders, rank);
            }
        }
    }

    /// How much came from a peer, and how long that took.
    pub(crate) fn on_transfer(&mut self, received_bytes: u64, took_us: u64) {
        const WORTH_MEASURING: u64 = 1_000_000;
        self.received_bytes += received_bytes;
        if received_bytes >= WORTH_MEASURING && took_us > 0 {
            let rate = (received_bytes as f64 / took_us as f64 * 1e6) as u64;
            let before = if self.bandwidth == 0 { rate } else { self.bandwidth };
            self.bandwidth = (before / 20).saturating_mul(19) + rate / 20;
        }
    }
}
