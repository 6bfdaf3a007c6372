//! VictoriaLogs, which answers 200 to everything: what it would drop is refused before it is sent, and by its own counters
//! it has dropped nothing.
//!
//! | forced by | shown |
//! |---|---|
//! | `kill -9` of logpost | each line at least once, for it knows no ids |
//! | `TERM` to the server, which is started again | the same |
//! | times out of its range, 256 KiB, 1000 fields, a name of 129 bytes | refused here, and nothing around them |
//! | `-storage.minFreeDiskSpaceBytes` beyond the disk: read-only | held |
//! | a wrong path, which it answers with 400 | held |

use std::path::Path;

use serde_json::{Value, json};

use crate::comparison::{Comparison, Documents, expected_as_texts, insert_text};
use crate::server::{Name, Server, Trouble, until};
use crate::shipment::Shipment;
use crate::{Claims, access_log, access_log_since, recipes};

const WHO: &str = "victorialogs";
/// The real lines are from 2015.
const LONG: [&str; 1] = ["-retentionPeriod=100y"];
const RETENTION: [&str; 2] = ["--retention", "36500d"];

struct Logs<'a> {
    server: Server,
    directory: &'a Path,
}

/// Shows all of it.
pub fn show(directory: &Path, claims: &Claims) -> Result<(), Trouble> {
    let mut logs = Logs { server: Server::start(Name::VictoriaLogs, &directory.join("server"), &LONG)?, directory };
    claims.show(WHO, "10000 real lines, logpost killed three times", || logs.killed_logpost());
    claims.show(WHO, "the server stopped and started again", || logs.stopped_server());
    claims.show(WHO, "a server without space", || logs.without_space());
    claims.show(WHO, "a wrong path", || logs.wrong_path());
    let day = Server::start(Name::VictoriaLogs, &directory.join("day"), &["-retentionPeriod=1d"])?;
    let logs = Logs { server: day, directory };
    claims.show(WHO, "10000 lines of the last 20 hours, kept for 24, their errors found", || logs.last_day());
    claims.show(WHO, "what it would drop", || logs.dropped());
    Ok(())
}

