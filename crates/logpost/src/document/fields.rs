//! What is in a record, member by member. One [`Fields`] reads the records of a request one after the other: it keeps its
//! memory, and what it has learnt from a record of logparse about the next one.

use std::borrow::Cow;

use logline::json::{self, Member, read_object, unescape, write_string};
use logline::level::Level;
use logline::names::{Chosen, KnownPlaces, LEVEL, MESSAGE};
use logline::plain::{self, Layout};
use logline::position::{Flags, Position};

use super::parsed::{Head, marks};
use super::stamp::{Minutes, Stamp, with_reader};

/// A record read member by member: what is canonical in it, and the rest in its order.
#[derive(Debug, Default)]
pub struct Fields<'a> {
    /// All, but for the position.
    members: Vec<Member<'a>>,
    /// All members behind the time as they stand in a record of logparse, each behind its comma: `,"a":1,"b":"x"`.
    plain_rest: Option<&'a [u8]>,
    /// Which keys the members have, if that is known.
    keys: Option<Keys>,
    /// Whether any key has an escape.
    has_escapes: bool,
    /// Of the tag; without one the member `_file` says it.
    path: Option<Cow<'a, [u8]>>,
    /// A raw JSON string.
    file: Option<&'a [u8]>,
    flags: Flags,
    /// The time of the event, if the record has one.
    pub time: Option<Stamp>,
    time_at: Option<usize>,
    message: Message<'a>,
    message_at: Option<usize>,
    /// The level as a raw JSON value.
    pub level: Option<&'a [u8]>,
    /// What it means, unless nobody knows.
    pub known_level: Option<Level>,
    level_at: Option<usize>,
    /// Where it was read.
    pub position: Option<Position>,
    known: Known,
}

/// The message of a record.
#[derive(Clone, Copy, Default, Debug)]
enum Message<'a> {
    #[default]
    None,
    /// A raw JSON string.
    Raw(&'a [u8]),
    /// The line itself, which is no object.
    Line(&'a [u8]),
    /// What an access record says in place of one.
    Request(Request<'a>),
}

/// The parts of a request: raw JSON values, in the order in which they are told.
type Request<'a> = [Option<&'a [u8]>; 4];
/// Where an access record has them: three and the status, or all in one and the status.
const REQUEST: [&str; 5] = ["request_method", "request_uri", "server_protocol", "request", "status"];

/// The keys of a record in their order, told by how it was read. Where they are equal, the keys are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Keys {
    /// Of a record of logparse.
    Plain(plain::Keys),
    /// Of another, by the number of their set.
    Numbered(u64),
}

/// What records of the same kind have in common: their keys, and which of their members are canonical fields. Where two that
/// were read by the same [`Fields`] have the same shape, their [`Fields::rest`] has the same keys in the same places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    keys: Keys,
    has_file: bool,
    time_at: Option<usize>,
    message_at: Option<usize>,
    level_at: Option<usize>,
}

/// What records that stand next to each other have in common, of logparse or others.
#[derive(Debug, Default)]
struct Known {
    head: Head,
    minutes: Minutes,
    layout: Layout,
    places: KnownPlaces,
    /// Where the parts of [`REQUEST`] stand among members with these keys.
    request: Option<(Keys, [Option<usize>; 5])>,
}

impl<'a> Fields<'a> {
    /// Reads a record or a text, with the path of its tag and where it was read, in place of what was read before. It has no
    /// other time than its own.
    pub fn read(&mut self, content: &'a [u8], path: Option<Cow<'a, [u8]>>, position: Option<Position>) {
        self.clear();
        self.flags = position.filter(|_| path.is_some()).map_or_else(Flags::default, |position| position.flags);
        (self.path, self.position) = (path, position);
        if self.path.is_none() && position.is_some() && self.read_parsed(content).is_some() {
            return;
        }
        if content.first() == Some(&b'{') && read_object(content, &mut self.members) {
            if self.path.is_none() && position.is_some() {
                self.members.retain(|member| !member.is(b"_pos"));
            }
            let Known { places, minutes, .. } = &mut self.known;
            let (places, number) = places.of(&self.members);
            self.keys = number.map(Keys::Numbered);
            self.has_escapes = places.has_escapes();
            let time = places.times(&self.members).find_map(|chosen| {
                let stamp = match minutes.value(chosen.value) {
                    None => Stamp::new(&with_reader(|reader| reader.value(chosen.value))?),
                    known => known,
                };
                Some((stamp, chosen.at))
            });
            let (level, message) = (places.level(&self.members), places.message(&self.members));
            // What no destination can hold is no time, but a member like others.
            if let Some((Some(stamp), at)) = time {
                (self.time, self.time_at) = (Some(stamp), at);
            }
            self.take(level, message);
            if self.path.is_none() {
                self.file = self.get("_file");
            }
        } else {
            self.members.clear();
            self.message = Message::Line(content.strip_suffix(b"\r").unwrap_or(content));
        }
    }

