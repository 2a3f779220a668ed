//! Compression of frames, where a network is slower than a processor.
//!
//! A sample of a frame decides: what does not shrink is sent as it is. `lz4` costs little;
//! `zstd` shrinks more, and is for slow lines.

use bytes::Bytes;
use raskt_wire::WireError;

use super::frame::Frame;

/// How a frame is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// With LZ4.
    Lz4,
    /// With Zstandard.
    Zstd,
}

/// Frames of fewer bytes are not worth it.
const SMALLEST_BYTES: usize = 16 << 10;
/// How much of a frame is tried, in pieces from all over it.
const SAMPLE_BYTES: usize = 10 << 10;
const SAMPLE_PIECES: usize = 5;
const ZSTD_LEVEL: i32 = 1;

impl Compression {
    pub(crate) fn tag(self) -> u8 {
        self as u8
    }

    pub(crate) fn of_tag(tag: u8) -> Result<Compression, WireError> {
        match tag {
            0 => Ok(Compression::None),
            1 => Ok(Compression::Lz4),
            2 => Ok(Compression::Zstd),
            tag => Err(WireError::UnknownVariant { type_name: "a codec", tag }),
        }
    }
}

/// The frame, compressed if that makes it a tenth smaller at least.
pub(crate) fn compress(bytes: Bytes, codec: Compression) -> Frame {
    if bytes.len() < SMALLEST_BYTES || !shrinks(&sample(&bytes), codec) {
        return Frame::plain(bytes);
    }
    match pack(&bytes, codec) {
        Some(packed) if packed.len() < bytes.len() / 10 * 9 => {
            Frame { stored: packed.into(), length: bytes.len(), codec }
        }
        _ => Frame::plain(bytes),
    }
}

/// The bytes that a frame of this length stands for.
pub(crate) fn decompress(
    stored: &[u8],
    length: usize,
    codec: Compression,
) -> Result<Bytes, WireError> {
    let unpacked = match codec {
        Compression::None => return Ok(Bytes::copy_from_slice(stored)),
        Compression::Lz4 => {
            let mut raw = reserve(length)?;
            raw.resize(length, 0);
            let written = lz4_flex::block::decompress_into(stored, &mut raw)
                .map_err(|_| WireError::Checksum)?;
            raw.truncate(written);
            raw
        }
        Compression::Zstd => {
            let mut raw = reserve(length)?;
            zstd::bulk::Decompressor::new()
                .and_then(|mut context| context.decompress_to_buffer(stored, &mut raw))
                .map_err(|_| WireError::Checksum)?;
            raw
        }
    };
    if unpacked.len() == length { Ok(unpacked.into()) } else { Err(WireError::Truncated) }
}

fn reserve(length: usize) -> Result<Vec<u8>, WireError> {
    let mut raw = Vec::new();
    raw.try_reserve_exact(length).map_err(|_| WireError::TooLarge)?;
    Ok(raw)
}

fn pack(bytes: &[u8], codec: Compression) -> Option<Vec<u8>> {
    match codec {
        Compression::None => None,
        Compression::Lz4 => Some(lz4_flex::block::compress(bytes)),
        Compression::Zstd => zstd::bulk::compress(bytes, ZSTD_LEVEL).ok(),
    }
}

fn shrinks(sample: &[u8], codec: Compression) -> bool {
    pack(sample, codec).is_some_and(|packed| packed.len() < sample.len() / 10 * 9)
}

/// Pieces from all over.
fn sample(bytes: &[u8]) -> Vec<u8> {
    let piece = SAMPLE_BYTES / SAMPLE_PIECES;
    let step = bytes.len() / SAMPLE_PIECES;
    (0..SAMPLE_PIECES)
        .flat_map(|i| &bytes[i * step..(i * step + piece).min(bytes.len())])
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_compressed_comes_back(byte: u8, noise: Vec<u8>, times in 1..400_usize) {
            let mut bytes = vec![byte; 20_000];
            for _ in 0..times {
                bytes.extend_from_slice(&noise);
            }
            for codec in [Compression::None, Compression::Lz4, Compression::Zstd] {
                let frame = compress(bytes.clone().into(), codec);
                let back = decompress(&frame.stored, frame.length, frame.codec).unwrap();
                prop_assert_eq!(&back[..], &bytes[..]);
            }
        }

        #[test]
        fn garbage_is_an_error(garbage: Vec<u8>, length in 0..100_000_usize) {
            for codec in [Compression::Lz4, Compression::Zstd] {
                if let Ok(bytes) = decompress(&garbage, length, codec) {
                    prop_assert_eq!(bytes.len(), length);
                }
            }
        }
    }

    #[test]
    fn zeros_shrink_and_noise_is_left_alone() {
        let zeros = compress(vec![0; 1 << 20].into(), Compression::Lz4);
        assert!(zeros.codec == Compression::Lz4 && zeros.stored.len() < 1 << 14);
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(1 << 20)
        .collect();
        assert_eq!(compress(noise.into(), Compression::Zstd).codec, Compression::None);
    }
}
