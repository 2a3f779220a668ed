//! Which layer everything is in, and the way points of edges that pass layers.

use std::ops::Range;

use super::neighbors::Neighbors;
use crate::DrawError;

/// A graph in layers.
///
/// Its vertices are the nodes of the picture, with their numbers, and after them the way points.
/// Vertices are linked only from one layer to the next.
pub(crate) struct Layers {
    /// The layer of each vertex, counted from the inputs.
    pub(crate) layer_of: Vec<u32>,
    /// How many of the vertices are nodes.
    pub(crate) node_count: usize,
    /// The vertices linked to in the layer below.
    pub(crate) below: Neighbors,
    /// The vertices linked to in the layer above.
    pub(crate) above: Neighbors,
    /// For each edge its way points from its source up, or `None` if it passes layers without
    /// way points.
    pub(crate) way_points: Vec<Option<Range<u32>>>,
    /// The connected parts of the graph.
    pub(crate) parts: Vec<Part>,
}

/// A connected part of the graph.
#[derive(Default)]
pub(crate) struct Part {
    /// Its vertices in ascending order.
    pub(crate) members: Vec<u32>,
    /// Its vertices layer by layer, from its lowest layer up, each layer in its order.
    pub(crate) rows: Vec<Vec<u32>>,
}

impl Layers {
    /// Puts the nodes into layers. Fails if there is a cycle.
    pub(crate) fn assign(node_count: usize, edges: &[(u32, u32)]) -> Result<Self, DrawError> {
        let backward = edges.iter().map(|&(from, to)| (to, from));
        let inputs = Neighbors::collect(node_count, backward);
        let outputs = Neighbors::collect(node_count, edges.iter().copied());

        let sorted = sort(node_count, &inputs, &outputs)?;
        let mut layer_of = climb(&sorted, &inputs);
        shorten_edges(&sorted, &inputs, &outputs, &mut layer_of);
        let (mut part_of, part_count) = find_parts(node_count, &inputs, &outputs);
        lower_parts(&mut layer_of, &part_of, part_count);

        let mut links = Vec::with_capacity(edges.len());
        let way_points = add_way_points(edges, &mut layer_of, &mut part_of, &mut links);
        let vertex_count = layer_of.len();
        Ok(Self {
            node_count,
            below: Neighbors::collect(vertex_count, links.iter().map(|&(low, high)| (high, low))),
            above: Neighbors::collect(vertex_count, links.iter().copied()),
            way_points,
            parts: fill_parts(&layer_of, &part_of, part_count),
            layer_of,
        })
    }

    /// How many layers there are.
    pub(crate) fn layer_count(&self) -> usize {
        self.parts.iter().map(|part| part.rows.len()).max().unwrap_or(0)
    }

    /// Whether the vertex is a way point, not a node.
    pub(crate) fn is_way_point(&self, vertex: u32) -> bool {
        vertex as usize >= self.node_count
    }
}

/// The nodes in an order in which inputs come first.
fn sort(node_count: usize, inputs: &Neighbors, outputs: &Neighbors) -> Result<Vec<u32>, DrawError> {
    let nodes = 0..node_count as u32;
    let mut missing: Vec<usize> = nodes.clone().map(|node| inputs.of(node).len()).collect();
    let mut sorted: Vec<u32> = nodes.filter(|&node| missing[node as usize] == 0).collect();
    let mut done = 0;
    while done < sorted.len() {
        for &output in outputs.of(sorted[done]) {
            missing[output as usize] -= 1;
            if missing[output as usize] == 0 {
                sorted.push(output);
            }
        }
        done += 1;
    }
    match missing.iter().position(|&count| count > 0) {
        None => Ok(sorted),
        Some(node) => Err(DrawError::Cycle { nodes: find_cycle(node as u32, inputs, &missing) }),
    }
}

/// Walks from a node that waits for its inputs to one of those, until it is in a circle.
fn find_cycle(node: u32, inputs: &Neighbors, missing: &[usize]) -> Vec<u32> {
    let mut path = vec![node];
    let mut step_of = vec![None; missing.len()];
    loop {
        let node = path[path.len() - 1];
        if let Some(first) = step_of[node as usize] {
            path.pop();
            path.drain(..first);
            path.reverse();
            return path;
        }
        step_of[node as usize] = Some(path.len() - 1);
        path.extend(inputs.of(node).iter().find(|&&input| missing[input as usize] > 0));
    }
}

/// Puts every node as low as its inputs allow.
fn climb(sorted: &[u32], inputs: &Neighbors) -> Vec<u32> {
    let mut layer_of = vec![0; sorted.len()];
    for &node in sorted {
        let highest = inputs.of(node).iter().map(|&input| layer_of[input as usize] + 1).max();
        layer_of[node as usize] = highest.unwrap_or(0);
    }
    layer_of
}

