//! What holds for every expression and every input.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod random;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use logfilter::{Ahead, Expr, Judgement, Mistake, Query, Subject, parse};
use logline::time::Zone;
use random::Random;

/// What expressions are made of, also wrongly.
const PIECES: [&str; 52] = [
    "a",
    "status",
    "level",
    "time",
    "message",
    "_file",
    "request",
    ".a.b",
    "['c d']",
    "a[0]",
    " ",
    " ",
    " ",
    "(",
    ")",
    " and ",
    " or ",
    "not ",
    "!",
    "&&",
    "||",
    " == ",
    " != ",
    " >= ",
    " < ",
    " ~ ",
    "!~",
    " in [",
    " in (",
    "]",
    ",",
    " contains ",
    " not contains ",
    " startswith ",
    " endswith ",
    "sample 10%",
    "5",
    "'5'",
    "5xx",
    "10MB",
    "250ms",
    "-24h",
    "today",
    "2026-11-23T08:00:00Z",
    "error",
    "null",
    "true",
    "'x\\'y'",
    "\"^a+\"",
    "\u{e9}",
    "1e308",
    "\\",
];

fn read(text: &str) -> Result<Expr, Mistake> {
    parse(text, &Zone::Fixed(0))
}

fn test(random: &mut Random) -> String {
    let field =
        random.of(&["status", "level", "time", "message", "_file", "request", "a.b", "['c d']", "tags[1]", "ts"]);
    let value = random.of(&[
        "500", "'500'", "5xx", "1.5", "10MB", "250ms", "null", "true", "error", "'a b'", "x", "GET", "-3", "1e3",
    ]);
    let when = random.of(&["-24h", "now", "today", "2026-11-23", "1764000000", "'2026-11-23 08:00'"]);
    let order = random.of(&["<", "<=", ">", ">=", "==", "!="]);
    match (field, random.below(9)) {
        ("time" | "ts", 0..=4) => format!("{field} {order} {when}"),
        ("level", 0..=4) => format!("{field} {order} {}", random.of(&["warn", "error", "30", "FATAL"])),
        (_, 0..=2) => format!("{field} {order} {value}"),
        (_, 3) => format!("{field} in [{value}, x]"),
        (_, 4) => format!("{field} not in ({value})"),
        (_, 5) => format!("{field} {} x", random.of(&["contains", "not contains", "startswith", "endswith"])),
        (_, 6) => format!("{field} {} '^[a-x ]+'", random.of(&["~", "=~", "!~"])),
        (_, 7) => format!("sample {}%", random.of(&["0", "12.5", "50", "100"])),
        _ => field.to_owned(),
    }
}

fn expression(random: &mut Random, depth: usize) -> String {
    if depth == 0 || random.one_in(4) {
        return test(random);
    }
    let left = expression(random, depth - 1);
    match random.below(4) {
        0 => format!("not {left}"),
        1 => format!("({left})"),
        2 => format!("{left} and {}", expression(random, depth - 1)),
        _ => format!("{left} or {}", expression(random, depth - 1)),
    }
}

fn line(random: &mut Random) -> String {
    let tag = "\u{1e}3f2a00c4d1e0b7a9:0-9 /var/log/x.log\t";
    let values =
        ["500", "\"503\"", "null", "[1,\"x\"]", "\"a b\"", "\"error\"", "30", "\"2026-11-23T08:00:00Z\"", "true", "{"];
    let mut text = String::new();
    if random.one_in(4) {
        text.push_str(tag);
    }
    if random.one_in(5) {
        return text + &random.text(&["x", " ", "error", "{", "}", "\"", "GET", "\u{e9}"], 8);
    }
    text.push('{');
    for (number, name) in
        ["status", "level", "time", "message", "request_method", "a", "c d", "tags"].iter().enumerate()
    {
        if random.one_in(2) {
            let between = if number == 0 { "" } else { "," };
            let value = if *name == "a" { "{\"b\":\"x\",\"status\":500}" } else { random.of(&values) };
            let _ = write!(text, "{between}\"{name}\":{value}");
        }
    }
    text.push_str(random.of(&["}", "}", "}", "", "} ", "}\r", ",}"]));
    text.replace("{,", "{")
}

#[test]
fn what_is_printed_is_read_as_the_same() {
    let mut random = Random::new(6);
    for _ in 0..5_000 {
        let text = expression(&mut random, 3);
        let read_once = read(&text).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"));
        let printed = read_once.to_string();
        assert_eq!(read(&printed).as_ref(), Ok(&read_once), "{text} -> {printed}");
    }
}

#[test]
fn an_expression_and_its_negation_part_every_stream() {
    let mut random = Random::new(7);
    let lines: Vec<String> = (0..300).map(|_| line(&mut random)).collect();
    for _ in 0..500 {
        let text = expression(&mut random, 3);
        let query = |text: &str| Query::new(&[read(text).unwrap()], None, None, Zone::Fixed(0), false);
        let (mut held, mut negated) = (query(&text), query(&format!("not ({text})")));
        for line in &lines {
            let subject = Subject::new(line.as_bytes());
            assert_ne!(held.judge(&subject), negated.judge(&subject), "{text}: {}", line.escape_default());
        }
    }
}

