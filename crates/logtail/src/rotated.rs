//! What rotation has left beside the watched paths: generations that were rotated away before anyone looked, and copies.
//!
//! | a file beside a path | then |
//! |---|---|
//! | holds an inode that is known | it is that generation, whatever its name; taken up again if it goes on |
//! | was there when the path's pattern was first looked for, not empty, and no copy of the path's file | known and done up to the end of its last whole line |
//! | holds what a truncated generation held | its copy: the rest is read from there, under the old fid |
//! | all its bytes equal the beginning of what is open | a copy, perhaps in the making: not ours |
//! | is empty | looked at again |
//! | holds, compressed, what a known generation held | it is that generation, which goes on there; finished and not seen any more, it is known by that inode |
//! | is compressed otherwise than by gzip | not read |
//! | anything else, its name being that of an older generation | ours, read from the head, oldest first |

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logline::ending::cause;
use logline::position::Fid;
use logline::state::Urgency;
use logline::state::files::Inode;

use crate::context::Context;
use crate::dated::sort_by_date;
use crate::disk::{Disk, Stat};
use crate::file::Generation;
use crate::files::{Age, Files, Form, Start, end_of_last_line};
use crate::fingerprint::{HEAD, is_prefix};
use crate::gzip::is_gzip;
use crate::hole::{FIRST, first_offset};
use crate::links::is_among;
use crate::names::{age, is_counted, numbers};
use crate::paths::{Lesson, Paths, RESTLESS, WatchedPath, is_compressed};

/// How often the directories of paths are looked into that have not changed.
pub const AT_REST: Duration = Duration::from_secs(5);
/// A copy is given up when it was looked for this often: a directory that is read during a rotation can miss a name.
const TRIES: u32 = 4;

/// A file of which nothing is known yet, beside the path `base` of which it may be an older generation.
pub struct Candidate {
    /// Where it lies.
    pub path: PathBuf,
    /// The watched path.
    pub base: PathBuf,
    /// What was told of it.
    pub stat: Stat,
}

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
        let mut seen = HashSet::new();
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
            } else if let Some(outlives) = files.outlives(&candidate.stat, &seen) {
                match outlives {
                    Form::Packed => judge(context, paths, files, &candidate, &seen),
                    Form::Plain => enter_as_done(context, files, &candidate),
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

/// The names in a directory; `None` if it is not there or cannot be read.
pub fn names_in<D: Disk>(context: &mut Context<'_, D>, directory: &Path) -> Option<Vec<OsString>> {
    let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    match context.disk.list(listed) {
        Ok(names) => Some(names),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            context.report.complain(directory, cause(&error));
            None
        }
    }
}

/// The unknown files in a directory that have the name of an older generation of a path, oldest first. Known ones that are
/// met are taken up again where they go on, and tell what names rotation gives.
fn candidates<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &mut Paths,
    files: &mut Files<D::File>,
    directory: &Path,
    names: Vec<OsString>,
    seen: &mut HashSet<Inode>,
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

/// A known generation is met at `found`: if its path shows it no more, that name tells how others are called. If it tells
/// nothing of them, and others may have come and gone since the generation was last seen, that is said.
pub fn learn<D: Disk>(context: &mut Context<'_, D>, paths: &mut Paths, files: &Files<D::File>, fid: Fid, found: &Path) {
    if teach(context, paths, files, fid, found) == Lesson::Nothing
        && let Some(known) = files.get(fid).filter(|known| known.is_away())
    {
        context.report.untold(known.path(), found);
    }
}

/// The same; a name that tells nothing at all can be met again, and is left to that.
pub fn teach<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &mut Paths,
    files: &Files<D::File>,
    fid: Fid,
    found: &Path,
) -> Lesson {
    let Some(known) = files.get(fid).filter(|known| known.path() != found) else { return Lesson::Known };
    let shows = |path: &Path| context.disk.stat(path).is_ok_and(|stat| stat.inode == known.inode());
    // Asked of the disk last: most are where they were.
    if paths.get(known.path()).is_none_or(|watched| watched.current() == Some(fid)) || shows(known.path()) {
        return Lesson::Known;
    }
    // The number of its inode may have been given to another file. A link has a name of its own.
    if paths.is_rotated_name(found) || !is_still(context, known, found) || context.disk.read_link(found).is_ok() {
        return Lesson::Known;
    }
    let lesson = learn_name(context, paths, files, known.path(), found);
    if lesson == Lesson::Name && known.is_away() {
        context.report.untold(known.path(), found);
    }
    lesson
}

