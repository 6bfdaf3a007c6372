//! When marks leave.

use std::fs;
use std::time::Duration;

use logline::line::{Item, classify};
use logline::position::Fid;
use logtail::follow::Follower;
use logtail::system::System;

use crate::run::plan;

#[test]
fn the_first_mark_goes_with_the_first_lines_and_the_next_a_second_later() {
    let log = std::env::temp_dir().join(format!("logtail-marks-{}.log", std::process::id()));
    fs::write(&log, "one\n").unwrap();
    let mut follower = Follower::new(System, plan(&[log.to_str().unwrap()]), "boot".to_owned(), Fid::random);
    let mut kinds = |milliseconds, text: &str| {
        fs::write(&log, text).unwrap();
        let now = Duration::from_millis(milliseconds);
        let mut out = Vec::new();
        follower.look(now);
        while follower.turn(now, 1 << 20, &mut out) {}
        let was_due = follower.has_unmarked();
        follower.mark(now, &mut out);
        let kind = |line: &[u8]| match classify(line, true) {
            Item::Mark(mark, _) => format!("mark {}", mark.next),
            _ => "line".to_owned(),
        };
        let kinds: Vec<String> = out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(kind).collect();
        (kinds.join(", "), was_due, follower.has_unmarked())
    };
    assert_eq!(kinds(100, "one\n"), ("line, mark 4".to_owned(), true, false));
    assert_eq!(kinds(600, "one\ntwo\n"), ("line".to_owned(), true, true));
    assert_eq!(kinds(1100, "one\ntwo\n"), ("mark 8".to_owned(), true, false));
    assert_eq!(kinds(2200, "one\ntwo\n").0, "", "what has not moved is not told again");
    fs::remove_file(&log).unwrap();
}
