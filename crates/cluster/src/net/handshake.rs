//! The first bytes of a connection, before any message.
//!
//! Both sides send a greeting of the same form in every version: magic, version of the protocol,
//! whether they ask for the secret, features, and a number that is used once. If one of them
//! asks, the caller proves first that it knows the secret, then the listener does.

use std::io;

use raskt_wire::PROTOCOL;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::secret::{Nonce, Proof, Secret, Side, random};

/// Why two sides do not come together.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Mismatch {
    #[error("the other side does not speak the protocol of raskt")]
    NotOurs,
    #[error(
        "the other side speaks version {0} of the protocol, this program version {PROTOCOL}; \
         install the same version of raskt on both sides"
    )]
    Version(u32),
    #[error("one side asks for a secret, and the other has none; use the scheduler file")]
    SecretNeeded,
    #[error("the other side has another secret; use the scheduler file of this scheduler")]
    SecretWrong,
    #[error(transparent)]
    Io(#[from] io::Error),
}

const MAGIC: [u8; 8] = *b"\x89raskt\r\n";
const GREETING_BYTES: usize = 52;
const ASKS_FOR_SECRET: u32 = 1;
const ACCEPTED: u8 = 1;

struct Greeting {
    protocol: u32,
    asks: bool,
    nonce: Nonce,
}

impl Greeting {
    fn bytes(&self) -> [u8; GREETING_BYTES] {
        let mut bytes = [0; GREETING_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&self.protocol.to_le_bytes());
        bytes[12..16].copy_from_slice(&(u32::from(self.asks) * ASKS_FOR_SECRET).to_le_bytes());
        bytes[20..].copy_from_slice(&self.nonce);
        bytes
    }

    fn of(bytes: &[u8; GREETING_BYTES]) -> Result<Greeting, Mismatch> {
        if bytes[..8] != MAGIC {
            return Err(Mismatch::NotOurs);
        }
        let number = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let protocol = number(8);
        if protocol != PROTOCOL {
            return Err(Mismatch::Version(protocol));
        }
        let mut nonce = [0; 32];
        nonce.copy_from_slice(&bytes[20..]);
        Ok(Greeting { protocol, asks: number(12) & ASKS_FOR_SECRET != 0, nonce })
    }
}

/// Speaks first bytes with the other side; Ok if both may go on.
pub(crate) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    side: Side,
    secret: Option<&Secret>,
) -> Result<(), Mismatch> {
    let ours = Greeting { protocol: PROTOCOL, asks: secret.is_some(), nonce: random() };
    stream.write_all(&ours.bytes()).await?;
    stream.flush().await?;
    let theirs = read_greeting(stream).await?;
    if !ours.asks && !theirs.asks {
        return Ok(());
    }
    let Some(secret) = secret else { return Err(Mismatch::SecretNeeded) };
    match side {
        Side::Caller if !theirs.asks => Err(Mismatch::SecretWrong),
        Side::Caller => call(stream, secret, &ours.nonce, &theirs.nonce).await,
        Side::Listener => answer(stream, secret, &theirs.nonce, &ours.nonce).await,
    }
}

/// Reads the magic first: another protocol may have fewer bytes to say than ours.
async fn read_greeting<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Greeting, Mismatch> {
    let mut bytes = [0; GREETING_BYTES];
    let mut have = 0;
    while have < GREETING_BYTES {
        let count = stream.read(&mut bytes[have..]).await?;
        have += count;
        let magic = have.min(MAGIC.len());
        if bytes[..magic] != MAGIC[..magic] {
            return Err(Mismatch::NotOurs);
        }
        if count == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
    Greeting::of(&bytes)
}

async fn call<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    secret: &Secret,
    caller: &Nonce,
    listener: &Nonce,
) -> Result<(), Mismatch> {
    stream.write_all(&secret.prove(Side::Caller, caller, listener)).await?;
    stream.flush().await?;
    let mut proof: Proof = [0; 32];
    let accepted = stream.read_u8().await? == ACCEPTED;
    stream.read_exact(&mut proof).await?;
    if accepted && secret.accepts(&proof, Side::Listener, caller, listener) {
        Ok(())
    } else {
        Err(Mismatch::SecretWrong)
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    secret: &Secret,
    caller: &Nonce,
    listener: &Nonce,
) -> Result<(), Mismatch> {
    let mut proof: Proof = [0; 32];
    stream.read_exact(&mut proof).await?;
    let mut reply = [0; 33];
    let accepted = secret.accepts(&proof, Side::Caller, caller, listener);
    if accepted {
        reply[0] = ACCEPTED;
        reply[1..].copy_from_slice(&secret.prove(Side::Listener, caller, listener));
    }
    stream.write_all(&reply).await?;
    stream.flush().await?;
    if accepted { Ok(()) } else { Err(Mismatch::SecretWrong) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(caller: Option<&Secret>, listener: Option<&Secret>) -> [Result<(), Mismatch>; 2] {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut a, mut b) = tokio::io::duplex(1000);
            let call = async {
                let result = greet(&mut a, Side::Caller, caller).await;
                drop(a);
                result
            };
            let listen = async {
                let result = greet(&mut b, Side::Listener, listener).await;
                drop(b);
                result
            };
            let (call, listen) = tokio::join!(call, listen);
            [call, listen]
        })
    }

    #[test]
    fn only_those_with_the_same_secret_or_without_any_come_together() {
        let (one, other) = (Secret::random(), Secret::random());
        assert!(both(None, None).iter().all(Result::is_ok));
        assert!(both(Some(&one), Some(&one)).iter().all(Result::is_ok));
        let wrong = both(Some(&one), Some(&other));
        assert!(wrong.iter().all(|r| matches!(r, Err(Mismatch::SecretWrong))), "{wrong:?}");
        assert!(matches!(both(None, Some(&one))[0], Err(Mismatch::SecretNeeded)));
        assert!(matches!(both(Some(&one), None)[0], Err(Mismatch::SecretWrong)));
    }

    #[test]
    fn other_versions_and_protocols_are_named() {
        let mut bytes = Greeting { protocol: 7, asks: false, nonce: [0; 32] }.bytes();
        assert!(matches!(Greeting::of(&bytes), Err(Mismatch::Version(7))));
        bytes[..8].copy_from_slice(b"GET / HT");
        assert!(matches!(Greeting::of(&bytes), Err(Mismatch::NotOurs)));
    }
}
