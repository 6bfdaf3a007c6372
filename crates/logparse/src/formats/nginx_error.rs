//! nginx's error log: `YYYY/MM/DD HH:MM:SS [level] pid#tid: *cid text, client: …, server: …, request: "…", …`. nginx escapes
//! nothing here, so a client can put quotes, commas and whole forged pairs into it. The invariant: the keys come in the
//! fixed order in which nginx writes them, each at most once, and a value ends only before a key that may still come.

use std::borrow::Cow;

use logline::json;
use memchr::{memchr, memmem};

use crate::clock::Clock;
use crate::formats::value;
use crate::record::Record;

/// Each with what stands in front of its value. Those that begin with a quote also end with one.
const KEYS: [(&str, &[u8]); 9] = [
    ("client", b", client: "),
    ("server", b", server: "),
    ("login", b", login: \""),
    ("request", b", request: \""),
    ("subrequest", b", subrequest: \""),
    ("upstream", b", upstream: \""),
    ("host", b", host: \""),
    ("referrer", b", referrer: \""),
    ("bytes", b", bytes from/to client:"),
];

const LEVELS: [&[u8]; 8] = [b"debug", b"info", b"notice", b"warn", b"error", b"crit", b"alert", b"emerg"];

/// Whether the line has the shape of this log.
pub fn is_shape(line: &[u8]) -> bool {
    match line {
        [y1, y2, y3, y4, b'/', m1, m2, b'/', d1, d2, b' ', rest @ ..] => {
            [y1, y2, y3, y4, m1, m2, d1, d2].iter().all(|byte| byte.is_ascii_digit())
                && rest.get(8..10).is_some_and(|behind| behind == b" [" || is_fraction(behind, &rest[8..]))
        }
        _ => line.starts_with(b"nginx: ["),
    }
}

/// Tengine and OpenResty can write milliseconds.
fn is_fraction(behind: &[u8], text: &[u8]) -> bool {
    behind[0] == b'.' && text[1 + digits(&text[1..])..].starts_with(b" [")
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Reads a line of [`is_shape`].
pub fn parse(line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'static, str>> {
    let start_up = line.strip_prefix(b"nginx: [");
    let rest = match start_up {
        Some(rest) => rest,
        None => {
            let length = if line[19] == b'.' { 20 + digits(&line[20..]) } else { 19 };
            if !clock.iso(&line[..length], record.time()) {
                return Err("no time in front".into());
            }
            &line[length + 2..]
        }
    };
    let end = memchr(b']', rest).ok_or("no ] after the level")?;
    let Some(level) = LEVELS.into_iter().find(|level| *level == &rest[..end]) else {
        return Err("no level in the brackets".into());
    };
    record.level(level);
    let mut rest = rest[end + 1..].strip_prefix(b" ").unwrap_or(&rest[end + 1..]);
    if start_up.is_none() {
        rest = ids(rest, record).ok_or("no pid#tid after the level")?;
    }
    let Some(client) = memmem::find(rest, KEYS[0].1) else {
        record.message(rest);
        return Ok(());
    };
    record.message(&rest[..client]);
    pairs(&rest[client..], record);
    Ok(())
}

/// `pid#tid: *cid `; returns what follows.
fn ids<'a>(text: &'a [u8], record: &mut Record) -> Option<&'a [u8]> {
    let (pid, text) = text.split_at(memchr(b'#', text)?);
    let (tid, text) = text[1..].split_at(memchr(b':', &text[1..])?);
    if !is_digits(pid) || !is_digits(tid) {
        return None;
    }
    value::number(record.field("pid"), pid);
    value::number(record.field("tid"), tid);
    let text = text[1..].strip_prefix(b" ")?;
    if let Some(starred) = text.strip_prefix(b"*") {
        let (cid, behind) = starred.split_at(memchr(b' ', starred).unwrap_or(starred.len()));
        if is_digits(cid) {
            value::number(record.field("cid"), cid);
            return Some(behind.strip_prefix(b" ").unwrap_or(behind));
        }
    }
    Some(text)
}

fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// `text` begins with the first key.
fn pairs(text: &[u8], record: &mut Record) {
    let (mut at, mut rest) = (0, &text[KEYS[0].1.len()..]);
    loop {
        let quoted = KEYS[at].1.ends_with(b"\"");
        let next = (at + 1..KEYS.len())
            .filter_map(|later| {
                let found = memmem::find(rest, KEYS[later].1)?;
                (!quoted || rest[..found].ends_with(b"\"")).then_some((found, later))
            })
            .min();
        let value = &rest[..next.map_or(rest.len(), |(found, _)| found)];
        let value = if quoted { value.strip_suffix(b"\"").unwrap_or(value) } else { value };
        match KEYS[at].0 {
            "request" => value::Request::new(value).put(record, json::write_string),
            "bytes" => record.text("bytes_from_to", value),
            key => record.text(key, value),
        }
        let Some((found, later)) = next else { return };
        rest = &rest[found + KEYS[later].1.len()..];
        at = later;
    }
}
