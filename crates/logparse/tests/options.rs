//! What the options do, and what is said of those that cannot be.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::process::{Command, Stdio};

/// stdout, stderr and the exit code of a run.
fn run(args: &[&str], variables: &[(&str, &str)], input: &str) -> (String, String, i32) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_logparse"))
        .args(args)
        .env_remove("LOGPARSE_LOG_FORMAT")
        .env_remove("NO_COLOR")
        .env("TZ", "UTC")
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // A tool that refuses its options does not read.
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

fn written(args: &[&str], input: &str) -> String {
    run(args, &[], input).0
}

#[test]
fn what_cannot_be_is_said_in_one_line_with_what_was_expected() {
    let conf = format!("{}/../../tests/data/nginx/formats.conf", env!("CARGO_MANIFEST_DIR"));
    let cases: [(&[&str], &str); 36] = [
        (&[], "FORMAT: missing, expected one of nginx "),
        (&["ngnix"], "ngnix: unknown format, did you mean nginx"),
        (&["prometheus"], "prometheus: unknown format, expected one of nginx apache "),
        (&["json,"], "FORMAT: an empty name in 'json,'"),
        (&["nginx,cri"], "nginx,cri: cri must come first"),
        (&["access.log"], "access.log: is no format, try logparse FORMAT < access.log"),
        (&["nginx", "access.log"], "access.log: reads standard input, try logparse nginx < access.log"),
        (
            &["nginx", "--log-format", "a b"],
            "--log-format: no $ in it: the shell takes $name away inside double quotes",
        ),
        (&["nginx", "--log-format", ""], "--log-format: no $ in it"),
        (&["nginx", "--log-format", "$status$pid"], "--log-format: nothing between $status and $pid: where one ends"),
        (&["nginx", "--log-format", "$ "], "--log-format: a $ without the name of a variable"),
        (&["nginx", "--log-format", "${status"], "--log-format: a { without its }"),
        (&["nginx", "--log-format", "$reqest"], "--log-format: $reqest: unknown variable, did you mean $request"),
        (&["nginx", "--log-format", "$my_own_thing"], "--log-format: $my_own_thing: unknown variable, expected one of"),
        (&["nginx", "--log-format-file", "/nowhere/at/all"], "/nowhere/at/all: no such file or directory"),
        (&["nginx", "--nginx-conf", "/"], "/: is a directory"),
        (
            &["nginx", "--nginx-conf", &conf, "--format-name", "nope"],
            "formats.conf: no log_format nope in it, expected one of ",
        ),
        (&["json", "--log-format", "$status"], "--log-format: has no meaning for json, only for nginx"),
        (&["nginx", "--log-format", "escape=xml '$a'"], "--log-format: escape=xml: expected default, json or none"),
        (&["apache", "--log-format", "%Q"], "--log-format: %Q: unknown directive"),
        (
            &["apache", "--log-format", "%h%u"],
            "--log-format: nothing between remote_addr and remote_user: where one ends",
        ),
        (&["apache", "--log-format", "%{%Q}t"], "--log-format: %Q in %{%Q}t: unknown conversion of strftime"),
        (&["--regex", "a(b)"], "--regex: no named group in it, expected one like (?<status>[0-9]+)"),
        (&["--regex", "(?<a>b"], "--regex: unclosed group"),
        (&["--grok", "(?=x)%{IP:a}"], "--grok: look-around is not supported, in the syntax of the regex crate"),
        (&["--grok", "%{NOPE:a}"], "--grok: %{NOPE}: unknown pattern"),
        (&["syslog", "--tz", "Mars/Base"], "Mars/Base: unknown time zone, expected a name like Europe/Berlin"),
        (&["text", "--join-start", "("], "--join-start: unclosed group"),
        (&["text", "--join-bytes", "2MiB"], "--join-bytes: expected a size from 1 to 1MiB"),
        (&["text", "--join-memory", "1KiB"], "--join-memory: expected a size from 64KiB"),
        (&["text", "--join", "x"], "invalid value 'x' for '--join <WHAT>', expected one of trace, json"),
        (&["csv"], "--columns: missing, expected the names of the columns, or postgres"),
        (&["csv", "--columns", "a:date"], "--columns: a:date: expected int or float behind the colon"),
        (&["json", "--columns", "a"], "--columns: has no meaning for json, only for csv"),
        (&["text", "--join-lines", "0"], "--join-lines: expected a number from 1"),
        (&["text", "--on-error", "x"], "invalid value 'x' for '--on-error <WHAT>', expected one of keep, raw, drop"),
    ];
    for (args, said) in cases {
        let (output, message, exit) = run(args, &[], "x\n");
        assert!(message.starts_with("logparse: ") && message.contains(said), "{args:?} said {message}");
        assert_eq!((message.lines().count(), output.as_str(), exit), (1, "", 2), "{args:?}");
    }
}

