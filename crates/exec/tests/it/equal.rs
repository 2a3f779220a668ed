//! Whoever runs a graph, on however many threads, with however little memory: equal results.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use raskt_exec::Memory;
use raskt_graph::optimize::{fuse, inline};
use raskt_graph::{Graph, Node, lower};
use raskt_testkit::{Form, Heard, Plan, Recorder, plans};

use crate::{Budget, executor, heard_by, numbers, select, settle};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Optimize {
    Nothing,
    Fuse,
    Inline,
}

fn optimizations() -> impl Strategy<Value = Optimize> {
    prop_oneof![Just(Optimize::Nothing), Just(Optimize::Fuse), Just(Optimize::Inline)]
}

fn graph_of(plan: Plan, form: Form, optimize: Optimize) -> Arc<Graph> {
    let nodes = plan.graph().nodes(form);
    let graph = lower(&select(&nodes, &plan.outputs()));
    let changed = match optimize {
        Optimize::Nothing => return Arc::new(graph),
        Optimize::Fuse => fuse(&graph),
        Optimize::Inline => inline(&graph, |node: &Node| node.serial().is_multiple_of(3)),
    };
    Arc::new(lower(&changed))
}

/// What every run tells: each task begins and ends once, after its inputs; then the run ends.
/// (After that, a thread that moves results may still tell of the last.)
fn check_events(graph: &Graph, heard: &[Heard]) {
    let tasks = graph.ids().filter(|id| !graph.is_constant(*id));
    for task in tasks {
        let place = |wanted: Heard| -> Vec<usize> {
            let found = heard.iter().enumerate().filter(|(_, heard)| **heard == wanted);
            found.map(|(place, _)| place).collect()
        };
        let (started, finished) = (place(Heard::Started(task)), place(Heard::Finished(task)));
        assert!(started.len() == 1 && finished.len() == 1, "{task:?} runs once");
        assert!(started < finished);
        for dep in graph.dependencies(task).iter().filter(|dep| !graph.is_constant(**dep)) {
            assert!(place(Heard::Finished(*dep)) < started, "{dep:?} is there before {task:?}");
        }
    }
    assert_eq!(heard.first(), Some(&Heard::Began));
    let mut last = heard.iter().rev().skip_while(|heard| matches!(heard, Heard::Spilled(..)));
    assert_eq!(last.next(), Some(&Heard::Ended(true)));
}

proptest! {
    #[test]
    fn with_all_the_memory(plan in plans(80), threads in 0..=8_usize, optimize in optimizations()) {
        let memory = Arc::new(Memory::unlimited());
        let graph = graph_of(plan, Form::Number, optimize);
        let recorder = Arc::new(Recorder::default());
        let found = executor(threads, &memory).run(graph.clone(), heard_by(&recorder)).unwrap();
        prop_assert_eq!(numbers(&found), select(&plan.graph().numbers(), &plan.outputs()));
        check_events(&graph, &recorder.heard());
        drop(found);
        settle(&memory);
    }

    /// In the order of the graph, which is made by playing through it with one thread.
    #[test]
    fn one_thread_keeps_to_the_order(plan in plans(80)) {
        let memory = Arc::new(Memory::unlimited());
        let nodes = plan.graph().without_constants().nodes(Form::Number);
        let graph = Arc::new(lower(&select(&nodes, &plan.outputs())));
        let recorder = Arc::new(Recorder::default());
        executor(0, &memory).run(graph.clone(), heard_by(&recorder)).unwrap();
        let heard = recorder.heard();
        let started = heard.iter().filter_map(|heard| match heard {
            Heard::Started(task) => Some(*task),
            _ => None,
        });
        prop_assert!(started.eq(graph.ids()), "{heard:?}");
    }
}

/// Values of 100 KB, of which five to ten fit.
#[test]
fn with_little_memory() {
    let form = prop_oneof![Just(Form::Bytes(100_000)), Just(Form::Floats(12_500))];
    let cases = (plans(60), form, 0..=8_usize, optimizations(), 5..=10_usize);
    let spilled = AtomicUsize::new(0);
    let loaded = AtomicUsize::new(0);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(200));
    let result = runner.run(&cases, |(plan, form, threads, optimize, fit)| {
        let budget = Budget::new(fit * 100_000);
        let graph = graph_of(plan, form, optimize);
        let recorder = Arc::new(Recorder::default());
        let found = executor(threads, &budget.memory).run(graph.clone(), heard_by(&recorder));
        let found = found.unwrap();
        prop_assert_eq!(numbers(&found), select(&plan.graph().numbers(), &plan.outputs()));
        check_events(&graph, &recorder.heard());
        let moved = recorder.count(|heard| matches!(heard, Heard::Spilled(..)));
        spilled.fetch_add(moved, Ordering::Relaxed);
        let back = recorder.count(|heard| matches!(heard, Heard::Loaded(..)));
        loaded.fetch_add(back, Ordering::Relaxed);
        drop(found);
        budget.settle();
        Ok(())
    });
    result.unwrap();
    let (spilled, loaded) = (spilled.into_inner(), loaded.into_inner());
    assert!(spilled > 100 && loaded > 100, "{spilled} results were moved, {loaded} came back");
}
