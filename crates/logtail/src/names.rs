//! The names that rotation gives to the older generations of a log: the forms that are built in, the shapes that are learnt
//! from a file that is met under a new name, and the order by age.

use std::fmt;
use std::path::{Path, PathBuf};

use logline::calendar::{MONTHS, WEEKDAYS, named};

/// The endings that compression adds to a name.
const COMPRESSED: [&[u8]; 8] = [b".gz", b".bz2", b".xz", b".zst", b".lz4", b".lzma", b".zip", b".Z"];
/// How long a TAI64N label is: `@` and 24 hexadecimal digits.
const LABEL: usize = 25;

/// The name without the ending that compression has added to it.
pub fn unpacked(name: &[u8]) -> &[u8] {
    COMPRESSED.iter().find_map(|ending| name.strip_suffix(*ending)).unwrap_or(name)
}

/// Asks `find` for the names of logs of which a file called `name` may be an older generation by the forms that are built
/// in, until it gives something:
///
/// | form | of |
/// |---|---|
/// | `app.log.old`, `app.log.1`, `app.log.20261124-101112` | `app.log` |
/// | `app.log-20261124`, `app.log_2026-11-24`, `app.log-1764412345` | `app.log` |
/// | `app-2026-11-24T10-11-12.log`, `app.20261124.log` | `app.log` |
/// | `app__2026-11-24_10-11-12.log`, `app.log2026-11-24` | `app.log` |
/// | `20261124-1011-01-app.log` | `app.log` |
/// | `@4000000069298d6c2b1a3f08.s`; `previous` and `processed`, which s6-log and its kind have for a moment | `current` |
///
/// Each may be compressed. A number behind `-` or `_` that is no date is none: `worker-7` is no older `worker`.
pub fn find_base<T>(name: &[u8], mut find: impl FnMut(&[u8]) -> Option<T>) -> Option<T> {
    let name = unpacked(name);
    if let Some(base) = name.strip_suffix(b".old").filter(|base| !base.is_empty()) {
        return find(base);
    }
    if matches!(name, b"previous" | b"processed") {
        return find(b"current");
    }
    if !name.iter().any(u8::is_ascii_digit) {
        return None;
    }
    if label(name).is_some() {
        return matches!(&name[LABEL..], b".s" | b".u").then(|| find(b"current")).flatten();
    }
    let endings = (1..name.len()).rev().take_while(|at| name[*at..].iter().all(|byte| is_date_mark(*byte)));
    for at in endings {
        let ending = &name[at + 1..];
        let is_rotated = match name[at] {
            b'.' => ending.first().is_some_and(u8::is_ascii_digit),
            b'-' | b'_' => date(ending).is_some() || is_epoch(ending),
            _ => false,
        };
        if is_rotated && let Some(found) = find(&name[..at]) {
            return Some(found);
        }
        // The date follows the name with nothing between.
        if name[at].is_ascii_digit()
            && name[at - 1].is_ascii_alphabetic()
            && date(&name[at..]).is_some_and(|date| date >= 8)
            && let Some(found) = find(&name[..at])
        {
            return Some(found);
        }
    }
    if let Some(base) = behind_date(name)
        && let Some(found) = find(base)
    {
        return Some(found);
    }
    for at in (1..name.len()).filter(|at| matches!(name[*at], b'.' | b'-' | b'_')) {
        let rest = &name[at + 1..];
        if date(rest).is_none_or(|date| date < 8) {
            continue;
        }
        let marks = rest.iter().take_while(|byte| is_date_mark(**byte)).count();
        let end =
            rest[..marks].iter().rposition(|byte| byte.is_ascii_digit() || *byte == b'Z').map_or(0, |last| last + 1);
        let extension = &rest[end..];
        if extension.len() > 1 && extension[0] == b'.' {
            let stem =
                name[..at].iter().rposition(|byte| !matches!(byte, b'.' | b'-' | b'_')).map_or(at, |last| last + 1);
            return find(&[&name[..stem], extension].concat());
        }
    }
    None
}

