//! What every tool keeps, alone and in a pipe: ends, torn lines, closed readers, killed members.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use logpipe_tests::pipeline::{Pipeline, words};
use logpipe_tests::receiver::{Behaviour, Receiver, Reset};
use logpipe_tests::shell::{assert_status, records, run, text};
use logpipe_tests::site::Site;
use logpipe_tests::tools::{self, Scratch, await_that};
use rustix::process::Signal;
use serde_json::{Value, json};

/// The messages of the records; marks have none.
fn messages(records: &[Value]) -> Vec<String> {
    records.iter().filter_map(|record| record["message"].as_str().map(str::to_owned)).collect()
}

#[test]
fn empty_input_is_no_line_and_no_failure() {
    let receiver = Receiver::start();
    let scratch = Scratch::new("empty");
    let file = scratch.path().join("log");
    fs::write(&file, "").unwrap();
    let tail = format!("logtail {}", file.display());
    for line in [
        tail.as_str(),
        "logparse nginx",
        "logparse text",
        "logfilter -W 'a > 1' || [ $? = 1 ]",
        &format!("logpost {}/in", receiver.url()),
    ] {
        let output = run(line, b"");
        assert_status(&output, 0);
        assert_eq!(output.stdout, b"", "{line}");
    }
    assert_eq!(receiver.requests(), 0);
}

#[test]
fn j8_a_last_line_without_newline_is_a_line() {
    let receiver = Receiver::start();
    let scratch = Scratch::new("no-newline");
    let file = scratch.path().join("log");
    fs::write(&file, "a\nb").unwrap();
    assert_eq!(run(&format!("logtail {}", file.display()), b"").stdout, b"a\nb\n");
    let parsed = run("logparse text", b"a\nb");
    assert_eq!(records(&parsed), [json!({"message": "a"}), json!({"message": "b"})]);
    assert_eq!(parsed.stdout.last(), Some(&b'\n'));
    assert_status(&run(&format!("logpost {}/in", receiver.url()), b"a\nb"), 0);
    assert_eq!(messages(&receiver.documents()), ["a", "b"]);
}

#[test]
fn nul_and_bad_utf8_cost_no_line() {
    let receiver = Receiver::start();
    let scratch = Scratch::new("nul");
    let file = scratch.path().join("log");
    let bytes = b"before\nn\0\xff\xfe\xc3(\n\xed\xa0\x80\r\nafter\n";
    fs::write(&file, bytes).unwrap();
    assert_eq!(run(&format!("logtail {}", file.display()), b"").stdout, bytes);
    assert_eq!(records(&run("logparse text", bytes)).len(), 4);
    assert_eq!(run("logfilter ''", bytes).stdout, bytes);
    assert_status(&run(&format!("logtail --tag -n +1 {} | logpost {}/in", file.display(), receiver.url()), b""), 0);
    let documents = receiver.documents();
    assert_eq!(documents.len(), 4);
    assert_eq!(documents[3]["message"], "after");
}

#[test]
fn a_line_over_the_limit_is_cut_and_the_next_is_whole() {
    let scratch = Scratch::new("long");
    let file = scratch.path().join("log");
    fs::write(&file, "0123456789abcdef\n0123456789abcdef\nshort\n").unwrap();
    let output = run(&format!("logtail --max-line 10 {}", file.display()), b"");
    assert_status(&output, 0);
    assert_eq!(text(&output.stdout), "0123456789\n0123456789\nshort\n");
    let record = run(&format!("logtail --tag -n +1 --max-line 10 {} | logparse text", file.display()), b"");
    assert_eq!(records(&record)[0]["_truncated"], true);
}

#[test]
fn cut_lines_are_told_once_for_each_file() {
    let scratch = Scratch::new("told");
    let file = scratch.path().join("log");
    fs::write(&file, "0123456789abcdef\n0123456789abcdef\n").unwrap();
    let output = run(&format!("logtail --max-line 10 {}", file.display()), b"");
    assert_eq!(text(&output.stderr).lines().count(), 1, "{}", text(&output.stderr));
}

