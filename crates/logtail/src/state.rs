//! The state directory as logtail uses it: it writes `files`, reads `acks` once at the start, and only for `--advance`
//! writes `acks` itself.
//!
//! An old and a new pipe never interleave: logtail holds the lock of `files`, and before it reads `acks` it waits until the
//! logpost of the pipe before has let go of that.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use logline::ending::{Stop, Trouble, say};
use logline::position::Fid;
use logline::signal::{Asked, Signals};
use logline::state::files::Checkpoint;
use logline::state::{Keeper, Loaded, Lock, Locked, Store, Urgency, acks, own};
use logline::wait::Wait;

use crate::PROG;
use crate::disk::Disk;
use crate::follow::Follower;

/// How long another process may hold what is needed.
const PATIENCE: Duration = Duration::from_secs(30);
/// A wait shorter than this is not worth a word.
const SILENCE: Duration = Duration::from_millis(500);
/// How often it is looked whether a lock is free.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long after the first output it is said that nobody acknowledges what is written.
const LOGPOST_EXPECTED: Duration = Duration::from_secs(60);

/// The state directory.
#[derive(Debug)]
pub struct State {
    directory: PathBuf,
    files: Keeper<Locked>,
    acks: Keeper<Locked>,
    /// logtail is its own logpost (`--advance`).
    advances: bool,
    /// What `acks` says, where logtail writes it.
    advanced: HashMap<Fid, u64>,
    first_output: Option<Duration>,
    logpost_seen: bool,
    /// When the list of what logpost writes was last changed that was read.
    own_changed: Option<SystemTime>,
}

/// What the last run has left.
#[derive(Debug)]
pub struct Left {
    /// What was followed; `None` at the very first start, or where it is lost.
    pub checkpoint: Option<Checkpoint>,
    /// There was something, and it cannot be read.
    pub is_lost: bool,
    /// What has been delivered.
    pub acks: HashMap<Fid, u64>,
}

impl State {
    /// Takes the state directory, which is made if it is not there, and reads what is in it. A directory that cannot be
    /// written is said loudly, and the run goes on without. `None` if TERM ended the wait for another process.
    pub fn take(directory: &Path, advances: bool, signals: &Signals) -> Result<Option<(Self, Left)>, Stop> {
        let keeper = |name| Keeper::new(Locked::new(directory, name), directory.display().to_string());
        let mut state = Self {
            directory: directory.to_owned(),
            files: keeper("files"),
            acks: keeper("acks"),
            advances,
            advanced: HashMap::new(),
            first_output: None,
            logpost_seen: advances,
            own_changed: None,
        };
        if let Err(error) = std::fs::create_dir_all(directory) {
            state.fail(&error);
        }
        let files = |state: &mut Self| state.files.shelf_mut().lock();
        let acks = |state: &mut Self| {
            if advances { state.acks.shelf_mut().lock() } else { Lock::is_free(directory, "acks") }
        };
        let is_ended = !state.await_lock("files", signals, files)? || !state.await_lock("acks", signals, acks)?;
        if is_ended {
            return Ok(None);
        }
        let left = state.load();
        Ok(Some((state, left)))
    }

    fn load(&mut self) -> Left {
        let loaded = self.files.shelf().store().load();
        let (is_lost, is_older) = (matches!(loaded, Loaded::Lost(_)), matches!(loaded, Loaded::Previous(..)));
        let checkpoint = self.lines("files", loaded).map(|text| {
            let (mut checkpoint, troubles) = Checkpoint::parse(&text);
            if is_older {
                checkpoint.forget_unread();
            }
            for trouble in troubles {
                say(PROG, format_args!("{}: {trouble}", self.directory.join("files").display()));
            }
            checkpoint
        });
        let loaded = self.acks.shelf().store().load();
        let acks: HashMap<Fid, u64> =
            self.lines("acks", loaded).map(|text| acks::parse(&text).collect()).unwrap_or_default();
        if self.advances {
            self.advanced.clone_from(&acks);
        }
        Left { checkpoint, is_lost, acks }
    }

