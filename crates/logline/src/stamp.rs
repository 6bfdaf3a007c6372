//! Times as programs write them, read once for the workspace: what they mean ([`Stamp::moment`]), and how they are written
//! as RFC 3339 with the offset and the precision that they came with ([`Stamp::write`]).
//!
//! | stamp | written by |
//! |---|---|
//! | `2025-10-10T13:55:36.123+02:00`, `2025-10-10 13:55:36,123 +0200`, `2025/10/10 13:55`, `2025.10.10 13:55:36` | most programs |
//! | `2025-10-10-13.55.36.123456` | Db2, Blue Gene |
//! | `20251010T135536Z`, `20251010-13:55:36:123`, `251010 13:55:36` | ISO 8601 in its basic form, health apps, MySQL |
//! | `10/Oct/2025:13:55:36 +0200`, `10-Oct-2025 13:55:36 Europe/Berlin`, `10 Oct 2025 13:55:36.123` | web servers, PHP, Redis |
//! | `Fri, 10 Oct 2025 13:55:36 +0200` | RFC 2822 |
//! | `Fri Oct 10 13:55:36.123 2025`, `Oct 10, 2025 1:55:36 PM`, `Oct 10 13:55:36`, `2025 Oct 10 13:55:36` | httpd, Java, syslog |
//! | `1760104536`, `1760104536.123`, `1760104536123` and so on to nanoseconds | an epoch, only as the value of a field |
//!
//! The clock is 24 hours, or 12 with `am` or `pm` behind it; an hour may be padded by a space. A zone is an offset, with a
//! space before it or not, `UTC`, `GMT` or `Z`, or a name of the zone database. An abbreviation counts if the zone for stamps
//! without one uses it at that moment, and makes the stamp unreadable otherwise: it is never guessed. A stamp without a zone
//! is of the zone given. A stamp without a year is of the year that puts it nearest to now and at most a day ahead.

pub(crate) mod parts;

use parts::{
    ABBREVIATIONS, Clock, Fraction, behind_spaces, bracketed_name, clock, clock_by, clock_unpadded, digits, ends_word,
    fraction, half_of_day, is_of_zone_name, month_and_day, number, offset, year_behind,
};

use crate::calendar::{Civil, month};
use crate::json::unescape;
use crate::time::{Moment, Zone};

/// A moment together with the way in which it was written: the time of day that clocks showed, how precise it was, and how
/// far from UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    civil: Civil,
    fraction: Fraction,
    /// Seconds east of UTC.
    offset: i64,
}

/// Why no stamp could be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unread<'t> {
    /// There is none.
    None,
    /// There is one, in a zone of this abbreviation, which the zone for stamps without one does not use.
    ForeignZone(&'t [u8]),
}

/// What is read so far, and how many bytes it took.
type Read<'t, T> = Result<(T, usize), Unread<'t>>;

impl Stamp {
    /// What the clocks of UTC show at an epoch in seconds; `None` outside of the years 1 to 9999.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        Some(Self { civil: Civil::from_seconds(seconds)?, fraction: Fraction::default(), offset: 0 })
    }

    /// The moment. A leap second is the second that follows it.
    pub fn moment(&self) -> Moment {
        Moment { seconds: self.civil.seconds() - self.offset, nanos: self.fraction.nanos }
    }

    /// How many digits behind the seconds are known, at most nine.
    pub fn precision(&self) -> usize {
        self.fraction.digits.into()
    }

    /// The same moment in UTC, where a leap second is the second that follows it; `None` outside of the years 1 to 9999.
    pub fn in_utc(&self) -> Option<Self> {
        Some(Self { civil: Civil::from_seconds(self.moment().seconds)?, offset: 0, ..*self })
    }

    /// Appends it as RFC 3339, as precise as it was and with its offset (`Z` where that is nought).
    pub fn write(&self, out: &mut Vec<u8>) {
        self.civil.write(out);
        if self.fraction.digits > 0 {
            out.push(b'.');
            let mut unit = 100_000_000;
            for _ in 0..self.fraction.digits {
                out.push(b'0' + (self.fraction.nanos / unit % 10).to_le_bytes()[0]);
                unit /= 10;
            }
        }
        let minutes = self.offset / 60;
        if minutes == 0 {
            return out.push(b'Z');
        }
        let minutes = minutes.unsigned_abs();
        out.push(if self.offset < 0 { b'-' } else { b'+' });
        let two = |value: u64| [b'0' + (value / 10 % 10).to_le_bytes()[0], b'0' + (value % 10).to_le_bytes()[0]];
        out.extend_from_slice(&two(minutes / 60));
        out.push(b':');
        out.extend_from_slice(&two(minutes % 60));
    }
}

