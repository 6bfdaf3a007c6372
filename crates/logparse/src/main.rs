//! Makes records of lines: nginx, JSON and plain text become NDJSON.

use jiff::tz::TimeZone;
use logline::ending::{Exit, Stop, Trouble};
use logline::input::Input;
use logline::output::Output;
use logparse::PROG;
use logparse::args::{Args, FormatName, HINTS};
use logparse::clock::Clock;
use logparse::formats::Format;
use logparse::formats::nginx::Nginx;
use logparse::formats::nginx_access::{COMBINED, LogFormat};
use logparse::parse::Parser;

fn main() -> Exit {
    logline::args::run(PROG, HINTS, run)
}

fn run(args: &Args) -> Result<Exit, Stop> {
    let clock = Clock::new(zone(args.tz.as_deref())?);
    let mut parser = Parser::new(format(args)?, clock, args.on_error);
    let mut input = Input::stdin(PROG)?;
    let mut output = Output::stdout();
    while let Some(item) = input.item(&mut output)? {
        parser.take(&item, &mut output)?;
    }
    output.finish()?;
    let exit = parser.exit(args.strict, input.carried());
    Ok(if input.has_lost() { Exit::Trouble } else { exit })
}

fn format(args: &Args) -> Result<Format, Trouble> {
    match args.format {
        FormatName::Json => Ok(Format::Json),
        FormatName::Text => Ok(Format::Text),
        FormatName::Nginx => {
            let from_environment = || std::env::var("LOGPARSE_LOG_FORMAT").ok().filter(|format| !format.is_empty());
            let log_format = args.log_format.clone().or_else(from_environment).unwrap_or_else(|| COMBINED.to_owned());
            let access = LogFormat::new(&log_format).map_err(|cause| Trouble::new("--log-format", cause))?;
            Ok(Format::Nginx(Box::new(Nginx::new(access))))
        }
    }
}

/// The zone that the user names, else that of the environment, else UTC. The database is compiled in.
fn zone(named: Option<&str>) -> Result<TimeZone, Trouble> {
    let from_environment = std::env::var("TZ").ok();
    let name =
        named.or(from_environment.as_deref()).map(|name| name.trim_start_matches(':')).filter(|name| !name.is_empty());
    let Some(name) = name else { return Ok(TimeZone::UTC) };
    TimeZone::get(name)
        .or_else(|_| TimeZone::posix(name))
        .map_err(|_| Trouble::new(name, "unknown time zone, expected a name like Europe/Berlin or UTC"))
}
