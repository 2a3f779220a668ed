//! The invariants of the machine: [`Worker::sanity_check`].

use std::collections::{BTreeMap, BTreeSet};

use raskt_graph::hash::Map;
use raskt_wire::{TaskUid, WorkerId};

use crate::task::{Phase, State, Task};
use crate::worker::Worker;

impl Worker {
    /// Compares all that is kept twice. Takes time: for tests and the simulator.
    ///
    /// # Panics
    /// If something does not fit together.
    pub fn sanity_check(&self) {
        for (uid, task) in self.tasks_in_order() {
            self.check_task(uid, task);
        }
        self.check_uses();
        self.check_runs();
        self.check_queue();
        self.check_fetching();
        self.check_memory();
        assert!(self.actions.is_empty(), "actions are handed out at once: {:?}", self.actions);
    }

    fn tasks_in_order(&self) -> BTreeMap<TaskUid, &Task> {
        self.tasks.iter().map(|(uid, task)| (*uid, task)).collect()
    }

    fn check_task(&self, uid: TaskUid, task: &Task) {
        let state = task.state;
        let told = |what: &str| format!("{uid:?} in {state:?} {what}: {task:?}");
        assert!(task.claimed || task.users > 0, "{}", told("is held by nothing"));
        assert_eq!(
            task.order.is_some(),
            state.is_order() && state != State::Running,
            "{}",
            told("has an order until it runs")
        );
        assert!(task.inputs.is_empty() || state.is_order(), "{}", told("uses inputs"));
        assert_eq!(task.source.is_some(), state.is_elsewhere(), "{}", told("has a source"));
        assert!(task.pins == 0 || state.is_here(), "{}", told("is pinned and not here"));
        assert!(!state.is_order() || task.claimed, "{}", told("is an order"));
        if state == State::Waiting || state == State::Opening {
            assert!(task.missing > 0, "{}", told("waits for nothing"));
        }
        let waits = |input: &TaskUid| match (state, self.tasks[input].state) {
            (State::Waiting, input) => !input.is_here(),
            (State::Opening, input) => input != State::Memory,
            _ => false,
        };
        let missing = task.inputs.iter().filter(|input| waits(input)).count();
        assert_eq!(missing, task.missing as usize, "{}", told("counts its missing inputs"));
        for input in task.inputs.iter().filter(|input| waits(input)) {
            let wakes = self.tasks[input].wake.contains(&(uid, task.ticket));
            assert!(wakes, "{}", told("will not be woken"));
        }
        if state == State::Ready {
            let here = task.inputs.iter().all(|input| self.tasks[input].state.is_here());
            assert!(here, "{}", told("has not all inputs"));
        }
    }

    /// Users and pins are counted right.
    fn check_uses(&self) {
        let mut uses: Map<TaskUid, (u32, u32)> = Map::default();
        for task in self.tasks.values() {
            let has_thread = matches!(task.state, State::Opening | State::Running);
            for input in &task.inputs {
                let (users, pins) = uses.entry(*input).or_default();
                *users += 1;
                *pins += u32::from(has_thread);
            }
        }
        for (uid, task) in self.tasks_in_order() {
            let found = uses.remove(&uid).unwrap_or_default();
            assert_eq!((task.users, task.pins), found, "uses of {uid:?}: {task:?}");
        }
        assert!(uses.is_empty(), "inputs that are not known: {:?}", uses.keys());
    }

    fn check_runs(&self) {
        let on_thread = self.runs.values().filter(|run| run.phase.is_on_thread()).count();
        assert_eq!(on_thread, self.busy_threads as usize, "threads: {:?}", self.runs);
        assert!(self.busy_threads <= self.config.nthreads, "more threads than there are");
        let rejoining = self.runs.values().filter(|run| run.phase == Phase::Rejoining).count();
        assert_eq!(rejoining, self.rejoining.len(), "rejoining: {:?}", self.rejoining);
        for (uid, task) in self.tasks_in_order() {
            let phase = self.runs.get(&uid).map(|run| run.phase);
            match task.state {
                State::Opening => assert_eq!(phase, Some(Phase::Opening), "{uid:?} opens"),
                State::Running => {
                    let runs = phase.is_some_and(|phase| phase != Phase::Opening);
                    assert!(runs, "{uid:?} runs");
                }
                State::Waiting | State::Ready => assert_eq!(phase, None, "{uid:?} does not run"),
                _ => assert_ne!(phase, Some(Phase::Opening), "{uid:?} does not open"),
            }
        }
    }

