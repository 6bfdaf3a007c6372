//! The command line of logfilter.

use std::path::PathBuf;

use clap::Parser;

const EXAMPLES: &str = "\
Conditions:
  status >= 500               numbers, also in strings; 5xx stands for 500 to 599
  level >= warn               trace < debug < info < notice < warn < error < crit < alert < emerg
  method == GET               a bare word on the right is a string
  request_uri ~ \"^/api/\"      a regular expression, in quotes
  status in [502, 503]        not in; contains, startswith, endswith
  user                        present, and neither null nor false
  not (a and b) or c          also !, &&, ||

Exit status:
  0  something was selected, or the stream carries positions
  1  nothing was selected
  2  trouble: a bad pattern or condition, input that cannot be read

Examples:
  logtail -F '/var/log/nginx/*.log' | logfilter -i error
  logparse nginx < access.log | logfilter -W 'status >= 500' | jq .request_uri
  logtail -n +1 access.log | logparse nginx | logfilter -W 'status >= 500 or level >= error' -c";

/// Keeps the lines that match a pattern or a condition on their fields
#[derive(Parser, Debug)]
#[command(name = "logfilter", version, after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Args {
    /// A regular expression over the line; of a record, over its JSON text
    #[arg(value_name = "PATTERN")]
    pub pattern: Option<String>,

    /// The same, as often as wanted: a line matches if one of them does
    #[arg(short = 'e', long = "regexp", value_name = "RE")]
    pub regexp: Vec<String>,

    /// Patterns from a file, one a line
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Patterns are plain text
    #[arg(short = 'F', long)]
    pub fixed_strings: bool,

    /// Case does not matter
    #[arg(short, long)]
    pub ignore_case: bool,

    /// Keep what does not match the patterns
    #[arg(short = 'v', long)]
    pub invert_match: bool,

    /// Only whole words match
    #[arg(short, long)]
    pub word_regexp: bool,

    /// Only whole lines match
    #[arg(short = 'x', long)]
    pub line_regexp: bool,

    /// Print only how many lines there are
    #[arg(short, long)]
    pub count: bool,

    /// Stop after N lines
    #[arg(short, long, value_name = "N")]
    pub max_count: Option<u64>,

    /// Print nothing, end at the first line
    #[arg(short, long)]
    pub quiet: bool,

    /// Keep records for which a condition on their fields holds (repeatable: all must)
    #[arg(short = 'W', long = "where", value_name = "EXPR")]
    pub condition: Vec<String>,

    /// Accepted, as in grep; patterns always are extended, input always text, and output never held back
    #[arg(short = 'E', long, hide = true)]
    pub extended_regexp: bool,
    #[arg(short = 'a', long, hide = true)]
    #[expect(missing_docs, reason = "described above")]
    pub text: bool,
    #[arg(long, hide = true)]
    #[expect(missing_docs, reason = "described above")]
    pub line_buffered: bool,

    /// Nothing: caught to say what to do instead
    #[arg(hide = true)]
    pub surplus: Vec<String>,
}

/// grep's options that logfilter does not have.
pub const HINTS: &[(&str, &str)] = &[
    ("-o", "use grep -o behind it"),
    ("-n", "lines have positions, see logtail --tag"),
    ("-H", "use logtail -v, or _file in a record"),
    ("-h", "there are no file names to leave out"),
    ("-r", "use logtail -n +1 'DIR/**/*'"),
    ("-R", "use logtail -n +1 'DIR/**/*'"),
    ("-l", "use grep -l"),
    ("-L", "use grep -L"),
    ("-A", "use grep -A"),
    ("-B", "use grep -B"),
    ("-C", "use grep -C"),
    ("-P", "patterns have the syntax of the regex crate, without look-around"),
    ("-z", "use grep -z"),
];
