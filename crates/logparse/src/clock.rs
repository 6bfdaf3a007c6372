//! Times as servers write them, made RFC 3339: the digits are copied, so that a time stays as precise as its source and
//! keeps its offset. What was made of the last stamp is kept, for most lines share their second with the line before.
//!
//! | stamp | from |
//! |---|---|
//! | `10/Oct/2025:13:55:36 +0200` | nginx's `$time_local`, Apache's `%t` |
//! | `2025-10-10T13:55:36.123+02:00`, `2025/10/10 13:55:36`, `2025-10-10 13:55:36,123` | ISO 8601 and its relatives |
//! | `Oct 11 22:14:15` | syslog, without a year: the one nearest to now, at most a day ahead |
//! | `1760104536.123` | `$msec` |

use std::time::{SystemTime, UNIX_EPOCH};

use logline::short;
use logline::time::Zone;

/// A calendar date and time of day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Civil {
    year: i16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

/// See the page of the module.
#[derive(Debug)]
pub struct Clock {
    zone: Zone,
    /// Seconds since 1970, fixed by a test.
    now: Option<i64>,
    last: Vec<u8>,
    made: Vec<u8>,
    day: Day,
}

/// The date and the zone of the last access line, and what was made of it: the time between them is copied.
#[derive(Default, Debug)]
struct Day {
    /// `dd/Mon/yyyy:`
    date: [u8; 12],
    /// ` ±hhmm`
    zone: [u8; 6],
    /// `"yyyy-mm-ddTHH:MM:SS` and `Z"` or `±hh:mm"`
    stamp: [u8; 32],
    length: usize,
}

impl Clock {
    /// A clock for stamps whose zone, where they name none, is `zone`.
    pub fn new(zone: Zone) -> Self {
        Self { zone, now: None, last: Vec::new(), made: Vec::new(), day: Day::default() }
    }

    /// The same at a time that a test has set, in seconds since 1970.
    #[cfg(test)]
    pub fn at(zone: Zone, now: i64) -> Self {
        Self { now: Some(now), ..Self::new(zone) }
    }

    /// Appends `dd/Mon/yyyy:HH:MM:SS ±hhmm` as a JSON string; false, and nothing appended, if it is none.
    pub fn common(&mut self, text: &[u8], out: &mut Vec<u8>) -> bool {
        self.try_common(text, out).is_some()
    }

    fn try_common(&mut self, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let (date, rest) = text.split_first_chunk()?;
        let (time, zone) = rest.split_first_chunk::<8>()?;
        let zone = zone.try_into().ok()?;
        if !is_time_of_day(*time) {
            return None;
        }
        if self.day.date != *date || self.day.zone != zone {
            self.day = Day::new(*date, zone)?;
        }
        self.day.stamp[12..20].copy_from_slice(time);
        let end = out.len() + self.day.length;
        out.extend_from_slice(&self.day.stamp);
        out.truncate(end);
        Some(())
    }

    /// Appends the stamp, which takes up all of `text`, as a JSON string: [`Clock::leading`] says which are known.
    pub fn iso(&mut self, text: &[u8], out: &mut Vec<u8>) -> bool {
        self.cached(text, out, |clock, text, out| (clock.leading(text, out)? == text.len()).then_some(()))
    }

