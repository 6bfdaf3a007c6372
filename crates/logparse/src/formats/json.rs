//! JSON as applications write it: keys and values keep their text, the last of equal keys wins. Bad UTF-8 becomes U+FFFD.
//! nginx's own JSON, which its escaping breaks, is repaired first: `\xHH` inside a string, `:-,` and `:,` (null),
//! `: 1, 2,` (an array); nothing else is.

use std::borrow::Cow;

use logline::names::{LEVELS, MESSAGES, TIMES, is_among};
use logline::{json, lanes};

use memchr::memchr;

use crate::record::Record;

type Verdict = Result<(), Cow<'static, str>>;

/// Reads one object that takes up the whole line.
pub fn parse(line: &[u8], record: &mut Record) -> Verdict {
    let text = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    if text.first() != Some(&b'{') {
        let (prefix, object) = behind_prefix(text).ok_or("not an object")?;
        parse_behind(prefix, object, record);
        return Ok(());
    }
    if put(text, record) {
        return Ok(());
    }
    if let Cow::Owned(repaired) = String::from_utf8_lossy(text)
        && put(repaired.as_bytes(), record)
    {
        return Ok(());
    }
    Err(if json::is_complete_object(text) { "not valid JSON inside a string" } else { "not one whole object" }.into())
}

/// The same for what nginx makes of a `log_format` in the shape of JSON. Its `escape=json` and `escape=none` write nothing
/// where a variable is unset: such members are left out where `drops_empty`.
pub fn parse_repaired(line: &[u8], drops_empty: bool, record: &mut Record) -> Verdict {
    let whole = parse(line, record);
    let read = whole.or_else(|_| {
        let repaired = repair(line);
        parse(&repaired, record)
    });
    if drops_empty {
        record.drop_values(b"\"\"");
    }
    read
}

/// Puts the members of an object, if it is a valid one. False if not: then the layer has nothing.
fn put(object: &[u8], record: &mut Record) -> bool {
    let is_one_line = memchr(b'\n', object).is_none();
    let is_valid = json::read_members(object, |member| {
        let write = |out: &mut Vec<u8>| {
            if is_one_line { out.extend_from_slice(member.value) } else { write_value(out, member.value) }
        };
        let has_escapes = lanes::find_any(member.key, *b"\\").is_some();
        let key = if has_escapes { json::unescape_inner(member.key) } else { None };
        let name = key.as_deref().unwrap_or(member.key);
        if record.lifts(name, member.value) {
            lift(object, name, member.value, record);
        } else if has_escapes {
            record.foreign(name, write);
        } else {
            record.foreign_plain(name, write);
        }
    });
    if !is_valid {
        record.reset_layer();
    }
    is_valid
}

/// Puts the members of an object that stands in `object` under `name`; one whose key is there already keeps that name in
/// front of its own.
fn lift(object: &[u8], name: &[u8], inner: &[u8], record: &mut Record) {
    for member in json::members(inner).flatten() {
        let key = json::unescape_inner(member.key).unwrap_or(Cow::Borrowed(member.key));
        let is_taken = std::str::from_utf8(&key).is_ok_and(|key| json::member(object, key).is_some());
        let key = if is_taken { [name, b".", &key].concat().into() } else { key };
        record.foreign(&key, |out| write_value(out, member.value));
    }
}

/// Copies a value; the line ends of one that stood on several lines, and the indentation behind them, are left out.
fn write_value(out: &mut Vec<u8>, value: &[u8]) {
    let mut lines = value.split(|byte| *byte == b'\n');
    out.extend_from_slice(lines.next().unwrap_or_default());
    for line in lines {
        while out.last().is_some_and(u8::is_ascii_whitespace) {
            out.pop();
        }
        out.extend_from_slice(line.trim_ascii_start());
    }
}

fn repair(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len() + 64);
    let mut rest = line;
    while let Some(byte) = rest.first() {
        match byte {
            b'"' => rest = repair_string(rest, &mut out),
            b':' => rest = repair_value(rest, &mut out),
            _ => {
                out.push(*byte);
                rest = &rest[1..];
            }
        }
    }
    out
}

