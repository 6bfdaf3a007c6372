//! Whether the peer of a connection has taken in all that was sent to it, as the kernel knows it: what its `tx_queue` in
//! `/proc/net/tcp` holds was not confirmed (proc(5)). A peer that has read a whole request confirms it with its answer at
//! the latest.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, SocketAddr, TcpStream};

/// How many bytes the peer has not confirmed; `None` where that cannot be told. A connection that the peer has reset is in
/// no table any more: then it is as many as there can be.
pub fn unconfirmed(stream: &TcpStream) -> Option<u64> {
    let (Ok(local), Ok(remote)) = (stream.local_addr(), stream.peer_addr()) else { return Some(u64::MAX) };
    let table = if local.is_ipv4() { "/proc/self/net/tcp" } else { "/proc/self/net/tcp6" };
    let (local, remote) = (in_table(local), in_table(remote));
    let mut lines = BufReader::new(File::open(table).ok()?).lines().map_while(Result::ok);
    // The first names the columns.
    lines.next()?;
    Some(lines.find_map(|line| queue(&line, &local, &remote)).unwrap_or(u64::MAX))
}

/// The send queue that a line of the table tells, if it is of this connection.
fn queue(line: &str, local: &str, remote: &str) -> Option<u64> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let is_it = fields.next() == Some(local) && fields.next() == Some(remote);
    let queues = fields.nth(1).filter(|_| is_it)?;
    u64::from_str_radix(queues.split(':').next()?, 16).ok()
}

/// An address as the table has it: each four bytes as a number of this machine, in hexadecimal digits.
fn in_table(address: SocketAddr) -> String {
    let bytes = match address.ip() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let mut text = String::new();
    for word in bytes.chunks_exact(4).filter_map(|word| word.try_into().ok()) {
        // Writing to a string does not fail.
        let _ = write!(text, "{:08X}", u32::from_ne_bytes(word));
    }
    let _ = write!(text, ":{:04X}", address.port());
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    #[test]
    fn a_peer_that_reads_confirms_and_one_that_does_not_read_leaves_the_most() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            // Not every machine has the newer protocol.
            let Ok(listener) = TcpListener::bind(host) else { continue };
            let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut peer, _) = listener.accept().unwrap();
            assert_eq!(unconfirmed(&stream), Some(0), "{host}");
            stream.write_all(&[b'x'; 1000]).unwrap();
            peer.read_exact(&mut [0; 1000]).unwrap();
            peer.write_all(b"answer").unwrap();
            stream.read_exact(&mut [0; 6]).unwrap();
            assert_eq!(unconfirmed(&stream), Some(0), "{host}");
            stream.set_nonblocking(true).unwrap();
            while stream.write(&[b'x'; 4096]).is_ok() {}
            assert!(unconfirmed(&stream).unwrap() > 65536, "{host}");
            // With something unread, the end is a reset.
            drop(peer);
            while unconfirmed(&stream) != Some(u64::MAX) {
                std::thread::yield_now();
            }
        }
    }
}
