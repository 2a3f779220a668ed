//! What a task calls, and with what, on its way from a client to a worker.
//!
//! A payload is a callee and its arguments. What is large or used by many tasks is not in it
//! but in a blob, to which it refers by its place in the task's list of blobs. The scheduler
//! reads none of this.
//!
//! [`Packer`] writes payloads and collects blobs, [`unpack`] reads them. What functions and
//! values look like as bytes is up to a [`Codec`].

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use raskt_graph::function::{ALIAS, Alias};
use raskt_graph::hash::Map;
use raskt_graph::{Arg, CodecError, Function, Portable, Value};
use raskt_wire::codec::{Reader, Writer};
use raskt_wire::{Blob, BlobId, Packet, WireError, WireValue};

/// Turns the functions and values of one language into bytes and back.
pub trait Codec: Send + Sync {
    /// A value as bytes.
    ///
    /// # Errors
    /// If it has no such form.
    fn encode(&self, value: &Value) -> Result<WireValue, CodecError>;

    /// Values with the same number are written once where many are. None: only copies of one.
    fn identity(&self, _value: &Value) -> Option<usize> {
        None
    }

    /// A value from its bytes.
    ///
    /// # Errors
    /// If they are not in a form that is known here.
    fn decode(&self, value: WireValue) -> Result<Value, CodecError>;

    /// A function from what it is called outside of its process.
    ///
    /// # Errors
    /// If there is no such function here.
    fn function(&self, portable: &Portable) -> Result<Arc<dyn Function>, CodecError>;
}

/// Why a payload could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// A function or a value has no form as bytes, or none that is known here.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The bytes are not a payload.
    #[error("the task was damaged on its way: {0}")]
    Wire(#[from] WireError),
    /// It refers to a blob that is not there.
    #[error("the task needs shared bytes number {0}, which did not come with it")]
    NoBlob(usize),
    /// Lists and calls are nested too deeply.
    #[error("the arguments of a task are nested more than {MOST_NESTED} deep")]
    TooDeep,
}

/// How deep lists and calls in arguments may be nested.
const MOST_NESTED: usize = 200;

/// Values of more bytes become blobs.
const MOST_INLINE_BYTES: usize = 1024;

/// The codec of functions in blobs.
const FUNCTION: &str = "function";

/// Writes payloads, and collects the blobs that they share.
pub struct Packer<'a> {
    codec: &'a dyn Codec,
    blobs: Vec<Blob>,
    /// Blobs by what they are.
    by_id: Map<BlobId, u32>,
    /// Functions that were written before, by where they are; and functions that have a number
    /// of their own, by that.
    functions: Map<(u128, bool), Callee>,
    /// Literals that were written before as blobs, by where they are.
    literals: Map<usize, u32>,
    /// Keep alive what is known by its address.
    kept_functions: Vec<Arc<dyn Function>>,
    kept_values: Vec<Value>,
}

/// A callee as it is written.
#[derive(Clone)]
enum Callee {
    /// In a blob.
    Blob(u32),
    /// In the payload.
    Named(Portable),
}

/// A payload, and the blobs it needs: places in the list of all.
pub struct Packed {
    /// The payload.
    pub payload: Bytes,
    /// Its blobs.
    pub blobs: Vec<u32>,
}

/// A payload while it is written.
struct Draft {
    writer: Writer,
    blobs: Vec<u32>,
}

impl Draft {
    /// The place of a blob in the task's own list.
    fn blob(&mut self, blob: u32) -> u64 {
        let found = self.blobs.iter().position(|known| *known == blob);
        let place = found.unwrap_or_else(|| {
            self.blobs.push(blob);
            self.blobs.len() - 1
        });
        place as u64
    }
}

