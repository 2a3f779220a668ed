//! Copies on their way from worker to worker on the scheduler's behalf: for `replicate`,
//! `rebalance`, and workers that retire.

use std::collections::BTreeSet;
use std::sync::Arc;

use raskt_wire::{Answer, RequestError, TaskUid, ToWorker};

use crate::event::Micros;
use crate::questions::{Origin, Outcome, Until};
use crate::scheduler::Scheduler;
use crate::segment::TaskState;

/// A copy that a worker was asked to fetch.
#[derive(Debug)]
pub(crate) struct Move {
    /// When it was last asked.
    asked: Micros,
    /// Questions that wait for it.
    questions: Vec<u32>,
    /// Who can drop its copy then.
    source: Option<u32>,
}

/// A worker that has not fetched a copy after so long is asked again.
const ASK_AGAIN_US: u64 = 10_000_000;
/// Rebalancing leaves workers alone that are this close to the mean, in percent of it.
const GAP: u64 = 5;

impl Scheduler {
    /// Asks a worker to fetch a copy.
    pub(crate) fn acquire(&mut self, uid: TaskUid, recipient: u32, source: Option<u32>) {
        if let Some(known) = self.moving.get_mut(&(uid, recipient)) {
            known.source = known.source.or(source);
            return;
        }
        let (asked, questions) = (self.now, Vec::new());
        self.moving.insert((uid, recipient), Move { asked, questions, source });
        let input = self.input_for(uid, recipient);
        self.workers.post(recipient, ToWorker::Acquire(vec![input]));
        self.arm_memory_manager();
    }

    /// Workers that have not fetched what they were asked to are asked again.
    fn ask_again(&mut self) {
        let now = self.now;
        let is_late = |moved: &Move| now.since(moved.asked) >= ASK_AGAIN_US;
        let late = self.moving.iter().filter(|(_, moved)| is_late(moved)).map(|(key, _)| *key);
        let late: Vec<(TaskUid, u32)> = late.collect();
        for (uid, recipient) in late {
            let input = self.input_for(uid, recipient);
            self.workers.post(recipient, ToWorker::Acquire(vec![input]));
            if let Some(moved) = self.moving.get_mut(&(uid, recipient)) {
                moved.asked = now;
            }
        }
    }

    /// A worker holds a copy now, or will not: whoever waits for it hears of that.
    pub(crate) fn has_moved(&mut self, uid: TaskUid, recipient: u32) {
        let Some(moved) = self.moving.remove(&(uid, recipient)) else { return };
        let is_memory = self.tasks.find(uid).is_some_and(|task| task.state == TaskState::Memory);
        if let Some(source) = moved.source
            && is_memory
            && self.is_holder(uid, recipient)
            && self.is_holder(uid, source)
            && source != recipient
        {
            self.drop_copy(uid, source);
        }
        for number in moved.questions {
            let until = self.deferred.get_mut(number).map(|deferred| &mut deferred.until);
            if let Some(Until::Copies(left)) = until {
                *left -= 1;
                if *left == 0 {
                    self.answer(number, Ok(Answer::Done));
                }
            }
        }
    }

    /// A worker is gone, and will not fetch what it was asked to.
    pub(crate) fn copies_will_not_come(&mut self, worker: u32) {
        let its = self.moving.keys().filter(|(_, recipient)| *recipient == worker);
        let its: Vec<_> = its.copied().collect();
        for (uid, recipient) in its {
            self.has_moved(uid, recipient);
        }
    }

    /// A result is gone: nobody is to look for a copy of it any more.
    pub(crate) fn moves_are_off(&mut self, uid: TaskUid) {
        let its = self.moving.keys().filter(|(moving, _)| *moving == uid);
        let recipients: Vec<u32> = its.map(|(_, recipient)| *recipient).collect();
        for recipient in recipients {
            self.workers.post(recipient, ToWorker::DropReplicas(vec![uid]));
            self.has_moved(uid, recipient);
        }
    }

    /// Copies of results that are not there any more will not come.
    pub(crate) fn check_moving(&mut self) {
        let is_gone =
            |uid: TaskUid| self.tasks.find(uid).is_none_or(|task| task.state != TaskState::Memory);
        let gone: Vec<_> = self.moving.keys().filter(|(uid, _)| is_gone(*uid)).copied().collect();
        for (uid, recipient) in gone {
            self.has_moved(uid, recipient);
        }
        self.ask_again();
        self.check_retirements();
    }

