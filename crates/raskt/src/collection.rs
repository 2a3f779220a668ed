//! What can be computed: [`Collection`].

use std::vec::IntoIter;

use raskt_graph::{Failure, Node, Payload, RunError, Value};

use crate::delayed::Delayed;

/// Lazy values that are computed together: one, or a vector, an array, an option or a tuple of
/// collections.
pub trait Collection {
    /// What computing gives.
    type Output;

    /// What persisting gives: the same lazy values, with their results.
    type Held;

    /// Adds its nodes.
    fn nodes(&self, nodes: &mut Vec<Node>);

    /// Reads the results of its nodes.
    ///
    /// # Errors
    /// If a result is missing or of another type than was said.
    fn read(&self, results: &mut Results) -> Result<Self::Output, RunError>;

    /// Holds the results of its nodes.
    ///
    /// # Errors
    /// If a result is missing or of another type than was said.
    fn hold(&self, results: &mut Results) -> Result<Self::Held, RunError>;
}

/// The results of a computation, in the order of their nodes.
pub struct Results(IntoIter<Value>);

impl Results {
    pub(crate) fn new(values: Vec<Value>) -> Results {
        Results(values.into_iter())
    }

    /// The next result, which is that of `node`.
    ///
    /// # Errors
    /// If the executor gave too few.
    pub fn next(&mut self, node: &Node) -> Result<Value, RunError> {
        self.0.next().ok_or_else(|| wrong(node, "the executor gave no result"))
    }
}

fn wrong(node: &Node, why: impl Into<Failure>) -> RunError {
    let function = node.function().name().to_string();
    RunError::Task { key: node.key().clone(), function, source: why.into() }
}

impl<T: Payload> Delayed<T> {
    /// The result inside of its value.
    fn result<'a>(&self, value: &'a Value) -> Result<&'a T, RunError> {
        value.get().ok_or_else(|| {
            let (found, wanted) = (value.data().type_name(), std::any::type_name::<T>());
            wrong(self.node(), format!("its result is a {found}, not a {wanted}"))
        })
    }
}

impl<T: Payload> Collection for Delayed<T> {
    type Output = T;
    type Held = Delayed<T>;

    fn nodes(&self, nodes: &mut Vec<Node>) {
        nodes.push(self.node().clone());
    }

    fn read(&self, results: &mut Results) -> Result<T, RunError> {
        self.result(&results.next(self.node())?).cloned()
    }

    fn hold(&self, results: &mut Results) -> Result<Delayed<T>, RunError> {
        let value = results.next(self.node())?;
        self.result(&value)?;
        Ok(Delayed::from_node(Node::constant(self.key().clone(), value)))
    }
}

impl<C: Collection + ?Sized> Collection for &C {
    type Output = C::Output;
    type Held = C::Held;

    fn nodes(&self, nodes: &mut Vec<Node>) {
        (**self).nodes(nodes);
    }

    fn read(&self, results: &mut Results) -> Result<C::Output, RunError> {
        (**self).read(results)
    }

    fn hold(&self, results: &mut Results) -> Result<C::Held, RunError> {
        (**self).hold(results)
    }
}

impl<C: Collection> Collection for [C] {
    type Output = Vec<C::Output>;
    type Held = Vec<C::Held>;

    fn nodes(&self, nodes: &mut Vec<Node>) {
        self.iter().for_each(|item| item.nodes(nodes));
    }

    fn read(&self, results: &mut Results) -> Result<Vec<C::Output>, RunError> {
        self.iter().map(|item| item.read(results)).collect()
    }

    fn hold(&self, results: &mut Results) -> Result<Vec<C::Held>, RunError> {
        self.iter().map(|item| item.hold(results)).collect()
    }
}

impl<C: Collection> Collection for Vec<C> {
    type Output = Vec<C::Output>;
    type Held = Vec<C::Held>;

    fn nodes(&self, nodes: &mut Vec<Node>) {
        self.as_slice().nodes(nodes);
    }

    fn read(&self, results: &mut Results) -> Result<Vec<C::Output>, RunError> {
        self.as_slice().read(results)
    }

    fn hold(&self, results: &mut Results) -> Result<Vec<C::Held>, RunError> {
        self.as_slice().hold(results)
    }
}

impl<C: Collection, const N: usize> Collection for [C; N] {
    type Output = [C::Output; N];
    type Held = [C::Held; N];

    fn nodes(&self, nodes: &mut Vec<Node>) {
        self.as_slice().nodes(nodes);
    }

    fn read(&self, results: &mut Results) -> Result<[C::Output; N], RunError> {
        self.as_slice().read(results).map(into_array)
    }

    fn hold(&self, results: &mut Results) -> Result<[C::Held; N], RunError> {
        self.as_slice().hold(results).map(into_array)
    }
}

fn into_array<T, const N: usize>(items: Vec<T>) -> [T; N] {
    let array = <[T; N]>::try_from(items).ok();
    array.expect("an array gives as many results as it has lazy values")
}

impl<C: Collection> Collection for Option<C> {
    type Output = Option<C::Output>;
    type Held = Option<C::Held>;

    fn nodes(&self, nodes: &mut Vec<Node>) {
        self.iter().for_each(|item| item.nodes(nodes));
    }

    fn read(&self, results: &mut Results) -> Result<Option<C::Output>, RunError> {
        self.as_ref().map(|item| item.read(results)).transpose()
    }

    fn hold(&self, results: &mut Results) -> Result<Option<C::Held>, RunError> {
        self.as_ref().map(|item| item.hold(results)).transpose()
    }
}

/// Makes a collection of tuples with so many members.
macro_rules! tuple {
    ($($member:ident $at:tt),+) => {
        impl<$($member: Collection),+> Collection for ($($member,)+) {
            type Output = ($($member::Output,)+);
            type Held = ($($member::Held,)+);

            fn nodes(&self, nodes: &mut Vec<Node>) {
                $(self.$at.nodes(nodes);)+
            }

            fn read(&self, results: &mut Results) -> Result<Self::Output, RunError> {
                Ok(($(self.$at.read(results)?,)+))
            }

            fn hold(&self, results: &mut Results) -> Result<Self::Held, RunError> {
                Ok(($(self.$at.hold(results)?,)+))
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
