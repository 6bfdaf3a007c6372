//! The kinds of line. A tagged line is known by its first byte, a record by its braces; marks and the end mark stand
//! beside them in both forms.
//!
//! | kind | raw form | record form |
//! |---|---|---|
//! | line | `RS pos SP path TAB content LF` | `{"_pos":"…",…}` |
//! | mark | `RS fid:next[.] LF` | `{"_pos":"fid:next[.]","_unparsed":3}`, the second member only where there is something to tell |
//! | end mark | `RS end LF` | `{"_pos":"end"}` |

use std::borrow::Cow;

use memchr::{memchr, memmem};

use crate::digits;
use crate::json;
use crate::position::{Mark, Position, write_decimal};

/// The first byte of a tagged line and of a mark.
pub const RS: u8 = 0x1e;
/// What a record with a position begins with when one of our tools has written it.
pub const RECORD_HEAD: &[u8] = b"{\"_pos\":";

/// One thing that a stream brings.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// Something to keep, drop, parse or deliver.
    Line(Line<'a>),
    /// Everything of a generation below an offset has been emitted; the line as it came, without its LF.
    Mark(Mark, &'a [u8]),
    /// The stream has ended as it should; the line as it came.
    End(&'a [u8]),
    /// USR1 has arrived: the user wants one line of counters on stderr.
    CountersAsked,
    /// The time that was set has passed without input.
    Idle,
}

/// One line of text or one record.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The whole line without its LF, to be passed on unchanged.
    pub raw: &'a [u8],
    /// What logtail wrote in front, if it did.
    pub tag: Option<Tag<'a>>,
    /// What stands behind the tag; without a tag, the whole line. No LF.
    pub content: &'a [u8],
    position: Option<Position>,
}

impl Item<'_> {
    /// Whether it tells a position or is a mark.
    pub fn carries_position(&self) -> bool {
        match self {
            Self::Line(line) => line.position().is_some(),
            Self::Mark(..) => true,
            Self::End(_) | Self::CountersAsked | Self::Idle => false,
        }
    }
}

impl<'a> Line<'a> {
    /// The position that the tag or the record's `_pos` tells.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// The position as the tag tells it, if it has no flags: then it stands in a record just so.
    pub fn position_text(&self) -> Option<&'a [u8]> {
        self.tag.map(|tag| tag.position).filter(|text| text.last().is_some_and(u8::is_ascii_digit))
    }

    /// Whether this is a record: an untagged line that begins like an object. (A tagged line may hold an object too: that
    /// is for its reader to say.)
    pub fn is_record(&self) -> bool {
        self.tag.is_none() && self.content.first() == Some(&b'{')
    }

    /// What stands in a run of lines, of which none is a mark.
    #[inline]
    pub fn of_run(raw: &'a [u8]) -> Self {
        if !matches!(raw.first(), Some(&RS | b'{')) {
            return Self::plain(raw);
        }
        match classify(raw, false) {
            Item::Line(line) => line,
            _ => Self::plain(raw),
        }
    }

    /// A line that is only what it looks like.
    pub fn plain(raw: &'a [u8]) -> Self {
        Self { raw, tag: None, content: raw, position: None }
    }
}

/// The beginning of a tagged line.
#[derive(Clone, Copy, Debug)]
pub struct Tag<'a> {
    /// The position as it stands there, its flags included.
    pub position: &'a [u8],
    /// The path as the tag has it, with TAB, LF, RS and backslash escaped.
    pub path: &'a [u8],
}

impl<'a> Tag<'a> {
    /// The path as logtail opened it.
    pub fn path_bytes(&self) -> Cow<'a, [u8]> {
        unescape_path(self.path)
    }
}

/// The path that stands in a tag as `escaped`.
pub fn unescape_path(escaped: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\\', escaped).is_none() {
        return Cow::Borrowed(escaped);
    }
    let mut path = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    'next: while let Some((first, behind)) = rest.split_first() {
        for (letter, escape) in PATH_ESCAPES {
            if let Some(behind) = rest.strip_prefix(escape) {
                path.push(letter);
                rest = behind;
                continue 'next;
            }
        }
        path.push(*first);
        rest = behind;
    }
    Cow::Owned(path)
}

const PATH_ESCAPES: [(u8, &[u8]); 4] = [(b'\t', b"\\t"), (b'\n', b"\\n"), (RS, b"\\x1e"), (b'\\', b"\\\\")];

