//! What is known of files, for how long, and what one look or one read costs.

use std::time::Duration;

use logline::position::Fid;
use logline::state::Urgency;
use logtail::plan::Plan;
use logtail::terms::{Keep, Terms};

use crate::field::{add_event, events, text_of, while_down};
use crate::stage::{Arrived, OnFake, Stage, on_fake};

/// It looks and reads, and neither time passes nor anything is kept.
fn look_and_read(stage: &mut Stage) {
    let run = stage.fake().run.as_mut().unwrap();
    run.look();
    while run.turn(usize::MAX) {}
}

// What is read.

#[test]
fn what_was_read_and_is_gone_before_it_was_acknowledged_is_a_gap_of_so_many_bytes() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n22\n");
        stage.start();
        stage.comes(&["1", "22"]);
        stage.acknowledge_first(1);
        stage.kill();
        stage.remove("a");
        stage.start();
        stage.pass(70);
        let counters = stage.checkpoint().counters;
        assert_eq!((counters.gaps, counters.possible_loss_bytes), (1, 3));
    });
}

#[test]
fn a_file_that_has_grown_while_nobody_read_it_is_known_as_well_as_before() {
    on_fake(&["a", "b"], |stage| {
        stage.append("a", "1\n2\n");
        stage.start();
        stage.comes(&["1", "2"]);
        stage.kill();
        let before = stage.checkpoint().entries[0].marker;
        stage.append("a", "3\n");
        stage.append("b", "4\n");
        stage.start_and_look();
        assert_eq!(stage.checkpoint().entries.len(), 2, "it has been kept");
        assert_eq!(stage.checkpoint().entries[0].marker, before);
        stage.comes(&["1", "2", "3", "4"]);
    });
}

#[test]
fn what_was_compressed_and_is_read_again_is_known_as_well_as_before() {
    on_fake(&["a", "b"], |stage| {
        stage.append("a", &text_of(0..100));
        stage.start();
        stage.come(100);
        stage.rename("a", "a.1");
        stage.append("a", "new\n");
        stage.comes(&["new"]);
        stage.pass(5);
        stage.compress("a.1", "a.1.gz");
        stage.pass(5);
        // Nothing was acknowledged.
        stage.kill();
        let before = stage.checkpoint().entries[0].marker;
        assert!(before.offset > stage.content("a.1.gz").len() as u64);
        stage.append("b", "other\n");
        stage.start_and_look();
        assert_eq!(stage.checkpoint().entries.len(), 3, "it has been kept");
        assert_eq!(stage.checkpoint().entries[0].marker, before);
        stage.come(102);
    });
}

#[test]
fn rewritten_before_the_first_read_it_is_another_though_it_ends_as_before() {
    on_fake(&["a"], |stage| {
        let text = |first: &str| format!("{}\n{}\n", first.repeat(100), "the same".repeat(20));
        stage.append("a", &text("x"));
        stage.start();
        let old = stage.come(2)[0].position.fid;
        stage.kill();
        stage.start_and_look();
        stage.overwrite("a", &text("y"));
        assert!(stage.come(2).iter().all(|line| line.position.fid != old));
    });
}

#[test]
fn rewritten_while_it_is_opened_anew_its_rest_comes_from_the_copy() {
    for (call, count) in (1..40).flat_map(|call| [(call, 1), (call, 3)]) {
        on_fake(&["a"], |stage| {
            stage.append("a", "1\n2\n3\n");
            stage.start();
            let old = stage.come(3)[0].position.fid;
            stage.acknowledge_first(count);
            stage.kill();
            stage.append("a", "4\n");
            stage.copy("a", "a.1");
            let (disk, path) = (stage.fake().disk.clone(), stage.path("a"));
            let mut calls = 0;
            disk.0.borrow_mut().meddle_with(move |store| {
                calls += 1;
                if calls == call {
                    store.pass(Duration::from_millis(1));
                    store.truncate(&path, 0);
                    store.open(&path).write(store, b"another\nand one\n");
                }
            });
            stage.start();
            let came = stage.come(4 - count + 2);
            let mut came: Vec<(String, bool)> =
                came.iter().map(|line| (line.text(), line.position.fid == old)).collect();
            came.sort();
            let expected = [("2", true), ("3", true), ("4", true), ("and one", false), ("another", false)];
            assert_eq!(
                came,
                expected[count - 1..].iter().map(|(text, is_old)| ((*text).to_owned(), *is_old)).collect::<Vec<_>>(),
                "{call} {count}"
            );
        });
    }
}

