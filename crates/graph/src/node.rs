//! Lazy objects: [`Node`], a handle on an immutable graph of shared nodes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::arg::Arg;
use crate::function::{Alias, Constant, Function};
use crate::key::Key;
use crate::value::Value;

/// A lazy result: a function, its arguments, and the nodes whose results they refer to.
///
/// Nodes are made once and never changed, so they can be shared by any number of others; a
/// node that nothing refers to is gone. Dropping the last handle of a chain of a million
/// nodes takes no stack.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    /// Nodes are numbered as they are made, so inputs have smaller numbers than users.
    serial: u64,
    key: Key,
    function: Arc<dyn Function>,
    /// None: the inputs, in order. Most tasks are so, and need not say it.
    args: Option<Box<[Arg]>>,
    inputs: Box<[Node]>,
    annotations: Option<Arc<Annotations>>,
}

/// What a user wants done with tasks, by name (`retries`, `priority`, `resources` ...).
pub type Annotations = BTreeMap<String, Value>;

/// What one node keeps besides its lists.
pub(crate) const INNER_BYTES: usize = size_of::<Inner>();

static SERIAL: AtomicU64 = AtomicU64::new(0);

impl Node {
    /// A task: `function` called with `args`, whose [`Arg::Input`]s are positions in `inputs`.
    ///
    /// # Panics
    /// If there are more than 2^32 inputs.
    pub fn new(
        key: Key,
        function: Arc<dyn Function>,
        args: impl Into<Box<[Arg]>>,
        inputs: impl Into<Box<[Node]>>,
    ) -> Node {
        let (args, inputs) = (args.into(), inputs.into());
        let is_direct = args.len() == inputs.len()
            && args.iter().zip(0..).all(|(arg, i)| matches!(arg, Arg::Input(slot) if *slot == i));
        Node::make(key, function, (!is_direct).then_some(args), inputs)
    }

    /// A task: `function` called with the results of `inputs`.
    pub fn over(key: Key, function: Arc<dyn Function>, inputs: impl Into<Box<[Node]>>) -> Node {
        Node::make(key, function, None, inputs.into())
    }

    fn make(
        key: Key,
        function: Arc<dyn Function>,
        args: Option<Box<[Arg]>>,
        inputs: Box<[Node]>,
    ) -> Node {
        assert!(u32::try_from(inputs.len()).is_ok(), "a task has fewer than 2^32 inputs");
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        debug_assert!(inputs.iter().all(|input| input.serial() < serial));
        Node(Arc::new(Inner { serial, key, function, args, inputs, annotations: None }))
    }

    /// A task that gives `value`.
    pub fn constant(key: Key, value: Value) -> Node {
        Node::over(key, Arc::new(Constant(value)), [])
    }

    /// A second name for `target`.
    pub fn alias(key: Key, target: Node) -> Node {
        Node::over(key, Arc::new(Alias), [target])
    }

    /// The same task with these annotations.
    #[must_use]
    pub fn with_annotations(mut self, annotations: Arc<Annotations>) -> Node {
        if Arc::get_mut(&mut self.0).is_none() {
            // Others have it too, and want it as it is.
            let Inner { key, function, args, inputs, .. } = &*self.0;
            self = Node::make(key.clone(), function.clone(), args.clone(), inputs.clone());
        }
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.annotations = Some(annotations);
        }
        self
    }

    /// Its name.
    pub fn key(&self) -> &Key {
        &self.0.key
    }

    /// What is called.
    pub fn function(&self) -> &Arc<dyn Function> {
        &self.0.function
    }

    /// With what; None if with the inputs, in order.
    pub fn args(&self) -> Option<&[Arg]> {
        self.0.args.as_deref()
    }

    /// With what, written out.
    pub fn written_args(&self) -> Box<[Arg]> {
        match self.args() {
            Some(args) => args.into(),
            None => (0..self.inputs().len() as u32).map(Arg::Input).collect(),
        }
    }

    /// The nodes whose results the arguments refer to.
    pub fn inputs(&self) -> &[Node] {
        &self.0.inputs
    }

    /// What the user wants done with it.
    pub fn annotations(&self) -> Option<&Arc<Annotations>> {
        self.0.annotations.as_ref()
    }

    /// Greater than that of every node it depends on.
    pub fn serial(&self) -> u64 {
        self.0.serial
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.inputs.is_empty() {
            return;
        }
        // Not by recursion: a chain may be longer than the stack is deep.
        let mut doomed = std::mem::take(&mut self.inputs).into_vec();
        while let Some(Node(node)) = doomed.pop() {
            if let Some(mut inner) = Arc::into_inner(node) {
                doomed.append(&mut std::mem::take(&mut inner.inputs).into_vec());
            }
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({}, {} inputs)", self.key(), self.inputs().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_chain_is_dropped_without_recursion() {
        let mut node = Node::constant(Key::text("x0"), Value::new(0_i64));
        for i in 1..1_000_000 {
            node = Node::alias(Key::text(&format!("x{i}")), node);
        }
        drop(node);
    }
}
