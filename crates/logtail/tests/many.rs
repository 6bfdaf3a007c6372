//! Many files that bring nothing: each takes little memory, however few may be open at a time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

/// How many there are, and how many may be open.
const FILES: usize = 2000;
const OPEN: usize = 250;

/// The most memory the process has held, in KiB, without what it has in common with its file: a debug build's is large.
fn peak(process: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let number = |name: &str| -> usize {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    number("VmHWM:") - number("RssFile:")
}

#[test]
fn a_silent_file_takes_little_more_than_a_kilobyte() {
    let directory = std::env::temp_dir().join(format!("logtail-many-{}", std::process::id()));
    let logs = directory.join("logs");
    fs::create_dir_all(&logs).unwrap();
    let run = |files: usize| {
        let mut logtail = Command::new("sh")
            .args(["-c", &format!("ulimit -n {OPEN} && exec \"$0\" \"$@\"")])
            .arg(env!("CARGO_BIN_EXE_logtail"))
            .args(["-F", "--no-inotify", "--state"])
            .arg(directory.join(format!("state-{files}")))
            .arg(logs.join("*.log"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(logtail.stdout.take().unwrap());
        let is_line = |line: &std::io::Result<String>| line.as_ref().unwrap().ends_with("of a log");
        assert_eq!(output.lines().filter(is_line).take(files).count(), files);
        let peak = peak(logtail.id());
        logtail.kill().unwrap();
        logtail.wait().unwrap();
        peak
    };
    fs::write(logs.join("application-0.log"), "the only line of a log\n").unwrap();
    let one = run(1);
    for number in 1..FILES {
        fs::write(logs.join(format!("application-{number}.log")), "the only line of a log\n").unwrap();
    }
    let all = run(FILES);
    fs::remove_dir_all(&directory).unwrap();
    assert!(all - one < FILES * 7 / 5, "{one} KiB with one file have become {all} KiB with {FILES}");
}
