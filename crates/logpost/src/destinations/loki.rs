//! Loki: its JSON push. The line is the message, what else the record has is structured metadata; a record without a
//! message is a line of JSON.
//!
//! | answer | means |
//! |---|---|
//! | 204 | stored |
//! | 400 for lines that are too old, too new, too long | the others are stored: it is parted to find them |
//! | 429 for more bytes than may come in a second | it is halved, for above the burst that would be the answer for ever |
//! | 260 | ingestion is blocked: hold |
//!
//! Loki drops a line that it has: same labels, same nanosecond, same text. So the digits of the time that the source did
//! not tell are made of the line's offset: what is sent again is dropped there, and of two equal lines both are kept.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use logline::ending::Trouble;
use logline::json::{unescape, unescape_inner, write_string};
use memchr::memmem;

use crate::batch::Batch;
use crate::destinations::{Destination, LeftOut, Range, Sent, Settings, ending_in};
use crate::document::{Fields, Form, Stamp};
use crate::outcome::{Answer, Outcome, Outcomes, from_status, reason};

const PATH: &str = "/loki/api/v1/push";
const LONGEST_LINE: usize = 256 * 1024;
const MOST_LABELS: usize = 15;
const LONGEST_LABEL: usize = 2048;
/// More of it, or more bytes of it, and the record is a line of JSON.
const MOST_METADATA: usize = 128;
const LONGEST_METADATA: usize = 64 * 1024;
const FARTHEST_AHEAD: Duration = Duration::from_secs(600);
/// What a 400 says when it is about lines and not about the request.
const ABOUT_LINES: [&[u8]; 7] =
    [b"ignored", b"too old", b"too new", b"too far behind", b"out of order", b"entry size", b"structured metadata"];

/// See the page of the module.
#[derive(Debug)]
pub struct Loki {
    /// Of lines that have no message.
    form: Form,
    labels: Vec<(String, String)>,
    labels_from: Vec<String>,
    added: Vec<(String, String)>,
    range: Range,
}

/// The lines of one stream.
struct Stream {
    labels: Vec<u8>,
    values: Vec<u8>,
}

impl Loki {
    /// With these labels and fields.
    pub fn new(settings: &Settings) -> Result<Self, Trouble> {
        let count = settings.labels.len() + settings.labels_from.len() + 1;
        if count > MOST_LABELS {
            return Err(Trouble::new("--label", format_args!("{count} labels with the file's, Loki takes 15")));
        }
        let named = |pairs: &[(String, String)]| {
            pairs.iter().map(|(name, value)| (label(name.as_bytes()), value.clone())).collect()
        };
        Ok(Self {
            form: Form::new("time", &settings.added),
            labels: named(&settings.labels),
            labels_from: settings.labels_from.clone(),
            added: named(&settings.added),
            range: Range::new(settings, FARTHEST_AHEAD),
        })
    }

