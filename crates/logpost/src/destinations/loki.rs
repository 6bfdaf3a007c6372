//! Loki: its JSON push. The line is the message, what else the record has is structured metadata; a record without a
//! message is a line of JSON.
//!
//! | answer | means |
//! |---|---|
//! | 204 | stored |
//! | 400 that tells which lines are ignored | those are refused, the others are stored, and nothing is sent again |
//! | 400 that structured metadata is disallowed, or less of it allowed | what has too much is sent again, as a line of JSON |
//! | 400 for the value of a label that `--label-from` made, longer than it takes | the records with that value are refused |
//! | any other 400 | hold |
//! | 429 for more bytes than may come in a second, or for the third time | it is halved: above the burst that would be the answer for ever |
//! | 260 | ingestion is blocked: hold |
//!
//! With several streams in a request the answer is that for the last of them: what was refused of the others is not told,
//! be it with 204. So each has a request of its own.
//!
//! What is more than an hour (half of `max_chunk_age`) older than the newest line of its stream is ignored for good. So
//! requests are sent one at a time and in their order.
//!
//! Loki looks whether a line is too far behind before it looks whether it has that line. So what comes again after a
//! restart is ignored, though it is stored, until this run has come to where the run before was. A line with a position
//! counts as stored if this run has sent no line that is more than an hour newer: then an earlier run has sent that newer
//! line, and each run sends a stream's lines in order. If the newest line of the stream gets newer meanwhile, somebody else
//! writes to the stream. Whether Loki has the line is not known then, and it is refused.
//!
//! Loki drops a line that it has: same labels, same nanosecond, same text. So the digits of the time that the source did
//! not tell are made of the line's offset: what is sent again is dropped there, and of two equal lines both are kept.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use logline::ending::Trouble;
use logline::json::{unescape, unescape_inner, write_json_as_string, write_string};
use logline::position::{Position, write_decimal};
use logline::time::Moment;
use memchr::memchr;

use crate::batch::Batch;
use crate::destinations::{Destination, LeftOut, Range, Sent, Settings, ending_in};
use crate::document::{Fields, Quoted, Stamp, Template};
use crate::outcome::{Answer, Outcome, Outcomes, Taken, from_status, reason, unexpected};

mod ignored;

use ignored::{Cause, Ignored};

const PATH: &str = "/loki/api/v1/push";
const LONGEST_LINE: usize = 256 * 1024;
const MOST_LABELS: usize = 15;
const LONGEST_LABEL: usize = 2048;
const FARTHEST_AHEAD: Duration = Duration::from_secs(600);
/// Half of Loki's `max_chunk_age`, in nanoseconds.
const FARTHEST_BEHIND: i128 = 3_600_000_000_000;
/// So long after a start a request of the run before may still be at work in Loki.
const LAST_REQUESTS: SignedDuration = SignedDuration::from_secs(10);
/// Of no more streams it is kept how far they are; what is behind in others is refused.
const MOST_STREAMS: usize = 4096;
/// So often the same request may be one too many in a second before it is halved.
const MOST_BUSY: u32 = 3;

/// A Loki server.
#[derive(Debug)]
pub struct Loki {
    /// Of lines that have no message.
    template: Template,
    labels: Vec<(String, String)>,
    /// Fields whose values are labels, and the names of these.
    labels_from: Vec<(String, String)>,
    added: Vec<(String, String)>,
    range: Range,
    metadata: MetadataLimit,
    /// How often in a row the answer was 429.
    busy: u32,
    /// Of the request that was written last, which is the one that is under way.
    written: Cell<Written>,
    /// By the hash of their labels.
    streams: HashMap<u64, Progress>,
    hasher: RandomState,
    /// That lines were taken for those of an earlier run has been said.
    has_said_known: bool,
}

/// The newest times of what was written, in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Written {
    /// Of the last request.
    newest: i128,
    /// Of those right before it that Loki may have taken, for their answers were lost.
    unanswered: i128,
    is_answered: bool,
}

/// How far a stream is.
#[derive(Clone, Copy, Debug)]
struct Progress {
    /// The newest time of what Loki has taken from this run, in nanoseconds.
    newest: i128,
    /// If lines were taken for those of an earlier run: the oldest time that Loki took then, and since when.
    earlier: Option<(Timestamp, Timestamp)>,
}

/// More structured metadata, and the record is a line of JSON.
#[derive(Clone, Copy, Debug)]
struct MetadataLimit {
    count: usize,
    bytes: usize,
}

/// Loki's own, until it tells another.
const METADATA: MetadataLimit = MetadataLimit { count: 128, bytes: 64 * 1024 };

/// What an answer is to be compared with of a record that was sent.
struct Entry {
    /// Since the epoch.
    nanoseconds: i128,
    /// Bytes of its line.
    length: usize,
    metadata: Metadata,
}

/// Memory that the records of a request use one after the other.
#[derive(Default)]
struct Scratch<'a> {
    fields: Fields<'a>,
    /// The line, where it is no text of the record itself.
    line: Vec<u8>,
    /// The structured metadata: members as JSON, without braces.
    members: Vec<u8>,
}

/// The structured metadata of a line.
#[derive(Clone, Copy, Default)]
struct Metadata {
    count: usize,
    /// The length of all names and values, as Loki counts it.
    bytes: usize,
}

/// The streams of a request, in the order in which they came.
#[derive(Default)]
struct Streams<'a> {
    all: Vec<Stream>,
    /// By their labels.
    places: HashMap<Vec<u8>, usize>,
    /// The file of the last record, a raw JSON string, and its stream.
    last: Option<(&'a [u8], usize)>,
}

/// The body of a request.
struct Body<'o> {
    out: &'o mut Vec<u8>,
    begin: usize,
}

/// The lines of one stream.
struct Stream {
    /// `{"filename":"…"}`.
    labels: Vec<u8>,
    /// Unless it is the first: that stands in the body.
    values: Vec<u8>,
    count: usize,
}