/// Reads stamps.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'z> {
    /// For stamps that name none.
    zone: &'z Zone,
    /// Seconds since 1970, where a test has fixed them; else the clock of the system.
    now: Option<i64>,
}

impl<'z> Reader<'z> {
    /// A reader for which stamps without a zone are of `zone`.
    pub fn new(zone: &'z Zone) -> Self {
        Self { zone, now: None }
    }

    /// The same at a time of its own, in seconds since 1970: stamps without a year depend on it.
    #[must_use]
    pub fn at(self, now: Option<i64>) -> Self {
        Self { now, ..self }
    }

    /// A raw JSON value that is a time: a text that is a stamp or an epoch, or a number that is an epoch.
    pub fn value(&self, raw: &[u8]) -> Option<Stamp> {
        match raw.first()? {
            b'"' => self.text(&unescape(raw)?),
            b'0'..=b'9' => epoch(raw),
            _ => None,
        }
    }

    /// A text that is a stamp or an epoch from its beginning to its end; white space around it is no part of it.
    pub fn text(&self, text: &[u8]) -> Option<Stamp> {
        let text = text.trim_ascii();
        self.whole(text).ok().or_else(|| epoch(text))
    }

    /// A moment that a user names: what a record can tell ([`Self::text`]), a date alone, which is its first moment, or
    /// seconds, milliseconds, microseconds or nanoseconds since 1970 of any size. `None` also for a day or an hour that does
    /// not exist.
    pub fn moment(&self, text: &[u8]) -> Option<Moment> {
        if let Some(stamp) = self.text(text) {
            return Some(stamp.moment());
        }
        if let [_, _, _, _, b'-' | b'/', _, _, _, _, _] = text {
            let midnight = [text, b"T00:00:00"].concat();
            return Some(self.whole(&midnight).ok()?.moment());
        }
        moment_of_epoch(text)
    }

