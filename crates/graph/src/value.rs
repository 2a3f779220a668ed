//! What tasks compute with: [`Value`], a shared, sized datum of any type.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// A datum: shared, immutable, of any type. Copying one is free.
#[derive(Clone)]
pub struct Value(Arc<dyn Data>);

/// What a [`Value`] holds.
pub trait Data: Any + Send + Sync {
    /// How many bytes it keeps in memory, as well as that can be told cheaply.
    fn nbytes(&self) -> usize;

    /// The name of its type, for messages.
    fn type_name(&self) -> &'static str;

    /// Its bytes, to be kept on disk or sent.
    ///
    /// # Errors
    /// If the type has no such form or the datum cannot be written.
    fn encode(&self) -> Result<Encoded, CodecError> {
        Err(CodecError::NoCodec { type_name: self.type_name() })
    }
}

impl Value {
    /// Shares `data`.
    pub fn from_data(data: impl Data) -> Value {
        Value(Arc::new(data))
    }

    /// The datum, if it is a `T`.
    pub fn downcast_ref<T: Data>(&self) -> Option<&T> {
        (&*self.0 as &dyn Any).downcast_ref()
    }

    /// The datum.
    pub fn data(&self) -> &dyn Data {
        &*self.0
    }

    /// How many bytes it keeps in memory.
    pub fn nbytes(&self) -> usize {
        self.0.nbytes()
    }

    /// Do both share one datum?
    pub fn is_same(&self, other: &Value) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({}, {} bytes)", self.0.type_name(), self.nbytes())
    }
}

/// A datum as bytes: a small header and large buffers that were not copied.
pub struct Encoded {
    /// Makes the datum again.
    pub decode: Decode,
    /// What `decode` needs besides the buffers.
    pub header: Vec<u8>,
    /// The large parts.
    pub buffers: Vec<Buffer>,
}

/// Makes a datum from a header and buffers.
pub type Decode = fn(&[u8], Vec<Vec<u8>>) -> Result<Value, CodecError>;

/// Bytes that somebody else keeps alive.
pub type Buffer = Box<dyn AsRef<[u8]> + Send + Sync>;

impl Encoded {
    /// The number of bytes of header and buffers.
    pub fn nbytes(&self) -> usize {
        self.header.len() + self.buffers.iter().map(|b| (**b).as_ref().len()).sum::<usize>()
    }
}

/// A datum could not be turned into bytes, or bytes into a datum.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The type has no form as bytes.
    #[error("a value of type {type_name} cannot be written as bytes")]
    NoCodec {
        /// The type's name.
        type_name: &'static str,
    },
    /// Writing failed.
    #[error("a value of type {type_name} cannot be written as bytes")]
    Encode {
        /// The type's name.
        type_name: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Reading failed.
    #[error("a value of type {type_name} cannot be read back from its bytes")]
    Decode {
        /// The type's name.
        type_name: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