impl Loki {
    /// With these labels and fields. Names of labels have letters, digits and single underscores only, so different names
    /// may become one, which is an error.
    pub fn new(settings: &Settings) -> Result<Self, Trouble> {
        let count = settings.labels.len() + settings.labels_from.len() + 1;
        if count > MOST_LABELS {
            return Err(Trouble::new("--label", format_args!("{count} labels with the file's, Loki takes 15")));
        }
        let labels: Vec<_> = settings.labels.iter().map(|(name, value)| (folded_text(name), value.clone())).collect();
        let labels_from: Vec<_> = settings.labels_from.iter().map(|name| (name.clone(), folded_text(name))).collect();
        let mut names = HashSet::from(["filename"]);
        let options = labels.iter().map(|(name, _)| ("--label", name));
        for (option, name) in options.chain(labels_from.iter().map(|(_, name)| ("--label-from", name))) {
            if !names.insert(name) {
                let cause = "two labels of this name, as Loki writes it";
                return Err(Trouble::new(format_args!("{option}: {name}"), cause));
            }
        }
        Ok(Self {
            template: Template::new("time", &settings.added),
            labels,
            labels_from,
            added: settings.added.iter().map(|(name, value)| (folded_text(name), value.clone())).collect(),
            range: Range::new(settings, FARTHEST_AHEAD),
            metadata: METADATA,
            busy: 0,
            written: Cell::new(Written { newest: i128::MIN, unanswered: i128::MIN, is_answered: true }),
            streams: HashMap::new(),
            hasher: RandomState::new(),
            has_said_known: false,
        })
    }

    /// Appends `["<nanoseconds>","<line>",{<metadata>}]` to `out`, of the record of the batch whose fields were read; or why
    /// Loki would not take it, and nothing is appended.
    fn write_entry(
        &self,
        batch: &Batch,
        record: usize,
        now: Moment,
        scratch: &mut Scratch<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Entry, String> {
        let Scratch { fields, line, members } = scratch;
        let time = fields.time.unwrap_or_else(|| Stamp::of_reading(&batch.read_at));
        self.range.check(&time, now)?;
        members.clear();
        let message = fields.message();
        let metadata = if message.is_some() { self.metadata(fields, members) } else { Some(Metadata::default()) };
        let message = message.filter(|_| metadata.is_some());
        let metadata = metadata.filter(|_| message.is_some()).unwrap_or_default();
        let length = match &message {
            Some(message) => message.len(),
            None => {
                line.clear();
                self.template.write_fields(line, fields, time.bytes());
                line.len()
            }
        };
        if length > LONGEST_LINE {
            return Err(format!("{length} bytes, Loki takes lines of up to 256 KiB"));
        }
        let nanoseconds = nanoseconds(&time, fields.position, record);
        open_entry(out, nanoseconds);
        match message {
            Some(_) => fields.write_message(out),
            None => write_json_as_string(out, line),
        }
        if metadata.count > 0 {
            out.extend_from_slice(b",{");
            out.extend_from_slice(members);
            out.push(b'}');
        }
        out.push(b']');
        Ok(Entry { nanoseconds, length, metadata })
    }

    /// Writes the entry of a record of logparse that has no message and is of the same file as the record before it. `None`, and
    /// nothing is written, if it is no such record, or one that Loki would not take.
    fn write_copied<'a>(
        &self,
        batch: &'a Batch,
        record: usize,
        now: Moment,
        quoted: &mut Quoted<'_>,
        streams: &mut Streams<'a>,
        body: &mut Body<'_>,
    ) -> Option<Entry> {
        let (line, position) = (batch.untagged(record)?, batch.position(record)?);
        let begun = quoted.begin(line)?;
        let (_, place) = streams.last.filter(|(file, _)| *file == begun.file)?;
        self.range.check(&begun.time, now).ok()?;
        let nanoseconds = nanoseconds(&begun.time, Some(position), record);
        let write = |out: &mut Vec<u8>| {
            open_entry(out, nanoseconds);
            let length = quoted.write(out, &begun).filter(|length| *length <= LONGEST_LINE).ok_or(())?;
            out.push(b']');
            Ok::<_, ()>(Entry { nanoseconds, length, metadata: Metadata::default() })
        };
        streams.all[place].write(place, body, write).ok()
    }

