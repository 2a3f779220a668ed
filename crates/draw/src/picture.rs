//! The description of a picture, in plain data.

use crate::{Color, DrawError, Layout, dot, layout, png, svg};

/// What to draw: nodes, the edges between them, and the way the edges point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// The nodes. Edges name them by their index here.
    pub nodes: Vec<Node>,
    /// The edges, from the node that is needed to the node that needs it.
    pub edges: Vec<(u32, u32)>,
    /// The way the edges point.
    pub direction: Direction,
}

impl Picture {
    /// Describes the picture in the language of Graphviz.
    ///
    /// # Errors
    ///
    /// [`DrawError::EdgeOutOfRange`] if an edge names a node that is not there.
    pub fn to_dot(&self) -> Result<String, DrawError> {
        self.check_edges()?;
        Ok(dot::document(self))
    }

    /// Finds the place of every node and the way of every edge.
    ///
    /// # Errors
    ///
    /// [`DrawError::EdgeOutOfRange`] if an edge names a node that is not there, and
    /// [`DrawError::Cycle`] if edges lead from a node back to itself.
    pub fn layout(&self) -> Result<Layout, DrawError> {
        self.check_edges()?;
        layout::compute(self)
    }

    /// Draws the picture as an SVG document that stands by itself: no scripts, no references.
    ///
    /// # Errors
    ///
    /// Those of [`Picture::layout`].
    pub fn to_svg(&self) -> Result<String, DrawError> {
        Ok(svg::document(self, &self.layout()?))
    }

    /// Draws the picture as a PNG image with `scale` pixels to a unit of the layout.
    ///
    /// A picture that would take more than 16,384 pixels to a side or 64 million in all is drawn
    /// at the largest scale that does not.
    ///
    /// # Errors
    ///
    /// Those of [`Picture::layout`], [`DrawError::Scale`] if `scale` is not a positive number,
    /// and [`DrawError::Render`] or [`DrawError::Encode`] if the image cannot be made.
    pub fn to_png(&self, scale: f32) -> Result<Vec<u8>, DrawError> {
        if !(scale.is_finite() && scale > 0.0) {
            return Err(DrawError::Scale { scale });
        }
        png::image(&self.to_svg()?, scale)
    }

    fn check_edges(&self) -> Result<(), DrawError> {
        let node_count = self.nodes.len();
        match self.edges.iter().position(|&(from, to)| from.max(to) as usize >= node_count) {
            None => Ok(()),
            Some(edge) => {
                let (from, to) = self.edges[edge];
                Err(DrawError::EdgeOutOfRange { edge, from, to, node_count })
            }
        }
    }
}

/// A node of a [`Picture`].
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The text in the node. It may have several lines; what is too long is shortened in the
    /// middle, with the whole text in the tooltip.
    pub label: String,
    /// The outline around the label.
    pub shape: Shape,
    /// The colour inside the outline, or `None` for that of the shape.
    pub fill: Option<Color>,
    /// The text shown when the pointer rests on the node; the label if empty.
    pub tooltip: String,
    /// The width of the outline.
    pub pen_width: f32,
}

impl Node {
    /// A node with the colours and the outline of its shape.
    pub fn new(label: impl Into<String>, shape: Shape) -> Self {
        Self { label: label.into(), shape, ..Self::default() }
    }
}

impl Default for Node {
    fn default() -> Self {
        Self {
            label: String::new(),
            shape: Shape::Box,
            fill: None,
            tooltip: String::new(),
            pen_width: 1.0,
        }
    }
}

/// The outline of a [`Node`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// A box with rounded corners: data.
    #[default]
    Box,
    /// A circle, which becomes an ellipse around a label too long for one: a function.
    Circle,
    /// An ellipse.
    Ellipse,
}

/// The way the edges of a [`Picture`] point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Inputs at the bottom.
    #[default]
    BottomToTop,
    /// Inputs at the top.
    TopToBottom,
    /// Inputs at the left.
    LeftToRight,
    /// Inputs at the right.
    RightToLeft,
}

impl Direction {
    /// Whether layers are rows, not columns.
    pub(crate) fn is_vertical(self) -> bool {
        matches!(self, Self::BottomToTop | Self::TopToBottom)
    }
}
