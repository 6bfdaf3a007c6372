//! What lies beside the followed paths: generations that were rotated away before anyone looked, and copies.
//!
//! | a file beside a path | then |
//! |---|---|
//! | holds an inode that is known | it is that generation, whatever its name; taken up again if it goes on |
//! | was there at the first sight of the path, not empty, and no copy of it | known and done up to the end of its last whole line |
//! | holds what a truncated generation held | its copy: the rest is read from there, under the old fid |
//! | all its bytes equal the beginning of what is held open | a copy, perhaps in the making: not ours |
//! | is empty | looked at again |
//! | anything else, its name being that of an older generation | ours, read from the head, oldest first |

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use memchr::memrchr;

use crate::disk::{Disk, Inode, Stat};
use crate::follow::{Follower, RESTLESS, Seat};
use crate::generation::Generation;
use crate::siblings::{age, is_copy, is_prefix};

/// How often it is looked beside paths that have not changed.
const AT_REST: Duration = Duration::from_secs(5);

/// A copy is given up when it was not found so often: a directory that is read during a rotation can miss a name.
const SOUGHT: u32 = 4;

/// A file of which nothing is known yet, beside the path `base` of which it may be an older generation.
pub(crate) struct Candidate {
    pub(crate) path: PathBuf,
    pub(crate) base: PathBuf,
    pub(crate) stat: Stat,
}

impl<D: Disk> Follower<D> {
    /// Looks at the directories of all paths where something may have changed.
    pub(crate) fn look_beside(&mut self, now: Duration) {
        let at_rest_due = now >= self.looked_beside_at + AT_REST;
        if at_rest_due {
            self.looked_beside_at = now;
        }
        let mut directories = BTreeSet::new();
        for (path, seat) in &self.seats {
            if at_rest_due || now < seat.restless_until {
                directories.extend(places(path, seat));
            }
        }
        for generation in self.generations.values() {
            if generation.file.is_none() && (!generation.is_finished() || at_rest_due) || generation.seeking_copy {
                match self.seats.get(&generation.entry.path) {
                    Some(seat) => directories.extend(places(&generation.entry.path, seat)),
                    None => drop(directories.insert(parent(&generation.entry.path))),
                }
            }
        }
        for directory in directories {
            self.look_into(&directory, now);
        }
        self.give_up_seeking(now);
    }

