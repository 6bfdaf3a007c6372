//! Giving disk space back: the delivered beginning of a log is punched out of its file, so that a log that nobody rotates
//! never fills the volume. The writer notices nothing: offsets, identities and the size stay.
//!
//! What may be given back is decided here and nowhere else. The end of the hole is the least of
//!
//! | limit | why |
//! |---|---|
//! | what has been acknowledged, with an LF behind the hole | what is read behind the hole began in it |
//! | what other pipelines may need ([`crate::others`]) | they have not delivered it |
//! | what `--reclaim` keeps of the log | it is there to be read in place |
//! | the marker, or, while the file is written, 1 MiB before the marker in every copy of the checkpoint | what the file is known by stays |
//!
//! and its beginning is not before byte 4096, nor before the first byte that was to be delivered, under this fid or under one
//! of an earlier boot that went on in it.
//!
//! It is said before it is done: the log is put to disk, then the checkpoint says how far the hole reaches and is put to disk,
//! and only then the hole is punched. Of a file that is still written the last step of what is said is held back, also between
//! two runs: when the checkpoint cannot be written because the disk is full, it is there to be freed at once.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use logline::ending::cause;
use logline::position::Fid;
use logline::state::Urgency;

use crate::context::Context;
use crate::disk::{Disk, Stat};
use crate::file::Generation;
use crate::files::{Files, end_of_last_line};
use crate::fingerprint::{SAMPLE, read_full};
use crate::hole::{LARGEST_BLOCK, first_offset};
use crate::others::Needs;
use crate::terms::{Keep, Terms};

/// How many blocks a file has at most on ext4.
const MOST_BLOCKS: u64 = 1 << 32;
/// Half of what that makes with the smallest blocks: a shorter file is not asked for its blocks.
const LONG: u64 = 1024 * MOST_BLOCKS / 2;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How much of a file tells whether a container's runtime writes it.
const FIRST_LINE: usize = 256;

/// What the guard judges by.
#[derive(Clone, Copy, Debug)]
struct Facts {
    /// The first byte that was to be delivered.
    start: u64,
    /// The size of a block.
    block: u64,
    /// What has been given back up to now, or said to be.
    freed: u64,
    /// The end of what has been acknowledged.
    acknowledged: u64,
    /// Where begins what is to be kept.
    keep_from: u64,
    /// Where the marker begins.
    marker: u64,
    /// Where the marker ends in the last checkpoint that was kept.
    kept_marker: u64,
    is_finished: bool,
    /// See [`Terms`].
    step: u64,
}

impl Facts {
    /// Where the hole ends next; `None` if nothing more, or not enough, can be given back. An LF must stand behind it.
    fn next_end(&self) -> Option<u64> {
        let of_checkpoint = if self.is_finished { SAMPLE as u64 } else { self.step };
        let limits = [self.acknowledged, self.keep_from, self.marker, self.kept_marker.saturating_sub(of_checkpoint)];
        let limit = limits.into_iter().min()?;
        let block = self.block.max(1);
        let end = limit / block * block;
        let begin = first_offset(self.start, block).max(self.freed);
        let least = if self.is_finished { 1 } else { self.step };
        (end >= begin.checked_add(least)?).then_some(end)
    }
}

/// What has been delivered, by this pipeline and by others over the same files.
#[derive(Clone, Copy, Debug)]
struct Delivered<'a> {
    acks: &'a HashMap<Fid, u64>,
    others: &'a Needs,
}

impl Delivered<'_> {
    /// The offset below which nobody needs the file any more.
    fn up_to<F>(&self, generation: &Generation<F>) -> u64 {
        let ack = self.acks.get(&generation.fid()).copied().unwrap_or(0);
        ack.min(self.others.from(generation.inode()))
    }
}

/// See the module.
#[derive(Debug)]
pub struct Reclaim {
    terms: Terms,
    /// Paths and files of which nothing is given back, each for one reason, which has been said.
    told: BTreeSet<(PathBuf, String)>,
    /// When it was last said of which path that its file comes near to the longest.
    warned: HashMap<PathBuf, Duration>,
    /// Files that could not be punched in this run.
    refused: BTreeSet<Fid>,
}

impl Reclaim {
    /// Gives back on these terms.
    pub fn new(terms: Terms) -> Self {
        Self { terms, told: BTreeSet::new(), warned: HashMap::new(), refused: BTreeSet::new() }
    }

