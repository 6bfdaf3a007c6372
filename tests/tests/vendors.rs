//! logpost against Splunk and Datadog, as far as their documentation tells what they do: whatever each answers, a record is
//! stored once or comes out refused with its reason.

use std::thread;

use logpipe_tests::running::Running;
use logpipe_tests::tools::Scratch;
use logpipe_tests::vendor::{INDEX, Kind, TOKEN, Vendor};
use serde_json::{Value, json};

const TOKENS: [(&str, &str); 1] = [("LOGPOST_TOKEN", TOKEN)];

fn start(vendor: &Vendor, kind: &str, more: &[&str]) -> Running {
    Running::start(&[&["--to", kind, &vendor.url()], more].concat(), &TOKENS)
}

/// The messages of what it has stored.
fn messages(vendor: &Vendor) -> Vec<String> {
    let message = |record: &Value| {
        let message = record["event"]["message"].as_str().or(record["message"].as_str());
        message.unwrap_or_default().to_owned()
    };
    vendor.records().iter().map(message).collect()
}

/// Answers the first request so; what is stored in the end, and how it ended.
fn after(kind: Kind, name: &str, status: u16, body: Value) -> (Vec<String>, i32, Vec<String>) {
    let vendor = Vendor::start(kind);
    vendor.script(status, body);
    let mut logpost = start(&vendor, name, &["--drain", "60s"]);
    logpost.write(b"one\ntwo\nthree\n");
    let ended = logpost.end();
    let mut stored = messages(&vendor);
    stored.sort_unstable();
    (stored, ended.status, ended.said)
}

#[test]
fn whatever_splunk_answers_first_each_event_is_stored_once() {
    let codes = [
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
    thread::scope(|scope| {
        for (status, code, words) in codes {
            scope.spawn(move || {
                let body = json!({"text": words, "code": code});
                let (stored, exit, said) = after(Kind::Splunk, "splunk", status, body);
                assert_eq!(
                    (stored, exit),
                    (["one", "three", "two"].map(str::to_owned).to_vec(), 0),
                    "{code}: {said:?}"
                );
                // A request that is parted at once has nothing to say.
                let is_silent = matches!(code, 0 | 6 | 12 | 13 | 15);
                assert_eq!(said.iter().any(|line| line.contains(words)), !is_silent, "{code}: {said:?}");
            });
        }
    });
}

#[test]
fn an_event_that_splunk_names_is_refused_and_its_neighbours_are_stored_once() {
    let vendor = Vendor::start(Kind::Splunk);
    let mut logpost = start(&vendor, "splunk", &["--index", INDEX, "--compress", "gzip"]);
    logpost.write(b"one\ntwo\n{\"message\":\"wrong\"}\nfour\n{\"message\":\"wrong\"}\nsix\n");
    let ended = logpost.end();
    assert_eq!(messages(&vendor), ["one", "two", "four", "six"]);
    let refused: Vec<Value> = ended.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(refused.len(), 2);
    assert!(refused.iter().all(|record| {
        let reason = record["_refused"].as_str().unwrap_or_default();
        record["message"] == "wrong" && reason.contains("Error in handling indexed fields")
    }));
    assert_eq!(ended.status, 1);
}

#[test]
fn a_token_that_splunk_does_not_know_holds_until_its_file_has_another() {
    let vendor = Vendor::start(Kind::Splunk);
    let scratch = Scratch::new("splunk-token");
    let file = scratch.path().join("token");
    std::fs::write(&file, "another\n").expect("a file");
    let name = file.to_str().expect("text");
    let mut logpost = start(&vendor, "splunk", &["--token-file", name, "--channel", TOKEN]);
    logpost.write(b"one\n");
    let said = logpost.hear("Invalid token");
    assert!(!said.contains("another"), "{said}");
    std::fs::write(&file, format!("{TOKEN}\n")).expect("a file");
    assert_eq!((logpost.end().status, messages(&vendor)), (0, vec!["one".to_owned()]));
    let head = vendor.heads().pop().unwrap_or_default();
    assert!(head.contains(&format!("authorization: Splunk {TOKEN}")), "{head:?}");
    assert!(head.contains(&format!("x-splunk-request-channel: {TOKEN}")), "{head:?}");
}

#[test]
fn an_index_that_the_token_may_not_write_to_holds() {
    let vendor = Vendor::start(Kind::Splunk);
    let mut logpost = start(&vendor, "splunk", &["--index", "secret", "--drain", "0s"]);
    logpost.write(b"one\ntwo\n");
    logpost.hear("Incorrect index");
    let ended = logpost.end();
    assert_eq!((ended.status, ended.stdout.as_str(), vendor.records().len()), (2, "", 0));
}

#[test]
fn whatever_datadog_answers_first_each_record_is_stored_once() {
    let statuses = [
        (202, ""),
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (408, "Request Timeout"),
        (413, "Payload Too Large"),
        (429, "Too Many Requests"),
        (500, "Internal Server Error"),
        (503, "Service Unavailable"),
    ];
    thread::scope(|scope| {
        for (status, words) in statuses {
            scope.spawn(move || {
                let body = json!({"errors": [{"status": status.to_string(), "title": words}]});
                let (stored, exit, said) = after(Kind::Datadog, "datadog", status, body);
                assert_eq!(
                    (stored, exit),
                    (["one", "three", "two"].map(str::to_owned).to_vec(), 0),
                    "{status}: {said:?}"
                );
                let is_silent = matches!(status, 202 | 400 | 413);
                assert!(is_silent || said.iter().any(|line| line.contains(words)), "{status}: {said:?}");
            });
        }
    });
}

#[test]
fn datadog_gets_arrays_of_at_most_a_thousand_with_its_key_in_a_header() {
    let vendor = Vendor::start(Kind::Datadog);
    let more = ["--source", "nginx", "--service", "shop", "--host", "web-1", "--label", "env=prod"];
    let mut logpost = start(&vendor, "datadog", &more);
    let lines: String = (0..2500).fold(String::new(), |lines, n| lines + &format!("line {n}\n"));
    logpost.write(lines.as_bytes());
    assert_eq!(logpost.end().status, 0);
    let requests = vendor.requests();
    assert_eq!((requests.iter().sum::<usize>(), requests.iter().max().is_some_and(|most| *most <= 1000)), (2500, true));
    let record = &vendor.records()[0];
    let origin = ["ddsource", "service", "hostname", "ddtags"].map(|name| record[name].as_str().unwrap_or_default());
    assert_eq!(origin, ["nginx", "shop", "web-1", "env:prod"]);
    assert!(vendor.heads()[0].contains(&format!("dd-api-key: {TOKEN}")), "{:?}", vendor.heads()[0]);
}
