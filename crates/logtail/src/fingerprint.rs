//! How a generation is known again: by keyed hashes of its first bytes, of the last bytes that were read, and of some
//! here and there between. "The file still holds what was read of it" is decided here and nowhere else.
//!
//! The head alone proves nothing: programs print the same banner of more than 1 KiB at each start. So where more than that
//! was read, a sample behind the first KiB has to match too. A sample that lies in a hole of ours ([`crate::hole`]) proves
//! nothing, neither that the file is the same nor that it is another.

use std::hash::Hasher as _;
use std::io;
use std::ops::Range;

use siphasher::sip::SipHasher13;

use logline::position::Fid;
use logline::state::files::{Entry, Head, LONGEST_SAMPLE, Sample};

use crate::disk::Disk;
use crate::hole;

/// The head covers at most this many bytes.
pub const HEAD: usize = 1024;
/// A sample covers at most this many bytes: records of one application end in the same fields, often in some hundred bytes of
/// them, and each begins in what tells it from others.
pub const SAMPLE: usize = LONGEST_SAMPLE;
/// At most this many samples are kept besides the marker.
const MOST_SAMPLES: usize = 30;
/// The first distance between two kept samples; it doubles each time that they have become too many.
const FIRST_STEP: u64 = HEAD as u64;
/// A last line of a short file up to this length, both LFs included, may have been taken back by its writer; a longer one
/// tells that the file was written anew.
const SHORT_FOOTER: usize = 16;
/// One that closes what was opened (`</events>`) may be as long as this.
const CLOSING_FOOTER: usize = 64;
/// So many lines in front of the last one may be taken back with it.
const MOST_FOOTERS: usize = 4;

/// A keyed hash of some bytes: whoever writes the log does not know the key, so cannot make two contents look equal.
fn hash(key: Fid, bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(key.0, !key.0);
    hasher.write(bytes);
    hasher.finish()
}

fn head_of(key: Fid, first: &[u8]) -> Head {
    let first = &first[..first.len().min(HEAD)];
    Head { length: first.len() as u64, hash: hash(key, first) }
}

/// Of the bytes that end at `offset`, all of them.
fn sample_of(key: Fid, offset: u64, before: &[u8], at: u64) -> Sample {
    Sample { offset, length: before.len() as u64, hash: hash(key, before), at }
}

/// Whether a line is one that a writer may take back together with others, to write more in its place and it behind that.
fn is_footer(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    let closes = text.starts_with(b"</") || matches!(text.first(), Some(b']' | b'}' | b')'));
    line.len() + 2 <= if closes { CLOSING_FOOTER } else { SHORT_FOOTER }
}

/// Whether `bytes`, which were read from the sample's start on, are those it was made of.
fn is_sample(sample: &Sample, key: Fid, bytes: &[u8]) -> bool {
    let length = usize::try_from(sample.length).unwrap_or(usize::MAX);
    bytes.get(..length).is_some_and(|bytes| hash(key, bytes) == sample.hash)
}

/// Samples spread evenly over what has been read, in the order of their offsets.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Spread {
    samples: Vec<Sample>,
    /// The least distance between two of them.
    step: u64,
    /// In front of the LFs before the lines ahead of the last one, as far as a writer may take them back with it.
    footers: Vec<Sample>,
}

impl Default for Spread {
    fn default() -> Self {
        Self { samples: Vec::new(), step: FIRST_STEP, footers: Vec::new() }
    }
}

/// What has been read of one generation, by hashes.
///
/// The invariants: the head covers nothing behind the start of the last line, nor of those that may be taken back with it; the
/// spread samples, the footers and `line` stand in front of LFs, each in the order of their offsets, and before the marker; the
/// marker is made of the last bytes that were read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fingerprint {
    key: Fid,
    head: Head,
    /// `None` of a short file, of which there may be tens of thousands.
    spread: Option<Box<Spread>>,
    /// In front of the LF before the last line, or further ahead.
    line: Option<Sample>,
    marker: Sample,
}

impl Fingerprint {
    /// Of a file of which nothing has been read, where reading begins at `offset`.
    pub fn new(key: Fid, offset: u64) -> Self {
        let marker = Sample { offset, hash: hash(key, b""), ..Sample::default() };
        Self { key, head: head_of(key, b""), spread: None, line: None, marker }
    }

