//! Kinds of tasks by name, and how long such tasks take: [`Groups`].

use std::sync::Arc;

use raskt_graph::hash::Map;

/// What is known of one kind of tasks.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) name: Arc<str>,
    /// The mean duration, in 1/16 microseconds; None while none has run.
    mean: Option<u64>,
    /// What it is taken to be until then.
    default_us: Option<u64>,
    /// How many have run, and how many failed.
    pub(crate) finished: u64,
    pub(crate) failed: u64,
    /// How long all have run together.
    pub(crate) total_us: u64,
    /// The mean size of results.
    pub(crate) mean_nbytes: u64,
    /// How many of those that run were charged by guess.
    pub(crate) guesses: u32,
    /// The type of the last result.
    pub(crate) type_id: u32,
}

const SCALE: u64 = 16;

impl Group {
    /// How long one of these runs, as far as is known: measured, or given before.
    pub(crate) fn known_us(&self) -> Option<u64> {
        self.mean.map(|mean| mean / SCALE).or(self.default_us)
    }

    /// One ran so long.
    pub(crate) fn ran(&mut self, us: u64, nbytes: u64) {
        let us = us.min(u64::MAX / 64);
        let new = us * SCALE;
        self.mean = Some(self.mean.map_or(new, |mean| mean.midpoint(new)));
        self.mean_nbytes =
            if self.finished == 0 { nbytes } else { self.mean_nbytes.midpoint(nbytes) };
        self.finished += 1;
        self.total_us = self.total_us.saturating_add(us);
    }

    /// One has been running so long and is not done.
    pub(crate) fn is_running_for(&mut self, us: u64) {
        let long = us.saturating_mul(SCALE);
        if self.mean.is_some_and(|mean| long > mean.saturating_mul(2)) {
            self.mean = Some(long);
        }
    }
}

/// All kinds, and the names of types of results.
#[derive(Debug)]
pub(crate) struct Groups {
    list: Vec<Group>,
    by_name: Map<Arc<str>, u32>,
    defaults: Map<Arc<str>, u64>,
    types: Vec<Arc<str>>,
    type_ids: Map<Arc<str>, u32>,
}

/// More names of types than that are not kept apart: they come from outside.
const MAX_TYPES: usize = 10_000;

impl Groups {
    pub(crate) fn new(durations: &[(Arc<str>, u64)]) -> Groups {
        Groups {
            list: Vec::new(),
            by_name: Map::default(),
            defaults: durations.iter().cloned().collect(),
            types: vec!["".into()],
            type_ids: [("".into(), 0)].into_iter().collect(),
        }
    }

    pub(crate) fn intern(&mut self, name: &Arc<str>) -> u32 {
        if let Some(id) = self.by_name.get(name) {
            return *id;
        }
        let id = self.list.len() as u32;
        self.by_name.insert(name.clone(), id);
        self.list.push(Group {
            name: name.clone(),
            mean: None,
            default_us: self.defaults.get(name).copied(),
            finished: 0,
            failed: 0,
            total_us: 0,
            mean_nbytes: 0,
            guesses: 0,
            type_id: 0,
        });
        id
    }

    pub(crate) fn intern_type(&mut self, group: u32, name: &Arc<str>) -> u32 {
        let last = self.list[group as usize].type_id;
        if *self.types[last as usize] == **name {
            return last;
        }
        let known = self.type_ids.get(name).copied();
        let id = match known {
            Some(id) => id,
            None if self.types.len() >= MAX_TYPES => 0,
            None => {
                let id = self.types.len() as u32;
                self.types.push(name.clone());
                self.type_ids.insert(name.clone(), id);
                id
            }
        };
        self.list[group as usize].type_id = id;
        id
    }

    pub(crate) fn type_name(&self, id: u32) -> &Arc<str> {
        &self.types[id as usize]
    }

    pub(crate) fn get(&self, id: u32) -> &Group {
        &self.list[id as usize]
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> &mut Group {
        &mut self.list[id as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.list.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::Groups;

    #[test]
    fn durations_follow_what_is_measured() {
        let mut groups = Groups::new(&[("slow".into(), 7_000)]);
        let (fast, slow) = (groups.intern(&"fast".into()), groups.intern(&"slow".into()));
        assert_eq!(groups.get(fast).known_us(), None);
        assert_eq!(groups.get(slow).known_us(), Some(7_000));
        groups.get_mut(fast).ran(100, 8);
        groups.get_mut(fast).ran(200, 8);
        assert_eq!(groups.get(fast).known_us(), Some(150));
        groups.get_mut(fast).is_running_for(200);
        assert_eq!(groups.get(fast).known_us(), Some(150), "that is not unusual");
        groups.get_mut(fast).is_running_for(2_000);
        assert_eq!(groups.get(fast).known_us(), Some(2_000));
    }
}
