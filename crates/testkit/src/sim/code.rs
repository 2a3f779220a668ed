//! What the tasks of a run compute, and what each should give: [`Code`].

use std::collections::BTreeSet;
use std::sync::Arc;

use raskt_graph::{Call, Function, Value};
use raskt_wire::Terms;

use crate::sim::plan::Plan;
use crate::sim::rng::Rng;
use crate::{Form, GraphBuilder, Shape, number, shapes::SHAPES};

/// One task or piece of data that clients may ask for, by its place in [`Code`].
pub(crate) struct Item {
    pub(crate) key: Arc<str>,
    /// Places of what it takes, in order.
    pub(crate) inputs: Vec<usize>,
    /// None: data that a client brings.
    function: Option<Arc<dyn Function>>,
    /// What it gives: computed here, one after the other.
    pub(crate) expected: i64,
    pub(crate) nbytes: u64,
    pub(crate) duration_us: u64,
    /// How many of its runs fail first; `u32::MAX`: all.
    pub(crate) failures: u32,
    pub(crate) is_killer: bool,
    pub(crate) is_unreadable: bool,
    pub(crate) terms: Terms,
    /// All that it needs, itself included.
    pub(crate) ancestors: BTreeSet<usize>,
    /// How often it has failed so far.
    pub(crate) failed: u32,
}

impl Item {
    pub(crate) fn is_data(&self) -> bool {
        self.function.is_none()
    }
}

/// All tasks and data of a run.
#[derive(Default)]
pub(crate) struct Code {
    pub(crate) items: Vec<Item>,
    /// The places of each graph's tasks.
    pub(crate) graphs: Vec<std::ops::Range<usize>>,
}

impl Code {
    /// Makes a graph whose roots may take `outside` results.
    pub(crate) fn add_graph(&mut self, plan: &Plan, rng: &mut Rng, outside: &[usize]) -> usize {
        let shape = rng.pick(&SHAPES).unwrap_or(Shape::Random);
        let tasks = 1 + rng.below(plan.tasks);
        let shapes = crate::Plan { shape, tasks, seed: rng.next() };
        let graph = shapes.graph().without_constants();
        let first = self.items.len();
        for position in 0..graph.len() {
            let mut inputs: Vec<usize> =
                graph.inputs(position).iter().map(|input| first + input).collect();
            if inputs.is_empty() && rng.chance(0.5) {
                inputs.extend(rng.pick(outside));
            }
            self.add_task(plan, rng, &graph, position, inputs);
        }
        self.graphs.push(first..self.items.len());
        self.graphs.len() - 1
    }

    fn add_task(
        &mut self,
        plan: &Plan,
        rng: &mut Rng,
        graph: &GraphBuilder,
        position: usize,
        inputs: Vec<usize>,
    ) {
        let place = self.items.len();
        // The node gives only what it calls: its inputs are those of this run.
        let own: Vec<_> = graph.inputs(position).iter().map(|_| constant()).collect();
        let function = graph.node(position, own, Form::Number).function().clone();
        let values: Vec<Value> =
            inputs.iter().map(|input| Value::new(self.items[*input].expected)).collect();
        let expected = call(&function, &values);
        let rates = &plan.rates;
        let is_unreadable = rng.chance(rates.unreadable);
        let terms = new_terms(plan, rng);
        // What cannot be spilled is small: a worker that is full of it would rightly pause.
        let max_bytes = if is_unreadable || terms.actor { 100 } else { 300_000 };
        let fails = rng.chance(rates.errors);
        let failures = if !fails { 0 } else { rng.pick(&[1, 2, u32::MAX]).unwrap_or(1) };
        let mut ancestors: BTreeSet<usize> = BTreeSet::from([place]);
        for input in &inputs {
            ancestors.extend(&self.items[*input].ancestors);
        }
        self.items.push(Item {
            key: format!("t{place}").into(),
            inputs,
            function: Some(function),
            expected,
            nbytes: rng.spread(8, max_bytes),
            duration_us: rng.spread(100, 800_000),
            failures,
            is_killer: rng.chance(rates.killers),
            is_unreadable,
            terms,
            ancestors,
            failed: 0,
        });
    }

    /// Makes a piece of data.
    pub(crate) fn add_data(&mut self, rng: &mut Rng) -> usize {
        let place = self.items.len();
        self.items.push(Item {
            key: format!("d{place}").into(),
            inputs: Vec::new(),
            function: None,
            expected: rng.next() as i64,
            nbytes: rng.spread(8, 300_000),
            duration_us: 0,
            failures: 0,
            is_killer: false,
            is_unreadable: false,
            terms: Terms::default(),
            ancestors: BTreeSet::from([place]),
            failed: 0,
        });
        place
    }

    /// What the task gives for these inputs.
    pub(crate) fn run(&self, place: usize, inputs: &[i64]) -> i64 {
        let values: Vec<Value> = inputs.iter().map(|input| Value::new(*input)).collect();
        let function = self.items[place].function.as_ref();
        call(function.expect("data is never ordered to be computed"), &values)
    }

    pub(crate) fn by_key(&self, key: &str) -> Option<usize> {
        let place: usize = key.get(1..)?.parse().ok()?;
        (self.items.get(place).is_some_and(|item| &*item.key == key)).then_some(place)
    }
}

fn constant() -> raskt_graph::Node {
    let mut graph = GraphBuilder::default();
    let zero = graph.constant(0);
    graph.node(zero, Vec::new(), Form::Number)
}

fn call(function: &Arc<dyn Function>, values: &[Value]) -> i64 {
    number(&function.call(Call::new(None, values)).expect("these functions never fail"))
}

fn new_terms(plan: &Plan, rng: &mut Rng) -> Terms {
    let mut terms = Terms { actor: rng.chance(plan.rates.actors), ..Terms::default() };
    if plan.rates.errors > 0.0 {
        terms.retries = rng.below(4) as u32;
    }
    if rng.chance(plan.rates.terms) {
        match rng.below(3) {
            0 => terms.resources = vec![("GPU".into(), 1.0)],
            1 => {
                terms.workers = vec![format!("worker-{}", rng.below(plan.workers)).into()];
                terms.allow_other_workers = rng.chance(0.5);
            }
            _ => terms.priority = rng.below(5) as i32 - 2,
        }
    }
    terms
}
