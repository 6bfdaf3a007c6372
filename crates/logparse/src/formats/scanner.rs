//! nginx's access log by its `log_format`: literals and variables in turn. A value ends where the next literal begins; no
//! regular expression, no allocation for a line.
//!
//! The invariant: a line that lacks any literal but the last, or has no number where its variable is one, is unparsed.

use std::borrow::Cow;

use logline::{json, lanes};

use crate::clock::Clock;
use crate::formats::value;
use crate::record::{Key, Pen, Record, free_name};

/// The format that nginx has built in.
pub const COMBINED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;
/// How long `dd/Mon/yyyy:HH:MM:SS ±hhmm` is.
const COMMON: usize = 26;
/// The format of the official image's `nginx.conf`.
pub const MAIN: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for""#;
/// The format of the ingress controller.
pub const INGRESS: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id"#;

/// All formats that the ingress controller has had, the newest first: the client's address again in brackets up to version
/// 0.25, no alternative upstream before 0.23, no id of the request before 0.20.
pub fn ingress_formats() -> Vec<String> {
    let mut formats = Vec::new();
    for front in ["", "[$the_real_ip] - "] {
        for upstream in ["[$proxy_alternative_upstream_name] ", ""] {
            for id in [" $req_id", ""] {
                let format = INGRESS.replace("- $remote_user", &format!("- {front}$remote_user"));
                let format = format.replace("[$proxy_alternative_upstream_name] ", upstream);
                formats.push(format.replace(" $req_id", id));
            }
        }
    }
    formats
}

/// What a variable holds, known by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Text,
    /// A list in which a space follows each comma.
    List,
    Number,
    /// One of three clocks; of several the most exact is the record's time, the others are text.
    Common,
    Iso,
    Epoch,
    Request,
    UpstreamText,
    UpstreamNumber,
}

#[derive(Debug)]
struct Step {
    key: Key,
    kind: Kind,
    is_last: bool,
    /// It has no space in it: the client's address.
    is_word: bool,
    /// The literal that ends the value; empty at the end of the line.
    until: Literal,
    /// What is said if the value is not there.
    missing: String,
    /// With what the next value begins, if no literal stands between.
    border: Option<u8>,
}

/// How nginx has written what could be taken for a literal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Escape {
    /// `\xHH`; `-` stands for what is unset.
    Default,
    /// As in JSON; what is unset is empty.
    Json,
    /// Not at all: a value may contain the literal that ends it. What is unset is empty.
    None,
}

/// What stands between two values.
#[derive(Default, Debug)]
struct Literal {
    text: Vec<u8>,
    length: usize,
    /// Its first byte.
    first: u8,
    /// It begins with a quote.
    is_quote: bool,
    /// It begins with what is part of no number.
    is_clear: bool,
    /// The same as a word, where it is not longer than one.
    word: Option<Word>,
}

/// The first bytes of a word that must have a value.
#[derive(Clone, Copy, Debug)]
struct Word {
    value: u64,
    mask: u64,
}

impl Literal {
    fn new(text: &str) -> Self {
        let mut word = None;
        if (1..=8).contains(&text.len()) {
            let mut bytes = [0; 8];
            bytes[..text.len()].copy_from_slice(text.as_bytes());
            word = Some(Word { value: u64::from_le_bytes(bytes), mask: u64::MAX >> (64 - 8 * text.len()) });
        }
        let first = text.bytes().next().unwrap_or_default();
        let is_clear = !text.is_empty() && !b"-.0123456789".contains(&first);
        Self { text: text.into(), length: text.len(), first, is_quote: first == b'"', is_clear, word }
    }

    /// Whether `text` begins with it.
    #[inline]
    fn stands_in(&self, text: &[u8]) -> bool {
        match (text.first_chunk(), self.word) {
            (Some(first), Some(word)) => u64::from_le_bytes(*first) & word.mask == word.value,
            _ => text.starts_with(&self.text),
        }
    }
}

