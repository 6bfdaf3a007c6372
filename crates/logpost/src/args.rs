//! The command line of logpost.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use logline::quantity::{parse_duration, parse_size};

use logline::names::is_reserved;

const USAGE: &str = "logpost [OPTIONS] URL...
       logpost --check FILE [--max-age DUR]";
const EXAMPLES: &str = "\
Exit status:
  0  everything was delivered
  1  records were refused for good, and written out; --check: the metrics are stale
  2  trouble: records are still undelivered at the deadline, input that cannot be read

Examples:
  logtail -F --state /state '/var/log/nginx/*.log' | logparse nginx | logpost --state /state --to elasticsearch http://es:9200
  logparse nginx < access.log | logpost http://collector:8080/logs
  logpost --to elasticsearch http://es:9200/nginx < records.ndjson > refused.ndjson";

/// Delivers records over HTTP and keeps them until they have been accepted
#[expect(clippy::struct_excessive_bools, reason = "each is an option that is given or not")]
#[derive(Parser, Debug)]
#[command(name = "logpost", version, override_usage = USAGE, after_help = EXAMPLES)]
pub struct Args {
    /// Where to: http://host:port/path; of several servers the next one is used after a failure
    #[arg(value_name = "URL", required_unless_present = "check")]
    pub url: Vec<String>,

    /// What the server is
    #[arg(long, value_enum, value_name = "KIND", default_value = "ndjson")]
    pub to: DestinationName,

    /// Keep in DIR what has been delivered, so that logtail goes on from there ($LOGPIPE_STATE)
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,

    /// elasticsearch: the index or data stream, or its pattern by event time in UTC [default: the URL's path, else
    /// logpipe-%Y.%m.%d]; splunk: the index [default: that of the token]
    #[arg(long, value_name = "NAME")]
    pub index: Option<String>,

    /// elasticsearch: by their time only records go to an index that are at most so old and at most a day ahead, others to
    /// the index with 'other' in place of its date; 'none' for an import of old logs [default: 30d]
    #[arg(long, value_name = "DUR", value_parser = parse_window)]
    pub index_window: Option<IndexWindow>,

    /// elasticsearch: let the server give the ids; a record that is sent twice is then stored twice
    #[arg(long)]
    pub no_id: bool,

    /// Give every record this field (repeatable); a field of that name in a record becomes K_
    #[arg(long, value_name = "K=V", value_parser = parse_field)]
    pub add: Vec<(String, String)>,

    /// victorialogs, loki: a label, which parts streams; otlp: an attribute of the resource; splunk: an indexed field;
    /// datadog: a tag (repeatable)
    #[arg(long, value_name = "K=V", value_parser = parse_pair)]
    pub label: Vec<(String, String)>,

    /// victorialogs, loki: a field whose values are a label (repeatable)
    #[arg(long, value_name = "FIELD")]
    pub label_from: Vec<String>,

    /// splunk, datadog: the machine that the records come from
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,

    /// splunk: the source [default: the path of the file]; datadog: the ddsource, like nginx
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,

    /// splunk: the sourcetype [default: that of the token]
    #[arg(long, value_name = "NAME")]
    pub sourcetype: Option<String>,

    /// splunk: the channel of a token with indexer acknowledgement, a GUID; that events are indexed is not waited for
    #[arg(long, value_name = "GUID")]
    pub channel: Option<String>,

    /// datadog: the service that the records are of
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,

    /// victorialogs, loki, datadog: what is older is refused, for the server would drop it; its -retentionPeriod or
    /// reject_old_samples_max_age [default: 7d; datadog: 18h]
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub retention: Option<Duration>,

    /// A header for every request, 'Name: value' (repeatable)
    #[arg(short = 'H', long, value_name = "HEADER")]
    pub header: Vec<String>,

    /// Name and password for basic authorisation ($LOGPOST_USER)
    #[arg(short, long, value_name = "NAME:PASSWORD")]
    pub user: Option<String>,

    /// A file with a token for authorisation ($LOGPOST_TOKEN), read again when it is not accepted
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    pub token_file: Option<PathBuf>,

    /// What stands before the token
    #[arg(long, value_enum, value_name = "WORD", ignore_case = true, default_value = "bearer")]
    pub token_scheme: Scheme,

    /// A file with certificates to trust, instead of the system's ($SSL_CERT_FILE)
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<PathBuf>,

    /// A file with a certificate to show, and those that signed it
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// The file with its key [default: that of --cert]
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,