impl Logs<'_> {
    fn post<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["--to", "victorialogs", url], more].concat()
    }

    /// The documents of a log.
    fn documents(&self, shipment: &Shipment) -> Result<Documents, Trouble> {
        self.server.text("GET", "/internal/force_flush", "")?;
        let path = shipment.log().display().to_string();
        let text = self.server.text("GET", &format!("/select/logsql/query?query=file_path:=%22{path}%22"), "")?;
        let mut documents = Documents::new();
        for document in serde_json::Deserializer::from_str(&text).into_iter::<serde_json::Map<String, Value>>() {
            let mut document = document?;
            let stream = document.remove("_stream").unwrap_or_default();
            if stream != format!("{{file_path=\"{path}\"}}") {
                return Err(format!("a stream of another name: {stream}").into());
            }
            document.remove("_stream_id");
            insert_text(&mut documents, document);
        }
        Ok(documents)
    }

    fn compare(&self, shipment: &Shipment, most_twice: usize) -> Result<String, Trouble> {
        let expected = expected_as_texts(shipment)?;
        Comparison::of(&expected, &self.documents(shipment)?).judge(most_twice)
    }

    /// What it says that it has dropped, by any of its counters; an error unless that is nothing.
    fn nothing_dropped(&self) -> Result<String, Trouble> {
        let metrics = self.server.text("GET", "/metrics", "")?;
        let counters: Vec<&str> = metrics
            .lines()
            .filter(|line| line.starts_with("vl_rows_dropped_total") || line.starts_with("vl_too_long_lines_skipped"))
            .collect();
        if counters.len() < 2 || counters.iter().any(|line| !line.ends_with(" 0")) {
            return Err(counters.join(", ").into());
        }
        Ok(format!("{} drop counters at 0", counters.len()))
    }

    fn killed_logpost(&self) -> Result<String, Trouble> {
        let url = self.server.url();
        let shipment =
            Shipment::of_access_log(self.directory, "killed", &access_log()?, &Self::post(&url, &RETENTION))?;
        for _ in 0..3 {
            let answers = shipment.answers("200");
            let mut pipeline = shipment.start_with(&["--batch-bytes", "64KiB"])?;
            shipment.until_answers("200", answers + 12)?;
            Shipment::kill_logpost(&mut pipeline)?;
        }
        let code = shipment.finish(&mut shipment.start()?)?;
        // What was answered and not yet acknowledged, three times over.
        let text = self.compare(&shipment, 3 * shipment.len())?;
        if code != 0 {
            return Err(format!("{text}; exit code {code}").into());
        }
        Ok(format!("{text}; {}", self.nothing_dropped()?))
    }

    fn stopped_server(&mut self) -> Result<String, Trouble> {
        let url = self.server.url();
        let shipment =
            Shipment::of_access_log(self.directory, "stopped", &access_log()?, &Self::post(&url, &RETENTION))?;
        let mut pipeline = shipment.start_with(&["--batch-bytes", "64KiB"])?;
        shipment.until_answers("200", 12)?;
        self.server.stop();
        shipment.until_said("trying again")?;
        let acked = shipment.acked()?;
        self.server.start_again(&LONG)?;
        let code = shipment.finish(&mut pipeline)?;
        let text = self.compare(&shipment, shipment.len())?;
        if code != 0 || acked >= shipment.bytes() {
            return Err(format!("{text}; exit code {code}, acknowledged {acked} of {}", shipment.bytes()).into());
        }
        Ok(format!("{text}; at byte {acked} of {}", shipment.bytes()))
    }

    fn without_space(&mut self) -> Result<String, Trouble> {
        self.server.stop();
        self.server.start_again(&[LONG[0], "-storage.minFreeDiskSpaceBytes=1000TiB"])?;
        let url = self.server.url();
        let shipment = Shipment::of_access_log(self.directory, "full", &access_log()?, &Self::post(&url, &RETENTION))?;
        let mut pipeline = shipment.start()?;
        shipment.until_said("trying again")?;
        let acked = shipment.acked()?;
        self.server.stop();
        self.server.start_again(&LONG)?;
        let code = shipment.finish(&mut pipeline)?;
        let text = self.compare(&shipment, 0)?;
        let said = shipment.said();
        let cause = said.lines().find(|line| line.contains("trying again")).unwrap_or_default();
        if code != 0 || acked != 0 || !shipment.refused()?.is_empty() {
            return Err(format!("{text}; exit code {code}, acknowledged {acked} meanwhile; {cause}").into());
        }
        Ok(format!("{text}; {cause}"))
    }

    /// A single record, too, is held: it is not at fault.
    fn wrong_path(&self) -> Result<String, Trouble> {
        let mut causes = Vec::new();
        for (name, records) in [("one", &[json!({"n": 1})][..]), ("two", &[json!({"n": 1}), json!({"n": 2})])] {
            let url = format!("{}/nowhere", self.server.url());
            let shipment = Shipment::of_records(self.directory, name, records, &["--to", "victorialogs", &url])?;
            let mut pipeline = shipment.start()?;
            until("an answer", || Ok(shipment.said().contains("trying again") || !shipment.refused()?.is_empty()))?;
            let refused = shipment.refused()?.len();
            let acked = shipment.acked()?;
            Shipment::kill_logpost(&mut pipeline)?;
            let said = shipment.said();
            let cause = said.lines().find(|line| line.contains("trying again")).unwrap_or_default().to_owned();
            if refused != 0 || acked != 0 {
                return Err(format!("{name}: refused {refused}, acknowledged {acked}; {cause}").into());
            }
            causes.push(cause);
        }
        Ok(causes.swap_remove(0))
    }

    fn last_day(&self) -> Result<String, Trouble> {
        let url = self.server.url();
        let shipment = Shipment::of_access_log(
            self.directory,
            "day-log",
            &access_log_since(20)?,
            &Self::post(&url, &["--retention", "1d"]),
        )?;
        let code = shipment.finish(&mut shipment.start()?)?;
        let text = self.compare(&shipment, 0)?;
        let errors = recipes::records("find", &self.server)?;
        let expected = shipment.records()?.into_iter().filter(|record| record["status"].as_u64() >= Some(500));
        let are_right = expected.clone().all(|record| errors.iter().any(|error| error["_time"] == record["time"]));
        if code != 0 || !are_right || errors.len() != expected.count() || errors.is_empty() {
            return Err(format!("{text}; exit code {code}; the recipe finds {errors:?}").into());
        }
        Ok(format!("{text}; {}; the last 24 hours' {} errors found", self.nothing_dropped()?, errors.len()))
    }

    fn dropped(&self) -> Result<String, Trouble> {
        let now = jiff::Timestamp::now();
        let at = |hours: i64| (now + jiff::SignedDuration::from_hours(hours)).to_string();
        let long = json!({"time": at(0), "message": "long ".repeat(60_000)});
        let mut many = json!({"time": at(0)});
        for n in 0..1001 {
            many[format!("f{n}")] = json!(n);
        }
        let bad = [
            (json!({"time": at(-25), "message": "old"}), "older than --retention"),
            (json!({"time": at(49), "message": "ahead"}), "ahead"),
            (long.clone(), "256 KiB"),
            (many, "fields"),
            (json!({"time": at(0), "k".repeat(129): 1}), "name of 129 bytes"),
            (long, "256 KiB"),
        ];
        let good = |n: i64| json!({"time": at(-n % 20), "n": n, "message": format!("line {n}")});
        let mut records: Vec<Value> = (0..200).map(good).collect();
        for (place, (record, _)) in (100..).zip(&bad) {
            records.insert(place, record.clone());
        }
        // Short lines behind a long one at the end of a body are those that it loses.
        records.swap(100 + bad.len() - 1, 200);
        let url = self.server.url();
        let shipment =
            Shipment::of_records(self.directory, "dropped", &records, &Self::post(&url, &["--retention", "1d"]))?;
        let code = shipment.finish(&mut shipment.start()?)?;
        let mut expected = expected_as_texts(&shipment)?;
        expected.retain(|_, documents| !documents[0]["n"].is_null());
        let text = Comparison::of(&expected, &self.documents(&shipment)?).judge(0)?;
        let refused = shipment.refused()?;
        let reasons: Vec<&str> = refused.iter().filter_map(|record| record["_refused"].as_str()).collect();
        let expected = bad.iter().map(|(_, words)| *words);
        let right =
            reasons.len() == bad.len() && reasons.iter().zip(expected).all(|(reason, words)| reason.contains(words));
        if code != 1 || !right {
            return Err(format!("{text}; exit code {code}, refused {reasons:?}").into());
        }
        Ok(format!("{text}; 6 refused; {}", self.nothing_dropped()?))
    }
}
