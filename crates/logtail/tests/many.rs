//! Many files that bring nothing: each takes little memory, however few may be open at a time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

/// How many there are, and how many may be open.
const FILES: usize = 2000;
const OPEN: usize = 250;

/// The memory the process has to itself, in KiB: what it shares with its file, the kernel takes away and brings back as it
/// likes, and a debug build has much of it.
fn memory(process: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
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
        // Read as it goes, for what is highest may be in between.
        let held: Vec<usize> = output.lines().filter(is_line).take(files).map(|_| memory(logtail.id())).collect();
        assert_eq!(held.len(), files);
        logtail.kill().unwrap();
        logtail.wait().unwrap();
        held.into_iter().max().unwrap()
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
