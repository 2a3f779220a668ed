//! Questions to the scheduler as Python asks them: a name and fields.

use std::sync::Arc;

use bytes::Bytes;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use raskt_wire::{MemoryManagerOp, Question, SharedItem, SharedQuestion};

use crate::dict_graph;

/// The question with this name (a variant of [`Question`] or [`SharedQuestion`], in lower case
/// with underscores) and these fields.
pub(crate) fn question(name: &str, fields: Option<&Bound<'_, PyDict>>) -> PyResult<Question> {
    let fields = Fields { question: name, fields };
    if let Some(question) = of_data(name, &fields)? {
        return Ok(question);
    }
    if let Some(question) = of_cluster(name, &fields)? {
        return Ok(question);
    }
    let shared = match of_locks(name, &fields)? {
        Some(shared) => Some(shared),
        None => of_contents(name, &fields)?,
    };
    let unknown = || PyValueError::new_err(format!("the scheduler has no question '{name}'"));
    Ok(Question::Shared(shared.ok_or_else(unknown)?))
}

fn of_data(name: &str, fields: &Fields<'_, '_>) -> PyResult<Option<Question>> {
    Ok(Some(match name {
        "where" => Question::Where(fields.keys("keys")?),
        "contents" => Question::Contents(fields.names("workers")?),
        "processing" => Question::Processing(fields.names("workers")?),
        "holders" => Question::Holders(fields.keys("keys")?),
        "sizes" => Question::Sizes(fields.keys("keys")?),
        "states" => Question::States(fields.keys("keys")?),
        "story" => Question::Story(fields.keys("names")?),
        "spans" => Question::Spans {
            start_us: fields.seconds("start")?,
            stop_us: fields.seconds("stop")?,
            count: fields.number("count")?,
        },
        "replicate" => Question::Replicate {
            keys: fields.keys("keys")?,
            copies: fields.number("copies")?,
            workers: fields.names("workers")?,
        },
        "rebalance" => {
            Question::Rebalance { keys: fields.keys("keys")?, workers: fields.names("workers")? }
        }
        _ => return Ok(None),
    }))
}

fn of_cluster(name: &str, fields: &Fields<'_, '_>) -> PyResult<Option<Question>> {
    Ok(Some(match name {
        "cluster" => Question::Cluster,
        "dump" => Question::Dump,
        "shutdown" => Question::Shutdown,
        "retire" => Question::Retire {
            workers: fields.names("workers")?,
            count: fields.number("count")?,
            close: fields.flag("close", true)?,
            remove: fields.flag("remove", true)?,
        },
        "workers_to_close" => Question::WorkersToClose {
            count: fields.number("count")?,
            minimum: fields.number("minimum")?,
        },
        "adaptive_target" => Question::AdaptiveTarget { target_us: fields.seconds("target")? },
        "restart" => Question::Restart {
            workers: fields.names("workers")?,
            timeout_us: fields.seconds("timeout")?,
            wait: fields.flag("wait", true)?,
        },
        "wait_for_workers" => Question::WaitForWorkers {
            count: fields.number("count")?,
            timeout_us: fields.seconds("timeout")?,
        },
        "ask" => Question::Ask {
            workers: fields.names("workers")?,
            op: fields.text("op")?,
            payload: fields.bytes("payload")?,
        },
        "set_resources" => Question::SetResources {
            worker: fields.text("worker")?,
            resources: fields.resources("resources")?,
        },
        "memory_manager" => Question::MemoryManager(match &*fields.text("op")? {
            "start" => MemoryManagerOp::Start,
            "stop" => MemoryManagerOp::Stop,
            "once" => MemoryManagerOp::Once,
            "is_running" => MemoryManagerOp::IsRunning,
            op => return Err(PyValueError::new_err(format!("no operation is called '{op}'"))),
        }),
        _ => return Ok(None),
    }))
}

fn of_locks(name: &str, fields: &Fields<'_, '_>) -> PyResult<Option<SharedQuestion>> {
    use SharedQuestion as Q;
    let called = || fields.text("name");
    let timeout_us = || fields.limit("timeout");
    Ok(Some(match name {
        "semaphore_open" => Q::SemaphoreOpen { name: called()?, leases: fields.number("leases")? },
        "semaphore_acquire" => Q::SemaphoreAcquire {
            name: called()?,
            lease: fields.text("lease")?,
            timeout_us: timeout_us()?,
        },
        "semaphore_release" => {
            Q::SemaphoreRelease { name: called()?, lease: fields.text("lease")? }
        }
        "semaphore_refresh" => {
            Q::SemaphoreRefresh { name: called()?, leases: fields.names("leases")? }
        }
        "semaphore_value" => Q::SemaphoreValue(called()?),
        "semaphore_close" => Q::SemaphoreClose(called()?),
        "multi_lock_acquire" => Q::MultiLockAcquire {
            names: fields.names("names")?,
            owner: fields.text("owner")?,
            count: fields.number("count")?,
            timeout_us: timeout_us()?,
        },
        "multi_lock_release" => {
            Q::MultiLockRelease { names: fields.names("names")?, owner: fields.text("owner")? }
        }
        "flag_wait" => Q::FlagWait { name: called()?, timeout_us: timeout_us()? },
        "flag_set" => Q::FlagSet(called()?, fields.flag("value", true)?),
        "flag_get" => Q::FlagGet(called()?),
        _ => return Ok(None),
    }))
}

