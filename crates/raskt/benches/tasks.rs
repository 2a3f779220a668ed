//! How fast tasks are made, ordered and run: a million that do nothing, in three shapes.
//!
//! `cargo bench -p raskt --bench tasks` prints medians of five rounds. Peak memory is that of a
//! process of its own, which builds one graph and runs it on two threads (on Linux).
#![expect(clippy::print_stdout, reason = "the figures are all it is for")]

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use raskt::exec::{Options, Synchronous, Threads};
use raskt::graph::function::FromFn;
use raskt::graph::{Control, Executor, Function, Graph, Key, Node, Prefix, Value, lower};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TASKS: usize = 1_000_000;
const ROUNDS: usize = 5;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let Some(at) = args.iter().position(|arg| arg == "--memory") {
        return use_memory(Shape::named(&args[at + 1]));
    }
    println!("{TASKS} tasks that do nothing, medians of {ROUNDS} rounds\n");
    println!(
        "{:6} {:>9} {:>13} {:>9} {:>13} {:>13} {:>11} {:>9}",
        "",
        "build",
        "lower+order",
        "drop",
        "run 1 thread",
        "run 2 threads",
        "bytes/task",
        "peak RSS"
    );
    for shape in [Shape::Wide, Shape::Tree, Shape::Chain] {
        let rounds: Vec<Round> = (0..ROUNDS).map(|_| Round::of(shape)).collect();
        let median = |pick: fn(&Round) -> Duration| {
            let mut times: Vec<Duration> = rounds.iter().map(pick).collect();
            times.sort_unstable();
            times[ROUNDS / 2].as_secs_f64()
        };
        let each = |seconds: f64| format!("{:.0} ns", seconds * 1e9 / TASKS as f64);
        let rate = |seconds: f64| format!("{:.2} M/s", TASKS as f64 / seconds / 1e6);
        println!(
            "{:6} {:>9} {:>13} {:>9} {:>13} {:>13} {:>11} {:>9}",
            shape.name(),
            each(median(|round| round.build)),
            each(median(|round| round.lower)),
            each(median(|round| round.drop)),
            rate(median(|round| round.one_thread)),
            rate(median(|round| round.two_threads)),
            rounds[0].bytes_per_task,
            peak_of(shape),
        );
    }
}

#[derive(Clone, Copy)]
enum Shape {
    /// Tasks without inputs.
    Wide,
    /// Each of two others.
    Tree,
    /// Each of the one before.
    Chain,
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Shape::Wide => "wide",
            Shape::Tree => "tree",
            Shape::Chain => "chain",
        }
    }

    fn named(name: &str) -> Shape {
        let shapes = [Shape::Wide, Shape::Tree, Shape::Chain];
        shapes.into_iter().find(|shape| shape.name() == name).expect("a shape has this name")
    }

    /// The outputs of a million tasks.
    fn build(self, kernel: &Kernel) -> Vec<Node> {
        match self {
            Shape::Wide => (0..TASKS).map(|_| kernel.task([])).collect(),
            Shape::Tree => {
                let mut level: Vec<Node> = (0..TASKS / 2).map(|_| kernel.task([])).collect();
                while level.len() > 1 {
                    level = level.chunks(2).map(|inputs| kernel.task(inputs)).collect();
                }
                level
            }
            Shape::Chain => {
                let mut last = kernel.task([]);
                for _ in 1..TASKS {
                    last = kernel.task([last]);
                }
                vec![last]
            }
        }
    }
}

/// A function that does nothing.
struct Kernel {
    function: Arc<dyn Function>,
    prefix: Prefix,
}

impl Kernel {
    fn new() -> Kernel {
        let nothing = Value::new(());
        let function = Arc::new(FromFn::new("nothing", move |_| Ok(nothing.clone())));
        Kernel { function, prefix: Prefix::new("nothing") }
    }

    fn task(&self, inputs: impl Into<Box<[Node]>>) -> Node {
        Node::over(Key::unique(self.prefix), self.function.clone(), inputs)
    }
}

struct Round {
    build: Duration,
    lower: Duration,
    one_thread: Duration,
    two_threads: Duration,
    drop: Duration,
    bytes_per_task: usize,
}

impl Round {
    fn of(shape: Shape) -> Round {
        let kernel = Kernel::new();
        let (outputs, build) = timed(|| shape.build(&kernel));
        let (graph, lower) = timed(|| Arc::new(lower(&outputs)));
        let bytes_per_task = graph.nbytes() / graph.len();
        let ((), one_thread) = timed(|| run(&Synchronous::default(), &graph));
        let ((), two_threads) = timed(|| run(&Threads::new(Options::new(2)), &graph));
        // The threads let go of it a moment after the run.
        while Arc::strong_count(&graph) > 1 {
            std::thread::yield_now();
        }
        let ((), drop) = timed(|| drop((outputs, graph)));
        Round { build, lower, one_thread, two_threads, drop, bytes_per_task }
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let result = work();
    (result, began.elapsed())
}

fn run(executor: &dyn Executor, graph: &Arc<Graph>) {
    let outputs = executor.run(graph.clone(), Control::default()).expect("nothing can fail");
    assert_eq!(outputs.len(), graph.outputs().len());
}

/// What a process of its own needs for a graph of this shape.
fn peak_of(shape: Shape) -> String {
    let this = std::env::current_exe().expect("a running program has a file");
    let child = Command::new(this).args(["--memory", shape.name()]).output();
    let output = child.expect("this program can be started again").stdout;
    String::from_utf8_lossy(&output).trim().to_string()
}

fn use_memory(shape: Shape) {
    let outputs = shape.build(&Kernel::new());
    run(&Threads::new(Options::new(2)), &Arc::new(lower(&outputs)));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: Option<usize> = peak.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    println!("{}", kib.map_or("unknown".into(), |kib| format!("{} MB", kib * 1024 / 1_000_000)));
}
