//! The threads that run tasks: [`Runners`].
//!
//! There are as many as the worker has, and one more for each task that has left its thread to
//! others (seceded). Ready tasks wait in one queue, best first.

use std::collections::{BTreeSet, BinaryHeap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use raskt_graph::hash::Map;
use raskt_wire::{Cause, Order, Span, TaskError, TaskUid};
use raskt_worker as machine;

use super::WorkerLink;
use super::store::{Held, New};
use crate::host::{Outcome, Ready};
use crate::scheduler::spawn;

/// Results of more bytes are not sent along with the news.
const MOST_INLINE_BYTES: usize = 8 << 10;

/// Threads, and the tasks that are ready for them.
pub(crate) struct Runners {
    state: Mutex<State>,
    changed: Condvar,
    nthreads: usize,
}

#[derive(Default)]
struct State {
    ready: BinaryHeap<Waiting>,
    /// Numbers of threads that are in use.
    threads: BTreeSet<u32>,
    idle: usize,
    seceded: BTreeSet<TaskUid>,
    closed: bool,
}

impl State {
    /// Are there more threads than needed?
    fn is_surplus(&self, nthreads: usize) -> bool {
        self.closed || self.threads.len() > nthreads + self.seceded.len()
    }
}

/// An order in the queue: the best one is the greatest.
struct Waiting(Box<Order>);

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let key = |order: &Order| (order.priority, order.uid);
        key(&other.0).cmp(&key(&self.0))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}

impl Runners {
    pub(crate) fn new(nthreads: u32) -> Runners {
        Runners { state: Mutex::default(), changed: Condvar::new(), nthreads: nthreads as usize }
    }

    /// A task is ready. Whoever pushes from one of the threads takes the next itself
    /// (`takes_next`), and wakes no other for it.
    pub(crate) fn push(&self, order: Box<Order>, takes_next: bool) {
        let mut state = self.state.lock();
        state.ready.push(Waiting(order));
        let wanted = state.ready.len() - usize::from(takes_next);
        if wanted > 0 && state.idle > 0 {
            self.changed.notify_one();
        }
    }

    /// A task leaves its thread to others: there is one thread more.
    pub(crate) fn secede(&self, uid: TaskUid, link: &Arc<WorkerLink>) {
        self.state.lock().seceded.insert(uid);
        self.fill(link);
    }

    /// A task that had left its thread has ended or come back: there is a thread too many.
    pub(crate) fn come_back(&self, uid: TaskUid) {
        if self.state.lock().seceded.remove(&uid) {
            self.changed.notify_all();
        }
    }

    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.ready.clear();
        self.changed.notify_all();
    }

    /// Starts threads until there are enough.
    pub(crate) fn fill(&self, link: &Arc<WorkerLink>) {
        let mut state = self.state.lock();
        while !state.closed && state.threads.len() < self.nthreads + state.seceded.len() {
            let number = (0..).find(|n| !state.threads.contains(n)).unwrap_or_default();
            state.threads.insert(number);
            let link = link.clone();
            spawn(&format!("raskt-run-{number}"), move || Runner::new(number, link).run());
        }
    }

    /// Waits for a task. None: the thread is not needed any more.
    fn wait(&self, thread: u32) -> Option<Box<Order>> {
        let mut state = self.state.lock();
        loop {
            if state.is_surplus(self.nthreads) {
                state.threads.remove(&thread);
                if !state.ready.is_empty() && state.idle > 0 {
                    self.changed.notify_one();
                }
                return None;
            }
            if let Some(Waiting(order)) = state.ready.pop() {
                return Some(order);
            }
            state.idle += 1;
            self.changed.wait(&mut state);
            state.idle -= 1;
        }
    }

    /// A task, if one is ready and this thread is still needed.
    fn take(&self) -> Option<Box<Order>> {
        let mut state = self.state.lock();
        if state.is_surplus(self.nthreads) {
            return None;
        }
        state.ready.pop().map(|Waiting(order)| order)
    }
}

/// One thread.
struct Runner {
    thread: u32,
    link: Arc<WorkerLink>,
    type_names: Mutex<Map<&'static str, Arc<str>>>,
    /// The task that the host has and has not said the end of.
    current: Mutex<Option<Current>>,
}

#[derive(Clone)]
struct Current {
    uid: TaskUid,
    attempt: u32,
    key: Arc<str>,
    group: Arc<str>,
    wanted: bool,
    start_us: u64,
}

