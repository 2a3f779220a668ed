//! Results on their way from a queue or variable to whoever took them out: they are held until
//! that client says that it wants them, or for a while.

use std::collections::BTreeMap;

use raskt_wire::{ClientId, SharedItem, TaskUid};

use crate::event::Micros;
use crate::questions::Asker;
use crate::scheduler::Scheduler;
use crate::segment::TaskState;
use crate::timers::Timer;
use crate::wants::Wanting;

/// Results that are held a little longer, by the order in which they go.
#[derive(Debug, Default)]
pub(crate) struct Passing {
    held: BTreeMap<u64, Held>,
    /// What each asker took out.
    by_taker: BTreeMap<(Asker, TaskUid), Vec<u64>>,
    count: u64,
}

#[derive(Debug)]
struct Held {
    until: Micros,
    by: Asker,
    uid: TaskUid,
    want: u32,
}

impl Passing {
    pub(crate) fn clear(&mut self) {
        self.held.clear();
        self.by_taker.clear();
    }

    fn add(&mut self, held: Held) {
        self.count += 1;
        self.by_taker.entry((held.by, held.uid)).or_default().push(self.count);
        self.held.insert(self.count, held);
    }

    /// The first that this asker took out; gives what holds it.
    fn take(&mut self, by: Asker, uid: TaskUid) -> Option<u32> {
        let numbers = self.by_taker.get_mut(&(by, uid))?;
        let number = numbers.remove(0);
        if numbers.is_empty() {
            self.by_taker.remove(&(by, uid));
        }
        Some(self.held.remove(&number)?.want)
    }
}

impl Scheduler {
    /// Keeps the results that an item refers to; gives what is to be let go.
    pub(crate) fn keep_results(&mut self, item: &SharedItem) -> Vec<u32> {
        let mut wants = Vec::with_capacity(item.keys.len());
        for key in &item.keys {
            if let Some(uid) = self.tasks.by_key(key) {
                wants.push(self.keep_result(uid));
            }
        }
        wants
    }

    fn keep_result(&mut self, uid: TaskUid) -> u32 {
        let want = self.wants.add(self.tasks.task_mut(uid), uid, Wanting::Shared);
        if self.tasks.state(uid) == TaskState::Released {
            self.require(uid);
        }
        want
    }

    pub(crate) fn let_results_go(&mut self, wants: Vec<u32>) {
        for want in wants {
            self.drop_want(want);
        }
    }

    /// Somebody takes out what these held.
    pub(crate) fn pass_results(&mut self, by: Asker, wants: Vec<u32>) {
        let until = self.now.after(self.config.lease_timeout_us);
        for want in wants {
            let Some(uid) = self.wants.get(want).map(|want| want.uid) else { continue };
            self.shared.passing.add(Held { until, by, uid, want });
            self.timers.arm(until, Timer::CheckPassing);
        }
    }

    /// The same, of what stays there.
    pub(crate) fn pass_copies(&mut self, by: Asker, wants: &[u32]) {
        let uids: Vec<TaskUid> =
            wants.iter().filter_map(|want| Some(self.wants.get(*want)?.uid)).collect();
        let own = uids.into_iter().map(|uid| self.keep_result(uid)).collect();
        self.pass_results(by, own);
    }

    /// A client wants it by a handle now.
    pub(crate) fn has_passed(&mut self, client: ClientId, uid: TaskUid) {
        if let Some(want) = self.shared.passing.take(Asker::Client(client), uid) {
            self.drop_want(want);
        }
    }

    pub(crate) fn check_passing(&mut self) {
        while let Some((_, first)) = self.shared.passing.held.first_key_value() {
            let (until, by, uid) = (first.until, first.by, first.uid);
            if until > self.now {
                self.timers.arm(until, Timer::CheckPassing);
                return;
            }
            if let Some(want) = self.shared.passing.take(by, uid) {
                self.drop_want(want);
            }
        }
    }
}
