//! Making fewer tasks of many: [`fuse`] and [`inline`]. Both give equal results.

use std::sync::Arc;

use crate::arg::Arg;
use crate::function::{Call, Failure, Function};
use crate::graph::{Graph, TaskId};
use crate::hash::Map;
use crate::node::Node;
use crate::value::Value;

/// The outputs of `graph` with linear chains as one task each.
///
/// A chain is tasks of which each has one input and is the only one to use it. The fused task
/// has the key of the chain's last one. Constants and outputs stay as they are.
pub fn fuse(graph: &Graph) -> Vec<Node> {
    let is_output = output_flags(graph);
    // Does the task go into its one dependent?
    let joins = |id: TaskId| match graph.dependents(id) {
        [dependent] => {
            !is_output[id.index()]
                && !graph.is_constant(id)
                && graph.dependencies(*dependent).len() == 1
                && graph.node(id).annotations().is_none()
                && graph.node(*dependent).annotations().is_none()
        }
        _ => false,
    };
    rebuild(graph, |id, made| {
        if joins(id) {
            return None;
        }
        let mut chain = vec![id];
        while let [only] = graph.dependencies(chain[chain.len() - 1])
            && joins(*only)
        {
            chain.push(*only);
        }
        let inputs = inputs_of(graph, chain[chain.len() - 1], made);
        if chain.len() == 1 {
            return Some(with_inputs(graph.node(id), inputs));
        }
        chain.reverse();
        let steps: Box<[Step]> = chain.iter().map(|id| Step::of(graph.node(*id))).collect();
        Some(Node::over(graph.node(id).key().clone(), Arc::new(Fused::new(steps)), inputs))
    })
}

/// The outputs of `graph` with the tasks that `is_cheap` names made part of those that use
/// them: computed again there instead of held.
///
/// Tasks stay as they are if they are outputs, have annotations, need a scope that a user does
/// without, or would bring more than [`MOST_CALLS`] calls along: what is inlined into what is
/// inlined must not grow without bounds.
pub fn inline(graph: &Graph, is_cheap: impl Fn(&Node) -> bool) -> Vec<Node> {
    let is_output = output_flags(graph);
    let needs_scope = |id: TaskId| graph.node(id).function().needs_scope();
    let may_go = |id: TaskId| {
        !is_output[id.index()]
            && graph.node(id).annotations().is_none()
            && (!needs_scope(id) || graph.dependents(id).iter().all(|user| needs_scope(*user)))
            && is_cheap(graph.node(id))
    };
    let mut inlined: Map<TaskId, Inlined> = Map::default();
    let mut uses: Vec<usize> = graph.ids().map(|id| graph.dependents(id).len()).collect();
    rebuild(graph, |id, made| {
        let node = graph.node(id);
        let mut inputs: Vec<Node> = Vec::new();
        // What takes the place of each input, and how many calls that is.
        let mut slots: Vec<(Arg, usize)> = Vec::new();
        for dep in graph.dependencies(id) {
            if let Some(part) = inlined.get(dep) {
                let base = inputs.len() as u32;
                let arg = part.arg.map_inputs(&mut |slot| Arg::Input(base + slot));
                slots.push((arg, part.calls));
                inputs.extend(part.inputs.iter().cloned());
                uses[dep.index()] -= 1;
                if uses[dep.index()] == 0 {
                    inlined.remove(dep);
                }
            } else {
                slots.push((Arg::Input(inputs.len() as u32), 0));
                inputs.push(made_before(made, *dep));
            }
        }
        let mut calls = usize::from(node.function().constant().is_none());
        let mut replace = |slot: u32| {
            let (arg, weight) = &slots[slot as usize];
            calls += weight;
            arg.clone()
        };
        let args: Box<[Arg]> =
            node.written_args().iter().map(|arg| arg.map_inputs(&mut replace)).collect();
        if calls <= MOST_CALLS && may_go(id) {
            let arg = match node.function().constant() {
                Some(value) => Arg::Value(value.clone()),
                None => Arg::call(node.function().clone(), args),
            };
            inlined.insert(id, Inlined { arg, inputs, calls });
            return None;
        }
        Some(annotated(node, Node::new(node.key().clone(), node.function().clone(), args, inputs)))
    })
}

/// How many calls a task may bring along when it is inlined, its own included.
const MOST_CALLS: usize = 16;

/// A task that is part of those that use it.
struct Inlined {
    arg: Arg,
    /// What `arg` refers to.
    inputs: Vec<Node>,
    calls: usize,
}

/// Makes every task anew, in order; gives the outputs.
fn rebuild(
    graph: &Graph,
    mut make: impl FnMut(TaskId, &[Option<Node>]) -> Option<Node>,
) -> Vec<Node> {
    let mut made: Vec<Option<Node>> = vec![None; graph.len()];
    for id in graph.ids() {
        made[id.index()] = make(id, &made);
    }
    graph.outputs().iter().map(|output| made_before(&made, *output)).collect()
}

fn made_before(made: &[Option<Node>], id: TaskId) -> Node {
    made[id.index()].clone().expect("what is an output or an input of its own was made anew")
}

fn output_flags(graph: &Graph) -> Vec<bool> {
    let mut flags = vec![false; graph.len()];
    graph.outputs().iter().for_each(|output| flags[output.index()] = true);
    flags
}

fn inputs_of(graph: &Graph, id: TaskId, made: &[Option<Node>]) -> Vec<Node> {
    graph.dependencies(id).iter().map(|dep| made_before(made, *dep)).collect()
}

fn with_inputs(node: &Node, inputs: Vec<Node>) -> Node {
    if inputs.iter().zip(node.inputs()).all(|(new, old)| new.serial() == old.serial()) {
        return node.clone();
    }
    let (key, function) = (node.key().clone(), node.function().clone());
    annotated(node, Node::new(key, function, node.written_args(), inputs))
}

fn annotated(from: &Node, node: Node) -> Node {
    match from.annotations() {
        Some(annotations) => node.with_annotations(annotations.clone()),
        None => node,
    }
}

/// Several calls, each with the result of the one before.
struct Fused {
    name: String,
    steps: Box<[Step]>,
}

struct Step {
    function: Arc<dyn Function>,
    args: Option<Box<[Arg]>>,
}

impl Step {
    fn of(node: &Node) -> Step {
        Step { function: node.function().clone(), args: node.args().map(Into::into) }
    }
}

impl Fused {
    fn new(steps: Box<[Step]>) -> Fused {
        let mut names: Vec<&str> = steps.iter().take(8).map(|step| step.function.name()).collect();
        if steps.len() > names.len() {
            names.push("...");
        }
        Fused { name: names.join("-"), steps }
    }
}

impl Function for Fused {
    fn name(&self) -> &str {
        &self.name
    }

    fn call(&self, call: Call<'_>) -> Result<Value, Failure> {
        // What the first step takes may itself have been inlined: then it is an argument.
        let inputs: Result<Vec<Value>, _> = (0..call.len()).map(|i| call.value(i)).collect();
        let mut inputs = inputs?;
        let (last, before) = self.steps.split_last().ok_or("a fused task has steps")?;
        for step in before {
            inputs = vec![step.function.call(Call::new(step.args.as_deref(), &inputs))?];
        }
        last.function.call(Call::new(last.args.as_deref(), &inputs))
    }

    fn needs_scope(&self) -> bool {
        self.steps.iter().any(|step| step.function.needs_scope())
    }
}
