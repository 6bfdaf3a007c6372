//! A record as the destinations store it: `_pos` is not sent, `_file` becomes `file_path`, the time gets the destination's
//! own key. What logparse wrote has a fixed head and is copied in slices ([`parsed`]); anything else is read member by
//! member ([`fields`]).
//!
//! No document has two equal keys, and no value is lost for it: a key of the record that is the name of something we write
//! ourselves gets an underscore at its end.

mod fields;
mod parsed;
mod stamp;

use std::cell::RefCell;

use logline::json::{Member, write_string};
use logline::names::is_reserved;
use memchr::memmem::Finder;

use crate::document::parsed::Last;

pub use fields::{Fields, Shape, text};
pub use parsed::Quoted;
pub use stamp::Stamp;

/// `_file` under the name that it is stored under: an object `file` or `log` would clash with texts of that name.
const FILE: &[u8] = b"file_path";

/// One of 64 classes of names, as a bit.
const fn class(name: &[u8]) -> u64 {
    let first = if name.is_empty() { 0 } else { name[0] as usize };
    1 << ((first + 5 * name.len()) % 64)
}

/// What the documents of one destination have in common: the names of time and message, what is added to each, and the
/// names that only we may write.
#[derive(Debug)]
pub struct Template {
    time: &'static str,
    message: Option<&'static str>,
    /// Members of every document, each with its comma: `,"env":"prod"`.
    added: Vec<u8>,
    /// Names that only we may write.
    ours: Vec<Vec<u8>>,
    /// Those names and `file_path` in their quotes, to be looked for in what is copied.
    finders: Vec<Finder<'static>>,
    /// Their classes.
    classes: u64,
    /// What is known of records of logparse.
    last: RefCell<Last>,
}

impl Template {
    /// With the time under `time`, and these pairs of names and values in every document.
    pub fn new<'a>(time: &'static str, added: impl IntoIterator<Item = &'a (String, String)>) -> Self {
        let mut template = Self {
            time,
            message: None,
            added: Vec::new(),
            ours: Vec::new(),
            finders: Vec::new(),
            classes: class(FILE),
            last: RefCell::default(),
        };
        template.reserve(time);
        template.finders.push(finder(FILE));
        for (name, value) in added {
            template.reserve(name);
            template.added.push(b',');
            write_string(&mut template.added, name.as_bytes());
            template.added.push(b':');
            write_string(&mut template.added, value.as_bytes());
        }
        template
    }

    /// And the message, under whichever of its names it came, under `message`.
    #[must_use]
    pub fn with_message(mut self, message: &'static str) -> Self {
        self.reserve(message);
        self.message = Some(message);
        self
    }

    /// And this name in no document, for the server has a meaning of its own for it.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.reserve(name);
        self
    }

    fn reserve(&mut self, name: &str) {
        self.ours.push(name.as_bytes().to_vec());
        self.classes |= class(name.as_bytes());
        self.finders.push(finder(name.as_bytes()));
    }

    /// Whether a record cannot keep a key of this name, which needs no escaping, beside what is written for it.
    fn takes(&self, key: &[u8]) -> bool {
        self.classes & class(key) != 0 && (key == FILE || self.ours.iter().any(|ours| ours == key))
    }

    fn is_ours(&self, member: &Member<'_>, has_escapes: bool) -> bool {
        if has_escapes {
            return self.ours.iter().any(|ours| member.is(ours));
        }
        self.classes & class(member.key) != 0 && self.ours.iter().any(|ours| ours == member.key)
    }

    /// Appends the document of any record; `now` is the time of one that has none.
    pub fn write_fields(&self, out: &mut Vec<u8>, fields: &Fields<'_>, now: &[u8]) {
        out.push(b'{');
        if fields.has_file() {
            out.extend_from_slice(b"\"file_path\":");
            fields.write_file(out);
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(self.time.as_bytes());
        out.extend_from_slice(b"\":\"");
        out.extend_from_slice(fields.time.as_ref().map_or(now, Stamp::bytes));
        out.push(b'"');
        if let Some(key) = self.message
            && fields.has_message()
        {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b"\":");
            fields.write_message(out);
        } else if fields.is_text() {
            out.extend_from_slice(b",\"message\":");
            fields.write_message(out);
        }
        // Mostly all else is left as it is.
        if let Some((rest, members)) = fields.plain_rest()
            && !(self.message.is_some() && fields.has_message_member())
            && !members.iter().any(|member| self.takes(member.key))
        {
            out.extend_from_slice(rest);
            out.extend_from_slice(&self.added);
            return out.push(b'}');
        }
        for (at, member) in fields.members().iter().enumerate() {
            if fields.is_time(at) || fields.is_file(member.key) || (self.message.is_some() && fields.is_message(at)) {
                continue;
            }
            out.extend_from_slice(b",\"");
            out.extend_from_slice(member.key);
            let is_taken = self.is_ours(member, fields.has_escapes())
                || (fields.has_file() && member.key == FILE)
                || (fields.is_tagged() && is_reserved(member.key));
            out.extend_from_slice(if is_taken { b"_\":" } else { b"\":" });
            out.extend_from_slice(member.value);
        }
        for (is_set, name) in fields.flags() {
            if is_set {
                out.extend_from_slice(b",\"");
                out.extend_from_slice(name);
                out.extend_from_slice(b"\":true");
            }
        }
        out.extend_from_slice(&self.added);
        out.push(b'}');
    }
}