    /// The stream of a record.
    fn labels(&self, fields: &Fields<'_>) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let mut add = |name: &str, value: &[u8]| {
            out.push(if out.is_empty() { b'{' } else { b',' });
            write_string(&mut out, name.as_bytes());
            out.push(b':');
            write_string(&mut out, value);
        };
        for (name, value) in &self.labels {
            add(name, value.as_bytes());
        }
        for name in &self.labels_from {
            if let Some(value) = fields.text_of(name).filter(|value| !value.is_empty()) {
                if value.len() > LONGEST_LABEL {
                    return Err(format!("{name} has {} bytes, Loki takes labels of up to 2048", value.len()));
                }
                add(&label(name.as_bytes()), &value);
            }
        }
        // A stream has at least one.
        match fields.file() {
            Some(file) => add("filename", &file),
            None if self.labels.is_empty() => add("request", b"logpost"),
            None => {}
        }
        out.push(b'}');
        Ok(out)
    }

    /// Appends `["<nanoseconds>","<line>",{<metadata>}]`.
    fn write_value(&self, out: &mut Vec<u8>, fields: &Fields<'_>, time: &Stamp, nth: usize) -> Result<(), String> {
        out.extend_from_slice(b"[\"");
        out.extend_from_slice(nanoseconds(time, fields, nth).to_string().as_bytes());
        out.extend_from_slice(b"\",");
        let metadata = self.metadata(fields);
        let line = match (fields.message(), &metadata) {
            (Some(message), Some(_)) => message.into_owned(),
            _ => {
                let mut json = Vec::new();
                self.form.write_fields(&mut json, fields, &time.text);
                json
            }
        };
        if line.len() > LONGEST_LINE {
            return Err(format!("{} bytes, Loki takes lines of up to 256 KiB", line.len()));
        }
        write_string(out, &line);
        if let (true, Some(metadata)) = (fields.has_message(), metadata.filter(|metadata| !metadata.is_empty())) {
            out.extend_from_slice(b",{");
            out.extend_from_slice(&metadata);
            out.push(b'}');
        }
        out.push(b']');
        Ok(())
    }

    /// The members of the structured metadata; `None` if they are more than Loki takes.
    fn metadata(&self, fields: &Fields<'_>) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut names: Vec<String> = Vec::new();
        let mut add = |mut name: String, value: &[u8]| {
            while names.contains(&name) {
                name.push('_');
            }
            if !out.is_empty() {
                out.push(b',');
            }
            write_string(&mut out, name.as_bytes());
            out.push(b':');
            write_string(&mut out, value);
            names.push(name);
        };
        for (name, value) in &self.added {
            add(name.clone(), value.as_bytes());
        }
        for (is_set, name) in fields.flags() {
            if is_set {
                add(label(name), b"true");
            }
        }
        for member in fields.rest(false) {
            let key = unescape_inner(member.key).unwrap_or_default();
            match member.value.first() {
                Some(b'n') => {}
                Some(b'"') => add(label(&key), &unescape(member.value).unwrap_or_default()),
                _ => add(label(&key), member.value),
            }
        }
        (names.len() <= MOST_METADATA && out.len() <= LONGEST_METADATA).then_some(out)
    }
}

impl Destination for Loki {
    fn path(&self, path: &str) -> String {
        ending_in(PATH, path)
    }

    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn write(&self, batch: &Batch, records: &[usize], out: &mut Vec<u8>) -> Vec<LeftOut> {
        let now = Timestamp::now();
        let mut left_out = Vec::new();
        let mut streams: Vec<Stream> = Vec::new();
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        for record in records {
            let fields = Fields::read(batch, *record);
            let read_at;
            let time = match &fields.time {
                Some(time) => time,
                None => {
                    read_at = Stamp::of_reading(&batch.read_at);
                    &read_at
                }
            };
            let mut value = Vec::new();
            let written = self
                .range
                .check(time, now)
                .and_then(|()| self.write_value(&mut value, &fields, time, *record))
                .and_then(|()| self.labels(&fields));
            let labels = match written {
                Ok(labels) => labels,
                Err(reason) => {
                    left_out.push((*record, format!("not sent: {reason}")));
                    continue;
                }
            };
            let place = *places.entry(labels).or_insert_with_key(|labels| {
                streams.push(Stream { labels: labels.clone(), values: Vec::new() });
                streams.len() - 1
            });
            let values = &mut streams[place].values;
            if !values.is_empty() {
                values.push(b',');
            }
            values.extend_from_slice(&value);
        }
        for (nth, stream) in streams.iter().enumerate() {
            out.extend_from_slice(if nth == 0 { b"{\"streams\":[{\"stream\":" } else { b",{\"stream\":" });
            out.extend_from_slice(&stream.labels);
            out.extend_from_slice(b",\"values\":[");
            out.extend_from_slice(&stream.values);
            out.extend_from_slice(b"]}");
        }
        if !streams.is_empty() {
            out.extend_from_slice(b"]}");
        }
        left_out
    }

