//! Lazy values with a type: [`Delayed`].

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use raskt_draw::{DrawError, Picture};
use raskt_graph::{Arg, Graph, Key, Node, Payload, Prefix, RunError, Value, lower};

use crate::compute::{Compute, compute};
use crate::picture::picture;
use crate::registry::Gather;
use crate::task::Argument;

/// A value of type `T` that has not been computed yet. Copies are free.
pub struct Delayed<T> {
    node: Node,
    of: PhantomData<fn() -> T>,
}

impl<T: Payload> Delayed<T> {
    /// A value that is there already. The name is for pictures and messages, and kept as long
    /// as the process lives.
    ///
    /// ```
    /// assert_eq!(raskt::Delayed::ready("x", 1_i64).compute().ok(), Some(1));
    /// ```
    pub fn ready(name: &str, value: T) -> Delayed<T> {
        let key = Key::unique(Prefix::new(name));
        Delayed::from_node(Node::constant(key, Value::new(value)))
    }

    /// Computes it, on all cores.
    ///
    /// # Errors
    /// The first task's error.
    pub fn compute(&self) -> Result<T, RunError> {
        compute(self)
    }

    /// Computes it, on all cores, and gives a lazy value with the same key that holds the
    /// result: what is made of it starts from there. For several see [`Compute::persist`].
    ///
    /// ```
    /// # #[raskt::task] fn inc(x: i64) -> i64 { x + 1 }
    /// # fn main() -> Result<(), raskt::Error> {
    /// let two = inc::lazy(1);
    /// let held = two.persist()?;
    /// assert_eq!(held.key(), two.key());
    /// assert_eq!(inc::lazy(held).compute()?, 3); // one task
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The first task's error.
    pub fn persist(&self) -> Result<Delayed<T>, RunError> {
        Compute::default().persist(self)
    }
}

impl<T> Delayed<T> {
    /// The lazy value of a node, whose result must be a `T`.
    pub fn from_node(node: Node) -> Delayed<T> {
        Delayed { node, of: PhantomData }
    }

    /// Its node.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Its key.
    pub fn key(&self) -> &Key {
        self.node.key()
    }

    /// Its graph in words.
    pub fn explain(&self) -> String {
        raskt_graph::explain::explain(&self.graph())
    }

    /// Its graph as an SVG document: tasks as circles, data as boxes, inputs at the bottom.
    ///
    /// # Errors
    /// If it cannot be drawn.
    pub fn to_svg(&self) -> Result<String, DrawError> {
        self.picture().to_svg()
    }

    /// Its graph as a PNG image.
    ///
    /// # Errors
    /// If it cannot be drawn.
    pub fn to_png(&self) -> Result<Vec<u8>, DrawError> {
        // Sharp on the screens of today.
        self.picture().to_png(2.0)
    }

    /// Its graph in the language of Graphviz.
    ///
    /// # Errors
    /// If it cannot be drawn.
    pub fn to_dot(&self) -> Result<String, DrawError> {
        self.picture().to_dot()
    }

    fn picture(&self) -> Picture {
        picture(&self.graph())
    }

    fn graph(&self) -> Graph {
        lower(std::slice::from_ref(&self.node))
    }
}

impl<T> Clone for Delayed<T> {
    fn clone(&self) -> Delayed<T> {
        Delayed::from_node(self.node.clone())
    }
}

impl<T> fmt::Debug for Delayed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delayed({})", self.key())
    }
}

/// An argument of a task: a value, a lazy value, or several lazy values as a vector.
pub enum Lazy<T> {
    /// A value.
    Value(T),
    /// What a task will give.
    Delayed(Delayed<T>),
    /// What several tasks will give, as one value.
    Gathered(Gathered),
}

/// Several lazy values, and what makes one value of theirs.
pub struct Gathered {
    nodes: Vec<Node>,
    gather: Arc<dyn raskt_graph::Function>,
}

impl<T: Payload> Lazy<T> {
    /// The argument in the form that tasks are made of.
    pub fn into_argument(self) -> Argument {
        match self {
            Lazy::Value(value) => {
                Argument { arg: Arg::Value(Value::new(value)), inputs: Vec::new() }
            }
            Lazy::Delayed(delayed) => Argument { arg: Arg::Input(0), inputs: vec![delayed.node] },
            Lazy::Gathered(Gathered { nodes, gather }) => {
                let args: Vec<Arg> = (0..nodes.len() as u32).map(Arg::Input).collect();
                Argument { arg: Arg::call(gather, args), inputs: nodes }
            }
        }
    }
}

impl<T> From<T> for Lazy<T> {
    fn from(value: T) -> Lazy<T> {
        Lazy::Value(value)
    }
}

impl From<&str> for Lazy<String> {
    fn from(value: &str) -> Lazy<String> {
        Lazy::Value(value.to_string())
    }
}

impl<T: Clone> From<&[T]> for Lazy<Vec<T>> {
    fn from(values: &[T]) -> Lazy<Vec<T>> {
        Lazy::Value(values.to_vec())
    }
}

impl<T> From<Delayed<T>> for Lazy<T> {
    fn from(delayed: Delayed<T>) -> Lazy<T> {
        Lazy::Delayed(delayed)
    }
}

impl<T> From<&Delayed<T>> for Lazy<T> {
    fn from(delayed: &Delayed<T>) -> Lazy<T> {
        Lazy::Delayed(delayed.clone())
    }
}

impl<T: Payload> From<Vec<Delayed<T>>> for Lazy<Vec<T>> {
    fn from(delayed: Vec<Delayed<T>>) -> Lazy<Vec<T>> {
        Lazy::from(delayed.as_slice())
    }
}

impl<T: Payload, const N: usize> From<[Delayed<T>; N]> for Lazy<Vec<T>> {
    fn from(delayed: [Delayed<T>; N]) -> Lazy<Vec<T>> {
        Lazy::from(delayed.as_slice())
    }
}

impl<T: Payload> From<&[Delayed<T>]> for Lazy<Vec<T>> {
    fn from(delayed: &[Delayed<T>]) -> Lazy<Vec<T>> {
        let nodes = delayed.iter().map(|delayed| delayed.node.clone()).collect();
        Lazy::Gathered(Gathered { nodes, gather: Gather::<T>::shared() })
    }
}
