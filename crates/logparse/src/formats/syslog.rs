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
    let line = match counted(line) {
        Some((length, frame)) if frame.len() > length && counted(&frame[length..]).is_some() => {
            return Err("several counted frames in one line, expected a line end behind each".into());
        }
        Some((_, frame)) => frame,
        None => line,
    };
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
    priority(line).0.is_some() || counted(line).is_some()
}

/// Whether the line is what a syslog daemon writes to its files: a stamp, a host or none, and a tag. Such a stamp alone
/// would be too little: many a program writes one.
pub fn is_file_shape(line: &[u8], clock: &Clock) -> bool {
    let is_month = line.first().is_some_and(u8::is_ascii_uppercase);
    // The dash of a year, or the space behind the name of a month.
    if line.get(if is_month { 3 } else { 4 }).is_none_or(|byte| !matches!(byte, b' ' | b'-')) {
        return false;
    }
    let stamp =
        if is_month || line.first().is_some_and(u8::is_ascii_digit) { clock.reader().leading(line).ok() } else { None };
    let Some(rest) = stamp.and_then(|(_, length)| line[length..].strip_prefix(b" ")) else { return false };
    let (first, behind) = word(rest);
    let host_is_level = super::text::level(first.trim_ascii_end()).is_some();
    let host_is_name = first.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-:/".contains(byte));
    if tag(rest).is_some_and(|tag| tag.id.is_some()) {
        return true;
    }
    let behind_host = tag(behind).filter(|_| host_is_name && !first.is_empty() && !host_is_level);
    // Behind a stamp with a year two words and a colon may be a sentence: there the process has to be told.
    behind_host.is_some_and(|tag| tag.id.is_some() || (is_month && tag.has_colon) || tag.name == b"kernel")
}

/// RFC 6587's octet counting: the length of a frame, a space and the frame.
fn counted(line: &[u8]) -> Option<(usize, &[u8])> {
    let digits = line.iter().take(7).take_while(|byte| byte.is_ascii_digit()).count();
    let frame = line[digits..].strip_prefix(b" ")?;
    priority(frame).0?;
    Some((std::str::from_utf8(&line[..digits]).ok()?.parse().ok()?, frame))
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
type Pairs<'a> = Vec<(Cow<'a, [u8]>, Vec<u8>)>;

/// `[id name="value" …][…]` as an object of objects; returns what follows. A name that comes several times has an array, as
/// the example of RFC 5424, section 7.2, has it.
fn structured<'a>(text: &'a [u8], record: &mut Record) -> Result<&'a [u8], Cow<'static, str>> {
    let broken = || Cow::Borrowed("the structured data does not end");
    let mut elements: Vec<(Cow<[u8]>, Pairs)> = Vec::new();
    let mut rest = text;
    while let Some(inner) = rest.strip_prefix(b"[") {
        let end = inner.iter().position(|byte| matches!(byte, b' ' | b']')).ok_or_else(broken)?;
        let (id, mut inner) = inner.split_at(end);
        let mut pairs: Pairs = Vec::new();
        while let Some(pair) = inner.strip_prefix(b" ") {
            let equal = memchr(b'=', pair).ok_or_else(broken)?;
            let quoted = pair[equal + 1..].strip_prefix(b"\"").ok_or_else(broken)?;
            let (value, behind) = quoted_value(quoted).ok_or_else(broken)?;
            pairs.push((as_written(&pair[..equal]), value));
            inner = behind;
        }
        rest = inner.strip_prefix(b"]").ok_or_else(broken)?;
        elements.push((as_written(id), pairs));
    }
    if elements.is_empty() {
        return Err("no structured data or - after the ids".into());
    }
    write_grouped(record.field("structured_data"), &elements, &mut |out, pairs| {
        write_grouped(out, pairs, &mut |out, value| json::write_string(out, value));
    });
    Ok(rest)
}

