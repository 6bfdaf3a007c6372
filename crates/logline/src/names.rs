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

/// The time of a record with these members.
pub fn time<'a>(members: &[Member<'a>], reader: &Reader<'_>) -> Option<(Stamp, Chosen<'a>)> {
    candidates(members, &TIMES, const { classes(&TIMES) })
        .find_map(|chosen| Some((reader.value(chosen.value)?, chosen)))
}

/// The level of a record with these members: what it means, unless it is none, and where it stands. Where no member is a
/// level, the first text or number under one of the names is given all the same.
pub fn level<'a>(members: &[Member<'a>]) -> Option<(Option<Level>, Chosen<'a>)> {
    let means = |chosen: &Chosen<'a>| Level::from_field(chosen.name, &scalar(chosen.value)?);
    let known = candidates(members, &LEVELS, const { classes(&LEVELS) })
        .find_map(|chosen| Some((Some(means(&chosen)?), chosen)));
    known.or_else(|| {
        let is_scalar = |chosen: &Chosen<'_>| matches!(chosen.value.first(), Some(b'"' | b'-' | b'0'..=b'9'));
        candidates(members, &LEVELS, const { classes(&LEVELS) }).find(is_scalar).map(|chosen| (None, chosen))
    })
}

/// The message of a record with these members, a JSON string.
pub fn message<'a>(members: &[Member<'a>]) -> Option<Chosen<'a>> {
    candidates(members, &MESSAGES, const { classes(&MESSAGES) }).find(|chosen| chosen.value.first() == Some(&b'"'))
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

/// The members under the names of a table, whose classes are `classes`, in its order.
fn candidates<'a>(
    members: &[Member<'a>],
    names: &'static [&'static str],
    classes: u128,
) -> impl Iterator<Item = Chosen<'a>> {
    // By name: where it stands as it is spelled or nested, then in another case or with its dot.
    let mut found = [[None; 2]; MOST];
    for (at, member_of) in members.iter().enumerate() {
        // Most keys are none of these.
        if classes & class(member_of.key) == 0 && lanes::find_any(member_of.key, *b"\\").is_none() {
            continue;
        }
        let unescaped = unescape_inner(member_of.key);
        let Some(key) = unescaped.as_deref() else { continue };
        for (name, places) in names.iter().zip(&mut found) {
            if name.len() == key.len() {
                let place = Some((Some(at), member_of.value));
                if key == name.as_bytes() {
                    places[usize::from(name.contains('.'))] = place;
                } else if key.eq_ignore_ascii_case(name.as_bytes()) && !name.contains('.') {
                    places[1] = place;
                }
            } else if name.as_bytes().get(key.len()) == Some(&b'.') && name.as_bytes().starts_with(key) {
                // A later key of the same name hides an earlier one, whatever it holds.
                places[0] = member(member_of.value, &name[key.len() + 1..]).map(|value| (None, value));
            }
        }
    }
    names
        .iter()
        .zip(found)
        .flat_map(|(name, places)| places.into_iter().flatten().map(move |(at, value)| Chosen { name, at, value }))
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
        let (time, level, message) = (time(&members, &Reader::new(&zone)), level(&members), message(&members));
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
    fn no_table_has_more_names_than_there_is_room_for() {
        assert!([TIMES.len(), LEVELS.len(), MESSAGES.len()].iter().all(|count| *count <= MOST));
    }
}
