//! Tasks that wait for a thread, by what they hold while they run: [`Queue`].

use std::collections::BTreeSet;
use std::sync::Arc;

use raskt_wire::{Priority, TaskUid};

/// Tasks whose inputs are here, in one row for each combination of resources.
///
/// The most urgent task whose resources are free goes first; one that must wait for resources
/// holds up only its like.
#[derive(Debug)]
pub(crate) struct Queue {
    /// What the worker has of each resource, and how much of that is free.
    resources: Vec<Resource>,
    /// Row 0 needs nothing.
    classes: Vec<Class>,
    len: usize,
}

#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) name: Arc<str>,
    pub(crate) total: i64,
    pub(crate) free: i64,
}

#[derive(Debug)]
pub(crate) struct Class {
    asks: Vec<(Arc<str>, f64)>,
    /// A place in `resources` and an amount. None: the worker has not got one of them.
    pub(crate) holds: Option<Vec<(usize, i64)>>,
    pub(crate) ready: BTreeSet<(Priority, TaskUid)>,
}

/// Amounts are counted in millionths, so that what was taken and given back adds up.
const UNIT: f64 = 1e6;

fn amount(value: f64) -> i64 {
    (value * UNIT).round() as i64
}

impl Queue {
    pub(crate) fn new(resources: &[(Arc<str>, f64)]) -> Queue {
        let resource = |(name, value): &(Arc<str>, f64)| Resource {
            name: name.clone(),
            total: amount(*value),
            free: amount(*value),
        };
        let usual = Class { asks: Vec::new(), holds: Some(Vec::new()), ready: BTreeSet::new() };
        Queue { resources: resources.iter().map(resource).collect(), classes: vec![usual], len: 0 }
    }

    /// The row of tasks that ask for these resources.
    pub(crate) fn class(&mut self, asks: &[(Arc<str>, f64)]) -> u32 {
        if asks.is_empty() {
            return 0;
        }
        let found = self.classes.iter().position(|class| class.asks == asks);
        let at = found.unwrap_or_else(|| {
            let place = |(name, value): &(Arc<str>, f64)| {
                let at = self.resources.iter().position(|resource| resource.name == *name)?;
                Some((at, amount(*value).max(0)))
            };
            let holds = asks.iter().map(place).collect();
            self.classes.push(Class { asks: asks.into(), holds, ready: BTreeSet::new() });
            self.classes.len() - 1
        });
        at as u32
    }

    pub(crate) fn push(&mut self, class: u32, priority: Priority, uid: TaskUid) {
        if self.classes[class as usize].ready.insert((priority, uid)) {
            self.len += 1;
        }
    }

    pub(crate) fn remove(&mut self, class: u32, priority: Priority, uid: TaskUid) {
        if self.classes[class as usize].ready.remove(&(priority, uid)) {
            self.len -= 1;
        }
    }

    /// The most urgent task whose resources are free. It holds them from now on.
    pub(crate) fn pop(&mut self) -> Option<TaskUid> {
        if self.len == 0 {
            return None;
        }
        let firsts = self.classes.iter().enumerate().filter(|(_, class)| self.fits(class));
        let firsts = firsts.filter_map(|(at, class)| Some((class.ready.first()?, at)));
        let (_, at) = firsts.min()?;
        let (_, uid) = self.classes[at].ready.pop_first()?;
        self.len -= 1;
        self.change(at as u32, -1);
        Some(uid)
    }

    /// A task of this row does not run any more.
    pub(crate) fn give_back(&mut self, class: u32) {
        self.change(class, 1);
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Must tasks of this row wait for others of theirs to end?
    pub(crate) fn is_constrained(&self, class: u32) -> bool {
        !self.fits(&self.classes[class as usize])
    }

    pub(crate) fn resources(&self) -> &[Resource] {
        &self.resources
    }

    pub(crate) fn classes(&self) -> &[Class] {
        &self.classes
    }

    fn fits(&self, class: &Class) -> bool {
        let fits = |&(at, amount): &(usize, i64)| self.resources[at].free >= amount;
        class.holds.as_ref().is_some_and(|holds| holds.iter().all(fits))
    }

    fn change(&mut self, class: u32, sign: i64) {
        for &(at, amount) in self.classes[class as usize].holds.iter().flatten() {
            self.resources[at].free += sign * amount;
        }
    }
}
