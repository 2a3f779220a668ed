//! When tasks ran, the last of them: [`Spans`].

use std::collections::VecDeque;
use std::sync::Arc;

use raskt_wire::{Span, TaskSpan, TaskUid};

use crate::groups::Groups;
use crate::scheduler::Scheduler;

/// The last tasks that ran, in the order in which they were reported.
#[derive(Debug)]
pub(crate) struct Spans {
    ran: VecDeque<Ran>,
    limit: usize,
}

#[derive(Debug)]
struct Ran {
    key: Arc<str>,
    group: u32,
    worker: Arc<str>,
    span: Span,
    /// The size and type of the result; None: it failed.
    result: Option<(u64, u32)>,
}

impl Spans {
    pub(crate) fn new(limit: usize) -> Spans {
        Spans { ran: VecDeque::new(), limit }
    }

    /// The last `count` (0: all) that ended between two times (0: no limit).
    pub(crate) fn list(
        &self,
        groups: &Groups,
        (start_us, stop_us): (u64, u64),
        count: u64,
    ) -> Vec<TaskSpan> {
        let end = |ran: &Ran| ran.span.start_us.saturating_add(ran.span.compute_us);
        let is_between = |ran: &&Ran| end(ran) >= start_us && (stop_us == 0 || end(ran) <= stop_us);
        let count = if count == 0 { usize::MAX } else { count as usize };
        let last = self.ran.iter().rev().filter(is_between).take(count);
        let mut spans: Vec<TaskSpan> = last
            .map(|ran| TaskSpan {
                key: ran.key.clone(),
                group: groups.get(ran.group).name.clone(),
                worker: ran.worker.clone(),
                span: ran.span,
                nbytes: ran.result.map_or(0, |(nbytes, _)| nbytes),
                type_name: groups.type_name(ran.result.map_or(0, |(_, id)| id)).clone(),
                succeeded: ran.result.is_some(),
            })
            .collect();
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
        let Spans { ran, limit } = &mut self.spans;
        if *limit == 0 {
            return;
        }
        if ran.len() >= *limit {
            ran.pop_front();
        }
        let Some(worker) = self.workers.get(worker) else { return };
        ran.push_back(Ran {
            key: self.tasks.key(uid).clone(),
            group: self.tasks.kind(uid).group,
            worker: worker.address().clone(),
            span,
            result,
        });
    }
}
