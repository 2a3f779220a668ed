//! The tables of tasks: [`Tasks`].

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use raskt_graph::hash::{BuildHasher, Map, Set};
use raskt_wire::{TaskUid, Terms};
use smallvec::SmallVec;

use crate::segment::{Edge, Kind, NONE, OUTSIDE, Segment, Task, TaskState, flag};
use crate::slab::Slab;

/// Some tasks, on the stack if they are few.
pub(crate) type Uids = SmallVec<[TaskUid; 8]>;

/// All tasks by uid and by key, and who takes what.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    segments: Vec<Option<Box<Segment>>>,
    edges: Slab<Edge>,
    keys: Keys,
    /// Data that was not there when a task of its name was defined: the name is that task's.
    nameless: Set<TaskUid>,
    /// How many tasks are in each state.
    pub(crate) counts: [u64; 8],
}

impl Tasks {
    /// The task, if there is one and it is not forgotten. For uids that come from outside.
    pub(crate) fn find(&self, uid: TaskUid) -> Option<&Task> {
        let segment = self.segments.get(uid.segment as usize)?.as_ref()?;
        let task = segment.tasks.get(uid.index as usize)?;
        (task.state != TaskState::Forgotten).then_some(task)
    }

    pub(crate) fn segment(&self, number: u32) -> &Segment {
        self.segments[number as usize].as_ref().expect("uids inside are of living segments")
    }

    pub(crate) fn segment_mut(&mut self, number: u32) -> &mut Segment {
        self.segments[number as usize].as_mut().expect("uids inside are of living segments")
    }

    pub(crate) fn task(&self, uid: TaskUid) -> &Task {
        &self.segment(uid.segment).tasks[uid.index as usize]
    }

    pub(crate) fn task_mut(&mut self, uid: TaskUid) -> &mut Task {
        &mut self.segment_mut(uid.segment).tasks[uid.index as usize]
    }

    pub(crate) fn state(&self, uid: TaskUid) -> TaskState {
        self.task(uid).state
    }

    pub(crate) fn key(&self, uid: TaskUid) -> &Arc<str> {
        &self.segment(uid.segment).keys[uid.index as usize]
    }

    pub(crate) fn kind(&self, uid: TaskUid) -> &Kind {
        self.segment(uid.segment).kind(uid.index)
    }

    pub(crate) fn terms(&self, uid: TaskUid) -> &Terms {
        self.segment(uid.segment).terms(uid.index)
    }

    /// What it takes, in order.
    pub(crate) fn inputs(&self, uid: TaskUid) -> Uids {
        let inputs = self.segment(uid.segment).inputs_of(uid.index);
        inputs.iter().map(|input| self.input(uid.segment, *input)).collect()
    }

    fn input(&self, segment: u32, input: u32) -> TaskUid {
        if input & OUTSIDE == 0 {
            TaskUid { segment, index: input }
        } else {
            self.edges[input & !OUTSIDE].input
        }
    }

    /// Who takes it, once for each time.
    pub(crate) fn consumers(&self, uid: TaskUid) -> Uids {
        let segment = self.segment(uid.segment);
        let near = segment.consumers_of(uid.index).iter();
        let mut all: Uids =
            near.map(|index| TaskUid { segment: uid.segment, index: *index }).collect();
        let mut edge = segment.later.get(uid.index as usize).copied().unwrap_or(NONE);
        while edge != NONE {
            all.push(self.edges[edge].consumer);
            edge = self.edges[edge].next;
        }
        all
    }

    /// The number that the next segment gets.
    pub(crate) fn next_segment(&self) -> u32 {
        self.segments.len() as u32
    }

    pub(crate) fn add_segment(&mut self, segment: Segment) {
        self.segments.push(Some(Box::new(segment)));
    }

    /// Says that a task takes the result of one in another segment, and gives the entry for
    /// its row of inputs.
    pub(crate) fn add_edge(&mut self, input: TaskUid, consumer: TaskUid) -> u32 {
        let segment = self.segment_mut(input.segment);
        if segment.later.is_empty() {
            segment.later = vec![NONE; segment.tasks.len()];
        }
        let next = segment.later[input.index as usize];
        let edge = self.edges.insert(Edge { input, consumer, previous: NONE, next });
        self.segment_mut(input.segment).later[input.index as usize] = edge;
        if next != NONE {
            self.edges[next].previous = edge;
        }
        assert!(edge < OUTSIDE, "fewer than two thousand million edges fit into memory");
        edge | OUTSIDE
    }

    fn remove_edge(&mut self, edge: u32) {
        let Some(Edge { input, previous, next, .. }) = self.edges.remove(edge) else { return };
        if next != NONE {
            self.edges[next].previous = previous;
        }
        if previous == NONE {
            self.segment_mut(input.segment).later[input.index as usize] = next;
        } else {
            self.edges[previous].next = next;
        }
    }

    /// The task of this name.
    pub(crate) fn by_key(&self, key: &str) -> Option<TaskUid> {
        self.last_by_key(key).filter(|uid| is_alive(&self.segments, *uid))
    }

    /// The task of this name, or the last that had it, if others of its submission are there.
    pub(crate) fn last_by_key(&self, key: &str) -> Option<TaskUid> {
        let known = self.keys.by_hash.get(&hash(key)).copied();
        let is_it = |uid: &TaskUid| self.named(*uid).is_some_and(|name| **name == *key);
        known.filter(is_it).or_else(|| self.keys.collided.get(key).copied())
    }

    /// The name of a task, or of one that was forgotten, if others of its submission are there.
    pub(crate) fn named(&self, uid: TaskUid) -> Option<&Arc<str>> {
        self.segments.get(uid.segment as usize)?.as_ref()?.keys.get(uid.index as usize)
    }

