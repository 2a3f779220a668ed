//! `ClusterClient`: a connection to a scheduler.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySequence, PyTuple};
use raskt_cluster::client::{Client, ConnectOptions, Entry, Notice, Placement};
use raskt_cluster::pack::{outside, pack};
use raskt_graph::hash::Map;
use raskt_graph::{Annotations, Arg, Function, Key, Node, TaskId, lower};
use raskt_wire::{Handle, Submission, Terms};

use super::answer::seconds;
use super::callbacks::call_soon;
use super::codec::{PyCodec, encode};
use super::connection::{address_of, connect_error, security_of};
use super::failure::ours;
use super::future::{Future, gather, wait};
use super::question::{key_text, question};
use super::reply::Reply;
use super::terms::terms_of;
use crate::callable::PyFunction;
use crate::dict_graph;
use crate::new_task::node_of;
use crate::sizeof::nbytes;
use crate::unpack::Unpacker;
use crate::values::Values;

/// A connection to a scheduler.
#[pyclass(frozen, weakref, module = "raskt._native")]
pub(crate) struct ClusterClient {
    client: Client,
    /// Gives the Python client whose connection it is, as long as it is there.
    owner: Py<PyAny>,
    /// Who hears of events.
    listener: Arc<Mutex<Option<Py<PyAny>>>>,
}

#[pymethods]
impl ClusterClient {
    /// Connects.
    #[new]
    #[pyo3(signature = (address, *, name, timeout, security = None, owner = None))]
    fn connect(
        py: Python<'_>,
        address: &str,
        name: String,
        timeout: f64,
        security: Option<&Bound<'_, PyDict>>,
        owner: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<ClusterClient> {
        let address = address_of(address)?;
        let options = ConnectOptions {
            name,
            timeout: Duration::from_secs_f64(timeout.clamp(0.0, 1e9)),
            security: security_of(security)?,
            ..ConnectOptions::default()
        };
        let client = py.detach(|| Client::connect(&address, options));
        let client = client.map_err(|error| connect_error(py, error))?;
        let weakref = py.import("weakref")?;
        let owner = match owner {
            Some(owner) => weakref.call_method1("ref", (owner,))?,
            None => py.eval(c"lambda: None", None, None)?,
        };
        let listener: Arc<Mutex<Option<Py<PyAny>>>> = Arc::default();
        let heard = listener.clone();
        client.listen(Box::new(move |notice| {
            let heard = heard.clone();
            call_soon(move |py| tell(py, &heard, notice));
        }));
        Ok(ClusterClient { client, owner: owner.unbind(), listener })
    }

    /// The number of this client, as text.
    #[getter]
    fn id(&self) -> String {
        format!("client-{}", self.client.id().0)
    }

    #[getter]
    fn scheduler_id(&self) -> &str {
        self.client.scheduler()
    }

    #[getter]
    fn address(&self) -> String {
        self.client.address().to_string()
    }

    #[getter]
    fn warning(&self) -> &str {
        self.client.warning()
    }

    #[getter]
    fn status(&self) -> &'static str {
        if self.client.is_open() { "running" } else { "closed" }
    }

    /// Calls `function(*[column[i] for column in columns], **kwargs)` for each key.
    #[pyo3(signature = (function, keys, columns, kwargs = None, terms = None))]
    fn map<'py>(
        &self,
        py: Python<'py>,
        function: &Bound<'py, PyAny>,
        keys: Vec<Bound<'py, PyAny>>,
        columns: Vec<Bound<'py, PySequence>>,
        kwargs: Option<&Bound<'py, PyDict>>,
        terms: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Vec<Future>> {
        let calls = Calls::new(function, kwargs)?;
        let mut nodes = Vec::with_capacity(keys.len());
        for (i, key) in keys.iter().enumerate() {
            let args = columns.iter().map(|column| column.get_item(i));
            nodes.push(calls.node(dict_graph::key(key)?, args)?);
        }
        self.futures(py, &nodes, Some(keys), terms)
    }

