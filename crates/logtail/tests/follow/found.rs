//! What the model found, each as short as it can be told.

use std::collections::HashSet;
use std::process::Command;
use std::time::Duration;

use crate::run::{Run, plan};
use crate::stage::{OnFake, Stage, every_way, on_fake};

#[test]
fn a_generation_behind_many_of_its_path_is_reached_though_it_is_looked_all_the_time() {
    on_fake(&["a"], |stage| {
        stage.start();
        for number in 0..20 {
            let writer = stage.open("a");
            stage.write(writer, &format!("{number}\n"));
            stage.rename("a", &format!("a-202601{:02}", number + 1));
        }
        stage.create("a");
        let run = stage.fake().run.as_mut().unwrap();
        run.look();
        run.turn(usize::MAX);
        let lines = run.out.split(|byte| *byte == b'\n').count();
        assert!(lines >= 20, "one turn is enough: {lines}");
        stage.come(20);
    });
}

#[test]
fn a_drain_ends_no_sooner_than_it_has_looked_once_more() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("a", "a.1");
        stage.append("a", "2\n");
        let OnFake { run, disk, .. } = stage.fake();
        disk.0.borrow_mut().pass(Duration::from_secs(1));
        run.as_mut().unwrap().drain();
        assert!(!run.as_mut().unwrap().is_drained(), "nobody has looked since");
        stage.drain();
        stage.comes(&["2"]);
    });
}

#[test]
fn a_drain_of_a_file_whose_writers_nobody_can_tell_waits_for_quiet_from_when_it_was_asked_for() {
    on_fake(&["a"], |stage| {
        stage.fake().disk.0.borrow_mut().no_leases = true;
        let writer = stage.open("a");
        stage.write(writer, "1\n");
        stage.start();
        stage.comes(&["1"]);
        // Long silent before the end, it has its last words after it.
        stage.pass(60);
        stage.fake().run.as_mut().unwrap().drain();
        stage.pass(1);
        assert!(!stage.fake().run.as_mut().unwrap().is_drained(), "no two seconds have passed");
        stage.write(writer, "2\n");
        stage.comes(&["2"]);
        stage.pass(1);
        assert!(!stage.fake().run.as_mut().unwrap().is_drained(), "nor since the last line");
    });
}

#[test]
fn a_drain_reads_what_waits_for_its_turn_however_long_ago_it_was_seen() {
    on_fake(&["a"], |stage| {
        stage.option(&[], |plan| plan.open_limit = 1);
        stage.start();
        for number in 0..3 {
            stage.append("a", &format!("{number}\n"));
            stage.rename("a", &format!("a-2026010{}", number + 1));
        }
        let OnFake { run, disk, .. } = stage.fake();
        let run = run.as_mut().unwrap();
        for is_asked in [false, true] {
            run.look();
            if is_asked {
                run.drain();
            }
            while run.turn(usize::MAX) {}
            // As where stdout is full for long.
            disk.0.borrow_mut().pass(Duration::from_secs(5));
            assert!(!run.is_drained(), "a file waits for its turn");
        }
        stage.come(3);
    });
}

#[test]
fn a_file_that_is_rewritten_between_its_resumption_and_the_first_read_is_not_read_under_its_old_fid() {
    for first in ["1\n", "header\n1\n"] {
        on_fake(&["a"], |stage| {
            stage.append("a", first);
            stage.start();
            let before: HashSet<_> = stage.come(first.lines().count()).iter().map(|line| line.position.fid).collect();
            stage.kill();
            let fake = stage.fake();
            let mut run = Run::start(&fake.disk, plan(&["/log/a"]), &fake.kept, fake.boot);
            run.look();
            fake.run = Some(run);
            stage.truncate("a");
            let second = first.replace('1', "2") + "3\n";
            stage.append("a", &second);
            for line in stage.come(second.lines().count()) {
                assert!(!before.contains(&line.position.fid), "{}", line.text());
            }
        });
    }
}

