//! The metrics file: Prometheus text, replaced every few seconds also while nothing comes, so that its age is the
//! heartbeat of the loop. Whether the server is there has no part in that.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use logline::ending::{Exit, Trouble, cause, say};

use crate::PROG;
use crate::acks::Backlog;
use crate::lag::Lag;
use crate::tally::{Tally, in_words};

/// So often it is written.
const EVERY: Duration = Duration::from_secs(5);
/// The first metric, by which the file is known.
const FIRST: &str = "logpost_delivered_records_total";

/// What waits at this moment.
#[derive(Clone, Copy, Default, Debug)]
pub struct Waiting {
    /// Records that have been read and are not acknowledged.
    pub records: usize,
    /// Their bytes.
    pub bytes: usize,
    /// How long the oldest of them has waited.
    pub age: Duration,
}

/// The file, and what is remembered from one writing to the next.
#[derive(Debug)]
pub struct Metrics {
    path: PathBuf,
    lag: Lag,
    written_at: Option<Duration>,
    has_failed: bool,
}

impl Metrics {
    /// In the file `path`; touches nothing yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), lag: Lag::default(), written_at: None, has_failed: false }
    }

    /// When it is due.
    pub fn due_at(&self) -> Duration {
        self.written_at.map_or(Duration::ZERO, |at| at + EVERY)
    }

    /// Writes the file. A failure is said once and tried again.
    pub fn write(&mut self, tally: &Tally, waiting: Waiting, backlog: Option<&Backlog>, now: Duration) {
        self.written_at = Some(now);
        let new = path_of_new(&self.path);
        let lag = backlog.map_or(Duration::ZERO, |backlog| self.lag.look(&backlog.generations, now));
        let text = text(tally, waiting, backlog, lag);
        match write_new(&new, text.as_bytes()).and_then(|()| fs::rename(&new, &self.path)) {
            Ok(()) => self.has_failed = false,
            Err(error) => {
                if !std::mem::replace(&mut self.has_failed, true) {
                    say(PROG, format_args!("{}: {}, trying again", self.path.display(), cause(&error)));
                }
            }
        }
    }
}

/// Where the next metrics are written before they take the place of those at `path`.
pub fn path_of_new(path: &Path) -> PathBuf {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    PathBuf::from(new)
}

/// Writes a file that is not there afterwards under another name: neither a link nor a FIFO that somebody has put in its
/// place is written to.
fn write_new(path: &Path, text: &[u8]) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::File::options().write(true).create_new(true).open(path)?.write_all(text)
}

