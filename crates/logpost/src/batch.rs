//! Records that are sent together, as they came, and what may be acknowledged once all of them are done.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use logline::json;
use logline::line::{Item, Line, classify};
use logline::names::is_reserved;
use logline::position::{Fid, Mark, Position};

use crate::document::{Fields, Stamp};

/// As so long a short record counts, for what is kept with it and written around it: short ones take no more memory.
const SHORTEST: usize = 128;

/// A batch.
#[derive(Debug, Default)]
pub struct Batch {
    lines: Vec<u8>,
    records: Vec<Record>,
    weight: usize,
    /// The files that its records came from. A record without a position is of the file `None`.
    files: BTreeMap<Option<Fid>, File>,
    /// The file that the last line was of, not yet in `files`, for neighbours are mostly of one.
    last: Option<(Option<Fid>, File)>,
    /// The time in force at a record, of those that were asked for: its own time or that of the one before it.
    times: RefCell<BTreeMap<usize, Option<Arc<Stamp>>>>,
    /// When its first record was read, RFC 3339 in UTC.
    pub read_at: String,
    /// The memory of a list of its records.
    pub(crate) list: Vec<usize>,
}

/// Where a record lies in the lines of its batch, and what was found out when it came.
#[derive(Debug)]
struct Record {
    start: usize,
    content: usize,
    end: usize,
    position: Option<Position>,
    /// The record before it of the same file.
    before: Option<usize>,
}

/// What a batch has of a file, more exactly of one generation of it.
#[derive(Clone, Debug, Default)]
struct File {
    /// What has arrived or was filtered out when all of the batch is done.
    next: u64,
    /// Its last record.
    last: Option<usize>,
    /// The time in force before its first record.
    time: Option<Arc<Stamp>>,
}

impl Batch {
    /// Takes a line in.
    pub fn add(&mut self, line: &Line<'_>) {
        self.add_raw(line.raw, line.raw.len() - line.content.len(), line.position());
    }

    /// Takes in a record of another batch, with the time that it has there. It acknowledges nothing here.
    pub fn adopt(&mut self, other: &Self, record: usize) {
        let Record { start, content, end, position, .. } = other.records[record];
        let time = other.time_before(record).unwrap_or_else(|| Arc::new(Stamp::of_reading(&other.read_at)));
        let acknowledged = position.map(|position| Position { next: 0, ..position });
        self.add_raw(&other.lines[start..end], content - start, acknowledged);
        let added = self.records.len() - 1;
        self.records[added].position = position;
        // The record before it is not here; what stands in its place is the time alone.
        self.records[added].before = None;
        self.times.get_mut().insert(added, Some(time));
    }

    fn add_raw(&mut self, raw: &[u8], content: usize, position: Option<Position>) {
        if self.is_empty() {
            self.read_at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        }
        let start = self.lines.len();
        self.lines.extend_from_slice(raw);
        let end = self.lines.len();
        self.weight += (end - start).max(SHORTEST);
        let record = self.records.len();
        let file = self.file(position.map(|position| position.fid));
        file.next = file.next.max(position.map_or(0, |position| position.next));
        let before = file.last.replace(record);
        self.records.push(Record { start, content: start + content, end, position, before });
    }

    /// Takes a mark in: it is acknowledged when all before it is.
    pub fn add_mark(&mut self, mark: &Mark) {
        let file = self.file(Some(mark.fid));
        file.next = file.next.max(mark.next);
    }

    /// What it has of a file, which is the last that was named.
    fn file(&mut self, fid: Option<Fid>) -> &mut File {
        if self.last.as_ref().is_none_or(|(last, _)| *last != fid) {
            let known = self.files.remove(&fid).unwrap_or_default();
            let before = self.last.replace((fid, known));
            self.files.extend(before);
        }
        &mut self.last.get_or_insert_with(|| (fid, File::default())).1
    }

    /// Whether the last line that was taken in is the first of its file here.
    pub fn is_new_file(&self) -> bool {
        self.records.last().is_some_and(|record| record.before.is_none())
    }

    /// The time in force before the first record of the file that the last line was of.
    pub fn carry(&mut self, time: Option<Arc<Stamp>>) {
        if let Some((_, file)) = &mut self.last {
            file.time = time;
        }
    }

    /// The time of the record before this one in its file that has one: a record without a time takes it.
    pub fn time_before(&self, record: usize) -> Option<Arc<Stamp>> {
        if let Some(given) = self.times.borrow().get(&record).filter(|_| self.records[record].before.is_none()) {
            return given.clone();
        }
        let mut untimed = Vec::new();
        let mut before = self.records[record].before;
        let time = loop {
            let Some(at) = before else { break self.time_at_start(record) };
            let known = self.times.borrow().get(&at).cloned();
            if let Some(time) = known {
                break time;
            }
            if let Some(time) = self.own_time(at) {
                let time = Some(Arc::new(time));
                self.times.borrow_mut().insert(at, time.clone());
                break time;
            }
            untimed.push(at);
            before = self.records[at].before;
        };
        self.times.borrow_mut().extend(untimed.into_iter().map(|at| (at, time.clone())));
        time
    }

