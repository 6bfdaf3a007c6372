//! The stamps of Apache's `%{…}t`: what `strftime` has written is read back, and what several directives of one line say
//! (a date here, milliseconds there, the zone behind them) becomes one time.
//!
//! Source: <https://httpd.apache.org/docs/2.4/mod/mod_log_config.html>, `strftime(3)` in the C locale.

use logline::calendar::{MONTHS, WEEKDAYS, named};

use crate::clock::Clock;
use crate::record::Record;

/// A pattern of `strftime`, or one of Apache's own words, ready to read stamps.
#[derive(Debug)]
pub struct Strftime {
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Piece {
    Literal(u8),
    /// A conversion of `strftime`, by its letter.
    Field(u8),
    /// So many digits of a second.
    Fraction(usize),
    /// Seconds since 1970, followed by this number of digits of the fraction: 0, 3 or 6.
    Epoch(usize),
}

/// What the stamps of one line have told so far.
#[derive(Clone, Default, Debug)]
pub struct Parts {
    year: Option<usize>,
    month: usize,
    day: usize,
    hour: Option<usize>,
    is_afternoon: Option<bool>,
    minute: usize,
    second: usize,
    /// Digits of a second.
    fraction: Vec<u8>,
    /// `+0100`, or a space and a name.
    zone: Vec<u8>,
    /// Digits of the seconds since 1970.
    epoch: Option<Vec<u8>>,
}

impl Strftime {
    /// Compiles what stands between the braces. The error names the conversion that is not known.
    pub fn compile(argument: &str) -> Result<Self, String> {
        let pattern = argument.strip_prefix("begin:").or_else(|| argument.strip_prefix("end:")).unwrap_or(argument);
        let own = match pattern {
            "sec" => Some(Piece::Epoch(0)),
            "msec" => Some(Piece::Epoch(3)),
            "usec" => Some(Piece::Epoch(6)),
            "msec_frac" => Some(Piece::Fraction(3)),
            "usec_frac" => Some(Piece::Fraction(6)),
            _ => None,
        };
        let mut stamp = Self { pieces: own.into_iter().collect() };
        if own.is_none() {
            stamp.push(pattern)?;
        }
        Ok(stamp)
    }

    fn push(&mut self, pattern: &str) -> Result<(), String> {
        let mut letters = pattern.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                self.pieces.extend(letter.encode_utf8(&mut [0; 4]).bytes().map(Piece::Literal));
                continue;
            }
            // glibc's flags and the C standard's alternatives write the same digits.
            let conversion = letters.find(|letter| !matches!(letter, '-' | '_' | '0' | 'E' | 'O'));
            match conversion.ok_or("a % without a letter in %{…}t")? {
                'T' | 'X' => self.push("%H:%M:%S")?,
                'R' => self.push("%H:%M")?,
                'F' => self.push("%Y-%m-%d")?,
                'D' | 'x' => self.push("%m/%d/%y")?,
                'r' => self.push("%I:%M:%S %p")?,
                'c' => self.push("%a %b %e %H:%M:%S %Y")?,
                'n' => self.pieces.push(Piece::Literal(b'\n')),
                't' => self.pieces.push(Piece::Literal(b'\t')),
                '%' => self.pieces.push(Piece::Literal(b'%')),
                's' => self.pieces.push(Piece::Epoch(0)),
                letter if letter.is_ascii() && b"YymbBhdeHkIlMSpPzZaAjuwCGgUVW".contains(&(letter as u8)) => {
                    self.pieces.push(Piece::Field(letter as u8));
                }
                letter => return Err(format!("%{letter} in %{{{pattern}}}t: unknown conversion of strftime")),
            }
        }
        Ok(())
    }

    /// Whether the stamps of a format tell a time: seconds since 1970, or a day and a clock.
    pub fn tell_a_time<'a>(stamps: impl Iterator<Item = &'a Self>) -> bool {
        let pieces: Vec<_> = stamps.flat_map(|stamp| &stamp.pieces).collect();
        let has = |letters: &[u8]| {
            pieces.iter().any(|piece| matches!(piece, Piece::Field(letter) if letters.contains(letter)))
        };
        let is_epoch = pieces.iter().any(|piece| matches!(piece, Piece::Epoch(_)));
        is_epoch || (has(b"mbBh") && has(b"de") && has(b"HkIl") && has(b"M"))
    }

    /// Reads the stamp that `text` begins with; how long it is.
    pub fn read(&self, text: &[u8], parts: &mut Parts) -> Option<usize> {
        let mut rest = text;
        for piece in &self.pieces {
            let length = match *piece {
                Piece::Literal(byte) => usize::from(*rest.first()? == byte),
                Piece::Field(letter) => parts.read(letter, rest)?,
                Piece::Fraction(length) => {
                    parts.fraction = digits(rest, length, length)?.to_vec();
                    length
                }
                Piece::Epoch(decimals) => {
                    let number = digits(rest, decimals + 1, 13 + decimals)?;
                    let (whole, fraction) = number.split_at(number.len() - decimals);
                    parts.epoch = Some(whole.to_vec());
                    if decimals > 0 {
                        parts.fraction = fraction.to_vec();
                    }
                    number.len()
                }
            };
            if length == 0 && matches!(piece, Piece::Literal(_)) {
                return None;
            }
            rest = &rest[length..];
        }
        Some(text.len() - rest.len())
    }
}

