//! Whose turn it is, how much one takes, what it says and keeps, and when a file or the whole run is done.

use std::path::Path;
use std::time::Duration;

use logline::state::Urgency;

use crate::fake::Fake;
use crate::run::{Kept, Run, plan};
use crate::stage::{OnFake, Stage, on_fake};

fn run(stage: &mut Stage) -> &mut Run {
    stage.fake().run.as_mut().unwrap()
}

fn append(disk: &Fake, path: &str, text: &str) {
    let mut writer = disk.0.borrow_mut().open(Path::new(path));
    writer.write(&disk.0.borrow(), text.as_bytes());
}

#[test]
fn a_file_that_is_told_to_have_grown_is_read_before_the_next_look() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        let fid = stage.come(1)[0].position.fid;
        stage.append("a", "2\n");
        let run = run(stage);
        assert!(run.follower.touch(fid));
        run.turn(usize::MAX);
        assert!(run.out.ends_with(b"2\n"));
        stage.comes(&["2"]);
    });
}

#[test]
fn a_turn_makes_no_call_where_the_look_has_found_all_files_at_rest() {
    on_fake(&["*.log"], |stage| {
        for number in 0..10 {
            stage.append(&format!("{number}.log"), "1\n");
        }
        stage.start();
        stage.come(10);
        stage.pass(10);
        let OnFake { run, disk, .. } = stage.fake();
        let run = run.as_mut().unwrap();
        run.look();
        let before = disk.0.borrow().calls;
        run.turn(usize::MAX);
        assert_eq!(disk.0.borrow().calls, before);
    });
}

#[test]
fn a_turn_ends_when_there_is_no_more_room() {
    let disk = Fake::new();
    append(&disk, "/log/a", "1\n");
    append(&disk, "/log/b", "2\n");
    let mut plan = plan(&["/log/*"]);
    plan.shape.tagged = false;
    let mut run = Run::start(&disk, plan, &Kept::default(), "boot");
    run.look();
    assert!(run.turn(1));
    assert_eq!(run.out, b"1\n");
    run.out.clear();
    while run.turn(1) {}
    assert_eq!(run.out, b"2\n");
}

#[test]
fn one_round_without_following_reads_more_files_than_a_turn_takes() {
    on_fake(&["*.log"], |stage| {
        stage.option(&[], |plan| plan.follows = false);
        for number in 0..600 {
            stage.append(&format!("{number}.log"), "1\n");
        }
        stage.start();
        assert_eq!(stage.arrived.len(), 600);
        stage.kill();
        stage.come(600);
    });
}

#[test]
fn one_round_without_following_reads_the_last_line_of_a_rotated_file_also_without_its_lf() {
    on_fake(&["a"], |stage| {
        stage.option(&[], |plan| plan.follows = false);
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        stage.append("a", "2\nlast");
        stage.rename("a", "a.1");
        stage.append("a", "3\nnot yet");
        stage.start();
        stage.comes(&["2", "3", "last"]);
        stage.kill();
    });
}

#[test]
fn a_header_stands_in_front_of_lines_of_another_file_than_the_last() {
    let disk = Fake::new();
    let mut plan = plan(&["/log/a", "/log/b"]);
    (plan.headers, plan.shape.tagged) = (true, false);
    let mut run = Run::start(&disk, plan, &Kept::default(), "boot");
    for (path, line, out) in [
        ("/log/a", "1\n", "==> /log/a <==\n1\n"),
        ("/log/a", "2\n", "2\n"),
        ("/log/b", "3\n", "\n==> /log/b <==\n3\n"),
        ("/log/a", "4\n", "\n==> /log/a <==\n4\n"),
        ("/log/b", "5", ""),
        ("/log/b", "\n", "\n==> /log/b <==\n5\n"),
    ] {
        append(&disk, path, line);
        run.look();
        while run.turn(usize::MAX) {}
        assert_eq!(String::from_utf8(std::mem::take(&mut run.out)).unwrap(), out);
    }
}

