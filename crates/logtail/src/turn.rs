//! Whose turn it is to be read, what is finished, and which watermarks are told. Each open file gets one read at a time, so
//! that a huge one cannot starve a small one, and of two generations of a path the older is read to its present end before
//! the younger.
//!
//! A file that has lost its path is finished in this order, and in no other: first it is established that no writer is
//! left, then it is read to its end once more, and only then it is closed.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use logline::ending::{cause, printable};
use logline::line::{END, write_mark};
use logline::position::{Fid, Mark};
use logline::state::Urgency;

use crate::context::Context;
use crate::disk::Disk;
use crate::file::{Generation, Progress};
use crate::files::{Age, Files, Start};
use crate::fingerprint::TakenBack;
use crate::paths::{Paths, RESTLESS};
use crate::rotated::Rotated;

/// At most this many files are read before what has come of them is written: to go through all that wait at each turn would
/// cost more than to read one.
const MOST_IN_A_TURN: usize = 512;
/// The least time between two watermarks of a file.
const MARK_EVERY: Duration = Duration::from_secs(1);

/// Who reads next, and what has been marked.
#[derive(Debug)]
pub struct Turn {
    /// The files that are to be read, by their ranks: in the order in which they became known.
    due: BTreeSet<(u32, Fid)>,
    /// The rank of the next of them.
    cursor: u32,
    /// What a read fills.
    scratch: Vec<u8>,
    /// When watermarks were last emitted.
    marked_at: Duration,
    /// A watermark has been emitted: the stream shows that it carries positions.
    has_marked: bool,
    /// The path of the last of tail's headers.
    last_header: Option<PathBuf>,
    /// All is quiet at the end: what stands behind NUL bytes is waited for no more.
    takes_gaps: bool,
}

/// The parts of the follower that a turn works on.
pub struct Stage<'a, F> {
    /// The watched paths.
    pub paths: &'a mut Paths,
    /// What is known of files.
    pub files: &'a mut Files<F>,
    /// What looks beside the paths.
    pub rotated: &'a mut Rotated,
}

impl Turn {
    /// One whose reads take `chunk` bytes.
    pub fn new(chunk: usize) -> Self {
        Self {
            due: BTreeSet::new(),
            cursor: 0,
            scratch: vec![0; chunk],
            marked_at: Duration::ZERO,
            has_marked: false,
            last_header: None,
            takes_gaps: false,
        }
    }

    /// All open files are to be read but those that the look has found as they were left.
    pub fn all_are_due<F>(&mut self, files: &mut Files<F>) {
        let due = files.iter_mut().filter_map(|file| {
            let is_due = !file.take_rest() && file.is_open();
            is_due.then(|| (file.rank(), file.fid()))
        });
        self.due = due.collect();
    }

    /// The file is to be read.
    pub fn add<F>(&mut self, file: &Generation<F>) {
        self.due.insert((file.rank(), file.fid()));
    }

    fn is_due<F>(&self, file: &Generation<F>) -> bool {
        self.due.contains(&(file.rank(), file.fid()))
    }

    /// Reads what is due until `room` bytes are in `out`, and finishes what can be finished once all has been read. True
    /// if there is more to read at once.
    pub fn take<D: Disk>(
        &mut self,
        context: &mut Context<'_, D>,
        stage: &mut Stage<'_, D::File>,
        room: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        let is_more = self.read(context, stage, room, out);
        if !is_more {
            self.finish_rotated(context, stage, out);
        }
        is_more
    }

    fn read<D: Disk>(
        &mut self,
        context: &mut Context<'_, D>,
        stage: &mut Stage<'_, D::File>,
        room: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        self.due.extend(stage.files.take_opened());
        let mut is_more = false;
        for (count, (rank, fid)) in self.next_due(stage.files).into_iter().enumerate() {
            if out.len() >= room || count == MOST_IN_A_TURN {
                self.cursor = rank;
                return true;
            }
            let mut older = stage.files.older_than(fid).iter().filter_map(|older| stage.files.get(*older));
            let must_wait = older.any(|older| self.is_due(older));
            let goes_on = !must_wait && self.read_one(context, stage, fid, out);
            is_more |= must_wait || goes_on;
            if goes_on && !context.plan.follows {
                // One file after the other.
                self.cursor = rank;
                return true;
            }
        }
        is_more
    }

