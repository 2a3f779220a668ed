//! Reading graphs that are Python mappings: of tuples `(callable, *args)`, of the task objects
//! of `raskt.task_spec`, or of Dask's.

use std::sync::Arc;

use hashbrown::hash_table::HashTable;
use pyo3::exceptions::{PyKeyError, PyRecursionError, PyRuntimeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyInt, PyList, PySet, PyString, PyTuple};
use raskt_graph::cycle::topological_order;
use raskt_graph::function::{Alias as AliasFunction, Constant};
use raskt_graph::hash::Map;
use raskt_graph::{Arg, Call, Failure, Function, Key, Node, Value};

use crate::callable::{Build, PyFunction, funcname, shared};
use crate::cluster::future::Future;
use crate::delayed::Delayed;
use crate::foreign::{Foreign, ForeignNode, ForeignTypes};
use crate::new_task::node_of;
use crate::spec::{Alias, Container, DataNode, Task, TaskRef};
use crate::value::literal;
use crate::values::Values;

/// The lazy values of `keys` in the graph `dsk`.
///
/// Only what the keys need is read. A missing key is a `KeyError`, a cycle a `RuntimeError`
/// that shows it.
#[pyfunction]
pub(crate) fn from_graph<'py>(
    dsk: &Bound<'py, PyAny>,
    keys: Vec<Bound<'py, PyAny>>,
) -> PyResult<Values> {
    read_graph(dsk, keys)
}

pub(crate) fn read_graph<'py>(
    dsk: &Bound<'py, PyAny>,
    keys: Vec<Bound<'py, PyAny>>,
) -> PyResult<Values> {
    let dsk = match dsk.cast_exact::<PyDict>() {
        Ok(dict) => dict.clone(),
        Err(_) => {
            dsk.py().import("raskt._containers")?.call_method1("graph_dict", (dsk,))?.cast_into()?
        }
    };
    let mut reader = Reader::new(&dsk)?;
    let mut wanted = Vec::with_capacity(keys.len());
    for key in keys {
        wanted.push(reader.require(&key)?);
    }
    reader.read_all()?;
    reader.make(&wanted)
}

/// So many keys of a cycle are shown.
const SHOWN: usize = 20;

/// The key of a task for a Python key.
pub(crate) fn key(object: &Bound<'_, PyAny>) -> PyResult<Key> {
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(Key::text(&text.to_cow()?));
    }
    if let Ok(tuple) = object.cast_exact::<PyTuple>()
        && tuple.len() > 1
        && let Ok(name) = tuple.get_item(0)?.cast_exact::<PyString>()
    {
        let index: Option<Box<[i64]>> = tuple
            .iter()
            .skip(1)
            .map(|i| if i.is_exact_instance_of::<PyInt>() { i.extract().ok() } else { None })
            .collect();
        if let Some(index) = index {
            return Ok(Key::indexed(Key::text(&name.to_cow()?), index));
        }
    }
    // What cannot be hashed is no key.
    object.hash()?;
    Ok(Key::indexed(Key::text(&object.repr()?.to_cow()?), []))
}

/// The Python key of a node.
pub(crate) fn python_key<'py>(py: Python<'py>, node: &Node) -> PyResult<Bound<'py, PyAny>> {
    let Some((name, index)) = node.key().as_indexed() else {
        return Ok(PyString::new(py, &node.key().to_string()).into_any());
    };
    let name = name.to_string();
    if index.is_empty() {
        let eval = py.import("ast")?.getattr("literal_eval")?;
        return eval.call1((&name,)).or_else(|_| Ok(PyString::new(py, &name).into_any()));
    }
    let mut parts = vec![PyString::new(py, &name).into_any()];
    for i in index {
        parts.push(i.into_pyobject(py)?.into_any());
    }
    Ok(PyTuple::new(py, parts)?.into_any())
}

/// A task as it was written: its arguments refer to positions in `inputs`.
struct Draft {
    function: Arc<dyn Function>,
    args: Vec<Arg>,
    inputs: Vec<u32>,
}

/// Deeper nesting inside one task is refused: reading, calling and dropping it recurse.
const DEEP: usize = 500;

struct Reader<'py> {
    py: Python<'py>,
    /// All keys, what they stand for, and where they are among these.
    keys: Vec<Bound<'py, PyAny>>,
    values: Vec<Bound<'py, PyAny>>,
    positions: HashTable<(isize, u32)>,
    /// For each key that was read, its task.
    drafts: Vec<Option<Draft>>,
    /// Keys that were met and not read yet.
    met: Vec<u32>,
    /// One function for each callable.
    functions: Map<usize, Arc<PyFunction>>,
    foreign: ForeignTypes<'py>,
    /// Inside how many calls and containers of one task the reader is.
    depth: usize,
    /// Are there nodes in it that were made elsewhere, perhaps with keys of this graph?
    has_lazy_values: bool,
}

