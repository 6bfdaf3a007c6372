//! Stack traces, told line by line: which lines belong to the event before them.
//!
//! | what | belongs to the event |
//! |---|---|
//! | a frame, an indented line, `Caused by: …`, `Traceback …`, `goroutine 1 [running]:`, `[stacktrace]` | at once |
//! | the line that names an exception, and lines of its message | to the log line before it, if a frame follows |
//! | a line with a stamp of its own, an access line, `Exception in thread …`, `panic: …` | never: it begins an event |
//!
//! The languages are Java, Kotlin and Scala, .NET, JavaScript, PHP (Laravel, Monolog, php-fpm's slow log), Python, Ruby, Go
//! and Rust. The invariant: a line is decided by itself and by what came before it, or waits for at most [`PATIENCE`] lines.

use logline::level::Level;
use memchr::memmem;

/// How many lines of a message wait for the first frame.
pub const PATIENCE: usize = 8;

/// How many lines may wait behind a log line that says nothing of an exception.
const LINES_BEHIND_A_LOG_LINE: usize = 2;

/// How many lines a Python exception's message may have beyond its first.
const LINES_OF_A_MESSAGE: usize = 2;

/// What becomes of a line behind an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It belongs to it.
    GoesOn,
    /// It belongs to it if a frame follows.
    MayGoOn,
    /// It begins the next.
    Ends,
}

/// What a line is, by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sort {
    /// A place in the code, or a line that only a trace has.
    Frame,
    /// `Traceback (most recent call last):`, after which the exception follows unindented.
    Traceback,
    /// `Caused by: …`: belongs to the trace, and its message may go on.
    Cause,
    /// It points at a place in the line before it.
    Caret,
    /// A goroutine of Go, after which functions follow unindented.
    Goroutine,
    Indented,
    Blank,
    /// The name of an exception, and perhaps its message.
    Class,
    /// It ends what an object of JavaScript or PHP has opened.
    Close,
    /// The last line of a trace, which is no place.
    Footer,
    /// An uncaught error of a language begins.
    Start,
    /// A line with a stamp, a level or an object: a log line.
    Log,
    /// An access line: no program writes a trace behind it.
    Access,
    Text,
}

/// What the lines of an event have told so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the lines so far")]
pub struct Trace {
    first: Sort,
    last: Sort,
    /// Frames have come.
    has_frames: bool,
    /// The unindented line that names the exception is still to come, as in Python.
    awaits_exception: bool,
    /// The next line is the message, as in Rust.
    awaits_message: bool,
    /// Lines that the message of a Python exception may still have.
    message_lines: usize,
    in_go: bool,
    /// A line has ended with an open brace, or an object in quotes is open.
    is_open: bool,
}

impl Trace {
    /// What the first line of an event tells.
    pub fn of_first(line: &[u8]) -> Self {
        let first = sort(line);
        let mut trace = Self {
            first,
            last: first,
            has_frames: matches!(first, Sort::Frame | Sort::Goroutine),
            awaits_exception: first == Sort::Traceback,
            awaits_message: false,
            message_lines: 0,
            in_go: first == Sort::Goroutine || line.starts_with(b"panic: ") || line.starts_with(b"fatal error: "),
            is_open: false,
        };
        trace.note(line);
        trace
    }

    /// What becomes of `line`, behind `waiting` lines that wait themselves.
    pub fn look(&self, line: &[u8], waiting: usize) -> Answer {
        if self.first == Sort::Access {
            return Answer::Ends;
        }
        let sort = sort(line);
        let is_in_trace = self.has_frames || self.awaits_exception;
        match sort {
            Sort::Log | Sort::Access | Sort::Start => Answer::Ends,
            Sort::Frame | Sort::Traceback | Sort::Cause | Sort::Goroutine | Sort::Caret => Answer::GoesOn,
            _ if self.awaits_message || self.awaits_exception => Answer::GoesOn,
            _ if waiting > 0 && waiting < self.patience() => Answer::MayGoOn,
            _ if waiting > 0 => Answer::Ends,
            Sort::Indented => Answer::GoesOn,
            Sort::Blank if is_in_trace || self.in_go || self.is_open => Answer::GoesOn,
            Sort::Blank if self.first == Sort::Log || self.first == Sort::Start => Answer::MayGoOn,
            Sort::Footer if is_in_trace || self.first == Sort::Start => Answer::GoesOn,
            Sort::Close if self.is_open => Answer::GoesOn,
            Sort::Text if self.in_go && is_function(line) => Answer::GoesOn,
            Sort::Text if self.message_lines > 0 => Answer::GoesOn,
            Sort::Text | Sort::Class | Sort::Footer if matches!(self.last, Sort::Class | Sort::Cause | Sort::Start) => {
                Answer::MayGoOn
            }
            Sort::Class if !is_in_trace && self.begins_well() => Answer::MayGoOn,
            Sort::Text if !is_in_trace && (self.begins_well() || self.is_open) => Answer::MayGoOn,
            _ => Answer::Ends,
        }
    }

