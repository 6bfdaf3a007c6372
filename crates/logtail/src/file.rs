//! One generation of one file: what is read of it, from where, and what has become of it.
//!
//! The invariant: `start <= offset <= scanned`; all whole lines of `start..offset` have been emitted, no LF stands in
//! `offset..scanned`, and the marker is made of the last bytes before `scanned`. Each read begins at the marker and
//! compares it, so that a file that was rewritten in place is found out before a byte of it is taken for the old one.
//!
//! NUL bytes that nobody wrote (a writer that went on at its old offset after a truncation, a file that is filled up in
//! advance, a page of a network file system that is still on its way) are told from content by these rules:
//!
//! | NUL bytes | then |
//! |---|---|
//! | up to the end of the file | not written yet: the file ends in front of them |
//! | at the very beginning, or a few at the beginning of a line | skipped |
//! | more at the beginning of a line, other bytes behind them | waited for a while, then skipped |
//! | a page or more inside a line, other bytes behind them | waited for a while, then the line is cut in front of them |
//! | fewer inside a line | content |
//! | the hole of what was given back ([`crate::hole`]) | skipped, with the lines that begin in front of it and in it |

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use memchr::{memchr, memrchr};

use logline::position::{Fid, Flags};
use logline::state::files::{Entry, Inode};

use crate::disk::{Disk, Stat};
use crate::emit::{Piece, Shape, Tag, first_piece};
use crate::fingerprint::{Fingerprint, HEAD, SAMPLE, read_full};
use crate::hole::{self, Hole};

/// How many bytes one read takes.
pub const CHUNK: usize = 256 << 10;
/// NUL bytes inside a line are content up to this number.
const PAGE: u64 = 4096;
/// NUL bytes at the beginning of a line are skipped at once up to this number.
const FEW: u64 = 16;

/// What has become of a generation.
#[derive(Debug)]
enum Phase<F> {
    /// It is open, and its lines are read.
    Reading(F),
    /// It is not open, and not all of it has been read: it waits for its turn, or has to be found again.
    Away,
    /// Its content has gone from its inode. A copy of it may lie beside, for which it was looked `tries` times.
    SeekingCopy { tries: u32 },
    /// Nothing more is expected of it.
    Finished {
        /// Where it ended: the end of the last byte emitted.
        end: u64,
        /// Its size and the time of its last change when it was closed, where that is known: as long as it looks the same
        /// it has not gone on.
        as_left: Option<(u64, i64)>,
        /// Its final watermark has been emitted.
        is_announced: bool,
    },
}

/// What one read has brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// The end of the file has been reached.
    End {
        /// Bytes came before it.
        grew: bool,
    },
    /// There is probably more.
    More,
    /// The file is not what it was: truncated, or rewritten in place. Nothing was emitted.
    Rewritten,
}

/// How a read is done.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// How lines leave.
    pub shape: Shape,
    /// The time of the run.
    pub now: Duration,
    /// The time in seconds since the epoch.
    pub clock: u64,
    /// How long NUL bytes in front of other bytes must stand before they count as a gap.
    pub gap_after: Duration,
}

/// NUL bytes at which reading stands still.
#[derive(Clone, Copy, Debug)]
struct Nuls {
    /// The offset of the first of them.
    start: u64,
    /// When they were first seen.
    since: Duration,
}

/// By what a checkpoint knows a file again whose lines were acknowledged after it was kept.
#[derive(Clone, Copy, Default, Debug)]
struct Kept {
    /// The offset of the marker.
    marker: u64,
    /// The length of the head.
    head: u64,
}

/// A generation that is, was or will be read.
#[derive(Debug)]
pub struct Generation<F> {
    /// The watched path under which it was first seen.
    path: PathBuf,
    /// How many generations had become known before it in this run.
    rank: u64,
    /// Where its content lies.
    inode: Inode,
    /// When the inode was made, where that is known.
    born: Option<i64>,
    print: Fingerprint,
    /// What an earlier reading knew of the file, as long as it had read further than this one has.
    further: Option<Box<Fingerprint>>,
    /// What the last checkpoint says of it that was kept.
    kept: Kept,
    /// The first offset that was to be emitted.
    start: u64,
    /// The offsets at which a line was cut in two for ever.
    cuts: Vec<u64>,
    phase: Phase<F>,
    /// The end of the last line emitted.
    offset: u64,
    /// The end of what has been read; nothing behind `offset` has been emitted.
    scanned: u64,
    /// The size when it was last looked at.
    size: u64,
    /// The NUL bytes at `scanned`, where reading stands still in front of some.
    nuls: Option<Nuls>,
    /// The size and the time of the last change when the last read came to the end.
    as_read: Option<(u64, i64)>,
    /// The present look has found it as the last read left it.
    rests: bool,
    /// When bytes last came, or when it was opened.
    grown_at: Duration,
    /// When it was last seen on disk.
    seen_at: Duration,
    /// The offset that the last watermark told.
    marked: u64,
    /// A byte of it has been read, in this run or an earlier one.
    was_read: bool,
    /// It has been open in this run.
    was_open: bool,
    /// NUL bytes that were skipped.
    hole_bytes: u64,
    /// Lines that were cut at the limit.
    truncated_lines: u64,
    /// What has been given back of it.
    hole: Hole,
    /// The beginning and the end of a hole over which the last read has gone.
    passed: Option<(u64, u64)>,
    /// Where it was last seen, if not at its path.
    elsewhere: Option<PathBuf>,
}

