//! The files that are followed, as a machine that looks, reads and tells: it makes no system call but through its disk, and
//! writes nothing. Lines are appended to a buffer, messages are collected, and [`Follower::urgency`] says when its checkpoint
//! must be on disk.
//!
//! What a look makes of a path is one table:
//!
//! | a path shows | then |
//! |---|---|
//! | the inode that it showed before | nothing, a read tells the rest |
//! | an inode that is known (renamed, linked) | that generation is current there now; nothing is read twice |
//! | an empty file that was known under another path | a new generation: no byte tells that it is the same |
//! | an unknown inode under the name of an older generation of another path | judged with what lies beside that |
//! | an unknown inode | a new generation, read from its head; the one before is read to its end |
//! | nothing | the generation before is read to its end |

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logline::ending::cause;
use logline::position::Fid;
use logline::state::files::{Checkpoint, Counters};
use logline::state::{Text, Urgency};

use crate::candidate::Candidate;
use crate::clock::Clock;
use crate::context::Context;
use crate::copies;
use crate::disk::{DELETED, Disk, Stat, or_here};
use crate::file::Generation;
use crate::files::{Age, Files};
use crate::fingerprint::read_full;
use crate::gzip::is_gzip;
use crate::learning;
use crate::links::leads_out;
use crate::others::Needs;
use crate::paths::{Found, Paths, WatchedPath, directory_of, is_compressed, target_of};
use crate::plan::Plan;
use crate::reclaim::Reclaim;
use crate::report::Report;
use crate::rotated::{self, Rotated};
use crate::search::Search;
use crate::turn::{Stage, Turn};

/// The follower: the disk, the plan, and what is known of paths and files.
#[derive(Debug)]
pub struct Follower<D: Disk> {
    disk: D,
    plan: Plan,
    paths: Paths,
    files: Files<D::File>,
    rotated: Rotated,
    search: Search,
    turn: Turn,
    report: Report,
    clock: Clock,
    /// What gives disk space back, where that is asked for.
    reclaim: Option<Reclaim>,
    /// When all paths were last looked at.
    looked_at: Option<Duration>,
}

/// What a path shows.
enum Shown {
    /// Nothing.
    Missing,
    /// Something that cannot be read, and why.
    Unreadable(String),
    /// A file that is known.
    Known(Fid, Stat),
    /// A file of which nothing is known.
    Unknown(Stat),
}

impl<D: Disk> Follower<D> {
    /// One that knows nothing yet. `new_fid` gives a new fid at each call; `boot` is the id of this boot, empty where that
    /// is not known.
    pub fn new(disk: D, plan: Plan, boot: String, new_fid: fn() -> io::Result<Fid>) -> Self {
        Self {
            clock: Clock::new(&disk),
            disk,
            turn: Turn::new(plan.chunk),
            reclaim: plan.reclaim.map(Reclaim::new),
            plan,
            paths: Paths::new(),
            files: Files::new(boot, new_fid),
            rotated: Rotated::default(),
            search: Search::default(),
            report: Report::default(),
            looked_at: None,
        }
    }

    /// Takes up what an earlier run has left: each generation goes on where `acks` says, or at its start.
    pub fn resume(&mut self, checkpoint: Checkpoint, acks: &HashMap<Fid, u64>, now: Duration) {
        // After a restart of the machine all files are read under other names, and dated anew.
        if checkpoint.boot == self.files.boot()
            && !checkpoint.boot.is_empty()
            && let Some(clock) = checkpoint.clock
        {
            self.clock = Clock::from_kept(clock);
        }
        self.report.resume(checkpoint.counters);
        self.paths.resume(checkpoint.patterns, &self.plan);
        self.paths.resume_shapes(checkpoint.shapes);
        self.paths.were_watched(checkpoint.entries.iter().map(|entry| entry.path.as_path()));
        let (mut context, stage, _) = self.parts(now);
        for path in &checkpoint.rewritten {
            stage.files.is_rewritten_in_place(path);
        }
        stage.files.resume(checkpoint.entries, &checkpoint.boot, acks, &mut context);
    }

    /// There was a state, and nothing can be read of it: all that is there is ours, what lies beside the paths too.
    pub fn resume_from_nothing(&mut self) {
        self.paths.resume_from_nothing();
    }

