//! Builders for the tests of raskt: graphs written down in a few words, random graphs of known
//! shapes, values whose damage shows, and the naive evaluation that all is compared with. And
//! [`sim`], a whole cluster in one thread, and [`quality`], which compares schedules.
//!
//! This crate knows nothing about executors: the tests of those bring them along.
//!
//! Start reading at [`builder`].

pub mod builder;
pub mod evaluate;
pub mod events;
pub mod form;
pub mod memory;
pub mod process;
pub mod quality;
pub mod shapes;
pub mod sim;

pub use builder::{GraphBuilder, Hook, Keys};
pub use evaluate::evaluate;
pub use events::{Heard, Recorder};
pub use form::{Codec, Form, number};
pub use memory::peak_bytes;
pub use process::alone;
pub use shapes::{Plan, Shape, plans};
