//! A client and a cluster in one process.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use raskt::cluster::as_completed;
use raskt::cluster::{FutureError, LocalCluster, RequestError, Status, SubmitError, Terms};
use raskt::graph::{Arg, Call, CodecError, Failure, Function, Key, Node, Portable, Value};
use raskt::prelude::*;

use crate::gate::Gate;

#[raskt::task]
fn square(x: i64) -> i64 {
    x * x
}

#[raskt::task]
fn neg(x: i64) -> i64 {
    -x
}

#[raskt::task]
fn sum(numbers: &[i64]) -> i64 {
    numbers.iter().sum()
}

#[raskt::task]
fn range(n: i64) -> Vec<i64> {
    (0..n).collect()
}

#[raskt::task]
fn parse(text: &str) -> Result<i64, std::num::ParseIntError> {
    text.parse()
}

#[raskt::task]
fn index(numbers: &[i64], i: usize) -> i64 {
    numbers[i]
}

/// Waits for a future on this thread.
fn block_on<F: std::future::Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn the_classic_session_gives_its_number() {
    let client = Client::local(2, 1).unwrap();
    let a = client.map(square::lazy, 0..10).unwrap();
    let b = client.map(neg::lazy, &a).unwrap();
    let total = client.submit(sum::lazy(&b)).unwrap();
    assert_eq!(total.result().unwrap(), -285);
    assert_eq!(client.gather(&a).unwrap(), (0..10).map(|x| x * x).collect::<Vec<i64>>());
}

#[test]
fn results_are_awaited() {
    let client = Client::local(1, 1).unwrap();
    let one = client.submit(square::lazy(1)).unwrap();
    let large = client.submit(range::lazy(100_000)).unwrap();
    let total = block_on(async {
        let numbers = large.clone().await.unwrap();
        numbers.len() as i64 + one.clone().await.unwrap() + one.await.unwrap()
    });
    assert_eq!(total, 100_002);
}

#[test]
fn futures_come_in_the_order_in_which_they_are_done() {
    static GATE: Gate = Gate::new();
    #[raskt::task]
    fn patient(x: i64) -> i64 {
        GATE.wait();
        x
    }
    let client = Client::local(2, 1).unwrap();
    let slow = client.submit(patient::lazy(1)).unwrap();
    let futures = [slow].into_iter().chain(client.map(square::lazy, 2..5).unwrap());
    let mut completed = as_completed(futures);
    let mut first: Vec<i64> =
        completed.by_ref().take(3).map(|future| future.result().unwrap()).collect();
    first.sort_unstable();
    assert_eq!(first, [4, 9, 16]);
    GATE.open();
    let last: Vec<i64> = completed.map(|future| future.result().unwrap()).collect();
    assert_eq!(last, [1]);
}

#[test]
fn too_few_workers_in_time_are_an_error() {
    let client = Client::local(1, 1).unwrap();
    client.wait_for_workers(1, None).unwrap();
    let error = client.wait_for_workers(2, Some(Duration::from_millis(1))).unwrap_err();
    assert!(matches!(error, RequestError::Timeout(_)), "{error}");
}

#[test]
fn large_results_are_fetched_from_many_workers() {
    let client = Client::local(3, 1).unwrap();
    let parts = client.map(range::lazy, (0..6).map(|i| i * 20_000)).unwrap();
    let lengths: Vec<usize> = client.gather(&parts).unwrap().iter().map(Vec::len).collect();
    assert_eq!(lengths, [0, 20_000, 40_000, 60_000, 80_000, 100_000]);
    let sums = client.map(sum::lazy, &parts).unwrap();
    assert_eq!(sums[1].result().unwrap(), (0..20_000).sum::<i64>());
}

