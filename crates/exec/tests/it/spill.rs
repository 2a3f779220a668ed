//! Less memory than results: the budget holds, what does not fit goes to disk and comes back.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use raskt_exec::Memory;
use raskt_graph::function::FromFn;
use raskt_graph::{
    CodecError, Control, Data, Encoded, Event, Failure, Function, Graph, Key, Node, RunError,
    Subscriber, TaskId, Value, lower,
};
use raskt_testkit::{Codec, Form, GraphBuilder, Heard, Recorder, alone, number, peak_bytes};

use crate::{Budget, executor, files, graph, heard_by, numbers, select, settle, wait_until};

const CHUNK: usize = 100_000;

/// Chunks, their sum, and every chunk once more with the sum: all chunks must be kept.
fn used_twice(chunks: usize) -> (GraphBuilder, usize) {
    let mut builder = GraphBuilder::default();
    let all: Vec<usize> = (0..chunks).map(|_| builder.root()).collect();
    let sum = tree(&mut builder, all.clone());
    let again = all.iter().map(|chunk| builder.task(&[*chunk, sum])).collect();
    let last = tree(&mut builder, again);
    (builder, last)
}

fn tree(builder: &mut GraphBuilder, mut level: Vec<usize>) -> usize {
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| builder.task(pair)).collect();
    }
    level[0]
}

#[test]
fn the_budget_holds() {
    for threads in [0, 1, 2, 4, 8] {
        let budget = Budget::new(10 * CHUNK);
        let (builder, last) = used_twice(64);
        let expected = builder.numbers()[last];
        let most = Arc::new(AtomicUsize::new(0));
        let (ledger, peak) = (budget.memory.clone(), most.clone());
        let builder = builder.hook(move |_| {
            peak.fetch_max(ledger.used(), Ordering::Relaxed);
            Ok(())
        });
        let graph = graph(&builder.nodes(Form::Floats(CHUNK / 8))[last..]);
        drop(builder);
        let recorder = Arc::new(Recorder::default());
        let found = executor(threads, &budget.memory).run(graph, heard_by(&recorder)).unwrap();
        assert_eq!(numbers(&found), [expected]);
        let spilled = recorder.count(|heard| matches!(heard, Heard::Spilled(..)));
        let loaded = recorder.count(|heard| matches!(heard, Heard::Loaded(..)));
        assert!(spilled >= 54 && loaded >= 54, "{spilled} went, {loaded} came back");
        // Each thread may have begun with room for a byte, with two inputs read from disk.
        let allowed = (10 + 3 * threads.max(1)) * (CHUNK + 100);
        let most = most.load(Ordering::Relaxed);
        assert!(most <= allowed, "{most} bytes were in use on {threads} threads");
        drop(found);
        budget.settle();
    }
}

/// Something large that counts how often it is written.
struct Counted;

static WRITTEN: AtomicUsize = AtomicUsize::new(0);

impl Data for Counted {
    fn nbytes(&self) -> usize {
        CHUNK
    }

    fn type_name(&self) -> &'static str {
        "counted"
    }

    fn encode(&self) -> Result<Encoded, CodecError> {
        WRITTEN.fetch_add(1, Ordering::Relaxed);
        let decode = |_: &[u8], _: Vec<Vec<u8>>| Ok(Value::from_data(Counted));
        Ok(Encoded { decode, header: Vec::new(), buffers: Vec::new() })
    }
}

/// One large result is needed by each of many steps, and does not fit beside theirs.
#[test]
fn a_result_is_written_once_however_often_it_comes_and_goes() {
    let large: Arc<dyn Function> =
        Arc::new(FromFn::new("large", |_: &[Value]| Ok(Value::from_data(Counted))));
    let step: Arc<dyn Function> = Arc::new(FromFn::new("step", |inputs: &[Value]| {
        Ok(Form::Bytes(CHUNK).value(inputs.get(1).map_or(0, number) + 1))
    }));
    let large = Node::over(Key::text("large"), large, []);
    let mut last = Node::over(Key::text("n0"), step.clone(), [large.clone()]);
    for i in 1..=20 {
        let key = Key::text(&format!("n{i}"));
        last = Node::over(key, step.clone(), [large.clone(), last]);
    }
    let budget = Budget::new(CHUNK + CHUNK / 2);
    let graph = graph(&[last]);
    let recorder = Arc::new(Recorder::default());
    let found = executor(0, &budget.memory).run(graph.clone(), heard_by(&recorder)).unwrap();
    assert_eq!(numbers(&found), [21]);
    let is_large = |task: TaskId| *graph.node(task).key() == Key::text("large");
    let moved = |heard: &Heard| matches!(heard, Heard::Spilled(task, _) if is_large(*task));
    assert!(recorder.count(moved) >= 10, "{} times moved", recorder.count(moved));
    assert_eq!(WRITTEN.load(Ordering::Relaxed), 1);
    drop(found);
    budget.settle();
}

