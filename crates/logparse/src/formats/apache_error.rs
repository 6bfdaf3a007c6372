//! Apache httpd's error log, as versions 2.2 and 2.4 write it by default and with the usual `ErrorLogFormat`: a time in
//! brackets, then further brackets in any order, then the message.
//!
//! | bracket | fields |
//! |---|---|
//! | `[Tue Mar 05 10:11:12.345678 2024]`, `[2024-03-05 10:11:12.345678]` | `time` |
//! | `[core:error]`, `[error]` | `level`, `module` |
//! | `[pid 1:tid 2]`, `[pid 1]`, `[tid 2]` | `pid`, `tid` |
//! | `[client 192.0.2.1:43850]`, `[client 2001:db8::1]` | `client`, `port` |
//!
//! The level may be missing. Brackets behind the client are the message's own.

use std::borrow::Cow;

use memchr::memchr;

use crate::clock::Clock;
use crate::formats::value;
use crate::record::Record;

const LEVELS: [&[u8]; 8] = [b"debug", b"info", b"notice", b"warn", b"error", b"crit", b"alert", b"emerg"];

/// Whether the line begins with a time in brackets and goes on as this log does.
pub fn is_shape(line: &[u8]) -> bool {
    let Some(end) = end_of_time(line) else { return false };
    let (stamp, behind) = (&line[1..end], &line[end + 1..]);
    let is_of_ctime = stamp[3] == b' ' && stamp[7] == b' ';
    // Other programs write such a stamp in brackets too.
    (is_of_ctime && behind.first().is_none_or(|byte| *byte == b' '))
        || (stamp[4] == b'-' && first_bracket(behind).is_some_and(is_known))
}

fn end_of_time(line: &[u8]) -> Option<usize> {
    if line.first() != Some(&b'[') {
        return None;
    }
    memchr(b']', &line[..line.len().min(48)]).filter(|end| *end > 19)
}

fn first_bracket(rest: &[u8]) -> Option<&[u8]> {
    let inner = rest.strip_prefix(b" [")?;
    Some(&inner[..memchr(b']', inner)?])
}

fn is_known(bracket: &[u8]) -> bool {
    bracket.starts_with(b"pid ")
        || bracket.starts_with(b"tid ")
        || module_and_level(bracket).is_some_and(|(module, _)| module.is_some())
}

/// `core:error` or `error`; the levels `trace1` to `trace8` are one.
fn module_and_level(bracket: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (module, level) = match memchr(b':', bracket) {
        Some(colon) => (Some(&bracket[..colon]), &bracket[colon + 1..]),
        None => (None, bracket),
    };
    let is_module = |name: &[u8]| name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let level = match level {
        [b't', b'r', b'a', b'c', b'e', b'1'..=b'8'] => b"trace",
        level => LEVELS.into_iter().find(|known| *known == level)?,
    };
    module.is_none_or(is_module).then_some((module.filter(|name| !name.is_empty()), level))
}

/// Reads a line of [`is_shape`].
pub fn parse(line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'static, str>> {
    let end = end_of_time(line).ok_or("no ] after the time")?;
    let stamp = &line[1..end];
    if !clock.apache(stamp, record.time()) && !clock.iso(stamp, record.time()) {
        return Err("no time in the brackets".into());
    }
    let mut rest = &line[end + 1..];
    let mut seen = Seen::default();
    while let Some(bracket) = first_bracket(rest) {
        let Some(length) = put_bracket(bracket, &rest[2..], &mut seen, record) else { break };
        rest = &rest[2 + length + 1..];
        if bracket.starts_with(b"client ") {
            break;
        }
    }
    record.message(rest.strip_prefix(b" ").unwrap_or(rest));
    Ok(())
}

/// Which brackets have come: each counts once.
#[derive(Default)]
struct Seen {
    level: bool,
    /// The line is of version 2.4, which writes the client's port.
    module: bool,
    process: bool,
}

/// Puts what a bracket tells; how long it is, up to its `]`. `None` if it belongs to the message. `behind` begins with it.
fn put_bracket(bracket: &[u8], behind: &[u8], seen: &mut Seen, record: &mut Record) -> Option<usize> {
    if let (Some((module, level)), false) = (module_and_level(bracket), seen.level) {
        (seen.level, seen.module) = (true, module.is_some());
        record.level(level);
        if let Some(module) = module {
            record.text("module", module);
        }
        return Some(bracket.len());
    }
    if let Some(client) = bracket.strip_prefix(b"client ") {
        // The address itself may stand in brackets.
        let inner = if client.first() == Some(&b'[') { memchr(b']', &behind[bracket.len() + 1..])? + 1 } else { 0 };
        put_client(&behind[7..bracket.len() + inner], seen.module || seen.process, record);
        return Some(bracket.len() + inner);
    }
    if seen.process || !(bracket.starts_with(b"pid ") || bracket.starts_with(b"tid ")) {
        return None;
    }
    seen.process = true;
    for id in bracket.split(|byte| *byte == b':') {
        for (name, key) in [(&b"pid "[..], "pid"), (b"tid ", "tid")] {
            if let Some(number) = id.strip_prefix(name).filter(|number| value::is_number(number)) {
                value::number(record.field(key), number);
            }
        }
    }
    Some(bracket.len())
}

/// Version 2.4 writes `address:port`, also of an address with colons; version 2.2 the address alone.
fn put_client(client: &[u8], has_port: bool, record: &mut Record) {
    let colons = memchr::memchr_iter(b':', client).count();
    let last = memchr::memrchr(b':', client).filter(|_| colons == 1 || has_port || client.first() == Some(&b'['));
    let (address, port) = client.split_at(last.unwrap_or(client.len()));
    record.text("client", address.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(address));
    if let Some(port) = port.strip_prefix(b":").filter(|port| value::is_number(port)) {
        value::number(record.field("port"), port);
    }
}
