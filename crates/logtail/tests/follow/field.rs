//! Group W, what the world does: ways in which real software writes, rotates and moves its logs, each from a public report
//! or found by attack.

use std::cell::Cell;
use std::collections::HashSet;
use std::time::Duration;

use logline::position::Fid;
use logtail::plan::Plan;

use crate::fake::Fault;
use crate::stage::{Stage, every_way, on_fake, packed};

const ESTALE: i32 = 116;
const EIO: i32 = 5;

/// So many bytes that a head covers them all: what a program prints at each start.
fn banner() -> String {
    "this program prints the same lines at each start\n".repeat(30)
}

pub fn text_of(numbers: std::ops::Range<u32>) -> String {
    numbers.fold(String::new(), |text, number| text + &format!("line {number} of a log, quite ordinary text\n"))
}

fn lines_of(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// It is killed after all was acknowledged, `body` happens, and it starts again.
pub fn while_down(stage: &mut Stage, body: impl FnOnce(&mut Stage)) {
    stage.acknowledge();
    stage.kill();
    body(stage);
    stage.start();
}

#[test]
fn w1_an_application_that_opens_and_closes_for_each_line_goes_on_after_term() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.fake().run.as_mut().unwrap().drain();
        for number in ["2", "3", "4"] {
            stage.pass(1);
            assert!(!stage.fake().run.as_mut().unwrap().is_drained(), "before {number}");
            stage.append("a", &format!("{number}\n"));
            stage.comes(&[number]);
        }
        stage.pass(3);
        assert!(stage.fake().run.as_mut().unwrap().is_drained());
    });
}

#[test]
fn w33_an_application_renames_its_log_after_term_and_makes_a_new_one_with_its_next_line() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.fake().run.as_mut().unwrap().drain();
        stage.pass(1);
        stage.append("a", "2\n");
        stage.comes(&["2"]);
        stage.rename("a", "a.1");
        stage.pass(1);
        assert!(!stage.fake().run.as_mut().unwrap().is_drained(), "a second after the last line");
        stage.append("a", "3\n");
        stage.comes(&["3"]);
        stage.rename("a", "a.2");
        stage.pass(3);
        assert!(stage.fake().run.as_mut().unwrap().is_drained());
    });
}

#[test]
fn w2_born_filled_and_rotated_while_down_is_read_from_its_head() {
    every_way(&["*.log"], |stage| {
        stage.append("other.log", "o\n");
        stage.start();
        stage.comes(&["o"]);
        while_down(stage, |stage| {
            stage.append("app.log", "1\n2\n");
            stage.rename("app.log", "app.log.1");
            stage.append("app.log", "3\n");
        });
        stage.comes(&["1", "2", "3"]);
    });
}

#[test]
fn w3_born_and_rotated_in_a_new_directory_between_two_looks() {
    every_way(&["*/app.log"], |stage| {
        stage.start();
        stage.unseen(|stage| {
            stage.directory("d");
            stage.append("d/app.log", "1\n");
            stage.rename("d/app.log", "d/app.log.1");
            stage.append("d/app.log", "2\n");
        });
        stage.comes(&["1", "2"]);
    });
}

#[test]
fn w4_a_banner_longer_than_a_head_makes_no_file_the_copy_of_another() {
    every_way(&["a"], |stage| {
        let first = banner() + &text_of(0..60);
        stage.append("a", &first);
        stage.start();
        stage.comes(&lines_of(&first));
        let (second, third) = (banner() + &text_of(100..110), banner() + &text_of(200..205));
        // Twice copied and truncated while down, the first copy being compressed meanwhile.
        while_down(stage, |stage| {
            stage.overwrite("a", &second);
            stage.copy("a", "a.1");
            stage.overwrite("a", &third);
        });
        stage.comes(&lines_of(&(second.clone() + &third)));
    });
}

#[test]
fn w5_a_rotated_name_that_is_a_link_is_not_shipped() {
    every_way(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.directory("elsewhere");
        stage.append("elsewhere/secret", "secret\n");
        stage.start();
        stage.comes(&["1"]);
        stage.link("elsewhere/secret", "a.1");
        stage.rename("a", "a.2");
        stage.append("a", "2\n");
        stage.comes(&["2"]);
        if stage.way == crate::stage::Way::Fake {
            stage.pass(10);
        }
    });
}

