//! Logs that are followed through links, as a node's `/var/log/containers` has them: the generations lie beside the target.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::symlink;

use logpipe_tests::receiver::Behaviour;
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

#[test]
fn k22_what_logpost_writes_is_not_followed_where_the_glob_matches_it() {
    let site = Site::new("own-files");
    // Through another name of the directory too.
    symlink(site.path("logs"), site.path("link")).unwrap();
    let (dead, metrics) = (site.path("link/dead.log"), site.path("logs/metrics.log"));
    let options = format!("--dead-letter {} --metrics {}", dead.display(), metrics.display());
    let mut line = site.line("", &["logparse text"], &options);
    *line[0].last_mut().unwrap() = site.path("logs/*").display().to_string();
    site.receiver.fail(Behaviour { item_status: Some(400), matching: Some("bad".to_owned()), ..Behaviour::default() });
    let mut pipeline = site.start(&line).unwrap();
    site.append("one\nbad\n").unwrap();
    await_that("the dead letter", || fs::read_to_string(&dead).is_ok_and(|text| text.contains("bad")));
    await_that("the metrics", || {
        fs::read_to_string(&metrics).is_ok_and(|text| text.contains("refused_records_total 1"))
    });
    site.append("two\n").unwrap();
    await_that("the line", || site.messages().contains(&"two".to_owned()));
    pipeline.terminate();
    await_that("the end", || pipeline.has_ended());
    assert_eq!(site.messages(), ["one", "two"], "{}", site.said());
    for name in ["dead.log", "metrics.log"] {
        assert_eq!(
            site.said().matches(&format!("{name}: logpost of this pipeline writes it")).count(),
            1,
            "{}",
            site.said()
        );
    }
    // Neither in the next run, which finds them there.
    assert_eq!(site.drain(&line).unwrap(), [Some(0); 3], "{}", site.said());
    assert_eq!(site.messages(), ["one", "two"], "{}", site.said());
}

#[test]
fn a_log_that_is_named_from_elsewhere_is_the_one_it_was_and_what_was_rotated_meanwhile_is_read() {
    let site = Site::new("spelled");
    fs::write(site.log(), "one\n").unwrap();
    let whole = site.line("", &["logparse text"], "");
    let mut short = whole.clone();
    let directory = site.log().parent().unwrap().display().to_string();
    *short[0].last_mut().unwrap() = "app.log".to_owned();
    short[0].splice(0..0, ["env".to_owned(), "-C".to_owned(), directory]);
    assert_eq!(site.drain(&short).unwrap(), [Some(0); 3], "{}", site.said());
    fs::rename(site.log(), site.path("logs/app.log.2")).unwrap();
    fs::write(site.path("logs/app.log.1"), "two\n").unwrap();
    fs::write(site.log(), "three\n").unwrap();
    assert_eq!(site.drain(&whole).unwrap(), [Some(0); 3], "{}", site.said());
    let mut messages = site.messages();
    messages.sort_unstable();
    assert_eq!(messages, ["one", "three", "two"], "{}", site.said());
}
