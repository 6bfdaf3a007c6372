//! A server that answers as Elasticsearch's bulk endpoint does, and fails when it is told to.
//!
//! Invariant: a document is counted as stored exactly when an answer for it said, or would have said, 201; so a
//! sender that retries after a lost answer shows up as a conflict and never as a second document.

use std::collections::{HashSet, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use serde_json::{Value, json};

/// What to do with the next bulk request instead of storing it.
#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    /// Answer with this status.
    pub status: Option<u16>,
    /// And with this body.
    pub text: Option<String>,
    /// Send `Retry-After` with that many seconds.
    pub retry_after: Option<u64>,
    /// Only a body of more bytes than this gets the status.
    pub above: Option<usize>,
    /// Refuse items with this status in an answer that is 200.
    pub item_status: Option<u16>,
    /// The error type of those items.
    pub item_type: Option<String>,
    /// Only items whose document contains this text.
    pub matching: Option<String>,
    /// Only each so-many-th item of the request.
    pub item_every: Option<usize>,
    /// Wait that long before the answer, or until [`Receiver::recover`].
    pub hang_ms: Option<u64>,
    /// Close the connection before or after the body has been stored.
    pub reset: Option<Reset>,
    /// Store everything, but break the answer off in the middle.
    pub half: bool,
}

/// When a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// Nothing has been stored.
    Before,
    /// Everything has been stored and the sender does not learn of it.
    After,
}

impl Behaviour {
    /// Reads one behaviour of a `POST /_script`.
    pub fn from_json(value: &Value) -> Option<Self> {
        let number = |key: &str| value.get(key).and_then(Value::as_u64);
        let small = |key: &str| number(key).and_then(|n| u16::try_from(n).ok());
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        value.as_object()?;
        Some(Self {
            status: small("status"),
            text: text("text"),
            retry_after: number("retry_after"),
            above: number("above").and_then(|n| usize::try_from(n).ok()),
            item_status: small("item_status"),
            item_type: text("item_type"),
            matching: text("matching"),
            item_every: number("item_every").and_then(|n| usize::try_from(n).ok()),
            hang_ms: number("hang_ms"),
            reset: match value.get("reset").and_then(Value::as_str) {
                Some("before") => Some(Reset::Before),
                Some("after") => Some(Reset::After),
                _ => None,
            },
            half: value.get("half").and_then(Value::as_bool).unwrap_or(false),
        })
    }
}

/// How a receiver is to be started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The port, 0 for any.
    pub port: u16,
    /// Fail at random, from this seed.
    pub chaos: Option<u64>,
    /// Count and forget.
    pub sink: bool,
    /// Answer every request so many milliseconds late.
    pub slow_ms: Option<u64>,
    /// Is told when each body came.
    pub observer: Option<Sender<(Instant, Vec<u8>)>>,
}

#[derive(Debug, Default)]
struct Store {
    documents: Vec<Value>,
    known: HashSet<String>,
    counted: u64,
    requests: u64,
    conflicts: u64,
    script: VecDeque<Behaviour>,
    failing: Option<Behaviour>,
    /// How often it has recovered.
    recoveries: u64,
    /// The heads of those requests: the lines with lower-case names.
    heads: Vec<Vec<String>>,
    /// Requests without this are answered with 401.
    authorization: Option<String>,
    chaos: Option<u64>,
    sink: bool,
}