    /// The files whose turn is next, one more than a turn reads: from the cursor on in the order in which they became known,
    /// but of each path the older ones first. A file waits for older ones that are not even open yet.
    fn next_due<F>(&self, files: &Files<F>) -> Vec<(u32, Fid)> {
        let cursor = (self.cursor, Fid(0));
        let from_cursor = self.due.range(cursor..).chain(self.due.range(..cursor));
        let mut next: Vec<(u32, Fid)> = Vec::new();
        let mut is_in = HashSet::new();
        for (rank, fid) in from_cursor.filter(|(_, fid)| !files.must_wait(*fid)).take(MOST_IN_A_TURN + 1) {
            let older = files.older_than(*fid).iter().filter_map(|older| files.get(*older));
            let older = older.filter(|older| self.is_due(older)).map(|older| (older.rank(), older.fid()));
            for due in older.chain([(*rank, *fid)]) {
                if is_in.insert(due) {
                    next.push(due);
                }
            }
        }
        next
    }

    /// Reads once from a file. True if there is more to read at once.
    fn read_one<D: Disk>(
        &mut self,
        context: &mut Context<'_, D>,
        stage: &mut Stage<'_, D::File>,
        fid: Fid,
        out: &mut Vec<u8>,
    ) -> bool {
        let Some(generation) = stage.files.get_mut(fid) else {
            self.due.retain(|(_, due)| *due != fid);
            return false;
        };
        let place = (generation.rank(), fid);
        let (offset, holes, truncated) = (generation.offset(), generation.hole_bytes(), generation.truncated_lines());
        let begins_at = out.len();
        let mut reading = context.reading();
        if self.takes_gaps {
            reading.gap_after = Duration::ZERO;
        }
        let progress = generation.read(context.disk, &reading, &mut self.scratch, out);
        if context.plan.headers {
            self.write_header(generation, begins_at, out);
        }
        let report = &mut *context.report;
        let cut = generation.truncated_lines() - truncated;
        if cut > 0 {
            report.cut_lines(generation.path(), cut, truncated == 0, context.plan.shape.max_line);
        }
        if let Some((begin, end)) = generation.take_passed() {
            report.passed_hole(generation.path(), begin, end);
        }
        report.skipped_hole(generation.hole_bytes() - holes);
        if generation.hole_bytes() != holes {
            // A line may have been cut in front of them.
            report.must_save(Urgency::SyncedBeforeOutput);
        }
        if generation.is_uncovered() {
            report.must_save(Urgency::BeforeOutput);
        }
        if generation.offset() != offset {
            report.must_save(Urgency::Lazy);
        }
        match progress {
            Ok(Progress::More) => {
                generation.has_grown(context.now);
                return true;
            }
            Ok(Progress::End { grew }) => {
                if grew {
                    generation.has_grown(context.now);
                }
                self.due.remove(&place);
            }
            Ok(Progress::Rewritten) => {
                self.due.remove(&place);
                return self.rewritten(context, stage, fid);
            }
            Err(error) => {
                self.due.remove(&place);
                report.complain(generation.path(), cause(&error));
                // The handle is of no use any more: the next look opens the path again.
                if is_of_mount(&error) {
                    generation.set_aside();
                }
            }
        }
        false
    }

    /// Puts tail's header in front of what stands in `out` from `begins_at` on, if anything does, and it is of another file
    /// than the last.
    fn write_header<F>(&mut self, generation: &Generation<F>, begins_at: usize, out: &mut Vec<u8>) {
        if out.len() == begins_at || self.last_header.as_deref() == Some(generation.path()) {
            return;
        }
        let gap = if self.last_header.is_some() { "\n" } else { "" };
        let path = generation.path().to_string_lossy();
        let header = format!("{gap}==> {} <==\n", printable(&path));
        out.splice(begins_at..begins_at, header.into_bytes());
        self.last_header = Some(generation.path().to_owned());
    }

    /// A read has found another content than before. It may be that a size was told too late, or that the writer has taken
    /// its last line back; else the file was truncated, or rewritten in place: what is in it now is a new generation, and
    /// what was not read of the old one may lie in a copy.
    fn rewritten<D: Disk>(&mut self, context: &mut Context<'_, D>, stage: &mut Stage<'_, D::File>, fid: Fid) -> bool {
        let Some(generation) = stage.files.get(fid) else { return false };
        let path = generation.path().to_owned();
        if let Some(file) = opened_anew(context.disk, stage.paths, generation) {
            if let Some(generation) = stage.files.get_mut(fid) {
                generation.swap_file(file);
            }
            return false;
        }
        let Some(file) = generation.file() else { return false };
        let Ok(stat) = context.disk.stat_open(file) else { return false };
        let taken_back = match generation.print().taken_back(context.disk, file, stat.size) {
            // It is judged by what comes in their place.
            Ok(TakenBack::Now) => return false,
            Ok(TakenBack::To(line)) => Some(line),
            Ok(TakenBack::No) => None,
            // What cannot be compared is judged by the next read.
            Err(error) => {
                context.report.complain(&path, cause(&error));
                return false;
            }
        };
        let file = match context.disk.duplicate(file) {
            Ok(file) => file,
            Err(error) => {
                context.report.complain(&path, cause(&error));
                return false;
            }
        };
        // Only when its successor is known does the old one leave: till then it would be found out once more.
        let start = taken_back.map_or(Start::at(0), |line| Start::of_successor(fid, line));
        let younger = stage.files.begin(context, &path, file, &stat, start, Age::Youngest);
        let Some(younger) = younger else { return false };
        stage.files.is_rewritten_in_place(&path);
        if taken_back.is_none() {
            stage.files.lose_content(context, fid);
        }
        stage.paths.succeed(fid, younger);
        stage.paths.disturb(&path, context.now);
        if taken_back.is_none() {
            // The rest of the old content comes first, if a copy of it is there.
            stage.rotated.look(context, stage.paths, stage.files);
        }
        self.due.extend(stage.files.take_opened());
        true
    }

