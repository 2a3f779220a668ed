//! Task objects of Dask's.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyString, PyTuple, PyType};
use raskt_graph::hash::Map;
use raskt_graph::{Call, CodecError, Failure, Function, Portable, Value};

use crate::callable::call_python;
use crate::cluster::codec::{not_written, portable};
use crate::value::{to_python, wrap};

/// What a type of Dask's stands for in a graph.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Foreign {
    Task,
    Data,
    Alias,
    Ref,
    Other,
}

/// Which types are Dask's, each looked at once.
#[derive(Default)]
pub(crate) struct ForeignTypes<'py> {
    /// The types are kept, so that their addresses stay theirs.
    known: Map<usize, (Bound<'py, PyType>, Option<Foreign>)>,
}

impl<'py> ForeignTypes<'py> {
    /// What an object of Dask's stands for; None if it is not Dask's.
    pub(crate) fn kind(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Option<Foreign>> {
        if object.is_exact_instance_of::<PyString>()
            || object.is_exact_instance_of::<PyInt>()
            || object.is_exact_instance_of::<PyFloat>()
            || object.is_exact_instance_of::<PyTuple>()
            || object.is_none()
        {
            return Ok(None);
        }
        let address = object.get_type_ptr() as usize;
        if let Some((_, kind)) = self.known.get(&address) {
            return Ok(*kind);
        }
        let class = object.get_type();
        let kind = foreign_kind(&class)?;
        self.known.insert(address, (class, kind));
        Ok(kind)
    }
}

fn foreign_kind(class: &Bound<'_, PyType>) -> PyResult<Option<Foreign>> {
    for (depth, base) in class.mro().iter().enumerate() {
        let base = base.cast_into::<PyType>()?;
        if base.module().is_ok_and(|module| module == "dask._task_spec") {
            let name = base.name()?;
            return Ok(Some(match name.to_str()? {
                "Task" if depth == 0 => Foreign::Task,
                "DataNode" => Foreign::Data,
                "Alias" => Foreign::Alias,
                "TaskRef" => Foreign::Ref,
                _ => Foreign::Other,
            }));
        }
    }
    Ok(None)
}

/// A task object of Dask's, called as Dask does.
pub(crate) struct ForeignNode {
    pub(crate) node: Py<PyAny>,
    /// The keys of what it depends on, in the order of the arguments.
    pub(crate) keys: Py<PyTuple>,
    pub(crate) name: String,
}

impl Function for ForeignNode {
    fn name(&self) -> &str {
        &self.name
    }

    fn call(&self, call: Call<'_>) -> Result<Value, Failure> {
        Python::attach(|py| {
            let values = PyDict::new(py);
            for (i, key) in self.keys.bind(py).iter().enumerate() {
                values.set_item(key, to_python(py, &call.value(i)?)?)?;
            }
            let args = (values,).into_pyobject(py)?;
            Ok(wrap(call_python(self.node.bind(py), &args, None)?))
        })
    }

    fn needs_scope(&self) -> bool {
        true
    }

    fn encode(&self) -> Result<Portable, CodecError> {
        Python::attach(|py| {
            let parts = (self.node.bind(py), self.keys.bind(py), &self.name);
            portable(parts.into_pyobject(py).map_err(not_written)?.as_any(), "py:node")
        })
    }
}
