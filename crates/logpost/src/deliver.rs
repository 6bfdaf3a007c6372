//! Requests, each on a thread that keeps its connection alive: a body goes in, an answer comes out, and a byte in a pipe
//! wakes the loop that waits for it.

use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use logline::ending::Trouble;
use rustix::pipe::{PipeFlags, pipe_with};
use ureq::Agent;
use ureq::http::Response;

use crate::connection::{Connecting, agent, failure, is_stale};
use crate::outcome::{Answer, Failure};
use crate::target::Target;

/// More of an answer is not read.
const LONGEST_ANSWER: u64 = 64 << 20;
/// A larger body gives its memory back.
const LONGEST_SPARE: usize = 4 << 20;

/// The threads, and the way to them and back.
#[derive(Debug)]
pub struct Deliverer {
    requests: Vec<Sender<Outgoing>>,
    idle: Vec<usize>,
    answers: Receiver<Incoming>,
    /// Bodies and answers that were read, kept for their memory.
    spare_bodies: Vec<Vec<u8>>,
    spare_answers: Vec<Vec<u8>>,
    woken: OwnedFd,
}

/// A request to send.
#[derive(Debug)]
struct Outgoing {
    id: u64,
    key: Option<String>,
    body: Vec<u8>,
    /// Where to read the answer to; empty.
    answer: Vec<u8>,
}

/// What became of it.
#[derive(Debug)]
struct Incoming {
    slot: usize,
    id: u64,
    body: Vec<u8>,
    answer: Result<Answer, Failure>,
}

impl Deliverer {
    /// As many threads as requests may be under way.
    pub fn new(target: Target, connecting: &Connecting<'_>, count: usize) -> Result<Self, Trouble> {
        let agent = agent(connecting)?;
        let target = Arc::new(target);
        let (woken, wake) =
            pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).map_err(|errno| Trouble::io("pipe", &errno.into()))?;
        let wake = Arc::new(wake);
        let (answered, answers) = channel();
        let mut requests = Vec::new();
        for slot in 0..count {
            let (request, inbox) = channel::<Outgoing>();
            requests.push(request);
            let mut courier = Courier { agent: agent.clone(), target: Arc::clone(&target), packed: Vec::new() };
            let (answered, wake) = (answered.clone(), Arc::clone(&wake));
            let work = move || {
                for Outgoing { id, key, body, answer } in inbox {
                    let answer = courier.send(key.as_deref(), &body, answer);
                    if answered.send(Incoming { slot, id, body, answer }).is_err() {
                        return;
                    }
                    // A full pipe is as good as another byte in it.
                    let _ = rustix::io::write(&wake, b"!");
                }
            };
            thread::Builder::new().stack_size(512 << 10).spawn(work).map_err(|error| Trouble::io("thread", &error))?;
        }
        let (spare_bodies, spare_answers) = (Vec::new(), Vec::new());
        Ok(Self { idle: (0..count).collect(), requests, answers, spare_bodies, spare_answers, woken })
    }

    /// Whether a request can be sent now.
    pub fn is_idle(&self) -> bool {
        !self.idle.is_empty()
    }

    /// Sends the body on an idle thread; its answer will carry `id`. A server that knows `key` has seen it before.
    pub fn send(&mut self, id: u64, key: Option<String>, body: Vec<u8>) {
        if let Some(slot) = self.idle.pop() {
            let answer = self.spare_answers.pop().unwrap_or_default();
            // The thread lives as long as this end of the channel.
            let _ = self.requests[slot].send(Outgoing { id, key, body, answer });
        }
    }

    /// An empty body.
    pub fn body(&mut self) -> Vec<u8> {
        self.spare_bodies.pop().unwrap_or_default()
    }

    /// Keeps a body for its memory.
    pub fn keep(&mut self, body: Vec<u8>) {
        keep(&mut self.spare_bodies, body);
    }

    /// Keeps the body of an answer for its memory.
    pub fn keep_answer(&mut self, answer: Vec<u8>) {
        keep(&mut self.spare_answers, answer);
    }

    /// An answer that has come; does not block.
    pub fn answer(&mut self) -> Option<(u64, Result<Answer, Failure>)> {
        let Incoming { slot, id, body, answer } = self.answers.try_recv().ok()?;
        self.idle.push(slot);
        self.keep(body);
        Some((id, answer))
    }

    /// Makes the descriptor quiet until the next answer. To be called where it was readable, before [`Self::answer`].
    pub fn hear(&self) {
        let _ = rustix::io::read(&self.woken, &mut [0; 64]);
    }
}

