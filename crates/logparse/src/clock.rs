//! Times as servers write them, made RFC 3339: a time stays as precise as its source and keeps its offset. What is a time is
//! decided by [`logline::stamp`]; here is what makes it fast. What was made of the last stamp is kept, for most lines share
//! their second with the line before.

use logline::ending::say;
use logline::stamp::{Reader, Stamp, Unread};
use logline::time::Zone;

use crate::PROG;

/// Reads the stamps of one run.
#[derive(Debug)]
pub struct Clock {
    zone: Zone,
    /// The name of the zone, for messages.
    zone_name: String,
    /// Seconds since 1970, fixed by a test.
    now: Option<i64>,
    last: Vec<u8>,
    made: Vec<u8>,
    day: Day,
    /// It has been said that a zone is not known.
    has_said_zone: bool,
}

/// The date and the zone of the last access line, and what was made of them: the time between them is copied.
#[derive(Default, Debug)]
struct Day {
    /// `dd/Mon/yyyy:`
    date: [u8; 12],
    /// ` ±hhmm`
    zone: [u8; 6],
    /// `dd/Mon/yyyy:HH:MM:` of the last time: only the second of the next one is mostly another.
    minute: [u8; 18],
    /// `"yyyy-mm-ddTHH:MM:SS` and `Z"` or `±hh:mm"`
    stamp: [u8; 32],
    length: usize,
}

impl Clock {
    /// A clock for stamps whose zone, where they name none, is `zone`.
    pub fn new(zone: Zone) -> Self {
        Self {
            zone,
            zone_name: "UTC".to_owned(),
            now: None,
            last: Vec::new(),
            made: Vec::new(),
            day: Day::default(),
            has_said_zone: false,
        }
    }

    /// The same with the name of the zone as the user gave it.
    pub fn named(zone: Zone, name: String) -> Self {
        Self { zone_name: name, ..Self::new(zone) }
    }

    /// The same at a time that a test has set, in seconds since 1970.
    #[cfg(test)]
    pub fn at(zone: Zone, now: i64) -> Self {
        Self { now: Some(now), ..Self::new(zone) }
    }

    /// What reads the stamps.
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(&self.zone).at(self.now)
    }

    /// Appends `dd/Mon/yyyy:HH:MM:SS ±hhmm` as a JSON string; false, and nothing appended, if it is none.
    pub fn common(&mut self, text: &[u8], out: &mut Vec<u8>) -> bool {
        self.try_common(text, out).is_some()
    }

    fn try_common(&mut self, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let (minute, rest) = text.split_first_chunk()?;
        let (second, zone) = rest.split_first_chunk()?;
        let is_known = self.day.minute == *minute && self.day.zone == *zone;
        if !(is_known && matches!(second, [b'0'..=b'5', b'0'..=b'9'])) {
            self.set_time(text)?;
            self.day.minute = *minute;
        }
        let begin = out.len();
        out.extend_from_slice(&self.day.stamp);
        // Not in the stamp: a processor waits where it is to read as a whole what has just been written in part.
        out[begin + 18..begin + 20].copy_from_slice(second);
        out.truncate(begin + self.day.length);
        Some(())
    }

    /// Makes the stamp of a time of another minute.
    fn set_time(&mut self, text: &[u8]) -> Option<()> {
        let (date, rest) = text.split_first_chunk()?;
        let (time, zone) = rest.split_first_chunk::<8>()?;
        let zone = zone.try_into().ok()?;
        if !is_time_of_day(*time) {
            return None;
        }
        if self.day.date != *date || self.day.zone != zone {
            self.day = Day::new(*date, zone, self.reader())?;
        }
        self.day.stamp[12..20].copy_from_slice(time);
        Some(())
    }

    /// Appends the stamp or epoch, which takes up all of `text`, as a JSON string; false, and nothing appended, if it is none.
    pub fn iso(&mut self, text: &[u8], out: &mut Vec<u8>) -> bool {
        if text == self.last.as_slice() && !text.is_empty() {
            out.extend_from_slice(&self.made);
            return true;
        }
        let stamp = match self.reader().whole(text) {
            Ok(stamp) => stamp,
            Err(Unread::ForeignZone(word)) => {
                self.say_zone(word);
                return false;
            }
            Err(Unread::None) => match self.reader().text(text) {
                Some(stamp) => stamp,
                None => return false,
            },
        };
        let begin = out.len();
        // As container runtimes write it: this is how it is written here too.
        if let [_, _, _, _, b'-', _, _, b'-', _, _, b'T', .., b'Z'] = text
            && matches!(text.get(19), Some(b'.' | b'Z'))
            && matches!(text, [.., b'0'..=b'9', b'Z'])
        {
            out.push(b'"');
            out.extend_from_slice(text);
            out.push(b'"');
        } else {
            write(stamp, out);
        }
        self.last.clear();
        self.last.extend_from_slice(text);
        self.made.clear();
        self.made.extend_from_slice(&out[begin..]);
        true
    }

    /// Appends the stamp that `text` begins with, as a JSON string, and returns its length. `None`, and nothing appended, if
    /// there is none.
    pub fn leading(&mut self, text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        match self.reader().leading(text) {
            Ok((stamp, length)) => {
                write(stamp, out);
                Some(length)
            }
            Err(Unread::ForeignZone(word)) => {
                self.say_zone(word);
                None
            }
            Err(Unread::None) => None,
        }
    }

    /// Appends a stamp of syslog without a year: `Oct 11 22:14:15.123`, the day padded by a space or not; its length.
    pub fn yearless(&mut self, text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        text.first().filter(|byte| byte.is_ascii_uppercase())?;
        self.leading(text, out)
    }

    /// Appends a stamp whose year is the one that puts it nearest to now and at most a day ahead; its clock begins `text`.
    /// Returns the length of the clock.
    pub fn nearest(&self, month: i64, day: i64, text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        let (stamp, length) = self.reader().yearless_clock(month, day, text).ok()?;
        write(stamp, out);
        Some(length)
    }

    /// Appends the stamp of Apache's error log: `Mon Nov 23 08:57:12.618240 2026`.
    pub fn apache(&mut self, text: &[u8], out: &mut Vec<u8>) -> bool {
        self.iso(text, out)
    }

    /// Appends seconds since 1970 with as many decimals as they have.
    pub fn epoch(&mut self, text: &[u8], out: &mut Vec<u8>) -> bool {
        self.iso(text, out)
    }

    /// Says once that stamps in the zone `word` have no time.
    pub fn say_zone(&mut self, word: &[u8]) {
        if !std::mem::replace(&mut self.has_said_zone, true) {
            let word = String::from_utf8_lossy(word);
            say(PROG, format_args!("'{word}' is no zone of --tz {}, give --tz", self.zone_name));
        }
    }
}

