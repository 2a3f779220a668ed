//! Several lazy values: [`Values`].

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use raskt_graph::lower::lower_distinct;
use raskt_graph::optimize::fuse;
use raskt_graph::{Graph, Node, lower};

use crate::delayed::Delayed;
use crate::new_task::node_of;

/// A sequence of lazy values that are Python objects only when somebody looks at them.
#[pyclass(frozen, sequence, module = "raskt._native")]
pub(crate) struct Values {
    nodes: Vec<Node>,
    /// Have different nodes below them different keys? Then nobody needs to look.
    distinct: bool,
}

impl Values {
    pub(crate) fn new(nodes: Vec<Node>, distinct: bool) -> Values {
        Values { nodes, distinct }
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Does something with the values of any iterable of lazy values.
    pub(crate) fn with<R>(
        values: &Bound<'_, PyAny>,
        body: impl FnOnce(&Values) -> R,
    ) -> PyResult<R> {
        if let Ok(values) = values.cast_exact::<Values>() {
            return Ok(body(values.get()));
        }
        let nodes: PyResult<Vec<Node>> = values.try_iter()?.map(|value| node_of(&value?)).collect();
        Ok(body(&Values::new(nodes?, false)))
    }

    /// The graph that computes them, with linear chains as one task each if so wished.
    pub(crate) fn lower(&self, fused: bool) -> Graph {
        let graph = if self.distinct { lower_distinct(&self.nodes) } else { lower(&self.nodes) };
        if fused { lower(&fuse(&graph)) } else { graph }
    }
}

#[pymethods]
impl Values {
    fn __len__(&self) -> usize {
        self.nodes.len()
    }

    fn __getitem__(&self, index: isize) -> PyResult<Delayed> {
        let len = self.nodes.len() as isize;
        let index = if index < 0 { index + len } else { index };
        let node = usize::try_from(index).ok().and_then(|index| self.nodes.get(index));
        let node = node.ok_or_else(|| PyIndexError::new_err("index out of range"))?;
        Ok(Delayed::new(node.clone(), None))
    }

    /// Reads one after the other.
    fn __iter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, PyAny>> {
        let py = slf.py();
        let all: Vec<Delayed> =
            slf.get().nodes.iter().map(|node| Delayed::new(node.clone(), None)).collect();
        Ok(pyo3::types::PyList::new(py, all)?.try_iter()?.into_any())
    }
}
