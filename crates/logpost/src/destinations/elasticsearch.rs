//! Elasticsearch and OpenSearch: the bulk endpoint, whose 200 says nothing until each item has been read.
//!
//! | item | means |
//! |---|---|
//! | 200, 201 | stored |
//! | 409 | the id is there: the same bytes of the same file, delivered before |
//! | 429, 5xx | that item again |
//! | 403, 404, 400 of an index that is closed, cannot be made, or forbids the operation | the index, not the document: hold |
//! | other 400, 413 | this document is refused |

use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;
use logline::ending::Trouble;
use logline::json;
use logline::position::{Fid, Position, hex};
use memchr::memmem;

use crate::batch::Batch;
use crate::destinations::{Destination, LeftOut, Sent};
use crate::document::{Fields, Stamp, Template};
use crate::outcome::{Answer, Outcome, Outcomes, from_status, unexpected};

/// A 400 of these is not about the document: the index is closed, there are too many shards to make it, or its name is none.
const OF_THE_INDEX: [&str; 3] = ["index_closed_exception", "validation_exception", "invalid_index_name_exception"];
/// Nor is an `illegal_argument_exception` with one of these words: a data stream forbids the operation, an alias does not
/// say where to write, an ingest pipeline is missing.
const CAUSES: [&str; 3] =
    ["only write ops with an op_type of create", "no write index is defined", "pipeline with id ["];

/// How old a record may be to go to the index of its day, if the user does not say otherwise.
pub const DEFAULT_WINDOW: Duration = Duration::from_secs(30 * 24 * 3600);
/// How far ahead of the clock it may be.
const AHEAD: Duration = Duration::from_secs(24 * 3600);

/// The bulk endpoint.
#[derive(Debug)]
pub struct Elasticsearch {
    /// The index by event time; `None` where the URL names it.
    pub index: Option<String>,
    /// How old a record may be to go to that index; `None` for any time. Others go to one index with `other` in place of
    /// the date, for a broken or hostile clock must not make thousands of indices, and a record that comes again must
    /// still meet its id.
    pub window: Option<Duration>,
    /// Whether the id is the record's identity.
    pub with_id: bool,
    /// What its documents are made like.
    pub template: Template,
}

impl Destination for Elasticsearch {
    fn path(&self, path: &str) -> String {
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix("/_bulk").unwrap_or(path);
        format!("{path}/_bulk?filter_path=errors,items.*.status,items.*.error")
    }

    fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn is_additive(&self) -> bool {
        true
    }

    fn write(&self, batch: &Batch, records: &[usize], out: &mut Vec<u8>) -> Vec<LeftOut> {
        let mut fields = Fields::default();
        let mut actions = Actions::new(self.index.as_deref(), self.window, Timestamp::now());
        for record in records {
            let position = batch.position(*record).filter(|_| self.with_id);
            let is_written = batch.untagged(*record).is_some_and(|line| {
                self.template.write_parsed(out, line, |out, time| actions.write(out, time, position.as_ref()))
            });
            if !is_written {
                batch.read_fields(*record, &mut fields);
                let read_at = batch.read_at.as_bytes();
                actions.write(out, fields.time.as_ref().map_or(read_at, Stamp::bytes), position.as_ref());
                self.template.write_fields(out, &fields, read_at);
            }
            out.push(b'\n');
        }
        Vec::new()
    }

    fn read(&mut self, answer: &Answer, sent: &Sent<'_>) -> Outcomes {
        let Answer { status, body, .. } = answer;
        if *status == 200 {
            return read_items(body, sent.count());
        }
        let said = error_in(body);
        Outcomes::All(match from_status(*status, &said) {
            // Elasticsearch answers to every request of this kind, even to one that it does not take.
            Some(Outcome::Hold(_)) if matches!(status, 404 | 405) && !has_error(body) => {
                Outcome::Hold(unexpected(*status, "no answer of Elasticsearch (is the URL right?)", &said))
            }
            Some(outcome) => outcome,
            None => Outcome::Hold(not_bulk(*status, &said)),
        })
    }
}

