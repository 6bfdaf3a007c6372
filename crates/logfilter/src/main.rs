//! Keeps the lines that match a pattern or a condition on their fields.

use logfilter::PROG;
use logfilter::args::{Args, HINTS};
use logfilter::condition::Condition;
use logfilter::filter::Filter;
use logfilter::pattern;
use logline::ending::{Exit, Stop, Trouble, say};
use logline::input::Input;
use logline::output::Output;

fn main() -> Exit {
    logline::args::run(PROG, HINTS, run)
}

fn run(args: &Args) -> Result<Exit, Stop> {
    let mut filter = filter(args)?;
    let mut input = Input::stdin(PROG)?;
    let mut output = Output::stdout();
    while filter.most > 0
        && let Some(arrival) = input.arrival(&mut output)?
        && filter.take(&arrival, &mut output)?
    {}
    if args.count && !args.quiet {
        output.line(filter.selected.to_string().as_bytes())?;
    }
    output.finish()?;
    Ok(if input.has_lost() { Exit::Trouble } else { filter.exit(input.carried()) })
}

fn filter(args: &Args) -> Result<Filter, Trouble> {
    if let Some(surplus) = args.surplus.first() {
        return Err(Trouble::new(surplus, "unexpected, input is read from standard input: logfilter PATTERN < FILE"));
    }
    let pattern = pattern::from_args(args)?;
    if pattern.is_none() && args.condition.is_empty() {
        return Err(Trouble::new("PATTERN", "missing, expected a pattern, or a condition with -W"));
    }
    if let Some(text) = args.pattern.as_deref().filter(|text| pattern::looks_like_condition(text)) {
        say(PROG, format_args!("'{text}' is searched for as text; a condition on fields is -W '{text}'"));
    }
    let conditions = args.condition.iter().map(|text| condition(text)).collect::<Result<_, _>>()?;
    Ok(Filter {
        pattern,
        inverts: args.invert_match,
        conditions,
        counts: args.count,
        is_quiet: args.quiet,
        most: if args.quiet { 1 } else { args.max_count.unwrap_or(u64::MAX) },
        seen: 0,
        selected: 0,
        reads_records: false,
    })
}

/// A mistake is shown with a caret under its place, each line behind the same prefix.
fn condition(text: &str) -> Result<Condition, Trouble> {
    Condition::new(text).map_err(|mistake| {
        say(PROG, text);
        say(PROG, format_args!("{}^", " ".repeat(mistake.column(text))));
        Trouble::new("-W", format!("column {}: expected {}", mistake.column(text) + 1, mistake.expected))
    })
}
