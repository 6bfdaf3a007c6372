//! Kubernetes' own log: `I1123 08:53:04.123456 pid file:line] message`, without a year.

use std::borrow::Cow;

use memchr::memchr;

use crate::clock::Clock;
use crate::formats::value;
use crate::record::Record;

/// Whether the line has the shape of this log.
pub fn is_shape(line: &[u8]) -> bool {
    line.len() > 21
        && matches!(line[0], b'I' | b'W' | b'E' | b'F')
        && line[1..5].iter().all(u8::is_ascii_digit)
        && line[5] == b' '
        && line[8] == b':'
        && line[14] == b'.'
}

/// Reads a line.
pub fn parse(line: &[u8], record: &mut Record, clock: &Clock) -> Result<(), Cow<'static, str>> {
    if !is_shape(line) {
        return Err("no letter, date and time in front".into());
    }
    let two = |at: usize| i64::from(line[at] - b'0') * 10 + i64::from(line[at + 1] - b'0');
    let digits = line[15..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = line[15 + digits..].trim_ascii_start();
    let end = memchr(b']', rest).ok_or("no ] after the file")?;
    let (pid, source) = rest[..end].split_at(memchr(b' ', &rest[..end]).ok_or("no pid and file before ]")?);
    if !value::is_number(pid) {
        return Err("no pid after the time".into());
    }
    clock.nearest(two(1), two(3), &line[6..15 + digits], record.time()).ok_or("no such date")?;
    record.level(match line[0] {
        b'I' => b"info",
        b'W' => b"warn",
        b'E' => b"error",
        _ => b"crit",
    });
    value::number(record.field("pid"), pid);
    record.text("source", source.trim_ascii_start());
    record.message(rest[end + 1..].strip_prefix(b" ").unwrap_or(&rest[end + 1..]));
    Ok(())
}
