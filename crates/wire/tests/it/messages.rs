//! Every kind of message: reads as written, and never panics when damaged.

use bytes::Bytes;
use proptest::prelude::*;
use raskt_wire::{FromClient, FromWorker, Packet, Peer, ToClient, ToWorker, Wire};

use crate::gallery;

fn check<T: Wire + PartialEq + std::fmt::Debug>(messages: &[T]) {
    for message in messages {
        let read: T = Packet::of(message).open().unwrap();
        assert_eq!(&read, message);
    }
}

#[test]
fn messages_read_as_written() {
    check(&gallery::from_client());
    check(&gallery::to_client());
    check(&gallery::from_worker());
    check(&gallery::to_worker());
    check(&gallery::peer());
    check(&gallery::hello());
    check(&gallery::welcome());
}

#[test]
fn a_message_cut_short_is_an_error() {
    for message in gallery::from_client() {
        let packet = Packet::of(&message);
        for end in 0..packet.head.len() {
            let cut = Packet { head: packet.head.slice(..end), frames: packet.frames.clone() };
            assert!(cut.open::<FromClient>().is_err(), "{message:?} cut at {end}");
        }
    }
}

proptest! {
    #[test]
    fn a_damaged_message_is_another_or_an_error(
        which: prop::sample::Index,
        place: prop::sample::Index,
        byte: u8,
    ) {
        let packets = [
            gallery::from_client().iter().map(Packet::of).collect::<Vec<_>>(),
            gallery::to_client().iter().map(Packet::of).collect(),
            gallery::from_worker().iter().map(Packet::of).collect(),
            gallery::to_worker().iter().map(Packet::of).collect(),
            gallery::peer().iter().map(Packet::of).collect(),
        ]
        .concat();
        let packet = which.get(&packets);
        let mut head = packet.head.to_vec();
        let place = place.index(head.len());
        head[place] = byte;
        let damaged = || Packet { head: Bytes::from(head.clone()), frames: packet.frames.clone() };
        let _ = damaged().open::<FromClient>();
        let _ = damaged().open::<ToClient>();
        let _ = damaged().open::<FromWorker>();
        let _ = damaged().open::<ToWorker>();
        let _ = damaged().open::<Peer>();
    }
}
