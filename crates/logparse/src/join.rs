//! Lines that belong together: the parts of a line that a container runtime has cut, and the lines of one event, a stack
//! trace above all. A group is kept for each file and stream.
//!
//! The invariant: no position and no mark that leaves runs ahead of a held line. `next` of what is sent is the last offset
//! that no group straddles, be it held or sent: a place where reading can begin anew and give the same groups again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use logline::position::{Fid, Flags, Position};
use regex::bytes::Regex;

use crate::brackets::Brackets;
use crate::formats::{mysql_slow, postgres};
use crate::trace::{Answer, Trace};

/// A held group that begins so far behind what has come since is sent: else what was sent beside it would have to be
/// remembered without end.
const SPAN: u64 = 16 << 20;

/// Formats that say themselves which lines make one event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Events {
    /// None of them: each line is one.
    Lines,
    /// Reports of PostgreSQL.
    Postgres,
    /// Entries of MySQL's slow query log.
    MysqlSlow,
    /// Rows with line breaks in quotes.
    Csv,
}

/// When lines make one event.
#[derive(Clone, Debug)]
pub struct Rules {
    /// A line that matches begins an event; others go on.
    pub start: Option<Regex>,
    /// A line that matches goes on with the event before.
    pub next: Option<Regex>,
    /// Stack traces go on.
    pub trace: bool,
    /// The lines of a JSON object go on until its brackets close.
    pub json: bool,
    /// What the format says.
    pub events: Events,
    /// The most lines of a group.
    pub lines: usize,
    /// The most bytes of a group.
    pub bytes: usize,
    /// The most bytes of all groups together.
    pub memory: usize,
    /// A group that has waited so long is sent.
    pub idle: Duration,
}

impl Rules {
    /// Whether lines are put together beyond the parts of one.
    pub fn joins_events(&self) -> bool {
        self.has_options() || self.json || self.events != Events::Lines
    }

    /// Whether a line may go on with any event before it.
    fn has_options(&self) -> bool {
        self.start.is_some() || self.next.is_some() || self.trace
    }

    /// What becomes of a line behind `group`.
    fn look(&self, group: &Group, line: &[u8]) -> Answer {
        if group.open || (self.json && group.brackets.take_in(line)) {
            return Answer::GoesOn;
        }
        let goes_on = match self.events {
            Events::Lines => false,
            Events::Postgres => postgres::goes_on(line),
            Events::MysqlSlow => mysql_slow::goes_on(&group.content, line),
            Events::Csv => group.in_quotes,
        };
        if goes_on {
            return Answer::GoesOn;
        }
        let answer = if self.trace { group.trace.look(line, group.waiting.len()) } else { Answer::Ends };
        let goes_on = match (&self.start, &self.next) {
            (Some(start), Some(next)) => next.is_match(line) || !start.is_match(line),
            (Some(start), None) => !start.is_match(line),
            (None, Some(next)) => next.is_match(line),
            (None, None) => false,
        };
        if goes_on { Answer::GoesOn } else { answer }
    }
}

/// The stream of a container that a line was written to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stream {
    /// No container.
    None,
    /// stdout, or not told.
    Out,
    /// stderr.
    Err,
}

impl Stream {
    const ALL: [Self; 3] = [Self::None, Self::Out, Self::Err];

    /// By its name.
    pub fn named(name: &[u8]) -> Self {
        if name == b"stderr" { Self::Err } else { Self::Out }
    }
}

/// Lines put together so far.
#[derive(Clone, Debug)]
pub struct Group {
    /// The whole of it, `next` apart.
    pub position: Option<Position>,
    /// The path of the file.
    pub path: Option<Vec<u8>>,
    /// The first line as it came, for what stands around its content.
    pub first: Vec<u8>,
    /// The contents, lines parted by LF.
    pub content: Vec<u8>,
    /// It left before it was whole, for want of memory.
    pub cut: bool,
    lines: usize,
    /// The last line is not whole yet.
    open: bool,
    trace: Trace,
    brackets: Brackets,
    /// Quotes that have been opened are not closed.
    in_quotes: bool,
    /// Lines that belong to it if a frame of a stack trace follows them.
    waiting: Vec<Waiting>,
    touched: Instant,
    /// Its place in the order of beginnings.
    turn: u64,
}

