//! Tasks that run on the threads of a process, and what the worker reports.

use raskt_wire::{Cause, FromWorker, Order, Span, TaskError, TaskUid, WireValue};
use raskt_worker::{Event, Outcome};

use crate::sim::control::EPOCH_US;
use crate::sim::process::WorkerEvent;
use crate::sim::world::{Up, What, World};

/// A task that runs.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    place: usize,
    attempt: u32,
    is_wanted: bool,
    /// What it will give.
    value: i64,
    started: u64,
    /// How long it still takes after it has rejoined.
    rest_us: u64,
}

impl World {
    pub(crate) fn run(&mut self, process: usize, order: Order) {
        self.tasks_run += 1;
        let place = place_of(&order.payload);
        let this = &self.processes[process];
        assert!(
            order.blobs.iter().all(|blob| this.blobs.contains(blob)),
            "worker-{process} is to run {:?} without its blobs {:?}",
            order.uid,
            order.blobs
        );
        assert!(!this.runs.contains_key(&order.uid), "{:?} runs twice", order.uid);
        let inputs = order.inputs.iter().map(|input| this.store.in_memory(input.uid));
        let inputs: Vec<i64> = inputs.collect();
        let value = self.code.run(place, &inputs);
        let slow = if this.slow_until > self.now { 20 } else { 1 };
        let life = this.life;
        let usual = self.code.items[place].duration_us;
        let duration = self.rng.between(usual / 2, usual * 3 / 2) * slow;
        let secedes = self.rng.chance(self.plan.rates.secedes);
        let (uid, attempt) = (order.uid, order.attempt);
        let (after, event) = if secedes {
            (duration / 3, WorkerEvent::Seceded(uid))
        } else {
            (duration, WorkerEvent::Ended(uid))
        };
        let (started, rest_us, is_wanted) = (self.now, duration / 3, order.wanted);
        let running = Running { place, attempt, is_wanted, value, started, rest_us };
        self.processes[process].runs.insert(uid, running);
        self.after(after, What::Worker { process, life, event });
    }

    pub(crate) fn on_seceded(&mut self, process: usize, uid: TaskUid) {
        let this = &self.processes[process];
        let Some(run) = this.runs.get(&uid) else { return };
        let (attempt, rest_us, life) = (run.attempt, run.rest_us, this.life);
        let rejoins = self.rng.chance(0.7);
        let event = if rejoins { WorkerEvent::Rejoined(uid) } else { WorkerEvent::Ended(uid) };
        self.after(rest_us, What::Worker { process, life, event });
        self.tell_worker(process, Event::Seceded { uid, attempt });
    }

    pub(crate) fn on_rejoined(&mut self, process: usize, uid: TaskUid) {
        let Some(run) = self.processes[process].runs.get(&uid) else { return };
        let attempt = run.attempt;
        self.tell_worker(process, Event::Rejoined { uid, attempt });
    }

    /// It has a thread again.
    pub(crate) fn resume(&mut self, process: usize, uid: TaskUid) {
        let this = &self.processes[process];
        let run = this.runs.get(&uid).unwrap_or_else(|| panic!("{uid:?} resumes, not runs"));
        let (after, life) = (run.rest_us, this.life);
        let event = WorkerEvent::Ended(uid);
        self.after(after, What::Worker { process, life, event });
    }

    pub(crate) fn on_ended(&mut self, process: usize, uid: TaskUid) {
        let Some(run) = self.processes[process].runs.remove(&uid) else { return };
        let Running { place, attempt, value, .. } = run;
        let nbytes = self.code.items[place].nbytes;
        if self.code.items[place].is_killer {
            return self.crash(process);
        }
        let reschedules = !self.is_healed && self.rng.chance(self.plan.rates.reschedules);
        let item = &mut self.code.items[place];
        let outcome = if item.failed < item.failures {
            item.failed += u32::from(item.failures != u32::MAX);
            Outcome::Failed(Box::new(TaskError {
                key: item.key.clone(),
                function: "f".into(),
                worker: "".into(),
                cause: Cause::Raised { error: None, text: "boom".into(), traceback: "".into() },
            }))
        } else if reschedules {
            Outcome::Rescheduled
        } else {
            let inline = (run.is_wanted && nbytes < 1_000).then(|| wire_value(value));
            self.processes[process].store.insert(uid, place, value, nbytes);
            Outcome::Done { nbytes, type_name: "number".into(), inline }
        };
        let span = Span {
            start_us: EPOCH_US + run.started,
            compute_us: self.now - run.started,
            transfer_us: 0,
            thread: 0,
        };
        self.tell_worker(process, Event::Executed { uid, attempt, outcome, span });
    }

    /// The worker tells the scheduler something; now and then it does so twice.
    pub(crate) fn report(&mut self, process: usize, message: FromWorker) {
        let this = &self.processes[process];
        let (Some(conn), Some(id)) = (this.conn, this.id) else { return };
        let names_its_try = matches!(
            message,
            FromWorker::Finished(_)
                | FromWorker::Failed { .. }
                | FromWorker::Reschedule { .. }
                | FromWorker::LongRunning { .. }
                | FromWorker::Retracted { .. }
        );
        let rate = if self.is_healed { 0.0 } else { self.plan.rates.duplicates };
        if names_its_try && self.rng.chance(rate) {
            let late = self.rng.spread(100_000, 10_000_000);
            self.after(late, What::Late(id, message.clone()));
        }
        self.send_up(conn, Up::Worker(message));
    }
}

/// Which item an order is for.
pub(crate) fn place_of(payload: &[u8]) -> usize {
    u64::from_le_bytes(payload.try_into().expect("eight bytes")) as usize
}

pub(crate) fn wire_value(value: i64) -> WireValue {
    let header = value.to_le_bytes().to_vec().into();
    WireValue { codec: "number".into(), header, buffers: Vec::new() }
}

pub(crate) fn number_of(value: &WireValue) -> i64 {
    i64::from_le_bytes(value.header[..].try_into().expect("eight bytes"))
}
