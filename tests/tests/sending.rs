//! What logpost sends to each kind of server, what it refuses to send, and what it says about it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use logpipe_tests::pipeline::{Pipeline, words};
use logpipe_tests::receiver::{Behaviour, Receiver, Reset};
use logpipe_tests::running::Running;
use logpipe_tests::shell::{assert_status, records, run, text};
use logpipe_tests::tools::{self, Scratch, await_that};
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;

#[test]
fn victorialogs_gets_what_it_stores_and_the_rest_comes_out_with_the_reason() {
    let receiver = Receiver::start();
    let mut input = b"plain \"text\"\n".to_vec();
    input.extend_from_slice(&vec![b'x'; 256 * 1024]);
    input.extend_from_slice(b"\n{\"request_method\":\"GET\",\"request_uri\":\"/\",\"status\":200}\n{\"broken\n");
    // The last, for what has no time would have this one behind it.
    input.extend_from_slice(b"{\"time\":\"2001-01-01T00:00:00Z\",\"message\":\"old\"}\n");
    let output = run(&format!("logpost --to victorialogs {} --add pod=a --label app=b", receiver.url()), &input);
    assert_status(&output, 1);
    let documents = receiver.documents();
    let messages: Vec<_> = documents.iter().map(|document| document["_msg"].as_str().unwrap()).collect();
    assert_eq!(messages, ["plain \"text\"", "GET / 200", "{\"broken"]);
    assert!(documents.iter().all(|document| document["pod"] == "a" && document["app"] == "b"));
    let refused = records(&output);
    assert_eq!(refused.len(), 2);
    assert_eq!(
        refused[1]["_refused"],
        "not sent: 2001-01-01T00:00:00Z is older than --retention, 7 d, and would be dropped"
    );
    assert!(refused[0]["_refused"].as_str().unwrap().contains("lines of 256 KiB and more are dropped"));
}

#[test]
fn an_unknown_kind_names_the_known_ones_and_opensearch_is_one() {
    let output = run("logpost --to splonk http://127.0.0.1:1/", b"");
    assert_status(&output, 2);
    assert_eq!(
        text(&output.stderr),
        "logpost: invalid value 'splonk' for '--to <KIND>', expected one of ndjson, elasticsearch, victorialogs, loki, otlp, splunk, datadog\n"
    );
    let receiver = Receiver::start();
    let line = format!("logpost --to opensearch {} --index logs-app", receiver.url());
    assert_status(&run(&line, b"{\"ts\":1760104536}\n"), 0);
    assert_eq!(receiver.documents(), [json!({"@timestamp": "2025-10-10T13:55:36Z"})]);
}

#[test]
fn of_a_push_that_loki_partly_refuses_nothing_is_sent_again() {
    let receiver = Receiver::start();
    let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let named = time.replace('T', " ").replace('Z', ".000000001 +0000 UTC");
    let answer = format!(
        "entry with timestamp {named} ignored, reason: 'entry out of order',\nuser 'fake', total ignored: 2 out of 3 for stream: {{}}"
    );
    receiver.script([Behaviour { status: Some(400), text: Some(answer), ..Behaviour::default() }]);
    let lines = ["one", "two", "three"].map(|message| json!({"time": time, "message": message}).to_string() + "\n");
    let output = run(&format!("logpost --to loki {} --label app=shop", receiver.url()), lines.concat().as_bytes());
    assert_status(&output, 1);
    assert_eq!(records(&output), [json!({"time": time, "message": "two", "_refused": "400 entry out of order"})]);
    assert_eq!(receiver.requests(), 1);
    let said = text(&output.stderr);
    assert!(said.contains("1 of 3 records were refused and are not told apart: entry out of order\n"), "{said}");
    assert!(said.contains("delivered 1 records in 1 requests") && said.contains(", refused 2"), "{said}");
}

