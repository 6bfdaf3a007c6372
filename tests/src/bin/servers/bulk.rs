//! OpenSearch and Elasticsearch: nothing is lost and nothing comes twice, whatever they answer.
//!
//! | forced by | answer | shown |
//! |---|---|---|
//! | `kill -9` of logpost, of the server | none | each line once |
//! | the acknowledgement taken away | item 409 | each line once |
//! | a `long` field given a text | item 400 | these records are refused, with the server's reason, and no other |
//! | `index.blocks.write` | item 403 | held, delivered when it is mended |
//! | `index.blocks.read_only_allow_delete` | item 429 | the same |
//! | `_close` | item 400 | the same |
//! | as many shards as a node may have | item 400 | the same |
//! | an alias of two indices, a default pipeline that is not there | item 400 | the same |
//! | `action.auto_create_index` | item 404 | the same |
//! | `http.max_content_length` | 413 | halved; a record that is larger by itself is refused |
//! | `indexing_pressure.memory.limit` | 429 | held |
//! | a wrong password, a user who may only read | 401, 403 | held |

use std::path::Path;

use serde_json::{Value, json};

use crate::comparison::{Comparison, Documents, expected_by_place};
use crate::server::{Name, Server, Trouble};
use crate::shipment::Shipment;
use crate::{Claims, access_log, access_log_since, front, recipes};

/// A server and where its logs are.
pub struct Bulk<'a> {
    pub server: Server,
    pub directory: &'a Path,
}

