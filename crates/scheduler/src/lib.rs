//! The scheduler of a cluster as a state machine: which task runs where, and when.
//!
//! [`Scheduler`] hears [`Event`]s and says in [`Actions`] what is to be done. It has no clock,
//! does no I/O and draws no random numbers: the same configuration, events and times give the
//! same actions. Events change states and note what is ready; [`Scheduler::flush`], called
//! after each batch of them, places ready tasks and hands out what is to be said.
//!
//! This crate knows nothing about sockets, threads, clocks, Python, or what tasks compute.
//!
//! Start reading at [`scheduler`], then `segment.rs` (what is known of a task) and
//! `transitions.rs` (what becomes of it). Each policy is a file of its own.

pub mod config;
pub mod event;
pub mod scheduler;
pub mod view;

mod adaptive;
mod blobs;
mod check;
mod client_requests;
mod clients;
mod data;
mod dump;
mod failures;
mod groups;
mod members;
mod memory_manager;
mod movement;
mod names;
mod orders;
mod payloads;
mod placement;
mod questions;
mod queuing;
mod rank_set;
mod replicas;
mod reports;
mod restart;
mod restrictions;
mod retirement;
mod segment;
mod shared;
mod slab;
mod spans;
mod stealing;
mod story;
mod submit;
mod tasks;
mod timers;
mod transitions;
mod wants;
mod workers;

pub use config::Config;
pub use event::{Actions, Event, Micros};
pub use scheduler::Scheduler;
pub use segment::TaskState;
pub use view::View;
