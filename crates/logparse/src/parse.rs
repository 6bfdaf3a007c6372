//! Lines in, records out: what becomes of each line, and what is said when most of them fail.

use logline::ending::{Exit, Stop, say};
use logline::json::is_valid_object;
use logline::line::{Item, Line, write_mark_record};
use logline::output::Output;

use crate::PROG;
use crate::args::OnError;
use crate::clock::Clock;
use crate::formats::Format;
use crate::record::Record;

/// So many lines are looked at before it is said that most fail.
const ENOUGH: u64 = 100;

/// A format at work.
#[derive(Debug)]
pub struct Parser {
    format: Format,
    clock: Clock,
    on_error: OnError,
    counts: Counts,
    first_failure: Option<String>,
    said: bool,
}

/// What has come by.
#[derive(Clone, Copy, Default, Debug)]
struct Counts {
    parsed: u64,
    passed: u64,
    failed: u64,
    empty: u64,
}

impl Parser {
    /// For lines of `format`.
    pub fn new(format: Format, clock: Clock, on_error: OnError) -> Self {
        Self { format, clock, on_error, counts: Counts::default(), first_failure: None, said: false }
    }

    /// Writes what one item becomes.
    pub fn take(&mut self, item: &Item<'_>, output: &mut Output) -> Result<(), Stop> {
        match item {
            Item::Line(line) => self.take_line(line, output.buffer()),
            Item::Mark(mark, _) => write_mark_record(output.buffer(), mark),
            Item::End(_) => output.buffer().extend_from_slice(logline::line::END_RECORD),
            Item::CountersAsked => self.say_counters(),
            Item::Idle => {}
        }
        output.settle()
    }

    fn take_line(&mut self, line: &Line<'_>, out: &mut Vec<u8>) {
        let content = line.content.strip_suffix(b"\r").unwrap_or(line.content);
        if content.is_empty() {
            self.counts.empty += 1;
            // Its position must not be lost with it.
            if let Some(position) = line.position() {
                let mark = logline::position::Mark { fid: position.fid, next: position.next, finished: false };
                write_mark_record(out, &mark);
            }
            return;
        }
        if is_record_already(line, &self.format) {
            self.counts.passed += 1;
            out.extend_from_slice(line.raw);
            out.push(b'\n');
            return;
        }
        let begins_at = out.len();
        let mut record = Record::begin(out, line);
        let place = record.place();
        match self.format.parse(content, &mut self.clock, &mut record) {
            Ok(()) => {
                self.counts.parsed += 1;
                record.end(line.position());
            }
            Err(reason) => {
                record.back_to(place);
                self.counts.failed += 1;
                match self.on_error {
                    OnError::Keep => {
                        record.text("message", content);
                        record.text("_parse_error", reason.as_bytes());
                        record.end(line.position());
                    }
                    OnError::Raw => {
                        out.truncate(begins_at);
                        out.extend_from_slice(line.raw);
                        out.push(b'\n');
                    }
                    OnError::Drop => out.truncate(begins_at),
                }
                self.note_failure(&reason);
            }
        }
    }

    fn note_failure(&mut self, reason: &str) {
        if self.first_failure.is_none() {
            self.first_failure = Some(reason.to_owned());
        }
        if self.counts.failed + self.counts.parsed == ENOUGH {
            self.say_if_most_fail();
        }
    }

    fn say_if_most_fail(&mut self) {
        if let Some(reason) = &self.first_failure
            && self.counts.failed > self.counts.parsed
            && !std::mem::replace(&mut self.said, true)
        {
            let Counts { failed, parsed, .. } = self.counts;
            say(PROG, format_args!("{failed} of {} lines are not of the format, the first: {reason}", failed + parsed));
        }
    }

    fn say_counters(&self) {
        let Counts { parsed, passed, failed, empty } = self.counts;
        say(
            PROG,
            format_args!("parsed {parsed}, records passed on {passed}, not of the format {failed}, empty {empty}"),
        );
    }

    /// The exit of the run. `carried` says whether the stream had positions: there no answer is no, for with pipefail that
    /// would end a healthy container.
    pub fn exit(&mut self, is_strict: bool, carried: bool) -> Exit {
        self.say_if_most_fail();
        let Counts { parsed, passed, failed, .. } = self.counts;
        let none_parsed = failed > 0 && parsed + passed == 0;
        if (is_strict && failed > 0) || (none_parsed && !carried) { Exit::No } else { Exit::Done }
    }
}

/// A record that carries a position was made by one of us, and any valid object is a record, unless objects are just what
/// is to be read.
fn is_record_already(line: &Line<'_>, format: &Format) -> bool {
    if !line.is_record() {
        return false;
    }
    line.position().is_some() || (!matches!(format, Format::Json) && is_valid_object(line.content))
}