    /// Of `file`, which is `size` bytes long and of which nothing has been read: how it begins, and its last bytes, `most` at
    /// most. `at` is the time, in seconds since the epoch.
    pub fn of_unread<D: Disk>(key: Fid, disk: &D, file: &D::File, size: u64, most: usize, at: u64) -> io::Result<Self> {
        let mut bytes = [0; HEAD];
        let count = read_full(disk, file, &mut bytes, 0)?;
        let head = head_of(key, &bytes[..count]);
        let mut bytes = [0; SAMPLE];
        let from = size.saturating_sub(most as u64);
        let count = read_full(disk, file, &mut bytes[..index(size - from)], from)?;
        let marker = sample_of(key, from + count as u64, &bytes[..count], at);
        Ok(Self { key, head, spread: None, line: None, marker })
    }

    /// As an entry of the state remembers it.
    pub fn from_entry(entry: &Entry) -> Self {
        let mut samples = entry.samples.clone();
        samples.sort_by_key(|sample| sample.offset);
        samples.retain(|sample| sample.offset <= entry.marker.offset);
        let line = samples.pop();
        let mut print = Self { key: entry.fid, head: entry.head, spread: None, line, marker: entry.marker };
        // The others lie further apart.
        let reach = (MOST_FOOTERS * CLOSING_FOOTER) as u64;
        let close = samples.partition_point(|sample| line.is_some_and(|line| sample.offset + reach < line.offset));
        print.set_footers(samples[close.max(samples.len().saturating_sub(MOST_FOOTERS))..].to_vec());
        for sample in samples {
            print.keep(sample);
        }
        print
    }

    /// The key of all its hashes.
    pub fn key(&self) -> Fid {
        self.key
    }

    /// The first bytes.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The last bytes that were read.
    pub fn marker(&self) -> Sample {
        self.marker
    }

