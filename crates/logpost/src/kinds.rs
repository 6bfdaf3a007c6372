//! The kinds of server, one file each: how a batch is written, and how an answer is read.

pub mod elasticsearch;
pub mod loki;
pub mod ndjson;
pub mod otlp;
pub mod victorialogs;

use std::time::Duration;

use jiff::Timestamp;
use logline::ending::Trouble;

use crate::args::{Args, KindName};
use crate::batch::Batch;
use crate::document::{Form, Stamp};
use crate::fate::{Answer, Verdict};
use crate::kinds::elasticsearch::Elasticsearch;
use crate::kinds::loki::Loki;
use crate::kinds::ndjson::Ndjson;
use crate::kinds::otlp::Otlp;
use crate::kinds::victorialogs::VictoriaLogs;
use crate::tally::in_words;

/// A record that is refused before it is sent, and why: the server would drop it without a word.
pub type LeftOut = (usize, String);

/// The path of a URL with the server's own `end` behind it, once, whether the user wrote that or not.
fn ending_in(end: &str, path: &str) -> String {
    let path = path.trim_end_matches('/');
    format!("{}{end}", path.strip_suffix(end).unwrap_or(path))
}

/// One kind of server.
pub trait Kind: Send {
    /// The path and the query of its requests, where the URL has this path.
    fn path(&self, path: &str) -> String;
    /// The type of the body.
    fn content_type(&self) -> &'static str;
    /// Appends the body of a request with these records of the batch, in their order. What it leaves out is told in the
    /// same order; where that is all of them it appends nothing.
    fn write(&self, batch: &Batch, records: &[usize], out: &mut Vec<u8>) -> Vec<LeftOut>;
    /// Whether the body of a request is those of its parts one behind the other, whenever they are written, and nothing is
    /// ever left out.
    fn is_additive(&self) -> bool {
        false
    }
    /// The `Idempotency-Key` of such a request, where nothing else tells the server that it comes again.
    fn key(&self, _batch: &Batch, _records: &[usize]) -> Option<String> {
        None
    }
    /// What an answer to a request with `count` records means.
    fn read(&self, answer: &Answer, count: usize) -> Verdict;
}

/// The times that a server takes; others it drops, or refuses without saying which they were.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// None before now less this.
    pub retention: Duration,
    /// None behind now and this.
    pub ahead: Duration,
}

impl Range {
    /// Of a server that keeps what the options say, 7 days by default as both do that have one.
    fn new(args: &Args, ahead: Duration) -> Self {
        Self { retention: args.retention.unwrap_or(Duration::from_secs(7 * 24 * 3600)), ahead }
    }

    /// Why the server would not take this time.
    fn check(&self, time: &Stamp, now: Timestamp) -> Result<(), String> {
        let age = now.duration_since(time.at);
        if Duration::try_from(age).is_ok_and(|age| age > self.retention) {
            let retention = in_words(self.retention);
            return Err(format!("{} is older than --retention, {retention}, and would be dropped", time.text));
        }
        if Duration::try_from(-age).is_ok_and(|ahead| ahead > self.ahead) {
            return Err(format!("{} is more than {} ahead and would be dropped", time.text, in_words(self.ahead)));
        }
        Ok(())
    }
}

/// The kind that the options name, for a URL with this path.
pub fn kind(args: &Args, path: &str) -> Result<Box<dyn Kind>, Trouble> {
    let has_streams = matches!(args.to, KindName::Victorialogs | KindName::Loki);
    if !args.label.is_empty() && !has_streams && args.to != KindName::Otlp {
        return Err(Trouble::new("--label", "this kind of server has no labels, use --add K=V"));
    }
    if !args.label_from.is_empty() && !has_streams {
        return Err(Trouble::new("--label-from", "this kind of server has no streams"));
    }
    let is_bulk = args.to == KindName::Elasticsearch;
    for (option, has_effect) in [
        ("--index", args.index.is_none() || is_bulk),
        ("--no-id", !args.no_id || is_bulk),
        ("--retention", args.retention.is_none() || has_streams),
    ] {
        if !has_effect {
            return Err(Trouble::new(option, "has no effect for this kind of server"));
        }
    }
    check_names(args)?;
    Ok(match args.to {
        KindName::Ndjson => Box::new(Ndjson { form: Form::new("time", &args.add) }),
        KindName::Elasticsearch => Box::new(Elasticsearch {
            index: elasticsearch::index(args.index.as_deref(), path)?,
            with_id: !args.no_id,
            form: Form::new("@timestamp", &args.add),
        }),
        KindName::Loki => Box::new(Loki::new(args)?),
        KindName::Otlp => Box::new(Otlp::new(args)),
        KindName::Victorialogs => Box::new(VictoriaLogs::new(args)?),
    })
}

/// A name that is written already would be there twice.
fn check_names(args: &Args) -> Result<(), Trouble> {
    let mut names = match args.to {
        KindName::Ndjson | KindName::Loki => vec!["time", "file_path", "filename"],
        KindName::Elasticsearch => vec!["@timestamp", "file_path"],
        KindName::Victorialogs => vec!["_time", "_msg", "_stream", "_stream_id", "file_path"],
        KindName::Otlp => vec!["log.file.path"],
    };
    for (option, pairs) in [("--label", &args.label), ("--add", &args.add)] {
        for (name, _) in pairs {
            if names.contains(&name.as_str()) {
                let object = format_args!("{option}: {name}");
                return Err(Trouble::new(object, "given twice, or a name that logpost itself writes"));
            }
            names.push(name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use clap::Parser as _;

    fn mistake(options: &[&str]) -> Option<String> {
        let args = Args::try_parse_from(["logpost", "http://h/"].iter().chain(options)).unwrap();
        kind(&args, "/").err().map(|trouble| trouble.to_string())
    }

    #[test]
    fn what_a_kind_has_not_and_what_would_be_there_twice_is_said_at_the_start() {
        for options in [
            &["--label", "a=b"][..],
            &["--to", "otlp", "--label-from", "a"],
            &["--to", "elasticsearch", "--label", "a=b"],
            &["--index", "a"],
            &["--to", "victorialogs", "--no-id"],
            &["--to", "elasticsearch", "--retention", "1d"],
            &["--add", "time=now"],
            &["--add", "a=1", "--add", "a=2"],
            &["--to", "loki", "--add", "a=1", "--label", "a=2"],
            &["--to", "elasticsearch", "--add", "@timestamp=now"],
            &["--to", "victorialogs", "--label", "_msg=x"],
        ] {
            assert!(mistake(options).is_some_and(|said| said.starts_with("--")), "{options:?}");
        }
        assert_eq!(mistake(&["--to", "loki", "--add", "a=1", "--label", "b=", "--label-from", "c"]), None);
        assert_eq!(mistake(&["--to", "otlp", "--label", "service.name=shop", "--add", "time=x"]), None);
    }
}
