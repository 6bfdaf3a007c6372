//! All that is asked of the fields of a line: the conditions and the window of time.

use std::cell::OnceCell;

use logline::json::is_complete_object;
use logline::line::{Item, RECORD_HEAD};
use logline::names::MESSAGES;
use logline::time::{Moment, Zone};

use crate::condition::Condition;
use crate::expr::{Expr, Step};
use crate::needle::Needles;
use crate::plain::{CANONICAL, IN_OTHER_CASE, Plain};
use crate::reading::{Names, Reading};
use crate::record::{Found, Reach, Subject};
use crate::trial::{Outlook, Trial};
use crate::when::When;
use crate::window::Window;

/// Conditions that must all hold, and a window in which the line must lie.
#[derive(Debug)]
pub struct Query {
    conditions: Vec<Condition>,
    window: Option<Window>,
    names: Names,
    message: Option<usize>,
    file: Option<usize>,
    /// Whether the conditions hold for every line that is no record, where that is certain.
    of_text: Option<bool>,
    needles: Option<Needles>,
    zone: Zone,
    moments: Vec<Moment>,
    found: Found,
    plain: Plain,
    /// A search alone did not do for the line before: it had to be read as a whole too, or searched for keys in another case.
    reads_all: bool,
    trial: Trial,
}

/// All marks that the keys of an object may have.
const ALL: u32 = u32::MAX;

/// What became of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judgement {
    /// It lies outside of the window.
    Outside,
    /// A condition does not hold.
    Fails,
    /// All of them hold.
    Holds,
}

impl Query {
    /// Compiles what is asked; times without a zone are of `zone`, and texts are compared in any case where `ignores_case`.
    pub fn new(conditions: &[Expr], since: Option<When>, until: Option<When>, zone: Zone, ignores_case: bool) -> Self {
        let mut names = Names { ignores_case, ..Names::default() };
        let compiled = conditions.iter().map(|expr| Condition::new(expr, &mut names)).collect();
        let window = (since.is_some() || until.is_some()).then(|| Window::new(since, until, &mut names));
        names.keys.prepare();
        names.keys_in_other_case.prepare();
        let mut query = Self {
            message: names.keys.known(MESSAGES[0]),
            file: names.keys.known("_file"),
            of_text: None,
            // A window has to see every line, and needles are in the case in which they are given.
            needles: if window.is_none() && !ignores_case { Needles::of(conditions) } else { None },
            conditions: compiled,
            window,
            names,
            zone,
            moments: Vec::new(),
            found: Found::new(),
            plain: Plain::default(),
            reads_all: false,
            trial: Trial::default(),
        };
        query.look_at_the_clock(Moment::now());
        if !conditions.iter().any(depends_on_text) {
            query.of_text = Some(query.hold_for_text(&Subject::new(b"")));
            query.conditions.iter().for_each(Condition::forget);
        }
        query
    }

    /// Moments that slide are now what they are at `now`.
    pub fn look_at_the_clock(&mut self, now: Moment) {
        self.moments.clear();
        self.moments.extend(self.names.whens.iter().map(|when| when.at(now, &self.zone)));
    }

    /// What must stand in a line that is kept, if anything must.
    pub fn needles(&self) -> Option<&Needles> {
        self.needles.as_ref()
    }

    /// Whether each line has to be asked about, be it kept or not.
    pub fn sees_all(&self) -> bool {
        self.window.is_some()
    }