    /// The files that logpost writes besides its state are these: they are left out, and forgotten if they were followed.
    pub fn leave_out(&mut self, own: Vec<PathBuf>, now: Duration) {
        let (mut context, stage, _) = self.parts(now);
        for path in stage.paths.leave_out(context.disk, own) {
            for fid in stage.files.of_path(&path).to_vec() {
                stage.files.give_up(&mut context, fid);
            }
        }
    }

    fn parts(&mut self, now: Duration) -> (Context<'_, D>, Stage<'_, D::File>, &mut Turn) {
        let context = Context { disk: &self.disk, plan: &self.plan, now, clock: self.clock, report: &mut self.report };
        let stage = Stage { paths: &mut self.paths, files: &mut self.files, rotated: &mut self.rotated };
        (context, stage, &mut self.turn)
    }

    /// Looks at every path, then at what lies beside; all that is open is then to be read.
    pub fn look(&mut self, now: Duration) {
        self.looked_at = Some(now);
        let mut search = std::mem::take(&mut self.search);
        let (mut context, mut stage, turn) = self.parts(now);
        if stage.paths.is_first_look() {
            // Also where nothing is there yet: from now on it is no first start any more.
            context.report.must_save(Urgency::SyncedBeforeOutput);
        }
        stage.files.make_room(&context, |fid| stage.paths.is_current(fid));
        stage.paths.expand(&mut context);
        stage.paths.find_targets(context.disk);
        rotated::enter_what_was_there(&mut context, stage.paths, stage.files);
        search.look(&mut context, stage.paths, stage.files);
        look_at_all(&mut context, &mut stage);
        // Of what has just come to a path too: its older generations are read before it.
        stage.paths.find_targets(context.disk);
        stage.rotated.look(&mut context, stage.paths, stage.files);
        forget(&mut context, &mut stage);
        stage.paths.find_current();
        stage.files.keep_turns(&context, |fid| stage.paths.is_current(fid));
        stage.files.tell_deferred(&mut context);
        stage.paths.look_is_over(context.plan);
        turn.all_are_due(stage.files);
        self.search = search;
    }

    /// One turn: reads what is due, and finishes what can be finished once all has been read. True if there is more to
    /// read at once. Nothing of `out` may leave before the checkpoint is kept as [`Follower::urgency`] asks.
    pub fn turn(&mut self, now: Duration, room: usize, out: &mut Vec<u8>) -> bool {
        let (mut context, mut stage, turn) = self.parts(now);
        turn.take(&mut context, &mut stage, room, out)
    }

    /// Appends the watermarks that are due, a second after the last at the earliest.
    pub fn mark(&mut self, now: Duration, out: &mut Vec<u8>) {
        let (context, stage, turn) = self.parts(now);
        turn.mark(&context, stage.files, false, out);
    }

    /// Whether everything that is there has been read and no more is to be expected: all paths were looked at since
    /// `asked_at`; each open file has brought nothing for `quiet`, or has lost its path and has no writer; and after that a
    /// last read has brought nothing.
    pub fn is_drained(&mut self, now: Duration, asked_at: Duration, quiet: Duration, out: &mut Vec<u8>) -> bool {
        let Some(looked_at) = self.looked_at.filter(|looked_at| *looked_at >= asked_at) else { return false };
        let (mut context, mut stage, turn) = self.parts(now);
        turn.is_drained(&mut context, &mut stage, looked_at, asked_at, quiet, out)
    }

    /// Whether files wait that the next look may open: then it is to come soon.
    pub fn has_deferred(&self) -> bool {
        self.files.has_deferred()
    }

    /// Whether it is worth telling what has been acknowledged.
    pub fn awaits_acks(&self) -> bool {
        self.reclaim.is_some() || self.files.has_left_contents()
    }

    /// What has been acknowledged by now. Where disk space is to be given back the next step of that is taken, which leaves
    /// what other pipelines may need.
    pub fn acknowledge(&mut self, acks: &HashMap<Fid, u64>, others: &Needs, now: Duration) {
        self.files.acknowledge(acks);
        let mut context =
            Context { disk: &self.disk, plan: &self.plan, now, clock: self.clock, report: &mut self.report };
        if let Some(reclaim) = &mut self.reclaim {
            reclaim.step(&mut context, &mut self.files, acks, others);
        }
    }

