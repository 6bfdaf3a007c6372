//! Elasticsearch and OpenSearch: the bulk endpoint, whose 200 says nothing until each item has been read.
//!
//! | item | means |
//! |---|---|
//! | 200, 201 | stored |
//! | 409 | the id is there: the same bytes of the same file, delivered before |
//! | 429, 5xx | that item again |
//! | 403, 404, 400 of an index that is closed, cannot be made, or forbids the operation | the index, not the document: hold |
//! | other 400 | this document is refused |

use std::borrow::Cow;

use logline::ending::Trouble;
use logline::json;
use logline::position::{Position, hex};
use memchr::memmem;

use crate::batch::Batch;
use crate::destinations::{Destination, LeftOut, Sent};
use crate::document::{Fields, Form, Headed};
use crate::outcome::{Answer, Outcome, Outcomes, from_status, reason};

/// A 400 of these is not about the document: the index is closed, there are too many shards to make it, or its name is none.
const OF_THE_INDEX: [&str; 3] = ["index_closed_exception", "validation_exception", "invalid_index_name_exception"];
/// Nor is an `illegal_argument_exception` with one of these words: a data stream forbids the operation, an alias does not
/// say where to write, an ingest pipeline is missing.
const CAUSES: [&str; 3] =
    ["only write ops with an op_type of create", "no write index is defined", "pipeline with id ["];

/// See the page of the module.
#[derive(Debug)]
pub struct Elasticsearch {
    /// The index by event time; `None` where the URL names it.
    pub index: Option<String>,
    /// Whether the id is the record's identity.
    pub with_id: bool,
    /// What its documents are made like.
    pub form: Form,
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
        let suspects = self.form.suspects(batch, records);
        let mut index = Index { pattern: self.index.as_deref(), hour: Vec::new(), json: Vec::new() };
        for record in records {
            let position = batch.position(*record).filter(|_| self.with_id);
            if let Some(headed) = batch.untagged(*record).and_then(|line| Headed::parse(line, &suspects)) {
                write_action(out, index.of(headed.time), position.as_ref());
                self.form.write_headed(out, &headed);
            } else {
                let fields = Fields::read(batch, *record);
                let time = fields.time.as_ref().map_or(&batch.read_at, |time| &time.text);
                write_action(out, index.of(time.as_bytes()), position.as_ref());
                self.form.write_fields(out, &fields, &batch.read_at);
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
        Outcomes::All(from_status(*status, &said).unwrap_or_else(|| Outcome::Hold(reason(*status, &said))))
    }
}

/// What stands first in a message: the type and the reason, where the body tells them.
fn error_in(body: &[u8]) -> Cow<'_, [u8]> {
    let answer: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let text = |key| answer.as_ref()?.get("error")?.get(key)?.as_str();
    match (text("type"), text("reason")) {
        (Some(kind), Some(cause)) => Cow::Owned(format!("{kind}: {cause}").into_bytes()),
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

fn write_action(out: &mut Vec<u8>, index: &[u8], position: Option<&Position>) {
    out.extend_from_slice(b"{\"create\":{");
    out.extend_from_slice(index);
    if let Some(position) = position {
        if !index.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(b"\"_id\":\"");
        out.extend_from_slice(&id(position));
        out.push(b'"');
    }
    out.extend_from_slice(b"}}\n");
}

/// `fid-start-end`, both numbers as 12 hexadecimal digits: ids rise with the file and share prefixes. Never to be changed.
fn id(position: &Position) -> [u8; 42] {
    let mut id = [b'-'; 42];
    id[..16].copy_from_slice(&hex(position.fid.0));
    id[17..29].copy_from_slice(&hex(position.start)[4..]);
    id[30..].copy_from_slice(&hex(position.end)[4..]);
    id
}

/// The index of a record as a member of its action; neighbours mostly share it.
struct Index<'a> {
    /// `None` where the URL names the index.
    pattern: Option<&'a str>,
    /// The date and hour of the last.
    hour: Vec<u8>,
    json: Vec<u8>,
}

impl Index<'_> {
    /// Of a time in UTC: `%Y`, `%m`, `%d`, `%H` stand for its parts.
    fn of(&mut self, time: &[u8]) -> &[u8] {
        let Some(pattern) = self.pattern else { return b"" };
        let hour = &time[..time.len().min(13)];
        if self.hour != hour {
            self.hour = hour.to_vec();
            let hour = String::from_utf8_lossy(hour);
            let part = |range: std::ops::Range<usize>| hour.get(range).unwrap_or_default();
            let name = pattern.replace("%Y", part(0..4)).replace("%m", part(5..7)).replace("%d", part(8..10));
            self.json = b"\"_index\":".to_vec();
            json::write_string(&mut self.json, name.replace("%H", part(11..13)).as_bytes());
        }
        &self.json
    }
}

