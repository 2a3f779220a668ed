//! A look at the scheduler that changes nothing: [`View`].

use std::sync::Arc;

use raskt_wire::{
    Answer, ClusterInfo, Location, StoryLine, TaskSpan, TaskUid, WorkerId, WorkerInfo,
};

use crate::scheduler::Scheduler;
use crate::segment::TaskState;

/// What can be seen of a scheduler, for web pages, answers and tests.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(crate) of: &'a Scheduler,
}

/// What is known of one kind of tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// Its name.
    pub name: Arc<str>,
    /// How many ran to their end, and how many failed.
    pub finished: u64,
    /// How many of these failed.
    pub failed: u64,
    /// How long one runs, as far as is known, in microseconds.
    pub duration_us: Option<u64>,
    /// How long all ran together, in microseconds.
    pub total_us: u64,
    /// How large a result is.
    pub nbytes: u64,
}

/// What the scheduler has on its books. All but the counters are zero when nothing is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Tasks that are not forgotten.
    pub tasks: u64,
    /// Submissions with such tasks.
    pub segments: usize,
    /// Names of tasks.
    pub keys: usize,
    /// Uses of results across submissions.
    pub edges: usize,
    /// Results that somebody wants, once for each.
    pub wants: usize,
    /// Handles of clients.
    pub handles: usize,
    /// Shared bytes of tasks.
    pub blobs: usize,
    /// Results with more than one copy.
    pub replicated: usize,
    /// Errors of tasks.
    pub errors: usize,
    /// Tasks with mishaps.
    pub troubled: usize,
    /// Data that clients are bringing.
    pub bringing: usize,
    /// Tasks that wait for a thread, or for a worker that can run them.
    pub waiting_for_workers: usize,
    /// Questions that are not answered.
    pub questions: usize,
    /// Copies on their way.
    pub moving: usize,
}

/// Counters that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Reports of tries that did not count any more.
    pub stale: u64,
    /// Messages that contradicted themselves.
    pub illegal: u64,
    /// Keys that were used again for something else.
    pub conflicts: u64,
    /// Tasks that were forgotten.
    pub forgotten: u64,
}

