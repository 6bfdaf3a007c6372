//! The command line: options in, one clear line out where they are wrong, and `main` as one expression.

use std::fmt::Write as _;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::ending::{Exit, Stop, conclude, say};
use crate::manual::Manual;
use crate::output::Output;

/// Runs a tool: parses its options, runs `run`, and says how it ended. `--help` and `--version` go to stdout and are
/// a success; a mistake is one line on stderr and [`Exit::Trouble`].
pub fn run<A: Parser>(prog: &str, manual: &Manual, run: impl FnOnce(&A) -> Result<Exit, Stop>) -> Exit {
    match A::try_parse() {
        Ok(args) => conclude(prog, run(&args)),
        Err(error) => refuse(prog, manual, &error, A::command()),
    }
}

fn refuse(prog: &str, manual: &Manual, error: &clap::Error, command: clap::Command) -> Exit {
    let answer = match error.kind() {
        ErrorKind::DisplayHelp => manual.help(command, !std::env::args_os().any(|word| word == "--help")),
        ErrorKind::DisplayVersion => error.render(),
        _ => {
            let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
            say(prog, complaint(manual, error, &command, &words));
            return Exit::Trouble;
        }
    };
    let mut output = Output::stdout();
    let written = output.write(answer.to_string().as_bytes()).and_then(|()| output.finish());
    conclude(prog, written.map(|()| Exit::Done))
}

/// clap's several lines as one: what, where, what was expected. `words` are those of the command line.
fn complaint(manual: &Manual, error: &clap::Error, command: &clap::Command, words: &[String]) -> String {
    let told = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(" ")),
        _ => None,
    };
    let object = told(ContextKind::InvalidArg).unwrap_or_default();
    let value = told(ContextKind::InvalidValue).unwrap_or_default();
    // Of several letters or digits behind a dash clap names the first alone.
    let object = match words.iter().find(|word| word.starts_with(&object) && manual.hint(word).is_some()) {
        Some(word) if object.len() == 2 => word.clone(),
        _ => object,
    };
    match error.kind() {
        ErrorKind::TooManyValues if let Some(hint) = manual.hint(&format!("{object}={value}")) => {
            format!("{object}={value}: {hint}")
        }
        ErrorKind::InvalidValue if let Some(hint) = manual.hint(&value) => format!("{value}: unknown, {hint}"),
        ErrorKind::UnknownArgument => {
            let hint = manual.hint(&object).unwrap_or_else(|| format!("see {} --help", command.get_name()));
            if object.starts_with('-') {
                format!("{object}: unknown option, {hint}")
            } else {
                format!("{object}: unexpected argument, {hint}")
            }
        }
        ErrorKind::MissingRequiredArgument => format!("{object}: missing, see {} --help", command.get_name()),
        _ => {
            let rendered = error.render().to_string();
            let first = rendered.lines().next().unwrap_or_default();
            let mut text = first.strip_prefix("error: ").unwrap_or(first).to_owned();
            let values = rendered.lines().find_map(|line| line.trim().strip_prefix("[possible values: "));
            if let Some(values) = values {
                let _ = write!(text, ", expected one of {}", values.trim_end_matches(']'));
            }
            text
        }
    }
}
