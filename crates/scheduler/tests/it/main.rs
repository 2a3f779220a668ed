//! What the scheduler promises, through its public interface.

mod cluster;
mod lifecycle;
mod random;
