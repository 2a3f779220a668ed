//! What runs Python tasks on a worker: [`PyHost`].

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use bytes::Bytes;
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyType};
use raskt_cluster::host::{Done, Host, Outcome, Ready, Reply};
use raskt_cluster::payload::{Codec, Functions, PayloadError, unpack};
use raskt_cluster::worker::WorkerLink;
use raskt_graph::hash::Map;
use raskt_graph::{Call, CodecError, Failure, Function, Value};
use raskt_wire::{BlobId, Cause, RequestError, RequestId, TaskError, WireValue};

use super::callbacks::drop_soon;
use super::codec::PyCodec;
use super::current::{AsTask, Current};
use super::failure::{packed, raised};
use super::node::WorkerHandle;
use crate::callable::call_python;
use crate::value::{PyData, to_python, wrap};

/// Runs Python tasks. What else can be asked of a worker is up to a Python object.
pub(crate) struct PyHost {
    host: Arc<Py<PyAny>>,
    functions: Functions,
    /// Questions, answered one after the other on a thread of their own. They may come before
    /// there is one.
    questions: Sender<Question>,
    asked: parking_lot::Mutex<Option<Receiver<Question>>>,
}

struct Question {
    op: Arc<str>,
    payload: Bytes,
    reply: Reply,
}

impl PyHost {
    pub(crate) fn new(host: Py<PyAny>) -> PyHost {
        let (questions, asked) = channel();
        let (functions, asked) = (Functions::default(), parking_lot::Mutex::new(Some(asked)));
        PyHost { host: Arc::new(host), functions, questions, asked }
    }

    fn run_task(&self, py: Python<'_>, ready: &Ready) -> Outcome {
        let order = &ready.order;
        let find = |id: BlobId| ready.worker.blob(id);
        let payload = order.payload.clone();
        let unpacked = unpack(payload, &order.blobs, &find, &self.functions, &PyCodec);
        let (function, args) = match unpacked {
            Ok(unpacked) => (unpacked.function, unpacked.args),
            Err(error) => return Self::failed(ready, "its function", unreadable(py, error)),
        };
        let current = Current::new(order, ready.worker.clone(), self.host.clone());
        let call = Call::new(Some(&args), &ready.inputs);
        let result = current.clone().scope(py, || {
            if order.executor.is_empty() {
                self.settled(py, function.call(call)?)
            } else {
                self.run_elsewhere(py, current, &function, call)
            }
        });
        match result {
            Ok(value) => Outcome::Done(value),
            Err(failure) => match failure.downcast::<PyErr>() {
                Ok(error) if is_reschedule(py, &error) => Outcome::Rescheduled,
                Ok(error) => {
                    let name = function.name();
                    let error = as_task_error(py, *error, &order.key, name);
                    Self::failed(ready, name, raised(py, &error))
                }
                Err(failure) => {
                    let text = raskt_exec::run::describe(&failure).into();
                    let cause = Cause::Raised { error: None, text, traceback: "".into() };
                    Self::failed(ready, function.name(), cause)
                }
            },
        }
    }

    fn failed(ready: &Ready, function: &str, cause: Cause) -> Outcome {
        Outcome::Failed(Box::new(TaskError {
            key: ready.order.key.clone(),
            function: function.into(),
            worker: ready.worker.address().clone(),
            cause,
        }))
    }

    /// The value of a result; what is to be awaited is awaited.
    fn settled(&self, py: Python<'_>, value: Value) -> Result<Value, Failure> {
        let Some(data) = value.downcast_ref::<PyData>() else { return Ok(value) };
        let object = data.object().bind(py);
        if !is_coroutine(object)? {
            return Ok(value);
        }
        let awaited = self.host.bind(py).getattr(intern!(py, "run_coroutine"))?;
        Ok(wrap(call_python(&awaited, &(object,).into_pyobject(py)?, None)?))
    }

