//! Graphs to draw.

use proptest::{collection::vec, prelude::*, sample::select};
use raskt_draw::{Color, Direction, Node, Picture, Shape};

const DIRECTIONS: [Direction; 4] = [
    Direction::BottomToTop,
    Direction::TopToBottom,
    Direction::LeftToRight,
    Direction::RightToLeft,
];

/// Pictures of acyclic graphs with up to 40 nodes, whose edges go from any number to any other.
pub(crate) fn pictures() -> impl Strategy<Value = Picture> {
    (1..40_usize)
        .prop_flat_map(|count| {
            let ranks = Just((0..count as u32).collect::<Vec<_>>()).prop_shuffle();
            let pairs = vec((0..count, 0..count), 0..2 * count);
            (vec(nodes(), count), ranks, pairs, select(&DIRECTIONS[..]))
        })
        .prop_map(|(nodes, ranks, pairs, direction)| {
            let by_rank = |(one, other): (usize, usize)| {
                if ranks[one] < ranks[other] { (one, other) } else { (other, one) }
            };
            let pairs = pairs.into_iter().filter(|(one, other)| one != other).map(by_rank);
            let edges = pairs.map(|(from, to)| (from as u32, to as u32)).collect();
            Picture { nodes, edges, direction }
        })
}

fn nodes() -> impl Strategy<Value = Node> {
    let texts = prop_oneof!["[a-z_(), 0-9]{0,60}", "(?s).{0,8}", "[a-z]{1,9}(\n[a-z]{1,9}){0,14}"];
    let shapes = select(&[Shape::Box, Shape::Circle, Shape::Ellipse][..]);
    let fills = prop::option::of(any::<[u8; 3]>());
    (texts.clone(), shapes, fills, texts, 0.0..4.0_f32).prop_map(
        |(label, shape, fill, tooltip, pen_width)| Node {
            label,
            shape,
            fill: fill.map(|[red, green, blue]| Color::rgb(red, green, blue)),
            tooltip,
            pen_width,
        },
    )
}

/// A picture with nothing in the nodes, which all are circles.
pub(crate) fn plain(node_count: usize, edges: &[(u32, u32)]) -> Picture {
    Picture {
        nodes: vec![Node::new("", Shape::Circle); node_count],
        edges: edges.to_vec(),
        ..Picture::default()
    }
}

/// A reduction two by two. The leaves come first, the root last.
pub(crate) fn binary_tree(leaf_count: u32) -> Picture {
    let node_count = 2 * leaf_count - 1;
    let edges: Vec<_> = (0..node_count - 1).map(|node| (node, leaf_count + node / 2)).collect();
    plain(node_count as usize, &edges)
}
