//! Any text: a leading time and a level where there are any, the rest is the message. It never fails.

use logline::level::Level;

use crate::clock::Clock;
use crate::record::Record;

/// What a word says about the level, in the words that records use.
pub fn level(word: &[u8]) -> Option<&'static [u8]> {
    Level::from_word(word).map(|level| level.name().as_bytes())
}

/// Reads a line.
pub fn parse(line: &[u8], record: &mut Record, clock: &mut Clock) {
    let mut rest = line;
    let bracketed = line.first() == Some(&b'[');
    let begin = usize::from(bracketed);
    if let Some(length) = clock.leading(&line[begin..], record.time()) {
        let behind = &line[begin + length..];
        let closed = if bracketed { behind.strip_prefix(b"]") } else { Some(behind) };
        match closed {
            // Digits that go on, or letters: this was no time but looked like one.
            Some(behind) if ends_a_word(behind) && !names_a_zone(behind, &line[..begin + length]) => {
                rest = behind.trim_ascii_start();
            }
            _ => record.time().clear(),
        }
    }
    let timed = rest.len() < line.len();
    if let Some((word, behind)) = leading_level(rest, timed) {
        record.level(word);
        rest = behind;
    }
    record.message(rest);
}

fn ends_a_word(text: &[u8]) -> bool {
    text.first().is_none_or(|byte| !byte.is_ascii_alphanumeric())
}

/// An abbreviation like `PDT` behind a stamp without a zone: it is not guessed, so there is no time.
fn names_a_zone(behind: &[u8], stamp: &[u8]) -> bool {
    let has_zone = stamp.last().is_some_and(|byte| matches!(byte, b'Z' | b'z'))
        || stamp.get(19..).is_some_and(|tail| tail.iter().any(|byte| matches!(byte, b'+' | b'-')));
    let word = behind.trim_ascii_start();
    let word = &word[..word.iter().take_while(|byte| byte.is_ascii_alphabetic()).count()];
    !has_zone && (2..=5).contains(&word.len()) && word.iter().all(u8::is_ascii_uppercase) && level(word).is_none()
}

/// `[warn] `, `WARN: `; behind a time also `WARN `.
fn leading_level(text: &[u8], timed: bool) -> Option<(&'static [u8], &[u8])> {
    let (inner, bracketed) = match text.strip_prefix(b"[") {
        Some(inner) => (inner, true),
        None => (text, false),
    };
    let length = inner.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = level(&inner[..length])?;
    let padded = inner[length..].trim_ascii_start();
    let behind = match (bracketed, &inner[length..]) {
        (true, _) => padded.strip_prefix(b"]")?,
        (false, [b':', behind @ ..]) => behind,
        (false, [b' ', behind @ ..]) if timed && inner[..length].iter().all(u8::is_ascii_uppercase) => behind,
        _ => return None,
    };
    Some((word, behind.trim_ascii_start()))
}
