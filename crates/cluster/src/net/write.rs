//! Packets to a stream of bytes: a task for each connection.

use raskt_wire::Packet;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::UnboundedReceiver;

use super::compress::{Compression, compress};
use super::frame::{Frame, Outgoing};
use super::link::Item;
use super::link::Queued;
use crate::error::LinkError;

/// What is done to frames on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// Are their checksums taken?
    pub(crate) checked: bool,
    /// Are they compressed?
    pub(crate) codec: Compression,
}

/// So many packets go out in one write at most.
const BATCH: usize = 512;
/// Compressing more than this goes to another thread.
const LONG_WORK_BYTES: usize = 256 << 10;

/// Writes what comes from the queue until it ends.
pub(crate) async fn write<W: AsyncWrite + Unpin>(
    mut stream: W,
    mut queue: UnboundedReceiver<Item>,
    queued: &Queued,
    style: Style,
) -> Result<(), LinkError> {
    let mut items = Vec::new();
    let mut ended = false;
    while !ended && queue.recv_many(&mut items, BATCH).await > 0 {
        let mut outgoing = Outgoing::default();
        let mut bytes = 0;
        for item in items.drain(..) {
            match item {
                Item::Packet(packet) => {
                    bytes += packet.nbytes();
                    push(&mut outgoing, packet, style).await;
                }
                // What goes over a socket was encoded by whoever sent it.
                Item::End | Item::Local(_) => {
                    ended = true;
                    break;
                }
            }
        }
        outgoing.seal();
        stream.write_all_buf(&mut outgoing).await?;
        stream.flush().await?;
        queued.take(bytes);
    }
    Ok(stream.shutdown().await?)
}

async fn push(outgoing: &mut Outgoing, packet: Packet, style: Style) {
    if style.codec == Compression::None {
        return outgoing.push(packet, style.checked);
    }
    let mut frames = Vec::with_capacity(packet.frames.len());
    for bytes in packet.frames {
        if bytes.len() < LONG_WORK_BYTES {
            frames.push(compress(bytes, style.codec));
            continue;
        }
        let plain = bytes.clone();
        let packed = tokio::task::spawn_blocking(move || compress(bytes, style.codec)).await;
        frames.push(packed.unwrap_or_else(|_| Frame::plain(plain)));
    }
    outgoing.push_frames(packet.head, frames, style.checked);
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::sync::mpsc::unbounded_channel;

    use super::super::frame::Limits;
    use super::super::read::PacketReader;
    use super::*;

    #[test]
    fn what_is_written_compressed_is_read_as_it_was() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let noise = |i: usize| (i.wrapping_mul(2_654_435_761) >> 13) as u8;
        let frames = [
            Bytes::from(vec![3; 5_000_000]),
            Bytes::from((0..2_000_000).map(noise).collect::<Vec<u8>>()),
            Bytes::from(vec![1; 20_000]),
        ];
        let packet = Packet { head: Bytes::from_static(b"head"), frames: frames.to_vec() };
        for codec in [Compression::None, Compression::Lz4, Compression::Zstd] {
            let style = Style { checked: true, codec };
            let (ours, theirs) = tokio::io::duplex(10_000);
            let (queue, items) = unbounded_channel();
            for _ in 0..3 {
                queue.send(Item::Packet(packet.clone())).ok().unwrap();
            }
            queue.send(Item::End).ok().unwrap();
            runtime.block_on(async {
                let queued = Queued::default();
                let read = async {
                    let mut reader = PacketReader::new(theirs, Limits::TRUSTED);
                    for _ in 0..3 {
                        assert_eq!(reader.read().await.unwrap(), packet);
                    }
                    assert!(matches!(reader.read().await, Err(LinkError::Closed)));
                };
                let write = async {
                    write(ours, items, &queued, style).await.unwrap();
                };
                tokio::join!(read, write);
            });
        }
    }
}
