//! Small runs under the model checker, which tries orders of what threads do: whatever the
//! order, a run completes, each task runs once, no thread is left asleep, no byte is left in
//! the ledger.
//!
//! `cargo nextest run --release -p raskt-exec --features shuttle --test models`

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use raskt_exec::run::{Help, Recruit};
use raskt_exec::{Memory, Options, Run, Synchronous};
use raskt_graph::{Control, Event, Executor, Failure, Graph, RunError, Subscriber, Value, lower};
use raskt_testkit::{Codec, Form, GraphBuilder, Heard, Recorder, number};
use shuttle::sync::Barrier;
use shuttle::thread::{self, JoinHandle};

/// Tries a model in many orders: at random, and with few changes of threads at bad moments.
fn check(model: fn()) {
    shuttle::check_random(model, 4000);
    shuttle::check_pct(model, 2000, 2);
    shuttle::check_pct(model, 2000, 4);
}

/// A chunk of which two fit.
const CHUNK: usize = 100_000;

fn unlimited() -> Arc<Memory> {
    Arc::new(Memory::unlimited())
}

fn room_for(chunks: usize) -> Arc<Memory> {
    Arc::new(Memory::new(Some(chunks * CHUNK), std::env::temp_dir()))
}

/// A graph whose tasks let others go first, and count how often they run.
struct Model {
    builder: GraphBuilder,
    outputs: Vec<usize>,
    graph: Arc<Graph>,
    ran: Arc<Vec<AtomicUsize>>,
}

impl Model {
    fn new(builder: GraphBuilder, outputs: &[usize], fails: Option<usize>) -> Model {
        Model::meeting(builder, outputs, fails, |_| ())
    }

    /// The same with something that tasks do in which they may wait for each other.
    fn meeting(
        builder: GraphBuilder,
        outputs: &[usize],
        fails: Option<usize>,
        meet: impl Fn(usize) + Send + Sync + 'static,
    ) -> Model {
        let ran: Arc<Vec<AtomicUsize>> =
            Arc::new((0..builder.len()).map(|_| AtomicUsize::new(0)).collect());
        let count = ran.clone();
        let hook = move |position: usize| {
            count[position].fetch_add(1, Ordering::SeqCst);
            thread::yield_now();
            meet(position);
            if fails == Some(position) { Err("on purpose".into()) } else { Ok(()) }
        };
        let builder = builder.hook(hook);
        let nodes = builder.nodes(Form::Blob(CHUNK, Codec::Works));
        let wanted: Vec<_> = outputs.iter().map(|output| nodes[*output].clone()).collect();
        Model { builder, outputs: outputs.into(), graph: Arc::new(lower(&wanted)), ran }
    }

    /// Begins on up to so many threads.
    fn begin(&self, workers: usize, memory: &Arc<Memory>, control: Control) -> Begun {
        let options = Options { memory: memory.clone(), ..Options::new(workers) };
        let run = Arc::new(Run::new(self.graph.clone(), options, control));
        let helpers: Arc<Mutex<Vec<JoinHandle<()>>>> = Arc::default();
        let (weak, handles) = (Arc::downgrade(&run), helpers.clone());
        let recruit: Recruit = Arc::new(move |help| {
            let Some(run) = weak.upgrade() else { return };
            let helper = thread::spawn(move || match help {
                Help::Work(number) => run.work(number),
                Help::KeepMemoryFree => run.keep_memory_free(),
            });
            handles.lock().unwrap().push(helper);
        });
        run.begin(Some(recruit));
        Begun { run, helpers, memory: memory.clone() }
    }

    /// Begins, waits, and checks everything.
    fn completes(&self, workers: usize, memory: &Arc<Memory>) {
        let recorder = Arc::new(Recorder::default());
        let control = Control { subscribers: vec![recorder.clone()], ..Control::default() };
        let found = self.begin(workers, memory, control).finish().unwrap();
        let expected = self.builder.numbers();
        let expected: Vec<i64> = self.outputs.iter().map(|output| expected[*output]).collect();
        assert_eq!(found.iter().map(number).collect::<Vec<_>>(), expected);
        for (position, ran) in self.ran.iter().enumerate() {
            let times = usize::from(!self.builder.is_constant(position));
            assert_eq!(ran.load(Ordering::SeqCst), times, "task {position}");
        }
        assert_eq!(recorder.count(|heard| *heard == Heard::Ended(true)), 1);
    }
}

