//! The members of a pipeline, started one by one and connected as a shell does it, so that each can be met by itself.
//!
//! Invariant: the test holds no end of a pipe between two members, else none of them would see the other's end.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::tools;

/// A running pipeline; what is left of it is killed when it is dropped.
#[derive(Debug)]
pub struct Pipeline {
    members: Vec<Child>,
}

impl Pipeline {
    /// Starts the members, each given by its words, first to last. All write their messages to the end of `errors`; what
    /// the last one prints is thrown away.
    pub fn start<Word: AsRef<str>>(line: &[Vec<Word>], errors: &Path) -> io::Result<Self> {
        Self::start_into(line, errors, Stdio::null())
    }

    /// The same with somewhere to put what the last one prints.
    pub fn start_into<Word: AsRef<str>>(line: &[Vec<Word>], errors: &Path, output: Stdio) -> io::Result<Self> {
        let mut pipeline = Self { members: Vec::new() };
        let mut output = Some(output);
        for (place, words) in line.iter().enumerate() {
            let before = pipeline.members.last_mut().and_then(|child| child.stdout.take());
            let is_last = place + 1 == line.len();
            let log = File::options().create(true).append(true).open(errors)?;
            let child = Command::new(words[0].as_ref())
                .args(words[1..].iter().map(AsRef::as_ref))
                .env("PATH", tools::path())
                .env("TZ", "UTC")
                .stdin(before.map_or_else(Stdio::null, Stdio::from))
                .stdout(if is_last { output.take().unwrap_or_else(Stdio::null) } else { Stdio::piped() })
                .stderr(log)
                .spawn()
                .map_err(|error| io::Error::other(format!("{}: {error}", words[0].as_ref())))?;
            pipeline.members.push(child);
        }
        Ok(pipeline)
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The process at a place, counted from 0.
    pub fn process(&self, place: usize) -> Pid {
        Pid::from_child(&self.members[place])
    }

    /// What the last member prints, where it was started with a pipe for that.
    pub fn output(&mut self) -> Option<std::process::ChildStdout> {
        self.members.last_mut().and_then(|child| child.stdout.take())
    }

    /// Sends a signal to one member. One that has ended needs none; it has not been waited for before, or the number is
    /// known to be free, so nobody else is met.
    pub fn signal(&mut self, place: usize, signal: Signal) {
        let child = &mut self.members[place];
        if matches!(child.try_wait(), Ok(None)) {
            let _ = kill_process(Pid::from_child(child), signal);
        }
    }

    /// Sends a signal to every member, as `kill 0` does.
    pub fn signal_all(&mut self, signal: Signal) {
        for place in 0..self.members.len() {
            self.signal(place, signal);
        }
    }

    /// Tells the first and the last to come to an end, as the image's entry point does.
    pub fn terminate(&mut self) {
        self.signal(0, Signal::TERM);
        self.signal(self.members.len() - 1, Signal::TERM);
    }

    /// Waits until the first and the last have come so far that TERM tells them to end: before they catch it, it kills.
    ///
    /// # Panics
    /// When they never come so far.
    pub fn await_begun(&mut self) {
        for place in [0, self.members.len() - 1] {
            let status = format!("/proc/{}/status", self.process(place).as_raw_pid());
            tools::await_that("a handler for TERM", || {
                let text = fs::read_to_string(&status).unwrap_or_default();
                let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
                let caught = caught.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0);
                // TERM is signal 15. One that has ended already is waited for no longer.
                caught & (1 << 14) != 0 || self.has_ended()
            });
        }
    }

    /// Whether all members have ended.
    pub fn has_ended(&mut self) -> bool {
        self.members.iter_mut().all(|child| matches!(child.try_wait(), Ok(Some(_))))
    }

    /// Whether all members have ended in time.
    pub fn ends_within(&mut self, most: Duration) -> bool {
        let end = Instant::now() + most;
        while !self.has_ended() {
            if Instant::now() > end {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// How each member has ended; `None` for one that still runs.
    pub fn statuses(&mut self) -> Vec<Option<ExitStatus>> {
        self.members.iter_mut().map(|child| child.try_wait().ok().flatten()).collect()
    }

    /// The exit codes; `None` for a member that still runs or was ended by a signal.
    pub fn codes(&mut self) -> Vec<Option<i32>> {
        self.statuses().into_iter().map(|status| status.and_then(|status| status.code())).collect()
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        for child in &mut self.members {
            // Most have ended already.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// The words of a command line that has neither quotes nor spaces inside its words.
pub fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}
