//! Numbers as values of some size: [`Form`].

use raskt_graph::value::Buffer;
use raskt_graph::{CodecError, Data, Encoded, Value};

/// As what a number travels.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// As itself.
    Number,
    /// Spread over a vector of so many bytes, eight at least.
    Bytes(usize),
    /// Spread over a vector of so many floats, one at least.
    Floats(usize),
    /// As something small that says it has so many bytes, and takes to bytes as told.
    Blob(usize, Codec),
}

/// What happens when a [`Form::Blob`] is moved to disk and back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Codec {
    /// It comes back.
    Works,
    /// It has no form as bytes.
    Missing,
    /// Writing it panics.
    PanicsOnWrite,
    /// Reading it is an error.
    FailsOnRead,
    /// Reading it panics.
    PanicsOnRead,
}

impl Form {
    /// The number in this form.
    pub fn value(self, number: i64) -> Value {
        match self {
            Form::Number => Value::new(number),
            Form::Bytes(len) => Value::new(bytes(number, len.max(8))),
            Form::Floats(len) => Value::new(floats(number, len.max(1))),
            Form::Blob(nbytes, codec) => Value::from_data(Blob { number, nbytes, codec }),
        }
    }
}

/// The number that a value of any form stands for.
///
/// # Panics
/// If it is no such value, or a damaged one.
pub fn number(value: &Value) -> i64 {
    if let Some(number) = value.get::<i64>() {
        *number
    } else if let Some(found) = value.get::<Vec<u8>>() {
        let number = i64::from_le_bytes(found[..8].try_into().expect("eight bytes"));
        assert!(*found == bytes(number, found.len()), "the bytes of {number} are damaged");
        number
    } else if let Some(found) = value.get::<Vec<f64>>() {
        let number = found[0].to_bits() as i64;
        let same =
            found.iter().zip(floats(number, found.len())).all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "the floats of {number} are damaged");
        number
    } else if let Some(blob) = value.downcast_ref::<Blob>() {
        blob.number
    } else {
        panic!("{value:?} stands for no number")
    }
}

fn bytes(number: i64, len: usize) -> Vec<u8> {
    let words = (0..).flat_map(|i: i64| number.wrapping_add(i).to_le_bytes());
    words.take(len).collect()
}

fn floats(number: i64, len: usize) -> Vec<f64> {
    (0..len as i64).map(|i| f64::from_bits(number.wrapping_add(i) as u64)).collect()
}

struct Blob {
    number: i64,
    nbytes: usize,
    codec: Codec,
}

const CODECS: [Codec; 3] = [Codec::Works, Codec::FailsOnRead, Codec::PanicsOnRead];

impl Data for Blob {
    fn nbytes(&self) -> usize {
        self.nbytes
    }

    fn type_name(&self) -> &'static str {
        "blob"
    }

    fn encode(&self) -> Result<Encoded, CodecError> {
        assert!(self.codec != Codec::PanicsOnWrite, "this blob cannot be written");
        let Some(codec) = CODECS.iter().position(|codec| *codec == self.codec) else {
            return Err(CodecError::NoCodec { type_name: self.type_name() });
        };
        let buffers: Vec<Buffer> =
            vec![Box::new(self.number.to_le_bytes()), Box::new(self.nbytes.to_le_bytes())];
        Ok(Encoded { decode, header: vec![codec as u8], buffers })
    }
}

fn decode(header: &[u8], buffers: Vec<Vec<u8>>) -> Result<Value, CodecError> {
    let codec = CODECS[usize::from(header[0])];
    assert!(codec != Codec::PanicsOnRead, "this blob cannot be read");
    if codec == Codec::FailsOnRead {
        return Err(CodecError::Decode { type_name: "blob", source: "it refuses".into() });
    }
    let word = |i: usize| buffers[i].as_slice().try_into().expect("eight bytes");
    let (number, nbytes) = (i64::from_le_bytes(word(0)), usize::from_le_bytes(word(1)));
    Ok(Value::from_data(Blob { number, nbytes, codec }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_stands_for_its_number() {
        let blob = Form::Blob(1 << 20, Codec::Works);
        for form in [Form::Number, Form::Bytes(100), Form::Floats(100), blob] {
            for expected in [0, 1, -1, i64::MAX, i64::MIN] {
                let value = form.value(expected);
                assert_eq!(number(&value), expected);
                let encoded = value.data().encode().unwrap();
                let buffers = encoded.buffers.iter().map(|b| (**b).as_ref().to_vec()).collect();
                let back = (encoded.decode)(&encoded.header, buffers).unwrap();
                assert_eq!(number(&back), expected);
                assert_eq!(back.nbytes(), value.nbytes());
            }
        }
    }

    #[test]
    #[should_panic(expected = "damaged")]
    fn damage_shows() {
        let mut damaged = bytes(7, 100);
        damaged[50] ^= 1;
        number(&Value::new(damaged));
    }
}