/// Moves nodes to where their edges are shorter: next to the side with more edges.
fn shorten_edges(sorted: &[u32], inputs: &Neighbors, outputs: &Neighbors, layer_of: &mut [u32]) {
    const ROUNDS: usize = 2;
    for _ in 0..ROUNDS {
        for &node in sorted.iter().rev() {
            let outputs = outputs.of(node);
            if outputs.len() > inputs.of(node).len() {
                let lowest = outputs.iter().map(|&output| layer_of[output as usize]).min();
                layer_of[node as usize] = lowest.map_or(0, |lowest| lowest - 1);
            }
        }
        for &node in sorted {
            let inputs = inputs.of(node);
            if inputs.len() > outputs.of(node).len() {
                let highest = inputs.iter().map(|&input| layer_of[input as usize]).max();
                layer_of[node as usize] = highest.map_or(0, |highest| highest + 1);
            }
        }
    }
}

/// The connected part of every node, and how many parts there are.
fn find_parts(node_count: usize, inputs: &Neighbors, outputs: &Neighbors) -> (Vec<u32>, usize) {
    const NONE: u32 = u32::MAX;
    let mut part_of = vec![NONE; node_count];
    let mut part_count = 0;
    let mut reached = Vec::new();
    for first in 0..node_count as u32 {
        if part_of[first as usize] != NONE {
            continue;
        }
        part_of[first as usize] = part_count;
        reached.push(first);
        while let Some(node) = reached.pop() {
            for &next in inputs.of(node).iter().chain(outputs.of(node)) {
                if part_of[next as usize] == NONE {
                    part_of[next as usize] = part_count;
                    reached.push(next);
                }
            }
        }
        part_count += 1;
    }
    (part_of, part_count as usize)
}

/// Lets every part begin at the lowest layer.
fn lower_parts(layer_of: &mut [u32], part_of: &[u32], part_count: usize) {
    let mut lowest = vec![u32::MAX; part_count];
    for (&layer, &part) in layer_of.iter().zip(part_of) {
        lowest[part as usize] = lowest[part as usize].min(layer);
    }
    for (layer, &part) in layer_of.iter_mut().zip(part_of) {
        *layer -= lowest[part as usize];
    }
}

/// Splits edges into links from layer to layer, with way points in the layers they pass.
///
/// Thousands of edges past thousands of layers would have millions of way points and look like a
/// solid block all the same. So there are only as many as stay in proportion to the graph, for
/// the shortest edges; the others pass behind everything.
fn add_way_points(
    edges: &[(u32, u32)],
    layer_of: &mut Vec<u32>,
    part_of: &mut Vec<u32>,
    links: &mut Vec<(u32, u32)>,
) -> Vec<Option<Range<u32>>> {
    let count_max = 10_000 + 3 * (layer_of.len() + edges.len());
    let node_layers = layer_of.clone();
    let passed = |edge: usize| {
        let (from, to) = edges[edge];
        node_layers[to as usize] - node_layers[from as usize] - 1
    };
    let mut shortest_first: Vec<usize> = (0..edges.len()).collect();
    shortest_first.sort_by_key(|&edge| passed(edge));
    let mut count = 0;
    let mut has_way_points = vec![false; edges.len()];
    for edge in shortest_first {
        count += passed(edge) as usize;
        has_way_points[edge] = count <= count_max;
    }

    let split = |(edge, &(from, to)): (usize, &(u32, u32))| {
        if !has_way_points[edge] {
            return None;
        }
        let first = layer_of.len() as u32;
        let mut last = from;
        for layer in node_layers[from as usize] + 1..node_layers[to as usize] {
            let way_point = layer_of.len() as u32;
            layer_of.push(layer);
            part_of.push(part_of[from as usize]);
            links.push((last, way_point));
            last = way_point;
        }
        links.push((last, to));
        Some(first..layer_of.len() as u32)
    };
    edges.iter().enumerate().map(split).collect()
}

fn fill_parts(layer_of: &[u32], part_of: &[u32], part_count: usize) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    parts.resize_with(part_count, Part::default);
    for (vertex, (&layer, &part)) in layer_of.iter().zip(part_of).enumerate() {
        let Part { members, rows } = &mut parts[part as usize];
        members.push(vertex as u32);
        if rows.len() <= layer as usize {
            rows.resize_with(layer as usize + 1, Vec::new);
        }
        rows[layer as usize].push(vertex as u32);
    }
    parts
}