    /// Has all these copies made, and answers when they are.
    fn move_all(&mut self, from: Origin, moves: &[(TaskUid, u32, Option<u32>)]) -> Outcome {
        if moves.is_empty() {
            return Ok(Some(Answer::Done));
        }
        let number = self.defer(from, Until::Copies(moves.len()), None);
        for (uid, recipient, source) in moves {
            self.acquire(*uid, *recipient, *source);
            if let Some(moved) = self.moving.get_mut(&(*uid, *recipient)) {
                moved.questions.push(number);
            }
        }
        Ok(None)
    }

    /// The results of these names that are in memory.
    fn results(&self, keys: &[Arc<str>]) -> Result<Vec<TaskUid>, RequestError> {
        let find = |key: &Arc<str>| {
            let uid = self.tasks.by_key(key);
            let there = uid.filter(|uid| self.tasks.state(*uid) == TaskState::Memory);
            there.ok_or_else(|| RequestError::NotFound(format!("there is no result of {key:?}")))
        };
        keys.iter().map(find).collect()
    }

    pub(crate) fn replicate(
        &mut self,
        from: Origin,
        keys: &[Arc<str>],
        copies: u32,
        names: &[Arc<str>],
    ) -> Outcome {
        let workers = self.named_workers(names)?;
        let workers: Vec<u32> =
            workers.into_iter().filter(|n| self.workers.running.contains(*n)).collect();
        let wanted = if copies == 0 { workers.len() } else { copies as usize };
        if wanted > workers.len() {
            let text = format!("{wanted} copies are asked for, of {} workers", workers.len());
            return Err(RequestError::Invalid(text));
        }
        let mut moves = Vec::new();
        let mut promised = vec![0u64; workers.len()];
        for uid in self.results(keys)? {
            let holders = self.holders(uid);
            let mut free: Vec<usize> = (0..workers.len()).collect();
            free.retain(|place| !holders.contains(&workers[*place]));
            let missing = wanted.saturating_sub(workers.len() - free.len());
            free.sort_by_key(|place| {
                let worker = self.workers.get(workers[*place]);
                promised[*place] + worker.map_or(0, |worker| worker.memory_bytes())
            });
            for place in free.into_iter().take(missing) {
                promised[place] += self.tasks.task(uid).nbytes;
                moves.push((uid, workers[place], None));
            }
        }
        self.move_all(from, &moves)
    }

    /// Moves results from workers that hold more than the mean to those that hold less.
    pub(crate) fn rebalance(
        &mut self,
        from: Origin,
        keys: &[Arc<str>],
        names: &[Arc<str>],
    ) -> Outcome {
        let workers = self.named_workers(names)?;
        let of: Option<BTreeSet<TaskUid>> = match keys {
            [] => None,
            keys => Some(self.results(keys)?.into_iter().collect()),
        };
        let mut loads: Vec<(u64, u32)> = workers
            .iter()
            .filter_map(|number| self.workers.get(*number))
            .filter(|worker| worker.is_running())
            .map(|worker| (worker.nbytes, worker.id.0))
            .collect();
        let sum: u64 = loads.iter().map(|(nbytes, _)| nbytes).sum();
        let mean = sum / loads.len().max(1) as u64;
        let gap = mean * GAP / 100;
        let mut moves = Vec::new();
        loads.sort_unstable_by(|a, b| b.cmp(a));
        for place in 0..loads.len() {
            let (mut nbytes, sender) = loads[place];
            let holds = self.workers.get(sender).map(|w| w.holds.clone()).unwrap_or_default();
            for uid in holds {
                if nbytes <= mean + gap {
                    break;
                }
                let size = self.tasks.task(uid).nbytes;
                let may_move = of.as_ref().is_none_or(|of| of.contains(&uid))
                    && size > 0
                    && self.holders(uid).len() == 1
                    && !self.tasks.terms(uid).actor;
                let Some(last) = loads.last_mut() else { break };
                if may_move && last.1 != sender && last.0 + size <= mean + gap {
                    moves.push((uid, last.1, Some(sender)));
                    last.0 += size;
                    nbytes -= size;
                    loads[place + 1..].sort_unstable_by(|a, b| b.cmp(a));
                }
            }
        }
        self.move_all(from, &moves)
    }
}