#[test]
fn what_otlp_rejects_without_saying_which_is_said_and_counted_and_not_sent_again() {
    let receiver = Receiver::start();
    let answer = r#"{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too old"}}"#;
    receiver.script([Behaviour { status: Some(200), text: Some(answer.to_owned()), ..Behaviour::default() }]);
    let output = run(&format!("logpost --to otlp {}", receiver.url()), b"one\ntwo\n");
    assert_status(&output, 1);
    assert_eq!(receiver.requests(), 1);
    let said = text(&output.stderr);
    assert!(said.contains("1 of 2 records were refused and are not told apart: rejected: too old\n"), "{said}");
    assert!(said.contains("delivered 1 records in 1 requests") && said.contains(", refused 1"), "{said}");
}

fn metric(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

#[test]
fn an_outage_is_said_when_it_begins_and_when_it_ends_with_what_has_waited() {
    let receiver = Receiver::start();
    receiver.script([Behaviour { status: Some(503), ..Behaviour::default() }]);
    let mut logpost = Running::start(&["--linger", "0", &receiver.url()], &[]);
    logpost.write(b"a\nb\nc\n");
    assert!(logpost.hear("503").ends_with(", trying again"));
    assert!(logpost.hear("recovered after").ends_with(" s, 3 records waited"));
    logpost.signal(Signal::USR1);
    assert_eq!(
        logpost.hear("records 3,"),
        "logpost: records 3, delivered 3 (0 known before), refused 0, waiting 0, requests 2, sent again 3"
    );
    assert_eq!(logpost.end().status, 0);
}

#[test]
fn the_first_batch_does_not_linger() {
    let receiver = Receiver::start();
    let mut logpost = Running::start(&["--linger", "1h", &receiver.url()], &[]);
    logpost.write(b"a\n");
    logpost.hear("delivered the first batch");
    logpost.write(b"b\n");
    assert_eq!(receiver.documents().len(), 1);
    assert_eq!(logpost.end().status, 0);
    assert_eq!(receiver.documents().len(), 2);
}

#[test]
fn metrics_tell_what_was_done_and_are_replaced_while_idle_and_while_the_server_is_down() {
    let receiver = Receiver::start();
    let scratch = Scratch::new("metrics");
    let file = scratch.path().join("metrics");
    let name = file.to_str().unwrap();
    let lines = (0..4).fold(String::new(), |lines, n| {
        let (start, end) = (n * 10, n * 10 + 10);
        format!("{lines}{{\"_pos\":\"3f2a00c4d1e0b7a9:{start}-{end}\",\"message\":\"m{n}\"}}\n")
    });
    receiver.script([
        Behaviour { reset: Some(Reset::After), ..Behaviour::default() },
        Behaviour { item_status: Some(400), matching: Some("m1".to_owned()), ..Behaviour::default() },
    ]);
    let mut logpost =
        Running::start(&["--to", "elasticsearch", "--metrics", name, "--linger", "0", &receiver.url()], &[]);
    logpost.write(lines.as_bytes());
    let read = || fs::read_to_string(&file).unwrap_or_default();
    await_that("the records are counted", || metric(&read(), "logpost_delivered_records_total") == Some(3));
    let text = read();
    for (name, value) in [
        ("logpost_known_records_total", 3),
        ("logpost_refused_records_total", 1),
        ("logpost_batches_total", 1),
        ("logpost_requests_total", 2),
        ("logpost_retries_total", 1),
        ("logpost_resent_records_total", 4),
        ("logpost_waiting_records", 0),
    ] {
        assert_eq!(metric(&text, name), Some(value), "{text}");
    }
    assert!(metric(&text, "logpost_last_success_timestamp_seconds") > Some(1_700_000_000));
    // A copy is written again by nobody.
    let copy = scratch.path().join("copy");
    fs::copy(&file, &copy).unwrap();
    let age = |file| {
        let before = SystemTime::now() - Duration::from_secs(1000);
        fs::File::options().append(true).open(file).unwrap().set_modified(before).unwrap();
    };
    age(&copy);
    assert_eq!(run(&format!("logpost --check {}", copy.display()), b"").status.code(), Some(1));
    // Idle, and then with a server that takes nothing: it is written all the same.
    age(&file);
    await_that("the file is written again", || run(&format!("logpost --check {name}"), b"").status.code() == Some(0));
    receiver.script((0..1000).map(|_| Behaviour { status: Some(503), ..Behaviour::default() }));
    logpost.write(b"later\n");
    await_that("it waits", || metric(&read(), "logpost_waiting_records") == Some(1));
    logpost.signal(Signal::INT);
    assert_eq!(logpost.end().status, 2);
    assert_eq!(run("logpost --check /nowhere", b"").status.code(), Some(2));
}

#[test]
fn the_metrics_of_a_pipe_with_state_tell_what_of_the_files_is_not_settled() {
    let receiver = Receiver::start();
    let scratch = Scratch::new("backlog");
    let at = |name: &str| scratch.path().join(name).display().to_string();
    fs::write(at("log"), "one\ntwo\n").unwrap();
    let tail = format!("logtail -F --drain-quiet 0 --state {} {}", at("state"), at("log"));
    let post =
        format!("logpost --state {} --metrics {} --drain 1s --linger 0 {}", at("state"), at("metrics"), receiver.url());
    let mut pipeline = Pipeline::start(&[words(&tail), words(&post)], &scratch.path().join("said")).unwrap();
    let read = || fs::read_to_string(at("metrics")).unwrap_or_default();
    await_that("all is settled", || {
        metric(&read(), "logpost_delivered_records_total") == Some(2)
            && metric(&read(), "logpost_unacknowledged_bytes") == Some(0)
    });
    assert_eq!(metric(&read(), "logtail_truncations_total"), Some(0));
    receiver.script((0..1000).map(|_| Behaviour { status: Some(503), ..Behaviour::default() }));
    fs::File::options().append(true).open(at("log")).unwrap().write_all(b"three\nfour\n").unwrap();
    await_that("it waits", || metric(&read(), "logpost_unacknowledged_bytes") == Some(11));
    pipeline.signal(0, Signal::TERM);
    await_that("the end", || pipeline.has_ended());
    assert_eq!(pipeline.codes(), [Some(0), Some(2)]);
}

#[test]
fn a_dead_letter_is_on_disk_and_stdout_is_empty() {
    let receiver = Receiver::start();
    let scratch = Scratch::new("dead");
    let file = scratch.path().join("dead");
    let refuse_b = || Behaviour { item_status: Some(400), matching: Some("bad".to_owned()), ..Behaviour::default() };
    for round in 1..=2 {
        receiver.script([refuse_b()]);
        let line = format!("logpost --to elasticsearch --dead-letter {} {}", file.display(), receiver.url());
        let output = run(&line, b"{\"message\":\"bad\"}\ngood\n");
        assert_status(&output, 1);
        assert_eq!(output.stdout, b"");
        let expected = "{\"message\":\"bad\",\"_refused\":\"400 mapper_parsing_exception: as told\"}\n";
        assert_eq!(fs::read_to_string(&file).unwrap(), expected.repeat(round));
    }
    let full = format!("logpost --to elasticsearch --dead-letter /dev/full {}", receiver.url());
    receiver.script([refuse_b()]);
    let output = run(&full, b"bad\n");
    assert_status(&output, 2);
    assert!(text(&output.stderr).contains("/dev/full: no space left on device"), "{}", text(&output.stderr));
}

#[test]
fn a_dry_run_shows_the_requests_and_no_secret_and_sends_nothing() {
    let output = run(
        "LOGPOST_USER=me:secret logpost --dry-run --to elasticsearch --index 'a-%Y' --index-window none --add env=prod -H 'X-Key: secret' http://127.0.0.1:1",
        b"{\"time\":\"2025-10-10T13:55:36Z\"}\n",
    );
    assert_status(&output, 0);
    assert_eq!(
        text(&output.stdout),
        "POST http://127.0.0.1:1/_bulk?filter_path=errors,items.*.status,items.*.error\n\
         content-type: application/x-ndjson\nauthorization: ***\nx-key: ***\n\n\
         {\"create\":{\"_index\":\"a-2025\"}}\n{\"@timestamp\":\"2025-10-10T13:55:36Z\",\"env\":\"prod\"}\n\n"
    );
    assert_eq!(text(&output.stderr), "");
    let line = b"\x1e3f2a00c4d1e0b7a9:0-5 /a\tfour\n";
    let output = run("LOGPOST_TOKEN=secret logpost --dry-run http://h/in", line);
    let requests = text(&output.stdout);
    let key = r#"idempotency-key: "3f2a00c4d1e0b7a9:0-5..3f2a00c4d1e0b7a9:0-5""#;
    assert!(
        requests.contains(&format!("\nauthorization: ***\n{key}\n\n{{")) && !requests.contains("secret"),
        "{requests}"
    );
    assert_eq!(requests.matches("authorization").count(), 1, "{requests}");
    let output = run("logpost --dry-run 'http://h/in?key=secret&secret'", b"a\n");
    assert!(text(&output.stdout).starts_with("POST http://h/in?key=***&***\n"), "{}", text(&output.stdout));
    let output = run("logpost --dry-run --to victorialogs http://h", b"{\"time\":\"2001-01-01T00:00:00Z\"}\n");
    assert_status(&output, 1);
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains("older than --retention"), "{}", text(&output.stderr));
}

