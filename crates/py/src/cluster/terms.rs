//! What tasks ask for besides their inputs, from Python's words for it.

use std::sync::Arc;

use bytes::Bytes;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use raskt_graph::Annotations;
use raskt_wire::Terms;

use super::codec::encode;
use super::question::resources_of;
use crate::value::to_python;

/// Words that mean something to the scheduler; others are for whoever reads annotations.
const OURS: [&str; 9] = [
    "workers",
    "allow_other_workers",
    "resources",
    "retries",
    "priority",
    "actor",
    "executor",
    "annotations",
    "pure",
];

/// The terms of a submission, with those of a task's own annotations where it says nothing.
pub(crate) fn terms_of(
    py: Python<'_>,
    given: Option<&Bound<'_, PyDict>>,
    annotations: Option<&Annotations>,
) -> PyResult<Terms> {
    let all = PyDict::new(py);
    for (name, value) in annotations.into_iter().flatten() {
        all.set_item(name, to_python(py, value)?)?;
    }
    let others = PyDict::new(py);
    for (name, value) in all.iter() {
        if !OURS.contains(&&*name.extract::<String>()?) {
            others.set_item(name, value)?;
        }
    }
    for (name, value) in given.into_iter().flat_map(|given| given.iter()) {
        if !value.is_none() {
            all.set_item(name, value)?;
        }
    }
    if let Some(more) = all.get_item("annotations")? {
        others.update(more.cast::<PyDict>()?.as_mapping())?;
    }
    let word = |name: &str| -> PyResult<Option<Bound<'_, PyAny>>> {
        Ok(all.get_item(name)?.filter(|value| !value.is_none()))
    };
    let flag = |name| word(name)?.map_or(Ok(false), |value| value.is_truthy());
    let resources = word("resources")?
        .map(|resources| resources_of(resources.cast::<PyDict>()?))
        .transpose()?;
    Ok(Terms {
        priority: word("priority")?.map_or(Ok(0), |value| priority(&value))?,
        retries: word("retries")?.map_or(Ok(0), |value| retries(&value))?,
        workers: word("workers")?.map_or(Ok(Vec::new()), |value| names(&value))?,
        allow_other_workers: flag("allow_other_workers")?,
        resources: resources.unwrap_or_default(),
        actor: flag("actor")?,
        executor: word("executor")?
            .map_or(Ok(String::new()), |value| value.extract::<String>())?
            .into(),
        annotations: if others.is_empty() { Bytes::new() } else { written(&others)? },
    })
}

/// Annotations as bytes.
fn written(annotations: &Bound<'_, PyDict>) -> PyResult<Bytes> {
    let value = encode(annotations.as_any())?;
    if value.buffers.is_empty() {
        return Ok(value.header);
    }
    Err(PyValueError::new_err("annotations must be small: arrays and tables belong to arguments"))
}

fn priority(value: &Bound<'_, PyAny>) -> PyResult<i32> {
    let number: f64 = value.extract()?;
    Ok(number.clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32)
}

fn retries(value: &Bound<'_, PyAny>) -> PyResult<u32> {
    value.extract::<u32>().map_err(|_| {
        PyValueError::new_err(format!("retries must be a number from 0 on, not {value}"))
    })
}

fn names(value: &Bound<'_, PyAny>) -> PyResult<Vec<Arc<str>>> {
    if let Ok(one) = value.cast::<PyString>() {
        return Ok(vec![one.to_cow()?.into()]);
    }
    let wrong = || PyTypeError::new_err(format!("workers must be names or addresses, not {value}"));
    let items = value.try_iter().map_err(|_| wrong())?;
    items.map(|name| Ok(name?.str()?.to_cow()?.into())).collect()
}
