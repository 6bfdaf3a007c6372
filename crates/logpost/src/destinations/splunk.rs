//! Splunk's HTTP Event Collector. Each record is an event of its own; events stand one behind the other in the body.
//!
//! The codes are those of Splunk's page "Troubleshoot HTTP Event Collector", "Possible error codes":
//!
//! | status, code | Splunk's words | means |
//! |---|---|---|
//! | 200, 0 | Success | taken in |
//! | 200, 24 and 25 | the queue, the acknowledgements are approaching their limit | taken in, and said |
//! | 400, 6, 12, 13 and 15 with `invalid-event-number` | that event is wrong | those before it are taken in, those behind it were not read |
//! | the same without that number | one of the events is wrong | the request is parted to find it |
//! | 400, 5, 7, 10, 11, 14, 16, 21 and 22; 401, 2 and 3; 403, 1 and 4 | token, index or channel | hold |
//! | 429, 26 and 27; 500, 8; 503, 9, 18 to 20 and 23 | busy, ill or about to end | again |
//!
//! A code that nobody knows means what its status does; with 200 it is no success, nor is the 17 of the health page.

use logline::json::{is_complete_object, member, write_string};

use crate::batch::Batch;
use crate::destinations::{Destination, LeftOut, Sent, Settings};
use crate::document::{Fields, Stamp, Template};
use crate::outcome::{Answer, Outcome, Outcomes, Taken, from_status, reason, unexpected};

const PATH: &str = "/services/collector/event";
/// Other paths of the same: they may stand in the URL.
const PATHS: [&str; 3] = ["/services/collector/event/1.0", PATH, "/services/collector"];

/// A Splunk HTTP Event Collector.
#[derive(Debug)]
pub struct Splunk {
    template: Template,
    /// What every event has beside its time: `,"host":"web-1","fields":{"env":"prod"}`.
    metadata: Vec<u8>,
    /// The file is the source of an event, unless the user names another.
    has_source: bool,
    channel: Option<String>,
}

impl Splunk {
    /// With these labels as indexed fields.
    pub fn new(settings: &Settings) -> Self {
        let origin = &settings.origin;
        let mut metadata = Vec::new();
        for (name, value) in [
            ("host", &origin.host),
            ("source", &origin.source),
            ("sourcetype", &origin.sourcetype),
            ("index", &origin.index),
        ] {
            if let Some(value) = value {
                write_member(&mut metadata, name.as_bytes(), value.as_bytes());
            }
        }
        if !settings.labels.is_empty() {
            let mut fields = Vec::new();
            for (name, value) in &settings.labels {
                write_member(&mut fields, name.as_bytes(), value.as_bytes());
            }
            metadata.extend_from_slice(b",\"fields\":{");
            metadata.extend_from_slice(&fields[1..]);
            metadata.push(b'}');
        }
        Self {
            template: Template::new("time", &settings.added),
            metadata,
            has_source: origin.source.is_some(),
            channel: origin.channel.clone(),
        }
    }

    fn write_event(&self, out: &mut Vec<u8>, fields: &Fields<'_>, read_at: &Stamp) {
        out.extend_from_slice(b"{\"time\":");
        write_seconds(out, fields.time.as_ref().unwrap_or(read_at));
        out.extend_from_slice(&self.metadata);
        if let Some(file) = fields.file().filter(|_| !self.has_source) {
            write_member(out, b"source", &file);
        }
        out.extend_from_slice(b",\"event\":");
        self.template.write_fields(out, fields, read_at.bytes());
        out.push(b'}');
    }
}

/// Appends a member and the comma before it.
fn write_member(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.push(b',');
    write_string(out, name);
    out.push(b':');
    write_string(out, value);
}

/// Seconds since the epoch, with as many digits behind the point as are known. Never in the notation with an exponent, which
/// Splunk answers with code 15.
fn write_seconds(out: &mut Vec<u8>, time: &Stamp) {
    let nanoseconds = time.nanoseconds();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let (seconds, fraction) = (nanoseconds.unsigned_abs() / 1_000_000_000, nanoseconds.unsigned_abs() % 1_000_000_000);
    let fraction = format!("{fraction:09}");
    let (point, digits) = if time.precision > 0 { (".", &fraction[..time.precision.min(9)]) } else { ("", "") };
    out.extend_from_slice(format!("{sign}{seconds}{point}{digits}").as_bytes());
}

impl Destination for Splunk {
    fn path(&self, path: &str) -> String {
        let path = path.trim_end_matches('/');
        let base = PATHS.iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
        format!("{base}{PATH}")
    }

    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn token_header(&self) -> (&'static str, Option<&'static str>) {
        ("authorization", Some("Splunk"))
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        self.channel.iter().map(|channel| ("x-splunk-request-channel", channel.clone())).collect()
    }

