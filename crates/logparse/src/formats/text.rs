//! Any text: a time and a level at its beginning, where there are any; the rest is the message. It never fails.
//!
//! ```text
//! [pieces] time [pieces] level message
//! ```
//! A piece is a word or something in brackets that programs write there: the process, the thread, the name of the logger
//! ([`piece`]). A few programs write their beginning in a way of their own ([`known`]).
//!
//! What stands for the time is not left in the message, nor is a level directly behind it, nor a process that becomes the
//! field `pid`. Where other pieces stand before the level, the message begins with them and has the level in it as well, so
//! that nothing is lost.

use std::borrow::Cow;
use std::ops::Range;

use logline::level::Level;
use logline::stamp::{Stamp, Unread};
use memchr::memchr;

use crate::clock::{Clock, write};
use crate::formats::value;
use crate::record::Record;

mod known;
mod piece;

use piece::{Piece, is_word_end, skip_separator};

/// What a word says about the level, in the words that records use.
pub fn level(word: &[u8]) -> Option<&'static [u8]> {
    Level::from_word(word).map(|level| level.name().as_bytes())
}

/// What the beginning of a line tells.
#[derive(Default, Debug)]
struct Beginning {
    time: Option<Stamp>,
    level: Option<Level>,
    /// Numbers that become fields, and where they stand.
    fields: Vec<(&'static str, Range<usize>)>,
    /// What stood before the time and is no part of it, and begins the message.
    before: Range<usize>,
    /// The bracket around the time goes on with what belongs to the message.
    is_open: bool,
    /// Where the message, or the rest of it, begins.
    message: usize,
}

/// The format.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// Sequences that colour a terminal stay in the message.
    pub keeps_ansi: bool,
}

impl Text {
    /// Reads a line.
    pub fn parse(self, line: &[u8], record: &mut Record, clock: &mut Clock) {
        let text = without_ansi(line);
        let beginning = Beginning::read(&text, clock);
        if let Some(stamp) = beginning.time {
            write(stamp, record.time());
        }
        if let Some(level) = beginning.level {
            record.level(level.name().as_bytes());
        }
        for (name, range) in &beginning.fields {
            value::number(record.field(name), &text[range.clone()]);
        }
        let slice = |range: Range<usize>| match &text {
            Cow::Owned(text) if self.keeps_ansi => {
                let end = if range.end == text.len() { line.len() } else { with_ansi(line, range.end) };
                &line[with_ansi(line, range.start)..end]
            }
            text => &text[range],
        };
        let rest = slice(beginning.message..text.len());
        match (beginning.is_open, slice(beginning.before)) {
            (false, b"") => record.message(rest),
            (true, before) => record.message(&[before, b"[", rest].concat()),
            (false, before) => record.message(&[before, rest].concat()),
        }
    }
}

impl Beginning {
    fn read(text: &[u8], clock: &mut Clock) -> Self {
        // What is indented goes on with the line before.
        if text.first().is_none_or(u8::is_ascii_whitespace) {
            return Self::default();
        }
        if let Some(known) = known::read(text, clock) {
            return known;
        }
        let mut beginning = Self::default();
        beginning.find_time(text, clock);
        match beginning.level {
            None => beginning.find_level(text),
            // `E, [time #pid] ERROR -- : x`
            Some(level) => {
                let rest = &text[beginning.message..];
                if let Some((_, length)) = piece::capital_level(rest).filter(|(again, _)| *again == level) {
                    beginning.message = skip_separator(text, beginning.message + length);
                }
            }
        }
        beginning
    }

    /// Looks for the time at the beginning, and behind at most two pieces of the kinds that stand before one.
    fn find_time(&mut self, text: &[u8], clock: &mut Clock) {
        let (mut at, mut before) = (0, 0..0);
        let (mut level, mut fields) = (None, Vec::new());
        for _ in 0..3 {
            if let Some((stamp, end, is_open)) = bracketed_time(text, at, clock) {
                (self.time, self.level, self.fields, self.before) = (Some(stamp), level, fields, before);
                return self.go_on(text, end, is_open);
            }
            let Some(piece) = Piece::read(text, at) else { return };
            let behind = skip_separator(text, piece.end);
            if behind == piece.end {
                return;
            }
            match piece.before_time(text) {
                Some(piece::BeforeTime::Level(found)) if level.is_none() => level = Some(found),
                Some(piece::BeforeTime::Process(number)) if fields.is_empty() => fields.push(("pid", number)),
                Some(piece::BeforeTime::Name) => {
                    let start = if before.is_empty() { at } else { before.start };
                    before = start..behind;
                }
                _ => return,
            }
            at = behind;
        }
    }

