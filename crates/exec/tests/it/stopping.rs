//! Stopping runs: those who wait go on at once, no further task starts, nothing is left over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use raskt_exec::{Memory, Options, Threads};
use raskt_graph::{Cancel, Control, Event, Failure, Graph, RunError, Subscriber};
use raskt_testkit::{Codec, Form, GraphBuilder, Heard, Recorder};

use crate::{executor, graph, heard_by, settle, wait_until};

/// Tasks wait here until it is opened.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    waiting: AtomicUsize,
}

impl Gate {
    fn pass(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut is_open = self.is_open.lock();
        while !*is_open {
            self.opened.wait(&mut is_open);
        }
    }

    fn open(&self) {
        *self.is_open.lock() = true;
        self.opened.notify_all();
    }
}

/// A hundred tasks that wait at the gate, and their sum.
fn gated(gate: &Arc<Gate>) -> Arc<Graph> {
    let mut builder = GraphBuilder::default();
    let roots: Vec<usize> = (0..100).map(|_| builder.root()).collect();
    let sum = builder.task(&roots);
    let gate = gate.clone();
    let builder = builder.hook(move |_| {
        gate.pass();
        Ok(())
    });
    graph(&builder.nodes(Form::Number)[sum..])
}

fn cancelled(run: Result<Vec<raskt_graph::Value>, RunError>) {
    assert!(matches!(run, Err(RunError::Cancelled)), "{run:?}");
}

/// Stops a run on three threads whose tasks all wait; nobody may wait for them.
fn stop_by(stop: impl FnOnce(raskt_exec::Running, Cancel)) {
    let memory = Arc::new(Memory::unlimited());
    let gate = Arc::new(Gate::default());
    let control = Control::default();
    let cancel = control.cancel.clone();
    let options = Options { memory: memory.clone(), ..Options::new(3) };
    let running = Threads::new(options).start(gated(&gate), control);
    wait_until("three tasks wait", || gate.waiting.load(Ordering::SeqCst) == 3);
    assert!(!running.wait(Duration::ZERO));
    assert!(!running.wait(Duration::from_millis(1)));
    let start = Instant::now();
    stop(running, cancel);
    assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());
    gate.open();
    settle(&memory);
    assert_eq!(gate.waiting.load(Ordering::SeqCst), 3, "no further task began");
}

#[test]
fn by_the_flag() {
    stop_by(|running, cancel| {
        cancel.cancel();
        cancelled(running.outputs());
    });
    stop_by(|running, cancel| {
        let waiter = std::thread::spawn(move || running.outputs());
        cancel.cancel();
        cancelled(waiter.join().unwrap());
    });
    stop_by(|running, cancel| {
        cancel.cancel();
        assert!(running.wait(Duration::from_secs(60)), "who waits for some time sees it too");
        cancelled(running.outputs());
    });
}

#[test]
fn by_hand_and_by_leaving() {
    stop_by(|running, _| {
        running.stop();
        running.stop();
        assert!(running.wait(Duration::ZERO));
        cancelled(running.outputs());
    });
    stop_by(|running, _| drop(running));
}

#[test]
fn before_it_begins() {
    for threads in [0, 1, 4] {
        let memory = Arc::new(Memory::unlimited());
        let gate = Arc::new(Gate::default());
        let recorder = Arc::new(Recorder::default());
        let control = heard_by(&recorder);
        control.cancel.cancel();
        cancelled(executor(threads, &memory).run(gated(&gate), control));
        assert_eq!(gate.waiting.load(Ordering::SeqCst), 0);
        assert_eq!(recorder.heard(), [Heard::Began, Heard::Ended(false)]);
        settle(&memory);
    }
}

#[test]
fn after_it_is_over() {
    let gate = Arc::new(Gate::default());
    gate.open();
    let control = Control::default();
    let cancel = control.cancel.clone();
    let running = Threads::new(Options::new(2)).start(gated(&gate), control);
    assert!(running.wait(Duration::from_secs(60)));
    cancel.cancel();
    running.stop();
    assert!(running.outputs().is_ok(), "what is done stays done");
}

/// Cancels after so many finished tasks.
struct Impatient {
    left: AtomicUsize,
    cancel: Cancel,
}

impl Subscriber for Impatient {
    fn on_event(&self, _: &Graph, event: &Event<'_>) -> Result<(), Failure> {
        let is_finished = matches!(event, Event::Finished { .. });
        if is_finished && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.cancel.cancel();
        }
        Ok(())
    }
}

/// At every moment of a run, on few and many threads, with and without room in memory.
#[test]
fn at_any_time() {
    let mut builder = GraphBuilder::default();
    let roots: Vec<usize> = (0..30).map(|_| builder.root()).collect();
    let next: Vec<usize> = roots.windows(2).map(|pair| builder.task(pair)).collect();
    let sum = builder.task(&next);
    let graph = graph(&builder.nodes(Form::Blob(100_000, Codec::Works))[sum..]);
    for round in 0..400 {
        let (threads, after) = (round % 6, 1 + round % 59);
        let limit = [None, Some(500_000)][round / 6 % 2];
        let folder = tempfile::tempdir().unwrap();
        let memory = Arc::new(Memory::new(limit, folder.path()));
        let recorder = Arc::new(Recorder::default());
        let mut control = heard_by(&recorder);
        let cancel = control.cancel.clone();
        control.subscribers.push(Arc::new(Impatient { left: AtomicUsize::new(after), cancel }));
        cancelled(executor(threads, &memory).run(graph.clone(), control));
        settle(&memory);
        let heard = recorder.heard();
        let place = heard.iter().position(|heard| *heard == Heard::Ended(false)).unwrap();
        let late = heard[place..].iter().filter(|heard| matches!(heard, Heard::Started(_))).count();
        assert!(late <= threads, "{late} tasks began afterwards");
    }
}

/// From a thread that knows nothing of the run, at no particular moment.
#[test]
fn from_outside() {
    let mut builder = GraphBuilder::default();
    let mut layer: Vec<usize> = (0..8).map(|_| builder.root()).collect();
    for _ in 0..200 {
        layer = layer.iter().map(|input| builder.task(&[*input, layer[0]])).collect();
    }
    let sum = builder.task(&layer);
    let graph = graph(&builder.nodes(Form::Number)[sum..]);
    let memory = Arc::new(Memory::unlimited());
    for round in 0..300 {
        let control = Control::default();
        let cancel = control.cancel.clone();
        let options = Options { memory: memory.clone(), ..Options::new(1 + round % 4) };
        let running = Threads::new(options).start(graph.clone(), control);
        let waiter = std::thread::spawn(move || running.outputs());
        for _ in 0..round * 20 {
            std::hint::spin_loop();
        }
        cancel.cancel();
        let run = waiter.join().unwrap();
        assert!(matches!(run, Ok(_) | Err(RunError::Cancelled)), "{run:?}");
    }
    settle(&memory);
}
