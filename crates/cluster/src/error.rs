//! What goes wrong between nodes: [`BindError`], [`ConnectError`], [`LinkError`].

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use raskt_wire::WireError;

use crate::address::{Address, AddressError};

/// A node cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program listens there.
    #[error(
        "port {port} of {host} is in use by another program; \
         end that program, name another port, or 0 for any that is free"
    )]
    InUse {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// Anybody could run programs here.
    #[error(
        "{address} can be reached from other machines, and whoever reaches it can run programs \
         here; give a shared secret (a scheduler file makes one) or TLS certificates, \
         or listen on 127.0.0.1"
    )]
    Open {
        /// Where it should listen.
        address: Address,
    },
    /// The system says no.
    #[error("cannot listen on {address}: {source}")]
    Io {
        /// Where it should listen.
        address: Address,
        /// What the system says.
        source: io::Error,
    },
    /// A name within the process is taken.
    #[error("inproc://{0} is taken; choose another name")]
    NameTaken(String),
    /// Certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The scheduler file cannot be written.
    #[error("cannot write the scheduler file {path}: {source}", path = path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Certificates or their keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {what} from {path}: {why}", path = path.display())]
    File {
        /// What is read.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A tls:// address without certificates.
    #[error("{0} needs certificates: give the files of the authority, the certificate and the key")]
    NoFiles(Address),
    /// They do not fit together.
    #[error("the TLS certificates cannot be used: {0}")]
    Unusable(String),
}

/// A node cannot be reached, or does not want us.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address makes no sense.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Nobody answers.
    #[error("cannot reach {address} within {waited:?}: {source}; does a node listen there?")]
    Unreachable {
        /// Whom.
        address: Address,
        /// How long it was tried.
        waited: Duration,
        /// What the system said last.
        source: io::Error,
    },
    /// It does not speak our protocol.
    #[error("what listens at {address} is not raskt, or answers a tcp:// call with TLS")]
    NotOurs {
        /// Whom.
        address: Address,
    },
    /// It is of another version.
    #[error(
        "{address} speaks version {theirs} of the protocol, this program version {ours}; \
         install the same version of raskt on both sides"
    )]
    Version {
        /// Whom.
        address: Address,
        /// Our version.
        ours: u32,
        /// Theirs.
        theirs: u32,
    },
    /// It wants a secret that we do not have.
    #[error("{address} asks for a secret; connect with its scheduler file")]
    SecretNeeded {
        /// Whom.
        address: Address,
    },
    /// Our secret is not theirs.
    #[error("the secret is not that of {address}; is the scheduler file of another scheduler?")]
    SecretWrong {
        /// Whom.
        address: Address,
    },
    /// It says that it does not want us.
    #[error("{address} refused the connection: {reason}")]
    Refused {
        /// Who.
        address: Address,
        /// What it says.
        reason: String,
    },
    /// Certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The connection broke in the middle.
    #[error("the connection to {address} ended before it was complete: {source}")]
    Link {
        /// Whom.
        address: Address,
        /// How.
        source: LinkError,
    },
    /// The scheduler file cannot be read.
    #[error("cannot read the scheduler file {path}: {why}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}

/// A connection ended.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The other side closed it, between two messages.
    #[error("the other side closed the connection")]
    Closed,
    /// The system says that it is gone.
    #[error("the connection was lost: {0}")]
    Io(#[from] io::Error),
    /// What came is not a message.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// More is waiting to be sent than may be.
    #[error("the other side does not read: {queued} bytes wait to be sent")]
    Stuck {
        /// How many bytes.
        queued: usize,
    },
    /// A message does not fit into memory.
    #[error("there is no memory for a message of {0} bytes")]
    OutOfMemory(u64),
    /// It took too long.
    #[error("nothing came within {0:?}")]
    Silent(Duration),
}
