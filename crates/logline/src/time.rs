//! Moments as records tell them and as conditions name them, and the zone of those that name none.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::ending::say;

const DAY: i64 = 86_400;

/// The zone of stamps that name none.
#[derive(Clone, Debug)]
pub enum Zone {
    /// Minutes east of UTC.
    Fixed(i32),
    /// A zone with rules.
    Named(TimeZone),
}

impl Zone {
    /// `UTC`, `+02:00` or a name of the zone database. The error says what was expected.
    pub fn parse(name: &str) -> Result<Self, String> {
        if matches!(name, "" | "UTC" | "Z" | "UTC0" | "GMT") {
            return Ok(Self::Fixed(0));
        }
        if let Some(seconds) = offset(name.as_bytes()) {
            return Ok(Self::Fixed(i32::try_from(seconds / 60).unwrap_or(0)));
        }
        TimeZone::get(name.trim_start_matches(':'))
            .map(Self::Named)
            .map_err(|_| "unknown time zone, expected a name like Europe/Berlin or an offset like +02:00".to_owned())
    }

    /// What `TZ` says, else UTC. One that names no zone is said to be so.
    pub fn of_environment(prog: &str) -> Self {
        let Some(name) = std::env::var_os("TZ") else { return Self::Fixed(0) };
        Self::parse(&name.to_string_lossy()).unwrap_or_else(|cause| {
            say(prog, format_args!("TZ={}: {cause}; it is taken for UTC", name.display()));
            Self::Fixed(0)
        })
    }

    /// The moment at which clocks of this zone show a time, given as if it were UTC's. Of two the earlier; one that is left
    /// out by a jump of the clock is read with the offset before it.
    fn moment_of_local(&self, seconds: i64) -> Option<i64> {
        match self {
            Self::Fixed(minutes) => Some(seconds - i64::from(*minutes) * 60),
            Self::Named(zone) => Some(zone.to_timestamp(civil(seconds)?).ok()?.as_second()),
        }
    }

    /// What clocks of this zone show at a moment, as if it were UTC's.
    fn local_of_moment(&self, seconds: i64) -> Option<i64> {
        match self {
            Self::Fixed(minutes) => Some(seconds + i64::from(*minutes) * 60),
            Self::Named(zone) => {
                Some(seconds + i64::from(zone.to_offset(Timestamp::from_second(seconds).ok()?).seconds()))
            }
        }
    }
}

fn civil(seconds: i64) -> Option<DateTime> {
    Some(jiff::tz::Offset::UTC.to_datetime(Timestamp::from_second(seconds).ok()?))
}

/// A moment, to the nanosecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Moment {
    /// Since 1970 in UTC, without leap seconds.
    pub seconds: i64,
    /// Of the second, below 1 000 000 000.
    pub nanos: u32,
}

