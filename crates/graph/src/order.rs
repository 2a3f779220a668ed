//! The order in which tasks should run, so that few results are held at a time.
//!
//! 1. From inputs to outputs, count how many results must be held at once to compute each
//!    task, as if everything were a tree (Sethi and Ullman 1970: the most demanding input
//!    first).
//! 2. Visit the tasks depth-first from the outputs, most demanding inputs first. This is the
//!    order in which something *is wanted*.
//! 3. Play through it with one worker: take the next wanted task that needs nothing, then
//!    always go on with what has just become ready, the wanted first. This finishes what was
//!    started: a chunk that two reductions need is used by both before the next one is loaded.
//!
//! Step 3 is what an executor does with one thread, so its order and this one agree (but for
//! constants, which come when they are wanted: an executor has them from the start).
//! Every step is linear (but for sorting the inputs of one task), and none recurses.

use crate::graph::{Rows, TaskId};

/// What no output needs: the inputs of a second task with the key of another.
const UNWANTED: u32 = u32::MAX;

/// The tasks that `outputs` need, in the order in which they should run. `dependencies` are
/// before their task.
pub(crate) fn order(dependencies: &Rows, outputs: &[TaskId]) -> Vec<TaskId> {
    let by_demand = inputs_by_demand(dependencies);
    let wanted = wanted_order(&by_demand, outputs);
    play(dependencies, &wanted)
}

/// The dependencies of every task, those first that need the most results held at once.
fn inputs_by_demand(dependencies: &Rows) -> Rows {
    let n = dependencies.offsets.len() - 1;
    let mut demand = vec![0_u32; n];
    let mut items = dependencies.items.clone();
    for id in 0..n {
        let (start, end) = (dependencies.offsets[id], dependencies.offsets[id + 1]);
        let inputs = &mut items[start as usize..end as usize];
        if !inputs.is_sorted_by(|a, b| demand[a.index()] >= demand[b.index()]) {
            inputs.sort_by_key(|input| std::cmp::Reverse(demand[input.index()]));
        }
        // While the i-th input is computed, i results are held already.
        let needed = inputs.iter().zip(0_u32..).map(|(input, i)| demand[input.index()] + i);
        demand[id] = needed.max().unwrap_or(0).max(1);
    }
    Rows { offsets: dependencies.offsets.clone(), items }
}

/// For every task, when a depth-first visit from the outputs leaves it; otherwise [`UNWANTED`].
fn wanted_order(inputs: &Rows, outputs: &[TaskId]) -> Vec<u32> {
    const NEW: u32 = UNWANTED;
    const OPEN: u32 = u32::MAX - 1;
    let mut rank = vec![NEW; inputs.offsets.len() - 1];
    let mut next = 0;
    // A task and how many of its inputs have been visited.
    let mut path: Vec<(TaskId, u32)> = Vec::new();
    for output in outputs {
        if rank[output.index()] != NEW {
            continue;
        }
        rank[output.index()] = OPEN;
        path.push((*output, 0));
        while let Some((id, visited)) = path.last_mut() {
            if let Some(input) = inputs.row(*id).get(*visited as usize) {
                *visited += 1;
                if rank[input.index()] == NEW {
                    rank[input.index()] = OPEN;
                    path.push((*input, 0));
                }
            } else {
                rank[id.index()] = next;
                next += 1;
                path.pop();
            }
        }
    }
    rank
}

/// The order in which one worker runs the tasks.
fn play(dependencies: &Rows, wanted: &[u32]) -> Vec<TaskId> {
    let is_wanted = |id: &TaskId| wanted[id.index()] != UNWANTED;
    let n = wanted.iter().filter(|rank| **rank != UNWANTED).count();
    let dependents = dependencies.inverse();
    let mut waiting: Vec<u32> = dependencies.offsets.windows(2).map(|w| w[1] - w[0]).collect();
    let mut by_rank = vec![TaskId(0); n];
    for id in (0..wanted.len() as u32).map(TaskId).filter(is_wanted) {
        by_rank[wanted[id.index()] as usize] = id;
    }
    let mut order = Vec::with_capacity(n);
    let mut ready: Vec<TaskId> = Vec::new();
    for root in by_rank {
        if !dependencies.row(root).is_empty() {
            continue;
        }
        ready.push(root);
        while let Some(id) = ready.pop() {
            order.push(id);
            let first = ready.len();
            for dependent in dependents.row(id) {
                waiting[dependent.index()] -= 1;
                if waiting[dependent.index()] == 0 && is_wanted(dependent) {
                    ready.push(*dependent);
                }
            }
            // The last one is taken next.
            if ready.len() - first > 1 {
                ready[first..].sort_unstable_by_key(|id| std::cmp::Reverse(wanted[id.index()]));
            }
        }
    }
    order
}
