//! What the worker promises, one file for each concern.

mod execute;
mod gather;
mod harness;
mod memory;
mod orders;
mod random;
mod replicas;