impl<'a> Packer<'a> {
    /// Writes with this codec.
    pub fn new(codec: &'a dyn Codec) -> Packer<'a> {
        Packer {
            codec,
            blobs: Vec::new(),
            by_id: Map::default(),
            functions: Map::default(),
            literals: Map::default(),
            kept_functions: Vec::new(),
            kept_values: Vec::new(),
        }
    }

    /// The blobs of all payloads so far.
    pub fn into_blobs(self) -> Vec<Blob> {
        self.blobs
    }

    /// A call. Without `args`: with all `inputs` in order.
    ///
    /// # Errors
    /// If a function or a literal has no form as bytes.
    pub fn call(
        &mut self,
        function: &Arc<dyn Function>,
        args: Option<&[Arg]>,
        inputs: usize,
    ) -> Result<Packed, PayloadError> {
        let mut draft = Draft { writer: Writer::default(), blobs: Vec::new() };
        self.callee(function, &mut draft)?;
        match args {
            Some(args) => self.args(args, &mut draft)?,
            None => {
                draft.writer.put_number(inputs as u64);
                for slot in 0..inputs as u64 {
                    draft.writer.put_u8(INPUT);
                    draft.writer.put_number(slot);
                }
            }
        }
        Ok(Packed { payload: draft.writer.finish().head, blobs: draft.blobs })
    }

    /// A task that gives a value.
    ///
    /// # Errors
    /// If the value has no form as bytes.
    pub fn constant(&mut self, value: &Value) -> Result<Packed, PayloadError> {
        let alias: Arc<dyn Function> = Arc::new(Alias);
        self.call(&alias, Some(&[Arg::Value(value.clone())]), 0)
    }

    /// A value that several tasks use, as a blob: its place among all blobs.
    ///
    /// # Errors
    /// If the value has no form as bytes.
    pub fn share(&mut self, value: &Value) -> Result<u32, PayloadError> {
        let value = self.codec.encode(value)?;
        Ok(self.shared(value))
    }

    fn callee(
        &mut self,
        function: &Arc<dyn Function>,
        draft: &mut Draft,
    ) -> Result<(), PayloadError> {
        let key = match function.identity() {
            Some(identity) => (identity, true),
            None => (Arc::as_ptr(function).cast::<()>() as u128, false),
        };
        let callee = match self.functions.get(&key) {
            Some(callee) => callee.clone(),
            None => {
                let portable = function.encode()?;
                let callee = if portable.parameters.len() > 16 {
                    let header = Packet::of(&(portable.name.clone(), portable.parameters)).head;
                    let value = WireValue { codec: FUNCTION.into(), header, buffers: Vec::new() };
                    Callee::Blob(self.shared(value))
                } else {
                    Callee::Named(portable)
                };
                self.kept_functions.push(function.clone());
                self.functions.insert(key, callee.clone());
                callee
            }
        };
        match callee {
            Callee::Blob(blob) => {
                let place = draft.blob(blob);
                draft.writer.put_u8(BLOB);
                draft.writer.put_number(place);
            }
            Callee::Named(portable) => {
                draft.writer.put_u8(NAMED);
                put_text(portable.name.as_bytes(), &mut draft.writer);
                put_text(&portable.parameters, &mut draft.writer);
            }
        }
        Ok(())
    }

    fn args(&mut self, args: &[Arg], draft: &mut Draft) -> Result<(), PayloadError> {
        draft.writer.put_number(args.len() as u64);
        args.iter().try_for_each(|arg| self.arg(arg, draft))
    }

    fn arg(&mut self, arg: &Arg, draft: &mut Draft) -> Result<(), PayloadError> {
        match arg {
            Arg::Input(slot) => {
                draft.writer.put_u8(INPUT);
                draft.writer.put_number(u64::from(*slot));
            }
            Arg::Value(value) => self.literal(value, draft)?,
            Arg::List(items) => {
                draft.writer.put_u8(LIST);
                self.args(items, draft)?;
            }
            Arg::Call(nested) => {
                draft.writer.put_u8(CALL);
                self.callee(&nested.function, draft)?;
                self.args(&nested.args, draft)?;
            }
        }
        Ok(())
    }

    fn literal(&mut self, value: &Value, draft: &mut Draft) -> Result<(), PayloadError> {
        let address = || std::ptr::from_ref(value.data()).cast::<()>() as usize;
        let identity = self.codec.identity(value).unwrap_or_else(address);
        let known = self.literals.get(&identity).copied();
        let blob = match known {
            Some(blob) => blob,
            None => {
                let datum = value;
                let value = self.codec.encode(datum)?;
                if value.buffers.is_empty() && value.header.len() <= MOST_INLINE_BYTES {
                    draft.writer.put_u8(VALUE);
                    put_text(value.codec.as_bytes(), &mut draft.writer);
                    put_text(&value.header, &mut draft.writer);
                    return Ok(());
                }
                let blob = self.shared(value);
                self.kept_values.push(datum.clone());
                self.literals.insert(identity, blob);
                blob
            }
        };
        let place = draft.blob(blob);
        draft.writer.put_u8(BLOB);
        draft.writer.put_number(place);
        Ok(())
    }

    /// A value as a blob, named by its content.
    fn shared(&mut self, value: WireValue) -> u32 {
        let id = content_id(&value);
        let next = self.blobs.len() as u32;
        let place = *self.by_id.entry(id).or_insert(next);
        if place == next {
            self.blobs.push(Blob { id, value });
        }
        place
    }
}

/// The name of a blob: a hash (XXH3-128) of all its parts and their lengths.
pub fn content_id(value: &WireValue) -> BlobId {
    let mut hasher = xxhash_rust::xxh3::Xxh3Default::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(value.codec.as_bytes());
    part(&value.header);
    value.buffers.iter().for_each(|buffer| part(buffer));
    BlobId(hasher.digest128())
}

const INPUT: u8 = 0;
const VALUE: u8 = 1;
const BLOB: u8 = 2;
const LIST: u8 = 3;
const CALL: u8 = 4;
const NAMED: u8 = 5;

fn put_text(text: impl AsRef<[u8]>, to: &mut Writer) {
    to.put_number(text.as_ref().len() as u64);
    to.put_raw(text.as_ref());
}

/// A call that was read from a payload.
pub struct Unpacked {
    /// What is called.
    pub function: Arc<dyn Function>,
    /// With what; an [`Arg::Input`] is a place among the task's inputs.
    pub args: Vec<Arg>,
}

/// The functions in blobs, each made once. (Values are made anew for each task: it may change
/// them.) May be shared by threads.
#[derive(Default)]
pub struct Functions(Mutex<Map<BlobId, Arc<dyn Function>>>);

impl Functions {
    /// Forgets what a blob holds, and gives it to be dropped.
    pub fn forget(&self, blob: BlobId) -> Option<Arc<dyn Function>> {
        self.0.lock().remove(&blob)
    }

