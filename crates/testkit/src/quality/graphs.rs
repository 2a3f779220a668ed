//! The benchmarks of the RSDS paper: shapes, mean durations and mean sizes as published, with
//! what is inside a benchmark (which kind of task takes how much of both) filled in.
//!
//! Durations spread by a quarter around the mean of their kind, in a way that only depends on
//! the task's number.

use std::sync::Arc;

use raskt_graph::hash::Map;
use raskt_graph::lower;
use raskt_wire::{Handle, NewTask, Submission, Terms};

use crate::builder::{GraphBuilder, Keys};
use crate::form::Form;

/// One task: what it takes, and what it costs.
#[derive(Clone, Debug)]
pub struct Task {
    /// A place in [`Graph::kinds`].
    pub kind: u32,
    /// Places in [`Graph::tasks`].
    pub inputs: Vec<u32>,
    /// How long it runs.
    pub duration_us: u64,
    /// How large its result is.
    pub nbytes: u64,
}

/// A benchmark: tasks in their static order, inputs first.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Its name in the paper.
    pub name: Arc<str>,
    /// Names of the kinds of its tasks.
    pub kinds: Vec<Arc<str>>,
    /// Its tasks.
    pub tasks: Vec<Task>,
    /// Places of those that nothing else takes.
    pub outputs: Vec<u32>,
}

impl Graph {
    /// What a client would submit; task `i` has the payload `i`.
    pub fn submission(&self) -> Submission {
        let task = |(place, task): (usize, &Task)| NewTask {
            key: self.key(place as u32),
            group: task.kind,
            terms: 0,
            inputs: task.inputs.clone(),
            blobs: Vec::new(),
            payload: Vec::new().into(),
        };
        let wants = self.outputs.iter().enumerate();
        Submission {
            generation: 1,
            groups: self.kinds.clone(),
            terms: vec![Terms::default()],
            blobs: Vec::new(),
            outside: Vec::new(),
            tasks: self.tasks.iter().enumerate().map(task).collect(),
            wants: wants.map(|(number, place)| (*place, Handle(number as u64))).collect(),
        }
    }

    /// The name of a task.
    pub fn key(&self, place: u32) -> Arc<str> {
        let kind = &self.kinds[self.tasks[place as usize].kind as usize];
        format!("{kind}-{place}").into()
    }

    /// No schedule is shorter: the longest chain, or all the work on so many threads.
    pub fn lower_bound_us(&self, threads: u32) -> u64 {
        let work: u64 = self.tasks.iter().map(|task| task.duration_us).sum();
        let chain = self.levels(|_| 0).into_iter().max().unwrap_or(0);
        chain.max(work.div_ceil(u64::from(threads)))
    }

    /// For each task the longest way from its start to the end, with transfers that cost so
    /// much for so many bytes.
    pub fn levels(&self, transfer_us: impl Fn(u64) -> u64) -> Vec<u64> {
        let mut levels = vec![0; self.tasks.len()];
        for (place, task) in self.tasks.iter().enumerate().rev() {
            levels[place] += task.duration_us;
            for input in &task.inputs {
                let way = levels[place] + transfer_us(self.tasks[*input as usize].nbytes);
                let level = &mut levels[*input as usize];
                *level = way.max(*level);
            }
        }
        levels
    }
}

