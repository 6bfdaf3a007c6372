//! One generation of one file: what is read of it, from where, and how it is known that its content is still the same.
//!
//! The invariant: `start <= offset <= scanned`; all whole lines of `start..offset` have been emitted, no LF stands in
//! `offset..scanned`, and the marker is made of the last bytes before `scanned`. Each read begins at the marker and
//! compares it, so that a file that was rewritten in place is found out before a byte of it is taken for the old one.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use memchr::memrchr;

use logline::position::{Fid, Flags};

use crate::disk::{Disk, Inode, Stat};
use crate::emit::{Piece, Shape, Tag, first_piece};
use crate::fingerprint::{HEAD, Head, MARKER, Marker};

/// How much is read at a time.
pub const CHUNK: usize = 256 << 10;

/// What is remembered of a generation across restarts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its name, never given twice.
    pub fid: Fid,
    /// The path under which it was followed first.
    pub path: PathBuf,
    /// Where it lies.
    pub inode: Inode,
    /// Its first bytes.
    pub head: Head,
    /// The last bytes read.
    pub marker: Marker,
    /// The first offset that was to be emitted.
    pub start: u64,
    /// Where a line was cut in two for ever, because it left before its LF was there.
    pub cuts: Vec<u64>,
    /// Where it ended, once it is finished.
    pub end: Option<u64>,
}

/// What one read has brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// The end of the file has been reached; whether there was anything before it.
    End {
        /// Bytes came.
        grew: bool,
    },
    /// There is probably more.
    More,
    /// The file is not what it was: truncated, or rewritten in place. Nothing was emitted.
    Rewritten,
}

/// A generation that is, was or will be read.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the generation")]
pub struct Generation<F> {
    /// What is kept of it.
    pub entry: Entry,
    /// Open while it is read.
    pub file: Option<F>,
    /// The end of the last line emitted.
    pub offset: u64,
    /// The size when it was last looked at.
    pub size: u64,
    /// When bytes last came, or when it was opened.
    pub grown_at: Duration,
    /// When it was last seen on disk.
    pub seen_at: Duration,
    /// The end that the last mark told.
    pub marked: u64,
    /// It is to be read in this round.
    pub due: bool,
    /// The look has found it as the last read left it.
    pub rests: bool,
    /// NUL bytes skipped at its beginning.
    pub hole: u64,
    /// How many lines were cut at the limit.
    pub truncated_lines: u64,
    /// Its content has gone from its inode; a copy of it may lie beside.
    pub seeking_copy: bool,
    /// How often it was looked for in vain.
    pub sought: u32,
    /// No copy was found: its last mark is due.
    pub ended_by_truncation: bool,
    closed_as: Option<(u64, i128)>,
    scanned: u64,
    /// The size up to which nothing but NUL bytes was found.
    hole_scanned: u64,
    modified: Option<i128>,
    tag: Tag,
}

impl<F> Generation<F> {
    /// One that will be emitted from `offset` on; the entry's marker may lie before or behind it. Nothing is read yet.
    pub fn new(entry: Entry, offset: u64, now: Duration) -> Self {
        use std::os::unix::ffi::OsStrExt as _;
        let tag = Tag::new(entry.fid, entry.path.as_os_str().as_bytes());
        Self {
            entry,
            file: None,
            offset,
            size: offset,
            grown_at: now,
            seen_at: now,
            marked: offset,
            due: true,
            rests: false,
            hole: 0,
            truncated_lines: 0,
            seeking_copy: false,
            sought: 0,
            ended_by_truncation: false,
            closed_as: None,
            scanned: offset,
            hole_scanned: 0,
            modified: None,
            tag,
        }
    }

    /// Its content has gone: a copy of it may lie beside.
    pub fn seek_copy(&mut self) {
        self.seeking_copy = true;
        self.sought = 0;
    }

    /// Whether nothing more is expected of it.
    pub fn is_finished(&self) -> bool {
        self.entry.end.is_some()
    }

    /// Bytes at the end that have no LF yet.
    pub fn has_partial(&self) -> bool {
        self.scanned > self.offset
    }

    /// Bytes that lay in the file when it was last looked at and have not been emitted.
    pub fn unread(&self) -> u64 {
        self.size.saturating_sub(self.offset)
    }

