//! grep's patterns, as one regular expression over bytes.

use logline::ending::{Trouble, cause};
use regex::bytes::{Regex, RegexBuilder};

use crate::args::Args;

/// The patterns of the command line; `None` where there are none. The error names the pattern and what is wrong.
pub fn from_args(args: &Args) -> Result<Option<Regex>, Trouble> {
    let mut patterns: Vec<String> = args.regexp.iter().chain(&args.pattern).cloned().collect();
    if let Some(file) = &args.file {
        let text = std::fs::read_to_string(file).map_err(|error| Trouble::new(file.display(), cause(&error)))?;
        patterns.extend(text.lines().map(str::to_owned));
        if patterns.is_empty() {
            return Err(Trouble::new(file.display(), "no pattern in it, expected one a line"));
        }
    }
    if patterns.is_empty() {
        return Ok(None);
    }
    let alternatives: Vec<String> = patterns.iter().map(|pattern| one(pattern, args)).collect();
    for (pattern, text) in patterns.iter().zip(&alternatives) {
        build(text, args.ignore_case).map_err(|error| Trouble::new(format!("'{pattern}'"), explained(&error)))?;
    }
    build(&alternatives.join("|"), args.ignore_case)
        .map(Some)
        .map_err(|error| Trouble::new("patterns", explained(&error)))
}

fn one(pattern: &str, args: &Args) -> String {
    let text = if args.fixed_strings { regex::escape(pattern) } else { pattern.to_owned() };
    match (args.line_regexp, args.word_regexp) {
        (true, _) => format!("^(?:{text})$"),
        (_, true) => format!(r"(?:\b{{start-half}}(?:{text})\b{{end-half}})"),
        _ => format!("(?:{text})"),
    }
}

/// Of a whole buffer each line is one: `^` and `$` stand at its ends, and nothing matches over an LF.
fn build(text: &str, ignore_case: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).multi_line(true).case_insensitive(ignore_case).build()
}

/// The last line of the regex crate's picture says it in words.
fn explained(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    format!("not a regular expression, {}", last.strip_prefix("error: ").unwrap_or(last))
}

/// Whether a pattern looks like a condition on fields.
pub fn looks_like_condition(pattern: &str) -> bool {
    let words: Vec<&str> = pattern.split_whitespace().collect();
    matches!(words.as_slice(), [field, "==" | "!=" | ">=" | "<=" | ">" | "<" | "=~" | "!~", _, ..] if field.starts_with(|c: char| c.is_ascii_alphabetic()))
}
