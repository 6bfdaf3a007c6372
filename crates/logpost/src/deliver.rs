//! Requests, each on a thread that keeps its connection alive: a body goes in, an answer comes out, and a byte in a pipe
//! wakes the loop that waits for it.

use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use logline::ending::Trouble;
use rustix::pipe::{PipeFlags, pipe_with};
use ureq::http::Response;
use ureq::{Agent, SendBody};

use crate::connection::{Connecting, MaxTime, agent, failure, is_of_dialling, is_of_tls, is_stale};
use crate::outcome::{Answer, Failure};
use crate::target::{Place, Target};
use crate::tls::Trust;
use crate::transport::Sending;

/// More of an answer is not read.
const LONGEST_ANSWER: u64 = 4 << 20;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The silence that is allowed at first, and the longest.
const FIRST_SILENCE: Duration = Duration::from_secs(30);
const LONGEST_SILENCE: Duration = Duration::from_secs(240);
/// A larger body gives its memory back. For OpenTelemetry one of a batch of the usual size takes more than a MiB.
const LONGEST_SPARE: usize = 3 << 19;
/// No more bodies are kept for their memory.
const MOST_SPARE: usize = 4;

/// The threads, and the way to them and back.
#[derive(Debug)]
pub struct Deliverer {
    target: Arc<Target>,
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
    pub fn new(target: Target, connecting: &Connecting, count: usize) -> Result<Self, Trouble> {
        let target = Arc::new(target);
        let patience = Arc::new(Patience::default());
        let (woken, wake) =
            pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).map_err(|errno| Trouble::io("pipe", &errno.into()))?;
        let wake = Arc::new(wake);
        let (answered, answers) = channel();
        let mut requests = Vec::new();
        for slot in 0..count {
            let (request, inbox) = channel::<Outgoing>();
            requests.push(request);
            let sending = Sending::default();
            let mut courier = Courier {
                agent: agent(connecting, sending.clone()),
                sending,
                target: Arc::clone(&target),
                trust: connecting.trust.clone(),
                max_time: connecting.max_time,
                patience: Arc::clone(&patience),
                packed: Vec::new(),
            };
            let (answered, wake) = (answered.clone(), Arc::clone(&wake));
            let work = move || {
                for Outgoing { id, key, mut body, answer } in inbox {
                    let answer = courier.send(key.as_deref(), &mut body, answer);
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
        Ok(Self { target, idle: (0..count).collect(), requests, answers, spare_bodies, spare_answers, woken })
    }

    /// The text with our secrets masked, for servers repeat what they are sent.
    pub fn masked(&self, text: String) -> String {
        self.target.masked(text)
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
    if bytes.capacity() <= LONGEST_SPARE && spare.len() < MOST_SPARE {
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

/// The silence that is allowed while an answer is awaited, shared by all threads. It doubles each time a server says
/// nothing for so long, for then it has too much to do and what it gets twice makes it worse, and is the first again when
/// it answers.
#[derive(Debug)]
struct Patience(AtomicU64);

impl Default for Patience {
    fn default() -> Self {
        Self(AtomicU64::new(FIRST_SILENCE.as_secs()))
    }
}

impl Patience {
    fn silence(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }

    /// A request that was given so much silence was answered in time, or was not.
    fn learn(&self, given: Duration, in_time: bool) {
        let next = if in_time { FIRST_SILENCE } else { (given * 2).min(LONGEST_SILENCE) };
        self.0.store(next.as_secs(), Ordering::Relaxed);
    }
}

/// What a thread sends requests with.
struct Courier {
    agent: Agent,
    sending: Sending,
    target: Arc<Target>,
    trust: Option<Arc<Trust>>,
    max_time: MaxTime,
    patience: Arc<Patience>,
    /// The memory of compressed bodies.
    packed: Vec<u8>,
}

impl Courier {
    fn send(&mut self, key: Option<&str>, body: &mut Vec<u8>, memory: Vec<u8>) -> Result<Answer, Failure> {
        let place = self.target.place();
        let answer = self.try_send(place, key, body, memory);
        let is_well = answer.as_ref().is_ok_and(|answer| answer.status < 500);
        if !is_well {
            self.target.leave(place);
        }
        answer.map_err(|failure| failure.said_of(self.target.name_of(place)))
    }

    fn try_send(
        &mut self,
        place: usize,
        key: Option<&str>,
        body: &mut Vec<u8>,
        memory: Vec<u8>,
    ) -> Result<Answer, Failure> {
        let mut packed = std::mem::take(&mut self.packed);
        let body = if self.target.is_compressed { pack(&mut packed, body) } else { body };
        let silence = self.patience.silence();
        let answered = loop {
            self.sending.written.begin();
            match self.post(place, silence, key, body) {
                // Nothing is known about the request either; it would be sent again in any case.
                Err(error) if is_stale(&error) && !body.is_empty() => {}
                other => break other,
            }
        };
        if packed.capacity() <= LONGEST_SPARE {
            self.packed = packed;
        }
        if let (Err(error), Some(trust)) = (&answered, &self.trust)
            && is_of_tls(error)
        {
            trust.read_again();
        }
        let is_proxied = self.target.places[place].proxy.is_some();
        let failed = |error: ureq::Error| {
            let at_proxy = (is_proxied && is_of_dialling(&error)).then_some("proxy");
            failure(&error).said_of(at_proxy)
        };
        let answer = answered.map_err(failed).and_then(|response| read(response, memory));
        let is_late = matches!(answer, Err(Failure::Late(_)));
        self.patience.learn(silence, !is_late);
        let answer = answer?;
        if matches!(answer.status, 401 | 403) {
            self.target.read_token_again();
        }
        if (200..300).contains(&answer.status) && !self.sending.written.is_whole() {
            let status = answer.status;
            // Fewer records would not make it read them: they would only be believed to have been read.
            return Err(Failure::Hold(format!(
                "{status} before the request was written to its end, which is no success"
            )));
        }
        Ok(answer)
    }

    /// Sends a request and awaits the head of its answer. While it is sent the body is elsewhere, and then is back.
    fn post(
        &self,
        place: usize,
        silence: Duration,
        key: Option<&str>,
        body: &mut Vec<u8>,
    ) -> Result<Response<ureq::Body>, ureq::Error> {
        let target = &self.target;
        let Place { url, proxy, .. } = &target.places[place];
        let max_time = match self.max_time {
            MaxTime::OfSilence => Some(silence * 2),
            MaxTime::Fixed(time) => Some(time),
            MaxTime::Unlimited => None,
        };
        let silence = max_time.map_or(silence, |max_time| silence.min(max_time));
        let mut request = self
            .agent
            .post(url)
            .config()
            .timeout_global(max_time)
            .timeout_per_read(Some(silence))
            .timeout_per_write(Some(silence))
            .proxy(proxy.clone())
            .build();
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
        request = request.header("content-length", body.len());
        let mut counter = self.sending.outbox.put(std::mem::take(body));
        let answered = request.send(SendBody::from_reader(&mut counter));
        *body = self.sending.outbox.take();
        answered
    }
}

fn pack<'a>(memory: &'a mut Vec<u8>, body: &[u8]) -> &'a mut Vec<u8> {
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
    let (retry_after, location, encoding) = (header("retry-after"), header("location"), header("content-encoding"));
    let read = response.body_mut().with_config().limit(LONGEST_ANSWER).reader().read_to_end(&mut body);
    if let Err(error) = read {
        let then = |cause: String| format!("{status}, and then {cause}");
        return Err(match failure(&error.into()) {
            Failure::Lost(cause) => Failure::Lost(then(cause)),
            Failure::Late(cause) => Failure::Late(then(cause)),
            Failure::Long(cause) => Failure::Long(then(cause)),
            other => other,
        });
    }
    if encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("gzip")) {
        body = unpack(&body).ok_or_else(|| Failure::Lost(format!("{status} with a body that cannot be unpacked")))?;
    }
    if body.starts_with(BYTE_ORDER_MARK) {
        body.drain(..BYTE_ORDER_MARK.len());
    }
    if let (300..=399, Some(location)) = (status, location) {
        // What follows a question mark, or stands before an @, may be a secret.
        let place = location.split('?').next().and_then(|place| place.rsplit('@').next()).unwrap_or_default();
        return Err(Failure::Hold(format!("{status}, a redirect to {place}, which no record follows")));
    }
    Ok(Answer { status, retry_after: retry_after.and_then(|text| wait(&text)), body })
}

/// Servers may pack what nobody has forbidden them to pack. `None` if it is broken, or longer than an answer may be.
fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    let mut decoder = MultiGzDecoder::new(packed).take(LONGEST_ANSWER + 1);
    let length = decoder.read_to_end(&mut body).ok()?;
    (length as u64 <= LONGEST_ANSWER).then_some(body)
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
    fn a_server_that_says_nothing_gets_longer_each_time_and_one_that_answers_does_not() {
        let patience = Patience::default();
        let silences: Vec<u64> = (0..5)
            .map(|_| {
                patience.learn(patience.silence(), false);
                patience.silence().as_secs()
            })
            .collect();
        assert_eq!(silences, [60, 120, 240, 240, 240]);
        patience.learn(patience.silence(), true);
        assert_eq!(patience.silence(), FIRST_SILENCE);
    }

    #[test]
    fn a_packed_body_is_the_same_body() {
        let (mut memory, mut text) = (b"before".to_vec(), String::new());
        flate2::read::GzDecoder::new(pack(&mut memory, b"a\nb\n").as_slice())
            .read_to_string(&mut text)
            .unwrap_or_default();
        assert_eq!(text, "a\nb\n");
    }
}