    /// Reads on in `file`, which holds this generation's content, from `offset` on: takes the marker and head that
    /// later reads are compared with.
    pub fn open_at<D: Disk<File = F>>(&mut self, disk: &D, file: F, now: Duration) -> io::Result<()> {
        let mut before = [0; MARKER];
        let from = self.offset.saturating_sub(MARKER as u64);
        let count = read_full(disk, &file, &mut before[..usize::try_from(self.offset - from).unwrap_or(MARKER)], from)?;
        self.entry.marker = Marker::of(self.entry.fid, from + count as u64, &before[..count]);
        self.scanned = self.offset.min(from + count as u64);
        self.offset = self.scanned;
        let is_inside_line = before[..count].last().is_some_and(|byte| *byte != b'\n');
        if is_inside_line && self.offset > self.entry.start && !self.entry.cuts.contains(&self.offset) {
            // Acknowledged up to here, the line was cut here, even if an older copy of the state does not know of it.
            self.entry.cuts.push(self.offset);
        }
        self.entry.end = None;
        self.modified = None;
        self.grown_at = now;
        self.seen_at = now;
        self.due = true;
        if self.entry.head.length < HEAD as u64 && self.scanned > self.entry.head.length {
            self.extend_head(disk, &file)?;
        }
        self.file = Some(file);
        Ok(())
    }

