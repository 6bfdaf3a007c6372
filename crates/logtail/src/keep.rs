//! When the ledger must be on disk, and what it says.
//!
//! | what has happened | written | fsync |
//! |---|---|---|
//! | a generation is first seen, a cut is made | before anything more leaves | yes |
//! | a head has grown, up to its limit | before anything more leaves | no |
//! | anything else | within a second | every 30 s |
//! | the end | if anything is not on disk | yes |

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use crate::disk::Disk;
use crate::follow::Follower;
use crate::ledger::Ledger;

/// At most so often is the ledger written for what can be had again.
const EVERY: Duration = Duration::from_secs(1);
/// And so often put to disk: a kill needs none.
const SYNC_EVERY: Duration = Duration::from_secs(30);

/// How urgently the ledger must be written.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Need {
    urgency: Urgency,
    /// What was written last need not be on disk yet.
    is_unsynced: bool,
    written_at: Duration,
    synced_at: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
enum Urgency {
    #[default]
    None,
    Lazy,
    BeforeOutput,
    SyncedBeforeOutput,
}

impl Need {
    pub(crate) fn lazily(&mut self) {
        self.urgency = self.urgency.max(Urgency::Lazy);
    }

    pub(crate) fn before_output(&mut self) {
        self.urgency = self.urgency.max(Urgency::BeforeOutput);
    }

    pub(crate) fn at_once(&mut self) {
        self.urgency = Urgency::SyncedBeforeOutput;
    }

    /// Whether the ledger is to be written now, and if so whether it has to be put to disk.
    pub fn is_due(&self, now: Duration) -> Option<bool> {
        match self.urgency {
            Urgency::None => None,
            Urgency::Lazy => (now >= self.written_at + EVERY).then(|| now >= self.synced_at + SYNC_EVERY),
            Urgency::BeforeOutput => Some(false),
            Urgency::SyncedBeforeOutput => Some(true),
        }
    }

    /// Whether there is anything to write, or to put to disk, at the end.
    pub fn is_any(&self) -> bool {
        self.urgency != Urgency::None || self.is_unsynced
    }

    /// The ledger has been written.
    pub fn written(&mut self, now: Duration, synced: bool) {
        self.urgency = Urgency::None;
        self.written_at = now;
        self.is_unsynced = !synced;
        if synced {
            self.synced_at = now;
        }
    }

    /// It could not be written: what is delivered meanwhile comes twice after a restart, and it is tried again.
    pub fn failed(&mut self, now: Duration) {
        self.urgency = Urgency::Lazy;
        self.written_at = now;
    }
}

impl<D: Disk> Follower<D> {
    /// When the ledger must be written.
    pub fn need(&mut self) -> &mut Need {
        &mut self.need
    }

    /// What is to be kept.
    pub fn ledger(&self) -> Ledger {
        let paths: HashSet<&PathBuf> = self.generations.values().map(|generation| &generation.entry.path).collect();
        let sighted = self.seats.iter().filter(|(path, seat)| seat.sighted && !paths.contains(path));
        let before_reboot = self.before_reboot.iter().map(|(entry, _)| &entry.path);
        let mut sighted: Vec<PathBuf> = sighted.map(|(path, _)| path).chain(before_reboot).cloned().collect();
        sighted.sort();
        sighted.dedup();
        Ledger {
            boot: self.boot.clone(),
            counters: self.counters,
            sighted,
            entries: self.generations.values().map(|generation| generation.entry.clone()).collect(),
        }
    }

    /// Where each generation stands: everything below has been emitted.
    pub fn offsets(&self) -> impl Iterator<Item = (logline::position::Fid, u64)> {
        self.generations.values().map(|generation| (generation.entry.fid, generation.offset))
    }
}
