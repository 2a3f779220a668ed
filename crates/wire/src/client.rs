//! Between client and scheduler: [`FromClient`] and [`ToClient`].

use std::sync::Arc;

use bytes::Bytes;
use raskt_macros::Wire;

use crate::call::{Answer, Question};
use crate::failure::{RequestError, TaskError};
use crate::id::{Handle, RequestId};
use crate::task::Submission;
use crate::value::WireValue;

/// What a client says of itself when it joins.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ClientHello {
    /// Its name, as people see it.
    pub name: Arc<str>,
    /// Versions of what it runs with, as text, for comparison.
    pub versions: Vec<(Arc<str>, Arc<str>)>,
}

/// From a client to the scheduler.
#[derive(Clone, Debug, PartialEq, Wire)]
pub enum FromClient {
    /// Compute these.
    Submit(Box<Submission>),
    /// The client wants to hear of results that others asked for, by key.
    Want(Vec<(Handle, Arc<str>)>),
    /// The client does not need these any more.
    Release(Vec<Handle>),
    /// Do not compute these, nor what depends on them.
    Cancel {
        /// Which.
        handles: Vec<Handle>,
        /// Also if other clients want them?
        force: bool,
        /// What those who wait are told.
        reason: Arc<str>,
    },
    /// Try again what failed.
    Retry(Vec<Handle>),
    /// Data is on the workers now: the answer to [`Answer::Places`].
    Placed(Vec<PlacedData>),
    /// A question.
    Request(RequestId, Box<Question>),
    /// Still there.
    Heartbeat,
    /// The client goes, in good order.
    Leaving,
}

/// Data that a client brought to workers.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PlacedData {
    /// Whose data it is.
    pub uid: crate::id::TaskUid,
    /// Who has it.
    pub holders: Vec<crate::id::WorkerId>,
}

/// From the scheduler to a client.
#[derive(Clone, Debug, PartialEq, Wire)]
pub enum ToClient {
    /// What became of tasks that the client wants.
    News(Vec<News>),
    /// The answer to a question.
    Reply(RequestId, Result<Answer, RequestError>),
    /// A message of a topic that the client listens to.
    Event {
        /// The topic.
        topic: Arc<str>,
        /// Microseconds since 1970.
        time_us: u64,
        /// The message.
        payload: Bytes,
    },
    /// The cluster was restarted: nothing that was computed is left.
    Restarted,
    /// The scheduler ends.
    Closing {
        /// Why.
        reason: Arc<str>,
    },
}

/// What became of one task.
#[derive(Clone, Debug, PartialEq, Wire)]
pub enum News {
    /// Its result is there.
    Finished {
        /// Whose.
        handle: Handle,
        /// Its size in memory.
        nbytes: u64,
        /// The name of its type.
        type_name: Arc<str>,
        /// The result itself, if it is small.
        inline: Option<WireValue>,
    },
    /// It has no result.
    Failed {
        /// Whose.
        handle: Handle,
        /// Why.
        error: Box<TaskError>,
    },
    /// It was cancelled.
    Cancelled {
        /// Whose.
        handle: Handle,
        /// What whoever cancelled it said.
        reason: Arc<str>,
    },
    /// Its result was there, and is lost; it is computed again.
    Lost {
        /// Whose.
        handle: Handle,
    },
    /// It failed, and is tried again.
    Retried {
        /// Whose.
        handle: Handle,
    },
}
