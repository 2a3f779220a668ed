//! The order within layers: barycenters, sweep after sweep, then swaps of neighbours.

use std::mem;

use super::layers::{Layers, Part};

/// Orders the rows of every part so that few links cross.
pub(crate) fn reduce_crossings(layers: &mut Layers) {
    let mut parts = mem::take(&mut layers.parts);
    let mut desk = Desk::new(layers);
    for part in &mut parts {
        desk.order_part(part);
    }
    layers.parts = parts;
}

/// Which of the neighbours are looked at.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Below,
    Above,
}

/// The graph, and room to work in that is used again for every part.
struct Desk<'a> {
    layers: &'a Layers,
    /// The place of each vertex in its row.
    place_of: Vec<u32>,
    is_seen: Vec<bool>,
    /// Numbers below which, or up to which, something was counted: a Fenwick tree.
    tree: Vec<u32>,
    places: [Vec<u32>; 2],
    keyed: Vec<(f64, u32)>,
    slots: Vec<usize>,
}

type Rows = Vec<Vec<u32>>;

impl<'a> Desk<'a> {
    fn new(layers: &'a Layers) -> Self {
        let vertex_count = layers.layer_of.len();
        Self {
            layers,
            place_of: vec![0; vertex_count],
            is_seen: vec![false; vertex_count],
            tree: Vec::new(),
            places: [Vec::new(), Vec::new()],
            keyed: Vec::new(),
            slots: Vec::new(),
        }
    }

    fn order_part(&mut self, part: &mut Part) {
        // More effort does little for pictures too large to be read.
        const SMALL: usize = 20_000;
        let (sweeps, swap_rounds) = if part.members.len() <= SMALL { (24, 8) } else { (6, 2) };
        let mut best: Option<(u64, Rows)> = None;
        for side in [Side::Above, Side::Below] {
            let mut rows = self.walk(part, side);
            let crossings = self.sweep(&mut rows, sweeps, swap_rounds);
            if best.as_ref().is_none_or(|(fewest, _)| crossings < *fewest) {
                best = Some((crossings, rows));
            }
            if crossings == 0 {
                break;
            }
        }
        if let Some((_, rows)) = best {
            part.rows = rows;
        }
    }

    /// The rows in the order of a walk in depth that starts where there is nothing on the other
    /// side and goes to `side`. It leaves trees without crossings.
    fn walk(&mut self, part: &Part, side: Side) -> Rows {
        let mut rows: Rows = part.rows.iter().map(|row| Vec::with_capacity(row.len())).collect();
        let other = if side == Side::Above { Side::Below } else { Side::Above };
        let mut reached = Vec::new();
        for &vertex in &part.members {
            self.is_seen[vertex as usize] = false;
        }
        for &start in &part.members {
            if self.neighbors(start, other).is_empty() {
                reached.push(start);
            }
            while let Some(vertex) = reached.pop() {
                if !mem::replace(&mut self.is_seen[vertex as usize], true) {
                    rows[self.layers.layer_of[vertex as usize] as usize].push(vertex);
                    reached.extend(self.neighbors(vertex, side).iter().rev());
                }
            }
        }
        rows
    }

    /// Improves the order until it stays as it is, and tells how many crossings are left.
    fn sweep(&mut self, rows: &mut Rows, sweeps: usize, swap_rounds: usize) -> u64 {
        const PATIENCE: usize = 4;
        for row in rows.iter() {
            self.note_places(row);
        }
        let mut fewest = self.count_crossings(rows);
        let mut best = rows.clone();
        let mut fruitless = 0;
        for sweep in 0..sweeps {
            if fewest == 0 || fruitless == PATIENCE {
                break;
            }
            if sweep % 2 == 0 {
                rows.iter_mut().skip(1).for_each(|row| self.sort_row(row, Side::Below));
            } else {
                rows.iter_mut().rev().skip(1).for_each(|row| self.sort_row(row, Side::Above));
            }
            let crossings = self.count_crossings(rows);
            fruitless += 1;
            if crossings < fewest {
                fewest = crossings;
                fruitless = 0;
                best.clone_from(rows);
            }
        }
        *rows = best;
        if fewest == 0 {
            return 0;
        }
        for row in rows.iter() {
            self.note_places(row);
        }
        for _ in 0..swap_rounds {
            let saved: u64 = rows.iter_mut().map(|row| self.swap_neighbors(row)).sum();
            fewest -= saved;
            if saved == 0 {
                break;
            }
        }
        fewest
    }

