//! The native module of the Python package `raskt`: lazy values, reading graphs, running them.
//!
//! The only crate that knows Python. It knows nothing about what runs when: it converts, attaches
//! to and detaches from the interpreter, and maps errors ([`errors`]); the rest is up to the
//! crates below.
//!
//! Start reading at [`delayed`] (how tasks are made), then [`run`].

use pyo3::prelude::*;

mod callable;
mod cluster;
mod delayed;
mod dict_graph;
mod errors;
mod events;
mod foreign;
mod new_task;
mod picture;
mod run;
mod scope;
mod sizeof;
mod spec;
mod token;
mod unpack;
mod value;
mod values;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// In a child process after a fork: unique keys must not repeat the parent's.
#[pyfunction]
fn after_fork() {
    raskt_graph::key::renew_nonce();
}

/// The native module.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<delayed::Delayed>()?;
    module.add_class::<delayed::DelayedLeaf>()?;
    module.add_class::<delayed::DelayedAttr>()?;
    module.add_class::<values::Values>()?;
    module.add_class::<cluster::client::ClusterClient>()?;
    module.add_class::<cluster::future::Future>()?;
    module.add_class::<cluster::reply::Reply>()?;
    module.add_class::<cluster::node::SchedulerHandle>()?;
    module.add_class::<cluster::node::WorkerHandle>()?;
    module.add_class::<cluster::nanny::NannyHandle>()?;
    module.add_function(wrap_pyfunction!(cluster::nanny::run_nanny, module)?)?;
    module.add_function(wrap_pyfunction!(cluster::connection::temporary_certificate, module)?)?;
    module.add_function(wrap_pyfunction!(cluster::current::current_task, module)?)?;
    module.add_function(wrap_pyfunction!(cluster::current::rejoin, module)?)?;
    module.add_function(wrap_pyfunction!(cluster::current::secede, module)?)?;
    module.add_function(wrap_pyfunction!(cluster::node::run_worker, module)?)?;
    module.add_function(wrap_pyfunction!(cluster::node::start_scheduler, module)?)?;
    module.add_class::<spec::Task>()?;
    module.add_class::<spec::TaskRef>()?;
    module.add_class::<spec::Alias>()?;
    module.add_class::<spec::DataNode>()?;
    module.add_class::<spec::Container>()?;
    module.add_function(wrap_pyfunction!(after_fork, module)?)?;
    module.add_function(wrap_pyfunction!(delayed::delayed, module)?)?;
    module.add_function(wrap_pyfunction!(new_task::use_annotations, module)?)?;
    module.add_function(wrap_pyfunction!(dict_graph::from_graph, module)?)?;
    module.add_function(wrap_pyfunction!(picture::draw, module)?)?;
    module.add_function(wrap_pyfunction!(picture::drawn, module)?)?;
    module.add_function(wrap_pyfunction!(picture::explain, module)?)?;
    module.add_function(wrap_pyfunction!(picture::order, module)?)?;
    module.add_function(wrap_pyfunction!(picture::tasks, module)?)?;
    module.add_function(wrap_pyfunction!(run::compute, module)?)?;
    module.add_function(wrap_pyfunction!(run::optimize, module)?)?;
    module.add_function(wrap_pyfunction!(run::to_graph, module)?)?;
    module.add_function(wrap_pyfunction!(unpack::unpack_collections, module)?)?;
    Ok(())
}
