//! Conditions that jq can say too hold for the same records. Where logfilter means something else on purpose is a case of
//! its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod random;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use logfilter::{Judgement, Query, Subject, parse};
use logline::time::Zone;
use random::Random;

const FIELDS: [&str; 6] = ["a", "b", "c", "d.e", "msg_x", "list"];
const TEXTS: [&str; 10] = ["x", "xy", "GET", "a b", "\u{e9}", "q\"q", "back\\slash", "tab\tx", "/api/", "\u{1f600}"];

fn jq_string(text: &str) -> String {
    let mut out = Vec::new();
    logline::json::write_string(&mut out, text.as_bytes());
    String::from_utf8(out).unwrap()
}

/// The same text with more escapes than it needs, for `\u0078` is an x too.
fn spelled(random: &mut Random, text: &str) -> String {
    if random.one_in(4) {
        let units: String = text.encode_utf16().fold(String::new(), |mut all, unit| {
            let _ = write!(all, "\\u{unit:04x}");
            all
        });
        return format!("\"{units}\"");
    }
    jq_string(text).replace('/', if random.one_in(2) { "\\/" } else { "/" })
}

fn scalar(random: &mut Random) -> String {
    match random.below(6) {
        0 => "null".to_owned(),
        1 => ["true", "false"][random.below(2)].to_owned(),
        2 => ["0", "5", "-1", "200", "503", "1.5", "2e2", "9007199254740991"][random.below(8)].to_owned(),
        _ => {
            let text = random.of(&TEXTS);
            spelled(random, text)
        }
    }
}

fn value(random: &mut Random, field: &str) -> String {
    match field {
        "list" => {
            let elements: Vec<String> = (0..random.below(4)).map(|_| scalar(random)).collect();
            format!("[{}]", elements.join(if random.one_in(2) { "," } else { " , " }))
        }
        _ if random.one_in(12) => "{\"k\":5,\"e\":200}".to_owned(),
        _ => scalar(random),
    }
}

fn record(random: &mut Random) -> String {
    let mut members = Vec::new();
    for field in FIELDS {
        for _ in 0..[1, 1, 1, 1, 0, 0, 2][random.below(7)] {
            members.push(match field.split_once('.') {
                Some((outer, inner)) => format!("\"{outer}\":{{\"{inner}\":{}}}", value(random, field)),
                None => {
                    let name = if random.one_in(10) { spelled(random, field) } else { format!("\"{field}\"") };
                    format!("{name}{}{}", [":", " : "][random.below(2)], value(random, field))
                }
            });
        }
    }
    if random.one_in(4) {
        members.push(format!("\"noise\":{}", jq_string("{\"a\":5,\"b\":\"x\"} and \"c\":503")));
    }
    if random.one_in(4) {
        members.push("\"nested\":{\"a\":503,\"b\":[{\"c\":\"x\"}]}".to_owned());
    }
    // The order is random too.
    for at in (1..members.len()).rev() {
        members.swap(at, random.below(at + 1));
    }
    format!("{{{}}}", members.join([",", ", "][random.below(2)]))
}

/// A test, and how jq says it of `$v`, one element.
fn test(random: &mut Random) -> (String, String) {
    let field = random.of(&FIELDS);
    let path = match field.split_once('.') {
        Some((outer, inner)) => format!("(.{outer} | if type == \"object\" then .{inner} else null end)"),
        None => format!(".{field}"),
    };
    let any = |element: &str| format!("([{path} | if type == \"array\" then .[] else . end | {element}] | any)");
    let number = ["0", "5", "200", "503", "1.5", "-1", "9007199254740991"][random.below(7)];
    let text = random.of(&TEXTS);
    let quoted = format!("'{}'", text.replace('\\', "\\\\"));
    let json = jq_string(text);
    let order = ["<", "<=", ">", ">="][random.below(4)];
    // jq has an order of types; here what cannot be compared is not.
    match random.below(11) {
        0 => (format!("{field} == {number}"), any(&format!(". == {number}"))),
        1 => (format!("{field} != {number}"), format!("({} | not)", any(&format!(". == {number}")))),
        2 => (format!("{field} {order} {number}"), any(&format!("(type == \"number\" and . {order} {number})"))),
        3 => (format!("{field} == {quoted}"), any(&format!(". == {json}"))),
        4 => (format!("{field} {order} {quoted}"), any(&format!("(type == \"string\" and . {order} {json})"))),
        5 => (format!("{field} in [{number}, {quoted}]"), any(&format!("(. == {number} or . == {json})"))),
        6 => (format!("{field} contains {quoted}"), any(&format!("(type == \"string\" and contains({json}))"))),
        7 => (
            format!("{field} not in ({quoted}, {number})"),
            format!("({} | not)", any(&format!("(. == {number} or . == {json})"))),
        ),
        8 => (format!("{field} startswith {quoted}"), any(&format!("(type == \"string\" and startswith({json}))"))),
        9 => (format!("{field} ~ '^[xG]'"), any("(type == \"string\" and test(\"^[xG]\"))")),
        _ => (field.to_owned(), format!("({path} | . != null and . != false)")),
    }
}