    /// The stream of a record.
    fn labels(&self, fields: &Fields<'_>) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let mut add = |name: &str, value: &[u8]| {
            out.push(if out.is_empty() { b'{' } else { b',' });
            write_string(&mut out, name.as_bytes());
            out.push(b':');
            write_string(&mut out, value);
        };
        for (name, value) in &self.labels {
            add(name, value.as_bytes());
        }
        for (field, name) in &self.labels_from {
            if let Some(value) = fields.text_of(field).filter(|value| !value.is_empty()) {
                if value.len() > LONGEST_LABEL {
                    return Err(format!("{field} has {} bytes, Loki takes labels of up to 2048", value.len()));
                }
                add(name, &value);
            }
        }
        // A stream has at least one.
        match fields.file() {
            Some(file) => add("filename", &file),
            None if self.labels.is_empty() => add("job", b"logpost"),
            None => {}
        }
        out.push(b'}');
        Ok(out)
    }

    /// Appends the structured metadata to `members`; `None` if it is more than Loki takes.
    fn metadata(&self, fields: &Fields<'_>, members: &mut Vec<u8>) -> Option<Metadata> {
        let mut writer =
            MetadataWriter { members, metadata: Metadata::default(), names: Vec::new(), limit: self.metadata };
        for (name, value) in &self.added {
            writer.add_text(Cow::Borrowed(name.as_bytes()), value.as_bytes())?;
        }
        for (is_set, name) in fields.flags() {
            if is_set {
                writer.add_text(folded(name), b"true")?;
            }
        }
        for (_, member) in fields.rest(false) {
            let name = match unescape_inner(member.key)? {
                Cow::Borrowed(key) => folded(key),
                Cow::Owned(key) => Cow::Owned(folded(&key).into_owned()),
            };
            match member.value {
                [b'n', ..] => {}
                [b'"', inner @ .., b'"'] if memchr(b'\\', inner).is_none() => {
                    writer.add(name, inner.len(), |out| out.extend_from_slice(member.value))?;
                }
                [b'"', ..] => writer.add_text(name, &unescape(member.value).unwrap_or_default())?,
                raw => writer.add_text(name, raw)?,
            }
        }
        Some(writer.metadata)
    }

    /// How far the stream of a request is; `None` if it is one of too many.
    fn progress(&mut self, sent: &Sent<'_>) -> Option<&mut Progress> {
        let mut fields = Fields::default();
        sent.batch.read_own_fields(*sent.records.first()?, &mut fields);
        let key = self.hasher.hash_one(self.labels(&fields).ok()?);
        if self.streams.len() >= MOST_STREAMS && !self.streams.contains_key(&key) {
            return None;
        }
        Some(self.streams.entry(key).or_insert(Progress { newest: i128::MIN, earlier: None }))
    }

    /// Loki has taken the newest line of the request that was written last.
    fn go_on(&mut self, sent: &Sent<'_>) {
        let written = self.written.get_mut();
        written.is_answered = true;
        let newest = written.newest;
        if let Some(progress) = self.progress(sent) {
            progress.newest = progress.newest.max(newest);
        }
    }

    /// What becomes of each record if some were ignored only because an earlier run has sent them and what is behind them.
    fn of_earlier_run(
        &mut self,
        ignored: &Ignored,
        sent: &Sent<'_>,
        entries: &[Option<Entry>],
        now: Timestamp,
    ) -> Option<Outcomes> {
        let are_behind =
            !ignored.lines.is_empty() && ignored.lines.iter().all(|line| line.reason.contains("too far behind"));
        let limit = ignored.oldest_acceptable().unwrap_or(Timestamp::MIN);
        let unanswered = self.written.get().unanswered;
        let progress = self.progress(sent).filter(|_| are_behind)?;
        let (before, since) = progress.earlier.unwrap_or((limit, now));
        if limit > before && now.duration_since(since) > LAST_REQUESTS {
            return None;
        }
        // It is the oldest that are behind.
        let mut oldest: Vec<usize> = (0..entries.len()).collect();
        oldest.sort_by_key(|place| entries[*place].as_ref().map(|entry| entry.nanoseconds));
        let mut outcomes = vec![Outcome::Delivered; entries.len()];
        for place in oldest.into_iter().take(ignored.total) {
            outcomes[place] = Outcome::Known;
        }
        // What is as far behind a line of this run was never taken. What has no position comes again only if an answer was
        // lost.
        let mut newest = progress.newest;
        for (place, (entry, outcome)) in entries.iter().zip(&mut outcomes).enumerate() {
            let at = entry.as_ref().map_or(newest, |entry| entry.nanoseconds);
            let is_behind_own = newest.saturating_sub(at) > FARTHEST_BEHIND;
            let may_come_again =
                sent.batch.position(sent.records[place]).is_some() || unanswered.saturating_sub(at) > FARTHEST_BEHIND;
            if *outcome == Outcome::Known && (is_behind_own || !may_come_again) {
                *outcome = Outcome::Refused(format!("400 {}", ignored.lines[0].reason));
            }
            newest = newest.max(at);
        }
        if !outcomes.contains(&Outcome::Known) {
            return None;
        }
        progress.earlier = Some((limit.max(before), since));
        if std::mem::replace(&mut self.has_said_known, true) {
            return Some(Outcomes::Each(outcomes));
        }
        let words = format!(
            "{} of {} records are older than what Loki has of their stream, and taken for delivered by an earlier run",
            outcomes.iter().filter(|outcome| **outcome == Outcome::Known).count(),
            entries.len()
        );
        Some(Outcomes::Otherwise(words, outcomes))
    }

    /// What an answer of 400 says of the records.
    fn read_refusal(&mut self, body: &[u8], sent: &Sent<'_>) -> Outcomes {
        let text = String::from_utf8_lossy(body);
        let Some(ignored) = Ignored::parse(&text) else {
            // All of a request are of one stream.
            let is_of_content = ignored::long_label(&text)
                .is_some_and(|value| !self.labels.iter().any(|(_, configured)| configured == value));
            return Outcomes::All(if is_of_content {
                Outcome::Refused(reason(400, body))
            } else {
                Outcome::Hold(reason(400, body))
            });
        };
        let now = Timestamp::now();
        let (mut scratch, mut out) = (Scratch::default(), Vec::new());
        let mut entry = |record| {
            out.clear();
            sent.batch.read_fields(record, &mut scratch.fields);
            self.write_entry(sent.batch, record, Moment::now(), &mut scratch, &mut out).ok()
        };
        // None was left out when they were written, or it would not have been sent.
        let entries: Vec<_> = sent.records.iter().map(|record| entry(*record)).collect();
        if let Some(limit) = ignored.metadata {
            let (count, bytes) = (limit.count.unwrap_or(usize::MAX), limit.bytes.unwrap_or(usize::MAX));
            self.metadata =
                MetadataLimit { count: self.metadata.count.min(count), bytes: self.metadata.bytes.min(bytes) };
            let has_too_much = |entry: &Option<Entry>| {
                entry.as_ref().is_some_and(|Entry { metadata, .. }| metadata.count > count || metadata.bytes > bytes)
            };
            let outcomes: Vec<_> = entries
                .iter()
                .map(|entry| if has_too_much(entry) { Outcome::Unread } else { Outcome::Delivered })
                .collect();
            if outcomes.contains(&Outcome::Unread) {
                let words = format!(
                    "records with more structured metadata than it takes are lines of JSON from now on: {}",
                    reason(400, body)
                );
                return Outcomes::Otherwise(words, outcomes);
            }
            return Outcomes::All(Outcome::Hold(reason(400, body)));
        }
        if ignored.is_for_a_rate() {
            return Outcomes::All(Outcome::Again(reason(400, body)));
        }
        let of_earlier_run = self.of_earlier_run(&ignored, sent, &entries, now);
        self.go_on(sent);
        if let Some(outcomes) = of_earlier_run {
            return outcomes;
        }
        let mut is_found = vec![false; entries.len()];
        let mut refused = Vec::new();
        for line in &ignored.lines {
            // Of several lines alike it is the last ones: the newest line of the stream only gets newer.
            for _ in 0..line.count {
                let place = (0..entries.len()).rev().find(|place| {
                    !is_found[*place] && entries[*place].as_ref().is_some_and(|entry| is_meant(&line.cause, entry))
                });
                let Some(place) = place else { break };
                is_found[place] = true;
                refused.push((place, format!("400 {}", line.reason)));
            }
        }
        refused.sort_unstable_by_key(|(place, _)| *place);
        let unnamed = ignored.total.saturating_sub(refused.len()).min(entries.len() - refused.len());
        let words = ignored.lines.first().map_or_else(|| reason(400, body), |line| line.reason.clone());
        Outcomes::Taken(Taken { refused, unnamed, words: if unnamed > 0 { words } else { String::new() } })
    }
}

