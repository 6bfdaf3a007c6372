//! Signals, deadlines and blocked pipes, as a user meets them. Each test names its row of the cases.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use logpipe_tests::pipeline::{Pipeline, words};
use logpipe_tests::receiver::{Behaviour, Reset};
use logpipe_tests::site::Site;
use logpipe_tests::tools::await_that;
use rustix::process::Signal;

fn numbered(numbers: std::ops::Range<usize>, length: usize) -> String {
    let padding = "x".repeat(length);
    numbers.fold(String::new(), |text, number| text + &format!("{number} {padding}\n"))
}

/// The numbers at the beginning of the messages, with how often each came.
fn arrived(site: &Site) -> BTreeMap<usize, usize> {
    let mut arrived = BTreeMap::new();
    for message in site.messages() {
        *arrived.entry(message.split(' ').next().unwrap().parse().unwrap()).or_default() += 1;
    }
    arrived
}

#[track_caller]
fn assert_each_once(site: &Site, count: usize) {
    let arrived = arrived(site);
    let wrong: Vec<usize> = (0..count).filter(|number| arrived.get(number) != Some(&1)).take(10).collect();
    assert!(
        wrong.is_empty() && arrived.len() == count,
        "{} of {count}, wrong {wrong:?}: {}",
        arrived.len(),
        site.said()
    );
}

#[track_caller]
fn assert_ends_with(pipeline: &mut Pipeline, site: &Site, codes: &[i32]) {
    await_that("the end of all members", || pipeline.has_ended());
    let expected: Vec<Option<i32>> = codes.iter().copied().map(Some).collect();
    assert_eq!(pipeline.codes(), expected, "{}", site.said());
}

/// An application that writes numbered lines until it is told to stop; how many it were.
fn write_on(site: &Site, from: usize, stop: &Arc<AtomicBool>) -> JoinHandle<usize> {
    let mut log = site.open_log().unwrap();
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        let mut number = from;
        while !stop.load(Ordering::SeqCst) {
            log.write_all(format!("{number} x\n").as_bytes()).unwrap();
            number += 1;
            thread::sleep(Duration::from_millis(10));
        }
        number
    })
}

#[test]
fn h1_a_mebibyte_unread_at_term_is_delivered() {
    let site = Site::new("h1");
    // More than all buffers of the pipe hold: while the server hangs, most of it is unread.
    site.append(&numbered(0..4000, 1000)).unwrap();
    site.receiver.script([Behaviour { hang_ms: Some(1500), ..Behaviour::default() }]);
    let mut pipeline = site.start(&site.line("", &["logparse text"], "--batch-bytes 64KiB")).unwrap();
    await_that("the first request", || site.receiver.requests() > 0);
    pipeline.terminate();
    assert_ends_with(&mut pipeline, &site, &[0, 0, 0]);
    assert_each_once(&site, 4000);
}

#[test]
fn h2_what_is_written_for_five_seconds_after_term_is_delivered() {
    let site = Site::new("h2");
    let mut log = site.open_log().unwrap();
    log.write_all(numbered(0..1, 1).as_bytes()).unwrap();
    let mut pipeline = site.start(&site.line("", &["logparse text"], "")).unwrap();
    await_that("the first line", || site.receiver.documents().len() == 1);
    pipeline.terminate();
    for number in 1..51 {
        thread::sleep(Duration::from_millis(100));
        log.write_all(numbered(number..number + 1, 1).as_bytes()).unwrap();
    }
    drop(log);
    assert_ends_with(&mut pipeline, &site, &[0, 0, 0]);
    assert_each_once(&site, 51);
}

