//! Calls into Python that nobody waits for, on a thread of their own.

use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};

use pyo3::prelude::*;

/// Something to do with the interpreter.
type Job = Box<dyn FnOnce(Python<'_>) -> PyResult<()> + Send>;

/// The threads of clients must never wait for the interpreter: this one does it for them.
static JOBS: LazyLock<Sender<Job>> = LazyLock::new(|| {
    let (sender, receiver) = channel::<Job>();
    let serve = move || {
        while let Ok(first) = receiver.recv() {
            // None: the interpreter ends, and with it this thread.
            let served = Python::try_attach(|py| {
                let mut job = Some(first);
                while let Some(current) = job {
                    if let Err(error) = current(py) {
                        error.write_unraisable(py, None);
                    }
                    job = receiver.try_recv().ok();
                }
            });
            if served.is_none() {
                return;
            }
        }
    };
    let started = std::thread::Builder::new().name("raskt-callbacks".to_string()).spawn(serve);
    // Without the thread, the receiver is gone, and jobs are dropped.
    drop(started);
    sender
});

/// Does something with the interpreter, soon. What it raises is reported as unraisable.
pub(crate) fn call_soon(job: impl FnOnce(Python<'_>) -> PyResult<()> + Send + 'static) {
    // There is nobody to tell when the program ends.
    let _ = JOBS.send(Box::new(job));
}

/// Drops Python objects where the interpreter is at hand.
pub(crate) fn drop_soon<T: Send + 'static>(objects: T) {
    call_soon(move |_| {
        drop(objects);
        Ok(())
    });
}
