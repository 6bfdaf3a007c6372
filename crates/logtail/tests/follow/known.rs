//! How a file is known again where only one part of what is remembered of it tells: its head, a sample from its middle, its
//! last line.

use std::path::Path;

use logline::position::Fid;
use logtail::disk::Disk as _;
use logtail::fingerprint::{Fingerprint, is_prefix};

use crate::fake::Fake;
use crate::field::put;
use crate::stage::{Stage, on_fake};

/// Lines of 64 bytes.
fn lines(name: &str, count: usize) -> String {
    (0..count).map(|number| format!("{name:7} {number:055}\n")).collect()
}

fn text_of(stage: &mut Stage, count: usize) -> String {
    stage.come(count).iter().map(|line| line.text() + "\n").collect()
}

/// A file on the fake disk.
fn file_of(disk: &Fake, path: &str, bytes: &[u8]) -> <Fake as logtail::disk::Disk>::File {
    let mut writer = disk.0.borrow_mut().open(Path::new(path));
    writer.write(&disk.0.borrow(), bytes);
    disk.open(Path::new(path)).unwrap()
}

#[test]
fn a_report_as_long_as_the_one_before_that_differs_in_its_first_line_alone_is_read() {
    on_fake(&["a"], |stage| {
        let rest = lines("total", 10);
        stage.append("a", &format!("report of Monday\n{rest}"));
        stage.start();
        stage.come(11);
        let next = format!("report of Friday\n{rest}");
        stage.overwrite("a", &next);
        assert_eq!(text_of(stage, 11), next);
    });
}

#[test]
fn a_report_as_long_as_the_one_before_that_differs_in_its_middle_alone_is_read() {
    on_fake(&["a"], |stage| {
        let report = |day: &str| lines("banner", 79) + &lines(day, 200) + &lines("the end", 20);
        stage.append("a", &report("Monday"));
        stage.start();
        stage.come(299);
        stage.overwrite("a", &report("Friday"));
        assert_eq!(text_of(stage, 299), report("Friday"));
    });
}

#[test]
fn a_report_that_differs_in_its_first_line_alone_is_another_also_between_a_restart_s_look_and_its_first_read() {
    on_fake(&["a"], |stage| {
        let rest = lines("total", 10);
        stage.append("a", &format!("report of Monday\n{rest}"));
        stage.start();
        let old = stage.come(11)[0].position.fid;
        stage.pass(6);
        stage.kill();
        stage.start_and_look();
        let next = format!("report of Friday\n{rest}and what came later\n");
        stage.overwrite("a", &next);
        let new = stage.come(12);
        assert_eq!(new.iter().map(|line| line.text() + "\n").collect::<String>(), next);
        assert!(new.iter().all(|line| line.position.fid != old), "another content, another name");
    });
}

#[test]
fn what_another_pipeline_gives_back_makes_no_file_another() {
    on_fake(&["a"], |stage| {
        stage.append("a", &lines("line", 320));
        stage.start();
        stage.come(320);
        stage.pass(2);
        let OnDisk { disk, path } = OnDisk::of(stage, "a");
        disk.punch(&disk.open(&path).unwrap(), 4096, 16384).unwrap();
        stage.pass(2);
        stage.append("a", "more\n");
        stage.comes(&["more"]);
        assert_eq!(stage.checkpoint().counters.truncations, 0, "{}", stage.said_all());
    });
}

/// The disk of the stage, and where a name lies on it.
struct OnDisk {
    disk: Fake,
    path: std::path::PathBuf,
}

impl OnDisk {
    fn of(stage: &mut Stage, name: &str) -> Self {
        Self { path: stage.path(name), disk: stage.fake().disk.clone() }
    }
}

#[test]
fn a_copy_without_the_lines_that_came_before_the_truncation_is_not_sent_again() {
    on_fake(&["a"], |stage| {
        stage.append("a", &lines("copied", 100));
        stage.start();
        stage.come(100);
        stage.copy("a", "being-copied");
        stage.append("a", &lines("between", 20));
        stage.come(20);
        stage.rename("being-copied", "a.1");
        stage.overwrite("a", "after\n");
        stage.comes(&["after"]);
        stage.pass(20);
    });
}

#[test]
fn a_shorter_file_is_no_copy_if_no_more_than_the_head_of_it_is_known() {
    let disk = Fake::new();
    let banner = [&[b'x'; 1024][..], b"\n"].concat();
    let lines = [&banner[..], b"a\n", b"b\n"].concat();
    let mut print = Fingerprint::new(Fid(1), 0);
    for (end, line) in [(1025, 0), (1027, 1025), (1029, 1027)] {
        print.read(&lines[..end], 0, Some(line), 64, 1);
        print.extend_head(&lines[..end]);
    }
    let candidate = file_of(&disk, "/log/a.1", &banner);
    assert!(!print.is_copied_to(&disk, &candidate, 1025).unwrap());
    let original = file_of(&disk, "/log/a", &lines);
    assert!(print.stands(&disk, &original).unwrap());
}

#[test]
fn nothing_is_held_by_a_file_that_begins_otherwise_and_no_more_than_what_could_be_compared() {
    let disk = Fake::new();
    let text = lines("line", 200);
    let mut print = Fingerprint::new(Fid(1), 0);
    print.read(&text.as_bytes()[..128], 0, Some(64), 64, 1);
    print.extend_head(text.as_bytes());
    let other = file_of(&disk, "/log/other", text.replacen("line", "LINE", 1).as_bytes());
    assert_eq!(print.holds_up_to(&disk, &other, 12800).unwrap(), None);
    let same = file_of(&disk, "/log/same", text.as_bytes());
    assert_eq!(print.holds_up_to(&disk, &same, 12800).unwrap(), Some(128));
    // What was skipped after that leaves no bytes to compare.
    print.skip_to(8192, b"");
    assert_eq!(print.holds_up_to(&disk, &same, 12800).unwrap(), Some(63));
}

