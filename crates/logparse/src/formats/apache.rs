//! Apache httpd: its error log, and its access log by a `LogFormat` taken word for word; without one combined and common,
//! told apart by shape. Apache escapes `"` and `\` with a backslash, so a quoted value ends at the first quote that is not
//! escaped.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use crate::clock::Clock;
use crate::formats::front::{self, Front};
use crate::formats::strftime::{Parts, Strftime};
use crate::formats::{apache_error, value};
use crate::record::{Record, free_name};

const COMMON: &str = r#"%h %l %u %t "%r" %>s %b"#;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Text,
    Number,
    /// `%t`
    Time,
    /// `%{…}t`
    Stamp,
    Request,
    /// `%l`, which nobody has set since inetd.
    Ignored,
}

#[derive(Debug)]
struct Step {
    name: String,
    kind: Kind,
    /// How a stamp is written, of [`Kind::Stamp`].
    stamp: Option<Strftime>,
    /// The literal that follows the value, empty where none does.
    until: Vec<u8>,
    /// With what the next value begins, if no literal stands between.
    border: Option<u8>,
    ends: Ends,
    /// What is said if the value does not end.
    missing: String,
}

/// A `LogFormat`, ready to read lines.
#[derive(Debug)]
pub struct Layout {
    before: Vec<u8>,
    steps: Vec<Step>,
    /// A directive occurs twice, or the request and a part of it.
    repeats: bool,
    /// Its stamps tell a time.
    has_stamps: bool,
}

/// Apache's access log by a format, and its error log.
#[derive(Debug)]
pub enum Apache {
    /// A format that the user has given.
    Given(Layout),
    /// The formats that everybody has: `common`, and what may follow it.
    Usual(Layout),
}

impl Apache {
    /// Reads `format`, or the usual ones. The error says what was expected.
    pub fn new(format: Option<&str>) -> Result<Self, String> {
        Ok(match format {
            Some(format) => Self::Given(Layout::compile(format)?),
            None => Self::Usual(Layout::compile(COMMON)?),
        })
    }

    /// Reads a line.
    pub fn parse<'s>(&'s self, line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'s, str>> {
        if apache_error::is_shape(line) {
            return apache_error::parse(line, record, clock);
        }
        match self {
            Self::Given(layout) => layout.parse(line, record, clock),
            Self::Usual(common) => parse_usual(common, line, record, clock),
        }
    }
}

/// `common`, with a host or a list in front, or with the referer, the agent and more behind it.
fn parse_usual<'s>(
    common: &'s Layout,
    line: &[u8],
    record: &mut Record,
    clock: &mut Clock,
) -> Result<(), Cow<'s, str>> {
    let front = if is_front_usual(line) { None } else { Front::split(line) };
    if front.is_none() && !is_front_usual(line) && !has_three_words_in_front(line) {
        return Err("more in front of the time than an address and a user, give its --log-format".into());
    }
    let mut line = line;
    if let Some(front) = &front {
        front.put(record);
        line = front.rest;
    }
    let rest = common.read(line, true, record, clock)?;
    put_tail(rest, record);
    if let Some(front) = &front {
        front.put_address(record);
    }
    Ok(())
}

/// An address and an unset name from `identd`.
fn is_front_usual(line: &[u8]) -> bool {
    memchr(b' ', line).is_some_and(|space| line[space..].starts_with(b" - "))
}

/// An address, a name that is not one, and a user in front of the time.
fn has_three_words_in_front(line: &[u8]) -> bool {
    let Some(time) = memmem::find(line, b" [") else { return true };
    let mut words = line[..time].split(|byte| *byte == b' ');
    let is_name = |word: &[u8]| !word.is_empty() && !front::is_address(word);
    words.next().is_some() && words.next().is_some_and(is_name) && words.next().is_some() && words.next().is_none()
}