impl<F> Generation<F> {
    /// One of which nothing is known but that `path` shows `inode`; it will be read from `start` on.
    pub fn new(fid: Fid, path: &Path, inode: Inode, start: u64, now: Duration) -> Self {
        Self {
            path: path.to_owned(),
            rank: 0,
            inode,
            born: None,
            print: Fingerprint::new(fid, start),
            further: None,
            kept: Kept::default(),
            start,
            cuts: Vec::new(),
            phase: Phase::Away,
            offset: start,
            scanned: start,
            size: start,
            nuls: None,
            as_read: None,
            rests: false,
            grown_at: now,
            seen_at: now,
            marked: start,
            was_read: false,
            was_open: false,
            hole_bytes: 0,
            truncated_lines: 0,
            hole: Hole::default(),
            passed: None,
            elsewhere: None,
        }
    }

    /// One that an earlier run has read; it is acknowledged up to `ack`, and goes on there. Acknowledged to its end it
    /// stays finished; any other is away until it is found, or, where its inode holds something else, in a copy.
    pub fn from_entry(entry: &Entry, ack: u64, now: Duration) -> Self {
        let mut generation = Self::new(entry.fid, &entry.path, entry.inode, entry.start, now);
        generation.print = Fingerprint::from_entry(entry);
        generation.was_read = !generation.print.is_blank();
        generation.born = entry.born;
        generation.kept = Kept { marker: entry.marker.offset, head: entry.head.length };
        generation.hole = Hole::from_checkpoint(entry.freed);
        generation.cuts = entry.cuts.iter().copied().filter(|cut| *cut >= ack).collect();
        (generation.offset, generation.scanned, generation.marked) = (ack, ack, ack);
        generation.size = entry.read_to().max(ack);
        generation.phase = match entry.end {
            Some(end) if ack >= end => Phase::Finished { end, as_left: None, is_announced: true },
            _ if entry.inode == Inode::NOWHERE => Phase::SeekingCopy { tries: 0 },
            _ => Phase::Away,
        };
        generation
    }

    /// What is to be remembered of it.
    pub fn entry(&self) -> Entry {
        Entry {
            fid: self.fid(),
            path: self.path.clone(),
            inode: self.inode,
            born: self.born,
            head: self.print.head(),
            samples: self.furthest().samples().copied().collect(),
            marker: self.furthest().marker(),
            start: self.start,
            cuts: self.cuts.clone(),
            freed: self.hole.freed(),
            end: self.end(),
        }
    }

    // What it is.

    /// What stands in front of its lines.
    fn tag(&self) -> Tag {
        use std::os::unix::ffi::OsStrExt as _;
        Tag::new(self.fid(), self.path.as_os_str().as_bytes())
    }

    /// How many generations had become known before it in this run.
    pub fn rank(&self) -> u64 {
        self.rank
    }

    /// It becomes known when `rank` others are.
    pub fn ranks(&mut self, rank: u64) {
        self.rank = rank;
    }

    /// Its name.
    pub fn fid(&self) -> Fid {
        self.print.key()
    }

    /// The watched path under which it was first seen.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where its content lies; [`Inode::NOWHERE`] once its inode holds something else.
    pub fn inode(&self) -> Inode {
        self.inode
    }

    /// The first offset that was to be emitted.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Where it was last seen, watched path or not.
    pub fn place(&self) -> &Path {
        self.elsewhere.as_deref().unwrap_or(&self.path)
    }

    /// What has been given back of it.
    pub fn hole(&self) -> &Hole {
        &self.hole
    }

    /// What has been read of it.
    pub fn print(&self) -> &Fingerprint {
        &self.print
    }

    /// What the checkpoint is to know it again by: never less than it was known by before.
    fn furthest(&self) -> &Fingerprint {
        self.further.as_deref().filter(|_| !self.is_finished()).unwrap_or(&self.print)
    }

    /// The file, while it is open.
    pub fn file(&self) -> Option<&F> {
        match &self.phase {
            Phase::Reading(file) => Some(file),
            _ => None,
        }
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.file().is_some()
    }

    /// Whether nothing more is expected of it.
    pub fn is_finished(&self) -> bool {
        self.end().is_some()
    }

