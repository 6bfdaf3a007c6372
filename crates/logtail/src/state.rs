//! The state directory as logtail uses it: it writes `files`, reads `acks` once at the start, and only for `--advance`
//! writes `acks` itself.
//!
//! An old and a new pipe never interleave: logtail holds the lock of `files`, and before it reads `acks` it waits until the
//! logpost of the pipe before has let go of that.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use logline::ending::{Stop, Trouble, cause, say};
use logline::output::reader_is_gone;
use logline::position::Fid;
use logline::signal::{Asked, Signals};
use logline::state::{Loaded, Lock, Store};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::PROG;
use crate::disk::Disk;
use crate::follow::Follower;
use crate::ledger::{Ledger, acks_text, parse_acks};

/// How long another process may hold what is needed.
const PATIENCE: Duration = Duration::from_secs(30);
/// A wait shorter than this is not worth a word.
const SILENCE: Duration = Duration::from_millis(500);
/// How often it is looked whether it is free.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// After so much output without anybody to acknowledge it, that is said.
const LOGPOST_EXPECTED: Duration = Duration::from_secs(60);

/// The state directory.
#[derive(Debug)]
pub struct State {
    directory: PathBuf,
    files: Store,
    acks: Store,
    files_lock: Option<Lock>,
    /// With `--advance` logtail is its own logpost.
    acks_lock: Option<Lock>,
    advanced: HashMap<Fid, u64>,
    has_failed: bool,
    /// That has been said, and not yet that it goes well again.
    is_failing: bool,
    first_output: Option<Duration>,
    logpost_seen: bool,
}

/// What the last run has left.
#[derive(Debug)]
pub struct Left {
    /// What was followed; `None` at the very first start, or where it is lost.
    pub ledger: Option<Ledger>,
    /// There was something, and it cannot be read.
    pub is_lost: bool,
    /// What has been delivered.
    pub acks: HashMap<Fid, u64>,
}

impl State {
    /// Takes the state directory, which is made if it is not there, and reads what is in it. A directory that cannot be
    /// written is said loudly, and the run goes on without. `None` if TERM ended the wait for another process.
    pub fn take(directory: &Path, advances: bool, signals: &Signals) -> Result<Option<(Self, Left)>, Stop> {
        let mut state = Self {
            directory: directory.to_owned(),
            files: Store::new(directory, "files"),
            acks: Store::new(directory, "acks"),
            files_lock: None,
            acks_lock: None,
            advanced: HashMap::new(),
            has_failed: false,
            is_failing: false,
            first_output: None,
            logpost_seen: advances,
        };
        if let Err(error) = std::fs::create_dir_all(directory) {
            state.fail(&error);
        }
        match await_lock(directory, "files", signals, || Lock::take(directory, "files")) {
            Ok(Some(lock)) => state.files_lock = Some(lock),
            Ok(None) => return Ok(None),
            Err(Waited::InVain) => return Err(held(directory, "files")),
            Err(Waited::ReaderGone) => return Err(Stop::ReaderGone),
            Err(Waited::Failed(error)) => state.fail(&error),
        }
        let acks_lock = || {
            if advances {
                return Lock::take(directory, "acks").map(|lock| lock.map(Some));
            }
            Lock::is_free(directory, "acks").map(|is_free| is_free.then_some(None))
        };
        match await_lock(directory, "acks", signals, acks_lock) {
            Ok(Some(lock)) => state.acks_lock = lock,
            Ok(None) => return Ok(None),
            Err(Waited::InVain) => return Err(held(directory, "acks")),
            Err(Waited::ReaderGone) => return Err(Stop::ReaderGone),
            Err(Waited::Failed(error)) => state.fail(&error),
        }
        let left = state.load();
        Ok(Some((state, left)))
    }

    fn load(&mut self) -> Left {
        let loaded = self.files.load();
        let (is_lost, is_older) = (matches!(loaded, Loaded::Lost(_)), matches!(loaded, Loaded::Previous(..)));
        let ledger = lines(&self.directory, "files", loaded).map(|text| {
            let (mut ledger, troubles) = Ledger::parse(&text);
            if is_older {
                ledger.forget_unread();
            }
            for trouble in troubles {
                say(PROG, format_args!("{}: {trouble}", self.directory.join("files").display()));
            }
            ledger
        });
        let acks = lines(&self.directory, "acks", self.acks.load()).map(|text| parse_acks(&text)).unwrap_or_default();
        self.advanced.clone_from(&acks);
        Left { ledger, is_lost, acks }
    }

