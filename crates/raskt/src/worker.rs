//! Programs that are their own workers: [`main`].

use std::ffi::OsString;

/// Makes the program a worker of a cluster if it is asked to be one. To be called first thing in
/// `main`.
///
/// Tasks are functions, and functions cannot be sent: a worker must be a program that has them.
/// With this line a program is its own worker. Started as
///
/// ```console
/// $ program raskt worker tcp://host:8786
/// ```
///
/// it takes part in the cluster of that scheduler until it is told to end, with the options of
/// the command `raskt worker` (and `raskt scheduler` and `raskt info` as well). Started in any
/// other way it goes on as if the line was not there.
///
/// ```no_run
/// use raskt::prelude::*;
///
/// #[raskt::task]
/// fn square(x: i64) -> i64 {
///     x * x
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     raskt::worker::main();
///     let client = Client::connect("tcp://host:8786")?;
///     println!("{:?}", client.gather(&client.map(square::lazy, 0..10)?)?);
///     Ok(())
/// }
/// ```
pub fn main() {
    let args: Vec<OsString> = std::env::args_os().collect();
    if args.get(1).is_some_and(|word| word == "raskt") {
        std::process::exit(crate::command::main(&args).into());
    }
}