#[test]
fn a_reader_that_goes_is_a_quiet_end() {
    let scratch = Scratch::new("head");
    let file = scratch.path().join("log");
    fs::write(&file, "a line of a file that does not fit into a pipe\n".repeat(100_000)).unwrap();
    for line in [
        "logtail -n +1 FILE | head -n 1",
        "logtail --tag -n +1 FILE | logfilter line | head -n 1",
        "logtail -n +1 FILE | logparse text | head -n 1",
        "logfilter line < FILE | head -n 1",
    ] {
        let output = run(&line.replace("FILE", &file.display().to_string()), b"");
        assert_status(&output, 0);
        assert_eq!(text(&output.stdout).lines().count(), 1);
        assert_eq!(text(&output.stderr), "");
    }
}

#[test]
fn a_full_disk_is_trouble_that_is_told() {
    let receiver = Receiver::start();
    receiver.script([Behaviour { item_status: Some(400), ..Behaviour::default() }]);
    let post = format!("logpost --to elasticsearch {}/in > /dev/full", receiver.url());
    for line in
        ["logtail $DATA/access-combined.log > /dev/full", "logparse text > /dev/full", "logfilter . > /dev/full", &post]
    {
        let output = run(line, b"a\n");
        assert_status(&output, 2);
        let said = text(&output.stderr);
        assert_eq!(said.matches("no space left on device").count(), 1, "{line}: {said}");
    }
}

