//! Running lazy Python values.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use raskt_exec::{Memory, Options, Runner, Synchronous, Threads};
use raskt_graph::optimize::fuse;
use raskt_graph::{Call, Control, Executor, Failure, Node, Subscriber, Value};

use crate::callable::call_python;
use crate::dict_graph::python_key;
use crate::errors::exception;
use crate::events::PySubscriber;
use crate::scope::Attached;
use crate::spec::{graph_of, spec_of};
use crate::value::{to_python, wrap};
use crate::values::Values;

/// How often the waiting caller looks for Ctrl-C.
const PATIENCE: Duration = Duration::from_millis(50);

/// Computes lazy values.
///
/// `mode` is "threads" or "sync". `submit` runs a callable on a thread of the caller's own
/// pool. `runner` runs the tasks elsewhere. `subscriber` hears of events. `memory` is a pair of
/// a limit in bytes (or None) and a folder for what does not fit. With `optimize`, linear
/// chains run as one task.
#[pyfunction]
#[pyo3(signature = (
    values, mode, workers, memory, subscriber = None, submit = None, runner = None, optimize = false
))]
#[expect(clippy::too_many_arguments, reason = "called from one place in Python, by keyword")]
pub(crate) fn compute<'py>(
    py: Python<'py>,
    values: &Bound<'py, PyAny>,
    mode: &str,
    workers: usize,
    memory: (Option<usize>, String),
    subscriber: Option<Py<PyAny>>,
    submit: Option<Py<PyAny>>,
    runner: Option<Py<PyAny>>,
    optimize: bool,
) -> PyResult<Bound<'py, PyList>> {
    let graph = Arc::new(Values::with(values, |values| py.detach(|| values.lower(optimize)))?);
    let subscribers = subscriber.map(|s| Arc::new(PySubscriber(s)) as Arc<dyn Subscriber>);
    let control = Control { subscribers: subscribers.into_iter().collect(), ..Control::default() };
    let mut options = Options { memory: ledger(memory), ..Options::new(workers) };
    options.runner = runner.map(|object| Arc::new(Elsewhere(object)) as Arc<dyn Runner>);
    let results = match mode {
        "sync" => {
            options.scope = Some(Arc::new(Attached::here()));
            py.detach(|| Synchronous::new(options).run(graph, control))
        }
        "threads" => {
            options.scope = Some(Arc::new(Attached::with_context(py)?));
            let threads = Threads::new(options);
            let running = match submit {
                None => py.detach(|| threads.start(graph, control)),
                Some(submit) => py.detach(|| threads.start_on(spawner(submit), graph, control)),
            };
            while !py.detach(|| running.wait(PATIENCE)) {
                // An error here is Ctrl-C; leaving stops the run.
                py.check_signals()?;
            }
            py.detach(|| running.outputs())
        }
        mode => return Err(PyValueError::new_err(format!("no executor is called '{mode}'"))),
    };
    let results = results.map_err(|error| exception(py, error))?;
    let list = PyList::empty(py);
    for result in &results {
        list.append(to_python(py, result)?)?;
    }
    Ok(list)
}

/// Gives tasks to a Python object: `run(worker, task, values)`, with the task as an object that
/// is called with the values.
struct Elsewhere(Py<PyAny>);

impl Runner for Elsewhere {
    fn run(&self, worker: u32, node: &Node, call: Call<'_>) -> Result<Value, Failure> {
        Python::attach(|py| {
            let values = PyDict::new(py);
            for (input, value) in node.inputs().iter().zip(call.inputs()) {
                values.set_item(python_key(py, input)?, to_python(py, value)?)?;
            }
            let args = (worker, spec_of(py, node)?, values).into_pyobject(py)?;
            let run = self.0.bind(py).getattr(intern!(py, "run"))?;
            Ok(wrap(call_python(&run, &args, None)?))
        })
    }
}

/// Runs jobs by calling `submit` with them.
fn spawner(submit: Py<PyAny>) -> raskt_exec::threads::Spawn {
    Arc::new(move |job| {
        let job = Job(Mutex::new(Some(job)));
        Python::attach(|py| {
            let submitted = Bound::new(py, job).and_then(|job| submit.call1(py, (job,)));
            submitted.map(drop).map_err(|error| {
                // Looking at the error runs handlers of signals, so this comes first: the
                // interrupt would be raised here, where nobody can hear of it.
                let reason = std::io::Error::other(error.to_string());
                if error.is_instance_of::<PyKeyboardInterrupt>(py) {
                    // It is for the caller, who looks for it next.
                    // SAFETY: attached to the interpreter.
                    unsafe { pyo3::ffi::PyErr_SetInterrupt() };
                }
                reason
            })
        })
    })
}

/// A part of a run for a thread of the caller's.
#[pyclass(frozen, module = "raskt._native")]
pub(crate) struct Job(Mutex<Option<Box<dyn FnOnce() + Send>>>);

#[pymethods]
impl Job {
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        let job = self.0.lock().take();
        let job = job.ok_or_else(|| PyRuntimeError::new_err("a job runs once"))?;
        py.detach(job);
        Ok(())
    }
}

/// The ledger of this process; another one when the limit or the folder change.
fn ledger((limit, folder): (Option<usize>, String)) -> Arc<Memory> {
    static LEDGER: Mutex<Option<Arc<Memory>>> = Mutex::new(None);
    let mut held = LEDGER.lock();
    match &*held {
        Some(memory) if memory.limit() == limit && memory.folder().as_os_str() == &*folder => {
            memory.clone()
        }
        _ => held.insert(Arc::new(Memory::new(limit, folder))).clone(),
    }
}

/// The lazy values with linear chains as one task each.
#[pyfunction]
pub(crate) fn optimize(py: Python<'_>, values: &Bound<'_, PyAny>) -> PyResult<Values> {
    let fused = Values::with(values, |values| py.detach(|| fuse(&values.lower(false))))?;
    Ok(Values::new(fused, false))
}

/// The graph of lazy values: a dict of keys and tasks.
#[pyfunction]
pub(crate) fn to_graph<'py>(
    py: Python<'py>,
    values: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    graph_of(py, &Values::with(values, |values| values.lower(false))?)
}
