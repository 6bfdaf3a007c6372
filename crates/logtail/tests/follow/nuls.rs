//! NUL bytes that nobody wrote: what is waited for in front of them, and what is not.

use std::time::Duration;

use logtail::disk::Disk as _;

use crate::field::put;
use crate::stage::{Arrived, every_way, on_fake};

#[test]
fn at_the_very_beginning_and_a_few_before_a_line_are_not_waited_for() {
    on_fake(&["a"], |stage| {
        stage.create("a");
        put(stage, "a", 100, b"1\n");
        put(stage, "a", 112, b"2\n");
        stage.start();
        assert_eq!(stage.arrived.len(), 2, "both within one look");
        stage.comes(&["1", "2"]);
        assert_eq!(stage.arrived[0].position.start, 100);
        stage.pass(2);
        assert_eq!(stage.checkpoint().entries[0].start, 100);
    });
}

#[test]
fn a_rotated_file_is_not_closed_while_it_waits_at_them() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        put(stage, "a", 102, b"2\n");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("a", "a.1");
        stage.pass(5);
        stage.comes(&[]);
        stage.comes(&["2"]);
    });
}

#[test]
fn w50_at_a_drain_what_stands_behind_them_comes_once_all_is_quiet() {
    every_way(&["a"], |stage| {
        stage.append("a", &format!("1\n{}2\n3\n", "\0".repeat(100)));
        stage.start();
        stage.comes(&["1"]);
        stage.drain();
        stage.comes(&["2", "3"]);
    });
    // Inside a line too: it ends where they begin. At the end of a file they are not written yet.
    on_fake(&["a"], |stage| {
        stage.append("a", "1\nhalf");
        put(stage, "a", 6 + 8192, b"2\n\0\0");
        stage.start();
        stage.comes(&["1"]);
        stage.drain();
        stage.comes(&["half", "2"]);
    });
}

#[test]
fn a_file_that_waits_at_them_is_not_closed_for_others() {
    on_fake(&["*.log"], |stage| {
        stage.option(&[], |plan| plan.most_open = 2);
        stage.append("a.log", "1\n");
        put(stage, "a.log", 102, b"2\n");
        for name in ["b.log", "c.log", "d.log"] {
            stage.append(name, &format!("{name}\n"));
        }
        stage.start();
        stage.comes_in_any_order(&["1", "2", "b.log", "c.log", "d.log"]);
    });
}

#[test]
fn a_file_that_has_waited_at_them_is_closed_for_others_as_any() {
    on_fake(&["*.log"], |stage| {
        stage.option(&[], |plan| plan.most_open = 2);
        for name in ["a.log", "b.log"] {
            stage.append(name, "1\n\0\0");
        }
        stage.start();
        stage.comes(&["1", "1"]);
        for name in ["a.log", "b.log"] {
            put(stage, name, 2, b"2\n");
        }
        stage.comes(&["2", "2"]);
        stage.append("c.log", "3\n");
        stage.append("d.log", "4\n");
        stage.comes_in_any_order(&["3", "4"]);
    });
}

#[test]
fn what_comes_in_front_of_them_makes_a_line_no_old_one() {
    on_fake(&["a"], |stage| {
        stage.option(&[], |plan| plan.partial_after = Some(Duration::from_secs(3)));
        stage.append("a", "1\n");
        put(stage, "a", 2, &[0; 500]);
        stage.start();
        stage.comes(&["1"]);
        for at in 2..7 {
            put(stage, "a", at, b"x");
            stage.pass(2);
        }
        put(stage, "a", 7, b"\n");
        stage.comes(&["xxxxx"]);
    });
}

#[test]
fn the_beginning_of_a_line_in_front_of_those_at_the_end_of_a_rotated_file_comes() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\nun");
        put(stage, "a", 4, &[0; 100]);
        stage.start();
        stage.comes(&["1"]);
        stage.rename("a", "a.1");
        let line = &stage.come(1)[0];
        assert_eq!((line.text().as_str(), line.flags().as_str()), ("un", "p"));
    });
}

#[test]
fn a_hole_that_nobody_gave_back_may_be_filled_yet() {
    on_fake(&["a"], |stage| {
        let (first, second) = ("x".repeat(4095), "y".repeat(4095));
        stage.append("a", &format!("{first}\n"));
        put(stage, "a", 8192, b"2\n3\n");
        let (disk, path) = (stage.fake().disk.clone(), stage.path("a"));
        disk.punch(&disk.open(&path).unwrap(), 4096, 8192).unwrap();
        stage.start();
        stage.comes(&[&first]);
        stage.pass(5);
        put(stage, "a", 4096, format!("{second}\n").as_bytes());
        stage.comes(&[&second, "2", "3"]);
    });
}

/// The file is truncated before the call number `call` of logtail, and written anew `after` calls behind that one, or (`None`)
/// some time later, the first line apart: all that is new comes.
fn truncated_at(call: u32, after: Option<u32>, old: &[u8]) {
    on_fake(&["a"], |stage| {
        let new: Vec<String> = (0..60).map(|number| format!("new {number}")).collect();
        let text = new.join("\n") + "\n";
        stage.create("a");
        put(stage, "a", 0, old);
        let (disk, path, written) = (stage.fake().disk.clone(), stage.path("a"), text.clone());
        let mut calls = 0;
        disk.0.borrow_mut().meddle_with(move |store| {
            calls += 1;
            if calls == call {
                store.pass(Duration::from_millis(1));
                store.truncate(&path, 0);
            }
            if after.is_some_and(|after| calls == call + after) {
                store.open(&path).write(store, written.as_bytes());
            }
        });
        stage.start();
        stage.step();
        if after.is_none() {
            let (first, rest) = text.split_at(6);
            stage.append("a", first);
            stage.step();
            stage.append("a", rest);
        }
        stage.pass(15);
        let came: Vec<String> =
            stage.arrived.iter().map(Arrived::text).filter(|text| text.starts_with("new")).collect();
        assert_eq!(came, new, "{call} {after:?} {}", old[0]);
        stage.come_at_least(0);
    });
}

#[test]
fn a_truncation_while_they_are_looked_at_swallows_nothing() {
    for old in [[&[0; 100][..], b"old\n"].concat(), b"1\n\0\0\0\0\0\0\0\0old\n".to_vec()] {
        for call in 1..25 {
            (0..5).for_each(|after| truncated_at(call, Some(after), &old));
        }
        // Also once they have been skipped, and nothing is known of what stands behind but that the file is long enough.
        for call in 1..19 {
            truncated_at(call, None, &old);
        }
    }
}
