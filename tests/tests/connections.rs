//! How logpost uses connections: which server, through which proxy, for how long, and what it believes of one that breaks.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::io::{self, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use logpipe_tests::front::{Front, read_head, read_request};
use logpipe_tests::receiver::{Behaviour, Receiver};
use logpipe_tests::running::{Ended, Running};
use logpipe_tests::tools::Scratch;
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

/// Runs logpost to its end over this input.
fn post(arguments: &[&str], input: &[u8]) -> Ended {
    let mut logpost = Running::start(arguments, &[]);
    logpost.write(input);
    logpost.end()
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

#[test]
fn a_connection_that_is_cut_twice_while_a_batch_is_written_halves_it() {
    let receiver = Receiver::start();
    let front = Front::start(receiver.address(), |number, stream| {
        if number < 2 {
            read_head(stream)?;
            // Only what has come and is unread makes the close a reset, which says more than an end does.
            stream.peek(&mut [0])?;
            return Ok(false);
        }
        Ok(true)
    });
    // So little that it comes with one read, one batch at a time: the two connections that are cut are of the same one.
    let ended = post(&["--to=elasticsearch", "--in-flight=1", &url(front.address())], &tagged(0..20));
    assert_eq!(ended.status, 0);
    assert_exact(&receiver, 20);
    let cut = "the connection was closed while the request was written";
    assert!(ended.said.iter().any(|line| line.contains(cut)), "{:?}", ended.said);
    assert_eq!(receiver.requests(), 2, "the batch went in two");
}

#[test]
fn a_connection_that_the_server_closed_at_rest_costs_nothing() {
    let receiver = Receiver::start();
    let front = Front::start(receiver.address(), |_, stream| {
        // One request for each connection, whatever was agreed on.
        read_request(stream)?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")?;
        Ok(false)
    });
    let mut logpost = Running::start(&["--linger=0", "-v", &url(front.address())], &[]);
    for count in 1..5 {
        logpost.write(b"{\"a\":1}\n");
        logpost.hear(": 200");
        assert_eq!(front.connections(), count);
    }
    let ended = logpost.end();
    assert_eq!(ended.status, 0);
    assert!(ended.said.last().unwrap().contains("sent again 0"), "{:?}", ended.said);
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    let receiver = Receiver::start();
    let front = Front::start(receiver.address(), |_, _| Ok(true));
    let ended = post(&["--batch-bytes=10KiB", "--in-flight=1", &url(front.address())], &tagged(0..2000));
    assert_eq!((ended.status, front.connections()), (0, 1));
    assert!(receiver.requests() > 10);
}

/// A proxy that connects wherever it is asked to; it keeps what it was asked.
fn proxy() -> (Front, std::sync::mpsc::Receiver<String>) {
    let (sender, asked) = std::sync::mpsc::channel();
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let front = Front::start(nowhere, move |_, stream| {
        let head = read_head(stream)?;
        let place = head.split(' ').nth(1).unwrap_or_default().to_owned();
        drop(sender.send(head));
        let Ok(mut behind) = TcpStream::connect(place) else {
            stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")?;
            return Ok(false);
        };
        stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
        let (mut from, mut to) = (stream.try_clone()?, behind.try_clone()?);
        thread::spawn(move || io::copy(&mut from, &mut to).and_then(|_| to.shutdown(Shutdown::Write)));
        io::copy(&mut behind, stream)?;
        Ok(false)
    });
    (front, asked)
}

#[test]
fn a_proxy_is_connected_through_and_its_password_is_not_said() {
    let receiver = Receiver::start();
    let (front, asked) = proxy();
    let through = format!("http://me:s3cret@{}", front.address());
    let ended = post(&["-v", "-x", &through, &receiver.url()], b"{\"a\":1}\n");
    assert_eq!((ended.status, receiver.documents().len()), (0, 1), "{:?}", ended.said);
    assert!(!ended.said.iter().any(|line| line.contains("s3cret")), "{:?}", ended.said);
    let head = asked.recv().unwrap();
    assert!(head.starts_with(&format!("CONNECT {} ", receiver.address())), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic bWU6czNjcmV0"), "{head}");
    // Hosts that need none are gone to directly, and the variable is for https alone.
    for (arguments, variables) in [
        (vec!["-x", &through], vec![("NO_PROXY", "localhost,127.0.0.1")]),
        (vec![], vec![("HTTPS_PROXY", through.as_str())]),
    ] {
        let url = receiver.url();
        let mut logpost = Running::start(&[&arguments[..], &[&url]].concat(), &variables);
        logpost.write(b"{\"a\":1}\n");
        assert_eq!(logpost.end().status, 0);
        assert!(asked.try_recv().is_err());
    }
}

#[test]
fn a_proxy_that_cannot_connect_is_said_to_be_the_one() {
    let (front, _asked) = proxy();
    let mut logpost =
        Running::start(&["--linger=0", "--drain=0s", "-x", &url(front.address()), "http://127.0.0.1:1/"], &[]);
    logpost.write(b"{\"a\":1}\n");
    logpost.hear("the proxy answers 502");
    assert_eq!(logpost.end().status, 2);
}

#[test]
fn a_success_that_comes_before_the_request_was_written_is_none_and_fewer_records_would_not_make_it_one() {
    let receiver = Receiver::start();
    let lengths = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&lengths);
    let length = |head: &str| -> Option<usize> {
        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
    };
    let front = Front::start(receiver.address(), move |number, stream| {
        if number > 1 {
            return Ok(true);
        }
        let head = read_head(stream)?.to_ascii_lowercase();
        told.lock().unwrap().push(length(&head));
        // And closes, with most of the request unread.
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").map(|()| false)
    });
    let scratch = Scratch::new("early");
    let file = scratch.path().join("lines");
    // As records more than the system takes for a reader that does not read.
    std::fs::write(&file, b"short\n".repeat(500_000)).unwrap();
    let arguments = ["--batch-bytes=32MiB", "--in-flight=1", &url(front.address())];
    let ended = Running::reading(File::open(&file).unwrap(), &arguments).end();
    assert_eq!((ended.status, receiver.stored()), (0, 500_000), "{:?}", ended.said);
    let words = "200 before the request was written to its end, which is no success";
    assert!(ended.said.iter().any(|line| line.contains(words)), "{:?}", ended.said);
    let mut lengths = lengths.lock().unwrap().clone();
    lengths.push(length(&receiver.heads()[0].join("\n")));
    assert!(lengths.len() == 3 && lengths.iter().all(|length| *length == lengths[0]), "{lengths:?}");
}

#[test]
fn of_several_servers_the_next_is_used_after_a_failure_and_kept_while_it_works() {
    let receivers = [Receiver::start(), Receiver::start()];
    let urls = [receivers[0].url(), receivers[1].url()];
    let arguments = ["--to=elasticsearch", "--linger=0", "http://127.0.0.1:1", &urls[0], &urls[1]];
    let mut logpost = Running::start(&arguments, &[]);
    logpost.write(&tagged(0..1));
    logpost.hear("http://127.0.0.1:1/_bulk or 2 more: 127.0.0.1:1: connection refused");
    logpost.hear("delivered the first batch");
    logpost.write(&tagged(1..2));
    logpipe_tests::tools::await_that("it stays", || receivers[0].stored() == 2);
    receivers[0].script([Behaviour { status: Some(503), ..Behaviour::default() }]);
    logpost.write(&tagged(2..3));
    logpipe_tests::tools::await_that("the next has it", || receivers[1].stored() == 1);
    assert_eq!(logpost.end().status, 0);
    let both = [&receivers[0], &receivers[1]].map(numbers).concat();
    assert_eq!(both, [0, 1, 2]);
}

#[test]
fn two_paths_or_a_file_behind_the_url_are_no_cluster() {
    for (arguments, words) in [
        (["http://h/a", "http://h/b"], "URL: two paths, expected the same for all servers of a cluster"),
        (["http://h/a", "records.ndjson"], "records.ndjson: records are read from standard input: logpost URL < FILE"),
        (["http://h/a", "ftp://h/a"], "ftp://h/a: neither http nor https, expected http://host:port/path"),
    ] {
        let ended = Running::start(&arguments, &[]).end();
        assert_eq!((ended.status, ended.said), (2, vec![format!("logpost: {words}")]));
    }
}

#[test]
fn a_connection_is_given_up_when_it_is_too_old() {
    let receiver = Receiver::start();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let front = Front::start(receiver.address(), move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(true)
    });
    let url = url(front.address());
    let mut logpost = Running::start(&["--linger=0", "--in-flight=1", "--max-connection-age=1ms", "-v", &url], &[]);
    // A request that follows the one before within the millisecond takes the same connection; one that is made may be too
    // old at once.
    for _ in 0..10_000 {
        logpost.write(b"{\"a\":1}\n");
        logpost.hear(": 200");
        if count.load(Ordering::SeqCst) >= 3 {
            break;
        }
    }
    let ended = logpost.end();
    assert_eq!(ended.status, 0);
    // A connection that gets too old in the middle of a request is good for that one.
    assert!(!ended.said.iter().any(|line| line.contains("trying again")), "{:?}", ended.said);
    let count = count.load(Ordering::SeqCst);
    assert!(count >= 3, "{count}");
}

