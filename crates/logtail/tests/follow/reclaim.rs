//! Group R, giving disk space back.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logline::position::Fid;
use logtail::disk::Disk as _;
use logtail::emit::Shape;
use logtail::file::{Generation, Progress, Reading};
use logtail::hole::first_offset;
use logtail::plan::Plan;
use logtail::system::System;
use logtail::terms::{Keep, Terms};

use crate::fake::Store;
use crate::stage::{Stage, Way, every_way, on_fake};

/// Steps of one block, so that small files do.
fn reclaim(plan: &mut Plan, keep: Keep) {
    plan.reclaim = Some(Terms { keep, step: 4096 });
}

fn all(plan: &mut Plan) {
    reclaim(plan, Keep::Size(0));
}

/// Lines of 100 bytes each, numbered from `first` on.
fn lines(first: usize, count: usize) -> String {
    let mut text = String::new();
    for number in first..first + count {
        let _ = writeln!(text, "{number:099}");
    }
    text
}

/// Writes lines, which come and are acknowledged, and lets time pass.
fn deliver(stage: &mut Stage, first: usize, count: usize) {
    stage.append("a", &lines(first, count));
    stage.come(count);
    stage.pass(2);
    stage.acknowledge();
    stage.pass(4);
}

/// The end of the hole in the file, which must begin where it may.
fn hole_of(stage: &Stage, name: &str) -> Option<usize> {
    let content = stage.content(name);
    let begin = content.iter().position(|byte| *byte == 0)?;
    assert_eq!(begin, begin_of(stage, name));
    let length = content[begin..].iter().position(|byte| *byte != 0).unwrap_or(content.len() - begin);
    Some(begin + length)
}

/// Where the hole in the file begins: the blocks of a real disk may be large.
fn begin_of(stage: &Stage, name: &str) -> usize {
    let block = if stage.way == Way::Fake { 4096 } else { System.stat(&stage.path(name)).unwrap().block };
    usize::try_from(first_offset(0, block)).unwrap()
}

#[test]
fn r1_what_is_delivered_is_given_back_a_step_behind_what_is_said() {
    on_fake(&["a"], |stage| {
        stage.option(&[], all);
        stage.start();
        deliver(stage, 0, 1000);
        deliver(stage, 1000, 1000);
        let said = stage.checkpoint().entries[0].freed;
        let hole = hole_of(stage, "a").unwrap() as u64;
        assert!(hole >= 90_000 && hole <= said && said <= 200_000 - 4096, "{hole} {said}");
        assert!(stage.checkpoint().counters.freed_bytes >= hole - 4096);
        deliver(stage, 2000, 1000);
        stage.end();
        assert_eq!(stage.said_all().matches("truncated").count(), 0);
    });
}

/// Just before each hole is made the log gets one line more.
fn write_before_each_hole(store: &mut Store, path: PathBuf) {
    store.before_punch = Some(Box::new(move |store| {
        store.open(&path).write(store, b"in that moment\n");
        write_before_each_hole(store, path.clone());
    }));
}

#[test]
fn r1_a_hole_is_made_once_and_what_comes_in_that_moment_is_read() {
    on_fake(&["a"], |stage| {
        stage.option(&[], all);
        stage.start();
        deliver(stage, 0, 1000);
        let path = stage.path("a");
        write_before_each_hole(&mut stage.fake().disk.0.borrow_mut(), path);
        stage.append("a", &lines(1000, 1000));
        stage.come_at_least(1000);
        stage.pass(2);
        stage.acknowledge();
        stage.pass(20);
        let holes = stage.fake().disk.0.borrow().punched.len();
        stage.pass(20);
        assert_eq!(stage.fake().disk.0.borrow().punched.len(), holes);
        stage.come_at_least(0);
        let content = String::from_utf8(stage.content("a")).unwrap();
        let came = stage.arrived.iter().filter(|line| line.text() == "in that moment").count();
        assert!(came > 0);
        assert_eq!(came, content.matches("in that moment\n").count());
    });
}

