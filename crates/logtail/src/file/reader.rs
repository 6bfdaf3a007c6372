//! How far one generation has been read, and reading on.
//!
//! The invariant: `start <= offset <= scanned`; all whole lines of `start..offset` have been emitted, no LF stands in
//! `offset..scanned`, and the marker is made of the last bytes before `scanned`. Only while something is owed of earlier
//! generations of the same content, `offset` is in front of `start`: their lines leave first, under their names. Each read
//! begins at the marker and compares it, so that a file that was rewritten in place is found out before a byte of it is taken
//! for the old one.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use memchr::memrchr;

use logline::line::write_mark;
use logline::position::{Fid, Flags, Mark};
use logline::state::files::Entry;

use super::nuls::{Nuls, PAGE, Run, next_content};
use super::owed::{Owed, Predecessors};
use crate::disk::{Disk, Stat};
use crate::emit::{Piece, Shape, Tag, first_piece};
use crate::fingerprint::{Fingerprint, HEAD, SAMPLE, read_full};
use crate::hole::{self, Hole};

/// How many bytes one read takes.
pub const CHUNK: usize = 256 << 10;

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
    /// How many bytes a sample of the file covers at most, of which a read holds several.
    pub sample: usize,
}

/// What is read.
pub struct Source<'a, D: Disk> {
    /// Where it lies.
    pub disk: &'a D,
    /// The open file.
    pub file: &'a D::File,
    /// The path that its lines carry.
    pub path: &'a Path,
}

/// See the module.
#[derive(Debug)]
pub struct Reader {
    print: Fingerprint,
    /// What an earlier reading knew of the file, as long as it had read further than this one has.
    further: Option<Box<Fingerprint>>,
    /// The offset of the marker in the last checkpoint that was kept.
    kept_marker: u64,
    /// The length of the head there.
    kept_head: u16,
    /// The first offset that was to be emitted.
    start: u64,
    /// The end of the last line emitted.
    offset: u64,
    /// The end of what has been read; nothing behind `offset` has been emitted.
    scanned: u64,
    /// The size when it was last looked at.
    size: u64,
    /// The offset that the last watermark told.
    marked: u64,
    /// The size and the time of the last change when the last read came to the end, or when it was closed for good.
    as_read: Option<(u64, i64)>,
    /// A byte of it has been read, in this run or an earlier one.
    was_read: bool,
    rare: Option<Box<Rare>>,
}

/// What few files have. It is kept apart, for there may be tens of thousands of files.
#[derive(Default, Debug)]
struct Rare {
    /// The offsets at which a line was cut in two for ever.
    cuts: Vec<u64>,
    /// The earlier generations of which something is still to be emitted.
    predecessors: Predecessors,
    /// The generation as which the content went on in the same file.
    successor: Option<Fid>,
    /// The NUL bytes at `scanned`, where reading stands still in front of some.
    nuls: Option<Nuls>,
    /// NUL bytes that were skipped.
    hole_bytes: u64,
    /// Lines that were cut at the limit.
    truncated_lines: u64,
    /// The offset from which on it was delivered without a gap, where that is not `start`.
    since: Option<u64>,
    /// What has been given back of it.
    hole: Hole,
    /// The beginning and the end of a hole over which the last read has gone.
    passed: Option<(u64, u64)>,
}

/// Of a file that has nothing of all this.
static NOTHING: Rare = Rare {
    cuts: Vec::new(),
    predecessors: Predecessors::NONE,
    successor: None,
    nuls: None,
    hole_bytes: 0,
    truncated_lines: 0,
    since: None,
    hole: Hole::NONE,
    passed: None,
};

impl Reader {
    /// Of a file of which nothing has been read; it will be from `start` on.
    pub fn new(fid: Fid, start: u64) -> Self {
        Self {
            print: Fingerprint::new(fid, start),
            further: None,
            kept_marker: 0,
            kept_head: 0,
            start,
            offset: start,
            scanned: start,
            size: start,
            marked: start,
            as_read: None,
            was_read: false,
            rare: None,
        }
    }

