//! Lines that belong together, as the rows J and K of the cases about following want it: what leaves while something is held,
//! at the end of a stream of each kind, and after a restart from any place that was acknowledged.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

fn start(args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logparse"));
    command.args(args).env("TZ", "UTC").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// The records and marks of a run.
fn run(args: &[&str], input: &[u8]) -> Vec<Value> {
    let mut child = start(args);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a `_pos` says: start, end (of a record), next.
fn position(record: &Value) -> Option<(Option<(u64, u64)>, u64)> {
    let text = record["_pos"].as_str()?.strip_prefix("00000000000000aa:")?.trim_end_matches('.');
    let (range, next) = match text.split_once('@') {
        Some((range, next)) => (range, next.parse().unwrap()),
        None => (text, text.rsplit('-').next().unwrap().parse().unwrap()),
    };
    let range = range.split_once('-').map(|(start, end)| (start.parse().unwrap(), end.parse().unwrap()));
    Some((range, next))
}

/// Lines of one file with their offsets.
struct Log(Vec<(u64, String)>);

impl Log {
    fn new(lines: &[String]) -> Self {
        let mut at = 0;
        let place = |line: &String| {
            let start = at;
            at += line.len() as u64 + 1;
            (start, line.clone())
        };
        Self(lines.iter().map(place).collect())
    }

    /// The stream that a logtail makes of the lines from `from` on, without its end.
    fn tagged(&self, from: u64) -> Vec<u8> {
        let mut stream = Vec::new();
        for (start, line) in self.0.iter().filter(|(start, _)| *start >= from) {
            let end = start + line.len() as u64 + 1;
            writeln!(stream, "\x1e00000000000000aa:{start}-{end} /a.log\t{line}\n\x1e00000000000000aa:{end}").unwrap();
        }
        stream
    }

    /// The same with what a logtail writes at its end.
    fn ended(&self, from: u64) -> Vec<u8> {
        let end = self.0.iter().map(|(start, line)| start + line.len() as u64 + 1).max().unwrap_or_default();
        let marks = format!("\x1e00000000000000aa:{end}\n\x1eend\n");
        [self.tagged(from), marks.into_bytes()].concat()
    }
}

fn cri(parts: &[(&str, &str, &str)]) -> Log {
    let line = |(stream, tag, text): &(&str, &str, &str)| format!("2025-10-10T13:55:36.1Z {stream} {tag} {text}");
    Log::new(&parts.iter().map(line).collect::<Vec<_>>())
}

/// Numbers that are the same in every run.
fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |sides| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % sides
    }
}

/// From whatever was acknowledged, reading anew gives the groups of the undisturbed run that are still missing, whole: none
/// in two, none lost, and none that was never one.
fn holds_after_a_restart_anywhere(args: &[&str], log: &Log) {
    let whole = run(args, &log.ended(0));
    let groups: Vec<_> =
        whole.iter().filter_map(|record| Some((position(record)?.0?, record["message"].clone()))).collect();
    for acknowledged in 0..=whole.len() {
        let (before, _) = whole.split_at(acknowledged);
        let from = before.iter().filter_map(|record| Some(position(record)?.1)).next_back().unwrap_or(0);
        let again = run(args, &log.ended(from));
        let known = |record: &Value| Some((position(record)?.0?, record["message"].clone()));
        for group in again.iter().filter_map(known) {
            assert!(groups.contains(&group), "{group:?} from {from} is none of {groups:?}");
        }
        for group in &groups {
            let is_there = before.iter().chain(&again).filter_map(known).any(|other| other == *group);
            assert!(is_there, "{group:?} is lost from {from}");
        }
    }
}

#[test]
fn k13_no_part_comes_alone_after_a_restart() {
    let log = cri(&[("stdout", "P", "aaa"), ("stderr", "F", "err"), ("stdout", "F", "bbb"), ("stdout", "F", "c")]);
    holds_after_a_restart_anywhere(&["cri"], &log);
}