impl Parts {
    /// Reads what the conversion `letter` has written; how long it is.
    fn read(&mut self, letter: u8, text: &[u8]) -> Option<usize> {
        if let Some(length) = self.read_word(letter, text) {
            return Some(length);
        }
        let (number, length) = match letter {
            b'Y' | b'G' => number(text, 4)?,
            b'j' => number(text, 3)?,
            b'u' | b'w' => number(text, 1)?,
            _ => number(text, 2)?,
        };
        match letter {
            b'Y' => self.year = Some(number),
            // As POSIX has it: 69 to 99 are of the last century.
            b'y' => self.year = Some(number + if number < 69 { 2000 } else { 1900 }),
            b'm' => self.month = number,
            b'd' | b'e' => self.day = number,
            b'H' | b'k' | b'I' | b'l' => self.hour = Some(number),
            b'M' => self.minute = number,
            b'S' => self.second = number,
            // Words that are none, and what says the same again: the week, the day of the year.
            b'b' | b'B' | b'h' | b'a' | b'A' | b'p' | b'P' | b'z' | b'Z' => return None,
            _ => {}
        }
        Some(length)
    }

    /// The same for conversions that do not write digits only.
    fn read_word(&mut self, letter: u8, text: &[u8]) -> Option<usize> {
        match letter {
            b'b' | b'B' | b'h' => {
                let (at, length) = named(text, &MONTHS)?;
                self.month = at + 1;
                Some(length)
            }
            b'a' | b'A' => named(text, &WEEKDAYS).map(|(_, length)| length),
            b'p' | b'P' => {
                let word = text.get(..2)?;
                self.is_afternoon = Some(word.eq_ignore_ascii_case(b"pm"));
                (self.is_afternoon == Some(true) || word.eq_ignore_ascii_case(b"am")).then_some(2)
            }
            b'z' => {
                let offset = text.get(..5).filter(|offset| matches!(offset[0], b'+' | b'-'))?;
                digits(&offset[1..], 4, 4)?;
                self.zone = offset.to_vec();
                Some(5)
            }
            b'Z' => {
                let length = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
                self.zone = [b" ", &text[..length]].concat();
                (length > 0).then_some(length)
            }
            _ => None,
        }
    }

