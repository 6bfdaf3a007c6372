//! What a server should hold, told from the log alone, against what it holds, field by field.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::server::Trouble;
use crate::shipment::Shipment;

/// The documents that a server should hold, by a key that each has.
pub type Documents = BTreeMap<String, Vec<Value>>;

/// In Elasticsearch and OpenSearch: the key is the part of the id that tells the place in the log.
pub fn expected_by_place(shipment: &Shipment) -> Result<Documents, Trouble> {
    let mut documents = Documents::new();
    for ((start, end), record) in shipment.offsets().into_iter().zip(shipment.records()?) {
        let document = renamed(record, shipment, &[("time", "@timestamp")]);
        documents.insert(format!("{start:012x}-{end:012x}"), vec![Value::Object(document)]);
    }
    Ok(documents)
}

/// In VictoriaLogs, which has no ids, and knows nothing but texts: the key is the whole document.
pub fn expected_as_texts(shipment: &Shipment) -> Result<Documents, Trouble> {
    let mut documents = Documents::new();
    for record in shipment.records()? {
        let mut document = renamed(record, shipment, &[("time", "_time"), ("message", "_msg")]);
        if !document.contains_key("_msg") {
            document.insert("_msg".to_owned(), Value::String(request(&document)));
        }
        let texts = document.into_iter().map(|(name, value)| (name, Value::String(text(&value))));
        // There an empty field is no field.
        insert_text(&mut documents, texts.filter(|(_, value)| value != "").collect());
    }
    Ok(documents)
}

/// In Loki: labels, time, line and structured metadata. A line of JSON is compared as what it holds.
pub fn expected_in_loki(shipment: &Shipment) -> Result<Documents, Trouble> {
    let mut documents = Documents::new();
    let mut before = None;
    for ((start, _), record) in shipment.offsets().into_iter().zip(shipment.records()?) {
        let Value::Object(mut record) = record else { return Err("no object".into()) };
        let time = record.remove("time").as_ref().and_then(Value::as_str).map(str::to_owned).or(before);
        let time = time.ok_or("no time, nor one before it")?;
        before = Some(time.clone());
        let at: jiff::Timestamp = time.parse()?;
        let digits = time.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
        let unknown = 10_i128.pow(9 - u32::try_from(digits)?);
        let nanoseconds = at.as_nanosecond() + i128::from(start) % unknown;
        let path = shipment.log().display().to_string();
        let mut document = Map::new();
        if let Some(line) = record.remove("message") {
            document.extend(record.into_iter().map(|(name, value)| (name, Value::String(text(&value)))));
            document.insert("_line".to_owned(), line);
        } else {
            record.insert("file_path".to_owned(), path.clone().into());
            record.insert("time".to_owned(), at.to_string().into());
            document.insert("_line".to_owned(), sorted(record));
        }
        document.insert("_filename".to_owned(), path.into());
        document.insert("_time".to_owned(), nanoseconds.to_string().into());
        insert_text(&mut documents, document);
    }
    Ok(documents)
}

/// With its members in the order of their names: so equal ones have equal texts.
pub fn sorted(object: Map<String, Value>) -> Value {
    Value::Object(object.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect())
}

/// In the Collector: what a record of OpenTelemetry has, and its attributes.
pub fn expected_in_collector(shipment: &Shipment) -> Result<Documents, Trouble> {
    let mut documents = Documents::new();
    let mut before = None;
    for record in shipment.records()? {
        let mut document = renamed(record, shipment, &[("message", "_body"), ("level", "_severity_text")]);
        if let Some(path) = document.remove("file_path") {
            document.insert("log.file.path".to_owned(), path);
        }
        let time = document.remove("time").as_ref().and_then(Value::as_str).map(str::to_owned).or(before);
        let time = time.ok_or("no time, nor one before it")?;
        let at: jiff::Timestamp = time.parse()?;
        before = Some(time);
        document.insert("_time".to_owned(), at.as_nanosecond().to_string().into());
        if !document.contains_key("_body") {
            document.insert("_body".to_owned(), request(&document).into());
        }
        let severity = match document.get("_severity_text").and_then(Value::as_str) {
            None => None,
            Some("debug") => Some(5),
            Some("info") => Some(9),
            Some("notice") => Some(10),
            Some("warn") => Some(13),
            Some("error") => Some(17),
            Some("crit") => Some(18),
            Some("alert") => Some(19),
            Some("emerg") => Some(21),
            Some(level) => return Err(format!("no level of nginx: {level}").into()),
        };
        document.extend(severity.map(|number| ("_severity".to_owned(), number.into())));
        insert_text(&mut documents, document);
    }
    Ok(documents)
}

