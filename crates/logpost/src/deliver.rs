//! Requests, each on a thread that keeps its connection alive: a body goes in, an answer comes out, and a byte in a pipe
//! wakes the loop that waits for it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use logline::ending::{Trouble, cause};
use rustix::pipe::{PipeFlags, pipe_with};
use ureq::Agent;
use ureq::http::Response;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::fate::Answer;

/// More of an answer is not read.
const LONGEST_ANSWER: u64 = 64 << 20;
/// A larger body gives its memory back.
const LONGEST_SPARE: usize = 4 << 20;
/// Where the system keeps the certificates it trusts.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Where requests go, and with what.
#[derive(Clone, Debug)]
pub struct Target {
    /// Without name and password.
    pub url: String,
    /// Every request has them.
    pub headers: Vec<(String, String)>,
}

/// How connections are made.
#[derive(Clone, Debug)]
pub struct Connecting<'a> {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for an answer.
    pub max_time: Duration,
    /// Trust these instead of the system's.
    pub cacert: Option<&'a Path>,
    /// Trust any.
    pub insecure: bool,
}

/// A request to send.
struct Request {
    id: u64,
    body: Vec<u8>,
}

/// The threads, and the way to them and back.
#[derive(Debug)]
pub struct Deliverer {
    requests: Vec<Sender<Request>>,
    idle: Vec<usize>,
    answers: Receiver<(usize, u64, Answer, Vec<u8>)>,
    /// Bodies that were sent, kept for their memory.
    spare: Vec<Vec<u8>>,
    woken: OwnedFd,
}

impl Deliverer {
    /// As many threads as requests may be under way.
    pub fn new(target: &Target, connecting: &Connecting<'_>, count: usize) -> Result<Self, Trouble> {
        let agent = agent(connecting)?;
        let (woken, wake) =
            pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).map_err(|errno| Trouble::io("pipe", &errno.into()))?;
        let wake = Arc::new(wake);
        let (answer, answers) = channel();
        let mut requests = Vec::new();
        for slot in 0..count {
            let (request, inbox) = channel::<Request>();
            requests.push(request);
            // Each agent of its own, so that each thread keeps a connection.
            let (agent, target, answer, wake) = (agent.clone(), target.clone(), answer.clone(), Arc::clone(&wake));
            let work = move || {
                for request in inbox {
                    let answered = send(&agent, &target, &request.body);
                    if answer.send((slot, request.id, answered, request.body)).is_err() {
                        return;
                    }
                    // A full pipe is as good as another byte in it.
                    let _ = rustix::io::write(&wake, b"!");
                }
            };
            thread::Builder::new().stack_size(512 << 10).spawn(work).map_err(|error| Trouble::io("thread", &error))?;
        }
        Ok(Self { idle: (0..count).collect(), requests, answers, spare: Vec::new(), woken })
    }

    /// Whether a request can be sent now.
    pub fn is_idle(&self) -> bool {
        !self.idle.is_empty()
    }

    /// Sends the body on an idle thread; its answer will carry `id`.
    pub fn send(&mut self, id: u64, body: Vec<u8>) {
        if let Some(slot) = self.idle.pop() {
            // The thread lives as long as this end of the channel.
            let _ = self.requests[slot].send(Request { id, body });
        }
    }

    /// An empty body.
    pub fn body(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// An answer that has come; does not block.
    pub fn answer(&mut self) -> Option<(u64, Answer)> {
        let _ = rustix::io::read(&self.woken, &mut [0; 64]);
        let (slot, id, answer, body) = self.answers.try_recv().ok()?;
        self.idle.push(slot);
        self.keep(body);
        Some((id, answer))
    }

    /// Keeps a body for its memory.
    pub fn keep(&mut self, mut body: Vec<u8>) {
        if body.capacity() <= LONGEST_SPARE {
            body.clear();
            self.spare.push(body);
        }
    }
}

impl AsFd for Deliverer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }
}

fn agent(connecting: &Connecting<'_>) -> Result<Agent, Trouble> {
    let roots = roots(connecting.cacert)?;
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .disable_verification(connecting.insecure)
        .build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(connecting.connect_timeout))
        .timeout_global(Some(connecting.max_time))
        .user_agent(concat!("logpost/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .build();
    Ok(config.into())
}

fn roots(cacert: Option<&Path>) -> Result<Vec<Certificate<'static>>, Trouble> {
    let from_environment = std::env::var_os("SSL_CERT_FILE").map(std::path::PathBuf::from);
    let named = cacert.or(from_environment.as_deref());
    let path = named.unwrap_or(Path::new(SYSTEM_ROOTS));
    let text = match std::fs::read(path) {
        Ok(text) => text,
        // Needed only for https, which then says that it trusts nobody.
        Err(_) if named.is_none() => return Ok(Vec::new()),
        Err(error) => return Err(Trouble::io(path.display(), &error)),
    };
    let certificates: Vec<Certificate<'static>> = parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(Trouble::new(path.display(), "no certificate in it, expected PEM"));
    }
    Ok(certificates)
}

fn send(agent: &Agent, target: &Target, body: &[u8]) -> Answer {
    let mut request = agent.post(&target.url);
    for (name, value) in &target.headers {
        request = request.header(name, value);
    }
    match request.send(body) {
        Ok(response) => read(response),
        Err(error) => Answer::Failed(words(&error)),
    }
}

fn read(mut response: Response<ureq::Body>) -> Answer {
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after").and_then(|value| retry_after(value.to_str().ok()?));
    match response.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec() {
        Ok(body) => Answer::Http { status, retry_after, body },
        Err(error) => Answer::Failed(format!("{status}, and then {}", words(&error))),
    }
}

/// Seconds, or a date (RFC 9110).
fn retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
    let seconds = date.timestamp().as_second() - Timestamp::now().as_second();
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

/// The failure in the words of a message.
fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => io_words(error),
        ureq::Error::HostNotFound => "the host name cannot be resolved".to_owned(),
        ureq::Error::ConnectionFailed => "no connection".to_owned(),
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}

fn io_words(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return "the connection was closed without an answer".to_owned();
    }
    cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after("3"), Some(Duration::from_secs(3)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), None);
        assert!(retry_after("Wed, 21 Oct 2099 07:28:00 GMT").is_some_and(|wait| wait > Duration::from_secs(1000)));
        assert_eq!(retry_after("soon"), None);
    }
}
