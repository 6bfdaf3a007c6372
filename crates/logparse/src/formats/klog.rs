//! Kubernetes' own log: `I1123 08:53:04.123456 pid file:line] message`, without a year. glog can write one:
//! `I20241123 08:53:04.123456 pid file:line] message`.

use std::borrow::Cow;

use memchr::memchr;

use crate::clock::Clock;
use crate::formats::value;
use crate::record::Record;

/// Whether the line has the shape of this log.
pub fn is_shape(line: &[u8]) -> bool {
    let digits = date_digits(line);
    line.len() > digits + 17
        && matches!(line[0], b'I' | b'W' | b'E' | b'F')
        && matches!(digits, 4 | 8)
        && line[1 + digits] == b' '
        && line[4 + digits] == b':'
        && line[10 + digits] == b'.'
}

/// How many digits the date has: four without a year, eight with one.
fn date_digits(line: &[u8]) -> usize {
    line.iter().skip(1).take(9).take_while(|byte| byte.is_ascii_digit()).count()
}

/// Reads a line.
pub fn parse(line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'static, str>> {
    if !is_shape(line) {
        return Err("no letter, date and time in front".into());
    }
    let (date, time) = line[1..].split_at(date_digits(line));
    let digits = time[10..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (time, rest) = time.split_at(10 + digits);
    let is_time = match date {
        [y1, y2, y3, y4, m1, m2, d1, d2] => {
            let stamp = [&[*y1, *y2, *y3, *y4, b'-', *m1, *m2, b'-', *d1, *d2, b'T'], &time[1..]].concat();
            clock.iso(&stamp, record.time())
        }
        _ => {
            let two = |at: usize| i64::from(date[at] - b'0') * 10 + i64::from(date[at + 1] - b'0');
            clock.nearest(two(0), two(2), &time[1..], record.time()).is_some()
        }
    };
    if !is_time {
        return Err("no such date".into());
    }
    let rest = rest.trim_ascii_start();
    let end = memchr(b']', rest).ok_or("no ] after the file")?;
    let (pid, source) = rest[..end].split_at(memchr(b' ', &rest[..end]).ok_or("no pid and file before ]")?);
    if !value::is_number(pid) {
        return Err("no pid after the time".into());
    }
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