/// What an access record says in place of a message.
fn request(document: &Map<String, Value>) -> String {
    let parts = ["request_method", "request_uri", "server_protocol", "request", "status"];
    parts.iter().filter_map(|name| document.get(*name)).map(text).collect::<Vec<_>>().join(" ")
}

/// Adds a document under its own text.
pub fn insert_text(documents: &mut Documents, document: Map<String, Value>) {
    let sorted: BTreeMap<_, _> = document.iter().collect();
    let key = format!("{sorted:?}");
    documents.entry(key).or_default().push(Value::Object(document));
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn renamed(record: Value, shipment: &Shipment, names: &[(&str, &str)]) -> Map<String, Value> {
    let Value::Object(record) = record else { return Map::new() };
    let mut document = Map::new();
    document.insert("file_path".to_owned(), Value::String(shipment.log().display().to_string()));
    for (name, value) in record {
        let found = names.iter().find(|(known, _)| *known == name);
        document.insert(found.map_or(name.clone(), |(_, new)| (*new).to_owned()), value);
    }
    document
}

/// How what is there differs from what should be.
#[derive(Default)]
pub struct Comparison {
    records: usize,
    lost: Vec<String>,
    twice: usize,
    unknown: Vec<String>,
    fields: usize,
    differing: Vec<String>,
}

impl Comparison {
    pub fn of(expected: &Documents, found: &Documents) -> Self {
        let mut comparison = Self { records: found.values().map(Vec::len).sum(), ..Self::default() };
        for (key, wanted) in expected {
            let held = found.get(key).map_or(&[][..], Vec::as_slice);
            if held.len() < wanted.len() {
                comparison.lost.push(key.clone());
            }
            comparison.twice += held.len().saturating_sub(wanted.len());
            for document in held {
                comparison.compare(key, &wanted[0], document);
            }
        }
        comparison.unknown = found.keys().filter(|key| !expected.contains_key(*key)).cloned().collect();
        comparison
    }

    fn compare(&mut self, key: &str, wanted: &Value, held: &Value) {
        let (Some(wanted), Some(held)) = (wanted.as_object(), held.as_object()) else {
            self.differing.push(format!("{key}: no object"));
            return;
        };
        self.fields += wanted.len();
        for name in wanted.keys().chain(held.keys()) {
            let (value, other) = (wanted.get(name), held.get(name));
            if value != other {
                self.differing.push(format!("{key}: {name}: expected {value:?}, found {other:?}"));
            }
        }
    }

    /// In one line; an error unless all is there with every field. `most_twice` documents may be there again.
    pub fn judge(&self, most_twice: usize) -> Result<String, Trouble> {
        let Self { records, fields, twice, .. } = self;
        let (lost, unknown, differing) = (self.lost.len(), self.unknown.len(), self.differing.len());
        let text = format!(
            "{records} records, {fields} fields compared, {differing} differ; lost {lost}, twice {twice}, unknown {unknown}"
        );
        if lost + unknown + differing > 0 || *twice > most_twice {
            let first = [&self.lost, &self.unknown, &self.differing].into_iter().filter_map(|list| list.first());
            return Err(format!("{text}; first: {}", first.cloned().collect::<Vec<_>>().join(" | ")).into());
        }
        Ok(text)
    }
}