/// What stands behind the date with which a name begins, the time of day and a number, if a name is left.
fn behind_date(name: &[u8]) -> Option<&[u8]> {
    date(name).filter(|date| *date >= 8)?;
    let marks = name.iter().take_while(|byte| is_date_mark(**byte)).count();
    let base = name.get(marks..).filter(|base| !base.is_empty())?;
    matches!(name[marks - 1], b'.' | b'-' | b'_').then_some(base)
}

fn is_date_mark(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'T' | b'Z' | b'+')
}

/// How long the date is with which `text` begins: a year from 1900 to 2099, a month, and mostly a day.
fn date(text: &[u8]) -> Option<usize> {
    let two = |at: usize| {
        let pair = text.get(at..at + 2).filter(|pair| pair.iter().all(u8::is_ascii_digit))?;
        Some(u32::from(pair[0] - b'0') * 10 + u32::from(pair[1] - b'0'))
    };
    let behind = |at: usize| at + usize::from(matches!(text.get(at), Some(b'-' | b'_' | b'.')));
    if !matches!(two(0)?, 19 | 20) || two(2).is_none() {
        return None;
    }
    let month = behind(4);
    if !matches!(two(month)?, 1..=12) {
        return None;
    }
    let day = behind(month + 2);
    match two(day) {
        Some(1..=31) => Some(day + 2),
        _ if text.get(month + 2).is_some_and(u8::is_ascii_digit) => None,
        _ => Some(month + 2),
    }
}

/// Whether it is a number of seconds or milliseconds since 1970, from 2001 on.
fn is_epoch(text: &[u8]) -> bool {
    matches!(text.len(), 10 | 13) && text[0] == b'1' && text.iter().all(u8::is_ascii_digit)
}

/// The digits of the TAI64N label with which `text` begins.
fn label(text: &[u8]) -> Option<&[u8]> {
    let digits = text.strip_prefix(b"@")?.get(..LABEL - 1)?;
    digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)
}

/// A key that sorts the rotated files of one log from the oldest. A date counts up with time; so does a counter that
/// `rises`, any other is higher for an older file (`log.2` is older than `log.1`).
pub fn age(name: &[u8], rises: bool) -> (bool, Vec<u64>) {
    let name = unpacked(name);
    let numbers = numbers(name);
    let is_counter = is_counted(name);
    let key = |number: u64| if is_counter && !rises { u64::MAX - number } else { number };
    (is_counter, numbers.into_iter().map(key).collect())
}

/// Whether what varies in a name is a counter, not a time. Nobody keeps ten million files.
pub fn is_counted(name: &[u8]) -> bool {
    let mut digits = name.split(|byte| !byte.is_ascii_digit());
    !(has_date(name) || digits.any(|run| run.len() >= 8) || label(name).is_some())
}

/// Whether a date stands in a name, or a month.
pub fn has_date(name: &[u8]) -> bool {
    let begins_date = |text: &[u8]| date(text).is_some() || ends_in_year(text);
    let is_dated = |at: usize| (at == 0 || !name[at - 1].is_ascii_digit()) && begins_date(&name[at..]);
    (0..name.len()).any(|at| is_dated(at) || month(&name[at..]).is_some())
}

/// Whether `text` begins with a date that ends in its year: `28-11-2026`, `11.28.2026`.
fn ends_in_year(text: &[u8]) -> bool {
    let mut runs = text.split(|byte| matches!(byte, b'-' | b'.' | b'_'));
    let mut is_unit =
        || runs.next().is_some_and(|run| (1..=2).contains(&run.len()) && run.iter().all(u8::is_ascii_digit));
    is_unit()
        && is_unit()
        && runs.next().is_some_and(|run| {
            (run.starts_with(b"19") || run.starts_with(b"20"))
                && run.iter().take_while(|byte| byte.is_ascii_digit()).count() == 4
        })
}

/// Whether two names differ at most in what varies in the names of older files: digits, months, days of the week. Of six
/// digits and more both have the same number: `20261128` is no `2026112813`.
pub fn are_alike(one: &[u8], other: &[u8]) -> bool {
    parts_of(one).eq(parts_of(other))
}

