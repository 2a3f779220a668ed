//! A million tasks: everything is linear, nothing recurses, memory stays small.

use std::sync::Arc;

use raskt_graph::function::FromFn;
use raskt_graph::optimize::{fuse, inline};
use raskt_graph::{Function, Key, Node, Prefix, Value, lower};
use raskt_testkit::{alone, peak_bytes};

const TASKS: usize = 1_000_000;

fn step() -> Arc<dyn Function> {
    Arc::new(FromFn::new("step", |args: &[Value]| {
        Ok(args.first().map_or(Value::new(0), Clone::clone))
    }))
}

fn key() -> Key {
    Key::unique(Prefix::new("step"))
}

fn check_peak() {
    if let Some(peak) = peak_bytes() {
        assert!(peak < 1_000_000_000, "{} MB were in use", peak / 1_000_000);
    }
}

#[test]
fn in_a_chain() {
    alone("million::in_a_chain", "", || {
        let step = step();
        let mut node = Node::over(key(), step.clone(), []);
        for _ in 1..TASKS {
            node = Node::over(key(), step.clone(), [node]);
        }
        let outputs = [node];
        let graph = lower(&outputs);
        assert_eq!(graph.len(), TASKS);
        graph.sanity_check();
        assert_eq!(raskt_graph::explain::longest_path(&graph), TASKS);
        assert_eq!(lower(&fuse(&graph)).len(), 1);
        let inlined = lower(&inline(&graph, |_| true));
        assert!(inlined.len() < TASKS / 10, "{} tasks are left", inlined.len());
        drop((outputs, graph, inlined));
        check_peak();
    });
}

#[test]
fn side_by_side() {
    alone("million::side_by_side", "", || {
        let step = step();
        let leaves: Vec<Node> = (1..TASKS).map(|_| Node::over(key(), step.clone(), [])).collect();
        let outputs = [Node::over(key(), step, leaves)];
        let graph = lower(&outputs);
        assert_eq!(graph.len(), TASKS);
        graph.sanity_check();
        assert_eq!(lower(&fuse(&graph)).len(), TASKS, "there are no chains");
        drop((outputs, graph));
        check_peak();
    });
}

/// A thousand layers of a thousand, whose keys are given as text: all are looked up.
#[test]
fn in_layers_with_keys_of_text() {
    alone("million::in_layers_with_keys_of_text", "", || {
        let step = step();
        let mut layer: Vec<Node> = Vec::new();
        for depth in 0..1000 {
            let make = |i: usize| {
                let inputs: Vec<Node> = layer.iter().skip(i).take(2).cloned().collect();
                Node::over(Key::text(&format!("{depth}-{i}")), step.clone(), inputs)
            };
            layer = (0..1000).map(make).collect();
        }
        let graph = lower(&layer);
        assert_eq!(graph.len(), TASKS);
        drop((layer, graph));
        check_peak();
    });
}