    /// The end of a stream: cuts the lines in which files end (if all of them was read), and appends the last watermarks and
    /// the end mark.
    pub fn end(&mut self, now: Duration, is_drained: bool, out: &mut Vec<u8>) {
        let (mut context, mut stage, turn) = self.parts(now);
        if is_drained {
            tell_missing(&mut context, &stage);
        }
        turn.end(&mut context, &mut stage, is_drained, out);
    }

    /// The file is to be read. False if it is not open.
    pub fn touch(&mut self, fid: Fid) -> bool {
        let Some(generation) = self.files.get(fid).filter(|generation| generation.is_open()) else { return false };
        self.turn.add(generation);
        true
    }

    /// Adds a message.
    pub fn say(&mut self, message: String) {
        self.report.say(message);
    }

    /// The messages since the last call.
    pub fn messages(&mut self) -> Vec<String> {
        self.report.take_messages()
    }

    /// How soon the checkpoint must be kept.
    pub fn urgency(&self) -> Urgency {
        self.report.urgency()
    }

    /// The checkpoint has been kept, and is on disk if it was `synced`, or it could not be. Then disk space that was held back
    /// for that is given back.
    pub fn checkpoint_was_kept(&mut self, is_kept: bool, synced: bool, now: Duration) {
        self.report.was_saved(is_kept);
        if is_kept {
            self.files.iter_mut().for_each(|generation| generation.was_kept(synced));
        } else if let Some(reclaim) = &mut self.reclaim {
            let mut context =
                Context { disk: &self.disk, plan: &self.plan, now, clock: self.clock, report: &mut self.report };
            reclaim.release_reserve(&mut context, &mut self.files);
        }
    }

    /// The text of what is to be kept.
    pub fn checkpoint(&self) -> impl Text {
        Remembered(self)
    }

    /// Where each generation stands: everything below has been emitted.
    pub fn offsets(&self) -> impl Iterator<Item = (Fid, u64)> {
        self.files.iter().map(|generation| (generation.fid(), generation.offset()))
    }

    /// Whether a watermark will be due, if nothing else comes.
    pub fn has_unmarked(&self) -> bool {
        self.plan.shape.tagged && self.files.iter().any(Generation::is_unmarked)
    }

    /// The directories in which a new name is to be noticed.
    pub fn directories(&self) -> &[PathBuf] {
        self.paths.directories()
    }

    /// The open files, in the order of their fids.
    pub fn open_files(&self) -> impl Iterator<Item = (Fid, &D::File)> {
        self.files.iter().filter_map(|generation| Some((generation.fid(), generation.file()?)))
    }

    /// Whether anything could not be read that the user named.
    pub fn has_troubles(&self) -> bool {
        self.report.has_troubles() || self.paths.has_missing()
    }

    /// What has gone wrong since the state began.
    pub fn counters(&self) -> Counters {
        self.report.counters()
    }

    /// How many lines were cut at the limit since the start of the run.
    pub fn truncated_lines(&self) -> u64 {
        self.report.truncated_lines()
    }

    /// How many generations are known, and how many of them are open.
    pub fn count(&self) -> (usize, usize) {
        self.files.count()
    }

    /// What the follower reads from.
    pub fn disk(&self) -> &D {
        &self.disk
    }
}

/// The text of what a follower remembers. The entries are written one by one: of many files all together take much memory.
struct Remembered<'a, D: Disk>(&'a Follower<D>);

impl<D: Disk> Text for Remembered<'_, D> {
    fn write_to(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let Self(follower) = self;
        let general = Checkpoint {
            boot: follower.files.boot().to_owned(),
            clock: Some(follower.clock.as_kept()),
            counters: follower.report.counters(),
            patterns: Some(follower.paths.known_patterns()),
            shapes: follower.paths.shapes(),
            rewritten: follower.files.rewritten_paths(),
            entries: Vec::new(),
        };
        let mut text = general.text();
        out.write_all(&text)?;
        for entry in follower.files.entries() {
            text.clear();
            entry.write(&mut text);
            out.write_all(&text)?;
        }
        Ok(())
    }
}