    /// What becomes of the line. To be asked of each line, in their order, where there is a window.
    pub fn judge(&mut self, subject: &Subject<'_>) -> Judgement {
        let object = subject.content.trim_ascii();
        let has_head = object.starts_with(RECORD_HEAD);
        let (reach, plain) = self.read(object);
        let marks = plain.unwrap_or(ALL);
        let has_other_case = reach != Reach::Broken && marks & IN_OTHER_CASE != 0;
        let found_in_other_case = OnceCell::new();
        let reading = Reading {
            subject,
            object: Some((object, &self.found)),
            in_other_case: has_other_case.then_some((&self.names.keys_in_other_case, &found_in_other_case)),
            marks,
            message: self.message,
            file: self.file,
            moments: &self.moments,
            zone: &self.zone,
        };
        if let Some(window) = &mut self.window
            && !window.holds(&reading)
        {
            return Judgement::Outside;
        }
        let mut is_text_alike = true;
        let holds = self.conditions.is_empty()
            || match reach {
                Reach::Broken => self.hold_for_text(subject),
                Reach::Whole => hold(&self.conditions, &reading),
                // What has a position was written by one of us, and what is torn does not end so.
                Reach::Unsure if has_head && object.ends_with(b"}") => hold(&self.conditions, &reading),
                // Both readings are tried, and only where they differ it matters which one is right.
                Reach::Unsure => {
                    let holds = hold(&self.conditions, &reading);
                    is_text_alike = holds == self.hold_for_text(subject);
                    holds == (is_text_alike || plain.is_some() || is_complete_object(object))
                }
            };
        let has_no_canonical = marks & CANONICAL == 0 && !self.names.keys_in_other_case.is_empty();
        self.reads_all = !is_text_alike || has_no_canonical || found_in_other_case.get().is_some();
        if self.trial.goes_on() && !self.conditions.is_empty() {
            let is_record = reach == Reach::Whole || (reach == Reach::Unsure && is_complete_object(object));
            self.trial.take(Some(object).filter(|_| is_record));
        }
        if holds { Judgement::Holds } else { Judgement::Fails }
    }

    /// Looks for all keys in an object, in the way that seems to be faster: how far that can be trusted and, where it was read
    /// as a plain one and so is whole, the marks of its keys.
    fn read(&mut self, object: &[u8]) -> (Reach, Option<u32>) {
        if object.first() != Some(&b'{') {
            self.names.keys.clear(&mut self.found);
            return (Reach::Broken, None);
        }
        if self.reads_all
            && let Some(marks) = self.plain.read(object, &self.names, &mut self.found)
        {
            return (Reach::Unsure, Some(marks));
        }
        (self.names.keys.read(object, &mut self.found), None)
    }

    /// Whether the line is kept.
    #[cfg(test)]
    fn holds(&mut self, subject: &Subject<'_>) -> bool {
        self.judge(subject) == Judgement::Holds
    }

    /// Whether enough lines have been seen to tell whether the conditions can hold.
    pub fn has_been_tried(&self) -> bool {
        !self.trial.goes_on()
    }

    /// What is to be said of conditions that can never hold, as far as has been seen.
    pub fn reproach(&self) -> Option<String> {
        let has_records = !self.trial.has_no_record();
        let outlook = Outlook::all(self.conditions.iter().map(|condition| condition.outlook(has_records)));
        match outlook {
            Outlook::Never(_) if !has_records => {
                Some("no line was a record: is logparse missing before it?".to_owned())
            }
            Outlook::Never(cause) => Some(self.trial.reproach(&cause)),
            _ => None,
        }
    }

    fn hold_for_text(&self, subject: &Subject<'_>) -> bool {
        self.of_text.unwrap_or_else(|| {
            let reading = Reading {
                subject,
                object: None,
                in_other_case: None,
                marks: ALL,
                message: self.message,
                file: self.file,
                moments: &self.moments,
                zone: &self.zone,
            };
            hold(&self.conditions, &reading)
        })
    }

    /// Takes note of a mark.
    pub fn pass(&mut self, item: &Item<'_>) {
        if let (Item::Mark(mark, _), Some(window)) = (item, &mut self.window)
            && mark.finished
        {
            window.forget(mark.fid);
        }
    }

    /// Whether there is a window and not one record told its time.
    pub fn has_missed_times(&self) -> bool {
        self.window.as_ref().is_some_and(|window| !window.has_seen_time)
    }
}

fn hold(conditions: &[Condition], reading: &Reading<'_>) -> bool {
    conditions.iter().all(|condition| condition.holds(reading))
}

