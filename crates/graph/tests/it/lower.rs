//! `lower`: nothing lost, nothing twice, nothing too much.

use std::collections::BTreeSet;

use proptest::prelude::*;
use raskt_graph::lower::lower_distinct;
use raskt_graph::{Graph, Key, Node, lower};
use raskt_testkit::{Form, GraphBuilder, Keys, plans};

use crate::outputs_in_order;

fn select<T: Clone>(items: &[T], positions: &[usize]) -> Vec<T> {
    positions.iter().map(|position| items[*position].clone()).collect()
}

fn keys(graph: &Graph) -> BTreeSet<String> {
    graph.ids().map(|id| graph.node(id).key().to_string()).collect()
}

proptest! {
    #[test]
    fn computes_what_the_outputs_need_and_no_more(plan in plans(80)) {
        let (builder, outputs) = (plan.graph(), plan.outputs());
        let nodes = builder.nodes(Form::Number);
        for graph in [lower(&select(&nodes, &outputs)), lower_distinct(&select(&nodes, &outputs))] {
            graph.sanity_check();
            prop_assert_eq!(outputs_in_order(&graph), select(&builder.numbers(), &outputs));
            let needed = builder.needed(&outputs);
            let wanted = nodes.iter().zip(needed).filter(|(_, needed)| *needed);
            let wanted: BTreeSet<String> = wanted.map(|(node, _)| node.key().to_string()).collect();
            prop_assert_eq!(graph.len(), wanted.len());
            prop_assert_eq!(keys(&graph), wanted);
        }
    }

    /// Every use of a task refers to one of three nodes with its key, at random.
    #[test]
    fn nodes_with_one_key_are_one_task(
        plan in plans(60),
        text in any::<bool>(),
        choices in prop::collection::vec(0..3_usize, 1..50),
    ) {
        let kind = if text { Keys::Text } else { Keys::Content };
        let (builder, outputs) = (plan.graph().keys(kind), plan.outputs());
        let mut choice = choices.iter().cycle();
        let mut copies: Vec<[Node; 3]> = Vec::new();
        for position in 0..builder.len() {
            copies.push([(); 3].map(|()| {
                let inputs = builder.inputs(position).iter();
                let inputs = inputs.map(|input| copies[*input][*choice.next().unwrap()].clone());
                builder.node(position, inputs.collect(), Form::Number)
            }));
        }
        let chosen: Vec<Node> = outputs
            .iter()
            .map(|output| copies[*output][*choice.next().unwrap()].clone())
            .collect();
        let graph = lower(&chosen);
        graph.sanity_check();
        prop_assert_eq!(outputs_in_order(&graph), select(&builder.numbers(), &outputs));
        let needed = builder.needed(&outputs).into_iter().filter(|needed| *needed).count();
        prop_assert_eq!(graph.len(), needed);
    }
}

#[test]
fn of_two_nodes_with_one_key_the_older_counts_whichever_is_found_first() {
    let mut builder = GraphBuilder::default();
    let (a, b) = (builder.constant(1), builder.constant(2));
    let nodes = builder.nodes(Form::Number);
    let twice = |input: usize| Node::alias(Key::text("twice"), nodes[input].clone());
    let (older, younger) = (twice(a), twice(b));
    for outputs in [[older.clone(), younger.clone()], [younger, older]] {
        let graph = lower(&outputs);
        graph.sanity_check();
        assert_eq!(outputs_in_order(&graph), [1, 1]);
        assert_eq!(graph.len(), 2, "what only the younger one needs is left out");
    }
}

#[test]
fn a_key_can_be_given_again_below_itself() {
    let x = Node::constant(Key::text("x"), Form::Number.value(1));
    let y = Node::alias(Key::text("y"), x);
    let again = Node::alias(Key::text("x"), y.clone());
    let z = Node::alias(Key::text("z"), again);
    let graph = lower(&[z, y]);
    graph.sanity_check();
    assert_eq!(graph.len(), 3);
    assert_eq!(outputs_in_order(&graph), [1, 1]);
}

#[test]
fn corner_cases() {
    let empty = lower(&[]);
    empty.sanity_check();
    assert!(empty.is_empty() && empty.outputs().is_empty());

    let mut builder = GraphBuilder::default();
    let a = builder.constant(5);
    let b = builder.task(&[a, a]);
    let nodes = builder.nodes(Form::Number);
    let graph = lower(&select(&nodes, &[b, a, b]));
    graph.sanity_check();
    assert_eq!(graph.len(), 2);
    assert_eq!(outputs_in_order(&graph), select(&builder.numbers(), &[b, a, b]));
    let id = graph.outputs()[1];
    assert!(graph.is_constant(id));
    assert_eq!(graph.dependents(id).len(), 2, "a result taken twice has two edges");
}

#[test]
fn nodes_far_apart_are_found() {
    let mut builder = GraphBuilder::default();
    let mut kept = vec![builder.root()];
    for i in 1..3000 {
        let before = kept[kept.len() - 1];
        let task = builder.task(&[before]);
        if i % 97 == 0 {
            kept.push(task);
        }
    }
    let nodes = builder.nodes(Form::Number);
    let graph = lower(&select(&nodes, &kept));
    graph.sanity_check();
    assert_eq!(outputs_in_order(&graph), select(&builder.numbers(), &kept));
}
