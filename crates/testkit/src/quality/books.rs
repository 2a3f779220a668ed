//! What every baseline keeps: which tasks wait for what, who has what, and how to word an
//! order.

use raskt_wire::{FromWorker, Input, Order, Priority, TaskUid, ToWorker, WorkerId};

use super::graphs::Graph;
use super::machine::Cluster;

/// The books of a baseline. Results are never freed.
pub(crate) struct Books<'a> {
    pub(crate) cluster: Cluster,
    pub(crate) graph: &'a Graph,
    pub(crate) holders: Vec<Vec<u32>>,
    takers: Vec<Vec<u32>>,
    missing: Vec<u32>,
    attempts: Vec<u32>,
    /// Became ready since they were last taken.
    pub(crate) ready: Vec<u32>,
    is_introduced: bool,
}

impl<'a> Books<'a> {
    pub(crate) fn new(cluster: Cluster, graph: &'a Graph) -> Books<'a> {
        let count = graph.tasks.len();
        let mut takers = vec![Vec::new(); count];
        let mut missing = vec![0; count];
        for (place, task) in graph.tasks.iter().enumerate() {
            missing[place] = task.inputs.len() as u32;
            for input in &task.inputs {
                takers[*input as usize].push(place as u32);
            }
        }
        let ready = (0..count as u32).filter(|place| missing[*place as usize] == 0);
        Books {
            cluster,
            graph,
            holders: vec![Vec::new(); count],
            takers,
            ready: ready.collect(),
            missing,
            attempts: vec![0; count],
            is_introduced: false,
        }
    }

    /// Takes in a report; gives the tasks that ended, and how long they ran.
    pub(crate) fn note(&mut self, from: WorkerId, message: &FromWorker) -> Vec<(u32, u64)> {
        match message {
            FromWorker::Finished(all) => {
                let ended = all.iter().map(|one| (one.uid.index, one.span.compute_us));
                let ended: Vec<(u32, u64)> = ended.collect();
                ended.iter().for_each(|(place, _)| self.finished(*place, from.0));
                ended
            }
            FromWorker::Holds(uids) => {
                uids.iter().for_each(|uid| self.holders[uid.index as usize].push(from.0));
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn finished(&mut self, place: u32, by: u32) {
        self.holders[place as usize].push(by);
        for taker in &self.takers[place as usize] {
            let missing = &mut self.missing[*taker as usize];
            *missing -= 1;
            if *missing == 0 {
                self.ready.push(*taker);
            }
        }
    }

    /// What a worker lacks of a task's inputs, in bytes; None: nothing.
    pub(crate) fn lacks(&self, place: u32, worker: u32) -> Option<u64> {
        let inputs = self.graph.tasks[place as usize].inputs.iter();
        let lacking = inputs.filter(|input| !self.holders[**input as usize].contains(&worker));
        lacking
            .map(|input| self.graph.tasks[*input as usize].nbytes)
            .fold(None, |sum, nbytes| Some(sum.unwrap_or(0) + nbytes))
    }

    /// The message that gives a task to a worker; lower ranks run first.
    pub(crate) fn order(&mut self, place: u32, worker: u32, rank: u32) -> (WorkerId, ToWorker) {
        let task = &self.graph.tasks[place as usize];
        let input = |input: &u32| Input {
            uid: uid(*input),
            key: "".into(),
            nbytes: self.graph.tasks[*input as usize].nbytes,
            holders: self.holders[*input as usize].iter().map(|number| WorkerId(*number)).collect(),
        };
        let attempt = &mut self.attempts[place as usize];
        *attempt += 1;
        let order = Order {
            uid: uid(place),
            attempt: *attempt,
            key: "".into(),
            group: self.graph.kinds[task.kind as usize].clone(),
            priority: Priority { user: 0, generation: 0, rank },
            inputs: task.inputs.iter().map(input).collect(),
            blobs: Vec::new(),
            payload: Vec::new().into(),
            resources: Vec::new(),
            executor: "".into(),
            annotations: Vec::new().into(),
            actor: false,
            wanted: false,
        };
        (WorkerId(worker), ToWorker::Compute { orders: vec![order], blobs: Vec::new() })
    }

    /// Asks a worker to give a task back.
    pub(crate) fn retract(&self, place: u32, worker: u32) -> (WorkerId, ToWorker) {
        let attempt = self.attempts[place as usize];
        (WorkerId(worker), ToWorker::Retract { uid: uid(place), attempt })
    }

    /// Tells all workers of all others, once.
    pub(crate) fn introduce(&mut self, out: &mut Vec<(WorkerId, ToWorker)>) {
        if std::mem::replace(&mut self.is_introduced, true) {
            return;
        }
        let numbers = 0..self.cluster.workers;
        for number in numbers.clone() {
            for peer in numbers.clone().filter(|peer| *peer != number) {
                let (address, host) = ("sim".into(), format!("host-{peer}").into());
                let peer = ToWorker::Peer { id: WorkerId(peer), address, host };
                out.push((WorkerId(number), peer));
            }
        }
    }
}

fn uid(place: u32) -> TaskUid {
    TaskUid { segment: 0, index: place }
}