    fn check_queue(&self) {
        let mut queued = BTreeSet::new();
        for class in self.queue.classes() {
            queued.extend(class.ready.iter().map(|(_, uid)| *uid));
        }
        assert_eq!(queued.len(), self.queue.len(), "the length of the queue");
        assert_eq!(queued, self.in_state(State::Ready), "the queue");
        assert_eq!(self.in_state(State::Waiting).len(), self.waiting, "tasks that wait");
        let mut held = vec![0; self.queue.resources().len()];
        for run in self.runs.values() {
            for (at, amount) in self.queue.classes()[run.class as usize].holds.iter().flatten() {
                held[*at] += amount;
            }
        }
        for (resource, held) in self.queue.resources().iter().zip(held) {
            assert_eq!(resource.total - resource.free, held, "{} in use", resource.name);
            assert!(resource.free >= 0, "more of {} than there is", resource.name);
        }
        let idle = self.busy_threads < self.config.nthreads && !self.paused && !self.is_behind();
        if idle {
            let fits = |(at, class): (usize, &crate::queue::Class)| {
                !class.ready.is_empty() && !self.queue.is_constrained(at as u32)
            };
            let runnable = self.queue.classes().iter().enumerate().any(fits);
            assert!(!runnable, "a thread is idle and a task is ready");
        }
    }

    fn check_fetching(&self) {
        assert_eq!(self.missing, self.in_state(State::Missing), "missing results");
        let mut queues: BTreeSet<(WorkerId, TaskUid)> = BTreeSet::new();
        for (uid, task) in self.tasks_in_order() {
            let Some(source) = &task.source else { continue };
            assert!(!source.holders.contains(&self.id), "{uid:?} is fetched from itself");
            match task.state {
                State::Wanted => {
                    assert!(!source.holders.is_empty(), "{uid:?} is wanted from nobody");
                    queues.extend(source.holders.iter().map(|holder| (*holder, uid)));
                }
                State::Flight(peer) => {
                    assert_eq!(self.flights.get(&uid), Some(&peer), "{uid:?} is on its way");
                }
                _ => assert!(source.holders.is_empty(), "{uid:?} is not missing"),
            }
            let flies = matches!(task.state, State::Flight(_));
            assert_eq!(flies, self.flights.contains_key(&uid), "{uid:?} would come twice");
        }
        let (mut connections, mut bytes, mut flying) = (0, 0, 0);
        for (id, peer) in &self.peers {
            for (rank, uid) in &peer.queue {
                assert!(queues.remove(&(*id, *uid)), "{uid:?} is not wanted from {id:?}");
                let source = self.tasks[uid].source.as_ref().expect("checked above");
                assert_eq!(*rank, source.rank, "the place of {uid:?} at {id:?}");
            }
            assert_eq!(self.asked_for.contains(id), !peer.queue.is_empty(), "{id:?} is asked");
            if let Some(flight) = &peer.flight {
                connections += 1;
                bytes += flight.nbytes;
                flying += flight.uids.len();
                let known = flight.uids.iter().all(|uid| self.flights.get(uid) == Some(id));
                assert!(known, "what comes from {id:?}");
            }
        }
        assert!(queues.is_empty(), "wanted, but not asked for: {queues:?}");
        assert_eq!(connections, self.connections, "connections");
        assert_eq!(bytes, self.bytes_in_flight, "bytes in flight");
        assert_eq!(flying, self.flights.len(), "results in flight");
    }

    fn check_memory(&self) {
        let (mut managed, mut leaving, mut spilled) = (0, 0, 0);
        for task in self.tasks.values() {
            let state = task.state;
            managed += if matches!(state, State::Memory | State::Spilling | State::Reading) {
                task.nbytes
            } else {
                0
            };
            leaving += if state == State::Spilling { task.nbytes } else { 0 };
            spilled += task.disk_bytes;
            let on_disk = matches!(state, State::Disk | State::Reading);
            assert!(on_disk || task.disk_bytes == 0, "not on disk: {task:?}");
        }
        assert_eq!(managed, self.memory.managed, "bytes in memory");
        assert_eq!(leaving, self.memory.leaving, "bytes that leave memory");
        assert_eq!(spilled, self.memory.spilled, "bytes on disk");
        let idle: BTreeSet<TaskUid> = self.memory.idle.iter().map(|(_, uid)| *uid).collect();
        assert_eq!(idle.len(), self.memory.idle.len(), "a result is twice in the list to spill");
        for uid in idle {
            let task = &self.tasks[&uid];
            assert!(task.may_spill(), "{uid:?} must not be spilled: {task:?}");
            assert!(self.memory.idle.contains(&(task.used, uid)), "the place of {uid:?}");
        }
    }

    fn in_state(&self, state: State) -> BTreeSet<TaskUid> {
        let such = self.tasks.iter().filter(|(_, task)| task.state == state);
        such.map(|(uid, _)| *uid).collect()
    }
}
