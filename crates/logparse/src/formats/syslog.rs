//! Syslog: RFC 5424 is tried first (`<n>1 `), then RFC 3164 as programs really write it. The priority may be missing in
//! files, the host too; stamps of RFC 3339 occur in frames of 3164.

use std::borrow::Cow;

use logline::json;
use memchr::memchr;

use crate::clock::Clock;
use crate::formats::value;
use crate::record::Record;

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];
const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"];

/// Reads a line.
pub fn parse(line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'static, str>> {
    let (priority, rest) = priority(line);
    if let Some(priority) = priority {
        record.level(SEVERITIES[priority % 8].as_bytes());
        record.text("facility", FACILITIES[priority / 8].as_bytes());
        record.text("severity", SEVERITIES[priority % 8].as_bytes());
        if let Some(rest) = rest.strip_prefix(b"1 ") {
            return parse_5424(rest, record, clock);
        }
    }
    parse_3164(rest, record, clock, priority.is_some())
}

/// Whether the line begins with a priority.
pub fn is_shape(line: &[u8]) -> bool {
    priority(line).0.is_some()
}

fn priority(line: &[u8]) -> (Option<usize>, &[u8]) {
    let found = line.strip_prefix(b"<").and_then(|text| {
        let end = memchr(b'>', text.get(..4.min(text.len()))?)?;
        let digits = &text[..end];
        let value: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
        (value < 192 && digits[0].is_ascii_digit()).then_some((value, &text[end + 1..]))
    });
    match found {
        Some((value, rest)) => (Some(value), rest),
        None => (None, line),
    }
}

fn word(text: &[u8]) -> (&[u8], &[u8]) {
    match memchr(b' ', text) {
        Some(space) => (&text[..space], &text[space + 1..]),
        None => (text, b""),
    }
}

fn parse_5424(text: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'static, str>> {
    let (time, mut rest) = word(text);
    if time != b"-" && !clock.iso(time, record.time()) {
        return Err("no time after the version".into());
    }
    for key in ["hostname", "appname", "procid", "msgid"] {
        let (value, behind) = word(rest);
        if value.is_empty() {
            return Err(format!("no {key}").into());
        }
        if value != b"-" {
            put_id(record, key, value);
        }
        rest = behind;
    }
    rest = match rest.strip_prefix(b"-") {
        Some(behind) => behind,
        None => structured(rest, record)?,
    };
    if let Some(message) = rest.strip_prefix(b" ") {
        record.message(message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message));
    } else if !rest.is_empty() {
        return Err("no space after the structured data".into());
    }
    Ok(())
}

fn put_id(record: &mut Record, key: &'static str, value: &[u8]) {
    if key == "procid" && value.iter().all(u8::is_ascii_digit) {
        value::number(record.field(key), value);
    } else {
        record.text(key, value);
    }
}

/// The names and decoded values of one element.
type Pairs<'a> = Vec<(&'a [u8], Vec<u8>)>;

/// `[id name="value" …][…]` as an object of objects; returns what follows. Of equal names the last wins.
fn structured<'a>(text: &'a [u8], record: &mut Record) -> Result<&'a [u8], Cow<'static, str>> {
    let broken = || Cow::Borrowed("the structured data does not end");
    let mut elements: Vec<(&[u8], Pairs)> = Vec::new();
    let mut rest = text;
    while let Some(inner) = rest.strip_prefix(b"[") {
        let end = inner.iter().position(|byte| matches!(byte, b' ' | b']')).ok_or_else(broken)?;
        let (id, mut inner) = inner.split_at(end);
        let mut pairs: Pairs = Vec::new();
        while let Some(pair) = inner.strip_prefix(b" ") {
            let equal = memchr(b'=', pair).ok_or_else(broken)?;
            let quoted = pair[equal + 1..].strip_prefix(b"\"").ok_or_else(broken)?;
            let (value, behind) = quoted_value(quoted).ok_or_else(broken)?;
            let name = &pair[..equal];
            pairs.retain(|(other, _)| *other != name);
            pairs.push((name, value));
            inner = behind;
        }
        rest = inner.strip_prefix(b"]").ok_or_else(broken)?;
        elements.retain(|(other, _)| *other != id);
        elements.push((id, pairs));
    }
    if elements.is_empty() {
        return Err("no structured data or - after the ids".into());
    }
    let out = record.field("structured_data");
    let mut open = b'{';
    for (id, pairs) in &elements {
        out.push(open);
        open = b',';
        json::write_string(out, id);
        out.extend_from_slice(b":{");
        for (at, (name, value)) in pairs.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            json::write_string(out, name);
            out.push(b':');
            json::write_string(out, value);
        }
        out.push(b'}');
    }
    out.push(b'}');
    Ok(rest)
}

/// Up to the closing quote, `\"`, `\\` and `\]` decoded.
fn quoted_value(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some((value, &text[at + 1..])),
            b'\\' if matches!(text.get(at + 1)?, b'"' | b'\\' | b']') => {
                value.push(text[at + 1]);
                at += 2;
            }
            byte => {
                value.push(*byte);
                at += 1;
            }
        }
    }
}

fn parse_3164(
    text: &[u8],
    record: &mut Record,
    clock: &mut Clock,
    has_priority: bool,
) -> Result<(), Cow<'static, str>> {
    let mut rest = text;
    if let Some(length) = clock.yearless(text, record.time()) {
        rest = text[length..].strip_prefix(b" ").ok_or("no space after the time")?;
    } else {
        let (stamp, behind) = word(text);
        if clock.iso(stamp, record.time()) {
            rest = behind;
        } else if !has_priority {
            return Err("neither a priority nor a time in front".into());
        }
    }
    let (first, behind) = word(rest);
    // Without a host the first word is the tag already.
    if !is_tag(first) && !record.time().is_empty() && !first.is_empty() {
        record.text("hostname", first);
        rest = behind;
    }
    let (tag, behind) = word(rest);
    if is_tag(tag) {
        let tag = tag.strip_suffix(b":").unwrap_or(tag);
        let name = &tag[..memchr(b'[', tag).unwrap_or(tag.len())];
        record.text("appname", name);
        if let Some(id) = tag[name.len()..].strip_prefix(b"[").and_then(|id| id.strip_suffix(b"]"))
            && !id.is_empty()
        {
            put_id(record, "procid", id);
        }
        rest = behind;
    }
    record.message(rest);
    Ok(())
}

fn is_tag(word: &[u8]) -> bool {
    word.len() > 1 && (word.ends_with(b":") || (memchr(b'[', word).is_some_and(|at| at > 0) && word.ends_with(b"]")))
}
