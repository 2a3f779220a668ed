//! The time of a node: microseconds since 1970 that never go back.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Takes the time of day once, and counts on from there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start_us: u64,
    start: Instant,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Clock { start_us: since_1970.as_micros() as u64, start: Instant::now() }
    }

    /// Now, in microseconds since 1970.
    pub(crate) fn now_us(&self) -> u64 {
        self.start_us + self.start.elapsed().as_micros() as u64
    }

    /// When the clock shows this time.
    pub(crate) fn instant(&self, at_us: u64) -> Instant {
        self.start + Duration::from_micros(at_us.saturating_sub(self.start_us))
    }
}
