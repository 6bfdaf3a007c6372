//! Which destination the options name, which options it has, and which names would be there twice.

use logline::ending::Trouble;

use super::datadog::Datadog;
use super::elasticsearch::{self, Elasticsearch};
use super::loki::Loki;
use super::ndjson::Ndjson;
use super::otlp::Otlp;
use super::splunk::Splunk;
use super::victorialogs::VictoriaLogs;
use super::{Destination, Origin, Settings};
use crate::args::{Args, DestinationName, IndexWindow};
use crate::document::Template;

/// The destination that the options name, for a URL with this path.
pub fn destination(args: &Args, path: &str) -> Result<Box<dyn Destination>, Trouble> {
    let is = |names: &[DestinationName]| names.contains(&args.to);
    let (is_splunk, is_datadog) = (is(&[DestinationName::Splunk]), is(&[DestinationName::Datadog]));
    let has_streams = is(&[DestinationName::Victorialogs, DestinationName::Loki]);
    if !args.label.is_empty() && !has_streams && !is(&[DestinationName::Otlp]) && !is_splunk && !is_datadog {
        return Err(Trouble::new("--label", "this destination has no labels, use --add K=V"));
    }
    if !args.label_from.is_empty() && !has_streams {
        return Err(Trouble::new("--label-from", "this destination has no streams"));
    }
    let is_bulk = is(&[DestinationName::Elasticsearch]);
    for (option, is_given, has_effect) in [
        ("--index", args.index.is_some(), is_bulk || is_splunk),
        ("--index-window", args.index_window.is_some(), is_bulk),
        ("--no-id", args.no_id, is_bulk),
        ("--retention", args.retention.is_some(), has_streams || is_datadog),
        ("--host", args.host.is_some(), is_splunk || is_datadog),
        ("--source", args.source.is_some(), is_splunk || is_datadog),
        ("--sourcetype", args.sourcetype.is_some(), is_splunk),
        ("--channel", args.channel.is_some(), is_splunk),
        ("--service", args.service.is_some(), is_datadog),
    ] {
        if is_given && !has_effect {
            return Err(Trouble::new(option, "has no effect for this destination"));
        }
    }
    check_names(args)?;
    let settings = Settings {
        added: args.add.clone(),
        labels: args.label.clone(),
        labels_from: args.label_from.clone(),
        retention: args.retention,
        origin: Origin {
            host: args.host.clone(),
            source: args.source.clone(),
            sourcetype: args.sourcetype.clone(),
            service: args.service.clone(),
            index: args.index.clone(),
            channel: args.channel.clone(),
        },
    };
    Ok(match args.to {
        DestinationName::Ndjson => Box::new(Ndjson { template: Template::new("time", &settings.added) }),
        DestinationName::Elasticsearch => Box::new(Elasticsearch {
            index: elasticsearch::index(args.index.as_deref(), path)?,
            window: match args.index_window {
                None => Some(elasticsearch::DEFAULT_WINDOW),
                Some(IndexWindow::Back(back)) => Some(back),
                Some(IndexWindow::None) => None,
            },
            with_id: !args.no_id,
            template: Template::new("@timestamp", &settings.added),
        }),
        DestinationName::Loki => Box::new(Loki::new(&settings)?),
        DestinationName::Otlp => Box::new(Otlp::new(&settings)),
        DestinationName::Victorialogs => Box::new(VictoriaLogs::new(&settings)?),
        DestinationName::Splunk => Box::new(Splunk::new(&settings)),
        DestinationName::Datadog => Box::new(Datadog::new(&settings)),
    })
}

/// A name that is written already would be there twice.
fn check_names(args: &Args) -> Result<(), Trouble> {
    let mut names = match args.to {
        DestinationName::Ndjson | DestinationName::Loki => vec!["time", "file_path", "filename"],
        DestinationName::Elasticsearch => vec!["@timestamp", "file_path"],
        DestinationName::Victorialogs => vec!["_time", "_msg", "_stream", "_stream_id", "file_path"],
        DestinationName::Otlp => vec!["log.file.path"],
        // The labels are no fields of the record there.
        DestinationName::Splunk => vec!["time", "file_path"],
        DestinationName::Datadog => {
            vec!["timestamp", "message", "file_path", "ddsource", "ddtags", "hostname", "service"]
        }
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
        destination(&args, "/").err().map(|trouble| trouble.to_string())
    }

    #[test]
    fn what_a_destination_has_not_and_what_would_be_there_twice_is_said_at_the_start() {
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
            &["--to", "loki", "--host", "a"],
            &["--to", "splunk", "--service", "a"],
            &["--to", "datadog", "--index", "a"],
            &["--to", "datadog", "--sourcetype", "a"],
            &["--to", "datadog", "--add", "service=a"],
            &["--channel", "0aeeac95-ac74-4aa9-b30d-6c4c0ac581ba"],
            &["--to", "loki", "--label", "app=x", "--label-from", "app"],
            &["--to", "loki", "--label", "a.b=x", "--label", "a_b=y"],
            &["--to", "loki", "--label-from", "filename"],
        ] {
            assert!(mistake(options).is_some_and(|said| said.starts_with("--")), "{options:?}");
        }
        assert_eq!(mistake(&["--to", "loki", "--add", "a=1", "--label", "b=", "--label-from", "c"]), None);
        let origin = ["--host", "h", "--source", "s", "--label", "a=b"];
        assert_eq!(mistake(&[&["--to", "splunk", "--index", "i", "--sourcetype", "t"], &origin[..]].concat()), None);
        assert_eq!(mistake(&[&["--to", "datadog", "--service", "x", "--retention", "1d"], &origin[..]].concat()), None);
        assert_eq!(mistake(&["--to", "otlp", "--label", "service.name=shop", "--add", "time=x"]), None);
    }
}
