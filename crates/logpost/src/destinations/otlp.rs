//! OpenTelemetry's protocol over HTTP, in JSON: what its collector takes, and Loki at `/otlp`.
//!
//! | answer | means |
//! |---|---|
//! | 200, 202 with an object | stored, less `partialSuccess.rejectedLogRecords`, which are never to be sent again |
//! | 200, 202 without a body; 204 | stored (204: Loki) |
//! | 400 `request body too large` | what others say with 413 |
//! | 429, 502, 503, 504 | again |
//! | 500 | the specification wants the data dropped: hold |

use std::borrow::Cow;
use std::collections::HashSet;

use logline::json::{Member, member, members, unescape, unescape_inner, write_string};
use logline::level::Level;
use logline::position::write_decimal;
use memchr::memmem;

use crate::batch::Batch;
use crate::destinations::{Destination, LeftOut, Sent, Settings, ending_in};
use crate::document::{Fields, Shape, Stamp, text};
use crate::outcome::{Answer, Outcome, Outcomes, Taken, from_status, reason, unexpected};

const PATH: &str = "/v1/logs";
const FILE: &[u8] = b"log.file.path";
const MESSAGE: &str = "message";
/// The names under which applications write ids, those of the protocol, and how many hexadecimal digits an id has.
const IDS: [(&str, &str, usize); 2] = [("trace_id", "traceId", 32), ("span_id", "spanId", 16)];

/// A server that speaks OTLP over HTTP.
#[derive(Debug)]
pub struct Otlp {
    /// Everything in front of the records, and behind them.
    head: Vec<u8>,
    added: Vec<(String, String)>,
    /// The same as attributes, each behind its comma.
    added_text: Vec<u8>,
}

/// What the records of a request have in common, and memory that they use one after the other.
struct Writer<'a> {
    read_at: Stamp,
    /// `"observedTimeUnixNano":"…"`
    observed: Vec<u8>,
    fields: Fields<'a>,
    names: Names<'a>,
    forms: Forms,
}

/// How records are written of the shapes that have come last.
#[derive(Default)]
struct Forms {
    known: Vec<(Shape, Form)>,
    /// Which of them was asked for last.
    last: usize,
}

/// No more shapes are known at a time.
const MOST_FORMS: usize = 8;

/// How a record of some shape is written.
struct Form {
    /// Which members are the ids of [`IDS`].
    ids: [Option<usize>; 2],
    /// Which one is called [`MESSAGE`].
    message: Option<usize>,
    /// How its members become attributes, in their order. `None` where two attributes may have the same name.
    attributes: Option<Vec<Attribute>>,
}

/// How a member becomes an attribute.
struct Attribute {
    /// The number of the member.
    at: usize,
    /// What stands in front of a text: `,{"key":"host","value":{"stringValue":`.
    text: Vec<u8>,
    /// The same for a number: `,{"key":"host","value":{"intValue":"`.
    number: Vec<u8>,
}

/// How a value begins that is a text.
const TEXT: &[u8] = b"{\"stringValue\":";
/// Or a whole number.
const NUMBER: &[u8] = b"{\"intValue\":\"";

const TAIL: &[u8] = b"]}]}]}";

impl Otlp {
    /// With these attributes of the resource and of every record.
    pub fn new(settings: &Settings) -> Self {
        let mut head = b"{\"resourceLogs\":[{\"resource\":{\"attributes\":[".to_vec();
        for (nth, (name, value)) in settings.labels.iter().enumerate() {
            if nth > 0 {
                head.push(b',');
            }
            write_text(&mut head, name.as_bytes(), value.as_bytes());
        }
        head.extend_from_slice(b"]},\"scopeLogs\":[{\"scope\":{\"name\":\"logpost\"},\"logRecords\":[");
        let mut added_text = Vec::new();
        for (name, value) in &settings.added {
            added_text.push(b',');
            write_text(&mut added_text, name.as_bytes(), value.as_bytes());
        }
        Self { head, added: settings.added.clone(), added_text }
    }