    fn read(&mut self, answer: &Answer, sent: &Sent<'_>) -> Outcomes {
        let Answer { status, body, .. } = answer;
        let reason = reason(*status, body);
        let is_about_lines = || ABOUT_LINES.iter().any(|words| memmem::find(body, words).is_some());
        Outcomes::All(match status {
            204 => Outcome::Delivered,
            400 if !is_about_lines() => Outcome::Hold(reason),
            400 if sent.count() == 1 => Outcome::Refused(reason),
            // What is stored already is known there when it comes again.
            400 => Outcome::Bad(reason),
            429 if sent.count() > 1 && is_above_rate(body) => Outcome::TooLarge(reason),
            _ => from_status(*status, body).unwrap_or_else(|| Outcome::Hold(format!("{reason}: not stored"))),
        })
    }
}

/// Whether a request is refused that has more bytes than may come in a second: above the burst it would be for ever.
fn is_above_rate(body: &[u8]) -> bool {
    let number = |behind: &[u8]| -> Option<u64> {
        let digits = &body[memmem::find(body, behind)? + behind.len()..];
        let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        std::str::from_utf8(&digits[..length]).ok()?.parse().ok()
    };
    number(b"limit: ").zip(number(b"totaling '")).is_some_and(|(limit, bytes)| bytes > limit)
}

/// Digits that the source did not tell are made of where the line was read, or of its place in the batch.
fn nanoseconds(time: &Stamp, fields: &Fields<'_>, nth: usize) -> i128 {
    let unknown = 10_i128.pow(u32::try_from(9 - time.precision.min(9)).unwrap_or(0));
    let offset = fields.position.map_or(nth as u64, |position| position.start);
    time.at.as_nanosecond() + i128::from(offset) % unknown
}

