//! Python callables as functions of tasks, and the containers that arguments are built of.

use std::sync::{Arc, OnceLock};

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyList, PySet, PySlice, PyTuple};
use raskt_graph::{Arg, Call, CodecError, Failure, Function, Portable, Value};

use crate::cluster::codec::{not_written, portable};
use crate::value::{to_python, wrap};

/// A Python callable. The last arguments of a call are those with names.
pub(crate) struct PyFunction {
    pub(crate) callable: Py<PyAny>,
    pub(crate) kwnames: Option<Py<PyTuple>>,
    name: OnceLock<String>,
}

impl PyFunction {
    pub(crate) fn new(callable: &Bound<'_, PyAny>) -> PyFunction {
        PyFunction::with_kwnames(callable, None)
    }

    pub(crate) fn with_kwnames(
        callable: &Bound<'_, PyAny>,
        kwnames: Option<Bound<'_, PyTuple>>,
    ) -> PyFunction {
        let kwnames = kwnames.map(Bound::unbind);
        PyFunction { callable: callable.clone().unbind(), kwnames, name: OnceLock::new() }
    }

    fn call_in<'py>(&self, py: Python<'py>, call: Call<'_>) -> Result<Bound<'py, PyAny>, Failure> {
        let callable = self.callable.bind(py);
        let Some(kwnames) = &self.kwnames else {
            return Ok(call_python(callable, &positional(py, call)?, None)?);
        };
        let kwnames = kwnames.bind(py);
        let args = positional(py, call)?;
        let split = args.len() - kwnames.len();
        let kwargs = PyDict::new(py);
        for (name, value) in kwnames.iter().zip(args.iter().skip(split)) {
            kwargs.set_item(name, value)?;
        }
        Ok(call_python(callable, &args.get_slice(0, split), Some(&kwargs))?)
    }
}

fn positional<'py>(py: Python<'py>, call: Call<'_>) -> Result<Bound<'py, PyTuple>, Failure> {
    Ok(match call.args() {
        None => {
            let args: PyResult<Vec<_>> = call.inputs().iter().map(|v| to_python(py, v)).collect();
            PyTuple::new(py, args?)?
        }
        Some(args) => PyTuple::new(py, evaluate_all(py, args, call.inputs())?)?,
    })
}

impl Function for PyFunction {
    fn name(&self) -> &str {
        self.name.get_or_init(|| Python::attach(|py| funcname(self.callable.bind(py))))
    }

    fn call(&self, call: Call<'_>) -> Result<Value, Failure> {
        Python::attach(|py| Ok(wrap(self.call_in(py, call)?)))
    }

    fn needs_scope(&self) -> bool {
        true
    }

    fn encode(&self) -> Result<Portable, CodecError> {
        Python::attach(|py| match &self.kwnames {
            None => portable(self.callable.bind(py), "py"),
            Some(names) => {
                let both = (self.callable.bind(py), names.bind(py));
                portable(both.into_pyobject(py).map_err(not_written)?.as_any(), "py:kwargs")
            }
        })
    }

    fn identity(&self) -> Option<u128> {
        let names = self.kwnames.as_ref().map(|names| Python::attach(|py| names.bind(py).hash()));
        let names = match names {
            None => 0,
            Some(hash) => hash.ok()?,
        };
        Some((self.callable.as_ptr() as u128) << 64 | u128::from(names as u64))
    }
}

/// Calls Python code on a thread of ours; it may take long.
///
/// When the program ends meanwhile, Python (before 3.14) unwinds the stack of threads that are
/// not its own, and that must not go through Rust. Such a thread stays where it is instead, until
/// the process is gone.
pub(crate) fn call_python<'py>(
    callable: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    type Object = *mut ffi::PyObject;
    type MayUnwind = unsafe extern "C-unwind" fn(Object, Object, Object) -> Object;
    struct Stay;
    impl Drop for Stay {
        fn drop(&mut self) {
            loop {
                std::thread::park();
            }
        }
    }
    let kwargs = kwargs.map_or(std::ptr::null_mut(), |kwargs| kwargs.as_ptr());
    // SAFETY: the bindings declare that it never unwinds; this says that it may. The compiler
    // must not see that they are the same function.
    let call: MayUnwind = std::hint::black_box(unsafe {
        std::mem::transmute::<*const (), MayUnwind>(ffi::PyObject_Call as *const ())
    });
    let stay = Stay;
    // SAFETY: attached to the interpreter, and the objects live until the call has returned.
    let result = unsafe { call(callable.as_ptr(), args.as_ptr(), kwargs) };
    std::mem::forget(stay);
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(callable.py(), result) }
}

/// The name of a callable, as users know it.
pub(crate) fn funcname(callable: &Bound<'_, PyAny>) -> String {
    let py = callable.py();
    let name = || -> PyResult<String> {
        py.import("raskt.utils")?.call_method1(intern!(py, "funcname"), (callable,))?.extract()
    };
    name().unwrap_or_else(|_| "function".to_string())
}

