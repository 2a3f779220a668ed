//! How many bytes a value keeps on the heap, told by walking it with serde.
//!
//! Elements of a sequence are counted until [`SAMPLE`] of them are known, the rest is taken to
//! be like them: measuring a long vector must not cost as much as making it.

use std::fmt;

use serde::ser::{self, Serialize};

const SAMPLE: usize = 64;

/// The bytes outside of the value itself.
pub(super) fn heap_bytes<T: Serialize>(value: &T) -> usize {
    let mut counter = Counter { bytes: 0, depth: 0 };
    // What cannot be walked counts as nothing; writing it will say why.
    let _ = value.serialize(&mut counter);
    counter.bytes
}

struct Counter {
    bytes: usize,
    /// Inside how many sequences or maps: only there a fixed-size value is on the heap.
    depth: usize,
}

impl Counter {
    fn fixed(&mut self, size: usize) -> Result<(), Never> {
        if self.depth > 0 {
            self.bytes += size;
        }
        Ok(())
    }

    fn heap(&mut self, size: usize) -> Result<(), Never> {
        self.bytes += size + if self.depth > 0 { size_of::<String>() } else { 0 };
        Ok(())
    }
}

/// The elements of a sequence or map.
struct Elements<'a> {
    counter: &'a mut Counter,
    start: usize,
    seen: usize,
    is_heap: bool,
}

impl Elements<'_> {
    fn count<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
        self.seen += 1;
        if self.seen > SAMPLE {
            return Ok(());
        }
        value.serialize(&mut *self.counter)
    }

    fn finish(self) -> Result<(), Never> {
        if self.is_heap {
            self.counter.depth -= 1;
        }
        if self.seen > SAMPLE {
            let sampled = self.counter.bytes - self.start;
            self.counter.bytes = self.start + sampled / SAMPLE * self.seen;
        }
        Ok(())
    }
}

impl<'a> Counter {
    fn elements(&'a mut self, is_heap: bool) -> Result<Elements<'a>, Never> {
        if is_heap {
            if self.depth > 0 {
                self.bytes += size_of::<Vec<u8>>();
            }
            self.depth += 1;
        }
        let start = self.bytes;
        Ok(Elements { counter: self, start, seen: 0, is_heap })
    }
}

macro_rules! fixed {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, _: $type) -> Result<(), Never> { self.fixed(size_of::<$type>()) })*
    };
}

impl<'a> ser::Serializer for &'a mut Counter {
    type Ok = ();
    type Error = Never;
    type SerializeSeq = Elements<'a>;
    type SerializeTuple = Elements<'a>;
    type SerializeTupleStruct = Elements<'a>;
    type SerializeTupleVariant = Elements<'a>;
    type SerializeMap = Elements<'a>;
    type SerializeStruct = Elements<'a>;
    type SerializeStructVariant = Elements<'a>;

    fixed!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
        serialize_i64: i64, serialize_i128: i128, serialize_u8: u8, serialize_u16: u16,
        serialize_u32: u32, serialize_u64: u64, serialize_u128: u128, serialize_f32: f32,
        serialize_f64: f64, serialize_char: char,
    );

    fn serialize_str(self, v: &str) -> Result<(), Never> {
        self.heap(v.len())
    }
    fn serialize_bytes(self, v: &[u8]) -> Result<(), Never> {
        self.heap(v.len())
    }
    fn serialize_none(self) -> Result<(), Never> {
        Ok(())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, v: &T) -> Result<(), Never> {
        v.serialize(self)
    }
    fn serialize_unit(self) -> Result<(), Never> {
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Never> {
        Ok(())
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Never> {
        self.fixed(1)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        v: &T,
    ) -> Result<(), Never> {
        v.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        v: &T,
    ) -> Result<(), Never> {
        v.serialize(self)
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Elements<'a>, Never> {
        self.elements(true)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Elements<'a>, Never> {
        self.elements(true)
    }
    fn serialize_tuple(self, _: usize) -> Result<Elements<'a>, Never> {
        self.elements(false)
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Elements<'a>, Never> {
        self.elements(false)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Elements<'a>, Never> {
        self.elements(false)
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Elements<'a>, Never> {
        self.elements(false)
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Elements<'a>, Never> {
        self.elements(false)
    }
}

macro_rules! elements {
    ($($trait:ident: $method:ident),* $(,)?) => {
        $(impl ser::$trait for Elements<'_> {
            type Ok = ();
            type Error = Never;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
                self.count(value)
            }
            fn end(self) -> Result<(), Never> {
                self.finish()
            }
        })*
    };
}

elements!(
    SerializeSeq: serialize_element, SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field, SerializeTupleVariant: serialize_field,
);

macro_rules! fields {
    ($($trait:ident),*) => {
        $(impl ser::$trait for Elements<'_> {
            type Ok = ();
            type Error = Never;
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                _: &'static str,
                value: &T,
            ) -> Result<(), Never> {
                self.count(value)
            }
            fn end(self) -> Result<(), Never> {
                self.finish()
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Elements<'_> {
    type Ok = ();
    type Error = Never;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Never> {
        if self.seen < SAMPLE { key.serialize(&mut *self.counter) } else { Ok(()) }
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
        self.count(value)
    }
    fn end(self) -> Result<(), Never> {
        self.finish()
    }
}

/// A type's own complaint while it was walked.
#[derive(Debug)]
struct Never;

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot be measured")
    }
}

impl std::error::Error for Never {}

impl ser::Error for Never {
    fn custom<T: fmt::Display>(_: T) -> Never {
        Never
    }
}