#[test]
fn a_server_that_answers_more_than_may_be_read_gets_fewer_records_and_loses_none() {
    let receiver = Receiver::start();
    let front = Front::start(receiver.address(), |_, stream| {
        let request = read_request(stream)?;
        let records = request.split("\r\n\r\n").nth(1).unwrap_or_default().lines().count();
        if records == 1 {
            return stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").map(|()| false);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        let chunk = [&b"100000\r\n"[..], &vec![b' '; 1 << 20], b"\r\n"].concat();
        for _ in 0..64 {
            stream.write_all(&chunk)?;
        }
        Ok(false)
    });
    let ended = post(&["--in-flight=1", "-v", &url(front.address())], b"{\"a\":1}\n{\"a\":2}\n");
    assert_eq!(ended.status, 0, "{:?}", ended.said);
    assert!(ended.said.iter().any(|line| line.contains("an answer of more than 4 MiB")), "{:?}", ended.said);
    assert!(ended.said.last().unwrap().contains("delivered 2 records"), "{:?}", ended.said);
}

#[test]
fn a_limit_of_nothing_is_no_limit() {
    let receiver = Receiver::start();
    let arguments = ["--max-time=0", "--connect-timeout=0", "--max-connection-age=0", &receiver.url()];
    assert_eq!((post(&arguments, b"{\"a\":1}\n").status, receiver.stored()), (0, 1));
}
