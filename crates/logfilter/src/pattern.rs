//! grep's patterns. A line is searched as if it stood alone, and yet many lines are searched at once: no pattern can match
//! over an LF, and what looks around itself (`^`, `$`, `\b`) is first left out, and asked again of the line that is found.

use logline::ending::{Trouble, cause, reason_of_regex};
use regex_automata::meta::{Cache, Regex};
use regex_automata::util::prefilter::Prefilter;
use regex_automata::{Input, MatchKind, Span};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Capture, Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange};
use regex_syntax::hir::{Hir, HirKind, Look, LookSet, Repetition};

use crate::args::Args;
use crate::needle;

/// Patterns, as one.
#[derive(Debug)]
pub struct Pattern {
    exact: Search,
    /// The same without what looks around itself; `None` where nothing does.
    loose: Option<Search>,
    /// Only the ends of lines are looked at: then many plain lines can be searched for the exact pattern.
    looks_at_ends: bool,
    /// Texts of which one is in every match; `None` where the search finds the pattern as fast, or they are not rare.
    rare: Option<Rare>,
}

/// Texts that lead to the lines that may match, as long as they are rare.
#[derive(Debug)]
struct Rare {
    search: Prefilter,
    found: usize,
    passed: usize,
}

impl Rare {
    /// Shorter texts are hardly rare.
    const SHORTEST: usize = 3;
    /// As many are looked at before it is judged.
    const TRIAL: usize = 64;
    /// To search each of the lines for itself is dearer than to pass by as many bytes.
    const APART: usize = 1024;

    fn of(hir: &Hir) -> Option<Self> {
        let needles = needle::required(hir)?;
        let shortest = needles.iter().map(Vec::len).min()?;
        let of_beginnings = needle::beginnings(hir).and_then(|all| all.iter().map(Vec::len).min());
        if shortest < Self::SHORTEST || of_beginnings >= Some(shortest) {
            return None;
        }
        let search = Prefilter::new(MatchKind::LeftmostFirst, &needles)?;
        Some(Self { search, found: 0, passed: 0 })
    }

    fn is_rare(&self) -> bool {
        self.found < Self::TRIAL || self.passed / self.found >= Self::APART
    }

    fn find(&mut self, lines: &[u8], at: usize) -> Option<usize> {
        let found = self.search.find(lines, Span { start: at, end: lines.len() })?;
        self.found += 1;
        self.passed += found.start - at;
        Some(found.start)
    }
}

#[derive(Debug)]
struct Search {
    regex: Regex,
    cache: Cache,
}

impl Search {
    /// `None` if it becomes too large.
    fn new(hir: &Hir) -> Option<Self> {
        let regex = Regex::builder().configure(Regex::config().utf8_empty(false)).build_from_hir(hir).ok()?;
        Some(Self { cache: regex.create_cache(), regex })
    }

    /// Some place at which a match ends, in the first line that has one.
    fn find(&mut self, lines: &[u8], at: usize) -> Option<usize> {
        let input = Input::new(lines).range(at..).earliest(true);
        self.regex.search_half_with(&mut self.cache, &input).map(|found| found.offset())
    }
}

/// A place that a search has found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hit {
    /// An offset inside the line, or that of its end.
    pub at: usize,
    /// The line matches, provided that it has no tag.
    pub is_certain: bool,
}

impl Pattern {
    /// The patterns of the command line; `None` where there are none. The error names the pattern and what is wrong.
    pub fn of(args: &Args) -> Result<Option<Self>, Trouble> {
        let mut patterns: Vec<String> = args.patterns().flat_map(|text| text.split('\n')).map(str::to_owned).collect();
        for file in &args.file {
            let text = std::fs::read_to_string(file).map_err(|error| Trouble::new(file.display(), cause(&error)))?;
            patterns.extend(text.lines().map(str::to_owned));
        }
        if patterns.is_empty() && args.file.is_empty() {
            return Ok(None);
        }
        // As in grep, a file without a pattern matches nothing.
        let all = patterns.iter().map(|pattern| {
            hir(pattern, args)
                .map_err(|reason| Trouble::new(format!("'{pattern}'"), format!("not a regular expression, {reason}")))
        });
        let all = Hir::alternation(all.collect::<Result<_, _>>()?);
        Self::new(&all).map(Some).ok_or_else(|| Trouble::new("PATTERN", "too large when compiled"))
    }

