//! What is to happen later: [`Timers`].

use std::collections::BTreeMap;

use crate::event::Micros;

/// Something that is due at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// Look for work to move to idle workers.
    Steal,
    /// Look for copies that can go, and for those that retiring workers must hand on.
    ManageMemory,
    /// Look for workers that say nothing.
    CheckWorkers,
    /// Look for tasks that have waited too long for a worker.
    CheckUnrunnable,
    /// Look whether there has been nothing to do.
    CheckIdle,
    /// A question has waited long enough.
    Question(u32),
    /// A question about something shared has.
    Waiter(u64),
    /// Look for leases that were not refreshed.
    CheckLeases,
    /// Let go of results that nobody came for.
    CheckPassing,
}

/// Names a timer, to cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerId(Micros, u64);

/// All timers, the next first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeMap<TimerId, Timer>,
    count: u64,
    /// Regular looks that are on their way, so that none is there twice.
    armed: Vec<Timer>,
}

impl Timers {
    pub(crate) fn add(&mut self, at: Micros, timer: Timer) -> TimerId {
        self.count += 1;
        let id = TimerId(at, self.count);
        self.due.insert(id, timer);
        id
    }

    /// Adds a regular look, unless it is on its way.
    pub(crate) fn arm(&mut self, at: Micros, timer: Timer) {
        if !self.armed.contains(&timer) {
            self.armed.push(timer.clone());
            self.add(at, timer);
        }
    }

    pub(crate) fn cancel(&mut self, id: TimerId) {
        self.due.remove(&id);
    }

    pub(crate) fn next(&self) -> Option<Micros> {
        self.due.first_key_value().map(|(id, _)| id.0)
    }

    pub(crate) fn pop(&mut self, now: Micros) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        let (_, timer) = self.due.pop_first()?;
        self.armed.retain(|armed| *armed != timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::{Timer, Timers};
    use crate::event::Micros;

    #[test]
    fn come_in_order_of_time_and_regular_ones_only_once() {
        let mut timers = Timers::default();
        timers.add(Micros(20), Timer::Question(2));
        let cancelled = timers.add(Micros(5), Timer::Question(0));
        timers.add(Micros(10), Timer::Question(1));
        timers.arm(Micros(15), Timer::Steal);
        timers.arm(Micros(1), Timer::Steal);
        timers.cancel(cancelled);
        assert_eq!(timers.next(), Some(Micros(10)));
        assert_eq!(timers.pop(Micros(9)), None);
        let popped: Vec<_> = std::iter::from_fn(|| timers.pop(Micros(30))).collect();
        assert_eq!(popped, [Timer::Question(1), Timer::Steal, Timer::Question(2)]);
    }
}