    /// Finishes the files that have lost their paths, have no writer, and have been read to their end.
    fn finish_rotated<D: Disk>(
        &mut self,
        context: &mut Context<'_, D>,
        stage: &mut Stage<'_, D::File>,
        out: &mut Vec<u8>,
    ) {
        let rotated = stage.files.which(|generation| {
            generation.is_open() && !self.is_due(generation) && !stage.paths.is_current(generation.fid())
        });
        for fid in rotated {
            let Some(generation) = stage.files.get(fid) else { continue };
            if has_no_writer(context, generation)
                && !is_out_of_sight(context.disk, generation)
                && self.reads_nothing_more(context, stage, fid, out)
                && !stage.files.get(fid).is_some_and(|read| read.waits_at_nuls(&context.reading()))
            {
                self.part_line(context, stage, fid, out);
                stage.files.finish(context, fid, out);
            }
        }
        if let Some(after) = context.plan.partial_after {
            let is_left = |known: &Generation<D::File>| known.has_partial() && context.now >= known.grown_at() + after;
            for fid in stage.files.which(|known| known.is_open() && !self.is_due(known) && is_left(known)) {
                self.part_line(context, stage, fid, out);
            }
        }
        for fid in stage.files.which(Generation::is_unannounced) {
            stage.files.finish(context, fid, out);
        }
    }

    /// Reads once more; true if the end is where it was.
    fn reads_nothing_more<D: Disk>(
        &mut self,
        context: &mut Context<'_, D>,
        stage: &mut Stage<'_, D::File>,
        fid: Fid,
        out: &mut Vec<u8>,
    ) -> bool {
        let Some(generation) = stage.files.get(fid) else { return false };
        let offset = generation.offset();
        self.add(generation);
        self.read_one(context, stage, fid, out);
        stage.files.get(fid).is_some_and(|read| !self.is_due(read) && read.is_open() && read.offset() == offset)
    }

    /// Appends a watermark for each generation that has moved since the last, if a second has passed or this is the end.
    /// The first goes at once: only a stream that has carried a watermark is known to be cut when it ends without an end
    /// mark.
    pub fn mark<D: Disk>(
        &mut self,
        context: &Context<'_, D>,
        files: &mut Files<D::File>,
        is_end: bool,
        out: &mut Vec<u8>,
    ) {
        let shape = context.plan.shape;
        if !shape.tagged || (self.has_marked && !is_end && context.now < self.marked_at + MARK_EVERY) {
            return;
        }
        self.marked_at = context.now;
        let before = out.len();
        for generation in files.iter_mut() {
            generation.mark(shape, false, out);
        }
        self.has_marked |= out.len() > before;
    }

    /// Whether everything that is there has been read and no more is to be expected: all paths were looked at since
    /// `asked_at`, at `looked_at`; no byte has come to a file for `quiet` since then and since `asked_at`, or, having lost
    /// its path to another, it has no writer; and after that a last read has brought nothing.
    pub fn is_drained<D: Disk>(
        &mut self,
        context: &mut Context<'_, D>,
        stage: &mut Stage<'_, D::File>,
        looked_at: Duration,
        asked_at: Duration,
        quiet: Duration,
        out: &mut Vec<u8>,
    ) -> bool {
        let is_awaited = |generation: &Generation<D::File>| {
            generation.is_away() && !generation.is_dozing() && looked_at < generation.seen_at().max(asked_at) + RESTLESS
        };
        // Whoever has renamed his log may make a new one with his next line.
        let may_begin_anew = |generation: &Generation<D::File>| {
            let is_vacant = stage.paths.get(generation.path()).is_some_and(|watched| watched.current().is_none());
            is_vacant && context.now < generation.grown_at().max(asked_at) + quiet
        };
        if !self.due.is_empty() || stage.files.iter().any(|known| is_awaited(known) || may_begin_anew(known)) {
            return false;
        }
        let open = stage.files.which(Generation::is_open);
        let is_silent = |fid: &Fid| {
            let Some(generation) = stage.files.get(*fid) else { return true };
            context.now >= generation.grown_at().max(asked_at) + quiet
                // An application may open, append and close for each line: of a file that has its path the lease tells
                // nothing.
                || (!stage.paths.is_current(*fid)
                    && generation.file().and_then(|file| context.disk.has_writer(file)) == Some(false))
        };
        self.takes_gaps = open.iter().all(is_silent);
        let is_drained =
            self.takes_gaps && open.into_iter().all(|fid| self.reads_nothing_more(context, stage, fid, out));
        self.takes_gaps = false;
        is_drained
    }

