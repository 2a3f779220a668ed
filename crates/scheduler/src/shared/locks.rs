//! Locks on several names at once.
//!
//! An owner joins the lines of all its names in one step; the first in a line has the lock.
//! When an owner has as many as it asked for, it leaves the other lines. Since lines are joined
//! in one step, owners never wait for each other in a circle.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use raskt_wire::{Answer, RequestError};

use crate::questions::{Origin, Outcome};
use crate::scheduler::Scheduler;
use crate::shared::At;

/// All locks.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    /// For each name its owners: the first has it.
    lines: BTreeMap<Arc<str>, VecDeque<Arc<str>>>,
    /// Owners that do not have enough yet.
    claims: BTreeMap<Arc<str>, Claim>,
}

#[derive(Debug)]
struct Claim {
    waiter: u64,
    names: Vec<Arc<str>>,
    count: usize,
}

impl Locks {
    fn has(&self, name: &str, owner: &str) -> bool {
        let first = self.lines.get(name).and_then(VecDeque::front);
        first.is_some_and(|first| **first == *owner)
    }

    /// Leaves these lines.
    fn leave(&mut self, names: &[Arc<str>], owner: &str) {
        for name in names {
            if let Some(line) = self.lines.get_mut(name) {
                line.retain(|other| **other != *owner);
                if line.is_empty() {
                    self.lines.remove(name);
                }
            }
        }
    }

    /// Owners who have what they claimed.
    fn satisfied(&self) -> Vec<Arc<str>> {
        let is_satisfied = |(owner, claim): &(&Arc<str>, &Claim)| {
            claim.names.iter().filter(|name| self.has(name, owner)).count() >= claim.count
        };
        self.claims.iter().filter(is_satisfied).map(|(owner, _)| owner.clone()).collect()
    }
}

impl Scheduler {
    pub(crate) fn locks_acquire(
        &mut self,
        from: Origin,
        mut names: Vec<Arc<str>>,
        owner: Arc<str>,
        count: u32,
        timeout_us: Option<u64>,
    ) -> Outcome {
        names.sort_unstable();
        names.dedup();
        if count == 0 || count as usize > names.len() {
            let text = format!("{count} locks of {} names can not be had", names.len());
            return Err(RequestError::Invalid(text));
        }
        let is_owner = |line: &VecDeque<Arc<str>>| line.contains(&owner);
        if names.iter().filter_map(|name| self.shared.locks.lines.get(name)).any(is_owner) {
            let text = format!("{owner:?} has some of these locks, or waits for them");
            return Err(RequestError::Exists(text));
        }
        let waiter = self.wait_at(from, At::Locks(owner.clone()), timeout_us);
        let locks = &mut self.shared.locks;
        for name in &names {
            locks.lines.entry(name.clone()).or_default().push_back(owner.clone());
        }
        locks.claims.insert(owner, Claim { waiter, names, count: count as usize });
        self.serve_locks();
        Ok(None)
    }

    fn serve_locks(&mut self) {
        loop {
            let satisfied = self.shared.locks.satisfied();
            if satisfied.is_empty() {
                return;
            }
            for owner in satisfied {
                let locks = &mut self.shared.locks;
                let Some(claim) = locks.claims.remove(&owner) else { continue };
                let mut held = 0;
                let mut is_extra = |name: &&Arc<str>| {
                    let is_kept = locks.has(name, &owner) && held < claim.count;
                    held += usize::from(is_kept);
                    !is_kept
                };
                let extra: Vec<Arc<str>> =
                    claim.names.iter().filter(&mut is_extra).cloned().collect();
                locks.leave(&extra, &owner);
                self.answer_waiter(claim.waiter, Ok(Answer::Bool(true)));
            }
        }
    }

    pub(crate) fn locks_release(&mut self, names: &[Arc<str>], owner: &Arc<str>) -> Answer {
        self.shared.locks.leave(names, owner);
        self.serve_locks();
        Answer::Done
    }

    /// An owner does not wait any more.
    pub(crate) fn locks_give_up(&mut self, owner: &Arc<str>) {
        let locks = &mut self.shared.locks;
        if let Some(claim) = locks.claims.remove(owner) {
            locks.leave(&claim.names, owner);
            self.serve_locks();
        }
    }
}
