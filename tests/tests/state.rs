//! The state directory as a user meets it: damaged, full, read-only, held by another pipeline. Each test names its row of
//! the cases.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use logline::state::{Lock, decode, encode};
use logpipe_tests::pipeline::Pipeline;
use logpipe_tests::receiver::{Behaviour, Reset};
use logpipe_tests::running::Running;
use logpipe_tests::site::Site;
use logpipe_tests::tools::{await_that, skip};
use rustix::process::Signal;

const FILTERS: &[&str] = &["logparse text"];

/// Drains a pipeline; all members must end well.
#[track_caller]
fn drain(site: &Site) {
    assert_eq!(site.drain(&site.line("", FILTERS, "")).unwrap(), [Some(0); 3], "{}", site.said());
}

fn start(site: &Site, post: &str) -> Pipeline {
    site.start(&site.line("", FILTERS, post)).unwrap()
}

#[track_caller]
fn await_end(pipeline: &mut Pipeline) {
    await_that("the end of all members", || pipeline.has_ended());
}

type Damage = fn(&str, &[u8]) -> Vec<u8>;

/// What a file may look like after a bad day; what the message says of it, if it says anything.
const DAMAGES: &[(&str, Option<&str>, Damage)] = &[
    ("empty", Some("empty"), |_, _| Vec::new()),
    ("half", Some("half written"), |_, text| text[..text.len() / 2].to_vec()),
    ("garbage", Some("not a state file"), |_, _| b"\xff\0garbage\nmore of it\n".to_vec()),
    ("flipped", Some("damaged, its checksum"), |_, text| {
        let mut text = text.to_vec();
        let middle = text.len() / 2;
        text[middle] ^= 1;
        text
    }),
    ("newer", Some("version 2"), |_, text| {
        String::from_utf8_lossy(text).replacen("\"version\":1", "\"version\":2", 1).into_bytes()
    }),
    ("added", None, |name, text| {
        let body = String::from_utf8_lossy(decode(name, text).unwrap()).into_owned();
        encode(name, body.replace("}\n", ",\"added\":{\"later\":[1,\"x\"]}}\n").as_bytes())
    }),
];

#[test]
fn f7_and_f14_damaged_or_foreign_state_is_told_and_loses_nothing_and_the_run_after_is_well_again() {
    // Side by side, for each drain waits until its writers have been quiet for a while.
    std::thread::scope(|scope| {
        for (number, damage) in DAMAGES.iter().enumerate() {
            scope.spawn(move || {
                for name in ["files", "acks"] {
                    for has_old in [false, true] {
                        is_told_and_loses_nothing(&format!("f7-{name}-{number}-{has_old}"), name, damage, has_old);
                    }
                }
            });
        }
    });
}

/// One file of the state is damaged, with the copy before it or without.
fn is_told_and_loses_nothing(
    site: &str,
    name: &str,
    (what, told, damage): &(&str, Option<&str>, Damage),
    has_old: bool,
) {
    let site = Site::new(site);
    for text in ["one\n", "two\n"] {
        site.append(text).unwrap();
        drain(&site);
    }
    let (file, old) = (site.state().join(name), site.state().join(format!("{name}.old")));
    fs::write(&file, damage(name, &fs::read(&file).unwrap())).unwrap();
    assert!(old.exists(), "the copy before is kept");
    if !has_old {
        fs::remove_file(old).unwrap();
    }
    let before = site.said();
    site.append("three\n").unwrap();
    drain(&site);
    let said = site.said()[before.len()..].to_owned();
    let context = format!("{name} {what}, copy before: {has_old}: {said}");
    match told {
        Some(told) => assert!(said.contains(&format!("{}: {told}", file.display())), "{context}"),
        None => assert!(!said.contains(&file.display().to_string()), "{context}"),
    }
    let messages = site.messages();
    let all: BTreeSet<&str> = messages.iter().map(String::as_str).collect();
    assert_eq!(all, BTreeSet::from(["one", "two", "three"]), "{context}");
    // Only where logtail has forgotten which file was which can a line have come under another id; the copy before knows it
    // if it is as young as the acknowledgement.
    let is_old = said.contains("the state is older than what was delivered of it");
    let has_forgotten = name == "files" && told.is_some() && (!has_old || is_old);
    assert_eq!(messages.len(), if has_forgotten { 5 } else { 3 }, "{messages:?} {context}");
    let (before, conflicts) = (site.said(), site.receiver.conflicts());
    drain(&site);
    let said = site.said()[before.len()..].to_owned();
    assert!(!said.contains(&site.state().display().to_string()), "{context} and then {said}");
    let after = (site.messages().len(), site.receiver.conflicts());
    assert_eq!(after, (messages.len(), conflicts), "{:?} {context}", site.receiver.documents());
}