#[test]
fn a_variable_of_ones_own_is_named_or_stands_in_an_nginx_conf() {
    let args = ["nginx", "--log-format", "$my_own $status", "--variable", "my_own"];
    assert_eq!(written(&args, "a 200\n"), "{\"my_own\":\"a\",\"status\":200}\n");
    let conf = std::env::temp_dir().join(format!("logparse-own-{}.conf", std::process::id()));
    std::fs::write(&conf, "map $status $my_own { default 1; }\nlog_format main '$my_own $status';").unwrap();
    let (output, said, exit) = run(&["nginx", "--nginx-conf", conf.to_str().unwrap()], &[], "a 200\n");
    std::fs::remove_file(&conf).unwrap();
    assert_eq!((output.as_str(), said.as_str(), exit), ("{\"my_own\":\"a\",\"status\":200}\n", "", 0));
}

#[test]
fn the_format_may_stand_in_the_environment_and_a_slip_there_is_named_so() {
    let (output, ..) = run(&["nginx"], &[("LOGPARSE_LOG_FORMAT", "$status")], "200\n");
    assert_eq!(output, "{\"status\":200}\n");
    let (_, said, exit) = run(&["nginx"], &[("LOGPARSE_LOG_FORMAT", "$sttus")], "200\n");
    assert!(
        said.starts_with("logparse: LOGPARSE_LOG_FORMAT: $sttus: unknown variable, did you mean $status"),
        "{said}"
    );
    assert_eq!(exit, 2);
}

const MIXED: &str = "200\nnone\n404\n";

#[test]
fn a_line_of_nothing_but_its_end_is_empty_in_every_format() {
    assert_eq!(written(&["nginx", "--log-format", "$host"], "\r\n\na\r\n"), "{\"host\":\"a\"}\n");
}

#[test]
fn a_line_that_cannot_be_read_is_kept_passed_or_dropped() {
    let with = |what| written(&["nginx", "--log-format", "$status", "--on-error", what], MIXED);
    let kept = "{\"status\":200}\n{\"message\":\"none\",\"_parse_error\":\"nginx: $status is not what it should be\"}\n{\"status\":404}\n";
    assert_eq!(with("keep"), kept);
    assert_eq!(with("raw"), "{\"status\":200}\nnone\n{\"status\":404}\n");
    assert_eq!(with("drop"), "{\"status\":200}\n{\"status\":404}\n");
}

#[test]
fn the_answer_is_no_when_nothing_was_read_or_one_line_was_not_and_that_was_asked() {
    let exit = |args: &[&str], input| run(&[&["nginx", "--log-format", "$status"], args].concat(), &[], input).2;
    assert_eq!((exit(&[], MIXED), exit(&["--strict"], MIXED)), (0, 1));
    assert_eq!((exit(&[], "x\n"), exit(&[], ""), exit(&[], "\n\n"), exit(&["--strict"], "200\n")), (1, 0, 0, 0));
    let tagged = "\x1e00000000000000aa:0-2 /a\tx\n\x1e00000000000000aa:2\n\x1eend\n";
    assert_eq!((exit(&[], tagged), exit(&["--strict"], tagged)), (0, 1), "a healthy container must not fail by a 1");
}

