//! What rotation has left beside the watched paths: generations that were rotated away before anyone looked, and copies.
//!
//! | a file beside a path | then |
//! |---|---|
//! | holds an inode that is known | it is that generation, whatever its name; taken up again if it goes on |
//! | was there when the path's pattern was first looked for, not empty, and no copy of the path's file | known and done up to the end of its last whole line |
//! | holds what a truncated generation held | its copy: the rest is read from there, under the old fid |
//! | all its bytes equal the beginning of what is open | a copy, perhaps in the making: not ours |
//! | holds what a closed generation held, which was read to its end | a copy: not ours; once that is gone, known and done |
//! | holds more than was read of a generation that is gone | its copy, as of a truncated one |
//! | is empty | looked at again |
//! | holds, compressed, what a known generation held | it is that generation, which goes on there; finished and not seen any more, it is known by that inode |
//! | is compressed otherwise than by gzip | not read |
//! | anything else, its name being that of an older generation | ours, read from the head, oldest first |

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logline::ending::cause;
use logline::position::Fid;
use logline::state::Urgency;
use logline::state::files::Inode;

use crate::candidate::{Candidate, Opened, enter_as_done, name_of, names_in, open, stays_left_out};
use crate::context::Context;
use crate::copies::{find_copies, known_copy, known_packed, outlive, unseen};
use crate::dated::sort_by_date;
use crate::disk::{Disk, Stat};
use crate::files::{Age, Files, Form};
use crate::learning::{enter_name, learn};
use crate::links::is_among;
use crate::names::{age, is_counted, numbers};
use crate::paths::{Paths, RESTLESS, WatchedPath, is_compressed};

/// How often the directories of paths are looked into that have not changed.
pub const AT_REST: Duration = Duration::from_secs(5);
/// A copy is given up when it was looked for this often: a directory that is read during a rotation can miss a name.
const TRIES: u32 = 4;

/// Looks beside the paths; remembers when it did so last although nothing had changed.
#[derive(Debug, Default)]
pub struct Rotated {
    looked_at_rest: Option<Duration>,
    /// Files of which it is doubted that they are rotated ones.
    doubted: HashMap<Inode, Doubt>,
}

/// A file that has the name of an older generation by a shape that was learnt, and is being written.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    since: Duration,
    size: u64,
}

impl Rotated {
    /// Looks into the directories of all paths where something may have changed.
    pub fn look<D: Disk>(&mut self, context: &mut Context<'_, D>, paths: &mut Paths, files: &mut Files<D::File>) {
        let now = context.now;
        let is_due = self.looked_at_rest.is_none_or(|looked| now >= looked + AT_REST);
        // In the first look of a run also into those in which no path shows a file any more.
        let is_first = self.looked_at_rest.is_none();
        let mut directories: BTreeSet<PathBuf> = paths.directories().iter().filter(|_| is_first).cloned().collect();
        if is_due {
            self.looked_at_rest = Some(now);
        }
        paths.learn_later_places(
            context.disk,
            |path| files.followed_since(path),
            |watched| is_due || watched.is_restless(now),
        );
        for (path, _) in paths.iter().filter(|(_, watched)| is_due || watched.is_restless(now)) {
            directories.extend(paths.places(path));
        }
        for generation in files.iter() {
            // One that is closed for want of descriptors is not looked for: its path shows it.
            if generation.is_away() && !generation.is_dozing() {
                directories.extend(paths.places(generation.path()));
            }
        }
        let mut directories: Vec<PathBuf> = directories.into_iter().collect();
        sort_by_date(&mut directories);
        for directory in directories {
            self.look_into(context, paths, files, &directory);
        }
        paths.forget_places(|place| {
            files.iter().any(|known| !known.is_finished() && known.place().parent() == Some(place))
        });
        give_up_seeking(context, files);
    }

    fn look_into<D: Disk>(
        &mut self,
        context: &mut Context<'_, D>,
        paths: &mut Paths,
        files: &mut Files<D::File>,
        directory: &Path,
    ) {
        let Some(names) = names_in(context, directory) else { return };
        let mut seen = BTreeSet::new();
        let mut found = candidates(context, paths, files, directory, names, &mut seen);
        find_copies(context, files, &mut found);
        for candidate in found {
            let learnt_from = paths.learnt_just_now(&candidate.base, &candidate.path);
            // What a pattern finds is ours, however old it is.
            let is_wanted = is_for_globs(context, paths, &candidate.path);
            if learnt_from.is_some_and(|began| candidate.stat.modified < began) && !is_wanted {
                enter_as_done(context, files, &candidate);
            } else if candidate.stat.size > 0
                && !files.is_known_copy(&candidate.stat)
                && !self.is_doubted(context, paths, files, &candidate)
            {
                judge(context, paths, files, &candidate, &seen);
            } else if let Some((fid, form)) = files.outlived(&candidate.stat, &seen) {
                match form {
                    Form::Packed => judge(context, paths, files, &candidate, &seen),
                    Form::Plain => outlive(context, files, &candidate, fid),
                }
            }
        }
        paths.was_looked_into(directory);
    }

