//! Loki, with its own defaults unless a claim says otherwise: nothing is refused that it has or would take, nothing is lost,
//! and what is sent again it knows.
//!
//! | forced by | shown |
//! |---|---|
//! | a quiet log of six days, in one go | all of it is taken: no request overtakes another |
//! | a line without a time in a log that is days old | it does not make the lines behind it too old |
//! | `kill -9` of logpost, four times | no line is lost, none refused, and with streams that are not sharded none there twice |
//! | names in other alphabets, names that Loki makes alike | a value for each |
//! | structured metadata switched off | the records as lines of JSON, said once |
//! | a line two hours behind its stream | refused by its name, and nothing around it |
//! | `ingestion_rate_mb` and its burst below a batch | halved until it fits |

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::comparison::{Comparison, Documents, expected_in_loki, insert_text, sorted};
use crate::server::{Name, Server, Trouble, until};
use crate::shipment::Shipment;
use crate::{Claims, access_log, access_log_every};

const WHO: &str = "loki";
/// The real lines are from 2015.
const OLD: &str = "-validation.reject-old-samples=false";
const LONG: [&str; 2] = ["--retention", "36500d"];

struct Logs<'a> {
    server: Server,
    directory: &'a Path,
}

/// Shows all of it.
pub fn show(directory: &Path, claims: &Claims) -> Result<(), Trouble> {
    let start = |name: &str, settings: &[&str]| -> Result<Logs<'_>, Trouble> {
        Ok(Logs { server: Server::start(Name::Loki, &directory.join(name), settings)?, directory })
    };
    let logs = start("default", &[])?;
    claims.show(WHO, "8630 lines of six days", || logs.quiet());
    claims.show(WHO, "an old error log, one line without a time", || logs.line_without_time());
    claims.show(WHO, "names that Loki cannot have", || logs.names());
    claims.show(WHO, "a line two hours behind its stream", || logs.behind());
    drop(logs);
    let logs = start("old", &[OLD, "-shard-streams.enabled=false"])?;
    claims.show(WHO, "10000 old lines, options as by default", || logs.old());
    claims.show(WHO, "10000 old lines, logpost killed four times", || logs.killed());
    drop(logs);
    let logs = start("plain", &["-validation.allow-structured-metadata=false"])?;
    claims.show(WHO, "structured metadata switched off", || logs.without_metadata());
    drop(logs);
    let limits = ["-distributor.ingestion-rate-limit-mb=0.2", "-distributor.ingestion-burst-size-mb=0.2"];
    let logs = start("slow", &[&limits[..], &[OLD]].concat())?;
    claims.show(WHO, "batches above the burst", || logs.above_burst());
    Ok(())
}

/// Everything in what a stream tells of a line that Loki has added by itself.
const ADDED: [&str; 2] = ["service_name", "detected_level"];

