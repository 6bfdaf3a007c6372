//! Records as logparse writes them, `{"_pos":"…","_file":"…","time":"…",…}`, whose documents are copied from them in slices.
//!
//! A filter in between may have changed a record, so that all of it is looked at: a half of it would take its neighbours
//! along. Most of it is the same as in the record before: the file, the minute, the keys. What is known from there is compared
//! and not read again.

use logline::json::{escape, is_valid_object, run_of_plain_ascii};
use logline::names::{self, MESSAGE};
use logline::plain::Layout;
use memchr::memchr;

use super::stamp::{Minutes, Stamp, is_utc_time};
use super::{FILE, Template};

/// What the last record had that the next one will mostly have too.
#[derive(Debug, Default)]
pub struct Last {
    head: Head,
    /// What stands in front of the time in the document: `{"file_path":"/a.log","@timestamp":"`.
    opening: Vec<u8>,
    /// What stands between the other values; none of its keys is taken by the template.
    layout: Layout,
}

/// The head of the last record of logparse: what stands in it up to the seconds of its time, the position apart.
#[derive(Debug, Default)]
pub struct Head {
    /// What stands between the position and the time: `","_file":"/a.log","time":"`. Empty if none has come.
    text: Vec<u8>,
    /// A minute that is one: `2025-10-10T13:55:`.
    minute: [u8; 17],
    /// The file is another than before, which nobody has asked for yet.
    is_new: bool,
}

const BEFORE_FILE: &[u8] = b"\",\"_file\":\"";
const BEFORE_TIME: &[u8] = b"\",\"time\":\"";

/// The time of a record and what follows it.
pub struct Timed<'a> {
    /// RFC 3339 in UTC, without the zone.
    pub time: &'a [u8],
    /// From behind the time's quote to the brace that ends the object.
    pub rest: &'a [u8],
    /// The time, its zone and the rest in one piece, where the zone is written `Z`.
    whole: Option<&'a [u8]>,
    /// The whole record from behind its position on.
    behind: &'a [u8],
}

impl Template {
    /// What stands in front of the time of a record of this file, a raw JSON string.
    fn opening(&self, file: &[u8]) -> Vec<u8> {
        [b"{\"", FILE, b"\":", file, b",\"", self.time.as_bytes(), b"\":\""].concat()
    }

    /// Appends the document of a record of logparse, behind what `before` writes of its time, which is RFC 3339 in UTC without
    /// the zone. False, and nothing is written, if the record has another head or a time in another zone, or a key that only
    /// we may write.
    pub fn write_parsed(&self, out: &mut Vec<u8>, record: &[u8], before: impl FnOnce(&mut Vec<u8>, &[u8])) -> bool {
        let mut last = self.last.borrow_mut();
        let Some(Timed { time, rest, whole, .. }) = last.read(record, self) else { return false };
        let is_fit = last.layout.is_plain_end(rest, |key| self.takes(key))
            || rest.last() == Some(&b'}')
                && is_valid_object(record)
                && self.finders.iter().all(|finder| finder.find(rest).is_none());
        if !is_fit {
            return false;
        }
        before(out, time);
        out.extend_from_slice(&last.opening);
        match whole {
            Some(whole) if self.added.is_empty() => out.extend_from_slice(whole),
            _ => {
                out.extend_from_slice(time);
                out.extend_from_slice(b"Z\"");
                out.extend_from_slice(&rest[..rest.len() - 1]);
                out.extend_from_slice(&self.added);
                out.push(b'}');
            }
        }
        true
    }
}

/// Writes documents of records of logparse as JSON strings, for a server whose lines are documents: where their quotes stand is
/// known, so that they are not looked for.
#[derive(Debug)]
pub struct Quoted<'t> {
    template: &'t Template,
    head: Head,
    minutes: Minutes,
    /// What stands in front of the time, escaped, and how long it is before that.
    opening: (Vec<u8>, usize),
    /// What is known of the keys: what stands in front of a value, escaped. `None` for a key that no document has as it is.
    layout: Layout<Option<Vec<u8>>>,
    /// What the template adds, escaped.
    added: Vec<u8>,
}

/// A record of logparse of which the head was read.
pub struct Begun<'a> {
    timed: Timed<'a>,
    /// The path of its file as a raw JSON string.
    pub file: &'a [u8],
    /// The time of the event.
    pub time: Stamp,
}

impl<'t> Quoted<'t> {
    /// Of documents that are made like this.
    pub fn new(template: &'t Template) -> Self {
        let (opening, added) = ((Vec::new(), 0), escaped(&template.added));
        Self { template, head: Head::default(), minutes: Minutes::default(), opening, layout: Layout::default(), added }
    }

