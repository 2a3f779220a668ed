//! What holds for every picture, tried on graphs made at random.

mod graphs;
mod layout;
mod png;
mod svg;