    /// Appends the stamp that `text` begins with, and returns its length: `YYYY-MM-DD` or with slashes, `T` or a space, the
    /// time, a fraction behind a point or comma, and `Z`, an offset, or nothing. `None`, and nothing appended, if there is
    /// none.
    pub fn leading(&self, text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        let date = text.get(..10)?;
        let between = date[4];
        if !matches!(between, b'-' | b'/') || date[7] != between || !matches!(text.get(10)?, b'T' | b't' | b' ') {
            return None;
        }
        let civil = civil(number(&date[..4])?, number(&date[5..7])?, number(&date[8..])?, text.get(11..19)?)?;
        let mut end = 19;
        let mut fraction: &[u8] = b"";
        if let Some(b'.' | b',') = text.get(end) {
            let digits = text[end + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits > 0 {
                fraction = &text[end + 1..=end + digits];
                end += 1 + digits;
            }
        }
        let zone = text[end..].iter().take_while(|byte| b"+-:0123456789Zz".contains(byte)).count();
        let minutes = match zone {
            0 => self.minutes_at(civil)?,
            // As container runtimes write it: this is how it is written here too.
            1 if text[end] == b'Z' && between == b'-' && text[10] == b'T' && text[19] != b',' => {
                out.push(b'"');
                short::append(out, &text[..=end]);
                out.push(b'"');
                return Some(end + 1);
            }
            1 if text[end].eq_ignore_ascii_case(&b'z') => 0,
            // Something that only follows, like `:` or ` - `.
            _ if !matches!(text[end], b'+' | b'-') => {
                write(out, civil, fraction, self.minutes_at(civil)?);
                return Some(end);
            }
            _ => offset(&text[end..end + zone])?,
        };
        write(out, civil, fraction, minutes);
        Some(end + zone)
    }

    /// Appends a stamp of syslog without a year: `Oct 11 22:14:15`, the day padded by a space; its length.
    pub fn yearless(&self, text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        let head = text.get(..15)?;
        if head[3] != b' ' || head[6] != b' ' {
            return None;
        }
        let day = number(head[4..6].trim_ascii_start())?;
        self.nearest(month(&head[..3])?, day, &head[7..], b"", out)?;
        Some(15)
    }

    /// Appends a stamp whose year is the one that puts it nearest to now and at most a day ahead.
    pub fn nearest(&self, month: i16, day: i16, time: &[u8], fraction: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let now = self.now.unwrap_or_else(now);
        let this_year = year_of(now);
        let civil = (this_year - 8..=this_year + 1)
            .rev()
            .filter_map(|year| civil(year, month, day, time))
            .filter(|civil| seconds(*civil) <= now + 86_400)
            .min_by_key(|civil| (now - seconds(*civil)).abs())?;
        write(out, civil, fraction, self.minutes_at(civil)?);
        Some(())
    }

    /// Appends the stamp of Apache's error log: `Mon Nov 23 08:57:12.618240 2026`.
    pub fn apache(&mut self, text: &[u8], out: &mut Vec<u8>) -> bool {
        self.cached(text, out, |clock, text, out| {
            let rest = text.get(4..)?;
            let (time, year) = rest.split_at(memchr::memrchr(b' ', rest)?);
            let (time, fraction) = match memchr::memchr(b'.', time) {
                Some(point) => (&time[..point], &time[point + 1..]),
                None => (time, &b""[..]),
            };
            let fraction_is_digits = fraction.iter().all(u8::is_ascii_digit);
            let ([m1, m2, m3, b' ', d1, d2, b' ', time @ ..], true) = (time, fraction_is_digits) else { return None };
            let day = number([*d1, *d2].trim_ascii_start())?;
            let civil = civil(number(&year[1..])?, month(&[*m1, *m2, *m3])?, day, time)?;
            write(out, civil, fraction, clock.minutes_at(civil)?);
            Some(())
        })
    }

    /// Appends seconds since 1970 with as many decimals as they have.
    pub fn epoch(&mut self, text: &[u8], out: &mut Vec<u8>) -> bool {
        self.cached(text, out, |_, text, out| {
            let (whole, fraction) = match memchr::memchr(b'.', text) {
                Some(point) => (&text[..point], &text[point + 1..]),
                None => (text, &b""[..]),
            };
            if whole.is_empty() || whole.len() > 11 || !fraction.iter().chain(whole).all(u8::is_ascii_digit) {
                return None;
            }
            let total = whole.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
            write(out, civil_of(total)?, fraction, 0);
            Some(())
        })
    }

    /// Repeats what was made of the same text before, or makes it anew.
    fn cached(
        &mut self,
        text: &[u8],
        out: &mut Vec<u8>,
        make: impl FnOnce(&Self, &[u8], &mut Vec<u8>) -> Option<()>,
    ) -> bool {
        if text == self.last.as_slice() && !text.is_empty() {
            out.extend_from_slice(&self.made);
            return true;
        }
        if text.len() > 64 {
            return false;
        }
        let begin = out.len();
        if make(self, text, out).is_none() {
            out.truncate(begin);
            return false;
        }
        self.last.clear();
        self.last.extend_from_slice(text);
        self.made.clear();
        self.made.extend_from_slice(&out[begin..]);
        true
    }

    fn minutes_at(&self, civil: Civil) -> Option<i32> {
        match &self.zone {
            Zone::Fixed(minutes) => Some(*minutes),
            Zone::Named(zone) => {
                let [month, day, hour, minute, second] =
                    [civil.month, civil.day, civil.hour, civil.minute, civil.second.min(59)].map(u8::cast_signed);
                let local = jiff::civil::DateTime::new(civil.year, month, day, hour, minute, second, 0).ok()?;
                Some(zone.to_zoned_datetime(local).ok()?.offset().seconds() / 60)
            }
        }
    }
}

impl Day {
    fn new(date: [u8; 12], zone: [u8; 6]) -> Option<Self> {
        let [d1, d2, b'/', m1, m2, m3, b'/', y1, y2, y3, y4, b':'] = date else { return None };
        let [b' ', offset_of @ ..] = zone else { return None };
        let year = number(&[y1, y2, y3, y4])?;
        let civil = civil(year, month(&[m1, m2, m3])?, number(&[d1, d2])?, b"00:00:00")?;
        let mut written = Vec::new();
        write(&mut written, civil, b"", offset(&offset_of)?);
        let mut stamp = [0; 32];
        stamp[..written.len()].copy_from_slice(&written);
        Some(Self { date, zone, stamp, length: written.len() })
    }
}

/// Whether `text` is `HH:MM:SS` in range; a leap second counts.
fn is_time_of_day(text: [u8; 8]) -> bool {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = text else { return false };
    let is_digit = [h1, h2, m1, m2, s1, s2].iter().all(u8::is_ascii_digit);
    is_digit && [h1, h2] <= *b"23" && m1 <= b'5' && [s1, s2] <= *b"60"
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}

/// `HH:MM:SS` of a date, if all of it is in range; a leap second counts.
fn civil(year: i16, month: i16, day: i16, time: &[u8]) -> Option<Civil> {
    let time: [u8; 8] = time.try_into().ok().filter(|time| is_time_of_day(*time))?;
    let [h1, h2, _, m1, m2, _, s1, s2] = time;
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i16::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) {
        return None;
    }
    let small = |value| u8::try_from(value).ok();
    Some(Civil {
        year,
        month: small(month)?,
        day: small(day)?,
        hour: small(hour)?,
        minute: small(minute)?,
        second: small(second)?,
    })
}

