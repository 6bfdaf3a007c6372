//! Loki's words for the lines of a request that it does not take. Its ingester names up to ten and then tells how many there
//! are; its distributor tells each, equal ones once with their number.

use jiff::Timestamp;
use jiff::fmt::strtime;

/// What an answer says.
#[derive(Default, PartialEq, Eq, Debug)]
pub struct Ignored {
    /// The lines that can be told from others by it.
    pub lines: Vec<Line>,
    /// How many lines were ignored in all.
    pub total: usize,
    /// Lines were ignored for their structured metadata.
    pub metadata: Option<Limit>,
}

/// Lines of which one thing is known.
#[derive(PartialEq, Eq, Debug)]
pub struct Line {
    /// What all of them have.
    pub cause: Cause,
    /// How many they are.
    pub count: usize,
    /// Why they were ignored.
    pub reason: String,
}

/// What tells an ignored line from others.
#[derive(PartialEq, Eq, Debug)]
pub enum Cause {
    /// Its time in nanoseconds since the epoch.
    Nanosecond(i128),
    /// Its time in seconds since the epoch, rounded down.
    Second(i128),
    /// Its length in bytes.
    Length(usize),
}

/// How much structured metadata a line may have; `None` where the answer does not say so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit {
    /// So many members.
    pub count: Option<usize>,
    /// So many bytes of names and values.
    pub bytes: Option<usize>,
}

impl Ignored {
    /// What the text of a 400 says; `None` if it is about something else than single lines.
    pub fn parse(text: &str) -> Option<Self> {
        let mut ignored = Self::default();
        if let Some(total) = between(text, "total ignored: ", " out of ").and_then(|number| number.trim().parse().ok())
        {
            ignored.total = total;
            for part in text.split("entry with timestamp ").skip(1) {
                ignored.lines.extend(ingester_line(part));
            }
            return Some(ignored);
        }
        for part in text.split("; ") {
            let (count, words) = match part.split_once(" errors like: ") {
                Some((count, words)) => (count.trim().parse().ok()?, words),
                None => (1, part),
            };
            match distributor_limit(words) {
                Some(limit) => ignored.metadata = Some(ignored.metadata.map_or(limit, |known| known.and(limit))),
                None => ignored.lines.push(Line { cause: distributor_cause(words)?, count, reason: short(words) }),
            }
            ignored.total = ignored.total.saturating_add(count);
        }
        Some(ignored)
    }

    /// The oldest time that the stream would have taken, where lines were too far behind: it follows its newest line.
    pub fn oldest_acceptable(&self) -> Option<Timestamp> {
        let told = |line: &Line| {
            let (_, time) = line.reason.split_once("oldest acceptable timestamp is: ")?;
            time.parse().ok()
        };
        self.lines.iter().filter_map(told).max()
    }

    /// Whether lines were ignored that would be taken later.
    pub fn is_for_a_rate(&self) -> bool {
        self.lines.iter().any(|line| line.reason.contains("rate limit"))
    }
}

impl Limit {
    fn and(self, other: Self) -> Self {
        Self { count: self.count.or(other.count), bytes: self.bytes.or(other.bytes) }
    }
}

/// `2025-10-10 13:55:36.000000016 +0000 UTC ignored, reason: '…',`
fn ingester_line(part: &str) -> Option<Line> {
    let (time, rest) = part.split_once(" ignored, reason: ")?;
    // Behind the offset stands the name of the zone, and for a time read from a clock what that clock said.
    let end = time.match_indices(' ').nth(2).map_or(time.len(), |(at, _)| at);
    let time = strtime::parse("%Y-%m-%d %H:%M:%S%.f %z", &time[..end]).ok()?.to_timestamp().ok()?;
    let reason = rest.lines().next().unwrap_or_default().trim_end_matches(',').trim_matches('\'');
    Some(Line { cause: Cause::Nanosecond(time.as_nanosecond()), count: 1, reason: short(reason) })
}

/// A limit of structured metadata that a line is over; nothing at all is allowed where it is switched off.
fn distributor_limit(words: &str) -> Option<Limit> {
    if words.contains("structured metadata, but this feature is disallowed") {
        return Some(Limit { count: Some(0), bytes: None });
    }
    let limit = || between(words, "limit: '", "'").and_then(|number| number.parse().ok());
    if words.contains("structured metadata too large") {
        return Some(Limit { count: None, bytes: Some(limit()?) });
    }
    if words.contains("too many structured metadata labels") {
        return Some(Limit { count: Some(limit()?), bytes: None });
    }
    None
}

fn distributor_cause(words: &str) -> Option<Cause> {
    for behind in ["has timestamp too old: ", "has timestamp too new: "] {
        if let Some((_, rest)) = words.split_once(behind) {
            let time: Timestamp = rest.split([',', ' ']).next()?.parse().ok()?;
            return Some(Cause::Second(time.as_nanosecond().div_euclid(1_000_000_000)));
        }
    }
    if words.starts_with("max entry size") {
        return between(words, "entry with length '", "'").and_then(|length| length.parse().ok()).map(Cause::Length);
    }
    None
}

