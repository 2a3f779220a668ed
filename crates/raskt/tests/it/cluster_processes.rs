//! A scheduler, workers and clients that are processes of their own.
//!
//! Workers that must have the functions of this file are this program: the test
//! `this_program_as_a_worker` is one if it is started by another.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};

use raskt::cluster::{Answer, FutureError, Question, RustCodec, Terms};
use raskt::prelude::*;
use raskt_cluster::payload::Codec;

use crate::process::{Process, signal_to};

/// Where a test says which scheduler a worker joins.
const SCHEDULER: &str = "RASKT_TEST_SCHEDULER";

#[raskt::task]
fn square(x: i64) -> i64 {
    x * x
}

#[raskt::task]
fn sum(numbers: &[i64]) -> i64 {
    numbers.iter().sum()
}

#[raskt::task]
fn range(n: i64) -> Vec<i64> {
    (0..n).collect()
}

/// Tells the test in which process it runs, and goes on when the test says so.
#[raskt::task]
fn patient(test: u16, numbers: &[i64]) -> std::io::Result<i64> {
    let mut test = TcpStream::connect(("127.0.0.1", test))?;
    test.write_all(&std::process::id().to_le_bytes())?;
    test.read_exact(&mut [0])?;
    Ok(numbers.iter().sum())
}

/// A call of `patient` that has begun.
struct Begun {
    pid: u32,
    connection: TcpStream,
}

impl Begun {
    fn accept(listener: &TcpListener) -> Begun {
        let (mut connection, _) = listener.accept().unwrap();
        let mut pid = [0; 4];
        connection.read_exact(&mut pid).unwrap();
        Begun { pid: u32::from_le_bytes(pid), connection }
    }

    fn go_on(mut self) {
        self.connection.write_all(&[1]).unwrap();
    }
}

#[test]
fn this_program_as_a_worker() {
    let Some(scheduler) = std::env::var_os(SCHEDULER) else { return };
    let args = ["test", "raskt", "worker", "--no-nanny", "--nthreads", "1"].map(OsString::from);
    let args: Vec<OsString> = args.into_iter().chain([scheduler]).collect();
    std::process::exit(raskt::command::main(&args).into());
}

fn scheduler() -> (Process, String) {
    let mut scheduler = Process::raskt(&["scheduler", "--port", "0"]);
    let address = scheduler.line_after("Scheduler at: ");
    (scheduler, address)
}

fn worker(scheduler: &str) -> Process {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["cluster_processes::this_program_as_a_worker", "--exact", "--nocapture"]);
    let mut worker = Process::start(command.env(SCHEDULER, scheduler));
    worker.line_after("Worker at: ");
    worker
}

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_raskt")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn tasks_and_data_go_over_the_network() {
    let (_scheduler, address) = scheduler();
    let _workers = [worker(&address), worker(&address)];
    let client = Client::connect(&address).unwrap();
    client.wait_for_workers(2, None).unwrap();
    let squares = client.map(square::lazy, 0..100).unwrap();
    let total = client.submit(sum::lazy(&squares)).unwrap();
    assert_eq!(total.result().unwrap(), 328_350);
    let parts = client.map(range::lazy, (0..8).map(|i| i * 10_000)).unwrap();
    let lengths: Vec<usize> = client.gather(&parts).unwrap().iter().map(Vec::len).collect();
    assert_eq!(lengths, (0..8).map(|i| i * 10_000).collect::<Vec<usize>>());
    let placed = client.scatter(vec![vec![1; 100_000], vec![2; 100_000]]).unwrap();
    let sums = client.map(sum::lazy, &placed).unwrap();
    assert_eq!(client.gather(&sums).unwrap(), [100_000, 200_000]);
}

#[test]
fn the_results_of_a_killed_worker_are_computed_again() {
    let (_scheduler, address) = scheduler();
    let workers = [worker(&address), worker(&address)];
    let client = Client::connect(&address).unwrap();
    client.wait_for_workers(2, None).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();

    let numbers = client.map(range::lazy, (1..=20).map(|i| i * 1000)).unwrap();
    let sums = client.map(|numbers| patient::lazy(port, numbers), &numbers).unwrap();
    let total = client.submit(sum::lazy(&sums)).unwrap();
    // Some are done before one of the workers is killed in the middle of another.
    for _ in 0..5 {
        Begun::accept(&listener).go_on();
    }
    let doomed = Begun::accept(&listener);
    assert!(workers.iter().any(|worker| worker.pid() == doomed.pid));
    signal_to(doomed.pid, libc::SIGKILL);
    std::thread::spawn(move || {
        loop {
            Begun::accept(&listener).go_on();
        }
    });
    let wanted: i64 = (1..=20).map(|i| (0..i * 1000).sum::<i64>()).sum();
    assert_eq!(total.result().unwrap(), wanted);
    assert_eq!(numbers[3].result().unwrap().len(), 4000);
}

#[test]
fn a_scheduler_that_is_asked_to_end_takes_its_workers_along() {
    let (scheduler, address) = scheduler();
    let worker = Process::raskt(&["worker", &address, "--nthreads", "1"]);
    let client = Client::connect(&address).unwrap();
    client.wait_for_workers(1, None).unwrap();
    // No worker has this: it is pending.
    let picky = Terms { resources: vec![("GPU".into(), 1.0)], ..Terms::default() };
    let pending = client.with_terms(picky).submit(square::lazy(1)).unwrap();
    scheduler.signal(libc::SIGTERM);
    assert!(scheduler.wait().success());
    assert!(worker.wait().success());
    let error = pending.result().unwrap_err();
    assert!(matches!(error, FutureError::Disconnected { .. }), "{error}");
    assert!(error.to_string().contains("SIGTERM"), "{error}");
}

