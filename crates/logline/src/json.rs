//! The text of a JSON object read without building a tree, and strings written. A value is borrowed as the raw text it
//! has; numbers keep their digits. Nesting beyond [`MAX_DEPTH`] counts as malformed, so that no content can exhaust the
//! stack.

use std::borrow::Cow;

use memchr::memchr;
use wide::i8x16;

use crate::digits;
use crate::lanes::{self, LANES};

/// The deepest nesting that is read.
pub const MAX_DEPTH: usize = 128;

/// The text is not one JSON object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;

/// A key of an object as it stands between its quotes (escapes and all), and the raw text of its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member<'a> {
    /// Between the quotes, still escaped.
    pub key: &'a [u8],
    /// The value's text without white space around it.
    pub value: &'a [u8],
}

impl Member<'_> {
    /// Whether the key, unescaped, is `name`.
    pub fn is(&self, name: &[u8]) -> bool {
        // An escape is longer than what it stands for, and up to the first one the key is the name. This is asked of each
        // member for each name that is looked for, so nearly all are told apart by their first byte.
        let may_be_escaped = || {
            self.key.len() > name.len()
                && (self.key.first() == name.first() || self.key.first() == Some(&b'\\'))
                && self.key.contains(&b'\\')
        };
        self.key == name || (may_be_escaped() && unescape_inner(self.key).as_deref() == Some(name))
    }
}

/// The members of the object `text` in their order. White space around the object is allowed; anything else behind it,
/// or a break in its syntax, is one `Err(Malformed)`, after which the iteration ends. Strings are taken as they are:
/// [`is_valid_object`] looks into them.
pub fn members(text: &[u8]) -> Members<'_> {
    Members { text, at: 0, state: Place::Before }
}

/// Reads the members of `text` into `members`, in their order, if it is one object that any JSON parser accepts, as
/// [`is_valid_object`] says: it is read once for both. Else the result is false and `members` is empty.
pub fn read_object<'a>(text: &'a [u8], members: &mut Vec<Member<'a>>) -> bool {
    // Most are ASCII, of which one look at a byte tells all.
    read_all::<ASCII>(text, members)
        || !text.is_ascii() && std::str::from_utf8(text).is_ok() && read_all::<STRICT>(text, members)
}

/// Gives the members of `text` to `see`, in their order, if it is one object that any JSON parser accepts. Else the result is
/// false, and what was given says nothing.
pub fn read_members<'a>(text: &'a [u8], see: impl FnMut(Member<'a>)) -> bool {
    if text.is_ascii() {
        see_all::<ASCII>(text, see)
    } else {
        std::str::from_utf8(text).is_ok() && see_all::<STRICT>(text, see)
    }
}

fn read_all<'a, const LOOK: u8>(text: &'a [u8], members: &mut Vec<Member<'a>>) -> bool {
    members.clear();
    let is_whole = see_all::<LOOK>(text, |member| members.push(member));
    if !is_whole {
        members.clear();
    }
    is_whole
}

fn see_all<'a, const LOOK: u8>(text: &'a [u8], mut see: impl FnMut(Member<'a>)) -> bool {
    for member in (Members::<'a, LOOK> { text, at: 0, state: Place::Before }) {
        let Ok(member) = member else { return false };
        see(member);
    }
    true
}

/// See [`members`].
#[derive(Clone, Debug)]
pub struct Members<'a, const LOOK: u8 = LOOSE> {
    text: &'a [u8],
    at: usize,
    state: Place,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Before,
    Inside,
    Behind,
}

impl<'a, const LOOK: u8> Iterator for Members<'a, LOOK> {
    type Item = Result<Member<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = match self.state {
            Place::Behind => return None,
            Place::Before => self.open(),
            Place::Inside => self.separate(),
        };
        if !matches!(step, Ok(Some(_))) {
            self.state = Place::Behind;
        }
        step.transpose()
    }
}