#[test]
fn a_last_line_without_its_lf_has_a_header_as_any_other() {
    let disk = Fake::new();
    append(&disk, "/log/a", "1");
    append(&disk, "/log/b", "2\n");
    let mut plan = plan(&["/log/a", "/log/b"]);
    (plan.headers, plan.shape.tagged, plan.follows) = (true, false, false);
    let mut run = Run::start(&disk, plan, &Kept::default(), "boot");
    run.look();
    while run.turn(usize::MAX) {}
    run.end(true);
    assert_eq!(String::from_utf8(run.out).unwrap(), "==> /log/b <==\n2\n\n==> /log/a <==\n1\n");
}

#[test]
fn that_lines_of_a_file_are_cut_is_said_once_and_each_is_counted() {
    on_fake(&["a"], |stage| {
        stage.option(&[], |plan| plan.shape.max_line = 10);
        stage.start();
        for count in 1..4 {
            stage.append("a", &format!("{}\n", "x".repeat(20)));
            stage.come(1);
            stage.append("a", "short\n");
            stage.comes(&["short"]);
            assert_eq!(run(stage).follower.truncated_lines(), count);
            assert_eq!(stage.said_all().matches("a: a line is longer than 10 bytes, cut there").count(), 1);
        }
    });
}

#[test]
fn what_was_skipped_is_on_disk_before_more_leaves_and_for_lines_alone_nothing_waits() {
    on_fake(&["a"], |stage| {
        // More than a KiB: the first lines of a file are kept before they leave.
        stage.append("a", &"a line of a log\n".repeat(100));
        stage.start();
        stage.come(100);
        stage.pass(10);
        for (text, urgency) in [("1\n", Urgency::Lazy), ("\0\0\0\0more\n", Urgency::SyncedBeforeOutput)] {
            stage.append("a", text);
            let run = run(stage);
            run.look();
            while run.turn(usize::MAX) {}
            assert_eq!(run.follower.urgency(), urgency);
        }
        stage.comes(&["1", "more"]);
    });
}

#[test]
fn a_last_line_that_gets_its_lf_in_time_is_whole() {
    on_fake(&["a"], |stage| {
        stage.option(&[], |plan| plan.partial_after = Some(Duration::from_secs(2)));
        stage.append("a", "1\nto be cont");
        stage.start();
        stage.comes(&["1"]);
        stage.pass(1);
        stage.append("a", "inued\n");
        stage.comes(&["to be continued"]);
    });
}

#[test]
fn the_last_line_of_a_removed_file_comes_whenever_it_is_written_and_however_long_it_is() {
    for length in [10, 10_000] {
        for call in 1..40 {
            on_fake(&["a"], |stage| {
                let last = stage.open("a");
                stage.write(last, "1\n");
                stage.start();
                stage.comes(&["1"]);
                let path = stage.path("a");
                let line = "x".repeat(length);
                let mut store = stage.fake().disk.0.borrow_mut();
                let mut last = Some((store.open(&path), line.clone() + "\n"));
                let at = store.calls + call;
                store.meddle_with(move |store| {
                    if store.calls >= at
                        && let Some((mut writer, line)) = last.take()
                    {
                        writer.write(store, line.as_bytes());
                    }
                });
                drop(store);
                stage.remove("a");
                stage.close(0);
                stage.comes(&[&line]);
            });
        }
    }
}

#[test]
fn a_drain_waits_for_the_writer_of_a_rotated_file() {
    on_fake(&["a"], |stage| {
        let old = stage.open("a");
        stage.write(old, "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("a", "a.1");
        stage.create("a");
        stage.pass(1);
        run(stage).drain();
        stage.pass(1);
        stage.write(old, "2\n");
        stage.comes(&["2"]);
        stage.pass(1);
        assert!(!run(stage).is_drained(), "its last line came less than two seconds ago");
        stage.close(old);
        assert!(run(stage).is_drained());
    });
}

#[test]
fn a_file_is_read_on_whose_handle_is_of_no_use_any_more() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        let path = stage.path("a");
        stage.fake().disk.0.borrow().file(&path).unwrap().forget_handles();
        stage.append("a", "2\n");
        stage.comes(&["2"]);
    });
}

#[test]
fn a_file_that_is_removed_together_with_its_directory_is_closed() {
    on_fake(&["d/a"], |stage| {
        stage.directory("d");
        stage.append("d/a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.remove("d/a");
        stage.remove("d");
        stage.closes_all_but(0);
    });
}
