//! The time of a record, as a moment and as the text that is sent.

use logline::stamp::Reader;
use logline::time::{Moment, Zone};

/// A time as a destination reads it.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    text: [u8; Self::LONGEST],
    length: usize,
    /// The same as a number.
    pub moment: Moment,
    /// How many digits behind the point are known.
    pub precision: usize,
}

thread_local!(static ZONE: Zone = Zone::from_environment(crate::PROG));

/// Calls `read` with the reader of times: those without a zone are of the one that the environment names.
pub fn with_reader<T>(read: impl FnOnce(&Reader<'_>) -> T) -> T {
    ZONE.with(|zone| read(&Reader::new(zone)))
}

impl Stamp {
    /// `2025-10-10T13:55:36.123456789Z`
    const LONGEST: usize = 30;

    /// What was read, in UTC; `None` outside of the years 1 to 9999.
    pub fn new(stamp: &logline::stamp::Stamp) -> Option<Self> {
        let stamp = stamp.in_utc()?;
        let mut text = Vec::with_capacity(Self::LONGEST);
        stamp.write(&mut text);
        Some(Self::with_text(&text, stamp.moment(), stamp.precision()))
    }

    /// The moment of which `text` is RFC 3339 in UTC, of which `precision` digits behind the point are known.
    fn with_text(text: &[u8], moment: Moment, precision: usize) -> Self {
        let length = text.len().min(Self::LONGEST);
        let mut stamp = Self { text: [0; Self::LONGEST], length, moment, precision };
        stamp.text[..length].copy_from_slice(&text[..length]);
        stamp
    }

    /// The time of reading, as a batch has it.
    pub fn of_reading(text: &str) -> Self {
        let read = with_reader(|reader| reader.text(text.as_bytes()));
        read.and_then(|stamp| Self::new(&stamp)).unwrap_or_else(|| Self::with_text(b"", Moment::now(), 9))
    }

    /// RFC 3339 in UTC, as precise as it was.
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    /// The same as bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.text[..self.length]
    }

    /// Nanoseconds since 1970.
    pub fn nanoseconds(&self) -> i128 {
        i128::from(self.moment.seconds) * 1_000_000_000 + i128::from(self.moment.nanos)
    }
}

/// Reads times of the form `2025-10-10T13:55:36` in UTC: most records are of the same minute as the one before.
#[derive(Debug, Default)]
pub struct Minutes {
    /// The minute that came last: `2025-10-10T13:55:`.
    text: [u8; 17],
    /// Its first second, since 1970.
    seconds: i64,
}

impl Minutes {
    /// The time that `text` is, which is RFC 3339 in UTC without the zone and with at most nine digits behind the point.
    pub fn stamp(&mut self, text: &[u8]) -> Option<Stamp> {
        let (minute, rest) = text.split_first_chunk::<17>()?;
        if *minute != self.text {
            self.learn(minute)?;
        }
        let [ten, one, rest @ ..] = rest else { return None };
        let second = i64::from(ten - b'0') * 10 + i64::from(one - b'0');
        let digits = rest.strip_prefix(b".").unwrap_or(rest);
        let nanos = digits.iter().fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
        let precision = digits.len();
        // Most have no fraction.
        let nanos = match precision {
            0 => 0,
            _ => nanos * 10_u32.pow(u32::try_from(9_usize.checked_sub(precision)?).ok()?),
        };
        let mut stamp = Stamp::with_text(text, Moment { seconds: self.seconds + second, nanos }, precision);
        *stamp.text.get_mut(stamp.length)? = b'Z';
        stamp.length += 1;
        Some(stamp)
    }

    /// The same of a raw JSON value, if it is a text of that form.
    pub fn value(&mut self, raw: &[u8]) -> Option<Stamp> {
        match raw {
            [b'"', time @ .., b'Z', b'"'] if self.is_within_minute(time) || is_utc_time(time) => self.stamp(time),
            _ => None,
        }
    }

    /// Whether it is one of the minute that came last.
    fn is_within_minute(&self, time: &[u8]) -> bool {
        match time.strip_prefix(&self.text) {
            Some([b'0'..=b'5', b'0'..=b'9']) => true,
            Some([b'0'..=b'5', b'0'..=b'9', b'.', digits @ ..]) => is_fraction(digits),
            _ => false,
        }
    }