/// The parts of a name, each with its length where that is fixed.
fn parts_of(mut name: &[u8]) -> impl Iterator<Item = (Part, Option<usize>)> {
    std::iter::from_fn(move || {
        let (part, length) = first_part(name)?;
        name = &name[length..];
        let is_long = part == Part::Digits && length >= 6;
        Some((part, is_long.then_some(length)))
    })
}

/// The numbers in a name, in their order.
pub fn numbers(name: &[u8]) -> Vec<u64> {
    let number = |digits: &[u8], radix| {
        let text = std::str::from_utf8(digits).unwrap_or_default();
        u64::from_str_radix(text, radix).unwrap_or(u64::MAX)
    };
    if let Some(label) = label(name) {
        return vec![number(&label[..16], 16), number(&label[16..], 16)];
    }
    let mut numbers: Vec<u64> = Vec::new();
    let mut month_at = None;
    let mut rest = name;
    while let Some((part, length)) = first_part(rest) {
        match part {
            Part::Digits => numbers.push(number(&rest[..length], 10)),
            Part::Month => {
                month_at = Some(numbers.len());
                numbers.extend(month(&rest[..length]));
            }
            Part::Label | Part::Weekday | Part::Text(_) => {}
        }
        rest = &rest[length..];
    }
    // A month that has a name stands between its day and its year, or in front of the year.
    match month_at {
        Some(at) if at > 0 && at + 1 < numbers.len() => numbers.swap(at - 1, at + 1),
        Some(0) if numbers.get(1).is_some_and(|year| (1900..2100).contains(year)) => numbers.swap(0, 1),
        _ => {}
    }
    numbers
}

fn month(text: &[u8]) -> Option<u64> {
    in_date(text, &MONTHS).map(|(month, _)| month as u64 + 1)
}

/// Which of `names` `text` begins with, written as in a date (`Jan`, not `jan` as in `janitor`), and how long that is.
fn in_date(text: &[u8], names: &[&str]) -> Option<(usize, usize)> {
    let is_written_so = text
        .get(..3)
        .is_some_and(|short| short[0].is_ascii_uppercase() && short[1..].iter().all(u8::is_ascii_lowercase));
    is_written_so.then(|| named(text, names)).flatten()
}

/// A part of a name.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    /// Always the same.
    Text(String),
    /// One digit or more.
    Digits,
    /// A TAI64N label.
    Label,
    /// The English name of a month, written out or three letters long.
    Month,
    /// The same of a day of the week.
    Weekday,
}

impl Part {
    /// How many bytes of `text` it stands for, from its beginning on.
    fn matches(&self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Text(fixed) => text.starts_with(fixed.as_bytes()).then_some(fixed.len()),
            Self::Digits => {
                Some(text.iter().take_while(|byte| byte.is_ascii_digit()).count()).filter(|count| *count > 0)
            }
            Self::Label => label(text).map(|_| LABEL),
            Self::Month => in_date(text, &MONTHS).map(|(_, length)| length),
            Self::Weekday => in_date(text, &WEEKDAYS).map(|(_, length)| length),
        }
    }
}

/// The part of a name with which `text` begins, and its length. A text is one letter long here.
fn first_part(text: &[u8]) -> Option<(Part, usize)> {
    let varying = [Part::Label, Part::Digits, Part::Month, Part::Weekday];
    let first = text.first()?;
    let found = varying.into_iter().find_map(|part| part.matches(text).map(|length| (part, length)));
    Some(found.unwrap_or_else(|| (Part::Text(char::from(*first).to_string()), 1)))
}

/// What the names have in common that rotation gives to the older generations of one log: where they lie, what is fixed in
/// them, and what varies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shape {
    /// As it is joined to the directory of the watched path.
    directory: PathBuf,
    parts: Vec<Part>,
}

