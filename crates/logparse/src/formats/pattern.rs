//! A format of the user's own: a regular expression whose named groups are the fields.

use std::borrow::Cow;

use logline::json;
use regex::bytes::{CaptureLocations, Regex};

use crate::clock::Clock;
use crate::formats::value;
use crate::record::Record;

/// See the page of the module.
#[derive(Debug)]
pub struct Pattern {
    regex: Regex,
    groups: Vec<(usize, String, bool)>,
    /// Where the groups of the last line were: kept, so that a line costs no allocation.
    locations: std::cell::RefCell<CaptureLocations>,
}

impl Pattern {
    /// Compiles `expression`; groups named in `numbers` become numbers where their text is one. The error says what was
    /// expected.
    pub fn new(expression: &str, numbers: &[String]) -> Result<Self, String> {
        let regex = Regex::new(expression).map_err(|error| {
            let text = error.to_string();
            if text.contains("look-around") {
                return "look-around is not supported, in the syntax of the regex crate".to_owned();
            }
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        })?;
        let groups: Vec<_> = regex
            .capture_names()
            .enumerate()
            .filter_map(|(at, name)| Some((at, name?.to_owned(), numbers.iter().any(|number| Some(&**number) == name))))
            .collect();
        if groups.is_empty() {
            return Err("no named group in it, expected one like (?<status>[0-9]+)".to_owned());
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
        for (at, name, number) in &self.groups {
            let Some((start, end)) = locations.get(*at) else { continue };
            let text = &line[start..end];
            let is_time = name == "time" && {
                record.time().clear();
                clock.iso(text, record.time()) || clock.common(text, record.time())
            };
            if is_time {
                continue;
            }
            match super::text::level(text) {
                Some(level) if name == "level" => record.level(level),
                _ if name == "message" => record.message(text),
                _ if *number && value::is_number(text) => {
                    record.foreign(name.as_bytes(), |out| value::number(out, text));
                }
                _ => record.foreign(name.as_bytes(), |out| json::write_string(out, text)),
            }
        }
        Ok(())
    }
}
