//! Applications that write numbered lines and rotate their logs.
//!
//! Invariant: a line carries the token `#name:number#`, each number once; `Written` says which of them are owed, that
//! is, must arrive whatever happens to the pipeline.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Numbers from a seed: the same seed, the same numbers (xorshift).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Begins a sequence.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    /// True once in so many times.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// Anything from no time to `most`.
    pub fn pause(&mut self, most: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(most.as_micros()).unwrap_or(u64::MAX).max(1)))
    }
}

/// How an application writes and rotates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Text; renamed, and for a while it writes on to the old file. The names of all older ones move on, as logrotate's do.
    Rename,
    /// Text; copied and truncated. The names move on too.
    CopyTruncate,
    /// JSON; renamed to a name with a time, sometimes right after another rotation.
    Json,
    /// Text; opened, appended to and closed for each line, so that the log has no writer most of the time. Renamed, and the
    /// names move on.
    Reopen,
    /// Text; never rotated, and of long lines.
    Forever,
}

impl Manner {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Rename, Self::CopyTruncate, Self::Json, Self::Reopen, Self::Forever];
    /// Those that rotate.
    pub const ROTATING: [Self; 4] = [Self::Rename, Self::CopyTruncate, Self::Json, Self::Reopen];

    /// The name in the tokens, and of the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rename => "rename",
            Self::CopyTruncate => "copy",
            Self::Json => "json",
            Self::Reopen => "reopen",
            Self::Forever => "forever",
        }
    }
}

/// What one application wrote: the numbers below `lines`.
#[derive(Debug)]
pub struct Written {
    /// How it wrote.
    pub manner: Manner,
    /// How many lines.
    pub lines: u64,
    /// How often it rotated.
    pub rotations: u64,
    /// Lines that a truncation may have destroyed unseen, for they were written while the copy was being made.
    pub excused: BTreeSet<u64>,
}

/// Only lines whose number is a multiple of this have the word `keep`.
pub const KEPT: u64 = 20;

/// What applications are told from outside.
#[derive(Debug, Default)]
pub struct Orders {
    /// The logs have been seen as they are, without a generation that nobody could know of: they may be rotated.
    pub rotate: AtomicBool,
    /// It is over.
    pub stop: AtomicBool,
}

/// Starts an application that writes into `directory` until it is stopped.
pub fn start(manner: Manner, directory: &Path, dice: Dice, orders: Arc<Orders>) -> JoinHandle<io::Result<Written>> {
    let path = directory.join(format!("{}.log", manner.name()));
    thread::spawn(move || {
        let mut writer = Writer::new(manner, path, dice)?;
        let mut turn = Instant::now() + Duration::from_millis(500);
        while !orders.stop.load(Ordering::SeqCst) {
            // About a hundred lines a second; a burst now and then fills every pipe, so that a kill meets a full one.
            let lines = if writer.dice.one_in(400) { 1500 } else { writer.dice.below(8) };
            for _ in 0..lines {
                writer.line()?;
            }
            if manner != Manner::Forever && Instant::now() > turn && orders.rotate.load(Ordering::SeqCst) {
                writer.rotate()?;
                let again_at_once = manner == Manner::Json && writer.dice.one_in(4);
                let most = Duration::from_millis(if again_at_once { 50 } else { 5000 });
                turn = Instant::now() + writer.dice.pause(most);
            }
            thread::sleep(writer.dice.pause(Duration::from_millis(70)));
        }
        Ok(writer.written)
    })
}

struct Writer {
    path: PathBuf,
    /// `None` where it is opened for each line.
    file: Option<File>,
    dice: Dice,
    /// How many lines of a stack trace are still to come.
    trace: u64,
    written: Written,
}

impl Writer {
    fn new(manner: Manner, path: PathBuf, dice: Dice) -> io::Result<Self> {
        let file = Some(open(&path)?).filter(|_| manner != Manner::Reopen);
        let written = Written { manner, lines: 0, rotations: 0, excused: BTreeSet::new() };
        Ok(Self { path, file, dice, trace: 0, written })
    }

