//! Docker's json-file: `{"log":"…\n","stream":"stdout","time":"…"}`. A `log` without its `\n` is a part of a line.

use std::borrow::Cow;

use logline::json;

/// One line of the runtime.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part<'a> {
    /// `stdout` or `stderr`.
    pub stream: &'a [u8],
    /// More of the same line follows.
    pub partial: bool,
    /// What the program wrote, without its line end.
    pub content: Cow<'a, [u8]>,
}

/// Takes a line apart.
pub fn split(line: &[u8]) -> Result<Part<'_>, &'static str> {
    if !json::is_valid_object(line) {
        return Err("not one whole object");
    }
    let (mut log, mut stream) = (None, &b"\"\""[..]);
    for member in json::members(line).flatten() {
        if member.is(b"log") {
            log = Some(member.value);
        } else if member.is(b"stream") {
            stream = member.value;
        }
    }
    let log = log.and_then(json::unescape).ok_or("no text in log")?;
    let ended = log.ends_with(b"\n");
    let content = if ended { without_line_end(log) } else { log };
    let stream = stream.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or_default();
    Ok(Part { stream, partial: !ended, content })
}

fn without_line_end(log: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let length = log.strip_suffix(b"\n").map_or(log.len(), |text| text.strip_suffix(b"\r").unwrap_or(text).len());
    match log {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..length]),
        Cow::Owned(mut text) => {
            text.truncate(length);
            Cow::Owned(text)
        }
    }
}
