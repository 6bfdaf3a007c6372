//! stdin, line by line. The one wait of a filter is in front of a read that may block, and just before it everything
//! pending is written: so a slow stream is seen at once and a fast one costs one write for each buffer. That wait watches
//! stdout too, so that a filter ends within milliseconds of its reader, also while all is silent.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::ending::{Stop, Trouble, say};
use crate::line::Item;
use crate::output::Output;
use crate::signal::{Asked, Signals};
use crate::splitter::{Losses, Run, Splitter};
use crate::wait::Wait;

/// The standard input of a filter.
#[derive(Debug)]
pub struct Input {
    prog: &'static str,
    fd: BorrowedFd<'static>,
    splitter: Splitter,
    signals: Option<Signals>,
    idle: Option<Duration>,
    said: Losses,
}

/// What ended a wait.
enum Wake {
    Readable,
    CountersAsked,
    Idle,
}

impl Input {
    /// stdin of a tool that ends when its input ends; installs the signals of such a tool.
    pub fn stdin(prog: &'static str) -> Result<Self, Stop> {
        let signals = Signals::of_filter().map_err(|error| Trouble::io("signals", &error))?;
        Ok(Self { signals: Some(signals), ..Self::without_signals(prog) })
    }

    /// stdin of a tool with signals and a wait of its own, which uses [`Input::ready`] and [`Input::fill`].
    pub fn without_signals(prog: &'static str) -> Self {
        Self {
            prog,
            fd: rustix::stdio::stdin(),
            splitter: Splitter::default(),
            signals: None,
            idle: None,
            said: Losses::default(),
        }
    }

    /// From now on a wait of `idle` without input gives [`Item::Idle`].
    pub fn set_idle(&mut self, idle: Option<Duration>) {
        self.idle = idle;
    }

    /// Gives what is ready to `take`, one item after the other; false at EOF. Writes what `output` has pending before it blocks.
    pub fn each(
        &mut self,
        output: &mut Output,
        mut take: impl FnMut(&Item<'_>, &mut Output) -> Result<(), Stop>,
    ) -> Result<bool, Stop> {
        if let Some(woken) = self.await_ready(output)? {
            take(&woken, output)?;
            return Ok(true);
        }
        let is_ready = self.splitter.is_ready();
        while let Some(item) = self.splitter.item() {
            take(&item, output)?;
        }
        Ok(is_ready)
    }

    /// The next item or many lines at a time, with or without positions; `None` at EOF. Writes before it blocks, too.
    pub fn run(&mut self, output: &mut Output) -> Result<Option<Run<'_>>, Stop> {
        if let Some(woken) = self.await_ready(output)? {
            return Ok(Some(Run::Item(woken)));
        }
        Ok(self.splitter.run())
    }

    /// Returns when something is ready or the stream has ended, or with what else ended the wait.
    fn await_ready(&mut self, output: &mut Output) -> Result<Option<Item<'static>>, Stop> {
        while !self.splitter.is_ready() && !self.splitter.is_finished() {
            if !self.is_readable()? {
                output.flush()?;
                match self.wait(output)? {
                    Wake::Readable => {}
                    Wake::CountersAsked => return Ok(Some(Item::CountersAsked)),
                    Wake::Idle => return Ok(Some(Item::Idle)),
                }
            }
            self.fill()?;
        }
        Ok(None)
    }

    /// The next item that has been read already. Makes no system call.
    pub fn ready(&mut self) -> Option<Item<'_>> {
        self.splitter.item()
    }

    /// Gives up memory that one long line needed, once that line has been taken.
    pub fn give_back(&mut self) {
        self.splitter.give_back();
    }

    /// Whether [`Input::ready`] has an item.
    pub fn has_ready(&mut self) -> bool {
        self.splitter.is_ready()
    }

    /// Reads once, blocking if nothing is there; false at EOF. To be called when nothing is ready.
    pub fn fill(&mut self) -> Result<bool, Stop> {
        let read = loop {
            match rustix::io::read(self.fd, &mut *self.splitter.space()) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    // Somebody has made the shared description non-blocking.
                    let _ = Wait { input: Some(self.fd), ..Wait::default() }.wait(None);
                }
                other => break other,
            }
        };
        match read {
            Ok(0) => self.splitter.finish(),
            Ok(count) => self.splitter.filled(count),
            Err(errno) => return Err(Trouble::io("standard input", &errno.into()).into()),
        }
        self.say_losses();
        Ok(!self.splitter.is_finished())
    }

    /// Whether the stream, now at its EOF, was cut: marks had been seen and no end mark.
    pub fn cut(&self) -> bool {
        self.splitter.cut()
    }

    /// Whether what was handed out so far carried a position or a mark.
    pub fn carried(&self) -> bool {
        self.splitter.carried()
    }

    /// Whether a line had to be passed by: the run then ends as trouble.
    pub fn has_lost(&self) -> bool {
        self.splitter.losses().too_long > 0
    }

    /// What was lost so far, for the counters.
    pub fn losses(&self) -> Losses {
        self.splitter.losses()
    }

    fn say_losses(&mut self) {
        let losses = self.splitter.losses();
        if losses.too_long > self.said.too_long {
            say(
                self.prog,
                format_args!("standard input: a line longer than {} bytes, passed by", crate::splitter::MAX_LINE),
            );
        }
        if losses.torn > 0 && self.said.torn == 0 {
            say(self.prog, "standard input: the beginning of a line without its end, dropped");
        }
        self.said = losses;
    }

    fn is_readable(&self) -> Result<bool, Stop> {
        let wait = Wait { input: Some(self.fd), ..Wait::default() };
        wait.wait(Some(Duration::ZERO)).map(|woken| woken.input).map_err(|error| trouble(&error))
    }

    fn wait(&self, output: &Output) -> Result<Wake, Stop> {
        let until = self.idle.map(|idle| Instant::now() + idle);
        loop {
            if self.signals.as_ref().and_then(Signals::next) == Some(Asked::Counters) {
                return Ok(Wake::CountersAsked);
            }
            let others = self.signals.iter().flat_map(Signals::fds).collect();
            let wait = Wait { input: Some(self.fd), output: Some(output.fd()), others, ..Wait::default() };
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let woken = wait.wait(left).map_err(|error| trouble(&error))?;
            if woken.reader_is_gone {
                return Err(Stop::ReaderGone);
            }
            if woken.input {
                return Ok(Wake::Readable);
            }
            if woken.other.is_none() && left == Some(Duration::ZERO) {
                return Ok(Wake::Idle);
            }
        }
    }
}

impl AsFd for Input {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd
    }
}

fn trouble(error: &io::Error) -> Stop {
    Trouble::io("poll", error).into()
}
