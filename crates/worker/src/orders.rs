//! What the scheduler orders and takes back: compute, free, retract, retire.

use raskt_wire::{Finished, FromWorker, Order, Span, TaskUid};

use crate::task::{Phase, Rank, State, Task};
use crate::worker::Worker;

impl Worker {
    pub(crate) fn on_compute(&mut self, orders: Vec<Order>) {
        for order in orders {
            if self.retiring {
                let (uid, attempt) = (order.uid, order.attempt);
                self.outbox.push(FromWorker::Reschedule { uid, attempt });
            } else {
                self.on_order(order);
            }
        }
    }

    fn on_order(&mut self, order: Order) {
        let uid = order.uid;
        if let Some(task) = self.tasks.get_mut(&uid) {
            if task.attempt.is_some_and(|known| known >= order.attempt) {
                return;
            }
            match task.state {
                // A try that cannot be stopped: its result is this one's.
                State::Running => {
                    task.attempt = Some(order.attempt);
                    return self.report_long_run(uid, order.attempt);
                }
                state if state.is_here() => {
                    task.attempt = Some(order.attempt);
                    task.claimed = true;
                    return self.report_again(uid, order.attempt);
                }
                state if state.is_order() => self.cancel(uid),
                _ => self.stop_fetching(uid),
            }
        }
        let (attempt, ordered) = (Some(order.attempt), self.now);
        let task = self.tasks.entry(uid).or_insert_with(|| Task::new(State::Waiting));
        *task = Task { attempt, ordered, claimed: true, actor: order.actor, ..reset(task) };
        if self.runs.contains_key(&uid) {
            // A cancelled try still runs, and was asked for again.
            task.state = State::Running;
            return self.report_long_run(uid, order.attempt);
        }
        task.class = self.queue.class(&order.resources);
        task.inputs = order.inputs.iter().map(|input| input.uid).collect();
        for input in &order.inputs {
            self.need(input, Rank::Needed(order.priority));
        }
        if let Some(task) = self.tasks.get_mut(&uid) {
            task.order = Some(Box::new(order));
            self.wait(uid);
        }
    }

    /// An order waits for those of its inputs that are not here, if any.
    pub(crate) fn wait(&mut self, uid: TaskUid) {
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        task.state = State::Waiting;
        self.waiting += 1;
        self.tickets += 1;
        let ticket = self.tickets;
        task.ticket = ticket;
        let inputs = std::mem::take(&mut task.inputs);
        let mut missing = 0;
        for input in &inputs {
            if let Some(input) = self.tasks.get_mut(input)
                && !input.state.is_here()
            {
                input.wake.push((uid, ticket));
                missing += 1;
            }
        }
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        task.inputs = inputs;
        task.missing = missing;
        if missing == 0 {
            self.enqueue(uid);
        }
    }

    /// The scheduler does not count on these any more.
    pub(crate) fn on_free(&mut self, uids: Vec<TaskUid>) {
        for uid in &uids {
            let Some(task) = self.tasks.get_mut(uid) else { continue };
            task.claimed = false;
            if task.state.is_order() {
                self.cancel(*uid);
            }
            self.settle(*uid);
        }
    }

    /// Gives a task back that has not begun.
    pub(crate) fn on_retract(&mut self, uid: TaskUid, attempt: u32) {
        let task = self.tasks.get_mut(&uid);
        let given = task.is_some_and(|task| {
            task.attempt == Some(attempt)
                && matches!(task.state, State::Waiting | State::Ready | State::Opening)
        });
        if given {
            self.give_up(uid);
        }
        self.outbox.push(FromWorker::Retracted { uid, attempt, given });
    }

    /// A worker that retires ends what it has begun and gives the rest back.
    pub(crate) fn on_retiring(&mut self, retiring: bool) {
        self.retiring = retiring;
        if !retiring {
            return;
        }
        let begun = |task: &Task| !task.state.is_order() || task.state == State::Running;
        let waiting = self.tasks.iter().filter(|(_, task)| !begun(task));
        let mut waiting: Vec<(TaskUid, u32)> =
            waiting.filter_map(|(uid, task)| Some((*uid, task.attempt?))).collect();
        waiting.sort_unstable();
        for (uid, attempt) in waiting {
            self.give_up(uid);
            self.outbox.push(FromWorker::Reschedule { uid, attempt });
        }
    }

