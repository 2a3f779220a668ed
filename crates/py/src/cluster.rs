//! The cluster as Python sees it: clients, futures, schedulers and workers.
//!
//! Start reading at [`client`] (how calls become submissions) and [`future`] (how results come
//! back). `codec.rs` has the form of Python objects on the wire.

pub(crate) mod answer;
pub(crate) mod callbacks;
pub(crate) mod client;
pub(crate) mod codec;
pub(crate) mod connection;
pub(crate) mod current;
pub(crate) mod failure;
pub(crate) mod future;
pub(crate) mod host;
pub(crate) mod nanny;
pub(crate) mod node;
pub(crate) mod options;
pub(crate) mod question;
pub(crate) mod reply;
pub(crate) mod terms;
