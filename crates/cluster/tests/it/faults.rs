//! Nodes that go, and connections that break.

use std::sync::Arc;
use std::time::Duration;

use raskt_cluster::client::{Outcome, Status};
use raskt_cluster::{
    Client, ConnectOptions, SchedulerOptions, SchedulerServer, Transport, WorkerOptions,
    WorkerServer,
};
use raskt_wire::Terms;

use crate::cutter::Cutter;
use crate::host::{Words, cluster, compute, result, submission, submit};

fn scheduler() -> raskt_cluster::SchedulerHandle {
    let addresses = vec!["tcp://127.0.0.1:0".parse().unwrap()];
    SchedulerServer::start(SchedulerOptions { addresses, ..Default::default() }).unwrap()
}

#[test]
fn a_transfer_that_breaks_in_the_middle_is_begun_again() {
    let scheduler = scheduler();
    let (way, address) = Cutter::listen();
    let options = WorkerOptions {
        scheduler: scheduler.address().clone(),
        listen: Some("tcp://127.0.0.1:0".parse().unwrap()),
        ..Default::default()
    };
    // The port of the worker is not known before it listens: find a free one.
    let (free, listen) = Cutter::listen();
    drop(free);
    let options = WorkerOptions { listen: Some(listen.clone()), contact: Some(address), ..options };
    let worker = WorkerServer::start(options, Arc::new(Words::default())).unwrap();
    let _way = Cutter::start(way, listen.port().unwrap(), Some(1_000_000));
    let client = Client::connect(scheduler.address(), ConnectOptions::default()).unwrap();
    assert_eq!(compute(&client, "a", "zeros 5000000").len(), 5_000_000);
    drop(worker);
}

#[test]
fn a_transfer_between_workers_that_breaks_in_the_middle_is_begun_again() {
    let scheduler = scheduler();
    let (way, address) = Cutter::listen();
    let (free, listen) = Cutter::listen();
    drop(free);
    let plain = WorkerOptions { scheduler: scheduler.address().clone(), ..Default::default() };
    let behind = WorkerOptions {
        listen: Some(listen.clone()),
        contact: Some(address),
        name: "behind".into(),
        ..plain.clone()
    };
    let host = Arc::new(Words::default());
    let _behind = WorkerServer::start(behind, host.clone()).unwrap();
    let _other =
        WorkerServer::start(WorkerOptions { name: "other".into(), ..plain }, host).unwrap();
    let _way = Cutter::start(way, listen.port().unwrap(), Some(1_000_000));
    let client = Client::connect(scheduler.address(), ConnectOptions::default()).unwrap();
    let entries = client.entries([&Arc::from("b")]);
    let tasks = [("a", "zeros 5000000", &[][..]), ("b", "length", &[0])];
    let mut block = submission(&tasks, &entries);
    let only = |worker: &str| Terms { workers: vec![worker.into()], ..Terms::default() };
    block.terms = vec![only("behind"), only("other")];
    block.tasks[1].terms = 1;
    client.submit(block);
    assert_eq!(result(&client, &entries[0].0), "5000000");
}

#[test]
fn a_client_waits_for_a_scheduler_that_is_not_there_yet() {
    let (free, address) = Cutter::listen();
    drop(free);
    let target = address.clone();
    let early =
        std::thread::spawn(move || Client::connect(&target, ConnectOptions::default()).is_ok());
    let options = SchedulerOptions { addresses: vec![address], ..Default::default() };
    let _scheduler = SchedulerServer::start(options).unwrap();
    assert!(early.join().unwrap());
}

#[test]
fn results_of_a_client_that_vanishes_are_dropped() {
    let (cluster, host) = cluster(1, 1, Transport::Tcp);
    let (listener, _) = Cutter::listen();
    let port = cluster.scheduler().address().port().unwrap();
    let way = Cutter::start(listener, port, None);
    let client = Client::connect(&way.address, ConnectOptions::default()).unwrap();
    let entries = submit(&client, &[("a", "watched", &[])], &["a"]);
    assert!(client.wait_all(&entries, None));
    way.cut();
    host.gate.wait("dropped");
    let other = cluster.client().unwrap();
    assert_eq!(compute(&other, "b", "say there"), "there");
    cluster.close();
}

