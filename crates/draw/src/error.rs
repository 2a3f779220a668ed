//! What can go wrong.

/// Why a picture could not be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DrawError {
    /// An edge names a node that is not in the picture.
    #[error("edge {edge} goes from node {from} to node {to}, but there are {node_count} nodes")]
    EdgeOutOfRange {
        /// Which edge it is.
        edge: usize,
        /// The node it comes from.
        from: u32,
        /// The node it goes to.
        to: u32,
        /// How many nodes there are.
        node_count: usize,
    },

    /// Edges lead from a node back to itself, so there is no order to draw the nodes in.
    #[error(
        "the graph has a cycle: each of the nodes {nodes:?} leads to the next and the last to the first"
    )]
    Cycle {
        /// The nodes of one cycle, in the order of its edges.
        nodes: Vec<u32>,
    },

    /// An image cannot have this scale.
    #[error("the scale of an image must be a positive number, not {scale}")]
    Scale {
        /// What was asked for.
        scale: f32,
    },

    /// A text does not name a colour.
    #[error("{text:?} is no colour; give a name such as \"red\" or a number such as \"#ff0000\"")]
    UnknownColor {
        /// What was asked for.
        text: String,
        /// What is wrong with it.
        source: svgtypes::Error,
    },

    /// The SVG document could not be turned into pixels.
    #[error("the picture could not be rendered")]
    Render {
        /// What is wrong with it.
        source: resvg::usvg::Error,
    },

    /// The pixels could not be held in memory or written as PNG.
    #[error("an image of {width} x {height} pixels could not be written: {reason}")]
    Encode {
        /// Pixels from left to right.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
        /// What the encoder says.
        reason: String,
    },
}
