//! PostgreSQL's log as it writes it to stderr, by default or with a `log_line_prefix` of one's own: a prefix, a severity, two
//! spaces and the message. What belongs to one report follows in lines of its own (`DETAIL:`, `STATEMENT:`), and a line
//! break inside a text is followed by a TAB: such lines are put together before, by [`goes_on`].
//!
//! `2026-11-29 06:20:50.891 UTC [18286] bob@shop ERROR:  division by zero` gives `time`, `pid`, `user`, `database`, `level`
//! and `message`; the further lines give `detail`, `hint`, `context`, `statement`, `query` and `location`.

use std::borrow::Cow;

use logline::level::Level;
use memchr::memmem;

use crate::clock::Clock;
use crate::formats::value;
use crate::record::Record;

const SEVERITIES: [&str; 12] =
    ["DEBUG", "DEBUG1", "DEBUG2", "DEBUG3", "DEBUG4", "DEBUG5", "INFO", "NOTICE", "WARNING", "ERROR", "LOG", "FATAL"];
const PANIC: &str = "PANIC";

/// The parts of a report that follow its message, and their keys.
const PARTS: [(&str, &str); 6] = [
    ("DETAIL", "detail"),
    ("HINT", "hint"),
    ("CONTEXT", "context"),
    ("STATEMENT", "statement"),
    ("QUERY", "query"),
    ("LOCATION", "location"),
];

/// Whether a line belongs to the report before it.
pub fn goes_on(line: &[u8]) -> bool {
    line.first() == Some(&b'\t') || split(line).is_some_and(|(_, word, _)| part(word).is_some())
}

/// Parts a line into its prefix, its severity and its text.
fn split(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    memmem::find_iter(line, b":  ").find_map(|colon| {
        let begin = line[..colon].iter().rposition(|byte| !byte.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
        let word = &line[begin..colon];
        let is_known = part(word).is_some() || SEVERITIES.iter().chain([&PANIC]).any(|known| known.as_bytes() == word);
        is_known.then(|| (&line[..begin], word, &line[colon + 3..]))
    })
}

fn part(word: &[u8]) -> Option<&'static str> {
    PARTS.iter().find(|(name, _)| name.as_bytes() == word).map(|(_, key)| *key)
}

/// Reads a report, its lines parted by LF.
pub fn parse(event: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'static, str>> {
    let mut key = None;
    let mut text = Vec::new();
    for (at, line) in event.split(|byte| *byte == b'\n').enumerate() {
        match split(line).filter(|(_, word, _)| at == 0 || part(word).is_some()) {
            Some((prefix, word, behind)) => {
                if at == 0 {
                    put_prefix(prefix, record, clock);
                } else {
                    put(key, &text, record);
                }
                if let (None, Some(level)) = (part(word), level(word)) {
                    record.level(level.name().as_bytes());
                }
                key = part(word);
                text.clear();
                text.extend_from_slice(behind);
            }
            None if at == 0 => return Err("no severity like LOG: and two spaces after the prefix".into()),
            None => {
                text.push(b'\n');
                text.extend_from_slice(line.strip_prefix(b"\t").unwrap_or(line));
            }
        }
    }
    put(key, &text, record);
    Ok(())
}

fn level(word: &[u8]) -> Option<Level> {
    Level::from_word(word)
}

fn put(key: Option<&'static str>, text: &[u8], record: &mut Record) {
    match key {
        None => record.message(text),
        Some(key) => {
            record.may_repeat();
            record.text(key, text);
        }
    }
}

/// `time [pid] user@database`, as far as it is that; what else stands there is kept as `prefix`.
fn put_prefix(prefix: &[u8], record: &mut Record, clock: &mut Clock) {
    let length = clock.leading(prefix, record.time()).unwrap_or_default();
    let mut others: Vec<&[u8]> = Vec::new();
    let mut has_pid = false;
    for word in prefix[length..].split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
        let word = word.strip_suffix(b":").unwrap_or(word);
        let number = word.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(word);
        // The number of the line in its session may follow.
        let number = number.split(|byte| *byte == b'-').next().unwrap_or_default();
        if !has_pid && !number.is_empty() && number.iter().all(u8::is_ascii_digit) {
            has_pid = true;
            value::number(record.field("pid"), number);
        } else if let Some(at) = memchr::memchr(b'@', word).filter(|_| others.is_empty()) {
            for (key, name) in [("user", &word[..at]), ("database", &word[at + 1..])] {
                if !name.is_empty() && name != b"[unknown]" {
                    record.text(key, name);
                }
            }
        } else {
            others.push(word);
        }
    }
    if !others.is_empty() {
        record.text("prefix", &others.join(&b' '));
    }
}
