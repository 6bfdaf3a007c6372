//! A record as it is written: one JSON object a line, straight into the output buffer.
//!
//! The key order is the contract's: `_pos`, `_file`, `time`, `level`, the format's fields, `message`, flags. What a reader
//! finds behind the braces is valid JSON whatever the line held.

use logline::json;
use logline::line::Line;
use logline::position::Position;

/// Keys that content cannot have.
const RESERVED: [&[u8]; 7] =
    [b"_pos", b"_file", b"_partial", b"_continued", b"_truncated", b"_parse_error", b"_refused"];

/// One record in the making, at the end of a buffer.
#[derive(Debug)]
pub struct Record<'o> {
    out: &'o mut Vec<u8>,
    begins_at: usize,
}

impl<'o> Record<'o> {
    /// Begins the record of `line` with what its tag tells.
    pub fn begin(out: &'o mut Vec<u8>, line: &Line<'_>) -> Self {
        let begins_at = out.len();
        out.push(b'{');
        let mut record = Self { out, begins_at };
        if let Some(tag) = &line.tag {
            record.key("_pos");
            record.out.push(b'"');
            tag.position.write_without_flags(record.out);
            record.out.push(b'"');
            record.key("_file");
            json::write_string(record.out, &tag.path_bytes());
        }
        record
    }

    /// Where the fields of the format begin: what [`Record::back_to`] takes.
    pub fn place(&self) -> usize {
        self.out.len()
    }

    /// Forgets all that was written since `place`.
    pub fn back_to(&mut self, place: usize) {
        self.out.truncate(place);
    }

    /// Writes a key, which needs no escape; its value is to follow in [`Record::out`].
    pub fn key(&mut self, key: &str) {
        if self.out.last() != Some(&b'{') || self.out.len() != self.begins_at + 1 {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// The buffer, for a value.
    pub fn out(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// A key and a text.
    pub fn text(&mut self, key: &str, text: &[u8]) {
        self.key(key);
        json::write_string(self.out, text);
    }

    /// A key and a value that is JSON already.
    pub fn raw(&mut self, key: &str, value: &[u8]) {
        self.key(key);
        self.out.extend_from_slice(value);
    }

    /// A member of an object that the content holds; its key, as it stands between its quotes, cannot be one of ours.
    pub fn member(&mut self, key: &[u8], value: &[u8]) {
        self.key("");
        self.out.truncate(self.out.len() - 2);
        self.out.extend_from_slice(key);
        let plain = json::unescape_inner(key);
        if RESERVED.iter().any(|reserved| plain.as_deref() == Some(*reserved)) {
            self.out.push(b'_');
        }
        self.out.extend_from_slice(b"\":");
        self.out.extend_from_slice(value);
    }

    /// Writes the flags of the position and ends the line.
    pub fn end(mut self, position: Option<Position>) {
        if let Some(flags) = position.map(|position| position.flags) {
            for (set, key) in
                [(flags.partial, "_partial"), (flags.continued, "_continued"), (flags.truncated, "_truncated")]
            {
                if set {
                    self.raw(key, b"true");
                }
            }
        }
        self.out.extend_from_slice(b"}\n");
    }
}
