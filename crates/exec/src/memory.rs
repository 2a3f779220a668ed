//! The ledger of intermediate results: how many bytes there are, and how many there may be.

use std::path::PathBuf;

use crate::sync::{AtomicIsize, AtomicUsize, Ordering};

/// How much memory intermediate results may take, over all runs that share it.
///
/// Above [`TARGET`] of the limit results move to disk in the background. At the limit, tasks
/// that would produce more wait for those that release some.
pub struct Memory {
    limit: Option<usize>,
    /// Above this results move to disk.
    target: usize,
    folder: PathBuf,
    used: AtomicIsize,
    /// How many bytes were moved to or from disk since freed memory was last given back.
    moved: AtomicUsize,
}

/// The share of the limit above which results move to disk.
pub const TARGET: f64 = 0.7;
/// The share of the limit down to which they do.
const LOW: f64 = 0.6;

impl Memory {
    /// At most `limit` bytes (if any); what is too much goes to files in `folder`.
    pub fn new(limit: Option<usize>, folder: impl Into<PathBuf>) -> Memory {
        let target = (limit.unwrap_or(0) as f64 * TARGET) as usize;
        Memory {
            limit,
            target,
            folder: folder.into(),
            used: AtomicIsize::new(0),
            moved: AtomicUsize::new(0),
        }
    }

    /// No limit.
    pub fn unlimited() -> Memory {
        Memory::new(None, std::env::temp_dir())
    }

    /// The bytes that results take now.
    pub fn used(&self) -> usize {
        // Releases may be booked before what they release is: below zero is nothing.
        self.used.load(Ordering::Relaxed).max(0) as usize
    }

    /// The bytes that they may take.
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// Where results go that do not fit.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    pub(crate) fn book(&self, delta: isize) {
        self.used.fetch_add(delta, Ordering::Relaxed);
    }

    /// So many bytes were moved to or from disk: of what that took and left, the allocator keeps
    /// a part for next time, soon as much as was moved. Now and then it has to give it back.
    pub(crate) fn note_moved(&self, nbytes: usize) {
        let moved = self.moved.fetch_add(nbytes, Ordering::Relaxed) + nbytes;
        if self.limit.is_some_and(|limit| moved > limit / 32) {
            self.moved.store(0, Ordering::Relaxed);
            give_back_free_memory();
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.used() >= limit)
    }

    pub(crate) fn is_above_target(&self) -> bool {
        self.limit.is_some() && self.used() > self.target
    }

    /// How many bytes must go until all is well.
    pub(crate) fn excess(&self) -> usize {
        self.limit.map_or(0, |limit| self.used().saturating_sub((limit as f64 * LOW) as usize))
    }
}

/// Returns freed memory to the system: the C library keeps some for every thread.
fn give_back_free_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            fn malloc_trim(keep: usize) -> std::ffi::c_int;
        }
        // SAFETY: it may be called at any time from any thread.
        unsafe { malloc_trim(0) };
    }
}

/// Bookings of one thread, passed on in large sums: threads need not fight for the ledger.
pub(crate) struct Account<'a> {
    memory: &'a Memory,
    pending: isize,
}

const LARGE: isize = 64 * 1024;

impl<'a> Account<'a> {
    pub(crate) fn new(memory: &'a Memory) -> Account<'a> {
        Account { memory, pending: 0 }
    }

    pub(crate) fn book(&mut self, delta: isize) {
        self.pending += delta;
        if self.pending.abs() >= LARGE {
            self.flush();
        }
    }

    pub(crate) fn flush(&mut self) {
        self.memory.book(std::mem::take(&mut self.pending));
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        self.flush();
    }
}
