//! The values that a worker holds, in memory and on disk: [`Store`].
//!
//! What came over the network stays as it came until a task needs it. No lock is held while a
//! value is encoded, decoded or dropped: each may need an interpreter.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use raskt_graph::hash::Map;
use raskt_graph::{CodecError, Value};
use raskt_wire::{TaskUid, WireValue};

use crate::host::Host;

/// The values of a worker.
pub(crate) struct Store {
    held: Mutex<Map<TaskUid, Entry>>,
    /// The keys of what is held, where they are known.
    keys: Mutex<Map<Arc<str>, TaskUid>>,
    last_serial: AtomicU64,
    folder: Folder,
}

struct Entry {
    held: Held,
    key: Option<Arc<str>>,
    nbytes: u64,
    /// Unlike that of any other entry: a task may be forgotten and come back.
    serial: u64,
}

/// A value that came.
pub(crate) struct New {
    pub(crate) uid: TaskUid,
    /// The name of its task, if it is known.
    pub(crate) key: Option<Arc<str>>,
    pub(crate) held: Held,
    /// Its size in memory.
    pub(crate) nbytes: u64,
}

/// A value as it is held.
#[derive(Clone)]
pub(crate) enum Held {
    Value(Value),
    Encoded(WireValue),
    Disk(Arc<OnDisk>),
}

/// A value in a file, which goes when this does.
pub(crate) struct OnDisk {
    path: PathBuf,
    codec: Arc<str>,
    header: usize,
    buffers: Vec<usize>,
}

/// A folder that is made when it is needed, and removed at the end.
struct Folder {
    parent: PathBuf,
    made: Mutex<Option<tempfile::TempDir>>,
}

/// Why a value could not be moved or used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("{path}: {source}", path = path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("it is not on this worker")]
    Missing,
}

impl Store {
    pub(crate) fn new(folder: PathBuf) -> Store {
        Store {
            held: Mutex::default(),
            keys: Mutex::default(),
            last_serial: AtomicU64::new(0),
            folder: Folder { parent: folder, made: Mutex::default() },
        }
    }

    /// Keeps a value. One that is there already is not replaced: the new one comes back.
    pub(crate) fn insert(&self, new: New) -> Option<Held> {
        let New { uid, key, held, nbytes } = new;
        let serial = self.last_serial.fetch_add(1, Ordering::Relaxed);
        let mut all = self.held.lock();
        if all.contains_key(&uid) {
            return Some(held);
        }
        if let Some(key) = &key {
            self.keys.lock().insert(key.clone(), uid);
        }
        all.insert(uid, Entry { held, key, nbytes, serial });
        None
    }

    /// Gives up a value; whoever gets it drops it.
    pub(crate) fn remove(&self, uid: TaskUid) -> Option<Held> {
        let entry = self.held.lock().remove(&uid)?;
        if let Some(key) = &entry.key {
            let mut keys = self.keys.lock();
            // Another task may have the key by now.
            if keys.get(key) == Some(&uid) {
                keys.remove(key);
            }
        }
        Some(entry.held)
    }

    /// The keys of what is held here, sorted.
    pub(crate) fn keys(&self) -> Vec<Arc<str>> {
        let mut keys: Vec<_> = self.keys.lock().keys().cloned().collect();
        keys.sort_unstable();
        keys
    }

    /// Whose result has this key.
    pub(crate) fn uid_of(&self, key: &str) -> Option<TaskUid> {
        self.keys.lock().get(key).copied()
    }

    pub(crate) fn get(&self, uid: TaskUid) -> Option<(Held, u64)> {
        self.held.lock().get(&uid).map(|entry| (entry.held.clone(), entry.nbytes))
    }

    /// The value, for a task. What was encoded is not any more.
    pub(crate) fn value(&self, uid: TaskUid, host: &dyn Host) -> Result<Value, StoreError> {
        let (held, serial) = self.entry(uid)?;
        let encoded = match held {
            Held::Value(value) => return Ok(value),
            Held::Encoded(encoded) => encoded,
            Held::Disk(file) => return Ok(host.decode(file.read()?)?),
        };
        let value = host.decode(encoded)?;
        self.replace(uid, serial, Held::Value(value.clone()));
        Ok(value)
    }

    /// The value as bytes, for a peer.
    pub(crate) fn encoded(&self, uid: TaskUid, host: &dyn Host) -> Result<WireValue, StoreError> {
        match self.entry(uid)?.0 {
            Held::Value(value) => Ok(host.encode(&value)?),
            Held::Encoded(encoded) => Ok(encoded),
            Held::Disk(file) => file.read(),
        }
    }