    /// Trust any certificate
    #[arg(short = 'k', long)]
    pub insecure: bool,

    /// Connect through this proxy ($HTTPS_PROXY where the URL is https; not for hosts of $NO_PROXY)
    #[arg(short = 'x', long, value_name = "URL")]
    pub proxy: Option<String>,

    /// Send bodies compressed
    #[arg(long, value_enum, value_name = "WAY")]
    pub compress: Option<Compression>,

    /// A request goes when it has so many bytes of records (a short one counts as 128)
    #[arg(long, value_name = "SIZE", value_parser = parse_batch, default_value = "512KiB")]
    pub batch_bytes: u64,

    /// or when its first record has waited about so long; longer where the server is slow
    #[arg(long, value_name = "DUR", value_parser = parse_duration, default_value = "1s")]
    pub linger: Duration,

    /// So many requests at a time, 1 to 64
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64), default_value = "2")]
    pub in_flight: u8,

    /// Give up after so long [default: never]
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub retry_for: Option<Duration>,

    /// After TERM or the end of the input, try for so long [default: 25s; after the end of the input --retry-for, if that is
    /// given]
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub drain: Option<Duration>,

    /// Longest wait for a connection, 0 for no limit
    #[arg(long, value_name = "DUR", value_parser = parse_duration, default_value = "10s")]
    pub connect_timeout: Duration,

    /// Longest wait for a whole answer, 0 for no limit; 30 s of silence end it too, and more where the server is too slow
    /// for that [default: 60s]
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub max_time: Option<Duration>,

    /// A connection is used for so long, so that a name that has moved is noticed, 0 for ever
    #[arg(long, value_name = "DUR", value_parser = parse_duration, default_value = "10min")]
    pub max_connection_age: Duration,

    /// Append refused records to FILE and put them to disk, instead of writing them to stdout
    #[arg(long, value_name = "FILE")]
    pub dead_letter: Option<PathBuf>,

    /// Replace FILE every few seconds by Prometheus metrics
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,

    /// Only say by the exit status whether the metrics in FILE are fresh: a probe of a logpost that runs with --metrics
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "metrics"])]
    pub check: Option<PathBuf>,

    /// How old they may be
    #[arg(long, value_name = "DUR", value_parser = parse_duration, default_value = "90s", requires = "check")]
    pub max_age: Duration,

    /// Write to stdout what would be sent, and send nothing
    #[arg(long)]
    pub dry_run: bool,

    /// One line for each request
    #[arg(short, long)]
    pub verbose: bool,
}

/// The kinds of server.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum DestinationName {
    /// Any that takes one JSON object a line.
    Ndjson,
    /// Its bulk endpoint; OpenSearch has the same.
    #[value(alias = "opensearch")]
    Elasticsearch,
    /// Its JSON lines.
    Victorialogs,
    /// Its JSON push.
    Loki,
    /// OpenTelemetry over HTTP, in JSON.
    Otlp,
    /// Its HTTP Event Collector.
    Splunk,
    /// Its intake of logs, version 2.
    Datadog,
}

/// What stands before a token.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Scheme {
    /// OAuth's, the custom.
    Bearer,
    /// Elasticsearch's API keys.
    #[value(name = "apikey")]
    ApiKey,
}

impl Scheme {
    /// As it stands in the header.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::ApiKey => "ApiKey",
        }
    }
}

/// The ways to compress.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
}

/// A batch holds at least one record, so one byte is the least that means anything.
fn parse_batch(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        0 => Err("0 holds no record, expected a size such as 1MiB".to_owned()),
        size => Ok(size),
    }
}

/// Which records go to an index by their time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IndexWindow {
    /// Those that are at most so old.
    Back(Duration),
    /// All.
    None,
}

fn parse_window(text: &str) -> Result<IndexWindow, String> {
    if text == "none" {
        return Ok(IndexWindow::None);
    }
    let expected = |said| format!("{said}, or none for any time");
    parse_duration(text).map(IndexWindow::Back).map_err(expected)
}

/// `K=V`; the value may be empty and may contain `=`.
fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("'{text}' is no field and value, expected K=V")),
    }
}

/// The same for a field: one that the tools keep for themselves would be lost, or taken for what it is not.
fn parse_field(text: &str) -> Result<(String, String), String> {
    let (name, value) = parse_pair(text)?;
    if is_reserved(name.as_bytes()) {
        return Err(format!("{name} is kept for the pipe itself, expected another name"));
    }
    Ok((name, value))
}