/// What is said of a success that is no answer to a bulk request.
fn not_bulk(status: u16, body: &[u8]) -> String {
    unexpected(status, "no bulk answer, so this is not Elasticsearch or OpenSearch", body)
}

fn has_error(body: &[u8]) -> bool {
    json::is_valid_object(body) && json::member(body, "error").is_some()
}

/// What stands first in a message: the type and the reason, where the body tells them.
fn error_in(body: &[u8]) -> Cow<'_, [u8]> {
    let answer: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let text = |key| answer.as_ref()?.get("error")?.get(key)?.as_str();
    let whole = answer.as_ref().and_then(|answer| answer.get("error")?.as_str());
    match (text("type"), text("reason")) {
        (Some(kind), Some(cause)) => Cow::Owned(format!("{kind}: {cause}").into_bytes()),
        _ if whole.is_some() => Cow::Owned(whole.unwrap_or_default().as_bytes().to_vec()),
        _ => Cow::Borrowed(body),
    }
}

/// Which index each record names: the option's, or the default where the URL names none.
pub fn index(option: Option<&str>, path: &str) -> Result<Option<String>, Trouble> {
    let Some(pattern) = option else {
        let path = path.trim_end_matches('/');
        let is_named = !path.strip_suffix("/_bulk").unwrap_or(path).is_empty();
        return Ok((!is_named).then(|| "logpipe-%Y.%m.%d".to_owned()));
    };
    let fault = |cause: &str| Trouble::new(format_args!("--index: {pattern}"), cause);
    let name = ["%Y", "%m", "%d", "%H"].iter().fold(pattern.to_owned(), |name, part| name.replace(part, "0"));
    if name.contains('%') {
        return Err(fault("unknown after %, expected %Y, %m, %d or %H"));
    }
    let is_forbidden = |letter: char| letter.is_uppercase() || letter.is_control() || "\\/*?\"<>| ,#:".contains(letter);
    if name.is_empty() || name.starts_with(['-', '_', '+', '.']) || name.chars().any(is_forbidden) {
        return Err(fault("no index can have this name, expected lower case, none of \\/*?\"<>|,#: and no -_+. first"));
    }
    Ok(Some(pattern.to_owned()))
}

/// With what an action begins.
const BEGIN: &[u8] = br#"{"create":{"#;

/// The actions in front of documents, `{"create":{"_index":"…","_id":"…"}}`, with what there is of the two. Neighbours mostly
/// share their index and the beginning of their ids.
struct Actions<'a> {
    /// `None` where the URL names the index.
    pattern: Option<&'a str>,
    /// The first and the last hour that have an index of their own, as `2025-10-10T13`; `None` where all have.
    window: Option<[String; 2]>,
    /// The date and hour of the last record, and what it was read from.
    last: Option<(Option<[u8; 13]>, Option<Fid>)>,
    /// What its action had in front of what is its alone.
    begin: Vec<u8>,
    /// Where it ended, and the digits of that: the next one mostly begins there.
    end: (u64, [u8; 16]),
}

impl<'a> Actions<'a> {
    fn new(pattern: Option<&'a str>, window: Option<Duration>, now: Timestamp) -> Self {
        let hour = |time: Option<Timestamp>, limit: &str| {
            time.map_or_else(|| limit.to_owned(), |time| time.strftime("%Y-%m-%dT%H").to_string())
        };
        let window = window.filter(|_| pattern.is_some()).map(|back| {
            [hour(now.checked_sub(back).ok(), "0000-01-01T00"), hour(now.checked_add(AHEAD).ok(), "9999-12-31T23")]
        });
        Self { pattern, window, last: None, begin: Vec::new(), end: (0, hex(0)) }
    }

    /// Appends the action of a record: the index is that of its time in UTC, the id that of its position.
    fn write(&mut self, out: &mut Vec<u8>, time: &[u8], position: Option<&Position>) {
        let hour = time.first_chunk().copied().filter(|_| self.pattern.is_some());
        let fid = position.map(|position| position.fid);
        if self.last != Some((hour, fid)) {
            self.last = Some((hour, fid));
            self.begin_anew(hour, fid);
        }
        out.extend_from_slice(&self.begin);
        match position {
            Some(position) => out.extend_from_slice(&self.range(position)),
            None => out.extend_from_slice(b"}}\n"),
        }
    }

