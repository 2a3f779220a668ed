//! Tasks, values, scopes, runners and subscribers that fail or panic: the error says who, the
//! process goes on, nothing hangs and nothing is left over.

use std::fmt;
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use raskt_exec::{Memory, Options, Runner, Scope, Synchronous, Threads};
use raskt_graph::function::FromFn;
use raskt_graph::{
    Call, Control, Data, Event, Executor, Failure, Function, Graph, Key, Node, RunError,
    Subscriber, Value, lower,
};
use raskt_testkit::{Form, GraphBuilder, Heard, Recorder, number};

use crate::{executor, graph, heard_by, numbers, settle};

#[derive(Debug, PartialEq)]
struct OutOfLuck(usize);

impl fmt::Display for OutOfLuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {} is out of luck", self.0)
    }
}

impl std::error::Error for OutOfLuck {}

/// Ten roots, a task over each, and one over all of these; `hook` is called by each.
fn comb(hook: impl Fn(usize) -> Result<(), Failure> + Send + Sync + 'static) -> Vec<Node> {
    let mut builder = GraphBuilder::default();
    let roots: Vec<usize> = (0..10).map(|_| builder.root()).collect();
    let teeth: Vec<usize> = roots.iter().map(|root| builder.task(&[*root])).collect();
    builder.task(&teeth);
    builder.hook(hook).nodes(Form::Bytes(1000))
}

/// Runs the comb in all ways; gives what came of it.
fn in_all_ways(
    hook: impl Fn(usize) -> Result<(), Failure> + Clone + Send + Sync + 'static,
    check: impl Fn(RunError, &[Node], &[Heard]),
) {
    for threads in [0, 1, 2, 8] {
        let memory = Arc::new(Memory::unlimited());
        let executor = executor(threads, &memory);
        let nodes = comb(hook.clone());
        let recorder = Arc::new(Recorder::default());
        let error = executor.run(graph(&nodes[20..]), heard_by(&recorder)).unwrap_err();
        check(error, &nodes, &recorder.heard());
        // The same executor runs the next graph.
        let fine = comb(|_| Ok(()));
        assert!(executor.run(graph(&fine[20..]), Control::default()).is_ok());
        drop(executor);
        settle(&memory);
    }
}

#[test]
fn a_failing_task_is_named_with_its_own_error() {
    let hook = |position| if position == 15 { Err(OutOfLuck(15).into()) } else { Ok(()) };
    in_all_ways(hook, |error, nodes, heard| {
        assert!(error.to_string().contains("(mix) failed: task 15 is out of luck"), "{error}");
        let RunError::Task { key, function, source } = error else { panic!("{error:?}") };
        assert_eq!((&key, &*function), (nodes[15].key(), "mix"));
        assert_eq!(source.downcast_ref::<OutOfLuck>(), Some(&OutOfLuck(15)));
        let graph = lower(&nodes[20..]);
        let failed: Vec<Key> = heard
            .iter()
            .filter_map(|heard| match heard {
                Heard::Failed(task) => Some(graph.node(*task).key().clone()),
                _ => None,
            })
            .collect();
        assert_eq!(failed, [key]);
        let last = graph.outputs()[0];
        assert!(!heard.contains(&Heard::Started(last)), "what needs it does not run");
        assert!(heard.contains(&Heard::Ended(false)));
    });
}

#[test]
fn a_panicking_task_is_named_with_what_it_said() {
    for (kind, said) in [(0, "plain words"), (1, "words about 3"), (2, "no message")] {
        let hook = move |position| match (position, kind) {
            (3, 0) => panic!("plain words"),
            (3, 1) => panic!("words about {position}"),
            (3, _) => panic_any(OutOfLuck(3)),
            _ => Ok(()),
        };
        in_all_ways(hook, |error, nodes, _| {
            let RunError::Panicked { key, function, message } = error else { panic!("{error:?}") };
            assert_eq!((&key, &*function), (nodes[3].key(), "mix"));
            assert_eq!(message, said);
        });
    }
}

#[test]
fn only_the_first_of_many_errors_counts() {
    in_all_ways(
        |position| Err(OutOfLuck(position).into()),
        |error, nodes, heard| {
            let RunError::Task { key, source, .. } = error else { panic!("{error:?}") };
            let OutOfLuck(position) = source.downcast_ref().unwrap();
            assert_eq!(*nodes[*position].key(), key);
            assert_eq!(heard.iter().filter(|heard| **heard == Heard::Ended(false)).count(), 1);
        },
    );
}

