//! The binary form of messages: [`Wire`], [`Writer`] and [`Reader`].
//!
//! Numbers are little-endian base-128 (signed ones in zigzag), so small ones take one byte.
//! Bytes that are long are not copied: they become frames of their own, in the order in which
//! they are met, and the text of the message says only that they are there. Nothing is
//! allocated for a length that the rest of the message could not hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::WireError;

/// A type with a binary form.
pub trait Wire: Sized {
    /// Writes it.
    fn write(&self, to: &mut Writer);

    /// Reads one.
    ///
    /// # Errors
    /// If the bytes are not what [`Wire::write`] gives.
    fn read(from: &mut Reader) -> Result<Self, WireError>;
}

/// A message in its binary form: text, and frames that were not copied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packet {
    /// The message itself.
    pub head: Bytes,
    /// The long byte strings in it, in order.
    pub frames: Vec<Bytes>,
}

/// Byte strings from here on become frames.
pub const FRAME_FROM_BYTES: usize = 4096;

impl Packet {
    /// The packet of a message.
    pub fn of(message: &impl Wire) -> Packet {
        let mut writer = Writer::default();
        message.write(&mut writer);
        writer.finish()
    }

    /// The message in the packet.
    ///
    /// # Errors
    /// If it is not one, or not all of it is read.
    pub fn open<T: Wire>(self) -> Result<T, WireError> {
        let mut reader = Reader::new(self);
        let message = T::read(&mut reader)?;
        reader.finish()?;
        Ok(message)
    }

    /// The bytes of text and frames.
    pub fn nbytes(&self) -> usize {
        self.head.len() + self.frames.iter().map(Bytes::len).sum::<usize>()
    }
}

/// Takes the parts of a message.
#[derive(Default)]
pub struct Writer {
    head: Vec<u8>,
    frames: Vec<Bytes>,
}

impl Writer {
    /// The message as written so far.
    pub fn finish(self) -> Packet {
        Packet { head: self.head.into(), frames: self.frames }
    }

    /// One byte.
    pub fn put_u8(&mut self, byte: u8) {
        self.head.push(byte);
    }

    /// A number, in as few bytes as it needs.
    pub fn put_number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.head.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.head.push(number as u8);
    }

    /// Bytes that others know the length of.
    pub fn put_raw(&mut self, bytes: &[u8]) {
        self.head.extend_from_slice(bytes);
    }

    /// Bytes, as a frame if there are many.
    pub fn put_bytes(&mut self, bytes: &Bytes) {
        if bytes.len() >= FRAME_FROM_BYTES {
            self.put_number(0);
            self.frames.push(bytes.clone());
        } else {
            self.put_number(bytes.len() as u64 + 1);
            self.head.extend_from_slice(bytes);
        }
    }
}

/// Gives the parts of a message.
pub struct Reader {
    head: Bytes,
    at: usize,
    frames: std::vec::IntoIter<Bytes>,
}

impl Reader {
    /// From the beginning.
    pub fn new(packet: Packet) -> Reader {
        Reader { head: packet.head, at: 0, frames: packet.frames.into_iter() }
    }

    /// How many bytes of text are left.
    pub fn left(&self) -> usize {
        self.head.len() - self.at
    }

    /// Nothing is left over.
    ///
    /// # Errors
    /// If something is.
    pub fn finish(&mut self) -> Result<(), WireError> {
        match (self.left(), self.frames.len()) {
            (0, 0) => Ok(()),
            (bytes, frames) => Err(WireError::LeftOver { bytes, frames }),
        }
    }

    /// One byte.
    ///
    /// # Errors
    /// At the end.
    pub fn take_u8(&mut self) -> Result<u8, WireError> {
        let byte = *self.head.get(self.at).ok_or(WireError::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    /// A number.
    ///
    /// # Errors
    /// At the end, or if it has more than 64 bits.
    pub fn take_number(&mut self) -> Result<u64, WireError> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take_u8()?;
            if shift == 63 && byte > 1 {
                return Err(WireError::TooLarge);
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(WireError::TooLarge)
    }

    /// The next so many bytes, shared with the message.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn take_raw(&mut self, len: usize) -> Result<Bytes, WireError> {
        if len > self.left() {
            return Err(WireError::Truncated);
        }
        let bytes = self.head.slice(self.at..self.at + len);
        self.at += len;
        Ok(bytes)
    }

    /// Bytes, shared with the message.
    ///
    /// # Errors
    /// If they are not there.
    pub fn take_bytes(&mut self) -> Result<Bytes, WireError> {
        match self.take_number()? {
            0 => self.frames.next().ok_or(WireError::Truncated),
            n => self.take_raw(usize::try_from(n - 1).map_err(|_| WireError::TooLarge)?),
        }
    }

    /// The number of items that follow, each of at least one byte.
    ///
    /// # Errors
    /// If the rest of the message cannot hold so many.
    pub fn take_count(&mut self) -> Result<usize, WireError> {
        let count = usize::try_from(self.take_number()?).map_err(|_| WireError::TooLarge)?;
        if count > self.left() { Err(WireError::Truncated) } else { Ok(count) }
    }
}

macro_rules! numbers {
    ($($unsigned:ty)*) => {$(
        impl Wire for $unsigned {
            fn write(&self, to: &mut Writer) {
                to.put_number(*self as u64);
            }

            fn read(from: &mut Reader) -> Result<Self, WireError> {
                <$unsigned>::try_from(from.take_number()?).map_err(|_| WireError::TooLarge)
            }
        }
    )*};
}

numbers!(u16 u32 u64 usize);

impl Wire for u8 {
    fn write(&self, to: &mut Writer) {
        to.put_u8(*self);
    }