#[test]
fn that_most_lines_fail_is_said_once_with_the_first_reason() {
    let (_, said, _) = run(&["json"], &[], &"no object\n".repeat(1000));
    assert_eq!(said.lines().count(), 1);
    assert!(said.ends_with("lines could not be parsed, the first: json: not an object\n"), "{said}");
}

#[test]
fn keys_are_selected_dropped_and_the_line_kept() {
    let line = "1.2.3.4 - - [10/Oct/2025:13:55:36 +0000] \"GET / HTTP/1.1\" 200 6 \"-\" \"a\\x22b\"\n";
    let only = written(&["nginx", "--only", "time,status", "--only", "http_user_agent"], line);
    assert_eq!(only, "{\"time\":\"2025-10-10T13:55:36Z\",\"status\":200,\"http_user_agent\":\"a\\\"b\"}\n");
    let rest = written(&["nginx", "--drop", "time,remote_addr,request_method,request_uri,server_protocol"], line);
    assert_eq!(rest, "{\"status\":200,\"body_bytes_sent\":6,\"http_user_agent\":\"a\\\"b\"}\n");
    let raw = written(&["nginx", "--only", "http_user_agent", "--no-unescape"], line);
    assert_eq!(raw, "{\"http_user_agent\":\"a\\\\x22b\"}\n");
    let kept = written(&["nginx", "--only", "status,message", "--keep-message"], line);
    let message = line.trim_end().replace('\\', "\\\\").replace('"', "\\\"");
    assert_eq!(kept, format!("{{\"status\":200,\"message\":\"{message}\"}}\n"));
    let position = format!("00000000000000aa:0-{}", line.len());
    let tagged = written(&["nginx", "--only", "status"], &format!("\x1e{position} /a\t{line}"));
    let expected = format!("{{\"_pos\":\"{position}\",\"_file\":\"/a\",\"status\":200}}\n");
    assert_eq!(tagged, expected, "the keys of the stream stay");
}

#[test]
fn pretty_lines_have_no_colour_where_nobody_looks() {
    let line = "{\"time\":\"2026-11-29T07:24:02Z\",\"level\":\"error\",\"message\":\"boom\",\"status\":500}\n";
    for variables in [&[][..], &[("NO_COLOR", "1")]] {
        let (output, ..) = run(&["json", "--pretty"], variables, line);
        assert_eq!(output, "2026-11-29T07:24:02Z error boom status=500\n");
    }
    assert_eq!(
        written(&["text", "--pretty"], line),
        "2026-11-29T07:24:02Z error boom status=500\n",
        "records are read too"
    );
}

#[test]
fn auto_tells_each_line_by_its_own_shape_whatever_came_before() {
    let lines = [
        "1.2.3.4 - - [10/Oct/2025:13:55:36 +0000] \"GET / HTTP/1.1\" 200 6 \"-\" \"level=info msg=x\"",
        "level=info msg=\"[10/Oct/2025:13:55:36 +0000] \\\"\" k=v",
        "I1123 08:53:04.123456 1 a.go:1] x - - [10/Oct/2025:13:55:36 +0000] \"GET / HTTP/1.1\" 200 6 \"-\" \"-\"",
        "2026/11/23 08:53:54 [error] 1#1: level=info msg=x",
        "<34>Oct 11 22:14:15 host su[1]: level=info msg=x",
        "{\"a\":1}",
        "a sentence with one = in it",
        "2025-10-10T13:55:36.1Z stdout F level=info msg=x",
    ];
    let alone: Vec<_> = lines.iter().map(|line| written(&["auto"], &format!("{line}\n"))).collect();
    for one in 0..lines.len() {
        for other in 0..lines.len() {
            let pair = written(&["auto"], &format!("{}\n{}\n", lines[one], lines[other]));
            assert_eq!(pair, format!("{}{}", alone[one], alone[other]));
        }
    }
}