    /// Punches what the checkpoint on disk says, then decides what it is to say next. `acks` is what has been acknowledged,
    /// `others` what other pipelines need.
    pub fn step<D: Disk>(
        &mut self,
        context: &mut Context<'_, D>,
        files: &mut Files<D::File>,
        acks: &HashMap<Fid, u64>,
        others: &Needs,
    ) {
        let delivered = Delivered { acks, others };
        self.punch(context, files, self.terms.step);
        self.warn_of_lengths(context, files);
        let paths: Vec<Rc<Path>> = files.paths().cloned().collect();
        for path in paths {
            let chain = files.of_path(&path).to_vec();
            if chain.iter().any(|fid| self.is_worth_a_look(files, *fid, delivered)) {
                self.decide(context, files, &chain, delivered);
            }
        }
    }

    /// Whether by all that is known without a system call something can be given back.
    fn is_worth_a_look<F>(&self, files: &Files<F>, fid: Fid, delivered: Delivered<'_>) -> bool {
        let Some(generation) = files.get(fid) else { return false };
        let is_there = files.at(generation.inode()) == Some(fid) && !self.refused.contains(&fid);
        let facts = self.facts(generation, delivered, u64::MAX, 1);
        is_there && facts.next_end().is_some_and(|end| !facts.is_finished || end / 4096 > facts.freed / 4096)
    }

    /// Decides for the generations of a path, oldest first in `chain`, what the next checkpoint says.
    fn decide<D: Disk>(
        &mut self,
        context: &mut Context<'_, D>,
        files: &mut Files<D::File>,
        chain: &[Fid],
        delivered: Delivered<'_>,
    ) {
        let now = context.clock.now(context.disk);
        let mut left = match self.terms.keep {
            Keep::Size(size) => size,
            Keep::Time(_) => 0,
        };
        for fid in chain.iter().rev().copied() {
            let Some(generation) = files.get(fid) else { continue };
            if files.at(generation.inode()) != Some(fid) {
                continue;
            }
            let Some(handle) = Handle::of(context.disk, generation) else { continue };
            let Some(file) = handle.file(generation) else { continue };
            let Ok(stat) = context.disk.stat_open(file) else { continue };
            if stat.inode != generation.inode() {
                continue;
            }
            let keep_from = match self.terms.keep {
                Keep::Size(_) => stat.size.saturating_sub(left),
                Keep::Time(time) => generation.print().read_by(now.saturating_sub(time.as_secs())),
            };
            left = left.saturating_sub(stat.held);
            if !self.is_worth_a_look(files, fid, delivered) {
                continue;
            }
            let facts = self.facts(generation, delivered, keep_from, stat.block);
            let Some(end) = facts.next_end() else { continue };
            let why = match obstacle(context.disk, files, generation, file, &stat) {
                Ok(why) => why,
                Err(error) => Some(cause(&error)),
            };
            if let Some(why) = why {
                self.refuse(context, generation.path(), &why);
                continue;
            }
            let line_end = end_of_last_line(context.disk, file, facts.acknowledged);
            // On disk before it is said: after a power loss no file is shorter than what was said of it.
            let is_same =
                stat.size >= generation.read_to() && generation.print().stands(context.disk, file).unwrap_or(false);
            let is_safe =
                is_same && line_end.is_ok_and(|line_end| line_end > end) && context.disk.sync_data(file).is_ok();
            if is_safe && let Some(generation) = files.get_mut(fid) {
                generation.gives_back(first_offset(facts.start, facts.block), end);
                context.report.must_save(Urgency::SyncedBeforeOutput);
            }
        }
    }

    /// The checkpoint cannot be written: what was held back for that is punched.
    pub fn release_reserve<D: Disk>(&mut self, context: &mut Context<'_, D>, files: &mut Files<D::File>) {
        self.punch(context, files, 0);
    }

    /// Punches what a checkpoint on disk says, each hole from its beginning; of a file that is not finished all but the last
    /// `reserve` bytes.
    fn punch<D: Disk>(&mut self, context: &mut Context<'_, D>, files: &mut Files<D::File>, reserve: u64) {
        let due = |generation: &Generation<D::File>| {
            generation.hole().due(if generation.is_finished() { 0 } else { reserve })
        };
        for fid in files.which(|generation| due(generation).is_some()) {
            let Some(generation) = files.get(fid) else { continue };
            let Some(end) = due(generation) else { continue };
            if files.at(generation.inode()) != Some(fid) || self.refused.contains(&fid) {
                continue;
            }
            let Some(handle) = Handle::of(context.disk, generation) else { continue };
            let Some(file) = handle.file(generation) else { continue };
            let path = generation.path().to_owned();
            match punch(context, files, generation, file, end) {
                Ok(Some((before, after))) => {
                    if let Some(generation) = files.get_mut(fid) {
                        generation.has_given_back(end, &before, &after);
                    }
                    let bytes = before.held.saturating_sub(after.held);
                    context.report.freed(bytes);
                    context.report.must_save(Urgency::Lazy);
                }
                Ok(None) => {}
                Err(why) => {
                    self.refused.insert(fid);
                    self.refuse(context, &path, &why);
                    if let Some(generation) = files.get_mut(fid) {
                        generation.keeps_the_rest();
                    }
                    context.report.must_save(Urgency::Lazy);
                }
            }
        }
    }

