//! Times as logs write them, rewritten as RFC 3339 with the precision and the offset of the source. The last second is
//! remembered: neighbouring lines share it.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// The zone for times that tell none, and what was rewritten last.
#[derive(Debug)]
pub struct Clock {
    zone: TimeZone,
    last: [u8; 26],
    last_local: [u8; 25],
    last_civil: Vec<u8>,
    last_civil_time: Vec<u8>,
}

impl Clock {
    /// With the zone for times without one.
    pub fn new(zone: TimeZone) -> Self {
        Self { zone, last: [0; 26], last_local: [0; 25], last_civil: Vec::new(), last_civil_time: Vec::new() }
    }

    /// `10/Oct/2025:13:55:36 +0200` as `2025-10-10T13:55:36+02:00`.
    pub fn common(&mut self, text: &[u8]) -> Option<&[u8]> {
        let text: &[u8; 26] = text.try_into().ok()?;
        if *text == self.last {
            return Some(&self.last_local);
        }
        let [
            d1,
            d2,
            b'/',
            m1,
            m2,
            m3,
            b'/',
            y1,
            y2,
            y3,
            y4,
            b':',
            h1,
            h2,
            b':',
            i1,
            i2,
            b':',
            s1,
            s2,
            b' ',
            sign,
            z1,
            z2,
            z3,
            z4,
        ] = text
        else {
            return None;
        };
        let month = MONTHS.iter().position(|name| **name == [*m1, *m2, *m3])? + 1;
        let month = [b'0' + u8::try_from(month / 10).ok()?, b'0' + u8::try_from(month % 10).ok()?];
        let digits = [d1, d2, y1, y2, y3, y4, h1, h2, i1, i2, s1, s2, z1, z2, z3, z4];
        if !digits.iter().all(|digit| digit.is_ascii_digit()) || !matches!(sign, b'+' | b'-') {
            return None;
        }
        let local = [
            *y1, *y2, *y3, *y4, b'-', month[0], month[1], b'-', *d1, *d2, b'T', *h1, *h2, b':', *i1, *i2, b':', *s1,
            *s2, *sign, *z1, *z2, b':', *z3, *z4,
        ];
        let text_of = std::str::from_utf8(&local).ok()?;
        text_of.parse::<Timestamp>().ok()?;
        self.last = *text;
        self.last_local = local;
        Some(&self.last_local)
    }

    /// `2026-11-23T08:53:09+00:00`, if it is one.
    pub fn iso(text: &[u8]) -> Option<&[u8]> {
        std::str::from_utf8(text).ok()?.parse::<Timestamp>().ok()?;
        Some(text)
    }

    /// `1760104536.123`, seconds since the epoch, as `2025-10-10T13:55:36.123Z`.
    pub fn epoch(text: &[u8]) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(text).ok()?;
        let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
        if seconds.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let time = Timestamp::from_second(seconds.parse().ok()?).ok()?.to_string();
        let whole = time.strip_suffix('Z')?;
        let point = if fraction.is_empty() { "" } else { "." };
        Some(format!("{whole}{point}{fraction}Z").into_bytes())
    }

    /// A time without a zone, `2026-11-23 08:53:09` or with `/` between the parts of the date, and perhaps a fraction, as
    /// the clock's zone has it.
    pub fn civil(&mut self, text: &[u8]) -> Option<&[u8]> {
        if text == self.last_civil {
            return Some(&self.last_civil_time);
        }
        let mut civil = text.to_vec();
        for (at, sign) in [(4, b'-'), (7, b'-'), (10, b'T')] {
            *civil.get_mut(at)? = sign;
        }
        if let Some(comma) = civil.get_mut(19) {
            *comma = b'.';
        }
        let fraction = text.get(19..).unwrap_or_default();
        let time: DateTime = std::str::from_utf8(&civil).ok()?.parse().ok()?;
        let zoned = time.to_zoned_datetime(self.zone.clone()).ok()?;
        let mut written = civil[..19].to_vec();
        if !fraction.is_empty() {
            written.push(b'.');
            written.extend_from_slice(&fraction[1..]);
        }
        written.extend_from_slice(zoned.strftime("%:z").to_string().as_bytes());
        self.last_civil = text.to_vec();
        self.last_civil_time = written;
        Some(&self.last_civil_time)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn clock(zone: &str) -> Clock {
        Clock::new(TimeZone::get(zone).unwrap())
    }

    #[test]
    fn the_common_log_time_keeps_its_offset() {
        let mut clock = clock("UTC");
        assert_eq!(clock.common(b"10/Oct/2025:13:55:36 -0930").unwrap(), b"2025-10-10T13:55:36-09:30");
        assert_eq!(clock.common(b"10/Oct/2025:13:55:36 -0930").unwrap(), b"2025-10-10T13:55:36-09:30");
        for text in [&b"10/Okt/2025:13:55:36 +0000"[..], b"40/Oct/2025:13:55:36 +0000", b"10/Oct/2025:13:55:36", b""] {
            assert!(clock.common(text).is_none(), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_time_without_a_zone_takes_that_of_the_clock() {
        let mut clock = clock("Europe/Berlin");
        assert_eq!(clock.civil(b"2026/07/23 08:53:04").unwrap(), b"2026-07-23T08:53:04+02:00");
        assert_eq!(clock.civil(b"2026/11/23 08:53:04").unwrap(), b"2026-11-23T08:53:04+01:00");
        assert_eq!(clock.civil(b"2026-11-23 08:53:04,250").unwrap(), b"2026-11-23T08:53:04.250+01:00");
        assert!(clock.civil(b"2026/13/23 08:53:04").is_none());
        assert!(clock.civil(b"short").is_none());
    }

    #[test]
    fn seconds_since_the_epoch_keep_their_digits() {
        assert_eq!(Clock::epoch(b"1760104536.123").unwrap(), b"2025-10-10T13:55:36.123Z");
        assert_eq!(Clock::epoch(b"1760104536").unwrap(), b"2025-10-10T13:55:36Z");
        assert!(Clock::epoch(b"-").is_none());
    }
}
