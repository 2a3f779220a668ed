//! `Reply`: an answer of the scheduler that comes.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use raskt_cluster::client::Reply as Coming;

use super::answer::answer;
use super::callbacks::call_soon;
use super::failure::request_error;
use super::future::wait;

/// An answer of the scheduler that comes.
#[pyclass(frozen, module = "raskt._native")]
pub(crate) struct Reply(pub(crate) Coming);

#[pymethods]
impl Reply {
    /// Waits for it; False if time is up.
    #[pyo3(signature = (timeout = None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        wait(py, timeout, |slice| self.0.wait(Some(slice)))
    }

    /// The answer; waits for it. Raises what went wrong.
    fn result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.wait(py, None)?;
        let come = self.0.get().ok_or_else(|| PyRuntimeError::new_err("there is no answer"))?;
        answer(py, come.map_err(|error| request_error(py, error))?)
    }

    /// Calls `callback` with this reply on another thread, as soon as the answer is there.
    fn add_done_callback(slf: Bound<'_, Self>, callback: Py<PyAny>) {
        let reply = slf.clone().unbind();
        slf.get().0.on_done(move || {
            call_soon(move |py| callback.call1(py, (reply,)).map(drop));
        });
    }
}