    fn write_record<'a>(&'a self, out: &mut Vec<u8>, writer: &mut Writer<'a>) {
        let Writer { read_at, observed, fields, names, forms } = writer;
        let new_form;
        let form = match fields.shape() {
            Some(shape) => forms.get(shape, || Form::new(self, fields)),
            None => {
                new_form = Form::of_unknown(fields);
                &new_form
            }
        };
        // The member `message` may be no text but an object, an array or a number.
        let structured =
            if fields.has_message() { None } else { fields.at(form.message).filter(|raw| *raw != b"null") };
        if structured.is_none() {
            fields.say_request();
        }
        let time = fields.time.as_ref().unwrap_or(read_at);
        let nanosecond = nanosecond(time);
        out.push(b'{');
        if let Some(nanosecond) = nanosecond {
            out.extend_from_slice(b"\"timeUnixNano\":\"");
            write_decimal(out, nanosecond);
            out.extend_from_slice(b"\",");
        }
        out.extend_from_slice(observed);
        let level = fields.level.and_then(|raw| if raw[0] == b'"' { unescape(raw) } else { Some(raw.into()) });
        if let Some(level) = &level {
            // There is a number for what loggers call fatal, above those of syslog's critical and alert.
            let number = if level.eq_ignore_ascii_case(b"fatal") { Some(21) } else { fields.known_level.map(severity) };
            if let Some(number) = number {
                out.extend_from_slice(b",\"severityNumber\":");
                write_decimal(out, number);
            }
            out.extend_from_slice(b",\"severityText\":");
            write_string(out, level);
        }
        if let Some(message) = structured {
            out.extend_from_slice(b",\"body\":");
            write_value(out, message);
        } else if fields.has_message() {
            out.extend_from_slice(b",\"body\":{\"stringValue\":");
            fields.write_message(out);
            out.push(b'}');
        }
        let mut told = [structured.and(form.message), None, None];
        for (nth, (_, name, length)) in IDS.iter().enumerate() {
            let place = form.ids[nth];
            if let Some(id) = fields.at(place).and_then(|raw| id(raw, *length)) {
                out.extend_from_slice(b",\"");
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"\":\"");
                out.extend_from_slice(&id);
                out.push(b'"');
                told[nth + 1] = place;
            }
        }
        out.extend_from_slice(b",\"attributes\":");
        match &form.attributes {
            Some(attributes) if nanosecond.is_some() && !fields.flags().iter().any(|(is_set, _)| *is_set) => {
                self.write_attributes(out, fields, attributes, told);
            }
            _ => self.write_any_attributes(out, fields, time, names, told, level.is_some()),
        }
        out.extend_from_slice(b"]}");
    }

    /// Writes all attributes, and the bracket in front of them, of a record whose time is told elsewhere and whose tag has no flags.
    fn write_attributes(
        &self,
        out: &mut Vec<u8>,
        fields: &Fields<'_>,
        attributes: &[Attribute],
        told: [Option<usize>; 3],
    ) {
        let start = out.len();
        if let Some(raw) = fields.raw_file() {
            out.extend_from_slice(b",{\"key\":\"log.file.path\",\"value\":{\"stringValue\":");
            out.extend_from_slice(raw);
            out.extend_from_slice(b"}}");
        } else if let Some(file) = fields.file() {
            out.push(b',');
            write_text(out, FILE, &file);
        }
        out.extend_from_slice(&self.added_text);
        let are_told = told.iter().any(Option::is_some);
        for attribute in attributes {
            let raw = fields.members()[attribute.at].value;
            if raw != b"null" && !(are_told && told.contains(&Some(attribute.at))) {
                attribute.write(out, raw);
            }
        }
        // Each stands behind a comma, in whose place the first one has the bracket.
        match out.get_mut(start) {
            Some(first) => *first = b'[',
            None => out.push(b'['),
        }
    }

    /// The same of any record.
    fn write_any_attributes<'a>(
        &'a self,
        out: &mut Vec<u8>,
        fields: &Fields<'a>,
        time: &Stamp,
        names: &mut Names<'a>,
        told: [Option<usize>; 3],
        without_level: bool,
    ) {
        out.push(b'[');
        let mut attributes = Attributes { start: out.len(), out, names };
        self.write_own(&mut attributes, fields, time);
        let told = told.map(|place| Some(name_of(fields.members().get(place?)?, fields.has_escapes())));
        let is_told = |name: &[u8]| told.iter().flatten().any(|told| **told == *name);
        let members = || fields.rest(without_level).map(|(_, member)| member);
        if !members().all(|member| attributes.add_new(member, name_of(member, fields.has_escapes()), is_told)) {
            // A name is there twice.
            self.write_own(&mut attributes, fields, time);
            last_of_each(members(), |member, name| {
                if member.value != b"null" && !is_told(&name) {
                    attributes.add(member.key, name, member.value);
                }
            });
        }
    }

    /// Writes the attributes that are no members of the record, in place of any that are there.
    fn write_own<'a>(&'a self, attributes: &mut Attributes<'_, 'a>, fields: &Fields<'a>, time: &Stamp) {
        attributes.clear();
        if let Some(raw) = fields.raw_file() {
            attributes.add(FILE, FILE.into(), raw);
        } else if let Some(file) = fields.file() {
            attributes.add_text(FILE, &file);
        }
        for (name, value) in &self.added {
            attributes.add_text(name.as_bytes(), value.as_bytes());
        }
        for (is_set, name) in fields.flags() {
            if is_set {
                attributes.add(name, name.into(), b"true");
            }
        }
        if nanosecond(time).is_none() {
            attributes.add_text(b"time", time.text().as_bytes());
        }
    }
}

