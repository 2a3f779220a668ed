//! Whole graphs on a cluster: [`Client`] as an executor.

use std::sync::Arc;
use std::time::Duration;

use raskt_cluster::client::Outcome;
use raskt_cluster::payload::Codec;
use raskt_graph::{Control, Event, Executor, Graph, RunError, Value};

use super::client::Client;
use super::codec::RustCodec;
use super::error::FutureError;

/// How often a run looks whether it is to stop.
const PATIENCE: Duration = Duration::from_millis(50);

/// Runs graphs on the cluster. Subscribers hear of the outputs only: what happens to other tasks
/// stays in the cluster.
impl Executor for Client {
    fn run(&self, graph: Arc<Graph>, control: Control) -> Result<Vec<Value>, RunError> {
        let tell = |event: Event<'_>| {
            let mut all = control.subscribers.iter();
            all.try_for_each(|subscriber| subscriber.on_event(&graph, &event))
                .map_err(|source| RunError::Subscriber { source })
        };
        tell(Event::Began)?;
        let outputs = self.outputs(&graph, &control);
        let values = outputs.inspect_err(|_| {
            // The first error is what the caller is to see.
            let _ = tell(Event::Ended { complete: false });
        })?;
        for (task, value) in graph.outputs().iter().zip(&values) {
            let duration = Duration::ZERO;
            tell(Event::Finished { task: *task, worker: 0, value, duration })?;
        }
        tell(Event::Ended { complete: true })?;
        Ok(values)
    }
}

impl Client {
    /// The results of a graph's outputs.
    fn outputs(&self, graph: &Graph, control: &Control) -> Result<Vec<Value>, RunError> {
        if control.cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        let node = |output: usize| graph.node(graph.outputs()[output]);
        let failed = |output: usize, error: FutureError| {
            error.into_run_error(node(output).key(), node(output).function().name())
        };
        let entries = self.send(graph).map_err(|error| match graph.outputs() {
            [] => RunError::Cancelled,
            _ => RunError::Task {
                key: node(0).key().clone(),
                function: node(0).function().name().to_string(),
                source: error.into(),
            },
        })?;
        let mut values = Vec::with_capacity(entries.len());
        for (i, entry) in entries.iter().enumerate() {
            while !self.core().wait_all(std::slice::from_ref(entry), Some(PATIENCE)) {
                // One that failed is not waited for.
                let done = entries[i..].iter().enumerate().filter_map(|(j, entry)| {
                    FutureError::of(node(i + j).key(), &entry.outcome()?).map(|e| (i + j, e))
                });
                if let Some((output, error)) = { done }.next() {
                    self.core().cancel(&entries, false, "another task of the run failed");
                    return Err(failed(output, error));
                }
                if control.cancel.is_cancelled() {
                    self.core().cancel(&entries, false, "the run was cancelled");
                    return Err(RunError::Cancelled);
                }
            }
            let outcome = entry.outcome();
            if let Some(error) = outcome.as_ref().and_then(|o| FutureError::of(node(i).key(), o)) {
                return Err(failed(i, error));
            }
            values.push(match outcome {
                Some(Outcome::Finished { value, .. }) => value,
                _ => None,
            });
        }
        let values = self.complete(entries.iter(), values).map_err(|e| failed(0, e.into()))?;
        let decoded = values.into_iter().enumerate().map(|(i, value)| {
            let unreadable = |source| RunError::Codec { key: node(i).key().clone(), source };
            RustCodec.decode(value).map_err(unreadable)
        });
        decoded.collect()
    }
}
