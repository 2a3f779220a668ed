//! The task graph: the one idea that everything in raskt is built on.
//!
//! A lazy object is a [`Node`]: a small handle on an immutable graph of shared nodes. Making
//! one is O(1) and copying one is free. To compute, [`lower()`] turns the nodes that some
//! outputs need into a [`Graph`]: dense ids, dependencies in compressed sparse rows, tasks in
//! the order in which they should run. An [`Executor`] runs a `Graph`.
//!
//! This crate knows nothing about threads, sockets, bytes on a wire, arrays or Python. What a
//! task computes is behind [`Function`], what it computes with is behind [`Data`].
//!
//! Start reading at [`node`], then [`lower`](mod@lower) and [`order`](mod@order).

pub mod arg;
pub mod cycle;
pub mod executor;
pub mod explain;
pub mod function;
pub mod graph;
pub mod hash;
pub mod key;
pub mod lower;
pub mod node;
pub mod optimize;
pub mod order;
pub mod payload;
pub mod tokenize;
pub mod value;

pub use arg::Arg;
pub use executor::{Cancel, Control, Event, Executor, RunError, Subscriber};
pub use function::{Call, Failure, Function, Portable};
pub use graph::{Graph, TaskId};
pub use key::{Key, Prefix, Token};
pub use lower::lower;
pub use node::{Annotations, Node};
pub use payload::Payload;
pub use value::{CodecError, Data, Encoded, Value};
