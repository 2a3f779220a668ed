//! One worker of a cluster as a state machine: what it fetches, runs, holds and spills.
//!
//! [`Worker::handle`] takes an [`Event`] (a message of the scheduler, a task that ended, data
//! that came) and gives [`Action`]s (run this, fetch that, tell the scheduler). Reports to the
//! scheduler are collected until [`Worker::flush`]. The same events at the same times give the
//! same actions.
//!
//! This crate knows nothing about threads, sockets, disks, clocks or values: the shell around
//! it has them, and this only decides.
//!
//! Start reading at [`event`], then `task.rs` for the states.

mod check;
mod execute;
mod gather;
mod memory;
mod orders;
mod peers;
mod queue;
mod replicas;
mod task;
mod worker;

pub mod config;
pub mod event;
pub mod view;

pub use config::Config;
pub use event::{Action, Event, Got, Micros, Outcome};
pub use view::{Status, View};
pub use worker::Worker;