#[test]
fn r2_nothing_is_given_back_that_is_not_acknowledged() {
    on_fake(&["a"], |stage| {
        stage.option(&[], all);
        stage.start();
        stage.append("a", &lines(0, 1000));
        stage.come(1000);
        stage.pass(60);
        assert_eq!(hole_of(stage, "a"), None);
        stage.acknowledge_first(500);
        stage.pass(60);
        stage.append("a", &lines(1000, 1000));
        stage.come(1000);
        stage.pass(60);
        assert!(hole_of(stage, "a").is_some_and(|end| end < 50_000));
        stage.end();
    });
}

#[test]
fn r3_the_newest_bytes_stay_and_generations_of_a_path_count_as_one_log() {
    on_fake(&["a"], |stage| {
        stage.option(&[], |plan| reclaim(plan, Keep::Size(150_000)));
        stage.start();
        deliver(stage, 0, 1000);
        stage.rename("a", "a.1");
        deliver(stage, 1000, 1000);
        deliver(stage, 2000, 10);
        stage.pass(30);
        assert_eq!(hole_of(stage, "a"), None);
        let end = hole_of(stage, "a.1").unwrap();
        assert!((45_000..=51_200).contains(&end), "{end}");
        stage.end();
    });
}

#[test]
fn r4_what_was_read_lately_stays_and_a_clock_that_is_set_forward_makes_nothing_older() {
    on_fake(&["a"], |stage| {
        stage.option(&[], |plan| reclaim(plan, Keep::Time(Duration::from_secs(3600))));
        stage.start();
        for part in 0..10 {
            deliver(stage, part * 100, 100);
        }
        assert_eq!(hole_of(stage, "a"), None);
        stage.fake().disk.0.borrow_mut().clock_ahead = 7200;
        deliver(stage, 1000, 100);
        deliver(stage, 1100, 100);
        assert_eq!(hole_of(stage, "a"), None);
        stage.fake().disk.0.borrow_mut().clock_ahead = 0;
        stage.fake().disk.0.borrow_mut().pass(Duration::from_secs(3500));
        for part in 12..20 {
            deliver(stage, part * 100, 100);
        }
        stage.fake().disk.0.borrow_mut().pass(Duration::from_secs(100));
        deliver(stage, 2000, 100);
        deliver(stage, 2100, 100);
        let end = hole_of(stage, "a").unwrap();
        assert!((80_000..=130_000).contains(&end), "{end}");
        stage.end();
    });
}

#[test]
fn r5_a_finished_file_is_given_back_to_its_last_whole_block() {
    on_fake(&["a"], |stage| {
        stage.option(&[], all);
        stage.start();
        deliver(stage, 0, 1000);
        stage.rename("a", "a.1");
        stage.pass(5);
        stage.append("a", "new\n");
        stage.comes(&["new"]);
        stage.pass(30);
        assert_eq!(hole_of(stage, "a.1"), Some((100_000 - 64) / 4096 * 4096));
        stage.end();
        assert_eq!(stage.checkpoint().counters.truncations, 0);
    });
}

#[test]
fn r6_a_restart_goes_on_behind_the_hole_also_where_the_checkpoint_is_older() {
    on_fake(&["a"], |stage| {
        stage.option(&[], all);
        stage.start();
        deliver(stage, 0, 1000);
        deliver(stage, 1000, 1000);
        deliver(stage, 2000, 1000);
        stage.kill();
        for is_older in [false, true] {
            if is_older {
                let files = &mut stage.fake().kept.files;
                files.current.clone_from(&files.previous);
            }
            stage.start();
            stage.append("a", "more\n");
            stage.comes(&["more"]);
            stage.pass(2);
            stage.acknowledge();
            stage.kill();
        }
        assert_eq!(stage.said_all().matches("truncated").count(), 0, "{}", stage.said_all());
        assert_eq!(stage.checkpoint().counters.truncations, 0);
    });
}

#[test]
fn r7_acknowledgements_that_are_taken_back_lead_over_the_hole() {
    on_fake(&["a"], |stage| {
        stage.option(&[], all);
        stage.start();
        deliver(stage, 0, 1000);
        let acks = stage.fake().kept.acks.clone();
        deliver(stage, 1000, 1000);
        deliver(stage, 2000, 1000);
        stage.kill();
        let end = hole_of(stage, "a").unwrap();
        assert!(end > 110_000, "{end}");
        stage.fake().kept.acks = acks;
        stage.start();
        let first = end.div_ceil(100);
        let again: Vec<String> = (first..3000).map(|number| format!("{number:099}")).collect();
        stage.comes(&again.iter().map(String::as_str).collect::<Vec<_>>());
        stage.says(&format!("bytes 4096 to {end} were given back after delivery"));
        stage.end();
        assert_eq!(stage.checkpoint().counters.truncations, 0);
    });
}

