//! Group K, found by attacking the design.

use std::fmt::Write as _;
use std::time::Duration;

use crate::run::checkpoint_of;
use crate::stage::{Arrived, every_way, on_fake};

fn numbered(name: &str, count: usize) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        writeln!(text, "{name} {number}").unwrap();
        text
    })
}

#[test]
fn k1_finished_and_not_acknowledged_its_rest_is_read_again() {
    every_way(&["a"], |stage| {
        stage.append("a", "1\n2\n");
        stage.start();
        stage.comes(&["1", "2"]);
        stage.acknowledge_first(1);
        stage.rename("a", "a.1");
        stage.append("a", "3\n");
        stage.comes(&["3"]);
        stage.kill();
        stage.start();
        let mut again: Vec<String> = stage.come(2).iter().map(Arrived::text).collect();
        again.sort();
        assert_eq!(again, ["2", "3"]);
    });
}

#[test]
fn k2_a_rotated_file_that_is_written_to_after_the_quiet_is_taken_up_where_it_ended() {
    every_way(&["a"], |stage| {
        stage.unprivileged();
        stage.option(&["--rotate-quiet", "0.1"], |plan| plan.rotate_quiet = Duration::from_millis(100));
        let old = stage.open("a");
        stage.write(old, "1\n");
        stage.start();
        stage.rename("a", "a.1");
        stage.append("a", "new\n");
        stage.comes_in_any_order(&["1", "new"]);
        for late in ["2", "3"] {
            stage.closes_all_but(1);
            stage.write(old, &format!("{late}\n"));
            stage.comes(&[late]);
        }
    });
}

#[test]
fn k3_the_last_line_between_the_end_of_the_file_and_the_probe_is_delivered() {
    on_fake(&["a"], |stage| {
        let old = stage.open("a");
        stage.write(old, "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("a", "a.1");
        stage.create("a");
        stage.step();
        // Between two calls of logtail, whichever: the last line, and the end of the application.
        let disk = std::rc::Rc::clone(&stage.fake().disk.0);
        let path = stage.path("a.1");
        let file = disk.borrow().file(&path).unwrap();
        let mut last = Some(disk.borrow_mut().open(&path));
        stage.close(old);
        let mut calls = 0;
        disk.borrow_mut().meddle_with(move |store| {
            calls += 1;
            if calls == 13
                && let Some(mut writer) = last.take()
            {
                writer.write(store, b"last\n");
            }
        });
        stage.comes(&["last"]);
        drop(file);
    });
}

#[test]
fn k4_an_empty_file_seen_then_killed_a_line_a_rotation_and_a_new_file() {
    every_way(&["a"], |stage| {
        stage.create("a");
        stage.start();
        stage.kill();
        stage.append("a", "1\n");
        stage.rename("a", "a.1");
        stage.append("a", "2\n");
        stage.start();
        stage.comes(&["1", "2"]);
    });
}

#[test]
fn k5_started_at_the_end_killed_before_the_first_line_the_start_holds() {
    every_way(&["a"], |stage| {
        stage.option(&["-n", "0"], |plan| plan.first = logtail::plan::First::LastLines(0));
        stage.append("a", "old\n");
        stage.start();
        stage.kill();
        stage.append("a", "1\n");
        stage.rename("a", "a.1");
        stage.append("a", "2\n");
        stage.start();
        stage.comes(&["1", "2"]);
    });
}

#[test]
fn k6_a_short_file_truncated_and_rewritten_longer_while_down_has_other_identities() {
    every_way(&["a"], |stage| {
        stage.append("a", "a line of thirty bytes, no more\n");
        stage.start();
        let old = stage.come(1);
        stage.acknowledge();
        stage.kill();
        stage.overwrite("a", "another line that is longer than the one that stood here before\nand one\n");
        stage.start();
        let new = stage.come(2);
        assert_eq!(new[1].text(), "and one");
        assert!(new.iter().all(|line| line.position.fid != old[0].position.fid));
    });
}

#[test]
fn k7_late_lines_make_the_old_file_younger_than_an_unseen_one() {
    every_way(&["a"], |stage| {
        let old = stage.open("a");
        stage.write(old, "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        stage.rename("a", "a.2");
        stage.append("a.1", "unseen\n");
        stage.append("a", "new\n");
        stage.write(old, "late\n");
        stage.start();
        stage.comes_in_any_order(&["late", "unseen", "new"]);
    });
}

#[test]
fn k8_a_copy_beside_a_followed_file_and_a_slow_copytruncate_send_nothing_twice() {
    every_way(&["a"], |stage| {
        stage.append("a", "1\n2\n");
        stage.start();
        stage.comes(&["1", "2"]);
        stage.copy("a", "a.bak");
        let copy = stage.open("a.1");
        stage.write(copy, "1\n");
        stage.append("a", "3\n");
        stage.comes(&["3"]);
        stage.write(copy, "2\n3\n");
        stage.append("a", "4\n");
        stage.comes(&["4"]);
        stage.write(copy, "4\n");
        stage.close(copy);
        stage.truncate("a");
        stage.append("a", "5\n");
        stage.comes(&["5"]);
    });
}

#[test]
fn k9_after_a_reboot_what_is_there_is_delivered_and_no_old_identity_has_new_content() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n2\n3\n");
        stage.start();
        let old = stage.come(3);
        stage.pass(2);
        stage.acknowledge();
        stage.kill();
        // The last line was lost, and another stands in its place.
        let path = stage.path("a");
        stage.fake().disk.0.borrow_mut().truncate(&path, 4);
        stage.append("a", "X\n4\n");
        stage.fake().boot = "another";
        stage.start();
        stage.pass(2);
        let new = stage.arrived[3..].to_vec();
        let texts: Vec<String> = new.iter().map(Arrived::text).collect();
        assert!(texts.ends_with(&["X".to_owned(), "4".to_owned()]), "{texts:?}");
        assert!(new.iter().all(|line| line.position.fid != old[0].position.fid));
        stage.come(new.len());
    });
}