#[test]
fn a_long_line_that_is_rewritten_between_any_two_calls_is_not_mixed_with_what_follows() {
    for call in 1..20 {
        on_fake(&["a"], |stage| {
            stage.append("a", &"old ".repeat(1000));
            stage.start();
            stage.step();
            stage.append("a", "end\n");
            let (disk, path) = (stage.fake().disk.clone(), stage.path("a"));
            let mut calls = 0;
            disk.0.borrow_mut().meddle_with(move |store| {
                calls += 1;
                if calls == call {
                    store.pass(Duration::from_millis(1));
                    store.truncate(&path, 0);
                    store.open(&path).write(store, &b"new line\n".repeat(1000));
                }
            });
            stage.pass(15);
            let (new, old): (Vec<_>, Vec<_>) =
                stage.arrived.iter().map(Arrived::text).partition(|text| text == "new line");
            assert_eq!(new.len(), 1000, "{call}");
            assert!(old.iter().all(|text| *text == "old ".repeat(1000) + "end"), "{call}");
            stage.come_at_least(0);
        });
    }
}

#[test]
fn the_beginning_of_a_line_that_has_just_gone_on_is_not_cut() {
    on_fake(&["a"], |stage| {
        stage.option(&[], |plan| plan.partial_after = Some(Duration::from_secs(3)));
        stage.append("a", "1\nun");
        stage.start();
        stage.comes(&["1"]);
        stage.fake().disk.0.borrow_mut().pass(Duration::from_secs(10));
        stage.append("a", "finished\n");
        // It has not looked since.
        stage.fake().run.as_mut().unwrap().turn(usize::MAX);
        stage.comes(&["unfinished"]);
    });
}

#[test]
fn lines_that_are_cut_are_counted_and_the_first_of_a_file_is_said() {
    on_fake(&["a"], |stage| {
        stage.option(&[], |plan| plan.shape.max_line = 10);
        stage.append("a", &"a line too long\n".repeat(2));
        stage.start();
        stage.append("a", "another too long\n");
        stage.come(3);
        assert_eq!(stage.fake().run.as_ref().unwrap().follower.truncated_lines(), 3);
        assert_eq!(stage.said_all().matches("a line is longer than 10 bytes, cut there").count(), 1);
    });
}

// What was taken back by its writer.

#[test]
fn what_its_writer_took_back_while_nobody_read_it_doubles_nothing() {
    on_fake(&["a"], |stage| {
        stage.append("a", "[\n");
        let mut at = 2;
        stage.start();
        for number in 1..=20 {
            while_down(stage, |stage| add_event(stage, number, &mut at));
            stage.pass(1);
        }
        let expected: Vec<String> = (1..=20).map(|number| format!("{{\"event\":{number}}}")).collect();
        assert_eq!(events(stage), expected);
        stage.drain();
        stage.come_at_least(0);
    });
}

/// `a` is an array whose writer takes back its end three times, to append an event.
fn take_back_thrice(stage: &mut Stage) {
    stage.append("a", "[\n");
    let mut at = 2;
    stage.start();
    for number in 1..=3 {
        add_event(stage, number, &mut at);
        stage.pass(2);
    }
}

#[test]
fn what_went_on_as_another_generation_is_known_until_it_is_acknowledged() {
    on_fake(&["a"], |stage| {
        take_back_thrice(stage);
        stage.pass(70);
        assert!(stage.fake().run.as_ref().unwrap().follower.awaits_acks());
        stage.kill();
        stage.forget_arrived();
        stage.start();
        stage.pass(3);
        assert_eq!(events(stage).len(), 3, "nothing was acknowledged");
        stage.drain();
        stage.come_at_least(0);
    });
}

#[test]
fn what_went_on_as_another_generation_and_is_acknowledged_is_dropped() {
    on_fake(&["a"], |stage| {
        take_back_thrice(stage);
        stage.acknowledge();
        stage.pass(3);
        assert!(!stage.fake().run.as_ref().unwrap().follower.awaits_acks());
        assert_eq!(stage.fake().run.as_ref().unwrap().follower.count().0, 1);
        stage.drain();
        stage.come_at_least(0);
    });
}

#[test]
fn what_went_on_as_another_generation_and_was_acknowledged_at_the_end_does_not_come_again() {
    on_fake(&["a"], |stage| {
        take_back_thrice(stage);
        assert!(stage.checkpoint().entries.len() > 1);
        stage.acknowledge();
        stage.kill();
        stage.forget_arrived();
        stage.start();
        stage.pass(3);
        stage.comes(&[]);
    });
}