/// A directory in which the application writes, and a file that it may not show.
fn shared(stage: &mut Stage) {
    stage.directory("../secret");
    stage.append("../secret/key", "secret\n");
    let directory = stage.path("");
    stage.share(&directory);
}

#[test]
fn w6_a_link_that_leads_out_of_a_shared_directory_is_said_and_not_followed() {
    every_way(&["*.log"], |stage| {
        shared(stage);
        stage.append("a.log", "1\n");
        stage.link("a.log", "inside.log");
        stage.link("../secret/key", "b.log");
        stage.start();
        stage.comes(&["1"]);
        stage.says("b.log: leads to");
    });
}

#[test]
fn w7_a_link_may_lead_where_the_user_says() {
    for patterns in [&["*.log", "b.log"][..], &["*.log"]] {
        every_way(patterns, |stage| {
            shared(stage);
            if patterns.len() == 1 {
                let secret = stage.path("../secret");
                stage.follow_links(&secret);
            }
            stage.link("../secret/key", "b.log");
            stage.start();
            stage.comes(&["secret"]);
        });
    }
}

#[test]
fn w8_a_volume_that_is_mounted_anew_goes_on_where_it_was() {
    on_fake(&["v/a"], |stage| {
        stage.directory("v");
        let path = stage.path("v/a");
        let disk = stage.fake().disk.clone();
        let make = |device, text: &str| {
            let mut store = disk.0.borrow_mut();
            let file = store.create_on(device, 2, &path);
            *file.bytes.borrow_mut() = text.as_bytes().to_vec();
        };
        make(7, &text_of(0..50));
        stage.start();
        stage.comes(&lines_of(&text_of(0..50)));
        while_down(stage, |_| make(8, &text_of(0..60)));
        let came = stage.come(10);
        assert!(came[0].text().starts_with("line 50 "));
        let first = stage.arrived[0].position.fid;
        assert_ne!(came[0].position.fid, first, "identities do not go on");
        stage.pass(70);
        assert!(!stage.said_all().contains("lost"), "{}", stage.said_all());
    });
}

#[test]
fn w9_a_report_that_is_written_again_with_the_same_bytes_under_the_same_inode_is_read_again() {
    for is_down in [false, true] {
        on_fake(&["a"], |stage| {
            stage.fake().disk.0.borrow_mut().reuses_numbers = true;
            stage.append("a", "started\nok\n");
            stage.start();
            stage.comes(&["started", "ok"]);
            stage.pass(3);
            if is_down {
                stage.drain();
                stage.acknowledge();
            }
            stage.remove("a");
            if !is_down {
                stage.pass(3);
            }
            stage.fake().disk.0.borrow_mut().pass(Duration::from_secs(1));
            stage.append("a", "started\nok\n");
            if is_down {
                stage.start();
            }
            stage.comes(&["started", "ok"]);
        });
    }
}

#[test]
fn w10_an_empty_file_that_another_path_shows_is_that_path_s() {
    every_way(&["a.log", "b.log"], |stage| {
        stage.create("a.log");
        stage.create("b.log");
        stage.start();
        stage.unseen(|stage| {
            stage.rename("a.log", "c");
            stage.rename("b.log", "a.log");
            stage.rename("c", "b.log");
            stage.append("a.log", "of a\n");
            stage.append("b.log", "of b\n");
        });
        for line in stage.come(2) {
            let name = line.path.rsplit('/').next().unwrap().to_owned();
            assert_eq!(line.text(), format!("of {}", &name[..1]), "{name}");
        }
    });
}

