//! One worker of a cluster as a state machine.
