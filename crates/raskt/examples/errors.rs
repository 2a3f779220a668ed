//! Shows what happens when a task fails or panics: its own error comes out, nothing else stops.
#![expect(clippy::print_stdout, reason = "that is what an example is for")]

use std::num::ParseIntError;

#[raskt::task]
fn parse(text: &str) -> Result<i64, ParseIntError> {
    text.parse()
}

#[raskt::task]
fn sum(numbers: &[i64]) -> i64 {
    numbers.iter().sum()
}

#[raskt::task]
fn divide(x: i64, y: i64) -> i64 {
    x / y
}

fn main() {
    // The error says which task failed and why, and holds the error of the function itself.
    let error =
        sum::lazy(["1", "two", "3"].map(parse::lazy)).compute().expect_err("two is no number");
    println!("{error}");
    if let Some(error) = raskt::task_error::<ParseIntError>(&error) {
        println!("which is: {:?}", error.kind());
    }

    // A panic is an error like others.
    match divide::lazy(1, 0).compute() {
        Err(raskt::Error::Panicked { function, message, .. }) => {
            println!("{function} panicked: {message}");
        }
        other => println!("{other:?}"),
    }

    // Whoever wants to go on makes the error a part of the result.
    let texts = ["1", "two", "3"];
    let parsed = texts.map(|text| parse::lazy(text).compute().ok());
    println!("{parsed:?}");
}
