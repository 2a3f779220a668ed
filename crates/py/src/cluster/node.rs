//! Schedulers and workers that run in this process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::exceptions::{PyKeyError, PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use raskt_cluster::worker::{WorkerLink, WorkerOptions, WorkerServer};
use raskt_cluster::{
    Address, BindError, SchedulerHandle as Scheduler, SchedulerOptions, SchedulerServer,
    WorkerHandle as Worker,
};

use super::answer::answer;
use super::callbacks::call_soon;
use super::connection::address_of;
use super::current::running;
use super::failure::request_error;
use super::future::wait;
use super::host::PyHost;
use super::options::{Options, scheduler_config, worker_config};
use super::question::{key_text, question};
use crate::value::to_python;

/// Starts a scheduler on a thread of this process, which needs no interpreter.
#[pyfunction]
pub(crate) fn start_scheduler(
    py: Python<'_>,
    options: &Bound<'_, PyDict>,
) -> PyResult<SchedulerHandle> {
    let given = Options(options);
    let all = SchedulerOptions {
        addresses: vec![scheduler_address(&given)?],
        security: given.security()?,
        scheduler_file: given.text("scheduler_file")?.map(PathBuf::from),
        config: scheduler_config(&given)?,
        ..SchedulerOptions::default()
    };
    let started = py.detach(|| SchedulerServer::start(all)).map_err(bind_error)?;
    Ok(SchedulerHandle(Arc::new(started)))
}

fn scheduler_address(options: &Options<'_, '_>) -> PyResult<Address> {
    let protocol = options.text("protocol")?.unwrap_or_else(|| "tcp".to_string());
    let host = options.text("host")?.unwrap_or_else(|| "127.0.0.1".to_string());
    if protocol == "inproc" {
        let name = options.text("id")?.unwrap_or(host);
        return address_of(&format!("inproc://{name}"));
    }
    let port: u16 = options.number("port")?.unwrap_or(0);
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    address_of(&format!("{protocol}://{host}:{port}"))
}

fn bind_error(error: BindError) -> PyErr {
    PyOSError::new_err(error.to_string())
}

/// A scheduler that runs in this process.
#[pyclass(frozen, module = "raskt._native")]
pub(crate) struct SchedulerHandle(Arc<Scheduler>);

#[pymethods]
impl SchedulerHandle {
    #[getter]
    fn address(&self) -> String {
        self.0.address().to_string()
    }

    #[getter]
    fn id(&self) -> &str {
        self.0.id()
    }

    /// Where its web pages are: nowhere.
    #[getter]
    fn dashboard(&self) -> &'static str {
        ""
    }

    /// The secret of its cluster in hexadecimal form, if it has one.
    #[getter]
    fn secret(&self) -> Option<String> {
        self.0.file().secret
    }

    #[getter]
    fn status(&self) -> &'static str {
        if self.0.wait(Some(Duration::ZERO)).is_some() { "closed" } else { "running" }
    }

    /// Ends it, and waits until it has ended.
    #[pyo3(signature = (timeout = None))]
    fn close(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        self.0.close("it was closed");
        self.wait(py, timeout)
    }

    /// Waits until it has ended; False if time is up.
    #[pyo3(signature = (timeout = None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        wait(py, timeout, |slice| self.0.wait(Some(slice)).is_some())
    }

    /// Calls `callback` with this when it has ended.
    fn on_closed(slf: Bound<'_, Self>, callback: Py<PyAny>) -> PyResult<()> {
        let (scheduler, handle) = (Arc::downgrade(&slf.get().0), slf.unbind());
        let watch = move || {
            // While it runs, somebody holds it.
            while let Some(scheduler) = scheduler.upgrade() {
                if scheduler.wait(Some(Duration::from_millis(200))).is_some() {
                    break;
                }
            }
            call_soon(move |py| callback.call1(py, (handle,)).map(drop));
        };
        std::thread::Builder::new().name("raskt-watch".to_string()).spawn(watch)?;
        Ok(())
    }
}

