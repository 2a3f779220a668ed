//! Who wants which result: [`Wants`].

use raskt_graph::hash::Map;
use raskt_wire::{ClientId, Handle, TaskUid};

use crate::segment::{NONE, Task};
use crate::slab::Slab;

/// Handles of a client are kept in pages of so many.
const PAGE: usize = 64;

/// Somebody wants a result to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Want {
    pub(crate) uid: TaskUid,
    pub(crate) by: Wanting,
    /// The next want of the same task.
    next: u32,
}

/// Who wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanting {
    /// A client, who hears of it by its handle.
    Client(ClientId, Handle),
    /// Something shared refers to it.
    Shared,
    /// A client that is bringing the data, and does not want it by a handle yet.
    Bringing(ClientId),
}

/// All wants: a list for each task, whose head is with the task.
#[derive(Debug, Default)]
pub(crate) struct Wants {
    slab: Slab<Want>,
}

impl Wants {
    /// Adds one to the list of the task and gives its number.
    pub(crate) fn add(&mut self, task: &mut Task, uid: TaskUid, by: Wanting) -> u32 {
        let number = self.slab.insert(Want { uid, by, next: task.want });
        task.want = number;
        number
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Want> {
        self.slab.get(number)
    }

    /// Takes it out of the list of the task, which is the one it names.
    pub(crate) fn remove(&mut self, task: &mut Task, number: u32) {
        let Some(removed) = self.slab.remove(number) else { return };
        if task.want == number {
            task.want = removed.next;
            return;
        }
        let mut at = task.want;
        while let Some(want) = self.slab.get_mut(at) {
            if want.next == number {
                want.next = removed.next;
                return;
            }
            at = want.next;
        }
    }

    /// Who wants the task, the last first.
    pub(crate) fn of(&self, task: &Task) -> impl Iterator<Item = (u32, Wanting)> + '_ {
        let mut at = task.want;
        std::iter::from_fn(move || {
            let want = self.slab.get(at)?;
            let number = std::mem::replace(&mut at, want.next);
            Some((number, want.by))
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Want)> {
        self.slab.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.slab.bytes()
    }
}

/// The handles of one client: which want each stands for. Clients count handles upwards, so
/// pages are full.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    pages: Map<u64, Box<Page>>,
    len: usize,
}

#[derive(Debug)]
struct Page {
    used: u32,
    wants: [u32; PAGE],
}

impl Handles {
    /// Notes it, unless the handle is in use.
    pub(crate) fn insert(&mut self, handle: Handle, want: u32) -> bool {
        let empty = || Box::new(Page { used: 0, wants: [NONE; PAGE] });
        let page = self.pages.entry(handle.0 / PAGE as u64).or_insert_with(empty);
        let place = &mut page.wants[handle.0 as usize % PAGE];
        if *place != NONE {
            return false;
        }
        *place = want;
        page.used += 1;
        self.len += 1;
        true
    }

    pub(crate) fn get(&self, handle: Handle) -> Option<u32> {
        let page = self.pages.get(&(handle.0 / PAGE as u64))?;
        Some(page.wants[handle.0 as usize % PAGE]).filter(|want| *want != NONE)
    }

    pub(crate) fn remove(&mut self, handle: Handle) -> Option<u32> {
        let number = handle.0 / PAGE as u64;
        let page = self.pages.get_mut(&number)?;
        let want = std::mem::replace(&mut page.wants[handle.0 as usize % PAGE], NONE);
        if want == NONE {
            return None;
        }
        page.used -= 1;
        self.len -= 1;
        if page.used == 0 {
            self.pages.remove(&number);
        }
        Some(want)
    }

    /// All wants, by handle.
    pub(crate) fn all(&self) -> Vec<u32> {
        let mut pages: Vec<_> = self.pages.iter().collect();
        pages.sort_unstable_by_key(|(number, _)| **number);
        let wants = pages.into_iter().flat_map(|(_, page)| page.wants);
        wants.filter(|want| *want != NONE).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn bytes(&self) -> usize {
        self.pages.allocation_size() + self.pages.len() * size_of::<Page>()
    }
}

#[cfg(test)]
mod tests {
    use raskt_wire::Handle;

    use super::Handles;

    #[test]
    fn handles_are_found_until_they_are_removed() {
        let mut handles = Handles::default();
        for number in [0, 1, 63, 64, u64::MAX] {
            assert!(handles.insert(Handle(number), number as u32 / 2));
            assert!(!handles.insert(Handle(number), 7), "a handle is used once");
        }
        assert_eq!(handles.get(Handle(64)), Some(32));
        assert_eq!(handles.remove(Handle(64)), Some(32));
        assert_eq!(handles.remove(Handle(64)), None);
        assert_eq!((handles.get(Handle(2)), handles.len()), (None, 4));
    }
}
