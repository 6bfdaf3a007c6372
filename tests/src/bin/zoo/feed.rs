//! A writer at work: numbered lines go into its stdin.
//!
//! Invariant: each number below `Fed::lines` was given once, in order, and the writer has ended by itself.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::writer::{Setting, Writer};

/// Longer than any of them needs to flush and to end.
const STUCK: Duration = Duration::from_secs(120);

/// What a writer was given to write.
#[derive(Clone, Debug)]
pub(crate) struct Fed {
    /// The numbers below this.
    pub(crate) lines: u64,
    /// When the first was given and when the writer had ended, in seconds since the epoch.
    pub(crate) begun: f64,
    pub(crate) ended: f64,
}

/// The level and the text of a line.
pub(crate) fn line(number: u64) -> (&'static str, String) {
    let level = match number % 50 {
        7 | 27 => "warn",
        13 | 33 => "error",
        49 => "trace",
        _ => "info",
    };
    // Lengths differ, so that no two files end or begin alike.
    let padding = "x".repeat(usize::try_from(number * 7919 % 97).unwrap_or_default());
    (level, format!("zoo:{number}: written {padding}").trim_end().to_owned())
}

/// The numbers in a text, in order.
pub(crate) fn numbers(text: &[u8]) -> impl Iterator<Item = u64> {
    memchr::memmem::find_iter(text, b"zoo:").filter_map(|at| {
        let rest = &text[at + 4..];
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_whole = rest.get(length) == Some(&b':');
        std::str::from_utf8(&rest[..length]).ok().filter(|_| is_whole)?.parse().ok()
    })
}

/// A running writer. What is left of it is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Feed {
    child: Child,
    stdin: Option<ChildStdin>,
    said: PathBuf,
    rate: u64,
    begun: SystemTime,
    next: u64,
}

impl Feed {
    /// Starts it with `logs` below `directory` for its logs.
    pub(crate) fn start(writer: &Writer, setting: &Setting, directory: &Path, rate: u64) -> io::Result<Self> {
        let work = directory.join("work");
        fs::create_dir(&work)?;
        let said = directory.join("writer");
        let log = File::create(&said)?;
        let mut child = writer
            .command(writer.folder.join("run"))
            .arg(&setting.name)
            .env("LOGS", directory.join("logs"))
            .current_dir(&work)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        let stdin = child.stdin.take();
        Ok(Self { child, stdin, said, rate, begun: SystemTime::now(), next: 0 })
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Gives it the next lines. It waits where the writer does not keep up.
    pub(crate) fn give(&mut self, count: u64) -> io::Result<()> {
        let mut text = String::new();
        for number in self.next..self.next + count {
            let (level, line) = line(number);
            let _ = writeln!(text, "{level} {line}");
        }
        self.next += count;
        let stdin = self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        stdin.write_all(text.as_bytes()).map_err(|cause| self.trouble(&cause.to_string()))
    }

    /// Gives it lines all the time, some in bursts; on a busy machine for longer, so that it rotates as often.
    pub(crate) fn go_on(&mut self, time: Duration) -> io::Result<()> {
        let (end, latest) = (Instant::now() + time, Instant::now() + time * 6);
        let least = self.next + self.rate * time.as_secs();
        let tick = Duration::from_millis(50);
        let mut turn = 0_u64;
        while Instant::now() < end || (self.next < least && Instant::now() < latest) {
            turn += 1;
            self.give(if turn.is_multiple_of(61) { self.rate } else { (self.rate / 20).max(1) })?;
            thread::sleep(tick);
        }
        Ok(())
    }

    /// Ends its input and waits for its end.
    pub(crate) fn end(&mut self) -> io::Result<Fed> {
        drop(self.stdin.take());
        let until = Instant::now() + STUCK;
        let status = loop {
            match self.child.try_wait()? {
                Some(status) => break status,
                None if Instant::now() > until => return Err(self.trouble("does not end")),
                None => thread::sleep(Duration::from_millis(10)),
            }
        };
        if !status.success() {
            return Err(self.trouble(&status.to_string()));
        }
        Ok(Fed { lines: self.next, begun: seconds(self.begun), ended: seconds(SystemTime::now()) })
    }

    /// Why it did not do what it should, with the last of what it said.
    fn trouble(&self, cause: &str) -> io::Error {
        let said = fs::read_to_string(&self.said).unwrap_or_default();
        let lines: Vec<&str> = said.trim_end().lines().collect();
        let last = lines[lines.len().saturating_sub(4)..].join("\n    ");
        io::Error::other(format!("the writer: {cause}\n    {last}"))
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if self.is_running() {
            // The group is the writer's own; its leader has not been waited for, so the number is still its own.
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            drop(self.child.wait());
        }
    }
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_between_its_colons_only() {
        let text = b"a zoo:12: b zoo:3 c zoo:: d \"zoo:0:\" zoo:18446744073709551616:";
        assert_eq!(numbers(text).collect::<Vec<_>>(), [12, 0]);
        assert_eq!(numbers(line(4711).1.as_bytes()).collect::<Vec<_>>(), [4711]);
    }
}
