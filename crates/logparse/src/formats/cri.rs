//! What a container runtime writes for Kubernetes: `<RFC3339Nano> <stdout|stderr> <tags> <bytes>`; the first of the tags,
//! which are parted by `:`, is `P` for a part of a line or `F` for its end. Exactly one space stands before the content.

use memchr::memchr;

/// One line of the runtime.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part<'a> {
    /// RFC 3339.
    pub time: &'a [u8],
    /// `stdout` or `stderr`.
    pub stream: &'a [u8],
    /// More of the same line follows.
    pub partial: bool,
    /// What the program wrote.
    pub content: &'a [u8],
}

/// Takes a line apart.
pub fn split(line: &[u8]) -> Result<Part<'_>, &'static str> {
    let (time, rest) = word(line).filter(|(time, _)| is_time(time)).ok_or("no time in front")?;
    let (stream, rest) = word(rest)
        .filter(|(stream, _)| matches!(*stream, b"stdout" | b"stderr"))
        .ok_or("no stdout or stderr after the time")?;
    // Some runtimes leave out the space behind the tags of an empty line.
    let (tags, content) = word(rest).unwrap_or((rest, b""));
    let partial = match tags.split(|byte| *byte == b':').next() {
        Some(b"F") => false,
        Some(b"P") => true,
        _ => return Err("no F or P after the stream"),
    };
    Ok(Part { time, stream, partial, content })
}

fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = memchr(b' ', text)?;
    Some((&text[..space], &text[space + 1..]))
}

/// Its shape; whether there is such a day is not asked.
fn is_time(text: &[u8]) -> bool {
    text.len() >= 20
        && text.len() <= 40
        && text[4] == b'-'
        && text[10] == b'T'
        && text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b':' | b'.' | b'+' | b'T' | b'Z'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn one_space_stands_before_the_content() {
        let part = split(b"2025-10-10T13:55:36.1Z stderr F   x").unwrap();
        assert_eq!((part.stream, part.partial, part.content), (&b"stderr"[..], false, &b"  x"[..]));
        assert_eq!(split(b"2025-10-10T13:55:36.1Z stdout P:x ").unwrap().content, b"");
        assert!(split(b"2025-10-10T13:55:36.1Z stdlog F x").is_err());
        assert!(split(b"hello stdout F x").is_err());
    }
}
