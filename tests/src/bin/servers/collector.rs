//! The OpenTelemetry Collector, which writes what it gets to a file: every field arrives as it was.
//!
//! | forced by | shown |
//! |---|---|
//! | `kill -9` of logpost | each line at least once, for the protocol knows no ids |
//! | `TERM` to the Collector, which is started again | the same |
//! | a memory limiter that lets nothing through | nothing is acknowledged; when it is gone, each line once |
//! | numbers beyond a double, times before 1970, a message that is an object | taken as they are, or as text |

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::comparison::{Comparison, Documents, expected_in_collector, insert_text};
use crate::server::{Name, Server, Trouble, until};
use crate::shipment::Shipment;
use crate::{Claims, access_log};
use logpipe_tests::tools;

const WHO: &str = "otelcol";
/// Below what it needs to start.
const LIMITER: [&str; 1] = ["--set=processors::memory_limiter::limit_mib=2"];

struct Logs<'a> {
    server: Server,
    directory: &'a Path,
}

/// Shows all of it.
pub fn show(directory: &Path, claims: &Claims) -> Result<(), Trouble> {
    let mut logs = Logs { server: Server::start(Name::Collector, &directory.join("server"), &[])?, directory };
    claims.show(WHO, "10077 real lines, access and error log", || logs.both());
    claims.show(WHO, "10000 real lines, logpost killed three times", || logs.killed_logpost());
    claims.show(WHO, "the Collector stopped and started again", || logs.stopped_server());
    claims.show(WHO, "a memory limiter that lets nothing through", || logs.limited());
    claims.show(WHO, "values that the protocol has no place for", || logs.values());
    Ok(())
}

/// A value of the protocol as JSON.
fn plain(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|object| object.iter().next()) else { return Value::Null };
    match kind.as_str() {
        "intValue" => inner.as_str().and_then(|digits| digits.parse::<i64>().ok()).map_or(inner.clone(), Value::from),
        "arrayValue" => inner["values"].as_array().into_iter().flatten().map(plain).collect(),
        "kvlistValue" => Value::Object(attributes(&inner["values"])),
        _ => inner.clone(),
    }
}

fn attributes(list: &Value) -> Map<String, Value> {
    let pairs = list.as_array().into_iter().flatten();
    pairs.map(|pair| (pair["key"].as_str().unwrap_or_default().to_owned(), plain(&pair["value"]))).collect()
}

