//! A graph in words: [`explain`].

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::graph::Graph;

/// What will be computed, group by group: how many tasks, what they call, on what they wait.
///
/// ```
/// # use raskt_graph::{explain::explain, lower, Key, Node, Value};
/// let x = Node::constant(Key::text("x"), Value::new(1));
/// let text = explain(&lower(&[Node::alias(Key::text("y"), x)]));
/// assert!(text.starts_with("2 tasks, 1 edge, longest path 2, 1 output\n"), "{text}");
/// ```
pub fn explain(graph: &Graph) -> String {
    let mut text = String::new();
    let edges: usize = graph.ids().map(|id| graph.dependencies(id).len()).sum();
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let _ = writeln!(
        text,
        "{}, {}, longest path {}, {}",
        plural(graph.len(), "task"),
        plural(edges, "edge"),
        longest_path(graph),
        plural(graph.outputs().len(), "output"),
    );
    for group in groups(graph) {
        let kind = if group.constant { "data" } else { "call" };
        let _ = write!(text, "  {:>8} x {kind} {}", group.count, group.name);
        if !group.inputs.is_empty() {
            let inputs: Vec<String> =
                group.inputs.iter().map(|(name, n)| format!("{n} x {name}")).collect();
            let _ = write!(text, "  <- {}", inputs.join(", "));
        }
        text.push('\n');
    }
    text
}

/// The number of tasks on the longest way from an input to an output.
pub fn longest_path(graph: &Graph) -> usize {
    let mut depth = vec![0_usize; graph.len()];
    for id in graph.ids() {
        let deps = graph.dependencies(id).iter();
        depth[id.index()] = 1 + deps.map(|dep| depth[dep.index()]).max().unwrap_or(0);
    }
    depth.into_iter().max().unwrap_or(0)
}

struct Group {
    name: String,
    constant: bool,
    count: usize,
    inputs: BTreeMap<String, usize>,
}

/// Tasks by function, in the order in which the first of each comes.
fn groups(graph: &Graph) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut index: BTreeMap<String, usize> = BTreeMap::new();
    let name = |id| match graph.node(id).function() {
        function if function.constant().is_some() => graph.node(id).key().group().to_string(),
        function => function.name().to_string(),
    };
    for id in graph.ids() {
        let constant = graph.is_constant(id);
        let at = *index.entry(name(id)).or_insert_with_key(|name| {
            groups.push(Group { name: name.clone(), constant, count: 0, inputs: BTreeMap::new() });
            groups.len() - 1
        });
        groups[at].count += 1;
        for dep in graph.dependencies(id) {
            *groups[at].inputs.entry(name(*dep)).or_default() += 1;
        }
    }
    groups
}
