//! From the command line to the run that it asks for.

use std::io;
use std::path::{Path, PathBuf};

use logline::ending::{Exit, Stop, cause, say};
use rustix::fs::Access;

use crate::PROG;
use crate::acks::Acks;
use crate::args::Args;
use crate::deliver::Deliverer;
use crate::destinations::chosen::destination;
use crate::dry_run::DryRun;
use crate::hidden::hide;
use crate::metrics;
use crate::own;
use crate::pace::Limits;
use crate::post::Post;
use crate::refusals::Refusals;
use crate::report::Report;
use crate::target::{connecting, path, target};
use crate::window::Window;

/// Does what the options ask: delivers what comes on stdin, or checks the metrics of another run.
pub fn run(args: &Args) -> Result<Exit, Stop> {
    if let Some(file) = &args.check {
        return Ok(metrics::check(file, args.max_age)?);
    }
    let destination = destination(args, &path(args)?)?;
    let target = target(args, destination.as_ref())?;
    hide(args);
    if args.insecure {
        say(PROG, "--insecure: whoever answers is believed, and gets the records");
    }
    let in_flight = usize::from(args.in_flight);
    let server = target.server();
    let dry_run = args.dry_run.then(|| DryRun::new(&target));
    let deliverer = Deliverer::new(target, &connecting(args)?, in_flight)?;
    let window = Window::new(usize::try_from(args.batch_bytes).unwrap_or(usize::MAX), in_flight)
        .with_most_records(destination.most_records());
    let directory = args.state.clone().or_else(|| std::env::var_os("LOGPIPE_STATE").map(PathBuf::from));
    let directory = directory.filter(|directory| !directory.as_os_str().is_empty() && !args.dry_run);
    let entered = |directory: &PathBuf| {
        usable(directory)?;
        own::enter(directory, &own::paths(args.dead_letter.as_deref(), args.metrics.as_deref())?)
    };
    if let Some(directory) = &directory
        && let Err(error) = entered(directory)
    {
        let cause = cause(&error);
        say(PROG, format_args!("{}: {cause}, nothing of what is delivered can be kept here", directory.display()));
    }
    let acks = directory.map(|directory| Acks::new(&directory));
    let limits = Limits { linger: args.linger, drain: args.drain, retry_for: args.retry_for };
    let refusals = if args.dry_run { Refusals::Said } else { Refusals::open(args.dead_letter.as_deref())? };
    let report = Report::new(server, args.verbose, args.metrics.as_deref());
    Post::new(deliverer, destination, refusals, report, window, acks, limits)?.dry(dry_run).run()
}

/// Whether files can be made in a directory, which is made if it is not there.
fn usable(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    Ok(rustix::fs::access(directory, Access::WRITE_OK | Access::EXEC_OK)?)
}
