//! Whether everything fits together: [`Scheduler::sanity_check`].

use std::collections::BTreeMap;

use raskt_wire::{TaskUid, WorkerStatus};

use crate::scheduler::Scheduler;
use crate::segment::{NONE, TaskState, flag};
use crate::wants::Wanting;

impl Scheduler {
    /// Walks all that refers to something else, and counts again what is counted.
    ///
    /// # Panics
    ///
    /// If anything does not fit: that is an error in this crate, whatever came from outside.
    pub fn sanity_check(&self) {
        assert!(self.maybe.is_empty(), "what may not be needed is looked at after each event");
        let mut counts = [0u64; 8];
        let mut named = 0;
        for uid in self.tasks.iter() {
            let task = self.tasks.task(uid);
            counts[task.state as usize] += 1;
            let has_name = self.tasks.by_key(self.tasks.key(uid)) == Some(uid);
            named += u64::from(has_name);
            assert_ne!(has_name, self.tasks.is_nameless(uid), "names are known");
            self.check_inputs(uid);
            self.check_consumers(uid);
            self.check_state(uid);
            self.check_wants(uid);
        }
        let last = TaskState::Forgotten as usize;
        assert_eq!(counts[..last], self.tasks.counts[..last], "states are counted");
        assert_eq!(self.tasks.keys() as u64, named, "each task has one name");
        self.check_workers_books();
        self.check_lists();
        self.check_clients();
    }

    fn check_inputs(&self, uid: TaskUid) {
        let task = self.tasks.task(uid);
        let inputs = self.tasks.inputs(uid);
        let is_missing = |input: &&TaskUid| self.tasks.state(**input) != TaskState::Memory;
        let missing = inputs.iter().filter(is_missing).count() as u32;
        for input in &inputs {
            assert!(self.tasks.find(*input).is_some(), "{input:?} is an input of {uid:?}");
        }
        match task.state {
            TaskState::Waiting => {
                assert_eq!(task.missing, missing, "{uid:?} counts what it waits for");
                assert_eq!(missing == 0, task.has(flag::READY), "{uid:?} waits, or is ready");
                assert!(!task.has(flag::DATA), "{uid:?} has no function");
            }
            state if state.is_active() => {
                assert_eq!(missing, 0, "{uid:?} is {state:?}, so its inputs are in memory");
            }
            _ => assert!(!task.has(flag::READY), "{uid:?} is not waiting"),
        }
    }

    fn check_consumers(&self, uid: TaskUid) {
        let task = self.tasks.task(uid);
        let consumers = self.tasks.consumers(uid);
        let alive = consumers.iter().filter(|uid| self.tasks.find(**uid).is_some());
        assert_eq!(task.lineage as usize, alive.count(), "{uid:?} counts its consumers");
        let active = consumers.iter().filter(|uid| self.tasks.state(**uid).is_active());
        assert_eq!(task.needed as usize, active.count(), "{uid:?} counts active consumers");
        for consumer in &consumers {
            let takes = self.tasks.state(*consumer) == TaskState::Forgotten
                || self.tasks.inputs(*consumer).contains(&uid);
            assert!(takes, "{consumer:?} takes {uid:?}");
        }
        if !task.is_needed() {
            let is_kept = task.state == TaskState::Released && task.lineage > 0;
            assert!(is_kept, "{uid:?} is {:?}, and nobody needs it", task.state);
        }
    }

    fn check_state(&self, uid: TaskUid) {
        let task = self.tasks.task(uid);
        let worker = || self.workers.get(task.worker).expect("tasks name living workers");
        let place = task.place as usize;
        match task.state {
            TaskState::Processing => {
                assert_eq!(worker().processing[place].uid, uid, "its worker has it to run");
            }
            TaskState::Memory => {
                assert_eq!(worker().holds[place], uid, "its first holder has it");
                let mut holders = self.holders(uid).to_vec();
                holders.sort_unstable();
                holders.dedup();
                assert_eq!(holders.len(), self.holders(uid).len(), "{uid:?}: copies differ");
                for (number, place) in self.copies.get(&uid).into_iter().flatten() {
                    let worker = self.workers.get(*number).expect("holders are there");
                    assert_eq!(worker.holds[*place as usize], uid, "its holder has it");
                }
            }
            TaskState::Queued => {
                assert!(self.queue.contains(self.lane(uid), uid.index), "{uid:?} is queued");
            }
            TaskState::NoWorker => assert_eq!(self.unrunnable[place].uid, uid),
            TaskState::Released if task.is_needed() => {
                assert!(self.is_being_brought(uid), "{uid:?} is needed, and nobody computes it");
            }
            _ => {}
        }
        let is_erred = task.state == TaskState::Erred;
        assert_eq!(is_erred, self.errors.contains_key(&uid), "{uid:?} and its error");
        assert_eq!(task.has(flag::TROUBLED), self.troubles.contains_key(&uid), "{uid:?}");
        assert_eq!(task.has(flag::WATCHED), self.watchers.contains_key(&uid), "{uid:?}");
        let on_worker = task.has(flag::RETRACTING | flag::LONG_RUNNING);
        assert!(!on_worker || task.state == TaskState::Processing, "{uid:?} is on no worker");
        if !matches!(task.state, TaskState::Memory) {
            assert!(!self.copies.contains_key(&uid), "{uid:?} has no copies");
        }
    }

