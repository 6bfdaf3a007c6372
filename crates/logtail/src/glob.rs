//! File names with wildcards, over bytes, as a shell reads them: `*`, `?`, `[a-z]`, `[!x]`, `{a,b}`, backslash, and `**` as a
//! whole component that reaches into directories. A leading dot is matched only by a dot.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::disk::{Disk, Stat, or_here};

/// How deep `**` reaches.
const DEEPEST: usize = 32;
/// The greatest number of patterns without braces for which one with braces may stand.
const MOST_ALTERNATIVES: usize = 1024;

/// A file name with or without wildcards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    text: Vec<u8>,
    /// The patterns without braces that it stands for.
    alternatives: Vec<Vec<u8>>,
}

/// What a pattern stands for at one moment.
#[derive(Debug, Default)]
pub struct Expansion {
    /// The files, sorted, with what was told of each; of a pattern without wildcards itself, whether it exists or not.
    pub paths: Vec<(PathBuf, Option<Stat>)>,
    /// Directories in which a new name may match.
    pub directories: Vec<PathBuf>,
    /// Directories that cannot be read.
    pub troubles: Vec<(PathBuf, io::Error)>,
}

impl Pattern {
    /// Checks that every `[` has its `]`. The error says what was expected.
    pub fn new(text: &[u8]) -> Result<Self, String> {
        if text.is_empty() {
            return Err("empty, expected a file or a glob".to_owned());
        }
        let mut rest = text;
        while let Some((byte, behind)) = rest.split_first() {
            rest = match byte {
                b'\\' => behind.get(1..).unwrap_or_default(),
                b'[' => set_end(behind).map(|end| &behind[end..]).ok_or("a '[' without its ']'")?,
                _ => behind,
            };
        }
        let mut alternatives = alternatives(text)
            .ok_or_else(|| format!("its braces stand for more than {MOST_ALTERNATIVES} patterns, expected fewer"))?;
        // At the end it stands for the files too.
        for alternative in alternatives.iter_mut().filter(|text| components(text).last() == Some(&&b"**"[..])) {
            alternative.extend_from_slice(b"/*");
        }
        Ok(Self { text: text.to_vec(), alternatives })
    }

    /// Just this name, whatever its letters mean in a pattern.
    pub fn of_name(name: &[u8]) -> Self {
        let mut text = Vec::with_capacity(name.len());
        for byte in name {
            if matches!(byte, b'*' | b'?' | b'[' | b'{' | b'\\') {
                text.push(b'\\');
            }
            text.push(*byte);
        }
        Self { alternatives: vec![text.clone()], text }
    }

    /// Whether it has no wildcard.
    pub fn is_literal(&self) -> bool {
        matches!(self.alternatives.as_slice(), [only] if !has_wildcard(only))
    }

    /// The directories in front of the first wildcard: where all that it finds lies.
    pub fn fixed_part(&self) -> PathBuf {
        let text = match first_brace(&self.text) {
            Some((start, _, _)) => {
                &self.text[..self.text[..start].iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1)]
            }
            None => &self.text,
        };
        let mut fixed = if text.starts_with(b"/") { PathBuf::from("/") } else { PathBuf::new() };
        for part in components(text).into_iter().take_while(|part| !has_wildcard(part)) {
            fixed.push(OsStr::from_bytes(&unescaped(part)));
        }
        fixed
    }

    /// Whether a path is meant: by its name where the pattern has no slash, else as a whole.
    pub fn matches(&self, path: &[u8]) -> bool {
        self.alternatives.iter().any(|text| {
            if !text.contains(&b'/') {
                let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
                return matches_name(text, name);
            }
            matches_components(&components(text), &components(path))
        })
    }

    /// Whether [`Pattern::expand`] would find the path if it existed.
    pub fn finds(&self, path: &[u8]) -> bool {
        let finds = |text: &[u8]| {
            text.starts_with(b"/") == path.starts_with(b"/") && matches_components(&components(text), &components(path))
        };
        self.alternatives.iter().any(|text| finds(text))
    }

    /// The files it stands for now.
    pub fn expand(&self, disk: &impl Disk) -> Expansion {
        let mut expansion = Expansion::default();
        if self.is_literal() {
            expansion.paths.push((PathBuf::from(OsStr::from_bytes(&unescaped(&self.alternatives[0]))), None));
            return expansion;
        }
        for text in &self.alternatives {
            let root = if text.starts_with(b"/") { PathBuf::from("/") } else { PathBuf::new() };
            let mut walk = Walk { disk, expansion: &mut expansion, visited: HashSet::new() };
            walk.descend(&root, &components(text), 0);
        }
        // As bytes: paths compare themselves part by part, which is ten times slower.
        expansion.paths.sort_unstable_by(|(one, _), (other, _)| one.as_os_str().cmp(other.as_os_str()));
        expansion.paths.dedup_by(|(one, _), (other, _)| one.as_os_str() == other.as_os_str());
        expansion
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}