#[test]
fn verbose_is_one_line_for_each_request() {
    let receiver = Receiver::start();
    let output = run(&format!("logpost -v --batch-bytes 1 {}", receiver.url()), b"a\nb\n");
    let said = text(&output.stderr);
    let requests = said.lines().filter(|line| line.contains(": 1 records, ") && line.contains(" bytes: 200, "));
    assert_eq!(requests.count(), 2, "{said}");
}

#[test]
fn it_gives_up_after_retry_for_also_behind_the_end_of_the_input() {
    let receiver = Receiver::start();
    receiver.fail(Behaviour { status: Some(503), ..Behaviour::default() });
    let mut logpost = Running::start(&["--retry-for", "300ms", "--linger", "0", &receiver.url()], &[]);
    logpost.write(b"a\n");
    logpost.hear("1 records are not delivered");
    assert_eq!(logpost.end().status, 2);
    // A file is at its end at once. The drain of 25 s has no part in it, unless it is asked for.
    let scratch = Scratch::new("retry-for");
    let file = scratch.path().join("line");
    fs::write(&file, "a\n").unwrap();
    for arguments in [&["--retry-for", "300ms"][..], &["--retry-for", "1h", "--drain", "0s"]] {
        let since = Instant::now();
        let url = receiver.url();
        let ended = Running::reading(fs::File::open(&file).unwrap(), &[arguments, &[&url]].concat()).end();
        assert_eq!(ended.status, 2, "{:?}", ended.said);
        assert!(since.elapsed() < Duration::from_secs(20), "{arguments:?}");
    }
}