#[derive(Debug)]
struct Shared {
    store: Mutex<Store>,
    recovered: Condvar,
    stop: AtomicBool,
    slow: Option<Duration>,
    observer: Option<Sender<(Instant, Vec<u8>)>>,
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running receiver; it stops when dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Receiver {
    /// Starts one on any free port of the loopback.
    ///
    /// # Panics
    /// When no port can be had.
    pub fn start() -> Self {
        Self::start_with(&Options::default()).unwrap_or_else(|cause| panic!("receiver: {cause}"))
    }

    /// Starts one as told.
    pub fn start_with(options: &Options) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", options.port))?;
        let address = listener.local_addr()?;
        let store = Store { chaos: options.chaos, sink: options.sink, ..Store::default() };
        let shared = Arc::new(Shared {
            store: Mutex::new(store),
            recovered: Condvar::new(),
            stop: AtomicBool::new(false),
            slow: options.slow_ms.map(Duration::from_millis),
            observer: options.observer.clone(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &accepting));
        Ok(Self { address, shared })
    }

    /// Where it listens, without a final slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The stored documents in the order of their arrival, each with its `_id`.
    pub fn documents(&self) -> Vec<Value> {
        self.shared.store().documents.clone()
    }

    /// It fails at random no more.
    pub fn be_well(&self) {
        self.shared.store().chaos = None;
    }

    /// How many they are.
    pub fn stored(&self) -> usize {
        self.shared.store().documents.len()
    }

    /// How many documents came again and were told so.
    pub fn conflicts(&self) -> u64 {
        self.shared.store().conflicts
    }

    /// How many bulk or NDJSON requests came, failed ones included.
    pub fn requests(&self) -> u64 {
        self.shared.store().requests
    }

    /// The heads of bulk and NDJSON requests: their lines, with the names in lower case.
    pub fn heads(&self) -> Vec<Vec<String>> {
        self.shared.store().heads.clone()
    }

    /// From now on a request without this value of `Authorization` gets a 401.
    pub fn demand(&self, authorization: &str) {
        self.shared.store().authorization = Some(authorization.to_owned());
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets what the next requests meet, behind what is set already.
    pub fn script(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.shared.store().script.extend(behaviours);
    }

    /// Every request that comes from now on meets this, until [`Receiver::recover`].
    pub fn fail(&self, behaviour: Behaviour) {
        self.shared.store().failing = Some(behaviour);
    }

    /// From now on everything is stored, and what hangs goes on.
    pub fn recover(&self) {
        let mut store = self.shared.store();
        store.failing = None;
        store.script.clear();
        store.recoveries += 1;
        self.shared.recovered.notify_all();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // The accepting thread is woken by one last connection.
        drop(TcpStream::connect(self.address));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // A connection that breaks is the sender's matter.
            drop(converse(stream, &shared));
        });
    }
}

/// A request as it came.
pub(crate) struct Request {
    method: String,
    pub(crate) path: String,
    /// Only what says what became of an item is wanted in the answer.
    is_filtered: bool,
    /// Its lines, with the names in lower case.
    pub(crate) head: Vec<String>,
    /// Unpacked.
    pub(crate) body: Vec<u8>,
    close: bool,
}

/// What is answered to it.
pub(crate) struct Answer {
    status: u16,
    retry_after: Option<u64>,
    kind: &'static str,
    body: Vec<u8>,
    half: bool,
}

impl Answer {
    /// With this JSON.
    pub(crate) fn new(status: u16, body: &Value) -> Self {
        Self { status, retry_after: None, kind: "application/json", body: body.to_string().into_bytes(), half: false }
    }
}

fn converse(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut output = stream.try_clone()?;
    let mut input = BufReader::with_capacity(64 * 1024, stream);
    let mut memory = Vec::new();
    while let Some(request) = read_request(&mut input, &mut output, memory)? {
        let Some(answer) = respond(&request, shared) else { return Ok(()) };
        write_answer(&mut output, &answer)?;
        if answer.half || request.close {
            return Ok(());
        }
        memory = request.body;
        memory.clear();
    }
    Ok(())
}

fn read_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if input.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
}

/// The next request, its body in `body`'s memory.
pub(crate) fn read_request(
    input: &mut impl BufRead,
    output: &mut impl Write,
    mut body: Vec<u8>,
) -> io::Result<Option<Request>> {
    let Some(first) = read_line(input)? else { return Ok(None) };
    let mut words = first.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or("/");
    let path = target.split('?').next().unwrap_or("/").to_owned();
    let is_filtered = target.contains("filter_path=errors,items.*.status,items.*.error");
    let (mut length, mut chunked, mut expects, mut close, mut packed) = (0, false, false, false, false);
    let mut head = Vec::new();
    while let Some(line) = read_line(input)? {
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        head.push(format!("{}: {}", name.to_ascii_lowercase(), value.trim()));
        let value = value.trim().to_ascii_lowercase();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().map_err(io::Error::other)?,
            "transfer-encoding" => chunked = value.contains("chunked"),
            "expect" => expects = value == "100-continue",
            "connection" => close = value == "close",
            "content-encoding" => packed = value == "gzip",
            _ => {}
        }
    }
    if expects {
        output.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    if chunked {
        read_chunks(input, &mut body)?;
    } else {
        input.take(length).read_to_end(&mut body)?;
        if u64::try_from(body.len()).unwrap_or(u64::MAX) < length {
            return Ok(None);
        }
    }
    if packed {
        let mut unpacked = Vec::new();
        GzDecoder::new(body.as_slice()).read_to_end(&mut unpacked)?;
        body = unpacked;
    }
    Ok(Some(Request { method, path, is_filtered, head, body, close }))
}

