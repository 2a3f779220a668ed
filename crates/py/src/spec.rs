//! Tasks as Python objects: `Task`, `TaskRef`, `Alias`, `DataNode` and the containers `List`,
//! `Tuple`, `Set`, `Dict`. Graphs of them can be read, changed and run.

use std::any::Any;
use std::sync::Arc;

use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySet, PyTuple};
use raskt_graph::{Annotations, Arg, Function, Graph, Node};

use crate::callable::{Build, Identity, PyFunction, funcname};
use crate::cluster::future::Future;
use crate::dict_graph::python_key;
use crate::value::{literal, to_python};

/// A reference to the result of another task, inside a task's arguments.
#[pyclass(frozen, module = "raskt.task_spec")]
pub(crate) struct TaskRef {
    #[pyo3(get)]
    pub(crate) key: Py<PyAny>,
}

#[pymethods]
impl TaskRef {
    #[new]
    fn new(key: Py<PyAny>) -> TaskRef {
        TaskRef { key }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("TaskRef({})", self.key.bind(py).repr()?))
    }

    fn __eq__(&self, other: Bound<'_, PyAny>) -> PyResult<bool> {
        match other.cast::<TaskRef>() {
            Ok(other) => self.key.bind(other.py()).eq(&other.get().key),
            Err(_) => Ok(false),
        }
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.key.bind(py).hash()
    }

    fn __reduce__<'py>(slf: Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Py<PyAny>,))> {
        Ok((slf.get_type().into_any(), (slf.get().key.clone_ref(slf.py()),)))
    }
}

/// A task: calling it with the results that it refers to gives its own.
#[pyclass(frozen, subclass, module = "raskt.task_spec")]
pub(crate) struct Task {
    #[pyo3(get)]
    pub(crate) key: Py<PyAny>,
    #[pyo3(get)]
    pub(crate) func: Py<PyAny>,
    #[pyo3(get)]
    pub(crate) args: Py<PyTuple>,
    pub(crate) kwargs: Option<Py<PyDict>>,
    pub(crate) annotations: Option<Arc<Annotations>>,
}

#[pymethods]
impl Task {
    #[new]
    #[pyo3(signature = (key, func, /, *args, **kwargs))]
    fn new(
        key: Py<PyAny>,
        func: Bound<'_, PyAny>,
        args: Py<PyTuple>,
        kwargs: Option<Py<PyDict>>,
    ) -> PyResult<Task> {
        if !func.is_callable() {
            let text = format!("task {} calls {}, which is not callable", key, func.repr()?);
            return Err(PyTypeError::new_err(text));
        }
        Ok(Task { key, func: func.unbind(), args, kwargs, annotations: None })
    }

    /// What users want done with it.
    #[getter]
    fn annotations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        annotations_dict(py, self.annotations.as_deref())
    }

    /// The same task with annotations.
    fn _annotated(slf: Bound<'_, Self>, annotations: &Bound<'_, PyDict>) -> PyResult<Task> {
        let (py, task) = (slf.py(), slf.get());
        let found = annotations_of(annotations)?;
        Ok(Task {
            key: task.key.clone_ref(py),
            func: task.func.clone_ref(py),
            args: task.args.clone_ref(py),
            kwargs: task.kwargs.as_ref().map(|kwargs| kwargs.clone_ref(py)),
            annotations: (!found.is_empty()).then(|| Arc::new(found)),
        })
    }

    /// The keyword arguments.
    #[getter]
    fn kwargs<'py>(&self, py: Python<'py>) -> Bound<'py, PyDict> {
        match &self.kwargs {
            Some(kwargs) => kwargs.bind(py).clone(),
            None => PyDict::new(py),
        }
    }

    /// The keys that it refers to.
    #[getter]
    fn dependencies<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PySet>> {
        let found = PySet::empty(py)?;
        references(self.args.bind(py).as_any(), &found)?;
        if let Some(kwargs) = &self.kwargs {
            references(kwargs.bind(py).values().to_tuple().as_any(), &found)?;
        }
        Ok(found)
    }

    /// A reference to it.
    #[pyo3(name = "ref")]
    fn reference(&self, py: Python<'_>) -> TaskRef {
        TaskRef { key: self.key.clone_ref(py) }
    }

    /// Runs it, with the results of what it refers to.
    #[pyo3(signature = (values = None))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        values: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let values = values.unwrap_or_else(|| PyDict::new(py).into_any());
        let args: PyResult<Vec<_>> =
            self.args.bind(py).iter().map(|arg| resolve(&arg, &values)).collect();
        let kwargs = PyDict::new(py);
        for (name, arg) in self.kwargs(py).iter() {
            kwargs.set_item(name, resolve(&arg, &values)?)?;
        }
        self.func.bind(py).call(PyTuple::new(py, args?)?, Some(&kwargs))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let key = self.key.bind(py).repr()?;
        let args: PyResult<Vec<String>> =
            self.args.bind(py).iter().map(|a| Ok(a.repr()?.to_string())).collect();
        Ok(format!("<Task {key} {}({})>", funcname(self.func.bind(py)), args?.join(", ")))
    }

    fn __reduce__<'py>(
        slf: Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, task) = (slf.py(), slf.get());
        let rebuild = py.import("raskt.task_spec")?.getattr("_rebuild_task")?;
        let annotations = task.annotations.as_deref();
        let annotations = annotations.map(|a| annotations_dict(py, Some(a))).transpose()?;
        let args = (&task.key, &task.func, &task.args, task.kwargs(py), annotations);
        Ok((rebuild, args.into_pyobject(py)?))
    }
}

