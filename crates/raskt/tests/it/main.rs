//! Tests of the Rust face, through what programs see of it.

mod arguments;
mod cancelling;
mod cluster_codec;
mod cluster_local;
mod cluster_processes;
mod collections;
mod command;
mod failures;
mod gate;
mod memory;
mod names;
mod pictures;
mod process;
mod progress;
mod pure;
