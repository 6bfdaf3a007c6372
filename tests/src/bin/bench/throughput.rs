//! How many bytes a second, at what cost: each case beside its yardstick, all of them once a round, so that what the
//! neighbours do meets both. A ratio is taken within its round; the table shows the median and, behind it, least and most.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::median;
use crate::pipeline::{Pipeline, Run};

/// What a case reads, and what its bytes are counted in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// The log, named in a command; its bytes.
    Log,
    /// The log as standard input; its bytes.
    LogIn,
    /// The log with tags as standard input; the bytes of the log.
    TaggedIn,
    /// What logparse makes of the log as standard input; its own bytes.
    RecordsIn,
    /// A tenth of that.
    SomeRecordsIn,
    /// The log as an application writes it that logs in JSON, as standard input; its own bytes.
    JsonIn,
}

/// One line of the table.
pub struct Case {
    /// What it is called.
    pub name: &'static str,
    yardstick: &'static str,
    /// What its bytes are counted in.
    pub source: Source,
    command: &'static str,
}

const fn case(name: &'static str, yardstick: &'static str, source: Source, command: &'static str) -> Case {
    Case { name, yardstick, source, command }
}

/// `{log}`, `{url}` and `{state}` (a new directory each time) stand for what they say. One that follows its file is told
/// to end as soon as it has begun, and drains: that is all of the file. One that follows `{copy}`, a copy of the log that may
/// be changed, is told so when all of it is acknowledged.
pub const CASES: &[Case] = &[
    case("four cats", "four cats", Source::Log, "cat {log} | cat | cat | cat"),
    case(
        "pipe, all records",
        "four cats",
        Source::Log,
        "logtail -n +1 --tag {log} | logparse nginx | logpost --to elasticsearch {url}/x",
    ),
    case(
        "pipe with --state",
        "four cats",
        Source::Log,
        "logtail -F --state {state} --drain-quiet 0 --drain-max 10m {log} | logparse nginx \
         | logpost --state {state} --drain 10m --to elasticsearch {url}/x",
    ),
    case(
        "pipe of four",
        "four cats",
        Source::Log,
        "logtail -n +1 --tag {log} | logparse nginx | logfilter -v -e nothing_like_it \
         | logpost --to elasticsearch {url}/x",
    ),
    case(
        "pipe, errors only",
        "four cats",
        Source::Log,
        "logtail -n +1 --tag {log} | logparse nginx | logfilter -W 'status >= 400' \
         | logpost --to elasticsearch {url}/x",
    ),
    case(
        "pipe, a copy",
        "pipe, a copy",
        Source::Log,
        "logtail -F --state {state} {copy} | logparse nginx | logpost --state {state} --to elasticsearch {url}/x",
    ),
    case(
        "pipe, --reclaim 0",
        "pipe, a copy",
        Source::Log,
        "logtail -F --reclaim 0 --state {state} {copy} | logparse nginx \
         | logpost --state {state} --to elasticsearch {url}/x",
    ),
    case("two cats", "two cats", Source::Log, "cat {log} | cat"),
    case("logtail", "two cats", Source::Log, "logtail -n +1 {log} | cat"),
    case("logtail --tag", "two cats", Source::Log, "logtail -n +1 --tag {log} | cat"),
    case("logparse nginx", "two cats", Source::LogIn, "logparse nginx"),
    case("logparse, tagged", "two cats", Source::TaggedIn, "logparse nginx"),
    case("wc -l", "two cats", Source::LogIn, "wc -l"),
    case("awk 1", "two cats", Source::LogIn, "awk 1"),
    case("busybox grep", "two cats", Source::LogIn, "busybox grep -c 404"),
    case("grep literal", "grep literal", Source::LogIn, "grep -a -c logstash-1.3.2"),
    case("rg literal", "rg literal", Source::LogIn, "rg -a logstash-1.3.2"),
    case("logfilter literal", "rg literal", Source::LogIn, "logfilter logstash-1.3.2"),
    case("rg class", "rg class", Source::LogIn, "rg -a '\\] \"[A-Z]+ /[a-z]+\\.php'"),
    case("logfilter class", "rg class", Source::LogIn, "logfilter '\\] \"[A-Z]+ /[a-z]+\\.php'"),
    case("rg alternation", "rg alternation", Source::LogIn, "rg -a 'Safari|Opera|bingbot'"),
    case("logfilter altern.", "rg alternation", Source::LogIn, "logfilter 'Safari|Opera|bingbot'"),
    case("rg case-blind", "rg case-blind", Source::LogIn, "rg -a -i LOGSTASH-1.3"),
    case("logfilter -i", "rg case-blind", Source::LogIn, "logfilter -i LOGSTASH-1.3"),
    case("jq select", "jq select", Source::SomeRecordsIn, "jq -c 'select(.status >= 500)'"),
    case("logfilter -W", "jq select", Source::RecordsIn, "logfilter -W 'status >= 500'"),
    case("logfilter -W text", "jq select", Source::RecordsIn, "logfilter -W 'http_user_agent contains bingbot'"),
    case("logfilter -W, all", "jq select", Source::RecordsIn, "logfilter -W 'status >= 200'"),
    case("jq .", "jq .", Source::SomeRecordsIn, "jq -c ."),
    case("logparse by jq", "jq .", Source::LogIn, "logparse nginx"),
    case("two cats, records", "two cats, records", Source::RecordsIn, "cat | cat"),
    case("logpost", "two cats, records", Source::RecordsIn, "logpost --to elasticsearch {url}/x"),
    case("logpost, gzip", "logpost", Source::RecordsIn, "logpost --compress gzip --to elasticsearch {url}/x"),
    case("logpost, loki", "logpost", Source::RecordsIn, "logpost --retention 36500d --to loki {url}"),
    case("logpost, victoria", "logpost", Source::RecordsIn, "logpost --retention 36500d --to victorialogs {url}"),
    case("logpost, otlp", "logpost", Source::RecordsIn, "logpost --to otlp {url}"),
    case("logparse json", "two cats", Source::JsonIn, "logparse json"),
    case("logpost, JSON", "logpost", Source::JsonIn, "logpost --to elasticsearch {url}/x"),
];