    fn clear(&mut self) {
        self.members.clear();
        (self.plain_rest, self.keys, self.has_escapes) = (None, None, false);
        (self.path, self.file, self.position) = (None, None, None);
        (self.time, self.time_at) = (None, None);
        (self.message, self.message_at) = (Message::None, None);
        (self.level, self.known_level, self.level_at) = (None, None, None);
    }

    /// Reads a record as logparse writes most of them: with its head, and without an escape or anything nested.
    fn read_parsed(&mut self, record: &'a [u8]) -> Option<()> {
        let timed = self.known.head.read(record)?;
        let stamp = self.known.minutes.stamp(timed.time)?;
        let file = self.known.head.file(&timed);
        self.members.push(Member { key: b"_file", value: file });
        self.members.push(Member { key: b"time", value: self.known.head.time(&timed) });
        let plain::End { marks, keys } = self.known.layout.read_end(timed.rest, &mut self.members, marks)?;
        self.keys = keys.map(Keys::Plain);
        (self.file, self.time, self.time_at) = (Some(file), Some(stamp), Some(1));
        self.plain_rest = timed.rest.strip_suffix(b"}");
        if marks & (LEVEL | MESSAGE) != 0 {
            let (places, _) = self.known.places.of(&self.members);
            let (level, message) = (places.level(&self.members), places.message(&self.members));
            self.take(level, message);
        }
        Some(())
    }

    /// Takes the level and the message that were found among the members. VictoriaLogs' own name of a message comes last.
    fn take(&mut self, level: Option<(Option<Level>, Chosen<'a>)>, message: Option<Chosen<'a>>) {
        if let Some((known, chosen)) = level {
            (self.known_level, self.level, self.level_at) = (known, Some(chosen.value), chosen.at);
        }
        if let Some(chosen) = message {
            (self.message, self.message_at) = (Message::Raw(chosen.value), chosen.at);
        } else if let Some(at) = self.members.iter().rposition(|member| self.is(member, b"_msg"))
            && let value @ [b'"', ..] = self.members[at].value
        {
            (self.message, self.message_at) = (Message::Raw(value), Some(at));
        }
    }

    /// Whether the key of a member, unescaped, is `name`.
    fn is(&self, member: &Member<'_>, name: &[u8]) -> bool {
        if self.has_escapes { member.is(name) } else { member.key == name }
    }

    /// All members but for the position.
    pub fn members(&self) -> &[Member<'a>] {
        &self.members
    }

    /// The members that are neither the file nor the time, in one piece, each behind its comma, where they stand so in the
    /// record. The message is one of them if it is a member.
    pub fn plain_rest(&self) -> Option<(&'a [u8], &[Member<'a>])> {
        Some((self.plain_rest?, self.members.get(2..)?))
    }

    /// Whether the message is one of the members.
    pub fn has_message_member(&self) -> bool {
        self.message_at.is_some()
    }

    /// Whether any key may have an escape.
    pub fn has_escapes(&self) -> bool {
        self.has_escapes
    }

    /// What it has in common with others, if that is known.
    pub fn shape(&self) -> Option<Shape> {
        let Self { time_at, message_at, level_at, .. } = *self;
        Some(Shape { keys: self.keys?, has_file: self.file.is_some(), time_at, message_at, level_at })
    }

    /// The number of the member with this key; of several the last.
    pub fn place(&self, key: &str) -> Option<usize> {
        self.members.iter().rposition(|member| self.is(member, key.as_bytes()))
    }

