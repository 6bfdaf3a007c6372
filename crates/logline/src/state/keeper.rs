//! When a state file is written, and what is said where it cannot be. The same for both tools:
//!
//! | urgency | written | fsync |
//! |---|---|---|
//! | before output, synced | at once | yes |
//! | before output | at once | no |
//! | lazy | within a second | every 30 s |
//! | the end of the run | if anything is not on disk | yes |

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Lock, Store, Text};
use crate::ending::cause;

/// The least time between two writes that nothing waits for.
const EVERY: Duration = Duration::from_secs(1);
/// The least time between two fsyncs that nothing waits for: a kill of the process needs none.
const SYNC_EVERY: Duration = Duration::from_secs(30);

/// How soon a state file must be written, from the least to the most urgent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub enum Urgency {
    /// Nothing has changed.
    #[default]
    None,
    /// What has changed can be had again.
    Lazy,
    /// Nothing may leave the process before it is written.
    BeforeOutput,
    /// Nothing may leave the process before it is on disk.
    SyncedBeforeOutput,
}

/// Where the text of a state file is put.
pub trait Shelf {
    /// Replaces the text. With `sync` it is on disk when this returns. On error the old text is still there.
    fn save<T: Text + ?Sized>(&mut self, text: &T, sync: bool) -> io::Result<()>;
}

/// A state file and the lock that gives the right to write it.
#[derive(Debug)]
pub struct Locked {
    directory: PathBuf,
    name: &'static str,
    store: Store,
    lock: Option<Lock>,
}

impl Locked {
    /// The file `name` in `directory`, not locked yet.
    pub fn new(directory: &Path, name: &'static str) -> Self {
        Self { directory: directory.to_owned(), name, store: Store::new(directory, name), lock: None }
    }

    /// Tries to take the lock. False if another process holds it.
    pub fn lock(&mut self) -> io::Result<bool> {
        if self.lock.is_none() {
            self.lock = Lock::take(&self.directory, self.name)?;
        }
        Ok(self.lock.is_some())
    }

    /// Whether this process holds the lock.
    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }

    /// The file itself.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

impl Shelf for Locked {
    /// Takes the lock first where it is not held: the directory may not have been writable at the start, and somebody else
    /// may have taken the lock since.
    fn save<T: Text + ?Sized>(&mut self, text: &T, sync: bool) -> io::Result<()> {
        if !self.lock()? {
            return Err(io::Error::other(format!("{}.lock is held by another process", self.name)));
        }
        self.store.save(text, sync)
    }
}

/// What came of an attempt to save.
#[derive(PartialEq, Eq, Debug)]
pub struct Saved {
    /// Whether the text is where it should be.
    pub is_kept: bool,
    /// What the user is to be told: the first failure of an outage, and its end.
    pub message: Option<String>,
}

/// Writes one state file when it is due, goes on trying while it cannot be written, and says when that begins and ends.
#[derive(Debug)]
pub struct Keeper<S> {
    shelf: S,
    /// How the place is called in messages.
    place: String,
    written_at: Duration,
    synced_at: Duration,
    /// What was written last need not be on disk yet.
    is_unsynced: bool,
    /// The last attempt failed.
    is_failing: bool,
    /// Any attempt failed.
    has_failed: bool,
}

impl<S: Shelf> Keeper<S> {
    /// Keeps the text on `shelf`, which messages call `place`.
    pub fn new(shelf: S, place: String) -> Self {
        Self {
            shelf,
            place,
            written_at: Duration::ZERO,
            synced_at: Duration::ZERO,
            is_unsynced: false,
            is_failing: false,
            has_failed: false,
        }
    }

    /// Where it is kept.
    pub fn shelf(&self) -> &S {
        &self.shelf
    }

    /// The same, to be changed.
    pub fn shelf_mut(&mut self) -> &mut S {
        &mut self.shelf
    }

    /// Whether the text is to be saved now, and if so whether it must be on disk afterwards.
    pub fn due(&self, urgency: Urgency, now: Duration, is_end: bool) -> Option<bool> {
        if is_end {
            return (urgency != Urgency::None || self.is_unsynced).then_some(true);
        }
        match urgency {
            // After a failure nothing is gained by trying before each output.
            Urgency::None => None,
            _ if self.is_failing && now < self.written_at + EVERY => None,
            Urgency::Lazy => (now >= self.written_at + EVERY).then(|| now >= self.synced_at + SYNC_EVERY),
            Urgency::BeforeOutput => Some(false),
            Urgency::SyncedBeforeOutput => Some(true),
        }
    }