/// What stands behind the size: the referer and the agent in quotes, an address in quotes, anything else.
fn put_tail(text: &[u8], record: &mut Record) {
    let mut rest = text;
    for key in ["http_referer", "http_user_agent", "http_x_forwarded_for"] {
        let Some(inner) = rest.strip_prefix(b" \"") else { break };
        // A line that was cut lacks its last quote.
        let end = end_of_quoted(inner, b"\"").unwrap_or(inner.len());
        let value = &inner[..end];
        if key == "http_x_forwarded_for" && value != b"-" && !front::is_address(front::first_of(value)) {
            break;
        }
        if value != b"-" {
            value::decoded_apache(record.field(key), value);
        }
        rest = inner.get(end + 1..).unwrap_or_default();
    }
    if let Some(tail) = rest.strip_prefix(b" ").filter(|tail| !tail.is_empty()) {
        value::decoded_apache(record.field("tail"), tail);
    }
}

impl Layout {
    fn compile(format: &str) -> Result<Self, String> {
        let mut layout = Self { before: Vec::new(), steps: Vec::new(), repeats: false, has_stamps: false };
        let mut literal = String::new();
        let format = unquote(format);
        let mut rest = &*format;
        while let Some(percent) = rest.find('%') {
            literal.push_str(&rest[..percent]);
            rest = &rest[percent + 1..];
            if let Some(behind) = rest.strip_prefix('%') {
                literal.push('%');
                rest = behind;
                continue;
            }
            let step;
            (step, rest) = directive(rest)?;
            layout.push(step, &std::mem::take(&mut literal))?;
        }
        literal.push_str(rest);
        match layout.steps.last_mut() {
            None => return Err("no directive like %h in it".to_owned()),
            Some(last) => last.until = literal.into(),
        }
        layout.finish();
        Ok(layout)
    }

    /// Appends a step behind `literal`.
    fn push(&mut self, step: Step, literal: &str) -> Result<(), String> {
        let Some(last) = self.steps.last_mut() else {
            self.before = literal.into();
            self.steps.push(step);
            return Ok(());
        };
        last.until = literal.into();
        if literal.is_empty() {
            match (&*last.name, &*step.name) {
                // The two are the target of the request.
                ("uri", "args") => {
                    "request_uri".clone_into(&mut last.name);
                    return Ok(());
                }
                (_, "uri") if last.kind != Kind::Number => last.border = Some(b'/'),
                _ if last.kind == Kind::Stamp => {}
                (one, other) => {
                    return Err(format!("nothing between {one} and {other}: where one ends cannot be told"));
                }
            }
        }
        self.steps.push(step);
        Ok(())
    }

    fn finish(&mut self) {
        let stamps = self.steps.iter().filter_map(|step| step.stamp.as_ref());
        self.has_stamps = Strftime::tell_a_time(stamps);
        if !self.has_stamps {
            for step in self.steps.iter_mut().filter(|step| step.kind == Kind::Stamp) {
                // A clock without a day is no time.
                (step.name, step.kind) = (free_name("time"), Kind::Text);
            }
        }
        for at in 0..self.steps.len() {
            let next = self.steps.get(at + 1).map(|next| (next.kind, next.name.clone()));
            let step = &mut self.steps[at];
            let until = String::from_utf8_lossy(&step.until);
            let what = match until.trim() {
                "" if step.until.is_empty() => "end",
                "" => "space",
                literal => literal,
            };
            step.missing = format!("no {what} after {}", step.name);
            step.ends = match (step.kind, next) {
                _ if step.stamp.is_some() => Ends::ByItself,
                _ if step.border.is_some() => Ends::AtBorder,
                (_, None) => Ends::WithTheLine,
                _ if step.until.starts_with(b"\"") => Ends::AtQuote,
                (Kind::Time, _) => Ends::AtBracket,
                (_, Some((Kind::Time, _))) => Ends::BeforeBracket,
                (_, Some((_, name))) if name == "server_protocol" && step.name.ends_with("uri") => Ends::BeforeProtocol,
                _ if step.until[0] == b' ' && step.name.contains("forwarded") => Ends::BehindList,
                _ => Ends::AtLiteral,
            };
        }
        self.repeats = value::repeats(self.steps.iter().map(|step| step.name.as_bytes()));
    }