#[test]
fn siblings_of_a_name_without_a_directory_are_found() {
    let root = std::env::temp_dir().join(format!("logtail-relative-{}", std::process::id()));
    std::fs::create_dir_all(&root).unwrap();
    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_logtail"));
        let output = command.current_dir(&root).args(["--advance", "--state", "state", "a.log"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    std::fs::write(root.join("a.log"), "1\n").unwrap();
    let first = run();
    std::fs::rename(root.join("a.log"), root.join("a.log.2")).unwrap();
    std::fs::write(root.join("a.log.1"), "2\n").unwrap();
    std::fs::write(root.join("a.log"), "3\n").unwrap();
    let second = run();
    std::fs::remove_dir_all(&root).unwrap();
    assert_eq!((first.as_str(), second.as_str()), ("1\n", "2\n3\n"));
}

#[test]
fn one_round_without_following_reads_all_that_was_rotated_since_the_last() {
    let root = std::env::temp_dir().join(format!("logtail-round-{}", std::process::id()));
    std::fs::create_dir_all(&root).unwrap();
    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_logtail"));
        let output = command.current_dir(&root).args(["--advance", "--state", "state", "a.log"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    std::fs::write(root.join("a.log"), "0\n").unwrap();
    let first = run();
    for number in 1..=100 {
        std::fs::write(root.join(format!("a.log.{}", 10_000_000 + number)), format!("{number}\n")).unwrap();
    }
    let second = run();
    std::fs::remove_dir_all(&root).unwrap();
    assert_eq!(first, "0\n");
    assert!(second.lines().eq((1..=100).map(|number| number.to_string())), "{second}");
}

#[test]
fn a_sibling_that_a_glob_finds_late_is_read_from_its_head() {
    on_fake(&["*"], |stage| {
        stage.append("a", "2\n");
        stage.append("a.1", "1\n");
        let missed = stage.path("a.1");
        stage.fake().disk.0.borrow_mut().unlisted.insert(missed);
        stage.start();
        stage.comes_in_any_order(&["1", "2"]);
    });
}

#[test]
fn a_file_rotated_during_the_first_look_is_read() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        let (from, to) = (stage.path("a"), stage.path("a.1"));
        let mut is_done = false;
        stage.fake().disk.0.borrow_mut().meddle_with(move |store| {
            // Between the reading of the directory and the first look at the path.
            if store.lists == 1 && !is_done {
                is_done = true;
                store.rename(&from, &to);
                drop(store.open(&from));
            }
        });
        stage.start();
        stage.comes(&["1"]);
    });
}

#[test]
fn a_copy_that_a_glob_finds_after_a_restart_goes_on_under_the_old_identity() {
    every_way(&["a*"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        let old = stage.come(1);
        stage.acknowledge();
        stage.kill();
        stage.append("a", "2\n");
        stage.copy("a", "a.1");
        stage.truncate("a");
        stage.start();
        let rest = stage.come(1);
        assert_eq!((rest[0].text().as_str(), rest[0].position.fid), ("2", old[0].position.fid));
    });
}

#[test]
fn an_inode_used_again_is_not_taken_for_an_older_owner_after_a_restart() {
    on_fake(&["a", "b"], |stage| {
        stage.fake().disk.0.borrow_mut().reuses_numbers = true;
        for round in 0..3 {
            stage.append("a", &format!("first life {round}\n"));
            if round == 0 {
                stage.start();
            }
            stage.comes(&[&format!("first life {round}")]);
            stage.step();
            stage.remove("a");
            stage.pass(3);
        }
        stage.append("b", "second life\n");
        stage.comes(&["second life"]);
        stage.pass(2);
        stage.acknowledge();
        for _ in 0..3 {
            stage.kill();
            stage.start();
            stage.pass(2);
        }
        stage.comes(&[]);
    });
}

#[test]
fn a_file_truncated_between_the_two_reads_of_a_long_line_is_not_mixed_with_what_follows() {
    on_fake(&["a"], |stage| {
        let long = "old ".repeat(1000);
        stage.append("a", &long);
        stage.start();
        stage.pass(1);
        stage.append("a", "end\n");
        let path = stage.path("a");
        let disk = std::rc::Rc::clone(&stage.fake().disk.0);
        let mut calls = 0;
        disk.borrow_mut().meddle_with(move |store| {
            calls += 1;
            // Whichever call it is, no line may hold bytes of both.
            if calls % 11 == 0 && calls < 100 {
                store.pass(std::time::Duration::from_millis(1));
                store.truncate(&path, 0);
                let mut writer = store.open(&path);
                writer.write(store, &b"new line\n".repeat(1000));
            }
        });
        stage.pass(3);
        disk.borrow_mut().meddle_with(|_| {});
        stage.pass(3);
        for line in &stage.arrived {
            let text = line.text();
            assert!(!(text.contains("old") && text.contains("new")), "{text}");
            assert!(text.contains("old") || text == "new line", "{text}");
        }
        let all = stage.arrived.len();
        stage.come(all);
    });
}

#[test]
fn a_truncation_while_a_hole_is_looked_for_does_not_swallow_the_beginning() {
    on_fake(&["a"], |stage| {
        stage.append("a", &"old line\n".repeat(50));
        let path = stage.path("a");
        let disk = std::rc::Rc::clone(&stage.fake().disk.0);
        let mut is_done = false;
        disk.borrow_mut().meddle_with(move |store| {
            // After the size was taken, before anything was read: the sixth call of a first look and read.
            if !is_done && store.file(&path).is_some_and(|file| file.readers.get() > 0) && store.calls > 6 {
                is_done = true;
                store.truncate(&path, 0);
            }
        });
        stage.start();
        stage.pass(2);
        let came = stage.arrived.len();
        stage.come(came);
        stage.append("a", &"new line\n".repeat(100));
        stage.comes(&vec!["new line"; 100]);
    });
}

#[test]
fn a_copy_at_a_name_where_an_older_copy_sat_is_known_again_after_a_restart() {
    on_fake(&["a*"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        for number in 2..4 {
            if number > 2 {
                stage.rename("a.1", "a.2");
            }
            stage.copy("a", "a.1");
            stage.step();
            stage.truncate("a");
            stage.append("a", &format!("{number}\n"));
            stage.comes(&[&number.to_string()]);
            // A look finds the older copy at its name.
            stage.step();
        }
        stage.pass(10);
        stage.acknowledge();
        stage.kill();
        stage.start();
        stage.pass(10);
    });
}

/// `a` is copied to `a.1` and truncated. Reads of the directory show the copy only after `how_long`.
pub fn copy_and_truncate_unseen(stage: &mut Stage, how_long: Duration) {
    stage.copy("a", "a.1");
    stage.truncate("a");
    let missed = stage.path("a.1");
    let mut store = stage.fake().disk.0.borrow_mut();
    let until = store.now + how_long;
    store.meddle_with(move |store| {
        if store.now < until {
            store.unlisted.insert(missed.clone());
        }
    });
}

#[test]
fn a_copy_that_directory_reads_miss_is_sought_more_than_once_however_long_they_are_apart() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        let first = stage.come(1)[0].position.fid;
        stage.append("a", "2\n");
        copy_and_truncate_unseen(stage, Duration::from_secs(5));
        for _ in 0..2 {
            stage.step();
            stage.fake().disk.0.borrow_mut().pass(Duration::from_secs(3));
        }
        let line = &stage.come(1)[0];
        assert_eq!((line.text().as_str(), line.position.fid), ("2", first));
    });
}