/// Whether an answer that names a line names this one.
fn is_meant(cause: &Cause, entry: &Entry) -> bool {
    match cause {
        Cause::Nanosecond(nanosecond) => entry.nanoseconds == *nanosecond,
        Cause::Second(second) => entry.nanoseconds.div_euclid(1_000_000_000) == *second,
        Cause::Length(length) => entry.length == *length,
    }
}

/// Collects structured metadata up to a limit.
struct MetadataWriter<'a> {
    members: &'a mut Vec<u8>,
    metadata: Metadata,
    /// No more than the limit's count.
    names: Vec<Cow<'a, [u8]>>,
    limit: MetadataLimit,
}

impl<'a> MetadataWriter<'a> {
    fn add_text(&mut self, name: Cow<'a, [u8]>, value: &[u8]) -> Option<()> {
        self.add(name, value.len(), |out| write_string(out, value))
    }

    /// Adds a member under this name, or behind a number if that name is there; `None` beyond the limit. `write` writes the
    /// value, which is a text of this length, as a JSON string.
    fn add(&mut self, mut name: Cow<'a, [u8]>, length: usize, write: impl FnOnce(&mut Vec<u8>)) -> Option<()> {
        if self.names.contains(&name) {
            let numbered = |number: usize| Cow::Owned([&name, number.to_string().as_bytes()].concat());
            name = (2..=self.names.len() + 2).map(numbered).find(|name| !self.names.contains(name))?;
        }
        let Metadata { count, bytes } = &mut self.metadata;
        *count += 1;
        *bytes += name.len() + length;
        if *count > self.limit.count || *bytes > self.limit.bytes {
            return None;
        }
        self.members.extend_from_slice(if *count > 1 { b",\"" } else { b"\"" });
        // A folded name has nothing to escape.
        self.members.extend_from_slice(&name);
        self.members.extend_from_slice(b"\":");
        write(self.members);
        self.names.push(name);
        Some(())
    }
}

impl Destination for Loki {
    fn path(&self, path: &str) -> String {
        ending_in(PATH, path)
    }

    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn is_ordered(&self) -> bool {
        true
    }

    fn parts(&self, batch: &Batch, records: &[usize]) -> Vec<Vec<usize>> {
        let mut files = records.iter().map(|record| batch.position(*record).map(|position| position.fid));
        let first = files.next();
        if self.labels_from.is_empty() && files.all(|fid| Some(fid) == first) {
            return Vec::new();
        }
        let mut parts: Vec<Vec<usize>> = Vec::new();
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut fields = Fields::default();
        for record in records {
            batch.read_own_fields(*record, &mut fields);
            // What has labels that Loki would not take is left out of any request.
            let labels = self.labels(&fields).unwrap_or_default();
            let place = *places.entry(labels).or_insert(parts.len());
            if place == parts.len() {
                parts.push(Vec::new());
            }
            parts[place].push(*record);
        }
        parts
    }

    fn write(&self, batch: &Batch, records: &[usize], out: &mut Vec<u8>) -> Vec<LeftOut> {
        let now = Moment::now();
        let mut left_out = Vec::new();
        let mut newest = i128::MIN;
        let (mut scratch, mut quoted) = (Scratch::default(), Quoted::new(&self.template));
        let mut streams = Streams::default();
        let begin = out.len();
        let mut body = Body { out, begin };
        for record in records {
            let copied = self.write_copied(batch, *record, now, &mut quoted, &mut streams, &mut body);
            let written = copied.map_or_else(
                || {
                    batch.read_fields(*record, &mut scratch.fields);
                    let place = streams.place(self, &scratch.fields)?;
                    let write = |out: &mut Vec<u8>| self.write_entry(batch, *record, now, &mut scratch, out);
                    streams.all[place].write(place, &mut body, write)
                },
                Ok,
            );
            match written {
                Ok(entry) => newest = newest.max(entry.nanoseconds),
                Err(reason) => left_out.push((*record, format!("not sent: {reason}"))),
            }
        }
        let before = self.written.get();
        let unanswered = if before.is_answered { i128::MIN } else { before.unanswered.max(before.newest) };
        self.written.set(Written { newest, unanswered, is_answered: false });
        for (place, stream) in streams.all.iter().enumerate().filter(|(_, stream)| stream.count > 0) {
            if place > 0 {
                open_stream(out, out.len() == begin, &stream.labels);
                out.extend_from_slice(&stream.values);
            }
            out.extend_from_slice(b"]}");
        }
        if out.len() > begin {
            out.extend_from_slice(b"]}");
        }
        left_out
    }

    fn read(&mut self, answer: &Answer, sent: &Sent<'_>) -> Outcomes {
        let Answer { status, body, .. } = answer;
        self.busy = if *status == 429 { self.busy + 1 } else { 0 };
        let reason = reason(*status, body);
        Outcomes::All(match status {
            204 => {
                self.go_on(sent);
                Outcome::Delivered
            }
            400 => return self.read_refusal(body, sent),
            429 if sent.count() > 1 && (self.busy >= MOST_BUSY || ignored::is_above_rate(body)) => {
                self.busy = 0;
                Outcome::TooLarge(reason)
            }
            _ => from_status(*status, body)
                .unwrap_or_else(|| Outcome::Hold(unexpected(*status, "not Loki's 204, so nothing is stored", body))),
        })
    }
}

impl Stream {
    /// Lets `write` write an entry behind those that the stream, the `place`th of all, has. Where it fails, nothing is left.
    fn write<E>(
        &mut self,
        place: usize,
        body: &mut Body<'_>,
        write: impl FnOnce(&mut Vec<u8>) -> Result<Entry, E>,
    ) -> Result<Entry, E> {
        let Self { labels, values, count } = self;
        // The first one, mostly the only, stands in the body already.
        let values = if place > 0 { values } else { &mut *body.out };
        let before = values.len();
        if *count > 0 {
            values.push(b',');
        } else if place == 0 {
            open_stream(values, before == body.begin, labels);
        }
        let written = write(values);
        match written {
            Ok(_) => *count += 1,
            Err(_) => values.truncate(before),
        }
        written
    }
}

