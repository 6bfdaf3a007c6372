//! stdout: collected, and written when the buffer is full or exactly before a read that may block. That its reader went
//! away is [`Stop::ReaderGone`]; any other failure is trouble, that of the last write too.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::io::Errno;

use crate::ending::{Stop, Trouble};
use crate::system;
use crate::wait::Wait;

/// How much is collected before it is written in any case. What is read, made of it and written stays in a core's cache.
pub const WRITE_SIZE: usize = 128 << 10;
/// What the pipe of a busy stream is enlarged to, so that its two ends seldom wait for each other. Not more, and not before:
/// the memory is charged to the Pod, and beyond 64 MiB for a user every new pipe of that user shrinks to 8 KiB.
const PIPE_SIZE: usize = 512 << 10;

/// The standard output.
#[derive(Debug)]
pub struct Output {
    fd: BorrowedFd<'static>,
    /// What is pending, and behind it `spare` bytes that are not: whatever they hold, nobody has to fill them again.
    pending: Vec<u8>,
    spare: usize,
    is_pipe: bool,
    enlarged: bool,
    /// The kernel writes to this pipe without blocking when it is asked to (Linux 6.4).
    has_nowait: bool,
}

impl Output {
    /// The standard output of this process.
    pub fn stdout() -> Self {
        Self::to(rustix::stdio::stdout())
    }

    /// Any descriptor that stays open as long as the process.
    pub fn to(fd: BorrowedFd<'static>) -> Self {
        let is_pipe = rustix::fs::fstat(fd)
            .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Fifo);
        Self { fd, pending: Vec::new(), spare: 0, is_pipe, enlarged: !is_pipe, has_nowait: true }
    }

    /// Appends `bytes` to what is pending; writes when that has become much.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        if bytes.len() >= WRITE_SIZE {
            // Collected, a long line would take its memory once more.
            self.flush()?;
            self.enlarge();
            return self.write_all(bytes);
        }
        self.buffer().extend_from_slice(bytes);
        self.settle()
    }

    /// Appends a line and its LF.
    pub fn line(&mut self, line: &[u8]) -> Result<(), Stop> {
        if line.len() >= WRITE_SIZE {
            self.write(line)?;
        } else {
            self.buffer().extend_from_slice(line);
        }
        self.buffer().push(b'\n');
        self.settle()
    }

    /// What is pending, to append to; [`Output::settle`] is to follow.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.pending.truncate(self.pending());
        self.spare = 0;
        &mut self.pending
    }

    /// Room behind what is pending, to be written into from its beginning; it holds anything. [`Output::wrote`] is to follow.
    pub fn room(&mut self, length: usize) -> &mut [u8] {
        let pending = self.pending();
        if self.spare < length {
            self.pending.resize(pending + length, 0);
            self.spare = length;
        }
        &mut self.pending[pending..]
    }

    /// So many bytes of the [`Output::room`] are pending now; [`Output::settle`] is to follow.
    pub fn wrote(&mut self, count: usize) {
        self.spare -= count;
    }

    /// Writes if [`WRITE_SIZE`] or more is pending.
    pub fn settle(&mut self) -> Result<(), Stop> {
        if self.pending() >= WRITE_SIZE { self.flush() } else { Ok(()) }
    }

    /// Writes all that is pending; blocks until the reader has taken it.
    pub fn flush(&mut self) -> Result<(), Stop> {
        let pending = self.pending();
        if pending >= WRITE_SIZE {
            // The stream is a busy one.
            self.enlarge();
        }
        self.write_all(&self.pending[..pending])?;
        self.forget(pending);
        Ok(())
    }

    fn write_all(&self, bytes: &[u8]) -> Result<(), Stop> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::io::write(self.fd, rest) {
                Ok(count) => rest = &rest[count..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait_for_room(),
                Err(errno) => return Err(stop(errno)),
            }
        }
        Ok(())
    }

    /// Writes what the reader has room for, without blocking where stdout is a pipe; whether all is written now.
    pub fn flush_some(&mut self) -> Result<bool, Stop> {
        if !self.is_pipe {
            return self.flush().map(|()| true);
        }
        let mut written = 0;
        let pending = self.pending();
        let result = loop {
            let rest = &self.pending[written..pending];
            if rest.is_empty() {
                break Ok(true);
            }
            match self.write_now(rest) {
                Ok(count) => written += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.enlarged => break Ok(false),
                Err(Errno::AGAIN) => self.enlarge(),
                Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) if self.has_nowait => self.has_nowait = false,
                Err(errno) => break Err(stop(errno)),
            }
        };
        self.forget(written);
        result
    }

    fn write_now(&self, bytes: &[u8]) -> Result<usize, Errno> {
        if self.has_nowait {
            return system::write_now(self.fd, bytes);
        }
        if !has_room(self.fd) {
            return Err(Errno::AGAIN);
        }
        rustix::io::write(self.fd, &bytes[..bytes.len().min(system::ROOM)])
    }

    /// How many bytes are pending.
    pub fn pending(&self) -> usize {
        self.pending.len() - self.spare
    }

    /// The descriptor to watch for the reader going away.
    pub fn fd(&self) -> BorrowedFd<'static> {
        self.fd
    }

    /// Writes the rest. A failure of this last write is a failure of the run.
    pub fn finish(mut self) -> Result<(), Stop> {
        self.flush()
    }

    fn forget(&mut self, written: usize) {
        if written < self.pending() {
            self.pending.drain(..written);
            return;
        }
        // One huge line must not keep its memory for ever.
        self.pending.truncate(4 * WRITE_SIZE);
        self.pending.shrink_to(4 * WRITE_SIZE);
        self.spare = self.pending.len();
    }

    fn enlarge(&mut self) {
        if !std::mem::replace(&mut self.enlarged, true) {
            system::enlarge(self.fd, PIPE_SIZE);
        }
    }

    fn wait_for_room(&self) {
        // What goes wrong here comes back at the next write.
        let _ = Wait { output: Some(self.fd), for_room: true, ..Wait::default() }.wait(None);
    }
}

impl AsFd for Output {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd
    }
}

fn has_room(fd: BorrowedFd<'_>) -> bool {
    let wait = Wait { output: Some(fd), for_room: true, ..Wait::default() };
    wait.wait(Some(Duration::ZERO)).is_ok_and(|woken| woken.room || woken.reader_is_gone)
}

fn stop(errno: Errno) -> Stop {
    match errno {
        Errno::PIPE => Stop::ReaderGone,
        errno => Trouble::io("standard output", &errno.into()).into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use std::io::Read as _;

    #[test]
    fn a_long_line_is_written_in_its_place_and_takes_no_memory() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let long = vec![b'x'; 20 * WRITE_SIZE];
        let expected = [&b"before\n"[..], &long, b"\nbehind\n", &long, b"end\n"].concat();
        let mut text = vec![0; expected.len()];
        let reading = std::thread::spawn(move || reader.read_exact(&mut text).map(|()| text));
        let writer: &'static std::io::PipeWriter = Box::leak(Box::new(writer));
        let mut output = Output::to(writer.as_fd());
        for line in [&b"before"[..], &long, b"behind"] {
            output.line(line).unwrap();
        }
        output.write(&long).unwrap();
        assert!(output.pending.capacity() < 4 * WRITE_SIZE, "{}", output.pending.capacity());
        output.line(b"end").unwrap();
        output.finish().unwrap();
        assert!(reading.join().unwrap().unwrap() == expected);
    }
}