/// The files that the cases read.
#[derive(Debug)]
pub struct Material {
    /// The log.
    pub log: PathBuf,
    /// The same with tags.
    pub tagged: PathBuf,
    /// The same as records.
    pub records: PathBuf,
    /// A tenth of them.
    pub some_records: PathBuf,
    /// A line for each line of the log, as an application writes it that logs in JSON.
    pub json: PathBuf,
}

impl Material {
    fn input(&self, source: Source) -> Option<&Path> {
        match source {
            Source::Log => None,
            Source::LogIn => Some(&self.log),
            Source::TaggedIn => Some(&self.tagged),
            Source::RecordsIn => Some(&self.records),
            Source::SomeRecordsIn => Some(&self.some_records),
            Source::JsonIn => Some(&self.json),
        }
    }

    /// How many bytes the figures of a source are for.
    pub fn bytes(&self, source: Source) -> io::Result<f64> {
        let counted = match source {
            Source::Log | Source::LogIn | Source::TaggedIn => &self.log,
            Source::RecordsIn => &self.records,
            Source::SomeRecordsIn => &self.some_records,
            Source::JsonIn => &self.json,
        };
        #[expect(clippy::cast_precision_loss, reason = "a size of a file, shown with three digits")]
        Ok(counted.metadata()?.len() as f64)
    }
}

/// Measures the cases whose names hold one of `only` (all, if there are none) and their yardsticks, and prints the table.
pub fn table(material: &Material, scratch: &Path, url: &str, rounds: usize, only: &[String]) -> io::Result<()> {
    let is_chosen = |case: &Case| only.is_empty() || only.iter().any(|text| case.name.contains(text.as_str()));
    let yardsticks: Vec<&str> = CASES.iter().filter(|case| is_chosen(case)).map(|case| case.yardstick).collect();
    let cases: Vec<&Case> = CASES.iter().filter(|case| is_chosen(case) || yardsticks.contains(&case.name)).collect();
    let mut runs: BTreeMap<&str, Vec<Run>> = BTreeMap::new();
    for round in 0..rounds {
        for case in &cases {
            let state = scratch.join(format!("state-{round}-{}", case.name.replace(' ', "-")));
            match run(case, None, material, &state, url) {
                Ok(run) => runs.entry(case.name).or_default().push(run),
                // One that is not there, or fails, has no figure.
                Err(error) => writeln!(io::stderr(), "bench: {}: {error}", case.name)?,
            }
        }
    }
    writeln!(
        io::stdout(),
        "{:<18} {:>22} {:>9} {:>20} {:>9}  {:<18} peak MiB by member",
        "case",
        "MB/s (spread)",
        "CPU s/GB",
        "ratio (spread)",
        "CPU ratio",
        "to"
    )?;
    for case in cases {
        if let (Some(own), Some(yard)) = (runs.get(case.name), runs.get(case.yardstick)) {
            let other = CASES.iter().find(|other| other.name == case.yardstick).unwrap_or(case);
            print(case, own, material.bytes(case.source)?, yard, material.bytes(other.source)?)?;
        }
    }
    Ok(())
}

