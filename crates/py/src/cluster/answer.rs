//! Answers of the scheduler as Python objects.

use std::sync::Arc;

use super::failure::request_error;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use raskt_wire::{
    Answer, ClusterInfo, Location, Metrics, StoryLine, TaskSpan, WorkerInfo, WorkerStatus,
};

/// The Python object for an answer.
pub(crate) fn answer(py: Python<'_>, answer: Answer) -> PyResult<Bound<'_, PyAny>> {
    Ok(match answer {
        Answer::Done => py.None().into_bound(py),
        Answer::Bool(yes) => yes.into_pyobject(py)?.to_owned().into_any(),
        Answer::Number(number) => number.into_pyobject(py)?.into_any(),
        Answer::Bytes(bytes) => PyBytes::new(py, &bytes).into_any(),
        Answer::Many(many) => {
            PyList::new(py, many.iter().map(|bytes| PyBytes::new(py, bytes)))?.into_any()
        }
        Answer::Text(text) => text.into_pyobject(py)?.into_any(),
        Answer::Names(names) => list_of(py, &names)?,
        Answer::Where(places) => {
            let places: PyResult<Vec<_>> =
                places.iter().map(|p| p.as_ref().map(|p| location(py, p)).transpose()).collect();
            PyList::new(py, places?)?.into_any()
        }
        Answer::Places(places) => {
            let of_item = |(_, locations): &(_, Vec<Location>)| {
                locations.iter().map(|place| location(py, place)).collect::<PyResult<Vec<_>>>()
            };
            let places: PyResult<Vec<_>> = places.iter().map(of_item).collect();
            PyList::new(py, places?)?.into_any()
        }
        Answer::Groups(groups) => {
            let dict = PyDict::new(py);
            for (name, others) in &groups {
                dict.set_item(&**name, list_of(py, others)?)?;
            }
            dict.into_any()
        }
        Answer::Sizes(sizes) => {
            let dict = PyDict::new(py);
            sizes.iter().try_for_each(|(name, size)| dict.set_item(&**name, size))?;
            dict.into_any()
        }
        Answer::Cluster(cluster) => cluster_info(py, &cluster)?.into_any(),
        Answer::Workers(workers) => workers_list(py, &workers)?,
        Answer::Story(lines) => {
            let lines: PyResult<Vec<_>> = lines.iter().map(|line| story_line(py, line)).collect();
            PyList::new(py, lines?)?.into_any()
        }
        Answer::Spans(spans) => {
            let spans: PyResult<Vec<_>> = spans.iter().map(|span| task_span(py, span)).collect();
            PyList::new(py, spans?)?.into_any()
        }
        Answer::Events(events) => {
            let pairs = events.iter().map(|e| (seconds(e.time_us), PyBytes::new(py, &e.payload)));
            PyList::new(py, pairs)?.into_any()
        }
        Answer::Asked(answers) => {
            let dict = PyDict::new(py);
            for (address, said) in answers {
                match said {
                    Ok(bytes) => dict.set_item(&*address, PyBytes::new(py, &bytes))?,
                    Err(error) => dict.set_item(&*address, request_error(py, error).value(py))?,
                }
            }
            dict.into_any()
        }
    })
}

pub(crate) fn seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e6
}

fn list_of<'py>(py: Python<'py>, names: &[Arc<str>]) -> PyResult<Bound<'py, PyAny>> {
    Ok(PyList::new(py, names.iter().map(|name| &**name))?.into_any())
}

fn location<'py>(py: Python<'py>, place: &Location) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("nbytes", place.nbytes)?;
    let holders: Vec<&str> = place.holders.iter().map(|(_, address)| &**address).collect();
    dict.set_item("holders", holders)?;
    Ok(dict)
}

fn cluster_info<'py>(py: Python<'py>, info: &ClusterInfo) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("id", &*info.id)?;
    dict.set_item("address", &*info.address)?;
    dict.set_item("started", seconds(info.started_us))?;
    dict.set_item("dashboard", &*info.dashboard)?;
    dict.set_item("workers", workers_list(py, &info.workers)?)?;
    dict.set_item("clients", list_of(py, &info.clients)?)?;
    let tasks = PyDict::new(py);
    info.tasks.iter().try_for_each(|(state, count)| tasks.set_item(&**state, count))?;
    dict.set_item("tasks", tasks)?;
    Ok(dict)
}

