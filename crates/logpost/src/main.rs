//! Delivers records over HTTP and keeps them until they have been accepted.

use std::path::PathBuf;

use logline::ending::{Exit, Stop, Trouble, say};
use logpost::PROG;
use logpost::acks::Acks;
use logpost::args::{Args, HINTS};
use logpost::deliver::Deliverer;
use logpost::dry_run::DryRun;
use logpost::metrics;
use logpost::post::{Pace, Post};
use logpost::refusals::Refusals;
use logpost::report::Report;
use logpost::target::{connecting, kind, target};
use logpost::window::Window;

fn main() -> Exit {
    logline::args::run(PROG, HINTS, run)
}

fn run(args: &Args) -> Result<Exit, Stop> {
    if let Some(file) = &args.check {
        return Ok(metrics::check(file, args.max_age)?);
    }
    if let Some(file) = args.input.as_ref().filter(|file| file.as_os_str() != "-") {
        return Err(Trouble::new(file.display(), "records are read from standard input: logpost URL < FILE").into());
    }
    let kind = kind(args)?;
    let target = target(args, kind.as_ref())?;
    if args.insecure {
        say(PROG, "--insecure: whoever answers is believed, and gets the records");
    }
    let in_flight = usize::from(args.in_flight);
    let server = target.url.split('?').next().unwrap_or_default().to_owned();
    let dry_run = args.dry_run.then(|| DryRun::new(&target));
    let deliverer = Deliverer::new(target, &connecting(args)?, in_flight)?;
    let window = Window::new(usize::try_from(args.batch_bytes).unwrap_or(usize::MAX), in_flight);
    let directory = args.state.clone().or_else(|| std::env::var_os("LOGPIPE_STATE").map(PathBuf::from));
    let directory = directory.filter(|directory| !directory.as_os_str().is_empty() && !args.dry_run);
    let acks = directory.map(|directory| Acks::new(&directory));
    let pace = Pace { linger: args.linger, drain: args.drain, retry_for: args.retry_for };
    let refusals = if args.dry_run { Refusals::Said } else { Refusals::open(args.dead_letter.as_deref())? };
    let report = Report::new(server, args.verbose, args.metrics.as_deref());
    Post::new(deliverer, kind, refusals, report, window, acks, pace)?.dry(dry_run).run()
}