/// Between the mark at which results are moved and the limit, a thread moves them meanwhile.
#[test]
fn results_move_before_memory_is_full() {
    let budget = Budget::new(10 * CHUNK);
    let mut builder = GraphBuilder::default();
    let chunks: Vec<usize> = (0..8).map(|_| builder.root()).collect();
    let last = builder.task(&chunks);
    let recorder = Arc::new(Recorder::default());
    let heard = recorder.clone();
    let builder = builder.hook(move |position| {
        if position == last {
            wait_until("results move", || heard.count(|h| matches!(h, Heard::Spilled(..))) > 0);
        }
        Ok(())
    });
    // All chunks are outputs, so none goes with the last task.
    let nodes = builder.nodes(Form::Blob(CHUNK, Codec::Works));
    let outputs: Vec<usize> = chunks.iter().copied().chain([last]).collect();
    let graph = graph(&select(&nodes, &outputs));
    let found = executor(1, &budget.memory).run(graph, heard_by(&recorder)).unwrap();
    assert_eq!(numbers(&found), select(&builder.numbers(), &outputs));
    drop((builder, nodes));
    budget.settle();
}

#[test]
fn what_cannot_be_written_stays_and_the_run_completes() {
    for codec in [Codec::Missing, Codec::PanicsOnWrite] {
        for threads in [0, 1, 4] {
            let budget = Budget::new(2 * CHUNK);
            let (builder, last) = used_twice(16);
            let nodes = builder.nodes(Form::Blob(CHUNK, codec));
            let recorder = Arc::new(Recorder::default());
            let executor = executor(threads, &budget.memory);
            let found = executor.run(graph(&nodes[last..]), heard_by(&recorder)).unwrap();
            assert_eq!(numbers(&found), [builder.numbers()[last]]);
            assert_eq!(recorder.count(|heard| matches!(heard, Heard::Spilled(..))), 0);
            drop(executor);
            budget.settle();
        }
    }
}

#[test]
fn what_cannot_be_read_back_ends_the_run() {
    for (codec, why) in [(Codec::FailsOnRead, "it refuses"), (Codec::PanicsOnRead, "panic")] {
        for threads in [0, 1, 4] {
            let budget = Budget::new(2 * CHUNK);
            let (builder, last) = used_twice(16);
            let nodes = builder.nodes(Form::Blob(CHUNK, codec));
            let executor = executor(threads, &budget.memory);
            match executor.run(graph(&nodes[last..]), Control::default()) {
                Err(RunError::Codec { source: CodecError::Decode { source, .. }, key }) => {
                    assert!(source.to_string().contains(why), "{source}");
                    assert!(nodes.iter().any(|node| *node.key() == key));
                }
                other => panic!("{other:?}"),
            }
            drop(executor);
            budget.settle();
        }
    }
}

/// What a run with a fifth of the memory that it needs says of a folder.
#[track_caller]
fn spill_error(memory: &Arc<Memory>, threads: usize, control: Control) -> RunError {
    let (builder, last) = used_twice(50);
    let graph = graph(&builder.nodes(Form::Bytes(CHUNK))[last..]);
    executor(threads, memory).run(graph, control).unwrap_err()
}