/// Starts a worker in this process: it joins the scheduler, and runs Python tasks on threads of
/// its own. `host` answers what else is asked of it.
#[pyfunction]
pub(crate) fn run_worker(
    py: Python<'_>,
    address: &str,
    options: &Bound<'_, PyDict>,
    host: Py<PyAny>,
) -> PyResult<WorkerHandle> {
    let given = Options(options);
    let scheduler = address_of(address)?;
    let defaults = WorkerOptions::default();
    let listen = match (given.text("listen_address")?, given.text("host")?) {
        (Some(address), _) => Some(address_of(&address)?),
        (None, Some(host)) => {
            let port: u16 = given.number("port")?.unwrap_or(0);
            let scheme = scheduler.scheme();
            let host = if host.contains(':') { format!("[{host}]") } else { host };
            Some(address_of(&format!("{scheme}://{host}:{port}"))?)
        }
        (None, None) => None,
    };
    let all = WorkerOptions {
        scheduler,
        security: given.security()?,
        listen,
        contact: given.text("contact_address")?.map(|text| address_of(&text)).transpose()?,
        name: given.text("name")?.unwrap_or_default().into(),
        config: worker_config(&given)?,
        nanny: given.text("nanny")?.unwrap_or_default().into(),
        local_directory: given
            .text("local_directory")?
            .map_or(defaults.local_directory.clone(), PathBuf::from),
        versions: given.pairs("versions")?,
        death_timeout: given.duration("death_timeout")?.or(given.duration("timeout")?),
        lifetime: given.duration("lifetime")?,
        lifetime_restart: given.flag("lifetime_restart")?,
        ..defaults
    };
    let host = Arc::new(PyHost::new(host));
    let started = py.detach(|| WorkerServer::start(all, host));
    let worker = started.map_err(|error| PyOSError::new_err(error.to_string()))?;
    let link = worker.link().clone();
    Ok(WorkerHandle { link, worker: Mutex::new(Some(Arc::new(worker))) })
}

/// A worker that runs in this process.
#[pyclass(frozen, module = "raskt._native")]
pub(crate) struct WorkerHandle {
    link: Arc<WorkerLink>,
    /// Whoever started the worker has it; it ends when this is dropped.
    worker: Mutex<Option<Arc<Worker>>>,
}

impl WorkerHandle {
    /// What a worker's own program sees of it.
    pub(crate) fn of_link(link: Arc<WorkerLink>) -> WorkerHandle {
        WorkerHandle { link, worker: Mutex::new(None) }
    }
}

#[pymethods]
impl WorkerHandle {
    #[getter]
    fn address(&self) -> &str {
        self.link.address()
    }

    #[getter]
    fn name(&self) -> &str {
        self.link.name()
    }

    #[getter]
    fn status(&self) -> &'static str {
        match self.link.ended() {
            Some(_) => "closed",
            None => "running",
        }
    }

    #[getter]
    fn close_reason(&self) -> String {
        self.link.ended().map(|reason| reason.to_string()).unwrap_or_default()
    }

    /// Is it to be started again?
    #[getter]
    fn restart(&self) -> bool {
        let worker = self.worker.lock().clone();
        worker.and_then(|worker| worker.wait(Some(Duration::ZERO))).is_some_and(|end| end.restart)
    }

    /// Ends it, and waits until it has ended.
    #[pyo3(signature = (timeout = None))]
    fn close(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        self.link.close("it was closed");
        self.wait(py, timeout)
    }

    /// Moves its results to others, and ends it.
    fn retire(&self) {
        if let Some(worker) = self.worker.lock().clone() {
            worker.retire("it was retired");
        }
    }

    /// Waits until it has ended; False if time is up.
    #[pyo3(signature = (timeout = None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let worker = self.worker.lock().clone();
        match worker {
            Some(worker) => wait(py, timeout, |slice| worker.wait(Some(slice)).is_some()),
            None => Ok(self.link.ended().is_some()),
        }
    }

    /// Asks the scheduler something, and waits for the answer.
    #[pyo3(name = "request", signature = (name, /, **fields))]
    fn ask<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        fields: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let question = question(name, fields)?;
        let said = py.detach(|| self.link.ask(question, None));
        answer(py, said.map_err(|error| request_error(py, error))?)
    }

    /// The keys of the results that are here.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let keys: Vec<Arc<str>> = self.link.keys();
        PyList::new(py, keys.iter().map(|key| &**key))
    }

    /// The tasks that run here, and the threads that run them, as Python numbers them.
    fn executing<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (key, thread) in running(&self.link) {
            dict.set_item(&*key, thread)?;
        }
        Ok(dict)
    }

    /// The result with this key.
    fn value<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let text = key_text(key)?;
        let value = match self.link.uid_of(&text) {
            None => None,
            Some(uid) => {
                self.link.value(uid).map_err(|e| PyRuntimeError::new_err(e.to_string()))?
            }
        };
        match value {
            Some(value) => to_python(py, &value),
            None => Err(PyKeyError::new_err(text.to_string())),
        }
    }
}