struct Walk<'a, D: Disk> {
    disk: &'a D,
    expansion: &'a mut Expansion,
    /// Directories in which a `**` has been: links may lead in circles.
    visited: HashSet<(logline::state::files::Inode, usize)>,
}

impl<D: Disk> Walk<'_, D> {
    fn descend(&mut self, directory: &Path, parts: &[&[u8]], depth: usize) {
        let Some((part, rest)) = parts.split_first() else { return };
        if *part == b"**" {
            return self.reach_everywhere(directory, parts, depth);
        }
        if !has_wildcard(part) {
            return self.enter(&directory.join(OsStr::from_bytes(&unescaped(part))), rest, depth);
        }
        for name in self.names(directory) {
            if matches_name(part, name.as_bytes()) {
                self.enter(&directory.join(name), rest, depth);
            }
        }
    }

    fn enter(&mut self, path: &Path, rest: &[&[u8]], depth: usize) {
        let stat = match self.disk.stat(path) {
            Ok(stat) => stat,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return,
            // It is the way there that is shut: what its directory's names would tell as well.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return self.expansion.troubles.push((path.parent().unwrap_or(path).to_owned(), error));
            }
            Err(error) => return self.expansion.troubles.push((path.to_owned(), error)),
        };
        if rest.is_empty() {
            if stat.is_file {
                self.expansion.paths.push((path.to_owned(), Some(stat)));
            }
        } else if !stat.is_file {
            self.descend(path, rest, depth);
        }
    }

    /// `**` is no component or any number of them.
    fn reach_everywhere(&mut self, directory: &Path, parts: &[&[u8]], depth: usize) {
        let here = or_here(directory);
        let Ok(stat) = self.disk.stat(here) else { return };
        if depth > DEEPEST || !self.visited.insert((stat.inode, parts.len())) {
            return;
        }
        self.descend(directory, &parts[1..], depth);
        for name in self.names(directory) {
            let path = directory.join(&name);
            if !name.as_bytes().starts_with(b".") && self.disk.stat(&path).is_ok_and(|stat| !stat.is_file) {
                self.reach_everywhere(&path, parts, depth + 1);
            }
        }
    }

    fn names(&mut self, directory: &Path) -> Vec<std::ffi::OsString> {
        let directory = or_here(directory);
        self.expansion.directories.push(directory.to_owned());
        match self.disk.list(directory) {
            Ok(names) => names,
            // What is no directory, or has just gone, holds no files.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotADirectory) => Vec::new(),
            Err(error) => {
                self.expansion.troubles.push((directory.to_owned(), error));
                Vec::new()
            }
        }
    }
}

/// The patterns without braces for which one with braces stands; `None` if there are too many. Braces without a comma, or
/// without their end, mean themselves, as in a shell.
fn alternatives(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut done = Vec::new();
    let mut open = vec![text.to_vec()];
    while let Some(next) = open.pop() {
        match first_brace(&next) {
            None => done.push(next),
            Some((start, parts, end)) => {
                let with = |part: &[u8]| [&next[..start], part, &next[end..]].concat();
                open.extend(parts.into_iter().rev().map(with));
            }
        }
        if open.len() + done.len() > MOST_ALTERNATIVES {
            return None;
        }
    }
    Some(done)
}

/// The first pair of braces with a comma between them: where it begins, its parts, and where it ends.
fn first_brace(text: &[u8]) -> Option<(usize, Vec<&[u8]>, usize)> {
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'{' => {
                if let Some((parts, end)) = parts_of_brace(&text[at + 1..])
                    && parts.len() > 1
                {
                    return Some((at, parts, at + 1 + end));
                }
                at += 1;
            }
            _ => at += length_of_one(&text[at..]),
        }
    }
    None
}