    /// Where it ended, once it is finished.
    pub fn end(&self) -> Option<u64> {
        match self.phase {
            Phase::Finished { end, .. } => Some(end),
            _ => None,
        }
    }

    /// Whether it is not open, not finished, and must be found again.
    pub fn is_away(&self) -> bool {
        matches!(self.phase, Phase::Away | Phase::SeekingCopy { .. })
    }

    /// Whether its content has gone from its inode and is looked for in a copy.
    pub fn seeks_copy(&self) -> bool {
        matches!(self.phase, Phase::SeekingCopy { .. })
    }

    /// Whether it has been open in this run.
    pub fn was_open(&self) -> bool {
        self.was_open
    }

    /// Whether its final watermark has not been emitted although it is finished.
    pub fn is_unannounced(&self) -> bool {
        matches!(self.phase, Phase::Finished { is_announced: false, .. })
    }

    /// Whether no byte of it has ever been read: then nothing but its inode tells it from another file.
    pub fn is_blank(&self) -> bool {
        !self.was_read && self.scanned == self.start
    }

    /// The end of the last line emitted.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How far it was read, or had been read by an earlier run.
    pub fn read_to(&self) -> u64 {
        self.end().unwrap_or(self.offset).max(self.print.marker().offset).max(self.print.head().length)
    }

    /// The size when it was last looked at.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many bytes of it had been seen and have not been read. Bytes without their LF, and NUL bytes at the end, do not
    /// count.
    pub fn unread(&self) -> u64 {
        let end = self.nuls.map_or(self.size, |nuls| nuls.start);
        end.saturating_sub(self.scanned.max(self.offset))
    }

    /// Whether NUL bytes are waited for in front of which reading stands.
    pub fn waits_at_nuls(&self, reading: &Reading) -> bool {
        self.nuls.is_some_and(|nuls| reading.now < nuls.since + reading.gap_after)
    }

    /// The end of what has been read of it.
    pub fn scanned(&self) -> u64 {
        self.scanned
    }

    /// At how many offsets a line of it was cut.
    pub fn cut_count(&self) -> usize {
        self.cuts.len()
    }

    /// When bytes last came, or when it was opened.
    pub fn grown_at(&self) -> Duration {
        self.grown_at
    }

    /// When it was last seen on disk.
    pub fn seen_at(&self) -> Duration {
        self.seen_at
    }

    /// How many NUL bytes were skipped.
    pub fn hole_bytes(&self) -> u64 {
        self.hole_bytes
    }

    /// How many of its lines were cut at the limit.
    pub fn truncated_lines(&self) -> u64 {
        self.truncated_lines
    }

    /// The offset of the marker in the last checkpoint that was kept.
    pub fn kept_marker(&self) -> u64 {
        self.kept.marker
    }

    /// Whether the last checkpoint that was kept could not tell, were all that was emitted acknowledged, that this is still
    /// the same file: its marker stands in front of that, and its head is short although the file is not.
    pub fn is_uncovered(&self) -> bool {
        self.offset > self.kept.marker && self.offset.min(HEAD as u64) > self.kept.head
    }

    /// Whether bytes at its end have been read and have no LF yet.
    pub fn has_partial(&self) -> bool {
        self.scanned > self.offset
    }

    // What becomes of it.

    /// It was seen on disk.
    pub fn was_seen(&mut self, now: Duration) {
        self.seen_at = now;
    }

    /// It lies there now.
    pub fn lies_at(&mut self, place: &Path) {
        if self.place() != place {
            self.elsewhere = (place != self.path).then(|| place.to_owned());
        }
    }

    /// What lies between the two offsets is to be given back: the next checkpoint says so, and nothing is compared with it
    /// any more.
    pub fn gives_back(&mut self, from: u64, to: u64) {
        self.hole.is_to_reach(to);
        for print in [Some(&mut self.print), self.further.as_deref_mut()].into_iter().flatten() {
            print.give_back(from, to);
        }
    }

    /// A checkpoint was kept that says what is known of it now.
    pub fn was_kept(&mut self, is_on_disk: bool) {
        self.kept = Kept { marker: self.furthest().marker().offset, head: self.print.head().length };
        if is_on_disk {
            self.hole.was_said();
        }
    }

    /// All below `end` has been given back, which has changed what is told of the file from `before` to `after`.
    pub fn has_given_back(&mut self, end: u64, before: &Stat, after: &Stat) {
        self.hole.was_punched(end);
        let as_it_was = Some((before.size, before.modified));
        let as_it_is = Some((after.size, after.modified)).filter(|_| after.size == before.size);
        if self.as_read == as_it_was {
            self.as_read = as_it_is;
        }
        if let Phase::Finished { as_left, .. } = &mut self.phase
            && *as_left == as_it_was
        {
            *as_left = as_it_is;
        }
    }

    /// Nothing more of it may be given back.
    pub fn keeps_the_rest(&mut self) {
        self.hole.ends_here();
    }

