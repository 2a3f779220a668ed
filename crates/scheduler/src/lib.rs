//! The scheduler of a cluster as a state machine.