impl<'a, const LOOK: u8> Members<'a, LOOK> {
    fn open(&mut self) -> Result<Option<Member<'a>>, Malformed> {
        let at = skip_space(self.text, 0);
        if self.text.get(at) != Some(&b'{') {
            return Err(Malformed);
        }
        let at = skip_space(self.text, at + 1);
        self.state = Place::Inside;
        if self.text.get(at) == Some(&b'}') { self.close(at) } else { self.member(at) }
    }

    fn separate(&mut self) -> Result<Option<Member<'a>>, Malformed> {
        let at = skip_space(self.text, self.at);
        match self.text.get(at) {
            Some(b',') => self.member(skip_space(self.text, at + 1)),
            Some(b'}') => self.close(at),
            _ => Err(Malformed),
        }
    }

    fn close(&mut self, at: usize) -> Result<Option<Member<'a>>, Malformed> {
        if skip_space(self.text, at + 1) == self.text.len() { Ok(None) } else { Err(Malformed) }
    }

    fn member(&mut self, at: usize) -> Result<Option<Member<'a>>, Malformed> {
        if self.text.get(at) != Some(&b'"') {
            return Err(Malformed);
        }
        let key_end = string_end::<LOOK>(self.text, at).ok_or(Malformed)?;
        let colon = skip_space(self.text, key_end);
        if self.text.get(colon) != Some(&b':') {
            return Err(Malformed);
        }
        let value = skip_space(self.text, colon + 1);
        self.at = value_end::<LOOK>(self.text, value, 1).ok_or(Malformed)?;
        Ok(Some(Member { key: &self.text[at + 1..key_end - 1], value: &self.text[value..self.at] }))
    }
}

/// The raw value of the top-level key `name`; of several the last. `None` where there is none or the text is malformed
/// before its end.
pub fn member<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut found = None;
    for member in members(object) {
        let member = member.ok()?;
        if member.is(name.as_bytes()) {
            found = Some(member.value);
        }
    }
    found
}

/// Whether `text` is one whole object by its structure (strings are not looked into).
pub fn is_complete_object(text: &[u8]) -> bool {
    members(text).all(|member| member.is_ok())
}

/// Whether `text` is one object that any JSON parser accepts: UTF-8, no control characters, known escapes.
pub fn is_valid_object(text: &[u8]) -> bool {
    let start = skip_space(text, 0);
    let is_all = |end: Option<usize>| end.is_some_and(|end| skip_space(text, end) == text.len());
    if text.get(start) != Some(&b'{') {
        return false;
    }
    // Most are ASCII, of which one look at a byte tells all.
    is_all(value_end::<ASCII>(text, start, 0))
        || (!text.is_ascii() && is_all(value_end::<STRICT>(text, start, 0)) && std::str::from_utf8(text).is_ok())
}

/// How long the value at the very beginning of `text` is. `None` if none stands there.
pub fn value_length(text: &[u8]) -> Option<usize> {
    value_end::<LOOSE>(text, 0, 1)
}

/// The end of the number or the word (`true`, `false`, `null`) that begins at `at`.
#[inline]
pub fn scalar_end(text: &[u8], at: usize) -> Option<usize> {
    match digits::short_number(text.get(at..)?) {
        Some((length, b',' | b'}' | b']')) => Some(at + length),
        _ => any_scalar_end(text, at),
    }
}

fn any_scalar_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' | b'{' | b'[' => None,
        b't' => literal_end(text, at, b"true"),
        b'f' => literal_end(text, at, b"false"),
        b'n' => literal_end(text, at, b"null"),
        _ => number_end(text, at),
    }
}

/// Strings are not looked into.
const LOOSE: u8 = 0;
/// Strings have no control characters and known escapes only.
const STRICT: u8 = 1;
/// They also have nothing but ASCII.
const ASCII: u8 = 2;

/// The end of the value that begins at `at`, if it is one: scalars are checked, strings as `LOOK` says.
fn value_end<const LOOK: u8>(text: &[u8], at: usize, depth: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' => string_end::<LOOK>(text, at),
        b'{' | b'[' if depth >= MAX_DEPTH => None,
        b'{' => container_end::<LOOK, true>(text, at, depth),
        b'[' => container_end::<LOOK, false>(text, at, depth),
        _ => scalar_end(text, at),
    }
}

fn container_end<const LOOK: u8, const OBJECT: bool>(text: &[u8], at: usize, depth: usize) -> Option<usize> {
    let close = if OBJECT { b'}' } else { b']' };
    let mut at = skip_space(text, at + 1);
    if text.get(at) == Some(&close) {
        return Some(at + 1);
    }
    loop {
        if OBJECT {
            if text.get(at) != Some(&b'"') {
                return None;
            }
            at = skip_space(text, string_end::<LOOK>(text, at)?);
            if text.get(at) != Some(&b':') {
                return None;
            }
            at = skip_space(text, at + 1);
        }
        at = skip_space(text, value_end::<LOOK>(text, at, depth + 1)?);
        match text.get(at)? {
            b',' => at = skip_space(text, at + 1),
            byte if *byte == close => return Some(at + 1),
            _ => return None,
        }
    }
}

