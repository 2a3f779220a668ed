//! Results on disk: one file each, gone when nothing needs it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use raskt_graph::value::Decode;
use raskt_graph::{CodecError, Encoded, Value};

use crate::panics::catch;

/// A result on disk. Dropping it removes the file.
pub(crate) struct Spilled {
    path: PathBuf,
    type_name: &'static str,
    decode: Decode,
    header: usize,
    buffers: Vec<usize>,
}

/// Why a result could not be moved.
pub(crate) enum SpillError {
    Io(PathBuf, io::Error),
    Codec(CodecError),
}

/// The form of a value as bytes.
pub(crate) fn encode(value: &Value) -> Result<Encoded, SpillError> {
    let type_name = value.data().type_name();
    let encoded = catch(|| value.data().encode()).unwrap_or_else(|message| {
        Err(CodecError::Encode { type_name, source: format!("panic: {message}").into() })
    });
    encoded.map_err(SpillError::Codec)
}

/// A folder for the results of one run, made when first needed and removed with the run.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn create(parent: &Path) -> Result<Folder, SpillError> {
        fs::create_dir_all(parent)
            .and_then(|()| tempfile::Builder::new().prefix("raskt-spill-").tempdir_in(parent))
            .map(Folder)
            .map_err(|e| SpillError::Io(parent.to_path_buf(), e))
    }

    /// Writes a value, in its form as bytes, to the file with this number.
    pub(crate) fn write(
        &self,
        number: u32,
        value: &Value,
        encoded: &Encoded,
    ) -> Result<Spilled, SpillError> {
        let path = self.0.path().join(number.to_string());
        // Dropping it on the way out removes what was written of the file.
        let spilled = Spilled {
            path,
            type_name: value.data().type_name(),
            decode: encoded.decode,
            header: encoded.header.len(),
            buffers: encoded.buffers.iter().map(|buffer| (**buffer).as_ref().len()).collect(),
        };
        let write = || {
            let mut file = File::create(&spilled.path)?;
            file.write_all(&encoded.header)?;
            encoded.buffers.iter().try_for_each(|buffer| file.write_all((**buffer).as_ref()))
        };
        match write() {
            Ok(()) => Ok(spilled),
            Err(e) => Err(SpillError::Io(spilled.path.clone(), e)),
        }
    }
}

impl Spilled {
    /// Reads the value back.
    pub(crate) fn read(&self) -> Result<Value, SpillError> {
        let read = || {
            let mut file = File::open(&self.path)?;
            let mut header = vec![0; self.header];
            file.read_exact(&mut header)?;
            let mut buffers = Vec::with_capacity(self.buffers.len());
            for length in &self.buffers {
                let mut buffer = vec![0; *length];
                file.read_exact(&mut buffer)?;
                buffers.push(buffer);
            }
            Ok((header, buffers))
        };
        let (header, buffers) = read().map_err(|e| SpillError::Io(self.path.clone(), e))?;
        let decoded = catch(|| (self.decode)(&header, buffers)).unwrap_or_else(|message| {
            let source = format!("panic: {message}").into();
            Err(CodecError::Decode { type_name: self.type_name, source })
        });
        decoded.map_err(SpillError::Codec)
    }
}

impl Drop for Spilled {
    fn drop(&mut self) {
        // What cannot be removed now goes with the folder.
        let _ = fs::remove_file(&self.path);
    }
}