    /// Calls `function(*args, **kwargs)`.
    #[pyo3(signature = (function, key, args, kwargs = None, terms = None))]
    fn submit<'py>(
        &self,
        py: Python<'py>,
        function: &Bound<'py, PyAny>,
        key: Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
        terms: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Future> {
        let calls = Calls::new(function, kwargs)?;
        let node = calls.node(dict_graph::key(&key)?, args.iter().map(Ok))?;
        Ok(self.futures(py, &[node], Some(vec![key]), terms)?.remove(0))
    }

    /// Computes lazy values.
    #[pyo3(signature = (values, terms = None, per_key_terms = None))]
    fn compute<'py>(
        &self,
        py: Python<'py>,
        values: &Bound<'py, PyAny>,
        terms: Option<&Bound<'py, PyDict>>,
        per_key_terms: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Vec<Future>> {
        let nodes = Values::with(values, |values| values.nodes().to_vec())?;
        match per_key_terms {
            None => self.futures(py, &nodes, None, terms),
            Some(per_key) => {
                let mut special: Map<Key, Bound<'py, PyDict>> = Map::default();
                for (key, terms) in per_key.iter() {
                    special.insert(dict_graph::key(&key)?, terms.cast_into()?);
                }
                self.futures_with(py, &nodes, None, &|key| special.get(key).or(terms).cloned())
            }
        }
    }

    /// A future of a key that the scheduler knows.
    fn future(&self, py: Python<'_>, key: Bound<'_, PyAny>) -> PyResult<Future> {
        let entry = self.client.want(&key_text(&key)?);
        Ok(self.made(py, entry, key.unbind()))
    }

    /// Waits until all of these (or one of them) are not pending; False if time is up.
    #[pyo3(signature = (futures, timeout = None, first = false))]
    fn wait_many(
        &self,
        py: Python<'_>,
        futures: Vec<Bound<'_, Future>>,
        timeout: Option<f64>,
        first: bool,
    ) -> PyResult<bool> {
        let entries = entries(&futures)?;
        wait(py, timeout, |slice| {
            if first {
                self.client.wait_any(&entries, Some(slice))
            } else {
                self.client.wait_all(&entries, Some(slice))
            }
        })
    }

    /// The results of futures; waits for them. With `errors="skip"`, those that have none are
    /// left out.
    #[pyo3(signature = (futures, errors = "raise"))]
    fn gather<'py>(
        &self,
        py: Python<'py>,
        futures: Vec<Bound<'py, Future>>,
        errors: &str,
    ) -> PyResult<Bound<'py, PyList>> {
        let results = gather(py, &self.client, &entries(&futures)?, errors == "skip")?;
        PyList::new(py, results)
    }

    /// Brings data to workers.
    #[pyo3(signature = (values, keys, workers = Vec::new(), broadcast = false))]
    fn scatter<'py>(
        &self,
        py: Python<'py>,
        values: Vec<Bound<'py, PyAny>>,
        keys: Vec<Bound<'py, PyAny>>,
        workers: Vec<String>,
        broadcast: bool,
    ) -> PyResult<Vec<Future>> {
        let mut items = Vec::with_capacity(values.len());
        for (value, key) in values.iter().zip(&keys) {
            let (key, size) = (key_text(key)?, nbytes(value) as u64);
            items.push(Placement { key, nbytes: size, value: encode(value)? });
        }
        let workers = workers.into_iter().map(Into::into).collect();
        let placed = py.detach(|| self.client.scatter(items, workers, broadcast));
        let placed = placed.map_err(|error| ours(py, "ScatterError", (error.to_string(),)))?;
        let futures = placed.into_iter().zip(keys);
        Ok(futures.map(|(entry, key)| self.made(py, entry, key.unbind())).collect())
    }

    /// Asks that these are not computed.
    #[pyo3(signature = (futures, force = false, reason = ""))]
    fn cancel(&self, futures: Vec<Bound<'_, Future>>, force: bool, reason: &str) -> PyResult<()> {
        self.client.cancel(&entries(&futures)?, force, reason);
        Ok(())
    }

    /// Asks that these, which failed, are tried again.
    fn retry(&self, futures: Vec<Bound<'_, Future>>) -> PyResult<()> {
        self.client.retry(&entries(&futures)?);
        Ok(())
    }

    /// Asks the scheduler something.
    #[pyo3(name = "request", signature = (name, /, **fields))]
    fn ask(&self, name: &str, fields: Option<&Bound<'_, PyDict>>) -> PyResult<Reply> {
        Ok(Reply(self.client.request(question(name, fields)?)))
    }

    /// Calls `callback(topic, time, payload)` for messages of topics that were listened to.
    fn on_event(&self, callback: Py<PyAny>) {
        *self.listener.lock() = Some(callback);
    }

    /// Ends the connection.
    #[pyo3(signature = (timeout = None))]
    fn close(&self, py: Python<'_>, timeout: Option<f64>) {
        let _ = timeout;
        py.detach(|| self.client.close());
    }
}

