//! Computing and persisting several values at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use raskt::Error;
use raskt::graph::{Control, Executor, Graph, Value};
use raskt::prelude::*;

#[raskt::task]
fn inc(x: i64) -> i64 {
    x + 1
}

#[raskt::task]
fn text(x: i64) -> String {
    x.to_string()
}

#[test]
fn every_shape_gives_its_own() {
    let one = inc::lazy(0);
    assert_eq!(compute(&one).unwrap(), 1);
    assert_eq!(compute(vec![one.clone(), inc::lazy(1)]).unwrap(), vec![1, 2]);
    assert_eq!(compute([&one, &one]).unwrap(), [1, 1]);
    assert_eq!(compute([one.clone()].as_slice()).unwrap(), vec![1]);
    assert_eq!(compute(Some(&one)).unwrap(), Some(1));
    assert_eq!(compute((Option::<Delayed<i64>>::None, &one)).unwrap(), (None, 1));
    assert_eq!(compute(Vec::<Delayed<i64>>::new()).unwrap(), Vec::<i64>::new());
    let tuple = (&one, text::lazy(2), &one, [text::lazy(3)], vec![(&one, &one)], (&one,));
    let expected = (1, "2".to_string(), 1, ["3".to_string()], vec![(1, 1)], (1,));
    assert_eq!(compute(tuple).unwrap(), expected);
}

#[test]
fn what_is_persisted_is_not_computed_again() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    #[raskt::task]
    fn counted(x: i64) -> i64 {
        CALLS.fetch_add(1, Ordering::SeqCst);
        x
    }
    let shared = counted::lazy(1);
    let made = (inc::lazy(&shared), vec![text::lazy(&shared)]);
    let held = Compute::default().persist(&made).unwrap();
    assert_eq!(CALLS.swap(0, Ordering::SeqCst), 1);
    assert_eq!((held.0.key(), held.1[0].key()), (made.0.key(), made.1[0].key()));
    assert_eq!(compute((inc::lazy(&held.0), &held.1)).unwrap(), (3, vec!["1".to_string()]));
    assert_eq!(inc::lazy(shared.persist().unwrap()).explain().lines().count(), 3);
    assert_eq!(CALLS.load(Ordering::SeqCst), 1);
}

#[test]
fn executors_that_give_too_little_are_found_out() {
    struct Lazybones;
    impl Executor for Lazybones {
        fn run(&self, _: Arc<Graph>, _: Control) -> Result<Vec<Value>, Error> {
            Ok(vec![Value::new(1_i64)])
        }
    }
    let compute = Compute::on(Lazybones);
    assert_eq!(compute.run(inc::lazy(0)).unwrap(), 1);
    let error = compute.run([inc::lazy(0), inc::lazy(1)]).unwrap_err().to_string();
    assert!(error.ends_with("(inc) failed: the executor gave no result"), "{error}");
}

#[test]
fn tasks_may_compute() {
    #[raskt::task]
    fn recursive(depth: i64) -> Result<i64, Error> {
        if depth == 0 { Ok(0) } else { inc::lazy(recursive::lazy(depth - 1)).compute() }
    }
    assert_eq!(recursive::lazy(20).compute().unwrap(), 20);
}
