//! The parts that a stamp is made of: digits, clocks, decimals, days of a year, zones.

use crate::calendar::month;

/// The digits behind the seconds.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Fraction {
    /// Below 1 000 000 000.
    pub(super) nanos: u32,
    /// How many digits were written; those behind the ninth are cut off.
    pub(super) digits: u8,
}

/// A time of day.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    /// Hour, minute, second.
    pub(super) time: [i64; 3],
    pub(super) fraction: Fraction,
}

/// How many digits `text` begins with.
pub(super) fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// A number of a few decimal digits and nothing else.
pub(super) fn number(text: &[u8]) -> Option<i64> {
    let is_number = !text.is_empty() && text.len() <= 9 && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| text.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// Whether nothing goes on here that is part of a word.
pub(super) fn ends_word(text: &[u8]) -> bool {
    text.first().is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
}

/// Where one or two spaces (or one more for a padded day or hour) end that stand at `at`.
pub(super) fn behind_spaces(text: &[u8], at: usize) -> Option<usize> {
    let count = text.get(at..)?.iter().take_while(|byte| **byte == b' ').count();
    (1..=2).contains(&count).then_some(at + count)
}

/// `Oct 10`, `Oct  1` or `October 10`: the month, the day, and how long it is.
pub(super) fn month_and_day(text: &[u8]) -> Option<([i64; 2], usize)> {
    let month = month(text.get(..3)?)?;
    let from = behind_spaces(text, 3)?;
    let count = digits(&text[from..]);
    let day = number(&text[from..from + count]).filter(|_| count <= 2)?;
    Some(([month, day], from + count))
}

/// `13:55:36.123`, `13:55`, `7:21:57`: the seconds may be missing, the hour may have one digit.
pub(super) fn clock(text: &[u8]) -> Option<(Clock, usize)> {
    clock_by(text, b':')
}

pub(super) fn clock_by(text: &[u8], between: u8) -> Option<(Clock, usize)> {
    let hours = digits(text);
    let hour = number(&text[..hours]).filter(|_| hours <= 2)?;
    let [sign, m1, m2, ..] = text[hours..] else { return None };
    let minute = number(&[m1, m2]).filter(|_| sign == between)?;
    let at = hours + 3;
    let second = match text[at..] {
        [sign, s1, s2, ..] if sign == between => number(&[s1, s2])?,
        // Something that goes on is no clock.
        [sign, ..] if sign == between || sign.is_ascii_digit() => return None,
        _ => {
            return Some((Clock { time: [hour, minute, 0], fraction: Fraction::default() }, at));
        }
    };
    if text.get(at + 3).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let (fraction, end) = fraction(text, at + 3);
    Some((Clock { time: [hour, minute, second], fraction }, end))
}

/// The same with parts of one digit or two.
pub(super) fn clock_unpadded(text: &[u8]) -> Option<(Clock, usize)> {
    let mut time = [0; 3];
    let mut at = 0;
    for (place, part) in time.iter_mut().enumerate() {
        if place > 0 {
            at += usize::from(text.get(at) == Some(&b':'));
        }
        let count = digits(text.get(at..)?);
        *part = number(&text[at..at + count]).filter(|_| count <= 2)?;
        at += count;
    }
    let (fraction, end) = fraction(text, at);
    Some((Clock { time, fraction }, end))
}

/// The decimals behind a point or comma at `at`, and where they end; none if no digit follows.
pub(super) fn fraction(text: &[u8], at: usize) -> (Fraction, usize) {
    let Some([b'.' | b',', rest @ ..]) = text.get(at..) else { return (Fraction::default(), at) };
    let count = digits(rest);
    if count == 0 {
        return (Fraction::default(), at);
    }
    (Fraction::new(&rest[..count]), at + 1 + count)
}

impl Fraction {
    pub(super) fn new(decimals: &[u8]) -> Self {
        let padded = decimals.iter().chain(std::iter::repeat(&b'0')).take(9);
        let nanos = padded.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        Self { nanos, digits: decimals.len().min(9).to_le_bytes()[0] }
    }
}

/// Whether `am` or `pm` follows, a space before it or not: is it the afternoon, and how long is it?
pub(super) fn half_of_day(text: &[u8]) -> Option<(bool, usize)> {
    let space = usize::from(text.first() == Some(&b' '));
    let [half, m, rest @ ..] = &text[space..] else { return None };
    let is_half = m.eq_ignore_ascii_case(&b'm') && matches!(half, b'a' | b'A' | b'p' | b'P') && ends_word(rest);
    is_half.then(|| (half.eq_ignore_ascii_case(&b'p'), space + 2))
}

/// `+02:00`, `+0200` or `+02` with nothing of a word behind it: seconds east of UTC, `None` if no zone is so far off, and its
/// length.
pub(crate) fn offset(text: &[u8]) -> Option<(Option<i64>, usize)> {
    let (sign, rest) = match text {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes, length) = match (digits(rest), rest) {
        (2, [h1, h2, b':', m1, m2, ..]) => (number(&[*h1, *h2])?, number(&[*m1, *m2])?, 5),
        (4, [h1, h2, m1, m2, ..]) => (number(&[*h1, *h2])?, number(&[*m1, *m2])?, 4),
        (2, [h1, h2, ..]) => (number(&[*h1, *h2])?, 0, 2),
        _ => return None,
    };
    if !ends_word(&rest[length..]) {
        return None;
    }
    let seconds = sign * (hours * 3600 + minutes * 60);
    // From Baker Island to Kiritimati.
    let exists = minutes < 60 && (-12 * 3600..=14 * 3600).contains(&seconds);
    Some((exists.then_some(seconds), 1 + length))
}

pub(super) fn is_of_zone_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+')
}