/// Annotations as a dict.
pub(crate) fn annotations_dict<'py>(
    py: Python<'py>,
    annotations: Option<&Annotations>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in annotations.iter().flat_map(|annotations| annotations.iter()) {
        dict.set_item(name, to_python(py, value)?)?;
    }
    Ok(dict)
}

/// Annotations of a dict.
pub(crate) fn annotations_of(dict: &Bound<'_, PyDict>) -> PyResult<Annotations> {
    dict.iter().map(|(name, value)| Ok((name.extract()?, literal(&value)))).collect()
}

/// A second name for a task.
#[pyclass(frozen, module = "raskt.task_spec")]
pub(crate) struct Alias {
    #[pyo3(get)]
    pub(crate) key: Py<PyAny>,
    #[pyo3(get)]
    pub(crate) target: Py<PyAny>,
}

#[pymethods]
impl Alias {
    #[new]
    #[pyo3(signature = (key, target = None))]
    fn new(py: Python<'_>, key: Py<PyAny>, target: Option<Py<PyAny>>) -> Alias {
        let target = target.unwrap_or_else(|| key.clone_ref(py));
        Alias { key, target }
    }

    /// The key that it refers to.
    #[getter]
    fn dependencies<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PySet>> {
        PySet::new(py, [&self.target])
    }

    fn __call__<'py>(&self, values: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        values.get_item(&self.target)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Alias({} -> {})", self.key.bind(py).repr()?, self.target.bind(py).repr()?))
    }

    fn __reduce__<'py>(slf: Bound<'py, Self>) -> (Bound<'py, PyAny>, (Py<PyAny>, Py<PyAny>)) {
        let (py, alias) = (slf.py(), slf.get());
        let args = (alias.key.clone_ref(py), alias.target.clone_ref(py));
        (slf.get_type().into_any(), args)
    }
}

/// A value that is there already.
#[pyclass(frozen, module = "raskt.task_spec")]
pub(crate) struct DataNode {
    #[pyo3(get)]
    pub(crate) key: Py<PyAny>,
    #[pyo3(get)]
    pub(crate) value: Py<PyAny>,
}

#[pymethods]
impl DataNode {
    #[new]
    fn new(key: Py<PyAny>, value: Py<PyAny>) -> DataNode {
        DataNode { key, value }
    }

    /// Nothing.
    #[getter]
    fn dependencies<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PySet>> {
        PySet::empty(py)
    }

    #[pyo3(signature = (values = None))]
    fn __call__(&self, py: Python<'_>, values: Option<Bound<'_, PyAny>>) -> Py<PyAny> {
        drop(values);
        self.value.clone_ref(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let class = self.value.bind(py).get_type().name()?;
        Ok(format!("DataNode({}, {class})", self.key.bind(py).repr()?))
    }

    fn __reduce__<'py>(slf: Bound<'py, Self>) -> (Bound<'py, PyAny>, (Py<PyAny>, Py<PyAny>)) {
        let (py, node) = (slf.py(), slf.get());
        let args = (node.key.clone_ref(py), node.value.clone_ref(py));
        (slf.get_type().into_any(), args)
    }
}

