//! Kills the members of a pipeline, again and again, while logs are written and rotated and the server fails; then
//! counts each written line among the documents that arrived.
//!
//! What is counted are the numbers in the lines, which the applications know, and not the ids, which the tools give.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use logline::state::files::Checkpoint;
use logline::state::{Loaded, Store, acks};
use logpipe_tests::pipeline::{Pipeline, words};
use logpipe_tests::receiver::{Options, Receiver};
use logpipe_tests::tools::{Scratch, await_that};
use logpipe_tests::writers::{self, Dice, KEPT, Manner, Orders, Written};
use rustix::process::Signal;
use serde_json::Value;

const USAGE: &str =
    "usage: crashloop [--kills N] [--seed S] [--keep] [--variant plain|slow|filter|grep|awk|joins|links|reclaim]";

/// Longer than any wait that the tools allow themselves.
const HUNG: Duration = Duration::from_secs(90);

fn main() -> ExitCode {
    match plan().and_then(|plan| crash(plan).map_err(|cause| cause.to_string())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(cause) => {
            // Where the message cannot be written there is nobody to tell.
            drop(writeln!(io::stderr(), "crashloop: {cause}"));
            ExitCode::from(2)
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Variant {
    Plain,
    /// The server takes its time.
    Slow,
    /// Most lines are dropped on the way.
    Filter,
    /// A foreign filter that gives a torn line an LF, and holds its output back.
    Grep,
    /// The same.
    Awk,
    /// Stack traces become one record.
    Joins,
    /// The logs are followed through links in another directory.
    Links,
    /// Disk space is given back, of a log that nobody rotates and of those that are.
    Reclaim,
}

impl Variant {
    /// The applications that write.
    fn manners(self) -> &'static [Manner] {
        if self == Self::Reclaim { &Manner::ALL } else { &Manner::ROTATING }
    }

    const ALL: [(&'static str, Self); 8] = [
        ("plain", Self::Plain),
        ("slow", Self::Slow),
        ("filter", Self::Filter),
        ("grep", Self::Grep),
        ("awk", Self::Awk),
        ("joins", Self::Joins),
        ("links", Self::Links),
        ("reclaim", Self::Reclaim),
    ];
}

struct Plan {
    kills: u64,
    seed: u64,
    variant: Variant,
    name: &'static str,
    keep: bool,
}

fn plan() -> Result<Plan, String> {
    let mut plan = Plan { kills: 100, seed: 1, variant: Variant::Plain, name: "plain", keep: false };
    let mut arguments = std::env::args().skip(1);
    while let Some(word) = arguments.next() {
        let mut value = || arguments.next().ok_or(USAGE);
        match word.as_str() {
            "--kills" => plan.kills = value()?.parse().map_err(|_| USAGE)?,
            "--seed" => plan.seed = value()?.parse().map_err(|_| USAGE)?,
            "--variant" => {
                let name = value()?;
                (plan.name, plan.variant) = Variant::ALL.into_iter().find(|(known, _)| *known == name).ok_or(USAGE)?;
            }
            "--keep" => plan.keep = true,
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(plan)
}

fn crash(plan: Plan) -> io::Result<bool> {
    let scratch = Scratch::new("crashloop");
    let mut run = Run::new(plan, scratch.path())?;
    let begin = Instant::now();
    let applications: Vec<_> = run
        .plan
        .variant
        .manners()
        .iter()
        .copied()
        .map(|manner| {
            let dice = Dice::new(run.dice.below(u64::MAX));
            writers::start(manner, &run.directory.join("logs"), dice, Arc::clone(&run.orders))
        })
        .collect();
    run.kill_again_and_again()?;
    run.orders.stop.store(true, Ordering::SeqCst);
    let mut written = Vec::new();
    for application in applications {
        written.push(application.join().map_err(|_| io::Error::other("a writer panicked"))??);
    }
    let is_drained = run.drain()?;
    // What was delivered and acknowledged is not sent once more. Requests are counted: an answer that nobody waited for any
    // longer may still be on its way.
    let requests = run.receiver.requests();
    let is_drained_again = run.drain()?;
    let text = &mut format!("seed {} variant {} time {} s\n", run.plan.seed, run.plan.name, begin.elapsed().as_secs());
    for (name, count) in &run.counts {
        let _ = writeln!(text, "{name:<28} {count}");
    }
    let again = run.receiver.requests() - requests;
    let _ = writeln!(text, "{:<28} {}", "redelivered (409)", run.receiver.conflicts());
    let _ = writeln!(text, "{:<28} {again}", "requests after a clean end");
    let arrived = Arrived::of(&run.receiver.documents());
    let mut is_good = run.complaints.is_empty() && again == 0;
    if run.plan.variant == Variant::Reclaim {
        run.look_at_space()?;
        is_good &= run.space.judge(text);
    }
    for written in &written {
        is_good &= run.count(written, &arrived, text);
    }
    if !(is_drained && is_drained_again) {
        is_good = false;
        text.push_str("the last run did not deliver everything\n");
    }
    for complaint in &run.complaints {
        let _ = writeln!(text, "{complaint}");
    }
    if !is_good {
        run.keep_documents()?;
        let _ = writeln!(text, "NOT GOOD, see {}", run.directory.display());
    }
    if !is_good || run.plan.keep {
        // What is not dropped stays on disk.
        std::mem::forget(scratch);
    }
    io::stdout().write_all(text.as_bytes())?;
    Ok(is_good)
}

struct Run {
    plan: Plan,
    directory: PathBuf,
    receiver: Receiver,
    dice: Dice,
    orders: Arc<Orders>,
    counts: BTreeMap<String, u64>,
    complaints: Vec<String>,
    space: Space,
    /// Pipelines that were met by something and come to their end, some while the next one begins.
    ending: Vec<Ending>,
}

/// The disk space of the log that nobody rotates, in bytes.
#[derive(Default)]
struct Space {
    /// What was written, at the last look.
    written: u64,
    /// What it took at the last look, and at most.
    held: u64,
    highest: u64,
    /// What it took at most of what had been acknowledged.
    highest_acknowledged: u64,
}

/// So much may stay at the end, when all is acknowledged: a step each that is not worth a call, that is held back, and that
/// lies in front of the marker, and the first blocks.
const LEFT_AT_END: u64 = (3 << 20) + (64 << 10);
/// So much of what is acknowledged may be there at any time: that, what comes in the seconds between two steps, and two bursts.
const LEFT: u64 = LEFT_AT_END + (24 << 20);

impl Space {
    fn look(&mut self, written: u64, held: u64, acknowledged: u64) {
        (self.written, self.held) = (written, held);
        self.highest = self.highest.max(held);
        let unacknowledged = written.saturating_sub(acknowledged);
        self.highest_acknowledged = self.highest_acknowledged.max(held.saturating_sub(unacknowledged));
    }

    fn judge(&self, text: &mut String) -> bool {
        let _ = writeln!(
            text,
            "disk space: written {}, highest {}, of that acknowledged {} (bound {LEFT}), at the end {} (bound {LEFT_AT_END})",
            self.written, self.highest, self.highest_acknowledged, self.held
        );
        self.highest_acknowledged <= LEFT && self.held <= LEFT_AT_END
    }
}

/// A pipeline on its way to its end.
struct Ending {
    pipeline: Pipeline,
    names: Vec<String>,
    since: Instant,
    /// All that is left was killed too.
    is_killed: bool,
}

impl Run {
    fn new(plan: Plan, directory: &Path) -> io::Result<Self> {
        for name in ["logs", "links", "state"] {
            fs::create_dir_all(directory.join(name))?;
        }
        for name in Manner::ALL.map(Manner::name) {
            let log = format!("../logs/{name}.log");
            std::os::unix::fs::symlink(log, directory.join("links").join(format!("{name}.log")))?;
        }
        let slow_ms = (plan.variant == Variant::Slow).then_some(300);
        let receiver = Receiver::start_with(&Options { chaos: Some(plan.seed), slow_ms, ..Options::default() })?;
        Ok(Self {
            dice: Dice::new(plan.seed),
            plan,
            directory: directory.to_owned(),
            receiver,
            orders: Arc::default(),
            counts: BTreeMap::new(),
            complaints: Vec::new(),
            space: Space::default(),
            ending: Vec::new(),
        })
    }

    /// The members, first to last. The waits are short, so that many kills meet many states; the last run has the waits of
    /// every day.
    fn line(&mut self, is_last: bool) -> Vec<Vec<String>> {
        let state = self.directory.join("state");
        let state = state.display();
        let waits = if is_last { "" } else { "--drain-quiet 200ms --drain-max 1s" };
        let wake = if self.dice.one_in(3) { "--no-inotify" } else { "" };
        let logs = self.directory.join(if self.plan.variant == Variant::Links { "links/*.log" } else { "logs/*.log" });
        let reclaim = if self.plan.variant == Variant::Reclaim { "--reclaim 0" } else { "" };
        let tail = format!("logtail -F --state {state} -s 0.2 {waits} {wake} {reclaim} {}", logs.display());
        let parse = match self.plan.variant {
            Variant::Joins => "logparse text --join trace --join-idle 300ms",
            _ => "logparse json",
        };
        let between = match self.plan.variant {
            Variant::Plain | Variant::Slow | Variant::Joins | Variant::Links | Variant::Reclaim => "logfilter .",
            Variant::Filter => "logfilter keep",
            Variant::Grep if self.dice.one_in(2) => "grep -a .",
            Variant::Grep => "grep -a --line-buffered .",
            Variant::Awk if self.dice.one_in(2) => "awk 1",
            Variant::Awk => "mawk -W interactive 1",
        };
        let waits = if is_last { "" } else { "--drain 3s" };
        let post = format!(
            "logpost --state {state} --linger 50ms --batch-bytes 128KiB --max-time 1s {waits} --to elasticsearch {}/logs",
            self.receiver.url()
        );
        // A foreign filter stands where torn lines are still tagged lines, or where they are records already.
        let mut line = [&tail, parse, between, &post].map(words);
        if self.dice.one_in(2) {
            line.swap(1, 2);
        }
        line.to_vec()
    }

    fn start(&mut self, is_last: bool) -> io::Result<(Pipeline, Vec<String>)> {
        let line = self.line(is_last);
        let pipeline = Pipeline::start(&line, &self.directory.join("errors"))?;
        Ok((pipeline, line.into_iter().map(|mut words| words.swap_remove(0)).collect()))
    }

    /// Starts the pipeline and kills something of it, that many times.
    fn kill_again_and_again(&mut self) -> io::Result<()> {
        for kill in 0..self.plan.kills {
            let (mut pipeline, names) = self.start(false)?;
            if kill == 0 {
                await_that("the first sight of each log", || self.has_seen_the_logs());
                self.orders.rotate.store(true, Ordering::SeqCst);
            }
            // Now and then it lives long enough for all that is done once a second.
            let most = if kill == 0 || self.dice.one_in(8) { 2500 } else { 500 };
            thread::sleep(Duration::from_millis(20) + self.dice.pause(Duration::from_millis(most)));
            if self.dice.one_in(6) {
                self.pause_one(&mut pipeline, &names);
            }
            if self.plan.variant == Variant::Reclaim {
                self.look_at_space()?;
            }
            let name = self.meet(&mut pipeline, &names);
            self.add(&name);
            // A container's runtime kills what is left when its first process ends; a plain shell lets it end by itself, and
            // the next one begins when it has or before.
            let fate = self.dice.below(3);
            if fate == 0 {
                pipeline.signal_all(Signal::KILL);
            }
            self.ending.push(Ending { pipeline, names, since: Instant::now(), is_killed: fate == 0 });
            if fate == 1 || self.ending.len() > 4 {
                self.await_ends();
            } else {
                self.collect();
                if !self.ending.is_empty() {
                    self.add("begun beside one that ends");
                }
            }
        }
        self.await_ends();
        Ok(())
    }

    /// What was rotated before the first sight of its path is nobody's to read.
    fn has_seen_the_logs(&self) -> bool {
        let files = fs::read_to_string(self.directory.join("state/files")).unwrap_or_default();
        self.plan.variant.manners().iter().all(|manner| files.contains(&format!("/{}.log\"", manner.name())))
    }

    /// How much disk space the log takes that nobody rotates, and how much of it is not acknowledged.
    fn look_at_space(&mut self) -> io::Result<()> {
        let log = fs::metadata(self.directory.join("logs").join(format!("{}.log", Manner::Forever.name())))?;
        let text = |name| match Store::new(&self.directory.join("state"), name).load() {
            Loaded::Current(text) | Loaded::Previous(text, _) => text,
            Loaded::Nothing | Loaded::Lost(_) => Vec::new(),
        };
        let (checkpoint, _) = Checkpoint::parse(&text("files"));
        let fid = checkpoint.entries.iter().find(|entry| entry.inode.number == log.ino()).map(|entry| entry.fid);
        let acknowledged = acks::parse(&text("acks")).find(|(of, _)| Some(*of) == fid).map_or(0, |(_, offset)| offset);
        self.space.look(log.len(), log.blocks() * 512, acknowledged);
        Ok(())
    }

    /// Something happens to the pipeline; what.
    fn meet(&mut self, pipeline: &mut Pipeline, names: &[String]) -> String {
        let places = pipeline.len();
        match usize::try_from(self.dice.below(places as u64 + 4)).unwrap_or_default() {
            place if place < places => {
                pipeline.signal(place, Signal::KILL);
                format!("killed {}", names[place])
            }
            choice if choice < places + 2 => {
                pipeline.terminate();
                "told to end (TERM)".to_owned()
            }
            choice if choice == places + 2 => {
                pipeline.signal_all(Signal::INT);
                "interrupted (INT)".to_owned()
            }
            _ => {
                pipeline.signal_all(Signal::KILL);
                "killed the whole pipe".to_owned()
            }
        }
    }

    /// A member stands still for a while: the pipes before it fill, and logtail is blind to what it cannot pass on.
    fn pause_one(&mut self, pipeline: &mut Pipeline, names: &[String]) {
        let place = usize::try_from(self.dice.below(pipeline.len() as u64)).unwrap_or_default();
        pipeline.signal(place, Signal::STOP);
        thread::sleep(self.dice.pause(Duration::from_secs(2)));
        pipeline.signal(place, Signal::CONT);
        self.add(&format!("stopped for a while: {}", names[place]));
    }

    fn add(&mut self, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }

    fn await_ends(&mut self) {
        while !self.ending.is_empty() {
            self.collect();
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Looks which pipelines have ended, and how.
    fn collect(&mut self) {
        let mut left = Vec::new();
        for mut ending in std::mem::take(&mut self.ending) {
            if ending.pipeline.has_ended() {
                self.judge(&mut ending);
            } else if ending.since.elapsed() > HUNG {
                let statuses = ending.pipeline.statuses();
                self.complaints.push(format!("hung: {:?} {statuses:?}", ending.names));
            } else {
                left.push(ending);
            }
        }
        self.ending = left;
    }

    /// Whatever happens to the others, a member ends by itself with an exit code of its own, or by a signal from here.
    fn judge(&mut self, ending: &mut Ending) {
        for (status, name) in ending.pipeline.statuses().into_iter().zip(&ending.names) {
            let Some(status) = status else { continue };
            let is_foreign = !name.starts_with("log");
            let is_good = match (status.code(), status.signal()) {
                (Some(code), _) => code <= 2,
                // TERM ends one that has not come to catch it yet, and INT a filter.
                (_, Some(signal)) => {
                    let known = [Signal::KILL, Signal::TERM, Signal::INT];
                    known.iter().any(|known| known.as_raw() == signal)
                        || (is_foreign && signal == Signal::PIPE.as_raw())
                }
                _ => false,
            };
            if !is_good {
                self.complaints.push(format!("{name} has ended with {status}"));
            }
            if status.code() == Some(2) && !ending.is_killed {
                *self.counts.entry(format!("ended with 2: {name}")).or_default() += 1;
            }
        }
    }

    /// Runs the pipeline until it has ended by itself with everything delivered; false if it never does. What is left is
    /// sometimes more than a server that fails takes in some runs: then it is well for some more.
    fn drain(&mut self) -> io::Result<bool> {
        for run in 0..10 {
            if run == 5 {
                self.receiver.be_well();
            }
            let (mut pipeline, _) = self.start(true)?;
            pipeline.await_begun();
            thread::sleep(Duration::from_millis(200) + self.dice.pause(Duration::from_secs(1)));
            pipeline.terminate();
            // `grep` and `logfilter` say 1 where nothing was selected.
            if pipeline.ends_within(HUNG) && pipeline.codes().iter().all(|code| code.is_some_and(|code| code < 2)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn count(&self, written: &Written, arrived: &Arrived, text: &mut String) -> bool {
        let name = written.manner.name();
        let (mut lost, mut twice, mut overlapping, mut excused) = (Vec::new(), Vec::new(), 0, 0);
        let is_owed = |number: &u64| self.plan.variant != Variant::Filter || number.is_multiple_of(KEPT);
        for number in (0..written.lines).filter(is_owed) {
            match arrived.ids(name, number) {
                [] if written.excused.contains(&number) => excused += 1,
                [] => lost.push(number),
                [_] => {}
                // A group that was sent when idle or at a drain, and is read again, may be longer then.
                ids if self.plan.variant == Variant::Joins && are_of_one_generation(ids) => overlapping += 1,
                _ => twice.push(number),
            }
        }
        let _ = writeln!(
            text,
            "{name:<7} lines {} rotations {} lost {} duplicated {}",
            written.lines,
            written.rotations,
            lost.len(),
            twice.len()
        );
        if excused > 0 {
            let _ = writeln!(text, "  written between copy and truncation, and gone: {excused}");
        }
        if overlapping > 0 {
            let _ = writeln!(text, "  in overlapping groups: {overlapping}");
        }
        for (what, numbers) in [("lost", &lost), ("duplicated", &twice)] {
            for number in numbers.iter().take(10) {
                let _ = writeln!(text, "  {what}: {number} {:?}", arrived.ids(name, *number));
            }
        }
        lost.is_empty() && twice.is_empty()
    }

    fn keep_documents(&self) -> io::Result<()> {
        let mut documents = String::new();
        for document in self.receiver.documents() {
            let _ = writeln!(documents, "{document}");
        }
        fs::write(self.directory.join("documents"), documents)
    }
}

/// The ids of the documents in which each number arrived.
struct Arrived(HashMap<(&'static str, u64), Vec<String>>);

impl Arrived {
    fn of(documents: &[Value]) -> Self {
        let mut ids: HashMap<_, Vec<String>> = HashMap::new();
        for document in documents {
            let text = |key| document.get(key).and_then(Value::as_str).unwrap_or_default();
            for token in writers::tokens(text("message")) {
                ids.entry(token).or_default().push(text("_id").to_owned());
            }
        }
        Self(ids)
    }

    fn ids(&self, name: &'static str, number: u64) -> &[String] {
        self.0.get(&(name, number)).map_or(&[], Vec::as_slice)
    }
}

fn are_of_one_generation(ids: &[String]) -> bool {
    let generation = |id: &String| id.split('-').next().map(str::to_owned);
    ids.windows(2).all(|pair| generation(&pair[0]) == generation(&pair[1]))
}