impl Shape {
    /// What is learnt of a log, which is called `base` itself, from an older generation that lies in `directory` and is
    /// called `found`. Where `base` `is_dated` too (it is where a link leads), what differs between the two varies as a whole.
    ///
    /// `None` if the name tells nothing of the next one: it is random, or nothing in it is fixed.
    pub fn learn(directory: &Path, base: &[u8], found: &[u8], is_dated: bool) -> Option<Self> {
        let found = unpacked(found);
        // A counter behind both is a form that is built in.
        let (base, found) = if is_dated { (uncounted(base), uncounted(found)) } else { (base, found) };
        directory.to_str()?;
        if found.iter().any(|byte| matches!(byte, b'<' | b'>')) || std::str::from_utf8(found).is_err() {
            return None;
        }
        let (start, end) = differing(base, found, is_dated);
        let mut parts = vec![text(&found[..start])?];
        let mut rest = &found[start..end];
        let mut before = None;
        while let Some((part, length)) = first_part(rest) {
            // A digest or the like.
            let is_mixed = before == Some(Part::Digits)
                && rest[0].is_ascii_alphabetic()
                && !matches!(part, Part::Month | Part::Weekday)
                && !b"TZhms".contains(&rest[0]);
            if is_mixed || !rest[0].is_ascii() {
                return None;
            }
            before = Some(part.clone());
            parts.push(part);
            rest = &rest[length..];
        }
        parts.push(text(&found[end..])?);
        let shape = Self { directory: directory.to_owned(), parts: joined(parts) };
        shape.tells_apart(base, found).then_some(shape)
    }

    /// Whether it stands for the older generations of one log, not for everything.
    fn tells_apart(&self, base: &[u8], found: &[u8]) -> bool {
        let stem = base.split(|byte| *byte == b'.').next().unwrap_or(base);
        let keeps_name = !stem.is_empty() && found.starts_with(stem);
        if self.varies() { self.has_letters() || label(found).is_some() || date(found).is_some() } else { keeps_name }
    }

    /// Whether it stands for other names than the one it was learnt from.
    pub fn varies(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Text(_)))
    }

    fn has_letters(&self) -> bool {
        let has_letter =
            |part: &Part| matches!(part, Part::Text(text) if text.bytes().any(|byte| byte.is_ascii_alphabetic()));
        self.parts.iter().any(has_letter)
    }

    /// As it is kept: `old/app-<d>.log`.
    pub fn parse(text: &str) -> Option<Self> {
        let (directory, name) = match text.rfind('/') {
            Some(slash) => (Path::new(&text[..slash.max(1)]), &text[slash + 1..]),
            None => (Path::new(""), text),
        };
        let mut parts = Vec::new();
        let mut rest = name;
        while let Some(open) = rest.find('<') {
            parts.push(Part::Text(rest[..open].to_owned()));
            parts.push(match rest.get(open..open + 3)? {
                "<d>" => Part::Digits,
                "<t>" => Part::Label,
                "<m>" => Part::Month,
                "<w>" => Part::Weekday,
                _ => return None,
            });
            rest = &rest[open + 3..];
        }
        parts.push(Part::Text(rest.to_owned()));
        let parts = joined(parts);
        (!parts.is_empty()).then(|| Self { directory: directory.to_owned(), parts })
    }

    /// The same names in another directory.
    #[must_use]
    pub fn within(&self, directory: &Path) -> Self {
        Self { directory: directory.to_owned(), parts: self.parts.clone() }
    }

    /// Where such files lie, as it is joined to the directory of the watched path.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether nothing but digits, months and separators differs from name to name.
    pub fn varies_in_numbers(&self) -> bool {
        self.varies() && {
            let inner = self.parts.get(1..self.parts.len() - 1).unwrap_or_default();
            let is_mark = |text: &String| text.bytes().all(|byte| is_date_mark(byte) || byte == b'_');
            inner.iter().all(|part| !matches!(part, Part::Text(text) if !is_mark(text)))
        }
    }

    /// Whether a file in its directory is called so, compressed or not. Behind a date there may be a number more, which a
    /// writer adds where a file has that name already.
    pub fn matches(&self, name: &[u8]) -> bool {
        let name = unpacked(name);
        // With nothing fixed in it but separators it stands for dates and labels, not for any number.
        if !self.has_letters() && label(name).is_none() && date(name).is_none() {
            return false;
        }
        let (front, end) = match self.parts.split_last() {
            Some((Part::Text(end), front)) if !front.is_empty() => (front, end.as_bytes()),
            _ => (self.parts.as_slice(), &b""[..]),
        };
        let mut rest = name;
        for part in front {
            let Some(length) = part.matches(rest) else { return false };
            rest = &rest[length..];
        }
        let is_dated = || !is_counted(&name[..name.len() - rest.len()]);
        rest == end || rest.strip_suffix(end).is_some_and(|more| is_number_more(more) && is_dated())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.directory.as_os_str().is_empty() {
            write!(f, "{}/", self.directory.display().to_string().trim_end_matches('/'))?;
        }
        for part in &self.parts {
            f.write_str(match part {
                Part::Text(text) => text,
                Part::Digits => "<d>",
                Part::Label => "<t>",
                Part::Month => "<m>",
                Part::Weekday => "<w>",
            })?;
        }
        Ok(())
    }
}

