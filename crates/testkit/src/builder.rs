//! Graphs of numbers, written down: [`GraphBuilder`].

use std::sync::Arc;

use raskt_graph::function::FromFn;
use raskt_graph::tokenize::token;
use raskt_graph::{Failure, Function, Key, Node, Prefix, Value};

use crate::form::{Form, number};

/// Tasks that compute numbers from numbers, one after the other. Each is known by its position.
///
/// What a task gives depends on its position, and on its inputs and their order, so a wrong
/// wire shows in the result.
///
/// ```
/// # use raskt_testkit::{evaluate, number, Form, GraphBuilder};
/// let mut graph = GraphBuilder::default();
/// //    a
/// //   / \
/// //  b   c
/// //   \ /
/// //    d
/// let a = graph.constant(1);
/// let b = graph.task(&[a]);
/// let c = graph.task(&[a]);
/// let d = graph.task(&[b, c]);
/// let nodes = graph.nodes(Form::Number);
/// let value = &evaluate(&[nodes[d].clone()]).unwrap()[0];
/// assert_eq!(number(value), graph.numbers()[d]);
/// ```
#[derive(Clone, Default)]
pub struct GraphBuilder {
    steps: Vec<Step>,
    keys: Keys,
    hook: Option<Hook>,
}

#[derive(Clone)]
enum Step {
    Constant(i64),
    Alias(usize),
    Task(Vec<usize>),
}

/// Called with a task's position when the task runs; its error is the task's.
pub type Hook = Arc<dyn Fn(usize) -> Result<(), Failure> + Send + Sync>;

/// How nodes are named.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum Keys {
    /// No two nodes have the same key.
    #[default]
    Unique,
    /// Nodes of one position have the same key, however often they are made.
    Content,
    /// The same, and the key is plain text.
    Text,
}

impl GraphBuilder {
    /// A number that is there already.
    pub fn constant(&mut self, number: i64) -> usize {
        self.add(Step::Constant(number))
    }

    /// A task without inputs.
    pub fn root(&mut self) -> usize {
        self.task(&[])
    }

    /// A second name for a task.
    pub fn alias(&mut self, target: usize) -> usize {
        self.add(Step::Alias(target))
    }

    /// A task over the results of others.
    pub fn task(&mut self, inputs: &[usize]) -> usize {
        self.add(Step::Task(inputs.into()))
    }

    fn add(&mut self, step: Step) -> usize {
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// With keys of this kind.
    #[must_use]
    pub fn keys(self, keys: Keys) -> GraphBuilder {
        GraphBuilder { keys, ..self }
    }

    /// With tasks without inputs in place of constants.
    #[must_use]
    pub fn without_constants(mut self) -> GraphBuilder {
        for step in &mut self.steps {
            if matches!(step, Step::Constant(_)) {
                *step = Step::Task(Vec::new());
            }
        }
        self
    }

    /// With something that every task does first.
    #[must_use]
    pub fn hook(
        self,
        hook: impl Fn(usize) -> Result<(), Failure> + Send + Sync + 'static,
    ) -> GraphBuilder {
        GraphBuilder { hook: Some(Arc::new(hook)), ..self }
    }

    /// How many tasks and constants there are.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The positions that a task refers to.
    pub fn inputs(&self, position: usize) -> &[usize] {
        match &self.steps[position] {
            Step::Constant(_) => &[],
            Step::Alias(target) => std::slice::from_ref(target),
            Step::Task(inputs) => inputs,
        }
    }

    /// Is it a number that is there already?
    pub fn is_constant(&self, position: usize) -> bool {
        matches!(self.steps[position], Step::Constant(_))
    }

    /// Which of the positions some outputs need.
    pub fn needed(&self, outputs: &[usize]) -> Vec<bool> {
        let mut needed = vec![false; self.len()];
        outputs.iter().for_each(|output| needed[*output] = true);
        for position in (0..self.len()).rev() {
            if needed[position] {
                self.inputs(position).iter().for_each(|input| needed[*input] = true);
            }
        }
        needed
    }

    /// What each position gives, computed here and now, without any graph.
    pub fn numbers(&self) -> Vec<i64> {
        let mut numbers: Vec<i64> = Vec::with_capacity(self.len());
        for (position, step) in self.steps.iter().enumerate() {
            numbers.push(match step {
                Step::Constant(number) => *number,
                Step::Alias(target) => numbers[*target],
                Step::Task(inputs) => mix(position, inputs.iter().map(|input| numbers[*input])),
            });
        }
        numbers
    }

    /// A node for each position.
    pub fn nodes(&self, form: Form) -> Vec<Node> {
        let mut nodes: Vec<Node> = Vec::with_capacity(self.len());
        for position in 0..self.len() {
            let inputs = self.inputs(position).iter().map(|input| nodes[*input].clone());
            let inputs: Vec<Node> = inputs.collect();
            nodes.push(self.node(position, inputs, form));
        }
        nodes
    }

    /// The node of a position over these inputs.
    pub fn node(&self, position: usize, inputs: Vec<Node>, form: Form) -> Node {
        match &self.steps[position] {
            Step::Constant(number) => Node::constant(self.key(position), form.value(*number)),
            Step::Alias(_) => {
                Node::over(self.key(position), Arc::new(raskt_graph::function::Alias), inputs)
            }
            Step::Task(_) => Node::over(self.key(position), self.function(position, form), inputs),
        }
    }

    /// The key of a position.
    ///
    /// # Panics
    /// Never: positions are numbers, which serde can write.
    pub fn key(&self, position: usize) -> Key {
        match self.keys {
            Keys::Unique => Key::unique(Prefix::new("mix")),
            Keys::Content => {
                let token = token("mix", &position).expect("a number can be written");
                Key::content(Prefix::new("mix"), token)
            }
            Keys::Text => Key::text(&format!("t{position}")),
        }
    }

    fn function(&self, position: usize, form: Form) -> Arc<dyn Function> {
        let hook = self.hook.clone();
        Arc::new(FromFn::new("mix", move |inputs: &[Value]| {
            if let Some(hook) = &hook {
                hook(position)?;
            }
            Ok(form.value(mix(position, inputs.iter().map(number))))
        }))
    }
}

/// What the task of a position makes of numbers.
fn mix(position: usize, inputs: impl Iterator<Item = i64>) -> i64 {
    const ODD: i64 = 0x1e37_79b9_7f4a_7c15;
    let start = (position as i64).wrapping_add(1).wrapping_mul(ODD);
    inputs.fold(start, |sum, input| (sum.rotate_left(7) ^ input).wrapping_mul(ODD))
}
