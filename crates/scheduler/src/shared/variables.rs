//! Variables: one item by name, which can be set again.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use raskt_wire::{Answer, RequestError, SharedItem};

use crate::questions::Origin;
use crate::scheduler::Scheduler;
use crate::shared::At;

/// All variables by name.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    /// The value, and the wants that keep what it refers to.
    values: BTreeMap<Arc<str>, (Bytes, Vec<u32>)>,
    lines: BTreeMap<Arc<str>, Vec<u64>>,
}

impl Variables {
    pub(crate) fn forget_results(&mut self) {
        self.values.values_mut().for_each(|(_, wants)| wants.clear());
    }
}

impl Scheduler {
    pub(crate) fn variable_set(&mut self, name: Arc<str>, item: SharedItem) -> Answer {
        let wants = self.keep_results(&item);
        let value = (item.payload.clone(), wants.clone());
        if let Some((_, wants)) = self.shared.variables.values.insert(name.clone(), value) {
            self.let_results_go(wants);
        }
        for number in self.shared.variables.lines.remove(&name).unwrap_or_default() {
            if let Some(asker) = self.waiting_asker(number) {
                self.pass_copies(asker, &wants);
                self.answer_waiter(number, Ok(Answer::Bytes(item.payload.clone())));
            }
        }
        Answer::Done
    }

    pub(crate) fn variable_get(
        &mut self,
        from: Origin,
        name: Arc<str>,
        timeout_us: Option<u64>,
    ) -> Option<Answer> {
        if let Some((payload, wants)) = self.shared.variables.values.get(&name).cloned() {
            self.pass_copies(from.0, &wants);
            return Some(Answer::Bytes(payload));
        }
        let at = At::Thing(format!("the variable {name:?} was not set"));
        let number = self.wait_at(from, at, timeout_us);
        let mut line = self.shared.variables.lines.remove(&name).unwrap_or_default();
        line.retain(|number| self.shared.is_waiting(*number));
        line.push(number);
        self.shared.variables.lines.insert(name, line);
        None
    }

    pub(crate) fn variable_delete(&mut self, name: &Arc<str>) -> Answer {
        if let Some((_, wants)) = self.shared.variables.values.remove(name) {
            self.let_results_go(wants);
        }
        for number in self.shared.variables.lines.remove(name).unwrap_or_default() {
            let text = format!("the variable {name:?} was deleted");
            self.answer_waiter(number, Err(RequestError::Gone(text)));
        }
        Answer::Done
    }
}
