//! What an executor runs: [`Graph`], the lowered form of nodes.

use std::fmt;

use crate::node::Node;

/// The position of a task in its graph, which is also its priority: lower runs first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u32);

impl TaskId {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Tasks in the order in which they should run, and who needs whom.
///
/// A task comes after all that it depends on. Both directions of the dependencies are stored
/// in compressed sparse rows: 8 bytes an edge and 16 bytes a task. A task that takes a result
/// twice has two edges, in both directions.
pub struct Graph {
    pub(crate) nodes: Box<[Node]>,
    pub(crate) dependencies: Rows,
    pub(crate) dependents: Rows,
    pub(crate) outputs: Box<[TaskId]>,
}

impl Graph {
    /// The number of tasks.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Are there no tasks?
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All tasks, in order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = TaskId> + use<> {
        (0..self.nodes.len() as u32).map(TaskId)
    }

    /// What a task does.
    pub fn node(&self, id: TaskId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The tasks whose results it takes: the n-th is the task's n-th input.
    pub fn dependencies(&self, id: TaskId) -> &[TaskId] {
        self.dependencies.row(id)
    }

    /// The tasks that take its result, in order.
    pub fn dependents(&self, id: TaskId) -> &[TaskId] {
        self.dependents.row(id)
    }

    /// The tasks whose results are wanted, as asked for.
    pub fn outputs(&self) -> &[TaskId] {
        &self.outputs
    }

    /// Does it stand for a value that is there already?
    pub fn is_constant(&self, id: TaskId) -> bool {
        self.node(id).function().constant().is_some()
    }

    /// The bytes that the graph keeps, with its nodes but without what functions and
    /// arguments point to.
    pub fn nbytes(&self) -> usize {
        // An `Arc` has two counters in front of what it holds.
        let node = |node: &Node| {
            size_of::<Node>()
                + 2 * size_of::<usize>()
                + crate::node::INNER_BYTES
                + node.args().map_or(0, size_of_val)
                + size_of_val(node.inputs())
        };
        self.nodes.iter().map(node).sum::<usize>()
            + self.dependencies.nbytes()
            + self.dependents.nbytes()
            + size_of_val(&*self.outputs)
    }

    /// Panics if the graph contradicts itself. For tests.
    ///
    /// # Panics
    /// If a task comes before what it depends on, or the two directions differ.
    pub fn sanity_check(&self) {
        let mut edges = Vec::new();
        for id in self.ids() {
            assert_eq!(self.dependencies(id).len(), self.node(id).inputs().len());
            for (input, dep) in self.node(id).inputs().iter().zip(self.dependencies(id)) {
                assert!(*dep < id, "{dep:?} must come before {id:?}");
                assert_eq!(input.key(), self.node(*dep).key(), "an input of {id:?}");
                edges.push((*dep, id));
            }
        }
        edges.sort_unstable();
        let inverse: Vec<_> =
            self.ids().flat_map(|id| self.dependents(id).iter().map(move |d| (id, *d))).collect();
        assert_eq!(edges, inverse, "dependents are the inverse of dependencies");
        assert!(self.outputs.iter().all(|output| output.index() < self.len()));
    }
}

/// Lists of tasks, one for each task, end to end.
pub(crate) struct Rows {
    /// Where each row begins; one more than there are rows.
    pub(crate) offsets: Box<[u32]>,
    pub(crate) items: Box<[TaskId]>,
}

impl Rows {
    pub(crate) fn row(&self, id: TaskId) -> &[TaskId] {
        &self.items[self.offsets[id.index()] as usize..self.offsets[id.index() + 1] as usize]
    }

    /// For each task, who names it.
    pub(crate) fn inverse(&self) -> Rows {
        let n = self.offsets.len() - 1;
        let mut offsets = vec![0_u32; n + 1];
        for item in &self.items {
            offsets[item.index() + 1] += 1;
        }
        for i in 0..n {
            offsets[i + 1] += offsets[i];
        }
        let mut next: Vec<u32> = offsets[..n].to_vec();
        let mut items = vec![TaskId(0); self.items.len()].into_boxed_slice();
        for id in (0..n as u32).map(TaskId) {
            for item in self.row(id) {
                let place = &mut next[item.index()];
                items[*place as usize] = id;
                *place += 1;
            }
        }
        Rows { offsets: offsets.into(), items }
    }

    fn nbytes(&self) -> usize {
        size_of_val(&*self.offsets) + size_of_val(&*self.items)
    }
}
