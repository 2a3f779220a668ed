//! Where a run keeps its intermediate results: [`Store`].

use std::sync::Arc;

use raskt_graph::{Graph, RunError, TaskId, Value};

use crate::memory::{Account, Memory};
use crate::spill::{Folder, SpillError, Spilled, encode};
use crate::sync::{AtomicBool, Mutex, Ordering};

/// The results of the tasks of one run, each until its last reader has taken it.
///
/// A result is in memory, on disk, or both. No lock is held while one is written or read:
/// that may need an interpreter, which another thread may hold while it waits for the lock.
pub struct Store {
    slots: Box<[Mutex<Slot>]>,
    memory: Arc<Memory>,
    folder: Mutex<Option<Arc<Folder>>>,
    /// The results in memory that are worth a file; some may be gone. Kept only if there is a
    /// limit.
    large: Mutex<Vec<TaskId>>,
    /// Is a thread moving results to disk?
    spilling: AtomicBool,
}

struct Slot {
    value: Option<Value>,
    file: Option<Arc<Spilled>>,
    /// What was booked for the value: another look might tell another size.
    nbytes: usize,
    /// How many will still take the result.
    readers: u32,
    /// Was the result here?
    done: bool,
}

/// Smaller results stay in memory: a file costs more than they do.
const MIN_SPILL_BYTES: usize = 16 * 1024;

/// A result for one of its readers.
pub(crate) struct Taken {
    pub(crate) value: Value,
    /// How many bytes are booked for it.
    pub(crate) nbytes: usize,
    /// Nobody else will take it.
    pub(crate) is_last: bool,
    /// It came from disk.
    pub(crate) was_loaded: bool,
}

/// What became of an attempt to move results to disk.
pub(crate) enum Progress {
    /// So many bytes were moved, these results.
    Moved(Vec<(TaskId, usize)>),
    /// There is nothing to move.
    Nothing,
    /// Another thread is at it.
    Busy,
}

impl Store {
    /// An empty store for the tasks of `graph`.
    pub fn new(graph: &Graph, memory: Arc<Memory>) -> Store {
        let slot = |id| {
            let readers = graph.dependents(id).len() as u32;
            Slot { value: None, file: None, nbytes: 0, readers, done: false }
        };
        let mut slots: Vec<Mutex<Slot>> = graph.ids().map(|id| Mutex::new(slot(id))).collect();
        for output in graph.outputs() {
            // The caller reads it at the end.
            slots[output.index()].lock().readers += 1;
        }
        let slots = std::mem::take(&mut slots).into();
        Store {
            slots,
            memory,
            folder: Mutex::new(None),
            large: Mutex::new(Vec::new()),
            spilling: AtomicBool::new(false),
        }
    }

    /// Keeps a result; tells whether anything will read it.
    pub(crate) fn put(&self, id: TaskId, value: &Value, account: &mut Account<'_>) -> bool {
        let nbytes = value.nbytes();
        let mut slot = self.slots[id.index()].lock();
        assert!(!slot.done, "{id:?} has its result already");
        slot.done = true;
        if slot.readers == 0 {
            return false;
        }
        slot.value = Some(value.clone());
        slot.nbytes = nbytes;
        drop(slot);
        account.book(nbytes as isize);
        self.note(id, nbytes);
        true
    }

    /// A result came into memory.
    fn note(&self, id: TaskId, nbytes: usize) {
        if nbytes >= MIN_SPILL_BYTES && self.memory.limit().is_some() {
            self.large.lock().push(id);
        }
    }

    /// May there be results to move to disk?
    pub(crate) fn has_large(&self) -> bool {
        !self.large.lock().is_empty()
    }

    /// Takes a result for one of its readers. The last one gets it for itself.
    pub(crate) fn take(&self, id: TaskId) -> Result<Taken, SpillError> {
        let mut slot = self.slots[id.index()].lock();
        assert!(slot.done && slot.readers > 0, "{id:?} is there for those who still need it");
        let mut was_loaded = false;
        if slot.value.is_none() {
            let file = slot.file.clone();
            drop(slot);
            let file = file.expect("a result that is done and needed is in memory or on disk");
            let value = file.read()?;
            let nbytes = value.nbytes();
            slot = self.slots[id.index()].lock();
            was_loaded = slot.value.is_none();
            if was_loaded {
                self.memory.book(nbytes as isize);
                slot.value = Some(value);
                slot.nbytes = nbytes;
            }
        }
        slot.readers -= 1;
        let is_last = slot.readers == 0;
        let value = if is_last { slot.value.take() } else { slot.value.clone() };
        let file = if is_last { slot.file.take() } else { None };
        let nbytes = slot.nbytes;
        drop(slot);
        // The file is removed without the lock.
        drop(file);
        let value = value.expect("it was found or loaded above");
        if was_loaded {
            self.memory.note_moved(nbytes);
            if !is_last {
                self.note(id, nbytes);
            }
        }
        Ok(Taken { value, nbytes, is_last, was_loaded })
    }

