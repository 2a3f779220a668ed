//! The ways of the edges: smooth curves through their way points, with an arrow head at the end.

use std::iter;

use super::{across::EDGE_GAP, layers::Layers};

/// A place across and a place along.
pub(crate) type Place = (f64, f64);

/// The strip that a layer takes along.
#[derive(Clone, Copy)]
pub(crate) struct Band {
    pub(crate) start: f64,
    pub(crate) end: f64,
}

impl Band {
    pub(crate) fn middle(self) -> f64 {
        f64::midpoint(self.start, self.end)
    }

    fn half(self) -> f64 {
        (self.end - self.start) / 2.0
    }
}

/// The outline of a node, around its middle.
pub(crate) struct Outline {
    pub(crate) half_across: f64,
    pub(crate) half_along: f64,
    pub(crate) is_round: bool,
}

impl Outline {
    /// Where an edge that leaves the middle with a slope meets the outline. The slope is how far
    /// it goes across for each step along.
    fn port(&self, slope: f64) -> Place {
        // Edges leave to the front, not to the side where neighbours are.
        if self.is_round {
            let steepest = 1.4 * self.half_across / self.half_along;
            let slope = slope / (1.0 + slope.abs() / steepest);
            let along = 1.0 / (slope / self.half_across).hypot(1.0 / self.half_along);
            (slope * along, along)
        } else {
            let limit = (self.half_across - CORNER).max(0.0);
            (bounded(slope * self.half_along, limit), self.half_along)
        }
    }

    /// Half of what the node takes across, so far along from its middle or farther.
    fn half_at(&self, along: f64) -> f64 {
        if self.is_round {
            let share = (along / self.half_along).min(1.0);
            self.half_across * (1.0 - share * share).sqrt()
        } else {
            self.half_across
        }
    }
}

/// The length of an arrow head.
const ARROW_LENGTH: f64 = 9.0;

/// How far from the corners of a box edges stay.
const CORNER: f64 = 8.0;

/// The steepest slope with which an edge meets a node.
const END_SLOPE_MAX: f64 = 3.0;

/// How far an edge may go aside within the band of a node or way point: not up to its neighbours.
const ASIDE_MAX: f64 = 0.75 * EDGE_GAP;

/// The value bent towards the limit that it stays below, so that large ones still differ.
fn bounded(value: f64, limit: f64) -> f64 {
    if limit > 0.0 { value / (1.0 + value.abs() / limit) } else { 0.0 }
}

/// The way of an edge.
pub(crate) struct Way {
    pub(crate) curve: Vec<Place>,
    pub(crate) arrow: [Place; 3],
}

/// All that is needed to find the way of an edge.
pub(crate) struct Router<'a> {
    layers: &'a Layers,
    bands: &'a [Band],
    places: &'a [f64],
    outlines: &'a [Outline],
    /// The vertices at the left and right of each, if any.
    beside: Vec<[Option<u32>; 2]>,
}

impl<'a> Router<'a> {
    pub(crate) fn new(
        layers: &'a Layers,
        bands: &'a [Band],
        places: &'a [f64],
        outlines: &'a [Outline],
    ) -> Self {
        let mut beside = vec![[None; 2]; layers.layer_of.len()];
        for row in layers.parts.iter().flat_map(|part| &part.rows) {
            for pair in row.windows(2) {
                beside[pair[0] as usize][1] = Some(pair[1]);
                beside[pair[1] as usize][0] = Some(pair[0]);
            }
        }
        Self { layers, bands, places, outlines, beside }
    }

    /// The way of an edge between two nodes.
    pub(crate) fn way(&self, edge: usize, (from, to): (u32, u32)) -> Way {
        let way_points = self.layers.way_points[edge].clone().unwrap_or_default();
        let vertices: Vec<u32> = iter::once(from).chain(way_points).chain([to]).collect();
        smooth(&self.stops(&vertices))
    }

    /// What the curve goes through: where it leaves or enters the outlines of its nodes, and
    /// where it leaves or enters bands. Between bands nothing is in its way.
    fn stops(&self, vertices: &[u32]) -> Vec<Place> {
        let last = vertices.len() - 1;
        let mut stops = Vec::with_capacity(2 * vertices.len());
        let (leave, detour) = self.meet(vertices[0], vertices[1]);
        stops.push(leave);
        stops.extend(detour);
        for neighbors in vertices.windows(3) {
            let [before, here, after] = [0, 1, 2].map(|index| self.middle(neighbors[index]));
            let Band { start, end } = self.band(neighbors[1]);
            let aside = gentle(slope(before, here), slope(here, after)) * (end - start) / 2.0;
            let aside = bounded(aside, ASIDE_MAX);
            stops.push((here.0 - aside, start));
            if end > start {
                stops.push((here.0 + aside, end));
            }
        }
        let (enter, detour) = self.meet(vertices[last], vertices[last - 1]);
        stops.extend(detour);
        stops.push(enter);
        stops
    }