    /// Runs a call on a pool of threads of the program's.
    fn run_elsewhere(
        &self,
        py: Python<'_>,
        current: Current,
        function: &Arc<dyn Function>,
        call: Call<'_>,
    ) -> Result<Value, Failure> {
        let executor = current.executor();
        let pool = self.host.bind(py).call_method1(intern!(py, "executor"), (&*executor,))?;
        let values: Vec<Value> =
            (0..call.len()).map(|i| call.value(i)).collect::<Result<_, _>>()?;
        let values: Vec<_> = values.iter().map(|v| to_python(py, v)).collect::<PyResult<_>>()?;
        let callable = Bound::new(py, Callable(function.clone()))?.into_any().unbind();
        let task = Bound::new(py, AsTask { current, callable })?;
        let mut args = vec![task.into_any()];
        args.extend(values);
        let args = pyo3::types::PyTuple::new(py, args)?;
        let submit = pool.getattr(intern!(py, "submit"))?;
        let future = call_python(&submit, &args, None)?;
        let result = future.getattr(intern!(py, "result"))?;
        let value = call_python(&result, &pyo3::types::PyTuple::empty(py), None)?;
        self.settled(py, wrap(value))
    }

    /// Begins to answer questions.
    fn answer_questions(&self) {
        let Some(receiver) = self.asked.lock().take() else { return };
        let host = self.host.clone();
        let serve = move || {
            while let Ok(Question { op, payload, reply }) = receiver.recv() {
                let answered = Python::try_attach(|py| answer(py, &host, &op, &payload, reply));
                if answered.is_none() {
                    return;
                }
            }
        };
        let name = "raskt-questions".to_string();
        // Without the thread, questions are dropped, and whoever asked hears of that.
        drop(std::thread::Builder::new().name(name).spawn(serve));
    }
}

impl Host for PyHost {
    fn decode(&self, value: WireValue) -> Result<Value, CodecError> {
        PyCodec.decode(value)
    }

    fn encode(&self, value: &Value) -> Result<WireValue, CodecError> {
        PyCodec.encode(value)
    }

    fn type_name(&self, value: &Value) -> Option<Arc<str>> {
        let data = value.downcast_ref::<PyData>()?;
        Python::attach(|py| type_name(&data.object().bind(py).get_type()).ok())
    }

    fn run(&self, _: u32, tasks: &mut dyn Iterator<Item = Ready>, done: &Done<'_>) {
        Python::attach(|py| {
            for ready in tasks {
                let outcome = self.run_task(py, &ready);
                let (uid, attempt) = (ready.order.uid, ready.order.attempt);
                // Its inputs may be the last copies: they go before the next task begins.
                drop(ready);
                done(uid, attempt, outcome);
            }
        });
    }

    fn ask(&self, _: RequestId, op: Arc<str>, payload: Bytes, reply: Reply) {
        // If nobody answers any more, the reply says so when it is dropped.
        let _ = self.questions.send(Question { op, payload, reply });
    }

    fn joined(&self, worker: &Arc<WorkerLink>) -> Result<(), String> {
        let joined = Python::attach(|py| -> PyResult<()> {
            let handle = Bound::new(py, WorkerHandle::of_link(worker.clone()))?;
            self.host.bind(py).call_method1(intern!(py, "setup"), (handle,)).map(drop)
        });
        joined.map_err(|error| error.to_string())?;
        self.answer_questions();
        Ok(())
    }

    fn forget(&self, blobs: &[BlobId]) {
        let forgotten: Vec<_> = blobs.iter().map(|blob| self.functions.forget(*blob)).collect();
        drop_soon(forgotten);
    }

    fn ended(&self) {
        // Without an interpreter there is nothing to tear down.
        let _ = Python::try_attach(|py| {
            let ended = self.host.bind(py).call_method0(intern!(py, "teardown"));
            if let Err(error) = ended {
                error.write_unraisable(py, Some(self.host.bind(py)));
            }
        });
    }
}

fn answer(py: Python<'_>, host: &Py<PyAny>, op: &str, payload: &[u8], reply: Reply) {
    let asked = || -> PyResult<Bound<'_, AskReply>> {
        Bound::new(py, AskReply(parking_lot::Mutex::new(Some(reply))))
    };
    let Ok(reply) = asked() else { return };
    let args = (op, PyBytes::new(py, payload), reply.clone());
    if let Err(error) = host.bind(py).call_method1(intern!(py, "ask"), args) {
        reply.get().raise(py, &error);
    }
}

/// Takes the answer to a question: call it with bytes.
#[pyclass(frozen, module = "raskt._native")]
pub(crate) struct AskReply(parking_lot::Mutex<Option<Reply>>);

