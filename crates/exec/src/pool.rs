//! Threads that are kept between runs.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

type Job = Box<dyn FnOnce() + Send>;

/// How long a thread waits for the next run before it ends.
const KEEP: Duration = Duration::from_secs(10);

/// Threads wait for jobs here. As many are made as there are jobs at one time: a job may wait
/// for others (a task that computes a graph of its own), so none may wait for a thread.
struct Pool {
    process: u32,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Threads that wait for a job.
    idle: usize,
}

static POOL: AtomicPtr<Pool> = AtomicPtr::new(std::ptr::null_mut());

/// The pool of this process. After a fork the child makes its own: threads are not inherited.
fn pool() -> &'static Pool {
    let process = std::process::id();
    let current = POOL.load(Ordering::Acquire);
    // SAFETY: what the pointer is set to is never freed.
    if let Some(pool) = unsafe { current.as_ref() }
        && pool.process == process
    {
        return pool;
    }
    let state = Mutex::default();
    let new = Box::leak(Box::new(Pool { process, state, wake: Condvar::new() }));
    match POOL.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => new,
        // Another thread was faster.
        Err(_) => pool(),
    }
}

/// Runs `job` on a thread of the pool.
///
/// # Errors
/// If the system gives no more threads.
pub(crate) fn spawn(job: Job) -> std::io::Result<()> {
    let pool = pool();
    let mut state = pool.state.lock();
    if state.idle > state.jobs.len() {
        state.jobs.push_back(job);
        pool.wake.notify_one();
        return Ok(());
    }
    drop(state);
    let body = move || {
        job();
        pool.serve();
    };
    std::thread::Builder::new().name("raskt".into()).spawn(body).map(drop)
}

impl Pool {
    /// Runs jobs until none has come for a while.
    fn serve(&self) {
        let mut state = self.state.lock();
        loop {
            state.idle += 1;
            if state.jobs.is_empty() {
                self.wake.wait_for(&mut state, KEEP);
            }
            state.idle -= 1;
            let Some(job) = state.jobs.pop_front() else { return };
            drop(state);
            job();
            state = self.state.lock();
        }
    }
}