    /// Moves a value to disk: how many bytes it has there. None if it was dropped meanwhile.
    pub(crate) fn spill(&self, uid: TaskUid, host: &dyn Host) -> Result<Option<u64>, StoreError> {
        let Ok((held, serial)) = self.entry(uid) else { return Ok(None) };
        let encoded = match held {
            Held::Value(value) => host.encode(&value)?,
            Held::Encoded(encoded) => encoded,
            Held::Disk(file) => return Ok(Some(file.nbytes())),
        };
        let file = self.folder.write(serial, &encoded)?;
        let nbytes = file.nbytes();
        Ok(self.replace(uid, serial, Held::Disk(Arc::new(file))).then_some(nbytes))
    }

    /// Reads a value from disk. False if it was dropped meanwhile.
    pub(crate) fn load(&self, uid: TaskUid) -> Result<bool, StoreError> {
        let Ok((held, serial)) = self.entry(uid) else { return Ok(false) };
        match held {
            Held::Disk(file) => Ok(self.replace(uid, serial, Held::Encoded(file.read()?))),
            Held::Value(_) | Held::Encoded(_) => Ok(true),
        }
    }

    /// Takes all values out.
    pub(crate) fn clear(&self) -> Vec<Held> {
        self.keys.lock().clear();
        let all = std::mem::take(&mut *self.held.lock());
        all.into_iter().map(|(_, entry)| entry.held).collect()
    }

    fn entry(&self, uid: TaskUid) -> Result<(Held, u64), StoreError> {
        let held = self.held.lock();
        let entry = held.get(&uid).ok_or(StoreError::Missing)?;
        Ok((entry.held.clone(), entry.serial))
    }

    /// Puts another form of the same value in its place, if it is still there.
    fn replace(&self, uid: TaskUid, serial: u64, new: Held) -> bool {
        let mut all = self.held.lock();
        let Some(entry) = all.get_mut(&uid).filter(|entry| entry.serial == serial) else {
            return false;
        };
        let old = std::mem::replace(&mut entry.held, new);
        drop(all);
        drop(old);
        true
    }
}

impl StoreError {
    /// Is the disk full?
    pub(crate) fn is_full(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        matches!(self, StoreError::Io { source, .. } if full.contains(&source.kind()))
    }
}

impl Folder {
    fn path(&self) -> Result<PathBuf, StoreError> {
        let mut made = self.made.lock();
        if let Some(folder) = &*made {
            return Ok(folder.path().to_path_buf());
        }
        let folder = fs::create_dir_all(&self.parent)
            .and_then(|()| {
                tempfile::Builder::new().prefix("raskt-worker-").tempdir_in(&self.parent)
            })
            .map_err(|source| StoreError::Io { path: self.parent.clone(), source })?;
        let path = folder.path().to_path_buf();
        *made = Some(folder);
        Ok(path)
    }

    fn write(&self, serial: u64, value: &WireValue) -> Result<OnDisk, StoreError> {
        // Dropping it on the way out removes what was written of the file.
        let on_disk = OnDisk {
            path: self.path()?.join(serial.to_string()),
            codec: value.codec.clone(),
            header: value.header.len(),
            buffers: value.buffers.iter().map(Bytes::len).collect(),
        };
        let write = |path: &Path| {
            let mut file = File::create(path)?;
            file.write_all(&value.header)?;
            value.buffers.iter().try_for_each(|buffer| file.write_all(buffer))
        };
        match write(&on_disk.path) {
            Ok(()) => Ok(on_disk),
            Err(source) => Err(StoreError::Io { path: on_disk.path.clone(), source }),
        }
    }
}

impl OnDisk {
    fn nbytes(&self) -> u64 {
        (self.header + self.buffers.iter().sum::<usize>()) as u64
    }

    fn read(&self) -> Result<WireValue, StoreError> {
        let read = || -> io::Result<WireValue> {
            let mut file = File::open(&self.path)?;
            let mut part = |length: usize| {
                let mut bytes = Vec::with_capacity(length);
                let count = (&mut file).take(length as u64).read_to_end(&mut bytes)?;
                if count < length {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
                }
                Ok(Bytes::from(bytes))
            };
            let header = part(self.header)?;
            let buffers = self.buffers.iter().map(|length| part(*length));
            let buffers = buffers.collect::<io::Result<_>>()?;
            Ok(WireValue { codec: self.codec.clone(), header, buffers })
        };
        read().map_err(|source| StoreError::Io { path: self.path.clone(), source })
    }
}

impl Drop for OnDisk {
    fn drop(&mut self) {
        // What cannot be removed now goes with the folder.
        let _ = fs::remove_file(&self.path);
    }
}
