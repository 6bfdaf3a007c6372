//! The image's entry point: TERM reaches the first member and the last, and the status is the pipeline's.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use logpipe_tests::tools;
use rustix::process::{Pid, Signal, kill_process};

/// The shell of the image where it is installed; bash, which has pipefail too, where it is not.
fn shell() -> Command {
    let busybox = Command::new("busybox").arg("ash").arg("-c").arg(":").output();
    if busybox.is_ok_and(|output| output.status.success()) {
        let mut ash = Command::new("busybox");
        ash.arg("ash");
        ash
    } else {
        Command::new("bash")
    }
}

fn start(line: &str) -> Child {
    shell()
        .arg(tools::workspace().join("images/pipeline"))
        .arg(line)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn terminate(child: &Child) {
    kill_process(Pid::from_child(child), Signal::TERM).unwrap();
}

#[test]
fn term_reaches_the_first_and_the_last_and_what_is_in_the_pipe_arrives() {
    let mut child = start(
        "sh -c 'trap \"echo drained; exit 0\" TERM; echo ready; while :; do sleep 0.05; done' |\n\
         sh -c 'trap \"\" TERM; exec cat' |\n\
         sh -c 'trap \"echo clock starts\" TERM; while read -r line; do echo \"$line\"; done; cat'\n",
    );
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = String::new();
    output.read_line(&mut lines).unwrap();
    assert_eq!(lines, "ready\n");
    terminate(&child);
    output.read_to_string(&mut lines).unwrap();
    assert!(lines.contains("drained\n"), "{lines}");
    assert!(lines.contains("clock starts\n"), "{lines}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_second_term_does_not_cut_the_wait_short() {
    let mut child = start(
        "sh -c 'trap \"echo asked\" TERM; echo ready; for n in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done; \
         echo finished' | sh -c 'trap \"\" TERM; exec cat'",
    );
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = String::new();
    output.read_line(&mut lines).unwrap();
    terminate(&child);
    output.read_line(&mut lines).unwrap();
    assert!(lines.ends_with("asked\n"), "{lines}");
    terminate(&child);
    output.read_to_string(&mut lines).unwrap();
    assert!(lines.ends_with("finished\n"), "{lines}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_status_is_that_of_the_last_member_that_failed() {
    for (line, status) in [
        ("true | true", 0),
        ("true | sh -c 'exit 3' | cat", 3),
        ("true | sh -c 'exit 4'\n", 4),
        ("sh -c 'kill -TERM $$' | cat", 143),
        ("sh -c 'exit 5'", 5),
    ] {
        assert_eq!(start(line).wait().unwrap().code(), Some(status), "{line}");
    }
}

#[test]
fn without_its_one_argument_it_says_how_it_is_called() {
    let output = shell().arg(tools::workspace().join("images/pipeline")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stderr.starts_with(b"usage: pipeline "));
}
