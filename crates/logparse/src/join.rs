//! Lines that belong together: the parts of a line that a container runtime has cut, and the lines of one event, a stack
//! trace above all. A group is kept for each file and stream.
//!
//! The invariant: no position and no mark that leaves runs ahead of a held line. `next` of what is sent is the last offset
//! that no group straddles, be it held or sent: a place where reading can begin anew and give the same groups again.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use logline::position::{Fid, Flags, Position};
use memchr::memmem;
use regex::bytes::Regex;

/// A held group that begins so far behind what has come since is sent: else what was sent beside it would have to be
/// remembered without end.
const SPAN: u64 = 16 << 20;

/// When lines make one event.
#[derive(Clone, Debug)]
pub struct Rules {
    /// A line that matches begins an event; others go on.
    pub start: Option<Regex>,
    /// A line that matches goes on with the event before.
    pub next: Option<Regex>,
    /// Stack traces go on.
    pub trace: bool,
    /// The most lines of a group.
    pub lines: usize,
    /// The most bytes of a group.
    pub bytes: usize,
    /// A group that has waited so long is sent.
    pub idle: Duration,
}

impl Rules {
    /// Whether lines are put together beyond the parts of one.
    pub fn joins_events(&self) -> bool {
        self.start.is_some() || self.next.is_some() || self.trace
    }

    fn goes_on(&self, line: &[u8], trace: &mut Trace) -> bool {
        if self.trace && trace.goes_on(line) {
            return true;
        }
        match (&self.start, &self.next) {
            (Some(start), Some(next)) => next.is_match(line) || !start.is_match(line),
            (Some(start), None) => !start.is_match(line),
            (None, Some(next)) => next.is_match(line),
            (None, None) => false,
        }
    }
}

/// What kind of stack trace a group has turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Trace {
    #[default]
    None,
    /// Java, JavaScript, PHP: every further line tells itself.
    Plain,
    /// The line that names the exception, which is not indented, is still to come.
    Python,
    /// Empty lines and lines of functions belong to it.
    Go,
}

impl Trace {
    fn of_first(line: &[u8]) -> Self {
        if line.starts_with(b"panic: ") || line.starts_with(b"fatal error: ") || is_goroutine(line) {
            Self::Go
        } else if line.starts_with(b"Traceback (most recent call last)") {
            Self::Python
        } else {
            Self::None
        }
    }

    fn goes_on(&mut self, line: &[u8]) -> bool {
        let begins = |heads: &[&[u8]]| heads.iter().any(|head| line.starts_with(head));
        if line.starts_with(b"Traceback (most recent call last)") {
            *self = Self::Python;
            return true;
        }
        if is_goroutine(line) {
            *self = Self::Go;
            return true;
        }
        if matches!(line.first(), Some(b' ' | b'\t')) || begins(&[b"Caused by: ", b"Suppressed: ", b"Stack trace:"]) {
            if *self == Self::None {
                *self = Self::Plain;
            }
            return true;
        }
        if begins(&[b"During handling of the above", b"The above exception was"]) || is_php_frame(line) {
            return true;
        }
        match *self {
            Self::Python => {
                *self = Self::Plain;
                true
            }
            Self::Go => {
                line.is_empty()
                    || line.ends_with(b")")
                    || line.ends_with(b"(...)")
                    || begins(&[b"created by ", b"[signal ", b"exit status "])
            }
            Self::Plain => line.is_empty(),
            Self::None => false,
        }
    }
}

fn is_goroutine(line: &[u8]) -> bool {
    line.starts_with(b"goroutine ") && memmem::find(line, b" [").is_some() && line.ends_with(b":")
}

fn is_php_frame(line: &[u8]) -> bool {
    line.first() == Some(&b'#') && line.get(1).is_some_and(u8::is_ascii_digit)
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
    lines: usize,
    /// The last line is not whole yet.
    open: bool,
    trace: Trace,
    touched: Instant,
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

/// See the page of the module.
#[derive(Debug)]
pub struct Join {
    rules: Rules,
    held: HashMap<Key, Group>,
    extents: HashMap<Fid, Extent>,
}

impl Join {
    /// Nothing is held yet.
    pub fn new(rules: Rules) -> Self {
        Self { rules, held: HashMap::new(), extents: HashMap::new() }
    }

    /// Takes a piece; appends to `ready` what is complete by it.
    pub fn take(&mut self, piece: &Piece<'_>, ready: &mut Vec<Group>) {
        let key = (piece.position.map(|position| position.fid), piece.stream);
        let goes_on = self.held.get_mut(&key).is_some_and(|group| {
            group.open || (self.rules.joins_events() && self.rules.goes_on(piece.content, &mut group.trace))
        });
        if goes_on {
            self.note(piece.position);
            if let Some(group) = self.held.get_mut(&key) {
                append(group, piece);
            }
        } else {
            // The group before is sent as if this line had not come: its `next` must not run ahead of it.
            self.send(key, ready);
            self.note(piece.position);
            self.held.insert(key, begin(piece));
        }
        let is_full = self
            .held
            .get(&key)
            .is_some_and(|group| group.lines >= self.rules.lines || group.content.len() >= self.rules.bytes);
        if is_full || !(piece.partial || self.rules.joins_events()) {
            self.send(key, ready);
        }
        self.bound_span(key.0, ready);
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
            self.send((Some(fid), stream), ready);
        }
        self.extents.remove(&fid);
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
            self.send((fid, stream), ready);
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

fn begin(piece: &Piece<'_>) -> Group {
    Group {
        position: piece.position,
        path: piece.path.map(<[u8]>::to_vec),
        first: piece.raw.to_vec(),
        content: piece.content.to_vec(),
        lines: 1,
        open: piece.partial,
        trace: Trace::of_first(piece.content),
        touched: Instant::now(),
    }
}

fn append(group: &mut Group, piece: &Piece<'_>) {
    if !group.open {
        group.content.push(b'\n');
        group.lines += 1;
    }
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
        Rules { start: None, next: None, trace, lines: 500, bytes: 1 << 20, idle: Duration::from_secs(5) }
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

    #[test]
    fn a_group_is_bounded_in_lines() {
        let mut join = Join::new(Rules { lines: 2, ..rules(true) });
        sent(&mut join, &piece(0, 10, Stream::None, "a", false));
        assert_eq!(sent(&mut join, &piece(10, 20, Stream::None, " b", false)), ["0-20@20 a\n b"]);
        assert!(sent(&mut join, &piece(20, 30, Stream::None, " c", false)).is_empty());
    }
}
