//! `fuse` and `inline`: fewer tasks, equal results.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use raskt_graph::function::FromFn;
use raskt_graph::optimize::{fuse, inline};
use raskt_graph::{Annotations, Arg, Call, Failure, Function, Graph, Key, Node, Value, lower};
use raskt_testkit::{Form, GraphBuilder, evaluate, number, plans};

use crate::outputs_in_order;

fn annotations(name: &str) -> Arc<Annotations> {
    Arc::new(BTreeMap::from([(name.to_string(), Value::new(true))]))
}

/// The nodes of a plan, of which every third has annotations.
fn annotated(builder: &GraphBuilder) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for position in 0..builder.len() {
        let inputs = builder.inputs(position).iter().map(|input| nodes[*input].clone());
        let node = builder.node(position, inputs.collect(), Form::Number);
        nodes.push(match position % 3 {
            0 => node.with_annotations(annotations(&position.to_string())),
            _ => node,
        });
    }
    nodes
}

/// Names of all annotations in a graph, in no order.
fn annotation_names(graph: &Graph) -> Vec<String> {
    let all = graph.ids().filter_map(|id| graph.node(id).annotations());
    let mut names: Vec<String> = all.flat_map(|found| found.keys().cloned()).collect();
    names.sort_unstable();
    names
}

fn keys(nodes: &[Node]) -> Vec<String> {
    nodes.iter().map(|node| node.key().to_string()).collect()
}

proptest! {
    #[test]
    fn give_equal_results(plan in plans(60), cheap in any::<u64>(), some in any::<bool>()) {
        let builder = plan.graph();
        let nodes = if some { annotated(&builder) } else { builder.nodes(Form::Number) };
        let outputs: Vec<Node> = plan.outputs().iter().map(|i| nodes[*i].clone()).collect();
        let graph = lower(&outputs);
        let expected: Vec<i64> = plan.outputs().iter().map(|i| builder.numbers()[*i]).collect();
        let is_cheap = |node: &Node| cheap >> (node.serial() % 64) & 1 == 1;
        let fused = fuse(&graph);
        let inlined = inline(&graph, is_cheap);
        let both = inline(&lower(&fused), is_cheap);
        for changed in [fused, inlined, both] {
            prop_assert_eq!(keys(&changed), keys(&outputs), "outputs and their names are kept");
            let smaller = lower(&changed);
            smaller.sanity_check();
            prop_assert!(smaller.len() <= graph.len());
            prop_assert_eq!(annotation_names(&smaller), annotation_names(&graph));
            prop_assert_eq!(outputs_in_order(&smaller), expected.clone());
            let values = evaluate(&changed).unwrap();
            prop_assert_eq!(values.iter().map(number).collect::<Vec<_>>(), expected.clone());
        }
    }

    #[test]
    fn fusing_twice_changes_nothing(plan in plans(60)) {
        let nodes = plan.graph().nodes(Form::Number);
        let outputs: Vec<Node> = plan.outputs().iter().map(|i| nodes[*i].clone()).collect();
        let once = fuse(&lower(&outputs));
        let twice = fuse(&lower(&once));
        let serials = |nodes: &[Node]| nodes.iter().map(Node::serial).collect::<Vec<_>>();
        prop_assert_eq!(serials(&once), serials(&twice), "the very same nodes");
    }
}

#[test]
fn annotations_are_for_one_node_only() {
    let plain = Node::constant(Key::text("x"), Form::Number.value(1));
    let marked = plain.clone().with_annotations(annotations("a"));
    assert!(plain.annotations().is_none());
    assert!(marked.annotations().is_some_and(|found| found.contains_key("a")));
    let (serial, key) = (marked.serial(), marked.key().clone());
    let again = marked.with_annotations(annotations("b"));
    assert!(again.annotations().is_some_and(|found| found.contains_key("b")));
    assert_eq!((again.serial(), again.key()), (serial, &key), "nobody else has it: the same node");
}

