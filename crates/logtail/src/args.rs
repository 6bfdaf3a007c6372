//! The command line of logtail.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use logline::quantity::{parse_duration, parse_size};

use crate::terms::Keep;

/// The greatest `--max-line`: what the other tools are made for.
const GREATEST_LINE: u64 = 1 << 20;

const EXAMPLES: &str = "\
Exit status:
  0  done, or nobody reads stdout any more
  2  trouble: a file that cannot be read, a drain that was cut, a state that cannot be kept

Examples:
  logtail -F '/var/log/nginx/*.log' | logfilter -i error
  logtail -n +1 access.log | logparse nginx | logfilter -W 'status >= 500'
  logtail -F --state /state '/var/log/nginx/*.log' | logparse nginx | logpost --state /state --to elasticsearch http://es:9200";

/// Follows log files and writes their lines, with their positions
#[derive(Parser, Debug)]
#[command(name = "logtail", version, after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Args {
    /// Files, and quoted globs that are looked through again and again ('**' reaches into directories, '{a,b}' is either)
    #[arg(required = true, value_name = "FILE|GLOB")]
    pub files: Vec<OsString>,

    /// Follow by name: rotation, truncation, files that do not exist yet
    #[arg(short = 'F', visible_short_alias = 'f', long)]
    pub follow: bool,

    /// Begin with the last N lines (10; all with --state), or with line N of the file (+N)
    #[arg(short = 'n', long, value_name = "[+]N", allow_hyphen_values = true)]
    pub lines: Option<String>,

    /// Leave out what matches; a pattern without a slash means the name (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<OsString>,

    /// Say which file the lines are from, as tail does
    #[arg(short, long)]
    pub verbose: bool,

    /// Write where each line was read in front of it
    #[arg(long)]
    pub tag: bool,

    /// Keep positions in DIR, and go on from there ($LOGPIPE_STATE); implies --tag
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,

    /// Plain lines, each acknowledged once it is written: for a job that runs now and then (needs --state)
    #[arg(long)]
    pub advance: bool,

    /// Give disk space of delivered lines back, but keep the newest of each log: '24h' or '512MB' (needs --state)
    #[arg(long, value_name = "KEEP", value_parser = Keep::parse)]
    pub reclaim: Option<Keep>,

    /// Give back only what the pipeline with the state in DIR, over the same files, has delivered too (repeatable)
    #[arg(long, value_name = "DIR", requires = "reclaim")]
    pub also_acked: Vec<PathBuf>,

    /// Cut lines that are longer [default and greatest: 1MiB]
    #[arg(long, value_name = "SIZE", value_parser = line_limit, default_value = "1MiB", hide_default_value = true)]
    pub max_line: u64,

    /// Poll interval while idle
    #[arg(short = 's', long, value_name = "SECS", value_parser = poll_interval, default_value = "1")]
    pub sleep_interval: Duration,

    /// Links that a glob finds may lead into DIR (repeatable)
    #[arg(long, value_name = "DIR")]
    pub follow_links: Vec<PathBuf>,

    /// Write a last line without its LF when the file has brought no byte for DUR [default: only at the end of the run]
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub partial_after: Option<Duration>,

    /// Poll only
    #[arg(long)]
    pub no_inotify: bool,

    /// Close a rotated file when it has brought no byte for DUR, where it cannot be told whether it has a writer
    #[arg(long, value_name = "DUR", value_parser = parse_duration, default_value = "10s")]
    pub rotate_quiet: Duration,

    /// After TERM, end when no byte has come for DUR
    #[arg(long, value_name = "DUR", value_parser = parse_duration, default_value = "2s")]
    pub drain_quiet: Duration,

    /// After TERM, end after DUR in any case
    #[arg(long, value_name = "DUR", value_parser = parse_duration, default_value = "20s")]
    pub drain_max: Duration,
}

/// The shortest time between two looks at the files: without one `-s 0` would use up a core.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

fn poll_interval(text: &str) -> Result<Duration, String> {
    Ok(parse_duration(text)?.max(SHORTEST_INTERVAL))
}

fn line_limit(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        0 => Err("0 leaves nothing of a line, expected 1 to 1MiB".to_owned()),
        size if size > GREATEST_LINE => {
            Err(format!("{text} is more than the tools behind it take, expected at most 1MiB"))
        }
        size => Ok(size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_of_nothing_leaves_time_between_two_looks() {
        assert_eq!(poll_interval("0"), Ok(SHORTEST_INTERVAL));
        assert_eq!(poll_interval("0.001"), Ok(SHORTEST_INTERVAL));
        assert_eq!(poll_interval("2"), Ok(Duration::from_secs(2)));
        assert!(poll_interval("soon").is_err());
    }
}