    /// Goes on behind the time, which ends at `end`.
    fn go_on(&mut self, text: &[u8], end: usize, is_open: bool) {
        self.message = end;
        if !is_open {
            self.message = skip_separator(text, end);
            return;
        }
        // `[time #pid]`, `[time LEVEL module]`, `[time: LEVEL/process]`
        let mut at = end + text[end..].iter().take_while(|byte| matches!(byte, b' ' | b':' | b',' | b'|')).count();
        if let [b'#', digits @ ..] = &text[at..]
            && let count @ 1.. = digits.iter().take_while(|byte| byte.is_ascii_digit()).count()
        {
            self.fields.push(("pid", at + 1..at + 1 + count));
            at += 1 + count;
        } else if let Some((level, length)) = piece::capital_level(&text[at..]) {
            self.level = self.level.or(Some(level));
            at += length;
            at += text[at..].iter().take_while(|byte| matches!(byte, b' ' | b'/')).count();
        }
        self.is_open = text[at..].first() != Some(&b']');
        self.message = if self.is_open { at } else { skip_separator(text, at + 1) };
    }

    /// Looks for the level where the message begins.
    fn find_level(&mut self, text: &[u8]) {
        let is_timed = self.time.is_some();
        if self.is_open {
            return;
        }
        if is_timed && let Some((level, length)) = known::php(&text[self.message..]) {
            self.level = level;
            self.message += length;
            return;
        }
        let Some(found) = piece::find_level(text, self.message, is_timed) else { return };
        self.level = found.level;
        if found.may_be_cut {
            self.message = found.end;
        }
        if let Some(number) = found.process {
            self.fields.push((found.process_name, number));
        }
    }
}

/// A time at `at`, in brackets or not: the stamp, where it ends, the bracket that closes included, and whether the bracket
/// holds more than it.
fn bracketed_time(text: &[u8], at: usize, clock: &mut Clock) -> Option<(Stamp, usize, bool)> {
    let close = match text.get(at)? {
        b'[' => Some(b']'),
        b'(' => Some(b')'),
        _ => None,
    };
    let from = at + usize::from(close.is_some());
    let (stamp, length) = match clock.reader().leading(&text[from..]) {
        Ok(read) => read,
        Err(Unread::ForeignZone(word)) => {
            let word = word.to_vec();
            clock.say_zone(&word);
            return None;
        }
        Err(Unread::None) => return None,
    };
    let end = from + length;
    let rest = &text[end..];
    match close {
        Some(close) if rest.first() == Some(&close) => Some((stamp, end + 1, false)),
        Some(b']') if is_word_end(rest) && memchr(b']', rest).is_some() => Some((stamp, end, true)),
        None if is_word_end(rest) => Some((stamp, end, false)),
        // Digits that go on, or letters: this was no time but looked like one.
        _ => None,
    }
}

const ESCAPE: u8 = 0x1b;

/// The text without the sequences that colour a terminal.
fn without_ansi(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr(ESCAPE, text) else { return Cow::Borrowed(text) };
    let mut plain = text[..first].to_vec();
    let mut rest = &text[first..];
    while let Some((byte, behind)) = rest.split_first() {
        match ansi_length(rest) {
            Some(length) => rest = &rest[length..],
            None => {
                plain.push(*byte);
                rest = behind;
            }
        }
    }
    Cow::Owned(plain)
}

/// The length of the sequence that `text` begins with: `ESC [`, parameters, a letter.
fn ansi_length(text: &[u8]) -> Option<usize> {
    let parameters = text.strip_prefix(b"\x1b[")?;
    let count = parameters.iter().take_while(|byte| matches!(byte, b' '..=b'?')).count();
    matches!(parameters.get(count), Some(b'@'..=b'~')).then_some(count + 3)
}

/// Where in `text` the byte stands that has `plain` bytes before it without the sequences.
fn with_ansi(text: &[u8], plain: usize) -> usize {
    let (mut at, mut left) = (0, plain);
    while at < text.len() && left > 0 {
        match ansi_length(&text[at..]) {
            Some(length) => at += length,
            None => {
                at += 1;
                left -= 1;
            }
        }
    }
    at
}
