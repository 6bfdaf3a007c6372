//! Logs that are followed through links, as a node's `/var/log/containers` has them: the generations lie beside the target.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::symlink;

use logpipe_tests::site::Site;
use logpipe_tests::tools::await_that;
use rustix::process::Signal;

#[test]
fn f5_and_b14_rotated_twice_beside_the_target_of_a_link_while_down_all_generations_are_read() {
    let site = Site::new("links");
    let real = site.path("pods");
    fs::create_dir_all(&real).unwrap();
    let target = real.join("0.log");
    fs::write(&target, "one\n").unwrap();
    symlink(&target, site.log()).unwrap();
    let line = site.line("", &["logparse text"], "");
    let mut pipeline = site.start(&line).unwrap();
    await_that("the first line", || site.messages() == ["one"]);
    pipeline.signal_all(Signal::KILL);
    await_that("the end", || pipeline.has_ended());
    fs::write(&target, "one\ntwo\n").unwrap();
    fs::rename(&target, real.join("0.log.20261125-200000")).unwrap();
    fs::write(&target, "three\n").unwrap();
    fs::rename(&target, real.join("0.log.20261125-200001")).unwrap();
    fs::write(&target, "four\n").unwrap();
    assert_eq!(site.drain(&line).unwrap(), [Some(0); 3], "{}", site.said());
    assert_eq!(site.messages(), ["one", "two", "three", "four"], "{}", site.said());
}

#[test]
fn a_link_to_the_own_state_is_not_shipped_again_at_each_save() {
    let site = Site::new("links-own");
    fs::create_dir_all(site.state()).unwrap();
    symlink(site.state().join("files"), site.path("logs/own.log")).unwrap();
    let mut line = site.line("", &["logparse text"], "");
    *line[0].last_mut().unwrap() = site.path("logs/*.log").display().to_string();
    let mut pipeline = site.start(&line).unwrap();
    for (count, text) in [(1, "one\n"), (2, "two\n")] {
        site.append(text).unwrap();
        await_that("the line", || {
            site.messages().len() >= count && site.acknowledged().values().any(|to| *to == 4 * count as u64)
        });
    }
    pipeline.terminate();
    await_that("the end", || pipeline.has_ended());
    assert_eq!(site.messages(), ["one", "two"], "{}", site.said());
    assert!(site.said().contains("own.log: leads to"), "{}", site.said());
}
