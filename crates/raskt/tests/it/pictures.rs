//! Pictures of graphs.

use raskt::Delayed;
use raskt::draw::{Color, Shape};
use raskt::graph::lower;
use raskt::picture::picture_with;

#[raskt::task]
fn add(x: i64, y: i64) -> i64 {
    x + y
}

fn graph() -> Delayed<i64> {
    let x = Delayed::ready("x", 1);
    let y = add::lazy(&x, &x);
    add::lazy(add::lazy(&y, 1), y)
}

#[test]
fn tasks_are_circles_and_data_boxes() {
    let dot = graph().to_dot().unwrap();
    assert_eq!(dot.matches("label=\"add\", shape=circle").count(), 3, "{dot}");
    assert_eq!(dot.matches("label=\"x\", shape=box").count(), 1, "{dot}");
    // A result that is taken twice is one line.
    assert_eq!(dot.matches(" -> ").count(), 4, "{dot}");
    assert!(dot.contains("rankdir=BT"), "{dot}");
}

#[test]
fn pictures_are_drawn_without_help() {
    assert!(graph().to_svg().unwrap().starts_with("<svg"));
    assert!(graph().to_png().unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn labels_and_colours_may_be_chosen() {
    let graph = lower(&[graph().node().clone()]);
    let label = |node: &raskt::graph::Node| node.key().to_string();
    let red = Color::rgb(255, 0, 0);
    let picture = picture_with(&graph, label, |id| (id.0 == 1).then_some(red));
    for (id, node) in graph.ids().zip(&picture.nodes) {
        assert_eq!(node.label, graph.node(id).key().to_string());
        assert_eq!(node.tooltip, node.label);
        assert_eq!(node.fill, (id.0 == 1).then_some(red));
        assert_eq!(node.shape == Shape::Box, graph.is_constant(id));
    }
}