/// A body that does not parse, or has not as many items as were sent, says nothing: it is sent again, which ids make
/// harmless.
fn read_items(body: &[u8], count: usize) -> Outcomes {
    if is_all_stored(body, count) {
        return Outcomes::All(Outcome::Delivered);
    }
    if !json::is_valid_object(body) {
        return Outcomes::All(Outcome::Again("200 with an answer that is no JSON".to_owned()));
    }
    let items = json::member(body, "items").filter(|items| items.first() == Some(&b'['));
    let outcomes: Vec<Outcome> = items.map_or_else(Vec::new, |items| elements(items).map(read_item).collect());
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
    let status = inner.and_then(|inner| inner.get("status")).and_then(serde_json::Value::as_u64).unwrap_or(0);
    let error = inner.and_then(|inner| inner.get("error"));
    let text = |key| error.and_then(|error| error.get(key)).and_then(serde_json::Value::as_str).unwrap_or_default();
    let (kind, cause) = (text("type"), text("reason"));
    let reason = || format!("{status} {kind}: {cause}");
    let is_index = OF_THE_INDEX.contains(&kind)
        || kind == "illegal_argument_exception" && CAUSES.iter().any(|text| cause.contains(text));
    match status {
        200 | 201 => Outcome::Delivered,
        409 => Outcome::Known,
        429 | 500..=599 => Outcome::Again(reason()),
        400 if !is_index => Outcome::Refused(reason()),
        _ => Outcome::Hold(reason()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::destinations::tests::read;

    fn outcomes(body: &str, count: usize) -> Outcomes {
        let form = Form::new("@timestamp", []);
        read(&mut Elasticsearch { index: None, with_id: true, form }, 200, body, count)
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
        assert!(matches!(item(404, "index_not_found_exception", ""), Outcome::Hold(_)));
    }

    #[test]
    fn an_answer_to_the_whole_request_is_said_by_its_type_and_reason() {
        let body = r#"{"error":{"root_cause":[{"type":"x"}],"type":"security_exception","reason":"no such user"},"status":401}"#;
        assert_eq!(error_in(body.as_bytes()).as_ref(), b"security_exception: no such user");
        for body in ["<html>no</html>", "{\"error\":\"no handler\"}", ""] {
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
        for body in ["", "{", "[]", "{}", r#"{"items":[]}"#, r#"{"items":[{"create":{"status":201}}]}"#] {
            assert!(matches!(outcomes(body, 2), Outcomes::All(Outcome::Again(_))), "{body}");
        }
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
    fn the_id_is_the_identity_and_the_index_that_of_the_event() {
        let position = Position::parse(b"3f2a00c4d1e0b7a9:16-255@0p").unwrap();
        let mut out = Vec::new();
        let mut index = Index { pattern: Some("logs-%Y.%m.%d"), hour: Vec::new(), json: Vec::new() };
        write_action(&mut out, index.of(b"2025-10-10T13:55:36Z"), Some(&position));
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"create\":{\"_index\":\"logs-2025.10.10\",\"_id\":\"3f2a00c4d1e0b7a9-000000000010-0000000000ff\"}}\n"
        );
    }
}