    /// Whether a file that has the name of an older generation by a learnt shape is written while the path's own file is: then
    /// it waits for the end of that. If it is still written to after some time, it is a log of its own.
    fn is_doubted<D: Disk>(
        &mut self,
        context: &mut Context<'_, D>,
        paths: &mut Paths,
        files: &Files<D::File>,
        candidate: &Candidate,
    ) -> bool {
        let Candidate { path, base, stat } = candidate;
        if !paths.is_only_learnt(path) || !is_written_beside(context, paths, files, candidate) {
            self.doubted.remove(&stat.inode);
            return false;
        }
        let doubt = *self.doubted.entry(stat.inode).or_insert(Doubt { since: context.now, size: stat.size });
        if stat.size > doubt.size && context.now >= doubt.since + context.plan.rotate_quiet {
            self.doubted.remove(&stat.inode);
            paths.disown(base, path);
            context.report.say(format!(
                "{}: has the name of an older file of {}, but is written at the same time: taken for another log (name it to follow it too)",
                path.display(),
                base.display()
            ));
            context.report.must_save(Urgency::Lazy);
        }
        true
    }
}

/// Whether both the candidate and the file that its path shows are open for writing.
fn is_written_beside<D: Disk>(
    context: &Context<'_, D>,
    paths: &Paths,
    files: &Files<D::File>,
    candidate: &Candidate,
) -> bool {
    let current = paths.get(&candidate.base).and_then(WatchedPath::current).and_then(|fid| files.get(fid)?.file());
    let is_written = |file: &D::File| context.disk.has_writer(file) == Some(true);
    context.disk.open_itself(&candidate.path).is_ok_and(|file| is_written(&file)) && current.is_some_and(is_written)
}

/// The unknown files in a directory that have the name of an older generation of a path, oldest first. Known ones that are
/// met are taken up again where they go on, and tell what names rotation gives.
fn candidates<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &mut Paths,
    files: &mut Files<D::File>,
    directory: &Path,
    names: Vec<OsString>,
    seen: &mut BTreeSet<Inode>,
) -> Vec<Candidate> {
    let mut unknown = Vec::new();
    let mut counted = Counted::default();
    for name in names {
        let path = directory.join(&name);
        let Ok(stat) = context.disk.stat(&path) else { continue };
        if !stat.is_file || is_among(context.disk, paths.own(), &path) {
            continue;
        }
        if let Some(fid) = files.at(stat.inode) {
            learn(context, paths, files, fid, &path);
            let is_rotated = !paths.is_current(fid);
            if is_rotated && let Some(known) = files.get_mut(fid) {
                known.wake();
            }
            files.revisit(context, fid, &path, &stat, is_rotated);
            if let Some(known) = files.at(stat.inode).and_then(|fid| files.get(fid)) {
                counted.add(known.path(), &path, &stat);
                seen.insert(stat.inode);
                continue;
            }
        }
        unknown.push((path, stat));
    }
    let awaited = files.awaited();
    for (path, stat) in unknown.iter().filter(|(_, stat)| awaited.contains(&stat.inode.number)) {
        if paths.base_of(path).is_none()
            && let Some((of, born)) = files.awaits(context.disk, path, stat)
        {
            enter_name(context, paths, &of, path, born);
        }
    }
    let mut candidates = Vec::new();
    for (path, stat) in unknown {
        if is_compressed(&path) && paths.base_of(&path).is_none() {
            paths.watch_packed(context.plan, &path);
        }
        let is_current = paths.get(&path).is_some_and(|watched| watched.current().is_some());
        if let Some(base) = paths.base_of(&path)
            && !is_current
        {
            counted.add(&base, &path, &stat);
            candidates.push(Candidate { path, base, stat });
        }
    }
    // The days of the week come again and again: there the time of change tells.
    candidates.sort_by_cached_key(|candidate| {
        (age(name_of(&candidate.path), counted.rises(&candidate.base)), candidate.stat.modified)
    });
    candidates
}

/// The counters in the names of rotated files, and when the files were last changed: they tell whether counters rise.
#[derive(Default)]
struct Counted(HashMap<PathBuf, Vec<(Vec<u64>, i64)>>);

impl Counted {
    fn add(&mut self, base: &Path, path: &Path, stat: &Stat) {
        let name = name_of(path);
        if base != path && is_counted(name) {
            self.0.entry(base.to_owned()).or_default().push((numbers(name), stat.modified));
        }
    }

    /// Whether a higher counter means a younger file. The times of change only tell which way most of them go: one late
    /// line does not turn the order.
    fn rises(&mut self, base: &Path) -> bool {
        let Some(counted) = self.0.get_mut(base) else { return false };
        counted.sort_unstable();
        let pairs = || counted.windows(2).map(|pair| pair[0].1.cmp(&pair[1].1));
        pairs().filter(|order| order.is_lt()).count() > pairs().filter(|order| order.is_gt()).count()
    }
}