    /// A text that is a stamp from its beginning to its end.
    pub fn whole<'t>(&self, text: &'t [u8]) -> Result<Stamp, Unread<'t>> {
        // The longest stamp with the longest name of a zone is shorter.
        if text.len() > 96 {
            return Err(Unread::None);
        }
        let (stamp, length) = self.leading(text)?;
        if length == text.len() { Ok(stamp) } else { Err(Unread::None) }
    }

    /// The stamp that a text begins with, and its length.
    pub fn leading<'t>(&self, text: &'t [u8]) -> Read<'t, Stamp> {
        match text.first() {
            Some(b'0'..=b'9') => self.digits_first(text),
            Some(byte) if byte.is_ascii_alphabetic() => self.named_first(text),
            _ => Err(Unread::None),
        }
    }

    /// The clock and the zone of a known date, from the beginning of `text`: `13:55:36.123 +0200`.
    pub fn clock<'t>(&self, [year, month, day]: [i64; 3], text: &'t [u8]) -> Read<'t, Stamp> {
        let (clock, length) = clock(text).ok_or(Unread::None)?;
        self.with_zone([year, month, day], clock, text, length)
    }

    /// The clock of a date without a year, from the beginning of `text`; a zone may follow.
    pub fn yearless_clock<'t>(&self, month: i64, day: i64, text: &'t [u8]) -> Read<'t, Stamp> {
        let (clock, length) = clock(text).ok_or(Unread::None)?;
        let year = self.nearest_year(month, day, clock.time).ok_or(Unread::None)?;
        self.with_zone([year, month, day], clock, text, length)
    }

    /// Stamps that begin with a digit, told apart by how many there are.
    fn digits_first<'t>(&self, text: &'t [u8]) -> Read<'t, Stamp> {
        match (digits(text), text) {
            (4, [_, _, _, _, b'-' | b'/' | b'.', ..]) => self.year_first(text),
            (4, [_, _, _, _, b' ', name @ ..]) if name.len() > 4 => {
                let (date, length) = month_and_day(name).ok_or(Unread::None)?;
                let year = number(&text[..4]).ok_or(Unread::None)?;
                let from = behind_spaces(text, 5 + length).ok_or(Unread::None)?;
                plus(self.clock([year, date[0], date[1]], &text[from..]), from)
            }
            (8, _) => self.digits_only([number(&text[..4]), number(&text[4..6]), number(&text[6..8])], text, 8),
            (6, [_, _, _, _, _, _, b' ', ..]) => {
                let year = number(&text[..2]).map(|year| 2000 + year);
                let from = behind_spaces(text, 6).ok_or(Unread::None)?;
                let [Some(year), Some(month), Some(day)] = [year, number(&text[2..4]), number(&text[4..6])] else {
                    return Err(Unread::None);
                };
                plus(self.clock([year, month, day], &text[from..]), from)
            }
            (count @ (1 | 2), _) => self.day_first(text, count),
            _ => Err(Unread::None),
        }
    }

    /// `2025-10-10T13:55:36` and its relatives.
    fn year_first<'t>(&self, text: &'t [u8]) -> Read<'t, Stamp> {
        let [_, _, _, _, between, m1, m2, also, d1, d2, next, ..] = text else { return Err(Unread::None) };
        let date = [number(&text[..4]), number(&[*m1, *m2]), number(&[*d1, *d2])];
        let ([Some(year), Some(month), Some(day)], true) = (date, between == also) else { return Err(Unread::None) };
        let from = match next {
            b'T' | b't' | b'_' => 11,
            b' ' if text[10..].starts_with(b" - ") => 13,
            b' ' => behind_spaces(text, 10).ok_or(Unread::None)?,
            // Db2 writes points between the parts of the clock as well.
            b'-' if *between == b'-' => {
                let (clock, length) = clock_by(&text[11..], b'.').ok_or(Unread::None)?;
                return self.with_zone([year, month, day], clock, text, 11 + length);
            }
            _ => return Err(Unread::None),
        };
        plus(self.clock([year, month, day], &text[from..]), from)
    }

    /// `20251010` has been seen, and what follows is a clock with or without signs between its parts.
    fn digits_only<'t>(&self, date: [Option<i64>; 3], text: &'t [u8], from: usize) -> Read<'t, Stamp> {
        let ([Some(year), Some(month), Some(day)], Some(b'T' | b't' | b'-' | b' ' | b'_')) = (date, text.get(from))
        else {
            return Err(Unread::None);
        };
        let from = from + 1;
        let rest = &text[from..];
        if digits(rest) == 6 {
            let time = [number(&rest[..2]), number(&rest[2..4]), number(&rest[4..6])];
            let [Some(hour), Some(minute), Some(second)] = time else { return Err(Unread::None) };
            let (fraction, length) = fraction(rest, 6);
            let clock = Clock { time: [hour, minute, second], fraction };
            return self.with_zone([year, month, day], clock, text, from + length);
        }
        let (mut clock, mut length) = clock_unpadded(rest).ok_or(Unread::None)?;
        // `22:15:29:606`
        if clock.fraction.digits == 0 && rest.get(length) == Some(&b':') {
            let count = digits(&rest[length + 1..]);
            if !(1..=3).contains(&count) {
                return Err(Unread::None);
            }
            let millis = number(&rest[length + 1..=length + count]).and_then(|millis| u32::try_from(millis).ok());
            clock.fraction = Fraction { nanos: millis.unwrap_or(0) * 1_000_000, digits: 3 };
            length += 1 + count;
        }
        self.with_zone([year, month, day], clock, text, from + length)
    }

    /// `10/Oct/2025:13:55:36`, `10-Oct-2025 13:55:36`, `10 Oct 2025 13:55:36`.
    fn day_first<'t>(&self, text: &'t [u8], count: usize) -> Read<'t, Stamp> {
        let [between, m1, m2, m3, also, y1, y2, y3, y4, rest @ ..] = &text[count..] else { return Err(Unread::None) };
        let date = [number(&[*y1, *y2, *y3, *y4]), month(&[*m1, *m2, *m3]), number(&text[..count])];
        let ([Some(year), Some(month), Some(day)], true) = (date, between == also && b"/- ".contains(between)) else {
            return Err(Unread::None);
        };
        let from = text.len() - rest.len();
        let from = match rest {
            [b':', b':', ..] => from + 2,
            [b':', ..] => from + 1,
            _ => behind_spaces(text, from).ok_or(Unread::None)?,
        };
        plus(self.clock([year, month, day], &text[from..]), from)
    }

    /// Stamps that begin with the name of a day or month.
    fn named_first<'t>(&self, text: &'t [u8]) -> Read<'t, Stamp> {
        const DAYS: [&[u8; 3]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];
        let head = text.get(..4).ok_or(Unread::None)?;
        if DAYS.iter().any(|day| head[..3].eq_ignore_ascii_case(&day[..])) && matches!(head[3], b' ' | b',') {
            let from = if head[3] == b',' { 4 } else { 3 };
            let from = behind_spaces(text, from).ok_or(Unread::None)?;
            let rest = &text[from..];
            let is_another_day = rest.get(..3).is_some_and(|name| month(name).is_none()) && digits(rest) == 0;
            return if is_another_day { Err(Unread::None) } else { plus(self.leading(rest), from) };
        }
        let ([month, day], length) = month_and_day(text).ok_or(Unread::None)?;
        let from = if text.get(length) == Some(&b',') { length + 1 } else { length };
        let from = behind_spaces(text, from).ok_or(Unread::None)?;
        let rest = &text[from..];
        if digits(rest) == 4 && matches!(rest.get(4), Some(b' ' | b',')) {
            let year = number(&rest[..4]).ok_or(Unread::None)?;
            let clock_at = behind_spaces(text, from + if rest[4] == b',' { 5 } else { 4 }).ok_or(Unread::None)?;
            return plus(self.clock([year, month, day], &text[clock_at..]), clock_at);
        }
        if length < text.len() && text[length] == b',' {
            return Err(Unread::None);
        }
        let (clock, length) = clock(rest).ok_or(Unread::None)?;
        if let Some((year, zone, length)) = year_behind(rest, length) {
            let civil = Civil::new(year, month, day, clock.time).ok_or(Unread::None)?;
            let offset = match zone {
                Some(word) => self.abbreviation(word, civil).ok_or(Unread::ForeignZone(word))?,
                None => self.zone.offset_of_local(civil).ok_or(Unread::None)?,
            };
            return Ok((Stamp { civil, fraction: clock.fraction, offset }, from + length));
        }
        plus(self.yearless_clock(month, day, rest), from)
    }

    /// The year that puts a date nearest to now and at most a day ahead.
    fn nearest_year(&self, month: i64, day: i64, time: [i64; 3]) -> Option<i64> {
        let now = self.now.unwrap_or_else(|| Moment::now().seconds);
        let this_year = Civil::from_seconds(now)?.year();
        (this_year - 8..=this_year + 1)
            .rev()
            .filter_map(|year| Some((year, Civil::new(year, month, day, time)?.seconds())))
            .filter(|(_, seconds)| *seconds <= now + crate::calendar::DAY)
            .min_by_key(|(_, seconds)| (now - seconds).abs())
            .map(|(year, _)| year)
    }

    /// Goes on with `am`, `pm` and the zone, from `at` in `text` on.
    fn with_zone<'t>(&self, date: [i64; 3], clock: Clock, text: &'t [u8], at: usize) -> Read<'t, Stamp> {
        let mut civil = Civil::new(date[0], date[1], date[2], clock.time).ok_or(Unread::None)?;
        let mut at = at;
        if let Some((afternoon, length)) = half_of_day(&text[at..]) {
            let hour = Some(civil.hour()).filter(|hour| (1..=12).contains(hour)).ok_or(Unread::None)?;
            civil = civil.with_hour(hour % 12 + if afternoon { 12 } else { 0 }).ok_or(Unread::None)?;
            at += length;
        }
        let (offset, length) = match self.zone_behind(&text[at..], civil)? {
            Some(zone) => zone,
            None => (self.zone.offset_of_local(civil).ok_or(Unread::None)?, 0),
        };
        Ok((Stamp { civil, fraction: clock.fraction, offset }, at + length))
    }

    /// The offset that `text`, which follows a clock, begins with, and its length.
    fn zone_behind<'t>(&self, text: &'t [u8], civil: Civil) -> Result<Option<(i64, usize)>, Unread<'t>> {
        let spaces = text.iter().take_while(|byte| **byte == b' ').count().min(1);
        let rest = &text[spaces..];
        match rest.first() {
            Some(b'Z' | b'z') if spaces == 0 && ends_word(&rest[1..]) => Ok(Some((0, 1))),
            Some(b'+' | b'-') => match offset(rest) {
                Some((Some(seconds), length)) => Ok(Some((
                    seconds,
                    spaces + length + bracketed_name(&rest[length..]).map_or(0, |(_, length)| length),
                ))),
                // It has the form of an offset, but no clock on earth shows it.
                Some((None, _)) => Err(Unread::None),
                None => Ok(None),
            },
            Some(b'[' | b'(') => {
                let Some((word, length)) = bracketed_name(rest) else { return Ok(None) };
                let seconds = self.named(word, civil)?;
                Ok(seconds.map(|seconds| (seconds, spaces + length)))
            }
            Some(byte) if byte.is_ascii_uppercase() => {
                let word = &rest[..rest.iter().take_while(|byte| is_of_zone_name(**byte)).count()];
                let word = word.strip_suffix(b"-").unwrap_or(word);
                if let Some(behind) = word.strip_prefix(b"GMT").or_else(|| word.strip_prefix(b"UTC"))
                    && let Some((Some(seconds), length)) = offset(behind)
                    && length == behind.len()
                {
                    return Ok(Some((seconds, spaces + word.len())));
                }
                if !ends_word(&rest[word.len()..]) {
                    return Ok(None);
                }
                let seconds = self.named(word, civil)?;
                Ok(seconds.map(|seconds| (seconds, spaces + word.len())))
            }
            _ => Ok(None),
        }
    }

    /// The offset of a zone by its name; `None` if the word is no zone.
    fn named<'t>(&self, word: &'t [u8], civil: Civil) -> Result<Option<i64>, Unread<'t>> {
        if memchr::memchr(b'/', word).is_some() {
            let name = std::str::from_utf8(word).map_err(|_| Unread::None)?;
            return Ok(Zone::parse(name).ok().and_then(|zone| zone.offset_of_local(civil)));
        }
        match self.abbreviation(word, civil) {
            Some(seconds) => Ok(Some(seconds)),
            None if ABBREVIATIONS.contains(&word) => Err(Unread::ForeignZone(word)),
            None => Ok(None),
        }
    }

    fn abbreviation(&self, word: &[u8], civil: Civil) -> Option<i64> {
        match word {
            b"UTC" | b"GMT" | b"Z" => Some(0),
            _ => self.zone.offset_of_abbreviation(std::str::from_utf8(word).ok()?, civil),
        }
    }
}

