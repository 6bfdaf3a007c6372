//! The object that logparse is about: takes what the stream brings, puts together what belongs together, and writes records.
//!
//! The invariant: each line becomes one record, part of one, or is counted as empty or dropped; marks stay in their place.

use std::borrow::Cow;
use std::io::IsTerminal as _;

use logline::ending::{Exit, Stop, say};
use logline::input::Input;
use logline::json;
use logline::line::{END_RECORD, Item, Line, classify, unescape_path, unparsed, write_mark_record};
use logline::output::Output;
use logline::position::{Flags, Mark, Position};

use crate::args::{Args, Chain, OnError, Wrapper};
use crate::clock::Clock;
use crate::formats::{Format, cri, docker};
use crate::join::{Group, Join, Piece, Rules, Stream};
use crate::record::{Head, Pen, Record, Selection};
use crate::{PROG, pod, pretty};

/// What was done, for USR1 and the end.
#[derive(Clone, Copy, Default, Debug)]
struct Counters {
    lines: u64,
    records: u64,
    unparsed: u64,
    empty: u64,
    passed: u64,
}

/// Takes lines and writes records.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option or a fact of its own")]
pub struct Parse {
    chain: Chain,
    join: Join,
    joins_events: bool,
    clock: Clock,
    record: Record,
    selection: Selection,
    /// What the one format reads is the record, all of it and nothing else.
    writes_all: bool,
    on_error: OnError,
    strict: bool,
    keep_message: bool,
    gives_level_by_status: bool,
    field: Option<String>,
    /// It has been said that the field is no text.
    has_said_field: bool,
    level_names: bool,
    /// Write for people, in colour or not.
    pretty: Option<bool>,
    counters: Counters,
    /// The first failure, to be said when it turns out to be the rule.
    first_failure: Option<String>,
    ready: Vec<Group>,
    /// How many events had left before they were whole when that was said.
    said_cut: u64,
    inner: Vec<u8>,
    file: File,
}

/// The file of the last line: nearly always that of the next one too.
#[derive(Default, Debug)]
struct File {
    /// As in the tag, if one told it.
    path: Option<Vec<u8>>,
    /// As in the record: `,"_file":"…"`.
    member: Vec<u8>,
}

impl File {
    /// Takes the path as it stands in a tag.
    fn set(&mut self, path: Option<&[u8]>) {
        let Some(path) = path else { return self.set_value(None) };
        if self.path.as_deref() != Some(path) {
            self.set_value(Some(&json_string(&unescape_path(path))));
            self.path = Some(path.to_vec());
        }
    }

    /// Takes the path as it stands in a record.
    fn set_value(&mut self, value: Option<&[u8]>) {
        self.path = None;
        self.member.clear();
        if let Some(value) = value {
            self.member.extend_from_slice(b",\"_file\":");
            self.member.extend_from_slice(value);
        }
    }
}

fn json_string(text: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    json::write_string(&mut value, text);
    value
}

/// A line with what is around it, on its way to a record.
#[derive(Clone, Copy)]
struct Source<'a> {
    position: Option<Position>,
    /// The same as text, where it has no flags and nothing has changed it.
    position_text: Option<&'a [u8]>,
    /// As in the tag.
    path: Option<&'a [u8]>,
    /// The first line as it came, behind its tag.
    line: &'a [u8],
    /// The content put together, if the wrapper could be taken off.
    content: Option<&'a [u8]>,
    /// It is an event that left before it was whole.
    is_cut: bool,
}

impl Parse {
    /// What the options ask for.
    pub fn new(args: &Args) -> Result<Self, Stop> {
        let rules: Rules = args.rules()?;
        let bytes = |keys: &[String]| keys.iter().map(|key| key.as_bytes().to_vec()).collect();
        let selection = Selection { only: bytes(&args.only), drop: bytes(&args.drop) };
        let chain = args.chain()?;
        let has_one = chain.wrapper == Wrapper::None && chain.formats.len() == 1;
        let adds_nothing = !args.keep_message && !args.level_names && !args.status_level;
        let writes_all = has_one && !rules.joins_events() && selection.is_all() && adds_nothing && !args.pretty;
        let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Ok(Self {
            chain,
            joins_events: rules.joins_events(),
            join: Join::new(rules),
            clock: args.clock()?,
            record: Record::default().with_lifted(&args.lift),
            writes_all,
            selection,
            on_error: args.on_error,
            strict: args.strict,
            keep_message: args.keep_message,
            gives_level_by_status: args.status_level,
            field: args.field.clone(),
            has_said_field: false,
            level_names: args.level_names,
            pretty: args.pretty.then(|| colour && std::io::stdout().is_terminal()),
            counters: Counters::default(),
            first_failure: None,
            ready: Vec::new(),
            said_cut: 0,
            inner: Vec::new(),
            file: File::default(),
        })
    }