#[test]
fn an_error_names_its_task_and_reads_as_without_a_cluster() {
    let client = Client::local(1, 1).unwrap();
    let bad = client.submit(parse::lazy("two")).unwrap();
    let error = bad.result().unwrap_err();
    let text = format!("task '{}' (parse) failed: invalid digit found in string", bad.key());
    assert_eq!(error.to_string(), text);
    assert_eq!(bad.status(), Status::Failed);
    // Who needs it fails in the same way.
    let user = client.submit(square::lazy(&bad)).unwrap();
    assert_eq!(user.result().unwrap_err().to_string(), text);
    assert_eq!(block_on(user).unwrap_err().to_string(), text);
    assert_eq!(client.gather(&[bad]).unwrap_err().to_string(), text);
}

#[test]
fn a_panic_is_an_error_and_the_worker_goes_on() {
    let client = Client::local(1, 1).unwrap();
    let bad = client.submit(index::lazy(vec![1, 2], 2_usize)).unwrap();
    match bad.result().unwrap_err() {
        FutureError::Failed(raskt::Error::Panicked { function, message, .. }) => {
            assert_eq!(function, "index");
            assert_eq!(message, "index out of bounds: the len is 2 but the index is 2");
        }
        other => panic!("{other}"),
    }
    assert_eq!(client.submit(square::lazy(3)).unwrap().result().unwrap(), 9);
}

#[test]
fn data_is_brought_to_workers() {
    let client = Client::local(2, 1).unwrap();
    let parts = client.scatter(vec![vec![1, 2], vec![3], (0..10_000).collect()]).unwrap();
    let sums = client.map(sum::lazy, &parts).unwrap();
    assert_eq!(client.gather(&sums).unwrap(), [3, 3, 49_995_000]);
    let everywhere = client.broadcast(vec![5; 5]).unwrap();
    let items = client.map(|i| index::lazy(&everywhere, i), 0_usize..5).unwrap();
    assert_eq!(client.gather(&items).unwrap(), [5; 5]);
    assert_eq!(everywhere.result().unwrap(), [5; 5]);
}

#[test]
fn graphs_are_computed_on_a_cluster() {
    let client = Client::local(2, 2).unwrap();
    let tree = sum::lazy((0..100).map(|x| neg::lazy(square::lazy(x))).collect::<Vec<_>>());
    let on = Compute::on(client);
    assert_eq!(on.run((&tree, square::lazy(4))).unwrap(), (-328_350, 16));
    assert_eq!(on.run(Delayed::ready("x", 5_i64)).unwrap(), 5);
    let held = on.persist(vec![tree]).unwrap();
    assert_eq!(held[0].compute().unwrap(), -328_350);
    let error = on.run([parse::lazy("1"), parse::lazy("x")]).unwrap_err();
    assert!(error.to_string().ends_with("(parse) failed: invalid digit found in string"));
}

#[test]
fn a_run_on_a_cluster_is_cancelled() {
    static GATE: Gate = Gate::new();
    static BEGUN: Gate = Gate::new();
    #[raskt::task]
    fn patient(x: i64) -> i64 {
        BEGUN.open();
        GATE.wait();
        x
    }
    let on = Compute::on(Client::local(1, 1).unwrap());
    let cancel = on.canceller();
    let run = std::thread::spawn(move || on.run(patient::lazy(1)));
    BEGUN.wait();
    cancel.cancel();
    assert!(matches!(run.join().unwrap(), Err(raskt::Error::Cancelled)));
    GATE.open();
}

#[test]
fn a_future_that_is_cancelled_says_so() {
    static GATE: Gate = Gate::new();
    #[raskt::task]
    fn patient(x: i64) -> i64 {
        GATE.wait();
        x
    }
    let client = Client::local(1, 1).unwrap();
    let future = client.submit(patient::lazy(1)).unwrap();
    assert!(!future.is_done());
    future.cancel();
    let error = future.result().unwrap_err();
    assert!(matches!(error, FutureError::Cancelled { .. }), "{error}");
    GATE.open();
}