#[test]
fn w11_a_directory_that_is_away_for_more_than_a_minute_comes_back_as_it_was() {
    on_fake(&["v/*.log"], |stage| {
        stage.directory("v");
        stage.append("v/a.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        let (here, away) = (stage.path("v"), stage.path("w"));
        stage.fake().disk.0.borrow_mut().move_directory(&here, &away);
        stage.pass(70);
        stage.fake().disk.0.borrow_mut().move_directory(&away, &here);
        stage.append("v/a.log", "2\n");
        stage.comes(&["2"]);
    });
}

#[test]
fn w12_an_empty_mount_point_is_no_sign_that_a_file_is_gone() {
    on_fake(&["v/*.log"], |stage| {
        stage.directory("v");
        let path = stage.path("v");
        let log = stage.path("v/a.log");
        let disk = stage.fake().disk.clone();
        disk.0.borrow_mut().mount(&path, 7);
        *disk.0.borrow_mut().create_on(7, 12, &log).bytes.borrow_mut() = b"1\n".to_vec();
        stage.start();
        stage.comes(&["1"]);
        let away = stage.path("kept");
        while_down(stage, |_| {
            disk.0.borrow_mut().rename(&log, &away);
            disk.0.borrow_mut().mount(&path, 1);
        });
        stage.pass(70);
        disk.0.borrow_mut().mount(&path, 7);
        disk.0.borrow_mut().rename(&away, &log);
        stage.append("v/a.log", "2\n");
        stage.comes(&["2"]);
        assert!(!stage.said_all().contains("lost"), "{}", stage.said_all());
    });
}

#[test]
fn w13_a_directory_that_may_not_be_read_for_a_while_forgets_nothing() {
    on_fake(&["v/a"], |stage| {
        stage.directory("v");
        stage.append("v/a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        while_down(stage, |stage| stage.permit("v", false));
        stage.pass(70);
        stage.permit("v", true);
        stage.append("v/a", "2\n");
        stage.comes(&["2"]);
    });
}

#[test]
fn w13_a_directory_below_one_that_may_be_listed_and_not_searched_forgets_nothing() {
    on_fake(&["v/w/a"], |stage| {
        stage.directory("v");
        stage.directory("v/w");
        stage.append("v/w/a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        let (disk, above) = (stage.fake().disk.clone(), stage.path("v"));
        while_down(stage, |_| {
            disk.0.borrow_mut().unsearchable.insert(above);
        });
        stage.pass(70);
        disk.0.borrow_mut().unsearchable.clear();
        stage.append("v/w/a", "2\n");
        stage.comes(&["2"]);
    });
}

#[test]
fn w14_of_a_file_that_is_gone_and_was_acknowledged_nothing_is_called_lost() {
    on_fake(&["d/*.log"], |stage| {
        stage.directory("d");
        stage.append("d/a.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        while_down(stage, |stage| stage.remove("d/a.log"));
        stage.pass(70);
        assert!(!stage.said_all().contains("lost"), "{}", stage.said_all());
        assert_eq!(stage.checkpoint().counters.gaps, 0);
    });
}

#[test]
fn w15_a_known_file_that_was_replaced_and_cannot_be_found_is_a_gap_that_is_said() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        while_down(stage, |stage| {
            stage.remove("a");
            stage.append("a", "2\n");
        });
        stage.comes(&["2"]);
        stage.pass(70);
        stage.says("could not be found again");
        assert_eq!(stage.checkpoint().counters.gaps, 1);
    });
}

/// Writes at an offset of a file that is open in no way, as a network file system's server does.
pub fn put(stage: &mut Stage, name: &str, at: usize, bytes: &[u8]) {
    let path = stage.path(name);
    let store = stage.fake().disk.0.borrow();
    let file = store.file(&path).unwrap();
    let mut content = file.bytes.borrow_mut();
    let end = content.len().max(at + bytes.len());
    content.resize(end, 0);
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

#[test]
fn w16_nul_bytes_at_the_end_are_not_written_yet() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        put(stage, "a", 2, &[0; 4]);
        stage.pass(30);
        put(stage, "a", 2, b"22\n");
        stage.comes(&["22"]);
        put(stage, "a", 5, b"3\n\0\0\0");
        stage.comes(&["3"]);
        assert_eq!(stage.checkpoint().counters.hole_bytes, 0);
    });
}

#[test]
fn w17_nul_bytes_before_other_bytes_that_are_filled_in_a_moment_later_are_no_gap() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        let lines = text_of(0..10);
        put(stage, "a", 2 + 200, &lines.as_bytes()[200..]);
        stage.pass(3);
        put(stage, "a", 2, &lines.as_bytes()[..200]);
        stage.comes(&lines_of(&lines));
        assert_eq!(stage.checkpoint().counters.hole_bytes, 0);
    });
}