    /// Reads once, as much as `scratch` holds, and appends the lines that are whole to `out`.
    pub fn read<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        shape: Shape,
        scratch: &mut [u8],
        out: &mut Vec<u8>,
    ) -> io::Result<Progress> {
        let Some(file) = self.file.take() else { return Ok(Progress::End { grew: false }) };
        let progress = self.read_from(disk, &file, shape, scratch, out);
        self.file = Some(file);
        progress
    }

    fn read_from<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        file: &F,
        shape: Shape,
        scratch: &mut [u8],
        out: &mut Vec<u8>,
    ) -> io::Result<Progress> {
        let stat = disk.stat_open(file)?;
        if stat.size < self.scanned.max(self.entry.head.length) {
            return Ok(Progress::Rewritten);
        }
        self.size = stat.size;
        if self.is_before_first_byte() && !self.skip_hole(disk, file, &stat, scratch)? {
            return Ok(Progress::End { grew: false });
        }
        if stat.size == self.scanned {
            return self.look_at_same_size(disk, file, &stat);
        }
        // A beginning of a line up to half a read long is read again with its rest; of a longer one only the LF is looked for.
        let is_long = self.scanned - self.offset > scratch.len() as u64 / 2;
        let from = if is_long { self.entry.marker.start() } else { self.entry.marker.start().min(self.offset) };
        let count = disk.read_at(file, scratch, from)?;
        let bytes = &scratch[..count];
        let known = index(self.scanned - from);
        let marker = index(self.entry.marker.start() - from);
        // Near the head the marker covers little or nothing; what was read before a restart is known by the head then.
        let is_known = count >= known
            && self.entry.marker.matches(self.entry.fid, &bytes[marker..known])
            && (from > 0 || has_head(disk, file, &self.entry)?);
        if !is_known {
            return Ok(Progress::Rewritten);
        }
        if !is_long {
            self.take_lines(shape, bytes, from, out);
        } else if !self.take_long(disk, file, shape, bytes, from, out)? {
            return Ok(Progress::Rewritten);
        }
        let end = index(self.scanned - from);
        self.entry.marker = Marker::of(self.entry.fid, self.scanned, &bytes[..end]);
        if !self.entry.head.is_full() && self.scanned > self.entry.head.length {
            if from == 0 {
                self.entry.head = Head::of(self.entry.fid, &bytes[..end]);
            } else {
                self.extend_head(disk, file)?;
            }
        }
        if count < scratch.len() && end == count {
            self.modified = Some(stat.modified);
            return Ok(Progress::End { grew: count > known });
        }
        Ok(Progress::More)
    }

    /// Whether the first `size` bytes have been read, and still stand where they stood.
    pub fn has_read<D: Disk<File = F>>(&self, disk: &D, size: u64) -> bool {
        self.scanned >= size && !self.is_rewritten(disk)
    }

    /// Whether a read would find nothing, by what `stat` tells of the open file.
    pub fn is_as_read(&self, stat: &Stat) -> bool {
        self.file.is_some() && stat.size == self.scanned && self.modified == Some(stat.modified)
    }

    /// Whether the file is not what it was, as a read would find it.
    pub fn is_rewritten<D: Disk<File = F>>(&self, disk: &D) -> bool {
        let Some(file) = &self.file else { return false };
        let is_shorter = |stat: Stat| stat.size < self.scanned.max(self.entry.head.length);
        disk.stat_open(file).is_ok_and(is_shorter) || !is_same_content(disk, file, &self.entry).unwrap_or(true)
    }

    /// Nothing new by the size; but where the time of change has moved, the same size may hold other bytes.
    fn look_at_same_size<D: Disk<File = F>>(&mut self, disk: &D, file: &F, stat: &Stat) -> io::Result<Progress> {
        if self.modified != Some(stat.modified) {
            if !is_same_content(disk, file, &self.entry)? {
                return Ok(Progress::Rewritten);
            }
            self.modified = Some(stat.modified);
        }
        Ok(Progress::End { grew: false })
    }

    /// Emits the whole lines in `bytes`, which were read at `from` (not behind `offset`).
    fn take_lines(&mut self, shape: Shape, bytes: &[u8], from: u64, out: &mut Vec<u8>) {
        let known = index(self.scanned - from);
        let lines = &bytes[index(self.offset - from)..];
        self.scanned = from + bytes.len() as u64;
        let is_cut = self.entry.cuts.iter().any(|cut| *cut >= self.offset);
        if is_cut || lines.len() > shape.max_line {
            self.take_pieces(shape, lines, out);
        } else if let Some(last) = memrchr(b'\n', &bytes[known..]) {
            let whole = index(from + (known + last) as u64 + 1 - self.offset);
            self.tag.emit_lines(out, shape, &lines[..whole], self.offset);
            self.offset += whole as u64;
        }
    }

    /// The slow and exact way: piece by piece.
    fn take_pieces(&mut self, shape: Shape, lines: &[u8], out: &mut Vec<u8>) {
        let mut rest = lines;
        while let Some(piece) = first_piece(rest, self.offset, &self.entry.cuts) {
            let content = &rest[..piece.length - usize::from(piece.has_lf)];
            self.emit(shape, content, piece, out);
            rest = &rest[piece.length..];
        }
    }

    /// Emits one piece that begins at `offset`; `content` may already have been cut to the limit.
    fn emit(&mut self, shape: Shape, content: &[u8], piece: Piece, out: &mut Vec<u8>) {
        let start = self.offset;
        let length = piece.length - usize::from(piece.has_lf);
        let flags = Flags {
            partial: !piece.has_lf,
            continued: self.entry.cuts.contains(&start),
            truncated: length > shape.max_line,
        };
        self.offset += piece.length as u64;
        self.truncated_lines += u64::from(flags.truncated);
        // Of a line that left before its LF only the LF is left: the position moves on, and a mark will tell it.
        if length > 0 || !flags.continued {
            self.tag.emit_piece(out, shape, &content[..content.len().min(shape.max_line)], start, self.offset, flags);
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
        let Some(found) = first_piece(&bytes[known..], self.scanned, &self.entry.cuts) else {
            self.scanned = from + bytes.len() as u64;
            return Ok(true);
        };
        let end = self.scanned + found.length as u64;
        let piece = Piece { length: index(end - self.offset), has_lf: found.has_lf };
        let mut content = vec![0; (piece.length - usize::from(piece.has_lf)).min(shape.max_line)];
        let count = read_full(disk, file, &mut content, self.offset)?;
        // Read at another moment than the bytes before and behind it: what holds both must still be there.
        if count < content.len() || !has_marker(disk, file, &self.entry)? {
            return Ok(false);
        }
        self.emit(shape, &content, piece, out);
        self.scanned = self.offset;
        Ok(true)
    }

    fn is_before_first_byte(&self) -> bool {
        self.scanned == 0 && self.entry.start == 0
    }

    /// Where a stale writer goes on at its old offset after a truncation, the file begins with NUL bytes that nobody wrote.
    /// False if nothing else is there yet: then all is looked through again when the file has changed.
    fn skip_hole<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        file: &F,
        stat: &Stat,
        scratch: &mut [u8],
    ) -> io::Result<bool> {
        if stat.size == 0 || self.modified == Some(stat.modified) && self.hole_scanned == stat.size {
            return Ok(stat.size == 0);
        }
        if disk.read_at(file, &mut scratch[..1], 0)? == 1 && scratch[0] != 0 {
            return Ok(true);
        }
        let mut at = 0;
        while let Some(from) = disk.next_data(file, at)? {
            let count = disk.read_at(file, scratch, from)?;
            let zeros = scratch[..count].iter().take_while(|byte| **byte == 0).count();
            at = from + zeros as u64;
            if zeros < count {
                return self.start_behind_hole(disk, file, at, scratch);
            }
            if count == 0 {
                break;
            }
        }
        self.hole_scanned = stat.size;
        self.modified = Some(stat.modified);
        Ok(false)
    }

    fn start_behind_hole<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        file: &F,
        hole: u64,
        scratch: &mut [u8],
    ) -> io::Result<bool> {
        // Found out by several calls: only if it still begins so, the file was not truncated between them.
        let length = index(hole).min(scratch.len());
        if read_full(disk, file, &mut scratch[..length], 0)? < length || scratch[..length].iter().any(|byte| *byte != 0)
        {
            return Ok(false);
        }
        self.hole = hole;
        self.entry.start = hole;
        self.offset = hole;
        self.scanned = hole;
        self.marked = hole;
        self.entry.marker = Marker { offset: hole, ..Marker::of(self.entry.fid, 0, b"") };
        Ok(true)
    }

    fn extend_head<D: Disk<File = F>>(&mut self, disk: &D, file: &F) -> io::Result<()> {
        let mut first = [0; HEAD];
        let length = index(self.scanned.min(HEAD as u64));
        let count = read_full(disk, file, &mut first[..length], 0)?;
        // Bytes that stand in front of others than were read are left for the next read to find out.
        if count == length && has_marker(disk, file, &self.entry)? {
            self.entry.head = Head::of(self.entry.fid, &first[..count]);
        }
        Ok(())
    }

    /// Where the file ends in the middle of a line: records the cut there. True if it did; the entry must then be on disk
    /// before [`Generation::emit_partial`] is called.
    pub fn cut_partial<D: Disk<File = F>>(&mut self, disk: &D) -> io::Result<bool> {
        let Some(file) = &self.file else { return Ok(false) };
        if !self.has_partial() || disk.stat_open(file)?.size != self.scanned {
            return Ok(false);
        }
        self.entry.cuts.push(self.scanned);
        Ok(true)
    }

    /// Emits what stands before the cut that [`Generation::cut_partial`] has just recorded.
    pub fn emit_partial<D: Disk<File = F>>(&mut self, disk: &D, shape: Shape, out: &mut Vec<u8>) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let length = index(self.scanned - self.offset);
        let mut content = vec![0; length.min(shape.max_line)];
        let count = read_full(disk, file, &mut content, self.offset)?;
        if count == content.len() && has_marker(disk, file, &self.entry)? {
            self.emit(shape, &content, Piece { length, has_lf: false }, out);
        }
        Ok(())
    }

    /// The path under which it was followed first.
    pub fn path(&self) -> &Path {
        &self.entry.path
    }

    /// Appends a mark if the position has moved since the last, or `finished` says that this is the last.
    pub fn mark(&mut self, shape: Shape, finished: bool, out: &mut Vec<u8>) {
        if finished || self.marked != self.offset {
            self.marked = self.offset;
            self.tag.emit_mark(out, shape, self.offset, finished);
        }
    }

    /// Whether the position has moved since the last mark.
    pub fn is_unmarked(&self) -> bool {
        self.marked != self.offset
    }

    /// The file, closed now, looked like this.
    pub fn close_as(&mut self, stat: &Stat) {
        self.closed_as = Some((stat.size, stat.modified));
    }

    /// Whether the closed file looks as it did.
    pub fn is_unchanged(&self, stat: &Stat) -> bool {
        self.closed_as == Some((stat.size, stat.modified))
    }

    /// Says that nothing more will come and closes the file.
    pub fn finish(&mut self, shape: Shape, out: &mut Vec<u8>) {
        self.mark(shape, true, out);
        self.entry.end = Some(self.offset);
        self.file = None;
        self.due = false;
    }
}

