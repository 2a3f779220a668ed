//! Runs a task graph in this process: on the calling thread ([`Synchronous`]) or on a pool of
//! threads ([`Threads`]).
//!
//! A [`run::Run`] holds what one computation needs: who waits for how many inputs, which tasks
//! are ready, and the [`store::Store`] of intermediate results, which drops each after its last
//! use and moves some to disk when the [`Memory`] budget is short. Any thread may take part in
//! a run by calling [`run::Run::work`].
//!
//! This crate knows nothing about the network, about collections, or about Python: what must
//! surround calls into an interpreter is behind [`Scope`].
//!
//! Start reading at [`run`].

mod panics;
mod pool;
mod queue;
mod spill;
mod sync;

pub mod memory;
pub mod options;
pub mod run;
pub mod store;
pub mod synchronous;
pub mod threads;

pub use memory::Memory;
pub use options::{Options, Runner, Scope};
pub use run::Run;
pub use synchronous::Synchronous;
pub use threads::{Running, Threads};
