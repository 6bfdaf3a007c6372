//! OpenTelemetry's protocol over HTTP, in JSON: what its collector takes, and Loki at `/otlp`.
//!
//! | answer | means |
//! |---|---|
//! | 200 with an object | stored, less `partialSuccess.rejectedLogRecords`, which are never to be sent again |
//! | 204 | stored (Loki) |
//! | 400 `request body too large` | what others say with 413 |
//! | 429, 502, 503, 504 | again |
//! | 500 | the specification wants the data dropped: hold |

use jiff::Timestamp;
use logline::json::{member, members, unescape, unescape_inner, write_string};
use logline::level::Level;
use memchr::memmem;

use crate::batch::Batch;
use crate::destinations::{Destination, LeftOut, Sent, Settings, ending_in};
use crate::document::{Fields, Stamp};
use crate::outcome::{Answer, Outcome, Outcomes, Taken, from_status, reason};

const PATH: &str = "/v1/logs";
const FILE: &[u8] = b"log.file.path";

/// See the page of the module.
#[derive(Debug)]
pub struct Otlp {
    /// Everything in front of the records, and behind them.
    head: Vec<u8>,
    added: Vec<(String, String)>,
}

const TAIL: &[u8] = b"]}]}]}";

impl Otlp {
    /// With these attributes of the resource and of every record.
    pub fn new(settings: &Settings) -> Self {
        let mut head = b"{\"resourceLogs\":[{\"resource\":{\"attributes\":[".to_vec();
        for (nth, (name, value)) in settings.labels.iter().enumerate() {
            if nth > 0 {
                head.push(b',');
            }
            write_text(&mut head, name.as_bytes(), value.as_bytes());
        }
        head.extend_from_slice(b"]},\"scopeLogs\":[{\"scope\":{\"name\":\"logpost\"},\"logRecords\":[");
        Self { head, added: settings.added.clone() }
    }

    fn write_record(&self, out: &mut Vec<u8>, fields: &Fields<'_>, read_at: &Stamp) {
        let time = fields.time.as_ref().unwrap_or(read_at);
        let (time, observed) = (nanoseconds(time.at), nanoseconds(read_at.at));
        out.extend_from_slice(
            format!("{{\"timeUnixNano\":\"{time}\",\"observedTimeUnixNano\":\"{observed}\"").as_bytes(),
        );
        let level = fields.level.and_then(|raw| if raw[0] == b'"' { unescape(raw) } else { Some(raw.into()) });
        if let Some(level) = &level {
            // There is a number for what loggers call fatal, above those of syslog's critical and alert.
            let number = if level.eq_ignore_ascii_case(b"fatal") { Some(21) } else { fields.known_level.map(severity) };
            if let Some(number) = number {
                out.extend_from_slice(format!(",\"severityNumber\":{number}").as_bytes());
            }
            out.extend_from_slice(b",\"severityText\":");
            write_string(out, level);
        }
        if let Some(message) = fields.message() {
            out.extend_from_slice(b",\"body\":{\"stringValue\":");
            write_string(out, &message);
            out.push(b'}');
        }
        for (key, name, length) in [("trace_id", "traceId", 32), ("span_id", "spanId", 16)] {
            if let Some(id) = id(fields, key, length) {
                out.extend_from_slice(format!(",\"{name}\":\"").as_bytes());
                out.extend_from_slice(&id);
                out.push(b'"');
            }
        }
        self.write_attributes(out, fields, level.is_some());
        out.push(b'}');
    }

