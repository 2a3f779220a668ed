//! Where everything goes: the layout in layers of Sugiyama, Tagawa and Toda.
//!
//! The steps, each in its own module:
//!
//! 1. `layers` gives every node a layer above those of its inputs, and every edge that passes
//!    layers a way point in each of them.
//! 2. `order` orders the layers so that few edges cross.
//! 3. `across` gives everything its place in its layer, with edges as straight as can be.
//! 4. `route` draws the edges through their way points.
//!
//! Until the end the layout is computed as if edges pointed up, in places "across" (along a
//! layer) and "along" (the way of the edges). Only then is it turned into the direction asked for.

mod across;
mod layers;
mod neighbors;
mod order;
mod route;

use crate::{
    Direction, DrawError, Line, Node, Picture, Shape,
    text::{self, LINE_HEIGHT},
};
use layers::Layers;
use route::{Band, Outline, Router};

/// The space around the picture.
const MARGIN: f64 = 12.0;

/// A point of the picture. The origin is at the upper left.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// The distance from the left.
    pub x: f64,
    /// The distance from the top.
    pub y: f64,
}

/// Where the nodes and edges of a picture are.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// The width of the picture.
    pub width: f64,
    /// The height of the picture.
    pub height: f64,
    /// The places of the nodes, in the order of the nodes in the picture.
    pub nodes: Vec<PlacedNode>,
    /// The ways of the edges, in the order of the edges in the picture.
    pub edges: Vec<PlacedEdge>,
}

/// Where a node is, and what is to be read in it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedNode {
    /// The middle of the node.
    pub center: Point,
    /// The width of the node.
    pub width: f64,
    /// The height of the node.
    pub height: f64,
    /// The layer of the node: that of every one of its inputs is lower.
    pub layer: u32,
    /// The lines of the label, as shown.
    pub lines: Vec<Line>,
}

/// The way of an edge.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedEdge {
    /// A chain of cubic Bézier curves: a start, then for each curve two control points and its end.
    pub curve: Vec<Point>,
    /// The corners of the arrow head, the tip first.
    pub arrow: [Point; 3],
}

/// Lays out a picture whose edges are known to be in range.
pub(crate) fn compute(picture: &Picture) -> Result<Layout, DrawError> {
    let mut layers = Layers::assign(picture.nodes.len(), &picture.edges)?;
    let frame = Frame::new(picture, &layers);
    order::reduce_crossings(&mut layers);
    let across = across::assign(&layers, &frame.half_across);
    let bands = bands(&layers, &frame.half_along, &across.places);

    let turn = Turn {
        direction: picture.direction,
        across: across.extent + 2.0 * MARGIN,
        along: bands.last().map_or(0.0, |band| band.end) + 2.0 * MARGIN,
    };
    let nodes = frame.lines.into_iter().zip(&frame.sizes).enumerate().map(|(node, sized)| {
        let (lines, &(width, height)) = sized;
        let layer = layers.layer_of[node];
        let center = turn.point(across.places[node], bands[layer as usize].middle());
        PlacedNode { center, width, height, layer, lines }
    });
    let router = Router::new(&layers, &bands, &across.places, &frame.outlines);
    let edges = picture.edges.iter().enumerate().map(|(edge, &ends)| {
        let way = router.way(edge, ends);
        PlacedEdge {
            curve: way.curve.into_iter().map(|(across, along)| turn.point(across, along)).collect(),
            arrow: way.arrow.map(|(across, along)| turn.point(across, along)),
        }
    });
    let (nodes, edges) = (nodes.collect(), edges.collect());
    let (width, height) = turn.size();
    Ok(Layout { width, height, nodes, edges })
}

/// What is known of the nodes before they have a place.
struct Frame {
    lines: Vec<Vec<Line>>,
    sizes: Vec<(f64, f64)>,
    outlines: Vec<Outline>,
    /// Half of what a node or way point takes across.
    half_across: Vec<f64>,
    /// Half of what a node or way point takes along.
    half_along: Vec<f64>,
}

