//! What stands between ureq and the network: connections are dialled, encrypted and watched here. These are adapters over
//! `ureq::unversioned`, which may change with any minor release, hence `ureq = "~3.5"`.
//!
//! - [`Dialler`] looks a name up when a connection is made and only then, tries the address that worked last first, and
//!   makes connections that are given up after some time, so that a name that has moved is noticed.
//! - [`Encryption`] wraps them in TLS, as [`Trust`] says at that moment.
//! - [`Watch`] reads an answer also where it came before the request was written, and remembers that it did.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, NextTimeout, Transport, TransportAdapter,
};
use ureq::{Error, Timeout};

use crate::outbox::{BodyBuffers, Outbox};
use crate::tls::Trust;
use crate::unread::unconfirmed;

/// How much is written at once of what is no body: heads, each line of which must fit, and the records of TLS, a quarter of it.
const WRITE_SIZE: usize = 64 << 10;
/// How much of an answer is read at once. Its head must fit.
const READ_SIZE: usize = 16 << 10;
/// The peer takes in so much whether anybody reads it or not.
const SMALL: usize = 16 << 10;
/// Of each connection the first answers are checked for having come before the request was taken in. A server that answers
/// too early does so always, and a check takes a millisecond where there are many connections.
const CHECKS: u8 = 3;
/// A limit that never is one.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Finds no address, for [`Dialler`] does.
#[derive(Debug)]
pub struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut addresses = self.empty();
        addresses.push(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        Ok(addresses)
    }
}

/// Looks names up and connects to them.
#[derive(Debug)]
pub struct Dialler<R> {
    resolver: R,
    sending: Sending,
    /// For each host and port, the address that worked last.
    worked: Mutex<HashMap<String, SocketAddr>>,
}

impl<R: Resolver> Dialler<R> {
    /// Asks `resolver` for addresses.
    pub fn new(resolver: R, sending: Sending) -> Self {
        Self { resolver, sending, worked: Mutex::default() }
    }

    fn dial(&self, details: &ConnectionDetails<'_>) -> Result<TcpStream, Error> {
        let started = Instant::now();
        let found =
            self.resolver.resolve(details.uri, details.config, details.timeout).map_err(|error| match error {
                Error::Timeout(_) => Error::Timeout(Timeout::Resolve),
                other => other,
            })?;
        let mut addresses: Vec<SocketAddr> = found.into_iter().copied().collect();
        let name = details.uri.authority().map_or("", |authority| authority.as_str()).to_owned();
        let worked = self.worked.lock().unwrap_or_else(PoisonError::into_inner).get(&name).copied();
        // Stable: the others keep the order of the resolver.
        addresses.sort_by_key(|address| Some(*address) != worked);
        let mut failure = Error::HostNotFound;
        let mut left = addresses.len();
        for address in addresses {
            let time = limit(details.timeout).saturating_sub(started.elapsed());
            if time.is_zero() {
                return Err(Error::Timeout(Timeout::Connect));
            }
            // Half of the time that is left is for the ones behind it, if there are any.
            let time = if left > 1 { time / 2 } else { time };
            left -= 1;
            match TcpStream::connect_timeout(&address, time.max(Duration::from_millis(10))) {
                Ok(stream) => {
                    self.worked.lock().unwrap_or_else(PoisonError::into_inner).insert(name, address);
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) if is_timeout(&error) => failure = Error::Timeout(Timeout::Connect),
                Err(error) => failure = Error::Io(error),
            }
        }
        Err(failure)
    }
}

impl<In: Transport, R: Resolver> Connector<In> for Dialler<R> {
    type Out = Either<In, Socket>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        if chained.is_some() {
            // The way through the proxy stands.
            return Ok(chained.map(Either::A));
        }
        let stream = self.dial(details)?;
        let Sending { written, outbox } = self.sending.clone();
        let buffers = BodyBuffers::new(READ_SIZE, WRITE_SIZE, outbox);
        Ok(Some(Either::B(Socket { stream, buffers, written, sent: 0, checks: CHECKS })))
    }
}

/// A TCP connection.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    buffers: BodyBuffers,
    written: Written,
    /// How many bytes have been sent since something came.
    sent: usize,
    /// How many more answers are checked for having come too early.
    checks: u8,
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        self.stream.set_write_timeout(Some(limit(timeout)))?;
        self.sent += amount;
        (&self.stream).write_all(self.buffers.outgoing(amount)).map_err(|error| timed(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = timeout.for_read();
        self.buffers.give_back();
        self.stream.set_read_timeout(Some(limit(timeout)))?;
        let input = self.buffers.input_append_buf();
        if input.is_empty() {
            return Err(Error::LargeResponseHeader(READ_SIZE, READ_SIZE));
        }
        let amount = loop {
            match (&self.stream).read(input) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map_err(|error| timed(error, timeout))?,
            }
        };
        self.buffers.input_appended(amount);
        if std::mem::take(&mut self.sent) > SMALL && self.checks > 0 {
            self.checks -= 1;
            if unconfirmed(&self.stream).is_some_and(|bytes| bytes > 0) {
                self.written.was_cut_short();
            }
        }
        Ok(amount > 0)
    }

    /// Whether the peer has not closed it and has sent nothing that was not read.
    fn is_open(&mut self) -> bool {
        if self.stream.set_nonblocking(true).is_err() {
            return false;
        }
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).is_ok()
            && peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// What is left of a time-out, as the system wants it: never nothing.