    #[cold]
    fn learn(&mut self, minute: &[u8; 17]) -> Option<()> {
        let first = [&minute[..], b"00Z"].concat();
        let stamp = with_reader(|reader| reader.whole(&first).ok())?;
        (self.text, self.seconds) = (*minute, stamp.moment().seconds);
        Some(())
    }
}

/// `2025-10-10T13:55:36`, with or without a fraction of at most nine digits, of a day that the month has in every year.
pub fn is_utc_time(time: &[u8]) -> bool {
    const FIRST: &[u8; 19] = b"0000-00-00T00:00:00";
    const LAST: &[u8; 19] = b"9999-99-99T99:99:99";
    let Some((whole, fraction)) = time.split_first_chunk::<19>() else { return false };
    // All of it, whatever the first bytes show: so it takes no branch, and is done with many at once.
    let ranges = FIRST.iter().zip(LAST).map(|(first, last)| (first, last - first));
    let fits =
        whole.iter().zip(ranges).fold(true, |fits, (byte, (first, range))| fits & (byte.wrapping_sub(*first) <= range));
    let is_within = |at: usize, first: &[u8], last: &[u8]| (first..=last).contains(&&whole[at..at + 2]);
    let last_day = match &whole[5..7] {
        b"02" => b"28",
        b"04" | b"06" | b"09" | b"11" => b"30",
        _ => b"31",
    };
    let exists = is_within(5, b"01", b"12") && is_within(8, b"01", last_day) && is_within(11, b"00", b"23");
    fits && exists
        && whole[14] < b'6'
        && whole[17] < b'6'
        && &whole[..4] > b"0000".as_slice()
        && match fraction {
            [] => true,
            [b'.', digits @ ..] => is_fraction(digits),
            _ => false,
        }
}

fn is_fraction(digits: &[u8]) -> bool {
    (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_value_of_that_form_is_read_as_any_other_and_no_other_is() {
        let mut minutes = Minutes::default();
        let mut read = 0;
        for minute in
            ["2025-10-10T13:55", "2024-02-29T23:59", "2025-02-28T23:59", "2025-02-29T23:59", "0000-01-01T00:00"]
        {
            for second in
                ["36", "59.1", "00.123456789", "60", "61", "3", "36.", "36.1234567891", "36.5+02:00", "x6", "36Z"]
            {
                for zone in ["Z", "z", "+00:00", ""] {
                    let raw = format!("\"{minute}:{second}{zone}\"");
                    let told = |stamp: &Stamp| (stamp.text().to_owned(), stamp.moment, stamp.precision);
                    if let Some(stamp) = minutes.value(raw.as_bytes()) {
                        let expected = with_reader(|reader| reader.value(raw.as_bytes())).as_ref().and_then(Stamp::new);
                        assert_eq!(Some(told(&stamp)), expected.as_ref().map(told), "{raw}");
                        read += 1;
                    }
                }
            }
        }
        assert_eq!(read, 8, "four of each of two minutes");
        assert!(minutes.value(b"1760104536").is_none());
    }

    #[test]
    fn a_time_in_utc_is_read_by_its_minute_as_any_other() {
        let mut minutes = Minutes::default();
        for text in [
            "2025-10-10T13:55:36",
            "2025-10-10T13:55:59.1",
            "2024-02-29T00:00:00.123456789",
            "0001-01-01T00:00:00",
            "1969-12-31T23:59:59.000001",
            "9999-12-31T23:59:59.999999999",
        ] {
            let (one, other) = (minutes.stamp(text.as_bytes()).unwrap(), Stamp::of_reading(&format!("{text}Z")));
            assert_eq!(one.text(), format!("{text}Z"));
            let told = |stamp: &Stamp| (stamp.text().to_owned(), stamp.moment, stamp.precision, stamp.nanoseconds());
            assert_eq!(told(&one), told(&other));
        }
        assert!(minutes.stamp(b"2025-02-30T00:00:00").is_none());
    }
}