/// A file of `path` has the name `found`, for sure.
pub fn learn_name<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &mut Paths,
    files: &Files<D::File>,
    path: &Path,
    found: &Path,
) -> Lesson {
    // Where another instance has such a name and is written beside this one, it tells nothing of the names of others.
    let others = paths.at_home_under_such_names(path, found);
    if !others.is_empty()
        && let Some(born) = context.disk.open_itself(found).ok().and_then(|file| context.disk.born(&file))
        && others.iter().any(|other| context.disk.stat(other).is_ok_and(|stat| stat.modified > born))
    {
        return Lesson::Known;
    }
    enter_name(context, paths, path, found, files.followed_since(path))
}

/// The same of a path that is followed since `began`; a new name is kept, and others like it are looked for.
fn enter_name<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &mut Paths,
    path: &Path,
    found: &Path,
    began: Option<i64>,
) -> Lesson {
    let lesson = paths.learn(path, found, began);
    if matches!(lesson, Lesson::New | Lesson::Name) {
        paths.disturb(path, context.now);
        context.report.must_save(Urgency::Lazy);
    }
    lesson
}

/// Whether the file at `found`, which has the inode of the generation, is that for sure: made at the same time, and what was
/// read of it stands there. One of which nothing was read is known by the time alone, and one that is open needs no name.
pub fn is_still<D: Disk>(context: &Context<'_, D>, known: &Generation<D::File>, found: &Path) -> bool {
    let Ok(file) = context.disk.open(found) else { return known.is_open() };
    let born = known.born().and_then(|born| Some(born == context.disk.born(&file)?));
    match (born, known.is_blank()) {
        (Some(false), _) | (None, true) => false,
        (Some(true), true) => true,
        (_, false) => known.is_open() || known.known_by().stands(context.disk, &file).unwrap_or(false),
    }
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
        let ours: HashSet<Inode> = of_directory.iter().filter_map(inode_at).collect();
        let Some(names) = names_in(context, &directory) else { continue };
        for candidate in candidates(context, paths, files, &directory, names, &mut HashSet::new()) {
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

/// What was there before is not ours, but for what is still written to it.
fn enter_as_done<D: Disk>(context: &mut Context<'_, D>, files: &mut Files<D::File>, candidate: &Candidate) {
    let Ok(file) = context.disk.open_itself(&candidate.path) else { return };
    let Ok(stat) = context.disk.stat_open(&file).and_then(|stat| same(stat, candidate)) else { return };
    // A copy that is being made is judged as often as it has changed.
    let begins_base = || {
        let base = context.disk.open(&candidate.base);
        base.is_ok_and(|base| is_prefix(context.disk, &file, stat.size, &base, 0..0).unwrap_or(false))
    };
    if stat.size == 0 || begins_base() {
        return;
    }
    let is_packed = is_compressed(&candidate.path) || is_gzip(context.disk, &file);
    let end = if is_packed { Ok(stat.size) } else { end_of_last_line(context.disk, &file, stat.size) };
    let Ok(end) = end else { return };
    let begun = files.begin(context, &candidate.base, file, &stat, Start::at(end), Age::Youngest);
    if let Some(generation) = begun.and_then(|fid| files.get_mut(fid)) {
        generation.enter_as_done(end, &stat);
    }
}

/// Whether the compressed file was entered as done in another boot, or on another device; then it is so again. Its end
/// counts compressed bytes, and says nothing of what it holds.
fn stays_left_out<D: Disk>(context: &mut Context<'_, D>, files: &mut Files<D::File>, candidate: &Candidate) -> bool {
    let file = context.disk.open_itself(&candidate.path);
    let is_left_out = file.is_ok_and(|file| files.was_left_out(context.disk, &file, &candidate.stat));
    if is_left_out {
        enter_as_done(context, files, candidate);
    }
    is_left_out
}

/// An opened candidate.
struct Opened<F> {
    file: F,
    /// As it was told of what is read: of a compressed file its content's size.
    stat: Stat,
    is_packed: bool,
}

/// Opens a candidate, if it is still the same file, and no link: a compressed one to read what it holds. Not one that is still being
/// compressed, or was so in another way.
fn open<D: Disk>(context: &mut Context<'_, D>, candidate: &Candidate) -> Option<Opened<D::File>> {
    let file = match context.disk.open_itself(&candidate.path) {
        Ok(file) => file,
        Err(error) => {
            if is_unreadable(&error) {
                context.report.complain(&candidate.path, cause(&error));
            }
            return None;
        }
    };
    context.report.is_well(&candidate.path);
    let stat = context.disk.stat_open(&file).and_then(|stat| same(stat, candidate)).ok()?;
    if leads_elsewhere(context, candidate, &file) {
        return None;
    }
    let is_packed = is_gzip(context.disk, &file);
    if !is_packed {
        return (!is_compressed(&candidate.path)).then_some(Opened { file, stat, is_packed });
    }
    if context.disk.has_writer(&file) == Some(true) {
        return None;
    }
    let is_young = !context.is_left(&stat);
    let file = context.disk.unpacked(file).ok()?;
    let stat = context.disk.stat_open(&file).ok()?;
    (context.disk.fault(&file).is_none() || !is_young).then_some(Opened { file, stat, is_packed })
}

/// Whether the file is there and may not or cannot be read.
fn is_unreadable(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    error.kind() == std::io::ErrorKind::PermissionDenied || Errno::from_io_error(error) == Some(Errno::IO)
}

/// Whether the directory below the path's own, in which the candidate lies by its name, has become a link.
fn leads_elsewhere<D: Disk>(context: &Context<'_, D>, candidate: &Candidate, file: &D::File) -> bool {
    let own = candidate.base.parent().unwrap_or(Path::new(""));
    let Ok(below) = candidate.path.strip_prefix(own) else { return false };
    let is_below = below.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if below.components().count() < 2 || !is_below {
        return false;
    }
    let own = if own.as_os_str().is_empty() { Path::new(".") } else { own };
    let (real, place) = (context.disk.real_path(own), context.disk.place(file, &candidate.path));
    !matches!((real, place), (Ok(real), Ok(place)) if real.join(below) == place)
}

fn same(stat: Stat, candidate: &Candidate) -> std::io::Result<Stat> {
    if stat.inode == candidate.stat.inode { Ok(stat) } else { Err(std::io::ErrorKind::NotFound.into()) }
}

/// A truncated generation, or one whose inode holds something else, goes on in its copy. What cannot be compared is judged
/// in another look.
fn find_copies<D: Disk>(context: &mut Context<'_, D>, files: &mut Files<D::File>, candidates: &mut Vec<Candidate>) {
    for fid in files.which(Generation::seeks_copy) {
        let Some(generation) = files.get(fid) else { continue };
        // Of several copies it is the one that holds most: others may have been made before.
        let mut found: Option<(usize, D::File, Stat)> = None;
        for (index, candidate) in candidates.iter().enumerate() {
            if candidate.base != generation.path() {
                continue;
            }
            let Some(Opened { file, stat, .. }) = open(context, candidate) else { continue };
            match is_copy_of(context, files, generation, &file, &stat) {
                Ok(true) if found.as_ref().is_none_or(|(_, _, best)| stat.size >= best.size) => {
                    found = Some((index, file, stat));
                }
                Ok(_) => {}
                Err(error) => context.report.complain(&candidate.path, cause(&error)),
            }
        }
        if let Some((index, file, stat)) = found {
            let candidate = candidates.remove(index);
            files.adopt_copy(context, fid, &candidate.path, file, &stat);
        }
    }
}

/// Whether the file is a copy of the generation, and of none of its path of which more was read, nor of one that is open:
/// programs begin alike.
fn is_copy_of<D: Disk>(
    context: &Context<'_, D>,
    files: &Files<D::File>,
    generation: &Generation<D::File>,
    file: &D::File,
    stat: &Stat,
) -> std::io::Result<bool> {
    if !generation.is_copied_to(context.disk, file, stat.size)? {
        return Ok(false);
    }
    for other in files.of_path(generation.path()).iter().filter_map(|fid| files.get(*fid)) {
        if other.read_to() > generation.read_to() && other.is_copied_to(context.disk, file, stat.size)? {
            return Ok(false);
        }
        if let Some(original) = other.file()
            && is_prefix(context.disk, file, stat.size, original, given_back(other))?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads a file beside a path from its head, if it is a generation that was never seen.
fn judge<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &mut Paths,
    files: &mut Files<D::File>,
    candidate: &Candidate,
    seen: &HashSet<Inode>,
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

/// What has been given back of a generation, or is to be.
fn given_back<F>(generation: &Generation<F>) -> Range<u64> {
    first_offset(generation.since(), FIRST)..generation.hole().freed()
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
    let file = known_packed(context, paths, files, candidate, file, &stat, &HashSet::new())?;
    Some((file, stat))
}

/// Gives the file, which was compressed, back if it holds none of the known generations of its path. One that was not read
/// or acknowledged to its end goes on in it.
fn known_packed<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &mut Paths,
    files: &mut Files<D::File>,
    candidate: &Candidate,
    file: D::File,
    stat: &Stat,
    seen: &HashSet<Inode>,
) -> Option<D::File> {
    let holds = |known: &&Generation<D::File>| {
        let disk = context.disk;
        match (known.file(), known.end()) {
            (Some(original), _) => is_prefix(disk, &file, stat.size, original, given_back(known)).unwrap_or(false),
            // It may have been finished before its last line: then it goes on, if it is surely the same.
            (None, Some(end)) if end != stat.size && known.print().marker().offset <= HEAD as u64 => false,
            (None, end) => {
                let is_longer = end.is_some_and(|end| end < stat.size);
                known.is_copied_to(disk, &file, stat.size).unwrap_or(false)
                    && !(is_longer && files.begins_as_another(disk, known, &file).unwrap_or(false))
            }
        }
    };
    // Those too that were first seen under the name of an older one, and are at home there.
    let is_of_base = |known: &&Generation<D::File>| {
        known.path() == candidate.base || paths.likely_base_of(known.path()).as_ref() == Some(&candidate.base)
    };
    // Of another path, if that is sure: nothing was learnt of its names yet, or a glob found it while it was being rotated.
    let is_sure = |known: &&Generation<D::File>| {
        let is_all = known.is_open() || known.end() == Some(stat.size);
        known.print().has_proof()
            || (is_all && stat.size > HEAD as u64)
            || paths.is_numbered(known.path(), &candidate.path)
    };
    // Programs begin alike: of several that it may be, it is the one of which most was read.
    let most = |known: &&Generation<D::File>| (known.is_open(), known.read_to());
    let of_base = files.iter().filter(is_of_base).filter(holds).max_by_key(most);
    let of_others = || files.iter().filter(is_sure).filter(holds).max_by_key(most);
    let Some(known) = of_base.or_else(of_others) else { return Some(file) };
    let fid = known.fid();
    if of_base.is_none() {
        learn_name(context, paths, files, known.path(), &candidate.path);
    }
    if known.is_open() || seen.contains(&known.inode()) {
        files.remember_copy(&candidate.stat, fid, Form::Packed);
    } else if known.end().is_some_and(|end| stat.size <= end) {
        files.was_packed(context, fid, &file, stat);
    } else {
        files.adopt_copy(context, fid, &candidate.path, file, stat);
    }
    None
}

/// Gives the file back if it holds none of the generations of its path that are closed: a volume may have been copied, or a
/// log copied and removed. One that lies nowhere any more, and was not read or acknowledged to its end, goes on in it.
fn known_copy<D: Disk>(
    context: &mut Context<'_, D>,
    files: &mut Files<D::File>,
    candidate: &Candidate,
    file: D::File,
    stat: &Stat,
    seen: &HashSet<Inode>,
) -> Option<D::File> {
    match closed_original(context, files, candidate, &file, stat, seen) {
        None => return Some(file),
        Some(Original::There(fid)) => files.remember_copy(stat, fid, Form::Plain),
        Some(Original::Done) => enter_as_done(context, files, candidate),
        Some(Original::GoesOn(fid)) => files.adopt_copy(context, fid, &candidate.path, file, stat),
    }
    None
}

/// What a file is a copy of.
enum Original {
    /// Of a generation that is closed and still there.
    There(Fid),
    /// Of one that lies nowhere any more, and was read to its end.
    Done,
    /// Of one that lies nowhere any more, and goes on in the copy.
    GoesOn(Fid),
}

/// The closed generation of the candidate's path of which the file is a copy.
fn closed_original<D: Disk>(
    context: &Context<'_, D>,
    files: &Files<D::File>,
    candidate: &Candidate,
    file: &D::File,
    stat: &Stat,
    seen: &HashSet<Inode>,
) -> Option<Original> {
    let disk = context.disk;
    let is_there = |known: &Generation<D::File>| {
        seen.contains(&known.inode()) || disk.stat(known.place()).is_ok_and(|stat| stat.inode == known.inode())
    };
    let holds = |known: &&Generation<D::File>| {
        let print = known.print();
        let is_whole = known.end() == Some(stat.size);
        if is_whole && known.start() == stat.size {
            return !is_there(known) && print.ends(disk, file).unwrap_or(false);
        }
        if is_there(known) {
            // As of one that is open: all that the file holds, if that is more than programs begin with.
            let may_be = known.end().is_some_and(|end| stat.size <= end) && stat.size > HEAD as u64;
            let equals =
                |original: D::File| is_prefix(disk, file, stat.size, &original, given_back(known)).unwrap_or(false);
            return may_be && disk.open_itself(known.place()).is_ok_and(equals);
        }
        let is_longer = known.end().is_some_and(|end| end < stat.size);
        // What is short may be a report that is written again with the same bytes, and what is longer have the same beginning.
        let is_long = print.marker().offset > HEAD as u64 && !is_longer;
        (is_long || print.has_proof())
            && known.is_copied_to(disk, file, stat.size).unwrap_or(false)
            && !(is_longer && files.begins_as_another(disk, known, file).unwrap_or(true))
    };
    let closed = files.of_path(&candidate.base).iter().filter_map(|fid| files.get(*fid));
    let closed = closed.filter(|known| !known.is_open() && !known.seeks_copy());
    let known = closed.filter(holds).max_by_key(|known| known.read_to())?;
    Some(match known.end() {
        _ if is_there(known) => Original::There(known.fid()),
        Some(end) if stat.size <= end => Original::Done,
        _ => Original::GoesOn(known.fid()),
    })
}

/// Whether the file that a glob has found is a copy of a log in a directory above, `candidate.base`, of which it has the name
/// or that of an older one. Then that tells how older ones are called, and it is looked at as such.
pub fn is_copy_from_above<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &mut Paths,
    files: &mut Files<D::File>,
    candidate: &Candidate,
    file: &D::File,
) -> bool {
    let Candidate { path, base, stat } = candidate;
    let is_sure = |known: &Generation<D::File>| known.print().has_proof() || paths.is_numbered(base, path);
    let is_copy = match original_of(context, files, base, file, stat) {
        // Programs begin alike: what is short is looked at again.
        Ok(Origin::Open | Origin::Unclear) if stat.size <= HEAD as u64 => {
            paths.disturb(base, context.now);
            return true;
        }
        Ok(Origin::Open) => true,
        Ok(Origin::Truncated(fid)) => files.get(fid).is_some_and(is_sure),
        Ok(Origin::Unclear) => {
            paths.disturb(base, context.now);
            return true;
        }
        Ok(Origin::None) => closed_original(context, files, candidate, file, stat, &HashSet::new()).is_some(),
        Err(error) => {
            context.report.complain(path, cause(&error));
            return true;
        }
    };
    if is_copy {
        learn_name(context, paths, files, base, path);
    }
    is_copy
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

/// Gives `file`, of which nothing is known, back if it is a generation that was never seen: not where it is a copy, or where
/// that cannot be told yet.
pub fn unseen<D: Disk>(
    context: &mut Context<'_, D>,
    paths: &mut Paths,
    files: &mut Files<D::File>,
    candidate: &Candidate,
    file: D::File,
) -> Option<D::File> {
    let Candidate { path, base, stat } = candidate;
    match original_of(context, files, base, &file, stat) {
        Ok(Origin::None) if stat.size > 0 => Some(file),
        Ok(Origin::Open) => {
            files.is_rewritten_in_place(base);
            None
        }
        Ok(Origin::Truncated(fid)) => {
            files.adopt_copy(context, fid, path, file, stat);
            None
        }
        Ok(Origin::Unclear) => {
            paths.disturb(base, context.now);
            None
        }
        Ok(_) => None,
        Err(error) => {
            context.report.complain(path, cause(&error));
            None
        }
    }
}

/// What a file beside a path is a copy of.
enum Origin {
    /// Of nothing that is known.
    None,
    /// Of what is open, perhaps in the making.
    Open,
    /// Of what was truncated.
    Truncated(Fid),
    /// That cannot be told before a read has found out about a truncation.
    Unclear,
}

/// What the file is a copy of. A copy of what is open is remembered as one once all its bytes have been read from the
/// original: till then a truncation may leave them nowhere else, and unseen.
fn original_of<D: Disk>(
    context: &Context<'_, D>,
    files: &mut Files<D::File>,
    base: &Path,
    file: &D::File,
    stat: &Stat,
) -> io::Result<Origin> {
    let of_base: Vec<Fid> = files.of_path(base).to_vec();
    let known = |fid: &Fid| files.get(*fid);
    for generation in of_base.iter().filter_map(known) {
        let Some(original) = generation.file() else { continue };
        let is_other = context.disk.stat_open(original)?.inode != stat.inode;
        if is_other && stat.size > 0 && is_prefix(context.disk, file, stat.size, original, given_back(generation))? {
            if generation.has_read(context.disk, stat.size)? {
                let fid = generation.fid();
                files.remember_copy(stat, fid, Form::Plain);
            }
            return Ok(Origin::Open);
        }
    }
    for generation in of_base.iter().filter_map(known) {
        if generation.is_rewritten(context.disk)? {
            return Ok(Origin::Unclear);
        }
    }
    for generation in of_base.iter().filter_map(known).filter(|generation| generation.seeks_copy()) {
        if is_copy_of(context, files, generation, file, stat)? {
            return Ok(Origin::Truncated(generation.fid()));
        }
    }
    Ok(Origin::None)
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

fn name_of(path: &Path) -> &[u8] {
    path.file_name().map_or(b"", |name| name.as_bytes())
}
