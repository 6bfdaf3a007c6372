//! When marks leave.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::time::Duration;

use logline::line::{Item, classify};
use logline::position::Fid;
use logtail::emit::Shape;
use logtail::follow::{First, Follower, Plan};
use logtail::glob::Pattern;
use logtail::system::System;

#[test]
fn the_first_mark_goes_with_the_first_lines_and_the_next_a_second_later() {
    let log = std::env::temp_dir().join(format!("logtail-marks-{}.log", std::process::id()));
    fs::write(&log, "one\n").unwrap();
    let plan = Plan {
        patterns: vec![Pattern::new(log.as_os_str().as_encoded_bytes()).unwrap()],
        excludes: Vec::new(),
        shape: Shape { tagged: true, max_line: 1 << 20 },
        first: First::Head,
        follows: true,
        headers: false,
        rotate_quiet: Duration::from_secs(10),
        forget_after: Duration::from_secs(60),
        open_limit: 64,
        chunk: 4096,
    };
    let mut follower = Follower::new(System, plan, "boot".to_owned(), Fid::random);
    let mut kinds = |milliseconds, text: &str| {
        fs::write(&log, text).unwrap();
        let now = Duration::from_millis(milliseconds);
        let mut out = Vec::new();
        follower.look(now);
        while follower.turn(now, 1 << 20, &mut out) {}
        follower.mark(now, false, &mut out);
        let kind = |line: &[u8]| match classify(line, true) {
            Item::Mark(mark, _) => format!("mark {}", mark.next),
            _ => "line".to_owned(),
        };
        out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(100, "one\n"), ["line", "mark 4"]);
    assert_eq!(kinds(600, "one\ntwo\n"), ["line"]);
    assert_eq!(kinds(1100, "one\ntwo\n"), ["mark 8"]);
    fs::remove_file(&log).unwrap();
}
