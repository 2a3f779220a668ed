use proptest::{collection::vec, prelude::*};

use super::{layers::Layers, order};

fn ordered(node_count: usize, edges: &[(u32, u32)]) -> Layers {
    let mut layers = Layers::assign(node_count, edges).unwrap();
    order::reduce_crossings(&mut layers);
    layers
}

/// Counts crossings by looking at every pair of links.
fn count_pairs(layers: &Layers) -> u64 {
    let mut crossings = 0;
    for part in &layers.parts {
        for pair in part.rows.windows(2) {
            let place = |vertex| pair[1].iter().position(|&other| other == vertex);
            let links: Vec<_> = pair[0]
                .iter()
                .enumerate()
                .flat_map(|(low, &vertex)| {
                    layers.above.of(vertex).iter().map(move |&high| (low, place(high).unwrap()))
                })
                .collect();
            for (index, one) in links.iter().enumerate() {
                let crosses = |other: &&(usize, usize)| other.0 > one.0 && other.1 < one.1;
                crossings += links[index..].iter().filter(crosses).count() as u64;
            }
        }
    }
    crossings
}

fn edges() -> impl Strategy<Value = Vec<(u32, u32)>> {
    let edge = (0..30_u32, 1..8_u32).prop_map(|(from, span)| (from, (from + span).min(30)));
    vec(edge, 0..80)
}

proptest! {
    #[test]
    fn vertices_are_in_one_row_and_linked_to_the_next(edges in edges()) {
        let layers = ordered(31, &edges);
        let mut seen = vec![0; layers.layer_of.len()];
        for part in &layers.parts {
            for (layer, row) in part.rows.iter().enumerate() {
                for &vertex in row {
                    seen[vertex as usize] += 1;
                    prop_assert_eq!(layers.layer_of[vertex as usize] as usize, layer);
                    for &other in layers.above.of(vertex) {
                        prop_assert_eq!(layers.layer_of[other as usize] as usize, layer + 1);
                    }
                }
            }
        }
        prop_assert!(seen.iter().all(|&times| times == 1));
    }

    #[test]
    fn crossings_are_counted_as_by_hand(edges in edges()) {
        let layers = ordered(31, &edges);
        prop_assert_eq!(order::crossings(&layers), count_pairs(&layers));
    }

    #[test]
    fn trees_have_no_crossings(
        parents in vec(any::<prop::sample::Index>(), 1..60),
        upward in any::<bool>(),
    ) {
        let edges: Vec<_> = parents
            .iter()
            .enumerate()
            .map(|(index, parent)| {
                let (node, parent) = (index as u32 + 1, parent.index(index + 1) as u32);
                if upward { (node, parent) } else { (parent, node) }
            })
            .collect();
        prop_assert_eq!(count_pairs(&ordered(parents.len() + 1, &edges)), 0);
    }
}

#[test]
fn a_tangle_is_untangled() {
    // Five pairs in which each second node is linked to the pair opposite.
    let edges: Vec<_> = (0..5).flat_map(|node| [(node, 9 - node), (node, 14 - node)]).collect();
    assert_eq!(count_pairs(&ordered(15, &edges)), 0);
}
