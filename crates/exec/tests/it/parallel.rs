//! As many tasks run at once as there are threads, whenever there are as many.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use raskt_exec::Memory;
use raskt_graph::Control;
use raskt_testkit::{Form, GraphBuilder};

use crate::{executor, graph, numbers, settle, wait_until};

/// Runs layers as wide as there are threads, with one task between them. The tasks of a layer
/// wait until all of it runs.
fn layers_run_at_once(threads: usize, has_roots: bool) {
    let mut builder = GraphBuilder::default();
    let mut layers: Vec<Vec<usize>> = Vec::new();
    let mut inputs: Vec<usize> = if has_roots { Vec::new() } else { vec![builder.root()] };
    for _ in 0..20 {
        let layer: Vec<usize> = (0..threads).map(|_| builder.task(&inputs)).collect();
        inputs = vec![builder.task(&layer)];
        layers.push(layer);
    }
    let expected = builder.numbers()[inputs[0]];
    let begun: Vec<AtomicUsize> = layers.iter().map(|_| AtomicUsize::new(0)).collect();
    let builder = builder.hook(move |position| {
        if let Some(layer) = layers.iter().position(|layer| layer.contains(&position)) {
            begun[layer].fetch_add(1, Ordering::SeqCst);
            wait_until("the layer runs", || begun[layer].load(Ordering::SeqCst) == threads);
        }
        Ok(())
    });
    let memory = Arc::new(Memory::unlimited());
    let nodes = builder.nodes(Form::Number);
    let found = executor(threads, &memory).run(graph(&nodes[inputs[0]..]), Control::default());
    assert_eq!(numbers(&found.unwrap()), [expected]);
    settle(&memory);
}

#[test]
fn after_one_task() {
    (1..=8).for_each(|threads| layers_run_at_once(threads, false));
}

#[test]
fn from_the_start() {
    (1..=8).for_each(|threads| layers_run_at_once(threads, true));
}
