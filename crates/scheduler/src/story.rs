//! What happened to tasks and workers, the last of it: [`Story`].

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use raskt_wire::{StoryLine, TaskUid};

use crate::event::Micros;
use crate::segment::TaskState;

/// Why a task changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Submitted,
    Needed,
    NotNeeded,
    Ready,
    Placed,
    NobodyCan,
    Finished,
    Failed,
    Lost,
    PulledBack,
    Retried,
    Brought,
    Conflict,
}

impl Reason {
    fn text(self) -> &'static str {
        match self {
            Reason::Submitted => "submitted",
            Reason::Needed => "its result is needed",
            Reason::NotNeeded => "nobody needs its result",
            Reason::Ready => "its inputs are there",
            Reason::Placed => "given to a worker",
            Reason::NobodyCan => "no worker can run it now",
            Reason::Finished => "its result is there",
            Reason::Failed => "it, or what it needs, failed",
            Reason::Lost => "the last copy of its result was lost",
            Reason::PulledBack => "taken back from its worker or the queue",
            Reason::Retried => "tried again",
            Reason::Brought => "a client brought the data",
            Reason::Conflict => {
                "submitted again with another function or other arguments; \
                                 the first is kept"
            }
        }
    }
}

/// A change of a task's state. As small as it can be: every task leaves several.
#[derive(Clone, Copy, Debug)]
struct Change {
    time: Micros,
    uid: TaskUid,
    from: TaskState,
    to: TaskState,
    reason: Reason,
}

/// The last changes of state, in the order in which they came. Keys are looked up when
/// somebody asks, so that writing one down costs next to nothing.
#[derive(Debug)]
pub(crate) struct Story {
    changes: VecDeque<Change>,
    /// What became of workers.
    workers: VecDeque<StoryLine>,
    limit: usize,
}

/// Adds at the end; takes away at the front what is too much.
fn push<T>(list: &mut VecDeque<T>, limit: usize, entry: T) {
    if list.len() >= limit {
        list.pop_front();
    }
    if limit > 0 {
        list.push_back(entry);
    }
}

impl Story {
    pub(crate) fn new(limit: usize) -> Story {
        Story { changes: VecDeque::new(), workers: VecDeque::new(), limit }
    }

    pub(crate) fn task(
        &mut self,
        time: Micros,
        uid: TaskUid,
        from: TaskState,
        to: TaskState,
        reason: Reason,
    ) {
        push(&mut self.changes, self.limit, Change { time, uid, from, to, reason });
    }

    pub(crate) fn worker(
        &mut self,
        time: Micros,
        address: &Arc<str>,
        to: &'static str,
        reason: Arc<str>,
    ) {
        let (subject, from, to) = (address.clone(), "".into(), to.into());
        let line = StoryLine { time_us: time.0, subject, from, to, reason };
        push(&mut self.workers, self.limit, line);
    }

    /// What happened to these tasks, and to workers whose addresses are among the names.
    pub(crate) fn tell(
        &self,
        names: &[Arc<str>],
        mut uids: Vec<(TaskUid, Arc<str>)>,
    ) -> Vec<StoryLine> {
        let names: BTreeSet<&str> = names.iter().map(|name| &**name).collect();
        uids.sort_unstable();
        let line = |change: &Change| {
            let found = uids.binary_search_by_key(&change.uid, |(uid, _)| *uid).ok()?;
            Some(StoryLine {
                time_us: change.time.0,
                subject: uids[found].1.clone(),
                from: change.from.name().into(),
                to: change.to.name().into(),
                reason: change.reason.text().into(),
            })
        };
        let of_workers = self.workers.iter().filter(|line| names.contains(&*line.subject));
        let mut lines: Vec<StoryLine> =
            self.changes.iter().filter_map(line).chain(of_workers.cloned()).collect();
        lines.sort_by_key(|line| line.time_us);
        lines
    }
}