#[test]
fn r8_a_path_that_is_truncated_or_copied_keeps_its_space_which_is_said_once() {
    on_fake(&["a"], |stage| {
        stage.option(&[], all);
        stage.start();
        deliver(stage, 0, 100);
        stage.copy("a", "a.1");
        stage.pass(10);
        stage.truncate("a");
        stage.pass(10);
        for part in 0..5 {
            deliver(stage, part * 1000, 1000);
        }
        stage.kill();
        stage.start();
        deliver(stage, 9000, 1000);
        assert_eq!(hole_of(stage, "a"), None);
        assert_eq!(stage.said_all().matches("no disk space of it is given back").count(), 2, "once in each run");
        stage.end();
    });
}

#[test]
fn r9_a_copy_that_was_made_before_the_hole_is_known_as_a_copy_after_it() {
    on_fake(&["a"], |stage| {
        stage.option(&[], all);
        stage.start();
        deliver(stage, 0, 1000);
        let copy = String::from_utf8(stage.content("a")).unwrap();
        deliver(stage, 1000, 1000);
        assert!(hole_of(stage, "a").is_some());
        stage.append("a.1", &copy);
        stage.pass(20);
        stage.append("a", "more\n");
        stage.comes(&["more"]);
        stage.end();
    });
}

#[test]
fn r10_hard_links_keep_their_blocks() {
    on_fake(&["a"], |stage| {
        stage.option(&[], all);
        stage.start();
        stage.append("a", "0\n");
        stage.comes(&["0"]);
        stage.hard_link("a", "backup");
        deliver(stage, 0, 1000);
        deliver(stage, 1000, 1000);
        assert_eq!(hole_of(stage, "a"), None);
        stage.says("a: no disk space of it is given back: it has several names");
        stage.end();
    });
}

#[test]
fn r11_a_file_system_that_cannot_and_a_file_that_must_not_are_told_once_and_all_else_goes_on() {
    for errno in [95, 1, 30, 13] {
        on_fake(&["a"], |stage| {
            stage.option(&[], all);
            stage.fake().disk.0.borrow_mut().no_holes = Some(errno);
            stage.start();
            for part in 0..4 {
                deliver(stage, part * 1000, 1000);
            }
            assert_eq!(hole_of(stage, "a"), None);
            assert_eq!(stage.said_all().matches("a hole cannot be made").count(), 1, "{}", stage.said_all());
            stage.end();
            assert_eq!((stage.checkpoint().counters.freed_bytes, stage.checkpoint().entries[0].freed), (0, 0));
        });
    }
}

#[test]
fn r12_a_truncation_between_check_and_punch_is_told_and_counted() {
    on_fake(&["a"], |stage| {
        stage.option(&[], all);
        stage.start();
        deliver(stage, 0, 1000);
        let path = stage.path("a");
        stage.fake().disk.0.borrow_mut().before_punch = Some(Box::new(move |store| {
            store.truncate(&path, 0);
            let mut writer = store.open(&path);
            writer.write(store, "new\n".repeat(2000).as_bytes());
        }));
        stage.append("a", &lines(1000, 1000));
        stage.acknowledge();
        stage.pass(10);
        stage.says(
            "has been truncated or rewritten while its delivered part was given back, 3904 new bytes may be lost",
        );
        assert!(stage.checkpoint().counters.possible_loss_bytes >= 3904);
        stage.come_at_least(1);
    });
}

#[test]
fn r13_what_the_first_start_left_out_is_not_given_back() {
    on_fake(&["a"], |stage| {
        stage.option(&[], |plan| {
            all(plan);
            plan.first = logtail::plan::First::LastLines(0);
        });
        stage.append("a", &lines(0, 1000));
        stage.start();
        stage.pass(2);
        deliver(stage, 1000, 1000);
        deliver(stage, 2000, 1000);
        let content = stage.content("a");
        assert!(!content[..100_000].contains(&0));
        assert_eq!(content.iter().position(|byte| *byte == 0), Some(100_000_usize.next_multiple_of(4096)));
        stage.kill();
        stage.start();
        deliver(stage, 3000, 1000);
        stage.end();
    });
}