    /// Sorts a row by where the neighbours on one side are on average. Vertices without any stay
    /// where they are.
    fn sort_row(&mut self, row: &mut [u32], side: Side) {
        self.keyed.clear();
        self.slots.clear();
        for (slot, &vertex) in row.iter().enumerate() {
            let neighbors = self.neighbors(vertex, side);
            if !neighbors.is_empty() {
                let sum: f64 =
                    neighbors.iter().map(|&other| f64::from(self.place_of[other as usize])).sum();
                self.keyed.push((sum / neighbors.len() as f64, vertex));
                self.slots.push(slot);
            }
        }
        self.keyed.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        for (&slot, &(_, vertex)) in self.slots.iter().zip(&self.keyed) {
            row[slot] = vertex;
        }
        self.note_places(row);
    }

    /// Swaps vertices next to each other wherever fewer links cross then, and tells how many.
    fn swap_neighbors(&mut self, row: &mut [u32]) -> u64 {
        let mut saved = 0;
        for left in 1..row.len() {
            let pair = (row[left - 1], row[left]);
            let (mut kept, mut swapped) = (0, 0);
            for side in [Side::Below, Side::Above] {
                let (crossed, uncrossed) = self.count_pair(pair, side);
                kept += crossed;
                swapped += uncrossed;
            }
            if swapped < kept {
                saved += kept - swapped;
                row.swap(left - 1, left);
                self.place_of[pair.0 as usize] = left as u32;
                self.place_of[pair.1 as usize] = left as u32 - 1;
            }
        }
        saved
    }

    /// How many links of two vertices to one side cross as they are, and if they were swapped.
    fn count_pair(&mut self, pair: (u32, u32), side: Side) -> (u64, u64) {
        // The links of a hub cross whatever is next to it: trying is in vain, and slow.
        const LINKS_MAX: usize = 32;
        let mut places = mem::take(&mut self.places);
        for (places, vertex) in places.iter_mut().zip([pair.0, pair.1]) {
            let neighbors = self.neighbors(vertex, side);
            places.clear();
            if neighbors.len() <= LINKS_MAX {
                places.extend(neighbors.iter().map(|&other| self.place_of[other as usize]));
                places.sort_unstable();
            }
        }
        let [left, right] = &places;
        let counts = (count_greater(left, right), count_greater(right, left));
        self.places = places;
        counts
    }

    fn count_crossings(&mut self, rows: &Rows) -> u64 {
        rows.windows(2).map(|pair| self.count_between(&pair[0], &pair[1])).sum()
    }

    /// Counts the crossings between two rows: the pairs of links in which the one that starts
    /// further left ends further right.
    fn count_between(&mut self, lower: &[u32], upper: &[u32]) -> u64 {
        self.tree.clear();
        self.tree.resize(upper.len() + 1, 0);
        let mut places = mem::take(&mut self.places[0]);
        let mut crossings = 0;
        let mut link_count = 0;
        for &vertex in lower {
            places.clear();
            let neighbors = self.neighbors(vertex, Side::Above);
            places.extend(neighbors.iter().map(|&other| self.place_of[other as usize]));
            // Links from one vertex do not cross, so all are counted before any is noted.
            for &place in &places {
                let mut up_to = place as usize + 1;
                let mut not_beyond = 0;
                while up_to > 0 {
                    not_beyond += u64::from(self.tree[up_to]);
                    up_to &= up_to - 1;
                }
                crossings += link_count - not_beyond;
            }
            for &place in &places {
                let mut from = place as usize + 1;
                while from < self.tree.len() {
                    self.tree[from] += 1;
                    from += from & from.wrapping_neg();
                }
            }
            link_count += places.len() as u64;
        }
        self.places[0] = places;
        crossings
    }

    fn note_places(&mut self, row: &[u32]) {
        for (place, &vertex) in row.iter().enumerate() {
            self.place_of[vertex as usize] = place as u32;
        }
    }

    fn neighbors(&self, vertex: u32, side: Side) -> &'a [u32] {
        match side {
            Side::Below => self.layers.below.of(vertex),
            Side::Above => self.layers.above.of(vertex),
        }
    }
}

/// The number of pairs in which the one from `left` is greater. Both are sorted.
fn count_greater(left: &[u32], right: &[u32]) -> u64 {
    let mut pairs = 0;
    let mut smaller = 0;
    for place in left {
        while smaller < right.len() && right[smaller] < *place {
            smaller += 1;
        }
        pairs += smaller as u64;
    }
    pairs
}

/// The number of crossings left in all parts.
#[cfg(test)]
pub(crate) fn crossings(layers: &Layers) -> u64 {
    let mut desk = Desk::new(layers);
    let count = |part: &Part| {
        part.rows.iter().for_each(|row| desk.note_places(row));
        desk.count_crossings(&part.rows)
    };
    layers.parts.iter().map(count).sum()
}