/// A container of references and literals, built when the task runs. Made by `List(...)`,
/// `Tuple(...)`, `Set(...)` and `Dict(...)`.
#[pyclass(frozen, module = "raskt.task_spec")]
pub(crate) struct Container {
    #[pyo3(get)]
    pub(crate) kind: String,
    /// Of a dict: keys and values in turn.
    #[pyo3(get)]
    pub(crate) items: Py<PyTuple>,
    /// The type to build, where the kind does not say it, and the names of its fields.
    pub(crate) class: Option<Py<PyAny>>,
    pub(crate) fields: Vec<String>,
}

#[pymethods]
impl Container {
    #[new]
    #[pyo3(signature = (kind, items, class = None, fields = Vec::new()))]
    fn new(
        kind: String,
        items: Py<PyTuple>,
        class: Option<Py<PyAny>>,
        fields: Vec<String>,
    ) -> Self {
        Container { kind, items, class, fields }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("{}{}", self.kind, self.items.bind(py).repr()?))
    }

    /// The keys that it refers to.
    #[getter]
    fn dependencies<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PySet>> {
        let found = PySet::empty(py)?;
        references(self.items.bind(py).as_any(), &found)?;
        Ok(found)
    }

    #[pyo3(signature = (values = None))]
    fn __call__<'py>(
        slf: Bound<'py, Self>,
        values: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let values = values.unwrap_or_else(|| PyDict::new(slf.py()).into_any());
        resolve(slf.as_any(), &values)
    }

    fn __reduce__<'py>(
        slf: Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, it) = (slf.py(), slf.get());
        let args = (&it.kind, &it.items, &it.class, it.fields.clone()).into_pyobject(py)?;
        Ok((slf.get_type().into_any(), args))
    }
}

impl Container {
    /// What builds it; None for a list.
    pub(crate) fn build(&self, py: Python<'_>) -> PyResult<Option<Build>> {
        let class = || match &self.class {
            Some(class) => Ok(class.clone_ref(py)),
            None => Err(PyTypeError::new_err(format!("a {} needs its type", self.kind))),
        };
        Ok(Some(match self.kind.as_str() {
            "list" => return Ok(None),
            "tuple" => Build::Tuple,
            "set" => Build::Set,
            "frozenset" => Build::FrozenSet,
            "slice" => Build::Slice,
            "dict" if self.class.is_none() => Build::Dict,
            "dict" => Build::DictLike(class()?),
            "namedtuple" => Build::Named(class()?),
            "dataclass" => Build::Dataclass(class()?, self.fields.clone()),
            kind => return Err(PyTypeError::new_err(format!("no container is called {kind}"))),
        }))
    }
}

fn references(object: &Bound<'_, PyAny>, found: &Bound<'_, PySet>) -> PyResult<()> {
    if let Ok(reference) = object.cast::<TaskRef>() {
        found.add(&reference.get().key)?;
    } else if let Ok(tuple) = object.cast_exact::<PyTuple>() {
        tuple.iter().try_for_each(|item| references(&item, found))?;
    } else if let Ok(container) = object.cast::<Container>() {
        references(container.get().items.bind(object.py()).as_any(), found)?;
    } else if let Ok(task) = object.cast::<Task>() {
        for key in task.get().dependencies(object.py())?.iter() {
            found.add(key)?;
        }
    }
    Ok(())
}

/// An argument with its references replaced by results.
fn resolve<'py>(
    arg: &Bound<'py, PyAny>,
    values: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = arg.py();
    if let Ok(reference) = arg.cast::<TaskRef>() {
        return values.get_item(&reference.get().key).map_err(|_| {
            PyKeyError::new_err(format!("the result of {} is missing", reference.get().key))
        });
    }
    if let Ok(task) = arg.cast::<Task>() {
        return task.get().__call__(py, Some(values.clone()));
    }
    if let Ok(container) = arg.cast::<Container>() {
        let items: PyResult<Vec<_>> =
            container.get().items.bind(py).iter().map(|item| resolve(&item, values)).collect();
        return match container.get().build(py)? {
            Some(build) => build.build(py, items?),
            None => Ok(PyList::new(py, items?)?.into_any()),
        };
    }
    Ok(arg.clone())
}

/// A graph as a dict of keys and tasks.
pub(crate) fn graph_of<'py>(py: Python<'py>, graph: &Graph) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for id in graph.ids() {
        let node = graph.node(id);
        dict.set_item(python_key(py, node)?, spec_of(py, node)?)?;
    }
    Ok(dict)
}

