//! Files that are copied: into directories below, to other names, or as a whole volume is; what is known of the originals is
//! known of the copies.

use crate::stage::{Arrived, Stage, every_way, on_fake};

fn lines(from: usize, until: usize) -> String {
    (from..until).map(|number| format!("line number {number} of this log, and so on\n")).collect()
}

/// What has come: each number once, and under the name of its log.
fn numbers(came: &[Arrived], log: &str) -> Vec<usize> {
    let mut numbers: Vec<usize> = came
        .iter()
        .map(|line| {
            assert!(line.path.ends_with(log), "{line:?}");
            line.text().split(' ').nth(2).unwrap().parse().unwrap()
        })
        .collect();
    numbers.sort_unstable();
    numbers
}

fn range(from: usize, until: usize) -> Vec<usize> {
    (from..until).collect()
}

/// The file is another one now, with the same bytes.
fn copied_in_place(stage: &mut Stage, name: &str) {
    stage.copy(name, "copy");
    stage.remove(name);
    stage.rename("copy", name);
}

#[test]
fn w54_a_volume_that_is_copied_while_down_brings_nothing_again() {
    for pattern in ["app.log", "app*"] {
        on_fake(&[pattern], |stage| {
            if pattern == "app.log" {
                stage.append("app.log.3", &lines(500, 600));
                stage.append("app.log.2", "short, and from before\n");
            }
            stage.append("app.log", &lines(0, 100));
            stage.start();
            stage.come(100);
            stage.rename("app.log", "app.log.1");
            stage.append("app.log", &lines(100, 200));
            assert_eq!(numbers(&stage.come(100), "app.log"), range(100, 200));
            stage.acknowledge();
            stage.pass(30);
            stage.kill();
            for name in ["app.log", "app.log.1", "app.log.2", "app.log.3"] {
                if pattern == "app.log" || name < "app.log.2" {
                    copied_in_place(stage, name);
                }
            }
            stage.append("app.log", &lines(200, 210));
            stage.start();
            assert_eq!(numbers(&stage.come(10), "app.log"), range(200, 210));
            stage.acknowledge();
            stage.pass(120);
            stage.kill();
            stage.start();
            stage.pass(10);
        });
    }
}

#[test]
fn w55_a_log_that_is_copied_and_removed_comes_once_also_after_a_restart() {
    for seconds in [2, 35, 100] {
        on_fake(&["app.log"], |stage| {
            stage.append("app.log", &lines(0, 100));
            stage.start();
            stage.come(100);
            stage.copy("app.log", "app.log.1");
            stage.step();
            stage.remove("app.log");
            stage.append("app.log", &lines(100, 110));
            assert_eq!(numbers(&stage.come(10), "app.log"), range(100, 110));
            stage.acknowledge();
            stage.pass(seconds);
            stage.kill();
            stage.append("app.log", &lines(110, 120));
            stage.start();
            assert_eq!(numbers(&stage.come(10), "app.log"), range(110, 120));
            stage.pass(100);
        });
    }
}

#[test]
fn w55_what_was_not_acknowledged_of_a_log_that_was_copied_and_removed_is_read_from_the_copy() {
    for seconds in [2, 35, 100] {
        on_fake(&["app.log"], |stage| {
            stage.append("app.log", &lines(0, 100));
            stage.start();
            let first = stage.come(100);
            stage.copy("app.log", "app.log.1");
            stage.step();
            stage.remove("app.log");
            stage.append("app.log", &lines(100, 110));
            stage.come(10);
            stage.pass(seconds);
            for _ in 0..2 {
                stage.acknowledge_first(40);
                stage.kill();
                stage.start();
                let again = stage.come(70);
                let identity = |line: &Arrived| (line.position.fid, line.position.start);
                assert!(again[..60].iter().map(identity).eq(first[40..].iter().map(identity)), "{seconds}");
                assert_eq!(numbers(&again, "app.log"), range(40, 110));
                stage.pass(20);
            }
        });
    }
}

#[test]
fn w56_logrotate_s_renamecopy_brings_nothing_twice() {
    for is_seen in [false, true] {
        on_fake(&["app.log"], |stage| {
            stage.append("app.log", &lines(0, 100));
            stage.start();
            stage.come(100);
            for round in 1..4 {
                stage.rename("app.log", "app.log.tmp");
                stage.append("app.log", &lines(100 * round, 100 * (round + 1)));
                if is_seen {
                    stage.pass(1);
                }
                for number in (1..round).rev() {
                    stage.rename(&format!("app.log.{number}"), &format!("app.log.{}", number + 1));
                }
                stage.copy("app.log.tmp", "app.log.1");
                if is_seen {
                    stage.step();
                }
                stage.remove("app.log.tmp");
                assert_eq!(numbers(&stage.come(100), "app.log"), range(100 * round, 100 * (round + 1)));
                stage.pass(10);
            }
            stage.acknowledge();
            stage.kill();
            stage.start();
            stage.pass(100);
        });
    }
}

