//! Whether `logparse` reads a writer's default format: time, level and message of each event.
//!
//! The files are read once more for it, at rest, so that the answer is that of the format alone.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::{Map, Value};

use crate::disk::Left;
use crate::feed::{self, Fed};
use crate::writer::Setting;

/// What every stack trace says.
const TRACE: &str = "no such order";

/// How many events are right.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    pub(crate) right: usize,
    pub(crate) events: usize,
    /// What is wrong with the first that is not.
    pub(crate) first: Option<String>,
}

/// Reads all files in one piece, in the order of their lines.
pub(crate) fn check(files: &[Left], fed: &Fed, setting: &Setting, directory: &Path) -> io::Result<Fields> {
    let input = directory.join("all");
    let mut text = Vec::new();
    let mut wanted: HashSet<u64> = HashSet::new();
    for file in files {
        wanted.extend(&file.numbers);
        text.extend_from_slice(&file.text);
        if !text.ends_with(b"\n") {
            text.push(b'\n');
        }
    }
    fs::write(&input, &text)?;
    let output = Command::new("logparse")
        .args(setting.format.iter().chain(&setting.join))
        .env("TZ", "UTC")
        .stdin(File::open(&input)?)
        .output()?;
    let mut fields = Fields { right: 0, events: wanted.len(), first: None };
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let numbers: HashSet<u64> = feed::numbers(line.as_bytes()).collect();
        if numbers.is_empty() {
            continue;
        }
        let trouble = match serde_json::from_str(line) {
            _ if numbers.len() > 1 => Some("several events in one record".to_owned()),
            Ok(Value::Object(record)) => {
                let number = numbers.iter().next().copied().unwrap_or_default();
                wrong(&record, number, fed, setting).or_else(|| {
                    let has_trace = feed::line(number).0 == "trace" && setting.has_traces();
                    (has_trace && !line.contains(TRACE)).then(|| "the stack trace is not in it".to_owned())
                })
            }
            _ => Some("no record".to_owned()),
        };
        match trouble {
            None if numbers.iter().all(|number| wanted.remove(number)) => fields.right += 1,
            None => fields.first = fields.first.or_else(|| Some(format!("a second record: {line}"))),
            Some(what) => fields.first = fields.first.or_else(|| Some(format!("{what}: {line}"))),
        }
    }
    if fields.first.is_none() && fields.right < fields.events {
        let said = String::from_utf8_lossy(&output.stderr);
        fields.first = Some(said.lines().next().unwrap_or("no record of some").to_owned());
    }
    Ok(fields)
}

/// What is wrong with the record of an event; `None` where all is right that the setting's lines tell.
fn wrong(record: &Map<String, Value>, number: u64, fed: &Fed, setting: &Setting) -> Option<String> {
    let (level, text) = feed::line(number);
    if setting.tells("time") {
        let Some(time) = time(record) else { return Some("no time".to_owned()) };
        // A format may tell whole seconds only.
        if time < fed.begun.floor() - 1.0 || time > fed.ended + 1.0 {
            return Some(format!("the time is {time}, expected {} to {}", fed.begun, fed.ended));
        }
    }
    if setting.tells("level") {
        let level = if level == "trace" { "error" } else { level };
        let wanted = setting.levels.get(level).map_or(level, String::as_str);
        let found = level_of(record);
        if found.as_deref() != Some(wanted) {
            return Some(format!("the level is {found:?}, expected {wanted}"));
        }
    }
    if setting.tells("message") {
        let found = ["message", "msg", "log", "MESSAGE", "body", "short_message", "event"];
        let found = found.iter().find_map(|key| record.get(*key)?.as_str());
        let first = found.and_then(|found| found.lines().next()).unwrap_or_default().trim_end();
        // Process numbers, lines of code and levels vary, and with them what a column is filled up with.
        let fixed = |text: &str| -> String {
            let text = text.replace(|char: char| char.is_ascii_digit() || char.is_ascii_uppercase(), "");
            text.split_whitespace().collect()
        };
        let before = match level {
            // Some write the error behind the text.
            "trace" => first.split_once(text.as_str()).map(|(before, _)| before),
            _ => first.strip_suffix(setting.after.as_str()).and_then(|rest| rest.strip_suffix(text.as_str())),
        };
        if before.is_none_or(|before| fixed(before) != fixed(&setting.before)) {
            let Setting { before, after, .. } = setting;
            return Some(format!("the message is '{first}', expected '{before}{text}{after}'"));
        }
    }
    None
}

/// Seconds since the epoch.
fn time(record: &Map<String, Value>) -> Option<f64> {
    let names = ["time", "ts", "timestamp", "@timestamp", "_time", "datetime", "date", "asctime"];
    names.iter().find_map(|key| match record.get(*key)? {
        Value::Number(number) => {
            let number = number.as_f64()?;
            let scale = if number > 1e17 {
                1e9
            } else if number > 1e14 {
                1e6
            } else if number > 1e11 {
                1e3
            } else {
                1.0
            };
            (number > 1e8).then_some(number / scale)
        }
        Value::String(text) => {
            let stamp = text.parse::<Timestamp>().ok().or_else(|| {
                let stamp: DateTime = text.trim_end_matches(" UTC").parse().ok()?;
                jiff::tz::Offset::UTC.to_timestamp(stamp).ok()
            })?;
            Some(stamp.as_duration().as_secs_f64())
        }
        _ => None,
    })
}

/// Its level in the words of our own; numbers are pino's and Monolog's.
fn level_of(record: &Map<String, Value>) -> Option<String> {
    let names = [
        "level",
        "lvl",
        "severity",
        "severity_text",
        "log.level",
        "loglevel",
        "levelname",
        "error_severity",
        "level_name",
    ];
    let level = names.iter().find_map(|key| record.get(*key)).or_else(|| record.get("PRIORITY"))?;
    let word = match level {
        Value::String(word) => word.to_lowercase(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let known = match word.as_str() {
        "warning" | "40" | "300" => "warn",
        "err" | "50" | "400" => "error",
        "information" | "30" | "200" => "info",
        other => other,
    };
    Some(known.to_owned())
}