#[test]
fn parts_in_any_order_come_whole_after_a_restart_anywhere() {
    for seed in 1..12 {
        let mut roll = dice(seed);
        let lines = 4 + roll(8);
        let mut parts: Vec<_> = (0..lines)
            .map(|_| (["stdout", "stderr"][roll(2)], ["P", "F", "F"][roll(3)], ["a", "bb", "ccc"][roll(3)]))
            .collect();
        // What is open at the end could grow later: that is another row.
        parts.extend([("stdout", "F", "end"), ("stderr", "F", "end")]);
        holds_after_a_restart_anywhere(&["cri"], &cri(&parts));
    }
}

#[test]
fn traces_on_two_streams_come_whole_after_a_restart_anywhere() {
    for seed in 1..8 {
        let mut roll = dice(seed);
        let parts: Vec<_> =
            (0..10).map(|_| (["stdout", "stderr"][roll(2)], "F", ["boom", "\tat x", "\tat y"][roll(3)])).collect();
        // A line of a trace whose beginning was acknowledged with the group before it would begin one itself.
        let parts: Vec<_> = [("stdout", "F", "boom"), ("stderr", "F", "boom")].into_iter().chain(parts).collect();
        holds_after_a_restart_anywhere(&["cri", "--join", "trace"], &cri(&parts));
    }
}