#[test]
fn w18_a_rotated_file_is_not_finished_in_front_of_nul_bytes() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        stage.rename("a", "a.1");
        put(stage, "a.1", 2 + 2000, b"2\n");
        stage.append("a", "3\n");
        stage.comes(&["3"]);
        stage.pass(20);
        stage.comes(&["2"]);
    });
}

#[test]
fn w18_nul_bytes_before_a_line_that_stay_are_skipped_and_counted() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        put(stage, "a", 2 + 2000, b"2\n3\n");
        stage.pass(12);
        let came = stage.come(2);
        assert_eq!((came[0].text().as_str(), came[0].position.start), ("2", 2002));
        while_down(stage, |stage| stage.append("a", "4\n"));
        stage.comes(&["4"]);
        assert_eq!(stage.checkpoint().counters.hole_bytes, 2000);
    });
}

#[test]
fn w19_a_page_of_nul_bytes_inside_a_line_cuts_it_and_is_skipped() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\nbegun");
        stage.start();
        stage.comes(&["1"]);
        put(stage, "a", 7 + 400_000, b"rest\n2\n");
        stage.pass(12);
        let came = stage.come(3);
        let told: Vec<(String, String)> = came.iter().map(|line| (line.text(), line.flags())).collect();
        assert_eq!(told[0], ("begun".to_owned(), "p".to_owned()));
        assert_eq!(told[1], ("rest".to_owned(), String::new()));
        assert_eq!(told[2], ("2".to_owned(), String::new()));
        assert_eq!(stage.checkpoint().counters.hole_bytes, 400_000);
    });
}

#[test]
fn w20_a_few_nul_bytes_inside_a_line_are_content() {
    every_way(&["a"], |stage| {
        stage.start();
        stage.append("a", "a\0b\n\0c\n");
        stage.comes(&["a\\x00b", "c"]);
    });
}

#[test]
fn w21_a_file_that_is_filled_up_in_advance_comes_line_by_line_and_once() {
    on_fake(&["a"], |stage| {
        stage.append("a", &"\0".repeat(9000));
        stage.start();
        let text = text_of(0..20);
        let mut at = 0;
        for line in text.lines() {
            put(stage, "a", at, format!("{line}\n").as_bytes());
            at += line.len() + 1;
            stage.comes(&[line]);
        }
        let path = stage.path("a");
        stage.fake().disk.0.borrow_mut().truncate(&path, at);
        stage.pass(3);
        assert_eq!(stage.checkpoint().counters.truncations, 0);
    });
}

#[test]
fn w22_a_size_that_is_told_too_small_is_asked_for_anew() {
    on_fake(&["a"], |stage| {
        stage.append("a", &text_of(0..40));
        stage.start();
        stage.come(40);
        let path = stage.path("a");
        stage.fake().disk.0.borrow().file(&path).unwrap().stale_size.set(Some(100));
        stage.pass(2);
        stage.append("a", "more\n");
        stage.comes(&["more"]);
        assert_eq!(stage.checkpoint().counters.truncations, 0);
    });
}

/// A log that is one JSON array: each entry overwrites the bracket that closes it.
pub fn add_event(stage: &mut Stage, number: usize, at: &mut usize) {
    let comma = if number > 1 { ",\n" } else { "" };
    let entry = format!("{comma}{{\"event\":{number}}}");
    put(stage, "a", *at, format!("{entry}\n]\n").as_bytes());
    *at += entry.len();
    let now = Duration::from_millis(1);
    stage.fake().disk.0.borrow_mut().pass(now);
}

pub fn events(stage: &Stage) -> Vec<String> {
    let lines = stage.arrived.iter().map(|line| String::from_utf8(line.content.clone()).unwrap());
    lines.filter(|line| line.contains("event")).map(|line| line.trim_end_matches(',').to_owned()).collect()
}