    /// Notes a line that belongs to the event.
    pub fn take(&mut self, line: &[u8]) {
        let sort = sort(line);
        if self.awaits_exception && matches!(sort, Sort::Text | Sort::Class) {
            self.awaits_exception = false;
            // In a log with stamps what has none goes on with the message.
            self.message_lines = if self.first == Sort::Log { LINES_OF_A_MESSAGE } else { 0 };
        } else if sort == Sort::Text {
            self.message_lines = self.message_lines.saturating_sub(1);
        } else {
            self.message_lines = 0;
        }
        self.awaits_message = false;
        self.has_frames |= matches!(sort, Sort::Frame | Sort::Goroutine | Sort::Traceback);
        self.awaits_exception |= sort == Sort::Traceback;
        self.in_go |= sort == Sort::Goroutine;
        if sort == Sort::Close {
            self.is_open = false;
        }
        self.last = sort;
        self.note(line);
    }

    fn note(&mut self, line: &[u8]) {
        self.awaits_message |= memmem::find(line, b" panicked at ").is_some() && line.ends_with(b":");
        let opens = line.ends_with(b" {") && self.last != Sort::Text;
        self.is_open |= opens || memmem::find(line, b"\"[object] (").is_some() || line == b"[stacktrace]";
    }

    /// How many lines may wait.
    fn patience(&self) -> usize {
        let names_an_exception = self.is_open || self.first != Sort::Log;
        if names_an_exception { PATIENCE } else { LINES_BEHIND_A_LOG_LINE + 2 }
    }

    /// Whether the event began with a line to which an exception may belong.
    fn begins_well(&self) -> bool {
        matches!(self.first, Sort::Log | Sort::Start)
    }
}

fn sort(line: &[u8]) -> Sort {
    let begins = |heads: &[&[u8]]| heads.iter().any(|head| line.starts_with(head));
    let inner = line.trim_ascii_start();
    if inner.is_empty() {
        return Sort::Blank;
    }
    if inner.len() < line.len() {
        return match inner[0] {
            b'^' | b'~' => Sort::Caret,
            _ if is_indented_frame(inner) => Sort::Frame,
            _ => Sort::Indented,
        };
    }
    if line.iter().all(|byte| *byte == b'^') {
        return Sort::Caret;
    }
    if begins(&[b"Traceback (most recent call last)"]) {
        return Sort::Traceback;
    }
    if line.starts_with(b"goroutine ") && memmem::find(line, b" [").is_some() && line.ends_with(b":") {
        return Sort::Goroutine;
    }
    if begins(&[b"Caused by: ", b"Wrapped by: ", b"Suppressed: ", b"[previous exception]", b"--->", b"Next "])
        && (line[0] != b'N' || class_length(&line[5..]).is_some())
    {
        return Sort::Cause;
    }
    let is_chain = begins(&[b"During handling of the above", b"The above exception was", b"--- End of "]);
    let is_head = begins(&[b"Stack trace:", b"stack backtrace:", b"[stacktrace]", b"script_filename = "]);
    if is_chain || is_head || is_flush_frame(line) {
        return Sort::Frame;
    }
    if begins(&[b"\"}", b"}"]) {
        return Sort::Close;
    }
    if begins(&[b"note: ", b"Node.js v", b"exit status ", b"created by ", b"[signal ", b"thrown in "]) {
        return Sort::Footer;
    }
    if is_start(line) {
        return Sort::Start;
    }
    if is_access(line) {
        return Sort::Access;
    }
    if is_log(line) {
        return Sort::Log;
    }
    if class_length(line).is_some() { Sort::Class } else { Sort::Text }
}

