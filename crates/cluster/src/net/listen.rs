//! Accepting connections: [`Listener`].

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use raskt_wire::Hello;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::compress::Compression;
use super::frame::Limits;
use super::handshake::greet;
use super::link::Link;
use super::local;
use super::secret::Side;
use super::write::Style;
use crate::address::Address;
use crate::error::{BindError, TlsError};
use crate::security::Security;

/// Somebody who has been greeted and said who it is. A welcome is to be sent.
pub(crate) struct Arrival {
    pub(crate) hello: Hello,
    pub(crate) link: Link,
}

/// Where a node listens.
pub(crate) struct Listener {
    address: Address,
    security: Security,
    kind: Kind,
}

enum Kind {
    Tcp(TcpListener),
    Local(UnboundedReceiver<Link>, local::Listening),
}

/// How long somebody who connects may take to say who it is.
const GREETING_TIME: Duration = Duration::from_secs(10);
/// So many may be about to say so at once.
const STRANGERS: usize = 1024;
/// So many connections the system keeps for us until we accept them.
const BACKLOG: u32 = 2048;

impl Listener {
    /// Listens there.
    pub(crate) async fn bind(
        address: &Address,
        security: &Security,
    ) -> Result<Listener, BindError> {
        let security = security.clone();
        if let Address::Local(name) = address {
            let (calls, links) = unbounded_channel();
            let listening =
                local::listen(name, calls).ok_or_else(|| BindError::NameTaken(name.clone()))?;
            let kind = Kind::Local(links, listening);
            return Ok(Listener { address: address.clone(), security, kind });
        }
        let tls = matches!(address, Address::Tls { .. });
        if tls && security.tls().is_none() {
            return Err(TlsError::NoFiles(address.clone()).into());
        }
        if !address.is_loopback() && !tls && security.secret.is_none() {
            return Err(BindError::Open { address: address.clone() });
        }
        let listener = bind(address).await.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse {
                host: address.host().unwrap_or_default().to_string(),
                port: address.port().unwrap_or_default(),
            },
            _ => BindError::Io { address: address.clone(), source },
        })?;
        let port = listener.local_addr().map(|a| a.port()).unwrap_or_default();
        let address = address.at(&contact_host(address.host().unwrap_or_default()), port);
        Ok(Listener { address, security, kind: Kind::Tcp(listener) })
    }

    /// Where others reach it.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Accepts connections until `arrivals` is closed.
    pub(crate) async fn serve(self, arrivals: UnboundedSender<Arrival>) {
        match self.kind {
            Kind::Tcp(listener) => {
                let tls = matches!(self.address, Address::Tls { .. });
                accept(listener, self.security, tls, arrivals).await;
            }
            Kind::Local(mut links, _listening) => loop {
                tokio::select! {
                    link = links.recv() => match link {
                        Some(link) => drop(tokio::spawn(introduce(link, arrivals.clone()))),
                        None => return,
                    },
                    () = arrivals.closed() => return,
                }
            },
        }
    }
}

async fn bind(address: &Address) -> io::Result<TcpListener> {
    let host = address.host().unwrap_or_default();
    let port = address.port().unwrap_or_default();
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for found in tokio::net::lookup_host((host, port)).await? {
        let socket = if found.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        match socket.bind(found).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What others call this host: for "all addresses", the one that leads to the outside.
fn contact_host(host: &str) -> String {
    let unspecified = host.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified());
    let outside = || -> io::Result<IpAddr> {
        let socket = std::net::UdpSocket::bind(("0.0.0.0", 0))?;
        // Nothing is sent: the system only chooses where it would leave from.
        socket.connect(("192.0.2.1", 9))?;
        Ok(socket.local_addr()?.ip())
    };
    if !unspecified {
        return host.to_string();
    }
    outside().map_or_else(|_| "127.0.0.1".to_string(), |ip| ip.to_string())
}

async fn accept(
    listener: TcpListener,
    security: Security,
    tls: bool,
    arrivals: UnboundedSender<Arrival>,
) {
    let strangers = Arc::new(Semaphore::new(STRANGERS));
    loop {
        let permit = strangers.clone().acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = arrivals.closed() => return,
        };
        match accepted {
            Ok((stream, from)) => {
                let security = security.clone();
                let arrivals = arrivals.clone();
                drop(tokio::spawn(receive(stream, from, security, tls, arrivals, permit)));
            }
            Err(error) => {
                // Usually too many open files: wait for some to be closed.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn receive(
    stream: TcpStream,
    from: SocketAddr,
    security: Security,
    tls: bool,
    arrivals: UnboundedSender<Arrival>,
    permit: OwnedSemaphorePermit,
) {
    let greeted = async {
        tune(&stream)?;
        let style = style(&stream);
        let peer: Arc<str> = from.to_string().into();
        let secret = security.secret.as_ref();
        match security.tls().filter(|_| tls) {
            None => {
                let mut stream = stream;
                greet(&mut stream, Side::Listener, secret).await?;
                let (read, write) = stream.into_split();
                let stream = (Box::new(read) as _, Box::new(write) as _);
                Ok(Link::over(stream, Limits::STRANGER, style, peer))
            }
            Some(tls) => {
                let mut stream = tls.acceptor.accept(stream).await?;
                greet(&mut stream, Side::Listener, secret).await?;
                let (read, write) = tokio::io::split(stream);
                let stream = (Box::new(read) as _, Box::new(write) as _);
                Ok(Link::over(stream, Limits::STRANGER, style, peer))
            }
        }
    };
    match tokio::time::timeout(GREETING_TIME, greeted).await {
        Ok(Ok(link)) => introduce(link, arrivals).await,
        Ok(Err::<_, super::handshake::Mismatch>(error)) => {
            tracing::warn!(peer = %from, %error, "connection refused");
        }
        Err(_) => tracing::warn!(peer = %from, "connection refused: it says nothing"),
    }
    drop(permit);
}

async fn introduce(mut link: Link, arrivals: UnboundedSender<Arrival>) {
    match link.incoming.recv_within(GREETING_TIME).await {
        Ok(hello) => {
            link.incoming.limit(Limits::TRUSTED);
            // If nobody takes it, the node is ending.
            let _ = arrivals.send(Arrival { hello, link });
        }
        Err(error) => tracing::warn!(peer = &*link.peer, %error, "connection refused"),
    }
}

/// Sends at once, and notices that the other side is gone.
pub(crate) fn tune(stream: &TcpStream) -> io::Result<()> {
    const IDLE: Duration = Duration::from_secs(10);
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(IDLE).with_interval(Duration::from_secs(2));
    socket.set_tcp_keepalive(&keepalive.with_retries(10))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(Duration::from_secs(30)))?;
    Ok(())
}

/// Within one machine nothing is damaged on the way, and nothing is gained by compressing.
pub(crate) fn style(stream: &TcpStream) -> Style {
    let here = match (stream.peer_addr(), stream.local_addr()) {
        (Ok(peer), Ok(local)) => peer.ip().is_loopback() || peer.ip() == local.ip(),
        _ => false,
    };
    if here { Style::default() } else { Style { checked: true, codec: Compression::Lz4 } }
}
