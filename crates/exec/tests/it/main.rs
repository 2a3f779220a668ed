//! Tests of the executors: random graphs against a serial evaluation, faults, and memory.
//!
//! The models of `tests/models.rs` are built with other primitives, so these are not.

#![cfg(not(feature = "shuttle"))]
#![cfg_attr(
    not(feature = "shuttle"),
    expect(clippy::unwrap_used, reason = "a test that cannot go on fails")
)]

mod corners;
mod equal;
mod faults;
mod million;
mod parallel;
mod spill;
mod stopping;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use raskt_exec::{Memory, Options, Synchronous, Threads};
use raskt_graph::{Control, Executor, Graph, Node, Subscriber, Value, lower};
use raskt_testkit::{Codec, Form, GraphBuilder, number};

/// On the calling thread (0) or on so many others.
fn executor(threads: usize, memory: &Arc<Memory>) -> Box<dyn Executor> {
    let options = Options { memory: memory.clone(), ..Options::new(threads) };
    if threads == 0 { Box::new(Synchronous::new(options)) } else { Box::new(Threads::new(options)) }
}

/// A limit in bytes, and a folder of one's own for what is above.
struct Budget {
    memory: Arc<Memory>,
    folder: tempfile::TempDir,
}

impl Budget {
    fn new(limit: usize) -> Budget {
        let folder = tempfile::tempdir().unwrap();
        Budget { memory: Arc::new(Memory::new(Some(limit), folder.path())), folder }
    }

    /// Nothing is left over: no bytes in the ledger, no files on disk.
    fn settle(self) {
        settle(&self.memory);
        wait_until("files are gone", || files(self.folder.path()) == 0);
    }
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// Waits until `is_so`.
#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within a minute");
        std::thread::yield_now();
    }
}

/// Waits until all threads have left the runs that use `memory`; then it must be empty.
#[track_caller]
fn settle(memory: &Arc<Memory>) {
    wait_until("runs are gone", || Arc::strong_count(memory) == 1);
    assert_eq!(memory.used(), 0, "bytes are left in the ledger");
    // A ledger below zero says zero. With something in it, it says what is wrong.
    let size = 1 << 20;
    let mut builder = GraphBuilder::default();
    let first = builder.root();
    builder.task(&[first]);
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (ledger, saw) = (memory.clone(), seen.clone());
    let builder = builder.hook(move |_| {
        saw.lock().unwrap().push(ledger.used());
        Ok(())
    });
    let nodes = builder.nodes(Form::Blob(size, Codec::Missing));
    executor(0, memory).run(graph(&nodes[1..]), Control::default()).unwrap();
    assert_eq!(*seen.lock().unwrap(), [0, size], "the ledger is out of balance");
}

fn graph(outputs: &[Node]) -> Arc<Graph> {
    Arc::new(lower(outputs))
}

fn numbers(values: &[Value]) -> Vec<i64> {
    values.iter().map(number).collect()
}

fn select<T: Clone>(items: &[T], positions: &[usize]) -> Vec<T> {
    positions.iter().map(|position| items[*position].clone()).collect()
}

fn heard_by(subscriber: &Arc<impl Subscriber + 'static>) -> Control {
    Control { subscribers: vec![subscriber.clone()], ..Control::default() }
}
