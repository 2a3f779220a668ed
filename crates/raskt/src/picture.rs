//! Pictures of graphs: [`picture`].

use raskt_draw::{Color, Direction, Node as Mark, Picture, Shape};
use raskt_graph::{Graph, Node, TaskId};

/// The picture of a graph: tasks as circles with the names of their functions, data as boxes
/// with their names, inputs at the bottom. Resting on one shows its key.
///
/// ```
/// # use raskt::graph::{Key, Node, Value, lower};
/// let x = Node::constant(Key::text("x"), Value::new(1));
/// let graph = lower(&[Node::alias(Key::text("y"), x)]);
/// let picture = raskt::picture::picture(&graph);
/// assert_eq!((picture.nodes.len(), picture.edges), (2, vec![(0, 1)]));
/// ```
pub fn picture(graph: &Graph) -> Picture {
    picture_with(graph, label, |_| None)
}

/// The same with other labels, and with colours for those tasks that have one.
pub fn picture_with(
    graph: &Graph,
    label: impl Fn(&Node) -> String,
    color: impl Fn(TaskId) -> Option<Color>,
) -> Picture {
    let mark = |id: TaskId| {
        let node = graph.node(id);
        Mark {
            fill: color(id),
            tooltip: node.key().to_string(),
            ..Mark::new(label(node), if is_data(node) { Shape::Box } else { Shape::Circle })
        }
    };
    let mut edges: Vec<(u32, u32)> = graph
        .ids()
        .flat_map(|id| graph.dependencies(id).iter().map(move |dep| (dep.0, id.0)))
        .collect();
    // A task may take a result twice.
    edges.sort_unstable_by_key(|(from, to)| (*to, *from));
    edges.dedup();
    Picture { nodes: graph.ids().map(mark).collect(), edges, direction: Direction::BottomToTop }
}

/// What a picture says of a task if nobody says otherwise: the name of its function, or that of
/// the data.
pub fn label(node: &Node) -> String {
    if is_data(node) { node.key().group().to_string() } else { node.function().name().to_string() }
}

/// Does it only give something a name?
fn is_data(node: &Node) -> bool {
    node.function().constant().is_some() || node.function().is_alias()
}
