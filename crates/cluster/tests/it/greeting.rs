//! Whatever is sent to a port: the connection is closed, and nothing else happens.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use raskt_cluster::{Client, ConnectError, ConnectOptions, Transport};
use raskt_wire::PROTOCOL;

use crate::host::{cluster, compute};

/// The first bytes of a connection, from a node of this version.
fn greeting(version: u32) -> Vec<u8> {
    let mut bytes = b"\x89raskt\r\n".to_vec();
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.resize(52, 0);
    bytes
}

fn garbage() -> Vec<Vec<u8>> {
    let packet = |fields: [u64; 3]| {
        let mut bytes = greeting(PROTOCOL);
        fields.iter().for_each(|field| bytes.extend_from_slice(&field.to_le_bytes()));
        bytes
    };
    let noise: Vec<u8> =
        (0..100_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    vec![
        Vec::new(),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        noise.clone(),
        vec![0; 1000],
        greeting(PROTOCOL)[..30].to_vec(),
        greeting(PROTOCOL),
        greeting(PROTOCOL + 98),
        packet([0, 1 << 63, 0]),
        packet([0, 0, 1 << 63]),
        packet([0, 100, 0]),
        packet([0, u64::MAX, u64::MAX]),
        [greeting(PROTOCOL), noise].concat(),
    ]
}

/// Sends bytes, says that no more come, and waits until the other side closes.
fn send(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    // The other side may have closed before all of it was sent.
    let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn garbage_closes_the_connection_and_nothing_else() {
    let (cluster, _) = cluster(1, 1, Transport::Tcp);
    let scheduler = cluster.scheduler().address().port().unwrap();
    let worker: raskt_cluster::Address = cluster.workers()[0].address().parse().unwrap();
    for port in [scheduler, worker.port().unwrap()] {
        for bytes in garbage() {
            let answer = send(port, &bytes);
            // At most a greeting: nobody who has not shown who it is learns anything.
            assert!(answer.len() <= 52, "{} bytes", answer.len());
        }
    }
    let client = cluster.client().unwrap();
    assert_eq!(compute(&client, "a", "say fine"), "fine");
    cluster.close();
}

#[test]
fn another_version_is_named_with_ours_and_what_to_do() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let other = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&greeting(99)).unwrap();
        let mut theirs = [0; 52];
        stream.read_exact(&mut theirs).unwrap();
        theirs
    });
    let address = format!("tcp://127.0.0.1:{port}").parse().unwrap();
    let error = Client::connect(&address, ConnectOptions::default()).err().unwrap();
    assert!(matches!(error, ConnectError::Version { theirs: 99, ours: PROTOCOL, .. }));
    assert!(error.to_string().contains("install the same version"), "{error}");
    assert_eq!(other.join().unwrap()[..12], greeting(PROTOCOL)[..12]);
}

#[test]
fn another_protocol_is_named() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let other = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"220 mail.example.org ESMTP\r\n").unwrap();
    });
    let address = format!("tcp://127.0.0.1:{port}").parse().unwrap();
    let error = Client::connect(&address, ConnectOptions::default()).err().unwrap();
    assert!(matches!(error, ConnectError::NotOurs { .. }), "{error}");
    other.join().unwrap();
}

#[test]
fn a_worker_is_no_scheduler_and_says_so() {
    let (cluster, _) = cluster(1, 1, Transport::Tcp);
    let worker = cluster.workers()[0].address().parse().unwrap();
    let error = Client::connect(&worker, ConnectOptions::default()).err().unwrap();
    assert!(error.to_string().contains("this is a worker"), "{error}");
    cluster.close();
}