fn text(tally: &Tally, waiting: Waiting, backlog: Option<&Backlog>, lag: Duration) -> String {
    let last_success = tally.last_success.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let mut rows: Vec<(&str, &str, u64)> = vec![
        (FIRST, "Records that the server has stored.", tally.delivered),
        ("logpost_delivered_bytes_total", "Bytes of the requests that were stored.", tally.delivered_bytes),
        ("logpost_known_records_total", "Delivered records that were there before (409).", tally.known),
        ("logpost_refused_records_total", "Records refused for good.", tally.refused),
        ("logpost_batches_total", "Batches that are acknowledged.", tally.batches),
        ("logpost_requests_total", "Requests sent.", tally.requests),
        ("logpost_retries_total", "Requests after which records had to be sent again.", tally.failures),
        ("logpost_resent_records_total", "Records sent again.", tally.resent),
        ("logparse_unparsed_lines_total", "Lines that no format of logparse fitted.", tally.unparsed),
        ("logpost_waiting_records", "Records read and not acknowledged.", waiting.records as u64),
        ("logpost_waiting_bytes", "Their bytes.", waiting.bytes as u64),
        ("logpost_oldest_waiting_seconds", "How long the oldest of them waits.", waiting.age.as_secs()),
        (
            "logpost_last_success_timestamp_seconds",
            "When the server has stored something last, 0 for never.",
            last_success.map_or(0, |time| time.as_secs()),
        ),
    ];
    if let Some(backlog) = backlog {
        rows.extend([
            ("logpost_unacknowledged_bytes", "Bytes of the followed files that are not acknowledged.", backlog.bytes()),
            (
                "logpost_unacknowledged_seconds",
                "For how long the oldest of them has been there, at least.",
                lag.as_secs(),
            ),
            (
                "logtail_truncations_total",
                "Files that were truncated or rewritten in place.",
                backlog.counters.truncations,
            ),
            ("logtail_gaps_total", "Files that were gone before all of them was read.", backlog.counters.gaps),
            ("logtail_possible_loss_bytes_total", "Bytes that vanished unread.", backlog.counters.possible_loss_bytes),
            ("logtail_hole_bytes_total", "NUL bytes of holes that were skipped.", backlog.counters.hole_bytes),
            (
                "logtail_freed_bytes_total",
                "Disk space of delivered lines that was given back.",
                backlog.counters.freed_bytes,
            ),
        ]);
    }
    let mut text = String::new();
    for (name, help, value) in rows {
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        // Writing to a string does not fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    }
    text
}

/// Whether the metrics file shows that logpost is alive: whether it was written at most `max_age` ago.
pub fn check(path: &Path, max_age: Duration) -> Result<Exit, Trouble> {
    let failed = |error: std::io::Error| Trouble::io(path.display(), &error);
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(Trouble::new(path.display(), "no regular file, expected what logpost --metrics writes"));
    }
    let written = metadata.modified().map_err(failed)?;
    let text = fs::read(path).map_err(failed)?;
    if !text.starts_with(format!("# HELP {FIRST} ").as_bytes()) {
        return Err(Trouble::new(path.display(), "not written by logpost --metrics"));
    }
    // Where a clock was set back, what is written since is younger than now.
    let (age, side) = match SystemTime::now().duration_since(written) {
        Ok(age) => (age, "ago"),
        Err(ahead) => (ahead.duration(), "ahead of the clock"),
    };
    if age <= max_age {
        return Ok(Exit::Done);
    }
    let (age, most) = (in_words(age), in_words(max_age));
    say(PROG, format_args!("{}: written {age} {side}, expected at most {most}", path.display()));
    Ok(Exit::No)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::acks::Unacknowledged;
    use logline::position::Fid;
    use logline::state::files::Counters;

    fn scratch(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("logpost-metrics-{name}-{}", std::process::id()))
    }

    #[test]
    fn the_file_is_fresh_when_written_stale_later_and_trouble_where_it_is_none() {
        let path = scratch("check");
        assert!(check(&path, Duration::ZERO).is_err());
        fs::write(&path, "other_total 1\n").unwrap();
        assert!(check(&path, Duration::from_secs(90)).is_err());
        Metrics::new(&path).write(&Tally::default(), Waiting::default(), None, Duration::ZERO);
        assert_eq!(check(&path, Duration::from_secs(90)), Ok(Exit::Done));
        let before = SystemTime::now() - Duration::from_secs(100);
        fs::File::options().append(true).open(&path).unwrap().set_modified(before).unwrap();
        assert_eq!(check(&path, Duration::from_secs(90)), Ok(Exit::No));
        let ahead = SystemTime::now() + Duration::from_secs(3600);
        fs::File::options().append(true).open(&path).unwrap().set_modified(ahead).unwrap();
        assert_eq!(check(&path, Duration::from_secs(90)), Ok(Exit::No), "nobody has written it since");
        fs::remove_file(&path).unwrap();
        assert!(check(Path::new("/dev"), Duration::from_secs(90)).is_err());
    }

    #[test]
    fn a_link_in_the_place_of_the_new_file_is_replaced_and_not_followed() {
        let (path, victim) = (scratch("link"), scratch("victim"));
        fs::write(&victim, "mine").unwrap();
        let new = path.with_extension("prom.new");
        let path = path.with_extension("prom");
        std::os::unix::fs::symlink(&victim, &new).unwrap();
        Metrics::new(&path).write(&Tally::default(), Waiting::default(), None, Duration::ZERO);
        assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
        assert_eq!(check(&path, Duration::from_secs(90)), Ok(Exit::Done));
        fs::remove_file(&path).unwrap();
        fs::remove_file(&victim).unwrap();
    }

    #[test]
    fn every_value_has_its_help_and_its_type() {
        let counters = Counters { freed_bytes: 8, ..Counters::default() };
        let backlog = Backlog { generations: vec![Unacknowledged { fid: Fid(1), from: 3, end: 10 }], counters };
        let tally = Tally {
            delivered: 5,
            unparsed: 4,
            last_success: Some(UNIX_EPOCH + Duration::from_secs(9)),
            ..Tally::default()
        };
        let text = text(&tally, Waiting::default(), Some(&backlog), Duration::from_secs(6));
        for lines in text.lines().collect::<Vec<_>>().chunks(3) {
            let name = lines[2].split(' ').next().unwrap();
            assert!(lines[0].starts_with(&format!("# HELP {name} ")), "{lines:?}");
            let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
            assert_eq!(lines[1], format!("# TYPE {name} {kind}"));
        }
        for line in [
            "logpost_delivered_records_total 5",
            "logparse_unparsed_lines_total 4",
            "logpost_unacknowledged_bytes 7",
            "logpost_unacknowledged_seconds 6",
            "logtail_freed_bytes_total 8",
            "logpost_last_success_timestamp_seconds 9",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_is_tried_again() {
        let mut metrics = Metrics::new(Path::new("/nowhere/at/all"));
        metrics.write(&Tally::default(), Waiting::default(), None, Duration::from_secs(1));
        assert_eq!(metrics.due_at(), Duration::from_secs(1) + EVERY);
    }
}
