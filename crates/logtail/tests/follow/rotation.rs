//! Group B, rotation by renaming, and D, removal.

use std::fmt::Write as _;
use std::time::Duration;

use crate::stage::{Arrived, Stage, every_way, on_fake};

#[test]
fn b1_a_line_written_to_the_old_file_after_the_rename_comes_once() {
    every_way(&["a"], |stage| {
        let old = stage.open("a");
        stage.start();
        stage.write(old, "L1\n");
        stage.rename("a", "a.1");
        stage.create("a");
        stage.write(old, "L2\n");
        stage.append("a", "L3\n");
        stage.comes_in_any_order(&["L1", "L2", "L3"]);
    });
}

#[test]
fn b2_two_rotations_with_the_writer_still_on_the_oldest_file() {
    every_way(&["a"], |stage| {
        let old = stage.open("a");
        stage.write(old, "L1\n");
        stage.start();
        stage.rename("a", "a.1");
        let middle = stage.open("a");
        stage.write(old, "L2\n");
        stage.write(middle, "L3\n");
        stage.rename("a.1", "a.2");
        stage.rename("a", "a.1");
        stage.create("a");
        stage.write(old, "L4\n");
        stage.append("a", "L5\n");
        stage.comes_in_any_order(&["L1", "L2", "L3", "L4", "L5"]);
    });
}

#[test]
fn b3_three_files_rotated_fast() {
    every_way(&["*.log"], |stage| {
        stage.start();
        let mut all = Vec::new();
        for round in 0..3 {
            for name in ["a.log", "b.log", "c.log"] {
                let line = format!("{name}{round}");
                stage.append(name, &format!("{line}\n"));
                all.push(line);
            }
            // A path is followed from its first sight on.
            if round == 0 {
                stage.come(3);
            }
            for name in ["a.log", "b.log", "c.log"] {
                stage.rename(name, &format!("{name}-2026010{}", round + 1));
            }
        }
        stage.comes_in_any_order(&all[3..].iter().map(String::as_str).collect::<Vec<_>>());
    });
}

/// So many that each would leave its mark.
const ROTATIONS: usize = 2000;

fn numbered(from: usize, count: usize) -> String {
    let mut text = String::new();
    for number in from..from + count {
        writeln!(text, "{number}").unwrap();
    }
    text
}

fn shift(stage: &mut Stage, oldest: usize) {
    for number in (1..oldest).rev() {
        stage.rename(&format!("a.{number}"), &format!("a.{}", number + 1));
    }
    stage.rename("a", "a.1");
}

#[test]
fn b4_ten_rotations_with_the_reader_caught_up() {
    every_way(&["a"], |stage| {
        stage.start();
        for round in 0..10 {
            stage.append("a", &numbered(round * 10_000, 10_000));
            let lines = stage.come(10_000);
            for (at, line) in lines.iter().enumerate() {
                assert_eq!(line.text(), (round * 10_000 + at).to_string());
            }
            shift(stage, round + 1);
        }
    });
}

#[test]
fn b5_ten_rotations_without_waiting() {
    every_way(&["a"], |stage| {
        stage.start();
        for round in 0..10 {
            stage.append("a", &numbered(round * 10_000, 10_000));
            shift(stage, round + 1);
        }
        stage.create("a");
        let lines = stage.come(100_000);
        let mut last = std::collections::HashMap::new();
        let mut all = std::collections::BTreeSet::new();
        for line in lines {
            let number: usize = line.text().parse().unwrap();
            assert!(all.insert(number), "{number} twice");
            let before = last.insert(line.position.fid, number);
            assert!(before.is_none_or(|before| before + 1 == number), "{number} behind {before:?}");
        }
    });
}

#[test]
fn b6_lines_go_on_in_the_new_file() {
    every_way(&["a"], |stage| {
        stage.start();
        stage.append("a", &numbered(0, 10_000));
        stage.rename("a", "a.1");
        stage.append("a", &numbered(10_000, 10_000));
        let lines = stage.come(20_000);
        let mut numbers: Vec<usize> = lines.iter().map(|line| line.text().parse().unwrap()).collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..20_000));
    });
}

