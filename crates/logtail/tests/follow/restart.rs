//! Group F, what is kept and how it goes on after a restart.

use logline::state::{Urgency, encode};

use crate::stage::{Stage, Way, every_way, on_fake};

#[test]
fn f1_stopped_and_started_again() {
    every_way(&["a"], |stage| {
        stage.append("a", "1\n2\n3\n");
        stage.start();
        stage.comes(&["1", "2", "3"]);
        stage.drain();
        stage.acknowledge();
        stage.append("a", "4\n5\n6\n");
        stage.start();
        stage.comes(&["4", "5", "6"]);
    });
}

#[test]
fn f2_what_was_not_acknowledged_comes_again_under_the_same_identity() {
    every_way(&["a"], |stage| {
        stage.append("a", "1\n2\n");
        stage.start();
        let first = stage.come(2);
        stage.kill();
        stage.start();
        let second = stage.come(2);
        for (first, second) in first.iter().zip(&second) {
            assert_eq!((first.position, &first.content), (second.position, &second.content));
        }
    });
}

#[test]
fn f3_stopped_in_the_middle_the_sum_of_both_runs_is_all() {
    every_way(&["a"], |stage| {
        stage.append("a", &"a line\n".repeat(4000));
        stage.start();
        stage.come_at_least(1000);
        stage.acknowledge_first(1000);
        stage.kill();
        stage.start();
        stage.come(3000);
        let mut starts: Vec<u64> = stage.arrived.iter().map(|line| line.position.start).collect();
        starts.sort_unstable();
        starts.dedup();
        assert_eq!(starts.len(), 4000);
    });
}

#[test]
fn f4_rotated_while_down_the_rest_of_the_old_and_then_the_new() {
    every_way(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        stage.append("a", "22\n");
        stage.rename("a", "a.1");
        stage.append("a", "333\n");
        stage.start();
        let lines = stage.come(2);
        assert_eq!((lines[0].text(), lines[1].text()), ("22".to_owned(), "333".to_owned()));
        assert_eq!(lines[1].position.end, 4);
    });
}

#[test]
fn f5_two_rotations_while_down_all_three_generations_oldest_first() {
    every_way(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        stage.append("a", "2\n");
        stage.rename("a", "a.2");
        stage.append("a.1", "3\n");
        stage.append("a", "4\n");
        stage.start();
        stage.comes(&["2", "3", "4"]);
    });
}

#[test]
fn f6_rotated_while_down_and_delivered_the_old_is_not_read_again() {
    every_way(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        stage.rename("a", "a.1");
        stage.append("a", "2\n");
        stage.start();
        stage.comes(&["2"]);
    });
}

#[test]
fn f7_a_damaged_state_falls_back_to_the_copy_before_or_reads_all_again() {
    on_fake(&["a"], |stage| {
        stage.append("a.1", "older\n");
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.pass(3);
        stage.append("a", "2\n");
        stage.comes(&["2"]);
        stage.pass(3);
        stage.acknowledge();
        stage.kill();
        let good = stage.fake().kept.files.current.clone();
        for garbage in [&b""[..], b"garbage", b"{\"logpipe\":\"files\",\"version\":1}\n{\"boot\""] {
            stage.fake().kept.files.current = Some(garbage.to_vec());
            stage.fake().kept.files.previous.clone_from(&good);
            stage.start();
            stage.pass(2);
            stage.comes(&[]);
            stage.kill();
        }
        stage.fake().kept.files.previous = Some(b"garbage".to_vec());
        stage.fake().kept.files.current = Some(Vec::new());
        stage.start();
        // Which of them had been delivered nobody knows any more.
        stage.comes_in_any_order(&["older", "1", "2"]);
    });
}

#[test]
fn f7_a_copy_of_the_state_older_than_what_was_delivered_is_not_trusted_with_the_rest() {
    on_fake(&["a"], |stage| {
        stage.fake().disk.0.borrow_mut().reuses_numbers = true;
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.append("a", "2\n");
        stage.comes(&["2"]);
        stage.acknowledge();
        stage.kill();
        stage.fake().kept.files.current = Some(b"garbage".to_vec());
        stage.remove("a");
        stage.append("a", "1\n3\n4\n");
        stage.start();
        stage.comes(&["1", "3", "4"]);
        stage.says("older than what was delivered");
    });
}

#[test]
fn f7_a_copy_of_the_state_that_knows_nothing_of_a_file_gives_its_name_to_no_other() {
    on_fake(&["a"], |stage| {
        stage.fake().disk.0.borrow_mut().reuses_numbers = true;
        stage.create("a");
        stage.start();
        stage.append("a", "1\n");
        let old = stage.come(1)[0].position;
        stage.kill();
        stage.fake().kept.files.current = Some(b"garbage".to_vec());
        stage.remove("a");
        stage.append("a", "2\n");
        stage.start();
        let line = &stage.come(1)[0];
        assert_eq!(line.text(), "2");
        assert_ne!(line.position.fid, old.fid, "what was not acknowledged may have been delivered all the same");
    });
}

#[test]
fn f7_a_copy_of_the_state_that_does_not_know_of_a_cut_leaves_the_rest_of_the_line_a_rest() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\nun");
        stage.start();
        stage.comes(&["1"]);
        stage.drain();
        stage.comes(&["un"]);
        stage.acknowledge();
        stage.append("a", "finished\n");
        stage.fake().kept.files.current = Some(b"garbage".to_vec());
        stage.start();
        let line = &stage.come(1)[0];
        assert_eq!((line.text().as_str(), line.flags().as_str()), ("finished", "c"));
    });
}