    /// The end of an action with the id `fid-start-end`, both numbers as 12 hexadecimal digits: ids rise with the file and share
    /// prefixes. Never to be changed.
    fn range(&mut self, position: &Position) -> [u8; 30] {
        let mut end = *b"-0123456789ab-0123456789ab\"}}\n";
        let digits = if position.start == self.end.0 { self.end.1 } else { hex(position.start) };
        end[1..13].copy_from_slice(&digits[4..]);
        self.end = (position.end, hex(position.end));
        end[14..26].copy_from_slice(&self.end.1[4..]);
        end
    }

    /// `%Y`, `%m`, `%d`, `%H` in the name of the index stand for the parts of the hour.
    #[cold]
    fn begin_anew(&mut self, hour: Option<[u8; 13]>, fid: Option<Fid>) {
        self.begin = BEGIN.to_vec();
        if let Some(pattern) = self.pattern {
            let hour = hour.unwrap_or_default();
            let hour = String::from_utf8_lossy(&hour);
            let name = if self.is_outside(&hour) { other(pattern) } else { dated(pattern, &hour) };
            self.begin.extend_from_slice(b"\"_index\":");
            json::write_string(&mut self.begin, name.as_bytes());
        }
        if let Some(fid) = fid {
            self.begin.extend_from_slice(if self.pattern.is_some() { b",\"_id\":\"" } else { b"\"_id\":\"" });
            fid.write(&mut self.begin);
        }
    }

    /// Whether an hour is outside of the window, or none at all: what only has the form of a time comes here, too.
    fn is_outside(&self, hour: &str) -> bool {
        let Some([first, last]) = &self.window else { return false };
        let part = |range: Range<usize>| hour.get(range).and_then(|text| text.parse::<u8>().ok());
        let is_one = part(5..7).is_some_and(|month| (1..=12).contains(&month))
            && part(8..10).is_some_and(|day| (1..=31).contains(&day))
            && part(11..13).is_some_and(|hour| hour < 24);
        !is_one || hour < first.as_str() || hour > last.as_str()
    }
}

fn dated(pattern: &str, hour: &str) -> String {
    let part = |range: Range<usize>| hour.get(range).unwrap_or_default();
    let name = pattern.replace("%Y", part(0..4)).replace("%m", part(5..7)).replace("%d", part(8..10));
    name.replace("%H", part(11..13))
}

/// The pattern with `other` in place of its date: from its first `%` to behind its last letter.
fn other(pattern: &str) -> String {
    match (pattern.find('%'), pattern.rfind('%')) {
        (Some(first), Some(last)) => {
            format!("{}other{}", &pattern[..first], pattern.get(last + 2..).unwrap_or_default())
        }
        _ => pattern.to_owned(),
    }
}

/// A body that does not parse, or has not as many items as were sent, says nothing: it is sent again, which ids make
/// harmless.
fn read_items(body: &[u8], count: usize) -> Outcomes {
    if is_all_stored(body, count) {
        return Outcomes::All(Outcome::Delivered);
    }
    if !json::is_valid_object(body) {
        let is_bulk = [&b"{\"errors\":"[..], b"{\"took\":", b"{\"items\":"].iter().any(|head| body.starts_with(head));
        return Outcomes::All(if is_bulk {
            Outcome::Again("200 with a bulk answer that is broken off".to_owned())
        } else {
            Outcome::Hold(not_bulk(200, body))
        });
    }
    let Some(items) = json::member(body, "items").filter(|items| items.first() == Some(&b'[')) else {
        return Outcomes::All(Outcome::Hold(not_bulk(200, body)));
    };
    let outcomes: Vec<Outcome> = elements(items).map(read_item).collect();
    if outcomes.len() == count {
        return Outcomes::Each(outcomes);
    }
    Outcomes::All(Outcome::Again(format!("200 with {} items for {count} records", outcomes.len())))
}

