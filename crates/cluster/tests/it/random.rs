//! Random graphs on workers that come and go: the results are those of a plain evaluation.

use raskt_cluster::Transport;
use raskt_wire::{NewTask, Submission, Terms};

use crate::host::{cluster, result, submission};

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

const TASKS: u64 = 300;

/// A task: its key, what it does, and the places of its inputs.
type Task = (String, String, Vec<u32>);

/// Tasks that say a letter or join what up to three earlier ones gave, and what they give.
fn graph(dice: &mut Dice) -> (Vec<Task>, Vec<String>) {
    let (mut tasks, mut values): (Vec<_>, Vec<String>) = (Vec::new(), Vec::new());
    for i in 0..TASKS {
        let count = if i < 20 { 0 } else { dice.below(4) };
        let mut inputs: Vec<u32> = (0..count).map(|_| dice.below(i) as u32).collect();
        // So that texts do not grow without limit.
        inputs.retain(|input| values[*input as usize].len() < 200);
        inputs.sort_unstable();
        inputs.dedup();
        let (what, value) = if inputs.is_empty() {
            (format!("say {i}."), format!("{i}."))
        } else {
            let joined = inputs.iter().map(|input| &*values[*input as usize]).collect();
            ("join".to_string(), joined)
        };
        tasks.push((format!("t{i}"), what, inputs));
        values.push(value);
    }
    (tasks, values)
}

fn block(tasks: &[Task]) -> Submission {
    let new = |(key, what, inputs): &Task| NewTask {
        key: key.as_str().into(),
        group: 0,
        terms: 0,
        inputs: inputs.clone(),
        blobs: Vec::new(),
        payload: what.clone().into(),
    };
    let block = submission(&[], &[]);
    Submission { tasks: tasks.iter().map(new).collect(), terms: vec![Terms::default()], ..block }
}

fn run(seed: u64, transport: Transport) {
    let mut dice = Dice(seed);
    let (mut cluster, _) = cluster(3, 2, transport);
    let client = cluster.client().unwrap();
    let (tasks, values) = graph(&mut dice);
    let mut submission = block(&tasks);
    let keys: Vec<_> = submission.tasks.iter().map(|task| task.key.clone()).collect();
    let entries: Vec<_> = client.entries(&keys).into_iter().map(|(entry, _)| entry).collect();
    submission.wants = entries.iter().zip(0..).map(|(entry, i)| (i, entry.handle())).collect();
    client.submit(submission);
    for round in 0..5 {
        // Some have been computed when a worker goes, and another one comes.
        let some = dice.below(TASKS) as usize;
        client.wait_any(&entries[some..], None);
        let place = dice.below(3) as usize;
        let worker = cluster.remove_worker(place).unwrap();
        if round % 2 == 0 {
            worker.wait(None).unwrap();
        }
        cluster.add_worker().unwrap();
    }
    for (entry, value) in entries.iter().zip(&values) {
        assert_eq!(result(&client, entry), value.as_bytes(), "seed {seed}, {:?}", entry.key());
    }
    cluster.close();
}

#[test]
fn graphs_survive_workers_that_come_and_go_in_memory() {
    (0..10).for_each(|seed| run(seed, Transport::Memory));
}

#[test]
fn graphs_survive_workers_that_come_and_go_over_sockets() {
    (10..20).for_each(|seed| run(seed, Transport::Tcp));
}