fn read_chunks(input: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let head = read_line(input)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let digits = head.split(';').next().unwrap_or_default().trim();
        let length = u64::from_str_radix(digits, 16).map_err(io::Error::other)?;
        if length == 0 {
            while read_line(input)?.is_some_and(|trailer| !trailer.is_empty()) {}
            return Ok(());
        }
        input.take(length).read_to_end(body)?;
        read_line(input)?;
    }
}

/// Writes an answer, or half of it.
pub(crate) fn write_answer(output: &mut impl Write, answer: &Answer) -> io::Result<()> {
    let mut bytes = format!(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nX-Elastic-Product: Elasticsearch\r\nContent-Length: {}\r\n",
        answer.status,
        reason(answer.status),
        answer.kind,
        answer.body.len()
    )
    .into_bytes();
    if let Some(seconds) = answer.retry_after {
        bytes.extend_from_slice(format!("Retry-After: {seconds}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    let sent = if answer.half { answer.body.len() / 2 } else { answer.body.len() };
    bytes.extend_from_slice(&answer.body[..sent]);
    output.write_all(&bytes)
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Answer",
    }
}

/// The answer to a request; none when the connection is to break.
fn respond(request: &Request, shared: &Shared) -> Option<Answer> {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET" | "HEAD", "/_count") => {
            let store = shared.store();
            Some(Answer::new(
                200,
                &json!({"documents": store.counted, "requests": store.requests, "conflicts": store.conflicts}),
            ))
        }
        ("GET" | "HEAD", "/_documents") => {
            let mut body = Vec::new();
            for document in &shared.store().documents {
                body.extend_from_slice(document.to_string().as_bytes());
                body.push(b'\n');
            }
            Some(Answer { kind: "application/x-ndjson", body, ..Answer::new(200, &Value::Null) })
        }
        ("GET" | "HEAD", _) => {
            Some(Answer::new(200, &json!({"version": {"number": "8.0.0"}, "tagline": "You Know, for Tests"})))
        }
        ("POST", "/_script") => Some(set_script(&request.body, shared)),
        ("POST" | "PUT", _) => receive(request, shared),
        _ => Some(Answer::new(405, &json!({"error": "method not allowed"}))),
    }
}

fn set_script(body: &[u8], shared: &Shared) -> Answer {
    let behaviours: Option<Vec<Behaviour>> = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|script| script.as_array().and_then(|items| items.iter().map(Behaviour::from_json).collect()));
    match behaviours {
        Some(behaviours) => {
            shared.store().script.extend(behaviours);
            Answer::new(200, &json!({"acknowledged": true}))
        }
        None => Answer::new(400, &json!({"error": "not an array of behaviours"})),
    }
}

fn receive(Request { path, is_filtered, head, body, .. }: &Request, shared: &Shared) -> Option<Answer> {
    if let Some(observer) = &shared.observer {
        // One that has seen enough is no failure.
        drop(observer.send((Instant::now(), body.clone())));
    }
    let behaviour = {
        let mut store = shared.store();
        store.requests += 1;
        if !store.sink {
            store.heads.push(head.clone());
        }
        let is_known = |value: &String| head.contains(&format!("authorization: {value}"));
        if !store.authorization.as_ref().is_none_or(is_known) {
            return Some(malformed("who are you", 401));
        }
        store.next_behaviour()
    };
    if let Some(pause) = shared.slow {
        thread::sleep(pause);
    }
    if let Some(pause) = behaviour.hang_ms {
        let store = shared.store();
        let (before, pause) = (store.recoveries, Duration::from_millis(pause));
        // Whoever panicked with the lock held has said so.
        drop(shared.recovered.wait_timeout_while(store, pause, |store| store.recoveries == before));
    }
    if behaviour.reset == Some(Reset::Before) {
        return None;
    }
    if let Some(status) = behaviour.status
        && behaviour.above.is_none_or(|limit| body.len() > limit)
    {
        let mut answer = malformed("as told", status);
        answer.retry_after = behaviour.retry_after;
        if let Some(text) = behaviour.text {
            answer.body = text.into_bytes();
        }
        return Some(answer);
    }
    let mut store = shared.store();
    let mut answer =
        if path.ends_with("/_bulk") { store.bulk(body, &behaviour, *is_filtered) } else { store.ndjson(body) };
    if path.ends_with("/insert/jsonline") {
        // VictoriaLogs says nothing, whatever it has done.
        answer.body.clear();
    } else if path.ends_with("/loki/api/v1/push") {
        answer = Answer { body: Vec::new(), ..Answer::new(204, &Value::Null) };
    }
    if behaviour.reset == Some(Reset::After) {
        return None;
    }
    answer.half = behaviour.half;
    Some(answer)
}