/// `at` is the opening quote; the result lies behind the closing one.
fn string_end<const LOOK: u8>(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        let rest = text.get(at..)?;
        let run = match LOOK {
            LOOSE => run_without_quote(rest),
            STRICT => run_without_escape(rest),
            _ => run_of_plain_ascii(rest),
        };
        let found = at + run;
        match text.get(found)? {
            b'"' => return Some(found + 1),
            b'\\' if LOOK != LOOSE => match text.get(found + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at = found + 2,
                b'u' if text.get(found + 2..found + 6)?.iter().all(u8::is_ascii_hexdigit) => at = found + 2,
                _ => return None,
            },
            b'\\' => at = found + 2,
            _ => return None,
        }
    }
}

fn literal_end(text: &[u8], at: usize, literal: &[u8]) -> Option<usize> {
    text[at..].starts_with(literal).then_some(at + literal.len())
}

/// JSON's grammar of a number: no leading zero or plus, digits on both sides of the point.
fn number_end(text: &[u8], at: usize) -> Option<usize> {
    let digits = |from: usize| from + digits::count(&text[from..]);
    let whole = at + usize::from(text.get(at) == Some(&b'-'));
    let mut end = digits(whole);
    if end == whole || (text[whole] == b'0' && end > whole + 1) {
        return None;
    }
    if text.get(end) == Some(&b'.') {
        let fraction = end + 1;
        end = digits(fraction);
        if end == fraction {
            return None;
        }
    }
    if let Some(b'e' | b'E') = text.get(end) {
        let exponent = end + 1 + usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        if exponent > text.len() {
            return None;
        }
        end = digits(exponent);
        if end == exponent {
            return None;
        }
    }
    Some(end)
}

/// Where the white space ends that begins at `at`: mostly at once.
#[inline]
pub fn skip_space(text: &[u8], at: usize) -> usize {
    let mut at = at;
    while let Some(byte) = text.get(at)
        && *byte <= b' '
        && matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
    {
        at += 1;
    }
    at
}

/// The text of a raw string value, its quotes included. `None` if `raw` is no string or has an escape that JSON does not
/// know. A lone surrogate becomes U+FFFD.
pub fn unescape(raw: &[u8]) -> Option<Cow<'_, [u8]>> {
    unescape_inner(raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?)
}

/// The same for what stands between the quotes, as [`Member::key`] does.
pub fn unescape_inner(raw: &[u8]) -> Option<Cow<'_, [u8]>> {
    let Some(first) = memchr(b'\\', raw) else { return Some(Cow::Borrowed(raw)) };
    let mut text = raw[..first].to_vec();
    let mut rest = &raw[first..];
    while let Some(at) = memchr(b'\\', rest) {
        text.extend_from_slice(&rest[..at]);
        let escape = *rest.get(at + 1)?;
        rest = &rest[at + 2..];
        text.push(match escape {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            b'"' | b'\\' | b'/' => escape,
            b'u' => {
                let letter;
                (letter, rest) = unicode_escape(rest)?;
                text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            _ => return None,
        });
    }
    text.extend_from_slice(rest);
    Some(Cow::Owned(text))
}

/// The character of an escape whose `\u` has been read, and what follows it; two surrogates make one.
fn unicode_escape(rest: &[u8]) -> Option<(char, &[u8])> {
    let hex = |rest: &[u8]| {
        let digits = rest.get(..4)?;
        digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
    };
    let unit = hex(rest)?;
    let behind = &rest[4..];
    if (0xd800..0xdc00).contains(&unit)
        && let Some(low) = behind.strip_prefix(b"\\u").and_then(hex)
        && (0xdc00..0xe000).contains(&low)
    {
        let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        return Some((char::from_u32(code)?, &behind[6..]));
    }
    Some((char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), behind))
}

/// Appends `bytes` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, one for each maximal part
/// of a character as `String::from_utf8_lossy` does it.
pub fn write_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    escape(out, bytes);
    out.push(b'"');
}

