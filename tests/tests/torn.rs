//! Torn and cut lines through whole pipelines: foreign filters, drains in the middle of a line, groups that are held. Each
//! test names its row of the cases.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write as _;

use logpipe_tests::pipeline::words;
use logpipe_tests::receiver::{Behaviour, Reset};
use logpipe_tests::site::Site;
use logpipe_tests::tools::await_that;
use rustix::process::Signal;
use serde_json::Value;

/// Everything is stored, and no answer says so.
fn no_answer() -> Behaviour {
    Behaviour { reset: Some(Reset::After), ..Behaviour::default() }
}

/// A foreign filter: its program and one argument that may hold anything.
fn foreign(program: &str, argument: &str) -> Vec<String> {
    let mut line = words(program);
    line.push(argument.to_owned());
    line
}

fn flags(document: &Value) -> Vec<&str> {
    ["_partial", "_continued"].into_iter().filter(|flag| document[flag] == true).collect()
}

#[test]
fn j4_lines_that_a_foreign_filter_changes_are_delivered_to_the_last() {
    for program in ["awk", "mawk -W interactive", "busybox awk"] {
        let site = Site::new(&format!("j4-{}", program.len()));
        site.append("one secret\ntwo\nthree secret secret\n").unwrap();
        let mut line = site.line("", &["logparse text"], "");
        line.insert(1, foreign(program, "{gsub(/secret/,\"x\")} 1"));
        let codes = site.drain(&line).unwrap();
        assert_eq!(codes, [Some(0); 4], "{program}: {}", site.said());
        assert_eq!(site.messages(), ["one x", "two", "three x x"], "{program}: {}", site.said());
        assert_eq!(site.acknowledged().into_values().collect::<Vec<_>>(), [35], "{program}");
    }
}

#[test]
fn j5_and_j6_a_line_that_drains_part_comes_in_pieces_each_once_though_answers_are_lost() {
    let site = Site::new("j5");
    let mut log = site.open_log().unwrap();
    for (text, is_last) in [("one\ntwo-", false), ("three-", false), ("four\nfive\n", true)] {
        log.write_all(text.as_bytes()).unwrap();
        if is_last {
            site.receiver.recover();
        } else {
            site.receiver.fail(no_answer());
        }
        let mut pipeline = site.start(&site.line("--drain-quiet 200ms", &["logparse text"], "--drain 1s")).unwrap();
        pipeline.await_begun();
        // The clock of logpost shall begin when all is there.
        pipeline.signal(0, Signal::TERM);
        await_that("the end", || pipeline.has_ended());
        assert_eq!(pipeline.codes(), [Some(0), Some(0), Some(if is_last { 0 } else { 2 })], "{}", site.said());
    }
    let documents = site.receiver.documents();
    let pieces: Vec<_> = documents.iter().map(|piece| (piece["message"].as_str().unwrap(), flags(piece))).collect();
    let expected = [
        ("one", vec![]),
        ("two-", vec!["_partial"]),
        ("three-", vec!["_partial", "_continued"]),
        ("four", vec!["_continued"]),
        ("five", vec![]),
    ];
    assert_eq!(pieces, expected, "{}", site.said());
    assert!(site.receiver.conflicts() > 0, "what was not acknowledged came again");
}

#[test]
fn j7_a_group_flushed_when_idle_and_never_acknowledged_loses_no_line_when_more_of_it_comes() {
    let site = Site::new("j7");
    site.append("boom\n\tat a\n").unwrap();
    site.receiver.fail(no_answer());
    let filters = ["logparse text --join trace --join-idle 100ms"];
    let mut pipeline = site.start(&site.line("", &filters, "")).unwrap();
    await_that("the group", || site.messages() == ["boom\n\tat a"]);
    pipeline.signal_all(Signal::KILL);
    await_that("the end", || pipeline.has_ended());
    site.append("\tat b\nnext\n").unwrap();
    site.receiver.recover();
    assert_eq!(site.drain(&site.line("", &filters, "")).unwrap(), [Some(0); 3], "{}", site.said());
    assert_eq!(site.messages(), ["boom\n\tat a", "boom\n\tat a\n\tat b", "next"], "{}", site.said());
}

