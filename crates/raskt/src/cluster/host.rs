//! What runs tasks of Rust on a worker: [`RustHost`].

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use raskt_cluster::host::{Done, Host, Outcome, Ready, Reply};
use raskt_cluster::payload::{Codec, Functions, Unpacked, unpack};
use raskt_graph::{Call, CodecError, Value};
use raskt_wire::{BlobId, Cause, RequestError, RequestId, TaskError, WireValue};

use super::codec::RustCodec;
use super::error::{PANIC, chain};

/// Runs the functions with the attribute `#[raskt::task]` that this program has.
#[derive(Default)]
pub struct RustHost {
    functions: Functions,
}

/// The error of a task that wants to be run again, elsewhere if need be.
///
/// ```
/// use raskt::cluster::Reschedule;
///
/// #[raskt::task]
/// fn render(frame: u32) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
///     // Another machine may have what this one has not.
///     let license = std::fs::read("/etc/render.license").map_err(|_| Reschedule)?;
///     Ok(vec![license[0]; frame as usize])
/// }
/// ```
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the task asks to be run again elsewhere")]
pub struct Reschedule;

impl Host for RustHost {
    fn decode(&self, value: WireValue) -> Result<Value, CodecError> {
        RustCodec.decode(value)
    }

    fn encode(&self, value: &Value) -> Result<WireValue, CodecError> {
        RustCodec.encode(value)
    }

    fn run(&self, _thread: u32, tasks: &mut dyn Iterator<Item = Ready>, done: &Done<'_>) {
        for ready in tasks {
            let (uid, attempt) = (ready.order.uid, ready.order.attempt);
            done(uid, attempt, run(ready, &self.functions));
        }
    }

    fn forget(&self, blobs: &[BlobId]) {
        for blob in blobs {
            drop(self.functions.forget(*blob));
        }
    }

    fn ask(&self, _id: RequestId, op: Arc<str>, _payload: Bytes, reply: Reply) {
        let text = format!("a worker without Python does not know what to do for '{op}'");
        reply.send(Err(RequestError::Refused(text)));
    }
}

/// Runs one task.
fn run(Ready { order, inputs, worker }: Ready, known: &Functions) -> Outcome {
    let failed = |function: &str, cause| {
        Outcome::Failed(Box::new(TaskError {
            key: order.key.clone(),
            function: function.into(),
            worker: worker.address().clone(),
            cause,
        }))
    };
    let find = |id| worker.blob(id);
    // Reading arguments calls code of the user's types.
    let read = || unpack(order.payload.clone(), &order.blobs, &find, known, &RustCodec);
    let Unpacked { function, args } = match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(unpacked)) => unpacked,
        Ok(Err(error)) => {
            return failed(&order.group, Cause::Codec { text: chain(&error).into() });
        }
        Err(panic) => return failed(&order.group, panicked(&*panic)),
    };
    let call = || function.call(Call::new(Some(&args), &inputs));
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Outcome::Done(value),
        Ok(Err(error)) if error.is::<Reschedule>() => Outcome::Rescheduled,
        Ok(Err(error)) => {
            let text = chain(&*error).into();
            failed(function.name(), Cause::Raised { error: None, text, traceback: "".into() })
        }
        Err(panic) => failed(function.name(), panicked(&*panic)),
    }
}

/// A panic as a cause, marked as one.
fn panicked(panic: &(dyn Any + Send)) -> Cause {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let mark = WireValue { codec: PANIC.into(), header: Bytes::new(), buffers: Vec::new() };
    Cause::Raised {
        error: Some(mark),
        text: text.unwrap_or("no message").into(),
        traceback: "".into(),
    }
}
