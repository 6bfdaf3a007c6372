//! The text of the state file `files`, which logtail writes: what it knows of each generation of each file, so that a
//! later run, or logpost, can tell where reading goes on. One JSON object a line; keys may be added, unknown ones are
//! passed over.
//!
//! ```text
//! {"boot":"…","counters":{"truncations":0,"gaps":0,"possible_loss_bytes":0,"hole_bytes":0,"freed_bytes":0}}
//! {"pattern":"/var/log/*.log"}
//! {"path":"/var/log/app.log","shape":"app-<d>.log"}
//! {"rewritten":"/var/log/other.log"}
//! {"fid":"3f2a00c4d1e0b7a9","path":"/var/log/app.log","dev":2049,"inode":77,"head":[1024,"9c…"],"samples":[…],"marker":[4096,64,"51…",1764400000],"start":0,"cuts":[],"end":4096}
//! ```

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::json::{self, Member, members};
use crate::position::Fid;

/// How many bytes a sample covers at most.
pub const LONGEST_SAMPLE: usize = 1024;

/// A file on a device.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Inode {
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub number: u64,
}

impl Inode {
    /// The place of a generation whose inode holds something else by now.
    pub const NOWHERE: Self = Self { device: 0, number: 0 };
}

/// A hash of the first bytes of a file.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Head {
    /// How many bytes it covers, 1024 at most.
    pub length: u64,
    /// SipHash-1-3, keyed with the fid.
    pub hash: u64,
}

/// A hash of the bytes before an offset of a file.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Sample {
    /// The offset behind the bytes.
    pub offset: u64,
    /// How many bytes it covers, [`LONGEST_SAMPLE`] at most.
    pub length: u64,
    /// SipHash-1-3, keyed with the fid.
    pub hash: u64,
    /// When the bytes were read: seconds since the epoch; 0 where that is not known.
    pub at: u64,
}

impl Sample {
    /// The offset of the first byte it covers.
    pub fn start(&self) -> u64 {
        self.offset - self.length
    }
}

/// What is remembered of one generation of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its name, never given twice.
    pub fid: Fid,
    /// The watched path under which it was first seen.
    pub path: PathBuf,
    /// Where its content lies.
    pub inode: Inode,
    /// When the inode was made: nanoseconds since the epoch; `None` where the file system does not tell.
    pub born: Option<i64>,
    /// Its first bytes.
    pub head: Head,
    /// Samples from all over the file, in the order of their offsets; the last one, the marker, is in `marker`.
    pub samples: Vec<Sample>,
    /// The last bytes that were read.
    pub marker: Sample,
    /// The first offset that was to be emitted.
    pub start: u64,
    /// The offsets at which a line was cut in two for ever, because its beginning left before its LF was there.
    pub cuts: Vec<u64>,
    /// The offset from which on it was delivered without a gap: `start`, or less where an entry of another boot had delivered
    /// what stands in front of that.
    pub since: u64,
    /// The end of the hole that was punched into its delivered part; 0 where there is none.
    pub freed: u64,
    /// The offset at which it ended, once it is finished.
    pub end: Option<u64>,
    /// The generation as which its content went on in the same file.
    pub successor: Option<Fid>,
}

impl Entry {
    /// How far the file had been read when the entry was written.
    pub fn read_to(&self) -> u64 {
        self.end.unwrap_or(self.marker.offset)
    }

    /// Appends its line.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_entry(out, self);
    }
}

/// What has gone wrong with files since the state began.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counters {
    /// Files that were truncated or rewritten in place.
    pub truncations: u64,
    /// Generations that could not be found again before all of them had been read.
    pub gaps: u64,
    /// Bytes that had been seen and vanished before they were read.
    pub possible_loss_bytes: u64,
    /// NUL bytes of holes that were skipped.
    pub hole_bytes: u64,
    /// Bytes of delivered log that were given back to the file system.
    pub freed_bytes: u64,
}

/// A form of file names that rotation gives to older generations of a watched path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LearntShape {
    /// The watched path.
    pub path: PathBuf,
    /// The form as logtail writes it.
    pub shape: String,
}

