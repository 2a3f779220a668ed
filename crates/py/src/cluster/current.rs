//! The task that a thread runs: what `current_task`, `secede` and `rejoin` are about.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use raskt_cluster::worker::WorkerLink;
use raskt_wire::{Order, TaskUid, WireValue};

use super::codec::{CODEC, decode};
use crate::callable::call_python;

/// A running task, as it may ask for itself.
#[derive(Clone)]
pub(crate) struct Current {
    uid: TaskUid,
    attempt: u32,
    key: Arc<str>,
    annotations: Bytes,
    executor: Arc<str>,
    worker: Arc<WorkerLink>,
    /// The Python objects of the worker: its host and its handle.
    pub(crate) host: Arc<Py<PyAny>>,
}

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
    static IDENT: OnceCell<u64> = const { OnceCell::new() };
}

/// What the threads of all workers of this process run, by Python's number for the thread.
static RUNNING: Mutex<BTreeMap<u64, Current>> = Mutex::new(BTreeMap::new());

/// The tasks that a worker runs, and Python's numbers for their threads.
pub(crate) fn running(worker: &Arc<WorkerLink>) -> Vec<(Arc<str>, u64)> {
    let running = RUNNING.lock();
    let here = running.iter().filter(|(_, current)| Arc::ptr_eq(&current.worker, worker));
    here.map(|(ident, current)| (current.key.clone(), *ident)).collect()
}

/// Python's number for the calling thread.
fn ident(py: Python<'_>) -> u64 {
    let ask = || py.import("threading")?.call_method0("get_ident")?.extract();
    IDENT.with(|ident| *ident.get_or_init(|| ask().unwrap_or(0)))
}

impl Current {
    pub(crate) fn new(order: &Order, worker: Arc<WorkerLink>, host: Arc<Py<PyAny>>) -> Current {
        Current {
            uid: order.uid,
            attempt: order.attempt,
            key: order.key.clone(),
            annotations: order.annotations.clone(),
            executor: order.executor.clone(),
            worker,
            host,
        }
    }

    /// Does something as this task.
    pub(crate) fn scope<R>(self, py: Python<'_>, body: impl FnOnce() -> R) -> R {
        struct Restore(Option<Current>, u64);
        impl Drop for Restore {
            fn drop(&mut self) {
                let before = self.0.take();
                let mut running = RUNNING.lock();
                let gone = match &before {
                    Some(current) => running.insert(self.1, current.clone()),
                    None => running.remove(&self.1),
                };
                drop(running);
                CURRENT.with(|current| *current.borrow_mut() = before);
                drop(gone);
            }
        }
        let ident = ident(py);
        RUNNING.lock().insert(ident, self.clone());
        let before = CURRENT.with(|current| current.borrow_mut().replace(self));
        let _restore = Restore(before, ident);
        body()
    }

    /// The pool of threads that the task asks for.
    pub(crate) fn executor(&self) -> Arc<str> {
        self.executor.clone()
    }

    fn get() -> Option<Current> {
        CURRENT.with(|current| current.borrow().clone())
    }
}

/// The task that the calling thread runs: its key, its worker's host, its annotations. None
/// outside of tasks.
#[pyfunction]
pub(crate) fn current_task(py: Python<'_>) -> PyResult<Option<Bound<'_, PyDict>>> {
    let Some(current) = Current::get() else { return Ok(None) };
    let dict = PyDict::new(py);
    dict.set_item("key", &*current.key)?;
    dict.set_item("host", current.host.bind(py))?;
    dict.set_item("attempt", current.attempt)?;
    dict.set_item("address", &**current.worker.address())?;
    let annotations = match current.annotations.is_empty() {
        true => PyDict::new(py).into_any(),
        false => {
            let header = current.annotations.clone();
            decode(py, WireValue { codec: CODEC.into(), header, buffers: Vec::new() })?
        }
    };
    dict.set_item("annotations", annotations)?;
    Ok(Some(dict))
}

/// The task of the calling thread leaves the worker's thread to others and goes on.
#[pyfunction]
pub(crate) fn secede(py: Python<'_>) -> PyResult<()> {
    let current = Current::get().ok_or_else(outside)?;
    py.detach(|| current.worker.secede(current.uid, current.attempt));
    Ok(())
}

/// The task of the calling thread, which had left, waits for a thread of the worker's.
#[pyfunction]
pub(crate) fn rejoin(py: Python<'_>) -> PyResult<()> {
    let current = Current::get().ok_or_else(outside)?;
    py.detach(|| current.worker.rejoin(current.uid, current.attempt));
    Ok(())
}

fn outside() -> PyErr {
    PyRuntimeError::new_err("only a task that runs on a worker can leave its thread")
}

/// A call that counts as a task's, on whichever thread it is made.
#[pyclass(frozen, module = "raskt._native")]
pub(crate) struct AsTask {
    pub(crate) current: Current,
    pub(crate) callable: Py<PyAny>,
}

#[pymethods]
impl AsTask {
    #[pyo3(signature = (*args))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let current = self.current.clone();
        current.scope(py, || call_python(self.callable.bind(py), args, None))
    }
}
