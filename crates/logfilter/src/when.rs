//! The moments that a condition names. Those told by their distance from now slide with the clock, as long as the filter
//! runs.

use std::time::Duration;

use logline::quantity::parse_duration;
use logline::stamp::Reader;
use logline::time::{Moment, Zone};

/// For messages: what a moment looks like.
pub const EXPECTED: &str = "a time, such as -24h, now, today, 2026-11-23, 2026-11-23T08:00:00Z or seconds since 1970";

/// A moment, fixed or sliding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// So long before now.
    Ago(Duration),
    /// The beginning of the day that lies so many days back.
    Day(i64),
    /// Fixed.
    At(Moment),
}

impl When {
    /// Reads `now`, `today`, `yesterday`, a length of time with a unit and with or without a minus (so long ago), and what
    /// [`Reader::moment`] reads.
    pub fn parse(text: &str, zone: &Zone) -> Option<Self> {
        match text {
            "now" => Some(Self::Ago(Duration::ZERO)),
            "today" => Some(Self::Day(0)),
            "yesterday" => Some(Self::Day(1)),
            _ if text.ends_with(|c: char| c.is_ascii_alphabetic()) => {
                let ago = parse_duration(text.strip_prefix('-').unwrap_or(text)).ok().map(Self::Ago);
                ago.or_else(|| Reader::new(zone).moment(text.as_bytes()).map(Self::At))
            }
            _ => Reader::new(zone).moment(text.as_bytes()).map(Self::At),
        }
    }

    /// Whether a text means a moment also where nothing else says so: a plain number does not.
    pub fn is_told(text: &str) -> bool {
        let is_ago = || text.starts_with('-') && text.ends_with(|c: char| c.is_ascii_alphabetic());
        matches!(text, "now" | "today" | "yesterday") || is_ago() || is_like_a_date(text)
    }

    /// The moment that it is now.
    pub fn at(&self, now: Moment, zone: &Zone) -> Moment {
        match self {
            Self::Ago(by) => now.before(*by),
            Self::Day(back) => now.midnight(*back, zone),
            Self::At(moment) => *moment,
        }
    }
}

/// `2026-11-…`, possible or not.
pub fn is_like_a_date(text: &str) -> bool {
    let text = text.as_bytes();
    text.len() >= 8
        && text[..4].iter().all(u8::is_ascii_digit)
        && matches!(text[4], b'-' | b'/')
        && text[5..7].iter().all(u8::is_ascii_digit)
        && text[7] == text[4]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn at(text: &str) -> Option<i64> {
        let (now, zone) = (Moment { seconds: 1_760_104_536, nanos: 0 }, Zone::Fixed(120));
        Some(When::parse(text, &zone)?.at(now, &zone).seconds)
    }

    #[test]
    fn moments_by_their_distance_slide_with_the_clock() {
        assert_eq!(at("now"), Some(1_760_104_536));
        assert_eq!((at("-24h"), at("1d")), (Some(1_760_018_136), Some(1_760_018_136)));
        assert_eq!(at("2h30m"), Some(1_760_104_536 - 9000));
    }

    #[test]
    fn days_begin_by_the_clocks_of_the_zone() {
        assert_eq!(at("today"), Some(1_760_047_200));
        assert_eq!(at("yesterday"), Some(1_760_047_200 - 86_400));
        assert_eq!(at("2025-10-10"), at("today"));
    }

    #[test]
    fn fixed_moments_are_what_they_say() {
        assert_eq!(at("2025-10-10T13:55:36Z"), Some(1_760_104_536));
        assert_eq!(at("2025-10-10T15:55"), Some(1_760_104_500));
        assert_eq!(at("1760104536"), Some(1_760_104_536));
    }

    #[test]
    fn nothing_else_is_a_moment() {
        for text in ["", "-", "tomorrow", "24x", "--24h", "2025-13-01", "2025-02-30T00:00:00Z", "1h-2m", "99999999d"] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
