//! Numbers, text, bytes and containers.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use raskt_wire::codec::{FRAME_FROM_BYTES, Reader, Writer};
use raskt_wire::{Packet, Wire, WireError};

fn back<T: Wire>(value: &T) -> T {
    Packet::of(value).open().unwrap()
}

proptest! {
    #[test]
    fn numbers_read_as_written(a: u64, b: i64, c: i32, d: u32, e: u16, f: u128, g: u8) {
        prop_assert_eq!(back(&(a, b, c)), (a, b, c));
        prop_assert_eq!(back(&(d, e, f)), (d, e, f));
        prop_assert_eq!(back(&g), g);
    }

    #[test]
    fn floats_keep_their_bits(bits: u64) {
        prop_assert_eq!(back(&f64::from_bits(bits)).to_bits(), bits);
    }

    #[test]
    fn containers_read_as_written(
        list: Vec<Option<String>>,
        map: BTreeMap<u32, Vec<u64>>,
        result: Result<bool, String>,
    ) {
        prop_assert_eq!(back(&list), list);
        prop_assert_eq!(back(&map), map);
        prop_assert_eq!(back(&result), result);
    }

    #[test]
    fn small_numbers_take_one_byte(number in 0..128_u64) {
        prop_assert_eq!(Packet::of(&number).nbytes(), 1);
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(head: Vec<u8>) {
        let packet = || Packet { head: head.clone().into(), frames: Vec::new() };
        let _ = packet().open::<Vec<String>>();
        let _ = packet().open::<BTreeMap<u64, Option<Bytes>>>();
        let _ = packet().open::<Vec<(u128, f64, bool)>>();
    }
}

#[test]
fn long_bytes_are_frames_that_are_not_copied() {
    let (short, long) = (Bytes::from(vec![1; 10]), Bytes::from(vec![2; FRAME_FROM_BYTES]));
    let packet = Packet::of(&vec![long.clone(), short.clone(), long.clone()]);
    assert_eq!(packet.frames.len(), 2);
    assert!(packet.head.len() < 20);
    let read: Vec<Bytes> = packet.open().unwrap();
    assert_eq!(read, [long.clone(), short, long.clone()]);
    assert_eq!(read[0].as_ptr(), long.as_ptr());
}

#[test]
fn a_count_that_the_message_cannot_hold_allocates_nothing() {
    let mut writer = Writer::default();
    writer.put_number(u64::MAX);
    let read = writer.finish().open::<Vec<u64>>();
    assert_eq!(read, Err(WireError::Truncated));
}

#[test]
fn what_is_left_over_is_an_error() {
    let mut packet = Packet::of(&1_u64);
    packet.frames.push(Bytes::new());
    assert_eq!(packet.open::<u64>(), Err(WireError::LeftOver { bytes: 0, frames: 1 }));
    let mut writer = Writer::default();
    writer.put_raw(&[0, 0]);
    assert_eq!(writer.finish().open::<bool>(), Err(WireError::LeftOver { bytes: 1, frames: 0 }));
}

#[test]
fn a_number_of_more_than_64_bits_is_an_error() {
    let head = Bytes::from(vec![0xff; 10]);
    let mut reader = Reader::new(Packet { head, frames: Vec::new() });
    assert_eq!(reader.take_number(), Err(WireError::TooLarge));
}