#[test]
fn an_empty_rotated_file_that_a_glob_finds_costs_nothing_at_rest() {
    on_fake(&["a*"], |stage| {
        stage.append("a", "1\n");
        stage.create("a.1");
        stage.start();
        stage.comes(&["1"]);
        stage.pass(70);
        let before = stage.fake().disk.0.borrow().lists;
        stage.pass(10);
        let lists = stage.fake().disk.0.borrow().lists - before;
        assert!(lists <= 12, "ten looks, and two beside: {lists}");
    });
}

#[test]
fn more_files_than_the_usual_limit_allows_are_followed() {
    let root = std::env::temp_dir().join(format!("logtail-many-{}", std::process::id()));
    std::fs::create_dir_all(root.join("log")).unwrap();
    for number in 0..100 {
        std::fs::write(root.join(format!("log/{number}.log")), format!("{number}\n")).unwrap();
    }
    let output = Command::new("sh")
        .args(["-c", "ulimit -Sn 40; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_logtail")])
        .args(["--advance", "--state", "state", "log/*.log"])
        .current_dir(&root)
        .output()
        .unwrap();
    std::fs::remove_dir_all(&root).unwrap();
    let lines = output.stdout.split_inclusive(|byte| *byte == b'\n').count();
    assert_eq!((lines, String::from_utf8_lossy(&output.stderr).as_ref()), (100, ""));
}