impl Forms {
    /// The form of a shape; `make` makes it if it is not known.
    fn get(&mut self, shape: Shape, make: impl FnOnce() -> Form) -> &Form {
        if self.known.get(self.last).is_none_or(|(known, _)| *known != shape) {
            self.last = self.known.iter().position(|(known, _)| *known == shape).unwrap_or_else(|| {
                if self.known.len() == MOST_FORMS {
                    self.known.clear();
                }
                self.known.push((shape, make()));
                self.known.len() - 1
            });
        }
        &self.known[self.last].1
    }
}

impl Form {
    /// Of the shape that a record with these fields has.
    fn new(otlp: &Otlp, fields: &Fields<'_>) -> Self {
        let mut names = Names::default();
        names.add(FILE.into());
        otlp.added.iter().for_each(|(name, _)| names.add(name.as_bytes().into()));
        let attribute = |(at, member): (usize, &Member<'_>)| {
            let name = name_of(member, fields.has_escapes()).into_owned();
            let is_new = !names.has(&name);
            names.add(name.into());
            let head = |value| [b",{\"key\":\"", member.key, b"\",\"value\":", value].concat();
            is_new.then(|| Attribute { at, text: head(TEXT), number: head(NUMBER) })
        };
        Self { attributes: fields.rest(fields.level.is_some()).map(attribute).collect(), ..Self::of_unknown(fields) }
    }

    /// Of this record alone, whose attributes are written as those of any record.
    fn of_unknown(fields: &Fields<'_>) -> Self {
        Self { ids: IDS.map(|(key, ..)| fields.place(key)), message: fields.place(MESSAGE), attributes: None }
    }
}

impl Attribute {
    fn write(&self, out: &mut Vec<u8>, raw: &[u8]) {
        if raw.first() == Some(&b'"') {
            out.extend_from_slice(&self.text);
            out.extend_from_slice(raw);
            out.extend_from_slice(b"}}");
        } else if is_short_integer(raw) {
            out.extend_from_slice(&self.number);
            out.extend_from_slice(raw);
            out.extend_from_slice(b"\"}}");
        } else {
            out.extend_from_slice(&self.text[..self.text.len() - TEXT.len()]);
            write_value(out, raw);
            out.push(b'}');
        }
    }
}

/// The name of a member.
fn name_of<'a>(member: &Member<'a>, has_escapes: bool) -> Cow<'a, [u8]> {
    if has_escapes { unescape_inner(member.key).unwrap_or_default() } else { member.key.into() }
}

/// Attributes on their way, of which no two have the same name.
struct Attributes<'o, 'a> {
    out: &'o mut Vec<u8>,
    start: usize,
    names: &'o mut Names<'a>,
}

impl<'a> Attributes<'_, 'a> {
    fn clear(&mut self) {
        self.out.truncate(self.start);
        self.names.clear();
    }

    /// Adds a member by its name, unless it is null or `is_told` elsewhere. False, and nothing is added, if that is there.
    fn add_new(&mut self, member: &Member<'a>, name: Cow<'a, [u8]>, is_told: impl Fn(&[u8]) -> bool) -> bool {
        if self.names.has(&name) {
            return false;
        }
        if member.value != b"null" && !is_told(&name) {
            separate(self.out, self.start);
            write_attribute(self.out, member.key, 0, member.value);
        }
        self.names.add(name);
        true
    }

    /// Adds one with a raw JSON value; `key` is the name as it stands in JSON. A name that is there gets underscores at its
    /// end.
    fn add(&mut self, key: &[u8], name: Cow<'a, [u8]>, raw: &[u8]) {
        separate(self.out, self.start);
        let length = name.len();
        let name = self.own_name(name);
        write_attribute(self.out, key, name.len() - length, raw);
        self.names.add(name);
    }

    fn add_text(&mut self, name: &'a [u8], text: &[u8]) {
        separate(self.out, self.start);
        let name = self.own_name(name.into());
        write_text(self.out, &name, text);
        self.names.add(name);
    }

    fn own_name(&self, mut name: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
        while self.names.has(&name) {
            name.to_mut().push(b'_');
        }
        name
    }
}

