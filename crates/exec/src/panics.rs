//! Panics of code that is not ours, as messages: [`catch`].

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls `body`; if it panics, gives what it said.
///
/// What a panicking function leaves half-done is its own: the run drops it.
pub(crate) fn catch<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        text.or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".into())
    })
}
