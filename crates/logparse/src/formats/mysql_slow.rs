//! The slow query log of MySQL and MariaDB. An event is some lines that begin with `# `, then `SET timestamp=…;` and the
//! statement; it begins with `# Time:`, which stands only where the second has changed in older versions, or with
//! `# User@Host:`. The lines are put together before, by [`goes_on`].
//!
//! Keys are those of the log in small letters (`query_time`, `lock_time`, `rows_sent`, `rows_examined`, `thread_id`,
//! `schema`), then `user`, `host`, `ip`; `message` is the statement.

use std::borrow::Cow;

use logline::json;
use memchr::memmem;

use crate::clock::Clock;
use crate::formats::value;
use crate::record::Record;

const TIME: &[u8] = b"# Time: ";
const USER: &[u8] = b"# User@Host: ";

/// Whether a line belongs to the event that has begun with `event`.
pub fn goes_on(event: &[u8], line: &[u8]) -> bool {
    let has_user =
        || event.starts_with(USER) || !event.starts_with(b"# ") || memmem::find(event, b"\n# User@Host: ").is_some();
    !(line.starts_with(TIME) || is_banner(line) || (line.starts_with(USER) && has_user()))
}

/// What the server writes when it opens the file, three lines long.
fn is_banner(line: &[u8]) -> bool {
    line.ends_with(b"started with:") && memmem::find(line, b", Version: ").is_some()
}

/// Reads an event, its lines parted by LF.
pub fn parse(event: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'static, str>> {
    if is_banner(event.split(|byte| *byte == b'\n').next().unwrap_or_default()) {
        record.message(event);
        return Ok(());
    }
    if !event.starts_with(b"# ") {
        return Err("no # Time: or # User@Host: in front".into());
    }
    record.may_repeat();
    let mut statement: Vec<&[u8]> = Vec::new();
    let mut epoch = None;
    let mut has_exact_time = false;
    for line in event.split(|byte| *byte == b'\n') {
        if let Some(stamp) = line.strip_prefix(TIME).filter(|_| statement.is_empty()) {
            record.time().clear();
            // With microseconds and a zone in newer versions; then it is better than the epoch.
            has_exact_time = clock.iso(stamp.trim_ascii(), record.time()) && memchr::memchr(b'T', stamp).is_some();
        } else if let Some(user) = line.strip_prefix(USER).filter(|_| statement.is_empty()) {
            put_user(user, record);
        } else if let Some(pairs) = line.strip_prefix(b"# ").filter(|_| statement.is_empty()) {
            put_pairs(pairs, record);
        } else if let Some(seconds) = line.strip_prefix(b"SET timestamp=") {
            epoch = Some(seconds.strip_suffix(b";").unwrap_or(seconds));
        } else if let Some(schema) = line.strip_prefix(b"use ").filter(|_| statement.is_empty()) {
            record.text("schema", schema.strip_suffix(b";").unwrap_or(schema));
        } else {
            statement.push(line);
        }
    }
    if let Some(epoch) = epoch.filter(|_| !has_exact_time) {
        let mut time = Vec::new();
        if clock.epoch(epoch, &mut time) {
            *record.time() = time;
        }
    }
    if !statement.is_empty() {
        record.message(&statement.join(&b'\n'));
    }
    Ok(())
}

/// `root[root] @ localhost [127.0.0.1]  Id:     5`
fn put_user(text: &[u8], record: &mut Record) {
    let (user, rest) = text.split_at(memmem::find(text, b" @ ").unwrap_or(text.len()));
    let user = user.split(|byte| *byte == b'[').next().unwrap_or_default();
    let rest = rest.strip_prefix(b" @ ").unwrap_or(rest);
    let (host, rest) = rest.split_at(memchr::memchr(b'[', rest).unwrap_or(rest.len()));
    let end = memchr::memchr(b']', rest).unwrap_or(rest.len());
    let ip = rest.get(1..end).unwrap_or_default();
    for (key, part) in [("user", user), ("host", host.trim_ascii()), ("ip", ip)] {
        if !part.is_empty() {
            record.text(key, part);
        }
    }
    put_pairs(rest.get(end + 1..).unwrap_or_default(), record);
}

/// `Query_time: 0.000241  Lock_time: 0.000000  Schema:   QC_hit: No`
fn put_pairs(text: &[u8], record: &mut Record) {
    let mut words = text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        let Some(key) = word.strip_suffix(b":") else { continue };
        let mut value: Vec<&[u8]> = Vec::new();
        while let Some(word) = words.next_if(|word| !word.ends_with(b":")) {
            value.push(word);
        }
        let value = value.join(&b' ');
        if value.is_empty() {
            continue;
        }
        let key = key.to_ascii_lowercase();
        record.foreign(&key, |out| {
            if value::is_number(&value) { value::number(out, &value) } else { json::write_string(out, &value) }
        });
    }
}
