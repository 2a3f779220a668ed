//! The production scheduler keeps up with the best of other policies where it does today, on
//! graphs that are small enough for every run of the tests. The example of the same name
//! prints all.

use raskt_testkit::quality::graphs::{self, Graph};
use raskt_testkit::quality::machine::{Cluster, run};
use raskt_testkit::quality::ours::Ours;
use raskt_testkit::quality::{Comparison, compare};

fn compared(graph: &Graph) -> Comparison {
    compare(Cluster::new(24, 1), graph).expect("all policies get to the end")
}

/// Within 10 % of random placement, levels with known durations, and Dask's policy.
#[track_caller]
fn is_among_the_best(graph: &Graph) {
    let all = compared(graph);
    assert!(all.ratio() <= 1.10, "{}: {:.2} of the best: {all:?}", graph.name, all.ratio());
}

#[test]
fn independent_tasks() {
    let graph = graphs::vectorizer(300, 1504.0, 10_226.0);
    is_among_the_best(&graph);
    let all = compared(&graph);
    assert!(all.ours.makespan_us * 10 <= all.bound_us * 11, "so is it of the bound: {all:?}");
}

#[test]
fn a_merge_of_short_tasks() {
    is_among_the_best(&graphs::merge(10_000, 0.006));
}

#[test]
fn a_merge_of_slow_tasks() {
    is_among_the_best(&graphs::merge(1_000, 100.0));
}

#[test]
fn grouped_means_of_chunks() {
    is_among_the_best(&graphs::xarray("xarray-25", 4, 36, 3.1, 55.7));
}

#[test]
fn a_product_of_many_partitions() {
    is_among_the_best(&graphs::bag(50, 54.9, 12.6));
}

#[test]
fn blocks_with_a_transpose() {
    is_among_the_best(&graphs::numpy(50, 8.3, 2999.0));
}

#[test]
fn a_time_series_by_groups() {
    is_among_the_best(&graphs::groupby("groupby-360-1S-8H", 1080, 7.7, 503.0));
}

#[test]
fn the_same_graph_takes_the_same_time() {
    let graph = graphs::join("join-1-1S-1H", 24, 33.0, 15.3);
    let cluster = Cluster::new(5, 2);
    let again = || run(cluster, &graph, &mut Ours::new(cluster, &graph)).unwrap();
    assert_eq!(again(), again());
}

#[test]
fn no_policy_is_below_the_bound() {
    for graph in [graphs::tree(8), graphs::bag(6, 10.0, 100.0), graphs::wordbag(9, 3.0, 50.0)] {
        let all = compare(Cluster::new(4, 2), &graph).unwrap();
        let least = all.best_us().min(all.ours.makespan_us);
        assert!(least >= all.bound_us, "{}: {all:?}", graph.name);
    }
}

#[test]
fn counts_are_those_of_the_paper() {
    let counts = |graph: &Graph| {
        let inputs: usize = graph.tasks.iter().map(|task| task.inputs.len()).sum();
        (graph.tasks.len(), inputs)
    };
    assert_eq!(counts(&graphs::tree(15)), (32_767, 32_766));
    assert_eq!(counts(&graphs::join("join", 24, 33.0, 15.3)), (673, 1_224));
    assert_eq!(counts(&graphs::merge(1_000, 1.0)), (1_001, 1_000));
    assert_eq!(counts(&graphs::wordbag(50, 301.0, 5136.0)), (250, 200));
}
