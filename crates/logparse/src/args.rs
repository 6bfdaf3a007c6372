//! The options, and what they are made into: a chain of formats and the rules of a join.

use std::fs;
use std::path::PathBuf;

use clap::{ArgAction, Parser, ValueEnum};
use logline::ending::Trouble;
use logline::quantity::{parse_duration, parse_size};
use logline::spelling::nearest;
use logline::time::Zone;
use regex::bytes::Regex;

use crate::clock::Clock;
use crate::formats::apache::Apache;
use crate::formats::csv::Csv;
use crate::formats::nginx::Nginx;
use crate::formats::pattern::Pattern;
use crate::formats::text::Text;
use crate::formats::{Auto, Format, NAMES, scanner, variable};
use crate::join::{Events, Rules};
use crate::{PROG, conf, grok};

const AFTER: &str = "\
Formats: nginx apache ingress-nginx json logfmt syslog cri docker klog text auto, or a chain like cri,nginx;
  of several lines an event: postgres mysql-slow csv

Exit status:
  0  done
  1  no line could be parsed, or --strict and one could not
  2  trouble

Examples:
  logparse nginx < access.log | jq .status
  logtail -F --state /state '/var/log/nginx/*.log' | logparse nginx | logpost --state /state http://logs:9428
  logparse nginx --log-format '$remote_addr [$time_iso8601] \"$request\" $status' < access.log
  logparse cri,auto --join trace < /var/log/containers/web.log";

/// What an event may grow to: with escaping its record stays below the longest line that is read.
const LONGEST_EVENT: usize = 1 << 20;

/// The least memory for events that wait: a line and what is kept beside it must have room.
const SMALLEST_MEMORY: usize = 64 << 10;

/// What becomes of a line that its format cannot read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum OnError {
    /// A record of its text, with the reason in `_parse_error`.
    Keep,
    /// The line as it came.
    Raw,
    /// Nothing.
    Drop,
}

/// What `--join` puts together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Joined {
    /// Stack traces, with the line before them.
    Trace,
    /// JSON objects that are written over several lines.
    Json,
}

/// Makes records of lines.
#[derive(Debug, Parser)]
#[command(name = "logparse", version, about, after_help = AFTER, max_term_width = 100)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Args {
    /// What the lines are, or a chain: cri,nginx
    #[arg(value_name = "FORMAT")]
    pub format: Option<String>,
    /// Given by mistake: only logtail takes files
    #[arg(value_name = "FILE", hide = true)]
    pub file: Option<String>,
    /// nginx's log_format (apache: LogFormat) word for word; else $LOGPARSE_LOG_FORMAT
    #[arg(long, value_name = "STRING")]
    pub log_format: Option<String>,
    /// The same from a file
    #[arg(long, value_name = "FILE", conflicts_with = "log_format")]
    pub log_format_file: Option<PathBuf>,
    /// The same from an nginx.conf
    #[arg(long, value_name = "FILE", conflicts_with_all = ["log_format", "log_format_file"])]
    pub nginx_conf: Option<PathBuf>,
    /// Which log_format of the nginx.conf
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub format_name: String,
    /// Variables of your own in the log_format, which a map or set defines
    #[arg(long, value_name = "A,B", value_delimiter = ',', action = ArgAction::Append)]
    pub variable: Vec<String>,
    /// The names of the columns of csv, like time,level,took:float; or postgres for its csvlog
    #[arg(long, value_name = "A,B", value_delimiter = ',', action = ArgAction::Append)]
    pub columns: Vec<String>,
    /// Read lines by a regular expression with named groups
    #[arg(long, value_name = "RE", conflicts_with = "grok")]
    pub regex: Option<String>,
    /// Read lines by a grok pattern, like '%{IP:client} %{NUMBER:bytes:int}'
    #[arg(long, value_name = "PATTERN")]
    pub grok: Option<String>,
    /// Of records, parse the text of this field and merge the result
    #[arg(long, value_name = "FIELD")]
    pub field: Option<String>,
    /// JSON: give the members of the object FIELD to the record itself
    #[arg(long, value_name = "FIELD")]
    pub lift: Vec<String>,
    /// Write the level in one set of words, and keep another word or number as level_
    #[arg(long)]
    pub level_names: bool,
    /// Lines that match begin an event, others go on with it
    #[arg(long, value_name = "RE")]
    pub join_start: Option<String>,
    /// Lines that match go on with the event before
    #[arg(long, value_name = "RE")]
    pub join_next: Option<String>,
    /// trace: stack traces become one record with the line before them; json: so do the lines of an object
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',', hide_possible_values = true)]
    pub join: Vec<Joined>,
    /// The most lines of an event
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub join_lines: usize,
    /// The most bytes of an event or of a line in parts
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = parse_size)]
    pub join_bytes: u64,
    /// The most bytes of all events together that wait for their next line
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = parse_size)]
    pub join_memory: u64,
    /// How long an event waits for its next line
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_duration)]
    pub join_idle: std::time::Duration,
    /// What becomes of a line that cannot be read: keep, raw or drop
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = OnError::Keep, hide_possible_values = true)]
    pub on_error: OnError,
    /// Exit with 1 if any line could not be read
    #[arg(long)]
    pub strict: bool,
    /// The zone of times that name none
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Keep the whole line as `message` where the format has none
    #[arg(long)]
    pub keep_message: bool,
    /// Leave the sequences that colour a terminal in the message of text
    #[arg(long)]
    pub keep_ansi: bool,
    /// Give access records a level by their status: 5xx error, 4xx warn, else info
    #[arg(long)]
    pub status_level: bool,
    /// Write only these keys
    #[arg(long, value_name = "A,B", value_delimiter = ',', action = ArgAction::Append)]
    pub only: Vec<String>,
    /// Write all keys but these
    #[arg(long, value_name = "A,B", value_delimiter = ',', action = ArgAction::Append)]
    pub drop: Vec<String>,
    /// Leave \xHH as it is
    #[arg(long)]
    pub no_unescape: bool,
    /// Write readable lines in colour instead of records
    #[arg(long)]
    pub pretty: bool,
}

