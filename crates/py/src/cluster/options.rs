//! Options of schedulers and workers, from the names that Python has for them.

use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};
use raskt_cluster::Security;
use raskt_scheduler::Config as SchedulerConfig;
use raskt_worker::Config as WorkerConfig;

use super::connection::security_of;
use super::question::resources_of;

/// Options by name; what is missing or None is not given.
pub(crate) struct Options<'a, 'py>(pub(crate) &'a Bound<'py, PyDict>);

impl<'py> Options<'_, 'py> {
    fn get(&self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.0.get_item(name)?.filter(|value| !value.is_none()))
    }

    /// An option of the configuration, by its dotted name.
    fn config(&self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(config) = self.get("config")? else { return Ok(None) };
        Ok(config.cast::<PyDict>()?.get_item(name)?.filter(|value| !value.is_none()))
    }

    /// What a node shows and asks, by the option `security`.
    pub(crate) fn security(&self) -> PyResult<Security> {
        let security = self.0.get_item("security")?;
        let security = security.map(|security| security.cast_into::<PyDict>()).transpose()?;
        security_of(security.as_ref())
    }

    pub(crate) fn text(&self, name: &str) -> PyResult<Option<String>> {
        let text = self.get(name)?.map(|value| value.str()?.extract::<String>()).transpose()?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    pub(crate) fn number<T: TryFrom<u64>>(&self, name: &str) -> PyResult<Option<T>> {
        let Some(value) = self.get(name)? else { return Ok(None) };
        let wrong = || PyValueError::new_err(format!("'{name}' cannot be {value}"));
        let number: u64 = value.extract().map_err(|_| wrong())?;
        T::try_from(number).map(Some).map_err(|_| wrong())
    }

    pub(crate) fn flag(&self, name: &str) -> PyResult<bool> {
        self.get(name)?.map_or(Ok(false), |value| value.is_truthy())
    }

    pub(crate) fn duration(&self, name: &str) -> PyResult<Option<Duration>> {
        let seconds: Option<f64> = self.get(name)?.map(|value| value.extract()).transpose()?;
        Ok(seconds
            .filter(|seconds| seconds.is_finite() && *seconds > 0.0)
            .map(|seconds| Duration::from_secs_f64(seconds.min(1e9))))
    }

    pub(crate) fn fraction(&self, name: &str) -> PyResult<Option<f64>> {
        self.get(name)?.map(|value| value.extract()).transpose()
    }

    pub(crate) fn pairs(&self, name: &str) -> PyResult<Vec<(Arc<str>, Arc<str>)>> {
        let Some(pairs) = self.get(name)? else { return Ok(Vec::new()) };
        let text = |object: Bound<'_, PyAny>| -> PyResult<Arc<str>> {
            Ok(object.str()?.extract::<String>()?.into())
        };
        pairs.cast::<PyDict>()?.iter().map(|(a, b)| Ok((text(a)?, text(b)?))).collect()
    }

    fn seconds(&self, name: &str) -> PyResult<Option<u64>> {
        let seconds: Option<f64> = self.config(name)?.map(|value| value.extract()).transpose()?;
        Ok(seconds.map(|seconds| (seconds.clamp(0.0, 1e9) * 1e6) as u64))
    }

    /// A share of memory; `false` switches the limit off.
    fn share(&self, name: &str, default: Option<f64>) -> PyResult<Option<f64>> {
        match self.config(name)? {
            None => Ok(default),
            Some(value) if value.is_exact_instance_of::<PyBool>() => {
                Ok(default.filter(|_| value.is_truthy().unwrap_or(false)))
            }
            Some(value) => Ok(Some(value.extract()?)),
        }
    }
}

/// How a scheduler is to decide.
pub(crate) fn scheduler_config(options: &Options<'_, '_>) -> PyResult<SchedulerConfig> {
    let mut config = SchedulerConfig::default();
    if let Some(value) = options.config("worker-saturation")? {
        config.saturation = value.extract()?;
    }
    if let Some(value) = options.config("allowed-failures")? {
        config.allowed_failures = value.extract()?;
    }
    if let Some(value) = options.config("bandwidth")? {
        config.bandwidth = value.extract::<f64>()? as u64;
    }
    if let Some(value) = options.config("work-stealing")? {
        config.stealing = value.is_truthy()?;
    }
    if let Some(value) = options.config("active-memory-manager.start")? {
        config.memory_manager = value.is_truthy()?;
    }
    if let Some(us) = options.seconds("work-stealing-interval")? {
        config.stealing_interval_us = us;
    }
    if let Some(us) = options.seconds("active-memory-manager.interval")? {
        config.memory_manager_interval_us = us;
    }
    if let Some(us) = options.seconds("unknown-task-duration")? {
        config.unknown_duration_us = us;
    }
    if let Some(us) = options.seconds("locks.lease-timeout")? {
        config.lease_timeout_us = us;
    }
    config.no_workers_timeout_us = options.seconds("no-workers-timeout")?;
    config.worker_ttl_us = options.seconds("worker-ttl")?.or(config.worker_ttl_us);
    config.idle_timeout_us = options.seconds("idle-timeout")?;
    if let Some(idle) = options.duration("idle_timeout")? {
        config.idle_timeout_us = Some(idle.as_micros() as u64);
    }
    Ok(config)
}

/// How a worker is to decide.
pub(crate) fn worker_config(options: &Options<'_, '_>) -> PyResult<WorkerConfig> {
    let mut config = WorkerConfig::default();
    config.nthreads = options.number("nthreads")?.unwrap_or(config.nthreads);
    config.memory_limit = options.number("memory_limit")?.unwrap_or(0);
    if let Some(resources) = options.get("resources")? {
        config.resources = resources_of(resources.cast::<PyDict>()?)?;
    }
    config.target = options.share("memory.target", config.target)?;
    config.spill = options.share("memory.spill", config.spill)?;
    config.pause = options.share("memory.pause", config.pause)?;
    if let Some(value) = options.config("memory.transfer")? {
        config.transfer = value.extract()?;
    }
    if let Some(value) = options.config("connections.outgoing")? {
        config.connections = value.extract()?;
    }
    if let Some(value) = options.config("transfer.message-bytes-limit")? {
        config.message_bytes = value.extract::<f64>()? as u64;
    }
    Ok(config)
}
