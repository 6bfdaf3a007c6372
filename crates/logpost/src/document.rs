//! A record as the destinations store it: `_pos` is not sent, `_file` becomes `file_path`, `time` the destination's own
//! key. What logparse wrote has a fixed head and is copied in slices; any other object is read member by member.

use jiff::Timestamp;
use jiff::tz::Offset;
use logline::json::{is_valid_object, members, unescape, write_string};
use memchr::memchr;

/// Names under which applications write the time, the canonical one first.
const TIMES: [&[u8]; 8] = [b"time", b"ts", b"timestamp", b"@timestamp", b"_time", b"datetime", b"date", b"asctime"];

/// What is found in a record on the way.
#[derive(Debug, Default)]
pub struct Found {
    /// The time of the event as RFC 3339 in UTC, if the record has one.
    pub time: Option<String>,
}

/// A record of logparse, by its fixed head `{"_pos":"…","_file":"…","time":"…"`.
#[derive(Clone, Copy, Debug)]
pub struct Headed<'a> {
    file: &'a [u8],
    /// RFC 3339 in UTC, without the zone.
    pub time: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Headed<'a> {
    /// `None` if the record has another head, or a time in another zone.
    pub fn parse(content: &'a [u8]) -> Option<Self> {
        let rest = content.strip_prefix(b"{\"_pos\":\"")?;
        let rest = rest[memchr(b'"', rest)? + 1..].strip_prefix(b",\"_file\":\"")?;
        let (file, rest) = rest.split_at(memchr(b'"', rest)?);
        let rest = rest.strip_prefix(b"\",\"time\":\"")?;
        let (time, rest) = rest.split_at(memchr(b'"', rest)?);
        let time = time.strip_suffix(b"Z").or_else(|| time.strip_suffix(b"+00:00"))?;
        (memchr(b'\\', file).is_none() && is_utc_time(time)).then_some(Self { file, time, rest: &rest[1..] })
    }

    /// Appends the document.
    pub fn write(&self, out: &mut Vec<u8>, time_key: &str) {
        out.extend_from_slice(b"{\"file_path\":\"");
        out.extend_from_slice(self.file);
        out.extend_from_slice(b"\",\"");
        out.extend_from_slice(time_key.as_bytes());
        out.extend_from_slice(b"\":\"");
        out.extend_from_slice(self.time);
        out.extend_from_slice(b"Z\"");
        out.extend_from_slice(self.rest);
    }
}

/// `2025-10-10T13:55:36`, with or without a fraction.
fn is_utc_time(time: &[u8]) -> bool {
    let fits = time.iter().enumerate().all(|(at, byte)| match at {
        4 | 7 => *byte == b'-',
        10 => *byte == b'T',
        13 | 16 => *byte == b':',
        19 => *byte == b'.',
        _ => byte.is_ascii_digit(),
    });
    fits && (time.len() == 19 || time.len() > 20)
}

/// Appends the document of `content` (a record or plain text). `path` is that of its tag, `time_key` the destination's
/// name for the time, `now` the time of reading, for a record without one.
pub fn write(out: &mut Vec<u8>, content: &[u8], path: Option<&[u8]>, time_key: &str, now: &str) -> Found {
    out.push(b'{');
    if let Some(path) = path {
        out.extend_from_slice(b"\"file_path\":");
        write_string(out, path);
        out.push(b',');
    }
    let found = if content.first() == Some(&b'{') && is_valid_object(content) {
        write_members(out, content, time_key)
    } else {
        out.extend_from_slice(b"\"message\":");
        write_string(out, content);
        Found::default()
    };
    if found.time.is_none() {
        if out.last() != Some(&b'{') {
            out.push(b',');
        }
        write_time(out, time_key, now);
    }
    out.push(b'}');
    found
}

fn write_members(out: &mut Vec<u8>, object: &[u8], time_key: &str) -> Found {
    let mut time = None;
    let mut rank = TIMES.len();
    for member in members(object).map_while(Result::ok) {
        if let Some(found) = TIMES.iter().position(|name| member.is(name))
            && found < rank
            && let Some(told) = time_of(member.value)
        {
            (time, rank) = (Some(told), found);
        }
    }
    for member in members(object).map_while(Result::ok) {
        let is_time = rank < TIMES.len() && member.is(TIMES[rank]);
        if member.is(b"_pos") && logline::line::classify(object, false).carries_position()
            || is_time
            || member.is(time_key.as_bytes())
        {
            continue;
        }
        if out.last() != Some(&b'{') && out.last() != Some(&b',') {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(if member.is(b"_file") { b"file_path" } else { member.key });
        out.extend_from_slice(b"\":");
        out.extend_from_slice(member.value);
    }
    if let Some(time) = &time {
        if out.last() != Some(&b'{') && out.last() != Some(&b',') {
            out.push(b',');
        }
        write_time(out, time_key, time);
    }
    if out.last() == Some(&b',') {
        out.pop();
    }
    Found { time }
}

fn write_time(out: &mut Vec<u8>, key: &str, time: &str) {
    out.push(b'"');
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":\"");
    out.extend_from_slice(time.as_bytes());
    out.push(b'"');
}

