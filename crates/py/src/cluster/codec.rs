//! Python objects and functions as bytes: [`PyCodec`].
//!
//! A header begins with one letter that says what it is: small plain objects have a form of
//! their own, everything else is a pickle whose large buffers stay outside of it.

use std::sync::Arc;

use bytes::Bytes;
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString, PyTuple};
use raskt_cluster::payload::Codec;
use raskt_graph::{CodecError, Function, Portable, Value};
use raskt_wire::WireValue;

use crate::callable::{Build, Identity, PyFunction};
use crate::foreign::ForeignNode;
use crate::value::{PyData, dump, load, to_python, wrap};

/// The codec of everything that Python can hold.
pub(crate) struct PyCodec;

/// What our values are called on the wire.
pub(crate) const CODEC: &str = "py";

const PICKLE: u8 = b'P';

/// Byte strings up to here are part of the header.
const FEW_BYTES: usize = 512;

impl Codec for PyCodec {
    fn encode(&self, value: &Value) -> Result<WireValue, CodecError> {
        Python::attach(|py| encode(&to_python(py, value)?)).map_err(not_written)
    }

    fn identity(&self, value: &Value) -> Option<usize> {
        value.downcast_ref::<PyData>().map(|data| data.object().as_ptr() as usize)
    }

    fn decode(&self, value: WireValue) -> Result<Value, CodecError> {
        Python::attach(|py| Ok(wrap(decode(py, value)?))).map_err(not_read)
    }

    fn function(&self, portable: &Portable) -> Result<Arc<dyn Function>, CodecError> {
        Python::attach(|py| function(py, portable)).map_err(not_read)
    }
}

/// An object as bytes. Large buffers are not copied.
pub(crate) fn encode(object: &Bound<'_, PyAny>) -> PyResult<WireValue> {
    if let Ok(bytes) = object.cast_exact::<PyBytes>()
        && bytes.as_bytes().len() > FEW_BYTES
    {
        // A pickle would be a copy.
        let shared = Bytes::from_owner(PyBackedBytes::from(bytes.clone()));
        let (codec, header) = (CODEC.into(), Bytes::from_static(b"y"));
        return Ok(WireValue { codec, header, buffers: vec![shared] });
    }
    let (header, buffers) = match plain(object)? {
        Some(header) => (header, Vec::new()),
        None => {
            let encoded = dump(object)?;
            let mut header = Vec::with_capacity(encoded.header.len() + 1);
            header.push(PICKLE);
            header.extend_from_slice(&encoded.header);
            let owned = encoded.buffers.into_iter().map(|buffer| Bytes::from_owner(Shared(buffer)));
            (header, owned.collect())
        }
    };
    Ok(WireValue { codec: CODEC.into(), header: header.into(), buffers })
}

/// Memory of somebody else's as [`Bytes`].
struct Shared(raskt_graph::value::Buffer);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

/// A small plain object.
fn plain(object: &Bound<'_, PyAny>) -> PyResult<Option<Vec<u8>>> {
    fn with(kind: u8, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut header = Vec::with_capacity(bytes.len() + 1);
        header.push(kind);
        header.extend_from_slice(bytes);
        Some(header)
    }
    Ok(if object.is_none() {
        with(b'N', &[])
    } else if object.is_exact_instance_of::<PyBool>() {
        with(b'b', &[u8::from(object.is_truthy()?)])
    } else if object.is_exact_instance_of::<PyInt>() {
        match object.extract::<i64>() {
            Ok(int) => with(b'i', &int.to_le_bytes()),
            Err(_) => None,
        }
    } else if let Ok(float) = object.cast_exact::<PyFloat>() {
        with(b'f', &float.value().to_le_bytes())
    } else if let Ok(text) = object.cast_exact::<PyString>() {
        // A lone surrogate is no UTF-8: such a string is pickled.
        match text.to_cow() {
            Ok(text) => with(b's', text.as_bytes()),
            Err(_) => None,
        }
    } else if let Ok(bytes) = object.cast_exact::<PyBytes>() {
        with(b'y', bytes.as_bytes())
    } else {
        None
    })
}

