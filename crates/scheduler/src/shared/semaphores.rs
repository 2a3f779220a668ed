//! Semaphores: so many leases by name, each of which must be refreshed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use raskt_wire::{Answer, RequestError};

use crate::event::Micros;
use crate::questions::{Origin, Outcome};
use crate::scheduler::Scheduler;
use crate::shared::{At, no_such};
use crate::timers::Timer;

/// All semaphores by name.
#[derive(Debug, Default)]
pub(crate) struct Semaphores {
    by_name: BTreeMap<Arc<str>, Semaphore>,
}

#[derive(Debug)]
struct Semaphore {
    leases: u32,
    /// Leases that are taken, and when they were last heard of.
    taken: BTreeMap<Arc<str>, Micros>,
    /// Who waits, and for which lease.
    line: VecDeque<(u64, Arc<str>)>,
}

impl Semaphores {
    pub(crate) fn value(&self, name: &str) -> Result<Answer, RequestError> {
        let semaphore = self.by_name.get(name).ok_or_else(|| no_such("semaphore", name))?;
        Ok(Answer::Number(semaphore.taken.len() as u64))
    }
}

impl Scheduler {
    pub(crate) fn semaphore_open(
        &mut self,
        name: Arc<str>,
        leases: u32,
    ) -> Result<Answer, RequestError> {
        if leases == 0 {
            return Err(RequestError::Invalid("a semaphore has at least one lease".to_string()));
        }
        let new = || Semaphore { leases, taken: BTreeMap::new(), line: VecDeque::new() };
        let known = self.shared.semaphores.by_name.entry(name.clone()).or_insert_with(new);
        if known.leases != leases {
            let text = format!(
                "the semaphore {name:?} has {} leases, not {leases}; use one number everywhere",
                known.leases
            );
            return Err(RequestError::Invalid(text));
        }
        Ok(Answer::Done)
    }

    pub(crate) fn semaphore_acquire(
        &mut self,
        from: Origin,
        name: &Arc<str>,
        lease: Arc<str>,
        timeout_us: Option<u64>,
    ) -> Outcome {
        if !self.shared.semaphores.by_name.contains_key(name) {
            return Err(no_such("semaphore", name));
        }
        let number = self.wait_at(from, At::YesOrNo, timeout_us);
        if let Some(semaphore) = self.shared.semaphores.by_name.get_mut(name) {
            semaphore.line.push_back((number, lease));
        }
        self.serve_semaphore(name);
        Ok(None)
    }

    /// Gives free leases to who waits longest.
    fn serve_semaphore(&mut self, name: &Arc<str>) {
        loop {
            let Some(semaphore) = self.shared.semaphores.by_name.get_mut(name) else { return };
            if semaphore.taken.len() >= semaphore.leases as usize {
                return;
            }
            let Some((number, lease)) = semaphore.line.pop_front() else { return };
            if self.shared.is_waiting(number) {
                let semaphores = &mut self.shared.semaphores.by_name;
                if let Some(semaphore) = semaphores.get_mut(name) {
                    semaphore.taken.insert(lease, self.now);
                }
                self.answer_waiter(number, Ok(Answer::Bool(true)));
                self.arm_lease_check();
            }
        }
    }

    pub(crate) fn semaphore_release(&mut self, name: &Arc<str>, lease: &Arc<str>) -> Answer {
        let semaphore = self.shared.semaphores.by_name.get_mut(name);
        let was_held = semaphore.is_some_and(|all| all.taken.remove(lease).is_some());
        self.serve_semaphore(name);
        Answer::Bool(was_held)
    }

    /// Leases that are in use; one that was taken back for lack of news is taken again.
    pub(crate) fn semaphore_refresh(&mut self, name: &Arc<str>, leases: &[Arc<str>]) -> Answer {
        let now = self.now;
        if let Some(semaphore) = self.shared.semaphores.by_name.get_mut(name) {
            for lease in leases {
                semaphore.taken.insert(lease.clone(), now);
            }
        }
        self.arm_lease_check();
        Answer::Done
    }

    pub(crate) fn semaphore_close(&mut self, name: &Arc<str>) -> Answer {
        if let Some(semaphore) = self.shared.semaphores.by_name.remove(name) {
            for (number, _) in semaphore.line {
                let text = format!("the semaphore {name:?} was closed");
                self.answer_waiter(number, Err(RequestError::Gone(text)));
            }
        }
        Answer::Done
    }

    fn arm_lease_check(&mut self) {
        let is_any = self.shared.semaphores.by_name.values().any(|all| !all.taken.is_empty());
        if is_any {
            let at = self.now.after((self.config.lease_timeout_us / 4).max(1));
            self.timers.arm(at, Timer::CheckLeases);
        }
    }

    /// Takes back leases that were not refreshed in time.
    pub(crate) fn check_leases(&mut self) {
        let (now, timeout) = (self.now, self.config.lease_timeout_us);
        let names: Vec<Arc<str>> = self.shared.semaphores.by_name.keys().cloned().collect();
        for name in names {
            if let Some(semaphore) = self.shared.semaphores.by_name.get_mut(&name) {
                semaphore.taken.retain(|_, seen| now.since(*seen) < timeout);
            }
            self.serve_semaphore(&name);
        }
        self.arm_lease_check();
    }
}
