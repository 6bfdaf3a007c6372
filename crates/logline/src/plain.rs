//! An object, or the end of one, as logparse writes most of them, read in one pass. Records that stand next to each other
//! mostly have the same keys: what stands between two of their values is compared as a whole with what stood there before.
//!
//! The invariant: what is known was read before, so a text is plain by what is known only if it is plain by `read`.

use std::cell::Cell;
use std::ops::Range;

use wide::i8x16;

use crate::json::{Member, scalar_end};
use crate::lanes::{self, LANES};

/// What follows a [`Piece`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Value {
    /// A number or a word.
    Scalar = 0,
    /// The text of a string, up to its quote.
    Text = 1,
}

impl Value {
    /// How many quotes stand on each side of it.
    const fn quotes(self) -> usize {
        self as usize
    }

    /// How many bytes stand between a key and such a value: the quote, the colon and its own.
    const fn gap(self) -> usize {
        2 + self.quotes()
    }

    /// The raw value that stands at `range`, the quotes of a text apart.
    #[inline]
    fn of(self, text: &[u8], range: Range<usize>) -> &[u8] {
        text.get(range.start - self.quotes()..range.end + self.quotes()).unwrap_or_default()
    }
}

/// Reads the end of an object: members, each behind a comma, and the brace, in ASCII without escapes, white space or anything
/// nested; or a whole one, with a brace in place of the first comma. `see` is given each member and what stands between the
/// value before it and its own, with the kind of that. If the text is none, the result is false and what was given says
/// nothing.
fn read<'t>(text: &'t [u8], mut see: impl FnMut(Member<'t>, Range<usize>, Value)) -> bool {
    let mut quotes = Quotes::new(text);
    let mut end = 0;
    loop {
        let comma = end + usize::from(end > 0 && text.get(end) == Some(&b'"'));
        let opening = if end == 0 && opens_object(text) { b"{\"" } else { b",\"" };
        if !starts_with(text, comma, opening) {
            return text.get(comma..) == Some(b"}") && !quotes.is_odd();
        }
        let Some(close) = quotes.next_from(comma + 2) else { return false };
        let (begin, value) = match starts_with(text, close, b"\":\"") {
            true => (close + 3, Value::Text),
            false if starts_with(text, close, b"\":") => (close + 2, Value::Scalar),
            false => return false,
        };
        let piece = end..begin;
        end = match value_end(text, &mut quotes, begin, value) {
            Some(found) => found,
            None => return false,
        };
        see(Member { key: &text[comma + 2..close], value: value.of(text, begin..end) }, piece, value);
    }
}

/// Where a value ends: a text in front of its quote, which no scalar has behind it.
#[inline]
fn value_end(text: &[u8], quotes: &mut Quotes<'_>, begin: usize, value: Value) -> Option<usize> {
    match value {
        Value::Text => quotes.next_from(begin),
        Value::Scalar => scalar_end(text, begin).filter(|end| text.get(*end) != Some(&b'"')),
    }
}

/// Whether an object begins here, and not the end of one.
fn opens_object(text: &[u8]) -> bool {
    text.first() == Some(&b'{')
}

fn starts_with(text: &[u8], at: usize, with: &[u8]) -> bool {
    text.get(at..).is_some_and(|rest| rest.starts_with(with))
}

/// What stood between the values of records before, keys and all, and what the reader of the records has made of each key.
#[derive(Debug)]
pub struct Layout<T = u32> {
    pieces: Vec<Piece<T>>,
    /// The one that a text began with.
    first: Cell<Option<usize>>,
    /// How many times all that was known has been forgotten.
    forgotten: usize,
    /// How many texts [`Layout::each`] could not learn.
    failures: usize,
}

impl<T> Default for Layout<T> {
    fn default() -> Self {
        Self { pieces: Vec::new(), first: Cell::default(), forgotten: 0, failures: 0 }
    }
}

/// No more pieces are known at a time: logs of an application may have any number of keys.
const MOST: usize = 32;

/// What stands between two values: `","status":`.
#[derive(Debug)]
struct Piece<T> {
    text: [u8; ROOM],
    /// A bit for each of its bytes, the first the lowest.
    bits: u32,
    length: usize,
    /// How far in front of its end its key begins.
    key: usize,
    value: Value,
    /// What the reader of the records has made of its key.
    made: T,
    /// The one that followed it.
    next: Cell<Option<usize>>,
}