    fn read(from: &mut Reader) -> Result<Self, WireError> {
        from.take_u8()
    }
}

impl Wire for i64 {
    fn write(&self, to: &mut Writer) {
        to.put_number(((self << 1) ^ (self >> 63)) as u64);
    }

    fn read(from: &mut Reader) -> Result<Self, WireError> {
        let zigzag = from.take_number()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }
}

impl Wire for i32 {
    fn write(&self, to: &mut Writer) {
        i64::from(*self).write(to);
    }

    fn read(from: &mut Reader) -> Result<Self, WireError> {
        i32::try_from(i64::read(from)?).map_err(|_| WireError::TooLarge)
    }
}

impl Wire for u128 {
    fn write(&self, to: &mut Writer) {
        to.put_raw(&self.to_le_bytes());
    }

    fn read(from: &mut Reader) -> Result<Self, WireError> {
        let raw = from.take_raw(16)?;
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&raw);
        Ok(u128::from_le_bytes(bytes))
    }
}

impl Wire for f64 {
    fn write(&self, to: &mut Writer) {
        to.put_raw(&self.to_le_bytes());
    }

    fn read(from: &mut Reader) -> Result<Self, WireError> {
        let raw = from.take_raw(8)?;
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&raw);
        Ok(f64::from_le_bytes(bytes))
    }
}

impl Wire for bool {
    fn write(&self, to: &mut Writer) {
        to.put_u8(u8::from(*self));
    }

    fn read(from: &mut Reader) -> Result<Self, WireError> {
        match from.take_u8()? {
            0 => Ok(false),
            1 => Ok(true),
            tag => Err(WireError::UnknownVariant { type_name: "bool", tag }),
        }
    }
}

impl Wire for Bytes {
    fn write(&self, to: &mut Writer) {
        to.put_bytes(self);
    }

    fn read(from: &mut Reader) -> Result<Self, WireError> {
        from.take_bytes()
    }
}

impl Wire for Arc<str> {
    fn write(&self, to: &mut Writer) {
        to.put_number(self.len() as u64);
        to.put_raw(self.as_bytes());
    }

    fn read(from: &mut Reader) -> Result<Self, WireError> {
        let len = from.take_count()?;
        let raw = from.take_raw(len)?;
        Ok(std::str::from_utf8(&raw).map_err(|_| WireError::NotText)?.into())
    }
}

impl Wire for String {
    fn write(&self, to: &mut Writer) {
        to.put_number(self.len() as u64);
        to.put_raw(self.as_bytes());
    }

    fn read(from: &mut Reader) -> Result<Self, WireError> {
        let len = from.take_count()?;
        let raw = from.take_raw(len)?;
        Ok(std::str::from_utf8(&raw).map_err(|_| WireError::NotText)?.to_string())
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self, to: &mut Writer) {
        to.put_number(self.len() as u64);
        for item in self {
            item.write(to);
        }
    }

    fn read(from: &mut Reader) -> Result<Self, WireError> {
        let count = from.take_count()?;
        // One byte of a message may stand for a large item: the vector grows as they come.
        let mut items = Vec::with_capacity(count.min(1024));
        for _ in 0..count {
            items.push(T::read(from)?);
        }
        Ok(items)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, to: &mut Writer) {
        match self {
            None => to.put_u8(0),
            Some(item) => {
                to.put_u8(1);
                item.write(to);
            }
        }
    }

    fn read(from: &mut Reader) -> Result<Self, WireError> {
        Ok(if bool::read(from)? { Some(T::read(from)?) } else { None })
    }
}

impl<T: Wire> Wire for Box<T> {
    fn write(&self, to: &mut Writer) {
        (**self).write(to);
    }

    fn read(from: &mut Reader) -> Result<Self, WireError> {
        Ok(Box::new(T::read(from)?))
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn write(&self, to: &mut Writer) {
        self.0.write(to);
        self.1.write(to);
    }

    fn read(from: &mut Reader) -> Result<Self, WireError> {
        Ok((A::read(from)?, B::read(from)?))
    }
}

impl<A: Wire, B: Wire, C: Wire> Wire for (A, B, C) {
    fn write(&self, to: &mut Writer) {
        self.0.write(to);
        self.1.write(to);
        self.2.write(to);
    }

    fn read(from: &mut Reader) -> Result<Self, WireError> {
        Ok((A::read(from)?, B::read(from)?, C::read(from)?))
    }
}

impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
    fn write(&self, to: &mut Writer) {
        to.put_number(self.len() as u64);
        for (key, value) in self {
            key.write(to);
            value.write(to);
        }
    }

    fn read(from: &mut Reader) -> Result<Self, WireError> {
        let count = from.take_count()?;
        (0..count).map(|_| Ok((K::read(from)?, V::read(from)?))).collect()
    }
}

impl<T: Wire, E: Wire> Wire for Result<T, E> {
    fn write(&self, to: &mut Writer) {
        match self {
            Ok(value) => {
                to.put_u8(0);
                value.write(to);
            }
            Err(error) => {
                to.put_u8(1);
                error.write(to);
            }
        }
    }

    fn read(from: &mut Reader) -> Result<Self, WireError> {
        Ok(if bool::read(from)? { Err(E::read(from)?) } else { Ok(T::read(from)?) })
    }
}

impl Wire for () {
    fn write(&self, _: &mut Writer) {}

    fn read(_: &mut Reader) -> Result<Self, WireError> {
        Ok(())
    }
}
