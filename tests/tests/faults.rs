//! Every system call that logpost makes on its state files and its dead-letter file fails, in turn: the first `fsync`, the
//! second, … answers with an error, once or from then on. strace puts the errors in, so it is the program as it is that meets
//! them. Whatever fails: each line is stored once, each refused one is in the dead-letter file, what is not kept is said
//! and told by the exit status, and nothing is tried again without a pause.
//!
//! `LOGPIPE_FAULTS=all` tries each error; without it EIO stands for all of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use logpipe_tests::receiver::Behaviour;
use logpipe_tests::site::Site;
use logpipe_tests::tools::{await_that, skip};
use rustix::process::Signal;

const ERRORS: [&str; 5] = ["EIO", "ENOSPC", "EMFILE", "ESTALE", "EINTR"];
/// `close` is not among them: what it could tell, `fsync` has told before.
const CALLS: [&str; 13] = [
    "access",
    "fdatasync",
    "flock",
    "fsync",
    "linkat",
    "lseek",
    "mkdir",
    "openat",
    "read",
    "rename",
    "statx",
    "unlink",
    "write",
];
/// More calls than are made by a run that pauses before it tries again.
const MOST_CALLS: usize = 300;
/// The lines with these numbers are stored, and those are refused.
const STORED: [usize; 4] = [0, 2, 3, 5];
const REFUSED: [usize; 2] = [1, 4];

/// A call that fails.
#[derive(Clone, Copy, Debug)]
struct Fault {
    call: &'static str,
    /// Counted from 1 among the calls of this name.
    nth: usize,
    error: &'static str,
    /// So do all that follow.
    stays: bool,
}

/// A pipeline whose logpost meets a fault.
struct Trial {
    site: Site,
}

impl Trial {
    /// With two lines in the log, which an earlier run has delivered where there `is_state`.
    fn new(name: &str, is_state: bool) -> Self {
        let site = Site::new(name);
        let refuses = Behaviour { item_status: Some(400), matching: Some("bad".to_owned()), ..Behaviour::default() };
        site.receiver.fail(refuses);
        let trial = Self { site };
        trial.append(0..2);
        if is_state {
            trial.drain();
        }
        trial
    }

    fn append(&self, numbers: Range<usize>) {
        for number in numbers {
            let word = if REFUSED.contains(&number) { "bad" } else { "good" };
            self.site.append(&format!("{word} #{number}#\n")).unwrap();
        }
    }

    fn line(&self) -> Vec<Vec<String>> {
        self.site.line("--drain-quiet 0", &[], &format!("--dead-letter {}", self.site.path("dead").display()))
    }

    /// Runs without a fault until all is delivered.
    fn drain(&self) {
        let codes = self.site.drain(&self.line()).unwrap();
        assert!(codes.iter().all(|code| code.is_some_and(|code| code < 2)), "{codes:?}: {}", self.site.said());
    }

    /// The calls that were made, one a line.
    fn trace(&self) -> String {
        fs::read_to_string(self.site.path("trace")).unwrap_or_default()
    }

    /// Runs with the fault: some lines come, others when those are about to be acknowledged. The exit code of logpost.
    fn run(&self, fault: Option<Fault>) -> i32 {
        let state = self.site.state();
        let acks = ["", ".new", ".old", ".synced", ".lock"].map(|ending| state.join(format!("acks{ending}")));
        let mut words = ["strace", "-f", "-qq", "-o"].map(str::to_owned).to_vec();
        words.push(self.site.path("trace").display().to_string());
        for path in [state, self.site.path("dead")].iter().chain(&acks) {
            words.extend(["-P".to_owned(), path.display().to_string()]);
        }
        if let Some(Fault { call, nth, error, stays }) = fault {
            let on = if stays { "+" } else { "" };
            words.extend(["-e".to_owned(), format!("inject={call}:error={error}:when={nth}{on}")]);
        }
        let mut line = self.line();
        words.append(line.last_mut().unwrap());
        *line.last_mut().unwrap() = words;
        self.append(2..4);
        let mut pipeline = self.site.start(&line).unwrap();
        let has_saved = || self.trace().contains("acks.new");
        let is_failing = || fault.is_some() && self.site.said().contains("not kept");
        await_that("an attempt to save", || has_saved() || is_failing() || pipeline.has_ended());
        self.append(4..6);
        await_that("all lines", || self.site.receiver.stored() == STORED.len() || pipeline.has_ended());
        // strace takes no TERM: logpost ends when logtail has.
        pipeline.signal(0, Signal::TERM);
        await_that("the end", || pipeline.has_ended());
        pipeline.codes()[1].unwrap_or(-1)
    }

