//! Kills the members of a pipeline, again and again, while logs are written and rotated and the server fails; then
//! counts each written line among the documents that arrived.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use logpipe_tests::receiver::{Options, Receiver};
use logpipe_tests::tools::Scratch;
use logpipe_tests::writers::{self, Dice, Manner, Written};
use rustix::process::{Pid, Signal, kill_process};

const USAGE: &str = "usage: crashloop [--kills N] [--seed S] [--keep] [--variant plain|slow|filter|grep|awk]";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(cause) => {
            // Where the message cannot be written there is nobody to tell.
            drop(writeln!(io::stderr(), "crashloop: {cause}"));
            ExitCode::from(2)
        }
    }
}

struct Plan {
    kills: u64,
    seed: u64,
    variant: String,
    keep: bool,
}

fn plan() -> Result<Plan, String> {
    let mut plan = Plan { kills: 100, seed: 1, variant: "plain".to_owned(), keep: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(USAGE);
        match word.as_str() {
            "--kills" => plan.kills = value()?.parse().map_err(|_| USAGE)?,
            "--seed" => plan.seed = value()?.parse().map_err(|_| USAGE)?,
            "--variant" => plan.variant = value()?,
            "--keep" => plan.keep = true,
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(plan)
}

fn run() -> Result<bool, String> {
    let plan = plan()?;
    let scratch = Scratch::new("crashloop");
    let answer = crash(&plan, scratch.path()).map_err(|cause| cause.to_string());
    if plan.keep {
        // What is not dropped stays on disk.
        std::mem::forget(scratch);
    }
    answer
}

/// The command lines of a pipeline's members, first to last.
fn members(plan: &Plan, directory: &Path, url: &str) -> io::Result<Vec<Vec<String>>> {
    let state = directory.join("state").display().to_string();
    let logs = directory.join("logs/*.log").display().to_string();
    let between: &[&str] = match plan.variant.as_str() {
        "plain" | "slow" => &[],
        "filter" => &["logfilter", "keep"],
        "grep" => &["grep", "-a", "--line-buffered", "."],
        "awk" => &["mawk", "-W", "interactive", "1"],
        other => return Err(io::Error::other(format!("{other}: no such variant"))),
    };
    let mut line = vec![
        words(&["logtail", "-F", "--state", &state, "--drain-quiet", "500ms", &logs]),
        words(&["logparse", "json"]),
        words(&["logpost", "--state", &state, "--linger", "100ms", "--to", "elasticsearch", &format!("{url}/logs")]),
    ];
    if !between.is_empty() {
        line.insert(1, words(between));
    }
    Ok(line)
}

fn words(line: &[&str]) -> Vec<String> {
    line.iter().map(|&word| word.to_owned()).collect()
}

/// A running pipeline. The driver starts the members itself, for it has to know each by its number.
struct Pipeline {
    members: Vec<(String, Child)>,
}

impl Pipeline {
    fn start(line: &[Vec<String>], errors: &Path) -> io::Result<Self> {
        let mut members: Vec<(String, Child)> = Vec::new();
        for (place, words) in line.iter().enumerate() {
            let input = match members.last_mut().and_then(|(_, child)| child.stdout.take()) {
                Some(pipe) => Stdio::from(pipe),
                None => Stdio::null(),
            };
            let log = std::fs::OpenOptions::new().create(true).append(true).open(errors)?;
            let output = if place + 1 == line.len() { Stdio::null() } else { Stdio::piped() };
            let child = Command::new(&words[0]).args(&words[1..]).stdin(input).stdout(output).stderr(log).spawn()?;
            members.push((words[0].clone(), child));
        }
        Ok(Self { members })
    }

    /// Tells the first and the last, as the image's entry point does.
    fn terminate(&self) {
        for (_, child) in [self.members.first(), self.members.last()].into_iter().flatten() {
            signal(child, Signal::TERM);
        }
    }

    fn kill(&self) {
        for (_, child) in &self.members {
            signal(child, Signal::KILL);
        }
    }

    fn ended(&mut self) -> bool {
        self.members.iter_mut().all(|(_, child)| matches!(child.try_wait(), Ok(Some(_))))
    }

    /// Whether all members have ended in time.
    fn wait(&mut self, most: Duration) -> bool {
        let end = Instant::now() + most;
        while !self.ended() {
            if Instant::now() > end {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }

    fn succeeded(&mut self) -> bool {
        self.members.iter_mut().all(|(_, child)| child.wait().is_ok_and(|status| status.success()))
    }
}

fn signal(child: &Child, signal: Signal) {
    // One that has ended already needs no signal; it has not been waited for, so the number is still its own.
    let _ = kill_process(Pid::from_child(child), signal);
}

fn crash(plan: &Plan, directory: &Path) -> io::Result<bool> {
    std::fs::create_dir_all(directory.join("logs"))?;
    std::fs::create_dir_all(directory.join("state"))?;
    let slow = (plan.variant == "slow").then_some(300);
    let receiver = Receiver::start_with(&Options { chaos: Some(plan.seed), slow_ms: slow, ..Options::default() })?;
    let line = members(plan, directory, &receiver.url())?;
    let errors = directory.join("errors");
    let stop = Arc::new(AtomicBool::new(false));
    let mut dice = Dice::new(plan.seed);
    let applications: Vec<_> = Manner::ALL
        .into_iter()
        .map(|manner| {
            let seed = Dice::new(dice.below(u64::MAX));
            writers::start(manner, &directory.join("logs"), seed, Arc::clone(&stop))
        })
        .collect();
    let begin = Instant::now();
    let kills = kill_again_and_again(plan.kills, &mut dice, &line, &errors)?;
    stop.store(true, Ordering::SeqCst);
    let mut written = Vec::new();
    for application in applications {
        written.push(application.join().map_err(|_| io::Error::other("a writer panicked"))??);
    }
    let drained = drain(&line, &errors)?;
    let table = Table { kills, written, elapsed: begin.elapsed(), drained, only_kept: plan.variant == "filter" };
    table.print(plan, &receiver, &errors)
}

/// Starts the pipeline and kills something of it, that many times; tells what was killed how often.
fn kill_again_and_again(
    kills: u64,
    dice: &mut Dice,
    line: &[Vec<String>],
    errors: &Path,
) -> io::Result<BTreeMap<String, u64>> {
    let mut killed: BTreeMap<String, u64> = BTreeMap::new();
    for _ in 0..kills {
        let mut pipeline = Pipeline::start(line, errors)?;
        thread::sleep(Duration::from_millis(50 + dice.below(500)));
        let places = u64::try_from(pipeline.members.len()).unwrap_or(u64::MAX);
        let choice = dice.below(places + 2);
        let victim = usize::try_from(choice).ok().and_then(|place| pipeline.members.get(place));
        let name = if let Some((name, child)) = victim {
            signal(child, Signal::KILL);
            name.clone()
        } else if choice == places {
            pipeline.kill();
            "all".to_owned()
        } else {
            pipeline.terminate();
            "TERM".to_owned()
        };
        *killed.entry(name).or_default() += 1;
        // A container's runtime kills what is left when its first process ends; a plain shell lets it end by itself.
        if dice.below(2) == 0 {
            pipeline.kill();
        }
        if !pipeline.wait(Duration::from_secs(60)) {
            pipeline.kill();
            *killed.entry("hung for a minute".to_owned()).or_default() += 1;
            pipeline.wait(Duration::from_secs(10));
        }
    }
    Ok(killed)
}

/// Runs the pipeline until it has ended by itself with everything delivered; false if it never does.
fn drain(line: &[Vec<String>], errors: &Path) -> io::Result<bool> {
    for _ in 0..10 {
        let mut pipeline = Pipeline::start(line, errors)?;
        // Time for the resume, and for what a failing server holds back.
        thread::sleep(Duration::from_secs(5));
        pipeline.terminate();
        if pipeline.wait(Duration::from_secs(60)) && pipeline.succeeded() {
            return Ok(true);
        }
        pipeline.kill();
        pipeline.wait(Duration::from_secs(10));
    }
    Ok(false)
}

struct Table {
    kills: BTreeMap<String, u64>,
    written: Vec<Written>,
    elapsed: Duration,
    drained: bool,
    /// Only every twentieth line is let through.
    only_kept: bool,
}

impl Table {
    fn print(&self, plan: &Plan, receiver: &Receiver, errors: &Path) -> io::Result<bool> {
        let mut arrived: HashMap<(String, u64), u64> = HashMap::new();
        for document in receiver.documents() {
            let text = document.get("message").and_then(|message| message.as_str()).unwrap_or_default();
            for (name, number) in writers::tokens(text) {
                *arrived.entry((name.to_owned(), number)).or_default() += 1;
            }
        }
        let mut text = format!("seed {} variant {} time {} s\n", plan.seed, plan.variant, self.elapsed.as_secs());
        for (name, count) in &self.kills {
            let _ = writeln!(text, "killed {name:<20} {count}");
        }
        let _ = writeln!(text, "redelivered (409)           {}", receiver.conflicts());
        let mut good = self.drained;
        for written in &self.written {
            good &= self.count(written, &arrived, &mut text);
        }
        if !self.drained {
            text.push_str("the last run did not deliver everything\n");
        }
        if !good {
            let said = std::fs::read_to_string(errors).unwrap_or_default();
            let lines: Vec<&str> = said.lines().collect();
            for line in &lines[lines.len().saturating_sub(20)..] {
                let _ = writeln!(text, "  {line}");
            }
        }
        io::stdout().write_all(text.as_bytes())?;
        Ok(good)
    }

    fn count(&self, written: &Written, arrived: &HashMap<(String, u64), u64>, text: &mut String) -> bool {
        let name = written.manner.name();
        let (mut lost, mut twice, mut excused) = (Vec::new(), Vec::new(), 0);
        for number in (0..written.lines).filter(|number| !self.only_kept || number.is_multiple_of(20)) {
            match arrived.get(&(name.to_owned(), number)) {
                None if written.excused.contains(&number) => excused += 1,
                None => lost.push(number),
                Some(1) => {}
                Some(_) => twice.push(number),
            }
        }
        let _ = writeln!(
            text,
            "{name:<7} lines {} rotations {} lost {} duplicated {} gone in a truncation {excused}",
            written.lines,
            written.rotations,
            lost.len(),
            twice.len()
        );
        if !lost.is_empty() {
            let _ = writeln!(text, "  lost first: {:?}", &lost[..lost.len().min(10)]);
        }
        if !twice.is_empty() {
            let _ = writeln!(text, "  duplicated first: {:?}", &twice[..twice.len().min(10)]);
        }
        // A copy that is being made cannot always be told from a new file: there a line may come twice, never not.
        lost.is_empty() && (twice.is_empty() || written.manner == Manner::CopyTruncate)
    }
}
