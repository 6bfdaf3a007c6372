//! What a filter owes the pipe: lines at once, and grep's exit codes, which a stream with positions changes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

const TAGGED: &str = "\u{1e}3f2a00c4d1e0b7a9:0-2 /a\tx\n\u{1e}3f2a00c4d1e0b7a9:2\n\u{1e}end\n";
const RECORDS: &str =
    "{\"_pos\":\"3f2a00c4d1e0b7a9:0-2\",\"a\":1}\n{\"_pos\":\"3f2a00c4d1e0b7a9:2\"}\n{\"_pos\":\"end\"}\n";

fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_logfilter"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn run(arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let mut child = start(arguments);
    let mut stdin = child.stdin.take().unwrap();
    // With -q nobody may read it.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_line_is_through_before_the_next_has_come() {
    for (arguments, lines) in [
        (&["one|two"][..], ["one", "two"]),
        (&["-v", "three"], ["one", "two"]),
        (&["-W", "a >= 1"], [r#"{"a":1}"#, r#"{"a":2}"#]),
        (&["--since", "-24h"], ["one", "two"]),
        (&["-W", "message == x"], [TAGGED.lines().next().unwrap(), TAGGED.lines().next().unwrap()]),
    ] {
        let mut child = start(arguments);
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        for line in lines {
            // The beginning of another must not hold it back.
            stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
            let mut read = String::new();
            stdout.read_line(&mut read).unwrap();
            assert_eq!(read.trim_end_matches('\n'), line, "{arguments:?}");
        }
        drop(stdin);
        assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn the_status_says_whether_something_was_selected_where_it_was_asked_for() {
    for (arguments, input, status) in [
        (&["x"][..], "x\n", 0),
        (&["y"], "x\n", 1),
        (&["y"], "", 1),
        (&["-W", "a"], "x\n", 1),
        (&["-c", "y"], "x\n", 1),
        (&["-q", "x"], "x\n", 0),
        (&["-W", "a == 2"], "{\"a\":1}\n", 0),
        (&["-c", "-W", "a == 2"], "{\"a\":1}\n", 1),
        (&["y"], TAGGED, 0),
        (&["-W", "a == 2"], RECORDS, 0),
        (&["-q", "y"], TAGGED, 1),
        (&["-q", "-W", "a == 2"], RECORDS, 1),
        (&["-q", "-W", "a == 1"], RECORDS, 0),
        (&["-c", "y"], TAGGED, 1),
        (&["y"], "\u{1e}3f2a00c4d1e0b7a9:2\n", 0),
        (&["("], "x\n", 2),
        (&["-W", "("], "x\n", 2),
        (&["x", "FILE"], "x\n", 2),
    ] {
        assert_eq!(run(arguments, input).0, Some(status), "{arguments:?} {}", input.escape_default());
    }
}

#[test]
fn marks_pass_whatever_is_asked_and_are_no_lines() {
    let marks = |input: &str| input.split_inclusive('\n').skip(1).collect::<String>();
    for input in [TAGGED, RECORDS] {
        for arguments in [&["nothing"][..], &["-v", ""], &["-W", "status"], &["--since", "now", "nothing"]] {
            assert_eq!(run(arguments, input).1, marks(input), "{arguments:?}");
        }
        assert_eq!(run(&["-c", ""], input).1, "1\n");
    }
}

#[test]
fn after_so_many_lines_it_ends_also_while_the_writer_goes_on() {
    let mut child = start(&["-m", "2", "x"]);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"x1\ny\nx2\nx3\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let read: Vec<String> = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap).collect();
    assert_eq!(read, ["x1", "x2"]);
    drop(stdin);
}