/// Names that have come, any number of them.
#[derive(Default)]
struct Names<'a> {
    few: Vec<Cow<'a, [u8]>>,
    /// One of 64 classes of names for each bit: of the few, most are not of the class of another.
    classes: u64,
    /// All of them, where they are not few.
    many: HashSet<Cow<'a, [u8]>>,
}

/// The number of names up to which a list finds one sooner than a set.
const FEW: usize = 32;

impl<'a> Names<'a> {
    fn class(name: &[u8]) -> u64 {
        1 << ((usize::from(name.first().copied().unwrap_or(0)) + 5 * name.len()) % 64)
    }

    fn clear(&mut self) {
        self.few.clear();
        self.classes = 0;
        self.many.clear();
    }

    fn has(&self, name: &[u8]) -> bool {
        if !self.many.is_empty() {
            return self.many.contains(name);
        }
        self.classes & Self::class(name) != 0 && self.few.iter().any(|known| **known == *name)
    }

    fn add(&mut self, name: Cow<'a, [u8]>) {
        if self.many.is_empty() && self.few.len() < FEW {
            self.classes |= Self::class(&name);
            return self.few.push(name);
        }
        self.many.extend(self.few.drain(..));
        self.many.insert(name);
    }
}

/// Gives the members, in their order and with their names, to `see`; of equal names the last alone counts.
fn last_of_each<'a, 'm>(
    members: impl DoubleEndedIterator<Item = &'m Member<'a>>,
    mut see: impl FnMut(&'m Member<'a>, Cow<'a, [u8]>),
) where
    'a: 'm,
{
    let name = |member: &Member<'a>| unescape_inner(member.key).unwrap_or_default();
    let mut names = Names::default();
    let mut lasts = Vec::new();
    for member in members.rev() {
        if !names.has(&name(member)) {
            names.add(name(member));
            lasts.push(member);
        }
    }
    lasts.into_iter().rev().for_each(|member| see(member, name(member)));
}

impl Destination for Otlp {
    fn path(&self, path: &str) -> String {
        ending_in(PATH, path)
    }

    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn write(&self, batch: &Batch, records: &[usize], out: &mut Vec<u8>) -> Vec<LeftOut> {
        let read_at = Stamp::of_reading(&batch.read_at);
        let observed = format!("\"observedTimeUnixNano\":\"{}\"", nanosecond(&read_at).unwrap_or(0)).into_bytes();
        let mut writer =
            Writer { read_at, observed, fields: Fields::default(), names: Names::default(), forms: Forms::default() };
        out.extend_from_slice(&self.head);
        let start = out.len();
        for record in records {
            separate(out, start);
            batch.read_fields(*record, &mut writer.fields);
            self.write_record(out, &mut writer);
        }
        out.extend_from_slice(TAIL);
        Vec::new()
    }

    fn read(&mut self, answer: &Answer, sent: &Sent<'_>) -> Outcomes {
        let Answer { status, body, .. } = answer;
        let reason = reason(*status, body);
        Outcomes::All(match status {
            200 | 202 if body.is_empty() => Outcome::Delivered,
            200 | 202 if logline::json::is_valid_object(body.trim_ascii()) => {
                return rejected(body.trim_ascii(), *status, sent.count());
            }
            204 => Outcome::Delivered,
            400 if memmem::find(body, b"too large").is_some() => Outcome::TooLarge(reason),
            500 => Outcome::Hold(reason),
            _ => from_status(*status, body)
                .unwrap_or_else(|| Outcome::Hold(unexpected(*status, "not OpenTelemetry's answer", body))),
        })
    }
}

/// What a success says of records that are not stored. The specification's JSON has names in camel case; its readers are to
/// take those of protobuf too.
fn rejected(body: &[u8], status: u16, count: usize) -> Outcomes {
    let either = |object, name, other| member(object, name).or_else(|| member(object, other));
    let partial = either(body, "partialSuccess", "partial_success").filter(|raw| *raw != b"null").unwrap_or(b"{}");
    let rejected = either(partial, "rejectedLogRecords", "rejected_log_records");
    let message = either(partial, "errorMessage", "error_message").and_then(unescape).unwrap_or_default();
    let message = String::from_utf8_lossy(&message).into_owned();
    match rejected.map_or(Some(0), count_of) {
        Some(0) if message.is_empty() => Outcomes::All(Outcome::Delivered),
        Some(rejected) if rejected < count => {
            let words =
                if rejected > 0 { format!("rejected: {message}") } else { format!("the server says: {message}") };
            Outcomes::Taken(Taken { unnamed: rejected, words, ..Taken::default() })
        }
        Some(_) => Outcomes::All(Outcome::Refused(format!("rejected: {message}"))),
        None => Outcomes::All(Outcome::Hold(unexpected(status, "no number of rejected records", body))),
    }
}

/// A count: a number of 64 bits is a string in this JSON, and `1.0` and `1e0` are whole numbers there.
fn count_of(raw: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(raw).ok()?.trim_matches('"');
    if text == "null" {
        return Some(0);
    }
    text.strip_suffix(".0").or_else(|| text.strip_suffix("e0")).unwrap_or(text).parse().ok()
}

fn separate(out: &mut Vec<u8>, start: usize) {
    if out.len() > start {
        out.push(b',');
    }
}

fn write_text(out: &mut Vec<u8>, key: &[u8], text: &[u8]) {
    out.extend_from_slice(b"{\"key\":");
    write_string(out, key);
    out.extend_from_slice(b",\"value\":{\"stringValue\":");
    write_string(out, text);
    out.extend_from_slice(b"}}");
}

/// Appends an attribute whose name is `key`, as it stands in JSON, followed by `underscores` underscores.
fn write_attribute(out: &mut Vec<u8>, key: &[u8], underscores: usize, raw: &[u8]) {
    out.extend_from_slice(b"{\"key\":\"");
    out.extend_from_slice(key);
    if underscores > 0 {
        out.resize(out.len() + underscores, b'_');
    }
    out.extend_from_slice(b"\",\"value\":");
    write_value(out, raw);
    out.push(b'}');
}

/// A raw JSON value as the protocol's own.
fn write_value(out: &mut Vec<u8>, raw: &[u8]) {
    match raw.first() {
        Some(b'"') => {
            out.extend_from_slice(TEXT);
            out.extend_from_slice(raw);
            out.push(b'}');
        }
        // Most numbers are these.
        _ if is_short_integer(raw) => {
            out.extend_from_slice(NUMBER);
            out.extend_from_slice(raw);
            out.extend_from_slice(b"\"}");
        }
        Some(b't' | b'f') => wrap(out, "boolValue", raw),
        Some(b'{') => write_object(out, raw),
        Some(b'[') => write_array(out, raw),
        Some(b'n') => out.extend_from_slice(b"{}"),
        _ => write_number(out, raw),
    }
}

fn wrap(out: &mut Vec<u8>, kind: &str, raw: &[u8]) {
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\":");
    out.extend_from_slice(raw);
    out.push(b'}');
}

