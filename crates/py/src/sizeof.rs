//! How many bytes a Python object keeps, told fast.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::callable::call_python;

/// What a small object takes.
const SMALL: usize = 32;
/// Of long lists, so many elements are measured.
const SAMPLE: usize = 16;

/// The bytes that `object` keeps: exact for arrays, sampled for lists and tuples, otherwise
/// what `raskt.sizeof` says.
pub(crate) fn nbytes(object: &Bound<'_, PyAny>) -> usize {
    measure(object, 3)
}

fn measure(object: &Bound<'_, PyAny>, depth: usize) -> usize {
    if object.is_none()
        || object.is_exact_instance_of::<PyInt>()
        || object.is_exact_instance_of::<PyFloat>()
        || object.is_exact_instance_of::<PyBool>()
    {
        return SMALL;
    }
    if let Ok(text) = object.cast_exact::<PyString>() {
        return SMALL + text.len().unwrap_or(0);
    }
    if let Ok(bytes) = object.cast_exact::<PyBytes>() {
        return SMALL + bytes.len().unwrap_or(0);
    }
    if let Ok(tuple) = object.cast_exact::<PyTuple>() {
        return sampled(tuple.len(), depth, tuple.iter());
    }
    if let Ok(list) = object.cast_exact::<PyList>() {
        return sampled(list.len(), depth, list.iter());
    }
    foreign(object).unwrap_or(SMALL)
}

fn sampled<'py>(len: usize, depth: usize, items: impl Iterator<Item = Bound<'py, PyAny>>) -> usize {
    let held = SMALL + len * size_of::<usize>();
    if depth == 0 || len == 0 {
        return held;
    }
    let seen = len.min(SAMPLE);
    let sample: usize = items.take(seen).map(|item| measure(&item, depth - 1)).sum();
    held + sample / seen * len
}

fn foreign(object: &Bound<'_, PyAny>) -> PyResult<usize> {
    static SIZEOF: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = object.py();
    if object.get_type().name()? == "ndarray"
        && !object.getattr(intern!(py, "dtype"))?.getattr(intern!(py, "hasobject"))?.is_truthy()?
    {
        return Ok(SMALL + object.getattr(intern!(py, "nbytes"))?.extract::<usize>()?);
    }
    let sizeof = SIZEOF.import(py, "raskt.sizeof", "sizeof")?;
    call_python(sizeof, &(object,).into_pyobject(py)?, None)?.extract()
}
