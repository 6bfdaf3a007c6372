//! The destinations, one file each: how the body of a request is written, and what an answer says of its records. Which of
//! them the options name is chosen in [`chosen`].

pub mod chosen;
pub mod datadog;
pub mod elasticsearch;
pub mod loki;
pub mod ndjson;
pub mod otlp;
pub mod splunk;
pub mod victorialogs;

use std::time::Duration;

use logline::time::Moment;

use crate::batch::Batch;
use crate::document::Stamp;
use crate::outcome::{Answer, Outcomes};
use crate::tally::in_words;

/// A record that is refused before it is sent, and why: the server would drop it without a word.
pub type LeftOut = (usize, String);

/// The path of a URL with the server's own `end` behind it, once, whether the user wrote that or not.
fn ending_in(end: &str, path: &str) -> String {
    let path = path.trim_end_matches('/');
    format!("{}{end}", path.strip_suffix(end).unwrap_or(path))
}

/// A server's interface for records: the requests that it takes and the meaning of its answers.
pub trait Destination: Send {
    /// The path and the query of its requests, where the URL that the user gave has this path.
    fn path(&self, path: &str) -> String;

    /// The value of the header `content-type`.
    fn content_type(&self) -> &'static str;

    /// The header that carries a token, and the word that stands before the token there, if it is not the one that the
    /// user chose with `--token-scheme`. An empty word stands for the token alone.
    fn token_header(&self) -> (&'static str, Option<&'static str>) {
        ("authorization", None)
    }

    /// Other headers of every request, where the user has not given them with `-H`.
    fn headers(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// How many records a request may have at most.
    fn most_records(&self) -> usize {
        usize::MAX
    }

    /// Whether the server needs the records of a stream in their order. If so, one request is under way at a time, and none
    /// overtakes an earlier one that has to be sent again.
    fn is_ordered(&self) -> bool {
        false
    }

    /// Parts the records of a batch into those that may go in one request, each part in its order. If all of them may, there
    /// are no parts.
    fn parts(&self, _batch: &Batch, _records: &[usize]) -> Vec<Vec<usize>> {
        Vec::new()
    }

    /// Appends the body of a request with these records of the batch, in their order. Records that the server would drop
    /// without a word are left out of the body and returned, in the same order. If all are left out, nothing is appended.
    fn write(&self, batch: &Batch, records: &[usize], out: &mut Vec<u8>) -> Vec<LeftOut>;

    /// Whether the body of a request is the concatenation of the bodies of its parts, whenever these are written, and no
    /// record is ever left out. Such a body is written while its records are read.
    fn is_additive(&self) -> bool {
        false
    }

    /// The value of the header `Idempotency-Key` for such a request, for servers that have no other means to recognise
    /// records that come again.
    fn key(&self, _batch: &Batch, _records: &[usize]) -> Option<String> {
        None
    }

    /// What an answer says of the records that were sent. A destination may change itself by what it learns here, if it
    /// returns [`Outcomes::Otherwise`]: then what is not stored is written anew and sent at once. An additive destination
    /// must not do that, for bodies of other requests may have been written already.
    fn read(&mut self, answer: &Answer, sent: &Sent<'_>) -> Outcomes;
}

/// The records of a request, as [`Destination::write`] was given them, less those that it left out.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// The batch that they are in.
    pub batch: &'a Batch,
    /// Their numbers there, rising.
    pub records: &'a [usize],
}

impl Sent<'_> {
    /// How many records were sent.
    pub fn count(&self) -> usize {
        self.records.len()
    }
}

/// What the user wants to be in every record, and what the server keeps.
#[derive(Clone, Default, Debug)]
pub struct Settings {
    /// Fields for every record, with their values.
    pub added: Vec<(String, String)>,
    /// Labels of every stream, with their values; for OTLP attributes of the resource.
    pub labels: Vec<(String, String)>,
    /// Fields whose values are labels.
    pub labels_from: Vec<String>,
    /// How old a record may be; `None` for the default of the destination.
    pub retention: Option<Duration>,
    /// Where the records come from.
    pub origin: Origin,
}

/// What Splunk and Datadog know of where records come from. What is `None` is not sent.
#[derive(Clone, Default, Debug)]
pub struct Origin {
    /// The machine.
    pub host: Option<String>,
    /// Splunk's `source`, by default the path of the file; Datadog's `ddsource`, the technology.
    pub source: Option<String>,
    /// Splunk's `sourcetype`.
    pub sourcetype: Option<String>,
    /// Datadog's `service`.
    pub service: Option<String>,
    /// Splunk's index.
    pub index: Option<String>,
    /// Splunk's channel: a GUID.
    pub channel: Option<String>,
}

/// The times that a server takes; others it drops, or refuses without saying which they were.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// None before now less this.
    pub retention: Duration,
    /// None behind now and this.
    pub ahead: Duration,
}

impl Range {
    /// Of a server that keeps what the settings say, by default 7 days as all do that have one.
    fn new(settings: &Settings, ahead: Duration) -> Self {
        Self { retention: settings.retention.unwrap_or(Duration::from_secs(7 * 24 * 3600)), ahead }
    }

    /// Why the server would not take this time.
    fn check(&self, time: &Stamp, now: Moment) -> Result<(), String> {
        if time.moment < now.before(self.retention) {
            let retention = in_words(self.retention);
            return Err(format!("{} is older than --retention, {retention}, and would be dropped", time.text()));
        }
        if time.moment.before(self.ahead) > now {
            return Err(format!("{} is more than {} ahead and would be dropped", time.text(), in_words(self.ahead)));
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The pairs of names and values that these texts are, each `K=V`.
    pub(crate) fn pairs(texts: &[&str]) -> Vec<(String, String)> {
        let pair = |text: &&str| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        texts.iter().filter_map(pair).collect()
    }

    /// What the destination makes of this answer to a request with that number of records.
    pub(crate) fn read(destination: &mut dyn Destination, status: u16, body: &str, count: usize) -> Outcomes {
        let answer = Answer { status, retry_after: None, body: body.as_bytes().to_vec() };
        let lines = vec![&b"{}"[..]; count];
        let batch = crate::batch::tests::batch(&lines);
        let records: Vec<usize> = (0..count).collect();
        destination.read(&answer, &Sent { batch: &batch, records: &records })
    }
}