impl Moment {
    /// By the clock of the system.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { seconds: since.as_secs().cast_signed(), nanos: since.subsec_nanos() }
    }

    /// Reads RFC 3339 and its relatives (slashes, a space for the `T`, a comma before the fraction, no seconds, no time, no
    /// zone: then `zone`), or an epoch as [`Moment::parse_epoch`] does. `None` also for a day or an hour that does not exist.
    pub fn parse(text: &[u8], zone: &Zone) -> Option<Self> {
        match text.get(4) {
            Some(b'-' | b'/') => Self::parse_date(text, zone),
            _ => Self::parse_epoch(text),
        }
    }

    fn parse_date(text: &[u8], zone: &Zone) -> Option<Self> {
        let [y1, y2, y3, y4, between, m1, m2, also, d1, d2, rest @ ..] = text else { return None };
        let year = two(*y1, *y2)? * 100 + two(*y3, *y4)?;
        let (month, day) = (two(*m1, *m2)?, two(*d1, *d2)?);
        if between != also || !(1..=days_of(year, month)?).contains(&day) {
            return None;
        }
        let midnight = days(year, month, day) * DAY;
        if rest.is_empty() {
            return Some(Self { seconds: zone.moment_of_local(midnight)?, nanos: 0 });
        }
        let [b'T' | b't' | b' ', h1, h2, b':', n1, n2, rest @ ..] = rest else { return None };
        let (hour, minute) = (two(*h1, *h2)?, two(*n1, *n2)?);
        let (second, rest) = match rest {
            [b':', s1, s2, rest @ ..] => (two(*s1, *s2)?, rest),
            _ => (0, rest),
        };
        // A leap second counts.
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let local = midnight + hour * 3600 + minute * 60 + second;
        let (nanos, rest) = match rest {
            [b'.' | b',', rest @ ..] => fraction(rest)?,
            _ => (0, rest),
        };
        let seconds = match rest {
            b"" => zone.moment_of_local(local)?,
            b"Z" | b"z" => local,
            [b' ', rest @ ..] => local - offset(rest)?,
            _ => local - offset(rest)?,
        };
        Some(Self { seconds, nanos })
    }

    /// Reads seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size; seconds may have
    /// decimals.
    pub fn parse_epoch(text: &[u8]) -> Option<Self> {
        let (sign, digits) = match text {
            [b'-', digits @ ..] => (-1, digits),
            _ => (1, text),
        };
        let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (whole, rest) = digits.split_at(length);
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
            [b'.', rest @ ..] => {
                let (nanos, rest) = fraction(rest)?;
                if !rest.is_empty() {
                    return None;
                }
                i128::from(nanos) * unit / 1_000_000_000
            }
            _ => return None,
        };
        let nanos = sign * (whole * unit + decimals);
        Some(Self {
            seconds: i64::try_from(nanos.div_euclid(1_000_000_000)).ok()?,
            nanos: u32::try_from(nanos.rem_euclid(1_000_000_000)).ok()?,
        })
    }

    /// So much earlier.
    #[must_use]
    pub fn before(self, by: std::time::Duration) -> Self {
        let nanos = i64::from(self.nanos) - i64::from(by.subsec_nanos());
        let seconds = self.seconds.saturating_sub_unsigned(by.as_secs()).saturating_sub(i64::from(nanos < 0));
        Self { seconds, nanos: u32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or(0) }
    }

    /// The beginning of the day, by the clocks of the zone, that lies `ago` days back.
    #[must_use]
    pub fn midnight(self, ago: i64, zone: &Zone) -> Self {
        let local = zone.local_of_moment(self.seconds).unwrap_or(self.seconds);
        let midnight = (local.div_euclid(DAY) - ago) * DAY;
        Self { seconds: zone.moment_of_local(midnight).unwrap_or(midnight), nanos: 0 }
    }
}

/// Two decimal digits.
fn two(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens * 10 + ones))
}

/// Nanoseconds of the decimals that `text` begins with, at least one, and what follows them.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let digits = text[..length].iter().chain(std::iter::repeat(&b'0')).take(9);
    let nanos = digits.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Some((nanos, &text[length..]))
}

/// Seconds of `+02:00`, `+0200` or `+02`.
fn offset(text: &[u8]) -> Option<i64> {
    let (hours, minutes) = match text {
        [_, h1, h2, b':', m1, m2] | [_, h1, h2, m1, m2] => (two(*h1, *h2)?, two(*m1, *m2)?),
        [_, h1, h2] => (two(*h1, *h2)?, 0),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    match text[0] {
        b'+' => Some(hours * 3600 + minutes * 60),
        b'-' => Some(-(hours * 3600 + minutes * 60)),
        _ => None,
    }
}

fn days_of(year: i64, month: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => Some(28 + i64::from(leap)),
        4 | 6 | 9 | 11 => Some(30),
        1..=12 => Some(31),
        _ => None,
    }
}

/// Days since 1970, by Howard Hinnant's `days_from_civil`.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::time::Duration;

    use super::*;

    fn at(text: &str, zone: &str) -> Option<Moment> {
        Moment::parse(text.as_bytes(), &Zone::parse(zone).unwrap())
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
            "2025-10-10T13:55:36 UTC",
            "2025-10-10x",
            "12.",
            "12e3",
            "12345678901234567890",
        ] {
            assert_eq!(at(text, "UTC"), None, "{text}");
        }
    }

    #[test]
    fn a_day_begins_by_the_clocks_of_the_zone_also_where_they_jump() {
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        // The clocks go forward on the night to this day.
        let noon = at("2025-03-30T12:00:00", "Europe/Berlin").unwrap();
        assert_eq!(noon.midnight(0, &berlin), at("2025-03-29T23:00:00Z", "UTC").unwrap());
        assert_eq!(noon.midnight(1, &berlin), at("2025-03-28T23:00:00Z", "UTC").unwrap());
        assert_eq!(at("2025-03-31T00:30", "Europe/Berlin").unwrap().midnight(1, &berlin).seconds, 1_743_289_200);
    }

    #[test]
    fn earlier_by_a_fraction_stays_ordered() {
        let moment = Moment { seconds: 10, nanos: 100 };
        assert_eq!(moment.before(Duration::new(1, 200)), Moment { seconds: 8, nanos: 999_999_900 });
        assert!(moment.before(Duration::MAX) < moment);
    }
}