/// An object from its bytes, built on the buffers without a copy where nobody else has them.
pub(crate) fn decode(py: Python<'_>, value: WireValue) -> PyResult<Bound<'_, PyAny>> {
    if &*value.codec != CODEC {
        let text = format!("a value in the form '{}' is not known to Python", value.codec);
        return Err(PyValueError::new_err(text));
    }
    let damaged = || PyValueError::new_err("a value was damaged on its way");
    let (kind, rest) = value.header.split_first().ok_or_else(damaged)?;
    let eight = || <[u8; 8]>::try_from(rest).map_err(|_| damaged());
    Ok(match kind {
        b'N' => py.None().into_bound(py),
        b'b' => PyBool::new(py, rest == [1]).to_owned().into_any(),
        b'i' => i64::from_le_bytes(eight()?).into_pyobject(py)?.into_any(),
        b'f' => PyFloat::new(py, f64::from_le_bytes(eight()?)).into_any(),
        b's' => {
            let text = std::str::from_utf8(rest).map_err(|_| damaged())?;
            PyString::new(py, text).into_any()
        }
        b'y' => PyBytes::new(py, value.buffers.first().map_or(rest, |all| all)).into_any(),
        &PICKLE => {
            let buffers = value.buffers.into_iter().map(Vec::from).collect();
            load(py, rest, buffers)?
        }
        _ => return Err(damaged()),
    })
}

/// A function as other processes know it: `py` and its pickle, or the name of a container.
pub(crate) fn portable(object: &Bound<'_, PyAny>, name: &str) -> Result<Portable, CodecError> {
    let pickle = || -> PyResult<Vec<u8>> {
        let py = object.py();
        let dumps = py.import("raskt._pickle")?.getattr(intern!(py, "dumps_function"))?;
        Ok(dumps.call1((object,))?.cast::<PyBytes>()?.as_bytes().to_vec())
    };
    Ok(Portable { name: name.into(), parameters: pickle().map_err(not_written)? })
}

fn function(py: Python<'_>, portable: &Portable) -> PyResult<Arc<dyn Function>> {
    let parameters = || load(py, &portable.parameters, Vec::new());
    Ok(match &*portable.name {
        "py" => Arc::new(PyFunction::new(&parameters()?)),
        "py:kwargs" => {
            let (callable, names): (Bound<'_, PyAny>, Bound<'_, PyTuple>) =
                parameters()?.extract()?;
            Arc::new(PyFunction::with_kwnames(&callable, Some(names)))
        }
        "py:node" => {
            let (node, keys, name) = parameters()?.extract()?;
            Arc::new(ForeignNode { node, keys, name })
        }
        "py:identity" => Arc::new(Identity("container")),
        name => match name.strip_prefix("py:") {
            Some("tuple") => Arc::new(Build::Tuple),
            Some("set") => Arc::new(Build::Set),
            Some("frozenset") => Arc::new(Build::FrozenSet),
            Some("dict") => Arc::new(Build::Dict),
            Some("slice") => Arc::new(Build::Slice),
            Some("dict-like") => Arc::new(Build::DictLike(parameters()?.unbind())),
            Some("named") => Arc::new(Build::Named(parameters()?.unbind())),
            Some("dataclass") => {
                let (class, names) = parameters()?.extract()?;
                Arc::new(Build::Dataclass(class, names))
            }
            _ => {
                let text = format!("the function '{name}' is not known to this worker");
                return Err(PyValueError::new_err(text));
            }
        },
    })
}

pub(crate) fn not_written(error: PyErr) -> CodecError {
    CodecError::Encode { type_name: "Python object", source: error.into() }
}

pub(crate) fn not_read(error: PyErr) -> CodecError {
    CodecError::Decode { type_name: "Python object", source: error.into() }
}