impl Frame {
    fn new(picture: &Picture, layers: &Layers) -> Self {
        let vertex_count = layers.layer_of.len();
        let lines: Vec<_> = picture.nodes.iter().map(|node| text::lines(&node.label)).collect();
        let sizes: Vec<_> =
            picture.nodes.iter().zip(&lines).map(|(node, lines)| size(node, lines)).collect();
        let mut frame = Self {
            lines,
            outlines: Vec::with_capacity(sizes.len()),
            half_across: vec![0.0; vertex_count],
            half_along: vec![0.0; vertex_count],
            sizes,
        };
        for (index, (node, &(width, height))) in picture.nodes.iter().zip(&frame.sizes).enumerate()
        {
            let (across, along) =
                if picture.direction.is_vertical() { (width, height) } else { (height, width) };
            frame.half_across[index] = across / 2.0;
            frame.half_along[index] = along / 2.0;
            frame.outlines.push(Outline {
                half_across: across / 2.0,
                half_along: along / 2.0,
                is_round: node.shape != Shape::Box,
            });
        }
        frame
    }
}

/// The width and height of a node around its label.
fn size(node: &Node, lines: &[Line]) -> (f64, f64) {
    const HEIGHT_MIN: f64 = 36.0;
    const DIAMETER_MAX: f64 = 74.0;
    let text_width = lines.iter().map(|line| line.width).fold(0.0, f64::max);
    let text_height = lines.len() as f64 * LINE_HEIGHT;
    match node.shape {
        Shape::Box => ((text_width + 22.0).max(HEIGHT_MIN), (text_height + 15.0).max(HEIGHT_MIN)),
        Shape::Circle | Shape::Ellipse => {
            let diameter = text_width.hypot(text_height * 0.75) + 14.0;
            if node.shape == Shape::Circle && diameter <= DIAMETER_MAX {
                let diameter = diameter.max(HEIGHT_MIN);
                return (diameter, diameter);
            }
            // The corners of the text are inside an ellipse that is wider and higher than the
            // text by factors whose inverses squared add up to 1. A single line has no full
            // corners, so less will do.
            let (wider, higher) = if lines.len() > 1 { (1.25, 1.67) } else { (1.13, 1.9) };
            let height = (text_height * higher + 4.0).max(HEIGHT_MIN);
            ((text_width * wider + 18.0).max(0.8 * height).max(1.3 * HEIGHT_MIN), height)
        }
    }
}

/// The strips that the layers take, from the lowest layer up.
fn bands(layers: &Layers, half_along: &[f64], places: &[f64]) -> Vec<Band> {
    const GAP_MIN: f64 = 38.0;
    const GAP_MAX: f64 = 130.0;
    let mut half_heights = vec![0.0_f64; layers.layer_count()];
    let mut slants = vec![0.0_f64; layers.layer_count()];
    for (vertex, &layer) in layers.layer_of.iter().enumerate() {
        let layer = layer as usize;
        half_heights[layer] = half_heights[layer].max(half_along[vertex]);
        for &other in layers.below.of(vertex as u32) {
            let slant = (places[vertex] - places[other as usize]).abs();
            slants[layer] = slants[layer].max(slant);
        }
    }
    let mut bands: Vec<Band> = Vec::with_capacity(half_heights.len());
    for (half_height, slant) in half_heights.into_iter().zip(slants) {
        // Edges that go far to the side are easier to tell apart where layers are less close.
        let gap = (slant * 0.13).clamp(GAP_MIN, GAP_MAX);
        let start = bands.last().map_or(0.0, |band| band.end + gap);
        bands.push(Band { start, end: start + 2.0 * half_height });
    }
    bands
}

/// How the layout is turned into the direction of the picture.
struct Turn {
    direction: Direction,
    across: f64,
    along: f64,
}

impl Turn {
    fn point(&self, across: f64, along: f64) -> Point {
        let (across, along) = (across + MARGIN, along + MARGIN);
        match self.direction {
            Direction::BottomToTop => Point { x: across, y: self.along - along },
            Direction::TopToBottom => Point { x: across, y: along },
            Direction::LeftToRight => Point { x: along, y: across },
            Direction::RightToLeft => Point { x: self.along - along, y: across },
        }
    }

    fn size(&self) -> (f64, f64) {
        if self.direction.is_vertical() {
            (self.across, self.along)
        } else {
            (self.along, self.across)
        }
    }
}

#[cfg(test)]
mod tests;
