//! What all nodes of a cluster know: [`Secret`], and how one proves to know it.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio_rustls::rustls::crypto::ring;

/// A shared secret. It never crosses the network and is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<[u8]>);

/// A number that is used once.
pub(crate) type Nonce = [u8; 32];
/// Shows that somebody knows the secret.
pub(crate) type Proof = [u8; 32];

/// Who proves it. Otherwise one side could send back what it got from the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Caller,
    Listener,
}

impl Secret {
    /// A new one.
    ///
    /// # Panics
    /// If the system has no random numbers.
    pub fn random() -> Secret {
        Secret(Arc::new(random()))
    }

    /// From its hexadecimal form. None if it is not one, or has fewer than 16 bytes.
    pub fn from_hex(text: &str) -> Option<Secret> {
        if !text.len().is_multiple_of(2) || text.len() < 32 || !text.is_ascii() {
            return None;
        }
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).ok();
        let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
        Some(Secret(bytes?.into()))
    }

    /// In hexadecimal form, for the scheduler file.
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What shows that `side` knows the secret.
    pub(crate) fn prove(&self, side: Side, caller: &Nonce, listener: &Nonce) -> Proof {
        self.mac(side, caller, listener).finalize().into_bytes().into()
    }

    /// Does this show it? Takes the same time for every wrong proof.
    pub(crate) fn accepts(
        &self,
        proof: &Proof,
        side: Side,
        caller: &Nonce,
        listener: &Nonce,
    ) -> bool {
        self.mac(side, caller, listener).verify_slice(proof).is_ok()
    }

    fn mac(&self, side: Side, caller: &Nonce, listener: &Nonce) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("keys may have any length");
        mac.update(match side {
            Side::Caller => b"raskt caller",
            Side::Listener => b"raskt listener",
        });
        mac.update(caller);
        mac.update(listener);
        mac
    }
}

/// Random bytes of the system.
pub(crate) fn random() -> Nonce {
    let mut bytes = [0; 32];
    let provider = ring::default_provider();
    provider.secure_random.fill(&mut bytes).expect("the system has random numbers");
    bytes
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_written_and_read() {
        let secret = Secret::random();
        assert_eq!(Secret::from_hex(&secret.to_hex()), Some(secret.clone()));
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        for text in ["", "00", "0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g"] {
            assert_eq!(Secret::from_hex(text), None);
        }
    }

    #[test]
    fn only_who_knows_the_secret_proves_it_and_only_for_its_side() {
        let (secret, a, b) = (Secret::random(), random(), random());
        let proof = secret.prove(Side::Caller, &a, &b);
        assert!(secret.accepts(&proof, Side::Caller, &a, &b));
        assert!(!secret.accepts(&proof, Side::Listener, &a, &b));
        assert!(!secret.accepts(&proof, Side::Caller, &b, &a));
        assert!(!Secret::random().accepts(&proof, Side::Caller, &a, &b));
    }
}
