//! nginx: its error log, its JSON, and its access log by the format given; without one combined and the official image's
//! main, told apart by shape. The error log's shape is tried first, so that one pipeline reads both files.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};

use memchr::{memchr, memrchr};

use crate::clock::Clock;
use crate::formats::front::Front;
use crate::formats::scanner::{self, COMBINED, MAIN, Scanner};
use crate::formats::{json, klog, nginx_error, value};
use crate::record::{Pen, Record};

/// nginx's access log by a format, and its error log.
#[derive(Debug)]
pub enum Nginx {
    /// A format that the user has given.
    Given(Scanner),
    /// The ingress controller's formats, the newest first.
    Ingress(Vec<Scanner>),
    /// The two that everybody has.
    Usual {
        /// nginx's own.
        combined: Scanner,
        /// The official image's.
        main: Scanner,
        /// The last plain line was of the latter: the next one will be.
        was_main: Cell<bool>,
        /// What a line may be that goes on behind the agent.
        ingress: OnceCell<Vec<Scanner>>,
        /// Values are decoded from `\xHH`.
        decodes: bool,
    },
}

impl Nginx {
    /// Reads `format`, or the usual ones.
    pub fn new(format: Option<&str>, decodes: bool) -> Result<Self, String> {
        Ok(match format {
            Some(format) => Self::Given(Scanner::compile(format, decodes)?),
            None => Self::Usual {
                combined: Scanner::compile(COMBINED, decodes)?,
                main: Scanner::compile(MAIN, decodes)?,
                was_main: Cell::new(false),
                ingress: OnceCell::new(),
                decodes,
            },
        })
    }

    /// Reads the formats of the ingress controller.
    pub fn ingress(decodes: bool) -> Result<Self, String> {
        Ok(Self::Ingress(ingress(decodes)?))
    }

    /// How much room a pen needs for the fields of a line.
    pub fn room(&self, line: &[u8]) -> usize {
        match self {
            Self::Given(scanner) => scanner.room(line),
            Self::Ingress(formats) => formats.iter().map(|format| format.room(line)).max().unwrap_or_default(),
            Self::Usual { combined, main, .. } => combined.room(line).max(main.room(line)),
        }
    }

    /// Writes the fields of a line that holds nothing unusual, as most are; false if this is none, and then what the pen has
    /// written counts for nothing.
    pub fn parse_plain(&self, line: &[u8], pen: &mut Pen<'_>, clock: &mut Clock) -> bool {
        if nginx_error::is_shape(line) || !value::is_plain(line) {
            return false;
        }
        // The last value has no quote in it, so that no format takes what is another's.
        match self {
            Self::Given(scanner) => !scanner.is_json() && scanner.parse_plain(line, pen, clock),
            Self::Ingress(formats) => of_front(formats, line)[0].parse_plain(line, pen, clock),
            Self::Usual { combined, main, was_main, .. } => {
                let (last, other) = if was_main.get() { (main, combined) } else { (combined, main) };
                let begin = pen.at();
                if last.parse_plain(line, pen, clock) {
                    return true;
                }
                pen.go_back(begin);
                pen.time.clear();
                was_main.set(!was_main.get());
                other.parse_plain(line, pen, clock)
            }
        }
    }

    /// Reads a line.
    pub fn parse<'s>(&'s self, line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'s, str>> {
        if record.put_plain(self.room(line), |pen| self.parse_plain(line, pen, clock)) {
            return Ok(());
        }
        if nginx_error::is_shape(line) {
            return nginx_error::parse(line, record, clock);
        }
        match self {
            Self::Given(scanner) if !scanner.is_json() => scanner.parse(line, record, clock),
            Self::Given(scanner) if line.first() == Some(&b'{') => {
                json::parse_repaired(line, scanner.is_empty_unset(), record)
            }
            _ if line.first() == Some(&b'{') => json::parse_repaired(line, false, record),
            Self::Given(scanner) => scanner.parse(line, record, clock),
            // The controller's own log goes to the same stream.
            Self::Ingress(_) if klog::is_shape(line) => klog::parse(line, record, clock),
            Self::Ingress(formats) => parse_first(formats, line, record, clock),
            Self::Usual { .. } => self.parse_usual(line, record, clock).or_else(|why| {
                record.reset_layer();
                let Some(front) = Front::split(line) else { return Err(why) };
                front.put(record);
                self.parse_usual(front.rest, record, clock)?;
                front.put_address(record);
                Ok(())
            }),
        }
    }

    fn parse_usual<'s>(&'s self, line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'s, str>> {
        let Self::Usual { combined, main, ingress: older, decodes, .. } = self else {
            return Err("no usual format".into());
        };
        match shape_by_quotes(line).unwrap_or_else(|| shape_by_separators(line)) {
            Shape::Combined => combined.parse(line, record, clock),
            Shape::Main => main.parse(line, record, clock),
            Shape::Other => {
                let begin = record.place();
                let formats = older.get_or_init(|| ingress(*decodes).unwrap_or_default());
                if parse_first(formats, line, record, clock).is_ok() {
                    return Ok(());
                }
                record.go_back(begin);
                let end = end_of_agent(line).ok_or("more behind the agent than main has, give its --log-format")?;
                combined.parse(&line[..end], record, clock)?;
                value::decoded(record.field("tail"), line[end..].trim_ascii(), true);
                Ok(())
            }
        }
    }
}

