//! Names of tasks that are gone: [`Names`].

use std::collections::VecDeque;
use std::sync::Arc;

use raskt_wire::TaskUid;

use crate::scheduler::Scheduler;

/// The names of the last tasks whose submissions are gone, for those who look back.
#[derive(Debug)]
pub(crate) struct Names {
    last: VecDeque<(TaskUid, Arc<str>)>,
    limit: usize,
}

impl Names {
    pub(crate) fn new(limit: usize) -> Names {
        Names { last: VecDeque::new(), limit }
    }

    /// Takes over the names of a submission that goes.
    pub(crate) fn add(&mut self, segment: u32, keys: Vec<Arc<str>>) {
        let skipped = keys.len().saturating_sub(self.limit);
        let kept = keys.len() - skipped;
        let too_many = (self.last.len() + kept).saturating_sub(self.limit);
        self.last.drain(..too_many);
        for (index, key) in (0..).zip(keys).skip(skipped) {
            self.last.push_back((TaskUid { segment, index }, key));
        }
    }

    fn of(&self, uid: TaskUid) -> Option<&Arc<str>> {
        self.last.iter().rev().find(|(known, _)| *known == uid).map(|(_, key)| key)
    }

    fn uids<'a>(&'a self, key: &'a str) -> impl Iterator<Item = TaskUid> + 'a {
        self.last.iter().filter(move |(_, name)| **name == *key).map(|(uid, _)| *uid)
    }
}

impl Scheduler {
    /// The name of a task, also of one that is gone, if that is not long ago.
    pub(crate) fn name_of(&self, uid: TaskUid) -> Option<Arc<str>> {
        self.tasks.named(uid).or_else(|| self.names.of(uid)).cloned()
    }

    /// Tasks that have or had this name.
    pub(crate) fn uids_of(&self, key: &Arc<str>) -> Vec<(TaskUid, Arc<str>)> {
        let now = self.tasks.last_by_key(key);
        now.into_iter().chain(self.names.uids(key)).map(|uid| (uid, key.clone())).collect()
    }
}
