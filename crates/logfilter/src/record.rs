//! The fields of a line, straight from its text. Only the keys that somebody asks for are looked for, all of them in one
//! pass; the line is read member by member only where that pass could be deceived, or where it would not be enough:
//! see [`crate::plain`].
//!
//! In a JSON object without `\u` every key stands as it is spelled, and no string can hold `"key"` and a colon behind it:
//! its quotes would be escaped. If no brace follows the first, such a key is at the top. So in such a line the search is
//! right, provided that the line is a whole object, which only reading all of it can tell: see [`Reach::Unsure`].

use std::borrow::Cow;
use std::ops::Range;

use logline::json::{Member, members, skip_space, unescape, unescape_inner, value_length};
use logline::line::{Item, RS, Tag, classify};
use logline::position::Position;
use memchr::memchr2_iter;
use memchr::memmem::Finder;
use regex_automata::meta::Regex;
use regex_automata::util::prefilter::Prefilter;
use regex_automata::{Input, MatchKind, Span};

/// A line as a condition sees it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The whole line without its LF.
    raw: &'a [u8],
    /// What stands behind the tag; without a tag, the whole line.
    pub content: &'a [u8],
    /// What logtail wrote in front, if it did.
    pub tag: Option<Tag<'a>>,
}

impl<'a> Subject<'a> {
    /// A line that is no mark, without its LF.
    pub fn new(raw: &'a [u8]) -> Self {
        if raw.first() == Some(&RS)
            && let Item::Line(line) = classify(raw, false)
        {
            return Self { raw, content: line.content, tag: line.tag };
        }
        Self { raw, content: raw, tag: None }
    }

    /// Where the line was read, if it tells.
    pub fn position(&self) -> Option<Position> {
        if let Some(tag) = self.tag {
            return Position::parse(tag.position);
        }
        match classify(self.raw, false) {
            Item::Line(line) => line.position(),
            _ => None,
        }
    }
}

/// How far a reading of an object can be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// It is a whole object, and what was found is what it holds.
    Whole,
    /// It is none.
    Broken,
    /// If it is a whole object, what was found is what it holds.
    Unsure,
}

/// Where the values of the keys stand, by their number.
pub type Found = Vec<Option<Range<usize>>>;

/// The keys that are asked for, at the top of an object.
#[derive(Debug, Default)]
pub struct Keys {
    names: Vec<Name>,
    search: Option<Search>,
}

/// A key that is asked for.
#[derive(PartialEq, Eq, Debug)]
struct Name {
    /// With its quotes.
    quoted: Vec<u8>,
    /// It counts in any other case of its letters than the one in which it stands here.
    in_other_case: bool,
}

impl Name {
    fn new(name: &str, in_other_case: bool) -> Self {
        Self { quoted: [b"\"", name.as_bytes(), b"\""].concat(), in_other_case }
    }

    fn text(&self) -> &[u8] {
        &self.quoted[1..self.quoted.len() - 1]
    }

    /// Whether the key, without its quotes, is this one.
    #[inline]
    fn is(&self, key: &[u8]) -> bool {
        // Most are told apart by their length, without a call.
        key.len() + 2 == self.quoted.len() && self.is_of_its_length(key)
    }

    fn is_of_its_length(&self, key: &[u8]) -> bool {
        let is_same = key == self.text();
        if self.in_other_case { !is_same && key.eq_ignore_ascii_case(self.text()) } else { is_same }
    }
}

/// Finds keys with their quotes.
#[derive(Debug)]
enum Search {
    /// The only one, spelled just so: most conditions ask for one, and a prefilter takes a while to come to the same.
    One(Box<Finder<'static>>),
    /// Those that are spelled just so.
    Exact(Prefilter),
    /// Those in any case.
    OtherCase(Box<Regex>),
}

impl Search {
    fn new(names: &[Name]) -> Option<Self> {
        if let [name] = names
            && !name.in_other_case
        {
            return Some(Self::One(Box::new(Finder::new(&name.quoted).into_owned())));
        }
        if !names.iter().any(|name| name.in_other_case) {
            let quoted: Vec<&[u8]> = names.iter().map(|name| &*name.quoted).collect();
            return Prefilter::new(MatchKind::LeftmostFirst, &quoted).map(Self::Exact);
        }
        let patterns: Vec<String> = names
            .iter()
            .map(|name| {
                let escaped = regex_syntax::escape(std::str::from_utf8(&name.quoted).unwrap_or_default());
                if name.in_other_case { format!("(?i-u:{escaped})") } else { escaped }
            })
            .collect();
        let syntax = regex_automata::util::syntax::Config::new().utf8(false);
        let regex = Regex::builder().syntax(syntax).build(&patterns.join("|")).ok()?;
        Some(Self::OtherCase(Box::new(regex)))
    }