#[test]
fn colours_are_kept_in_a_message_where_that_is_asked() {
    let line = "\u{1b}[2m2026-11-29T07:24:02Z\u{1b}[0m \u{1b}[32mINFO\u{1b}[0m a: \u{1b}[1mhello\u{1b}[0m\n";
    let stripped = "{\"time\":\"2026-11-29T07:24:02Z\",\"level\":\"info\",\"message\":\"a: hello\"}\n";
    assert_eq!(written(&["text"], line), stripped);
    let kept = written(&["text", "--keep-ansi"], line);
    assert!(kept.contains("\"level\":\"info\"") && kept.contains("\\u001b[1mhello\\u001b[0m"), "{kept}");
}

#[test]
fn an_object_is_lifted_and_no_value_is_lost_for_it() {
    let line = "{\"timestamp\":\"2026-11-29T07:24:02Z\",\"fields\":{\"message\":\"m\",\"timestamp\":5},\"n\":1}\n";
    let expected = "{\"timestamp\":\"2026-11-29T07:24:02Z\",\"fields.timestamp\":5,\"n\":1,\"message\":\"m\"}\n";
    assert_eq!(written(&["json", "--lift", "fields"], line), expected);
    assert_eq!(written(&["json", "--lift", "n"], "{\"n\":1}\n"), "{\"n\":1}\n", "a number has no members");
}

#[test]
fn a_field_that_is_no_text_is_said_once() {
    let (output, errors, _) = run(&["text", "--field", "a"], &[], "{\"a\":{\"b\":1}}\n{\"a\":{\"b\":2}}\n");
    assert_eq!(output, "{\"a\":{\"b\":1}}\n{\"a\":{\"b\":2}}\n");
    let expected =
        "logparse: --field a: is no text, so there is nothing to parse in it; --lift gives its members to the record\n";
    assert_eq!(errors, expected);
}

#[test]
fn levels_have_one_set_of_words_where_that_is_asked() {
    for (line, expected) in [
        ("{\"level\":30,\"msg\":\"x\"}", "{\"level\":\"info\",\"msg\":\"x\",\"level_\":30}"),
        ("{\"level\":\"warning\"}", "{\"level\":\"warn\",\"level_\":\"warning\"}"),
        ("{\"level\":\"ERROR\"}", "{\"level\":\"error\"}"),
        ("{\"severity\":\"WARNING\"}", "{\"level\":\"warn\",\"severity\":\"WARNING\"}"),
        ("{\"level\":\"loud\"}", "{\"level\":\"loud\"}"),
        ("{\"n\":1}", "{\"n\":1}"),
    ] {
        assert_eq!(written(&["json", "--level-names"], &format!("{line}\n")), format!("{expected}\n"));
        assert_eq!(written(&["json"], &format!("{line}\n")), format!("{line}\n"), "names and values stay");
    }
}

#[test]
fn a_zone_that_is_not_ours_is_said_once_and_its_stamps_are_no_times() {
    let lines = "2026-11-29 07:24:02 CET a\n2026-11-29 07:24:03 PST b\n";
    let (output, errors, _) = run(&["text", "--tz", "UTC"], &[], lines);
    assert_eq!(output, "{\"message\":\"2026-11-29 07:24:02 CET a\"}\n{\"message\":\"2026-11-29 07:24:03 PST b\"}\n");
    assert_eq!(errors, "logparse: 'CET' is no zone of --tz UTC, give --tz\n");
    let (output, errors, _) = run(&["text", "--tz", "Europe/Berlin"], &[], "2026-11-29 07:24:02 CET a\n");
    assert_eq!(
        (output.as_str(), errors.as_str()),
        ("{\"time\":\"2026-11-29T07:24:02+01:00\",\"message\":\"a\"}\n", "")
    );
}