/// What is around the lines of the first format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrapper {
    /// Nothing.
    None,
    /// CRI.
    Cri,
    /// Docker's json-file.
    Docker,
    /// CRI, if the line looks like it.
    MaybeCri,
}

/// The formats that a line goes through, from the outside in.
#[derive(Debug)]
pub struct Chain {
    /// What is taken off first.
    pub wrapper: Wrapper,
    /// What reads the content.
    pub formats: Vec<Format>,
}

impl Args {
    /// The chain that FORMAT and the options about it ask for.
    pub fn chain(&self) -> Result<Chain, Trouble> {
        if let Some(file) = self.file.as_ref().filter(|file| *file != "-") {
            let format = self.format.as_deref().unwrap_or("FORMAT");
            return Err(Trouble::new(file, format_args!("reads standard input, try logparse {format} < {file}")));
        }
        let own = self.own_pattern()?;
        let Some(names) = self.format.as_deref() else {
            let Some(own) = own else {
                return Err(Trouble::new("FORMAT", format_args!("missing, expected one of {}", NAMES.join(" "))));
            };
            return Ok(Chain { wrapper: Wrapper::None, formats: vec![own] });
        };
        if names.split(',').any(str::is_empty) {
            return Err(Trouble::new("FORMAT", format_args!("an empty name in '{names}'")));
        }
        self.refuse_idle_options(names)?;
        let mut chain = Chain { wrapper: Wrapper::None, formats: Vec::new() };
        for (at, name) in names.split(',').enumerate() {
            match name {
                "cri" if at == 0 => chain.wrapper = Wrapper::Cri,
                "docker" if at == 0 => chain.wrapper = Wrapper::Docker,
                "cri" | "docker" => return Err(Trouble::new(names, format_args!("{name} must come first"))),
                "auto" if at == 0 => {
                    chain.wrapper = Wrapper::MaybeCri;
                    chain.formats.push(self.format(name)?);
                }
                name => chain.formats.push(self.format(name)?),
            }
        }
        chain.formats.extend(own);
        Ok(chain)
    }