/// `text` begins with a quote; returns what stands behind the closing one.
fn repair_string<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let inner = &text[1..];
    let mut end = 0;
    let mut broken = false;
    while end < inner.len() && inner[end] != b'"' {
        broken |= inner[end] < b' ' || inner[end..].starts_with(b"\\x");
        end += if inner[end] == b'\\' { 2 } else { 1 };
    }
    let end = end.min(inner.len());
    if broken {
        crate::formats::value::decoded(out, &inner[..end], true);
    } else {
        out.push(b'"');
        out.extend_from_slice(&inner[..end]);
        if end < inner.len() {
            out.push(b'"');
        }
    }
    inner.get(end + 1..).unwrap_or_default()
}

/// `text` begins with the colon between a key and its value; strings and containers are left alone.
fn repair_value<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    out.push(b':');
    let text = text[1..].trim_ascii_start();
    let end = text.iter().position(|byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']')).unwrap_or(text.len());
    let list = text[..end].trim_ascii_end();
    let list = if text.get(end) == Some(&b'"') {
        match list.strip_suffix(b",") {
            Some(list) => list,
            // The quote begins the value itself.
            None => return text,
        }
    } else {
        list
    };
    let is_element = |element: &[u8]| element == b"-" || crate::formats::value::is_number(element);
    let separators = |byte: &u8| matches!(byte, b',' | b':');
    let elements = || list.split(separators).map(<[u8]>::trim_ascii);
    if list.is_empty() && !text.starts_with(b"{") && !text.starts_with(b"[") {
        out.extend_from_slice(b"null");
    } else if !list.is_empty() && elements().all(is_element) {
        let several = elements().nth(1).is_some();
        if several {
            out.push(b'[');
        }
        for (at, element) in elements().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            if element == b"-" {
                out.extend_from_slice(b"null");
            } else {
                crate::formats::value::number(out, element);
            }
        }
        if several {
            out.push(b']');
        }
    } else {
        out.extend_from_slice(list);
    }
    &text[list.len()..]
}

/// The object that `line` ends with, and what stands before it, where that is something and the object a record of its own:
/// it has a message, and a level or a time.
pub fn behind_prefix(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = line.trim_ascii_end();
    let at = memchr(b'{', text).filter(|at| *at > 0 && text.ends_with(b"}"))?;
    let (prefix, object) = text.split_at(at);
    let has = |names: &[&str]| json::members(object).flatten().any(|member| is_among(names, member.key));
    (json::is_valid_object(object) && has(&MESSAGES) && (has(&LEVELS) || has(&TIMES))).then_some((prefix, object))
}

/// Reads an object and keeps the text before it as `prefix`.
pub fn parse_behind(prefix: &[u8], object: &[u8], record: &mut Record) {
    let prefix = prefix.trim_ascii();
    if !prefix.is_empty() {
        record.foreign(b"prefix", |out| json::write_string(out, prefix));
    }
    put(object, record);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::record::{Head, Selection};

    #[test]
    fn nothing_of_an_object_stays_that_turns_out_to_be_broken() {
        let whole = r#"{"time":"t","a":1,"level":"info","\u0062":[2],"message":"m"}"#;
        let mut record = Record::default();
        for end in 0..whole.len() {
            assert!(parse(&whole.as_bytes()[..end], &mut record).is_err(), "{end}");
            let mut out = Vec::new();
            record.write(&mut out, &Head::default(), &Selection::default(), None);
            assert_eq!(out, b"{}\n", "{end}");
        }
        let mut out = Vec::new();
        parse(whole.as_bytes(), &mut record).unwrap();
        record.write(&mut out, &Head::default(), &Selection::default(), None);
        assert_eq!(out, b"{\"time\":\"t\",\"level\":\"info\",\"a\":1,\"b\":[2],\"message\":\"m\"}\n");
    }

    #[test]
    fn what_nginx_breaks_is_repaired_and_nothing_else() {
        for (broken, repaired) in [
            (r#"{"a":"\x22b\x22","c":1}"#, r#"{"a":"\"b\"","c":1}"#),
            (r#"{"a":-,"b":1}"#, r#"{"a":null,"b":1}"#),
            (r#"{"a":,"b":}"#, r#"{"a":null,"b":null}"#),
            (r#"{"a":0.005, -, 0.004,"b":1 : 2}"#, r#"{"a":[0.005,null,0.004],"b":[1,2]}"#),
            (r#"{"a":{"b":"x:-,"},"c":[1]}"#, r#"{"a":{"b":"x:-,"},"c":[1]}"#),
            (r#"{"a":true,"b":nul}"#, r#"{"a":true,"b":nul}"#),
        ] {
            assert_eq!(String::from_utf8(repair(broken.as_bytes())).unwrap(), repaired);
        }
    }
}
