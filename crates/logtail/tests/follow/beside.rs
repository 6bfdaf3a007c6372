//! What lies beside a path: what is taken for an older generation of it, what is not, and what it costs to look there.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use logline::position::Fid;

use crate::field::while_down;
use crate::found::copy_and_truncate_unseen;
use crate::stage::{Arrived, Stage, Way, every_way, on_fake};

/// What has come, each line with the name that it was tagged with.
fn come(stage: &mut Stage, count: usize) -> Vec<String> {
    let came = stage.come(count);
    let name = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    came.iter().map(|line| format!("{} {}", name(&line.path), line.text())).collect()
}

/// More than a head covers.
fn long_text(name: &str) -> String {
    (0..100).map(|number| format!("{name} {number} of many\n")).collect()
}

/// `app.log` is followed, and that its older files are called `app-1.log`, `app-2.log` is known.
fn with_learnt_names(stage: &mut Stage) {
    stage.append("app.log", "1\n");
    stage.start();
    stage.comes(&["1"]);
    stage.rename("app.log", "app-1.log");
    stage.append("app.log", "2\n");
    stage.comes(&["2"]);
}

/// While logtail is down a file comes and goes that nobody has seen: `app-3.log`, of which this is the writer. The log itself
/// is held open too.
fn rotate_while_down(stage: &mut Stage, text: &str) -> usize {
    let mut unseen = 0;
    while_down(stage, |stage| {
        stage.rename("app.log", "app-2.log");
        unseen = stage.open("app.log");
        stage.write(unseen, text);
        stage.rename("app.log", "app-3.log");
        let own = stage.open("app.log");
        stage.write(own, "of the log\n");
    });
    stage.comes(&["of the log"]);
    unseen
}

#[test]
fn a_rotated_file_that_its_writer_holds_in_silence_is_no_log_of_its_own() {
    on_fake(&["app.log"], |stage| {
        with_learnt_names(stage);
        let unseen = rotate_while_down(stage, "unseen\n");
        stage.pass(60);
        stage.comes(&[]);
        stage.close(unseen);
        stage.comes(&["unseen"]);
    });
}

#[test]
fn a_rotated_file_that_gets_its_last_words_late_is_no_log_of_its_own() {
    for first in ["", "first\n"] {
        on_fake(&["app.log"], |stage| {
            with_learnt_names(stage);
            let unseen = rotate_while_down(stage, first);
            if first.is_empty() {
                // As long as it holds nothing, nothing tells that it is being written.
                stage.pass(30);
            }
            for _ in 0..3 {
                stage.write(unseen, "late\n");
                stage.pass(2);
            }
            stage.close(unseen);
            let lines: Vec<&str> = first.lines().chain(["late"; 3]).collect();
            stage.comes(&lines);
        });
    }
}

#[test]
fn what_was_written_in_the_tick_in_which_the_log_was_made_is_ours_under_a_name_learnt_later() {
    on_fake(&["app.log"], |stage| {
        stage.create("app.log");
        stage.start_and_look();
        let [own, first, second] = ["app.log", "app-1.log", "app-2.log"].map(|name| stage.path(name));
        let mut store = stage.fake().disk.0.borrow_mut();
        // The clock of a file system ticks more slowly than all this.
        store.lists = 0;
        store.rename(&own, &first);
        store.open(&own).write(&store, b"1\n");
        store.rename(&own, &second);
        store.open(&own).write(&store, b"2\n");
        drop(store);
        stage.comes(&["1", "2"]);
    });
}

#[test]
fn of_two_older_files_the_one_that_was_changed_first_is_read_first_whichever_way_they_are_counted() {
    for [older, younger] in [["a.1", "a.2"], ["a.2", "a.1"]] {
        on_fake(&["a"], |stage| {
            stage.start();
            stage.kill();
            stage.append(older, "1\n");
            stage.append(younger, "2\n");
            stage.append("a", "3\n");
            stage.start();
            stage.comes(&["1", "2", "3"]);
        });
    }
}