#[test]
fn w23_a_last_line_that_its_writer_takes_back_doubles_nothing() {
    on_fake(&["a"], |stage| {
        stage.append("a", "[\n");
        let mut at = 2;
        stage.start();
        for number in 1..=60 {
            add_event(stage, number, &mut at);
            stage.pass(1);
            stage.come_at_least(0);
            assert_eq!(events(stage).len(), number, "each event comes at once");
        }
        let expected: Vec<String> = (1..=60).map(|number| format!("{{\"event\":{number}}}")).collect();
        assert_eq!(events(stage), expected);
        assert_eq!(stage.checkpoint().counters.possible_loss_bytes, 0);
        stage.drain();
        stage.come_at_least(0);
    });
}

#[test]
fn w24_a_last_line_taken_back_before_it_was_acknowledged_is_not_lost_by_a_kill() {
    on_fake(&["a"], |stage| {
        stage.append("a", "[\n");
        let mut at = 2;
        stage.start();
        add_event(stage, 1, &mut at);
        stage.pass(2);
        stage.acknowledge();
        for number in 2..=4 {
            add_event(stage, number, &mut at);
            stage.pass(2);
        }
        stage.kill();
        stage.forget_arrived();
        stage.start();
        stage.pass(3);
        let again = events(stage);
        for number in 2..=4 {
            assert!(again.contains(&format!("{{\"event\":{number}}}")), "{number}: {again:?} {}", stage.said_all());
        }
        stage.drain();
        stage.come_at_least(0);
    });
}

#[test]
fn w25_a_longer_copy_in_the_place_of_its_original_goes_on_where_that_ended() {
    every_way(&["a"], |stage| {
        let text = text_of(0..100);
        stage.append("a", &text);
        stage.start();
        stage.come(100);
        stage.unseen(|stage| {
            stage.copy("a", "new");
            stage.append("new", "more\n");
            stage.rename("new", "a");
        });
        let came = stage.come(1);
        assert_eq!(came[0].text(), "more");
        assert_ne!(came[0].position.fid, stage.arrived[0].position.fid, "identities do not go on");
    });
}

/// Nothing of the copy comes but what is new in it.
fn w34(boot: &'static str) {
    on_fake(&["a"], |stage| {
        stage.append("a", &text_of(0..100));
        stage.start();
        stage.come(100);
        for line in ["more", "still more"] {
            while_down(stage, |stage| {
                stage.copy("a", "new");
                stage.append("new", &format!("{line}\n"));
                stage.rename("new", "a");
                stage.fake().boot = boot;
            });
            stage.comes(&[line]);
        }
        let fids: HashSet<Fid> = stage.arrived.iter().map(|line| line.position.fid).collect();
        assert_eq!(fids.len(), 3, "identities do not go on");
        stage.pass(70);
        assert!(!stage.said_all().contains("lost"), "{}", stage.said_all());
        assert_eq!(stage.checkpoint().counters.gaps, 0);
    });
}

#[test]
fn w34_a_longer_copy_made_while_logtail_was_down_goes_on_where_the_original_was_acknowledged() {
    w34("boot");
    w34("another");
}

#[test]
fn w35_a_copy_whose_original_still_has_a_name_beside_it_is_read_whole() {
    on_fake(&["a"], |stage| {
        let text = text_of(0..100);
        stage.append("a", &text);
        stage.start();
        stage.come(100);
        while_down(stage, |stage| {
            stage.copy("a", "new");
            stage.append("new", "more\n");
            stage.rename("a", "a.1");
            stage.rename("new", "a");
        });
        stage.comes(&lines_of(&(text + "more\n")));
    });
}

#[test]
fn w36_a_log_that_begins_as_an_earlier_one_did_is_not_cut_where_that_was_taken_up() {
    on_fake(&["a"], |stage| {
        stage.append("a", "header\n");
        stage.start();
        stage.comes(&["header"]);
        stage.append("a", "\n");
        stage.comes(&[""]);
        while_down(stage, |stage| stage.fake().boot = "another");
        stage.pass(2);
        while_down(stage, |stage| {
            stage.fake().boot = "a third";
            stage.overwrite("a", "header\nkept whole\n");
        });
        stage.comes(&["kept whole"]);
    });
}

