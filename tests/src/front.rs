//! A server that stands in front of a receiver and does what no receiver does: it may meet each connection in its own way,
//! and passes on to the receiver those that it does not.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How a connection is met: its number from 0 on, and the connection. `true` passes it on.
type Meet = dyn Fn(usize, &mut TcpStream) -> io::Result<bool> + Send + Sync;

/// A running one; it stops when dropped.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
}

impl Front {
    /// In front of what listens at `behind`.
    ///
    /// # Panics
    /// When no port can be had.
    pub fn start(
        behind: SocketAddr,
        meet: impl Fn(usize, &mut TcpStream) -> io::Result<bool> + Send + Sync + 'static,
    ) -> Self {
        Self::listen(behind, Arc::new(meet), None)
    }

    /// One that speaks TLS, and passes everything on.
    ///
    /// # Panics
    /// When no port can be had.
    pub fn with_tls(behind: SocketAddr, config: ServerConfig) -> Self {
        Self::listen(behind, Arc::new(|_, _| Ok(true)), Some(Arc::new(config)))
    }

    fn listen(behind: SocketAddr, meet: Arc<Meet>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port of the loopback");
        let address = listener.local_addr().expect("a listener has an address");
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&count));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let number = counted.fetch_add(1, Ordering::SeqCst);
                let (meet, tls) = (Arc::clone(&meet), tls.clone());
                // A connection that breaks is the test's matter.
                thread::spawn(move || drop(converse(stream, number, behind, meet.as_ref(), tls)));
            }
        });
        Self { address, stop, count }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections have come.
    pub fn connections(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // The accepting thread is woken by one last connection.
        drop(TcpStream::connect(self.address));
    }
}

fn converse(
    mut stream: TcpStream,
    number: usize,
    behind: SocketAddr,
    meet: &Meet,
    tls: Option<Arc<ServerConfig>>,
) -> io::Result<()> {
    if !meet(number, &mut stream)? {
        return Ok(());
    }
    let behind = TcpStream::connect(behind)?;
    match tls {
        None => pass_on(&mut stream.try_clone()?, &stream, behind),
        Some(config) => {
            let connection = ServerConnection::new(config).map_err(io::Error::other)?;
            pass_on(&mut StreamOwned::new(connection, stream.try_clone()?), &stream, behind)
        }
    }
}

/// Passes bytes on in both directions until one side ends.
fn pass_on(front: &mut (impl Read + Write), wire: &TcpStream, mut behind: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let mut fds = [PollFd::new(wire, PollFlags::IN), PollFd::new(&behind, PollFlags::IN)];
        poll(&mut fds, None)?;
        let (from_front, from_behind) = (!fds[0].revents().is_empty(), !fds[1].revents().is_empty());
        if from_front {
            wire.set_nonblocking(true)?;
            loop {
                match front.read(&mut buffer) {
                    Ok(0) => return Ok(()),
                    Ok(count) => {
                        wire.set_nonblocking(false)?;
                        behind.write_all(&buffer[..count])?;
                        wire.set_nonblocking(true)?;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
            wire.set_nonblocking(false)?;
        }
        if from_behind {
            match behind.read(&mut buffer)? {
                0 => return Ok(()),
                count => front.write_all(&buffer[..count])?,
            }
        }
    }
}

/// Reads the head of a request, and of its body what has come with it.
pub fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => head.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Reads the whole of a request that tells its length.
pub fn read_request(stream: &mut TcpStream) -> io::Result<String> {
    let mut request = read_head(stream)?.into_bytes();
    let text = String::from_utf8_lossy(&request).into_owned();
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let whole: usize = head.len() + 4 + length.unwrap_or(0);
    let mut buffer = [0; 4096];
    while request.len() < whole {
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => request.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(String::from_utf8_lossy(&request).into_owned())
}