#[test]
fn r14_logs_of_a_container_runtime_are_left_alone() {
    on_fake(&["a"], |stage| {
        stage.option(&[], all);
        stage.append("a", "2026-11-29T11:35:47.123456789Z stdout F hello\n");
        stage.start();
        stage.come(1);
        deliver(stage, 0, 1000);
        deliver(stage, 1000, 1000);
        assert_eq!(hole_of(stage, "a"), None);
        stage.says("a container's runtime writes it");
        stage.end();
    });
}

#[test]
fn r15_when_the_checkpoint_cannot_be_written_the_step_that_is_held_back_is_freed() {
    on_fake(&["a"], |stage| {
        stage.option(&[], all);
        stage.start();
        deliver(stage, 0, 1000);
        let before = hole_of(stage, "a").unwrap_or(0);
        let said = usize::try_from(stage.checkpoint().entries[0].freed).unwrap();
        assert!(said > before, "{said} {before}");
        stage.fake().run.as_mut().unwrap().fails_to_save(true);
        stage.append("a", "more\n");
        stage.comes(&["more"]);
        stage.pass(2);
        assert_eq!(hole_of(stage, "a"), Some(said));
        stage.fake().run.as_mut().unwrap().fails_to_save(false);
        stage.end();
    });
}

#[test]
fn r16_the_program_gives_back_and_reads_over_the_hole() {
    every_way(&["a"], |stage| {
        stage.option(&["--reclaim", "0"], |plan| plan.reclaim = Some(Terms::new(Keep::Size(0))));
        let text = lines(0, 40_000);
        stage.append("a", &text[..3_999_800]);
        for run in 0..3 {
            stage.start();
            if run > 0 {
                stage.append("a", &lines(39_997 + run, 1));
            }
            stage.come(if run == 0 { 39_998 } else { 1 });
            stage.drain();
            stage.acknowledge();
        }
        let content = stage.content("a");
        assert_eq!(content.len(), text.len());
        let (begin, end) = (begin_of(stage, "a"), hole_of(stage, "a").unwrap());
        assert!(end >= 4_000_000 - (3 << 20), "{end}");
        assert!(content[..begin] == text.as_bytes()[..begin] && content[end..] == text.as_bytes()[end..]);
        stage.start();
        stage.append("a", "more\n");
        stage.comes(&["more"]);
        stage.end();
        assert!(stage.checkpoint().counters.freed_bytes >= (end - begin) as u64);
    });
}

#[test]
fn r19_a_clock_that_is_set_while_nothing_runs_makes_nothing_older() {
    on_fake(&["a"], |stage| {
        stage.option(&[], |plan| reclaim(plan, Keep::Time(Duration::from_secs(3600))));
        stage.start();
        for part in 0..10 {
            deliver(stage, part * 100, 100);
        }
        stage.kill();
        stage.fake().disk.0.borrow_mut().clock_ahead = 7200;
        stage.start();
        deliver(stage, 1000, 100);
        deliver(stage, 1100, 100);
        assert_eq!(hole_of(stage, "a"), None);
        // What was read since is not younger than it is either.
        stage.fake().disk.0.borrow_mut().clock_ahead = 0;
        stage.kill();
        stage.fake().disk.0.borrow_mut().pass(Duration::from_secs(3600));
        stage.start();
        deliver(stage, 1200, 100);
        deliver(stage, 1300, 100);
        let end = hole_of(stage, "a").unwrap();
        assert!((80_000..=120_000).contains(&end), "{end}");
        stage.end();
    });
}

#[test]
fn r20_after_a_power_loss_each_copy_of_the_checkpoint_leads_behind_the_hole() {
    for is_older in [false, true] {
        on_fake(&["a"], |stage| {
            stage.option(&[], all);
            stage.start();
            for part in 0..3 {
                deliver(stage, part * 1000, 1000);
            }
            stage.kill();
            assert!(hole_of(stage, "a").is_some());
            stage.fake().boot = "another";
            if is_older {
                let files = &mut stage.fake().kept.files;
                files.current = files.previous.take();
            }
            stage.start();
            stage.append("a", "more\n");
            stage.comes(&["more"]);
            deliver(stage, 3000, 1000);
            stage.end();
            assert_eq!(stage.checkpoint().counters.truncations, 0);
            assert_eq!(stage.said_all().matches("truncated").count(), 0, "{}", stage.said_all());
        });
    }
}

