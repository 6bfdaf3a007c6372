//! What has been delivered, in the state file `acks`: for each generation the offset below which every line is settled.
//! It only ever rises.
//!
//! The lock is taken, and the file read, when the first positioned line or mark arrives and not before: until then the
//! logtail of this pipe may be waiting for the logpost of the pipe before to let go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
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
        for line in text.split(|byte| *byte == b'\n') {
            if let Some((fid, offset)) = parse(line) {
                self.offsets.insert(fid, offset);
            }
        }
        true
    }

    /// The trouble of a lock that was waited for in vain.
    pub fn held(&self) -> Trouble {
        Trouble::new(self.directory.join("acks.lock").display(), "held by another process for 30 s, giving up")
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
        if !self.is_unsaved || (!is_end && now < self.written_at + EVERY) {
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
        match self.store.save(text.as_bytes(), sync) {
            Ok(()) => {
                self.is_unsaved = false;
                if sync {
                    self.synced_at = now;
                }
            }
            Err(error) => self.fail(&error),
        }
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

fn parse(line: &[u8]) -> Option<(Fid, u64)> {
    let offset = std::str::from_utf8(member(line, "offset")?).ok()?.parse().ok()?;
    Some((parse_fid(line)?, offset))
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
}
