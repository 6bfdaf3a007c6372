//! What lies beside the followed paths: generations that were rotated away before anyone looked, and copies.
//!
//! | a file beside a path | then |
//! |---|---|
//! | holds an inode that is known | it is that generation, whatever its name; taken up again if it goes on |
//! | was there at the first sight of the path | known and done up to the end of its last whole line |
//! | holds what a truncated generation held | its copy: the rest is read from there, under the old fid |
//! | all its bytes equal the beginning of what is held open | a copy, perhaps in the making: not ours |
//! | is empty | looked at again |
//! | anything else, its name being that of an older generation | ours, read from the head, oldest first |

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use memchr::memrchr;

use crate::disk::{Disk, Stat};
use crate::follow::{Follower, RESTLESS};
use crate::siblings::{age, is_copy, is_prefix};

/// How often it is looked beside paths that have not changed.
const AT_REST: Duration = Duration::from_secs(5);

/// A file of which nothing is known yet, beside the path `base` of which it may be an older generation.
struct Candidate {
    path: PathBuf,
    base: PathBuf,
    stat: Stat,
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
            if at_rest_due || !seat.sighted || now < seat.restless_until {
                directories.insert(parent(path));
            }
        }
        for generation in self.generations.values() {
            if generation.file.is_none() && (!generation.is_finished() || at_rest_due) || generation.seeking_copy {
                directories.insert(parent(&generation.entry.path));
            }
        }
        for directory in directories {
            self.look_into(&directory, now);
        }
        self.give_up_seeking(now);
    }

    fn look_into(&mut self, directory: &Path, now: Duration) {
        let names = match self.disk.list(directory) {
            Ok(names) => names,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => return self.complain(directory, logline::ending::cause(&error)),
        };
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
        self.find_copies(&mut candidates, now);
        let mut later = BTreeMap::new();
        for candidate in candidates {
            let sighted = self.seats.get(&candidate.base).is_some_and(|seat| seat.sighted);
            if !sighted {
                self.enter_as_done(&candidate, now);
            } else if candidate.stat.size > 0
                && self.copies.get(&candidate.stat.inode) != Some(&(candidate.stat.size, candidate.stat.modified))
            {
                self.judge(&candidate, &mut later, now);
            }
        }
        for (path, seat) in &mut self.seats {
            if !seat.sighted && parent(path) == directory {
                seat.sighted = true;
                self.need.at_once();
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
            let found = candidates.iter().position(|candidate| {
                candidate.base == generation.entry.path
                    && self
                        .disk
                        .open(&candidate.path)
                        .and_then(|file| is_copy(&self.disk, &file, candidate.stat.size, &generation.entry))
                        .unwrap_or(false)
            });
            if let Some(found) = found {
                let candidate = candidates.remove(found);
                self.adopt_copy(number, &candidate, now);
            }
        }
    }

    fn adopt_copy(&mut self, number: u64, candidate: &Candidate, now: Duration) {
        let Ok(file) = self.disk.open(&candidate.path) else { return };
        let Some(generation) = self.generations.get_mut(&number) else { return };
        generation.seeking_copy = false;
        generation.entry.inode = candidate.stat.inode;
        generation.size = candidate.stat.size;
        let reached = generation.offset;
        // A copy shorter than what was read ends the generation where it ends itself.
        generation.offset = reached.min(candidate.stat.size);
        if generation.open_at(&self.disk, file, now).is_err() {
            generation.seeking_copy = true;
        }
        self.copies.remove(&candidate.stat.inode);
        self.by_inode.insert(candidate.stat.inode, number);
        self.need.at_once();
        if reached < candidate.stat.size {
            self.say(format!(
                "{}: reading the rest of the old content from {}",
                candidate.base.display(),
                candidate.path.display()
            ));
        }
    }

    /// At first sight of a path what lies beside it is not ours, but for what is still written to it.
    fn enter_as_done(&mut self, candidate: &Candidate, now: Duration) {
        let Ok(file) = self.disk.open(&candidate.path) else { return };
        let Ok(stat) = self.disk.stat_open(&file) else { return };
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

    fn end_of_last_line(&mut self, file: &D::File, size: u64) -> std::io::Result<u64> {
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
        if self.is_copy_of_held(&candidate.base, &file, &stat) {
            return;
        }
        // Of what has just been truncated the copy is only known once that has been found out: a read will tell.
        if self.generations.values().any(|held| held.entry.path == candidate.base && held.is_rewritten(&self.disk)) {
            if let Some(seat) = self.seats.get_mut(&candidate.base) {
                seat.restless_until = now + RESTLESS;
            }
            return;
        }
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
        self.begin(number, &candidate.base, file, &stat, now);
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
            if !generation.seeking_copy || now < generation.seen_at + RESTLESS {
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

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn name_of(path: &Path) -> &[u8] {
    path.file_name().map_or(b"", |name| name.as_bytes())
}