    /// Reads the head of a record; `None` if it has another.
    pub fn begin<'a>(&mut self, record: &'a [u8]) -> Option<Begun<'a>> {
        let timed = self.head.read(record)?;
        let file = self.head.file(&timed);
        if std::mem::take(&mut self.head.is_new) {
            let opening = self.template.opening(file);
            self.opening = (escaped(&opening), opening.len());
        }
        let time = self.minutes.stamp(timed.time)?;
        Some(Begun { timed, file, time })
    }

    /// Appends the document of the record that was begun last; how long it is outside of the string. `None` if not all of the
    /// record can be copied or it may have a message: then what was appended says nothing.
    pub fn write(&mut self, out: &mut Vec<u8>, record: &Begun<'_>) -> Option<usize> {
        let Timed { time, rest, .. } = record.timed;
        let Self { template, opening, layout, added, .. } = self;
        out.push(b'"');
        out.extend_from_slice(&opening.0);
        out.extend_from_slice(time);
        out.extend_from_slice(b"Z\\\"");
        let make = |key: &[u8], piece: &[u8]| {
            let is_copied = marks(key).is_some_and(|marks| marks & MESSAGE == 0) && !template.takes(key);
            is_copied.then(|| escaped(piece))
        };
        let is_whole = layout.each(rest, make, |piece, value| {
            let Some(piece) = piece else { return false };
            out.extend_from_slice(piece);
            out.extend_from_slice(value);
            true
        });
        if !is_whole {
            return None;
        }
        if rest.ends_with(b"\"}") {
            out.extend_from_slice(b"\\\"");
        }
        out.extend_from_slice(added);
        out.extend_from_slice(b"}\"");
        Some(opening.1 + time.len() + b"Z\"".len() + rest.len() + template.added.len())
    }
}

/// JSON as it stands in a JSON string.
fn escaped(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    escape(&mut out, json);
    out
}

/// What a key behind the head may tell, as [`names::marks`] says it; VictoriaLogs' own name of a message is one, too. `None` for
/// a key of the head: a second one counts in place of the first.
pub fn marks(key: &[u8]) -> Option<u32> {
    match key {
        b"_pos" | b"_file" | b"time" => None,
        b"_msg" => Some(MESSAGE),
        key => Some(names::marks(key)),
    }
}

impl Last {
    /// Reads a record up to its time. `None` if it has another head, or its time is none in UTC.
    #[inline]
    fn read<'a>(&mut self, record: &'a [u8], template: &Template) -> Option<Timed<'a>> {
        let timed = self.head.read(record)?;
        if std::mem::take(&mut self.head.is_new) {
            self.opening = template.opening(self.head.file(&timed));
        }
        Some(timed)
    }
}

impl Head {
    /// Reads a record up to its time. `None` if it has another head, or its time is none in UTC.
    #[inline]
    pub fn read<'a>(&mut self, record: &'a [u8]) -> Option<Timed<'a>> {
        let behind = record.strip_prefix(b"{\"_pos\":\"")?;
        let behind = &behind[run_of_plain_ascii(behind)..];
        if self.text.is_empty() || !behind.starts_with(&self.text) {
            self.learn(behind)?;
        }
        let whole = &behind[self.text.len()..];
        if let Some((minute, [b'0'..=b'5', b'0'..=b'9', b'Z', b'"', ..])) = whole.split_first_chunk()
            && *minute == self.minute
        {
            return Some(Timed { time: &whole[..19], rest: &whole[21..], whole: Some(whole), behind });
        }
        let (zoned, rest) = whole.split_at(memchr(b'"', whole)?);
        let time = zoned.strip_suffix(b"Z").or_else(|| zoned.strip_suffix(b"+00:00"))?;
        if !is_utc_time(time) {
            return None;
        }
        self.minute = *time.first_chunk()?;
        Some(Timed { time, rest: &rest[1..], whole: zoned.ends_with(b"Z").then_some(whole), behind })
    }

    /// Takes the file from what stands behind the position. A path with an escape is not copied.
    #[cold]
    fn learn(&mut self, behind: &[u8]) -> Option<()> {
        let rest = behind.strip_prefix(BEFORE_FILE)?;
        let rest = rest[run_of_plain_ascii(rest)..].strip_prefix(BEFORE_TIME)?;
        self.text = behind[..behind.len() - rest.len()].to_vec();
        self.is_new = true;
        Some(())
    }

    /// The path of the file of the record that was read last, as a raw JSON string.
    pub fn file<'a>(&self, timed: &Timed<'a>) -> &'a [u8] {
        &timed.behind[BEFORE_FILE.len() - 1..=self.text.len() - BEFORE_TIME.len()]
    }

    /// Its time, likewise.
    pub fn time<'a>(&self, timed: &Timed<'a>) -> &'a [u8] {
        &timed.behind[self.text.len() - 1..timed.behind.len() - timed.rest.len()]
    }
}