/// The parts of a pair of braces that begins in front of `text`, and where it ends.
fn parts_of_brace(text: &[u8]) -> Option<(Vec<&[u8]>, usize)> {
    let (mut parts, mut from, mut at, mut depth) = (Vec::new(), 0, 0, 0);
    while at < text.len() {
        match text[at] {
            b'{' => depth += 1,
            b'}' if depth > 0 => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            b'}' => {
                parts.push(&text[from..at]);
                return Some((parts, at + 1));
            }
            _ => {}
        }
        at += length_of_one(&text[at..]);
    }
    None
}

/// How long the escaped letter, the set or the letter is with which `text` begins.
fn length_of_one(text: &[u8]) -> usize {
    match text[0] {
        b'\\' => 2,
        b'[' => set_end(&text[1..]).map_or(1, |end| 1 + end),
        _ => 1,
    }
}

fn components(path: &[u8]) -> Vec<&[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect()
}

fn matches_components(parts: &[&[u8]], names: &[&[u8]]) -> bool {
    match (parts.split_first(), names.split_first()) {
        (None, None) => true,
        (Some((part, rest)), _) if *part == b"**" => {
            (0..=names.len()).any(|skipped| matches_components(rest, &names[skipped..]))
        }
        (Some((part, parts)), Some((name, names))) => matches_name(part, name) && matches_components(parts, names),
        _ => false,
    }
}

fn has_wildcard(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        rest = match byte {
            b'*' | b'?' | b'[' => return true,
            b'\\' => behind.get(1..).unwrap_or_default(),
            _ => behind,
        };
    }
    false
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        out.push(if *byte == b'\\' { *bytes.next().unwrap_or(byte) } else { *byte });
    }
    out
}

fn matches_name(pattern: &[u8], name: &[u8]) -> bool {
    if name.starts_with(b".") && !pattern.starts_with(b".") && !pattern.starts_with(b"\\.") {
        return false;
    }
    matches_rest(pattern, name)
}

/// Goes back only to the last star, which is enough: time is at most the product of the lengths.
fn matches_rest(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p + 1, n));
            p += 1;
            continue;
        }
        match (matches_one(&pattern[p..], name.get(n)), name.get(n)) {
            (Some(length), _) => {
                p += length;
                n += 1;
            }
            (None, None) if p == pattern.len() => return true,
            _ => match star {
                Some((behind, from)) if from < name.len() => {
                    star = Some((behind, from + 1));
                    (p, n) = (behind, from + 1);
                }
                _ => return false,
            },
        }
    }
}

/// How long the part of the pattern is that matches the one byte, if it does.
fn matches_one(pattern: &[u8], byte: Option<&u8>) -> Option<usize> {
    let byte = *byte?;
    match pattern.first()? {
        b'?' => Some(1),
        b'[' => {
            let set = &pattern[1..];
            let end = set_end(set)?;
            in_set(&set[..end - 1], byte).then_some(end + 1)
        }
        b'\\' => (pattern.get(1) == Some(&byte)).then_some(2),
        literal => (*literal == byte).then_some(1),
    }
}

/// How long a set is that begins behind its `[`, its `]` included; one right at the beginning belongs to it.
fn set_end(set: &[u8]) -> Option<usize> {
    let first = usize::from(matches!(set.first(), Some(b'!' | b'^')));
    let close = set.get(first + 1..)?.iter().position(|byte| *byte == b']')?;
    Some(first + 1 + close + 1)
}

