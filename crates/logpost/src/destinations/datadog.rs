//! Datadog's intake of logs, version 2: a request is an array of records.
//!
//! The answers are those of Datadog's page "Send logs":
//!
//! | status | means |
//! |---|---|
//! | 202 | accepted |
//! | 400 | something in the payload: the request is parted to find it |
//! | 401, 403 | the key is missing or wrong: hold |
//! | 408, 429, 500, 503 | again |
//! | 413 | above 5 MB: halved |
//!
//! It accepts without a word what it cuts or throws away, so that is refused before it is sent: a record above 1 MB, a time
//! that is more than 18 hours old or more than two hours ahead.

use std::time::Duration;

use logline::time::Moment;

use crate::batch::Batch;
use crate::destinations::{Destination, LeftOut, Range, Sent, Settings, ending_in};
use crate::document::{Fields, Template};
use crate::outcome::{Answer, Outcome, Outcomes, from_page, from_status, unexpected};

const PATH: &str = "/api/v2/logs";
const MOST_RECORDS: usize = 1000;
const LONGEST_RECORD: usize = 1_000_000;
const OLDEST: Duration = Duration::from_secs(18 * 3600);
const FARTHEST_AHEAD: Duration = Duration::from_secs(2 * 3600);

/// A Datadog intake.
#[derive(Debug)]
pub struct Datadog {
    template: Template,
    range: Range,
}

impl Datadog {
    /// With these labels as tags.
    pub fn new(settings: &Settings) -> Self {
        let origin = &settings.origin;
        let tags: Vec<String> = settings.labels.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        let tags = (!tags.is_empty()).then(|| tags.join(","));
        let ours =
            [("ddsource", &origin.source), ("ddtags", &tags), ("hostname", &origin.host), ("service", &origin.service)];
        let ours = ours.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
        let added: Vec<(String, String)> = ours.chain(settings.added.iter().cloned()).collect();
        let range = Range { retention: settings.retention.unwrap_or(OLDEST), ahead: FARTHEST_AHEAD };
        Self { template: Template::new("timestamp", &added).with_message("message"), range }
    }

    fn write_one(&self, out: &mut Vec<u8>, fields: &Fields<'_>, read_at: &str, now: Moment) -> Result<(), String> {
        if let Some(time) = &fields.time {
            self.range.check(time, now)?;
        }
        let start = out.len();
        self.template.write_fields(out, fields, read_at.as_bytes());
        match out.len() - start {
            length if length > LONGEST_RECORD => Err(format!("{length} bytes, records above 1 MB are cut")),
            _ => Ok(()),
        }
    }
}

impl Destination for Datadog {
    fn path(&self, path: &str) -> String {
        ending_in(PATH, path)
    }

    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn token_header(&self) -> (&'static str, Option<&'static str>) {
        ("dd-api-key", Some(""))
    }

    fn most_records(&self) -> usize {
        MOST_RECORDS
    }

    fn write(&self, batch: &Batch, records: &[usize], out: &mut Vec<u8>) -> Vec<LeftOut> {
        let now = Moment::now();
        let mut fields = Fields::default();
        let mut left_out = Vec::new();
        let begin = out.len();
        for record in records {
            batch.read_fields(*record, &mut fields);
            fields.say_request();
            let start = out.len();
            out.push(if start == begin { b'[' } else { b',' });
            if let Err(reason) = self.write_one(out, &fields, &batch.read_at, now) {
                out.truncate(start);
                left_out.push((*record, format!("not sent: {reason}")));
            }
        }
        if out.len() > begin {
            out.push(b']');
        }
        left_out
    }

