//! The files that are followed: which paths there are, which generation sits at each, what becomes of one that has lost
//! its path.
//!
//! A look at the disk goes through these cases:
//!
//! | a path shows | then |
//! |---|---|
//! | the inode that it showed before | nothing, a read tells the rest |
//! | an inode that is known (renamed, linked) | that generation sits there now; nothing is read twice |
//! | an unknown inode | a new generation, read from its head; the one before is read to its end |
//! | nothing | the generation before is read to its end |
//!
//! The parts: this file has the paths; [`crate::beside`] what lies next to them; [`crate::round`] the reading, the
//! finishing and the drain; [`crate::ledger`] what is kept of it all.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logline::ending::cause;
use logline::position::Fid;

use crate::beside::Candidate;
use crate::disk::{Disk, Inode, Stat};
use crate::emit::Shape;
use crate::ends;
use crate::fingerprint::{HEAD, Head, Marker};
use crate::generation::{Entry, Generation, is_same_content};
use crate::glob::Pattern;
use crate::ledger::{Counters, Ledger};
use crate::siblings::bases;

/// How long after a path has changed the files beside it are looked at again and again: a directory that is read during
/// a rotation can miss a name.
pub(crate) const RESTLESS: Duration = Duration::from_secs(2);
/// As many links may lead to a file as the kernel allows.
const MOST_LINKS: usize = 40;
/// Room between the numbers of two generations of a path, for those that are found later and are older.
const NUMBER_GAP: u64 = 1 << 20;

/// Where the first reading of a file begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum First {
    /// At the head.
    Head,
    /// Where the last so many lines begin.
    LastLines(u64),
    /// At the line with this number, counted from 1.
    FromLine(u64),
}

/// What is to be followed, and how.
#[derive(Debug)]
pub struct Plan {
    /// Files and globs.
    pub patterns: Vec<Pattern>,
    /// What not.
    pub excludes: Vec<Pattern>,
    /// How lines leave.
    pub shape: Shape,
    /// Where the files that are there at the first look are begun; others at their head.
    pub first: First,
    /// Whether files that are not there yet are waited for.
    pub follows: bool,
    /// Plain lines of another file than the last get tail's header.
    pub headers: bool,
    /// Where it cannot be told whether a file has a writer: how long nothing must come before a rotated one is closed.
    pub rotate_quiet: Duration,
    /// How long a file must be gone before it is forgotten.
    pub forget_after: Duration,
    /// How many rotated files are held open at most.
    pub open_limit: usize,
    /// How much is read at a time; at least four times [`MARKER`](crate::fingerprint::MARKER).
    pub chunk: usize,
}

/// The follower and all it knows. It makes no system call but through its disk, and writes nothing: lines are appended to
/// a buffer, messages are collected, and [`crate::keep::Need`] says when its ledger must be on disk.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the run")]
pub struct Follower<D: Disk> {
    pub(crate) disk: D,
    pub(crate) plan: Plan,
    pub(crate) seats: BTreeMap<PathBuf, Seat>,
    /// By age: of two generations of a path the one with the lower number is the older.
    pub(crate) generations: BTreeMap<u64, Generation<D::File>>,
    /// Of each generation the next older one of its path, where there is one.
    pub(crate) elders: HashMap<u64, u64>,
    /// A generation has come since they were found.
    pub(crate) has_new: bool,
    pub(crate) by_inode: HashMap<Inode, u64>,
    /// The paths that are links, by where they lead: what is rotated lies beside the target.
    pub(crate) targets: HashMap<PathBuf, PathBuf>,
    /// Copies of what is held open and has been read, with the size and time of change they had when they were compared.
    pub(crate) copies: HashMap<Inode, (u64, i128)>,
    /// Entries of another boot, by which files are known again for a while, and where each goes on.
    pub(crate) before_reboot: Vec<(Entry, u64)>,
    /// When that was.
    resumed_at: Duration,
    pub(crate) boot: String,
    pub(crate) counters: Counters,
    /// Lines that were cut at the limit since the start.
    pub(crate) truncated_lines: u64,
    pub(crate) need: crate::keep::Need,
    pub(crate) scratch: Vec<u8>,
    pub(crate) cursor: u64,
    pub(crate) marked_at: Duration,
    /// A mark has been emitted: the stream shows that it carries positions.
    pub(crate) has_marked: bool,
    /// When it was last looked at all paths.
    pub(crate) looked_at: Option<Duration>,
    pub(crate) looked_beside_at: Duration,
    names: fn() -> io::Result<Fid>,
    next_number: u64,
    is_first_look: bool,
    /// What lies beside a path that is seen for the first time is read too.
    pub(crate) all_is_ours: bool,
    /// A glob stood for nothing, and nothing is waited for.
    unmatched: bool,
    /// The path of the last header.
    pub(crate) headed: Option<PathBuf>,
    /// What sits at a path of its own, as far as is known.
    pub(crate) at_home: HashSet<u64>,
    pub(crate) said: Vec<String>,
    troubles: HashMap<PathBuf, String>,
    directories: Vec<PathBuf>,
}