    fn write_attributes(&self, out: &mut Vec<u8>, fields: &Fields<'_>, has_level: bool) {
        out.extend_from_slice(b",\"attributes\":[");
        let start = out.len();
        let file = fields.file();
        if let Some(file) = &file {
            write_text(out, FILE, file);
        }
        for (name, value) in &self.added {
            separate(out, start);
            write_text(out, name.as_bytes(), value.as_bytes());
        }
        for (is_set, name) in fields.flags() {
            if is_set {
                separate(out, start);
                write_attribute(out, name, b"true");
            }
        }
        for member in fields.rest(has_level) {
            let is_id = |key, length| {
                member.is(key) && id(fields, std::str::from_utf8(key).unwrap_or_default(), length).is_some()
            };
            if member.value == b"null" || is_id(b"trace_id", 32) || is_id(b"span_id", 16) {
                continue;
            }
            let mut key = unescape_inner(member.key).unwrap_or_default();
            if self.added.iter().any(|(name, _)| name.as_bytes() == &*key) || (file.is_some() && &*key == FILE) {
                key.to_mut().push(b'_');
            }
            separate(out, start);
            write_attribute(out, &key, member.value);
        }
        out.push(b']');
    }
}

impl Destination for Otlp {
    fn path(&self, path: &str) -> String {
        ending_in(PATH, path)
    }

    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn write(&self, batch: &Batch, records: &[usize], out: &mut Vec<u8>) -> Vec<LeftOut> {
        let read_at = Stamp::of_reading(&batch.read_at);
        out.extend_from_slice(&self.head);
        let start = out.len();
        for record in records {
            let mut fields = Fields::read(batch, *record);
            if !fields.has_message()
                && let Some(message) = fields.request()
            {
                fields.set_message(&message);
            }
            separate(out, start);
            self.write_record(out, &fields, &read_at);
        }
        out.extend_from_slice(TAIL);
        Vec::new()
    }

    fn read(&mut self, answer: &Answer, sent: &Sent<'_>) -> Outcomes {
        let Answer { status, body, .. } = answer;
        let reason = reason(*status, body);
        Outcomes::All(match status {
            200 if logline::json::is_complete_object(body) => return rejected(body, sent.count()),
            204 => Outcome::Delivered,
            400 if memmem::find(body, b"too large").is_some() => Outcome::TooLarge(reason),
            500 => Outcome::Hold(reason),
            _ => from_status(*status, body).unwrap_or_else(|| Outcome::Hold(format!("{reason}: not OpenTelemetry"))),
        })
    }
}

/// What a 200 says of records that are not stored.
fn rejected(body: &[u8], count: usize) -> Outcomes {
    let partial = member(body, "partialSuccess").unwrap_or(b"{}");
    let rejected = member(partial, "rejectedLogRecords").unwrap_or(b"0");
    // A number of 64 bits is a string in this JSON; some write it as a number.
    let rejected = std::str::from_utf8(rejected).ok().and_then(|text| text.trim_matches('"').parse::<usize>().ok());
    let message = member(partial, "errorMessage").and_then(unescape).unwrap_or_default();
    let reason = format!("rejected: {}", String::from_utf8_lossy(&message));
    match rejected {
        Some(0) => Outcomes::All(Outcome::Delivered),
        Some(rejected) if rejected < count => {
            Outcomes::Taken(Taken { unnamed: rejected, words: reason, ..Taken::default() })
        }
        Some(_) => Outcomes::All(Outcome::Refused(reason)),
        None => Outcomes::All(Outcome::Hold(format!("200 that cannot be read: {reason}"))),
    }
}

fn separate(out: &mut Vec<u8>, start: usize) {
    if out.len() > start {
        out.push(b',');
    }
}

fn write_text(out: &mut Vec<u8>, key: &[u8], text: &[u8]) {
    out.extend_from_slice(b"{\"key\":");
    write_string(out, key);
    out.extend_from_slice(b",\"value\":{\"stringValue\":");
    write_string(out, text);
    out.extend_from_slice(b"}}");
}

fn write_attribute(out: &mut Vec<u8>, key: &[u8], raw: &[u8]) {
    out.extend_from_slice(b"{\"key\":");
    write_string(out, key);
    out.extend_from_slice(b",\"value\":");
    write_value(out, raw);
    out.push(b'}');
}