    /// Whether lines may be held back.
    pub fn joins(&self) -> bool {
        self.joins_events || self.chain.wrapper != Wrapper::None
    }

    /// Takes what has come, and appends what is to be written.
    pub fn take(&mut self, item: &Item<'_>, output: &mut Output) -> Result<(), Stop> {
        match item {
            Item::Line(line) => {
                if !self.plain_line(line, output) {
                    self.line(line, output.buffer());
                }
            }
            Item::Mark(mark, raw) => self.mark(*mark, raw, output.buffer()),
            Item::End(raw) => {
                self.expire(true, output.buffer());
                let end = if json::is_valid_object(raw) { raw } else { END_RECORD };
                self.pass(end.strip_suffix(b"\n").unwrap_or(end), output.buffer());
            }
            Item::CountersAsked => {
                let Counters { lines, records, unparsed, empty, passed } = self.counters;
                say(
                    "logparse",
                    format_args!(
                        "{lines} lines, {records} records, {passed} passed on, {unparsed} unparsed, {empty} empty, {} cut short",
                        self.join.cut()
                    ),
                );
            }
            Item::Idle => self.expire(false, output.buffer()),
        }
        output.settle()
    }

    /// The stream has ended: what is held is sent, unless it was cut and will be read again.
    pub fn finish(&mut self, input: &Input, output: &mut Output) -> Result<Exit, Stop> {
        if !input.cut() {
            self.expire(true, output.buffer());
            output.settle()?;
        }
        let Counters { lines, unparsed, .. } = self.counters;
        if unparsed > 0 {
            self.say_most(lines, unparsed);
        }
        Ok(if input.has_lost() {
            Exit::Trouble
        } else if (self.strict && unparsed > 0) || (!input.carried() && lines > 0 && unparsed == lines) {
            Exit::No
        } else {
            Exit::Done
        })
    }

    fn expire(&mut self, all: bool, out: &mut Vec<u8>) {
        let mut ready = std::mem::take(&mut self.ready);
        self.join.expire(all, &mut ready);
        self.send(&mut ready, out);
        self.ready = ready;
    }

    fn mark(&mut self, mark: Mark, raw: &[u8], out: &mut Vec<u8>) {
        let mut ready = std::mem::take(&mut self.ready);
        if mark.finished {
            self.join.finish(mark.fid, &mut ready);
        } else {
            self.join.expire(false, &mut ready);
        }
        self.send(&mut ready, out);
        self.ready = ready;
        if self.pretty.is_some() {
            return;
        }
        let next = if self.join.is_empty() { mark.next } else { self.join.lowered(mark.fid, mark.next) };
        if next != mark.next || self.counters.unparsed > 0 || !json::is_valid_object(raw) {
            // Another logparse in front of this one has counted its own.
            write_mark_record(out, &Mark { next, ..mark }, self.counters.unparsed + unparsed(raw));
        } else {
            self.pass(raw, out);
        }
    }

    fn pass(&mut self, line: &[u8], out: &mut Vec<u8>) {
        if self.pretty.is_none() {
            out.extend_from_slice(line);
            out.push(b'\n');
        }
    }

    /// Writes the record of a line where it is to stand, if that is one of which most are: it stands by itself, holds nothing
    /// unusual, and all that is read of it is wanted.
    fn plain_line(&mut self, line: &Line<'_>, output: &mut Output) -> bool {
        let content = line.content.strip_suffix(b"\r").unwrap_or(line.content);
        let format = self.chain.formats.first().filter(|_| self.writes_all && !line.is_record() && !content.is_empty());
        let Some(format) = format.and_then(Format::plain) else { return false };
        self.file.set(line.tag.map(|tag| tag.path));
        let head = Head { position: line.position(), position_text: line.position_text(), file: &self.file.member };
        let page = output.room(head.room() + format.room(content));
        let write = |pen: &mut Pen<'_>| format.parse_plain(content, pen, &mut self.clock);
        let Some(length) = self.record.write_plain(page, &head, write) else { return false };
        output.wrote(length);
        self.counters.lines += 1;
        self.counters.records += 1;
        true
    }