#[test]
fn h3_a_writer_that_never_stops_is_left_at_drain_max_and_the_next_start_goes_on() {
    let site = Site::new("h3");
    let stop = Arc::new(AtomicBool::new(false));
    let writer = write_on(&site, 0, &stop);
    let mut pipeline = site.start(&site.line("--drain-max 700ms", &["logparse text"], "")).unwrap();
    await_that("the first line", || !site.receiver.documents().is_empty());
    pipeline.terminate();
    assert_ends_with(&mut pipeline, &site, &[2, 0, 0]);
    assert!(site.said().contains("the time for the drain is up"), "{}", site.said());
    stop.store(true, Ordering::SeqCst);
    let count = writer.join().unwrap();
    assert_eq!(site.drain(&site.line("", &["logparse text"], "")).unwrap(), [Some(0); 3], "{}", site.said());
    assert_each_once(&site, count);
}

#[test]
fn h4_a_blocked_reader_does_not_hold_the_drain_beyond_its_time_and_nothing_is_acknowledged() {
    let site = Site::new("h4");
    site.append(&numbered(0..4000, 1000)).unwrap();
    site.receiver.fail(Behaviour { hang_ms: Some(600_000), ..Behaviour::default() });
    let line = site.line("--drain-max 700ms", &["logparse text"], "--batch-bytes 64KiB --drain 3s");
    let mut pipeline = site.start(&line).unwrap();
    await_that("the requests that hang", || site.receiver.requests() >= 2);
    pipeline.terminate();
    assert_ends_with(&mut pipeline, &site, &[2, 0, 2]);
    assert!(site.acknowledged().values().all(|offset| *offset == 0), "{:?}", site.acknowledged());
    site.receiver.recover();
    assert_eq!(site.drain(&site.line("", &["logparse text"], "")).unwrap(), [Some(0); 3], "{}", site.said());
    assert_each_once(&site, 4000);
}

#[test]
fn h8_term_to_every_member_ends_none_before_its_input_also_where_it_was_inherited_as_ignored() {
    for ignoring in [false, true] {
        let site = Site::new(&format!("h8-{ignoring}"));
        site.append(&numbered(0..2000, 100)).unwrap();
        site.receiver.script([Behaviour { hang_ms: Some(500), ..Behaviour::default() }]);
        let mut line = site.line("", &["logparse text", "logfilter -W message"], "--batch-bytes 16KiB");
        if ignoring {
            let env = words("env --ignore-signal=TERM --ignore-signal=HUP --ignore-signal=USR1");
            line = line.into_iter().map(|words| [env.clone(), words].concat()).collect();
        }
        let mut pipeline = site.start(&line).unwrap();
        await_that("the first request", || site.receiver.requests() > 0);
        pipeline.signal_all(Signal::TERM);
        assert_ends_with(&mut pipeline, &site, &[0, 0, 0, 0]);
        assert_each_once(&site, 2000);
    }
}

#[test]
fn h9_a_second_term_or_an_int_stops_at_once_and_the_next_start_goes_on() {
    for signal in [Signal::TERM, Signal::INT] {
        let site = Site::new(&format!("h9-{}", signal.as_raw()));
        let stop = Arc::new(AtomicBool::new(false));
        let writer = write_on(&site, 0, &stop);
        let line = site.line("--drain-quiet 10min --drain-max 10min", &["logparse text"], "");
        let mut pipeline = site.start(&line).unwrap();
        await_that("the first line", || !site.receiver.documents().is_empty());
        pipeline.signal(0, signal);
        await_that("the end of all members", || {
            if signal == Signal::TERM {
                pipeline.signal(0, signal);
            }
            pipeline.has_ended()
        });
        assert_eq!(pipeline.codes(), [Some(0); 3], "{}", site.said());
        stop.store(true, Ordering::SeqCst);
        let count = writer.join().unwrap();
        assert_eq!(site.drain(&site.line("", &["logparse text"], "")).unwrap(), [Some(0); 3], "{}", site.said());
        assert_each_once(&site, count);
    }
}