/// Runs it once, with the tools of `directory`, if one is named: what is not there is looked for in `PATH`.
pub fn run(case: &Case, directory: Option<&Path>, material: &Material, state: &Path, url: &str) -> io::Result<Run> {
    let copy = state.with_added_extension("log");
    let has_copy = case.command.contains("{copy}");
    if has_copy {
        fs::copy(&material.log, &copy)?;
        // On disk before it is measured, for what is given back must be.
        File::open(&copy)?.sync_all()?;
    }
    let mut stages = stages(
        case.command,
        &[
            ("{log}", &material.log.display().to_string()),
            ("{copy}", &copy.display().to_string()),
            ("{state}", &state.display().to_string()),
            ("{url}", url),
        ],
    );
    for stage in &mut stages {
        let own = directory.map(|directory| directory.join(&stage[0])).filter(|own| own.exists());
        if let Some(own) = own {
            stage[0] = own.display().to_string();
        }
    }
    let pipeline = Pipeline::start(&stages, material.input(case.source))?;
    if case.command.contains("{state}") {
        crate::await_that(|| pipeline.hears_term())?;
        if has_copy {
            let last = format!("\"offset\":{}}}", material.log.metadata()?.len());
            crate::await_that(|| fs::read_to_string(state.join("acks")).is_ok_and(|acks| acks.contains(&last)))?;
            fs::remove_file(copy)?;
        }
        pipeline.terminate();
    }
    pipeline.finish()
}

fn print(case: &Case, runs: &[Run], bytes: f64, yard: &[Run], yard_bytes: f64) -> io::Result<()> {
    let speeds: Vec<f64> = runs.iter().map(|run| bytes / run.wall.as_secs_f64() / 1e6).collect();
    let costs: Vec<f64> = runs.iter().map(|run| run.cpu().as_secs_f64() / bytes * 1e9).collect();
    let pairs = || runs.iter().zip(yard);
    let ratios: Vec<f64> =
        pairs().map(|(own, yard)| bytes / own.wall.as_secs_f64() / (yard_bytes / yard.wall.as_secs_f64())).collect();
    let cost_ratios: Vec<f64> =
        pairs().map(|(own, yard)| own.cpu().as_secs_f64() / bytes / (yard.cpu().as_secs_f64() / yard_bytes)).collect();
    let (speed, least, most) = median(&speeds);
    let (ratio, lowest, highest) = median(&ratios);
    let peaks: Vec<String> = runs.last().map_or_else(Vec::new, |run| {
        #[expect(clippy::cast_precision_loss, reason = "mebibytes, shown with one decimal")]
        run.used.iter().map(|used| format!("{} {:.1}", used.name, used.peak as f64 / 1_048_576.0)).collect()
    });
    writeln!(
        io::stdout(),
        "{:<18} {speed:>6.0} ({least:>5.0} to {most:>5.0}) {:>9.2} {ratio:>6.2} ({lowest:>4.2} to {highest:>4.2}) {:>9.2}  {:<18} {}",
        case.name,
        median(&costs).0,
        median(&cost_ratios).0,
        case.yardstick,
        peaks.join(", ")
    )
}

/// A pipeline as a shell writes it, with single quotes and nothing else of a shell.
pub fn stages(command: &str, values: &[(&str, &str)]) -> Vec<Vec<String>> {
    let mut stages = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    for letter in command.chars().chain([' ']) {
        match letter {
            '\'' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            ' ' | '|' if !is_quoted => {
                if let (Some(mut word), Some(stage)) = (word.take(), stages.last_mut()) {
                    for (name, value) in values {
                        word = word.replace(name, value);
                    }
                    stage.push(word);
                }
                if letter == '|' {
                    stages.push(Vec::new());
                }
            }
            letter => word.get_or_insert_default().push(letter),
        }
    }
    stages
}
