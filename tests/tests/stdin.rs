//! What each tool does with its standard input, its output and bad arguments.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use logpipe_tests::receiver::{Behaviour, Receiver};
use logpipe_tests::tools;

/// Runs a command line under a shell with the built tools first on the path, in a directory of its own.
fn sh(name: &str, line: &str) -> Output {
    let scratch = tools::Scratch::new(name);
    Command::new("bash")
        .args(["-o", "pipefail", "-c", line])
        .current_dir(scratch.path())
        .env("PATH", tools::path())
        .env("DATA", tools::data())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn empty_input_is_empty_output() {
    for line in ["logparse nginx", "logparse text", "logparse json", ": > log; logtail -n +1 log"] {
        let output = sh("empty", &format!("{line} < /dev/null"));
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), String::new()), "{line}");
    }
}

#[test]
fn closed_stdout_is_success() {
    for line in ["logtail -n +1 $DATA/access-combined.log", "logparse nginx < $DATA/access-combined.log"] {
        let output = sh("closed", &format!("{line} | head -n 1"));
        assert_eq!(output.status.code(), Some(0), "{line}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout).lines().count(), 1, "{line}");
        assert!(output.stderr.is_empty(), "{line}: {}", text(&output.stderr));
    }
}

#[test]
fn full_disk_is_trouble_with_one_line() {
    for line in ["logtail -n +1 $DATA/access-combined.log", "logparse nginx < $DATA/access-combined.log"] {
        let output = sh("full", &format!("{line} > /dev/full"));
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert_eq!(text(&output.stderr).lines().count(), 1, "{line}: {}", text(&output.stderr));
    }
}

#[test]
fn refused_record_that_cannot_be_written_is_trouble() {
    let receiver = Receiver::start();
    receiver.script([Behaviour { item_status: Some(400), ..Behaviour::default() }]);
    let line = format!("echo '{{\"a\":1}}' | logpost --to elasticsearch {}/x > /dev/full", receiver.url());
    let output = sh("refused", &line);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("no space left on device"), "{}", text(&output.stderr));
}

#[test]
fn unknown_option_is_trouble_with_one_line() {
    for tool in ["logtail", "logparse", "logpost"] {
        let output = sh("option", &format!("{tool} --no-such-option x"));
        assert_eq!(output.status.code(), Some(2), "{tool}");
        let said = text(&output.stderr);
        assert!(said.starts_with(&format!("{tool}: ")) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn bytes_that_are_no_text_and_a_missing_newline_cost_no_line() {
    let output = sh("bytes", r"printf 'a\0b\n\377\n\nlast' | logparse text");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stdout),
        "{\"message\":\"a\\u0000b\"}\n{\"message\":\"\u{fffd}\"}\n{\"message\":\"last\"}\n"
    );
}

#[test]
fn all_of_a_real_log_is_parsed() {
    let output = sh("real", "logparse nginx < $DATA/access-combined.log");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let lines = text(&output.stdout);
    assert_eq!(lines.lines().count(), 10_000);
    assert!(!lines.contains("_parse_error"));
}

#[test]
fn torn_tagged_line_is_not_passed_on() {
    let tag = "\x1e0123456789abcdef:0-6 a.log\thello";
    // One whole line before it: only a stream that carries positions can have a torn tag.
    let whole = r"\0360123456789abcdef:0-3 a.log\tok\n";
    for end in [5, 20, 26, 30, tag.len()] {
        for between in ["", "| grep -a . ", "| awk 1 "] {
            // Torn just before its LF and given one again, it is whole.
            if end == tag.len() && !between.is_empty() {
                continue;
            }
            let torn = tag[..end].replace('\x1e', "\\036").replace('\t', "\\t");
            let output = sh("torn", &format!("printf '{whole}{torn}' {between}| logparse text"));
            let records = text(&output.stdout);
            assert!(records.lines().count() == 1 && records.contains("\"ok\""), "{end} {between}: {records}");
        }
    }
}

#[test]
fn torn_record_is_not_sent() {
    let receiver = Receiver::start();
    let record = r#"{"_pos":"0123456789abcdef:0-6","_file":"a.log","message":"hello"#;
    for between in ["", "| awk 1 "] {
        let output = sh(
            "torn-record",
            &format!("printf '%s' '{record}' {between}| logpost --to elasticsearch {}/x", receiver.url()),
        );
        assert_eq!(text(&output.stdout), "");
    }
    assert_eq!(receiver.documents().len(), 0);
}

#[test]
fn refused_connection_at_the_deadline_is_trouble() {
    let output = sh("connection", "echo a | logpost --drain 200ms http://127.0.0.1:1/");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("connection refused"), "{}", text(&output.stderr));
}
