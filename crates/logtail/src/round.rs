//! Reading, in rounds: each open file gets one read at a time, so that a huge one cannot starve a small one, and of two
//! generations of a path the older is read to its present end before the younger.
//!
//! A file that has lost its path is finished in this order, and in no other: first it is established that no writer is
//! left, then it is read to its end once more, and only then it is closed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use logline::ending::printable;
use logline::line::{END, write_mark};
use logline::position::{Fid, Mark};

use crate::disk::{Disk, Inode};
use crate::fingerprint::HEAD;
use crate::follow::{Follower, RESTLESS};
use crate::generation::{Generation, Progress};

/// So many files are read before what has come of them is written: to go through all that wait at each turn would cost more
/// than to read one.
const MOST_IN_A_TURN: usize = 64;
/// Marks tell the positions at most so often.
const MARK_EVERY: Duration = Duration::from_secs(1);

impl<D: Disk> Follower<D> {
    /// One turn: reads what is due, and finishes what can be finished once all has been read. True if there is more to
    /// read at once. Nothing of `out` may leave before [`Follower::need`] is met.
    pub fn turn(&mut self, now: Duration, room: usize, out: &mut Vec<u8>) -> bool {
        let is_more = self.read(now, room, out);
        if !is_more && self.plan.follows {
            self.finish_detached(now, out);
        }
        is_more
    }

    /// Reads from the files that are due until `room` bytes are in `out` or each has had its turn. True if there is more
    /// to read at once.
    fn read(&mut self, now: Duration, room: usize, out: &mut Vec<u8>) -> bool {
        if std::mem::take(&mut self.has_new) {
            self.elders = self.find_elders();
        }
        let from_cursor = self.generations.range(self.cursor..).chain(self.generations.range(..self.cursor));
        let due: Vec<u64> = from_cursor
            .filter(|(_, generation)| generation.due)
            .map(|(number, _)| *number)
            .take(MOST_IN_A_TURN + 1)
            .collect();
        let mut is_more = false;
        for (count, number) in due.into_iter().enumerate() {
            if out.len() >= room || count == MOST_IN_A_TURN {
                self.cursor = number;
                return true;
            }
            is_more |= self.has_due_elder(number) || self.read_one(number, now, out);
        }
        is_more
    }

    /// For each generation that has older ones of its path the next of them.
    fn find_elders(&self) -> HashMap<u64, u64> {
        let mut youngest: HashMap<&PathBuf, u64> = HashMap::with_capacity(self.generations.len());
        let by_age = self.generations.iter();
        by_age.filter_map(|(number, known)| Some((*number, youngest.insert(&known.entry.path, *number)?))).collect()
    }

    /// Whether it must wait until an older generation of its path has been read.
    fn has_due_elder(&self, number: u64) -> bool {
        let next = |younger: &u64| self.elders.get(younger).copied();
        let is_due = |number: u64| self.generations.get(&number).is_some_and(|generation| generation.due);
        std::iter::successors(next(&number), next).any(is_due)
    }