impl Store {
    fn next_behaviour(&mut self) -> Behaviour {
        if let Some(scripted) = self.script.pop_front() {
            return scripted;
        }
        if let Some(failing) = &self.failing {
            return failing.clone();
        }
        let Some(state) = &mut self.chaos else { return Behaviour::default() };
        // xorshift: the same seed gives the same failures in the same order of requests.
        *state |= 1;
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        let none = Behaviour::default();
        // Never an item's 400, which is for good: such a record would be missing, and rightly.
        let items = |status, kind: &str, every| Behaviour {
            item_status: Some(status),
            item_type: Some(kind.to_owned()),
            item_every: usize::try_from(every).ok(),
            ..Behaviour::default()
        };
        let few = 1 + (*state >> 40) % 5;
        match (*state >> 20) % 48 {
            0 | 1 => Behaviour { status: Some(503), ..none },
            2 => Behaviour { status: Some(429), ..none },
            3 => Behaviour { status: Some(429), retry_after: Some(1), ..none },
            4 | 5 => Behaviour { status: Some(413), above: Some(8 * 1024), ..none },
            6 | 7 => Behaviour { reset: Some(Reset::Before), ..none },
            8 | 9 => Behaviour { reset: Some(Reset::After), ..none },
            10 | 11 => Behaviour { half: true, ..none },
            12 => Behaviour { hang_ms: Some(200), ..none },
            13 => Behaviour { hang_ms: Some(1500), ..none },
            14..=16 => items(429, "es_rejected_execution_exception", few),
            17..=19 => items(503, "unavailable_shards_exception", few),
            _ => none,
        }
    }

    fn ndjson(&mut self, body: &[u8]) -> Answer {
        for line in lines(body) {
            self.counted += 1;
            if !self.sink {
                let document = serde_json::from_slice(line).unwrap_or_else(|_| json!(String::from_utf8_lossy(line)));
                self.documents.push(document);
            }
        }
        Answer::new(200, &json!({}))
    }

    fn bulk(&mut self, body: &[u8], behaviour: &Behaviour, is_filtered: bool) -> Answer {
        if self.sink && behaviour.item_status.is_none() {
            return self.swallow(body);
        }
        let mut rest = lines(body);
        let mut items = Vec::new();
        let mut errors = false;
        while let Some(head) = rest.next() {
            let Some((verb, meta)) = action(head) else {
                return malformed("Malformed action/metadata line", 400);
            };
            let Some(source) = rest.next() else {
                return malformed("The bulk request must be terminated by a newline", 400);
            };
            let id = meta.get("_id").and_then(Value::as_str).map(str::to_owned);
            let index = meta.get("_index").and_then(Value::as_str).unwrap_or("default").to_owned();
            let is_meant = behaviour.item_every.is_none_or(|every| items.len() % every == 0);
            let failing = behaviour.item_status.filter(|_| is_meant);
            let (status, error) = self.item(&verb, id.as_deref(), source, failing, behaviour);
            let mut item = json!({"status": status});
            if !is_filtered {
                item = json!({"_index": index, "_id": id, "status": status});
            }
            if let Some((kind, reason)) = error {
                errors = true;
                item["error"] = json!({"type": kind, "reason": reason});
            }
            items.push(json!({verb: item}));
        }
        let answer = json!({"errors": errors, "items": items});
        Answer::new(200, &if is_filtered { answer } else { json!({"took": 1, "errors": errors, "items": items}) })
    }