    fn find(&self, object: &[u8], at: usize) -> Option<Span> {
        let span = Span { start: at, end: object.len() };
        match self {
            Self::One(search) => {
                let start = at + search.find(&object[at..])?;
                Some(Span { start, end: start + search.needle().len() })
            }
            Self::Exact(search) => search.find(object, span),
            Self::OtherCase(search) => search.find(Input::new(object).span(span)).map(|found| found.span()),
        }
    }
}

impl Keys {
    /// The number of a key.
    pub fn number(&mut self, name: &str) -> usize {
        self.enter(Name::new(name, false))
    }

    /// The number of a key that counts in any other case of its letters than this.
    pub fn number_in_other_case(&mut self, name: &str) -> usize {
        self.enter(Name::new(name, true))
    }

    fn enter(&mut self, name: Name) -> usize {
        if let Some(number) = self.names.iter().position(|known| *known == name) {
            return number;
        }
        self.names.push(name);
        self.names.len() - 1
    }

    /// The number of a key that is asked for.
    pub fn known(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| !known.in_other_case && known.text() == name.as_bytes())
    }

    /// Whether none is asked for.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether a key, without its quotes and without escapes, is asked for.
    pub fn has(&self, key: &[u8]) -> bool {
        self.names.iter().any(|name| name.is(key))
    }

    /// Makes it so that none of the keys is found.
    pub fn clear(&self, found: &mut Found) {
        found.clear();
        found.resize(self.names.len(), None);
    }

    /// Makes the search ready. A name that can be spelled in more than one way is left to the reading of members.
    pub fn prepare(&mut self) {
        let has_one_spelling = |name: &Name| name.text().iter().all(|byte| *byte >= b' ' && !b"\"\\/".contains(byte));
        if self.names.iter().all(has_one_spelling) {
            self.search = Search::new(&self.names);
        }
    }

    /// Looks for all keys in `object`; of equal ones the last counts.
    pub fn read(&self, object: &[u8], found: &mut Found) -> Reach {
        self.clear(found);
        match &self.search {
            Some(search) if is_simple(object) => self.search(search, object, found),
            _ => self.walk(object, found),
        }
    }

    fn search(&self, search: &Search, object: &[u8], found: &mut Found) -> Reach {
        let mut at = 0;
        while let Some(name) = search.find(object, at) {
            at = name.end;
            let after = skip_space(object, name.end);
            // An escaped quote opens nothing.
            if object.get(after) != Some(&b':') || name.start == 0 || object[name.start - 1] == b'\\' {
                continue;
            }
            let start = skip_space(object, after + 1);
            let Some(length) = value_length(&object[start..]) else { return Reach::Broken };
            at = start + length;
            match search {
                // It is the one that was found.
                Search::One(_) => found[0] = Some(start..at),
                _ => self.enter_value(&object[name.start + 1..name.end - 1], &(start..at), found),
            }
        }
        Reach::Unsure
    }

    fn walk(&self, object: &[u8], found: &mut Found) -> Reach {
        for member in members(object) {
            let Ok(member) = member else { return Reach::Broken };
            if let Some(key) = unescape_inner(member.key) {
                self.enter_member(object, Member { key: &key, ..member }, found);
            }
        }
        Reach::Whole
    }

    /// Takes note of where the value of a member of `object` stands, whose key has no escapes any more.
    pub fn enter_member(&self, object: &[u8], member: Member<'_>, found: &mut Found) {
        let start = member.value.as_ptr().addr() - object.as_ptr().addr();
        self.enter_value(member.key, &(start..start + member.value.len()), found);
    }

    /// Takes note of where the value of a key stands.
    fn enter_value(&self, key: &[u8], range: &Range<usize>, found: &mut Found) {
        for (name, place) in self.names.iter().zip(found) {
            if name.is(key) {
                *place = Some(range.clone());
            }
        }
    }
}

