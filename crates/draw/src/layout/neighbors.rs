//! Which vertices are next to which, in two flat arrays.

/// The neighbours of every vertex on one side.
pub(crate) struct Neighbors {
    starts: Vec<u32>,
    list: Vec<u32>,
}

impl Neighbors {
    /// Collects the second of each pair as a neighbour of the first, in the order of the pairs.
    pub(crate) fn collect(
        vertex_count: usize,
        pairs: impl Iterator<Item = (u32, u32)> + Clone,
    ) -> Self {
        let mut starts = vec![0; vertex_count + 1];
        for (vertex, _) in pairs.clone() {
            starts[vertex as usize + 1] += 1;
        }
        for vertex in 0..vertex_count {
            starts[vertex + 1] += starts[vertex];
        }
        let mut free = starts.clone();
        let mut list = vec![0; starts[vertex_count] as usize];
        for (vertex, neighbor) in pairs {
            list[free[vertex as usize] as usize] = neighbor;
            free[vertex as usize] += 1;
        }
        Self { starts, list }
    }

    /// The neighbours of `vertex`.
    pub(crate) fn of(&self, vertex: u32) -> &[u32] {
        let vertex = vertex as usize;
        &self.list[self.starts[vertex] as usize..self.starts[vertex + 1] as usize]
    }
}