#[test]
fn w57_of_several_copies_of_a_truncated_log_the_one_that_holds_most_is_it() {
    on_fake(&["app.log"], |stage| {
        stage.append("app.log", &lines(0, 100));
        stage.start();
        stage.come(100);
        stage.copy("app.log", "app.log-20261128");
        stage.step();
        stage.append("app.log", &lines(100, 200));
        assert_eq!(numbers(&stage.come(100), "app.log"), range(100, 200));
        stage.append("app.log", &lines(200, 210));
        stage.copy("app.log", "app.log-20261129");
        stage.truncate("app.log");
        stage.append("app.log", &lines(210, 220));
        assert_eq!(numbers(&stage.come(20), "app.log"), range(200, 220));
        stage.pass(20);
    });
}

#[test]
fn w58_copies_into_a_directory_below_are_found_where_the_log_is_truncated() {
    for pattern in ["app.log", "**/app.log*", "**"] {
        every_way(&[pattern], |stage| {
            stage.directory("old");
            stage.append("app.log", &lines(0, 100));
            stage.start();
            stage.come(100);
            stage.unseen(|stage| {
                stage.append("app.log", &lines(100, 110));
                stage.copy("app.log", "old/app.log.1");
                stage.truncate("app.log");
                stage.append("app.log", &lines(110, 120));
            });
            assert_eq!(numbers(&stage.come(20), "/app.log"), range(100, 120), "{pattern}");
            stage.unseen(|stage| {
                stage.append("app.log", &lines(120, 130));
                stage.rename("old/app.log.1", "old/app.log.2");
                stage.copy("app.log", "old/app.log.1");
                stage.truncate("app.log");
                stage.append("app.log", &lines(130, 140));
            });
            assert_eq!(numbers(&stage.come(20), "/app.log"), range(120, 140), "{pattern}");
        });
    }
}

#[test]
fn w58_a_copy_that_a_glob_finds_in_a_directory_below_is_no_log_of_its_own() {
    for name in ["old/app.log.1", "archive/2026/app.log"] {
        on_fake(&["**/app.log*"], |stage| {
            stage.directory(name.rsplit_once('/').unwrap().0);
            stage.append("app.log", &lines(0, 100));
            stage.start();
            stage.come(100);
            // The copy is seen before the log is truncated, or removed.
            stage.create(name);
            stage.pass(1);
            stage.append(name, &lines(0, 50));
            stage.pass(1);
            stage.append(name, &lines(50, 100));
            stage.pass(1);
            if name.starts_with("old") {
                stage.truncate("app.log");
            } else {
                stage.remove("app.log");
            }
            stage.append("app.log", &lines(100, 110));
            assert_eq!(numbers(&stage.come(10), "/app.log"), range(100, 110), "{name}");
            stage.acknowledge();
            stage.pass(100);
            stage.kill();
            stage.start();
            stage.pass(20);
        });
    }
}

#[test]
fn w58_a_log_that_is_moved_to_another_volume_which_a_glob_covers_comes_once() {
    every_way(&["**/app.log*"], |stage| {
        stage.directory("old");
        stage.append("app.log", &lines(0, 100));
        stage.start();
        stage.come(100);
        stage.unseen(|stage| {
            stage.copy("app.log", "old/app.log.1");
            stage.remove("app.log");
            stage.append("app.log", &lines(100, 150));
        });
        assert_eq!(numbers(&stage.come(50), "/app.log"), range(100, 150));
        stage.acknowledge();
        stage.kill();
        for round in 1..3 {
            for number in (1..=round).rev() {
                stage.rename(&format!("old/app.log.{number}"), &format!("old/app.log.{}", number + 1));
            }
            stage.append("app.log", &lines(100 + 50 * round, 150 + 50 * round));
            stage.copy("app.log", "old/app.log.1");
            stage.remove("app.log");
        }
        stage.append("app.log", &lines(250, 260));
        stage.start();
        assert_eq!(numbers(&stage.come(110), "/app.log"), range(150, 260));
    });
}

#[test]
fn w58_a_log_of_its_own_in_a_directory_below_that_begins_alike_is_followed() {
    on_fake(&["**/app.log"], |stage| {
        stage.directory("b");
        stage.append("app.log", "started\n");
        stage.start();
        stage.comes(&["started"]);
        stage.append("b/app.log", "started\n");
        stage.pass(1);
        stage.append("b/app.log", "of b\n");
        stage.comes(&["started", "of b"]);
    });
}

#[test]
fn w59_three_copies_into_another_directory_while_down_are_read() {
    on_fake(&["app.log"], |stage| {
        stage.directory("old");
        stage.append("app.log", &lines(0, 50));
        stage.start();
        stage.come(50);
        stage.append("app.log", &lines(50, 100));
        stage.come(50);
        stage.acknowledge();
        stage.pass(3);
        stage.kill();
        for round in 1..4 {
            stage.append("app.log", &lines(90 + 10 * round, 100 + 10 * round));
            for number in (1..round).rev() {
                stage.rename(&format!("old/app.log.{number}"), &format!("old/app.log.{}", number + 1));
            }
            stage.copy("app.log", "old/app.log.1");
            stage.remove("app.log");
        }
        stage.append("app.log", &lines(130, 140));
        stage.start();
        assert_eq!(numbers(&stage.come(40), "app.log"), range(100, 140));
    });
}