/// Whole numbers of 64 bits are strings there. What a double cannot hold, be it too large or a whole number with more digits
/// than it has, is text.
fn write_number(out: &mut Vec<u8>, raw: &[u8]) {
    let quoted = || [b"\"", raw, b"\""].concat();
    let text = std::str::from_utf8(raw).unwrap_or_default();
    if text.parse::<i64>().is_ok() {
        return wrap(out, "intValue", &quoted());
    }
    let is_whole = !text.contains(['.', 'e', 'E']);
    let holds = |number: f64| number.is_finite() && (!is_whole || format!("{number:.0}") == text);
    match text.parse::<f64>() {
        Ok(number) if holds(number) => wrap(out, "doubleValue", raw),
        _ => wrap(out, "stringValue", &quoted()),
    }
}

/// Whether a number is whole, and surely one of 64 bits.
fn is_short_integer(raw: &[u8]) -> bool {
    raw.len() <= 18 && raw.iter().all(u8::is_ascii_digit)
}

fn write_object(out: &mut Vec<u8>, raw: &[u8]) {
    out.extend_from_slice(b"{\"kvlistValue\":{\"values\":[");
    let start = out.len();
    let members: Vec<_> = members(raw).map_while(Result::ok).collect();
    last_of_each(members.iter(), |member, _| {
        separate(out, start);
        write_attribute(out, member.key, 0, member.value);
    });
    out.extend_from_slice(b"]}}");
}

fn write_array(out: &mut Vec<u8>, raw: &[u8]) {
    out.extend_from_slice(b"{\"arrayValue\":{\"values\":[");
    let start = out.len();
    let mut rest = raw[1..raw.len() - 1].trim_ascii();
    while let Some(length) = logline::json::value_length(rest) {
        separate(out, start);
        write_value(out, &rest[..length]);
        let behind = rest[length..].trim_ascii_start();
        rest = behind.strip_prefix(b",").unwrap_or_default().trim_ascii_start();
    }
    out.extend_from_slice(b"]}}");
}

