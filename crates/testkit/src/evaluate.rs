//! Computing nodes naively: [`evaluate`].

use raskt_graph::hash::Map;
use raskt_graph::{Call, Failure, Node, Value};

/// The values of `outputs`: each node computed once, one after the other, without a graph, an
/// order or an executor. Takes no stack.
///
/// # Errors
/// The first task's error.
pub fn evaluate(outputs: &[Node]) -> Result<Vec<Value>, Failure> {
    let mut values: Map<u64, Value> = Map::default();
    let mut todo: Vec<Node> = outputs.to_vec();
    while let Some(node) = todo.last().cloned() {
        let missing = |input: &&Node| !values.contains_key(&input.serial());
        let before = todo.len();
        todo.extend(node.inputs().iter().filter(missing).cloned());
        if todo.len() > before {
            continue;
        }
        todo.pop();
        if missing(&&node) {
            let inputs = node.inputs().iter().map(|input| values[&input.serial()].clone());
            let inputs: Vec<Value> = inputs.collect();
            let value = node.function().call(Call::new(node.args(), &inputs))?;
            values.insert(node.serial(), value);
        }
    }
    Ok(outputs.iter().map(|output| values[&output.serial()].clone()).collect())
}