#[test]
fn b7_a_file_moved_over_the_followed_one_again_and_again() {
    every_way(&["k"], |stage| {
        stage.append("k", "start\n");
        stage.start();
        stage.comes(&["start"]);
        for round in 0..50 {
            let line = format!("content {round}");
            stage.append("x", &format!("{line}\n"));
            stage.rename("x", "k");
            stage.comes(&[&line]);
        }
    });
}

#[test]
fn b8_thousands_of_rotations_hold_few_files_and_watches() {
    every_way(&["a"], |stage| {
        stage.create("a");
        stage.start();
        for round in 0..ROTATIONS {
            stage.append("a", &format!("{round}\n"));
            stage.rename("a", &format!("a.{}", 10_000_000 + round));
            stage.create("a");
            if round % 250 == 249 {
                stage.come_at_least(50);
                let (files, watches) = (stage.open_files(), stage.watches());
                // 64 rotated ones, the one that is there, the one it replaced, and one or two in hand. While they change
                // hands, both those before and those after are watched.
                assert!(files <= 68 && watches <= 132, "{files} files and {watches} watches after {round} rotations");
            }
        }
        stage.come_at_least(ROTATIONS - stage.arrived.len());
        let mut numbers: Vec<usize> = stage.arrived.iter().map(|line| line.text().parse().unwrap()).collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..ROTATIONS));
    });
}

#[test]
fn b8_thousands_of_rotations_leave_little_behind() {
    on_fake(&["a"], |stage| {
        stage.start();
        for round in 0..3000 {
            stage.append("a", &format!("{round}\n"));
            if round >= 5 {
                stage.remove("a.5");
            }
            shift(stage, (round + 1).min(5));
            stage.create("a");
            stage.step();
            let (known, open) = stage.fake().run.as_ref().unwrap().follower.count();
            assert!(open <= 4, "{open} files open after {round} rotations");
            assert!(known <= 320, "{known} generations known after {round} rotations: a minute's worth");
        }
        stage.come(3000);
        stage.pass(70);
        let (known, _) = stage.fake().run.as_ref().unwrap().follower.count();
        assert!(known <= 6, "{known}");
    });
}

