//! A real server on the loopback, started by `scripts/server`, and what a test asks it over HTTP.

use std::error::Error;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use logpipe_tests::tools;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use ureq::Agent;

/// What goes wrong in a test, in words.
pub type Trouble = Box<dyn Error + Send + Sync>;

/// A machine with much to do may need as long; nothing is asserted about it.
const PATIENCE: Duration = Duration::from_secs(300);

/// Which server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Name {
    OpenSearch,
    Elasticsearch,
    VictoriaLogs,
    Loki,
    Collector,
}

impl Name {
    pub const ALL: [Self; 5] = [Self::OpenSearch, Self::Elasticsearch, Self::VictoriaLogs, Self::Loki, Self::Collector];

    /// As `scripts/server` knows it.
    pub fn text(self) -> &'static str {
        match self {
            Self::OpenSearch => "opensearch",
            Self::Elasticsearch => "elasticsearch",
            Self::VictoriaLogs => "victorialogs",
            Self::Loki => "loki",
            Self::Collector => "otelcol",
        }
    }

    /// A path that is answered with one of these statuses when the server can be used.
    fn health(self) -> (&'static str, &'static [u16]) {
        match self {
            Self::OpenSearch | Self::Elasticsearch => ("/_cluster/health?wait_for_status=yellow&timeout=5s", &[200]),
            Self::VictoriaLogs => ("/health", &[200]),
            Self::Loki => ("/ready", &[200]),
            // It has no page for that: it listens, and takes nothing but what is posted elsewhere.
            Self::Collector => ("/", &[404, 405]),
        }
    }
}

/// A running server. What is left of it is killed when it is dropped.
pub struct Server {
    pub name: Name,
    directory: PathBuf,
    port: u16,
    child: Child,
    agent: Agent,
}

impl Server {
    /// Starts one in an empty directory and waits until it answers.
    pub fn start(name: Name, directory: &Path, settings: &[&str]) -> Result<Self, Trouble> {
        fs::create_dir_all(directory)?;
        let port = tools::free_port()?;
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
        let mut server = Self {
            name,
            directory: directory.to_owned(),
            port,
            child: spawn(name, directory, port, settings)?,
            agent: config.build().into(),
        };
        server.await_health()?;
        Ok(server)
    }

    /// Starts it again with the data that it has, after [`Server::kill`] or [`Server::stop`].
    pub fn start_again(&mut self, settings: &[&str]) -> Result<(), Trouble> {
        self.child = spawn(self.name, &self.directory, self.port, settings)?;
        self.await_health()
    }

    /// As a power cut would, and its launcher with it.
    pub fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    /// As an administrator would.
    pub fn stop(&mut self) {
        self.end(Signal::TERM);
    }

    fn end(&mut self, signal: Signal) {
        let group = Pid::from_child(&self.child);
        let members = members(group);
        // The group of one that has been waited for is gone, or has no process left but its own.
        let _ = kill_process_group(group, signal);
        drop(self.child.wait());
        for member in members {
            // A JVM to which something attaches, be it itself, makes a socket just there and takes it away at a normal end.
            let _ = fs::remove_file(format!("/tmp/.java_pid{member}"));
        }
    }

    fn await_health(&mut self) -> Result<(), Trouble> {
        let (path, healthy) = self.name.health();
        let begin = Instant::now();
        loop {
            if self.ask("GET", path, "").is_ok_and(|(status, _)| healthy.contains(&status)) {
                return Ok(());
            }
            if self.child.try_wait()?.is_some() || begin.elapsed() > PATIENCE {
                let said = fs::read_to_string(self.directory.join("said"))?;
                let lines: Vec<&str> = said.lines().collect();
                return Err(format!("did not start:\n{}", lines[lines.len().saturating_sub(20)..].join("\n")).into());
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// What the Collector has written: what it got, one request a line.
    pub fn records(&self) -> Result<String, Trouble> {
        Ok(fs::read_to_string(self.directory.join("records"))?)
    }

    /// Where it listens, without name and password.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The status and the text of an answer.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> Result<(u16, String), Trouble> {
        let url = format!("{}{path}", self.url());
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        request = request.header("content-type", "application/json");
        // admin:admin-secret; who knows no users does not read it.
        request = request.header("authorization", "Basic YWRtaW46YWRtaW4tc2VjcmV0");
        // Of Loki, which then tells the structured metadata of a line apart from the labels of its stream.
        request = request.header("x-loki-response-encoding-flags", "categorize-labels");
        let mut response = self.agent.run(request.body(body.to_owned())?)?;
        let text = response.body_mut().with_config().limit(1 << 30).read_to_string()?;
        Ok((response.status().as_u16(), text))
    }

    /// The text of an answer that must be a success.
    pub fn text(&self, method: &str, path: &str, body: &str) -> Result<String, Trouble> {
        match self.ask(method, path, body)? {
            (200..=299, text) => Ok(text),
            (status, text) => Err(format!("{method} {path}: {status} {text}").into()),
        }
    }

    /// The JSON of an answer that must be a success.
    pub fn json(&self, method: &str, path: &str, body: &Value) -> Result<Value, Trouble> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Ok(serde_json::from_str(&self.text(method, path, &body)?)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The numbers of the processes of a group.
fn members(group: Pid) -> Vec<String> {
    let group = group.to_string();
    let is_member = |number: &String| {
        // "NUMBER (NAME) STATE PARENT GROUP …"
        let status = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        status.rsplit(") ").next().is_some_and(|rest| rest.split(' ').nth(2) == Some(group.as_str()))
    };
    let names = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.into_string().ok()).filter(is_member).collect()
}

/// In a group of its own: Elasticsearch has a launcher, which would survive the server and the server it.
fn spawn(name: Name, directory: &Path, port: u16, settings: &[&str]) -> Result<Child, Trouble> {
    let said = File::options().create(true).append(true).open(directory.join("said"))?;
    let mut own = Vec::new();
    if name == Name::Loki {
        // Its parts talk to each other.
        own.push(format!("-server.grpc-listen-port={}", tools::free_port()?));
    }
    Ok(Command::new(tools::workspace().join("scripts/server"))
        .args(["--bound", name.text()])
        .arg(directory)
        .arg(port.to_string())
        .args(own)
        .args(settings)
        .stdin(Stdio::null())
        .stdout(said.try_clone()?)
        .stderr(said)
        .process_group(0)
        .spawn()?)
}

/// Waits until the condition holds.
pub fn until(what: &str, mut holds: impl FnMut() -> Result<bool, Trouble>) -> Result<(), Trouble> {
    let begin = Instant::now();
    while !holds()? {
        if begin.elapsed() > PATIENCE {
            return Err(format!("waited in vain: {what}").into());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