impl ClusterClient {
    fn made(&self, py: Python<'_>, entry: Arc<Entry>, key: Py<PyAny>) -> Future {
        Future::new(entry, key, self.client.clone(), self.owner.clone_ref(py))
    }

    /// Futures of nodes, with the same terms for all.
    fn futures<'py>(
        &self,
        py: Python<'py>,
        nodes: &[Node],
        keys: Option<Vec<Bound<'py, PyAny>>>,
        terms: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Vec<Future>> {
        self.futures_with(py, nodes, keys, &|_| terms.cloned())
    }

    /// Futures of nodes. `terms` says what a task asks for, by key.
    fn futures_with<'py>(
        &self,
        py: Python<'py>,
        nodes: &[Node],
        keys: Option<Vec<Bound<'py, PyAny>>>,
        terms: &dyn Fn(&Key) -> Option<Bound<'py, PyDict>>,
    ) -> PyResult<Vec<Future>> {
        let graph = py.detach(|| lower(nodes));
        let texts: Vec<Arc<str>> =
            nodes.iter().map(|node| Arc::from(node.key().to_string())).collect();
        let entries = self.client.entries(&texts);
        let mut wants: Vec<(TaskId, Handle)> = Vec::new();
        let mut known: Vec<Arc<str>> = Vec::new();
        for ((node, output), (entry, new)) in nodes.iter().zip(graph.outputs()).zip(&entries) {
            match (new, outside(node)) {
                (false, _) => {}
                (true, None) => wants.push((*output, entry.handle())),
                (true, Some(_)) => known.push(entry.key().clone()),
            }
        }
        if !wants.is_empty() {
            let submission = self.packed(py, &graph, &wants, terms)?;
            py.detach(|| self.client.submit(submission));
        }
        known.iter().for_each(|key| drop(self.client.want(key)));
        let keys = match keys {
            Some(keys) => keys,
            None => nodes.iter().map(|n| dict_graph::python_key(py, n)).collect::<PyResult<_>>()?,
        };
        let futures = entries.into_iter().zip(keys);
        Ok(futures.map(|((entry, _), key)| self.made(py, entry, key.unbind())).collect())
    }

    fn packed<'py>(
        &self,
        py: Python<'py>,
        graph: &raskt_graph::Graph,
        wants: &[(TaskId, Handle)],
        terms: &dyn Fn(&Key) -> Option<Bound<'py, PyDict>>,
    ) -> PyResult<Submission> {
        let failed = RefCell::new(None);
        let known: RefCell<Vec<KnownTerms>> = RefCell::default();
        let of_node = |node: &Node| {
            let (given, annotations) = (terms(node.key()), node.annotations());
            let is_same = |known: &&KnownTerms| {
                known.given.as_ref().map(Py::as_ptr) == given.as_ref().map(|given| given.as_ptr())
                    && known.annotations.as_ref().map(Arc::as_ptr) == annotations.map(Arc::as_ptr)
            };
            if let Some(found) = known.borrow().iter().rev().take(8).find(is_same) {
                return found.terms.clone();
            }
            let made = terms_of(py, given.as_ref(), annotations.map(|arc| &**arc));
            let made = made.unwrap_or_else(|error| {
                failed.borrow_mut().get_or_insert(error);
                Terms::default()
            });
            let given = given.map(|given| given.into_any().unbind());
            let annotations = annotations.cloned();
            known.borrow_mut().push(KnownTerms { given, annotations, terms: made.clone() });
            made
        };
        let submission = pack(graph, self.client.next_generation(), wants, &PyCodec, of_node);
        if let Some(error) = failed.into_inner() {
            return Err(error);
        }
        submission.map_err(|error| {
            let text = raskt_exec::run::describe(&error.into());
            ours(py, "SerializationError", (text,))
        })
    }
}