/// A longer piece is never known.
const ROOM: usize = 2 * LANES;

impl<T> Piece<T> {
    fn new(text: &[u8], value: Value, made: T) -> Self {
        // The key stands behind the quote of a text, if one is before it, the comma or brace and a quote.
        let key = text.len() - if text[0] == b'"' { 3 } else { 2 };
        let mut piece = Self { text: [0; ROOM], bits: 0, length: text.len(), key, value, made, next: Cell::default() };
        piece.text[..text.len()].copy_from_slice(text);
        piece.bits = u32::MAX >> (ROOM - text.len());
        piece
    }

    /// The member of `text` whose value stands at `range`, behind this.
    #[inline]
    fn member<'t>(&self, text: &'t [u8], range: Range<usize>) -> Member<'t> {
        let key = range.start - self.key..range.start - self.value.gap();
        Member { key: &text[key], value: self.value.of(text, range) }
    }

    /// Whether `text` begins with it.
    #[inline]
    fn begins(&self, text: &[u8]) -> bool {
        let Some(other) = text.first_chunk::<ROOM>() else {
            return text.starts_with(&self.text[..self.length]);
        };
        let equal = |half: usize| {
            let [one, other] = [&self.text, other].map(|text| lanes::at(text, half * LANES));
            one.simd_eq(other).to_bitmask() << (half * LANES)
        };
        !(equal(0) | equal(1)) & self.bits == 0
    }
}

/// Which keys a text has, and in which order: two texts that one layout has read have the same if these are equal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keys {
    /// The numbers of their pieces behind a one, five bits each.
    pieces: u128,
    /// How many times the layout had forgotten all.
    forgotten: usize,
}

impl Keys {
    /// No more keys have a place in `pieces`.
    const MOST: usize = 25;
}

/// What [`Layout::read_end`] tells of a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End {
    /// The marks of all its keys.
    pub marks: u32,
    /// Which they are, if they have all come before and are not many.
    pub keys: Option<Keys>,
}

impl Layout {
    /// Whether `text` is the end of an object as `read` says, and has no key of those that `is_taken` holds for. That must
    /// say the same of a key each time.
    #[inline]
    pub fn is_plain_end(&mut self, text: &[u8], is_taken: impl Fn(&[u8]) -> bool) -> bool {
        if opens_object(text) {
            return false;
        }
        let known = self.knows(text, |_, _, _| true);
        known.unwrap_or_else(|| self.learn(text, |key, _| (!is_taken(key)).then_some(0), |_, _| {}))
    }

    /// Appends the members of `text` to `members`, if it is the end of an object as `read` says and `mark` gives marks for
    /// each of its keys. Else it is `None`, and nothing is appended. `mark` must say the same of a key each time.
    #[inline]
    pub fn read_end<'t>(
        &mut self,
        text: &'t [u8],
        members: &mut Vec<Member<'t>>,
        mark: impl Fn(&[u8]) -> Option<u32>,
    ) -> Option<End> {
        if opens_object(text) {
            return None;
        }
        let (before, mut marks, mut pieces) = (members.len(), 0, 1);
        let known = self.knows(text, |number, piece, range| {
            members.push(piece.member(text, range));
            marks |= piece.made;
            pieces = (pieces << 5) | number as u128;
            true
        });
        let has_keys = known.is_some() && members.len() - before <= Keys::MOST;
        let is_plain = known.unwrap_or_else(|| {
            members.truncate(before);
            self.learn(
                text,
                |key, _| mark(key),
                |member, its| {
                    members.push(member);
                    marks |= its;
                },
            )
        });
        if is_plain {
            let keys = has_keys.then_some(Keys { pieces, forgotten: self.forgotten });
            return Some(End { marks, keys });
        }
        members.truncate(before);
        None
    }

    /// Gives `see` the members of `object` whose keys have marks by `mark`, in their order, and returns the marks of all keys, if
    /// `object` is a whole object as `read` says. Else the result is `None`, and what was given says nothing. An object with a
    /// key that is new is read twice, so that the members in front of that key are given twice. `mark` must say the same of a
    /// key each time.
    #[inline]
    pub fn read_object<'t>(
        &mut self,
        object: &'t [u8],
        mark: impl Fn(&[u8]) -> u32,
        mut see: impl FnMut(Member<'t>),
    ) -> Option<u32> {
        if !opens_object(object) {
            return None;
        }
        let mut marks = 0;
        let known = self.knows(object, |_, piece, range| {
            if piece.made != 0 {
                see(piece.member(object, range));
                marks |= piece.made;
            }
            true
        });
        let is_plain = known.unwrap_or_else(|| {
            self.learn(
                object,
                |key, _| Some(mark(key)),
                |member, its| {
                    if its != 0 {
                        see(member);
                        marks |= its;
                    }
                },
            )
        });
        is_plain.then_some(marks)
    }
}

