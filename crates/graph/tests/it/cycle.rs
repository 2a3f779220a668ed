//! Finding cycles, against a naive answer.

use proptest::prelude::*;
use raskt_graph::cycle::topological_order;

/// Does anything depend on itself? Walks all ways of any length, by repeated squaring.
fn has_cycle(dependencies: &[Vec<usize>]) -> bool {
    let n = dependencies.len();
    let mut reach = vec![vec![false; n]; n];
    for (item, deps) in dependencies.iter().enumerate() {
        deps.iter().for_each(|dep| reach[item][*dep] = true);
    }
    for through in 0..n {
        for from in 0..n {
            for to in 0..n {
                reach[from][to] |= reach[from][through] && reach[through][to];
            }
        }
    }
    (0..n).any(|item| reach[item][item])
}

fn graphs() -> impl Strategy<Value = Vec<Vec<usize>>> {
    (1..12_usize).prop_flat_map(|n| prop::collection::vec(prop::collection::vec(0..n, 0..4), n))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn agrees_with_the_naive_answer(dependencies in graphs()) {
        let n = dependencies.len();
        match topological_order(n, |i| dependencies[i].clone()) {
            Ok(order) => {
                prop_assert!(!has_cycle(&dependencies));
                let mut sorted = order.clone();
                sorted.sort_unstable();
                prop_assert_eq!(sorted, (0..n).collect::<Vec<_>>());
                let place = |item: usize| order.iter().position(|other| *other == item);
                for (item, deps) in dependencies.iter().enumerate() {
                    prop_assert!(deps.iter().all(|dep| place(*dep) < place(item)));
                }
            }
            Err(cycle) => {
                prop_assert!(!cycle.is_empty());
                for (at, item) in cycle.iter().enumerate() {
                    let next = cycle[(at + 1) % cycle.len()];
                    prop_assert!(dependencies[*item].contains(&next), "{cycle:?}");
                }
                let mut items = cycle.clone();
                items.sort_unstable();
                items.dedup();
                prop_assert_eq!(items.len(), cycle.len(), "each item once");
            }
        }
    }
}

#[test]
fn a_cycle_of_a_million_is_found_without_recursion() {
    let n = 1_000_000;
    let cycle = topological_order(n, |i| [(i + 1) % n]).unwrap_err();
    assert_eq!(cycle.len(), n);
    let order = topological_order(n, |i| (i + 1 < n).then_some(i + 1)).unwrap();
    assert_eq!(order[0], n - 1);
}