/// A line of which is not decided yet whether it belongs to the group before it.
#[derive(Clone, Debug)]
struct Waiting {
    position: Option<Position>,
    content: Vec<u8>,
    raw: Vec<u8>,
}

impl Waiting {
    fn new(piece: &Piece<'_>) -> Self {
        Self { position: piece.position, content: piece.content.to_vec(), raw: piece.raw.to_vec() }
    }

    fn piece<'a>(&'a self, path: Option<&'a [u8]>, stream: Stream) -> Piece<'a> {
        Piece { position: self.position, path, stream, content: &self.content, raw: &self.raw, partial: false }
    }
}

impl Group {
    /// The bytes that it holds, those reserved for what may still come included.
    fn size(&self) -> usize {
        let waiting: usize = self.waiting.iter().map(|line| line.content.capacity() + line.raw.capacity()).sum();
        size_of::<Self>() + self.first.capacity() + self.content.capacity() + waiting
    }
}

/// A line, or a part of one, on its way into a group.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// Where it was read, if the stream tells.
    pub position: Option<Position>,
    /// The path, as in the tag.
    pub path: Option<&'a [u8]>,
    /// Its stream.
    pub stream: Stream,
    /// Without what a runtime has put around it.
    pub content: &'a [u8],
    /// The line as it came.
    pub raw: &'a [u8],
    /// More of the same line follows.
    pub partial: bool,
}

type Key = (Option<Fid>, Stream);

/// What is known of a generation of which something is held.
#[derive(Default, Debug)]
struct Extent {
    /// The end of what has come.
    highest: u64,
    /// Groups that were sent while another was held: a place inside one is no place to begin at.
    sent: Vec<(u64, u64)>,
}

/// The groups that are held, one for each file and stream, and how far positions may go meanwhile.
#[derive(Debug)]
pub struct Join {
    rules: Rules,
    held: HashMap<Key, Group>,
    extents: HashMap<Fid, Extent>,
    /// The keys of the groups by their turn: the first has been held longest.
    order: BTreeMap<u64, Key>,
    turns: u64,
    /// The bytes of all groups.
    size: usize,
    /// How many groups have left before they were whole.
    cut: u64,
    /// Where such a group was in the middle of a line: what comes next is the rest of it.
    broken: HashSet<Key>,
}