#[pymethods]
impl AskReply {
    fn __call__(&self, answer: &Bound<'_, PyBytes>) {
        self.send(Ok(Bytes::copy_from_slice(answer.as_bytes())));
    }

    /// The answer is an exception.
    fn fail(&self, py: Python<'_>, exception: Bound<'_, PyAny>) {
        self.raise(py, &PyErr::from_value(exception));
    }
}

impl AskReply {
    fn raise(&self, py: Python<'_>, error: &PyErr) {
        let bytes = packed(py, error).unwrap_or_default();
        self.send(Err(RequestError::Failed(bytes, error.to_string())));
    }

    fn send(&self, answer: Result<Bytes, RequestError>) {
        // Only the first answer counts.
        if let Some(reply) = self.0.lock().take() {
            reply.send(answer);
        }
    }
}

/// A function of ours that Python can call.
#[pyclass(frozen, module = "raskt._native")]
struct Callable(Arc<dyn Function>);

#[pymethods]
impl Callable {
    #[pyo3(signature = (*args))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, pyo3::types::PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let values: Vec<Value> = args.iter().map(wrap).collect();
        let value = self.0.call(Call::new(None, &values)).map_err(|failure| {
            match failure.downcast::<PyErr>() {
                Ok(error) => *error,
                Err(other) => PyRuntimeError::new_err(other.to_string()),
            }
        })?;
        to_python(py, &value)
    }
}

fn is_coroutine(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    static COROUTINE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = COROUTINE.import(object.py(), "types", "CoroutineType")?;
    Ok(object.get_type().is(class))
}

fn is_reschedule(py: Python<'_>, error: &PyErr) -> bool {
    let class = error.get_type(py);
    let is_named = class.qualname().is_ok_and(|name| name == "Reschedule");
    is_named
        && class.module().is_ok_and(|module| {
            ["raskt.distributed.exceptions", "distributed.exceptions"]
                .contains(&&*module.to_string_lossy())
        })
}

/// `sys.exit` in a task ends the task, not the worker.
fn as_task_error(py: Python<'_>, error: PyErr, key: &str, function: &str) -> PyErr {
    if !error.is_instance_of::<pyo3::exceptions::PySystemExit>(py) {
        return error;
    }
    let made = || -> PyResult<Bound<'_, PyAny>> {
        let code = error.value(py).getattr(intern!(py, "code"))?.repr()?;
        let text = format!(
            "sys.exit({code}) was called in task '{key}', which calls {function}; a task gives \
             its result with return and reports failure by raising an exception"
        );
        let exited = py.import("raskt.exceptions")?.getattr("TaskExited")?.call1((text,))?;
        exited.setattr("__cause__", error.value(py))?;
        Ok(exited)
    };
    made().map_or_else(|error| error, PyErr::from_value)
}

/// Why a task could not be read.
fn unreadable(py: Python<'_>, error: PayloadError) -> Cause {
    match error {
        PayloadError::Codec(CodecError::Decode { source, .. }) if source.is::<PyErr>() => {
            match source.downcast::<PyErr>() {
                Ok(error) => raised(py, &error),
                Err(other) => Cause::Codec { text: other.to_string().into() },
            }
        }
        other => Cause::Codec { text: raskt_exec::run::describe(&other.into()).into() },
    }
}

/// The name of a type, with its module. Each type is asked once.
fn type_name(class: &Bound<'_, PyType>) -> PyResult<Arc<str>> {
    /// By address; the types are kept, so that their addresses stay theirs.
    type Names = Map<usize, (Py<PyType>, Arc<str>)>;
    static NAMES: parking_lot::Mutex<Option<Names>> = parking_lot::Mutex::new(None);
    let address = class.as_ptr() as usize;
    let known = |names: &Option<Names>| {
        names.as_ref().and_then(|names| names.get(&address)).map(|(_, name)| name.clone())
    };
    if let Some(name) = known(&NAMES.lock()) {
        return Ok(name);
    }
    let (module, name) = (class.module()?.to_string(), class.qualname()?.to_string());
    let name: Arc<str> = format!("{module}.{name}").into();
    let kept = class.clone().unbind();
    NAMES.lock().get_or_insert_default().insert(address, (kept, name.clone()));
    Ok(name)
}