#[test]
fn h11_hup_is_nothing_and_usr1_one_line_of_counters_from_each() {
    let site = Site::new("h11");
    site.append(&numbered(0..1, 1)).unwrap();
    let line = site.line("", &["logparse text", "logfilter -W message"], "");
    let mut pipeline = site.start(&line).unwrap();
    await_that("the first line", || site.said().contains("logpost: delivered the first batch"));
    let before = site.said();
    pipeline.signal_all(Signal::HUP);
    pipeline.signal_all(Signal::USR1);
    for tool in ["logtail", "logparse", "logfilter", "logpost"] {
        await_that(&format!("the counters of {tool}"), || site.said()[before.len()..].contains(&format!("{tool}: ")));
    }
    assert_eq!(site.said()[before.len()..].lines().count(), 4, "{}", site.said());
    site.append(&numbered(1..2, 1)).unwrap();
    await_that("the second line", || site.receiver.documents().len() == 2);
    pipeline.terminate();
    assert_ends_with(&mut pipeline, &site, &[0, 0, 0, 0]);
}

#[test]
fn h13_term_to_logpost_while_the_server_is_down_ends_within_drain_and_settles_nothing() {
    let site = Site::new("h13");
    site.append(&numbered(0..50, 100)).unwrap();
    site.receiver.fail(Behaviour { reset: Some(Reset::Before), ..Behaviour::default() });
    let mut pipeline = site.start(&site.line("", &["logparse text"], "--drain 500ms")).unwrap();
    await_that("the first request", || site.receiver.requests() > 0);
    await_that("all lines have come", || {
        pipeline.signal(2, Signal::USR1);
        site.said().contains("records 50,")
    });
    pipeline.signal(2, Signal::TERM);
    assert_ends_with(&mut pipeline, &site, &[0, 0, 2]);
    assert!(site.acknowledged().values().all(|offset| *offset == 0), "{:?}", site.acknowledged());
    assert!(site.said().contains("50 records are not delivered"), "{}", site.said());
    site.receiver.recover();
    assert_eq!(site.drain(&site.line("", &["logparse text"], "")).unwrap(), [Some(0); 3], "{}", site.said());
    assert_each_once(&site, 50);
}

#[test]
fn h13_term_to_logtail_alone_ends_the_pipe_also_where_a_dead_server_keeps_logpost_from_reading_its_end() {
    let site = Site::new("h13-alone");
    // More than all of them hold.
    site.append(&numbered(0..30_000, 1000)).unwrap();
    site.receiver.fail(Behaviour { status: Some(503), ..Behaviour::default() });
    let line = site.line("--drain-max 200ms", &["logparse text"], "--drain 500ms");
    let mut pipeline = site.start(&line).unwrap();
    await_that("the first request", || site.receiver.requests() > 0);
    pipeline.signal(0, Signal::TERM);
    assert_ends_with(&mut pipeline, &site, &[2, 0, 2]);
    assert!(site.acknowledged().values().all(|offset| *offset == 0), "{:?}", site.acknowledged());
    site.receiver.recover();
    assert_eq!(site.drain(&site.line("", &["logparse text"], "")).unwrap(), [Some(0); 3], "{}", site.said());
    assert_each_once(&site, 30_000);
}

#[test]
fn what_stands_still_is_ended_by_int_and_by_term_when_the_time_is_up() {
    for signal in [Signal::INT, Signal::TERM] {
        let site = Site::new(&format!("still-{}", signal.as_raw()));
        site.append(&numbered(0..20_000, 100)).unwrap();
        let line = [words(&format!("logtail -n +1 --drain-max 1s {}", site.log().display()))];
        let mut pipeline = Pipeline::start_into(&line, &site.path("said"), Stdio::piped()).unwrap();
        // Nobody reads it. A mount that does not answer holds logtail up in the same way, but takes root to make.
        let output = pipeline.output().unwrap();
        let (mut before, mut looks) = (0, 0);
        await_that("a full pipe", || {
            let now = rustix::io::ioctl_fionread(&output).unwrap();
            let is_same = std::mem::replace(&mut before, now) == now && now > 60_000;
            looks = if is_same { looks + 1 } else { 0 };
            looks == 100
        });
        pipeline.signal(0, signal);
        assert_ends_with(&mut pipeline, &site, &[2]);
        assert!(site.said().contains("it does not come to its end"), "{}", site.said());
    }
}
