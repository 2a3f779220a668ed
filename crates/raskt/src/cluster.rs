//! Tasks on a cluster of processes, which may be on many machines.
//!
//! [`Client`] is where programs start: it gives tasks to a scheduler, which has them run by
//! workers, and gets a [`Future`] for each result that is wanted. Functions are found by name:
//! a worker is the program that defines them (see [`worker::main`](crate::worker::main)), or
//! lives in the same process ([`LocalCluster`]).
//!
//! How nodes find and trust each other, and what they say, is in the crate `raskt-cluster`.

mod client;
mod codec;
mod completed;
mod error;
mod executor;
mod future;
mod host;
mod local;

pub use client::{Client, PlaceError};
pub use codec::RustCodec;
pub use completed::{AsCompleted, as_completed};
pub use error::{FutureError, SubmitError, TaskFailed};
pub use future::Future;
pub use host::{Reschedule, RustHost};
pub use local::{LocalCluster, StartError};
pub use raskt_cluster::client::{ConnectOptions, FetchError, Reply, ScatterError, Status};
pub use raskt_cluster::local::{LocalOptions, Transport};
pub use raskt_cluster::{Address, ConnectError, Secret, Security, TlsFiles, WorkerError};
pub use raskt_wire::{Answer, Question, RequestError, Terms};
