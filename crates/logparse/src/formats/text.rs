//! Any line: a leading time and a level where there are any, the rest is the message. It never fails.

use crate::clock::Clock;
use crate::record::Record;

const LEVELS: [(&str, &str); 14] = [
    ("trace", "trace"),
    ("debug", "debug"),
    ("info", "info"),
    ("information", "info"),
    ("notice", "notice"),
    ("warn", "warn"),
    ("warning", "warn"),
    ("error", "error"),
    ("err", "error"),
    ("crit", "crit"),
    ("critical", "crit"),
    ("fatal", "crit"),
    ("alert", "alert"),
    ("emerg", "emerg"),
];

/// Writes what the line holds.
pub fn parse(line: &[u8], clock: &mut Clock, record: &mut Record<'_>) {
    let rest = take_time(line, clock, record);
    let rest = take_level(rest, record);
    record.text("message", rest);
}

fn take_time<'a>(line: &'a [u8], clock: &mut Clock, record: &mut Record<'_>) -> &'a [u8] {
    let is_date = line.len() > 19 && line[4] == b'-' && line[7] == b'-' && matches!(line[10], b'T' | b' ');
    if !is_date {
        return line;
    }
    let end = 11 + line[11..].iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line.len() - 11);
    let (stamp, rest) = line.split_at(end);
    let mut iso = stamp.to_vec();
    iso[10] = b'T';
    let has_zone = stamp[11..].iter().any(|byte| matches!(byte, b'Z' | b'+' | b'-'));
    let time = if has_zone { Clock::iso(&iso) } else { clock.civil(stamp) };
    match time {
        Some(time) => {
            record.text("time", time);
            rest.trim_ascii_start()
        }
        None => line,
    }
}

fn take_level<'a>(rest: &'a [u8], record: &mut Record<'_>) -> &'a [u8] {
    let inner = rest.strip_prefix(b"[");
    let word = inner.unwrap_or(rest);
    let length = word.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (word, behind) = word.split_at(length);
    let behind = match (inner, behind) {
        (Some(_), [b']', behind @ ..]) | (None, [b':', behind @ ..]) => behind,
        // A bare word is a level only where it is shouted: "Error in line 3" is a sentence.
        (None, [b' ', ..]) if word.iter().all(u8::is_ascii_uppercase) => behind,
        _ => return rest,
    };
    let level = LEVELS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
    let Some((_, level)) = level else { return rest };
    record.text("level", level.as_bytes());
    behind.trim_ascii_start()
}