#[test]
fn r25_after_a_restart_of_the_machine_what_stood_behind_the_hole_is_given_back_too() {
    on_fake(&["a"], |stage| {
        stage.option(&[], all);
        stage.start();
        for part in 0..3 {
            deliver(stage, part * 1000, 1000);
        }
        for (boot, part) in [("another", 3), ("a third", 5)] {
            let before = hole_of(stage, "a").unwrap();
            stage.kill();
            stage.fake().boot = boot;
            stage.start();
            // The last bytes in front of the end come again.
            stage.pass(2);
            stage.arrived.clear();
            stage.forget_arrived();
            deliver(stage, part * 1000, 1000);
            deliver(stage, (part + 1) * 1000, 1000);
            let end = hole_of(stage, "a").unwrap();
            assert!(end >= before + 150_000, "{before} {end}");
        }
        stage.end();
    });
}

#[test]
fn r21_a_log_that_a_power_loss_left_shorter_than_its_hole_loses_nothing_new() {
    for size in [5000, 40_000] {
        on_fake(&["a"], |stage| {
            stage.option(&[], all);
            stage.start();
            for part in 0..3 {
                deliver(stage, part * 1000, 1000);
            }
            stage.kill();
            let path = stage.path("a");
            stage.fake().disk.0.borrow_mut().truncate(&path, size);
            stage.fake().boot = "another";
            stage.append("a", "new\n");
            stage.start();
            stage.comes(&["new"]);
            stage.end();
            assert_eq!(stage.checkpoint().counters.possible_loss_bytes, 0);
        });
    }
}

#[test]
fn r22_of_what_lay_beside_before_only_what_was_written_since_is_given_back() {
    on_fake(&["a"], |stage| {
        stage.option(&[], all);
        stage.append("a", "0\n");
        stage.append("a.1", &lines(0, 1000));
        stage.start();
        stage.comes(&["0"]);
        stage.append("a.1", &lines(1000, 1000));
        stage.come(1000);
        stage.pass(30);
        stage.acknowledge();
        stage.pass(30);
        let content = stage.content("a.1");
        assert_eq!(content.iter().position(|byte| *byte == 0), Some(100_000_usize.next_multiple_of(4096)));
        stage.end();
    });
}

#[test]
fn r23_a_file_that_comes_near_to_the_longest_is_told_of_once_a_day() {
    on_fake(&["a"], |stage| {
        stage.option(&[], all);
        stage.start();
        deliver(stage, 0, 1000);
        let file = stage.path("a");
        let file = stage.fake().disk.0.borrow().file(&file).unwrap();
        let count =
            |stage: &Stage| stage.said_all().matches("a: is 9216 GiB long, and ext4 takes no file longer").count();
        file.stale_size.set(Some(9 << 40));
        stage.pass(10);
        for (hours, said) in [(1, 1), (12, 1), (12, 2)] {
            stage.fake().disk.0.borrow_mut().pass(Duration::from_secs(hours * 3600));
            stage.pass(10);
            assert_eq!(count(stage), said, "{}", stage.said_all());
        }
    });
}

#[test]
fn r24_what_another_pipeline_has_not_delivered_stays() {
    on_fake(&["a"], |stage| {
        stage.option(&[], all);
        stage.start();
        deliver(stage, 0, 1000);
        deliver(stage, 1000, 1000);
        let mut other = stage.checkpoint();
        let before = hole_of(stage, "a").unwrap();
        // The other has read as far, and delivered half of it: it goes on from there, whatever comes.
        let fid = other.entries[0].fid;
        other.entries[0].marker.offset = 1 << 40;
        let half = before as u64 + 50_000;
        let needs = &mut stage.fake().run.as_mut().unwrap().needs;
        needs.add(&[other], &[(fid, half)].into(), "boot", 4096);
        for part in 2..6 {
            deliver(stage, part * 1000, 1000);
        }
        let end = hole_of(stage, "a").unwrap() as u64;
        assert!(end > before as u64 && end <= half, "{before} {end} {half}");
        // Of a third nothing is known.
        stage.fake().run.as_mut().unwrap().needs.add(&[], &[].into(), "boot", 4096);
        deliver(stage, 6000, 1000);
        deliver(stage, 7000, 1000);
        assert_eq!(hole_of(stage, "a").unwrap() as u64, end);
        stage.end();
    });
}