    /// The raw value of the member with this number.
    pub fn at(&self, place: Option<usize>) -> Option<&'a [u8]> {
        self.members.get(place?).map(|member| member.value)
    }

    /// The raw value of the key; of several the last.
    pub fn get(&self, key: &str) -> Option<&'a [u8]> {
        self.at(self.place(key))
    }

    /// The value of the key as text: that of a string, or the digits of a number.
    pub fn text_of(&self, key: &str) -> Option<Cow<'a, [u8]>> {
        text(self.get(key)?)
    }

    /// Whether it says what happened.
    pub fn has_message(&self) -> bool {
        !matches!(self.message, Message::None)
    }

    /// Whether it is a text and no record: then that is its message.
    pub fn is_text(&self) -> bool {
        matches!(self.message, Message::Line(_))
    }

    /// Whether a tag told where it was read.
    pub fn is_tagged(&self) -> bool {
        self.path.is_some()
    }

    /// Lets an access record that has no message say its request in place of one: `GET /index.html HTTP/1.1 200`.
    pub fn say_request(&mut self) {
        if self.has_message() {
            return;
        }
        let [method, uri, protocol, line, status] = self.request_places().map(|place| self.at(place));
        let parts = if method.is_some() { [method, uri, protocol] } else { [line, None, None] };
        if let [Some(_), ..] = parts {
            self.message = Message::Request([parts[0], parts[1], parts[2], status]);
        }
    }

    fn request_places(&mut self) -> [Option<usize>; 5] {
        if let (Some(keys), Some((known, places))) = (&self.keys, &self.known.request)
            && keys == known
        {
            return *places;
        }
        let places = REQUEST.map(|key| self.place(key));
        self.known.request = self.keys.map(|keys| (keys, places));
        places
    }

    /// The members that are neither the time nor the message nor the file, nor the level where that is `level`'s own, each with
    /// its number.
    pub fn rest(&self, without_level: bool) -> impl DoubleEndedIterator<Item = (usize, &Member<'a>)> {
        self.members.iter().enumerate().filter(move |(at, member)| {
            let is_told = self.is_time(*at) || self.is_message(*at) || self.is_file(member.key);
            let is_level = without_level && self.level_at == Some(*at);
            !is_told && !is_level
        })
    }

    /// The message as text, where that is not a request.
    pub fn message(&self) -> Option<Cow<'a, [u8]>> {
        match self.message {
            Message::Raw(raw) => unescape(raw),
            Message::Line(text) => Some(Cow::Borrowed(text)),
            Message::None | Message::Request(_) => None,
        }
    }

    /// The path of the file, if it is known.
    pub fn file(&self) -> Option<Cow<'_, [u8]>> {
        self.path.as_deref().map(Cow::Borrowed).or_else(|| self.file.and_then(unescape))
    }

    /// The same as a raw JSON string, where a record tells it.
    pub fn raw_file(&self) -> Option<&'a [u8]> {
        self.file.filter(|raw| self.path.is_none() && raw.first() == Some(&b'"'))
    }

    /// Appends the message as a JSON string.
    pub fn write_message(&self, out: &mut Vec<u8>) {
        match &self.message {
            Message::None => out.extend_from_slice(b"\"\""),
            Message::Raw(raw) => out.extend_from_slice(raw),
            Message::Line(text) => write_string(out, text),
            Message::Request(parts) => {
                out.push(b'"');
                for (nth, raw) in parts.iter().flatten().enumerate() {
                    if nth > 0 {
                        out.push(b' ');
                    }
                    match raw {
                        [b'"', inner @ .., b'"'] => out.extend_from_slice(inner),
                        [b'0'..=b'9', ..] => out.extend_from_slice(raw),
                        raw => json::escape(out, raw),
                    }
                }
                out.push(b'"');
            }
        }
    }

    /// Whether the member with this number tells the time.
    pub fn is_time(&self, at: usize) -> bool {
        self.time_at == Some(at)
    }

    /// Whether it tells the message.
    pub fn is_message(&self, at: usize) -> bool {
        self.message_at == Some(at)
    }

    /// Whether the key is the one that says the file.
    pub fn is_file(&self, key: &[u8]) -> bool {
        self.file.is_some() && key == b"_file"
    }

    /// Whether the file is known.
    pub fn has_file(&self) -> bool {
        self.path.is_some() || self.file.is_some()
    }

    /// Appends the path of the file as a JSON value.
    pub fn write_file(&self, out: &mut Vec<u8>) {
        match (&self.path, self.file) {
            (Some(path), _) => write_string(out, path),
            (None, file) => out.extend_from_slice(file.unwrap_or(b"null")),
        }
    }

    /// What the tag says of how the line was cut; a record says it itself.
    pub fn flags(&self) -> [(bool, &'static [u8]); 3] {
        let Flags { partial, continued, truncated } = self.flags;
        [(partial, b"_partial"), (continued, b"_continued"), (truncated, b"_truncated")]
    }
}

