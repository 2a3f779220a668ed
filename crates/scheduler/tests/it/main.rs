//! What the scheduler promises, through its public interface.

mod cluster;
mod copies;
mod data;
mod failures;
mod lifecycle;
mod placement;
mod questions;
mod queuing;
mod random;
mod restrictions;
mod shared;
mod stealing;
