//! Tasks on a cluster of processes, which may be on many machines.

mod codec;

pub use codec::RustCodec;