    fn write(&self, batch: &Batch, records: &[usize], out: &mut Vec<u8>) -> Vec<LeftOut> {
        let read_at = Stamp::of_reading(&batch.read_at);
        let mut fields = Fields::default();
        for record in records {
            batch.read_fields(*record, &mut fields);
            self.write_event(out, &fields, &read_at);
        }
        Vec::new()
    }

    fn read(&mut self, answer: &Answer, sent: &Sent<'_>) -> Outcomes {
        let Answer { status, body, .. } = answer;
        let reason = reason(*status, body);
        let number = |name| member(body, name).and_then(|raw| std::str::from_utf8(raw).ok()?.parse::<usize>().ok());
        let code = if is_complete_object(body) { number("code") } else { None };
        Outcomes::All(match (*status, code) {
            (200, Some(0)) => Outcome::Delivered,
            (200, Some(24 | 25)) => return Outcomes::Taken(Taken { words: reason, ..Taken::default() }),
            (400, Some(6 | 12 | 13 | 15)) => match number("invalid-event-number") {
                Some(wrong) if wrong < sent.count() => return one_is_wrong(wrong, reason, sent.count()),
                // A number beyond what was sent tells nothing.
                _ => Outcome::Bad(reason),
            },
            (400, Some(5 | 7 | 10 | 11 | 14 | 16 | 21 | 22)) => Outcome::Hold(reason),
            _ => from_status(*status, body)
                .unwrap_or_else(|| Outcome::Hold(unexpected(*status, "not Splunk's success", body))),
        })
    }
}

