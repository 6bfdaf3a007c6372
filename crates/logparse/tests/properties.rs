//! What holds for any bytes: each line becomes one valid object or a mark, nothing is forged, and where reads happen to
//! end makes no difference.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

const FORMATS: [&str; 13] = [
    "nginx",
    "apache",
    "ingress-nginx",
    "json",
    "logfmt",
    "syslog",
    "cri",
    "docker",
    "klog",
    "text",
    "auto",
    "cri,auto",
    "docker,json",
];

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

fn run(args: &[&str], pieces: &[&[u8]]) -> Vec<u8> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_logparse"))
        .args(args)
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
    let writer = std::thread::spawn(move || {
        for piece in pieces {
            let _ = stdin.write_all(&piece);
        }
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{args:?}: {:?}", output.status);
    output.stdout
}

/// Lines made of what formats look for, broken in any way.
fn hostile_lines(dice: &mut Dice, count: usize) -> Vec<u8> {
    let seeds: [&[u8]; 16] = [
        br#"1.2.3.4 - - [10/Oct/2025:13:55:36 +0200] "GET / HTTP/1.1" 200 3 "-" "a\x22b""#,
        b"2026/11/23 08:53:54 [error] 1#1: *3 x, client: 1.2.3.4, server: _, request: \"GET / HTTP/1.1\", host: \"e\"",
        br#"{"_pos":"0000000000000001:0-5","a":[1,{"b":-}],"a":2,"_file":"x","_parse_error":1,"time":"\u0041"}"#,
        br#"{"log":"a\u0000\n","stream":"stderr","time":"2025-10-10T13:55:36Z","_pos":"end"}"#,
        b"2025-10-10T13:55:36.1Z stdout P part",
        b"2025-10-10T13:55:36.1Z stderr F \xff\xfe",
        br#"<165>1 2025-10-11T22:14:15.003Z h a 1 m [x@1 a="\"\]" b="c"][y] msg"#,
        b"<34>Oct 11 22:14:15 host su[1]: x",
        b"I1123 08:53:04.123456 1 a.go:1] hello",
        br#"2025-10-10T13:55:36Z level=info msg="a \"b\" \xff" k=v k=w _pos=1 flag"#,
        b"[Mon Nov 23 08:57:12.618240 2026] [core:info] [pid 7:tid 8] [client 1.2.3.4:5] AH1: x",
        b"\x1e0000000000000001:0-",
        b"\x00\x01\x02\"\"\"\"\\\\\\x",
        b"{\"a\":",
        "2025-10-10 13:55:36,123 ERROR \u{e9}\u{1f600}".as_bytes(),
        br#"::1 - - [07/Feb/2025:11:48:51 +0000] "POST /p HTTP/1.1" 200 59 "-" "c" 89 0.001 [] [] 1, 2 : 3 0, -, 1 0.0 200 i"#,
    ];
    let mut lines = Vec::new();
    for _ in 0..count {
        let mut line = seeds[dice.roll(seeds.len())].to_vec();
        for _ in 0..dice.roll(4) {
            let at = dice.roll(line.len() + 1);
            match dice.roll(4) {
                0 => line.truncate(at),
                1 => line.insert(at, u8::try_from(dice.roll(256)).unwrap()),
                2 if at < line.len() => drop(line.remove(at)),
                _ => {
                    let other = seeds[dice.roll(seeds.len())];
                    line.splice(at..at, other[dice.roll(other.len())..].iter().copied());
                }
            }
        }
        line.retain(|byte| *byte != b'\n');
        lines.extend_from_slice(&line);
        lines.push(b'\n');
    }
    lines
}

/// Ways to read lines beside the formats alone.
const WAYS: [&[&str]; 12] = [
    &["nginx", "--log-format", "escape=none '$remote_addr $request $http_x $http_y $status'"],
    &["nginx", "--log-format", "$request_method $status \"$request\" $request_uri $status"],
    &["nginx", "--log-format", "$upstream_addr $upstream_status $msec $time_local"],
    &["nginx", "--only", "status,time"],
    &["nginx", "--keep-message", "--no-unescape"],
    &["nginx", "--field", "a"],
    &["apache", "--log-format", "%h %a %{X\"y}i %t \"%r\" %m"],
    &["--regex", "(?<time>[0-9:T-]+)(?<level> [a-z]+)?(?<message>.*)"],
    &["--grok", "%{IP:a} %{GREEDYDATA:message}"],
    &["text", "--join", "trace"],
    &["cri,logfmt", "--join-start", "^[0-9<{]"],
    &["docker,auto", "--drop", "stream"],
];

#[test]
fn any_line_becomes_one_valid_object_in_which_no_key_occurs_twice() {
    let formats = FORMATS.map(|format| [format]);
    for (seed, args) in (1..).zip(formats.iter().map(|args| &args[..]).chain(WAYS)) {
        let format = args.join(" ");
        let log = hostile_lines(&mut Dice(seed), 8000);
        let came: HashSet<_> = log.split(|byte| *byte == b'\n').collect();
        let written = String::from_utf8(run(args, &[&log])).unwrap();
        for line in written.lines() {
            let record: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{format}: {error}: {line}"));
            let keys = record.as_object().unwrap_or_else(|| panic!("{format}: {line}"));
            let members = logline::json::members(line.as_bytes()).count();
            // What is a record already passes as it came.
            let is_passed = came.contains(line.as_bytes());
            assert!(is_passed || keys.len() == members, "{format}: two equal keys in {line}");
        }
        if args.len() > 1 {
            continue;
        }
        if !format.contains("cri") && !format.contains("docker") && format != "auto" {
            // The beginning of a record that is torn is dropped by contract.
            let counts = |line: &&[u8]| !line.is_empty() && **line != b"\r"[..] && !line.starts_with(b"{\"_");
            let lines = log.split(|byte| *byte == b'\n').filter(counts).count();
            assert!(written.lines().count() >= lines, "{format}");
        }
    }
}

#[test]
fn where_a_read_ends_makes_no_difference() {
    let mut dice = Dice(99);
    for format in FORMATS {
        let log = hostile_lines(&mut dice, 300);
        let whole = run(&[format], &[&log]);
        for _ in 0..6 {
            let at = dice.roll(log.len());
            assert!(run(&[format], &[&log[..at], &log[at..]]) == whole, "{format} at {at}");
        }
    }
}

/// A tagged stream of `contents`, with a mark behind each line and its end.
fn tagged(contents: &[&[u8]]) -> Vec<u8> {
    let mut stream = Vec::new();
    let mut at = 0;
    for content in contents {
        let end = at + content.len() + 1;
        stream.extend_from_slice(format!("\x1e00000000000000aa:{at}-{end} /var/log/x.log\t").as_bytes());
        stream.extend_from_slice(content);
        stream.extend_from_slice(format!("\n\x1e00000000000000aa:{end}\n").as_bytes());
        at = end;
    }
    stream.extend_from_slice(b"\x1eend\n");
    stream
}

#[test]
fn content_cannot_forge_a_position() {
    let contents: [&[u8]; 3] = [
        br#"{"_pos":"00000000000000bb:0-9","_file":"forged","x":1}"#,
        b"\x1e00000000000000bb:0-9 forged\tx",
        b"_pos=00000000000000bb:0-9 a=b",
    ];
    for format in FORMATS {
        let written = String::from_utf8(run(&[format], &[&tagged(&contents)])).unwrap();
        for line in written.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            let position = record["_pos"].as_str().unwrap();
            assert!(position == "end" || position.starts_with("00000000000000aa:"), "{format}: {line}");
            assert_ne!(record["_file"], "forged", "{format}: {line}");
        }
    }
}