/// The name without a number behind its last dot that is not the day of a date.
fn uncounted(name: &[u8]) -> &[u8] {
    let stem =
        name.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0).map(|dot| (&name[..dot], &name[dot + 1..]));
    let is_counter = |ending: &[u8]| (1..4).contains(&ending.len()) && ending.iter().all(u8::is_ascii_digit);
    let has_extension = |stem: &[u8]| {
        stem.iter().rposition(|byte| *byte == b'.').is_some_and(|dot| !stem[dot..].iter().any(u8::is_ascii_digit))
    };
    stem.filter(|(stem, ending)| is_counter(ending) && has_extension(stem)).map_or(name, |(stem, _)| stem)
}

/// Whether it is what a writer adds to a date whose name is taken: `.2`, or `.restart-0000` as flexi_logger has it.
fn is_number_more(text: &[u8]) -> bool {
    let number = text.strip_prefix(b".restart-").or_else(|| text.strip_prefix(b".")).unwrap_or_default();
    (1..5).contains(&number.len()) && number.iter().all(u8::is_ascii_digit)
}

/// What of `found` differs from `base`: from where to where.
fn differing(base: &[u8], found: &[u8], is_dated: bool) -> (usize, usize) {
    let most = base.len().min(found.len());
    let start = (0..most).take_while(|at| base[*at] == found[*at]).count();
    let same_at_end = |back: &usize| base[base.len() - 1 - back] == found[found.len() - 1 - back];
    let end = found.len() - (0..most - start).take_while(same_at_end).count();
    if !is_dated {
        return (start, end);
    }
    if start == end && base.len() == found.len() {
        // Alike but for the counter: all that varies is the date, where there is one.
        let at = (0..found.len()).find(|at| is_date_at(found, *at));
        return at.map_or((start, end), |at| (at, end_of_marks(found, at)));
    }
    // The day differs, and tomorrow the month will. A number that is joined to a letter is that of an instance.
    let marks = found[..start].iter().rev().take_while(|byte| is_date_mark(**byte)).count();
    let begins = |at: &usize| {
        found[*at].is_ascii_digit() && (*at == 0 || !found[at - 1].is_ascii_digit()) && {
            let is_joined = *at > 0 && found[at - 1].is_ascii_alphabetic() && found[at - 1] != b'T';
            !is_joined || is_date_at(found, *at)
        }
    };
    let digits = found[..start].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let first = (start - marks..start).find(begins).unwrap_or(start - digits);
    (first, end_of_marks(found, end).max(end))
}

fn is_date_at(name: &[u8], at: usize) -> bool {
    (at == 0 || !name[at - 1].is_ascii_digit()) && date(&name[at..]).is_some_and(|date| date >= 8)
}

