//! VictoriaLogs: 200 with an empty body is its answer to everything, also to what it drops. So whatever it would drop is
//! refused here, before it is sent.
//!
//! | it drops without a word | where that is known from |
//! |---|---|
//! | a line that is not one JSON object | every line is written here |
//! | a line of 256 KiB or more, and sometimes the short ones behind it | `-insert.maxLineSizeBytes` |
//! | a time before now less the retention, more than two days ahead | `-retentionPeriod`, `-futureRetention` |
//! | more than 1000 fields, nested ones counted each | `-insert.maxFieldsPerLine` |
//! | the form of a record with a name of more than 128 bytes: all of it becomes its message | its JSON parser |

use std::time::Duration;

use logline::ending::Trouble;
use logline::json::{members, unescape_inner};
use logline::time::Moment;

use crate::batch::Batch;
use crate::destinations::{Destination, LeftOut, Range, Sent, Settings, ending_in};
use crate::document::{Fields, Template};
use crate::outcome::{Answer, Outcome, Outcomes, from_status, unexpected};

const LONGEST_LINE: usize = 256 * 1024 - 1;
const MOST_FIELDS: usize = 1000;
const LONGEST_NAME: usize = 128;
const FARTHEST_AHEAD: Duration = Duration::from_secs(2 * 24 * 3600);

/// A VictoriaLogs server.
#[derive(Debug)]
pub struct VictoriaLogs {
    template: Template,
    /// The fields whose values part the streams, for the query.
    streams: String,
    range: Range,
    /// How long the longest name is that every record gets.
    longest_added: usize,
}

impl VictoriaLogs {
    /// With these labels and fields.
    pub fn new(settings: &Settings) -> Result<Self, Trouble> {
        let labels = settings.labels.iter().map(|(name, _)| name).chain(&settings.labels_from);
        let mut streams = "file_path".to_owned();
        for name in labels {
            if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-/:@".contains(&byte)) || name.is_empty() {
                let expected = "a name of a stream's field has letters, digits and _.-/:@ only";
                return Err(Trouble::new(format_args!("--label: {name}"), expected));
            }
            streams.push(',');
            streams.push_str(name);
        }
        // What it generates itself it would drop from a record.
        let added = || settings.labels.iter().chain(&settings.added);
        let template = Template::new("_time", added()).with_message("_msg");
        Ok(Self {
            template: template.without("_stream").without("_stream_id"),
            streams,
            range: Range::new(settings, FARTHEST_AHEAD),
            longest_added: added().map(|(name, _)| name.len()).max().unwrap_or(0),
        })
    }

    fn write_one(&self, out: &mut Vec<u8>, fields: &Fields<'_>, read_at: &str, now: Moment) -> Result<(), String> {
        if let Some(time) = &fields.time {
            self.range.check(time, now)?;
        }
        let start = out.len();
        self.template.write_fields(out, fields, read_at.as_bytes());
        let line = &out[start..];
        if line.len() > LONGEST_LINE {
            return Err(format!("{} bytes, lines of 256 KiB and more are dropped", line.len()));
        }
        let lengths = fields.members().iter().map(|member| name_length(member.key));
        if let Some(length) = lengths.chain([self.longest_added]).find(|length| *length > LONGEST_NAME) {
            return Err(format!("a name of {length} bytes, no field is stored by its name if one has more than 128"));
        }
        // A field has at least five bytes, `"":1,`: most lines need not be counted.
        if line.len() > 5 * MOST_FIELDS {
            let fields = leaves(line);
            if fields > MOST_FIELDS {
                return Err(format!("{fields} fields, records with more than 1000 are dropped"));
            }
        }
        Ok(())
    }
}

impl Destination for VictoriaLogs {
    fn path(&self, path: &str) -> String {
        let path = ending_in("/insert/jsonline", path);
        let streams = self.streams.replace(',', "%2C").replace('/', "%2F").replace(':', "%3A").replace('@', "%40");
        format!("{path}?_time_field=_time&_msg_field=_msg&_stream_fields={streams}")
    }

    fn content_type(&self) -> &'static str {
        "application/stream+json"
    }

    fn write(&self, batch: &Batch, records: &[usize], out: &mut Vec<u8>) -> Vec<LeftOut> {
        let now = Moment::now();
        let mut fields = Fields::default();
        let mut left_out = Vec::new();
        for record in records {
            batch.read_fields(*record, &mut fields);
            fields.say_request();
            let start = out.len();
            match self.write_one(out, &fields, &batch.read_at, now) {
                Ok(()) => out.push(b'\n'),
                Err(reason) => {
                    out.truncate(start);
                    left_out.push((*record, format!("not sent: {reason}")));
                }
            }
        }
        left_out
    }

    fn read(&mut self, answer: &Answer, _sent: &Sent<'_>) -> Outcomes {
        let Answer { status, body, .. } = answer;
        Outcomes::All(match status {
            200 | 204 if body.is_empty() => Outcome::Delivered,
            _ => from_status(*status, body)
                .unwrap_or_else(|| Outcome::Hold(unexpected(*status, "not VictoriaLogs' answer", body))),
        })
    }
}

/// How many fields the value becomes: objects are flattened, null is none.
fn leaves(raw: &[u8]) -> usize {
    match raw.first() {
        Some(b'{') => members(raw).filter_map(Result::ok).map(|member| leaves(member.value)).sum(),
        Some(b'n') => 0,
        _ => 1,
    }
}