    /// The end of a stream: cuts the lines in which files end (if all of them was read), and appends the last watermarks and
    /// the end mark.
    pub fn end<D: Disk>(
        &mut self,
        context: &mut Context<'_, D>,
        stage: &mut Stage<'_, D::File>,
        is_drained: bool,
        out: &mut Vec<u8>,
    ) {
        if is_drained {
            for fid in stage.files.which(Generation::is_open) {
                self.part_line(context, stage, fid, out);
            }
        }
        self.mark(context, stage.files, true, out);
        if context.plan.shape.tagged {
            if !self.has_marked {
                // The end mark alone, of silent logs, would be taken for a line of text: a watermark of no file goes first.
                write_mark(out, &Mark { fid: Fid(0), next: 0, finished: false });
            }
            out.extend_from_slice(END);
        }
    }

    /// Cuts the line in which the file ends, and emits what there is of it.
    fn part_line<D: Disk>(
        &mut self,
        context: &mut Context<'_, D>,
        stage: &mut Stage<'_, D::File>,
        fid: Fid,
        out: &mut Vec<u8>,
    ) {
        let Some(generation) = stage.files.get_mut(fid) else { return };
        let begins_at = out.len();
        match generation.part_line(context.disk, context.plan.shape, out) {
            Ok(true) => context.report.must_save(Urgency::SyncedBeforeOutput),
            Ok(false) => {}
            Err(error) => context.report.complain(generation.path(), cause(&error)),
        }
        if context.plan.headers {
            self.write_header(generation, begins_at, out);
        }
    }
}

/// Whether the error tells that the file system has gone, or has forgotten its handles: then a file is not gone, and is
/// opened again where it was.
fn is_of_mount(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let errno = Errno::from_io_error(error);
    errno.is_some_and(|errno| matches!(errno, Errno::STALE | Errno::NOTCONN | Errno::NODEV))
}

/// Whether no process has the rotated file open for writing; where that cannot be told, whether nothing has come for long. By
/// its time of change that may be long over, and is no more than a guess: as long as it has a name it is looked at again.
fn has_no_writer<D: Disk>(context: &Context<'_, D>, generation: &Generation<D::File>) -> bool {
    let Some(file) = generation.file() else { return true };
    match context.disk.has_writer(file) {
        Some(has_writer) => !has_writer,
        None if context.now >= generation.grown_at() + context.plan.rotate_quiet => true,
        None => context.disk.stat_open(file).is_ok_and(|stat| stat.names > 0 && context.is_left(&stat)),
    }
}

/// Whether the file still has a name although its directory is gone: the directory was renamed, or a volume was taken away,
/// and may come back. Closed, it would be forgotten, and read again.
fn is_out_of_sight<D: Disk>(disk: &D, generation: &Generation<D::File>) -> bool {
    let is_gone = |directory: &std::path::Path| {
        !directory.as_os_str().is_empty()
            && disk.stat(directory).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    };
    generation.path().parent().is_some_and(is_gone)
        && generation.file().is_some_and(|file| disk.stat_open(file).is_ok_and(|stat| stat.names > 0))
}

/// The generation's file, opened once more, if it holds all that was read although the open one seems to be shorter: a network
/// file system tells the size anew when a file is opened (close-to-open).
fn opened_anew<D: Disk>(disk: &D, paths: &Paths, generation: &Generation<D::File>) -> Option<D::File> {
    let is_current = paths.get(generation.path()).is_some_and(|watched| watched.current() == Some(generation.fid()));
    if !is_current {
        return None;
    }
    let file = disk.open(generation.path()).ok()?;
    let stat = disk.stat_open(&file).ok()?;
    let is_same = stat.inode == generation.inode() && generation.stands(disk, &file, &stat).unwrap_or(false);
    is_same.then_some(file)
}