/// `logtail` without state over a file, once: what it writes, and what it says.
fn read_once(path: &Path, lines: &str) -> (Vec<String>, String) {
    let program = env!("CARGO_BIN_EXE_logtail");
    let output = std::process::Command::new(program).args(["-n", lines]).arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (text.lines().map(str::to_owned).collect(), String::from_utf8(output.stderr).unwrap())
}

fn number_of(line: &str) -> u64 {
    line.parse().unwrap()
}

/// A file of as many lines as leave `rest` behind a hole of at least `length` bytes, which is made where one begins on disks
/// with blocks of `block` bytes, and where it begins and ends.
fn punched(name: &str, block: u64, length: u64, rest: u64, before: impl FnOnce(&Path)) -> (PathBuf, u64, u64) {
    let path = std::env::temp_dir().join(format!("logtail-{name}-{block}-{}", std::process::id()));
    std::fs::write(&path, "").unwrap();
    let block = block.max(System.stat(&path).unwrap().block);
    let begin = first_offset(0, block);
    let end = (begin + length).next_multiple_of(block);
    std::fs::write(&path, lines(0, usize::try_from(end / 100 + 1 + rest).unwrap())).unwrap();
    before(&path);
    let file = System.open(&path).unwrap();
    System.punch(&file, begin, end).unwrap();
    (path, begin, end)
}

/// The numbers of the lines in front of a hole, or up to `read`, and of those behind it.
fn around(begin: u64, end: u64, rest: u64) -> Vec<u64> {
    (0..begin / 100).chain(end / 100 + 1..end / 100 + 1 + rest).collect()
}

#[test]
fn r17_a_reader_without_state_reads_over_the_hole() {
    // Huge pages of tmpfs have 2 MiB.
    for block in [4096, 64 << 10, 2 << 20] {
        let (path, begin, end) = punched("reclaim", block, 77_824, 180, |_| {});
        let (read, said) = read_once(&path, "+1");
        let numbers: Vec<u64> = read.iter().map(|line| number_of(line)).collect();
        assert_eq!(numbers, around(begin, end, 180));
        let place = path.display();
        assert_eq!(said, format!("logtail: {place}: bytes {begin} to {end} were given back after delivery\n"));
        for (count, length) in [("5", 5), ("180", 180), ("181", 180), ("50000", 180)] {
            let (read, _) = read_once(&path, count);
            let numbers: Vec<u64> = read.iter().map(|line| number_of(line)).collect();
            assert_eq!(numbers, around(0, end, 180)[180 - length..], "{count}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn r18_a_reader_that_is_overtaken_goes_on_behind_the_next_line() {
    let shape = Shape { tagged: false, max_line: 1 << 20 };
    let reading = Reading { shape, now: Duration::ZERO, clock: 1, gap_after: Duration::from_secs(10), sample: 64 };
    let (mut reader, mut out) = (None, Vec::new());
    let (path, begin, end) = punched("overtaken", 4096, 20 * 4096, 180, |path| {
        let file = System.open(path).unwrap();
        let stat = System.stat_open(&file).unwrap();
        let mut generation = Generation::new(Fid(1), path.into(), stat.inode, 0, Duration::ZERO);
        generation.open_at(&System, file, &stat, 0, &reading).unwrap();
        // As far as the middle of the hole that will be made.
        let mut scratch = vec![0; usize::try_from(first_offset(0, stat.block)).unwrap() + 40_000];
        assert_eq!(generation.read(&System, &reading, &mut scratch, &mut out).unwrap(), Progress::More);
        reader = Some((generation, scratch));
    });
    let (mut generation, mut scratch) = reader.unwrap();
    let read = scratch.len() as u64;
    while generation.read(&System, &reading, &mut scratch, &mut out).unwrap() == Progress::More {}
    let numbers: Vec<u64> = String::from_utf8(out).unwrap().lines().map(number_of).collect();
    assert_eq!(numbers, around(read, end, 180));
    assert_eq!(generation.take_passed(), Some((begin, end)));
    std::fs::remove_file(&path).unwrap();
}
