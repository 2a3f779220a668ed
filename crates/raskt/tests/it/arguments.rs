//! What tasks take and give.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use raskt::Delayed;
use serde::{Deserialize, Serialize};

#[raskt::task]
fn inc(x: i64) -> i64 {
    x + 1
}

#[raskt::task]
fn sum(numbers: &[i64]) -> i64 {
    numbers.iter().sum()
}

#[raskt::task]
fn sum_owned(numbers: Vec<i64>) -> i64 {
    numbers.into_iter().sum()
}

#[raskt::task]
fn join(words: &[String], between: &str) -> String {
    words.join(between)
}

#[raskt::task]
fn under(folder: &Path, name: &str) -> PathBuf {
    folder.join(name)
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: f64,
    y: f64,
}

#[raskt::task]
fn mirror(Point { x, y }: Point) -> Point {
    Point { x: y, y: x }
}

#[raskt::task]
fn shift(point: &Point, by: Option<f64>) -> Point {
    Point { x: point.x + by.unwrap_or(1.0), ..*point }
}

#[raskt::task]
fn nothing() {}

#[raskt::task]
fn six(a: i64, b: &i64, mut c: i64, d: (i64, i64), e: &[i64], f: &BTreeMap<i64, i64>) -> i64 {
    c += a + b + d.0 + d.1;
    c + e.len() as i64 + f.values().sum::<i64>()
}

#[test]
fn values_and_lazy_values_may_be_mixed() {
    assert_eq!(
        six::lazy(1, 2, 3, (4, 5), vec![0; 6], BTreeMap::from([(0, 7)])).compute().unwrap(),
        28
    );
    let one = inc::lazy(0);
    let task =
        six::lazy(&one, one.clone(), 3, (4, 5), [&one, &one].map(inc::lazy), BTreeMap::new());
    assert_eq!(task.compute().unwrap(), 16);
}

#[test]
fn slices_take_vectors_and_lazy_vectors() {
    let numbers: Vec<Delayed<i64>> = (0..10).map(inc::lazy).collect();
    assert_eq!(sum::lazy(vec![1, 2, 3]).compute().unwrap(), 6);
    assert_eq!(sum::lazy([1, 2, 3].as_slice()).compute().unwrap(), 6);
    assert_eq!(sum::lazy(numbers.as_slice()).compute().unwrap(), 55);
    assert_eq!(sum_owned::lazy([1, 2].map(inc::lazy)).compute().unwrap(), 5);
    assert_eq!(sum_owned::lazy(numbers).compute().unwrap(), 55);
    assert_eq!(sum::lazy(Vec::<Delayed<i64>>::new()).compute().unwrap(), 0);
}

#[test]
fn text_and_paths_may_be_borrowed() {
    let words = vec!["a".to_string(), "b".to_string()];
    assert_eq!(join::lazy(words.clone(), ", ").compute().unwrap(), "a, b");
    let inner = join::lazy(words, "-".to_string());
    assert_eq!(join::lazy([inner.clone(), inner], "+").compute().unwrap(), "a-b+a-b");
    let path = under::lazy(PathBuf::from("folder"), "file");
    assert_eq!(path.compute().unwrap(), Path::new("folder").join("file"));
}

#[test]
fn types_of_the_program_are_taken_and_given() {
    let point = mirror::lazy(Point { x: 1.0, y: 2.0 });
    assert_eq!(point.compute().unwrap(), Point { x: 2.0, y: 1.0 });
    assert_eq!(shift::lazy(&point, None).compute().unwrap(), Point { x: 3.0, y: 1.0 });
    assert_eq!(shift::lazy(&point, Some(0.5)).compute().unwrap(), Point { x: 2.5, y: 1.0 });
    nothing::lazy().compute().unwrap();
}

#[test]
fn a_task_is_still_a_function() {
    assert_eq!(inc(sum(&[1, 2])), 4);
}
