//! Group A, where a file is begun and how it is found, and I, links.

use logtail::plan::First;

use crate::stage::{Arrived, every_way, on_fake};

#[test]
fn a1_a_file_is_read_from_its_head() {
    every_way(&["a.log"], |stage| {
        stage.append("a.log", "1\n2\n3\n");
        stage.start();
        stage.comes(&["1", "2", "3"]);
    });
}

#[test]
fn a2_at_the_end_only_what_is_appended() {
    every_way(&["a.log"], |stage| {
        stage.option(&["-n", "0"], |plan| plan.first = First::LastLines(0));
        stage.append("a.log", "1\n2\n3\n");
        stage.start();
        stage.append("a.log", "4\n5\n");
        stage.comes(&["4", "5"]);
    });
}

#[test]
fn a2_at_the_end_the_rest_of_a_line_whose_beginning_was_not_wanted_is_not_flagged_as_one() {
    every_way(&["a.log"], |stage| {
        stage.option(&["-n", "0"], |plan| plan.first = First::LastLines(0));
        stage.append("a.log", "1\n2, not wanted");
        stage.start();
        stage.append("a.log", ", wanted\n");
        let line = &stage.come(1)[0];
        assert_eq!((line.text().as_str(), line.flags().as_str()), (", wanted", ""));
    });
}

#[test]
fn a3_at_the_end_a_new_file_is_read_from_its_head_all_the_same() {
    every_way(&["*.log"], |stage| {
        stage.option(&["-n", "0"], |plan| plan.first = First::LastLines(0));
        stage.append("a.log", "old\n");
        stage.start();
        stage.append("b.log", "1\n2\n");
        stage.comes(&["1", "2"]);
    });
}

#[test]
fn a4_a_file_that_is_missing_is_waited_for() {
    every_way(&["a.log"], |stage| {
        stage.start();
        stage.says("a.log: no such file yet, waiting");
        stage.append("a.log", "1\n");
        stage.comes(&["1"]);
    });
}

#[test]
fn a7_what_is_appended_between_the_first_read_and_the_watch_is_seen() {
    every_way(&["a.log"], |stage| {
        stage.append("a.log", "1\n");
        stage.start();
        stage.append("a.log", "2\n");
        stage.comes(&["1", "2"]);
    });
}

#[test]
fn a8_what_is_excluded_is_not_read() {
    every_way(&["*.log"], |stage| {
        stage.exclude("b.*");
        for name in ["a.log", "b.log", "c.log"] {
            stage.append(name, &format!("{name}\n"));
        }
        stage.start();
        stage.comes(&["a.log", "c.log"]);
    });
}

#[test]
fn a9_a_file_that_cannot_be_read_is_told_and_read_once_it_can() {
    every_way(&["*.log"], |stage| {
        stage.unprivileged();
        stage.append("a.log", "a\n");
        stage.append("b.log", "b\n");
        stage.permit("a.log", false);
        stage.start();
        stage.comes(&["b"]);
        stage.says("a.log: permission denied");
        stage.append("b.log", "c\n");
        stage.comes(&["c"]);
        stage.permit("a.log", true);
        stage.comes(&["a"]);
        assert_eq!(stage.said_all().matches("permission denied").count(), 1);
    });
}

#[test]
fn a9_a_directory_that_cannot_be_read_is_told_and_the_others_are_read() {
    for pattern in ["*/a.log", "*/*.log", "**/a.log"] {
        every_way(&[pattern], |stage| {
            stage.unprivileged();
            for directory in ["x", "y"] {
                stage.directory(directory);
                stage.append(&format!("{directory}/a.log"), &format!("{directory}\n"));
            }
            stage.permit("y", false);
            stage.start();
            stage.comes(&["x"]);
            stage.says("y: permission denied");
            stage.append("x/a.log", "more\n");
            stage.comes(&["more"]);
            stage.permit("y", true);
            stage.comes(&["y"]);
            assert_eq!(stage.said_all().matches("permission denied").count(), 1, "{}", stage.said_all());
        });
    }
}

#[test]
fn a11_an_empty_file_gives_nothing_and_then_its_lines() {
    every_way(&["a.log"], |stage| {
        stage.create("a.log");
        stage.start();
        stage.append("a.log", "1\n2\n");
        stage.comes(&["1", "2"]);
    });
}

#[test]
fn a12_a_tiny_file_is_read_at_once() {
    on_fake(&["a.log"], |stage| {
        stage.append("a.log", "tiny line\n");
        stage.start();
        assert_eq!(stage.arrived.len(), 1, "with the first look");
        stage.comes(&["tiny line"]);
    });
}

#[test]
fn a14_a_huge_file_does_not_starve_a_small_one() {
    on_fake(&["*.log"], |stage| {
        stage.append("huge.log", &"0123456789\n".repeat(100_000));
        stage.append("small.log", "small\n");
        stage.start();
        let at = stage.arrived.iter().position(|line| line.content == b"small").unwrap();
        assert!(at < 1000, "behind {at} lines");
        stage.come(100_001);
    });
}

#[test]
fn i_a_link_whose_target_appears_later_is_read_from_its_head() {
    every_way(&["a.log"], |stage| {
        stage.link("target", "a.log");
        stage.start();
        stage.append("target", "1\n2\n");
        stage.comes(&["1", "2"]);
    });
}

#[test]
fn i_a_link_and_its_target_that_both_match_are_read_once() {
    every_way(&["*.log"], |stage| {
        stage.append("b.log", "1\n");
        stage.link("b.log", "a.log");
        stage.start();
        stage.comes(&["1"]);
        stage.append("b.log", "2\n");
        stage.comes(&["2"]);
    });
}

#[test]
fn i_two_names_of_one_file_are_read_once() {
    every_way(&["*.log"], |stage| {
        stage.append("b.log", "1\n");
        stage.hard_link("b.log", "a.log");
        stage.start();
        stage.comes(&["1"]);
        stage.append("a.log", "2\n");
        stage.comes(&["2"]);
        stage.remove("a.log");
        stage.append("b.log", "3\n");
        stage.comes(&["3"]);
    });
}

#[test]
fn i_a_link_that_is_turned_to_another_file_is_followed() {
    every_way(&["a.log"], |stage| {
        stage.append("one", "1\n");
        stage.append("two", "2\n");
        stage.link("one", "a.log");
        stage.start();
        stage.comes(&["1"]);
        stage.link("two", "new");
        stage.rename("new", "a.log");
        stage.comes(&["2"]);
        stage.append("one", "3\n");
        stage.comes(&["3"]);
    });
}

#[test]
fn i_what_was_rotated_beside_the_target_of_a_link_is_read() {
    every_way(&["containers/*.log"], |stage| {
        stage.directory("containers");
        stage.directory("pods");
        stage.append("pods/0.log", "1\n");
        stage.link("../pods/0.log", "containers/app.log");
        stage.start();
        let first = stage.come(1);
        assert!(first[0].path.ends_with("containers/app.log"));
        stage.acknowledge();
        stage.kill();
        stage.append("pods/0.log", "2\n");
        stage.rename("pods/0.log", "pods/0.log.20261125-101010");
        stage.append("pods/0.log", "3\n");
        stage.rename("pods/0.log", "pods/0.log.20261125-111111");
        stage.append("pods/0.log", "4\n");
        stage.start();
        let rest = stage.come(3);
        let mut texts: Vec<String> = rest.iter().map(Arrived::text).collect();
        texts.sort();
        assert_eq!(texts, ["2", "3", "4"]);
        assert!(rest.iter().all(|line| line.path.ends_with("containers/app.log")));
    });
}