impl<'a> View<'a> {
    pub(crate) fn new(of: &'a Scheduler) -> View<'a> {
        View { of }
    }

    /// The cluster and its workers.
    pub fn cluster(&self) -> ClusterInfo {
        let states = &TaskState::ALL[..TaskState::Forgotten as usize];
        let count = |state: &TaskState| (state.name().into(), self.of.tasks.count(*state));
        ClusterInfo {
            id: self.of.id.clone(),
            address: self.of.config.address.clone(),
            started_us: self.of.started.0,
            dashboard: self.of.config.dashboard.clone(),
            workers: self.workers(),
            clients: self.of.clients.iter().map(|client| client.hello.name.clone()).collect(),
            tasks: states.iter().map(count).collect(),
        }
    }

    /// The workers, in the order in which they came.
    pub fn workers(&self) -> Vec<WorkerInfo> {
        self.of.workers.iter().map(|worker| worker.info()).collect()
    }

    /// One worker.
    pub fn worker(&self, id: WorkerId) -> Option<WorkerInfo> {
        self.of.workers.get(id.0).map(|worker| worker.info())
    }

    /// How many tasks are in a state.
    pub fn count(&self, state: TaskState) -> u64 {
        self.of.tasks.count(state)
    }

    /// The task of a name.
    pub fn uid(&self, key: &str) -> Option<TaskUid> {
        self.of.tasks.by_key(key)
    }

    /// The state of the task of a name; None: no such task is known.
    pub fn state(&self, key: &str) -> Option<TaskState> {
        self.uid(key).map(|uid| self.of.tasks.state(uid))
    }

    /// The worker that has to run the task of a name.
    pub fn processing_on(&self, key: &str) -> Option<WorkerId> {
        let task = self.of.tasks.task(self.uid(key)?);
        (task.state == TaskState::Processing).then_some(WorkerId(task.worker))
    }

    /// Where the result of a name is.
    pub fn location(&self, key: &str) -> Option<Location> {
        self.of.location(self.uid(key)?)
    }

    /// Kinds of tasks.
    pub fn groups(&self) -> Vec<GroupView> {
        let view = |group: &crate::groups::Group| GroupView {
            name: group.name.clone(),
            finished: group.finished,
            failed: group.failed,
            duration_us: group.known_us(),
            total_us: group.total_us,
            nbytes: group.mean_nbytes,
        };
        self.of.groups.iter().map(view).collect()
    }

    /// Everything that could be left over.
    pub fn books(&self) -> Books {
        let of = self.of;
        Books {
            tasks: of.tasks.len(),
            segments: of.tasks.segments(),
            keys: of.tasks.keys(),
            edges: of.tasks.edges().len(),
            wants: of.wants.len(),
            handles: of.clients.iter().map(|client| client.handles.len()).sum(),
            blobs: of.blobs.uses().0,
            replicated: of.copies.len(),
            errors: of.errors.len(),
            troubled: of.troubles.len(),
            bringing: of.bringing.len(),
            waiting_for_workers: of.queue.len() + of.unrunnable.len() + of.ready.len(),
            questions: of.deferred.len() + of.shared.waiters() + of.watchers.len(),
            moving: of.moving.len() + of.thieves.len(),
        }
    }

    /// What was counted.
    pub fn counters(&self) -> Counters {
        let Scheduler { stale, illegal, conflicts, forgotten, .. } = self.of;
        Counters { stale: *stale, illegal: *illegal, conflicts: *conflicts, forgotten: *forgotten }
    }

    /// What tasks, their names, and who wants them take in memory, in bytes. Payloads and
    /// shared bytes are not counted.
    pub fn task_bytes(&self) -> usize {
        self.of.tasks.bytes() + self.of.wants.bytes() + self.of.clients.bytes()
    }

    /// What happened to tasks and workers of these names.
    pub fn story(&self, names: &[Arc<str>]) -> Vec<StoryLine> {
        let uids = names.iter().flat_map(|name| self.of.uids_of(name)).collect();
        self.of.story.tell(names, uids)
    }

    /// The last tasks that ran.
    pub fn spans(&self, start_us: u64, stop_us: u64, count: u64) -> Vec<TaskSpan> {
        let spans = self.of.spans.list((start_us, stop_us), count);
        spans.into_iter().map(|ran| self.of.span(ran)).collect()
    }

    pub(crate) fn contents(&self, names: &[Arc<str>]) -> Answer {
        self.by_worker(names, |worker| worker.holds.clone())
    }

    pub(crate) fn processing(&self, names: &[Arc<str>]) -> Answer {
        self.by_worker(names, |worker| worker.processing.iter().map(|c| c.uid).collect())
    }

    fn by_worker(
        &self,
        names: &[Arc<str>],
        tasks: impl Fn(&crate::workers::Worker) -> Vec<TaskUid>,
    ) -> Answer {
        let is_asked = |worker: &&crate::workers::Worker| {
            names.is_empty() || names.iter().any(|name| worker.is_called(name))
        };
        let group = |worker: &crate::workers::Worker| {
            let keys = tasks(worker).into_iter().map(|uid| self.of.tasks.key(uid).clone());
            (worker.address().clone(), keys.collect())
        };
        Answer::Groups(self.of.workers.iter().filter(is_asked).map(group).collect())
    }

    /// The tasks of these names, or all.
    fn tasks(&self, keys: &[Arc<str>]) -> Vec<TaskUid> {
        match keys {
            [] => self.of.tasks.iter().collect(),
            keys => keys.iter().filter_map(|key| self.uid(key)).collect(),
        }
    }

    pub(crate) fn holders(&self, keys: &[Arc<str>]) -> Answer {
        let address = |number: u32| Some(self.of.workers.get(number)?.address().clone());
        let group = |uid: TaskUid| {
            let holders = self.of.holders(uid).into_iter().filter_map(address).collect();
            (self.of.tasks.key(uid).clone(), holders)
        };
        let mut groups: Vec<(Arc<str>, Vec<Arc<str>>)> =
            self.tasks(keys).into_iter().map(group).collect();
        // Names that are not known have no holders; of all names only those with some are told.
        for key in keys.iter().filter(|key| self.uid(key).is_none()) {
            groups.push((key.clone(), Vec::new()));
        }
        groups.retain(|(_, holders)| !keys.is_empty() || !holders.is_empty());
        Answer::Groups(groups)
    }

    pub(crate) fn sizes(&self, keys: &[Arc<str>]) -> Answer {
        let is_there = |uid: &TaskUid| self.of.tasks.state(*uid) == TaskState::Memory;
        let size = |uid: TaskUid| (self.of.tasks.key(uid).clone(), self.of.tasks.task(uid).nbytes);
        Answer::Sizes(self.tasks(keys).into_iter().filter(is_there).map(size).collect())
    }

    pub(crate) fn states(&self, keys: &[Arc<str>]) -> Answer {
        let name = |uid: TaskUid| self.of.tasks.state(uid).name().into();
        let group = |uid: TaskUid| (self.of.tasks.key(uid).clone(), vec![name(uid)]);
        Answer::Groups(self.tasks(keys).into_iter().map(group).collect())
    }
}