    fn time_at_start(&self, record: usize) -> Option<Arc<Stamp>> {
        let fid = self.records[record].position.map(|position| position.fid);
        match &self.last {
            Some((last, file)) if *last == fid => file.time.clone(),
            _ => self.files.get(&fid)?.time.clone(),
        }
    }

    /// The files that it has records of, each with the time in force behind them.
    pub fn last_times(&mut self) -> Vec<(Option<Fid>, Option<Arc<Stamp>>)> {
        self.files.extend(self.last.take());
        let lasts = self.files.iter().filter_map(|(fid, file)| Some((*fid, file.last?)));
        let time = |last| self.own_time(last).map(Arc::new).or_else(|| self.time_before(last));
        lasts.map(|(fid, last)| (fid, time(last))).collect()
    }

    /// How many records it has.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it has no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many bytes its records have.
    pub fn bytes(&self) -> usize {
        self.lines.len()
    }

    /// The same for what a request may have: a short record counts as a longer one.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// The weight of these of its records.
    pub fn weight_of(&self, records: &[usize]) -> usize {
        let weight = |record: &usize| (self.records[*record].end - self.records[*record].start).max(SHORTEST);
        records.iter().map(weight).sum()
    }

    /// What may be acknowledged when it is done.
    pub fn acknowledges(&mut self) -> impl Iterator<Item = (Fid, u64)> {
        self.files.extend(self.last.take());
        self.files.iter().filter_map(|(fid, file)| Some(((*fid)?, file.next)))
    }

    /// An empty batch in the memory of this one.
    #[must_use]
    pub fn emptied(mut self) -> Self {
        self.lines.clear();
        self.records.clear();
        self.weight = 0;
        self.list.clear();
        self.files.clear();
        self.last = None;
        self.times.get_mut().clear();
        self
    }

    /// The record or text, and the path of its tag if it has one.
    pub fn content(&self, record: usize) -> (&[u8], Option<Cow<'_, [u8]>>) {
        let Record { start, content, end, .. } = self.records[record];
        if content == start {
            return (&self.lines[start..end], None);
        }
        let path = match classify(&self.lines[start..end], false) {
            Item::Line(line) => line.tag.map(|tag| tag.path_bytes()),
            _ => None,
        };
        (&self.lines[content..end], path)
    }