fn name_length(key: &[u8]) -> usize {
    // An escape is never shorter than what it stands for.
    if key.len() <= LONGEST_NAME { key.len() } else { unescape_inner(key).map_or(key.len(), |key| key.len()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::batch::tests::batch;
    use crate::destinations::tests::{pairs, read};
    use jiff::{SignedDuration, Timestamp};
    use serde_json::{Value, json};

    fn destination() -> VictoriaLogs {
        VictoriaLogs::new(&Settings::default()).unwrap()
    }

    /// What is sent, and the reasons of what is not.
    fn written(destination: &VictoriaLogs, lines: &[&str]) -> (Vec<Value>, Vec<String>) {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        let batch = batch(&lines);
        let mut out = Vec::new();
        let all: Vec<usize> = (0..batch.len()).collect();
        let left_out = destination.write(&batch, &all, &mut out);
        let sent = out.split_inclusive(|byte| *byte == b'\n').map(|line| serde_json::from_slice(line).unwrap());
        (sent.collect(), left_out.into_iter().map(|(_, reason)| reason).collect())
    }

    fn in_hours(hours: i64) -> String {
        (Timestamp::now() + SignedDuration::from_hours(hours)).to_string()
    }

    #[track_caller]
    fn assert_refused(line: &str, words: &str) {
        let behind = json!({"message": "behind", "time": in_hours(0)}).to_string();
        let (sent, reasons) = written(&destination(), &["{\"message\":\"before\"}", line, &behind]);
        assert_eq!(sent.len(), 2, "{reasons:?}");
        assert!(reasons.len() == 1 && reasons[0].contains(words), "{reasons:?}");
    }

    #[test]
    fn a_message_is_the_records_or_that_of_its_request() {
        let (sent, _) = written(
            &destination(),
            &[
                r#"{"message":"a","status":1}"#,
                r#"{"msg":"b"}"#,
                r#"{"request_method":"GET","request_uri":"/x?a=\"","server_protocol":"HTTP/1.1","status":404}"#,
                r#"{"request":"\\x16\\x03","status":"400"}"#,
                "text",
                r#"{"status":200}"#,
            ],
        );
        let messages: Vec<_> = sent.iter().map(|line| line["_msg"].as_str()).collect();
        let expected = ["a", "b", "GET /x?a=\" HTTP/1.1 404", "\\x16\\x03 400", "text"].map(Some);
        assert_eq!(messages, [&expected[..], &[None]].concat());
        assert_eq!(sent[2]["request_uri"], "/x?a=\"");
        assert!(sent.iter().all(|line| line["_time"].is_string()));
    }

    #[test]
    fn a_time_out_of_the_servers_range_is_refused() {
        assert_refused(&json!({"time": in_hours(-169)}).to_string(), "older than --retention, 7 d");
        assert_refused(&json!({"time": in_hours(49)}).to_string(), "2 d ahead");
        for hours in [-167, 47] {
            assert_eq!(written(&destination(), &[&json!({"time": in_hours(hours)}).to_string()]).0.len(), 1);
        }
        let longer = VictoriaLogs::new(&Settings {
            retention: Some(Duration::from_secs(30 * 24 * 3600)),
            ..Settings::default()
        })
        .unwrap();
        assert_eq!(written(&longer, &[&json!({"time": in_hours(-700)}).to_string()]).0.len(), 1);
    }

    #[test]
    fn a_line_is_refused_from_256_kib_on_as_it_is_sent() {
        let line = |length: usize| json!({"message": "x".repeat(length)}).to_string();
        let around = written(&destination(), &["{\"message\":\"\"}"]).0[0].to_string().len();
        assert_eq!(written(&destination(), &[&line(256 * 1024 - 1 - around)]).0.len(), 1);
        assert_refused(&line(256 * 1024 - around), "262144 bytes");
        // Escaping makes a line grow.
        assert_refused(&"\u{1}".repeat(50_000), "bytes");
    }

    #[test]
    fn fields_are_counted_flattened_and_a_long_name_is_refused() {
        let nested = |count: usize| {
            let inner: serde_json::Map<_, _> = (0..count).map(|n| (format!("f{n}"), json!(1))).collect();
            json!({"message": "m", "a": inner, "none": null, "list": [1, 2]}).to_string()
        };
        assert_eq!(written(&destination(), &[&nested(997)]).0.len(), 1);
        assert_refused(&nested(998), "1001 fields");
        assert_refused(&json!({"k".repeat(129): 1}).to_string(), "name of 129 bytes");
    }

    #[test]
    fn streams_are_parted_by_file_and_labels() {
        let destination = VictoriaLogs::new(&Settings {
            labels: pairs(&["app=shop"]),
            labels_from: vec!["kubernetes.pod".to_owned()],
            ..Settings::default()
        })
        .unwrap();
        assert!(
            destination.path("/").starts_with("/insert/jsonline?_time_field=_time&_msg_field=_msg&"),
            "{}",
            destination.path("/")
        );
        assert!(
            destination.path("/").ends_with("&_stream_fields=file_path%2Capp%2Ckubernetes.pod"),
            "{}",
            destination.path("/")
        );
        assert_eq!(destination.path("/insert/jsonline"), destination.path(""));
        assert!(destination.path("/vl/").starts_with("/vl/insert/jsonline?"));
        assert_eq!(written(&destination, &["{}"]).0[0]["app"], "shop");
    }

    #[test]
    fn only_an_empty_200_is_a_success() {
        let outcomes = |status, body: &str| read(&mut destination(), status, body, 1);
        assert_eq!(outcomes(200, ""), Outcomes::All(Outcome::Delivered));
        assert!(matches!(outcomes(200, "<html>"), Outcomes::All(Outcome::Hold(_))));
        assert!(matches!(outcomes(202, ""), Outcomes::All(Outcome::Hold(_))));
        assert!(matches!(outcomes(503, ""), Outcomes::All(Outcome::Again(_))));
        assert!(matches!(outcomes(400, "x"), Outcomes::All(Outcome::Bad(_))));
    }
}
