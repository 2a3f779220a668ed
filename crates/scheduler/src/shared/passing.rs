//! Results on their way from a queue or variable to whoever took them out: they are held until
//! that client says that it wants them, or for a while.

use std::collections::VecDeque;

use raskt_wire::{ClientId, SharedItem, TaskUid};

use crate::event::Micros;
use crate::questions::Asker;
use crate::scheduler::Scheduler;
use crate::segment::TaskState;
use crate::timers::Timer;
use crate::wants::Wanting;

/// Results that are held a little longer, those first that go first.
#[derive(Debug, Default)]
pub(crate) struct Passing {
    held: VecDeque<Held>,
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
            self.shared.passing.held.push_back(Held { until, by, uid, want });
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
        let held = &mut self.shared.passing.held;
        let is_it = |held: &Held| held.by == Asker::Client(client) && held.uid == uid;
        if let Some(place) = held.iter().position(is_it)
            && let Some(held) = held.remove(place)
        {
            self.drop_want(held.want);
        }
    }

    pub(crate) fn check_passing(&mut self) {
        while let Some(first) = self.shared.passing.held.front() {
            if first.until > self.now {
                self.timers.arm(first.until, Timer::CheckPassing);
                return;
            }
            let want = first.want;
            self.shared.passing.held.pop_front();
            self.drop_want(want);
        }
    }
}