/// Method, path and body.
type Request = (&'static str, String, Value);

/// Something that keeps an index from taking anything, and is no fault of the documents.
struct Hold {
    claim: &'static str,
    index: &'static str,
    force: Vec<Request>,
    /// What the server says to each record.
    words: &'static str,
    mend: Request,
}

/// Shows all of it.
pub fn show(name: Name, directory: &Path, claims: &Claims) -> Result<(), Trouble> {
    let begin = std::time::Instant::now();
    let mut bulk = Bulk { server: Server::start(name, &directory.join("server"), &[])?, directory };
    let who = name.text();
    claims.show(who, "starts", || Ok(format!("answered after {:.1} s", begin.elapsed().as_secs_f64())));
    claims.show(who, "10000 real lines, logpost killed three times", || bulk.killed_logpost());
    claims.show(who, "a field of another type", || bulk.refused_by_mapping());
    claims.show(who, "everything sent again", || bulk.sent_again());
    bulk.show_holds(claims);
    claims.show(who, "a data stream", || bulk.data_stream());
    claims.show(who, "the documented recipes for 24 hours and their errors", || bulk.last_day());
    if name == Name::Elasticsearch {
        claims.show(who, "the documented data stream of 24 hours", || bulk.lifecycle());
        claims.show(who, "a wrong password, a user who may not write", || bulk.credentials());
    } else {
        front::show(&bulk, claims)?;
    }
    claims.show(who, "the server killed and started again", || bulk.killed_server());
    claims.show(who, "http.max_content_length", || bulk.too_large());
    claims.show(who, "indexing_pressure.memory.limit", || bulk.under_pressure());
    Ok(())
}

impl Bulk<'_> {
    fn url(&self, index: &str) -> String {
        format!("{}/{index}", self.server.url())
    }

    fn post(url: &str) -> [&str; 5] {
        ["--to", "elasticsearch", "-u", "admin:admin-secret", url]
    }

    /// A log of JSON records for an index of the same name.
    fn shipment(&self, index: &str, records: &[Value]) -> Result<Shipment, Trouble> {
        Shipment::of_records(self.directory, index, records, &Self::post(&self.url(index)))
    }

    fn count(&self, index: &str) -> Result<u64, Trouble> {
        self.server.text("POST", &format!("/{index}/_refresh"), "")?;
        let count = self.server.json("GET", &format!("/{index}/_count"), &Value::Null)?;
        Ok(count["count"].as_u64().unwrap_or_default())
    }

    /// Every document of the indices, by the place in the log that its id tells.
    fn documents(&self, indices: &str) -> Result<Documents, Trouble> {
        self.server.text("POST", &format!("/{indices}/_refresh"), "")?;
        let query = json!({"size": 2000, "sort": ["_doc"]});
        let mut page = self.server.json("POST", &format!("/{indices}/_search?scroll=1m"), &query)?;
        let mut documents = Documents::new();
        while let Some(hits) = page["hits"]["hits"].as_array().filter(|hits| !hits.is_empty()) {
            for hit in hits {
                let id = hit["_id"].as_str().unwrap_or_default();
                let place = id.split_once('-').map_or(id, |(_, place)| place);
                documents.entry(place.to_owned()).or_default().push(hit["_source"].clone());
            }
            let next = json!({"scroll": "1m", "scroll_id": page["_scroll_id"]});
            page = self.server.json("POST", "/_search/scroll", &next)?;
        }
        Ok(documents)
    }

    pub fn compare(&self, shipment: &Shipment, indices: &str) -> Result<String, Trouble> {
        self.compare_without(shipment, indices, |_| false)
    }

    /// With what the log holds but for some records, of which nothing may be there.
    pub fn compare_without(
        &self,
        shipment: &Shipment,
        indices: &str,
        is_refused: impl Fn(&Value) -> bool,
    ) -> Result<String, Trouble> {
        let mut expected = expected_by_place(shipment)?;
        expected.retain(|_, documents| !is_refused(&documents[0]));
        Comparison::of(&expected, &self.documents(indices)?).judge(0)
    }

    /// By the default index, that of the event's day.
    fn killed_logpost(&self) -> Result<String, Trouble> {
        let url = self.server.url();
        let shipment = Shipment::of_access_log(self.directory, "killed", &access_log()?, &Self::post(&url))?;
        let mut left = Vec::new();
        for _ in 0..3 {
            let answers = shipment.answers("200");
            // Some hundred requests, so that the kill comes in the middle also where it comes late.
            let mut pipeline = shipment.start_with(&["--batch-bytes", "16KiB", "--index-window", "none"])?;
            shipment.until_answers("200", answers + 12)?;
            Shipment::kill_logpost(&mut pipeline)?;
            left.push(self.count("logpipe-*")?);
        }
        let code =
            shipment.finish(&mut shipment.start_with(&["--batch-bytes", "64KiB", "--index-window", "none"])?)?;
        let text = self.compare(&shipment, "logpipe-*")?;
        let indices = self.server.text("GET", "/_cat/indices/logpipe-*?h=index&s=index", "")?;
        let days = indices.split_whitespace().collect::<Vec<_>>().join(" ");
        let errors = self.server.json("GET", "/logpipe-*/_count?q=status:%3E=500", &Value::Null)?;
        let expected = shipment.records()?.iter().filter(|record| record["status"].as_u64() >= Some(500)).count();
        if code != 0 || errors["count"] != expected || left[2] >= 10_000 {
            return Err(format!("{text}; exit code {code}, at the kills {left:?}, 5xx {errors}").into());
        }
        Ok(format!("{text}; there at the kills {left:?}; in {days}"))
    }

    fn refused_by_mapping(&self) -> Result<String, Trouble> {
        let mappings = json!({"mappings": {"properties": {"n": {"type": "long"}}}});
        self.server.json("PUT", "/mapped", &mappings)?;
        let mut records = numbered(700);
        for n in (3..700).step_by(7) {
            records[n]["n"] = json!(format!("many {n}"));
        }
        let shipment = self.shipment("mapped", &records)?;
        let code = shipment.finish(&mut shipment.start()?)?;
        let text = self.compare_without(&shipment, "mapped", |record| record["n"].is_string())?;
        let refused = shipment.refused()?;
        let kind = if self.server.name == Name::OpenSearch { "mapper" } else { "document" };
        let reason = format!("400 {kind}_parsing_exception: ");
        let right = |record: &Value| {
            record["n"].is_string() && record["_refused"].as_str().is_some_and(|text| text.starts_with(&reason))
        };
        if code != 1 || refused.len() != 100 || !refused.iter().all(right) {
            return Err(format!("exit code {code}, {} refused, first {:?}", refused.len(), refused.first()).into());
        }
        Ok(format!("{text}; 100 refused: {}", refused[0]["_refused"].as_str().unwrap_or_default()))
    }

    fn sent_again(&self) -> Result<String, Trouble> {
        let shipment = self.shipment("again", &numbered(1000))?;
        for _ in 0..3 {
            let code = shipment.finish(&mut shipment.start()?)?;
            if code != 0 {
                return Err(format!("exit code {code}; said:\n{}", shipment.said()).into());
            }
            shipment.forget_acks()?;
        }
        let text = self.compare(&shipment, "again")?;
        let stats = self.server.json("GET", "/again/_stats/indexing", &Value::Null)?;
        let failed = &stats["_all"]["primaries"]["indexing"]["index_failed"];
        Ok(format!("{text}; sent three times, the server counts {failed} conflicts"))
    }

    fn show_holds(&self, claims: &Claims) {
        let block = |name: &str, value: bool| json!({"index": {"blocks": {name: value}}});
        let cluster =
            |name: &str, value: Value| ("PUT", "/_cluster/settings".to_owned(), json!({"persistent": {name: value}}));
        let settings = |index: &str, value: Value| ("PUT", format!("/{index}/_settings"), value);
        let alias = |value: Value| ("POST", "/_aliases".to_owned(), json!({"actions": value}));
        let add =
            |index: &str, writes: bool| json!({"add": {"index": index, "alias": "alias", "is_write_index": writes}});
        let create = |index: &str| ("PUT", format!("/{index}"), Value::Null);
        let verb = |verb: &str| ("POST", format!("/closed/{verb}"), Value::Null);
        let holds = [
            Hold {
                claim: "index.blocks.write",
                index: "unwritable",
                force: vec![create("unwritable"), settings("unwritable", block("write", true))],
                words: "403 cluster_block_exception",
                mend: settings("unwritable", block("write", false)),
            },
            Hold {
                claim: "index.blocks.read_only_allow_delete",
                index: "flooded",
                force: vec![create("flooded"), settings("flooded", block("read_only_allow_delete", true))],
                words: "429 cluster_block_exception",
                mend: settings("flooded", block("read_only_allow_delete", false)),
            },
            Hold {
                claim: "a closed index",
                index: "closed",
                force: vec![create("closed"), verb("_close")],
                words: "400 index_closed_exception",
                mend: verb("_open"),
            },
            Hold {
                claim: "no more shards",
                index: "sharded",
                force: vec![cluster("cluster.max_shards_per_node", json!(1))],
                words: "400 validation_exception",
                mend: cluster("cluster.max_shards_per_node", Value::Null),
            },
            Hold {
                claim: "no index is made",
                index: "unmade",
                force: vec![cluster("action.auto_create_index", json!("false"))],
                words: "404 index_not_found_exception",
                mend: cluster("action.auto_create_index", Value::Null),
            },
            Hold {
                claim: "an alias of two indices",
                index: "alias",
                force: vec![create("left"), create("right"), alias(json!([add("left", false), add("right", false)]))],
                words: "400 illegal_argument_exception: no write index",
                mend: alias(json!([add("right", true)])),
            },
            Hold {
                claim: "a default pipeline that is not there",
                index: "piped",
                force: vec![create("piped"), settings("piped", json!({"index": {"default_pipeline": "absent"}}))],
                words: "400 illegal_argument_exception: pipeline",
                mend: settings("piped", json!({"index": {"default_pipeline": "_none"}})),
            },
        ];
        for hold in &holds {
            claims.show(self.server.name.text(), hold.claim, || self.held(hold));
        }
    }

    /// What the index cannot take is held, with the server's reason, and delivered once it can.
    fn held(&self, hold: &Hold) -> Result<String, Trouble> {
        let Hold { index, words, .. } = *hold;
        let ask = |(method, path, body): &Request| self.server.json(method, path, body).map(drop);
        hold.force.iter().try_for_each(ask)?;
        let shipment = self.shipment(index, &numbered(300))?;
        let mut pipeline = shipment.start()?;
        let said = shipment.until_said(words);
        let acked = shipment.acked();
        // Also where it was not said: what comes next is not to suffer.
        ask(&hold.mend)?;
        said?;
        let acked = acked?;
        let code = shipment.finish(&mut pipeline)?;
        let text = self.compare(&shipment, index)?;
        let refused = shipment.refused()?.len();
        if code != 0 || acked != 0 || refused != 0 {
            return Err(format!("{text}; exit code {code}, acknowledged {acked} meanwhile, refused {refused}").into());
        }
        Ok(format!("{text}; {words}, nothing acknowledged meanwhile"))
    }

    /// Where records without a time are stored too: with the time of reading.
    fn data_stream(&self) -> Result<String, Trouble> {
        let template = json!({"index_patterns": ["stream*"], "data_stream": {}, "priority": 500});
        self.server.json("PUT", "/_index_template/stream", &template)?;
        let mut records = numbered(1000);
        for record in records.iter_mut().step_by(10) {
            record.as_object_mut().and_then(|record| record.remove("time"));
        }
        let url = self.server.url();
        let post = [&Self::post(&url)[..], &["--index", "stream"]].concat();
        let shipment = Shipment::of_records(self.directory, "stream", &records, &post)?;
        let code = shipment.finish(&mut shipment.start()?)?;
        shipment.forget_acks()?;
        let code_again = shipment.finish(&mut shipment.start()?)?;
        let mut found = self.documents("stream")?;
        let mut stamped = 0;
        for document in found.values_mut().flatten() {
            if document["n"].as_u64().is_some_and(|n| n % 10 == 0) {
                let stamp = document.as_object_mut().and_then(|document| document.remove("@timestamp"));
                stamped += usize::from(stamp.is_some());
            }
        }
        let text = Comparison::of(&expected_by_place(&shipment)?, &found).judge(0)?;
        let indices = self.server.text("GET", "/_cat/indices/stream?h=index&expand_wildcards=all", "")?;
        if (code, code_again) != (0, 0) || stamped != 100 || !indices.starts_with(".ds-stream") {
            return Err(format!("{text}; exit codes {code} {code_again}, {stamped} stamped, in {indices}").into());
        }
        Ok(format!("{text}; sent twice, {stamped} with the time of reading, in {}", indices.trim()))
    }

    /// Lines of four days ago and of the last 20 hours: these stay, whichever day their index has been made on.
    fn last_day(&self) -> Result<String, Trouble> {
        let url = self.server.url();
        let (old, recent) = (access_log_since(96)?, access_log_since(20)?);
        let old = Shipment::of_access_log(self.directory, "old", &old, &Self::post(&url))?;
        let recent = Shipment::of_access_log(self.directory, "recent", &recent, &Self::post(&url))?;
        for shipment in [&old, &recent] {
            let code = shipment.finish(&mut shipment.start()?)?;
            if code != 0 {
                return Err(format!("exit code {code}; said:\n{}", shipment.said()).into());
            }
        }
        let before = self.count("logpipe-*")?;
        let errors = recipes::records("find", &self.server)?;
        recipes::run("keep", &self.server)?;
        let text = self.compare(&recent, "logpipe-*")?;
        let expected: Vec<Value> = expected_by_place(&recent)?.into_values().flatten().collect();
        let expected = || expected.iter().filter(|record| record["status"].as_u64() >= Some(500));
        let are_right = errors.len() == expected().count() && expected().all(|error| errors.contains(error));
        if !are_right || errors.is_empty() {
            return Err(format!("{text}; the recipe finds {errors:?}").into());
        }
        Ok(format!("{text}; {before} before; the last 24 hours' {} errors found", errors.len()))
    }

    /// That it deletes cannot be seen here: this build has the setting, but not the service that acts on it.
    fn lifecycle(&self) -> Result<String, Trouble> {
        recipes::run("stream", &self.server)?;
        let url = self.server.url();
        let post = [&Self::post(&url)[..], &["--index", "logpipe"]].concat();
        let shipment = Shipment::of_records(self.directory, "lifecycle", &numbered(300), &post)?;
        let code = shipment.finish(&mut shipment.start()?)?;
        let text = self.compare(&shipment, "logpipe")?;
        let state = self.server.json("GET", "/_cluster/state/metadata", &Value::Null)?;
        let stream = &state["metadata"]["data_stream"]["data_stream"]["logpipe"]["lifecycle"];
        if code != 0 || stream["data_retention"] != "1d" || stream["enabled"] != true {
            return Err(format!("{text}; exit code {code}; {stream}").into());
        }
        Ok(format!("{text}; {stream}"))
    }

    fn credentials(&self) -> Result<String, Trouble> {
        let url = self.url("secured");
        let shipment =
            Shipment::of_records(self.directory, "secured", &numbered(300), &["--to", "elasticsearch", &url])?;
        let mut acked = 0;
        for (user, words) in [("admin:wrong-secret", "401"), ("reader:reader-secret", ": 403 ")] {
            let mut pipeline = shipment.start_with(&["-u", user])?;
            shipment.until_said(words)?;
            acked = acked.max(shipment.acked()?);
            Shipment::kill_logpost(&mut pipeline)?;
        }
        let code = shipment.finish(&mut shipment.start_with(&["-u", "admin:admin-secret"])?)?;
        let text = self.compare(&shipment, "secured")?;
        let refused = shipment.refused()?.len();
        let said = shipment.said();
        if code != 0 || acked != 0 || refused != 0 || said.contains("-secret") {
            return Err(
                format!("{text}; exit code {code}, acknowledged {acked}, refused {refused}; said:\n{said}").into()
            );
        }
        let held: Vec<&str> = said.lines().filter(|line| line.contains("trying again")).collect();
        Ok(format!("{text}; {}", held.join(" | ")))
    }

    fn killed_server(&mut self) -> Result<String, Trouble> {
        let url = self.url("crashed");
        let shipment = Shipment::of_access_log(self.directory, "crashed", &access_log()?, &Self::post(&url))?;
        let mut pipeline = shipment.start_with(&["--batch-bytes", "64KiB"])?;
        shipment.until_answers("200", 4)?;
        self.server.kill();
        shipment.until_said("trying again")?;
        let acked = shipment.acked()?;
        self.server.start_again(&["http.max_content_length: 64kb"])?;
        let code = shipment.finish(&mut pipeline)?;
        let text = self.compare(&shipment, "crashed")?;
        let refused = shipment.refused()?.len();
        if code != 0 || refused != 0 || acked >= shipment.bytes() {
            return Err(format!("{text}; exit code {code}, refused {refused}, acknowledged {acked}").into());
        }
        let halved = shipment.answers("413");
        Ok(format!(
            "{text}; at byte {acked} of {}, then with http.max_content_length 64kb: {halved} times 413",
            shipment.bytes()
        ))
    }

    fn too_large(&self) -> Result<String, Trouble> {
        let mut records = numbered(1800);
        records[900]["message"] = json!("long ".repeat(20_000));
        let shipment = self.shipment("large", &records)?;
        let code = shipment.finish(&mut shipment.start()?)?;
        let text = self.compare_without(&shipment, "large", |record| record["n"] == 900)?;
        let refused = shipment.refused()?;
        let reason = refused.first().and_then(|record| record["_refused"].as_str()).unwrap_or_default();
        if code != 1 || refused.len() != 1 || !reason.starts_with("413") || refused[0]["n"] != 900 {
            return Err(format!("{text}; exit code {code}, {} refused: {reason}", refused.len()).into());
        }
        Ok(format!("{text}; {} times 413, one record of 100 kB refused: {reason}", shipment.answers("413")))
    }

    fn under_pressure(&mut self) -> Result<String, Trouble> {
        self.server.stop();
        self.server.start_again(&["indexing_pressure.memory.limit: 10kb"])?;
        let shipment = self.shipment("pressed", &numbered(1000))?;
        let mut pipeline = shipment.start()?;
        shipment.until_answers("429", 2)?;
        let acked = shipment.acked()?;
        self.server.stop();
        self.server.start_again(&[])?;
        let code = shipment.finish(&mut pipeline)?;
        let text = self.compare(&shipment, "pressed")?;
        let refused = shipment.refused()?.len();
        if code != 0 || acked != 0 || refused != 0 {
            return Err(format!("{text}; exit code {code}, acknowledged {acked} meanwhile, refused {refused}").into());
        }
        Ok(format!("{text}; {} times 429, nothing acknowledged meanwhile", shipment.answers("429")))
    }
}

/// Records that tell their number.
pub fn numbered(count: usize) -> Vec<Value> {
    let record = |n| {
        let time = format!("2026-01-01T00:00:{:02}.{:03}Z", n / 1000, n % 1000);
        json!({"time": time, "level": "info", "n": n, "message": format!("line {n}")})
    };
    (0..count).map(record).collect()
}