    /// Would taking the inputs of the task free memory when it is done?
    pub(crate) fn releases(&self, graph: &Graph, id: TaskId) -> bool {
        graph.dependencies(id).iter().any(|dep| {
            let slot = self.slots[dep.index()].lock();
            slot.readers == 1 && slot.value.is_some() && slot.nbytes > 0
        })
    }

    /// Moves results to disk until memory is well below its limit, those first that are
    /// needed last.
    pub(crate) fn spill(&self, graph: &Graph) -> Result<Progress, (TaskId, SpillError)> {
        if self.spilling.swap(true, Ordering::SeqCst) {
            return Ok(Progress::Busy);
        }
        let moved = self.spill_some(graph);
        self.spilling.store(false, Ordering::SeqCst);
        Ok(match moved? {
            moved if moved.is_empty() => Progress::Nothing,
            moved => Progress::Moved(moved),
        })
    }

    fn spill_some(&self, graph: &Graph) -> Result<Vec<(TaskId, usize)>, (TaskId, SpillError)> {
        let large = std::mem::take(&mut *self.large.lock());
        let mut candidates: Vec<(TaskId, TaskId)> = large
            .into_iter()
            .filter(|id| self.slots[id.index()].lock().value.is_some())
            .map(|id| (self.next_use(graph, id), id))
            .collect();
        candidates.sort_unstable();
        let mut moved = Vec::new();
        while self.memory.excess() > 0
            && let Some((_, id)) = candidates.pop()
        {
            match self.spill_one(id) {
                Ok(0) => {}
                Ok(nbytes) => moved.push((id, nbytes)),
                // It cannot be written, so it stays, and is not tried again.
                Err(SpillError::Codec(_)) => {}
                Err(error) => return Err((id, error)),
            }
        }
        self.large.lock().extend(candidates.into_iter().map(|(_, id)| id));
        Ok(moved)
    }

    /// The first task that will take the result; for outputs, after all.
    fn next_use(&self, graph: &Graph, id: TaskId) -> TaskId {
        let mut dependents = graph.dependents(id).iter();
        let next = dependents.find(|d| !self.slots[d.index()].lock().done);
        next.copied().unwrap_or(TaskId(u32::MAX))
    }

    /// Moves one result; tells how many bytes that freed.
    fn spill_one(&self, id: TaskId) -> Result<usize, SpillError> {
        let (value, file) = {
            let slot = self.slots[id.index()].lock();
            (slot.value.clone(), slot.file.clone())
        };
        let Some(value) = value else { return Ok(0) };
        let file = match file {
            Some(file) => file,
            None => {
                let encoded = encode(&value)?;
                Arc::new(self.folder()?.write(id.0, &value, &encoded)?)
            }
        };
        let mut slot = self.slots[id.index()].lock();
        if slot.value.is_none() {
            // Its last reader took it meanwhile.
            return Ok(0);
        }
        let nbytes = slot.nbytes;
        let kept = slot.value.take();
        slot.file = Some(file);
        drop(slot);
        drop((kept, value));
        self.memory.book(-(nbytes as isize));
        self.memory.note_moved(nbytes);
        Ok(nbytes)
    }

    fn folder(&self) -> Result<Arc<Folder>, SpillError> {
        let mut folder = self.folder.lock();
        match &*folder {
            Some(folder) => Ok(folder.clone()),
            None => Ok(folder.insert(Arc::new(Folder::create(self.memory.folder())?)).clone()),
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let held = |slot: &Mutex<Slot>| {
            let slot = slot.lock();
            if slot.value.is_some() { slot.nbytes } else { 0 }
        };
        let held: usize = self.slots.iter().map(held).sum();
        self.memory.book(-(held as isize));
    }
}

/// The run's error for a result that could not be moved.
pub(crate) fn spill_error(
    graph: &Graph,
    id: TaskId,
    direction: &'static str,
    error: SpillError,
) -> RunError {
    let key = graph.node(id).key().clone();
    match error {
        SpillError::Io(path, source) => {
            RunError::Spill { key, direction, path: path.display().to_string(), source }
        }
        SpillError::Codec(source) => RunError::Codec { key, source },
    }
}
