//! Records that are sent together, as they came, and what may be acknowledged once all of them are done.

use std::borrow::Cow;
use std::collections::BTreeMap;

use logline::json;
use logline::line::{Item, Line, classify};
use logline::position::{Fid, Mark, Position};
use memchr::memmem::Finder;

/// As so long a short record counts, for what is kept with it and written around it: short ones take no more memory.
const SHORTEST: usize = 128;

/// A batch.
#[derive(Debug, Default)]
pub struct Batch {
    lines: Vec<u8>,
    records: Vec<Record>,
    weight: usize,
    /// For each generation, what has arrived or was filtered out when all of this batch is done.
    acknowledges: BTreeMap<Fid, u64>,
    /// The generation that the last line was of, not yet in `acknowledges`: neighbours are mostly of one.
    last: Option<(Fid, u64)>,
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
}

impl Batch {
    /// Takes a line in.
    pub fn add(&mut self, line: &Line<'_>) {
        if self.is_empty() {
            self.read_at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        }
        let start = self.lines.len();
        self.lines.extend_from_slice(line.raw);
        let end = self.lines.len();
        let position = line.position();
        self.weight += (end - start).max(SHORTEST);
        self.records.push(Record { start, content: end - line.content.len(), end, position });
        if let Some(position) = position {
            self.raise(position.fid, position.next);
        }
    }

    /// Takes a mark in: it is acknowledged when all before it is.
    pub fn add_mark(&mut self, mark: &Mark) {
        self.raise(mark.fid, mark.next);
    }

    fn raise(&mut self, fid: Fid, next: u64) {
        match &mut self.last {
            Some((last, offset)) if *last == fid => *offset = (*offset).max(next),
            last => {
                let before = last.replace((fid, next));
                self.enter(before);
            }
        }
    }

    fn enter(&mut self, reached: Option<(Fid, u64)>) {
        if let Some((fid, next)) = reached {
            let known = self.acknowledges.entry(fid).or_default();
            *known = (*known).max(next);
        }
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
    pub fn acknowledges(&mut self) -> &BTreeMap<Fid, u64> {
        let last = self.last.take();
        self.enter(last);
        &self.acknowledges
    }

    /// An empty batch in the memory of this one.
    #[must_use]
    pub fn emptied(mut self) -> Self {
        self.lines.clear();
        self.records.clear();
        self.weight = 0;
        self.list.clear();
        self.acknowledges.clear();
        self.last = None;
        self
    }

    /// The record or text, and the path of its tag if it has one.
    pub fn content(&self, record: usize) -> (&[u8], Option<Cow<'_, [u8]>>) {
        let Record { start, content, end, .. } = self.records[record];
        let path = match classify(&self.lines[start..end], false) {
            Item::Line(line) if content > start => line.tag.map(|tag| tag.path_bytes()),
            _ => None,
        };
        (&self.lines[content..end], path)
    }

    /// The record where it has no tag.
    pub fn untagged(&self, record: usize) -> Option<&[u8]> {
        let Record { start, content, end, .. } = self.records[record];
        (start == content).then(|| &self.lines[start..end])
    }

    /// Whether the text of the finder occurs anywhere between the first and the last of these records, which rise.
    pub fn may_name(&self, finder: &Finder<'_>, records: &[usize]) -> bool {
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return false };
        finder.find(&self.lines[self.records[*first].start..self.records[*last].end]).is_some()
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
        match inner.filter(|_| json::is_valid_object(content)) {
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
        assert_eq!(batch.acknowledges(), &BTreeMap::from([(Fid(1), 50), (Fid(2), 3)]));
        assert_eq!(batch.content(0).0, b"four");
        assert_eq!(batch.content(2).0, b"plain");
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
        ]);
        for (record, text) in [
            r#"{"a":1,"_refused":"400 x"}"#,
            r#"{"_refused":"400 x"}"#,
            r#"{"message":"no \"object\"","_refused":"400 x"}"#,
            r#"{"message":"{\"broken\"","_refused":"400 x"}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-5","_file":"/a","message":"four","_refused":"400 x"}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:5-8","_file":"/a","_refused":"400 x"}"#,
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(batch.refused(record, "400 x"), text.as_bytes());
        }
    }
}
