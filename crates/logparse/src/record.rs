//! One record in the making: the formats put their fields here, as JSON already, and [`Record::write`] lays them out in
//! the order that every record has: position, file, time, level, fields, message, flags. All buffers are reused, so that a
//! line costs no allocation.
//!
//! The invariant: what is written is one JSON object in which no key occurs twice, whatever the content was. Keys of an
//! inner layer win; the outer's is kept under the name of its format (`cri.time`).

use logline::level::Level;
use logline::names::{LEVELS, TIMES, is_reserved};
use logline::position::{Flags, Position};
use logline::stamp::Reader;
use logline::time::Zone;
use logline::{json, lanes, short};
use memchr::memchr;

use crate::clock::write;

/// The name of a field that `name` may have: not one that records use themselves.
pub fn free_name(name: &str) -> String {
    let is_taken = matches!(name, "time" | "level" | "message") || is_reserved(name.as_bytes());
    if is_taken { format!("{name}_") } else { name.to_owned() }
}

/// Whether a raw value tells its time to any reader in the same way: it is a number, or ends with its zone.
fn is_told_in_full(raw: &[u8]) -> bool {
    match raw {
        [b'0'..=b'9', ..] | [b'"', .., b'Z' | b'z', b'"'] => true,
        [b'"', _, _, _, _, b'-', _, _, b'-', _, _, b'T' | b' ', .., b'+' | b'-', _, _, b':', _, _, b'"']
        | [b'"', _, _, _, _, b'-', _, _, b'-', _, _, b'T' | b' ', .., b'+' | b'-', _, _, _, _, b'"'] => raw.len() > 21,
        [b'"', digits @ .., b'"'] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// What stands in front of the position.
const POSITION: &[u8] = b",\"_pos\":\"";
/// What stands in front of the time.
const TIME: &[u8] = b",\"time\":";
/// How much memory of a long line is kept for the next.
const KEPT: usize = 128 << 10;

/// What stands around the fields of a record.
#[derive(Clone, Copy, Default, Debug)]
pub struct Head<'a> {
    /// Where its line comes from.
    pub position: Option<Position>,
    /// The same as text, where it has no flags and nothing has changed it.
    pub position_text: Option<&'a [u8]>,
    /// The member that tells the file, `,"_file":"…"`, or nothing.
    pub file: &'a [u8],
}

/// A key that needs no escaping, as it stands in front of a text: `,"name":"`.
#[derive(Clone, Debug)]
pub struct Key {
    /// Filled up with spaces, so that it can be written by wide moves.
    text: [u8; Key::ROOM],
    length: usize,
}

impl Key {
    /// How much room a pen needs for any, and for the quote behind its value.
    pub const ROOM: usize = 3 * WIDE;
    /// The longest name that there is room for.
    pub const LONGEST: usize = Self::ROOM - 5;

    /// The key `name`. Panics if it is longer than [`Key::LONGEST`].
    pub const fn new(name: &str) -> Self {
        let mut key = Self { text: [b' '; Self::ROOM], length: 0 };
        key.push(b",\"");
        key.push(name.as_bytes());
        key.push(b"\":\"");
        key
    }

    const fn push(&mut self, text: &[u8]) {
        let mut at = 0;
        while at < text.len() {
            self.text[self.length] = text[at];
            self.length += 1;
            at += 1;
        }
    }

    /// How long it is.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.text[2..self.length - 3]
    }
}

/// Which keys are written.
#[derive(Clone, Default, Debug)]
pub struct Selection {
    /// If not empty: these and no others.
    pub only: Vec<Vec<u8>>,
    /// Not these.
    pub drop: Vec<Vec<u8>>,
}

impl Selection {
    fn keeps(&self, key: &[u8]) -> bool {
        let among = |keys: &[Vec<u8>]| keys.iter().any(|name| name == key);
        (self.only.is_empty() || among(&self.only)) && !among(&self.drop)
    }