fn between<'a>(text: &'a str, before: &str, behind: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(behind).map(|(found, _)| found)
}

fn short(words: &str) -> String {
    words.trim().chars().take(300).collect()
}

/// The value of a label of the stream that is longer than the server takes.
pub fn long_label(text: &str) -> Option<&str> {
    between(text, "has label value too long: '", "'")
}

/// Whether a request is refused that has more bytes than may come in a second: above the burst it would be for ever.
pub fn is_above_rate(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let number = |before| {
        let (_, rest) = text.split_once(before)?;
        rest[..rest.find(|digit: char| !digit.is_ascii_digit())?].parse::<u64>().ok()
    };
    number("limit: ").zip(number("totaling '")).is_some_and(|(limit, bytes)| bytes > limit)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn the_ingesters_lines_are_known_by_their_nanosecond() {
        let text = "entry with timestamp 2025-10-10 13:55:36.000000016 +0000 UTC ignored, reason: 'entry too far behind, \
            entry timestamp is: 2025-10-10T13:55:36Z, oldest acceptable timestamp is: 2025-10-10T14:55:36Z',\n\
            entry with timestamp 2025-10-10 15:55:37 +0200 CEST ignored, reason: 'entry too far behind',\n\
            user 'fake', total ignored: 12 out of 40 for stream: {filename=\"/a\"}";
        let ignored = Ignored::parse(text).unwrap();
        assert_eq!(ignored.total, 12);
        let times: Vec<_> = ignored.lines.iter().map(|line| &line.cause).collect();
        assert_eq!(
            times,
            [&Cause::Nanosecond(1_760_104_536_000_000_016), &Cause::Nanosecond(1_760_104_537_000_000_000)]
        );
        assert!(ignored.lines[0].reason.starts_with("entry too far behind, entry timestamp is"));
        assert!(ignored.lines[0].reason.ends_with("14:55:36Z"), "{}", ignored.lines[0].reason);
        assert_eq!(ignored.oldest_acceptable().unwrap().to_string(), "2025-10-10T14:55:36Z");
        assert!(!ignored.is_for_a_rate());
    }

    #[test]
    fn the_distributors_lines_are_known_by_their_second_or_their_length() {
        let text = "2 errors like: entry for stream '{a=\"b\"}' has timestamp too old: 2025-10-10T13:55:36Z, oldest acceptable \
            timestamp is: 2026-11-22T10:16:48Z; 1 errors like: max entry size '262144' bytes exceeded for stream '{a=\"b\"}' \
            while adding an entry with length '300000' bytes; 1 errors like: entry for stream '{}' has timestamp too new: \
            2036-01-01T00:00:00Z";
        let ignored = Ignored::parse(text).unwrap();
        let known: Vec<_> = ignored.lines.iter().map(|line| (line.count, &line.cause)).collect();
        assert_eq!(
            known,
            [(2, &Cause::Second(1_760_104_536)), (1, &Cause::Length(300_000)), (1, &Cause::Second(2_082_758_400))]
        );
        assert_eq!(ignored.total, 4);
    }

    #[test]
    fn a_limit_of_structured_metadata_is_learnt() {
        fn limit(text: &str) -> Limit {
            Ignored::parse(text).unwrap().metadata.unwrap()
        }
        let off = "stream '{job=\"x\"}' includes structured metadata, but this feature is disallowed. Please see `x`";
        assert_eq!(limit(off), Limit { count: Some(0), bytes: None });
        assert_eq!(limit(&format!("40 errors like: {off}")), Limit { count: Some(0), bytes: None });
        let bytes =
            "stream '{}' has structured metadata too large: '70000' bytes, limit: '65536' bytes. Please see `x`";
        let count = "stream '{}' has too many structured metadata labels: '129', limit: '100'. Please see `x`";
        assert_eq!(
            limit(&format!("1 errors like: {bytes}; 2 errors like: {count}")),
            Limit { count: Some(100), bytes: Some(65536) }
        );
    }

    #[test]
    fn what_is_not_about_single_lines_is_none() {
        for text in [
            "",
            "unexpected end of JSON",
            "error parsing labels '{' with error: x",
            "entry for stream '{}' has 16 label names; limit 15",
            "stream '{}' has label value too long: 'x'",
            "1 errors like: entry has timestamp too old: 2025-10-10T13:55:36Z; 1 errors like: stream '{}' has 16 label names",
            "total ignored: many out of 4",
            "max entry size 'x'",
            "x has structured metadata too large",
        ] {
            assert_eq!(Ignored::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_rate_is_exceeded_for_ever_by_what_has_more_bytes_than_may_come_in_a_second() {
        let words = |bytes: u32| {
            format!(
                "ingestion rate limit exceeded for user fake (limit: 1000 bytes/sec) while attempting to ingest '3' lines \
                 totaling '{bytes}' bytes, reduce"
            )
        };
        assert!(is_above_rate(words(1001).as_bytes()));
        assert!(!is_above_rate(words(1000).as_bytes()));
        assert!(!is_above_rate(b"limit: "));
        assert!(!is_above_rate(b"\xff limit: 9"));
    }
}
