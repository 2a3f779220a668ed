//! Data in messages: [`WireValue`] and [`Blob`].

use std::sync::Arc;

use bytes::Bytes;
use raskt_macros::Wire;

use crate::id::BlobId;

/// A value as bytes, with the name of who can read it.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct WireValue {
    /// Who reads it: `pickle` for Python objects, the name of a type for others.
    pub codec: Arc<str>,
    /// A small part.
    pub header: Bytes,
    /// Large parts, not copied.
    pub buffers: Vec<Bytes>,
}

impl WireValue {
    /// The bytes of all parts.
    pub fn nbytes(&self) -> usize {
        self.header.len() + self.buffers.iter().map(Bytes::len).sum::<usize>()
    }
}

/// Bytes that many tasks share, sent once to each worker that runs one of them.
#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Blob {
    /// Named by what it holds, or by a number that nothing else has.
    pub id: BlobId,
    /// What it holds.
    pub value: WireValue,
}
