//! The calendar, once for the workspace: days since 1970 and back, and what dates and times of day exist.

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// A date and a time of day as clocks show them, in no zone yet. Every value of this type exists on the calendar of RFC 3339:
/// the year is 1 to 9999, and a leap second (`:60`) counts as existing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Civil {
    year: i16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

impl Civil {
    /// The date at a time of day, given as hour, minute and second; `None` if no calendar or clock shows it.
    pub fn new(year: i64, month: i64, day: i64, [hour, minute, second]: [i64; 3]) -> Option<Self> {
        let exists = (1..=9999).contains(&year)
            && (1..=days_of_month(year, month)?).contains(&day)
            && (0..=23).contains(&hour)
            && (0..=59).contains(&minute)
            && (0..=60).contains(&second);
        let small = |value: i64| u8::try_from(value).ok();
        exists.then_some(Self {
            year: i16::try_from(year).ok()?,
            month: small(month)?,
            day: small(day)?,
            hour: small(hour)?,
            minute: small(minute)?,
            second: small(second)?,
        })
    }

    /// What clocks in UTC show at a moment, in seconds since 1970; `None` outside of the years 1 to 9999.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        let days = seconds.div_euclid(DAY) + 719_468;
        let of_day = seconds.rem_euclid(DAY);
        // The inverse of `days`, by Howard Hinnant's `civil_from_days`.
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        Self::new(year, month, day, [of_day / 3600, of_day / 60 % 60, of_day % 60])
    }

    /// Seconds since 1970 of the moment at which clocks in UTC show this.
    pub fn seconds(self) -> i64 {
        days(self.year.into(), self.month.into(), self.day.into()) * DAY
            + i64::from(self.hour) * 3600
            + i64::from(self.minute) * 60
            + i64::from(self.second)
    }

    /// The year, 1 to 9999.
    pub fn year(self) -> i64 {
        self.year.into()
    }

    /// The same time of day `hours` later in the same day; `None` if that is another day.
    #[must_use]
    pub fn with_hour(self, hour: i64) -> Option<Self> {
        Some(Self { hour: u8::try_from(hour).ok().filter(|hour| *hour < 24)?, ..self })
    }

    /// The hour, 0 to 23.
    pub fn hour(self) -> i64 {
        self.hour.into()
    }

    /// Appends `YYYY-MM-DDTHH:MM:SS`.
    pub fn write(self, out: &mut Vec<u8>) {
        let two = |value: u8| [b'0' + value / 10, b'0' + value % 10];
        let [century, year] = [self.year / 100, self.year % 100].map(|half| two(half.to_le_bytes()[0]));
        let [[m1, m2], [d1, d2], [h1, h2], [n1, n2], [s1, s2]] =
            [self.month, self.day, self.hour, self.minute, self.second].map(two);
        out.extend_from_slice(&[
            century[0], century[1], year[0], year[1], b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1,
            s2,
        ]);
    }
}

/// The number of days of a month, 1 to 12, `None` for any other.
fn days_of_month(year: i64, month: i64) -> Option<i64> {
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

/// The English names of the months.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Those of the days of the week.
pub const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The number of a month by the first three letters of its English name, in any case.
pub fn month(name: &[u8]) -> Option<i64> {
    let is_it = |(_, month): &(i64, &str)| name.eq_ignore_ascii_case(&month.as_bytes()[..3]);
    (1..).zip(MONTHS).find(is_it).map(|(number, _)| number)
}

/// Which of `names` `text` begins with, in full or by three letters in any case, and the length of that.
pub fn named(text: &[u8], names: &[&str]) -> Option<(usize, usize)> {
    let short = text.get(..3)?;
    let at = names.iter().position(|name| short.eq_ignore_ascii_case(&name.as_bytes()[..3]))?;
    Some((at, if text.starts_with(names[at].as_bytes()) { names[at].len() } else { 3 }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn every_day_comes_back_from_its_seconds() {
        let mut last = Civil::new(1, 1, 1, [0, 0, 0]).unwrap().seconds() - DAY;
        for year in (1..=9999).step_by(7).chain([1900, 2000, 2024, 2026]) {
            for month in 1..=12 {
                for day in 1..=31 {
                    let Some(civil) = Civil::new(year, month, day, [23, 59, 58]) else { continue };
                    assert_eq!(Civil::from_seconds(civil.seconds()), Some(civil));
                    if day > 1 {
                        assert_eq!(civil.seconds() - last, DAY, "{civil:?}");
                    }
                    last = civil.seconds();
                }
            }
        }
    }

    #[test]
    fn what_no_calendar_shows_is_none() {
        for (year, month, day, time) in [
            (2026, 2, 29, [0, 0, 0]),
            (2026, 2, 31, [0, 0, 0]),
            (1900, 2, 29, [0, 0, 0]),
            (2026, 13, 1, [0, 0, 0]),
            (2026, 0, 1, [0, 0, 0]),
            (2026, 1, 0, [0, 0, 0]),
            (0, 1, 1, [0, 0, 0]),
            (99_999, 1, 1, [0, 0, 0]),
            (2026, 1, 1, [24, 0, 0]),
            (2026, 1, 1, [25, 0, 0]),
            (2026, 1, 1, [0, 60, 0]),
            (2026, 1, 1, [0, 0, 61]),
        ] {
            assert_eq!(Civil::new(year, month, day, time), None);
        }
        assert!(Civil::new(2000, 2, 29, [23, 59, 60]).is_some());
    }
}
