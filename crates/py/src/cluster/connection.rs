//! Addresses, certificates and secrets as Python has them.

use std::io::Write;
use std::path::PathBuf;

use pyo3::exceptions::{PyOSError, PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use raskt_cluster::{Address, ConnectError, Secret, Security, TlsFiles};

/// An address from its text.
pub(crate) fn address_of(text: &str) -> PyResult<Address> {
    text.parse()
        .map_err(|e: <Address as std::str::FromStr>::Err| PyValueError::new_err(e.to_string()))
}

/// What a connection shows and asks: `secret`, or `ca_file`, `cert` and `key`, each of which is
/// a path or PEM text.
pub(crate) fn security_of(security: Option<&Bound<'_, PyDict>>) -> PyResult<Security> {
    let text = |name: &str| -> PyResult<Option<String>> {
        let Some(security) = security else { return Ok(None) };
        let found = security.get_item(name)?.filter(|value| !value.is_none());
        found.map(|value| value.str()?.extract()).transpose()
    };
    let mut kept = Vec::new();
    let mut file = |name| -> PyResult<Option<PathBuf>> {
        let Some(text) = text(name)? else { return Ok(None) };
        if !text.contains("-----BEGIN") {
            return Ok(Some(text.into()));
        }
        // Readable by its owner only, and gone when it has been read.
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(text.as_bytes())?;
        let path = file.path().to_path_buf();
        kept.push(file);
        Ok(Some(path))
    };
    let mut found = match (file("ca_file")?, file("cert")?, file("key")?) {
        (Some(authority), Some(certificate), Some(key)) => {
            let files = TlsFiles { authority, certificate, key };
            Security::with_tls(&files).map_err(|e| PyValueError::new_err(e.to_string()))?
        }
        _ => Security::default(),
    };
    if let Some(secret) = text("secret")? {
        let wrong = "a secret is 32 or more hexadecimal digits, as in a scheduler file";
        let secret = Secret::from_hex(&secret).ok_or_else(|| PyValueError::new_err(wrong))?;
        found.secret = Some(secret);
    }
    Ok(found)
}

/// The exception for a node that cannot be reached.
pub(crate) fn connect_error(_: Python<'_>, error: ConnectError) -> PyErr {
    match error {
        ConnectError::Unreachable { .. } => {
            PyTimeoutError::new_err(format!("Timed out trying to connect to a scheduler: {error}"))
        }
        ConnectError::Address(_) => PyValueError::new_err(error.to_string()),
        error => PyOSError::new_err(error.to_string()),
    }
}

/// A new certificate for this machine that is its own authority, and its key: both in PEM form.
#[pyfunction]
pub(crate) fn temporary_certificate() -> PyResult<(String, String)> {
    let names = ["localhost", "127.0.0.1", "::1"].map(String::from);
    let made = rcgen::generate_simple_self_signed(names);
    let made =
        made.map_err(|e| PyOSError::new_err(format!("no certificate could be made: {e}")))?;
    Ok((made.cert.pem(), made.signing_key.serialize_pem()))
}
