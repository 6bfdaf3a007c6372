//! What has been delivered, in the state file `acks`: for each generation the offset below which every line is acknowledged.
//! It only ever rises.
//!
//! The lock is taken, and the file read, when the first positioned line or mark arrives and not before: until then the
//! logtail of this pipe may be waiting for the logpost of the pipe before to let go.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logline::ending::{Trouble, say};
use logline::position::Fid;
use logline::state::files::{Checkpoint, Counters, Entry};
use logline::state::{Keeper, Loaded, Lock, Locked, Store, Urgency, acks};

use crate::PROG;

/// The least time between two looks at which generations logtail still knows.
const CLEAR_EVERY: Duration = Duration::from_secs(60);

/// The state file `acks`, and what of it is not written yet.
#[derive(Debug)]
pub struct Acks {
    directory: PathBuf,
    file: Keeper<Locked>,
    /// For each generation the offset below which every line has been acknowledged.
    offsets: BTreeMap<Fid, u64>,
    /// Generations that were acknowledged since the last look at what logtail knows.
    fresh: BTreeSet<Fid>,
    /// What has changed since the file was written.
    urgency: Urgency,
    cleared_at: Duration,
    /// The logtail that writes to the same directory has been seen.
    has_seen_logtail: bool,
}

impl Acks {
    /// In `directory`; touches nothing yet.
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            file: Keeper::new(Locked::new(directory, "acks"), directory.display().to_string()),
            offsets: BTreeMap::new(),
            fresh: BTreeSet::new(),
            urgency: Urgency::None,
            cleared_at: Duration::ZERO,
            has_seen_logtail: false,
        }
    }

    /// Tries to take the lock and then reads the file. False if another process holds it.
    pub fn open(&mut self) -> bool {
        match std::fs::create_dir_all(&self.directory).and_then(|()| self.file.shelf_mut().lock()) {
            Ok(true) => {}
            Ok(false) => return false,
            Err(error) => say_if_any(self.file.fail(&error)),
        }
        let file = self.directory.join("acks");
        let text = match self.file.shelf().store().load() {
            Loaded::Nothing => Vec::new(),
            Loaded::Current(text) => text,
            Loaded::Previous(text, why) => {
                say(PROG, format_args!("{}: {why}, going on with the copy before", file.display()));
                text
            }
            Loaded::Lost(why) => {
                say(PROG, format_args!("{}: {why}, starting anew", file.display()));
                Vec::new()
            }
        };
        self.offsets.extend(acks::parse(&text));
        // To have seen it.
        self.has_logtail_ended();
        true
    }

    /// Whether the logtail that writes to the same directory was seen and has ended since: it holds its lock for as long as
    /// it runs.
    pub fn has_logtail_ended(&mut self) -> bool {
        let is_free = Lock::is_free(&self.directory, "files").unwrap_or(false);
        self.has_seen_logtail |= !is_free;
        is_free && self.has_seen_logtail
    }

    /// What the state files say is still to be delivered. `None` where logtail has not written its own.
    pub fn backlog(&self) -> Option<Backlog> {
        let (checkpoint, _) = Checkpoint::parse(&loaded(&Store::new(&self.directory, "files"))?);
        let kept;
        let offsets = if self.file.shelf().is_locked() {
            &self.offsets
        } else {
            kept = acks::parse(&loaded(self.file.shelf().store()).unwrap_or_default()).collect();
            &kept
        };
        let unacknowledged = |entry: &Entry| Unacknowledged {
            fid: entry.fid,
            from: offsets.get(&entry.fid).copied().unwrap_or(entry.start),
            end: end_of(entry),
        };
        let generations = checkpoint.entries.iter().map(unacknowledged).filter(|part| part.from < part.end).collect();
        Some(Backlog { generations, counters: checkpoint.counters })
    }

    /// The trouble of a lock that was waited for in vain.
    pub fn held(&self) -> Trouble {
        Trouble::new(self.directory.join("acks.lock").display(), "held by another process for 30 s, giving up")
    }

    /// The trouble of one that was waited for until the end was asked for.
    pub fn unopened(&self) -> Trouble {
        let lock = self.directory.join("acks.lock");
        Trouble::new(
            lock.display(),
            "held by another process, nothing is delivered, it comes again after the next start",
        )
    }

    /// Everything of `fid` below `offset` is acknowledged.
    pub fn acknowledge(&mut self, fid: Fid, offset: u64) {
        self.fresh.insert(fid);
        let known = self.offsets.entry(fid).or_default();
        if offset > *known {
            *known = offset;
            self.urgency = Urgency::Lazy;
        }
    }

    /// Writes the file if it is due. The first failure of an outage is said, and its end; it is tried again meanwhile.
    pub fn save_if_due(&mut self, now: Duration, is_end: bool) {
        let Some(sync) = self.file.due(self.urgency, now, is_end) else { return };
        if now >= self.cleared_at + CLEAR_EVERY {
            self.cleared_at = now;
            self.clear();
        }
        let text = acks::text(self.offsets.iter().map(|(fid, offset)| (*fid, *offset)));
        let saved = self.file.save(&text[..], now, sync);
        if saved.is_kept {
            self.urgency = Urgency::None;
        }
        say_if_any(saved.message);
    }

    /// When it will be due.
    pub fn due_at(&self) -> Option<Duration> {
        (self.urgency != Urgency::None).then(|| self.file.due_at())
    }

    /// Whether it could not be kept.
    pub fn has_failed(&self) -> bool {
        self.file.has_failed()
    }

    /// Drops generations that logtail no longer lists; none where its list cannot be read, and none seen since the last
    /// look.
    fn clear(&mut self) {
        if let Loaded::Current(text) = Store::new(&self.directory, "files").load() {
            let (checkpoint, _) = Checkpoint::parse(&text);
            let listed: BTreeSet<Fid> = checkpoint.entries.iter().map(|entry| entry.fid).collect();
            let fresh = std::mem::take(&mut self.fresh);
            self.offsets.retain(|fid, _| listed.contains(fid) || fresh.contains(fid));
        }
    }
}

