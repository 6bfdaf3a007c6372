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
    let commands = manuals::commands();
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
    for command in manuals::commands() {
        let name = command.get_name().to_owned();
        let options: Vec<String> = command
            .get_arguments()
            .filter(|argument| !argument.is_hide_set())
            .filter_map(|argument| argument.get_long().map(str::to_owned))
            .collect();
        manuals::write(command, scratch.path()).unwrap();
        let page = fs::read_to_string(scratch.path().join("man1").join(format!("{name}.1"))).unwrap();
        for option in &options {
            assert!(page.contains(&option.replace('-', "\\-")), "{name}.1 lacks {option}");
        }
        assert!(page.contains(".SH EXIT STATUS\n.nf\n") && page.contains(".SH EXAMPLES\n"), "{page}");
        let completions = scratch.path().join("bash").join(&name);
        let text = fs::read_to_string(&completions).unwrap();
        for option in &options {
            assert!(text.contains(&format!("--{option}")), "the completions of {name} lack {option}");
        }
        assert!(Command::new("bash").arg("-n").arg(&completions).status().unwrap().success());
    }
}