/// It reads event by event: those before the wrong one are taken in, and those behind it not read.
fn one_is_wrong(wrong: usize, reason: String, count: usize) -> Outcomes {
    let mut outcomes = vec![Outcome::Delivered; wrong];
    outcomes.push(Outcome::Bad(reason));
    outcomes.resize(count, Outcome::Unread);
    Outcomes::Each(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::tests::batch;
    use crate::destinations::Origin;
    use crate::destinations::tests::{pairs, read};
    use serde_json::{Value, json};

    fn splunk(origin: Origin, labels: &[&str]) -> Splunk {
        Splunk::new(&Settings { labels: pairs(labels), origin, ..Settings::default() })
    }

    fn plain() -> Splunk {
        splunk(Origin::default(), &[])
    }

    fn text(splunk: &Splunk, lines: &[&str]) -> String {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        let batch = batch(&lines);
        let all: Vec<usize> = (0..batch.len()).collect();
        let mut out = Vec::new();
        assert!(splunk.write(&batch, &all, &mut out).is_empty());
        String::from_utf8_lossy(&out).into_owned()
    }

    fn events(splunk: &Splunk, lines: &[&str]) -> Vec<Value> {
        serde_json::Deserializer::from_str(&text(splunk, lines)).into_iter().filter_map(Result::ok).collect()
    }

    #[test]
    fn events_stand_one_behind_the_other_each_with_its_time_and_origin() {
        let origin = Origin {
            host: Some("web-1".to_owned()),
            sourcetype: Some("nginx".to_owned()),
            index: Some("main".to_owned()),
            ..Origin::default()
        };
        let named = splunk(origin, &["env=prod"]);
        let record =
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/a.log","time":"2025-10-10T11:55:36.120Z","status":200}"#;
        assert_eq!(
            events(&named, &[record, "text"])[0],
            json!({"time": 1_760_097_336.12, "host": "web-1", "sourcetype": "nginx", "index": "main",
                "fields": {"env": "prod"}, "source": "/a.log",
                "event": {"file_path": "/a.log", "time": "2025-10-10T11:55:36.120Z", "status": 200}})
        );
        assert_eq!(events(&named, &[record, "text"])[1]["event"]["message"], "text");
        let named = splunk(Origin { source: Some("shop".to_owned()), ..Origin::default() }, &[]);
        assert_eq!(events(&named, &[record])[0]["source"], "shop");
    }

    #[test]
    fn seconds_have_the_digits_that_are_known_and_no_exponent() {
        for (time, seconds) in [
            ("2025-10-10T11:55:36Z", "1760097336"),
            ("2025-10-10T11:55:36.120Z", "1760097336.120"),
            ("2025-10-10T11:55:36.000000001Z", "1760097336.000000001"),
            ("1969-12-31T23:59:58.5Z", "-1.5"),
        ] {
            let line = json!({ "time": time }).to_string();
            assert!(text(&plain(), &[&line]).starts_with(&format!("{{\"time\":{seconds},")), "{time}");
        }
    }

    #[test]
    fn the_path_is_that_of_events_whichever_of_its_names_the_url_has() {
        for path in ["/", "", "/services/collector", "/services/collector/event", "/services/collector/event/1.0"] {
            assert_eq!(plain().path(path), "/services/collector/event", "{path}");
        }
        assert_eq!(plain().path("/splunk/"), "/splunk/services/collector/event");
    }

    #[test]
    fn a_channel_is_sent_where_one_is_named_and_the_token_has_splunks_word() {
        assert!(plain().headers().is_empty());
        assert_eq!(plain().token_header(), ("authorization", Some("Splunk")));
        let origin = Origin { channel: Some("0aeeac95-ac74-4aa9-b30d-6c4c0ac581ba".to_owned()), ..Origin::default() };
        let headers = splunk(origin, &[]).headers();
        assert_eq!(headers, [("x-splunk-request-channel", "0aeeac95-ac74-4aa9-b30d-6c4c0ac581ba".to_owned())]);
    }

    fn outcomes(status: u16, body: &str) -> Outcomes {
        read(&mut plain(), status, body, 4)
    }

    /// Each code that Splunk documents, with its status and words.
    const CODES: [(u16, u8, &str); 28] = [
        (200, 0, "Success"),
        (403, 1, "Token disabled"),
        (401, 2, "Token is required"),
        (401, 3, "Invalid authorization"),
        (403, 4, "Invalid token"),
        (400, 5, "No data"),
        (400, 6, "Invalid data format"),
        (400, 7, "Incorrect index"),
        (500, 8, "Internal server error"),
        (503, 9, "Server is busy"),
        (400, 10, "Data channel is missing"),
        (400, 11, "Invalid data channel"),
        (400, 12, "Event field is required"),
        (400, 13, "Event field cannot be blank"),
        (400, 14, "ACK is disabled"),
        (400, 15, "Error in handling indexed fields"),
        (400, 16, "Query string authorization is not enabled"),
        (200, 17, "HEC is healthy"),
        (503, 18, "HEC is unhealthy, queues are full"),
        (503, 19, "HEC is unhealthy, ack service unavailable"),
        (503, 20, "HEC is unhealthy, queues are full, ack service unavailable"),
        (400, 21, "Invalid token"),
        (400, 22, "Token disabled"),
        (503, 23, "Server is shutting down"),
        (200, 24, "HEC queue is approaching its capacity limit"),
        (200, 25, "HEC ACK is approaching its capacity limit"),
        (429, 26, "HEC queue is at capacity and cannot process any more requests"),
        (429, 27, "HEC ACK channel is at capacity and cannot process any more requests"),
    ];

    #[test]
    fn each_documented_code_means_what_the_table_says() {
        for (status, code, words) in CODES {
            let body = json!({"text": words, "code": code}).to_string();
            let got = outcomes(status, &body);
            let is_right = match code {
                0 => got == Outcomes::All(Outcome::Delivered),
                24 | 25 => matches!(&got, Outcomes::Taken(taken)
                    if taken.refused.is_empty() && taken.unnamed == 0 && taken.words.contains(words)),
                6 | 12 | 13 | 15 => matches!(got, Outcomes::All(Outcome::Bad(_))),
                8 | 9 | 18..=20 | 23 | 26 | 27 => matches!(got, Outcomes::All(Outcome::Again(_))),
                _ => matches!(&got, Outcomes::All(Outcome::Hold(reason)) if reason.contains(words)),
            };
            assert!(is_right, "{code}: {got:?}");
        }
    }

    #[test]
    fn of_a_named_event_those_before_it_are_taken_in_and_those_behind_it_are_sent_again() {
        for code in [6, 12, 13, 15] {
            let body = json!({"text": "x", "code": code, "invalid-event-number": 1}).to_string();
            let Outcomes::Each(each) = outcomes(400, &body) else { panic!("{code}: of all alike") };
            assert!(matches!(each.as_slice(), [Outcome::Delivered, Outcome::Bad(_), Outcome::Unread, Outcome::Unread]));
        }
        for number in ["4", "-1", "\"x\"", "null", "1e9"] {
            let body = format!(r#"{{"text":"x","code":6,"invalid-event-number":{number}}}"#);
            assert!(matches!(outcomes(400, &body), Outcomes::All(Outcome::Bad(_))), "{number}");
        }
    }

    #[test]
    fn what_is_not_splunks_success_is_none() {
        for (status, body) in [
            (200, ""),
            (200, "<html>"),
            (200, r#"{"text":"Success"}"#),
            (200, r#"{"code":99}"#),
            (200, r#"{"code":0"#),
            (201, r#"{"code":0}"#),
            (404, r#"{"text":"The requested URL was not found on this server.","code":404}"#),
        ] {
            assert!(matches!(outcomes(status, body), Outcomes::All(Outcome::Hold(_))), "{status} {body}");
        }
        assert!(matches!(outcomes(413, ""), Outcomes::All(Outcome::TooLarge(_))));
        assert!(matches!(outcomes(503, "<html>"), Outcomes::All(Outcome::Again(_))));
    }
}