impl<'a> Streams<'a> {
    /// The number of the stream that a record with these fields is of.
    fn place(&mut self, loki: &Loki, fields: &Fields<'a>) -> Result<usize, String> {
        // Without labels from fields, the file alone parts streams.
        let file = fields.raw_file().filter(|_| loki.labels_from.is_empty());
        match self.last {
            Some((last, place)) if Some(last) == file => Ok(place),
            _ => {
                let labels = loki.labels(fields)?;
                let place = *self.places.entry(labels.clone()).or_insert(self.all.len());
                if place == self.all.len() {
                    self.all.push(Stream { labels, values: Vec::new(), count: 0 });
                }
                self.last = file.map(|file| (file, place));
                Ok(place)
            }
        }
    }
}

/// Appends what stands in front of the values of a stream, and of all streams if it is the first.
fn open_stream(out: &mut Vec<u8>, is_first: bool, labels: &[u8]) {
    out.extend_from_slice(if is_first { b"{\"streams\":[{\"stream\":" } else { b",{\"stream\":" });
    out.extend_from_slice(labels);
    out.extend_from_slice(b",\"values\":[");
}

/// Appends what stands in front of the line of an entry.
fn open_entry(out: &mut Vec<u8>, nanoseconds: i128) {
    out.extend_from_slice(b"[\"");
    match u64::try_from(nanoseconds) {
        Ok(nanoseconds) => write_decimal(out, nanoseconds),
        Err(_) => out.extend_from_slice(nanoseconds.to_string().as_bytes()),
    }
    out.extend_from_slice(b"\",");
}

/// Digits that the source did not tell are made of where the line was read, or of its place in the batch.
fn nanoseconds(time: &Stamp, position: Option<Position>, nth: usize) -> i128 {
    let unknown = 10_u64.pow(u32::try_from(9 - time.precision.min(9)).unwrap_or(0));
    let offset = position.map_or(nth as u64, |position| position.start);
    time.nanoseconds() + i128::from(offset % unknown)
}

/// The name as Loki leaves it: letters, digits and single underscores, no digit first. What would be underscores alone gets
/// a letter in front: Loki answers such a name with 500, for ever.
fn folded(name: &[u8]) -> Cow<'_, [u8]> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let has_two = || name.windows(2).any(|pair| pair == b"__");
    if name.first().is_some_and(u8::is_ascii_alphabetic) && name.iter().all(is_plain) && !has_two() {
        return Cow::Borrowed(name);
    }
    let mut text = Vec::with_capacity(name.len() + 1);
    for byte in name {
        if byte.is_ascii_alphanumeric() {
            text.push(*byte);
        } else if text.last() != Some(&b'_') {
            text.push(b'_');
        }
    }
    if text.iter().all(|byte| *byte == b'_') {
        text.insert(0, b'x');
    } else if text.first().is_some_and(u8::is_ascii_digit) {
        text.insert(0, b'_');
    }
    Cow::Owned(text)
}