    /// Writes the ledger. A failure is said and tried again later; the run then ends as trouble.
    #[expect(clippy::result_unit_err, reason = "the cause has been said; what is left is whether it is on disk")]
    pub fn save(&mut self, ledger: &Ledger, sync: bool) -> Result<(), ()> {
        let saved = self.lock_files().and_then(|()| self.files.save(&ledger.text(), sync));
        saved.map_err(|error| self.fail(&error))?;
        if std::mem::take(&mut self.is_failing) {
            say(PROG, format_args!("{}: positions are kept again", self.directory.display()));
        }
        Ok(())
    }

    /// Where the directory could not be written at the start, somebody else may have taken the lock since.
    fn lock_files(&mut self) -> std::io::Result<()> {
        if self.files_lock.is_none() {
            let lock = Lock::take(&self.directory, "files")?;
            self.files_lock = Some(lock.ok_or_else(|| std::io::Error::other("files.lock is held by another process"))?);
        }
        Ok(())
    }

    /// Whether positions were or are not kept.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Whether logtail acknowledges what it has written itself.
    pub fn advances(&self) -> bool {
        self.acks_lock.is_some()
    }

    /// All that was read has been written to stdout: with `--advance` it is acknowledged, and put to disk at the end.
    pub fn advance<D: Disk>(&mut self, follower: &Follower<D>, is_end: bool) {
        if self.acks_lock.is_none() {
            return;
        }
        let offsets: HashMap<Fid, u64> = follower.offsets().collect();
        if offsets == self.advanced && !is_end {
            return;
        }
        let text = acks_text(offsets.iter().map(|(fid, offset)| (*fid, *offset)));
        match self.acks.save(&text, is_end) {
            Ok(()) => self.advanced = offsets,
            Err(error) => self.fail(&error),
        }
    }

    /// Says once if lines have long been leaving and nobody acknowledges them.
    pub fn watch_for_logpost(&mut self, now: Duration, has_output: bool) {
        if self.logpost_seen || !has_output {
            return;
        }
        let first = *self.first_output.get_or_insert(now);
        if now < first + LOGPOST_EXPECTED {
            return;
        }
        self.logpost_seen = true;
        if Lock::is_free(&self.directory, "acks").unwrap_or(false) {
            say(
                PROG,
                format_args!(
                    "{}: nobody acknowledges what is read; is there a 'logpost --state' at the end of the pipe?",
                    self.directory.display()
                ),
            );
        }
    }

    fn fail(&mut self, error: &std::io::Error) {
        if !self.has_failed {
            self.is_failing = true;
            say(
                PROG,
                format_args!(
                    "{}: {}, positions are not kept: what is delivered now comes again after a restart",
                    self.directory.display(),
                    cause(error)
                ),
            );
        }
        self.has_failed = true;
    }
}

fn lines(directory: &Path, name: &str, loaded: Loaded) -> Option<Vec<u8>> {
    let file = directory.join(name);
    match loaded {
        Loaded::Nothing => None,
        Loaded::Current(text) => Some(text),
        Loaded::Previous(text, why) => {
            say(PROG, format_args!("{}: {why}, going on with the copy before", file.display()));
            Some(text)
        }
        Loaded::Lost(why) => {
            say(PROG, format_args!("{}: {why}, everything is read again from its head", file.display()));
            None
        }
    }
}

fn held(directory: &Path, name: &str) -> Stop {
    let lock = directory.join(format!("{name}.lock"));
    Trouble::new(lock.display(), "held by another process for 30 s, giving up").into()
}

enum Waited {
    InVain,
    ReaderGone,
    Failed(std::io::Error),
}

/// Tries until it is given, or for [`PATIENCE`]; `None` if a signal asks to end. stdout is watched meanwhile.
fn await_lock<T>(
    directory: &Path,
    name: &str,
    signals: &Signals,
    mut take: impl FnMut() -> std::io::Result<Option<T>>,
) -> Result<Option<T>, Waited> {
    let since = Instant::now();
    let mut said = false;
    loop {
        if let Some(taken) = take().map_err(Waited::Failed)? {
            return Ok(Some(taken));
        }
        while let Some(asked) = signals.next() {
            if asked != Asked::Counters {
                return Ok(None);
            }
        }
        let waited = since.elapsed();
        if waited >= PATIENCE {
            return Err(Waited::InVain);
        }
        if waited >= SILENCE && !said {
            said = true;
            let lock = directory.join(format!("{name}.lock"));
            say(PROG, format_args!("{}: held by another process, waiting for its end", lock.display()));
        }
        let stdout = rustix::stdio::stdout();
        let fds: Vec<_> = signals.fds().collect();
        let mut polled = vec![PollFd::new(&stdout, PollFlags::empty())];
        polled.extend(fds.iter().map(|fd| PollFd::new(fd, PollFlags::IN)));
        let _ = poll(&mut polled, Timespec::try_from(LOOK_AGAIN).ok().as_ref());
        if reader_is_gone(polled[0].revents()) {
            return Err(Waited::ReaderGone);
        }
    }
}