    /// Whether that is all of them.
    pub fn is_all(&self) -> bool {
        self.only.is_empty() && self.drop.is_empty()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Message {
    #[default]
    None,
    /// Bytes, still to be escaped.
    Text,
    /// A JSON value.
    Json,
}

/// A field: `body[start..]` is `,"key":value` up to the start of the next.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start: usize,
    key_length: usize,
    layer: usize,
}

impl Entry {
    fn key_end(&self) -> usize {
        self.start + 2 + self.key_length
    }
}

/// A layer that a further format has been put inside of.
#[derive(Default, Debug)]
struct Outer {
    prefix: &'static str,
    time: Vec<u8>,
    level: Vec<u8>,
    body: usize,
    entries: usize,
    dynamic: bool,
}

/// The fields of one record, in the order in which they were put.
#[derive(Default, Debug)]
pub struct Record {
    time: Vec<u8>,
    level: Vec<u8>,
    body: Vec<u8>,
    entries: Vec<Entry>,
    /// How long the member was that told the time of the last record of [`Record::write_plain`]: that of the next one is
    /// mostly as long.
    time_length: usize,
    message: Vec<u8>,
    message_is: Message,
    /// Layers around the current one; `depth` of them are in use, the rest wait to be used again.
    outer: Vec<Outer>,
    depth: usize,
    /// Keys may be equal: they came from the content, or from several layers.
    dynamic: bool,
    /// Objects under these keys give their members to the record.
    lifted: Vec<String>,
}

impl Record {
    /// The same whose objects under the keys `lifted` give their members to it.
    #[must_use]
    pub fn with_lifted(self, lifted: &[String]) -> Self {
        Self { lifted: lifted.to_vec(), ..self }
    }

    /// Whether a member of the content is an object that gives its members to the record.
    pub fn lifts(&self, key: &[u8], value: &[u8]) -> bool {
        value.first() == Some(&b'{') && self.lifted.iter().any(|name| name.as_bytes() == key)
    }

    /// Whether keys came from the content.
    pub fn has_foreign_keys(&self) -> bool {
        self.dynamic
    }

    /// Says that the format may put a field twice; the last one is kept.
    pub fn may_repeat(&mut self) {
        self.dynamic = true;
    }

    /// Forgets everything, to begin with the next line.
    pub fn clear(&mut self) {
        self.time.clear();
        self.level.clear();
        self.body.clear();
        self.entries.clear();
        self.message.clear();
        if self.body.capacity().max(self.message.capacity()) > KEPT {
            // One huge line must not keep its memory for ever.
            self.body.shrink_to(KEPT);
            self.message.shrink_to(KEPT);
        }
        self.message_is = Message::None;
        self.depth = 0;
        self.dynamic = false;
    }

    /// A field whose value the caller appends, as one JSON value, to the buffer returned. `key` is a format's own name,
    /// which needs no escaping and that this format uses once.
    pub fn field(&mut self, key: &str) -> &mut Vec<u8> {
        self.entries.push(Entry { start: self.body.len(), key_length: key.len(), layer: self.depth });
        self.body.extend_from_slice(b",\"");
        self.body.extend_from_slice(key.as_bytes());
        self.body.extend_from_slice(b"\":");
        &mut self.body
    }

    /// A field whose value the caller appends, by a key made before.
    #[inline]
    pub fn keyed(&mut self, key: &Key) -> &mut Vec<u8> {
        self.entries.push(Entry { start: self.body.len(), key_length: key.length - 5, layer: self.depth });
        self.body.extend_from_slice(&key.text[..key.length - 1]);
        &mut self.body
    }

