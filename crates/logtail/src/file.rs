//! One generation of one file, and what has become of it: it is open, waits for its turn, is looked for, or is finished. How
//! it is read stands in `reader`, what of it is no content in `nuls`, what its predecessors left to it in `owed`.

mod nuls;
mod owed;
mod reader;

use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use logline::position::Fid;
use logline::state::files::{Entry, Inode};

pub use nuls::next_content;
pub use owed::Owed;
pub use reader::{CHUNK, Progress, Reading};
use reader::{Reader, Source};

use crate::disk::{Disk, Stat};
use crate::emit::Shape;
use crate::fingerprint::Fingerprint;
use crate::hole::Hole;

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
        /// Its final watermark has been emitted.
        is_announced: bool,
    },
}

/// A generation that is, was or will be read.
#[derive(Debug)]
pub struct Generation<F> {
    /// The watched path under which it was first seen.
    path: Rc<Path>,
    /// How many generations had become known before it in this run.
    rank: u32,
    /// Where its content lies.
    inode: Inode,
    /// When the inode was made, where that is known.
    born: Option<NonZero<i64>>,
    phase: Phase<F>,
    reader: Reader,
    /// The present look has found it as the last read left it.
    rests: bool,
    /// It has been open in this run.
    was_open: bool,
    /// When bytes last came, or when it was opened.
    grown_at: Duration,
    /// When it was last seen on disk.
    seen_at: Duration,
    /// Where it was last seen, if not at its path.
    elsewhere: Option<Box<PathBuf>>,
}

impl<F> Generation<F> {
    /// One of which nothing is known but that `path` shows `inode`; it will be read from `start` on.
    pub fn new(fid: Fid, path: Rc<Path>, inode: Inode, start: u64, now: Duration) -> Self {
        Self::with_reader(path, inode, Reader::new(fid, start), now)
    }

    /// One that an earlier run has read under `path`; it is acknowledged up to `ack`, and goes on there. Acknowledged to its end it
    /// stays finished; any other is away until it is found, or, where its inode holds something else, in a copy.
    pub fn from_entry(entry: &Entry, path: Rc<Path>, ack: u64, now: Duration) -> Self {
        let mut generation = Self::with_reader(path, entry.inode, Reader::from_entry(entry, ack), now);
        generation.born = entry.born.and_then(NonZero::new);
        generation.phase = match entry.end {
            Some(end) if ack >= end => Phase::Finished { end, is_announced: true },
            _ if entry.inode == Inode::NOWHERE => Phase::SeekingCopy { tries: 0 },
            _ => Phase::Away,
        };
        generation
    }

    /// What is owed of earlier generations of its content is read first.
    pub fn owes(&mut self, owed: Owed) {
        self.reader.owes(owed);
        self.phase = Phase::Away;
    }