struct Begun {
    run: Arc<Run>,
    helpers: Arc<Mutex<Vec<JoinHandle<()>>>>,
    memory: Arc<Memory>,
}

impl Begun {
    /// Waits for all threads: every one must come back by itself.
    fn join(&self) {
        let next = || self.helpers.lock().unwrap().pop();
        while let Some(helper) = next() {
            helper.join().unwrap();
        }
    }

    /// Waits for all threads, takes the outputs, and checks that nothing is left.
    fn finish(self) -> Result<Vec<Value>, RunError> {
        self.join();
        assert_eq!(Arc::strong_count(&self.run), 1);
        let outputs = self.run.outputs();
        drop(self.run);
        assert_eq!(self.memory.used(), 0, "bytes are left in the ledger");
        is_balanced(&self.memory);
        outputs
    }
}

/// A ledger below zero says zero. With something in it, it says what is wrong.
fn is_balanced(memory: &Arc<Memory>) {
    let mut builder = GraphBuilder::default();
    let first = builder.root();
    builder.task(&[first]);
    let ledger = memory.clone();
    let builder = builder.hook(move |position| {
        assert_eq!(ledger.used(), position * CHUNK, "the ledger is out of balance");
        Ok(())
    });
    let nodes = builder.nodes(Form::Blob(CHUNK, Codec::Missing));
    let options = Options { memory: memory.clone(), ..Options::new(1) };
    let run = Synchronous::new(options).run(Arc::new(lower(&nodes[1..])), Control::default());
    assert!(run.is_ok(), "{run:?}");
}

/// One, three that take it, one that takes these, twice.
fn diamonds() -> (GraphBuilder, usize) {
    let mut builder = GraphBuilder::default();
    let mut last = builder.root();
    for _ in 0..2 {
        let sides: Vec<usize> = (0..3).map(|_| builder.task(&[last])).collect();
        last = builder.task(&sides);
    }
    (builder, last)
}

/// Chunks, their sum, and each again with the sum.
fn used_twice(chunks: usize) -> (GraphBuilder, usize) {
    let mut builder = GraphBuilder::default();
    let all: Vec<usize> = (0..chunks).map(|_| builder.root()).collect();
    let sum = builder.task(&all);
    let again: Vec<usize> = all.iter().map(|chunk| builder.task(&[*chunk, sum])).collect();
    let last = builder.task(&again);
    (builder, last)
}

#[test]
fn a_diamond_completes() {
    check(|| {
        let (builder, last) = diamonds();
        Model::new(builder, &[last], None).completes(3, &unlimited());
    });
}

#[test]
fn a_wide_graph_completes() {
    check(|| {
        let mut builder = GraphBuilder::default();
        let roots: Vec<usize> = (0..6).map(|_| builder.root()).collect();
        let sum = builder.task(&roots);
        Model::new(builder, &[sum, roots[0]], None).completes(3, &unlimited());
    });
}

#[test]
fn chains_complete() {
    check(|| {
        let mut builder = GraphBuilder::default();
        let start = builder.constant(1);
        let mut ends = Vec::new();
        for _ in 0..2 {
            let mut last = start;
            for _ in 0..3 {
                last = builder.task(&[last]);
            }
            ends.push(last);
        }
        let sum = builder.task(&ends);
        Model::new(builder, &[sum], None).completes(2, &unlimited());
    });
}

/// Wide, narrow, wide: threads fall asleep at the narrow place and must be woken after it.
#[test]
fn sleepers_are_woken() {
    check(|| {
        let (mut builder, narrow) = diamonds();
        let wide: Vec<usize> = (0..4).map(|_| builder.task(&[narrow])).collect();
        let last = builder.task(&wide);
        Model::new(builder, &[last], None).completes(2, &unlimited());
    });
}

/// Tasks wait for each other: unless as many run at once as there are threads, none goes on.
#[test]
fn no_thread_sleeps_while_there_is_work() {
    check(|| {
        let mut builder = GraphBuilder::default();
        let first = builder.root();
        let pair = [builder.task(&[first]), builder.task(&[first])];
        let narrow = builder.task(&pair);
        let other = [builder.task(&[narrow]), builder.task(&[narrow])];
        let last = builder.task(&other);
        let barrier = Barrier::new(2);
        let meet = move |position| {
            if pair.contains(&position) || other.contains(&position) {
                barrier.wait();
            }
        };
        Model::meeting(builder, &[last], None, meet).completes(2, &unlimited());
    });
}