/// What only a trace has behind its indentation.
fn is_indented_frame(inner: &[u8]) -> bool {
    let begins = |heads: &[&[u8]]| heads.iter().any(|head| inner.starts_with(head));
    let digits = inner.iter().take_while(|byte| byte.is_ascii_digit()).count();
    begins(&[
        b"at ",
        b"File \"",
        b"from ",
        b"... ",
        b"#0 ",
        b"Caused by: ",
        b"Suppressed: ",
        b"| ",
        b"+ Exception Group",
    ]) || (digits > 0 && inner[digits..].starts_with(b": "))
        || begins(&[b"--- End of "])
}

/// A frame that stands at the beginning of its line.
fn is_flush_frame(line: &[u8]) -> bool {
    match line {
        // PHP, Dart.
        [b'#', digit, ..] => digit.is_ascii_digit(),
        // php-fpm's slow log.
        [b'[', b'0', b'x', ..] => true,
        // loguru marks the frame where it was called.
        [b'>', b' ', rest @ ..] => rest.starts_with(b"File \""),
        _ => is_ruby_place(line) && line.ends_with(b"'"),
    }
}

/// Ruby's path:line:in `method', or with other quotes.
fn is_ruby_place(line: &[u8]) -> bool {
    memmem::find(line, b":in ").is_some_and(|at| {
        line[..at].last().is_some_and(u8::is_ascii_digit)
            && matches!(line.get(at + 4), Some(b'`' | b'\''))
            && !line[..at].contains(&b' ')
    })
}

/// An uncaught error, as the runtime of a language writes it to stderr.
fn is_start(line: &[u8]) -> bool {
    let begins = |heads: &[&[u8]]| heads.iter().any(|head| line.starts_with(head));
    let is_source = |line: &[u8]| {
        let colon = memchr::memrchr(b':', line).unwrap_or(line.len());
        let number = line.get(colon + 1..).unwrap_or_default();
        let path = &line[..colon];
        !number.is_empty()
            && number.iter().all(u8::is_ascii_digit)
            && (path.ends_with(b"js") || path.ends_with(b"ts") || path.starts_with(b"node:"))
            && !path.contains(&b' ')
    };
    begins(&[
        b"Exception in thread ",
        b"panic: ",
        b"fatal error: ",
        b"thread '",
        b"Unhandled exception",
        b"PHP Fatal error: ",
        b"Fatal error: ",
        b"Uncaught ",
        b"** (",
    ]) || is_source(line)
        || (is_ruby_place(line) && memmem::find(line, b"': ").is_some())
}

/// ` [dd/Mon/yyyy:`, as web servers write it.
fn is_access(line: &[u8]) -> bool {
    memmem::find_iter(line, b" [").take(3).any(|at| {
        let stamp = &line[at + 2..];
        stamp.len() > 12 && stamp[2] == b'/' && stamp[6] == b'/' && stamp[11] == b':'
    })
}

/// Whether the line begins as log lines do: with an object, a stamp, a level or a priority.
fn is_log(line: &[u8]) -> bool {
    let text = line.strip_prefix(b"[").unwrap_or(line);
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_date = digits >= 1 && matches!(text.get(digits), Some(b'-' | b'/' | b'.' | b':')) && text.len() > 8;
    let letters = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = &text[..letters];
    let behind = &text[letters..];
    let is_level = (word.len() > 3 || (word.len() == 3 && is_capital(word)))
        && !matches!(word, b"note" | b"http")
        && Level::from_word(word).is_some()
        && (is_capital(word) || word.iter().all(u8::is_ascii_lowercase))
        && (matches!(behind.first(), Some(b']' | b':' | b'|')) || (is_capital(word) && behind.first() == Some(&b' ')));
    // `Mar  5 10:11:12`, `Tue Mar 05 10:11:12 2024`
    let is_named_day = letters == 3
        && word[0].is_ascii_uppercase()
        && text.iter().take(24).filter(|byte| **byte == b':').count() == 2
        && behind.first() == Some(&b' ');
    // klog, Ruby's Logger
    let is_letter = letters == 1 && (behind.starts_with(b", [") || behind.iter().take(4).all(u8::is_ascii_digit));
    let is_fail = matches!(word, b"fail" | b"dbug" | b"trce") && behind.first() == Some(&b':');
    matches!(line[0], b'{' | b'<' | 0x1b)
        || is_date
        || is_level
        || is_named_day
        || is_letter
        || is_fail
        || is_logfmt(line)
}

