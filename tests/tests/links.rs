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