/// A raw JSON value as text: that of a string, or the digits of a number.
pub fn text(raw: &[u8]) -> Option<Cow<'_, [u8]>> {
    if raw.first() == Some(&b'"') { unescape(raw) } else { Some(Cow::Borrowed(raw)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Told<'a> = (Vec<Member<'a>>, Vec<Option<Cow<'a, [u8]>>>, [Option<usize>; 3], Option<Level>);

    fn read<'a>(fields: &mut Fields<'a>, record: &'a str) -> Told<'a> {
        fields.read(record.as_bytes(), None, Position::parse(b"3f2a00c4d1e0b7a9:0-17"));
        let time = fields.time.map(|time| Cow::Owned(time.text().as_bytes().to_vec()));
        let texts = vec![time, fields.message(), fields.file.and_then(unescape), fields.level.map(Cow::Borrowed)];
        let Fields { time_at, message_at, level_at, known_level, .. } = *fields;
        (fields.members.clone(), texts, [time_at, message_at, level_at], known_level)
    }

    #[test]
    fn a_time_that_no_destination_can_hold_leaves_the_record_without_one() {
        let mut fields = Fields::default();
        fields.read(br#"{"time":"9999-12-31T23:59:59-05:00","ts":"2025-10-10T13:55:36Z"}"#, None, None);
        assert!(fields.time.is_none());
        fields.read(br#"{"time":"never","ts":"2025-10-10T13:55:36Z"}"#, None, None);
        assert!(fields.time.is_some() && fields.is_time(1));
    }

    #[test]
    fn a_record_of_logparse_is_read_as_any_other_whatever_came_before() {
        let records = [
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/a.log","time":"2025-10-10T13:55:36Z","status":200,"a":"b"}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/a.log","time":"2025-10-10T13:55:37Z","status":200,"a":"b"}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/b.log","time":"2025-12-31T13:55:37.5Z","status":"x","a":1}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/b.log","time":"2025-12-31T13:55:37.5+00:00","message":"m"}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/b.log","time":"2025-12-31T13:55:37.5+02:00","message":"m"}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/b.log","time":"2025-12-31T13:55:38Z","lvl":"warn","msg":"m","message":"n"}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/b.log","time":"2025-12-31T13:55:38Z","_msg":"m","level":7,"severity":"error"}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/b.log","time":"2025-12-31T13:55:38Z","time":"2025-12-30T13:55:38Z"}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/b.log","time":"2025-12-31T13:55:38Z","_file":"/c.log"}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/b.log","time":"2025-02-31T13:55:38Z","ts":"2025-12-31T13:55:38Z"}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/b.log","time":"2025-12-31T13:55:38Z","log":{"level":"info"},"a\u0062":1}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/b.log","time":"2025-12-31T13:55:38Z","message":"\u00e9"}"#,
            r#"{"_pos":"3f2a00c4d1e0b7a9:0-17","_file":"/b.log","time":"2025-12-31T13:55:38Z"}"#,
        ];
        let mut fields = Fields::default();
        for first in records {
            for second in records {
                // What has a blank in it is not known by its form.
                let other = second.replacen('{', "{ ", 1);
                let mut fresh = Fields::default();
                let expected = read(&mut fresh, &other);
                read(&mut fields, first);
                assert_eq!(read(&mut fields, second), expected, "{first} {second}");
            }
        }
    }
}
