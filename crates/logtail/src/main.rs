//! Follows log files and writes their lines, with their positions.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use logline::ending::{Exit, Stop, Trouble};
use logline::signal::Signals;
use logtail::PROG;
use logtail::args::Args;
use logtail::drain::Drain;
use logtail::emit::Shape;
use logtail::file::CHUNK;
use logtail::follow::Follower;
use logtail::glob::Pattern;
use logtail::gzip::Unpacking;
use logtail::hung::{self, Pulse};
use logtail::manual::MANUAL;
use logtail::others::Others;
use logtail::plan::{First, Plan};
use logtail::run::{Pace, Run, boot_id};
use logtail::state::State;
use logtail::system::System;
use logtail::terms::Terms;

fn main() -> Exit {
    logline::args::run(PROG, &MANUAL, run)
}

fn run(args: &Args) -> Result<Exit, Stop> {
    let clock = Instant::now();
    let of_signals = |error: io::Error| Trouble::io("signals", &error);
    let signals = Signals::of_end().map_err(of_signals)?;
    logtail::lease::prepare().map_err(of_signals)?;
    hung::watched(clock, args.drain_max, |pulse| follow(args, signals, clock, pulse))?
}

fn follow(args: &Args, signals: Signals, clock: Instant, pulse: Pulse) -> Result<Exit, Stop> {
    let directory = state_directory(args)?;
    let mut plan = plan(args, directory.as_deref())?;
    plan.most_open = logtail::system::raise_limit_of_open_files();
    // Rotated files leave room for those that are written.
    plan.open_limit = plan.open_limit.min(plan.most_open / 2);
    let mut follower = Follower::new(Unpacking(System), plan, boot_id(), logline::position::Fid::random);
    let state = match directory {
        None => None,
        Some(directory) => {
            let Some((state, left)) = State::take(&directory, args.advance, &signals)? else { return Ok(Exit::Done) };
            match left.checkpoint {
                Some(checkpoint) => follower.resume(checkpoint, &left.acks, clock.elapsed()),
                None if left.is_lost => follower.resume_from_nothing(),
                None => {}
            }
            Some(state)
        }
    };
    let pace = Pace {
        follows: args.follow,
        at_rest: args.sleep_interval,
        inotify: !args.no_inotify,
        drain: Drain::new(args.drain_quiet, args.drain_max),
    };
    let others = Others::new(args.also_acked.clone(), boot_id());
    Run::new(follower, state, others, signals, pace, clock, pulse).run()
}

fn plan(args: &Args, state: Option<&Path>) -> Result<Plan, Stop> {
    let has_state = state.is_some();
    let patterns = |texts: &[std::ffi::OsString]| {
        let parse = |text: &std::ffi::OsString| {
            if text == "-" {
                return Err(Trouble::new("-", "logtail reads files only, standard input is for the tools behind it"));
            }
            // A shell that has read a wildcard hands on names as they are.
            if Path::new(text).is_file() {
                return Ok(Pattern::of_name(text.as_bytes()));
            }
            Pattern::new(text.as_bytes()).map_err(|cause| Trouble::new(text.display(), cause))
        };
        texts.iter().map(parse).collect::<Result<Vec<Pattern>, Trouble>>()
    };
    Ok(Plan {
        patterns: patterns(&args.files)?,
        excludes: patterns(&args.exclude)?,
        shape: Shape {
            tagged: args.tag || (has_state && !args.advance),
            max_line: usize::try_from(args.max_line).unwrap_or(usize::MAX),
        },
        first: first(args, has_state)?,
        follows: args.follow,
        headers: args.verbose,
        rotate_quiet: args.rotate_quiet,
        forget_after: Duration::from_secs(60),
        // Without -F there is one round only, in which each has its turn.
        open_limit: if args.follow { 64 } else { usize::MAX },
        most_open: usize::MAX,
        partial_after: args.partial_after,
        follow_links: args.follow_links.clone(),
        reclaim: reclaim(args, has_state)?,
        state: state.map(Path::to_owned),
        chunk: CHUNK,
    })
}

fn reclaim(args: &Args, has_state: bool) -> Result<Option<Terms>, Trouble> {
    let Some(keep) = args.reclaim else { return Ok(None) };
    if args.advance {
        // What has been written into a pipe may be lost behind it.
        return Err(Trouble::new("--reclaim", "not with --advance, only what logpost has delivered is given back"));
    }
    if !has_state {
        return Err(Trouble::new("--reclaim", "needs -F and --state DIR, which tell what logpost has delivered"));
    }
    Ok(Some(Terms::new(keep)))
}

fn first(args: &Args, has_state: bool) -> Result<First, Trouble> {
    let Some(text) = &args.lines else { return Ok(if has_state { First::Head } else { First::LastLines(10) }) };
    let (digits, from_line) = match text.strip_prefix('+') {
        Some(digits) => (digits, true),
        None => (text.strip_prefix('-').unwrap_or(text), false),
    };
    let number = digits.parse().map_err(|_| Trouble::new(format!("-n {text}"), "expected a number of lines, or +N"))?;
    Ok(if from_line { First::FromLine(number) } else { First::LastLines(number) })
}

/// The option, or the environment where positions make sense: so `kubectl exec … logtail -n +1` in the container of a
/// pipeline is not held up by its lock.
fn state_directory(args: &Args) -> Result<Option<PathBuf>, Trouble> {
    let keeps = args.follow || args.advance;
    match &args.state {
        Some(_) if !keeps => Err(Trouble::new("--state", "needs -F or --advance, without them nothing is followed")),
        Some(directory) => Ok(Some(directory.clone())),
        None if keeps => match std::env::var_os("LOGPIPE_STATE").filter(|value| !value.is_empty()) {
            None if args.advance => Err(Trouble::new("--advance", "needs --state DIR to keep the positions in")),
            directory => Ok(directory.map(PathBuf::from)),
        },
        None => Ok(None),
    }
}
