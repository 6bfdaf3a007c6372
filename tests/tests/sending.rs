//! What logpost sends to each kind of server, what it refuses to send, and what it says about it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::thread;

use logpipe_tests::receiver::Receiver;
use logpipe_tests::tools;
use serde_json::{Value, json};

/// Runs a shell line with that input; the status is that of the last member that failed.
fn run(line: &str, input: &[u8]) -> Output {
    let mut child = Command::new("bash")
        .args(["-o", "pipefail", "-c", line])
        .env("PATH", tools::path())
        .env("DATA", tools::data())
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn records(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
fn assert_status(output: &Output, status: i32) {
    assert_eq!(output.status.code(), Some(status), "{}", text(&output.stderr));
}

#[test]
fn victorialogs_gets_what_it_stores_and_the_rest_comes_out_with_the_reason() {
    let receiver = Receiver::start();
    let mut input = br#"{"time":"2001-01-01T00:00:00Z","message":"old"}"#.to_vec();
    input.extend_from_slice(b"\nplain \"text\"\n");
    input.extend_from_slice(&vec![b'x'; 256 * 1024]);
    input.extend_from_slice(b"\n{\"request_method\":\"GET\",\"request_uri\":\"/\",\"status\":200}\n{\"broken\n");
    let output = run(&format!("logpost --to victorialogs {} --add pod=a --label app=b", receiver.url()), &input);
    assert_status(&output, 1);
    let documents = receiver.documents();
    let messages: Vec<_> = documents.iter().map(|document| document["_msg"].as_str().unwrap()).collect();
    assert_eq!(messages, ["plain \"text\"", "GET / 200", "{\"broken"]);
    assert!(documents.iter().all(|document| document["pod"] == "a" && document["app"] == "b"));
    let refused = records(&output);
    assert_eq!(refused.len(), 2);
    assert_eq!(
        refused[0]["_refused"],
        "not sent: 2001-01-01T00:00:00Z is older than --retention, 7 d, and would be dropped"
    );
    assert!(refused[1]["_refused"].as_str().unwrap().contains("lines of 256 KiB and more are dropped"));
}

#[test]
fn an_unknown_kind_names_the_known_ones_and_opensearch_is_one() {
    let output = run("logpost --to splonk http://127.0.0.1:1/", b"");
    assert_status(&output, 2);
    assert_eq!(
        text(&output.stderr),
        "logpost: invalid value 'splonk' for '--to <KIND>', expected one of ndjson, elasticsearch, victorialogs\n"
    );
    let receiver = Receiver::start();
    let line = format!("logpost --to opensearch {} --index logs-app", receiver.url());
    assert_status(&run(&line, b"{\"ts\":1760104536}\n"), 0);
    assert_eq!(receiver.documents(), [json!({"@timestamp": "2025-10-10T13:55:36Z"})]);
}