#[test]
fn w37_a_copy_made_before_this_run_has_read_is_known_by_what_the_run_before_read() {
    on_fake(&["a"], |stage| {
        stage.append("a", "the only line\n");
        stage.start();
        let first = stage.come(1);
        stage.kill();
        stage.start_and_look();
        stage.copy("a", "a.1");
        stage.overwrite("a", "the next\nand more\n");
        let lines = stage.come(3);
        let again = lines.iter().find(|line| line.text() == "the only line").unwrap();
        assert_eq!(again.position, first[0].position);
    });
}

#[test]
fn w39_a_log_that_has_got_the_inode_of_an_earlier_one_is_read_from_its_first_byte() {
    let with = |has_births: bool, first: &'static str, others: &'static str| {
        on_fake(&["a"], |stage| {
            let mut store = stage.fake().disk.0.borrow_mut();
            (store.reuses_numbers, store.no_births) = (true, !has_births);
            drop(store);
            stage.append("a", first);
            stage.start();
            stage.come(1);
            while_down(stage, |stage| stage.fake().boot = "another");
            stage.pass(2);
            while_down(stage, |stage| {
                stage.fake().boot = "a third";
                stage.remove("a");
                stage.append("a", others);
            });
            stage.comes(&lines_of(others));
        });
    };
    with(true, "header\n", "header\nkept whole\n");
    with(false, "\n", "kept whole\n");
}

#[test]
fn w40_of_logs_that_begin_alike_what_is_compressed_is_the_one_of_which_most_was_read() {
    on_fake(&["a.log"], |stage| {
        stage.append("a.log", "header\n");
        stage.start();
        stage.comes(&["header"]);
        while_down(stage, |stage| {
            stage.remove("a.log");
            stage.append("a.log", &format!("header\n{}", text_of(0..100)));
        });
        stage.come(101);
        stage.unseen(|stage| {
            stage.rename("a.log", "a.log.1");
            stage.compress("a.log.1", "a.log.1.gz");
            stage.append("a.log", "next\n");
        });
        stage.pass(70);
        stage.comes(&["next"]);
    });
}

#[test]
fn w40_of_logs_that_begin_alike_a_copy_is_one_of_that_of_which_most_was_read() {
    on_fake(&["a.log"], |stage| {
        stage.append("a.log", &format!("header\n{}", text_of(0..100)));
        stage.start();
        stage.come(101);
        stage.rename("a.log", "a.log.1");
        stage.append("a.log", "header\n");
        stage.comes(&["header"]);
        while_down(stage, |stage| {
            stage.compress("a.log.1", "a.log.1.gz");
            stage.overwrite("a.log", "another line\n");
        });
        stage.pass(70);
        stage.comes(&["another line"]);
    });
}

#[test]
fn w41_a_log_that_has_got_the_inode_of_what_was_compressed_in_the_meantime_is_read() {
    on_fake(&["a.log"], |stage| {
        stage.fake().disk.0.borrow_mut().reuses_numbers = true;
        stage.append("a.log", &text_of(0..100));
        stage.start();
        stage.come(100);
        while_down(stage, |stage| {
            stage.append("a.log", "the rest\n");
            stage.rename("a.log", "a.log.1");
            stage.compress("a.log.1", "a.log.1.gz");
        });
        stage.comes(&["the rest"]);
        stage.append("a.log", "of the next log\n");
        stage.comes(&["of the next log"]);
    });
}

#[test]
fn w42_a_log_that_was_there_before_brings_what_is_new_in_it_also_if_it_was_compressed() {
    on_fake(&["a.log"], |stage| {
        stage.append("a.log.1", &text_of(0..60));
        stage.append("a.log", "1\n");
        stage.start();
        stage.comes(&["1"]);
        let older = stage.fake().kept.files.current.clone();
        stage.append("a.log.1", "late\n");
        stage.comes(&["late"]);
        while_down(stage, |stage| {
            // The state may be older than what was delivered.
            stage.fake().kept.files.current = older;
            stage.append("a.log.1", "later\n");
            stage.compress("a.log.1", "a.log.1.gz");
        });
        stage.pass(70);
        stage.comes(&["later"]);
    });
}