/// Whether no object stands inside the object, and no character is written as `\u`.
fn is_simple(object: &[u8]) -> bool {
    object.split_first().is_some_and(|(_, rest)| {
        memchr2_iter(b'{', b'\\', rest).all(|at| rest[at] == b'\\' && rest.get(at + 1) != Some(&b'u'))
    })
}

/// The value of a field.
#[derive(Clone, Debug)]
pub enum Field<'r> {
    /// The text of a JSON value.
    Json(&'r [u8]),
    /// A text that is no JSON.
    Text(Cow<'r, [u8]>),
}

impl Field<'_> {
    /// As text: strings unescaped, anything else as it stands.
    pub fn text(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Json(raw) => unescape(raw).unwrap_or(Cow::Borrowed(raw)),
            Self::Text(text) => Cow::Borrowed(text),
        }
    }

    /// Whether it is a text and not a number, an object or the like.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Json([b'"', ..]))
    }

    /// Whether it is this very word of JSON: `null`, `true`, `false`.
    pub fn is(&self, word: &[u8]) -> bool {
        matches!(self, Self::Json(raw) if *raw == word)
    }

    /// Whether it holds for any element of an array; anything else is the one element of itself.
    pub fn any(&self, holds: impl Fn(&Self) -> bool) -> bool {
        match self {
            Self::Json([b'[', elements @ ..]) => Elements(elements).any(|element| holds(&element)),
            _ => holds(self),
        }
    }

    /// An element of an array by its place.
    pub fn element(&self, place: usize) -> Option<Self> {
        match self {
            Self::Json([b'[', elements @ ..]) => Elements(elements).nth(place),
            _ => None,
        }
    }
}

/// The elements of an array whose bracket has been read.
struct Elements<'r>(&'r [u8]);

impl<'r> Iterator for Elements<'r> {
    type Item = Field<'r>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.trim_ascii_start();
        let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
        let (element, rest) = rest.split_at(value_length(rest)?);
        self.0 = rest;
        Some(Field::Json(element))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn read(names: &[&str], object: &str) -> (Reach, Vec<Option<String>>) {
        let mut keys = Keys::default();
        for name in names {
            keys.number(name);
        }
        keys.prepare();
        let mut found = Found::new();
        let reach = keys.read(object.as_bytes(), &mut found);
        (reach, found.into_iter().map(|range| Some(object[range?].to_owned())).collect())
    }

    #[test]
    fn a_key_is_found_wherever_it_stands_and_however_it_is_spelled() {
        for object in [
            r#"{"a":1}"#,
            r#"{ "x" : "a" , "a" : 1 }"#,
            r#"{"a":0,"a":1}"#,
            r#"{"a":{"a":2},"\u0061":1}"#,
            r#"{"x":{"a":2},"a":1}"#,
            r#"{"a":1,"x":{"a":2}}"#,
            r#"{"x":"\"a\":2","a":1}"#,
            r#"{"x\"a":2,"a":1}"#,
            r#"{"x":"\\","a":1,"y":"\\\"a\":3"}"#,
            r#"{"x":["a","a"],"a":1}"#,
        ] {
            let (reach, found) = read(&["a", "b"], object);
            assert!(reach != Reach::Broken && found == [Some("1".to_owned()), None], "{object}: {reach:?} {found:?}");
        }
    }

    #[test]
    fn names_that_need_an_escape_are_found_too() {
        assert_eq!(read(&["a/b", "c\"d"], r#"{"a\/b":1,"c\"d":2}"#).1, [Some("1".to_owned()), Some("2".to_owned())]);
    }

    #[test]
    fn any_element_of_an_array_will_do_and_anything_else_is_one() {
        let has =
            |raw: &'static str, text: &str| Field::Json(raw.as_bytes()).any(|field| *field.text() == *text.as_bytes());
        for element in ["1", "a,b", "[2,3]", "null"] {
            assert!(has(r#"[1, "a,b" ,[2,3],null]"#, element), "{element}");
        }
        assert!(!has("[]", "") && !has("[1]", "[1]") && has("5", "5"));
        assert_eq!(Field::Json(b"[1,2]").element(1).map(|field| field.is(b"2")), Some(true));
        assert!(Field::Json(b"[1,2]").element(2).is_none() && Field::Json(b"1").element(0).is_none());
    }
}