/// Abbreviations of zones that programs write. Those that are a word as well (`EAT`, `WET`) are not among them.
pub(super) const ABBREVIATIONS: [&[u8]; 51] = [
    b"CET", b"CEST", b"MET", b"MEST", b"EET", b"EEST", b"WEST", b"BST", b"IST", b"MSK", b"MSD", b"EST", b"EDT", b"CST",
    b"CDT", b"MST", b"MDT", b"PST", b"PDT", b"AKST", b"AKDT", b"HST", b"HDT", b"AST", b"ADT", b"NST", b"NDT", b"JST",
    b"KST", b"HKT", b"SGT", b"AEST", b"AEDT", b"ACST", b"ACDT", b"AWST", b"NZST", b"NZDT", b"SAST", b"PKT", b"ICT",
    b"WIB", b"WITA", b"BRT", b"BRST", b"CLT", b"CLST", b"SST", b"TRT", b"YEKT", b"NOVT",
];

/// A name of a zone in brackets, and the length of it with them.
pub(super) fn bracketed_name(text: &[u8]) -> Option<(&[u8], usize)> {
    let close = match text.first()? {
        b'[' => b']',
        b'(' => b')',
        _ => return None,
    };
    let length = text[1..].iter().take_while(|byte| is_of_zone_name(**byte)).count();
    let word = &text[1..=length];
    let is_name = length > 0 && text.get(1 + length) == Some(&close) && word[0].is_ascii_uppercase();
    let is_zone =
        matches!(word, b"UTC" | b"GMT" | b"Z") || memchr::memchr(b'/', word).is_some() || ABBREVIATIONS.contains(&word);
    (is_name && is_zone).then_some((word, length + 2))
}

/// ` 2025` or ` CET 2025` behind a clock that ends at `at`: the year, the zone, and where it ends.
pub(super) fn year_behind(text: &[u8], at: usize) -> Option<(i64, Option<&[u8]>, usize)> {
    let rest = text.get(at..)?.strip_prefix(b" ")?;
    let letters = rest.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let (zone, rest) = match rest.get(letters) {
        Some(b' ') if (1..=5).contains(&letters) => (Some(&rest[..letters]), &rest[letters + 1..]),
        _ => (None, rest),
    };
    // `2001:db8::1` is the address of a host.
    let is_ended = |rest: &[u8]| ends_word(rest) && !matches!(rest, [b':', next, ..] if *next != b' ');
    let year = rest.get(..4).and_then(number).filter(|_| is_ended(&rest[4..]))?;
    // A number of four digits behind a time of syslog is a year only where it can be one.
    (1970..2200).contains(&year).then(|| (year, zone, text.len() - rest.len() + 4))
}