impl<'py> Reader<'py> {
    fn new(dsk: &Bound<'py, PyDict>) -> PyResult<Reader<'py>> {
        let n = dsk.len();
        let mut reader = Reader {
            py: dsk.py(),
            keys: Vec::with_capacity(n),
            values: Vec::with_capacity(n),
            positions: HashTable::with_capacity(n),
            drafts: Vec::new(),
            met: Vec::new(),
            functions: Map::default(),
            foreign: ForeignTypes::default(),
            depth: 0,
            has_lazy_values: false,
        };
        for (key, value) in dsk.iter() {
            let entry = (key.hash()?, reader.keys.len() as u32);
            reader.positions.insert_unique(spread(entry.0), entry, |(hash, _)| spread(*hash));
            reader.keys.push(key);
            reader.values.push(value);
        }
        reader.drafts.resize_with(reader.keys.len(), || None);
        Ok(reader)
    }

    /// The position of a key that must be there.
    fn require(&mut self, key: &Bound<'py, PyAny>) -> PyResult<u32> {
        match self.position(key)? {
            Some(position) => Ok(position),
            // In a tuple: one that is the key would be taken for the arguments.
            None => Err(PyKeyError::new_err((key.clone().unbind(),))),
        }
    }

    /// The position of a key of the graph, which is then to be read.
    fn position(&mut self, key: &Bound<'py, PyAny>) -> PyResult<Option<u32>> {
        // What cannot be hashed is no key.
        let Ok(hash) = key.hash() else { return Ok(None) };
        let mut problem = None;
        let keys = &self.keys;
        let found = self.positions.find(spread(hash), |(other_hash, position)| {
            let other = &keys[*position as usize];
            *other_hash == hash
                && (other.is(key)
                    || key.eq(other).unwrap_or_else(|error| {
                        problem = Some(error);
                        false
                    }))
        });
        let position = found.map(|(_, position)| *position);
        if let Some(position) = position
            && self.drafts[position as usize].is_none()
        {
            self.met.push(position);
        }
        problem.map_or(Ok(position), Err)
    }

    /// Reads the tasks of all keys that were met; that meets others.
    fn read_all(&mut self) -> PyResult<()> {
        while let Some(position) = self.met.pop() {
            let i = position as usize;
            if self.drafts[i].is_none() {
                let (key, value) = (self.keys[i].clone(), self.values[i].clone());
                let draft = self.read(&key, &value)?;
                self.drafts[i] = Some(draft);
            }
        }
        Ok(())
    }

    fn read(&mut self, key: &Bound<'py, PyAny>, value: &Bound<'py, PyAny>) -> PyResult<Draft> {
        let mut inputs = Inputs::default();
        if let Ok(task) = value.cast::<Task>() {
            let (function, args) = self.task(task.get(), &mut inputs)?;
            return Ok(Draft { function, args, inputs: inputs.0 });
        }
        if let Ok(node) = value.cast::<DataNode>() {
            return constant(node.get().value.bind(value.py()));
        }
        if let Ok(alias) = value.cast::<Alias>() {
            let target = alias.get().target.bind(value.py());
            return Ok(alias_of(self.require(target)?));
        }
        if value.is_instance_of::<Container>() {
            let arg = self.spec_arg(value, &mut inputs)?;
            return Ok(Draft { function: identity(), args: vec![arg], inputs: inputs.0 });
        }
        if let Some(kind) = self.foreign.kind(value)? {
            return self.foreign_task(value, kind);
        }
        if let Some(tuple) = as_task(value)? {
            let function = self.function(&tuple.get_item(0)?);
            let mut args = Vec::with_capacity(tuple.len() - 1);
            for arg in tuple.iter().skip(1) {
                args.push(self.arg(&arg, &mut inputs)?);
            }
            return Ok(Draft { function, args, inputs: inputs.0 });
        }
        if value.is_exact_instance_of::<PyList>() || value.is_exact_instance_of::<PyDict>() {
            return Ok(match self.lazy(value, &mut inputs)? {
                Some(arg) => Draft { function: identity(), args: vec![arg], inputs: inputs.0 },
                None => constant(value)?,
            });
        }
        if let Ok(delayed) = value.cast::<Delayed>() {
            // A lazy value inside a graph is computed with it.
            let node = node_of(delayed.as_any())?;
            self.has_lazy_values = true;
            return Ok(Draft { function: shared(Ready(node)), args: vec![], inputs: vec![] });
        }
        if !value.is(key)
            && let Some(target) = self.position(value)?
            && !self.keys[target as usize].eq(key)?
        {
            return Ok(alias_of(target));
        }
        constant(value)
    }

    /// A task object of ours.
    fn task(
        &mut self,
        task: &Task,
        inputs: &mut Inputs,
    ) -> PyResult<(Arc<dyn Function>, Vec<Arg>)> {
        let py = self.py;
        let given = task.args.bind(py);
        let mut args = Vec::with_capacity(given.len());
        for arg in given.iter_borrowed() {
            args.push(self.spec_arg(&arg, inputs)?);
        }
        let Some(kwargs) = &task.kwargs else {
            return Ok((self.function(task.func.bind(py)), args));
        };
        let kwargs = kwargs.bind(py);
        for value in kwargs.values() {
            args.push(self.spec_arg(&value, inputs)?);
        }
        let names = PyTuple::new(py, kwargs.keys())?;
        Ok((shared(PyFunction::with_kwnames(task.func.bind(py), Some(names))), args))
    }

    /// An argument of a task object: references are marked as such.
    fn spec_arg(&mut self, arg: &Bound<'py, PyAny>, inputs: &mut Inputs) -> PyResult<Arg> {
        let py = arg.py();
        if let Ok(reference) = arg.cast_exact::<TaskRef>() {
            return Ok(inputs.slot(self.require(reference.get().key.bind(py))?));
        }
        if let Ok(container) = arg.cast_exact::<Container>() {
            let container = container.get();
            let mut items = Vec::new();
            for item in container.items.bind(py).iter() {
                items.push(self.spec_arg(&item, inputs)?);
            }
            return Ok(match container.build(py)? {
                Some(build) => Arg::call(shared(build), items),
                None => Arg::List(items.into()),
            });
        }
        if let Ok(task) = arg.cast::<Task>() {
            let (function, args) = self.task(task.get(), inputs)?;
            return Ok(Arg::call(function, args));
        }
        if let Ok(alias) = arg.cast_exact::<Alias>() {
            return Ok(inputs.slot(self.require(alias.get().target.bind(py))?));
        }
        if let Ok(node) = arg.cast_exact::<DataNode>() {
            return Ok(Arg::Value(literal(node.get().value.bind(py))));
        }
        Ok(Arg::Value(literal(arg)))
    }

    /// An argument of a tuple: whatever is a key of the graph is a reference.
    fn arg(&mut self, arg: &Bound<'py, PyAny>, inputs: &mut Inputs) -> PyResult<Arg> {
        Ok(self.lazy(arg, inputs)?.unwrap_or_else(|| Arg::Value(literal(arg))))
    }

    /// The same; None if there is no reference and no call in it.
    fn lazy(&mut self, arg: &Bound<'py, PyAny>, inputs: &mut Inputs) -> PyResult<Option<Arg>> {
        if self.depth == DEEP {
            return Err(PyRecursionError::new_err(format!(
                "calls and containers in the graph are nested more than {DEEP} deep: \
                 give the inner ones keys of their own"
            )));
        }
        self.depth += 1;
        let lazy = self.lazy_inside(arg, inputs);
        self.depth -= 1;
        lazy
    }

    fn lazy_inside(
        &mut self,
        arg: &Bound<'py, PyAny>,
        inputs: &mut Inputs,
    ) -> PyResult<Option<Arg>> {
        if let Some(tuple) = as_task(arg)? {
            let function = self.function(&tuple.get_item(0)?);
            let mut args = Vec::with_capacity(tuple.len() - 1);
            for arg in tuple.iter().skip(1) {
                args.push(self.arg(&arg, inputs)?);
            }
            return Ok(Some(Arg::call(function, args)));
        }
        if let Ok(list) = arg.cast_exact::<PyList>() {
            let items = self.lazy_items(list.iter(), inputs)?;
            return Ok(items.map(|items| Arg::List(items.into())));
        }
        if let Ok(dict) = arg.cast_exact::<PyDict>() {
            let items = dict.iter().flat_map(|(key, value)| [key, value]);
            let items = self.lazy_items(items, inputs)?;
            return Ok(items.map(|items| Arg::call(shared(Build::Dict), items)));
        }
        if arg.is_instance_of::<Task>()
            || arg.is_instance_of::<Container>()
            || arg.is_instance_of::<TaskRef>()
        {
            return self.spec_arg(arg, inputs).map(Some);
        }
        if self.foreign.kind(arg)?.is_some() {
            return self.foreign_arg(arg, inputs).map(Some);
        }
        if let Some(position) = self.position(arg)? {
            return Ok(Some(inputs.slot(position)));
        }
        self.lazy_collection(arg, inputs)
    }

    /// A tuple or a set that is neither a call nor a key: there may be keys in it.
    fn lazy_collection(
        &mut self,
        arg: &Bound<'py, PyAny>,
        inputs: &mut Inputs,
    ) -> PyResult<Option<Arg>> {
        let (items, build) = if let Ok(tuple) = arg.cast_exact::<PyTuple>() {
            (self.lazy_items(tuple.iter(), inputs)?, Build::Tuple)
        } else if let Ok(set) = arg.cast_exact::<PySet>() {
            (self.lazy_items(set.iter(), inputs)?, Build::Set)
        } else if let Ok(set) = arg.cast_exact::<PyFrozenSet>() {
            (self.lazy_items(set.iter(), inputs)?, Build::FrozenSet)
        } else {
            return Ok(None);
        };
        Ok(items.map(|items| Arg::call(shared(build), items)))
    }

    fn lazy_items(
        &mut self,
        items: impl Iterator<Item = Bound<'py, PyAny>>,
        inputs: &mut Inputs,
    ) -> PyResult<Option<Vec<Arg>>> {
        let mut is_lazy = false;
        let mut args = Vec::new();
        for item in items {
            let arg = self.lazy(&item, inputs)?;
            is_lazy |= arg.is_some();
            args.push(arg.unwrap_or_else(|| Arg::Value(literal(&item))));
        }
        Ok(is_lazy.then_some(args))
    }

    fn function(&mut self, callable: &Bound<'py, PyAny>) -> Arc<dyn Function> {
        let make = || Arc::new(PyFunction::new(callable));
        self.functions.entry(callable.as_ptr() as usize).or_insert_with(make).clone()
    }

    /// A task object of Dask's.
    fn foreign_task(&mut self, task: &Bound<'py, PyAny>, kind: Foreign) -> PyResult<Draft> {
        let py = task.py();
        match kind {
            Foreign::Data => return constant(&task.getattr(intern!(py, "value"))?),
            Foreign::Alias => {
                return Ok(alias_of(self.require(&task.getattr(intern!(py, "target"))?)?));
            }
            Foreign::Task => {
                if let Some(draft) = self.flat_task(task)? {
                    return Ok(draft);
                }
            }
            Foreign::Other | Foreign::Ref => {}
        }
        let mut inputs = Inputs::default();
        let arg = self.foreign_arg(task, &mut inputs)?;
        match arg {
            Arg::Call(nested) => Ok(Draft {
                function: nested.function.clone(),
                args: nested.args.into_vec(),
                inputs: inputs.0,
            }),
            arg => Ok(Draft { function: identity(), args: vec![arg], inputs: inputs.0 }),
        }
    }

    /// A task of Dask's whose arguments are references and literals: called directly.
    fn flat_task(&mut self, task: &Bound<'py, PyAny>) -> PyResult<Option<Draft>> {
        let py = task.py();
        let (given, kwargs) =
            (task.getattr(intern!(py, "args"))?, task.getattr(intern!(py, "kwargs"))?);
        let (Ok(given), Ok(kwargs)) = (given.cast::<PyTuple>(), kwargs.cast::<PyDict>()) else {
            return Ok(None);
        };
        let mut inputs = Inputs::default();
        let mut args = Vec::with_capacity(given.len() + kwargs.len());
        for arg in given.iter().chain(kwargs.values().iter()) {
            match self.foreign.kind(&arg)? {
                None => args.push(Arg::Value(literal(&arg))),
                Some(Foreign::Ref) => {
                    let position = self.require(&arg.getattr(intern!(py, "key"))?)?;
                    args.push(inputs.slot(position));
                }
                Some(_) => return Ok(None),
            }
        }
        let func = task.getattr(intern!(py, "func"))?;
        let function = if kwargs.is_empty() {
            self.function(&func)
        } else {
            shared(PyFunction::with_kwnames(&func, Some(PyTuple::new(py, kwargs.keys())?)))
        };
        Ok(Some(Draft { function, args, inputs: inputs.0 }))
    }

    /// Any other object of Dask's: it is called with a dict of what it depends on.
    fn foreign_arg(&mut self, arg: &Bound<'py, PyAny>, inputs: &mut Inputs) -> PyResult<Arg> {
        let py = arg.py();
        if arg.is_instance_of::<TaskRef>() || self.foreign.kind(arg)? == Some(Foreign::Ref) {
            return Ok(inputs.slot(self.require(&arg.getattr(intern!(py, "key"))?)?));
        }
        let mut keys = Vec::new();
        let mut args = Vec::new();
        for key in arg.getattr(intern!(py, "dependencies"))?.try_iter()? {
            let key = key?;
            args.push(inputs.slot(self.require(&key)?));
            keys.push(key);
        }
        let keys = PyTuple::new(py, keys)?.unbind();
        let name = match arg.getattr_opt(intern!(py, "func"))? {
            Some(func) => funcname(&func),
            None => arg.get_type().name()?.to_string(),
        };
        let node = arg.clone().unbind();
        Ok(Arg::call(shared(ForeignNode { node, keys, name }), args))
    }

    /// The nodes at these positions, and what they need.
    fn make(self, wanted: &[u32]) -> PyResult<Values> {
        let drafts = &self.drafts;
        let inputs = |i: usize| {
            drafts[i].iter().flat_map(|draft| draft.inputs.iter().map(|input| *input as usize))
        };
        let order = topological_order(drafts.len(), inputs);
        let order = order.map_err(|cycle| self.cycle_error(&cycle))?;
        let mut nodes: Vec<Option<Node>> = vec![None; self.drafts.len()];
        let mut drafts = self.drafts;
        for position in order {
            let Some(draft) = drafts[position].take() else { continue };
            let inputs: Vec<Node> =
                draft.inputs.iter().filter_map(|i| nodes[*i as usize].clone()).collect();
            let key = key(&self.keys[position])?;
            nodes[position] = Some(match (&*draft.function as &dyn std::any::Any).downcast_ref() {
                Some(Ready(node)) => Node::alias(key, node.clone()),
                None => {
                    let node = Node::new(key, draft.function, draft.args, inputs);
                    match self.values[position].cast::<Task>() {
                        Ok(task) => annotated(node, task.get()),
                        Err(_) => node,
                    }
                }
            });
        }
        let wanted = wanted.iter().filter_map(|i| nodes[*i as usize].clone()).collect();
        Ok(Values::new(wanted, !self.has_lazy_values))
    }

    fn cycle_error(&self, cycle: &[usize]) -> PyErr {
        let name = |i: &usize| self.keys[*i].repr().map_or_else(|_| "?".into(), |r| r.to_string());
        let mut names: Vec<String> = cycle.iter().take(SHOWN).map(name).collect();
        if cycle.len() > SHOWN {
            names.push(format!("... {} more ...", cycle.len() - SHOWN));
        }
        names.extend(names.first().cloned());
        PyRuntimeError::new_err(format!(
            "Cycle detected in Dask graph: {} (each task needs the next one's result)",
            names.join("->")
        ))
    }
}

/// Python's hashes of numbers are the numbers; the table wants all bits to differ.
fn spread(hash: isize) -> u64 {
    (hash as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The positions of a task's inputs, each once.
#[derive(Default)]
struct Inputs(Vec<u32>);

impl Inputs {
    fn slot(&mut self, position: u32) -> Arg {
        // A few are searched; many are rarely repeated, and repeating one does no harm.
        let known = self.0.iter().take(32).position(|other| *other == position);
        let slot = known.unwrap_or_else(|| {
            self.0.push(position);
            self.0.len() - 1
        });
        Arg::Input(slot as u32)
    }
}

/// A node that was made elsewhere.
struct Ready(Node);

impl Function for Ready {
    fn name(&self) -> &str {
        "ready"
    }

    fn call(&self, _: Call<'_>) -> Result<Value, Failure> {
        Err("it stands for a node and is never called".into())
    }
}

fn constant(value: &Bound<'_, PyAny>) -> PyResult<Draft> {
    let function = match value.cast::<Future>() {
        Ok(future) => shared(Future::outside(future)?),
        Err(_) => shared(Constant(literal(value))),
    };
    Ok(Draft { function, args: Vec::new(), inputs: Vec::new() })
}

fn alias_of(target: u32) -> Draft {
    Draft { function: shared(AliasFunction), args: vec![Arg::Input(0)], inputs: vec![target] }
}

fn annotated(node: Node, task: &Task) -> Node {
    match &task.annotations {
        Some(annotations) => node.with_annotations(annotations.clone()),
        None => node,
    }
}

fn identity() -> Arc<dyn Function> {
    shared(crate::callable::Identity("container"))
}

/// A tuple that begins with a callable.
fn as_task<'a, 'py>(value: &'a Bound<'py, PyAny>) -> PyResult<Option<&'a Bound<'py, PyTuple>>> {
    match value.cast_exact::<PyTuple>() {
        Ok(tuple) if !tuple.is_empty() && tuple.get_item(0)?.is_callable() => Ok(Some(tuple)),
        _ => Ok(None),
    }
}