    fn read(&mut self, answer: &Answer, _sent: &Sent<'_>) -> Outcomes {
        let Answer { status, body, .. } = answer;
        Outcomes::All(match status {
            202 => from_page(*status, body).unwrap_or(Outcome::Delivered),
            _ => from_status(*status, body)
                .unwrap_or_else(|| Outcome::Hold(unexpected(*status, "not Datadog's 202", body))),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::batch::tests::batch;
    use crate::destinations::Origin;
    use crate::destinations::tests::{pairs, read};
    use jiff::{SignedDuration, Timestamp};
    use serde_json::{Value, json};

    fn datadog() -> Datadog {
        let origin = Origin {
            source: Some("nginx".to_owned()),
            host: Some("web-1".to_owned()),
            service: Some("shop".to_owned()),
            ..Origin::default()
        };
        let labels = pairs(&["env=prod", "version=5.1"]);
        Datadog::new(&Settings { labels, origin, ..Settings::default() })
    }

    /// What is sent, and the reasons of what is not.
    fn written(lines: &[&str]) -> (Value, Vec<String>) {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        let batch = batch(&lines);
        let all: Vec<usize> = (0..batch.len()).collect();
        let mut out = Vec::new();
        let left_out = datadog().write(&batch, &all, &mut out);
        let sent = if out.is_empty() { Value::Null } else { serde_json::from_slice(&out).unwrap() };
        (sent, left_out.into_iter().map(|(_, reason)| reason).collect())
    }

    fn in_hours(hours: i64) -> String {
        (Timestamp::now() + SignedDuration::from_hours(hours)).to_string()
    }

    #[test]
    fn a_request_is_an_array_of_records_with_their_origin() {
        let time = in_hours(-1);
        let record = json!({"_pos": "3f2a00c4d1e0b7a9:0-17", "_file": "/a", "time": time, "service": "own",
            "request_method": "GET", "request_uri": "/", "status": 200});
        let (sent, reasons) = written(&[&record.to_string(), "text"]);
        assert_eq!(reasons, [""; 0]);
        assert_eq!(
            sent[0],
            json!({"file_path": "/a", "timestamp": time, "message": "GET / 200", "service_": "own",
                "request_method": "GET", "request_uri": "/", "status": 200,
                "ddsource": "nginx", "ddtags": "env:prod,version:5.1", "hostname": "web-1", "service": "shop"})
        );
        assert_eq!(sent[1]["message"], "text");
    }

    #[test]
    fn what_would_be_cut_or_thrown_away_is_refused_and_nothing_around_it() {
        let long = json!({"message": "x".repeat(1_000_000)}).to_string();
        for (line, words) in [
            (json!({"time": in_hours(-19)}).to_string(), "older than --retention, 18 h"),
            (json!({"time": in_hours(3)}).to_string(), "ahead"),
            (long, "above 1 MB"),
        ] {
            for place in 0..3 {
                let near = json!({"time": in_hours(-1)}).to_string();
                let mut lines = vec![near.as_str(); 2];
                lines.insert(place, &line);
                let (sent, reasons) = written(&lines);
                assert_eq!(sent.as_array().map(Vec::len), Some(2), "{words}");
                assert!(reasons.len() == 1 && reasons[0].contains(words), "{reasons:?}");
            }
        }
        assert_eq!(written(&[&json!({"time": in_hours(-19)}).to_string()]).0, Value::Null);
    }

    #[test]
    fn each_documented_status_means_what_the_table_says() {
        let outcome = |status| match read(&mut datadog(), status, "{}", 2) {
            Outcomes::All(outcome) => outcome,
            other => panic!("{other:?}"),
        };
        assert_eq!(outcome(202), Outcome::Delivered);
        assert!(matches!(outcome(400), Outcome::Bad(_)));
        assert!(matches!(outcome(413), Outcome::TooLarge(_)));
        for status in [401, 403, 200, 204, 301, 404] {
            assert!(matches!(outcome(status), Outcome::Hold(_)), "{status}");
        }
        for status in [408, 429, 500, 503] {
            assert!(matches!(outcome(status), Outcome::Again(_)), "{status}");
        }
    }

    #[test]
    fn the_key_has_a_header_of_its_own_and_the_path_is_added_once() {
        assert_eq!(datadog().token_header(), ("dd-api-key", Some("")));
        assert_eq!(datadog().path("/"), "/api/v2/logs");
        assert_eq!(datadog().path("/api/v2/logs"), "/api/v2/logs");
        assert_eq!(datadog().most_records(), 1000);
    }
}
