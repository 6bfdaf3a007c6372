//! The progress line of a run that somebody watches: written over and over on a terminal, and nowhere else.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use crate::tally::Tally;

/// So often it is written anew.
const EVERY: Duration = Duration::from_millis(500);

/// The progress line, if stderr is a terminal.
#[derive(Debug)]
pub struct Progress {
    is_shown: bool,
    is_on_screen: bool,
    written_at: Duration,
    /// What the rate counts from.
    before: (Duration, u64),
}

impl Progress {
    /// On stderr if that is a terminal; lines of `verbose` take its place.
    pub fn new(verbose: bool) -> Self {
        let is_shown = !verbose && io::stderr().is_terminal();
        Self { is_shown, is_on_screen: false, written_at: Duration::ZERO, before: (Duration::ZERO, 0) }
    }

    /// Writes the line if there is something new to tell.
    pub fn show(&mut self, tally: &Tally, now: Duration) {
        if !self.is_shown || now < self.written_at + EVERY {
            return;
        }
        let (since, delivered) = self.before;
        let milliseconds = u64::try_from(now.saturating_sub(since).as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = (tally.delivered - delivered).saturating_mul(1000) / milliseconds;
        self.before = (now, tally.delivered);
        self.written_at = now;
        self.is_on_screen = true;
        // From the beginning of the line, over what stands there.
        let _ = io::stderr().write_all(format!("\r\x1b[K{}", tally.progress(rate)).as_bytes());
    }

    /// Takes the line away, so that another may be written.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.is_on_screen) {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }
}
