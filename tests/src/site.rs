//! A place to run a pipeline in: a log, a state directory, a server, and what the members have said.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;

use serde_json::Value;

use crate::pipeline::{Pipeline, words};
use crate::receiver::Receiver;
use crate::tools::{Scratch, await_that};

/// A directory with a log and a state, and a server.
#[derive(Debug)]
pub struct Site {
    scratch: Scratch,
    /// The server.
    pub receiver: Receiver,
}

impl Site {
    /// An empty one.
    ///
    /// # Panics
    /// When the temporary directory cannot be written.
    pub fn new(name: &str) -> Self {
        let scratch = Scratch::new(name);
        fs::create_dir_all(scratch.path().join("logs")).expect("the temporary directory is writable");
        Self { scratch, receiver: Receiver::start() }
    }

    /// A path below the place.
    pub fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// The log that is followed; `app.log*` are its generations.
    pub fn log(&self) -> PathBuf {
        self.path("logs/app.log")
    }

    /// The state directory.
    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// The log, open as an application has it.
    pub fn open_log(&self) -> io::Result<File> {
        File::options().create(true).append(true).open(self.log())
    }

    /// Writes to the log as an application that opens it for that.
    pub fn append(&self, text: &str) -> io::Result<()> {
        self.open_log()?.write_all(text.as_bytes())
    }

    /// The members of a pipeline of the log into the server, with options for the first and the last. The filters are given
    /// as words parted by spaces.
    pub fn line(&self, tail: &str, filters: &[&str], post: &str) -> Vec<Vec<String>> {
        let state = self.state();
        let (state, log) = (state.display(), self.log());
        let mut line = vec![words(&format!("logtail -F --state {state} -s 0.1 {tail} {}", log.display()))];
        line.extend(filters.iter().map(|filter| words(filter)));
        let url = self.receiver.url();
        line.push(words(&format!("logpost --state {state} --linger 0 --to elasticsearch {post} {url}/in")));
        line
    }

    /// Starts a pipeline; its members' messages are added to those that were said before.
    pub fn start(&self, line: &[Vec<String>]) -> io::Result<Pipeline> {
        Pipeline::start(line, &self.path("said"))
    }

    /// Runs a pipeline until it has taken in at least what is there now, then drains it; the exit codes.
    ///
    /// # Panics
    /// When it does not end.
    pub fn drain(&self, line: &[Vec<String>]) -> io::Result<Vec<Option<i32>>> {
        let mut pipeline = self.start(line)?;
        pipeline.await_begun();
        pipeline.terminate();
        await_that("the end of the drain", || pipeline.has_ended());
        Ok(pipeline.codes())
    }

    /// What all members have said so far.
    pub fn said(&self) -> String {
        fs::read_to_string(self.path("said")).unwrap_or_default()
    }

    /// The messages of the documents that have arrived, in their order.
    pub fn messages(&self) -> Vec<String> {
        let text = |document: &Value| document["message"].as_str().unwrap_or_default().to_owned();
        self.receiver.documents().iter().map(text).collect()
    }

    /// What has been acknowledged of each generation.
    pub fn acknowledged(&self) -> BTreeMap<String, u64> {
        let text = fs::read_to_string(self.state().join("acks")).unwrap_or_default();
        let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries.filter_map(|entry| Some((entry["fid"].as_str()?.to_owned(), entry["offset"].as_u64()?))).collect()
    }
}