/// Workers put and take while others move results to disk, and read them back at once.
#[test]
fn results_stay_readable_while_they_move() {
    check(|| {
        let (builder, last) = used_twice(3);
        Model::new(builder, &[last, 0], None).completes(2, &room_for(2));
    });
}

/// One result for many readers, which moves to disk while some read it back.
#[test]
fn readers_share_a_result() {
    check(|| {
        let mut builder = GraphBuilder::default();
        let shared = builder.root();
        let other = builder.task(&[shared]);
        let readers: Vec<usize> = (0..3).map(|_| builder.task(&[shared, other])).collect();
        let last = builder.task(&readers);
        Model::new(builder, &[last], None).completes(3, &room_for(1));
    });
}

/// Two runs share a budget that is too small for either.
#[test]
fn runs_share_a_budget() {
    fn run(memory: &Arc<Memory>) {
        let (builder, last) = used_twice(2);
        let model = Model::new(builder, &[last], None);
        let begun = model.begin(1, memory, Control::default());
        begun.join();
        let found = begun.run.outputs().unwrap();
        assert_eq!(number(&found[0]), model.builder.numbers()[last]);
    }
    check(|| {
        let memory = room_for(1);
        let ledger = memory.clone();
        let other = thread::spawn(move || run(&ledger));
        run(&memory);
        other.join().unwrap();
        assert_eq!(memory.used(), 0);
        is_balanced(&memory);
    });
}

/// Somebody stops the run while threads work, sleep, or wait for memory: all come back.
fn stop(memory: &Arc<Memory>, by_flag: bool) {
    let (builder, last) = used_twice(3);
    let model = Model::new(builder, &[last], None);
    let control = Control::default();
    let cancel = control.cancel.clone();
    let begun = model.begin(2, memory, control);
    let run = begun.run.clone();
    let stopper = thread::spawn(move || {
        if by_flag {
            cancel.cancel();
            // Others notice the flag, at any place, before this thread does.
            (0..8).for_each(|_| thread::yield_now());
            run.wait(None);
        } else {
            run.stop();
        }
    });
    stopper.join().unwrap();
    match begun.finish() {
        Err(RunError::Cancelled) => {}
        Ok(found) => assert_eq!(number(&found[0]), model.builder.numbers()[last]),
        Err(error) => panic!("{error}"),
    }
    assert!(model.ran.iter().all(|ran| ran.load(Ordering::SeqCst) <= 1));
}

#[test]
fn all_come_back_when_the_run_is_stopped() {
    check(|| stop(&unlimited(), false));
    check(|| stop(&room_for(2), false));
}

#[test]
fn all_come_back_when_the_run_is_cancelled() {
    check(|| stop(&unlimited(), true));
    check(|| stop(&room_for(2), true));
}

#[test]
fn all_come_back_when_a_task_fails() {
    check(|| {
        let (builder, last) = used_twice(3);
        let model = Model::new(builder, &[last], Some(1));
        let run = model.begin(3, &room_for(2), Control::default()).finish();
        assert!(matches!(run, Err(RunError::Task { .. })), "{run:?}");
        assert_eq!(model.ran[last].load(Ordering::SeqCst), 0);
    });
}

/// Fails when it first hears of something moved.
struct Touchy;

impl Subscriber for Touchy {
    fn on_event(&self, _: &Graph, event: &Event<'_>) -> Result<(), Failure> {
        if matches!(event, Event::Spilled { .. }) { Err("too much".into()) } else { Ok(()) }
    }
}

#[test]
fn all_come_back_when_a_subscriber_fails() {
    check(|| {
        let (builder, last) = used_twice(3);
        let model = Model::new(builder, &[last], None);
        let control = Control { subscribers: vec![Arc::new(Touchy)], ..Control::default() };
        let run = model.begin(2, &room_for(2), control).finish();
        assert!(matches!(run, Err(RunError::Subscriber { .. })), "{run:?}");
    });
}
