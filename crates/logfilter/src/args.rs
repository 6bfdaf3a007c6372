//! The command line of logfilter.

use std::path::PathBuf;

use clap::Parser;

const USAGE: &str = "\
logfilter [OPTIONS] PATTERN < LINES
       logfilter [OPTIONS] -W EXPR [PATTERN] < RECORDS";

const EXAMPLES: &str = "\
Conditions:
  status >= 500                a number, also where the record has it in quotes; 5xx is any of 500 to 599
  level >= warn                trace < debug < info < notice < warn < error < crit < alert < emerg
  method == GET                = is the same; a bare word is a text, 'two words' are in quotes
  request_uri ~ '^/api/'       a regular expression, in quotes; !~ is its opposite
  status in [502, 503]         also: not in, contains, not contains, startswith, endswith
  user                         present, and neither null nor false; a missing field is null
  time >= -2h30m               so long ago; also now, today, yesterday, 2026-11-23, 2026-11-23T08:00:00Z, an epoch
  request_time > 250ms         units of time (ms s m h d w) and size (kB MB GB KiB MiB GiB)
  level >= error or sample 1%  a hundredth of the rest, always the same lines
  a.b[0]['c d'] == x           nested and odd keys
  not (a and b) or c           also: ! && ||
A line that is no record has its text as message. Times without a zone are of $TZ, else UTC. For --since and --until
a record without a time goes with the one before it in its file. -v inverts patterns and conditions together, but not
this window; -i holds for both. A condition that can never hold is said once.

Exit status:
  0  something was selected; without -q and -c also where records came, or lines with positions
  1  nothing was selected
  2  trouble: a bad pattern or condition, input that cannot be read

Examples:
  logtail -F '/var/log/nginx/*.log' | logfilter -i error
  logparse nginx < access.log | logfilter -W 'status >= 500' | jq .request_uri
  logtail -n +1 '/var/log/nginx/*.log' | logparse nginx | logfilter --since 24h -W 'status >= 500'";

/// Keeps the lines that match a pattern or a condition on their fields
#[derive(Parser, Debug)]
#[command(name = "logfilter", version, override_usage = USAGE, after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Args {
    /// A regular expression, searched for in the line; in a record, in its JSON text
    #[arg(value_name = "PATTERN")]
    pub pattern: Option<String>,

    /// A pattern too, as often as wanted: a line matches if one of them does
    #[arg(short = 'e', long = "regexp", value_name = "RE", allow_hyphen_values = true)]
    pub regexp: Vec<String>,

    /// Patterns from a file, one a line
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub file: Vec<PathBuf>,

    /// Patterns are plain text
    #[arg(short = 'F', long)]
    pub fixed_strings: bool,

    /// Case does not matter, in patterns and conditions
    #[arg(short, long)]
    pub ignore_case: bool,

    /// Keep what does not match the patterns and conditions
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
    #[arg(short, long, value_name = "N", value_parser = number)]
    pub max_count: Option<u64>,

    /// Print nothing, end at the first line
    #[arg(short, long)]
    pub quiet: bool,

    /// Keep records for which a condition on their fields holds, see below; of several all must
    #[arg(short = 'W', long = "where", value_name = "EXPR", allow_hyphen_values = true)]
    pub condition: Vec<String>,

    /// Keep records from this time on: 24h (ago), today, 2026-11-23T08:00:00Z
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,

    /// Keep records before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,

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

impl Args {
    /// The patterns given as such: the positional one counts only where no option brings one, as in grep.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        let positional = self.pattern.iter().filter(|_| !self.has_options_for_patterns());
        self.regexp.iter().chain(positional).map(String::as_str)
    }

    /// What stands where grep expects a file.
    pub fn surplus(&self) -> Option<&str> {
        let positional = self.pattern.as_ref().filter(|_| self.has_options_for_patterns());
        positional.or(self.surplus.first()).map(String::as_str)
    }

    fn has_options_for_patterns(&self) -> bool {
        !self.regexp.is_empty() || !self.file.is_empty()
    }
}

fn number(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "expected a number of lines")
}
