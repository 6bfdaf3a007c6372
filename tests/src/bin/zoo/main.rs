//! Real programs write numbered lines and rotate their logs in their own ways, while pipelines follow them, are killed and
//! are down for a while; then each line is counted among the documents that arrived.
//!
//! Every writer is a folder of `tests/writers`. One run of a setting is followed by three pipelines at once: by the exact
//! name of the active log, by the glob of its directory, and by a narrow glob of the log's names.

mod disk;
mod feed;
mod fields;
mod follower;
mod row;
mod tally;
mod writer;

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use logpipe_tests::tools::{self, Scratch};

use crate::feed::Feed;
use crate::follower::{Follower, Manner};
use crate::row::Row;
use crate::writer::{Found, Setting, Writer};

const USAGE: &str = "usage: zoo [NAME[/SETTING]…] [--kills] [--seconds N] [--rate N] [--jobs N] [--seed N] [--third 0|1|2] [--table] [--keep]";

fn main() -> ExitCode {
    match Plan::from_arguments().and_then(|plan| run(&plan).map_err(|cause| cause.to_string())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(cause) => {
            // Where the message cannot be written there is nobody to tell.
            drop(writeln!(io::stderr(), "zoo: {cause}"));
            ExitCode::from(2)
        }
    }
}

/// What is to be run, and how.
#[derive(Debug)]
pub(crate) struct Plan {
    names: Vec<String>,
    /// Members are killed; otherwise the pipelines are told to end.
    kills: bool,
    /// How long each writer writes.
    seconds: u64,
    /// Lines a second, on average.
    rate: u64,
    /// How many settings run at the same time.
    jobs: usize,
    seed: u64,
    /// Of the writers in the order of their names, only each third one, from this on.
    third: Option<usize>,
    /// The table for the documentation is printed at the end.
    table: bool,
    /// The directories of the runs stay.
    keep: bool,
}

impl Plan {
    fn from_arguments() -> Result<Self, String> {
        let mut plan = Self {
            names: Vec::new(),
            kills: false,
            seconds: 20,
            rate: 300,
            jobs: 3,
            seed: 1,
            third: None,
            table: false,
            keep: false,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(word) = arguments.next() {
            let mut number = || arguments.next().and_then(|value| value.parse::<u64>().ok()).ok_or(USAGE);
            match word.as_str() {
                "--kills" => plan.kills = true,
                "--seconds" => plan.seconds = number()?,
                "--rate" => plan.rate = number()?.max(20),
                "--jobs" => plan.jobs = usize::try_from(number()?.max(1)).map_err(|_| USAGE)?,
                "--seed" => plan.seed = number()?,
                "--third" => plan.third = Some(usize::try_from(number()? % 3).map_err(|_| USAGE)?),
                "--table" => plan.table = true,
                "--keep" => plan.keep = true,
                _ if word.starts_with('-') => return Err(USAGE.to_owned()),
                _ => plan.names.push(word),
            }
        }
        Ok(plan)
    }
}

fn run(plan: &Plan) -> io::Result<bool> {
    let mut jobs = VecDeque::new();
    let mut skipped = 0_usize;
    let writers = Writer::all(&tools::workspace().join("tests/writers"))?;
    for name in &plan.names {
        if !writers.iter().any(|writer| writer.is_meant(name)) {
            return Err(io::Error::other(format!("{name}: no such writer in tests/writers")));
        }
    }
    for (place, mut writer) in writers.into_iter().enumerate() {
        writer.keep_meant(&plan.names);
        if writer.settings.is_empty() || plan.third.is_some_and(|third| place % 3 != third) {
            continue;
        }
        match writer.install()? {
            Found::Installed => {
                let settings = std::mem::take(&mut writer.settings);
                jobs.extend(settings.into_iter().map(|setting| (writer.clone(), setting)));
            }
            Found::Missing(why) => {
                tools::skip(&format!("writer {}", writer.name), &why);
                say(&format!("skipped: {}: {why}", writer.name))?;
                skipped += writer.settings.len();
            }
        }
    }
    say(&row::head())?;
    let (jobs, rows) = (Mutex::new(jobs), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..plan.jobs {
            scope.spawn(|| {
                loop {
                    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some((writer, setting)) = job else { return };
                    let done = follow(plan, &writer, &setting)
                        .unwrap_or_else(|cause| vec![Row::failed(&writer, &setting, &cause.to_string())]);
                    let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
                    for row in &done {
                        // A closed stdout ends nothing: the exit code still tells.
                        drop(say(&row.to_string()));
                    }
                    rows.extend(done);
                }
            });
        }
    });
    let rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    if plan.table {
        say(&row::table(&rows))?;
    }
    let failed = rows.iter().filter(|row| !row.is_good()).count();
    say(&format!("{} passed, {failed} failed, {skipped} skipped", rows.len() - failed))?;
    Ok(failed == 0)
}

/// One run of a setting: a row for each pattern.
fn follow(plan: &Plan, writer: &Writer, setting: &Setting) -> io::Result<Vec<Row>> {
    let scratch = Scratch::new(&format!("zoo-{}-{}", writer.name, setting.name));
    let done = follow_in(scratch.path(), plan, writer, setting);
    if plan.keep {
        drop(say(&format!("kept: {}", scratch.path().display())));
        std::mem::forget(scratch);
    }
    done
}

fn follow_in(directory: &Path, plan: &Plan, writer: &Writer, setting: &Setting) -> io::Result<Vec<Row>> {
    let logs = directory.join("logs");
    std::fs::create_dir(&logs)?;
    let manner = Manner { kills: plan.kills, seed: plan.seed };
    let mut followers = Vec::new();
    for pattern in setting.patterns() {
        followers.push(Follower::new(directory, pattern, setting, manner)?);
    }
    for follower in &mut followers {
        follower.begin()?;
    }
    let watch = disk::Watch::start(&logs);
    let mut feed = Feed::start(writer, setting, directory, plan.rate)?;
    feed.give(10)?;
    for follower in &mut followers {
        follower.await_first_sight(|| feed.is_running())?;
    }
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let fed = thread::scope(|scope| {
        let following: Vec<_> =
            followers.iter_mut().map(|follower| scope.spawn(|| follower.meet_until(&is_over))).collect();
        let fed = feed.go_on(Duration::from_secs(plan.seconds)).and_then(|()| feed.end());
        is_over.store(true, std::sync::atomic::Ordering::SeqCst);
        for thread in following {
            thread.join().map_err(|_| io::Error::other("a follower panicked"))??;
        }
        fed
    })?;
    let (rotations, files) = (watch.end(), disk::read(&logs)?);
    let fields = fields::check(&files, &fed, setting, directory)?;
    let mut rows = Vec::new();
    for mut follower in followers {
        follower.drain()?;
        let is_exact = follower.pattern().kind == "exact";
        let tally = tally::count(follower.heard(), &fed, &files, setting, &follower.logs(), is_exact);
        if plan.keep {
            follower.keep_documents()?;
        }
        rows.push(Row::new(writer, setting, follower.pattern(), rotations, tally, &fields));
    }
    Ok(rows)
}

/// Prints a line to stdout.
fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
