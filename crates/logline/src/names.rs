//! The names under which applications write what the suite calls `time`, `level` and `message`, and which of the members of
//! a record counts. logparse keeps the application's own names and values; logfilter, logpost and `logparse --pretty` read
//! these in their place, all by this one table.
//!
//! Of the names of a field, the first counts whose value is one: a moment for `time` ([`Reader::value`]), a level for
//! `level` ([`Level::from_field`]), a text for `message`. What is none is an ordinary member of the record, and the next
//! name is asked.
//!
//! A name without a dot is found as it is spelled here, else in any other case. A name with a dot means a key of a nested
//! object, else a key with that dot. Of equal keys the last counts.

use crate::json::{Member, member, unescape, unescape_inner};
use crate::lanes;
use crate::level::Level;
use crate::stamp::{Reader, Stamp};

/// For the time of the event. The last ones are logparse's names for the time of the format around the record's own.
pub const TIMES: [&str; 16] = [
    "time",
    "ts",
    "timestamp",
    "@timestamp",
    "_time",
    "datetime",
    "date",
    "asctime",
    "@t",
    "t.$date",
    "time.timestamp",
    "__REALTIME_TIMESTAMP",
    "cri.time",
    "docker.time",
    "syslog.time",
    "outer.time",
];
/// For the level, a word or a number.
pub const LEVELS: [&str; 13] = [
    "level",
    "lvl",
    "severity",
    "severity_text",
    "log.level",
    "loglevel",
    "levelname",
    "level_name",
    "error_severity",
    "@l",
    "PRIORITY",
    "levelno",
    "level.name",
];
/// For the text.
pub const MESSAGES: [&str; 8] = ["message", "msg", "log", "body", "short_message", "event", "@m", "@mt"];
/// Keys of the stream itself, which no content may bring along.
pub const RESERVED: [&str; 7] = ["_pos", "_file", "_partial", "_continued", "_truncated", "_parse_error", "_refused"];

/// Whether `key`, unescaped, is one of [`RESERVED`].
pub fn is_reserved(key: &[u8]) -> bool {
    key.first() == Some(&b'_') && RESERVED.iter().any(|name| name.as_bytes() == key)
}

/// Whether `key`, unescaped, is one of `names`, in any case.
pub fn is_among(names: &[&str], key: &[u8]) -> bool {
    names.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(key))
}

/// What [`marks`] says of a key that may tell the time.
pub const TIME: u32 = 1;
/// The level.
pub const LEVEL: u32 = 2;
/// The message.
pub const MESSAGE: u32 = 4;

/// Which of the canonical fields a member with this key may tell: [`TIME`], [`LEVEL`] and [`MESSAGE`] in any number. A record
/// none of whose keys has a mark has no such field. The key stands between its quotes, escaped.
pub fn marks(key: &[u8]) -> u32 {
    // An escape is not read for this: what it hides may be any name.
    let is_escaped = || memchr::memchr(b'\\', key).is_some();
    let mark = |names: &[&str], classes: u128, mark| {
        let may_be = classes & class(key) != 0 && names.iter().any(|name| is_or_begins(key, name.as_bytes()));
        if may_be { mark } else { 0 }
    };
    let marks = mark(&TIMES, const { classes(&TIMES) }, TIME)
        | mark(&LEVELS, const { classes(&LEVELS) }, LEVEL)
        | mark(&MESSAGES, const { classes(&MESSAGES) }, MESSAGE);
    if is_escaped() { TIME | LEVEL | MESSAGE } else { marks }
}

/// Whether a key is a name, in any case, or that of the object that a name with a dot is in.
fn is_or_begins(key: &[u8], name: &[u8]) -> bool {
    key.eq_ignore_ascii_case(name) || name.get(key.len()) == Some(&b'.') && name.starts_with(key)
}

/// The member of a record that counts as one of its canonical fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chosen<'a> {
    /// The name of the table by which it was found.
    pub name: &'static str,
    /// Which member it is; `None` for one of a nested object.
    pub at: Option<usize>,
    /// Its raw value.
    pub value: &'a [u8],
}

/// Which members of a record may be its time, its level and its message: what its keys tell of that, and no value.
#[derive(Clone, Default, Debug)]
pub struct Places {
    times: Vec<Place>,
    levels: Vec<Place>,
    messages: Vec<Place>,
    has_escapes: bool,
}

/// Where a value stands under one of the names.
#[derive(Clone, Copy, Debug)]
struct Place {
    name: &'static str,
    /// The number of the member.
    at: usize,
    /// Its member that is meant, if it is an object that has one of this name.
    inner: Option<&'static str>,
}