// What is the same file, and what is not.

#[test]
fn what_was_compressed_while_it_had_a_writer_is_known_by_that_for_ever() {
    on_fake(&["a"], |stage| {
        let writer = stage.open("a");
        stage.write(writer, &text_of(0..100));
        stage.start();
        stage.come(100);
        stage.rename("a", "a.1");
        stage.append("a", "new\n");
        stage.comes(&["new"]);
        stage.compress("a.1", "a.1.gz");
        stage.pass(10);
        stage.close(writer);
        stage.pass(100);
        while_down(stage, |stage| stage.append("a", "newer\n"));
        stage.comes(&["newer"]);
        stage.pass(10);
    });
}

#[test]
fn what_was_compressed_is_not_taken_for_rewritten() {
    on_fake(&["a"], |stage| {
        stage.append("a", &text_of(0..400));
        stage.start();
        stage.come(400);
        stage.rename("a", "a.1");
        stage.append("a", "new\n");
        stage.comes(&["new"]);
        stage.pass(5);
        stage.compress("a.1", "a.1.gz");
        stage.pass(30);
        while_down(stage, |_| {});
        stage.pass(30);
        let checkpoint = stage.checkpoint();
        assert_eq!((checkpoint.rewritten.len(), checkpoint.entries.len()), (0, 2));
    });
}

#[test]
fn a_longer_copy_of_what_has_a_writer_yet_is_read_whole_and_so_is_the_rest_of_the_other() {
    on_fake(&["a"], |stage| {
        let writer = stage.open("a");
        stage.write(writer, &text_of(0..100));
        stage.start();
        stage.come(100);
        stage.copy("a", "new");
        stage.append("new", "more\n");
        stage.rename("new", "a");
        stage.come(101);
        stage.write(writer, "late\n");
        stage.comes(&["late"]);
    });
}

#[test]
fn a_log_that_begins_as_a_short_one_that_was_removed_is_read_whole() {
    on_fake(&["a"], |stage| {
        stage.append("a", "header\n");
        stage.start();
        stage.comes(&["header"]);
        stage.remove("a");
        stage.append("a", "header\nmore\n");
        stage.comes(&["header", "more"]);
    });
}

#[test]
fn a_log_that_begins_with_the_one_long_line_of_another_is_read_whole() {
    on_fake(&["a"], |stage| {
        let long = "x".repeat(2000);
        stage.append("a", &format!("{long}\n"));
        stage.start();
        stage.comes(&[&long]);
        while_down(stage, |stage| {
            stage.remove("a");
            stage.append("a", &format!("{long}\nmore\n"));
        });
        stage.comes(&[&long, "more"]);
    });
}

#[test]
fn a_longer_copy_goes_on_where_its_original_ended_though_another_log_was_there_before() {
    on_fake(&["a"], |stage| {
        stage.append("a", &format!("{}\n{}\n", "x".repeat(5000), "y".repeat(5000)));
        stage.start();
        stage.come(2);
        stage.rename("a", "a.1");
        stage.append("a", &text_of(0..70));
        stage.come(70);
        stage.pass(5);
        stage.copy("a", "new");
        stage.append("new", "more\n");
        stage.rename("new", "a");
        stage.comes(&["more"]);
    });
}

#[test]
fn a_path_is_rewritten_in_place_if_its_file_is_and_not_if_it_is_another() {
    for is_removed in [false, true] {
        on_fake(&["a"], |stage| {
            stage.fake().disk.0.borrow_mut().reuses_numbers = true;
            stage.append("a", "1\n2\n");
            stage.start();
            stage.comes(&["1", "2"]);
            while_down(stage, |stage| {
                if is_removed {
                    stage.remove("a");
                    stage.create("a");
                }
                stage.overwrite("a", "3\n");
            });
            stage.comes(&["3"]);
            stage.pass(3);
            assert_eq!(stage.checkpoint().rewritten.is_empty(), is_removed);
            stage.remove("a");
            stage.pass(150);
            assert!(stage.checkpoint().rewritten.is_empty(), "nothing is known of the path any more");
        });
    }
}

