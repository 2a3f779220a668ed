//! Futures in the order in which they are done: [`as_completed`].

use std::sync::mpsc::{Receiver, channel};

use super::future::Future;

/// Futures in the order in which they are done, each as soon as it is: a result is there, or it
/// is certain that none will come.
///
/// ```
/// use raskt::cluster::as_completed;
/// use raskt::prelude::*;
/// # #[raskt::task] fn square(x: i64) -> i64 { x * x }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::local(2, 1)?;
/// let mut total = 0;
/// for future in as_completed(client.map(square::lazy, 0..10)?) {
///     total += future.result()?;
/// }
/// assert_eq!(total, 285);
/// # Ok(())
/// # }
/// ```
pub fn as_completed<T>(futures: impl IntoIterator<Item = Future<T>>) -> AsCompleted<T> {
    let (sender, done) = channel();
    let mut pending: Vec<Option<Future<T>>> = Vec::new();
    for future in futures {
        let (place, sender) = (pending.len(), sender.clone());
        future.entry().on_done(move |_| {
            // Whoever iterated may have stopped.
            let _ = sender.send(place);
        });
        pending.push(Some(future));
    }
    AsCompleted { pending, done }
}

/// What [`as_completed`] gives.
pub struct AsCompleted<T> {
    pending: Vec<Option<Future<T>>>,
    /// Places of those that are done.
    done: Receiver<usize>,
}

impl<T> Iterator for AsCompleted<T> {
    type Item = Future<T>;

    fn next(&mut self) -> Option<Future<T>> {
        // When all have said that they are done, nobody is left to say more.
        let place = self.done.recv().ok()?;
        self.pending[place].take()
    }
}
