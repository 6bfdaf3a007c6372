//! Applications that write numbered lines and rotate their logs.
//!
//! Invariant: a line carries the token `#name:number#`, each number once; `Written` says which of them are owed, that
//! is, must arrive whatever happens to the pipeline.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

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
}

/// How an application writes and rotates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Text; renamed, and for a while it writes on to the old file.
    Rename,
    /// Text; copied and truncated.
    CopyTruncate,
    /// JSON, a line in two writes; renamed.
    Json,
}

impl Manner {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rename, Self::CopyTruncate, Self::Json];

    /// The name in the tokens, and of the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rename => "rename",
            Self::CopyTruncate => "copy",
            Self::Json => "json",
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
    /// Lines that a truncation may have destroyed unseen, for they were written less than two polls before it.
    pub excused: BTreeSet<u64>,
}

/// Starts an application that writes into `directory` until `stop` is set.
pub fn start(
    manner: Manner,
    directory: &Path,
    mut dice: Dice,
    stop: Arc<AtomicBool>,
) -> JoinHandle<io::Result<Written>> {
    let path = directory.join(format!("{}.log", manner.name()));
    thread::spawn(move || {
        let mut writer = Writer::new(manner, path)?;
        let mut turn = Instant::now() + Duration::from_millis(500);
        while !stop.load(Ordering::SeqCst) {
            for _ in 0..=dice.below(20) {
                writer.line()?;
            }
            if Instant::now() > turn {
                writer.rotate(&mut dice)?;
                turn = Instant::now() + Duration::from_millis(500 + dice.below(3000));
            }
            thread::sleep(Duration::from_millis(dice.below(30)));
        }
        Ok(writer.written)
    })
}

/// Two polls at rest.
const TWO_POLLS: Duration = Duration::from_secs(2);

struct Writer {
    path: PathBuf,
    file: File,
    written: Written,
    /// The numbers of the last two polls, with their times: only for a log that is truncated.
    fresh: Vec<(Instant, u64)>,
}

impl Writer {
    fn new(manner: Manner, path: PathBuf) -> io::Result<Self> {
        let file = open(&path)?;
        let written = Written { manner, lines: 0, rotations: 0, excused: BTreeSet::new() };
        Ok(Self { path, file, written, fresh: Vec::new() })
    }

    fn line(&mut self) -> io::Result<()> {
        let number = self.written.lines;
        let keep = if number.is_multiple_of(20) { "keep" } else { "drop" };
        let name = self.written.manner.name();
        if self.written.manner == Manner::Json {
            self.file.write_all(format!("{{\"message\":\"#{name}:{number}#").as_bytes())?;
            self.file.write_all(format!(" {keep}\",\"level\":\"info\"}}\n").as_bytes())?;
        } else {
            self.file.write_all(format!("#{name}:{number}# {keep}\n").as_bytes())?;
        }
        self.written.lines += 1;
        if self.written.manner == Manner::CopyTruncate {
            self.fresh.push((Instant::now(), number));
        }
        Ok(())
    }

    fn rotate(&mut self, dice: &mut Dice) -> io::Result<()> {
        self.written.rotations += 1;
        let mut old = self.path.clone().into_os_string();
        old.push(format!(".{}", self.written.rotations));
        match self.written.manner {
            Manner::CopyTruncate => {
                fs::copy(&self.path, old)?;
                self.file.set_len(0)?;
                let now = Instant::now();
                let unseen = self.fresh.drain(..).filter(|(at, _)| now.duration_since(*at) < TWO_POLLS);
                self.written.excused.extend(unseen.map(|(_, number)| number));
            }
            Manner::Rename => {
                fs::rename(&self.path, old)?;
                let new = open(&self.path)?;
                for _ in 0..dice.below(40) {
                    self.line()?;
                    thread::sleep(Duration::from_millis(dice.below(5)));
                }
                self.file = new;
            }
            Manner::Json => {
                fs::rename(&self.path, old)?;
                self.file = open(&self.path)?;
            }
        }
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// The tokens in a text: name and number of each.
pub fn tokens(text: &str) -> impl Iterator<Item = (&str, u64)> {
    text.split('#').filter_map(|part| {
        let (name, number) = part.split_once(':')?;
        Manner::ALL.iter().any(|manner| manner.name() == name).then_some(())?;
        Some((name, number.parse().ok()?))
    })
}