impl Logs<'_> {
    fn ship(&self, name: &str, text: &[u8], more: &[&str]) -> Result<Shipment, Trouble> {
        let url = self.server.url();
        Shipment::of_access_log(self.directory, name, text, &[&["--to", "loki", &url], more].concat())
    }

    /// The lines of a log, between the times of those that it should have.
    fn documents(&self, shipment: &Shipment, expected: &Documents) -> Result<Documents, Trouble> {
        let times = expected.values().flatten().filter_map(|document| document["_time"].as_str()?.parse::<i128>().ok());
        let (first, last) = (times.clone().min().ok_or("nothing expected")?, times.max().unwrap_or_default());
        // Of what is older than three hours it asks its store alone.
        self.server.text("POST", "/flush", "")?;
        let path = shipment.log().display().to_string();
        let query = format!(
            "/loki/api/v1/query_range?query=%7Bfilename=%22{path}%22%7D&limit=1000000&direction=forward&start={first}&end={}",
            last + 1
        );
        let answer = self.server.json("GET", &query, &Value::Null)?;
        let mut documents = Documents::new();
        for stream in answer["data"]["result"].as_array().ok_or("no result")? {
            let labels = stream["stream"].as_object().ok_or("no labels")?;
            for value in stream["values"].as_array().ok_or("no values")? {
                let mut document: Map<String, Value> =
                    value[2]["structuredMetadata"].as_object().cloned().unwrap_or_default();
                let line = value[1].as_str().unwrap_or_default();
                let line = match serde_json::from_str::<Value>(line) {
                    Ok(Value::Object(object)) => sorted(object),
                    _ => line.into(),
                };
                document.extend(labels.iter().map(|(name, value)| (format!("_{name}"), value.clone())));
                for name in ADDED {
                    document.remove(name);
                    document.remove(&format!("_{name}"));
                }
                // Loki's own word for a stream that it has parted because it came fast.
                document.remove("___stream_shard__");
                document.insert("_line".to_owned(), line);
                document.insert("_time".to_owned(), value[0].clone());
                insert_text(&mut documents, document);
            }
        }
        Ok(documents)
    }

    fn compare(&self, shipment: &Shipment, most_twice: usize) -> Result<String, Trouble> {
        self.judge(shipment, &expected_in_loki(shipment)?, most_twice)
    }

    /// Its index knows some time after the flush what was flushed.
    fn judge(&self, shipment: &Shipment, expected: &Documents, most_twice: usize) -> Result<String, Trouble> {
        let count = |documents: &Documents| documents.values().map(Vec::len).sum::<usize>();
        // A comparison that fails says more than a wait in vain.
        let is_there = until("all lines", || Ok(count(&self.documents(shipment, expected)?) >= count(expected)));
        let text = Comparison::of(expected, &self.documents(shipment, expected)?).judge(most_twice)?;
        is_there.map(|()| text)
    }

    /// Ships a log whose every line is to be there once and none refused.
    fn ship_all(&self, shipment: &Shipment) -> Result<String, Trouble> {
        let code = shipment.finish(&mut shipment.start()?)?;
        let refused = shipment.refused()?.len();
        let text = self.compare(shipment, 0)?;
        if code != 0 || refused != 0 {
            return Err(format!("{text}; exit code {code}, refused {refused}; said:\n{}", shipment.said()).into());
        }
        Ok(format!("{text}; refused 0"))
    }

    fn quiet(&self) -> Result<String, Trouble> {
        self.ship_all(&self.ship("quiet", &access_log_every(60, 6 * 24, 8630)?, &["--batch-bytes", "64KiB"])?)
    }

    fn line_without_time(&self) -> Result<String, Trouble> {
        let mut time = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(5 * 24);
        let mut text = String::new();
        for n in 0..1001 {
            time += jiff::SignedDuration::from_secs(60);
            let stamp = time.strftime("%Y/%m/%d %H:%M:%S");
            if n == 498 {
                text.push_str("a line that nginx did not write\n");
            } else {
                writeln!(text, "{stamp} [error] 7#7: *{n} open() \"/x{n}\" failed (2: No such file or directory)")?;
            }
        }
        self.ship_all(&self.ship("untimed", text.as_bytes(), &["--batch-bytes", "16KiB"])?)
    }

    fn old(&self) -> Result<String, Trouble> {
        self.ship_all(&self.ship("old-log", &access_log()?, &LONG)?)
    }

    fn killed(&self) -> Result<String, Trouble> {
        let shipment = self.ship("killed", &access_log()?, &LONG)?;
        for _ in 0..4 {
            let answers = shipment.answers("204");
            let mut pipeline = shipment.start_with(&["--batch-bytes", "64KiB"])?;
            shipment.until_answers("204", answers + 5)?;
            Shipment::kill_logpost(&mut pipeline)?;
        }
        let code = shipment.finish(&mut shipment.start()?)?;
        let text = self.compare(&shipment, 0)?;
        let refused = shipment.refused()?.len();
        if code != 0 || refused != 0 {
            return Err(format!("{text}; exit code {code}, refused {refused}; said:\n{}", shipment.said()).into());
        }
        Ok(format!("{text}; refused 0"))
    }

    fn names(&self) -> Result<String, Trouble> {
        let time = (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1)).to_string();
        let records = [
            json!({"time": time, "message": "a", "ключ": "1", "é": "2", "": "3", "_": "4"}),
            json!({"time": time, "message": "b", "a.b": "1", "a_b": "2", "a-b": "3", "a__b": "4"}),
            json!({"time": time, "message": "c", "1a": "1", "__name__": "2"}),
        ];
        let url = self.server.url();
        let shipment = Shipment::of_records(self.directory, "names", &records, &["--to", "loki", &url])?;
        let code = shipment.finish(&mut shipment.start()?)?;
        let expected = expected_in_loki(&shipment)?;
        let found = self.documents(&shipment, &expected)?;
        let mut told = Vec::new();
        for document in found.values().flatten().filter_map(Value::as_object) {
            let fields = document.iter().filter(|(name, _)| !["_line", "_time", "_filename"].contains(&name.as_str()));
            told.push((
                document["_line"].clone(),
                fields.clone().count(),
                fields.map(|(name, _)| name.clone()).collect(),
            ));
        }
        told.sort_by_key(|(line, _, _): &(Value, usize, Vec<String>)| line.to_string());
        let counts: Vec<usize> = told.iter().map(|(_, count, _)| *count).collect();
        if code != 0 || counts != [4, 4, 2] {
            return Err(format!("exit code {code}, found {told:?}; said:\n{}", shipment.said()).into());
        }
        Ok(format!("a value for each: {told:?}"))
    }

    fn behind(&self) -> Result<String, Trouble> {
        let now = jiff::Timestamp::now();
        let at = |minutes: i64| (now - jiff::SignedDuration::from_mins(minutes)).to_string();
        let mut records: Vec<Value> =
            (0..20).map(|n| json!({"time": at(60 - n), "message": format!("line {n}"), "n": n.to_string()})).collect();
        records.insert(10, json!({"time": at(180), "message": "behind"}));
        let url = self.server.url();
        let shipment = Shipment::of_records(self.directory, "behind", &records, &["--to", "loki", &url])?;
        let code = shipment.finish(&mut shipment.start()?)?;
        let mut expected = expected_in_loki(&shipment)?;
        expected.retain(|_, documents| documents[0]["_line"] != "behind");
        let text = self.judge(&shipment, &expected, 0)?;
        let refused = shipment.refused()?;
        let is_named = refused.len() == 1
            && refused[0]["message"] == "behind"
            && refused[0]["_refused"].as_str().is_some_and(|reason| reason.contains("too far behind"));
        if code != 1 || !is_named {
            return Err(format!("{text}; exit code {code}, refused {refused:?}; said:\n{}", shipment.said()).into());
        }
        Ok(format!("{text}; refused: {}", refused[0]["_refused"]))
    }

    fn without_metadata(&self) -> Result<String, Trouble> {
        let time = |n: i64| (jiff::Timestamp::now() - jiff::SignedDuration::from_mins(300 - n)).to_string();
        let records: Vec<Value> =
            (0..200).map(|n| json!({"time": time(n), "message": format!("line {n}"), "level": "info"})).collect();
        let url = self.server.url();
        let shipment = Shipment::of_records(self.directory, "plain-log", &records, &["--to", "loki", &url])?;
        let code = shipment.finish(&mut shipment.start()?)?;
        let expected = expected_in_loki(&shipment)?;
        until("all lines", || Ok(self.documents(&shipment, &expected)?.len() >= 200))?;
        let found = self.documents(&shipment, &expected)?;
        let lines: Vec<&Value> = found.values().flatten().map(|document| &document["_line"]).collect();
        let are_whole = lines.len() == 200
            && records.iter().all(|record| {
                lines.iter().any(|line| line["message"] == record["message"] && line["level"] == record["level"])
            });
        let said = shipment.said();
        let times_said = said.lines().filter(|line| line.contains("lines of JSON")).count();
        if code != 0 || !are_whole || times_said != 1 {
            return Err(format!("exit code {code}, found {}, said:\n{said}", lines.len()).into());
        }
        Ok(format!("{} lines of JSON, said once", lines.len()))
    }

    fn above_burst(&self) -> Result<String, Trouble> {
        let shipment = self.ship("burst", &access_log()?, &LONG)?;
        let text = self.ship_all(&shipment)?;
        match shipment.answers("429") {
            0 => Err(format!("{text}; no 429, so nothing was shown").into()),
            busy => Ok(format!("{text}; {busy} times 429")),
        }
    }
}