    /// An option that would have no effect is a mistake that its user should hear of.
    fn refuse_idle_options(&self, names: &str) -> Result<(), Trouble> {
        let reads = |format: &str| names.split(',').any(|name| name == format);
        let (nginx, apache) = (reads("nginx"), reads("apache"));
        let idle = [
            ("--log-format", self.log_format.is_some() && !nginx && !apache),
            ("--log-format-file", self.log_format_file.is_some() && !nginx && !apache),
            ("--nginx-conf", self.nginx_conf.is_some() && !nginx),
            ("--columns", !self.columns.is_empty() && !reads("csv")),
            ("--variable", !self.variable.is_empty() && !nginx),
        ];
        match idle.into_iter().find(|(_, is_idle)| *is_idle) {
            Some((option, _)) => {
                let format = if option == "--columns" { "csv" } else { "nginx" };
                Err(Trouble::new(option, format_args!("has no meaning for {names}, only for {format}")))
            }
            None => Ok(()),
        }
    }

    fn own_pattern(&self) -> Result<Option<Format>, Trouble> {
        let (option, pattern) = match (&self.regex, &self.grok) {
            (Some(regex), _) => {
                let (renamed, fields) = grok::name_groups(regex);
                ("--regex", Pattern::new(&renamed, fields))
            }
            (_, Some(pattern)) => {
                ("--grok", grok::expand(pattern).and_then(|(regex, fields)| Pattern::new(&regex, fields)))
            }
            _ => return Ok(None),
        };
        pattern.map(|pattern| Some(Format::Pattern(pattern))).map_err(|cause| Trouble::new(option, cause))
    }

    fn format(&self, name: &str) -> Result<Format, Trouble> {
        Ok(match name {
            "nginx" => Format::Nginx(self.nginx()?),
            "ingress-nginx" => {
                Format::Ingress(Nginx::ingress(!self.no_unescape).map_err(|cause| Trouble::new(name, cause))?)
            }
            "apache" => {
                let (object, format) = self.log_format()?.unzip();
                let refuse = |cause| Trouble::new(object.as_deref().unwrap_or(name), cause);
                Format::Apache(Apache::new(format.as_deref()).map_err(refuse)?)
            }
            "json" => Format::Json,
            "logfmt" => Format::Logfmt,
            "syslog" => Format::Syslog,
            "klog" => Format::Klog,
            "postgres" => Format::Postgres,
            "mysql-slow" => Format::MysqlSlow,
            "csv" => Format::Csv(Csv::new(&self.columns).map_err(|cause| Trouble::new("--columns", cause))?),
            "text" => Format::Text(self.text()),
            "auto" => Format::Auto(Auto::new(
                self.usual_nginx()?,
                Apache::new(None).map_err(|cause| Trouble::new("apache", cause))?,
                self.text(),
            )),
            _ => return Err(unknown(name)),
        })
    }

    fn text(&self) -> Text {
        Text { keeps_ansi: self.keep_ansi }
    }

    fn usual_nginx(&self) -> Result<Nginx, Trouble> {
        Nginx::new(None, !self.no_unescape).map_err(|cause| Trouble::new("nginx", cause))
    }

    /// nginx by the format that the user has given, if so.
    fn nginx(&self) -> Result<Nginx, Trouble> {
        let (object, format) = self.log_format()?.unzip();
        let checked = match &format {
            Some(format) if !format.contains('$') => {
                Err("no $ in it: the shell takes $name away inside double quotes, use single quotes".to_owned())
            }
            Some(format) => self.check_variables(format),
            None => Ok(()),
        };
        checked
            .and_then(|()| Nginx::new(format.as_deref(), !self.no_unescape))
            .map_err(|cause| Trouble::new(object.as_deref().unwrap_or("nginx"), cause))
    }

    /// The format string that the user has given, and what it is called in messages.
    fn log_format(&self) -> Result<Option<(String, String)>, Trouble> {
        let read = |path: &PathBuf| fs::read_to_string(path).map_err(|error| Trouble::io(path.display(), &error));
        if let Some(path) = &self.nginx_conf {
            let (conf, name, object) = (read(path)?, &self.format_name, path.display());
            let names = conf::names(&conf);
            let cause = || match names.len() {
                0 => Trouble::new(&object, "no log_format in it"),
                _ => Trouble::new(
                    &object,
                    format_args!("no log_format {name} in it, expected one of {}", names.join(" ")),
                ),
            };
            return Ok(Some((object.to_string(), conf::log_format(&conf, name).ok_or_else(cause)?)));
        }
        if let Some(path) = &self.log_format_file {
            let format = read(path)?.trim_end_matches(['\n', '\r']).to_owned();
            return Ok(Some((path.display().to_string(), format)));
        }
        let from_environment = || {
            Some(("LOGPARSE_LOG_FORMAT", std::env::var("LOGPARSE_LOG_FORMAT").ok().filter(|text| !text.is_empty())?))
        };
        let given = self.log_format.clone().map(|format| ("--log-format", format)).or_else(from_environment);
        Ok(given.map(|(object, format)| (object.to_owned(), format)))
    }