/// A path that is followed.
#[derive(Debug, Default)]
pub(crate) struct Seat {
    /// The generation that was there at the last look.
    pub(crate) current: Option<u64>,
    /// What the glob that has found it was told of it in this look.
    stat: Option<Stat>,
    /// Where it leads, itself if it is no link; `None` where that is to be looked at.
    pub(crate) target: Option<PathBuf>,
    /// What lay beside it at first sight has been entered.
    pub(crate) sighted: bool,
    /// Until then what lies beside is looked at each time.
    pub(crate) restless_until: Duration,
    /// When it was last named, or found by a glob.
    found_at: Duration,
    /// It was named, not found by a glob.
    literal: bool,
    waited_for: bool,
}

impl<D: Disk> Follower<D> {
    /// One that knows nothing yet. `names` gives a new fid at each call.
    pub fn new(disk: D, plan: Plan, boot: String, names: fn() -> io::Result<Fid>) -> Self {
        Self {
            disk,
            scratch: vec![0; plan.chunk],
            plan,
            seats: BTreeMap::new(),
            generations: BTreeMap::new(),
            elders: HashMap::new(),
            has_new: false,
            by_inode: HashMap::new(),
            targets: HashMap::new(),
            copies: HashMap::new(),
            before_reboot: Vec::new(),
            resumed_at: Duration::ZERO,
            boot,
            counters: Counters::default(),
            truncated_lines: 0,
            need: crate::keep::Need::default(),
            cursor: 0,
            marked_at: Duration::ZERO,
            has_marked: false,
            looked_at: None,
            looked_beside_at: Duration::ZERO,
            names,
            next_number: NUMBER_GAP,
            is_first_look: true,
            all_is_ours: false,
            unmatched: false,
            headed: None,
            at_home: HashSet::new(),
            said: Vec::new(),
            troubles: HashMap::new(),
            directories: Vec::new(),
        }
    }

    /// Takes up what an earlier run has left: each generation goes on where `acks` says, or at its start.
    pub fn resume(&mut self, ledger: Ledger, acks: &HashMap<Fid, u64>, now: Duration) {
        self.is_first_look = false;
        self.counters = ledger.counters;
        for path in ledger.sighted {
            self.seats.entry(path).or_default().sighted = true;
        }
        let same_boot = ledger.boot == self.boot;
        self.resumed_at = now;
        for mut entry in ledger.entries {
            let offset = acks.get(&entry.fid).copied().unwrap_or(entry.start).max(entry.start);
            entry.cuts.retain(|cut| *cut >= offset);
            self.seats.entry(entry.path.clone()).or_default().sighted = true;
            if !same_boot {
                self.before_reboot.push((entry, offset));
                continue;
            }
            if entry.head.length < offset.min(HEAD as u64) && entry.marker.offset < offset {
                // An older copy of the state: it cannot tell whether the file is still what was delivered.
                self.say(format!(
                    "{}: the state is older than what was delivered of it, it is read again from its head",
                    entry.path.display()
                ));
                continue;
            }
            // One that is acknowledged to its end stays finished; any other is away until it is found.
            let told = entry.end.unwrap_or(entry.marker.offset);
            entry.end = entry.end.filter(|end| offset >= *end);
            let number = self.number();
            let is_nowhere = entry.inode == Inode::NOWHERE;
            if !is_nowhere {
                self.by_inode.insert(entry.inode, number);
            }
            let mut generation = Generation::new(entry, offset, now);
            // One that was truncated can only be in a copy.
            generation.seeking_copy = is_nowhere && !generation.is_finished();
            generation.size = told.max(offset);
            self.generations.insert(number, generation);
            self.has_new = true;
        }
    }