    /// Where an edge between a node and the next of its vertices meets the node. The second place
    /// is the one to go through if there would be a neighbour of the node in its way.
    fn meet(&self, node: u32, next: u32) -> (Place, Option<Place>) {
        /// How far edges keep from the neighbours of their nodes.
        const CLEAR: f64 = 6.0;
        /// An arrow head has to fit in.
        const DETOUR_MIN: f64 = ARROW_LENGTH + 3.0;

        let (middle, goal) = (self.middle(node), self.middle(next));
        let (way_across, way_along) = (goal.0 - middle.0, (goal.1 - middle.1).abs());
        let (across, along) = self.outlines[node as usize].port(way_across / way_along);
        let sign = (goal.1 - middle.1).signum();
        let meet = (middle.0 + across, middle.1 + sign * along);

        let rest = self.band(node).half() - along;
        let height = way_along - along - self.band(next).half();
        let slope = (way_across - across) / height;
        let aside = aside_after(rest, slope, height);
        if aside.abs() + CLEAR < self.room(node, (across, along), aside > 0.0) {
            return (meet, None);
        }
        let detour = rest.max(DETOUR_MIN);
        let aside = bounded(slope * detour, ASIDE_MAX);
        (meet, Some((meet.0 + aside, meet.1 + sign * detour)))
    }

    /// How far it is from a place on the outline of a node to its neighbour on one side.
    fn room(&self, node: u32, (across, along): Place, to_the_right: bool) -> f64 {
        let Some(neighbor) = self.beside[node as usize][usize::from(to_the_right)] else {
            return f64::INFINITY;
        };
        let distance = (self.places[neighbor as usize] - self.places[node as usize]).abs();
        let across = if to_the_right { across } else { -across };
        let half = self.outlines.get(neighbor as usize).map_or(ASIDE_MAX, |it| it.half_at(along));
        distance - across - half
    }

    fn middle(&self, vertex: u32) -> Place {
        (self.places[vertex as usize], self.band(vertex).middle())
    }

    fn band(&self, vertex: u32) -> Band {
        self.bands[self.layers.layer_of[vertex as usize] as usize]
    }
}

/// How far aside an edge is, at the most, when it has gone the first part of its height.
fn aside_after(part: f64, slope: f64, height: f64) -> f64 {
    let share = (part / height).clamp(0.0, 1.0);
    // Longer handles at the other end make for more than the 3 and 2 of the even curve.
    let bend = 1.4 * share * share * (3.0 - 2.0 * share);
    let start = share * (1.0 - share) * (1.0 - share);
    let curve = height * (slope * bend + bounded(slope, END_SLOPE_MAX) * start);
    // The arrow head is straight.
    let arrow = bounded(slope, END_SLOPE_MAX) * part;
    if curve.abs() > arrow.abs() { curve } else { arrow }
}

fn slope(from: Place, to: Place) -> f64 {
    (to.0 - from.0) / (to.1 - from.1)
}

/// A slope between two others with which a curve never turns back across.
fn gentle(before: f64, after: f64) -> f64 {
    if before * after <= 0.0 { 0.0 } else { 2.0 * before * after / (before + after) }
}

/// A smooth curve through all stops that never turns back across between two of them, and an
/// arrow head whose tip is the last stop.
fn smooth(stops: &[Place]) -> Way {
    let last = stops.len() - 1;
    let straight = |index: usize| slope(stops[index], stops[index + 1]);
    let slopes: Vec<f64> = (0..=last)
        .map(|index| match index {
            0 => bounded(straight(0), END_SLOPE_MAX),
            index if index == last => bounded(straight(last - 1), END_SLOPE_MAX),
            index => gentle(straight(index - 1), straight(index)),
        })
        .collect();

    // Longer handles make wider bends; above a half, curves could turn back.
    let handle = |index: usize| if index == 0 || index == last { 0.33 } else { 0.5 };

    let arrow = Arrow::new(stops[last], slopes[last]);
    let mut curve = Vec::with_capacity(3 * last + 1);
    curve.push(stops[0]);
    for index in 0..last {
        let start = stops[index];
        let end = if index + 1 == last { arrow.base } else { stops[index + 1] };
        let height = end.1 - start.1;
        let (rise, fall) = (handle(index) * height, handle(index + 1) * height);
        curve.push((start.0 + slopes[index] * rise, start.1 + rise));
        curve.push((end.0 - slopes[index + 1] * fall, end.1 - fall));
        curve.push(end);
    }
    Way { curve, arrow: arrow.corners }
}

/// An arrow head.
struct Arrow {
    corners: [Place; 3],
    /// The middle of its back, where the line ends.
    base: Place,
}

impl Arrow {
    fn new(tip: Place, slope: f64) -> Self {
        const HALF_WIDTH: f64 = 3.4;
        let norm = slope.hypot(1.0);
        let (across, along) = (slope / norm, 1.0 / norm);
        let base = (tip.0 - ARROW_LENGTH * across, tip.1 - ARROW_LENGTH * along);
        let side = (HALF_WIDTH * along, -HALF_WIDTH * across);
        let corners = [tip, (base.0 + side.0, base.1 + side.1), (base.0 - side.0, base.1 - side.1)];
        Self { corners, base }
    }
}