    fn line(&mut self, line: &Line<'_>, out: &mut Vec<u8>) {
        let position = line.position();
        if line.is_record() && (position.is_some() || self.is_foreign_record(line)) {
            if json::is_valid_object(line.content) {
                if self.joins_events && position.is_none() {
                    let mut ready = std::mem::take(&mut self.ready);
                    self.join.interrupt(&mut ready);
                    self.send(&mut ready, out);
                    self.ready = ready;
                }
                return self.record_line(line, out);
            }
            return self.broken_record(line, out);
        }
        let content = line.content.strip_suffix(b"\r").unwrap_or(line.content);
        let path = line.tag.map(|tag| tag.path);
        if content.is_empty() && !self.joins_events {
            self.counters.empty += 1;
            return;
        }
        if !self.joins() {
            let source = Source {
                position,
                position_text: line.position_text(),
                path,
                line: content,
                content: Some(content),
                is_cut: false,
            };
            return self.emit(&source, line.raw, out);
        }
        self.join_line(position, path, content, line.raw, out);
    }

    /// An object without a position is a record too, where the format reads none itself.
    fn is_foreign_record(&self, line: &Line<'_>) -> bool {
        let reads_objects = self.chain.wrapper == Wrapper::Docker
            || matches!(
                self.chain.formats.first(),
                Some(Format::Json | Format::Auto(_) | Format::Nginx(_) | Format::Ingress(_))
            );
        (self.field.is_some() || !reads_objects) && json::is_valid_object(line.content)
    }

    fn join_line(
        &mut self,
        position: Option<Position>,
        path: Option<&[u8]>,
        content: &[u8],
        raw: &[u8],
        out: &mut Vec<u8>,
    ) {
        let (stream, partial, inner) = match self.unwrapped(content) {
            Ok(Some((stream, partial, inner))) => (stream, partial, inner),
            Ok(None) => (Stream::None, false, Cow::Borrowed(content)),
            Err(_) => {
                let position = position.map(|position| self.join.pass(position));
                let source =
                    Source { position, position_text: None, path, line: content, content: None, is_cut: false };
                return self.emit(&source, raw, out);
            }
        };
        if self.join.is_empty() && !partial && !self.joins_events {
            let position = position.map(|position| self.join.pass(position));
            let source =
                Source { position, position_text: None, path, line: content, content: Some(&inner), is_cut: false };
            return self.emit(&source, raw, out);
        }
        let piece = Piece { position, path, stream, content: &inner, raw: content, partial };
        let mut ready = std::mem::take(&mut self.ready);
        self.join.take(&piece, &mut ready);
        self.send(&mut ready, out);
        self.ready = ready;
    }