    fn facts<F>(&self, generation: &Generation<F>, delivered: Delivered<'_>, keep_from: u64, block: u64) -> Facts {
        Facts {
            start: generation.since(),
            block,
            freed: generation.hole().freed(),
            acknowledged: delivered.up_to(generation),
            keep_from,
            marker: generation.print().marker().start(),
            kept_marker: generation.kept_marker(),
            is_finished: generation.is_finished(),
            step: self.terms.step,
        }
    }

    /// Lengths go on growing whatever is given back: where ext4 takes no more than as much again it is said once a day.
    fn warn_of_lengths<D: Disk>(&mut self, context: &mut Context<'_, D>, files: &Files<D::File>) {
        for generation in files.iter().filter(|generation| generation.size() >= LONG) {
            let Some(Ok(stat)) = generation.file().map(|file| context.disk.stat_open(file)) else { continue };
            let longest = stat.block.saturating_mul(MOST_BLOCKS);
            let path = generation.path();
            let is_due = self.warned.get(path).is_none_or(|at| context.now >= *at + DAY);
            if stat.size >= longest / 2 && is_due {
                self.warned.insert(path.to_owned(), context.now);
                context.report.say(format!(
                    "{}: is {} GiB long, and ext4 takes no file longer than {} GiB: rotate it by renaming before",
                    path.display(),
                    stat.size >> 30,
                    longest >> 30
                ));
            }
        }
    }

    fn refuse<D>(&mut self, context: &mut Context<'_, D>, path: &Path, why: &str) {
        if self.told.insert((path.to_owned(), why.to_owned())) {
            context.report.say(format!("{}: no disk space of it is given back: {why}", path.display()));
        }
    }
}

/// The file of a generation: the one that is read from, or, of one that is closed, another that is opened for the moment.
enum Handle<F> {
    Its,
    Own(F),
}

impl<F> Handle<F> {
    /// `None` if it is closed and does not lie where it was last seen.
    fn of<D: Disk<File = F>>(disk: &D, generation: &Generation<F>) -> Option<Self> {
        if generation.is_open() {
            return Some(Self::Its);
        }
        let file = disk.open_itself(generation.place()).ok()?;
        (disk.stat_open(&file).ok()?.inode == generation.inode()).then_some(Self::Own(file))
    }

    fn file<'a>(&'a self, generation: &'a Generation<F>) -> Option<&'a F> {
        match self {
            Self::Its => generation.file(),
            Self::Own(file) => Some(file),
        }
    }
}

/// Why nothing of the file may be given back, if that is so.
fn obstacle<D: Disk>(
    disk: &D,
    files: &Files<D::File>,
    generation: &Generation<D::File>,
    file: &D::File,
    stat: &Stat,
) -> io::Result<Option<String>> {
    if files.was_rewritten_in_place(generation.path()) {
        let why = "its files are truncated, rewritten or copied; rotate by renaming, or not at all, to have space back";
        return Ok(Some(why.to_owned()));
    }
    if stat.names > 1 {
        return Ok(Some("it has several names, hard links share its blocks".to_owned()));
    }
    if stat.block > LARGEST_BLOCK {
        return Ok(Some(format!("its file system has blocks of {} bytes, more than {LARGEST_BLOCK}", stat.block)));
    }
    let mut first = [0; FIRST_LINE];
    let count = read_full(disk, file, &mut first, 0)?;
    let place = disk.place(file, generation.place()).unwrap_or_default();
    let is_of_runtime =
        [generation.path(), &place].into_iter().any(is_in_place_of_runtime) || is_of_runtime(&first[..count]);
    Ok(is_of_runtime
        .then(|| "a container's runtime writes it, 'kubectl logs' and 'docker logs' stop at a hole".to_owned()))
}

fn is_in_place_of_runtime(path: &Path) -> bool {
    ["/var/log/pods", "/var/log/containers", "/var/lib/docker/containers"].iter().any(|place| path.starts_with(place))
}

/// Whether the first line is one of a container's runtime: `TIME stdout F …` (CRI) or `{"log":"…` (Docker).
fn is_of_runtime(first: &[u8]) -> bool {
    let line = first.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let is_time = words.next().is_some_and(|word| word.len() >= 20 && word.contains(&b'T') && word[0].is_ascii_digit());
    let is_stream = words.next().is_some_and(|word| word == b"stdout" || word == b"stderr");
    let is_flag = words.next().is_some_and(|word| matches!(word.first(), Some(b'F' | b'P')));
    line.starts_with(b"{\"log\":\"") || (is_time && is_stream && is_flag)
}

