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

#[derive(Debug)]
enum Record {
    Task { time: Micros, uid: TaskUid, from: TaskState, to: TaskState, reason: Reason },
    Worker { time: Micros, address: Arc<str>, to: &'static str, reason: Arc<str> },
}

/// The last changes of state, in the order in which they came. Keys are looked up when
/// somebody asks, so that writing one down costs next to nothing.
#[derive(Debug)]
pub(crate) struct Story {
    records: VecDeque<Record>,
    /// Keys of tasks that were forgotten lately.
    names: VecDeque<(TaskUid, Arc<str>)>,
    limit: usize,
}

impl Story {
    pub(crate) fn new(limit: usize) -> Story {
        Story { records: VecDeque::new(), names: VecDeque::new(), limit }
    }

    fn push(&mut self, record: Record) {
        if self.limit == 0 {
            return;
        }
        if self.records.len() >= self.limit {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    pub(crate) fn task(
        &mut self,
        time: Micros,
        uid: TaskUid,
        from: TaskState,
        to: TaskState,
        reason: Reason,
    ) {
        self.push(Record::Task { time, uid, from, to, reason });
    }

    pub(crate) fn worker(
        &mut self,
        time: Micros,
        address: &Arc<str>,
        to: &'static str,
        reason: Arc<str>,
    ) {
        self.push(Record::Worker { time, address: address.clone(), to, reason });
    }

    /// Remembers the key of a task a little longer than the task.
    pub(crate) fn forgotten(&mut self, uid: TaskUid, key: Arc<str>) {
        if self.names.len() >= self.limit.div_ceil(4) {
            self.names.pop_front();
        }
        if self.limit > 0 {
            self.names.push_back((uid, key));
        }
    }

    /// What happened to tasks of these names (some of which are known now) and to workers of
    /// these addresses.
    pub(crate) fn tell(&self, names: &[Arc<str>], known: &[(TaskUid, Arc<str>)]) -> Vec<StoryLine> {
        let names: BTreeSet<&str> = names.iter().map(|name| &**name).collect();
        let forgotten = self.names.iter().filter(|(_, key)| names.contains(&**key));
        let mut uids: Vec<(TaskUid, Arc<str>)> = known.iter().chain(forgotten).cloned().collect();
        uids.sort_unstable();
        let line = |record: &Record| match record {
            Record::Task { time, uid, from, to, reason } => {
                let found = uids.binary_search_by_key(uid, |(uid, _)| *uid).ok()?;
                Some(StoryLine {
                    time_us: time.0,
                    subject: uids[found].1.clone(),
                    from: from.name().into(),
                    to: to.name().into(),
                    reason: reason.text().into(),
                })
            }
            Record::Worker { time, address, to, reason } => {
                names.contains(&**address).then(|| StoryLine {
                    time_us: time.0,
                    subject: address.clone(),
                    from: "".into(),
                    to: (*to).into(),
                    reason: reason.clone(),
                })
            }
        };
        self.records.iter().filter_map(line).collect()
    }
}