/// Appends the tag of a line; the content and its LF follow.
pub fn write_tag(out: &mut Vec<u8>, position: &Position, escaped_path: &[u8]) {
    out.push(RS);
    position.write(out);
    out.push(b' ');
    out.extend_from_slice(escaped_path);
    out.push(b'\t');
}

/// The path as it stands in a tag.
pub fn escape_path(path: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(path.len());
    for byte in path {
        match PATH_ESCAPES.iter().find(|(letter, _)| letter == byte) {
            Some((_, escape)) => escaped.extend_from_slice(escape),
            None => escaped.push(*byte),
        }
    }
    escaped
}

/// Appends a mark in the raw form, its LF included.
pub fn write_mark(out: &mut Vec<u8>, mark: &Mark) {
    out.push(RS);
    mark.write(out);
    out.push(b'\n');
}

/// Appends a mark in the record form, its LF included. `unparsed` is how many lines no format fitted until here; it is
/// left out where it is 0.
pub fn write_mark_record(out: &mut Vec<u8>, mark: &Mark, unparsed: u64) {
    out.extend_from_slice(b"{\"_pos\":\"");
    mark.write(out);
    out.push(b'"');
    if unparsed > 0 {
        out.extend_from_slice(b",\"_unparsed\":");
        write_decimal(out, unparsed);
    }
    out.extend_from_slice(b"}\n");
}

/// How many lines no format fitted, as a mark tells it that stands in the line `mark`; 0 where it says nothing of that.
pub fn unparsed(mark: &[u8]) -> u64 {
    let value = json::member(mark, "_unparsed").and_then(|value| std::str::from_utf8(value).ok());
    value.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The end mark in the raw form, its LF included.
pub const END: &[u8] = b"\x1eend\n";
/// The end mark in the record form, its LF included.
pub const END_RECORD: &[u8] = b"{\"_pos\":\"end\"}\n";

/// What one line, given without its LF, is. `carried` says whether the stream has carried a position before: only then
/// does an end mark count.
#[inline]
pub fn classify(line: &[u8], carried: bool) -> Item<'_> {
    match line.first() {
        Some(&RS) => classify_tagged(line, carried),
        Some(b'{') => classify_object(line, carried),
        _ => Item::Line(Line::plain(line)),
    }
}

/// Whether the line shows within its first bytes that it is neither a mark nor the end mark. It may be neither where this
/// is false: [`classify`] knows.
pub fn is_no_mark(line: &[u8]) -> bool {
    let position = match line.first() {
        Some(&RS) => &line[1..],
        Some(b'{') => match line.strip_prefix(RECORD_HEAD).and_then(|value| value.strip_prefix(b"\"")) {
            Some(text) => text,
            None => return false,
        },
        _ => return true,
    };
    // Behind the first offset a position has a minus, a mark has nothing or a full stop.
    match position.get(16..) {
        Some([b':', rest @ ..]) => rest.get(digits::count(rest)) == Some(&b'-'),
        _ => false,
    }
}

#[inline]
fn classify_tagged(line: &[u8], carried: bool) -> Item<'_> {
    let tag = &line[1..];
    if let Some((position, tag, content)) = split_tag(tag) {
        return Item::Line(Line { raw: line, tag: Some(tag), content, position: Some(position) });
    }
    if let Some(mark) = Mark::parse(tag) {
        return Item::Mark(mark, line);
    }
    if carried && tag == b"end" {
        return Item::End(line);
    }
    Item::Line(Line::plain(line))
}

#[inline]
fn split_tag(text: &[u8]) -> Option<(Position, Tag<'_>, &[u8])> {
    let (position, rest) = Position::leading(text)?;
    let position_text = &text[..text.len() - rest.len()];
    let rest = rest.strip_prefix(b" ")?;
    let tab = memchr(b'\t', rest)?;
    Some((position, Tag { position: position_text, path: &rest[..tab] }, &rest[tab + 1..]))
}

#[inline]
fn classify_object(line: &[u8], carried: bool) -> Item<'_> {
    let Some(text) = behind_quote(line) else { return Item::Line(Line::plain(line)) };
    if let Some((position, [b'"', ..])) = Position::leading(text) {
        return Item::Line(Line { raw: line, tag: None, content: line, position: Some(position) });
    }
    let text = &text[..memchr(b'"', text).unwrap_or_default()];
    if let Some(mark) = Mark::parse(text) {
        return Item::Mark(mark, line);
    }
    if carried && text == b"end" {
        return Item::End(line);
    }
    Item::Line(Line::plain(line))
}