/// Punches the hole of a generation up to `end`, if its file is still what it was; what is told of it before and after.
/// `None` where that is to be tried again. The error says why nothing of it will be given back.
fn punch<D: Disk>(
    context: &mut Context<'_, D>,
    files: &Files<D::File>,
    generation: &Generation<D::File>,
    file: &D::File,
    end: u64,
) -> Result<Option<(Stat, Stat)>, String> {
    let told = |error: io::Error| cause(&error);
    let disk = context.disk;
    let holds = |stat: &Stat| -> io::Result<bool> {
        Ok(stat.size >= generation.read_to().max(end) && generation.print().stands(disk, file)?)
    };
    let before = disk.stat_open(file).map_err(told)?;
    if let Some(why) = obstacle(disk, files, generation, file, &before).map_err(told)? {
        return Err(why);
    }
    if before.inode != generation.inode() || !holds(&before).map_err(told)? {
        // The next read finds out what has become of it.
        return Ok(None);
    }
    let begin = first_offset(generation.since(), before.block);
    if end <= begin {
        return Ok(None);
    }
    disk.punch(file, begin, end).map_err(|error| format!("a hole cannot be made: {}", cause(&error)))?;
    let after = disk.stat_open(file).map_err(told)?;
    if !holds(&after).map_err(told)? {
        context.report.may_have_freed_more(generation.path(), after.size.min(end).saturating_sub(begin));
        return Err("it was truncated or rewritten".to_owned());
    }
    Ok(Some((before, after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    const FACTS: Facts = Facts {
        start: 0,
        block: 4096,
        freed: 0,
        acknowledged: 10 * MIB + 100,
        keep_from: u64::MAX,
        marker: 20 * MIB,
        kept_marker: 15 * MIB,
        is_finished: false,
        step: MIB,
    };

    #[test]
    fn a_hole_ends_at_the_least_of_its_limits_on_a_boundary() {
        assert_eq!(FACTS.next_end(), Some(10 * MIB));
        assert_eq!(Facts { keep_from: 5 * MIB + 1, ..FACTS }.next_end(), Some(5 * MIB));
        assert_eq!(Facts { kept_marker: 4 * MIB, ..FACTS }.next_end(), Some(3 * MIB));
        assert_eq!(Facts { marker: 2 * MIB, ..FACTS }.next_end(), Some(2 * MIB));
        assert_eq!(Facts { block: 64 << 10, keep_from: 5 * MIB - 1, ..FACTS }.next_end(), Some(5 * MIB - (64 << 10)));
    }

    #[test]
    fn nothing_is_given_back_in_front_of_what_was_delivered_without_a_gap() {
        assert_eq!(Facts { start: 9 * MIB + 1, ..FACTS }.next_end(), None, "less than a step");
        assert_eq!(Facts { start: 8 * MIB, ..FACTS }.next_end(), Some(10 * MIB));
        assert_eq!(Facts { start: 11 * MIB, ..FACTS }.next_end(), None);
    }

    #[test]
    fn a_file_that_is_written_goes_by_steps_and_a_finished_one_to_its_end() {
        assert_eq!(Facts { freed: 9 * MIB + 4096, ..FACTS }.next_end(), None);
        assert_eq!(Facts { freed: 9 * MIB, ..FACTS }.next_end(), Some(10 * MIB));
        let finished = Facts { is_finished: true, kept_marker: 10 * MIB + 2000, marker: 10 * MIB + 976, ..FACTS };
        assert_eq!(Facts { freed: 9 * MIB + 4096, ..finished }.next_end(), Some(10 * MIB));
        assert_eq!(Facts { freed: 10 * MIB, ..finished }.next_end(), None);
        assert_eq!(Facts { acknowledged: 0, ..finished }.next_end(), None);
    }

    #[test]
    fn logs_of_a_runtime_are_known_by_their_place_or_their_first_line() {
        for path in
            ["/var/log/pods/a_b_c/d/0.log", "/var/log/containers/a.log", "/var/lib/docker/containers/1/1-json.log"]
        {
            assert!(is_in_place_of_runtime(Path::new(path)), "{path}");
        }
        assert!(!is_in_place_of_runtime(Path::new("/var/log/podsy.log")));
        assert!(is_of_runtime(b"2026-11-29T11:35:47.123456789Z stdout F hello\nx"));
        assert!(is_of_runtime(b"{\"log\":\"hello\\n\",\"stream\":\"stdout\"}\n"));
        assert!(!is_of_runtime(b"2026-11-29T11:35:47.123456789Z GET F hello\n"));
        assert!(!is_of_runtime(b"{\"level\":\"info\",\"log\":\"x\"}\n"));
        assert!(!is_of_runtime(b""));
    }
}