#[test]
fn other_runs_do_not_notice() {
    let memory = Arc::new(Memory::unlimited());
    std::thread::scope(|scope| {
        for i in 0..4 {
            let memory = memory.clone();
            scope.spawn(move || {
                for round in 0..25 {
                    let fails = i % 2 == 0;
                    let nodes = comb(move |position| match position {
                        12 if fails && round % 2 == 0 => panic!("on purpose"),
                        12 if fails => Err("on purpose".into()),
                        _ => Ok(()),
                    });
                    let run = executor(3, &memory).run(graph(&nodes[20..]), Control::default());
                    assert_eq!(run.is_err(), fails);
                }
            });
        }
    });
    settle(&memory);
}

/// Fails or panics when it hears of a certain kind of event.
struct Touchy {
    about: fn(&Event<'_>) -> bool,
    panics: bool,
}

impl Subscriber for Touchy {
    fn on_event(&self, _: &Graph, event: &Event<'_>) -> Result<(), Failure> {
        match (self.about)(event) {
            true if self.panics => panic!("too much"),
            true => Err("too much".into()),
            false => Ok(()),
        }
    }
}

#[test]
fn a_subscriber_that_fails_or_panics_ends_the_run() {
    let kinds: [fn(&Event<'_>) -> bool; 4] = [
        |event| matches!(event, Event::Began),
        |event| matches!(event, Event::Started { .. }),
        |event| matches!(event, Event::Finished { .. }),
        |event| matches!(event, Event::Released { .. }),
    ];
    for (kind, about) in kinds.into_iter().enumerate() {
        for (panics, threads) in [(false, 0), (true, 0), (false, 3), (true, 3)] {
            let memory = Arc::new(Memory::unlimited());
            let ran = Arc::new(AtomicUsize::new(0));
            let count = ran.clone();
            let nodes = comb(move |_| {
                count.fetch_add(1, Ordering::Relaxed);
                Ok(())
            });
            let recorder = Arc::new(Recorder::default());
            let mut control = heard_by(&recorder);
            control.subscribers.insert(0, Arc::new(Touchy { about, panics }));
            let error = executor(threads, &memory).run(graph(&nodes[20..]), control).unwrap_err();
            let RunError::Subscriber { source } = error else { panic!("{error:?}") };
            assert!(source.to_string().contains("too much"), "{source}");
            assert_eq!(recorder.count(|heard| *heard == Heard::Ended(false)), 1);
            if kind < 2 {
                assert_eq!(ran.load(Ordering::Relaxed), 0, "no task ran");
            }
            settle(&memory);
        }
    }
}

#[test]
fn a_subscriber_that_fails_at_the_end_changes_nothing() {
    for panics in [false, true] {
        let touchy = Touchy { about: |event| matches!(event, Event::Ended { .. }), panics };
        let nodes = comb(|_| Ok(()));
        let memory = Arc::new(Memory::unlimited());
        let run = executor(2, &memory).run(graph(&nodes[20..]), heard_by(&Arc::new(touchy)));
        assert!(run.is_ok());
        settle(&memory);
    }
}

/// Panics when asked for its size.
struct Unsized;

impl Data for Unsized {
    fn nbytes(&self) -> usize {
        panic!("no idea")
    }

    fn type_name(&self) -> &'static str {
        "unsized"
    }
}

#[test]
fn a_value_that_panics_when_measured_is_its_tasks_panic() {
    let give: Arc<dyn Function> =
        Arc::new(FromFn::new("give", |_: &[Value]| Ok(Value::from_data(Unsized))));
    let node = Node::over(Key::text("x"), give, []);
    for threads in [0, 2] {
        let memory = Arc::new(Memory::new(Some(1 << 20), std::env::temp_dir()));
        let run =
            executor(threads, &memory).run(graph(std::slice::from_ref(&node)), Control::default());
        let Err(RunError::Panicked { key, message, .. }) = run else { panic!("{run:?}") };
        assert_eq!((key, &*message), (Key::text("x"), "no idea"));
    }
}

/// Counts how often it is entered; panics before, after or instead of its body.
#[derive(Default)]
struct Room {
    entered: AtomicUsize,
    panics: Option<&'static str>,
}

thread_local! {
    static INSIDE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

impl Scope for Room {
    fn enter(&self, body: &mut dyn FnMut()) {
        self.entered.fetch_add(1, Ordering::Relaxed);
        assert!(self.panics != Some("before"), "the door is shut");
        INSIDE.set(true);
        body();
        INSIDE.set(false);
        assert!(self.panics != Some("after"), "the door is shut");
    }
}

/// Gives its input, inside the room only.
struct Indoors;

impl Function for Indoors {
    fn name(&self) -> &str {
        "indoors"
    }

    fn call(&self, call: Call<'_>) -> Result<Value, Failure> {
        assert!(INSIDE.get(), "outside");
        call.value(0)
    }

    fn needs_scope(&self) -> bool {
        true
    }
}

fn indoors(length: usize) -> Arc<Graph> {
    let mut node = Node::constant(Key::text("start"), Form::Number.value(7));
    for i in 0..length {
        node = Node::over(Key::text(&format!("n{i}")), Arc::new(Indoors), [node]);
    }
    graph(&[Node::alias(Key::text("end"), node)])
}

fn run_in(room: &Arc<Room>, threads: usize) -> Result<Vec<Value>, RunError> {
    let options = Options { scope: Some(room.clone()), ..Options::new(threads) };
    match threads {
        0 => Synchronous::new(options).run(indoors(50), Control::default()),
        _ => Threads::new(options).run(indoors(50), Control::default()),
    }
}

#[test]
fn a_scope_is_entered_once_for_many_calls_in_a_row() {
    for threads in [0, 1, 3] {
        let room = Arc::new(Room::default());
        assert_eq!(numbers(&run_in(&room, threads).unwrap()), [7]);
        let entered = room.entered.load(Ordering::Relaxed);
        assert!((1..=10).contains(&entered), "{entered} times for 50 calls");
    }
}

#[test]
fn a_scope_that_panics_ends_the_run() {
    for panics in ["before", "after"] {
        for threads in [0, 1, 3] {
            let room = Arc::new(Room { panics: Some(panics), ..Room::default() });
            let run = run_in(&room, threads);
            let Err(RunError::Panicked { message, .. }) = run else { panic!("{run:?}") };
            assert_eq!(message, "the door is shut");
        }
    }
}

/// Calls functions itself, unless it fails or panics.
struct Elsewhere(&'static str);

impl Runner for Elsewhere {
    fn run(&self, _: u32, node: &Node, call: Call<'_>) -> Result<Value, Failure> {
        match self.0 {
            "works" => node.function().call(call),
            "fails" => Err("no answer".into()),
            _ => panic!("no answer"),
        }
    }
}

#[test]
fn a_runner_calls_the_functions() {
    let run = |how| {
        let options = Options { runner: Some(Arc::new(Elsewhere(how))), ..Options::new(2) };
        let nodes = comb(|_| Ok(()));
        Threads::new(options).run(graph(&nodes[20..]), Control::default())
    };
    assert!(run("works").is_ok());
    let failed = run("fails");
    assert!(matches!(failed, Err(RunError::Task { .. })), "{failed:?}");
    let panicked = run("panics");
    assert!(matches!(panicked, Err(RunError::Panicked { .. })), "{panicked:?}");
}

#[test]
fn threads_that_cannot_be_had() {
    for given in [0, 1, 2] {
        let asked = AtomicUsize::new(0);
        let spawn = move |job: Box<dyn FnOnce() + Send>| {
            if asked.fetch_add(1, Ordering::Relaxed) >= given {
                return Err(std::io::Error::other("no more"));
            }
            std::thread::spawn(job);
            Ok(())
        };
        let mut builder = GraphBuilder::default();
        let roots: Vec<usize> = (0..50).map(|_| builder.root()).collect();
        let sum = builder.task(&roots);
        let graph = graph(&builder.nodes(Form::Number)[sum..]);
        let threads = Threads::new(Options::new(4));
        let run = threads.start_on(Arc::new(spawn), graph, Control::default()).outputs();
        if given == 0 {
            let Err(RunError::Threads { source }) = run else { panic!("{run:?}") };
            assert_eq!(source.to_string(), "no more");
        } else {
            assert_eq!(number(&run.unwrap()[0]), builder.numbers()[sum]);
        }
    }
}