fn say_if_any(message: Option<String>) {
    if let Some(message) = message {
        say(PROG, message);
    }
}

/// What the followed files hold that is not acknowledged, and what logtail has counted since the state began.
#[derive(Clone, Default, Debug)]
pub struct Backlog {
    /// The generations that logtail knows and that have something behind what is acknowledged.
    pub generations: Vec<Unacknowledged>,
    /// What logtail has counted.
    pub counters: Counters,
}

impl Backlog {
    /// The bytes of all generations that are not acknowledged.
    pub fn bytes(&self) -> u64 {
        self.generations.iter().map(|part| part.end - part.from).sum()
    }
}

/// The part of a generation that is not acknowledged: its bytes `from..end`, at least one.
#[derive(Clone, Copy, Debug)]
pub struct Unacknowledged {
    /// The generation.
    pub fid: Fid,
    /// The offset below which every line is acknowledged.
    pub from: u64,
    /// Where the generation ends now.
    pub end: u64,
}

fn loaded(store: &Store) -> Option<Vec<u8>> {
    match store.load() {
        Loaded::Current(text) | Loaded::Previous(text, _) => Some(text),
        Loaded::Nothing | Loaded::Lost(_) => None,
    }
}

/// How long a generation is: what was found when it was finished, else what its file has now, else what logtail has read
/// of it.
fn end_of(entry: &Entry) -> u64 {
    let size = || {
        let file = std::fs::metadata(&entry.path).ok().filter(|file| file.ino() == entry.inode.number);
        file.map_or(0, |file| file.len())
    };
    entry.end.unwrap_or_else(|| entry.marker.offset.max(size()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use logline::state::files::{Head, Inode, Sample};

    /// A file that was read up to `read`.
    fn entry(fid: u64, path: &str, inode: u64, read: u64) -> Entry {
        Entry {
            fid: Fid(fid),
            path: PathBuf::from(path),
            inode: Inode { device: 1, number: inode },
            born: None,
            head: Head::default(),
            samples: Vec::new(),
            marker: Sample { offset: read, ..Sample::default() },
            start: 0,
            since: 0,
            cuts: Vec::new(),
            freed: 0,
            end: None,
            successor: None,
        }
    }

    #[test]
    fn an_ack_never_falls_and_survives() {
        let directory = std::env::temp_dir().join(format!("logpost-acks-{}", std::process::id()));
        let mut acks = Acks::new(&directory);
        assert!(acks.open());
        assert!(!Acks::new(&directory).open());
        acks.acknowledge(Fid(7), 50);
        acks.acknowledge(Fid(7), 40);
        acks.save_if_due(Duration::ZERO, true);
        drop(acks);
        let mut again = Acks::new(&directory);
        assert!(again.open());
        assert_eq!(again.offsets, BTreeMap::from([(Fid(7), 50)]));
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn generations_go_only_when_logtail_lists_others_and_they_were_not_seen_lately() {
        let directory = std::env::temp_dir().join(format!("logpost-clear-{}", std::process::id()));
        let mut acks = Acks::new(&directory);
        acks.open();
        for fid in 1..=3 {
            acks.acknowledge(Fid(fid), 5);
        }
        acks.clear();
        assert_eq!(acks.offsets.len(), 3, "there is no list");
        let listed = Checkpoint { entries: vec![entry(1, "/log", 1, 0)], ..Checkpoint::default() };
        Store::new(&directory, "files").save(&listed.text()[..], false).unwrap();
        acks.clear();
        assert_eq!(acks.offsets.len(), 3, "all were seen since the last look");
        acks.acknowledge(Fid(2), 6);
        acks.clear();
        assert_eq!(acks.offsets.keys().copied().collect::<Vec<_>>(), [Fid(1), Fid(2)]);
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn the_backlog_is_what_the_files_hold_behind_what_is_acknowledged() {
        let directory = std::env::temp_dir().join(format!("logpost-backlog-{}", std::process::id()));
        let mut acks = Acks::new(&directory);
        acks.open();
        assert!(acks.backlog().is_none(), "logtail has written nothing yet");
        let log = directory.join("log");
        std::fs::write(&log, [b'x'; 100]).unwrap();
        let inode = std::fs::metadata(&log).unwrap().ino();
        let path = log.to_str().unwrap();
        let finished = Entry { end: Some(7), ..entry(3, path, 1, 7) };
        let checkpoint = Checkpoint {
            counters: Counters { truncations: 1, gaps: 2, ..Counters::default() },
            entries: vec![entry(1, path, inode, 50), Entry { start: 10, ..entry(2, path, 1, 50) }, finished],
            ..Checkpoint::default()
        };
        Store::new(&directory, "files").save(&checkpoint.text()[..], false).unwrap();
        acks.acknowledge(Fid(1), 30);
        acks.acknowledge(Fid(3), 7);
        let backlog = acks.backlog().unwrap();
        assert_eq!(backlog.bytes(), (100 - 30) + (50 - 10));
        assert_eq!(backlog.counters, checkpoint.counters);
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