/// Behind the last digit of the date marks that stand from `at` on; `at` where there is none.
fn end_of_marks(name: &[u8], at: usize) -> usize {
    let marks = name[at..].iter().take_while(|byte| is_date_mark(**byte)).count();
    name[at..at + marks].iter().rposition(u8::is_ascii_digit).map_or(at, |last| at + last + 1)
}

fn text(bytes: &[u8]) -> Option<Part> {
    Some(Part::Text(std::str::from_utf8(bytes).ok()?.to_owned()))
}

/// Texts that follow each other as one, and none that is empty.
fn joined(parts: Vec<Part>) -> Vec<Part> {
    let mut joined: Vec<Part> = Vec::new();
    for part in parts {
        match (joined.last_mut(), part) {
            (Some(Part::Text(before)), Part::Text(text)) => before.push_str(&text),
            (_, Part::Text(text)) if text.is_empty() => {}
            (_, part) => joined.push(part),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn is_rotated(name: &str, base: &str) -> bool {
        find_base(name.as_bytes(), |found| (found == base.as_bytes()).then_some(())).is_some()
    }

    #[test]
    fn rotated_names_are_known_and_others_are_not() {
        for name in [
            "app.log.1",
            "app.log.12",
            "app.log.1.gz",
            "app.log-20261124",
            "app.log-20261124.zst",
            "app.log-202611",
            "app.log-1764412345",
            "app.log_2026-11-24",
            "app.log.2026-11-24T10:00:00Z",
            "app.log.20261124-101112",
            "app.log-2026.11.24.1",
            "app.log.old",
            "app-2026-11-29T04-00-00.000.log",
            "app.2026-11-29_10-22-03_221315.log.gz",
            "app.2026-11-29.2.log",
            "app_20261129.log",
            "app__2026-11-29_12-00-00.log",
            "app.log2026-11-29",
            "app.log20261129.gz",
            "20261129-1045-03-app.log",
            "2026-11-29_app.log",
        ] {
            assert!(is_rotated(name, "app.log"), "{name}");
        }
        for name in [
            "app.log",
            "app.log2",
            "app.log.bak",
            "app.log.offset",
            "app.log.",
            "app.log.x1",
            "app.log.-",
            "app.log-7",
            "app.log-20261324",
            "app-7.log",
            "app-20261132.log",
            "app-202611.log",
            "app-18991129.log",
            "7-app.log",
            "20261129app.log",
        ] {
            assert!(!is_rotated(name, "app.log"), "{name}");
        }
        assert!(is_rotated("0.log.20261124-101112", "0.log"));
        assert!(is_rotated("@400000006b0bfe2425d7cba3.s", "current"));
        assert!(!is_rotated("@400000006b0bfe2425d7cba.s", "current"));
        assert!(is_rotated("previous", "current") && !is_rotated("previous", "app.log"));
        assert!(!is_rotated("worker-7", "worker"));
    }

    #[test]
    fn rotated_files_sort_from_the_oldest() {
        for (older, younger) in [
            ("a.log.2", "a.log.1"),
            ("a.log.10", "a.log.9.gz"),
            ("a.log-20261123", "a.log-20261124"),
            ("a.log.2026-11-23", "a.log.2026-11-24"),
            ("0.log.20261124-101112", "0.log.20261124-101113"),
            ("a.2026-11-29.2.log", "a.2026-11-29.10.log"),
            ("@400000006b0bfe2425d7cba3.s", "@400000006b0bfe2425d7cba4.u"),
            ("a.29-Nov-2026", "a.01-Dec-2026"),
        ] {
            assert!(age(older.as_bytes(), false) < age(younger.as_bytes(), false), "{older} {younger}");
        }
        assert!(age(b"a-1.log", true) < age(b"a-2.log", true));
    }

    #[test]
    fn a_shape_is_learnt_from_one_name_and_fits_the_next_and_no_other() {
        for (base, found, is_dated, shape, fits, fits_not) in [
            ("app.log", "app-00001.log", false, "app-<d>.log", "app-12.log.gz", "app-x.log"),
            ("app.log", "app.3.log", false, "app.<d>.log", "app.10.log", "app2.log"),
            ("app.log", "app.log.bak", false, "app.log.bak", "app.log.bak", "app.log.bat"),
            ("app1.log", "app1.2.log", false, "app1.<d>.log", "app1.3.log", "app2.3.log"),
            ("a_rCURRENT.log", "a_r00003.log", false, "a_r<d>.log", "a_r00004.log", "b_r00003.log"),
            ("a_rCURRENT.log", "a_r00003.log", false, "a_r<d>.log", "a_r4.log.gz", "a_r00004.1.log"),
            (
                "a_rCURRENT.log",
                "a_r2026-11-29_21-22.log",
                false,
                "a_r<d>-<d>-<d>_<d>-<d>.log",
                "a_r2026-11-29_21-23.restart-0000.log",
                "a_r2026-11-29_21-23-2.log",
            ),
            (
                "a_rCURRENT.log",
                "a_r2026-11-29_21-22.log",
                false,
                "a_r<d>-<d>-<d>_<d>-<d>.log",
                "a_r2026-11-29_21-23.2.log",
                "a_r2026-11-29_21-23.restart-.log",
            ),
            (
                "app.log",
                "20261129-1045-03-app.log",
                false,
                "<d>-<d>-<d>-app.log",
                "20261130-0000-01-app.log",
                "x-app.log",
            ),
            ("current", "@400000006b0bfe2425d7cba3.s", false, "<t>.s", "@400000006b0bfe2425d7cba4.s", "current.s"),
            (
                "app-2026-11-29.log",
                "app-2026-11-28.log",
                true,
                "app-<d>-<d>-<d>.log",
                "app-2027-01-01.log",
                "app-2027-01.log",
            ),
            ("access-12", "access-1", true, "access-<d>", "access-13", "access-"),
            (
                "worker1-2026-11-30.log",
                "worker1-2026-11-29.log",
                true,
                "worker1-<d>-<d>-<d>.log",
                "worker1-2026-12-01.log",
                "worker2-2026-12-01.log",
            ),
            (
                "app-2026-11-29.log.12",
                "app-2026-11-29.log",
                true,
                "app-<d>-<d>-<d>.log",
                "app-2026-11-30.log",
                "app-2026.log",
            ),
            (
                "app20261130.log",
                "app20261129_001.log",
                true,
                "app<d>_<d>.log",
                "app20261201_002.log",
                "app20261201.log",
            ),
            ("current", "20261129", false, "<d>", "20261130", "12345"),
            (
                "app.log",
                "app.29-Nov-2026.log",
                false,
                "app.<d>-<m>-<d>.log",
                "app.01-Dec-2026.log",
                "app.01-Foo-2026.log",
            ),
        ] {
            let learnt = Shape::learn(Path::new(""), base.as_bytes(), found.as_bytes(), is_dated).unwrap();
            assert_eq!(learnt.to_string(), shape, "{base} {found}");
            assert!(learnt.matches(found.as_bytes()) && learnt.matches(fits.as_bytes()), "{shape} {fits}");
            assert!(!learnt.matches(fits_not.as_bytes()), "{shape} {fits_not}");
            assert_eq!(Shape::parse(shape), Some(learnt));
        }
        let old = Shape::learn(Path::new("old"), b"app.log", b"app.log", false);
        assert_eq!(old.unwrap().to_string(), "old/app.log");
        assert_eq!(Shape::parse("/var/old/app.<d>").unwrap().directory(), Path::new("/var/old"));
        assert_eq!(Shape::parse("app-<x>.log"), None);
    }

    #[test]
    fn a_name_that_tells_nothing_of_the_next_is_refused() {
        for (base, found) in
            [("current", "12345"), ("a.log", "b.log"), ("app.log", "app-3fa8c1.log"), ("app.log", "app-<d>.log")]
        {
            assert_eq!(Shape::learn(Path::new(""), base.as_bytes(), found.as_bytes(), false), None, "{base} {found}");
        }
    }
}
