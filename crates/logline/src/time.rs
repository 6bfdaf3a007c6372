//! Moments, and the zones of those that name none.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use crate::calendar::{Civil, DAY};
use crate::ending::say;
use crate::stamp::parts::offset;

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
        if let Some(minutes) = minutes_of_offset(name.as_bytes()) {
            return Ok(Self::Fixed(minutes));
        }
        TimeZone::get(name.trim_start_matches(':'))
            .map(Self::Named)
            .map_err(|_| "unknown time zone, expected a name like Europe/Berlin or an offset like +02:00".to_owned())
    }

    /// What `TZ` says, else UTC. One that names no zone is said to be so.
    pub fn from_environment(prog: &str) -> Self {
        let Some(name) = std::env::var_os("TZ") else { return Self::Fixed(0) };
        Self::parse(&name.to_string_lossy()).unwrap_or_else(|cause| {
            say(prog, format_args!("TZ={}: {cause}; it is taken for UTC", name.display()));
            Self::Fixed(0)
        })
    }

    /// Seconds east of UTC of the moment at which clocks of this zone show `civil`. Where a jump of the clock makes two such
    /// moments it is that of the earlier; where it leaves the time out, the one before the jump.
    pub fn offset_of_local(&self, civil: Civil) -> Option<i64> {
        match self {
            Self::Fixed(minutes) => Some(i64::from(*minutes) * 60),
            Self::Named(zone) => {
                let local = civil.seconds();
                Some(local - zone.to_timestamp(datetime(local)?).ok()?.as_second())
            }
        }
    }

    /// The same where the abbreviation `word` is said beside the time; `None` if this zone does not use it at that moment.
    pub fn offset_of_abbreviation(&self, word: &str, civil: Civil) -> Option<i64> {
        let Self::Named(zone) = self else { return None };
        let local = civil.seconds();
        let offsets = match zone.to_ambiguous_timestamp(datetime(local)?).offset() {
            AmbiguousOffset::Unambiguous { offset } => [offset, offset],
            AmbiguousOffset::Gap { before, after } | AmbiguousOffset::Fold { before, after } => [before, after],
        };
        offsets.into_iter().map(|offset| i64::from(offset.seconds())).find(|offset| {
            Timestamp::from_second(local - offset)
                .is_ok_and(|moment| zone.to_offset_info(moment).abbreviation() == word)
        })
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

/// Minutes east of UTC of `+02:00`, `+0200` or `+02`.
fn minutes_of_offset(text: &[u8]) -> Option<i32> {
    match offset(text) {
        Some((Some(seconds), length)) if length == text.len() => i32::try_from(seconds / 60).ok(),
        _ => None,
    }
}

fn datetime(seconds: i64) -> Option<DateTime> {
    Some(Offset::UTC.to_datetime(Timestamp::from_second(seconds).ok()?))
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
        let offset = Civil::from_seconds(midnight).and_then(|civil| zone.offset_of_local(civil)).unwrap_or(0);
        Self { seconds: midnight - offset, nanos: 0 }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_day_begins_by_the_clocks_of_the_zone_also_where_they_jump() {
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        // The clocks go forward on the night to this day.
        let at = |seconds| Moment { seconds, nanos: 0 };
        let noon = at(1_743_328_800);
        assert_eq!(noon.midnight(0, &berlin), at(1_743_289_200));
        assert_eq!(noon.midnight(1, &berlin), at(1_743_202_800));
        let half_an_hour_into_the_next = at(1_743_373_800);
        assert_eq!(half_an_hour_into_the_next.midnight(1, &berlin), at(1_743_289_200));
    }

    #[test]
    fn earlier_by_a_fraction_stays_ordered() {
        let moment = Moment { seconds: 10, nanos: 100 };
        assert_eq!(moment.before(Duration::new(1, 200)), Moment { seconds: 8, nanos: 999_999_900 });
        assert!(moment.before(Duration::MAX) < moment);
    }
}
