//! Processes of workers that are kept running.

use std::ffi::OsString;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use raskt_cluster::{Nanny, NannyHandle as Keeper, NannyOptions};

use super::connection::address_of;
use super::future::wait;
use super::options::Options;

/// Starts a process, and starts it again when it dies, until it is closed.
#[pyfunction]
pub(crate) fn run_nanny(
    py: Python<'_>,
    address: &str,
    options: &Bound<'_, PyDict>,
    argv: Vec<OsString>,
    environ: std::collections::BTreeMap<String, String>,
) -> PyResult<NannyHandle> {
    let given = Options(options);
    let mut all = NannyOptions::new(argv, address_of(address)?);
    all.environment = environ.into_iter().collect();
    all.security = given.security()?;
    all.memory_limit = given.number("memory_limit")?.unwrap_or(0);
    all.terminate = given.fraction("terminate")?;
    all.memory_interval = given.duration("memory_interval")?.unwrap_or(all.memory_interval);
    Ok(NannyHandle(py.detach(|| Nanny::start(all))?))
}

/// A process that is kept running. It ends when this is dropped.
#[pyclass(frozen, module = "raskt._native")]
pub(crate) struct NannyHandle(Keeper);

#[pymethods]
impl NannyHandle {
    /// Unlike that of any other nanny.
    #[getter]
    fn id(&self) -> &str {
        self.0.id()
    }

    /// The number of the process; None if there is none now.
    #[getter]
    fn pid(&self) -> Option<u32> {
        self.0.pid()
    }

    /// How often the process was started.
    #[getter]
    fn starts(&self) -> u32 {
        self.0.starts()
    }

    #[getter]
    fn status(&self) -> &'static str {
        if self.0.wait(Some(Duration::ZERO)).is_some() { "closed" } else { "running" }
    }

    /// Ends the process and starts it again. Returns at once.
    #[pyo3(signature = (reason = "it was asked to"))]
    fn restart(&self, reason: &str) {
        self.0.restart(reason);
    }

    /// Ends the process. Returns at once.
    #[pyo3(signature = (reason = "it was closed"))]
    fn close(&self, reason: &str) {
        self.0.close(reason);
    }

    /// Waits until the process has ended for good; False if time is up.
    #[pyo3(signature = (timeout = None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        wait(py, timeout, |slice| self.0.wait(Some(slice)).is_some())
    }
}