    fn read_one(&mut self, number: u64, now: Duration, out: &mut Vec<u8>) -> bool {
        let Some(generation) = self.generations.get_mut(&number) else { return false };
        let (offset, head, hole) = (generation.offset, generation.entry.head.length, generation.hole);
        let truncated = generation.truncated_lines;
        let begins_at = out.len();
        let progress = generation.read(&self.disk, self.plan.shape, &mut self.scratch, out);
        if self.plan.headers && out.len() > begins_at && self.headed.as_deref() != Some(generation.path()) {
            let gap = if self.headed.is_some() { "\n" } else { "" };
            let path = generation.path().to_string_lossy();
            let header = format!("{gap}==> {} <==\n", printable(&path));
            out.splice(begins_at..begins_at, header.into_bytes());
            self.headed = Some(generation.path().to_owned());
        }
        if generation.truncated_lines > truncated {
            self.truncated_lines += generation.truncated_lines - truncated;
            if truncated == 0 {
                let most = self.plan.shape.max_line;
                self.said.push(format!(
                    "{}: a line is longer than {most} byte{}, cut there",
                    generation.path().display(),
                    if most == 1 { "" } else { "s" }
                ));
            }
        }
        // What leaves is covered by the head, or, where that could not be read as far, by the marker.
        let is_uncovered = generation.offset != offset && generation.offset.min(HEAD as u64) > head;
        if generation.entry.head.length != head || is_uncovered {
            self.need.before_output();
        }
        if generation.hole != hole {
            self.counters.hole_bytes += generation.hole;
            self.need.at_once();
        }
        if generation.offset != offset {
            self.need.lazily();
        }
        match progress {
            Ok(Progress::More) => {
                generation.grown_at = now;
                return true;
            }
            Ok(Progress::End { grew }) => {
                if grew {
                    generation.grown_at = now;
                }
                generation.due = false;
            }
            Ok(Progress::Rewritten) => return self.rewritten(number, now),
            Err(error) => {
                generation.due = false;
                let path = generation.entry.path.clone();
                self.complain(&path, logline::ending::cause(&error));
            }
        }
        false
    }

    /// The file was truncated, or rewritten in place: what is in it now is a new generation, and what was not read of the
    /// old one may lie in a copy.
    fn rewritten(&mut self, number: u64, now: Duration) -> bool {
        let Some(old) = self.generations.get_mut(&number) else { return false };
        let Some(file) = old.file.take() else { return false };
        old.due = false;
        old.seek_copy();
        old.seen_at = now;
        let path = old.entry.path.clone();
        self.counters.truncations += 1;
        let Ok(stat) = self.disk.stat_open(&file) else { return false };
        self.say(format!(
            "{}: has been truncated or rewritten, reading the new content from its beginning",
            path.display()
        ));
        let younger = self.number();
        if !self.begin_at(younger, &path, file, &stat, 0, now) {
            return false;
        }
        if let Some(old) = self.generations.get_mut(&number) {
            old.entry.inode = Inode::NOWHERE;
        }
        for seat in self.seats.values_mut().filter(|seat| seat.current == Some(number)) {
            seat.current = Some(younger);
            self.at_home.insert(younger);
        }
        self.at_home.remove(&number);
        if let Some(seat) = self.seats.get_mut(&path) {
            seat.restless_until = now + RESTLESS;
        }
        // The rest of the old content comes first, if a copy of it is there.
        self.look_beside(now);
        true
    }

    /// Finishes the files that have lost their paths, have no writer, and have been read to their end.
    fn finish_detached(&mut self, now: Duration, out: &mut Vec<u8>) {
        let detached: Vec<u64> = self
            .generations
            .iter()
            .filter(|(number, generation)| {
                generation.file.is_some() && !generation.due && !self.at_home.contains(number)
            })
            .map(|(number, _)| *number)
            .collect();
        for number in detached {
            if self.has_no_writer(number, now) && self.reads_nothing_more(number, now, out) {
                self.finish(number, out);
            }
        }
        for generation in self.generations.values_mut().filter(|generation| generation.ended_by_truncation) {
            generation.ended_by_truncation = false;
            generation.finish(self.plan.shape, out);
        }
    }

    fn finish(&mut self, number: u64, out: &mut Vec<u8>) {
        self.part_line(number, out);
        let Some(generation) = self.generations.get_mut(&number) else { return };
        let stat = generation.file.as_ref().and_then(|file| self.disk.stat_open(file).ok());
        generation.finish(self.plan.shape, out);
        if let Some(stat) = stat {
            generation.close_as(&stat);
        }
        self.need.lazily();
    }

    /// No process has the rotated file open for writing; where that cannot be told, nothing has come for long.
    fn has_no_writer(&self, number: u64, now: Duration) -> bool {
        let Some(generation) = self.generations.get(&number) else { return false };
        let Some(file) = &generation.file else { return true };
        match self.disk.has_writer(file) {
            Some(has_writer) => !has_writer,
            None => now >= generation.grown_at + self.plan.rotate_quiet,
        }
    }