fn finder(name: &[u8]) -> Finder<'static> {
    Finder::new(&[b"\"", name, b"\""].concat()).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use logline::line::{Item, classify};
    use serde_json::{Value, json};

    const NOW: &str = "2026-11-24T00:00:00Z";

    fn pairs(added: &[(&str, &str)]) -> Vec<(String, String)> {
        added.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn read(text: &[u8]) -> Value {
        serde_json::from_slice(text).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(text)))
    }

    /// The document, by slices where it can be written so, which must then be what it is otherwise too.
    fn formed(template: &Template, line: &str) -> Value {
        let Item::Line(record) = classify(line.as_bytes(), true) else { panic!("no line: {line}") };
        let mut out = Vec::new();
        let path = record.tag.map(|tag| tag.path_bytes());
        let mut fields = Fields::default();
        fields.read(record.content, path, record.position());
        template.write_fields(&mut out, &fields, NOW.as_bytes());
        let document = read(&out);
        // Also where the record is known by the one before it.
        for _ in 0..2 {
            out.clear();
            if record.tag.is_none() && template.write_parsed(&mut out, record.raw, |_, _| {}) {
                assert_eq!(read(&out), document, "{line}");
            }
        }
        document
    }

    fn document(line: &str) -> Value {
        formed(&Template::new("@timestamp", []), line)
    }

    #[test]
    fn a_record_of_logparse_loses_its_position_and_keeps_the_rest() {
        let expected = json!({"file_path": "/a.log", "@timestamp": "2025-10-10T11:55:36Z", "status": 200, "n": null});
        for record in [
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/a.log","time":"2025-10-10T13:55:36+02:00","status":200,"n":null}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/a.log","time":"2025-10-10T11:55:36+00:00","status":200,"n":null}"#,
            r#"{"status":200,"time":"2025-10-10T11:55:36Z", "_file":"/a.log","n":null,"_pos":"3f2a00c4d1e0b7a9:0-17"}"#,
        ] {
            assert_eq!(document(record), expected);
        }
    }

    #[test]
    fn text_becomes_a_message_with_the_time_of_reading() {
        assert_eq!(
            document("\x1e3f2a00c4d1e0b7a9:0-6 /a\tx \"y\""),
            json!({"file_path": "/a", "message": "x \"y\"", "@timestamp": NOW})
        );
        assert_eq!(document("{\"broken\"")["message"], "{\"broken\"");
        assert_eq!(document("windows\r")["message"], "windows");
        assert_eq!(document("{}"), json!({"@timestamp": NOW}));
    }

    #[test]
    fn a_tag_tells_how_the_line_was_cut_and_what_content_claims_about_it_is_renamed() {
        assert_eq!(
            document("\x1e3f2a00c4d1e0b7a9:0-6pt /a\tcut"),
            json!({"file_path": "/a", "message": "cut", "@timestamp": NOW, "_partial": true, "_truncated": true})
        );
        assert_eq!(
            document(
                "\x1e3f2a00c4d1e0b7a9:0-6 /a\t{\"_pos\":\"3f2a00c4d1e0b7a9:9-99\",\"_file\":\"/b\",\"_refused\":\"x\"}"
            ),
            json!({"file_path": "/a", "@timestamp": NOW, "_pos_": "3f2a00c4d1e0b7a9:9-99", "_file_": "/b", "_refused_": "x"})
        );
    }

    #[test]
    fn a_key_that_we_write_ourselves_gets_an_underscore_and_no_value_is_lost() {
        let record = r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/a","time":"2025-10-10T11:55:36Z","@timestamp":"x","file_path":1,"env":"y"}"#;
        assert_eq!(
            formed(&Template::new("@timestamp", &pairs(&[("env", "prod")])), record),
            json!({"file_path": "/a", "@timestamp": "2025-10-10T11:55:36Z", "@timestamp_": "x", "file_path_": 1,
                "env": "prod", "env_": "y"})
        );
        assert_eq!(document(r#"{"file_path":1}"#), json!({"file_path": 1, "@timestamp": NOW}));
        assert_eq!(document(r#"{"@timestamp":"x"}"#), json!({"@timestamp_": "x", "@timestamp": NOW}));
    }

    #[test]
    fn what_is_added_stands_in_every_document() {
        let template = Template::new("time", &pairs(&[("kubernetes.pod.name", "web-1"), ("a", "\"")]));
        for line in [
            "text",
            "{}",
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/a","time":"2025-10-10T11:55:36Z"}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/a","time":"2025-10-10T11:55:36Z","b":{}}"#,
        ] {
            let document = formed(&template, line);
            assert_eq!((&document["kubernetes.pod.name"], &document["a"]), (&json!("web-1"), &json!("\"")), "{line}");
        }
    }

    #[test]
    fn the_message_is_found_under_each_of_its_names_where_the_kind_has_one_of_its_own() {
        let template = Template::new("_time", []).with_message("_msg");
        for (line, message) in [
            ("text", "text"),
            (r#"{"msg":"a"}"#, "a"),
            (r#"{"msg":"a","message":"b"}"#, "b"),
            (r#"{"log":{"level":"x"},"event":"c"}"#, "c"),
        ] {
            assert_eq!(formed(&template, line)["_msg"], message);
        }
        assert_eq!(formed(&template, r#"{"msg":"a","message":"b"}"#)["msg"], "a");
        assert_eq!(formed(&template, r#"{"_msg":"a"}"#), json!({"_msg": "a", "_time": NOW}));
        assert_eq!(formed(&template, r#"{"_msg":["a"]}"#), json!({"_msg_": ["a"], "_time": NOW}));
    }

    #[test]
    fn times_are_found_under_each_of_their_names_and_keep_their_precision() {
        for (record, time) in [
            (r#"{"ts":1760104536}"#, "2025-10-10T13:55:36Z"),
            (r#"{"ts":1760104536.120}"#, "2025-10-10T13:55:36.120Z"),
            (r#"{"time":1760104536120,"level":30}"#, "2025-10-10T13:55:36.120Z"),
            (r#"{"time":1760104536120.5}"#, "2025-10-10T13:55:36.1205Z"),
            (r#"{"ts":1760104536120000}"#, "2025-10-10T13:55:36.120000Z"),
            (r#"{"ts":1760104536120000001}"#, "2025-10-10T13:55:36.120000001Z"),
            (r#"{"timestamp":"2025-10-10T13:55:36Z"}"#, "2025-10-10T13:55:36Z"),
            (r#"{"@timestamp":"2025-10-10T13:55:36.5Z"}"#, "2025-10-10T13:55:36.5Z"),
            (r#"{"@timestamp":"2025-10-10T15:55:36.250+02:00"}"#, "2025-10-10T13:55:36.250Z"),
            (r#"{"time":"2025-10-10T13:55:36.1234567899Z"}"#, "2025-10-10T13:55:36.123456789Z"),
            (r#"{"time":"2016-12-31T23:59:60Z"}"#, "2017-01-01T00:00:00Z"),
            (r#"{"asctime":"2025-10-10 13:55:36,123"}"#, "2025-10-10T13:55:36.123Z"),
            (r#"{"date":"2025-10-10"}"#, NOW),
            (r#"{"time":"yesterday"}"#, NOW),
            (r#"{"time":12}"#, NOW),
            (r#"{"date":20251010}"#, NOW),
        ] {
            assert_eq!(document(record)["@timestamp"], time, "{record}");
        }
    }

    #[test]
    fn a_time_is_never_lost_in_the_last_second_of_all_or_beyond() {
        assert_eq!(document(r#"{"time":"9999-12-31T23:59:59.9Z"}"#), json!({"@timestamp": "9999-12-31T23:59:59.9Z"}));
        let beyond = json!({"time": "9999-12-31T23:59:59-05:00", "@timestamp": NOW});
        assert_eq!(document(r#"{"time":"9999-12-31T23:59:59-05:00"}"#), beyond);
    }

    #[test]
    fn a_position_that_is_none_is_an_ordinary_key() {
        assert_eq!(document(r#"{"_pos":"x"}"#)["_pos"], "x");
    }
}
