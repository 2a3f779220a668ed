//! A way between two nodes that can be cut.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

use parking_lot::Mutex;
use raskt_cluster::Address;

/// Passes connections on to another port. The first one is cut after some bytes from there.
pub(crate) struct Cutter {
    pub(crate) address: Address,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Cutter {
    pub(crate) fn listen() -> (TcpListener, Address) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, Address::Tcp { host: "127.0.0.1".to_string(), port })
    }

    /// In front of a node at this port.
    pub(crate) fn start(listener: TcpListener, target: u16, cut_after: Option<usize>) -> Cutter {
        let port = listener.local_addr().unwrap().port();
        let streams = Arc::new(Mutex::new(Vec::new()));
        let kept = streams.clone();
        std::thread::spawn(move || {
            let mut cut_after = cut_after;
            for from in listener.incoming() {
                let (Ok(from), Ok(to)) = (from, TcpStream::connect(("127.0.0.1", target))) else {
                    return;
                };
                kept.lock().extend([from.try_clone().unwrap(), to.try_clone().unwrap()]);
                let (back, forth) = (to.try_clone().unwrap(), from.try_clone().unwrap());
                let limit = cut_after.take().unwrap_or(usize::MAX);
                std::thread::spawn(move || pass(from, to, usize::MAX));
                std::thread::spawn(move || pass(back, forth, limit));
            }
        });
        Cutter { address: Address::Tcp { host: "127.0.0.1".to_string(), port }, streams }
    }

    /// Cuts all that goes this way now.
    pub(crate) fn cut(&self) {
        for stream in self.streams.lock().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, mut left: usize) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count) = from.read(&mut buffer) {
        let count = count.min(left);
        left -= count;
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
