//! From a lazy call to a task: its key, its arguments, its function.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule, PyTuple};
use raskt_graph::hash::Map;
use raskt_graph::{Arg, Function, Key, Node, Prefix};

use crate::callable::PyFunction;
use crate::cluster::future::Future;
use crate::delayed::Delayed;
use crate::dict_graph;
use crate::spec;
use crate::token::Tokenizer;
use crate::unpack::Unpacker;

/// A call that is to become a task.
pub(crate) struct NewTask<'a, 'py> {
    pub(crate) function: Arc<dyn Function>,
    /// In front of the call's own arguments.
    pub(crate) first: Option<(Arg, Node)>,
    pub(crate) args: &'a Bound<'py, PyTuple>,
    pub(crate) kwargs: Option<&'a Bound<'py, PyDict>>,
    pub(crate) key: Key,
    pub(crate) nout: Option<usize>,
}

impl<'py> NewTask<'_, 'py> {
    pub(crate) fn make(self, py: Python<'py>) -> PyResult<Delayed> {
        let mut unpacker = Unpacker::new(true, false);
        let shift = u32::from(self.first.is_some());
        let (first, first_node) = self.first.unzip();
        let mut args: Vec<Arg> = Vec::with_capacity(self.args.len() + 1);
        args.extend(first);
        for arg in self.args.iter_borrowed() {
            args.push(unpacker.arg(&arg)?);
        }
        if let Some(kwargs) = self.kwargs {
            for value in kwargs.values() {
                args.push(unpacker.arg(&value)?);
            }
        }
        if shift > 0 {
            for arg in &mut args[shift as usize..] {
                *arg = arg.map_inputs(&mut |i| Arg::Input(i + shift));
            }
        }
        let mut inputs: Vec<Node> = Vec::with_capacity(unpacker.found.len() + 1);
        inputs.extend(first_node);
        for object in &unpacker.found {
            inputs.push(node_of(object)?);
        }
        let node = annotated(py, Node::new(self.key, self.function, args, inputs))?;
        Ok(Delayed::new(node, self.nout))
    }
}

/// Did anybody annotate anything? Until then nobody needs to look.
static ANNOTATED: AtomicBool = AtomicBool::new(false);

/// From now on, tasks are made with the annotations in force.
#[pyfunction]
pub(crate) fn use_annotations() {
    ANNOTATED.store(true, Ordering::Relaxed);
}

pub(crate) fn annotated(py: Python<'_>, node: Node) -> PyResult<Node> {
    if !ANNOTATED.load(Ordering::Relaxed) {
        return Ok(node);
    }
    let found = py.import("raskt._annotations")?.call_method0("get_annotations")?;
    let annotations = spec::annotations_of(found.cast::<PyDict>()?)?;
    Ok(if annotations.is_empty() { node } else { node.with_annotations(Arc::new(annotations)) })
}

/// The node of a lazy object; a collection of another kind becomes one task.
pub(crate) fn node_of(object: &Bound<'_, PyAny>) -> PyResult<Node> {
    static FINALIZE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if let Ok(delayed) = object.cast::<Delayed>() {
        return Ok(delayed.get().node.clone());
    }
    let py = object.py();
    if let Ok(future) = object.cast::<Future>() {
        return Future::node(future);
    }
    let finalized = FINALIZE.import(py, "raskt.base", "finalize")?.call1((object,))?;
    Ok(finalized.cast::<Delayed>()?.get().node.clone())
}

/// What the caller says of a call besides its arguments, taken out of them.
pub(crate) struct CallOptions<'py> {
    pub(crate) key: Option<Bound<'py, PyAny>>,
    pub(crate) pure: Option<bool>,
    pub(crate) kwargs: Option<Bound<'py, PyDict>>,
}