#[test]
fn usage_errors_are_2_and_name_the_program() {
    for program in ["logtail", "logparse", "logfilter", "logpost"] {
        let output = run(&format!("{program} --nonsense"), b"");
        assert_status(&output, 2);
        let message = text(&output.stderr);
        assert!(message.starts_with(&format!("{program}: ")) && message.contains("--nonsense"), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        assert_status(&run(&format!("{program} --version"), b""), 0);
        assert_status(&run(&format!("{program} --help"), b""), 0);
    }
}

#[test]
fn bad_input_is_one_clear_line() {
    for line in [
        "logtail /nowhere/at/all",
        "logtail /",
        "logparse nonsense",
        "logfilter '('",
        "logfilter -W 'status >'",
        "logfilter pattern /etc/hostname",
        "logpost nonsense",
        "logpost http://127.0.0.1:1/in --retry-for 100ms",
        "logpost http://127.0.0.1:1/in --drain 100ms",
        "logpost http://h/ --add _pos=1",
        "logpost http://h/ --max-age 5s",
        "logpost http://h/ --cert FILE",
        "logpost http://h/ -k",
        "logpost http://h/ -u secret",
        "LOGPOST_USER=secret logpost http://h/",
        "logpost http://h/ -x secret",
    ] {
        let output = run(line, b"x\n");
        assert_status(&output, 2);
        let message = text(&output.stderr);
        assert!(!message.is_empty() && !message.contains("os error"), "{line}: {message}");
        assert!(!message.contains("secret"), "{line}: {message}");
        assert_eq!(text(&output.stdout), "", "{line}");
    }
}

#[test]
fn a_zone_that_is_none_is_said_and_taken_for_utc() {
    let line = b"{\"time\":\"2026-11-25T10:00:00\"}\n";
    for (command, prog) in [
        ("logparse syslog > /dev/null", "logparse"),
        ("logfilter -W 'time < now' > /dev/null", "logfilter"),
        ("logpost --dry-run --to elasticsearch http://h/ > /dev/null", "logpost"),
    ] {
        for (zone, said) in [
            (
                "Nowhere/Land",
                format!(
                    "{prog}: TZ=Nowhere/Land: unknown time zone, expected a name like Europe/Berlin or an offset like +02:00; it is taken for UTC\n"
                ),
            ),
            ("Europe/Berlin", String::new()),
        ] {
            let output = run(&format!("export TZ={zone}; {command}"), line);
            assert_status(&output, 0);
            assert_eq!(text(&output.stderr), said, "{command}");
        }
    }
}

#[test]
fn the_name_of_a_file_writes_to_no_terminal_what_it_would_obey() {
    let scratch = Scratch::new("name");
    fs::write(scratch.path().join("a\u{1b}[2J\nb"), "line\n").unwrap();
    // What a shell hands on is a name also where a pattern would have to end.
    let output = run(&format!("cd {} && logtail -v *", scratch.path().display()), b"");
    assert_eq!(text(&output.stdout), "==> a\\u{1b}[2J\\nb <==\nline\n");
}

const TAG: &str = "\u{1e}00000000000000aa:";

/// A whole tagged line of five bytes of content, and all that a killed writer could have left of another.
fn torn_tags() -> Vec<Vec<u8>> {
    let whole = format!("{TAG}0-6 /log\tfirst\n");
    let torn = format!("{TAG}6-13 /log\tsecond");
    (1..=torn.len()).map(|length| [whole.as_bytes(), &torn.as_bytes()[..length]].concat()).collect()
}

#[test]
fn j1_a_torn_tagged_line_is_never_taken_for_the_line() {
    for input in torn_tags() {
        let output = run("logfilter -W 'message ~ \".\"' | logparse text", &input);
        assert_eq!(messages(&records(&output)), ["first"], "{:?}", text(&input));
        assert_status(&output, 0);
    }
}

#[test]
fn j1_a_torn_tagged_line_is_not_sent() {
    for input in torn_tags().into_iter().step_by(5) {
        let receiver = Receiver::start();
        assert_status(&run(&format!("logpost {}/in", receiver.url()), &input), 0);
        assert_eq!(receiver.documents().len(), 1, "{:?}", text(&input));
    }
}

#[test]
fn j3_a_torn_line_is_known_by_its_length_when_a_filter_has_ended_it() {
    // A line torn just before its LF is whole again by what the filter adds. One that is torn behind the first number
    // has become a mark: of an offset that lies before it, so it claims nothing.
    for (filter, step) in [("awk 1", 1), ("grep -a .", 3)] {
        let torn = torn_tags();
        for input in torn[..torn.len() - 1].iter().step_by(step) {
            let output = run(&format!("{filter} | logfilter '' | logparse text"), input);
            assert_eq!(messages(&records(&output)), ["first"], "{filter}: {:?}", text(input));
        }
    }
}

#[test]
fn j2_and_j3_a_torn_record_is_neither_passed_on_nor_sent() {
    let whole = "{\"_pos\":\"00000000000000aa:0-6\",\"message\":\"first\"}\n";
    let torn = "{\"_pos\":\"00000000000000aa:6-13\",\"message\":\"second\"}";
    for length in 1..=torn.len() {
        let input = [whole, &torn[..length]].concat();
        // Torn just before its LF and given one again, it is whole.
        if length < torn.len() {
            let output = run("awk 1 | logparse text", input.as_bytes());
            assert_eq!(text(&output.stdout), whole, "with an LF: {input:?}");
        }
        for line in ["logparse text", "logfilter ''"] {
            assert_eq!(text(&run(line, input.as_bytes()).stdout), whole, "{line}: {input:?}");
        }
        if length % 10 == 0 {
            let receiver = Receiver::start();
            run(&format!("logpost {}/in", receiver.url()), input.as_bytes());
            assert_eq!(receiver.documents().len(), 1, "{input:?}");
        }
    }
}

#[test]
fn real_access_logs_are_parsed_to_the_last_line() {
    let output = run("logparse nginx < $DATA/access-combined.log", b"");
    assert_status(&output, 0);
    let records = records(&output);
    assert_eq!(records.len(), 10_000);
    assert!(records.iter().all(|record| record.get("_parse_error").is_none()));
}

#[test]
fn a_server_that_fails_in_every_way_gets_every_line_once() {
    let receiver = Receiver::start();
    let none = Behaviour::default();
    receiver.script([
        Behaviour { status: Some(503), ..none.clone() },
        Behaviour { reset: Some(Reset::After), ..none.clone() },
        Behaviour { reset: Some(Reset::Before), ..none.clone() },
        Behaviour { half: true, ..none },
    ]);
    let line = format!(
        "logtail --tag -n +1 $DATA/access-combined.log | logparse nginx | \
         logpost -v --batch-bytes 1MiB --to elasticsearch {}/nginx",
        receiver.url()
    );
    let output = run(&line, b"");
    assert_status(&output, 0);
    assert_eq!(receiver.documents().len(), 10_000, "{}", text(&output.stderr));
    assert!(receiver.conflicts() > 0, "an answer was lost, so something must have come again");
}

#[test]
fn a_refused_record_goes_to_standard_output_and_the_others_arrive() {
    let receiver = Receiver::start();
    let matching = Some("bad".to_owned());
    receiver.script([Behaviour { item_status: Some(400), matching, ..Behaviour::default() }]);
    let output = run(&format!("logpost --to elasticsearch {}/in", receiver.url()), b"good\nbad\nfine\n");
    assert_status(&output, 1);
    let refused = records(&output);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["message"], "bad");
    assert!(refused[0]["_refused"].as_str().unwrap().starts_with("400 "), "{refused:?}");
    assert_eq!(receiver.documents().len(), 2);
}