    /// Puts the time that the parts make into `record`. Where they make none, their words are kept as `time_`.
    pub fn put(&self, record: &mut Record, clock: &mut Clock) {
        let text = self.written();
        let is_time = match (&self.epoch, &self.year) {
            (Some(_), _) => clock.epoch(&text, record.time()),
            (None, Some(_)) => clock.iso(&text, record.time()),
            (None, None) => clock.yearless(&text, record.time()).is_some(),
        };
        if !is_time {
            record.time().clear();
            record.text("time_", &text);
        }
    }

    fn written(&self) -> Vec<u8> {
        let mut text = match &self.epoch {
            Some(seconds) => seconds.clone(),
            None => self.written_date().into_bytes(),
        };
        if !self.fraction.is_empty() {
            text.push(b'.');
            text.extend_from_slice(&self.fraction);
        }
        if self.epoch.is_none() {
            text.extend_from_slice(&self.zone);
        }
        text
    }

    fn written_date(&self) -> String {
        let hour = match (self.hour.unwrap_or_default(), self.is_afternoon) {
            (12, Some(false)) => 0,
            (hour @ ..12, Some(true)) => hour + 12,
            (hour, _) => hour,
        };
        let Self { month, day, minute, second, .. } = self;
        let clock = format!("{hour:02}:{minute:02}:{second:02}");
        match self.year {
            Some(year) => format!("{year:04}-{month:02}-{day:02}T{clock}"),
            None => {
                let name = MONTHS.get(month.wrapping_sub(1)).map_or("", |name| &name[..3]);
                format!("{name} {day:2} {clock}")
            }
        }
    }
}

/// A number of so many digits, and its length. Of two digits the first may be a space or missing.
fn number(text: &[u8], most: usize) -> Option<(usize, usize)> {
    let padding = usize::from(text.first() == Some(&b' ') && most == 2);
    let least = if most > 2 { most } else { 1 };
    let digits = digits(&text[padding..], least, most - padding)?;
    let number = digits.iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
    Some((number, padding + digits.len()))
}

fn digits(text: &[u8], least: usize, most: usize) -> Option<&[u8]> {
    let length = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    (length >= least).then(|| &text[..length])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn written(pattern: &str, text: &str) -> Option<String> {
        let mut parts = Parts::default();
        let length = Strftime::compile(pattern).unwrap().read(text.as_bytes(), &mut parts)?;
        (length == text.len()).then(|| String::from_utf8(parts.written()).unwrap())
    }

    #[test]
    fn what_strftime_writes_is_read_back() {
        for (pattern, text, time) in [
            ("%Y-%m-%d %T", "2021-01-27 00:00:06", "2021-01-27T00:00:06"),
            ("%d/%b/%Y:%H:%M:%S %z", "05/Mar/2024:10:11:12 +0100", "2024-03-05T10:11:12+0100"),
            ("%c", "Tue Mar  5 10:11:12 2024", "2024-03-05T10:11:12"),
            ("%D %r", "03/05/24 12:11:12 AM", "2024-03-05T00:11:12"),
            ("%A, %d %B %Y %I:%M %p", "Tuesday, 05 March 2024 03:11 pm", "2024-03-05T15:11:00"),
            ("%b %e %T", "Mar  5 10:11:12", "Mar  5 10:11:12"),
            ("%FT%T%Z", "2024-03-05T10:11:12UTC", "2024-03-05T10:11:12 UTC"),
            ("sec", "1709633472", "1709633472"),
            ("msec", "1709633472345", "1709633472.345"),
            ("end:usec", "1709633472345678", "1709633472.345678"),
        ] {
            assert_eq!(written(pattern, text).as_deref(), Some(time), "{pattern}");
        }
        for (pattern, text) in [("%Y", "24"), ("%b", "Foo"), ("%z", "CET"), ("%H:%M", "10-11"), ("msec", "12")] {
            assert_eq!(written(pattern, text), None, "{pattern} {text}");
        }
    }

    #[test]
    fn a_conversion_that_nobody_knows_is_named() {
        assert_eq!(Strftime::compile("%Y %Q").unwrap_err(), "%Q in %{%Y %Q}t: unknown conversion of strftime");
    }
}