    /// Puts the fields that `write` writes with a pen, if it says that these are all: else the record stays as it is. They
    /// take up `room` bytes at most.
    pub fn put_plain(&mut self, room: usize, write: impl FnOnce(&mut Pen<'_>) -> bool) -> bool {
        let begin = self.body.len();
        self.body.resize(begin + room, 0);
        let mut pen = Pen { page: &mut self.body[begin..], at: 0, time: &mut self.time };
        let is_all = write(&mut pen);
        let end = begin + if is_all { pen.at } else { 0 };
        self.body.truncate(end);
        if is_all {
            self.enter_plain(begin);
        } else {
            self.time.clear();
        }
        is_all
    }

    /// Writes a record of the fields that `write` writes with a pen into `page`, all of them and no others, where they are
    /// to stand: this record keeps nothing of them. How long it is, its LF included; `None` if `write` says that it could
    /// not. `page` has [`Head::room`] for the head and what the fields need.
    pub fn write_plain(
        &mut self,
        page: &mut [u8],
        head: &Head<'_>,
        write: impl FnOnce(&mut Pen<'_>) -> bool,
    ) -> Option<usize> {
        self.time.clear();
        let mut pen = Pen { page, at: 0, time: &mut self.time };
        pen.head(head);
        // The time comes before the fields, and is known when they have been written.
        let place = pen.at;
        let room = self.time_length;
        pen.at += room;
        if !write(&mut pen) {
            return None;
        }
        let mut end = pen.at;
        let length = if self.time.is_empty() { 0 } else { TIME.len() + self.time.len() };
        if length != room {
            page.copy_within(place + room..end, place + length);
            end = end - room + length;
            self.time_length = length;
        }
        if length > 0 {
            page[place..place + TIME.len()].copy_from_slice(TIME);
            short::copy(&mut page[place + TIME.len()..place + length], &self.time);
            self.time.clear();
        }
        end += head.write_flags(&mut page[end..]);
        page[..1].copy_from_slice(b"{");
        let end = end.max(1);
        page[end..end + 2].copy_from_slice(b"}\n");
        Some(end + 2)
    }

    /// Enters the fields of a pen: neither a key nor a text of it holds a quote, and no number a comma.
    fn enter_plain(&mut self, begin: usize) {
        let mut start = begin;
        while let Some(field) = self.body.get(start..).filter(|field| !field.is_empty()) {
            let key_length = memchr(b'"', &field[2..]).unwrap_or_default();
            let value = &field[key_length + 4..];
            let value_length = match value.strip_prefix(b"\"") {
                Some(text) => memchr(b'"', text).map(|quote| quote + 2),
                None => memchr(b',', value),
            };
            self.entries.push(Entry { start, key_length, layer: self.depth });
            start += key_length + 4 + value_length.unwrap_or(value.len());
        }
    }

    /// A field of text.
    pub fn text(&mut self, key: &str, value: &[u8]) {
        json::write_string(self.field(key), value);
    }

    /// A field whose value is JSON already.
    pub fn raw(&mut self, key: &str, value: &[u8]) {
        self.field(key).extend_from_slice(value);
    }

    /// A field whose key comes from the content, still raw; time, level and message go to their places. The value is
    /// appended by `write`.
    pub fn foreign(&mut self, key: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        self.put_foreign(key, |body| json::escape(body, key), write);
    }

    /// The same where the key stands in JSON as it is.
    pub fn foreign_plain(&mut self, key: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        self.put_foreign(key, |body| body.extend_from_slice(key), write);
    }

    fn put_foreign(&mut self, key: &[u8], write_key: impl FnOnce(&mut Vec<u8>), write: impl FnOnce(&mut Vec<u8>)) {
        match key {
            b"time" => {
                self.time.clear();
                write(&mut self.time);
            }
            b"level" => {
                self.level.clear();
                write(&mut self.level);
            }
            b"message" => {
                self.message.clear();
                self.message_is = Message::Json;
                write(&mut self.message);
            }
            _ => {
                self.dynamic = true;
                let start = self.body.len();
                self.body.extend_from_slice(b",\"");
                write_key(&mut self.body);
                if is_reserved(key) {
                    self.body.push(b'_');
                }
                let key_length = self.body.len() - start - 2;
                self.entries.push(Entry { start, key_length, layer: self.depth });
                self.body.extend_from_slice(b"\":");
                write(&mut self.body);
            }
        }
    }

    /// The place of the time, empty if there is none: a JSON value, its quotes included.
    pub fn time(&mut self) -> &mut Vec<u8> {
        &mut self.time
    }

    /// Sets the level to a word that needs no escaping.
    pub fn level(&mut self, word: &[u8]) {
        self.level.clear();
        json::write_string(&mut self.level, word);
    }

    /// Sets the message.
    pub fn message(&mut self, text: &[u8]) {
        self.message.clear();
        self.message.extend_from_slice(text);
        self.message_is = Message::Text;
    }

    /// Puts the stack trace that stood behind an object: as `stack`, where the object has none itself.
    pub fn put_stack(&mut self, text: &[u8]) {
        let has_one = self.entries.iter().any(|entry| entry.layer == self.depth && self.key(entry) == b"stack");
        self.text(if has_one { "stack_" } else { "stack" }, text);
    }

    /// Sets the message unless there is one.
    pub fn message_if_none(&mut self, text: &[u8]) {
        if self.message_is == Message::None {
            self.message(text);
        }
    }

    /// Gives a record whose keys came from the content a `time` of its own, where its time would mean something else to a
    /// reader in another zone: what it tells by one of the names of a time, in RFC 3339. The text under that name stays.
    pub fn settle_time(&mut self, reader: Reader<'_>) {
        if is_told_in_full(&self.time) {
            return;
        }
        if let Some(stamp) = reader.value(&self.time) {
            self.time.clear();
            return write(stamp, &mut self.time);
        }
        let found = self.foreign_values(&TIMES[1..]).find_map(|value| Some((reader.value(value)?, value)));
        if let Some((stamp, value)) = found
            && !is_told_in_full(value)
            && self.time.is_empty()
        {
            write(stamp, &mut self.time);
        }
    }

    /// Writes into `level` what the level means, in the word that records use; another word or number that was there is kept
    /// as `level_`.
    pub fn settle_level(&mut self) {
        let means = |name: &str, raw: &[u8]| match raw.first()? {
            b'{' => Level::from_field(name, &json::unescape(json::member(raw, "name")?)?),
            b'"' => Level::from_field(name, &json::unescape(raw)?),
            _ => Level::from_field(name, raw),
        };
        let of_others = || LEVELS[1..].iter().find_map(|name| means(name, self.foreign_values(&[name]).next()?));
        let Some(level) = means(LEVELS[0], &self.level).or_else(of_others) else { return };
        let word = level.name().as_bytes();
        if self.level.get(1..self.level.len().saturating_sub(1)) == Some(word) {
            return;
        }
        let own = std::mem::take(&mut self.level);
        let is_same_word = own.get(1..own.len().saturating_sub(1)).is_some_and(|own| own.eq_ignore_ascii_case(word));
        if !own.is_empty() && !is_same_word {
            self.foreign(b"level_", |out| out.extend_from_slice(&own));
        }
        self.level(word);
    }

    /// The values of the current layer under these names, in their order; see [`logline::names`].
    fn foreign_values<'r>(&'r self, names: &'r [&str]) -> impl Iterator<Item = &'r [u8]> {
        let entries = move || {
            let own = self.entries.iter().enumerate().rev();
            own.take_while(|(_, entry)| entry.layer == self.depth)
        };
        names.iter().filter_map(move |name| {
            let exact = entries().find(|(_, entry)| self.key(entry) == name.as_bytes());
            let in_any_case = || entries().find(|(_, entry)| self.key(entry).eq_ignore_ascii_case(name.as_bytes()));
            let (at, entry) = exact.or_else(in_any_case)?;
            Some(&self.field_at(at)[entry.key_length + 4..])
        })
    }

    /// The message as bytes, taken out of the record so that a further format can read it; `None` where there is none or
    /// it is no text.
    pub fn take_message(&mut self, into: &mut Vec<u8>) -> bool {
        into.clear();
        match self.message_is {
            Message::None => return false,
            Message::Text => std::mem::swap(into, &mut self.message),
            Message::Json => match json::unescape(&self.message) {
                Some(text) => into.extend_from_slice(&text),
                None => return false,
            },
        }
        self.message.clear();
        self.message_is = Message::None;
        true
    }

    /// What follows comes from inside what `prefix` has wrapped.
    pub fn open_layer(&mut self, prefix: &'static str) {
        if self.outer.len() == self.depth {
            self.outer.push(Outer::default());
        }
        let outer = &mut self.outer[self.depth];
        outer.prefix = prefix;
        outer.time.clear();
        outer.level.clear();
        std::mem::swap(&mut outer.time, &mut self.time);
        std::mem::swap(&mut outer.level, &mut self.level);
        outer.body = self.body.len();
        outer.entries = self.entries.len();
        outer.dynamic = self.dynamic;
        self.depth += 1;
    }

    /// Throws away what the current layer has put in, for its format could not read the line.
    pub fn reset_layer(&mut self) {
        let (body, entries, dynamic) = match self.depth.checked_sub(1) {
            Some(at) => (self.outer[at].body, self.outer[at].entries, self.outer[at].dynamic),
            None => (0, 0, false),
        };
        self.body.truncate(body);
        self.entries.truncate(entries);
        self.dynamic = dynamic;
        self.time.clear();
        self.level.clear();
        self.message.clear();
        self.message_is = Message::None;
    }

    /// Throws away the fields of the current layer that have this value.
    pub fn drop_values(&mut self, value: &[u8]) {
        let first = self.depth.checked_sub(1).map_or(0, |at| self.outer[at].entries);
        let fields: Vec<_> =
            (first..self.entries.len()).map(|at| (self.entries[at], self.field_at(at).to_vec())).collect();
        let Some((begin, _)) = fields.first() else { return };
        self.body.truncate(begin.start);
        self.entries.truncate(first);
        for (entry, field) in fields {
            if &field[entry.key_length + 4..] != value {
                self.entries.push(Entry { start: self.body.len(), ..entry });
                self.body.extend_from_slice(&field);
            }
        }
    }

    /// Where the fields end for now.
    pub fn place(&self) -> (usize, usize) {
        (self.body.len(), self.entries.len())
    }

    /// Throws away the fields behind `place`, and the time.
    pub fn go_back(&mut self, (body, entries): (usize, usize)) {
        self.body.truncate(body);
        self.entries.truncate(entries);
        self.time.clear();
    }

    /// Brings the layers together: what the inner one has not, the outer gives.
    fn close_layers(&mut self) {
        while self.depth > 0 {
            // A time that the inner layer tells by another name is as good as one by this.
            let has_time = self.dynamic && self.time.is_empty() && self.tells_time();
            self.depth -= 1;
            self.dynamic = true;
            let mut outer = std::mem::take(&mut self.outer[self.depth]);
            for (name, inner, value) in
                [("time", &mut self.time, &mut outer.time), ("level", &mut self.level, &mut outer.level)]
            {
                if value.is_empty() {
                    continue;
                }
                if inner.is_empty() && !(has_time && name == "time") {
                    std::mem::swap(inner, value);
                    continue;
                }
                let start = self.body.len();
                self.body.extend_from_slice(b",\"");
                self.body.extend_from_slice(outer.prefix.as_bytes());
                self.body.push(b'.');
                self.body.extend_from_slice(name.as_bytes());
                let key_length = self.body.len() - start - 2;
                self.entries.push(Entry { start, key_length, layer: usize::MAX });
                self.body.extend_from_slice(b"\":");
                self.body.extend_from_slice(value);
            }
            self.outer[self.depth] = outer;
        }
    }

    /// Whether the current layer tells a time by another name than `time`.
    fn tells_time(&self) -> bool {
        self.foreign_values(&TIMES[1..]).any(|value| Reader::new(&Zone::Fixed(0)).value(value).is_some())
    }

    /// Gives a record that has no level the one that its field `status` implies as a status of HTTP: error for 5xx, warn
    /// for 4xx, else info. A record without such a status stays without a level.
    pub fn level_by_status(&mut self) {
        self.close_layers();
        if !self.level.is_empty() {
            return;
        }
        let at = self.entries.iter().rposition(|entry| self.key(entry) == b"status");
        let word: &[u8] = match at.map(|at| &self.field_at(at)[b",\"status\":".len()..]) {
            Some([b'5', _, _]) => b"error",
            Some([b'4', _, _]) => b"warn",
            Some([b'1'..=b'3', _, _]) => b"info",
            _ => return,
        };
        self.level(word);
    }

    /// Appends the record as one line, its LF included. `error` says why the line could not be read.
    pub fn write(&mut self, out: &mut Vec<u8>, head: &Head<'_>, selection: &Selection, error: Option<&str>) {
        self.close_layers();
        let begin = out.len();
        head.write(out);
        if !self.time.is_empty() && selection.keeps(b"time") {
            out.extend_from_slice(TIME);
            out.extend_from_slice(&self.time);
        }
        if !self.level.is_empty() && selection.keeps(b"level") {
            out.extend_from_slice(b",\"level\":");
            out.extend_from_slice(&self.level);
        }
        if self.dynamic || !selection.is_all() {
            self.write_entries(out, selection);
        } else {
            out.extend_from_slice(&self.body);
        }
        if self.message_is != Message::None && selection.keeps(b"message") {
            out.extend_from_slice(b",\"message\":");
            match self.message_is {
                Message::Text => json::write_string(out, &self.message),
                _ => out.extend_from_slice(&self.message),
            }
        }
        head.flags().for_each(|member| out.extend_from_slice(member));
        if let Some(error) = error {
            out.extend_from_slice(b",\"_parse_error\":");
            json::write_string(out, error.as_bytes());
        }
        // The first member came with a comma in front: it becomes the brace.
        match out.get_mut(begin) {
            Some(comma) => *comma = b'{',
            None => out.push(b'{'),
        }
        out.extend_from_slice(b"}\n");
    }

    fn key(&self, entry: &Entry) -> &[u8] {
        &self.body[entry.start + 2..entry.key_end()]
    }

    fn write_entries(&self, out: &mut Vec<u8>, selection: &Selection) {
        if self.may_have_equal_keys() {
            return self.write_entries_once(out, selection);
        }
        if selection.is_all() {
            return out.extend_from_slice(&self.body);
        }
        for (at, entry) in self.entries.iter().enumerate() {
            if selection.keeps(self.key(entry)) {
                out.extend_from_slice(self.field_at(at));
            }
        }
    }

    /// A set of hashes tells for most records that no two keys are equal.
    fn may_have_equal_keys(&self) -> bool {
        let mut seen = [0_u64; 16];
        self.entries.iter().any(|entry| {
            let key = self.key(entry);
            let part = |chunk: Option<&[u8; 4]>| chunk.map_or(0, |bytes| u32::from_le_bytes(*bytes));
            let short = key.iter().take(3).fold(0, |sum, byte| sum << 8 | u32::from(*byte));
            let mixed = part(key.first_chunk()) ^ part(key.last_chunk()).rotate_left(13) ^ short;
            let hash = mixed.wrapping_mul(0x9e37_79b1);
            let (word, bit) = ((hash >> 28) as usize, 1 << (hash >> 22 & 63));
            let is_new = seen[word] & bit == 0;
            seen[word] |= bit;
            !is_new
        })
    }

    /// The member that an entry stands for, with its comma.
    fn field_at(&self, at: usize) -> &[u8] {
        let end = self.entries.get(at + 1).map_or(self.body.len(), |next| next.start);
        &self.body[self.entries[at].start..end]
    }

    /// The same where keys are equal: the last of a layer wins, and the inner of two layers.
    fn write_entries_once(&self, out: &mut Vec<u8>, selection: &Selection) {
        let mut order: Vec<usize> = (0..self.entries.len()).collect();
        // Equal keys stand together, the one that wins last among them.
        order.sort_by_key(|at| (self.key(&self.entries[*at]), self.entries[*at].layer, *at));
        let mut fate = vec![Fate::Kept; self.entries.len()];
        for pair in order.windows(2) {
            let (one, next) = (&self.entries[pair[0]], &self.entries[pair[1]]);
            if self.key(one) == self.key(next) {
                fate[pair[0]] = if one.layer == next.layer { Fate::Lost } else { Fate::Renamed };
            }
        }
        for (at, entry) in self.entries.iter().enumerate() {
            let (key, field) = (self.key(entry), self.field_at(at));
            match fate[at] {
                Fate::Lost => {}
                _ if !selection.keeps(key) => {}
                Fate::Kept => out.extend_from_slice(field),
                Fate::Renamed => {
                    let mut name =
                        self.outer.get(entry.layer).map_or("outer", |outer| outer.prefix).as_bytes().to_vec();
                    name.push(b'.');
                    name.extend_from_slice(key);
                    while order.binary_search_by_key(&&*name, |other| self.key(&self.entries[*other])).is_ok() {
                        name.push(b'_');
                    }
                    out.extend_from_slice(b",\"");
                    out.extend_from_slice(&name);
                    out.extend_from_slice(&field[entry.key_length + 2..]);
                }
            }
        }
    }
}

/// Writes fields of plain text one behind the other, by moves of a fixed size where they are not longer. It writes past what
/// counts, and reads past the end of a value where more of its line follows. It panics where its page ends.
#[derive(Debug)]
pub struct Pen<'a> {
    page: &'a mut [u8],
    at: usize,
    /// The place of the time, as [`Record::time`].
    pub time: &'a mut Vec<u8>,
}

/// How many bytes a [`Pen`] moves at once.
const WIDE: usize = 32;

impl Pen<'_> {
    /// Where it stands, for [`Pen::go_back`].
    pub fn at(&self) -> usize {
        self.at
    }

