//! Transcripts: documentation that is executed.
//!
//! Invariant: a transcript without a command is a failure, so that a changed mark-up cannot switch the tests off.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::tools;

/// One command and what it is said to print.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// The line of the file it stands in, from 1.
    pub line: usize,
    /// The command, its continuation lines (`> `) included.
    pub command: String,
    /// The lines expected on standard output and standard error together.
    pub expected: Vec<String>,
    /// The status, `[N]` after the output; 0 if nothing is said.
    pub status: i32,
}

/// A fenced block of a Markdown file.
#[derive(Debug, PartialEq, Eq)]
pub struct Fence<'a> {
    /// The line of the file it begins in, from 1.
    pub line: usize,
    /// What stands behind its backticks: `console`, `sh keep opensearch`, `yaml images/…`.
    pub info: &'a str,
    /// What stands in it, each line with its number.
    pub lines: Vec<(usize, &'a str)>,
}

/// The fenced blocks of a Markdown file that begin at the margin.
pub fn fences(text: &str) -> Vec<Fence<'_>> {
    let mut fences = Vec::new();
    let mut open: Option<Fence<'_>> = None;
    for (number, line) in (1..).zip(text.lines()) {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some(Fence { line: number, info: info.trim(), lines: Vec::new() }),
            (None, None) => {}
            (Some(_), Some(_)) => fences.extend(open.take()),
            (Some(fence), None) => fence.lines.push((number, line)),
        }
    }
    fences
}

/// The steps of the `console` blocks of a Markdown file.
pub fn markdown(text: &str) -> Vec<Vec<Step>> {
    let blocks = fences(text).into_iter().filter(|fence| fence.info == "console");
    blocks.map(|fence| steps(&fence.lines)).collect()
}

/// The steps of a `.t` file: commands and output are indented by two spaces, all else is prose.
pub fn cram(text: &str) -> Vec<Step> {
    let lines: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .filter_map(|(number, line)| line.strip_prefix("  ").map(|line| (number + 1, line)))
        .collect();
    steps(&lines)
}

fn steps(lines: &[(usize, &str)]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for &(number, line) in lines {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { line: number, command: command.to_owned(), expected: Vec::new(), status: 0 });
            continue;
        }
        let Some(step) = steps.last_mut() else { continue };
        let status = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).and_then(|n| n.parse().ok());
        if let Some(status) = status {
            step.status = status;
        } else if let Some(more) = line.strip_prefix("> ").filter(|_| step.expected.is_empty()) {
            step.command.push('\n');
            step.command.push_str(more);
        } else {
            step.expected.push(line.to_owned());
        }
    }
    steps
}

/// Runs the steps in order in one directory; what differs is returned as text.
pub fn run(steps: &[Step], directory: &Path) -> Result<(), String> {
    let mut trouble = String::new();
    for step in steps {
        let output = Command::new("sh")
            .arg("-c")
            .arg(format!("exec 2>&1\n{}", step.command))
            .current_dir(directory)
            .env("PATH", tools::path())
            .env("DATA", tools::data())
            .env("TZ", "UTC")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .output()
            .map_err(|cause| format!("sh: {cause}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let got: Vec<&str> = text.lines().collect();
        let status = output.status.code().unwrap_or(-1);
        let expected: Vec<&str> = step.expected.iter().map(String::as_str).collect();
        if !matches(&expected, &got) || status != step.status {
            difference(&mut trouble, step, &got, status);
        }
    }
    if trouble.is_empty() { Ok(()) } else { Err(trouble) }
}

/// Runs a whole file, each block of Markdown in a directory of its own, and tells how many commands it has.
pub fn run_file(path: &Path) -> Result<usize, String> {
    let text = fs::read_to_string(path).map_err(|cause| format!("{}: {cause}", path.display()))?;
    let markdown_file = path.extension().is_some_and(|extension| extension == "md");
    let blocks = if markdown_file { markdown(&text) } else { vec![cram(&text)] };
    let count = blocks.iter().map(Vec::len).sum();
    // A page of Markdown may have other blocks alone; tests/tests/pages.rs sees to all of them.
    if count == 0 && !markdown_file {
        return Err(format!("{}: no command in it\n", path.display()));
    }
    let mut trouble = String::new();
    for (number, block) in blocks.iter().enumerate() {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let scratch = tools::Scratch::new(&format!("{name}-{number}"));
        if let Err(difference) = run(block, scratch.path()) {
            trouble.push_str(&difference);
        }
    }
    if trouble.is_empty() { Ok(count) } else { Err(format!("{}\n{trouble}", path.display())) }
}

fn difference(trouble: &mut String, step: &Step, got: &[&str], status: i32) {
    // Writing to a String cannot fail.
    let _ = writeln!(trouble, "line {}: $ {}", step.line, step.command);
    for line in step.expected.iter().filter(|line| !got.contains(&line.as_str())) {
        let _ = writeln!(trouble, "  - {line}");
    }
    for line in got {
        let mark = if step.expected.iter().any(|expected| line_matches(expected, line)) { ' ' } else { '+' };
        let _ = writeln!(trouble, "  {mark} {line}");
    }
    if status != step.status {
        let _ = writeln!(trouble, "  status {status}, expected {}", step.status);
    }
}

/// A line `...` stands for any lines, also none; `...` within a line for any text.
fn matches(expected: &[&str], got: &[&str]) -> bool {
    match expected.split_first() {
        None => got.is_empty(),
        Some((&"...", rest)) => (0..=got.len()).any(|skipped| matches(rest, &got[skipped..])),
        Some((first, rest)) => {
            got.split_first().is_some_and(|(line, more)| line_matches(first, line) && matches(rest, more))
        }
    }
}

fn line_matches(expected: &str, got: &str) -> bool {
    let mut parts = expected.split("...");
    let Some(mut rest) = parts.next().and_then(|head| got.strip_prefix(head)) else { return false };
    let Some(tail) = expected.contains("...").then(|| expected.rsplit("...").next().unwrap_or_default()) else {
        return rest.is_empty();
    };
    let middle: Vec<&str> = parts.collect();
    for part in &middle[..middle.len() - 1] {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(tail)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn dots_stand_for_text_and_for_lines() {
        assert!(line_matches("a ... b ... c", "a 1 b 2 c"));
        assert!(line_matches("...", "anything"));
        assert!(!line_matches("a...a", "a"));
        assert!(!line_matches("a", "ab"));
        assert!(matches(&["a", "...", "z"], &["a", "z"]));
        assert!(matches(&["a", "...", "z"], &["a", "b", "c", "z"]));
        assert!(!matches(&["a", "...", "z"], &["a", "b"]));
    }

    #[test]
    fn only_console_blocks_are_commands() {
        let blocks = markdown("```sh\n$ no\n```\n```console\n$ false\n[1]\n$ echo a |\n> cat\na\n```\n");
        assert_eq!(blocks.len(), 1);
        assert_eq!(blocks[0][0].status, 1);
        assert_eq!(blocks[0][1].command, "echo a |\ncat");
        assert_eq!(blocks[0][1].expected, ["a"]);
    }

    #[test]
    fn what_differs_is_shown() {
        let scratch = tools::Scratch::new("differs");
        let steps = cram("prose\n  $ echo one; echo two >&2; exit 3\n  one\n  three\n");
        let trouble = run(&steps, scratch.path()).unwrap_err();
        assert_eq!(
            trouble,
            "line 2: $ echo one; echo two >&2; exit 3\n  - three\n    one\n  + two\n  status 3, expected 0\n"
        );
    }
}
