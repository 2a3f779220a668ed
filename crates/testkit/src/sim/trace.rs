//! What happened, as a hash that two runs are compared by, and as lines to read: [`Trace`].

use std::fmt::{self, Write as _};

/// The history of a run.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    hash: Fnv,
    events: u64,
    /// None: nobody wants to read it.
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(keeps_lines: bool) -> Trace {
        Trace { lines: keeps_lines.then(Vec::new), ..Trace::default() }
    }

    /// Something happened at that time.
    pub(crate) fn note(&mut self, now: u64, what: fmt::Arguments<'_>) {
        self.events += 1;
        match &mut self.lines {
            Some(lines) => {
                let line = format!("{:>12.6} {what}", now as f64 / 1e6);
                self.hash.add(line.as_bytes());
                lines.push(line);
            }
            None => {
                // The same text without keeping it.
                write!(self.hash, "{:>12.6} {what}", now as f64 / 1e6).expect("hashing works");
            }
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash.0
    }

    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    pub(crate) fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}

/// FNV-1a.
#[derive(Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

impl fmt::Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text.as_bytes());
        Ok(())
    }
}
