//! nginx's access log by its `log_format`: literals and variables in turn. A value ends where the next literal begins; no
//! regular expression, no allocation for a line.
//!
//! The invariant: a line that lacks any literal but the last, or has no number where its variable is one, is unparsed.

use std::borrow::Cow;

use logline::json;
use memchr::memchr;

use crate::clock::Clock;
use crate::formats::value;
use crate::record::Record;

/// The format that nginx has built in.
pub const COMBINED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;
/// The format of the official image's `nginx.conf`.
pub const MAIN: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for""#;
/// The format of the ingress controller.
pub const INGRESS: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id"#;

/// What a variable holds, known by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Text,
    Number,
    /// One of several clocks; the most exact is the record's time.
    Common,
    Iso,
    Epoch,
    Request,
    UpstreamText,
    UpstreamNumber,
}

#[derive(Debug)]
struct Step {
    name: String,
    kind: Kind,
    /// The literal that ends the value; empty at the end of the line.
    until: Vec<u8>,
    /// What is said if the value is not there.
    missing: String,
}

/// A `log_format`, ready to read lines.
#[derive(Debug)]
pub struct Scanner {
    before: Vec<u8>,
    steps: Vec<Step>,
    /// Of several clocks the one that is the time.
    clock: Kind,
    /// `escape=none`: a value may contain the literal that ends it.
    unescaped: bool,
    /// Values are decoded from `\xHH`.
    decodes: bool,
}

impl Scanner {
    /// Compiles a `log_format` taken word for word: the string itself, or nginx.conf's quoted pieces with an `escape=` in
    /// front. The error says what was expected.
    pub fn compile(format: &str, decodes: bool) -> Result<Self, String> {
        let (format, escape) = unquote(format)?;
        let mut scanner = Self {
            before: Vec::new(),
            steps: Vec::new(),
            clock: Kind::Text,
            unescaped: escape == "none",
            decodes: decodes && escape == "default",
        };
        let mut rest = format.as_str();
        while let Some(dollar) = rest.find('$') {
            let literal = &rest[..dollar];
            rest = &rest[dollar + 1..];
            let (name, behind) = variable(rest)?;
            rest = behind;
            scanner.end_last(literal)?;
            scanner.steps.push(Step {
                name: name.to_owned(),
                kind: kind(name),
                until: Vec::new(),
                missing: String::new(),
            });
        }
        if scanner.steps.is_empty() {
            return Err(
                "no variable in it: the shell takes $name away inside double quotes, use single quotes".to_owned()
            );
        }
        let tail = rest.to_owned();
        if let Some(last) = scanner.steps.last_mut() {
            last.until = tail.into_bytes();
        }
        for at in 0..scanner.steps.len() {
            let step = &mut scanner.steps[at];
            step.missing = match step.kind {
                _ if step.until.is_empty() => format!("no ${}", step.name),
                _ => format!("no {} after ${}", String::from_utf8_lossy(&step.until).trim(), step.name),
            };
            if matches!(step.kind, Kind::Common | Kind::Iso | Kind::Epoch) && rank(step.kind) > rank(scanner.clock) {
                scanner.clock = step.kind;
            }
        }
        Ok(scanner)
    }

    fn end_last(&mut self, literal: &str) -> Result<(), String> {
        match self.steps.last_mut() {
            None => self.before = literal.into(),
            Some(last) if literal.is_empty() => {
                return Err(format!("nothing between ${} and the next variable", last.name));
            }
            Some(last) => last.until = literal.into(),
        }
        Ok(())
    }

    /// Whether lines of this format are JSON, to be read as such.
    pub fn is_json(&self) -> bool {
        self.before.first() == Some(&b'{')
    }

