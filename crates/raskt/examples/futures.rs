//! Shows a cluster: tasks are given to it one after the other, and results are futures.
#![expect(clippy::print_stdout, reason = "that is what an example is for")]

use raskt::prelude::*;

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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // With this line the program is its own worker: `futures raskt worker tcp://host:8786`.
    raskt::worker::main();

    // With an address: the scheduler there. Without: a cluster in this process.
    let client = match std::env::args().nth(1) {
        Some(address) => Client::connect(&address)?,
        None => Client::local(2, 1)?,
    };
    let a = client.map(square::lazy, 0..10)?;
    let b = client.map(neg::lazy, &a)?;
    let total = client.submit(sum::lazy(&b))?;
    println!("total: {}", total.result()?);

    // Lazy values go there as they are.
    let lazy = sum::lazy(vec![square::lazy(2), neg::lazy(square::lazy(3))]);
    println!("and -5: {}", Compute::on(client).run(lazy)?);
    Ok(())
}