#[test]
fn k9_what_is_gone_after_a_reboot_before_it_was_delivered_is_a_loud_gap() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n2\n");
        stage.start();
        stage.come(2);
        stage.pass(2);
        stage.acknowledge_first(1);
        stage.kill();
        stage.remove("a");
        stage.fake().boot = "another";
        stage.start();
        stage.pass(70);
        stage.says("a: a file of it could not be found again, what stood in it from byte 2 on is lost");
        let counters = stage.checkpoint().counters;
        assert_eq!((counters.gaps, counters.possible_loss_bytes), (1, 2));
    });
}

#[test]
fn k10_two_devices_with_the_same_inode_number_and_first_line() {
    on_fake(&["a.log", "b.log"], |stage| {
        for (device, name) in [(7, "a.log"), (8, "b.log")] {
            let path = stage.path(name);
            stage.fake().disk.0.borrow_mut().create_on(device, 5, &path);
            stage.append(name, &format!("the same first line\n{name}\n"));
        }
        stage.start();
        stage.comes_in_any_order(&["the same first line", "a.log", "the same first line", "b.log"]);
        stage.acknowledge();
        stage.pass(2);
        stage.kill();
        stage.append("a.log", "more of a\n");
        stage.append("b.log", "more of b\n");
        stage.start();
        let more = stage.come(2);
        assert!(more.iter().all(|line| line.text().ends_with(&line.path[5..6])), "{more:?}");
    });
}

