//! The first messages of a connection: [`Hello`] and [`Welcome`].
//!
//! They have the same form in every version, so that two that do not match can say so. What
//! proves that the other side knows the secret comes before them.

use std::sync::Arc;

use raskt_macros::Wire;

use crate::client::ClientHello;
use crate::id::{ClientId, WorkerId};
use crate::worker::WorkerHello;

/// The version of the messages. A change of any message that is not an addition at the end of
/// an enum counts it up.
pub const PROTOCOL: u32 = 1;

/// What whoever opens a connection is, and wants.
#[derive(Clone, Debug, PartialEq, Wire)]
pub enum Hello {
    /// A client.
    Client(Box<ClientHello>),
    /// A worker.
    Worker(Box<WorkerHello>),
    /// A nanny, for the worker at this address that it keeps.
    Nanny(Box<WorkerHello>),
    /// A worker or client that wants data of a worker.
    Peer(Arc<str>),
}

/// What whoever accepted it says.
#[derive(Clone, Debug, PartialEq, Wire)]
pub enum Welcome {
    /// To a client.
    Client {
        /// Its number.
        id: ClientId,
        /// Unlike that of any other scheduler.
        scheduler: Arc<str>,
        /// What is worth a warning: versions that differ. Empty: nothing.
        warning: Arc<str>,
    },
    /// To a worker.
    Worker {
        /// Its number.
        id: WorkerId,
        /// Unlike that of any other scheduler.
        scheduler: Arc<str>,
        /// How often it is to say how it is, in microseconds.
        heartbeat_us: u64,
    },
    /// To anybody else.
    Peer,
    /// Not welcome.
    Refused {
        /// Why, and what to do.
        reason: Arc<str>,
    },
}