    /// Names a task, unless there is one of this name: then that is given.
    pub(crate) fn name(&mut self, key: &Arc<str>, uid: TaskUid) -> Option<TaskUid> {
        if let Some(known) = self.by_key(key) {
            let is_defined = !self.task(uid).has(flag::DATA);
            if !is_defined || !self.task(known).may_lose_name() {
                return Some(known);
            }
            match self.keys.collided.get_mut(key).filter(|other| **other == known) {
                Some(place) => *place = uid,
                None => drop(self.keys.by_hash.insert(hash(key), uid)),
            }
            self.nameless.insert(known);
            return None;
        }
        let Tasks { keys, segments, .. } = self;
        let entry = keys.by_hash.entry(hash(key)).or_insert(uid);
        if *entry != uid && is_alive(segments, *entry) {
            keys.collided.insert(key.clone(), uid);
        } else if *entry != uid {
            *entry = uid;
            keys.stale -= 1;
        }
        None
    }

    pub(crate) fn reserve(&mut self, additional: usize) {
        if self.keys.stale > additional / 2 {
            self.keys.drop_stale(&self.segments);
        }
        self.keys.by_hash.reserve(additional);
    }

    /// Forgets a task that nobody takes any more, and what it took. With its last task a whole
    /// segment goes, and is given. Blobs of its kind are left to the caller.
    pub(crate) fn forget(&mut self, uid: TaskUid) -> Option<Box<Segment>> {
        debug_assert_eq!(self.task(uid).lineage, 0, "nobody takes it any more");
        debug_assert_eq!(self.state(uid), TaskState::Forgotten);
        let outside: SmallVec<[u32; 8]> = {
            let inputs = self.segment(uid.segment).inputs_of(uid.index);
            inputs.iter().filter(|input| **input & OUTSIDE != 0).copied().collect()
        };
        for edge in outside {
            self.remove_edge(edge & !OUTSIDE);
        }
        if self.nameless.remove(&uid) {
            return self.leave_place(uid);
        }
        let Tasks { segments, keys, .. } = self;
        let key = segments[uid.segment as usize].as_ref().map(|all| &all.keys[uid.index as usize]);
        let has_collided = !keys.collided.is_empty()
            && key.is_some_and(|key| keys.collided.get(key) == Some(&uid));
        if has_collided {
            keys.collided.retain(|_, other| *other != uid);
        } else {
            keys.leave(segments);
        }
        self.leave_place(uid)
    }

    /// Was its name given to a task that was defined later?
    pub(crate) fn is_nameless(&self, uid: TaskUid) -> bool {
        self.nameless.contains(&uid)
    }

    /// A place of a segment holds nothing any more.
    pub(crate) fn leave_place(&mut self, uid: TaskUid) -> Option<Box<Segment>> {
        let segment = self.segment_mut(uid.segment);
        segment.alive -= 1;
        if segment.alive == 0 { self.segments[uid.segment as usize].take() } else { None }
    }

    pub(crate) fn count(&self, state: TaskState) -> u64 {
        self.counts[state as usize]
    }

    /// How many are not forgotten.
    pub(crate) fn len(&self) -> u64 {
        self.counts[..TaskState::Forgotten as usize].iter().sum()
    }

    /// All that are not forgotten, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = TaskUid> + '_ {
        (0..).zip(&self.segments).flat_map(|(segment, tasks)| {
            let tasks = tasks.iter().flat_map(|segment| &segment.tasks);
            (0..).zip(tasks).filter_map(move |(index, task)| {
                (task.state != TaskState::Forgotten).then_some(TaskUid { segment, index })
            })
        })
    }

    pub(crate) fn edges(&self) -> &Slab<Edge> {
        &self.edges
    }

    pub(crate) fn keys(&self) -> usize {
        self.keys.by_hash.len() - self.keys.stale + self.keys.collided.len()
    }

    pub(crate) fn segments(&self) -> usize {
        self.segments.iter().flatten().count()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.segments.iter().flatten().map(|segment| segment.bytes()).sum::<usize>()
            + self.segments.capacity() * size_of::<usize>()
            + self.edges.bytes()
            + self.keys.by_hash.allocation_size()
    }
}

/// From key to task. Only hashes are kept; the text is with the task. Entries of tasks that
/// were forgotten stay until they are many: to look for each would cost more than the task.
#[derive(Debug, Default)]
struct Keys {
    by_hash: Map<u64, TaskUid>,
    /// How many of these are of forgotten tasks.
    stale: usize,
    /// Keys whose hash another key had first.
    collided: BTreeMap<Arc<str>, TaskUid>,
}

/// So many entries of forgotten tasks are always borne.
const STALE: usize = 1024;

impl Keys {
    /// Counts an entry of a forgotten task; drops all such if they are too many.
    fn leave(&mut self, segments: &[Option<Box<Segment>>]) {
        self.stale += 1;
        if self.stale == self.by_hash.len() {
            (self.by_hash, self.stale) = (Map::default(), 0);
        } else if self.stale > self.by_hash.len() / 2 + STALE {
            self.drop_stale(segments);
        }
    }

    fn drop_stale(&mut self, segments: &[Option<Box<Segment>>]) {
        self.by_hash.retain(|_, uid| is_alive(segments, *uid));
        self.stale = 0;
        if self.by_hash.len() < self.by_hash.capacity() / 4 {
            self.by_hash.shrink_to_fit();
        }
    }
}

fn is_alive(segments: &[Option<Box<Segment>>], uid: TaskUid) -> bool {
    let segment = segments[uid.segment as usize].as_ref();
    segment.is_some_and(|all| all.tasks[uid.index as usize].state != TaskState::Forgotten)
}

fn hash(key: &str) -> u64 {
    BuildHasher::default().hash_one(key)
}