#[test]
fn j9_no_timer_lets_a_torn_line_through_while_a_stopped_filter_keeps_the_pipe_open() {
    let tag = "\u{1e}0123456789abcdef:";
    let record = "{\"_pos\":\"0123456789abcdef:";
    let tagged = (format!("{tag}0-6 /log\tfirst\n"), format!("{tag}6-13 /log\tsec\n"));
    let records = (
        format!("{record}0-6\",\"message\":\"first\"}}\n"),
        format!("{record}6-13\",\"message\":\"second\",\"a\":1\n"),
    );
    for (number, (whole, torn)) in [tagged, records].into_iter().enumerate() {
        let site = Site::new(&format!("j9-{number}"));
        let mut line = site.line("", &["logfilter .", "logparse text"], "");
        // The filter has given the torn line its LF, is stopped before it ends, and goes on after longer than the second
        // within which a mark comes.
        let script = "printf '%s' \"$0\"; kill -STOP $$";
        line[0] = ["sh".to_owned(), "-c".to_owned(), script.to_owned(), whole + &torn].to_vec();
        let mut pipeline = site.start(&line).unwrap();
        await_that("the whole line", || site.messages() == ["first"]);
        std::thread::sleep(std::time::Duration::from_secs(3));
        pipeline.signal(0, Signal::CONT);
        await_that("the end", || pipeline.has_ended());
        assert_eq!(site.messages(), ["first"], "{}", site.said());
    }
}

#[test]
fn j10_marks_stay_marks_behind_a_filter_that_adds_a_key_to_every_object() {
    let site = Site::new("j10");
    site.append("one\ntwo\n").unwrap();
    let mut line = site.line("", &["logparse text"], "");
    line.insert(2, foreign("jq -c --unbuffered", ". + {env: \"x\"}"));
    let mut pipeline = site.start(&line).unwrap();
    await_that("the lines", || site.messages().len() == 2);
    // Behind them come the marks, each second one as long as lines come, and those of the end.
    site.append("three\n").unwrap();
    await_that("the third line", || site.messages().len() == 3);
    pipeline.terminate();
    await_that("the end", || pipeline.has_ended());
    assert_eq!(pipeline.codes(), [Some(0); 4], "{}", site.said());
    let documents = site.receiver.documents();
    assert!(
        documents.iter().all(|document| document["env"] == "x" && document["message"].is_string()),
        "{documents:?}"
    );
    assert_eq!(site.messages(), ["one", "two", "three"], "{documents:?}");
    assert_eq!(site.acknowledged().into_values().collect::<Vec<_>>(), [14]);
}

#[test]
fn j11_a_group_that_is_held_when_logtail_is_killed_comes_whole_after_the_restart() {
    let site = Site::new("j11");
    site.append("first\nboom\n\tat a\n").unwrap();
    let stream = site.path("stream");
    let mut line = site.line("", &["logparse text --join trace --join-idle 10min"], "");
    line.insert(1, foreign("tee", &stream.display().to_string()));
    let mut pipeline = site.start(&line).unwrap();
    // tee writes to its file last: a mark that stands there is in the pipe too.
    await_that("a mark behind the group", || fs::read_to_string(&stream).unwrap_or_default().contains(":17\n"));
    await_that("the line before the group", || site.messages() == ["first"]);
    pipeline.signal(0, Signal::KILL);
    await_that("the end", || pipeline.has_ended());
    assert_eq!(site.messages(), ["first"], "the stream was cut: the group may be longer");
    site.append("\tat b\nlast\n").unwrap();
    line.remove(1);
    assert_eq!(site.drain(&line).unwrap(), [Some(0); 3], "{}", site.said());
    assert_eq!(site.messages(), ["first", "boom\n\tat a\n\tat b", "last"], "{}", site.said());
}

#[test]
fn j12_a_group_that_is_held_at_a_drain_is_sent() {
    let site = Site::new("j12");
    site.append("first\nboom\n\tat a\n").unwrap();
    let line = site.line("", &["logparse text --join trace --join-idle 10min"], "");
    assert_eq!(site.drain(&line).unwrap(), [Some(0); 3], "{}", site.said());
    assert_eq!(site.messages(), ["first", "boom\n\tat a"], "{}", site.said());
    assert_eq!(site.acknowledged().into_values().collect::<Vec<_>>(), [17]);
}
