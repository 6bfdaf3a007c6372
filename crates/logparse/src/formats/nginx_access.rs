//! nginx's access log, by its `log_format`: literals and variables in turn, a value ending at the next literal. No regular
//! expression and no allocation for a line; values are split first and decoded after.
//!
//! A numeric variable must hold a number or `-`, or the line is not of the format: so a shifted field is found out and
//! never reported.

use std::borrow::Cow;

use memchr::memmem::{self, Finder};

use crate::clock::Clock;
use crate::escape::decoded;
use crate::record::Record;
use crate::request::write_request;

/// The format that nginx has built in; the `main` of the official image is told from it by its shape.
pub const COMBINED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;

/// A `log_format`, ready to read lines.
#[derive(Debug)]
pub struct LogFormat {
    lead: Vec<u8>,
    fields: Vec<Field>,
    is_combined: bool,
    /// Where each field's value lies in the present line.
    spans: Vec<(usize, usize)>,
}

/// A variable and the literal behind it.
#[derive(Debug)]
struct Field {
    name: String,
    kind: Kind,
    is_upstream: bool,
    behind: Finder<'static>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Text,
    Number,
    Request,
    /// A clock, the best one first.
    Time(u8),
}

impl LogFormat {
    /// Reads a `log_format` as it stands in nginx.conf, between its quotes or with them. The error says what is wrong.
    pub fn new(format: &str) -> Result<Self, String> {
        let text = unquoted(format);
        if !text.contains('$') {
            return Err(format!(
                "'{format}' has no variable; in double quotes the shell takes '$status' for its own, use single quotes"
            ));
        }
        let mut fields: Vec<Field> = Vec::new();
        let mut literal = Vec::new();
        let mut lead = None;
        let mut rest = text.as_str();
        while let Some(letter) = rest.chars().next() {
            let Some((name, behind)) = variable(rest) else {
                literal.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[letter.len_utf8()..];
                continue;
            };
            let before = std::mem::take(&mut literal);
            match fields.last_mut() {
                None => lead = Some(before),
                Some(field) if before.is_empty() => {
                    return Err(format!("${} and ${name} stand together: nothing tells where one ends", field.name));
                }
                Some(field) => field.behind = Finder::new(&before).into_owned(),
            }
            fields.push(Field::new(name));
            rest = behind;
        }
        if let Some(field) = fields.last_mut() {
            field.behind = Finder::new(&literal).into_owned();
        }
        Ok(Self {
            lead: lead.unwrap_or_default(),
            spans: Vec::with_capacity(fields.len()),
            is_combined: text == COMBINED,
            fields,
        })
    }

    /// Writes the fields of a line.
    pub fn parse(&mut self, line: &[u8], clock: &mut Clock, record: &mut Record<'_>) -> Result<(), Cow<'static, str>> {
        self.split(line)?;
        self.write_time(line, clock, record)?;
        for index in 0..self.fields.len() {
            let field = &self.fields[index];
            let (start, end) = self.spans[index];
            let value = &line[start..end];
            if self.is_combined && index + 1 == self.fields.len() {
                write_last_of_combined(value, record);
            } else if !matches!(field.kind, Kind::Time(_)) {
                field.write(value, record)?;
            }
        }
        Ok(())
    }

    /// Finds where each value lies.
    fn split(&mut self, line: &[u8]) -> Result<(), Cow<'static, str>> {
        self.spans.clear();
        let Some(mut rest) = line.strip_prefix(self.lead.as_slice()) else {
            return Err(format!("does not begin with '{}'", self.lead.escape_ascii()).into());
        };
        let mut at = self.lead.len();
        let last = self.fields.len() - 1;
        for (index, field) in self.fields.iter().enumerate() {
            let literal = field.behind.needle();
            let length = if index == last {
                // The last takes the rest; a line may have been cut inside it.
                rest.strip_suffix(literal).unwrap_or(rest).len()
            } else {
                field.end(rest).ok_or_else(|| format!("no '{}' after {}", literal.escape_ascii(), field.name))?
            };
            self.spans.push((at, at + length));
            let behind = (length + literal.len()).min(rest.len());
            rest = &rest[behind..];
            at += behind;
        }
        Ok(())
    }