#[test]
fn a_state_that_cannot_be_used_or_is_on_one_side_only_is_said_at_the_start() {
    let (receiver, scratch) = (Receiver::start(), Scratch::new("one-sided"));
    let file = scratch.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("state");
    let url = receiver.url();
    let mut logpost = Running::start(&["--state", below.to_str().unwrap(), &url], &[]);
    logpost.hear("file/state: not a directory, nothing of what is delivered can be kept here");
    drop(logpost);
    let mut logpost = Running::start(&["--state", scratch.path().to_str().unwrap(), &url], &[]);
    logpost.write(b"{\"a\":1}\n");
    logpost.hear("--state: the input has no positions that could be kept, expected them from logtail --state");
    assert_eq!(logpost.end().status, 0);
    let mut logpost = Running::start(&[&url], &[]);
    logpost.write(b"\x1e00000000000000aa:0-5 /a\tfour\n");
    logpost.hear("the input has positions and there is no --state to keep them");
    assert_eq!(logpost.end().status, 0);
}

#[test]
fn a_terminal_shows_a_line_that_grows_and_is_gone_at_the_end() {
    let receiver = Receiver::start();
    let Ok(terminal) = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY) else {
        return tools::skip("a_terminal_shows_a_line_that_grows_and_is_gone_at_the_end", "no terminals here");
    };
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let stderr = fs::File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let mut child = Command::new(tools::directory().join("logpost"))
        .args(["--linger", "0", &receiver.url()])
        .stdin(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .unwrap();
    let (sender, shown) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        // A terminal that nobody writes to any more fails to be read.
        while let Ok(length) = rustix::io::read(&terminal, &mut chunk)
            && sender.send(text(&chunk[..length])).is_ok()
        {}
    });
    let mut screen = String::new();
    await_that("the line is shown", || {
        child.stdin.as_mut().unwrap().write_all(b"a\n").unwrap();
        screen.extend(shown.try_iter());
        screen.contains(" records, ") && screen.contains("/s, 0 retries, 0 refused")
    });
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    screen.extend(shown.iter());
    assert!(screen.ends_with("refused 0\r\n") && screen.contains("\r\u{1b}[Klogpost: delivered "), "{screen:?}");
}

