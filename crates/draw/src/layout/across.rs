//! The place of every vertex within its layer.
//!
//! Layer by layer, vertices are put as close as possible to the middle of their neighbours in the
//! layer that was placed before: the places with the least sum of squared distances to there,
//! among those that keep the order and the spaces between. Placing from the widest layer outwards
//! centres everything over or under what takes the most room.

use super::layers::{Layers, Part};

/// The space between two nodes of a layer.
const NODE_GAP: f64 = 22.0;

/// The space between a node and an edge that passes it.
pub(crate) const EDGE_GAP: f64 = 13.0;

/// The space between two parts of the graph that are not connected.
const PART_GAP: f64 = 32.0;

/// The places of all vertices.
pub(crate) struct Across {
    /// The middle of each vertex.
    pub(crate) places: Vec<f64>,
    /// The width of all.
    pub(crate) extent: f64,
}

/// Places all parts side by side.
pub(crate) fn assign(layers: &Layers, half_across: &[f64]) -> Across {
    let mut placer = Placer {
        layers,
        half_across,
        places: vec![0.0; layers.layer_of.len()],
        wishes: Vec::new(),
        blocks: Vec::new(),
    };
    let mut extent = 0.0;
    for part in &layers.parts {
        if extent > 0.0 {
            extent += PART_GAP;
        }
        placer.place_part(part);
        extent += placer.shift_part(part, extent);
    }
    Across { places: placer.places, extent }
}

/// Which rows a row is placed by.
#[derive(Clone, Copy)]
enum By {
    Below,
    Above,
}

/// Where a vertex would be best, and how much that matters.
struct Wish {
    place: f64,
    weight: f64,
    /// How far the vertex is from the first of its row when all are as close as allowed.
    offset: f64,
}

/// Vertices next to each other that are as close as allowed.
struct Block {
    /// The weighted sum of where the first of the row should be, for all in the block.
    sum: f64,
    weight: f64,
    len: usize,
}

impl Block {
    fn start(&self) -> f64 {
        self.sum / self.weight
    }
}

struct Placer<'a> {
    layers: &'a Layers,
    half_across: &'a [f64],
    places: Vec<f64>,
    wishes: Vec<Wish>,
    blocks: Vec<Block>,
}

impl Placer<'_> {
    fn place_part(&mut self, part: &Part) {
        const SMALL: usize = 20_000;
        let rounds = if part.members.len() <= SMALL { 8 } else { 3 };
        let rows = &part.rows;
        let mut widest = 0;
        let mut width_max = -1.0;
        for (index, row) in rows.iter().enumerate() {
            let width = self.pack(row);
            if width > width_max {
                (widest, width_max) = (index, width);
            }
        }
        for _ in 0..rounds {
            self.place_outwards(rows, widest);
            // Inwards, so that the widest row also gives way to what is beyond it.
            rows[..widest].iter().for_each(|row| self.place_row(row, By::Below));
            rows[widest + 1..].iter().rev().for_each(|row| self.place_row(row, By::Above));
            self.place_row(&rows[widest], By::Below);
            self.place_row(&rows[widest], By::Above);
        }
        self.place_outwards(rows, widest);
    }

    fn place_outwards(&mut self, rows: &[Vec<u32>], widest: usize) {
        rows[..widest].iter().rev().for_each(|row| self.place_row(row, By::Above));
        rows[widest + 1..].iter().for_each(|row| self.place_row(row, By::Below));
    }

    /// Puts a row as close together as allowed, around 0, and tells its width.
    fn pack(&mut self, row: &[u32]) -> f64 {
        let mut end = 0.0;
        for (index, &vertex) in row.iter().enumerate() {
            if index > 0 {
                end += self.distance(row[index - 1], vertex);
            }
            self.places[vertex as usize] = end;
        }
        for &vertex in row {
            self.places[vertex as usize] -= end / 2.0;
        }
        end
    }

    fn place_row(&mut self, row: &[u32], by: By) {
        self.wishes.clear();
        let mut offset = 0.0;
        for (index, &vertex) in row.iter().enumerate() {
            if index > 0 {
                offset += self.distance(row[index - 1], vertex);
            }
            let (place, weight) = self.wish(vertex, by);
            self.wishes.push(Wish { place, weight, offset });
        }

        // With offsets taken off, the order and the spaces are kept if places only increase. So
        // this is isotonic regression: neighbours that do not increase are pooled.
        self.blocks.clear();
        for wish in &self.wishes {
            let start = wish.place - wish.offset;
            let mut block = Block { sum: start * wish.weight, weight: wish.weight, len: 1 };
            while let Some(last) = self.blocks.pop_if(|last| last.start() >= block.start()) {
                block.sum += last.sum;
                block.weight += last.weight;
                block.len += last.len;
            }
            self.blocks.push(block);
        }

        let mut vertices = row.iter().zip(&self.wishes);
        for block in &self.blocks {
            let start = block.start();
            for (&vertex, wish) in vertices.by_ref().take(block.len) {
                self.places[vertex as usize] = start + wish.offset;
            }
        }
    }

    /// The middle of the neighbours, and the weight of the links to them.
    fn wish(&self, vertex: u32, by: By) -> (f64, f64) {
        let (below, above) = (self.layers.below.of(vertex), self.layers.above.of(vertex));
        let (first, second) = match by {
            By::Below => (below, above),
            By::Above => (above, below),
        };
        let neighbors = if first.is_empty() { second } else { first };
        if neighbors.is_empty() {
            return (self.places[vertex as usize], 1.0);
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for &other in neighbors {
            let weight = self.weight(vertex, other);
            sum += weight * self.places[other as usize];
            weights += weight;
        }
        (sum / weights, weights)
    }

    /// How much it matters that a link is straight: most where a bend would be in plain view.
    fn weight(&self, vertex: u32, other: u32) -> f64 {
        match (self.layers.is_way_point(vertex), self.layers.is_way_point(other)) {
            (true, true) => 4.0,
            (false, false) => 1.0,
            _ => 2.0,
        }
    }

    /// The least distance of the middles of two vertices next to each other.
    fn distance(&self, left: u32, right: u32) -> f64 {
        let nodes = !self.layers.is_way_point(left) && !self.layers.is_way_point(right);
        let gap = if nodes { NODE_GAP } else { EDGE_GAP };
        self.half_across[left as usize] + gap + self.half_across[right as usize]
    }

    /// Lets a part begin at `start`, and tells its width.
    fn shift_part(&mut self, part: &Part, start: f64) -> f64 {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for &vertex in &part.members {
            let (place, half) = (self.places[vertex as usize], self.half_across[vertex as usize]);
            low = low.min(place - half);
            high = high.max(place + half);
        }
        for &vertex in &part.members {
            self.places[vertex as usize] += start - low;
        }
        high - low
    }
}