fn limit(timeout: NextTimeout) -> Duration {
    let left = if timeout.after.is_not_happening() { FOR_EVER } else { *timeout.after };
    left.clamp(Duration::from_millis(1), FOR_EVER)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn timed(error: io::Error, timeout: NextTimeout) -> Error {
    if is_timeout(&error) { Error::Timeout(timeout.reason) } else { Error::Io(error) }
}

/// Encrypts connections to https URLs.
#[derive(Debug)]
pub struct Encryption {
    /// `None` if there are none.
    pub trust: Option<Arc<Trust>>,
    /// Where bodies lie.
    pub outbox: Outbox,
}

impl<In: Transport> Connector<In> for Encryption {
    type Out = Either<In, Encrypted>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else { return Err(Error::ConnectionFailed) };
        // Also within the encryption of a proxy, which is not the server's.
        if !details.needs_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let trust = self.trust.as_ref().ok_or(Error::ConnectionFailed)?;
        let host = details.uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|_| Error::Tls("no certificate can be for this host name"))?;
        let mut connection = ClientConnection::new(trust.config(), name)?;
        let mut sock = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        sock.set_timeout(details.timeout);
        connection.complete_io(&mut sock)?;
        let buffers = BodyBuffers::new(READ_SIZE, WRITE_SIZE, self.outbox.clone());
        Ok(Some(Either::B(Encrypted { buffers, stream: StreamOwned::new(connection, sock) })))
    }
}

/// A connection within TLS.
pub struct Encrypted {
    buffers: BodyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encrypted").field("inner", self.stream.sock.inner()).finish_non_exhaustive()
    }
}

impl Transport for Encrypted {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.sock.set_timeout(timeout);
        self.stream.write_all(self.buffers.outgoing(amount))?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.sock.set_timeout(timeout);
        self.buffers.give_back();
        let input = self.buffers.input_append_buf();
        if input.is_empty() {
            return Err(Error::LargeResponseHeader(READ_SIZE, READ_SIZE));
        }
        let amount = self.stream.read(input)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// What a connection and whoever sends requests over it have in common.
#[derive(Clone, Default, Debug)]
pub struct Sending {
    /// What becomes of the request.
    pub written: Written,
    /// Where its body lies.
    pub outbox: Outbox,
}

/// Whether the request that is under way on a connection was written to its end. One is shared by a connection and whoever
/// waits for its answer.
#[derive(Clone, Default, Debug)]
pub struct Written(Arc<AtomicBool>);

impl Written {
    /// A request begins.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The peer has answered or closed the connection before it can have read all of the request.
    fn was_cut_short(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Whether the peer can have read all of the request that began last.
    pub fn is_whole(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Makes connections [`Watched`].
#[derive(Debug)]
pub struct Watch {
    /// What becomes of requests is told there.
    pub written: Written,
    /// The greatest age of a connection; `None` for no limit.
    pub max_age: Option<Duration>,
}

impl<In: Transport> Connector<In> for Watch {
    type Out = Watched<In>;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| Watched {
            inner,
            written: self.written.clone(),
            opened: Instant::now(),
            max_age: self.max_age,
            is_cut: false,
            is_fresh: true,
            is_waiting: false,
        }))
    }
}

/// A connection on which an answer is read also where it came before the request was written.
#[derive(Debug)]
pub struct Watched<T> {
    inner: T,
    written: Written,
    opened: Instant,
    max_age: Option<Duration>,
    /// The peer has closed its side: what is still written goes nowhere.
    is_cut: bool,
    /// No answer has come yet on this connection.
    is_fresh: bool,
    /// A request was written, and nothing of its answer has come.
    is_waiting: bool,
}

impl<T: Transport> Transport for Watched<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        // An answer to a request that is not at its end. Within TLS there may be something else to read.
        if self.is_waiting && !self.is_cut && !self.inner.is_tls() && !self.inner.is_open() {
            self.written.was_cut_short();
        }
        self.is_waiting = true;
        if self.is_cut {
            return Ok(());
        }
        match self.inner.transmit_output(amount, timeout) {
            Err(Error::Io(error)) if is_closed(&error) => {
                self.is_cut = true;
                self.written.was_cut_short();
                Ok(())
            }
            other => other,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let read = self.inner.await_input(timeout);
        if matches!(read, Ok(true)) {
            self.is_fresh = false;
            self.is_waiting = false;
        }
        let ended = |is_cut| Err(Error::Other(Box::new(Ended { is_fresh: self.is_fresh, is_cut })));
        match read {
            Ok(false) if self.is_waiting => ended(self.is_cut),
            Err(Error::Io(error)) if self.is_waiting && is_closed(&error) => {
                // A peer that closes without having read all resets the connection.
                ended(self.is_cut || error.kind() != io::ErrorKind::UnexpectedEof)
            }
            other => other,
        }
    }

    /// Whether it may be used for another request. Its age counts between requests only: a request that it passes the limit
    /// in goes on.
    fn is_open(&mut self) -> bool {
        let is_young = self.max_age.is_none_or(|most| self.opened.elapsed() < most);
        is_young && !self.is_cut && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// The connection ended before an answer began.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Nothing had ever been answered on it.
    pub is_fresh: bool,
    /// It was closed while the request was written.
    pub is_cut: bool,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_cut {
            "the connection was closed while the request was written"
        } else {
            "the connection was closed without an answer"
        })
    }
}

impl std::error::Error for Ended {}

fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}