impl Place {
    fn value<'a>(&self, members: &[Member<'a>]) -> Option<Chosen<'a>> {
        let (name, outer) = (self.name, members.get(self.at)?.value);
        match self.inner {
            None => Some(Chosen { name, at: Some(self.at), value: outer }),
            Some(inner) => Some(Chosen { name, at: None, value: member(outer, inner)? }),
        }
    }
}

impl Places {
    /// In a record with these members.
    pub fn of(members: &[Member<'_>]) -> Self {
        Self {
            times: places(members, &TIMES, const { classes(&TIMES) }),
            levels: places(members, &LEVELS, const { classes(&LEVELS) }),
            messages: places(members, &MESSAGES, const { classes(&MESSAGES) }),
            has_escapes: members.iter().any(|member| lanes::find_any(member.key, *b"\\").is_some()),
        }
    }

    /// Whether any of the keys has an escape.
    pub fn has_escapes(&self) -> bool {
        self.has_escapes
    }

    /// What may be the time, the first that is a moment. `members` are those that the places were found in, or others with the
    /// same keys, as for all that follow.
    pub fn times<'a>(&self, members: &[Member<'a>]) -> impl Iterator<Item = Chosen<'a>> {
        values(&self.times, members)
    }

    /// The time.
    pub fn time<'a>(&self, members: &[Member<'a>], reader: &Reader<'_>) -> Option<(Stamp, Chosen<'a>)> {
        self.times(members).find_map(|chosen| Some((reader.value(chosen.value)?, chosen)))
    }

    /// The level: what it means, unless it is none, and where it stands. Where no member is a level, the first text or number
    /// under one of the names is given all the same.
    pub fn level<'a>(&self, members: &[Member<'a>]) -> Option<(Option<Level>, Chosen<'a>)> {
        let means = |chosen: &Chosen<'a>| Level::from_field(chosen.name, &scalar(chosen.value)?);
        let known = values(&self.levels, members).find_map(|chosen| Some((Some(means(&chosen)?), chosen)));
        known.or_else(|| {
            let is_scalar = |chosen: &Chosen<'_>| matches!(chosen.value.first(), Some(b'"' | b'-' | b'0'..=b'9'));
            values(&self.levels, members).find(is_scalar).map(|chosen| (None, chosen))
        })
    }

    /// The message, a JSON string.
    pub fn message<'a>(&self, members: &[Member<'a>]) -> Option<Chosen<'a>> {
        values(&self.messages, members).find(|chosen| chosen.value.first() == Some(&b'"'))
    }
}

fn values<'a>(places: &[Place], members: &[Member<'a>]) -> impl Iterator<Item = Chosen<'a>> {
    places.iter().filter_map(|place| place.value(members))
}

/// The places of records whose keys have come before: those of an application have few sets of keys.
#[derive(Default, Debug)]
pub struct KnownPlaces {
    known: Vec<(Keys, Places)>,
    /// Which of them the last record had, or which it has replaced.
    last: usize,
    /// How many sets have been kept.
    count: u64,
    /// Those of a record with too many keys to be kept.
    large: Places,
}

/// No more sets of keys are known at a time.
const MOST_SETS: usize = 8;
/// A set with more bytes is not kept.
const LONGEST_SET: usize = 2048;