    fn new(hir: &Hir) -> Option<Self> {
        let looks = hir.properties().look_set();
        let ends = LookSet::singleton(Look::StartLF).insert(Look::EndLF);
        let loose = if looks.is_empty() { None } else { Some(Search::new(&rebuilt(hir, &|_| Hir::empty()))?) };
        let looks_at_ends = looks.intersect(ends) == looks;
        Some(Self { exact: Search::new(hir)?, loose, looks_at_ends, rare: Rare::of(hir) })
    }

    /// Whether the line matches.
    pub fn matches(&mut self, line: &[u8]) -> bool {
        self.exact.find(line, 0).is_some()
    }

    /// Whether [`Pattern::find`] has to be told of tags.
    pub fn minds_tags(&self) -> bool {
        self.looks_at_ends && self.loose.is_some()
    }

    /// The next place, from `at` on, whose line matches or may match. No line that matches is passed by, be its content
    /// tagged or not: only a search without looking around is fit for tagged ones.
    pub fn find(&mut self, lines: &[u8], at: usize, has_tags: bool) -> Option<Hit> {
        let hit = match (&mut self.rare, &mut self.loose) {
            (Some(rare), _) if rare.is_rare() => Hit { at: rare.find(lines, at)?, is_certain: false },
            (_, Some(loose)) if has_tags || !self.looks_at_ends => {
                Hit { at: loose.find(lines, at)?, is_certain: false }
            }
            _ => Hit { at: self.exact.find(lines, at)?, is_certain: true },
        };
        // A match that is empty behind the last LF is in no line.
        (hit.at < lines.len() || !lines.ends_with(b"\n")).then_some(hit)
    }
}

/// One pattern, its options applied. The error is the reason.
fn hir(pattern: &str, args: &Args) -> Result<Hir, String> {
    let text = if args.fixed_strings { regex_syntax::escape(pattern) } else { pattern.to_owned() };
    let parsed = ParserBuilder::new()
        .utf8(false)
        .multi_line(true)
        .case_insensitive(args.ignore_case)
        .build()
        .parse(&text)
        .map_err(|error| reason_of_regex(&error.to_string()).to_owned())?;
    let within = within_a_line(&parsed).ok_or("it asks for the end of a line, which no line has in it")?;
    let around =
        |look_before, look_after| Hir::concat(vec![Hir::look(look_before), within.clone(), Hir::look(look_after)]);
    Ok(match (args.line_regexp, args.word_regexp) {
        (true, _) => around(Look::StartLF, Look::EndLF),
        (_, true) => around(Look::WordStartHalfUnicode, Look::WordEndHalfUnicode),
        _ => within,
    })
}

/// The pattern, unable to match an LF; `None` where it asks for one by name. The ends of the text are those of the line.
fn within_a_line(hir: &Hir) -> Option<Hir> {
    if asks_for_lf(hir) {
        return None;
    }
    Some(rebuilt(hir, &|look| match look {
        Look::Start => Hir::look(Look::StartLF),
        Look::End => Hir::look(Look::EndLF),
        look => Hir::look(look),
    }))
}

fn asks_for_lf(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.contains(&b'\n'),
        HirKind::Repetition(repetition) => asks_for_lf(&repetition.sub),
        HirKind::Capture(capture) => asks_for_lf(&capture.sub),
        HirKind::Concat(all) | HirKind::Alternation(all) => all.iter().any(asks_for_lf),
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}

