//! Errors of a cluster as Python exceptions, and back.

use std::sync::Arc;

use bytes::Bytes;
use pyo3::call::PyCallArgs;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use raskt_cluster::client::FetchError;
use raskt_wire::{Cause, RequestError, TaskError, WireValue};

use super::codec::CODEC;

/// The exception for a task that failed. Its own exception stays what it is, with its traceback
/// and a note that names the task.
pub(crate) fn task_error(py: Python<'_>, error: &TaskError) -> PyErr {
    let TaskError { key, function, worker, cause } = error;
    match cause {
        Cause::Raised { error: Some(packed), .. } => match unpacked(py, &packed.header) {
            Ok(exception) => {
                let note = format!("in task '{key}', which calls {function}, on {worker}");
                // An exception without room for notes is raised without.
                let _ = exception.call_method1("add_note", (note,));
                PyErr::from_value(exception)
            }
            Err(unreadable) => unreadable,
        },
        Cause::Raised { error: None, text, traceback } => {
            let text = format!("task '{key}' ({function}) failed on {worker}: {text}");
            PyRuntimeError::new_err(format!("{text}\n{traceback}").trim_end().to_string())
        }
        Cause::KilledWorkers { ending, workers } => {
            let allowed = workers.saturating_sub(1);
            ours(py, "KilledWorker", (&**key, &**worker, allowed, &**ending))
        }
        Cause::Codec { text } => {
            let text = format!("task '{key}', which calls {function}: {text}");
            ours(py, "SerializationError", (text,))
        }
        Cause::NoWorker { text } => ours(py, "NoValidWorkerError", (&**key, &**text)),
        Cause::Memory { needed, limit } => ours(py, "TaskMemoryError", (&**key, needed, limit)),
        Cause::LostData { text } => ours(py, "LostDataError", (&**text,)),
    }
}

/// The exception for a task that was cancelled.
pub(crate) fn cancelled(py: Python<'_>, key: &Arc<str>, reason: &str) -> PyErr {
    ours(py, "FutureCancelledError", (&**key, reason))
}

/// The exception for a result that could not be fetched.
pub(crate) fn fetch_error(py: Python<'_>, error: FetchError) -> PyErr {
    let text = error.to_string();
    match error {
        FetchError::Gone(key) => cancelled(py, &key, "its result is lost"),
        FetchError::Unsendable { .. } => ours(py, "SerializationError", (text,)),
        FetchError::Scheduler(error) => request_error(py, error),
        FetchError::Unreachable { .. } | FetchError::Closed => ours(py, "CommClosedError", (text,)),
    }
}

/// The exception for a request that failed.
pub(crate) fn request_error(py: Python<'_>, error: RequestError) -> PyErr {
    let (name, text) = match &error {
        RequestError::Failed(packed, text) => {
            return match unpacked(py, packed) {
                Ok(exception) => PyErr::from_value(exception),
                Err(_) => PyRuntimeError::new_err(text.clone()),
            };
        }
        RequestError::Gone(text) => return ours(py, "CommClosedError", (text,)),
        RequestError::NotFound(text) => ("RequestNotFound", text),
        RequestError::Exists(text) => ("RequestExists", text),
        RequestError::Timeout(text) => ("RequestTimeout", text),
        RequestError::Refused(text) => ("RequestRefused", text),
        RequestError::Invalid(text) => ("RequestInvalid", text),
    };
    of_module(py, "raskt.exceptions", name, (text,))
}

/// An exception as bytes.
pub(crate) fn packed(py: Python<'_>, error: &PyErr) -> PyResult<Bytes> {
    let pack = py.import("raskt._process_errors")?.getattr("pack")?;
    let value = error.value(py);
    // It comes with the traceback that it was raised with.
    let trace = error.traceback(py);
    value.setattr("__traceback__", trace)?;
    Ok(Bytes::copy_from_slice(pack.call1((value,))?.cast::<PyBytes>()?.as_bytes()))
}

/// What happened when a function of the user's raised.
pub(crate) fn raised(py: Python<'_>, error: &PyErr) -> Cause {
    let text = |object: PyResult<Bound<'_, PyAny>>| {
        object.and_then(|o| o.str().map(|s| s.to_string())).unwrap_or_default()
    };
    let value = error.value(py);
    let name = text(value.get_type().qualname().map(Bound::into_any));
    let said = text(Ok(value.clone().into_any()));
    let trace = error.traceback(py).and_then(|trace| trace.format().ok()).unwrap_or_default();
    let header = packed(py, error).ok();
    let whole = header.map(|header| WireValue { codec: CODEC.into(), header, buffers: Vec::new() });
    Cause::Raised { error: whole, text: format!("{name}: {said}").into(), traceback: trace.into() }
}

fn unpacked<'py>(py: Python<'py>, packed: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let unpack = py.import("raskt._process_errors")?.getattr("unpack")?;
    unpack.call1((PyBytes::new(py, packed),))
}

/// An exception of `raskt.distributed`.
pub(crate) fn ours<'py>(py: Python<'py>, name: &str, args: impl PyCallArgs<'py>) -> PyErr {
    of_module(py, "raskt.distributed.exceptions", name, args)
}

fn of_module<'py>(py: Python<'py>, module: &str, name: &str, args: impl PyCallArgs<'py>) -> PyErr {
    let made = (|| py.import(module)?.getattr(name)?.call1(args))();
    made.map_or_else(|error| error, PyErr::from_value)
}
