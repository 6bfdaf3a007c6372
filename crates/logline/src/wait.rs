//! The one wait of the suite: until the input can be read, the output has room or lost its reader, something else (a
//! signal, an inotify event) has come, or the time is up.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// What is waited for.
#[derive(Default, Debug)]
pub struct Wait<'a> {
    /// To become readable.
    pub input: Option<BorrowedFd<'a>>,
    /// To lose its reader: POLLERR on a pipe, POLLHUP on a terminal or socket. Files never do.
    pub output: Option<BorrowedFd<'a>>,
    /// The output is to have room, too.
    pub for_room: bool,
    /// To lose its writer: POLLHUP on a pipe, whatever it still holds. For an input that is not to be read now.
    pub unread: Option<BorrowedFd<'a>>,
    /// To become readable, whichever of them.
    pub others: Vec<BorrowedFd<'a>>,
}

/// What has come.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each tells of another descriptor, and any of them may hold together"
)]
pub struct Woken {
    /// The input can be read, or is at its end.
    pub input: bool,
    /// The output has room.
    pub room: bool,
    /// Nobody reads the output any more.
    pub reader_is_gone: bool,
    /// Nobody writes the input any more that is not read now.
    pub writer_is_gone: bool,
    /// Which of the others can be read: the first of them.
    pub other: Option<usize>,
}

impl Wait<'_> {
    /// Waits for `timeout` at most, without one for ever. A signal that is not waited for may end it early, with nothing.
    ///
    /// # Errors
    /// What `poll` fails with.
    pub fn wait(&self, timeout: Option<Duration>) -> io::Result<Woken> {
        let mut fds = Vec::with_capacity(self.others.len() + 3);
        fds.extend(self.input.iter().map(|fd| PollFd::new(fd, PollFlags::IN)));
        let room = if self.for_room { PollFlags::OUT } else { PollFlags::empty() };
        fds.extend(self.output.iter().map(|fd| PollFd::new(fd, room)));
        fds.extend(self.unread.iter().map(|fd| PollFd::new(fd, PollFlags::empty())));
        fds.extend(self.others.iter().map(|fd| PollFd::new(fd, PollFlags::IN)));
        match poll(&mut fds, timeout.and_then(|timeout| Timespec::try_from(timeout).ok()).as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Woken::default()),
            Err(errno) => return Err(errno.into()),
        }
        let mut woken = Woken::default();
        let mut polled = fds.iter().map(PollFd::revents);
        if self.input.is_some() {
            woken.input = polled.next().is_some_and(|events| !events.is_empty());
        }
        if self.output.is_some() {
            let events = polled.next().unwrap_or(PollFlags::empty());
            woken.room = events.contains(PollFlags::OUT);
            woken.reader_is_gone = events.intersects(PollFlags::ERR | PollFlags::HUP);
        }
        if self.unread.is_some() {
            woken.writer_is_gone = polled.next().is_some_and(|events| events.contains(PollFlags::HUP));
        }
        woken.other = polled.position(|events| !events.is_empty());
        Ok(woken)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use std::os::fd::AsFd as _;

    #[test]
    fn what_has_come_is_told_and_nothing_else() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        let wait = Wait { input: Some(read.as_fd()), output: Some(write.as_fd()), for_room: true, ..Wait::default() };
        let woken = wait.wait(Some(Duration::ZERO)).unwrap();
        assert_eq!(woken, Woken { room: true, ..Woken::default() });
        rustix::io::write(&write, b"x").unwrap();
        assert!(wait.wait(Some(Duration::ZERO)).unwrap().input);
        let other = Wait { others: vec![read.as_fd()], ..Wait::default() };
        assert_eq!(other.wait(None).unwrap(), Woken { other: Some(0), ..Woken::default() });
    }

    #[test]
    fn a_writer_that_goes_away_is_told_before_all_it_wrote_is_read() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        rustix::io::write(&write, b"x").unwrap();
        let wait = Wait { unread: Some(read.as_fd()), ..Wait::default() };
        assert_eq!(wait.wait(Some(Duration::ZERO)).unwrap(), Woken::default());
        drop(write);
        assert_eq!(wait.wait(None).unwrap(), Woken { writer_is_gone: true, ..Woken::default() });
    }

    #[test]
    fn a_reader_that_goes_away_ends_the_wait() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        drop(read);
        let wait = Wait { output: Some(write.as_fd()), ..Wait::default() };
        assert!(wait.wait(None).unwrap().reader_is_gone);
    }
}