impl Step {
    /// Writes the value that `rest`, of a plain line, begins with; how long it is. `None` if anything is unusual about it.
    #[inline]
    fn put_plain(&self, rest: &[u8], pen: &mut Pen<'_>, clock: &mut Clock) -> Option<usize> {
        if !self.until.is_clear {
            return self.put_found(rest, pen, clock);
        }
        if rest.first() == Some(&b'-') && self.ends_before(&rest[1..]) {
            return Some(1);
        }
        let begin = pen.at();
        let length = match self.kind {
            Kind::Text if self.until.is_quote => pen.text_until(&self.key, rest, [b'"'])?,
            Kind::Text => pen.text_until(&self.key, rest, [self.until.first, b'"'])?,
            Kind::Number => {
                let length = value::canonical_length(rest)?;
                pen.value(&self.key, rest, length);
                length
            }
            Kind::Request if self.until.is_quote => value::put_request(pen, rest)?,
            // Its length is known.
            Kind::Common if rest.get(..COMMON).is_some_and(|stamp| clock.common(stamp, pen.time)) => COMMON,
            _ => return self.put_found(rest, pen, clock),
        };
        if self.ends_before(&rest[length..]) {
            return Some(length);
        }
        pen.go_back(begin);
        if self.kind == Kind::Common {
            pen.time.clear();
        }
        self.put_found(rest, pen, clock)
    }

    /// Whether the literal that ends the value stands at the beginning of `behind`.
    #[inline]
    fn ends_before(&self, behind: &[u8]) -> bool {
        self.until.stands_in(behind) && (!self.is_last || behind.len() == self.until.length)
    }

    /// The same as [`Step::put_plain`] for every kind of value: first it is found, then it is written.
    fn put_found(&self, rest: &[u8], pen: &mut Pen<'_>, clock: &mut Clock) -> Option<usize> {
        let end = self.plain_end(rest)?;
        let value = &rest[..end];
        let is_plain = match self.kind {
            _ if value == b"-" => true,
            Kind::Text | Kind::List | Kind::UpstreamText => {
                pen.text(&self.key, rest, end);
                let is_one = match self.kind {
                    Kind::Text => !self.is_word || !value.contains(&b' '),
                    Kind::UpstreamText => elements(value).nth(1).is_none(),
                    _ => true,
                };
                is_one && self.is_free_of_quotes(value)
            }
            Kind::Number | Kind::UpstreamNumber => {
                pen.value(&self.key, rest, end);
                value::canonical_length(value) == Some(end)
            }
            Kind::Common => clock.common(value, pen.time),
            Kind::Iso => clock.iso(value, pen.time),
            Kind::Epoch => clock.epoch(value, pen.time),
            Kind::Request => value::Request::new(value).put_plain(pen) && self.is_free_of_quotes(value),
        };
        is_plain.then_some(end)
    }

    /// Where the value ends that `rest` begins with. Where a quote ends it, it is the first; the last literal ends the line.
    #[inline]
    fn plain_end(&self, rest: &[u8]) -> Option<usize> {
        if !self.is_last && matches!(self.kind, Kind::UpstreamText | Kind::UpstreamNumber | Kind::List) {
            return end_of_list(rest, &self.until.text);
        }
        if self.until.length == 0 {
            return Some(rest.len());
        }
        let at = lanes::find_any(rest, [self.until.first])?;
        let behind = &rest[at..];
        if self.ends_before(behind) {
            return Some(at);
        }
        if self.until.is_quote || self.is_last { None } else { Some(at + 1 + find(&behind[1..], &self.until.text)?) }
    }

    /// Whether there is no quote in its value: what ends at the first has none.
    #[inline]
    fn is_free_of_quotes(&self, value: &[u8]) -> bool {
        self.until.is_quote || lanes::find_any(value, [b'"']).is_none()
    }

    fn name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.key.name())
    }
}

/// A `log_format`, ready to read lines.
#[derive(Debug)]
pub struct Scanner {
    before: Vec<u8>,
    steps: Vec<Step>,
    escape: Escape,
    /// Its lines may be read the plain way: nothing about it is unusual.
    is_quick: bool,
    /// A variable occurs twice, or the request and a part of it.
    repeats: bool,
    /// Values are decoded from `\xHH`.
    decodes: bool,
}