    /// Counts the items and reads none, so that a measurement is of the sender.
    fn swallow(&mut self, body: &[u8]) -> Answer {
        let items = memchr::memchr_iter(b'\n', body).count() / 2;
        self.counted += items as u64;
        let mut text = br#"{"took":1,"errors":false,"items":["#.to_vec();
        for number in 0..items {
            let item: &[u8] =
                if number == 0 { br#"{"create":{"status":201}}"# } else { br#",{"create":{"status":201}}"# };
            text.extend_from_slice(item);
        }
        text.extend_from_slice(b"]}");
        Answer { body: text, ..Answer::new(200, &Value::Null) }
    }

    fn item(
        &mut self,
        verb: &str,
        id: Option<&str>,
        source: &[u8],
        failing: Option<u16>,
        behaviour: &Behaviour,
    ) -> (u16, Option<(String, String)>) {
        if let Some(status) = failing
            && behaviour.matching.as_ref().is_none_or(|text| String::from_utf8_lossy(source).contains(text.as_str()))
        {
            let kind = behaviour.item_type.as_deref().unwrap_or("mapper_parsing_exception");
            return (status, Some((kind.to_owned(), "as told".to_owned())));
        }
        let Ok(Value::Object(mut document)) = serde_json::from_slice(source) else {
            let reason = "failed to parse".to_owned();
            return (400, Some(("mapper_parsing_exception".to_owned(), reason)));
        };
        if let Some(id) = id {
            if !self.sink && !self.known.insert(id.to_owned()) {
                self.conflicts += 1;
                if verb == "create" {
                    let reason = format!("[{id}]: version conflict, document already exists (current version [1])");
                    return (409, Some(("version_conflict_engine_exception".to_owned(), reason)));
                }
                return (200, None);
            }
            document.insert("_id".to_owned(), json!(id));
        }
        self.counted += 1;
        if !self.sink {
            self.documents.push(Value::Object(document));
        }
        (201, None)
    }
}

fn malformed(reason: &str, status: u16) -> Answer {
    Answer::new(status, &json!({"error": {"type": "illegal_argument_exception", "reason": reason}, "status": status}))
}

fn action(head: &[u8]) -> Option<(String, Value)> {
    let Ok(Value::Object(action)) = serde_json::from_slice(head) else { return None };
    action.into_iter().next().filter(|(verb, _)| verb == "create" || verb == "index")
}

fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn ask(receiver: &Receiver, request: &str) -> String {
        let mut stream = TcpStream::connect(receiver.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn bulk(receiver: &Receiver, body: &str) -> String {
        let length = body.len();
        let head = format!("POST /nginx/_bulk HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        ask(receiver, &(head + body))
    }

    const TWO: &str = "{\"create\":{\"_id\":\"a\"}}\n{\"n\":1}\n{\"create\":{\"_id\":\"b\"}}\n{\"n\":2}\n";

    #[test]
    fn a_known_id_is_a_conflict_and_not_a_second_document() {
        let receiver = Receiver::start();
        assert!(bulk(&receiver, TWO).contains("\"errors\":false"));
        assert!(bulk(&receiver, TWO).contains("version_conflict_engine_exception"));
        assert_eq!(receiver.documents(), [json!({"n": 1, "_id": "a"}), json!({"n": 2, "_id": "b"})]);
        assert_eq!(receiver.conflicts(), 2);
    }

    #[test]
    fn chunks_are_put_together_after_the_continue() {
        let receiver = Receiver::start();
        let answer = ask(
            &receiver,
            "POST /in HTTP/1.1\r\nConnection: close\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n\
             5\r\n{\"n\":\r\n3\r\n1}\n\r\n0\r\n\r\n",
        );
        assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"), "{answer}");
        assert_eq!(receiver.documents(), [json!({"n": 1})]);
    }

    #[test]
    fn a_script_decides_the_next_requests_only() {
        let receiver = Receiver::start();
        let script = r#"[{"status":429,"retry_after":1},{"item_status":400,"matching":"\"n\":2"},{"reset":"before"}]"#;
        let length = script.len();
        ask(
            &receiver,
            &format!("POST /_script HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{script}"),
        );
        let answer = bulk(&receiver, TWO);
        assert!(answer.starts_with("HTTP/1.1 429") && answer.contains("Retry-After: 1"), "{answer}");
        assert!(bulk(&receiver, TWO).contains("mapper_parsing_exception"));
        assert_eq!(bulk(&receiver, TWO), "");
        assert!(bulk(&receiver, TWO).contains("409"));
        assert_eq!(receiver.documents().len(), 2);
    }

    #[test]
    fn a_broken_answer_has_stored_its_documents() {
        let receiver = Receiver::start();
        receiver.script([Behaviour { reset: Some(Reset::After), ..Behaviour::default() }]);
        assert_eq!(bulk(&receiver, TWO), "");
        assert_eq!(receiver.documents().len(), 2);
    }
}
