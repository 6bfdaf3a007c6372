//! What logtail keeps in the state file `files`, as text: one JSON object a line. Keys may be added; unknown ones are
//! passed over.
//!
//! ```text
//! {"boot":"…","counters":{"truncations":0,"gaps":0,"possible_loss_bytes":0,"hole_bytes":0}}
//! {"sighted":"/var/log/app.log"}
//! {"fid":"3f2a00c4d1e0b7a9","path":"/var/log/app.log","dev":2049,"inode":77,"head":[1024,"9c…"],"marker":[4096,64,"51…"],"start":0,"size":4096,"cuts":[],"end":4096}
//! ```

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use logline::json::{self, Member, member, members};
use logline::position::Fid;

use crate::disk::Inode;
use crate::fingerprint::{Head, Marker};
use crate::generation::Entry;

/// What has gone wrong with files since the state began, for the user to see.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counters {
    /// Files that were truncated or rewritten in place.
    pub truncations: u64,
    /// Generations that could not be found again before all of them was read.
    pub gaps: u64,
    /// Bytes that had been seen and vanished before they were read.
    pub possible_loss_bytes: u64,
    /// NUL bytes of holes that were skipped.
    pub hole_bytes: u64,
}

/// The whole of the state.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Ledger {
    /// The boot in which it was written; empty where that is not known.
    pub boot: String,
    /// See [`Counters`].
    pub counters: Counters,
    /// Paths whose siblings have been entered, and of which nothing else is known.
    pub sighted: Vec<PathBuf>,
    /// The generations, oldest first.
    pub entries: Vec<Entry>,
}

impl Ledger {
    /// Its lines.
    pub fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(b"{\"boot\":");
        json::write_string(&mut out, self.boot.as_bytes());
        let Counters { truncations, gaps, possible_loss_bytes, hole_bytes } = self.counters;
        let _ = writeln!(
            out,
            ",\"counters\":{{\"truncations\":{truncations},\"gaps\":{gaps},\"possible_loss_bytes\":{possible_loss_bytes},\"hole_bytes\":{hole_bytes}}}}}"
        );
        for path in &self.sighted {
            out.extend_from_slice(b"{\"sighted\":");
            write_path(&mut out, path);
            out.extend_from_slice(b"}\n");
        }
        for entry in &self.entries {
            write_entry(&mut out, entry);
        }
        out
    }

    /// For a copy from before: forgets the files of which nothing had been read then. What was read of them since, under
    /// their names, may have been something else than what lies there now.
    pub fn forget_unread(&mut self) {
        let (known, unread) = std::mem::take(&mut self.entries).into_iter().partition(|entry| entry.head.length > 0);
        self.entries = known;
        let unread: Vec<Entry> = unread;
        self.sighted.extend(unread.into_iter().map(|entry| entry.path));
    }

    /// Reads such lines. A line that lacks what it needs is passed over and told.
    pub fn parse(text: &[u8]) -> (Self, Vec<String>) {
        let mut ledger = Self::default();
        let mut troubles = Vec::new();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let keys = Keys::of(line);
            if let Some(boot) = keys.get("boot") {
                ledger.boot = string(boot).map(|boot| String::from_utf8_lossy(&boot).into_owned()).unwrap_or_default();
                ledger.counters = parse_counters(keys.get("counters").unwrap_or(b"{}"));
            } else if let Some(path) = keys.get("sighted").and_then(parse_path) {
                ledger.sighted.push(path);
            } else if let Some(entry) = parse_entry(&keys) {
                ledger.entries.push(entry);
            } else {
                troubles.push(format!("an entry that cannot be read, passed over: {}", String::from_utf8_lossy(line)));
            }
        }
        (ledger, troubles)
    }
}

fn write_entry(out: &mut Vec<u8>, entry: &Entry) {
    let _ = write!(out, "{{\"fid\":\"{}\",\"path\":", entry.fid);
    write_path(out, &entry.path);
    let Entry { inode, head, marker, start, .. } = entry;
    let _ = write!(
        out,
        ",\"dev\":{},\"inode\":{},\"head\":[{},\"{:016x}\"],\"marker\":[{},{},\"{:016x}\"],\"start\":{start},\"cuts\":{:?}",
        inode.device, inode.number, head.length, head.hash, marker.offset, marker.length, marker.hash, entry.cuts
    );
    if let Some(end) = entry.end {
        let _ = write!(out, ",\"end\":{end}");
    }
    out.extend_from_slice(b"}\n");
}

/// The members of a line, read once; none where it is no object.
struct Keys<'a>(Vec<Member<'a>>);

impl<'a> Keys<'a> {
    fn of(line: &'a [u8]) -> Self {
        Self(members(line).collect::<Result<_, _>>().unwrap_or_default())
    }

    /// The raw value of a key; of several the last.
    fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.0.iter().rfind(|member| member.is(name.as_bytes())).map(|member| member.value)
    }
}

