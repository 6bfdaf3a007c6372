//! Every fenced block of the documentation is of a kind that something looks after:
//!
//! | fence | who |
//! |---|---|
//! | `console` | tests/transcripts.rs runs it and compares what it prints |
//! | `sh PURPOSE SERVER…` | scripts/test-servers runs it against these servers |
//! | `LANGUAGE PATH` | it stands word for word in the file PATH of this repository |
//! | `sh`, or nothing | what can be told without running it: tools understand their options, scripts have theirs, files exist |
//! | `text` | a shape, for a reader |

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../examples/manuals.rs"]
#[allow(dead_code, reason = "its main is that of the program")]
mod manuals;

use std::fs;

use logpipe_tests::tools;
use logpipe_tests::transcript::{Fence, fences};

/// The words of a line of shell, each pipeline's members apart. Of quoting it knows what the documentation uses.
fn members(line: &str) -> Vec<Vec<String>> {
    let mut members = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (Some(open), _) if open == letter => quote = None,
            (None, ' ') => members.last_mut().unwrap().extend(word.take()),
            (None, '#') if word.is_none() => break,
            (None, '|' | ';') if word.is_none() || letter == ';' => {
                members.last_mut().unwrap().extend(word.take());
                members.push(Vec::new());
            }
            _ => word.get_or_insert_default().push(letter),
        }
    }
    members.last_mut().unwrap().extend(word);
    members.retain(|member| !member.is_empty());
    members
}

/// What is wrong with one member of a pipeline, if that can be told without running it.
fn wrong(member: &[String]) -> Option<String> {
    let root = tools::workspace();
    let redirected =
        member.iter().position(|word| word.starts_with(['<', '>']) || word == "2>").unwrap_or(member.len());
    let words = &member[..redirected];
    let program = words.first()?;
    if let Some((command, _)) = manuals::commands().into_iter().find(|(command, _)| command.get_name() == program) {
        // What a placeholder stands for would be understood, too.
        let words = words.iter().filter(|word| !word.starts_with('…'));
        return command.try_get_matches_from(words).err().map(|error| error.to_string());
    }
    let own = |word: &&String| ["scripts/", "crates/", "images/", "tests/"].iter().any(|start| word.starts_with(start));
    if let Some(missing) =
        words.iter().filter(own).find(|word| !root.join(word.split(['*', '#']).next().unwrap()).exists())
    {
        return Some(format!("{missing} does not exist"));
    }
    if program.starts_with("scripts/") {
        let script = fs::read_to_string(root.join(program)).unwrap();
        let unknown = words.iter().skip(1).find(|word| word.starts_with("--") && !script.contains(word.as_str()));
        return unknown.map(|option| format!("{program} has no {option}"));
    }
    // A pipeline inside of another command's argument.
    words.iter().skip(1).filter(|word| word.contains("log") && word.contains(' ')).find_map(|word| {
        members(word).iter().filter(|member| member[0].starts_with("log")).find_map(|member| wrong(member))
    })
}

fn trouble_in(fence: &Fence<'_>) -> Option<String> {
    let text: Vec<&str> = fence.lines.iter().map(|(_, line)| *line).collect();
    match fence.info.split_once(' ') {
        Some(("sh", purpose)) if !purpose.contains('/') => None,
        Some((_, path)) => {
            let Ok(file) = fs::read_to_string(tools::workspace().join(path)) else {
                return Some(format!("{path} cannot be read"));
            };
            let file: Vec<&str> = file.lines().collect();
            let stands = file.windows(text.len()).any(|lines| lines == text);
            (!stands).then(|| format!("does not stand in {path}"))
        }
        None => match fence.info {
            "console" | "text" => None,
            "" | "sh" => {
                let whole = text.join("\n").replace("\\\n", "");
                whole.lines().flat_map(members).find_map(|member| wrong(&member))
            }
            other => Some(format!("'{other}': nothing looks after blocks of this kind")),
        },
    }
}

#[test]
fn every_block_of_the_documentation_is_run_or_compared() {
    let mut blocks = 0;
    let mut trouble = Vec::new();
    for page in tools::pages() {
        let text = fs::read_to_string(&page).unwrap();
        for fence in fences(&text) {
            blocks += 1;
            if let Some(what) = trouble_in(&fence) {
                trouble.push(format!("{}:{}: {what}", page.display(), fence.line));
            }
        }
    }
    assert!(trouble.is_empty(), "{}", trouble.join("\n"));
    assert!(blocks > 5, "only {blocks} blocks");
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut links = 0;
    for page in tools::pages() {
        let text = fs::read_to_string(&page).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            if !target.is_empty() && !target.contains("://") {
                links += 1;
                assert!(page.parent().unwrap().join(target).exists(), "{}: {target}", page.display());
            }
        }
    }
    assert!(links > 5, "only {links} links");
}

#[test]
fn the_readme_fits_on_a_few_screens() {
    let text = fs::read_to_string(tools::workspace().join("README.md")).unwrap();
    assert!(text.lines().count() <= 120, "{} lines", text.lines().count());
}

#[test]
fn what_cannot_be_right_is_found() {
    for (line, expected) in [
        ("logtail -F --nonsense x", Some("--nonsense")),
        ("logtail -F x | logparse nginx # a comment", None),
        ("scripts/build --nonsense", Some("has no --nonsense")),
        ("scripts/nonsense", Some("does not exist")),
        ("kubectl exec POD -c logs -- sh -c \"logtail -Q '/x'\"", Some("-Q")),
        ("logpost --to elasticsearch http://h > refused.ndjson", None),
    ] {
        let found = members(line).iter().find_map(|member| wrong(member));
        match expected {
            Some(part) => assert!(found.as_ref().is_some_and(|text| text.contains(part)), "{line}: {found:?}"),
            None => assert_eq!(found, None, "{line}"),
        }
    }
    let fence = Fence { line: 1, info: "yaml Cargo.toml", lines: vec![(2, "[workspace]"), (3, "nonsense")] };
    assert!(trouble_in(&fence).is_some());
    assert!(trouble_in(&Fence { line: 1, info: "perl", lines: Vec::new() }).is_some());
}
