//! Calling a node: [`connect`].

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use raskt_wire::{Hello, Welcome};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;

use super::frame::Limits;
use super::handshake::{Mismatch, greet};
use super::link::Link;
use super::listen::{style, tune};
use super::local;
use super::secret::Side;
use crate::address::Address;
use crate::error::{ConnectError, LinkError, TlsError};
use crate::security::Security;

/// Between two attempts, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Calls a node, says who we are, and gives what it says to that. While nobody answers it is
/// tried again, for as long as `timeout`.
pub(crate) async fn connect(
    address: &Address,
    security: &Security,
    hello: Hello,
    timeout: Duration,
) -> Result<(Link, Welcome), ConnectError> {
    let start = Instant::now();
    let mut pause = PAUSE.0;
    loop {
        let left = timeout.saturating_sub(start.elapsed());
        let error = match connect_once(address, security, hello.clone(), left).await {
            Err(ConnectError::Unreachable { source, .. }) => source,
            result => return result,
        };
        if start.elapsed() + pause >= timeout {
            let waited = start.elapsed();
            return Err(ConnectError::Unreachable {
                address: address.clone(),
                waited,
                source: error,
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// The same, tried once: for nodes that are there, or gone for good.
pub(crate) async fn connect_once(
    address: &Address,
    security: &Security,
    hello: Hello,
    timeout: Duration,
) -> Result<(Link, Welcome), ConnectError> {
    let attempt = tokio::time::timeout(timeout, attempt(address, security, hello));
    attempt.await.unwrap_or_else(|_| {
        let source = io::Error::new(io::ErrorKind::TimedOut, "it does not answer");
        Err(ConnectError::Unreachable { address: address.clone(), waited: timeout, source })
    })
}

async fn attempt(
    address: &Address,
    security: &Security,
    hello: Hello,
) -> Result<(Link, Welcome), ConnectError> {
    let mut link = open(address, security).await?;
    link.outbox.send(hello);
    let broken = |source| ConnectError::Link { address: address.clone(), source };
    match link.incoming.recv().await.map_err(broken)? {
        Welcome::Refused { reason } => {
            Err(ConnectError::Refused { address: address.clone(), reason: reason.to_string() })
        }
        welcome => Ok((link, welcome)),
    }
}

async fn open(address: &Address, security: &Security) -> Result<Link, ConnectError> {
    let unreachable = |source| ConnectError::Unreachable {
        address: address.clone(),
        waited: Duration::ZERO,
        source,
    };
    let (host, port, tls) = match address {
        Address::Local(name) => {
            let nobody = || unreachable(io::ErrorKind::ConnectionRefused.into());
            return local::call(name).ok_or_else(nobody);
        }
        Address::Tcp { host, port } => (host, port, None),
        Address::Tls { host, port } => {
            let missing = || TlsError::NoFiles(address.clone());
            (host, port, Some(security.tls().ok_or_else(missing)?))
        }
    };
    let mut stream = TcpStream::connect((host.as_str(), *port)).await.map_err(unreachable)?;
    tune(&stream).map_err(unreachable)?;
    let style = style(&stream);
    let peer: Arc<str> = address.to_string().into();
    let secret = security.secret.as_ref();
    let mismatch = |error| mismatch(address, error);
    let streams = match tls {
        None => {
            greet(&mut stream, Side::Caller, secret).await.map_err(mismatch)?;
            let (read, write) = stream.into_split();
            (Box::new(read) as _, Box::new(write) as _)
        }
        Some(tls) => {
            let name = ServerName::try_from(host.clone())
                .map_err(|e| TlsError::Unusable(format!("{host}: {e}")))?;
            let mut stream =
                tls.connector.connect(name, stream).await.map_err(|e| mismatch(Mismatch::Io(e)))?;
            greet(&mut stream, Side::Caller, secret).await.map_err(mismatch)?;
            let (read, write) = tokio::io::split(stream);
            (Box::new(read) as _, Box::new(write) as _)
        }
    };
    Ok(Link::over(streams, Limits::TRUSTED, style, peer))
}

fn mismatch(address: &Address, error: Mismatch) -> ConnectError {
    let address = address.clone();
    match error {
        Mismatch::NotOurs => ConnectError::NotOurs { address },
        Mismatch::Version(theirs) => {
            ConnectError::Version { address, ours: raskt_wire::PROTOCOL, theirs }
        }
        Mismatch::SecretNeeded => ConnectError::SecretNeeded { address },
        Mismatch::SecretWrong => ConnectError::SecretWrong { address },
        // TLS says why in the kind of error that says that data makes no sense.
        Mismatch::Io(e) if e.kind() == io::ErrorKind::InvalidData => {
            ConnectError::Tls(TlsError::Unusable(format!("{address}: {e}")))
        }
        Mismatch::Io(e) => ConnectError::Link { address, source: LinkError::Io(e) },
    }
}
