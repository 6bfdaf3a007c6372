//! Bodies that are sent without being copied. ureq fills the output buffer of a connection with what it reads of a body, and
//! has that sent. Here the body itself is that buffer while it is sent, and what ureq reads of only counts.
//!
//! The invariant: a body lies in one place, with its sender, in the [`Outbox`] or in the buffers of the connection that sends
//! it. That gives it back when it waits for the answer, and when it is closed.

use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ureq::unversioned::transport::{Buffers, LazyBuffers};

/// Where a body lies between its sender and a connection, each of which has one of the two ends.
#[derive(Clone, Default, Debug)]
pub struct Outbox(Arc<Shared>);

#[derive(Default, Debug)]
struct Shared {
    body: Mutex<Vec<u8>>,
    /// How many of its bytes ureq has read.
    read: AtomicUsize,
}

impl Outbox {
    /// Lays a body in, and gives what ureq is to read in its place.
    pub fn put(&self, body: Vec<u8>) -> Counter {
        let counter = Counter { at: body.as_ptr().addr(), left: body.len(), outbox: self.clone() };
        self.0.read.store(0, Ordering::Relaxed);
        self.give(body);
        counter
    }

    /// Takes out what lies there: nothing while a connection has it.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.body.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn give(&self, body: Vec<u8>) {
        *self.0.body.lock().unwrap_or_else(PoisonError::into_inner) = body;
    }
}

/// Reads a body into itself: where its bytes are to go, they stand.
#[derive(Debug)]
pub struct Counter {
    /// The address of what comes next.
    at: usize,
    left: usize,
    outbox: Outbox,
}

impl Read for Counter {
    /// Fails if `room` is another than that of the body, for then it would stay as it is.
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        if room.as_ptr().addr() != self.at {
            return Err(io::Error::other("the body is not where it is sent from"));
        }
        let count = room.len().min(self.left);
        self.at += count;
        self.left -= count;
        self.outbox.0.read.fetch_add(count, Ordering::Relaxed);
        Ok(count)
    }
}

/// The buffers of a connection. What it writes stands in the body that it took out of its outbox, or in a buffer of its own:
/// heads, and bodies that were not laid in there.
#[derive(Debug)]
pub struct BodyBuffers {
    own: LazyBuffers,
    outbox: Outbox,
    body: Vec<u8>,
    /// What was asked for last is the body.
    is_body: bool,
}

impl BodyBuffers {
    /// `read` bytes are kept for what comes in, and `write` bytes for what goes out beside bodies.
    pub fn new(read: usize, write: usize, outbox: Outbox) -> Self {
        Self { own: LazyBuffers::new(read, write), outbox, body: Vec::new(), is_body: false }
    }

    /// The `amount` of bytes that are to be written now.
    pub fn outgoing(&mut self, amount: usize) -> &[u8] {
        if self.is_body {
            let end = self.outbox.0.read.load(Ordering::Relaxed);
            &self.body[end - amount..end]
        } else {
            &self.own.output()[..amount]
        }
    }

    /// Gives the body back.
    pub fn give_back(&mut self) {
        self.is_body = false;
        if self.body.capacity() > 0 {
            self.outbox.give(std::mem::take(&mut self.body));
        }
    }
}

impl Drop for BodyBuffers {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Buffers for BodyBuffers {
    fn output(&mut self) -> &mut [u8] {
        self.is_body = false;
        self.own.output()
    }

    fn input(&self) -> &[u8] {
        self.own.input()
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.own.input_append_buf()
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        if self.body.is_empty() {
            self.body = self.outbox.take();
        }
        self.is_body = !self.body.is_empty();
        let (spare, output) = self.own.tmp_and_output();
        if self.is_body {
            let read = self.outbox.0.read.load(Ordering::Relaxed);
            (spare, &mut self.body[read..])
        } else {
            (spare, output)
        }
    }

    fn input_appended(&mut self, amount: usize) {
        self.own.input_appended(amount);
    }

    fn input_consume(&mut self, amount: usize) {
        self.own.input_consume(amount);
    }

    fn can_use_input(&self) -> bool {
        self.own.can_use_input()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_body_is_sent_from_where_it_stands_and_comes_back() {
        let outbox = Outbox::default();
        let mut buffers = BodyBuffers::new(8, 8, outbox.clone());
        let body = b"some body".to_vec();
        let stands_at = body.as_ptr();
        let mut counter = outbox.put(body);
        buffers.output()[..4].copy_from_slice(b"head");
        assert_eq!(buffers.outgoing(4), b"head");
        let (_, output) = buffers.tmp_and_output();
        assert_eq!(counter.read(&mut output[..5]).unwrap(), 5);
        assert_eq!(buffers.outgoing(5), b"some ");
        let (_, output) = buffers.tmp_and_output();
        assert_eq!(counter.read(output).unwrap(), 4);
        assert_eq!(buffers.outgoing(4), b"body");
        assert_eq!(counter.read(buffers.tmp_and_output().1).unwrap(), 0);
        assert!(outbox.take().is_empty());
        buffers.give_back();
        let body = outbox.take();
        assert_eq!((body.as_ptr(), &body[..]), (stands_at, &b"some body"[..]));
    }

    #[test]
    fn what_lies_elsewhere_is_not_sent_in_place_of_a_body() {
        let outbox = Outbox::default();
        let mut counter = outbox.put(b"body".to_vec());
        assert!(counter.read(&mut [0; 4]).is_err());
        assert_eq!(outbox.take(), b"body");
    }

    #[test]
    fn a_connection_that_is_closed_gives_its_body_back() {
        let outbox = Outbox::default();
        let mut buffers = BodyBuffers::new(8, 8, outbox.clone());
        let mut counter = outbox.put(b"body".to_vec());
        assert_eq!(counter.read(&mut buffers.tmp_and_output().1[..2]).unwrap(), 2);
        drop(buffers);
        assert_eq!(outbox.take(), b"body");
    }

    #[test]
    fn what_was_not_laid_in_goes_through_the_buffer_of_the_connection() {
        let mut buffers = BodyBuffers::new(8, 8, Outbox::default());
        buffers.tmp_and_output().1[..3].copy_from_slice(b"any");
        assert_eq!(buffers.outgoing(3), b"any");
    }
}
