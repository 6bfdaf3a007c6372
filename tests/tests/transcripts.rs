//! Every command of the pages of the documentation and of the transcripts prints what is said there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use logpipe_tests::{tools, transcript};

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "t") {
            found.push(path);
        }
    }
}

#[test]
fn documented_commands_print_what_is_documented() {
    let mut files = Vec::new();
    collect(&tools::workspace().join("tests"), &mut files);
    files.sort();
    files.extend(tools::pages());
    let mut commands = 0;
    let mut trouble = String::new();
    for file in &files {
        match transcript::run_file(file) {
            Ok(count) => commands += count,
            Err(difference) => trouble.push_str(&difference),
        }
    }
    assert!(trouble.is_empty(), "{trouble}");
    assert!(commands > 0, "no command in {files:?}");
}