/// One to four decimal digits.
fn number(text: &[u8]) -> Option<i16> {
    if text.is_empty() || text.len() > 4 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0')))
}

fn month(name: &[u8]) -> Option<i16> {
    const NAMES: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    (1..).zip(NAMES).find(|(_, month)| name == &month[..]).map(|(number, _)| number)
}

/// Minutes of `+02:00`, `+0200` or `+02`.
fn offset(text: &[u8]) -> Option<i32> {
    let (hours, minutes) = match text {
        [_, h1, h2, b':', m1, m2] | [_, h1, h2, m1, m2] => (number(&[*h1, *h2])?, number(&[*m1, *m2])?),
        [_, h1, h2] => (number(&[*h1, *h2])?, 0),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let total = i32::from(hours) * 60 + i32::from(minutes);
    match text[0] {
        b'+' => Some(total),
        b'-' => Some(-total),
        _ => None,
    }
}

fn write(out: &mut Vec<u8>, civil: Civil, fraction: &[u8], offset_minutes: i32) {
    let two = |value: u8| [b'0' + value / 10, b'0' + value % 10];
    let pair = |value: u32| two((value % 100).to_le_bytes()[0]);
    out.push(b'"');
    let year = u32::from(civil.year.unsigned_abs());
    out.extend_from_slice(&pair(year / 100));
    out.extend_from_slice(&pair(year));
    for (before, value) in
        [(b'-', civil.month), (b'-', civil.day), (b'T', civil.hour), (b':', civil.minute), (b':', civil.second)]
    {
        out.push(before);
        out.extend_from_slice(&two(value));
    }
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
    if offset_minutes == 0 {
        out.push(b'Z');
    } else {
        out.push(if offset_minutes < 0 { b'-' } else { b'+' });
        let minutes = offset_minutes.unsigned_abs();
        out.extend_from_slice(&pair(minutes / 60));
        out.push(b':');
        out.extend_from_slice(&pair(minutes % 60));
    }
    out.push(b'"');
}

/// Seconds since 1970 of a time in UTC, by Howard Hinnant's `days_from_civil`.
fn seconds(civil: Civil) -> i64 {
    let month = i64::from(civil.month);
    let year = i64::from(civil.year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(civil.day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    days * 86_400 + i64::from(civil.hour) * 3600 + i64::from(civil.minute) * 60 + i64::from(civil.second)
}

fn year_of(seconds: i64) -> i16 {
    civil_of(seconds).map_or(1970, |civil| civil.year)
}

/// The inverse of [`seconds`].
fn civil_of(seconds: i64) -> Option<Civil> {
    let days = seconds.div_euclid(86_400) + 719_468;
    let of_day = seconds.rem_euclid(86_400);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let small = |value: i64| u8::try_from(value).ok();
    Some(Civil {
        year: i16::try_from(year).ok().filter(|year| (0..=9999).contains(year))?,
        month: small(month)?,
        day: small(day_of_year - (153 * shifted + 2) / 5 + 1)?,
        hour: small(of_day / 3600)?,
        minute: small(of_day / 60 % 60)?,
        second: small(of_day % 60)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn made(make: impl Fn(&mut Clock, &mut Vec<u8>) -> bool, zone: &str) -> Option<String> {
        let mut out = Vec::new();
        // 2025-10-12T00:00:00Z
        let mut clock = Clock::at(Zone::parse(zone).unwrap(), 1_760_227_200);
        make(&mut clock, &mut out).then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_offset_of_the_source_is_kept() {
        let text = b"10/Oct/2025:13:55:36 -0930";
        assert_eq!(made(|clock, out| clock.common(text, out), "UTC").unwrap(), "\"2025-10-10T13:55:36-09:30\"");
    }

    #[test]
    fn a_stamp_without_zone_takes_the_one_given() {
        let at = |text: &'static [u8], zone| made(|clock, out| clock.iso(text, out), zone);
        assert_eq!(at(b"2025/07/10 13:55:36", "Europe/Berlin").unwrap(), "\"2025-07-10T13:55:36+02:00\"");
        assert_eq!(at(b"2025/01/10 13:55:36,5", "Europe/Berlin").unwrap(), "\"2025-01-10T13:55:36.5+01:00\"");
        assert_eq!(at(b"2025-02-29T00:00:00Z", "UTC"), None);
    }

    #[test]
    fn a_stamp_in_utc_is_written_in_one_way() {
        let at = |text: &'static [u8]| made(|clock, out| clock.iso(text, out), "Europe/Berlin").unwrap();
        for text in [
            &b"2025-07-10T13:55:36.5Z"[..],
            b"2025-07-10 13:55:36.5Z",
            b"2025/07/10T13:55:36,5z",
            b"2025-07-10t13:55:36,5+00:00",
        ] {
            assert_eq!(at(text), "\"2025-07-10T13:55:36.5Z\"");
        }
        assert_eq!(at(b"2025-07-10T13:55:36Z"), "\"2025-07-10T13:55:36Z\"");
    }

    #[test]
    fn the_year_is_the_nearest_and_at_most_a_day_ahead() {
        let at = |text: &'static [u8]| made(|clock, out| clock.yearless(text, out).is_some(), "UTC").unwrap();
        assert_eq!(at(b"Oct 11 22:14:15"), "\"2025-10-11T22:14:15Z\"");
        assert_eq!(at(b"Oct 12 22:14:15"), "\"2025-10-12T22:14:15Z\"");
        assert_eq!(at(b"Dec  1 00:00:00"), "\"2024-12-01T00:00:00Z\"");
    }

    #[test]
    fn epoch_seconds_keep_their_decimals() {
        assert_eq!(
            made(|clock, out| clock.epoch(b"1760104536.123", out), "UTC").unwrap(),
            "\"2025-10-10T13:55:36.123Z\""
        );
    }
}