/// A layout that has failed more times to learn a text is not asked about others.
const MOST_FAILURES: usize = 8;

impl<T: Clone> Layout<T> {
    /// Gives `see` what was made of each key of `text` and the value behind it, the quotes of a string apart. False if `text`
    /// is no end of an object as `read` says, has a key that has not come before, which then is known the next time, or if
    /// `see` does not want one: then what was given says nothing. `make` is given a key and what stands in front of its value.
    #[inline]
    pub fn each<'t>(
        &mut self,
        text: &'t [u8],
        make: impl Fn(&[u8], &[u8]) -> T,
        mut see: impl FnMut(&T, &'t [u8]) -> bool,
    ) -> bool {
        if self.failures > MOST_FAILURES || opens_object(text) {
            return false;
        }
        let known = self.knows(text, |_, piece, range| see(&piece.made, &text[range]));
        known.unwrap_or_else(|| {
            self.learn(text, |key, piece| Some(make(key, piece)), |_, _| {});
            if self.knows(text, |_, _, _| true).is_none() {
                self.failures += 1;
            }
            false
        })
    }

    /// Whether the text is plain, if nothing stands between its values but pieces that are known: `see` is given each with its
    /// number, and where the value behind it stands. A text that it does not want is none.
    #[inline]
    fn knows(&self, text: &[u8], mut see: impl FnMut(usize, &Piece<T>, Range<usize>) -> bool) -> Option<bool> {
        if text.first() == Some(&b'"') {
            return Some(false);
        }
        let mut quotes = Quotes::new(text);
        let (mut rest, mut guess) = (text, &self.first);
        while rest.len() > 2 {
            let (number, piece) = match guess.get().and_then(|guess| Some((guess, self.pieces.get(guess)?))) {
                Some((number, piece)) if piece.begins(rest) => (number, piece),
                _ => match self.find(rest, rest.len() == text.len()) {
                    Some(found) => {
                        guess.set(Some(found));
                        (found, &self.pieces[found])
                    }
                    None if quotes.is_odd() => return Some(false),
                    None => return None,
                },
            };
            let begin = text.len() - rest.len() + piece.length;
            let end = value_end(text, &mut quotes, begin, piece.value)?;
            if !see(number, piece, begin..end) {
                return Some(false);
            }
            rest = &text[end..];
            guess = &piece.next;
        }
        Some(matches!(rest, b"\"}" | b"}") && !quotes.is_odd())
    }

    /// The piece that `rest` begins with, which is a whole text or what follows a value.
    fn find(&self, rest: &[u8], is_whole: bool) -> Option<usize> {
        self.pieces.iter().position(|piece| (is_whole || !opens_object(&piece.text)) && piece.begins(rest))
    }

    /// Reads a text, with what `make` makes of each key and what stands in front of its value, which are known from then on.
    #[cold]
    fn learn<'t>(
        &mut self,
        text: &'t [u8],
        make: impl Fn(&[u8], &[u8]) -> Option<T>,
        mut see: impl FnMut(Member<'t>, T),
    ) -> bool {
        let mut are_known = true;
        let mut pieces = Vec::new();
        let is_plain = read(text, |member, piece, value| match make(member.key, &text[piece.clone()]) {
            Some(made) => {
                pieces.push((&text[piece], value, made.clone()));
                see(member, made);
            }
            None => are_known = false,
        });
        if !(is_plain && are_known) {
            return false;
        }
        for (piece, value, made) in pieces {
            let is_known = self.pieces.iter().any(|known| known.text[..known.length] == *piece);
            if piece.len() <= ROOM && !is_known {
                if self.pieces.len() == MOST {
                    self.pieces.clear();
                    self.forgotten += 1;
                }
                self.pieces.push(Piece::new(piece, value, made));
            }
        }
        true
    }
}