impl Scanner {
    /// Compiles a `log_format` taken word for word: the string itself, or nginx.conf's quoted pieces with an `escape=` in
    /// front. The error says what was expected.
    pub fn compile(format: &str, decodes: bool) -> Result<Self, String> {
        let (format, escape) = unquote(format)?;
        let mut scanner =
            Self { before: Vec::new(), steps: Vec::new(), escape, is_quick: false, repeats: false, decodes };
        let mut rest = format.as_str();
        while let Some(dollar) = rest.find('$') {
            let literal = &rest[..dollar];
            rest = &rest[dollar + 1..];
            let (name, behind) = variable(rest)?;
            rest = behind;
            if literal.is_empty() && scanner.goes_on_with_arguments(name) {
                scanner.steps.pop();
            }
            scanner.end_last(literal, name)?;
            scanner.steps.push(Step {
                key: key(name)?,
                kind: kind(name),
                is_last: false,
                is_word: name == "remote_addr",
                until: Literal::default(),
                missing: String::new(),
                border: None,
            });
        }
        if scanner.steps.is_empty() {
            return Err(
                "no variable in it: the shell takes $name away inside double quotes, use single quotes".to_owned()
            );
        }
        let tail = rest.to_owned();
        if let Some(last) = scanner.steps.last_mut() {
            last.until = Literal::new(&tail);
            last.is_last = true;
        }
        scanner.repeats = value::repeats(scanner.steps.iter().map(|step| step.key.name()));
        let is_parted = scanner.steps.iter().all(|step| step.border.is_none());
        scanner.is_quick = escape == Escape::Default && !scanner.repeats && is_parted;
        let clock = scanner.steps.iter().map(|step| step.kind).max_by_key(|kind| rank(*kind)).unwrap_or(Kind::Text);
        for step in &mut scanner.steps {
            step.missing = match step.until.length {
                0 => format!("no end of ${}", step.name()),
                _ => match String::from_utf8_lossy(&step.until.text).trim() {
                    "" => format!("no space after ${}", step.name()),
                    literal => format!("no {literal} after ${}", step.name()),
                },
            };
            let is_second_clock = rank(step.kind) > 0 && step.kind != clock;
            // Where no space ends it, a list is a text like others.
            let is_plain_list = step.kind == Kind::List && step.until.first != b' ';
            if is_second_clock || is_plain_list {
                step.kind = Kind::Text;
            }
        }
        Ok(scanner)
    }

    /// Whether `next` is the arguments, and the mark in front of them its last variable: the two are read as one value.
    fn goes_on_with_arguments(&self, next: &str) -> bool {
        matches!(next, "args" | "query_string")
            && self.steps.last().is_some_and(|last| last.key.name() == b"is_args" && self.steps.len() > 1)
    }

    /// Ends the last value before `literal` and the variable `next`.
    fn end_last(&mut self, literal: &str, next: &str) -> Result<(), String> {
        match self.steps.last_mut() {
            None => self.before = literal.into(),
            Some(last) if literal.is_empty() && last.border.is_some() => {}
            Some(last) if literal.is_empty() => {
                last.border = border(&last.name(), next);
                if last.border.is_none() {
                    let last = last.name();
                    return Err(format!("nothing between ${last} and ${next}: where one ends cannot be told"));
                }
            }
            Some(last) => {
                last.border = None;
                last.until = Literal::new(literal);
            }
        }
        Ok(())
    }

    /// Whether an empty value means that there is none.
    pub fn is_empty_unset(&self) -> bool {
        self.escape != Escape::Default
    }

    /// Whether lines of this format are JSON, to be read as such.
    pub fn is_json(&self) -> bool {
        self.before.first() == Some(&b'{')
    }

    /// How much room a pen needs for the fields of a line.
    pub fn room(&self, line: &[u8]) -> usize {
        // A request has three.
        line.len() + (self.steps.len() + 3) * Key::ROOM
    }