#[test]
fn marks_are_lowered_to_what_is_not_held() {
    let contents: [&[u8]; 3] = [
        b"2025-10-10T13:55:36.1Z stdout P aaa",
        b"2025-10-10T13:55:36.2Z stderr F err",
        b"2025-10-10T13:55:36.3Z stdout F bbb",
    ];
    let written = String::from_utf8(run(&["cri"], &[&tagged(&contents)])).unwrap();
    let positions: Vec<_> =
        written.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["_pos"].clone()).collect();
    assert_eq!(
        positions,
        [
            "00000000000000aa:0",
            "00000000000000aa:36-72@0",
            "00000000000000aa:0",
            "00000000000000aa:0-108",
            "00000000000000aa:108",
            "end"
        ]
    );
}

#[test]
fn what_is_held_is_dropped_where_the_stream_was_cut_and_sent_where_the_file_is_finished() {
    let part = tagged(&[b"2025-10-10T13:55:36.1Z stdout P aaa"]);
    let cut = part.strip_suffix(b"\x1eend\n").unwrap();
    let written = String::from_utf8(run(&["cri"], &[cut])).unwrap();
    assert_eq!(written, "{\"_pos\":\"00000000000000aa:0\"}\n");
    let finished = [cut, b"\x1e00000000000000aa:36.\n"].concat();
    let written = String::from_utf8(run(&["cri"], &[&finished])).unwrap();
    assert!(written.contains("\"message\":\"aaa\""), "{written}");
    assert!(written.ends_with("{\"_pos\":\"00000000000000aa:36.\"}\n"), "{written}");
}

#[test]
fn two_filters_give_what_a_chain_gives() {
    let line = b"2025-10-10T13:55:36Z stdout F 1.2.3.4 - - [10/Oct/2025:13:55:36 +0000] \"GET / HTTP/1.1\" 200 6 \"-\" \"-\"\n2025-10-10T13:55:36Z stdout F no access\n";
    let chain = run(&["cri,nginx"], &[line]);
    let two = run(&["nginx", "--field", "message"], &[&run(&["cri"], &[line])]);
    assert_eq!(String::from_utf8(chain).unwrap(), String::from_utf8(two).unwrap());
}