    /// The stream, whether it is a part, and the content of a wrapped line; `None` if nothing is around it.
    #[expect(clippy::type_complexity, reason = "three facts about one line, used in one place")]
    fn unwrapped<'a>(&self, line: &'a [u8]) -> Result<Option<(Stream, bool, Cow<'a, [u8]>)>, &'static str> {
        let of_cri =
            |part: cri::Part<'a>| Some((Stream::named(part.stream), part.partial, Cow::Borrowed(part.content)));
        match self.chain.wrapper {
            Wrapper::None => Ok(None),
            Wrapper::Cri => cri::split(line).map(of_cri),
            Wrapper::MaybeCri => Ok(cri::split(line).ok().and_then(of_cri)),
            Wrapper::Docker => {
                docker::split(line).map(|part| Some((Stream::named(part.stream), part.partial, part.content)))
            }
        }
    }

    fn send(&mut self, ready: &mut Vec<Group>, out: &mut Vec<u8>) {
        for group in ready.drain(..) {
            let mut content = group.content.as_slice();
            // Empty lines that ended up behind an event are not part of what it says.
            while let Some(shorter) = content.strip_suffix(b"\n") {
                content = shorter;
            }
            // What a runtime has wrapped is a record also where it is empty.
            if content.is_empty() && group.first.is_empty() {
                self.counters.empty += 1;
                continue;
            }
            let path = group.path.as_deref();
            let with_cut = |flags: Flags| Flags { partial: flags.partial || group.cut, ..flags };
            let source = Source {
                position: group.position.map(|position| Position { flags: with_cut(position.flags), ..position }),
                position_text: None,
                path,
                line: &group.first,
                content: Some(content),
                is_cut: group.cut,
            };
            self.emit(&source, content, out);
        }
        if self.join.cut() > 0 && self.said_cut == 0 {
            self.said_cut = self.join.cut();
            say(
                PROG,
                "--join-memory is full: the events that have waited longest leave as they are, flagged _partial; USR1 counts them",
            );
        }
    }

    /// Writes the record of one line or group. `raw` is what is written where the user wants failures as they came.
    fn emit(&mut self, source: &Source<'_>, raw: &[u8], out: &mut Vec<u8>) {
        self.counters.lines += 1;
        self.record.clear();
        let error = self.read(source);
        if source.is_cut && source.position.is_none() {
            self.record.raw("_partial", b"true");
        }
        self.file.set(source.path);
        self.write(source.position, source.position_text, error.as_deref(), raw, out);
    }

    /// Puts the source into the record; the reason if a format could not read it, whose text then is the message.
    fn read(&mut self, source: &Source<'_>) -> Option<String> {
        let Some(content) = source.content else {
            self.record.message(source.line);
            return Some(match self.chain.wrapper {
                Wrapper::Docker => format!("docker: {}", docker::split(source.line).err().unwrap_or_default()),
                _ => format!("cri: {}", cri::split(source.line).err().unwrap_or_default()),
            });
        };
        let wrapper = self.put_wrapper(source);
        if let Some(name) = wrapper {
            if self.chain.formats.is_empty() {
                self.record.message(content);
                return None;
            }
            self.record.open_layer(name);
        }
        read_chain(&self.chain.formats, &mut self.record, &mut self.clock, content, &mut self.inner)
    }

    /// Puts what the wrapper and the path tell; the wrapper's name.
    fn put_wrapper(&mut self, source: &Source<'_>) -> Option<&'static str> {
        let name = match self.chain.wrapper {
            Wrapper::None => return None,
            Wrapper::Cri | Wrapper::MaybeCri => {
                let part = cri::split(source.line).ok()?;
                if !self.clock.iso(part.time, self.record.time()) {
                    json::write_string(self.record.field("cri_time"), part.time);
                }
                self.record.text("stream", part.stream);
                "cri"
            }
            Wrapper::Docker => {
                for member in json::members(source.line).flatten() {
                    let key = json::unescape_inner(member.key).unwrap_or(Cow::Borrowed(member.key));
                    if &*key != b"log" {
                        self.record.foreign(&key, |out| out.extend_from_slice(member.value));
                    }
                }
                "docker"
            }
        };
        if let Some(path) = source.path {
            pod::put(&unescape_path(path), &mut self.record);
        }
        Some(name)
    }

    /// An object with a position that is no valid JSON, for a foreign filter has changed it: as good as it can be read.
    fn broken_record(&mut self, line: &Line<'_>, out: &mut Vec<u8>) {
        if let Cow::Owned(repaired) = String::from_utf8_lossy(line.content)
            && json::is_valid_object(repaired.as_bytes())
            && let Item::Line(line) = classify(repaired.as_bytes(), true)
        {
            return self.record_line(&line, out);
        }
        self.counters.lines += 1;
        self.record.clear();
        self.record.message(line.content);
        self.file.set(None);
        self.write(line.position(), None, Some("record: not valid JSON"), line.raw, out);
    }

    /// A line that is a record already.
    fn record_line(&mut self, line: &Line<'_>, out: &mut Vec<u8>) {
        let value = self.field.as_deref().and_then(|field| json::member(line.content, field));
        let text = value.and_then(json::unescape);
        let (Some(text), Some(field)) = (text, self.field.clone()) else {
            if let (Some(value), Some(field)) = (value.filter(|value| *value != b"null"), &self.field)
                && !std::mem::replace(&mut self.has_said_field, true)
            {
                let hint = if value.first() == Some(&b'{') { "; --lift gives its members to the record" } else { "" };
                say(PROG, format_args!("--field {field}: is no text, so there is nothing to parse in it{hint}"));
            }
            self.counters.passed += 1;
            let begin = out.len();
            out.extend_from_slice(line.raw);
            out.push(b'\n');
            if let Some(coloured) = self.pretty {
                pretty::rewrite(out, begin, coloured, self.clock.reader());
            }
            return;
        };
        self.counters.lines += 1;
        self.record.clear();
        let mut file = None;
        let mut flags = line.position().map(|position| position.flags).unwrap_or_default();
        let mut in_container = false;
        for member in json::members(line.content).flatten() {
            let key = json::unescape_inner(member.key).unwrap_or(Cow::Borrowed(member.key));
            match &*key {
                b"_pos" if line.position().is_some() => {}
                b"_file" => file = Some(member.value),
                b"_partial" => flags.partial = true,
                b"_continued" => flags.continued = true,
                b"_truncated" => flags.truncated = true,
                b"_parse_error" => {}
                key if key == field.as_bytes() => {}
                key => {
                    in_container |= key == b"stream" && matches!(member.value, b"\"stdout\"" | b"\"stderr\"");
                    self.record.foreign(key, |out| out.extend_from_slice(member.value));
                }
            }
        }
        self.record.open_layer(if in_container { "cri" } else { "outer" });
        let error = read_chain(&self.chain.formats, &mut self.record, &mut self.clock, &text, &mut self.inner);
        let position = line.position().map(|position| Position { flags, ..position });
        self.file.set_value(file);
        self.write(position, None, error.as_deref(), line.raw, out);
    }

    /// Writes the record, or what the user wants to have of a line that could not be read.
    fn write(
        &mut self,
        position: Option<Position>,
        position_text: Option<&[u8]>,
        error: Option<&str>,
        raw: &[u8],
        out: &mut Vec<u8>,
    ) {
        if let Some(error) = error {
            self.fail(error);
            match self.on_error {
                OnError::Keep => {}
                OnError::Drop => return,
                OnError::Raw => {
                    out.extend_from_slice(raw);
                    out.push(b'\n');
                    return;
                }
            }
        } else if self.keep_message {
            self.record.message_if_none(raw_content(raw));
        }
        if self.level_names {
            self.record.settle_level();
        }
        if self.gives_level_by_status && error.is_none() {
            self.record.level_by_status();
        }
        let begin = out.len();
        let head = Head { position, position_text, file: &self.file.member };
        self.record.write(out, &head, &self.selection, error);
        self.counters.records += 1;
        if let Some(coloured) = self.pretty {
            pretty::rewrite(out, begin, coloured, self.clock.reader());
        }
    }

    fn fail(&mut self, error: &str) {
        self.counters.unparsed += 1;
        if self.first_failure.is_none() {
            self.first_failure = Some(error.to_owned());
        }
        let Counters { lines, unparsed, .. } = self.counters;
        if lines >= 100 {
            self.say_most(lines, unparsed);
        }
    }

    /// Once, when most lines could not be read.
    fn say_most(&mut self, lines: u64, unparsed: u64) {
        if unparsed * 2 > lines
            && let Some(first) = self.first_failure.as_mut().filter(|first| !first.is_empty())
        {
            say("logparse", format_args!("{unparsed} of {lines} lines could not be parsed, the first: {first}"));
            first.clear();
        }
    }
}

/// What stands behind the tag, if there is one.
fn raw_content(raw: &[u8]) -> &[u8] {
    match classify(raw, true) {
        Item::Line(line) => line.content.strip_suffix(b"\r").unwrap_or(line.content),
        _ => raw,
    }
}

/// Each format reads the message that the one before has found.
fn read_chain(
    formats: &[Format],
    record: &mut Record,
    clock: &mut Clock,
    content: &[u8],
    inner: &mut Vec<u8>,
) -> Option<String> {
    let (first, rest) = formats.split_first()?;
    let (head, stack) = match first {
        Format::Json | Format::Logfmt | Format::Auto(_) => first.split_event(content, clock),
        _ => (content, None),
    };
    if let Err(why) = first.parse(head, record, clock) {
        record.reset_layer();
        record.message(content);
        return Some(format!("{}: {why}", first.name()));
    }
    if let Some(stack) = stack {
        record.put_stack(stack);
    }
    if record.has_foreign_keys() || matches!(first, Format::Json | Format::Logfmt | Format::Auto(_)) {
        record.settle_time(clock.reader());
    }
    if rest.is_empty() || !record.take_message(inner) {
        return None;
    }
    record.open_layer(first.name());
    let text = std::mem::take(inner);
    let error = read_chain(rest, record, clock, &text, inner);
    *inner = text;
    error
}