/// The quotes of a text, and whether anything odd stands in front of the last one.
struct Quotes<'a> {
    text: &'a [u8],
    /// What was looked at holds a control character, a backslash or what is not ASCII, where a bit is set.
    odd: i8x16,
    /// Where the bytes begin that were looked at last.
    begin: usize,
    /// The quotes among them: the first byte's bit is the lowest.
    marks: u64,
}

/// How many bytes [`Quotes`] looks at in one step: each has a bit.
const BLOCK: usize = 64;

impl<'a> Quotes<'a> {
    #[inline]
    fn new(text: &'a [u8]) -> Self {
        let mut quotes = Self { text, odd: i8x16::default(), begin: 0, marks: 0 };
        match text.first_chunk() {
            Some(block) => quotes.look(block),
            None => {
                let mut block = [b' '; BLOCK];
                block[..text.len()].copy_from_slice(text);
                quotes.look(&block);
            }
        }
        quotes
    }

    /// Where the first one stands that does not stand in front of `at`, which rises from call to call.
    #[inline]
    fn next_from(&mut self, at: usize) -> Option<usize> {
        let mut at = at;
        loop {
            let passed = at - self.begin;
            if passed < BLOCK {
                let marks = self.marks >> passed;
                if marks != 0 {
                    return Some(at + marks.trailing_zeros() as usize);
                }
            }
            let next = self.begin + BLOCK;
            if next >= self.text.len() {
                return None;
            }
            at = at.max(next);
            // The last block overlaps the one before it.
            self.begin = next.min(self.text.len() - BLOCK);
            self.look(self.text[self.begin..].first_chunk()?);
        }
    }

    #[inline]
    fn look(&mut self, block: &[u8; BLOCK]) {
        self.marks = 0;
        for at in 0..BLOCK / LANES {
            let bytes = lanes::at(block, at * LANES);
            self.odd |= bytes.simd_lt(i8x16::splat(0x20)) | lanes::any(bytes, *b"\\");
            self.marks |= u64::from(lanes::any(bytes, *b"\"").to_bitmask()) << (at * LANES);
        }
    }