    /// There was a state, and nothing can be read of it: all that is there is ours, what lies beside the paths too.
    pub fn resume_from_nothing(&mut self) {
        self.is_first_look = false;
        self.all_is_ours = true;
    }

    /// Looks at every path, then at what lies beside; all that is open is then to be read.
    pub fn look(&mut self, now: Duration) {
        if self.is_first_look {
            // Also where nothing is there yet: from now on it is no first start any more.
            self.need.at_once();
        }
        self.looked_at = Some(now);
        self.expand(now);
        self.find_targets();
        self.sight(now);
        // Paths are slow to compare: what is to be known of a seat is taken along instead of looked for again.
        let found: Vec<_> =
            self.seats.iter_mut().map(|(path, seat)| (path.clone(), seat.stat.take(), seat.current)).collect();
        for (path, stat, current) in found {
            self.look_at(&path, stat, current, now);
        }
        // Of what has just come to a path too: its older generations are read before it.
        self.find_targets();
        self.look_beside(now);
        self.forget(now);
        self.at_home = self.homes();
        self.park();
        self.is_first_look = false;
        self.all_is_ours = false;
        for generation in self.generations.values_mut() {
            generation.due = generation.file.is_some() && !std::mem::take(&mut generation.rests);
        }
    }

    /// The messages since the last call.
    pub fn messages(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    /// The directories in which a new name is to be noticed.
    pub fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// The open files by the numbers that [`Follower::touch`] takes.
    pub fn open_files(&self) -> impl Iterator<Item = (u64, &D::File)> {
        self.generations.iter().filter_map(|(number, generation)| Some((*number, generation.file.as_ref()?)))
    }

    /// The generation with this number is to be read. False if it is not open.
    pub fn touch(&mut self, number: u64) -> bool {
        let Some(generation) = self.generations.get_mut(&number) else { return false };
        generation.due = generation.file.is_some();
        generation.due
    }

    /// Whether anything could not be read that the user named.
    pub fn has_troubles(&self) -> bool {
        self.unmatched || !self.troubles.is_empty() || self.seats.values().any(|seat| seat.literal && seat.waited_for)
    }

    /// See [`Counters`].
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// How many lines were cut at the limit since the start.
    pub fn truncated_lines(&self) -> u64 {
        self.truncated_lines
    }

    /// How many generations are known, and how many of them are open.
    pub fn size(&self) -> (usize, usize) {
        (self.generations.len(), self.open_files().count())
    }

    /// What the follower reads from.
    pub fn disk(&self) -> &D {
        &self.disk
    }

    fn expand(&mut self, now: Duration) {
        let mut directories = Vec::new();
        for index in 0..self.plan.patterns.len() {
            let pattern = &self.plan.patterns[index];
            let literal = pattern.is_literal();
            let expansion = pattern.expand(&self.disk);
            directories.extend(expansion.directories);
            for (path, error) in expansion.troubles {
                self.complain(&path, cause(&error));
            }
            let mut paths = expansion.paths;
            paths.retain(|(path, _)| literal || !(self.is_excluded(path) || is_compressed(path)));
            for parent in paths.iter().filter_map(|(path, _)| path.parent()) {
                if directories.last().is_none_or(|last| last.as_os_str() != parent.as_os_str()) {
                    directories.push(parent.to_owned());
                }
            }
            if paths.is_empty() && self.is_first_look {
                let what = if self.plan.follows { "no such file yet, waiting" } else { "no such file" };
                self.unmatched |= !self.plan.follows;
                self.say(format!("{}: {what}", self.plan.patterns[index]));
            }
            self.find(paths, literal, now);
        }
        directories.sort();
        directories.dedup();
        self.directories = directories;
    }

    /// Gives each path its seat. Most have one, and come in the order of the seats: those are not looked for.
    fn find(&mut self, paths: Vec<(PathBuf, Option<Stat>)>, literal: bool, now: Duration) {
        let tell = |seat: &mut Seat, stat| {
            seat.literal |= literal;
            seat.stat = stat;
            seat.found_at = now;
        };
        let mut paths = paths.into_iter().peekable();
        for (known, seat) in &mut self.seats {
            if let Some((_, stat)) = paths.next_if(|(path, _)| path.as_os_str() == known.as_os_str()) {
                tell(seat, stat);
            }
        }
        for (path, stat) in paths {
            tell(self.seats.entry(path).or_default(), stat);
        }
    }

    fn is_excluded(&self, path: &Path) -> bool {
        use std::os::unix::ffi::OsStrExt as _;
        self.plan.excludes.iter().any(|exclude| exclude.matches(path.as_os_str().as_bytes()))
    }

    /// Finds out where the paths lead that are links. What lies beside a link is not what was rotated.
    fn find_targets(&mut self) {
        for (path, seat) in self.seats.iter_mut().filter(|(_, seat)| seat.target.is_none()) {
            let mut target = path.clone();
            for _ in 0..MOST_LINKS {
                let Ok(link) = self.disk.read_link(&target) else { break };
                target = target.parent().unwrap_or(Path::new("")).join(link);
            }
            self.targets.retain(|_, of| of != path);
            if target != *path {
                self.targets.insert(target.clone(), path.clone());
            }
            seat.target = Some(target);
        }
    }

    /// Whether the path itself is one to be followed, named or found by a glob.
    pub(crate) fn is_wanted(&self, path: &Path) -> bool {
        use std::os::unix::ffi::OsStrExt as _;
        let bytes = path.as_os_str().as_bytes();
        self.seats.contains_key(path)
            || (self.plan.patterns.iter().any(|pattern| pattern.finds(bytes)) && !self.is_excluded(path))
    }

    /// Looks at a path where `current` sits. What a glob has found was just looked at.
    fn look_at(&mut self, path: &Path, found: Option<Stat>, current: Option<u64>, now: Duration) {
        match found.map_or_else(|| self.disk.stat(path), Ok) {
            Err(error) if is_missing(&error) => self.leave(path, now),
            Err(error) => self.complain(path, cause(&error)),
            Ok(stat) if !stat.is_file => self.complain(path, "not a regular file".to_owned()),
            Ok(stat) => self.arrive(path, stat, current, now),
        }
    }

    fn leave(&mut self, path: &Path, now: Duration) {
        self.troubles.remove(path);
        let is_first_look = self.is_first_look;
        let Some(seat) = self.seats.get_mut(path) else { return };
        if seat.current.take().is_some() {
            seat.restless_until = now + RESTLESS;
            self.say(format!("{}: no longer there, waiting for a new file", path.display()));
        } else if seat.literal && is_first_look && !seat.waited_for {
            seat.waited_for = true;
            let what = if self.plan.follows { "no such file yet, waiting" } else { "no such file or directory" };
            self.say(format!("{}: {what}", path.display()));
        }
    }

    fn arrive(&mut self, path: &Path, stat: Stat, current: Option<u64>, now: Duration) {
        if let Some(number) = self.by_inode.get(&stat.inode).copied() {
            if current != Some(number) {
                self.sit(path, number, now);
            }
            self.revisit(number, path, &stat, now);
            if self.by_inode.get(&stat.inode) == Some(&number) {
                return;
            }
        }
        if !self.take_up(path, &stat, now)
            && let Some(seat) = self.seats.get_mut(path)
        {
            // What sat there sits there no more, whatever this is.
            seat.current = None;
        }
    }

    /// Begins what a path shows and nobody knows. False if it is not ours, cannot be told yet, or cannot be read.
    fn take_up(&mut self, path: &Path, stat: &Stat, now: Duration) -> bool {
        let is_copy = self.copies.get(&stat.inode) == Some(&(stat.size, stat.modified));
        // An empty one is perhaps a copy that is about to be made.
        if (is_copy || stat.size == 0) && self.base_of(path).is_some() {
            return false;
        }
        let opened = self.disk.open(path).and_then(|file| Ok((self.disk.stat_open(&file)?, file)));
        let (stat, file) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                if is_missing(&error) {
                    self.leave(path, now);
                } else {
                    self.complain(path, cause(&error));
                }
                return false;
            }
        };
        if let Some(number) = self.by_inode.get(&stat.inode).copied() {
            self.sit(path, number, now);
            return true;
        }
        self.troubles.remove(path);
        let file = match self.base_of(path) {
            None => file,
            Some(base) => {
                let candidate = Candidate { path: path.to_owned(), base, stat };
                let Some(file) = self.unseen(&candidate, file, now) else { return false };
                file
            }
        };
        let number = self.number();
        let waits = self.is_full() && self.base_of(path).is_some();
        if !self.begin(number, path, file, &stat, now) {
            return false;
        }
        self.sit(path, number, now);
        if waits {
            self.set_aside(number);
        }
        true
    }

    /// The generation `number` is what `path` shows now.
    fn sit(&mut self, path: &Path, number: u64, now: Duration) {
        if let Some(generation) = self.generations.get_mut(&number) {
            generation.seen_at = now;
        }
        let Some(seat) = self.seats.get_mut(path) else { return };
        seat.waited_for = false;
        let before = seat.current.replace(number);
        if before != Some(number) {
            seat.restless_until = now + RESTLESS;
            seat.target = None;
            // At once, for it takes no room among the rotated files, and the one before does.
            if self.base_of(path).is_none() {
                self.at_home.insert(number);
                before.map(|before| self.at_home.remove(&before));
            }
        }
        let is_open = |number| self.generations.get(&number).is_some_and(|generation| generation.file.is_some());
        if before.is_some_and(|before| before != number && is_open(before)) {
            self.say(format!("{}: has been replaced, reading the rest of the old file", path.display()));
        }
    }

    /// A file that was closed or is away has a name: does it go on?
    pub(crate) fn revisit(&mut self, number: u64, path: &Path, stat: &Stat, now: Duration) {
        let Some(generation) = self.generations.get_mut(&number) else { return };
        generation.seen_at = now;
        generation.rests = generation.is_as_read(stat);
        if generation.file.is_some() || (generation.is_finished() && generation.is_unchanged(stat)) {
            return;
        }
        let Ok(file) = self.disk.open(path) else { return };
        let Ok(stat) = self.disk.stat_open(&file) else { return };
        if stat.inode != generation.entry.inode {
            return;
        }
        let reached = generation.entry.end.unwrap_or(generation.offset).max(generation.entry.head.length);
        let same = stat.size >= reached.max(generation.entry.marker.offset)
            && is_same_content(&self.disk, &file, &generation.entry).unwrap_or(false);
        if !same {
            self.lose_inode(number);
        } else if stat.size == reached && generation.is_finished() {
            generation.close_as(&stat);
        } else if !self.is_full() || self.is_home(number) {
            self.reopen(number, path, file, &stat, now);
        }
    }

    fn reopen(&mut self, number: u64, path: &Path, file: D::File, stat: &Stat, now: Duration) {
        let Some(generation) = self.generations.get_mut(&number) else { return };
        let before = generation.entry.clone();
        generation.size = stat.size;
        let opened = generation.open_at(&self.disk, file, now);
        self.need.lazily();
        // What later reads are compared with has been read now: only if the old content is still there is it of that.
        let file = generation.file.as_ref();
        let same = file.is_some_and(|file| is_same_content(&self.disk, file, &before).unwrap_or(false));
        if let Err(error) = opened {
            self.complain(path, cause(&error));
        } else if !same {
            generation.file = None;
            generation.entry = before;
            self.lose_inode(number);
        }
    }

    /// The inode holds something else now. What has not been read may lie in a copy beside.
    fn lose_inode(&mut self, number: u64) {
        let Some(generation) = self.generations.get_mut(&number) else { return };
        self.by_inode.remove(&generation.entry.inode);
        generation.entry.inode = Inode::NOWHERE;
        let path = generation.entry.path.clone();
        if !generation.is_finished() {
            generation.seek_copy();
            self.counters.truncations += 1;
            self.say(format!(
                "{}: has been truncated or rewritten, reading the new content from its beginning",
                path.display()
            ));
        }
        self.need.lazily();
    }

    /// Starts to read a file that is ours. False if it cannot be read.
    pub(crate) fn begin(&mut self, number: u64, path: &Path, file: D::File, stat: &Stat, now: Duration) -> bool {
        match self.start_of(path, &file, stat) {
            Ok(start) => self.begin_at(number, path, file, stat, start, now),
            Err(error) => {
                self.complain(path, cause(&error));
                false
            }
        }
    }

    /// The same from the offset `start` on.
    pub(crate) fn begin_at(
        &mut self,
        number: u64,
        path: &Path,
        file: D::File,
        stat: &Stat,
        start: u64,
        now: Duration,
    ) -> bool {
        let started = (self.names)().and_then(|fid| {
            let entry = Entry {
                fid,
                path: path.to_owned(),
                inode: stat.inode,
                head: Head::of(fid, b""),
                marker: Marker { offset: start, ..Marker::of(fid, 0, b"") },
                start,
                cuts: Vec::new(),
                end: None,
            };
            let mut generation = Generation::new(entry, start, now);
            generation.size = stat.size;
            generation.open_at(&self.disk, file, now)?;
            Ok(generation)
        });
        match started {
            Ok(generation) => {
                self.by_inode.insert(stat.inode, number);
                self.generations.insert(number, generation);
                self.has_new = true;
                self.need.at_once();
                true
            }
            Err(error) => {
                self.complain(path, cause(&error));
                false
            }
        }
    }

    fn start_of(&mut self, path: &Path, file: &D::File, stat: &Stat) -> io::Result<u64> {
        if let Some(start) = self.start_after_reboot(path, file, stat)? {
            return Ok(start);
        }
        if !self.is_first_look {
            return Ok(0);
        }
        match self.plan.first {
            First::Head => Ok(0),
            First::LastLines(count) => ends::start_of_last_lines(&self.disk, file, stat.size, count),
            First::FromLine(number) => ends::start_of_line(&self.disk, file, number),
        }
    }

    /// After a reboot a file is known by path and inode, or inode, or head alone; it goes on where it was acknowledged if
    /// the marker is still there, else at its start, for bytes may have been lost and others written in their place.
    fn start_after_reboot(&mut self, path: &Path, file: &D::File, stat: &Stat) -> io::Result<Option<u64>> {
        let matches = |entry: &Entry, strict: u8| match strict {
            0 => entry.path == path && entry.inode == stat.inode,
            1 => entry.inode == stat.inode,
            _ => entry.inode.number == stat.inode.number,
        };
        for strict in 0..3 {
            for index in 0..self.before_reboot.len() {
                let (entry, ack) = &self.before_reboot[index];
                if !matches(entry, strict) || !crate::generation::has_head(&self.disk, file, entry)? {
                    continue;
                }
                let is_whole =
                    stat.size >= entry.marker.offset && crate::generation::has_marker(&self.disk, file, entry)?;
                let entry_start = entry.start;
                let start = if is_whole { (*ack).min(entry.marker.offset) } else { entry_start };
                // The marker may stand in the middle of a line: what was read of it may have been lost, and be another now.
                let start = if start > stat.size { 0 } else { self.end_of_last_line(file, start)?.max(entry_start) };
                self.before_reboot.remove(index);
                return Ok(Some(start));
            }
        }
        Ok(None)
    }

    /// A generation that is not known by its path alone any more goes to its end and is closed.
    pub(crate) fn is_home(&self, number: u64) -> bool {
        self.generations
            .get(&number)
            .and_then(|generation| self.seats.get(&generation.entry.path))
            .is_some_and(|seat| seat.current == Some(number))
            || self.seats.iter().any(|(path, seat)| seat.current == Some(number) && self.base_of(path).is_none())
    }

    /// All generations that sit at a path of their own.
    pub(crate) fn homes(&self) -> HashSet<u64> {
        let seats = self.seats.iter().filter(|(path, _)| self.base_of(path).is_none());
        seats.filter_map(|(_, seat)| seat.current).collect()
    }

    /// The followed path of which `path` has the name of an older generation.
    pub(crate) fn base_of(&self, path: &Path) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStrExt as _;
        let name = path.file_name()?.as_bytes();
        bases(name)
            .map(|base| path.with_file_name(std::ffi::OsStr::from_bytes(base)))
            .find_map(|base| if self.seats.contains_key(&base) { Some(base) } else { self.targets.get(&base).cloned() })
    }

    /// As many rotated files are open as may be.
    pub(crate) fn is_full(&self) -> bool {
        self.open_files().filter(|(number, _)| !self.at_home.contains(number)).count() >= self.plan.open_limit
    }

    /// Of too many rotated files the youngest are closed until their turn comes.
    fn park(&mut self) {
        let rotated: Vec<u64> =
            self.open_files().map(|(number, _)| number).filter(|number| !self.at_home.contains(number)).collect();
        for number in rotated.into_iter().skip(self.plan.open_limit) {
            self.set_aside(number);
        }
    }

    /// Closes a rotated file until its turn comes; one without a name could not be found again and stays open.
    pub(crate) fn set_aside(&mut self, number: u64) {
        let Some(generation) = self.generations.get_mut(&number) else { return };
        let stat = generation.file.as_ref().map(|file| self.disk.stat_open(file));
        if matches!(stat, Some(Ok(stat)) if stat.names > 0) {
            generation.file = None;
        }
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.next_number += NUMBER_GAP;
        self.next_number
    }

    /// A free number just below that of the generation now at `path`: for an older one.
    pub(crate) fn number_before(&mut self, path: &Path) -> u64 {
        let Some(current) = self.seats.get(path).and_then(|seat| seat.current) else { return self.number() };
        let mut number = current.saturating_sub(NUMBER_GAP / 2);
        while self.generations.contains_key(&number) {
            number += 1;
        }
        number
    }

    pub(crate) fn say(&mut self, message: String) {
        self.said.push(message);
    }

    /// Says what is wrong with a path, once as long as it stays the same.
    pub(crate) fn complain(&mut self, path: &Path, cause: String) {
        if self.troubles.get(path) != Some(&cause) {
            self.say(format!("{}: {cause}", path.display()));
            self.troubles.insert(path.to_owned(), cause);
        }
    }

    fn say_gap(&mut self, path: &Path, offset: u64, unread: u64) {
        self.counters.gaps += 1;
        self.counters.possible_loss_bytes += unread;
        self.say(format!(
            "{}: a file of it could not be found again, what stood in it from byte {offset} on is lost",
            path.display()
        ));
    }

    /// Drops what has been gone for long enough; what was not read of it is a gap.
    fn forget(&mut self, now: Duration) {
        let gone: Vec<u64> = self
            .generations
            .iter()
            .filter(|(_, generation)| generation.file.is_none() && now >= generation.seen_at + self.plan.forget_after)
            .map(|(number, _)| *number)
            .collect();
        for number in gone {
            let Some(generation) = self.generations.remove(&number) else { continue };
            if self.by_inode.get(&generation.entry.inode) == Some(&number) {
                self.by_inode.remove(&generation.entry.inode);
            }
            self.need.lazily();
            if !generation.is_finished() {
                self.say_gap(&generation.entry.path, generation.offset, generation.unread());
            }
        }
        if now >= self.resumed_at + self.plan.forget_after {
            for (entry, offset) in std::mem::take(&mut self.before_reboot) {
                self.need.lazily();
                let unread = entry.end.unwrap_or(entry.marker.offset).saturating_sub(offset);
                if unread > 0 {
                    self.say_gap(&entry.path, offset, unread);
                }
            }
        }
        let generations = &self.generations;
        let seats = self.seats.len();
        self.seats.retain(|path, seat| {
            seat.current.is_some()
                || now < seat.found_at.max(seat.restless_until) + self.plan.forget_after
                || generations.values().any(|generation| generation.entry.path == *path)
        });
        if self.seats.len() < seats {
            let seats = &self.seats;
            self.targets.retain(|_, path| seats.contains_key(path));
            self.need.lazily();
        }
    }
}

/// Whether a file that a glob has found is no text by its name.
fn is_compressed(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default();
    ["gz", "bz2", "xz", "zst", "lz4", "lzma", "Z"].iter().any(|compressed| ending == *compressed)
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