    fn parse<'s>(&'s self, line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'s, str>> {
        self.read(line, false, record, clock).map(drop)
    }

    /// Reads the values of a line; what follows the last. Only where `goes_on` something may: the last value then ends
    /// at a space.
    fn read<'a, 's>(
        &'s self,
        line: &'a [u8],
        goes_on: bool,
        record: &mut Record,
        clock: &mut Clock,
    ) -> Result<&'a [u8], Cow<'s, str>> {
        let Some(mut rest) = line.strip_prefix(&*self.before) else {
            return Err("does not begin like the format".into());
        };
        if self.repeats {
            record.may_repeat();
        }
        let mut parts = Parts::default();
        for step in &self.steps {
            let end = match step.ends {
                Ends::WithTheLine if goes_on => Some(memchr(b' ', rest).unwrap_or(rest.len())),
                Ends::ByItself => step.stamp.as_ref().and_then(|stamp| stamp.read(rest, &mut parts)),
                _ => step.end(rest),
            };
            let end = end.filter(|end| step.ends != Ends::ByItself || rest[*end..].starts_with(&step.until));
            let Some(end) = end else { return Err(step.missing.as_str().into()) };
            put(step, &rest[..end], record, clock)?;
            rest = rest.get(end + step.until.len()..).unwrap_or_default();
        }
        if self.has_stamps {
            parts.put(record, clock);
        }
        Ok(rest)
    }
}

/// Where a value ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ends {
    /// Before its literal.
    AtLiteral,
    /// The same, but a space behind a comma does not count.
    BehindList,
    /// Before the quote that no backslash escapes.
    AtQuote,
    /// With the bracket of a time.
    AtBracket,
    /// Before the bracket of the time that follows: a user may hold a space.
    BeforeBracket,
    /// Before the protocol that follows: the path of a URL may hold a space.
    BeforeProtocol,
    /// Before the byte that begins the next value.
    AtBorder,
    /// A stamp knows where it ends.
    ByItself,
    /// It is the last.
    WithTheLine,
}

impl Step {
    fn end(&self, rest: &[u8]) -> Option<usize> {
        let until = &*self.until;
        match self.ends {
            // A line that was cut lacks its last quote.
            Ends::WithTheLine if until == b"\"" => {
                end_of_quoted(rest, until).filter(|end| end + 1 == rest.len()).or(Some(rest.len()))
            }
            Ends::WithTheLine => Some(rest.strip_suffix(until).unwrap_or(rest).len()),
            Ends::AtQuote => end_of_quoted(rest, until),
            Ends::AtBracket if rest.first() == Some(&b'[') => {
                memchr(b']', rest).map(|at| at + 1).filter(|at| rest[*at..].starts_with(until))
            }
            Ends::BeforeBracket => memchr(b'[', rest)
                .and_then(|bracket| bracket.checked_sub(until.len()))
                .filter(|end| rest[*end..].starts_with(until)),
            Ends::BeforeProtocol => {
                memmem::find(rest, b" HTTP/").filter(|_| until == b" ").or_else(|| memmem::find(rest, until))
            }
            Ends::BehindList => memmem::find_iter(rest, until).find(|at| !rest[..*at].ends_with(b",")),
            Ends::AtBorder => value::border(&rest[..memchr(b' ', rest).unwrap_or(rest.len())], self.border?),
            Ends::AtLiteral | Ends::AtBracket | Ends::ByItself => memmem::find(rest, until),
        }
    }
}

