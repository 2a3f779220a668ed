//! The cluster's shell: sockets, clocks, threads and processes around the state machines.

pub mod address;
pub mod client;
mod clock;
pub mod error;
mod net;
pub mod pack;
pub mod payload;
pub mod security;

pub use address::Address;
pub use error::{BindError, ConnectError, LinkError, TlsError};
pub use net::compress::Compression;
pub use net::frame::Limits;
pub use net::secret::Secret;
pub use security::{Security, TlsFiles};
