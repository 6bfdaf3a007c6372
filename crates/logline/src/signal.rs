//! Signals as something to wait for. Each caught signal has a pipe of its own, so that none is lost between a look and a
//! wait, and so that a second one counts. Dispositions may be inherited as ignored (a shell does that to what it runs in
//! the background): every one that matters is installed explicitly.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::{flag, low_level};

/// What a signal asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// TERM: drain and end.
    Drain,
    /// INT: stop now.
    Stop,
    /// USR1: say the counters.
    Counters,
}

/// The signals that a tool waits for.
#[derive(Debug)]
pub struct Signals {
    caught: Vec<(Asked, OwnedFd)>,
}

impl Signals {
    /// For a tool that ends when its input ends: the first TERM is ignored, a second ends it, INT ends it, HUP does
    /// nothing, USR1 is waited for.
    pub fn of_filter() -> io::Result<Self> {
        let asked_before = Arc::new(AtomicBool::new(false));
        flag::register_conditional_default(SIGTERM, Arc::clone(&asked_before))?;
        flag::register(SIGTERM, asked_before)?;
        flag::register_conditional_default(SIGINT, Arc::new(AtomicBool::new(true)))?;
        Self::catch(&[(SIGUSR1, Asked::Counters)])
    }

    /// For a tool that has an end of its own: TERM, INT and USR1 are waited for, HUP does nothing.
    pub fn of_end() -> io::Result<Self> {
        Self::catch(&[(SIGTERM, Asked::Drain), (SIGINT, Asked::Stop), (SIGUSR1, Asked::Counters)])
    }

    fn catch(signals: &[(i32, Asked)]) -> io::Result<Self> {
        flag::register(SIGHUP, Arc::new(AtomicBool::new(false)))?;
        let mut caught = Vec::new();
        for (signal, asked) in signals {
            let (read, write) = crate::system::signal_pipe()?;
            low_level::pipe::register(*signal, write)?;
            caught.push((*asked, read));
        }
        Ok(Self { caught })
    }

    /// The descriptors that become readable when a signal has arrived.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.caught.iter().map(|(_, fd)| fd.as_fd())
    }

    /// One signal that has arrived, each once; does not block.
    pub fn next(&self) -> Option<Asked> {
        self.caught.iter().find(|(_, fd)| rustix::io::read(fd, &mut [0; 1]) == Ok(1)).map(|(asked, _)| *asked)
    }
}
