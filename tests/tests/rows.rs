//! Every case of `tests/cases/follow.md` has a test whose name begins with it: `b13_late_line_…` for B13, `j5_and_j6_a_line_…`
//! for both.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use logpipe_tests::tools;

/// The groups whose cases have been given their tests.
const GROUPS: &[char] = &['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'L', 'R', 'W'];

/// Cases that are shown by something else than a test of their name.
const ELSEWHERE: &[(&str, &str)] = &[("F8", "scripts/crashloop")];

fn names_in(directory: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            names_in(&path, names);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let functions = text.lines().filter_map(|line| line.trim_start().strip_prefix("fn "));
            names.extend(functions.flat_map(cases_of));
        }
    }
}

/// The cases that the name of a test begins with.
fn cases_of(name: &str) -> impl Iterator<Item = String> {
    let words: Vec<&str> = name.split('_').collect();
    let cases: Vec<String> = words
        .chunks(2)
        .enumerate()
        .take_while(|(number, _)| *number == 0 || words[2 * number - 1] == "and")
        // `g01` sorts before `g11`, and means G1.
        .map(|(_, pair)| pair[0].replacen('0', "", usize::from(pair[0].get(1..).unwrap_or_default().starts_with('0'))))
        .collect();
    cases.into_iter()
}

#[test]
fn every_case_has_a_test_of_its_name() {
    let mut names = BTreeSet::new();
    for directory in ["crates", "tests"] {
        names_in(&tools::workspace().join(directory), &mut names);
    }
    let cases = fs::read_to_string(tools::workspace().join("tests/cases/follow.md")).unwrap();
    let ids = cases.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next());
    let ids: BTreeSet<&str> = ids.filter(|id| id.starts_with(GROUPS) && id.len() > 1).collect();
    assert!(ids.len() > 50, "{ids:?}");
    let is_missing = |id: &&&str| {
        let shown_elsewhere = ELSEWHERE.iter().any(|(known, _)| known == *id);
        !shown_elsewhere && !names.contains(&id.to_lowercase())
    };
    let missing: Vec<&&str> = ids.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "cases without a test: {missing:?}");
}