#[test]
fn f9_short_lived_files_leave_nothing() {
    on_fake(&["*.log"], |stage| {
        stage.start();
        for number in 0..10_000 {
            let name = format!("{number}.log");
            stage.append(&name, "a line\n");
            stage.step();
            stage.remove(&name);
            stage.pass(1);
        }
        stage.come(10_000);
        assert!(stage.checkpoint().entries.len() <= 60, "a minute's worth: {}", stage.checkpoint().entries.len());
        stage.pass(70);
        let checkpoint = stage.checkpoint();
        assert_eq!(checkpoint.entries.len(), 0);
    });
}

#[test]
fn f11_an_inode_used_again_while_down_is_another_generation() {
    on_fake(&["a"], |stage| {
        stage.fake().disk.0.borrow_mut().reuses_numbers = true;
        stage.append("a", "1\n2\n");
        stage.start();
        let old = stage.come(2);
        stage.acknowledge();
        stage.kill();
        stage.remove("a");
        stage.append("a", "3\n4\n5\n");
        stage.start();
        let new = stage.come(3);
        assert_eq!(new[0].text(), "3");
        assert_ne!(new[0].position.fid, old[0].position.fid);
    });
}

fn replace_version(stage: &mut Stage, version: &str) {
    let body = stage.fake().kept.files.load().unwrap();
    let text = String::from_utf8(encode("files", &body)).unwrap();
    stage.fake().kept.files.current = Some(text.replace("\"version\":1", version).into_bytes());
}

#[test]
fn f14_an_unknown_field_is_passed_over_and_an_unknown_version_reads_safely() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.pass(2);
        stage.acknowledge();
        stage.kill();
        let body = String::from_utf8(stage.fake().kept.files.load().unwrap()).unwrap();
        let body = body.replace("\"start\"", "\"added\":{\"later\":[1]},\"start\"");
        stage.fake().kept.files.save(body.as_bytes());
        stage.append("a", "2\n");
        stage.start();
        stage.comes(&["2"]);
        stage.pass(2);
        stage.kill();
        replace_version(stage, "\"version\":2");
        stage.fake().kept.files.previous = None;
        stage.start();
        stage.comes(&["1", "2"]);
    });
}

#[test]
fn f16_a_new_name_alone_is_no_reason_to_read_again() {
    every_way(&["*.log"], |stage| {
        stage.append("a.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.rename("a.log", "b.log");
        stage.append("b.log", "2\n");
        stage.comes(&["2"]);
        if stage.way != Way::Fake {
            // The ack of what came last may be a second behind in the state.
            stage.acknowledge();
        }
        stage.kill();
        stage.rename("b.log", "c.log");
        stage.append("c.log", "3\n");
        stage.acknowledge();
        stage.start();
        stage.comes(&["3"]);
    });
}

/// A line longer than a head covers.
fn long_line(letter: &str) -> String {
    letter.repeat(2000)
}

#[test]
fn f17_what_a_restart_finds_out_about_a_file_is_kept_before_more_of_it_leaves() {
    on_fake(&["a"], |stage| {
        stage.append("a", &(long_line("x") + "\n"));
        stage.start();
        stage.comes(&[&long_line("x")]);
        stage.acknowledge();
        stage.kill();
        // The head is still empty: it covers nothing of a file's last line.
        stage.start();
        stage.append("a", "2\n");
        stage.comes(&["2"]);
        stage.acknowledge();
        stage.kill();
        stage.start();
        stage.append("a", "3\n");
        stage.comes(&["3"]);
        stage.end();
        assert!(!stage.said_all().contains("read again"), "{}", stage.said_all());
    });
}

#[test]
fn f17_what_comes_of_a_file_that_the_state_knows_well_waits_for_no_checkpoint() {
    on_fake(&["a"], |stage| {
        stage.append("a", &"a line\n".repeat(1000));
        stage.start();
        stage.come(1000);
        stage.pass(2);
        stage.append("a", "another\n");
        let run = stage.fake().run.as_mut().unwrap();
        run.look();
        while run.turn(usize::MAX) {}
        assert_eq!(run.follower.urgency(), Urgency::Lazy);
        stage.comes(&["another"]);
    });
}

#[test]
fn f18_a_run_that_has_read_nothing_yet_knows_its_files_as_well_as_the_one_before() {
    on_fake(&["*.log"], |stage| {
        stage.append("a.log", &(long_line("x") + "\n"));
        stage.start();
        let first = stage.come(1);
        stage.kill();
        let before = stage.checkpoint().entries[0].marker;
        stage.append("new.log", "new\n");
        stage.start_and_look();
        assert_eq!(stage.checkpoint().entries.len(), 2);
        assert_eq!(stage.checkpoint().entries[0].marker, before);
        stage.kill();
        stage.rename("a.log", "b.log");
        stage.start();
        let again = stage.come(2);
        assert!(again.iter().any(|line| line.position == first[0].position), "the same line under the same identity");
    });
}

#[test]
fn f19_truncated_after_a_restart_has_found_it_and_before_it_is_read_it_is_another_generation() {
    for new in ["short\n".to_owned(), long_line("z") + "\nlong\n"] {
        on_fake(&["a"], |stage| {
            stage.append("a", &(long_line("x") + "\n"));
            stage.start();
            let old = stage.come(1);
            stage.kill();
            stage.start_and_look();
            stage.truncate("a");
            stage.append("a", &new);
            let came = stage.come(new.lines().count());
            assert!(came.iter().all(|line| line.position.fid != old[0].position.fid));
            stage.says("has been truncated or rewritten");
        });
    }
}
