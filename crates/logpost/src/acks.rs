//! What has been delivered, in the state file `acks`: for each generation the offset below which every line is settled.
//! It only ever rises.
//!
//! The lock is taken, and the file read, when the first positioned line or mark arrives and not before: until then the
//! logtail of this pipe may be waiting for the logpost of the pipe before to let go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logline::ending::{Trouble, cause, say};
use logline::json::{member, unescape};
use logline::position::Fid;
use logline::state::{Loaded, Lock, Store};

use crate::PROG;

/// At most so often is the file written.
const EVERY: Duration = Duration::from_secs(1);
/// And so often put to disk: a kill needs none.
const SYNC_EVERY: Duration = Duration::from_secs(30);
/// So often it is looked which generations logtail still knows.
const CLEAR_EVERY: Duration = Duration::from_secs(60);

/// See the page of the module.
#[derive(Debug)]
pub struct Acks {
    directory: PathBuf,
    store: Store,
    lock: Option<Lock>,
    offsets: BTreeMap<Fid, u64>,
    /// Seen since the last look at what logtail knows.
    fresh: BTreeSet<Fid>,
    is_unsaved: bool,
    /// What was written last need not be on disk yet.
    is_unsynced: bool,
    written_at: Duration,
    synced_at: Duration,
    cleared_at: Duration,
    has_failed: bool,
}