/// A graph that is being written down.
struct Draft {
    kinds: Vec<(&'static str, f64, f64)>,
    tasks: Vec<(u32, Vec<usize>)>,
}

impl Draft {
    /// With these kinds: name, and how long and how large compared with the others.
    fn new(kinds: &[(&'static str, f64, f64)]) -> Draft {
        Draft { kinds: kinds.to_vec(), tasks: Vec::new() }
    }

    fn add(&mut self, kind: u32, inputs: Vec<usize>) -> usize {
        self.tasks.push((kind, inputs));
        self.tasks.len() - 1
    }

    fn many(&mut self, kind: u32, count: usize) -> Vec<usize> {
        (0..count).map(|_| self.add(kind, Vec::new())).collect()
    }

    fn each(&mut self, kind: u32, inputs: &[usize]) -> Vec<usize> {
        inputs.iter().map(|input| self.add(kind, vec![*input])).collect()
    }

    /// Reduces, so many at a time, until one is left.
    fn reduce(&mut self, kind: u32, mut all: Vec<usize>, every: usize) -> usize {
        loop {
            let parts = all.chunks(every).map(<[usize]>::to_vec).collect::<Vec<_>>();
            all = parts.into_iter().map(|part| self.add(kind, part)).collect();
            if let [one] = all[..] {
                return one;
            }
        }
    }

    /// Scales to the mean duration and size, and puts the tasks in their static order.
    fn finish(self, name: &str, mean_ms: f64, mean_kib: f64) -> Graph {
        let count = self.tasks.len() as f64;
        let of = |task: &(u32, Vec<usize>)| self.kinds[task.0 as usize];
        let time: f64 = self.tasks.iter().map(|task| of(task).1).sum();
        let size: f64 = self.tasks.iter().map(|task| of(task).2).sum();
        let order = self.static_order();
        let mut places = vec![0_u32; order.len()];
        for (place, number) in order.iter().enumerate() {
            places[*number] = place as u32;
        }
        let mut is_taken = vec![false; order.len()];
        let task = |number: &usize| {
            let (kind, inputs) = &self.tasks[*number];
            let (_, long, large) = self.kinds[*kind as usize];
            let us = long / time * count * mean_ms * 1000.0 * spread(*number as u64);
            let inputs: Vec<u32> = inputs.iter().map(|input| places[*input]).collect();
            for input in &inputs {
                is_taken[*input as usize] = true;
            }
            let nbytes = large / size * count * mean_kib * 1024.0;
            Task {
                kind: *kind,
                inputs,
                duration_us: us.max(1.0) as u64,
                nbytes: nbytes.max(1.0) as u64,
            }
        };
        let tasks: Vec<Task> = order.iter().map(task).collect();
        let outputs = (0..tasks.len() as u32).filter(|place| !is_taken[*place as usize]);
        let outputs = outputs.collect();
        let kinds = self.kinds.iter().map(|kind| kind.0.into()).collect();
        Graph { name: name.into(), kinds, tasks, outputs }
    }

    /// The order that clients submit in.
    fn static_order(&self) -> Vec<usize> {
        let mut builder = GraphBuilder::default().keys(Keys::Text).without_constants();
        let mut is_taken = vec![false; self.tasks.len()];
        for (_, inputs) in &self.tasks {
            builder.task(inputs);
            inputs.iter().for_each(|input| is_taken[*input] = true);
        }
        let nodes = builder.nodes(Form::Number);
        let keys: Map<_, usize> =
            nodes.iter().enumerate().map(|(place, node)| (node.key().clone(), place)).collect();
        let outputs = (0..nodes.len()).filter(|place| !is_taken[*place]);
        let outputs: Vec<_> = outputs.map(|place| nodes[place].clone()).collect();
        let graph = lower(&outputs);
        graph.ids().map(|id| keys[graph.node(id).key()]).collect()
    }
}

/// Between 0.75 and 1.25, by the number of a task.
fn spread(number: u64) -> f64 {
    let mut x = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    0.75 + ((x >> 40) as f64) / f64::from(1 << 24) / 2.0
}

/// `n` tasks and one that takes all, e.g. `merge-10K` and `merge_slow-5K-0.1`.
pub fn merge(n: usize, mean_ms: f64) -> Graph {
    let mut draft = Draft::new(&[("task", 1.0, 1.0), ("merge", 1.0, 1.0)]);
    let all = draft.many(0, n);
    draft.add(1, all);
    let name = if mean_ms < 1.0 { "merge".into() } else { format!("merge_slow-{mean_ms}ms") };
    draft.finish(&format!("{name}-{n}"), mean_ms, 0.027)
}

/// A binary tree of additions over 2^`levels` numbers.
pub fn tree(levels: u32) -> Graph {
    let mut draft = Draft::new(&[("add", 1.0, 1.0)]);
    let leaves = draft.many(0, 1 << (levels - 1));
    draft.reduce(0, leaves, 2);
    draft.finish(&format!("tree-{levels}"), 0.007, 0.027)
}

/// Grouped mean of air temperatures, subtracted, and summed: chunks by groups.
pub fn xarray(name: &str, chunks: usize, groups: usize, mean_ms: f64, kib: f64) -> Graph {
    let mut draft = Draft::new(&[
        ("open", 4.0, 8.0),
        ("take", 1.0, 1.0),
        ("mean", 1.5, 0.5),
        ("subtract", 1.0, 1.0),
        ("sum", 0.7, 0.1),
    ]);
    let opened = draft.many(0, chunks);
    let mut sums = Vec::new();
    for _ in 0..groups {
        let taken = draft.each(1, &opened);
        let partial = draft.add(2, taken.clone());
        let mean = draft.add(2, vec![partial]);
        for take in taken {
            let subtracted = draft.add(3, vec![take, mean]);
            sums.push(draft.add(4, vec![subtracted]));
        }
    }
    draft.reduce(4, sums, 8);
    draft.finish(name, mean_ms, kib)
}

/// Records in partitions: filter, product of all with all, filter, sum.
pub fn bag(partitions: usize, mean_ms: f64, kib: f64) -> Graph {
    let mut draft = Draft::new(&[
        ("read", 0.2, 0.1),
        ("filter", 0.1, 0.05),
        ("product", 1.5, 2.0),
        ("select", 1.0, 0.3),
        ("sum", 0.05, 0.001),
    ]);
    let read = draft.many(0, partitions);
    let filtered = draft.each(1, &read);
    let mut selected = Vec::new();
    for one in &filtered {
        for other in &filtered {
            let product = draft.add(2, vec![*one, *other]);
            selected.push(draft.add(3, vec![product]));
        }
    }
    draft.reduce(4, selected, 8);
    draft.finish(&format!("bag-25K-{partitions}"), mean_ms, kib)
}

/// `x + x.T` in blocks, without the first tenth of the columns, then mean of rows, then sum.
pub fn numpy(blocks: usize, mean_ms: f64, kib: f64) -> Graph {
    let mut draft = Draft::new(&[("random", 1.5, 2.0), ("add", 0.6, 0.01), ("mean", 0.1, 0.01)]);
    let x = draft.many(0, blocks * blocks);
    let mut means = Vec::new();
    for row in 0..blocks {
        let mut parts = Vec::new();
        for column in blocks / 10..blocks {
            let (one, other) = (x[row * blocks + column], x[column * blocks + row]);
            let inputs = if one == other { vec![one] } else { vec![one, other] };
            parts.push(draft.add(1, inputs));
        }
        means.push(draft.reduce(2, parts, 16));
    }
    draft.reduce(2, means, 16);
    draft.finish(&format!("numpy-50K-{blocks}"), mean_ms, kib)
}

/// A time series in partitions: filtered, grouped, and resampled over borders of partitions.
pub fn groupby(name: &str, partitions: usize, mean_ms: f64, kib: f64) -> Graph {
    let mut draft = Draft::new(&[
        ("make", 3.0, 2.0),
        ("filter", 0.8, 1.5),
        ("group", 0.7, 0.05),
        ("border", 0.3, 1.5),
        ("resample", 0.6, 0.05),
        ("reduce", 0.3, 0.05),
    ]);
    let made = draft.many(0, partitions);
    let filtered = draft.each(1, &made);
    let grouped = draft.each(2, &filtered);
    let border = |at: usize| {
        let next = filtered.get(at + 1);
        std::iter::once(filtered[at]).chain(next.copied()).collect::<Vec<_>>()
    };
    let borders: Vec<usize> = (0..partitions).map(|at| draft.add(3, border(at))).collect();
    let resampled = draft.each(4, &borders);
    draft.reduce(5, grouped, 8);
    draft.reduce(5, resampled, 8);
    draft.finish(name, mean_ms, kib)
}

/// A table merged with itself by a shuffle, and summed.
pub fn join(name: &str, partitions: usize, mean_ms: f64, kib: f64) -> Graph {
    let mut draft = Draft::new(&[
        ("make", 2.0, 20.0),
        ("group", 2.0, 20.0),
        ("split", 0.4, 0.8),
        ("concat", 2.0, 20.0),
        ("merge", 8.0, 20.0),
        ("sum", 1.0, 0.01),
    ]);
    let made = draft.many(0, partitions);
    let groups = draft.each(1, &made);
    let splits: Vec<Vec<usize>> = (0..partitions).map(|_| draft.each(2, &groups)).collect();
    let concats: Vec<usize> = splits.into_iter().map(|part| draft.add(3, part)).collect();
    let merged = draft.each(4, &concats);
    draft.add(5, merged);
    draft.finish(name, mean_ms, kib)
}

/// Independent tasks.
pub fn vectorizer(partitions: usize, mean_ms: f64, kib: f64) -> Graph {
    let mut draft = Draft::new(&[("vectorize", 1.0, 1.0)]);
    draft.many(0, partitions);
    draft.finish(&format!("vectorizer-1M-{partitions}"), mean_ms, kib)
}

/// Small trees that have nothing to do with each other.
pub fn wordbag(partitions: usize, mean_ms: f64, kib: f64) -> Graph {
    let mut draft = Draft::new(&[("read", 1.0, 1.0), ("clean", 1.0, 1.0), ("features", 1.0, 1.0)]);
    for read in draft.many(0, partitions) {
        let clean = draft.add(1, vec![read]);
        draft.each(2, &[clean; 3]);
    }
    draft.finish(&format!("wordbag-100K-{partitions}"), mean_ms, kib)
}

/// All of them, with the figures of the paper; the largest are left out.
pub fn all() -> Vec<Graph> {
    vec![
        merge(10_000, 0.006),
        merge(5_000, 100.0),
        tree(15),
        xarray("xarray-25", 4, 36, 3.1, 55.7),
        xarray("xarray-5", 16, 180, 0.4, 3.3),
        bag(10, 1233.0, 292.0),
        bag(50, 54.9, 12.6),
        numpy(10, 169.0, 70_108.0),
        numpy(50, 8.3, 2999.0),
        groupby("groupby-360-1S-8H", 1080, 7.7, 503.0),
        groupby("groupby-90-1S-1H", 2160, 3.8, 64.0),
        groupby("groupby-2880-1S-16H", 4320, 11.9, 1005.0),
        join("join-1-1S-1H", 24, 33.0, 15.3),
        join("join-1-2s-1H", 24, 9.8, 9.3),
        vectorizer(300, 1504.0, 10_226.0),
        wordbag(50, 301.0, 5136.0),
    ]
}