#[test]
fn a_copy_is_known_by_all_that_stands_on_both_sides_of_the_hole_of_its_original() {
    let disk = Fake::new();
    let text = lines("line", 1000).into_bytes();
    let original = file_of(&disk, "/log/a", &text);
    disk.punch(&original, 36864, 49152).unwrap();
    let size = text.len() as u64;
    let is_copy = |name: &str, changed: Option<usize>| {
        let mut text = text.clone();
        if let Some(changed) = changed {
            text[changed] = b'?';
        }
        let candidate = file_of(&disk, name, &text);
        is_prefix(&disk, &candidate, size, &original, 36864..49152).unwrap()
    };
    assert!(is_copy("/log/whole", None));
    assert!(is_copy("/log/within", Some(40000)));
    assert!(!is_copy("/log/before", Some(36863)));
    assert!(!is_copy("/log/behind", Some(49152)));
}

#[test]
fn a_log_that_began_with_an_empty_line_is_read_from_its_first_byte_when_it_is_written_anew() {
    on_fake(&["a"], |stage| {
        stage.append("a", "\nab\n");
        stage.start();
        stage.comes(&["", "ab"]);
        stage.overwrite("a", "new 1\nnew 2\n");
        stage.comes(&["new 1", "new 2"]);
    });
}

#[test]
fn a_log_cut_in_front_of_the_lf_of_its_first_line_gives_that_line_whole() {
    on_fake(&["a"], |stage| {
        stage.append("a", "1\n2\n");
        stage.start();
        stage.comes(&["1", "2"]);
        let OnDisk { disk, path } = OnDisk::of(stage, "a");
        disk.0.borrow_mut().truncate(&path, 1);
        stage.pass(1);
        stage.append("a", " and more\n3\n");
        stage.comes(&["1 and more", "3"]);
    });
}

#[test]
fn a_first_line_that_each_generation_has_comes_again_where_a_long_line_behind_it_is_another() {
    on_fake(&["a"], |stage| {
        stage.append("a", "started\na line that is too long for a footer\n");
        stage.start();
        stage.come(2);
        stage.overwrite("a", "started\nanother one, and even longer than the one before\n");
        stage.comes(&["started", "another one, and even longer than the one before"]);
    });
}

#[test]
fn of_a_footer_whose_last_line_has_no_lf_yet_the_line_before_is_the_one_that_was_taken_back() {
    on_fake(&["a"], |stage| {
        stage.append("a", "[\n{1}\n]\n");
        stage.start();
        stage.comes(&["[", "{1}", "]"]);
        stage.append("a", "end");
        stage.step();
        put(stage, "a", 6, b",{2}\n]\nend");
        stage.comes(&[",{2}", "]"]);
        stage.drain();
        stage.comes(&["end"]);
    });
}

#[test]
fn reading_goes_on_exactly_where_the_line_began_that_was_taken_back() {
    on_fake(&["a"], |stage| {
        stage.append("a", "[\n{1}\n]\n");
        stage.start();
        stage.comes(&["[", "{1}", "]"]);
        put(stage, "a", 6, b",{2}\n]\n");
        stage.comes(&[",{2}", "]"]);
    });
}

/// Lines of equal length whose last 300 bytes are the same in all of them, as fields that never change make them.
fn ends_alike(numbers: std::ops::Range<u32>) -> String {
    let tail = "\"service\":\"checkout\",".repeat(14);
    numbers.map(|number| format!("{{\"n\":\"{number:05}\",{tail}\"env\":\"production\"}}\n")).collect()
}

#[test]
fn w46_lines_that_end_alike_are_told_from_those_in_whose_place_they_stand() {
    for is_down in [false, true] {
        for count in [60, 100] {
            on_fake(&["a"], |stage| {
                stage.append("a", &ends_alike(0..60));
                stage.start();
                stage.come(60);
                stage.acknowledge();
                if is_down {
                    stage.kill();
                }
                stage.unseen(|stage| {
                    stage.copy("a", "a.1");
                    stage.truncate("a");
                    stage.append("a", &ends_alike(100..100 + count));
                });
                if is_down {
                    stage.start();
                }
                let count = usize::try_from(count).unwrap();
                let came = stage.come(count);
                assert!(came[0].text().contains("00100"), "{is_down} {count} {}", came[0].text());
            });
        }
    }
}

#[test]
fn w47_files_of_one_line_that_ends_alike_are_told_apart_when_they_are_compressed_while_down() {
    on_fake(&["a"], |stage| {
        stage.append("a", &ends_alike(0..1));
        stage.start();
        stage.come(1);
        stage.rename("a", "a.1");
        stage.append("a", &ends_alike(1..2));
        stage.come(1);
        stage.pass(60);
        stage.acknowledge();
        stage.kill();
        stage.compress("a.1", "a.4.gz");
        stage.compress("a", "a.3.gz");
        for number in 2..4 {
            stage.append("a", &ends_alike(number..number + 1));
            stage.compress("a", &format!("a.{}.gz", 4 - number));
        }
        stage.append("a", &ends_alike(4..5));
        stage.start();
        let came: Vec<u8> = stage.come(3).iter().flat_map(|line| [&line.content[..], b"\n"].concat()).collect();
        assert_eq!(String::from_utf8(came).unwrap(), ends_alike(2..5));
    });
}
