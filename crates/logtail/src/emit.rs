//! Lines of a file as they leave: plain, or with the tag that tells where they were read.
//!
//! The invariant: what is emitted of a generation is cut at the same offsets whenever it is read: behind each LF, and at
//! each recorded cut.

use logline::line::{escape_path, write_mark};
use logline::position::{Fid, Flags, Mark, Position, write_decimal};
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
        let mut prefix = vec![logline::line::RS];
        self.fid.write(&mut prefix);
        prefix.push(b':');
        let mut middle = vec![b' '];
        middle.extend_from_slice(&self.path);
        middle.push(b'\t');
        // The end of a line is the start of the next: each number is written once and copied once.
        let mut start = Vec::with_capacity(20);
        let mut end = Vec::with_capacity(20);
        write_decimal(&mut start, offset);
        let mut from = 0;
        for lf in memchr_iter(b'\n', lines) {
            end.clear();
            write_decimal(&mut end, offset + lf as u64 + 1);
            out.reserve(prefix.len() + start.len() + 1 + end.len() + middle.len() + lf + 1 - from);
            out.extend_from_slice(&prefix);
            out.extend_from_slice(&start);
            out.push(b'-');
            out.extend_from_slice(&end);
            out.extend_from_slice(&middle);
            out.extend_from_slice(&lines[from..=lf]);
            from = lf + 1;
            std::mem::swap(&mut start, &mut end);
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

    /// Appends a mark where lines are tagged.
    pub fn emit_mark(&self, out: &mut Vec<u8>, shape: Shape, next: u64, finished: bool) {
        if shape.tagged {
            write_mark(out, &Mark { fid: self.fid, next, finished });
        }
    }
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