#[test]
fn j7_what_was_flushed_when_idle_and_then_grew_is_lost_nowhere() {
    let log = Log::new(&["boom", "\tat x", "\tat y", "next"].map(str::to_owned));
    let mut child = start(&["text", "--join", "trace", "--join-idle", "50ms"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut records = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let first: Vec<u8> = log.tagged(0).split_inclusive(|byte| *byte == b'\n').take(2).flatten().copied().collect();
    stdin.write_all(&first).unwrap();
    let mut seen = Vec::new();
    while !records.next().inspect(|line| seen.push(line.clone())).unwrap().contains("boom") {}
    assert!(seen.last().unwrap().contains("aa:0-5"), "{seen:?}");
    // Not acknowledged, killed, more lines of it are written: the restart reads from the head.
    drop(stdin);
    child.wait().unwrap();
    let again = run(&["text", "--join", "trace"], &log.ended(0));
    let messages: Vec<_> = again.iter().filter_map(|record| record["message"].as_str()).collect();
    assert_eq!(messages, ["boom\n\tat x\n\tat y", "next"]);
    // Acknowledged, it is read on behind what was sent.
    let rest = run(&["text", "--join", "trace"], &log.ended(5));
    let messages: Vec<_> = rest.iter().filter_map(|record| record["message"].as_str()).collect();
    assert_eq!(messages, ["\tat x\n\tat y", "next"]);
}

#[test]
fn j10_a_mark_with_keys_that_a_foreign_filter_added_stays_a_mark() {
    let mark = b"{\"_pos\":\"00000000000000aa:7\",\"env\":\"x\"}\n{\"env\":\"x\",\"_pos\":\"end\"}\n";
    for args in [&["nginx"][..], &["cri,auto"], &["text", "--join", "trace"], &["nginx", "--field", "message"]] {
        let written = run(args, mark);
        assert_eq!(
            written,
            [serde_json::json!({"_pos":"00000000000000aa:7","env":"x"}), serde_json::json!({"env":"x","_pos":"end"})]
        );
    }
}

#[test]
fn j11_the_group_is_not_sent_where_the_stream_was_cut_and_comes_whole_after_the_restart() {
    let log = Log::new(&["boom", "\tat x", "\tat y"].map(str::to_owned));
    let args = ["text", "--join", "trace"];
    let cut: Vec<u8> = log.tagged(0).split_inclusive(|byte| *byte == b'\n').take(4).flatten().copied().collect();
    let marks = run(&args, &cut);
    assert!(marks.iter().all(|mark| position(mark) == Some((None, 0))), "{marks:?}");
    let again = run(&args, &log.ended(0));
    assert_eq!(again[again.len() - 2]["message"], "boom\n\tat x\n\tat y");
}

#[test]
fn j12_the_group_is_sent_where_the_stream_was_drained() {
    let log = Log::new(&["boom", "\tat x"].map(str::to_owned));
    let written = run(&["text", "--join", "trace"], &log.ended(0));
    let last: Vec<_> = written.iter().rev().take(2).map(|record| record["_pos"].clone()).collect();
    assert_eq!(last, ["end", "00000000000000aa:0-11"]);
    let finished = [log.tagged(0), b"\x1e00000000000000aa:11.\n".to_vec()].concat();
    let written = run(&["text", "--join", "trace"], &finished);
    let last: Vec<_> = written.iter().rev().take(2).map(|record| record["_pos"].clone()).collect();
    assert_eq!(last, ["00000000000000aa:11.", "00000000000000aa:0-11"]);
}

#[test]
fn a_group_is_bounded_in_lines_and_bytes_and_its_rest_is_the_next() {
    let log = Log::new(&["boom", "\tat 1", "\tat 2", "\tat 3"].map(str::to_owned));
    for (bound, value, messages) in [
        ("--join-lines", "2", ["boom\n\tat 1", "\tat 2\n\tat 3"]),
        ("--join-bytes", "8", ["boom\n\tat 1", "\tat 2\n\tat 3"]),
    ] {
        let written = run(&["text", "--join", "trace", bound, value], &log.ended(0));
        let found: Vec<_> = written.iter().filter_map(|record| record["message"].as_str()).collect();
        assert_eq!(found, messages, "{bound}");
    }
}

#[test]
fn events_of_a_start_and_of_a_continuation_are_joined_per_file() {
    let stream = b"\x1e00000000000000aa:0-4 /a\tA 1\n\x1e00000000000000bb:0-4 /b\tB 1\n\x1e00000000000000aa:4-7 /a\ta2\n\x1e00000000000000bb:4-7 /b\tb2\n\x1eend\n";
    for args in [&["text", "--join-start", "^[A-Z]"][..], &["text", "--join-next", "^[a-z]"]] {
        let written = run(args, stream);
        let found: Vec<_> =
            written.iter().filter_map(|record| Some((record["_pos"].as_str()?, record["message"].as_str()?))).collect();
        assert_eq!(found, [("00000000000000aa:0-7", "A 1\na2"), ("00000000000000bb:0-7", "B 1\nb2")]);
    }
}

#[test]
fn docker_parts_are_joined_without_a_separator_and_keep_the_first_time() {
    let log = Log::new(&[
        r#"{"log":"one ","stream":"stdout","time":"2025-10-10T13:55:36.1Z"}"#.to_owned(),
        r#"{"log":"err\n","stream":"stderr","time":"2025-10-10T13:55:36.2Z"}"#.to_owned(),
        r#"{"log":"line\r\n","stream":"stdout","time":"2025-10-10T13:55:36.3Z"}"#.to_owned(),
    ]);
    let written = run(&["docker"], &log.ended(0));
    let found: Vec<_> =
        written.iter().filter_map(|record| Some((record["time"].as_str()?, record["message"].as_str()?))).collect();
    assert_eq!(found, [("2025-10-10T13:55:36.2Z", "err"), ("2025-10-10T13:55:36.1Z", "one line")]);
    holds_after_a_restart_anywhere(&["docker"], &log);
}

#[test]
fn an_empty_line_is_no_event_of_its_own() {
    for args in [&["auto", "--join", "trace"][..], &["text", "--join", "trace"]] {
        let messages: Vec<_> = run(args, b"\na\n\nb\n").iter().map(|record| record["message"].clone()).collect();
        assert_eq!(messages, ["a", "b"], "{args:?}");
    }
}
