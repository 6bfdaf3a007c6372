//! Group C, truncation and copying.

use std::fmt::Write as _;

use crate::stage::{Arrived, every_way};

#[test]
fn c1_lines_before_and_after_a_truncation() {
    every_way(&["a"], |stage| {
        stage.append("a", "1\n2\n3\n4\n5\n");
        stage.start();
        stage.comes(&["1", "2", "3", "4", "5"]);
        stage.truncate("a");
        stage.append("a", "6\n7\n8\n9\n10\n");
        stage.comes(&["6", "7", "8", "9", "10"]);
    });
}

#[test]
fn c2_rewritten_shorter_in_one_go() {
    every_way(&["a"], |stage| {
        stage.append("a", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n");
        stage.start();
        stage.come(10);
        stage.overwrite("a", "new 1\nnew 2\n");
        stage.comes(&["new 1", "new 2"]);
    });
}

#[test]
fn c3_regrown_beyond_the_old_offset_between_two_polls() {
    every_way(&["a"], |stage| {
        stage.append("a", "1\n2\n3\n");
        stage.start();
        stage.comes(&["1", "2", "3"]);
        stage.overwrite("a", "longer 1\nlonger 2\n");
        stage.comes(&["longer 1", "longer 2"]);
        stage.says("truncated or rewritten");
        stage.end();
        assert_eq!(stage.checkpoint().counters.truncations, 1);
    });
}

#[test]
fn c5_the_hole_of_a_stale_writer_is_skipped_and_counted() {
    every_way(&["a"], |stage| {
        let stale = stage.open_at_end("a");
        stage.write(stale, &"old line\n".repeat(1000));
        stage.start();
        stage.come(1000);
        stage.copy("a", "a.1");
        stage.truncate("a");
        stage.write(stale, "new line\n");
        let line = &stage.come(1)[0];
        assert_eq!((line.text().as_str(), line.position.start, line.position.end), ("new line", 9000, 9009));
        stage.write(stale, "and one\n");
        stage.comes(&["and one"]);
        stage.end();
        assert_eq!(stage.checkpoint().counters.hole_bytes, 9000);
    });
}

#[test]
fn c6_copied_and_truncated_while_down_the_rest_is_read_from_the_copy() {
    every_way(&["a"], |stage| {
        stage.append("a", "1\n2\n");
        stage.start();
        let old = stage.come(2);
        stage.acknowledge();
        stage.kill();
        stage.append("a", "3\n4\n");
        stage.copy("a", "a.1");
        stage.truncate("a");
        stage.append("a", "5\n");
        stage.start();
        let lines = stage.come(3);
        let mut texts: Vec<String> = lines.iter().map(Arrived::text).collect();
        texts.sort();
        assert_eq!(texts, ["3", "4", "5"]);
        let of_the_old = lines.iter().filter(|line| line.position.fid == old[0].position.fid).count();
        assert_eq!(of_the_old, 2, "the rest keeps its identity");
    });
}

#[test]
fn c7_a_copy_whose_name_matches_the_glob_is_not_sent_again() {
    every_way(&["a*"], |stage| {
        stage.append("a", "1\n2\n");
        stage.start();
        stage.comes(&["1", "2"]);
        stage.copy("a", "a.1");
        stage.append("a", "3\n");
        stage.comes(&["3"]);
        stage.truncate("a");
        stage.append("a", "4\n");
        stage.comes(&["4"]);
    });
}

#[test]
fn c8_copied_and_truncated_after_all_was_read() {
    every_way(&["a"], |stage| {
        let numbers = |from: usize| {
            (from..from + 10_000).fold(String::new(), |mut text, number| {
                writeln!(text, "{number}").unwrap();
                text
            })
        };
        stage.append("a", &numbers(0));
        stage.start();
        let first = stage.come(10_000);
        stage.copy("a", "a.1");
        stage.truncate("a");
        stage.append("a", &numbers(10_000));
        let second = stage.come(10_000);
        for (number, line) in first.iter().chain(&second).enumerate() {
            assert_eq!(line.text(), number.to_string());
        }
    });
}

#[test]
fn c11_truncating_an_empty_file_is_no_truncation() {
    every_way(&["a"], |stage| {
        stage.create("a");
        stage.start();
        stage.truncate("a");
        stage.append("a", "1\n");
        stage.comes(&["1"]);
        stage.end();
        assert_eq!(stage.checkpoint().counters.truncations, 0);
        assert!(!stage.said_all().contains("truncated"), "{}", stage.said_all());
    });
}
