//! What wakes logtail between two looks, which are a minute apart here: a line that came only by polling would not come in
//! the time that is waited for it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

#[test]
fn lines_written_after_a_truncation_wake_it_as_those_before_did() {
    // In a directory of its own: a new name beside it would wake logtail too.
    let directory = std::env::temp_dir().join(format!("logtail-woken-{}", std::process::id()));
    fs::create_dir(&directory).unwrap();
    let log = directory.join("log");
    fs::write(&log, "first\n").unwrap();
    let mut logtail = Command::new(env!("CARGO_BIN_EXE_logtail"))
        .args(["-F", "-s", "60"])
        .arg(&log)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (lines, came) = channel();
    let output = BufReader::new(logtail.stdout.take().unwrap());
    thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
    let next = || came.recv_timeout(Duration::from_secs(20)).unwrap_or_default();

    let appended = |text: &str| OpenOptions::new().append(true).open(&log).unwrap().write_all(text.as_bytes()).unwrap();
    let mut seen = vec![next()];
    appended("before\n");
    seen.push(next());
    fs::write(&log, "x\n").unwrap();
    seen.push(next());
    for text in ["after\n", "and after that\n"] {
        appended(text);
        seen.push(next());
    }
    logtail.kill().unwrap();
    logtail.wait().unwrap();
    fs::remove_dir_all(&directory).unwrap();
    assert_eq!(seen, ["first", "before", "x", "after", "and after that"]);
}
