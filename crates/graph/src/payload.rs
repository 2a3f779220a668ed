//! Rust types as values: every type that serde can write and read.

use std::any::type_name;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::value::{CodecError, Data, Encoded, Value};

mod measure;

/// A Rust type that tasks can take and give: anything that can be cloned, shared between
/// threads, and written and read by serde.
pub trait Payload: Clone + Send + Sync + Serialize + DeserializeOwned + 'static {}

impl<T: Clone + Send + Sync + Serialize + DeserializeOwned + 'static> Payload for T {}

/// A [`Payload`] inside a [`Value`].
struct Native<T> {
    inner: T,
    nbytes: usize,
}

impl Value {
    /// Shares a Rust value.
    ///
    /// ```
    /// # use raskt_graph::Value;
    /// let value = Value::new(vec![1.0_f64; 1000]);
    /// assert_eq!(value.get::<Vec<f64>>().map(Vec::len), Some(1000));
    /// assert!(value.nbytes() >= 8000);
    /// ```
    pub fn new<T: Payload>(inner: T) -> Value {
        let nbytes = size_of::<T>() + measure::heap_bytes(&inner);
        Value::from_data(Native { inner, nbytes })
    }

    /// The Rust value inside, if it is a `T`.
    pub fn get<T: Payload>(&self) -> Option<&T> {
        self.downcast_ref::<Native<T>>().map(|native| &native.inner)
    }
}

impl<T: Payload> Data for Native<T> {
    fn nbytes(&self) -> usize {
        self.nbytes
    }

    fn type_name(&self) -> &'static str {
        type_name::<T>()
    }

    fn encode(&self) -> Result<Encoded, CodecError> {
        // A vector that has to grow takes twice the room, when there may be none to spare.
        let room = Vec::with_capacity(self.nbytes.min(MOST_ROOM));
        let header = postcard::to_extend(&self.inner, room)
            .map_err(|e| CodecError::Encode { type_name: type_name::<T>(), source: Box::new(e) })?;
        Ok(Encoded { decode: decode::<T>, header, buffers: Vec::new() })
    }
}

/// The size of a value is a guess; no guess may take all memory.
const MOST_ROOM: usize = 64 << 20;

fn decode<T: Payload>(header: &[u8], _: Vec<Vec<u8>>) -> Result<Value, CodecError> {
    postcard::from_bytes::<T>(header)
        .map(Value::new)
        .map_err(|e| CodecError::Decode { type_name: type_name::<T>(), source: Box::new(e) })
}

/// Several values as one: what a task gets for a list of lazy values.
pub struct List(pub Vec<Value>);

impl Data for List {
    fn nbytes(&self) -> usize {
        self.0.iter().map(Value::nbytes).sum()
    }

    fn type_name(&self) -> &'static str {
        "list"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_its_bytes() {
        let value = Value::new(vec![("a".to_string(), 1_i64), ("b".to_string(), 2)]);
        let encoded = value.data().encode().unwrap();
        let back = (encoded.decode)(&encoded.header, Vec::new()).unwrap();
        assert_eq!(back.get::<Vec<(String, i64)>>(), value.get::<Vec<(String, i64)>>());
        assert!(back.get::<Vec<(String, i32)>>().is_none());
    }

    #[test]
    fn broken_bytes_are_an_error() {
        let encoded = Value::new("text".to_string()).data().encode().unwrap();
        assert!((encoded.decode)(&encoded.header[..2], Vec::new()).is_err());
    }

    #[test]
    fn counts_what_lies_on_the_heap() {
        assert_eq!(Value::new(1_i64).nbytes(), 8);
        assert!(Value::new(vec!["x".repeat(1000); 1000]).nbytes() >= 1_000_000);
        assert!(Value::new("x".repeat(500)).nbytes() >= 500);
    }
}
