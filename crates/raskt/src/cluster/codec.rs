//! Functions and values of Rust as bytes: [`RustCodec`].

use std::sync::Arc;

use bytes::Bytes;
use raskt_cluster::payload::Codec;
use raskt_graph::payload::List;
use raskt_graph::value::Buffer;
use raskt_graph::{CodecError, Function, Portable, Value};
use raskt_wire::{Packet, WireValue};

use crate::registry::{codec_error, registry};

/// Writes values by serde, and names functions with the attribute `#[raskt::task]`; reads those
/// that this program has.
#[derive(Clone, Copy, Debug, Default)]
pub struct RustCodec;

/// The codec of several values as one.
const LIST: &str = "list";

impl Codec for RustCodec {
    fn encode(&self, value: &Value) -> Result<WireValue, CodecError> {
        if let Some(List(items)) = value.downcast_ref::<List>() {
            let items: Result<Vec<WireValue>, _> = items.iter().map(|v| self.encode(v)).collect();
            let Packet { head, frames } = Packet::of(&items?);
            return Ok(WireValue { codec: LIST.into(), header: head, buffers: frames });
        }
        let encoded = value.data().encode()?;
        let buffers = encoded.buffers.into_iter().map(|buffer| Bytes::from_owner(Owner(buffer)));
        Ok(WireValue {
            codec: value.data().type_name().into(),
            header: encoded.header.into(),
            buffers: buffers.collect(),
        })
    }

    fn decode(&self, value: WireValue) -> Result<Value, CodecError> {
        let WireValue { codec, header, buffers } = value;
        if &*codec == LIST {
            let damaged = |error| CodecError::Decode { type_name: LIST, source: Box::new(error) };
            let items: Vec<WireValue> =
                Packet { head: header, frames: buffers }.open().map_err(damaged)?;
            let items: Result<Vec<Value>, _> = items.into_iter().map(|v| self.decode(v)).collect();
            return Ok(Value::from_data(List(items?)));
        }
        let decode = registry().decode(&codec).map_err(codec_error)?;
        decode(&header, buffers.into_iter().map(Vec::from).collect())
    }

    fn function(&self, portable: &Portable) -> Result<Arc<dyn Function>, CodecError> {
        registry().function(portable).map_err(codec_error)
    }
}

/// Keeps a buffer of a value alive while it is sent.
struct Owner(Buffer);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}
