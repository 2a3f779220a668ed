use proptest::{prelude::*, test_runner::Config};
use raskt_draw::{Direction, DrawError, Layout, Picture, PlacedNode, Point, Shape};

use crate::graphs::{binary_tree, pictures, plain};

/// How far apart numbers that mean the same may be.
const NEAR: f64 = 1e-6;

proptest! {
    #![proptest_config(Config { cases: 300, ..Config::default() })]

    #[test]
    fn layouts_are_sound(picture in pictures()) {
        let layout = picture.layout().unwrap();
        assert_sound(&picture, &layout);
        assert_eq!(picture.layout().unwrap(), layout, "the same picture has the same layout");
    }

    #[test]
    fn edges_keep_clear_of_nodes(picture in pictures()) {
        let layout = picture.layout().unwrap();
        for (&(from, to), edge) in picture.edges.iter().zip(&layout.edges) {
            for point in edge.curve.windows(4).step_by(3).flat_map(samples) {
                for (index, (node, placed)) in picture.nodes.iter().zip(&layout.nodes).enumerate() {
                    if index != from as usize && index != to as usize {
                        let is_hit = is_well_inside(point, node.shape, placed);
                        assert!(!is_hit, "edge {from} -> {to} hits node {index} at {point:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn cycles_are_found(picture in pictures(), back in any::<prop::sample::Index>()) {
        prop_assume!(!picture.edges.is_empty());
        let mut picture = picture;
        let (from, to) = picture.edges[back.index(picture.edges.len())];
        picture.edges.push((to, from));
        let Err(DrawError::Cycle { nodes }) = picture.layout() else {
            panic!("there is a cycle");
        };
        let next = nodes.iter().cycle().skip(1);
        for (&node, &next) in nodes.iter().zip(next) {
            assert!(picture.edges.contains(&(node, next)), "{nodes:?} is no cycle");
        }
    }
}

fn assert_sound(picture: &Picture, layout: &Layout) {
    let Layout { width, height, nodes, edges } = layout;
    assert!(width.is_finite() && height.is_finite());
    assert_eq!((nodes.len(), edges.len()), (picture.nodes.len(), picture.edges.len()));
    let is_in =
        |point: Point| (0.0..=*width).contains(&point.x) && (0.0..=*height).contains(&point.y);
    for node in nodes {
        let Point { x, y } = node.center;
        let (half_width, half_height) = (node.width / 2.0, node.height / 2.0);
        assert!(is_in(Point { x: x - half_width, y: y - half_height }), "{node:?}");
        assert!(is_in(Point { x: x + half_width, y: y + half_height }), "{node:?}");
        let widest = node.lines.iter().map(|line| line.width).fold(0.0, f64::max);
        assert!(widest < node.width, "the text fits: {node:?}");
    }
    assert_apart(picture.direction, nodes);

    for (&(from, to), edge) in picture.edges.iter().zip(edges) {
        let (from, to) = (&nodes[from as usize], &nodes[to as usize]);
        assert!(from.layer < to.layer);
        assert_eq!(edge.curve.len() % 3, 1);
        for &point in edge.curve.iter().chain(&edge.arrow) {
            assert!(is_in(point), "{edge:?}");
        }
        // The curve goes only forward, from one node to the other.
        let along = |point: Point| match picture.direction {
            Direction::BottomToTop => -point.y,
            Direction::TopToBottom => point.y,
            Direction::LeftToRight => point.x,
            Direction::RightToLeft => -point.x,
        };
        let mut way = vec![along(from.center)];
        way.extend(edge.curve.iter().map(|&point| along(point)));
        way.extend([along(edge.arrow[0]), along(to.center)]);
        assert!(way.is_sorted_by(|one, other| *one < other + NEAR), "{way:?}");
    }
}

/// The nodes of a layer are on a line and do not touch, and no layer touches another.
fn assert_apart(direction: Direction, nodes: &[PlacedNode]) {
    let upright = matches!(direction, Direction::BottomToTop | Direction::TopToBottom);
    let across = |node: &PlacedNode| {
        let Point { x, y } = node.center;
        if upright { (x, node.width / 2.0, y) } else { (y, node.height / 2.0, x) }
    };
    let mut sorted: Vec<&PlacedNode> = nodes.iter().collect();
    sorted.sort_by(|one, other| {
        one.layer.cmp(&other.layer).then(across(one).0.total_cmp(&across(other).0))
    });
    for pair in sorted.windows(2) {
        let [one, other] = [across(pair[0]), across(pair[1])];
        if pair[0].layer == pair[1].layer {
            assert!((one.2 - other.2).abs() < NEAR, "{pair:?}");
            assert!(one.0 + one.1 + 10.0 < other.0 - other.1, "{pair:?}");
        } else {
            let half = |node: &PlacedNode| if upright { node.height } else { node.width } / 2.0;
            let distance = (one.2 - other.2).abs();
            assert!(half(pair[0]) + half(pair[1]) + 10.0 < distance, "{pair:?}");
        }
    }
}

/// Points on a curve.
fn samples(curve: &[Point]) -> Vec<Point> {
    let sample = |step: u32| {
        let t = f64::from(step) / 16.0;
        let weights =
            [(1.0 - t).powi(3), 3.0 * t * (1.0 - t).powi(2), 3.0 * t * t * (1.0 - t), t.powi(3)];
        let sum =
            |part: fn(&Point) -> f64| weights.iter().zip(curve).map(|(w, p)| w * part(p)).sum();
        Point { x: sum(|point| point.x), y: sum(|point| point.y) }
    };
    (0..=16).map(sample).collect()
}

fn is_well_inside(point: Point, shape: Shape, node: &PlacedNode) -> bool {
    let aside = (point.x - node.center.x).abs() / (node.width / 2.0);
    let above = (point.y - node.center.y).abs() / (node.height / 2.0);
    match shape {
        Shape::Box => aside < 0.98 && above < 0.98,
        Shape::Circle | Shape::Ellipse => aside.hypot(above) < 0.98,
    }
}

#[test]
fn a_large_graph_is_sound() {
    // A fixed sequence of numbers without a pattern that shows.
    let mut state = 1_u64;
    let mut below = |limit: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % limit) as u32
    };
    let edges = (0..20_000).map(|_| {
        let to = 1 + below(9_999);
        (below(u64::from(to)), to)
    });
    let picture = plain(10_000, &edges.collect::<Vec<_>>());
    assert_sound(&picture, &picture.layout().unwrap());
}

#[test]
fn edges_past_thousands_of_layers_are_sound() {
    // With a way point in every layer there would be a million of them.
    let edges = (1..3_000).flat_map(|node| [(node - 1, node), (node / 2, node)]);
    let picture = plain(3_000, &edges.collect::<Vec<_>>());
    assert_sound(&picture, &picture.layout().unwrap());
}

#[test]
fn trees_are_drawn_as_trees() {
    let picture = binary_tree(32);
    let layout = picture.layout().unwrap();
    let x = |node: u32| layout.nodes[node as usize].center.x;
    for parent in 32..63 {
        let children: Vec<_> = picture
            .edges
            .iter()
            .filter(|(_, to)| *to == parent)
            .map(|&(from, _)| x(from))
            .collect();
        assert!((children[0] + children[1] - 2.0 * x(parent)).abs() < 0.5, "{parent} is centred");
    }
    let mut leaves: Vec<u32> = (0..32).collect();
    leaves.sort_by(|&one, &other| x(one).total_cmp(&x(other)));
    assert_eq!(leaves, (0..32).collect::<Vec<_>>(), "leaves stay in order");
}

#[test]
fn chains_are_straight() {
    let picture = plain(5, &[(0, 1), (1, 2), (2, 3), (3, 4)]);
    for edge in picture.layout().unwrap().edges {
        assert!(edge.curve.iter().all(|point| (point.x - edge.curve[0].x).abs() < NEAR));
    }
}

#[test]
fn inputs_are_next_to_what_needs_them() {
    let picture = plain(5, &[(0, 1), (1, 2), (2, 3), (4, 3)]);
    let layers = picture.layout().unwrap().nodes.iter().map(|node| node.layer).collect::<Vec<_>>();
    assert_eq!(layers, [0, 1, 2, 3, 2]);
}

#[test]
fn directions_turn_the_same_layout() {
    let mut picture = plain(4, &[(0, 1), (0, 2), (1, 3), (2, 3)]);
    let up = picture.layout().unwrap();
    for (direction, turned) in [
        (Direction::TopToBottom, (|up, x, y| (x, up - y)) as fn(f64, f64, f64) -> (f64, f64)),
        (Direction::LeftToRight, |up, x, y| (up - y, x)),
        (Direction::RightToLeft, |_, x, y| (y, x)),
    ] {
        picture.direction = direction;
        for (node, up_node) in picture.layout().unwrap().nodes.iter().zip(&up.nodes) {
            let (x, y) = turned(up.height, up_node.center.x, up_node.center.y);
            assert!((node.center.x - x).abs() < NEAR, "{direction:?}");
            assert!((node.center.y - y).abs() < NEAR, "{direction:?}");
        }
    }
}

#[test]
fn edges_must_be_between_nodes() {
    let picture = plain(2, &[(0, 1), (1, 2)]);
    for error in [picture.layout().unwrap_err(), picture.to_dot().unwrap_err()] {
        assert_eq!(error.to_string(), "edge 1 goes from node 1 to node 2, but there are 2 nodes");
    }
}

#[test]
fn a_node_must_not_need_itself() {
    let error = plain(2, &[(0, 1), (1, 1)]).layout().unwrap_err();
    assert!(matches!(error, DrawError::Cycle { nodes } if nodes == [1]));
}

#[test]
fn nothing_can_be_drawn() {
    let layout = Picture::default().layout().unwrap();
    assert!(layout.nodes.is_empty() && layout.width > 0.0 && layout.height > 0.0);
}
