//! What the alerts and the dashboard ask for is what logpost writes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use logpipe_tests::tools::{self, Scratch};

/// The names of metrics in a text: words that begin with the name of a tool.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_');
    words.filter(|word| word.starts_with("logpost_") || word.starts_with("logtail_")).map(str::to_owned).collect()
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
