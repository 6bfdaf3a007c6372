//! One record has one time and one level, whichever tool looks: those by which logfilter decides are those that logpost sends
//! and that `logparse --pretty` shows.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use logfilter::{Judgement, Query, Subject, parse};
use logline::names::{LEVELS, TIMES};
use logline::time::Zone;
use logpipe_tests::shell::{assert_status, run, text};
use serde_json::{Map, Value, json};

/// A small generator, so that a failure comes again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn one<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// A name in another case now and then.
fn spelled(name: &str, random: &mut Random) -> String {
    match random.below(4) {
        0 => name.to_uppercase(),
        1 => name[..1].to_uppercase() + &name[1..],
        _ => name.to_owned(),
    }
}

fn record(random: &mut Random) -> Map<String, Value> {
    let times = [
        json!("2010-02-03T04:05:06Z"),
        json!("2011-02-03 04:05:06,789 +0200"),
        json!("12/Mar/2012:04:05:06 -0700"),
        json!("2013-02-03 04:05:06"),
        json!(1_400_000_000),
        json!(1_400_000_000_123_u64),
        json!("1400000000123456"),
        json!(1_400_000_001.5),
        json!("Mon Feb  3 04:05:06 2014"),
        json!("2014-02-03 04:05:06 CET"),
        json!("2014-02-31T04:05:06Z"),
        json!("2014-02-03T25:05:06Z"),
        json!("2014-02-03T04:05:06+99:00"),
        json!("0000-02-03T04:05:06Z"),
        json!("2014-02-03"),
        json!(12),
        json!(-1_400_000_000),
        json!(1e300),
        json!("12ms"),
        json!(""),
        json!(null),
        json!(true),
        json!({"a": 1}),
        json!([1_400_000_000]),
    ];
    let levels = [
        json!("warn"),
        json!("ERROR "),
        json!("Fatal"),
        json!("emergency"),
        json!(50),
        json!(400),
        json!("30"),
        json!(3),
        json!(35),
        json!("loud"),
        json!(""),
        json!(null),
        json!({"name": "info"}),
        json!(["warn"]),
    ];
    let mut record = Map::new();
    for _ in 0..random.below(4) {
        let name = *random.one(&TIMES[..]);
        record.insert(spelled(name, random), random.one(&times).clone());
    }
    for _ in 0..random.below(4) {
        let name = *random.one(&LEVELS[..]);
        record.insert(spelled(name, random), random.one(&levels).clone());
    }
    if random.below(5) == 0 {
        record.insert("log".to_owned(), json!({"level": random.one(&levels)}));
    }
    record.insert("n".to_owned(), json!(1));
    record
}

/// The names of the levels by the numbers of OpenTelemetry.
fn level_of(document: &Value) -> Option<&'static str> {
    if document["severityText"].as_str().is_some_and(|text| text.eq_ignore_ascii_case("fatal")) {
        return Some("crit");
    }
    Some(match document.get("severityNumber")?.as_u64()? {
        1 => "trace",
        5 => "debug",
        9 => "info",
        10 => "notice",
        13 => "warn",
        17 => "error",
        18 => "crit",
        19 => "alert",
        21 => "emerg",
        number => panic!("{number}"),
    })
}

fn holds(condition: &str, line: &str) -> bool {
    let zone = Zone::Fixed(0);
    let mut query = Query::new(&[parse(condition, &zone).unwrap()], None, None, zone, false);
    query.judge(&Subject::new(line.as_bytes())) == Judgement::Holds
}

#[test]
fn a_record_has_one_time_and_one_level_in_all_tools() {
    let mut random = Random(11);
    let records: Vec<Map<String, Value>> = (0..2000).map(|_| record(&mut random)).collect();
    let lines: Vec<String> = records.iter().map(|record| serde_json::to_string(record).unwrap()).collect();
    let input = lines.join("\n") + "\n";
    let written = |command: &str| {
        let output = run(command, input.as_bytes());
        assert_status(&output, 0);
        text(&output.stdout)
    };
    let documents = |text: String| -> Vec<Value> {
        text.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let bulk = documents(written("logpost --dry-run --to elasticsearch http://127.0.0.1:9"));
    let sent: Vec<&Value> = bulk.iter().filter(|document| document.get("create").is_none()).collect();
    let logs = documents(written("logpost --dry-run --to otlp http://127.0.0.1:9"));
    let logs: Vec<&Value> = logs
        .iter()
        .flat_map(|request| request["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap())
        .collect();
    let pretty = written("logparse text --pretty");
    let pretty: Vec<&str> = pretty.lines().collect();
    assert_eq!((sent.len(), logs.len(), pretty.len()), (lines.len(), lines.len(), lines.len()));
    let (mut with_time, mut with_level) = (0, 0);
    let mut before = None;
    for (((line, record), (sent, log)), pretty) in lines.iter().zip(&records).zip(sent.iter().zip(&logs)).zip(pretty) {
        let time = sent["@timestamp"].as_str().unwrap();
        // None of the records is of this time: it is that of reading. One without a time takes that of the one before it.
        let time = (time < "2020").then_some(time);
        let own = time.filter(|time| holds(&format!("time == '{time}'"), line));
        with_time += usize::from(own.is_some());
        match own {
            Some(_) => before = own,
            None => assert!(time == before && !holds("time < 2020-01-01", line), "{time:?} after {before:?}: {line}"),
        }
        let time = own;
        let level = level_of(log);
        with_level += usize::from(level.is_some());
        match level {
            Some(level) => assert!(holds(&format!("level == {level}"), line), "{level}: {line}"),
            None => assert!(!holds("level >= trace", line), "no level: {line}"),
        }
        // The member that is sent as the time is the one that is shown first, then the level.
        let is_sent = |key: &String| sent.get(key).is_some() || sent.get(format!("{key}_")).is_some();
        let shown = record.iter().find(|(key, _)| time.is_some() && !is_sent(key));
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut beginning = shown.map(|(_, value)| plain(value) + " ").unwrap_or_default();
        beginning.push_str(log.get("severityText").and_then(Value::as_str).unwrap_or_default());
        let is_nested = time.is_some() && shown.is_none();
        assert!(is_nested || pretty.starts_with(&beginning), "{beginning}: {pretty}: {line}");
    }
    assert!(with_time > 600 && with_level > 600, "{with_time} {with_level}");
}
