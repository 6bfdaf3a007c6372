//! Every option that grep has too does what it does there, on random lines and patterns of the common subset.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod random;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::thread;

use random::Random;

/// What lines are made of: letters, what is no word, what has meaning in patterns, more than one byte, no text at all.
const LINE: [&str; 18] =
    ["a", "b", "ab", "A", "B", "c", "1", "_", " ", "-", ".", "*", "[", "$", "\u{e9}", "\u{c9}", "\0", "\r"];
/// What patterns are made of, each a whole pattern.
const ATOM: [&str; 16] =
    ["a", "b", "ab", "B", "c", "1", "_", " ", "-", r"\.", ".", "[ab]", "[^a]", "[a-c1]", "\u{e9}", r"\$"];
const OPTIONS: [&[&str]; 12] = [
    &[],
    &["-i"],
    &["-v"],
    &["-w"],
    &["-x"],
    &["-i", "-v"],
    &["-w", "-i"],
    &["-x", "-v"],
    &["-c"],
    &["-c", "-v"],
    &["-m", "3"],
    &["-m", "2", "-v"],
];

fn lines(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..300 {
        text.push_str(&random.text(&LINE, 8));
        text.push('\n');
    }
    if random.one_in(3) {
        text.pop();
    }
    text
}

/// A pattern that means the same to both. (Anchors inside of groups do not: in GNU grep `x(^a)*` may depend on its other
/// patterns.)
fn pattern(random: &mut Random, depth: usize) -> String {
    let text = sequence(random, depth);
    match random.below(8) {
        0 => format!("^{text}"),
        1 => format!("{text}$"),
        2 => format!("^{text}$"),
        3 => format!(r"\b{text}"),
        _ => text,
    }
}

fn sequence(random: &mut Random, depth: usize) -> String {
    let mut text = String::new();
    for _ in 0..=random.below(3) {
        let piece = if depth > 0 && random.one_in(4) {
            format!("({}|{})", sequence(random, depth - 1), sequence(random, depth - 1))
        } else {
            random.of(&ATOM).to_owned()
        };
        text.push_str(&piece);
        text.push_str(["", "", "", "*", "+", "?", "{2}", "{1,2}"][random.below(8)]);
    }
    text
}

fn run(program: &str, arguments: &[String], input: &str) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    thread::scope(|scope| {
        // With -q and -m the reader goes away early.
        scope.spawn(move || stdin.write_all(input.as_bytes()));
        child.wait_with_output().unwrap()
    })
}

/// Both programs with the same arguments and input; a difference is described.
fn compare(arguments: &[String], input: &str, differences: &mut String) {
    let ours = run(env!("CARGO_BIN_EXE_logfilter"), arguments, input);
    let syntax = if arguments.iter().any(|argument| argument == "-F") { "-a" } else { "-aE" };
    let grep = run("grep", &[&[syntax.to_owned()], arguments].concat(), input);
    if ours.status.code() != grep.status.code() || ours.stdout != grep.stdout {
        let only = |one: &[u8], other: &[u8]| {
            let other: Vec<&[u8]> = other.split(|byte| *byte == b'\n').collect();
            let line = one.split(|byte| *byte == b'\n').find(|line| !other.contains(line));
            line.map(|line| line.escape_ascii().to_string())
        };
        let _ = writeln!(
            differences,
            "{arguments:?}: exit {:?}, grep {:?}; only here {:?}, only there {:?} {}",
            ours.status.code(),
            grep.status.code(),
            only(&ours.stdout, &grep.stdout),
            only(&grep.stdout, &ours.stdout),
            String::from_utf8_lossy(&ours.stderr),
        );
    }
}