/// The format as Apache has read it: `\"`, `\t` and their like stand for themselves, and of a whole `LogFormat` directive
/// only its first argument counts.
fn unquote(format: &str) -> String {
    let format = format.trim();
    let argument = format.strip_prefix("LogFormat").map(str::trim_start).and_then(|rest| rest.strip_prefix('"'));
    let mut text = String::new();
    let mut letters = argument.unwrap_or(format).chars();
    while let Some(letter) = letters.next() {
        match (letter, letters.clone().next()) {
            ('"', _) if argument.is_some() => break,
            ('\\', Some(escaped @ ('"' | '\\' | 't' | 'n'))) => {
                letters.next();
                text.push(match escaped {
                    't' => '\t',
                    'n' => '\n',
                    escaped => escaped,
                });
            }
            _ => text.push(letter),
        }
    }
    text
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
        Kind::Ignored | Kind::Stamp => {}
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

/// What stands behind a `%`, and what follows that.
fn directive(text: &str) -> Result<(Step, &str), String> {
    // Conditions (`!200,304`) and the original or last request (`<`, `>`) change what is logged, not its shape.
    let text =
        text.trim_start_matches(|letter: char| letter.is_ascii_digit() || matches!(letter, '!' | ',' | '<' | '>'));
    if let Some(inner) = text.strip_prefix('{') {
        let end = inner.find('}').ok_or("a %{ without its }")?;
        let (argument, rest) = (&inner[..end], &inner[end + 1..]);
        let letter = rest.chars().next().ok_or("nothing behind %{…}")?;
        let mut step = step_with(argument, letter);
        if letter == 't' {
            step.stamp = Some(Strftime::compile(argument)?);
        }
        return Ok((step, &rest[letter.len_utf8()..]));
    }
    let letter = text.chars().next().ok_or("a % without a letter")?;
    let behind = &text[letter.len_utf8()..];
    let (name, kind) = match letter {
        '^' => return directive_of_two(behind),
        'h' | 'a' => ("remote_addr", Kind::Text),
        'l' => ("remote_logname", Kind::Ignored),
        'u' => ("remote_user", Kind::Text),
        't' => ("time", Kind::Time),
        'r' => ("request", Kind::Request),
        's' => ("status", Kind::Number),
        'b' | 'B' => ("body_bytes_sent", Kind::Number),
        'O' => ("bytes_sent", Kind::Number),
        'S' => ("bytes_transferred", Kind::Number),
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
    Ok((step(name, kind), behind))
}

/// `%{argument}letter`
fn step_with(argument: &str, letter: char) -> Step {
    let variable = argument.to_ascii_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
    let (name, kind) = match letter {
        't' => ("time".to_owned(), Kind::Stamp),
        'i' => (format!("http_{variable}"), Kind::Text),
        'o' => (format!("sent_http_{variable}"), Kind::Text),
        'C' => (format!("cookie_{variable}"), Kind::Text),
        'T' if argument == "us" => ("request_time_us".to_owned(), Kind::Number),
        'T' if argument == "ms" => ("request_time_ms".to_owned(), Kind::Number),
        'T' => ("request_time".to_owned(), Kind::Number),
        'a' => ("connection_addr".to_owned(), Kind::Text),
        'h' => ("remote_addr".to_owned(), Kind::Text),
        'p' => (format!("{variable}_port"), Kind::Number),
        'P' => (variable, Kind::Number),
        _ => (variable, Kind::Text),
    };
    step(&name, kind)
}

/// `%^FB`, `%^ti` and `%^to`, the directives of two letters.
fn directive_of_two(text: &str) -> Result<(Step, &str), String> {
    match text.strip_prefix("FB") {
        Some(rest) => Ok((step("first_byte_time_us", Kind::Number), rest)),
        None => Err(format!("%^{}: unknown directive", text.chars().take(2).collect::<String>())),
    }
}

fn step(name: &str, kind: Kind) -> Step {
    let name = if matches!(kind, Kind::Time | Kind::Stamp) { name.to_owned() } else { free_name(name) };
    Step { name, kind, stamp: None, until: Vec::new(), border: None, ends: Ends::AtLiteral, missing: String::new() }
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
