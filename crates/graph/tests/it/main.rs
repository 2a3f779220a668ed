//! Tests of the task graph: random graphs against naive answers, and very long ones.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cycle;
mod keys;
mod lower;
mod million;
mod optimize;
mod order;
mod tokens;

use raskt_graph::{Call, Graph, Value};

/// The values of all tasks, computed in the order of the graph.
fn run_in_order(graph: &Graph) -> Vec<Value> {
    let mut values: Vec<Value> = Vec::with_capacity(graph.len());
    for id in graph.ids() {
        let inputs = graph.dependencies(id).iter().map(|dep| values[dep.index()].clone());
        let inputs: Vec<Value> = inputs.collect();
        let node = graph.node(id);
        values.push(node.function().call(Call::new(node.args(), &inputs)).unwrap());
    }
    values
}

/// The numbers that a graph's outputs stand for.
fn outputs_in_order(graph: &Graph) -> Vec<i64> {
    let values = run_in_order(graph);
    graph.outputs().iter().map(|output| raskt_testkit::number(&values[output.index()])).collect()
}