    /// nginx itself has looked at the formats of an nginx.conf; what was typed may have a slip in it.
    fn check_variables(&self, format: &str) -> Result<(), String> {
        if self.nginx_conf.is_some() {
            return Ok(());
        }
        for name in scanner::variables(format)? {
            if !variable::is_known(&name) && !self.variable.contains(&name) {
                let meant = match nearest(&name, variable::names(), 2) {
                    Some(nearest) => format!("did you mean ${nearest}"),
                    None => "expected one of nginx's".to_owned(),
                };
                return Err(format!(
                    "${name}: unknown variable, {meant} (--variable {name} if a map or set defines it)"
                ));
            }
        }
        Ok(())
    }

    /// The format whose events have several lines, if the chain has one.
    fn events(&self) -> Events {
        let names = self.format.as_deref().unwrap_or_default();
        let events = [("postgres", Events::Postgres), ("mysql-slow", Events::MysqlSlow), ("csv", Events::Csv)];
        events
            .into_iter()
            .find(|(name, _)| names.split(',').any(|own| own == *name))
            .map_or(Events::Lines, |(_, events)| events)
    }

    /// The rules of the join.
    pub fn rules(&self) -> Result<Rules, Trouble> {
        let compile = |option: &str, text: &Option<String>| {
            let compiled = text.as_deref().map(Regex::new).transpose();
            compiled.map_err(|error| {
                let error = error.to_string();
                Trouble::new(option, error.lines().last().unwrap_or_default().trim_start_matches("error: "))
            })
        };
        Ok(Rules {
            start: compile("--join-start", &self.join_start)?,
            next: compile("--join-next", &self.join_next)?,
            trace: self.join.contains(&Joined::Trace),
            json: self.join.contains(&Joined::Json),
            events: self.events(),
            lines: match self.join_lines {
                0 => return Err(Trouble::new("--join-lines", "expected a number from 1")),
                lines => lines,
            },
            bytes: match usize::try_from(self.join_bytes) {
                Ok(bytes @ 1..=LONGEST_EVENT) => bytes,
                _ => return Err(Trouble::new("--join-bytes", "expected a size from 1 to 1MiB")),
            },
            memory: match usize::try_from(self.join_memory) {
                Ok(bytes @ SMALLEST_MEMORY..) => bytes,
                _ => return Err(Trouble::new("--join-memory", "expected a size from 64KiB")),
            },
            idle: self.join_idle,
        })
    }

    /// The clock, with the zone of stamps that name none.
    pub fn clock(&self) -> Result<Clock, Trouble> {
        match &self.tz {
            Some(name) => {
                let zone = Zone::parse(name).map_err(|cause| Trouble::new(name, cause))?;
                Ok(Clock::named(zone, name.clone()))
            }
            None => {
                let name = std::env::var("TZ").ok().filter(|name| !name.is_empty());
                Ok(Clock::named(Zone::from_environment(PROG), name.unwrap_or_else(|| "UTC".to_owned())))
            }
        }
    }
}

/// A format that is not there: a file, which a newcomer may give, or a name with a slip in it.
fn unknown(name: &str) -> Trouble {
    if name.contains(['/', '.']) || fs::exists(name).unwrap_or(false) {
        return Trouble::new(name, format_args!("is no format, try logparse FORMAT < {name}"));
    }
    match nearest(name, NAMES, 3) {
        Some(nearest) => Trouble::new(name, format_args!("unknown format, did you mean {nearest}")),
        None => Trouble::new(name, format_args!("unknown format, expected one of {}", NAMES.join(" "))),
    }
}