    fn is_odd(&self) -> bool {
        self.odd.to_bitmask() != 0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::json::{is_valid_object, members};

    fn is_plain(text: &[u8]) -> bool {
        !opens_object(text) && read(text, |_, _, _| {})
    }

    /// Says of a text what a layout says that knows the text, or others, or nothing: it must be the same each time. The second
    /// layout is for objects.
    fn judge([known, objects]: &mut [Layout; 2], text: &[u8]) -> bool {
        let is_new = Layout::default().is_plain_end(text, |_| false);
        let [first, second] = [(); 2].map(|()| known.is_plain_end(text, |_| false));
        assert_eq!((first, second, is_plain(text)), (is_new, is_new, is_new), "{}", text.escape_ascii());
        let (mut layout, mut found) = (Layout::default(), Vec::new());
        for _ in 0..2 {
            found.clear();
            let end = layout.read_end(text, &mut found, |key| Some(1 << (key.len() % 32)));
            assert_eq!(end.is_some(), is_new, "{}", text.escape_ascii());
            assert_eq!(
                end.map_or(0, |end| end.marks),
                found.iter().fold(0, |marks, member| marks | 1 << (member.key.len() % 32))
            );
        }
        let object = [br#"{"o":0"#, text].concat();
        assert!(judge_object(objects, &object) || !is_new);
        if let [b',', rest @ ..] = text {
            assert_eq!(judge_object(objects, &[b"{", rest].concat()), is_new);
        }
        if is_new {
            assert!(is_valid_object(&object), "{}", text.escape_ascii());
            let expected: Vec<_> = members(&object).skip(1).map(Result::unwrap).collect();
            assert_eq!(found, expected, "{}", text.escape_ascii());
        }
        is_new
    }

    /// The same of an object, whose marked keys are those of an odd length.
    fn judge_object(known: &mut Layout, object: &[u8]) -> bool {
        let is_plain = read(object, |_, _, _| {});
        assert!(is_valid_object(object) || !is_plain, "{}", object.escape_ascii());
        for layout in [&mut Layout::default(), known] {
            for _ in 0..2 {
                let mut found = Vec::new();
                let marks =
                    layout.read_object(object, |key| u32::from(key.len() % 2 == 1), |member| found.push(member));
                assert_eq!(marks.is_some(), is_plain, "{}", object.escape_ascii());
                if is_plain {
                    let odd = |member: &Member<'_>| member.key.len() % 2 == 1;
                    let expected: Vec<_> = members(object).map(Result::unwrap).filter(odd).collect();
                    assert!(found.ends_with(&expected), "{}", object.escape_ascii());
                    assert_eq!(marks, Some(u32::from(!expected.is_empty())));
                }
            }
        }
        is_plain
    }

    #[test]
    fn the_plain_end_of_an_object_tells_its_keys() {
        let keys = |text: &str| {
            let mut keys = Vec::new();
            read(text.as_bytes(), |member, _, _| keys.push(String::from_utf8(member.key.to_vec()).unwrap()))
                .then_some(keys)
        };
        let long = format!(r#","{}":1,"{}":"{}","c":-1.5e3}}"#, "k".repeat(100), "l".repeat(70), ":,}".repeat(50));
        for (text, expected) in [
            (r#","a":"b","c":1,"d":true,"e":"","":null}"#, Some(vec!["a", "c", "d", "e", ""])),
            (r#","a":1}"#, Some(vec!["a"])),
            ("}", Some(vec![])),
            (&long, Some(vec![&long[2..102], &long[107..177], "c"])),
            ("", None),
            ("\"}", None),
            (r#"","a":1}"#, None),
            (r#","a":"b"} "#, None),
            (r#","a":"b"}}"#, None),
            (r#","a" :"b"}"#, None),
            (r#","a":[1]}"#, None),
            (r#","a":{}}"#, None),
            (r#","a":"\n"}"#, None),
            (r#","a":01}"#, None),
            (",\"a\":\"\u{e9}\"}", None),
        ] {
            assert_eq!(keys(text), expected.map(|keys| keys.into_iter().map(str::to_owned).collect()), "{text}");
            judge(&mut Default::default(), text.as_bytes());
        }
    }

    #[test]
    fn what_ends_no_object_has_no_plain_end_whatever_is_wrong_and_known() {
        let text = format!(r#","a":"b","c":12,"d":true,"e":"{}","status":200,"f":null}}"#, "x".repeat(60));
        let mut layouts = Default::default();
        assert!(judge(&mut layouts, text.as_bytes()));
        for at in 0..text.len() {
            for byte in b"\",:{}[]x1t \x00\\\xff-." {
                for length in [0, 1] {
                    let mut other = text.as_bytes().to_vec();
                    other.splice(at..at + length, [*byte]);
                    judge(&mut layouts, &other);
                }
            }
            assert!(!judge(&mut layouts, &text.as_bytes()[..at]));
        }
    }

    #[test]
    fn what_is_known_is_judged_as_what_is_read() {
        const PARTS: [&str; 24] = [
            ",\"a\":",
            "\"",
            "\",\"b\":\"",
            "12",
            "7",
            "x",
            "\"}",
            "}",
            "{",
            "\\\"",
            "\u{e9}",
            ":",
            ",",
            "true",
            "-0.5e7",
            "\",\"key_that_is_longer_than_is_ever_known\":\"",
            "\":\"",
            "\",\"status\":",
            ",\"bytes\":",
            "[1]",
            " ",
            "0",
            "sixty-four bytes of text, so that a block ends somewhere in here",
            "\u{1}",
        ];
        let mut layouts = Default::default();
        let (mut plain, mut state) = (0, 1_u64);
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for _ in 0..50_000 {
            // A record of an application, of which some parts are then changed.
            let mut text = Vec::new();
            for _ in 0..random(6) {
                let key = ["a", "b", "status", "longer_than_most_keys_are"][random(4)];
                let value = ["1", "\"\"", "\"some text\"", "-1.25", "null", "123456789"][random(6)];
                text.extend_from_slice(format!(",\"{key}\":{value}").as_bytes());
            }
            text.push(b'}');
            for _ in 0..random(3) {
                let at = random(text.len());
                let end = at + random(text.len() - at + 1).min(random(4));
                text.splice(at..end, PARTS[random(PARTS.len())].bytes());
            }
            plain += usize::from(judge(&mut layouts, &text));
        }
        assert!((20_000..40_000).contains(&plain), "{plain}");
    }

    #[test]
    fn texts_with_the_same_keys_and_no_others_are_told_by_them() {
        let end = |layout: &mut Layout, text: &str| layout.read_end(text.as_bytes(), &mut Vec::new(), |_| Some(0));
        let texts = [r#","a":1,"b":"x"}"#, r#","b":"x","a":1}"#, r#","a":1}"#, r#","a":1,"a":1}"#, "}"];
        let mut layout = Layout::default();
        for text in texts {
            end(&mut layout, text);
        }
        let keys = texts.map(|text| end(&mut layout, text).unwrap().keys.unwrap());
        for (at, text) in texts.iter().enumerate() {
            let others = text.replace('1', "234").replace('x', "");
            let same = end(&mut layout, &others).unwrap().keys.unwrap();
            assert_eq!(keys.map(|keys| keys == same), std::array::from_fn(|other| other == at), "{text}");
        }
        // More of them than have a place, and what has never come.
        assert_eq!(end(&mut layout, &format!("{}}}", r#","a":1"#.repeat(26))).unwrap().keys, None);
        assert_eq!(end(&mut layout, r#","c":1}"#).unwrap().keys, None);
        for number in 0..MOST {
            end(&mut layout, &format!(r#","key{number}":1}}"#));
        }
        end(&mut layout, texts[2]);
        assert_ne!(end(&mut layout, texts[2]).unwrap().keys, Some(keys[2]), "all was forgotten");
    }

    #[test]
    fn each_value_is_given_with_what_was_made_of_its_key_once_that_is_known() {
        let each = |layout: &mut Layout<Vec<u8>>, text: &str, unwanted: &str| {
            let mut seen = Vec::new();
            let make = |key: &[u8], piece: &[u8]| [key, b"=", piece].concat();
            let is_whole = layout.each(text.as_bytes(), make, |made, value| {
                seen.push(format!("{} {}", made.escape_ascii(), value.escape_ascii()).replace('\\', ""));
                !made.starts_with(unwanted.as_bytes())
            });
            is_whole.then_some(seen)
        };
        let (mut layout, text) = (Layout::default(), r#","a":"x","b":-1.5,"c":""}"#);
        assert_eq!(each(&mut layout, text, "no"), None);
        let expected = [r#"a=,"a":" x"#, r#"b=","b": -1.5"#, r#"c=,"c":" "#].map(str::to_owned);
        assert_eq!(each(&mut layout, text, "no").unwrap(), expected);
        assert_eq!(each(&mut layout, text, "b"), None);
        assert_eq!(each(&mut layout, r#","a":"x","b":-1.5,"c":"\n"}"#, "no"), None);
        assert_eq!(each(&mut layout, "}", "no").unwrap(), [""; 0]);
        for _ in 0..2 {
            assert_eq!(each(&mut layout, r#"{"a":"x"}"#, "no"), None, "an object is no end of one");
        }
        // What cannot be learnt is no longer tried.
        for _ in 0..=MOST_FAILURES {
            assert_eq!(each(&mut layout, r#","a_key_that_is_longer_than_is_ever_known":1}"#, "no"), None);
        }
        assert_eq!(each(&mut layout, text, "no"), None);
    }

    #[test]
    fn a_key_that_is_taken_is_never_known() {
        let (free, taken) = (br#","a":1,"b":"x"}"#, br#","a":1,"_b":"x"}"#);
        let mut layout = Layout::default();
        let is_taken = |key: &[u8]| key == b"_b";
        for _ in 0..2 {
            assert!(!layout.is_plain_end(taken, is_taken));
            assert!(layout.is_plain_end(free, is_taken));
        }
    }
}
