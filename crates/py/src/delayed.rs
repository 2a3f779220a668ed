//! `Delayed`: a lazy Python value.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyAttributeError, PyTypeError, PyUserWarning};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use raskt_graph::{Arg, Key, Node, Prefix, lower};

use crate::callable::{Identity, PyFunction, funcname};
use crate::cluster::future::Future;
use crate::dict_graph;
use crate::new_task::{
    CallOptions, NewTask, annotated, binary, helper, key_of_call, node_of, operate, power,
    with_names,
};
use crate::spec;
use crate::token::{Tokenizer, tokenize};
use crate::unpack::Unpacker;
use crate::value::literal;

/// A value that has not been computed yet.
#[pyclass(frozen, subclass, weakref, module = "raskt.delayed")]
pub(crate) struct Delayed {
    pub(crate) node: Node,
    length: Option<usize>,
}

// A plain object or function made lazy; calling it makes a task. (Documentation of the class
// would hide that of the object, which the getter gives.)
#[pyclass(frozen, extends = Delayed, module = "raskt.delayed")]
pub(crate) struct DelayedLeaf {
    object: Py<PyAny>,
    /// Shared by all tasks that call the object.
    function: Arc<PyFunction>,
    prefix: Prefix,
    pure: Option<bool>,
    nout: Option<usize>,
    /// The object's token, once it was needed.
    token: OnceLock<String>,
}

/// An attribute of a lazy object; calling it calls the method.
#[pyclass(frozen, extends = Delayed, module = "raskt.delayed")]
pub(crate) struct DelayedAttr {
    of: Node,
    name: String,
}

impl Delayed {
    pub(crate) fn new(node: Node, length: Option<usize>) -> Delayed {
        Delayed { node, length }
    }
}

/// The result of a method that makes a lazy value.
type Lazy<'py> = PyResult<Bound<'py, PyAny>>;

