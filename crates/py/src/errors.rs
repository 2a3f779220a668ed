//! From errors of runs to Python exceptions: one map for all.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use raskt_exec::run::describe;
use raskt_graph::{Failure, RunError};

/// The exception for an error. A task's own exception stays what it is, with a note that names
/// the task.
pub(crate) fn exception(py: Python<'_>, error: RunError) -> PyErr {
    match error {
        RunError::Task { key, function, source } => {
            let note = format!("in task '{key}', which calls {function}");
            noted(py, own_exception(py, source), &note)
        }
        RunError::Subscriber { source } => own_exception(py, source),
        error @ RunError::Panicked { .. } => ours(py, "TaskPanicked", &error.to_string(), None),
        RunError::Cancelled => ours(py, "CancelledError", &error.to_string(), None),
        RunError::Spill { ref source, .. } => {
            let code = source.raw_os_error();
            ours(py, "SpillError", &error.to_string(), code)
        }
        RunError::Codec { key, source } => {
            let text = format!("the result of task '{key}' could not be moved to or from disk");
            ours(py, "SpillError", &format!("{text}: {}", describe(&source.into())), None)
        }
        error @ RunError::Threads { .. } => PyRuntimeError::new_err(error.to_string()),
    }
}

fn own_exception(py: Python<'_>, failure: Failure) -> PyErr {
    match failure.downcast::<PyErr>() {
        Ok(error) => error.clone_ref(py),
        Err(other) => PyRuntimeError::new_err(describe(&other)),
    }
}

fn noted(py: Python<'_>, error: PyErr, note: &str) -> PyErr {
    let add = || -> PyResult<()> {
        let value = error.value(py);
        // The same object may be raised many times.
        let notes = value.getattr_opt("__notes__")?;
        if !notes.is_some_and(|notes| notes.contains(note).unwrap_or(false)) {
            value.call_method1("add_note", (note,))?;
        }
        Ok(())
    };
    // An exception without room for notes is raised without.
    let _ = add();
    error
}

fn ours(py: Python<'_>, name: &str, text: &str, code: Option<i32>) -> PyErr {
    let make = || -> PyResult<Bound<'_, PyAny>> {
        let class = py.import("raskt.exceptions")?.getattr(name)?;
        match code {
            Some(code) => class.call1((code, text)),
            None => class.call1((text,)),
        }
    };
    make().map_or_else(|error| error, PyErr::from_value)
}
