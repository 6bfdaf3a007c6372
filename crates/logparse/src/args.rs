//! The command line of logparse.

use clap::{Parser, ValueEnum};

const EXAMPLES: &str = "\
Formats:
  nginx   access log (combined, main, or --log-format) and error log in one
  json    one object a line
  text    anything: a leading time and level where there are any, the rest is the message

Exit status:
  0  done
  1  no line at all was of the format, or --strict and one was not
  2  trouble: a format that cannot be read, input that cannot be read

Examples:
  logparse nginx < access.log | jq -c 'select(.status >= 500)'
  logparse nginx --log-format '$remote_addr [$time_iso8601] \"$request\" $status' < access.log
  logtail -F '/var/log/nginx/*.log' | logparse nginx | logfilter -W 'level >= error or status >= 500'";

/// Makes records of lines: nginx, JSON and plain text become NDJSON
#[derive(Parser, Debug)]
#[command(name = "logparse", version, after_help = EXAMPLES)]
pub struct Args {
    /// What the lines are: nginx, json or text
    #[arg(value_name = "FORMAT")]
    pub format: FormatName,

    /// nginx's log_format, word for word, in single quotes ($LOGPARSE_LOG_FORMAT)
    #[arg(long, value_name = "STRING")]
    pub log_format: Option<String>,

    /// A line that is not of the format: keep it as a record with _parse_error, pass it on raw, or drop it
    #[arg(long, value_enum, value_name = "WHAT", default_value = "keep")]
    pub on_error: OnError,

    /// End with status 1 if a line was not of the format
    #[arg(long)]
    pub strict: bool,

    /// The zone of times that tell none (else $TZ, else UTC)
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
}

/// The formats that are known.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum FormatName {
    /// See [`crate::formats::nginx`].
    Nginx,
    /// See [`crate::formats::json`].
    Json,
    /// See [`crate::formats::text`].
    Text,
}

/// What becomes of a line that is not of the format.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum OnError {
    /// A record with the whole line as its message, and the reason.
    Keep,
    /// The line as it came.
    Raw,
    /// Nothing; it is counted.
    Drop,
}

/// What people try from related tools.
pub const HINTS: &[(&str, &str)] =
    &[("-r", "records are always one line each; use jq behind it"), ("-c", "records are always one line each")];
