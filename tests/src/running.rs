//! A logpost whose stdin stays open, with threads that read what it writes and says.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::tools;

/// A logpost that runs. It is killed when dropped before its end.
#[derive(Debug)]
pub struct Running {
    child: Child,
    said: Receiver<String>,
    heard: Vec<String>,
    written: Option<JoinHandle<String>>,
    writing: Option<JoinHandle<ChildStdin>>,
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: i32,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it said.
    pub said: Vec<String>,
}

impl Running {
    /// With these arguments and variables, and none of those that change what it does.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_on(Stdio::piped(), arguments, variables)
    }

    /// The same on a file, which is all there for a read that would wait on a pipe.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn reading(file: File, arguments: &[&str]) -> Self {
        Self::start_on(Stdio::from(file), arguments, &[])
    }

    fn start_on(stdin: Stdio, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(tools::directory().join("logpost"));
        for name in
            ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "LOGPOST_USER", "LOGPOST_TOKEN"]
        {
            command.env_remove(name);
        }
        let mut child = command
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("logpost is built");
        let (sender, said) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut stdout = child.stdout.take().expect("a pipe");
        let written = thread::spawn(move || {
            let mut text = Vec::new();
            // What was read until a failure is what there is.
            drop(stdout.read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        });
        Self { child, said, heard: Vec::new(), written: Some(written), writing: None }
    }

    /// Gives it text to read.
    ///
    /// # Panics
    /// When it does not read any more.
    pub fn write(&mut self, text: &[u8]) {
        self.child.stdin.as_mut().expect("a pipe").write_all(text).expect("it reads");
    }

    /// Gives it text on a thread of its own, for a run that may not take all of it.
    ///
    /// # Panics
    /// When it has been given all before.
    pub fn write_all_the_while(&mut self, text: Vec<u8>) {
        let mut stdin = self.child.stdin.take().expect("a pipe");
        self.writing = Some(thread::spawn(move || {
            drop(stdin.write_all(&text));
            stdin
        }));
    }

    /// Ends its input when it has taken all of it.
    pub fn close(&mut self) {
        drop(self.writing.take().map(JoinHandle::join));
        drop(self.child.stdin.take());
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// The most memory it has held, in KiB, without what it has in common with its file: a debug build's is large.
    ///
    /// # Panics
    /// When it is gone.
    pub fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let number = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux tells it");
            line.trim().trim_end_matches(" kB").parse().expect("a number")
        };
        number("VmHWM:").saturating_sub(number("RssFile:"))
    }

    /// Waits until it says a line with these words.
    ///
    /// # Panics
    /// When it does not within two minutes.
    #[track_caller]
    pub fn hear(&mut self, words: &str) -> String {
        let until = Instant::now() + Duration::from_secs(120);
        loop {
            match self.said.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.heard.push(line.clone());
                    if line.contains(words) {
                        return line;
                    }
                }
                Err(cause) => panic!("'{words}' was not said ({cause}), but {:?}", self.heard),
            }
        }
    }

    /// Ends its input and waits for its end.
    ///
    /// # Panics
    /// When it is ended by a signal.
    pub fn end(mut self) -> Ended {
        self.close();
        let status = self.child.wait().expect("it is ours").code().expect("no signal");
        let written = self.written.take().map(JoinHandle::join);
        let mut said = std::mem::take(&mut self.heard);
        said.extend(self.said.iter());
        Ended { status, stdout: written.and_then(Result::ok).unwrap_or_default(), said }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After its end there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