    /// Takes back all that was written from `at` on.
    pub fn go_back(&mut self, at: usize) {
        self.at = at;
    }

    /// A field of text that stands in JSON as it is: the first `length` bytes of `text`.
    #[expect(clippy::inline_always, reason = "a call would cost as much as what it does")]
    #[inline(always)]
    pub fn text(&mut self, key: &Key, text: &[u8], length: usize) {
        self.write(&key.text, key.length);
        self.write(text, length);
        self.page[self.at] = b'"';
        self.at += 1;
    }

    /// The same for a text that ends before the first of `stops`; how long it is. `None` if there is none of them.
    #[inline]
    pub fn text_until<const N: usize>(&mut self, key: &Key, text: &[u8], stops: [u8; N]) -> Option<usize> {
        self.write(&key.text, key.length);
        let length = lanes::copy_until(&mut self.page[self.at..], text, stops)?;
        self.at += length;
        self.page[self.at] = b'"';
        self.at += 1;
        Some(length)
    }

    /// A field whose value stands in JSON without quotes.
    #[inline]
    pub fn value(&mut self, key: &Key, text: &[u8], length: usize) {
        self.write(&key.text, key.length - 1);
        self.write(text, length);
    }

    /// The position and the file.
    fn head(&mut self, head: &Head<'_>) {
        if let Some(position) = &head.position {
            let mut written = Vec::new();
            let text = head.position_text.unwrap_or_else(|| {
                position.write_without_flags(&mut written);
                &written
            });
            self.write(POSITION, POSITION.len());
            self.write(text, text.len());
            self.page[self.at] = b'"';
            self.at += 1;
        }
        self.write(head.file, head.file.len());
    }

    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn write(&mut self, text: &[u8], length: usize) {
        let from = self.at;
        self.at += length;
        match text.first_chunk::<WIDE>() {
            Some(first) if length <= WIDE => self.page[from..from + WIDE].copy_from_slice(first),
            _ => short::copy(&mut self.page[from..from + length], &text[..length]),
        }
    }
}

#[derive(Clone, Copy)]
enum Fate {
    Kept,
    /// A later key of the same layer has the same name.
    Lost,
    /// An inner layer has the same name.
    Renamed,
}

impl Head<'_> {
    /// How much room it needs in front of the fields, and what follows them behind.
    pub fn room(&self) -> usize {
        let position = self.position_text.map_or(128, <[u8]>::len);
        self.file.len() + position + 256
    }