fn parse_entry(keys: &Keys<'_>) -> Option<Entry> {
    let number = |key| keys.get(key).and_then(parse_number);
    let head = elements(keys.get("head")?);
    let marker = elements(keys.get("marker")?);
    let cuts = elements(keys.get("cuts").unwrap_or(b"[]"));
    Some(Entry {
        fid: Fid::parse(&string(keys.get("fid")?)?)?,
        path: parse_path(keys.get("path")?)?,
        inode: Inode { device: number("dev")?, number: number("inode")? },
        head: Head { length: parse_number(head.first()?)?, hash: parse_hash(head.get(1)?)? },
        marker: Marker {
            offset: parse_number(marker.first()?)?,
            length: parse_number(marker.get(1)?)?,
            hash: parse_hash(marker.get(2)?)?,
        },
        start: number("start")?,
        cuts: cuts.into_iter().map(parse_number).collect::<Option<_>>()?,
        end: number("end"),
    })
    .filter(|entry| entry.marker.length <= entry.marker.offset)
}

fn parse_counters(object: &[u8]) -> Counters {
    let keys = Keys::of(object);
    let number = |key| keys.get(key).and_then(parse_number).unwrap_or(0);
    Counters {
        truncations: number("truncations"),
        gaps: number("gaps"),
        possible_loss_bytes: number("possible_loss_bytes"),
        hole_bytes: number("hole_bytes"),
    }
}

/// What logpost has acknowledged: for each generation the offset below which every line is settled.
pub fn parse_acks(text: &[u8]) -> HashMap<Fid, u64> {
    let lines = text.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| {
            let fid = Fid::parse(&string(member(line, "fid")?)?)?;
            Some((fid, parse_number(member(line, "offset")?)?))
        })
        .collect()
}

/// The lines of the file `acks`, where logtail writes it itself.
pub fn acks_text(acks: impl Iterator<Item = (Fid, u64)>) -> Vec<u8> {
    let mut out = Vec::new();
    for (fid, offset) in acks {
        let _ = writeln!(out, "{{\"fid\":\"{fid}\",\"offset\":{offset}}}");
    }
    out
}

/// A path that is no UTF-8 is kept in hexadecimal digits behind a NUL, which no path can hold.
fn write_path(out: &mut Vec<u8>, path: &Path) {
    let bytes = path.as_os_str().as_bytes();
    if std::str::from_utf8(bytes).is_ok() {
        json::write_string(out, bytes);
    } else {
        out.extend_from_slice(b"\"\\u0000");
        for byte in bytes {
            logline::position::write_hex(out, u64::from(*byte), 2);
        }
        out.push(b'"');
    }
}

fn parse_path(raw: &[u8]) -> Option<PathBuf> {
    let text = string(raw)?;
    let bytes = match text.strip_prefix(b"\0") {
        None => text,
        Some(digits) => {
            let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
            digits.chunks(2).map(byte).collect::<Option<_>>()?
        }
    };
    Some(PathBuf::from(OsStr::from_bytes(&bytes)))
}

fn string(raw: &[u8]) -> Option<Vec<u8>> {
    json::unescape(raw).map(std::borrow::Cow::into_owned)
}

fn parse_number(raw: &[u8]) -> Option<u64> {
    std::str::from_utf8(raw).ok()?.parse().ok()
}

fn parse_hash(raw: &[u8]) -> Option<u64> {
    Fid::parse(&string(raw)?).map(|hash| hash.0)
}

/// The elements of an array of numbers and hashes.
fn elements(raw: &[u8]) -> Vec<&[u8]> {
    let inner = raw.strip_prefix(b"[").and_then(|raw| raw.strip_suffix(b"]")).unwrap_or_default();
    inner.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|element| !element.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn ledger() -> Ledger {
        let entry = Entry {
            fid: Fid(0x3f2a_00c4_d1e0_b7a9),
            path: PathBuf::from("/var/log/a \"b\"\n.log"),
            inode: Inode { device: 2049, number: 77 },
            head: Head { length: 1024, hash: 3 },
            marker: Marker { offset: 4096, length: 64, hash: u64::MAX },
            start: 12,
            cuts: vec![20, 30],
            end: Some(4096),
        };
        let other = Entry {
            path: PathBuf::from(OsStr::from_bytes(b"/var/log/\xff")),
            cuts: vec![],
            end: None,
            fid: Fid(1),
            ..entry.clone()
        };
        Ledger {
            boot: "b".to_owned(),
            counters: Counters { truncations: 1, gaps: 2, possible_loss_bytes: 3, hole_bytes: 4 },
            sighted: vec![PathBuf::from("/x")],
            entries: vec![entry, other],
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let (read, troubles) = Ledger::parse(&ledger().text());
        assert_eq!((read, troubles), (ledger(), vec![]));
    }

    #[test]
    fn an_added_key_is_passed_over() {
        let text =
            String::from_utf8(ledger().text()).unwrap().replace("\"start\"", "\"added\":{\"later\":[1]},\"start\"");
        let (read, troubles) = Ledger::parse(text.as_bytes());
        assert_eq!((read, troubles), (ledger(), vec![]));
    }

    #[test]
    fn an_entry_that_lacks_something_is_told_and_the_others_stay() {
        let text = String::from_utf8(ledger().text()).unwrap().replacen("\"inode\"", "\"outode\"", 1);
        let (read, troubles) = Ledger::parse(text.as_bytes());
        assert_eq!((read.entries.len(), troubles.len()), (1, 1));
    }

    #[test]
    fn acks_are_read_as_they_are_written() {
        let acks = [(Fid(1), 5), (Fid(2), 0)];
        assert_eq!(parse_acks(&acks_text(acks.into_iter())), HashMap::from(acks));
    }
}
