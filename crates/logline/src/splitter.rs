//! Bytes in, whole bounded lines out, without a system call: [`crate::input`] feeds it from stdin, a test from anywhere.
//!
//! The invariant: `start <= ready <= end`; the bytes `start..ready` are whole lines (or, at EOF, the unterminated last
//! one) that may be handed out, `ready..end` is either held as maybe torn or a line whose LF is still to come.

use memchr::{memchr, memchr2, memmem, memrchr};

use crate::line::{Item, Line, RECORD_HEAD, RS, classify, is_no_mark};
use crate::torn;

/// The longest line that a tool accepts: eight times what logtail lets through, for escaping and fields make it grow.
pub const MAX_LINE: usize = 8 * (1 << 20) + (64 << 10);
/// How much is asked for in one read.
pub const READ_SIZE: usize = 128 << 10;

/// What was lost on the way, to be said.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Losses {
    /// Lines longer than [`MAX_LINE`], passed by.
    pub too_long: u64,
    /// Lines that were only the beginning of one, dropped: they are read again after the restart.
    pub torn: u64,
}

/// Many lines that stand next to each other, with or without positions, or one item that is no line.
#[derive(Clone, Copy, Debug)]
pub enum Run<'a> {
    /// Whole lines, of which none is a mark. The last has no LF if it is the unterminated end.
    Lines(&'a [u8]),
    /// A mark, the end mark, or what a wait has brought.
    Item(Item<'a>),
}

/// Splits what a reader is given into bounded lines.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the stream")]
pub struct Splitter {
    buffer: Vec<u8>,
    start: usize,
    ready: usize,
    end: usize,
    /// No LF stands in `ready..scanned`, the held line apart.
    scanned: usize,
    /// No position, mark or end mark stands in `start..ready`.
    plain: bool,
    /// The line at `ready` is whole and maybe torn.
    held: bool,
    /// Inside a line that is too long: what comes up to its LF is thrown away.
    skipping: bool,
    eof: bool,
    carried: bool,
    marked: bool,
    ended: bool,
    losses: Losses,
    limit: usize,
}

impl Default for Splitter {
    fn default() -> Self {
        Self::with_limit(MAX_LINE)
    }
}

impl Splitter {
    /// A splitter for lines of at most `limit` bytes, their LF apart.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            buffer: vec![0; READ_SIZE],
            start: 0,
            ready: 0,
            end: 0,
            scanned: 0,
            plain: true,
            held: false,
            skipping: false,
            eof: false,
            carried: false,
            marked: false,
            ended: false,
            losses: Losses::default(),
            limit,
        }
    }

    /// Room for the next read, never empty. To be asked for when all that was ready has been taken.
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            self.move_to(0);
            if self.buffer.len() > 4 * READ_SIZE {
                self.buffer = vec![0; READ_SIZE];
            }
        } else if self.buffer.len() - self.end < READ_SIZE / 2 {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.move_to(0);
            }
            if self.buffer.len() - self.end < READ_SIZE / 2 {
                // By an eighth: twice as much for a line of some MiB would be what a small container does not have.
                let longer = self.buffer.len() + (self.buffer.len() / 8).max(READ_SIZE);
                let longer = longer.min(self.limit.max(READ_SIZE) + READ_SIZE);
                self.buffer.resize(longer, 0);
            }
        }
        let end = self.end;
        &mut self.buffer[end..]
    }

    /// Gives up memory that one long line needed, once that line has been taken. What has been read behind it stays.
    pub fn give_back(&mut self) {
        let left = self.end - self.start;
        if self.buffer.len() > 4 * READ_SIZE && left + READ_SIZE < self.buffer.len() / 2 {
            let mut buffer = vec![0; left + READ_SIZE];
            buffer[..left].copy_from_slice(&self.buffer[self.start..self.end]);
            self.buffer = buffer;
            self.move_to(0);
        }
    }

    fn move_to(&mut self, start: usize) {
        let by = self.start - start;
        self.start = start;
        self.ready -= by;
        self.scanned -= by;
        self.end -= by;
    }

    /// `count` bytes have been read into [`Splitter::space`].
    pub fn filled(&mut self, count: usize) {
        self.end += count;
        if self.held && count > 0 {
            self.release();
        }
        self.advance();
    }

    /// No more bytes will come.
    pub fn finish(&mut self) {
        self.eof = true;
        self.advance();
    }

    /// More input has come behind the held line: it was changed on purpose and passes, unless it is a record cut short.
    fn release(&mut self) {
        self.held = false;
        if self.is_cut_short(&self.buffer[self.ready..self.scanned - 1]) {
            self.losses.torn += 1;
            self.start = self.scanned;
        }
        self.hand_out(self.scanned);
    }

    fn hand_out(&mut self, up_to: usize) {
        self.ready = up_to;
        let lines = &self.buffer[self.start..up_to];
        // One pass over text that is neither tagged nor JSON.
        self.plain = match memchr2(RS, b'{', lines) {
            Some(at) => memchr(RS, &lines[at..]).is_none() && memmem::find(&lines[at..], b"_pos").is_none(),
            None => true,
        };
    }

    /// Moves `ready` behind the last line that may be handed out.
    fn advance(&mut self) {
        if self.skipping && !self.skip() {
            return;
        }
        let passed_by = self.pass_by_too_long();
        if let Some(found) = memrchr(b'\n', &self.buffer[self.scanned..self.end]) {
            self.hand_out(self.scanned + found + 1);
            // A line that is passed by is more input as well.
            if self.ready == self.end && passed_by != Some(self.end) {
                self.hold_last();
            }
        }
        self.scanned = self.end;
        if self.eof {
            self.settle_last();
        }
    }

    /// Removes each line from `ready` on that is too long, also if its LF has come with it. Where the last one stood.
    fn pass_by_too_long(&mut self) -> Option<usize> {
        let mut line = self.ready;
        let mut passed_by = None;
        while self.end - line > self.limit {
            let lf = memchr(b'\n', &self.buffer[line..self.end]);
            if let Some(length) = lf
                && length <= self.limit
            {
                line += length + 1;
                continue;
            }
            self.losses.too_long += 1;
            self.skipping = lf.is_none();
            let next = lf.map_or(self.end, |length| line + length + 1);
            self.buffer.copy_within(next..self.end, line);
            self.end -= next - line;
            self.scanned = self.scanned.min(line);
            passed_by = Some(line);
        }
        passed_by
    }

    /// Throws away the rest of a line that is too long; whether its LF has come.
    fn skip(&mut self) -> bool {
        let rest = &self.buffer[self.ready..self.end];
        if let Some(found) = memchr(b'\n', rest) {
            self.skipping = false;
            let from = self.ready + found + 1;
            self.buffer.copy_within(from..self.end, self.ready);
            self.end -= from - self.ready;
        } else {
            self.end = self.ready;
        }
        self.scanned = self.ready;
        !self.skipping
    }

    fn hold_last(&mut self) {
        let lines = &self.buffer[self.start..self.ready - 1];
        let last = memrchr(b'\n', lines).map_or(self.start, |lf| self.start + lf + 1);
        if torn::terminated_may_be_torn(&self.buffer[last..self.ready - 1], self.carried || !self.plain) {
            self.ready = last;
            self.held = true;
        }
    }

    /// At EOF the held line is torn, and an unterminated last line is either that or a line.
    fn settle_last(&mut self) {
        let last = &self.buffer[self.ready..self.end];
        let torn = match last.strip_suffix(b"\n") {
            Some(held) => torn::terminated_may_be_torn(held, self.carried),
            None => torn::unterminated_is_torn(last, self.carried),
        };
        self.held = false;
        if torn {
            self.losses.torn += 1;
            self.end = self.ready;
            self.scanned = self.ready;
        } else {
            self.hand_out(self.end);
        }
    }

    /// The next single item, if one is ready.
    pub fn item(&mut self) -> Option<Item<'_>> {
        let line = loop {
            let lines = &self.buffer[self.start..self.ready];
            if lines.is_empty() {
                return None;
            }
            let lf = memchr(b'\n', lines);
            let line = self.start..self.start + lf.unwrap_or(lines.len());
            self.start = line.end + usize::from(lf.is_some());
            if self.is_cut_short(&self.buffer[line.clone()]) {
                self.losses.torn += 1;
            } else {
                break &self.buffer[line];
            }
        };
        if self.plain {
            return Some(Item::Line(Line::plain(line)));
        }
        let item = classify(line, self.carried);
        match &item {
            Item::Line(line) => self.carried |= line.position().is_some(),
            Item::Mark(..) => (self.carried, self.marked) = (true, true),
            Item::End(_) => self.ended = true,
            Item::CountersAsked | Item::Idle => {}
        }
        Some(item)
    }

    /// A record in mid-stream without its end. Its last byte tells nearly always: the whole object is only read then. One that
    /// is broken behind a brace passes, as text.
    fn is_cut_short(&self, line: &[u8]) -> bool {
        self.carried && line.last() != Some(&b'}') && torn::is_broken_record(line)
    }

    /// All lines that are ready up to the next mark, or the mark.
    pub fn run(&mut self) -> Option<Run<'_>> {
        let end = if self.plain { self.ready } else { self.end_of_run() };
        if end > self.start {
            let lines = self.start..end;
            self.start = end;
            return Some(Run::Lines(&self.buffer[lines]));
        }
        self.item().map(Run::Item)
    }

    /// Where the lines from `start` on end and a mark, or a record cut short, begins. Most lines are known by their shape.
    fn end_of_run(&mut self) -> usize {
        let mut at = self.start;
        while at < self.ready {
            let lf = memchr(b'\n', &self.buffer[at..self.ready]);
            let end = lf.map_or(self.ready, |lf| at + lf);
            let line = &self.buffer[at..end];
            if self.is_cut_short(line) {
                break;
            }
            if !(self.carried && is_no_mark(line)) {
                let Item::Line(line) = classify(line, self.carried) else { break };
                self.carried |= line.position().is_some();
            }
            at = end + usize::from(lf.is_some());
        }
        at
    }

    /// Whether something can be taken: then [`Splitter::item`] gives it, so that its `None` means what it says.
    pub fn is_ready(&mut self) -> bool {
        while self.carried && self.start < self.ready {
            let lines = &self.buffer[self.start..self.ready];
            if !lines.starts_with(RECORD_HEAD) {
                break;
            }
            let lf = memchr(b'\n', lines);
            let end = self.start + lf.unwrap_or(lines.len());
            if !self.is_cut_short(&self.buffer[self.start..end]) {
                break;
            }
            self.losses.torn += 1;
            self.start = end + usize::from(lf.is_some());
        }
        self.start < self.ready
    }

    /// Whether [`Splitter::finish`] has been called.
    pub fn is_finished(&self) -> bool {
        self.eof
    }

    /// Whether what was handed out so far carried a position or a mark.
    pub fn carried(&self) -> bool {
        self.carried
    }

    /// Whether the stream, now at its EOF, was cut: marks had been seen and no end mark.
    pub fn cut(&self) -> bool {
        self.marked && !self.ended
    }

    /// What was lost so far.
    pub fn losses(&self) -> Losses {
        self.losses
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const TAGGED: &[u8] = b"\x1e3f2a00c4d1e0b7a9:0-5 /a\tfour\n";
    const RECORD: &[u8] = b"{\"_pos\":\"3f2a00c4d1e0b7a9:0-5\",\"a\":{\"b\":1}}\n";

    fn feed(splitter: &mut Splitter, bytes: &[u8]) {
        splitter.space()[..bytes.len()].copy_from_slice(bytes);
        splitter.filled(bytes.len());
    }

    fn take(splitter: &mut Splitter) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(item) = splitter.item() {
            let raw = match item {
                Item::Line(line) => line.raw,
                Item::Mark(_, raw) | Item::End(raw) => raw,
                Item::CountersAsked | Item::Idle => unreachable!(),
            };
            lines.push(raw.escape_ascii().to_string());
        }
        lines
    }

    /// What comes out when the pieces are read one by one and the stream then ends.
    fn split(pieces: &[&[u8]]) -> (Vec<String>, Losses) {
        let mut splitter = Splitter::with_limit(64);
        let mut lines = Vec::new();
        for piece in pieces {
            feed(&mut splitter, piece);
            lines.extend(take(&mut splitter));
        }
        splitter.finish();
        lines.extend(take(&mut splitter));
        (lines, splitter.losses())
    }

    /// Reads `count` bytes of a line that goes on.
    fn go_on(splitter: &mut Splitter, count: usize) {
        let mut left = count;
        while left > 0 {
            let space = splitter.space();
            assert!(!space.is_empty(), "a read into nothing looks like the end");
            let count = space.len().min(left);
            space[..count].fill(b'x');
            splitter.filled(count);
            left -= count;
        }
    }

    fn escaped(line: &[u8]) -> String {
        line.strip_suffix(b"\n").unwrap_or(line).escape_ascii().to_string()
    }

    #[test]
    fn lines_are_the_same_wherever_the_reads_part_them() {
        let text = b"one\n\ntwo \xff\0\nthree";
        for cut in 0..text.len() {
            let (lines, losses) = split(&[&text[..cut], &text[cut..]]);
            assert_eq!(lines, ["one", "", r"two \xff\x00", "three"]);
            assert_eq!(losses, Losses::default());
        }
    }

    #[test]
    fn what_is_ready_can_be_taken_also_behind_a_record_cut_short() {
        let mut splitter = Splitter::default();
        feed(&mut splitter, &[RECORD, b"{\"_pos\":\"3f2a00c4d1e0b7a9:5-9\",\nrest"].concat());
        assert!(splitter.is_ready());
        assert!(splitter.item().is_some());
        assert!(!splitter.is_ready(), "else a caller takes the `None` that follows for the end");
        feed(&mut splitter, b" of it\n");
        assert!(splitter.is_ready());
        assert_eq!(take(&mut splitter), ["rest of it"]);
        assert_eq!(splitter.losses().torn, 1);
    }

    #[test]
    fn a_line_over_the_limit_is_passed_by_and_counted_and_its_neighbours_stay() {
        let long =
            [b"a\n".to_vec(), vec![b'x'; 65], b"\nb\n".to_vec(), vec![b'y'; 300], b"\n".to_vec(), vec![b'z'; 64]]
                .concat();
        for size in [1, 7, 64, 65, 66, 100, 1000] {
            let pieces: Vec<&[u8]> = long.chunks(size).collect();
            let (lines, losses) = split(&pieces);
            assert_eq!(lines, ["a", "b", "z".repeat(64).as_str()], "{size}");
            assert_eq!(losses, Losses { too_long: 2, torn: 0 }, "{size}");
        }
    }

    #[test]
    fn what_comes_with_the_end_of_a_line_over_the_limit_is_ready_at_once() {
        let mut splitter = Splitter::with_limit(64);
        go_on(&mut splitter, 65);
        go_on(&mut splitter, 1);
        feed(&mut splitter, b"x\nb\n");
        assert_eq!(take(&mut splitter), ["b"]);
    }

    #[test]
    fn a_held_line_passes_when_what_comes_behind_it_is_too_long() {
        let changed = b"\x1e3f2a00c4d1e0b7a9:0-12 /a\tsecret x\n";
        for long in [vec![b'x'; 65], [vec![b'x'; 65], b"\n".to_vec()].concat()] {
            let stream = [changed.to_vec(), long].concat();
            for size in [1, 38, 1000] {
                let pieces: Vec<&[u8]> = stream.chunks(size).collect();
                let expected = (vec![escaped(changed)], Losses { too_long: 1, torn: 0 });
                assert_eq!(split(&pieces), expected, "{size}");
            }
        }
    }

    #[test]
    fn torn_anywhere_a_tagged_line_or_record_is_never_taken_for_the_line() {
        for whole in [TAGGED, RECORD] {
            for end in 1..whole.len() {
                let (lines, losses) = split(&[whole, &whole[..end]]);
                assert_eq!((lines, losses.torn), (vec![escaped(whole)], 1), "{}", escaped(&whole[..end]));
            }
        }
    }

    #[test]
    fn torn_and_then_terminated_by_a_foreign_filter_it_is_dropped_as_well() {
        for whole in [TAGGED, RECORD] {
            for end in 1..whole.len() - 1 {
                let torn = [&whole[..end], b"\n"].concat();
                let mut splitter = Splitter::default();
                feed(&mut splitter, whole);
                assert_eq!(take(&mut splitter), [escaped(whole)]);
                feed(&mut splitter, &torn);
                splitter.finish();
                match splitter.item() {
                    None => assert_eq!(splitter.losses().torn, 1),
                    Some(Item::Mark(mark, _)) => assert!(mark.next == 0 && !mark.finished),
                    Some(other) => panic!("{}: {other:?}", escaped(&torn)),
                }
            }
        }
    }

    #[test]
    fn a_line_changed_by_a_foreign_filter_passes_once_more_input_has_come() {
        let changed = b"\x1e3f2a00c4d1e0b7a9:0-12 /a\tsecret x\n";
        let mut splitter = Splitter::default();
        feed(&mut splitter, changed);
        assert!(splitter.item().is_none());
        feed(&mut splitter, b"\x1e3f2a00c4d1e0b7a9:12\n");
        assert_eq!(take(&mut splitter).len(), 2);
        assert_eq!(splitter.losses(), Losses::default());
    }

    #[test]
    fn the_last_line_alone_is_held_wherever_the_read_began() {
        let changed = b"\x1e3f2a00c4d1e0b7a9:0-12 /a\tsecret x\n";
        let mut splitter = Splitter::default();
        feed(&mut splitter, b"one\ntw");
        assert_eq!(take(&mut splitter), ["one"]);
        feed(&mut splitter, &[b"o\n", &changed[..]].concat());
        assert_eq!(take(&mut splitter), ["two"]);
        feed(&mut splitter, b"three\n");
        assert_eq!(take(&mut splitter), [escaped(changed), "three".to_owned()]);
    }

    #[test]
    fn a_held_line_stays_held_when_nothing_has_come() {
        let mut splitter = Splitter::default();
        feed(&mut splitter, b"\x1e3f2a00c4d1e0b7a9:0-12 /a\tsecret x\n");
        splitter.filled(0);
        splitter.finish();
        assert_eq!((take(&mut splitter).len(), splitter.losses().torn), (0, 1));
    }

    #[test]
    fn the_beginning_of_a_record_is_held_where_a_position_came_with_it_and_else_is_text() {
        let beginning = b"{\"_p\n";
        let mut splitter = Splitter::default();
        feed(&mut splitter, beginning);
        assert_eq!(take(&mut splitter), [escaped(beginning)]);
        feed(&mut splitter, &[RECORD, beginning].concat());
        assert_eq!(take(&mut splitter), [escaped(RECORD)]);
    }

    #[test]
    fn a_record_cut_short_in_mid_stream_is_dropped_where_positions_are_carried() {
        let cut: &[u8] = b"{\"_pos\":\"3f2a00c4d1e0b7a9:5-9\",\"a\":{\n";
        for pieces in [&[RECORD, cut, b"{}\n"][..], &[&[RECORD, cut, b"{}\n"].concat()]] {
            let (lines, losses) = split(pieces);
            assert_eq!((lines.len(), losses.torn), (2, 1));
        }
        let (lines, losses) = split(&[b"{\"_pos\": no record\n", b"{}\n"]);
        assert_eq!((lines.len(), losses.torn), (2, 0));
    }

    #[test]
    fn a_record_broken_behind_a_brace_passes_in_mid_stream_wherever_the_reads_part_it() {
        let broken = b"{\"_pos\":\"3f2a00c4d1e0b7a9:0-5\",\"a\":{}\n";
        let stream = [RECORD, broken, b"x\n"].concat();
        let expected = split(&[&stream]);
        assert_eq!(expected.0, [escaped(RECORD), escaped(broken), "x".to_owned()]);
        for at in 0..stream.len() {
            let (one, other) = stream.split_at(at);
            assert_eq!(split(&[one, other]), expected, "{at}");
        }
    }

    #[test]
    fn a_run_ends_at_a_mark_and_takes_lines_of_all_kinds_along() {
        let mark: &[u8] = b"\x1e3f2a00c4d1e0b7a9:5\n";
        let record_mark: &[u8] = b"{\"env\":1,\"_pos\":\"3f2a00c4d1e0b7a9:5\"}\n";
        let cut: &[u8] = b"{\"_pos\":\"3f2a00c4d1e0b7a9:5-9\",\n";
        let lines = [b"plain\n{\"a\":1}\n\x1eodd\n", TAGGED, RECORD].concat();
        for part in [mark, record_mark, b"\x1eend\n", b"{\"_pos\":\"end\"}\n", cut] {
            let mut splitter = Splitter::default();
            feed(&mut splitter, &[&lines, part, &lines].concat());
            assert!(matches!(splitter.run(), Some(Run::Lines(run)) if run == lines));
            assert!(splitter.carried());
            if part != cut {
                let Some(Run::Item(item)) = splitter.run() else { panic!("no mark") };
                assert!(matches!(item, Item::Mark(_, raw) | Item::End(raw) if raw == &part[..part.len() - 1]));
            }
            splitter.finish();
            assert!(splitter.is_ready());
            let mut rest = Vec::new();
            while let Some(Run::Lines(run)) = splitter.run() {
                rest.extend_from_slice(run);
            }
            assert_eq!(rest, lines);
            assert_eq!(splitter.losses().torn, u64::from(part == cut));
        }
    }

    #[test]
    fn a_stream_is_finished_when_it_is_told_to_be_and_carries_what_has_come() {
        for (text, carries) in [(&b"text\n"[..], false), (TAGGED, true), (RECORD, true)] {
            let mut splitter = Splitter::default();
            feed(&mut splitter, text);
            take(&mut splitter);
            assert_eq!((splitter.is_finished(), splitter.carried()), (false, carries));
            splitter.finish();
            assert_eq!((splitter.is_finished(), splitter.carried()), (true, carries));
        }
    }

    #[test]
    fn a_stream_is_cut_when_marks_came_and_no_end_mark() {
        let mark: &[u8] = b"\x1e3f2a00c4d1e0b7a9:5\n";
        for (text, cut) in
            [(vec![TAGGED], false), (vec![TAGGED, mark], true), (vec![TAGGED, mark, b"\x1eend\n"], false)]
        {
            let mut splitter = Splitter::default();
            feed(&mut splitter, &text.concat());
            splitter.finish();
            take(&mut splitter);
            assert_eq!(splitter.cut(), cut);
        }
    }

    #[test]
    fn memory_comes_back_after_a_long_line() {
        let mut splitter = Splitter::default();
        go_on(&mut splitter, 4 << 20);
        feed(&mut splitter, b"\n");
        assert!(matches!(splitter.item(), Some(Item::Line(line)) if line.raw.len() == 4 << 20));
        assert_eq!(splitter.space().len(), READ_SIZE);
    }

    #[test]
    fn memory_for_four_reads_stays_once_all_is_taken_and_more_comes_back() {
        for (reads, kept) in [(1, 1), (2, 2), (4, 4), (5, 1)] {
            let mut splitter = Splitter::default();
            go_on(&mut splitter, (reads - 1) * READ_SIZE);
            feed(&mut splitter, b"\n");
            assert_eq!(take(&mut splitter).len(), 1);
            assert_eq!(splitter.space().len(), kept * READ_SIZE, "{reads}");
        }
    }

    #[test]
    fn memory_grows_by_an_eighth_and_no_less_than_a_read_once_less_than_half_a_read_is_left() {
        let mut splitter = Splitter::default();
        let mut memory = READ_SIZE;
        let mut read = 0;
        while memory < 20 * READ_SIZE {
            let full = memory - READ_SIZE / 2;
            go_on(&mut splitter, full - read);
            assert_eq!(splitter.space().len(), READ_SIZE / 2);
            go_on(&mut splitter, 1);
            read = full + 1;
            memory += (memory / 8).max(READ_SIZE);
            assert_eq!(splitter.space().len(), memory - read);
        }
    }

    #[test]
    fn memory_for_a_line_at_the_limit_is_that_and_one_read() {
        let limit = 16 * READ_SIZE;
        let mut splitter = Splitter::with_limit(limit);
        go_on(&mut splitter, limit);
        assert_eq!(splitter.space().len(), READ_SIZE);
        feed(&mut splitter, b"\n");
        assert!(matches!(splitter.item(), Some(Item::Line(line)) if line.raw.len() == limit));
    }

    #[test]
    fn what_was_not_taken_is_moved_only_once_less_than_half_a_read_is_left() {
        for read in [3, READ_SIZE / 2] {
            let mut splitter = Splitter::default();
            feed(&mut splitter, b"a\n");
            go_on(&mut splitter, read - 2);
            assert_eq!(take(&mut splitter), ["a"]);
            assert_eq!(splitter.space().len(), READ_SIZE - read);
        }
    }

    #[test]
    fn what_was_taken_makes_room_for_the_line_behind_it_before_memory_grows() {
        for rest in [1, READ_SIZE / 2] {
            let mut splitter = Splitter::default();
            let space = splitter.space();
            space.fill(b'x');
            space[READ_SIZE - rest - 1] = b'\n';
            splitter.filled(READ_SIZE);
            assert_eq!(take(&mut splitter).len(), 1);
            assert_eq!(splitter.space().len(), READ_SIZE - rest);
        }
    }

    #[test]
    fn memory_of_a_long_line_is_given_back_where_less_than_half_is_needed_and_what_stands_behind_it_stays() {
        let line = 3 * READ_SIZE;
        for (line, left, memory) in [
            (line, 10, 4 * READ_SIZE),
            (line, 3 * READ_SIZE / 2, 5 * READ_SIZE),
            (line, 3 * READ_SIZE / 2 - 1, 5 * READ_SIZE / 2 - 1),
            (9 * READ_SIZE, 10, READ_SIZE + 10),
        ] {
            let mut splitter = Splitter::default();
            go_on(&mut splitter, line - 1);
            feed(&mut splitter, b"\n");
            go_on(&mut splitter, left);
            assert_eq!(take(&mut splitter).len(), 1);
            splitter.give_back();
            assert_eq!(splitter.buffer.len(), memory, "{left} behind {line}");
            feed(&mut splitter, b"\n");
            assert_eq!(take(&mut splitter), ["x".repeat(left)]);
        }
    }
}