/// A name as it will stand in the record, so that two that become the same there are known to be.
fn as_written(name: &[u8]) -> Cow<'_, [u8]> {
    match String::from_utf8_lossy(name) {
        Cow::Borrowed(_) => Cow::Borrowed(name),
        Cow::Owned(name) => Cow::Owned(name.into_bytes()),
    }
}

/// Appends an object of the pairs in their order; values of equal names become an array in the place of the first.
fn write_grouped<T>(out: &mut Vec<u8>, pairs: &[(Cow<'_, [u8]>, T)], write: &mut dyn FnMut(&mut Vec<u8>, &T)) {
    let mut order: Vec<_> = (0..pairs.len()).collect();
    order.sort_by_key(|at| &pairs[*at].0);
    let mut groups: Vec<_> = order.chunk_by(|one, other| pairs[*one].0 == pairs[*other].0).collect();
    groups.sort_unstable_by_key(|group| group[0]);
    let mut open = b'{';
    for group in groups {
        out.push(open);
        open = b',';
        json::write_string(out, &pairs[group[0]].0);
        out.push(b':');
        let mut open = b'[';
        for at in group {
            if group.len() > 1 {
                out.push(open);
                open = b',';
            }
            write(out, &pairs[*at].1);
        }
        if group.len() > 1 {
            out.push(b']');
        }
    }
    if open == b'{' {
        out.push(b'{');
    }
    out.push(b'}');
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
    if let Some(length) = clock.leading(text, record.time()) {
        // Routers write a colon behind the stamp.
        let behind = text[length..].strip_prefix(b":").unwrap_or(&text[length..]);
        rest = behind.strip_prefix(b" ").ok_or("no space after the time")?;
    } else if !has_priority {
        return Err("neither a priority nor a time in front".into());
    }
    let (first, behind) = word(rest);
    // Without a host the first word is the tag already.
    if !record.time().is_empty() && !first.is_empty() && (is_address(first) || tag(rest).is_none()) {
        record.text("hostname", first);
        rest = behind;
    }
    if let Some(tag) = tag(rest) {
        record.text("appname", tag.name);
        if let Some(id) = tag.id.filter(|id| !id.is_empty()) {
            put_id(record, "procid", id);
        }
        rest = tag.message;
    }
    record.message(rest);
    Ok(())
}

/// An address with colons, which is a host and no tag.
fn is_address(word: &[u8]) -> bool {
    std::str::from_utf8(word).is_ok_and(|word| word.parse::<std::net::Ipv6Addr>().is_ok())
}

/// `name: message`, `name[id]: message`, `name[id] message` or the first two without the space.
struct Tag<'a> {
    name: &'a [u8],
    id: Option<&'a [u8]>,
    has_colon: bool,
    message: &'a [u8],
}

fn tag(text: &[u8]) -> Option<Tag<'_>> {
    let end = text.iter().position(|byte| matches!(byte, b' ' | b':' | b'['))?;
    let (name, mut rest) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    let mut id = None;
    if let Some(inner) = rest.strip_prefix(b"[") {
        let close = memchr(b']', inner).filter(|close| memchr(b' ', &inner[..*close]).is_none())?;
        id = Some(&inner[..close]);
        rest = &inner[close + 1..];
    }
    let behind = rest.strip_prefix(b":");
    let is_tag = match (behind, id) {
        // The scheme of an address, `::` in the name of a class, a clock or a port are parts of a message.
        (Some(behind), None) => !matches!(behind.first(), Some(b'/' | b':' | b'0'..=b'9')),
        (Some(_), Some(_)) => true,
        (None, Some(_)) => rest.is_empty() || rest.starts_with(b" "),
        (None, None) => false,
    };
    let has_colon = behind.is_some();
    let rest = behind.unwrap_or(rest);
    is_tag.then_some(Tag { name, id, has_colon, message: rest.strip_prefix(b" ").unwrap_or(rest) })
}