impl<'py> CallOptions<'py> {
    pub(crate) fn take(kwargs: Option<&Bound<'py, PyDict>>) -> PyResult<CallOptions<'py>> {
        let Some(kwargs) = kwargs else {
            return Ok(CallOptions { key: None, pure: None, kwargs: None });
        };
        let py = kwargs.py();
        let take = |name| -> PyResult<Option<Bound<'py, PyAny>>> {
            let found = kwargs.get_item(name)?;
            if found.is_some() {
                kwargs.del_item(name)?;
            }
            Ok(found)
        };
        let key = take(intern!(py, "dask_key_name"))?.filter(|key| !key.is_none());
        let pure = take(intern!(py, "pure"))?;
        let pure = pure.filter(|pure| !pure.is_none()).map(|pure| pure.is_truthy()).transpose()?;
        Ok(CallOptions { key, pure, kwargs: (!kwargs.is_empty()).then(|| kwargs.clone()) })
    }
}

/// Are calls that say nothing pure?
fn is_pure_by_default(py: Python<'_>) -> PyResult<bool> {
    static CONFIG: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = CONFIG.get_or_try_init(py, || py.import("raskt.config").map(Bound::unbind))?;
    let config = module.bind(py).getattr(intern!(py, "config"))?;
    let config = config.cast::<PyDict>()?;
    for name in [intern!(py, "delayed_pure"), intern!(py, "delayed-pure")] {
        if let Some(pure) = config.get_item(name)? {
            return pure.is_truthy();
        }
    }
    Ok(false)
}

/// The key of a call: given, or by its content, or unlike any other.
pub(crate) fn key_of_call(
    py: Python<'_>,
    prefix: Prefix,
    given: Option<&Bound<'_, PyAny>>,
    pure: Option<bool>,
    content: impl FnOnce(&mut Tokenizer) -> PyResult<()>,
) -> PyResult<Key> {
    if let Some(given) = given {
        return dict_graph::key(given);
    }
    let pure = match pure {
        Some(pure) => pure,
        None => is_pure_by_default(py)?,
    };
    if !pure {
        return Ok(Key::unique(prefix));
    }
    let mut tokenizer = Tokenizer::new(&prefix.name());
    content(&mut tokenizer)?;
    Ok(Key::content(prefix, tokenizer.finish()))
}

/// A function with the names of its keyword arguments.
pub(crate) fn with_names(
    function: &Arc<PyFunction>,
    py: Python<'_>,
    kwargs: Option<&Bound<'_, PyDict>>,
) -> PyResult<Arc<dyn Function>> {
    Ok(match kwargs {
        None => function.clone(),
        Some(kwargs) => {
            let names = PyTuple::new(py, kwargs.keys())?;
            Arc::new(PyFunction::with_kwnames(function.callable.bind(py), Some(names)))
        }
    })
}

/// Functions of the standard library that operators and methods call, by name.
pub(crate) fn helper(
    py: Python<'_>,
    module: &str,
    name: &'static str,
) -> PyResult<Arc<PyFunction>> {
    static HELPERS: Mutex<Option<Map<&'static str, Arc<PyFunction>>>> = Mutex::new(None);
    if let Some(found) = HELPERS.lock().get_or_insert_default().get(name) {
        return Ok(found.clone());
    }
    let made = Arc::new(PyFunction::new(&py.import(module)?.getattr(name)?));
    HELPERS.lock().get_or_insert_default().insert(name, made.clone());
    Ok(made)
}

/// An operator applied to lazy values: always pure.
pub(crate) fn operate<'py>(
    py: Python<'py>,
    module: &str,
    name: &'static str,
    args: Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let prefix = Prefix::new(name.trim_matches('_'));
    let key = key_of_call(py, prefix, None, Some(true), |t| t.args(&args, None))?;
    let function = helper(py, module, name)?;
    let task = NewTask { function, first: None, args: &args, kwargs: None, key, nout: None };
    Ok(Bound::new(py, task.make(py)?)?.into_any())
}

/// An operator with two operands.
pub(crate) fn binary<'py>(
    name: &'static str,
    left: Bound<'py, PyAny>,
    right: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = left.py();
    operate(py, "operator", name, PyTuple::new(py, [left, right])?)
}

/// The one operator that may have three operands.
pub(crate) fn power<'py>(
    base: Bound<'py, PyAny>,
    exponent: Bound<'py, PyAny>,
    modulus: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = base.py();
    let args = [base, exponent].into_iter().chain(modulus).collect::<Vec<_>>();
    operate(py, "builtins", "pow", PyTuple::new(py, args)?)
}
