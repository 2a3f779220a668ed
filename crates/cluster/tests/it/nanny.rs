//! Processes of workers, and those who keep them.

use std::ffi::OsString;
use std::io::Write;
use std::sync::Arc;

use raskt_cluster::client::Outcome;
use raskt_cluster::nanny::{EXIT_FINAL, EXIT_RESTART, NANNY_VARIABLE};
use raskt_cluster::{
    Address, Client, ConnectOptions, Nanny, NannyHandle, NannyOptions, SchedulerOptions,
    SchedulerServer, WorkerOptions, WorkerServer,
};
use raskt_wire::{Answer, Cause, Question};

use crate::host::{Words, compute, submit};

const SCHEDULER_VARIABLE: &str = "RASKT_TEST_SCHEDULER";

/// Not a test but the program of a worker process, if the environment names a scheduler.
#[test]
fn worker_process() {
    let Some(scheduler) = std::env::var_os(SCHEDULER_VARIABLE) else { return };
    let nanny = std::env::var_os(NANNY_VARIABLE).unwrap_or_default();
    let options = WorkerOptions {
        scheduler: scheduler.to_str().unwrap().parse().unwrap(),
        nanny: nanny.to_str().unwrap().into(),
        ..Default::default()
    };
    let Ok(worker) = WorkerServer::start(options, Arc::new(Words::default())) else {
        std::process::exit(i32::from(EXIT_FINAL))
    };
    let end = worker.wait(None).unwrap();
    std::process::exit(if end.restart { i32::from(EXIT_RESTART) } else { 0 })
}

fn nobody() -> Address {
    Address::Local("nobody".to_string())
}

fn shell(script: &str) -> Vec<OsString> {
    ["/bin/sh", "-c", script].map(OsString::from).to_vec()
}

fn worker(scheduler: &Address) -> NannyHandle {
    let program = std::env::current_exe().unwrap().into_os_string();
    let arguments = ["--exact", "nanny::worker_process", "--nocapture"].map(OsString::from);
    let command = [program].into_iter().chain(arguments).collect();
    let mut options = NannyOptions::new(command, scheduler.clone());
    options.environment = vec![(SCHEDULER_VARIABLE.to_string(), scheduler.to_string())];
    Nanny::start(options).unwrap()
}

fn scheduler() -> raskt_cluster::SchedulerHandle {
    let addresses = vec!["tcp://127.0.0.1:0".parse().unwrap()];
    SchedulerServer::start(SchedulerOptions { addresses, ..Default::default() }).unwrap()
}

fn wait_for_workers(client: &Client, count: u32) {
    let reply = client.request(Question::WaitForWorkers { count, timeout_us: 0 });
    reply.wait(None);
    assert!(
        matches!(reply.get(), Some(Ok(Answer::Done | Answer::Bool(true)))),
        "{:?}",
        reply.get()
    );
}

#[test]
fn a_process_that_ends_in_good_order_is_not_started_again() {
    let nanny = Nanny::start(NannyOptions::new(shell("exit 0"), nobody())).unwrap();
    assert!(nanny.wait(None).unwrap().contains("in good order"));
    assert_eq!(nanny.starts(), 1);
    let script = format!("exit {EXIT_FINAL}");
    let nanny = Nanny::start(NannyOptions::new(shell(&script), nobody())).unwrap();
    assert!(nanny.wait(None).unwrap().contains("exit code 78"));
}

#[test]
fn a_process_that_dies_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let script = format!("if [ -e {0} ]; then exit 0; fi; touch {0}; kill -9 $$", mark.display());
    let nanny = Nanny::start(NannyOptions::new(shell(&script), nobody())).unwrap();
    nanny.wait(None).unwrap();
    assert_eq!(nanny.starts(), 2);
}

#[test]
fn a_process_that_does_not_want_to_end_is_killed() {
    let mut options =
        NannyOptions::new(shell("trap '' TERM; while true; do read x; done < /dev/zero"), nobody());
    options.patience = std::time::Duration::ZERO;
    let nanny = Nanny::start(options).unwrap();
    nanny.close("it is enough");
    assert_eq!(&*nanny.wait(None).unwrap(), "it is enough");
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    let options = NannyOptions::new(vec!["/no/such/program".into()], nobody());
    assert!(Nanny::start(options).is_err());
    assert!(Nanny::start(NannyOptions::new(Vec::new(), nobody())).is_err());
}

#[test]
fn a_process_that_takes_too_much_memory_is_ended_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    // The second one waits until it is told to go.
    let script = format!(
        "if [ -e {0} ]; then read y < {0}; exit 0; fi; mkfifo {0}; \
         x=$(head -c 60000000 /dev/zero | tr '\\0' a); while true; do read y; done < /dev/zero",
        mark.display()
    );
    let mut options = NannyOptions::new(shell(&script), nobody());
    options.memory_limit = 30_000_000;
    let nanny = Nanny::start(options).unwrap();
    while !mark.exists() {
        std::thread::yield_now();
    }
    // Opening it for writing waits until the second one reads.
    let mut way = std::fs::OpenOptions::new().write(true).open(&mark).unwrap();
    let last = nanny.last_ending().unwrap();
    assert!(last.contains("above 95 % of the limit of 30000000 bytes"), "{last}");
    way.write_all(b"go\n").unwrap();
    nanny.wait(None).unwrap();
    assert_eq!(nanny.starts(), 2);
}

#[test]
fn a_task_that_kills_its_workers_is_blamed_with_the_signal() {
    let mut options = SchedulerOptions {
        addresses: vec!["tcp://127.0.0.1:0".parse().unwrap()],
        ..Default::default()
    };
    options.config.allowed_failures = 0;
    let scheduler = SchedulerServer::start(options).unwrap();
    let nanny = worker(scheduler.address());
    let client = Client::connect(scheduler.address(), ConnectOptions::default()).unwrap();
    wait_for_workers(&client, 1);
    let entries = submit(&client, &[("a", "abort", &[])], &["a"]);
    assert!(client.wait_all(&entries, None));
    let Some(Outcome::Failed(error)) = entries[0].outcome() else { panic!() };
    let Cause::KilledWorkers { ending, .. } = &error.cause else { panic!("{error:?}") };
    assert!(ending.contains("SIGABRT"), "{ending}");
    // The nanny has another one.
    wait_for_workers(&client, 1);
    assert_eq!(compute(&client, "b", "say back"), "back");
    nanny.close("the test is over");
    nanny.wait(None).unwrap();
}

#[test]
fn a_cluster_of_processes_is_restarted_and_closed() {
    let scheduler = scheduler();
    let nanny = worker(scheduler.address());
    let client = Client::connect(scheduler.address(), ConnectOptions::default()).unwrap();
    wait_for_workers(&client, 1);
    let reply = client.request(Question::Restart {
        workers: Vec::new(),
        timeout_us: 60_000_000,
        wait: true,
    });
    reply.wait(None);
    assert!(matches!(reply.get(), Some(Ok(_))), "{:?}", reply.get());
    assert_eq!(nanny.starts(), 2);
    assert_eq!(compute(&client, "a", "say again"), "again");
    scheduler.close("the test is over");
    assert!(nanny.wait(None).is_some());
}