    fn check_wants(&self, uid: TaskUid) {
        for (number, by) in self.wants.of(self.tasks.task(uid)) {
            let want = self.wants.get(number).expect("lists are of living wants");
            assert_eq!(want.uid, uid, "a want is in the list of its task");
            if let Wanting::Client(client, handle) = by {
                let client = self.clients.get(client).expect("clients take their wants along");
                assert_eq!(client.handles.get(handle), Some(number), "a client knows its want");
            }
            if let Wanting::Bringing(_) = by {
                let bringers = self.bringing.get(&uid).expect("what is brought is known");
                assert!(bringers.iter().any(|bringer| bringer.hold == number));
            }
        }
    }

    fn check_workers_books(&self) {
        let (mut processing, mut occupancy, mut open, mut running) = (0, 0, 0, 0);
        let mut guesses: BTreeMap<u32, u32> = BTreeMap::new();
        for worker in self.workers.iter() {
            let number = worker.id.0;
            let mut charged = 0;
            let (mut long, mut suspects, mut actors, mut retracting) = (0, 0, 0, 0);
            for (place, charge) in worker.processing.iter().enumerate() {
                let task = self.tasks.task(charge.uid);
                assert_eq!((task.state, task.worker), (TaskState::Processing, number));
                assert_eq!(task.place as usize, place, "{:?} knows its place", charge.uid);
                charged += charge.us;
                retracting += u32::from(task.has(flag::RETRACTING));
                *guesses.entry(self.tasks.kind(charge.uid).group).or_default() +=
                    u32::from(charge.is_guess);
                long += u32::from(task.has(flag::LONG_RUNNING));
                suspects += u32::from(task.has(flag::SUSPECT));
                actors += u32::from(self.tasks.terms(charge.uid).actor);
            }
            let mut nbytes = 0;
            for uid in &worker.holds {
                assert!(self.is_holder(*uid, number), "{uid:?} is on {:?}", worker.id);
                nbytes += self.tasks.task(*uid).nbytes;
                actors += u32::from(self.tasks.terms(*uid).actor);
            }
            let counted = (worker.occupancy_us, worker.nbytes, worker.long_running);
            assert_eq!(counted, (charged, nbytes, long), "sums of {:?}", worker.id);
            assert_eq!((worker.suspects, worker.actors), (suspects, actors));
            assert_eq!(worker.retracting, retracting);
            processing += worker.processing.len() as u64;
            occupancy += worker.occupancy_us;
            let threads = u64::from(worker.threads());
            open += if self.workers.open.contains(number) { threads } else { 0 };
            running += if worker.is_running() { threads } else { 0 };
            assert_eq!(worker.is_running(), self.workers.running.contains(number));
            let is_idle = worker.is_running() && worker.load() < worker.threads();
            assert_eq!(is_idle, self.workers.idle.contains(number), "{:?}", worker.id);
            let is_retiring = worker.status == WorkerStatus::Retiring;
            assert!(is_retiring || !self.retirements.contains_key(&number));
        }
        assert_eq!(processing, self.tasks.count(TaskState::Processing));
        for (group, count) in guesses {
            assert_eq!(self.groups.get(group).guesses, count, "guesses are counted");
        }
        assert_eq!(occupancy, self.workers.occupancy_us, "the sum of all occupancies");
        assert_eq!(open, self.workers.open_threads);
        assert_eq!(running, self.workers.running_threads);
    }

    fn check_lists(&self) {
        let queued = self.tasks.count(TaskState::Queued);
        assert_eq!(self.queue.len() as u64, queued, "the queue has what is queued");
        let unrunnable = self.tasks.count(TaskState::NoWorker);
        assert_eq!(self.unrunnable.len() as u64, unrunnable);
        let suspects = self.unrunnable.iter().filter(|u| self.tasks.task(u.uid).has(flag::SUSPECT));
        assert_eq!(self.suspects_waiting as usize, suspects.count());
        for uid in self.tasks.iter().filter(|uid| self.thieves.contains_key(uid)) {
            assert!(self.tasks.task(uid).has(flag::RETRACTING), "{uid:?} was asked for");
        }
        assert_eq!(self.errors.len() as u64, self.tasks.count(TaskState::Erred));
        for (input, uid) in self.tasks.edges().iter().map(|(_, edge)| (edge.input, edge.consumer)) {
            assert!(self.tasks.find(input).is_some() && self.tasks.find(uid).is_some());
        }
        let mut uses: BTreeMap<u32, u64> = BTreeMap::new();
        for uid in self.tasks.iter() {
            let kind = self.tasks.kind(uid);
            assert!(kind.alive > 0, "the kind of {uid:?} is in use");
            for blob in &kind.blobs {
                uses.insert(*blob, 1);
            }
        }
        assert_eq!(uses.len(), self.blobs.uses().0, "blobs are there for living tasks");
        for uid in self.bringing.keys() {
            assert!(self.tasks.find(*uid).is_some(), "what is brought is held");
        }
    }

    fn check_clients(&self) {
        let mut of_clients = 0;
        for client in self.clients.iter() {
            let wants = client.handles.all();
            assert_eq!(wants.len(), client.handles.len());
            of_clients += wants.len();
            for number in wants {
                let want = self.wants.get(number).expect("handles stand for wants");
                assert!(matches!(want.by, Wanting::Client(id, _) if id == client.id));
                assert_ne!(self.tasks.task(want.uid).want, NONE, "its task is wanted");
            }
        }
        let is_clients = |by: Wanting| matches!(by, Wanting::Client(..));
        let all = self.wants.iter().filter(|(_, want)| is_clients(want.by));
        assert_eq!(all.count(), of_clients, "all wants of clients have handles");
    }
}
