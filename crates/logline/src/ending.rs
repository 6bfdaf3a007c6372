//! How a run ends, and what is said of it. The exit codes are grep's: 0 done, 1 the answer is no, 2 trouble. That the
//! reader of stdout went away is a normal, quiet end and a type of its own: a socket's broken pipe is never taken for it.

use std::fmt::{self, Display};
use std::io::{self, Write as _};
use std::process::{ExitCode, Termination};

/// What the shell is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// 0: done, or the reader of stdout went away.
    Done,
    /// 1: done, and the answer is no.
    No,
    /// 2: trouble, and a message has said which.
    Trouble,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::No => 1,
            Self::Trouble => 2,
        })
    }
}

/// Why a run ended before its input did.
#[derive(PartialEq, Eq, Debug)]
pub enum Stop {
    /// Nobody reads stdout any more.
    ReaderGone,
    /// Something failed that the user must hear of.
    Trouble(Trouble),
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// A failure as the user reads it: `object: cause`.
#[derive(PartialEq, Eq, Debug)]
pub struct Trouble(String);

impl Trouble {
    /// `object` is what the user named or would recognise, `cause` what is wrong with it and what was expected.
    pub fn new(object: impl Display, cause: impl Display) -> Self {
        Self(format!("{object}: {cause}"))
    }

    /// The same for an error of the system.
    pub fn io(object: impl Display, error: &io::Error) -> Self {
        Self::new(object, cause(error))
    }
}

impl Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An error of the system in the words of a message: lower case, without its number.
pub fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or_default();
    let mut letters = text.chars();
    match letters.next() {
        // An acronym (`SSL`, `I/O`) keeps its capitals.
        Some(first) if letters.as_str().starts_with(char::is_lowercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

/// A text as a terminal may show it: control characters are escaped.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Says `prog: message` on stderr: one line in one write, whatever control characters the message carries. A stderr
/// that cannot be written to is nobody's to hear.
pub fn say(prog: &str, message: impl Display) {
    let mut text = printable(&format!("{prog}: {message}"));
    text.push('\n');
    let _ = io::stderr().write_all(text.as_bytes());
}

/// The exit of a run by the result of it; says the trouble if there was any.
pub fn conclude(prog: &str, result: Result<Exit, Stop>) -> Exit {
    match result {
        Ok(exit) => exit,
        Err(Stop::ReaderGone) => Exit::Done,
        Err(Stop::Trouble(trouble)) => {
            say(prog, trouble);
            Exit::Trouble
        }
    }
}

/// The reason in an error of the regex crates, which draw a picture whose last line says it in words.
pub fn reason_of_regex(picture: &str) -> &str {
    let last = picture.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_has_neither_capital_nor_number() {
        let error = io::Error::from_raw_os_error(2);
        assert_eq!(cause(&error), "no such file or directory");
    }

    #[test]
    fn an_acronym_keeps_its_capitals() {
        assert_eq!(cause(&io::Error::other("HTTP says no")), "HTTP says no");
    }

    #[test]
    fn a_reader_that_went_away_is_a_quiet_success() {
        assert_eq!(conclude("x", Err(Stop::ReaderGone)), Exit::Done);
    }
}
