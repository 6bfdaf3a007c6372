//! Apache httpd: its error log, and its access log by a `LogFormat` taken word for word; without one combined and common,
//! told apart by shape. Apache escapes `"` and `\` with a backslash, so a quoted value ends at the first quote that is not
//! escaped.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use crate::clock::Clock;
use crate::formats::value;
use crate::record::{Record, free_name};

const COMBINED: &str = r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i""#;
const COMMON: &str = r#"%h %l %u %t "%r" %>s %b"#;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Text,
    Number,
    Time,
    Request,
    /// `%l`, which nobody has set since inetd.
    Ignored,
}

#[derive(Debug)]
struct Step {
    name: String,
    kind: Kind,
    until: Vec<u8>,
    missing: String,
}

/// A `LogFormat`, ready to read lines.
#[derive(Debug)]
pub struct Layout {
    before: Vec<u8>,
    steps: Vec<Step>,
    /// A directive occurs twice, or the request and a part of it.
    repeats: bool,
}

/// See the page of the module.
#[derive(Debug)]
pub enum Apache {
    /// A format that the user has given.
    Given(Layout),
    /// The two that everybody has.
    Usual {
        /// With referer and user agent.
        combined: Layout,
        /// Without.
        common: Layout,
    },
}

impl Apache {
    /// Reads `format`, or the usual ones. The error says what was expected.
    pub fn new(format: Option<&str>) -> Result<Self, String> {
        Ok(match format {
            Some(format) => Self::Given(Layout::compile(format)?),
            None => Self::Usual { combined: Layout::compile(COMBINED)?, common: Layout::compile(COMMON)? },
        })
    }

    /// Reads a line.
    pub fn parse<'s>(&'s self, line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'s, str>> {
        if is_error_shape(line) {
            return parse_error(line, record, clock);
        }
        match self {
            Self::Given(layout) => layout.parse(line, record, clock),
            Self::Usual { combined, .. } if line.ends_with(b"\"") => combined.parse(line, record, clock),
            Self::Usual { common, .. } => common.parse(line, record, clock),
        }
    }
}

impl Layout {
    fn compile(format: &str) -> Result<Self, String> {
        let mut layout = Self { before: Vec::new(), steps: Vec::new(), repeats: false };
        let mut literal = String::new();
        let mut rest = format.trim().replace("\\\"", "\"");
        loop {
            let Some(percent) = rest.find('%') else {
                literal.push_str(&rest);
                break;
            };
            literal.push_str(&rest[..percent]);
            let behind = rest[percent + 1..].to_owned();
            if let Some(behind) = behind.strip_prefix('%') {
                literal.push('%');
                rest = behind.into();
                continue;
            }
            let (name, kind, behind) = directive(&behind)?;
            let name = if kind == Kind::Time { name } else { free_name(&name) };
            layout.end_last(std::mem::take(&mut literal))?;
            layout.steps.push(Step { name, kind, until: Vec::new(), missing: String::new() });
            rest = behind.into();
        }
        if layout.steps.is_empty() {
            return Err("no directive like %h in it".to_owned());
        }
        layout.end_last(literal).or_else(|error| if rest.is_empty() { Ok(()) } else { Err(error) })?;
        layout.repeats = value::repeats(layout.steps.iter().map(|step| step.name.as_bytes()));
        for step in &mut layout.steps {
            step.missing = format!("no {} after {}", String::from_utf8_lossy(&step.until).trim(), step.name);
        }
        Ok(layout)
    }

    fn end_last(&mut self, literal: String) -> Result<(), String> {
        match self.steps.last_mut() {
            None => self.before = literal.into(),
            Some(last) if literal.is_empty() => return Err(format!("nothing between {} and the next", last.name)),
            Some(last) => last.until = literal.into(),
        }
        Ok(())
    }

