//! A million tasks: they run and go without recursion, in less than a gigabyte.

use std::sync::Arc;

use raskt_exec::Memory;
use raskt_graph::function::FromFn;
use raskt_graph::{Control, Function, Key, Node, Prefix, Value};
use raskt_testkit::{alone, peak_bytes};

use crate::{executor, graph, settle};

const TASKS: usize = 1_000_000;

/// One more than the sum of the inputs.
fn count() -> Arc<dyn Function> {
    Arc::new(FromFn::new("count", |inputs: &[Value]| {
        let sum: i64 = inputs.iter().map(|value| *value.get::<i64>().unwrap()).sum();
        Ok(Value::new(sum + 1))
    }))
}

fn key() -> Key {
    Key::unique(Prefix::new("count"))
}

fn check(output: Node) {
    let graph = graph(&[output]);
    assert_eq!(graph.len(), TASKS);
    // With a limit that is never reached, and one that always is, with nothing to move.
    for (threads, limit) in [(0, 1 << 40), (2, 1 << 40), (2, 1 << 20)] {
        let memory = Arc::new(Memory::new(Some(limit), std::env::temp_dir()));
        let found = executor(threads, &memory).run(graph.clone(), Control::default()).unwrap();
        assert_eq!(found[0].get::<i64>(), Some(&(TASKS as i64)));
        settle(&memory);
    }
    drop(graph);
    if let Some(peak) = peak_bytes() {
        assert!(peak < 1_000_000_000, "{} MB were in use", peak / 1_000_000);
    }
}

#[test]
fn in_a_chain() {
    alone("million::in_a_chain", "", || {
        let count = count();
        let mut node = Node::over(key(), count.clone(), []);
        for _ in 1..TASKS {
            node = Node::over(key(), count.clone(), [node]);
        }
        check(node);
    });
}

#[test]
fn side_by_side() {
    alone("million::side_by_side", "", || {
        let count = count();
        let leaves: Vec<Node> = (1..TASKS).map(|_| Node::over(key(), count.clone(), [])).collect();
        check(Node::over(key(), count, leaves));
    });
}