/// All that the file says.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Checkpoint {
    /// The id of the boot in which it was written; empty where that is not known.
    pub boot: String,
    /// The clock by which samples were dated in this boot: seconds since the epoch, and the seconds since the boot then.
    pub clock: Option<(u64, u64)>,
    /// See [`Counters`].
    pub counters: Counters,
    /// The patterns that have been looked for at least once. `None` in a file of an older version, which kept none.
    pub patterns: Option<Vec<String>>,
    /// The names that rotation was seen to give.
    pub shapes: Vec<LearntShape>,
    /// The watched paths whose files were ever seen truncated or rewritten, or beside a copy of themselves.
    pub rewritten: Vec<PathBuf>,
    /// The generations; those of one path stand from the oldest to the youngest.
    pub entries: Vec<Entry>,
}

impl Checkpoint {
    /// Its lines.
    pub fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(b"{\"boot\":");
        json::write_string(&mut out, self.boot.as_bytes());
        if let Some((began, uptime)) = self.clock {
            let _ = write!(out, ",\"clock\":[{began},{uptime}]");
        }
        let Counters { truncations, gaps, possible_loss_bytes, hole_bytes, freed_bytes } = self.counters;
        let _ = writeln!(
            out,
            ",\"counters\":{{\"truncations\":{truncations},\"gaps\":{gaps},\"possible_loss_bytes\":{possible_loss_bytes},\"hole_bytes\":{hole_bytes},\"freed_bytes\":{freed_bytes}}}}}"
        );
        for pattern in self.patterns.iter().flatten() {
            out.extend_from_slice(b"{\"pattern\":");
            write_path(&mut out, Path::new(pattern));
            out.extend_from_slice(b"}\n");
        }
        for learnt in &self.shapes {
            out.extend_from_slice(b"{\"path\":");
            write_path(&mut out, &learnt.path);
            out.extend_from_slice(b",\"shape\":");
            json::write_string(&mut out, learnt.shape.as_bytes());
            out.extend_from_slice(b"}\n");
        }
        for path in &self.rewritten {
            out.extend_from_slice(b"{\"rewritten\":");
            write_path(&mut out, path);
            out.extend_from_slice(b"}\n");
        }
        for entry in &self.entries {
            entry.write(&mut out);
        }
        out
    }

    /// Reads such lines. A line that lacks what it needs is passed over and told.
    pub fn parse(text: &[u8]) -> (Self, Vec<String>) {
        let mut checkpoint = Self::default();
        let mut troubles = Vec::new();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let keys = Keys::of(line);
            if let Some(boot) = keys.get("boot") {
                checkpoint.boot =
                    string(boot).map(|boot| String::from_utf8_lossy(&boot).into_owned()).unwrap_or_default();
                checkpoint.clock = keys.get("clock").and_then(parse_clock);
                checkpoint.counters = parse_counters(keys.get("counters").unwrap_or(b"{}"));
            } else if let Some(pattern) = keys.get("pattern").and_then(parse_path) {
                let pattern = pattern.to_string_lossy().into_owned();
                checkpoint.patterns.get_or_insert_default().push(pattern);
            } else if let Some(shape) = keys.get("shape").and_then(string) {
                let path = keys.get("path").and_then(parse_path);
                let shape = String::from_utf8_lossy(&shape).into_owned();
                checkpoint.shapes.extend(path.map(|path| LearntShape { path, shape }));
            } else if let Some(path) = keys.get("rewritten").and_then(parse_path) {
                checkpoint.rewritten.push(path);
            } else if let Some(entry) = parse_entry(&keys) {
                checkpoint.entries.push(entry);
            } else if keys.get("sighted").is_none() {
                troubles.push(format!("an entry that cannot be read, passed over: {}", String::from_utf8_lossy(line)));
            }
        }
        (checkpoint, troubles)
    }

    /// For a copy from before the one that was lost: drops the entries of files of which nothing had been read. What was
    /// read of them since, under their fids, may have been something else than what lies there now.
    pub fn forget_unread(&mut self) {
        self.entries.retain(|entry| entry.marker.length > 0 || entry.head.length > 0);
    }
}

