//! Connections: messages of one direction arrive in order, late, or never: [`Net`].

use crate::sim::world::{Down, Up, What, World};

/// A connection to the scheduler, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Conn(pub(crate) usize);

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Worker { process: usize, life: u64 },
    Client(usize),
}

/// All connections there ever were, and what is cut.
#[derive(Debug, Default)]
pub(crate) struct Net {
    lines: Vec<Line>,
    /// Until when nothing gets through: from workers, to workers, between two.
    pub(crate) cuts: Vec<Cut>,
}

#[derive(Debug)]
struct Line {
    end: End,
    is_open: bool,
    /// When the last message of each direction arrives.
    last_up: u64,
    last_down: u64,
}

/// A cut of a direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) way: Way,
    pub(crate) until: u64,
}

/// What can be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Up(usize),
    Down(usize),
    Peers(usize, usize),
}

impl Net {
    pub(crate) fn end(&self, conn: Conn) -> End {
        self.lines[conn.0].end
    }

    pub(crate) fn is_open(&self, conn: Conn) -> bool {
        self.lines[conn.0].is_open
    }

    /// From when on something gets through.
    pub(crate) fn open_from(&self, way: Way) -> u64 {
        let same = |cut: &&Cut| match (cut.way, way) {
            (Way::Peers(a, b), Way::Peers(c, d)) => (a, b) == (c, d) || (a, b) == (d, c),
            (one, other) => one == other,
        };
        self.cuts.iter().filter(same).map(|cut| cut.until).max().unwrap_or(0)
    }
}

impl World {
    pub(crate) fn connect(&mut self, end: End) -> Conn {
        let (last_up, last_down) = (self.now, self.now);
        self.net.lines.push(Line { end, is_open: true, last_up, last_down });
        Conn(self.net.lines.len() - 1)
    }

    /// Sends to the scheduler.
    pub(crate) fn send_up(&mut self, conn: Conn, message: Up) {
        let way = match self.net.end(conn) {
            End::Worker { process, .. } => Some(Way::Up(process)),
            End::Client(_) => None,
        };
        let latency = self.latency();
        let from = way.map_or(0, |way| self.net.open_from(way)).max(self.now);
        let line = &mut self.net.lines[conn.0];
        line.last_up = line.last_up.max(from + latency);
        let at = line.last_up;
        self.at(at, What::Up(conn, message));
    }

    /// Sends from the scheduler.
    pub(crate) fn send_down(&mut self, conn: Conn, message: Down) {
        let way = match self.net.end(conn) {
            End::Worker { process, .. } => Some(Way::Down(process)),
            End::Client(_) => None,
        };
        let latency = self.latency();
        let from = way.map_or(0, |way| self.net.open_from(way)).max(self.now);
        let line = &mut self.net.lines[conn.0];
        line.last_down = line.last_down.max(from + latency);
        let at = line.last_down;
        self.at(at, What::Down(conn, message));
    }

    /// A connection breaks: what is on its way is lost, and both ends learn of it by and by.
    pub(crate) fn cut_line(&mut self, conn: Conn) {
        if !std::mem::replace(&mut self.net.lines[conn.0].is_open, false) {
            return;
        }
        for what in [What::LostAbove(conn), What::LostBelow(conn)] {
            let after = self.rng.spread(100, 3_000_000);
            self.after(after, what);
        }
    }

    /// One end closes a connection: what it has sent still arrives, and then the other end
    /// learns of it.
    pub(crate) fn close_from_above(&mut self, conn: Conn) {
        let line = &self.net.lines[conn.0];
        if line.is_open {
            let at = line.last_down + 1;
            self.at(at, What::LostBelow(conn));
        }
    }

    pub(crate) fn close_from_below(&mut self, conn: Conn) {
        let line = &self.net.lines[conn.0];
        if line.is_open {
            let at = line.last_up + 1;
            self.at(at, What::LostAbove(conn));
        }
    }

    pub(crate) fn shut(&mut self, conn: Conn) {
        self.net.lines[conn.0].is_open = false;
    }
}