#[test]
fn b10_a_rotated_name_that_matches_the_glob_is_not_read_twice() {
    every_way(&["a*"], |stage| {
        stage.append("a.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("a.log", "a.log.1");
        stage.append("a.log", "2\n");
        stage.comes(&["2"]);
        stage.append("a.log.1", "3\n");
        stage.comes(&["3"]);
    });
}

#[test]
fn b11_a_file_renamed_to_any_name_is_read_to_its_end() {
    every_way(&["a.log"], |stage| {
        let old = stage.open("a.log");
        stage.write(old, "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("a.log", "elsewhere");
        stage.write(old, "2\n");
        stage.comes(&["2"]);
    });
}

#[test]
fn b12_a_file_compressed_at_once_is_delivered_and_the_compressed_one_is_not_read() {
    every_way(&["*"], |stage| {
        stage.append("a.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        let old = stage.open("a.log");
        stage.rename("a.log", "a.log.1");
        stage.write(old, "2\n3\n");
        stage.append("a.log.1.gz", "\u{1f}\u{8b}compressed\n");
        stage.remove("a.log.1");
        stage.append("a.log", "4\n");
        stage.comes_in_any_order(&["2", "3", "4"]);
    });
}

#[test]
fn b13_late_line_on_the_old_descriptor_after_a_second_ten_and_sixty() {
    on_fake(&["a"], |stage| {
        let old = stage.open("a");
        stage.write(old, "0\n");
        stage.start();
        stage.rename("a", "a.1");
        stage.append("a", "new\n");
        stage.comes_in_any_order(&["0", "new"]);
        for seconds in [1, 10, 60] {
            stage.pass(seconds);
            stage.write(old, &format!("late {seconds}\n"));
            stage.comes(&[&format!("late {seconds}")]);
        }
    });
}

#[test]
fn b13_late_lines_come_as_long_as_the_file_has_a_writer_whatever_the_quiet_time() {
    every_way(&["a"], |stage| {
        stage.option(&["--rotate-quiet", "0"], |plan| plan.rotate_quiet = Duration::ZERO);
        let old = stage.open("a");
        stage.write(old, "0\n");
        stage.start();
        stage.rename("a", "a.1");
        stage.append("a", "new\n");
        stage.comes_in_any_order(&["0", "new"]);
        for round in 0..3 {
            // Each line of the new file was read by a turn that could have closed the old one.
            stage.append("a", "new\n");
            stage.comes(&["new"]);
            stage.write(old, &format!("late {round}\n"));
            stage.comes(&[&format!("late {round}")]);
            assert_eq!(stage.open_files(), 2);
        }
        stage.close(old);
        stage.append("a", "new\n");
        stage.comes(&["new"]);
    });
}

#[test]
fn b14_the_old_generation_is_delivered_before_the_new_one() {
    every_way(&["a"], |stage| {
        let old = stage.open("a");
        stage.write(old, "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.unseen(|stage| {
            stage.write(old, "2\n");
            stage.rename("a", "a.1");
            stage.append("a", "4\n");
            stage.write(old, "3\n");
        });
        stage.comes(&["2", "3", "4"]);
    });
}

#[test]
fn b15_a_file_removed_and_made_anew_is_read_from_its_head() {
    every_way(&["a"], |stage| {
        if stage.way == crate::stage::Way::Fake {
            stage.fake().disk.0.borrow_mut().reuses_numbers = true;
        }
        stage.append("a", "1\n2\n");
        stage.start();
        stage.comes(&["1", "2"]);
        stage.remove("a");
        stage.append("a", "3\n4\n");
        stage.comes(&["3", "4"]);
    });
}

#[test]
fn d1_what_was_appended_just_before_the_removal_comes() {
    every_way(&["a"], |stage| {
        let old = stage.open("a");
        stage.write(old, "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.write(old, "2\n");
        stage.remove("a");
        stage.close(old);
        stage.comes(&["2"]);
    });
}

#[test]
fn d2_a_removed_file_with_much_unread_is_delivered_and_closed() {
    on_fake(&["a"], |stage| {
        stage.create("a");
        stage.start();
        stage.append("a", &"0123456789abcde\n".repeat(65_536));
        stage.remove("a");
        stage.come(65_536);
        stage.pass(2);
        assert_eq!(stage.fake().run.as_ref().unwrap().follower.count().1, 0, "no file is open any more");
    });
}

#[test]
fn d3_a_removed_file_gives_its_unfinished_line_too() {
    every_way(&["a"], |stage| {
        let old = stage.open("a");
        stage.write(old, "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.write(old, "unfinished");
        stage.remove("a");
        stage.close(old);
        let line = &stage.come(1)[0];
        assert_eq!((line.text().as_str(), line.flags().as_str()), ("unfinished", "p"));
    });
}

#[test]
fn more_files_than_a_turn_takes_are_all_read_and_of_each_the_older_generation_first() {
    on_fake(&["*.log"], |stage| {
        for number in 0..60 {
            stage.append(&format!("{number}.log"), "first\n");
        }
        stage.start();
        stage.come(60);
        stage.acknowledge();
        stage.kill();
        for number in 0..60 {
            let name = format!("{number}.log");
            stage.append(&name, &format!("{number} old\n"));
            stage.rename(&name, &format!("{name}.1"));
            stage.append(&name, &format!("{number} new\n"));
        }
        stage.start();
        let lines: Vec<String> = stage.come(120).iter().map(Arrived::text).collect();
        for number in 0..60 {
            let at = |text: String| lines.iter().position(|line| *line == text).unwrap();
            assert!(at(format!("{number} old")) < at(format!("{number} new")), "{number}");
        }
    });
}
