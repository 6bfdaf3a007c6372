//! Measures the tools against what the machine can do, and prints tables. It judges nothing: on a shared machine only
//! what was measured in the same round can be compared.
//!
//! | part | question |
//! |---|---|
//! | [`throughput`] | how many bytes a second, at what cost, beside which yardstick |
//! | [`comparison`] | the same of several builds of the tools, beside the first of them |
//! | [`idle`] | what a start costs, and files at which nothing happens |
//! | [`trickle`] | what some lines a second cost, and how long each is under way |
//! | [`growth`] | whether the cost of a line stays the same for larger files, more files, longer lines |
//! | [`instructions`] | how many instructions a line takes, which does not depend on the neighbours |

mod comparison;
mod growth;
mod idle;
mod instructions;
mod pipeline;
mod throughput;
mod trickle;

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use logline::json::write_string;
use logpipe_tests::receiver::{Options, Receiver};
use logpipe_tests::tools::{Scratch, data};

use crate::throughput::Material;

const USAGE: &str = "usage: bench [--size MB] [--rounds N] [--only NAME]... [--build NAME=DIR]... [PART]...
parts: throughput comparison idle trickle growth instructions (all, if none is named)
--build: tools to compare, the first with all others; what instructions are counted of";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            // Where the message cannot be written there is nobody to tell.
            drop(writeln!(io::stderr(), "bench: {cause}"));
            ExitCode::from(2)
        }
    }
}

struct Plan {
    megabytes: u64,
    rounds: usize,
    only: Vec<String>,
    builds: Vec<Build>,
    parts: Vec<String>,
}

/// The four tools as they were built in one way.
#[derive(Clone, Debug)]
pub struct Build {
    /// What it is called in the tables.
    pub name: String,
    /// Where they are.
    pub directory: PathBuf,
}

impl Build {
    fn from_word(word: &str) -> Option<Self> {
        let (name, directory) = word.split_once('=')?;
        Some(Self { name: name.to_owned(), directory: directory.into() })
    }
}

impl Plan {
    fn from_words(mut words: impl Iterator<Item = String>) -> io::Result<Self> {
        let mut plan = Self { megabytes: 200, rounds: 5, only: Vec::new(), builds: Vec::new(), parts: Vec::new() };
        let usage = || io::Error::other(USAGE);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--size" => plan.megabytes = words.next().and_then(|size| size.parse().ok()).ok_or_else(usage)?,
                "--rounds" => plan.rounds = words.next().and_then(|count| count.parse().ok()).ok_or_else(usage)?,
                "--only" => plan.only.push(words.next().ok_or_else(usage)?),
                "--build" => {
                    plan.builds.push(words.next().as_deref().and_then(Build::from_word).ok_or_else(usage)?);
                }
                "throughput" | "comparison" | "idle" | "trickle" | "growth" | "instructions" => plan.parts.push(word),
                _ => return Err(usage()),
            }
        }
        Ok(plan)
    }

    fn has(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|chosen| chosen == part)
    }
}

fn run() -> io::Result<()> {
    let plan = Plan::from_words(std::env::args().skip(1))?;
    let scratch = Scratch::new("bench");
    let compares = plan.builds.len() > 1 && plan.has("comparison");
    if plan.has("throughput") || compares {
        let sink = Receiver::start_with(&Options { sink: true, ..Options::default() })?;
        let material = material(scratch.path(), plan.megabytes)?;
        if plan.has("throughput") {
            throughput::table(&material, scratch.path(), &sink.url(), plan.rounds, &plan.only)?;
        }
        if compares {
            comparison::table(&plan, &material, scratch.path(), &sink.url())?;
        }
    }
    if plan.has("idle") {
        idle::table(scratch.path())?;
    }
    if plan.has("trickle") {
        trickle::table(scratch.path())?;
    }
    if plan.has("growth") {
        growth::table(scratch.path(), plan.megabytes)?;
    }
    if plan.has("instructions") {
        instructions::table(scratch.path(), &plan.builds)?;
    }
    Ok(())
}

fn material(scratch: &Path, megabytes: u64) -> io::Result<Material> {
    let material = Material {
        log: scratch.join("access.log"),
        tagged: scratch.join("tagged"),
        records: scratch.join("records"),
        some_records: scratch.join("some-records"),
        json: scratch.join("json"),
    };
    real_log(&material.log, megabytes * 1_000_000)?;
    let log = material.log.display().to_string();
    into(&material.tagged, &["logtail", "-n", "+1", "--tag", &log], None)?;
    // As they are in a pipe: with their positions.
    into(&material.records, &["logparse", "nginx"], Some(&material.tagged))?;
    let tenth = scratch.join("a-tenth");
    real_log(&tenth, megabytes * 100_000)?;
    into(&material.some_records, &["logparse", "nginx"], Some(&tenth))?;
    json_log(&material.json, &material.log)?;
    Ok(material)
}

/// Writes what an application would that logs in JSON: each line of `log` as its message, among a few other keys.
fn json_log(path: &Path, log: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut line = Vec::new();
    for (number, text) in BufReader::new(File::open(log)?).split(b'\n').enumerate() {
        let (second, thousandth) = (number / 1000 % 60, number % 1000);
        line.clear();
        write!(line, r#"{{"time":"2026-11-29T10:00:{second:02}.{thousandth:03}Z","level":"info","msg":"#)?;
        write_string(&mut line, &text?);
        writeln!(line, r#","logger":"http","thread":{},"took":0.{thousandth:03},"cached":false}}"#, number % 16)?;
        file.write_all(&line)?;
    }
    file.flush()
}

/// Writes a real log again and again until the file has that many bytes; each line is whole.
fn real_log(path: &Path, bytes: u64) -> io::Result<()> {
    let text = fs::read(data().join("access-combined.log"))?;
    let mut file = File::create(path)?;
    let mut left = bytes;
    while left >= text.len() as u64 {
        file.write_all(&text)?;
        left -= text.len() as u64;
    }
    let rest = usize::try_from(left).unwrap_or(text.len());
    let end = text[..rest].iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    file.write_all(&text[..end])
}

fn into(path: &PathBuf, words: &[&str], input: Option<&Path>) -> io::Result<()> {
    let stdin = match input {
        Some(path) => Stdio::from(File::open(path)?),
        None => Stdio::null(),
    };
    let status = Command::new(words[0]).args(&words[1..]).stdin(stdin).stdout(File::create(path)?).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{} failed", words[0]))) }
}

/// The middle of `values`, the least and the most; zeros where there is none.
fn median(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
    (at(sorted.len() / 2), at(0), at(sorted.len().saturating_sub(1)))
}

/// Looks again and again until `holds`, a minute at most.
fn await_that(mut holds: impl FnMut() -> bool) -> io::Result<()> {
    let begin = Instant::now();
    while !holds() {
        if begin.elapsed() > Duration::from_secs(60) {
            return Err(io::Error::other("waited in vain"));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}
