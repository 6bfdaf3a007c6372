//! The command line: options in, one clear line out where they are wrong, and `main` as one expression.

use std::fmt::Write as _;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::ending::{Exit, Stop, conclude, say};
use crate::output::Output;

/// Options that people have in their fingers from a related tool, and what does it here: `("-o", "use grep -o behind it")`.
pub type Hints = [(&'static str, &'static str)];

/// Runs a tool: parses its options, runs `run`, and says how it ended. `--help` and `--version` go to stdout and are
/// a success; a mistake is one line on stderr and [`Exit::Trouble`].
pub fn run<A: Parser>(prog: &str, hints: &Hints, run: impl FnOnce(&A) -> Result<Exit, Stop>) -> Exit {
    match A::try_parse() {
        Ok(args) => conclude(prog, run(&args)),
        Err(error) => refuse(prog, hints, &error, &A::command()),
    }
}

fn refuse(prog: &str, hints: &Hints, error: &clap::Error, command: &clap::Command) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let mut output = Output::stdout();
            let written = output.write(error.render().to_string().as_bytes()).and_then(|()| output.finish());
            conclude(prog, written.map(|()| Exit::Done))
        }
        _ => {
            say(prog, complaint(hints, error, command));
            Exit::Trouble
        }
    }
}

/// clap's several lines as one: what, where, what was expected.
fn complaint(hints: &Hints, error: &clap::Error, command: &clap::Command) -> String {
    let told = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(" ")),
        _ => None,
    };
    let object = told(ContextKind::InvalidArg).unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let hint = hints.iter().find(|(option, _)| *option == object).map(|(_, hint)| *hint);
            let hint = hint.map_or_else(|| format!("see {} --help", command.get_name()), str::to_owned);
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