fn in_set(set: &[u8], byte: u8) -> bool {
    let (is_negated, mut rest) = match set.split_first() {
        Some((b'!' | b'^', rest)) => (true, rest),
        _ => (false, set),
    };
    let mut found = false;
    while let Some((low, behind)) = rest.split_first() {
        if let [b'-', high, behind @ ..] = behind {
            found |= (*low..=*high).contains(&byte);
            rest = behind;
        } else {
            found |= *low == byte;
            rest = behind;
        }
    }
    found != is_negated
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::system::System;

    #[test]
    fn names_match_as_in_a_shell() {
        for (pattern, name) in [
            ("*.log", "a.log"),
            ("*", "a"),
            ("a*b*c", "aXbXbXc"),
            ("?.log", "a.log"),
            ("[a-c]x", "bx"),
            ("[!a-c]x", "dx"),
            ("[]]", "]"),
            (".*", ".hidden"),
            (r"\*", "*"),
            ("a*", "a"),
        ] {
            assert!(matches_name(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*.log", ".log"),
            ("*.log", "a.log.1"),
            ("?", ""),
            ("[a-c]x", "dx"),
            (r"\*", "a"),
            ("a*b", "abc"),
            ("", "a"),
        ] {
            assert!(!matches_name(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_without_a_slash_means_the_name_and_one_with_it_the_path() {
        let matches = |pattern: &str, path: &str| Pattern::new(pattern.as_bytes()).unwrap().matches(path.as_bytes());
        assert!(matches("*.log", "/var/log/a.log"));
        assert!(matches("/var/**/a.log", "/var/log/x/a.log"));
        assert!(matches("/var/**/a.log", "/var/a.log"));
        assert!(!matches("/var/*.log", "/var/log/a.log"));
    }

    #[test]
    fn what_stands_before_the_first_wildcard_is_fixed() {
        for (pattern, fixed) in [
            ("/var/log/*.log", "/var/log"),
            ("a/b?/c", "a"),
            ("*.log", ""),
            (r"/x\*/y/*", "/x*/y"),
            ("/a/x{b/c,d}/e", "/a"),
        ] {
            assert_eq!(Pattern::new(pattern.as_bytes()).unwrap().fixed_part(), Path::new(fixed), "{pattern}");
        }
    }

    #[test]
    fn braces_stand_for_each_of_their_parts() {
        let of = |text: &str| -> Vec<String> {
            let all = alternatives(text.as_bytes()).unwrap();
            all.into_iter().map(|text| String::from_utf8(text).unwrap()).collect()
        };
        assert_eq!(of("a{b,c}d"), ["abd", "acd"]);
        assert_eq!(of("{a,b}/{c,d}"), ["a/c", "a/d", "b/c", "b/d"]);
        assert_eq!(of("x{a,b{1,2},}"), ["xa", "xb1", "xb2", "x"]);
        assert_eq!(of("/{var/log,srv}/*.log"), ["/var/log/*.log", "/srv/*.log"]);
        for literal in ["a{b}c", "a{b,c", "a}b{", r"a\{b,c}", "[{,}]x"] {
            assert_eq!(of(literal), [literal]);
        }
        let matches = |pattern: &str, path: &str| Pattern::new(pattern.as_bytes()).unwrap().matches(path.as_bytes());
        assert!(matches("*.{log,txt}", "/x/a.txt") && !matches("*.{log,txt}", "/x/a.gz"));
        assert!(Pattern::new("{1,2}".repeat(11).as_bytes()).unwrap_err().contains("1024"));
        assert!(Pattern::of_name(b"a{b,c}").is_literal() && !Pattern::new(b"{a,b}").unwrap().is_literal());
    }

    #[test]
    fn an_open_set_is_refused() {
        assert!(Pattern::new(b"a[b").is_err());
        assert!(Pattern::new(b"").is_err());
    }

    #[test]
    fn files_are_found_in_directories_also_below_and_links_in_circles_do_no_harm() {
        let root = std::env::temp_dir().join(format!("logtail-glob-{}", std::process::id()));
        std::fs::create_dir_all(root.join("x/y")).unwrap();
        for name in ["a.log", "b.txt", "x/c.log", "x/y/d.log"] {
            std::fs::write(root.join(name), "").unwrap();
        }
        std::os::unix::fs::symlink(&root, root.join("x/loop")).unwrap();
        let expand = |pattern: &str| {
            let pattern = root.join(pattern);
            let paths = Pattern::new(pattern.as_os_str().as_bytes()).unwrap().expand(&System).paths;
            paths
                .iter()
                .map(|(path, _)| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let name = Pattern::of_name(root.join("[*?\\.log").as_os_str().as_bytes()).expand(&System).paths;
        assert_eq!(name, [(root.join("[*?\\.log"), None)]);
        let found = (expand("*.log"), expand("*/*.log"), expand("**/*.log"), expand("missing.log"));
        let all = (expand("**"), expand("x/**"), expand("**/"));
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(found.0, ["a.log"]);
        assert_eq!(found.1, ["x/c.log"]);
        assert_eq!(found.2, ["a.log", "x/c.log", "x/y/d.log"]);
        assert_eq!(found.3, ["missing.log"]);
        assert_eq!(all.0, ["a.log", "b.txt", "x/c.log", "x/y/d.log"]);
        assert_eq!(all.1, ["x/c.log", "x/loop/a.log", "x/loop/b.txt", "x/y/d.log"]);
        assert_eq!(all.2, all.0);
    }
}
