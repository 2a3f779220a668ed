//! Python objects as values of tasks.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use raskt_graph::payload::List;
use raskt_graph::{CodecError, Data, Encoded, Value};

use crate::callable::call_python;
use crate::sizeof::nbytes;

/// A Python object in a [`Value`].
pub(crate) struct PyData {
    object: Py<PyAny>,
    nbytes: usize,
}

impl PyData {
    pub(crate) fn object(&self) -> &Py<PyAny> {
        &self.object
    }
}

/// The value of a result, measured.
pub(crate) fn wrap(object: Bound<'_, PyAny>) -> Value {
    let nbytes = nbytes(&object);
    Value::from_data(PyData { object: object.unbind(), nbytes })
}

/// The value of a literal: it is kept by the program anyhow, so it is not measured.
pub(crate) fn literal(object: &Bound<'_, PyAny>) -> Value {
    Value::from_data(PyData { object: object.clone().unbind(), nbytes: 0 })
}

/// The Python object for a value.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    if let Some(data) = value.downcast_ref::<PyData>() {
        return Ok(data.object.bind(py).clone());
    }
    if let Some(List(items)) = value.downcast_ref::<List>() {
        let items: PyResult<Vec<_>> = items.iter().map(|item| to_python(py, item)).collect();
        return Ok(PyList::new(py, items?)?.into_any());
    }
    if let Some(x) = value.get::<i64>() {
        return Ok(x.into_pyobject(py)?.into_any());
    }
    if let Some(x) = value.get::<f64>() {
        return Ok(x.into_pyobject(py)?.into_any());
    }
    if let Some(x) = value.get::<bool>() {
        return Ok(x.into_pyobject(py)?.to_owned().into_any());
    }
    if let Some(x) = value.get::<String>() {
        return Ok(x.into_pyobject(py)?.into_any());
    }
    let name = value.data().type_name();
    Err(PyTypeError::new_err(format!("a value of the native type {name} has no Python form")))
}

impl Data for PyData {
    fn nbytes(&self) -> usize {
        self.nbytes
    }

    fn type_name(&self) -> &'static str {
        "Python object"
    }

    fn encode(&self) -> Result<Encoded, CodecError> {
        let failed = |e: PyErr| CodecError::Encode { type_name: "Python object", source: e.into() };
        Python::attach(|py| dump(self.object.bind(py)).map_err(failed))
    }
}

/// Pickles with protocol 5: arrays and frames stay out of the pickle and are not copied.
pub(crate) fn dump(object: &Bound<'_, PyAny>) -> PyResult<Encoded> {
    let py = object.py();
    let dumps = py.import("raskt._pickle")?.getattr(intern!(py, "dumps"))?;
    let parts = call_python(&dumps, &(object,).into_pyobject(py)?, None)?;
    let (header, views): (Bound<'_, PyBytes>, Vec<Bound<'_, PyAny>>) = parts.extract()?;
    let mut buffers: Vec<raskt_graph::value::Buffer> = Vec::with_capacity(views.len());
    for view in views {
        buffers.push(Box::new(Exported(PyBuffer::get(&view)?)));
    }
    Ok(Encoded { decode, header: header.as_bytes().to_vec(), buffers })
}

fn decode(header: &[u8], buffers: Vec<Vec<u8>>) -> Result<Value, CodecError> {
    let failed = |e: PyErr| CodecError::Decode { type_name: "Python object", source: e.into() };
    Python::attach(|py| Ok(wrap(load(py, header, buffers)?))).map_err(failed)
}

/// The object of a pickle, built on `buffers` without a copy.
pub(crate) fn load<'py>(
    py: Python<'py>,
    header: &[u8],
    buffers: Vec<Vec<u8>>,
) -> PyResult<Bound<'py, PyAny>> {
    let buffers: PyResult<Vec<_>> =
        buffers.into_iter().map(|bytes| Bound::new(py, OwnedBytes(bytes))).collect();
    let args = (PyBytes::new(py, header), buffers?).into_pyobject(py)?;
    let loads = py.import("raskt._pickle")?.getattr(intern!(py, "loads"))?;
    call_python(&loads, &args, None)
}

/// The memory of an object that exports it.
struct Exported(PyBuffer<u8>);

// SAFETY: the export keeps the memory where it is until it is released; nothing writes to the
// memory of a task's result.
unsafe impl Sync for Exported {}

impl AsRef<[u8]> for Exported {
    fn as_ref(&self) -> &[u8] {
        if self.0.len_bytes() == 0 {
            return &[];
        }
        // SAFETY: `raskt._pickle.dumps` gives contiguous one-dimensional views of bytes, which
        // live as long as the export.
        unsafe { std::slice::from_raw_parts(self.0.buf_ptr().cast(), self.0.len_bytes()) }
    }
}

/// Bytes that Python objects can be built on without a copy, and may change.
#[pyclass(module = "raskt._native")]
pub(crate) struct OwnedBytes(Vec<u8>);

#[pymethods]
impl OwnedBytes {
    /// Gives the memory to whoever asks.
    ///
    /// # Safety
    /// Called by the interpreter only.
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: std::ffi::c_int,
    ) -> PyResult<()> {
        let (data, len) = {
            let mut bytes = slf.borrow_mut();
            (bytes.0.as_mut_ptr(), bytes.0.len() as isize)
        };
        // SAFETY: the vector is never resized, and the view holds a reference to its owner.
        let result =
            unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), data.cast(), len, 0, flags) };
        if result == 0 { Ok(()) } else { Err(PyErr::fetch(slf.py())) }
    }
}
