//! Taking in a submission: its tasks become a segment.

use std::collections::BTreeMap;
use std::sync::Arc;

use raskt_graph::hash::Map;
use raskt_wire::{Cause, ClientId, Handle, News, Submission, TaskError, TaskUid, Terms};
use smallvec::SmallVec;

use crate::payloads::Payloads;
use crate::restrictions::are_restricted;
use crate::scheduler::Scheduler;
use crate::segment::{Kind, NONE, OUTSIDE, Segment, Task, TaskState, flag};
use crate::story::Reason;
use crate::wants::Wanting;

/// Groups of tasks that take fewer different inputs together can be queued.
const ROOT_INPUTS: usize = 5;
/// If they have at least so many members for each of these.
const ROOT_MEMBERS: usize = 4;

impl Scheduler {
    /// Takes in what a client wants computed.
    pub(crate) fn submit(&mut self, client: ClientId, submission: Submission) {
        if let Err(text) = check(&submission) {
            self.illegal += 1;
            return self.refuse(client, &submission, &text);
        }
        let Some(state) = self.clients.get_mut(client) else { return };
        if submission.tasks.is_empty() {
            return;
        }
        let generation = state.generation(submission.generation, &mut self.generations);
        let outside = self.find_outside(&submission.outside);
        let number = self.tasks.next_segment();
        let mut segment = self.new_segment(&submission);
        segment.generation = generation;
        let Submission { tasks: new, wants, .. } = submission;
        segment.keys = new.iter().map(|task| task.key.clone()).collect();
        segment.payloads = Payloads::pack(new.iter().map(|task| &task.payload));
        self.tasks.counts[TaskState::Released as usize] += new.len() as u64;
        self.tasks.reserve(new.len());
        self.tasks.add_segment(segment);

        let known = self.name_tasks(number, new.len() as u32);
        let place = |index: u32| match known.get(&index) {
            Some(uid) => *uid,
            None => TaskUid { segment: number, index },
        };
        self.add_inputs(number, &outside, new.iter().map(|task| &task.inputs[..]), &known);
        drop(new);
        let mut wanted_before = Vec::new();
        for (index, handle) in wants {
            let uid = place(index);
            if uid.segment == number {
                self.add_want(client, handle, uid);
            } else {
                wanted_before.push((handle, uid));
            }
        }
        self.start(number);
        for (handle, uid) in wanted_before {
            self.want(client, handle, uid);
        }
        for uid in outside {
            self.maybe_unneeded(uid);
        }
        known.keys().for_each(|index| {
            let _ = self.tasks.leave_place(TaskUid { segment: number, index: *index });
        });
        self.settle();
    }

    /// Tells all who would have waited.
    fn refuse(&mut self, client: ClientId, submission: &Submission, text: &str) {
        for (index, handle) in &submission.wants {
            let key = submission.tasks.get(*index as usize).map(|task| task.key.clone());
            let cause = Cause::Codec { text: format!("the submission is refused: {text}").into() };
            let error = Box::new(TaskError {
                key: key.unwrap_or_default(),
                function: "".into(),
                worker: "".into(),
                cause,
            });
            self.clients.tell(client, News::Failed { handle: *handle, error });
        }
    }

    /// The results of these names. For those that are not known there is a task without data
    /// afterwards, which fails whoever takes it.
    fn find_outside(&mut self, keys: &[Arc<str>]) -> Vec<TaskUid> {
        let unknown: Vec<Arc<str>> =
            keys.iter().filter(|key| self.tasks.by_key(key).is_none()).cloned().collect();
        if !unknown.is_empty() {
            self.add_data(&unknown);
        }
        let find = |key: &Arc<str>| self.tasks.by_key(key).expect("they were just added");
        keys.iter().map(find).collect()
    }

    /// A segment of data that clients bring, or will never bring. Keys that are known are left
    /// as they are.
    pub(crate) fn add_data(&mut self, keys: &[Arc<str>]) {
        let group = self.groups.intern(&"data".into());
        let count = keys.len() as u32;
        let kind = Kind { group, terms: 0, blobs: SmallVec::new(), alive: count };
        let number = self.tasks.next_segment();
        self.generations += 1;
        self.tasks.counts[TaskState::Released as usize] += u64::from(count);
        self.tasks.add_segment(Segment {
            generation: self.generations,
            alive: count,
            tasks: vec![Task::new(0, flag::DATA); keys.len()],
            keys: keys.to_vec(),
            input_ends: vec![0; keys.len()],
            consumer_ends: vec![0; keys.len()],
            payloads: Payloads::default(),
            kinds: vec![kind],
            terms: vec![Terms::default()],
            ..Segment::default()
        });
        for (index, _) in self.name_tasks(number, count) {
            let _ = self.tasks.leave_place(TaskUid { segment: number, index });
        }
    }

