//! A shell line run to its end, with the built tools first in `PATH`.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::thread;

use serde_json::Value;

use crate::tools;

/// Runs the line with that input; the status is that of the last member that failed.
///
/// # Panics
/// When no shell can be started.
pub fn run(line: &str, input: &[u8]) -> Output {
    let mut child = Command::new("bash")
        .args(["-o", "pipefail", "-c", line])
        .env("PATH", tools::path())
        .env("DATA", tools::data())
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("there is a shell");
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_vec();
    // A reader that goes early is what some of the tests are about.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("it is ours to wait for");
    writer.join().expect("writing does not panic");
    output
}

/// What it wrote, as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The records on its stdout.
///
/// # Panics
/// When a line of it is no JSON.
pub fn records(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// Fails, with what was said, where the run ended otherwise.
///
/// # Panics
/// Just then.
#[track_caller]
pub fn assert_status(output: &Output, status: i32) {
    assert_eq!(output.status.code(), Some(status), "{}", text(&output.stderr));
}