#[test]
fn of_two_older_files_changed_in_one_tick_the_one_with_the_higher_number_is_the_older() {
    on_fake(&["a"], |stage| {
        stage.start();
        stage.kill();
        let files = [("a.1", "2\n"), ("a.2", "1\n")].map(|(name, text)| (stage.path(name), text));
        let mut store = stage.fake().disk.0.borrow_mut();
        for (path, text) in files {
            store.open(&path).write(&store, text.as_bytes());
        }
        drop(store);
        stage.start();
        stage.comes(&["1", "2"]);
    });
}

#[test]
fn a_second_name_that_is_met_before_the_own_one_tells_nothing_of_rotation() {
    on_fake(&["*.log"], |stage| {
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.hard_link("app.log", "app-1.log");
        while_down(stage, |stage| stage.append("app.log", "2\n"));
        stage.comes(&["2"]);
        stage.append("app-2.log", "3\n");
        assert_eq!(come(stage, 1), ["app-2.log 3"]);
    });
}

#[test]
fn a_name_that_another_file_has_got_with_the_inode_tells_nothing_of_others() {
    on_fake(&["app.log"], |stage| {
        stage.fake().disk.0.borrow_mut().reuses_numbers = true;
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.pass(2);
        while_down(stage, |stage| {
            stage.remove("app.log");
            stage.append("app-9.log", "other\n");
            stage.append("app.log", "2\n");
        });
        stage.append("app-8.log", "another\n");
        stage.pass(10);
        stage.comes(&["2"]);
    });
}

#[test]
fn a_name_that_is_learnt_is_kept_although_nothing_else_has_changed() {
    on_fake(&["app.log"], |stage| {
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("app.log", "app.log.1");
        stage.append("app.log", "2\n");
        stage.comes(&["2"]);
        stage.pass(30);
        assert_eq!(stage.checkpoint().shapes, []);
        stage.rename("app.log.1", "app-1.log");
        stage.pass(10);
        assert_eq!(stage.checkpoint().shapes.len(), 1);
    });
}

#[test]
fn a_directory_that_cannot_be_looked_into_is_told_and_one_that_is_not_there_is_not() {
    on_fake(&["sub/a"], |stage| {
        stage.start();
        stage.pass(10);
        assert!(!stage.said_all().contains("/log/sub: "), "{}", stage.said_all());
        stage.directory("sub");
        stage.append("sub/a", "1\n");
        stage.comes(&["1"]);
        stage.permit("sub", false);
        stage.says("/log/sub: ");
    });
}

#[test]
fn what_logpost_writes_is_not_read_under_the_name_of_an_older_file_either() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        let own = stage.path("a.1");
        let run = stage.fake().run.as_mut().unwrap();
        run.follower.leave_out(vec![own], Duration::ZERO);
        stage.append("a.1", "not to be read\n");
        stage.pass(20);
        stage.comes(&["1"]);
    });
}

#[test]
fn of_what_lay_there_before_the_line_that_is_not_whole_comes() {
    on_fake(&["a"], |stage| {
        stage.append("a.1", "whole\nnot whole");
        stage.append("a", "1\n");
        stage.start();
        stage.pass(20);
        stage.comes_in_any_order(&["1", "not whole"]);
    });
}

#[test]
fn a_compressed_file_that_has_not_come_to_its_end_is_waited_for() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        let text: String = (0..500).map(|number| format!("{number} {}\n", number * 7919 % 10_007)).collect();
        let whole = crate::stage::packed(text.as_bytes());
        let (half, rest) = whole.split_at(whole.len() / 2);
        // As it comes from another machine: nobody here has it open.
        for part in [half, rest] {
            let writer = stage.open("a.1.gz");
            stage.write_bytes(writer, part);
            stage.close(writer);
            stage.pass(5);
        }
        assert_eq!(stage.come(500).len(), 500);
        assert!(!stage.said_all().contains("cannot be decompressed"), "{}", stage.said_all());
    });
}

#[test]
fn what_lay_there_before_compressed_otherwise_is_left_alone() {
    on_fake(&["a"], |stage| {
        let writer = stage.open("a.1.xz");
        stage.write_bytes(writer, b"\xfd7zXZ\0 what\never");
        stage.close(writer);
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.pass(20);
    });
}