impl Runner {
    fn new(thread: u32, link: Arc<WorkerLink>) -> Runner {
        Runner { thread, link, type_names: Mutex::default(), current: Mutex::default() }
    }

    fn run(self) {
        while let Some(order) = self.link.runners.wait(self.thread) {
            let mut first = Some(order);
            let mut tasks = std::iter::from_fn(|| {
                self.fail_current("the program went on without saying how the task ended");
                loop {
                    let order = first.take().or_else(|| self.link.runners.take())?;
                    if let Some(ready) = self.prepare(order) {
                        return Some(ready);
                    }
                }
            });
            let done = |uid, attempt, outcome| self.done(uid, attempt, outcome);
            let run = AssertUnwindSafe(|| self.link.host.run(self.thread, &mut tasks, &done));
            match catch_unwind(run) {
                Ok(()) => self.fail_current("the program did not say how the task ended"),
                Err(panic) => self.fail_current(&format!("panic: {}", panic_text(&*panic))),
            }
        }
    }

    /// Gets the inputs of a task. If one cannot be had, the task has failed.
    fn prepare(&self, order: Box<Order>) -> Option<Ready> {
        let current = Current {
            uid: order.uid,
            attempt: order.attempt,
            key: order.key.clone(),
            group: order.group.clone(),
            wanted: order.wanted,
            start_us: self.link.clock.now_us(),
        };
        let mut inputs = Vec::with_capacity(order.inputs.len());
        for input in &order.inputs {
            match self.link.store.value(input.uid, &*self.link.host) {
                Ok(value) => inputs.push(value),
                Err(error) => {
                    let text = format!("its input {}: {error}", input.key).into();
                    let error = self.error(&current, Cause::Codec { text });
                    self.report(&current, None, machine::Outcome::Failed(error));
                    return None;
                }
            }
        }
        let start_us = self.link.clock.now_us();
        *self.current.lock() = Some(Current { start_us, ..current });
        Some(Ready { order, inputs, worker: self.link.clone() })
    }

    fn done(&self, uid: TaskUid, attempt: u32, outcome: Outcome) {
        let Some(current) = self.current.lock().take() else { return };
        debug_assert!(current.uid == uid && current.attempt == attempt, "the task was handed out");
        let mut kept = None;
        let outcome = match outcome {
            Outcome::Done(value) => {
                let nbytes = value.nbytes();
                let named = self.link.host.type_name(&value);
                let type_name = named.unwrap_or_else(|| self.type_name(value.data().type_name()));
                let inline = if current.wanted && nbytes <= MOST_INLINE_BYTES {
                    // What cannot be written now will be an error when it is asked for.
                    let encoded = self.link.host.encode(&value).ok();
                    encoded.filter(|encoded| encoded.nbytes() <= MOST_INLINE_BYTES)
                } else {
                    None
                };
                let nbytes = nbytes as u64;
                let (key, held) = (Some(current.key.clone()), Held::Value(value));
                kept = Some(New { uid, key, held, nbytes });
                machine::Outcome::Done { nbytes, type_name, inline }
            }
            Outcome::Failed(error) => machine::Outcome::Failed(error),
            Outcome::Rescheduled => machine::Outcome::Rescheduled,
        };
        self.report(&current, kept, outcome);
    }

    fn report(&self, current: &Current, value: Option<New>, outcome: machine::Outcome) {
        let span = Span {
            start_us: current.start_us,
            compute_us: self.link.clock.now_us().saturating_sub(current.start_us),
            transfer_us: 0,
            thread: self.thread,
        };
        let Current { uid, attempt, .. } = *current;
        self.link.runners.come_back(uid);
        self.link.executed(value, machine::Event::Executed { uid, attempt, outcome, span });
    }

    fn fail_current(&self, text: &str) {
        let Some(current) = self.current.lock().take() else { return };
        let cause = Cause::Raised { error: None, text: text.into(), traceback: "".into() };
        let error = self.error(&current, cause);
        self.report(&current, None, machine::Outcome::Failed(error));
    }

    fn error(&self, current: &Current, cause: Cause) -> Box<TaskError> {
        Box::new(TaskError {
            key: current.key.clone(),
            function: current.group.clone(),
            worker: self.link.address().clone(),
            cause,
        })
    }

    fn type_name(&self, name: &'static str) -> Arc<str> {
        self.type_names.lock().entry(name).or_insert_with(|| name.into()).clone()
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
