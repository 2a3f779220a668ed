//! The form of packets on a stream of bytes: [`Outgoing`] and [`Prelude`].
//!
//! ```text
//! checksum of all up to the end of the head: 8 bytes
//! length of the head:                        8
//! number of frames:                          8
//! for each frame:                            25   stored length, length, checksum, codec
//! the head
//! the frames
//! ```
//!
//! Numbers are little-endian. Several packets follow each other in one write; small frames are
//! copied to their neighbours, large ones are written from where they are.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};
use raskt_wire::{Packet, WireError};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::compress::Compression;

/// How large packets may be. Checked before anything is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the head.
    pub head_bytes: u64,
    /// Number of frames.
    pub frames: u64,
    /// Bytes of head and frames, as they are in memory.
    pub total_bytes: u64,
}

impl Limits {
    /// For those that have shown who they are.
    pub const TRUSTED: Limits =
        Limits { head_bytes: 1 << 30, frames: 1 << 20, total_bytes: 1 << 38 };

    /// For the first message of a connection.
    pub const STRANGER: Limits = Limits { head_bytes: 1 << 16, frames: 0, total_bytes: 1 << 16 };
}

/// What is known of a packet before its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prelude {
    pub(crate) checksum: u64,
    pub(crate) head: usize,
    pub(crate) frames: usize,
}

/// What is known of a frame before its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Bytes that follow.
    pub(crate) stored: usize,
    /// Bytes that these stand for.
    pub(crate) length: usize,
    /// 0: was not taken.
    pub(crate) checksum: u64,
    pub(crate) codec: Compression,
}

pub(crate) const PRELUDE_BYTES: usize = 24;
pub(crate) const ENTRY_BYTES: usize = 25;

/// Frames of fewer bytes are copied to their neighbours.
const COPIED_BELOW: usize = 16 << 10;

impl Prelude {
    /// Of the first bytes of a packet, if it keeps to the limits.
    pub(crate) fn read(bytes: &[u8; PRELUDE_BYTES], limits: &Limits) -> Result<Prelude, WireError> {
        let head = number(bytes, 8);
        let frames = number(bytes, 16);
        if head > limits.head_bytes {
            return Err(WireError::AboveLimit { length: head, limit: limits.head_bytes });
        }
        if frames > limits.frames {
            return Err(WireError::AboveLimit {
                length: frames.saturating_mul(ENTRY_BYTES as u64),
                limit: limits.frames.saturating_mul(ENTRY_BYTES as u64),
            });
        }
        Ok(Prelude { checksum: number(bytes, 0), head: head as usize, frames: frames as usize })
    }

    /// Checks the head, and gives the table of frames.
    pub(crate) fn entries(
        &self,
        bytes: &[u8; PRELUDE_BYTES],
        table: &[u8],
        head: &[u8],
        limits: &Limits,
    ) -> Result<Vec<Entry>, WireError> {
        if checksum(&bytes[8..], table, head) != self.checksum {
            return Err(WireError::Checksum);
        }
        let mut total = head.len() as u64;
        let mut entries = Vec::with_capacity(self.frames);
        for entry in table.chunks_exact(ENTRY_BYTES) {
            let (stored, length) = (number(entry, 0), number(entry, 8));
            total = total.saturating_add(stored.max(length));
            if total > limits.total_bytes {
                return Err(WireError::AboveLimit { length: total, limit: limits.total_bytes });
            }
            let codec = Compression::of_tag(entry[24])?;
            if codec == Compression::None && stored != length {
                return Err(WireError::Truncated);
            }
            entries.push(Entry {
                stored: stored as usize,
                length: length as usize,
                checksum: number(entry, 16),
                codec,
            });
        }
        Ok(entries)
    }
}

impl Entry {
    /// Are these the bytes that were sent?
    pub(crate) fn check(&self, stored: &[u8]) -> Result<(), WireError> {
        if self.checksum != 0 && xxh3_64(stored) != self.checksum {
            return Err(WireError::Checksum);
        }
        Ok(())
    }
}

/// Packets on their way out, as bytes.
#[derive(Default)]
pub(crate) struct Outgoing {
    parts: VecDeque<Bytes>,
    small: BytesMut,
    left: usize,
}

/// A frame in the form in which it is sent.
pub(crate) struct Frame {
    pub(crate) stored: Bytes,
    pub(crate) length: usize,
    pub(crate) codec: Compression,
}

impl Frame {
    /// As it is.
    pub(crate) fn plain(bytes: Bytes) -> Frame {
        Frame { length: bytes.len(), stored: bytes, codec: Compression::None }
    }
}

impl Outgoing {
    /// Adds a packet whose frames are not compressed.
    pub(crate) fn push(&mut self, packet: Packet, checked: bool) {
        let frames = packet.frames.into_iter().map(Frame::plain).collect();
        self.push_frames(packet.head, frames, checked);
    }

    /// Adds a packet.
    pub(crate) fn push_frames(&mut self, head: Bytes, frames: Vec<Frame>, checked: bool) {
        let start = self.small.len();
        self.small.extend_from_slice(&[0; 8]);
        self.put(head.len() as u64);
        self.put(frames.len() as u64);
        for frame in &frames {
            self.put(frame.stored.len() as u64);
            self.put(frame.length as u64);
            self.put(if checked { xxh3_64(&frame.stored) } else { 0 });
            self.small.extend_from_slice(&[frame.codec.tag()]);
        }
        let written = &self.small[start..];
        let sum = checksum(&written[8..PRELUDE_BYTES], &written[PRELUDE_BYTES..], &head);
        self.small[start..start + 8].copy_from_slice(&sum.to_le_bytes());
        self.left += self.small.len() - start;
        self.put_bytes(head);
        for frame in frames {
            self.put_bytes(frame.stored);
        }
    }

    /// Nothing more comes: makes the last part ready to be written.
    pub(crate) fn seal(&mut self) {
        if !self.small.is_empty() {
            self.parts.push_back(self.small.split().freeze());
        }
    }

    fn put(&mut self, number: u64) {
        self.small.extend_from_slice(&number.to_le_bytes());
    }

    fn put_bytes(&mut self, bytes: Bytes) {
        self.left += bytes.len();
        if bytes.len() < COPIED_BELOW {
            self.small.extend_from_slice(&bytes);
        } else {
            self.seal();
            self.parts.push_back(bytes);
        }
    }
}

impl Buf for Outgoing {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        self.parts.front().map_or(&[], |part| part)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (slice, part) in slices.iter_mut().zip(&self.parts) {
            *slice = IoSlice::new(part);
            count += 1;
        }
        count
    }

    fn advance(&mut self, mut count: usize) {
        self.left -= count;
        while let Some(part) = self.parts.front_mut() {
            if count < part.len() {
                part.advance(count);
                return;
            }
            count -= part.len();
            self.parts.pop_front();
        }
    }
}

/// The checksum of what comes before the frames.
fn checksum(lengths: &[u8], table: &[u8], head: &[u8]) -> u64 {
    let sum = xxh3_64(lengths);
    let sum = if table.is_empty() { sum } else { xxh3_64_with_seed(table, sum) };
    xxh3_64_with_seed(head, sum)
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let mut raw = [0; 8];
    raw.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(raw)
}