#[test]
fn a_link_in_the_place_of_a_directory_of_older_files_leads_to_none() {
    for (directory, link) in [("old", "old"), ("old/deep", "old"), ("old/deep", "old/deep")] {
        let mut stage = Stage::new(Way::Polling, &["app.log"]);
        stage.directory(directory);
        stage.directory("secret/deep");
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("app.log", &format!("{directory}/app.log.1"));
        stage.append("app.log", "2\n");
        stage.comes(&["2"]);
        while_down(&mut stage, |stage| {
            stage.rename(link, "gone");
            let target = stage.path("secret");
            stage.link(target.to_str().unwrap(), link);
            stage.append("secret/app.log.2", "secret\n");
            stage.append("secret/deep/app.log.2", "secret\n");
            // Read in the same look.
            stage.append("app.log.3", "3\n");
        });
        stage.comes(&["3"]);
        stage.end();
    }
}

#[test]
fn older_files_beside_a_target_that_lies_above_the_link_are_read() {
    every_way(&["current.log"], |stage| {
        stage.directory("../old");
        stage.append("../old/app-1.log", "1\n");
        stage.link("../old/app-1.log", "current.log");
        stage.start();
        stage.comes(&["1"]);
        while_down(stage, |stage| {
            for number in 2..=3 {
                stage.append(&format!("../old/app-{number}.log"), &format!("{number}\n"));
            }
            stage.remove("current.log");
            stage.link("../old/app-3.log", "current.log");
        });
        assert_eq!(come(stage, 2), ["current.log 2", "current.log 3"]);
    });
}

#[test]
fn what_another_log_has_rotated_is_no_copy_although_both_begin_alike() {
    on_fake(&["a", "b"], |stage| {
        stage.append("a", "banner\n");
        stage.append("b", "0\n");
        stage.start();
        stage.come(2);
        while_down(stage, |stage| {
            stage.overwrite("a", "new\n");
            stage.rename("b", "b.2");
            stage.append("b.1", "banner\nof b\n");
            stage.append("b", "1\n");
        });
        let mut came = come(stage, 4);
        came.sort();
        assert_eq!(came, ["a new", "b 1", "b banner", "b of b"]);
    });
}

#[test]
fn what_another_log_has_compressed_goes_on_under_its_own_name_although_both_begin_alike() {
    on_fake(&["a", "b"], |stage| {
        stage.append("a", "banner\n2\n");
        stage.append("b", "banner\n");
        stage.start();
        stage.come(3);
        while_down(stage, |stage| {
            stage.remove("a");
            stage.append("b", "2\n3\n");
            stage.compress("b", "b.1.gz");
        });
        assert_eq!(come(stage, 2), ["b 2", "b 3"]);
    });
}

#[test]
fn a_compressed_file_with_a_name_of_its_own_is_read() {
    on_fake(&["*"], |stage| {
        stage.append("text", "1\n2\n");
        stage.compress("text", "dump");
        stage.start();
        assert_eq!(come(stage, 2), ["dump 1", "dump 2"]);
    });
}

#[test]
fn a_short_log_is_known_compressed_if_it_is_all_that_is_in_it() {
    on_fake(&["a"], |stage| {
        stage.append("a", "banner\n");
        stage.start();
        stage.comes(&["banner"]);
        stage.rename("a", "a.1");
        stage.append("a", "2\n");
        stage.comes(&["2"]);
        stage.pass(20);
        stage.compress("a.1", "a.1.gz");
        stage.pass(20);
        stage.comes(&[]);
        stage.rename("a.1.gz", "a.3.gz");
        stage.unseen(|stage| {
            stage.append("a.2", "banner\n3\n");
            stage.compress("a.2", "a.2.gz");
        });
        stage.comes(&["banner", "3"]);
    });
}

#[test]
fn a_banner_that_is_all_of_a_log_is_known_compressed_although_a_longer_log_begins_so() {
    on_fake(&["a"], |stage| {
        // Little more than a head, so that nothing behind the head proves of which log it is.
        let banner: String = (10..73).map(|number| format!("{number} of the banner\n")).collect();
        stage.append("a", &banner);
        stage.start();
        stage.come(63);
        stage.rename("a", "a.2");
        stage.append("a", &format!("{banner}{}", long_text("own")));
        stage.come(163);
        stage.rename("a", "a.1");
        stage.append("a", "other\n");
        stage.comes(&["other"]);
        stage.pass(20);
        stage.compress("a.2", "a.2.gz");
        stage.pass(20);
    });
}

