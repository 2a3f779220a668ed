//! Between scheduler and nannies: [`FromNanny`], [`ToNanny`].

use std::sync::Arc;

use raskt_macros::Wire;

/// From a nanny to the scheduler.
#[derive(Clone, Debug, PartialEq, Wire)]
pub enum FromNanny {
    /// A process of its worker has ended.
    Ended {
        /// Which process.
        pid: u32,
        /// How: a signal, an exit code, memory.
        ending: Arc<str>,
        /// Does the nanny start another one?
        restarts: bool,
    },
}

/// From the scheduler to a nanny.
#[derive(Clone, Debug, PartialEq, Wire)]
pub enum ToNanny {
    /// End the process of the worker and start another one.
    Restart {
        /// Which process. If it has ended by itself meanwhile, its successor is left alone.
        pid: u32,
        /// Why.
        reason: Arc<str>,
    },
    /// End the worker and yourself.
    Close {
        /// Why.
        reason: Arc<str>,
    },
}