/// The same without the quotes.
pub fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    if std::str::from_utf8(bytes).is_ok() {
        return escape_text(out, bytes);
    }
    for chunk in bytes.utf8_chunks() {
        escape_text(out, chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// Copies runs of what needs no escape: most text is one run.
fn escape_text(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    loop {
        let run = run_without_escape(rest);
        out.extend_from_slice(&rest[..run]);
        let Some(byte) = rest.get(run) else { return };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => {
                out.extend_from_slice(b"\\u00");
                crate::position::write_hex(out, u64::from(*control), 2);
            }
        }
        rest = &rest[run + 1..];
    }
}

/// The same as [`write_string`] for a text that is JSON itself, in UTF-8: a quote stands in it every few bytes.
pub fn write_json_as_string(out: &mut Vec<u8>, json: &[u8]) {
    out.push(b'"');
    let start = out.len();
    // Each byte may become two; what stands for a control character is longer, and left to the other way.
    out.resize(start + 2 * json.len() + 3 * LANES, 0);
    let room = &mut out[start..];
    let (mut from, mut to) = (0, 0);
    while let Some(pair) = json[from..].first_chunk()
        && let Some(length) = room[to..].first_chunk_mut().and_then(|room| escape_chunk(room, pair))
    {
        to += length;
        from += LANES;
    }
    out.truncate(start + to);
    escape_text(out, &json[from..]);
    out.push(b'"');
}

/// Writes the first half of `pair` as it stands in a string; how long that is. `None` if a control character is there.
#[inline]
fn escape_chunk(room: &mut [u8; 3 * LANES], pair: &[u8; 2 * LANES]) -> Option<usize> {
    let bytes = lanes::at(pair, 0);
    if is_control(bytes).to_bitmask() != 0 {
        return None;
    }
    let mut marks = lanes::any(bytes, *b"\"\\").to_bitmask();
    room[..LANES].copy_from_slice(&pair[..LANES]);
    let (mut to, mut passed) = (0, 0);
    while marks != 0 {
        let at = marks.trailing_zeros() as usize;
        to += at - passed;
        (room[to], room[to + 1]) = (b'\\', pair[at]);
        to += 2;
        passed = at + 1;
        // What follows in the chunk, and what stands behind it there.
        room[to..to + LANES].copy_from_slice(&pair[passed..passed + LANES]);
        marks &= marks - 1;
    }
    Some(to + LANES - passed)
}

/// Those that are control characters.
#[inline]
fn is_control(bytes: i8x16) -> i8x16 {
    // As signed numbers, from the lowest to the highest.
    (bytes ^ i8x16::splat(i8::MIN)).simd_lt(i8x16::splat(i8::MIN + 0x20))
}

/// How many bytes stand before the first that JSON wants escaped.
#[inline]
fn run_without_escape(text: &[u8]) -> usize {
    lanes::find(text, |bytes| is_control(bytes) | lanes::any(bytes, *b"\"\\")).unwrap_or(text.len())
}

/// How many bytes stand before the first that is a quote, a backslash, a control character or not ASCII.
#[inline]
pub fn run_of_plain_ascii(text: &[u8]) -> usize {
    // What is not ASCII is below zero.
    let is_odd = |bytes: i8x16| bytes.simd_lt(i8x16::splat(0x20));
    lanes::find(text, |bytes| is_odd(bytes) | lanes::any(bytes, *b"\"\\")).unwrap_or(text.len())
}

/// How many bytes stand before the first quote or backslash.
#[inline]
fn run_without_quote(text: &[u8]) -> usize {
    lanes::find_any(text, *b"\"\\").unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn members_come_raw_and_in_order() {
        let text = br#" { "a" : 1.50 , "b\"c":"x\"}", "d":[1,{"e":"]"}],"f":{} } "#;
        let found: Vec<_> = members(text).map(|member| member.map(|m| (m.key, m.value)).unwrap()).collect();
        let expected: [(&[u8], &[u8]); 4] =
            [(b"a", b"1.50"), (br#"b\"c"#, br#""x\"}""#), (b"d", br#"[1,{"e":"]"}]"#), (b"f", b"{}")];
        assert_eq!(found, expected);
    }

    #[test]
    fn of_equal_keys_the_last_wins_and_an_escaped_key_is_found() {
        assert_eq!(member(br#"{"a":1,"a":2}"#, "a"), Some(&b"2"[..]));
        assert_eq!(member(br#"{"\u0061":3}"#, "a"), Some(&b"3"[..]));
        assert_eq!(member(br#"{"b":{"a":3}}"#, "a"), None);
    }

    #[test]
    fn json_as_a_string_is_what_any_text_becomes() {
        let record = r#"{"a":"x\\\"y","longer than a chunk":1,"é":"\u0001","":[{"":""}]}"#;
        let texts: Vec<String> =
            ["", "\u{1}", "\t", "\"\"", "\u{7f}"].iter().map(|odd| format!("{record}{odd}{record}")).collect();
        for text in &texts {
            for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
                let (mut one, mut other) = (b"before".to_vec(), b"before".to_vec());
                write_json_as_string(&mut one, &text.as_bytes()[..end]);
                write_string(&mut other, &text.as_bytes()[..end]);
                assert_eq!(one, other, "{}", &text[..end]);
            }
        }
    }

    #[test]
    fn an_object_is_read_with_its_members_exactly_where_it_is_valid() {
        let object = "{\"a\": [1, {\"b\":\"é\"}], \"c\\n\" : \"x\", \"\":null}".as_bytes();
        let mut found = vec![Member { key: b"old", value: b"1" }];
        for at in 0..object.len() {
            for byte in b"\",:{}[]x1t \x00\\\xff-." {
                for length in [0, 1] {
                    let mut text = object.to_vec();
                    text.splice(at..at + length, [*byte]);
                    let text: &[u8] = text.leak();
                    assert_eq!(read_object(text, &mut found), is_valid_object(text), "{}", text.escape_ascii());
                    let mut seen = Vec::new();
                    let is_valid = read_members(text, |member| seen.push(member));
                    assert_eq!(if is_valid { seen } else { Vec::new() }, found, "{}", text.escape_ascii());
                    if is_valid_object(text) {
                        assert!(members(text).map(Result::unwrap).eq(found.iter().copied()), "{}", text.escape_ascii());
                    } else {
                        assert!(found.is_empty());
                    }
                }
            }
        }
    }

    #[test]
    fn only_one_whole_object_is_complete() {
        for text in ["{}", r#"{"a":1}"#, r#"{"a":[[]],"b":null} "#, r#"{"a":-0.5e+3}"#] {
            assert!(is_complete_object(text.as_bytes()) && is_valid_object(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "{",
            "[]",
            "1",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{"a":1"#,
            r#"{"a":1}x"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":1e}"#,
            r#"{"a":tru}"#,
            r#"{"a":"x}"#,
            r#"{"a":[1}"#,
            r#"{"a":{"b":1}"#,
            r"{a:1}",
            r#"{"a":1e+"#,
        ] {
            assert!(!is_complete_object(text.as_bytes()) && !is_valid_object(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_valid_object_has_valid_strings() {
        for text in [&b"{\"a\":\"\x01\"}"[..], b"{\"a\":\"\xff\"}", br#"{"a":"\x"}"#, br#"{"a":"\u12g4"}"#] {
            assert!(!is_valid_object(text), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |depth: usize| [b"{\"a\":".to_vec(), vec![b'['; depth], vec![b']'; depth], b"}".to_vec()].concat();
        assert!(is_complete_object(&deep(100)));
        assert!(!is_complete_object(&deep(100_000)));
    }

    #[test]
    fn every_beginning_of_an_object_is_incomplete() {
        let text = br#"{"_pos":"3f2a00c4d1e0b7a9:0-17","a":{"b":[1,"}"]},"c":"\\"}"#;
        for end in 0..text.len() {
            assert!(!is_complete_object(&text[..end]), "{}", text[..end].escape_ascii());
        }
        assert!(is_complete_object(text));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in
            ["", "plain", "a\"b\\c\nd\re\tf\u{0}\u{1f}g", "h\u{7f}\u{e9}\u{1f600}", "0123456\"0123456789abcdef\\"]
        {
            let mut out = Vec::new();
            write_string(&mut out, text.as_bytes());
            assert_eq!(unescape(&out).unwrap(), text.as_bytes());
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        let mut out = Vec::new();
        write_string(&mut out, b"a\xffb\xe2\x82");
        assert_eq!(out, "\"a\u{fffd}b\u{fffd}\"".as_bytes());
    }

    #[test]
    fn surrogates_make_one_character_and_a_lone_one_is_replaced() {
        assert_eq!(unescape(br#""\ud83d\ude00\u00e9\ud83dx""#).unwrap(), "\u{1f600}\u{e9}\u{fffd}x".as_bytes());
        assert_eq!(unescape(br#""\u12""#), None);
        assert_eq!(unescape(br#""\q""#), None);
    }

    #[test]
    fn an_escape_is_found_at_every_place_of_a_word() {
        for special in ["\"", "\\", "\n", "\u{0}", "\u{1f}"] {
            for place in 0..24 {
                let text = format!("{}{special}{}", "x".repeat(place), "\u{e9}".repeat(12));
                assert_eq!(run_without_escape(text.as_bytes()), place);
            }
        }
    }
}