#[test]
fn h6_and_h12_when_one_member_is_killed_the_others_end_also_while_all_is_silent() {
    let scratch = Scratch::new("killed");
    let file = scratch.path().join("log");
    fs::write(&file, "one\n").unwrap();
    for victim in 0..4 {
        let receiver = Receiver::start();
        let line = [
            format!("logtail -F --tag -n +1 {}", file.display()),
            "logparse text".to_owned(),
            "logfilter -W message".to_owned(),
            format!("logpost --linger 0 {}/in", receiver.url()),
        ];
        let errors = scratch.path().join("errors");
        let mut pipe = Pipeline::start(&line.map(|member| words(&member)), &errors).unwrap();
        await_that("the first line", || receiver.documents().len() == 1);
        pipe.signal(victim, Signal::KILL);
        await_that(&format!("the end, with member {victim} killed"), || pipe.has_ended());
    }
}

#[test]
fn the_first_line_of_a_slow_writer_is_through_at_once() {
    let mut child = Command::new(tools::directory().join("logparse"))
        .arg("text")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdin.write_all(b"one\ntw").unwrap();
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "{\"message\":\"one\"}\n");
    drop(stdin);
    line.clear();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "{\"message\":\"tw\"}\n");
    child.wait().unwrap();
}

#[test]
fn with_state_a_second_run_goes_on_where_the_first_was_answered() {
    let receiver = Receiver::start();
    let scratch = Scratch::new("state");
    let (log, state) = (scratch.path().join("log"), scratch.path().join("state"));
    let line = format!(
        "logtail --state {state} --advance {log} | logparse text | logpost --state {state} --to elasticsearch {url}/in",
        state = state.display(),
        log = log.display(),
        url = receiver.url()
    );
    fs::write(&log, "one\ntwo\n").unwrap();
    assert_status(&run(&line, b""), 0);
    let mut file = fs::OpenOptions::new().append(true).open(&log).unwrap();
    file.write_all(b"three\n").unwrap();
    assert_status(&run(&line, b""), 0);
    let messages: Vec<Value> =
        receiver.documents().into_iter().map(|mut document| document["message"].take()).collect();
    assert_eq!(messages, ["one", "two", "three"]);
    assert_eq!(receiver.conflicts(), 0);
}

#[test]
fn a_line_longer_than_any_tool_takes_is_passed_by_as_trouble_and_its_neighbours_stay() {
    let receiver = Receiver::start();
    let long = vec![b'x'; 9 << 20];
    let input = [b"before\n", long.as_slice(), b"\nafter\n"].concat();
    for line in ["logfilter ''", "logparse text", &format!("logpost {}/in", receiver.url())] {
        let output = run(line, &input);
        assert_status(&output, 2);
        let said = text(&output.stderr);
        assert_eq!(said.matches("passed by").count(), 1, "{line}: {said}");
        let lines = text(&output.stdout).lines().count();
        assert_eq!(lines, if line.starts_with("logpost") { 0 } else { 2 }, "{line}");
    }
    assert_eq!(messages(&receiver.documents()), ["before", "after"]);
}

#[test]
fn a_line_with_nothing_behind_it_is_through_the_pipe_of_four_with_and_without_linger() {
    for linger in ["--linger 0", ""] {
        let site = Site::new(&format!("slow-{}", linger.len()));
        let line = [
            format!("logtail -F --tag {}", site.log().display()),
            "logparse text".to_owned(),
            "logfilter -W message".to_owned(),
            format!("logpost {linger} {}/in", site.receiver.url()),
        ];
        let pipe = site.start(&line.map(|member| words(&member))).unwrap();
        for number in 1..4 {
            site.append("a line\n").unwrap();
            await_that("the line", || site.receiver.documents().len() == number);
        }
        drop(pipe);
    }
}
