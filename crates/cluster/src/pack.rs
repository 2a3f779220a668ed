//! From a graph to a [`Submission`].

use std::any::Any;
use std::sync::Arc;

use raskt_graph::hash::Map;
use raskt_graph::{Arg, Call, Failure, Function, Graph, Key, Node, TaskId, Value};
use raskt_wire::{Handle, NewTask, Submission, Terms};

use crate::payload::{Codec, Packed, Packer, PayloadError};

/// Stands in a graph for a result that a scheduler knows already, by its key.
pub struct Outside {
    /// The key there.
    pub key: Arc<str>,
    /// What keeps the result alive there.
    pub keep: Arc<dyn Any + Send + Sync>,
}

impl Function for Outside {
    fn name(&self) -> &str {
        "future"
    }

    fn call(&self, _: Call<'_>) -> Result<Value, Failure> {
        let key = &self.key;
        Err(format!("'{key}' is a future: what uses it can only be computed by its client").into())
    }
}

/// A task that cannot be sent.
#[derive(Debug, thiserror::Error)]
#[error("the task '{key}', which calls {function}, cannot be sent: {source}")]
pub struct PackError {
    /// Its key.
    pub key: Key,
    /// What it calls.
    pub function: String,
    /// Why.
    pub source: PayloadError,
}

/// The tasks of a graph as a block for the scheduler. `wants` are the tasks whose results the
/// client waits for; `terms` says what a task asks for.
///
/// # Errors
/// The first task whose function or arguments have no form as bytes.
pub fn pack(
    graph: &Graph,
    generation: u64,
    wants: &[(TaskId, Handle)],
    codec: &dyn Codec,
    terms: impl Fn(&Node) -> Terms,
) -> Result<Submission, PackError> {
    let mut block = Block::new(graph, wants, codec);
    for id in graph.ids() {
        let node = graph.node(id);
        if let Some(outside) = outside(node) {
            block.outside(id, outside);
        } else if node.function().constant().is_some() && !block.wanted[id.index()] {
            // It goes into the tasks that use it.
        } else {
            block.task(id, &terms).map_err(|source| PackError {
                key: node.key().clone(),
                function: node.function().name().to_string(),
                source,
            })?;
        }
    }
    Ok(block.finish(generation, wants))
}

/// The mark of a known result, if the node is one.
pub fn outside(node: &Node) -> Option<&Outside> {
    let function: &dyn Any = &**node.function();
    function.downcast_ref()
}

struct Block<'a> {
    graph: &'a Graph,
    packer: Packer<'a>,
    groups: Names,
    terms: Vec<Terms>,
    outside: Names,
    tasks: Vec<NewTask>,
    /// For each task of the graph, where its result comes from.
    places: Vec<Place>,
    wanted: Vec<bool>,
}

/// Where a result comes from.
#[derive(Clone, Copy)]
enum Place {
    /// From nowhere: it is put into the tasks that use it.
    Literal,
    Outside(u32),
    Task(u32),
}

/// Names, each once, and where it stands.
#[derive(Default)]
struct Names {
    all: Vec<Arc<str>>,
    places: Map<Arc<str>, u32>,
}

impl Names {
    fn place(&mut self, name: &Arc<str>) -> u32 {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.all.len() as u32;
        self.all.push(name.clone());
        self.places.insert(name.clone(), place);
        place
    }
}

