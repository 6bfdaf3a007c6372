//! What an answer means for the records that were sent. A 2xx is not "stored": each destination says exactly which
//! answer is.

use std::time::Duration;

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// What `Retry-After` asks for.
    pub retry_after: Option<Duration>,
    /// Of bounded size.
    pub body: Vec<u8>,
}

/// Why no answer came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// Nothing is known; the same again, later.
    Lost(String),
    /// The same, for the server has said nothing for too long: next time it gets longer.
    Late(String),
    /// The answer is longer than one may be: fewer records make it shorter.
    Long(String),
    /// A new connection was closed while the request was written on it, which is how some say that it is too large.
    Cut(String),
    /// It will be the same until somebody does something about it.
    Hold(String),
}

impl Failure {
    /// In the words of a message.
    pub fn cause(&self) -> &str {
        match self {
            Self::Lost(cause) | Self::Late(cause) | Self::Long(cause) | Self::Cut(cause) | Self::Hold(cause) => cause,
        }
    }
}

impl Failure {
    /// The same with the name of the server in front, where that is to be said.
    #[must_use]
    pub fn said_of(self, server: Option<&str>) -> Self {
        let Some(server) = server else { return self };
        let said = |cause: String| format!("{server}: {cause}");
        match self {
            Self::Lost(cause) => Self::Lost(said(cause)),
            Self::Late(cause) => Self::Late(said(cause)),
            Self::Long(cause) => Self::Long(said(cause)),
            Self::Cut(cause) => Self::Cut(said(cause)),
            Self::Hold(cause) => Self::Hold(said(cause)),
        }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost(cause) | Failure::Late(cause) => Self::Again(cause),
            Failure::Long(cause) => Self::Unwieldy(cause),
            Failure::Cut(cause) => Self::Cut(cause),
            Failure::Hold(cause) => Self::Hold(cause),
        }
    }
}

/// What becomes of one record, or of all that were in a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is stored.
    Delivered,
    /// It was stored before: its id is there.
    Known,
    /// The server has stopped before it looked at this record: it is sent again at once.
    Unread,
    /// Not now; the same again, later.
    Again(String),
    /// A mistake of configuration, not of the data: nothing is dropped, it is said and tried slowly.
    Hold(String),
    /// As a connection that was cut: the second time it is taken for too large, yet never a record for that alone.
    Cut(String),
    /// The request was too large: it is halved. A record that was alone in it is refused.
    TooLarge(String),
    /// The answer to so many records is too large: the request is halved, and a record alone in it is sent again.
    Unwieldy(String),
    /// Something in the request is wrong: it is parted to find out what.
    Bad(String),
    /// This very record will never be taken.
    Refused(String),
}

/// What an answer says of the records of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcomes {
    /// The same of all.
    All(Outcome),
    /// One for each, in their order.
    Each(Vec<Outcome>),
    /// Nothing of the request is to be sent again, for what was not refused is stored.
    Taken(Taken),
    /// One for each, and what the destination has learnt, which is said. It may write records in another way from now on:
    /// those that are not stored are [`Outcome::Unread`], written anew and sent at once.
    Otherwise(String, Vec<Outcome>),
}

/// An answer that ends a request, though the server has refused some of its records or has something to say.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Taken {
    /// The records that the answer names as refused, with the reasons: their places in the request, rising.
    pub refused: Vec<(usize, String)>,
    /// How many more were refused; which ones the server does not say.
    pub unnamed: usize,
    /// What is to be said: why those were refused, or a warning where none was.
    pub words: String,
}

impl Outcomes {
    /// The same with all that is said of it changed by `change`.
    #[must_use]
    pub fn map_words(self, change: &dyn Fn(String) -> String) -> Self {
        match self {
            Self::All(outcome) => Self::All(outcome.map_words(change)),
            Self::Each(outcomes) => Self::Each(outcomes.into_iter().map(|outcome| outcome.map_words(change)).collect()),
            Self::Taken(Taken { refused, unnamed, words }) => Self::Taken(Taken {
                refused: refused.into_iter().map(|(place, reason)| (place, change(reason))).collect(),
                unnamed,
                words: change(words),
            }),
            Self::Otherwise(words, each) => Self::Otherwise(change(words), each),
        }
    }
}

