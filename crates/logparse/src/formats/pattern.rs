//! A format of the user's own: a regular expression whose named groups are the fields.

use std::borrow::Cow;

use logline::json;
use regex::bytes::{CaptureLocations, Regex};

use crate::clock::Clock;
use crate::formats::value;
use crate::grok::{Convert, Field};
use crate::record::Record;

/// What stands for the time of a record where no group is named `time`, the first that is there.
const TIMES: [&str; 8] = ["time", "timestamp", "@timestamp", "ts", "_time", "datetime", "date", "asctime"];

/// A regular expression and the fields that its groups are.
#[derive(Debug)]
pub struct Pattern {
    regex: Regex,
    groups: Vec<Group>,
    /// Where the groups of the last line were: kept, so that a line costs no allocation.
    locations: std::cell::RefCell<CaptureLocations>,
}

/// A group whose text is a field.
#[derive(Debug)]
struct Group {
    /// Its number in the expression.
    at: usize,
    value: Value,
    /// Another group before it is the same field: the first of them that matches counts.
    is_repeated: bool,
}

/// A field whose text some part of a line is.
#[derive(Debug)]
pub struct Value {
    field: Field,
    /// It is the time of the record, if its text is one.
    is_time: bool,
}

/// The fields of one format, among which one may be the time.
pub fn values(fields: Vec<Field>) -> Vec<Value> {
    let time = TIMES.iter().find(|name| fields.iter().any(|field| field.name == **name));
    let value = |field: Field| Value { is_time: time.is_some_and(|time| field.name == *time), field };
    fields.into_iter().map(value).collect()
}

impl Pattern {
    /// Compiles `expression`, whose groups are named `g0`, `g1` and so on after their place in `fields`. The error says what
    /// was expected.
    pub fn new(expression: &str, fields: Vec<Field>) -> Result<Self, String> {
        let regex = Regex::new(expression).map_err(|error| {
            let text = error.to_string();
            if text.contains("look-around") {
                return "look-around is not supported, in the syntax of the regex crate".to_owned();
            }
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        })?;
        if fields.is_empty() {
            return Err("no named group in it, expected one like (?<status>[0-9]+)".to_owned());
        }
        let mut groups: Vec<Group> = Vec::new();
        for (place, value) in values(fields).into_iter().enumerate() {
            let name = format!("g{place}");
            groups.push(Group {
                at: regex.capture_names().position(|group| group == Some(&*name)).ok_or("a group without its name")?,
                is_repeated: groups.iter().any(|other| other.value.field.name == value.field.name),
                value,
            });
        }
        let locations = std::cell::RefCell::new(regex.capture_locations());
        Ok(Self { regex, groups, locations })
    }

    /// Reads a line.
    pub fn parse(&self, line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'static, str>> {
        let mut locations = self.locations.borrow_mut();
        if self.regex.captures_read(&mut locations, line).is_none() {
            return Err("the expression does not match".into());
        }
        for (place, group) in self.groups.iter().enumerate() {
            let Some((start, end)) = locations.get(group.at) else { continue };
            let has_come =
                |other: &Group| other.value.field.name == group.value.field.name && locations.get(other.at).is_some();
            if !(group.is_repeated && self.groups[..place].iter().any(has_come)) {
                group.value.put(&line[start..end], record, clock);
            }
        }
        Ok(())
    }
}

impl Value {
    /// Puts the text of this field into a record.
    pub fn put(&self, text: &[u8], record: &mut Record, clock: &mut Clock) {
        let name = &*self.field.name;
        if self.is_time {
            record.time().clear();
            if clock.iso(text, record.time()) {
                return;
            }
        }
        let number = match self.field.convert {
            Convert::Text => None,
            Convert::Integer => number(text.split(|byte| *byte == b'.').next().unwrap_or_default()),
            Convert::Float => number(text),
        };
        match (super::text::level(text), number) {
            (Some(level), _) if name == "level" => record.level(level),
            _ if name == "message" => record.message(text),
            (_, Some(number)) => record.foreign(name.as_bytes(), |out| value::number(out, &number)),
            _ => record.foreign(name.as_bytes(), |out| json::write_string(out, text)),
        }
    }
}

/// A decimal number as JSON can have it: without a plus, and with a digit before the point.
fn number(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let (sign, digits) = text.strip_prefix(b"-").map_or((&b""[..], text), |digits| (&b"-"[..], digits));
    let text = if digits.starts_with(b".") { Cow::Owned([sign, b"0", digits].concat()) } else { Cow::Borrowed(text) };
    value::is_number(&text).then_some(text)
}