    /// All samples but the marker, in the order of their offsets.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = &Sample> {
        let (spread, footers) = (self.spread(), self.footers());
        let first = footers.first().map_or(u64::MAX, |footer| footer.offset);
        let ahead = spread.partition_point(|sample| sample.offset < first);
        spread[..ahead].iter().chain(footers).chain(&self.line)
    }

    fn footers(&self) -> &[Sample] {
        self.spread.as_ref().map_or(&[], |spread| &spread.footers)
    }

    fn set_footers(&mut self, footers: Vec<Sample>) {
        if !footers.is_empty() || self.spread.is_some() {
            self.spread.get_or_insert_default().footers = footers;
        }
    }

    fn spread(&self) -> &[Sample] {
        self.spread.as_ref().map_or(&[], |spread| &spread.samples)
    }

    /// Whether nothing has been read of the file, so that nothing can prove that another is the same.
    pub fn is_blank(&self) -> bool {
        self.marker.length == 0 && self.head.length == 0
    }

    /// The file has been read up to `end`. `bytes` are the last ones of it, and were read from `from` on; the last whole
    /// line among them begins at `line`, where there is one. Samples cover `most` bytes. `at` is the time, in seconds since
    /// the epoch.
    pub fn read(&mut self, bytes: &[u8], from: u64, line: Option<u64>, most: usize, at: u64) {
        let end = from + bytes.len() as u64;
        // What has no LF yet may be the footer.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |lf| lf + 1);
        let open = Some(whole).filter(|whole| (1..bytes.len()).contains(whole) && is_footer(&bytes[*whole..]));
        let line = open.map(|open| from + open as u64).or(line);
        if let Some(line) = line.filter(|line| *line > from && (from == 0 || *line - from >= most as u64)) {
            let start = index(line - from);
            let sample = self.sample_before_line(line, last(&bytes[..start], most), at);
            let footers = self.footers_before(bytes, from, start, most, at);
            self.set_footers(footers);
            if let Some(earlier) = self.line.replace(sample).filter(|earlier| earlier.offset < sample.offset) {
                self.keep(earlier);
            }
        }
        self.marker = sample_of(self.key, end, last(bytes, most), at);
    }

    /// Samples before each of the lines that may be taken back with the last one, which begins at `start` in `bytes`.
    fn footers_before(&self, bytes: &[u8], from: u64, start: usize, most: usize, at: u64) -> Vec<Sample> {
        let mut footers = Vec::new();
        let mut start = start;
        let mut line = bytes[start..].strip_suffix(b"\n").unwrap_or(&bytes[start..]);
        while footers.len() < MOST_FOOTERS && is_footer(line) && start > 0 {
            line = &bytes[..start - 1];
            line = &line[line.iter().rposition(|byte| *byte == b'\n').map_or(0, |lf| lf + 1)..];
            start -= line.len() + 1;
            if !is_footer(line) || start == 0 || (from > 0 && start < most) {
                break;
            }
            footers.push(self.sample_before_line(from + start as u64, last(&bytes[..start], most), at));
        }
        footers.reverse();
        footers
    }

    /// Of the bytes `before` a line that begins at `line`, but for the LF in front of it: where the last line is taken back
    /// the LF before it may go too (`}\n]` becomes `},\n{…}\n]`).
    fn sample_before_line(&self, line: u64, before: &[u8], at: u64) -> Sample {
        let content = before.strip_suffix(b"\n").unwrap_or(before);
        sample_of(self.key, line - (before.len() - content.len()) as u64, content, at)
    }

    fn keep(&mut self, sample: Sample) {
        let step = self.spread.as_ref().map_or(FIRST_STEP, |spread| spread.step);
        if self.spread().last().map_or(0, |last| last.offset) + step > sample.offset {
            return;
        }
        let spread = self.spread.get_or_insert_default();
        spread.samples.push(sample);
        if spread.samples.len() > MOST_SAMPLES {
            spread.step *= 2;
            // Every other one stays.
            let mut count = 0;
            spread.samples.retain(|_| {
                count += 1;
                count % 2 == 1
            });
        }
    }

    /// Reading goes on at `offset`, of which `before` are the bytes in front; nothing that was read behind it counts.
    pub fn go_on_at(&mut self, offset: u64, before: &[u8], at: u64) {
        if let Some(spread) = &mut self.spread {
            spread.samples.retain(|sample| sample.offset <= offset);
            spread.footers.retain(|sample| sample.offset <= offset);
        }
        self.marker = sample_of(self.key, offset, before, at);
        let begins_line = before.last() == Some(&b'\n');
        let here = || begins_line.then(|| self.sample_before_line(offset, before, at));
        self.line = self.line.filter(|line| line.offset <= offset).or_else(here);
    }

    /// NUL bytes were skipped, which prove nothing: of what stands behind them `first` was read, up to `offset`.
    pub fn skip_to(&mut self, offset: u64, first: &[u8]) {
        self.marker = sample_of(self.key, offset, first, self.marker.at);
    }

    /// How far the head can cover the file that has been read to its marker: not into its last line.
    fn head_limit(&self) -> u64 {
        self.footers().first().or(self.line.as_ref()).map_or(0, |line| line.offset).min(HEAD as u64)
    }

    /// Whether the head could cover more than it does.
    pub fn wants_head(&self) -> bool {
        self.head.length < self.head_limit()
    }

    /// `first` are the first bytes of the file, as many as were read.
    pub fn extend_head(&mut self, first: &[u8]) {
        let length = index(self.head_limit()).min(first.len());
        if length as u64 > self.head.length {
            self.head = head_of(self.key, &first[..length]);
        }
    }

    /// The same, read from the file, if what was read since still stands there.
    pub fn extend_head_from<D: Disk>(&mut self, disk: &D, file: &D::File) -> io::Result<()> {
        if self.wants_head() {
            let mut first = [0; HEAD];
            let count = read_full(disk, file, &mut first[..index(self.head_limit())], 0)?;
            if self.ends(disk, file)? {
                self.extend_head(&first[..count]);
            }
        }
        Ok(())
    }

    /// Whether `bytes`, which were read from `from` on and end where reading had come to, end as they did before.
    pub fn ends_in(&self, bytes: &[u8], from: u64) -> bool {
        let start = index(self.marker.start() - from);
        bytes.get(start..).is_some_and(|bytes| is_sample(&self.marker, self.key, bytes))
    }

    /// Whether the file begins as this one; `first` are its first bytes, as many as one read has given.
    pub fn begins_in<D: Disk>(&self, first: &[u8], disk: &D, file: &D::File) -> io::Result<bool> {
        if first.len() as u64 >= self.head.length { Ok(self.begins_with(first)) } else { self.begins(disk, file) }
    }

    /// Whether a file whose first bytes are `first`, as many of [`HEAD`] as it has, begins as this one.
    pub fn begins_with(&self, first: &[u8]) -> bool {
        let length = index(self.head.length);
        first.get(..length).is_some_and(|first| hash(self.key, first) == self.head.hash)
    }

    /// Whether the file begins as this one.
    pub fn begins<D: Disk>(&self, disk: &D, file: &D::File) -> io::Result<bool> {
        let mut first = [0; HEAD];
        let length = index(self.head.length);
        let count = read_full(disk, file, &mut first[..length], 0)?;
        Ok(self.begins_with(&first[..count]))
    }

    /// Whether the last bytes that were read stand where they stood.
    pub fn ends<D: Disk>(&self, disk: &D, file: &D::File) -> io::Result<bool> {
        self.has(disk, file, &self.marker)
    }

    fn has<D: Disk>(&self, disk: &D, file: &D::File, sample: &Sample) -> io::Result<bool> {
        Ok(self.compare(disk, file, sample)? == Some(true))
    }

    /// Whether the sample's bytes stand where they stood; `None` where they may have been given back.
    fn compare<D: Disk>(&self, disk: &D, file: &D::File, sample: &Sample) -> io::Result<Option<bool>> {
        let mut bytes = [0; SAMPLE];
        let count = read_full(disk, file, &mut bytes[..index(sample.length)], sample.start())?;
        let is_same = is_sample(sample, self.key, &bytes[..count]);
        let is_given_back = !is_same && hole::may_hold(&bytes[..count], sample.start());
        Ok((!is_given_back).then_some(is_same))
    }

    /// Whether a sample behind the first KiB, from the middle of the file or further on, stands where it stood; `None` where
    /// there is none that could be compared.
    fn is_proved<D: Disk>(&self, disk: &D, file: &D::File) -> io::Result<Option<bool>> {
        let samples = self.spread();
        let behind = samples.partition_point(|sample| sample.offset <= HEAD as u64);
        for sample in &samples[behind + (samples.len() - behind) / 2..] {
            if let Some(stands) = self.compare(disk, file, sample)? {
                return Ok(Some(stands));
            }
        }
        Ok(None)
    }

    /// Whether there is a sample behind the first KiB.
    pub fn has_proof(&self) -> bool {
        self.spread().last().is_some_and(|sample| sample.offset > HEAD as u64)
    }

    /// What lies between the two offsets is given back: no sample of it is of any use.
    pub fn give_back(&mut self, from: u64, to: u64) {
        let stays = |sample: &Sample| sample.offset <= from || sample.start() >= to;
        self.line = self.line.filter(stays);
        // What is left is shorter than what was read: its samples lie closer together.
        let left = self.marker.offset.saturating_sub(to);
        let spread = self.spread.get_or_insert_default();
        spread.samples.retain(stays);
        spread.footers.retain(stays);
        spread.step = (left / MOST_SAMPLES as u64).max(FIRST_STEP);
    }

    /// The offset below which everything had been read at the time `at`, in seconds since the epoch, as far as the samples
    /// tell; 0 where they do not.
    pub fn read_by(&self, at: u64) -> u64 {
        let dated = self.samples().chain([&self.marker]).filter(|sample| sample.at > 0);
        dated.take_while(|sample| sample.at <= at).last().map_or(0, |sample| sample.offset)
    }

    /// Whether the file holds all that was read.
    pub fn stands<D: Disk>(&self, disk: &D, file: &D::File) -> io::Result<bool> {
        Ok(self.ends(disk, file)? && self.begins(disk, file)? && self.is_proved(disk, file)?.unwrap_or(true))
    }

    /// Up to where a file of `size` bytes holds what was read: the highest sample that matches, if all below it do too; 0
    /// where the lowest does not. `None` where it begins otherwise, or where nothing could be compared.
    pub fn holds_up_to<D: Disk>(&self, disk: &D, file: &D::File, size: u64) -> io::Result<Option<u64>> {
        if self.is_blank() || !self.begins(disk, file)? {
            return Ok(None);
        }
        let mut reached = None;
        for sample in self.samples().chain([&self.marker]).filter(|sample| sample.length > 0) {
            if sample.offset > size {
                break;
            }
            match self.compare(disk, file, sample)? {
                Some(true) => reached = Some(sample.offset),
                Some(false) => return Ok(reached.or(Some(0))),
                None => {}
            }
        }
        Ok(reached)
    }

    /// Whether the file is known to hold something else than was read, in front of `offset`.
    pub fn parts_before<D: Disk>(&self, disk: &D, file: &D::File, offset: u64) -> io::Result<bool> {
        for sample in self.samples().chain([&self.marker]).filter(|sample| sample.offset <= offset) {
            if self.compare(disk, file, sample)? == Some(false) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether `candidate`, `size` bytes long, is the copy that was made before the original was truncated: it holds all
    /// that was read, or, being shorter (lines came between the copy and the truncation), all samples as far as it
    /// reaches, one of them behind the first KiB.
    pub fn is_copied_to<D: Disk>(&self, disk: &D, candidate: &D::File, size: u64) -> io::Result<bool> {
        if self.is_blank() {
            return Ok(false);
        }
        if size >= self.marker.offset {
            return self.stands(disk, candidate);
        }
        if !self.begins(disk, candidate)? {
            return Ok(false);
        }
        let reached = self.samples().take_while(|sample| sample.offset <= size);
        let mut is_proved = false;
        for sample in reached {
            match self.compare(disk, candidate, sample)? {
                Some(true) => is_proved |= sample.offset > HEAD as u64,
                Some(false) => return Ok(false),
                None => {}
            }
        }
        Ok(is_proved)
    }

    /// What became of a file of `size` bytes that does not hold all that was read: whether its writer has taken its last
    /// lines back (a JSON array whose closing bracket the next entry overwrites).
    pub fn taken_back<D: Disk>(&self, disk: &D, file: &D::File, size: u64) -> io::Result<TakenBack> {
        if !self.begins(disk, file)? {
            return Ok(TakenBack::No);
        }
        let proof = self.is_proved(disk, file)?;
        for line in self.samples().rev().filter(|line| line.length > 0 && line.offset <= size) {
            let is_last = Some(line) == self.line.as_ref();
            let is_short = self.marker.offset - line.offset <= SHORT_FOOTER as u64;
            let is_likely = proof.unwrap_or((is_last && is_short) || self.footers().contains(line));
            if !is_likely || !self.has(disk, file, line)? {
                continue;
            }
            // The LF in front of the line still stands, or the comma is in its place with which an array goes on.
            let mut behind = [0];
            match read_full(disk, file, &mut behind, line.offset)? {
                0 => return Ok(TakenBack::Now),
                _ if matches!(behind[0], b'\n' | b',') => return Ok(TakenBack::To(line.offset + 1)),
                _ => {}
            }
        }
        Ok(TakenBack::No)
    }
}

/// Whether the writer of a file has taken its last lines back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TakenBack {
    /// That is not what has happened.
    No,
    /// It has cut them off, the LF in front of them too, and nothing is in their place yet.
    Now,
    /// What stands from this offset on is in their place.
    To(u64),
}