    /// The lines of a state file; what is wrong with it is said.
    fn lines(&self, name: &str, loaded: Loaded) -> Option<Vec<u8>> {
        let file = self.directory.join(name);
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

    /// The file `files`.
    pub fn files(&mut self) -> &mut Keeper<Locked> {
        &mut self.files
    }

    /// What has been acknowledged by now; nothing where that cannot be read.
    pub fn acks(&self) -> HashMap<Fid, u64> {
        match self.acks.shelf().store().load() {
            Loaded::Current(text) => acks::parse(&text).collect(),
            _ => HashMap::new(),
        }
    }

    /// The files that logpost writes besides its state, if that has changed since the last call.
    pub fn own(&mut self) -> Option<Vec<PathBuf>> {
        let changed = std::fs::metadata(self.directory.join("own")).and_then(|told| told.modified()).ok()?;
        if self.own_changed.replace(changed) == Some(changed) {
            return None;
        }
        match Store::new(&self.directory, "own").load() {
            Loaded::Current(text) | Loaded::Previous(text, _) => Some(own::parse(&text).collect()),
            Loaded::Nothing | Loaded::Lost(_) => None,
        }
    }

    /// Whether positions were or are not kept.
    pub fn has_failed(&self) -> bool {
        self.files.has_failed() || self.acks.has_failed()
    }

    /// Whether logtail acknowledges what it has written itself.
    pub fn advances(&self) -> bool {
        self.advances
    }

    /// All that was read has been written to stdout: with `--advance` it is acknowledged, and put to disk at the end.
    pub fn advance<D: Disk>(&mut self, follower: &Follower<D>, now: Duration, is_end: bool) {
        if !self.advances {
            return;
        }
        let offsets: HashMap<Fid, u64> = follower.offsets().collect();
        let urgency = if offsets == self.advanced { Urgency::None } else { Urgency::BeforeOutput };
        let Some(sync) = self.acks.due(urgency, now, is_end) else { return };
        let text = acks::text(offsets.iter().map(|(fid, offset)| (*fid, *offset)));
        let saved = self.acks.save(&text[..], now, sync);
        if saved.is_kept {
            self.advanced = offsets;
        }
        if let Some(message) = saved.message {
            say(PROG, message);
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
                    "{}: nobody acknowledges what is read; is there a 'logpost --state' at the end of the pipe, and no grep in it?",
                    self.directory.display()
                ),
            );
        }
    }

    /// The directory cannot be used: what is delivered now comes again after a restart.
    fn fail(&mut self, error: &std::io::Error) {
        if let Some(message) = self.files.fail(error) {
            say(PROG, message);
        }
    }

    /// Tries to take a lock until it is given, or for [`PATIENCE`]; false if a signal asks to end. stdout is watched
    /// meanwhile. Where it cannot be taken at all that is said, and the run goes on without.
    fn await_lock(
        &mut self,
        name: &str,
        signals: &Signals,
        take: impl Fn(&mut Self) -> std::io::Result<bool>,
    ) -> Result<bool, Stop> {
        let since = Instant::now();
        let lock = self.directory.join(format!("{name}.lock"));
        let mut is_said = false;
        loop {
            match take(self) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(error) => {
                    self.fail(&error);
                    return Ok(true);
                }
            }
            while let Some(asked) = signals.next() {
                if asked != Asked::Counters {
                    return Ok(false);
                }
            }
            let waited = since.elapsed();
            if waited >= PATIENCE {
                return Err(Trouble::new(lock.display(), "held by another process for 30 s, giving up").into());
            }
            if waited >= SILENCE && !is_said {
                is_said = true;
                say(PROG, format_args!("{}: held by another process, waiting for its end", lock.display()));
            }
            let output = Some(rustix::stdio::stdout());
            let wait = Wait { output, others: signals.fds().collect(), ..Wait::default() };
            if wait.wait(Some(LOOK_AGAIN)).is_ok_and(|woken| woken.reader_is_gone) {
                return Err(Stop::ReaderGone);
            }
        }
    }
}
