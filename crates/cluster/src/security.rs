//! Whom a node speaks with: [`Security`].

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::TlsError;
use crate::net::secret::Secret;
use crate::net::tls::Tls;

/// What a node shows to others, and asks of them.
///
/// Without anything, a node listens to its own machine only. With a secret, both sides of a
/// connection prove that they know it; what they say afterwards can be read on the way. With
/// certificates (`tls://`), both sides show one of the same authority, and all is encrypted.
#[derive(Clone, Debug, Default)]
pub struct Security {
    /// Known to all nodes of a cluster, and to nobody else.
    pub secret: Option<Secret>,
    tls: Option<Arc<Tls>>,
}

/// The files of TLS certificates, in PEM form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authority that signed the certificates of all nodes.
    pub authority: PathBuf,
    /// The certificate of this node.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Security {
    /// With a secret.
    pub fn with_secret(secret: Secret) -> Security {
        Security { secret: Some(secret), tls: None }
    }

    /// With certificates from files.
    ///
    /// # Errors
    /// If they cannot be read or do not fit together.
    pub fn with_tls(files: &TlsFiles) -> Result<Security, TlsError> {
        Ok(Security { secret: None, tls: Some(Arc::new(Tls::load(files)?)) })
    }

    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_deref()
    }
}