impl Join {
    /// Nothing is held yet.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            held: HashMap::new(),
            extents: HashMap::new(),
            order: BTreeMap::new(),
            turns: 0,
            size: 0,
            cut: 0,
            broken: HashSet::new(),
        }
    }

    /// How many groups have left before they were whole, for want of memory.
    pub fn cut(&self) -> u64 {
        self.cut
    }

    /// Takes a piece; appends to `ready` what is complete by it.
    pub fn take(&mut self, piece: &Piece<'_>, ready: &mut Vec<Group>) {
        let key = (piece.position.map(|position| position.fid), piece.stream);
        loop {
            let Some(group) = self.held.get_mut(&key) else {
                self.note(piece.position);
                self.hold(key, piece);
                break;
            };
            let before = group.size();
            match self.rules.look(group, piece.content) {
                Answer::GoesOn => {
                    let waiting = std::mem::take(&mut group.waiting);
                    for line in &waiting {
                        append(group, &line.piece(piece.path, piece.stream));
                    }
                    append(group, piece);
                    let after = group.size();
                    self.size = self.size + after - before;
                    for position in waiting.iter().map(|line| line.position).chain([piece.position]) {
                        self.note(position);
                    }
                    break;
                }
                Answer::MayGoOn if !piece.partial && !self.is_full(key, piece.content.len()) => {
                    if let Some(group) = self.held.get_mut(&key) {
                        group.waiting.push(Waiting::new(piece));
                        group.touched = Instant::now();
                        self.size = self.size + group.size() - before;
                    }
                    break;
                }
                // The group before is sent as if this line had not come: its `next` must not run ahead of it. Lines that
                // have waited make groups of their own, which this line may belong to.
                _ => self.send(key, ready),
            }
        }
        let is_done = !piece.partial && self.is_done(key);
        if is_done || self.is_full(key, 0) {
            self.send(key, ready);
        }
        self.bound_span(key.0, ready);
        self.bound_memory(ready);
    }

    /// Whether the group would be full if this number of bytes were added to it.
    fn is_full(&self, key: Key, more: usize) -> bool {
        self.held.get(&key).is_some_and(|group| {
            let waiting: usize = group.waiting.iter().map(|line| line.content.len() + 1).sum();
            group.lines + group.waiting.len() >= self.rules.lines
                || group.content.len() + waiting + more >= self.rules.bytes
        })
    }

    /// Whether no line can go on with the group: an object or quotes that have closed.
    fn is_done(&self, key: Key) -> bool {
        let is_open = |group: &Group| match self.rules.events {
            Events::Lines => self.rules.json && group.brackets.are_open(),
            Events::Csv => group.in_quotes,
            Events::Postgres | Events::MysqlSlow => true,
        };
        !self.rules.has_options() && !self.held.get(&key).is_some_and(is_open)
    }

    /// Holds a new group.
    fn hold(&mut self, key: Key, piece: &Piece<'_>) {
        let mut group = begin(piece, self.turns);
        if self.broken.remove(&key)
            && let Some(position) = &mut group.position
        {
            position.flags.continued = true;
        }
        self.order.insert(self.turns, key);
        self.turns += 1;
        self.size += group.size();
        self.held.insert(key, group);
    }

    /// Sends the groups that have been held longest until the others are within the memory.
    fn bound_memory(&mut self, ready: &mut Vec<Group>) {
        while self.size > self.rules.memory
            && let Some((_, key)) = self.order.first_key_value()
        {
            let key = *key;
            if let Some(group) = self.held.get_mut(&key) {
                group.cut = true;
                if group.open {
                    self.broken.insert(key);
                }
            }
            self.cut += 1;
            self.send(key, ready);
        }
    }

    /// A line that belongs to no group has gone by; returns the position to send it with.
    pub fn pass(&mut self, position: Position) -> Position {
        self.note(Some(position));
        Position { next: self.safe(position.fid, position.next), ..position }
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// How far a mark may go.
    pub fn lowered(&mut self, fid: Fid, next: u64) -> u64 {
        self.safe(fid, next).min(next)
    }

    /// Sends what is held of a generation that is finished.
    pub fn finish(&mut self, fid: Fid, ready: &mut Vec<Group>) {
        for stream in Stream::ALL {
            self.send_all((Some(fid), stream), ready);
            self.broken.remove(&(Some(fid), stream));
        }
        self.extents.remove(&fid);
    }

    /// Sends what is held of lines that no file and no stream are known of: a record has come between them.
    pub fn interrupt(&mut self, ready: &mut Vec<Group>) {
        self.send_all((None, Stream::None), ready);
    }

    /// Sends what has waited for so long; all of it, if `all`.
    pub fn expire(&mut self, all: bool, ready: &mut Vec<Group>) {
        if self.held.is_empty() {
            return;
        }
        let now = Instant::now();
        let idle = self.rules.idle;
        let mut keys: Vec<_> = self
            .held
            .iter()
            .filter(|(_, group)| all || now.saturating_duration_since(group.touched) >= idle)
            .map(|(key, group)| (key.0, group.position.map(|position| position.start), key.1))
            .collect();
        keys.sort_unstable();
        for (fid, _, stream) in keys {
            self.send_all((fid, stream), ready);
        }
    }

    /// Sends a group and those that the lines waiting behind it make.
    fn send_all(&mut self, key: Key, ready: &mut Vec<Group>) {
        while self.held.contains_key(&key) {
            self.send(key, ready);
        }
    }

    fn note(&mut self, position: Option<Position>) {
        if let Some(position) = position {
            let extent = self.extents.entry(position.fid).or_default();
            extent.highest = extent.highest.max(position.next);
        }
    }

    fn send(&mut self, key: Key, ready: &mut Vec<Group>) {
        let Some(mut group) = self.held.remove(&key) else { return };
        self.size -= group.size();
        self.order.remove(&group.turn);
        let waiting = std::mem::take(&mut group.waiting);
        let path = group.path.clone();
        let mut waiting = waiting.iter().map(|line| line.piece(path.as_deref(), key.1));
        if let Some(first) = waiting.next() {
            // It is held before the group leaves: no position may run ahead of it.
            self.note(first.position);
            self.hold(key, &first);
        }
        if let Some(position) = &mut group.position {
            let fid = position.fid;
            let straddles = Stream::ALL.into_iter().any(|stream| {
                self.held
                    .get(&(Some(fid), stream))
                    .and_then(|held| held.position)
                    .is_some_and(|held| held.start > position.start)
            });
            // One that began behind all that is held will never be straddled by what is still to come.
            if straddles && let Some(extent) = self.extents.get_mut(&fid) {
                extent.sent.push((position.start, position.end));
            }
            position.next = self.safe(position.fid, position.end);
        }
        ready.push(group);
        for piece in waiting {
            self.take(&piece, ready);
        }
    }

    /// The last offset of `fid` that no group straddles; `fallback` where nothing is known of it.
    fn safe(&mut self, fid: Fid, fallback: u64) -> u64 {
        let first_held = Stream::ALL
            .into_iter()
            .filter_map(|stream| Some(self.held.get(&(Some(fid), stream))?.position?.start))
            .min();
        let Some(extent) = self.extents.get_mut(&fid) else { return fallback };
        let Some(mut at) = first_held else {
            extent.sent.clear();
            return extent.highest;
        };
        while let Some((start, _)) = extent.sent.iter().find(|(start, end)| *start < at && at < *end) {
            at = *start;
        }
        extent.sent.retain(|(_, end)| *end > at);
        at
    }

    fn bound_span(&mut self, fid: Option<Fid>, ready: &mut Vec<Group>) {
        let Some(highest) = fid.and_then(|fid| Some(self.extents.get(&fid)?.highest)) else { return };
        for stream in Stream::ALL {
            let start = self.held.get(&(fid, stream)).and_then(|group| Some(group.position?.start));
            if start.is_some_and(|start| highest.saturating_sub(start) > SPAN) {
                self.send((fid, stream), ready);
            }
        }
    }
}

