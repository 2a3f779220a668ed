//! What happens to a worker, and what it does: [`Event`], [`Action`].

use std::sync::Arc;

use raskt_wire::{
    BlobId, FromWorker, Order, Span, TaskError, TaskUid, ToWorker, WireValue, WorkerId,
};

/// A time: microseconds since 1970 that never go back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub u64);

impl Micros {
    /// So many microseconds later.
    #[must_use]
    pub fn after(self, micros: u64) -> Micros {
        Micros(self.0.saturating_add(micros))
    }

    /// How long ago that was; 0 if it is yet to come.
    pub fn since(self, earlier: Micros) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// What happens to a worker.
///
/// A value is in the shell's store when the event that says so is handed over.
#[derive(Clone, Debug)]
pub enum Event {
    /// A message of the scheduler. Blobs are the shell's; questions, answers and the end too.
    FromScheduler(ToWorker),
    /// A task that [`Action::Run`] started has ended.
    Executed {
        /// Which.
        uid: TaskUid,
        /// Which try: that of the order that was run.
        attempt: u32,
        /// How.
        outcome: Outcome,
        /// When it ran.
        span: Span,
    },
    /// A task leaves its thread to others and goes on beside them.
    Seceded {
        /// Which.
        uid: TaskUid,
        /// Which try.
        attempt: u32,
    },
    /// Such a task wants a thread again. It waits until [`Action::Resume`].
    Rejoined {
        /// Which.
        uid: TaskUid,
        /// Which try.
        attempt: u32,
    },
    /// The answer to [`Action::Fetch`].
    Fetched {
        /// Who was asked.
        peer: WorkerId,
        /// What became of each result.
        items: Vec<(TaskUid, Got)>,
        /// How much came.
        received_bytes: u64,
        /// How long that took.
        took_us: u64,
    },
    /// The other answer to [`Action::Fetch`]: the peer could not be asked, or did not answer.
    Unreachable {
        /// Who was asked.
        peer: WorkerId,
    },
    /// Data was brought: tasks and sizes in memory.
    Put {
        /// What was brought. A value that was there already is not replaced.
        items: Vec<(TaskUid, u64)>,
    },
    /// A value is on disk, and no longer in memory.
    Spilled {
        /// Whose.
        uid: TaskUid,
        /// What it takes there.
        disk_bytes: u64,
    },
    /// A value could not be written; it is still in memory.
    SpillFailed {
        /// Whose.
        uid: TaskUid,
        /// For lack of space? Otherwise it has no form as bytes.
        full: bool,
    },
    /// A value is in memory again, and no longer on disk.
    Loaded {
        /// Whose.
        uid: TaskUid,
    },
    /// A value could not be read; it is lost.
    LoadFailed {
        /// Whose.
        uid: TaskUid,
        /// Why.
        text: Arc<str>,
    },
    /// How much memory the process takes.
    Memory {
        /// In bytes.
        process_bytes: u64,
    },
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It has a result.
    Done {
        /// Its size in memory.
        nbytes: u64,
        /// The name of its type.
        type_name: Arc<str>,
        /// The result itself, if it is small and [`Order::wanted`].
        inline: Option<WireValue>,
    },
    /// It has none.
    Failed(Box<TaskError>),
    /// It asks to be run again, elsewhere if need be.
    Rescheduled,
}

/// What became of one result that was asked of a peer.
#[derive(Clone, Debug, PartialEq)]
pub enum Got {
    /// It is here; its size in memory.
    Ok(u64),
    /// The peer has it not.
    Missing,
    /// The peer serves too many others.
    Busy,
    /// It cannot be turned into bytes or back, and why.
    Failed(Arc<str>),
}

/// What a worker does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Run this task: all its inputs are in memory. Answered with [`Event::Executed`].
    Run(Box<Order>),
    /// Ask a peer for results. Answered with [`Event::Fetched`] or [`Event::Unreachable`].
    Fetch {
        /// Whom.
        peer: WorkerId,
        /// For which.
        uids: Vec<TaskUid>,
    },
    /// Drop a value from memory and disk. What goes on with it ends, and is not told.
    Drop(TaskUid),
    /// Move a value to disk. Answered with [`Event::Spilled`] or [`Event::SpillFailed`].
    Spill(TaskUid),
    /// Read a value from disk. Answered with [`Event::Loaded`] or [`Event::LoadFailed`].
    Load(TaskUid),
    /// Drop shared bytes.
    ForgetBlobs(Vec<BlobId>),
    /// Tell the scheduler.
    Send(FromWorker),
    /// A task that asked to rejoin has a thread again.
    Resume {
        /// Which.
        uid: TaskUid,
    },
}
