//! How logpost delivers whatever the server and the network do. A test named `g07_…` is row G7 of the cases: the letter and
//! the number stand for what must hold, each against a receiver or a front that misbehaves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use logpipe_tests::front::{Front, read_head, read_request};
use logpipe_tests::receiver::{Behaviour, Receiver, Reset};
use logpipe_tests::running::{Ended, Running};
use logpipe_tests::tools::{Scratch, await_that};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use serde_json::Value;

/// Lines `number` in `numbers` of one file, 100 bytes each, as logtail tags them.
fn tagged(numbers: std::ops::Range<u64>) -> Vec<u8> {
    let mut text = Vec::new();
    for number in numbers {
        let (start, end) = (number * 100, number * 100 + 100);
        text.extend_from_slice(format!("\x1e00000000000000aa:{start}-{end} /a\tline {number:094}\n").as_bytes());
    }
    text
}

const END: &[u8] = b"\x1eend\n";

/// The numbers of the lines that have arrived.
fn numbers(receiver: &Receiver) -> Vec<u64> {
    let number = |document: &Value| document["message"].as_str()?.strip_prefix("line ")?.parse().ok();
    let mut numbers: Vec<u64> = receiver.documents().iter().filter_map(number).collect();
    numbers.sort_unstable();
    numbers
}

/// Each line up to this number has arrived once.
#[track_caller]
fn assert_exact(receiver: &Receiver, end: u64) {
    let found = numbers(receiver);
    let wrong = (0..end.max(found.len() as u64)).zip(&found).find(|(expected, found)| expected != *found);
    assert!(found.len() as u64 == end && wrong.is_none(), "{} of {end} lines, {wrong:?}", found.len());
}

/// The offset that is acknowledged.
fn acknowledged(state: &Scratch) -> Option<u64> {
    let text = fs::read_to_string(state.path().join("acks")).ok()?;
    let line = text.lines().find(|line| line.contains("00000000000000aa"))?;
    line.split("\"offset\":").nth(1)?.trim_end_matches('}').parse().ok()
}

fn behaviour(status: u16) -> Behaviour {
    Behaviour { status: Some(status), ..Behaviour::default() }
}

/// Runs logpost to its end over this input.
fn post(arguments: &[&str], input: &[u8]) -> Ended {
    let mut logpost = Running::start(arguments, &[]);
    logpost.write(input);
    logpost.end()
}

