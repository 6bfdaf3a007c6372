//! The image's entry point: TERM reaches the first member and the last, and the status is the pipeline's.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use logline::state::Lock;
use logpipe_tests::receiver::Receiver;
use logpipe_tests::tools::{self, Scratch, await_that};
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
        .env("PATH", tools::path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn terminate(child: &Child) {
    kill_process(Pid::from_child(child), Signal::TERM).unwrap();
}

/// The process of this name among those that the shell has started.
fn member(child: &Child, name: &str) -> Option<Pid> {
    let parent = child.id().to_string();
    fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        // "NUMBER (NAME) STATE PARENT …"
        let status = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (head, rest) = status.rsplit_once(") ")?;
        let (number, comm) = head.split_once(" (")?;
        let of_shell = comm == name && rest.split(' ').nth(1) == Some(parent.as_str());
        of_shell.then(|| Pid::from_raw(number.parse().ok()?)).flatten()
    })
}

/// What a sidecar runs, on the files of `scratch`.
fn sidecar(scratch: &Scratch, receiver: &Receiver) -> String {
    let directory = scratch.path().display();
    format!(
        "logtail -F --state {directory}/state --drain-quiet 0 '{directory}/*.log' | logparse nginx | \
         logfilter -W 'status >= 500' | logpost --state {directory}/state --metrics {directory}/metrics --linger 0 --to elasticsearch {}\n",
        receiver.url()
    )
}

const GOOD: &str = "10.0.0.1 - - [25/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"curl\"\n";
const BAD: &str = "10.0.0.1 - - [25/Nov/2026:10:00:01 +0000] \"GET / HTTP/1.1\" 500 5 \"-\" \"curl\"\n";

#[test]
fn the_death_of_a_member_ends_the_container_also_while_the_logs_are_silent() {
    let scratch = Scratch::new("member");
    let receiver = Receiver::start();
    fs::write(scratch.path().join("access.log"), [GOOD, BAD].concat()).unwrap();
    for victim in ["logtail", "logparse", "logfilter", "logpost"] {
        let mut child = start(&sidecar(&scratch, &receiver));
        await_that("the positions, or the line", || {
            scratch.path().join("state/acks").exists() && member(&child, victim).is_some()
        });
        kill_process(member(&child, victim).unwrap(), Signal::KILL).unwrap();
        await_that(&format!("the end after the death of {victim}"), || child.try_wait().unwrap().is_some());
        assert_ne!(child.wait().unwrap().code(), Some(0), "{victim}");
    }
    assert_eq!(receiver.documents().len(), 1);
}

#[test]
fn nothing_to_send_is_no_failure() {
    for (name, log) in [("selected", Some(GOOD)), ("empty", Some("")), ("none", None)] {
        let scratch = Scratch::new(name);
        let receiver = Receiver::start();
        if let Some(text) = log {
            fs::write(scratch.path().join("access.log"), text).unwrap();
        }
        // The second time all has been read before, and not even a mark moves.
        for run in ["first", "second"] {
            let mut child = start(&sidecar(&scratch, &receiver));
            // TERM ends a member that has only just begun, as it ends any program.
            await_that("logpost", || scratch.path().join("metrics").exists());
            await_that("logtail", || matches!(Lock::is_free(&scratch.path().join("state"), "files"), Ok(false)));
            terminate(&child);
            assert_eq!(child.wait().unwrap().code(), Some(0), "{name}, {run}");
            fs::remove_file(scratch.path().join("metrics")).unwrap();
        }
        assert!(receiver.documents().is_empty(), "{name}");
    }
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
        "sh -c 'trap \"asked=1; echo asked\" TERM; echo ready; until [ $asked ]; do sleep 0.1; done; \
         for n in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done; echo finished' | sh -c 'trap \"\" TERM; exec cat'",
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