/// The same with no LF in any class, and with each look replaced.
fn rebuilt(hir: &Hir, look: &dyn Fn(Look) -> Hir) -> Hir {
    let all = |all: &[Hir]| all.iter().map(|hir| rebuilt(hir, look)).collect();
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) => hir.clone(),
        HirKind::Look(found) => look(*found),
        HirKind::Class(Class::Unicode(class)) => {
            let mut class = class.clone();
            class.difference(&ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')]));
            Hir::class(Class::Unicode(class))
        }
        HirKind::Class(Class::Bytes(class)) => {
            let mut class = class.clone();
            class.difference(&ClassBytes::new([ClassBytesRange::new(b'\n', b'\n')]));
            Hir::class(Class::Bytes(class))
        }
        HirKind::Repetition(repetition) => {
            Hir::repetition(Repetition { sub: Box::new(rebuilt(&repetition.sub, look)), ..repetition.clone() })
        }
        HirKind::Capture(capture) => {
            Hir::capture(Capture { sub: Box::new(rebuilt(&capture.sub, look)), ..capture.clone() })
        }
        HirKind::Concat(subs) => Hir::concat(all(subs)),
        HirKind::Alternation(subs) => Hir::alternation(all(subs)),
    }
}

/// Whether a pattern looks like a condition on fields.
pub fn looks_like_condition(pattern: &str) -> bool {
    const SIGNS: [&str; 8] = ["==", "!=", ">=", "<=", "=~", "!~", " > ", " < "];
    let Some((at, sign)) = SIGNS.iter().filter_map(|sign| Some((pattern.find(sign)?, sign))).min() else {
        return false;
    };
    let (field, value) = (pattern[..at].trim_end(), pattern[at + sign.len()..].trim_start());
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '@' | '.');
    field.starts_with(|c: char| c.is_ascii_alphabetic() || c == '@' || c == '.')
        && field.chars().all(is_name)
        && !value.is_empty()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use clap::Parser as _;

    use super::*;

    fn pattern(arguments: &[&str]) -> Result<Option<Pattern>, String> {
        let arguments = [&["logfilter"], arguments].concat();
        Pattern::of(&Args::try_parse_from(arguments).unwrap()).map_err(|trouble| trouble.to_string())
    }

    #[test]
    fn no_pattern_matches_over_the_end_of_a_line() {
        for (arguments, lines) in [
            (&["a[^x]b"][..], "a\nb"),
            (&[r"a\sb"], "a\nb"),
            (&["(?s)a.b"], "a\nb"),
            (&["-x", "a[^x]*"], "b\na b\nb"),
            (&["a$[^x]?^b"], "a\nb"),
        ] {
            let mut pattern = pattern(arguments).unwrap().unwrap();
            let is_in_a_line = lines.split('\n').any(|line| pattern.matches(line.as_bytes()));
            let hit = pattern.find(lines.as_bytes(), 0, false);
            assert_eq!(hit.is_some_and(|hit| hit.is_certain), is_in_a_line, "{arguments:?}");
        }
    }

    #[test]
    fn the_ends_of_the_text_are_those_of_the_line() {
        let mut pattern = pattern(&[r"\Aa\z"]).unwrap().unwrap();
        assert_eq!(pattern.find(b"b\na\nb", 0, false), Some(Hit { at: 3, is_certain: true }));
    }

    #[test]
    fn a_line_feed_parts_patterns_and_none_can_be_asked_for() {
        let mut either = pattern(&["a\nb"]).unwrap().unwrap();
        assert!(either.matches(b"xb") && either.matches(b"xa") && !either.matches(b"x"));
        assert!(pattern(&[r"a\nb"]).unwrap_err().contains("end of a line"));
    }

    #[test]
    fn a_bad_pattern_is_named_with_what_is_wrong() {
        assert_eq!(pattern(&["-e", "ok", "-e", "a("]).unwrap_err(), "'a(': not a regular expression, unclosed group");
        assert!(pattern(&[r"\w{1000}{1000}"]).unwrap_err().contains("too"));
        assert!(pattern(&[]).unwrap().is_none());
    }

    #[test]
    fn what_looks_like_a_condition_is_known() {
        for text in ["status >= 500", "status==500", "@timestamp < 5", ".a.b != x", "uri =~ \"x\""] {
            assert!(looks_like_condition(text), "{text}");
        }
        for text in ["error", "<html>", "a=b", "a>b", "=> x", "GET /a == b", "x ==", "-> >= 5"] {
            assert!(!looks_like_condition(text), "{text}");
        }
    }
}