    /// The beginning and the end of a hole over which the last read has gone; asked once.
    pub fn take_passed(&mut self) -> Option<(u64, u64)> {
        self.passed.take()
    }

    /// Bytes have come.
    pub fn has_grown(&mut self, now: Duration) {
        self.grown_at = now;
    }

    /// A look has found it, and by `stat` it is as the last read left it, or is not.
    pub fn was_looked_at(&mut self, stat: &Stat) {
        self.rests = self.is_open() && self.nuls.is_none() && self.as_read == Some((stat.size, stat.modified));
    }

    /// Whether the present look has found it as the last read left it; asked once.
    pub fn take_rest(&mut self) -> bool {
        std::mem::take(&mut self.rests)
    }

    /// Whether the closed file looks as it did when it was closed.
    pub fn is_as_left(&self, stat: &Stat) -> bool {
        matches!(self.phase, Phase::Finished { as_left: Some(as_left), .. } if as_left == (stat.size, stat.modified))
    }

    /// Reads on in `file`, which holds its content, from `offset` on (0 to its end), and takes what later reads are compared
    /// with.
    pub fn open_at<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        file: F,
        stat: &Stat,
        offset: u64,
        reading: &Reading,
    ) -> io::Result<()> {
        let mut before = [0; SAMPLE];
        let from = offset.saturating_sub(SAMPLE as u64);
        let count = read_full(disk, &file, &mut before[..index(offset - from)], from)?;
        let offset = from + count as u64;
        if (offset + 1..=stat.size).contains(&self.print.marker().offset) {
            self.further.get_or_insert_with(|| Box::new(self.print.clone()));
        }
        self.further.take_if(|further| further.marker().offset > stat.size);
        self.print.go_on_at(offset, &before[..count], reading.clock);
        let is_inside_line = before[..count].last().is_some_and(|byte| *byte != b'\n' && *byte != 0);
        if is_inside_line && offset > self.start && !self.cuts.contains(&offset) {
            // Acknowledged up to here, the line was cut here, even if an older copy of the state does not know of it.
            self.cuts.push(offset);
        }
        (self.offset, self.scanned) = (offset, offset);
        let known = self.born.filter(|_| self.inode == stat.inode);
        self.born = disk.born(&file).or(known);
        (self.inode, self.size) = (stat.inode, stat.size);
        (self.as_read, self.nuls) = (None, None);
        (self.grown_at, self.seen_at) = (reading.now, reading.now);
        self.print.extend_head_from(disk, &file)?;
        self.phase = Phase::Reading(file);
        self.was_open = true;
        Ok(())
    }

    /// Whether it is closed although its path shows it, because it brought nothing and descriptors were short; it is at
    /// its end as long as it looks as it was read.
    pub fn is_dozing(&self) -> bool {
        matches!(self.phase, Phase::Away) && self.as_read.is_some() && !self.has_partial()
    }

    /// Whether the file, which is closed, looks as it was read.
    pub fn is_as_read(&self, stat: &Stat) -> bool {
        self.is_dozing() && self.as_read == Some((stat.size, stat.modified))
    }

    /// Whether it can be closed for a while without missing anything: it has been read to its end, and holds no beginning
    /// of a line.
    pub fn can_doze(&self) -> bool {
        self.is_open() && self.as_read.is_some() && self.nuls.is_none() && !self.has_partial()
    }

    /// Closes it until its turn comes.
    pub fn set_aside(&mut self) {
        if self.is_open() {
            (self.phase, self.as_read) = (Phase::Away, None);
        }
    }

    /// Closes it as long as it looks as it was read.
    pub fn doze(&mut self) {
        if self.can_doze() {
            self.phase = Phase::Away;
        }
    }

    /// However it looks, it is to be opened again: its path shows it no more.
    pub fn wake(&mut self) {
        if self.is_dozing() {
            self.as_read = None;
        }
    }

    /// Its inode holds something else now: what has not been read of it may lie in a copy. Gives the file, if it was open.
    pub fn lose_content(&mut self, now: Duration) -> Option<F> {
        self.inode = Inode::NOWHERE;
        self.seen_at = now;
        if self.is_finished() {
            return None;
        }
        match std::mem::replace(&mut self.phase, Phase::SeekingCopy { tries: 0 }) {
            Phase::Reading(file) => Some(file),
            _ => None,
        }
    }

    /// Its content goes on in `inode` as another generation: this one ends where it was read to. Its final watermark is
    /// still to be emitted. Gives the file, if it was open.
    pub fn leave_content(&mut self, inode: Inode, now: Duration) -> Option<F> {
        self.inode = inode;
        self.seen_at = now;
        let (end, is_announced) = (self.end().unwrap_or(self.offset), self.is_finished());
        let finished = Phase::Finished { end, as_left: None, is_announced };
        match std::mem::replace(&mut self.phase, finished) {
            Phase::Reading(file) => Some(file),
            _ => None,
        }
    }

    /// Its inode has no name any more, so that its number may be given to another file.
    pub fn strike_inode(&mut self) {
        self.inode = Inode::NOWHERE;
    }

    /// Another handle of the same file is read from now on.
    pub fn swap_file(&mut self, file: F) {
        if self.is_open() {
            self.phase = Phase::Reading(file);
        }
    }

    /// What was taken from another content does not count: only `print` does.
    pub fn restore(&mut self, print: Fingerprint) {
        self.print = print;
    }

    /// Its copy was looked for in vain once more; how often by now.
    pub fn sought_in_vain(&mut self) -> u32 {
        match &mut self.phase {
            Phase::SeekingCopy { tries } => {
                *tries += 1;
                *tries
            }
            _ => 0,
        }
    }

    /// Nothing more will come: it ends where it was read to. The final watermark is still to be emitted.
    pub fn conclude(&mut self) {
        self.phase = Phase::Finished { end: self.offset, as_left: None, is_announced: false };
    }

    /// It was there before anyone looked, and is not ours up to `end`.
    pub fn enter_as_done(&mut self, end: u64, stat: &Stat) {
        let as_left = (stat.size == end).then_some((stat.size, stat.modified));
        self.phase = Phase::Finished { end, as_left, is_announced: true };
    }

    /// The closed file looks like this, and has not gone on.
    pub fn was_left_as(&mut self, stat: &Stat) {
        if let Phase::Finished { as_left, .. } = &mut self.phase {
            *as_left = Some((stat.size, stat.modified));
        }
    }

    /// It is finished, and its content lies compressed in `inode` now, which was made at `born`.
    pub fn was_packed(&mut self, inode: Inode, born: Option<i64>, now: Duration) {
        (self.inode, self.born, self.seen_at) = (inode, born, now);
        if let Phase::Finished { as_left, .. } = &mut self.phase {
            *as_left = None;
        }
    }

    /// When the inode was made, where that is known.
    pub fn born(&self) -> Option<i64> {
        self.born
    }

    /// Closes it for good: nothing more will come. Appends its final watermark.
    pub fn finish<D: Disk<File = F>>(&mut self, disk: &D, shape: Shape, out: &mut Vec<u8>) {
        let stat = self.file().and_then(|file| disk.stat_open(file).ok());
        self.mark(shape, true, out);
        let end = self.end().unwrap_or(self.offset);
        let as_left = stat.map(|stat| (stat.size, stat.modified));
        self.phase = Phase::Finished { end, as_left, is_announced: true };
        if stat.is_some_and(|stat| stat.names == 0) {
            self.strike_inode();
        }
    }

    // How it is read.

    /// Reads once, as much as `scratch` holds, and appends the lines that are whole to `out`.
    pub fn read<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        reading: &Reading,
        scratch: &mut [u8],
        out: &mut Vec<u8>,
    ) -> io::Result<Progress> {
        match std::mem::replace(&mut self.phase, Phase::Away) {
            Phase::Reading(file) => {
                let progress = self.read_from(disk, &file, reading, scratch, out);
                self.phase = Phase::Reading(file);
                progress
            }
            other => {
                self.phase = other;
                Ok(Progress::End { grew: false })
            }
        }
    }

    fn read_from<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        file: &F,
        reading: &Reading,
        scratch: &mut [u8],
        out: &mut Vec<u8>,
    ) -> io::Result<Progress> {
        let stat = disk.stat_open(file)?;
        if stat.size < self.least_size() {
            return Ok(Progress::Rewritten);
        }
        self.size = stat.size;
        if stat.size == self.scanned {
            self.nuls = None;
            return self.look_at_same_size(disk, file, &stat);
        }
        // A beginning of a line up to half a read long is read again with its rest; of a longer one only the LF is looked for.
        let is_long = self.scanned - self.offset > scratch.len() as u64 / 2;
        let marker = self.print.marker().start();
        let from = if is_long { marker } else { marker.min(self.offset) };
        let count = disk.read_at(file, self.room(scratch, reading, from), from)?;
        let known = index(self.scanned - from);
        // Near the head the marker covers little or nothing: what an earlier run has read is known by the head there.
        let is_known = count >= known
            && self.print.ends_in(&scratch[..known], from)
            && (from > 0 || self.print.begins_in(&scratch[..count], disk, file)?)
            && self.ends_further(disk, file)?;
        if !is_known {
            return self.meet_other_content(disk, file, reading);
        }
        let run = Run::first(&scratch[..count], known, self.scanned == self.offset);
        let end = run.map_or(count, |run| run.start);
        if end > known {
            let bytes = &scratch[..end];
            let before = self.offset;
            if !is_long {
                self.take_lines(reading.shape, bytes, from, out);
            } else if !self.take_long(disk, file, reading.shape, bytes, from, out)? {
                return Ok(Progress::Rewritten);
            }
            self.remember(disk, file, &scratch[..index(self.scanned - from)], from, before, reading)?;
        }
        if let Some(run) = run
            && self.scanned == from + run.start as u64
        {
            return self.meet_nuls(disk, file, &stat, run, count, reading, scratch, out, end > known);
        }
        self.nuls = None;
        if count < scratch.len() && self.scanned == from + count as u64 {
            self.as_read = Some((stat.size, stat.modified));
            return Ok(Progress::End { grew: end > known });
        }
        Ok(Progress::More)
    }

    /// How much of `scratch` a read fills that begins at `from`: in front of NUL bytes that are waited for only a page.
    fn room<'a>(&self, scratch: &'a mut [u8], reading: &Reading, from: u64) -> &'a mut [u8] {
        let length = if self.waits_at_nuls(reading) { index(self.scanned - from + PAGE) } else { usize::MAX };
        let length = length.min(scratch.len());
        &mut scratch[..length]
    }

    /// Takes the marker and the samples of what was read: `bytes` from `from` on, up to `scanned`.
    fn remember<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        file: &F,
        bytes: &[u8],
        from: u64,
        before: u64,
        reading: &Reading,
    ) -> io::Result<()> {
        let line = (self.offset > before && self.offset >= from).then(|| {
            let lines = &bytes[..index(self.offset - from)];
            let start = lines.split_last().and_then(|(_, rest)| memrchr(b'\n', rest)).map_or(0, |lf| lf + 1);
            (from + start as u64).max(before)
        });
        self.print.read(bytes, from, line, reading.clock);
        self.further.take_if(|further| further.marker().offset <= self.print.marker().offset);
        self.was_read = true;
        if self.print.wants_head() {
            if from == 0 {
                self.print.extend_head(bytes);
            } else {
                self.print.extend_head_from(disk, file)?;
            }
        }
        Ok(())
    }

    /// Nothing new by the size; but where the time of change has moved, the same size may hold other bytes.
    fn look_at_same_size<D: Disk<File = F>>(&mut self, disk: &D, file: &F, stat: &Stat) -> io::Result<Progress> {
        if self.as_read != Some((stat.size, stat.modified)) {
            if !self.print.stands(disk, file)? {
                return Ok(Progress::Rewritten);
            }
            self.as_read = Some((stat.size, stat.modified));
        }
        Ok(Progress::End { grew: false })
    }

    /// Reading stands in front of NUL bytes, `run` of the `count` bytes in `scratch`. `grew` tells whether bytes came before
    /// them.
    #[expect(clippy::too_many_arguments, reason = "all of them are what the read in front of it knows")]
    fn meet_nuls<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        file: &F,
        stat: &Stat,
        run: Run,
        count: usize,
        reading: &Reading,
        scratch: &mut [u8],
        out: &mut Vec<u8>,
        grew: bool,
    ) -> io::Result<Progress> {
        let start = self.scanned;
        let is_at_line_start = self.offset == start;
        let is_few = run.end < count && (run.end - run.start) as u64 <= FEW;
        let is_first = start == 0 && self.start == 0;
        let since = self.nuls.filter(|nuls| nuls.start == start).map_or(reading.now, |nuls| nuls.since);
        self.nuls = Some(Nuls { start, since });
        self.as_read = Some((stat.size, stat.modified));
        let is_over = reading.now >= since + reading.gap_after || (is_at_line_start && (is_few || is_first));
        if (is_over || start < self.hole.freed())
            && let Some((begin, end)) = hole::around(disk, file, start, self.start)?
        {
            return self.pass_hole(disk, file, begin, end, reading);
        }
        let seen = start + (run.end - run.start) as u64;
        let data = match is_over {
            false => None,
            true if run.end < count => Some(seen),
            true => next_content(disk, file, seen, scratch)?,
        };
        let Some(data) = data else { return Ok(Progress::End { grew }) };
        // Found out by several calls: only if it all stands as it did, the file was not truncated between them.
        let length = index(data - start).min(scratch.len());
        let count = read_full(disk, file, &mut scratch[..length], start)?;
        if count < length || scratch[..length].iter().any(|byte| *byte != 0) || !self.print.ends(disk, file)? {
            return Ok(Progress::End { grew });
        }
        if !is_at_line_start {
            self.cuts.push(start);
            self.emit_partial(disk, file, reading.shape, out)?;
        }
        if is_first {
            (self.start, self.marked) = (data, data);
        }
        self.hole_bytes += data - start;
        (self.offset, self.scanned, self.nuls, self.as_read) = (data, data, None, None);
        self.print.skip_to(data);
        Ok(Progress::More)
    }

    /// What was read last does not stand there any more. It may have been given back by another, who was faster than this
    /// reader; else the file was rewritten.
    fn meet_other_content<D: Disk<File = F>>(&mut self, disk: &D, file: &F, reading: &Reading) -> io::Result<Progress> {
        let marker = self.print.marker();
        for at in [marker.offset.saturating_sub(1), marker.start()] {
            if let Some((begin, end)) = hole::around(disk, file, at, self.start)? {
                return self.pass_hole(disk, file, begin, end, reading);
            }
        }
        Ok(Progress::Rewritten)
    }

    /// Goes on behind a hole, at the first line that did not begin in it.
    fn pass_hole<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        file: &F,
        begin: u64,
        end: u64,
        reading: &Reading,
    ) -> io::Result<Progress> {
        let Some(line) = hole::next_line(disk, file, end)? else { return Ok(Progress::End { grew: false }) };
        let mut before = [0; SAMPLE];
        let from = line.saturating_sub(SAMPLE as u64).max(end);
        let length = index(line - from);
        let count = read_full(disk, file, &mut before[..length], from)?;
        if count < length || !self.print.begins(disk, file)? {
            return Ok(Progress::Rewritten);
        }
        self.print.go_on_at(line, &before[..length], reading.clock);
        self.further = None;
        (self.offset, self.scanned, self.nuls, self.as_read) = (line, line, None, None);
        self.passed = Some((begin, end));
        Ok(Progress::More)
    }

    /// Emits the whole lines in `bytes`, which were read at `from` (not behind `offset`).
    fn take_lines(&mut self, shape: Shape, bytes: &[u8], from: u64, out: &mut Vec<u8>) {
        let known = index(self.scanned - from);
        let lines = &bytes[index(self.offset - from)..];
        self.scanned = from + bytes.len() as u64;
        let is_cut = self.cuts.iter().any(|cut| *cut >= self.offset);
        if is_cut || lines.len() > shape.max_line {
            self.take_pieces(shape, lines, out);
        } else if let Some(last) = memrchr(b'\n', &bytes[known..]) {
            let whole = index(from + (known + last) as u64 + 1 - self.offset);
            self.tag().emit_lines(out, shape, &lines[..whole], self.offset);
            self.offset += whole as u64;
        }
    }

    /// The slow and exact way: piece by piece.
    fn take_pieces(&mut self, shape: Shape, lines: &[u8], out: &mut Vec<u8>) {
        let mut rest = lines;
        while let Some(piece) = first_piece(rest, self.offset, &self.cuts) {
            let content = &rest[..piece.length - usize::from(piece.has_lf)];
            self.emit(shape, content, piece, out);
            rest = &rest[piece.length..];
        }
    }

    /// Emits one piece that begins at `offset`; `content` may already have been cut to the limit.
    fn emit(&mut self, shape: Shape, content: &[u8], piece: Piece, out: &mut Vec<u8>) {
        let start = self.offset;
        let length = piece.length - usize::from(piece.has_lf);
        let flags =
            Flags { partial: !piece.has_lf, continued: self.cuts.contains(&start), truncated: length > shape.max_line };
        self.offset += piece.length as u64;
        self.truncated_lines += u64::from(flags.truncated);
        // Of a line that left before its LF only the LF is left: the position moves on, and a watermark will tell it.
        if length > 0 || !flags.continued {
            self.tag().emit_piece(out, shape, &content[..content.len().min(shape.max_line)], start, self.offset, flags);
        }
    }

    /// Looks for the end of a long line in `bytes`, which were read from the marker on, and emits it when it is there. No
    /// more than the limit is ever held. False if the file was rewritten meanwhile.
    fn take_long<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        file: &F,
        shape: Shape,
        bytes: &[u8],
        from: u64,
        out: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let known = index(self.scanned - from);
        let Some(found) = first_piece(&bytes[known..], self.scanned, &self.cuts) else {
            self.scanned = from + bytes.len() as u64;
            return Ok(true);
        };
        let end = self.scanned + found.length as u64;
        let piece = Piece { length: index(end - self.offset), has_lf: found.has_lf };
        let mut content = vec![0; (piece.length - usize::from(piece.has_lf)).min(shape.max_line)];
        let count = read_full(disk, file, &mut content, self.offset)?;
        // Read at another moment than the bytes before and behind it: what holds both must still be there.
        if count < content.len() || !self.print.ends(disk, file)? {
            return Ok(false);
        }
        self.emit(shape, &content, piece, out);
        self.scanned = self.offset;
        Ok(true)
    }

    /// Whether the first `size` bytes have been read, and still stand where they stood.
    pub fn has_read<D: Disk<File = F>>(&self, disk: &D, size: u64) -> io::Result<bool> {
        Ok(self.scanned >= size && !self.is_rewritten(disk)?)
    }

    /// Whether the file is not what it was, as a read would find it.
    pub fn is_rewritten<D: Disk<File = F>>(&self, disk: &D) -> io::Result<bool> {
        let Some(file) = self.file() else { return Ok(false) };
        Ok(!self.stands(disk, file, &disk.stat_open(file)?)?)
    }

    /// Whether the file holds all that was read of it.
    pub fn stands<D: Disk<File = F>>(&self, disk: &D, file: &F, stat: &Stat) -> io::Result<bool> {
        Ok(stat.size >= self.least_size() && self.print.stands(disk, file)? && self.ends_further(disk, file)?)
    }

    /// How long the file is at least, if it holds all that was read of it.
    fn least_size(&self) -> u64 {
        let further = self.further.as_ref().map_or(0, |further| further.marker().offset);
        self.scanned.max(self.print.head().length).max(further)
    }

    /// Whether the last bytes stand that an earlier reading had come to, where that was further than this one.
    fn ends_further<D: Disk<File = F>>(&self, disk: &D, file: &F) -> io::Result<bool> {
        self.further.as_ref().map_or(Ok(true), |further| further.ends(disk, file))
    }

    /// Where the file ends in the middle of a line: records the cut there, which must be on disk before anything leaves,
    /// and emits what there is of the line. True if it did.
    pub fn part_line<D: Disk<File = F>>(&mut self, disk: &D, shape: Shape, out: &mut Vec<u8>) -> io::Result<bool> {
        let Some(file) = self.file() else { return Ok(false) };
        if !self.has_partial() || !self.is_at_end(disk, file)? {
            return Ok(false);
        }
        self.cuts.push(self.scanned);
        match std::mem::replace(&mut self.phase, Phase::Away) {
            Phase::Reading(file) => {
                let emitted = self.emit_partial(disk, &file, shape, out);
                self.phase = Phase::Reading(file);
                emitted.map(|()| true)
            }
            other => {
                self.phase = other;
                Ok(false)
            }
        }
    }

    /// Whether nothing but NUL bytes stands behind what was read.
    fn is_at_end<D: Disk<File = F>>(&self, disk: &D, file: &F) -> io::Result<bool> {
        let size = disk.stat_open(file)?.size;
        if size == self.scanned {
            return Ok(true);
        }
        let mut bytes = vec![0; index(PAGE)];
        Ok(size > self.scanned && next_content(disk, file, self.scanned, &mut bytes)?.is_none())
    }

    /// Emits what stands before the cut that has just been recorded at `scanned`.
    fn emit_partial<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        file: &F,
        shape: Shape,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let length = index(self.scanned - self.offset);
        let mut content = vec![0; length.min(shape.max_line)];
        let count = read_full(disk, file, &mut content, self.offset)?;
        if count == content.len() && self.print.ends(disk, file)? {
            self.emit(shape, &content, Piece { length, has_lf: false }, out);
        }
        Ok(())
    }

    /// Appends a watermark if the position has moved since the last, or `finished` says that this is the last.
    pub fn mark(&mut self, shape: Shape, finished: bool, out: &mut Vec<u8>) {
        if finished || self.marked != self.offset {
            self.marked = self.offset;
            self.tag().emit_mark(out, shape, self.offset, finished);
        }
    }

    /// Whether the position has moved since the last watermark.
    pub fn is_unmarked(&self) -> bool {
        self.marked != self.offset
    }
}