#[pymethods]
impl Delayed {
    fn __add__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("add", slf.into_any(), other)
    }

    fn __radd__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("add", other, slf.into_any())
    }

    fn __sub__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("sub", slf.into_any(), other)
    }

    fn __rsub__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("sub", other, slf.into_any())
    }

    fn __mul__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("mul", slf.into_any(), other)
    }

    fn __rmul__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("mul", other, slf.into_any())
    }

    fn __matmul__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("matmul", slf.into_any(), other)
    }

    fn __rmatmul__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("matmul", other, slf.into_any())
    }

    fn __truediv__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("truediv", slf.into_any(), other)
    }

    fn __rtruediv__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("truediv", other, slf.into_any())
    }

    fn __floordiv__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("floordiv", slf.into_any(), other)
    }

    fn __rfloordiv__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("floordiv", other, slf.into_any())
    }

    fn __mod__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("mod", slf.into_any(), other)
    }

    fn __rmod__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("mod", other, slf.into_any())
    }

    fn __lshift__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("lshift", slf.into_any(), other)
    }

    fn __rlshift__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("lshift", other, slf.into_any())
    }

    fn __rshift__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("rshift", slf.into_any(), other)
    }

    fn __rrshift__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("rshift", other, slf.into_any())
    }

    fn __and__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("and_", slf.into_any(), other)
    }

    fn __rand__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("and_", other, slf.into_any())
    }

    fn __or__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("or_", slf.into_any(), other)
    }

    fn __ror__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("or_", other, slf.into_any())
    }

    fn __xor__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("xor", slf.into_any(), other)
    }

    fn __rxor__<'py>(slf: Bound<'py, Self>, other: Bound<'py, PyAny>) -> Lazy<'py> {
        binary("xor", other, slf.into_any())
    }

    fn __pow__<'py>(
        slf: Bound<'py, Self>,
        other: Bound<'py, PyAny>,
        modulus: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        power(slf.into_any(), other, modulus)
    }

    fn __rpow__<'py>(
        slf: Bound<'py, Self>,
        other: Bound<'py, PyAny>,
        modulus: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        power(other, slf.into_any(), modulus)
    }

    fn __neg__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, PyAny>> {
        let py = slf.py();
        operate(py, "operator", "neg", PyTuple::new(py, [slf])?)
    }

    fn __pos__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, PyAny>> {
        let py = slf.py();
        operate(py, "operator", "pos", PyTuple::new(py, [slf])?)
    }

    fn __abs__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, PyAny>> {
        let py = slf.py();
        operate(py, "operator", "abs", PyTuple::new(py, [slf])?)
    }

    fn __invert__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, PyAny>> {
        let py = slf.py();
        operate(py, "operator", "invert", PyTuple::new(py, [slf])?)
    }

    fn __getitem__<'py>(
        slf: Bound<'py, Self>,
        index: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        binary("getitem", slf.into_any(), index)
    }

    fn __richcmp__<'py>(
        slf: Bound<'py, Self>,
        other: Bound<'py, PyAny>,
        op: CompareOp,
    ) -> PyResult<Bound<'py, PyAny>> {
        let name = match op {
            CompareOp::Lt => "lt",
            CompareOp::Le => "le",
            CompareOp::Eq => "eq",
            CompareOp::Ne => "ne",
            CompareOp::Gt => "gt",
            CompareOp::Ge => "ge",
        };
        binary(name, slf.into_any(), other)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.node.key().hash(&mut hasher);
        hasher.finish()
    }

    fn __bool__(&self) -> PyResult<bool> {
        Err(PyTypeError::new_err("Truth of Delayed objects is not supported: compute it first"))
    }

    fn __len__(&self) -> PyResult<usize> {
        self.length.ok_or_else(|| {
            PyTypeError::new_err(
                "Delayed objects of unspecified length have no len(): \
                 say how many values there are with nout=",
            )
        })
    }

    fn __iter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, PyAny>> {
        let Some(length) = slf.get().length else {
            return Err(PyTypeError::new_err(
                "Delayed objects of unspecified length are not iterable: \
                 say how many values there are with nout=",
            ));
        };
        let items: PyResult<Vec<_>> = (0..length).map(|i| slf.get_item(i)).collect();
        Ok(PyList::new(slf.py(), items?)?.try_iter()?.into_any())
    }

    fn __getattr__<'py>(slf: Bound<'py, Self>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        attribute(slf, name)
    }

    fn __setattr__(&self, name: &str, _value: Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyTypeError::new_err(format!("Delayed objects are immutable: {name} cannot be set")))
    }

    fn __setitem__(&self, _index: Bound<'_, PyAny>, _value: Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyTypeError::new_err("Delayed objects are immutable: items cannot be set"))
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        slf: Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        call_result(slf, args, kwargs)
    }

    fn __get__<'py>(
        slf: Bound<'py, Self>,
        instance: Option<Bound<'py, PyAny>>,
        _class: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match instance {
            None => Ok(slf.into_any()),
            Some(instance) => slf.py().import("types")?.call_method1("MethodType", (slf, instance)),
        }
    }

    fn __repr__(slf: Bound<'_, Self>) -> PyResult<String> {
        let class = slf.get_type().name()?;
        Ok(format!("{class}('{}')", slf.get().node.key()))
    }

    fn __reduce__<'py>(
        slf: Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        reduce(slf)
    }

    /// The key of the task.
    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        dict_graph::python_key(py, &self.node)
    }

    /// The number of values it unpacks into, if known.
    #[getter]
    fn _length(&self) -> Option<usize> {
        self.length
    }

    /// Its graph: a dict of keys and tasks.
    #[getter]
    fn dask<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        spec::graph_of(py, &lower(std::slice::from_ref(&self.node)))
    }

    fn __dask_graph__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.dask(py)
    }

    fn __dask_keys__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, [self.key(py)?])
    }

    fn __dask_layers__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, [self.key(py)?])
    }

    fn __dask_tokenize__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.key(py)
    }

    /// The same lazy value, to be unpacked into so many.
    fn _with_length(&self, length: usize) -> Delayed {
        Delayed::new(self.node.clone(), Some(length))
    }

    /// The same lazy value, computed.
    fn _with_value(&self, value: Bound<'_, PyAny>) -> PyResult<Delayed> {
        let key = self.node.key().clone();
        let node = match value.cast::<Future>() {
            Ok(future) => Node::over(key, Arc::new(Future::outside(future)?), []),
            Err(_) => Node::constant(key, literal(&value)),
        };
        Ok(Delayed::new(node, self.length))
    }

    /// The same lazy value under another key.
    fn _renamed(&self, name: Bound<'_, PyAny>) -> PyResult<Delayed> {
        let inputs: Box<[Node]> = self.node.inputs().into();
        let function = self.node.function().clone();
        let node = Node::new(dict_graph::key(&name)?, function, self.node.written_args(), inputs);
        Ok(Delayed::new(node, self.length))
    }

    /// The annotations that its task was made with.
    #[getter]
    fn annotations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        spec::annotations_dict(py, self.node.annotations().map(|annotations| &**annotations))
    }
}

