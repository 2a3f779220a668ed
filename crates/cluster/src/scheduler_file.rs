//! The file by which clients and workers find a scheduler, and show that they may:
//! [`SchedulerFile`].

use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::error::{BindError, ConnectError};
use crate::net::secret::Secret;
use crate::security::Security;

/// What stands in a scheduler file. Only its owner can read the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerFile {
    /// Where the scheduler is.
    pub address: String,
    /// Unlike that of any other scheduler.
    pub id: String,
    /// The secret of the cluster in hexadecimal form, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl SchedulerFile {
    /// Writes it, at once: nobody sees half of it.
    ///
    /// # Errors
    /// If the system says no.
    pub fn write(&self, path: &Path) -> Result<(), BindError> {
        let write = || -> io::Result<()> {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder)?;
            // Temporary files can be read by their owner only, and stay so when renamed.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut file, self)?;
            file.write_all(b"\n")?;
            file.persist(path)?;
            Ok(())
        };
        write().map_err(|source| BindError::File { path: path.to_path_buf(), source })
    }

    /// Reads one.
    ///
    /// # Errors
    /// If it cannot be read, or is not one.
    pub fn read(path: &Path) -> Result<SchedulerFile, ConnectError> {
        let error = |why: String| ConnectError::File { path: path.to_path_buf(), why };
        let text = std::fs::read(path).map_err(|e| error(e.to_string()))?;
        serde_json::from_slice(&text).map_err(|e| error(e.to_string()))
    }

    /// Removes it when its scheduler ends, unless it is another one's by now.
    pub(crate) fn remove(path: &Path, id: &str) {
        if SchedulerFile::read(path).is_ok_and(|file| file.id == id) {
            // A file that stays leads nowhere, which who reads it will hear.
            let _ = std::fs::remove_file(path);
        }
    }

    /// Where the scheduler is, and what it asks for. Certificates are kept.
    ///
    /// # Errors
    /// If the address or the secret makes no sense.
    pub fn resolve(&self, mut security: Security) -> Result<(Address, Security), ConnectError> {
        if let Some(hex) = &self.secret {
            let secret = Secret::from_hex(hex).ok_or_else(|| ConnectError::File {
                path: Path::new(&self.address).to_path_buf(),
                why: "the secret is not a hexadecimal number of 16 bytes or more".to_string(),
            })?;
            security.secret = Some(secret);
        }
        Ok((self.address.parse()?, security))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_scheduler_file_is_for_its_owner_and_leads_to_the_scheduler() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/scheduler.json");
        let secret = Secret::random();
        let file = SchedulerFile {
            address: "tcp://10.0.0.1:8786".to_string(),
            id: "Scheduler-1".to_string(),
            secret: Some(secret.to_hex()),
        };
        file.write(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read = SchedulerFile::read(&path).unwrap();
        assert_eq!(read, file);
        let (address, security) = read.resolve(Security::default()).unwrap();
        assert_eq!(address.to_string(), file.address);
        assert_eq!(security.secret, Some(secret));
    }

    #[test]
    fn a_file_that_is_none_is_named() {
        let error = SchedulerFile::read(Path::new("/nowhere.json")).unwrap_err();
        assert!(error.to_string().contains("/nowhere.json"), "{error}");
    }
}
