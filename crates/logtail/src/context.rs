//! What every part of the follower is given in each call.

use std::time::Duration;

use crate::clock::Clock;
use crate::disk::{Disk, Stat};
use crate::file::Reading;
use crate::fingerprint::SAMPLE;
use crate::plan::Plan;
use crate::report::Report;

/// The disk, the plan, the time, and where to report to.
#[derive(Debug)]
pub struct Context<'a, D> {
    /// Where files are.
    pub disk: &'a D,
    /// What is to be followed, and how.
    pub plan: &'a Plan,
    /// The time of the run.
    pub now: Duration,
    /// By which the age of what was read is told.
    pub clock: Clock,
    /// What is said, counted and must be saved.
    pub report: &'a mut Report,
}

impl<D: Disk> Context<'_, D> {
    /// How files are read now.
    pub fn reading(&self) -> Reading {
        let gap_after = if self.plan.follows { self.plan.rotate_quiet } else { Duration::ZERO };
        let sample = SAMPLE.min(self.plan.chunk / 4);
        Reading { shape: self.plan.shape, now: self.now, clock: self.clock.now(self.disk), gap_after, sample }
    }

    /// Whether nothing was written to the file for as long as makes a rotated one quiet, by its time of change.
    pub fn is_left(&self, stat: &Stat) -> bool {
        let changed = u64::try_from(stat.modified / 1_000_000_000).unwrap_or(0);
        self.disk.time_of_day() >= changed.saturating_add(self.plan.rotate_quiet.as_secs())
    }
}