/// Terms that were read before, and what they were read from.
struct KnownTerms {
    given: Option<Py<PyAny>>,
    annotations: Option<Arc<Annotations>>,
    terms: Terms,
}

/// Calls of one function.
struct Calls {
    function: Arc<dyn Function>,
    kwargs: Vec<(Arg, Vec<Py<PyAny>>)>,
}

impl Calls {
    fn new(function: &Bound<'_, PyAny>, kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<Calls> {
        let py = function.py();
        let Some(kwargs) = kwargs.filter(|kwargs| !kwargs.is_empty()) else {
            return Ok(Calls { function: Arc::new(PyFunction::new(function)), kwargs: Vec::new() });
        };
        let names = PyTuple::new(py, kwargs.keys())?;
        let function = Arc::new(PyFunction::with_kwnames(function, Some(names)));
        let mut values = Vec::new();
        for value in kwargs.values() {
            let mut unpacker = Unpacker::new(true, false);
            let arg = unpacker.arg(&value)?;
            values.push((arg, unpacker.found.into_iter().map(Bound::unbind).collect()));
        }
        Ok(Calls { function, kwargs: values })
    }

    fn node<'py>(
        &self,
        key: Key,
        args: impl Iterator<Item = PyResult<Bound<'py, PyAny>>>,
    ) -> PyResult<Node> {
        let mut unpacker = Unpacker::new(true, false);
        let mut all: Vec<Arg> = Vec::with_capacity(args.size_hint().0 + self.kwargs.len());
        for arg in args {
            all.push(unpacker.arg(&arg?)?);
        }
        let mut inputs: Vec<Node> = unpacker.found.iter().map(node_of).collect::<PyResult<_>>()?;
        for (arg, found) in &self.kwargs {
            let shift = inputs.len() as u32;
            all.push(arg.map_inputs(&mut |slot| Arg::Input(slot + shift)));
            for object in found {
                inputs.push(Python::attach(|py| node_of(object.bind(py)))?);
            }
        }
        Ok(Node::new(key, self.function.clone(), all, inputs))
    }
}

fn entries(futures: &[Bound<'_, Future>]) -> PyResult<Vec<Arc<Entry>>> {
    futures.iter().map(|future| future.get().entry()).collect()
}

fn tell(py: Python<'_>, listener: &Mutex<Option<Py<PyAny>>>, notice: Notice) -> PyResult<()> {
    let callback = listener.lock().as_ref().map(|callback| callback.clone_ref(py));
    let Some(callback) = callback else { return Ok(()) };
    let call = |args: (&str, f64, &[u8])| callback.call1(py, args).map(drop);
    match notice {
        Notice::Event { topic, time_us, payload } => call((&topic, seconds(time_us), &payload)),
        Notice::Restarted => call((intern!(py, "__restarted__").to_str()?, 0.0, b"")),
        Notice::Closed { reason } => call(("__closed__", 0.0, reason.as_bytes())),
    }
}