#[test]
fn futures_of_two_clients_are_not_mixed() {
    let cluster = LocalCluster::start(1, 1).unwrap();
    let (one, other) = (cluster.client().unwrap(), cluster.client().unwrap());
    let future = one.submit(square::lazy(2)).unwrap();
    let error = other.submit(square::lazy(&future)).unwrap_err();
    assert!(matches!(error, SubmitError::OtherClient(_)), "{error}");
    let error = square::lazy(&future).compute().unwrap_err();
    assert!(error.to_string().contains("is a future"), "{error}");
}

#[test]
fn what_is_pure_is_computed_once() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    #[raskt::task]
    fn counted(x: i64) -> i64 {
        CALLS.fetch_add(1, Ordering::SeqCst);
        x
    }
    let client = Client::local(2, 1).unwrap();
    let futures = client.map(|_| counted::pure(7), 0..10).unwrap();
    assert_eq!(client.gather(&futures).unwrap(), [7; 10]);
    assert_eq!(client.submit(counted::pure(7)).unwrap().result().unwrap(), 7);
    assert_eq!(CALLS.load(Ordering::SeqCst), 1);
}

#[test]
fn what_cannot_be_sent_is_refused_at_once() {
    let closure = raskt::graph::function::FromFn::new("closure", |_| Err("no".into()));
    let key = Key::text("closure");
    let node = Node::over(key, Arc::new(closure), []);
    let client = Client::local(1, 1).unwrap();
    let error = client.submit(Delayed::<i64>::from_node(node)).unwrap_err();
    assert!(error.to_string().contains("must have the attribute #[raskt::task]"), "{error}");
}

/// `square` as another version of the program has it.
struct OtherSquare;

impl Function for OtherSquare {
    fn name(&self) -> &str {
        "square"
    }

    fn call(&self, call: Call<'_>) -> Result<Value, Failure> {
        call.value(0)
    }

    fn encode(&self) -> Result<Portable, CodecError> {
        let name = square::lazy(0).node().function().encode()?.name;
        Ok(Portable { name, parameters: vec![1; 16] })
    }
}

#[test]
fn a_worker_with_other_code_refuses() {
    let client = Client::local(1, 1).unwrap();
    let args = [Arg::Value(Value::new(2_i64))];
    let node = Node::new(Key::text("square-2"), Arc::new(OtherSquare), args, []);
    let future = client.submit(Delayed::<i64>::from_node(node)).unwrap();
    let error = future.result().unwrap_err().to_string();
    assert!(error.contains("square-2") && error.contains("was built from other code"), "{error}");
}

#[test]
fn a_failing_task_is_tried_again() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    #[raskt::task]
    fn third_time() -> Result<usize, String> {
        match CALLS.fetch_add(1, Ordering::SeqCst) {
            2 => Ok(3),
            _ => Err("not yet".to_string()),
        }
    }
    let client = Client::local(1, 1).unwrap();
    let patient = client.with_terms(Terms { retries: 5, ..Terms::default() });
    assert_eq!(patient.submit(third_time::lazy()).unwrap().result().unwrap(), 3);
}

#[test]
fn a_task_may_ask_to_be_run_again() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    #[raskt::task]
    fn picky() -> Result<usize, raskt::cluster::Reschedule> {
        match CALLS.fetch_add(1, Ordering::SeqCst) {
            0 => Err(raskt::cluster::Reschedule),
            calls => Ok(calls),
        }
    }
    let client = Client::local(2, 1).unwrap();
    assert_eq!(client.submit(picky::lazy()).unwrap().result().unwrap(), 1);
}

#[test]
fn the_end_of_the_cluster_is_the_error_of_what_is_pending() {
    static GATE: Gate = Gate::new();
    #[raskt::task]
    fn patient(x: i64) -> i64 {
        GATE.wait();
        x
    }
    let cluster = LocalCluster::start(1, 1).unwrap();
    let client = cluster.client().unwrap();
    let future = client.submit(patient::lazy(1)).unwrap();
    cluster.scheduler().close("that was all");
    let error = future.result().unwrap_err();
    assert!(matches!(error, FutureError::Disconnected { .. }), "{error}");
    assert!(error.to_string().contains("that was all"), "{error}");
    GATE.open();
}