fn plus<T>(read: Read<'_, T>, from: usize) -> Read<'_, T> {
    read.map(|(value, length)| (value, from + length))
}

/// An epoch, in seconds, milliseconds, microseconds or nanoseconds by its size; it may have decimals. `None` outside of the
/// years 2001 to 2100: such a number is a duration, a counter or a date written as a number.
fn epoch(text: &[u8]) -> Option<Stamp> {
    let whole = digits(text);
    let decimals = match &text[whole..] {
        [] => &[][..],
        [b'.', decimals @ ..] if !decimals.is_empty() && digits(decimals) == decimals.len() => decimals,
        _ => return None,
    };
    // The seconds, and the digits of the unit behind them.
    let of_unit = match whole {
        9..=10 => 0,
        12..=13 => 3,
        15..=16 => 6,
        18..=19 => 9,
        _ => return None,
    };
    let seconds = text[..whole - of_unit].iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let range = 978_307_200..4_133_980_800;
    let stamp = range.contains(&seconds).then(|| Stamp::from_seconds(seconds))??;
    let mut fraction = [0; 18];
    let all = text[whole - of_unit..whole].iter().chain(decimals);
    let count = fraction.iter_mut().zip(all).map(|(to, digit)| *to = *digit).count();
    Some(Stamp { fraction: Fraction::new(&fraction[..count]), ..stamp })
}

/// Reads seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size; seconds may have
/// decimals.
fn moment_of_epoch(text: &[u8]) -> Option<Moment> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (whole, rest) = text.split_at(length);
    if whole.is_empty() || whole.len() > 19 {
        return None;
    }
    let whole: i128 = whole.iter().fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    let unit: i128 = match whole {
        ..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    let decimals = match rest {
        b"" => 0,
        [b'.', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            let nanos = digits.iter().chain(std::iter::repeat(&b'0')).take(9);
            nanos.fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0')) * unit / 1_000_000_000
        }
        _ => return None,
    };
    let nanos = whole * unit + decimals;
    Some(Moment {
        seconds: i64::try_from(nanos.div_euclid(1_000_000_000)).ok()?,
        nanos: u32::try_from(nanos.rem_euclid(1_000_000_000)).ok()?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::calendar::DAY;

    /// 2025-10-12T00:00:00Z
    const NOW: i64 = 1_760_227_200;

    fn written(stamp: &Stamp) -> String {
        let mut out = Vec::new();
        stamp.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// What is made of the stamp that a text begins with, and what follows it.
    fn leading(text: &str, zone: &str) -> Option<(String, String)> {
        let zone = Zone::parse(zone).unwrap();
        let (stamp, length) = Reader::new(&zone).at(Some(NOW)).leading(text.as_bytes()).ok()?;
        Some((written(&stamp), text[length..].to_owned()))
    }

    #[test]
    fn a_stamp_is_read_in_each_of_its_forms_and_keeps_precision_and_offset() {
        for (text, expected) in [
            ("2025-10-10T13:55:36Z", "2025-10-10T13:55:36Z"),
            ("2025-10-10t13:55:36.120z", "2025-10-10T13:55:36.120Z"),
            ("2025-10-10T13:55:36+02:00[Europe/Berlin]", "2025-10-10T13:55:36+02:00"),
            ("2025-10-10 13:55:36,123 +0200", "2025-10-10T13:55:36.123+02:00"),
            ("2025-10-10 13:55:36.5 -03", "2025-10-10T13:55:36.5-03:00"),
            ("2025-10-10 13:55:36-0930", "2025-10-10T13:55:36-09:30"),
            ("2025-10-10  3:55:36", "2025-10-10T03:55:36Z"),
            ("2025-10-10 13:55", "2025-10-10T13:55:00Z"),
            ("2025/10/10 13:55:36", "2025-10-10T13:55:36Z"),
            ("2025/10/10 - 13:55:36", "2025-10-10T13:55:36Z"),
            ("2025.10.10 13:55:36.123456", "2025-10-10T13:55:36.123456Z"),
            ("2025-10-10-13.55.36.123456", "2025-10-10T13:55:36.123456Z"),
            ("2025-10-10_13:55:36", "2025-10-10T13:55:36Z"),
            ("20251010T135536Z", "2025-10-10T13:55:36Z"),
            ("20251010-13:55:36:606", "2025-10-10T13:55:36.606Z"),
            ("20251010-0:2:9:13", "2025-10-10T00:02:09.013Z"),
            ("251010  3:55:36", "2025-10-10T03:55:36Z"),
            ("10/Oct/2025:13:55:36 +0200", "2025-10-10T13:55:36+02:00"),
            ("10/Oct/2025:13:55:36.119", "2025-10-10T13:55:36.119Z"),
            ("10/Oct/2025 13:55:36", "2025-10-10T13:55:36Z"),
            ("10-Oct-2025 13:55:36 Europe/Berlin", "2025-10-10T13:55:36+02:00"),
            ("10-Oct-2025::13:55:36", "2025-10-10T13:55:36Z"),
            ("10-Oct-2025 13:55:36.946", "2025-10-10T13:55:36.946Z"),
            ("10 Oct 2025 13:55:36.123", "2025-10-10T13:55:36.123Z"),
            ("Fri, 10 Oct 2025 13:55:36 +0200", "2025-10-10T13:55:36+02:00"),
            ("Fri, 10 Oct 2025 13:55:36 GMT", "2025-10-10T13:55:36Z"),
            ("Fri Oct 10 13:55:36.618240 2025", "2025-10-10T13:55:36.618240Z"),
            ("Fri Oct 10 13:55:36 UTC 2025", "2025-10-10T13:55:36Z"),
            ("Fri Oct 10 2025 13:55:36 GMT+0200", "2025-10-10T13:55:36+02:00"),
            ("Oct 10, 2025 1:55:36 PM", "2025-10-10T13:55:36Z"),
            ("Oct 10, 2025 12:05:36 am", "2025-10-10T00:05:36Z"),
            ("2025-10-10 01:55:36 pm +0200", "2025-10-10T13:55:36+02:00"),
            ("Oct 10 2025 13:55:36", "2025-10-10T13:55:36Z"),
            ("Oct 10 13:55:36 2025", "2025-10-10T13:55:36Z"),
            ("2025 Oct 10 13:55:36", "2025-10-10T13:55:36Z"),
            ("Oct 10 13:55:36.123456", "2025-10-10T13:55:36.123456Z"),
            ("Oct  1 13:55:36", "2025-10-01T13:55:36Z"),
            ("Oct 1 13:55:36", "2025-10-01T13:55:36Z"),
            ("Oct 10 13:55:36 UTC", "2025-10-10T13:55:36Z"),
            ("2025-10-10 13:55:36 UTC", "2025-10-10T13:55:36Z"),
            ("2025-10-10 13:55:36 [GMT]", "2025-10-10T13:55:36Z"),
            ("2025-10-10 13:55:36 (UTC)", "2025-10-10T13:55:36Z"),
        ] {
            assert_eq!(leading(text, "UTC"), Some((expected.to_owned(), String::new())), "{text}");
        }
    }

    #[test]
    fn what_follows_a_stamp_is_no_part_of_it() {
        for (text, rest) in [
            ("2025-10-10 13:55:36 GET /api", " GET /api"),
            ("2025-10-10 13:55:36 TLS handshake", " TLS handshake"),
            ("2025-10-10 13:55:36 INF started", " INF started"),
            ("2025-10-10 13:55:36 EAT this", " EAT this"),
            ("2025-10-10 13:55:36 Zebra", " Zebra"),
            ("2025-10-10 13:55:36 - app", " - app"),
            ("2025-10-10 13:55:36, Info", ", Info"),
            ("2025-10-10 13:55:36: boom", ": boom"),
            ("2025-10-10 13:55:36 -1234567 items", " -1234567 items"),
            ("2025-10-10 13:55:36 path/to/file", " path/to/file"),
            ("2025-10-10 13:55:36 Content/type", " Content/type"),
            ("2025-10-10 13:55:36 [main] x", " [main] x"),
            ("Oct 10 13:55:36 host app", " host app"),
            ("Oct 10 13:55:36 1234 app", " 1234 app"),
        ] {
            assert_eq!(leading(text, "UTC").map(|(_, rest)| rest).as_deref(), Some(rest), "{text}");
        }
    }

    #[test]
    fn what_no_calendar_clock_or_zone_shows_is_no_stamp() {
        for text in [
            "2025-02-31 10:00:00",
            "2025-02-29T00:00:00Z",
            "2025-13-01 10:00:00",
            "2025-10-10 25:00:00",
            "2025-10-10 24:00:00",
            "2025-10-10 10:60:00",
            "0000-01-01T00:00:00Z",
            "99999-01-01T00:00:00Z",
            "2025-10-10T10:00:00+99",
            "2025-10-10T10:00:00+99:00",
            "2025-10-10 10:00:00 +9900",
            "2025-10-10 10:00:00 +02:75",
            "2025-10-10 13:00:00 PM",
            "2025-10-10 00:00:00 am",
            "2025-10/10 10:00:00",
            "2025-10-10",
            "2025-10-10 10",
            "2025-10-10 10:00:0",
            "31/Feb/2025:10:00:00 +0000",
            "Feb 31 10:00:00",
            "Fri Feb 31 10:00:00 2025",
            "Foo 10 10:00:00",
            "12",
            "1760104536",
            "",
        ] {
            assert_eq!(leading(text, "UTC"), None, "{text}");
        }
    }

    #[test]
    fn an_abbreviation_counts_only_where_the_zone_uses_it_at_that_moment() {
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        let reader = Reader::new(&berlin);
        for (text, expected) in [
            ("2025-01-10 13:55:36 CET", Ok("2025-01-10T13:55:36+01:00")),
            ("2025-07-10 13:55:36 CEST", Ok("2025-07-10T13:55:36+02:00")),
            // The hour that is shown twice.
            ("2025-10-26 02:30:00 CEST", Ok("2025-10-26T02:30:00+02:00")),
            ("2025-10-26 02:30:00 CET", Ok("2025-10-26T02:30:00+01:00")),
            ("Fri Jan 10 13:55:36 CET 2025", Ok("2025-01-10T13:55:36+01:00")),
            ("2025-07-10 13:55:36 CET", Err(Unread::ForeignZone(&b"CET"[..]))),
            ("2025-01-10 13:55:36 PST", Err(Unread::ForeignZone(b"PST"))),
            ("Fri Jan 10 13:55:36 PST 2025", Err(Unread::ForeignZone(b"PST"))),
        ] {
            let read = reader.whole(text.as_bytes());
            assert_eq!(read.map(|stamp| written(&stamp)), expected.map(str::to_owned), "{text}");
        }
        assert_eq!(
            Reader::new(&Zone::Fixed(0)).whole(b"2025-01-10 13:55:36 CET"),
            Err(Unread::ForeignZone(&b"CET"[..]))
        );
    }

    #[test]
    fn a_stamp_without_zone_is_of_the_zone_given_also_where_its_clocks_jump() {
        for (text, expected) in [
            ("2025-07-10 13:55:36", "2025-07-10T13:55:36+02:00"),
            ("2025-01-10 13:55:36", "2025-01-10T13:55:36+01:00"),
            // Two moments show it: the earlier.
            ("2025-10-26 02:30:00", "2025-10-26T02:30:00+02:00"),
            // None shows it: by the offset before the jump.
            ("2025-03-30 02:30:00", "2025-03-30T02:30:00+01:00"),
        ] {
            assert_eq!(leading(text, "Europe/Berlin").unwrap().0, expected);
        }
    }

    #[test]
    fn a_stamp_without_year_is_of_the_nearest_and_at_most_a_day_ahead() {
        for (text, expected) in [
            ("Oct 11 22:14:15", "2025-10-11T22:14:15Z"),
            ("Oct 12 22:14:15", "2025-10-12T22:14:15Z"),
            ("Oct 14 22:14:15", "2024-10-14T22:14:15Z"),
            ("Dec  1 00:00:00", "2024-12-01T00:00:00Z"),
            ("Feb 29 00:00:00", "2024-02-29T00:00:00Z"),
        ] {
            assert_eq!(leading(text, "UTC").unwrap().0, expected);
        }
    }

    #[test]
    fn an_epoch_is_told_by_its_size_and_lies_between_2001_and_2100() {
        let zone = Zone::Fixed(0);
        let value = |raw: &str| Reader::new(&zone).value(raw.as_bytes()).map(|stamp| written(&stamp));
        for (raw, expected) in [
            ("1760104536", "2025-10-10T13:55:36Z"),
            ("1760104536.120", "2025-10-10T13:55:36.120Z"),
            ("1760104536120", "2025-10-10T13:55:36.120Z"),
            ("1760104536120.5", "2025-10-10T13:55:36.1205Z"),
            ("1760104536120000", "2025-10-10T13:55:36.120000Z"),
            ("1760104536120000001", "2025-10-10T13:55:36.120000001Z"),
            ("\"1760104536120\"", "2025-10-10T13:55:36.120Z"),
            ("\" 2025-10-10T13:55:36Z \"", "2025-10-10T13:55:36Z"),
            ("978307200", "2001-01-01T00:00:00Z"),
            ("4133980799", "2100-12-31T23:59:59Z"),
        ] {
            assert_eq!(value(raw).as_deref(), Some(expected), "{raw}");
        }
        for raw in [
            "0",
            "12",
            "978307199",
            "4133980800",
            "-1760104536",
            "1e300",
            "1.760104536e9",
            "20251010",
            "17601045361",
            "\"NaN\"",
            "\"12ms\"",
            "\"\"",
            "null",
            "true",
            "[1760104536]",
            "{}",
            "99999999999999999999",
            "1760104536.",
        ] {
            assert_eq!(value(raw), None, "{raw}");
        }
    }

    #[test]
    fn a_moment_is_the_same_in_utc() {
        let zone = Zone::Fixed(0);
        for (text, expected) in [
            ("2025-10-10T13:55:36.250+02:00", "2025-10-10T11:55:36.250Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
            ("2025-12-31T23:30:00-01:00", "2026-01-01T00:30:00Z"),
        ] {
            let stamp = Reader::new(&zone).whole(text.as_bytes()).unwrap();
            let in_utc = stamp.in_utc().unwrap();
            assert_eq!(written(&in_utc), expected);
            assert_eq!(in_utc.moment(), stamp.moment());
        }
    }

    #[test]
    fn no_text_makes_it_panic_and_what_is_read_is_read_again() {
        let pieces = [
            "2025",
            "-",
            "10",
            "/",
            "Oct",
            " ",
            "T",
            ":",
            "13",
            "55",
            ".",
            "123",
            "+02",
            "CET",
            "Z",
            "[",
            "]",
            "PM",
            "Fri",
            ",",
            "\u{e9}",
            "9",
            "GMT+1",
            "Europe/Berlin",
        ];
        let zone = Zone::parse("Europe/Berlin").unwrap();
        let reader = Reader::new(&zone).at(Some(NOW));
        let mut state: u64 = 7;
        for _ in 0..50_000 {
            let mut text = String::from(if state.is_multiple_of(2) { "2025-10-10 13:55:36" } else { "" });
            for _ in 0..state % 9 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
            }
            state = state.wrapping_add(1);
            if let Ok((stamp, length)) = reader.leading(text.as_bytes()) {
                assert!(length <= text.len());
                assert_eq!(reader.whole(written(&stamp).as_bytes()), Ok(stamp), "{text}");
            }
        }
    }

    fn at(text: &str, zone: &str) -> Option<Moment> {
        Reader::new(&Zone::parse(zone).unwrap()).moment(text.as_bytes())
    }

    #[test]
    fn a_moment_is_the_same_however_it_is_written() {
        let moment = Some(Moment { seconds: 1_760_104_536, nanos: 0 });
        for text in [
            "2025-10-10T13:55:36Z",
            "2025-10-10t13:55:36.000z",
            "2025-10-10T15:55:36+02:00",
            "2025-10-10 15:55:36+0200",
            "2025-10-10 04:25:36 -09:30",
            "2025/10/10 13:55:36",
            "2025-10-10 13:55:36,000",
            "1760104536",
            "1760104536.000",
            "1760104536000",
            "1760104536000000",
            "1760104536000000000",
        ] {
            assert_eq!(at(text, "UTC"), moment, "{text}");
        }
        assert_eq!(at("2025-10-10 15:55:36", "Europe/Berlin"), moment);
        assert_eq!(at("2025-10-10T15:55:36", "+02:00"), moment);
    }

    #[test]
    fn parts_may_be_left_out_from_the_end() {
        let seconds = |text| at(text, "UTC").unwrap().seconds;
        assert_eq!(seconds("1970-01-02"), DAY);
        assert_eq!(seconds("1970-01-02T01:30"), DAY + 5400);
        assert_eq!(at("0001-01-01T00:00:00Z", "UTC").unwrap().seconds, -62_135_596_800);
        assert_eq!(at("1.5", "UTC").unwrap(), Moment { seconds: 1, nanos: 500_000_000 });
        assert_eq!(at("1970-01-01T00:00:01.123456789Z", "UTC").unwrap().nanos, 123_456_789);
    }

    #[test]
    fn what_no_calendar_or_clock_shows_is_no_moment() {
        for text in [
            "",
            "now",
            "2025-13-01",
            "2025-02-29",
            "2025-1-1",
            "2025-10/10",
            "2025-10-10T24:00:00Z",
            "2025-10-10T13:60:00Z",
            "2025-10-10T13:55:36.Z",
            "2025-10-10T13:55:36+25:00",
            "2025-10-10T13:55:36 XYZ",
            "-1",
            "1e300",
            "NaN",
            "2025-10-10x",
            "12.",
            "12e3",
            "12345678901234567890",
        ] {
            assert_eq!(at(text, "UTC"), None, "{text}");
        }
    }
}
