//! Keeps the lines that match a pattern or a condition on their fields.

use logfilter::args::Args;
use logfilter::manual::MANUAL;
use logfilter::{EXPECTED_TIME, Expr, Filter, PROG, Pattern, Query, When, looks_like_condition, parse};
use logline::ending::{Exit, Stop, Trouble, say};
use logline::input::Input;
use logline::output::Output;
use logline::time::Zone;

fn main() -> Exit {
    logline::args::run(PROG, &MANUAL, run)
}

fn run(args: &Args) -> Result<Exit, Stop> {
    let mut filter = filter(args)?;
    let mut input = Input::stdin(PROG)?;
    let mut output = Output::stdout();
    while filter.selected < filter.most
        && let Some(run) = input.run(&mut output)?
        && filter.take(&run, &mut output)?
    {}
    if args.count && !args.quiet {
        output.line(filter.selected.to_string().as_bytes())?;
    }
    output.finish()?;
    filter.reproach();
    if filter.read > 0 && filter.query.as_ref().is_some_and(Query::has_missed_times) {
        say(
            PROG,
            "--since, --until: no line told its time, so none was dropped for it; logparse makes records with times",
        );
    }
    Ok(if input.has_lost() { Exit::Trouble } else { filter.exit(input.carried()) })
}

fn filter(args: &Args) -> Result<Filter, Trouble> {
    if let Some(surplus) = args.surplus().filter(|surplus| *surplus != "-") {
        return Err(Trouble::new(surplus, "unexpected, input is read from standard input: logfilter PATTERN < FILE"));
    }
    let zone = Zone::from_environment(PROG);
    let pattern = Pattern::of(args)?;
    let query = query(args, zone)?;
    if pattern.is_none() && query.is_none() {
        return Err(Trouble::new("PATTERN", "missing, expected a pattern, or a condition with -W"));
    }
    if let Some(text) = args.pattern.as_deref().filter(|text| looks_like_condition(text)) {
        say(PROG, format_args!("'{text}' is searched for as text; a condition on fields is -W '{text}'"));
    }
    Ok(Filter {
        pattern,
        inverts: args.invert_match,
        query,
        counts: args.count,
        is_quiet: args.quiet,
        most: if args.quiet { 1 } else { args.max_count.unwrap_or(u64::MAX) },
        read: 0,
        selected: 0,
        reads_records: false,
        has_reproached: false,
    })
}

fn query(args: &Args, zone: Zone) -> Result<Option<Query>, Trouble> {
    let conditions = args.condition.iter().map(|text| condition(text, &zone)).collect::<Result<Vec<_>, _>>()?;
    let since = args.since.as_deref().map(|text| moment("--since", text, &zone)).transpose()?;
    let until = args.until.as_deref().map(|text| moment("--until", text, &zone)).transpose()?;
    let is_asked = !conditions.is_empty() || since.is_some() || until.is_some();
    Ok(is_asked.then(|| Query::new(&conditions, since, until, zone, args.ignore_case)))
}

/// A mistake is shown with a caret under its place, each line behind the same prefix.
fn condition(text: &str, zone: &Zone) -> Result<Expr, Trouble> {
    parse(text, zone).map_err(|mistake| {
        say(PROG, text);
        say(PROG, format_args!("{}^", " ".repeat(mistake.column(text))));
        let column = mistake.column(text);
        let meant = lower_case_of(text, column).map(|word| format!("; did you mean '{word}'")).unwrap_or_default();
        Trouble::new("-W", format!("column {}: expected {}{meant}", column + 1, mistake.expected))
    })
}

/// What is meant by `AND`, `OR` or `NOT` at the column of a mistake or just before it: other languages write them so.
fn lower_case_of(text: &str, column: usize) -> Option<&'static str> {
    let split = text.char_indices().nth(column).map_or(text.len(), |(at, _)| at);
    let (before, here) = text.split_at(split);
    let words = [before.split_whitespace().next_back(), here.split_whitespace().next()];
    let known = [("AND", "and"), ("OR", "or"), ("NOT", "not")];
    known.into_iter().find(|(capital, _)| words.contains(&Some(capital))).map(|(_, word)| word)
}

fn moment(option: &str, text: &str, zone: &Zone) -> Result<When, Trouble> {
    When::parse(text, zone)
        .ok_or_else(|| Trouble::new(option, format!("'{text}' is no time, expected {EXPECTED_TIME}")))
}