/// A raw JSON value as the protocol's own; whole numbers of 64 bits are strings there.
fn write_value(out: &mut Vec<u8>, raw: &[u8]) {
    let (open, close): (&[u8], &[u8]) = match raw.first() {
        Some(b'"') => (b"{\"stringValue\":", b"}"),
        Some(b't' | b'f') => (b"{\"boolValue\":", b"}"),
        Some(b'{') => return write_object(out, raw),
        Some(b'[') => return write_array(out, raw),
        Some(b'n') => return out.extend_from_slice(b"{}"),
        _ if std::str::from_utf8(raw).is_ok_and(|text| text.parse::<i64>().is_ok()) => (b"{\"intValue\":\"", b"\"}"),
        _ => (b"{\"doubleValue\":", b"}"),
    };
    out.extend_from_slice(open);
    out.extend_from_slice(raw);
    out.extend_from_slice(close);
}

fn write_object(out: &mut Vec<u8>, raw: &[u8]) {
    out.extend_from_slice(b"{\"kvlistValue\":{\"values\":[");
    let start = out.len();
    for member in members(raw).map_while(Result::ok) {
        separate(out, start);
        write_attribute(out, &unescape_inner(member.key).unwrap_or_default(), member.value);
    }
    out.extend_from_slice(b"]}}");
}

fn write_array(out: &mut Vec<u8>, raw: &[u8]) {
    out.extend_from_slice(b"{\"arrayValue\":{\"values\":[");
    let start = out.len();
    let mut rest = raw[1..raw.len() - 1].trim_ascii();
    while let Some(length) = logline::json::value_length(rest) {
        separate(out, start);
        write_value(out, &rest[..length]);
        let behind = rest[length..].trim_ascii_start();
        rest = behind.strip_prefix(b",").unwrap_or_default().trim_ascii_start();
    }
    out.extend_from_slice(b"]}}");
}

/// The hexadecimal digits of an id, if it is one.
fn id(fields: &Fields<'_>, key: &str, length: usize) -> Option<Vec<u8>> {
    let id = fields.text_of(key)?;
    (id.len() == length && id.iter().all(u8::is_ascii_hexdigit)).then(|| id.into_owned())
}

/// Unsigned in the protocol.
fn nanoseconds(time: Timestamp) -> u128 {
    u128::try_from(time.as_nanosecond()).unwrap_or(0)
}