    /// Reads `line` into `record`, or says why it cannot.
    pub fn parse<'s>(&'s self, line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'s, str>> {
        let Some(mut rest) = line.strip_prefix(&*self.before) else {
            return Err("does not begin like the format".into());
        };
        let last = self.steps.len() - 1;
        for step in &self.steps[..last] {
            let found = match step.kind {
                Kind::UpstreamText | Kind::UpstreamNumber => end_of_list(rest, &step.until),
                Kind::Request if self.unescaped => end_of_request(rest, &step.until),
                Kind::Text if self.unescaped => self.end_from_the_right(rest, step),
                _ => find(rest, &step.until),
            };
            let Some(end) = found else { return Err(step.missing.as_str().into()) };
            self.put(step, &rest[..end], record, clock)?;
            rest = &rest[end + step.until.len()..];
        }
        let step = &self.steps[last];
        // Where the line was cut inside it, its final literal is missing.
        let value = rest.strip_suffix(&*step.until).unwrap_or(rest);
        self.put(step, value, record, clock)
    }

    /// In `escape=none` a text may hold its literal: what follows it, having as many literals to come, is found from the
    /// end of the line.
    fn end_from_the_right(&self, rest: &[u8], step: &Step) -> Option<usize> {
        let at = self.steps.iter().position(|other| std::ptr::eq(other, step))?;
        let mut end = rest.strip_suffix(&*self.steps.last()?.until).unwrap_or(rest).len();
        for later in self.steps[at..self.steps.len() - 1].iter().rev() {
            if later.kind == Kind::Request {
                return find(rest, &step.until);
            }
            end = memchr::memmem::rfind(&rest[..end], &later.until)?;
        }
        // Before another text nobody can tell: the first is as good as any.
        let text_follows = self.steps[at + 1..].iter().any(|later| later.kind == Kind::Text);
        if text_follows { find(rest, &step.until) } else { Some(end) }
    }

    fn put<'s>(
        &self,
        step: &'s Step,
        value: &[u8],
        record: &mut Record,
        clock: &mut Clock,
    ) -> Result<(), Cow<'s, str>> {
        let name = &*step.name;
        let unset = value == b"-";
        let wrong = || Err(format!("${name} is not what it should be").into());
        match step.kind {
            _ if unset => {}
            Kind::Text => value::decoded(record.field(name), value, self.decodes),
            Kind::Number => {
                if !value::is_number(value) {
                    return wrong();
                }
                value::number(record.field(name), value);
            }
            Kind::Common | Kind::Iso | Kind::Epoch if step.kind != self.clock => {
                json::write_string(record.field(name), value);
            }
            Kind::Common => {
                if !clock.common(value, record.time()) {
                    return wrong();
                }
            }
            Kind::Iso => {
                if !clock.iso(value, record.time()) {
                    return wrong();
                }
            }
            Kind::Epoch => {
                if !clock.epoch(value, record.time()) {
                    return wrong();
                }
            }
            Kind::Request => value::request(record, value, self.decodes),
            Kind::UpstreamText | Kind::UpstreamNumber => {
                let numbers = step.kind == Kind::UpstreamNumber;
                if numbers && !elements(value).all(|element| element == b"-" || value::is_number(element)) {
                    return wrong();
                }
                self.put_list(record.field(name), value, numbers);
            }
        }
        Ok(())
    }

    fn put_list(&self, out: &mut Vec<u8>, list: &[u8], numbers: bool) {
        let several = elements(list).nth(1).is_some();
        if several {
            out.push(b'[');
        }
        for (at, element) in elements(list).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            match element {
                b"-" => out.extend_from_slice(b"null"),
                _ if numbers => value::number(out, element),
                _ => value::decoded(out, element, self.decodes),
            }
        }
        if several {
            out.push(b']');
        }
    }
}

fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Epoch => 3,
        Kind::Iso => 2,
        Kind::Common => 1,
        _ => 0,
    }
}

/// The kind is told by the name alone, never guessed from a value.
fn kind(name: &str) -> Kind {
    match name {
        "time_local" => Kind::Common,
        "time_iso8601" => Kind::Iso,
        "msec" => Kind::Epoch,
        "request" => Kind::Request,
        "status"
        | "body_bytes_sent"
        | "bytes_sent"
        | "bytes_received"
        | "request_length"
        | "request_time"
        | "connection"
        | "connection_requests"
        | "connection_time"
        | "gzip_ratio"
        | "pid"
        | "remote_port"
        | "server_port"
        | "content_length"
        | "session_time"
        | "proxy_port"
        | "tcpinfo_rtt"
        | "tcpinfo_rttvar"
        | "tcpinfo_snd_cwnd"
        | "tcpinfo_rcv_space" => Kind::Number,
        "upstream_response_time"
        | "upstream_connect_time"
        | "upstream_header_time"
        | "upstream_queue_time"
        | "upstream_status"
        | "upstream_response_length"
        | "upstream_bytes_received"
        | "upstream_bytes_sent"
        | "upstream_first_byte_time"
        | "upstream_session_time" => Kind::UpstreamNumber,
        "upstream_addr" => Kind::UpstreamText,
        _ => Kind::Text,
    }
}