impl Day {
    fn new(date: [u8; 12], zone: [u8; 6], reader: Reader<'_>) -> Option<Self> {
        let ([_, _, b'/', _, _, _, b'/', .., b':'], [b' ', b'+' | b'-', ..]) = (date, zone) else { return None };
        let text = [&date[..], b"00:00:00", &zone].concat();
        let mut written = Vec::new();
        write(reader.whole(&text).ok()?, &mut written);
        let mut stamp = [0; 32];
        stamp[..written.len()].copy_from_slice(&written);
        Some(Self { date, zone, minute: [0; 18], stamp, length: written.len() })
    }
}

/// Whether `text` is `HH:MM:SS` in range; a leap second counts.
fn is_time_of_day(text: [u8; 8]) -> bool {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = text else { return false };
    let is_digit = [h1, h2, m1, m2, s1, s2].iter().all(u8::is_ascii_digit);
    is_digit && [h1, h2] <= *b"23" && m1 <= b'5' && [s1, s2] <= *b"60"
}

/// Appends a stamp as a JSON string.
pub fn write(stamp: Stamp, out: &mut Vec<u8>) {
    out.push(b'"');
    stamp.write(out);
    out.push(b'"');
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
    fn a_time_is_read_in_the_same_way_whatever_was_read_before_it() {
        let mut clock = Clock::at(Zone::parse("UTC").unwrap(), 1_760_227_200);
        let read = |clock: &mut Clock, text: &str| {
            let mut out = Vec::new();
            clock.common(text.as_bytes(), &mut out).then_some(out)
        };
        for text in [
            "10/Oct/2025:13:55:36 -0930",
            "10/Oct/2025:13:55:59 -0930",
            "10/Oct/2025:13:55:60 -0930",
            "10/Oct/2025:13:55:61 -0930",
            "10/Oct/2025:13:55:0: -0930",
            "10/Oct/2025:13:55:07 +0000",
            "10/Oct/2025:13:55:7 +00000",
            "10/Oct/2025:13:55:08 +0000 ",
            "10/Oct/2025:13:65:08 +0000",
            "10/Oct/2025:13:55:09 +0000",
            "31/Feb/2025:13:55:09 +0000",
            "10/Oct/2025:13:55:10 +0000",
        ] {
            let fresh = &mut Clock::at(Zone::parse("UTC").unwrap(), 1_760_227_200);
            assert_eq!(read(&mut clock, text), read(fresh, text), "{text}");
        }
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