fn write_entry(out: &mut Vec<u8>, entry: &Entry) {
    let _ = write!(out, "{{\"fid\":\"{}\",\"path\":", entry.fid);
    write_path(out, &entry.path);
    let Entry { inode, head, marker, start, .. } = entry;
    let _ = write!(
        out,
        ",\"dev\":{},\"inode\":{},\"head\":[{},\"{:016x}\"],\"samples\":[",
        inode.device, inode.number, head.length, head.hash
    );
    for (index, sample) in entry.samples.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(out, "{comma}{},{},\"{:016x}\",{}", sample.offset, sample.length, sample.hash, sample.at);
    }
    let _ = write!(
        out,
        "],\"marker\":[{},{},\"{:016x}\",{}],\"start\":{start},\"cuts\":{:?}",
        marker.offset, marker.length, marker.hash, marker.at, entry.cuts
    );
    if let Some(born) = entry.born {
        let _ = write!(out, ",\"born\":{born}");
    }
    if entry.since < entry.start {
        let _ = write!(out, ",\"since\":{}", entry.since);
    }
    if entry.freed > 0 {
        let _ = write!(out, ",\"freed\":{}", entry.freed);
    }
    if let Some(end) = entry.end {
        let _ = write!(out, ",\"end\":{end}");
    }
    if let Some(successor) = entry.successor {
        let _ = write!(out, ",\"successor\":\"{successor}\"");
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
    let samples = elements(keys.get("samples").unwrap_or(b"[]"));
    let cuts = elements(keys.get("cuts").unwrap_or(b"[]"));
    let start = number("start")?;
    Some(Entry {
        fid: parse_fid(keys.get("fid")?)?,
        path: parse_path(keys.get("path")?)?,
        inode: Inode { device: number("dev")?, number: number("inode")? },
        born: keys.get("born").and_then(|born| std::str::from_utf8(born).ok()?.parse().ok()),
        head: Head { length: parse_number(head.first()?)?, hash: parse_hash(head.get(1)?)? },
        samples: samples.chunks(4).map(parse_sample).collect::<Option<_>>()?,
        marker: parse_sample(&elements(keys.get("marker")?))?,
        start,
        since: number("since").unwrap_or(start).min(start),
        cuts: cuts.into_iter().map(parse_number).collect::<Option<_>>()?,
        freed: number("freed").unwrap_or(0),
        end: number("end"),
        successor: keys.get("successor").and_then(parse_fid),
    })
}

fn parse_sample(elements: &[&[u8]]) -> Option<Sample> {
    let sample = Sample {
        offset: parse_number(elements.first()?)?,
        length: parse_number(elements.get(1)?)?,
        hash: parse_hash(elements.get(2)?)?,
        at: elements.get(3).and_then(|at| parse_number(at)).unwrap_or(0),
    };
    (sample.length <= sample.offset.min(LONGEST_SAMPLE as u64)).then_some(sample)
}

fn parse_clock(raw: &[u8]) -> Option<(u64, u64)> {
    match elements(raw)[..] {
        [began, uptime] => Some((parse_number(began)?, parse_number(uptime)?)),
        _ => None,
    }
}

fn parse_counters(object: &[u8]) -> Counters {
    let keys = Keys::of(object);
    let number = |key| keys.get(key).and_then(parse_number).unwrap_or(0);
    Counters {
        truncations: number("truncations"),
        gaps: number("gaps"),
        possible_loss_bytes: number("possible_loss_bytes"),
        hole_bytes: number("hole_bytes"),
        freed_bytes: number("freed_bytes"),
    }
}

/// Writes a path as a JSON string. One that is no UTF-8 is kept in hexadecimal digits behind a NUL, which no path can hold.
pub(super) fn write_path(out: &mut Vec<u8>, path: &Path) {
    let bytes = path.as_os_str().as_bytes();
    if std::str::from_utf8(bytes).is_ok() {
        json::write_string(out, bytes);
    } else {
        out.extend_from_slice(b"\"\\u0000");
        for byte in bytes {
            crate::position::write_hex(out, u64::from(*byte), 2);
        }
        out.push(b'"');
    }
}

