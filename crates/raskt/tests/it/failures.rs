//! Tasks that fail or panic.

use std::num::ParseIntError;

use raskt::prelude::*;
use raskt::{Error, task_error};

use crate::gate::Gate;

#[raskt::task]
fn parse(text: &str) -> Result<i64, ParseIntError> {
    text.parse()
}

#[raskt::task]
fn sum(numbers: &[i64]) -> i64 {
    numbers.iter().sum()
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{0} is odd")]
struct Odd(i64);

#[raskt::task]
fn half(x: i64) -> Result<i64, Odd> {
    if x % 2 == 0 { Ok(x / 2) } else { Err(Odd(x)) }
}

#[raskt::task]
fn read(path: &str) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

#[raskt::task]
fn say(text: &str) -> Result<(), String> {
    Err(text.to_string())
}

#[raskt::task]
fn index(numbers: &[i64], i: usize) -> i64 {
    numbers[i]
}

#[test]
fn a_result_is_the_value_or_the_error() {
    assert_eq!(sum::lazy(["1", "2"].map(parse::lazy)).compute().unwrap(), 3);
    let error = sum::lazy(["1", "two"].map(parse::lazy)).compute().unwrap_err();
    assert_eq!(task_error::<ParseIntError>(&error), "two".parse::<i64>().err().as_ref());
    assert_eq!(task_error::<Odd>(&error), None);
}

#[test]
fn an_error_keeps_its_type_and_names_its_task() {
    let bad = half::lazy(half::lazy(6));
    let error = half::lazy(&bad).compute().unwrap_err();
    assert_eq!(task_error(&error), Some(&Odd(3)));
    assert_eq!(error.to_string(), format!("task '{}' (half) failed: 3 is odd", bad.key()));

    let error = read::lazy("no/such/file").compute().unwrap_err();
    let kind = task_error::<std::io::Error>(&error).map(std::io::Error::kind);
    assert_eq!(kind, Some(std::io::ErrorKind::NotFound));

    let error = say::lazy("just text").compute().unwrap_err();
    assert!(error.to_string().ends_with("(say) failed: just text"), "{error}");
}

#[test]
fn a_panic_is_an_error_with_its_message() {
    let task = index::lazy(vec![1, 2], 2_usize);
    match task.compute().unwrap_err() {
        Error::Panicked { key, function, message } => {
            assert_eq!((&key, function.as_str()), (task.key(), "index"));
            assert_eq!(message, "index out of bounds: the len is 2 but the index is 2");
        }
        other => panic!("{other}"),
    }
    assert_eq!(index::lazy(vec![1, 2], 1_usize).compute().unwrap(), 2);
}

#[test]
fn a_panic_does_not_touch_other_runs() {
    static PANICKED: Gate = Gate::new();
    #[raskt::task]
    fn patient(x: i64) -> i64 {
        PANICKED.wait();
        x
    }
    let other = std::thread::spawn(|| sum::lazy([1, 2].map(patient::lazy)).compute());
    let error = index::lazy(vec![0; 3], 3_usize).compute().unwrap_err();
    assert!(matches!(error, Error::Panicked { .. }), "{error}");
    PANICKED.open();
    assert_eq!(other.join().unwrap().unwrap(), 3);
}

#[test]
fn a_result_of_another_type_is_an_error_that_says_so() {
    let number = half::lazy(4);
    let text = Delayed::<String>::from_node(number.node().clone());
    let error = text.compute().unwrap_err().to_string();
    assert!(
        error.ends_with("(half) failed: its result is a i64, not a alloc::string::String"),
        "{error}"
    );
    let error = read::lazy(text).compute().unwrap_err().to_string();
    assert!(error.ends_with("argument 0 of read is a i64, not a alloc::string::String"), "{error}");
}
