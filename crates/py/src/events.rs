//! Python objects that hear of the events of a run.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use raskt_graph::{Event, Failure, Graph, Subscriber, TaskId};

use crate::callable::call_python;
use crate::dict_graph::python_key;
use crate::value::to_python;

/// Calls `started(key, worker)`, `finished(key, result, worker, seconds)`, `spilled(key,
/// nbytes)`, `loaded(key, nbytes)` and `released(key)` of a Python object.
pub(crate) struct PySubscriber(pub(crate) Py<PyAny>);

impl Subscriber for PySubscriber {
    fn on_event(&self, graph: &Graph, event: &Event<'_>) -> Result<(), Failure> {
        Python::attach(|py| self.forward(py, graph, event)).map_err(Into::into)
    }
}

impl PySubscriber {
    fn forward(&self, py: Python<'_>, graph: &Graph, event: &Event<'_>) -> PyResult<()> {
        let object = self.0.bind(py);
        let key = |task: &TaskId| python_key(py, graph.node(*task));
        let tell = |name: &Bound<'_, PyString>, args: Bound<'_, PyTuple>| {
            call_python(&object.getattr(name)?, &args, None).map(drop)
        };
        match event {
            Event::Started { task, worker } => {
                tell(intern!(py, "started"), (key(task)?, worker).into_pyobject(py)?)
            }
            Event::Finished { task, worker, value, duration } => {
                let value = to_python(py, value)?;
                let args = (key(task)?, value, worker, duration.as_secs_f64());
                tell(intern!(py, "finished"), args.into_pyobject(py)?)
            }
            Event::Spilled { task, nbytes } => {
                tell(intern!(py, "spilled"), (key(task)?, nbytes).into_pyobject(py)?)
            }
            Event::Loaded { task, nbytes } => {
                tell(intern!(py, "loaded"), (key(task)?, nbytes).into_pyobject(py)?)
            }
            Event::Released { task } => {
                tell(intern!(py, "released"), (key(task)?,).into_pyobject(py)?)
            }
            Event::Began | Event::Failed { .. } | Event::Ended { .. } => Ok(()),
        }
    }
}
