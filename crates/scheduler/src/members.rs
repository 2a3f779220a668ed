//! Workers that come, go, and fall silent.

use std::sync::Arc;

use raskt_wire::{ToWorker, WorkerHello, WorkerId, WorkerStatus};

use crate::questions::Asker;
use crate::scheduler::Scheduler;
use crate::segment::{TaskState, flag};
use crate::timers::Timer;

impl Scheduler {
    pub(crate) fn worker_joined(&mut self, id: WorkerId, hello: WorkerHello) {
        let same = |worker: &crate::workers::Worker| *worker.address() == hello.address;
        let before = self.workers.iter().find(|worker| same(worker)).map(|worker| worker.id.0);
        if let Some(before) = before {
            self.drop_worker(before, &"another worker has its address now".into());
        }
        let mut hello = hello;
        if hello.name.is_empty() {
            hello.name = hello.address.clone();
        }
        let address = hello.address.clone();
        self.workers.add(id, hello, self.now);
        self.announce("add-worker", &address);
        self.worker_changed(id.0, "it joined");
        self.workers_came();
    }

    /// Tells those who listen to the topic `all`, as JSON.
    fn announce(&mut self, action: &str, worker: &Arc<str>) {
        let message = serde_json::json!({ "action": action, "worker": &**worker });
        self.event_log("all".into(), message.to_string().into());
    }

    /// Another set of workers takes tasks now.
    pub(crate) fn worker_changed(&mut self, number: u32, why: &str) {
        self.workers_version += 1;
        self.refresh_worker(number);
        let Some(worker) = self.workers.get(number) else { return };
        let status = match worker.status {
            WorkerStatus::Running => "running",
            WorkerStatus::Paused => "paused",
            WorkerStatus::Retiring => "retiring",
        };
        self.retry_unrunnable |= worker.is_running();
        self.story.worker(self.now, worker.address(), status, why.into());
    }

    /// A worker says that it goes: nobody is to blame.
    pub(crate) fn worker_leaves(&mut self, number: u32, reason: &Arc<str>) {
        self.remove_worker(number, reason, false);
    }

    /// A worker ended without a word: it may have been one of its tasks.
    pub(crate) fn worker_died(&mut self, id: u32, ending: &Arc<str>) {
        self.remove_worker(id, ending, true);
    }

    /// Closes the connection to a worker, and forgets it.
    pub(crate) fn drop_worker(&mut self, number: u32, reason: &Arc<str>) {
        let Some(worker) = self.workers.get(number) else { return };
        self.out.drop_workers.push((worker.id, reason.clone()));
        self.remove_worker(number, reason, false);
    }

    /// Asks a worker to end, and forgets it.
    pub(crate) fn close_worker(&mut self, number: u32, reason: &Arc<str>, restart: bool) {
        let Some(worker) = self.workers.get(number) else { return };
        let close = ToWorker::Close { reason: reason.clone(), restart };
        self.out.to_workers.push((worker.id, close));
        self.remove_worker(number, reason, false);
    }

    fn remove_worker(&mut self, number: u32, ending: &Arc<str>, is_death: bool) {
        let Some(worker) = self.workers.get_mut(number) else { return };
        // Nothing is given to it any more.
        worker.status = WorkerStatus::Retiring;
        let processing: Vec<_> = worker.processing.iter().map(|charged| charged.uid).collect();
        let holds = worker.holds.clone();
        let address = worker.address().clone();
        self.story.worker(self.now, &address, "gone", ending.clone());
        self.announce("remove-worker", &address);
        let blamed = if is_death { self.blamed(number) } else { Vec::new() };
        for uid in &processing {
            self.pull_back(*uid);
        }
        for uid in holds {
            if self.remove_replica(uid, number) && self.tasks.state(uid) == TaskState::Memory {
                self.lose(uid);
            }
        }
        for uid in blamed {
            self.blame(uid, &address, ending);
        }
        for uid in processing {
            let is_free = |task: &&crate::segment::Task| {
                task.state == TaskState::Waiting && task.missing == 0 && !task.has(flag::READY)
            };
            if self.tasks.find(uid).filter(is_free).is_some() {
                self.make_ready(uid);
            }
        }
        self.workers.remove(number);
        self.workers_version += 1;
        self.blobs.worker_left(number);
        let told: Vec<u32> = self.workers.alive.iter().collect();
        for other in told {
            let knows = self.workers.get_mut(other).is_some_and(|w| w.peers.remove(number));
            if knows {
                self.workers.post(other, ToWorker::PeerLeft(WorkerId(number)));
            }
        }
        self.asker_left(Asker::Worker(number));
        self.worker_is_gone(number, &address);
    }

    /// Gives up workers that have said nothing for too long.
    pub(crate) fn check_workers(&mut self) {
        let Some(ttl) = self.config.worker_ttl_us else { return };
        let late: Vec<u32> = self
            .workers
            .iter()
            .filter(|worker| self.now.since(worker.last_seen) >= ttl)
            .map(|worker| worker.id.0)
            .collect();
        for number in late {
            let Some(worker) = self.workers.get(number) else { continue };
            let ending: Arc<str> =
                format!("it said nothing for {} seconds", ttl / 1_000_000).into();
            self.out.drop_workers.push((worker.id, ending.clone()));
            if !worker.hello.nanny.is_empty() {
                self.out.restart_workers.push(worker.id);
            }
            self.remove_worker(number, &ending, true);
            self.settle();
        }
    }

    /// Ends the scheduler if there was nothing to do for so long.
    pub(crate) fn check_idle(&mut self) {
        let Some(timeout) = self.config.idle_timeout_us else { return };
        if self.is_busy() {
            self.last_busy = self.now;
        }
        if self.now.since(self.last_busy) >= timeout {
            let reason = format!("there was nothing to do for {} seconds", timeout / 1_000_000);
            self.shut_down(reason.into());
        } else {
            self.arm_idle_check();
        }
    }

    /// Does anybody wait for a task?
    fn is_busy(&self) -> bool {
        let states = [TaskState::Queued, TaskState::Processing, TaskState::NoWorker];
        states.into_iter().any(|state| self.tasks.count(state) > 0) || !self.deferred.is_empty()
    }

    pub(crate) fn arm_idle_check(&mut self) {
        if let Some(timeout) = self.config.idle_timeout_us {
            self.timers.arm(self.now.after((timeout / 4).max(1)), Timer::CheckIdle);
        }
    }

    /// Regular looks are on their way only while there can be something to see.
    pub(crate) fn arm_timers(&mut self) {
        if let Some(ttl) = self.config.worker_ttl_us
            && self.workers.len() > 0
        {
            self.timers.arm(self.now.after((ttl / 4).max(1)), Timer::CheckWorkers);
        }
        let is_stuck = self.workers.running.is_empty() && self.queue.len() > 0;
        self.no_worker_since = is_stuck.then(|| self.no_worker_since.unwrap_or(self.now));
        if let Some(us) = self.config.no_workers_timeout_us
            && is_stuck
        {
            self.timers.arm(self.now.after(us), Timer::CheckUnrunnable);
        }
        self.arm_stealing();
        if self.config.idle_timeout_us.is_some() && self.is_busy() {
            self.last_busy = self.now;
        }
    }
}