/// Looks at every path. A file that is new is looked at when the paths that have shown one have told what became of it, and
/// those that are known have told how others are called; and what may be a copy beside its original: what has a rotated name,
/// and is not known, comes last.
fn look_at_all<D: Disk>(context: &mut Context<'_, D>, stage: &mut Stage<'_, D::File>) {
    let Found { paths, before } = stage.paths.take_found(context.plan);
    let place = |((path, found), current): (&(PathBuf, Option<Stat>), &Option<Fid>)| {
        if !context.plan.follows || current.is_some() {
            0
        } else if stage.paths.likely_base_of(path).is_some() {
            3
        } else if found.is_some_and(|stat| stage.files.at(stat.inode).is_some()) {
            1
        } else {
            2
        }
    };
    let places: Vec<u8> = paths.iter().zip(&before).map(place).collect();
    for place in 0..4 {
        let here = places.iter().enumerate().filter(|(_, its)| **its == place).map(|(index, _)| index);
        for index in here {
            let (path, stat) = &paths[index];
            look_at(context, stage, path, *stat, before[index]);
        }
    }
}

/// Looks at a path where `current` was. What a glob has `found` was just looked at.
fn look_at<D: Disk>(
    context: &mut Context<'_, D>,
    stage: &mut Stage<'_, D::File>,
    path: &Path,
    found: Option<Stat>,
    current: Option<Fid>,
) {
    match shown(context, stage, path, found) {
        Shown::Missing => {
            leave(context, stage, path);
            learn_name(context, stage, path, current);
        }
        Shown::Unreadable(why) => context.report.complain(path, why),
        Shown::Known(fid, _) if current == Some(fid) => {}
        Shown::Known(fid, stat) if has_wandered(context, stage, fid, path) => {
            stage.files.give_up(context, fid);
            take_up(context, stage, path, &stat);
        }
        Shown::Known(fid, _) => {
            learning::learn(context, stage.paths, stage.files, fid, path);
            arrive(context, stage, path, fid);
        }
        Shown::Unknown(stat) if is_rotated(stage.paths, path) => {
            // What lies beside a path is looked at together, oldest first.
            stage.paths.vacate(path);
            if stat.size > 0
                && !stage.files.is_known_copy(&stat)
                && let Some(base) = stage.paths.base_of(path)
            {
                stage.paths.disturb(&base, context.now);
            }
        }
        Shown::Unknown(stat) => take_up(context, stage, path, &stat),
    }
}

/// Whether an unknown file at a watched path belongs to another path, of which it has the name of an older generation. What
/// is there when its pattern is first looked for is at home.
fn is_rotated(paths: &Paths, path: &Path) -> bool {
    !paths.is_first_look() && !paths.get(path).is_some_and(WatchedPath::is_new) && paths.base_of(path).is_some()
}

/// What a path shows now. A known file that was closed or away is taken up again if it goes on.
fn shown<D: Disk>(
    context: &mut Context<'_, D>,
    stage: &mut Stage<'_, D::File>,
    path: &Path,
    found: Option<Stat>,
) -> Shown {
    match found.map_or_else(|| context.disk.stat(path), Ok) {
        Err(error) if is_missing(&error) => Shown::Missing,
        Err(error) => Shown::Unreadable(cause(&error)),
        Ok(stat) if !stat.is_file => {
            Shown::Unreadable("not a regular file, expected one, or a quoted glob of some: 'DIR/*.log'".to_owned())
        }
        Ok(stat) => {
            if let Some(fid) = stage.files.at(stat.inode) {
                // What has come to a name of its own by rotation waits for its turn as all that was rotated does.
                let is_rotated = !stage.paths.is_current(fid) && stage.paths.base_of(path).is_some();
                stage.files.revisit(context, fid, path, &stat, is_rotated);
            }
            match stage.files.at(stat.inode) {
                Some(fid) => Shown::Known(fid, stat),
                None => Shown::Unknown(stat),
            }
        }
    }
}

/// Whether a known file of which no byte was ever read is met under another watched path, its own showing it no more: then
/// nothing tells that it is the same file.
fn has_wandered<D: Disk>(context: &Context<'_, D>, stage: &Stage<'_, D::File>, fid: Fid, path: &Path) -> bool {
    stage.files.get(fid).is_some_and(|known| {
        known.is_blank()
            && known.path() != path
            && stage.paths.base_of(path).is_none()
            && context.disk.stat(known.path()).map_or(true, |stat| stat.inode != known.inode())
            && !(stage.paths.is_numbered(known.path(), path) && learning::is_still(context, known, path))
    })
}

