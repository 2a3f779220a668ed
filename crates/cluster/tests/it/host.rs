//! A host whose tasks are words: the function is the first word of the payload.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use raskt_cluster::client::{Entry, Outcome as Told};
use raskt_cluster::host::{Done, Host, Outcome, Ready, Reply};
use raskt_cluster::{Client, LocalCluster, LocalOptions, Transport};
use raskt_graph::{CodecError, Data, Value};
use raskt_wire::{Cause, NewTask, RequestId, Submission, TaskError, Terms, WireValue};

/// What tasks compute with.
pub(crate) struct Text {
    pub(crate) bytes: Bytes,
    gate: Option<Arc<Gate>>,
}

impl Data for Text {
    fn nbytes(&self) -> usize {
        self.bytes.len()
    }

    fn type_name(&self) -> &'static str {
        "text"
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        if let Some(gate) = &self.gate {
            gate.open("dropped");
        }
    }
}

/// Names that are waited for.
#[derive(Default)]
pub(crate) struct Gate {
    open: Mutex<Vec<String>>,
    changed: Condvar,
}

impl Gate {
    pub(crate) fn open(&self, name: &str) {
        self.open.lock().push(name.to_string());
        self.changed.notify_all();
    }

    pub(crate) fn wait(&self, name: &str) {
        let mut open = self.open.lock();
        self.changed.wait_while(&mut open, |open| !open.iter().any(|known| known == name));
    }
}

/// Runs words.
#[derive(Default)]
pub(crate) struct Words {
    pub(crate) gate: Arc<Gate>,
}

impl Host for Words {
    fn decode(&self, value: WireValue) -> Result<Value, CodecError> {
        let bytes = value.buffers.into_iter().next().unwrap_or(value.header);
        Ok(Value::from_data(Text { bytes, gate: None }))
    }

    fn encode(&self, value: &Value) -> Result<WireValue, CodecError> {
        let bytes = text(value);
        if bytes.starts_with(b"secret") {
            return Err(CodecError::NoCodec { type_name: "secret" });
        }
        Ok(wire(bytes.clone()))
    }

    fn run(&self, _: u32, tasks: &mut dyn Iterator<Item = Ready>, done: &Done<'_>) {
        for ready in tasks {
            let (uid, attempt) = (ready.order.uid, ready.order.attempt);
            done(uid, attempt, self.call(&ready));
        }
    }

    fn ask(&self, _: RequestId, op: Arc<str>, payload: Bytes, reply: Reply) {
        match &*op {
            "echo" => reply.send(Ok(payload)),
            _ => drop(reply),
        }
    }
}

impl Words {
    fn call(&self, ready: &Ready) -> Outcome {
        let payload = String::from_utf8(ready.order.payload.to_vec()).unwrap();
        let (word, rest) = payload.split_once(' ').unwrap_or((&payload, ""));
        let uid = ready.order.uid;
        let bytes = match word {
            "say" => Bytes::from(rest.to_string()),
            "zeros" => Bytes::from(vec![0; rest.parse().unwrap()]),
            "length" => text(&ready.inputs[0]).len().to_string().into(),
            "join" => ready
                .inputs
                .iter()
                .map(text)
                .fold(Vec::new(), |mut all, one| {
                    all.extend_from_slice(one);
                    all
                })
                .into(),
            "wait" => {
                self.gate.open(&format!("{rest} began"));
                self.gate.wait(rest);
                Bytes::from(rest.to_string())
            }
            "secede" => {
                ready.worker.secede(uid, ready.order.attempt);
                self.gate.wait(rest);
                ready.worker.rejoin(uid, ready.order.attempt);
                Bytes::from_static(b"back")
            }
            "open" => {
                self.gate.open(rest);
                Bytes::new()
            }
            "watched" => {
                let gate = Some(self.gate.clone());
                let bytes = Bytes::from_static(b"watched");
                return Outcome::Done(Value::from_data(Text { bytes, gate }));
            }
            "where" => Bytes::copy_from_slice(ready.worker.address().as_bytes()),
            "abort" => std::process::abort(),
            "panic" => panic!("{rest}"),
            _ => return Outcome::Failed(failure(&ready.order.key, rest)),
        };
        Outcome::Done(Value::from_data(Text { bytes, gate: None }))
    }
}

fn failure(key: &Arc<str>, message: &str) -> Box<TaskError> {
    let cause = Cause::Raised { error: None, text: message.into(), traceback: "".into() };
    Box::new(TaskError { key: key.clone(), function: "fail".into(), worker: "".into(), cause })
}

fn text(value: &Value) -> &Bytes {
    &value.downcast_ref::<Text>().unwrap().bytes
}

pub(crate) fn wire(bytes: Bytes) -> WireValue {
    WireValue { codec: "text".into(), header: Bytes::new(), buffers: vec![bytes] }
}

/// A cluster whose workers share a host.
pub(crate) fn cluster(
    workers: u32,
    threads: u32,
    transport: Transport,
) -> (LocalCluster, Arc<Words>) {
    let host = Arc::new(Words::default());
    let shared = host.clone();
    let options =
        LocalOptions { workers, threads_per_worker: threads, transport, ..LocalOptions::default() };
    (LocalCluster::start(options, move || shared.clone()).unwrap(), host)
}

/// A task: its key, what it does, and the places of its inputs.
pub(crate) type Task<'a> = (&'a str, &'a str, &'a [u32]);

pub(crate) fn submission(tasks: &[Task<'_>], entries: &[(Arc<Entry>, bool)]) -> Submission {
    let place = |entry: &Entry| tasks.iter().position(|task| task.0 == &**entry.key()).unwrap();
    Submission {
        generation: 0,
        groups: vec!["task".into()],
        terms: vec![Terms::default()],
        blobs: Vec::new(),
        outside: Vec::new(),
        tasks: tasks
            .iter()
            .map(|(key, payload, inputs)| NewTask {
                key: (*key).into(),
                group: 0,
                terms: 0,
                inputs: inputs.to_vec(),
                blobs: Vec::new(),
                payload: Bytes::from(payload.to_string()),
            })
            .collect(),
        wants: entries.iter().map(|(entry, _)| (place(entry) as u32, entry.handle())).collect(),
    }
}

/// Submits tasks and wants the results of some of them.
pub(crate) fn submit(client: &Client, tasks: &[Task<'_>], wants: &[&str]) -> Vec<Arc<Entry>> {
    let keys: Vec<Arc<str>> = wants.iter().map(|key| (*key).into()).collect();
    let entries = client.entries(&keys);
    client.submit(submission(tasks, &entries));
    entries.into_iter().map(|(entry, _)| entry).collect()
}

/// Waits for a result and fetches it if need be.
pub(crate) fn result(client: &Client, entry: &Arc<Entry>) -> Bytes {
    client.wait_all(std::slice::from_ref(entry), None);
    let value = match entry.outcome().unwrap() {
        Told::Finished { value: Some(value), .. } => value,
        Told::Finished { .. } => {
            let fetched = client.fetch_blocking(vec![entry.key().clone()], None);
            fetched.unwrap().unwrap().remove(0)
        }
        other => panic!("{other:?}"),
    };
    value.buffers[0].clone()
}

/// Submits one task and gives its result.
pub(crate) fn compute(client: &Client, key: &str, payload: &str) -> Bytes {
    let entries = submit(client, &[(key, payload, &[])], &[key]);
    result(client, &entries[0])
}
