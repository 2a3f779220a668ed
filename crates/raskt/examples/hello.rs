//! Shows how functions become tasks, tasks a graph, and the graph a result.
#![expect(clippy::print_stdout, reason = "that is what an example is for")]

use raskt::prelude::*;

#[raskt::task]
fn inc(x: i64) -> i64 {
    x + 1
}

#[raskt::task]
fn double(x: i64) -> i64 {
    2 * x
}

#[raskt::task]
fn sum(numbers: &[i64]) -> i64 {
    numbers.iter().sum()
}

fn main() -> Result<(), raskt::Error> {
    // Nothing runs yet: these are only notes of what is to be done.
    let parts: Vec<Delayed<i64>> = (0..10).map(|x| double::lazy(inc::lazy(x))).collect();
    let total = sum::lazy(parts);
    print!("{}", total.explain());

    // Now all of it runs, on all cores.
    println!("total: {}", total.compute()?);

    // Several results at once; what they share is computed once.
    let (total, twice) = compute((&total, double::lazy(&total)))?;
    println!("total and its double: {total}, {twice}");

    // And a task is still a function.
    println!("by hand: {}", double(inc(4)));
    Ok(())
}
