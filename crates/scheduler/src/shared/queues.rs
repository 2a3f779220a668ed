//! Queues of items, which may be full and may be empty.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use raskt_wire::{Answer, RequestError, SharedItem};

use crate::questions::{Origin, Outcome};
use crate::scheduler::Scheduler;
use crate::shared::{At, no_such};

/// All queues by name.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    by_name: BTreeMap<Arc<str>, Queue>,
}

#[derive(Debug)]
struct Queue {
    /// How many items fit; 0: no limit.
    capacity: u32,
    items: VecDeque<Kept>,
    /// Who waits for room, with what.
    putters: VecDeque<(u64, Kept)>,
    /// Who waits for items, and how many.
    getters: VecDeque<(u64, Option<u32>)>,
}

/// An item, and the wants that keep what it refers to.
#[derive(Debug)]
struct Kept {
    payload: Bytes,
    wants: Vec<u32>,
}

impl Queues {
    pub(crate) fn open(&mut self, name: Arc<str>, capacity: u32) -> Answer {
        let (items, putters, getters) = Default::default();
        self.by_name.entry(name).or_insert(Queue { capacity, items, putters, getters });
        Answer::Done
    }

    pub(crate) fn size(&self, name: &str) -> Result<Answer, RequestError> {
        let queue = self.by_name.get(name).ok_or_else(|| no_such("queue", name))?;
        Ok(Answer::Number(queue.items.len() as u64))
    }

    pub(crate) fn forget_results(&mut self) {
        for queue in self.by_name.values_mut() {
            queue.items.iter_mut().for_each(|item| item.wants.clear());
            queue.putters.iter_mut().for_each(|(_, item)| item.wants.clear());
        }
    }
}

impl Queue {
    fn is_full(&self) -> bool {
        self.capacity > 0 && self.items.len() >= self.capacity as usize
    }

    /// Is there what this getter asks for?
    fn has(&self, batch: Option<u32>) -> bool {
        self.items.len() >= batch.unwrap_or(1) as usize
    }
}

impl Scheduler {
    pub(crate) fn queue_put(
        &mut self,
        from: Origin,
        name: &Arc<str>,
        item: SharedItem,
        timeout_us: Option<u64>,
    ) -> Outcome {
        if !self.shared.queues.by_name.contains_key(name) {
            return Err(no_such("queue", name));
        }
        let wants = self.keep_results(&item);
        let at = At::Thing(format!("there was no room in the queue {name:?}"));
        let number = self.wait_at(from, at, timeout_us);
        if let Some(queue) = self.shared.queues.by_name.get_mut(name) {
            queue.putters.push_back((number, Kept { payload: item.payload, wants }));
        }
        self.serve_queue(name);
        Ok(None)
    }

    pub(crate) fn queue_get(
        &mut self,
        from: Origin,
        name: &Arc<str>,
        batch: Option<u32>,
        timeout_us: Option<u64>,
    ) -> Outcome {
        if !self.shared.queues.by_name.contains_key(name) {
            return Err(no_such("queue", name));
        }
        let at = At::Thing(format!("there was nothing in the queue {name:?}"));
        let number = self.wait_at(from, at, timeout_us);
        if let Some(queue) = self.shared.queues.by_name.get_mut(name) {
            queue.getters.push_back((number, batch));
        }
        self.serve_queue(name);
        Ok(None)
    }

    /// Moves items from who puts to who gets, until one side has to wait.
    fn serve_queue(&mut self, name: &Arc<str>) {
        loop {
            let queues = &mut self.shared.queues.by_name;
            let Some(queue) = queues.get_mut(name) else { return };
            if let Some((number, batch)) = queue.getters.front().copied() {
                let is_there = self.shared.waiters.contains_key(&number);
                if !is_there {
                    queue.getters.pop_front();
                    continue;
                }
                if queue.has(batch) {
                    queue.getters.pop_front();
                    let all = queue.items.len();
                    let count = match batch {
                        None => 1,
                        Some(0) => all,
                        Some(count) => count as usize,
                    };
                    let items: Vec<Kept> = queue.items.drain(..count.min(all)).collect();
                    self.give(number, batch.is_some(), items);
                    continue;
                }
            }
            if queue.is_full() {
                return;
            }
            let Some((number, item)) = queue.putters.pop_front() else { return };
            if self.shared.is_waiting(number) {
                let queues = &mut self.shared.queues.by_name;
                if let Some(queue) = queues.get_mut(name) {
                    queue.items.push_back(item);
                }
                self.answer_waiter(number, Ok(Answer::Done));
            } else {
                self.let_results_go(item.wants);
            }
        }
    }

    fn give(&mut self, number: u64, as_batch: bool, items: Vec<Kept>) {
        let Some(asker) = self.waiting_asker(number) else { return };
        let mut payloads = Vec::with_capacity(items.len());
        for item in items {
            payloads.push(item.payload);
            self.pass_results(asker, item.wants);
        }
        let answer = match (as_batch, payloads.pop()) {
            (false, Some(payload)) => Answer::Bytes(payload),
            (_, last) => {
                payloads.extend(last);
                Answer::Many(payloads)
            }
        };
        self.answer_waiter(number, Ok(answer));
    }

    pub(crate) fn queue_close(&mut self, name: &Arc<str>) -> Answer {
        let Some(queue) = self.shared.queues.by_name.remove(name) else { return Answer::Done };
        for item in queue.items {
            self.let_results_go(item.wants);
        }
        let gone = || Err(RequestError::Gone(format!("the queue {name:?} was closed")));
        for (number, item) in queue.putters {
            self.let_results_go(item.wants);
            self.answer_waiter(number, gone());
        }
        for (number, _) in queue.getters {
            self.answer_waiter(number, gone());
        }
        Answer::Done
    }
}
