//! The right side of a test. What is printed is read as the same value.

use std::fmt;

use crate::when::When;

/// The right side of a test.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// A number; a size with its unit is one too, in bytes.
    Number(Number),
    /// A length of time, in seconds.
    Duration(Number),
    /// `5xx`: the first digit of a status.
    Class(u8),
    /// A moment, and how it was written: of a field that tells no time it is a text.
    Time(When, String),
    /// A text.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
    /// `null`, or a missing field.
    Null,
}

/// A number, exact where it is whole and not huge.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Number {
    /// Whole.
    Whole(i64),
    /// With decimals, or huge.
    Real(f64),
}

impl Number {
    /// JSON's numbers, and a little more (a leading plus or zero); nothing infinite.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let digit = |digit: &u8| digit.is_ascii_digit().then(|| i64::from(digit - b'0'));
        if (1..=18).contains(&text.len())
            && let Some(whole) = text.iter().try_fold(0, |sum, byte| Some(sum * 10 + digit(byte)?))
        {
            return Some(Self::Whole(whole));
        }
        match text {
            [b'0'..=b'9' | b'-' | b'+' | b'.', ..] => {
                let text = std::str::from_utf8(text).ok()?;
                text.parse().ok().map(Self::Whole).or_else(|| Self::of_real(text.parse().ok()?))
            }
            _ => None,
        }
    }

    /// A length of time with its unit, `830.5ms`, `1m2.5s` or `12 ms`, in seconds.
    pub fn parse_duration(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.trim();
        let (sign, text) = text.strip_prefix('-').map_or((1.0, text), |text| (-1.0, text));
        if !text.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !text.ends_with(char::is_alphabetic) {
            return None;
        }
        let duration = logline::quantity::parse_duration(&text.replacen(' ', "", 1)).ok()?;
        Self::of_real(sign * duration.as_secs_f64())
    }

    /// So many times as much, if that is finite.
    pub fn times(self, factor: f64) -> Option<Self> {
        Self::of_real(self.real() * factor)
    }

    /// Whole where nothing is cut off by that, so that equal numbers are equal values.
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
    fn of_real(real: f64) -> Option<Self> {
        let is_whole = real.fract() == 0.0 && real.abs() < 9e15;
        real.is_finite().then_some(if is_whole { Self::Whole(real as i64) } else { Self::Real(real) })
    }

    /// As a floating point number.
    #[expect(clippy::cast_precision_loss, reason = "exact comparison is tried first")]
    pub fn real(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => Some(left.cmp(right)),
            _ => self.real().partial_cmp(&other.real()),
        }
    }
}

/// What a word with a unit means.
pub enum Measured {
    /// A value.
    Value(Value),
    /// A number with letters behind it that are no unit.
    UnknownUnit,
    /// No number begins it.
    Word,
}

/// For messages: the units.
pub const UNITS: &str = "a known unit (ms s m h d w, B kB MB GB KiB MiB GiB), or quotes around a text";

impl Measured {
    /// Reads a number with or without a unit, a length of time like `2h30m`, or a class of status like `5xx`.
    pub fn parse(word: &str) -> Self {
        if let [digit @ b'1'..=b'9', b'x' | b'X', b'x' | b'X'] = word.as_bytes() {
            return Self::Value(Value::Class(digit - b'0'));
        }
        if let Some(number) = Number::parse(word.as_bytes()) {
            return Self::Value(Value::Number(number));
        }
        let unit_at = word.find(char::is_alphabetic).unwrap_or(word.len());
        let (digits, unit) = word.split_at(unit_at);
        let Some(number) = Number::parse(digits.as_bytes()) else { return Self::Word };
        let length = match unit {
            "ms" => Some(1e-3),
            "us" | "µs" | "μs" => Some(1e-6),
            "ns" => Some(1e-9),
            "s" => Some(1.0),
            "m" | "min" => Some(60.0),
            "h" => Some(3600.0),
            "d" => Some(86_400.0),
            "w" => Some(604_800.0),
            _ => None,
        };
        let size = match unit {
            "B" => Some(1.0),
            "kB" | "kb" | "KB" => Some(1e3),
            "MB" | "mb" => Some(1e6),
            "GB" | "gb" => Some(1e9),
            "KiB" | "k" | "K" => Some(1024.0),
            "MiB" | "M" => Some(1_048_576.0),
            "GiB" | "G" => Some(1_073_741_824.0),
            _ => None,
        };
        if let Some(seconds) = length.and_then(|factor| number.times(factor)) {
            return Self::Value(Value::Duration(seconds));
        }
        if let Some(bytes) = size.and_then(|factor| number.times(factor)) {
            return Self::Value(Value::Number(bytes));
        }
        let together = logline::quantity::parse_duration(word).ok();
        if let Some(seconds) = together.and_then(|duration| Number::of_real(duration.as_secs_f64())) {
            return Self::Value(Value::Duration(seconds));
        }
        let is_unit = |unit: &str| unit.chars().all(|c| c.is_ascii_alphabetic());
        if is_unit(unit) { Self::UnknownUnit } else { Self::Word }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Duration(number) => write!(f, "{number}s"),
            Self::Class(digit) => write!(f, "{digit}xx"),
            Self::Time(_, text) if text.chars().all(|c| c.is_ascii_alphanumeric() || "-:.+/".contains(c)) => {
                f.write_str(text)
            }
            Self::Time(_, text) | Self::Text(text) => write!(f, "{}", Quoted(text)),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Null => write!(f, "null"),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(whole) => write!(f, "{whole}"),
            // Never without a point: it would be read as whole.
            Self::Real(real) if real.fract() == 0.0 => write!(f, "{real}.0"),
            Self::Real(real) => write!(f, "{real}"),
        }
    }
}

/// A text in double quotes, as the parser reads it.
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_compared_exactly() {
        let [one, other] = [b"9007199254740993", b"9007199254740992"].map(|text| Number::parse(text));
        assert!(one > other);
        assert!(Number::parse(b"503") == Number::parse(b"503") && Number::parse(b"5.03e2") >= Number::parse(b"503"));
        assert_eq!((Number::parse(b"1e999"), Number::parse(b"nan"), Number::parse(b"")), (None, None, None));
    }

    #[test]
    fn units_are_applied() {
        let value = |word| match Measured::parse(word) {
            Measured::Value(value) => value.to_string(),
            Measured::UnknownUnit => "unknown unit".to_owned(),
            Measured::Word => "word".to_owned(),
        };
        for (word, expected) in [
            ("10MB", "10000000"),
            ("1.5k", "1536"),
            ("250ms", "0.25s"),
            ("2h30m", "9000s"),
            ("7d", "604800s"),
            ("5xx", "5xx"),
            ("10XB", "unknown unit"),
            ("10.0.0.1", "word"),
            ("5f3a", "word"),
            ("1e3", "1000"),
        ] {
            assert_eq!(value(word), expected, "{word}");
        }
    }
}