/// NUL bytes among some that were read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Run {
    start: usize,
    /// Behind the last of them; the end of the bytes, where it is not known what follows.
    end: usize,
}

impl Run {
    /// The first NUL bytes in `bytes[known..]` that are no content for sure: at the beginning of a line, at the end of the
    /// bytes, or a page of them. `is_line_start` tells whether a line begins at `known`.
    fn first(bytes: &[u8], known: usize, is_line_start: bool) -> Option<Self> {
        let mut from = known;
        while let Some(at) = memchr(0, &bytes[from..]) {
            let start = from + at;
            let end = bytes[start..].iter().position(|byte| *byte != 0).map_or(bytes.len(), |length| start + length);
            let begins_line = if start == known { is_line_start } else { bytes[start - 1] == b'\n' };
            if begins_line || end == bytes.len() || (end - start) as u64 >= PAGE {
                return Some(Self { start, end });
            }
            from = end;
        }
        None
    }
}

/// The offset of the first byte from `at` on that is not NUL; `None` where none stands before the end of the file.
pub fn next_content<D: Disk>(disk: &D, file: &D::File, at: u64, scratch: &mut [u8]) -> io::Result<Option<u64>> {
    let mut at = at;
    while let Some(from) = disk.next_data(file, at)? {
        let count = disk.read_at(file, scratch, from)?;
        let nuls = scratch[..count].iter().take_while(|byte| **byte == 0).count();
        at = from + nuls as u64;
        if nuls < count {
            return Ok(Some(at));
        }
        if count == 0 {
            break;
        }
    }
    Ok(None)
}

/// A distance inside a buffer.
fn index(distance: u64) -> usize {
    usize::try_from(distance).unwrap_or(usize::MAX)
}
