use bytes::Buf;
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::compress::compress;
use super::super::frame::{Frame, Outgoing};
use super::*;

const LIMITS: Limits = Limits { head_bytes: 100_000, frames: 8, total_bytes: 1_000_000 };

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn read_all(bytes: &[u8], limits: Limits) -> (Vec<Packet>, LinkError) {
    block_on(async {
        let mut reader = PacketReader::new(bytes, limits);
        let mut packets = Vec::new();
        loop {
            match reader.read().await {
                Ok(packet) => packets.push(packet),
                Err(error) => return (packets, error),
            }
        }
    })
}

fn written(packets: &[Packet], checked: bool, codec: Compression) -> Vec<u8> {
    let mut outgoing = Outgoing::default();
    for packet in packets.iter().cloned() {
        let pack = |bytes| compress(bytes, codec);
        let frames: Vec<Frame> = packet.frames.into_iter().map(pack).collect();
        outgoing.push_frames(packet.head, frames, checked);
    }
    outgoing.seal();
    outgoing.copy_to_bytes(outgoing.remaining()).to_vec()
}

fn packets() -> impl Strategy<Value = Vec<Packet>> {
    let sizes = vec(prop_oneof![0..100_usize, 4000..30_000_usize, Just(70_000)], 0..4);
    let packet = (vec(any::<u8>(), 0..300), sizes, any::<u8>()).prop_map(|(head, sizes, byte)| {
        let frames = sizes.into_iter().map(|size| Bytes::from(vec![byte; size])).collect();
        Packet { head: head.into(), frames }
    });
    vec(packet, 1..5)
}

proptest! {
    #[test]
    fn packets_come_back(packets in packets(), checked: bool, codec in 0..3_u8) {
        let bytes = written(&packets, checked, Compression::of_tag(codec).unwrap());
        let (back, end) = read_all(&bytes, LIMITS);
        prop_assert_eq!(back, packets);
        prop_assert!(matches!(end, LinkError::Closed));
    }

    #[test]
    fn a_cut_packet_is_an_error(packets in packets(), cut: prop::sample::Index) {
        let bytes = written(&packets[..1], true, Compression::None);
        let cut = 1 + cut.index(bytes.len() - 1);
        if cut < bytes.len() {
            let (back, end) = read_all(&bytes[..cut], LIMITS);
            prop_assert!(back.is_empty());
            prop_assert!(matches!(end, LinkError::Wire(WireError::Truncated)), "{end}");
        }
    }

    #[test]
    fn a_changed_byte_is_an_error(packets in packets(), at: prop::sample::Index, bit in 0..8_u8) {
        let mut bytes = written(&packets[..1], true, Compression::Lz4);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let (back, end) = read_all(&bytes, LIMITS);
        prop_assert!(back.is_empty(), "{end}");
        prop_assert!(!matches!(end, LinkError::Closed));
    }

    #[test]
    fn garbage_is_an_error(garbage in vec(any::<u8>(), 1..200)) {
        let (back, end) = read_all(&garbage, LIMITS);
        prop_assert!(back.is_empty());
        prop_assert!(!matches!(end, LinkError::Closed));
    }
}

#[test]
fn lengths_above_the_limit_are_refused_before_anything_is_allocated() {
    for field in [1, 2] {
        let mut bytes = [0_u8; 24];
        bytes[field * 8..][..8].copy_from_slice(&(1_u64 << 63).to_le_bytes());
        let (_, end) = read_all(&bytes, Limits::TRUSTED);
        assert!(matches!(end, LinkError::Wire(WireError::AboveLimit { .. })), "{end}");
    }
    let frames = vec![Bytes::from(vec![0; 50_000]); 8];
    let bytes = written(&[Packet { head: Bytes::new(), frames }], false, Compression::None);
    let (_, end) = read_all(&bytes, Limits { total_bytes: 399_999, ..LIMITS });
    assert!(matches!(end, LinkError::Wire(WireError::AboveLimit { .. })), "{end}");
}