fn of_contents(name: &str, fields: &Fields<'_, '_>) -> PyResult<Option<SharedQuestion>> {
    use SharedQuestion as Q;
    let called = || fields.text("name");
    let timeout_us = || fields.limit("timeout");
    Ok(Some(match name {
        "queue_open" => Q::QueueOpen { name: called()?, capacity: fields.number("capacity")? },
        "queue_put" => {
            Q::QueuePut { name: called()?, item: fields.item("item")?, timeout_us: timeout_us()? }
        }
        "queue_get" => Q::QueueGet {
            name: called()?,
            batch: fields.optional("batch")?,
            timeout_us: timeout_us()?,
        },
        "queue_size" => Q::QueueSize(called()?),
        "queue_close" => Q::QueueClose(called()?),
        "variable_set" => Q::VariableSet(called()?, fields.item("item")?),
        "variable_get" => Q::VariableGet { name: called()?, timeout_us: timeout_us()? },
        "variable_delete" => Q::VariableDelete(called()?),
        "dataset_put" => Q::DatasetPut {
            name: called()?,
            item: fields.item("item")?,
            replace: fields.flag("replace", false)?,
        },
        "dataset_get" => Q::DatasetGet(called()?),
        "dataset_delete" => Q::DatasetDelete(called()?),
        "dataset_list" => Q::DatasetList,
        "metadata_set" => Q::MetadataSet(fields.names("path")?, fields.bytes("payload")?),
        "metadata_get" => Q::MetadataGet(fields.names("path")?),
        "event_log" => Q::EventLog(fields.text("topic")?, fields.bytes("payload")?),
        "events_of" => Q::EventsOf(fields.text("topic")?),
        "topics" => Q::Topics,
        "listen" => Q::Listen(fields.text("topic")?, fields.flag("on", true)?),
        _ => return Ok(None),
    }))
}

/// The fields of a question.
struct Fields<'a, 'py> {
    question: &'a str,
    fields: Option<&'a Bound<'py, PyDict>>,
}

impl<'py> Fields<'_, 'py> {
    fn get(&self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = self.fields.map(|fields| fields.get_item(name)).transpose()?.flatten();
        Ok(found.filter(|value| !value.is_none()))
    }

    fn need(&self, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.get(name)?.ok_or_else(|| {
            PyTypeError::new_err(format!("the question '{}' needs '{name}'", self.question))
        })
    }

    fn text(&self, name: &str) -> PyResult<Arc<str>> {
        Ok(self.need(name)?.extract::<String>()?.into())
    }

    fn names(&self, name: &str) -> PyResult<Vec<Arc<str>>> {
        let Some(names) = self.get(name)? else { return Ok(Vec::new()) };
        names.try_iter()?.map(|name| Ok(name?.str()?.to_string().into())).collect()
    }

    fn keys(&self, name: &str) -> PyResult<Vec<Arc<str>>> {
        let Some(keys) = self.get(name)? else { return Ok(Vec::new()) };
        keys.try_iter()?.map(|key| key_text(&key?)).collect()
    }

    fn number<T: TryFrom<u64>>(&self, name: &str) -> PyResult<T> {
        let number = self.get(name)?.map_or(Ok(0), |number| number.extract::<u64>())?;
        let too_large = || PyValueError::new_err(format!("'{name}' is too large: {number}"));
        T::try_from(number).map_err(|_| too_large())
    }

    fn optional(&self, name: &str) -> PyResult<Option<u32>> {
        self.get(name)?.map(|number| number.extract()).transpose()
    }

    fn flag(&self, name: &str, default: bool) -> PyResult<bool> {
        self.get(name)?.map_or(Ok(default), |flag| flag.is_truthy())
    }

    /// Seconds as microseconds; nothing is 0.
    fn seconds(&self, name: &str) -> PyResult<u64> {
        Ok(self.limit(name)?.unwrap_or(0))
    }

    /// Seconds as microseconds; nothing is no limit.
    fn limit(&self, name: &str) -> PyResult<Option<u64>> {
        let seconds = self.get(name)?.map(|seconds| seconds.extract::<f64>()).transpose()?;
        Ok(seconds.filter(|seconds| seconds.is_finite()).map(|s| (s.max(0.0) * 1e6) as u64))
    }

    fn bytes(&self, name: &str) -> PyResult<Bytes> {
        bytes_of(&self.need(name)?)
    }

    fn item(&self, name: &str) -> PyResult<SharedItem> {
        let item = self.need(name)?;
        let (payload, keys): (Bound<'_, PyAny>, Bound<'_, PyAny>) =
            item.cast::<PyTuple>()?.extract()?;
        let keys = keys.try_iter()?.map(|key| key_text(&key?)).collect::<PyResult<_>>()?;
        Ok(SharedItem { payload: bytes_of(&payload)?, keys })
    }

    fn resources(&self, name: &str) -> PyResult<Vec<(Arc<str>, f64)>> {
        let Some(resources) = self.get(name)? else { return Ok(Vec::new()) };
        resources_of(resources.cast::<PyDict>()?)
    }
}

pub(crate) fn resources_of(resources: &Bound<'_, PyDict>) -> PyResult<Vec<(Arc<str>, f64)>> {
    let pair = |(name, amount): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        Ok((name.extract::<String>()?.into(), amount.extract()?))
    };
    resources.iter().map(pair).collect()
}

pub(crate) fn bytes_of(object: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    Ok(Bytes::copy_from_slice(object.cast::<PyBytes>()?.as_bytes()))
}

/// What a key is called at the scheduler.
pub(crate) fn key_text(key: &Bound<'_, PyAny>) -> PyResult<Arc<str>> {
    Ok(dict_graph::key(key)?.to_string().into())
}