#[test]
fn fuse_makes_one_task_of_a_chain_but_keeps_constants_and_outputs() {
    //  constant - t1 - t2 - t3(output) - t4 - t5
    let mut builder = GraphBuilder::default();
    let mut last = builder.constant(3);
    for _ in 1..=5 {
        last = builder.task(&[last]);
    }
    let nodes = builder.nodes(Form::Number);
    let graph = lower(&fuse(&lower(&[nodes[5].clone(), nodes[3].clone()])));
    assert_eq!(graph.len(), 3);
    assert_eq!(outputs_in_order(&graph), [builder.numbers()[5], builder.numbers()[3]]);
    let names: Vec<&str> = graph.ids().map(|id| graph.node(id).function().name()).collect();
    assert_eq!(names, ["constant", "mix-mix-mix", "mix-mix"]);
}

#[test]
fn inline_puts_constants_and_cheap_calls_into_their_users() {
    let mut builder = GraphBuilder::default();
    let a = builder.constant(3);
    let b = builder.task(&[a]);
    let c = builder.task(&[b, b, a]);
    let nodes = builder.nodes(Form::Number);
    let graph = lower(&inline(&lower(&nodes[c..]), |_| true));
    assert_eq!(graph.len(), 1);
    assert_eq!(outputs_in_order(&graph), [builder.numbers()[c]]);
}

#[test]
fn inline_does_not_grow_tasks_without_bounds() {
    // Each takes the one before twice: inlined all the way, that is 2^60 calls.
    let twice: Arc<dyn Function> =
        Arc::new(FromFn::new("twice", |args: &[Value]| Ok(args[0].clone())));
    let mut node = Node::constant(Key::text("start"), Form::Number.value(7));
    for i in 0..60 {
        let args = [Arg::Input(0), Arg::Input(0)];
        node = Node::new(Key::text(&format!("n{i}")), twice.clone(), args, [node]);
    }
    let graph = lower(&inline(&lower(&[node]), |_| true));
    assert!((2..30).contains(&graph.len()), "{} tasks", graph.len());
    assert_eq!(outputs_in_order(&graph), [7]);
}

/// Must be called in a scope.
struct Scoped;

impl Function for Scoped {
    fn name(&self) -> &str {
        "scoped"
    }

    fn call(&self, call: Call<'_>) -> Result<Value, Failure> {
        call.value(0)
    }

    fn needs_scope(&self) -> bool {
        true
    }
}

#[test]
fn what_needs_a_scope_goes_only_into_what_has_one() {
    let start = Node::constant(Key::text("start"), Form::Number.value(7));
    let inner = Node::over(Key::text("inner"), Arc::new(Scoped), [start]);
    let outer = Node::over(Key::text("outer"), Arc::new(Scoped), [inner.clone()]);
    let plain = Node::alias(Key::text("plain"), inner.clone());
    let into_scoped = lower(&inline(&lower(&[outer]), |_| true));
    assert_eq!(into_scoped.len(), 1);
    let into_plain = lower(&inline(&lower(std::slice::from_ref(&plain)), |_| true));
    assert_eq!(into_plain.len(), 2);
    // A fused task needs what its parts need.
    let fused = lower(&fuse(&lower(&[plain])));
    assert!(fused.node(fused.outputs()[0]).function().needs_scope());
}

#[test]
fn the_error_of_a_part_is_the_error_of_the_whole() {
    let fails: Arc<dyn Function> =
        Arc::new(FromFn::new("fails", |_: &[Value]| Err("out of luck".into())));
    let a = Node::over(Key::text("a"), fails, []);
    let b = Node::alias(Key::text("b"), a);
    let c = Node::alias(Key::text("c"), b);
    let graph = lower(&[c]);
    for changed in [fuse(&graph), inline(&graph, |_| true)] {
        assert_eq!(lower(&changed).len(), 1);
        assert_eq!(evaluate(&changed).unwrap_err().to_string(), "out of luck");
    }
}
