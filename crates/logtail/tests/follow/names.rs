//! Group L, the names that rotation gives, and what is compressed in the meantime.

use std::process::Command;
use std::time::Duration;

use crate::stage::{Stage, every_way, on_fake};

/// What has come, each line with the name that it was tagged with.
fn come(stage: &mut Stage, count: usize) -> Vec<String> {
    let came = stage.come(count);
    let name = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    came.iter().map(|line| format!("{} {}", name(&line.path), line.text())).collect()
}

fn sorted<T: Ord>(mut came: Vec<T>) -> Vec<T> {
    came.sort();
    came
}

fn lines(from: usize, count: usize) -> String {
    (from..from + count).map(|number| format!("line number {number} of this log\n")).collect()
}

fn numbers(came: &[crate::stage::Arrived]) -> Vec<usize> {
    came.iter().map(|line| line.text().split(' ').nth(2).unwrap().parse().unwrap()).collect()
}

#[test]
fn l1_names_with_the_date_before_the_extension_rotated_while_down() {
    every_way(&["app.log"], |stage| {
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        stage.append("app.log", "2\n");
        stage.rename("app.log", "app-2026-11-29T04-00-00.000.log");
        stage.append("app.log", "3\n");
        stage.rename("app.log", "app-2026-11-29T04-30-00.000.log");
        stage.append("app.log", "4\n");
        stage.start();
        assert_eq!(come(stage, 3), ["app.log 2", "app.log 3", "app.log 4"]);
    });
}

#[test]
fn l2_a_counter_before_the_extension_is_learnt_from_one_rotation_and_its_direction_from_the_files() {
    for rises in [true, false] {
        every_way(&["app.log"], |stage| {
            stage.append("app.log", "1\n");
            stage.start();
            stage.comes(&["1"]);
            stage.rename("app.log", "app-00001.log");
            stage.append("app.log", "2\n");
            stage.comes(&["2"]);
            stage.acknowledge();
            stage.kill();
            for round in 2..=3 {
                let to = if rises { round } else { 1 };
                if !rises {
                    for number in (1..round).rev() {
                        stage.rename(&format!("app-{number:05}.log"), &format!("app-{:05}.log", number + 1));
                    }
                }
                stage.rename("app.log", &format!("app-{to:05}.log"));
                stage.append("app.log", &format!("{}\n", round + 1));
            }
            stage.start();
            assert_eq!(come(stage, 2), ["app.log 3", "app.log 4"], "{rises}");
        });
    }
}

#[test]
fn l3_another_directory_is_learnt_from_one_rotation() {
    every_way(&["app.log"], |stage| {
        stage.directory("old");
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("app.log", "old/app.log.1");
        stage.append("app.log", "2\n");
        stage.comes(&["2"]);
        stage.kill();
        stage.acknowledge();
        for line in ["3\n", "4\n"] {
            stage.rename("old/app.log.1", "old/app.log.2");
            stage.rename("app.log", "old/app.log.1");
            stage.append("app.log", line);
        }
        stage.start();
        assert_eq!(come(stage, 2), ["app.log 3", "app.log 4"]);
    });
}

#[test]
fn l38_another_directory_is_learnt_also_where_nothing_is_at_the_path_for_a_moment() {
    on_fake(&["app.log"], |stage| {
        stage.directory("old");
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("app.log", "old/app.log-20261128");
        stage.step();
        stage.append("app.log", "2\n");
        stage.comes(&["2"]);
        stage.acknowledge();
        stage.kill();
        for day in [29, 30] {
            stage.rename("app.log", &format!("old/app.log-202611{day}"));
            stage.append("app.log", &format!("{}\n", day - 26));
        }
        stage.start();
        assert_eq!(come(stage, 2), ["app.log 3", "app.log 4"]);
    });
}

#[test]
fn l39_names_with_the_day_of_the_week_are_learnt() {
    for days in
        [["app.log.Mon", "app.log.Tue", "app.log.Wed"], ["app-Friday.log", "app-Saturday.log", "app-Sunday.log"]]
    {
        on_fake(&["app.log"], |stage| {
            stage.append("app.log", "1\n");
            stage.start();
            stage.comes(&["1"]);
            stage.rename("app.log", days[0]);
            stage.append("app.log", "2\n");
            stage.comes(&["2"]);
            stage.acknowledge();
            stage.kill();
            for (day, line) in [(1, "3\n"), (2, "4\n")] {
                stage.rename("app.log", days[day]);
                stage.append("app.log", line);
            }
            stage.start();
            assert_eq!(come(stage, 2), ["app.log 3", "app.log 4"]);
        });
    }
}

#[test]
fn l40_a_name_that_tells_nothing_of_others_is_a_gap_also_after_one_like_it_was_seen() {
    on_fake(&["app.log"], |stage| {
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("app.log", "app.log.first");
        stage.append("app.log", "2\n");
        stage.comes(&["2"]);
        stage.acknowledge();
        stage.kill();
        stage.rename("app.log", "app.log.second");
        stage.append("app.log", "3\n");
        stage.rename("app.log", "app.log.third");
        stage.append("app.log", "4\n");
        stage.start();
        assert_eq!(come(stage, 1), ["app.log 4"]);
        stage.says("may be lost: the last one is");
    });
}

#[test]
fn l41_what_a_link_into_a_directory_of_the_day_left_while_down_is_found() {
    every_way(&["current"], |stage| {
        for day in ["29", "30"] {
            stage.directory(&format!("2026-11-{day}"));
        }
        stage.append("2026-11-29/access.log", "1\n");
        stage.link("2026-11-29/access.log", "current");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        stage.append("2026-11-29/access.log", "2\n");
        stage.append("2026-11-30/access.log", "3\n");
        stage.remove("current");
        stage.link("2026-11-30/access.log", "current");
        stage.start();
        assert_eq!(come(stage, 2), ["current 2", "current 3"]);
    });
}