/// What stands behind the quote that begins the top-level value `_pos`. It has no escapes where it is a position.
#[inline]
fn behind_quote(object: &[u8]) -> Option<&[u8]> {
    let value = match object.strip_prefix(RECORD_HEAD) {
        Some(value) if value.first() == Some(&b'"') => value,
        _ => {
            memmem::find(object, b"_pos")?;
            json::member(object, "_pos")?
        }
    };
    value.strip_prefix(b"\"")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const POSITION: &str = "3f2a00c4d1e0b7a9:0-18";

    fn line(text: &[u8]) -> Line<'_> {
        match classify(text, true) {
            Item::Line(line) => line,
            other => panic!("no line: {other:?}"),
        }
    }

    #[test]
    fn a_tagged_line_parts_into_position_path_and_content() {
        let text = format!("\x1e{POSITION} /var/log/a b.log\tGET\t/ \x1e");
        let line = line(text.as_bytes());
        assert_eq!(line.content, b"GET\t/ \x1e");
        assert_eq!(line.tag.unwrap().path, b"/var/log/a b.log");
        assert_eq!(line.position().unwrap().end, 18);
    }

    #[test]
    fn a_path_survives_the_tag() {
        for path in [&b"/a"[..], b"/a\tb\nc\x1ed\\e\\t\\x1e", b"\\", b"\xff"] {
            let escaped = escape_path(path);
            assert!(!escaped.iter().any(|byte| b"\t\n\x1e".contains(byte)));
            let position = Position::parse(POSITION.as_bytes()).unwrap();
            let mut text = Vec::new();
            write_tag(&mut text, &position, &escaped);
            assert_eq!(line(&text).tag.unwrap().path_bytes(), path);
        }
    }

    #[test]
    fn marks_are_known_in_both_forms_wherever_the_key_stands() {
        for text in [
            "\x1e3f2a00c4d1e0b7a9:7",
            r#"{"_pos":"3f2a00c4d1e0b7a9:7"}"#,
            r#"{"env":"x","_pos":"3f2a00c4d1e0b7a9:7"}"#,
            r#"{ "_pos" : "3f2a00c4d1e0b7a9:7" , "env":"x"}"#,
        ] {
            assert!(matches!(classify(text.as_bytes(), false), Item::Mark(mark, _) if mark.next == 7), "{text}");
        }
    }

    #[test]
    fn a_mark_tells_how_many_lines_no_format_fitted() {
        let mark = Mark::parse(b"3f2a00c4d1e0b7a9:7").unwrap();
        for (told, text) in
            [(0, "{\"_pos\":\"3f2a00c4d1e0b7a9:7\"}\n"), (12, "{\"_pos\":\"3f2a00c4d1e0b7a9:7\",\"_unparsed\":12}\n")]
        {
            let mut out = Vec::new();
            write_mark_record(&mut out, &mark, told);
            assert_eq!(String::from_utf8(out).unwrap(), text);
            assert!(matches!(classify(text.trim_end().as_bytes(), false), Item::Mark(again, _) if again == mark));
            assert_eq!(unparsed(text.trim_end().as_bytes()), told);
        }
        for text in ["\x1e3f2a00c4d1e0b7a9:7", r#"{"_pos":"3f2a00c4d1e0b7a9:7","_unparsed":"x"}"#] {
            assert_eq!(unparsed(text.as_bytes()), 0, "{text}");
        }
    }

    #[test]
    fn the_end_mark_counts_only_where_positions_were_carried() {
        for text in [&END[..END.len() - 1], &END_RECORD[..END_RECORD.len() - 1]] {
            assert!(matches!(classify(text, true), Item::End(_)));
            assert!(matches!(classify(text, false), Item::Line(_)));
        }
    }

    #[test]
    fn content_behind_a_tag_cannot_be_a_mark_or_claim_a_position() {
        let text = format!("\x1e{POSITION} /a\t\x1e3f2a00c4d1e0b7a9:9");
        assert_eq!(line(text.as_bytes()).position().unwrap().end, 18);
        let nested = r#"{"a":{"_pos":"3f2a00c4d1e0b7a9:9"}}"#;
        assert_eq!(line(nested.as_bytes()).position(), None);
    }

    #[test]
    fn a_position_that_does_not_parse_is_an_ordinary_key() {
        for text in [r#"{"_pos":"x"}"#, r#"{"_pos":7}"#, r#"{"_pos":""}"#, r#"{"_pos":"#] {
            let line = line(text.as_bytes());
            assert!(line.is_record() && line.position().is_none(), "{text}");
        }
    }
}