#[test]
fn a_folder_that_cannot_be_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let folder = file.path().join("below");
    for threads in [0, 1, 4] {
        let memory = Arc::new(Memory::new(Some(10 * CHUNK), &folder));
        let error = spill_error(&memory, threads, Control::default());
        let text = error.to_string();
        assert!(text.contains("memory.spill-directory") && text.contains("to disk"), "{text}");
        let RunError::Spill { direction: "to", path, source, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(Path::new(&path), folder);
        assert_eq!(source.kind(), ErrorKind::NotADirectory);
        settle(&memory);
    }
}

/// Does something to each file as soon as results have been moved.
struct Vandal {
    folder: PathBuf,
    act: fn(&Path),
}

impl Subscriber for Vandal {
    fn on_event(&self, _: &Graph, event: &Event<'_>) -> Result<(), Failure> {
        if matches!(event, Event::Spilled { .. }) {
            for run in std::fs::read_dir(&self.folder)? {
                for file in std::fs::read_dir(run?.path())? {
                    (self.act)(&file?.path());
                }
            }
        }
        Ok(())
    }
}

#[test]
fn files_that_are_damaged_or_gone_are_named() {
    let empty: fn(&Path) = |path| drop(std::fs::File::create(path).unwrap());
    let remove: fn(&Path) = |path| std::fs::remove_file(path).unwrap();
    for (act, kind) in [(empty, ErrorKind::UnexpectedEof), (remove, ErrorKind::NotFound)] {
        let budget = Budget::new(10 * CHUNK);
        let folder = budget.folder.path().to_path_buf();
        let vandal = Arc::new(Vandal { folder: folder.clone(), act });
        let error = spill_error(&budget.memory, 0, heard_by(&vandal));
        let RunError::Spill { direction: "from", path, source, .. } = error else {
            panic!("{error:?}")
        };
        assert!(Path::new(&path).starts_with(&folder), "{path}");
        assert_eq!(source.kind(), kind);
        budget.settle();
    }
}

/// A process that may write only short files: for it, the disk is full.
#[test]
fn a_full_disk_is_named() {
    alone("spill::a_full_disk_is_named", "trap '' XFSZ; ulimit -f 64", || {
        for threads in [0, 4] {
            let budget = Budget::new(10 * CHUNK);
            let error = spill_error(&budget.memory, threads, Control::default());
            let RunError::Spill { direction: "to", path, source, .. } = error else {
                panic!("{error:?}")
            };
            assert!(Path::new(&path).starts_with(budget.folder.path()), "{path}");
            assert_eq!(source.kind(), ErrorKind::FileTooLarge);
            budget.settle();
        }
    });
}

/// Not what the ledger says, but what the process has: five times the budget goes through it.
#[test]
fn the_budget_holds_for_the_process() {
    alone("spill::the_budget_holds_for_the_process", "", || {
        const MEGABYTE: usize = 1_000_000;
        let limit = 100 * MEGABYTE;
        let (builder, last) = used_twice(250);
        let graph = graph(&builder.nodes(Form::Floats(2 * MEGABYTE / 8))[last..]);
        let Some(before) = peak_bytes() else { return };
        let budget = Budget::new(limit);
        let found = executor(2, &budget.memory).run(graph, Control::default()).unwrap();
        assert_eq!(numbers(&found), [builder.numbers()[last]]);
        drop(found);
        budget.settle();
        let peak = peak_bytes().unwrap() - before;
        assert!(peak > limit / 2, "{} MB: was there anything to spill?", peak / MEGABYTE);
        assert!(peak < limit / 5 * 6, "{} MB were in use", peak / MEGABYTE);
    });
}

#[test]
fn files_go_with_the_run() {
    let budget = Budget::new(10 * CHUNK);
    let (builder, last) = used_twice(50);
    let folder = budget.folder.path().to_path_buf();
    let most = Arc::new(AtomicUsize::new(0));
    let seen = most.clone();
    let builder = builder.hook(move |position| {
        if position == last {
            return Err("the last one fails".into());
        }
        seen.fetch_max(files(&folder), Ordering::Relaxed);
        Ok(())
    });
    let graph = Arc::new(lower(&builder.nodes(Form::Bytes(CHUNK))[last..]));
    let error = executor(2, &budget.memory).run(graph, Control::default()).unwrap_err();
    assert!(matches!(error, RunError::Task { .. }));
    assert_eq!(most.load(Ordering::Relaxed), 1, "a run has one folder");
    budget.settle();
}
