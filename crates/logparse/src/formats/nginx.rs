//! nginx: its error log, its JSON, and its access log by the format given; without one combined and the official image's
//! main, told apart by shape. The error log's shape is tried first, so that one pipeline reads both files.

use std::borrow::Cow;
use std::cell::Cell;

use memchr::memrchr;

use crate::clock::Clock;
use crate::formats::scanner::{COMBINED, MAIN, Scanner};
use crate::formats::{json, nginx_error, value};
use crate::record::Record;

/// See the page of the module.
#[derive(Debug)]
pub enum Nginx {
    /// A format that the user has given.
    Given(Scanner),
    /// The two that everybody has.
    Usual {
        /// nginx's own.
        combined: Scanner,
        /// The official image's.
        main: Scanner,
        /// The last plain line was of the latter: the next one will be.
        was_main: Cell<bool>,
    },
}

impl Nginx {
    /// Reads `format`, or the usual ones.
    pub fn new(format: Option<&str>, decodes: bool) -> Result<Self, String> {
        Ok(match format {
            Some(format) => Self::Given(Scanner::compile(format, decodes)?),
            None => {
                let (combined, main) = (Scanner::compile(COMBINED, decodes)?, Scanner::compile(MAIN, decodes)?);
                Self::Usual { combined, main, was_main: Cell::new(false) }
            }
        })
    }

    /// Reads a line.
    pub fn parse<'s>(&'s self, line: &[u8], record: &mut Record, clock: &mut Clock) -> Result<(), Cow<'s, str>> {
        if nginx_error::is_shape(line) {
            return nginx_error::parse(line, record, clock);
        }
        if value::is_plain(line) {
            if self.parse_plain(line, record, clock) {
                return Ok(());
            }
            record.reset_layer();
        }
        match self {
            Self::Given(scanner) if !scanner.is_json() => scanner.parse(line, record, clock),
            _ if line.first() == Some(&b'{') => json::parse_repaired(line, record),
            Self::Given(scanner) => scanner.parse(line, record, clock),
            Self::Usual { combined, main, .. } => {
                match shape_by_quotes(line).unwrap_or_else(|| shape_by_separators(line)) {
                    Shape::Combined => combined.parse(line, record, clock),
                    Shape::Main => main.parse(line, record, clock),
                    Shape::Other => Err("more behind the user agent than main has, give its --log-format".into()),
                }
            }
        }
    }

    /// Most lines hold nothing unusual. In these the last value has no quote in it, so that no format takes what is another's.
    fn parse_plain(&self, line: &[u8], record: &mut Record, clock: &mut Clock) -> bool {
        match self {
            Self::Given(scanner) => !scanner.is_json() && scanner.parse_plain(line, record, clock),
            Self::Usual { combined, main, was_main } => {
                let (last, other) = if was_main.get() { (main, combined) } else { (combined, main) };
                if last.parse_plain(line, record, clock) {
                    return true;
                }
                record.reset_layer();
                was_main.set(!was_main.get());
                other.parse_plain(line, record, clock)
            }
        }
    }
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