#[test]
fn that_the_rest_comes_from_a_copy_is_said_where_there_is_a_rest() {
    for rest in ["", "2\n"] {
        on_fake(&["a"], |stage| {
            stage.append("a", "1\n");
            stage.start();
            stage.comes(&["1"]);
            stage.append("a", rest);
            stage.copy("a", "a.1");
            stage.overwrite("a", "3\n");
            stage.come(1 + rest.lines().count());
            stage.pass(5);
            assert_eq!(stage.said_all().contains("reading the rest of the old content"), !rest.is_empty());
        });
    }
}

// What is forgotten.

#[test]
fn a_file_that_is_gone_is_forgotten_though_no_other_is_left() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.remove("a");
        stage.pass(80);
        assert_eq!(stage.checkpoint().entries.len(), 0);
    });
}

#[test]
fn a_file_that_is_gone_with_its_directory_is_forgotten() {
    on_fake(&["v/*.log"], |stage| {
        stage.directory("v");
        stage.append("v/a.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        while_down(stage, |stage| {
            stage.remove("v/a.log");
            let (from, to) = (stage.path("v"), stage.path("w"));
            stage.fake().disk.0.borrow_mut().move_directory(&from, &to);
        });
        stage.pass(80);
        assert_eq!(stage.checkpoint().entries.len(), 0);
    });
}

#[test]
fn a_file_elsewhere_does_not_make_an_empty_mount_point_a_sign_that_a_file_is_gone() {
    on_fake(&["v/*.log", "b"], |stage| {
        stage.directory("v");
        let (path, log, away) = (stage.path("v"), stage.path("v/a.log"), stage.path("../kept"));
        let disk = stage.fake().disk.clone();
        disk.0.borrow_mut().mount(&path, 7);
        *disk.0.borrow_mut().create_on(7, 12, &log).bytes.borrow_mut() = b"1\n".to_vec();
        stage.append("b", "other\n");
        stage.start();
        stage.comes_in_any_order(&["1", "other"]);
        while_down(stage, |_| {
            disk.0.borrow_mut().rename(&log, &away);
            disk.0.borrow_mut().mount(&path, 1);
        });
        stage.pass(80);
        disk.0.borrow_mut().mount(&path, 7);
        disk.0.borrow_mut().rename(&away, &log);
        stage.append("v/a.log", "2\n");
        stage.comes(&["2"]);
    });
}

// What it costs.

fn ten(plan: &mut Plan) {
    plan.most_open = 10;
}

#[test]
fn no_more_files_are_open_in_a_look_than_may_be() {
    on_fake(&["*.log"], |stage| {
        stage.option(&[], ten);
        let append = |stage: &mut Stage, text: &str| {
            for number in 0..30 {
                stage.append(&format!("{number:02}.log"), text);
            }
        };
        append(stage, "1\n");
        stage.start_and_look();
        assert_eq!(stage.open_files(), 10);
        stage.come(30);
        stage.acknowledge();
        stage.kill();
        append(stage, "2\n");
        stage.start_and_look();
        assert_eq!(stage.open_files(), 10);
        stage.come(30);
    });
}

#[test]
fn for_files_that_wait_half_of_what_may_be_open_is_closed_and_that_is_said_once() {
    on_fake(&["*.log"], |stage| {
        stage.option(&[], ten);
        for number in 0..12 {
            stage.append(&format!("{number:02}.log"), "1\n");
        }
        stage.start();
        stage.says("waits for its turn");
        assert!(stage.fake().run.as_ref().unwrap().follower.has_deferred());
        stage.step();
        assert_eq!((stage.arrived.len(), stage.open_files()), (12, 7));
        assert!(!stage.fake().run.as_ref().unwrap().follower.has_deferred());
        stage.come(12);
        stage.append("12.log", "2\n");
        for number in 13..20 {
            stage.append(&format!("{number:02}.log"), "2\n");
        }
        stage.come(8);
        assert_eq!(stage.said_all().matches("waits for its turn").count(), 1);
    });
}

#[test]
fn a_file_that_was_closed_for_others_and_is_rotated_ends() {
    on_fake(&["a.log", "b.log", "c.log"], |stage| {
        stage.option(&[], |plan| plan.most_open = 2);
        for name in ["a.log", "b.log", "c.log"] {
            stage.append(name, &format!("{name}\n"));
        }
        stage.start();
        let came = stage.come(3);
        let old = came.iter().find(|line| line.text() == "a.log").unwrap().position.fid;
        stage.pass(3);
        stage.rename("a.log", "a.log.1");
        stage.append("a.log", "new\n");
        stage.comes(&["new"]);
        stage.pass(20);
        let ends: Vec<Option<u64>> =
            stage.checkpoint().entries.iter().filter(|entry| entry.fid == old).map(|entry| entry.end).collect();
        assert_eq!(ends, [Some(6)]);
    });
}

