//! Makes records of lines: nginx, JSON, syslog and others become NDJSON.

use logline::ending::{Exit, Stop};
use logline::input::Input;
use logline::output::Output;
use logparse::{Args, MANUAL, PROG, Parse};

fn main() -> Exit {
    logline::args::run(PROG, &MANUAL, run)
}

fn run(args: &Args) -> Result<Exit, Stop> {
    let mut parse = Parse::new(args)?;
    let mut input = Input::stdin(PROG)?;
    let mut output = Output::stdout();
    if parse.joins() {
        input.set_idle(Some(args.join_idle));
    }
    while input.each(&mut output, |item, output| parse.take(item, output))? {}
    let exit = parse.finish(&input, &mut output)?;
    output.finish()?;
    Ok(exit)
}
