//! What each tool says of itself: its help, its man page, its completions, all made of one definition.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../examples/manuals.rs"]
#[allow(dead_code, reason = "its main is that of the program")]
mod manuals;

use std::fs;
use std::process::Command;

use logpipe_tests::tools::{self, Scratch};

const TOOLS: [&str; 4] = ["logtail", "logparse", "logfilter", "logpost"];

fn said(tool: &str, arguments: &[&str]) -> (String, Option<i32>) {
    let output = Command::new(tools::directory().join(tool)).args(arguments).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

/// The words of a command as a shell parts them; quotes are all it knows.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in text.trim().chars() {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            (None, ' ') => words.push(String::new()),
            _ => words.last_mut().unwrap().push(letter),
        }
    }
    words
}

#[test]
fn help_tells_options_exit_status_and_examples_and_version_the_version() {
    for tool in TOOLS {
        let (help, status) = said(tool, &["--help"]);
        assert_eq!(status, Some(0));
        for part in ["Usage: ", "Options:", "Exit status:\n  0  ", "Examples:\n"] {
            assert!(help.contains(part), "{tool} --help has no '{part}': {help}");
        }
        let version = format!("{tool} {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(said(tool, &["--version"]), (version, Some(0)));
    }
}

#[test]
fn the_short_help_fits_a_screen_and_every_heading_names_options_that_there_are() {
    for (command, manual) in manuals::commands() {
        let tool = command.get_name();
        let (short, status) = said(tool, &["-h"]);
        assert_eq!(status, Some(0));
        let (lines, all) = (short.lines().count(), said(tool, &["--help"]).0.lines().count());
        assert!(lines <= 24 && lines < all, "{tool} -h has {lines} lines: {short}");
        assert!(short.ends_with(&format!("{tool} --help shows all options, exit status and examples.\n")), "{short}");
        let known: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
        for option in manual.short {
            assert!(known.contains(option), "{tool} -h names --{option}, which is none of its options");
        }
    }
}

#[test]
fn what_hands_know_from_related_tools_is_answered_with_what_does_it_here() {
    for (line, answer) in [
        ("logtail --follow=name x", "logtail: --follow=name: -F follows by name\n"),
        ("logtail -20 x", "logtail: -20: unknown option, use -n 20\n"),
        ("logtail -2 x", "logtail: -2: unknown option, use -n 2\n"),
        ("logfilter -o x", "logfilter: -o: unknown option, use grep -o behind it\n"),
        (
            "logfilter -W 'a == 1 AND b' < /dev/null",
            "logfilter: a == 1 AND b\nlogfilter:        ^\nlogfilter: -W: column 8: expected 'and', 'or' or the end; did you mean 'and'\n",
        ),
        ("logpost --to es http://h", "logpost: es: unknown, did you mean elasticsearch\n"),
        ("logpost -d x http://h", "logpost: -d: unknown option, records are read from standard input\n"),
    ] {
        let output = Command::new("bash").args(["-c", line]).env("PATH", tools::path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), answer, "{line}");
    }
}

#[test]
fn a_dash_is_standard_input_and_two_dashes_end_the_options() {
    for line in [
        "logfilter a -",
        "logfilter -e a -",
        "logfilter -- a",
        "logfilter -c -- a -",
        "logparse text -",
        "logparse -- text",
        "logpost --dry-run http://h -",
        "logpost --dry-run -- http://h",
    ] {
        let script = format!("printf 'a\\n' | {line}");
        let output = Command::new("bash").args(["-c", &script]).env("PATH", tools::path()).output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{line}: {output:?}");
    }
    for line in ["logfilter a /nowhere", "logparse text /nowhere", "logpost http://h /nowhere"] {
        let output = Command::new("bash").args(["-c", line]).env("PATH", tools::path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("< "), "{line}: {output:?}");
    }
}

#[test]
fn every_example_in_a_help_is_a_pipeline_that_its_members_understand() {
    let commands = manuals::commands().map(|(command, _)| command);
    for command in &commands {
        let text = command.get_after_help().unwrap().to_string();
        let examples: Vec<&str> = text.split("Examples:\n").nth(1).unwrap().lines().collect();
        assert!(examples.len() >= 2 && examples.iter().any(|example| example.contains(" | ")), "{text}");
        for example in examples {
            for member in example.split(" | ") {
                let member = words(
                    member
                        .split([' '])
                        .take_while(|word| !matches!(*word, "<" | ">" | "2>"))
                        .collect::<Vec<_>>()
                        .join(" ")
                        .as_str(),
                );
                if let Some(command) = commands.iter().find(|command| command.get_name() == member[0]) {
                    let parsed = command.clone().try_get_matches_from(&member);
                    assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
                }
            }
        }
    }
}

#[test]
fn man_pages_and_completions_know_every_option() {
    let scratch = Scratch::new("manuals");
    for (command, manual) in manuals::commands() {
        let name = command.get_name().to_owned();
        let options: Vec<String> = command
            .get_arguments()
            .filter(|argument| !argument.is_hide_set())
            .filter_map(|argument| argument.get_long().map(str::to_owned))
            .collect();
        manuals::write(command, &manual, scratch.path()).unwrap();
        let page = fs::read_to_string(scratch.path().join("man/man1").join(format!("{name}.1"))).unwrap();
        for option in &options {
            assert!(page.contains(&option.replace('-', "\\-")), "{name}.1 lacks {option}");
        }
        for heading in ["EXIT STATUS", "EXAMPLES", "ENVIRONMENT", "SIGNALS", "SEE ALSO"] {
            assert!(page.contains(&format!(".SH {heading}\n")), "{name}.1 lacks {heading}");
        }
        assert_eq!(page.contains(".SH FILES\n"), options.iter().any(|option| option == "state"), "{name}.1");
        let completions = scratch.path().join("bash-completion/completions").join(&name);
        let text = fs::read_to_string(&completions).unwrap();
        for option in &options {
            assert!(text.contains(&format!("--{option}")), "the completions of {name} lack {option}");
        }
        assert!(Command::new("bash").arg("-n").arg(&completions).status().unwrap().success());
    }
}
