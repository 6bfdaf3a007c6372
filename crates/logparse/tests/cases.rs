//! The cases of `tests/cases/parse.ndjson` and the real logs of `tests/data`, each run as a user would.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

fn workspace(path: &str) -> String {
    format!("{}/../../tests/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// What the tool writes for `input`, as records; anything that is no JSON fails.
fn records(args: &[&str], input: &[u8]) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_logparse"))
        .args(args)
        .env_remove("LOGPARSE_LOG_FORMAT")
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_ne!(output.status.code(), Some(2), "{args:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        bits = bits << 6 | u32::from(digit(letter));
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 255) as u8);
        }
    }
    bytes
}

/// Formats that are none of ours: one valid record and no wrong field are asked for.
const FOREIGN: [&str; 7] = ["python", "java", "postgres", "redis", "envoy", "w3c", "aws-alb"];

fn arguments(case: &Value) -> Vec<String> {
    let format = case["format"].as_str().unwrap();
    let inner = case["expect"].get("remote_addr").is_some();
    let name = match format {
        "cri" if inner => "cri,nginx",
        "docker-json" => "docker,auto",
        "caddy" => "json",
        "any" => "text",
        format if FOREIGN.contains(&format) => "auto",
        format if format.starts_with("nginx") => "nginx",
        format if format.starts_with("apache") => "apache",
        format => format,
    };
    let mut args = vec![name.to_owned()];
    if let Some(log_format) = case["opts"]["log_format"].as_str() {
        args.extend(["--log-format".to_owned(), log_format.to_owned()]);
    }
    if let Some(zone) = case["opts"]["tz"].as_str() {
        args.extend(["--tz".to_owned(), zone.to_owned()]);
    }
    let more = case["opts"]["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
    args.extend(more.map(str::to_owned));
    if format.is_empty() {
        args.remove(0);
    }
    args
}

/// Seconds and fraction of an instant, with its offset: `Z` is `+00:00`.
fn instant(text: &str) -> (String, f64) {
    let (stamp, zone) = match text.strip_suffix('Z') {
        Some(stamp) => (stamp, "+00:00"),
        None => text.split_at(text.len() - 6),
    };
    let (seconds, fraction) = stamp.split_at(19);
    (format!("{seconds}{zone}"), format!("0{fraction}").parse().unwrap())
}

fn is_same(key: &str, expected: &Value, record: &Value) -> bool {
    let found = record.get(key).unwrap_or(&Value::Null);
    match (key, expected, found) {
        ("time", Value::String(one), Value::String(other)) => instant(one) == instant(other),
        ("request", Value::String(request), Value::Null) => {
            let part = |key: &str| record[key].as_str().unwrap_or_default();
            format!("{} {} {}", part("request_method"), part("request_uri"), part("server_protocol")) == *request
        }
        (_, Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (_, Value::Array(ones), Value::Array(others)) => {
            ones.len() == others.len()
                && ones.iter().zip(others).all(|(one, other)| match (one.as_f64(), other.as_f64()) {
                    (Some(one), Some(other)) => one.to_bits() == other.to_bits(),
                    _ => one == other,
                })
        }
        _ => expected == found,
    }
}

fn complaint(case: &Value) -> Option<String> {
    let line = match case["line_b64"].as_str() {
        Some(text) => base64(text),
        None => case["line"].as_str().unwrap().as_bytes().to_vec(),
    };
    let args = arguments(case);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let records = records(&args, &line);
    let foreign = FOREIGN.contains(&case["format"].as_str().unwrap());
    let wrong = |record: &Value| {
        let expected = case["expect"].as_object().unwrap().iter();
        let differing = expected.filter(|(key, value)| {
            let unknown = foreign && (record.get(*key).is_none() || matches!(key.as_str(), "message" | "level"));
            !unknown && !is_same(key, value, record)
        });
        let mut wrong: Vec<_> = differing.map(|(key, _)| key.clone()).collect();
        let absent = case["absent"].as_array().into_iter().flatten().filter_map(Value::as_str);
        wrong.extend(absent.filter(|key| record.get(*key).is_some_and(|value| !value.is_null())).map(str::to_owned));
        wrong
    };
    if records.iter().any(|record| wrong(record).is_empty()) {
        return None;
    }
    let wrong: Vec<_> = records.iter().map(wrong).collect();
    Some(format!("{case}\n  gave {records:?}\n  wrong {wrong:?}\n"))
}

#[test]
fn every_case_is_read_as_it_says() {
    let cases = std::fs::read_to_string(workspace("cases/parse.ndjson")).unwrap();
    let complaints: Vec<_> = cases.lines().filter_map(|case| complaint(&serde_json::from_str(case).unwrap())).collect();
    assert!(complaints.is_empty(), "{} of {}:\n{}", complaints.len(), cases.lines().count(), complaints.concat());
}

fn data(path: &str) -> Vec<u8> {
    std::fs::read(workspace(&format!("data/{path}"))).unwrap()
}

fn unparsed(records: &[Value]) -> usize {
    records.iter().filter(|record| record.get("_parse_error").is_some()).count()
}

/// What a container writes to its output: many programs, one stream. Each record has at least the values of its row; `null`
/// is a key that it has not, `message_lines` the lines of its message.
#[test]
fn each_event_of_a_mixed_stream_has_its_own_shape() {
    let stream = std::fs::read(workspace("cases/mixed.log")).unwrap();
    let expected = std::fs::read_to_string(workspace("cases/mixed.ndjson")).unwrap();
    let expected: Vec<Value> = expected.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    let records = records(&["auto", "--join", "trace"], &stream);
    for (record, row) in records.iter().zip(&expected) {
        for (key, value) in row.as_object().unwrap() {
            let is_right = match key.as_str() {
                "message_lines" => Some(record["message"].as_str().unwrap().lines().count() as u64) == value.as_u64(),
                key => is_same(key, value, record),
            };
            assert!(is_right, "{key} of {record}, expected {value}");
        }
        assert_eq!(record.get("_parse_error"), None, "{record}");
    }
    assert_eq!(records.len(), expected.len(), "{records:#?}");
}

#[test]
fn every_line_of_the_real_logs_is_read() {
    let conf = workspace("data/nginx/formats.conf");
    for (log, args, lines) in [
        ("nginx/combined.log", &["nginx"][..], 69),
        ("nginx/main.log", &["nginx"], 69),
        ("nginx/j.log", &["nginx"], 69),
        ("nginx/jbad.log", &["nginx"], 69),
        ("nginx/up.log", &["nginx", "--nginx-conf", &conf, "--format-name", "up"], 69),
        ("nginx/main.log", &["nginx", "--nginx-conf", &conf], 69),
        ("nginx/combined.log", &["auto"], 69),
        ("apache/combined.log", &["apache"], 19),
        ("apache/common.log", &["apache"], 19),
        ("apache/error.log", &["apache"], 16),
    ] {
        let records = records(args, &data(log));
        assert_eq!((records.len(), unparsed(&records)), (lines, 0), "{log}");
        let timed = records.iter().all(|record| record.get("time").is_some());
        assert!(timed || log == "nginx/jbad.log", "{log}");
    }
}

#[test]
fn four_formats_of_the_same_requests_agree() {
    let conf = workspace("data/nginx/formats.conf");
    let combined = records(&["nginx"], &data("nginx/combined.log"));
    let main = records(&["nginx"], &data("nginx/main.log"));
    let up = records(&["nginx", "--nginx-conf", &conf, "--format-name", "up"], &data("nginx/up.log"));
    for ((one, two), three) in combined.iter().zip(&main).zip(&up) {
        for key in ["remote_addr", "request", "request_method", "request_uri", "server_protocol", "status"] {
            assert_eq!(one.get(key), two.get(key), "{key}");
            assert_eq!(one.get(key), three.get(key), "{key}");
        }
        for key in ["remote_user", "body_bytes_sent", "http_referer", "http_user_agent"] {
            assert_eq!(one.get(key), two.get(key), "{key}");
        }
    }
}

#[test]
fn the_error_log_of_a_hostile_client_has_true_hosts() {
    let counts = |records: &[Value]| {
        let clients = records.iter().filter(|record| record.get("client").is_some());
        for record in clients.clone().filter(|record| record.get("host").is_some()) {
            assert!(matches!(record["host"].as_str().unwrap(), "e" | "e.example" | "a b"), "{record}");
        }
        (records.len(), clients.count(), unparsed(records))
    };
    // One line of 62 was broken in two by the client: its second half has no head.
    assert_eq!(counts(&records(&["nginx"], &data("nginx/error.log"))), (77, 61, 1));
    let joined = ["nginx", "--join-start", "^[0-9]{4}/[0-9]{2}/[0-9]{2} "];
    assert_eq!(counts(&records(&joined, &data("nginx/error.log"))), (76, 62, 0));
}

/// The fields of a combined line by another way: from both ends, by counting quotes.
fn by_hand(line: &str) -> Option<Vec<(&'static str, String)>> {
    let (address, rest) = line.split_once(" - ")?;
    let (user, rest) = rest.split_once(" [")?;
    let (stamp, rest) = rest.split_once("] \"")?;
    let mut quoted: Vec<&str> = rest.split("\" \"").collect();
    let agent = quoted.pop()?;
    let middle = quoted.join("\" \"");
    let (request, numbers) = middle.split_at(middle.find("\" ")?);
    let mut numbers = numbers[2..].splitn(3, ' ');
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|month| *month == &stamp[3..6])? + 1;
    let time = format!("{}-{month:02}-{}T{}Z", &stamp[7..11], &stamp[..2], &stamp[12..20]);
    let mut words = request.split(' ');
    let fields = vec![
        ("remote_addr", address.to_owned()),
        ("remote_user", user.to_owned()),
        ("time", time),
        ("request_method", words.next()?.to_owned()),
        ("request_uri", words.next()?.to_owned()),
        ("server_protocol", words.next()?.to_owned()),
        ("status", numbers.next()?.to_owned()),
        ("body_bytes_sent", numbers.next()?.to_owned()),
        ("http_referer", numbers.next()?.trim_start_matches('"').to_owned()),
        ("http_user_agent", agent.strip_suffix('"').unwrap_or(agent).to_owned()),
    ];
    words.next().is_none().then_some(fields)
}

#[test]
fn ten_thousand_lines_agree_with_a_parser_written_another_way() {
    let log = data("access-combined.log");
    let records = records(&["nginx"], &log);
    assert_eq!((records.len(), unparsed(&records)), (10_000, 0));
    let log = String::from_utf8_lossy(&log);
    for (line, record) in log.lines().zip(&records) {
        let fields = by_hand(line).unwrap_or_else(|| panic!("{line}"));
        let set = fields.iter().filter(|(_, value)| value != "-");
        assert_eq!(record.as_object().unwrap().len(), set.clone().count(), "{line}");
        for (key, value) in set {
            let found = &record[*key];
            let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            assert_eq!(found, *value, "{key} of {line}");
        }
    }
}