#[test]
fn l42_directories_of_the_day_or_the_month_are_learnt() {
    let forms: [[&str; 4]; 11] = [
        ["2026-11-28/app.log", "2026-11-29/app.log", "2026-11-30/app.log", "2026-12-01/app.log"],
        ["2026-11/app-30.log", "2026-12/app-01.log", "2026-12/app-02.log", "2027-01/app-01.log"],
        ["old/2026/11/app_30.log", "old/2026/12/app_01.log", "old/2026/12/app_02.log", "old/2027/01/app_01.log"],
        ["app-20261129/app.log.1", "app-20261130/app.log.2", "app-20261130/app.log.1", "app-20261201/app.log.1"],
        ["2026113023/a/app.log", "2026120100/a/app.log", "2026120101/a/app.log", "2026120102/a/app.log"],
        ["28-11-2026/app.log", "29-11-2026/app.log", "30-11-2026/app.log", "01-12-2026/app.log"],
        ["2026-9-29/app.log", "2026-9-30/app.log", "2026-10-1/app.log", "2026-10-2/app.log"],
        [
            "dt=2026-11-28/hour=22/app.log",
            "dt=2026-11-28/hour=23/app.log",
            "dt=2026-11-29/hour=00/app.log",
            "dt=2026-11-29/hour=01/app.log",
        ],
        ["Nov-2026/app-30.log", "Dec-2026/app-01.log", "Dec-2026/app-02.log", "Jan-2027/app-01.log"],
        [
            "2026-11/app-11-30-2026-1.log",
            "2026-12/app-12-01-2026-9.log",
            "2026-12/app-12-01-2026-10.log",
            "2027-01/app-01-01-2027-1.log",
        ],
        ["30-Nov-2026/app.log", "01-Dec-2026/app.log", "02-Dec-2026/app.log", "01-Jan-2027/app.log"],
    ];
    let rotate = |stage: &mut Stage, number: usize, to: &str| {
        stage.append("app.log", &format!("{number}\n"));
        stage.directory(to.rsplit_once('/').unwrap().0);
        stage.rename("app.log", to);
    };
    for form in forms {
        for is_down in [true, false] {
            every_way(&["app.log"], |stage| {
                stage.create("app.log");
                stage.start();
                rotate(stage, 0, form[0]);
                stage.append("app.log", "more\n");
                stage.comes_in_any_order(&["0", "more"]);
                stage.acknowledge();
                let unseen = |stage: &mut Stage| {
                    for (number, to) in form.iter().enumerate().skip(1) {
                        rotate(stage, number, to);
                    }
                    stage.append("app.log", "last\n");
                };
                if is_down {
                    stage.kill();
                    unseen(stage);
                    stage.start();
                } else {
                    stage.unseen(unseen);
                }
                let came = come(stage, 4);
                assert_eq!(came, ["app.log 1", "app.log 2", "app.log 3", "app.log last"], "{form:?} {is_down}");
            });
        }
    }
}

#[test]
fn l42_however_many_days_pass_each_directory_is_looked_into_and_few_are_remembered() {
    on_fake(&["app.log"], |stage| {
        stage.create("app.log");
        stage.start();
        let mut came = Vec::new();
        for day in 1..=60 {
            stage.append("app.log", &format!("{day}\n"));
            let directory = format!("2026-{:02}-{:02}", 1 + day / 28, 1 + day % 28);
            stage.directory(&directory);
            stage.rename("app.log", &format!("{directory}/app.log"));
            stage.create("app.log");
            match day {
                20 => stage.kill(),
                32 => stage.start(),
                _ if (20..32).contains(&day) => {}
                _ => stage.step(),
            }
            if !(20..32).contains(&day) {
                let count = day - came.len();
                came.extend(stage.come(count).iter().map(|line| line.text().parse::<usize>().unwrap()));
                stage.acknowledge();
            }
        }
        assert!(came.iter().copied().eq(1..=60), "{came:?}");
        stage.kill();
        let shapes = stage.checkpoint().shapes;
        assert!((1..=9).contains(&shapes.len()), "{shapes:?}");
    });
}

#[test]
fn l43_files_of_the_days_between_to_which_a_link_led_while_down_are_found() {
    every_way(&["current"], |stage| {
        for day in ["28", "29", "30"] {
            stage.directory(&format!("2026-11-{day}"));
        }
        stage.append("2026-11-28/access.log", "1\n");
        stage.link("2026-11-28/access.log", "current");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        stage.append("2026-11-28/access.log", "2\n");
        for (day, line) in [("29", "3\n"), ("30", "4\n")] {
            stage.append(&format!("2026-11-{day}/access.log"), line);
            stage.remove("current");
            stage.link(&format!("2026-11-{day}/access.log"), "current");
        }
        stage.start();
        assert_eq!(come(stage, 3), ["current 2", "current 3", "current 4"]);
    });
}

