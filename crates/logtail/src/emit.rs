//! Lines of a file as they leave: plain, or with the tag that tells where they were read.
//!
//! The invariant: what is emitted of a generation is cut at the same offsets whenever it is read: behind each LF, and at
//! each recorded cut.

use logline::line::escape_path;
use logline::position::{Fid, Flags, Position};
use memchr::{memchr, memchr_iter};

/// How lines leave.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// With tags and marks.
    pub tagged: bool,
    /// The longest content that leaves; the rest of a line is skipped.
    pub max_line: usize,
}

/// The part of a tag that is the same for all lines of a generation.
#[derive(Debug)]
pub struct Tag {
    fid: Fid,
    path: Vec<u8>,
}

impl Tag {
    /// For the lines of `fid`, read from the file at `path`.
    pub fn new(fid: Fid, path: &[u8]) -> Self {
        Self { fid, path: escape_path(path) }
    }

    /// Appends the whole lines `lines` (the last byte is an LF), which begin at `offset` of the file. None of them may be
    /// longer than the shape allows, and no cut may lie inside.
    pub fn emit_lines(&self, out: &mut Vec<u8>, shape: Shape, lines: &[u8], offset: u64) {
        if !shape.tagged {
            out.extend_from_slice(lines);
            return;
        }
        let mut tag = Running::new(self, offset);
        let mut from = 0;
        for lf in memchr_iter(b'\n', lines) {
            tag.move_to(offset + lf as u64 + 1);
            out.extend_from_slice(&tag.text);
            out.extend_from_slice(&lines[from..=lf]);
            from = lf + 1;
        }
    }

    /// Appends one piece: `content` (without LF, already cut to the shape's limit) made from bytes `start..end`.
    pub fn emit_piece(&self, out: &mut Vec<u8>, shape: Shape, content: &[u8], start: u64, end: u64, flags: Flags) {
        if shape.tagged {
            let position = Position { fid: self.fid, start, end, next: end, flags };
            logline::line::write_tag(out, &position, &self.path);
        }
        out.extend_from_slice(content);
        out.push(b'\n');
    }
}

/// The tags of lines that stand behind each other: as the end of each is the start of the next, only a few digits of the
/// text change from one to the next.
///
/// The invariant: `text` is `RS fid ":" start "-" end SP path TAB`, and both numbers have `width` digits where `end` is
/// below `even_below`.
struct Running<'a> {
    tag: &'a Tag,
    text: Vec<u8>,
    start: u64,
    end: u64,
    width: usize,
    even_below: u64,
}

/// Where `start` begins: behind RS, 16 digits and the colon.
const START: usize = 18;

impl<'a> Running<'a> {
    /// The tag before that of the first line, which begins at `offset`.
    fn new(tag: &'a Tag, offset: u64) -> Self {
        let text = Vec::with_capacity(64 + tag.path.len());
        Self { tag, text, start: offset, end: offset, width: 0, even_below: 0 }
    }

    /// The tag of the next line, which ends at `end`.
    fn move_to(&mut self, end: u64) {
        if end < self.even_below {
            let (start, rest) = self.text[START..].split_at_mut(self.width);
            count_on(start, self.start, self.end);
            count_on(&mut rest[1..=self.width], self.end, end);
            (self.start, self.end) = (self.end, end);
        } else {
            self.write(end);
        }
    }

    fn write(&mut self, end: u64) {
        (self.start, self.end) = (self.end, end);
        let position = Position { fid: self.tag.fid, start: self.start, end, next: end, flags: Flags::default() };
        self.text.clear();
        logline::line::write_tag(&mut self.text, &position, &self.tag.path);
        let (width, width_of_start) = (decimal_width(end), decimal_width(self.start));
        self.width = width as usize;
        self.even_below = if width == width_of_start { 10_u64.checked_pow(width).unwrap_or(u64::MAX) } else { 0 };
    }
}

/// Makes of the digits of `from` those of `to`, which has as many. Most often the last four are all that changes; that
/// their number is the same each time is worth more than to write no digit twice.
fn count_on(digits: &mut [u8], from: u64, to: u64) {
    let is_near = from / 10_000 == to / 10_000;
    let first = if is_near { digits.len().saturating_sub(4) } else { 0 };
    let mut value = to;
    for digit in digits[first..].iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// How many decimal digits `value` has.
fn decimal_width(value: u64) -> u32 {
    value.checked_ilog10().unwrap_or_default() + 1
}

/// One piece of a file between two places where it is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// How many bytes it has, its LF included.
    pub length: usize,
    /// Whether it ends in an LF; otherwise at a cut.
    pub has_lf: bool,
}