#[test]
fn k11_two_fast_rotations_with_a_late_write_and_a_directory_read_that_misses_a_name() {
    on_fake(&["a"], |stage| {
        let old = stage.open("a");
        stage.write(old, "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("a", "a.2");
        stage.append("a.1", "unseen\n");
        stage.append("a", "new\n");
        stage.write(old, "late\n");
        let missed = stage.path("a.1");
        stage.fake().disk.0.borrow_mut().unlisted.insert(missed);
        stage.comes_in_any_order(&["late", "unseen", "new"]);
    });
}

#[test]
fn k12_a_header_that_is_the_same_in_every_generation_makes_none_a_copy() {
    every_way(&["a"], |stage| {
        stage.append("a", "#header\n1\n");
        stage.start();
        stage.comes(&["#header", "1"]);
        stage.acknowledge();
        stage.kill();
        stage.rename("a", "a.2");
        stage.append("a.1", "#header\n2\n");
        stage.append("a", "#header\n3\n");
        stage.start();
        stage.comes(&["#header", "2", "#header", "3"]);
    });
}

#[test]
fn k15_a_drain_that_is_cut_in_the_middle_of_a_file_makes_no_cut_and_sends_no_half_line() {
    on_fake(&["a"], |stage| {
        stage.append("a", &format!("1\n{}\n3\n", "long ".repeat(5000)));
        stage.start();
        stage.kill();
        let before = stage.arrived.len();
        stage.start();
        // The time is up after a part of the long line was read.
        let fake = stage.fake();
        let run = fake.run.as_mut().unwrap();
        run.end(false);
        assert!(checkpoint_of(&run.follower).entries.iter().all(|entry| entry.cuts.is_empty()));
        stage.kill();
        assert!(stage.arrived[..before].iter().all(|line| line.flags().is_empty()));
        let all = stage.arrived.len();
        stage.come(all);
        stage.start();
        assert_eq!(stage.come(3).iter().map(|line| line.content.len()).collect::<Vec<_>>(), [1, 25_000, 1]);
    });
}

#[test]
fn k16_rewritten_to_exactly_the_old_size_it_is_read_anew() {
    every_way(&["a"], |stage| {
        stage.append("a", "1\n2\n");
        stage.start();
        let old = stage.come(2);
        // The times of a real disk are some milliseconds wide.
        if stage.way != crate::stage::Way::Fake {
            stage.append("other", "so that time passes\n");
            std::thread::sleep(std::time::Duration::from_millis(30));
        }
        stage.overwrite("a", "3\n4\n");
        let new = stage.come(2);
        assert_eq!((new[0].text(), new[1].text()), ("3".to_owned(), "4".to_owned()));
        assert_ne!(new[0].position.fid, old[0].position.fid);
    });
}

#[test]
fn k17_what_only_looks_like_a_rotated_name_is_not_read() {
    every_way(&["app.log"], |stage| {
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        for name in ["app.log.offset", "app.log2", "app.log.bak"] {
            stage.append(name, "not ours\n");
        }
        stage.rename("app.log", "app.log.1");
        stage.append("app.log", "2\n");
        stage.comes(&["2"]);
    });
}

#[test]
fn k19_copied_and_truncated_while_down_with_lines_unread_and_unacknowledged() {
    every_way(&["a"], |stage| {
        let first = numbered("read", 100);
        let second = numbered("unread", 100);
        stage.append("a", &first);
        stage.start();
        let old = stage.come(100);
        stage.kill();
        stage.append("a", &second);
        stage.copy("a", "a.1");
        stage.truncate("a");
        stage.start();
        let new = stage.come(200);
        assert!(new.iter().all(|line| line.position.fid == old[0].position.fid));
        for (old, new) in old.iter().zip(&new) {
            assert_eq!((old.position, &old.content), (new.position, &new.content));
        }
    });
}

#[test]
fn k20_a_first_start_while_a_copy_is_made_sends_no_tail_of_a_line_as_a_line() {
    every_way(&["a"], |stage| {
        stage.append("a", "line one\nline two\nline three\n");
        let copy = stage.open("a.1");
        stage.write(copy, "line one\nline t");
        let half = stage.open("a.2");
        stage.write(half, "another, half wri");
        stage.start();
        stage.comes(&["line one", "line two", "line three"]);
        stage.write(copy, "wo\nline three\n");
        stage.close(copy);
        stage.truncate("a");
        stage.append("a", "line four\n");
        stage.write(half, "tten line\n");
        stage.comes_in_any_order(&["another, half written line", "line four"]);
    });
}

#[test]
fn k21_a_copy_shorter_than_what_was_read_is_not_sent_again() {
    every_way(&["a"], |stage| {
        let lines = numbered("line", 200);
        stage.append("a", &lines);
        stage.start();
        let all = stage.come(200);
        stage.acknowledge();
        stage.copy("a", "a.1");
        stage.append("a", "between\n");
        stage.comes(&["between"]);
        stage.kill();
        stage.truncate("a");
        stage.append("a", "after\n");
        stage.acknowledge();
        stage.start();
        let after = stage.come(1);
        assert_eq!(after[0].text(), "after");
        assert_ne!(after[0].position.fid, all[0].position.fid);
    });
}

#[test]
fn k23_an_empty_file_whose_inode_another_log_has_been_given_is_no_loss() {
    on_fake(&["a", "b"], |stage| {
        stage.fake().disk.0.borrow_mut().reuses_numbers = true;
        stage.create("a");
        stage.start();
        stage.pass(2);
        stage.kill();
        stage.remove("a");
        stage.fake().disk.0.borrow_mut().pass(Duration::from_secs(1));
        stage.append("b", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.pass(10);
        let counters = stage.checkpoint().counters;
        assert_eq!((counters.truncations, counters.gaps), (0, 0), "{}", stage.said_all());
    });
}
