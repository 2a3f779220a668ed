//! From nodes to a [`Graph`]: [`lower()`].
//!
//! 1. Collect what the outputs need. Nodes are numbered as they are made, so a few pages of
//!    consecutive numbers hold them all: finding one again is an index into a page, and going
//!    through the pages in order is a topological order, without sorting the nodes.
//!    Two nodes with one key are one task; the older one is kept.
//! 2. Write the dependencies as rows, find the order ([`crate::order`]), renumber by it.
//!
//! Culling needs no step: what nothing refers to is never found. (What only the younger of two
//! nodes with one key refers to may be found; the order leaves it out.)

use crate::graph::{Graph, Rows, TaskId};
use crate::hash::Map;
use crate::key::Key;
use crate::node::Node;
use crate::order::order;

/// The graph that computes `outputs`, in the order in which it should run.
///
/// Linear in tasks and edges, without recursion.
///
/// # Panics
/// If there are 2^32 tasks or edges.
pub fn lower(outputs: &[Node]) -> Graph {
    lower_found(outputs, Found::default())
}

/// The same for nodes of which the caller knows that no two have the same key.
///
/// # Panics
/// If there are 2^32 tasks or edges.
pub fn lower_distinct(outputs: &[Node]) -> Graph {
    lower_found(outputs, Found { distinct: true, ..Found::default() })
}

fn lower_found(outputs: &[Node], mut found: Found) -> Graph {
    let nodes = found.collect(outputs);
    let mut offsets = Vec::with_capacity(nodes.len() + 1);
    let mut items = Vec::with_capacity(nodes.len());
    offsets.push(0);
    for node in &nodes {
        items.extend(node.inputs().iter().map(|input| found.position(input)));
        offsets.push(u32::try_from(items.len()).expect("fewer than 2^32 edges"));
    }
    let dependencies = Rows { offsets: offsets.into(), items: items.into() };
    let outputs: Box<[TaskId]> = outputs.iter().map(|output| found.position(output)).collect();
    drop(found);
    let order = order(&dependencies, &outputs);
    renumber(nodes, &dependencies, &outputs, &order)
}

/// The graph of the tasks in the given order.
fn renumber(nodes: Vec<Node>, deps: &Rows, outputs: &[TaskId], order: &[TaskId]) -> Graph {
    let mut position = vec![TaskId(0); nodes.len()];
    for (new, old) in order.iter().enumerate() {
        position[old.index()] = TaskId(new as u32);
    }
    let mut offsets = Vec::with_capacity(order.len() + 1);
    let mut items = Vec::with_capacity(deps.items.len());
    offsets.push(0);
    for old in order {
        items.extend(deps.row(*old).iter().map(|dep| position[dep.index()]));
        offsets.push(items.len() as u32);
    }
    let dependencies = Rows { offsets: offsets.into(), items: items.into() };
    let mut nodes: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    let in_order = order.iter().filter_map(|old| nodes[old.index()].take());
    Graph {
        nodes: in_order.collect(),
        dependents: dependencies.inverse(),
        dependencies,
        outputs: outputs.iter().map(|output| position[output.index()]).collect(),
    }
}

const PAGE: usize = 32;

/// Nodes with consecutive serial numbers.
struct Page {
    /// Bit i: the node with serial `PAGE * page + i` was found.
    bits: u32,
    /// The position of the first of them.
    base: u32,
    nodes: [Option<Node>; PAGE],
}

/// The nodes found so far, by serial number.
#[derive(Default)]
struct Found {
    pages: Vec<Page>,
    /// Where the page with some number is in `pages`.
    index: Map<u64, u32>,
    /// The page that was asked for last: neighbours are asked for together.
    last: Option<(u64, u32)>,
    /// Which nodes stand for others with the same key.
    stand_ins: Map<u64, u64>,
    /// Are keys known to differ?
    distinct: bool,
}

impl Found {
    /// All nodes that `outputs` need, in a topological order.
    fn collect(&mut self, outputs: &[Node]) -> Vec<Node> {
        let mut by_key: Map<Key, Node> = Map::default();
        let mut todo: Vec<Node> = Vec::new();
        for output in outputs {
            todo.push(output.clone());
            while let Some(node) = todo.pop() {
                let page = self.page(node.serial());
                let slot = node.serial() as usize % PAGE;
                if self.pages[page].bits & 1 << slot != 0
                    || !self.is_first_of_its_key(&node, &mut by_key)
                {
                    continue;
                }
                todo.extend(node.inputs().iter().rev().cloned());
                self.pages[page].bits |= 1 << slot;
                self.pages[page].nodes[slot] = Some(node);
            }
        }
        self.number()
    }

    /// Takes the nodes out, in the order of their serial numbers.
    fn number(&mut self) -> Vec<Node> {
        let mut pages: Vec<(u64, u32)> = self.index.iter().map(|(page, at)| (*page, *at)).collect();
        pages.sort_unstable();
        let mut nodes = Vec::with_capacity(pages.len() * PAGE);
        for (_, at) in pages {
            let page = &mut self.pages[at as usize];
            page.base = u32::try_from(nodes.len()).expect("fewer than 2^32 tasks");
            nodes.extend(page.nodes.iter_mut().filter_map(Option::take));
        }
        nodes
    }

    /// May the node be in the graph, or is another with its key there already?
    fn is_first_of_its_key(&mut self, node: &Node, by_key: &mut Map<Key, Node>) -> bool {
        if self.distinct || node.key().is_unique() {
            return true;
        }
        let serial = node.serial();
        if self.stand_ins.contains_key(&serial) {
            return false;
        }
        match by_key.get(node.key()).map(Node::serial) {
            None => {
                by_key.insert(node.key().clone(), node.clone());
                true
            }
            Some(other) if other < serial => {
                self.stand_ins.insert(serial, other);
                false
            }
            // The older one stands for both: its number is smaller than those of all users.
            Some(other) => {
                let page = self.page(other);
                self.pages[page].bits &= !(1 << (other as usize % PAGE));
                self.pages[page].nodes[other as usize % PAGE] = None;
                self.stand_ins.insert(other, serial);
                by_key.insert(node.key().clone(), node.clone());
                true
            }
        }
    }

    fn page(&mut self, serial: u64) -> usize {
        let number = serial / PAGE as u64;
        if let Some((last, at)) = self.last
            && last == number
        {
            return at as usize;
        }
        let next = self.pages.len() as u32;
        let at = *self.index.entry(number).or_insert(next);
        if at == next {
            self.pages.push(Page { bits: 0, base: 0, nodes: [const { None }; PAGE] });
        }
        self.last = Some((number, at));
        at as usize
    }

    /// Where the node is among those found.
    fn position(&mut self, node: &Node) -> TaskId {
        let mut serial = node.serial();
        loop {
            let page = self.page(serial);
            let Page { bits, base, .. } = self.pages[page];
            let bit = 1_u32 << (serial as usize % PAGE);
            if bits & bit != 0 {
                return TaskId(base + (bits & (bit - 1)).count_ones());
            }
            serial = self.stand_ins[&serial];
        }
    }
}
