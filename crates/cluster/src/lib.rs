//! The shell of the cluster.

pub mod pack;
pub mod payload;