fn attribute<'py>(slf: Bound<'py, Delayed>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    if name.starts_with('_') {
        return Err(PyAttributeError::new_err(format!("Attribute {name} not found")));
    }
    if name == "visualise" {
        let text = c"dask.delayed objects have no `visualise` method. \
                     Perhaps you meant `visualize`?";
        PyErr::warn(py, &py.get_type::<PyUserWarning>(), text, 1)?;
    }
    let of = slf.get().node.clone();
    let mut tokenizer = Tokenizer::new("getattr");
    tokenizer.text(&of.key().to_string());
    tokenizer.text(name);
    let key = Key::content(Prefix::new("getattr"), tokenizer.finish());
    let args = [Arg::Input(0), Arg::Value(literal(PyString::new(py, name).as_any()))];
    let node = Node::new(key, helper(py, "builtins", "getattr")?, args, [of.clone()]);
    let node = annotated(py, node)?;
    let base = PyClassInitializer::from(Delayed::new(node, None));
    let attr = base.add_subclass(DelayedAttr { of, name: name.to_string() });
    Ok(Bound::new(py, attr)?.into_any())
}

/// Calls the lazy value itself.
fn call_result<'py>(
    slf: Bound<'py, Delayed>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let options = CallOptions::take(kwargs)?;
    let prefix = Prefix::new("apply");
    let callee = slf.get().node.clone();
    let kwargs = options.kwargs.as_ref();
    let key = key_of_call(py, prefix, options.key.as_ref(), options.pure, |t| {
        t.text(&callee.key().to_string());
        t.args(args, kwargs)
    })?;
    let function = with_names(&helper(py, "operator", "call")?, py, kwargs)?;
    let first = Some((Arg::Input(0), callee));
    let task = NewTask { function, first, args, kwargs, key, nout: None };
    Ok(Bound::new(py, task.make(py)?)?.into_any())
}

#[pymethods]
impl DelayedLeaf {
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        slf: Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, leaf) = (slf.py(), slf.get());
        let options = CallOptions::take(kwargs)?;
        let kwargs = options.kwargs.as_ref();
        let pure = options.pure.or(leaf.pure);
        let key = key_of_call(py, leaf.prefix, options.key.as_ref(), pure, |t| {
            t.text(leaf.token(py)?);
            t.args(args, kwargs)
        })?;
        let function = with_names(&leaf.function, py, kwargs)?;
        let nout = leaf.nout;
        let task = NewTask { function, first: None, args, kwargs, key, nout };
        Ok(Bound::new(py, task.make(py)?)?.into_any())
    }

    /// The object's name.
    #[getter]
    fn __name__(&self, py: Python<'_>) -> String {
        funcname(self.object.bind(py))
    }

    /// The object's documentation.
    #[getter]
    fn __doc__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.object.getattr(py, intern!(py, "__doc__"))
    }

    /// The object itself.
    #[getter]
    fn __wrapped__(&self, py: Python<'_>) -> Py<PyAny> {
        self.object.clone_ref(py)
    }

    /// How it is called.
    #[getter]
    fn __signature__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("inspect")?.call_method1("signature", (&self.object,))
    }

    /// The object itself.
    #[getter]
    fn _obj(&self, py: Python<'_>) -> Py<PyAny> {
        self.object.clone_ref(py)
    }

    #[getter]
    fn _pure(&self) -> Option<bool> {
        self.pure
    }

    #[getter]
    fn _nout(&self) -> Option<usize> {
        self.nout
    }
}

impl DelayedLeaf {
    fn token(&self, py: Python<'_>) -> PyResult<&str> {
        if let Some(token) = self.token.get() {
            return Ok(token);
        }
        let token = tokenize(self.object.bind(py))?;
        Ok(self.token.get_or_init(|| token))
    }
}