#[test]
fn w43_what_begins_with_all_that_a_finished_log_held_is_no_copy_of_it_where_logs_begin_alike() {
    on_fake(&["a.log"], |stage| {
        let banner = text_of(0..100);
        stage.append("a.log", &banner);
        stage.start();
        stage.come(100);
        stage.rename("a.log", "a.log.1");
        stage.append("a.log", &format!("{banner}A1\n"));
        stage.come(101);
        stage.pass(20);
        while_down(stage, |stage| {
            stage.compress("a.log.1", "a.log.3.gz");
            stage.append("a.log", "A2\n");
            stage.rename("a.log", "a.log.2");
            stage.compress("a.log.2", "a.log.2.gz");
            stage.append("a.log", &format!("{banner}B\n"));
            stage.rename("a.log", "a.log.1");
            stage.compress("a.log.1", "a.log.1.gz");
            stage.append("a.log", &format!("{banner}C\n"));
        });
        stage.pass(70);
        let mut lines = vec!["A2"];
        for last in ["B", "C"] {
            lines.extend(lines_of(&banner));
            lines.push(last);
        }
        stage.comes(&lines);
    });
}

#[test]
fn w43_a_log_with_lines_of_its_own_is_known_in_a_longer_copy_although_all_begin_alike() {
    for is_packed in [false, true] {
        on_fake(&["a.log"], |stage| {
            let banner = text_of(0..100);
            stage.append("a.log", &format!("{banner}{}", text_of(1000..1500)));
            stage.start();
            stage.come(600);
            stage.rename("a.log", "a.log.1");
            stage.append("a.log", &format!("{banner}{}", text_of(2000..2500)));
            stage.come(600);
            stage.pass(20);
            while_down(stage, |stage| {
                if is_packed {
                    stage.append("a.log.1", "more\n");
                    stage.compress("a.log.1", "a.log.1.gz");
                } else {
                    stage.copy("a.log", "new");
                    stage.append("new", "more\n");
                    stage.rename("new", "a.log");
                }
            });
            stage.pass(70);
            stage.comes(&["more"]);
        });
    }
}

#[test]
fn w44_the_size_of_new_content_never_counts_as_vanished() {
    on_fake(&["a"], |stage| {
        stage.append("a", &text_of(0..100));
        stage.start();
        stage.come(100);
        for round in 1..4 {
            let text = text_of(1000 * round..1000 * round + 100 + 50 * round);
            stage.overwrite("a", &text);
            stage.comes(&lines_of(&text));
            stage.pass(70);
        }
        assert!(!stage.said_all().contains("vanished"), "{}", stage.said_all());
    });
}

#[test]
fn w26_a_report_of_the_same_length_in_the_place_of_another_is_read() {
    every_way(&["a"], |stage| {
        let text = text_of(0..100);
        stage.append("a", &text);
        stage.start();
        stage.come(100);
        stage.unseen(|stage| {
            stage.copy("a", "new");
            stage.rename("new", "a");
        });
        stage.comes(&lines_of(&text));
    });
}

/// The next call of logtail fails so.
fn fail_next(stage: &mut Stage, errno: i32, stays: bool) {
    let mut store = stage.fake().disk.0.borrow_mut();
    store.fault = Some(Fault { call: store.calls + 1, errno, stays });
}

#[test]
fn w27_a_handle_that_the_server_has_forgotten_is_given_up_and_the_path_opened_again() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        for number in 2..20 {
            // Another call fails each time.
            let mut store = stage.fake().disk.0.borrow_mut();
            store.fault = Some(Fault { call: store.calls + number, errno: ESTALE, stays: false });
            drop(store);
            stage.append("a", &format!("{number}\n"));
            stage.comes(&[&number.to_string()]);
        }
        assert!(!stage.said_all().contains("lost"), "{}", stage.said_all());
    });
}

#[test]
fn w28_a_disk_that_fails_is_said_once_and_read_on_when_it_is_well() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n");
        stage.start();
        stage.comes(&["1"]);
        fail_next(stage, EIO, true);
        stage.append("a", "2\n");
        stage.pass(30);
        assert_eq!(stage.said_all().matches("a: input/output error").count(), 1, "{}", stage.said_all());
        stage.fake().disk.0.borrow_mut().fault = None;
        stage.comes(&["2"]);
    });
}