    /// The names in a directory; `None` if it is not there or cannot be read.
    fn names_in(&mut self, directory: &Path) -> Option<Vec<OsString>> {
        let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        match self.disk.list(listed) {
            Ok(names) => Some(names),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                self.complain(directory, logline::ending::cause(&error));
                None
            }
        }
    }

    /// The unknown files in a directory that have the name of an older generation of a path, oldest first. Known ones that
    /// are met are taken up again where they go on.
    fn candidates(&mut self, directory: &Path, names: Vec<OsString>, now: Duration) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for name in names {
            let path = directory.join(&name);
            let Ok(stat) = self.disk.stat(&path) else { continue };
            if !stat.is_file {
                continue;
            }
            if let Some(number) = self.by_inode.get(&stat.inode).copied() {
                self.revisit(number, &path, &stat, now);
                if self.by_inode.contains_key(&stat.inode) {
                    continue;
                }
            }
            let sits = self.seats.get(&path).is_some_and(|seat| seat.current.is_some());
            if let Some(base) = self.base_of(&path)
                && !sits
            {
                candidates.push(Candidate { path, base, stat });
            }
        }
        candidates.sort_by_cached_key(|candidate| age(name_of(&candidate.path)));
        candidates
    }

    /// Enters what lies beside the paths that are seen for the first time. This comes before the paths themselves are
    /// looked at: what is rotated away after that is known to be ours, for it was not there.
    pub(crate) fn sight(&mut self, now: Duration) {
        let mut new: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        for (path, seat) in self.seats.iter().filter(|(_, seat)| !seat.sighted) {
            for place in places(path, seat) {
                new.entry(place).or_default().push(path.clone());
            }
        }
        let mut sighted = Vec::new();
        for (directory, paths) in new {
            // What sits at the paths now is ours, also if it is rotated while the directory is read.
            let inode_at = |path: &PathBuf| Some(self.disk.stat(path).ok()?.inode);
            let ours: HashSet<Inode> = paths.iter().filter_map(inode_at).collect();
            let Some(names) = self.names_in(&directory) else { continue };
            for candidate in self.candidates(&directory, names, now) {
                let is_new = self.seats.get(&candidate.base).is_some_and(|seat| !seat.sighted);
                // What a glob finds is read from its head, however late a directory read shows it.
                let is_ours = self.all_is_ours || self.is_wanted(&candidate.path);
                if is_new && !is_ours && !ours.contains(&candidate.stat.inode) {
                    self.enter_as_done(&candidate, now);
                }
            }
            sighted.extend(paths.into_iter().map(|path| (path, directory.clone())));
        }
        for (path, directory) in sighted {
            let Some(seat) = self.seats.get_mut(&path) else { continue };
            // Of a link what lies beside its target is what counts.
            if !seat.sighted && places(&path, seat).last() == Some(directory) {
                seat.sighted = true;
                self.need.at_once();
            }
        }
    }

    fn look_into(&mut self, directory: &Path, now: Duration) {
        let Some(names) = self.names_in(directory) else { return };
        let mut candidates = self.candidates(directory, names, now);
        self.find_copies(&mut candidates, now);
        let mut later = BTreeMap::new();
        for candidate in candidates {
            let sighted = self.seats.get(&candidate.base).is_some_and(|seat| seat.sighted);
            let is_known_copy =
                self.copies.get(&candidate.stat.inode) == Some(&(candidate.stat.size, candidate.stat.modified));
            if sighted && candidate.stat.size > 0 && !is_known_copy {
                self.judge(&candidate, &mut later, now);
            }
        }
    }

    /// A truncated generation, or one whose inode holds something else, goes on in its copy.
    fn find_copies(&mut self, candidates: &mut Vec<Candidate>, now: Duration) {
        let seeking: Vec<u64> = self
            .generations
            .iter()
            .filter(|(_, generation)| generation.seeking_copy)
            .map(|(number, _)| *number)
            .collect();
        for number in seeking {
            let Some(generation) = self.generations.get(&number) else { continue };
            let copy_at = |candidate: &Candidate| {
                let file = self.disk.open(&candidate.path).ok()?;
                let stat = self.disk.stat_open(&file).ok()?;
                let is_copy = stat.inode == candidate.stat.inode
                    && is_copy(&self.disk, &file, stat.size, &generation.entry).unwrap_or(false);
                is_copy.then_some((file, stat))
            };
            let of_its_path = |candidate: &&Candidate| candidate.base == generation.entry.path;
            if let Some((path, (file, stat))) = candidates
                .iter()
                .filter(of_its_path)
                .find_map(|candidate| Some((candidate.path.clone(), copy_at(candidate)?)))
            {
                candidates.retain(|candidate| candidate.stat.inode != stat.inode);
                self.adopt_copy(number, &path, file, &stat, now);
            }
        }
    }

    fn adopt_copy(&mut self, number: u64, path: &Path, file: D::File, stat: &Stat, now: Duration) {
        let Some(generation) = self.generations.get_mut(&number) else { return };
        generation.seeking_copy = false;
        generation.entry.inode = stat.inode;
        generation.size = stat.size;
        let reached = generation.offset;
        // A copy shorter than what was read ends the generation where it ends itself.
        generation.offset = reached.min(stat.size);
        if generation.open_at(&self.disk, file, now).is_err() {
            generation.seeking_copy = true;
        }
        let base = generation.entry.path.clone();
        self.copies.remove(&stat.inode);
        self.by_inode.insert(stat.inode, number);
        self.need.at_once();
        if reached < stat.size {
            self.say(format!("{}: reading the rest of the old content from {}", base.display(), path.display()));
        }
    }

    /// At first sight of a path what lies beside it is not ours, but for what is still written to it.
    fn enter_as_done(&mut self, candidate: &Candidate, now: Duration) {
        let Ok(file) = self.disk.open(&candidate.path) else { return };
        let Ok(stat) = self.disk.stat_open(&file) else { return };
        if stat.inode != candidate.stat.inode {
            return;
        }
        if stat.size == 0 || self.begins(&candidate.base, &file, stat.size) {
            // A copy that is being made: it is judged as often as it has changed.
            return;
        }
        let Ok(end) = self.end_of_last_line(&file, stat.size) else { return };
        let number = self.number();
        if self.begin_at(number, &candidate.base, file, &stat, end, now)
            && let Some(generation) = self.generations.get_mut(&number)
        {
            generation.entry.end = Some(end);
            generation.file = None;
            generation.due = false;
            if stat.size == end {
                generation.close_as(&stat);
            }
        }
    }

    /// Whether the file at `path` begins with all bytes of `file`.
    fn begins(&mut self, path: &Path, file: &D::File, size: u64) -> bool {
        let Ok(other) = self.disk.open(path) else { return false };
        is_prefix(&self.disk, file, size, &other, &mut self.scratch).unwrap_or(false)
    }

    pub(crate) fn end_of_last_line(&mut self, file: &D::File, size: u64) -> std::io::Result<u64> {
        let mut end = size;
        while end > 0 {
            let from = end.saturating_sub(self.scratch.len() as u64);
            let length = usize::try_from(end - from).unwrap_or(self.scratch.len());
            let count = crate::generation::read_full(&self.disk, file, &mut self.scratch[..length], from)?;
            if let Some(lf) = memrchr(b'\n', &self.scratch[..count]) {
                return Ok(from + lf as u64 + 1);
            }
            end = from;
        }
        Ok(0)
    }

    fn judge(&mut self, candidate: &Candidate, later: &mut BTreeMap<PathBuf, u64>, now: Duration) {
        let Ok(file) = self.disk.open(&candidate.path) else { return };
        let Ok(stat) = self.disk.stat_open(&file) else { return };
        if stat.inode != candidate.stat.inode || self.by_inode.contains_key(&stat.inode) {
            return;
        }
        let opened = Candidate { path: candidate.path.clone(), base: candidate.base.clone(), stat };
        let Some(file) = self.unseen(&opened, file, now) else { return };
        // Several of one path keep their order: each is put behind the one before.
        let number = match later.get(&candidate.base) {
            Some(before) if !self.generations.contains_key(&(before + 1)) => before + 1,
            _ => self.number_before(&candidate.base),
        };
        later.insert(candidate.base.clone(), number);
        self.say(format!(
            "{}: {} was rotated before it was seen, reading it",
            candidate.base.display(),
            candidate.path.display()
        ));
        let waits = self.is_full();
        self.begin(number, &candidate.base, file, &stat, now);
        if waits {
            self.set_aside(number);
        }
    }

    /// Gives `file`, of which nothing is known, back if it is a generation that was never seen: not where it is a copy, or
    /// where that cannot be told yet.
    pub(crate) fn unseen(&mut self, candidate: &Candidate, file: D::File, now: Duration) -> Option<D::File> {
        let Candidate { path, base, stat } = candidate;
        if stat.size == 0 {
            return None;
        }
        if self.is_copy_of_held(base, &file, stat) {
            return None;
        }
        // Of what has just been truncated the copy is only known once that has been found out: a read will tell.
        if self.generations.values().any(|held| held.entry.path == *base && held.is_rewritten(&self.disk)) {
            if let Some(seat) = self.seats.get_mut(base) {
                seat.restless_until = now + RESTLESS;
            }
            return None;
        }
        let is_original = |seeking: &Generation<D::File>| {
            seeking.seeking_copy
                && seeking.entry.path == *base
                && is_copy(&self.disk, &file, stat.size, &seeking.entry).unwrap_or(false)
        };
        let original = self.generations.iter().find(|(_, generation)| is_original(generation));
        let Some(number) = original.map(|(number, _)| *number) else { return Some(file) };
        self.adopt_copy(number, path, file, stat, now);
        None
    }

    /// Whether the file is a copy, or the beginning of one, of a generation of `base` that is open. It is remembered as one
    /// once all its bytes have been read from the original: till then a truncation may leave them nowhere else, and unseen.
    pub(crate) fn is_copy_of_held(&mut self, base: &Path, file: &D::File, stat: &Stat) -> bool {
        let mut originals = self.generations.values().filter(|generation| generation.entry.path == base);
        let found = originals.find(|generation| {
            let Some(original) = &generation.file else { return false };
            let other = self.disk.stat_open(original).is_ok_and(|other| other.inode != stat.inode);
            other && is_prefix(&self.disk, file, stat.size, original, &mut self.scratch).unwrap_or(false)
        });
        if found.is_some_and(|original| original.has_read(&self.disk, stat.size)) {
            self.copies.insert(stat.inode, (stat.size, stat.modified));
        }
        found.is_some()
    }

    /// A copy that has not turned up by now does not exist: the generation ends where it was read to.
    fn give_up_seeking(&mut self, now: Duration) {
        for generation in self.generations.values_mut() {
            if !generation.seeking_copy {
                continue;
            }
            generation.sought += 1;
            if now < generation.seen_at + RESTLESS || generation.sought < SOUGHT {
                continue;
            }
            generation.seeking_copy = false;
            if generation.is_finished() {
                continue;
            }
            let lost = generation.unread();
            generation.entry.end = Some(generation.offset);
            generation.ended_by_truncation = true;
            self.need.lazily();
            if lost > 0 {
                self.counters.possible_loss_bytes += lost;
                self.said.push(format!(
                    "{}: {lost} bytes vanished in a truncation before they were read, and no copy of them was found",
                    generation.entry.path.display()
                ));
            }
        }
    }
}

/// Where older generations of a path may lie: beside it, and, if it is a link, beside its target.
fn places(path: &Path, seat: &Seat) -> impl Iterator<Item = PathBuf> {
    [Some(parent(path)), seat.target.as_deref().filter(|target| *target != path).map(parent)].into_iter().flatten()
}

/// The directory of a path as its names are joined to it: empty for a name without one.
fn parent(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}

fn name_of(path: &Path) -> &[u8] {
    path.file_name().map_or(b"", |name| name.as_bytes())
}
