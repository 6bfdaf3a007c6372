//! A log that is shipped: its lines, the pipeline's words, and what the pipeline leaves on disk.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use logpipe_tests::pipeline::Pipeline;
use logpipe_tests::tools;
use rustix::process::Signal;
use serde_json::Value;

use crate::server::{Trouble, until};

/// One log on its way to a server.
pub struct Shipment {
    directory: PathBuf,
    lines: Vec<Vec<u8>>,
    /// Whether logparse stands in the pipe: it is no log of JSON records.
    parses: bool,
    /// The words of logpost.
    post: Vec<String>,
}

impl Shipment {
    /// Of a log in the combined format.
    pub fn of_access_log(directory: &Path, name: &str, text: &[u8], post: &[&str]) -> Result<Self, Trouble> {
        Self::new(directory, name, text, true, post)
    }

    /// Of a log with one of these records on each line.
    pub fn of_records(directory: &Path, name: &str, records: &[Value], post: &[&str]) -> Result<Self, Trouble> {
        let mut text = Vec::new();
        for record in records {
            writeln!(text, "{record}")?;
        }
        Self::new(directory, name, &text, false, post)
    }

    /// Of a log with a record on each line.
    pub fn of_lines(directory: &Path, name: &str, text: &[u8], post: &[&str]) -> Result<Self, Trouble> {
        Self::new(directory, name, text, false, post)
    }

    fn new(directory: &Path, name: &str, text: &[u8], parses: bool, post: &[&str]) -> Result<Self, Trouble> {
        let directory = directory.join(name);
        fs::create_dir_all(&directory)?;
        let lines = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let shipment = Self { directory, lines, parses, post: owned(post) };
        fs::write(shipment.log(), text)?;
        Ok(shipment)
    }

    pub fn log(&self) -> PathBuf {
        self.directory.join("access.log")
    }

    fn state(&self) -> String {
        self.directory.join("state").display().to_string()
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn bytes(&self) -> u64 {
        self.lines.iter().map(|line| line.len() as u64).sum()
    }

    /// Where each line begins and ends.
    pub fn offsets(&self) -> Vec<(u64, u64)> {
        let mut end = 0;
        let ends = self.lines.iter().map(|line| {
            let start = end;
            end += line.len() as u64;
            (start, end)
        });
        ends.collect()
    }

    /// The record of each line: what logparse makes of the bare log, without positions, or the line itself.
    pub fn records(&self) -> Result<Vec<Value>, Trouble> {
        let text = if self.parses {
            let log = File::open(self.log())?;
            let output = Command::new("logparse").arg("nginx").env("PATH", tools::path()).stdin(log).output()?;
            output.stdout
        } else {
            self.lines.concat()
        };
        let records: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(&text).into_iter().collect();
        let records = records?;
        if records.len() != self.len() {
            return Err(format!("{} records of {} lines", records.len(), self.len()).into());
        }
        Ok(records)
    }

    /// Starts the README's pipeline.
    pub fn start(&self) -> Result<Pipeline, Trouble> {
        self.start_with(&[])
    }

    /// The same with more options of logpost.
    pub fn start_with(&self, more: &[&str]) -> Result<Pipeline, Trouble> {
        let state = self.state();
        let log = self.log().display().to_string();
        let mut line = vec![owned(&["logtail", "-F", "--state", &state, &log])];
        if self.parses {
            line.push(owned(&["logparse", "nginx"]));
        }
        line.push([owned(&["logpost", "-v", "--state", &state]), self.post.clone(), owned(more)].concat());
        let refused = File::options().create(true).append(true).open(self.directory.join("refused"))?;
        Ok(Pipeline::start_into(&line, &self.directory.join("errors"), Stdio::from(refused))?)
    }

    /// Kills logpost with -9 and waits for the end of the others.
    pub fn kill_logpost(pipeline: &mut Pipeline) -> Result<(), Trouble> {
        pipeline.signal(pipeline.len() - 1, Signal::KILL);
        until("the end of a pipeline whose last member was killed", || Ok(pipeline.has_ended()))
    }

    /// Ends a pipeline as the image's entry point does; the exit code of logpost, where the others' are 0.
    pub fn drain(&self, pipeline: &mut Pipeline) -> Result<i32, Trouble> {
        pipeline.terminate();
        if !pipeline.ends_within(Duration::from_secs(120)) {
            return Err(format!("the pipeline does not end; it said:\n{}", self.said()).into());
        }
        let codes = pipeline.codes();
        let (last, others) = codes.split_last().ok_or("no members")?;
        if others.iter().any(|code| *code != Some(0)) {
            return Err(format!("exit codes {codes:?}; it said:\n{}", self.said()).into());
        }
        last.ok_or_else(|| "logpost was ended by a signal".into())
    }

    /// Runs it until all is acknowledged, to the byte, and ends it: the exit code of logpost.
    pub fn finish(&self, pipeline: &mut Pipeline) -> Result<i32, Trouble> {
        self.until_acked(self.bytes())?;
        let code = self.drain(pipeline)?;
        match self.acked()? {
            acked if acked == self.bytes() => Ok(code),
            acked => Err(format!("acknowledged {acked} of {} bytes", self.bytes()).into()),
        }
    }

    /// All messages so far.
    fn whole_said(&self) -> String {
        fs::read_to_string(self.directory.join("errors")).unwrap_or_default()
    }

    /// The messages so far, without those of requests that were answered as they should.
    pub fn said(&self) -> String {
        self.whole_said().lines().filter(|line| !line.contains(" bytes: 200, ")).collect::<Vec<_>>().join("\n")
    }

    pub fn until_said(&self, words: &str) -> Result<(), Trouble> {
        until(words, || Ok(self.said().contains(words)))
            .map_err(|error| format!("{error}; said:\n{}", self.said()).into())
    }

    /// How many requests were answered with this status.
    pub fn answers(&self, status: &str) -> usize {
        let answered = format!(" bytes: {status}, ");
        self.whole_said().lines().filter(|line| line.contains(&answered)).count()
    }

    pub fn until_answers(&self, status: &str, count: usize) -> Result<(), Trouble> {
        until(&format!("{count} times {status}"), || Ok(self.answers(status) >= count))
            .map_err(|error| format!("{error}; said:\n{}", self.said()).into())
    }

    /// The acknowledged offset of the one generation there is.
    pub fn acked(&self) -> Result<u64, Trouble> {
        let Ok(mut file) = File::open(Path::new(&self.state()).join("acks")) else { return Ok(0) };
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let offsets: Vec<u64> = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter_map(|entry| entry.get("offset").and_then(Value::as_u64))
            .collect();
        match offsets.as_slice() {
            [] => Ok(0),
            [offset] => Ok(*offset),
            _ => Err(format!("one log, but acks has {text}").into()),
        }
    }

    pub fn until_acked(&self, offset: u64) -> Result<(), Trouble> {
        until(&format!("acknowledged up to {offset}"), || Ok(self.acked()? >= offset))
            .map_err(|error| format!("{error}; it is at {:?}; said:\n{}", self.acked(), self.said()).into())
    }

    /// Takes the acknowledgement away, so that all is sent again, under the same ids.
    pub fn forget_acks(&self) -> Result<(), Trouble> {
        for entry in fs::read_dir(self.state())? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("acks")) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// The refused records, each with its reason.
    pub fn refused(&self) -> Result<Vec<Value>, Trouble> {
        let text = fs::read(self.directory.join("refused"))?;
        let refused: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(&text).into_iter().collect();
        Ok(refused?)
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}