/// Whether the head and the marker of `entry` are found again in `file`.
pub fn is_same_content<D: Disk>(disk: &D, file: &D::File, entry: &Entry) -> io::Result<bool> {
    Ok(has_head(disk, file, entry)? && has_marker(disk, file, entry)?)
}

/// Whether the file begins as the entry's head says.
pub fn has_head<D: Disk>(disk: &D, file: &D::File, entry: &Entry) -> io::Result<bool> {
    let mut first = [0; HEAD];
    let count = read_full(disk, file, &mut first, 0)?;
    Ok(entry.head.begins(entry.fid, &first[..count]))
}

/// Whether the bytes that the entry's marker was made of stand where they stood.
pub fn has_marker<D: Disk>(disk: &D, file: &D::File, entry: &Entry) -> io::Result<bool> {
    let mut bytes = [0; MARKER];
    let count = read_full(disk, file, &mut bytes, entry.marker.start())?;
    Ok(entry.marker.matches(entry.fid, &bytes[..count]))
}

/// Reads until `bytes` is full or the file ends; how many there were.
pub fn read_full<D: Disk>(disk: &D, file: &D::File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match disk.read_at(file, &mut bytes[filled..], offset + filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// A distance inside a buffer.
fn index(distance: u64) -> usize {
    usize::try_from(distance).unwrap_or(usize::MAX)
}