/// Nothing is at the path.
fn leave<D: Disk>(context: &mut Context<'_, D>, stage: &mut Stage<'_, D::File>, path: &Path) {
    context.report.is_well(path);
    if stage.paths.leave(path, context.now) {
        context.report.say(format!("{}: no longer there, waiting for a new file", path.display()));
    } else if stage.paths.begins_to_wait(path) {
        let what = if context.plan.follows { "no such file yet, waiting" } else { "no such file or directory" };
        context.report.say(format!("{}: {what}", path.display()));
    }
}

/// The generation is what the path shows now.
fn arrive<D: Disk>(context: &mut Context<'_, D>, stage: &mut Stage<'_, D::File>, path: &Path, fid: Fid) {
    let mut is_home = false;
    if let Some(generation) = stage.files.get_mut(fid) {
        generation.was_seen(context.now);
        is_home = generation.path() == path;
    }
    let before = stage.paths.arrive(path, fid, is_home, context.now);
    learn_places(context, stage, path, fid, before);
    if before.and_then(|before| stage.files.get(before)).is_some_and(Generation::is_open) {
        context.report.say(format!("{}: has been replaced, reading the rest of the old file", path.display()));
    }
}

/// Remembers where the file lies that has come to the path, if links between directories lead there: after the links have
/// changed it is found again. And learns where the one `before` went, and what it is called.
fn learn_places<D: Disk>(
    context: &mut Context<'_, D>,
    stage: &mut Stage<'_, D::File>,
    path: &Path,
    fid: Fid,
    before: Option<Fid>,
) {
    learn_name(context, stage, path, before);
    let Some(place) = whereabouts(context.disk, stage.files, fid) else { return };
    let moved = before.and_then(|before| whereabouts(context.disk, stage.files, before));
    let moved = moved.filter(|moved| moved.parent() != place.parent());
    let target = target_of(context.disk, path);
    // A directory of the day, or one that a link between directories leads to.
    let is_elsewhere = (place.parent() != target.parent() || target.parent() != path.parent())
        && place.file_name() == target.file_name();
    if path.is_absolute() && is_elsewhere {
        stage.paths.learn_place(path, &place);
        context.report.must_save(Urgency::Lazy);
    }
    if let Some((before, moved)) = before.zip(moved) {
        learning::learn(context, stage.paths, stage.files, before, &moved);
    }
}

/// The path shows the generation `before` no more: what it is called now is known as long as it is open, also where a
/// directory that is read during a rotation misses the name.
fn learn_name<D: Disk>(context: &mut Context<'_, D>, stage: &mut Stage<'_, D::File>, path: &Path, before: Option<Fid>) {
    let Some(before) = before else { return };
    let Some(place) = whereabouts(context.disk, stage.files, before) else { return };
    let own = directory_of(path);
    let real = context.disk.real_path(or_here(&own));
    let (Ok(real), Some(name)) = (real, place.file_name()) else { return };
    if place.parent() == Some(real.as_path()) {
        learning::learn(context, stage.paths, stage.files, before, &own.join(name));
    } else if !stage.paths.get(path).is_some_and(WatchedPath::is_link) {
        // No link has led there: it was moved.
        learning::learn(context, stage.paths, stage.files, before, &place);
    }
}

/// Where an open file lies, whatever its name was; of a deleted one, where it lay last.
fn whereabouts<D: Disk>(disk: &D, files: &Files<D::File>, fid: Fid) -> Option<PathBuf> {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let known = files.get(fid)?;
    let place = disk.place(known.file()?, known.path()).ok()?;
    if disk.stat(&place).is_ok_and(|stat| stat.inode == known.inode()) {
        return Some(place);
    }
    let last = place.as_os_str().as_bytes().strip_suffix(DELETED.as_bytes())?;
    Some(OsString::from_vec(last.to_owned()).into())
}

/// Begins what a path shows and nobody knows, unless it is not ours, or cannot be told yet, or cannot be read.
fn take_up<D: Disk>(context: &mut Context<'_, D>, stage: &mut Stage<'_, D::File>, path: &Path, stat: &Stat) {
    match begin(context, stage, path, stat) {
        Some(fid) => arrive(context, stage, path, fid),
        // What was current there is so no more, whatever this is.
        None => stage.paths.vacate(path),
    }
}