    /// Reads once more; true if the end is where it was.
    fn reads_nothing_more(&mut self, number: u64, now: Duration, out: &mut Vec<u8>) -> bool {
        let Some(generation) = self.generations.get_mut(&number) else { return false };
        generation.due = true;
        let offset = generation.offset;
        self.read_one(number, now, out);
        let after = self.generations.get(&number);
        after.is_some_and(|generation| !generation.due && generation.file.is_some() && generation.offset == offset)
    }

    /// Cuts the line in which the file ends, and emits what there is of it.
    fn part_line(&mut self, number: u64, out: &mut Vec<u8>) {
        let Some(generation) = self.generations.get_mut(&number) else { return };
        let parted = generation.cut_partial(&self.disk).and_then(|is_cut| {
            if is_cut {
                self.need.at_once();
                generation.emit_partial(&self.disk, self.plan.shape, out)?;
            }
            Ok(())
        });
        if let Err(error) = parted {
            let path = generation.entry.path.clone();
            self.complain(&path, logline::ending::cause(&error));
        }
    }

    /// Appends a mark for each generation that has moved since the last, if a second has passed or this is the end. The first
    /// goes at once: only a stream that has carried a mark is known to be cut when it ends without an end mark.
    pub fn mark(&mut self, now: Duration, is_end: bool, out: &mut Vec<u8>) {
        if !self.plan.shape.tagged || (self.has_marked && !is_end && now < self.marked_at + MARK_EVERY) {
            return;
        }
        self.marked_at = now;
        let before = out.len();
        for generation in self.generations.values_mut() {
            generation.mark(self.plan.shape, false, out);
        }
        self.has_marked |= out.len() > before;
    }

    /// Whether a mark will be due, if nothing else comes.
    pub fn has_unmarked(&self) -> bool {
        self.plan.shape.tagged && self.generations.values().any(Generation::is_unmarked)
    }

    /// Whether everything that is there has been read and no more is to be expected: it was looked at all paths since
    /// `asked_at`; each open file has no writer, or nothing has come for `quiet` since then and since `asked_at`; and after
    /// that a last read has brought nothing.
    pub fn is_drained(&mut self, now: Duration, asked_at: Duration, quiet: Duration, out: &mut Vec<u8>) -> bool {
        let Some(looked_at) = self.looked_at.filter(|looked_at| *looked_at >= asked_at) else { return false };
        let open: Vec<u64> = self.open_files().map(|(number, _)| number).collect();
        let is_away = |generation: &Generation<D::File>| {
            generation.file.is_none()
                && !generation.is_finished()
                && looked_at < generation.seen_at.max(asked_at) + RESTLESS
        };
        if self.generations.values().any(|generation| generation.due || is_away(generation)) {
            return false;
        }
        let settled = |number: &u64| {
            let Some(generation) = self.generations.get(number) else { return true };
            let is_quiet = now >= generation.grown_at.max(asked_at) + quiet;
            is_quiet || generation.file.as_ref().and_then(|file| self.disk.has_writer(file)) == Some(false)
        };
        open.iter().all(settled) && open.into_iter().all(|number| self.reads_nothing_more(number, now, out))
    }

    /// The end of a stream: cuts the lines in which files end (if all of them was read), and appends the last marks and the
    /// end mark.
    pub fn end(&mut self, now: Duration, is_drained: bool, out: &mut Vec<u8>) {
        if is_drained {
            let open: Vec<u64> = self.open_files().map(|(number, _)| number).collect();
            for number in open {
                self.part_line(number, out);
            }
        }
        self.mark(now, true, out);
        if self.plan.shape.tagged {
            if !self.has_marked {
                // The end mark alone, of silent logs, would be taken for a line of text: a mark of no file goes before it.
                write_mark(out, &Mark { fid: Fid(0), next: 0, finished: false });
            }
            out.extend_from_slice(END);
        }
    }
}
