//! Group E, lines.

use crate::stage::{Stage, every_way, on_fake};

#[test]
fn e1_empty_lines_are_passed_on_and_positions_advance() {
    every_way(&["a"], |stage| {
        stage.append("a", "\n1\n\n\n2\n");
        stage.start();
        let lines = stage.come(5);
        let ends: Vec<u64> = lines.iter().map(|line| line.position.end).collect();
        assert_eq!(ends, [1, 3, 4, 5, 7]);
    });
}

#[test]
fn e2_a_carriage_return_stays_wherever_a_read_ends() {
    on_fake(&["a"], |stage| {
        // Reads are of 4096 bytes here: the CR is the last byte of the first.
        stage.append("a", &format!("{}\r\nnext\r\n", "x".repeat(4095)));
        stage.start();
        let lines = stage.come(2);
        assert!(lines[0].content.ends_with(b"x\r"));
        assert_eq!((lines[0].content.len(), lines[1].text().as_str()), (4096, "next\\r"));
    });
}

#[test]
fn e3_a_line_at_the_limit_is_whole_and_a_longer_one_cut_and_flagged() {
    for length in [99, 100, 101, 300, 1_700_000] {
        every_way(&["a"], |stage| {
            stage.option(&["--max-line", "100"], |plan| plan.shape.max_line = 100);
            stage.append("a", &format!("before\n{}\nafter\n", "y".repeat(length)));
            stage.start();
            let lines = stage.come(3);
            assert_eq!((lines[0].text(), lines[2].text()), ("before".to_owned(), "after".to_owned()));
            assert_eq!(lines[1].content, "y".repeat(length.min(100)).as_bytes());
            assert_eq!(lines[1].flags(), if length > 100 { "t" } else { "" });
            assert_eq!(lines[1].position.end, 7 + length as u64 + 1);
            assert_eq!(lines[2].position.start, lines[1].position.end);
        });
    }
}

#[test]
fn e3_that_lines_are_cut_is_said_once_and_each_is_counted() {
    on_fake(&["a"], |stage| {
        stage.option(&[], |plan| plan.shape.max_line = 10);
        stage.start();
        for _ in 0..3 {
            stage.append("a", "longer than ten\n");
            stage.come(1);
        }
        assert_eq!(stage.said_all().matches("a line is longer than 10 bytes").count(), 1, "{}", stage.said_all());
        assert_eq!(stage.fake().run.as_ref().unwrap().follower.truncated_lines(), 3);
    });
}

#[test]
fn e4_a_line_across_two_reads_is_one() {
    on_fake(&["a"], |stage| {
        let line = "z".repeat(4098);
        stage.append("a", &format!("short\n{line}\nshort\n"));
        stage.start();
        stage.comes(&["short", &line, "short"]);
    });
}

#[test]
fn e5_a_line_half_written_before_a_restart_is_one_line() {
    every_way(&["a"], |stage| {
        stage.append("a", "first\npartial");
        stage.start();
        stage.comes(&["first"]);
        stage.acknowledge();
        stage.kill();
        stage.append("a", " line\n");
        stage.start();
        stage.comes(&["partial line"]);
    });
}

#[test]
fn e6_a_line_in_three_writes_is_one() {
    every_way(&["a"], |stage| {
        stage.start();
        for part in ["one ", "line", "\n"] {
            stage.append("a", part);
            if let crate::stage::Way::Fake = stage.way {
                stage.step();
            }
        }
        stage.comes(&["one line"]);
    });
}

#[test]
fn e7_bytes_that_are_no_text_survive() {
    every_way(&["a"], |stage| {
        let writer = stage.open("a");
        stage.write_bytes(writer, b"a\xff\x00b\n\xc3\x28\n");
        stage.start();
        let lines = stage.come(2);
        assert_eq!((&lines[0].content[..], &lines[1].content[..]), (&b"a\xff\x00b"[..], &b"\xc3\x28"[..]));
    });
}

#[test]
fn e10_the_last_line_without_lf_of_a_rotated_file_comes_once() {
    every_way(&["a"], |stage| {
        let old = stage.open("a");
        stage.write(old, "1\nlast");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("a", "a.1");
        stage.create("a");
        stage.close(old);
        let last = &stage.come(1)[0];
        assert_eq!((last.text().as_str(), last.flags().as_str()), ("last", "p"));
        // Its LF alone is no line.
        stage.append("a.1", "\nmore\n");
        stage.append("a", "new\n");
        stage.comes_in_any_order(&["more", "new"]);
    });
}

fn positions_are_offsets(stage: &mut Stage) {
    let text = "one\n\ntwo three\n\u{20ac}\nlast\n";
    stage.append("a", text);
    stage.start();
    for line in stage.come(5) {
        let (start, end) = (usize::try_from(line.position.start).unwrap(), usize::try_from(line.position.end).unwrap());
        assert_eq!(&text.as_bytes()[start..end - 1], line.content);
        assert_eq!(text.as_bytes()[end - 1], b'\n');
    }
}

#[test]
fn e11_positions_are_offsets_in_the_file() {
    every_way(&["a"], positions_are_offsets);
}