fn bulk<'a>(url: &'a str, state: &'a Scratch) -> [&'a str; 6] {
    ["--to", "elasticsearch", "--state", state.path().to_str().unwrap(), "--linger=0", url]
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

#[test]
fn g01_the_position_is_the_end_of_the_last_line() {
    let (receiver, state) = (Receiver::start(), Scratch::new("g01"));
    let ended = post(&bulk(&receiver.url(), &state), &[tagged(0..3), END.to_vec()].concat());
    assert_eq!((ended.status, acknowledged(&state)), (0, Some(300)));
    assert_exact(&receiver, 3);
}

#[test]
fn g02_only_the_items_that_got_429_go_again_and_the_position_stops_before_the_first() {
    let (receiver, state) = (Receiver::start(), Scratch::new("g02"));
    let busy = || Behaviour { item_status: Some(429), matching: Some("0007".to_owned()), ..Behaviour::default() };
    // So often that the end finds it still busy.
    receiver.script((0..100).map(|_| busy()));
    let mut logpost = Running::start(&[&bulk(&receiver.url(), &state)[..], &["--drain=300ms"]].concat(), &[]);
    logpost.write(&tagged(0..10));
    logpost.hear("429");
    assert_eq!(logpost.end().status, 2);
    assert_eq!(acknowledged(&state), None, "the batch is settled as a whole");
    let delivered = numbers(&receiver);
    assert_eq!(delivered.len(), 9);
    assert_eq!(receiver.conflicts(), 0, "what was taken is not sent again");
    let receiver = Receiver::start();
    receiver.script([busy()]);
    assert_eq!(post(&bulk(&receiver.url(), &state), &tagged(0..10)).status, 0);
    assert_eq!((numbers(&receiver).len(), receiver.conflicts(), acknowledged(&state)), (10, 0, Some(1000)));
}

#[test]
fn g03_a_bad_document_is_refused_and_its_neighbours_and_the_position_pass() {
    let (receiver, state) = (Receiver::start(), Scratch::new("g03"));
    let bad = Behaviour { item_status: Some(400), matching: Some("0001".to_owned()), ..Behaviour::default() };
    receiver.script([bad]);
    let ended = post(&bulk(&receiver.url(), &state), &tagged(0..3));
    assert_eq!((ended.status, acknowledged(&state)), (1, Some(300)));
    let refused: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(refused["_refused"], "400 mapper_parsing_exception: as told");
    assert_eq!(numbers(&receiver), [0, 2]);
}

#[test]
fn g04_a_conflict_is_a_delivery() {
    let (receiver, state) = (Receiver::start(), Scratch::new("g04"));
    post(&["--to", "elasticsearch", &receiver.url()], &tagged(0..3));
    let ended = post(&bulk(&receiver.url(), &state), &tagged(0..4));
    assert_eq!((ended.status, receiver.conflicts(), acknowledged(&state)), (0, 3, Some(400)));
    assert_exact(&receiver, 4);
}

#[test]
fn g05_too_large_a_request_is_halved_and_the_size_that_passed_is_remembered() {
    let receiver = Receiver::start();
    receiver.script((0..1000).map(|_| Behaviour { above: Some(64 << 10), ..behaviour(413) }));
    let mut input = tagged(0..10_000);
    input.extend_from_slice(&vec![b'x'; 100 << 10]);
    input.extend_from_slice(b"\n");
    input.extend_from_slice(&tagged(10_000..20_000));
    let ended = post(&["-v", "--to=elasticsearch", "--batch-bytes=256KiB", &receiver.url()], &input);
    assert_eq!(ended.status, 1);
    assert!(ended.stdout.contains("\"_refused\":\"413") && ended.stdout.len() > 100 << 10);
    assert_exact(&receiver, 20_000);
    // Seven for each of the first batches; forgotten, it would be seven for each of eleven.
    let too_large = ended.said.iter().filter(|line| line.contains(": 413,")).count();
    assert!(too_large < 40, "{too_large}");
}

#[test]
fn g05_a_server_that_says_413_and_closes_while_it_is_written_to_is_heard() {
    let receiver = Receiver::start();
    let front = Front::start(receiver.address(), |number, stream| {
        if number > 0 {
            return Ok(true);
        }
        read_head(stream)?;
        stream.write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")?;
        stream.shutdown(Shutdown::Both)?;
        Ok(false)
    });
    let ended = post(&["-v", "--to=elasticsearch", &url(front.address())], &tagged(0..9000));
    assert_eq!(ended.status, 0);
    assert_exact(&receiver, 9000);
    assert!(ended.said.iter().any(|line| line.contains(": 413,")), "{:?}", ended.said);
}

#[test]
fn g06_mistakes_of_configuration_drop_nothing_are_said_and_pass_when_mended() {
    for status in [301, 401, 403, 404, 405, 406, 407, 410, 411, 414, 415, 426, 431, 501, 505, 299] {
        let receiver = Receiver::start();
        receiver.script([behaviour(status)]);
        let mut logpost = Running::start(&["--to=elasticsearch", "--linger=0", &receiver.url()], &[]);
        logpost.write(&tagged(0..2));
        logpost.hear(&format!("_bulk: {status}"));
        logpost.hear("recovered");
        assert_eq!(logpost.end().status, 0);
        assert_exact(&receiver, 2);
    }
}

#[test]
fn g07_retry_after_is_obeyed() {
    let receiver = Receiver::start();
    receiver.script([Behaviour { retry_after: Some(2), ..behaviour(429) }]);
    let since = Instant::now();
    assert_eq!(post(&["--to=elasticsearch", &receiver.url()], &tagged(0..1)).status, 0);
    assert!(since.elapsed() >= Duration::from_secs(2));
    assert_eq!(receiver.requests(), 2);
}

#[test]
fn g08_while_the_server_fails_memory_is_bounded_and_the_pipe_is_blocked() {
    let receiver = Receiver::start();
    receiver.script((0..3).map(|_| behaviour(503)));
    let mut logpost = Running::start(&["--to=elasticsearch", &receiver.url()], &[]);
    // 100 000 lines are 13 MB, and twice as much with what is kept about each.
    logpost.write_all_the_while(tagged(0..100_000));
    logpost.hear("503");
    logpost.hear("recovered");
    await_that("all is there", || receiver.stored() == 100_000);
    assert!(logpost.peak() < 16 << 10, "{} KiB", logpost.peak());
    assert_eq!(logpost.end().status, 0);
    assert_exact(&receiver, 100_000);
}

#[test]
fn g08_with_a_server_that_hangs_memory_is_bounded() {
    let receiver = Receiver::start();
    let front = Front::start(receiver.address(), |_, stream| {
        read_head(stream)?;
        // It reads all and never answers.
        io::copy(stream, &mut io::sink())?;
        Ok(false)
    });
    let short = b"a line\n".repeat(1_000_000);
    for input in [tagged(0..100_000), short] {
        let arguments = ["--to=elasticsearch", "--max-time=2s", &url(front.address())];
        let mut logpost = Running::start(&arguments, &[]);
        logpost.write_all_the_while(input);
        logpost.hear("no answer in time");
        assert!(logpost.peak() < 16 << 10, "{} KiB", logpost.peak());
    }
}

#[test]
fn g09_an_answer_that_never_comes_is_asked_for_again_and_ids_keep_it_single() {
    let (receiver, state) = (Receiver::start(), Scratch::new("g09"));
    receiver.script([Behaviour { reset: Some(Reset::After), ..Behaviour::default() }]);
    let ended = post(&bulk(&receiver.url(), &state), &tagged(0..3));
    assert_eq!((ended.status, acknowledged(&state), receiver.conflicts()), (0, Some(300), 3));
    assert_exact(&receiver, 3);
    assert!(ended.said.iter().any(|line| line.contains("the connection was closed without an answer")));
}

#[test]
fn g11_a_name_that_cannot_be_resolved_is_tried_until_the_time_is_up() {
    // Where nobody answers who knows names, that shall not take longer than a connection may.
    let arguments = ["--drain=1s", "--linger=0", "http://no.such.host.invalid:9200/"];
    let mut logpost = Running::start(&arguments, &[("RES_OPTIONS", "timeout:1 attempts:1")]);
    logpost.write(b"{\"a\":1}\n");
    logpost.hear("http://no.such.host.invalid:9200/: the host name cannot be resolved: ");
    let ended = logpost.end();
    assert_eq!(ended.status, 2);
    assert!(ended.said.last().unwrap().contains("delivered 0"), "{:?}", ended.said);
}

#[test]
fn g12_of_answers_out_of_order_only_the_contiguous_part_is_acknowledged() {
    let (receiver, state) = (Receiver::start(), Scratch::new("g12"));
    // The first batch is not taken as long as this is so.
    receiver.fail(Behaviour {
        item_status: Some(503),
        matching: Some("line 0000".to_owned() + &"0".repeat(90)),
        ..Behaviour::default()
    });
    let state_directory = state.path().to_str().unwrap();
    let arguments = ["--to=elasticsearch", "--batch-bytes=1KiB", "--state", state_directory, &receiver.url()];
    let mut logpost = Running::start(&arguments, &[]);
    // Two batches, and one that waits.
    logpost.write(&tagged(0..20));
    await_that("the second batch is delivered", || numbers(&receiver).contains(&10));
    assert_eq!(acknowledged(&state), None);
    receiver.recover();
    assert_eq!((logpost.end().status, acknowledged(&state)), (0, Some(2000)));
    assert_exact(&receiver, 20);
}

#[test]
fn g14_marks_alone_move_the_position() {
    let (receiver, state) = (Receiver::start(), Scratch::new("g14"));
    let mut logpost = Running::start(&bulk(&receiver.url(), &state), &[]);
    logpost.write(b"\x1e00000000000000aa:5000\n");
    await_that("the position has moved", || acknowledged(&state) == Some(5000));
    logpost.write(b"{\"_pos\":\"00000000000000aa:7000\"}\n");
    await_that("the position has moved again", || acknowledged(&state) == Some(7000));
    assert_eq!((logpost.end().status, receiver.requests()), (0, 0));
}

#[test]
fn h13_term_while_the_server_is_down_ends_within_the_drain_and_settles_nothing() {
    let (state, since) = (Scratch::new("h13"), Instant::now());
    let mut logpost = Running::start(&[&bulk("http://127.0.0.1:1", &state)[..], &["--drain=1s"]].concat(), &[]);
    logpost.write(&tagged(0..3));
    logpost.hear("connection refused");
    let before = since.elapsed();
    logpost.signal(Signal::TERM);
    logpost.hear("3 records are not delivered");
    assert!(since.elapsed() >= before + Duration::from_millis(900));
    assert_eq!((logpost.end().status, acknowledged(&state)), (2, None));
}

#[test]
fn k18_a_stdout_that_nobody_reads_stops_nothing() {
    let receiver = Receiver::start();
    let line = format!("logpost --linger 0 {} | true", receiver.url());
    let mut shell = std::process::Command::new("bash")
        .args(["-o", "pipefail", "-c", &line])
        .env("PATH", logpipe_tests::tools::path())
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = shell.stdin.take().unwrap();
    for count in 1..4 {
        stdin.write_all(b"{\"a\":1}\n").unwrap();
        await_that("the record is there", || receiver.documents().len() == count);
    }
    drop(stdin);
    assert_eq!(shell.wait().unwrap().code(), Some(0));
}

/// Answers once with these bytes and then passes on; what is said of it.
fn said_of(answer: &'static [u8], arguments: &[&str]) -> (Vec<String>, Vec<u64>) {
    let receiver = Receiver::start();
    let front = Front::start(receiver.address(), move |number, stream| {
        if number > 0 {
            return Ok(true);
        }
        read_request(stream)?;
        stream.write_all(answer)?;
        Ok(false)
    });
    let url = url(front.address());
    let ended = post(&[&["--to=elasticsearch", "-v"], arguments, &[&url]].concat(), &tagged(0..2));
    assert_eq!(ended.status, 0, "{:?}", ended.said);
    (ended.said, numbers(&receiver))
}

#[test]
fn answers_of_every_kind_have_one_clear_line_and_lose_nothing() {
    let long = format!("HTTP/1.1 200 OK\r\nSet-Cookie: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(40_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", "X: y\r\n".repeat(300));
    for (answer, words) in [
        (&*long.into_bytes().leak(), "the head of the answer is too long, trying again"),
        (many.into_bytes().leak(), "the head of the answer is too long, trying again"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP, trying again"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"errors\"", "200, and then the connection was closed in the middle"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nwelcome", "200, no bulk answer, so this is not Elasticsearch or OpenSearch: welcome"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "200, no bulk answer, so this is not Elasticsearch or OpenSearch: {}"),
        (
            b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body></body></html>",
            ": 502 Bad Gateway, trying again",
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://me:secret@127.0.0.1:1/_bulk?key=secret\r\nContent-Length: 0\r\n\r\n",
            ": 302, a redirect to 127.0.0.1:1/_bulk, which no record follows",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\ntext",
            ": 200 with a body that cannot be unpacked",
        ),
        (b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nnot\r\n5\r\n here\r\n0\r\n\r\n", ": 404, no answer of Elasticsearch (is the URL right?): not here"),
    ] {
        let (said, delivered) = said_of(answer, &[]);
        assert!(said.iter().any(|line| line.contains(words)), "{words}: {said:?}");
        assert!(!said.iter().any(|line| line.contains("secret")), "{said:?}");
        assert_eq!(delivered, [0, 1], "{words}");
    }
}

#[test]
fn an_answer_may_be_packed_or_begin_with_a_byte_order_mark() {
    let verdict = br#"{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}"#;
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(verdict).unwrap();
    for (header, body) in
        [("Content-Encoding: gzip\r\n", packed.finish().unwrap()), ("", [&b"\xef\xbb\xbf"[..], verdict].concat())]
    {
        let head = format!("HTTP/1.1 200 OK\r\n{header}Content-Length: {}\r\n\r\n", body.len());
        let (said, delivered) = said_of([head.as_bytes(), &body].concat().leak(), &[]);
        assert!(said.iter().any(|line| line.contains("delivered the first batch: 2 records")), "{said:?}");
        assert!(delivered.is_empty(), "it was asked nothing more");
    }
}

#[test]
fn a_chunked_answer_is_an_answer() {
    let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n19\r\n{\"errors\":false,\"items\":[\r\n35\r\n{\"create\":{\"status\":201}},{\"create\":{\"status\":201}}]}\r\n0\r\n\r\n";
    let (said, delivered) = said_of(answer, &[]);
    assert!(said.iter().any(|line| line.contains("delivered the first batch: 2 records")), "{said:?}");
    assert!(delivered.is_empty(), "it was asked nothing more");
}

#[test]
fn an_answer_that_trickles_or_does_not_end_is_given_up() {
    let receiver = Receiver::start();
    let front = Front::start(receiver.address(), |number, stream| {
        if number > 1 {
            return Ok(true);
        }
        read_request(stream)?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        if number == 0 {
            // Until the other side has had enough.
            loop {
                stream.write_all(b"1\r\nx\r\n")?;
                thread::sleep(Duration::from_millis(20));
            }
        }
        let chunk = [&b"100000\r\n"[..], &vec![b' '; 1 << 20], b"\r\n"].concat();
        for _ in 0..100 {
            stream.write_all(&chunk)?;
        }
        Ok(false)
    });
    let mut logpost =
        Running::start(&["--to=elasticsearch", "--max-time=3s", "--linger=0", &url(front.address())], &[]);
    logpost.write(&tagged(0..2));
    logpost.hear("200, and then no answer in time");
    // Its message is kept back for a second after the first.
    assert_eq!(logpost.end().status, 0);
    assert_exact(&receiver, 2);
    assert!(front.connections() >= 3, "{}", front.connections());
}

#[test]
fn a_server_that_takes_no_bytes_is_given_up() {
    let receiver = Receiver::start();
    let front = Front::start(receiver.address(), |number, stream| {
        if number > 0 {
            // Nobody has to look at so much.
            read_request(stream)?;
            return stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").map(|()| false);
        }
        // It never reads; the sender closes in the end.
        let mut last = [0];
        while stream.peek(&mut last)? > 0 {
            thread::sleep(Duration::from_millis(100));
        }
        Ok(false)
    });
    // More than the buffers of both sockets take, in one request: a file is read to its end before the first goes.
    let scratch = Scratch::new("no-bytes");
    let file = scratch.path().join("lines");
    fs::write(&file, [vec![b'x'; 200 << 10], vec![b'\n']].concat().repeat(80)).unwrap();
    let arguments = ["--max-time=3s", "--batch-bytes=32MiB", &url(front.address())];
    let mut logpost = Running::reading(fs::File::open(file).unwrap(), &arguments);
    logpost.hear("no answer in time");
    let ended = logpost.end();
    assert_eq!(ended.status, 0);
    assert!(ended.said.last().unwrap().starts_with("logpost: delivered 80 records"), "{:?}", ended.said);
}

#[test]
fn a_server_that_refuses_each_record_alike_drops_none() {
    let receiver = Receiver::start();
    receiver.script((0..200).map(|_| behaviour(400)));
    let mut logpost = Running::start(&["--linger=0", "--drain=100ms", &receiver.url()], &[]);
    logpost.write(&tagged(0..1000));
    logpost.hear("each record alike is answered 400");
    let ended = logpost.end();
    assert_eq!((ended.status, ended.stdout.as_str()), (2, ""));
    assert!(receiver.requests() < 100, "{} requests", receiver.requests());
}

#[test]
fn one_bad_record_is_found_by_parting_the_request() {
    let receiver = Receiver::start();
    let front = Front::start(receiver.address(), |_, stream| {
        while let Ok(request) = read_request(stream) {
            let status = if request.contains("line 0") && request.contains("0000713") { "400 Bad" } else { "200 OK" };
            stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes())?;
        }
        Ok(false)
    });
    let ended = post(&[&url(front.address())], &tagged(0..1000));
    assert_eq!(ended.status, 1);
    assert_eq!(ended.stdout.lines().count(), 1);
    assert!(ended.stdout.contains("713\"") && ended.stdout.contains("\"_refused\":\"400\""), "{}", ended.stdout);
    assert!(ended.said.last().unwrap().starts_with("logpost: delivered 999 records"), "{:?}", ended.said);
}

#[test]
fn a_request_has_one_content_type_and_a_header_of_the_user_instead_of_ours() {
    let receiver = Receiver::start();
    post(&["-H", "X-Scope-OrgID: me", "-H", "content-type: text/plain", &receiver.url()], b"{\"a\":1}\n");
    let head = receiver.heads().remove(0);
    let of = |name: &str| -> Vec<String> { head.iter().filter(|line| line.starts_with(name)).cloned().collect() };
    assert_eq!(of("content-type:"), ["content-type: text/plain"]);
    assert_eq!(of("x-scope-orgid:"), ["x-scope-orgid: me"]);
    assert_eq!(of("content-encoding:").len() + of("transfer-encoding:").len() + of("expect:").len(), 0);
}

#[test]
fn a_body_that_goes_as_gzip_is_the_same_body() {
    let receiver = Receiver::start();
    let ended = post(&["--to=elasticsearch", "--compress=gzip", &receiver.url()], &tagged(0..5000));
    assert_eq!(ended.status, 0);
    assert_exact(&receiver, 5000);
    let head = receiver.heads().remove(0);
    assert!(head.contains(&"content-encoding: gzip".to_owned()));
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse::<u64>().ok()).unwrap();
    assert!(length < 200_000, "{length}");
}

#[test]
fn records_whose_index_cannot_be_written_hold_no_others_and_are_not_lost() {
    let (receiver, state) = (Receiver::start(), Scratch::new("apart"));
    receiver.fail(Behaviour {
        item_status: Some(403),
        item_type: Some("cluster_block_exception".to_owned()),
        matching: Some("line ".to_owned() + &"0".repeat(94)),
        ..Behaviour::default()
    });
    let mut logpost = Running::start(&bulk(&receiver.url(), &state), &[]);
    logpost.write(&tagged(0..1));
    logpost.hear("403 cluster_block_exception");
    // More batches than may be under way at a time.
    for number in 1..6 {
        logpost.write(&tagged(number..number + 1));
        await_that("it passes", || numbers(&receiver).contains(&number));
    }
    assert_eq!(acknowledged(&state), None, "a restart must read the one that is held");
    receiver.recover();
    logpost.hear("recovered");
    await_that("all is acknowledged", || acknowledged(&state) == Some(600));
    assert_eq!(logpost.end().status, 0);
    assert_exact(&receiver, 6);
}

#[test]
fn term_is_obeyed_while_nobody_reads_the_refused_records() {
    let receiver = Receiver::start();
    receiver.fail(Behaviour {
        item_status: Some(400),
        item_type: Some("mapper_parsing_exception".to_owned()),
        ..Behaviour::default()
    });
    let mut logpost = std::process::Command::new(logpipe_tests::tools::directory().join("logpost"))
        .args(["--to=elasticsearch", "--drain=0s", &receiver.url()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // The refused records are more than a pipe holds, and stdin stays open. logpost reads no more while it waits for a
    // reader of its own, so what is written here may wait for its end.
    let mut stdin = logpost.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&tagged(0..3000));
        stdin
    });
    let stdout = logpost.stdout.take().unwrap();
    await_that("the pipe is full", || {
        let mut fds = [PollFd::new(&stdout, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).unwrap() == 1
            && rustix::io::ioctl_fionread(&stdout).unwrap() > 60_000
    });
    rustix::process::kill_process(rustix::process::Pid::from_child(&logpost), Signal::TERM).unwrap();
    let mut said = String::new();
    logpost.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(logpost.wait().unwrap().code(), Some(2));
    drop(writer.join().unwrap());
    assert!(
        said.contains("standard output: nobody reads it, and a refused record could not be written to it"),
        "{said}"
    );
}

#[test]
fn a_record_without_a_time_goes_to_the_index_of_the_one_before_it() {
    let input = "\x1e00000000000000aa:0-40 /a\t{\"time\":\"2025-10-10T13:55:36Z\",\"a\":\"b\"}\n\
                 \x1e00000000000000aa:40-48 /a\t\tat a.b\n\x1e00000000000000ab:0-8 /b\t\tat a.b\n";
    let arguments = ["--to=elasticsearch", "--index=l-%Y", "--index-window=none", "--dry-run", "http://h/"];
    let ended = post(&arguments, input.as_bytes());
    let indices: Vec<_> =
        ended.stdout.lines().filter_map(|line| line.split("\"_index\":\"").nth(1)?.split('"').next()).collect();
    let this_year = jiff::Timestamp::now().strftime("l-%Y").to_string();
    assert_eq!(indices, ["l-2025", "l-2025", &this_year]);
}
