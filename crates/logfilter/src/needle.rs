//! Texts of which one must stand in every line for which a condition holds: what has none of them need not be looked at.
//! A line with an escape that can hide letters (`\u0041`, `\/`) has to be looked at all the same.

use memchr::memchr_iter;
use regex_automata::util::prefilter::Prefilter;
use regex_automata::{MatchKind, Span};
use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Hir, HirKind};

use crate::expr::{Asked, Expr, Kind, Relation, Step, Test};
use crate::value::{Number, Value};

/// Shorter ones stand in nearly every line.
const SHORTEST: usize = 2;
/// More of them are no faster than reading.
const MOST: usize = 64;

/// Searches lines for needles.
#[derive(Debug)]
pub struct Needles(Prefilter);

impl Needles {
    /// The needles of conditions that must all hold; `None` where nothing need stand in the line.
    pub fn of(conditions: &[Expr]) -> Option<Self> {
        let needles = best(conditions.iter().filter_map(needles))?;
        Prefilter::new(MatchKind::LeftmostFirst, &needles).map(Self)
    }

    /// Where, from `at` on, the next needle stands or may be hidden.
    pub fn find(&self, lines: &[u8], at: usize, ahead: &mut Ahead) -> Option<usize> {
        if ahead.needle.is_none_or(|needle| needle < at) {
            let found = self.0.find(lines, Span { start: at, end: lines.len() });
            ahead.needle = Some(found.map_or(lines.len(), |span| span.start));
        }
        if ahead.escape.is_none_or(|escape| escape < at) {
            let hides = |escape: &usize| matches!(lines.get(at + escape + 1), Some(b'u' | b'/'));
            let found = memchr_iter(b'\\', &lines[at..]).find(hides);
            ahead.escape = Some(found.map_or(lines.len(), |found| at + found));
        }
        ahead.needle.min(ahead.escape).filter(|found| *found < lines.len())
    }
}

/// What has been found ahead in the same lines; their length where there is none.
#[derive(Clone, Copy, Default, Debug)]
pub struct Ahead {
    needle: Option<usize>,
    escape: Option<usize>,
}

/// Of several sets, each of which would do, the one whose shortest needle is the longest.
fn best(sets: impl Iterator<Item = Vec<Vec<u8>>>) -> Option<Vec<Vec<u8>>> {
    sets.max_by_key(|set| set.iter().map(Vec::len).min())
}

fn needles(expr: &Expr) -> Option<Vec<Vec<u8>>> {
    match expr {
        Expr::And(all) => best(all.iter().filter_map(needles)),
        Expr::Or(all) => joined(all.iter().map(needles)),
        Expr::Not(_) | Expr::Sample(_) => None,
        Expr::Test(test) => of_test(test),
    }
}

fn joined(sets: impl Iterator<Item = Option<Vec<Vec<u8>>>>) -> Option<Vec<Vec<u8>>> {
    let needles: Vec<Vec<u8>> = sets.collect::<Option<Vec<_>>>()?.concat();
    (needles.len() <= MOST).then_some(needles)
}

fn of_test(test: &Test) -> Option<Vec<Vec<u8>>> {
    // A level has many names and a time many spellings; a request may be in three pieces, and a path be told by the tag.
    let is_apart = matches!(test.field.as_slice(), [Step::Key(key), ..] if key == "request" || key == "_file");
    if is_apart || Kind::of(&test.field) != Kind::Any {
        return None;
    }
    match &test.asked {
        Asked::Compare(Relation::Equal, value) => Some(vec![of_value(value)?]),
        Asked::In(values, false) => joined(values.iter().map(|value| Some(vec![of_value(value)?]))),
        Asked::Contains(text, false) | Asked::StartsWith(text) | Asked::EndsWith(text) => Some(vec![of_text(text)?]),
        Asked::Match(pattern, false) => of_pattern(pattern),
        _ => None,
    }
}

/// A text that is a number may equal one that is written otherwise.
fn of_value(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Text(text) if Number::parse(text.as_bytes()).is_none() => of_text(text),
        _ => None,
    }
}

fn of_text(text: &str) -> Option<Vec<u8>> {
    of_bytes(text.as_bytes())
}

/// The longest part that JSON writes as it is.
fn of_bytes(text: &[u8]) -> Option<Vec<u8>> {
    let parts = text.split(|byte| is_special(*byte));
    parts.max_by_key(|part| part.len()).filter(|part| part.len() >= SHORTEST).map(<[u8]>::to_vec)
}

/// What is in every match of a pattern, as JSON writes it.
fn of_pattern(pattern: &str) -> Option<Vec<Vec<u8>>> {
    let hir = regex_syntax::ParserBuilder::new().utf8(false).build().parse(pattern).ok()?;
    let as_written = |all: Vec<Vec<u8>>| joined(all.iter().map(|text| Some(vec![of_bytes(text)?])));
    best([beginnings(&hir), required(&hir)].into_iter().flatten().filter_map(as_written))
}

/// Texts with one of which every match begins.
pub fn beginnings(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let beginnings = Extractor::new().extract(hir);
    let all = beginnings.literals().filter(|all| !all.is_empty() && all.len() <= MOST)?;
    Some(all.iter().map(|text| text.as_bytes().to_vec()).collect())
}

/// Texts of which one is in every match.
pub fn required(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Literal(text) => Some(vec![text.0.to_vec()]),
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        HirKind::Concat(all) => best(all.iter().filter_map(required)),
        HirKind::Alternation(all) => joined(all.iter().map(required)),
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

fn is_special(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use logline::time::Zone;

    use super::*;
    use crate::parse::parse;

    fn of(text: &str) -> Option<Vec<String>> {
        let needles = needles(&parse(text, &Zone::Fixed(0)).unwrap())?;
        Some(needles.into_iter().map(|needle| String::from_utf8(needle).unwrap()).collect())
    }

    #[test]
    fn a_condition_names_what_must_stand_in_the_line() {
        for (text, expected) in [
            ("method == GET", &["GET"][..]),
            ("a == x1 and b contains 'much longer'", &["much longer"]),
            ("a == 'x1' or b in [y1, z1]", &["x1", "y1", "z1"]),
            ("uri startswith '/api/'", &["/api/"]),
            ("a contains 'say \"hello\" to'", &["hello"]),
            ("uri ~ '^/(api|img)/'", &["/api/", "/img/"]),
            ("uri ~ '[a-z]+[.](php|cgi)$'", &["php", "cgi"]),
            ("uri ~ '.*xy'", &["xy"]),
            ("status >= 500 and agent contains bot", &["bot"]),
        ] {
            assert_eq!(of(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn where_the_text_may_be_missing_or_otherwise_there_is_no_needle() {
        for text in [
            "status == 500",
            "status == '500'",
            "a != xy",
            "not (a == xy)",
            "a not contains xy",
            "a == xy or status > 1",
            "level == error",
            "time == 2026-11-23",
            "request contains GET",
            "_file contains access",
            "a == x",
            "a ~ '.*(xy)?'",
            "a",
            "sample 1%",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn a_letter_that_is_escaped_is_a_place_to_look_at() {
        let needles = Needles::of(&[parse("a == xy", &Zone::Fixed(0)).unwrap()]).unwrap();
        let lines = br#"{"a":"z"} {"a":"\n"} {"a":"\u0078y"} xy"#;
        let mut ahead = Ahead::default();
        assert_eq!(needles.find(lines, 0, &mut ahead), Some(27));
        assert_eq!(needles.find(lines, 28, &mut ahead), Some(lines.len() - 2));
        assert_eq!(needles.find(lines, lines.len() - 1, &mut ahead), None);
    }
}