fn ingress(decodes: bool) -> Result<Vec<Scanner>, String> {
    scanner::ingress_formats().iter().map(|format| Scanner::compile(format, decodes)).collect()
}

/// The formats that may fit: the second half has the client's address again in brackets.
fn of_front<'s>(formats: &'s [Scanner], line: &[u8]) -> &'s [Scanner] {
    let (newer, older) = formats.split_at(formats.len() / 2);
    let is_older = memchr(b' ', line).is_some_and(|space| line[space..].starts_with(b" - ["));
    if is_older { older } else { newer }
}

/// Reads the line by the first of the formats that it has; else the reason why it has not that.
fn parse_first<'s>(
    formats: &'s [Scanner],
    line: &[u8],
    record: &mut Record,
    clock: &mut Clock,
) -> Result<(), Cow<'s, str>> {
    let begin = record.place();
    let mut first = None;
    for format in of_front(formats, line) {
        match format.parse(line, record, clock) {
            Ok(()) => return Ok(()),
            Err(why) => {
                first.get_or_insert(why);
                record.go_back(begin);
            }
        }
    }
    Err(first.unwrap_or_default())
}

/// Where the agent ends, which is the third value in quotes, if nginx has written the line: it has no quote in a value.
fn end_of_agent(line: &[u8]) -> Option<usize> {
    let end = memchr::memchr_iter(b'"', line).nth(5)? + 1;
    line[end..].starts_with(b" ").then_some(end)
}

enum Shape {
    Combined,
    Main,
    Other,
}

/// The shape where no value holds a quote: from the end, the quoted value that has a number in front is the referer.
fn shape_by_quotes(line: &[u8]) -> Option<Shape> {
    let mut rest = line.strip_suffix(b"\"")?;
    for shape in [None, Some(Shape::Combined), Some(Shape::Main)] {
        let inner = &rest[..memrchr(b'"', rest)?];
        let before = inner.strip_suffix(b" ")?;
        match (shape, before.last()?) {
            (Some(shape), b'0'..=b'9' | b'-') => return Some(shape),
            (_, b'"') => rest = &before[..before.len() - 1],
            _ => return None,
        }
    }
    None
}

/// combined ends with `"referer" "agent"`, main with one more. Looked at from the end, where quotes are only those of the
/// format: nginx writes a quote inside a value as `\x22` (and Apache as `\"`).
fn shape_by_separators(line: &[u8]) -> Shape {
    let Some(inner) = line.strip_suffix(b"\"") else {
        // Cut inside the last value, or something follows it.
        let quotes = memchr::memchr_iter(b'"', line).filter(|at| *at == 0 || line[at - 1] != b'\\').count();
        return match quotes {
            7 => Shape::Main,
            quotes if quotes % 2 == 0 && quotes >= 6 => Shape::Other,
            _ => Shape::Combined,
        };
    };
    // The last four separators from the right: `" "` before agent, or before the forwarded address and the agent.
    let mut from = inner;
    let mut values = 1;
    while let Some(at) = memchr::memmem::rfind(from, b"\" \"") {
        values += 1;
        from = &from[..at];
        if values > 3 {
            break;
        }
    }
    match values {
        1 | 2 => Shape::Combined,
        3 => Shape::Main,
        _ => Shape::Other,
    }
}