    /// Of one that an earlier run has read, and that is acknowledged up to `ack`: it goes on there.
    pub fn from_entry(entry: &Entry, ack: u64) -> Self {
        let mut reader = Self::new(entry.fid, entry.start);
        reader.print = Fingerprint::from_entry(entry);
        reader.was_read = !reader.print.is_blank();
        reader.was_kept(entry.marker.offset);
        let cuts: Vec<u64> = entry.cuts.iter().copied().filter(|cut| *cut >= ack).collect();
        let since = Some(entry.since).filter(|since| *since < entry.start);
        if entry.freed > 0 || since.is_some() || !cuts.is_empty() {
            let hole = Hole::from_checkpoint(entry.freed);
            reader.rare = Some(Box::new(Rare { cuts, since, hole, ..Rare::default() }));
        }
        (reader.offset, reader.scanned, reader.marked) = (ack, ack, ack);
        reader.size = entry.read_to().max(ack);
        reader
    }

    /// Reads what is owed of earlier generations first.
    pub fn owes(&mut self, owed: Owed) {
        (self.offset, self.scanned, self.marked) = (owed.from, owed.from, owed.from);
        let rare = self.rare_mut();
        rare.cuts.extend(owed.cuts);
        rare.predecessors = owed.of;
    }

    /// What is owed of it and its predecessors in front of `line`, where another generation is to go on.
    pub fn owed_before(&self, line: u64) -> Option<Owed> {
        let of = self.rare().predecessors.left(self.print.key(), self.offset, line);
        let cuts = self.cuts().iter().copied().filter(|cut| *cut < line).collect();
        (!of.is_empty()).then_some(Owed { from: self.offset, of, cuts })
    }

    /// The content goes on as another generation.
    pub fn goes_on_as(&mut self, successor: Fid) {
        self.rare_mut().successor = Some(successor);
    }

    /// The generation as which the content went on in the same file.
    pub fn successor(&self) -> Option<Fid> {
        self.rare().successor
    }

    fn rare(&self) -> &Rare {
        self.rare.as_deref().unwrap_or(&NOTHING)
    }

    fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Reading does not stand still in front of NUL bytes.
    fn meets_no_nuls(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.nuls = None;
        }
    }

    // What it has come to.

    /// The first offset that was to be emitted.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// The offset from which on it was delivered without a gap: what was read under another fid counts too.
    pub fn since(&self) -> u64 {
        self.rare().since.unwrap_or(self.start)
    }

    /// What stands between `since` and the start was delivered under another fid, and given back up to `freed`.
    pub fn goes_on_with(&mut self, since: u64, freed: u64) {
        let rare = self.rare_mut();
        (rare.since, rare.hole) = (Some(since), Hole::from_checkpoint(freed));
    }

    /// The end of the last line emitted.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The end of what has been read.
    pub fn scanned(&self) -> u64 {
        self.scanned
    }

    /// The size when it was last looked at.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The offsets at which a line was cut in two for ever.
    pub fn cuts(&self) -> &[u64] {
        &self.rare().cuts
    }

    /// What has been read.
    pub fn print(&self) -> &Fingerprint {
        &self.print
    }

    /// The same, or what an earlier reading knew, if that had come further.
    pub fn furthest(&self) -> &Fingerprint {
        self.further.as_deref().unwrap_or(&self.print)
    }

    /// What has been given back.
    pub fn hole(&self) -> &Hole {
        &self.rare().hole
    }

    /// A checkpoint is on disk that says how far the hole is to reach.
    pub fn hole_was_said(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.hole.was_said();
        }
    }

    /// The hole, to be changed.
    pub fn hole_mut(&mut self) -> &mut Hole {
        &mut self.rare_mut().hole
    }

    /// Whether nothing tells the file from another: no byte has ever been read.
    pub fn is_blank(&self) -> bool {
        !self.was_read && self.scanned == self.start && self.further.is_none()
    }

    /// Notes how the file begins and ends, of which nothing has been read yet and which is to be closed.
    pub fn note<D: Disk>(&mut self, disk: &D, file: &D::File, size: u64, reading: &Reading) -> io::Result<()> {
        if self.is_blank() && size > self.scanned {
            let key = self.print.key();
            let print = Fingerprint::of_unread(key, disk, file, size, reading.sample, reading.clock)?;
            self.further = Some(Box::new(print));
        }
        Ok(())
    }

    /// What the file is known by: what was read of it, or else what was noted of it.
    pub fn known_by(&self) -> &Fingerprint {
        if self.print.is_blank() { self.furthest() } else { &self.print }
    }

    /// Whether bytes at the end have been read and have no LF yet.
    pub fn has_partial(&self) -> bool {
        self.scanned > self.offset
    }

    /// How many bytes had been seen and have not been read. Bytes without their LF, and NUL bytes at the end, do not count.
    pub fn unread(&self) -> u64 {
        let end = self.rare().nuls.map_or(self.size, |nuls| nuls.start);
        end.saturating_sub(self.scanned.max(self.offset))
    }

    /// Whether the last read came to the end, or to NUL bytes.
    pub fn is_read(&self) -> bool {
        self.as_read.is_some()
    }

    /// The same, and by `stat` it looks as it did then.
    pub fn is_read_as(&self, stat: &Stat) -> bool {
        self.as_read == Some((stat.size, stat.modified))
    }

    /// Whether the last read came to the end, and no NUL bytes stand there.
    pub fn rests(&self) -> bool {
        self.is_read() && self.rare().nuls.is_none()
    }

    /// The same, and by `stat` it looks as it did then.
    pub fn rests_as(&self, stat: &Stat) -> bool {
        self.is_read_as(stat) && self.rare().nuls.is_none()
    }

    /// So the file looks that has been read to its end; `None` where that is not known.
    pub fn looks(&mut self, as_read: Option<(u64, i64)>) {
        self.as_read = as_read;
    }

    /// What is told of the file has changed, and its content has not.
    pub fn looks_otherwise(&mut self, before: (u64, i64), after: Option<(u64, i64)>) {
        if self.as_read == Some(before) {
            self.as_read = after;
        }
    }

    /// Whether NUL bytes are waited for in front of which reading stands.
    pub fn waits_at_nuls(&self, reading: &Reading) -> bool {
        self.rare().nuls.is_some_and(|nuls| reading.now < nuls.since + reading.gap_after)
    }

    /// How many NUL bytes were skipped.
    pub fn hole_bytes(&self) -> u64 {
        self.rare().hole_bytes
    }

    /// How many lines were cut at the limit.
    pub fn truncated_lines(&self) -> u64 {
        self.rare().truncated_lines
    }

    /// The beginning and the end of a hole over which the last read has gone; asked once.
    pub fn take_passed(&mut self) -> Option<(u64, u64)> {
        self.rare.as_mut()?.passed.take()
    }

    /// The offset of the marker in the last checkpoint that was kept.
    pub fn kept_marker(&self) -> u64 {
        self.kept_marker
    }

    /// A checkpoint was kept in which this is the `marker`.
    pub fn was_kept(&mut self, marker: u64) {
        self.kept_marker = marker;
        // It covers no more than a KiB.
        self.kept_head = u16::try_from(self.print.head().length).unwrap_or(u16::MAX);
    }

    /// Whether the last checkpoint that was kept could not tell, were all that was emitted acknowledged, that this is still
    /// the same file: its marker stands in front of that, and its head is short although the file is not.
    pub fn is_uncovered(&self) -> bool {
        self.offset > self.kept_marker && self.offset.min(HEAD as u64) > u64::from(self.kept_head)
    }

    /// What lies between the two offsets is to be given back: nothing is compared with it any more.
    pub fn gives_back(&mut self, from: u64, to: u64) {
        self.hole_mut().is_to_reach(to);
        for print in [Some(&mut self.print), self.further.as_deref_mut()].into_iter().flatten() {
            print.give_back(from, to);
        }
    }

    /// What was taken from another content does not count: only `print` does.
    pub fn restore(&mut self, print: Fingerprint) {
        self.print = print;
    }

    // What the file holds.

    /// Whether the file holds all that was read of it.
    pub fn stands<D: Disk>(&self, disk: &D, file: &D::File, stat: &Stat) -> io::Result<bool> {
        Ok(stat.size >= self.least_size() && self.print.stands(disk, file)? && self.ends_further(disk, file)?)
    }

    /// Whether `candidate`, `size` bytes long, is a copy of it that was made before it was truncated. What an earlier reading
    /// knew counts where the candidate is long enough to hold it.
    pub fn is_copied_to<D: Disk>(&self, disk: &D, candidate: &D::File, size: u64) -> io::Result<bool> {
        let further = self.further.as_deref().filter(|further| further.marker().offset <= size);
        further.unwrap_or(&self.print).is_copied_to(disk, candidate, size)
    }

    /// How long the file is at least, if it holds all that was read of it.
    fn least_size(&self) -> u64 {
        let further = self.further.as_ref().map_or(0, |further| further.marker().offset);
        self.scanned.max(self.print.head().length).max(further)
    }

    /// Whether the last bytes stand that an earlier reading had come to, where that was further than this one.
    fn ends_further<D: Disk>(&self, disk: &D, file: &D::File) -> io::Result<bool> {
        self.further.as_ref().map_or(Ok(true), |further| further.ends(disk, file))
    }

    /// Whether nothing but NUL bytes stands behind what was read.
    fn is_at_end<D: Disk>(&self, disk: &D, file: &D::File) -> io::Result<bool> {
        let size = disk.stat_open(file)?.size;
        if size == self.scanned {
            return Ok(true);
        }
        let mut bytes = vec![0; index(PAGE)];
        Ok(size > self.scanned && next_content(disk, file, self.scanned, &mut bytes)?.is_none())
    }

    // How it goes on.

    /// Goes on in `file`, which holds the content, from `offset` on (0 to its end), and takes what later reads are compared
    /// with.
    pub fn go_on_in<D: Disk>(
        &mut self,
        disk: &D,
        file: &D::File,
        stat: &Stat,
        offset: u64,
        reading: &Reading,
    ) -> io::Result<()> {
        let mut before = [0; SAMPLE];
        let from = offset.saturating_sub(reading.sample as u64);
        let count = read_full(disk, file, &mut before[..index(offset - from)], from)?;
        let offset = from + count as u64;
        if (offset + 1..=stat.size).contains(&self.print.marker().offset) {
            self.further.get_or_insert_with(|| Box::new(self.print.clone()));
        }
        self.further.take_if(|further| further.marker().offset > stat.size);
        self.print.go_on_at(offset, &before[..count], reading.clock);
        let is_inside_line = before[..count].last().is_some_and(|byte| *byte != b'\n' && *byte != 0);
        if is_inside_line && offset > self.start && !self.rare().cuts.contains(&offset) {
            // Acknowledged up to here, the line was cut here, even if an older copy of the state does not know of it.
            self.rare_mut().cuts.push(offset);
        }
        (self.offset, self.scanned, self.size) = (offset, offset, stat.size);
        self.as_read = None;
        self.meets_no_nuls();
        self.print.extend_head_from(disk, file)
    }

    /// Reads once, as much as `scratch` holds, and appends the lines that are whole to `out`.
    pub fn read<D: Disk>(
        &mut self,
        source: &Source<'_, D>,
        reading: &Reading,
        scratch: &mut [u8],
        out: &mut Vec<u8>,
    ) -> io::Result<Progress> {
        let Source { disk, file, path } = *source;
        let stat = disk.stat_open(file)?;
        if stat.size < self.least_size() {
            return Ok(Progress::Rewritten);
        }
        let seen = std::mem::replace(&mut self.size, stat.size);
        if stat.size == self.scanned {
            self.meets_no_nuls();
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
            let progress = self.meet_other_content(disk, file, reading)?;
            if matches!(progress, Progress::Rewritten) {
                // The new size is that of other content.
                self.size = seen;
            }
            return Ok(progress);
        }
        let run = Run::first(&scratch[..count], known, self.scanned == self.offset);
        let end = run.map_or(count, |run| run.start);
        if end > known {
            let bytes = &scratch[..end];
            let before = self.offset;
            if !is_long {
                self.take_lines(path, reading.shape, bytes, from, out);
            } else if !self.take_long(source, reading.shape, bytes, from, out)? {
                self.size = seen;
                return Ok(Progress::Rewritten);
            }
            self.remember(disk, file, &scratch[..index(self.scanned - from)], from, before, reading)?;
        }
        if let Some(run) = run
            && self.scanned == from + run.start as u64
        {
            let progress = self.meet_nuls(source, &stat, run, count, reading, scratch, out)?;
            return Ok(progress.unwrap_or(Progress::End { grew: end > known }));
        }
        self.meets_no_nuls();
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
    fn remember<D: Disk>(
        &mut self,
        disk: &D,
        file: &D::File,
        bytes: &[u8],
        from: u64,
        before: u64,
        reading: &Reading,
    ) -> io::Result<()> {
        let line = (self.offset > before).then(|| {
            let lines = &bytes[..index(self.offset - from)];
            let start = lines.split_last().and_then(|(_, rest)| memrchr(b'\n', rest)).map_or(0, |lf| lf + 1);
            from + start as u64
        });
        self.print.read(bytes, from, line, reading.sample, reading.clock);
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
    fn look_at_same_size<D: Disk>(&mut self, disk: &D, file: &D::File, stat: &Stat) -> io::Result<Progress> {
        if self.as_read != Some((stat.size, stat.modified)) {
            if !self.print.stands(disk, file)? {
                return Ok(Progress::Rewritten);
            }
            self.as_read = Some((stat.size, stat.modified));
        }
        Ok(Progress::End { grew: false })
    }

    /// Reading stands in front of NUL bytes, `run` of the `count` bytes in `scratch`. `None` if it stays there for now.
    #[expect(clippy::too_many_arguments, reason = "all of them are what the read in front of it knows")]
    fn meet_nuls<D: Disk>(
        &mut self,
        source: &Source<'_, D>,
        stat: &Stat,
        run: Run,
        count: usize,
        reading: &Reading,
        scratch: &mut [u8],
        out: &mut Vec<u8>,
    ) -> io::Result<Option<Progress>> {
        let Source { disk, file, .. } = *source;
        let start = self.scanned;
        let is_at_line_start = self.offset == start;
        let is_first = start == 0 && self.start == 0;
        let since = self.rare().nuls.filter(|nuls| nuls.start == start).map_or(reading.now, |nuls| nuls.since);
        self.rare_mut().nuls = Some(Nuls { start, since });
        self.as_read = Some((stat.size, stat.modified));
        let is_over = reading.now >= since + reading.gap_after || (is_at_line_start && (run.is_few(count) || is_first));
        if (is_over || start < self.rare().hole.freed())
            && let Some((begin, end)) = hole::around(disk, file, start, self.since())?
        {
            return self.pass_hole(disk, file, begin, end, reading).map(Some);
        }
        let seen = start + run.length();
        let data = match is_over {
            false => None,
            true if run.end < count => Some(seen),
            true => next_content(disk, file, seen, scratch)?,
        };
        let Some(data) = data else { return Ok(None) };
        // Of what stands behind them, the first bytes prove at the next read that it is still there. All this was found out
        // by several calls: only if it all stands as it did, the file was not truncated between them.
        let mut first = [0; SAMPLE];
        let filled = read_full(disk, file, &mut first[..reading.sample], data)?;
        let first = first[..filled].split(|byte| matches!(byte, b'\n' | 0)).next().unwrap_or_default();
        let length = index(data - start).min(scratch.len());
        let count = read_full(disk, file, &mut scratch[..length], start)?;
        if count < length || scratch[..length].iter().any(|byte| *byte != 0) || !self.print.ends(disk, file)? {
            return Ok(None);
        }
        if !is_at_line_start && !self.cut_line(source, reading.shape, out)? {
            return Ok(None);
        }
        if is_first {
            (self.start, self.marked) = (data, data);
        }
        self.rare_mut().hole_bytes += data - start;
        (self.offset, self.scanned, self.as_read) = (data, data + first.len() as u64, None);
        self.meets_no_nuls();
        self.print.skip_to(self.scanned, first);
        Ok(Some(Progress::More))
    }

    /// What was read last does not stand there any more. It may have been given back by another, who was faster than this
    /// reader; else the file was rewritten.
    fn meet_other_content<D: Disk>(&mut self, disk: &D, file: &D::File, reading: &Reading) -> io::Result<Progress> {
        let marker = self.print.marker();
        for at in [marker.offset.saturating_sub(1), marker.start()] {
            if let Some((begin, end)) = hole::around(disk, file, at, self.since())? {
                return self.pass_hole(disk, file, begin, end, reading);
            }
        }
        Ok(Progress::Rewritten)
    }

    /// Goes on behind a hole, at the first line that did not begin in it.
    fn pass_hole<D: Disk>(
        &mut self,
        disk: &D,
        file: &D::File,
        begin: u64,
        end: u64,
        reading: &Reading,
    ) -> io::Result<Progress> {
        let Some(line) = hole::next_line(disk, file, end)? else { return Ok(Progress::End { grew: false }) };
        let mut before = [0; SAMPLE];
        let from = line.saturating_sub(reading.sample as u64).max(end);
        let length = index(line - from);
        let count = read_full(disk, file, &mut before[..length], from)?;
        if count < length || !self.print.begins(disk, file)? {
            return Ok(Progress::Rewritten);
        }
        self.print.go_on_at(line, &before[..length], reading.clock);
        self.further = None;
        (self.offset, self.scanned, self.as_read) = (line, line, None);
        self.meets_no_nuls();
        self.rare_mut().passed = Some((begin, end));
        Ok(Progress::More)
    }

    // How lines leave.

    /// What stands in front of the lines of the file at `path`.
    fn tag(&self, path: &Path) -> Tag {
        Tag::new(self.print.key(), path.as_os_str().as_bytes())
    }

    /// The same for one line that ends at `end`, if it is that of an earlier generation.
    fn earlier_tag(&self, path: &Path, end: u64) -> Option<Tag> {
        let owner = self.rare().predecessors.owner(end)?;
        Some(Tag::new(owner, path.as_os_str().as_bytes()))
    }

    /// Appends the final watermarks of the earlier generations of which nothing is owed any more.
    fn leave_predecessors(&mut self, shape: Shape, out: &mut Vec<u8>) {
        if let Some(rare) = &mut self.rare {
            rare.predecessors.leave(self.offset, shape, out);
        }
    }

    /// Emits the whole lines in `bytes`, which were read at `from` (not behind `offset`).
    fn take_lines(&mut self, path: &Path, shape: Shape, bytes: &[u8], from: u64, out: &mut Vec<u8>) {
        let known = index(self.scanned - from);
        let lines = &bytes[index(self.offset - from)..];
        self.scanned = from + bytes.len() as u64;
        let rare = self.rare();
        let is_cut = !rare.predecessors.is_empty() || rare.cuts.iter().any(|cut| *cut >= self.offset);
        if is_cut || lines.len() > shape.max_line {
            self.take_pieces(path, shape, lines, out);
        } else if let Some(last) = memrchr(b'\n', &bytes[known..]) {
            let whole = index(from + (known + last) as u64 + 1 - self.offset);
            self.tag(path).emit_lines(out, shape, &lines[..whole], self.offset);
            self.offset += whole as u64;
        }
    }

    /// The slow and exact way: piece by piece.
    fn take_pieces(&mut self, path: &Path, shape: Shape, lines: &[u8], out: &mut Vec<u8>) {
        let own = self.tag(path);
        let mut rest = lines;
        while let Some(piece) = first_piece(rest, self.offset, &self.rare().cuts) {
            let content = &rest[..piece.length - usize::from(piece.has_lf)];
            let earlier = self.earlier_tag(path, self.offset + piece.length as u64);
            self.emit(earlier.as_ref().unwrap_or(&own), shape, content, piece, out);
            rest = &rest[piece.length..];
        }
    }

    /// Emits one piece that begins at `offset`; `content` may already have been cut to the limit.
    fn emit(&mut self, tag: &Tag, shape: Shape, content: &[u8], piece: Piece, out: &mut Vec<u8>) {
        let start = self.offset;
        let length = piece.length - usize::from(piece.has_lf);
        let flags = Flags {
            partial: !piece.has_lf,
            continued: self.rare().cuts.contains(&start),
            truncated: length > shape.max_line,
        };
        self.offset += piece.length as u64;
        if flags.truncated {
            self.rare_mut().truncated_lines += 1;
        }
        // Of a line that left before its LF only the LF is left: the position moves on, and a watermark will tell it.
        if length > 0 || !flags.continued {
            tag.emit_piece(out, shape, &content[..content.len().min(shape.max_line)], start, self.offset, flags);
        }
        self.leave_predecessors(shape, out);
    }

    /// Looks for the end of a long line in `bytes`, which were read from the marker on, and emits it when it is there. No
    /// more than the limit is ever held. False if the file was rewritten meanwhile.
    fn take_long<D: Disk>(
        &mut self,
        source: &Source<'_, D>,
        shape: Shape,
        bytes: &[u8],
        from: u64,
        out: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let known = index(self.scanned - from);
        let Some(found) = first_piece(&bytes[known..], self.scanned, &self.rare().cuts) else {
            self.scanned = from + bytes.len() as u64;
            return Ok(true);
        };
        let end = self.scanned + found.length as u64;
        let piece = Piece { length: index(end - self.offset), has_lf: found.has_lf };
        let is_emitted = self.emit_from(source, shape, piece, out)?;
        if is_emitted {
            self.scanned = self.offset;
        }
        Ok(is_emitted)
    }

    /// Emits one piece that begins at `offset`, read once more. False if the file was rewritten meanwhile: nothing is emitted.
    fn emit_from<D: Disk>(
        &mut self,
        source: &Source<'_, D>,
        shape: Shape,
        piece: Piece,
        out: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let Source { disk, file, path } = *source;
        let mut content = vec![0; (piece.length - usize::from(piece.has_lf)).min(shape.max_line)];
        let count = read_full(disk, file, &mut content, self.offset)?;
        // Read at another moment than the bytes before and behind it: what holds both must still be there.
        let is_same = count == content.len() && self.print.ends(disk, file)?;
        if is_same {
            let earlier = self.earlier_tag(path, self.offset + piece.length as u64);
            self.emit(&earlier.unwrap_or_else(|| self.tag(path)), shape, &content, piece, out);
        }
        Ok(is_same)
    }

    /// Where the file ends in the middle of a line: records the cut there, which must be on disk before anything leaves,
    /// and emits what there is of the line. True if it did.
    pub fn part_line<D: Disk>(&mut self, source: &Source<'_, D>, shape: Shape, out: &mut Vec<u8>) -> io::Result<bool> {
        if !self.has_partial() || !self.is_at_end(source.disk, source.file)? {
            return Ok(false);
        }
        self.cut_line(source, shape, out)
    }

    /// Emits the beginning of the line that ends at `scanned`, and records the cut there; false and neither, if the file was
    /// rewritten meanwhile.
    fn cut_line<D: Disk>(&mut self, source: &Source<'_, D>, shape: Shape, out: &mut Vec<u8>) -> io::Result<bool> {
        let cut = self.scanned;
        let piece = Piece { length: index(cut - self.offset), has_lf: false };
        let is_emitted = self.emit_from(source, shape, piece, out)?;
        if is_emitted {
            self.rare_mut().cuts.push(cut);
        }
        Ok(is_emitted)
    }

    /// Appends a watermark if the position has moved since the last, or `finished` says that this is the last.
    pub fn mark(&mut self, shape: Shape, finished: bool, out: &mut Vec<u8>) {
        self.leave_predecessors(shape, out);
        if finished || self.is_unmarked() {
            self.marked = self.offset;
            if shape.tagged {
                write_mark(out, &Mark { fid: self.print.key(), next: self.offset, finished });
            }
        }
    }

    /// Whether the position has moved since the last watermark.
    pub fn is_unmarked(&self) -> bool {
        self.marked != self.offset
    }
}

/// A distance inside a buffer.
fn index(distance: u64) -> usize {
    usize::try_from(distance).unwrap_or(usize::MAX)
}