#[test]
fn regular_expressions_select_what_they_select_in_grep() {
    let mut random = Random::new(1);
    let mut differences = String::new();
    for round in 0..360 {
        let input = lines(&mut random);
        let mut arguments: Vec<String> =
            OPTIONS[round % OPTIONS.len()].iter().map(|option| (*option).to_owned()).collect();
        for _ in 0..=random.below(2) {
            // Where an empty match is a word, grep -w looks for it only at its first place, and logfilter at all; and with
            // groups in groups it can take for ever.
            let is_word = arguments.iter().any(|argument| argument == "-w");
            let pattern = if is_word { format!("[a-c1]{}", sequence(&mut random, 0)) } else { pattern(&mut random, 2) };
            arguments.extend(["-e".to_owned(), pattern]);
        }
        compare(&arguments, &input, &mut differences);
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn plain_texts_select_what_they_select_in_grep() {
    let mut random = Random::new(2);
    let mut differences = String::new();
    for round in 0..120 {
        let input = lines(&mut random);
        let mut arguments: Vec<String> =
            OPTIONS[round % OPTIONS.len()].iter().map(|option| (*option).to_owned()).collect();
        let mut text = random.text(&LINE[..16], 3);
        if text.is_empty() && arguments.iter().any(|argument| argument == "-v") {
            // Then grep ends without reading, and -c does not print its 0.
            text.push('a');
        }
        arguments.extend(["-F".to_owned(), "-e".to_owned(), text]);
        if random.one_in(2) {
            arguments.extend(["-e".to_owned(), random.text(&LINE[..16], 2)]);
        }
        compare(&arguments, &input, &mut differences);
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn patterns_of_a_file_are_those_of_options() {
    let mut random = Random::new(3);
    let mut differences = String::new();
    let file = std::env::temp_dir().join(format!("logfilter-patterns-{}", std::process::id()));
    for _ in 0..30 {
        let patterns: String = (0..=random.below(3)).map(|_| pattern(&mut random, 1) + "\n").collect();
        fs::write(&file, &patterns).unwrap();
        let input = lines(&mut random);
        compare(&["-f".to_owned(), file.display().to_string()], &input, &mut differences);
        compare(&["-e".to_owned(), patterns.trim_end_matches('\n').to_owned()], &input, &mut differences);
    }
    fs::remove_file(&file).unwrap();
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn quiet_says_it_by_the_status() {
    let mut random = Random::new(4);
    let mut differences = String::new();
    for _ in 0..30 {
        let input = lines(&mut random);
        compare(&["-q".to_owned(), pattern(&mut random, 2)], &input, &mut differences);
        compare(&["-q".to_owned(), "-x".to_owned(), pattern(&mut random, 2)], &input, &mut differences);
    }
    compare(&["-m".to_owned(), "0".to_owned(), "a".to_owned()], "a\n", &mut differences);
    compare(&["a".to_owned()], "", &mut differences);
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn patterns_of_every_day_select_what_they_select_in_grep_of_a_real_log() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/access-combined.log");
    let input = String::from_utf8_lossy(&fs::read(data).unwrap()).into_owned();
    let mut differences = String::new();
    for pattern in [
        "Googlebot",
        r#"\] "[A-Z]+ /[a-z]+\.php"#,
        r#"" [45][0-9]{2} "#,
        r#""GET [^"]*\.(png|jpg) HTTP"#,
        r"^[0-9.]+ - [^-]",
        r#"bot[^ ]*"$"#,
        r"(Firefox|Chrome)/[0-9]+\.[1-9]",
        r"Mozilla.*Googlebot",
        r"[a-z]+\.logstash|[a-z]+-logstash",
        r"x{1,3}[0-9]+y?z",
        r"\bmsie\b",
    ] {
        for options in [&[][..], &["-v"], &["-i"], &["-c"], &["-w"], &["-x"], &["-m", "5"]] {
            let arguments: Vec<String> =
                options.iter().chain(&["-e", pattern]).map(|text| (*text).to_owned()).collect();
            compare(&arguments, &input, &mut differences);
        }
    }
    assert!(differences.is_empty(), "{differences}");
}
