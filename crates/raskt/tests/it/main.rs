//! Tests of the Rust face, through what programs see of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

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
