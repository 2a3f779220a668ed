//! The values of a process, in memory and on disk: [`Store`].

use std::collections::BTreeMap;

use raskt_wire::TaskUid;
use raskt_worker::{Event, Status, View};

use crate::sim::process::WorkerEvent;
use crate::sim::world::{What, World};

/// What a process holds.
#[derive(Debug, Default)]
pub(crate) struct Store {
    held: BTreeMap<TaskUid, Held>,
    tokens: u64,
}

/// One value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) value: i64,
    /// Whose it is.
    pub(crate) place: usize,
    pub(crate) nbytes: u64,
    is_on_disk: bool,
    /// Names the move that is under way.
    moving: Option<u64>,
}

impl Store {
    /// Keeps a value, unless there is one.
    pub(crate) fn insert(&mut self, uid: TaskUid, place: usize, value: i64, nbytes: u64) {
        let held = Held { value, place, nbytes, is_on_disk: false, moving: None };
        self.held.entry(uid).or_insert(held);
    }

    pub(crate) fn remove(&mut self, uid: TaskUid) {
        self.held.remove(&uid);
    }

    pub(crate) fn get(&self, uid: TaskUid) -> Option<&Held> {
        self.held.get(&uid)
    }

    /// The value, which is in memory.
    pub(crate) fn in_memory(&self, uid: TaskUid) -> i64 {
        let held = self.held.get(&uid);
        let held = held.unwrap_or_else(|| panic!("{uid:?} is an input, but not here"));
        assert!(!held.is_on_disk, "{uid:?} is an input, but on disk: {held:?}");
        held.value
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(crate) fn memory_bytes(&self) -> u64 {
        self.held.values().filter(|held| !held.is_on_disk).map(|held| held.nbytes).sum()
    }

    /// Begins to move a value.
    fn start(&mut self, uid: TaskUid, from_disk: bool) -> u64 {
        self.tokens += 1;
        let held = self.held.get_mut(&uid).unwrap_or_else(|| panic!("{uid:?} moves, not here"));
        assert_eq!(held.is_on_disk, from_disk, "{uid:?} is not where it is to be moved from");
        assert_eq!(held.moving, None, "{uid:?} is being moved already");
        held.moving = Some(self.tokens);
        self.tokens
    }

    /// Ends a move, unless the value was dropped meanwhile.
    fn end(&mut self, uid: TaskUid, token: u64) -> Option<&mut Held> {
        let held = self.held.get_mut(&uid).filter(|held| held.moving == Some(token))?;
        held.moving = None;
        Some(held)
    }

    /// The machine knows of all values, and where they are.
    pub(crate) fn compare(&self, view: &View<'_>) {
        for (uid, held) in &self.held {
            let expected = match (held.is_on_disk, held.moving) {
                (false, None) => Status::Memory,
                (false, Some(_)) => Status::Spilling,
                (true, None) => Status::Spilled,
                (true, Some(_)) => Status::Loading,
            };
            let found = view.status(*uid);
            assert_eq!(found, Some(expected), "{:?}: {uid:?} is {held:?}", view.id());
        }
        let is_here = |uid: &TaskUid| {
            let here = [Status::Memory, Status::Spilling, Status::Spilled, Status::Loading];
            view.status(*uid).is_some_and(|status| here.contains(&status))
        };
        let here = view.tasks().iter().filter(|uid| is_here(uid)).count();
        assert_eq!(here, self.held.len(), "{:?} knows of what is not here", view.id());
    }
}

impl World {
    pub(crate) fn spill(&mut self, process: usize, uid: TaskUid) {
        self.start_move(process, uid, false, WorkerEvent::Spilled);
    }

    pub(crate) fn load(&mut self, process: usize, uid: TaskUid) {
        self.start_move(process, uid, true, WorkerEvent::Loaded);
    }

    fn start_move(
        &mut self,
        process: usize,
        uid: TaskUid,
        from_disk: bool,
        ends: impl FnOnce(TaskUid, u64) -> WorkerEvent,
    ) {
        let this = &mut self.processes[process];
        let (token, life) = (this.store.start(uid, from_disk), this.life);
        let after = self.rng.spread(100, 200_000);
        self.after(after, What::Worker { process, life, event: ends(uid, token) });
    }

    pub(crate) fn on_spilled(&mut self, process: usize, uid: TaskUid, token: u64) {
        let this = &mut self.processes[process];
        let is_full = this.full_until > self.now;
        let Some(held) = this.store.end(uid, token) else { return };
        let event = if self.code.items[held.place].is_unreadable {
            Event::SpillFailed { uid, full: false }
        } else if is_full {
            Event::SpillFailed { uid, full: true }
        } else {
            held.is_on_disk = true;
            Event::Spilled { uid, disk_bytes: held.nbytes / 2 }
        };
        self.tell_worker(process, event);
    }

    pub(crate) fn on_loaded(&mut self, process: usize, uid: TaskUid, token: u64) {
        let this = &mut self.processes[process];
        let is_bad = this.bad_until > self.now;
        let Some(held) = this.store.end(uid, token) else { return };
        held.is_on_disk = false;
        let event = if is_bad {
            this.store.remove(uid);
            Event::LoadFailed { uid, text: "the disk is bad".into() }
        } else {
            Event::Loaded { uid }
        };
        self.tell_worker(process, event);
    }
}