    /// Writes the fields of a line of [`value::is_plain`] if it has all literals, no value with a quote in it, and nothing else
    /// unusual. Otherwise false, and what the pen has written counts for nothing. What this reads, [`Scanner::parse`] reads
    /// the same.
    pub fn parse_plain(&self, line: &[u8], pen: &mut Pen<'_>, clock: &mut Clock) -> bool {
        if !self.is_quick {
            return false;
        }
        let before = if self.before.is_empty() { Some(line) } else { line.strip_prefix(&*self.before) };
        let Some(mut rest) = before else { return false };
        for step in &self.steps {
            let Some(length) = step.put_plain(rest, pen, clock) else { return false };
            rest = &rest[length + step.until.length..];
        }
        true
    }

    /// Reads `line` into `record`, or says why it cannot.
    pub fn parse<'s>(&'s self, line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'s, str>> {
        let Some(mut rest) = line.strip_prefix(&*self.before) else {
            return Err("does not begin like the format".into());
        };
        if self.repeats {
            record.may_repeat();
        }
        let mut at = 0;
        while at < self.steps.len() {
            let last = at + self.steps[at..].iter().take_while(|step| step.border.is_some()).count();
            let step = &self.steps[last];
            let end = self.end(step, rest).ok_or(step.missing.as_str())?;
            self.put_all(&self.steps[at..=last], &rest[..end], record, clock)?;
            rest = rest.get(end + step.until.length..).unwrap_or_default();
            at = last + 1;
        }
        Ok(())
    }

    /// Where the value of `step` ends that `rest` begins with.
    fn end(&self, step: &Step, rest: &[u8]) -> Option<usize> {
        let until = &*step.until.text;
        if step.is_last {
            // Where the line was cut inside it, its final literal is missing.
            return Some(rest.strip_suffix(until).unwrap_or(rest).len());
        }
        match (step.kind, self.escape) {
            (Kind::UpstreamText | Kind::UpstreamNumber | Kind::List, _) => end_of_list(rest, until),
            (Kind::Request, Escape::None) => end_of_request(rest, until),
            (Kind::Text, Escape::None) => self.end_from_the_right(rest, step),
            (_, Escape::Json) if step.until.is_quote => end_of_json(rest, until),
            _ => find(rest, until),
        }
    }

    /// Puts the values of steps between which nothing stands, each but the last ending where the next begins.
    fn put_all<'s>(
        &self,
        steps: &'s [Step],
        text: &[u8],
        record: &mut Record,
        clock: &mut Clock,
    ) -> Result<(), Cow<'s, str>> {
        let mut rest = text;
        for step in steps {
            let end = match step.border {
                None => rest.len(),
                Some(first) => match value::border(rest, first) {
                    Some(end) => end,
                    // The target of the request is no path, or the next is unset.
                    None if rest.ends_with(b"*") && first == b'/' => rest.len() - 1,
                    None if self.escape != Escape::Default => rest.len(),
                    None if rest.ends_with(b"-") => rest.len() - 1,
                    None => return Err(step.missing.as_str().into()),
                },
            };
            self.put(step, &rest[..end], record, clock)?;
            rest = &rest[end..];
            if step.border == Some(b'?') {
                rest = rest.strip_prefix(b"?").unwrap_or(rest);
            }
        }
        Ok(())
    }

    /// In `escape=none` a text may hold its literal: what follows it, having as many literals to come, is found from the
    /// end of the line.
    fn end_from_the_right(&self, rest: &[u8], step: &Step) -> Option<usize> {
        let at = self.steps.iter().position(|other| std::ptr::eq(other, step))?;
        let mut end = rest.strip_suffix(&*self.steps.last()?.until.text).unwrap_or(rest).len();
        for later in self.steps[at..self.steps.len() - 1].iter().rev() {
            if later.kind == Kind::Request {
                return find(rest, &step.until.text);
            }
            end = memchr::memmem::rfind(&rest[..end], &later.until.text)?;
        }
        // Before another text nobody can tell: the first is as good as any.
        let text_follows = self.steps[at + 1..].iter().any(|later| later.kind == Kind::Text);
        if text_follows { find(rest, &step.until.text) } else { Some(end) }
    }

    fn put<'s>(
        &self,
        step: &'s Step,
        value: &[u8],
        record: &mut Record,
        clock: &mut Clock,
    ) -> Result<(), Cow<'s, str>> {
        let is_unset = value == b"-" || (self.escape != Escape::Default && value.is_empty());
        let wrong = || Err(format!("${} is not what it should be", step.name()).into());
        match step.kind {
            _ if is_unset => {}
            Kind::Text if step.is_word && value.contains(&b' ') => return wrong(),
            Kind::Text | Kind::List => self.write(record.keyed(&step.key), value),
            Kind::Number => {
                if !value::is_number(value) {
                    return wrong();
                }
                value::number(record.keyed(&step.key), value);
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
            Kind::Request => {
                value::Request::new(value).put(record, |out, part| self.write(out, part));
            }
            Kind::UpstreamText | Kind::UpstreamNumber => {
                let numbers = step.kind == Kind::UpstreamNumber;
                if numbers && !elements(value).all(|element| element == b"-" || value::is_number(element)) {
                    return wrong();
                }
                self.put_list(record.keyed(&step.key), value, numbers);
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
                _ => self.write(out, element),
            }
        }
        if several {
            out.push(b']');
        }
    }

    /// Writes a value as a JSON string, decoded by the rule of the format's escape.
    fn write(&self, out: &mut Vec<u8>, value: &[u8]) {
        match self.escape {
            Escape::Json if self.decodes => {
                json::write_string(out, &json::unescape_inner(value).unwrap_or(Cow::Borrowed(value)));
            }
            escape => value::decoded(out, value, self.decodes && escape == Escape::Default),
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
        "http_x_forwarded_for" | "proxy_add_x_forwarded_for" => Kind::List,
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

/// The key of a variable. One that a map has defined may have a name that records use themselves.
fn key(name: &str) -> Result<Key, String> {
    if name.len() >= Key::LONGEST {
        return Err(format!("${name}: a name of {} letters or more", Key::LONGEST));
    }
    Ok(Key::new(&free_name(name)))
}

/// With what the value of `next` begins, if that never occurs in the value of `last`, which stands directly in front of it.
fn border(last: &str, next: &str) -> Option<u8> {
    let is_name = matches!(
        last,
        "host"
            | "http_host"
            | "server_name"
            | "proxy_host"
            | "hostname"
            | "request_method"
            | "remote_addr"
            | "server_addr"
            | "status"
            | "scheme"
            | "server_port"
            | "remote_port"
    );
    match next {
        "request_uri" | "uri" | "document_uri" if is_name => Some(b'/'),
        "is_args" if matches!(last, "uri" | "document_uri") => Some(b'?'),
        _ => None,
    }
}

/// The names of the variables in a `log_format`.
pub fn variables(format: &str) -> Result<Vec<String>, String> {
    let (format, _) = unquote(format)?;
    let mut names = Vec::new();
    let mut rest = format.as_str();
    while let Some(dollar) = rest.find('$') {
        let (name, behind) = variable(&rest[dollar + 1..])?;
        names.push(name.to_owned());
        rest = behind;
    }
    Ok(names)
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
fn unquote(format: &str) -> Result<(String, Escape), String> {
    let mut rest = format.trim_matches(['\n', '\r']);
    if let Some(statement) = rest.trim_start().strip_prefix("log_format") {
        let statement = statement.trim_start();
        rest = &statement[statement.find(char::is_whitespace).unwrap_or(statement.len())..];
    }
    let mut escape = Escape::Default;
    if let Some(option) = rest.trim_start().strip_prefix("escape=") {
        let end = option.find(char::is_whitespace).unwrap_or(option.len());
        escape = match &option[..end] {
            "default" => Escape::Default,
            "json" => Escape::Json,
            "none" => Escape::None,
            other => return Err(format!("escape={other}: expected default, json or none")),
        };
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

/// Where `literal` first stands in `text`.
pub fn find(text: &[u8], literal: &[u8]) -> Option<usize> {
    let (first, rest) = literal.split_first()?;
    let mut from = 0;
    loop {
        let at = from + lanes::find_any(&text[from..], [*first])?;
        if text[at + 1..].starts_with(rest) {
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

/// Where `literal`, which begins with a quote, stands in a text escaped as in JSON: its quote is not escaped itself.
fn end_of_json(text: &[u8], literal: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + find(&text[from..], literal)?;
        let backslashes = text[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        if backslashes % 2 == 0 {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::record::{Head, Selection};
    use logline::time::Zone;

    const LINE: &str = r#"192.0.2.1 - - [10/Oct/2025:13:55:36 +0200] "GET /a?b HTTP/1.1" 200 37 "-" "agent 1.0""#;

    /// The record that is made of `line` with `read`, if it could be read.
    fn made(line: &[u8], read: impl Fn(&mut Record, &mut Clock) -> bool) -> Option<String> {
        let (mut record, mut out) = (Record::default(), Vec::new());
        if !read(&mut record, &mut Clock::new(Zone::Fixed(0))) {
            return None;
        }
        record.write(&mut out, &Head::default(), &Selection::default(), None);
        Some(String::from_utf8(out).unwrap_or_else(|error| panic!("{error}: {}", line.escape_ascii())))
    }

    fn parsed(format: &str, line: &str) -> Option<String> {
        let scanner = Scanner::compile(format, true).unwrap();
        made(line.as_bytes(), |record, clock| scanner.parse(line.as_bytes(), record, clock).is_ok())
    }

    #[test]
    fn what_is_read_the_plain_way_is_read_the_same_in_the_other() {
        let formats =
            [COMBINED, MAIN, INGRESS, "$request_time|$request|$upstream_addr|$upstream_status|", "[$msec] $a]"];
        let lines = [
            LINE,
            r#"::1 - bob [07/Feb/2025:11:48:51 +0000] "POST /p HTTP/2.0" 200 59 "http://a/" "c" 89 0.001 [a-b-80] [] 10.0.0.1:80 2 0.000 200 8f0"#,
            "0.005|GET / HTTP/1.1|127.0.0.1:80, 127.0.0.1:81|502, 200|",
            "1|GET /|-|-|",
            "[1760104536.123] x]",
        ];
        let mut seed: u64 = 1;
        let mut roll = |sides: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % sides
        };
        let mut plain = 0;
        for round in 0..40_000 {
            let mut line = lines[round % lines.len()].as_bytes().to_vec();
            for _ in 0..roll(4) {
                let at = roll(line.len() + 1);
                let other = lines[roll(lines.len())].as_bytes();
                match roll(4) {
                    0 => line.truncate(at),
                    1 => line.insert(at, b" \"-[]|,:0A\\\\"[roll(12)]),
                    2 => drop(line.splice(at..at, other[roll(other.len())..].iter().copied())),
                    _ if at < line.len() => drop(line.remove(at)),
                    _ => {}
                }
            }
            for format in formats {
                let scanner = Scanner::compile(format, true).unwrap();
                if value::is_plain(&line)
                    && let Some(quick) = made(&line, |record, clock| {
                        record.put_plain(scanner.room(&line), |pen| scanner.parse_plain(&line, pen, clock))
                    })
                {
                    let slow = made(&line, |record, clock| scanner.parse(&line, record, clock).is_ok());
                    assert_eq!(Some(quick), slow, "{format}: {}", line.escape_ascii());
                    plain += 1;
                }
            }
        }
        assert!(plain > 5000, "{plain} lines say too little");
    }

    #[test]
    fn a_variable_that_occurs_twice_makes_one_key() {
        let record = parsed("$status $request_method \"$request\" $status", "200 GET \"GET / HTTP/1.1\" 200").unwrap();
        assert_eq!(record.matches("\"status\"").count(), 1, "{record}");
        assert_eq!(record.matches("\"request_method\"").count(), 1, "{record}");
    }

    #[test]
    fn a_variable_cannot_take_the_place_of_a_key_that_records_have() {
        let record = parsed("$_pos $time $message", "1 2 3").unwrap();
        assert_eq!(record, "{\"_pos_\":\"1\",\"time_\":\"2\",\"message_\":\"3\"}\n");
    }

    #[test]
    fn a_literal_of_any_length_ends_a_value() {
        for literal in [";", " - ", "12345678", "123456789", " a long one "] {
            let line = format!("a{literal}b{literal}");
            let record = parsed(&format!("${{x}}{literal}${{y}}{literal}"), &line).unwrap();
            assert_eq!(record, "{\"x\":\"a\",\"y\":\"b\"}\n");
        }
    }
}