impl KnownPlaces {
    /// In a record with these members, and the number of its set of keys: where two records have the same number, their keys are
    /// the same, in the same order. `None` if the keys are too many.
    pub fn of(&mut self, members: &[Member<'_>]) -> (&Places, Option<u64>) {
        let has_known = |(keys, _): &(Keys, Places)| keys.are_of(members);
        if !self.known.get(self.last).is_some_and(has_known) {
            if let Some(found) = self.known.iter().position(has_known) {
                self.last = found;
            } else {
                let places = Places::of(members);
                let Some(keys) = Keys::new(members, self.count) else {
                    self.large = places;
                    return (&self.large, None);
                };
                self.keep(keys, places);
            }
        }
        let (keys, places) = &self.known[self.last];
        (places, Some(keys.number))
    }

    fn keep(&mut self, keys: Keys, places: Places) {
        self.count += 1;
        if self.known.len() < MOST_SETS {
            self.last = self.known.len();
            self.known.push((keys, places));
        } else {
            self.last = (self.last + 1) % MOST_SETS;
            self.known[self.last] = (keys, places);
        }
    }
}

/// The keys of a record, one behind the other, and where each ends.
#[derive(Debug)]
struct Keys {
    text: Vec<u8>,
    ends: Vec<usize>,
    /// How many sets had been kept before this one.
    number: u64,
}

impl Keys {
    /// `None` if they are too many.
    fn new(members: &[Member<'_>], number: u64) -> Option<Self> {
        let length = |sum: usize, member: &Member<'_>| sum + member.key.len() + size_of::<usize>();
        if members.iter().fold(0, length) > LONGEST_SET {
            return None;
        }
        let mut keys = Self { text: Vec::new(), ends: Vec::new(), number };
        for member in members {
            keys.text.extend_from_slice(member.key);
            keys.ends.push(keys.text.len());
        }
        Some(keys)
    }

    fn are_of(&self, members: &[Member<'_>]) -> bool {
        let mut start = 0;
        self.ends.len() == members.len()
            && self
                .ends
                .iter()
                .zip(members)
                .all(|(end, member)| self.text[std::mem::replace(&mut start, *end)..*end] == *member.key)
    }
}

/// The text of a string, the digits of a number; `None` for anything else.
fn scalar(raw: &[u8]) -> Option<std::borrow::Cow<'_, [u8]>> {
    match raw.first()? {
        b'"' => unescape(raw),
        b'0'..=b'9' | b'-' => Some(raw.into()),
        _ => None,
    }
}

/// No table has more names.
const MOST: usize = 16;

/// One of 128 classes of names, as a bit: the same in any case.
const fn class(name: &[u8]) -> u128 {
    let first = if name.is_empty() { 0 } else { name[0].to_ascii_lowercase() as usize };
    1 << ((first + 11 * name.len()) % 128)
}

/// The classes of a table: of its names, and of the keys of the objects that those with a dot are in.
const fn classes(names: &[&str]) -> u128 {
    let (mut all, mut at) = (0, 0);
    while at < names.len() {
        let name = names[at].as_bytes();
        all |= class(name);
        let mut dot = 0;
        while dot < name.len() {
            if name[dot] == b'.' {
                all |= class(name.split_at(dot).0);
            }
            dot += 1;
        }
        at += 1;
    }
    all
}

/// Where values stand under the names of a table, whose classes are `classes`, in its order.
fn places(members: &[Member<'_>], names: &'static [&'static str], classes: u128) -> Vec<Place> {
    // By name: where it stands as it is spelled or nested, then in another case or with its dot.
    let mut found = [[None; 2]; MOST];
    for (at, member) in members.iter().enumerate() {
        // Most keys are none of these.
        if classes & class(member.key) == 0 && lanes::find_any(member.key, *b"\\").is_none() {
            continue;
        }
        let unescaped = unescape_inner(member.key);
        let Some(key) = unescaped.as_deref() else { continue };
        for (name, places) in names.iter().zip(&mut found) {
            if name.len() == key.len() {
                let place = Some((at, None));
                if key == name.as_bytes() {
                    places[usize::from(name.contains('.'))] = place;
                } else if key.eq_ignore_ascii_case(name.as_bytes()) && !name.contains('.') {
                    places[1] = place;
                }
            } else if name.as_bytes().get(key.len()) == Some(&b'.') && name.as_bytes().starts_with(key) {
                // A later key of the same name hides an earlier one, whatever it holds.
                places[0] = Some((at, Some(&name[key.len() + 1..])));
            }
        }
    }
    let mut all = Vec::new();
    for (name, places) in names.iter().zip(found) {
        all.extend(places.into_iter().flatten().map(|(at, inner)| Place { name, at, inner }));
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::json::members;
    use crate::time::Zone;

    fn of(record: &str) -> (Option<i64>, Option<Level>, Option<String>) {
        let members: Vec<Member<'_>> = members(record.as_bytes()).map(Result::unwrap).collect();
        let marks = members.iter().fold(0, |all, member| all | marks(member.key));
        let zone = Zone::Fixed(0);
        let places = Places::of(&members);
        let (time, level) = (places.time(&members, &Reader::new(&zone)), places.level(&members));
        let message = places.message(&members);
        for (is_found, mark) in [(time.is_some(), TIME), (level.is_some(), LEVEL), (message.is_some(), MESSAGE)] {
            assert!(!is_found || marks & mark != 0, "no mark {mark}: {record}");
        }
        (
            time.map(|(stamp, _)| stamp.moment().seconds),
            level.and_then(|(level, _)| level),
            message.map(|chosen| String::from_utf8_lossy(chosen.value).into_owned()),
        )
    }

    #[test]
    fn every_name_is_of_a_class_of_its_table_in_any_case() {
        for (names, classes) in
            [(&TIMES[..], classes(&TIMES)), (&LEVELS, classes(&LEVELS)), (&MESSAGES, classes(&MESSAGES))]
        {
            for name in names {
                let outer = name.split('.').next().unwrap_or_default();
                for key in [*name, outer, &name.to_uppercase(), &name.to_lowercase()] {
                    assert_ne!(classes & class(key.as_bytes()), 0, "{key}");
                }
            }
            assert!(classes.count_ones() <= 24, "most classes are none of its");
        }
    }

    #[test]
    fn the_first_name_counts_whose_value_is_one() {
        for (record, time, level) in [
            (r#"{"time":12,"ts":"2024-03-05T10:11:12Z"}"#, Some(1_709_633_472), None),
            (r#"{"time":"12ms","Timestamp":"2024-03-05T10:11:12Z"}"#, Some(1_709_633_472), None),
            (r#"{"time":"","cri.time":"2024-03-05T10:11:12Z"}"#, Some(1_709_633_472), None),
            (r#"{"cri":{"time":"2024-03-05T10:11:12Z"}}"#, Some(1_709_633_472), None),
            (r#"{"__REALTIME_TIMESTAMP":"1709633472345678","PRIORITY":"3"}"#, Some(1_709_633_472), Some(Level::Error)),
            (r#"{"level":"loud","Severity":"warn"}"#, None, Some(Level::Warn)),
            (r#"{"level":400,"level_name":"ALERT"}"#, None, Some(Level::Error)),
            (r#"{"log":{"level":"fatal"},"log.level":"info"}"#, None, Some(Level::Crit)),
            (r#"{"LEVEL":"info","level":"warn"}"#, None, Some(Level::Warn)),
            (r#"{"level":"info","level":"warn"}"#, None, Some(Level::Warn)),
            (r#"{"level":{"name":"info"},"lvl":"warn"}"#, None, Some(Level::Warn)),
            (r#"{"severity":50}"#, None, None),
            (
                r#"{"time":{"repr":"x","timestamp":1709633472.5},"level":{"name":"SUCCESS","no":25}}"#,
                Some(1_709_633_472),
                Some(Level::Info),
            ),
            (r#"{"t":{"$date":"2024-03-05T10:11:12.000+00:00"},"s":"I"}"#, Some(1_709_633_472), None),
        ] {
            assert_eq!((of(record).0, of(record).1), (time, level), "{record}");
        }
    }

    #[test]
    fn a_message_is_a_text() {
        assert_eq!(of(r#"{"log":{"level":"x"},"Message":"m","event":"e"}"#).2.unwrap(), "\"m\"");
        assert_eq!(of(r#"{"msg":"m","message":"n"}"#).2.unwrap(), "\"n\"");
    }

    #[test]
    fn places_are_known_by_all_keys_and_those_of_many_sets_are_found_again() {
        let mut known = KnownPlaces::default();
        let long = format!("{:01$}", 0, LONGEST_SET);
        let records: Vec<String> = (0..2 * MOST_SETS)
            .map(|number| format!(r#"{{"k{number}":1,"a":"m0","msg":"m{number}","level":"info"}}"#))
            .chain([r#"{"k1":1,"a":"m"}"#.to_owned(), format!(r#"{{"{long}":1,"msg":"large"}}"#), "{}".to_owned()])
            .chain([r#"{"k1":1,"msg":"moved","a":"m0","level":"warn"}"#.to_owned()])
            .collect();
        let mut numbered = std::collections::HashMap::new();
        for record in records.iter().chain(records.iter().rev()).chain(&records[..3]).chain(&records[..3]) {
            let members: Vec<Member<'_>> = members(record.as_bytes()).map(Result::unwrap).collect();
            let ((one, number), other) = (known.of(&members), Places::of(&members));
            assert_eq!(number.is_some(), !record.contains(&long), "{record}");
            let keys: Vec<&[u8]> = members.iter().map(|member| member.key).collect();
            assert_eq!(*numbered.entry(number).or_insert(keys.clone()), keys, "{record}");
            assert_eq!(one.message(&members), other.message(&members), "{record}");
            assert_eq!(one.level(&members), other.level(&members), "{record}");
        }
        assert!(known.known.len() <= MOST_SETS && numbered.len() >= 2 * MOST_SETS);
    }

    #[test]
    fn no_table_has_more_names_than_there_is_room_for() {
        assert!([TIMES.len(), LEVELS.len(), MESSAGES.len()].iter().all(|count| *count <= MOST));
    }
}