/// An example as a program of its own. Cargo builds them before the tests.
fn example(name: &str, args: &[&str]) -> Command {
    let programs = Path::new(env!("CARGO_BIN_EXE_raskt")).parent().unwrap();
    let mut command = Command::new(programs.join("examples").join(name));
    command.args(args);
    command
}

#[test]
fn a_program_is_its_own_worker() {
    let (_scheduler, address) = scheduler();
    let two = ["raskt", "worker", &address, "--nworkers", "2", "--nthreads", "1"];
    let _workers = Process::start(&mut example("futures", &two));
    let output = example("futures", &[&address]).output().unwrap();
    let report = text(&output.stdout);
    assert_eq!(report, "total: -285\nand -5: -5\n", "{}", text(&output.stderr));
    // And without a scheduler it brings its own.
    let report = text(&example("futures", &[]).output().unwrap().stdout);
    assert_eq!(report, "total: -285\nand -5: -5\n");
}

#[test]
fn workers_that_are_asked_to_end_do() {
    let (_scheduler, address) = scheduler();
    let worker = Process::raskt(&["worker", &address, "--nworkers", "2", "--name", "w"]);
    let client = Client::connect(&address).unwrap();
    client.wait_for_workers(2, None).unwrap();
    worker.signal(libc::SIGINT);
    assert!(worker.wait().success());
    // One that still looks for its scheduler, too.
    let lonely = Process::raskt(&["worker", "tcp://127.0.0.1:1"]);
    lonely.signal(libc::SIGTERM);
    lonely.wait();
}

#[test]
fn a_worker_process_that_dies_is_started_again() {
    let (_scheduler, address) = scheduler();
    let _worker = Process::raskt(&["worker", &address, "--name", "phoenix", "--nthreads", "1"]);
    let client = Client::connect(&address).unwrap();
    client.wait_for_workers(1, None).unwrap();
    let pid_now = || {
        let answer = client.ask(Question::Cluster);
        answer.wait(None);
        let Answer::Cluster(cluster) = answer.get().unwrap().unwrap() else { panic!("no cluster") };
        cluster.workers.first().map(|worker| worker.hello.pid)
    };
    let first = pid_now().unwrap();
    signal_to(first, libc::SIGKILL);
    while pid_now().is_none_or(|pid| pid == first) {
        std::thread::yield_now();
    }
    client.wait_for_workers(1, None).unwrap();
}

#[test]
fn a_worker_without_the_function_says_so() {
    let (_scheduler, address) = scheduler();
    let _worker = Process::raskt(&["worker", &address]);
    let client = Client::connect(&address).unwrap();
    let error = client.submit(square::lazy(2)).unwrap().result().unwrap_err().to_string();
    let name = RustCodec.function(&square::lazy(0).node().function().encode().unwrap());
    assert!(name.is_ok(), "this program has it");
    assert!(error.contains("there is no task it::cluster_processes::square"), "{error}");
    assert!(
        error.contains("raskt::worker::main()") && error.contains("tcp://127.0.0.1"),
        "{error}"
    );
}

#[test]
fn info_shows_the_workers() {
    let (_scheduler, address) = scheduler();
    let limits = ["--memory-limit", "1GiB", "--nthreads", "3", "--resources", "GPU=2"];
    let options = ["worker", &address, "--name", "alice", "--no-nanny"];
    let mut worker = Process::raskt(&[&options[..], &limits].concat());
    let place = worker.line_after("Worker at: ");
    let output = run(&["info", &address]);
    let report = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for part in [&*place, "alice", "1.0 GiB", "GPU=2", "threads    3", "running"] {
        assert!(report.contains(part), "{part}: {report}");
    }
}

#[test]
fn a_scheduler_for_other_machines_needs_a_secret_and_its_file_has_it() {
    let output = run(&["scheduler", "--host", "0.0.0.0", "--port", "0"]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.contains("scheduler file") && error.contains("TLS"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scheduler.json");
    let file = file.to_str().unwrap();
    let mut scheduler = Process::raskt(&[
        "scheduler",
        "--host",
        "0.0.0.0",
        "--port",
        "0",
        "--scheduler-file",
        file,
    ]);
    let address = scheduler.line_after("Scheduler at: ");
    scheduler.line_after("Scheduler file: ");
    let output = run(&["info", &address]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("asks for a secret"), "{}", text(&output.stderr));
    let mut worker = Process::raskt(&["worker", "--scheduler-file", file, "--no-nanny"]);
    let place = worker.line_after("Worker at: ");
    let report = text(&run(&["info", "--scheduler-file", file]).stdout);
    assert!(report.contains(&place), "{report}");
    assert!(Client::connect(&address).is_err());
    Client::connect_file(file).unwrap().wait_for_workers(1, None).unwrap();
}

#[test]
fn what_cannot_start_says_why() {
    let (_scheduler, address) = scheduler();
    let port = address.rsplit(':').next().unwrap();
    let output = run(&["scheduler", "--port", port]);
    let error = text(&output.stderr);
    assert!(error.contains("is in use") && !output.status.success(), "{error}");

    let output = run(&["worker", "tcp://127.0.0.1:1", "--death-timeout", "0.1"]);
    let error = text(&output.stderr);
    assert!(error.contains("cannot reach tcp://127.0.0.1:1"), "{error}");
    assert_eq!(output.status.code(), Some(1));

    let output = run(&["worker"]);
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["worker", &address, "--nworkers", "none"]);
    assert!(text(&output.stderr).contains("write a number of workers"));
    let output = run(&["worker", &address, "--memory-limit", "much"]);
    assert!(text(&output.stderr).contains("2GiB"));
}