    fn parse<'s>(&'s self, line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'s, str>> {
        let Some(mut rest) = line.strip_prefix(&*self.before) else {
            return Err("does not begin like the format".into());
        };
        if self.repeats {
            record.may_repeat();
        }
        for (at, step) in self.steps.iter().enumerate() {
            let last = at + 1 == self.steps.len();
            let end = if last && step.until.is_empty() {
                Some(rest.len())
            } else if last && step.until == b"\"" {
                // A line that was cut lacks its last quote.
                end_of_quoted(rest, &step.until).filter(|end| end + 1 == rest.len()).or(Some(rest.len()))
            } else if step.until.starts_with(b"\"") {
                end_of_quoted(rest, &step.until)
            } else if step.kind == Kind::Time && rest.first() == Some(&b'[') {
                memchr(b']', rest).map(|at| at + 1).filter(|at| rest[*at..].starts_with(&step.until))
            } else if self.steps.get(at + 1).is_some_and(|next| next.kind == Kind::Time) {
                // A user may hold a space; the bracket of the time tells where it ends.
                memmem::find(rest, b"[")
                    .and_then(|bracket| bracket.checked_sub(step.until.len()))
                    .filter(|end| rest[*end..].starts_with(&step.until))
            } else {
                memmem::find(rest, &step.until)
            };
            let Some(end) = end else { return Err(step.missing.as_str().into()) };
            put(step, &rest[..end], record, clock)?;
            rest = rest.get(end + step.until.len()..).unwrap_or_default();
        }
        Ok(())
    }
}

/// Where the first quote that no backslash escapes stands, if `literal`, which it begins, stands there.
fn end_of_quoted(text: &[u8], literal: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', text.get(from..)?)?;
        if text[at] == b'"' {
            return text[at..].starts_with(literal).then_some(at);
        }
        from = at + 2;
    }
}

fn put<'s>(step: &'s Step, value: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'s, str>> {
    let wrong = || Err(format!("{} is not what it should be", step.name).into());
    match step.kind {
        _ if value == b"-" => {}
        Kind::Ignored => {}
        // An empty user is logged as two quotes.
        Kind::Text if value == b"\"\"" => record.text(&step.name, b""),
        Kind::Text => value::decoded_apache(record.field(&step.name), value),
        Kind::Number if value::is_number(value) => value::number(record.field(&step.name), value),
        Kind::Number => return wrong(),
        Kind::Request => value::Request::new(value).put(record, value::decoded_apache),
        Kind::Time => {
            let stamp = value.strip_prefix(b"[").and_then(|stamp| stamp.strip_suffix(b"]")).unwrap_or(value);
            if !clock.common(stamp, record.time()) {
                return wrong();
            }
        }
    }
    Ok(())
}

/// What stands behind a `%`: its name, its kind, and what follows it.
fn directive(text: &str) -> Result<(String, Kind, &str), String> {
    // Conditions (`!200,304`) and the original or last request (`<`, `>`) change what is logged, not its shape.
    let text =
        text.trim_start_matches(|letter: char| letter.is_ascii_digit() || matches!(letter, '!' | ',' | '<' | '>'));
    if let Some(inner) = text.strip_prefix('{') {
        let end = inner.find('}').ok_or("a %{ without its }")?;
        let (argument, rest) = (&inner[..end], &inner[end + 1..]);
        let letter = rest.chars().next().ok_or("nothing behind %{…}")?;
        let variable = argument.to_ascii_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
        let (name, kind) = match letter {
            'i' => (format!("http_{variable}"), Kind::Text),
            'o' => (format!("sent_http_{variable}"), Kind::Text),
            'C' => (format!("cookie_{variable}"), Kind::Text),
            'T' if argument == "us" => ("request_time_us".to_owned(), Kind::Number),
            'T' if argument == "ms" => ("request_time_ms".to_owned(), Kind::Number),
            'T' => ("request_time".to_owned(), Kind::Number),
            'a' => ("connection_addr".to_owned(), Kind::Text),
            'p' => (format!("{variable}_port"), Kind::Number),
            'P' => (variable, Kind::Number),
            _ => (variable, Kind::Text),
        };
        return Ok((name, kind, &rest[letter.len_utf8()..]));
    }
    let letter = text.chars().next().ok_or("a % without a letter")?;
    let (name, kind) = match letter {
        'h' | 'a' => ("remote_addr", Kind::Text),
        'l' => ("remote_logname", Kind::Ignored),
        'u' => ("remote_user", Kind::Text),
        't' => ("time", Kind::Time),
        'r' => ("request", Kind::Request),
        's' => ("status", Kind::Number),
        'b' | 'B' => ("body_bytes_sent", Kind::Number),
        'O' => ("bytes_sent", Kind::Number),
        'I' => ("request_length", Kind::Number),
        'D' => ("request_time_us", Kind::Number),
        'T' => ("request_time", Kind::Number),
        'v' | 'V' => ("server_name", Kind::Text),
        'p' => ("server_port", Kind::Number),
        'P' => ("pid", Kind::Number),
        'm' => ("request_method", Kind::Text),
        'U' => ("uri", Kind::Text),
        'q' => ("args", Kind::Text),
        'H' => ("server_protocol", Kind::Text),
        'A' => ("server_addr", Kind::Text),
        'k' => ("connection_requests", Kind::Number),
        'X' => ("connection_status", Kind::Text),
        'L' => ("log_id", Kind::Text),
        'f' => ("request_filename", Kind::Text),
        'R' => ("handler", Kind::Text),
        _ => return Err(format!("%{letter}: unknown directive")),
    };
    Ok((name.to_owned(), kind, &text[letter.len_utf8()..]))
}

