//! What is named by number: tasks, workers, clients, blobs.

use std::fmt;

use raskt_macros::Wire;

/// A task, for as long as the scheduler runs: the submission that brought it, and its place in
/// the order of that submission. Never used again for another task.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Wire)]
pub struct TaskUid {
    /// Which submission, counted from 0. Later ones have lower priority.
    pub segment: u32,
    /// Its place in it, which is its priority among its like.
    pub index: u32,
}

/// A worker, for as long as the scheduler runs. One that comes back is another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Wire)]
pub struct WorkerId(pub u32);

/// A client, for as long as the scheduler runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Wire)]
pub struct ClientId(pub u32);

/// A client's own number for a result that it wants. It is chosen by the client, and used once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Wire)]
pub struct Handle(pub u64);

/// Bytes that many tasks share (a function, a large argument), named by what they are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Wire)]
pub struct BlobId(pub u128);

/// A question whose answer names it. Chosen by who asks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Wire)]
pub struct RequestId(pub u64);

impl fmt::Debug for TaskUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}.{}", self.segment, self.index)
    }
}

macro_rules! debug_as {
    ($($name:ident $format:literal)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $format, self.0)
            }
        }
    )*};
}

debug_as!(WorkerId "w{}" ClientId "c{}" Handle "h{}" BlobId "b{:x}" RequestId "r{}");
