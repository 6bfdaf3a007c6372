//! An end although a file system does not answer. A look at a file of a mount whose server has gone (NFS, FUSE) may last for
//! ever, and the kernel keeps a signal waiting that is meant for the thread that looks. So the loop has a thread of its own,
//! and the first thread, which the kernel prefers, only waits: for the end of the loop and for signals. It ends the run when
//! the loop has stood still longer than it may. That is as if the run had been killed, which loses nothing.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::panic::resume_unwind;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use logline::ending::{Trouble, say};
use logline::signal::{Asked, Signals};
use logline::wait::Wait;

use crate::PROG;

/// How much longer the loop gets than it was given.
const GRACE: Duration = Duration::from_secs(1);
/// How long the loop may stand still once it is to end: longer than a last write and a slow disk take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long stderr gets to take the message: it may be on the same mount.
const LAST_WORD: Duration = Duration::from_millis(500);

/// What `run` returns, which must let the pulse beat by the clock that began at `clock`. When it stands still, TERM ends the
/// process `max` later, and INT and a second TERM do at once. To be called by the first thread of the process, after all else
/// that is to hear signals.
///
/// # Errors
/// Where signals cannot be waited for, or no thread can be started.
pub fn watched<T: Send>(clock: Instant, max: Duration, run: impl FnOnce(Pulse) -> T + Send) -> Result<T, Trouble> {
    let signals = Signals::of_end().map_err(|error| Trouble::io("signals", &error))?;
    let (ended, ends) = io::pipe().map_err(|error| Trouble::io("pipe", &error))?;
    let pulse = Pulse { clock, at: Arc::default() };
    let watched = pulse.clone();
    thread::scope(|scope| {
        let run = move || {
            let result = run(pulse);
            drop(ends);
            result
        };
        let run = thread::Builder::new().spawn_scoped(scope, run).map_err(|error| Trouble::io("thread", &error))?;
        watched.watch(&signals, ended.as_fd(), max);
        Ok(run.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// The loop shows with it that it goes round.
#[derive(Clone, Debug)]
pub struct Pulse {
    clock: Instant,
    /// When it last did, in milliseconds of that clock.
    at: Arc<AtomicU64>,
}

impl Pulse {
    /// The loop goes round.
    pub fn beat(&self, now: Duration) {
        self.at.store(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn stands_still(&self, now: Duration) -> Duration {
        now.saturating_sub(Duration::from_millis(self.at.load(Ordering::Relaxed)))
    }

    /// Waits for the end of the loop, which `ended` becomes readable with.
    fn watch(&self, signals: &Signals, ended: BorrowedFd<'_>, max: Duration) {
        let mut due = Due::default();
        loop {
            let now = self.clock.elapsed();
            let left = due.left(now, self.stands_still(now));
            let wait = Wait { input: Some(ended), others: signals.fds().collect(), ..Wait::default() };
            match wait.wait(left) {
                Ok(woken) if !woken.input => {}
                // What goes wrong with it leaves the run as it would be alone.
                _ => return,
            }
            let now = self.clock.elapsed();
            while let Some(asked) = signals.next() {
                due.ask(asked, now, max);
            }
            if due.left(now, self.stands_still(now)).is_some_and(|left| left.is_zero()) {
                end();
            }
        }
    }
}

/// Ends the process, whatever the loop is held up by.
fn end() {
    let (said, is_said) = channel();
    thread::spawn(move || {
        say(
            PROG,
            "it does not come to its end, a file or the reader of standard output does not answer: ending as if killed",
        );
        said.send(())
    });
    let _ = is_said.recv_timeout(LAST_WORD);
    // Where not even a kill ends the loop (FUSE), its reader is to see an end of the stream all the same.
    if let Ok(nothing) = File::open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(nothing);
    }
    process::exit(2);
}

/// When the loop must have ended, once it was asked to.
#[derive(Default, Debug)]
struct Due(Option<Duration>);

impl Due {
    fn ask(&mut self, asked: Asked, now: Duration, max: Duration) {
        let first = match asked {
            Asked::Counters => return,
            Asked::Drain if self.0.is_none() => max,
            Asked::Drain | Asked::Stop => Duration::ZERO,
        };
        let due = now + first + GRACE;
        self.0 = Some(self.0.map_or(due, |before| before.min(due)));
    }

    /// How much time is left to a loop that has stood still for `stands_still`; `None` where nobody has asked it to end.
    fn left(&self, now: Duration, stands_still: Duration) -> Option<Duration> {
        let due = self.0?;
        Some(due.saturating_sub(now).max(PATIENCE.saturating_sub(stands_still)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_loop_that_stands_still_is_over_when_it_must_have_ended_and_no_sooner() {
        let mut due = Due::default();
        assert_eq!(due.left(at(1000), at(900)), None, "nobody has asked");
        due.ask(Asked::Counters, at(1000), at(20));
        assert_eq!(due.left(at(1000), at(900)), None);
        due.ask(Asked::Drain, at(1000), at(20));
        assert_eq!(due.left(at(1000), at(900)), Some(at(21)));
        assert_eq!(due.left(at(1020), at(900)), Some(at(1)));
        assert_eq!(due.left(at(1021), at(900)), Some(at(0)));
        assert_eq!(due.left(at(1021), at(2)), Some(at(3)), "it has gone round just now");
    }

    #[test]
    fn int_and_a_second_term_leave_no_time_to_drain_and_those_behind_them_give_none() {
        for first in [&[][..], &[Asked::Drain]] {
            let mut due = Due::default();
            for asked in first {
                due.ask(*asked, at(1000), at(20));
            }
            due.ask(if first.is_empty() { Asked::Stop } else { Asked::Drain }, at(1001), at(20));
            due.ask(Asked::Stop, at(1002), at(20));
            assert_eq!(due.left(at(1002), at(900)), Some(at(0)));
        }
    }
}
