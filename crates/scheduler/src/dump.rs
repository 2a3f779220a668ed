//! Everything that the scheduler knows, as JSON.

use serde_json::{Value, json};

use crate::segment::TaskState;
use crate::view::View;

impl View<'_> {
    /// Everything that is known of tasks, workers and clients, as JSON.
    pub fn dump(&self) -> String {
        let states = TaskState::ALL.iter().map(|state| (state.name(), self.count(*state)));
        let states: serde_json::Map<String, Value> =
            states.map(|(name, count)| (name.to_string(), json!(count))).collect();
        let clients = self.of.clients.iter().map(|client| {
            json!({ "id": client.id.0, "name": *client.hello.name,
                    "wants": client.handles.len() })
        });
        let counters = self.counters();
        json!({
            "id": *self.of.id,
            "now_us": self.of.now.0,
            "states": states,
            "tasks": self.of.tasks.iter().map(|uid| self.dump_task(uid)).collect::<Vec<_>>(),
            "workers": self.of.workers.iter().map(dump_worker).collect::<Vec<_>>(),
            "clients": clients.collect::<Vec<_>>(),
            "stale_reports": counters.stale,
            "illegal_messages": counters.illegal,
            "conflicting_keys": counters.conflicts,
        })
        .to_string()
    }

    fn dump_task(&self, uid: raskt_wire::TaskUid) -> Value {
        let (tasks, task) = (&self.of.tasks, self.of.tasks.task(uid));
        let keys = |uids: crate::tasks::Uids| -> Vec<String> {
            uids.into_iter().map(|uid| tasks.key(uid).to_string()).collect()
        };
        let address = |number: u32| Some(self.of.workers.get(number)?.address().to_string());
        let processing_on = (task.state == TaskState::Processing).then(|| address(task.worker));
        json!({
            "key": **tasks.key(uid),
            "uid": format!("{uid:?}"),
            "group": *self.of.group_name(uid),
            "state": task.state.name(),
            "nbytes": task.nbytes,
            "attempt": task.attempt,
            "needed": task.needed,
            "inputs": keys(tasks.inputs(uid)),
            "consumers": keys(tasks.consumers(uid)),
            "holders": self.of.holders(uid).into_iter().filter_map(address).collect::<Vec<_>>(),
            "processing_on": processing_on.flatten(),
            "error": self.of.errors.get(&uid).map(|error| format!("{:?}", error.cause)),
        })
    }
}

fn dump_worker(worker: &crate::workers::Worker) -> Value {
    json!({
        "id": worker.id.0,
        "address": **worker.address(),
        "name": *worker.hello.name,
        "host": *worker.hello.host,
        "nthreads": worker.hello.nthreads,
        "memory_limit": worker.hello.memory_limit,
        "status": format!("{:?}", worker.status),
        "processing": worker.processing.len(),
        "long_running": worker.long_running,
        "results": worker.holds.len(),
        "nbytes": worker.nbytes,
        "process_bytes": worker.metrics.process_bytes,
        "occupancy_us": worker.occupancy_us,
        "last_seen_us": worker.last_seen.0,
    })
}