#[test]
fn a_needle_is_in_every_line_for_which_the_condition_holds() {
    let mut random = Random::new(8);
    let lines: Vec<String> = (0..300).map(|_| line(&mut random)).collect();
    let mut with_needles = 0;
    for _ in 0..2_000 {
        let text = expression(&mut random, 2);
        let mut query = Query::new(&[read(&text).unwrap()], None, None, Zone::Fixed(0), false);
        for line in &lines {
            let may_hold = query.needles().is_none_or(|needles| {
                with_needles += 1;
                needles.find(line.as_bytes(), 0, &mut Ahead::default()).is_some()
            });
            assert!(
                may_hold || query.judge(&Subject::new(line.as_bytes())) != Judgement::Holds,
                "{text}: {}",
                line.escape_default()
            );
        }
    }
    assert!(with_needles > 1_000, "{with_needles}");
}

#[test]
fn no_text_makes_the_parser_panic_and_a_mistake_is_inside_of_it() {
    let mut random = Random::new(9);
    for round in 0..50_000 {
        let text = if round % 4 == 0 {
            let bytes: Vec<u8> = (0..random.below(40)).map(|_| random.below(256).to_le_bytes()[0]).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        } else {
            random.text(&PIECES, 12)
        };
        match read(&text) {
            Ok(expr) => assert_eq!(read(&expr.to_string()), Ok(expr), "{text}"),
            Err(mistake) => assert!(mistake.at <= text.len() && text.is_char_boundary(mistake.at), "{text}"),
        }
    }
}

fn filtered(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_logfilter"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    let writer = thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.code().is_some_and(|code| code < 2), "{arguments:?}: {:?}", output.status);
    output.stdout
}

#[test]
fn no_line_vanishes_whatever_its_bytes() {
    let mut random = Random::new(10);
    let telling: [&[u8]; 9] =
        [b"\n", b"{", b"\"status\":", b"\\u00", b"}", b"\x1e", b"\t", b"\"", b"\x1e3f2a00c4d1e0b7a9:"];
    for _ in 0..8 {
        let mut input = Vec::new();
        while input.len() < 300_000 {
            if random.one_in(3) {
                input.extend_from_slice(telling[random.below(telling.len())]);
            } else {
                input.push(random.below(256).to_le_bytes()[0]);
            }
        }
        input.extend_from_slice(b"end\n");
        for arguments in [
            &[""][..],
            &["-v", "not in it"],
            &["-W", "a or not a"],
            &["-W", "message == 5 or message != 5"],
            &["--since", "-24h"],
            &["", "-W", "status != 5", "--until", "now"],
        ] {
            assert!(filtered(arguments, &input) == input, "{arguments:?}");
        }
        let parts = ["-W", "message contains a or status > 5"];
        let (held, not) = (filtered(&parts, &input), filtered(&["-W", &format!("not ({})", parts[1])], &input));
        // What is no line, but a mark by chance, passes with both.
        let marks = filtered(&["-e", "not in it"], &input);
        assert_eq!(held.len() + not.len(), input.len() + marks.len());
    }
}

#[test]
fn tags_and_marks_change_nothing_of_what_is_selected_and_all_marks_pass() {
    let mut random = Random::new(11);
    let pieces = ["a", "b", "ab", " ", "GET", "log", "/var", "\t", "\u{e9}", "\u{1e}", "{", "{\"a\":5}", "1"];
    let (mut plain, mut tagged, mut marks) = (Vec::new(), Vec::new(), Vec::new());
    let mut offset = 0;
    for _ in 0..3_000 {
        let line = random.text(&pieces, 6);
        let end = offset + line.len() + 1;
        plain.extend_from_slice(format!("{line}\n").as_bytes());
        tagged.extend_from_slice(format!("\u{1e}3f2a00c4d1e0b7a9:{offset}-{end} /var/log/ab.log\t{line}\n").as_bytes());
        if random.one_in(20) {
            let mark = format!("\u{1e}3f2a00c4d1e0b7a9:{end}\n");
            tagged.extend_from_slice(mark.as_bytes());
            marks.extend_from_slice(mark.as_bytes());
        }
        offset = end;
    }
    tagged.extend_from_slice(b"\x1eend\n");
    marks.extend_from_slice(b"\x1eend\n");
    for arguments in [
        &["a"][..],
        &["^a"],
        &["b$"],
        &["^$"],
        &["log"],
        &["-x", "ab|GET"],
        &["-w", "a"],
        &["-v", "a"],
        &["-v", "^GET"],
        &["-v", "log"],
        &["-i", "get"],
        &["\\bGET\\b"],
        &["[^ ]GET"],
        &["-F", "-e", "{", "-e", "/var"],
        &["-W", "a == 5"],
        &["-W", "message contains ab"],
        &["a", "-W", "message startswith a"],
        &["-v", "a", "-W", "not message contains log"],
        &["-e", "^a", "--until", "now"],
    ] {
        let of_plain = filtered(arguments, &plain);
        let of_tagged = filtered(arguments, &tagged);
        let (mut lines, mut passed) = (Vec::new(), Vec::new());
        for line in of_tagged.split_inclusive(|byte| *byte == b'\n') {
            match line.iter().position(|byte| *byte == b'\t') {
                Some(tab) => lines.extend_from_slice(&line[tab + 1..]),
                None => passed.extend_from_slice(line),
            }
        }
        assert!(lines == of_plain, "{arguments:?}");
        assert!(passed == marks, "{arguments:?}");
    }
}