fn begin<D: Disk>(
    context: &mut Context<'_, D>,
    stage: &mut Stage<'_, D::File>,
    path: &Path,
    stat: &Stat,
) -> Option<Fid> {
    let base = stage.paths.likely_base_of(path);
    let is_found = !stage.paths.get(path).is_some_and(WatchedPath::is_literal);
    let above = if base.is_none() && is_found { stage.paths.base_above(path) } else { None };
    // An empty one is perhaps a copy that is about to be made.
    let is_empty = (base.is_some() || above.is_some()) && stat.size == 0;
    if is_empty || ((base.is_some() || is_found) && stage.files.is_known_copy(stat)) {
        return None;
    }
    let opened = context.disk.open(path).and_then(|file| Ok((context.disk.stat_open(&file)?, file)));
    let (stat, file) = match opened {
        Ok(opened) => opened,
        Err(error) if is_missing(&error) => {
            leave(context, stage, path);
            return None;
        }
        Err(error) => {
            context.report.complain(path, cause(&error));
            return None;
        }
    };
    if let Some(fid) = stage.files.at(stat.inode) {
        return Some(fid);
    }
    if is_found && let Some(place) = leads_out(context.disk, context.plan, stage.paths.own(), path, &file) {
        let why = format!("leads to {}, not followed (--follow-links allows it)", place.display());
        context.report.complain(path, why);
        return None;
    }
    context.report.is_well(path);
    let (file, stat) = if is_found && context.plan.follows && is_gzip(context.disk, &file) {
        let base = base.as_deref().unwrap_or(path).to_owned();
        rotated::unseen_packed(context, stage.paths, stage.files, &Candidate { path: path.to_owned(), base, stat })?
    } else {
        (file, stat)
    };
    let (file, stat) = match plain_text(context, path, file, stat) {
        Ok(text) => text,
        Err(error) => {
            context.report.complain(path, cause(&error));
            return None;
        }
    };
    if let Some(base) = above.filter(|_| stat.size > 0) {
        let candidate = Candidate { path: path.to_owned(), base, stat };
        if copies::is_copy_from_above(context, stage.paths, stage.files, &candidate, &file) {
            return None;
        }
    }
    let file = match &base {
        None => file,
        Some(base) => {
            let candidate = Candidate { path: path.to_owned(), base: base.clone(), stat };
            copies::unseen(context, stage.paths, stage.files, &candidate, file)?
        }
    };
    rotated::begin(context, stage.paths, stage.files, path, file, &stat, Age::Youngest, false)
}

/// The file as it is, or, if it is compressed, as what it holds: so where nothing is followed, or the file was named. An error
/// if it cannot be decompressed.
fn plain_text<D: Disk>(
    context: &Context<'_, D>,
    path: &Path,
    file: D::File,
    stat: Stat,
) -> io::Result<(D::File, Stat)> {
    if is_gzip(context.disk, &file) {
        let file = context.disk.unpacked(file)?;
        let stat = context.disk.stat_open(&file)?;
        return Ok((file, stat));
    }
    let mut first = [0; 6];
    if is_compressed(path) && read_full(context.disk, &file, &mut first, 0)? == first.len() {
        let magic: [&[u8]; 4] = [b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18"];
        if magic.iter().any(|magic| first.starts_with(magic)) {
            return Err(io::Error::other("compressed, expected text or gzip, passed over"));
        }
    }
    Ok((file, stat))
}

/// Drops what has been gone for long enough.
fn forget<D: Disk>(context: &mut Context<'_, D>, stage: &mut Stage<'_, D::File>) {
    let paths = &*stage.paths;
    stage.files.forget(context, |path| paths.get(path).is_some_and(|watched| watched.current().is_some()));
    let files = &*stage.files;
    if stage.paths.forget(context.now, context.plan.forget_after, |path| files.knows(path)) {
        context.report.must_save(Urgency::Lazy);
    }
}

/// At the end: what has not been found again, although not all of it was read, may turn up in a later run, or never.
fn tell_missing<D: Disk>(context: &mut Context<'_, D>, stage: &Stage<'_, D::File>) {
    let is_replaced = |path: &Path| stage.paths.get(path).is_some_and(|watched| watched.current().is_some());
    let is_missing = |known: &Generation<D::File>| {
        known.is_away() && !known.is_dozing() && (known.unread() > 0 || is_replaced(known.path()))
    };
    for known in stage.files.iter().filter(|known| is_missing(known)) {
        context.report.missing(known.path(), known.offset());
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