    fn get(&self, blob: BlobId) -> Option<Arc<dyn Function>> {
        self.0.lock().get(&blob).cloned()
    }

    /// Keeps a function, unless another thread was faster.
    fn keep(&self, blob: BlobId, function: Arc<dyn Function>) -> Arc<dyn Function> {
        self.0.lock().entry(blob).or_insert(function).clone()
    }
}

/// Reads a payload. `blobs` are those of the task, in its order, found by `find`.
///
/// # Errors
/// If the bytes are no payload, or need what is not there or not known here.
pub fn unpack(
    payload: Bytes,
    blobs: &[BlobId],
    find: &dyn Fn(BlobId) -> Option<WireValue>,
    known: &Functions,
    codec: &dyn Codec,
) -> Result<Unpacked, PayloadError> {
    let reader = Reader::new(Packet { head: payload, frames: Vec::new() });
    let mut unpacker = Unpacker { reader, blobs, find, known, codec };
    let function = unpacker.callee()?;
    let args = unpacker.args(0)?;
    unpacker.reader.finish()?;
    Ok(Unpacked { function, args })
}

struct Unpacker<'a> {
    reader: Reader,
    blobs: &'a [BlobId],
    find: &'a dyn Fn(BlobId) -> Option<WireValue>,
    known: &'a Functions,
    codec: &'a dyn Codec,
}

impl Unpacker<'_> {
    fn blob(&mut self) -> Result<BlobId, PayloadError> {
        let place = self.reader.take_number()? as usize;
        self.blobs.get(place).copied().ok_or(PayloadError::NoBlob(place))
    }

    fn content(&self, id: BlobId) -> Result<WireValue, PayloadError> {
        let place = self.blobs.iter().position(|blob| *blob == id).unwrap_or_default();
        (self.find)(id).ok_or(PayloadError::NoBlob(place))
    }

    fn callee(&mut self) -> Result<Arc<dyn Function>, PayloadError> {
        match self.reader.take_u8()? {
            BLOB => {
                let id = self.blob()?;
                if let Some(function) = self.known.get(id) {
                    return Ok(function);
                }
                let header = self.content(id)?.header;
                let packet = Packet { head: header, frames: Vec::new() };
                let (name, parameters) = packet.open()?;
                let function = self.codec.function(&Portable { name, parameters })?;
                Ok(self.known.keep(id, function))
            }
            NAMED => {
                let name = self.text()?;
                let parameters = self.bytes()?.to_vec();
                if &*name == ALIAS {
                    return Ok(Arc::new(Alias));
                }
                Ok(self.codec.function(&Portable { name, parameters })?)
            }
            tag => Err(WireError::UnknownVariant { type_name: "callee", tag }.into()),
        }
    }

    fn args(&mut self, depth: usize) -> Result<Vec<Arg>, PayloadError> {
        let count = self.reader.take_count()?;
        let mut args = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            args.push(self.arg(depth)?);
        }
        Ok(args)
    }

    fn arg(&mut self, depth: usize) -> Result<Arg, PayloadError> {
        if depth > MOST_NESTED {
            return Err(PayloadError::TooDeep);
        }
        Ok(match self.reader.take_u8()? {
            INPUT => Arg::Input(
                u32::try_from(self.reader.take_number()?).map_err(|_| WireError::TooLarge)?,
            ),
            VALUE => {
                let (codec, header) = (self.text()?, self.bytes()?);
                Arg::Value(self.codec.decode(WireValue { codec, header, buffers: Vec::new() })?)
            }
            BLOB => {
                let id = self.blob()?;
                Arg::Value(self.codec.decode(self.content(id)?)?)
            }
            LIST => Arg::List(self.args(depth + 1)?.into()),
            CALL => {
                let function = self.callee()?;
                Arg::call(function, self.args(depth + 1)?)
            }
            tag => return Err(WireError::UnknownVariant { type_name: "argument", tag }.into()),
        })
    }

    fn bytes(&mut self) -> Result<Bytes, WireError> {
        let len = self.reader.take_count()?;
        self.reader.take_raw(len)
    }

    fn text(&mut self) -> Result<Arc<str>, WireError> {
        let bytes = self.bytes()?;
        Ok(std::str::from_utf8(&bytes).map_err(|_| WireError::NotText)?.into())
    }
}
