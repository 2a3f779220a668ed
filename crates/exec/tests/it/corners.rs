//! Graphs at the edge: empty, of constants only, with outputs that are inputs or repeated.

use std::sync::Arc;

use raskt_exec::{Memory, Options, Synchronous, Threads};
use raskt_graph::{Control, Executor};
use raskt_testkit::{Form, GraphBuilder, Heard, Recorder};

use crate::{executor, graph, heard_by, numbers, select, settle};

/// Runs a graph in all ways.
#[track_caller]
fn check(builder: &GraphBuilder, outputs: &[usize]) {
    let nodes = builder.nodes(Form::Number);
    for threads in [0, 1, 2, 5] {
        let memory = Arc::new(Memory::new(Some(1), std::env::temp_dir()));
        let recorder = Arc::new(Recorder::default());
        let graph = graph(&select(&nodes, outputs));
        let found = executor(threads, &memory).run(graph, heard_by(&recorder)).unwrap();
        assert_eq!(numbers(&found), select(&builder.numbers(), outputs), "{threads} threads");
        let heard = recorder.heard();
        assert_eq!((heard[0], heard[heard.len() - 1]), (Heard::Began, Heard::Ended(true)));
        settle(&memory);
    }
}

#[test]
fn nothing_at_all() {
    check(&GraphBuilder::default(), &[]);
}

#[test]
fn constants_as_outputs() {
    let mut builder = GraphBuilder::default();
    let a = builder.constant(1);
    let b = builder.constant(2);
    check(&builder, &[a, b, a]);
    let c = builder.task(&[a, b]);
    check(&builder, &[a, c, b]);
}

#[test]
fn outputs_that_are_inputs_and_repeated() {
    let mut builder = GraphBuilder::default();
    let a = builder.root();
    let b = builder.task(&[a]);
    let c = builder.task(&[a, b]);
    check(&builder, &[c, b, a, b, c, c]);
}

#[test]
fn repeated_inputs_and_second_names() {
    let mut builder = GraphBuilder::default();
    let a = builder.root();
    let b = builder.alias(a);
    let c = builder.alias(b);
    let d = builder.task(&[a, c, a, a, c]);
    check(&builder, &[d]);
    check(&builder, &[c, d]);
}

#[test]
fn no_workers_are_one() {
    let mut builder = GraphBuilder::default();
    let a = builder.root();
    let b = builder.task(&[a, a]);
    let nodes = builder.nodes(Form::Number);
    let none = Options { workers: 0, ..Options::new(1) };
    let threads = Threads::new(none.clone()).run(graph(&nodes[b..]), Control::default());
    assert_eq!(numbers(&threads.unwrap()), [builder.numbers()[b]]);
    let synchronous = Synchronous::new(none).run(graph(&nodes[b..]), Control::default());
    assert_eq!(numbers(&synchronous.unwrap()), [builder.numbers()[b]]);
}

#[test]
fn one_graph_can_run_many_times_at_once() {
    let mut builder = GraphBuilder::default();
    let leaves: Vec<usize> = (0..100).map(|_| builder.root()).collect();
    let sum = builder.task(&leaves);
    let graph = graph(&builder.nodes(Form::Number)[sum..]);
    let memory = Arc::new(Memory::unlimited());
    std::thread::scope(|scope| {
        for threads in 0..6 {
            let (graph, memory) = (graph.clone(), memory.clone());
            let expected = builder.numbers()[sum];
            scope.spawn(move || {
                for _ in 0..20 {
                    let run = executor(threads, &memory).run(graph.clone(), Control::default());
                    assert_eq!(numbers(&run.unwrap()), [expected]);
                }
            });
        }
    });
    settle(&memory);
}

/// A task that runs a graph of its own: its thread must not be needed by that graph.
#[test]
fn a_task_can_compute_a_graph() {
    let mut inner = GraphBuilder::default();
    let leaves: Vec<usize> = (0..10).map(|_| inner.root()).collect();
    let sum = inner.task(&leaves);
    let memory = Arc::new(Memory::unlimited());
    let mut outer = GraphBuilder::default();
    let all: Vec<usize> = (0..20).map(|_| outer.root()).collect();
    let last = outer.task(&all);
    let (ledger, expected) = (memory.clone(), inner.numbers()[sum]);
    let expected_outer = outer.numbers()[last];
    let outer = outer.hook(move |_| {
        let graph = graph(&inner.nodes(Form::Number)[sum..]);
        let found = executor(2, &ledger).run(graph, Control::default())?;
        assert_eq!(numbers(&found), [expected]);
        Ok(())
    });
    let nodes = outer.nodes(Form::Number);
    let found = executor(3, &memory).run(graph(&nodes[last..]), Control::default()).unwrap();
    assert_eq!(numbers(&found), [expected_outer]);
    drop((outer, nodes));
    settle(&memory);
}