#[test]
fn what_a_glob_finds_compressed_under_any_name_is_known_if_it_is_more_than_a_head() {
    for is_finished in [false, true] {
        on_fake(&["*"], |stage| {
            stage.append("current", &long_text("line"));
            stage.start();
            stage.come(100);
            if is_finished {
                stage.rename("current", "current.1");
                stage.append("current", "2\n");
                stage.comes(&["2"]);
                stage.pass(20);
                stage.compress("current.1", "packed");
            } else {
                stage.compress("current", "packed");
            }
            stage.append("current", "3\n");
            stage.comes(&["3"]);
            stage.pass(20);
        });
    }
}

#[test]
fn a_head_alone_does_not_tell_of_which_log_a_compressed_file_of_any_name_is() {
    on_fake(&["*"], |stage| {
        let head = "line of a banner\n".repeat(60) + "end\n";
        assert_eq!(head.len(), 1024);
        stage.append("current", &head);
        stage.start();
        stage.come(61);
        stage.append("text", &head);
        stage.unseen(|stage| stage.compress("text", "dump"));
        let came = come(stage, 61);
        assert!(came.iter().all(|line| line.starts_with("dump ")), "{came:?}");
    });
}

#[test]
fn a_short_log_that_is_compressed_under_a_label_goes_on_there() {
    on_fake(&["current"], |stage| {
        stage.append("current", "1\n");
        stage.start();
        let first = stage.come(1)[0].position;
        while_down(stage, |stage| {
            stage.append("current", "2\n");
            stage.compress("current", "@400000006b0bfe2425d7cba3.s");
        });
        let line = &stage.come(1)[0];
        assert_eq!((line.text().as_str(), line.position.fid), ("2", first.fid));
    });
}

#[test]
fn late_lines_come_though_the_file_has_been_compressed_in_the_meantime() {
    on_fake(&["a"], |stage| {
        let writer = stage.open("a");
        stage.write(writer, &long_text("line"));
        stage.start();
        stage.come(100);
        stage.rename("a", "a.1");
        stage.append("a", "2\n");
        stage.comes(&["2"]);
        stage.compress("a.1", "a.1.gz");
        stage.pass(20);
        stage.write(writer, "late\n");
        stage.comes(&["late"]);
    });
}

#[test]
fn nothing_is_made_of_a_compressed_file_that_holds_nothing() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("a", "a.1");
        stage.pass(20);
        stage.create("empty");
        stage.compress("empty", "a.2.gz");
        stage.pass(20);
        assert!(!stage.said_all().contains("a.2.gz"), "{}", stage.said_all());
        assert_eq!(stage.checkpoint().entries.len(), 1);
    });
}

#[test]
fn a_copy_that_some_looks_miss_in_a_short_time_is_found_all_the_same() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        let first = stage.come(1)[0].position.fid;
        stage.append("a", "2\n");
        copy_and_truncate_unseen(stage, Duration::from_millis(1500));
        let line = &stage.come(1)[0];
        assert_eq!((line.text().as_str(), line.position.fid), ("2", first));
    });
}

#[test]
fn a_log_that_was_read_to_its_end_before_it_was_truncated_is_no_gap() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.overwrite("a", "new\n");
        stage.comes(&["new"]);
        stage.pass(10);
        let counters = stage.checkpoint().counters;
        assert_eq!((counters.truncations, counters.gaps, counters.possible_loss_bytes), (1, 0, 0));
    });
}

#[test]
fn what_was_read_and_not_acknowledged_before_a_truncation_while_down_is_counted_by_its_bytes() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n2\n");
        stage.start();
        stage.come(2);
        stage.kill();
        stage.overwrite("a", "three\n");
        stage.start();
        stage.comes(&["three"]);
        stage.says("4 bytes vanished");
        let counters = stage.checkpoint().counters;
        assert_eq!((counters.gaps, counters.possible_loss_bytes), (0, 4));
    });
}

