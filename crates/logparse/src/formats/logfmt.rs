//! `key=value key="quoted \"value\"" flag`: a flag is true, only the first `=` parts, values stay strings, the last of
//! equal keys wins. An open quote makes the line unparsed.

use std::borrow::Cow;

use logline::json;
use logline::names::{LEVELS, MESSAGES, TIMES, is_among};
use logline::stamp::Reader;
use memchr::memchr;

use crate::clock::Clock;
use crate::formats::value::hex;
use crate::record::Record;

/// A pair, or a word that stands alone.
struct Pair<'a> {
    key: &'a [u8],
    value: Option<Cow<'a, [u8]>>,
}

/// Reads a line. A leading time that stands alone is the record's.
pub fn parse(line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'static, str>> {
    let mut rest = line.trim_ascii();
    let mut pairs = 0;
    if let Some(length) = leading_time(rest, clock.reader()) {
        clock.leading(rest, record.time());
        rest = rest[length..].trim_ascii_start();
    }
    while !rest.is_empty() {
        let (pair, behind) = next(rest)?;
        rest = behind.trim_ascii_start();
        match pair.value {
            Some(value) => {
                pairs += 1;
                record.foreign(pair.key, |out| json::write_string(out, &value));
            }
            None => record.foreign(pair.key, |out| out.extend_from_slice(b"true")),
        }
    }
    if pairs == 0 { Err("no key=value".into()) } else { Ok(()) }
}

/// Whether the line is surely this format: two pairs, none but a time before them, and one of level, msg or time.
pub fn is_shape(line: &[u8], reader: Reader<'_>) -> bool {
    let (mut pairs, mut known) = (0, false);
    let mut rest = line.trim_ascii();
    if rest.first().is_some_and(u8::is_ascii_digit) {
        rest = rest[leading_time(rest, reader).unwrap_or_default()..].trim_ascii_start();
    }
    while !rest.is_empty() {
        let Ok((pair, behind)) = next(rest) else { return false };
        rest = behind.trim_ascii_start();
        if pair.value.is_some() {
            pairs += 1;
            known |= [&TIMES[..], &LEVELS, &MESSAGES].iter().any(|names| is_among(names, pair.key));
            if !pair.key.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.-@/".contains(byte)) {
                return false;
            }
        } else if pairs < 2 {
            return false;
        }
    }
    pairs >= 2 && known
}

/// How long the time is that stands before the pairs.
fn leading_time(text: &[u8], reader: Reader<'_>) -> Option<usize> {
    let (_, length) = reader.leading(text).ok()?;
    text.get(length).is_none_or(|byte| matches!(byte, b' ' | b'\t')).then_some(length)
}

fn next(text: &[u8]) -> Result<(Pair<'_>, &[u8]), Cow<'static, str>> {
    let end = text.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'=')).unwrap_or(text.len());
    let key = &text[..end];
    let Some(value) = text[end..].strip_prefix(b"=") else {
        return Ok((Pair { key, value: None }, &text[end..]));
    };
    if key.is_empty() {
        return Err("a = without a key".into());
    }
    let Some(quoted) = value.strip_prefix(b"\"") else {
        let end = value.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(value.len());
        return Ok((Pair { key, value: Some(value[..end].into()) }, &value[end..]));
    };
    let mut end = 0;
    while *quoted.get(end).ok_or("a quote without its end")? != b'"' {
        end += if quoted[end] == b'\\' { 2 } else { 1 };
    }
    let inner = quoted.get(..end).ok_or("a quote without its end")?;
    Ok((Pair { key, value: Some(unquoted(inner)) }, &quoted[end + 1..]))
}

/// Go's quoting: JSON's escapes and `\xHH`, `\a`, `\v`. What it does not know stays as it is.
fn unquoted(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\\', text).is_none() {
        return text.into();
    }
    if let Some(plain) = json::unescape_inner(text) {
        return plain;
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match (byte, behind) {
            (b'\\', [b'x', high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                plain.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            (b'\\', [letter, after @ ..]) if memchr(*letter, b"ntr\"\\av").is_some() => {
                plain.push(match letter {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'a' => 7,
                    b'v' => 11,
                    letter => *letter,
                });
                rest = after;
            }
            _ => plain.push(*byte),
        }
    }
    plain.into()
}