/// The elements of a valid array, one after the other: a tree of all would take ten times its memory.
fn elements(array: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = &array[1..];
    std::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
        let (element, behind) = rest.split_at_checked(json::value_length(rest)?)?;
        rest = behind;
        Some(element)
    })
}

/// The answer to most requests has one text, so that it need not be read into a tree.
fn is_all_stored(body: &[u8], count: usize) -> bool {
    const ITEM: &[u8] = b"{\"create\":{\"status\":201}}";
    let start = memmem::find(&body[..body.len().min(64)], b"\"errors\":false,\"items\":[").map(|at| at + 24);
    let items = start.map_or(&[][..], |start| &body[start..]);
    let Some(items) = items.strip_suffix(b"]}") else { return false };
    // Each item with its comma, the last without.
    let stored = items.chunks(ITEM.len() + 1).filter(|item| item.strip_suffix(b",").unwrap_or(item) == ITEM).count();
    count > 0 && stored == count && items.len() == count * (ITEM.len() + 1) - 1
}

fn read_item(item: &[u8]) -> Outcome {
    let item: serde_json::Value = serde_json::from_slice(item).unwrap_or_default();
    let inner = item.as_object().and_then(|item| item.values().next());
    let Some(status) = inner.and_then(|inner| inner.get("status")).and_then(serde_json::Value::as_u64) else {
        return Outcome::Again("200 with an item that has no status".to_owned());
    };
    let error = inner.and_then(|inner| inner.get("error"));
    let text = |key| error.and_then(|error| error.get(key)).and_then(serde_json::Value::as_str).unwrap_or_default();
    // Old servers have a text where newer ones have an object.
    let cause = error.and_then(serde_json::Value::as_str).unwrap_or(text("reason"));
    let kind = text("type");
    let reason = || match (kind, cause) {
        ("", "") => format!("{status}"),
        ("", cause) => format!("{status} {cause}"),
        _ => format!("{status} {kind}: {cause}"),
    };
    let is_index = OF_THE_INDEX.contains(&kind)
        || kind == "illegal_argument_exception" && CAUSES.iter().any(|text| cause.contains(text));
    match status {
        200 | 201 => Outcome::Delivered,
        409 => Outcome::Known,
        429 | 500..=599 => Outcome::Again(reason()),
        400 | 413 if !is_index => Outcome::Refused(reason()),
        _ => Outcome::Hold(reason()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::destinations::tests::read;

    fn outcomes(body: &str, count: usize) -> Outcomes {
        read(&mut destination(), 200, body, count)
    }

    fn destination() -> Elasticsearch {
        Elasticsearch { index: None, window: None, with_id: true, template: Template::new("@timestamp", []) }
    }

    fn item(status: u16, kind: &str, cause: &str) -> Outcome {
        let body = format!(
            r#"{{"errors":true,"items":[{{"create":{{"status":{status},"error":{{"type":"{kind}","reason":"{cause}"}}}}}}]}}"#
        );
        match outcomes(&body, 1) {
            Outcomes::Each(outcomes) => outcomes[0].clone(),
            Outcomes::All(outcome) => outcome,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_item_has_its_own_verdict() {
        assert_eq!(item(201, "", ""), Outcome::Delivered);
        assert_eq!(item(409, "version_conflict_engine_exception", ""), Outcome::Known);
        assert!(matches!(item(429, "es_rejected_execution_exception", "busy"), Outcome::Again(_)));
        assert!(matches!(item(503, "unavailable_shards_exception", ""), Outcome::Again(_)));
        assert!(
            matches!(item(400, "mapper_parsing_exception", "bad"), Outcome::Refused(why) if why == "400 mapper_parsing_exception: bad")
        );
        for (kind, cause) in [
            ("index_closed_exception", "closed"),
            ("validation_exception", "this action would add [2] total shards, but this cluster currently has [1000]"),
            ("invalid_index_name_exception", "must be lowercase"),
            ("illegal_argument_exception", "no write index is defined for alias [x]"),
            ("illegal_argument_exception", "pipeline with id [x] does not exist"),
        ] {
            assert!(matches!(item(400, kind, cause), Outcome::Hold(_)), "{kind}: {cause}");
        }
        assert!(matches!(item(400, "illegal_argument_exception", "immense term"), Outcome::Refused(_)));
        assert!(matches!(item(403, "cluster_block_exception", "write"), Outcome::Hold(_)));
        assert!(matches!(item(413, "too_large", "it is"), Outcome::Refused(_)));
        assert!(matches!(item(404, "index_not_found_exception", ""), Outcome::Hold(_)));
    }

    #[test]
    fn an_answer_to_the_whole_request_is_said_by_its_type_and_reason() {
        let body = r#"{"error":{"root_cause":[{"type":"x"}],"type":"security_exception","reason":"no such user"},"status":401}"#;
        assert_eq!(error_in(body.as_bytes()).as_ref(), b"security_exception: no such user");
        assert_eq!(error_in(br#"{"error":"no handler"}"#).as_ref(), b"no handler");
        for body in ["<html>no</html>", ""] {
            assert_eq!(error_in(body.as_bytes()).as_ref(), body.as_bytes());
        }
    }

    #[test]
    fn where_all_is_stored_nothing_else_is_read() {
        let body = r#"{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}"#;
        assert_eq!(outcomes(body, 2), Outcomes::All(Outcome::Delivered));
        for (body, count) in [
            (body.to_owned(), 1),
            (body.to_owned(), 3),
            (body[..body.len() - 1].to_owned(), 2),
            (body.replacen("201", "409", 1), 2),
            (body.replace("false", "true"), 2),
            (body.replace("}},", "}};"), 2),
            (r#"{"errors":false,"items":[]}"#.to_owned(), 0),
        ] {
            assert!(!is_all_stored(body.as_bytes(), count), "{body}");
        }
    }

    #[test]
    fn an_answer_that_cannot_be_read_says_nothing() {
        for body in [r#"{"errors":fal"#, r#"{"items":[]}"#, r#"{"items":[{"create":{"status":201}}]}"#] {
            assert!(matches!(outcomes(body, 2), Outcomes::All(Outcome::Again(_))), "{body}");
        }
        for body in [r#"{"items":[{"create":{}}]}"#, r#"{"items":[5]}"#, r#"{"items":[{"create":{"status":"201"}}]}"#] {
            assert_eq!(
                outcomes(body, 1),
                Outcomes::Each(vec![Outcome::Again("200 with an item that has no status".to_owned())])
            );
        }
    }

    #[test]
    fn a_server_that_is_no_elasticsearch_is_told_so_and_nothing_is_dropped() {
        for body in ["", "{", "[]", "{}", "<html><title>Welcome</title></html>", r#"{"items":5}"#] {
            let Outcomes::All(Outcome::Hold(words)) = outcomes(body, 2) else { panic!("{body}") };
            assert!(words.contains("no bulk answer, so this is not Elasticsearch"), "{words}");
        }
        let read = |status, body| match read(&mut destination(), status, body, 1) {
            Outcomes::All(Outcome::Hold(words)) => words,
            other => panic!("{other:?}"),
        };
        assert!(read(204, "").contains("no bulk answer"));
        assert!(read(404, "<title>404 Not Found</title>").contains("no answer of Elasticsearch"));
        let missing = r#"{"error":{"type":"index_not_found_exception","reason":"no such index [x]"},"status":404}"#;
        assert_eq!(read(404, missing), "404 index_not_found_exception: no such index [x]");
        assert_eq!(read(405, r#"{"error":"Incorrect HTTP method"}"#), "405 Incorrect HTTP method");
    }

    #[test]
    fn an_error_that_is_text_is_the_reason() {
        let body = r#"{"errors":true,"items":[{"create":{"status":400,"error":"MapperParsingException[failed]"}}]}"#;
        let refused = Outcome::Refused("400 MapperParsingException[failed]".to_owned());
        assert_eq!(outcomes(body, 1), Outcomes::Each(vec![refused]));
    }

    #[test]
    fn only_times_within_the_window_have_an_index_of_their_own() {
        let now: Timestamp = "2026-11-29T10:00:00Z".parse().unwrap();
        let named = |pattern: &str, time: &str| {
            let mut out = Vec::new();
            Actions::new(Some(pattern), Some(DEFAULT_WINDOW), now).write(&mut out, time.as_bytes(), None);
            let action: serde_json::Value = serde_json::from_slice(&out).unwrap();
            action["create"]["_index"].as_str().unwrap().to_owned()
        };
        for (time, index) in [
            ("2026-11-29T10:00:00Z", "logpipe-2026.11.29"),
            ("2026-10-30T10:00:00Z", "logpipe-2026.10.30"),
            ("2026-10-30T09:59:59Z", "logpipe-other"),
            ("2026-11-30T10:59:59Z", "logpipe-2026.11.30"),
            ("2026-11-30T11:00:00Z", "logpipe-other"),
            ("1970-01-01T00:00:00Z", "logpipe-other"),
            ("9999-12-31T23:59:59Z", "logpipe-other"),
            ("-0001-11-29T10:00:00Z", "logpipe-other"),
            ("2026-11-77T10:00:00Z", "logpipe-other"),
            ("2026-11-00T10:00:00Z", "logpipe-other"),
            ("2026-11-10T99:00:00Z", "logpipe-other"),
        ] {
            assert_eq!(named("logpipe-%Y.%m.%d", time), index, "{time}");
        }
        assert_eq!(named("%Y-%m-nginx", "1970-01-01T00:00:00Z"), "other-nginx");
        assert_eq!(named("a-%Y.%m.%d.%H", "1970-01-01T00:00:00Z"), "a-other");
        assert_eq!(named("logs-nginx-default", "1970-01-01T00:00:00Z"), "logs-nginx-default");
        let (mut any, mut out) = (Actions::new(Some("l-%Y"), None, now), Vec::new());
        any.write(&mut out, b"1970-01-01T00:00:00Z", None);
        assert_eq!(out, b"{\"create\":{\"_index\":\"l-1970\"}}\n");
    }

    #[test]
    fn the_index_is_the_options_then_the_urls_then_one_a_day() {
        let of = |option, path| index(option, path).unwrap();
        assert_eq!(of(None, "/").as_deref(), Some("logpipe-%Y.%m.%d"));
        assert_eq!(of(None, "/_bulk").as_deref(), Some("logpipe-%Y.%m.%d"));
        assert_eq!(of(None, "/nginx"), None);
        assert_eq!(of(Some("logs-nginx-default"), "/").as_deref(), Some("logs-nginx-default"));
        assert_eq!(of(Some("a"), "/behind/a/proxy").as_deref(), Some("a"));
        for name in ["", "Logs", "a-%y", "a b", "-a", "%", "a/b"] {
            assert!(index(Some(name), "/").unwrap_err().to_string().contains("expected"), "{name}");
        }
    }

    #[test]
    fn the_id_is_the_identity_and_the_index_that_of_the_event_whatever_came_before() {
        let [here, there] =
            ["3f2a00c4d1e0b7a9:16-255@0p", "00000000000000a1:0-16"].map(|text| Position::parse(text.as_bytes()));
        for pattern in [Some("logs-%Y.%m.%d"), None] {
            let mut actions = Actions::new(pattern, None, Timestamp::now());
            for (time, day) in [("2025-10-10T13:55:36", "2025.10.10"), ("2025-10-11T13:55:36", "2025.10.11")] {
                for (position, id) in [
                    (here, "3f2a00c4d1e0b7a9-000000000010-0000000000ff"),
                    (here, "3f2a00c4d1e0b7a9-000000000010-0000000000ff"),
                    (there, "00000000000000a1-000000000000-000000000010"),
                    (None, ""),
                ] {
                    let index = pattern.map(|_| format!("\"_index\":\"logs-{day}\""));
                    let id = position.map(|_| format!("\"_id\":\"{id}\""));
                    let both: Vec<String> = index.into_iter().chain(id).collect();
                    let mut out = Vec::new();
                    actions.write(&mut out, time.as_bytes(), position.as_ref());
                    let expected = format!("{{\"create\":{{{}}}}}\n", both.join(","));
                    assert_eq!(String::from_utf8(out).unwrap(), expected);
                }
            }
        }
    }
}