/// The name as a label may be written: letters, digits and underscores.
fn label(name: &[u8]) -> String {
    let mut text = String::new();
    for byte in name {
        text.push(if byte.is_ascii_alphanumeric() { char::from(*byte) } else { '_' });
    }
    if text.is_empty() || text.starts_with(|first: char| first.is_ascii_digit()) {
        text.insert(0, '_');
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::batch::tests::batch;
    use crate::destinations::tests::{pairs, read};
    use serde_json::{Value, json};

    /// Settings of a server that takes lines of any age.
    fn settings() -> Settings {
        Settings { retention: Some(Duration::from_secs(36_500 * 24 * 3600)), ..Settings::default() }
    }

    fn destination() -> Loki {
        Loki::new(&settings()).unwrap()
    }

    /// The request, and the reasons of what is not in it.
    fn written(destination: &Loki, lines: &[&str]) -> (Value, Vec<String>) {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        let batch = batch(&lines);
        let mut out = Vec::new();
        let all: Vec<usize> = (0..batch.len()).collect();
        let left_out = destination.write(&batch, &all, &mut out);
        (serde_json::from_slice(&out).unwrap_or_default(), left_out.into_iter().map(|(_, reason)| reason).collect())
    }

    const TIME: &str = r#""time":"2025-10-10T13:55:36Z""#;

    #[test]
    fn a_stream_for_each_file_and_label_and_the_rest_is_metadata() {
        let record =
            |file: &str, rest: &str| format!(r#"{{"_pos":"3f2a00c4d1e0b7a9:16-32","_file":"{file}",{TIME},{rest}}}"#);
        let a = record("/a", r#""level":"warn","app":"x","k8s.pod":{"b":1},"none":null,"message":"one""#);
        let b = record("/b", r#""status":200"#);
        let settings = Settings {
            labels: pairs(&["env=prod"]),
            labels_from: vec!["app".to_owned()],
            added: pairs(&["app=y"]),
            ..settings()
        };
        let (request, _) = written(&Loki::new(&settings).unwrap(), &[&a, &b]);
        assert_eq!(
            request,
            json!({"streams": [
                {"stream": {"env": "prod", "app": "x", "filename": "/a"},
                 "values": [["1760104536000000016", "one",
                    {"app": "y", "level": "warn", "app_": "x", "k8s_pod": "{\"b\":1}"}]]},
                {"stream": {"env": "prod", "filename": "/b"},
                 "values": [["1760104536000000016",
                    "{\"file_path\":\"/b\",\"time\":\"2025-10-10T13:55:36Z\",\"status\":200,\"app\":\"y\"}"]]},
            ]})
        );
    }

    #[test]
    fn equal_lines_differ_in_their_time_and_what_comes_again_does_not() {
        let times = |lines: &[&str]| -> Vec<String> {
            let (request, _) = written(&destination(), lines);
            let values = request["streams"][0]["values"].as_array().unwrap().clone();
            values.iter().map(|value| value[0].as_str().unwrap().to_owned()).collect()
        };
        let one = format!(r#"{{"_pos":"3f2a00c4d1e0b7a9:0-16",{TIME},"message":"x"}}"#);
        let other = format!(r#"{{"_pos":"3f2a00c4d1e0b7a9:16-32",{TIME},"message":"x"}}"#);
        assert_eq!(times(&[&one, &other]), ["1760104536000000000", "1760104536000000016"]);
        assert_eq!(times(&[&other]), ["1760104536000000016"]);
        let exact = r#"{"time":"2025-10-10T13:55:36.123456789Z","message":"x"}"#;
        let plain = format!("{{{TIME},\"message\":\"x\"}}");
        assert_eq!(times(&[exact, &plain]), ["1760104536123456789", "1760104536000000001"]);
    }

    #[test]
    fn what_loki_would_not_take_is_refused_before_it_is_sent() {
        let (request, reasons) = written(&destination(), &["kept", "2001", &"x".repeat(256 * 1024 + 1)]);
        assert_eq!(request["streams"][0]["values"].as_array().unwrap().len(), 2);
        assert!(reasons[0].contains("256 KiB"), "{reasons:?}");
        let ahead = json!({"time": (Timestamp::now() + jiff::SignedDuration::from_mins(11)).to_string()});
        assert!(written(&destination(), &[&ahead.to_string()]).1[0].contains("ahead"));
        let an_hour = Settings { retention: Some(Duration::from_secs(3600)), ..settings() };
        assert!(written(&Loki::new(&an_hour).unwrap(), &[&format!("{{{TIME}}}")]).1[0].contains("older"));
        let long = json!({"app": "x".repeat(2049)}).to_string();
        let by_app = Settings { labels_from: vec!["app".to_owned()], ..settings() };
        assert!(written(&Loki::new(&by_app).unwrap(), &[&long]).1[0].contains("2049 bytes"));
        let labels = (0..15).map(|n| (format!("l{n}"), "1".to_owned())).collect();
        assert!(Loki::new(&Settings { labels, ..settings() }).is_err());
    }

    #[test]
    fn only_204_is_a_success_and_a_400_for_lines_is_parted() {
        let outcomes = |status, body: &str, count| match read(&mut destination(), status, body, count) {
            Outcomes::All(outcome) => outcome,
            other => panic!("{other:?}"),
        };
        assert_eq!(outcomes(204, "", 3), Outcome::Delivered);
        for status in [200, 260, 401, 404] {
            assert!(matches!(outcomes(status, "", 3), Outcome::Hold(_)), "{status}");
        }
        let behind = "entry too far behind, total ignored: 1 out of 3 for stream: {}";
        assert!(matches!(outcomes(400, behind, 3), Outcome::Bad(_)));
        assert!(matches!(outcomes(400, behind, 1), Outcome::Refused(_)));
        assert!(matches!(outcomes(400, "unexpected end of JSON", 1), Outcome::Hold(_)));
        assert!(matches!(outcomes(429, "", 3), Outcome::Again(_)));
        let rate = |bytes: u32| {
            format!(
                "ingestion rate limit exceeded for user fake (limit: 1000 bytes/sec) while attempting to ingest '3' lines totaling '{bytes}' bytes"
            )
        };
        assert!(matches!(outcomes(429, &rate(1001), 3), Outcome::TooLarge(_)));
        assert!(matches!(outcomes(429, &rate(1001), 1), Outcome::Again(_)));
        assert!(matches!(outcomes(429, &rate(999), 3), Outcome::Again(_)));
    }
}
