//! What the cluster promises, with real sockets, threads and processes.

mod computing;
mod cutter;
mod faults;
mod greeting;
mod host;
mod nanny;
mod security;
