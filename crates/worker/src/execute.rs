//! Which task gets a thread, and what becomes of it: start, end, secede, rejoin.

use raskt_wire::{Finished, FromWorker, Span, TaskUid};

use crate::event::{Action, Outcome};
use crate::task::{Phase, Run, State};
use crate::worker::Worker;

impl Worker {
    /// An order whose inputs are all here waits for a thread.
    pub(crate) fn enqueue(&mut self, uid: TaskUid) {
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        let Some(order) = &task.order else { return };
        task.state = State::Ready;
        task.transfer_us = if task.inputs.is_empty() { 0 } else { self.now.since(task.ordered) };
        self.queue.push(task.class, order.priority, uid);
        self.waiting -= 1;
    }

    /// Gives free threads to tasks that rejoin, then to the most urgent that are ready.
    pub(crate) fn start(&mut self) {
        while self.busy_threads < self.config.nthreads {
            if let Some(uid) = self.rejoining.pop_front() {
                self.resume(uid);
                continue;
            }
            if self.paused || self.is_behind() {
                break;
            }
            let Some(uid) = self.queue.pop() else { break };
            self.open(uid);
        }
    }

    /// A task has a thread: it runs as soon as its inputs are in memory.
    fn open(&mut self, uid: TaskUid) {
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        let Some(attempt) = task.attempt else { return };
        task.state = State::Opening;
        let class = task.class;
        self.tickets += 1;
        let ticket = self.tickets;
        task.ticket = ticket;
        let inputs = std::mem::take(&mut task.inputs);
        self.busy_threads += 1;
        self.runs.insert(uid, Run { attempt, class, phase: Phase::Opening, started: self.now });
        let mut missing = 0;
        for input in &inputs {
            if !self.pin(*input, (uid, ticket)) {
                missing += 1;
            }
        }
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        task.inputs = inputs;
        task.missing = missing;
        if missing == 0 {
            self.run(uid);
        }
    }

    /// All is there.
    pub(crate) fn run(&mut self, uid: TaskUid) {
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        let Some(run) = self.runs.get_mut(&uid) else { return };
        let Some(order) = task.order.take() else { return };
        task.state = State::Running;
        run.phase = Phase::Thread;
        run.started = self.now;
        self.actions.push(Action::Run(order));
    }

    pub(crate) fn on_executed(&mut self, uid: TaskUid, attempt: u32, outcome: Outcome, span: Span) {
        let Some(run) = self.runs.get(&uid) else { return };
        if run.attempt != attempt || run.phase == Phase::Opening {
            return;
        }
        self.end_run(uid);
        let Some(task) = self.tasks.get_mut(&uid) else {
            return self.on_unwanted(uid, &outcome);
        };
        if task.state != State::Running {
            return self.on_unwanted(uid, &outcome);
        }
        let inputs = std::mem::take(&mut task.inputs);
        let attempt = task.attempt.unwrap_or(attempt);
        let span = Span { transfer_us: task.transfer_us, ..span };
        self.release_inputs(inputs, true);
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        match outcome {
            Outcome::Done { nbytes, type_name, inline } => {
                task.type_name = Some(type_name.clone());
                self.report_finished(Finished { uid, attempt, nbytes, type_name, span, inline });
                self.store(uid, nbytes);
            }
            Outcome::Failed(error) => {
                task.claimed = false;
                self.outbox.push(FromWorker::Failed { uid, attempt, error, span });
                self.settle(uid);
            }
            Outcome::Rescheduled => {
                task.claimed = false;
                self.outbox.push(FromWorker::Reschedule { uid, attempt });
                self.settle(uid);
            }
        }
    }

    /// A task that was cancelled has ended. Its result still serves if others here need it.
    fn on_unwanted(&mut self, uid: TaskUid, outcome: &Outcome) {
        if let Outcome::Done { nbytes, .. } = outcome {
            self.arrived(uid, *nbytes);
        }
    }

    pub(crate) fn on_seceded(&mut self, uid: TaskUid, attempt: u32) {
        let Some(run) = self.runs.get_mut(&uid) else { return };
        if run.attempt != attempt || run.phase != Phase::Thread {
            return;
        }
        run.phase = Phase::Seceded;
        self.busy_threads -= 1;
        let compute_us = self.now.since(run.started);
        let task = self.tasks.get(&uid).filter(|task| task.state == State::Running);
        if let Some(attempt) = task.and_then(|task| task.attempt) {
            self.report_before_results(FromWorker::LongRunning { uid, attempt, compute_us });
        }
    }

    pub(crate) fn on_rejoined(&mut self, uid: TaskUid, attempt: u32) {
        let Some(run) = self.runs.get_mut(&uid) else { return };
        if run.attempt == attempt && run.phase == Phase::Seceded {
            run.phase = Phase::Rejoining;
            self.rejoining.push_back(uid);
        }
    }

    fn resume(&mut self, uid: TaskUid) {
        let Some(run) = self.runs.get_mut(&uid) else { return };
        run.phase = Phase::Thread;
        self.busy_threads += 1;
        self.actions.push(Action::Resume { uid });
    }
}