/// Whether all `size` bytes of `candidate` equal the first of `original`: then it is a copy, or the beginning of one. What
/// was given back of the original, `hole`, is passed over: the copy may be from before.
pub fn is_prefix<D: Disk>(
    disk: &D,
    candidate: &D::File,
    size: u64,
    original: &D::File,
    hole: Range<u64>,
) -> io::Result<bool> {
    const PIECE: usize = 32 << 10;
    if disk.stat_open(original)?.size < size {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; PIECE], vec![0; PIECE]);
    let mut at = 0;
    while at < size {
        if hole.contains(&at) {
            at = hole.end;
            continue;
        }
        let until = if at < hole.start { size.min(hole.start) } else { size };
        let length = index(until - at).min(PIECE);
        let count = disk.read_at(candidate, &mut left[..length], at)?;
        if count == 0 || read_full(disk, original, &mut right[..count], at)? < count || left[..count] != right[..count]
        {
            return Ok(false);
        }
        at += count as u64;
    }
    Ok(true)
}

/// Reads until `bytes` is full or the file ends; how many there were.
pub fn read_full<D: Disk>(disk: &D, file: &D::File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match disk.read_at(file, &mut bytes[filled..], offset + filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// The last bytes, `most` at most.
fn last(bytes: &[u8], most: usize) -> &[u8] {
    &bytes[bytes.len().saturating_sub(most)..]
}

/// A distance inside a buffer.
fn index(distance: u64) -> usize {
    usize::try_from(distance).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Fid = Fid(7);

    /// Of `count` lines of `length` bytes each that came one by one, the first at second 1.
    fn of_lines(count: u64, length: u64) -> Fingerprint {
        let mut print = Fingerprint::new(KEY, 0);
        for number in 1..=count {
            let text: Vec<u8> =
                (0..number * length).map(|at| if (at + 1) % length == 0 { b'\n' } else { b'x' }).collect();
            print.read(&text, 0, Some((number - 1) * length), 64, number);
        }
        print
    }

    fn offsets(samples: &[Sample]) -> Vec<u64> {
        samples.iter().map(|sample| sample.offset).collect()
    }

    /// The offsets in front of the LFs before these lines of 512 bytes.
    fn before(lines: impl Iterator<Item = u64>) -> Vec<u64> {
        lines.map(|line| line * 512 - 1).collect()
    }

    #[test]
    fn a_hash_is_the_one_that_states_of_earlier_versions_hold() {
        assert_eq!(hash(KEY, b"a line"), 0x3e59_eb02_6846_7ffb);
    }

    #[test]
    fn only_at_the_head_a_sample_may_be_short_and_in_front_of_the_first_line_there_is_none() {
        let mut print = Fingerprint::new(KEY, 0);
        print.read(b"first\n", 0, Some(0), 64, 1);
        assert_eq!(print.samples().count(), 0);
        print.skip_to(5000, b"");
        print.read(b"a\nb\n", 5000, Some(5002), 64, 1);
        assert_eq!(print.samples().count(), 0);
        print.read(&[&[b'x'; 63][..], b"\nb\n"].concat(), 5000, Some(5064), 64, 1);
        assert_eq!(print.samples().map(|sample| (sample.offset, sample.length)).collect::<Vec<_>>(), [(5063, 63)]);
        let mut print = Fingerprint::new(KEY, 0);
        print.read(b"first\nsecond\n", 0, Some(6), 64, 1);
        assert_eq!(print.samples().map(|sample| (sample.offset, sample.length)).collect::<Vec<_>>(), [(5, 5)]);
    }

    #[test]
    fn the_head_is_wanted_until_it_reaches_the_last_line() {
        let mut print = Fingerprint::new(KEY, 0);
        print.read(b"first\n", 0, Some(0), 64, 1);
        assert!(!print.wants_head());
        print.read(b"first\nsecond\n", 0, Some(6), 64, 1);
        assert!(print.wants_head());
        print.extend_head(b"first\nsecond\n");
        assert_eq!((print.head().length, print.wants_head()), (5, false));
    }

    #[test]
    fn samples_are_spread_evenly_over_all_that_was_read_and_never_too_many() {
        for (count, last, apart) in [(63, 61, 2), (64, 61, 2), (65, 63, 4), (75, 71, 4)] {
            let expected = before((3..=last).step_by(apart));
            assert!(expected.len() <= MOST_SAMPLES);
            assert_eq!(offsets(of_lines(count, 512).spread()), expected, "{count}");
        }
    }

    #[test]
    fn no_sample_counts_that_lies_behind_where_reading_goes_on() {
        let mut print = of_lines(75, 512);
        print.go_on_at(24 * 512, &[b'x'; 64], 80);
        assert_eq!(offsets(print.spread()), before([3, 7, 11, 15, 19, 23].into_iter()));
    }

    #[test]
    fn what_is_given_back_leaves_no_samples_and_what_is_left_gets_its_own() {
        let mut print = of_lines(200, 512);
        assert_eq!(offsets(print.spread()), before((3..=195).step_by(8)));
        print.give_back(4096, 40960);
        assert_eq!(offsets(print.spread()), before([3].into_iter().chain((83..=195).step_by(8))));
        // The thirtieth part of 60 KiB.
        assert_eq!(print.spread.map(|spread| spread.step), Some(2048));
    }

    #[test]
    fn proof_is_a_sample_behind_the_head() {
        assert!(!of_lines(4, 100).has_proof());
        assert!(of_lines(75, 512).has_proof());
        // One that ends with the head is none.
        let print = of_lines(3, 1025);
        assert_eq!(offsets(print.spread()), [1024]);
        assert!(!print.has_proof());
    }

    #[test]
    fn nothing_is_old_of_which_it_is_not_known_when_it_was_read() {
        let mut print = of_lines(75, 512);
        assert_eq!((print.read_by(0), print.read_by(10), print.read_by(75)), (0, 7 * 512 - 1, 75 * 512));
        print.marker.at = 0;
        print.line = None;
        for sample in print.spread.iter_mut().flat_map(|spread| &mut spread.samples) {
            sample.at = 0;
        }
        assert_eq!(print.read_by(100), 0);
    }
}
