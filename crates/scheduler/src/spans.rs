//! When tasks ran, the last of them: [`Spans`].

use std::collections::VecDeque;

use raskt_wire::{Span, TaskSpan, TaskUid};

use crate::scheduler::Scheduler;

/// The last tasks that ran, in the order in which they were reported.
#[derive(Debug)]
pub(crate) struct Spans {
    ran: VecDeque<Ran>,
    limit: usize,
}

/// One run of a task. Names are looked up when somebody asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ran {
    uid: TaskUid,
    group: u32,
    worker: u32,
    span: Span,
    /// The size and type of the result; None: it failed.
    result: Option<(u64, u32)>,
}

impl Spans {
    pub(crate) fn new(limit: usize) -> Spans {
        Spans { ran: VecDeque::new(), limit }
    }

    /// The last `count` (0: all) that ended between two times (0: no limit).
    pub(crate) fn list(&self, (start_us, stop_us): (u64, u64), count: u64) -> Vec<&Ran> {
        let end = |ran: &Ran| ran.span.start_us.saturating_add(ran.span.compute_us);
        let is_between = |ran: &&Ran| end(ran) >= start_us && (stop_us == 0 || end(ran) <= stop_us);
        let count = if count == 0 { usize::MAX } else { count as usize };
        let last = self.ran.iter().rev().filter(is_between).take(count);
        let mut spans: Vec<&Ran> = last.collect();
        spans.reverse();
        spans
    }
}

impl Scheduler {
    /// Writes down when a task ran.
    pub(crate) fn note_span(
        &mut self,
        uid: TaskUid,
        worker: u32,
        span: Span,
        result: Option<(u64, u32)>,
    ) {
        let group = self.tasks.kind(uid).group;
        let Spans { ran, limit } = &mut self.spans;
        if ran.len() >= *limit {
            ran.pop_front();
        }
        if *limit > 0 {
            ran.push_back(Ran { uid, group, worker, span, result });
        }
    }

    /// With names. Of a task that is long gone only the name of its kind is known.
    pub(crate) fn span(&self, ran: &Ran) -> TaskSpan {
        let group = self.groups.get(ran.group).name.clone();
        TaskSpan {
            key: self.name_of(ran.uid).unwrap_or_else(|| group.clone()),
            group,
            worker: self.workers.address_of(ran.worker),
            span: ran.span,
            nbytes: ran.result.map_or(0, |(nbytes, _)| nbytes),
            type_name: self.groups.type_name(ran.result.map_or(0, |(_, id)| id)).clone(),
            succeeded: ran.result.is_some(),
        }
    }
}