fn is_capital(word: &[u8]) -> bool {
    word.iter().all(u8::is_ascii_uppercase)
}

fn is_logfmt(line: &[u8]) -> bool {
    [&b"time="[..], b"level=", b"ts=", b"lvl=", b"msg="].iter().any(|head| line.starts_with(head))
}

/// How long the name of an exception is that the line begins with: `java.io.IOException`, `TypeError`, `E_WARNING [X]`.
fn class_length(line: &[u8]) -> Option<usize> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$' | b'\\' | b'`');
    let length = line.iter().take_while(|byte| is_part(byte)).count().min(256);
    let name = line.get(..length)?;
    let separators = name.iter().filter(|byte| matches!(byte, b'.' | b'\\')).count();
    let last = name.rsplit(|byte| matches!(byte, b'.' | b'\\' | b'$')).next()?;
    let ends = |tails: &[&[u8]]| tails.iter().any(|tail| last.ends_with(tail));
    let is_named_so = ends(&[b"Error", b"Exception", b"Throwable", b"Fault", b"Failure", b"Panic"]);
    let begins_a_word = last.first().is_some_and(u8::is_ascii_uppercase);
    let is_ended = match &line[length..] {
        [] | [b':', ..] => true,
        // The code of Node's errors, and of Ruby's `(Class)`.
        rest => rest.starts_with(b" [") || rest.starts_with(b" (code: "),
    };
    // A name of one part must say that it is an error.
    (begins_a_word && is_ended && (is_named_so || separators >= 2)).then_some(length)
}

/// A call in a trace of Go: `main.(*T).run(0x1, {0x2, 0x3})`.
fn is_function(line: &[u8]) -> bool {
    let open = line.iter().position(|byte| *byte == b'(').unwrap_or(0);
    let name = &line[..open];
    line.ends_with(b")") && !name.contains(&b' ') && (name.contains(&b'.') || name == b"panic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_exception_is_told_from_a_sentence() {
        for line in [
            "java.lang.RuntimeException: outer",
            "TypeError: x",
            "System.InvalidOperationException: boom",
            "Error [ERR_X]: y",
            "com.example.app.Boom: y",
            "KeyError",
        ] {
            assert_eq!(sort(line.as_bytes()), Sort::Class, "{line}");
        }
        for line in ["www.example.com: up", "Listening on :80", "total: 5", "java.lang is a package", "Errors: 5"] {
            assert_eq!(sort(line.as_bytes()), Sort::Text, "{line}");
        }
    }

    #[test]
    fn a_log_line_is_told_by_its_beginning() {
        for line in [
            "2024-03-05 10:11:12 x",
            "[2024-03-05 10:11:12] app.ERROR: x",
            "[29-Nov-2026 07:20:48 Europe/Berlin] PHP Warning:  x",
            "Mar  5 10:11:12 host app: x",
            "[Tue Mar 05 10:11:12 2024] [core:error] x",
            "10:11:12.345 [main] INFO x",
            "I0305 10:11:12.123456 7 a.go:1] x",
            "E, [2026-11-29T07:21:28.140155 #20133] ERROR -- : x",
            "ERROR failed",
            "[error] failed",
            "fail: Microsoft.X[0]",
            "{\"a\":1}",
            "level=error msg=x",
        ] {
            assert_eq!(sort(line.as_bytes()), Sort::Log, "{line}");
        }
        for line in ["order w1#1 ok", "I am here", "Error handling is hard", "a: b", "information is power"] {
            assert_eq!(sort(line.as_bytes()), Sort::Text, "{line}");
        }
    }
}
