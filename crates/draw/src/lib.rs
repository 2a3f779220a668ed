//! Pictures of directed acyclic graphs.
//!
//! A [`Picture`] says what to draw in plain data: nodes with a label and a shape, and edges
//! between their numbers. From it come Graphviz text ([`Picture::to_dot`]), an SVG document
//! ([`Picture::to_svg`]) and a PNG image ([`Picture::to_png`]). The layout is computed here and
//! the font of the labels is part of this crate, so neither Graphviz nor any font has to be
//! installed, and the same picture is drawn the same way on every machine.
//!
//! This crate does not know what a task is, nor keys, Python or execution: whoever owns a graph
//! describes it as a `Picture`.
//!
//! Start reading at [`Picture`], then at `layout.rs`, which names the steps of the layout in
//! their order.
//!
//! ```
//! use raskt_draw::{Node, Picture, Shape};
//!
//! let picture = Picture {
//!     nodes: vec![Node::new("x", Shape::Box), Node::new("inc", Shape::Circle)],
//!     edges: vec![(0, 1)],
//!     ..Picture::default()
//! };
//! assert!(picture.to_svg()?.starts_with("<svg"));
//! # Ok::<(), raskt_draw::DrawError>(())
//! ```

mod color;
mod dot;
mod error;
mod layout;
mod picture;
mod png;
mod svg;
mod text;

pub use color::Color;
pub use error::DrawError;
pub use layout::{Layout, PlacedEdge, PlacedNode, Point};
pub use picture::{Direction, Node, Picture, Shape};
pub use text::Line;