/// `[Mon Nov 23 08:57:12.618240 2026] [module:level] …`
fn is_error_shape(line: &[u8]) -> bool {
    line.len() > 28
        && line[0] == b'['
        && line[4] == b' '
        && line[8] == b' '
        && memmem::find(&line[..line.len().min(48)], b"] [").is_some()
}

fn parse_error(line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'static, str>> {
    let end = memchr(b']', line).ok_or("no ] after the time")?;
    if !clock.apache(&line[1..end], record.time()) {
        return Err("no time in the brackets".into());
    }
    let mut rest = &line[end + 1..];
    let (mut first, mut has_pid) = (true, false);
    while let Some(inner) = rest.strip_prefix(b" [") {
        let Some(end) = memchr(b']', inner) else { break };
        let bracket = &inner[..end];
        if first {
            let (module, level) = bracket.split_at(memchr(b':', bracket).unwrap_or(0));
            let level = level.strip_prefix(b":").unwrap_or(level);
            if !level.iter().all(u8::is_ascii_alphanumeric) || level.is_empty() {
                return Err("no level after the time".into());
            }
            record.level(if level.starts_with(b"trace") { b"trace" } else { level });
            if !module.is_empty() {
                record.text("module", module);
            }
            first = false;
        } else if let (Some(pid), false) = (bracket.strip_prefix(b"pid "), has_pid) {
            has_pid = true;
            let (pid, tid) = pid.split_at(memchr(b':', pid).unwrap_or(pid.len()));
            if value::is_number(pid) {
                value::number(record.field("pid"), pid);
            }
            if let Some(tid) = tid.strip_prefix(b":tid ")
                && value::is_number(tid)
            {
                value::number(record.field("tid"), tid);
            }
        } else if let Some(client) = bracket.strip_prefix(b"client ") {
            let (address, port) = client.split_at(memchr::memrchr(b':', client).unwrap_or(client.len()));
            record.text("client", address);
            if let Some(port) = port.strip_prefix(b":")
                && value::is_number(port)
            {
                value::number(record.field("port"), port);
            }
            rest = &inner[end + 1..];
            // Brackets of the message itself are its own.
            break;
        } else {
            break;
        }
        rest = &inner[end + 1..];
    }
    if first {
        return Err("no level after the time".into());
    }
    record.message(rest.strip_prefix(b" ").unwrap_or(rest));
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use logline::time::Zone;

    use super::*;
    use crate::record::{Head, Selection};

    #[test]
    fn keys_are_whole_and_occur_once_whatever_the_format_names() {
        let layout = Layout::compile(r#"%h %a %m "%r" %{X"y\z}i %{message}e %{X"y\z}i"#).unwrap();
        let (mut record, mut out) = (Record::default(), Vec::new());
        let line = br#"1.1.1.1 2.2.2.2 GET "GET / HTTP/1.1" a b c"#;
        layout.parse(line, &mut record, &mut Clock::new(Zone::Fixed(0))).unwrap();
        record.write(&mut out, &Head::default(), &Selection::default(), None);
        let expected = r#"{"remote_addr":"2.2.2.2","request_method":"GET","request_uri":"/","server_protocol":"HTTP/1.1","message_":"b","http_x_y_z":"c"}"#;
        assert_eq!(String::from_utf8(out).unwrap().trim_end(), expected);
    }
}
