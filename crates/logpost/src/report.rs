//! All that a run says: its messages, its progress line, its metrics, and the tally they are made of.

use std::path::Path;
use std::time::{Duration, SystemTime};

use logline::ending::say;

use crate::PROG;
use crate::acks::Acks;
use crate::metrics::{Metrics, Waiting};
use crate::outage::Outage;
use crate::outcome::{Answer, Failure, Taken};
use crate::progress::Progress;
use crate::tally::Tally;
use crate::window::Window;

/// What a run says of itself, and where.
#[derive(Debug)]
pub struct Report {
    /// The URL as it may be printed.
    server: String,
    is_verbose: bool,
    /// What has been done.
    pub tally: Tally,
    outage: Outage,
    progress: Progress,
    metrics: Option<Metrics>,
}

/// A request and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// How many records it had.
    pub records: usize,
    /// How many bytes.
    pub bytes: u64,
    /// How many of the records are delivered now.
    pub delivered: u64,
    /// Those among them that were there before.
    pub known: u64,
    /// How many are to be sent again.
    pub resent: u64,
    /// What stands in the way of the rest.
    pub trouble: Option<&'a str>,
    /// Whether nothing stands in the way of other batches.
    pub are_others_well: bool,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// Of a run that sends to `server`.
    pub fn new(server: String, is_verbose: bool, metrics: Option<&Path>) -> Self {
        Self {
            server,
            is_verbose,
            tally: Tally::default(),
            outage: Outage::default(),
            progress: Progress::new(is_verbose),
            metrics: metrics.map(Metrics::new),
        }
    }

    /// Says something of the server.
    pub fn say(&mut self, text: &str) {
        self.progress.clear();
        say(PROG, format_args!("{}: {text}", self.server));
    }

    /// Says something that is not of the server.
    pub fn say_own(&mut self, text: &str) {
        self.progress.clear();
        say(PROG, text);
    }

    /// Counts what an answer refused without naming it, and says why, or what else the server had to say.
    pub fn say_taken(&mut self, taken: &Taken, records: usize) {
        let Taken { unnamed, words, .. } = taken;
        self.tally.refused += *unnamed as u64;
        if *unnamed > 0 {
            self.say(&format!("{unnamed} of {records} records were refused and are not told apart: {words}"));
        } else if !words.is_empty() {
            self.say(words);
        }
    }

    /// A request was answered, or failed.
    pub fn take(&mut self, exchange: &Exchange<'_>, answer: &Result<Answer, Failure>, waiting: u64, now: Duration) {
        let Exchange { records, bytes, delivered, known, resent, trouble, are_others_well, took } = *exchange;
        if self.is_verbose {
            let answer = match answer {
                Ok(answer) => &answer.status.to_string(),
                Err(failure) => failure.cause(),
            };
            self.say(&format!("{records} records, {bytes} bytes: {answer}, {} ms", took.as_millis()));
        }
        if delivered > 0 && self.tally.delivered == 0 {
            self.progress.clear();
            say(PROG, format_args!("delivered the first batch: {delivered} records to {}", self.server));
        }
        let tally = &mut self.tally;
        tally.delivered += delivered;
        tally.known += known;
        tally.resent += resent;
        tally.failures += u64::from(resent > 0);
        // The bodies of answers do not tell how long each record was.
        tally.delivered_bytes += bytes * delivered / (records as u64).max(1);
        if delivered > 0 {
            tally.last_success = Some(SystemTime::now());
        }
        let words = match trouble {
            Some(cause) => self.outage.failed(cause, now),
            None if delivered > 0 && are_others_well => self.outage.ended(waiting, now),
            None => None,
        };
        if let Some(words) = words {
            self.say(&words);
        }
    }

    /// Shows and writes what is due.
    pub fn tell(&mut self, window: &Window, acks: Option<&Acks>, now: Duration, is_end: bool) {
        if !is_end {
            self.progress.show(&self.tally, now);
        }
        if let Some(metrics) = &mut self.metrics
            && (is_end || now >= metrics.due_at())
        {
            let age = window.oldest().map_or(Duration::ZERO, |since| now.saturating_sub(since));
            let waiting = Waiting { records: window.left(), bytes: window.bytes(), age };
            metrics.write(&self.tally, waiting, acks.and_then(Acks::backlog).as_ref(), now);
        }
    }

    /// When something will be due though nothing happens.
    pub fn due_at(&self) -> Option<Duration> {
        self.metrics.as_ref().map(Metrics::due_at)
    }

    /// Says the counters.
    pub fn say_counters(&mut self, waiting: usize) {
        self.progress.clear();
        say(PROG, self.tally.counters(waiting));
    }

    /// Says what the whole run has done.
    pub fn say_summary(&mut self, elapsed: Duration) {
        self.progress.clear();
        say(PROG, self.tally.summary(elapsed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_is_delivered_beside_one_that_is_held_is_no_recovery() {
        let mut report = Report::new("http://h".to_owned(), false, None);
        let answer = Ok(Answer { status: 200, retry_after: None, body: Vec::new() });
        let delivered = Exchange {
            records: 1,
            bytes: 100,
            delivered: 1,
            known: 0,
            resent: 0,
            trouble: None,
            are_others_well: false,
            took: Duration::ZERO,
        };
        let held = Exchange { delivered: 0, resent: 1, trouble: Some("403"), are_others_well: true, ..delivered };
        report.take(&held, &answer, 2, Duration::ZERO);
        report.take(&delivered, &answer, 2, Duration::ZERO);
        assert!(report.outage.lasts());
        report.take(&Exchange { are_others_well: true, ..delivered }, &answer, 1, Duration::ZERO);
        assert!(!report.outage.lasts());
        let Tally { delivered, failures, resent, delivered_bytes, .. } = report.tally;
        assert_eq!((delivered, failures, resent, delivered_bytes), (2, 1, 1, 200));
    }
}
