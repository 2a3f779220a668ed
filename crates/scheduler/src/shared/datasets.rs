//! Data sets: items that are kept by name, with all results that belong to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use raskt_wire::{Answer, RequestError, SharedItem};

use crate::scheduler::Scheduler;
use crate::shared::no_such;

/// All data sets by name.
#[derive(Debug, Default)]
pub(crate) struct Datasets {
    /// What it is, and the wants that keep its results.
    by_name: BTreeMap<Arc<str>, (Bytes, Vec<u32>)>,
}

impl Datasets {
    pub(crate) fn get(&self, name: &str) -> Result<Answer, RequestError> {
        let found = self.by_name.get(name).map(|(payload, _)| payload.clone());
        found.map(Answer::Bytes).ok_or_else(|| no_such("data set", name))
    }

    pub(crate) fn names(&self) -> Answer {
        Answer::Names(self.by_name.keys().cloned().collect())
    }

    pub(crate) fn forget_results(&mut self) {
        self.by_name.values_mut().for_each(|(_, wants)| wants.clear());
    }
}

impl Scheduler {
    pub(crate) fn dataset_put(
        &mut self,
        name: Arc<str>,
        item: SharedItem,
        replace: bool,
    ) -> Result<Answer, RequestError> {
        if !replace && self.shared.datasets.by_name.contains_key(&name) {
            let text = format!("there is a data set {name:?}; remove it first, or replace it");
            return Err(RequestError::Exists(text));
        }
        let wants = self.keep_results(&item);
        let value = (item.payload, wants);
        if let Some((_, wants)) = self.shared.datasets.by_name.insert(name, value) {
            self.let_results_go(wants);
        }
        Ok(Answer::Done)
    }

    pub(crate) fn dataset_delete(&mut self, name: &str) -> Result<Answer, RequestError> {
        let removed = self.shared.datasets.by_name.remove(name);
        let (_, wants) = removed.ok_or_else(|| no_such("data set", name))?;
        self.let_results_go(wants);
        Ok(Answer::Done)
    }
}
