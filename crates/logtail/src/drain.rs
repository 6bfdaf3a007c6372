//! How a run ends that was asked to drain: when everything that is still written has been read, at the latest when the
//! time is up. The decision about the files is [`crate::follow::Follower::is_drained`]; this is the clock beside it.

use std::time::Duration;

/// The limits of a drain and when it was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// Where it cannot be told whether a file has a writer: how long nothing must come.
    pub quiet: Duration,
    /// The latest end.
    pub max: Duration,
    asked_at: Option<Duration>,
}

impl Drain {
    /// Not asked for yet.
    pub fn new(quiet: Duration, max: Duration) -> Self {
        Self { quiet, max, asked_at: None }
    }

    /// It has been asked for.
    pub fn begin(&mut self, now: Duration) {
        self.asked_at.get_or_insert(now);
    }

    /// Whether it has been asked for.
    pub fn is_on(&self) -> bool {
        self.asked_at.is_some()
    }

    /// Since when.
    pub fn asked_at(&self) -> Option<Duration> {
        self.asked_at
    }

    /// What is left of the time, once it has been asked for.
    pub fn left(&self, now: Duration) -> Option<Duration> {
        self.asked_at.map(|asked_at| (asked_at + self.max).saturating_sub(now))
    }
}