fn begin(piece: &Piece<'_>, turn: u64) -> Group {
    // The content is kept once: what a runtime has put in front of it is all that is asked of the line later.
    let first = piece.raw.strip_suffix(piece.content).unwrap_or(piece.raw);
    Group {
        position: piece.position,
        path: piece.path.map(<[u8]>::to_vec),
        first: first.to_vec(),
        content: piece.content.to_vec(),
        cut: false,
        lines: 1,
        open: piece.partial,
        trace: Trace::of_first(piece.content),
        brackets: Brackets::of_first(piece.content),
        in_quotes: has_odd_quotes(piece.content),
        waiting: Vec::new(),
        touched: Instant::now(),
        turn,
    }
}

fn has_odd_quotes(text: &[u8]) -> bool {
    !memchr::memchr_iter(b'"', text).count().is_multiple_of(2)
}

fn append(group: &mut Group, piece: &Piece<'_>) {
    if !group.open {
        group.content.push(b'\n');
        group.lines += 1;
        group.trace.take(piece.content);
        group.brackets.take(piece.content);
    }
    group.in_quotes ^= has_odd_quotes(piece.content);
    group.content.extend_from_slice(piece.content);
    group.open = piece.partial;
    group.touched = Instant::now();
    if let (Some(whole), Some(part)) = (&mut group.position, &piece.position) {
        whole.end = part.end;
        whole.flags = Flags {
            partial: whole.flags.partial || part.flags.partial,
            continued: whole.flags.continued || part.flags.continued,
            truncated: whole.flags.truncated || part.flags.truncated,
        };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const FID: Fid = Fid(7);

    fn rules(trace: bool) -> Rules {
        Rules {
            start: None,
            next: None,
            trace,
            json: false,
            events: Events::Lines,
            lines: 500,
            bytes: 1 << 20,
            memory: 8 << 20,
            idle: Duration::from_secs(5),
        }
    }

    fn piece(start: u64, end: u64, stream: Stream, content: &'static str, partial: bool) -> Piece<'static> {
        let position = Position { fid: FID, start, end, next: end, flags: Flags::default() };
        let content = content.as_bytes();
        Piece { position: Some(position), path: None, stream, content, raw: content, partial }
    }

    fn sent(join: &mut Join, piece: &Piece<'_>) -> Vec<String> {
        let mut ready = Vec::new();
        join.take(piece, &mut ready);
        shown(&ready)
    }

    fn shown(groups: &[Group]) -> Vec<String> {
        let show = |group: &Group| {
            let position = group.position.unwrap();
            let content = String::from_utf8_lossy(&group.content);
            format!("{}-{}@{} {content}", position.start, position.end, position.next)
        };
        groups.iter().map(show).collect()
    }

    #[test]
    fn next_is_the_last_offset_that_no_group_straddles() {
        let mut join = Join::new(rules(false));
        assert!(sent(&mut join, &piece(0, 10, Stream::Out, "a", true)).is_empty());
        assert_eq!(sent(&mut join, &piece(10, 20, Stream::Err, "e", false)), ["10-20@0 e"]);
        assert_eq!(sent(&mut join, &piece(20, 30, Stream::Out, "b", false)), ["0-30@30 ab"]);
    }

    #[test]
    fn a_group_that_was_sent_is_straddled_as_well() {
        let mut join = Join::new(rules(false));
        sent(&mut join, &piece(0, 10, Stream::Out, "a", true));
        sent(&mut join, &piece(10, 20, Stream::Err, "e", true));
        assert_eq!(sent(&mut join, &piece(20, 30, Stream::Out, "b", false)), ["0-30@0 ab"]);
        assert_eq!(join.lowered(FID, 30), 0);
        assert_eq!(sent(&mut join, &piece(30, 40, Stream::Err, "f", false)), ["10-40@40 ef"]);
        assert_eq!(join.lowered(FID, 40), 40);
    }

    #[test]
    fn what_follows_a_trace_ends_it_and_its_next_stays_behind() {
        let mut join = Join::new(rules(true));
        assert!(sent(&mut join, &piece(0, 10, Stream::None, "boom", false)).is_empty());
        assert!(sent(&mut join, &piece(10, 20, Stream::None, "\tat x", false)).is_empty());
        assert_eq!(sent(&mut join, &piece(20, 30, Stream::None, "next", false)), ["0-20@20 boom\n\tat x"]);
        let mut ready = Vec::new();
        join.finish(FID, &mut ready);
        assert_eq!(shown(&ready), ["20-30@30 next"]);
    }

    #[test]
    fn traces_of_five_languages_are_one_event() {
        for trace in [
            "Exception in thread \"main\" E: x\n\tat a.B.c(B.java:1)\nCaused by: F: y\n\tat d\n\t... 3 more",
            "ERROR failed\nTraceback (most recent call last):\n  File \"a.py\", line 1, in <module>\nValueError: x",
            "panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:3 +0x1d\nexit status 2",
            "TypeError: x\n    at f (a.js:1:2)\n    at node:internal:3",
            "PHP Fatal error:  Uncaught Exception: x in a.php:1\nStack trace:\n#0 {main}\n  thrown in a.php on line 1",
        ] {
            let mut join = Join::new(rules(true));
            let mut ready = Vec::new();
            for line in trace.lines().chain(["2025-10-10 next"]) {
                let content = line.as_bytes();
                let piece =
                    Piece { position: None, path: None, stream: Stream::None, content, raw: content, partial: false };
                join.take(&piece, &mut ready);
            }
            assert_eq!(ready.len(), 1, "{trace}");
            assert_eq!(String::from_utf8_lossy(&ready[0].content), trace);
        }
    }

    /// The groups that `lines` make.
    fn groups(rules: Rules, lines: &[&str]) -> Vec<String> {
        let (mut join, mut ready) = (Join::new(rules), Vec::new());
        for line in lines {
            let content = line.as_bytes();
            join.take(
                &Piece { position: None, path: None, stream: Stream::None, content, raw: content, partial: false },
                &mut ready,
            );
        }
        join.expire(true, &mut ready);
        assert_eq!((join.size, join.order.len()), (0, 0));
        ready.iter().map(|group| String::from_utf8_lossy(&group.content).into_owned()).collect()
    }

    #[test]
    fn traces_of_many_programs_are_events_with_the_log_line_before_them() {
        let text = include_str!("../../../tests/cases/traces.log");
        let events: Vec<_> = text.split("\n%%\n").map(|event| event.trim_end_matches('\n')).collect();
        let lines: Vec<_> = text.lines().filter(|line| *line != "%%").collect();
        let found: Vec<_> =
            groups(rules(true), &lines).into_iter().map(|event| event.trim_end_matches('\n').to_owned()).collect();
        for (found, event) in found.iter().zip(&events) {
            assert_eq!(found, event);
        }
        assert_eq!(found.len(), events.len());
    }

    #[test]
    fn lines_that_waited_in_vain_make_events_of_their_own_and_positions_do_not_run_ahead_of_them() {
        let mut join = Join::new(rules(true));
        let log = "2024-03-05 10:11:12 INFO a";
        assert!(sent(&mut join, &piece(0, 10, Stream::None, log, false)).is_empty());
        assert!(sent(&mut join, &piece(10, 20, Stream::None, "ready", false)).is_empty());
        assert!(sent(&mut join, &piece(20, 30, Stream::None, "steady", false)).is_empty());
        assert_eq!(join.lowered(FID, 30), 0);
        let groups = sent(&mut join, &piece(30, 40, Stream::None, log, false));
        assert_eq!(groups, [&format!("0-10@10 {log}"), "10-20@20 ready", "20-30@30 steady"]);
        assert_eq!(join.lowered(FID, 40), 30);
    }

    #[test]
    fn the_group_held_longest_leaves_where_the_memory_is_full() {
        let (mut join, mut ready) = (Join::new(Rules { memory: 64 << 10, ..rules(false) }), Vec::new());
        let content = vec![b'z'; 10_000];
        for fid in 1..=20 {
            let position = Position { fid: Fid(fid), start: 0, end: 9, next: 9, flags: Flags::default() };
            let content = &content[..];
            let piece = Piece {
                position: Some(position),
                path: None,
                stream: Stream::Out,
                content,
                raw: content,
                partial: true,
            };
            join.take(&piece, &mut ready);
            assert!(join.size <= 64 << 10);
        }
        let left: Vec<_> = ready.iter().map(|group| (group.position.unwrap().fid.0, group.cut)).collect();
        assert_eq!(left, (1..=left.len() as u64).map(|fid| (fid, true)).collect::<Vec<_>>());
        assert_eq!((join.cut(), left.len() > 10), (left.len() as u64, true));
        // The rest of a line of which the beginning has left says so.
        let rest = piece(9, 12, Stream::Out, "rest", false);
        let position = Position { fid: Fid(1), ..rest.position.unwrap() };
        ready.clear();
        join.take(&Piece { position: Some(position), ..rest }, &mut ready);
        assert!(ready[0].position.unwrap().flags.continued);
    }

    #[test]
    fn the_lines_of_an_object_are_one_event() {
        let json = Rules { json: true, ..rules(false) };
        let lines = ["a", "{", "  \"b\": [", "    1", "  ]", "}", "{\"c\":1}", "{", "2024 d", "e"];
        assert_eq!(groups(json, &lines), ["a", "{\n  \"b\": [\n    1\n  ]\n}", "{\"c\":1}", "{", "2024 d", "e"]);
    }

    #[test]
    fn a_group_is_bounded_in_lines() {
        let mut join = Join::new(Rules { lines: 2, ..rules(true) });
        sent(&mut join, &piece(0, 10, Stream::None, "a", false));
        assert_eq!(sent(&mut join, &piece(10, 20, Stream::None, " b", false)), ["0-20@20 a\n b"]);
        assert!(sent(&mut join, &piece(20, 30, Stream::None, " c", false)).is_empty());
    }
}