#[test]
fn a_copy_that_was_not_there_before_a_restart_is_found_after_it() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        let first = stage.come(1)[0].position.fid;
        stage.append("a", "2\n");
        stage.copy("a", "kept");
        stage.overwrite("a", "3\n4\n5\n");
        stage.comes(&["3", "4", "5"]);
        while_down(stage, |stage| stage.rename("kept", "a.1"));
        let line = &stage.come(1)[0];
        assert_eq!((line.text().as_str(), line.position.fid), ("2", first));
    });
}

/// How many of the files were open at most, from now on.
fn most_open(stage: &mut Stage, names: &[String]) -> Rc<Cell<u64>> {
    let paths: Vec<PathBuf> = names.iter().map(|name| stage.path(name)).collect();
    let most = Rc::new(Cell::new(0));
    let told = Rc::clone(&most);
    stage.fake().disk.0.borrow_mut().meddle_with(move |store| {
        let open = paths.iter().filter_map(|path| Some(store.file(path)?.readers.get())).sum::<u64>();
        told.set(told.get().max(open));
    });
    most
}

#[test]
fn in_no_moment_of_a_look_are_more_older_files_open_than_may_be() {
    on_fake(&["a"], |stage| {
        stage.option(&[], |plan| plan.open_limit = 2);
        let name = |number: usize| format!("a.{number}");
        let names: Vec<String> = (1..=20).map(name).collect();
        stage.start();
        stage.kill();
        for name in names.iter().rev() {
            stage.append(name, &format!("of {name}\n"));
        }
        let most = most_open(stage, &names);
        stage.start();
        stage.come(20);
        // The two, and one in hand that is compared.
        assert!(most.get() <= 4, "{}", most.get());
        // Nothing is acknowledged: all are known, and go on.
        stage.kill();
        let most = most_open(stage, &names);
        stage.start();
        stage.come(20);
        assert!(most.get() <= 4, "{}", most.get());
    });
}

/// While logtail is down five generations older than `a` are written, a line in each, of which two may be open at a time. The
/// writers of the oldest two, which are open.
fn five_older_ones(stage: &mut Stage) -> [usize; 2] {
    stage.option(&[], |plan| plan.open_limit = 2);
    stage.start();
    stage.kill();
    let held = ["a.5", "a.4"].map(|name| stage.open(name));
    for number in (1..=5).rev() {
        stage.append(&format!("a.{number}"), &format!("{number}\n"));
    }
    held
}

#[test]
fn while_older_files_wait_the_next_look_is_due_once_one_in_front_of_them_was_read() {
    on_fake(&["a"], |stage| {
        let held = five_older_ones(stage);
        stage.start();
        let is_due = |stage: &mut Stage| stage.fake().run.as_ref().unwrap().follower.has_deferred();
        assert!(!is_due(stage), "both that are open have writers, and nothing can be opened");
        stage.close(held[1]);
        stage.step();
        assert!(is_due(stage), "a.4 was read to its end, and three wait");
        stage.come(5);
        assert!(!is_due(stage), "none waits");
    });
}

#[test]
fn of_more_known_ones_than_may_be_open_the_oldest_come_first() {
    for pattern in ["a", "a*"] {
        on_fake(&[pattern], |stage| {
            stage.option(&[], |plan| plan.open_limit = 2);
            stage.start();
            stage.kill();
            for number in (1..=20).rev() {
                stage.append(&format!("a.{number}"), &format!("{number:02}\n"));
            }
            stage.append("a", "00\n");
            let lines: Vec<String> = (0..=20).rev().map(|number| format!("{number:02}")).collect();
            for run in 0..2 {
                stage.start();
                let came: Vec<String> = stage.come(21).iter().map(Arrived::text).collect();
                assert_eq!(came, lines, "{pattern} {run}");
                stage.kill();
            }
        });
    }
}

#[test]
fn where_silent_writers_hold_all_that_may_be_open_the_path_s_own_file_does_not_wait_for_the_others() {
    on_fake(&["a"], |stage| {
        let held = five_older_ones(stage);
        stage.append("a", "0\n");
        stage.start();
        stage.comes(&["5", "4", "0"]);
        stage.pass(5);
        stage.append("a", "new\n");
        stage.comes(&["new"]);
        for writer in held {
            stage.close(writer);
        }
        stage.comes(&["3", "2", "1"]);
    });
}

