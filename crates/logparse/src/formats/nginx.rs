//! nginx's two logs in one: a line that has the shape of the error log is read as such, one that begins like an object as
//! JSON, any other by the `log_format`.

use crate::clock::Clock;
use crate::formats::nginx_access::LogFormat;
use crate::formats::{Reason, json, nginx_error};
use crate::record::Record;

/// The format of nginx's logs.
#[derive(Debug)]
pub struct Nginx {
    access: LogFormat,
}

impl Nginx {
    /// With the access log's format.
    pub fn new(access: LogFormat) -> Self {
        Self { access }
    }

    /// Writes the fields of a line.
    pub fn parse(&mut self, line: &[u8], clock: &mut Clock, record: &mut Record<'_>) -> Result<(), Reason> {
        if nginx_error::has_shape(line) {
            return nginx_error::parse(line, clock, record).map_err(|cause| format!("nginx: {cause}"));
        }
        if line.first() == Some(&b'{') {
            let place = record.place();
            return json::parse(line, record).or_else(|cause| {
                record.back_to(place);
                match repaired(line) {
                    Some(text) => json::parse(&text, record),
                    None => Err(cause),
                }
                .map_err(|cause| format!("nginx: {cause}"))
            });
        }
        self.access.parse(line, clock, record).map_err(|cause| format!("nginx: {cause}"))
    }
}

/// What a JSON-shaped `log_format` makes of values that it does not know how to write: `\xHH` in a string, nothing or `-`
/// where a number is missing, and upstream lists without brackets. Nothing else is repaired.
fn repaired(line: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(line.len() + 16);
    let mut at = 0;
    while let Some(byte) = line.get(at) {
        match byte {
            b'"' => at = repair_string(line, at, &mut out)?,
            b':' => {
                out.push(b':');
                at = repair_value(line, at + 1, &mut out);
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    Some(out)
}

/// Copies the string that begins at `at`; `\xHH` runs become the text that they stand for. The offset behind it.
fn repair_string(line: &[u8], at: usize, out: &mut Vec<u8>) -> Option<usize> {
    out.push(b'"');
    let mut at = at + 1;
    loop {
        match line.get(at)? {
            b'"' => {
                out.push(b'"');
                return Some(at + 1);
            }
            b'\\' if line.get(at + 1) == Some(&b'x') => {
                let mut bytes = Vec::new();
                while let Some(byte) = crate::escape::hex_escape(&line[at..]) {
                    bytes.push(byte);
                    at += 4;
                }
                if bytes.is_empty() {
                    return None;
                }
                logline::json::escape(out, &bytes);
            }
            b'\\' => {
                out.extend_from_slice(line.get(at..at + 2)?);
                at += 2;
            }
            byte => {
                out.push(*byte);
                at += 1;
            }
        }
    }
}

/// A value that is missing becomes null, numbers in a row an array. The offset behind it.
fn repair_value(line: &[u8], at: usize, out: &mut Vec<u8>) -> usize {
    let rest = &line[at..];
    let is_bare = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b' ' | b':' | b',');
    let run = rest.iter().take_while(|byte| is_bare(byte)).count();
    // The comma that parts this member from the next is not the value's.
    let value = rest[..run].strip_suffix(b",").unwrap_or(&rest[..run]).trim_ascii();
    let ends = matches!(rest.get(run), Some(b'"' | b'}')) || run == rest.len();
    if !ends || (run == 0 && !matches!(rest.first(), Some(b'}'))) {
        return at;
    }
    let length = rest[..run].strip_suffix(b",").map_or(run, <[u8]>::len);
    let elements: Vec<&[u8]> = crate::formats::nginx_access::upstream_elements(value).collect();
    match elements.as_slice() {
        [b"" | b"-"] => out.extend_from_slice(b"null"),
        [_] => out.extend_from_slice(&rest[..length]),
        several => {
            out.push(b'[');
            for (index, element) in several.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(if *element == b"-" { b"null" } else { element });
            }
            out.push(b']');
        }
    }
    at + length
}