impl Logs<'_> {
    fn post(&self) -> [String; 3] {
        ["--to".to_owned(), "otlp".to_owned(), self.server.url()]
    }

    fn ship(&self, name: &str, text: &[u8]) -> Result<Shipment, Trouble> {
        let words = self.post();
        Shipment::of_access_log(self.directory, name, text, &words.each_ref().map(String::as_str))
    }

    /// What it has of a log so far.
    fn documents(&self, shipment: &Shipment) -> Result<Documents, Trouble> {
        let path = shipment.log().display().to_string();
        let mut documents = Documents::new();
        for request in serde_json::Deserializer::from_str(&self.server.records()?).into_iter::<Value>() {
            // It may be in the midst of writing the last.
            let Ok(request) = request else { break };
            let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
            let scopes = list(&request, "resourceLogs").into_iter().flat_map(|resource| list(&resource, "scopeLogs"));
            for record in scopes.flat_map(|scope| list(&scope, "logRecords")) {
                let mut document = attributes(&record["attributes"]);
                if document.get("log.file.path") != Some(&Value::String(path.clone())) {
                    continue;
                }
                for (name, ours) in [
                    ("timeUnixNano", "_time"),
                    ("severityNumber", "_severity"),
                    ("severityText", "_severity_text"),
                    ("traceId", "_trace"),
                ] {
                    let value = record.get(name).filter(|value| **value != "" && **value != 0);
                    document.extend(value.map(|value| (ours.to_owned(), value.clone())));
                }
                document.insert("_body".to_owned(), plain(&record["body"]));
                insert_text(&mut documents, document);
            }
        }
        Ok(documents)
    }

    /// It writes within a tenth of a second what it has answered for.
    fn compare(&self, shipment: &Shipment, most_twice: usize) -> Result<String, Trouble> {
        let expected = expected_in_collector(shipment)?;
        let count = |documents: &Documents| documents.values().map(Vec::len).sum::<usize>();
        // A comparison that fails says more than a wait in vain.
        let is_there = until("all in the file", || Ok(count(&self.documents(shipment)?) >= count(&expected)));
        let text = Comparison::of(&expected, &self.documents(shipment)?).judge(most_twice)?;
        is_there.map(|()| text)
    }

    fn both(&self) -> Result<String, Trouble> {
        let error_log = std::fs::read(tools::data().join("nginx/error.log"))?;
        let mut told = Vec::new();
        for (name, text) in [("access", access_log()?), ("error", error_log)] {
            let shipment = self.ship(name, &text)?;
            let code = shipment.finish(&mut shipment.start()?)?;
            let text = self.compare(&shipment, 0)?;
            if code != 0 {
                return Err(format!("{name}: {text}; exit code {code}").into());
            }
            told.push(format!("{name}: {text}"));
        }
        Ok(told.join("; "))
    }

    fn killed_logpost(&self) -> Result<String, Trouble> {
        let shipment = self.ship("killed", &access_log()?)?;
        for _ in 0..3 {
            let answers = shipment.answers("200");
            let mut pipeline = shipment.start_with(&["--batch-bytes", "64KiB"])?;
            shipment.until_answers("200", answers + 12)?;
            Shipment::kill_logpost(&mut pipeline)?;
        }
        let code = shipment.finish(&mut shipment.start()?)?;
        // What was answered and not yet acknowledged, three times over.
        let text = self.compare(&shipment, 3 * shipment.len())?;
        if code == 0 { Ok(text) } else { Err(format!("{text}; exit code {code}").into()) }
    }

    fn stopped_server(&mut self) -> Result<String, Trouble> {
        let shipment = self.ship("stopped", &access_log()?)?;
        let mut pipeline = shipment.start_with(&["--batch-bytes", "64KiB"])?;
        shipment.until_answers("200", 12)?;
        self.server.stop();
        shipment.until_said("trying again")?;
        let acked = shipment.acked()?;
        self.server.start_again(&[])?;
        let code = shipment.finish(&mut pipeline)?;
        let text = self.compare(&shipment, shipment.len())?;
        if code != 0 || acked >= shipment.bytes() {
            return Err(format!("{text}; exit code {code}, acknowledged {acked} of {}", shipment.bytes()).into());
        }
        Ok(format!("{text}; at byte {acked} of {}", shipment.bytes()))
    }

    fn limited(&mut self) -> Result<String, Trouble> {
        self.server.stop();
        self.server.start_again(&LIMITER)?;
        let shipment = self.ship("limited", &access_log()?)?;
        let mut pipeline = shipment.start()?;
        shipment.until_said("trying again")?;
        let acked = shipment.acked()?;
        let said = shipment.said();
        let cause = said.lines().find(|line| line.contains("trying again")).unwrap_or_default().to_owned();
        self.server.stop();
        self.server.start_again(&[])?;
        let code = shipment.finish(&mut pipeline)?;
        let text = self.compare(&shipment, 0)?;
        if code != 0 || acked != 0 || !shipment.refused()?.is_empty() {
            return Err(format!("{text}; exit code {code}, acknowledged {acked} meanwhile; {cause}").into());
        }
        Ok(format!("{text}; {cause}"))
    }

    fn values(&self) -> Result<String, Trouble> {
        let records = [
            json!({"time": "1969-12-31T23:59:59Z", "message": "before the epoch", "a": {"b": [1, {"c": null}]}}),
            json!({"time": "2026-01-01T00:00:00Z", "message": {"text": "an object", "n": 1}}),
            json!({"time": "2026-01-01T00:00:00Z", "message": "an id", "trace_id": "5b8efff798038103d269b633813fc60c"}),
        ];
        let mut text: Vec<u8> = records.iter().flat_map(|record| format!("{record}\n").into_bytes()).collect();
        // What serde_json has no number for.
        text.extend_from_slice(b"{\"time\":\"2026-01-01T00:00:00Z\",\"message\":\"beyond\",\"big\":1e999,\"long\":12345678901234567890123}\n");
        let words = self.post();
        let shipment = Shipment::of_lines(self.directory, "values", &text, &words.each_ref().map(String::as_str))?;
        let code = shipment.finish(&mut shipment.start()?)?;
        until("all in the file", || Ok(self.documents(&shipment)?.len() >= 4))?;
        let found = self.documents(&shipment)?;
        let has = |wanted: Value| {
            found.values().flatten().any(|document| {
                wanted.as_object().into_iter().flatten().all(|(name, value)| document.get(name) == Some(value))
            })
        };
        let are_there =
            has(json!({"_body": "before the epoch", "time": "1969-12-31T23:59:59Z", "a": {"b": [1, {"c": null}]}}))
                && has(json!({"_body": {"text": "an object", "n": 1}}))
                && has(json!({"_body": "an id", "_trace": "5b8efff798038103d269b633813fc60c"}))
                && has(json!({"_body": "beyond", "big": "1e999", "long": "12345678901234567890123"}));
        if code != 0 || !are_there || found.len() != 4 {
            return Err(format!("exit code {code}, found {found:?}; said:\n{}", shipment.said()).into());
        }
        Ok("4 records, each value as it was or as text".to_owned())
    }
}
