//! Equal calls of pure functions are one task.

use std::sync::atomic::{AtomicUsize, Ordering};

use raskt::prelude::*;

#[raskt::task]
fn add(x: i64, y: i64) -> i64 {
    x + y
}

#[raskt::task]
fn sum(numbers: &[i64]) -> i64 {
    numbers.iter().sum()
}

#[raskt::task]
fn length(text: &str) -> usize {
    text.len()
}

#[test]
fn equal_arguments_give_equal_keys() {
    assert_eq!(add::pure(1, 2).key(), add::pure(1, 2).key());
    assert_ne!(add::pure(1, 2).key(), add::pure(2, 1).key());
    assert_ne!(add::lazy(1, 2).key(), add::lazy(1, 2).key());
    assert_eq!(length::pure("ab").key(), length::pure("ab".to_string()).key());
    assert_ne!(length::pure("ab").key(), length::pure("a").key());
}

#[test]
fn lazy_arguments_count_by_their_keys() {
    let nested = || add::pure(add::pure(1, 2), 3);
    assert_eq!(nested().key(), nested().key());
    let once = add::lazy(1, 2);
    assert_eq!(add::pure(&once, 3).key(), add::pure(&once, 3).key());
    assert_ne!(add::pure(&once, 3).key(), add::pure(add::lazy(1, 2), 3).key());
    let gathered = || sum::pure([1, 2].map(|x| add::pure(x, x)));
    assert_eq!(gathered().key(), gathered().key());
    assert_ne!(gathered().key(), sum::pure(vec![2, 4]).key());
}

#[test]
fn the_same_name_elsewhere_is_another_function() {
    mod other {
        #[raskt::task]
        pub(super) fn add(x: i64, y: i64) -> i64 {
            x + y
        }
    }
    fn inner() -> Delayed<i64> {
        #[raskt::task]
        fn add(x: i64, y: i64) -> i64 {
            10 * (x + y)
        }
        add::pure(1, 2)
    }
    let tasks = [add::pure(1, 2), other::add::pure(1, 2), inner()];
    assert_eq!(compute(&tasks).unwrap(), [3, 3, 30]);
    assert_ne!(tasks[0].key(), tasks[1].key());
    assert_ne!(tasks[0].key(), tasks[2].key());
}

#[test]
fn equal_calls_are_made_once() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    #[raskt::task]
    fn counted(x: i64) -> i64 {
        CALLS.fetch_add(1, Ordering::SeqCst);
        x
    }
    let pure: Vec<_> = (0..100).map(|i| counted::pure(i % 4)).collect();
    assert_eq!(sum::lazy(pure).compute().unwrap(), 150);
    assert_eq!(CALLS.swap(0, Ordering::SeqCst), 4);

    let lazy: Vec<_> = (0..100).map(|i| counted::lazy(i % 4)).collect();
    assert_eq!(sum::lazy(lazy).compute().unwrap(), 150);
    assert_eq!(CALLS.load(Ordering::SeqCst), 100);
}
