//! Files that are truncated and grow again before anything of them is read, as a full pipe makes it happen.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logline::line::{Item, classify};
use logline::position::Fid;
use logtail::follow::Follower;
use logtail::system::System;

use crate::run::{checkpoint_of, plan};

fn follower(log: &Path) -> Follower<System> {
    Follower::new(System, plan(&[log.to_str().unwrap()]), "boot".to_owned(), Fid::random)
}

/// Looks and reads for some seconds; the lines that came, each with the ids of the generations it came of.
fn read(follower: &mut Follower<System>, from: u64) -> BTreeMap<String, Vec<Fid>> {
    let mut out = Vec::new();
    for second in from..from + 10 {
        let now = Duration::from_secs(second);
        follower.look(now);
        while follower.turn(now, 1 << 20, &mut out) {}
    }
    let mut lines: BTreeMap<String, Vec<Fid>> = BTreeMap::new();
    for line in out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        if let Item::Line(line) = classify(line, true) {
            let text = String::from_utf8_lossy(line.content).into_owned();
            lines.entry(text).or_default().push(line.position().unwrap().fid);
        }
    }
    lines
}

fn lines(name: &str, count: usize) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for number in 0..count {
        writeln!(text, "{name} {number} {}", "x".repeat(40)).unwrap();
    }
    text
}

struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("logtail-rewritten-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn rewritten_between_the_resume_at_its_head_and_the_first_read_it_is_another_generation() {
    let directory = Directory::new("resume");
    let log = directory.0.join("app.log");
    fs::write(&log, lines("old", 50)).unwrap();
    let mut first = follower(&log);
    let old = read(&mut first, 0);
    let mut second = follower(&log);
    // Nothing was acknowledged.
    second.resume(checkpoint_of(&first), &HashMap::new(), Duration::ZERO);
    second.look(Duration::ZERO);
    fs::write(&log, lines("new", 80)).unwrap();
    let new = read(&mut second, 0);
    assert_eq!(new.len(), 80, "{:?}", new.keys());
    for (line, fids) in &new {
        assert!(fids.len() == 1 && !old.values().any(|known| known == fids), "{line}");
    }
}

#[test]
fn a_copy_of_what_has_not_been_read_is_read_once_its_original_is_truncated() {
    let directory = Directory::new("copy");
    let log = directory.0.join("app.log");
    fs::write(&log, lines("old", 50)).unwrap();
    let mut follower = follower(&log);
    // The pipe is full: it looks, and reads nothing.
    follower.look(Duration::ZERO);
    fs::copy(&log, directory.0.join("app.log.1")).unwrap();
    follower.look(Duration::from_secs(1));
    fs::write(&log, lines("new", 80)).unwrap();
    let read = read(&mut follower, 2);
    assert_eq!(read.len(), 130, "{:?}", read.keys());
    assert!(read.values().all(|fids| fids.len() == 1));
}