/// The first piece of `bytes`, which begin at `offset`: up to its LF or the next cut. `None` where neither is there.
pub fn first_piece(bytes: &[u8], offset: u64, cuts: &[u64]) -> Option<Piece> {
    let lf = memchr(b'\n', bytes).map(|at| at + 1);
    let cut = cuts.iter().filter_map(|cut| usize::try_from(cut.checked_sub(offset)?).ok()).filter(|at| *at > 0).min();
    match (lf, cut.filter(|cut| *cut <= bytes.len())) {
        (Some(lf), Some(cut)) if cut < lf => Some(Piece { length: cut, has_lf: false }),
        (Some(lf), _) => Some(Piece { length: lf, has_lf: true }),
        (None, Some(cut)) => Some(Piece { length: cut, has_lf: false }),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use logline::line::{Item, classify};

    const TAGGED: Shape = Shape { tagged: true, max_line: 1 << 20 };

    #[test]
    fn each_line_tells_its_bytes() {
        let lines = b"one\n\ntwo \xff\n";
        let mut out = Vec::new();
        Tag::new(Fid(7), b"/var/log/a\tb").emit_lines(&mut out, TAGGED, lines, 96);
        let mut at = 96;
        let mut contents = Vec::new();
        for line in out.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n') {
            let Item::Line(line) = classify(line, true) else { panic!("a line") };
            let position = line.position().unwrap();
            assert_eq!((position.fid, position.start), (Fid(7), at));
            assert_eq!(position.end - position.start, line.content.len() as u64 + 1);
            assert_eq!(line.tag.unwrap().path_bytes(), &b"/var/log/a\tb"[..]);
            at = position.end;
            contents.push(line.content.to_vec());
        }
        assert_eq!(contents, [&b"one"[..], b"", b"two \xff"]);
    }

    #[test]
    fn tags_of_neighbours_are_those_of_each_alone_also_where_the_numbers_grow() {
        let tag = Tag::new(Fid(7), b"/a");
        let lines = b"\n12345678\n1\n\n\n12345\n".repeat(12);
        for offset in [0, 1, 7, 95, 9_980, 999_999_990, u64::from(u32::MAX), u64::MAX - 2000] {
            let mut together = Vec::new();
            tag.emit_lines(&mut together, TAGGED, &lines, offset);
            let mut alone = Vec::new();
            let mut start = offset;
            for line in lines.split_inclusive(|byte| *byte == b'\n') {
                let end = start + line.len() as u64;
                tag.emit_piece(&mut alone, TAGGED, &line[..line.len() - 1], start, end, Flags::default());
                start = end;
            }
            assert_eq!(together.escape_ascii().to_string(), alone.escape_ascii().to_string());
        }
    }

    #[test]
    fn plain_lines_leave_as_they_are() {
        let mut out = Vec::new();
        Tag::new(Fid(7), b"/a").emit_lines(&mut out, Shape { tagged: false, ..TAGGED }, b"a\n\nb\n", 5);
        assert_eq!(out, b"a\n\nb\n");
    }

    #[test]
    fn a_piece_ends_at_its_lf_or_at_a_cut_before() {
        let piece = |length, has_lf| Some(Piece { length, has_lf });
        assert_eq!(first_piece(b"abc\nd", 10, &[]), piece(4, true));
        assert_eq!(first_piece(b"abc\nd", 10, &[12]), piece(2, false));
        assert_eq!(first_piece(b"abc\nd", 10, &[10]), piece(4, true));
        assert_eq!(first_piece(b"abc\nd", 10, &[14]), piece(4, true));
        assert_eq!(first_piece(b"abc\nd", 10, &[13]), piece(3, false));
        assert_eq!(first_piece(b"abc", 10, &[13]), piece(3, false));
        assert_eq!(first_piece(b"abc", 10, &[14]), None);
        assert_eq!(first_piece(b"abc", 10, &[]), None);
    }
}
