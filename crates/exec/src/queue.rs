//! Tasks that are ready to run: [`Queue`], one for each thread, and where threads sleep when
//! there are none: [`Idle`].

use std::collections::VecDeque;

use raskt_graph::TaskId;

use crate::sync::{AtomicUsize, Condvar, Mutex, Ordering};

/// One thread's ready tasks. The thread itself takes the newest (its inputs are still in the
/// cache), others take the oldest, several at a time.
#[derive(Default)]
pub(crate) struct Queue {
    tasks: Mutex<VecDeque<TaskId>>,
    /// As many as there are in `tasks`, to be looked at without the lock.
    len: AtomicUsize,
}

/// How many tasks move from one thread to another at once.
const BATCH: usize = 32;

impl Queue {
    /// Adds tasks; the last one is taken first.
    pub(crate) fn push(&self, ready: &[TaskId]) {
        let mut tasks = self.tasks.lock();
        tasks.extend(ready);
        self.len.store(tasks.len(), Ordering::SeqCst);
    }

    /// The newest task.
    pub(crate) fn pop(&self) -> Option<TaskId> {
        if self.is_empty() {
            return None;
        }
        let mut tasks = self.tasks.lock();
        let task = tasks.pop_back();
        self.len.store(tasks.len(), Ordering::SeqCst);
        task
    }

    /// Takes up to half of the tasks, the oldest, into `stolen`, in their order.
    pub(crate) fn steal(&self, stolen: &mut Vec<TaskId>) {
        if self.is_empty() {
            return;
        }
        let mut tasks = self.tasks.lock();
        let count = tasks.len().div_ceil(2).min(BATCH);
        stolen.extend(tasks.drain(..count));
        self.len.store(tasks.len(), Ordering::SeqCst);
    }

    /// Was it empty a moment ago?
    pub(crate) fn is_empty(&self) -> bool {
        self.len.load(Ordering::SeqCst) == 0
    }
}

/// Where threads without work sleep.
///
/// No wake-up is lost: a thread counts itself as a sleeper, then looks for work once more, then
/// sleeps, all with the lock; whoever adds work first adds it, then looks for sleepers, then
/// takes the lock to wake one. Either the sleeper sees the work or its adder sees the sleeper.
#[derive(Default)]
pub(crate) struct Idle {
    /// How many wake-ups are on their way to threads that are still asleep.
    tickets: Mutex<usize>,
    wake: Condvar,
    sleepers: AtomicUsize,
}

impl Idle {
    /// Sleeps until woken, unless `is_needed` says at the last moment that there is work.
    pub(crate) fn sleep(&self, is_needed: impl Fn() -> bool) {
        let mut tickets = self.tickets.lock();
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        while *tickets == 0 && !is_needed() {
            tickets = self.wake.wait(tickets);
        }
        *tickets = tickets.saturating_sub(1);
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
    }

    /// Wakes up to `count` threads; tells how many there were to wake.
    pub(crate) fn wake(&self, count: usize) -> usize {
        if count == 0 || self.sleepers.load(Ordering::SeqCst) == 0 {
            return 0;
        }
        let mut tickets = self.tickets.lock();
        let asleep = self.sleepers.load(Ordering::SeqCst).saturating_sub(*tickets);
        let woken = count.min(asleep);
        *tickets += woken;
        for _ in 0..woken {
            self.wake.notify_one();
        }
        woken
    }

    /// Wakes all, to see that the run is over.
    pub(crate) fn wake_all(&self) {
        let _tickets = self.tickets.lock();
        self.wake.notify_all();
    }
}