    /// An order will not be done here.
    pub(crate) fn give_up(&mut self, uid: TaskUid) {
        if let Some(task) = self.tasks.get_mut(&uid) {
            task.claimed = false;
            self.cancel(uid);
            self.settle(uid);
        }
    }

    /// Ends an order in any state. A thread that runs it goes on, unheeded. The task is in no
    /// queue then, and not in a state to stay in: give it another one, or [`Worker::settle`].
    fn cancel(&mut self, uid: TaskUid) {
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        let state = std::mem::replace(&mut task.state, State::Waiting);
        let inputs = std::mem::take(&mut task.inputs);
        let class = task.class;
        task.missing = 0;
        task.ticket = 0;
        if let (State::Ready, Some(order)) = (state, &task.order) {
            self.queue.remove(class, order.priority, uid);
        }
        task.order = None;
        match state {
            State::Waiting => self.waiting -= 1,
            State::Opening => self.end_run(uid),
            _ => {}
        }
        let has_thread = matches!(state, State::Opening | State::Running);
        self.release_inputs(inputs, has_thread);
    }

    /// An order that has not begun looks for its inputs again.
    pub(crate) fn send_back(&mut self, uid: TaskUid) {
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        match (task.state, &task.order) {
            (State::Waiting, _) => self.waiting -= 1,
            (State::Ready, Some(order)) => self.queue.remove(task.class, order.priority, uid),
            (State::Opening, _) => {
                let inputs = task.inputs.clone();
                self.end_run(uid);
                self.unpin(&inputs);
            }
            _ => return,
        }
        self.wait(uid);
    }

    /// What becomes of a task that was ordered and is not any more: it is forgotten, or
    /// fetched from elsewhere if others here use it. A result that is here stays while it is
    /// used.
    pub(crate) fn settle(&mut self, uid: TaskUid) {
        let Some(task) = self.tasks.get_mut(&uid) else { return };
        if task.state.is_order() {
            if task.users == 0 {
                self.tasks.remove(&uid);
                return;
            }
            task.attempt = None;
            self.seek(uid);
        }
        self.release(uid);
    }

    /// One use less of each of these.
    pub(crate) fn release_inputs(&mut self, inputs: Vec<TaskUid>, pinned: bool) {
        if pinned {
            self.unpin(&inputs);
        }
        for uid in inputs {
            let Some(task) = self.tasks.get_mut(&uid) else { continue };
            task.users -= 1;
            self.release(uid);
        }
    }

    /// The same for those that a thread uses.
    fn unpin(&mut self, inputs: &[TaskUid]) {
        for uid in inputs {
            let Some(task) = self.tasks.get_mut(uid) else { continue };
            task.pins -= 1;
            if task.pins == 0 {
                self.memory.touch(*uid, task);
            }
        }
    }

    /// Frees what a run held: a thread and resources.
    pub(crate) fn end_run(&mut self, uid: TaskUid) {
        let Some(run) = self.runs.remove(&uid) else { return };
        self.queue.give_back(run.class);
        if run.phase.is_on_thread() {
            self.busy_threads -= 1;
        } else if run.phase == Phase::Rejoining {
            self.rejoining.retain(|waiting| *waiting != uid);
        }
    }

    /// A try that was asked for again has left its thread long ago.
    fn report_long_run(&mut self, uid: TaskUid, attempt: u32) {
        let Some(run) = self.runs.get(&uid) else { return };
        if !run.phase.is_on_thread() {
            let compute_us = self.now.since(run.started);
            self.report_before_results(FromWorker::LongRunning { uid, attempt, compute_us });
        }
    }

    /// The result of an order is here already, from an earlier try or another worker.
    fn report_again(&mut self, uid: TaskUid, attempt: u32) {
        let Some(task) = self.tasks.get(&uid) else { return };
        let span = Span { start_us: self.now.0, ..Span::default() };
        let (nbytes, inline) = (task.nbytes, None);
        let type_name = task.type_name.clone().unwrap_or_else(|| "".into());
        self.report_finished(Finished { uid, attempt, nbytes, type_name, span, inline });
    }
}

/// What a new order keeps of what was known: who uses the result.
fn reset(task: &mut Task) -> Task {
    let (users, wake) = (task.users, std::mem::take(&mut task.wake));
    Task { users, wake, ..Task::new(State::Waiting) }
}