fn keep(spare: &mut Vec<Vec<u8>>, mut bytes: Vec<u8>) {
    if bytes.capacity() <= LONGEST_SPARE {
        bytes.clear();
        spare.push(bytes);
    }
}

/// Readable when an answer has come.
impl AsFd for Deliverer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }
}

/// What a thread sends requests with.
struct Courier {
    agent: Agent,
    target: Arc<Target>,
    /// The memory of compressed bodies.
    packed: Vec<u8>,
}

impl Courier {
    fn send(&mut self, key: Option<&str>, body: &[u8], memory: Vec<u8>) -> Result<Answer, Failure> {
        let body = if self.target.is_compressed { packed(&mut self.packed, body) } else { body };
        let answered = loop {
            match post(&self.agent, &self.target, key, body) {
                // Nothing is known about the request either; it would be sent again in any case.
                Err(error) if is_stale(&error) => {}
                other => break other,
            }
        };
        let answer = read(answered.map_err(|error| failure(&error))?, memory)?;
        if matches!(answer.status, 401 | 403) {
            self.target.read_token_again();
        }
        Ok(answer)
    }
}

fn post(agent: &Agent, target: &Target, key: Option<&str>, body: &[u8]) -> Result<Response<ureq::Body>, ureq::Error> {
    let mut request = agent.post(&target.url);
    for (name, value) in &target.headers {
        request = request.header(name, value);
    }
    if let Some((name, token)) = target.token() {
        request = request.header(name, token);
    }
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    if target.is_compressed {
        request = request.header("content-encoding", "gzip");
    }
    request.send(body)
}

fn packed<'a>(memory: &'a mut Vec<u8>, body: &[u8]) -> &'a [u8] {
    memory.clear();
    let mut encoder = GzEncoder::new(std::mem::take(memory), Compression::fast());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(body);
    *memory = encoder.finish().unwrap_or_default();
    memory
}

fn read(mut response: Response<ureq::Body>, mut body: Vec<u8>) -> Result<Answer, Failure> {
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (retry_after, location) = (header("retry-after"), header("location"));
    let read = response.body_mut().with_config().limit(LONGEST_ANSWER).reader().read_to_end(&mut body);
    if let Err(error) = read {
        return Err(match failure(&error.into()) {
            Failure::Lost(cause) => Failure::Lost(format!("{status}, and then {cause}")),
            other => other,
        });
    }
    if let (300..=399, Some(location)) = (status, location) {
        // What follows a question mark, or stands before an @, may be a secret.
        let place = location.split('?').next().and_then(|place| place.rsplit('@').next()).unwrap_or_default();
        return Err(Failure::Hold(format!("{status}, a redirect to {place}, which no record follows")));
    }
    Ok(Answer { status, retry_after: retry_after.and_then(|text| wait(&text)), body })
}

/// What `Retry-After` says: seconds, or a date (RFC 9110).
fn wait(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
    let seconds = date.timestamp().as_second() - Timestamp::now().as_second();
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(wait("3"), Some(Duration::from_secs(3)));
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:00 GMT"), None);
        assert!(wait("Wed, 21 Oct 2099 07:28:00 GMT").is_some_and(|wait| wait > Duration::from_secs(1000)));
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn a_packed_body_is_the_same_body() {
        let (mut memory, mut text) = (b"before".to_vec(), String::new());
        flate2::read::GzDecoder::new(packed(&mut memory, b"a\nb\n")).read_to_string(&mut text).unwrap_or_default();
        assert_eq!(text, "a\nb\n");
    }
}