/// Whether the answer differs between lines that are no records.
fn depends_on_text(expr: &Expr) -> bool {
    match expr {
        Expr::Or(all) | Expr::And(all) => all.iter().any(depends_on_text),
        Expr::Not(expr) => depends_on_text(expr),
        Expr::Sample(_) => true,
        Expr::Test(test) => {
            matches!(test.field.as_slice(), [Step::Key(key), ..] if key == MESSAGES[0] || key == "_file")
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::parse::parse;

    const RECORD: &str = r#"{"status":503,"code":"404","level":"WARNING","request_method":"GET","request_uri":"/a\"b","server_protocol":"HTTP/1.1","tags":["x","y"],"t":0.25,"size":20000000,"user":null,"ok":true,"off":false,"a":{"b":[{"c":1}]},"k.v":"dotted","big":9007199254740993,"odd key":1,"ts":"2025-10-10T13:55:36.5+02:00"}"#;

    /// 2025-10-10T12:00:00Z
    const NOW: Moment = Moment { seconds: 1_760_097_600, nanos: 0 };

    fn query(text: &str, since: Option<&str>) -> Query {
        let zone = Zone::Fixed(0);
        let conditions: Vec<Expr> =
            Some(text).filter(|text| !text.is_empty()).map(|text| parse(text, &zone).unwrap()).into_iter().collect();
        let since = since.map(|since| When::parse(since, &zone).unwrap());
        let mut query = Query::new(&conditions, since, None, zone, false);
        query.look_at_the_clock(NOW);
        query
    }

    fn holds(text: &str, line: &str) -> bool {
        query(text, None).holds(&Subject::new(line.as_bytes()))
    }

    #[test]
    fn conditions_that_hold() {
        for text in [
            "status >= 500",
            "code == 404",
            "status == '503'",
            "status == 5xx",
            "status in [502, 503]",
            "status in (502, '503')",
            "level >= warn",
            "level < error",
            "level == warning",
            "level in [warn, crit]",
            "request_method == GET",
            "request_uri == '/a\"b'",
            "request ~ \"^GET /a.b HTTP\"",
            "tags == y",
            "tags contains y",
            "tags[1] == y",
            "t == 250ms",
            "size > 10MB",
            "user == null",
            "missing == null",
            "ok",
            "ok == true",
            "not off",
            "not user",
            "a.b[0].c == 1",
            "['a']['b'][0]['c'] == 1",
            ".status == 503",
            "k.v startswith dot and k.v endswith ted",
            "['odd key'] == 1",
            "big == 9007199254740993 and big > 9007199254740992",
            "request_uri != /healthz",
            "missing != 5 and missing !~ \"x\" and missing not in [1] and missing not contains x",
            "missing or status",
            "time >= -1h and time < now and time > today and time > yesterday",
            "time == 2025-10-10T11:55:36.500Z",
            "ts > 15m and ts < '2025-10-10 11:56' and ts > 1760097000 and ts < 1760097600000",
            "sample 100%",
        ] {
            assert!(holds(text, RECORD), "{text}");
        }
    }

    #[test]
    fn conditions_that_do_not_hold() {
        for text in [
            "status < 500",
            "status == '503x'",
            "status > GET",
            "request_method > 5",
            "missing == 5",
            "missing < 5",
            "missing ~ \"x\"",
            "user != null",
            "missing != null",
            "tags != y",
            "tags not in [y]",
            "off",
            "level >= error",
            "status == 4xx",
            "time > -1m",
            "time > now",
            "timestamp > 2000-01-01",
            "sample 0%",
        ] {
            assert!(!holds(text, RECORD), "{text}");
        }
    }

    #[test]
    fn what_applications_call_level_time_and_message_is_read_in_their_place() {
        for line in [
            r#"{"level":50,"time":1760097500123,"msg":"boom"}"#,
            r#"{"lvl":"ERR","@timestamp":"2025-10-10T11:59:00Z","log":"boom"}"#,
            r#"{"log":{"level":"error"},"ts":1760097500.1,"short_message":"boom"}"#,
            r#"{"log.level":"error","datetime":"2025-10-10 11:59:00,123","body":"boom"}"#,
            r#"{"PRIORITY":"3","_time":"1760097500","MESSAGE":"boom"}"#,
        ] {
            assert!(holds("level == error and time > -5m and message == boom", line), "{line}");
        }
        assert!(!holds("level >= error", r#"{"level":"debug","severity":"error"}"#), "the canonical name comes first");
        assert!(holds("level >= 30", r#"{"level":35}"#), "numbers nobody knows are numbers");
        assert!(!holds("level >= error", r#"{"level":"loud"}"#));
    }

    #[test]
    fn a_line_that_is_no_object_is_its_message() {
        let tagged = "\u{1e}3f2a00c4d1e0b7a9:0-9 /var/log/a.log\tsome text";
        for line in ["some text", tagged, "some text\r"] {
            assert!(holds("message == 'some text' and not status", line), "{line}");
        }
        assert!(holds("message contains '\"status\":503' and not status", r#"{"status":503"#));
        assert!(holds("status == 503 and _file endswith a.log", &tagged.replace("some text", r#" {"status":503} "#)));
    }

    #[test]
    fn the_text_of_a_broken_object_decides_nothing_about_its_fields() {
        for line in [
            r#"{"status":503"#,
            r#"{"status":503,}"#,
            r#"{"status":503} x"#,
            r#"{"a":{"status":503}}"#,
            r#"{"a":"\"status\":503"}"#,
        ] {
            assert!(
                !holds("status >= 500", line) && holds("status != 503", line) && holds("not status", line),
                "{line}"
            );
        }
    }

    #[test]
    fn a_sample_is_the_same_again_and_of_its_size() {
        let lines: Vec<String> = (0..10_000).map(|n| format!("\u{1e}3f2a00c4d1e0b7a9:{n}-{} /a\tx", n + 2)).collect();
        let chosen = |percent: &str| -> Vec<usize> {
            let mut query = query(&format!("sample {percent}%"), None);
            (0..lines.len()).filter(|n| query.holds(&Subject::new(lines[*n].as_bytes()))).collect()
        };
        let tenth = chosen("10");
        assert!((900..1100).contains(&tenth.len()), "{}", tenth.len());
        assert_eq!(tenth, chosen("10"));
        let record = |n: usize| format!("{{\"_pos\":\"3f2a00c4d1e0b7a9:{n}-{}\",\"message\":\"x\"}}", n + 2);
        let mut query = query("sample 10%", None);
        let of_records: Vec<usize> =
            (0..lines.len()).filter(|n| query.holds(&Subject::new(record(*n).as_bytes()))).collect();
        assert_eq!(tenth, of_records, "the form of the line does not matter");
    }

    #[test]
    fn a_record_without_a_time_goes_with_the_one_before_it_in_the_same_file() {
        let line = |fid: u8, at: u64, rest: &str| format!("{{\"_pos\":\"{fid:016x}:{at}-{}\"{rest}}}", at + 1);
        let (old, new) = (r#","time":"2025-10-10T09:00:00Z""#, r#","time":"2025-10-10T11:59:00Z""#);
        let mut query = query("", Some("1h"));
        let kept: Vec<bool> = [
            line(1, 0, ""),
            line(1, 1, old),
            line(1, 2, ""),
            line(2, 0, ""),
            line(2, 1, new),
            line(1, 3, ""),
            line(2, 2, ""),
            line(1, 4, new),
            line(1, 5, ""),
        ]
        .iter()
        .map(|line| query.holds(&Subject::new(line.as_bytes())))
        .collect();
        assert_eq!(kept, [true, false, false, true, true, false, true, true, true]);
    }

    #[test]
    fn a_window_slides_with_the_clock() {
        let line = r#"{"time":"2025-10-10T11:30:00Z"}"#;
        let mut query = query("time >= -1h", Some("1h"));
        assert!(query.holds(&Subject::new(line.as_bytes())));
        query.look_at_the_clock(Moment { seconds: NOW.seconds + 1801, nanos: 0 });
        assert!(!query.holds(&Subject::new(line.as_bytes())));
    }

    #[test]
    fn a_condition_and_its_negation_part_all_records() {
        let records =
            [RECORD, "{}", r#"{"status":null}"#, r#"{"status":[1,600]}"#, r#"{"message":"text"}"#, "{broken", "text"];
        for text in [
            "status >= 500",
            "status",
            "tags != y",
            "level > info or ok",
            "request ~ \"GET\"",
            "status not in [1]",
            "sample 50%",
        ] {
            for record in records {
                assert_ne!(holds(text, record), holds(&format!("not ({text})"), record), "{text} {record}");
            }
        }
    }
}