#[test]
fn w48_older_files_that_are_compressed_while_they_wait_come_in_order_and_are_not_called_lost() {
    for (is_killed, reuses_numbers) in [(false, false), (true, false), (false, true), (true, true)] {
        on_fake(&["a"], |stage| {
            stage.fake().disk.0.borrow_mut().reuses_numbers = reuses_numbers;
            let held = five_older_ones(stage);
            stage.append("a", "0\n");
            stage.start();
            stage.comes(&["5", "4", "0"]);
            if is_killed {
                stage.kill();
            }
            stage.fake().disk.0.borrow_mut().pass(Duration::from_secs(1));
            for number in [3, 2, 1] {
                stage.compress(&format!("a.{number}"), &format!("a.{number}.gz"));
            }
            for writer in held {
                stage.close(writer);
            }
            if is_killed {
                stage.start();
                stage.comes(&["5", "4", "3", "2", "1", "0"]);
            } else {
                stage.comes(&["3", "2", "1"]);
            }
            stage.pass(120);
            assert!(!stage.said_all().contains("lost"), "{}", stage.said_all());
            assert_eq!(stage.checkpoint().counters.truncations, 0, "{}", stage.said_all());
        });
    }
}

#[test]
fn w49_what_vanishes_from_a_file_that_waits_is_told() {
    on_fake(&["a"], |stage| {
        let held = five_older_ones(stage);
        stage.append("a", "0\n");
        stage.start();
        stage.comes(&["5", "4", "0"]);
        stage.truncate("a.2");
        for writer in held {
            stage.close(writer);
        }
        stage.comes(&["3", "1"]);
        stage.says("truncated or rewritten");
    });
}

#[test]
fn w52_where_nobody_can_tell_who_writes_old_files_do_not_wait_for_quiet() {
    on_fake(&["a"], |stage| {
        stage.unprivileged();
        for writer in five_older_ones(stage) {
            stage.close(writer);
        }
        stage.append("a", "0\n");
        stage.fake().disk.0.borrow_mut().pass(Duration::from_secs(60));
        stage.start();
        let before = stage.fake().disk.0.borrow().now;
        stage.comes(&["5", "4", "3", "2", "1", "0"]);
        assert!(stage.fake().disk.0.borrow().now < before + Duration::from_secs(5));
        // Whoever still writes is heard all the same.
        stage.append("a.3", "late\n");
        stage.comes(&["late"]);
    });
}

#[test]
fn w51_an_older_file_that_cannot_be_read_is_told_and_read_once_it_can_be() {
    every_way(&["a"], |stage| {
        stage.unprivileged();
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.kill();
        stage.rename("a", "a.2");
        stage.append("a.1", "2\n");
        stage.permit("a.1", false);
        stage.append("a", "3\n");
        stage.start();
        stage.comes_in_any_order(&["1", "3"]);
        stage.says("a.1: ");
        stage.permit("a.1", true);
        stage.comes(&["2"]);
    });
}

#[test]
fn older_files_that_were_there_before_are_not_held_open() {
    on_fake(&["a"], |stage| {
        let names: Vec<String> = (1..=20).map(|number| format!("a.{number}")).collect();
        for name in &names {
            stage.append(name, "before\n");
        }
        let most = most_open(stage, &names);
        stage.start();
        assert!(most.get() <= 2, "{}", most.get());
    });
}

#[test]
fn a_finished_file_costs_no_look_beside_at_rest() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.rename("a", "a.1");
        stage.append("a", "2\n");
        stage.comes(&["1", "2"]);
        stage.pass(20);
        let before = stage.fake().disk.0.borrow().lists;
        stage.pass(10);
        let lists = stage.fake().disk.0.borrow().lists - before;
        assert!(lists <= 3, "two, and the ends: {lists}");
    });
}

/// How many calls logtail makes in ten seconds.
fn calls(stage: &mut Stage) -> u64 {
    let before = stage.fake().disk.0.borrow().calls;
    stage.pass(10);
    stage.fake().disk.0.borrow().calls - before
}

#[test]
fn logs_at_rest_are_looked_at_and_not_read() {
    on_fake(&["*.log"], |stage| {
        for number in 0..50 {
            stage.append(&format!("{number}.log"), &format!("{number}\n"));
        }
        stage.start();
        stage.come(50);
        stage.pass(10);
        // In each look one of each file, and in two of them one more, beside.
        let calls = calls(stage);
        assert!(calls < 50 * 10 + 50 * 3, "{calls}");
    });
}

