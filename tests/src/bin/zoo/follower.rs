//! A pipeline that follows a writer's logs by one pattern, into a server of its own; it is met by kills and is down now and
//! then.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use logpipe_tests::pipeline::{Pipeline, words};
use logpipe_tests::receiver::{Options, Receiver};
use logpipe_tests::writers::Dice;
use rustix::process::Signal;
use serde_json::Value;

use crate::tally::Heard;
use crate::writer::{Pattern, Setting};

/// Longer than any wait that the tools allow themselves.
const HUNG: Duration = Duration::from_secs(180);

/// What it meets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Members are killed with -9; otherwise the pipeline is told to end.
    pub(crate) kills: bool,
    pub(crate) seed: u64,
}

/// The pipeline behind one pattern, and its server.
#[derive(Debug)]
pub(crate) struct Follower {
    pattern: Pattern,
    directory: PathBuf,
    receiver: Receiver,
    pipeline: Option<Pipeline>,
    line: Vec<Vec<String>>,
    dice: Dice,
    is_killed: bool,
    /// How often members were killed.
    kills: u64,
    /// Members that have ended as none should.
    complaints: Vec<String>,
}

impl Follower {
    /// Its state is below `directory`, beside `logs`.
    pub(crate) fn new(directory: &Path, pattern: Pattern, setting: &Setting, manner: Manner) -> io::Result<Self> {
        let own = directory.join(pattern.kind);
        fs::create_dir(&own)?;
        let mut dice = Dice::new(manner.seed + pattern.kind.len() as u64);
        let chaos = manner.kills.then(|| dice.below(u64::MAX));
        let receiver = Receiver::start_with(&Options { chaos, ..Options::default() })?;
        let state = own.join("state");
        let state = state.display();
        let glob = directory.join("logs").join(&pattern.glob);
        let mut tail = words(&format!("logtail -F --state {state} -s 0.2"));
        tail.push(glob.display().to_string());
        let mut parse = words("logparse");
        parse.extend(setting.format.iter().cloned());
        let post = format!(
            "logpost --state {state} --linger 50ms --batch-bytes 128KiB --max-time 1s --to elasticsearch {}/logs",
            receiver.url()
        );
        let line = vec![tail, parse, words(&post)];
        Ok(Self {
            pattern,
            directory: own,
            receiver,
            pipeline: None,
            line,
            dice,
            is_killed: manner.kills,
            kills: 0,
            complaints: Vec::new(),
        })
    }

    pub(crate) fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// The directory of the logs.
    pub(crate) fn logs(&self) -> String {
        self.directory.with_file_name("logs").display().to_string()
    }

    /// What it did until now.
    pub(crate) fn heard(&mut self) -> Heard {
        let text = fs::read_to_string(self.directory.join("state/files")).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let counters = lines.filter_map(|line| line.get("counters").cloned()).next_back().unwrap_or_default();
        let number = |key: &str| counters[key].as_u64().unwrap_or(0);
        Heard {
            documents: self.receiver.documents(),
            said: fs::read_to_string(self.directory.join("errors")).unwrap_or_default(),
            counted: (number("possible_loss_bytes"), number("gaps")),
            kills: self.kills,
            complaints: std::mem::take(&mut self.complaints),
        }
    }

    /// Keeps what arrived, for whoever looks why.
    pub(crate) fn keep_documents(&self) -> io::Result<()> {
        let documents: Vec<_> = self.receiver.documents().iter().map(Value::to_string).collect();
        fs::write(self.directory.join("documents"), documents.join("\n"))
    }

    /// Starts the pipeline and waits until it runs.
    pub(crate) fn begin(&mut self) -> io::Result<()> {
        let mut pipeline = Pipeline::start(&self.line, &self.directory.join("errors"))?;
        pipeline.await_begun();
        self.pipeline = Some(pipeline);
        Ok(())
    }

    /// Waits until a log is known: what was rotated before the first sight of its path is nobody's to read.
    pub(crate) fn await_first_sight(&mut self, mut is_written: impl FnMut() -> bool) -> io::Result<()> {
        let until = Instant::now() + HUNG;
        let mark = format!("{}/", self.logs());
        let has_seen = || {
            fs::read_to_string(self.directory.join("state/files"))
                .is_ok_and(|text| text.lines().any(|line| line.contains("\"fid\"") && line.contains(&mark)))
        };
        while !has_seen() {
            if !is_written() {
                return Err(io::Error::other("the writer has ended, see the file 'writer' of the run"));
            }
            if Instant::now() > until {
                return Err(io::Error::other(format!("{}: no log was ever seen", self.pattern.glob)));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Kills or ends it again and again, and lets it be down in between, until the writer has ended.
    pub(crate) fn meet_until(&mut self, is_over: &AtomicBool) -> io::Result<()> {
        while !is_over.load(Ordering::SeqCst) {
            let least = if self.is_killed { 300 } else { 2000 };
            let pause = Duration::from_millis(least) + self.dice.pause(Duration::from_millis(2000));
            if wait(pause, is_over) {
                return Ok(());
            }
            self.meet()?;
            // Some seconds, in which a log is rotated several times.
            if self.dice.one_in(3) {
                let pause = Duration::from_secs(2) + self.dice.pause(Duration::from_secs(3));
                wait(pause, is_over);
            }
            self.begin()?;
        }
        Ok(())
    }

    fn meet(&mut self) -> io::Result<()> {
        let Some(mut pipeline) = self.pipeline.take() else { return Ok(()) };
        if self.is_killed {
            self.kills += 1;
            let places = pipeline.len();
            match usize::try_from(self.dice.below(places as u64 + 2)).unwrap_or_default() {
                place if place < places => pipeline.signal(place, Signal::KILL),
                _ => pipeline.signal_all(Signal::KILL),
            }
        } else {
            pipeline.terminate();
        }
        if !pipeline.ends_within(HUNG) {
            return Err(io::Error::other(format!("hung: {:?}", pipeline.statuses())));
        }
        for (status, words) in pipeline.statuses().into_iter().zip(&self.line) {
            // A member may end by a signal from here, or with a code of its own; 2 is trouble, which is fine after a kill.
            if status.and_then(|status| status.code()).is_some_and(|code| code > 2) {
                self.complaints.push(format!("{} has ended with {status:?}", words[0]));
            }
        }
        Ok(())
    }

    /// Runs it until it has ended by itself with everything delivered, or complains that it never does. What is left is
    /// sometimes more than a server that fails takes in some runs: then it is well for some more.
    pub(crate) fn drain(&mut self) -> io::Result<()> {
        for run in 0..10 {
            if run == 5 {
                self.receiver.be_well();
            }
            if self.pipeline.is_none() {
                self.begin()?;
            }
            let Some(mut pipeline) = self.pipeline.take() else { continue };
            pipeline.await_begun();
            pipeline.terminate();
            // `logparse` says 1 where it could read no line.
            if pipeline.ends_within(HUNG) && pipeline.codes().iter().all(|code| code.is_some_and(|code| code < 2)) {
                return Ok(());
            }
        }
        self.complaints.push("the last runs did not deliver everything".to_owned());
        Ok(())
    }
}

/// Waits that long, or until it is over; true then.
fn wait(pause: Duration, is_over: &AtomicBool) -> bool {
    let until = Instant::now() + pause;
    while Instant::now() < until {
        if is_over.load(Ordering::SeqCst) {
            return true;
        }
        thread::sleep(Duration::from_millis(10));
    }
    false
}