/// The task object for a node.
pub(crate) fn spec_of<'py>(py: Python<'py>, node: &Node) -> PyResult<Bound<'py, PyAny>> {
    let key = python_key(py, node)?;
    if let Some(value) = node.function().constant() {
        let value = to_python(py, value)?.unbind();
        return Ok(Bound::new(py, DataNode { key: key.unbind(), value })?.into_any());
    }
    if let Some(future) = Future::of_node(py, node) {
        let value = future.into_any().unbind();
        return Ok(Bound::new(py, DataNode { key: key.unbind(), value })?.into_any());
    }
    if node.function().is_alias() {
        let target = python_key(py, &node.inputs()[0])?.unbind();
        return Ok(Bound::new(py, Alias { key: key.unbind(), target })?.into_any());
    }
    let annotations = node.annotations().cloned();
    call_spec(py, key, node.function(), &node.written_args(), node.inputs(), annotations)
}

fn call_spec<'py>(
    py: Python<'py>,
    key: Bound<'py, PyAny>,
    function: &Arc<dyn Function>,
    args: &[Arg],
    inputs: &[Node],
    annotations: Option<Arc<Annotations>>,
) -> PyResult<Bound<'py, PyAny>> {
    let items: PyResult<Vec<_>> = args.iter().map(|arg| arg_spec(py, arg, inputs)).collect();
    let items = PyTuple::new(py, items?)?;
    let function = &**function as &dyn Any;
    if let Some(function) = function.downcast_ref::<PyFunction>() {
        let names = function.kwnames.as_ref().map(|names| names.bind(py));
        let split = items.len() - names.map_or(0, |names| names.len());
        let kwargs = names.map(|names| -> PyResult<Py<PyDict>> {
            let kwargs = PyDict::new(py);
            for (name, value) in names.iter().zip(items.iter().skip(split)) {
                kwargs.set_item(name, value)?;
            }
            Ok(kwargs.unbind())
        });
        let task = Task {
            key: key.unbind(),
            func: function.callable.clone_ref(py),
            args: items.get_slice(0, split).unbind(),
            kwargs: kwargs.transpose()?,
            annotations,
        };
        return Ok(Bound::new(py, task)?.into_any());
    }
    if function.downcast_ref::<Identity>().is_some() {
        let func = py.import("raskt._containers")?.getattr("identity")?.unbind();
        let (key, args) = (key.unbind(), items.unbind());
        let task = Task { key, func, args, kwargs: None, annotations };
        return Ok(Bound::new(py, task)?.into_any());
    }
    if let Some(build) = function.downcast_ref::<Build>() {
        return container_spec(py, build, items);
    }
    if let Some(node) = function.downcast_ref::<crate::foreign::ForeignNode>() {
        return Ok(node.node.bind(py).clone());
    }
    Err(PyTypeError::new_err(format!("task {key} calls native code, which has no Python form")))
}

fn arg_spec<'py>(py: Python<'py>, arg: &Arg, inputs: &[Node]) -> PyResult<Bound<'py, PyAny>> {
    match arg {
        Arg::Value(value) => to_python(py, value),
        Arg::Input(slot) => {
            let key = python_key(py, &inputs[*slot as usize])?.unbind();
            Ok(Bound::new(py, TaskRef { key })?.into_any())
        }
        Arg::List(items) => {
            let items: PyResult<Vec<_>> = items.iter().map(|i| arg_spec(py, i, inputs)).collect();
            container(py, "list", PyTuple::new(py, items?)?, None, Vec::new())
        }
        Arg::Call(nested) => {
            call_spec(py, py.None().into_bound(py), &nested.function, &nested.args, inputs, None)
        }
    }
}

fn container<'py>(
    py: Python<'py>,
    kind: &str,
    items: Bound<'py, PyTuple>,
    class: Option<Py<PyAny>>,
    fields: Vec<String>,
) -> PyResult<Bound<'py, PyAny>> {
    let it = Container { kind: kind.to_string(), items: items.unbind(), class, fields };
    Ok(Bound::new(py, it)?.into_any())
}

fn container_spec<'py>(
    py: Python<'py>,
    build: &Build,
    items: Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let (class, fields) = match build {
        Build::DictLike(class) | Build::Named(class) => (Some(class.clone_ref(py)), Vec::new()),
        Build::Dataclass(class, fields) => (Some(class.clone_ref(py)), fields.clone()),
        _ => (None, Vec::new()),
    };
    container(py, build.name(), items, class, fields)
}
