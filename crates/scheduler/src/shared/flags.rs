//! Flags that are set or not, and who waits until they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use raskt_wire::Answer;

use crate::questions::Origin;
use crate::scheduler::Scheduler;
use crate::shared::At;

/// All flags: those that are set, and who waits for others.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    set: BTreeSet<Arc<str>>,
    lines: BTreeMap<Arc<str>, Vec<u64>>,
}

impl Flags {
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.set.contains(name)
    }
}

impl Scheduler {
    pub(crate) fn flag_wait(
        &mut self,
        from: Origin,
        name: Arc<str>,
        timeout_us: Option<u64>,
    ) -> Option<Answer> {
        if self.shared.flags.is_set(&name) {
            return Some(Answer::Bool(true));
        }
        let number = self.wait_at(from, At::YesOrNo, timeout_us);
        let mut line = self.shared.flags.lines.remove(&name).unwrap_or_default();
        line.retain(|number| self.shared.is_waiting(*number));
        line.push(number);
        self.shared.flags.lines.insert(name, line);
        None
    }

    pub(crate) fn flag_set(&mut self, name: Arc<str>, on: bool) -> Answer {
        if on {
            let line = self.shared.flags.lines.remove(&name).unwrap_or_default();
            self.shared.flags.set.insert(name);
            for number in line {
                self.answer_waiter(number, Ok(Answer::Bool(true)));
            }
        } else {
            self.shared.flags.set.remove(&name);
        }
        Answer::Done
    }
}