    /// Tasks of the right kinds, without names and inputs.
    fn new_segment(&mut self, submission: &Submission) -> Segment {
        let Submission { groups, terms, blobs, tasks: new, .. } = submission;
        self.has_priorities |= terms.iter().any(|terms| terms.priority != 0);
        let roots = roots(submission);
        let groups: Vec<u32> = groups.iter().map(|name| self.groups.intern(name)).collect();
        let mut kinds: Vec<Kind> = Vec::new();
        let mut by_parts: Map<(u32, u32, &[u32]), u32> = Map::default();
        let mut last = None;
        let mut tasks = Vec::with_capacity(new.len());
        for task in new {
            let parts = (task.group, task.terms, &task.blobs[..]);
            let kind = match last {
                Some((known, kind)) if known == parts => kind,
                _ => *by_parts.entry(parts).or_insert_with(|| {
                    let own = task.blobs.iter().map(|blob| &blobs[*blob as usize]);
                    let blobs = own.map(|blob| self.blobs.acquire(blob)).collect();
                    let group = groups[task.group as usize];
                    kinds.push(Kind { group, terms: task.terms, blobs, alive: 0 });
                    kinds.len() as u32 - 1
                }),
            };
            last = Some((parts, kind));
            kinds[kind as usize].alive += 1;
            let terms = &terms[task.terms as usize];
            let is_root = (task.inputs.is_empty() || roots[task.group as usize])
                && !are_restricted(terms)
                && !terms.actor;
            tasks.push(Task::new(kind, if is_root { flag::ROOT } else { 0 }));
        }
        let alive = new.len() as u32;
        Segment { alive, tasks, kinds, terms: terms.clone(), ..Segment::default() }
    }

    /// Enters the names of a new segment. Gives the places whose names were known before, and
    /// the tasks that they are.
    fn name_tasks(&mut self, segment: u32, count: u32) -> BTreeMap<u32, TaskUid> {
        let mut known = BTreeMap::new();
        for index in 0..count {
            let uid = TaskUid { segment, index };
            let key = self.tasks.key(uid).clone();
            if let Some(before) = self.tasks.name(&key, uid) {
                known.insert(index, before);
                self.compare(before, uid);
                // Nothing is at this place.
                self.leave_kind(uid);
                self.tasks.task_mut(uid).state = TaskState::Forgotten;
                self.tasks.counts[TaskState::Released as usize] -= 1;
            }
        }
        known
    }

    /// The first task of a name is kept; that another one was not the same is written down.
    fn compare(&mut self, before: TaskUid, again: TaskUid) {
        let payload = |uid: TaskUid| {
            let segment = self.tasks.segment(uid.segment);
            let has_none = segment.tasks[uid.index as usize].has(flag::DATA);
            (!has_none).then(|| segment.payloads.get(uid.index))
        };
        if payload(before) != payload(again) {
            let state = self.tasks.state(before);
            self.story.task(self.now, before, state, state, Reason::Conflict);
            self.conflicts += 1;
        }
    }