    /// The same of one that has just been opened where its own content begins: what stands in front of that proves from now
    /// on, in this run and in later ones, that the content is still there.
    pub fn goes_back_to<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        owed: Owed,
        stat: &Stat,
        reading: &Reading,
    ) -> io::Result<()> {
        let Phase::Reading(file) = &self.phase else { return Ok(()) };
        self.reader.owes(owed);
        self.reader.go_on_in(disk, file, stat, self.reader.offset(), reading)
    }

    fn with_reader(path: Rc<Path>, inode: Inode, reader: Reader, now: Duration) -> Self {
        Self {
            path,
            rank: 0,
            inode,
            born: None,
            phase: Phase::Away,
            reader,
            rests: false,
            was_open: false,
            grown_at: now,
            seen_at: now,
            elsewhere: None,
        }
    }

    /// What is to be remembered of it.
    pub fn entry(&self) -> Entry {
        let print = self.furthest();
        Entry {
            fid: self.fid(),
            path: self.path.to_path_buf(),
            inode: self.inode,
            born: self.born(),
            head: self.print().head(),
            samples: print.samples().copied().collect(),
            marker: print.marker(),
            start: self.start(),
            since: self.since(),
            cuts: self.reader.cuts().to_vec(),
            freed: self.hole().freed(),
            end: self.end(),
            successor: self.successor(),
        }
    }

    // What it is.

    /// How many generations had become known before it in this run.
    pub fn rank(&self) -> u32 {
        self.rank
    }

    /// It becomes known when `rank` others are.
    pub fn ranks(&mut self, rank: u32) {
        self.rank = rank;
    }

    /// Its name.
    pub fn fid(&self) -> Fid {
        self.print().key()
    }

    /// The watched path under which it was first seen.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same, to be shared.
    pub fn shared_path(&self) -> &Rc<Path> {
        &self.path
    }

    /// Where its content lies; [`Inode::NOWHERE`] once its inode holds something else.
    pub fn inode(&self) -> Inode {
        self.inode
    }

    /// The first offset that was to be emitted.
    pub fn start(&self) -> u64 {
        self.reader.start()
    }

    /// The offset from which on it was delivered without a gap.
    pub fn since(&self) -> u64 {
        self.reader.since()
    }

    /// Where it was last seen, watched path or not.
    pub fn place(&self) -> &Path {
        self.elsewhere.as_deref().map_or(&*self.path, PathBuf::as_path)
    }

    /// What has been given back of it.
    pub fn hole(&self) -> &Hole {
        self.reader.hole()
    }

    /// What has been read of it.
    pub fn print(&self) -> &Fingerprint {
        self.reader.print()
    }

    /// What it is known by now: what has been read of it, or, if that is nothing, what was noted when it was set aside.
    pub fn known_by(&self) -> &Fingerprint {
        self.reader.known_by()
    }

    /// What the checkpoint is to know it again by: never less than it was known by before.
    pub fn furthest(&self) -> &Fingerprint {
        if self.is_finished() { self.print() } else { self.reader.furthest() }
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

    /// The generation as which its content went on in the same file.
    pub fn successor(&self) -> Option<Fid> {
        self.reader.successor()
    }

    /// Whether its final watermark has not been emitted although it is finished.
    pub fn is_unannounced(&self) -> bool {
        matches!(self.phase, Phase::Finished { is_announced: false, .. })
    }

    /// Whether no byte of it has ever been read: then nothing but its inode tells it from another file.
    pub fn is_blank(&self) -> bool {
        self.reader.is_blank()
    }

    /// The end of the last line emitted.
    pub fn offset(&self) -> u64 {
        self.reader.offset()
    }

    /// How far it was read, or had been read by an earlier run.
    pub fn read_to(&self) -> u64 {
        let known_by = self.known_by();
        self.end().unwrap_or(self.offset()).max(known_by.marker().offset).max(known_by.head().length)
    }

    /// The size when it was last looked at.
    pub fn size(&self) -> u64 {
        self.reader.size()
    }

    /// How many bytes of it had been seen and have not been read. Bytes without their LF, and NUL bytes at the end, do not
    /// count.
    pub fn unread(&self) -> u64 {
        self.reader.unread()
    }

    /// Whether NUL bytes are waited for in front of which reading stands.
    pub fn waits_at_nuls(&self, reading: &Reading) -> bool {
        self.reader.waits_at_nuls(reading)
    }

    /// The end of what has been read of it.
    pub fn scanned(&self) -> u64 {
        self.reader.scanned()
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
        self.reader.hole_bytes()
    }

    /// How many of its lines were cut at the limit.
    pub fn truncated_lines(&self) -> u64 {
        self.reader.truncated_lines()
    }

    /// The offset of the marker in the last checkpoint that was kept.
    pub fn kept_marker(&self) -> u64 {
        self.reader.kept_marker()
    }

    /// Whether the last checkpoint that was kept could not tell, were all that was emitted acknowledged, that this is still
    /// the same file: its marker stands in front of that, and its head is short although the file is not.
    pub fn is_uncovered(&self) -> bool {
        self.reader.is_uncovered()
    }

    /// Whether bytes at its end have been read and have no LF yet.
    pub fn has_partial(&self) -> bool {
        self.reader.has_partial()
    }

    // What becomes of it.

    /// It was seen on disk.
    pub fn was_seen(&mut self, now: Duration) {
        self.seen_at = now;
    }

    /// It lies there now.
    pub fn lies_at(&mut self, place: &Path) {
        if self.place() != place {
            self.elsewhere = (*place != *self.path).then(|| Box::new(place.to_owned()));
        }
    }

    /// What lies between the two offsets is to be given back: the next checkpoint says so, and nothing is compared with it
    /// any more.
    pub fn gives_back(&mut self, from: u64, to: u64) {
        self.reader.gives_back(from, to);
    }

    /// A checkpoint was kept that says what is known of it now.
    pub fn was_kept(&mut self, is_on_disk: bool) {
        self.reader.was_kept(self.furthest().marker().offset);
        if is_on_disk {
            self.reader.hole_was_said();
        }
    }

    /// What stands between `since` and its start was delivered in an earlier boot, and given back up to `freed`.
    pub fn goes_on_with(&mut self, since: u64, freed: u64) {
        self.reader.goes_on_with(since, freed);
    }

    /// All below `end` has been given back, which has changed what is told of the file from `before` to `after`.
    pub fn has_given_back(&mut self, end: u64, before: &Stat, after: &Stat) {
        self.reader.hole_mut().was_punched(end);
        let as_it_was = (before.size, before.modified);
        let as_it_is = Some((after.size, after.modified)).filter(|_| after.size == before.size);
        self.reader.looks_otherwise(as_it_was, as_it_is);
    }

    /// Nothing more of it may be given back.
    pub fn keeps_the_rest(&mut self) {
        self.reader.hole_mut().ends_here();
    }

    /// The beginning and the end of a hole over which the last read has gone; asked once.
    pub fn take_passed(&mut self) -> Option<(u64, u64)> {
        self.reader.take_passed()
    }

    /// Bytes have come.
    pub fn has_grown(&mut self, now: Duration) {
        self.grown_at = now;
    }

    /// A look has found it, and by `stat` it is as the last read left it, or is not.
    pub fn was_looked_at(&mut self, stat: &Stat) {
        self.rests = self.is_open() && self.reader.rests_as(stat);
    }

    /// Whether the present look has found it as the last read left it; asked once.
    pub fn take_rest(&mut self) -> bool {
        std::mem::take(&mut self.rests)
    }

    /// Whether the closed file looks as it did when it was closed.
    pub fn is_as_left(&self, stat: &Stat) -> bool {
        self.is_finished() && self.reader.is_read_as(stat)
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
        let known = self.born.filter(|_| self.inode == stat.inode);
        (self.inode, self.born) = (stat.inode, disk.born(&file).and_then(NonZero::new).or(known));
        (self.grown_at, self.seen_at) = (reading.now, reading.now);
        self.reader.go_on_in(disk, &file, stat, offset, reading)?;
        self.phase = Phase::Reading(file);
        self.was_open = true;
        Ok(())
    }

    /// Whether it is closed although its path shows it, because it brought nothing and descriptors were short; it is at
    /// its end as long as it looks as it was read.
    pub fn is_dozing(&self) -> bool {
        matches!(self.phase, Phase::Away) && self.reader.is_read() && !self.has_partial()
    }

    /// Whether the file, which is closed, looks as it was read.
    pub fn is_as_read(&self, stat: &Stat) -> bool {
        self.is_dozing() && self.reader.is_read_as(stat)
    }

    /// Whether it can be closed for a while without missing anything: it has been read to its end, and holds no beginning
    /// of a line.
    pub fn can_doze(&self) -> bool {
        self.is_open() && self.reader.rests() && !self.has_partial()
    }

    /// Whether the last read came to its end, or to NUL bytes.
    pub fn is_read(&self) -> bool {
        self.reader.is_read()
    }

    /// Notes how the file begins and ends, if nothing has been read of it.
    pub fn note<D: Disk<File = F>>(&mut self, disk: &D, size: u64, reading: &Reading) -> io::Result<()> {
        let Phase::Reading(file) = &self.phase else { return Ok(()) };
        self.reader.note(disk, file, size, reading)
    }

    /// Closes it until its turn comes.
    pub fn set_aside(&mut self) {
        if self.is_open() {
            self.phase = Phase::Away;
            self.reader.looks(None);
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
            self.reader.looks(None);
        }
    }

    /// Its inode holds something else now: what has not been read of it may lie in a copy.
    pub fn lose_content(&mut self, now: Duration) {
        self.inode = Inode::NOWHERE;
        self.seen_at = now;
        if !self.is_finished() {
            self.phase = Phase::SeekingCopy { tries: 0 };
        }
    }

    /// Its content goes on as another generation, `successor`: this one ends where it was read to, and its final watermark is
    /// still to be emitted. Where it had been read less far than to `owed`, the successor emits what stands in front of that,
    /// and the watermark.
    pub fn leave_content(&mut self, successor: Fid, owed: Option<u64>, now: Duration) {
        (self.inode, self.seen_at) = (Inode::NOWHERE, now);
        let end = owed.or(self.end()).unwrap_or(self.offset());
        self.phase = Phase::Finished { end, is_announced: owed.is_some() || self.is_finished() };
        self.reader.looks(None);
        self.reader.goes_on_as(successor);
    }

    /// What is owed of it and its predecessors in front of `line`, where another generation is to go on.
    pub fn owed_before(&self, line: u64) -> Option<Owed> {
        self.reader.owed_before(line)
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
        self.reader.restore(print);
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
        self.phase = Phase::Finished { end: self.offset(), is_announced: false };
        self.reader.looks(None);
    }

    /// It was there before anyone looked, and is not ours up to `end`.
    pub fn enter_as_done(&mut self, end: u64, stat: &Stat) {
        self.phase = Phase::Finished { end, is_announced: true };
        self.reader.looks((stat.size == end).then_some((stat.size, stat.modified)));
    }

    /// The closed file looks like this, and has not gone on.
    pub fn was_left_as(&mut self, stat: &Stat) {
        if self.is_finished() {
            self.reader.looks(Some((stat.size, stat.modified)));
        }
    }

    /// It is finished, and its content lies in `inode` now, compressed or not, which was made at `born`.
    pub fn is_held_by(&mut self, inode: Inode, born: Option<i64>, now: Duration) {
        (self.inode, self.born, self.seen_at) = (inode, born.and_then(NonZero::new), now);
        if self.is_finished() {
            self.reader.looks(None);
        }
    }

    /// When the inode was made, where that is known.
    pub fn born(&self) -> Option<i64> {
        self.born.map(NonZero::get)
    }

    /// Closes it for good: nothing more will come. Appends its final watermark.
    pub fn finish<D: Disk<File = F>>(&mut self, disk: &D, shape: Shape, out: &mut Vec<u8>) {
        let stat = self.file().and_then(|file| disk.stat_open(file).ok());
        self.mark(shape, true, out);
        let end = self.end().unwrap_or(self.offset());
        self.phase = Phase::Finished { end, is_announced: true };
        self.reader.looks(stat.map(|stat| (stat.size, stat.modified)));
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
        match &self.phase {
            Phase::Reading(file) => self.reader.read(&Source { disk, file, path: &self.path }, reading, scratch, out),
            _ => Ok(Progress::End { grew: false }),
        }
    }

    /// Where the file ends in the middle of a line: records the cut there, which must be on disk before anything leaves,
    /// and emits what there is of the line. True if it did.
    pub fn part_line<D: Disk<File = F>>(&mut self, disk: &D, shape: Shape, out: &mut Vec<u8>) -> io::Result<bool> {
        match &self.phase {
            Phase::Reading(file) => self.reader.part_line(&Source { disk, file, path: &self.path }, shape, out),
            _ => Ok(false),
        }
    }

    /// Whether the first `size` bytes have been read, and still stand where they stood.
    pub fn has_read<D: Disk<File = F>>(&self, disk: &D, size: u64) -> io::Result<bool> {
        Ok(self.scanned() >= size && !self.is_rewritten(disk)?)
    }

    /// Whether the file is not what it was, as a read would find it.
    pub fn is_rewritten<D: Disk<File = F>>(&self, disk: &D) -> io::Result<bool> {
        let Some(file) = self.file() else { return Ok(false) };
        Ok(!self.stands(disk, file, &disk.stat_open(file)?)?)
    }

    /// Whether the file holds all that was read of it.
    pub fn stands<D: Disk<File = F>>(&self, disk: &D, file: &F, stat: &Stat) -> io::Result<bool> {
        self.reader.stands(disk, file, stat)
    }

    /// Whether `candidate`, `size` bytes long, is a copy of it that was made before it was truncated.
    pub fn is_copied_to<D: Disk<File = F>>(&self, disk: &D, candidate: &F, size: u64) -> io::Result<bool> {
        self.reader.is_copied_to(disk, candidate, size)
    }

    /// Appends a watermark if the position has moved since the last, or `finished` says that this is the last.
    pub fn mark(&mut self, shape: Shape, finished: bool, out: &mut Vec<u8>) {
        self.reader.mark(shape, finished, out);
    }

    /// Whether the position has moved since the last watermark.
    pub fn is_unmarked(&self) -> bool {
        self.reader.is_unmarked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gzip::Content;
    use logline::state::files::{Head, Sample};
    use std::os::fd::OwnedFd;

    #[test]
    fn one_of_many_takes_little_memory() {
        // The next size that musl has is 320 bytes, of which four are its own.
        assert!(size_of::<Generation<Content<OwnedFd>>>() <= 316, "{}", size_of::<Generation<Content<OwnedFd>>>());
    }

    #[test]
    fn what_only_few_files_have_outlives_a_restart() {
        let plain = Entry {
            fid: Fid(7),
            path: PathBuf::from("a"),
            inode: Inode { device: 1, number: 2 },
            born: None,
            head: Head::default(),
            samples: Vec::new(),
            marker: Sample { offset: 100, ..Sample::default() },
            start: 20,
            since: 20,
            cuts: Vec::new(),
            freed: 0,
            end: None,
            successor: None,
        };
        let taken_up =
            |entry: &Entry| Generation::<()>::from_entry(entry, Rc::from(Path::new("a")), 60, Duration::ZERO);
        let of_few = [
            Entry { cuts: vec![60, 80], ..plain.clone() },
            Entry { since: 10, ..plain.clone() },
            Entry { freed: 4096, ..plain.clone() },
        ];
        for entry in of_few.iter().chain([&plain]) {
            assert_eq!(taken_up(entry).entry(), *entry);
        }
        let acknowledged = Entry { cuts: vec![40, 60], ..plain };
        assert_eq!(taken_up(&acknowledged).entry().cuts, [60], "the others are never read again");
    }
}
