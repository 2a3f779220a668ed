//! Giving tasks to workers and taking them back: what both sides write down, and the
//! [`Order`].

use raskt_wire::{Input, Order, Priority, TaskUid, WorkerId};

use crate::scheduler::Scheduler;
use crate::segment::{NONE, TaskState, flag};
use crate::story::Reason;
use crate::wants::Wanting;
use crate::workers::Charged;

/// So many holders of an input are named.
const MAX_HOLDERS: usize = 8;

impl Scheduler {
    /// Gives the task to the worker. It costs its duration, and the transfers that it needs.
    pub(crate) fn assign(&mut self, uid: TaskUid, worker: u32, transfer_us: u64) {
        let us = self.duration_us(uid).saturating_add(transfer_us);
        let group = self.groups.get_mut(self.tasks.kind(uid).group);
        let is_guess = group.known_us().is_none();
        group.guesses += u32::from(is_guess);
        let is_actor = self.tasks.terms(uid).actor;
        let state = self.workers.get_mut(worker).expect("only workers that are there are chosen");
        let task = self.tasks.task_mut(uid);
        task.worker = worker;
        task.place = state.processing.len() as u32;
        task.attempt = task.attempt.wrapping_add(1);
        state.processing.push(Charged { uid, us, is_guess });
        state.occupancy_us += us;
        state.actors += u32::from(is_actor);
        state.suspects += u32::from(task.has(flag::SUSPECT));
        self.workers.occupancy_us += us;
        self.set_state(uid, TaskState::Processing, Reason::Placed);
        self.refresh_worker(worker);
        self.order(uid, worker);
    }

    /// A processing task leaves its worker's books; gives the worker.
    pub(crate) fn leave_worker(&mut self, uid: TaskUid) -> u32 {
        let is_actor = self.tasks.terms(uid).actor;
        let task = self.tasks.task_mut(uid);
        let (number, place) = (task.worker, task.place as usize);
        let was_long_running = task.has(flag::LONG_RUNNING);
        let was_retracting = task.has(flag::RETRACTING);
        let is_suspect = task.has(flag::SUSPECT);
        task.set(flag::LONG_RUNNING | flag::RETRACTING, false);
        (task.worker, task.place) = (NONE, NONE);
        let worker = self.workers.get_mut(number).expect("tasks are processed by living workers");
        let charged = worker.processing.swap_remove(place);
        debug_assert_eq!(charged.uid, uid, "its place is kept in step");
        worker.occupancy_us -= charged.us;
        worker.long_running -= u32::from(was_long_running);
        worker.retracting -= u32::from(was_retracting);
        if was_retracting {
            self.thieves.remove(&uid);
        }
        worker.suspects -= u32::from(is_suspect);
        worker.actors -= u32::from(is_actor);
        let moved = worker.processing.get(place).map(|moved| moved.uid);
        self.workers.occupancy_us -= charged.us;
        if charged.is_guess {
            self.groups.get_mut(self.tasks.kind(uid).group).guesses -= 1;
        }
        if let Some(moved) = moved {
            self.tasks.task_mut(moved).place = place as u32;
        }
        // A thread is free for a suspect.
        self.retry_unrunnable |= self.suspects_waiting > 0;
        self.refresh_worker(number);
        number
    }

    /// The charge of a processing task from now on.
    pub(crate) fn charge(&mut self, uid: TaskUid, us: u64) {
        let task = self.tasks.task(uid);
        let (number, place) = (task.worker, task.place as usize);
        let worker = self.workers.get_mut(number).expect("tasks are processed by living workers");
        let before = std::mem::replace(&mut worker.processing[place].us, us);
        worker.occupancy_us = worker.occupancy_us - before + us;
        self.workers.occupancy_us = self.workers.occupancy_us - before + us;
        self.refresh_worker(number);
    }

    /// It is known for the first time how long tasks of a group run: those that were charged
    /// by guess are charged by that.
    pub(crate) fn charge_again(&mut self, group: u32) {
        if self.groups.get(group).guesses == 0 {
            return;
        }
        let guess = self.config.unknown_duration_us;
        let workers: Vec<u32> = self.workers.alive.iter().collect();
        for number in workers {
            let Some(worker) = self.workers.get_mut(number) else { continue };
            let mut guessed = Vec::new();
            for charged in worker.processing.iter_mut().filter(|charged| charged.is_guess) {
                // One that left its thread is charged nothing.
                let is_charged = charged.us >= guess;
                if is_charged && self.tasks.kind(charged.uid).group == group {
                    charged.is_guess = false;
                    guessed.push((charged.uid, charged.us));
                }
            }
            for (uid, us) in guessed {
                self.groups.get_mut(group).guesses -= 1;
                self.charge(uid, us.saturating_sub(guess) + self.duration_us(uid));
            }
        }
    }

    pub(crate) fn refresh_worker(&mut self, number: u32) {
        let Scheduler { workers, config, .. } = self;
        workers.refresh(number, config.saturation, config.ahead_us, config.ahead_tasks);
    }

    pub(crate) fn priority(&self, uid: TaskUid) -> Priority {
        let (user, generation, _) = self.lane(uid);
        Priority { user, generation, rank: uid.index }
    }

    /// Writes the order, and sends along what the worker does not have yet.
    fn order(&mut self, uid: TaskUid, worker: u32) {
        let inputs: Vec<Input> =
            self.tasks.inputs(uid).into_iter().map(|input| self.input_for(input, worker)).collect();
        let segment = self.tasks.segment(uid.segment);
        let (kind, terms) = (segment.kind(uid.index), segment.terms(uid.index));
        let task = &segment.tasks[uid.index as usize];
        let order = Order {
            uid,
            attempt: u32::from(task.attempt),
            key: segment.keys[uid.index as usize].clone(),
            group: self.groups.get(kind.group).name.clone(),
            priority: self.priority(uid),
            inputs,
            blobs: kind.blobs.iter().map(|blob| self.blobs.id(*blob)).collect(),
            payload: segment.payloads.get(uid.index),
            resources: terms.resources.clone(),
            executor: terms.executor.clone(),
            annotations: terms.annotations.clone(),
            actor: terms.actor,
            wanted: self.wants.of(task).any(|(_, by)| matches!(by, Wanting::Client(..))),
        };
        let outbox = self.workers.outbox(worker).expect("only workers that are there are chosen");
        for blob in &kind.blobs {
            outbox.blobs.extend(self.blobs.send(*blob, worker));
        }
        outbox.orders.push(order);
    }

    /// An input and where it is, for a worker that is told the addresses first.
    pub(crate) fn input_for(&mut self, input: TaskUid, worker: u32) -> Input {
        let holders = self.holders(input);
        for holder in holders.iter().take(MAX_HOLDERS) {
            self.workers.introduce(worker, *holder);
        }
        Input {
            uid: input,
            key: self.tasks.key(input).clone(),
            nbytes: self.tasks.task(input).nbytes,
            holders: holders.into_iter().take(MAX_HOLDERS).map(WorkerId).collect(),
        }
    }
}
