//! `Future`: the result of a task on a cluster.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pyo3::basic::CompareOp;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use raskt_cluster::client::{Client, Entry, FetchError, Outcome, Status};
use raskt_cluster::pack::{Outside, outside};
use raskt_graph::Node;
use raskt_wire::WireValue;

use super::callbacks::call_soon;
use super::codec::decode;
use super::failure::{cancelled, fetch_error, task_error};
use crate::dict_graph;

/// How long a wait lasts before somebody looks for Ctrl-C.
pub(crate) const PATIENCE: Duration = Duration::from_millis(50);

// The result of a task on a cluster. (Documentation and further methods are added to the class
// by `raskt.distributed.future`.)
#[pyclass(frozen, weakref, dict, module = "raskt.distributed")]
pub(crate) struct Future {
    /// None: released.
    entry: Mutex<Option<Arc<Entry>>>,
    /// What it was when it was released.
    last: Mutex<Status>,
    text: Arc<str>,
    key: Py<PyAny>,
    pub(crate) client: Client,
    owner: Py<PyAny>,
}

impl Future {
    pub(crate) fn new(
        entry: Arc<Entry>,
        key: Py<PyAny>,
        client: Client,
        owner: Py<PyAny>,
    ) -> Future {
        let text = entry.key().clone();
        let (entry, last) = (Mutex::new(Some(entry)), Mutex::new(Status::Pending));
        Future { entry, last, text, key, client, owner }
    }

    /// What is known of the result.
    pub(crate) fn entry(&self) -> PyResult<Arc<Entry>> {
        let released =
            || format!("the future of {} was released: ask its client for it", self.text);
        self.entry.lock().clone().ok_or_else(|| PyRuntimeError::new_err(released()))
    }

    /// What stands for it in a graph.
    pub(crate) fn outside(slf: &Bound<'_, Future>) -> PyResult<Outside> {
        let future = slf.get();
        // It must not have been released.
        future.entry()?;
        Ok(Outside { key: future.text.clone(), keep: Arc::new(Kept(slf.clone().unbind())) })
    }

    /// The future that a node of a graph stands for.
    pub(crate) fn of_node<'py>(py: Python<'py>, node: &Node) -> Option<Bound<'py, Future>> {
        let kept = outside(node)?.keep.downcast_ref::<Kept>()?;
        Some(kept.0.bind(py).clone())
    }

    /// The node that stands for it in a graph.
    pub(crate) fn node(slf: &Bound<'_, Future>) -> PyResult<Node> {
        let outside = Future::outside(slf)?;
        Ok(Node::over(dict_graph::key(slf.get().key.bind(slf.py()))?, Arc::new(outside), []))
    }

    fn status_now(&self) -> Status {
        self.entry.lock().as_ref().map_or(*self.last.lock(), |entry| entry.status())
    }
}

/// Keeps a future alive as long as a graph needs it.
struct Kept(Py<Future>);

#[pymethods]
impl Future {
    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.key.bind(py).clone()
    }

    #[getter]
    fn status(&self) -> &'static str {
        match self.status_now() {
            Status::Pending => "pending",
            Status::Lost => "lost",
            Status::Finished => "finished",
            Status::Failed => "error",
            Status::Cancelled => "cancelled",
        }
    }

    #[getter]
    fn client<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.owner.bind(py).call0()
    }

    #[getter]
    fn type_name(&self) -> String {
        match self.outcome() {
            Some(Outcome::Finished { type_name, .. }) => type_name.to_string(),
            _ => String::new(),
        }
    }

    #[getter]
    fn nbytes(&self) -> u64 {
        match self.outcome() {
            Some(Outcome::Finished { nbytes, .. }) => nbytes,
            _ => 0,
        }
    }

    /// Is the result in this process?
    #[getter]
    fn _is_here(&self) -> bool {
        matches!(self.outcome(), Some(Outcome::Finished { value: Some(_), .. }))
    }

    /// What whoever cancelled it said.
    #[getter]
    fn _reason(&self) -> String {
        match self.outcome() {
            Some(Outcome::Cancelled { reason } | Outcome::Broken { reason }) => reason.to_string(),
            _ => String::new(),
        }
    }

    /// Waits until it is not pending; False if time is up.
    #[pyo3(signature = (timeout = None))]
    fn _wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let entry = [self.entry()?];
        wait(py, timeout, |slice| self.client.wait_all(&entry, Some(slice)))
    }

    /// The result; waits for it. Raises what the task raised.
    fn _result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let entry = self.entry()?;
        Ok(gather(py, &self.client, &[entry], false)?.remove(0))
    }

    /// The task's exception, and nothing: None if there is a result.
    fn _exception<'py>(&self, py: Python<'py>) -> PyResult<Option<(Bound<'py, PyAny>, Py<PyAny>)>> {
        self._wait(py, None)?;
        let error = match self.outcome() {
            Some(Outcome::Finished { .. }) | None => return Ok(None),
            Some(outcome) => {
                let entry = self.entry()?;
                not_there(py, &entry, outcome)
            }
        };
        Ok(Some((error.into_value(py).into_bound(py).into_any(), py.None())))
    }

    /// Calls `callback` with the future on another thread, as soon as it is not pending.
    fn _on_done(slf: Bound<'_, Self>, callback: Py<PyAny>) -> PyResult<()> {
        let entry = slf.get().entry()?;
        let future = slf.unbind();
        entry.on_done(move |_| {
            call_soon(move |py| callback.call1(py, (future,)).map(drop));
        });
        Ok(())
    }

    /// The result is not needed here any more.
    fn release(&self) {
        let entry = self.entry.lock().take();
        if let Some(entry) = entry {
            *self.last.lock() = entry.status();
        }
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.text.hash(&mut hasher);
        hasher.finish()
    }

    fn __richcmp__(&self, py: Python<'_>, other: &Bound<'_, PyAny>, op: CompareOp) -> Py<PyAny> {
        let not_implemented = || py.NotImplemented();
        let Ok(other) = other.cast::<Future>() else { return not_implemented() };
        let other = other.get();
        let is_same = self.text == other.text && self.client.is_same(&other.client);
        let answer = match op {
            CompareOp::Eq => is_same,
            CompareOp::Ne => !is_same,
            _ => return not_implemented(),
        };
        pyo3::types::PyBool::new(py, answer).to_owned().into_any().unbind()
    }
}