    /// What is wrong after a run with the fault that has ended with `code`, and one without.
    fn judge(&self, code: i32) -> Result<(), String> {
        let calls = self.trace().lines().count();
        if calls > MOST_CALLS {
            return Err(format!("{calls} calls"));
        }
        let length = fs::metadata(self.site.log()).unwrap().len();
        let is_kept = self.site.acknowledged().values().any(|offset| *offset == length);
        let names = [self.site.state(), self.site.path("dead")].map(|path| path.display().to_string());
        let is_told = names.iter().any(|name| self.site.said().contains(name));
        if !(0..=2).contains(&code) || (code < 2 && !is_kept) || (code == 2 && !is_told) {
            return Err(format!("ended with {code}, kept {is_kept}, told {is_told}"));
        }
        self.drain();
        let mut stored = BTreeMap::new();
        for message in self.site.messages() {
            *stored.entry(number(&message)).or_insert(0) += 1;
        }
        if stored != STORED.map(|number| (number, 1)).into() {
            return Err(format!("stored {stored:?}"));
        }
        let dead = fs::read_to_string(self.site.path("dead")).unwrap();
        let refused: Vec<usize> = dead.lines().map(number).collect();
        let is_twice = refused.len() > REFUSED.len();
        if refused.iter().copied().collect::<BTreeSet<_>>() != REFUSED.into() || (is_twice && code < 2) {
            return Err(format!("dead letters {refused:?}"));
        }
        Ok(())
    }
}

/// The number in a line.
fn number(line: &str) -> usize {
    line.split('#').nth(1).unwrap_or(line).parse().unwrap()
}

fn can_trace() -> bool {
    Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success())
}

/// Every fault that a run can meet which makes the calls in `trace`.
fn faults(trace: &str) -> Vec<Fault> {
    let all = std::env::var("LOGPIPE_FAULTS").is_ok_and(|value| value == "all");
    let mut faults = Vec::new();
    for call in CALLS {
        let made = trace.lines().filter(|line| line.contains(&format!(" {call}("))).count();
        for error in ERRORS.into_iter().take(if all { ERRORS.len() } else { 1 }) {
            for nth in 1..=made {
                // No system answers EINTR for ever.
                let ways: &[bool] = if error == "EINTR" { &[false] } else { &[false, true] };
                faults.extend(ways.iter().map(|stays| Fault { call, nth, error, stays: *stays }));
            }
        }
    }
    faults
}

#[test]
#[expect(clippy::print_stderr, reason = "how much was tried is part of the result")]
fn whatever_call_on_state_or_dead_letters_fails_each_line_is_stored_once() {
    if !can_trace() {
        return skip("faults", "strace cannot trace here");
    }
    let mut left = Vec::new();
    for is_state in [false, true] {
        let name = format!("faults-{is_state}");
        let trial = Trial::new(&name, is_state);
        let code = trial.run(None);
        trial.judge(code).unwrap_or_else(|why| panic!("without a fault: {why}: {}", trial.site.said()));
        let trace = trial.trace();
        left.extend(faults(&trace).into_iter().map(|fault| (format!("{name}-{fault:?}"), is_state, fault)));
    }
    let count = left.len();
    let (left, failed) = (Mutex::new(left), Mutex::new(Vec::new()));
    let work = || {
        while let Some((name, is_state, fault)) = { left.lock().unwrap().pop() } {
            let trial = Trial::new(&name.replace([' ', '{', '}', '"', ':', ','], ""), is_state);
            let code = trial.run(Some(fault));
            if let Err(why) = trial.judge(code) {
                failed.lock().unwrap().push(format!("{name}: {why}\n{}{}", trial.site.said(), trial.trace()));
            }
        }
    };
    // Most of a run is waiting.
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap();
    eprintln!("2 scenarios, {count} faults");
    assert!(failed.is_empty(), "{} of {count}:\n{}", failed.len(), failed.join("\n"));
}
