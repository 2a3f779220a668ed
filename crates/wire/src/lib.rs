//! The messages between client, scheduler and workers, and their binary form.
//!
//! All messages are closed enums: [`FromClient`], [`ToClient`], [`FromWorker`], [`ToWorker`],
//! and [`Peer`] between those who exchange data. [`codec`] turns one into a [`Packet`] (text,
//! and long byte strings as frames that are not copied) and back. What tasks compute with is
//! opaque here: a payload, blobs and values in the form of whoever reads them.
//!
//! This crate knows nothing about sockets, threads, clocks or Python.
//!
//! Start reading at [`task`], then [`client`] and [`worker`].

pub mod call;
pub mod client;
pub mod codec;
pub mod error;
pub mod failure;
pub mod hello;
pub mod id;
pub mod info;
pub mod nanny;
pub mod shared;
pub mod task;
pub mod value;
pub mod worker;

pub use call::{Answer, Location, MemoryManagerOp, Question};
pub use client::{ClientHello, FromClient, News, PlacedData, ToClient};
pub use codec::{Packet, Wire};
pub use error::WireError;
pub use failure::{Cause, RequestError, TaskError};
pub use hello::{Hello, PROTOCOL, Welcome};
pub use id::{BlobId, ClientId, Handle, RequestId, TaskUid, WorkerId};
pub use info::{ClusterInfo, EventRecord, StoryLine, TaskSpan, WorkerInfo, WorkerStatus};
pub use nanny::{FromNanny, ToNanny};
pub use shared::{SharedItem, SharedQuestion};
pub use task::{Input, NewTask, Order, Priority, Submission, Terms};
pub use value::{Blob, WireValue};
pub use worker::{Finished, FromWorker, Metrics, Peer, Put, Sent, Span, ToWorker, WorkerHello};
