//! The shell of the cluster.
