//! What runs tasks on a worker: [`Host`].

use std::sync::Arc;

use bytes::Bytes;
use raskt_graph::{CodecError, Value};
use raskt_wire::{BlobId, Order, RequestError, RequestId, TaskError, TaskUid, WireValue};

use crate::worker::WorkerLink;

/// What runs tasks on a worker: a program in some language.
///
/// The worker calls it on threads of its own, never on its loop. It may block.
pub trait Host: Send + Sync + 'static {
    /// Makes a value of what came over the wire.
    ///
    /// # Errors
    /// If the bytes are not in a form that is known here.
    fn decode(&self, value: WireValue) -> Result<Value, CodecError>;

    /// Makes bytes of a value.
    ///
    /// # Errors
    /// If it has no such form.
    fn encode(&self, value: &Value) -> Result<WireValue, CodecError>;

    /// The name of a result's type, as its language has it. None: that of the Rust type.
    fn type_name(&self, _value: &Value) -> Option<Arc<str>> {
        None
    }

    /// Runs tasks on one of the worker's threads until no more are ready, so that an interpreter
    /// is entered once for many. `done` is called for each before the next is taken.
    fn run(&self, thread: u32, tasks: &mut dyn Iterator<Item = Ready>, done: &Done<'_>);

    /// A question of a client for the program. Questions come one after the other, in order;
    /// what takes long is answered later, from another thread.
    fn ask(&self, id: RequestId, op: Arc<str>, payload: Bytes, reply: Reply);

    /// The worker has joined a scheduler. Called once, before any task.
    ///
    /// # Errors
    /// If the program cannot run tasks; the worker ends, and this text says why.
    fn joined(&self, _worker: &Arc<WorkerLink>) -> Result<(), String> {
        Ok(())
    }

    /// No task needs these blobs any more.
    fn forget(&self, _blobs: &[BlobId]) {}

    /// The worker has ended.
    fn ended(&self) {}
}

/// Tells how a task ended: task, try, outcome.
pub type Done<'a> = dyn Fn(TaskUid, u32, Outcome) + 'a;

/// A task whose inputs are all here.
pub struct Ready {
    /// What to run.
    pub order: Box<Order>,
    /// Its inputs, in order.
    pub inputs: Vec<Value>,
    /// The worker that it runs on.
    pub worker: Arc<WorkerLink>,
}

/// How a task ended.
#[derive(Debug)]
pub enum Outcome {
    /// With a result.
    Done(Value),
    /// With an error.
    Failed(Box<TaskError>),
    /// It asks to be run again, elsewhere if need be.
    Rescheduled,
}

/// Takes the answer to a question, once. If it is dropped, who asked hears that there is none.
pub struct Reply(Option<Box<Answerer>>);

pub(crate) type Answerer = dyn FnOnce(Result<Bytes, RequestError>) + Send;

impl Reply {
    pub(crate) fn new(answer: Box<Answerer>) -> Reply {
        Reply(Some(answer))
    }

    /// Answers.
    pub fn send(mut self, answer: Result<Bytes, RequestError>) {
        if let Some(send) = self.0.take() {
            send(answer);
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(send) = self.0.take() {
            let text = "the worker did not answer".to_string();
            send(Err(RequestError::Failed(Bytes::new(), text)));
        }
    }
}
