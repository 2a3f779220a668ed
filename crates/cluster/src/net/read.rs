//! Packets from a stream of bytes: [`PacketReader`].

use bytes::{Bytes, BytesMut};
use raskt_wire::{Packet, WireError};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::compress::{Compression, decompress};
use super::frame::{ENTRY_BYTES, Entry, Limits, PRELUDE_BYTES, Prelude};
use crate::error::LinkError;

/// Reads packets, as many at once as the system has.
pub(crate) struct PacketReader<R> {
    stream: R,
    buffer: BytesMut,
    limits: Limits,
}

/// How much is read at once, and from where on bytes get a buffer of their own.
const BUFFER_BYTES: usize = 64 << 10;
/// Unpacking more than this goes to another thread.
const LONG_WORK_BYTES: usize = 1 << 20;

impl<R: AsyncRead + Unpin> PacketReader<R> {
    pub(crate) fn new(stream: R, limits: Limits) -> PacketReader<R> {
        PacketReader { stream, buffer: BytesMut::new(), limits }
    }

    /// From now on other limits hold.
    pub(crate) fn limit(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The next packet. Must not be dropped before it is done.
    pub(crate) async fn read(&mut self) -> Result<Packet, LinkError> {
        if self.buffer.is_empty() && !self.fill().await? {
            return Err(LinkError::Closed);
        }
        self.want(PRELUDE_BYTES).await?;
        let raw = self.prelude();
        let prelude = Prelude::read(&raw, &self.limits)?;
        self.buffer_advance(PRELUDE_BYTES);
        let table = self.take(prelude.frames * ENTRY_BYTES).await?;
        let head = self.take(prelude.head).await?;
        let entries = prelude.entries(&raw, &table, &head, &self.limits)?;
        let mut frames = Vec::with_capacity(entries.len());
        for entry in entries {
            frames.push(self.frame(entry).await?);
        }
        Ok(Packet { head, frames })
    }

    /// Is a packet here as a whole, so that [`PacketReader::read`] gives it at once?
    pub(crate) fn has_packet(&self) -> bool {
        if self.buffer.len() < PRELUDE_BYTES {
            return false;
        }
        // What breaks the limits is left to `read`, which says so.
        let Ok(prelude) = Prelude::read(&self.prelude(), &self.limits) else { return true };
        prelude.frames == 0 && self.buffer.len() - PRELUDE_BYTES >= prelude.head
    }

    async fn frame(&mut self, entry: Entry) -> Result<Bytes, LinkError> {
        let stored = self.take(entry.stored).await?;
        entry.check(&stored)?;
        if entry.codec == Compression::None {
            return Ok(stored);
        }
        let unpack = move || decompress(&stored, entry.length, entry.codec);
        if entry.length < LONG_WORK_BYTES {
            return Ok(unpack()?);
        }
        let unpacked = tokio::task::spawn_blocking(unpack).await;
        Ok(unpacked.unwrap_or(Err(WireError::Truncated))?)
    }

    /// The next so many bytes; many of them in a buffer of their own.
    async fn take(&mut self, count: usize) -> Result<Bytes, LinkError> {
        if count <= self.buffer.len() || count < BUFFER_BYTES {
            self.want(count).await?;
            return Ok(self.buffer.split_to(count).freeze());
        }
        let mut own = Vec::new();
        own.try_reserve_exact(count).map_err(|_| LinkError::OutOfMemory(count as u64))?;
        own.extend_from_slice(&self.buffer);
        self.buffer.clear();
        let mut rest = (&mut self.stream).take((count - own.len()) as u64);
        while own.len() < count {
            if rest.read_buf(&mut own).await? == 0 {
                return Err(WireError::Truncated.into());
            }
        }
        Ok(own.into())
    }

    /// Waits until so many bytes are in the buffer.
    async fn want(&mut self, count: usize) -> Result<(), LinkError> {
        while self.buffer.len() < count {
            if !self.fill().await? {
                return Err(WireError::Truncated.into());
            }
        }
        Ok(())
    }

    /// Reads what there is; false at the end.
    async fn fill(&mut self) -> Result<bool, LinkError> {
        self.buffer.reserve(BUFFER_BYTES);
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }

    fn prelude(&self) -> [u8; PRELUDE_BYTES] {
        let mut raw = [0; PRELUDE_BYTES];
        raw.copy_from_slice(&self.buffer[..PRELUDE_BYTES]);
        raw
    }

    fn buffer_advance(&mut self, count: usize) {
        let _ = self.buffer.split_to(count);
    }
}

#[cfg(test)]
mod tests;