/// The hexadecimal digits of an id, if the raw value is one: that of zeros alone stands for none.
fn id(raw: &[u8], length: usize) -> Option<Cow<'_, [u8]>> {
    let is_id =
        |id: &[u8]| id.len() == length && id.iter().all(u8::is_ascii_hexdigit) && id.iter().any(|digit| *digit != b'0');
    text(raw).filter(|id| is_id(id))
}

/// Nanoseconds since the epoch; `None` before it and beyond the year 2554, for they have 64 bits and no sign.
fn nanosecond(time: &Stamp) -> Option<u64> {
    u64::try_from(time.nanoseconds()).ok()
}

/// The numbers that the specification gives to the levels of syslog and of loggers.
fn severity(level: Level) -> u64 {
    match level {
        Level::Trace => 1,
        Level::Debug => 5,
        Level::Info => 9,
        Level::Notice => 10,
        Level::Warn => 13,
        Level::Error => 17,
        Level::Crit => 18,
        Level::Alert => 19,
        Level::Emerg => 21,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::batch::tests::batch;
    use crate::destinations::tests::{pairs, read};
    use logline::position::Position;
    use serde_json::{Value, json};

    fn destination() -> Otlp {
        Otlp::new(&Settings::default())
    }

    fn written(destination: &Otlp, lines: &[&str]) -> Value {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        let batch = batch(&lines);
        let mut out = Vec::new();
        let all: Vec<usize> = (0..batch.len()).collect();
        assert!(destination.write(&batch, &all, &mut out).is_empty());
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn attributes_by_the_form_of_their_record_are_those_of_any_record() {
        let head = r#""_pos":"3f2a00c4d1e0b7a9:16-32","_file":"/a","time":"2025-10-10T13:55:36Z""#;
        let otlp = Otlp::new(&Settings { added: pairs(&["env=\"prod\"", "b=c"]), ..Settings::default() });
        let mut forms = Forms::default();
        let mut fields = Fields::default();
        let ids = r#""trace_id":"5b8efff798038103d269b633813fc60c","span_id":"0000000000000000""#;
        for (members, has_form) in [
            ("", true),
            (r#","status":200,"uri":"/""#, true),
            (r#","status":"x","uri":null"#, true),
            (r#","level":"info","message":"m","took":0.5,"ok":true"#, true),
            (r#","level":"info","message":{"a":[1,{}]},"took":1e400"#, true),
            (r#","level":{"a":1},"message":null"#, true),
            (&format!(",{ids}"), true),
            (&format!(r#",{ids},"trace\u005fid":1"#), false),
            (r#","a\"b":"é\n","\u0063":-1"#, true),
            (r#","c":1,"\u0063":2"#, false),
            (r#","env":"x""#, false),
            (r#","log.file.path":null"#, false),
        ] {
            for text in
                [format!("{{{head}{members}}}"), format!("{{ {head}{members}}}"), format!("{{\"x\":1{members}}}")]
            {
                let text: &[u8] = text.leak().as_bytes();
                fields.read(text, None, Position::parse(b"3f2a00c4d1e0b7a9:16-32"));
                let new_form = Form::new(&otlp, &fields);
                let form = fields.shape().map_or(&new_form, |shape| forms.get(shape, || Form::new(&otlp, &fields)));
                assert_eq!(form.attributes.is_some(), has_form, "{members}");
                let Some(attributes) = &form.attributes else { continue };
                for told in [[None; 3], [form.message, None, None], [None, form.ids[0], form.ids[1]]] {
                    let (mut one, mut other) = (Vec::new(), Vec::new());
                    otlp.write_attributes(&mut one, &fields, attributes, told);
                    let time = Stamp::of_reading("2025-10-10T13:55:36Z");
                    let mut names = Names::default();
                    otlp.write_any_attributes(&mut other, &fields, &time, &mut names, told, fields.level.is_some());
                    assert_eq!(one, other, "{}", one.escape_ascii());
                }
            }
        }
        assert!(!forms.known.is_empty() && forms.known.len() <= MOST_FORMS);
    }

    #[test]
    fn a_record_becomes_a_log_record_with_typed_attributes() {
        let line = r#"{"_pos":"3f2a00c4d1e0b7a9:16-32","_file":"/a","time":"2025-10-10T13:55:36.5Z","level":"warn","message":"m",
            "status":200,"took":0.25,"ok":true,"none":null,"list":[1,"a",{"b":[]}],"env":"x","big":18446744073709551615,
            "trace_id":"5B8EFFF798038103D269B633813FC60C","span_id":"no"}"#
            .replace('\n', "");
        let request = written(
            &Otlp::new(&Settings {
                labels: pairs(&["service.name=shop"]),
                added: pairs(&["env=prod"]),
                ..Settings::default()
            }),
            &[&line],
        );
        let resource = &request["resourceLogs"][0];
        assert_eq!(
            resource["resource"]["attributes"],
            json!([{"key": "service.name", "value": {"stringValue": "shop"}}])
        );
        let mut record = resource["scopeLogs"][0]["logRecords"][0].clone();
        assert!(record["observedTimeUnixNano"].take().is_string());
        assert_eq!(
            record,
            json!({"timeUnixNano": "1760104536500000000", "observedTimeUnixNano": null,
            "severityNumber": 13, "severityText": "warn", "body": {"stringValue": "m"},
            "traceId": "5B8EFFF798038103D269B633813FC60C",
            "attributes": [
                {"key": "log.file.path", "value": {"stringValue": "/a"}},
                {"key": "env", "value": {"stringValue": "prod"}},
                {"key": "status", "value": {"intValue": "200"}},
                {"key": "took", "value": {"doubleValue": 0.25}},
                {"key": "ok", "value": {"boolValue": true}},
                {"key": "list", "value": {"arrayValue": {"values": [
                    {"intValue": "1"}, {"stringValue": "a"},
                    {"kvlistValue": {"values": [{"key": "b", "value": {"arrayValue": {"values": []}}}]}}]}}},
                {"key": "env_", "value": {"stringValue": "x"}},
                {"key": "big", "value": {"stringValue": "18446744073709551615"}},
                {"key": "span_id", "value": {"stringValue": "no"}},
            ]})
        );
    }

    #[test]
    fn levels_are_found_under_their_other_names_and_text_is_the_body() {
        let request = written(
            &destination(),
            &[
                "text",
                r#"{"severity":"ERROR","msg":"a"}"#,
                r#"{"lvl":30}"#,
                r#"{"log":{"level":"debug"}}"#,
                r#"{"level":"Fatal"}"#,
            ],
        );
        let records = request["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap();
        let told = |key: &str| records.iter().map(|record| record[key].clone()).collect::<Vec<_>>();
        assert_eq!(told("severityNumber"), [json!(null), json!(17), json!(9), json!(5), json!(21)]);
        assert_eq!(told("severityText"), [json!(null), json!("ERROR"), json!("30"), json!("debug"), json!("Fatal")]);
        assert_eq!(records[0]["body"]["stringValue"], "text");
        assert_eq!(records[1]["body"]["stringValue"], "a");
        assert_eq!(records[1]["attributes"], json!([]));
    }

    #[test]
    fn what_is_rejected_is_never_sent_again_and_what_is_unclear_is_held() {
        let outcomes = |status, body: &str| read(&mut destination(), status, body, 3);
        let nothing = [r#"{"partialSuccess":{"rejectedLogRecords":null}}"#, r#"{"partialSuccess":null}"#];
        for body in ["", "{}", "{}\n", r#"{"partialSuccess":{}}"#, nothing[0], nothing[1]] {
            for status in [200, 202] {
                assert_eq!(outcomes(status, body), Outcomes::All(Outcome::Delivered), "{status} {body}");
            }
        }
        let warning = r#"{"partialSuccess":{"rejectedLogRecords":"0","errorMessage":"slow down"}}"#;
        let words = "the server says: slow down".to_owned();
        assert_eq!(outcomes(200, warning), Outcomes::Taken(Taken { words, ..Taken::default() }));
        for one in [r#""1""#, "1", "1.0", "1e0"] {
            let partial = format!(r#"{{"partial_success":{{"rejected_log_records":{one},"error_message":"old"}}}}"#);
            assert!(matches!(outcomes(200, &partial), Outcomes::Taken(Taken { unnamed: 1, .. })), "{one}");
        }
        for odd in ["-1", "1.5", "true", "{}", "1e99"] {
            let partial = format!(r#"{{"partialSuccess":{{"rejectedLogRecords":{odd}}}}}"#);
            assert!(matches!(outcomes(200, &partial), Outcomes::All(Outcome::Hold(_))), "{odd}");
        }
        let partial = r#"{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"old"}}"#;
        assert_eq!(
            outcomes(200, partial),
            Outcomes::Taken(Taken { unnamed: 1, words: "rejected: old".to_owned(), ..Taken::default() })
        );
        let all = r#"{"partialSuccess":{"rejectedLogRecords":3}}"#;
        assert!(matches!(outcomes(200, all), Outcomes::All(Outcome::Refused(_))));
        for (status, body) in [(200, "<html>"), (202, "accepted"), (201, ""), (500, ""), (404, "")] {
            assert!(matches!(outcomes(status, body), Outcomes::All(Outcome::Hold(_))), "{status} {body}");
        }
        assert!(matches!(outcomes(400, "request body too large"), Outcomes::All(Outcome::TooLarge(_))));
        assert!(matches!(outcomes(400, "bad"), Outcomes::All(Outcome::Bad(_))));
        assert!(matches!(outcomes(503, ""), Outcomes::All(Outcome::Again(_))));
    }

    fn record(line: &str) -> Value {
        written(&destination(), &[line])["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0].clone()
    }

    #[test]
    fn what_a_number_of_the_protocol_cannot_hold_is_text() {
        let line = r#"{"message":"m","a":1e999,"b":-0,"c":12345678901234567890123,"d":18446744073709551616,"e":[-1E400],"f":1.5e3}"#;
        let attributes = record(line)["attributes"].clone();
        let values: Vec<_> = attributes.as_array().unwrap().iter().map(|attribute| &attribute["value"]).collect();
        assert_eq!(values[0], &json!({"stringValue": "1e999"}));
        assert_eq!(values[1], &json!({"intValue": "-0"}));
        assert_eq!(values[2], &json!({"stringValue": "12345678901234567890123"}));
        assert_eq!(values[3]["doubleValue"].to_string(), "1.8446744073709552e+19");
        assert_eq!(values[4]["arrayValue"]["values"][0], json!({"stringValue": "-1E400"}));
        assert_eq!(values[5], &json!({"doubleValue": 1500.0}));
    }

    #[test]
    fn a_message_that_is_no_text_is_the_body_as_it_is() {
        let of_object = record(r#"{"message":{"a":1},"b":2}"#);
        assert_eq!(of_object["body"], json!({"kvlistValue": {"values": [{"key": "a", "value": {"intValue": "1"}}]}}));
        assert_eq!(of_object["attributes"], json!([{"key": "b", "value": {"intValue": "2"}}]));
        assert_eq!(record(r#"{"message":5}"#)["body"], json!({"intValue": "5"}));
        assert_eq!(record(r#"{"message":null,"request":"GET / HTTP/1.1"}"#)["body"]["stringValue"], "GET / HTTP/1.1");
        assert_eq!(record(r#"{"message":{"a":1},"msg":"text"}"#)["body"]["stringValue"], "text");
    }

    #[test]
    fn a_time_that_the_protocol_cannot_hold_is_an_attribute() {
        for time in ["1969-12-31T23:59:59Z", "2600-01-01T00:00:00Z"] {
            let record = record(&json!({"time": time, "message": "m"}).to_string());
            assert_eq!(record["timeUnixNano"], Value::Null);
            assert!(record["observedTimeUnixNano"].as_str().is_some_and(|observed| observed.len() == 19));
            assert_eq!(record["attributes"], json!([{"key": "time", "value": {"stringValue": time}}]));
        }
    }

    #[test]
    fn equal_names_are_there_once_and_no_added_one_takes_the_place_of_another() {
        let otlp = Otlp::new(&Settings { added: pairs(&["env=prod"]), ..Settings::default() });
        let line = r#"{"message":"m","a":1,"a":2,"\u0061":3,"o":{"b":1,"b":2},"env":"x","env_":"y"}"#;
        let request = written(&otlp, &[line]);
        let attributes = &request["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["attributes"];
        assert_eq!(
            attributes,
            &json!([
                {"key": "env", "value": {"stringValue": "prod"}},
                {"key": "a", "value": {"intValue": "3"}},
                {"key": "o", "value": {"kvlistValue": {"values": [{"key": "b", "value": {"intValue": "2"}}]}}},
                {"key": "env_", "value": {"stringValue": "x"}},
                {"key": "env__", "value": {"stringValue": "y"}},
            ])
        );
    }

    #[test]
    fn ids_of_zeros_are_none() {
        let zeros =
            record(r#"{"message":"m","trace_id":"00000000000000000000000000000000","span_id":"0000000000000001"}"#);
        assert_eq!((&zeros["traceId"], &zeros["spanId"]), (&Value::Null, &json!("0000000000000001")));
        assert_eq!(zeros["attributes"][0]["key"], "trace_id");
    }

    #[test]
    fn the_path_is_added_where_the_url_has_none() {
        assert_eq!(destination().path("/"), "/v1/logs");
        assert_eq!(destination().path("/otlp"), "/otlp/v1/logs");
        assert_eq!(destination().path("/v1/logs"), "/v1/logs");
    }
}