fn workers_list<'py>(py: Python<'py>, workers: &[WorkerInfo]) -> PyResult<Bound<'py, PyAny>> {
    let workers: PyResult<Vec<_>> = workers.iter().map(|w| worker_info(py, w)).collect();
    Ok(PyList::new(py, workers?)?.into_any())
}

fn worker_info<'py>(py: Python<'py>, worker: &WorkerInfo) -> PyResult<Bound<'py, PyDict>> {
    let (dict, hello) = (PyDict::new(py), &worker.hello);
    dict.set_item("id", worker.id.0)?;
    dict.set_item("address", &*hello.address)?;
    dict.set_item("name", &*hello.name)?;
    dict.set_item("host", &*hello.host)?;
    dict.set_item("nthreads", hello.nthreads)?;
    dict.set_item("memory_limit", hello.memory_limit)?;
    dict.set_item("nanny", &*hello.nanny)?;
    dict.set_item("pid", hello.pid)?;
    dict.set_item("local_directory", &*hello.local_directory)?;
    dict.set_item("dashboard", &*hello.dashboard)?;
    dict.set_item("resources", pairs(py, &hello.resources)?)?;
    let versions = PyDict::new(py);
    hello.versions.iter().try_for_each(|(name, text)| versions.set_item(&**name, &**text))?;
    dict.set_item("versions", versions)?;
    let status = match worker.status {
        WorkerStatus::Running => "running",
        WorkerStatus::Paused => "paused",
        WorkerStatus::Retiring => "closing_gracefully",
    };
    dict.set_item("status", status)?;
    dict.set_item("metrics", metrics(py, &worker.metrics)?)?;
    dict.set_item("last_seen", seconds(worker.last_seen_us))?;
    dict.set_item("results", worker.results.0)?;
    dict.set_item("nbytes", worker.results.1)?;
    dict.set_item("processing", worker.processing)?;
    dict.set_item("occupancy", seconds(worker.occupancy_us))?;
    Ok(dict)
}

fn pairs<'py>(py: Python<'py>, pairs: &[(Arc<str>, f64)]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    pairs.iter().try_for_each(|(name, amount)| dict.set_item(&**name, amount))?;
    Ok(dict)
}

fn metrics<'py>(py: Python<'py>, metrics: &Metrics) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("time", seconds(metrics.time_us))?;
    dict.set_item("memory", metrics.process_bytes)?;
    dict.set_item("spilled_bytes", metrics.spilled_bytes)?;
    dict.set_item("managed_bytes", metrics.managed_bytes)?;
    dict.set_item("cpu", metrics.cpu_percent)?;
    dict.set_item("num_fds", metrics.fds)?;
    dict.set_item("executing", metrics.executing)?;
    dict.set_item("ready", metrics.ready)?;
    dict.set_item("waiting", metrics.waiting)?;
    dict.set_item("in_flight", metrics.in_flight)?;
    dict.set_item("received_bytes", metrics.received_bytes)?;
    dict.set_item("sent_bytes", metrics.sent_bytes)?;
    dict.set_item("bandwidth", metrics.bandwidth)?;
    Ok(dict)
}

fn story_line<'py>(py: Python<'py>, line: &StoryLine) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("time", seconds(line.time_us))?;
    dict.set_item("subject", &*line.subject)?;
    dict.set_item("from", &*line.from)?;
    dict.set_item("to", &*line.to)?;
    dict.set_item("reason", &*line.reason)?;
    Ok(dict)
}

fn task_span<'py>(py: Python<'py>, span: &TaskSpan) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("key", &*span.key)?;
    dict.set_item("group", &*span.group)?;
    dict.set_item("worker", &*span.worker)?;
    dict.set_item("start", seconds(span.span.start_us))?;
    dict.set_item("compute", seconds(span.span.compute_us))?;
    dict.set_item("transfer", seconds(span.span.transfer_us))?;
    dict.set_item("thread", span.span.thread)?;
    dict.set_item("nbytes", span.nbytes)?;
    dict.set_item("type", &*span.type_name)?;
    dict.set_item("succeeded", span.succeeded)?;
    Ok(dict)
}