    /// Writes the rows of inputs and consumers of a segment.
    fn add_inputs<'a>(
        &mut self,
        number: u32,
        outside: &[TaskUid],
        rows: impl Iterator<Item = &'a [u32]> + Clone,
        known: &BTreeMap<u32, TaskUid>,
    ) {
        let mut ends = Vec::with_capacity(rows.clone().count());
        let mut inputs = Vec::with_capacity(rows.clone().map(<[u32]>::len).sum());
        for (index, row) in (0..).zip(rows) {
            // Of a known task the first inputs hold.
            let row = if known.contains_key(&index) { &[] } else { row };
            for input in row {
                let local = input.checked_sub(outside.len() as u32);
                let other = match local {
                    None => Some(outside[*input as usize]),
                    Some(local) => known.get(&local).copied(),
                };
                let consumer = TaskUid { segment: number, index };
                let uid = match (other, local) {
                    (Some(other), _) => {
                        inputs.push(self.tasks.add_edge(other, consumer));
                        other
                    }
                    (None, local) => {
                        let index = local.unwrap_or_default();
                        inputs.push(index);
                        TaskUid { segment: number, index }
                    }
                };
                self.tasks.task_mut(uid).lineage += 1;
            }
            ends.push(inputs.len() as u32);
        }
        let segment = self.tasks.segment_mut(number);
        (segment.input_ends, segment.inputs) = (ends, inputs);
        segment.link_consumers();
    }

    /// Makes all tasks of a new segment wait whose results are needed. From the back, so that
    /// one look at each is enough.
    fn start(&mut self, number: u32) {
        let count = self.tasks.segment(number).tasks.len() as u32;
        let (mut erred, mut released) = (Vec::new(), Vec::new());
        for index in (0..count).rev() {
            let uid = TaskUid { segment: number, index };
            if !self.tasks.task(uid).is_needed() {
                continue;
            }
            let mut missing = 0;
            for position in 0..self.tasks.segment(number).inputs_of(index).len() {
                let input = self.tasks.segment(number).inputs_of(index)[position];
                if input & OUTSIDE == 0 {
                    self.tasks.segment_mut(number).tasks[input as usize].needed += 1;
                    missing += 1;
                    continue;
                }
                let input = self.tasks.edges()[input & !OUTSIDE].input;
                let task = self.tasks.task_mut(input);
                task.needed += 1;
                missing += u32::from(task.state != TaskState::Memory);
                match task.state {
                    TaskState::Erred => erred.push((uid, input)),
                    TaskState::Released => released.push(input),
                    _ => {}
                }
            }
            self.tasks.task_mut(uid).missing = missing;
            self.set_state(uid, TaskState::Waiting, Reason::Submitted);
        }
        for index in 0..count {
            let uid = TaskUid { segment: number, index };
            let task = self.tasks.task(uid);
            if task.state == TaskState::Waiting && task.missing == 0 {
                self.make_ready(uid);
            } else if task.state == TaskState::Released {
                self.maybe.push(uid);
            }
        }
        for (uid, input) in erred {
            let error = self.errors[&input].clone();
            self.fail(uid, error);
        }
        for input in released {
            self.require(input);
        }
    }

    /// Notes that a client wants a task, which hears of it by the handle.
    pub(crate) fn add_want(&mut self, client: ClientId, handle: Handle, uid: TaskUid) {
        let Some(state) = self.clients.get_mut(client) else { return };
        if state.handles.get(handle).is_some() {
            self.illegal += 1;
            return;
        }
        let task = self.tasks.task_mut(uid);
        let want = self.wants.add(task, uid, Wanting::Client(client, handle));
        state.handles.insert(handle, want);
    }
}

/// Groups whose members take few inputs together, by place in the submission.
fn roots(submission: &Submission) -> Vec<bool> {
    type Seen = (SmallVec<[u32; ROOT_INPUTS]>, usize);
    let mut seen: Vec<Seen> = vec![Default::default(); submission.groups.len()];
    for task in &submission.tasks {
        let (inputs, members) = &mut seen[task.group as usize];
        *members += 1;
        for input in &task.inputs {
            if inputs.len() >= ROOT_INPUTS {
                break;
            }
            if !inputs.contains(input) {
                inputs.push(*input);
            }
        }
    }
    let is_root = |(inputs, members): Seen| {
        inputs.len() < ROOT_INPUTS && members >= ROOT_MEMBERS * inputs.len().max(1)
    };
    seen.into_iter().map(is_root).collect()
}

/// Is it one that a client may send? Says what is wrong.
fn check(submission: &Submission) -> Result<(), String> {
    let Submission { groups, terms, blobs, outside, tasks, wants, .. } = submission;
    if tasks.len() + outside.len() >= OUTSIDE as usize {
        return Err(format!("{} tasks in one submission are too many", tasks.len()));
    }
    let mut edges = 0usize;
    for (index, task) in tasks.iter().enumerate() {
        let wrong = |what: &str| Err(format!("task {:?} names {what} that is not there", task.key));
        if task.group as usize >= groups.len() {
            return wrong("a group");
        }
        if task.terms as usize >= terms.len() {
            return wrong("terms");
        }
        if task.blobs.iter().any(|blob| *blob as usize >= blobs.len()) {
            return wrong("a blob");
        }
        if task.inputs.iter().any(|input| *input as usize >= outside.len() + index) {
            return wrong("an input before it");
        }
        edges += task.inputs.len();
    }
    if edges >= NONE as usize {
        return Err(format!("{edges} inputs in one submission are too many"));
    }
    match wants.iter().find(|(index, _)| *index as usize >= tasks.len()) {
        Some((index, _)) => Err(format!("task {index} is wanted and not there")),
        None => Ok(()),
    }
}