impl Acks {
    /// In `directory`; touches nothing yet.
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            store: Store::new(directory, "acks"),
            lock: None,
            offsets: BTreeMap::new(),
            fresh: BTreeSet::new(),
            is_unsaved: false,
            is_unsynced: false,
            written_at: Duration::ZERO,
            synced_at: Duration::ZERO,
            cleared_at: Duration::ZERO,
            has_failed: false,
        }
    }

    /// Tries to take the lock and then reads the file. False if another process holds it.
    pub fn open(&mut self) -> bool {
        match std::fs::create_dir_all(&self.directory).and_then(|()| Lock::take(&self.directory, "acks")) {
            Ok(Some(lock)) => self.lock = Some(lock),
            Ok(None) => return false,
            Err(error) => self.fail(&error),
        }
        let file = self.directory.join("acks");
        let text = match self.store.load() {
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
        self.offsets.extend(parse_all(&text));
        true
    }

    /// What the state files say is still to be delivered. `None` where logtail has not written its own.
    pub fn backlog(&self) -> Option<Backlog> {
        let text = loaded(&Store::new(&self.directory, "files"))?;
        let kept;
        let offsets = if self.lock.is_some() {
            &self.offsets
        } else {
            kept = parse_all(&loaded(&self.store).unwrap_or_default()).collect();
            &kept
        };
        let mut backlog = Backlog::default();
        for line in text.split(|byte| *byte == b'\n') {
            if let Some(counters) = member(line, "counters") {
                let counter = |name| member(counters, name).and_then(number).unwrap_or(0);
                backlog.truncations = counter("truncations");
                backlog.gaps = counter("gaps");
                backlog.possible_loss_bytes = counter("possible_loss_bytes");
                backlog.hole_bytes = counter("hole_bytes");
            } else if let Some(fid) = parse_fid(line) {
                let settled = offsets.get(&fid).copied().or_else(|| member(line, "start").and_then(number));
                backlog.bytes += end_of(line).saturating_sub(settled.unwrap_or(0));
            }
        }
        Some(backlog)
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

    /// Everything of `fid` below `offset` is settled.
    pub fn acknowledge(&mut self, fid: Fid, offset: u64) {
        self.fresh.insert(fid);
        let known = self.offsets.entry(fid).or_default();
        if offset > *known {
            *known = offset;
            self.is_unsaved = true;
        }
    }

    /// Writes the file if it is due. A failure is said once and tried again.
    pub fn save_if_due(&mut self, now: Duration, is_end: bool) {
        let is_due =
            if is_end { self.is_unsaved || self.is_unsynced } else { self.due_at().is_some_and(|due| now >= due) };
        if !is_due {
            return;
        }
        if now >= self.cleared_at + CLEAR_EVERY {
            self.cleared_at = now;
            self.clear();
        }
        self.written_at = now;
        let sync = is_end || now >= self.synced_at + SYNC_EVERY;
        let mut text = String::new();
        for (fid, offset) in &self.offsets {
            let _ = writeln!(text, "{{\"fid\":\"{fid}\",\"offset\":{offset}}}");
        }
        match self.lock_late().and_then(|()| self.store.save(text.as_bytes(), sync)) {
            Ok(()) => {
                self.is_unsaved = false;
                self.is_unsynced = !sync;
                if sync {
                    self.synced_at = now;
                }
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Where the directory could not be written at the start, somebody else may have taken the lock since.
    fn lock_late(&mut self) -> std::io::Result<()> {
        if self.lock.is_none() {
            let lock = Lock::take(&self.directory, "acks")?;
            self.lock = Some(lock.ok_or_else(|| std::io::Error::other("acks.lock is held by another process"))?);
        }
        Ok(())
    }

    /// When it will be due.
    pub fn due_at(&self) -> Option<Duration> {
        self.is_unsaved.then_some(self.written_at + EVERY)
    }

    /// Whether it could not be kept.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Drops generations that logtail no longer lists; none where its list cannot be read, and none seen since the last
    /// look.
    fn clear(&mut self) {
        if let Loaded::Current(text) = Store::new(&self.directory, "files").load() {
            let listed: BTreeSet<Fid> = text.split(|byte| *byte == b'\n').filter_map(parse_fid).collect();
            let fresh = std::mem::take(&mut self.fresh);
            self.offsets.retain(|fid, _| listed.contains(fid) || fresh.contains(fid));
        }
    }

    fn fail(&mut self, error: &std::io::Error) {
        if !std::mem::replace(&mut self.has_failed, true) {
            let directory = self.directory.display();
            say(
                PROG,
                format_args!(
                    "{directory}: {}, what is delivered cannot be kept and comes again after a restart",
                    cause(error)
                ),
            );
        }
    }
}

/// What the followed files hold that is not settled, and what logtail has counted since the state began.
#[derive(Clone, Copy, Default, Debug)]
pub struct Backlog {
    /// Bytes behind what is acknowledged, of all generations that logtail knows.
    pub bytes: u64,
    /// Files that were truncated or rewritten in place.
    pub truncations: u64,
    /// Generations that could not be found again before all of them was read.
    pub gaps: u64,
    /// Bytes that had been seen and vanished before they were read.
    pub possible_loss_bytes: u64,
    /// NUL bytes of holes that were skipped.
    pub hole_bytes: u64,
}

fn loaded(store: &Store) -> Option<Vec<u8>> {
    match store.load() {
        Loaded::Current(text) | Loaded::Previous(text, _) => Some(text),
        Loaded::Nothing | Loaded::Lost(_) => None,
    }
}

/// How long the generation of this entry is: what was found when it was finished, else what its file has now, else what
/// logtail has read of it.
fn end_of(entry: &[u8]) -> u64 {
    if let Some(end) = member(entry, "end").and_then(number) {
        return end;
    }
    let read = member(entry, "marker").and_then(|marker| number(marker.get(1..)?.split(|byte| *byte == b',').next()?));
    let path = member(entry, "path").and_then(unescape);
    let file = path.and_then(|path| std::fs::metadata(std::ffi::OsStr::from_bytes(&path)).ok());
    let inode = member(entry, "inode").and_then(number);
    let size = file.filter(|file| Some(file.ino()) == inode).map(|file| file.len());
    read.unwrap_or(0).max(size.unwrap_or(0))
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn parse_all(text: &[u8]) -> impl Iterator<Item = (Fid, u64)> {
    text.split(|byte| *byte == b'\n').filter_map(parse)
}

fn parse(line: &[u8]) -> Option<(Fid, u64)> {
    Some((parse_fid(line)?, member(line, "offset").and_then(number)?))
}

fn parse_fid(line: &[u8]) -> Option<Fid> {
    Fid::parse(&unescape(member(line, "fid")?)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

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
        Store::new(&directory, "files").save(b"{\"fid\":\"0000000000000001\"}\n", false).unwrap();
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
        let files = format!(
            "{{\"boot\":\"\",\"counters\":{{\"truncations\":1,\"gaps\":2,\"possible_loss_bytes\":3,\"hole_bytes\":4}}}}\n\
             {{\"fid\":\"0000000000000001\",\"path\":\"{0}\",\"inode\":{inode},\"marker\":[50,0,\"\"],\"start\":0}}\n\
             {{\"fid\":\"0000000000000002\",\"path\":\"{0}\",\"inode\":1,\"marker\":[50,0,\"\"],\"start\":10}}\n\
             {{\"fid\":\"0000000000000003\",\"path\":\"{0}\",\"inode\":1,\"marker\":[7,0,\"\"],\"start\":0,\"end\":7}}\n",
            log.display()
        );
        Store::new(&directory, "files").save(files.as_bytes(), false).unwrap();
        acks.acknowledge(Fid(1), 30);
        acks.acknowledge(Fid(3), 7);
        let backlog = acks.backlog().unwrap();
        assert_eq!(backlog.bytes, (100 - 30) + (50 - 10));
        let Backlog { truncations, gaps, possible_loss_bytes, hole_bytes, .. } = backlog;
        assert_eq!((truncations, gaps, possible_loss_bytes, hole_bytes), (1, 2, 3, 4));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
