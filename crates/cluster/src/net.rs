//! Connections: from addresses to typed messages.
//!
//! A [`Listener`] and [`connect`] give a [`Link`] when the handshake is done: something that
//! sends messages and receives them. Whether bytes go over a socket, with TLS or without, or
//! messages go through a queue of the process shows in the address only.
//!
//! `frame.rs` has the form of packets, `read.rs` and `write.rs` move them, `handshake.rs` and
//! `secret.rs` decide whom to speak with.

pub(crate) mod compress;
pub(crate) mod connect;
pub(crate) mod frame;
pub(crate) mod handshake;
pub(crate) mod link;
pub(crate) mod listen;
pub(crate) mod local;
pub(crate) mod read;
pub(crate) mod secret;
pub(crate) mod tls;
pub(crate) mod write;

pub(crate) use connect::{connect, connect_once};
pub(crate) use link::{Incoming, Link, Outbox, forward};
pub(crate) use listen::{Arrival, Listener};