/// A small file system of its own at a path, gone when dropped.
struct Mount(PathBuf);

impl Mount {
    /// `None` where this user or this sandbox may not mount.
    fn at(path: &Path) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        run("mount", &["-t", "tmpfs", "-o", "size=64k", "none", &path.display().to_string()])
            .then(|| Self(path.to_owned()))
    }

    fn remount(&self, option: &str) {
        let options = format!("remount,{option}");
        assert!(run("mount", &["-o", &options, &self.0.display().to_string()]), "{options}");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // A failed test has said more important things.
        run("umount", &["-l", &self.0.display().to_string()]);
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

#[test]
fn f12_a_state_directory_that_cannot_be_written_is_said_everything_is_delivered_and_the_code_is_2() {
    let site = Site::new("f12-read-only");
    let Some(mount) = Mount::at(&site.state()) else {
        return skip("f12 (read-only)", "no file system can be mounted here");
    };
    mount.remount("ro");
    site.append("one\ntwo\n").unwrap();
    let mut pipeline = start(&site, "");
    await_that("the lines", || site.messages().len() == 2);
    pipeline.terminate();
    await_end(&mut pipeline);
    assert_eq!(pipeline.codes(), [Some(2), Some(0), Some(2)], "{}", site.said());
    for tool in ["logtail", "logpost"] {
        let state = site.state();
        let told = &format!("{tool}: {}: read-only file system, positions are not kept", state.display());
        assert_eq!(site.said().matches(told.as_str()).count(), 1, "{told}: {}", site.said());
    }
    mount.remount("rw");
    site.append("three\n").unwrap();
    drain(&site);
    assert_eq!(site.messages(), ["one", "two", "one", "two", "three"], "{}", site.said());
}

#[test]
fn f12_a_state_directory_that_can_be_written_later_is_kept_and_locked_from_then_on() {
    let site = Site::new("f12-later");
    let Some(mount) = Mount::at(&site.state()) else {
        return skip("f12 (later)", "no file system can be mounted here");
    };
    mount.remount("ro");
    site.append("one\n").unwrap();
    let mut pipeline = start(&site, "");
    await_that("the line", || site.messages().len() == 1);
    mount.remount("rw");
    site.append("two\n").unwrap();
    // Each tries again once a second, on its own.
    for tool in ["logtail", "logpost"] {
        let told = format!("{tool}: {}: positions are kept again", site.state().display());
        await_that(&told, || site.said().contains(&told));
    }
    await_that("the acknowledgement", || site.acknowledged().values().any(|offset| *offset == 8));
    for name in ["files", "acks"] {
        assert!(!Lock::is_free(&site.state(), name).unwrap(), "{name}");
    }
    pipeline.terminate();
    await_end(&mut pipeline);
    assert_eq!(pipeline.codes(), [Some(2), Some(0), Some(2)], "{}", site.said());
    drain(&site);
    assert_eq!(site.messages(), ["one", "two"], "{}", site.said());
}

#[test]
fn f12_a_full_disk_is_said_and_once_there_is_room_the_positions_are_kept_after_all() {
    let site = Site::new("f12-full");
    let Some(_mount) = Mount::at(&site.state()) else {
        return skip("f12 (full)", "no file system can be mounted here");
    };
    let ballast = site.state().join("ballast");
    // The last block is a file of its own: a file system without a free inode or block takes no other file.
    fs::write(&ballast, vec![0; 64 << 10]).unwrap();
    site.append("one\ntwo\n").unwrap();
    let mut pipeline = start(&site, "");
    await_that("the lines", || site.messages().len() == 2);
    for tool in ["logtail", "logpost"] {
        let told = format!("{tool}: {}: no space left on device, positions are not kept", site.state().display());
        await_that(&told, || site.said().contains(&told));
    }
    fs::remove_file(ballast).unwrap();
    site.append("three\n").unwrap();
    await_that("what was delivered is acknowledged", || site.acknowledged().values().any(|offset| *offset == 14));
    pipeline.terminate();
    await_end(&mut pipeline);
    assert_eq!(pipeline.codes(), [Some(2), Some(0), Some(2)], "{}", site.said());
    drain(&site);
    assert_eq!((site.messages().len(), site.receiver.conflicts()), (3, 0), "{}", site.said());
}

#[test]
fn f13_a_second_pipeline_waits_says_so_and_goes_on_when_the_first_has_ended() {
    let site = Site::new("f13");
    site.append("one\n").unwrap();
    let mut first = start(&site, "");
    await_that("the first line", || site.messages().len() == 1);
    let mut second = start(&site, "");
    await_that("that it waits", || site.said().contains("files.lock: held by another process, waiting for its end"));
    site.append("two\n").unwrap();
    await_that("the second line, by the first pipeline", || site.messages().len() == 2);
    first.terminate();
    await_end(&mut first);
    site.append("three\n").unwrap();
    await_that("the third line, by the second pipeline", || site.messages().len() == 3);
    second.terminate();
    await_end(&mut second);
    assert_eq!((first.codes(), second.codes()), (vec![Some(0); 3], vec![Some(0); 3]), "{}", site.said());
    assert_eq!((site.messages().len(), site.receiver.conflicts()), (3, 0), "{}", site.said());
}

#[test]
fn f13_a_new_pipeline_waits_while_the_old_logpost_drains_and_begins_behind_it() {
    let site = Site::new("f13-drains");
    site.append("one\n").unwrap();
    site.receiver.script([Behaviour { hang_ms: Some(600_000), ..Behaviour::default() }]);
    let mut first = start(&site, "");
    await_that("the request that hangs", || site.receiver.requests() == 1);
    first.signal(0, Signal::KILL);
    site.append("two\n").unwrap();
    let mut second = start(&site, "");
    await_that("that it waits", || site.said().contains("acks.lock: held by another process, waiting for its end"));
    site.receiver.recover();
    await_end(&mut first);
    await_that("the second line", || site.messages().len() == 2);
    second.terminate();
    await_end(&mut second);
    assert_eq!(second.codes(), [Some(0); 3], "{}", site.said());
    assert_eq!((site.messages(), site.receiver.conflicts()), (vec!["one".to_owned(), "two".to_owned()], 0));
}

#[test]
fn f13_who_waits_in_vain_for_half_a_minute_ends_with_2() {
    let site = Site::new("f13-vain");
    site.append("one\n").unwrap();
    let mut first = start(&site, "");
    await_that("the first line", || site.messages().len() == 1);
    let mut second = start(&site, "");
    await_end(&mut second);
    assert_eq!(second.codes(), [Some(2), Some(0), Some(0)], "{}", site.said());
    assert!(site.said().contains("files.lock: held by another process for 30 s, giving up"), "{}", site.said());
    site.append("two\n").unwrap();
    await_that("the first goes on", || site.messages().len() == 2);
    first.terminate();
    await_end(&mut first);
}

#[test]
fn f13_a_logpost_that_is_asked_to_end_while_it_waits_says_what_it_leaves() {
    let site = Site::new("f13-asked");
    fs::create_dir_all(site.state()).unwrap();
    let _held = Lock::take(&site.state(), "acks").unwrap().unwrap();
    let state = format!("--state={}", site.state().display());
    for (input, status) in [("\x1e00000000000000ab:0-4 /a\tone\n", 2), ("\x1e00000000000000ab:4\n", 0)] {
        let mut logpost = Running::start(&[&state, &site.receiver.url()], &[]);
        logpost.write(input.as_bytes());
        logpost.hear("another logpost still delivers");
        logpost.signal(Signal::TERM);
        let ended = logpost.end();
        assert_eq!(ended.status, status, "{input:?}: {ended:?}");
        let told =
            ended.said.iter().any(|said| said.contains("acks.lock: held by another process, nothing is delivered"));
        assert_eq!(told, status == 2, "{ended:?}");
    }
    assert!(site.messages().is_empty());
}

#[test]
fn k14_while_it_waits_a_new_logtail_ends_with_its_own_logpost() {
    let site = Site::new("k14");
    site.append("one\n").unwrap();
    let mut first = start(&site, "");
    await_that("the first line", || site.messages().len() == 1);
    let mut second = start(&site, "");
    await_that("that it waits", || site.said().contains("held by another process, waiting"));
    second.signal(2, Signal::KILL);
    await_end(&mut second);
    assert_eq!(second.codes(), [Some(0), Some(0), None], "{}", site.said());
    first.terminate();
    await_end(&mut first);
}

#[test]
fn g14_where_every_line_is_filtered_out_the_position_moves_on_and_a_restart_reads_nothing_again() {
    let site = Site::new("g14");
    let lines = "nothing that anybody asked for\n";
    site.append(&lines.repeat(1000)).unwrap();
    let line = site.line("", &["logfilter NEVER", "logparse text"], "");
    let mut pipeline = site.start(&line).unwrap();
    // While lines come one by one it follows them.
    let mut size = 1000 * lines.len() as u64;
    for _ in 0..3 {
        await_that("the position at the end", || site.acknowledged().values().any(|offset| *offset == size));
        site.append(lines).unwrap();
        size += lines.len() as u64;
    }
    await_that("the position at the end", || site.acknowledged().values().any(|offset| *offset == size));
    pipeline.signal_all(Signal::KILL);
    await_end(&mut pipeline);
    let before = site.said();
    site.append("this one: NEVER\n").unwrap();
    let mut pipeline = site.start(&line).unwrap();
    await_that("what was asked for", || site.messages() == ["this one: NEVER"]);
    pipeline.signal(0, Signal::USR1);
    await_that("the counters", || site.said()[before.len()..].contains(", bytes "));
    let said = site.said()[before.len()..].to_owned();
    let bytes = said.split(", bytes ").nth(1).and_then(|rest| rest.split(',').next()).unwrap();
    assert!(bytes.parse::<usize>().unwrap() < 2 * lines.len() * 3, "only the new line, its tag and marks: {said}");
    pipeline.terminate();
    await_end(&mut pipeline);
    assert_eq!(site.receiver.requests(), 1);
}

#[test]
fn g9_a_lost_answer_is_sent_again_with_the_same_ids() {
    let site = Site::new("g9");
    site.append("one\ntwo\n").unwrap();
    site.receiver.script([Behaviour { reset: Some(Reset::After), ..Behaviour::default() }]);
    drain(&site);
    assert_eq!((site.messages().len(), site.receiver.conflicts()), (2, 2), "{}", site.said());
}

#[test]
fn a_pipeline_that_had_nothing_to_carry_sends_nothing_at_its_end() {
    let site = Site::new("idle");
    site.append("").unwrap();
    drain(&site);
    assert_eq!(site.receiver.requests(), 0, "{:?}", site.receiver.documents());
}