/// The numbers that the specification gives to the levels of syslog and of loggers.
fn severity(level: Level) -> u8 {
    match level {
        Level::Trace => 1,
        Level::Debug => 5,
        Level::Info => 9,
        Level::Notice => 10,
        Level::Warn => 13,
        Level::Error => 17,
        Level::Crit => 18,
        Level::Alert => 19,
        Level::Emerg => 21,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::batch::tests::batch;
    use crate::destinations::tests::{pairs, read};
    use serde_json::{Value, json};

    fn destination() -> Otlp {
        Otlp::new(&Settings::default())
    }

    fn written(destination: &Otlp, lines: &[&str]) -> Value {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        let batch = batch(&lines);
        let mut out = Vec::new();
        let all: Vec<usize> = (0..batch.len()).collect();
        assert!(destination.write(&batch, &all, &mut out).is_empty());
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_record_becomes_a_log_record_with_typed_attributes() {
        let line = r#"{"_pos":"3f2a00c4d1e0b7a9:16-32","_file":"/a","time":"2025-10-10T13:55:36.5Z","level":"warn","message":"m",
            "status":200,"took":0.25,"ok":true,"none":null,"list":[1,"a",{"b":[]}],"env":"x","big":18446744073709551615,
            "trace_id":"5B8EFFF798038103D269B633813FC60C","span_id":"no"}"#
            .replace('\n', "");
        let request = written(
            &Otlp::new(&Settings {
                labels: pairs(&["service.name=shop"]),
                added: pairs(&["env=prod"]),
                ..Settings::default()
            }),
            &[&line],
        );
        let resource = &request["resourceLogs"][0];
        assert_eq!(
            resource["resource"]["attributes"],
            json!([{"key": "service.name", "value": {"stringValue": "shop"}}])
        );
        let mut record = resource["scopeLogs"][0]["logRecords"][0].clone();
        assert!(record["observedTimeUnixNano"].take().is_string());
        assert_eq!(
            record,
            json!({"timeUnixNano": "1760104536500000000", "observedTimeUnixNano": null,
            "severityNumber": 13, "severityText": "warn", "body": {"stringValue": "m"},
            "traceId": "5B8EFFF798038103D269B633813FC60C",
            "attributes": [
                {"key": "log.file.path", "value": {"stringValue": "/a"}},
                {"key": "env", "value": {"stringValue": "prod"}},
                {"key": "status", "value": {"intValue": "200"}},
                {"key": "took", "value": {"doubleValue": 0.25}},
                {"key": "ok", "value": {"boolValue": true}},
                {"key": "list", "value": {"arrayValue": {"values": [
                    {"intValue": "1"}, {"stringValue": "a"},
                    {"kvlistValue": {"values": [{"key": "b", "value": {"arrayValue": {"values": []}}}]}}]}}},
                {"key": "env_", "value": {"stringValue": "x"}},
                {"key": "big", "value": {"doubleValue": 18_446_744_073_709_551_615_u64}},
                {"key": "span_id", "value": {"stringValue": "no"}},
            ]})
        );
    }

    #[test]
    fn levels_are_found_under_their_other_names_and_text_is_the_body() {
        let request = written(
            &destination(),
            &[
                "text",
                r#"{"severity":"ERROR","msg":"a"}"#,
                r#"{"lvl":30}"#,
                r#"{"log":{"level":"debug"}}"#,
                r#"{"level":"Fatal"}"#,
            ],
        );
        let records = request["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap();
        let told = |key: &str| records.iter().map(|record| record[key].clone()).collect::<Vec<_>>();
        assert_eq!(told("severityNumber"), [json!(null), json!(17), json!(9), json!(5), json!(21)]);
        assert_eq!(told("severityText"), [json!(null), json!("ERROR"), json!("30"), json!("debug"), json!("Fatal")]);
        assert_eq!(records[0]["body"]["stringValue"], "text");
        assert_eq!(records[1]["body"]["stringValue"], "a");
        assert_eq!(records[1]["attributes"], json!([]));
    }

    #[test]
    fn what_is_rejected_is_never_sent_again_and_what_is_unclear_is_held() {
        let outcomes = |status, body: &str| read(&mut destination(), status, body, 3);
        for body in ["{}", r#"{"partialSuccess":{}}"#, r#"{"partialSuccess":{"errorMessage":"slow down"}}"#] {
            assert_eq!(outcomes(200, body), Outcomes::All(Outcome::Delivered), "{body}");
        }
        let partial = r#"{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"old"}}"#;
        assert_eq!(
            outcomes(200, partial),
            Outcomes::Taken(Taken { unnamed: 1, words: "rejected: old".to_owned(), ..Taken::default() })
        );
        let all = r#"{"partialSuccess":{"rejectedLogRecords":3}}"#;
        assert!(matches!(outcomes(200, all), Outcomes::All(Outcome::Refused(_))));
        for (status, body) in [(200, ""), (200, "<html>"), (202, "{}"), (500, ""), (404, "")] {
            assert!(matches!(outcomes(status, body), Outcomes::All(Outcome::Hold(_))), "{status} {body}");
        }
        assert!(matches!(outcomes(400, "request body too large"), Outcomes::All(Outcome::TooLarge(_))));
        assert!(matches!(outcomes(400, "bad"), Outcomes::All(Outcome::Bad(_))));
        assert!(matches!(outcomes(503, ""), Outcomes::All(Outcome::Again(_))));
    }

    #[test]
    fn the_path_is_added_where_the_url_has_none() {
        assert_eq!(destination().path("/"), "/v1/logs");
        assert_eq!(destination().path("/otlp"), "/otlp/v1/logs");
        assert_eq!(destination().path("/v1/logs"), "/v1/logs");
    }
}