impl Outcome {
    fn map_words(self, change: &dyn Fn(String) -> String) -> Self {
        match self {
            Self::Delivered | Self::Known | Self::Unread => self,
            Self::Again(words) => Self::Again(change(words)),
            Self::Hold(words) => Self::Hold(change(words)),
            Self::Cut(words) => Self::Cut(change(words)),
            Self::TooLarge(words) => Self::TooLarge(change(words)),
            Self::Unwieldy(words) => Self::Unwieldy(change(words)),
            Self::Bad(words) => Self::Bad(change(words)),
            Self::Refused(words) => Self::Refused(change(words)),
        }
    }
}

/// What a status code means for a whole request where the destination does not say otherwise. `None`: it is a success code.
pub fn from_status(status: u16, body: &[u8]) -> Option<Outcome> {
    let reason = reason(status, body);
    match status {
        200..=299 => None,
        501 | 505 => Some(Outcome::Hold(reason)),
        408 | 425 | 429 | 500..=599 => Some(Outcome::Again(reason)),
        400 | 422 => Some(Outcome::Bad(reason)),
        413 => Some(Outcome::TooLarge(reason)),
        _ => Some(Outcome::Hold(reason)),
    }
}

/// The code and the beginning of what the server said to it; of a page, its title.
pub fn reason(status: u16, body: &[u8]) -> String {
    let text = text_of(status, body);
    if text.is_empty() { format!("{status}") } else { format!("{status} {text}") }
}

/// A code that is not what is expected: what is wrong with it stands before what the server said, which may be long.
pub fn unexpected(status: u16, wrong: &str, body: &[u8]) -> String {
    let text = text_of(status, body);
    if text.is_empty() { format!("{status}, {wrong}") } else { format!("{status}, {wrong}: {text}") }
}

/// The beginning of what the server said, on one line; of a page, its title.
fn text_of(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(1000)]);
    let text = if text.trim_start().starts_with('<') { title(&text).unwrap_or("a page") } else { &text };
    // Titles mostly say the code once more.
    let text = text.strip_prefix(&status.to_string()).unwrap_or(text);
    let text: String = text.chars().take(200).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a success code with a web page means: a proxy wants somebody to log in, and nothing has taken the records. `None`
/// where the body is none.
pub fn from_page(status: u16, body: &[u8]) -> Option<Outcome> {
    let start = body.trim_ascii_start();
    let is_page = [&b"<!doctype html"[..], b"<html"]
        .iter()
        .any(|head| start.get(..head.len()).is_some_and(|start| start.eq_ignore_ascii_case(head)));
    is_page.then(|| {
        let text = String::from_utf8_lossy(&body[..body.len().min(1000)]);
        let title = title(&text).unwrap_or_default();
        Outcome::Hold(unexpected(status, "a web page (is the URL right?)", title.as_bytes()))
    })
}

/// What stands in the title of a page; `None` where it has none.
fn title(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("<title>")?;
    Some(rest.split_once("</title>")?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_of_configuration_never_drops_anything() {
        for status in [301, 302, 401, 403, 404, 405, 406, 407, 410, 411, 414, 415, 426, 431, 501, 505, 600, 100] {
            assert!(matches!(from_status(status, b""), Some(Outcome::Hold(_))), "{status}");
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 507, 599] {
            assert!(matches!(from_status(status, b""), Some(Outcome::Again(_))), "{status}");
        }
        assert!(matches!(from_status(413, b""), Some(Outcome::TooLarge(_))));
        assert!(matches!(from_status(400, b"no\n such"), Some(Outcome::Bad(reason)) if reason == "400 no such"));
        assert_eq!(from_status(204, b""), None);
        let page = b"<html>\n<head><title>502 Bad Gateway</title></head>";
        assert_eq!(reason(502, page), "502 Bad Gateway");
        let held = |words: &str| Some(Outcome::Hold(words.to_owned()));
        assert_eq!(from_page(502, page), held("502, a web page (is the URL right?): Bad Gateway"));
        assert_eq!(from_page(200, b"\n<!DOCTYPE HTML>"), held("200, a web page (is the URL right?)"));
        assert_eq!([from_page(200, b"<?xml"), from_page(200, b"{}"), from_page(200, b"")], [None, None, None]);
    }
}