/// A raw JSON value as a time: RFC 3339, or seconds, milli-, micro- or nanoseconds since the epoch by their size.
fn time_of(raw: &[u8]) -> Option<String> {
    if raw.first() == Some(&b'"') {
        return utc(std::str::from_utf8(&unescape(raw)?).ok()?);
    }
    let text = std::str::from_utf8(raw).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let number: i128 = whole.parse().ok()?;
    let scale: i128 = match number.unsigned_abs() {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    let mut nanoseconds = number.checked_mul(scale)?;
    if scale == 1_000_000_000 && !fraction.is_empty() {
        let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
        nanoseconds += digits.parse::<i128>().ok()?;
    }
    Timestamp::from_nanosecond(nanoseconds).ok().map(|time| time.to_string())
}

/// An RFC 3339 time in UTC, as precise as it was.
fn utc(text: &str) -> Option<String> {
    if let Some(time) = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))
        && is_utc_time(time.as_bytes())
    {
        return Some(format!("{time}Z"));
    }
    let time: Timestamp = text.parse().ok()?;
    let digits = text.get(20..).filter(|_| matches!(text.as_bytes().get(19), Some(b'.' | b','))).unwrap_or_default();
    let precision = digits.bytes().take_while(u8::is_ascii_digit).count().min(9);
    let whole = Offset::UTC.to_datetime(time);
    let nanoseconds = format!("{:09}", whole.subsec_nanosecond());
    let point = if precision > 0 { "." } else { "" };
    Some(format!("{}{point}{}Z", whole.strftime("%Y-%m-%dT%H:%M:%S"), &nanoseconds[..precision]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn document(content: &str, path: Option<&[u8]>) -> serde_json::Value {
        let mut out = Vec::new();
        match Headed::parse(content.as_bytes()) {
            Some(headed) => headed.write(&mut out, "@timestamp"),
            None => drop(write(&mut out, content.as_bytes(), path, "@timestamp", "2026-11-24T00:00:00Z")),
        }
        serde_json::from_slice(&out).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&out)))
    }

    #[test]
    fn a_record_of_logparse_loses_its_position_and_keeps_the_rest() {
        let record = r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/a.log","time":"2025-10-10T13:55:36+02:00","status":200,"n":null}"#;
        let expected = r#"{"file_path":"/a.log","@timestamp":"2025-10-10T11:55:36Z","status":200,"n":null}"#;
        assert_eq!(document(record, None), serde_json::from_str::<serde_json::Value>(expected).unwrap());
    }

    #[test]
    fn a_record_with_the_fixed_head_is_the_same_document_read_either_way() {
        let record =
            br#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/a.log","time":"2025-10-10T13:55:36.5+00:00","status":200}"#;
        let (mut fast, mut slow) = (Vec::new(), Vec::new());
        Headed::parse(record).unwrap().write(&mut fast, "t");
        write(&mut slow, record, None, "t", "");
        let value = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&fast), value(&slow));
        assert_eq!(value(&fast)["t"], "2025-10-10T13:55:36.5Z");
    }

    #[test]
    fn the_same_record_with_its_keys_in_another_order_is_the_same_document() {
        let record =
            r#"{"status":200,"time":"2025-10-10T13:55:36.250+02:00", "_file":"/a.log","_pos":"3f2a00c4d1e0b7a9:0-17"}"#;
        let expected = r#"{"file_path":"/a.log","@timestamp":"2025-10-10T11:55:36.250Z","status":200}"#;
        assert_eq!(document(record, None), serde_json::from_str::<serde_json::Value>(expected).unwrap());
    }

    #[test]
    fn text_becomes_a_message_with_the_time_of_reading() {
        let expected = r#"{"file_path":"/a","message":"x \"y\"","@timestamp":"2026-11-24T00:00:00Z"}"#;
        assert_eq!(document("x \"y\"", Some(b"/a")), serde_json::from_str::<serde_json::Value>(expected).unwrap());
        assert_eq!(document("{\"broken\"", None)["message"], "{\"broken\"");
        assert_eq!(document("{}", None)["@timestamp"], "2026-11-24T00:00:00Z");
    }

    #[test]
    fn times_under_other_names_and_since_the_epoch_are_found() {
        for (record, time) in [
            (r#"{"ts":1760104536.123}"#, "2025-10-10T13:55:36.123Z"),
            (r#"{"time":1760104536123,"level":30}"#, "2025-10-10T13:55:36.123Z"),
            (r#"{"timestamp":"2025-10-10T13:55:36Z"}"#, "2025-10-10T13:55:36Z"),
            (r#"{"@timestamp":"2025-10-10T13:55:36.5Z"}"#, "2025-10-10T13:55:36.5Z"),
            (r#"{"time":"yesterday"}"#, "2026-11-24T00:00:00Z"),
        ] {
            assert_eq!(document(record, None)["@timestamp"], time, "{record}");
        }
    }

    #[test]
    fn a_position_that_is_none_is_an_ordinary_key() {
        assert_eq!(document(r#"{"_pos":"x"}"#, None)["_pos"], "x");
    }
}