#[test]
fn finished_files_are_looked_at_and_not_opened_also_after_they_were_touched() {
    on_fake(&["a"], |stage| {
        stage.start();
        let names: Vec<String> = (0..20).map(|number| format!("a-202611{:02}", number + 10)).collect();
        for name in &names {
            stage.append("a", &format!("of {name}\n"));
            stage.rename("a", name);
        }
        stage.come(20);
        stage.pass(20);
        for is_touched in [false, true] {
            for name in names.iter().filter(|_| is_touched) {
                stage.append(name, "");
            }
            stage.pass(10);
            // In two looks one of each file, and some of the directory and the path.
            let calls = calls(stage);
            assert!(calls < 20 * 2 + 80, "{is_touched}: {calls}");
        }
    });
}

#[test]
fn a_log_of_which_no_copy_is_found_ends_with_a_mark() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        let first = stage.come(1)[0].position.fid;
        stage.overwrite("a", "new\n");
        stage.comes(&["new"]);
        stage.pass(10);
        assert!(stage.ended.contains(&first));
    });
}

#[test]
fn what_was_closed_for_others_and_is_rotated_then_ends_too() {
    on_fake(&["*.log"], |stage| {
        stage.option(&[], |plan| plan.most_open = 4);
        for number in 0..10 {
            stage.append(&format!("{number}.log"), &format!("{number}\n"));
        }
        stage.start();
        let first: Vec<Fid> = stage.come(10).iter().map(|line| line.position.fid).collect();
        for number in 0..10 {
            stage.rename(&format!("{number}.log"), &format!("{number}.log.1"));
        }
        stage.pass(60);
        assert!(first.iter().all(|fid| stage.ended.contains(fid)), "{}", stage.ended.len());
    });
}

#[test]
fn a_log_that_has_got_the_inode_of_one_that_is_gone_is_read_whole_although_it_begins_alike() {
    for is_packed in [false, true] {
        on_fake(&["a", "b"], |stage| {
            let mut store = stage.fake().disk.0.borrow_mut();
            (store.reuses_numbers, store.no_births) = (true, true);
            drop(store);
            stage.append("a", "banner\n");
            stage.start();
            stage.comes(&["banner"]);
            if is_packed {
                stage.rename("a", "a.1");
                stage.pass(20);
                stage.compress("a.1", "a.1.gz");
                stage.pass(20);
                while_down(stage, |stage| stage.append("b", "banner\nof b\n"));
            } else {
                stage.remove("a");
                stage.pass(20);
                stage.append("b", "banner\nof b\n");
            }
            assert_eq!(come(stage, 2), ["b banner", "b of b"], "{is_packed}");
        });
    }
}

#[test]
fn a_log_that_is_copied_and_truncated_at_any_moment_of_a_restart_loses_and_doubles_nothing() {
    for call in 1..40 {
        on_fake(&["a"], |stage| {
            stage.append("a", "1\n");
            stage.start();
            let first = stage.come(1)[0].position.fid;
            stage.acknowledge();
            stage.kill();
            stage.append("a", "2\n");
            let (own, copy) = (stage.path("a"), stage.path("a.1"));
            let mut store = stage.fake().disk.0.borrow_mut();
            let at = store.calls + call;
            store.meddle_with(move |store| {
                if store.calls == at {
                    let bytes = store.file(&own).unwrap().bytes.borrow().clone();
                    store.pass(Duration::from_millis(1));
                    store.open(&copy).write(store, &bytes);
                    store.truncate(&own, 0);
                    store.open(&own).write(store, b"another\nand one more\n");
                }
            });
            drop(store);
            stage.start();
            let came = stage.come(3);
            let mut lines: Vec<String> = came.iter().map(crate::stage::Arrived::text).collect();
            lines.sort();
            assert_eq!(lines, ["2", "and one more", "another"], "{call}");
            let old = came.iter().find(|line| line.text() == "2");
            assert!(old.is_some_and(|line| line.position.fid == first), "{call}");
        });
    }
}