impl<'a> Block<'a> {
    fn new(graph: &'a Graph, wants: &[(TaskId, Handle)], codec: &'a dyn Codec) -> Block<'a> {
        let mut wanted = vec![false; graph.len()];
        wants.iter().for_each(|(id, _)| wanted[id.index()] = true);
        Block {
            graph,
            packer: Packer::new(codec),
            groups: Names::default(),
            terms: vec![Terms::default()],
            outside: Names::default(),
            tasks: Vec::with_capacity(graph.len()),
            places: vec![Place::Literal; graph.len()],
            wanted,
        }
    }

    fn outside(&mut self, id: TaskId, outside: &Outside) {
        let place = self.outside.place(&outside.key);
        self.places[id.index()] = Place::Outside(place);
    }

    fn task(&mut self, id: TaskId, terms: &impl Fn(&Node) -> Terms) -> Result<(), PayloadError> {
        let node = self.graph.node(id);
        let (inputs, packed) = self.call(id)?;
        let key: Arc<str> = node.key().to_string().into();
        let group = self.groups.place(&group_of(node.key()));
        let terms = self.terms_of(terms(node));
        self.places[id.index()] = Place::Task(self.tasks.len() as u32);
        let Packed { payload, blobs } = packed;
        self.tasks.push(NewTask { key, group, terms, inputs, blobs, payload });
        Ok(())
    }

    /// The inputs of a task (tasks are numbered from the number of outside keys on, which is
    /// not known yet: see [`Block::finish`]), and its call.
    fn call(&mut self, id: TaskId) -> Result<(Vec<u32>, Packed), PayloadError> {
        let node = self.graph.node(id);
        if let Some(value) = node.function().constant() {
            return Ok((Vec::new(), self.packer.constant(value)?));
        }
        let mut inputs: Vec<u32> = Vec::new();
        let dependencies = self.graph.dependencies(id);
        let mut slots: Vec<Arg> = Vec::with_capacity(dependencies.len());
        for dep in dependencies {
            let input = match (self.places[dep.index()], self.graph.node(*dep)) {
                (Place::Literal, constant) => {
                    let value = constant.function().constant().cloned();
                    slots.push(Arg::Value(value.expect("only constants have no place")));
                    continue;
                }
                (Place::Outside(place), _) => place | OUTSIDE,
                (Place::Task(place), _) => place,
            };
            let found = inputs.iter().position(|known| *known == input);
            let slot = found.unwrap_or(inputs.len());
            if found.is_none() {
                inputs.push(input);
            }
            slots.push(Arg::Input(slot as u32));
        }
        let is_same = slots.len() == inputs.len();
        let packed = if is_same {
            self.packer.call(node.function(), node.args(), inputs.len())?
        } else {
            let mut replace = |slot: u32| slots[slot as usize].clone();
            let args: Vec<Arg> =
                node.written_args().iter().map(|arg| arg.map_inputs(&mut replace)).collect();
            self.packer.call(node.function(), Some(&args), inputs.len())?
        };
        Ok((inputs, packed))
    }

    fn terms_of(&mut self, terms: Terms) -> u32 {
        let known = self.terms.iter().rposition(|known| *known == terms);
        known.unwrap_or_else(|| {
            self.terms.push(terms);
            self.terms.len() - 1
        }) as u32
    }

    fn finish(mut self, generation: u64, wants: &[(TaskId, Handle)]) -> Submission {
        let shift = self.outside.all.len() as u32;
        for input in self.tasks.iter_mut().flat_map(|task| &mut task.inputs) {
            *input = if *input & OUTSIDE == 0 { *input + shift } else { *input & !OUTSIDE };
        }
        let place = |id: &TaskId| match self.places[id.index()] {
            Place::Task(place) => Some(place),
            // Whoever wants a known result has a future of it already.
            Place::Outside(_) | Place::Literal => None,
        };
        let wants = wants.iter().filter_map(|(id, handle)| Some((place(id)?, *handle))).collect();
        Submission {
            generation,
            groups: self.groups.all,
            terms: self.terms,
            blobs: self.packer.into_blobs(),
            outside: self.outside.all,
            tasks: self.tasks,
            wants,
        }
    }
}

/// Marks an outside key among the inputs until all of these are known.
const OUTSIDE: u32 = 1 << 31;

/// The kind of task that a key stands for: the part before the first word that is not a name
/// (a token, a number).
pub fn group_of(key: &Key) -> Arc<str> {
    let group = key.group();
    match group.as_bytes().iter().position(|byte| *byte == b'-') {
        Some(_) => split(&group).into(),
        None => group,
    }
}

fn split(text: &str) -> &str {
    let mut end = text.find('-').unwrap_or(text.len());
    while let Some(rest) = text.get(end + 1..) {
        let word = &rest[..rest.find('-').unwrap_or(rest.len())];
        let is_name = !word.is_empty() && word.chars().all(char::is_alphabetic);
        let is_hash = word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_name || is_hash {
            break;
        }
        end += 1 + word.len();
        if end >= text.len() {
            break;
        }
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_what_comes_before_tokens_and_numbers() {
        let kinds = [
            ("x", "x"),
            ("inc-deadbeef", "inc"),
            ("inc-1", "inc"),
            ("read-csv-1a2b", "read-csv"),
            ("sum-of-0", "sum-of"),
        ];
        for (key, kind) in kinds {
            assert_eq!(&*group_of(&Key::text(key)), kind, "{key}");
        }
    }
}