/// The Python object for an argument.
pub(crate) fn evaluate<'py>(
    py: Python<'py>,
    arg: &Arg,
    inputs: &[Value],
) -> Result<Bound<'py, PyAny>, Failure> {
    match arg {
        Arg::Value(value) => Ok(to_python(py, value)?),
        Arg::Input(slot) => Ok(to_python(py, &inputs[*slot as usize])?),
        Arg::List(items) => Ok(PyList::new(py, evaluate_all(py, items, inputs)?)?.into_any()),
        Arg::Call(nested) => {
            let value = nested.function.call(Call::new(Some(&nested.args), inputs))?;
            Ok(to_python(py, &value)?)
        }
    }
}

fn evaluate_all<'py>(
    py: Python<'py>,
    args: &[Arg],
    inputs: &[Value],
) -> Result<Vec<Bound<'py, PyAny>>, Failure> {
    args.iter().map(|arg| evaluate(py, arg, inputs)).collect()
}

/// Builds a container of its arguments.
pub(crate) enum Build {
    Tuple,
    Set,
    FrozenSet,
    /// Of keys and values in turn.
    Dict,
    /// A dict of another type, from the same.
    DictLike(Py<PyAny>),
    Slice,
    /// A named tuple.
    Named(Py<PyAny>),
    /// A dataclass, with the names of its fields.
    Dataclass(Py<PyAny>, Vec<String>),
}

impl Build {
    pub(crate) fn build<'py>(
        &self,
        py: Python<'py>,
        items: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self {
            Build::Tuple => PyTuple::new(py, items)?.into_any(),
            Build::Set => PySet::new(py, items)?.into_any(),
            Build::FrozenSet => PyFrozenSet::new(py, items)?.into_any(),
            Build::Dict => pairs(py, &items)?.into_any(),
            Build::DictLike(class) => class.bind(py).call1((pairs(py, &items)?,))?,
            Build::Slice => {
                let slice = py.get_type::<PySlice>();
                slice.call1(PyTuple::new(py, items)?)?
            }
            Build::Named(class) => call_python(class.bind(py), &PyTuple::new(py, items)?, None)?,
            Build::Dataclass(class, names) => {
                let kwargs = PyDict::new(py);
                for (name, item) in names.iter().zip(items) {
                    kwargs.set_item(name, item)?;
                }
                call_python(class.bind(py), &PyTuple::empty(py), Some(&kwargs))?
            }
        })
    }
}

fn pairs<'py>(py: Python<'py>, items: &[Bound<'py, PyAny>]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for pair in items.chunks_exact(2) {
        dict.set_item(&pair[0], &pair[1])?;
    }
    Ok(dict)
}

impl Function for Build {
    fn name(&self) -> &str {
        match self {
            Build::Tuple => "tuple",
            Build::Set => "set",
            Build::FrozenSet => "frozenset",
            Build::Dict | Build::DictLike(_) => "dict",
            Build::Slice => "slice",
            Build::Named(_) => "namedtuple",
            Build::Dataclass(..) => "dataclass",
        }
    }

    fn call(&self, call: Call<'_>) -> Result<Value, Failure> {
        Python::attach(|py| {
            let items = positional(py, call)?.iter().collect();
            Ok(wrap(self.build(py, items)?))
        })
    }

    fn needs_scope(&self) -> bool {
        true
    }

    fn encode(&self) -> Result<Portable, CodecError> {
        let of_class =
            |class: &Py<PyAny>, name| Python::attach(|py| portable(class.bind(py), name));
        match self {
            Build::DictLike(class) => of_class(class, "py:dict-like"),
            Build::Named(class) => of_class(class, "py:named"),
            Build::Dataclass(class, names) => Python::attach(|py| {
                let both = (class.bind(py), names).into_pyobject(py).map_err(not_written)?;
                portable(both.as_any(), "py:dataclass")
            }),
            _ => {
                Ok(Portable { name: format!("py:{}", self.name()).into(), parameters: Vec::new() })
            }
        }
    }
}

/// Gives its one argument: a container as a task of its own.
pub(crate) struct Identity(pub(crate) &'static str);

impl Function for Identity {
    fn name(&self) -> &str {
        self.0
    }

    fn call(&self, call: Call<'_>) -> Result<Value, Failure> {
        let arg = call.value(0)?;
        // A list of lazy values is made a Python list here, not by each who takes it.
        Python::attach(|py| Ok(wrap(to_python(py, &arg)?)))
    }

    fn needs_scope(&self) -> bool {
        true
    }

    fn encode(&self) -> Result<Portable, CodecError> {
        Ok(Portable { name: "py:identity".into(), parameters: Vec::new() })
    }
}

/// Any function, shared.
pub(crate) fn shared(function: impl Function) -> Arc<dyn Function> {
    Arc::new(function)
}
