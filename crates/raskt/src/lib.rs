//! Parallel computing with task graphs: the Rust face of raskt.
//!
//! ```
//! use raskt::prelude::*;
//!
//! #[raskt::task]
//! fn inc(x: i64) -> i64 {
//!     x + 1
//! }
//!
//! #[raskt::task]
//! fn add(x: i64, y: i64) -> i64 {
//!     x + y
//! }
//!
//! # fn main() -> Result<(), raskt::Error> {
//! let a = inc::lazy(1);
//! let b = inc::lazy(2);
//! let c = add::lazy(a, b);
//! assert_eq!(c.compute()?, 5);
//! assert_eq!(inc(1), 2); // and still a function
//! # Ok(())
//! # }
//! ```
//!
//! Lazy values can be arguments of further tasks, also inside of vectors; independent tasks
//! run at the same time. A task that fails ends the computation with its own error:
//!
//! ```
//! use raskt::prelude::*;
//! use std::num::ParseIntError;
//!
//! #[raskt::task]
//! fn parse(text: &str) -> Result<i64, ParseIntError> {
//!     text.parse()
//! }
//!
//! #[raskt::task]
//! fn sum(numbers: &[i64]) -> i64 {
//!     numbers.iter().sum()
//! }
//!
//! let good: Vec<_> = ["1", "2", "3"].map(parse::lazy).into();
//! assert_eq!(sum::lazy(good).compute().ok(), Some(6));
//!
//! let error = sum::lazy(vec![parse::lazy("1"), parse::lazy("one")]).compute().unwrap_err();
//! assert!(error.to_string().contains("(parse) failed: invalid digit"), "{error}");
//! assert!(raskt::task_error::<ParseIntError>(&error).is_some());
//! ```
//!
//! This crate knows nothing about Python. Start reading at [`delayed`], then
//! [`compute`](mod@compute).

pub mod cluster;
pub mod collection;
pub mod command;
pub mod compute;
pub mod delayed;
pub mod picture;
pub mod progress;
pub mod registry;
pub mod task;
pub mod worker;

pub use cluster::{Client, Future, LocalCluster};
pub use collection::Collection;
pub use compute::{Compute, compute, task_error};
pub use delayed::{Delayed, Lazy};
pub use progress::Progress;
pub use raskt_draw as draw;
pub use raskt_exec as exec;
pub use raskt_graph as graph;
pub use raskt_graph::RunError as Error;
pub use raskt_macros::task;

/// What programs use: `use raskt::prelude::*`.
pub mod prelude {
    pub use crate::cluster::{Client, Future};
    pub use crate::compute::{Compute, compute};
    pub use crate::delayed::Delayed;
    pub use crate::exec::{Synchronous, Threads};
}