#[pymethods]
impl DelayedAttr {
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        slf: Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, attr) = (slf.py(), slf.get());
        let options = CallOptions::take(kwargs)?;
        let kwargs = options.kwargs.as_ref();
        let prefix = Prefix::new(&attr.name);
        let key = key_of_call(py, prefix, options.key.as_ref(), options.pure, |t| {
            t.text(&attr.of.key().to_string());
            t.text(&attr.name);
            t.args(args, kwargs)
        })?;
        let caller = py.import("raskt._containers")?.call_method1("methodcaller", (&attr.name,))?;
        let function = with_names(&Arc::new(PyFunction::new(&caller)), py, kwargs)?;
        let first = Some((Arg::Input(0), attr.of.clone()));
        let task = NewTask { function, first, args, kwargs, key, nout: None };
        Ok(Bound::new(py, task.make(py)?)?.into_any())
    }

    /// The name of the attribute.
    #[getter]
    fn _attr(&self) -> &str {
        &self.name
    }
}

/// Makes an object lazy.
#[pyfunction]
#[pyo3(signature = (obj, name = None, pure = None, nout = None, traverse = true))]
pub(crate) fn delayed<'py>(
    py: Python<'py>,
    obj: Bound<'py, PyAny>,
    name: Option<Bound<'py, PyAny>>,
    pure: Option<bool>,
    nout: Option<usize>,
    traverse: bool,
) -> PyResult<Bound<'py, PyAny>> {
    if obj.is_instance_of::<Delayed>() {
        return Ok(obj);
    }
    let mut unpacker = Unpacker::new(traverse, false);
    if let Some(arg) = unpacker.lazy(&obj)? {
        let inputs: PyResult<Vec<Node>> = unpacker.found.iter().map(node_of).collect();
        let inputs = inputs?;
        if name.is_none() && matches!(arg, Arg::Input(0)) {
            let node = inputs.into_iter().next();
            let node = node.ok_or_else(|| PyTypeError::new_err("a collection has a node"))?;
            return Ok(Bound::new(py, Delayed::new(node, nout))?.into_any());
        }
        let prefix = Prefix::new(obj.get_type().name()?.to_str()?);
        let key = key_of_call(py, prefix, name.as_ref(), pure, |t| t.object(&obj))?;
        let node = Node::new(key, Arc::new(Identity("container")), [arg], inputs);
        return Ok(Bound::new(py, Delayed::new(annotated(py, node)?, nout))?.into_any());
    }
    leaf(py, obj, name, pure, nout)
}

fn leaf<'py>(
    py: Python<'py>,
    obj: Bound<'py, PyAny>,
    name: Option<Bound<'py, PyAny>>,
    pure: Option<bool>,
    nout: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let own_name = match obj.getattr_opt(intern!(py, "__name__"))? {
        Some(name) => name.extract::<String>().ok(),
        None => None,
    };
    let own_name = match own_name {
        Some(name) => name,
        None => obj.get_type().name()?.to_string(),
    };
    let key = key_of_call(py, Prefix::new(&own_name), name.as_ref(), pure, |t| {
        t.object(&obj)?;
        t.text(&format!("{nout:?}"));
        Ok(())
    })?;
    let prefix =
        if obj.is_callable() { Prefix::new(&funcname(&obj)) } else { Prefix::new(&own_name) };
    let leaf = DelayedLeaf {
        function: Arc::new(PyFunction::new(&obj)),
        prefix,
        pure,
        nout,
        token: OnceLock::new(),
        object: obj.clone().unbind(),
    };
    let node = Node::constant(key, literal(&obj));
    let base = PyClassInitializer::from(Delayed::new(node, nout));
    Ok(Bound::new(py, base.add_subclass(leaf))?.into_any())
}

fn reduce(slf: Bound<'_, Delayed>) -> PyResult<(Bound<'_, PyAny>, Bound<'_, PyTuple>)> {
    let py = slf.py();
    let module = py.import("raskt.delayed")?;
    if let Ok(leaf) = slf.cast::<DelayedLeaf>() {
        let DelayedLeaf { object, pure, nout, .. } = leaf.get();
        let args = (object.bind(py), slf.get().key(py)?, *pure, *nout, false);
        return Ok((module.getattr("_rebuild_leaf")?, args.into_pyobject(py)?));
    }
    if let Ok(attr) = slf.cast::<DelayedAttr>() {
        let DelayedAttr { of, name } = attr.get();
        let args = (Bound::new(py, Delayed::new(of.clone(), None))?, name);
        return Ok((py.import("builtins")?.getattr("getattr")?, args.into_pyobject(py)?));
    }
    let delayed = slf.get();
    let args = (delayed.key(py)?, delayed.dask(py)?, delayed.length);
    Ok((module.getattr("_rebuild")?, args.into_pyobject(py)?))
}
