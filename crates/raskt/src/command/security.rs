//! Options that say whom a node trusts, and where its scheduler is: [`Trust`], [`Target`].

use std::path::PathBuf;

use raskt_cluster::{Address, SchedulerFile, Security, TlsFiles};

use super::CommandError;

/// Certificates.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct Trust {
    /// The certificate of the authority that signed those of all nodes (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert", requires = "tls_key")]
    tls_ca_file: Option<PathBuf>,
    /// The certificate of this node (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_ca_file")]
    tls_cert: Option<PathBuf>,
    /// The private key of this node (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_ca_file")]
    tls_key: Option<PathBuf>,
}

impl Trust {
    /// What the options say.
    pub(super) fn security(&self) -> Result<Security, CommandError> {
        let Trust { tls_ca_file, tls_cert, tls_key } = self;
        let (Some(authority), Some(certificate), Some(key)) = (tls_ca_file, tls_cert, tls_key)
        else {
            return Ok(Security::default());
        };
        Ok(Security::with_tls(&TlsFiles {
            authority: authority.clone(),
            certificate: certificate.clone(),
            key: key.clone(),
        })?)
    }

    /// The same options for another process.
    pub(super) fn arguments(&self) -> Vec<(&'static str, PathBuf)> {
        let Trust { tls_ca_file, tls_cert, tls_key } = self.clone();
        [("--tls-ca-file", tls_ca_file), ("--tls-cert", tls_cert), ("--tls-key", tls_key)]
            .into_iter()
            .filter_map(|(name, path)| Some((name, path?)))
            .collect()
    }
}

/// A scheduler that is there.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub(super) struct Target {
    /// The address of the scheduler: tcp://host:port or tls://host:port
    #[arg(value_name = "SCHEDULER", required_unless_present = "scheduler_file")]
    pub(super) scheduler: Option<String>,
    /// The file that the scheduler wrote, which says where it is and has its secret
    #[arg(long, value_name = "FILE", conflicts_with = "scheduler")]
    pub(super) scheduler_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) trust: Trust,
}

impl Target {
    /// Where the scheduler is, and what to show it.
    pub(super) fn resolve(&self) -> Result<(Address, Security), CommandError> {
        let security = self.trust.security()?;
        match (&self.scheduler, &self.scheduler_file) {
            (Some(address), _) => Ok((address.parse()?, security)),
            (None, Some(path)) => Ok(SchedulerFile::read(path)?.resolve(security)?),
            (None, None) => {
                let text = "name the address of a scheduler, or its --scheduler-file";
                Err(CommandError::Usage(text.to_string()))
            }
        }
    }
}
