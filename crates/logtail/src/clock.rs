//! The time by which it is told how long ago something was read.

use crate::disk::Disk;

/// A time of day that nobody sets: it began with the time of day of some moment, and goes on with the machine's own clock.
/// It is the same in all runs of one boot, so that setting the time of day makes nothing older that was read before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock {
    /// The time of day when it began, in seconds since the epoch.
    began: u64,
    /// The uptime of the machine then, in seconds.
    uptime: u64,
}

impl Clock {
    /// One that begins now.
    pub fn new<D: Disk>(disk: &D) -> Self {
        Self { began: disk.time_of_day(), uptime: disk.uptime() }
    }

    /// One that goes on, as [`as_kept`](Self::as_kept) gave it in this boot.
    pub fn from_kept((began, uptime): (u64, u64)) -> Self {
        Self { began, uptime }
    }

    /// As the checkpoint keeps it.
    pub fn as_kept(&self) -> (u64, u64) {
        (self.began, self.uptime)
    }

    /// Seconds since the epoch.
    pub fn now<D: Disk>(&self, disk: &D) -> u64 {
        self.began.saturating_add(disk.uptime().saturating_sub(self.uptime))
    }
}
