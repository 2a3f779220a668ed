//! The order of tasks: topological, complete, the same every time, and sparing with memory.

use proptest::prelude::*;
use raskt_graph::{Graph, lower};
use raskt_testkit::{Form, GraphBuilder, plans};

/// How many results are held at once, at most, when tasks run in the order of the graph and
/// each result is dropped after its last use.
fn most_held(graph: &Graph) -> usize {
    let mut uses: Vec<usize> = graph.ids().map(|id| graph.dependents(id).len()).collect();
    graph.outputs().iter().for_each(|output| uses[output.index()] += 1);
    let (mut held, mut most) = (0_usize, 0);
    for id in graph.ids() {
        held += 1;
        most = most.max(held);
        for dep in graph.dependencies(id) {
            uses[dep.index()] -= 1;
            held -= usize::from(uses[dep.index()] == 0);
        }
        held -= usize::from(uses[id.index()] == 0);
    }
    most
}

fn lowered(builder: &GraphBuilder, outputs: &[usize]) -> Graph {
    let nodes = builder.nodes(Form::Number);
    let graph = lower(&outputs.iter().map(|i| nodes[*i].clone()).collect::<Vec<_>>());
    graph.sanity_check();
    graph
}

proptest! {
    #[test]
    fn is_the_same_every_time(plan in plans(80)) {
        let shape = |graph: &Graph| -> Vec<Vec<usize>> {
            let row = |id| graph.dependencies(id).iter().map(|dep| dep.index()).collect();
            graph.ids().map(row).collect()
        };
        let (builder, outputs) = (plan.graph(), plan.outputs());
        prop_assert_eq!(shape(&lowered(&builder, &outputs)), shape(&lowered(&builder, &outputs)));
    }

    /// Making the order afresh from a graph that is in order already must not make it worse.
    #[test]
    fn does_not_depend_on_the_order_in_which_independent_chains_are_made(
        chains in 1..40_usize,
        length in 1..20_usize,
    ) {
        let mut builder = GraphBuilder::default();
        let mut ends: Vec<usize> = (0..chains).map(|_| builder.root()).collect();
        for _ in 1..length {
            // One task of each chain at a time, so that the numbers of nodes say nothing.
            for end in &mut ends {
                *end = builder.task(&[*end]);
            }
        }
        let graph = lowered(&builder, &ends);
        // While a task runs there are its input, its result, and the ends before it.
        prop_assert!(most_held(&graph) <= chains + 1);
    }
}

#[test]
fn a_tree_holds_one_result_a_level() {
    let mut builder = GraphBuilder::default();
    let mut level: Vec<usize> = (0..1024).map(|_| builder.root()).collect();
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| builder.task(pair)).collect();
    }
    let graph = lowered(&builder, &level);
    assert!(most_held(&graph) <= 12, "{} results are held at once", most_held(&graph));
}

#[test]
fn a_chunk_is_used_by_all_that_need_it_before_the_next_is_loaded() {
    // load -> mapped -> partial a, partial b; the partial results go into two sums.
    let mut builder = GraphBuilder::default();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let chunks = 100;
    for _ in 0..chunks {
        let load = builder.root();
        let mapped = builder.task(&[load]);
        a.push(builder.task(&[mapped]));
        b.push(builder.task(&[mapped, load]));
    }
    let outputs = [builder.task(&a), builder.task(&b)];
    let graph = lowered(&builder, &outputs);
    // Two partial results a chunk, and what one chunk is made of.
    assert!(most_held(&graph) <= 2 * chunks + 3, "{} are held at once", most_held(&graph));
}

#[test]
fn the_most_demanding_input_comes_first() {
    // A small input and a large one: the small one's result must not wait for the large one.
    let mut builder = GraphBuilder::default();
    let small = builder.root();
    let mut level: Vec<usize> = (0..64).map(|_| builder.root()).collect();
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| builder.task(pair)).collect();
    }
    let sum = builder.task(&[small, level[0]]);
    let graph = lowered(&builder, &[sum]);
    assert!(most_held(&graph) <= 8, "{} results are held at once", most_held(&graph));
}