fn condition(random: &mut Random, depth: usize) -> (String, String) {
    if depth == 0 {
        return test(random);
    }
    let (left, jq_left) = condition(random, depth - 1);
    match random.below(4) {
        0 => (format!("not ({left})"), format!("({jq_left} | not)")),
        1 => (left, jq_left),
        word => {
            let (right, jq_right) = condition(random, depth - 1);
            let word = ["and", "or"][word - 2];
            (format!("({left} {word} {right})"), format!("({jq_left} {word} {jq_right})"))
        }
    }
}

/// For each record a line of digits, one for each filter.
fn jq(filters: &[String], records: &str) -> String {
    let program = format!("[{}] | map(if . then \"1\" else \"0\" end) | join(\"\")", filters.join(","));
    let mut child =
        Command::new("jq").args(["-r", &program]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, records) = (child.stdin.take().unwrap(), records.to_owned());
    let writer = thread::spawn(move || stdin.write_all(records.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn query(text: &str) -> Query {
    let zone = Zone::Fixed(0);
    Query::new(&[parse(text, &zone).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"))], None, None, zone, false)
}

#[test]
fn conditions_hold_for_the_records_for_which_jq_says_so() {
    let mut random = Random::new(5);
    for _ in 0..12 {
        let conditions: Vec<(String, String)> = (0..60).map(|_| condition(&mut random, 2)).collect();
        let records: Vec<String> = (0..200).map(|_| record(&mut random)).collect();
        let filters: Vec<String> = conditions.iter().map(|(_, filter)| filter.clone()).collect();
        let answers = jq(&filters, &records.join("\n"));
        let answers: Vec<&str> = answers.lines().collect();
        assert_eq!(answers.len(), records.len());
        for (number, (text, filter)) in conditions.iter().enumerate() {
            let mut query = query(text);
            for (record, answer) in records.iter().zip(&answers) {
                let holds = query.judge(&Subject::new(record.as_bytes())) == Judgement::Holds;
                assert_eq!(holds, answer.as_bytes()[number] == b'1', "{text}\n{filter}\n{record}");
            }
        }
    }
}

#[test]
fn where_jq_says_otherwise_it_is_meant() {
    for (record, condition, holds, filter) in [
        // A text that is a number is one.
        (r#"{"a":"503"}"#, "a >= 500", true, "(.a|type == \"number\") and .a >= 500"),
        (r#"{"a":"503"}"#, "a == 503", true, ".a == 503"),
        // What cannot be compared has no order.
        (r#"{"a":"x"}"#, "a > 5", false, ".a > 5"),
        (r#"{"a":null}"#, "a < 5", false, ".a < 5"),
        // Whole numbers are compared exactly, not as floating point numbers.
        (r#"{"a":9007199254740993}"#, "a == 9007199254740992", false, "(.a|. + 0) == 9007199254740992"),
        // An array matches if any element does.
        (r#"{"a":["x","y"]}"#, "a == x", true, ".a == \"x\""),
        // A dotted name is also a key with a dot.
        (r#"{"a.b":1}"#, "a.b == 1", true, "(.a|objects|.b) == 1 // false"),
        // Texts of anything are looked into.
        (r#"{"a":503}"#, "a startswith 5", true, "(.a|type == \"string\") and (.a|startswith(\"5\"))"),
        // Levels are in an order, whatever they are called.
        (r#"{"level":"WARN"}"#, "level >= warning", true, ".level >= \"warning\""),
        (r#"{"severity":"ERROR"}"#, "level == error", true, ".level == \"error\""),
    ] {
        assert_eq!(
            query(condition).judge(&Subject::new(record.as_bytes())) == Judgement::Holds,
            holds,
            "{condition} {record}"
        );
        assert_eq!(jq(&[filter.to_owned()], record).trim(), if holds { "0" } else { "1" }, "{filter} {record}");
    }
}