#[test]
fn w29_more_files_than_may_be_open_are_read_in_turn() {
    fn few(plan: &mut Plan) {
        plan.most_open = 10;
    }
    on_fake(&["*.log"], |stage| {
        stage.option(&[], few);
        let name = |number: usize| format!("{number:03}.log");
        for number in 0..100 {
            stage.append(&name(number), &format!("first {number}\n"));
        }
        stage.start();
        stage.come(100);
        assert!(stage.open_files() <= 10, "{}", stage.open_files());
        for number in 0..100 {
            stage.append(&name(number), &format!("second {number}\n"));
        }
        stage.come(100);
        stage.says("waits for its turn, and others may: 10 files may be open at a time");
    });
}

#[test]
fn w30_the_state_s_own_files_are_not_followed() {
    every_way(&["*"], |stage| {
        stage.keep_state_among_the_logs();
        stage.append("a", "1\n");
        stage.append("files.txt", "2\n");
        stage.start();
        stage.comes_in_any_order(&["1", "2"]);
    });
}

#[test]
fn w31_a_last_line_without_its_lf_leaves_after_a_while_if_that_is_asked_for() {
    fn after(plan: &mut Plan) {
        plan.partial_after = Some(Duration::from_secs(2));
    }
    every_way(&["a"], |stage| {
        stage.option(&["--partial-after", "2s"], after);
        stage.append("a", "1\nlast");
        stage.start();
        let came = stage.come(2);
        assert_eq!((came[1].text().as_str(), came[1].flags().as_str()), ("last", "p"));
        stage.append("a", " of it\n");
        let came = stage.come(1);
        assert_eq!((came[0].text().as_str(), came[0].flags().as_str()), (" of it", "c"));
    });
}

#[test]
fn w31_a_last_line_that_cannot_be_read_when_it_is_to_leave_stays_whole() {
    let failed = Cell::new(0);
    for call in 1..30 {
        on_fake(&["a"], |stage| {
            stage.option(&[], |plan| plan.partial_after = Some(Duration::from_secs(2)));
            stage.append("a", "1\nlast");
            stage.start();
            stage.comes(&["1"]);
            let disk = stage.fake().disk.clone();
            disk.0.borrow_mut().pass(Duration::from_secs(5));
            let call = disk.0.borrow().calls + call;
            disk.0.borrow_mut().fault = Some(Fault { call, errno: EIO, stays: false });
            stage.step();
            let has_left = stage.arrived.len() > 1;
            failed.set(failed.get() + u32::from(!has_left));
            stage.append("a", " of it\n");
            let expected = if has_left { &["last", " of it"][..] } else { &["last of it"] };
            stage.comes(expected);
        });
    }
    assert!(failed.get() > 0, "no call matters");
}

#[test]
fn w32_a_boot_whose_id_cannot_be_read_may_be_another() {
    on_fake(&["a"], |stage| {
        stage.fake().boot = "";
        stage.append("a", "1\n");
        stage.start();
        let first = stage.come(1)[0].position.fid;
        while_down(stage, |stage| stage.append("a", "2\n"));
        let came = stage.come(1);
        assert_eq!(came[0].text(), "2");
        assert_ne!(came[0].position.fid, first);
    });
}

#[test]
fn w38_what_was_compressed_before_anyone_looked_stays_left_out_in_another_boot_or_mounted_anew() {
    let log = |stage: &mut Stage, device: u64, text: &str| {
        let (path, older) = (stage.path("v/a.log"), stage.path("v/a.log.1.gz"));
        let mut store = stage.fake().disk.0.borrow_mut();
        *store.create_on(device, 2, &older).bytes.borrow_mut() = packed(text_of(0..400).as_bytes());
        *store.create_on(device, 3, &path).bytes.borrow_mut() = text.as_bytes().to_vec();
    };
    for pattern in ["v/a.log", "v/*"] {
        for (boot, device) in [("another", 7), ("boot", 8)] {
            on_fake(&[pattern], |stage| {
                stage.fake().disk.0.borrow_mut().no_births = true;
                stage.directory("v");
                log(stage, 7, "new\n");
                stage.start();
                stage.comes(&["new"]);
                while_down(stage, |stage| {
                    log(stage, device, "new\nnewer\n");
                    stage.fake().boot = boot;
                });
                stage.pass(70);
                stage.comes(&["newer"]);
            });
        }
    }
}
