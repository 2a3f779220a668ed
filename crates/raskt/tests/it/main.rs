//! Tests of the Rust face, through what programs see of it.

mod arguments;
mod cancelling;
mod cluster_codec;
mod cluster_local;
mod collections;
mod command;
mod failures;
mod gate;
mod memory;
mod names;
mod pictures;
mod progress;
mod pure;
