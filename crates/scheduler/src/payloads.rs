//! The payloads of a segment's tasks: [`Payloads`].

use bytes::{Bytes, BytesMut};

/// Longer payloads are not copied.
const PACKED_BYTES: usize = 4096;

/// What each task of a segment calls, by place. Short payloads lie one after the other in one
/// buffer, so that a task costs four bytes and the message that brought it can go; taking one
/// out copies nothing.
#[derive(Debug, Default)]
pub(crate) struct Payloads {
    packed: Bytes,
    /// Where each payload ends in `packed`.
    ends: Vec<u32>,
    /// The long ones, by place, ascending.
    long: Vec<(u32, Bytes)>,
}

impl Payloads {
    pub(crate) fn pack<'a>(payloads: impl ExactSizeIterator<Item = &'a Bytes>) -> Payloads {
        let mut packed = BytesMut::new();
        let mut ends = Vec::with_capacity(payloads.len());
        let mut long = Vec::new();
        for payload in payloads {
            let fits = packed.len() + payload.len() <= u32::MAX as usize;
            if payload.len() <= PACKED_BYTES && fits {
                packed.extend_from_slice(payload);
            } else {
                long.push((ends.len() as u32, payload.clone()));
            }
            ends.push(packed.len() as u32);
        }
        Payloads { packed: packed.freeze(), ends, long }
    }

    pub(crate) fn get(&self, index: u32) -> Bytes {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before as usize]);
        let end = self.ends[index as usize];
        if start < end {
            return self.packed.slice(start as usize..end as usize);
        }
        let place = self.long.binary_search_by_key(&index, |(place, _)| *place);
        place.map_or(Bytes::new(), |place| self.long[place].1.clone())
    }

    /// What it takes in memory besides the payloads themselves.
    pub(crate) fn overhead_bytes(&self) -> usize {
        self.ends.capacity() * size_of::<u32>() + self.long.capacity() * size_of::<(u32, Bytes)>()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::Payloads;

    #[test]
    fn gives_back_short_long_and_empty_payloads() {
        let given = ["a", "", "bc", &"x".repeat(5000), "d", ""].map(|text| text.to_string());
        let given = given.map(Bytes::from);
        let packed = Payloads::pack(given.iter());
        for (index, payload) in given.iter().enumerate() {
            assert_eq!(packed.get(index as u32), payload);
        }
    }
}