    /// Of several clocks the most precise is the time; the others stay fields.
    fn write_time(&self, line: &[u8], clock: &mut Clock, record: &mut Record<'_>) -> Result<(), Cow<'static, str>> {
        let clocks = self.fields.iter().zip(&self.spans).filter_map(|(field, span)| match field.kind {
            Kind::Time(rank) => Some((rank, field, span)),
            _ => None,
        });
        let best = clocks.clone().min_by_key(|(rank, ..)| *rank);
        let Some((rank, field, (start, end))) = best else { return Ok(()) };
        let value = &line[*start..*end];
        let unreadable = || Cow::Owned(format!("no time in {}", field.name));
        record.key("time");
        record.out().push(b'"');
        match rank {
            0 => record.out().extend_from_slice(&Clock::epoch(value).ok_or_else(unreadable)?),
            1 => record.out().extend_from_slice(Clock::iso(value).ok_or_else(unreadable)?),
            _ => record.out().extend_from_slice(clock.common(value).ok_or_else(unreadable)?),
        }
        record.out().push(b'"');
        for (_, other, (start, end)) in clocks.filter(|(other, ..)| *other != rank) {
            write_text(&other.name, &line[*start..*end], record);
        }
        Ok(())
    }
}

impl Field {
    fn new(name: &str) -> Self {
        let kind = match name {
            "msec" => Kind::Time(0),
            "time_iso8601" => Kind::Time(1),
            "time_local" => Kind::Time(2),
            "request" => Kind::Request,
            "status"
            | "body_bytes_sent"
            | "bytes_sent"
            | "bytes_received"
            | "request_time"
            | "request_length"
            | "connection"
            | "connection_requests"
            | "connection_time"
            | "connections_active"
            | "pid"
            | "remote_port"
            | "server_port"
            | "gzip_ratio"
            | "content_length"
            | "proxy_port"
            | "session_time"
            | "ssl_session_id_length"
            | "upstream_response_time"
            | "upstream_connect_time"
            | "upstream_header_time"
            | "upstream_status"
            | "upstream_queue_time"
            | "upstream_response_length"
            | "upstream_bytes_received"
            | "upstream_bytes_sent"
            | "upstream_first_byte_time"
            | "upstream_session_time" => Kind::Number,
            _ => Kind::Text,
        };
        Self {
            name: name.to_owned(),
            kind,
            is_upstream: name.starts_with("upstream_"),
            behind: Finder::new(b"").into_owned(),
        }
    }

    /// How long the value at the beginning of `rest` is. In a list of upstreams a space behind a comma or around a colon
    /// ends nothing.
    fn end(&self, rest: &[u8]) -> Option<usize> {
        let literal = self.behind.needle();
        if !self.is_upstream || literal.first() != Some(&b' ') {
            return match literal {
                [byte] => memchr::memchr(*byte, rest),
                _ => self.behind.find(rest),
            };
        }
        let mut from = 0;
        loop {
            let at = from + self.behind.find(&rest[from..])?;
            let inside = rest[..at].ends_with(b",") || rest[..at].ends_with(b" :") || rest[at..].starts_with(b" : ");
            if !inside {
                return Some(at);
            }
            from = at + 1;
        }
    }

    fn write(&self, value: &[u8], record: &mut Record<'_>) -> Result<(), Cow<'static, str>> {
        if value == b"-" {
            return Ok(());
        }
        if self.is_upstream && upstream_elements(value).nth(1).is_some() {
            return self.write_list(value, record);
        }
        match self.kind {
            Kind::Number => {
                let number = number(value).ok_or_else(|| Cow::Owned(format!("no number in {}", self.name)))?;
                record.raw(&self.name, number);
            }
            Kind::Request => write_request(value, record),
            Kind::Text | Kind::Time(_) => write_text(&self.name, value, record),
        }
        Ok(())
    }

    fn write_list(&self, value: &[u8], record: &mut Record<'_>) -> Result<(), Cow<'static, str>> {
        record.key(&self.name);
        record.out().push(b'[');
        for (index, element) in upstream_elements(value).enumerate() {
            if index > 0 {
                record.out().push(b',');
            }
            match (element, self.kind) {
                (b"-", _) => record.out().extend_from_slice(b"null"),
                (_, Kind::Number) => {
                    let number = number(element).ok_or_else(|| Cow::Owned(format!("no number in {}", self.name)))?;
                    record.out().extend_from_slice(number);
                }
                _ => logline::json::write_string(record.out(), &decoded(element)),
            }
        }
        record.out().push(b']');
        Ok(())
    }
}

/// The elements of an upstream list: `, ` parts those that were tried, ` : ` a redirect inside the server.
pub fn upstream_elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let text = rest?;
        let comma = memmem::find(text, b", ").map(|at| (at, at + 2));
        let colon = memmem::find(text, b" : ").map(|at| (at, at + 3));
        let first = [comma, colon].into_iter().flatten().min();
        rest = first.map(|(_, behind)| &text[behind..]);
        Some(first.map_or(text, |(end, _)| &text[..end]))
    })
}