/// A first answer that is not the kind's success, and whether what it says needs a hand.
struct Case {
    kind: &'static str,
    answer: Behaviour,
    said: &'static str,
}

fn case(kind: &'static str, status: u16, body: &str, said: &'static str) -> Case {
    Case { kind, answer: Behaviour { status: Some(status), text: Some(body.to_owned()), ..Behaviour::default() }, said }
}

fn item(status: u16, error: &str, said: &'static str) -> Case {
    let answer = Behaviour { item_status: Some(status), item_type: Some(error.to_owned()), ..Behaviour::default() };
    Case { kind: "elasticsearch", answer, said }
}

#[test]
fn what_is_not_the_success_of_the_kind_is_said_and_nothing_is_dropped_or_lost() {
    let page = "<html><h1>It works!</h1></html>";
    let cases = [
        case("elasticsearch", 200, page, "200, no bulk answer, so this is not Elasticsearch or OpenSearch: a page"),
        case("elasticsearch", 200, "{}", "200, no bulk answer, so this is not Elasticsearch or OpenSearch: {}"),
        case("elasticsearch", 200, r#"{"items":[{"create":{"status":201}}]}"#, "200 with 1 items for 2 records"),
        case("elasticsearch", 201, "", "201"),
        case("elasticsearch", 302, "", "302"),
        case("elasticsearch", 401, "", "401"),
        case("elasticsearch", 403, "", "403"),
        case("elasticsearch", 404, "no handler", "404, no answer of Elasticsearch (is the URL right?): no handler"),
        case("elasticsearch", 405, page, "405, no answer of Elasticsearch (is the URL right?): a page"),
        case("elasticsearch", 406, "", "406"),
        case("elasticsearch", 503, page, "503 a page"),
        item(429, "es_rejected_execution_exception", "429 es_rejected_execution_exception: as told"),
        item(429, "cluster_block_exception", "429 cluster_block_exception: as told"),
        item(503, "unavailable_shards_exception", "503 unavailable_shards_exception: as told"),
        item(403, "cluster_block_exception", "403 cluster_block_exception: as told"),
        item(403, "security_exception", "403 security_exception: as told"),
        item(404, "index_not_found_exception", "404 index_not_found_exception: as told"),
        item(400, "index_closed_exception", "400 index_closed_exception: as told"),
        case("victorialogs", 200, page, "200, not VictoriaLogs' answer: a page"),
        case("victorialogs", 202, "", "202"),
        case("victorialogs", 404, "unsupported path", "404 unsupported path"),
        case("victorialogs", 503, "read-only", "503 read-only"),
        case("loki", 200, "", "200, not Loki's 204, so nothing is stored"),
        case("loki", 260, "", "260, not Loki's 204, so nothing is stored"),
        case("loki", 400, "unexpected end of JSON input", "400 unexpected end"),
        case("loki", 429, "Ingestion rate limit exceeded", "429 Ingestion"),
        case("otlp", 201, "", "201, not OpenTelemetry's answer"),
        case("otlp", 200, page, "200, not OpenTelemetry's answer: a page"),
        case("otlp", 500, "", "500"),
        case("otlp", 503, "", "503"),
        case("ndjson", 207, "", "207, which does not tell that all of it is stored"),
        case("ndjson", 260, "", "260"),
        case("ndjson", 301, "", "301"),
        case("ndjson", 405, page, "405 a page"),
        case("ndjson", 408, "", "408"),
        case("ndjson", 501, "", "501"),
    ];
    // Each waits for its pause, all of them together: so many that a drain of every day may be too short.
    let runs = cases.map(|Case { kind, answer, said }| {
        thread::spawn(move || {
            let receiver = Receiver::start();
            receiver.script([answer]);
            let line = format!("logpost --drain 2min --to {kind} {}", receiver.url());
            let output = run(&line, b"{\"message\":\"one\"}\n{\"message\":\"two\"}\n");
            assert_status(&output, 0);
            assert_eq!(output.stdout, b"", "{kind}, {said}");
            let words = text(&output.stderr);
            assert!(
                words.contains(&format!(": {said}")) && words.contains(", trying again"),
                "{kind}: {said}: {words}"
            );
            // These are sent as one object.
            let objects = if matches!(kind, "loki" | "otlp") { 1 } else { 2 };
            assert_eq!(receiver.documents().len(), objects, "{kind}, {said}");
            assert_eq!(receiver.requests(), 2, "{kind}, {said}");
        })
    });
    for run in runs {
        run.join().unwrap();
    }
}

#[test]
fn one_record_that_spoils_its_request_is_found_and_its_neighbours_are_delivered() {
    for kind in ["elasticsearch", "ndjson", "victorialogs"] {
        let receiver = Receiver::start();
        // The whole, then each half: which of them is bad says the scripted order.
        let bad = || Behaviour { status: Some(400), text: Some("no".to_owned()), ..Behaviour::default() };
        receiver.script([bad(), bad(), bad(), Behaviour::default(), Behaviour::default()]);
        let output = run(&format!("logpost --to {kind} {}", receiver.url()), b"a\nb\nc\nd\n");
        assert_status(&output, 1);
        let refused: Vec<_> = text(&output.stdout).lines().map(str::to_owned).collect();
        assert_eq!(refused, [r#"{"message":"a","_refused":"400 no"}"#], "{kind}");
        assert_eq!(receiver.documents().len(), 3, "{kind}");
    }
}

#[test]
fn a_document_that_elasticsearch_refuses_comes_out_with_its_reason_and_the_position_passes_it() {
    let receiver = Receiver::start();
    let scratch = Scratch::new("position");
    receiver.script([Behaviour {
        item_status: Some(400),
        item_type: Some("document_parsing_exception".to_owned()),
        matching: Some("bad".to_owned()),
        ..Behaviour::default()
    }]);
    let input =
        "\x1e3f2a00c4d1e0b7a9:0-5 /a\tgood\n\x1e3f2a00c4d1e0b7a9:5-9 /a\tbad\n\x1e3f2a00c4d1e0b7a9:9-14 /a\tgood\n";
    let state = scratch.path().display();
    let line = format!("logpost --to elasticsearch --state {state} {}", receiver.url());
    let output = run(&line, input.as_bytes());
    assert_status(&output, 1);
    let refused = r#"{"_pos":"3f2a00c4d1e0b7a9:5-9","_file":"/a","message":"bad","_refused":"400 document_parsing_exception: as told"}"#;
    assert_eq!(text(&output.stdout), format!("{refused}\n"));
    assert_eq!(receiver.documents().len(), 2);
    let acks = fs::read_to_string(scratch.path().join("acks")).unwrap();
    assert!(acks.contains(r#"{"fid":"3f2a00c4d1e0b7a9","offset":14}"#), "{acks}");
}
