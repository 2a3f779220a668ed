//! Tasks on their way: [`Submission`] from client to scheduler, [`Order`] from scheduler to
//! worker.

use std::sync::Arc;

use bytes::Bytes;
use raskt_macros::Wire;

use crate::id::{BlobId, Handle, TaskUid, WorkerId};
use crate::value::Blob;

/// Tasks that a client asks for, as one block: what they share is written once.
///
/// Tasks stand in their static order, so that a place in the block is a priority; a task comes
/// after all in the block that it depends on.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Submission {
    /// Submissions of one generation have the same priority (a stream of single tasks);
    /// greater comes later. Chosen by the client; the scheduler never compares those of
    /// different clients with each other but by time of arrival.
    pub generation: u64,
    /// Kinds of tasks: their names, which are also what durations are kept by.
    pub groups: Vec<Arc<str>>,
    /// What tasks of the block ask for besides their inputs.
    pub terms: Vec<Terms>,
    /// Shared bytes that the scheduler may not have yet.
    pub blobs: Vec<Blob>,
    /// Results of earlier submissions that tasks here depend on, by key.
    pub outside: Vec<Arc<str>>,
    /// The tasks.
    pub tasks: Vec<NewTask>,
    /// The tasks that the client wants to hear of, and by which handle: places in `tasks`.
    pub wants: Vec<(u32, Handle)>,
}

/// One task of a submission.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct NewTask {
    /// Its name. A task whose key is known already is the known one.
    pub key: Arc<str>,
    /// A place in `groups`.
    pub group: u32,
    /// A place in `terms`.
    pub terms: u32,
    /// What it takes, in the order of its inputs: below the number of outside keys, one of
    /// these; from there on a place in `tasks`, counted on.
    pub inputs: Vec<u32>,
    /// Places in `blobs` of what it needs.
    pub blobs: Vec<u32>,
    /// What to call and with what, in a form that the scheduler does not read.
    pub payload: Bytes,
}

/// What tasks ask for besides their inputs. The default asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Wire)]
pub struct Terms {
    /// Greater runs first.
    pub priority: i32,
    /// How often the task is tried again after an error of its own.
    pub retries: u32,
    /// Workers that may run it, by address, name or host; empty: any.
    pub workers: Vec<Arc<str>>,
    /// If none of these is there, may others?
    pub allow_other_workers: bool,
    /// How much of each named resource it holds while it runs.
    pub resources: Vec<(Arc<str>, f64)>,
    /// Is its result an actor, which stays where it was made?
    pub actor: bool,
    /// The name of the pool of threads on the worker that runs it; empty: the usual one.
    pub executor: Arc<str>,
    /// Other annotations, for plugins and for the task itself, as the client's language has
    /// them.
    pub annotations: Bytes,
}

/// One task that a worker is to run.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Order {
    /// Which.
    pub uid: TaskUid,
    /// Which try. Reports of other tries are stale.
    pub attempt: u32,
    /// Its name, for messages and for whoever asks.
    pub key: Arc<str>,
    /// The name of its kind.
    pub group: Arc<str>,
    /// Lower runs first.
    pub priority: Priority,
    /// What it takes, in order, and where that is.
    pub inputs: Vec<Input>,
    /// What else it needs; it was sent before or comes with this.
    pub blobs: Vec<BlobId>,
    /// What to call and with what.
    pub payload: Bytes,
    /// How much of each named resource it holds while it runs.
    pub resources: Vec<(Arc<str>, f64)>,
    /// The pool of threads that runs it; empty: the usual one.
    pub executor: Arc<str>,
    /// Annotations, for the task itself.
    pub annotations: Bytes,
    /// Is its result an actor?
    pub actor: bool,
    /// Does a client wait for it? Then a small result is sent along with the news.
    pub wanted: bool,
}

/// Which task goes first: compared field by field, lower first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Wire)]
pub struct Priority {
    /// The user's, turned around.
    pub user: i32,
    /// The submission's, in order of arrival.
    pub generation: u64,
    /// The place in the submission.
    pub rank: u32,
}

/// A result that a worker needs, and where it is.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Input {
    /// Whose result.
    pub uid: TaskUid,
    /// Its name, for messages.
    pub key: Arc<str>,
    /// Its size, as far as is known.
    pub nbytes: u64,
    /// Who has it, at the time of writing. Workers hear of a peer's address before its number.
    pub holders: Vec<WorkerId>,
}
