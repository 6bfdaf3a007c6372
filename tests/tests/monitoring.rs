//! What the alerts and the dashboard ask for is what logpost writes, and counts of the whole pipe are among it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use logpipe_tests::receiver::Receiver;
use logpipe_tests::tools::{self, Scratch};

/// The names of metrics in a text: words that begin with the name of a tool.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_');
    let is_ours = |word: &&str| ["logtail_", "logparse_", "logpost_"].iter().any(|tool| word.starts_with(tool));
    words.filter(is_ours).map(str::to_owned).collect()
}

#[test]
fn lines_that_no_format_fits_are_counted_though_a_filter_drops_them() {
    let scratch = Scratch::new("unparsed");
    let log = scratch.path().join("access.log");
    let file = scratch.path().join("logpost.txt");
    let good = fs::read_to_string(tools::workspace().join("tests/data/nginx/combined.log")).unwrap();
    fs::write(&log, format!("{}\nnothing of nginx\nnor this\n", good.lines().next().unwrap())).unwrap();
    let receiver = Receiver::start();
    let pipe = format!(
        "logtail -n +1 --tag {log} | logparse nginx | logfilter -W 'status >= 100' |
         logpost --metrics {file} --to elasticsearch {url}",
        log = log.display(),
        file = file.display(),
        url = receiver.url(),
    );
    let ended = Command::new("sh").args(["-c", &pipe]).env("PATH", tools::path()).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let metrics = fs::read_to_string(&file).unwrap();
    for line in ["logpost_delivered_records_total 1", "logparse_unparsed_lines_total 2"] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
}

#[test]
fn alerts_and_dashboard_name_metrics_that_logpost_writes() {
    let scratch = Scratch::new("monitoring");
    let file = scratch.path().join("logpost.txt");
    let mut logpost = Command::new(tools::directory().join("logpost"))
        .args(["--dry-run", "http://h", "--metrics"])
        .arg(&file)
        .args(["--state"])
        .arg(scratch.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert!(logpost.wait().unwrap().success());
    let mut written = names(&fs::read_to_string(&file).unwrap());
    assert!(written.contains("logpost_delivered_records_total"), "{written:?}");
    // Only a state that logtail has written too brings these; their names stand beside those of the others.
    written.extend(names(&fs::read_to_string(tools::workspace().join("crates/logpost/src/metrics.rs")).unwrap()));
    for page in ["alerts.yaml", "dashboard.json"] {
        let text = fs::read_to_string(tools::workspace().join("images/kubernetes/monitoring").join(page)).unwrap();
        let asked = names(&text);
        assert!(asked.len() >= 5 && asked.is_subset(&written), "{page}: {:?}", asked.difference(&written));
    }
    let dashboard = fs::read(tools::workspace().join("images/kubernetes/monitoring/dashboard.json")).unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&dashboard).is_ok());
}
