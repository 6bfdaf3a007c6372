//! Stand-ins for two services that nobody can install: Splunk's HTTP Event Collector and Datadog's intake of logs. Each
//! checks a request as its vendor documents it, stores what that would store, and answers in its words.
//!
//! Invariant: what is stored was in a request that had the right path, token and form.

use std::collections::VecDeque;
use std::io::{self, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Value, json};

use crate::receiver::{Answer, Request, read_request, write_answer};

/// Whose stand-in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Its event endpoint.
    Splunk,
    /// Version 2.
    Datadog,
}

/// The token that both know.
pub const TOKEN: &str = "0aeeac95-ac74-4aa9-b30d-6c4c0ac581ba";
/// The index that Splunk's token may write to.
pub const INDEX: &str = "main";

/// A running stand-in.
#[derive(Debug)]
pub struct Vendor {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    kind: Kind,
    store: Mutex<Store>,
    stop: AtomicBool,
}

#[derive(Default, Debug)]
struct Store {
    records: Vec<Value>,
    requests: Vec<usize>,
    heads: Vec<Vec<String>>,
    script: VecDeque<(u16, Value)>,
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vendor {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When there is none.
    pub fn start(kind: Kind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared { kind, store: Mutex::default(), stop: AtomicBool::new(false) });
        let known = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if known.stop.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(stream), shared) = (stream, Arc::clone(&known)) else { continue };
                // A connection that breaks is the sender's matter.
                thread::spawn(move || drop(converse(stream, &shared)));
            }
        });
        Self { address, shared }
    }

    /// The next request is answered so, whatever it is, and stored only where the status is a success.
    pub fn script(&self, status: u16, body: Value) {
        self.shared.store().script.push_back((status, body));
    }

    /// What it has stored, in order.
    pub fn records(&self) -> Vec<Value> {
        self.shared.store().records.clone()
    }

    /// How many records each request had that came in the right form.
    pub fn requests(&self) -> Vec<usize> {
        self.shared.store().requests.clone()
    }

    /// The heads of the requests: their lines, with the names in lower case.
    pub fn heads(&self) -> Vec<Vec<String>> {
        self.shared.store().heads.clone()
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // The accepting thread is woken by one last connection.
        drop(TcpStream::connect(self.address));
    }
}

fn converse(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut output = stream.try_clone()?;
    let mut input = BufReader::new(stream);
    while let Some(request) = read_request(&mut input, &mut output, Vec::new())? {
        let (status, body) = answer(&request, shared);
        write_answer(&mut output, &Answer::new(status, &body))?;
    }
    Ok(())
}

fn answer(request: &Request, shared: &Shared) -> (u16, Value) {
    let mut store = shared.store();
    store.heads.push(request.head.clone());
    let scripted = store.script.pop_front();
    if let Some((status, body)) = scripted.clone()
        && status >= 300
    {
        return (status, body);
    }
    let answer = match shared.kind {
        Kind::Splunk => splunk(request, &mut store),
        Kind::Datadog => datadog(request, &mut store),
    };
    scripted.unwrap_or(answer)
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Splunk's words for a code, and the status that goes with it.
fn code(status: u16, code: u8, text: &str) -> (u16, Value) {
    (status, json!({"text": text, "code": code}))
}

fn splunk(request: &Request, store: &mut Store) -> (u16, Value) {
    if request.path != "/services/collector/event" {
        return (404, json!({"text": "The requested URL was not found on this server.", "code": 404}));
    }
    match header(request, "authorization").map(|value| value.strip_prefix("Splunk ")) {
        None => return code(401, 2, "Token is required"),
        Some(None) => return code(401, 3, "Invalid authorization"),
        Some(Some(token)) if token != TOKEN => return code(403, 4, "Invalid token"),
        Some(Some(_)) => {}
    }
    let mut count = 0;
    for event in serde_json::Deserializer::from_slice(&request.body).into_iter::<Value>() {
        let wrong = |status, number, text: &str| {
            let (status, mut body) = code(status, number, text);
            body["invalid-event-number"] = json!(count);
            (status, body)
        };
        let Ok(event) = event else { return wrong(400, 6, "Invalid data format") };
        if event.get("event").is_none() {
            return wrong(400, 12, "Event field is required");
        }
        if event["event"] == "" || event["event"].is_null() {
            return wrong(400, 13, "Event field cannot be blank");
        }
        if !event["time"].is_number() || event["event"]["message"] == "wrong" {
            return wrong(400, 15, "Error in handling indexed fields");
        }
        if event.get("index").is_some_and(|index| index != INDEX) {
            return wrong(400, 7, "Incorrect index");
        }
        store.records.push(event);
        count += 1;
    }
    if count == 0 {
        return code(400, 5, "No data");
    }
    store.requests.push(count);
    code(200, 0, "Success")
}

fn datadog(request: &Request, store: &mut Store) -> (u16, Value) {
    let error =
        |status: u16, title: &str| (status, json!({"errors": [{"status": status.to_string(), "title": title}]}));
    if request.path != "/api/v2/logs" {
        return error(404, "Not Found");
    }
    match header(request, "dd-api-key") {
        None => return error(401, "Unauthorized"),
        Some(key) if key != TOKEN => return error(403, "Forbidden"),
        Some(_) => {}
    }
    if request.body.len() > 5_000_000 {
        return error(413, "Payload Too Large");
    }
    let Ok(Value::Array(records)) = serde_json::from_slice::<Value>(&request.body) else {
        return error(400, "Bad Request");
    };
    let is_whole = |record: &Value| record["message"].is_string() && record["timestamp"].is_string();
    if records.is_empty() || records.len() > 1000 || !records.iter().all(is_whole) {
        return error(400, "Bad Request");
    }
    store.requests.push(records.len());
    store.records.extend(records);
    (202, json!({}))
}