/// The name behind a `$`, with or without braces, and what follows it.
fn variable(text: &str) -> Result<(&str, &str), String> {
    let length = |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = match text.strip_prefix('{') {
        Some(inner) => {
            let (name, rest) = inner.split_at(length(inner));
            (name, rest.strip_prefix('}').ok_or("a { without its }")?)
        }
        None => text.split_at(length(text)),
    };
    if name.is_empty() { Err("a $ without the name of a variable".to_owned()) } else { Ok((name, rest)) }
}

/// The string that a statement of nginx.conf stands for, and its `escape`.
fn unquote(format: &str) -> Result<(String, &str), String> {
    let mut rest = format.trim_matches(['\n', '\r']);
    if let Some(statement) = rest.trim_start().strip_prefix("log_format") {
        let statement = statement.trim_start();
        rest = &statement[statement.find(char::is_whitespace).unwrap_or(statement.len())..];
    }
    let mut escape = "default";
    if let Some(option) = rest.trim_start().strip_prefix("escape=") {
        let end = option.find(char::is_whitespace).unwrap_or(option.len());
        escape = &option[..end];
        rest = &option[end..];
    } else if !rest.trim_start().starts_with('\'') && rest.len() == format.trim_matches(['\n', '\r']).len() {
        return Ok((rest.to_owned(), escape));
    }
    let mut text = String::new();
    let mut pieces = rest.trim().trim_end_matches(';').trim_end();
    while let Some(quote) = pieces.chars().next() {
        if quote != '\'' && quote != '"' {
            text.push_str(pieces);
            break;
        }
        let mut letters = pieces[1..].char_indices();
        loop {
            match letters.next() {
                None => return Err(format!("a {quote} without its end")),
                Some((at, letter)) if letter == quote => {
                    pieces = pieces[at + 2..].trim_start();
                    break;
                }
                Some((_, '\\')) => match letters.next() {
                    Some((_, letter)) if letter == quote || letter == '\\' => text.push(letter),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, letter)) => text.extend(['\\', letter]),
                    None => {}
                },
                Some((_, letter)) => text.push(letter),
            }
        }
    }
    Ok((text, escape))
}

/// Where `literal` first stands in `text`. Values are short, so its first byte is what is searched for.
pub fn find(text: &[u8], literal: &[u8]) -> Option<usize> {
    let (first, rest) = literal.split_first()?;
    let mut from = 0;
    loop {
        let at = from + memchr(*first, &text[from..])?;
        let behind = &text[at + 1..];
        // Most literals are two or three bytes long: no call to compare them.
        let found = match rest {
            [] => true,
            [one] => behind.first() == Some(one),
            [one, two] => behind.first() == Some(one) && behind.get(1) == Some(two),
            _ => behind.starts_with(rest),
        };
        if found {
            return Some(at);
        }
        from = at + 1;
    }
}

/// A list of upstreams holds spaces itself: behind a comma and around a colon. They do not end it.
fn end_of_list(text: &[u8], literal: &[u8]) -> Option<usize> {
    if literal.first() != Some(&b' ') {
        return find(text, literal);
    }
    let mut from = 0;
    loop {
        let at = from + find(&text[from..], literal)?;
        let inside = text[..at].ends_with(b",") || text[..at].ends_with(b" :") || text[at..].starts_with(b" : ");
        if !inside {
            return Some(at);
        }
        from = at + 1;
    }
}

fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(list);
    std::iter::from_fn(move || {
        let text = rest?;
        let ends = [&b", "[..], b" : "].map(|separator| find(text, separator).map(|at| (at, separator.len())));
        let end = ends.into_iter().flatten().min();
        let Some((at, length)) = end else {
            rest = None;
            return Some(text);
        };
        rest = Some(&text[at + length..]);
        Some(&text[..at])
    })
}

/// Where nothing is escaped, a request ends rather behind its protocol.
fn end_of_request(text: &[u8], literal: &[u8]) -> Option<usize> {
    let first = find(text, literal)?;
    let mut at = first;
    loop {
        if value::protocol_at_end(&text[..at]).is_some() {
            return Some(at);
        }
        match find(&text[at + 1..], literal) {
            Some(next) => at += 1 + next,
            None => return Some(first),
        }
    }
}
