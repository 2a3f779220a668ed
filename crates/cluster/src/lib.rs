//! The cluster's shell: sockets, clocks, threads and processes around the state machines.
//!
//! [`SchedulerServer`] and [`WorkerServer`] start nodes in this process, [`Client`] connects to
//! a scheduler. A node is one thread with a loop; code of users never runs on it. `net` moves
//! messages between them, and decides whom to speak with.
//!
//! This crate knows nothing of how tasks are placed (that is `raskt-scheduler`), what is fetched,
//! run or spilled (`raskt-worker`), or what tasks compute: a [`Host`] runs them.

pub mod address;
pub mod client;
mod clock;
pub mod error;
pub mod host;
pub mod local;
pub mod nanny;
mod net;
pub mod pack;
pub mod payload;
mod peers;
mod runtime;
pub mod scheduler;
pub mod scheduler_file;
pub mod security;
pub mod worker;

pub use address::Address;
pub use client::{Client, ConnectOptions};
pub use error::{BindError, ConnectError, LinkError, TlsError};
pub use host::{Host, Outcome, Ready};
pub use local::{LocalCluster, LocalOptions, Transport};
pub use nanny::{Nanny, NannyHandle, NannyOptions};
pub use net::compress::Compression;
pub use net::frame::Limits;
pub use net::secret::Secret;
pub use scheduler::{SchedulerHandle, SchedulerOptions, SchedulerServer};
pub use scheduler_file::SchedulerFile;
pub use security::{Security, TlsFiles};
pub use worker::{WorkerError, WorkerHandle, WorkerLink, WorkerOptions, WorkerServer};
