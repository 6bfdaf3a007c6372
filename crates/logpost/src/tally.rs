//! What a run has done so far, in numbers, and the lines that tell them.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

/// The counts of a run.
#[derive(Clone, Copy, Default, Debug)]
pub struct Tally {
    /// Records read.
    pub taken: u64,
    /// Lines that no format of logparse fitted, as its marks tell.
    pub unparsed: u64,
    /// Records that the server has stored, now or before.
    pub delivered: u64,
    /// Those of them that it already had: their ids were there.
    pub known: u64,
    /// Records refused for good.
    pub refused: u64,
    /// Records that were sent again.
    pub resent: u64,
    /// Batches that are acknowledged.
    pub batches: u64,
    /// Requests sent.
    pub requests: u64,
    /// Requests after which something had to be sent again.
    pub failures: u64,
    /// Bytes of the bodies of all requests.
    pub sent_bytes: u64,
    /// The part of them that was stored.
    pub delivered_bytes: u64,
    /// When something was stored last.
    pub last_success: Option<SystemTime>,
}

impl Tally {
    /// What USR1 asks for.
    pub fn counters(&self, waiting: usize) -> String {
        let Self { taken, delivered, known, refused, requests, resent, .. } = self;
        format!(
            "records {taken}, delivered {delivered} ({known} known before), refused {refused}, waiting {waiting}, requests {requests}, sent again {resent}"
        )
    }

    /// The last line of a run.
    pub fn summary(&self, elapsed: Duration) -> String {
        let Self { delivered, known, refused, requests, sent_bytes, resent, .. } = self;
        let mut text = format!("delivered {delivered} records in {requests} requests, {sent_bytes} bytes, ");
        let _ = write!(text, "{:.1} s; sent again {resent}, refused {refused}", elapsed.as_secs_f64());
        if *known > 0 {
            let _ = write!(text, ", known before {known}");
        }
        text
    }

    /// The line that a terminal shows meanwhile; `rate` is records a second.
    pub fn progress(&self, rate: u64) -> String {
        let Self { delivered, delivered_bytes, refused, failures, .. } = self;
        let megabytes = *delivered_bytes / 100_000;
        format!(
            "{} records, {}.{} MB, {}/s, {failures} retries, {refused} refused",
            grouped(*delivered),
            grouped(megabytes / 10),
            megabytes % 10,
            grouped(rate)
        )
    }
}

/// `1 204 567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `90 s`, `3 min`, `5 h`, `4 d`.
pub fn in_words(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_as_people_read_them() {
        assert_eq!([0, 999, 1204, 1_000_000].map(grouped), ["0", "999", "1 204", "1 000 000"]);
        let times = [0, 119, 180, 7200, 604_800].map(|seconds| in_words(Duration::from_secs(seconds)));
        assert_eq!(times, ["0 s", "119 s", "3 min", "2 h", "7 d"]);
    }

    #[test]
    fn the_progress_line_has_all_that_a_look_wants() {
        let tally =
            Tally { delivered: 12_345, delivered_bytes: 4_567_890, failures: 2, refused: 1, ..Tally::default() };
        assert_eq!(tally.progress(1500), "12 345 records, 4.5 MB, 1 500/s, 2 retries, 1 refused");
    }
}
