//! nginx's error log. nginx escapes nothing in it: a client can put quotes, NUL and whole forged keys into its request. So
//! the keys are looked for in the one order in which nginx writes them, each once, and a value ends before the next later
//! key; the first `host` is the true one.
//!
//! `YYYY/MM/DD HH:MM:SS [level] pid#tid: *cid text, client: …, server: …, request: "…", …, host: "…", referrer: "…"`

use memchr::memmem;

use crate::clock::Clock;
use crate::record::Record;
use crate::request::write_request;

/// The keys behind the text, in nginx's order, and whether their values are quoted.
const KEYS: [(&str, &[u8], bool); 8] = [
    ("client", b", client: ", false),
    ("server", b", server: ", false),
    ("login", b", login: \"", true),
    ("request", b", request: \"", true),
    ("subrequest", b", subrequest: \"", true),
    ("upstream", b", upstream: \"", true),
    ("host", b", host: \"", true),
    ("referrer", b", referrer: \"", true),
];

/// The levels as nginx writes them.
const LEVELS: [&[u8]; 9] = [b"debug", b"info", b"notice", b"warn", b"error", b"crit", b"alert", b"emerg", b"stderr"];

/// Whether the line begins as one of the error log does.
pub fn has_shape(line: &[u8]) -> bool {
    let mask = b"dddd/dd/dd dd:dd:dd [";
    let fits = |(byte, wanted): (&u8, &u8)| if *wanted == b'd' { byte.is_ascii_digit() } else { byte == wanted };
    (line.len() >= mask.len() && line.iter().zip(mask).all(fits)) || line.starts_with(b"nginx: [")
}

/// Writes the fields of such a line.
pub fn parse(line: &[u8], clock: &mut Clock, record: &mut Record<'_>) -> Result<(), &'static str> {
    let rest = match line.strip_prefix(b"nginx: [") {
        Some(rest) => rest,
        None => {
            let time = clock.civil(&line[..19]).ok_or("no such time")?;
            record.text("time", time);
            &line[21..]
        }
    };
    let close = memchr::memchr(b']', rest).ok_or("no ']' after the level")?;
    let level = &rest[..close];
    if !LEVELS.contains(&level) {
        return Err("no level in the brackets");
    }
    record.text("level", if level == b"stderr" { b"error" } else { level });
    let rest = rest[close + 1..].strip_prefix(b" ").unwrap_or(&rest[close + 1..]);
    let rest = ids(rest, record);
    let (message, keys) = match memmem::find(rest, KEYS[0].1) {
        Some(at) => rest.split_at(at),
        None => (rest, &b""[..]),
    };
    write_keys(keys, record);
    record.text("message", message);
    Ok(())
}

/// `pid#tid: *cid `; what is not there is not written.
fn ids<'a>(rest: &'a [u8], record: &mut Record<'_>) -> &'a [u8] {
    let Some((pid, behind)) = digits_before(rest, b"#") else { return rest };
    let Some((tid, behind)) = digits_before(behind, b": ") else { return rest };
    record.raw("pid", pid);
    record.raw("tid", tid);
    let Some((cid, text)) = behind.strip_prefix(b"*").and_then(|behind| digits_before(behind, b" ")) else {
        return behind;
    };
    record.raw("cid", cid);
    text
}

/// A number without leading zeros, and what follows the `ending` behind it.
fn digits_before<'a>(text: &'a [u8], ending: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, behind) = text.split_at(length);
    let is_number = length > 0 && (length == 1 || digits[0] != b'0');
    behind.strip_prefix(ending).filter(|_| is_number).map(|behind| (digits, behind))
}

fn write_keys(keys: &[u8], record: &mut Record<'_>) {
    let mut rest = keys;
    let mut next = 0;
    while let Some(index) = (next..KEYS.len()).find(|key| rest.starts_with(KEYS[*key].1)) {
        let (name, opening, is_quoted) = KEYS[index];
        let value = &rest[opening.len()..];
        let end = end_of_value(value, index + 1);
        let text = &value[..end];
        let text = if is_quoted { text.strip_suffix(b"\"").unwrap_or(text) } else { text };
        if name == "request" {
            write_request(text, record);
        } else {
            record.text(name, text);
        }
        rest = &value[end..];
        next = index + 1;
    }
}

/// Where the value ends: before the first later key, or at the end of the line.
fn end_of_value(value: &[u8], later: usize) -> usize {
    KEYS[later..].iter().filter_map(|(_, opening, _)| memmem::find(value, opening)).min().unwrap_or(value.len())
}