pub(super) fn parse_path(raw: &[u8]) -> Option<PathBuf> {
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

pub(super) fn parse_number(raw: &[u8]) -> Option<u64> {
    std::str::from_utf8(raw).ok()?.parse().ok()
}

pub(super) fn parse_fid(raw: &[u8]) -> Option<Fid> {
    Fid::parse(&string(raw)?)
}

fn parse_hash(raw: &[u8]) -> Option<u64> {
    parse_fid(raw).map(|hash| hash.0)
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

    fn checkpoint() -> Checkpoint {
        let entry = Entry {
            fid: Fid(0x3f2a_00c4_d1e0_b7a9),
            path: PathBuf::from("/var/log/a \"b\"\n.log"),
            inode: Inode { device: 2049, number: 77 },
            born: Some(1_764_400_000_123_456_789),
            head: Head { length: 1024, hash: 3 },
            samples: vec![
                Sample { offset: 100, length: 64, hash: 1, at: 2 },
                Sample { offset: 2000, length: 3, hash: 4, at: 5 },
            ],
            marker: Sample { offset: 4096, length: 64, hash: u64::MAX, at: 1_764_400_000 },
            start: 12,
            since: 3,
            cuts: vec![20, 30],
            freed: 8192,
            end: Some(4096),
            successor: Some(Fid(1)),
        };
        let other = Entry {
            path: PathBuf::from(OsStr::from_bytes(b"/var/log/\xff")),
            born: None,
            samples: vec![],
            cuts: vec![],
            freed: 0,
            end: None,
            successor: None,
            fid: Fid(1),
            ..entry.clone()
        };
        Checkpoint {
            boot: "b".to_owned(),
            clock: Some((1_764_400_000, 77)),
            counters: Counters { truncations: 1, gaps: 2, possible_loss_bytes: 3, hole_bytes: 4, freed_bytes: 5 },
            patterns: Some(vec!["/var/log/*".to_owned()]),
            shapes: vec![LearntShape { path: PathBuf::from("/var/log/a.log"), shape: "a-<d>.log".to_owned() }],
            rewritten: vec![PathBuf::from("/var/log/b.log")],
            entries: vec![entry, other],
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let (read, troubles) = Checkpoint::parse(&checkpoint().text());
        assert_eq!((read, troubles), (checkpoint(), vec![]));
    }

    #[test]
    fn an_added_key_is_passed_over() {
        let text =
            String::from_utf8(checkpoint().text()).unwrap().replace("\"start\"", "\"added\":{\"later\":[1]},\"start\"");
        let (read, troubles) = Checkpoint::parse(text.as_bytes());
        assert_eq!((read, troubles), (checkpoint(), vec![]));
    }

    #[test]
    fn an_entry_that_lacks_something_is_told_and_the_others_stay() {
        let text = String::from_utf8(checkpoint().text()).unwrap().replacen("\"inode\"", "\"outode\"", 1);
        let (read, troubles) = Checkpoint::parse(text.as_bytes());
        assert_eq!((read.entries.len(), troubles.len()), (1, 1));
    }

    #[test]
    fn a_file_of_the_version_before_is_read_and_knows_of_no_patterns() {
        let text = br#"{"boot":"b","counters":{"truncations":1,"gaps":0,"possible_loss_bytes":0,"hole_bytes":0}}
{"sighted":"/var/log/b.log"}
{"fid":"3f2a00c4d1e0b7a9","path":"/var/log/a.log","dev":1,"inode":2,"head":[3,"0000000000000007"],"marker":[3,3,"0000000000000008"],"start":0,"cuts":[]}
"#;
        let (read, troubles) = Checkpoint::parse(text);
        assert_eq!(troubles, Vec::<String>::new());
        assert_eq!((read.patterns, read.entries[0].marker.at, read.entries[0].samples.len()), (None, 0, 0));
    }
}