    fn write(&self, out: &mut Vec<u8>) {
        if let Some(position) = &self.position {
            out.extend_from_slice(POSITION);
            match self.position_text {
                Some(text) => out.extend_from_slice(text),
                None => position.write_without_flags(out),
            }
            out.push(b'"');
        }
        out.extend_from_slice(self.file);
    }

    /// The members that say how the line was cut.
    fn flags(&self) -> impl Iterator<Item = &'static [u8]> {
        let Flags { partial, continued, truncated } = self.position.map(|position| position.flags).unwrap_or_default();
        let members: [(bool, &[u8]); 3] = [
            (partial, b",\"_partial\":true"),
            (continued, b",\"_continued\":true"),
            (truncated, b",\"_truncated\":true"),
        ];
        members.into_iter().filter_map(|(is_set, member)| is_set.then_some(member))
    }

    /// Writes them to where `page` begins; how long they are.
    fn write_flags(&self, page: &mut [u8]) -> usize {
        self.flags().fold(0, |end, member| {
            page[end..end + member.len()].copy_from_slice(member);
            end + member.len()
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn written(record: &mut Record) -> String {
        let mut out = Vec::new();
        record.write(&mut out, &Head::default(), &Selection::default(), None);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_record_without_fields_is_an_empty_object() {
        assert_eq!(written(&mut Record::default()), "{}\n");
    }

    #[test]
    fn keys_stand_in_their_order() {
        let mut record = Record::default();
        record.message(b"m");
        record.text("a", b"1");
        record.level(b"info");
        record.time().extend_from_slice(b"\"t\"");
        assert_eq!(written(&mut record), "{\"time\":\"t\",\"level\":\"info\",\"a\":\"1\",\"message\":\"m\"}\n");
    }

    #[test]
    fn fields_of_a_pen_can_be_selected_and_stand_in_layers() {
        let write = |pen: &mut Pen<'_>| {
            pen.text(&Key::new("stream"), b"x, y: \x22", 5);
            pen.value(&Key::new("n"), b"1.5 ", 3);
            pen.text(&Key::new("e"), b"", 0);
            true
        };
        let selection = Selection { only: vec![b"n".to_vec(), b"e".to_vec()], drop: Vec::new() };
        let mut record = Record::default();
        assert!(record.put_plain(200, write));
        let mut out = Vec::new();
        record.write(&mut out, &Head::default(), &selection, None);
        assert_eq!(String::from_utf8(out).unwrap(), "{\"n\":1.5,\"e\":\"\"}\n");
        let mut record = Record::default();
        record.text("stream", b"stdout");
        record.open_layer("cri");
        assert!(record.put_plain(200, write));
        assert_eq!(written(&mut record), "{\"cri.stream\":\"stdout\",\"stream\":\"x, y:\",\"n\":1.5,\"e\":\"\"}\n");
    }

    #[test]
    fn what_is_written_at_once_is_what_is_put_and_then_written() {
        // Its length is that of the time before, another, none, and again the first.
        for time in ["\"2025-10-10T13:55:36Z\"", "\"2025-10-10T13:55:36+02:00\"", "", "\"2025-10-10T13:55:36Z\""] {
            let write = |pen: &mut Pen<'_>| {
                pen.value(&Key::new("n"), b"1", 1);
                pen.time.extend_from_slice(time.as_bytes());
                pen.at() > 0
            };
            let (mut record, mut page) = (Record::default(), [b'x'; 400]);
            let position = Position::parse(b"3f2a00c4d1e0b7a9:0-5p");
            let head = Head { position, position_text: None, file: b",\"_file\":\"/a\"" };
            assert_eq!(record.write_plain(&mut page, &head, |pen| !write(pen)), None);
            let lengths = [(); 2].map(|()| record.write_plain(&mut page, &head, write));
            let written = page[..lengths[1].unwrap()].to_vec();
            assert!(record.put_plain(200, write));
            let mut expected = Vec::new();
            record.write(&mut expected, &head, &Selection::default(), None);
            assert_eq!((written, lengths[0]), (expected, lengths[1]));
        }
    }

    #[test]
    fn of_equal_keys_the_last_wins_and_reserved_ones_are_renamed() {
        let mut record = Record::default();
        for (key, value) in [("k", "1"), ("_pos", "2"), ("k", "3")] {
            record.foreign(key.as_bytes(), |out| out.extend_from_slice(value.as_bytes()));
        }
        assert_eq!(written(&mut record), "{\"_pos_\":2,\"k\":3}\n");
    }

    #[test]
    fn an_inner_key_wins_and_the_outer_is_kept_under_its_format() {
        let mut record = Record::default();
        record.text("stream", b"stdout");
        record.time().extend_from_slice(b"1");
        record.open_layer("cri");
        record.text("stream", b"x");
        record.time().extend_from_slice(b"2");
        assert_eq!(written(&mut record), "{\"time\":2,\"cri.stream\":\"stdout\",\"stream\":\"x\",\"cri.time\":1}\n");
    }
}