    /// Reads what is in the record. One without a time takes that of the record before it in its file.
    pub fn read_fields<'a>(&'a self, record: usize, fields: &mut Fields<'a>) {
        self.read_own_fields(record, fields);
        if fields.time.is_none() {
            fields.time = self.time_before(record).map(|time| *time);
        }
    }

    /// The same with no other time than its own.
    pub fn read_own_fields<'a>(&'a self, record: usize, fields: &mut Fields<'a>) {
        let (content, path) = self.content(record);
        fields.read(content, path, self.position(record));
    }

    fn own_time(&self, record: usize) -> Option<Stamp> {
        let mut fields = Fields::default();
        self.read_own_fields(record, &mut fields);
        fields.time
    }

    /// The record where it has no tag.
    pub fn untagged(&self, record: usize) -> Option<&[u8]> {
        let Record { start, content, end, .. } = self.records[record];
        (start == content).then(|| &self.lines[start..end])
    }

    /// Where it was read.
    pub fn position(&self, record: usize) -> Option<Position> {
        self.records[record].position
    }

    /// The record as it came, with the reason why it was refused. What stood in its tag becomes the keys that logparse
    /// makes of it.
    pub fn refused(&self, record: usize, reason: &str) -> Vec<u8> {
        let (content, path) = self.content(record);
        let mut out = b"{".to_vec();
        if let (Some(path), Some(position)) = (path, self.position(record)) {
            out.extend_from_slice(b"\"_pos\":\"");
            position.write_without_flags(&mut out);
            out.extend_from_slice(b"\",\"_file\":");
            json::write_string(&mut out, &path);
            out.push(b',');
        }
        let inner = content.trim_ascii().strip_prefix(b"{").and_then(|inner| inner.strip_suffix(b"}"));
        let is_tagged = out.len() > 1;
        match inner.filter(|_| json::is_valid_object(content)) {
            Some(_) if is_tagged || json::member(content, "_refused").is_some() => {
                for member in json::members(content).filter_map(Result::ok) {
                    // Content may not say where it was read, nor that it was refused.
                    let is_taken = member.is(b"_refused") || is_tagged && is_reserved(member.key);
                    out.push(b'"');
                    out.extend_from_slice(member.key);
                    out.extend_from_slice(if is_taken { b"_\":" } else { b"\":" });
                    out.extend_from_slice(member.value);
                    out.push(b',');
                }
            }
            Some(inner) => {
                out.extend_from_slice(inner);
                if !inner.trim_ascii().is_empty() {
                    out.push(b',');
                }
            }
            None => {
                out.extend_from_slice(b"\"message\":");
                json::write_string(&mut out, content);
                out.push(b',');
            }
        }
        out.extend_from_slice(b"\"_refused\":");
        json::write_string(&mut out, reason.as_bytes());
        out.push(b'}');
        out
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// These lines, each as it comes, in a stream that carries positions.
    pub(crate) fn batch(lines: &[&[u8]]) -> Batch {
        let mut batch = Batch::default();
        for line in lines {
            match classify(line, true) {
                Item::Line(line) => batch.add(&line),
                Item::Mark(mark, _) => batch.add_mark(&mark),
                _ => unreachable!(),
            }
        }
        batch
    }

    #[test]
    fn a_batch_acknowledges_the_highest_of_each_generation() {
        let mut batch = batch(&[
            b"\x1e0000000000000001:0-5 /a\tfour",
            b"{\"_pos\":\"0000000000000002:7-9@3\",\"a\":1}",
            b"\x1e0000000000000001:50",
            b"plain",
        ]);
        assert_eq!(batch.len(), 3);
        assert_eq!(batch.acknowledges().collect::<Vec<_>>(), [(Fid(1), 50), (Fid(2), 3)]);
        assert_eq!(batch.content(0).0, b"four");
        assert_eq!(batch.content(2).0, b"plain");
    }

    #[test]
    fn a_record_without_a_time_takes_that_of_the_record_before_it_in_its_file() {
        let mut batch = Batch::default();
        for line in [
            &b"\x1e0000000000000001:0-5 /a\tnone before"[..],
            b"{\"_pos\":\"0000000000000001:5-9\",\"time\":\"2025-10-10T13:55:36Z\"}",
            b"\x1e0000000000000002:0-5 /b\tthis file had a time",
            b"\x1e0000000000000001:9-12 /a\t\tat a.b.c",
            b"\x1e0000000000000002:5-9 /b\t{\"a\":1}",
            b"\x1e0000000000000001:12-15 /a\t\tat d.e.f",
        ] {
            if let Item::Line(line) = classify(line, true) {
                batch.add(&line);
            }
            if batch.is_new_file() && batch.len() == 3 {
                batch.carry(Some(Arc::new(Stamp::of_reading("2025-11-11T00:00:00Z"))));
            }
        }
        let text = |time: Option<Arc<Stamp>>| time.map(|time| time.text().to_owned());
        let times: Vec<_> = [0, 2, 3, 4, 5].map(|record| text(batch.time_before(record))).into();
        let (a, b) = (Some("2025-10-10T13:55:36Z".to_owned()), Some("2025-11-11T00:00:00Z".to_owned()));
        assert_eq!(times, [None, b.clone(), a.clone(), b.clone(), a.clone()]);
        let last: Vec<_> = batch.last_times().into_iter().map(|(fid, time)| (fid, text(time))).collect();
        assert_eq!(last, [(Some(Fid(1)), a.clone()), (Some(Fid(2)), b)]);
        let mut other = Batch::default();
        other.adopt(&batch, 5);
        assert_eq!((text(other.time_before(0)), other.content(0).0), (a, &b"\tat d.e.f"[..]));
        assert_eq!(other.position(0).map(|position| position.next), Some(15));
        assert_eq!(other.acknowledges().map(|(_, next)| next).max(), Some(0), "the batch that it came from does that");
    }

    #[test]
    fn a_short_record_weighs_as_much_as_what_is_kept_with_it() {
        let mut batch = batch(&[b"a", &[b'x'; 1000]]);
        assert_eq!((batch.bytes(), batch.weight(), batch.weight_of(&[1])), (1001, 1128, 1000));
        batch = batch.emptied();
        assert_eq!(batch.weight(), 0);
    }

    #[test]
    fn a_refused_record_is_what_came_and_the_reason() {
        let batch = batch(&[
            b"{\"a\":1}",
            b"{}",
            b"no \"object\"",
            b"{\"broken\"",
            b"\x1e3f2a00c4d1e0b7a9:0-5 /a\tfour",
            b"\x1e3f2a00c4d1e0b7a9:5-8 /a\t{}",
            b"\x1e3f2a00c4d1e0b7a9:8-9 /a\t{\"_pos\":\"x\",\"_file\":\"/etc\",\"a\":1,\"_refused\":\"no\"}",
            b"{\"_refused\":\"400 before\",\"a\":1}",
        ]);
        for (record, text) in [
            r#"{"a":1,"_refused":"400 x"}"#,
            r#"{"_refused":"400 x"}"#,
            r#"{"message":"no \"object\"","_refused":"400 x"}"#,
            r#"{"message":"{\"broken\"","_refused":"400 x"}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-5","_file":"/a","message":"four","_refused":"400 x"}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:5-8","_file":"/a","_refused":"400 x"}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:8-9","_file":"/a","_pos_":"x","_file_":"/etc","a":1,"_refused_":"no","_refused":"400 x"}"#,
            r#"{"_refused_":"400 before","a":1,"_refused":"400 x"}"#,
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(batch.refused(record, "400 x"), text.as_bytes());
        }
    }
}