/// `main` has one more quoted variable: nginx escapes every quote inside a value, so `" "` can only part two.
fn write_last_of_combined(value: &[u8], record: &mut Record<'_>) {
    match memmem::find(value, b"\" \"") {
        Some(at) => {
            write_text("http_user_agent", &value[..at], record);
            write_text("http_x_forwarded_for", &value[at + 3..], record);
        }
        None => write_text("http_user_agent", value, record),
    }
}

/// `-` is unset and not written; an empty value was sent empty.
fn write_text(name: &str, value: &[u8], record: &mut Record<'_>) {
    if value != b"-" {
        record.text(name, &decoded(value));
    }
}

/// The digits as JSON wants them: no leading zeros (`000` is a status too).
fn number(value: &[u8]) -> Option<&[u8]> {
    let unsigned = value.strip_prefix(b"-").unwrap_or(value);
    let whole = unsigned.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_number = whole > 0
        && match &unsigned[whole..] {
            [] => true,
            [b'.', fraction @ ..] => !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit),
            _ => false,
        };
    if !is_number || (unsigned.len() < value.len() && whole > 1 && unsigned[0] == b'0') {
        return None;
    }
    let zeros = unsigned[..whole - 1].iter().take_while(|byte| **byte == b'0').count();
    Some(if zeros == 0 { value } else { &unsigned[zeros..] })
}

/// The name of the variable at the beginning of `text`, and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('$')?;
    if let Some(braced) = inner.strip_prefix('{') {
        return braced.split_once('}').filter(|(name, _)| !name.is_empty());
    }
    let length = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    (length > 0).then(|| inner.split_at(length))
}

/// The pieces between quotes put together, as nginx does it, `escape=…` left out; without quotes the text as it is.
fn unquoted(format: &str) -> String {
    let mut rest = format.trim().trim_end_matches(';').trim_end();
    if let Some(behind) = rest.strip_prefix("escape=") {
        rest = behind.split_once(char::is_whitespace).map_or("", |(_, behind)| behind.trim_start());
    }
    if !rest.starts_with('\'') {
        return rest.to_owned();
    }
    let mut text = String::new();
    while let Some(piece) = rest.trim_start().strip_prefix('\'') {
        let (inner, behind) = piece.split_once('\'').unwrap_or((piece, ""));
        text.push_str(inner);
        rest = behind;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_its_digits_but_for_leading_zeros() {
        for (text, digits) in [
            ("200", "200"),
            ("000", "0"),
            ("0.003", "0.003"),
            ("-0.5", "-0.5"),
            ("12345678901234567890", "12345678901234567890"),
        ] {
            assert_eq!(number(text.as_bytes()), Some(digits.as_bytes()));
        }
        for text in ["", "-", "x", "1.", ".5", "1e3", "2 0"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_format_without_a_variable_was_eaten_by_the_shell() {
        assert!(LogFormat::new(" -  []").is_err_and(|error| error.contains("single quotes")));
        assert!(LogFormat::new("$a$b").is_err_and(|error| error.contains("together")));
    }

    #[test]
    fn quoted_pieces_are_put_together() {
        assert_eq!(unquoted("escape=json '$a ' '$b';"), "$a $b");
        assert_eq!(unquoted("$a \"$b\""), "$a \"$b\"");
    }
}
