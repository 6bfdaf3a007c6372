//! `scripts/demo --keep` leaves everything running, and the command that it prints ends all of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use logpipe_tests::tools;

fn is_there(process: &str) -> bool {
    Path::new("/proc").join(process).exists()
}

#[test]
fn what_the_demo_keeps_is_ended_by_the_command_that_it_prints() {
    if Command::new("nginx").arg("-v").output().is_err() {
        return tools::skip("demo", "there is no nginx");
    }
    let kept = Command::new(tools::workspace().join("scripts/demo"))
        .args(["--keep", "--tools"])
        .arg(tools::directory())
        .output()
        .unwrap();
    assert!(kept.status.success(), "{}", String::from_utf8_lossy(&kept.stderr));
    let said = String::from_utf8(kept.stdout).unwrap();
    let script =
        said.lines().find_map(|line| line.strip_prefix("stop")).and_then(|rest| rest.trim().strip_prefix("sh "));
    let script = Path::new(script.unwrap());
    let text = fs::read_to_string(script).unwrap();
    let processes: Vec<&str> = text.split_whitespace().filter_map(|word| word.split(';').next()).collect();
    let processes: Vec<&str> = processes
        .into_iter()
        .filter(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    assert!(processes.len() == 3 && processes.iter().all(|process| is_there(process)), "{text}");

    let stopped = Command::new("sh").arg(script).output().unwrap();
    assert!(stopped.status.success() && stopped.stdout.is_empty() && stopped.stderr.is_empty(), "{stopped:?}");
    assert!(!processes.iter().any(|process| is_there(process)), "{text}");
    assert!(!script.parent().unwrap().exists());
}