/// Enters what lies beside the paths of patterns that are looked for the first time. This comes before the paths themselves
/// are looked at: what is rotated away after that is known to be ours, for it was not there.
pub fn enter_what_was_there<D: Disk>(context: &mut Context<'_, D>, paths: &mut Paths, files: &mut Files<D::File>) {
    let mut new: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for (path, _) in paths.iter().filter(|(_, watched)| watched.is_new()) {
        for place in paths.places(path) {
            new.entry(place).or_default().push(path.to_owned());
        }
    }
    if paths.has_new_patterns(context.plan) {
        for directory in paths.directories() {
            new.entry(directory.clone()).or_default();
        }
    }
    if new.is_empty() {
        return;
    }
    for (directory, of_directory) in new {
        // What the paths show now is ours, also if it is rotated while the directory is read.
        let inode_at = |path: &PathBuf| Some(context.disk.stat(path).ok()?.inode);
        let ours: BTreeSet<Inode> = of_directory.iter().filter_map(inode_at).collect();
        let Some(names) = names_in(context, &directory) else { continue };
        for candidate in candidates(context, paths, files, &directory, names, &mut BTreeSet::new()) {
            let is_new = paths.get(&candidate.base).is_some_and(WatchedPath::is_new);
            // What a glob finds is read from its head, however late a directory read shows it.
            if is_new && !is_for_globs(context, paths, &candidate.path) && !ours.contains(&candidate.stat.inode) {
                enter_as_done(context, files, &candidate);
            }
        }
    }
    context.report.must_save(Urgency::SyncedBeforeOutput);
}

/// Whether a pattern finds the file, and it is not left out as one that was compressed.
fn is_for_globs<D: Disk>(context: &Context<'_, D>, paths: &Paths, path: &Path) -> bool {
    paths.is_wanted(context.plan, path) && !is_compressed(path)
}

/// Reads a file beside a path from its head, if it is a generation that was never seen.
fn judge<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &mut Paths,
    files: &mut Files<D::File>,
    candidate: &Candidate,
    seen: &BTreeSet<Inode>,
) {
    let Some(Opened { file, stat, is_packed }) = open(context, candidate) else { return };
    if files.at(stat.inode).is_some() || (is_packed && stays_left_out(context, files, candidate)) {
        return;
    }
    let file = if is_packed {
        known_packed(context, paths, files, candidate, file, &stat, seen)
    } else {
        known_copy(context, files, candidate, file, &stat, seen)
    };
    let Some(file) = file else { return };
    let opened = Candidate { path: candidate.path.clone(), base: candidate.base.clone(), stat };
    let Some(file) = unseen(context, paths, files, &opened, file) else { return };
    context.report.say(format!(
        "{}: {} was rotated before it was seen, reading it",
        candidate.base.display(),
        candidate.path.display()
    ));
    // Several of one path keep their order: each is put behind the one before.
    let current = paths.get(&candidate.base).and_then(WatchedPath::current);
    let age = current.map_or(Age::Youngest, Age::JustBefore);
    begin(context, paths, files, &candidate.base, file, &stat, age, true);
}

/// What a compressed file holds that a glob has found and that no name tells to be a rotated one; `None` where that is known
/// already, or where it is still being compressed.
pub fn unseen_packed<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &mut Paths,
    files: &mut Files<D::File>,
    candidate: &Candidate,
) -> Option<(D::File, Stat)> {
    let Opened { file, stat, .. } = open(context, candidate)?;
    if stays_left_out(context, files, candidate) {
        return None;
    }
    let file = known_packed(context, paths, files, candidate, file, &stat, &BTreeSet::new())?;
    Some((file, stat))
}

/// Starts to read a file that is ours, under the watched path `path`. One that `is_rotated` waits for its turn where too
/// many are open.
#[expect(clippy::too_many_arguments, reason = "the parts of the follower, and what is known of one file")]
pub fn begin<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &Paths,
    files: &mut Files<D::File>,
    path: &Path,
    file: D::File,
    stat: &Stat,
    age: Age,
    is_rotated: bool,
) -> Option<Fid> {
    if !files.has_room(context.plan) {
        files.defer(path);
        return None;
    }
    match files.start_of(context, path, &file, stat, paths.is_first_look()) {
        Ok(start) => {
            let fid = files.begin(context, path, file, stat, start, age)?;
            if is_rotated && !files.takes_turn(context.plan, fid) {
                files.set_aside(context, fid);
            }
            Some(fid)
        }
        Err(error) => {
            context.report.complain(path, cause(&error));
            None
        }
    }
}

/// A copy that has not turned up by now does not exist: the generation ends where it was read to.
fn give_up_seeking<D: Disk>(context: &mut Context<'_, D>, files: &mut Files<D::File>) {
    for generation in files.iter_mut().filter(|generation| generation.seeks_copy()) {
        let tries = generation.sought_in_vain();
        if context.now >= generation.seen_at() + RESTLESS && tries >= TRIES {
            if generation.was_open() || generation.unread() > 0 {
                context.report.vanished(generation.path(), generation.unread());
            } else {
                context.report.was_truncated_unseen(generation.path(), generation.offset());
            }
            generation.conclude();
            context.report.must_save(Urgency::Lazy);
        }
    }
}