    /// When the text will be due that has changed.
    pub fn due_at(&self) -> Duration {
        self.written_at + EVERY
    }

    /// Saves the text. What is delivered while that fails comes twice after a restart.
    pub fn save<T: Text + ?Sized>(&mut self, text: &T, now: Duration, sync: bool) -> Saved {
        self.written_at = now;
        match self.shelf.save(text, sync) {
            Ok(()) => {
                self.is_unsynced = !sync;
                if sync {
                    self.synced_at = now;
                }
                let recovered = std::mem::take(&mut self.is_failing);
                let message = recovered.then(|| format!("{}: positions are kept again", self.place));
                Saved { is_kept: true, message }
            }
            Err(error) => Saved { is_kept: false, message: self.fail(&error) },
        }
    }

    /// The place cannot be used. What is to be said of it, where that has not been said of this outage.
    pub fn fail(&mut self, error: &io::Error) -> Option<String> {
        self.has_failed = true;
        let is_first = !std::mem::replace(&mut self.is_failing, true);
        is_first.then(|| {
            format!(
                "{}: {}, positions are not kept: what is delivered now comes again after a restart",
                self.place,
                cause(error)
            )
        })
    }

    /// Whether the text could not be saved at some time of the run.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails as often as it is told to.
    struct Flaky {
        fails: bool,
        saved: usize,
    }

    impl Shelf for Flaky {
        fn save<T: Text + ?Sized>(&mut self, _: &T, _: bool) -> io::Result<()> {
            if self.fails {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.saved += 1;
            Ok(())
        }
    }

    fn keeper() -> Keeper<Flaky> {
        Keeper::new(Flaky { fails: false, saved: 0 }, "/state".to_owned())
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn each_outage_is_said_when_it_begins_and_when_it_ends() {
        let mut keeper = keeper();
        let mut said = Vec::new();
        for (second, fails) in [false, true, true, false, true, true, false, false].into_iter().enumerate() {
            keeper.shelf_mut().fails = fails;
            said.push(keeper.save(&b""[..], at(second as u64), false).message.is_some());
        }
        assert_eq!(said, [false, true, false, true, true, false, true, false]);
        assert!(keeper.has_failed());
    }

    #[test]
    fn what_nothing_waits_for_is_written_once_a_second_and_synced_now_and_then() {
        let mut keeper = keeper();
        assert_eq!(keeper.due(Urgency::None, at(100), false), None);
        assert_eq!(keeper.due(Urgency::Lazy, at(100), false), Some(true));
        keeper.save(&b""[..], at(100), true);
        assert_eq!(keeper.due(Urgency::Lazy, at(100), false), None);
        assert_eq!(keeper.due(Urgency::Lazy, at(101), false), Some(false));
        assert_eq!(keeper.due(Urgency::Lazy, at(130), false), Some(true));
    }

    #[test]
    fn what_output_waits_for_is_written_at_once_unless_the_last_attempt_has_just_failed() {
        let mut keeper = keeper();
        keeper.save(&b""[..], at(100), true);
        assert_eq!(keeper.due(Urgency::BeforeOutput, at(100), false), Some(false));
        assert_eq!(keeper.due(Urgency::SyncedBeforeOutput, at(100), false), Some(true));
        keeper.shelf_mut().fails = true;
        keeper.save(&b""[..], at(100), true);
        assert_eq!(keeper.due(Urgency::SyncedBeforeOutput, at(100), false), None);
        assert_eq!(keeper.due(Urgency::SyncedBeforeOutput, at(101), false), Some(true));
    }

    #[test]
    fn at_the_end_what_is_not_on_disk_is_put_there() {
        let mut keeper = keeper();
        assert_eq!(keeper.due(Urgency::None, at(1), true), None);
        keeper.save(&b""[..], at(1), false);
        assert_eq!(keeper.due(Urgency::None, at(1), true), Some(true));
        keeper.save(&b""[..], at(1), true);
        assert_eq!(keeper.due(Urgency::None, at(1), true), None);
    }
}