impl Future {
    fn outcome(&self) -> Option<Outcome> {
        self.entry.lock().as_ref().and_then(|entry| entry.outcome())
    }
}

/// Waits in steps, and looks for Ctrl-C between them.
pub(crate) fn wait(
    py: Python<'_>,
    timeout: Option<f64>,
    step: impl Fn(Duration) -> bool + Sync,
) -> PyResult<bool> {
    let timeout = timeout.filter(|seconds| seconds.is_finite());
    let limit = timeout.map(|seconds| Duration::from_secs_f64(seconds.clamp(0.0, 1e9)));
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let slice = left.map_or(PATIENCE, |left| left.min(PATIENCE));
        if py.detach(|| step(slice)) {
            return Ok(true);
        }
        py.check_signals()?;
        if left.is_some_and(|left| left <= slice) {
            return Ok(false);
        }
    }
}

/// The results of tasks; waits for them. Those that have none are left out, or the first of
/// them raises its error.
pub(crate) fn gather<'py>(
    py: Python<'py>,
    client: &Client,
    entries: &[Arc<Entry>],
    skip: bool,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    loop {
        wait(py, None, |slice| match skip {
            true => client.wait_all(entries, Some(slice)),
            // The first that fails is enough.
            false => client.wait_results(entries, Some(slice)),
        })?;
        if !skip && let Some(failed) = entries.iter().find(|entry| entry.is_without_result()) {
            let outcome = failed.outcome();
            return Err(outcome.map_or_else(
                || cancelled(py, failed.key(), "it was retried"),
                |o| not_there(py, failed, o),
            ));
        }
        let mut found: Vec<Option<Bound<'py, PyAny>>> = Vec::with_capacity(entries.len());
        let mut far: Vec<(usize, Arc<str>)> = Vec::new();
        for entry in entries {
            match entry.outcome() {
                Some(Outcome::Finished { value: Some(value), .. }) => {
                    found.push(Some(decode(py, value)?));
                }
                Some(Outcome::Finished { value: None, .. }) | None => {
                    far.push((found.len(), entry.key().clone()));
                    found.push(None);
                }
                Some(_) if skip => {}
                Some(outcome) => return Err(not_there(py, entry, outcome)),
            }
        }
        let keys: Vec<Arc<str>> = far.iter().map(|(_, key)| key.clone()).collect();
        match fetch(py, client, keys)? {
            Ok(values) => {
                for ((place, _), value) in far.into_iter().zip(values) {
                    found[place] = Some(decode(py, value)?);
                }
                return Ok(found.into_iter().flatten().collect());
            }
            // It was lost or cancelled meanwhile: then there is news of it by now.
            Err(FetchError::Gone(_)) if entries.iter().any(|entry| !is_far(entry)) => {}
            Err(error) => return Err(fetch_error(py, error)),
        }
    }
}

fn is_far(entry: &Entry) -> bool {
    match entry.outcome() {
        Some(Outcome::Finished { .. }) => true,
        Some(_) | None => false,
    }
}

fn fetch(
    py: Python<'_>,
    client: &Client,
    keys: Vec<Arc<str>>,
) -> PyResult<Result<Vec<WireValue>, FetchError>> {
    if keys.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    client.fetch(keys, move |result| {
        // Whoever waited may have been interrupted.
        let _ = sender.send(result);
    });
    let receiver = Mutex::new(receiver);
    let result = Mutex::new(None);
    wait(py, None, |slice| match receiver.lock().recv_timeout(slice) {
        Ok(fetched) => {
            *result.lock() = Some(fetched);
            true
        }
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => false,
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => true,
    })?;
    Ok(result.into_inner().unwrap_or(Err(FetchError::Closed)))
}

/// The exception for a task without a result.
fn not_there(py: Python<'_>, entry: &Entry, outcome: Outcome) -> PyErr {
    match outcome {
        Outcome::Failed(error) => task_error(py, &error),
        Outcome::Cancelled { reason } | Outcome::Broken { reason } => {
            cancelled(py, entry.key(), &reason)
        }
        Outcome::Finished { .. } => PyRuntimeError::new_err("the task has a result"),
    }
}
