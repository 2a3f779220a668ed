//! Tasks go where their inputs are, unless waiting there costs more.

use raskt_scheduler::Config;
use raskt_wire::{Cause, ToWorker, WorkerId};

use crate::cluster::{Cluster, Graph};

/// A cluster in which data is on the first of some workers of one thread, of so many bytes.
fn with_data(
    config: Config,
    workers: usize,
    nbytes: u64,
) -> (Cluster, raskt_wire::ClientId, Vec<WorkerId>) {
    let mut cluster = Cluster::with(config);
    let client = cluster.client();
    let first = cluster.worker(1);
    cluster.submit(client, Graph::new().task("data", &[]).want(&["data"]));
    let order = cluster.orders(first).remove(0);
    cluster.finish_with(first, &order, nbytes, 1_000);
    let others = (1..workers).map(|_| cluster.worker(1));
    let mut all = vec![first];
    all.extend(others.collect::<Vec<_>>());
    (cluster, client, all)
}

fn use_data(cluster: &mut Cluster, client: raskt_wire::ClientId, key: &str) {
    let graph = Graph::new().outside("data").task(key, &["data"]).want(&[key]);
    cluster.submit(client, graph);
}

#[test]
fn a_task_goes_where_its_input_is() {
    let (mut cluster, client, workers) = with_data(Config::default(), 5, 1_000_000);
    use_data(&mut cluster, client, "use-1");
    assert_eq!(cluster.ordered(workers[0]), ["use-1"]);
}

#[test]
fn an_idle_worker_takes_it_if_waiting_costs_more_than_moving() {
    let (mut cluster, client, workers) = with_data(Config::default(), 2, 1_000_000);
    use_data(&mut cluster, client, "use-1");
    use_data(&mut cluster, client, "use-2");
    assert_eq!(cluster.ordered(workers[1]), ["use-2"], "half a second against 11 milliseconds");
}

#[test]
fn large_inputs_are_waited_for() {
    let (mut cluster, client, workers) = with_data(Config::default(), 2, 1_000_000_000);
    use_data(&mut cluster, client, "use-1");
    use_data(&mut cluster, client, "use-2");
    assert_eq!(cluster.ordered(workers[0]), ["use-1", "use-2"], "to move it takes 10 seconds");
}

#[test]
fn a_worker_on_the_same_machine_is_preferred() {
    let mut cluster = Cluster::new();
    let client = cluster.client();
    let first = cluster.worker(1);
    cluster.submit(client, Graph::new().task("data", &[]).want(&["data"]));
    let order = cluster.orders(first).remove(0);
    cluster.finish_with(first, &order, 30_000_000, 1_000);
    let far = cluster.worker_with(|hello| hello.host = "far".into());
    use_data(&mut cluster, client, "use-1");
    use_data(&mut cluster, client, "use-2");
    assert_eq!(cluster.ordered(far), ["use-2"]);
    let near = cluster.worker(1);
    use_data(&mut cluster, client, "use-3");
    assert_eq!(cluster.ordered(near), ["use-3"]);
}

#[test]
fn a_peer_is_introduced_before_it_is_named() {
    let (mut cluster, client, workers) = with_data(Config::default(), 2, 100);
    use_data(&mut cluster, client, "use-1");
    use_data(&mut cluster, client, "use-2");
    let said = cluster.said(workers[1]);
    assert!(matches!(&said[0], ToWorker::Peer { id, .. } if *id == workers[0]), "{said:?}");
    let ToWorker::Compute { orders, .. } = &said[1] else { panic!("{said:?}") };
    assert_eq!(orders[0].inputs[0].holders, [workers[0]]);
    cluster.die(workers[0]);
    let said = cluster.said(workers[1]);
    assert!(said.contains(&ToWorker::PeerLeft(workers[0])), "{said:?}");
}

#[test]
fn inputs_larger_than_the_memory_of_any_worker_fail_the_task() {
    let mut cluster = Cluster::new();
    let client = cluster.client();
    let worker = cluster.worker_with(|hello| hello.memory_limit = 1_000);
    cluster.submit(client, Graph::new().task("data", &[]).want(&["data"]));
    let order = cluster.orders(worker).remove(0);
    cluster.finish_with(worker, &order, 2_000, 1_000);
    use_data(&mut cluster, client, "use-1");
    let error = cluster.error(client, "use-1").expect("it can not run");
    assert_eq!(error.cause, Cause::Memory { needed: 2_000, limit: 1_000 });
    let large = cluster.worker_with(|hello| hello.memory_limit = 10_000);
    use_data(&mut cluster, client, "use-2");
    assert_eq!(cluster.ordered(large), ["use-2"], "a larger worker may run it");
}
