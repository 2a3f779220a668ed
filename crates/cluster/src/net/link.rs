//! A connection as messages: [`Link`], its [`Incoming`] and its [`Outbox`].

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use raskt_wire::{Packet, Wire, WireError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;

use super::frame::Limits;
use super::read::PacketReader;
use super::write::{self, Style};
use crate::error::LinkError;

/// What can be sent.
pub(crate) trait Message: Wire + Send + 'static {}

impl<T: Wire + Send + 'static> Message for T {}

/// A message on its way: encoded for a socket, as it is within the process.
pub(crate) enum Item {
    Packet(Packet),
    Local(Box<dyn Any + Send>),
    /// Nothing more comes.
    End,
}

/// A connection that has been greeted.
pub(crate) struct Link {
    pub(crate) incoming: Incoming,
    pub(crate) outbox: Outbox,
    /// Who it is, for messages.
    pub(crate) peer: Arc<str>,
}

/// Messages from the other side.
pub(crate) struct Incoming {
    source: Source,
    /// How it ended, if that was noticed with messages before it still to be handed on.
    ended: Option<LinkError>,
}

enum Source {
    Stream(PacketReader<Box<dyn AsyncRead + Send + Unpin>>),
    Local(UnboundedReceiver<Item>),
}

/// Messages to the other side. When all of its copies are dropped, what was sent is still
/// delivered, then the connection is closed.
#[derive(Clone)]
pub(crate) struct Outbox {
    queue: UnboundedSender<Item>,
    queued: Arc<Queued>,
    /// The task that writes; none within the process.
    writer: Option<AbortHandle>,
}

/// How much waits to be written.
#[derive(Default)]
pub(crate) struct Queued {
    bytes: AtomicUsize,
    less: Notify,
}

/// Who sends more than this without reading is not heard until less waits.
const HIGH_WATER_BYTES: usize = 64 << 20;

impl Link {
    /// Over a stream that has been greeted.
    pub(crate) fn over(
        stream: (Box<dyn AsyncRead + Send + Unpin>, Box<dyn AsyncWrite + Send + Unpin>),
        limits: Limits,
        style: Style,
        peer: Arc<str>,
    ) -> Link {
        let (queue, items) = unbounded_channel();
        let queued = Arc::new(Queued::default());
        let (count, name) = (queued.clone(), peer.clone());
        let writer = tokio::spawn(async move {
            if let Err(error) = write::write(stream.1, items, &count, style).await {
                tracing::debug!(peer = &*name, %error, "cannot write");
            }
            count.less.notify_waiters();
        });
        let outbox = Outbox { queue, queued, writer: Some(writer.abort_handle()) };
        let source = Source::Stream(PacketReader::new(stream.0, limits));
        Link { incoming: Incoming { source, ended: None }, outbox, peer }
    }

    /// Two ends within the process.
    pub(crate) fn pair(name: &str) -> [Link; 2] {
        let (left, from_left) = unbounded_channel();
        let (right, from_right) = unbounded_channel();
        let peer: Arc<str> = format!("inproc://{name}").into();
        [(left, from_right), (right, from_left)].map(|(queue, items)| Link {
            incoming: Incoming { source: Source::Local(items), ended: None },
            outbox: Outbox { queue, queued: Arc::default(), writer: None },
            peer: peer.clone(),
        })
    }
}

impl Incoming {
    /// From now on other limits hold.
    pub(crate) fn limit(&mut self, limits: Limits) {
        if let Source::Stream(reader) = &mut self.source {
            reader.limit(limits);
        }
    }

    /// The next message. Must not be dropped before it is done.
    pub(crate) async fn recv<M: Message>(&mut self) -> Result<M, LinkError> {
        if let Some(error) = self.ended.take() {
            return Err(error);
        }
        match &mut self.source {
            Source::Stream(reader) => Ok(reader.read().await?.open()?),
            Source::Local(items) => opened(items.recv().await.ok_or(LinkError::Closed)?),
        }
    }

    /// The next message, if it comes in time.
    pub(crate) async fn recv_within<M: Message>(&mut self, time: Duration) -> Result<M, LinkError> {
        tokio::time::timeout(time, self.recv()).await.unwrap_or(Err(LinkError::Silent(time)))
    }

    /// The next messages: at least one, and those that are here already.
    pub(crate) async fn recv_many<M: Message>(&mut self) -> Result<Vec<M>, LinkError> {
        let mut messages = vec![self.recv().await?];
        loop {
            let next = match &mut self.source {
                Source::Stream(reader) if reader.has_packet() => self.recv().await,
                Source::Stream(_) => return Ok(messages),
                Source::Local(items) => match items.try_recv() {
                    Ok(item) => opened(item),
                    Err(_) => return Ok(messages),
                },
            };
            match next {
                Ok(message) => messages.push(message),
                Err(error) => {
                    self.ended = Some(error);
                    return Ok(messages);
                }
            }
        }
    }
}

fn opened<M: Message>(item: Item) -> Result<M, LinkError> {
    match item {
        Item::Packet(packet) => Ok(packet.open()?),
        Item::End => Err(LinkError::Closed),
        Item::Local(any) => any.downcast().map(|m| *m).map_err(|_| WireError::NotOurs.into()),
    }
}

impl Outbox {
    /// Sends a message. If the other side is gone, whoever receives from it hears of that.
    pub(crate) fn send<M: Message>(&self, message: M) {
        let item = if self.writer.is_some() {
            let packet = Packet::of(&message);
            self.queued.bytes.fetch_add(packet.nbytes(), Ordering::Relaxed);
            Item::Packet(packet)
        } else {
            Item::Local(Box::new(message))
        };
        // The receiver is gone with its connection.
        let _ = self.queue.send(item);
    }

    /// How many bytes wait to be written.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued.bytes.load(Ordering::Relaxed)
    }

    /// Waits until not too much waits to be written, or the connection is gone.
    pub(crate) async fn room(&self) {
        loop {
            let less = self.queued.less.notified();
            if self.queued_bytes() < HIGH_WATER_BYTES || self.queue.is_closed() {
                return;
            }
            less.await;
        }
    }

    /// Waits until all that was sent is delivered, or the connection is gone, and closes it.
    pub(crate) async fn finish(&self) {
        let _ = self.queue.send(Item::End);
        if self.writer.is_some() {
            self.queue.closed().await;
        }
    }

    /// Ends the connection, whatever waits to be written.
    pub(crate) fn abort(&self) {
        if let Some(writer) = &self.writer {
            writer.abort();
        }
    }
}

/// Hands on what comes until it ends; the last that is handed on is how it ended. With an
/// outbox, the other side is not heard while too much waits to be sent to it. Only one of two
/// sides may do so: otherwise each could wait for the other to read.
pub(crate) fn forward<M: Message, T: Send + 'static>(
    mut incoming: Incoming,
    outbox: Option<Outbox>,
    to: UnboundedSender<T>,
    wrap: impl Fn(Result<Vec<M>, LinkError>) -> T + Send + 'static,
) -> AbortHandle {
    let forward = async move {
        loop {
            if let Some(outbox) = &outbox {
                outbox.room().await;
            }
            let heard = incoming.recv_many().await;
            let ended = heard.is_err();
            if to.send(wrap(heard)).is_err() || ended {
                return;
            }
        }
    };
    tokio::spawn(forward).abort_handle()
}

impl Queued {
    pub(crate) fn take(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.less.notify_waiters();
    }
}
