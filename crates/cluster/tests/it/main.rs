//! What the cluster promises, with real sockets, threads and processes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod computing;
mod cutter;
mod faults;
mod greeting;
mod host;
mod nanny;
mod random;
mod security;