#[test]
fn when_the_scheduler_goes_all_hear_of_it() {
    for transport in [Transport::Memory, Transport::Tcp] {
        let (cluster, host) = cluster(1, 1, transport);
        let client = cluster.client().unwrap();
        let entries = submit(&client, &[("a", "wait x", &[]), ("b", "say b", &[])], &["a", "b"]);
        host.gate.wait("x began");
        cluster.scheduler().close("for the test");
        assert!(client.wait_all(&entries, None));
        let Some(Outcome::Broken { reason }) = entries[0].outcome() else { panic!() };
        assert!(reason.contains("for the test"), "{reason}");
        let end = cluster.workers()[0].wait(None).unwrap();
        assert_eq!(&*end.reason, "for the test");
        host.gate.open("x");
        cluster.close();
    }
}

#[test]
fn a_connection_to_the_scheduler_that_breaks_fails_what_is_pending() {
    let (cluster, host) = cluster(1, 1, Transport::Tcp);
    let (listener, _) = Cutter::listen();
    let port = cluster.scheduler().address().port().unwrap();
    let way = Cutter::start(listener, port, None);
    let client = Client::connect(&way.address, ConnectOptions::default()).unwrap();
    let entries = submit(&client, &[("a", "wait x", &[])], &["a"]);
    host.gate.wait("x began");
    way.cut();
    assert!(client.wait_all(&entries, None));
    assert_eq!(entries[0].status(), Status::Cancelled);
    assert!(!client.is_open());
    host.gate.open("x");
    cluster.close();
}

#[test]
fn results_of_a_worker_that_goes_are_computed_again() {
    for transport in [Transport::Memory, Transport::Tcp] {
        let (mut cluster, _) = cluster(2, 1, transport);
        let client = cluster.client().unwrap();
        let entries = submit(&client, &[("a", "where", &[])], &["a"]);
        let first = result(&client, &entries[0]);
        let place = cluster.workers().iter().position(|w| w.address().as_bytes() == first).unwrap();
        cluster.remove_worker(place).unwrap().wait(None).unwrap();
        let second = client.fetch_blocking(vec!["a".into()], None).unwrap().unwrap();
        assert_ne!(second[0].buffers[0], first);
        cluster.close();
    }
}

#[test]
fn a_worker_that_cannot_reach_its_scheduler_gives_up_in_time() {
    let (free, address) = Cutter::listen();
    drop(free);
    let options = WorkerOptions {
        scheduler: address,
        death_timeout: Some(Duration::from_millis(50)),
        ..Default::default()
    };
    let error = WorkerServer::start(options, Arc::new(Words::default())).err().unwrap();
    assert!(error.to_string().contains("cannot reach tcp://127.0.0.1"), "{error}");
}

#[test]
fn a_worker_whose_lifetime_is_over_leaves_its_results_to_others() {
    let scheduler = scheduler();
    let host = Arc::new(Words::default());
    let options = WorkerOptions { scheduler: scheduler.address().clone(), ..Default::default() };
    let first = WorkerServer::start(options.clone(), host.clone()).unwrap();
    let client = Client::connect(scheduler.address(), ConnectOptions::default()).unwrap();
    let entries = submit(&client, &[("a", "watched", &[])], &["a"]);
    assert!(client.wait_all(&entries, None));
    let _second = WorkerServer::start(options, host).unwrap();
    first.retire("its time is over");
    first.wait(None).unwrap();
    // Computed once: the host would say where.
    let fetched = client.fetch_blocking(vec!["a".into()], None).unwrap().unwrap();
    assert_eq!(fetched[0].buffers[0], "watched");
}
