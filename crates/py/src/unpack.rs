//! Finding lazy values anywhere inside arguments.

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyIterator, PyList, PySet, PySlice,
    PyString, PyTuple, PyType,
};
use raskt_graph::hash::Map;
use raskt_graph::{Arg, Value};

use crate::callable::{Build, evaluate, shared};
use crate::cluster::future::Future;
use crate::delayed::Delayed;
use crate::value::literal;

/// Walks through arguments and collects the lazy objects in them, each once.
pub(crate) struct Unpacker<'py> {
    /// The lazy objects; an [`Arg::Input`] is a position among them.
    pub(crate) found: Vec<Bound<'py, PyAny>>,
    positions: Map<usize, u32>,
    /// Look inside containers?
    traverse: bool,
    /// Use up iterators of any kind, not only those of built-in containers?
    iterators: bool,
}

/// With so few found, looking through them is faster than hashing.
const FEW: usize = 8;

impl<'py> Unpacker<'py> {
    pub(crate) fn new(traverse: bool, iterators: bool) -> Unpacker<'py> {
        Unpacker { found: Vec::new(), positions: Map::default(), traverse, iterators }
    }

    /// The argument for an object.
    pub(crate) fn arg(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Arg> {
        Ok(self.lazy(object)?.unwrap_or_else(|| Arg::Value(literal(object))))
    }

    /// The argument for an object in which something is lazy.
    pub(crate) fn lazy(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Option<Arg>> {
        if is_plain(object) {
            return Ok(None);
        }
        if object.is_instance_of::<Delayed>() || object.is_instance_of::<Future>() {
            return Ok(Some(self.input(object)));
        }
        if self.traverse
            && let Some(arg) = self.container(object)?
        {
            return Ok(arg);
        }
        if is_collection(object)? {
            return Ok(Some(self.input(object)));
        }
        Ok(None)
    }

    fn input(&mut self, object: &Bound<'py, PyAny>) -> Arg {
        let next = self.found.len() as u32;
        if self.found.len() <= FEW {
            let position = self.found.iter().position(|other| other.is(object));
            if let Some(position) = position {
                return Arg::Input(position as u32);
            }
            if self.found.len() == FEW {
                let all = self.found.iter().zip(0..);
                self.positions = all.map(|(object, i)| (object.as_ptr() as usize, i)).collect();
            }
        }
        if self.found.len() >= FEW {
            let slot = *self.positions.entry(object.as_ptr() as usize).or_insert(next);
            if slot != next {
                return Arg::Input(slot);
            }
        }
        self.found.push(object.clone());
        Arg::Input(next)
    }

    /// None: not a container. Some(None): a container without lazy values.
    fn container(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Option<Option<Arg>>> {
        let arg = if let Ok(list) = object.cast_exact::<PyList>() {
            self.items(list.iter())?.map(|items| Arg::List(items.into()))
        } else if let Ok(tuple) = object.cast_exact::<PyTuple>() {
            self.items(tuple.iter())?.map(|items| Arg::call(shared(Build::Tuple), items))
        } else if let Ok(dict) = object.cast_exact::<PyDict>() {
            self.dict(dict, Build::Dict)?
        } else if let Ok(set) = object.cast_exact::<PySet>() {
            self.items(set.iter())?.map(|items| Arg::call(shared(Build::Set), items))
        } else if let Ok(set) = object.cast_exact::<PyFrozenSet>() {
            self.items(set.iter())?.map(|items| Arg::call(shared(Build::FrozenSet), items))
        } else if let Ok(slice) = object.cast_exact::<PySlice>() {
            let py = object.py();
            let names = [intern!(py, "start"), intern!(py, "stop"), intern!(py, "step")];
            let parts: PyResult<Vec<_>> = names.iter().map(|name| slice.getattr(*name)).collect();
            self.items(parts?.into_iter())?.map(|items| Arg::call(shared(Build::Slice), items))
        } else {
            return self.unusual(object);
        };
        Ok(Some(arg))
    }

    fn unusual(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Option<Option<Arg>>> {
        let (py, class) = (object.py(), object.get_type());
        if let Ok(tuple) = object.cast::<PyTuple>()
            && class.hasattr(intern!(py, "_fields"))?
        {
            let build = Build::Named(class.into_any().unbind());
            return Ok(Some(self.items(tuple.iter())?.map(|i| Arg::call(shared(build), i))));
        }
        if class.name()? == "OrderedDict"
            && let Ok(dict) = object.cast::<PyDict>()
        {
            return Ok(Some(self.dict(dict, Build::DictLike(class.into_any().unbind()))?));
        }
        if class.hasattr(intern!(py, "__dataclass_fields__"))? && !is_collection(object)? {
            return Ok(Some(self.dataclass(object)?));
        }
        let name = class.name()?;
        let of_container = || {
            let name = name.to_str().unwrap_or("");
            ["list_iterator", "tuple_iterator", "set_iterator"].contains(&name)
        };
        if of_container() || (self.iterators && object.is_instance_of::<PyIterator>()) {
            let list = object.try_iter()?.collect::<PyResult<Vec<_>>>()?;
            // It is used up, so its items are given as a list even if none is lazy.
            let items: PyResult<Vec<Arg>> = list.iter().map(|item| self.arg(item)).collect();
            return Ok(Some(Some(Arg::List(items?.into()))));
        }
        Ok(None)
    }

    /// The arguments for the items of a container, if one of them is lazy.
    fn items(
        &mut self,
        items: impl Iterator<Item = Bound<'py, PyAny>>,
    ) -> PyResult<Option<Vec<Arg>>> {
        let mut args: Vec<Arg> = Vec::new();
        let mut is_lazy = false;
        for item in items {
            match self.lazy(&item)? {
                Some(arg) => {
                    is_lazy = true;
                    args.push(arg);
                }
                None => args.push(Arg::Value(literal(&item))),
            }
        }
        Ok(is_lazy.then_some(args))
    }

    fn dict(&mut self, dict: &Bound<'py, PyDict>, build: Build) -> PyResult<Option<Arg>> {
        let items = dict.iter().flat_map(|(key, value)| [key, value]);
        Ok(self.items(items)?.map(|items| Arg::call(shared(build), items)))
    }

    fn dataclass(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Option<Arg>> {
        let helper = object.py().import("raskt._containers")?;
        let fields: Vec<(String, Bound<'py, PyAny>)> =
            helper.call_method1("dataclass_fields", (object,))?.extract()?;
        let (names, values): (Vec<String>, Vec<_>) = fields.into_iter().unzip();
        let Some(items) = self.items(values.into_iter())? else { return Ok(None) };
        helper.call_method1("check_dataclass", (object,))?;
        let build = Build::Dataclass(object.get_type().into_any().unbind(), names);
        Ok(Some(Arg::call(shared(build), items)))
    }
}

/// Can nothing be lazy in it?
fn is_plain(object: &Bound<'_, PyAny>) -> bool {
    object.is_none()
        || object.is_exact_instance_of::<PyInt>()
        || object.is_exact_instance_of::<PyString>()
        || object.is_exact_instance_of::<PyFloat>()
        || object.is_exact_instance_of::<PyBool>()
        || object.is_exact_instance_of::<PyBytes>()
}

/// Is it a lazy object of another kind: does it have a graph, or an expression that has one?
pub(crate) fn is_collection(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    static IS_COLLECTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = object.py();
    if object.is_instance_of::<PyType>()
        || !object.get_type().hasattr(intern!(py, "__dask_graph__"))?
    {
        return Ok(false);
    }
    IS_COLLECTION.import(py, "raskt.base", "is_dask_collection")?.call1((object,))?.extract()
}

/// Arguments without their lazy values; puts results in their place.
#[pyclass(frozen, module = "raskt._native")]
pub(crate) struct Repack {
    args: Vec<Arg>,
}

#[pymethods]
impl Repack {
    /// The arguments with each lazy value replaced by its result.
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        results: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let values: Vec<Value> = results.iter().map(literal).collect();
        let args: Result<Vec<_>, _> =
            self.args.iter().map(|arg| evaluate(py, arg, &values)).collect();
        let args = args.map_err(|e| PyTypeError::new_err(e.to_string()))?;
        PyTuple::new(py, args)
    }
}

/// The lazy objects in `args`, each once, and what puts results in their place.
#[pyfunction]
#[pyo3(signature = (*args, traverse = true))]
pub(crate) fn unpack_collections<'py>(
    args: &Bound<'py, PyTuple>,
    traverse: bool,
) -> PyResult<(Bound<'py, PyList>, Repack)> {
    let mut unpacker = Unpacker::new(traverse, true);
    let packed: PyResult<Vec<Arg>> = args.iter().map(|arg| unpacker.arg(&arg)).collect();
    let found = PyList::new(args.py(), &unpacker.found)?;
    Ok((found, Repack { args: packed? }))
}