#[test]
fn l44_what_lies_above_the_log_is_no_date_and_no_link_is_taken() {
    every_way(&["20261129/logs/app.log"], |stage| {
        for directory in ["20261129/logs", "20261129/2026-11", "20261130/2026-11", "20261129/2026-12"] {
            stage.directory(directory);
        }
        stage.directory("secret");
        stage.append("20261129/logs/app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("20261129/logs/app.log", "20261129/2026-11/app.log.1");
        stage.append("20261129/logs/app.log", "2\n");
        stage.comes(&["2"]);
        stage.append("20261130/2026-11/app.log.1", "another user's\n");
        stage.append("secret/app.log.1", "secret\n");
        stage.link("../secret", "20261129/2027-01");
        stage.rename("20261129/logs/app.log", "20261129/2026-12/app.log.2");
        stage.append("20261129/logs/app.log", "3\n");
        assert_eq!(come(stage, 1), ["app.log 3"]);
    });
}

#[test]
fn l44_nor_is_a_link_taken_behind_the_date_nor_another_instance_s_directory() {
    every_way(&["logs/8080/app.log"], |stage| {
        for directory in ["logs/8080", "secret", "logs/2026-11-29/8081", "logs/2026-11-30"] {
            stage.directory(directory);
        }
        stage.append("logs/8080/app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.directory("logs/2026-11-29/8080");
        stage.rename("logs/8080/app.log", "logs/2026-11-29/8080/app.log");
        stage.append("logs/8080/app.log", "2\n");
        stage.comes(&["2"]);
        stage.acknowledge();
        stage.kill();
        stage.append("secret/app.log", "secret\n");
        stage.link("../../secret", "logs/2026-11-30/8080");
        stage.append("logs/2026-11-29/8081/app.log", "another instance's\n");
        stage.rename("logs/8080/app.log", "logs/2026-11-29/8080/app.log.1");
        stage.append("logs/8080/app.log", "3\n");
        stage.start();
        assert_eq!(come(stage, 1), ["app.log 3"]);
    });
}

#[test]
fn l44_what_lies_in_a_later_directory_from_before_the_log_began_is_left_out() {
    for (first, older) in [("2026-11-29", "2026112900"), ("Nov", "Dec"), ("2026-11-29", "2026-11-30")] {
        on_fake(&["app.log"], |stage| {
            stage.directory(older);
            stage.append(&format!("{older}/app.log"), "of last year\n");
            stage.fake().disk.0.borrow_mut().pass(Duration::from_secs(100));
            stage.append("app.log", "1\n");
            stage.start();
            stage.comes(&["1"]);
            stage.directory(first);
            stage.rename("app.log", &format!("{first}/app.log"));
            stage.append("app.log", "2\n");
            stage.comes(&["2"]);
            stage.pass(20);
        });
    }
}

#[test]
fn l44_directories_made_in_advance_hide_none() {
    on_fake(&["app.log"], |stage| {
        for month in 1..=12 {
            stage.directory(&format!("2026/{month:02}"));
        }
        stage.directory("1764412345");
        stage.directory("2099/01");
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("app.log", "2026/03/app.log");
        stage.append("app.log", "2\n");
        stage.comes(&["2"]);
        stage.acknowledge();
        stage.pass(60);
        stage.kill();
        for month in 4..=6 {
            stage.rename("app.log", &format!("2026/{month:02}/app.log"));
            stage.append("app.log", &format!("{}\n", month - 1));
        }
        stage.start();
        assert_eq!(come(stage, 3), ["app.log 3", "app.log 4", "app.log 5"]);
    });
}

#[test]
fn l45_what_was_moved_down_into_a_directory_while_down_for_the_first_time_is_found() {
    for (directory, is_packed) in [("old", false), ("2026-11-29", false), ("2026-11-29", true), ("old/2026/11", true)] {
        every_way(&["app.log"], |stage| {
            stage.append("app.log", &lines(0, 5));
            stage.start();
            stage.come(5);
            stage.acknowledge();
            stage.kill();
            stage.append("app.log", &lines(5, 5));
            stage.directory(directory);
            let to = format!("{directory}/app.log");
            stage.rename("app.log", &to);
            if is_packed {
                stage.compress(&to, &format!("{to}.gz"));
            }
            stage.append("app.log", &lines(10, 5));
            stage.start();
            assert_eq!(numbers(&stage.come(10)), (5..15).collect::<Vec<_>>());
            let tells = directory != "old";
            assert_ne!(stage.said_all().contains("may be lost"), tells, "{directory}: {}", stage.said_all());
        });
    }
}

#[test]
fn l46_a_link_to_the_file_before_tells_nothing_and_is_no_gap() {
    every_way(&["app.log"], |stage| {
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.unseen(|stage| {
            stage.rename("app.log", "app.log.1");
            stage.link("app.log.1", "previous.log");
            stage.append("app.log", "2\n");
        });
        stage.comes(&["2"]);
        stage.unseen(|stage| {
            stage.rename("app.log.1", "app.log.2");
            stage.rename("app.log", "app.log.1");
            stage.append("app.log", "3\n");
        });
        stage.comes(&["3"]);
        assert!(!stage.said_all().contains("lost"), "{}", stage.said_all());
    });
}

#[test]
fn another_directory_is_learnt_also_where_a_glob_finds_files_in_it_that_are_not_known_first() {
    every_way(&["**/*"], |stage| {
        stage.directory("old");
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        for (older, line) in [(0, "2\n"), (1, "3\n"), (2, "4\n")] {
            for number in (1..=older).rev() {
                stage.rename(&format!("old/app.log.{number}"), &format!("old/app.log.{}", number + 1));
            }
            stage.rename("app.log", "old/app.log.1");
            stage.append("app.log", line);
        }
        stage.start();
        assert_eq!(come(stage, 3), ["app.log 2", "app.log 3", "app.log 4"]);
    });
}

#[test]
fn l4_a_shape_is_learnt_from_a_rotation_while_down_and_tells_of_the_others() {
    every_way(&["app.log"], |stage| {
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        stage.append("app.log", "2\n");
        stage.rename("app.log", "20261129-1045-03-app.log");
        stage.append("app.log", "3\n");
        stage.rename("app.log", "20261129-1046-04-app.log");
        stage.append("app.log", "4\n");
        stage.append("1-other.log", "not ours\n");
        stage.start();
        assert_eq!(come(stage, 3), ["app.log 2", "app.log 3", "app.log 4"]);
    });
}

#[test]
fn l5_files_named_by_tai64n_labels_belong_to_current() {
    every_way(&["current"], |stage| {
        stage.append("current", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        for (label, line) in [("2425d7cba3", "2\n"), ("2525d7cba3", "3\n")] {
            stage.rename("current", &format!("@400000006b0bfe{label}.s"));
            stage.append("current", line);
        }
        stage.start();
        assert_eq!(come(stage, 2), ["current 2", "current 3"]);
    });
}

#[test]
fn l6_a_link_that_led_from_one_dated_file_to_the_next_while_down() {
    every_way(&["current.log"], |stage| {
        stage.append("access-9.log", "1\n");
        stage.link("access-9.log", "current.log");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        for number in 10..=12 {
            stage.append(&format!("access-{number}.log"), &format!("{number}\n"));
        }
        stage.remove("current.log");
        stage.link("access-12.log", "current.log");
        stage.start();
        assert_eq!(come(stage, 3), ["current.log 10", "current.log 11", "current.log 12"]);
    });
}

#[test]
fn l7_compressed_while_down_it_is_read_on_where_it_was_and_the_unseen_one_whole() {
    for pattern in ["app.log", "*.log", "*"] {
        every_way(&[pattern], |stage| {
            stage.append("app.log", &lines(0, 100));
            stage.start();
            let first = stage.come(100);
            stage.acknowledge();
            stage.kill();
            stage.append("app.log", &lines(100, 100));
            stage.rename("app.log", "app.log.2");
            stage.compress("app.log.2", "app.log.2.gz");
            stage.append("app.log", &lines(200, 100));
            stage.rename("app.log", "app.log.1");
            stage.compress("app.log.1", "app.log.1.gz");
            stage.append("app.log", &lines(300, 100));
            stage.start();
            let rest = stage.come(300);
            assert_eq!(numbers(&rest), (100..400).collect::<Vec<_>>());
            assert_eq!(rest[0].position.fid, first[0].position.fid);
            assert_eq!(rest[0].position.start, first[99].position.end);
            assert!(rest.iter().all(|line| line.path.ends_with("/app.log")));
        });
    }
}

#[test]
fn l8_compressed_after_it_was_delivered_it_is_never_read_again() {
    on_fake(&["app.log"], |stage| {
        stage.append("app.log", &lines(0, 100));
        stage.start();
        stage.come(100);
        stage.rename("app.log", "app.log.1");
        stage.append("app.log", &lines(100, 1));
        stage.come(1);
        stage.pass(20);
        stage.compress("app.log.1", "app.log.1.gz");
        stage.pass(200);
        stage.acknowledge();
        for _ in 0..2 {
            stage.kill();
            stage.start();
            stage.pass(100);
        }
        stage.kill();
        stage.rename("app.log.1.gz", "app.log.2.gz");
        stage.rename("app.log", "app.log.1");
        stage.compress("app.log.1", "app.log.1.gz");
        stage.start();
        stage.pass(200);
        stage.kill();
        stage.start();
        stage.pass(20);
    });
}

#[test]
fn l9_of_a_compressed_file_that_ends_too_early_what_is_there_is_delivered_and_the_loss_told() {
    every_way(&["app.log"], |stage| {
        stage.append("app.log", &lines(0, 100));
        stage.start();
        stage.come(100);
        stage.acknowledge();
        stage.kill();
        let text: String =
            (100..5000).map(|number| format!("line number {number} of {}\n", number * 7919 % 10_007)).collect();
        stage.append("app.log", &text);
        stage.rename("app.log", "app.log.1");
        stage.compress("app.log.1", "whole.gz");
        let whole = stage.content("whole.gz");
        let writer = stage.open("app.log.1.gz");
        stage.write_bytes(writer, &whole[..whole.len() / 2]);
        stage.close(writer);
        stage.remove("whole.gz");
        stage.append("app.log", "end\n");
        stage.option(&["--rotate-quiet", "0.1"], |plan| plan.rotate_quiet = std::time::Duration::from_millis(100));
        stage.start();
        stage.come_at_least(1000);
        stage.says("cannot be decompressed to its end");
        stage.drain();
        stage.come_at_least(0);
        let came = &stage.arrived[100..];
        assert!(came.iter().any(|line| line.text() == "end"), "{}", stage.said_all());
        let is_line = |line: &&crate::stage::Arrived| line.text() != "end" && line.flags().is_empty();
        let rest: Vec<_> = came.iter().filter(is_line).cloned().collect();
        let numbers = numbers(&rest);
        assert!(numbers.iter().copied().eq(100..100 + numbers.len()), "{:?}", &numbers[..5]);
        assert!(stage.checkpoint().counters.gaps >= 1);
    });
}

#[test]
fn l10_a_compressed_file_is_known_by_its_content_not_its_name() {
    every_way(&["current"], |stage| {
        stage.append("current", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        stage.rename("current", "@400000006b0bfe2425d7cba3.s");
        stage.append("current", "2\n");
        stage.compress("current", "@400000006b0bfe2525d7cba3.s");
        stage.append("current", "3\n");
        stage.start();
        assert_eq!(come(stage, 2), ["current 2", "current 3"]);
    });
}

#[test]
fn l11_instances_with_numbers_are_at_home_at_their_paths_while_their_writers_live() {
    every_way(&["*"], |stage| {
        stage.option(&[], |plan| plan.open_limit = 2);
        let names: Vec<String> =
            ["worker".to_owned()].into_iter().chain((1..80).map(|number| format!("worker-{number}"))).collect();
        let dotted: Vec<String> = (1..80).map(|number| format!("worker.{number}")).collect();
        let names: Vec<String> = names.into_iter().chain(dotted).collect();
        let writers: Vec<usize> = names.iter().map(|name| stage.open(name)).collect();
        for (name, writer) in names.iter().zip(&writers) {
            stage.write(*writer, &format!("{name}\n"));
        }
        stage.start();
        for _ in 0..2 {
            let wanted: Vec<String> = names.iter().map(|name| format!("{name} {name}")).collect();
            assert_eq!(sorted(come(stage, names.len())), sorted(wanted));
            for (name, writer) in names.iter().zip(&writers) {
                stage.write(*writer, &format!("{name}\n"));
            }
        }
        stage.come(names.len());
    });
}

#[test]
fn l36_a_name_that_another_instance_has_at_home_teaches_nothing() {
    every_way(&["*.log"], |stage| {
        stage.append("worker.log", "1\n");
        let other = stage.open("worker-2.log");
        stage.write(other, "a\n");
        stage.start();
        assert_eq!(sorted(come(stage, 2)), ["worker-2.log a", "worker.log 1"]);
        stage.rename("worker.log", "worker-1.log");
        stage.append("worker.log", "2\n");
        stage.write(other, "b\n");
        assert_eq!(sorted(come(stage, 2)), ["worker-2.log b", "worker.log 2"]);
        stage.append("worker-3.log", "c\n");
        assert_eq!(come(stage, 1), ["worker-3.log c"]);
    });
}

#[test]
fn l12_a_name_that_tells_nothing_of_others_is_a_gap_that_is_told() {
    every_way(&["app.log"], |stage| {
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        stage.append("app.log", "2\n");
        stage.rename("app.log", "kept-by-hand");
        stage.append("app.log", "4\n");
        stage.start();
        stage.comes_in_any_order(&["2", "4"]);
        stage.says("may be lost");
        stage.drain();
        assert_eq!(stage.checkpoint().counters.gaps, 1);
    });
}

#[test]
fn l13_what_was_rotated_while_down_keeps_its_name_also_where_a_glob_takes_the_new_one() {
    every_way(&["app*"], |stage| {
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        for line in ["2\n", "3\n"] {
            if line == "3\n" {
                stage.rename("app.log.1", "app.log.2");
            }
            stage.rename("app.log", "app.log.1");
            stage.append("app.log", line);
        }
        stage.start();
        assert_eq!(come(stage, 2), ["app.log 2", "app.log 3"]);
    });
}

#[test]
fn l14_what_lay_there_before_under_names_that_are_learnt_later_is_not_ours() {
    on_fake(&["app.log"], |stage| {
        stage.append("app-1.log", "before 1\n");
        stage.append("app-2.log", "before 2\n");
        stage.fake().disk.0.borrow_mut().pass(std::time::Duration::from_secs(60));
        stage.append("app.log", "3\n");
        stage.start();
        stage.comes(&["3"]);
        stage.rename("app.log", "app-3.log");
        stage.append("app.log", "4\n");
        stage.comes(&["4"]);
        stage.pass(20);
        stage.acknowledge();
        stage.kill();
        stage.rename("app.log", "app-4.log");
        stage.append("app.log", "5\n");
        stage.rename("app.log", "app-5.log");
        stage.append("app.log", "6\n");
        stage.start();
        stage.comes(&["5", "6"]);
    });
}

#[test]
fn l15_a_link_between_directories_that_led_elsewhere_while_down() {
    let mut stage = Stage::new(crate::stage::Way::Inotify, &["now/app.log"]);
    stage.directory("v1");
    stage.directory("v2");
    stage.link("v1", "now");
    stage.append("v1/app.log", "1\n");
    stage.start();
    stage.comes(&["1"]);
    stage.acknowledge();
    stage.kill();
    stage.append("v1/app.log", "2\n");
    stage.append("v2/app.log", "3\n");
    stage.remove("now");
    stage.link("v2", "now");
    stage.start();
    stage.comes_in_any_order(&["2", "3"]);
    stage.end();
}

#[test]
fn l32_a_link_into_a_directory_by_a_link_that_led_elsewhere_while_down() {
    let mut stage = Stage::new(crate::stage::Way::Inotify, &["app.log"]);
    stage.directory("..1");
    stage.directory("..2");
    stage.link("..1", "..data");
    stage.link("..data/app.log", "app.log");
    stage.append("..1/app.log", "1\n");
    stage.start();
    stage.comes(&["1"]);
    stage.acknowledge();
    stage.kill();
    stage.append("..1/app.log", "2\n");
    stage.append("..2/app.log", "3\n");
    stage.remove("..data");
    stage.link("..2", "..data");
    stage.start();
    stage.comes_in_any_order(&["2", "3"]);
    stage.end();
}

#[test]
fn l16_without_f_a_glob_reads_the_whole_day_the_oldest_first_compressed_or_not() {
    let mut stage = Stage::new(crate::stage::Way::Inotify, &[]);
    for (number, name) in ["access.log.3", "access.log.2", "access.log.1", "access.log"].into_iter().enumerate() {
        let text: String = (0..20_000).map(|line| format!("{}\n", number * 20_000 + line)).collect();
        stage.append(name, &text);
    }
    stage.compress("access.log.3", "access.log.3.gz");
    stage.compress("access.log.2", "access.log.2.gz");
    let output = Command::new(env!("CARGO_BIN_EXE_logtail"))
        .args(["-n", "+1"])
        .arg(stage.path("{access,none}.log*"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().eq((0..80_000).map(|number: u32| number.to_string())), "{}", text.len());
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
}

#[test]
fn l17_compressed_files_that_a_glob_matches_are_told_once_to_be_left_out() {
    every_way(&["*"], |stage| {
        stage.append("app.log", "1\n");
        for number in 2..5 {
            stage.append("other", "0\n");
            stage.compress("other", &format!("other.{number}.gz"));
        }
        stage.start();
        stage.comes(&["1"]);
        stage.says("compressed files are left out");
        stage.drain();
        assert_eq!(stage.said_all().matches("left out").count(), 1);
    });
}

#[test]
fn l18_compressed_otherwise_while_down_it_is_a_gap_that_is_told() {
    on_fake(&["app.log"], |stage| {
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        stage.append("app.log", "2\n");
        stage.remove("app.log");
        let writer = stage.open("app.log.1.xz");
        stage.write_bytes(writer, b"\xfd7zXZ\0 whatever\n");
        stage.close(writer);
        stage.append("app.log", "3\n");
        stage.start();
        stage.comes(&["3"]);
        stage.pass(70);
        stage.says("is lost");
        assert_eq!(stage.checkpoint().counters.gaps, 1);
    });
}

#[test]
fn l19_files_of_another_path_that_is_watched_are_not_taken_for_rotated_ones() {
    every_way(&["app.log", "app-2.log"], |stage| {
        stage.append("app.log", "1\n");
        stage.append("app-2.log", "other 1\n");
        stage.start();
        stage.comes_in_any_order(&["1", "other 1"]);
        stage.rename("app.log", "app-1.log");
        stage.append("app.log", "2\n");
        stage.append("app-2.log", "other 2\n");
        assert_eq!(sorted(come(stage, 2)), ["app-2.log other 2", "app.log 2"]);
    });
}

#[test]
fn l20_a_named_path_that_was_never_seen_has_its_rotated_files_read_in_the_first_look() {
    on_fake(&["app.log"], |stage| {
        stage.start();
        stage.kill();
        stage.append("app.log.2", "1\n");
        stage.append("app.log.1", "2\n");
        stage.start();
        let run = stage.fake().run.as_mut().unwrap();
        run.turn(usize::MAX);
        stage.comes(&["1", "2"]);
    });
}

/// What real programs call their rotated files, oldest first, and the log itself.
const RENAMED: &[(&str, &str, [&str; 3])] = &[
    ("logrotate", "app.log", ["app.log.3", "app.log.2", "app.log.1"]),
    ("logrotate, start 0", "app.log", ["app.log.2", "app.log.1", "app.log.0"]),
    ("logrotate, extension", "app.log", ["app.3.log", "app.2.log", "app.1.log"]),
    ("logrotate, dateext", "app.log", ["app.log-20261127", "app.log-20261128", "app.log-20261129"]),
    ("logrotate, dateext, extension", "app.log", ["app-20261127.log", "app-20261128.log", "app-20261129.log"]),
    ("logrotate, dateformat -%s", "app.log", ["app.log-1795000000", "app.log-1795000001", "app.log-1795000009"]),
    ("logrotate, dateformat .%d-%m-%Y", "app.log", ["app.log.27-11-2026", "app.log.28-11-2026", "app.log.29-11-2026"]),
    ("log4net", "app.log", ["app.log2026-11-27", "app.log2026-11-28", "app.log2026-11-29"]),
    ("NLog, archive numbering", "app.log", ["app.0.log", "app.1.log", "app.2.log"]),
    ("Rails", "production.log", ["production.log.20261127", "production.log.20261128", "production.log.20261129"]),
    ("Python, timed by hours", "app.log", ["app.log.2026-11-29_09", "app.log.2026-11-29_10", "app.log.2026-11-29_11"]),
    ("Python, a namer", "app.log", ["app_2026-11-27.log", "app_2026-11-28.log", "app_2026-11-29.log"]),
    ("Kafka", "server.log", ["server.log.2026-11-29-09", "server.log.2026-11-29-10", "server.log.2026-11-29-11"]),
    (
        "zap, lumberjack, Caddy",
        "app.log",
        ["app-2026-11-29T12-00-00.000.log", "app-2026-11-29T12-00-01.123.log", "app-2026-11-29T13-00-00.000.log"],
    ),
    (
        "multilog",
        "current",
        ["@400000006b0bfe2425d7cba3.s", "@400000006b0bfe2525d7cba3.u", "@400000006b0bfe2625d7cba3.s"],
    ),
    (
        "s6-log, which is killed while it rotates",
        "current",
        ["@400000006b0bfe2425d7cba3.s", "@400000006b0bfe2525d7cba3.s", "previous"],
    ),
    ("Docker", "c0ffee-json.log", ["c0ffee-json.log.3", "c0ffee-json.log.2", "c0ffee-json.log.1"]),
    ("Kubernetes", "0.log", ["0.log.20261129-100000", "0.log.20261129-110000", "0.log.20261129-120000"]),
    (
        "PM2",
        "out.log",
        ["out__2026-11-29_10-00-00.log", "out__2026-11-29_11-00-00.log", "out__2026-11-29_12-00-00.log"],
    ),
    ("java.util.logging", "java0.log", ["java3.log", "java2.log", "java1.log"]),
    ("flexi_logger", "a_rCURRENT.log", ["a_r00000.log", "a_r00001.log", "a_r00002.log"]),
    (
        "flexi_logger, twice in a second",
        "a_rCURRENT.log",
        ["a_r2026-11-29_10-00-00.log", "a_r2026-11-29_10-00-01.log", "a_r2026-11-29_10-00-01.restart-0000.log"],
    ),
    (
        "rotating-file-stream",
        "app.log",
        ["20261129-1045-01-app.log", "20261129-1045-02-app.log", "20261129-1046-01-app.log"],
    ),
    ("logback", "app.log", ["app.2026-11-28.0.log", "app.2026-11-28.1.log", "app.2026-11-29.0.log"]),
    ("Log::Dispatch, uwsgi", "uwsgi.log", ["uwsgi.log.1795000000", "uwsgi.log.1795000001", "uwsgi.log.1795000009"]),
    ("Apache on Windows", "access.log", ["access.log.27-Nov-2026", "access.log.28-Nov-2026", "access.log.01-Dec-2026"]),
];

#[test]
fn l21_whatever_real_programs_call_their_rotated_files_all_that_was_rotated_while_down_is_read() {
    for (writer, base, names) in RENAMED {
        for pattern in [base.to_string(), "*".to_owned(), format!("*{}*", &base[..2.min(base.len())])] {
            on_fake(&[&pattern], |stage| {
                stage.append(base, &lines(0, 100));
                stage.start();
                stage.come(100);
                stage.acknowledge();
                stage.kill();
                for (number, name) in names.iter().enumerate() {
                    stage.append(base, &lines(100 + number * 100, 100));
                    stage.rename(base, name);
                }
                stage.append(base, &lines(400, 100));
                stage.start();
                let came = stage.come(400);
                assert_eq!(numbers(&came), (100..500).collect::<Vec<_>>(), "{writer} {pattern}");
                let is_own = |line: &crate::stage::Arrived| line.path.ends_with(&format!("/{base}"));
                let other = came.iter().find(|line| !is_own(line));
                assert!(other.is_none(), "{writer} {pattern}: {:?}", other.map(|line| &line.path));
            });
        }
    }
}

#[test]
fn l22_the_same_where_they_are_compressed_at_once_with_or_without_an_ending() {
    for (writer, base, names) in RENAMED {
        for ending in [".gz", ""] {
            for pattern in [base.to_string(), "*".to_owned(), format!("*{}*", &base[..2.min(base.len())])] {
                on_fake(&[&pattern], |stage| {
                    stage.append(base, &lines(0, 100));
                    stage.start();
                    stage.come(100);
                    stage.acknowledge();
                    stage.kill();
                    for (number, name) in names.iter().enumerate() {
                        stage.append(base, &lines(100 + number * 100, 100));
                        stage.compress(base, &format!("{name}{ending}"));
                    }
                    stage.append(base, &lines(400, 100));
                    stage.start();
                    let came = stage.come(400);
                    assert_eq!(numbers(&came), (100..500).collect::<Vec<_>>(), "{writer} {pattern} {ending}");
                    let is_own = |line: &crate::stage::Arrived| line.path.ends_with(&format!("/{base}"));
                    let other = came.iter().find(|line| !is_own(line));
                    assert!(other.is_none(), "{writer} {pattern} {ending}: {:?}", other.map(|line| &line.path));
                });
            }
        }
    }
}

#[test]
fn l23_a_link_whose_targets_are_compressed_while_it_leads_on() {
    for pattern in ["current.log", "*", "app-*"] {
        every_way(&[pattern], |stage| {
            let name = |number: usize| match number {
                0 => "app-2026-11-29.log".to_owned(),
                1..4 => format!("app-2026-11-29.log.{number}"),
                4 => "app-2026-11-30.log".to_owned(),
                _ => format!("app-2026-11-30.log.{}", number - 4),
            };
            stage.append(&name(0), &lines(0, 100));
            stage.link(&name(0), "current.log");
            stage.start();
            stage.come(100);
            stage.acknowledge();
            stage.kill();
            stage.append(&name(0), &lines(100, 100));
            for number in 1..=6 {
                stage.compress(&name(number - 1), &format!("{}.gz", name(number - 1)));
                stage.remove("current.log");
                stage.append(&name(number), &lines(100 + 100 * number, 100));
                stage.link(&name(number), "current.log");
            }
            stage.start();
            assert_eq!(sorted(numbers(&stage.come(700))), (100..800).collect::<Vec<_>>(), "{pattern}");
        });
    }
}

#[test]
fn l24_logs_with_names_of_their_own_are_compressed_while_down_and_so_is_one_that_was_never_seen() {
    for pattern in ["catalina.*.log", "*", "catalina*"] {
        every_way(&[pattern], |stage| {
            stage.append("other", "0\n");
            stage.compress("other", "catalina.2026-11-26.log.gz");
            stage.append("catalina.2026-11-27.log", &lines(0, 100));
            stage.start();
            stage.come(100);
            stage.acknowledge();
            stage.kill();
            stage.append("catalina.2026-11-27.log", &lines(100, 100));
            stage.compress("catalina.2026-11-27.log", "catalina.2026-11-27.log.gz");
            stage.append("catalina.2026-11-28.log", &lines(200, 100));
            stage.compress("catalina.2026-11-28.log", "catalina.2026-11-28.log.gz");
            stage.append("catalina.2026-11-29.log", &lines(300, 100));
            stage.start();
            let came = stage.come(300);
            for line in &came {
                let number = numbers(std::slice::from_ref(line))[0];
                let day = 27 + (number - 100) / 100;
                assert!(line.path.ends_with(&format!("/catalina.2026-11-{day}.log")), "{number} under {}", line.path);
            }
            assert_eq!(sorted(numbers(&came)), (100..400).collect::<Vec<_>>(), "{pattern}");
        });
    }
}

#[test]
fn l25_a_log_that_is_written_at_the_same_time_is_no_older_one_although_its_name_fits_what_was_learnt() {
    on_fake(&["app.log"], |stage| {
        let own = stage.open("app.log");
        stage.write(own, "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.close(own);
        stage.rename("app.log", "app-1.log");
        let own = stage.open("app.log");
        stage.write(own, "2\n");
        stage.comes(&["2"]);
        let other = stage.open("app-7.log");
        for round in 0..8 {
            stage.write(other, &format!("other {round}\n"));
            stage.pass(60);
        }
        stage.says("taken for another log");
        stage.close(other);
        stage.acknowledge();
        stage.kill();
        stage.rename("app-7.log", "app-7.log.1");
        stage.append("app-7.log", "other, later\n");
        stage.close(own);
        stage.rename("app.log", "app-2.log");
        stage.append("app.log", "3\n");
        stage.start();
        stage.comes(&["3"]);
        stage.pass(100);
    });
}

#[test]
fn l26_a_compressed_file_passes_under_names_that_a_glob_finds_before_it_gets_its_own() {
    every_way(&["*"], |stage| {
        stage.append("current", &lines(0, 100));
        stage.start();
        stage.come(100);
        stage.append("current", &lines(100, 100));
        stage.come(100);
        stage.append("current", &lines(200, 100));
        stage.come(100);
        stage.rename("current", "previous");
        stage.append("current", &lines(300, 1));
        stage.come(1);
        stage.compress("previous", "processed");
        stage.append("current", &lines(301, 1));
        stage.come(1);
        stage.rename("processed", "@400000006b0bfe2425d7cba3.s");
        stage.append("current", &lines(302, 1));
        stage.come(1);
        stage.acknowledge();
        stage.kill();
        stage.start();
        stage.append("current", &lines(303, 1));
        stage.come(1);
    });
}

#[test]
fn l27_an_empty_log_is_known_under_a_rotated_name_by_the_time_at_which_it_was_made() {
    every_way(&["*"], |stage| {
        let writer = stage.open("app.log");
        stage.append("first.log", "0\n");
        stage.start();
        stage.comes(&["0"]);
        stage.acknowledge();
        stage.kill();
        stage.write(writer, "1\n");
        stage.close(writer);
        stage.rename("app.log", "app-1.log");
        stage.append("app.log", "2\n");
        stage.start();
        assert_eq!(sorted(come(stage, 2)), ["app.log 1", "app.log 2"]);
    });
}

#[test]
fn l28_at_the_end_of_a_run_what_was_not_found_again_is_told() {
    on_fake(&["app.log"], |stage| {
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        stage.append("app.log", "2\n");
        stage.remove("app.log");
        stage.append("app.log", "3\n");
        stage.start();
        stage.comes(&["3"]);
        stage.drain();
        stage.says("is lost unless a later run finds it");
    });
}

#[test]
fn l29_a_link_to_files_of_one_instance_learns_nothing_of_the_other() {
    every_way(&["current"], |stage| {
        stage.append("worker1-2026-11-27.log", "1\n");
        stage.link("worker1-2026-11-27.log", "current");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        for day in 28..=30 {
            stage.append(&format!("worker1-2026-11-{day}.log"), &format!("{day}\n"));
            stage.append(&format!("worker2-2026-11-{day}.log"), "other\n");
        }
        stage.remove("current");
        stage.link("worker1-2026-11-30.log", "current");
        stage.start();
        assert_eq!(come(stage, 3), ["current 28", "current 29", "current 30"]);
    });
}

#[test]
fn l30_a_writer_that_keeps_all_back_until_it_rotates_and_compresses_at_once() {
    for pattern in ["app.log", "app*.log*", "*"] {
        every_way(&[pattern], |stage| {
            stage.append("app.log", "");
            stage.append("other.log", "0\n");
            stage.start();
            if pattern == "*" {
                stage.comes(&["0"]);
                stage.acknowledge();
            }
            stage.await_known("app.log");
            stage.kill();
            for number in 1..=3 {
                stage.append("app.log", &lines(100 * number, 100));
                stage.compress("app.log", &format!("app-{number}.log.gz"));
                stage.append("app.log", "");
            }
            stage.start();
            let came = stage.come(300);
            assert!(came.iter().all(|line| line.path.ends_with("/app.log")), "{pattern}");
            // Made within one tick of the file system's clock, nothing tells which of them is older.
            assert_eq!(sorted(numbers(&came)), (100..400).collect::<Vec<_>>(), "{pattern}");
        });
    }
}

#[test]
fn l31_what_was_compressed_while_it_was_read_is_known_and_teaches_how_the_next_is_called() {
    for pattern in ["app.log", "app*.log*", "*"] {
        every_way(&[pattern], |stage| {
            stage.append("app.log", &lines(0, 100));
            stage.start();
            stage.come(100);
            stage.compress("app.log", "app-1.log.gz");
            stage.append("app.log", &lines(100, 100));
            stage.come(100);
            stage.acknowledge();
            stage.kill();
            stage.append("app.log", &lines(200, 100));
            stage.rename("app.log", "app-2.log");
            stage.append("app.log", &lines(300, 100));
            stage.compress("app.log", "app-3.log.gz");
            stage.append("app.log", &lines(400, 100));
            stage.start();
            let came = stage.come(300);
            assert_eq!(numbers(&came), (200..500).collect::<Vec<_>>(), "{pattern}");
            assert!(came.iter().all(|line| line.path.ends_with("/app.log")), "{pattern}");
        });
    }
}

#[test]
fn l33_rotated_twice_between_two_looks_and_the_first_name_was_missed_in_the_directory() {
    on_fake(&["app*"], |stage| {
        stage.append("app_rCURRENT", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("app_rCURRENT", "app_r00001");
        stage.append("app_rCURRENT", "2\n");
        stage.rename("app_rCURRENT", "app_r00002");
        stage.append("app_rCURRENT", "3\n");
        let missed = stage.path("app_r00001");
        stage.fake().disk.0.borrow_mut().unlisted.insert(missed);
        assert_eq!(come(stage, 2), ["app_rCURRENT 2", "app_rCURRENT 3"]);
    });
}

#[test]
fn l34_truncated_while_down_and_copied_nowhere_it_is_a_gap_that_is_told() {
    every_way(&["app.log"], |stage| {
        stage.append("app.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.acknowledge();
        stage.kill();
        stage.append("app.log", "2\n");
        stage.truncate("app.log");
        stage.append("app.log", "three\n");
        stage.start();
        stage.comes(&["three"]);
        stage.says("no copy was found");
        stage.drain();
        assert_eq!(stage.checkpoint().counters.gaps, 1);
    });
}

#[test]
fn l35_what_its_writer_held_long_after_it_was_compressed_is_not_read_again() {
    on_fake(&["app.log"], |stage| {
        let writer = stage.open("app.log");
        stage.write(writer, &lines(0, 100));
        stage.start();
        stage.come(100);
        stage.rename("app.log", "app.log.1");
        stage.append("app.log", &lines(100, 100));
        stage.come(100);
        stage.compress("app.log.1", "app.log.1.gz");
        stage.pass(120);
        stage.write(writer, "");
        stage.close(writer);
        stage.pass(30);
        stage.acknowledge();
        stage.kill();
        stage.append("app.log", &lines(200, 100));
        stage.start();
        assert_eq!(numbers(&stage.come(100)), (200..300).collect::<Vec<_>>());
    });
}

#[test]
fn l37_compressed_before_anyone_saw_its_new_name_while_its_writer_went_on() {
    every_way(&["app.log"], |stage| {
        let writer = stage.open("app.log");
        stage.write(writer, &lines(0, 10));
        stage.start();
        stage.come(10);
        stage.rename("app.log", "app-1.log");
        stage.compress("app-1.log", "app-1.log.gz");
        stage.write(writer, "what nobody has compressed\n");
        stage.append("app.log", &lines(10, 10));
        let came = stage.come(11);
        assert!(came.iter().any(|line| line.text() == "what nobody has compressed"));
        stage.close(writer);
        stage.kill();
        stage.start();
        let came = stage.come(20);
        assert_eq!(sorted(numbers(&came)), (0..20).collect::<Vec<_>>());
        assert!(came.iter().all(|line| line.path.ends_with("/app.log")));
    });
}
