//! What `#[raskt::task]` expands to. Programs need nothing of it by name.
//!
//! What cannot be a task is an error of the compiler, for example a generic function,
//!
//! ```compile_fail
//! #[raskt::task]
//! fn twice<T: Clone>(x: T) -> (T, T) {
//!     (x.clone(), x)
//! }
//! ```
//!
//! an `async` one,
//!
//! ```compile_fail
//! #[raskt::task]
//! async fn inc(x: i64) -> i64 {
//!     x + 1
//! }
//! ```
//!
//! a method,
//!
//! ```compile_fail
//! struct Square(f64);
//!
//! impl Square {
//!     #[raskt::task]
//!     fn area(&self) -> f64 {
//!         self.0 * self.0
//!     }
//! }
//! ```
//!
//! one that changes its argument,
//!
//! ```compile_fail
//! #[raskt::task]
//! fn sort(numbers: &mut Vec<i64>) {
//!     numbers.sort();
//! }
//! ```
//!
//! or one whose result cannot be kept, sent, and copied.
//!
//! ```compile_fail
//! #[raskt::task]
//! fn open() -> std::io::Result<std::fs::File> {
//!     std::fs::File::open("x")
//! }
//! ```

pub use inventory::submit;
use raskt_graph::tokenize::token_of_bytes;
use raskt_graph::{Arg, Failure, Key, Node, Payload, Value};

use crate::delayed::Delayed;
use crate::registry::Made;
pub use crate::registry::{AnyType, Body, Probe, Registered, Shared, Type};

/// A call that is to become a task.
pub struct NewTask {
    made: &'static Made,
    args: Vec<Arg>,
    inputs: Vec<Node>,
}

/// One argument, and the nodes that it refers to.
pub struct Argument {
    /// What is passed; its inputs are positions in `inputs`.
    pub arg: Arg,
    /// The lazy values in it.
    pub inputs: Vec<Node>,
}

impl NewTask {
    /// A call of a function.
    pub fn new(function: &'static Shared, args: Vec<Argument>) -> NewTask {
        let mut inputs: Vec<Node> = Vec::new();
        let mut given = Vec::with_capacity(args.len());
        for Argument { arg, inputs: needs } in args {
            let shift = inputs.len() as u32;
            given.push(match arg {
                arg if shift == 0 || needs.is_empty() => arg,
                arg => arg.map_inputs(&mut |slot| Arg::Input(shift + slot)),
            });
            inputs.extend(needs);
        }
        NewTask { made: function.made(), args: given, inputs }
    }

    /// The task, unlike any other.
    pub fn lazy<T>(self) -> Delayed<T> {
        let key = Key::unique(self.made.prefix);
        self.into_delayed(key)
    }

    /// The task, the same as any of this function with equal arguments.
    pub fn pure<T>(self) -> Delayed<T> {
        let mut bytes = self.made.identity.to_le_bytes().to_vec();
        for arg in &self.args {
            self.describe(arg, &mut bytes);
        }
        let key = Key::content(self.made.prefix, token_of_bytes(&bytes));
        self.into_delayed(key)
    }

    fn into_delayed<T>(self, key: Key) -> Delayed<T> {
        let function = self.made.function.clone();
        Delayed::from_node(Node::new(key, function, self.args, self.inputs))
    }

    /// Writes down what an argument is, unambiguously.
    fn describe(&self, arg: &Arg, bytes: &mut Vec<u8>) {
        match arg {
            Arg::Value(value) => match value.data().encode() {
                Ok(encoded) => part(b'v', &encoded.header, bytes),
                // What cannot be written is equal to nothing.
                Err(_) => {
                    part(b'?', Key::unique(self.made.prefix).to_string().as_bytes(), bytes);
                }
            },
            Arg::Input(slot) => {
                part(b'k', self.inputs[*slot as usize].key().to_string().as_bytes(), bytes);
            }
            Arg::List(items) => self.describe_all(items, bytes),
            Arg::Call(nested) => {
                part(b'c', nested.function.name().as_bytes(), bytes);
                self.describe_all(&nested.args, bytes);
            }
        }
    }

    fn describe_all(&self, args: &[Arg], bytes: &mut Vec<u8>) {
        part(b'l', &(args.len() as u64).to_le_bytes(), bytes);
        args.iter().for_each(|arg| self.describe(arg, bytes));
    }
}

fn part(kind: u8, content: &[u8], bytes: &mut Vec<u8>) {
    bytes.push(kind);
    bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
    bytes.extend_from_slice(content);
}

/// The Rust value of an argument.
///
/// # Errors
/// If it is of another type.
pub fn get<'a, T: Payload>(value: &'a Value, task: &str, i: usize) -> Result<&'a T, Failure> {
    value.get::<T>().ok_or_else(|| {
        let (found, wanted) = (value.data().type_name(), std::any::type_name::<T>());
        format!("argument {i} of {task} is a {found}, not a {wanted}").into()
    })
}

/// An error of the user's as a task's failure.
pub fn failure(error: impl Into<Failure>) -> Failure {
    error.into()
}