    /// Writes one line, sometimes in two writes with a pause between that a drain takes for the end.
    fn line(&mut self) -> io::Result<()> {
        let number = self.written.lines;
        let keep = if number.is_multiple_of(KEPT) { "keep" } else { "drop" };
        let token = format!("{keep} #{}:{number}#", self.written.manner.name());
        let is_long = self.written.manner == Manner::Forever || self.dice.one_in(100);
        let length = if is_long { 6000 } else { self.dice.below(120) };
        let padding = "x".repeat(usize::try_from(length).unwrap_or_default());
        let (first, rest) = if self.written.manner == Manner::Json {
            (format!("{{\"level\":\"info\",\"message\":\"{token} "), format!("{padding}\"}}\n"))
        } else {
            (format!("{}{token} ", self.indent()), format!("{padding}\n"))
        };
        if self.dice.one_in(500) {
            self.write(&first)?;
            thread::sleep(self.dice.pause(Duration::from_millis(700)));
            self.write(&rest)?;
        } else {
            self.write(&(first + &rest))?;
        }
        self.written.lines += 1;
        Ok(())
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.write_all(text.as_bytes()),
            None => open(&self.path)?.write_all(text.as_bytes()),
        }
    }

    /// What stands before a line of text: some go on with a stack trace.
    fn indent(&mut self) -> &'static str {
        if self.trace == 0 {
            self.trace = if self.dice.one_in(6) { 1 + self.dice.below(6) } else { 0 };
            return "";
        }
        self.trace -= 1;
        "\tat "
    }

    fn rotate(&mut self) -> io::Result<()> {
        // One that is opened for each line is there only when a line has been written.
        if !self.path.exists() {
            return Ok(());
        }
        self.written.rotations += 1;
        let old = if self.written.manner == Manner::Json { self.dated() } else { self.shifted()? };
        match self.written.manner {
            Manner::CopyTruncate => {
                let first_during = self.written.lines;
                self.copy(&old)?;
                if let Some(file) = &self.file {
                    file.set_len(0)?;
                }
                self.written.excused.extend(first_during..self.written.lines);
            }
            Manner::Rename => {
                fs::rename(&self.path, old)?;
                let new = open(&self.path)?;
                for _ in 0..self.dice.below(40) {
                    self.line()?;
                    thread::sleep(self.dice.pause(Duration::from_millis(5)));
                }
                self.file = Some(new);
            }
            Manner::Json => {
                fs::rename(&self.path, old)?;
                self.file = Some(open(&self.path)?);
            }
            Manner::Reopen => fs::rename(&self.path, old)?,
            Manner::Forever => {}
        }
        Ok(())
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(ending);
        name.into()
    }

    /// A name with a time in it, as a container's runtime gives, and a number where it falls into the same second.
    fn dated(&self) -> PathBuf {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() % 86_400;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        self.beside(&format!(".20261125-{hour:02}{minute:02}{second:02}.{}", self.written.rotations))
    }

    /// The name `.1`, free now, for all older files have moved on by one, as logrotate does it.
    fn shifted(&self) -> io::Result<PathBuf> {
        for number in (1..self.written.rotations).rev() {
            fs::rename(self.beside(&format!(".{number}")), self.beside(&format!(".{}", number + 1)))?;
        }
        Ok(self.beside(".1"))
    }

    /// Copies block by block; now and then it takes its time, and the application goes on writing meanwhile.
    fn copy(&mut self, old: &Path) -> io::Result<()> {
        let is_slow = self.dice.one_in(3);
        let mut from = File::open(&self.path)?;
        let mut to = File::create(old)?;
        let mut block = vec![0; 16 << 10];
        loop {
            let count = from.read(&mut block)?;
            if count == 0 {
                break;
            }
            to.write_all(&block[..count])?;
            if is_slow && self.dice.one_in(4) {
                thread::sleep(self.dice.pause(Duration::from_millis(60)));
                self.line()?;
            }
        }
        if is_slow {
            for _ in 0..self.dice.below(3) {
                self.line()?;
            }
        }
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// The tokens in a text: name and number of each.
pub fn tokens(text: &str) -> impl Iterator<Item = (&'static str, u64)> {
    text.split('#').filter_map(|part| {
        let (name, number) = part.split_once(':')?;
        let manner = Manner::ALL.into_iter().find(|manner| manner.name() == name)?;
        Some((manner.name(), number.parse().ok()?))
    })
}