/// The same as text.
fn folded_text(name: &str) -> String {
    String::from_utf8_lossy(&folded(name.as_bytes())).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::batch::tests::batch;
    use crate::destinations::tests::{pairs, read};
    use serde_json::{Value, json};

    /// Settings of a server that takes lines of any age.
    fn settings() -> Settings {
        Settings { retention: Some(Duration::from_secs(36_500 * 24 * 3600)), ..Settings::default() }
    }

    fn destination() -> Loki {
        Loki::new(&settings()).unwrap()
    }

    /// The request, and the reasons of what is not in it.
    fn written(destination: &Loki, lines: &[&str]) -> (Value, Vec<String>) {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        let batch = batch(&lines);
        let mut out = Vec::new();
        let all: Vec<usize> = (0..batch.len()).collect();
        let left_out = destination.write(&batch, &all, &mut out);
        (serde_json::from_slice(&out).unwrap_or_default(), left_out.into_iter().map(|(_, reason)| reason).collect())
    }

    const TIME: &str = r#""time":"2025-10-10T13:55:36Z""#;

    #[test]
    fn a_stream_for_each_file_and_label_and_the_rest_is_metadata() {
        let record =
            |file: &str, rest: &str| format!(r#"{{"_pos":"3f2a00c4d1e0b7a9:16-32","_file":"{file}",{TIME},{rest}}}"#);
        let a = record("/a", r#""level":"warn","app":"x","k8s.pod":{"b":1},"none":null,"message":"one""#);
        let b = record("/b", r#""status":200"#);
        let settings = Settings {
            labels: pairs(&["env=prod"]),
            labels_from: vec!["app".to_owned()],
            added: pairs(&["app=y"]),
            ..settings()
        };
        let (request, _) = written(&Loki::new(&settings).unwrap(), &[&a, &b]);
        assert_eq!(
            request,
            json!({"streams": [
                {"stream": {"env": "prod", "app": "x", "filename": "/a"},
                 "values": [["1760104536000000016", "one",
                    {"app": "y", "level": "warn", "app2": "x", "k8s_pod": "{\"b\":1}"}]]},
                {"stream": {"env": "prod", "filename": "/b"},
                 "values": [["1760104536000000016",
                    "{\"file_path\":\"/b\",\"time\":\"2025-10-10T13:55:36Z\",\"status\":200,\"app\":\"y\"}"]]},
            ]})
        );
    }

    #[test]
    fn a_stream_of_which_nothing_is_left_is_not_sent() {
        let line = |file: &str, time: &str| format!(r#"{{"_file":"{file}","time":"{time}","message":"m"}}"#);
        let (good, bad) = ("2025-10-10T13:55:36Z", "9999-12-31T23:59:59Z");
        let tagged =
            |fid: u64, line: String| format!("\x1e{fid:016x}:0-5 {}\t{line}", if fid == 1 { "/a" } else { "/b" });
        for (first, second, files) in
            [(bad, good, &["/b"][..]), (good, bad, &["/a"]), (good, good, &["/a", "/b"]), (bad, bad, &[])]
        {
            let lines = [tagged(1, line("/a", first)), tagged(2, line("/b", second)), tagged(1, line("/a", first))];
            let (request, reasons) = written(&destination(), &[&lines[0], &lines[1], &lines[2]]);
            let streams = request["streams"].as_array().cloned().unwrap_or_default();
            let found: Vec<_> = streams.iter().map(|stream| stream["stream"]["filename"].as_str().unwrap()).collect();
            assert_eq!(found, files);
            let values: usize = streams.iter().map(|stream| stream["values"].as_array().unwrap().len()).sum();
            assert_eq!(values + reasons.len(), 3);
        }
    }

    #[test]
    fn equal_lines_differ_in_their_time_and_what_comes_again_does_not() {
        let times = |lines: &[&str]| -> Vec<String> {
            let (request, _) = written(&destination(), lines);
            let values = request["streams"][0]["values"].as_array().unwrap().clone();
            values.iter().map(|value| value[0].as_str().unwrap().to_owned()).collect()
        };
        let one = format!(r#"{{"_pos":"3f2a00c4d1e0b7a9:0-16",{TIME},"message":"x"}}"#);
        let other = format!(r#"{{"_pos":"3f2a00c4d1e0b7a9:16-32",{TIME},"message":"x"}}"#);
        assert_eq!(times(&[&one, &other]), ["1760104536000000000", "1760104536000000016"]);
        assert_eq!(times(&[&other]), ["1760104536000000016"]);
        let exact = r#"{"time":"2025-10-10T13:55:36.123456789Z","message":"x"}"#;
        let plain = format!("{{{TIME},\"message\":\"x\"}}");
        assert_eq!(times(&[exact, &plain]), ["1760104536123456789", "1760104536000000001"]);
    }

    #[test]
    fn what_loki_would_not_take_is_refused_before_it_is_sent() {
        let (request, reasons) = written(&destination(), &["kept", "2001", &"x".repeat(256 * 1024 + 1)]);
        assert_eq!(request["streams"][0]["values"].as_array().unwrap().len(), 2);
        assert!(reasons[0].contains("256 KiB"), "{reasons:?}");
        let ahead = json!({"time": (Timestamp::now() + jiff::SignedDuration::from_mins(11)).to_string()});
        assert!(written(&destination(), &[&ahead.to_string()]).1[0].contains("ahead"));
        let an_hour = Settings { retention: Some(Duration::from_secs(3600)), ..settings() };
        assert!(written(&Loki::new(&an_hour).unwrap(), &[&format!("{{{TIME}}}")]).1[0].contains("older"));
        let long = json!({"app": "x".repeat(2049)}).to_string();
        let by_app = Settings { labels_from: vec!["app".to_owned()], ..settings() };
        assert!(written(&Loki::new(&by_app).unwrap(), &[&long]).1[0].contains("2049 bytes"));
        let labels = (0..15).map(|n| (format!("l{n}"), "1".to_owned())).collect();
        assert!(Loki::new(&Settings { labels, ..settings() }).is_err());
    }

    #[test]
    fn a_record_of_logparse_without_a_message_is_written_as_any_other_whatever_came_before() {
        let record = |start: u32, file: &str, time: &str, rest: &str| {
            format!(r#"{{"_pos":"3f2a00c4d1e0b7a9:{start}-{}","_file":"{file}","time":"{time}"{rest}}}"#, start + 9)
        };
        let mut records = Vec::new();
        for (at, rest) in [
            r#","status":200,"request_uri":"/a?b=c""#,
            r#","status":404,"request_uri":"""#,
            r#","request_uri":"/","took":0.25"#,
            r#","status":200,"msg":"m","a.b":1"#,
            r#","_msg":"m""#,
            r#","message":null,"status":1"#,
            r#","event":{"name":"x"},"log":{"level":"info"}"#,
            r#","env":"y","file_path":1"#,
            r#","time":"2025-10-10T13:55:37Z","_file":"/c""#,
            r#","a":"é","b":"\n\"""#,
            "",
        ]
        .into_iter()
        .enumerate()
        {
            let start = u32::try_from(at).unwrap();
            records.push(record(start, "/a", "2025-10-10T13:55:36Z", rest));
            records.push(record(start, "/b", "2025-10-10T13:56:36.123Z", rest));
            records.push(record(start, "/b", "2025-10-10T13:56:36+02:00", rest));
        }
        records.push(record(1, "/a", "1975-10-10T13:55:36Z", r#","status":200"#));
        let an_age = Settings { retention: Some(Duration::from_secs(40 * 365 * 24 * 3600)), ..settings() };
        for added in [pairs(&[]), pairs(&["env=\"prod\""])] {
            let loki = Loki::new(&Settings { added, ..an_age.clone() }).unwrap();
            for first in &records {
                for second in &records {
                    // What has a blank in it is not known by its form.
                    let lines = [first, second, second, first, second];
                    let others = lines.map(|line| line.replacen('{', "{ ", 1));
                    let written = written(&loki, &lines.map(String::as_str));
                    assert_eq!(
                        written,
                        self::written(&loki, &others.each_ref().map(String::as_str)),
                        "{first} {second}"
                    );
                }
            }
        }
    }

    /// What the answer to a request with these lines means, as it is sent.
    fn outcomes(loki: &mut Loki, status: u16, body: &str, lines: &[&str]) -> Outcomes {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        let batch = batch(&lines);
        let records: Vec<usize> = (0..batch.len()).collect();
        loki.write(&batch, &records, &mut Vec::new());
        let answer = Answer { status, retry_after: None, body: body.as_bytes().to_vec() };
        loki.read(&answer, &Sent { batch: &batch, records: &records })
    }

    #[test]
    fn only_204_is_a_success_and_a_mistake_of_configuration_is_held() {
        let outcome = |status, body: &str| match read(&mut destination(), status, body, 3) {
            Outcomes::All(outcome) => outcome,
            other => panic!("{other:?}"),
        };
        assert_eq!(outcome(204, ""), Outcome::Delivered);
        for status in [200, 260, 401, 404] {
            assert!(matches!(outcome(status, ""), Outcome::Hold(_)), "{status}");
        }
        for body in ["unexpected end of JSON", "entry for stream '{}' has 16 label names; limit 15"] {
            assert!(matches!(outcome(400, body), Outcome::Hold(_)), "{body}");
        }
        assert!(matches!(outcome(503, ""), Outcome::Again(_)));
    }

    #[test]
    fn a_label_that_is_too_long_refuses_its_records_and_one_of_the_command_line_is_a_mistake() {
        let settings = Settings { labels: pairs(&["env=prod"]), labels_from: vec!["app".to_owned()], ..settings() };
        let mut loki = Loki::new(&settings).unwrap();
        let body = |value| format!("stream '{{app=\"xyz\",env=\"prod\"}}' has label value too long: '{value}'");
        let read = |loki: &mut Loki, value| outcomes(loki, 400, &body(value), &[r#"{"app":"xyz"}"#]);
        assert!(matches!(read(&mut loki, "xyz"), Outcomes::All(Outcome::Refused(_))));
        assert!(matches!(read(&mut loki, "prod"), Outcomes::All(Outcome::Hold(_))));
    }

    #[test]
    fn a_429_is_halved_above_the_rate_at_once_and_else_when_it_comes_for_the_third_time() {
        let mut loki = destination();
        let mut busy = |lines: &[&str], bytes: u32| {
            let body = format!(
                "rate limit exceeded (limit: 1000 bytes/sec) while attempting to ingest '3' lines totaling '{bytes}' bytes"
            );
            match outcomes(&mut loki, 429, &body, lines) {
                Outcomes::All(Outcome::Again(_)) => false,
                Outcomes::All(Outcome::TooLarge(_)) => true,
                other => panic!("{other:?}"),
            }
        };
        assert!(busy(&["a", "b"], 1001));
        assert!(!busy(&["a"], 1001), "there is nothing to halve");
        assert_eq!([busy(&["a", "b"], 999), busy(&["a", "b"], 999), busy(&["a", "b"], 999)], [false, true, false]);
    }

    /// A line at this minute of a day, with a position.
    fn at_minute(minute: u32) -> String {
        let (hour, minute_of_hour) = (minute / 60, minute % 60);
        format!(
            r#"{{"_pos":"3f2a00c4d1e0b7a9:{minute}-{}","time":"2025-10-10T{hour:02}:{minute_of_hour:02}:00.000000000Z","message":"x"}}"#,
            minute + 1
        )
    }

    /// The answer in which Loki ignores `total` lines as too far behind `limit`, and names one of them, at minute `named`.
    fn behind(named: u32, limit: &str, total: usize) -> String {
        let (hour, minute) = (named / 60, named % 60);
        format!(
            "entry with timestamp 2025-10-10 {hour:02}:{minute:02}:00 +0000 UTC ignored, reason: 'entry too far behind, entry \
             timestamp is: 2025-10-10T{hour:02}:{minute:02}:00Z, oldest acceptable timestamp is: 2025-10-10T{limit}:00Z',\n\
             user 'fake', total ignored: {total} out of 99 for stream: {{}}"
        )
    }

    fn outcomes_at(loki: &mut Loki, status: u16, body: &str, minutes: &[u32]) -> Outcomes {
        let lines: Vec<String> = minutes.iter().map(|minute| at_minute(*minute)).collect();
        outcomes(loki, status, body, &lines.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn what_comes_again_is_ignored_by_loki_and_known_until_this_run_is_where_the_one_before_was() {
        // The run before has sent up to 05:30, so Loki takes nothing before 04:30.
        let mut loki = destination();
        let Outcomes::Otherwise(words, each) = outcomes_at(&mut loki, 400, &behind(10, "04:30", 3), &[10, 200, 269])
        else {
            panic!("refused")
        };
        assert_eq!(each, [Outcome::Known, Outcome::Known, Outcome::Known]);
        assert!(words.starts_with("3 of 3 records are older"), "{words}");
        // One is taken, and those behind it are still what Loki has, within the hour before that one.
        let Outcomes::Each(each) = outcomes_at(&mut loki, 400, &behind(250, "04:30", 2), &[250, 275, 260]) else {
            panic!("refused")
        };
        assert_eq!(each, [Outcome::Known, Outcome::Delivered, Outcome::Known]);
        let Outcomes::Each(each) = outcomes_at(&mut loki, 400, &behind(265, "04:30", 1), &[265, 280]) else {
            panic!("refused")
        };
        assert_eq!(each, [Outcome::Known, Outcome::Delivered]);
        // This run has gone on: what is an hour behind it was never taken.
        assert_eq!(outcomes_at(&mut loki, 204, "", &[400]), Outcomes::All(Outcome::Delivered));
        let Outcomes::Taken(taken) = outcomes_at(&mut loki, 400, &behind(100, "05:40", 1), &[100]) else {
            panic!("known")
        };
        assert_eq!(taken.refused.len(), 1);
    }

    #[test]
    fn what_is_behind_a_line_of_its_own_request_was_never_taken() {
        let outcomes = outcomes_at(&mut destination(), 400, &behind(10, "04:30", 1), &[330, 10, 331]);
        let Outcomes::Taken(taken) = outcomes else { panic!("{outcomes:?}") };
        assert_eq!(taken.refused.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn what_is_behind_somebody_else_who_writes_on_is_refused() {
        let mut loki = destination();
        let known = outcomes_at(&mut loki, 400, &behind(10, "04:30", 1), &[10]);
        assert!(matches!(known, Outcomes::Otherwise(..)), "{known:?}");
        // As if that had been a minute ago.
        for progress in loki.streams.values_mut() {
            let (limit, since) = progress.earlier.unwrap();
            progress.earlier = Some((limit, since - SignedDuration::from_mins(1)));
        }
        let known = outcomes_at(&mut loki, 400, &behind(11, "04:30", 1), &[11]);
        assert!(matches!(known, Outcomes::Each(..)), "{known:?}");
        let refused = outcomes_at(&mut loki, 400, &behind(12, "04:31", 1), &[12]);
        assert!(matches!(refused, Outcomes::Taken(..)), "{refused:?}");
    }

    #[test]
    fn what_has_no_position_is_known_only_if_an_answer_was_lost() {
        let body = behind(10, "04:30", 1);
        let lines = [at_minute(10), at_minute(330)].map(|line| line.replace("_pos", "pos"));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let refused = outcomes(&mut destination(), 400, &body, &lines);
        assert!(matches!(refused, Outcomes::Taken(..)), "{refused:?}");
        let mut loki = destination();
        let again = outcomes(&mut loki, 503, "", &lines);
        assert!(matches!(again, Outcomes::All(Outcome::Again(_))), "{again:?}");
        let Outcomes::Otherwise(_, each) = outcomes(&mut loki, 400, &body, &lines) else { panic!("refused") };
        assert_eq!(each, [Outcome::Known, Outcome::Delivered]);
    }

    #[test]
    fn of_a_partial_400_the_named_lines_are_refused_and_the_others_counted() {
        let line = |start: u32, second: u32| {
            format!(r#"{{"_pos":"3f2a00c4d1e0b7a9:{start}-99","time":"2025-10-10T13:55:{second}Z","message":"x"}}"#)
        };
        let lines = [line(1, 10), line(2, 20), line(3, 10), line(4, 10)];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let named = "entry with timestamp 2025-10-10 13:55:10.000000003 +0000 UTC ignored, reason: 'entry too far behind, x',\n";
        let body = |total: u32| format!("{named}user 'fake', total ignored: {total} out of 4 for stream: {{}}");
        let begun = || {
            let mut loki = destination();
            assert_eq!(outcomes_at(&mut loki, 204, "", &[16 * 60]), Outcomes::All(Outcome::Delivered));
            loki
        };
        let taken = |total| match outcomes(&mut begun(), 400, &body(total), &lines) {
            Outcomes::Taken(taken) => taken,
            other => panic!("{other:?}"),
        };
        let refused = vec![(2, "400 entry too far behind, x".to_owned())];
        assert_eq!(taken(1), Taken { refused: refused.clone(), ..Taken::default() });
        assert_eq!(
            taken(2),
            Taken { refused: refused.clone(), unnamed: 1, words: "entry too far behind, x".to_owned() }
        );
        assert_eq!(taken(99).unnamed, 3, "no more than were sent");
        let old = "2 errors like: entry for stream '{}' has timestamp too old: 2025-10-10T13:55:10Z, oldest acceptable timestamp is: x";
        let Outcomes::Taken(taken) = outcomes(&mut destination(), 400, old, &lines) else {
            panic!("nothing is stored")
        };
        assert_eq!(taken.refused.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn lines_ignored_for_a_rate_come_again() {
        let body = "entry with timestamp 2025-10-10 13:55:10 +0000 UTC ignored, reason: 'Per stream rate limit exceeded',\n\
            user 'fake', total ignored: 1 out of 2 for stream: {}";
        assert!(matches!(outcomes(&mut destination(), 400, body, &["a", "b"]), Outcomes::All(Outcome::Again(_))));
    }

    #[test]
    fn each_stream_is_a_request_of_its_own() {
        let line = |fid: u8, start: u8, content: &str| {
            format!("\x1e00000000000000{fid:02}:{start}-{} /{fid}\t{content}", start + 1)
        };
        let lines = [line(1, 0, "a"), line(2, 0, "b"), line(1, 1, "c"), line(2, 1, r#"{"message":"d","app":"x"}"#)];
        let batch = batch(&lines.iter().map(String::as_bytes).collect::<Vec<_>>());
        assert_eq!(destination().parts(&batch, &[0, 1, 2, 3]), [[0, 2], [1, 3]]);
        assert_eq!(destination().parts(&batch, &[0, 2]), Vec::<Vec<usize>>::new(), "one file");
        let by_app = Loki::new(&Settings { labels_from: vec!["app".to_owned()], ..settings() }).unwrap();
        assert_eq!(by_app.parts(&batch, &[1, 3]), [[1], [3]]);
    }

    #[test]
    fn where_structured_metadata_is_disallowed_a_record_becomes_a_line_of_json() {
        let mut loki = destination();
        let lines = ["a", r#"{"message":"b","level":"info"}"#];
        let off =
            "stream '{job=\"logpost\"}' includes structured metadata, but this feature is disallowed. Please see x";
        let Outcomes::Otherwise(words, each) = outcomes(&mut loki, 400, off, &lines) else { panic!("as before") };
        assert_eq!(each, [Outcome::Delivered, Outcome::Unread]);
        assert!(words.contains("lines of JSON"), "{words}");
        let (request, _) = written(&loki, &lines);
        let values = &request["streams"][0]["values"];
        assert_eq!(values[0].as_array().map(Vec::len), Some(2));
        let line: Value = serde_json::from_str(values[1][1].as_str().unwrap()).unwrap();
        assert_eq!((&line["message"], &line["level"]), (&json!("b"), &json!("info")));
        assert!(
            matches!(outcomes(&mut loki, 400, off, &lines), Outcomes::All(Outcome::Hold(_))),
            "nothing is left to do"
        );
    }

    #[test]
    fn names_are_folded_as_loki_does_and_none_takes_the_place_of_another() {
        for (name, folded_name) in [
            ("ключ", "x_"),
            ("", "x"),
            ("_", "x_"),
            ("a..b", "a_b"),
            ("1a", "_1a"),
            ("__name__", "_name_"),
            ("é", "x_"),
        ] {
            assert_eq!(folded_text(name), folded_name, "{name}");
        }
        let (request, _) =
            written(&destination(), &[r#"{"message":"m","a.b":1,"a_b":2,"a-b":3,"a_b2":4,"ключ":5,"é":6}"#]);
        assert_eq!(
            request["streams"][0]["values"][0][2],
            json!({"a_b": "1", "a_b2": "2", "a_b3": "3", "a_b22": "4", "x_": "5", "x_2": "6"})
        );
    }

    #[test]
    fn a_record_with_more_keys_than_loki_takes_is_a_line_of_json() {
        let many: Vec<String> = (0..90_000).map(|n| format!("\"k{n}\":1")).collect();
        let few = many[..128].join(",");
        let (request, _) = written(&destination(), &[&format!(r#"{{"message":"m",{few}}}"#)]);
        assert_eq!(request["streams"][0]["values"][0][2].as_object().map(serde_json::Map::len), Some(128));
        let (request, _) = written(&destination(), &[&format!(r#"{{"message":"m",{few},"k":1}}"#)]);
        assert!(request["streams"][0]["values"][0][1].as_str().unwrap().starts_with('{'));
        let (_, reasons) = written(&destination(), &[&format!(r#"{{"message":"m",{}}}"#, many.join(","))]);
        assert!(reasons[0].contains("256 KiB"), "{reasons:?}");
    }
}