#[test]
fn of_rotated_files_that_have_writers_no_more_are_open_than_may_be() {
    on_fake(&["a"], |stage| {
        stage.option(&[], |plan| plan.open_limit = 2);
        stage.start();
        for number in 0..8 {
            let writer = stage.open("a");
            stage.write(writer, &format!("{number}\n"));
            stage.comes(&[&number.to_string()]);
            stage.rename("a", &format!("a-202601{:02}", number + 1));
        }
        stage.pass(3);
        assert!(stage.open_files() <= 2, "{}", stage.open_files());
    });
}

#[test]
fn files_at_rest_are_looked_at_and_not_read() {
    on_fake(&["*.log"], |stage| {
        for number in 0..100 {
            stage.append(&format!("{number:02}.log"), "1\n");
        }
        stage.start();
        stage.come(100);
        stage.pass(20);
        let calls = |stage: &mut Stage| stage.fake().disk.0.borrow().calls;
        let before = calls(stage);
        stage.pass(5);
        let count = calls(stage) - before;
        assert!(count < 700, "five looks at a hundred files, and one beside them: {count}");
    });
}

#[test]
fn a_line_of_a_file_that_is_well_known_waits_for_no_checkpoint() {
    on_fake(&["a"], |stage| {
        stage.append("a", &text_of(0..100));
        stage.start();
        stage.come(100);
        stage.pass(3);
        stage.append("a", "more\n");
        look_and_read(stage);
        assert_eq!(stage.fake().run.as_ref().unwrap().follower.urgency(), Urgency::Lazy);
        stage.comes(&["more"]);
    });
}

// Disk space that is given back.

fn all(plan: &mut Plan) {
    plan.reclaim = Some(Terms { keep: Keep::Size(0), step: 4096 });
}

#[test]
fn a_line_that_came_just_before_a_hole_was_made_is_read() {
    on_fake(&["a"], |stage| {
        stage.option(&[], all);
        stage.append("a", &text_of(0..1000));
        stage.start();
        stage.come(1000);
        stage.acknowledge();
        for number in 0..20 {
            look_and_read(stage);
            stage.append("a", &format!("{number}\n"));
            let OnFake { run, kept, .. } = stage.fake();
            run.as_mut().unwrap().hear(kept);
            stage.comes(&[&number.to_string()]);
        }
        assert!(!stage.fake().disk.0.borrow().punched.is_empty());
        let fids: Vec<Fid> = stage.arrived.iter().map(|line| line.position.fid).collect();
        assert!(fids.iter().all(|fid| *fid == fids[0]));
    });
}

/// logtail is killed after it has made a hole in `a`, and what logpost had acknowledged lies in front of the hole.
fn stop_behind_a_hole(stage: &mut Stage) {
    stage.option(&[], all);
    stage.append("a", &text_of(0..1000));
    stage.start();
    stage.come(1000);
    stage.acknowledge_first(110);
    let acks = stage.fake().kept.acks.clone();
    stage.acknowledge();
    stage.pass(10);
    stage.kill();
    stage.fake().kept.acks = acks;
    stage.forget_arrived();
}

#[test]
fn a_hole_of_ours_is_passed_at_once_after_a_restart() {
    on_fake(&["a"], |stage| {
        stop_behind_a_hole(stage);
        stage.start();
        stage.pass(1);
        assert!(!stage.arrived.is_empty(), "nothing is waited for");
        stage.come_at_least(0);
    });
}

#[test]
fn rewritten_while_a_hole_of_ours_is_passed_nothing_of_what_follows_is_swallowed() {
    for call in 1..30 {
        on_fake(&["a"], |stage| {
            stop_behind_a_hole(stage);
            let (disk, path) = (stage.fake().disk.clone(), stage.path("a"));
            let mut calls = 0;
            disk.0.borrow_mut().meddle_with(move |store| {
                calls += 1;
                if calls == call {
                    store.pass(Duration::from_millis(1));
                    store.truncate(&path, 0);
                    store.open(&path).write(store, &b"new line\n".repeat(6000));
                }
            });
            stage.start();
            stage.pass(15);
            let count = stage.arrived.iter().filter(|line| line.content == b"new line").count();
            assert_eq!(count, 6000, "{call}");
            stage.come_at_least(0);
        });
    }
}
